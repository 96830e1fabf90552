package send

import (
	"context"
	"testing"
	"time"

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
