package send

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
)

// followed is a send's ledger, of which all was heard.
func (h *house) followed(t testing.TB, id string) *ledger {
	t.Helper()
	until(t, id+" is followed", func() bool { l := h.ledger(id); return l != nil && l.heardAll() })
	return h.ledger(id)
}

// What came of a call is written whatever it says of tries, as long as the line is this call's claim.
func TestWhatCameOfACallTakesThePlaceOfItsOwnClaim(t *testing.T) {
	t.Parallel()
	list := invented(3, 0)
	h := newHouse(t, oneBus(t), []Account{account}, list)
	s := confirmed("s1", false, list.leg("sms"))
	h.begin(t, s)
	l := h.followed(t, "s1")
	claim := entry{Outcome: Claimed.String(), Worker: "w", Tries: 1, At: 1}
	revision, err := l.write(t.Context(), 0, 0, claim, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = l.write(t.Context(), 0, 0, claim, revision); err != nil { // and the one who calls knows the first
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		e     entry
		wants Outcome
	}{
		{"of another worker's claim nothing is told", entry{Outcome: Waiting.String(), Worker: "other", At: 2}, Claimed},
		{"asked to wait, a try that does not count", entry{Outcome: Waiting.String(), Worker: "w", At: 2, Next: 3}, Waiting},
	} {
		if err := l.settle(t.Context(), 0, 0, c.e, revision); err != nil {
			t.Fatal(err)
		}
		if got := l.at(0, 0).outcome; got != c.wants {
			t.Errorf("%s: %s, want %s", c.name, got, c.wants)
		}
	}
}

// A worker that could not write what came of its call, for the bus was away, does not keep the send from ending.
func TestWhatAWorkerCouldNotWriteIsUnknownThoughItLives(t *testing.T) {
	t.Parallel()
	list, g := invented(3, 0), newGateway(t)
	h := newHouse(t, oneBus(t), []Account{account}, list)
	s := confirmed("s1", false, list.leg("sms"))
	s.Legs[0].Forgiven = time.Now().Add(time.Hour)
	s.State, s.Pause = Paused, &Pause{}
	h.begin(t, s)
	l := h.followed(t, "s1")
	if _, err := l.write(t.Context(), 0, 1, entry{Outcome: Claimed.String(), Worker: "w", Tries: 1, At: 1}, 0); err != nil {
		t.Fatal(err)
	}
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w"})
	if err := h.Resume(t.Context(), "sam", "s1", ""); err != nil {
		t.Fatal(err)
	}
	tally := whole(t, h.ended(t, "s1"))
	if n, _ := g.count(); tally.Get(Unknown) != 1 || tally.Get(Accepted) != 2 || n != 2 {
		t.Errorf("%v, and %d were taken: want 1 unknown, 2 accepted", tally.Of, n)
	}
}

// What is claimed anew is nobody's orphan, whoever claimed it before.
func TestALineIsAdoptedFromTheDeadAlone(t *testing.T) {
	t.Parallel()
	list := invented(3, 0)
	h := newHouse(t, oneBus(t), []Account{account}, list)
	s := confirmed("s1", false, list.leg("sms"))
	h.begin(t, s)
	l := h.followed(t, "s1")
	w := NewWorker(WorkerConfig{Room: h.Room, Owner: "me"})
	if _, err := l.write(t.Context(), 0, 0, entry{Outcome: Claimed.String(), Worker: "alive", Tries: 2, At: 1}, 0); err != nil {
		t.Fatal(err)
	}
	w.adoptOne(context.Background(), s, l, 0, 0, func(name string) bool { return name == "gone" })
	if got := l.at(0, 0).outcome; got != Claimed {
		t.Errorf("it is %s, want %s", got, Claimed)
	}
}

// Who asks for another round asks for those, too, for whom it was too late: the round is not over before it began.
func TestARoundIsForThoseWhoCameTooLateToo(t *testing.T) {
	t.Parallel()
	list := invented(3, 0)
	h := newHouse(t, oneBus(t), []Account{account}, list)
	s := confirmed("s1", false, list.leg("sms"))
	s.State, s.Round = Sending, 1
	s.Legs[0].Gate, s.Legs[0].Stage, s.Legs[0].Until = 3, All, time.Now().Add(time.Hour)
	h.begin(t, s)
	l := h.followed(t, "s1")
	l.mu.Lock()
	l.ended = Expired // what the ledger was told of the round before
	l.mu.Unlock()
	w := NewWorker(WorkerConfig{Room: h.Room, Owner: "me"})
	if err := w.advance(t.Context(), h.Get("s1"), l); err != nil {
		t.Fatal(err)
	}
	if s := h.Get("s1"); s.State != Sending {
		t.Errorf("it is %s before anybody was called", s.State)
	}
}

// A message that nobody began to send is late by when it was confirmed, also where it was paused in between.
func TestAMessageIsLateByWhenItWasConfirmed(t *testing.T) {
	t.Parallel()
	for _, pause := range []bool{false, true} {
		list, g := invented(3, 0), newGateway(t)
		h := newHouse(t, oneBus(t), []Account{account}, list)
		s := confirmed("s1", false, list.leg("sms"))
		s.Confirmed = time.Now().Add(-2 * time.Hour)
		h.begin(t, s)
		h.followed(t, "s1")
		if pause {
			if err := h.Pause(t.Context(), "sam", "s1", ""); err != nil {
				t.Fatal(err)
			}
			if err := h.Resume(t.Context(), "sam", "s1", ""); err != nil {
				t.Fatal(err)
			}
		}
		h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w"})
		tally := whole(t, h.ended(t, "s1"))
		if n, _ := g.count(); n != 0 || tally.Get(Expired) != 3 {
			t.Errorf("paused %v: %d were told two hours late; %v", pause, n, tally.Of)
		}
	}
}

// What was paused and forgotten ends once it is of no use to anybody; whoever still wants it sent asks for a round.
func TestWhatIsPausedForTooLongIsOver(t *testing.T) {
	t.Parallel()
	list, g := invented(3, 0), newGateway(t)
	h := newHouse(t, oneBus(t), []Account{account}, list)
	for _, id := range []string{"begun", "not-begun"} {
		s := confirmed(id, false, list.leg("sms"))
		s.State, s.Pause = Paused, &Pause{By: "sam"}
		if s.Confirmed = time.Now().Add(-30 * time.Hour); id == "begun" {
			s.Legs[0].Gate, s.Legs[0].Stage, s.Legs[0].Until = 3, All, time.Now().Add(-time.Hour)
		}
		h.begin(t, s)
	}
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w"})
	for _, id := range []string{"begun", "not-begun"} {
		s := h.ended(t, id)
		if tally := whole(t, s); s.State != Faulty || tally.Get(Expired) != 3 {
			t.Errorf("%s: %s: %v", id, s.State, tally.Of)
		}
	}
	if n, _ := g.count(); n > 0 {
		t.Errorf("%d were told too late", n)
	}
}

// Who goes on although the status page could not be told has the others told.
func TestWithoutTheStatusPageTheOthersAreToldWhenAPersonSaysSo(t *testing.T) {
	t.Parallel()
	list, g := invented(3, 0), newGateway(t)
	accounts := []Account{{ID: "page", Kind: channel.Status}, account}
	h := newHouse(t, oneBus(t), accounts, list)
	refusing := list.leg("sms")
	h.begin(t, confirmed("s1", false, Leg{Channel: "page", Kind: channel.Status, Posts: []string{"fr"}}, refusing))
	closed := newGateway(t)
	closed.mood = func(string) mood { return refuses }
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"page": closed.channel(t), "sms": g.channel(t)}, Owner: "w"})
	until(t, "it is paused", func() bool { return h.Get("s1").State == Paused })
	if n, _ := g.count(); n != 0 {
		t.Fatalf("%d were referred to a page that says nothing", n)
	}
	if err := h.Resume(t.Context(), "sam", "s1", "the page is down"); err != nil {
		t.Fatal(err)
	}
	tally := whole(t, h.ended(t, "s1"))
	if n, _ := g.count(); n != 3 || tally.Get(Refused) != 1 {
		t.Errorf("%d of 3 were told; %v", n, tally.Of)
	}
}

