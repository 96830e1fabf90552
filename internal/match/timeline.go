package match

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// OrderError refuses to move a phase to where the others leave no room. It may begin from From until To;
// a zero To is no bound, and To before From no room at all.
type OrderError struct {
	Phase    Phase
	From, To time.Time
}

func (e *OrderError) Error() string {
	switch {
	case e.To.IsZero():
		return fmt.Sprintf("match: %s may begin from %s on", e.Phase, e.From.Format(time.RFC3339))
	case e.To.Before(e.From):
		return fmt.Sprintf("match: %s has no room between the phases that were moved", e.Phase)
	}
	return fmt.Sprintf("match: %s may begin between %s and %s", e.Phase, e.From.Format(time.RFC3339), e.To.Format(time.RFC3339))
}

const (
	phaseGap    = time.Second // at least, from one phase to the next
	movedBefore = 12 * time.Hour
	movedAfter  = 24 * time.Hour // of the planned kick-off
)

// course is what was decided about the phases: when some begin, and from which on none is played.
type course struct {
	moved map[Phase]time.Time
	ended Phase // it and what follows up to "after" are not played; "": all are
}

// replay takes the moves in the order in which they were made.
func replay(moves []Move) course {
	c := course{moved: map[Phase]time.Time{}}
	for _, m := range moves {
		switch {
		case m.Undone != "":
		case m.Skip:
			c.ended = m.Phase
			for p := range c.moved {
				if p.rank() >= m.Phase.rank() && p != PhaseAfter {
					delete(c.moved, p)
				}
			}
		default:
			c.moved[m.Phase] = m.At
			if c.ended != "" && m.Phase.rank() >= c.ended.rank() && m.Phase != PhaseAfter {
				c.ended = "" // it is played after all
			}
		}
	}
	return c
}

// step is one phase of a course.
type step struct {
	Mark
	moved bool
	after time.Duration // the step before it
}

// timeline lays a course over the plan: planned starts, moved ones at their time, later ones shifted by
// as much as the last moved one before them. A phase that the plan lacks lasts as long as usual. The
// order is always kept.
func (m *Match) timeline(c course) []Mark {
	steps := m.steps(c)
	marks := make([]Mark, len(steps))
	for i, s := range steps {
		marks[i] = s.Mark
	}
	return marks
}

func (m *Match) steps(c course) []step {
	planned := map[Phase]time.Time{}
	for _, p := range m.Phases {
		planned[p.Phase] = m.KickOff.Add(p.From)
	}
	var steps []step
	var shift time.Duration
	var until time.Time // when a phase that is not planned ends
	var over time.Time  // when the first phase that is not played would have begun
	for _, phase := range order[1:] {
		plan, inPlan := planned[phase]
		at, moved := c.moved[phase]
		gone := c.ended != "" && phase.rank() >= c.ended.rank() && phase != PhaseAfter
		if phase == PhaseBreak && c.ended == PhaseExtraFirst && !moved {
			gone = true // it is the pause before what is not played
		}
		if !inPlan && !moved && !(phase == PhaseAfter && !over.IsZero()) {
			continue
		}
		switch {
		case moved && inPlan:
			shift, until = at.Sub(plan), time.Time{}
		case moved:
			until = at.Add(phase.usualLength())
		case phase == PhaseAfter && !over.IsZero():
			at = over
		case !until.IsZero():
			at, shift, until = until, until.Sub(plan), time.Time{}
		default:
			at = plan.Add(shift)
		}
		if gone {
			if over.IsZero() {
				over = at
			}
			continue
		}
		s := step{Mark: Mark{at, phase}, moved: moved}
		if n := len(steps); n > 0 {
			// The plan may have changed since people moved phases: what does not fit any more is put right after.
			if least := steps[n-1].At.Add(phaseGap); at.Before(least) {
				s.At = least
			}
			s.after = s.At.Sub(steps[n-1].At)
		}
		steps = append(steps, s)
	}
	return steps
}

// room tells from when until when a phase of the course may begin: after the one before it, and so that
// those that follow it still begin before the next one that was moved.
func (m *Match) room(c course, phase Phase) *OrderError {
	e := &OrderError{Phase: phase, From: m.KickOff.Add(-movedBefore).In(m.Zone()), To: m.KickOff.Add(movedAfter).In(m.Zone())}
	steps := m.steps(c)
	i := slices.IndexFunc(steps, func(s step) bool { return s.Phase == phase })
	if i > 0 {
		if from := steps[i-1].At.Add(phaseGap).In(m.Zone()); from.After(e.From) {
			e.From = from
		}
	}
	// What follows is measured with the phase as early as it may begin, where nothing pushes it.
	early := course{maps.Clone(c.moved), c.ended}
	early.moved[phase] = e.From
	steps = m.steps(early)
	var follows time.Duration
	for _, s := range steps[i+1:] {
		if s.moved {
			if to := c.moved[s.Phase].Add(-follows - phaseGap).In(m.Zone()); to.Before(e.To) {
				e.To = to
			}
			break
		}
		follows += s.after
	}
	return e
}

// fits tells whether a phase may begin where the course has it: nil, or why not.
func (m *Match) fits(c course, phase Phase) error {
	at := c.moved[phase]
	if e := m.room(c, phase); at.Before(e.From) || at.After(e.To) {
		return e
	}
	return nil
}
