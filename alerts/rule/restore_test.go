package rule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/match"
)

// anything is a random group of rules and a random night that they are judged by.
type anything struct {
	rng    *rand.Rand
	group  *Group
	shows  []*shown
	length int64
	phase  func(second int64) Moment
	dial   func(second int64) Dials
}

const anyRules = `
title: {fr: Tout}
rules:
  - {id: high, title: {fr: H}, signal: errors, by: [cdn], when: value > 0.03, recover: value < 0.01, for: %ds, keep_firing_for: %ds,
     severity: [{critical: "value > 0.1 and playing"}, {warning: "true"}]}
  - {id: odd, title: {fr: O}, signal: errors, by: [cdn], when: z > k, for: %ds, keep_firing_for: %ds, family: quality}
  - {id: low, title: {fr: L}, signal: traffic, by: [cdn], over: %ds, when: change < -0.5, for: %ds, no_data: alert, family: volume}
  - {id: few, title: {fr: F}, signal: viewers, when: value < forecast * 0.7, min_sample: 200, for: %ds, keep_firing_for: 5s, family: ratio}
  - {id: tried, title: {fr: E}, signal: errors, when: value > 0.05, mode: monitor, for: 65s}
together: {id: both, title: {fr: B}, by: [cdn], keep_firing_for: %ds, severity: [{critical: "value > 1"}, {warning: "true"}]}
`

func newAnything(t testing.TB, seed uint64, silences bool) *anything {
	rng := rand.New(rand.NewPCG(seed, 5))
	n := func(most int) int { return 1 + rng.IntN(most) }
	a := &anything{rng: rng, length: 300 + int64(rng.IntN(300))}
	a.group = checked(t, fmt.Sprintf(anyRules, n(15), n(20), n(15), n(20), n(40), n(15), n(15), n(20)))
	for _, cdn := range []string{"maison", "Autre CDN"} {
		a.shows = append(a.shows,
			&shown{signal: "errors", labels: map[string]string{"cdn": cdn}, value: a.levels(0.002, 0.002, 0.02, 0.06, 0.2)},
			&shown{signal: "traffic", labels: map[string]string{"cdn": cdn}, value: a.levels(1000, 1000, 700, 300, 10)})
	}
	a.shows = append(a.shows, &shown{signal: "viewers", value: a.levels(5000, 5000, 3000)})
	for _, s := range a.shows {
		s.sample = a.levels(100, 100, 100, 30, 1)
		s.against[nightForecast] = a.levels(5000, 5000, 5200)
		for range rng.IntN(2) {
			if from := rng.Int64N(a.length); silences {
				s.silent = append(s.silent, [2]int64{from, from + int64(n(75))})
			}
		}
	}
	kickOff, turned := rng.Int64N(a.length), rng.Int64N(a.length)
	a.phase = func(second int64) Moment {
		m := Moment{Now: at(nightBegan + second), Match: "m", Phase: match.PhaseBefore, Criticality: 4}
		if second >= kickOff && silences {
			m.Phase = match.PhaseFirstHalf
		}
		return m
	}
	dial := n(10)
	a.dial = func(second int64) Dials {
		if second >= turned && silences {
			return Dials{"test": dial}
		}
		return nil
	}
	return a
}

// levels are stretches of some levels, with noise and holes.
func (a *anything) levels(levels ...float64) []float64 {
	var values []float64
	for int64(len(values)) < a.length {
		level, length := levels[a.rng.IntN(len(levels))], 1+a.rng.IntN(90)
		hole := a.rng.IntN(8) == 0
		for range length {
			v := level * (0.8 + 0.4*a.rng.Float64())
			if hole || a.rng.IntN(40) == 0 {
				v = nan
			}
			values = append(values, v)
		}
	}
	return values[:a.length]
}

func (a *anything) night() *night { return newNight(a.shows) }

func (a *anything) evaluator() *Evaluator { return NewEvaluator([]*Group{a.group}, nil) }

// keep is what is kept of an evaluator's alerts, through JSON as they are.
func keep(t testing.TB, e *Evaluator) []Alert {
	t.Helper()
	text, err := json.Marshal(sortedAlerts(e))
	if err != nil {
		t.Fatal(err)
	}
	var alerts []Alert
	if err := json.Unmarshal(text, &alerts); err != nil {
		t.Fatal(err)
	}
	return alerts
}

func sortedAlerts(e *Evaluator) []Alert {
	var all []Alert
	for _, key := range slices.Sorted(maps.Keys(e.Alerts())) {
		all = append(all, *e.Alerts()[key])
	}
	return all
}

// moments are the Fired and Ended that changes tell.
type moments map[string]int

func (m moments) take(changes []Change) {
	for _, c := range changes {
		for _, s := range c.Spans {
			m[fmt.Sprintf("%s fired %d", c.Alert.Key, s.Fired.Unix()-nightBegan)]++
			m[fmt.Sprintf("%s fired %d ended %d", c.Alert.Key, s.Fired.Unix()-nightBegan, s.Ended.Unix()-nightBegan)]++
		}
		if c.Alert.Active() {
			m[fmt.Sprintf("%s fired %d", c.Alert.Key, c.Alert.Fired.Unix()-nightBegan)]++
		}
	}
}

func (m moments) String() string { return strings.Join(slices.Sorted(maps.Keys(m)), "\n") }

const anySeeds = 20

