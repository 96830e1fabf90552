package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// words is a timeline in words: 21:00 first_half, …
func words(timeline []Mark) string {
	var out []string
	for _, m := range timeline {
		clock := m.At.In(kickOff.Location()).Format("15:04:05")
		out = append(out, strings.TrimSuffix(clock, ":00")+" "+string(m.Phase))
	}
	return strings.Join(out, ", ")
}

func league() []PhaseFrom {
	return []PhaseFrom{{PhaseFirstHalf, 0}, {PhaseHalfTime, 48 * time.Minute}, {PhaseSecondHalf, 63 * time.Minute}, {PhaseAfter, 113 * time.Minute}}
}

func TestPhasesAreMoved(t *testing.T) {
	move := func(phase Phase, clock string) Move { return Move{Phase: phase, At: at(clock)} }
	skip := func(phase Phase) Move { return Move{Phase: phase, Skip: true} }
	undone := func(m Move) Move { m.Undone = "ana"; return m }
	for _, c := range []struct {
		name   string
		phases []PhaseFrom
		moves  []Move
		want   string
	}{
		{"as planned", league(), nil, "21:00 first_half, 21:48 half_time, 22:03 second_half, 22:53 after"},
		{"later ones follow", league(), []Move{move(PhaseHalfTime, "21:51")}, "21:00 first_half, 21:51 half_time, 22:06 second_half, 22:56 after"},
		{"earlier too", league(), []Move{move(PhaseHalfTime, "21:46")}, "21:00 first_half, 21:46 half_time, 22:01 second_half, 22:51 after"},
		{"the last moved one before counts", league(), []Move{move(PhaseHalfTime, "21:51"), move(PhaseSecondHalf, "22:05")}, "21:00 first_half, 21:51 half_time, 22:05 second_half, 22:55 after"},
		{"moved ones stay", league(), []Move{move(PhaseSecondHalf, "22:05"), move(PhaseHalfTime, "21:51")}, "21:00 first_half, 21:51 half_time, 22:05 second_half, 22:55 after"},
		{"again", league(), []Move{move(PhaseHalfTime, "21:51"), move(PhaseHalfTime, "21:49")}, "21:00 first_half, 21:49 half_time, 22:04 second_half, 22:54 after"},
		{"taken back", league(), []Move{move(PhaseHalfTime, "21:51"), undone(move(PhaseHalfTime, "21:49"))}, "21:00 first_half, 21:51 half_time, 22:06 second_half, 22:56 after"},
		{"a phase that was not planned", league(), []Move{move(PhaseExtraFirst, "22:58")}, "21:00 first_half, 21:48 half_time, 22:03 second_half, 22:58 extra_first, 23:16 after"},
		{"both of them", league(), []Move{move(PhaseExtraFirst, "22:58"), move(PhaseExtraLast, "23:17")}, "21:00 first_half, 21:48 half_time, 22:03 second_half, 22:58 extra_first, 23:17 extra_second, 23:35 after"},
		{"and a moved end", league(), []Move{move(PhaseExtraFirst, "22:58"), move(PhaseAfter, "23:20")}, "21:00 first_half, 21:48 half_time, 22:03 second_half, 22:58 extra_first, 23:20 after"},
		{"no extra time", nil, []Move{skip(PhaseExtraFirst)}, "21:00 first_half, 21:48 half_time, 22:03 second_half, 22:53 after"},
		{"no extra time, from the break", nil, []Move{skip(PhaseBreak)}, "21:00 first_half, 21:48 half_time, 22:03 second_half, 22:53 after"},
		{"no extra time after a long half", nil, []Move{move(PhaseSecondHalf, "22:10"), skip(PhaseExtraFirst)}, "21:00 first_half, 21:48 half_time, 22:10 second_half, 23:00 after"},
		{"a break that people saw", nil, []Move{move(PhaseBreak, "22:55"), skip(PhaseExtraFirst)}, "21:00 first_half, 21:48 half_time, 22:03 second_half, 22:55 break, 23:00 after"},
		{"no penalties", nil, []Move{skip(PhasePenalties)}, "21:00 first_half, 21:48 half_time, 22:03 second_half, 22:53 break, 22:58 extra_first, 23:16 extra_second, 23:34 after"},
		{"played after all", nil, []Move{skip(PhaseExtraFirst), move(PhaseExtraFirst, "23:01")}, "21:00 first_half, 21:48 half_time, 22:03 second_half, 22:53 break, 23:01 extra_first, 23:19 extra_second, 23:37 penalties, 23:53 after"},
		{"over, then the end moved", nil, []Move{skip(PhaseExtraFirst), move(PhaseAfter, "22:57")}, "21:00 first_half, 21:48 half_time, 22:03 second_half, 22:57 after"},
		{"a plan without an end", league()[:3], []Move{skip(PhaseSecondHalf)}, "21:00 first_half, 21:48 half_time, 22:03 after"},
		{"a plan that changed under it", league(), []Move{move(PhaseFirstHalf, "22:10"), move(PhaseHalfTime, "21:48")}, "22:10 first_half, 22:10:01 half_time, 22:10:02 second_half, 22:53 after"},
	} {
		m := checked(t, "final", c.phases...)
		if got := words(m.timeline(replay(c.moves))); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.name, got, c.want)
		}
	}
}

