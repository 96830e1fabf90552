package tape

import (
	"math"
	"slices"

	"vigie/alerts/rule"
)

// What is usual is taken of the ten seconds of a quarter of an hour, the last half minute apart; fewer
// than leastSlots say nothing.
const (
	usualFrom  = 90 // slots before that of the base
	usualTo    = 3
	leastSlots = 6
)

// usual is the median of a group, and 1.4826 times the median distance from it, in shares of what it is
// held against.
type usual struct {
	slot           int64 // of the base; 0: none
	gen            uint64
	who            int32 // of asn_top and agent_top: whose share it is
	median, spread float64
}

// usually is what a group usually showed before a base. It is made anew when a slot ends, or the base is
// another.
func (r *reader) usually(w *view, group int, base int64) usual {
	slot := slotOf(base)
	m, who := &w.memo[group], int32(0)
	if d, ok := w.of.(*identity); ok && d.top {
		who = d.leads[group]
	}
	for i := range m.usual {
		if u := &m.usual[i]; u.slot == slot && u.who == who && (r.gen-u.gen < remade || r.fineless()) {
			return *u
		}
	}
	var values [usualFrom]float64
	known := values[:0]
	for s := slot - usualFrom; s < slot-usualTo; s++ {
		v := w.of.slot(group, s, base)
		if v != v {
			continue
		}
		if v /= r.againstSlot(w, group, s); v-v == 0 {
			known = append(known, v)
		}
	}
	u := usual{slot: slot, gen: r.gen, who: who, median: nan, spread: nan}
	if len(known) >= leastSlots {
		u.median = median(known)
		for i, v := range known {
			known[i] = math.Abs(v - u.median)
		}
		u.spread = 1.4826 * median(known)
	}
	for i := range m.usual {
		if m.usual[i].slot == slot {
			m.usual[i] = u
			return u
		}
	}
	m.usual[m.turn%2] = u
	m.turn++
	return u
}

// remade is after how many ticks what is usual is made again all the same: late lines mend the slots that
// a base of long ago stands on.
const remade = 10

// fineless tells that nothing becomes another any more.
func (r *reader) fineless() bool { return r.own && !r.fine }

// median of values, which are sorted by it.
func median(values []float64) float64 {
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}

// against is what a reading's usual share is taken of.
func (r *reader) against(w *view, group int, at int64, of *rule.Reading) float64 {
	switch w.Against {
	case rule.AgainstForecast:
		return of.Forecast
	case rule.AgainstEarlier:
		return of.Earlier
	case rule.AgainstViewers:
		return of.Viewers
	}
	return 1
}

// againstSlot is the same of ten seconds that are over.
func (r *reader) againstSlot(w *view, group int, slot int64) float64 {
	end := (slot + 1) * slotSeconds
	switch w.Against {
	case rule.AgainstForecast:
		return r.forecast(w, end-slotSeconds/2+w.over/2)
	case rule.AgainstEarlier:
		return r.earlierSlot(w, group, slot)
	case rule.AgainstViewers:
		return r.viewers(w, group, end)
	}
	return 1
}
