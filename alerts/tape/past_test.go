package tape

import (
	"math"
	"sync"
	"testing"
	"time"

	"vigie/alerts/rule"
)

// some are rules of every family that both the present and the past know.
func some() []*rule.Rule {
	return []*rule.Rule{
		traffic(10 * time.Second), {Signal: "errors"}, {Signal: "errors", By: []string{"cdn", "isp"}, Over: rule.Duration(time.Minute)},
		{Signal: "first_byte", By: []string{"channel"}, Over: rule.Duration(30 * time.Second)}, {Signal: "startup", By: []string{"cdn"}, Over: rule.Duration(2 * time.Minute)},
		{Signal: "rebuffering", By: []string{"tool"}, Over: rule.Duration(10 * time.Minute)}, {Signal: "offload", Over: rule.Duration(time.Minute)},
		{Signal: "viewers", By: []string{"cdn"}}, {Signal: "requests_per_viewer", By: []string{"isp"}}, {Signal: "traffic"},
		{Signal: "service_errors", By: []string{"service"}}, {Signal: "asn_shift", By: []string{"cdn"}},
		{Signal: "requests", By: []string{"cdn"}, Against: rule.AgainstViewers},
	}
}

// compare reads the same moment from two.
func compare(t *testing.T, what string, a, b rule.Data, rules []*rule.Rule, at time.Time, by float64) (compared int) {
	t.Helper()
	for _, r := range rules {
		v := r.View()
		for i, series := range a.Series(v) {
			end := at
			if r.Signal == "service_errors" {
				end = at.Add(-40 * time.Second)
			}
			var x, y rule.Reading
			a.Read(v, i, end, end, &x)
			j, _ := group(t, b, v, series.Values...)
			b.Read(v, j, end, end, &y)
			if math.IsNaN(x.Value) && r.Signal != "service_errors" {
				t.Errorf("%s: %s %v: nothing is known", what, r.Signal, series.Values)
			}
			for k, pair := range [][2]float64{{x.Value, y.Value}, {x.Sample, y.Sample}, {x.Usual, y.Usual}, {x.Spread, y.Spread}, {x.Viewers, y.Viewers}} {
				if !near(pair[0], pair[1], by) {
					t.Errorf("%s: %s %v over %s, number %d: %v and %v", what, r.Signal, series.Values, v.Over, k, pair[0], pair[1])
				}
				compared++
			}
		}
	}
	return compared
}

func TestThePastByTheSecondIsWhatThePresentWas(t *testing.T) {
	s := fill(t)
	s.services()
	rules := some()
	cfg := config(s.db, rules...)
	tape := open(t, cfg)
	full(t, tape, s.now)
	from := s.now.Add(-2*time.Minute - 3*time.Second)
	late := map[string]time.Duration{"log": time.Second, "blog": 20 * time.Second, "player": 2 * time.Second, "npaw": 2 * time.Second}
	past, err := NewPast(t.Context(), cfg, from, s.now, late)
	if err != nil {
		t.Fatal(err)
	}
	asked := past.asked.Load()
	for _, ago := range []int{100, 99, 60, 31, 5} {
		now := s.now.Add(-time.Duration(ago) * time.Second)
		if err := past.MoveTo(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		for name, lag := range map[string]time.Duration{"a": time.Second, "b": 20 * time.Second} {
			if _, series := group(t, past, rules[0].View(), name); now.Sub(series.Complete) != lag || series.Silent || series.Last.After(now) {
				t.Errorf("at %s %s is %+v, want %s late", now, name, series, lag)
			}
		}
		if n := compare(t, now.Format(time.TimeOnly), tape, past, rules, now.Add(-21*time.Second), 1e-9); n < 120 {
			t.Errorf("%d numbers were compared", n)
		}
		var r rule.Reading
		past.Read(rules[0].View(), 0, now, now, &r)
		if !math.IsNaN(r.Value) {
			t.Errorf("what is not complete is shown: %+v", r)
		}
	}
	if n := past.asked.Load() - asked; n > 20 {
		t.Errorf("%d questions for two minutes", n)
	}
	if err := past.MoveTo(t.Context(), s.now.Add(time.Minute)); err == nil {
		t.Error("it goes beyond its end")
	}
}

func TestTheTwoGrainsAgree(t *testing.T) {
	s := fill(t)
	s.services()
	rules := some()
	tape := open(t, config(s.db, rules...))
	full(t, tape, s.now)
	aligned := time.Unix(s.now.Unix()/10*10-60, 0)
	preview := tape.Past(s.now.Add(-10 * time.Minute))
	preview.MoveTo(aligned.Add(50 * time.Second))
	if n := compare(t, "coarse", tape, preview, rules, aligned, 1e-9); n < 120 {
		t.Errorf("%d numbers were compared", n)
	}
}

// A preview is looked at while the present goes on; the race detector looks too.
func TestAPreviewStandsBesideThePresent(t *testing.T) {
	s := fill(t)
	rules := some()
	tape := open(t, config(s.db, rules...))
	full(t, tape, s.now)
	var wg sync.WaitGroup
	begin, end := s.now.Add(-20*time.Minute), s.now
	for range 2 {
		wg.Go(func() {
			preview := tape.Past(begin)
			known := 0
			for at := begin; at.Before(end); at = at.Add(10 * time.Second) {
				preview.MoveTo(at)
				for _, r := range rules {
					for i, series := range preview.Series(r.View()) {
						if series.Complete.After(at) {
							t.Errorf("complete to %s at %s", series.Complete, at)
						}
						var out rule.Reading
						preview.Read(r.View(), i, series.Complete, series.Complete, &out)
						if out.Value == out.Value {
							known++
						}
					}
				}
			}
			if known < 1000 {
				t.Errorf("%d numbers were known", known)
			}
		})
	}
	for range 5 {
		s.now = s.now.Add(time.Second)
		s.delivered(60, 0)
		if err := tape.Tick(t.Context(), s.now); err != nil {
			t.Error(err)
		}
		if err := tape.Fill(t.Context()); err != nil {
			t.Error(err)
		}
		for _, r := range rules {
			tape.Series(r.View())
		}
	}
	wg.Wait()
}

func TestWhoFellSilentInThePastIsTold(t *testing.T) {
	s := fill(t)
	s.exec("ALTER TABLE requests_1s DELETE WHERE cdn = 'b' AND time >= now() - INTERVAL 60 SECOND SETTINGS mutations_sync = 1")
	rules := some()
	past, err := NewPast(t.Context(), config(s.db, rules...), s.now.Add(-90*time.Second), s.now, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := past.MoveTo(t.Context(), s.now.Add(-62*time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, b := group(t, past, rules[0].View(), "b"); b.Silent {
		t.Errorf("before: %+v", b)
	}
	if err := past.MoveTo(t.Context(), s.now.Add(-5*time.Second)); err != nil {
		t.Fatal(err)
	}
	_, b := group(t, past, rules[0].View(), "b")
	_, a := group(t, past, rules[0].View(), "a")
	if !b.Silent || b.Complete.After(s.now.Add(-40*time.Second)) || a.Silent {
		t.Errorf("after: b %+v, a %+v", b, a)
	}
}
