package send

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"vigie/runbooks/channel"
)

// Three processes tell three hundred people through a provider in all its moods: who was taken is taken once, who is
// in doubt is unknown, who was refused is refused, and nobody is left.
func TestEachPersonIsToldAtMostOnceAndEndsInOneState(t *testing.T) {
	t.Parallel()
	b, g, list := oneBus(t), newGateway(t), invented(300, 0)
	moods := map[string]mood{}
	for i, r := range list.all {
		switch {
		case i%17 == 3:
			moods[r.To] = takesAndHangs
		case i%19 == 4:
			moods[r.To] = takesAndFails
		case i%23 == 5:
			moods[r.To] = takesAndBreaks
		case i%29 == 6:
			moods[r.To] = refuses
		}
	}
	g.mood = func(to string) mood {
		if m := moods[to]; m != takes {
			return m
		}
		switch {
		case chance(0.05):
			return isBusy
		case chance(0.05):
			return breaksBefore
		}
		return takes
	}
	var houses []*house
	for i := range 3 {
		h := newHouse(t, b, []Account{hurried(400 * time.Millisecond)}, list)
		h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: fmt.Sprint("w", i)})
		houses = append(houses, h)
	}
	h := houses[0]
	leg := list.leg("sms")
	leg.Forgiven = time.Now().Add(time.Hour) // the moods would stop it, which is another test's
	h.begin(t, confirmed("s1", false, leg))
	s := h.ended(t, "s1")
	tally := whole(t, s)
	if s.State != Faulty {
		t.Errorf("it is %s, want %s", s.State, Faulty)
	}
	people, twice := g.count()
	if twice > 0 {
		t.Errorf("%d people were told more than once", twice)
	}
	doubt, refused := 0, 0
	for _, m := range moods {
		if m == refuses {
			refused++
		} else {
			doubt++
		}
	}
	if tally.Get(Unknown) != doubt || tally.Get(Refused) != refused || tally.Get(Accepted) != 300-doubt-refused || people != 300-refused {
		t.Errorf("%v; the provider took %d: want %d unknown, %d refused", tally.Of, people, doubt, refused)
	}
	for _, other := range houses[1:] { // each process knows the same
		until(t, "the same tally", func() bool { return other.Progress("s1").Legs[0].Tally == h.Progress("s1").Legs[0].Tally })
	}
}

// An abort stops three workers within a second, by the provider's count; those whose turn had not come are recalled.
func TestAnAbortStopsAllWorkersWithinASecond(t *testing.T) {
	t.Parallel()
	b, g, list := oneBus(t), newGateway(t), invented(5000, 0)
	var h *house
	for i := range 3 {
		h = newHouse(t, b, []Account{hurried(time.Second)}, list)
		h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: fmt.Sprint("w", i)})
	}
	leg := list.leg("sms")
	leg.Gate, leg.Stage = 5000, All
	h.begin(t, confirmed("s1", false, leg))
	until(t, "some hundred are told", func() bool { n, _ := g.count(); return n > 300 })
	if err := h.Abort(t.Context(), "sam", "s1", "wrong words"); err != nil {
		t.Fatal(err)
	}
	aborted := time.Now()
	s := h.ended(t, "s1")
	time.Sleep(1500 * time.Millisecond)
	tally := whole(t, s)
	people, twice := g.count()
	late := 0
	g.mu.Lock()
	for _, at := range g.taken {
		if at[len(at)-1].Sub(aborted) > freshFor+time.Second {
			late++
		}
	}
	g.mu.Unlock()
	if s.State != Aborted || late > 0 || twice > 0 || tally.Get(Accepted) != people || tally.Get(Recalled) != 5000-people || tally.Get(Recalled) == 0 {
		t.Errorf("%s: %v; taken %d, %d of them twice, %d later than a second", s.State, tally.Of, people, twice, late)
	}
	if err := h.Resume(t.Context(), "sam", "s1", ""); err == nil {
		t.Error("what was aborted went on")
	}
}

