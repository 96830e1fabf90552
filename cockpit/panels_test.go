package cockpit

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
	"vigie/internal/histogram"
	"vigie/internal/watermark"
)

// blank are slots of which nothing is known yet.
func blank(n int) []*slot {
	slots := make([]*slot, n)
	for i := range slots {
		slots[i] = newSlot()
	}
	return slots
}

// judged is a matrix cell of lines in the complete minute before a slot.
func judged(t *testing.T, lines uint64, weight, errors float64, firstByte histogram.Buckets, sessions uint64, stalled float64) Cell {
	t.Helper()
	c, err := New(Config{CDNs: []CDN{{ID: "a", Name: "A"}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	const end = 1000
	c.whole.history.begin(end-200, end)
	c.whole.history.replace(end-200, blank(201))
	for s := int64(end - 200); s < end; s++ {
		sl := c.whole.history.at(s)
		usual := histogram.Buckets{3: 1000}
		sl.requests[cellKey{"a", "Orange"}] = &sent{lines: 1000, requests: 1000 * weight, bytes: 1, firstByte: usual}
		if s >= end-minuteSlots {
			now := sent{lines: lines / minuteSlots, requests: float64(lines/minuteSlots) * weight, errors: errors * weight / minuteSlots, bytes: 1}
			for i := range firstByte {
				now.firstByte[i] = firstByte[i] * weight / minuteSlots
			}
			sl.requests[cellKey{"a", "Orange"}] = &now
			sl.experience[toolKey{"mux", "a", "Orange"}] = &experienced{lines: sessions, playing: 100 - stalled, rebuffering: stalled}
		}
		sl.settle()
	}
	total := totals{any: true}
	for _, v := range c.whole.history.sum(end-minuteSlots, end) {
		total.sent.add(v)
	}
	for _, e := range c.whole.history.sumExperience(end-minuteSlots, end) {
		total.experienced.add(e)
	}
	cell := total.cell(60)
	c.whole.now = slotStart(end)
	c.whole.judge(&cell, cellKey{"a", "Orange"}, sessions, end)
	return cell
}

func TestACellIsJudgedByWhatItsSampleVouchesFor(t *testing.T) {
	slow, usual := histogram.Buckets{12: 600}, histogram.Buckets{3: 600}
	for _, c := range []struct {
		name           string
		lines          uint64
		weight, errors float64
		firstByte      histogram.Buckets
		sessions       uint64
		stalled        float64
		health         Health
		why            Metric
	}{
		{"all is well", 600, 1, 0, usual, 500, 0.1, HealthFine, 0},
		{"a third of 600 lines fail", 600, 1, 200, usual, 500, 0.1, HealthCritical, MetricErrors},
		{"all of 24 lines fail: too few to say", 24, 1, 24, histogram.Buckets{3: 24}, 500, 0.1, HealthUnknown, 0},
		{"one of 30 lines fails", 30, 1, 1, histogram.Buckets{3: 30}, 500, 0.1, HealthFine, 0},
		{"one of 30 lines fails that stand for 90,000 requests", 30, 3000, 1, histogram.Buckets{3: 30}, 500, 0.1, HealthFine, 0},
		{"half of 30 lines fail", 30, 1, 15, histogram.Buckets{3: 30}, 500, 0.1, HealthCritical, MetricErrors},
		{"the first byte takes twenty times its usual", 600, 1, 0, slow, 500, 0.1, HealthCritical, MetricFirstByte},
		{"the same by 60 lines", 60, 1, 0, histogram.Buckets{12: 60}, 500, 0.1, HealthFine, 0},
		{"viewers wait", 600, 1, 0, usual, 500, 5, HealthCritical, MetricRebuffering},
		{"two viewers wait", 600, 1, 0, usual, 2, 5, HealthFine, 0},
	} {
		cell := judged(t, c.lines, c.weight, c.errors, c.firstByte, c.sessions, c.stalled)
		if cell.Health != c.health || cell.Health > HealthFine && cell.Why != c.why {
			t.Errorf("%s: health %d for %s (errors %.3f, first byte %.3f, rebuffering %.3f), want %d", c.name, cell.Health, cell.Why, cell.Errors, cell.FirstByte, cell.Rebuffering, c.health)
		}
	}
}

func TestWhatASampleVouchesFor(t *testing.T) {
	for _, c := range []struct{ ratio, n, least, most float64 }{
		{0, 1000, 0, 0},
		{1, 1e9, 0.999, 1},
		{0.0125, 80, 0, 0.0125 / 2},
		{0.03, 1e7, 0.0298, 0.03},
		{0.5, 30, 0.25, 0.35},
	} {
		if got := atLeast(c.ratio, c.n); got < c.least || got > c.most {
			t.Errorf("%v of %v: %v, want %v to %v", c.ratio, c.n, got, c.least, c.most)
		}
	}
	for _, v := range []float64{atLeast(math.NaN(), 100), atLeast(0.5, 0)} {
		if !math.IsNaN(v) {
			t.Errorf("from nothing: %v", v)
		}
	}
}

// fill puts ten minutes of one CDN and one tool into the tables.
func fill(t *testing.T, db *ch.DB) {
	t.Helper()
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"INSERT INTO requests (received, time, source, cdn, isp, bytes, weight, status, first_byte) SELECT now64(3), now64(3) - INTERVAL number * 100 MILLISECOND, 'log', 'a', 'Orange', 1000, 1, if(number % 100 = 0, 503, 200), 20000 FROM numbers(6000)",
		"INSERT INTO requests_1s (received, time, source, cdn, isp, lines, requests, bytes, errors, first_byte_3) SELECT toStartOfInterval(now(), INTERVAL 10 SECOND), toStartOfSecond(now64(3) - INTERVAL number * 100 MILLISECOND)::DateTime('UTC'), 'log', 'a', 'Orange', 1, 1, 1000, number % 100 = 0, 1 FROM numbers(6000)",
		"INSERT INTO beacons (received, time, source, tool, session, event, started, cdn, isp, startup, playing, rebuffering, weight) SELECT now64(3), now64(3) - INTERVAL number * 100 MILLISECOND, 'player', 'mux', concat('s', toString(number % 50)), if(number % 10 = 0, 'playbackStart', 'heartbeat'), 1, 'a', 'Orange', 900, 990, 10, 1 FROM numbers(6000)",
		"INSERT INTO deliveries (stored, first, source, received, lines, refused, late_0, oldest, newest) SELECT now64(3), number, ['log', 'player'][number + 1], now64(3), 6000, 3, 6000, now64(3) - INTERVAL 10 MINUTE, now64(3) FROM numbers(2)",
	} {
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

func watch(t *testing.T, db *ch.DB) *Cockpit {
	t.Helper()
	c, err := New(Config{DB: db, CDNs: []CDN{{ID: "a", Name: "A"}}, Sources: []SourceInfo{{ID: "log", CDN: "a"}, {ID: "player"}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// parts are a board's panels by name.
func parts(b *Board) map[string]*Panel {
	return map[string]*Panel{
		"viewers": &b.Viewers.Panel, "traffic": &b.Traffic.Panel, "errors": &b.Errors.Panel, "startup": &b.Startup.Panel,
		"rebuffering": &b.Rebuffering.Panel, "flow": &b.Flow.Panel, "failing": &b.Failing.Panel, "classes": &b.Classes.Panel, "pressure": &b.Pressure.Panel, "capacity": &b.Capacity.Panel, "matrix": &b.Matrix.Panel,
		"tools": &b.Tools.Panel, "mesh": &b.Mesh.Panel, "services": &b.Services.Panel, "sources": &b.Sources.Panel,
	}
}

// values are what must stay when a panel fails.
func values(b *Board) string {
	return fmt.Sprint(b.Viewers.Value, b.Traffic.Value, b.Errors.Value, b.Startup.Value, b.Rebuffering.Value, len(b.Flow.Lines), len(b.Failing.Lines), len(b.Matrix.Rows), len(b.Tools.Rows), len(b.Sources.Rows))
}

func TestEachPanelFailsAlone(t *testing.T) {
	db := chtest.Open(t)
	fill(t, db)
	for query, failing := range map[string][]string{
		"refused":         {"sources"},
		"services":        {"services"},
		"seconds":         {"errors", "traffic"},
		"viewers_by_cell": {"matrix"},
		"requests":        {"capacity", "classes", "errors", "failing", "flow", "matrix", "mesh", "pressure", "rebuffering", "startup", "tools", "traffic", "viewers"},
		"sources":         {"capacity", "classes", "errors", "failing", "flow", "matrix", "mesh", "pressure", "rebuffering", "services", "sources", "startup", "tools", "traffic", "viewers"},
	} {
		t.Run(query, func(t *testing.T) {
			c := watch(t, db)
			now := time.Now()
			good := c.Tick(t.Context(), now)
			if len(good.Matrix.Rows) == 0 || !good.Traffic.Known {
				t.Fatalf("nothing is on the board: %s", values(good))
			}
			for name, p := range parts(good) {
				if p.Error != "" || p.AsOf.IsZero() {
					t.Fatalf("%s before: %q as of %s", name, p.Error, p.AsOf)
				}
			}
			const onFire = "SELECT throwIf(1, 'the disk is on fire') AS slot"
			if query == "sources" {
				c.delivered, _ = watermark.NewReader(func(ctx context.Context, dest any, _ string, _ ...ch.Param) error {
					return db.Select(ctx, dest, onFire)
				}, nil)
			} else {
				c.sql[query] = onFire
			}
			c.whole.history.touch(now, now, slotOf(now))   // something to read
			c.reasoned, c.served = time.Time{}, Services{} // and what is asked now and then is asked again
			bad := c.Tick(t.Context(), now)
			var failed []string
			for name, p := range parts(bad) {
				if p.Error == "" {
					continue
				}
				failed = append(failed, name)
				if want := parts(good)[name].AsOf; !p.AsOf.Equal(want) {
					t.Errorf("%s is as of %s, its values are of %s", name, p.AsOf, want)
				}
			}
			slices.Sort(failed)
			if !slices.Equal(failed, failing) {
				t.Errorf("failed: %v, want %v", failed, failing)
			}
			if values(bad) != values(good) {
				t.Errorf("values are %s, were %s", values(bad), values(good))
			}
		})
	}
}

func TestABoardWithoutClickHouseKeepsItsValuesAndSaysWhy(t *testing.T) {
	engine, err := chtest.Engine()
	if err != nil {
		t.Fatal(err)
	}
	db, err := ch.Open(t.Context(), ch.Config{Engine: ch.Engine{DataDir: t.TempDir(), Binary: engine}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	fill(t, db)
	c := watch(t, db)
	good := c.Tick(t.Context(), time.Now())
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	bad := c.Tick(context.Background(), time.Now().Add(time.Second))
	for name, p := range parts(bad) {
		if p.Error == "" || len(p.Error) > 210 {
			t.Errorf("%s says %q", name, p.Error)
		}
		if !p.AsOf.Equal(parts(good)[name].AsOf) {
			t.Errorf("%s is as of %s, its values are of %s", name, p.AsOf, parts(good)[name].AsOf)
		}
	}
	if values(bad) != values(good) {
		t.Errorf("values are %s, were %s", values(bad), values(good))
	}
}

func TestABoardOfNothingKnowsNothing(t *testing.T) {
	db := chtest.Open(t)
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	b := watch(t, db).Tick(t.Context(), time.Now())
	for name, p := range parts(b) {
		if p.Error != "" {
			t.Errorf("%s: %s", name, p.Error)
		}
	}
	for name, n := range map[string]Number{"viewers": b.Viewers, "traffic": b.Traffic, "errors": b.Errors, "startup": b.Startup, "rebuffering": b.Rebuffering} {
		if n.Known || n.Health != HealthUnknown || n.Value != 0 {
			t.Errorf("%s: %v, known %v, health %d", name, n.Value, n.Known, n.Health)
		}
	}
	if !b.CompleteTo.IsZero() || b.Worst != nil || len(b.Matrix.Rows) != 0 {
		t.Errorf("complete to %s, worst %v, %d rows", b.CompleteTo, b.Worst, len(b.Matrix.Rows))
	}
	for _, s := range b.Sources.Rows {
		if s.Health != HealthUnknown {
			t.Errorf("source %s that never delivered: health %d", s.ID, s.Health)
		}
	}
}
