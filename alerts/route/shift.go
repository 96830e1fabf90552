package route

import "time"

// Shift is a stretch in which the same person is on call; Person "": nobody.
type Shift struct {
	Person   string
	From, To time.Time
	Override string // id of the override that it is by; "": by the layers
}

// Bounds of a calendar.
const (
	MaxCalendar = 400 * 24 * time.Hour
	MaxShifts   = 10000
)

// Shifts is who is on call from one moment to another, in order, without gap or overlap. Stretches with
// nobody are told too. It ends early at MaxCalendar, or MaxShifts.
func (p *Policy) Shifts(schedule string, from, to time.Time, overrides []Override) []Shift {
	s := p.schedules[schedule]
	if s == nil || !to.After(from) {
		return nil
	}
	if latest := from.Add(MaxCalendar); to.After(latest) {
		to = latest
	}
	var shifts []Shift
	for at := from; at.Before(to); {
		person, override, next := p.turn(s, at, overrides)
		if next.IsZero() || next.After(to) {
			next = to
		}
		if n := len(shifts); n > 0 && shifts[n-1].Person == person && shifts[n-1].Override == override {
			shifts[n-1].To = next
		} else if n == MaxShifts {
			break
		} else {
			shifts = append(shifts, Shift{person, at, next, override})
		}
		at = next
	}
	return shifts
}