func TestPausedIsPausedUntilSomebodyGoesOn(t *testing.T) {
	t.Parallel()
	b, g, list := oneBus(t), newGateway(t), invented(3000, 0)
	h := newHouse(t, b, []Account{account}, list)
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w"})
	leg := list.leg("sms")
	leg.Gate, leg.Stage, leg.Rate = 3000, All, 400
	h.begin(t, confirmed("s1", false, leg))
	until(t, "some are told", func() bool { n, _ := g.count(); return n > 50 })
	if err := h.Pause(t.Context(), "sam", "s1", "wait"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	n, _ := g.count()
	time.Sleep(time.Second)
	if now, _ := g.count(); now != n {
		t.Errorf("%d were told while it was paused", now-n)
	}
	if err := h.Resume(t.Context(), "sue", "s1", ""); err != nil {
		t.Fatal(err)
	}
	if s := h.ended(t, "s1"); s.State != Completed || whole(t, s).Get(Accepted) != 3000 {
		t.Errorf("%s: %v", s.State, whole(t, s).Of)
	}
	if _, twice := g.count(); twice > 0 {
		t.Errorf("%d were told twice", twice)
	}
}

// The house's own people are told first; when they cannot be, nobody else is.
func TestTheCanaryStopsWhatFails(t *testing.T) {
	t.Parallel()
	b, g, list := oneBus(t), newGateway(t), invented(1000, 10)
	broken := true
	g.mood = func(string) mood {
		if broken {
			return refuses
		}
		return takes
	}
	h := newHouse(t, b, []Account{account}, list)
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w"})
	h.begin(t, confirmed("s1", false, list.leg("sms")))
	until(t, "it is paused", func() bool { s := h.Get("s1"); return s != nil && s.State == Paused })
	s := h.Get("s1")
	if s.Pause.Why != "failures" || s.Pause.Leg != "sms" || s.Legs[0].Stage != House || s.Legs[0].Gate != 10 {
		t.Errorf("paused by %+v at %s %d", s.Pause, s.Legs[0].Stage, s.Legs[0].Gate)
	}
	g.mu.Lock()
	asked := g.asked
	broken = false
	g.mu.Unlock()
	if asked > 10 {
		t.Errorf("%d people were tried, want the ten of the house", asked)
	}
	if err := h.Resume(t.Context(), "sam", "s1", "the provider is mended"); err != nil {
		t.Fatal(err)
	}
	until(t, "one in a hundred", func() bool { return h.Get("s1").Legs[0].Stage == Percent })
	s = h.ended(t, "s1")
	if tally := whole(t, s); s.State != Faulty || tally.Get(Refused) != 10 || tally.Get(Accepted) != 990 {
		t.Errorf("%s: %v", s.State, tally.Of)
	}
	if err := h.Retry(t.Context(), "sam", "s1", ""); err != nil {
		t.Fatal(err)
	}
	until(t, "those ten are told", func() bool { s := h.Get("s1"); return s.State == Completed })
	if n, twice := g.count(); n != 1000 || twice != 0 {
		t.Errorf("%d told, %d twice", n, twice)
	}
}

// Who is unknown is told again only when a person who typed how many there are asks for it.
func TestUnknownIsNeverRepeatedByItself(t *testing.T) {
	t.Parallel()
	b, g, list := oneBus(t), newGateway(t), invented(60, 0)
	first := map[string]bool{}
	g.mood = func(to string) mood {
		g.mu.Lock()
		defer g.mu.Unlock()
		if was := first[to]; !was && to[len(to)-1] == '7' {
			first[to] = true
			return takesAndBreaks
		}
		return takes
	}
	h := newHouse(t, b, []Account{account}, list)
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w"})
	leg := list.leg("sms")
	leg.Forgiven = time.Now().Add(time.Hour)
	h.begin(t, confirmed("s1", false, leg))
	s := h.ended(t, "s1")
	if got := whole(t, s).Get(Unknown); s.State != Faulty || got != 6 {
		t.Fatalf("%s with %d unknown, want 6", s.State, got)
	}
	if err := h.Retry(t.Context(), "sam", "s1", ""); err != nil {
		t.Fatal(err)
	}
	h.ended(t, "s1")
	if _, twice := g.count(); twice > 0 {
		t.Errorf("a retry of the failed told %d of the unknown again", twice)
	}
	if err := h.RetryUnknown(t.Context(), "sam", "s1", "", 5); err == nil {
		t.Error("a wrong number was taken")
	}
	if err := h.RetryUnknown(t.Context(), "sam", "s1", "they called us", 6); err != nil {
		t.Fatal(err)
	}
	until(t, "they are told again", func() bool { return h.Get("s1").State == Completed })
	if n, twice := g.count(); n != 60 || twice != 6 {
		t.Errorf("%d told, %d twice, want the six that a person asked for", n, twice)
	}
}

// What a worker that ended in the middle of its calls left behind is unknown, and is found by another. However much it
// was, it says nothing of the provider, and stops nothing.
func TestWhatADeadWorkerLeftIsUnknown(t *testing.T) {
	t.Parallel()
	const left = 25
	b, g, list := oneBus(t), newGateway(t), invented(40, 0)
	h := newHouse(t, b, []Account{account}, list)
	s := confirmed("s1", false, list.leg("sms"))
	h.begin(t, s)
	until(t, "the ledger is there", func() bool { l := h.ledger("s1"); return l != nil && l.heardAll() })
	l := h.ledger("s1")
	for i := range left {
		if _, err := l.write(t.Context(), 0, i, entry{Outcome: Claimed.String(), Worker: "dead", Tries: 1, At: time.Now().UnixMilli()}, 0); err != nil {
			t.Fatal(err)
		}
	}
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w", Alone: true})
	s = h.ended(t, "s1")
	if tally := whole(t, s); tally.Get(Unknown) != left || tally.Get(Accepted) != 40-left {
		t.Errorf("%v, want %d unknown", tally.Of, left)
	}
	if n, _ := g.count(); n != 40-left {
		t.Errorf("%d were told: nobody knows of the others, and nobody asked", n)
	}
}

// An exercise reaches the accounts of exercises, and what is real those of what is real, whatever a send says.
func TestAnExerciseNeverReachesWhatIsReal(t *testing.T) {
	t.Parallel()
	b, live, drill, list := oneBus(t), newGateway(t), newGateway(t), invented(20, 0)
	exercise := account
	exercise.Drill = true
	h := newHouse(t, b, []Account{account, exercise}, list)
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": live.channel(t)}, Owner: "live"})
	letGo := h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": drill.channel(t)}, Owner: "drill", Drill: true})
	h.begin(t, confirmed("s1", true, list.leg("sms")))
	h.ended(t, "s1")
	if n, _ := live.count(); n > 0 {
		t.Errorf("an exercise told %d people for real", n)
	}
	if n, _ := drill.count(); n != 20 {
		t.Errorf("the exercise's provider took %d", n)
	}
	letGo()
	h.begin(t, confirmed("s2", true, list.leg("sms"))) // nobody carries exercises now
	h.begin(t, confirmed("s3", false, list.leg("sms")))
	h.ended(t, "s3")
	if n, _ := live.count(); n != 20 || !h.Get("s2").Ended.IsZero() {
		t.Errorf("told %d for real; the exercise is %s", n, h.Get("s2").State)
	}
	if n, _ := drill.count(); n != 20 {
		t.Errorf("the exercise's provider took %d", n)
	}
}

// Reports come twice and in any order: what arrived stays arrived.
func TestReportsCountOnceAndGoOneWay(t *testing.T) {
	t.Parallel()
	b, g, list := oneBus(t), newGateway(t), invented(10, 0)
	h := newHouse(t, b, []Account{account}, list)
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w"})
	h.begin(t, confirmed("s1", false, list.leg("sms")))
	h.ended(t, "s1")
	w := NewWorker(WorkerConfig{Room: h.Room, Owner: "reader"})
	tell := func(r channel.Report) {
		t.Helper()
		if err := w.report(t.Context(), "sms", r); err != nil {
			t.Fatal(err)
		}
	}
	id := func(i int) string { return messageID("s1", 0, list.all[i].Key) }
	for range 46 {
		tell(channel.Report{ID: id(1), State: channel.Delivered})
		tell(channel.Report{Receipt: "sm-" + list.all[2].To, State: channel.Delivered})
		tell(channel.Report{ID: id(3), State: channel.Failed, Text: "absent"})
		tell(channel.Report{ID: id(1), State: channel.Failed})
	}
	tell(channel.Report{ID: id(4), State: channel.Failed})
	tell(channel.Report{ID: id(4), State: channel.Delivered}) // the operator knew better in the end
	tell(channel.Report{ID: "s9-0-k", State: channel.Delivered})
	tell(channel.Report{ID: "nonsense", Receipt: "nobody's", State: channel.Delivered})
	tell(channel.Report{ID: messageID("s1", 0, "nobody"), State: channel.Delivered})
	drill := NewWorker(WorkerConfig{Room: h.Room, Owner: "drill", Drill: true})
	for _, r := range []channel.Report{{ID: id(5), State: channel.Failed}, {Receipt: "sm-" + list.all[6].To, State: channel.Failed}} {
		if err := errors.Join(w.report(t.Context(), "another account", r), drill.report(t.Context(), "sms", r)); err != nil {
			t.Fatal(err)
		}
	}
	tally := h.Progress("s1").Legs[0].Tally
	if tally.Get(Delivered) != 3 || tally.Get(Undelivered) != 1 || tally.Get(Accepted) != 6 {
		t.Errorf("%v", tally.Of)
	}
}

// On its date it is forgotten who was told; what was said, and how many, is kept.
func TestWhoWasToldIsForgottenOnADate(t *testing.T) {
	t.Parallel()
	b, g, list := oneBus(t), newGateway(t), invented(20, 0)
	h := newHouse(t, b, []Account{account}, list)
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w"})
	h.begin(t, confirmed("s1", false, list.leg("sms")))
	h.ended(t, "s1")
	if _, total, err := h.Lines(t.Context(), "s1", 0, nil, 0, 10); err != nil || total != 20 {
		t.Fatalf("%d lines, %v", total, err)
	}
	if _, err := h.sends.Edit(t.Context(), "s1", func(s *Send) error { s.Ended = s.Ended.Add(-31 * 24 * time.Hour); return nil }); err != nil {
		t.Fatal(err)
	}
	NewWorker(WorkerConfig{Room: h.Room, Owner: "tidy"}).tidy(t.Context())
	if _, _, err := h.Lines(t.Context(), "s1", 0, nil, 0, 10); !errors.Is(err, ErrForgotten) {
		t.Errorf("who was told is still told: %v", err)
	}
	kv, err := b.KV(t.Context(), bucketOf("s1")) // made anew, empty
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := kv.Keys(t.Context()); err != nil || len(keys) > 0 {
		t.Errorf("%d lines are kept: %v", len(keys), err)
	}
	if s := h.Get("s1"); whole(t, s).Get(Accepted) != 20 {
		t.Errorf("it is not known any more how many were told: %+v", s.Legs[0].Tally)
	}
}
