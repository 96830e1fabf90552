package send

import (
	"time"
)

// windowFor is over what the pace of a leg is measured.
const windowFor = 30

// window counts what is done by the second, over the last half minute.
type window struct {
	from  int64 // Unix second of the newest slot
	slots [windowFor]int
	first int64 // when the first was done
}

func (w *window) add(at time.Time) {
	w.turn(at.Unix())
	w.slots[w.from%windowFor]++
	if w.first == 0 {
		w.first = w.from
	}
}

func (w *window) turn(now int64) {
	if now <= w.from {
		return
	}
	for s := max(w.from+1, now-windowFor+1); s <= now; s++ {
		w.slots[s%windowFor] = 0
	}
	w.from = now
}

// rate is how many a second are done; 0: none lately.
func (w *window) rate(at time.Time) float64 {
	w.turn(at.Unix())
	sum := 0
	for _, n := range w.slots {
		sum += n
	}
	over := min(windowFor, at.Unix()-w.first+1)
	if w.first == 0 || over <= 0 {
		return 0
	}
	return float64(sum) / float64(over)
}
