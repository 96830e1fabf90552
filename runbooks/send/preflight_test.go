package send

import (
	"fmt"
	"slices"
	"testing"

	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/message"
)

// Where the house has people of its own who are told before all, and none of them is on a list, whoever confirms it is
// told so: the first would be viewers. It is no reason to refuse.
func TestAListWithoutItsCanaryIsToldBeforeItIsSent(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	d.written(t, message.Initial)
	c := d.opened(t, false)
	prepare := func() *Send {
		t.Helper()
		s, err := d.Prepare(t.Context(), "sam", Draft{Crisis: c.ID, Scenario: "outage", Step: message.Initial})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	lacks := func(s *Send) *Finding {
		found := d.preflight(t.Context(), s)
		if i := slices.IndexFunc(found, func(f Finding) bool { return f.Code == FoundNoCanary }); i >= 0 {
			return &found[i]
		}
		return nil
	}
	with := prepare()
	if f := lacks(with); f != nil || with.Legs[0].List.Canary != 3 {
		t.Fatalf("with %d of the house: %+v", with.Legs[0].List.Canary, f)
	}
	changed := func(change func(s *Send, l *audience.Frozen)) *Finding {
		s := *with
		s.Legs = slices.Clone(with.Legs)
		change(&s, &s.Legs[0].List)
		return lacks(&s)
	}
	for name, of := range map[string]struct {
		change func(s *Send, l *audience.Frozen)
		want   string // first, capped; "": nothing is found
	}{
		"all of them had as many as anybody may get": {func(_ *Send, l *audience.Frozen) { l.Canary, l.Capped = 0, 3 }, "50 3"},
		"a small list has no sample":                 {func(_ *Send, l *audience.Frozen) { l.Canary, l.Size = 0, 120 }, "120 0"},
		"a large one has one in a hundred":           {func(_ *Send, l *audience.Frozen) { l.Canary, l.Size = 0, 100_000 }, "1000 0"},
		"one of them is left":                        {func(_ *Send, l *audience.Frozen) { l.Canary, l.Capped = 1, 2 }, ""},
		"nobody is on it":                            {func(_ *Send, l *audience.Frozen) { l.Canary, l.Size = 0, 0 }, ""},
		"it follows another":                         {func(s *Send, l *audience.Frozen) { l.Canary, s.Previous = 0, "before" }, ""},
		"an exercise goes to them alone":             {func(s *Send, l *audience.Frozen) { l.Canary, s.Drill = 0, true }, ""},
	} {
		got := ""
		if f := changed(of.change); f != nil {
			got = fmt.Sprint(f.Args["first"], " ", f.Args["capped"])
			if f.Blocks || f.Leg != "sms" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if got != of.want {
			t.Errorf("%s: %q, want %q", name, got, of.want)
		}
	}
	// For real: all of them asked never to be told.
	for i := range 4 {
		if err := d.book.Suppress(t.Context(), audience.Whom{Kind: channel.SMS, Address: fmt.Sprintf("+336%08d", i)}, "by_hand", "ada"); err != nil {
			t.Fatal(err)
		}
	}
	without := prepare()
	if f := lacks(without); f == nil || f.Args["first"] != "50" {
		t.Errorf("a list of %d with %d of the house: %+v", without.Legs[0].List.Size, without.Legs[0].List.Canary, f)
	}
	// Without a segment of the house's own people there is none that could be missing.
	if err := d.book.DeleteSegment(t.Context(), "crew", d.book.Segment("crew").Updated); err != nil {
		t.Fatal(err)
	}
	if f := lacks(without); f != nil {
		t.Errorf("nobody has a canary, and it is missing: %+v", f)
	}
}
