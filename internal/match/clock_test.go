package match

import (
	"strings"
	"testing"
	"time"
)

func TestTheClockOfAMatch(t *testing.T) {
	kickOff := time.Date(2026, 7, 19, 21, 0, 0, 0, time.FixedZone("", 7200))
	m := Match{Name: "Final", KickOff: kickOff, Venue: "Europe/Paris"}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after  time.Duration
		phase  Phase
		minute int
		added  int
	}{
		{-24 * time.Hour, PhaseBefore, 0, 0},
		{-time.Nanosecond, PhaseBefore, 0, 0},
		{0, PhaseFirstHalf, 1, 0},
		{59 * time.Second, PhaseFirstHalf, 1, 0},
		{time.Minute, PhaseFirstHalf, 2, 0},
		{44*time.Minute + 59*time.Second, PhaseFirstHalf, 45, 0},
		{45 * time.Minute, PhaseFirstHalf, 45, 1},
		{47*time.Minute + 30*time.Second, PhaseFirstHalf, 45, 3},
		{48 * time.Minute, PhaseHalfTime, 45, 0},
		{63 * time.Minute, PhaseSecondHalf, 46, 0},
		{107*time.Minute + 59*time.Second, PhaseSecondHalf, 90, 0},
		{110 * time.Minute, PhaseSecondHalf, 90, 3},
		{113 * time.Minute, PhaseBreak, 90, 0},
		{118 * time.Minute, PhaseExtraFirst, 91, 0},
		{134 * time.Minute, PhaseExtraFirst, 105, 2},
		{136 * time.Minute, PhaseExtraLast, 106, 0},
		{154 * time.Minute, PhasePenalties, 120, 0},
		{170 * time.Minute, PhaseAfter, 120, 0},
		{24 * time.Hour, PhaseAfter, 120, 0},
	} {
		now := m.Now(kickOff.Add(c.after))
		if now.Phase != c.phase || now.Minute != c.minute || now.Added != c.added || now.ToKickOff != -c.after {
			t.Errorf("%s after kick-off: %s, %d'+%d, %s to kick-off; want %s, %d'+%d", c.after, now.Phase, now.Minute, now.Added, now.ToKickOff, c.phase, c.minute, c.added)
		}
	}
	if marks := m.Marks(); len(marks) != len(usualPhases) || !marks[1].At.Equal(kickOff.Add(48*time.Minute)) {
		t.Errorf("marks: %v", marks)
	}
}

func TestMatchesThatCannotBe(t *testing.T) {
	kickOff := time.Date(2026, 7, 19, 21, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		match Match
		want  string
	}{
		{"no name", Match{KickOff: kickOff}, "match.name"},
		{"criticality", Match{Name: "x", KickOff: kickOff, Criticality: 5}, "match.criticality: 5"},
		{"no kick-off", Match{Name: "x"}, "match.kick_off"},
		{"no such place", Match{Name: "x", KickOff: kickOff, Venue: "Europe/Saint-Denis"}, "match.time_zone"},
		{"unknown phase", Match{Name: "x", KickOff: kickOff, Phases: []PhaseFrom{{"prolongation", 0}}}, `match.phases[0].phase: "prolongation" is none of first_half`},
		{"before is none", Match{Name: "x", KickOff: kickOff, Phases: []PhaseFrom{{PhaseBefore, 0}}}, "match.phases[0].phase"},
		{"out of order", Match{Name: "x", KickOff: kickOff, Phases: []PhaseFrom{{PhaseFirstHalf, time.Hour}, {PhaseHalfTime, time.Minute}}}, "match.phases[1].from"},
	} {
		if err := c.match.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
