package tape

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"vigie/alerts/rule"
)

// plain is the traffic of CDN a that the lines say.
func (s *stage) plain(cdn string, from, to time.Time) float64 {
	s.t.Helper()
	return s.number(fmt.Sprintf("SELECT sum(bytes * weight) * 8 / %v AS n FROM requests WHERE cdn = '%s' AND time >= toDateTime64(%d, 3) AND time < toDateTime64(%d, 3)",
		to.Sub(from).Seconds(), cdn, from.Unix(), to.Unix()))
}

func traffic(over time.Duration) *rule.Rule {
	return &rule.Rule{Signal: "traffic", By: []string{"cdn"}, Over: rule.Duration(over)}
}

func TestLateRowsMendWhatIsKept(t *testing.T) {
	s := fill(t)
	short, long := traffic(20*time.Second), traffic(10*time.Minute)
	tape := open(t, config(s.db, short, long))
	full(t, tape, s.now)
	value := func(r *rule.Rule, at time.Time) float64 {
		n, _ := group(t, tape, r.View(), "b")
		var out rule.Reading
		tape.Read(r.View(), n, at, at, &out)
		return out.Value
	}
	recent, old := s.now.Add(-30*time.Second), time.Unix(s.now.Unix()/10*10-300, 0)
	was := [2]float64{value(short, recent), value(long, old)}
	// As much again of CDN b comes late, for a stretch within the ring and for one long gone.
	time.Sleep(5 * time.Millisecond) // the deliveries' own grain
	s.exec("INSERT INTO requests SELECT * FROM requests WHERE cdn = 'b' AND 1 = 1")
	s.exec("INSERT INTO requests_1s SELECT * FROM requests_1s WHERE cdn = 'b'")
	s.deliver(nightSeconds, 0, "blog")
	s.now = s.now.Add(time.Second)
	full(t, tape, s.now)
	for i, at := range []time.Time{recent, old} {
		r := []*rule.Rule{short, long}[i]
		got, want := value(r, at), s.plain("b", at.Add(-time.Duration(r.Over)), at)
		if !near(got, want, 1e-9) || !near(got, 2*was[i], 1e-9) {
			t.Errorf("over %s: %v, was %v, the lines say %v", time.Duration(r.Over), got, was[i], want)
		}
	}
}

func TestNothingAfterAWatermarkIsShown(t *testing.T) {
	s := fill(t)
	s.exec("TRUNCATE TABLE deliveries")
	s.deliver(nightSeconds, 0, "log", "player", "npaw")
	s.exec(fmt.Sprintf("INSERT INTO deliveries (stored, first, source, received, messages, lines, late_8, oldest, newest) SELECT now64(3), 1, 'blog', toDateTime64(%d, 3), 1, 6000, 6000, toDateTime64(%d, 3), toDateTime64(%d, 3)", s.now.Unix(), s.now.Unix()-nightSeconds, s.now.Unix()))
	byCDN, whole, ofB := traffic(10*time.Second), &rule.Rule{Signal: "errors"}, &rule.Rule{Signal: "errors", By: []string{"isp"}, Where: map[string]string{"cdn": "b"}}
	tape := open(t, config(s.db, byCDN, whole, ofB))
	full(t, tape, s.now)
	_, a := group(t, tape, byCDN.View(), "a")
	n, b := group(t, tape, byCDN.View(), "b")
	_, all := group(t, tape, whole.View())
	_, isp := group(t, tape, ofB.View(), "Free")
	if lag := s.now.Sub(a.Complete); lag != time.Second {
		t.Errorf("a is %s behind", lag)
	}
	for name, series := range map[string]rule.Series{"b": b, "the whole": all, "b's networks": isp} {
		if lag := s.now.Sub(series.Complete); lag != 30*time.Second {
			t.Errorf("%s is %s behind, its slowest source 30 s", name, lag)
		}
	}
	var r rule.Reading
	tape.Read(byCDN.View(), n, b.Complete.Add(time.Second), b.Complete, &r)
	if !math.IsNaN(r.Value) || !math.IsNaN(r.Sample) {
		t.Errorf("a second after its watermark: %+v", r)
	}
	// What comes for seconds that are not complete is read once they are.
	s.exec(fmt.Sprintf("INSERT INTO requests SELECT * FROM requests WHERE cdn = 'b' AND time >= toDateTime64(%d, 3)", s.now.Unix()-20))
	s.exec(fmt.Sprintf("INSERT INTO requests_1s SELECT * FROM requests_1s WHERE cdn = 'b' AND time >= toDateTime(%d)", s.now.Unix()-20))
	s.deliver(20, 0, "blog")
	s.exec("ALTER TABLE deliveries DELETE WHERE source = 'blog' AND late_0 > 0 AND newest < now() - INTERVAL 1 DAY")
	at := s.now.Add(-5 * time.Second)
	for range 40 {
		s.now = s.now.Add(time.Second)
		s.exec(fmt.Sprintf("INSERT INTO deliveries (stored, first, source, received, messages, lines, late_8, oldest, newest) SELECT now64(3), %d, 'blog', toDateTime64(%d, 3), 1, 60000, 60000, toDateTime64(%[2]d, 3), toDateTime64(%[2]d, 3)", s.now.Unix(), s.now.Unix()))
		s.deliver(1, 0, "log", "player", "npaw")
		if err := tape.Tick(t.Context(), s.now); err != nil {
			t.Fatal(err)
		}
		n, b = group(t, tape, byCDN.View(), "b")
		tape.Read(byCDN.View(), n, at, at, &r)
		if b.Complete.Before(at) {
			if !math.IsNaN(r.Value) {
				t.Fatalf("complete to %s, shown to %s", b.Complete, at)
			}
			continue
		}
		if want := s.plain("b", at.Add(-10*time.Second), at); !near(r.Value, want, 1e-9) {
			t.Errorf("once complete: %v, the lines say %v", r.Value, want)
		}
		return
	}
	t.Fatal("it never became complete")
}

