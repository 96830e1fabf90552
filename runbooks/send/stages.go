package send

import (
	"time"

	"vigie/runbooks/channel"
)

// Stage is how far a leg's gate is open.
type Stage string

const (
	House   Stage = "house" // the house's own people
	Percent Stage = "percent"
	All     Stage = "all"
)

const (
	smallList   = 200 // recipients and fewer have no percent stage
	leastSample = 50  // of the percent stage
	hold        = 5 * time.Second
)

// Opening is one of the stages by which a leg is opened: the canary.
type Opening struct {
	Stage Stage
	Gate  int           // how many were told once it is through
	Hold  time.Duration // from when it was opened until the next one is, at least
}

// Openings are the stages that a leg has, in order: the house's own people, then one in a hundred, then all.
func (l *Leg) Openings() (all []Opening) {
	size, gate := l.Size(), 0
	if canary := l.List.Canary; canary > 0 && canary < size {
		gate = canary
		all = append(all, Opening{House, gate, hold})
	}
	if size > smallList {
		gate = min(size, gate+max(size/100, leastSample))
		all = append(all, Opening{Percent, gate, hold})
	}
	return append(all, Opening{Stage: All, Gate: size})
}

// Next are the leg's stage and the one after it; false: there is none. Of a leg whose first stage is not opened yet the
// first one is what comes next.
func (l *Leg) Next() (now, next Opening, ok bool) {
	for _, next = range l.Openings() {
		if now.Stage == l.Stage {
			return now, next, true
		}
		now = next
	}
	return now, Opening{}, false
}

// gates opens what may be opened of a send, and tells whether anything was. The status page is what the others refer
// to: they wait until it is told.
func (w *Worker) gates(s *Send, l *ledger, now time.Time) (changed bool) {
	if s.State != Sending {
		return false
	}
	ready := true
	for i := range s.Legs {
		leg, t := &s.Legs[i], l.count(i)
		if leg.Kind != channel.Status && !ready {
			continue
		}
		if at, next, ok := leg.Next(); ok && (leg.Stage == "" || l.through(i, leg.Gate) && now.Sub(leg.Since) > at.Hold) {
			leg.Gate, leg.Stage, leg.Since, changed = next.Gate, next.Stage, now, true
		}
		if leg.Kind == channel.Status && (leg.Stage != All || t.OpenNow() > 0 || t.Reached() < t.Size && leg.Forgiven.IsZero()) {
			ready = false
		}
	}
	return changed
}
