package send

import (
	"testing"
	"time"
)

// A pace is that of what goes on now: of half a minute at the most, and of nothing that was before a stage was opened.
func TestAPaceIsThatOfNow(t *testing.T) {
	at := time.Date(2026, 7, 19, 21, 0, 0, 0, time.UTC)
	second := func(n int) time.Time { return at.Add(time.Duration(n) * time.Second) }
	var w window
	if got := w.rate(second(0), time.Time{}); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for n := range 60 { // 2 a second, then 10
		for range map[bool]int{true: 2, false: 10}[n < 40] {
			w.add(second(n))
		}
	}
	for _, c := range []struct {
		name      string
		now, from int
		want      float64
	}{
		{"of half a minute", 59, 0, (10*2 + 20*10) / 30.0},
		{"since a stage was opened", 59, 50, 10},
		{"since just now", 59, 59, 10},
		{"it has stood for ten seconds", 69, 60, 0},
		{"and for a minute", 119, 0, 0},
	} {
		w := w
		if got := w.rate(second(c.now), second(c.from)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
