package match

import (
	"slices"
	"time"
)

// Align is the moment of the timeline to that is what t is in the timeline of. By "": the same moment of
// the same phase, no further than to's lasts; before kick-off as long before kick-off. By a phase: both
// clocks meet where it begins. It is false where to has no such moment.
func Align(t time.Time, of, to []Mark, by Phase) (time.Time, bool) {
	if len(of) == 0 || len(to) == 0 {
		return time.Time{}, false
	}
	if by == "" && t.Before(of[0].At) {
		return t.Add(to[0].At.Sub(of[0].At)), true
	}
	if by != "" {
		i, j := index(of, by), index(to, by)
		if i < 0 || j < 0 {
			return time.Time{}, false
		}
		return t.Add(to[j].At.Sub(of[i].At)), true
	}
	i := len(of) - 1
	for of[i].At.After(t) {
		i--
	}
	j := index(to, of[i].Phase)
	if j < 0 {
		return time.Time{}, false
	}
	at := to[j].At.Add(t.Sub(of[i].At))
	if j+1 < len(to) && at.After(to[j+1].At) {
		at = to[j+1].At
	}
	return at, true
}

func index(timeline []Mark, phase Phase) int {
	return slices.IndexFunc(timeline, func(m Mark) bool { return m.Phase == phase })
}
