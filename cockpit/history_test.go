package cockpit

import (
	"math"
	"testing"
	"time"
)

// reads takes all unread stretches, as ticks do.
func reads(h *history, n int64) (stretches [][2]int64) {
	for {
		from, to, ok := h.unread(n)
		if !ok {
			return stretches
		}
		h.replace(from, blank(int(to-from)))
		stretches = append(stretches, [2]int64{from, to})
	}
}

func equal(a, b [][2]int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestWhatMustBeReadAgain(t *testing.T) {
	at := func(slot int64) time.Time { return slotStart(slot).Add(3 * time.Second) }
	h := newHistory()
	for _, step := range []struct {
		name string
		do   func()
		want [][2]int64
	}{
		{"the whole window at the start, the latest first", func() { h.begin(100, 119) }, [][2]int64{{111, 120}, {102, 111}, {100, 102}}},
		{"then nothing", func() { h.begin(100, 120) }, nil},
		{"rows of one slot, and the two after it in which sessions count", func() { h.touch(at(110), at(110), 120) }, [][2]int64{{110, 113}}},
		{"not beyond the present", func() { h.touch(at(120), at(120), 120) }, [][2]int64{{120, 121}}},
		{"not before the window", func() { h.touch(at(1), at(98), 120) }, [][2]int64{{100, 101}}},
		{"rows of a wrong clock ahead", func() { h.touch(at(115), at(9999), 121) }, [][2]int64{{115, 122}}},
		{"two stretches", func() { h.touch(at(101), at(101), 121); h.touch(at(110), at(110), 121) }, [][2]int64{{110, 113}, {101, 104}}},
		{"the window slides: nothing new on its left", func() { h.begin(105, 122) }, nil},
		{"the window grows to the left", func() { h.begin(103, 122) }, [][2]int64{{103, 105}}},
	} {
		step.do()
		if got := reads(h, 9); !equal(got, step.want) {
			t.Errorf("%s: read %v, want %v", step.name, got, step.want)
		}
	}
	for s := range h.slots {
		if s < h.first {
			t.Errorf("slot %d is kept before the window's start %d", s, h.first)
		}
	}
}

func TestAStretchThatCouldNotBeReadStaysUnread(t *testing.T) {
	h := newHistory()
	h.begin(10, 12)
	first, _, _ := h.unread(90)
	again, _, ok := h.unread(90) // the query between the two failed
	if !ok || first != again {
		t.Errorf("%d, then %d %v", first, again, ok)
	}
}

func TestASlotTakesTheWidestViewNotTheSum(t *testing.T) {
	s := &slot{
		requests: map[cellKey]*sent{
			{"a", "Orange"}: {lines: 1, requests: 10, bytes: 100, errors: 1},
			{"a", "Free"}:   {lines: 1, requests: 10, bytes: 200},
			{"b", "Orange"}: {lines: 1, requests: 5, bytes: 50, errors: 2},
		},
		experience: map[toolKey]*experienced{
			{"mux", "a", "Orange"}:  {playing: 900, rebuffering: 100, peerBytes: 10},
			{"npaw", "a", "Orange"}: {playing: 800, peerBytes: 70},
			{"npaw", "a", "Free"}:   {playing: 100, peerBytes: 7},
		},
		viewers: map[string]float64{"mux": 900, "npaw": 1200, "vigie": 1200},
	}
	s.settle()
	if s.peerSum != 77 || s.peers["Orange"] != 70 || s.peers["Free"] != 7 {
		t.Errorf("peers: %v %v, want those of npaw", s.peerSum, s.peers)
	}
	if s.leading != "npaw" || s.audience != 1200 {
		t.Errorf("audience: %s %v", s.leading, s.audience)
	}
	if s.bits() != (350+77)*8/10.0 || s.errorRatio() != 3/25.0 || s.byISP["Orange"] != 150 {
		t.Errorf("bits %v, errors %v, Orange %v", s.bits(), s.errorRatio(), s.byISP["Orange"])
	}
	if got := s.watched.rebufferingRatio(); got != 100/1900.0 {
		t.Errorf("rebuffering %v", got)
	}
}

func TestNoDataIsNeverZero(t *testing.T) {
	empty := &slot{}
	empty.settle()
	var nobody experienced
	for name, v := range map[string]float64{
		"bits": empty.bits(), "errors": empty.errorRatio(), "rebuffering": nobody.rebufferingRatio(), "median": median(nil),
		"median of what is not known": median([]float64{math.NaN()}), "ratio": ratio(0, 0),
	} {
		if !math.IsNaN(v) {
			t.Errorf("%s: %v", name, v)
		}
	}
	if got := median([]float64{3, math.NaN(), 1, 2, 10}); got != 2.5 {
		t.Errorf("median: %v", got)
	}
	var n Number
	n.known(math.NaN(), math.NaN())
	if n.Known || n.Compare || n.Health != HealthUnknown {
		t.Errorf("%+v", n)
	}
}
