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
	x.cfg.Watch = []rule.View{WatchView("rebuffering", []string{"cdn"})}
	if err := x.second(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	there := h.room() // another process, that reads what is kept
	for cdn, want := range map[string]bool{"maison": true, "akamai": false, "mute": false, "nobody": false, "": false} {
		value, known := there.Watched("rebuffering", map[string]string{"cdn": cdn})
		if known != want || known && value != 0.004 {
			t.Errorf("%q: %v, %v", cdn, value, known)
		}
	}
	if _, known := there.Watched("rebuffering", nil); known {
		t.Error("a value by CDN was taken for the whole's")
	}
	if _, known := there.Watched("failures", map[string]string{"cdn": "maison"}); known {
		t.Error("what is not watched is known")
	}
	there.mu.Lock()
	there.watchedAt = time.Now().Add(-time.Minute)
	there.mu.Unlock()
	if _, known := there.Watched("rebuffering", map[string]string{"cdn": "maison"}); known {
		t.Error("what was heard a minute ago is taken for what is")
	}
}