// Who asks for a ledger while it is let go is told so, and does not wait for ever.
func TestALedgerThatIsLetGoIsWaitedForByNobody(t *testing.T) {
	t.Parallel()
	list := invented(3, 0)
	h := newHouse(t, oneBus(t), []Account{account}, list)
	l, err := openLedger(t.Context(), h.bus, confirmed("s1", false, list.leg("sms")), []audience.List{list}, func() {}, h.cfg.Log)
	if err != nil {
		t.Fatal(err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	l.run(ended)
	if err := l.hearAll(t.Context()); err == nil {
		t.Error("it was heard, though nobody listened")
	}
}

// However many sends a night has, those that are open are followed; those of long ago as long as somebody looks.
func TestOpenSendsAreFollowedWhateverTheirNumber(t *testing.T) {
	t.Parallel()
	list := invented(3, 0)
	h := newHouse(t, oneBus(t), []Account{account}, list)
	for i := range maxFollow + 3 {
		s := confirmed(fmt.Sprintf("s%03d", i), false, list.leg("sms"))
		s.State, s.Pause = Paused, &Pause{}
		if i > 0 {
			s.State, s.Ended = Completed, time.Now()
		}
		h.begin(t, s)
	}
	h.followed(t, "s000")
	h.followed(t, fmt.Sprintf("s%03d", maxFollow+2))
	h.Room.mu.Lock()
	n := len(h.ledgers)
	h.Room.mu.Unlock()
	if n > maxFollow+maxLook {
		t.Errorf("%d are followed", n)
	}
	_, total, err := h.Lines(t.Context(), "s001", 0, []Outcome{Expired}, 0, 10)
	if err != nil || total != 3 {
		t.Errorf("%d, %v", total, err)
	}
	h.follow(t.Context())
	if h.ledger("s001") == nil {
		t.Error("what somebody looks at was let go")
	}
}

func TestWhoConfirmsHadNoOtherPart(t *testing.T) {
	s := &Send{By: "sam", Approved: "val", Authors: []string{"ana", "bob"}}
	for by, as := range map[string]string{"sam": "sender", "val": "validator", "ana": "author", "bob": "author", "sue": ""} {
		err := s.mayConfirm(by)
		if got, _ := errors.AsType[SamePerson](err); got.As != as {
			t.Errorf("%s: %v, want %q", by, err, as)
		}
	}
	if s.Drill = true; s.mayConfirm("sam") != nil {
		t.Error("an exercise takes no second person")
	}
}

// Nobody is told nothing, whatever the house's first language is.
func TestWhoSpeaksAnotherLanguageIsToldInOneThatThereIs(t *testing.T) {
	s := confirmed("s1", false)
	for first, of := range map[string]map[string]string{"fr": {"fr": "fr", "en": "en", "es": "fr"}, "de": {"de": "en", "fr": "fr", "": "en"}} {
		s.FirstLang = first
		for lang, want := range of {
			if got := s.speaks(channel.SMS, lang); got != want {
				t.Errorf("of a house that speaks %s first, %q is told in %q, want %q", first, lang, got, want)
			}
		}
	}
}

// What follows goes to those of a first message that was not aborted, though another one was before.
func TestWhatFollowsFollowsTheFirstMessageThatWasNotAborted(t *testing.T) {
	t.Parallel()
	list := invented(3, 0)
	h := newHouse(t, oneBus(t), []Account{account}, list)
	for i, c := range []struct {
		as   State
		want string
	}{{Aborted, "s0"}, {Aborted, "s1"}, {Completed, "s2"}, {Aborted, "s2"}, {Completed, "s2"}} {
		s := confirmed(fmt.Sprint("s", i), false, list.leg("sms"))
		s.State, s.Ended = c.as, time.Now()
		h.begin(t, s)
		if got := h.initial("night", "cdn-lost"); got == nil || got.ID != c.want {
			t.Errorf("after %d: %v, want %s", i, got, c.want)
		}
	}
}

// Workers that are long gone leave nothing behind, those of exercises and those of what is real each by their own.
func TestBeatsOfWorkersThatAreLongGoneAreForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t, oneBus(t), nil)
	for id, drill := range map[string]bool{"gone": false, "silent": false, "drill": true} {
		if err := h.beats.Create(t.Context(), id, &beat{N: 7, Drill: drill}); err != nil {
			t.Fatal(err)
		}
	}
	h.live(false)
	h.Room.mu.Lock()
	h.heard["gone"] = time.Now().Add(-2 * keepBeats)
	h.Room.mu.Unlock()
	h.Room.forgetBeats(t.Context(), false)
	if got := h.beats.IDs(); !slices.Equal(got, []string{"drill", "silent"}) {
		t.Errorf("%v are left", got)
	}
}
