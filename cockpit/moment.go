package cockpit

import (
	"time"

	"vigie/internal/match"
	"vigie/internal/watermark"
)

// moment is what all sights share at a tick.
type moment struct {
	now    time.Time
	marks  watermark.Marks
	failed error // why it is not known how complete the sources are

	match    *match.Match // nil: none is near
	timeline []match.Mark
	clock    match.Now
	notes    []match.Note
	duty     []match.Duty
	earlier  earlierMatch
}

// earlierMatch is the match that the one of now is compared with, unless a sight asks for another.
type earlierMatch struct {
	match    *match.Match // nil: none
	timeline []match.Mark
	align    match.Phase
}

// now is the moment that a tick begins with.
func (c *Cockpit) now(at time.Time) *moment {
	m := &moment{now: at}
	c.clockOf(m)
	return m
}

// clockOf fills in what people know of the moment: which match it is, and what they decided about it.
func (c *Cockpit) clockOf(m *moment) {
	book := c.cfg.Matches
	m.match = book.At(m.now)
	if m.match == nil {
		m.clock = (&match.Match{}).Now(nil, m.now)
		return
	}
	id := m.match.ID
	m.timeline = book.Timeline(id)
	m.clock = m.match.Now(m.timeline, m.now)
	m.notes = book.Notes(id)
	m.duty = m.match.OnDuty(m.timeline, m.now)
	earlier, by := book.Compared(id)
	m.earlier = earlierMatch{match: book.Find(earlier), timeline: book.Timeline(earlier), align: by}
}

// compared is the match that a sight is compared with.
func (c *Cockpit) compared(m *moment, s Sight) earlierMatch {
	e := m.earlier
	switch {
	case s.Earlier == NoEarlier || m.match == nil:
		return earlierMatch{}
	case s.Earlier != "":
		e.match, e.timeline = c.cfg.Matches.Find(s.Earlier), c.cfg.Matches.Timeline(s.Earlier)
	}
	if e.match == m.match {
		return earlierMatch{}
	}
	if s.Align != "" {
		e.align = s.Align
	}
	return e
}
