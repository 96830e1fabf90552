package match

import (
	"fmt"
	"strings"
	"time"
)

// usualPhases are a final's that goes all the way, with the added time that such matches have.
// Times are from kick-off.
var usualPhases = []PhaseFrom{
	{PhaseFirstHalf, 0},
	{PhaseHalfTime, 48 * time.Minute},
	{PhaseSecondHalf, 63 * time.Minute},
	{PhaseBreak, 113 * time.Minute},
	{PhaseExtraFirst, 118 * time.Minute},
	{PhaseExtraLast, 136 * time.Minute},
	{PhasePenalties, 154 * time.Minute},
	{PhaseAfter, 170 * time.Minute},
}

// played says which minutes of play a phase covers; those that stand still begin and end at one.
var played = map[Phase]struct{ from, to int }{
	PhaseBefore:     {0, 0},
	PhaseFirstHalf:  {0, 45},
	PhaseHalfTime:   {45, 45},
	PhaseSecondHalf: {45, 90},
	PhaseBreak:      {90, 90},
	PhaseExtraFirst: {90, 105},
	PhaseExtraLast:  {105, 120},
	PhasePenalties:  {120, 120},
	PhaseAfter:      {120, 120},
}

// Minutes are the minutes of play that a phase covers, as usage counts them: from and to are equal
// in one that stands still.
func (p Phase) Minutes() (from, to int) {
	m := played[p]
	return m.from, m.to
}

// Check says what is wrong with a match's file, and fills in what it leaves to usage.
func (m *Match) Check() error {
	if m.Name == "" {
		return fmt.Errorf("match.name: is missing")
	}
	if m.Criticality < 0 || m.Criticality > 4 {
		return fmt.Errorf("match.criticality: %d is not between 1 and 4", m.Criticality)
	}
	if m.KickOff.IsZero() {
		return fmt.Errorf("match.kick_off: is missing: write it as 2026-07-19T21:00:00+02:00")
	}
	if _, err := time.LoadLocation(m.Venue); err != nil {
		return fmt.Errorf("match.time_zone: %v: use an IANA name such as Europe/Paris", err)
	}
	if len(m.Phases) == 0 {
		m.Phases = usualPhases
	}
	for i, p := range m.Phases {
		if _, ok := played[p.Phase]; !ok || p.Phase == PhaseBefore {
			names := make([]string, len(usualPhases))
			for i, p := range usualPhases {
				names[i] = string(p.Phase)
			}
			return fmt.Errorf("match.phases[%d].phase: %q is none of %s", i, p.Phase, strings.Join(names, ", "))
		}
		if i > 0 && p.From <= m.Phases[i-1].From {
			return fmt.Errorf("match.phases[%d].from: %s is not after the phase before it", i, p.From)
		}
	}
	return nil
}

// Now is the match's clock at a moment. The match must have been checked; without one there is no
// phase.
func (m *Match) Now(at time.Time) Now {
	venue, _ := time.LoadLocation(m.Venue)
	if m.KickOff.IsZero() {
		return Now{Venue: venue}
	}
	now := Now{
		Name: m.Name, Competition: m.Competition, Criticality: m.Criticality, KickOff: m.KickOff, Venue: venue,
		Phase: PhaseBefore, ToKickOff: m.KickOff.Sub(at),
	}
	elapsed := at.Sub(m.KickOff)
	var since time.Duration
	for _, p := range m.Phases {
		if elapsed >= p.From {
			now.Phase, since = p.Phase, elapsed-p.From
		}
	}
	from, to := now.Phase.Minutes()
	minute := from
	if to > from {
		minute += int(since/time.Minute) + 1 // the first minute of play is 1'
	}
	now.Minute = min(minute, to)
	now.Added = minute - now.Minute
	return now
}

// Marks are the moments at which the match's phases begin.
func (m *Match) Marks() []Mark {
	marks := make([]Mark, len(m.Phases))
	for i, p := range m.Phases {
		marks[i] = Mark{m.KickOff.Add(p.From), p.Phase}
	}
	return marks
}
