package match

import (
	"testing"
	"time"
)

func TestAlign(t *testing.T) {
	// Tonight half-time came 3 minutes late and there is extra time; the earlier match had none, four days before.
	m := checked(t, "final")
	tonight := m.timeline(replay([]Move{{Phase: PhaseHalfTime, At: at("21:51")}}))
	earlier := checked(t, "semi", league()...).Planned()
	for i := range earlier {
		earlier[i].At = earlier[i].At.AddDate(0, 0, -4)
	}
	const none = ""
	for _, c := range []struct {
		name  string
		clock string
		by    Phase
		want  string
	}{
		{"before kick-off", "19:30", "", "19:30"},
		{"kick-off", "21:00", "", "21:00"},
		{"in the first half", "21:20", "", "21:20"},
		{"its end is clamped", "21:50", "", "21:48"},
		{"half-time", "21:51", "", "21:48"},
		{"in half-time", "22:01", "", "21:58"},
		{"second half", "22:16", "", "22:13"},
		{"the break that the other lacks", "22:56:01", "", none},
		{"penalties that it lacks", "23:40", "", none},
		{"after", "23:58", "", "22:58"},
		{"by kick-off", "22:56", PhaseFirstHalf, "22:56"},
		{"by half-time", "21:50", PhaseHalfTime, "21:47"},
		{"by half-time, before kick-off", "20:00", PhaseHalfTime, "19:57"},
		{"by what it lacks", "22:00", PhasePenalties, none},
	} {
		got, ok := Align(at(c.clock), tonight, earlier, c.by)
		if c.want == none {
			if ok {
				t.Errorf("%s: %s", c.name, got)
			}
			continue
		}
		if want := at(c.want).AddDate(0, 0, -4); !ok || !got.Equal(want) {
			t.Errorf("%s: %s, %v, want %s", c.name, got, ok, want)
		}
	}
	for _, none := range [][2][]Mark{{nil, earlier}, {tonight, nil}} {
		if _, ok := Align(kickOff, none[0], none[1], ""); ok {
			t.Error("without a timeline there is a moment")
		}
	}
}

func TestForecast(t *testing.T) {
	points := []Point{{-time.Hour, 100}, {0, 1000}, {48 * time.Minute, 1000}, {50 * time.Minute, 400}}
	for _, c := range []struct {
		d    time.Duration
		want float64 // < 0: none
	}{
		{-time.Hour - 1, -1}, {-time.Hour, 100}, {-30 * time.Minute, 550}, {0, 1000}, {20 * time.Minute, 1000},
		{49 * time.Minute, 700}, {50 * time.Minute, 400}, {50*time.Minute + 1, -1},
	} {
		got, ok := At(points, c.d)
		if ok != (c.want >= 0) || ok && got != c.want {
			t.Errorf("at %s: %v, %v; want %v", c.d, got, ok, c.want)
		}
	}
	if _, ok := At(nil, 0); ok {
		t.Error("no points have a value")
	}

	// What was expected at half-time is expected when half-time is.
	m := checked(t, "final", league()...)
	late := m.timeline(replay([]Move{{Phase: PhaseHalfTime, At: at("21:58")}, {Phase: PhaseExtraFirst, At: at("23:10")}}))
	for _, c := range []struct {
		timeline []Mark
		clock    string
		want     float64
	}{
		{nil, "21:48", 1000}, {nil, "21:49", 700}, {late, "21:58", 1000}, {late, "21:59", 700}, {late, "21:55", 1000}, {late, "20:30", 550},
		{late, "23:11", -1}, {late, "19:00", -1},
	} {
		got, ok := m.Expected(points, c.timeline, at(c.clock))
		if ok != (c.want >= 0) || ok && got != c.want {
			t.Errorf("at %s: %v, %v; want %v", c.clock, got, ok, c.want)
		}
	}
}
