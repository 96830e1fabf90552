package route

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// hours is which stretches of the week count, by the wall. A zero one is all of it.
type hours struct {
	days     [7]bool // on which a stretch begins, Monday first
	from, to wall    // since midnight; to beyond 24 hours reaches into the next day
	some     bool    // not all of the week
}

var dayNames = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// parse reads them as a file writes them.
func (h *hours) parse(k *checker, key string, days, between []string) {
	*h = hours{to: day}
	for i, name := range days {
		n := slices.Index(dayNames, strings.ToLower(name))
		if n < 0 {
			k.bad(fmt.Sprintf("%sdays[%d]", key, i), "%.20q is none of %s", name, strings.Join(dayNames, ", "))
			return
		}
		if h.days[n] {
			k.bad(fmt.Sprintf("%sdays[%d]", key, i), "%s is there twice", name)
		}
		h.days[n] = true
	}
	if len(days) == 0 {
		h.days = [7]bool{true, true, true, true, true, true, true}
	}
	if len(between) != 0 {
		if len(between) != 2 {
			k.bad(key+"between", `has %d times: write it as ["20:00", "08:00"]`, len(between))
			return
		}
		var ok [2]bool
		h.from, ok[0] = parseTimeOfDay(between[0])
		h.to, ok[1] = parseTimeOfDay(between[1])
		for i := range ok {
			if !ok[i] {
				k.bad(fmt.Sprintf("%sbetween[%d]", key, i), "%.20q is no time of day: write it as 20:00", between[i])
			}
		}
		switch {
		case !ok[0] || !ok[1]:
		case h.from == h.to || h.from == day:
			k.bad(key+"between", "from %s to %s is no time at all: leave it out for the whole day", between[0], between[1])
		case h.to < h.from:
			h.to += day
		}
	}
	h.some = h.days != [7]bool{true, true, true, true, true, true, true} || h.to-h.from != day
}

func parseTimeOfDay(s string) (wall, bool) {
	if s == "24:00" {
		return day, true
	}
	t, err := time.Parse("15:04", s)
	return wall(t.Hour())*hour + wall(t.Minute())*minute, err == nil
}

// contains tells whether a time of the wall is in one of the stretches.
func (h *hours) contains(w wall) bool {
	if !h.some {
		return true
	}
	today := w.date()
	for _, d := range [2]wall{today, today - day} {
		if h.days[d.weekday()] && w >= d+h.from && w < d+h.to {
			return true
		}
	}
	return false
}

// next is the first time after w at which a stretch begins or ends; noWall: there is none.
func (h *hours) next(w wall) wall {
	if !h.some {
		return noWall
	}
	next := noWall
	today := w.date()
	for d := today - day; d <= today+8*day; d += day {
		if !h.days[d.weekday()] {
			continue
		}
		for _, edge := range [2]wall{d + h.from, d + h.to} {
			if edge > w && (next == noWall || edge < next) {
				next = edge
			}
		}
		if next != noWall && d > today {
			break
		}
	}
	return next
}
