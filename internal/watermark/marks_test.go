package watermark

import (
	"testing"
	"time"
)

func TestWatermarks(t *testing.T) {
	now := time.Unix(1_788_896_700, 0)
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	cdns := map[string]string{"fast": "maison", "slow": "akamai", "tool": ""}
	state := func(received time.Time, late time.Duration) *Source {
		return &Source{Received: received, Late: late, Known: true}
	}
	steady := func(received, newest time.Time, late, pause time.Duration) *Source {
		return &Source{Received: received, Newest: newest, Late: late, Pause: pause, Lines: SteadyLines, Known: true}
	}
	for _, c := range []struct {
		name       string
		sources    map[string]*Source
		partitions map[uint16]time.Time
		all, logs  time.Time
	}{
		{"nothing ever came", nil, nil, time.Time{}, time.Time{}},
		{"one source", map[string]*Source{"fast": state(ago(1), 2*time.Second)}, map[uint16]time.Time{0: ago(1)}, ago(3), ago(3)},
		{"the latest holds the others back", map[string]*Source{"fast": state(ago(1), 2*time.Second), "slow": state(ago(20), 60*time.Second)}, map[uint16]time.Time{0: ago(1)}, ago(61), ago(61)},
		{"a tool does not hold logs back", map[string]*Source{"fast": state(ago(1), 2*time.Second), "tool": state(ago(1), 10*time.Second)}, map[uint16]time.Time{0: ago(1)}, ago(11), ago(3)},
		{"a silent source holds nobody back", map[string]*Source{"fast": state(ago(1), 2*time.Second), "slow": state(ago(130), 60*time.Second)}, map[uint16]time.Time{0: ago(1)}, ago(3), ago(3)},
		{"one that is late by nature is not silent yet", map[string]*Source{"fast": state(ago(1), 2*time.Second), "slow": state(ago(119), 60*time.Second)}, map[uint16]time.Time{0: ago(1)}, ago(61), ago(61)},
		{"one that has habits is silent after three pauses", map[string]*Source{"fast": state(ago(1), 2*time.Second), "slow": steady(ago(31), ago(61), 45*time.Second, 10*time.Second)}, map[uint16]time.Time{0: ago(1)}, ago(3), ago(3)},
		{"and not before", map[string]*Source{"fast": state(ago(1), 2*time.Second), "slow": steady(ago(29), ago(30), 45*time.Second, 10*time.Second)}, map[uint16]time.Time{0: ago(1)}, ago(46), ago(46)},
		{"never before ten seconds", map[string]*Source{"fast": state(ago(1), 2*time.Second), "slow": steady(ago(9), ago(10), 45*time.Second, time.Second)}, map[uint16]time.Time{0: ago(1)}, ago(46), ago(46)},
		{"nor while nothing comes from anybody", map[string]*Source{"fast": steady(ago(30), ago(30), 2*time.Second, time.Second)}, map[uint16]time.Time{0: ago(30)}, ago(32), ago(32)},
		{"a steady source is complete to its newest row", map[string]*Source{"slow": steady(ago(5), ago(20), 2*time.Second, 5*time.Second)}, map[uint16]time.Time{0: ago(1)}, ago(20), ago(20)},
		{"one that tells little is not held by it", map[string]*Source{"slow": {Received: ago(5), Newest: ago(20), Late: 2 * time.Second, Pause: 5 * time.Second, Known: true}}, map[uint16]time.Time{0: ago(1)}, ago(3), ago(3)},
		{"all are silent", map[string]*Source{"fast": state(ago(61), 2*time.Second)}, map[uint16]time.Time{0: ago(61)}, time.Time{}, time.Time{}},
		{"lateness not known", map[string]*Source{"fast": {Received: ago(1)}}, map[uint16]time.Time{0: ago(1)}, time.Time{}, time.Time{}},
		{"a source that is not configured", map[string]*Source{"gone": state(ago(1), 300*time.Second), "fast": state(ago(1), time.Second)}, map[uint16]time.Time{0: ago(1)}, ago(2), ago(2)},
		{"the slowest partition is the frontier", map[string]*Source{"fast": state(ago(1), 2*time.Second)}, map[uint16]time.Time{0: ago(1), 1: ago(6)}, ago(8), ago(8)},
		{"but not one that gets nothing", map[string]*Source{"fast": state(ago(1), 2*time.Second)}, map[uint16]time.Time{0: ago(1), 1: ago(60)}, ago(3), ago(3)},
	} {
		w := Marks{Sources: c.sources, CDNs: cdns, Now: now}
		w.front(c.partitions)
		if got := w.All(); !got.Equal(c.all) {
			t.Errorf("%s: all complete to %s ago, want %s", c.name, now.Sub(got), now.Sub(c.all))
		}
		if got := w.Logs(); !got.Equal(c.logs) {
			t.Errorf("%s: logs complete to %s ago, want %s", c.name, now.Sub(got), now.Sub(c.logs))
		}
	}
}

// While writers have a backlog nobody knows whether a source is silent: what it sent may be in there.
func TestABacklogSilencesNobody(t *testing.T) {
	now := time.Unix(1_788_896_700, 0)
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	source := &Source{Received: ago(100), Late: 2 * time.Second, Known: true}
	for _, c := range []struct {
		name             string
		frontier, stored time.Time
		silent           bool
	}{
		{"it is behind by ninety seconds, and stores", ago(90), ago(1), false},
		{"it is behind, and the source has been silent since long before", ago(30), ago(1), true},
		{"it is not behind", ago(1), ago(1), true},
		{"nothing comes from anybody", ago(90), ago(90), true},
	} {
		w := Marks{Now: now, Frontier: c.frontier, Stored: c.stored}
		if got := w.Silent(source) > 0; got != c.silent {
			t.Errorf("%s: silent is %v", c.name, got)
		}
	}
}

func TestThePastOfASilentCDNStaysDrawn(t *testing.T) {
	now := time.Unix(1_788_896_700, 0)
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	w := Marks{Now: now, CDNs: map[string]string{"edge": "a", "gone": "b"}, Sources: map[string]*Source{
		"edge": {Received: ago(200), Late: 5 * time.Second, Known: true},
	}}
	w.front(map[uint16]time.Time{0: ago(1)})
	if got := w.Settled("a"); !got.Equal(ago(205)) {
		t.Errorf("silent for 200 s: drawn to %s ago", now.Sub(got))
	}
	if got := w.Settled("b"); !got.Equal(now.Add(-Oldest)) {
		t.Errorf("nothing in ten minutes: drawn to %s ago", now.Sub(got))
	}
	w.Sources["edge"].Received = ago(1)
	if got := w.Settled("a"); !got.Equal(ago(6)) {
		t.Errorf("delivering: drawn to %s ago", now.Sub(got))
	}
}
