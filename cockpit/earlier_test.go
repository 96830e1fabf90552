package cockpit

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/ch/chtest"
	"vigie/internal/match"
)

// bucket is a bucket of the real bus as a Book wants it.
type bucket struct{ *bus.KV }

func (b bucket) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	v, rev, err := b.KV.Get(ctx, key)
	if errors.Is(err, bus.ErrNotFound) {
		err = match.ErrNotFound
	}
	return v, rev, err
}

func (b bucket) Create(ctx context.Context, key string, value []byte) error {
	_, err := b.KV.Create(ctx, key, value)
	return err
}

func (b bucket) Update(ctx context.Context, key string, value []byte, revision uint64) error {
	_, err := b.KV.Update(ctx, key, value, revision)
	return err
}

// season is a final that began five minutes ago and the semi-final four days before it, which had half
// the traffic and no errors.
func season(t *testing.T) (*Cockpit, *match.Book, time.Time) {
	t.Helper()
	db := chtest.Open(t)
	night(t, db)
	if err := db.Exec(t.Context(), "INSERT INTO requests_1s (received, time, source, cdn, isp, channel, status_class, lines, requests, bytes) SELECT now(), time - INTERVAL 96 HOUR, source, cdn, isp, channel, 2, lines, requests, bytes / 2 FROM requests_1s"); err != nil {
		t.Fatal(err)
	}
	kickOff := time.Now().Add(-5 * time.Minute).Truncate(10 * time.Second)
	final := &match.Match{
		ID: "final", Name: "Final", KickOff: kickOff, Compare: "semi",
		Forecast: match.Forecast{
			Traffic: []match.Point{{At: -time.Hour, Value: 64_000}, {At: 3 * time.Hour, Value: 64_000}},
			Viewers: []match.Point{{At: -time.Hour, Value: 40}, {At: time.Minute, Value: 40}},
		},
		Capacity: []match.Reserve{{CDN: "a", Bits: 41_000}, {CDN: "b", Bits: 100_000}, {CDN: "b", ISP: "Orange", Bits: 30_000}},
		Roster:   []match.Duty{{Name: "Ana", Role: "video"}, {Name: "Bo", Role: "API", From: kickOff.Add(time.Hour)}},
	}
	semi := &match.Match{ID: "semi", Name: "Semi-final", KickOff: kickOff.Add(-96 * time.Hour)}
	for _, m := range []*match.Match{final, semi} {
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
	}
	kv, err := bustest.Open(t).KV(t.Context(), "matches")
	if err != nil {
		t.Fatal(err)
	}
	book, err := match.OpenBook(t.Context(), bucket{kv}, []*match.Match{final, semi}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{
		DB: db, CDNs: []CDN{{ID: "a", Name: "A"}, {ID: "b", Name: "B", Colour: 1}}, Matches: book,
		Sources: []SourceInfo{{ID: "log", CDN: "a"}, {ID: "player", Tool: "mux"}}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, book, kickOff
}

// once ticks until the earlier match has been read, beside the ticks.
func once(t *testing.T, c *Cockpit) *Board {
	t.Helper()
	for range 200 {
		if b := c.Tick(t.Context(), time.Now()); b.Earlier.Known {
			return b
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the earlier match was not read")
	return nil
}

func TestNumbersAreHeldAgainstTheForecastAndAnEarlierMatch(t *testing.T) {
	c, book, kickOff := season(t)
	b := once(t, c)
	if b.Match.ID != "final" || b.Match.Phase != match.PhaseFirstHalf || len(b.Duty) != 1 || b.Duty[0].Name != "Ana" {
		t.Errorf("%s is in %s, on duty: %+v", b.Match.ID, b.Match.Phase, b.Duty)
	}
	if b.Earlier.Name != "Semi-final" || !b.Traffic.Earlier.Known || !near(b.Traffic.Earlier.Value, 40_000, 0.03) || !b.Errors.Earlier.Known || b.Errors.Earlier.Value != 0 {
		t.Errorf("%+v: traffic %+v, errors %+v; want 40,000 and 0", b.Earlier, b.Traffic.Earlier, b.Errors.Earlier)
	}
	if b.Viewers.Earlier.Known || b.Startup.Earlier.Known {
		t.Errorf("nobody told who watched the semi-final: %+v, %+v", b.Viewers.Earlier, b.Startup.Earlier)
	}
	if !b.Traffic.Forecast.Known || b.Traffic.Forecast.Value != 64_000 || b.Viewers.Forecast.Known {
		t.Errorf("forecast of traffic %+v, of viewers, which ended, %+v", b.Traffic.Forecast, b.Viewers.Forecast)
	}
	if r := b.Traffic.Reserved; !r.Known || r.Value != 141_000 || b.Flow.Reserved != 141_000 {
		t.Errorf("reserved: %+v, on the chart %v; want 141,000", r, b.Flow.Reserved)
	}
	over := map[string]Line{}
	for _, l := range b.Flow.Over {
		over[l.ID] = l
	}
	drawn := len(b.Flow.Lines[0].Points)
	if n := len(over[OverForecast].Points); n != drawn+int(ahead/slotTime) {
		t.Errorf("the forecast has %d points, the traffic %d", n, drawn)
	}
	if p := over[OverEarlier].Points; !near(p[drawn-10], 40_000, 0.03) || !math.IsNaN(p[0]) {
		t.Errorf("the earlier match is drawn at %v, an hour before at %v", p[drawn-10], p[0])
	}

	// Another comparison, for one sight alone.
	if b, err := c.Look(t.Context(), Sight{Earlier: NoEarlier}); err != nil || b.Earlier.ID != "" || b.Traffic.Earlier.Known {
		t.Errorf("with none: %+v, %v", b, err)
	}
	// Its second half began 63 minutes after its kick-off: nobody watched yet.
	if b, err := c.Look(t.Context(), Sight{Align: match.PhaseSecondHalf}); err != nil || b.Earlier.Align != match.PhaseSecondHalf || !b.Traffic.Earlier.Known {
		t.Errorf("aligned on a phase that both have, at the same distance: %+v, %v", b.Traffic.Earlier, err)
	}

	// What an operator moves is what everything is held against at the next tick.
	if err := book.MovePhase(t.Context(), "final", match.PhaseHalfTime, kickOff.Add(2*time.Minute), "zoe"); err != nil {
		t.Fatal(err)
	}
	b = c.Tick(t.Context(), time.Now())
	if b.Match.Phase != match.PhaseHalfTime || b.Traffic.Earlier.Known {
		t.Errorf("at half-time, which the semi-final had later than there is data: %s, %+v", b.Match.Phase, b.Traffic.Earlier)
	}
	if !slices.ContainsFunc(b.Changes, func(c Change) bool { return c.Phase == match.PhaseHalfTime }) {
		t.Errorf("changes: %+v", b.Changes)
	}
}

func TestANoteIsOnTheNextBoard(t *testing.T) {
	c, book, _ := season(t)
	if _, err := book.AddNote(t.Context(), "final", time.Now(), "Akamai takes 8 % of Free", "zoe"); err != nil {
		t.Fatal(err)
	}
	b := c.Tick(t.Context(), time.Now())
	if len(b.Notes) != 1 || !slices.ContainsFunc(b.Changes, func(c Change) bool { return c.Note != nil && c.Note.By == "zoe" }) {
		t.Errorf("notes %+v, changes %+v", b.Notes, b.Changes)
	}
}

func TestCapacityTellsWhatIsUsedAndWhetherALossHolds(t *testing.T) {
	c, _, _ := season(t)
	b := c.Tick(t.Context(), time.Now())
	got := b.Capacity
	if got.Error != "" || len(got.CDNs) != 2 || len(got.Cells) != 1 || len(got.Losses) != 2 {
		t.Fatalf("%+v", got)
	}
	a, orange := got.CDNs[0], got.Cells[0]
	if !near(a.Bits, 40_000, 0.05) || a.Reserved != 41_000 || a.Health != HealthCritical || math.Abs(a.Slope) > 50 {
		t.Errorf("of a: %+v; want 40,000 of 41,000, critical, flat", a)
	}
	if orange.CDN.ID != "b" || orange.ISP != "Orange" || !near(orange.Bits, 20_000, 0.05) || orange.Health != HealthFine {
		t.Errorf("of b to Orange: %+v; want 20,000 of 30,000", orange)
	}
	// Without a, b takes all of it: 80,000 of 100,000 holds, but 40,000 to Orange does not.
	lost := got.Losses[0]
	if lost.CDN.ID != "a" || len(lost.Takers) != 1 || !near(lost.Takers[0].After, 80_000, 0.05) || lost.Takers[0].Health != HealthFine || lost.ISP != "Orange" || lost.Health != HealthCritical {
		t.Errorf("without a: %+v", lost)
	}
	if lost = got.Losses[1]; lost.Takers[0].Health != HealthCritical || lost.Health != HealthCritical {
		t.Errorf("without b, a would carry twice what was reserved: %+v", lost)
	}
	found := false
	for _, c := range b.Concerns {
		found = found || c.Kind == ConcernReserve && c.CDN == "a" && c.Value > 0.9
	}
	if !found {
		t.Errorf("a reserve that is nearly full is no concern: %+v", b.Concerns)
	}
}

func TestTimeToFullFollowsTheSlope(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		bits, reserved, slope float64
		full                  time.Duration
		health                Health
	}{
		{"flat", 80, 100, 0, 0, HealthFine},
		{"falling", 80, 100, -1, 0, HealthFine},
		{"in 20 minutes", 76, 100, 0.02, 20 * time.Minute, HealthFine},
		{"in 8 minutes", 76, 100, 0.05, 8 * time.Minute, HealthWarning},
		{"in 2 minutes", 76, 100, 0.2, 2 * time.Minute, HealthCritical},
		{"in days", 76, 100, 0.0001, 0, HealthFine},
		{"half empty: the slope of a start says nothing", 40, 100, 10, 0, HealthFine},
		{"nearly full", 90, 100, 0, 0, HealthWarning},
		{"full", 101, 100, 1, 0, HealthCritical},
		{"slope not known", 80, 100, math.NaN(), 0, HealthFine},
		{"nothing known", math.NaN(), 100, 1, 0, HealthUnknown},
	} {
		l := newLens(&Config{Limits: Limits{}.usual()}, nil, Sight{})
		u := Used{Bits: tt.bits, Reserved: tt.reserved, Slope: tt.slope}
		l.fill(&u)
		if u.Health != tt.health || (u.Full-tt.full).Abs() > time.Second {
			t.Errorf("%s: full in %v, health %d; want %v, %d", tt.name, u.Full, u.Health, tt.full, tt.health)
		}
	}
}
