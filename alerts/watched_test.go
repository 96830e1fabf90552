package alerts

import (
	"math"
	"testing"
	"time"

	"vigie/alerts/rule"
)

// twoCDNs knows rebuffering on two of three CDNs.
type twoCDNs struct{ noTape }

func (twoCDNs) Series(v rule.View) []rule.Series {
	at := time.Now().Add(-2 * time.Second)
	return []rule.Series{{Values: []string{"maison"}, Complete: at}, {Values: []string{"akamai"}, Complete: at}, {Values: []string{"mute"}, Complete: at, Silent: true}}
}

func (twoCDNs) Read(v rule.View, group int, at, base time.Time, r *rule.Reading) {
	r.Value = []float64{0.004, math.NaN(), 0.1}[group]
}

// A value is told to all processes, and what is not known is no value: neither of a silent source, nor an old one.
func TestWhatIsWatchedIsToldToAll(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	here := h.room()
	x := h.term(t, here, twoCDNs{})
	x.cfg.Watch = []Awaited{{View: WatchView("rebuffering", []string{"cdn"})}}
	if err := x.second(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	there := h.room() // another process, that reads what is kept
	for cdn, want := range map[string]bool{"maison": true, "akamai": false, "mute": false, "nobody": false, "": false} {
		value, _, known := there.Watched("rebuffering", map[string]string{"cdn": cdn}, Limit{})
		if known != want || known && value != 0.004 {
			t.Errorf("%q: %v, %v", cdn, value, known)
		}
	}
	if _, _, known := there.Watched("rebuffering", nil, Limit{}); known {
		t.Error("a value by CDN was taken for the whole's")
	}
	if _, _, known := there.Watched("failures", map[string]string{"cdn": "maison"}, Limit{}); known {
		t.Error("what is not watched is known")
	}
	there.mu.Lock()
	there.watchedAt = time.Now().Add(-time.Minute)
	there.mu.Unlock()
	if _, _, known := there.Watched("rebuffering", map[string]string{"cdn": "maison"}, Limit{}); known {
		t.Error("what was heard a minute ago is taken for what is")
	}
}

// oneValue is a signal that is complete until at.
type oneValue struct {
	noTape
	at    time.Time
	value float64
}

func (o *oneValue) Series(rule.View) []rule.Series { return []rule.Series{{Complete: o.at}} }

func (o *oneValue) Read(_ rule.View, _ int, _, _ time.Time, r *rule.Reading) { r.Value = o.value }

// Since when something holds is counted by the data's time, begins again with a value that is none or not beyond the
// limit, and goes on in whichever process judges next.
func TestItIsToldSinceWhenALimitIsMet(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	limit := .008
	below, other := Limit{Below: &limit}, .5
	watch := []Awaited{{View: WatchView("rebuffering", nil), Limits: []Limit{below, {Above: &limit}}}}
	tape, begun := &oneValue{}, time.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	here := h.room()
	x := h.term(t, here, tape)
	x.cfg.Watch = watch
	for second, tt := range []struct {
		value float64
		since int // second; -1: it is not met
		next  bool
	}{
		{value: .1, since: -1}, {value: .004, since: 1}, {value: .002, since: 1}, {value: math.NaN(), since: -1},
		{value: .002, since: 4}, {value: .008, since: -1}, {value: .001, since: 6}, {value: .001, since: 6, next: true}, {value: .001, since: 6},
	} {
		if tt.next {
			hears(t, here, x.watched.At)
			x = &term{Engine: x.Engine, lease: x.lease, tape: tape}
		}
		tape.at, tape.value = begun.Add(time.Duration(second)*time.Second), tt.value
		x.tellWatched(t.Context(), time.Now())
		hears(t, here, x.watched.At)
		want := time.Time{}
		if tt.since >= 0 {
			want = begun.Add(time.Duration(tt.since) * time.Second)
		}
		if _, since, known := here.Watched("rebuffering", nil, below); !since.Equal(want) || known == math.IsNaN(tt.value) {
			t.Errorf("second %d: since %s, %v; want %s", second, since, known, want)
		}
	}
	if _, since, known := here.Watched("rebuffering", nil, Limit{Below: &other}); !known || !since.IsZero() {
		t.Errorf("a limit that nobody asked for is met since %s", since)
	}
}

// hears waits until a room has heard what was told.
func hears(t *testing.T, r *Room, at time.Time) {
	t.Helper()
	for range 500 {
		if !r.lastWatched().At.Before(at) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("what is watched is not heard")
}