func TestMovesThatBreakTheOrderSayWhereThereIsRoom(t *testing.T) {
	for _, c := range []struct {
		name     string
		before   []Move
		phase    Phase
		at       string
		from, to string // "": allowed; to "later": only the night bounds it
	}{
		{"now", nil, PhaseHalfTime, "21:46", "", ""},
		{"a second after", nil, PhaseHalfTime, "21:00:01", "", ""},
		{"at once with the one before", nil, PhaseHalfTime, "21:00", "21:00:01", "later"},
		{"before the one before", nil, PhaseSecondHalf, "21:40", "21:48:01", "later"},
		{"what follows is moved along", nil, PhaseHalfTime, "22:40", "", ""},
		{"but not over what people said", []Move{{Phase: PhaseSecondHalf, At: at("22:05")}}, PhaseHalfTime, "22:05", "21:00:01", "22:04:59"},
		{"nor what is between", []Move{{Phase: PhaseAfter, At: at("23:00")}}, PhaseHalfTime, "22:45", "21:00:01", "22:44:59"},
		{"the last that fits", []Move{{Phase: PhaseAfter, At: at("23:00")}}, PhaseHalfTime, "22:44:59", "", ""},
		{"one that is not planned", []Move{{Phase: PhaseAfter, At: at("23:00")}}, PhaseExtraFirst, "23:00", "22:03:01", "22:59:59"},
	} {
		m := checked(t, "final", league()...)
		r := &record{Moves: c.before}
		err := r.move(m, Move{Phase: c.phase, At: at(c.at)})
		if c.from == "" {
			if err != nil || len(r.Moves) != len(c.before)+1 {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		room, ok := errors.AsType[*OrderError](err)
		if !ok || len(r.Moves) != len(c.before) {
			t.Errorf("%s: %v, want it refused", c.name, err)
			continue
		}
		to := room.To.Format("15:04:05")
		if room.To.Equal(kickOff.Add(movedAfter)) {
			to = "later"
		}
		if room.From.Format("15:04:05") != c.from || to != c.to || !strings.Contains(err.Error(), room.From.Format(time.RFC3339)) {
			t.Errorf("%s: %v, want from %s to %s", c.name, err, c.from, c.to)
		}
	}
}

func TestAPhaseStaysInItsNight(t *testing.T) {
	m := checked(t, "final", league()...)
	for _, day := range []int{-1, 2} {
		if _, ok := errors.AsType[*OrderError]((&record{}).move(m, Move{Phase: PhaseFirstHalf, At: kickOff.AddDate(0, 0, day)})); !ok {
			t.Errorf("it was moved by %d days", day)
		}
	}
}

func TestMovesThatMeanNothingAreRefused(t *testing.T) {
	m := checked(t, "final", league()...)
	for name, move := range map[string]Move{
		"no phase":                {Phase: "third_half", At: at("22:00")},
		"before is none":          {Phase: PhaseBefore, At: at("20:00")},
		"the match not played":    {Phase: PhaseFirstHalf, Skip: true},
		"the end not played":      {Phase: PhaseAfter, Skip: true},
		"what is not in the plan": {Phase: PhasePenalties, Skip: true},
	} {
		r := &record{}
		if _, ok := errors.AsType[Invalid](r.move(m, move)); !ok || len(r.Moves) != 0 {
			t.Errorf("%s was taken", name)
		}
	}
	if err := (&record{}).undo("ana"); err == nil {
		t.Error("nothing was taken back")
	}
}

// However many moves there are, few are kept, and the timeline is the one that all of them make.
func TestMovesAreBounded(t *testing.T) {
	m := checked(t, "final")
	r := &record{}
	var all []Move
	for i := range 400 {
		move := Move{Phase: PhaseHalfTime, At: at("21:45").Add(time.Duration(i%100) * time.Second), By: fmt.Sprint(i)}
		switch {
		case i%7 == 3:
			move = Move{Phase: PhasePenalties, Skip: true}
		case i%11 == 4:
			move = Move{Phase: PhaseExtraFirst, At: at("23:10").Add(time.Duration(i) * time.Second)}
		}
		if r.move(m, move) == nil {
			all = append(all, move)
		}
		if len(r.Moves) > maxMoves {
			t.Fatalf("%d moves are kept", len(r.Moves))
		}
		if got, want := m.timeline(replay(r.Moves)), m.timeline(replay(all)); !slices.Equal(got, want) {
			t.Fatalf("after %d moves: %s, want %s", i, words(got), words(want))
		}
	}
	if len(all) < 200 || len(r.Moves) != maxMoves {
		t.Errorf("%d moves were taken, %d are kept", len(all), len(r.Moves))
	}
}

// The order is kept whatever is said about phases, in whatever plan.
func FuzzTheOrderIsAlwaysKept(f *testing.F) {
	f.Add([]byte{1, 10, 2, 20, 3, 0, 8, 250}, true)
	f.Add([]byte{5, 3, 5, 200, 0x85, 1, 1, 1}, false)
	f.Fuzz(func(t *testing.T, acts []byte, whole bool) {
		phases := league()
		if whole {
			phases = nil
		}
		m := checked(t, "final", phases...)
		r := &record{}
		var any []Move
		for i := 0; i+1 < len(acts) && i < 200; i += 2 {
			move := Move{Phase: order[int(acts[i]&0x7f)%len(order)], At: kickOff.Add(time.Duration(acts[i+1]) * time.Minute), Skip: acts[i] >= 0x80}
			any = append(any, move)
			before := m.timeline(replay(r.Moves))
			err := r.move(m, move)
			after := m.timeline(replay(r.Moves))
			if room, ok := errors.AsType[*OrderError](err); ok {
				if !move.At.Before(room.From) && !move.At.After(room.To) {
					t.Fatalf("%s at %s is refused, but there is room: %v", move.Phase, move.At, err)
				}
			}
			if err != nil && !slices.Equal(before, after) {
				t.Fatalf("what was refused changed the timeline")
			}
			if err == nil && !move.Skip {
				if j := index(after, move.Phase); j < 0 || !after[j].At.Equal(move.At) {
					t.Fatalf("%s is not at %s: %s", move.Phase, move.At, words(after))
				}
			}
			ordered(t, after)
		}
		ordered(t, m.timeline(replay(any))) // as if the plan had been another one
	})
}

func ordered(t *testing.T, timeline []Mark) {
	t.Helper()
	for i := 1; i < len(timeline); i++ {
		if !timeline[i].At.After(timeline[i-1].At) || timeline[i].Phase.rank() <= timeline[i-1].Phase.rank() {
			t.Fatalf("out of order: %s", words(timeline))
		}
	}
}
