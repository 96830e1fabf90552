package match

import (
	"slices"
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

// order is that in which phases follow each other, whether a match has them or not.
var order = []Phase{
	PhaseBefore, PhaseFirstHalf, PhaseHalfTime, PhaseSecondHalf, PhaseBreak, PhaseExtraFirst, PhaseExtraLast, PhasePenalties, PhaseAfter,
}

// Phases lists the phases that a timeline can have, in the order of play.
func Phases() []Phase { return slices.Clone(order[1:]) }

// rank is a phase's place in the order of play; -1: it is none.
func (p Phase) rank() int { return slices.Index(order, p) }

// usualLength is how long a phase usually lasts; 0 for the last.
func (p Phase) usualLength() time.Duration {
	i := slices.IndexFunc(usualPhases, func(u PhaseFrom) bool { return u.Phase == p })
	if i < 0 || i+1 == len(usualPhases) {
		return 0
	}
	return usualPhases[i+1].From - usualPhases[i].From
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

// Planned is the timeline that the file gives; nil for no match.
func (m *Match) Planned() []Mark {
	if m == nil {
		return nil
	}
	marks := make([]Mark, len(m.Phases))
	for i, p := range m.Phases {
		marks[i] = Mark{m.KickOff.Add(p.From), p.Phase}
	}
	return marks
}

// Zone is where the match is played; UTC when there is none.
func (m *Match) Zone() *time.Location {
	if m == nil || m.zone == nil {
		return time.UTC
	}
	return m.zone
}

// Now is the match's clock at a moment of a timeline; nil: of the planned one. Without a match there
// is no phase.
func (m *Match) Now(timeline []Mark, at time.Time) Now {
	if m == nil || m.KickOff.IsZero() {
		return Now{Venue: m.Zone()}
	}
	if timeline == nil {
		timeline = m.Planned()
	}
	kickOff := m.kickOff(timeline)
	now := Now{
		ID: m.ID, Name: m.Name, Competition: m.Competition, Criticality: m.Criticality, KickOff: kickOff, Venue: m.Zone(),
		Phase: PhaseBefore, ToKickOff: kickOff.Sub(at),
	}
	var since time.Duration
	for _, mark := range timeline {
		if !at.Before(mark.At) {
			now.Phase, since = mark.Phase, at.Sub(mark.At)
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

// kickOff is the file's, moved with the first phase.
func (m *Match) kickOff(timeline []Mark) time.Time {
	if len(timeline) == 0 || len(m.Phases) == 0 || timeline[0].Phase != m.Phases[0].Phase {
		return m.KickOff
	}
	return timeline[0].At.Add(-m.Phases[0].From)
}

// What a duty is that does not say, from kick-off and from the begin of the last phase.
const (
	dutyBefore = time.Hour
	dutyAfter  = 2 * time.Hour
)

// Turn is from when until when someone is on duty, in a timeline; nil: the planned one.
func (m *Match) Turn(d Duty, timeline []Mark) (from, to time.Time) {
	if timeline == nil {
		timeline = m.Planned()
	}
	from, to = d.From, d.To
	if from.IsZero() {
		from = m.kickOff(timeline).Add(-dutyBefore)
	}
	if to.IsZero() {
		last := m.KickOff
		if len(timeline) > 0 {
			last = timeline[len(timeline)-1].At
		}
		to = last.Add(dutyAfter)
	}
	return from, to
}

// OnDuty are those whose turn it is, in the order of the file.
func (m *Match) OnDuty(timeline []Mark, at time.Time) []Duty {
	if m == nil {
		return nil
	}
	var on []Duty
	for _, d := range m.Roster {
		if from, to := m.Turn(d, timeline); !at.Before(from) && at.Before(to) {
			on = append(on, d)
		}
	}
	return on
}

// End is when a match is over: its last phase begins, or, when that is one of play, usually ends.
func (m *Match) End(timeline []Mark) time.Time {
	if timeline == nil {
		timeline = m.Planned()
	}
	if len(timeline) == 0 {
		return m.KickOff
	}
	last := timeline[len(timeline)-1]
	return last.At.Add(last.Phase.usualLength())
}
