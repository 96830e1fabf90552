package cockpit

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
	"vigie/internal/watermark"
)

// night puts ten minutes of two CDNs, two networks and two channels into the tables: 10 lines a second,
// 1,000 bytes each, of CDN a to Orange one in ten fails.
func night(t *testing.T, db *ch.DB) {
	t.Helper()
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	cell := "['a', 'b'][number % 2 + 1] AS cdn, ['Orange', 'Free'][intDiv(number, 2) % 2 + 1] AS isp, ['une', 'deux'][intDiv(number, 4) % 2 + 1] AS channel"
	// One moment for all tables, however long their inserts take.
	last := fmt.Sprintf("fromUnixTimestamp64Milli(%d, 'UTC')", time.Now().Truncate(time.Second).UnixMilli())
	when := last + " - INTERVAL number * 100 MILLISECOND"
	for _, sql := range []string{
		"INSERT INTO requests (received, time, source, cdn, isp, channel, pop, path, bytes, weight, status, first_byte, duration, client) SELECT now64(3), " + when + ", 'log', cdn, isp, channel, 'PAR', '/live/une/s' || toString(number % 3) || '.ts?token=x', 1000, 1, if(cdn = 'a' AND isp = 'Orange' AND intDiv(number, 4) % 10 = 0, 503, 200), 20000, -1, toIPv6('192.0.2.0') FROM (SELECT number, " + cell + " FROM numbers(6000))",
		"INSERT INTO requests_1s (received, time, source, cdn, isp, channel, status_class, blocked, lines, requests, bytes, errors, first_byte_3) SELECT toStartOfInterval(now(), INTERVAL 10 SECOND), toStartOfSecond(" + when + ")::DateTime('UTC'), 'log', cdn, isp, channel, if(cdn = 'a' AND isp = 'Orange' AND intDiv(number, 4) % 10 = 0, 5, if(number % 100 = 7, 4, 2)), number % 100 = 7, 1, 1, 1000, cdn = 'a' AND isp = 'Orange' AND intDiv(number, 4) % 10 = 0, 1 FROM (SELECT number, " + cell + " FROM numbers(6000))",
		"INSERT INTO beacons (received, time, source, tool, session, event, started, cdn, isp, channel, device, player, startup, playing, rebuffering, weight) SELECT now64(3), " + when + ", 'player', 'mux', concat('s', toString(number % 48)), if(number % 10 = 0, 'playbackStart', 'heartbeat'), 1, cdn, isp, channel, ['tv', 'phone'][intDiv(number, 8) % 2 + 1], 'p 1', 900, 990, 10, 1 FROM (SELECT number, " + cell + " FROM numbers(6000))",
		"INSERT INTO deliveries (stored, first, source, received, lines, refused, late_0, oldest, newest) SELECT now64(3), number, ['log', 'player'][number + 1], now64(3), 6000, 3, 6000, " + last + " - INTERVAL 10 MINUTE, " + last + " FROM numbers(2)",
	} {
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

func room(t *testing.T, db *ch.DB) (*Cockpit, *Board) {
	t.Helper()
	c, err := New(Config{
		DB: db, CDNs: []CDN{{ID: "a", Name: "A"}, {ID: "b", Name: "B", Colour: 1}},
		Sources: []SourceInfo{{ID: "log", CDN: "a"}, {ID: "player", Tool: "mux"}}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, c.Tick(t.Context(), time.Now())
}

func near(a, b, by float64) bool { return math.Abs(a-b) <= by*math.Abs(b) }

func TestASightIsThePartOfTheWholeThatItsScopeNames(t *testing.T) {
	db := chtest.Open(t)
	night(t, db)
	c, whole := room(t, db)
	if whole.Traffic.Error != "" || !near(whole.Traffic.Value, 80_000, 0.02) {
		t.Fatalf("the whole is %v bit/s, want 80,000: %s", whole.Traffic.Value, whole.Traffic.Error)
	}
	for _, tt := range []struct {
		scope             Scope
		traffic, errors   float64 // NaN: not told
		viewers           float64
		rows, columns     int
		channels, devices int
	}{
		{Scope{}, 80_000, 0.025, 48, 2, 2, 2, 2},
		{Scope{CDN: "a"}, 40_000, 0.05, 24, 2, 1, 2, 2},
		{Scope{CDN: "a", ISP: "Orange"}, 20_000, 0.1, 12, 1, 1, 2, 2},
		{Scope{CDN: "a", ISP: "Orange", Channel: "une"}, 10_000, 0.2, 6, 1, 1, 1, 2},
		{Scope{ISP: "Free"}, 40_000, 0, 24, 1, 2, 2, 2},
		{Scope{Device: "tv"}, math.NaN(), math.NaN(), 24, 2, 0, 0, 1},
		{Scope{ISP: "Nobody"}, math.NaN(), math.NaN(), math.NaN(), 0, 2, 0, 0},
	} {
		t.Run(fmt.Sprint(tt.scope), func(t *testing.T) {
			b, err := c.Look(t.Context(), Sight{Scope: tt.scope, Compare: tt.scope.Whole()}) // not the whole's own sight
			if err != nil {
				t.Fatal(err)
			}
			for name, n := range map[string]struct {
				got  Number
				want float64
				by   float64
			}{"traffic": {b.Traffic, tt.traffic, 0.05}, "errors": {b.Errors, tt.errors, 0.2}, "viewers": {b.Viewers, tt.viewers, 0.05}} {
				if n.got.Error != "" || n.got.Known != !math.IsNaN(n.want) || n.got.Known && !near(n.got.Value, n.want, n.by) {
					t.Errorf("%s is %v, known %v, want %v: %s", name, n.got.Value, n.got.Known, n.want, n.got.Error)
				}
			}
			columns := 0
			for _, col := range b.Matrix.Columns {
				if !col.Peers && col.Total.Lines > 0 {
					columns++
				}
			}
			if len(b.Matrix.Rows) != tt.rows || tt.rows > 0 && columns != tt.columns {
				t.Errorf("the matrix has %d rows and %d columns with lines, want %d and %d", len(b.Matrix.Rows), columns, tt.rows, tt.columns)
			}
			if untold := b.Traffic.Untold; (untold == "device") != (tt.scope.Device != "") {
				t.Errorf("not told by CDNs: %q", untold)
			}
			if tt.scope.Whole() {
				if b.Breakdown != nil || b.Beside == nil || !near(b.Beside.Traffic.Value, 80_000, 0.02) {
					t.Errorf("the whole beside the whole: %v, %v", b.Breakdown, b.Beside)
				}
				return
			}
			count := func(of []Division, by string) int {
				for _, d := range of {
					if d.By == by {
						return len(d.Parts)
					}
				}
				return 0
			}
			if b.Breakdown == nil || b.Breakdown.Error != "" {
				t.Fatalf("no breakdown: %+v", b.Breakdown)
			}
			if c, d := count(b.Breakdown.Requests, "channel"), count(b.Breakdown.Sessions, "device"); c != tt.channels || d != tt.devices {
				t.Errorf("divided by %d channels and %d devices, want %d and %d", c, d, tt.channels, tt.devices)
			}
		})
	}

	b, err := c.Look(t.Context(), Sight{Scope: Scope{CDN: "a", ISP: "Orange"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Breakdown.Paths) != 3 || b.Breakdown.Paths[0].Path[:6] != "/live/" || b.Breakdown.Paths[0].Status != 503 {
		t.Errorf("paths: %+v", b.Breakdown.Paths)
	}
	for _, d := range b.Breakdown.Requests {
		sum := 0.0
		for _, p := range d.Parts {
			sum += p.Share
		}
		if !near(sum, 1, 1e-9) {
			t.Errorf("the shares by %s are %v together", d.By, sum)
		}
		if d.By == "status" && (len(d.Parts) != 2 || d.Parts[0].Name != "200" || d.Parts[1].Errors != 1) {
			t.Errorf("by status: %+v", d.Parts)
		}
	}
	lines, err := c.Samples(t.Context(), b.Sight, SampleFilter{Failed: true})
	if err != nil || len(lines) != samplesMost {
		t.Fatalf("%d samples: %v", len(lines), err)
	}
	for _, s := range lines {
		if s.CDN != "a" || s.ISP != "Orange" || s.Status != 503 || s.Path[len(s.Path)-3:] != ".ts" || s.PoP != "PAR" || s.FirstByte != 0.02 || !math.IsNaN(s.Duration) || s.Client != "192.0.2.0" {
			t.Fatalf("a sample of failures of a and Orange is %+v", s)
		}
	}
}

func TestAStretchOfThePastIsJudgedAsAWhole(t *testing.T) {
	db := chtest.Open(t)
	night(t, db)
	c, _ := room(t, db)
	to := time.Now().Add(-3*time.Minute).Unix() / 10 * 10
	b, err := c.Look(t.Context(), Sight{From: to - 240, To: to})
	if err != nil {
		t.Fatal(err)
	}
	if !near(b.Traffic.Value, 80_000, 0.02) || !near(b.Errors.Value, 0.025, 0.1) || b.Traffic.Samples != 2400 {
		t.Errorf("%v bit/s, errors %v of %d requests; want 80,000, 0.025 of 2,400", b.Traffic.Value, b.Errors.Value, b.Traffic.Samples)
	}
	if len(b.Flow.Lines[0].Points) != 24 || b.Flow.Solid != 24 || b.Flow.Start.Unix() != to-240 || len(b.Failing.Lines[0].Points) != 24 {
		t.Errorf("the chart has %d points, %d complete, from %v", len(b.Flow.Lines[0].Points), b.Flow.Solid, b.Flow.Start)
	}
	if b.Matrix.Window != 4*time.Minute || b.Matrix.Columns[0].Total.Lines != 1200 || !b.CompleteTo.Equal(time.Unix(to, 0)) {
		t.Errorf("the matrix is of %v, %d lines, complete to %v", b.Matrix.Window, b.Matrix.Columns[0].Total.Lines, b.CompleteTo)
	}
	if b.Viewers.Compare || b.Traffic.Compare {
		t.Error("a stretch is compared with ten minutes before it, which were not looked at")
	}
	if !near(b.Pressure.Blocked, 0.1, 0.05) || !near(b.Pressure.Accepted, 9.9, 0.01) {
		t.Errorf("accepted %v and blocked %v a second, want 9.9 and 0.1", b.Pressure.Accepted, b.Pressure.Blocked)
	}
}

// A stretch that goes up to now is not complete at its end: what is not known yet must make no number smaller.
func TestAStretchUpToNowIsJudgedAsFarAsItIsComplete(t *testing.T) {
	db := chtest.Open(t)
	night(t, db)
	c, _ := room(t, db)
	to := time.Now().Add(2*time.Minute).Unix() / 10 * 10 // its last minutes are still to come
	b, err := c.Look(t.Context(), Sight{Scope: Scope{CDN: "a"}, From: to - 300, To: to})
	if err != nil {
		t.Fatal(err)
	}
	bits := 0.0
	for _, row := range b.Matrix.Rows {
		bits += zeroed(row.Total.Bits)
	}
	if !near(bits, 40_000, 0.02) || !near(b.Traffic.Value, 40_000, 0.02) || !near(b.Pressure.Accepted+b.Pressure.Blocked, 5, 0.02) {
		t.Errorf("the matrix has %v bit/s, the tile %v, requests are %v a second; want 40,000 and 5", bits, b.Traffic.Value, b.Pressure.Accepted+b.Pressure.Blocked)
	}
	if b.Matrix.Window >= 300*time.Second || b.Matrix.Window < 150*time.Second {
		t.Errorf("the matrix is of %v of five minutes of which two are to come", b.Matrix.Window)
	}
}

// Single lines of the past do not change: they are read once, and again when rows arrive for them.
func TestAStretchOfThePastIsDividedOnce(t *testing.T) {
	db := chtest.Open(t)
	night(t, db)
	c, _ := room(t, db)
	to := time.Now().Add(-3*time.Minute).Unix() / 10 * 10
	sight := Sight{Scope: Scope{CDN: "a"}, From: to - 120, To: to}
	if b, err := c.Look(t.Context(), sight); err != nil || b.Breakdown == nil {
		t.Fatal(b, err)
	}
	l := c.lenses[sight]
	asked := func() uint64 {
		before, m := c.asked.Load(), *c.moment
		m.now = m.now.Add(time.Minute)
		l.tick(t.Context(), &m)
		return c.asked.Load() - before
	}
	if n := asked(); n != 1 { // the audience of its cells
		t.Errorf("a minute later %d questions were asked, want 1", n)
	}
	l.touch([]watermark.Stretch{{From: time.Unix(to-60, 0), To: time.Unix(to-50, 0)}})
	if n := asked(); n != 1+3+3 {
		t.Errorf("when rows arrived %d questions were asked, want 7", n)
	}
	if b, err := c.Look(t.Context(), Sight{From: to - 120, To: to}); err != nil || b.Breakdown != nil {
		t.Errorf("all single lines of everybody were read: %v", err)
	}
}

func TestSightsThatThereAreNot(t *testing.T) {
	db := chtest.Open(t)
	night(t, db)
	c, _ := room(t, db)
	for _, s := range []Sight{
		{Scope: Scope{CDN: "nobody"}},
		{Scope: Scope{CDN: Peers}},
		{Compare: true, Beside: Scope{CDN: "nobody"}},
		{From: 20, To: 10},
		{From: 10, To: 10 + 9*3600},
		{Earlier: "nothing"},
	} {
		if _, err := c.Look(t.Context(), s); !errors.Is(err, ErrNoSuchSight) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for i := range maxSights {
		if _, err := c.Look(t.Context(), Sight{Scope: Scope{ISP: fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Look(t.Context(), Sight{Scope: Scope{ISP: "one more"}}); !errors.Is(err, ErrTooManySights) {
		t.Errorf("one sight too many: %v", err)
	}
	if _, err := c.Look(t.Context(), Sight{Scope: Scope{ISP: "0"}}); err != nil {
		t.Errorf("one that is looked at already: %v", err)
	}
}

// Twenty people who open the same link cost what one does, and each sight is published every second.
func TestTheQuestionsOfATickDoNotDependOnTheAudience(t *testing.T) {
	db := chtest.Open(t)
	night(t, db)
	c, _ := room(t, db)
	sight := Sight{Scope: Scope{CDN: "a"}}
	before := c.asked.Load()
	var wg sync.WaitGroup
	boards := make([]*Board, 20)
	for i := range boards {
		wg.Go(func() { boards[i], _ = c.Look(t.Context(), sight) })
	}
	wg.Wait()
	one := c.asked.Load() - before
	for _, b := range boards {
		if b == nil || b != boards[0] {
			t.Fatal("not everyone was given the same board")
		}
	}
	// One board is three questions for each stretch that it reads, the last minute, the cells, and what it is
	// divided by: how many stretches, the time that it takes decides.
	if most := uint64(3*stretches + 2 + 3); one > most {
		t.Errorf("twenty asked %d questions, one board takes %d at most", one, most)
	}
}

func TestSightsAreMadeUntilNobodyLooks(t *testing.T) {
	db := chtest.Open(t)
	night(t, db)
	c, _ := room(t, db)
	sight := Sight{Scope: Scope{CDN: "a"}}
	watched := []Sight{sight}
	published := make(chan *Board, 100)
	c.cfg.Watched = func() []Sight { return watched }
	c.cfg.Publish = func(b *Board) { published <- b }
	if _, err := c.Look(t.Context(), sight); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	c.lookOn(t.Context(), &wg)
	wg.Wait()
	if b := <-published; b.Sight != sight {
		t.Errorf("published: %+v", b.Sight)
	}
	watched = nil
	c.lenses[sight].looked = time.Now().Add(-lensLife - time.Second)
	c.lookOn(t.Context(), &wg)
	wg.Wait()
	if len(published) != 0 || len(c.lenses) != 0 {
		t.Errorf("%d boards for nobody, %d lenses kept", len(published), len(c.lenses))
	}
}

func TestConcernsBeginAndEndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g concernLog
		m := &moment{}
		tell := func(c ...Concern) []Change {
			time.Sleep(time.Second)
			m.now = time.Now()
			return g.note(c, m)
		}
		slow := Concern{Kind: ConcernCell, Name: "A", ISP: "Free", Metric: MetricFirstByte, Health: HealthWarning}
		changes := tell(slow)
		if len(changes) != 1 || changes[0].Began == nil || changes[0].Began.ISP != "Free" {
			t.Fatalf("it began: %+v", changes)
		}
		since := changes[0].At
		worse := slow
		worse.Health, worse.Value = HealthCritical, 3
		now := []Concern{worse}
		time.Sleep(time.Second)
		m.now = time.Now()
		if changes = g.note(now, m); len(changes) != 1 || !now[0].Since.Equal(since) {
			t.Errorf("it grew worse: %d changes, since %v, want since %v", len(changes), now[0].Since, since)
		}
		for range 15 {
			tell()
		}
		if changes = tell(slow); len(changes) != 1 {
			t.Errorf("it flickered: %d changes", len(changes))
		}
		for range 25 {
			changes = tell()
		}
		if len(changes) != 2 || changes[0].Ended == nil || changes[1].Began == nil {
			t.Errorf("it ended: %+v", changes)
		}
		if changes = tell(slow); len(changes) != 1 || changes[0].Began == nil || !changes[0].At.Equal(since) {
			t.Errorf("it came back within two minutes: %+v", changes)
		}
		for range 180 {
			tell()
		}
		if changes = tell(slow); len(changes) != 3 {
			t.Errorf("it came back later: %d changes, want two beginnings and an end", len(changes))
		}
		for range 30 {
			tell()
		}
		time.Sleep(changesFor)
		if changes = tell(); len(changes) != 0 {
			t.Errorf("ten minutes later: %+v", changes)
		}
	})
}
