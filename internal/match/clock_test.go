package match

import (
	"testing"
	"time"
)

// kickOff is the one of all these tests' matches, in Paris.
var kickOff = time.Date(2026, 7, 19, 21, 0, 0, 0, time.FixedZone("", 7200))

// at is a moment of that night, or of the one after, by the clock in Paris.
func at(clock string) time.Time {
	t, err := time.Parse("15:04:05", clock)
	if err != nil {
		if t, err = time.Parse("15:04", clock); err != nil {
			panic(err)
		}
	}
	day := 19
	if t.Hour() < 12 {
		day = 20
	}
	return time.Date(2026, 7, day, t.Hour(), t.Minute(), t.Second(), 0, kickOff.Location())
}

// checked is a match with an id and these phases, the usual ones when there are none.
func checked(t *testing.T, id string, phases ...PhaseFrom) *Match {
	t.Helper()
	m := &Match{ID: id, Name: "Final", KickOff: kickOff, Venue: "Europe/Paris", Phases: phases}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheClockOfAMatch(t *testing.T) {
	m := checked(t, "final")
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
		now := m.Now(nil, kickOff.Add(c.after))
		if now.ID != "final" || now.Phase != c.phase || now.Minute != c.minute || now.Added != c.added || now.ToKickOff != -c.after {
			t.Errorf("%s after kick-off: %s, %d'+%d, %s to kick-off; want %s, %d'+%d", c.after, now.Phase, now.Minute, now.Added, now.ToKickOff, c.phase, c.minute, c.added)
		}
	}
	if marks := m.Planned(); len(marks) != len(usualPhases) || !marks[1].At.Equal(kickOff.Add(48*time.Minute)) {
		t.Errorf("planned: %v", marks)
	}
}

// A late kick-off is the match's: the countdown and the minutes go by it.
func TestTheClockFollowsAMovedKickOff(t *testing.T) {
	m := checked(t, "final")
	late := m.timeline(replay([]Move{{Phase: PhaseFirstHalf, At: at("21:20")}}))
	if now := m.Now(late, at("21:10")); now.Phase != PhaseBefore || now.ToKickOff != 10*time.Minute || !now.KickOff.Equal(at("21:20")) {
		t.Errorf("ten minutes before: %+v", now)
	}
	if now := m.Now(late, at("21:21:30")); now.Phase != PhaseFirstHalf || now.Minute != 2 {
		t.Errorf("after it: %+v", now)
	}
	if now := m.Now(late, at("22:08")); now.Phase != PhaseHalfTime {
		t.Errorf("half-time does not follow: %+v", now)
	}
}

func TestWithoutAMatchThereIsNoPhase(t *testing.T) {
	for name, m := range map[string]*Match{"nil": nil, "empty": {}} {
		if now := m.Now(nil, kickOff); now.Phase != "" || now.Venue != time.UTC || now.Name != "" {
			t.Errorf("%s: %+v", name, now)
		}
		if len(m.Planned()) != 0 || len(m.OnDuty(nil, kickOff)) != 0 {
			t.Errorf("%s: planned %v, on duty %v", name, m.Planned(), m.OnDuty(nil, kickOff))
		}
	}
}

func TestOnDuty(t *testing.T) {
	m := checked(t, "final")
	m.Roster = []Duty{
		{Name: "Ana", Role: "video"}, // 20:00 to 01:50
		{Name: "Bo", Role: "API", From: at("21:30")},
		{Name: "Cy", Role: "API", To: at("21:30")},
	}
	for clock, want := range map[string]string{
		"19:59:59": "", "20:00": "Ana Cy ", "21:29:59": "Ana Cy ", "21:30": "Ana Bo ", "01:49:59": "Ana Bo ", "01:50": "",
	} {
		got := ""
		for _, d := range m.OnDuty(nil, at(clock)) {
			got += d.Name + " "
		}
		if got != want {
			t.Errorf("at %s: %q, want %q", clock, got, want)
		}
	}
	// Extra time that comes later keeps them longer.
	late := m.timeline(replay([]Move{{Phase: PhaseExtraFirst, At: at("23:28")}}))
	if on := m.OnDuty(late, at("02:19:59")); len(on) != 2 {
		t.Errorf("half an hour later: %v", on)
	}
}
