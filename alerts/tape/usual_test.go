package tape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"vigie/alerts/rule"
	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/match"
)

// usualOf is the median and spread of plain SQL's numbers by ten seconds.
func (s *stage) usualOf(value, from string, base time.Time) (middle, spread float64) {
	s.t.Helper()
	var rows []struct {
		N float64 `ch:"n"`
	}
	sql := fmt.Sprintf("SELECT toFloat64(%s) AS n %s AND time >= toDateTime64(%d, 3) AND time < toDateTime64(%d, 3) GROUP BY intDiv(toUnixTimestamp(time), 10)", value, from, base.Unix()-900, base.Unix()-30)
	if err := s.db.Select(s.t.Context(), &rows, sql); err != nil {
		s.t.Fatalf("%v\n%s", err, sql)
	}
	var values []float64
	for _, r := range rows {
		values = append(values, r.N)
	}
	if len(values) != 87 {
		s.t.Fatalf("%d slots of a quarter of an hour", len(values))
	}
	middle = median(values)
	for i, v := range values {
		values[i] = math.Abs(v - middle)
	}
	return middle, 1.4826 * median(values)
}

func TestUsualIsTheMedianOfTheQuarterOfAnHourBeforeABase(t *testing.T) {
	s := fill(t)
	rules := []*rule.Rule{traffic(30 * time.Second), {Signal: "errors", By: []string{"cdn"}}, {Signal: "requests", By: []string{"cdn"}, Against: rule.AgainstViewers}}
	tape := open(t, config(s.db, rules...))
	full(t, tape, s.now)
	aligned := time.Unix(s.now.Unix()/10*10-10, 0)
	frozen := aligned.Add(-5 * time.Minute)
	read := func(i int, base time.Time) (r rule.Reading) {
		n, _ := group(t, tape, rules[i].View(), "a")
		tape.Read(rules[i].View(), n, aligned, base, &r)
		return r
	}
	for i, value := range []string{"sum(bytes * weight) * 8 / 10", "sumIf(weight, status >= 500 OR status = 0 OR aborted) / sum(weight)"} {
		for _, base := range []time.Time{aligned, frozen} {
			want, spread := s.usualOf(value, "FROM requests WHERE cdn = 'a'", base)
			if r := read(i, base); !near(r.Usual, want, 1e-9) || !near(r.Spread, max(spread, 0.02*want, []float64{0, 0.002}[i]), 1e-9) {
				t.Errorf("%s before %s: %v ± %v, the lines say %v ± %v", rules[i].Signal, base, r.Usual, r.Spread, want, spread)
			}
		}
	}
	// Ten times the traffic since the base: what is usual stays when the base does.
	before := read(0, frozen)
	s.lines(240, 0, "10", "cdn = 'a'")
	s.delivered(240, 0)
	s.now = s.now.Add(time.Second)
	full(t, tape, s.now)
	for range remade {
		tape.live.gen++
	}
	if after := read(0, frozen); !(after.Value > 4*before.Value) || after.Usual != before.Usual || after.Spread != before.Spread {
		t.Errorf("since the alert began %+v, before %+v", after, before)
	}
	if now := read(0, aligned); now.Usual == before.Usual {
		t.Errorf("before now it was usual: %+v", now)
	}
	// By viewers, who are ten times as many too: the usual share of them, of those of now.
	if r := read(2, frozen); !near(r.Usual, r.Value, 0.3) || !(r.Viewers > 0) {
		t.Errorf("by viewers: %+v", r)
	}
	// An hour ago there was nothing.
	if r := read(0, s.now.Add(-39*time.Minute)); !math.IsNaN(r.Usual) {
		t.Errorf("of less than a minute: usually %v", r.Usual)
	}
}

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

