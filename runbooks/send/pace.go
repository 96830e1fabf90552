package send

import (
	"time"
)

// PaceFor is over what the pace of a leg is measured, at the most.
const PaceFor = windowFor * time.Second

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

// rate is how many a second are done, lately and not before a moment; 0: none.
func (w *window) rate(at, since time.Time) float64 {
	now := at.Unix()
	w.turn(now)
	from := max(w.first, since.Unix(), now-windowFor+1)
	if w.first == 0 || from > now {
		return 0
	}
	sum := 0
	for s := from; s <= now; s++ {
		sum += w.slots[s%windowFor]
	}
	return float64(sum) / float64(now-from+1)
}

// went is from when on a leg goes as it goes now: its stage was opened, or a person had the send go on.
func (s *Send) went(leg int) time.Time {
	since := s.Legs[leg].Since
	for _, a := range s.History {
		if (a.What == ActResume || a.What == ActRetry || a.What == ActAgain) && a.At.After(since) {
			since = a.At
		}
	}
	return since
}