func TestASilentSourceIsToldAndItsMarkStays(t *testing.T) {
	s := fill(t)
	byCDN, players := traffic(10*time.Second), &rule.Rule{Signal: "startup"}
	tape := open(t, config(s.db, byCDN, players))
	full(t, tape, s.now)
	_, before := group(t, tape, byCDN.View(), "b")
	for range 9 {
		s.now = s.now.Add(10 * time.Second)
		s.deliver(10, 0, "log", "player", "npaw")
		if err := tape.Tick(t.Context(), s.now); err != nil {
			t.Fatal(err)
		}
	}
	n, b := group(t, tape, byCDN.View(), "b")
	_, a := group(t, tape, byCDN.View(), "a")
	_, p := group(t, tape, players.View())
	if !b.Silent || b.Complete.Before(before.Complete) || b.Complete.After(s.now.Add(-25*time.Second)) || a.Silent || p.Silent || s.now.Sub(a.Complete) != time.Second {
		t.Errorf("b: %+v, a: %+v, players: %+v", b, a, p)
	}
	// A CDN that tells nothing sends nobody knows what.
	var r rule.Reading
	tape.Read(byCDN.View(), n, b.Complete, b.Complete, &r)
	if r.Value == 0 {
		t.Errorf("of a silent CDN: %+v", r)
	}
}

func TestAQuestionThatFailsLeavesWhatIsKnown(t *testing.T) {
	s := fill(t)
	byCDN, players, viewers := traffic(10*time.Second), &rule.Rule{Signal: "startup"}, &rule.Rule{Signal: "viewers"}
	tape := open(t, config(s.db, byCDN, players, viewers))
	full(t, tape, s.now)
	_, was := group(t, tape, byCDN.View(), "a")
	var before, after rule.Reading
	tape.Read(byCDN.View(), 0, was.Complete, was.Complete, &before)
	good := tape.sql["requests"]
	tape.sql["requests"] = "SELECT throwIf(1, 'the disk is on fire') AS slot"
	next := func() {
		s.now = s.now.Add(time.Second)
		s.delivered(10, 0)
	}
	next()
	if err := tape.Tick(t.Context(), s.now); err == nil {
		t.Fatal("nothing failed")
	}
	_, now := group(t, tape, byCDN.View(), "a")
	_, other := group(t, tape, players.View())
	tape.Read(byCDN.View(), 0, was.Complete, was.Complete, &after)
	if now.Error == "" || len(now.Error) > 210 || !now.Complete.Equal(was.Complete) || after.Value != before.Value {
		t.Errorf("%+v was %+v; %v was %v", now, was, after, before)
	}
	if other.Error != "" || !other.Complete.After(was.Complete) {
		t.Errorf("what players tell was read: %+v", other)
	}
	tape.sql["requests"] = good
	next()
	if err := tape.Tick(t.Context(), s.now); err != nil {
		t.Fatal(err)
	}
	if _, now = group(t, tape, byCDN.View(), "a"); now.Error != "" || now.Complete.Sub(was.Complete) != 2*time.Second {
		t.Errorf("once it works again: %+v, was %+v", now, was)
	}
	// Without an answer at all.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tape.Tick(ctx, s.now.Add(time.Second)); err == nil {
		t.Error("a tick without ClickHouse says nothing")
	}
	if _, now := group(t, tape, players.View()); now.Error == "" {
		t.Error("nor do its series")
	}
}

func TestBeyondTheBoundTheSmallestAreNotKept(t *testing.T) {
	s := fill(t)
	const channels = rule.MaxGroups + 50
	s.exec(fmt.Sprintf("INSERT INTO requests_1s (time, source, cdn, isp, channel, class, received, lines, requests, bytes) SELECT toDateTime(%d), 'log', 'a', 'Free', concat('c', toString(number)), 'segment', now(), number + 100000, 1, 1 FROM numbers(%d)", s.now.Unix()-20, channels))
	var said counting
	byChannel := &rule.Rule{Signal: "requests", By: []string{"channel"}}
	cfg := config(s.db, byChannel)
	cfg.Log = slog.New(&said)
	tape := open(t, cfg)
	full(t, tape, s.now)
	series := tape.Series(byChannel.View())
	if len(series) != rule.MaxGroups || tape.live.st.dropped == 0 {
		t.Errorf("%d series, %d dropped", len(series), tape.live.st.dropped)
	}
	kept := map[string]bool{}
	for _, one := range series {
		kept[one.Values[0]] = true
	}
	if !kept[fmt.Sprintf("c%d", channels-1)] || kept["c0"] {
		t.Error("the largest is not kept, or the smallest is")
	}
	if said.warned() != 1 {
		t.Errorf("%d warnings", said.warned())
	}
}

// counting counts warnings.
type counting struct {
	slog.Handler
	mu sync.Mutex
	n  int
}

func (c *counting) Enabled(context.Context, slog.Level) bool { return true }
func (c *counting) Handle(_ context.Context, r slog.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Level >= slog.LevelWarn {
		c.n++
	}
	return nil
}
func (c *counting) warned() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