func TestGoingOnFromWhatIsKeptIsExact(t *testing.T) {
	fired := moments{}
	for seed := range uint64(anySeeds) {
		a := newAnything(t, seed, true)
		whole, stopped := a.evaluator(), a.evaluator()
		n, other := a.night(), a.night()
		for ; n.now < a.length; n.now++ {
			other.now = n.now
			if a.rng.IntN(20) == 0 {
				kept := keep(t, stopped)
				a.rng.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
				stopped = a.evaluator()
				stopped.Restore(kept)
			}
			if a.rng.IntN(15) == 0 {
				n.now += a.rng.Int64N(50) // late
				other.now = n.now
			}
			want := whole.Step(a.phase(n.now), n, a.dial(n.now))
			got := stopped.Step(a.phase(n.now), other, a.dial(n.now))
			if !same(got, want) {
				t.Fatalf("seed %d: at %d\n%s\nwant\n%s", seed, n.now, show(got), show(want))
			}
			if got, want := sortedAlerts(stopped), sortedAlerts(whole); !same(got, want) {
				t.Fatalf("seed %d: at %d there are\n%s\nwant\n%s", seed, n.now, show(got), show(want))
			}
			fired.take(want)
		}
	}
	for _, rule := range []string{"high", "odd", "low", "few", "tried", "both"} {
		if !strings.Contains(fired.String(), rule) {
			t.Errorf("%s never fired: the nights are too quiet to show anything", rule)
		}
	}
}

func same(a, b any) bool { return show(a) == show(b) }

func show(v any) string {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Whoever takes over goes on from what was kept up to ten seconds before the end, a few seconds later: what is
// judged again says the same again, and nothing else.
func TestAHandOverContradictsNothing(t *testing.T) {
	for seed := range uint64(anySeeds) {
		silences := seed%2 == 0
		a := newAnything(t, 1000+seed, silences)
		want, got := moments{}, moments{}
		n := a.night()
		for e := a.evaluator(); n.now <= a.length; n.now++ {
			want.take(e.Step(a.phase(n.now), n, nil))
		}
		n, e := a.night(), a.evaluator()
		var kept []Alert
		dies, keptAt := 20+a.rng.Int64N(60), int64(0)
		for ; n.now <= a.length; n.now++ {
			if n.now == dies && n.now < a.length-40 {
				n.now += a.rng.Int64N(30)
				dies = n.now + 20 + a.rng.Int64N(60)
				e = a.evaluator()
				e.Restore(kept)
			}
			got.take(e.Step(a.phase(n.now), n, nil))
			if n.now-keptAt >= 10 {
				kept, keptAt = keep(t, e), n.now
			}
		}
		if silences {
			// A silence that nobody was there to see, and that is over, was none. And whether weak signals that
			// come at different times were seen together depends on who was there then.
			drop := func(k string, _ int) bool { return strings.HasPrefix(k, "low") || strings.HasPrefix(k, "both") }
			maps.DeleteFunc(got, drop)
			maps.DeleteFunc(want, drop)
		}
		if got.String() != want.String() {
			t.Fatalf("seed %d: told\n%s\nwant\n%s", seed, diff(got, want), diff(want, got))
		}
	}
}

// diff is what a has and b has not.
func diff(a, b moments) string {
	only := moments{}
	for k := range a {
		if b[k] == 0 {
			only[k]++
		}
	}
	return only.String()
}

func TestLumpsAreJudgedAsSecondsAre(t *testing.T) {
	for seed := range uint64(anySeeds) {
		a := newAnything(t, 2000+seed, false)
		want, got := moments{}, moments{}
		n, e := a.night(), a.evaluator()
		for ; n.now <= a.length; n.now++ {
			want.take(e.Step(a.phase(n.now), n, nil))
		}
		lumps, l := a.evaluator(), a.night()
		for l.now = a.rng.Int64N(60); ; l.now = min(l.now+1+a.rng.Int64N(60), a.length) {
			got.take(lumps.Step(a.phase(l.now), l, nil))
			if l.now == a.length {
				break
			}
		}
		for k, times := range got {
			if strings.Contains(k, "ended") && times != want[k] {
				t.Errorf("seed %d: %s: told %d times, want %d", seed, k, times, want[k])
			}
		}
		if got.String() != want.String() {
			t.Fatalf("seed %d: told\n%s\nwant\n%s", seed, diff(got, want), diff(want, got))
		}
		final := func(e *Evaluator) []Alert {
			all := sortedAlerts(e)
			for i := range all {
				all[i].Seen = time.Time{}
				if all[i].Rule == "both" { // its score is taken once a step
					all[i].Worst, all[i].Severity = 0, ""
				}
			}
			return all
		}
		if got, want := final(lumps), final(e); !same(got, want) {
			t.Fatalf("seed %d: there are\n%s\nwant\n%s", seed, show(got), show(want))
		}
	}
}

func TestAnAlertIsTheSameThroughJSON(t *testing.T) {
	a := newAnything(t, 7, true)
	e, n := a.evaluator(), a.night()
	seen := 0
	for ; n.now < a.length; n.now++ {
		e.Step(a.phase(n.now), n, nil)
		if n.now%50 == 0 {
			got, want := keep(t, e), sortedAlerts(e)
			if seen += len(want); len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("%s\nwant\n%s", show(got), show(want))
			}
		}
	}
	if seen == 0 {
		t.Error("there were no alerts")
	}
}

func TestChangesAreInTheOrderOfTheirKeys(t *testing.T) {
	a := newAnything(t, 9, true)
	e, n := a.evaluator(), a.night()
	for ; n.now < a.length; n.now += 20 {
		if changes := e.Step(a.phase(n.now), n, nil); !slices.IsSortedFunc(changes, func(a, b Change) int { return cmp.Compare(a.Alert.Key, b.Alert.Key) }) {
			t.Fatal(show(changes))
		}
	}
}
