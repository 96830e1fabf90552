package rule

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"vigie/internal/match"
)

// lived is a night that has passed.
type lived struct {
	*night
	moved []int64
	err   error
}

func (l *lived) MoveTo(_ context.Context, at time.Time) (Moment, error) {
	l.now = at.Unix() - l.began
	l.moved = append(l.moved, l.now)
	return Moment{Now: at, Phase: match.PhaseFirstHalf, Criticality: 4}, l.err
}

func pastOf(t *testing.T, length string) (*Group, *lived) {
	rules := weakRules[:strings.Index(weakRules, "together:")] + `
  - {id: late, title: {fr: L}, signal: startup, over: 1s, when: z > k, for: 4s, severity: [{critical: playing}]}
` + weakRules[strings.Index(weakRules, "together:"):]
	show := &shown{signal: "startup", value: points(t, strings.Repeat("1.9 2 2.1 ", 40)+"2.6x40 "+length)} // 4.0 times the spread
	d := newDesk(t, rules, show, weak(t, "requests", "maison", "1.04x40 1x100"))                           // 2.7 times
	return d.group, &lived{night: d.n}
}

func TestWhatWouldHaveFiredAtEachSetting(t *testing.T) {
	g, past := pastOf(t, "2x100")
	from := at(nightBegan + 100)
	would, err := WouldFire(t.Context(), []*Group{g}, "test", past, Stretch{From: from, To: from.Add(140 * time.Second)})
	if err != nil || len(would) != 10 {
		t.Fatal(err, len(would))
	}
	for i, w := range would {
		late, volume := 0, 0
		for _, f := range w.Fired {
			switch f.Rule {
			case "late":
				late++
				if !f.Paged || f.Severity != "critical" || f.To.IsZero() || !f.To.After(f.From) {
					t.Errorf("at %d: %+v", i+1, f)
				}
			case "volume":
				volume++
				if f.Paged || !f.Weak || f.Labels["cdn"] != "maison" {
					t.Errorf("at %d: %+v", i+1, f)
				}
			}
		}
		wantLate, wantVolume := 0, 0
		if i+1 >= 7 { // k is 3.67
			wantLate = 1
		}
		if i+1 >= 9 { // k is 2.56
			wantVolume = 1
		}
		if w.Setting.Dial != i+1 || late != wantLate || volume != wantVolume || w.Pages != late || w.More != 0 {
			t.Errorf("at %d (%+v): late fired %d times and volume %d, %d pages", i+1, w.Setting, late, volume, w.Pages)
		}
	}
	if len(past.moved) != 141 {
		t.Errorf("moved on %d times", len(past.moved))
	}
}

func TestThePastInLongerSteps(t *testing.T) {
	g, past := pastOf(t, "")
	from := at(nightBegan + 100)
	would, err := WouldFire(t.Context(), []*Group{g}, "test", past, Stretch{From: from, To: from.Add(60 * time.Second), Step: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if len(past.moved) != 13 {
		t.Errorf("moved on %d times", len(past.moved))
	}
	if n := len(would[0].Fired); n != 0 {
		t.Errorf("at 1 %d fired", n)
	}
	last := would[9].Fired
	if len(last) != 2 || !last[0].To.IsZero() || !last[1].To.IsZero() {
		t.Errorf("at 10 there are %+v, want two that go on", last)
	}
}

func TestThePastIsBounded(t *testing.T) {
	g, past := pastOf(t, "")
	from := at(nightBegan)
	for _, test := range []struct {
		group string
		s     Stretch
		want  string
	}{
		{"other", Stretch{From: from, To: from.Add(time.Minute)}, `there are no rules "other"`},
		{"test", Stretch{From: from, To: from}, "is not a stretch"},
		{"test", Stretch{From: from, To: from.Add(7 * time.Hour)}, "is not a stretch of at most 6h"},
		{"test", Stretch{From: from, To: from.Add(time.Minute), Step: time.Millisecond}, "is not whole seconds"},
		{"test", Stretch{From: from, To: from.Add(6 * time.Hour), Step: time.Second}, "are more than 10000"},
	} {
		if _, err := WouldFire(t.Context(), []*Group{g}, test.group, past, test.s); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %s", test.s, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := WouldFire(ctx, []*Group{g}, "test", past, Stretch{From: from, To: from.Add(time.Minute)}); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
	past.err = errors.New("no such past")
	if _, err := WouldFire(t.Context(), []*Group{g}, "test", past, Stretch{From: from, To: from.Add(time.Minute)}); !errors.Is(err, past.err) {
		t.Errorf("data that fail: %v", err)
	}
}
