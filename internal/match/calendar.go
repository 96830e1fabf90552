package match

import (
	"fmt"
	"slices"
	"time"
)

// A match is the one that the room watches from so long before kick-off until so long after its end.
const (
	windowBefore = 3 * time.Hour
	windowAfter  = time.Hour
)

// Window is when the room watches a match, in a timeline; nil: the planned one.
func (m *Match) Window(timeline []Mark) (from, to time.Time) {
	if timeline == nil {
		timeline = m.Planned()
	}
	return m.kickOff(timeline).Add(-windowBefore), m.End(timeline).Add(windowAfter)
}

// CheckCalendar says what is wrong with checked matches beside each other: an id that is there twice, a
// comparison with what does not exist. Each error names the match.
func CheckCalendar(matches []*Match) map[string][]*Problem {
	out := map[string][]*Problem{}
	seen := map[string]bool{}
	for _, m := range matches {
		if seen[m.ID] {
			out[m.ID] = append(out[m.ID], &Problem{"id", fmt.Sprintf("%q is there twice", m.ID)})
		}
		seen[m.ID] = true
	}
	for _, m := range matches {
		switch {
		case m.Compare == "":
		case m.Compare == m.ID:
			out[m.ID] = append(out[m.ID], &Problem{"compare", "is the match itself: name an earlier one"})
		case !seen[m.Compare] && ParseID(m.Compare) == nil:
			out[m.ID] = append(out[m.ID], &Problem{"compare", fmt.Sprintf("there is no match %q: it is the name of another match's file without .yaml", m.Compare)})
		}
	}
	return out
}

// At is the match that it is at t: the one whose window holds t. Of several it is the one that an
// operator chose, else the most critical, then one that is not over, then the earliest. nil: none.
func (b *Book) At(t time.Time) *Match {
	if b == nil {
		return nil
	}
	s := b.now.Load()
	var best *Match
	for _, m := range b.matches {
		from, to := m.Window(s.live[m.ID].timeline)
		if t.Before(from) || !t.Before(to) {
			continue
		}
		if m.ID == s.chosen.ID {
			return m
		}
		if best == nil || s.before(m, best, t) {
			best = m
		}
	}
	return best
}

// Watched are all whose window holds t, by kick-off.
func (b *Book) Watched(t time.Time) []*Match {
	if b == nil {
		return nil
	}
	s := b.now.Load()
	return slices.DeleteFunc(slices.Clone(b.matches), func(m *Match) bool {
		from, to := m.Window(s.live[m.ID].timeline)
		return t.Before(from) || !t.Before(to)
	})
}

// before tells whether a is rather the match that it is than b, which kicks off no later.
func (s *snapshot) before(a, b *Match, t time.Time) bool {
	if a.Criticality != b.Criticality {
		return a.Criticality > b.Criticality
	}
	over := func(m *Match) bool { return !t.Before(m.End(s.live[m.ID].timeline)) }
	return over(b) && !over(a)
}
