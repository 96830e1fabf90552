package crisis

import (
	"slices"
	"time"
)

// order puts lines, which are in order of their sequence, into that in which they are read. It is the stream's, in which
// no effect is before its cause, whatever the clocks of two processes say; only what was written about a past moment
// stands at that moment.
func order(all []Line) []Line {
	type placed struct {
		at time.Time
		l  Line
	}
	var clock time.Time
	places := make([]placed, len(all))
	for i, l := range all {
		if l.Late() {
			places[i] = placed{l.At, l}
			continue
		}
		if l.At.After(clock) {
			clock = l.At
		}
		places[i] = placed{clock, l}
	}
	slices.SortStableFunc(places, func(a, b placed) int { return a.at.Compare(b.at) })
	for i, p := range places {
		all[i] = p.l
	}
	return all
}