func TestReservesForecastsAndAnEarlierMatch(t *testing.T) {
	s := fill(t)
	// The semi-final, four days ago, had half of everything.
	s.exec("INSERT INTO requests_1s (time, source, cdn, isp, channel, class, received, lines, requests, bytes) SELECT time - INTERVAL 96 HOUR, source, cdn, isp, channel, class, now(), lines, requests, bytes / 2 FROM requests_1s")
	kickOff := s.now.Add(-15 * time.Minute).Truncate(10 * time.Second)
	final := &match.Match{ID: "final", Name: "Final", KickOff: kickOff, Compare: "semi",
		Forecast: match.Forecast{Viewers: []match.Point{{At: -time.Hour, Value: 10_000}, {At: 3 * time.Hour, Value: 10_000}}, Traffic: []match.Point{{At: -time.Hour, Value: 1e6}, {At: 3 * time.Hour, Value: 1e6}}},
		Capacity: []match.Reserve{{CDN: "a", Bits: 2e6}, {CDN: "b", Bits: 1e6}, {CDN: "b", ISP: "Orange", Bits: 5e5}}}
	semi := &match.Match{ID: "semi", Name: "Semi", KickOff: kickOff.Add(-96 * time.Hour)}
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
	over := rule.Duration(time.Minute)
	ofCDN, ofCell := &rule.Rule{Signal: "capacity_used", By: []string{"cdn"}, Over: over}, &rule.Rule{Signal: "capacity_used", By: []string{"cdn", "isp"}, Over: over}
	whole := &rule.Rule{Signal: "traffic", Against: rule.AgainstForecast, Over: over}
	viewers := &rule.Rule{Signal: "viewers"}
	earlier := &rule.Rule{Signal: "traffic", By: []string{"cdn"}, Over: over, When: "value > 2 * earlier"}
	against := &rule.Rule{Signal: "requests", By: []string{"isp"}, Over: over, Against: rule.AgainstEarlier}
	cfg := config(s.db, ofCDN, ofCell, whole, viewers, earlier, against)
	cfg.Matches = book
	tape := open(t, cfg)
	full(t, tape, s.now)
	for range 40 {
		if err := tape.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Unix(s.now.Unix()/10*10-10, 0)
	read := func(r *rule.Rule, values ...string) (out rule.Reading) {
		t.Helper()
		n, series := group(t, tape, r.View(), values...)
		if series.Complete.IsZero() {
			t.Errorf("%s: %+v", r.Signal, series)
		}
		tape.Read(r.View(), n, at, at, &out)
		return out
	}
	if n := len(tape.Series(ofCDN.View())); n != 2 {
		t.Errorf("%d CDNs have a reserve", n)
	}
	if n := len(tape.Series(ofCell.View())); n != 1 {
		t.Errorf("%d cells have a reserve", n)
	}
	a := s.plain("a", at.Add(-time.Minute), at)
	if r := read(ofCDN, "a"); !near(r.Value, a/2e6, 1e-9) || math.IsNaN(r.Usual) {
		t.Errorf("of a's reserve %+v, want %v", r, a/2e6)
	}
	if r := read(ofCell, "b", "Orange"); !(r.Value > 0) || !(r.Sample > 0) {
		t.Errorf("of a cell's reserve %+v", r)
	}
	peers := s.number(fmt.Sprintf("SELECT max(b) AS n FROM (SELECT sum(peer_bytes * weight) * 8 / 10 AS b FROM beacons WHERE time >= toDateTime64(%d, 3) AND time < toDateTime64(%d, 3) GROUP BY tool)", at.Unix()-10, at.Unix()))
	all := a + s.plain("b", at.Add(-time.Minute), at) + peers
	if r := read(whole); r.Forecast != 1e6 || !near(r.Value, all, 1e-9) || !near(r.Usual, r.Value, 0.3) || r.Usual == 0 {
		t.Errorf("against the forecast %+v, want %v of 1e6, peers included", r, all)
	}
	if r := read(viewers); r.Forecast != 10_000 || !(r.Value > 0) {
		t.Errorf("viewers %+v", r)
	}
	if r := read(earlier, "a"); !near(r.Earlier, a/2, 1e-6) || !math.IsNaN(r.Forecast) {
		t.Errorf("the semi-final had %v, want %v", r.Earlier, a/2)
	}
	if r := read(against, "Free"); !near(r.Earlier, r.Value, 1e-6) || !near(r.Usual, r.Value, 0.2) {
		t.Errorf("as many requests as then: %+v", r)
	}
}
