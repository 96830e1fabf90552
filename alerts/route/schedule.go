package route

import (
	"cmp"
	"slices"
	"time"
)

// Override puts somebody on call, whatever the schedule says. Of several that cover a moment the one that was
// made last holds.
type Override struct {
	ID       string    `json:"id"`
	Schedule string    `json:"schedule"`
	Person   string    `json:"person"` // id
	From     time.Time `json:"from"`
	To       time.Time `json:"to"` // the first moment that is not covered
	By       string    `json:"by"`
	Reason   string    `json:"reason,omitempty"`
	Made     time.Time `json:"made"`
}

// MaxOverride is how long an override lasts at most.
const MaxOverride = 31 * 24 * time.Hour

// CheckOverride says what is wrong with an override that somebody asks for, each a match.Problem.
func (p *Policy) CheckOverride(o *Override) error {
	k := &checker{}
	if p.schedules[o.Schedule] == nil {
		k.unknown("schedule", "schedule", o.Schedule, p.schedules)
	}
	if p.people[o.Person] == nil {
		k.unknown("person", "person", o.Person, p.people)
	} else if len(p.people[o.Person].Contacts) == 0 {
		k.bad("person", "%s has no contacts", o.Person)
	}
	k.span(o.From, o.To, MaxOverride)
	k.text("by", o.By, maxName, true)
	k.text("reason", o.Reason, maxText, false)
	return k.err()
}

// overriding is the override of a schedule that holds, nil: none. One whose person is not in the file any
// more holds nothing.
func (p *Policy) overriding(schedule string, at time.Time, overrides []Override) *Override {
	var holds *Override
	for i := range overrides {
		o := &overrides[i]
		if o.Schedule == schedule && !at.Before(o.From) && at.Before(o.To) && p.people[o.Person] != nil &&
			(holds == nil || cmp.Or(o.Made.Compare(holds.Made), cmp.Compare(o.ID, holds.ID)) > 0) {
			holds = o
		}
	}
	return holds
}

// nextOverride is the first moment after at when an override of the schedule begins or ends.
func nextOverride(schedule string, at time.Time, overrides []Override) (next time.Time) {
	for i := range overrides {
		o := &overrides[i]
		if o.Schedule != schedule || !o.To.After(o.From) {
			continue
		}
		for _, edge := range [2]time.Time{o.From, o.To} {
			if edge.After(at) && (next.IsZero() || edge.Before(next)) {
				next = edge
			}
		}
	}
	return next
}

// has is who the layer has at a time of the wall; "": nobody.
func (l *Layer) has(w wall) string {
	if l.from != noWall && w < l.from || l.to != noWall && w >= l.to || len(l.People) == 0 || !l.hours.contains(w) {
		return ""
	}
	if l.alone {
		return l.People[0]
	}
	return l.People[int((w-l.from)/l.every())%len(l.People)]
}

func (l *Layer) every() wall { return wall(time.Duration(l.Every) / time.Second) }

// next is the first time after w at which the layer may have somebody else; noWall: never.
func (l *Layer) next(w wall) wall {
	if l.from != noWall && w < l.from {
		return l.from
	}
	if l.to != noWall && w >= l.to {
		return noWall
	}
	next := l.hours.next(w)
	if !l.alone {
		next = sooner(next, l.from+((w-l.from)/l.every()+1)*l.every())
	}
	return sooner(next, l.to)
}

func sooner(a, b wall) wall {
	if a == noWall || b != noWall && b < a {
		return b
	}
	return a
}

// layered is who the layers have, and the first time after w at which that may change; noWall: never. What
// becomes of the layers below the one that has somebody does not matter before that.
func (s *Schedule) layered(w wall) (person string, next wall) {
	next = noWall
	for i := range slices.Backward(s.Layers) {
		l := &s.Layers[i]
		next = sooner(next, l.next(w))
		if person = l.has(w); person != "" {
			break
		}
	}
	return person, next
}

// turn is who is on call at a moment, and the next moment at which that may change; zero: it never does.
func (p *Policy) turn(s *Schedule, at time.Time, overrides []Override) (person, override string, next time.Time) {
	next = nextOverride(s.ID, at, overrides)
	if o := p.overriding(s.ID, at, overrides); o != nil {
		return o.Person, o.ID, next
	}
	person, edge := s.layered(s.clock.reached(at))
	if edge != noWall {
		if change := s.clock.when(edge); next.IsZero() || change.Before(next) {
			next = change
		}
	}
	return person, "", next
}

// OnCall is who has a schedule's turn, by its overrides and layers, and until when; "": nobody. A zero until:
// it does not change within a year. A match's roster is not asked: see Resolve.
func (p *Policy) OnCall(schedule string, at time.Time, overrides []Override) (person string, until time.Time) {
	s := p.schedules[schedule]
	if s == nil {
		return "", time.Time{}
	}
	person, _, next := p.turn(s, at, overrides)
	for last := at.AddDate(1, 0, 0); !next.IsZero() && next.Before(last); {
		other, _, after := p.turn(s, next, overrides)
		if other != person {
			return person, next
		}
		next = after
	}
	return person, time.Time{}
}
