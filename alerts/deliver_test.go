package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/internal/provider"
)

// keep puts a line there as some process left it.
func (h *house) keep(r *Room, e Entry) {
	h.t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.ledger.Put(h.t.Context(), e.ID, raw); err != nil {
		h.t.Fatal(err)
	}
	r.hearLedger(e.ID, raw, false)
}

func (h *house) line(id, problem string) Entry {
	return Entry{ID: id, Problem: problem, Kind: notice.Firing, Target: route.Target{Channel: "hook0", Language: "en"}, State: Queued, Made: time.Now().UTC()}
}

// The bus took the claim and its answer was lost, or it was away for longer than the outcome could wait.
func TestAClaimThatItsProcessKnowsNothingOfIsSaid(t *testing.T) {
	to := newHook(t, nil)
	h := newHouse(t, to)
	r := h.room()
	h.problem(r, "p1")
	e := h.line("l1", "p1")
	e.State, e.Owner, e.Claimed = Claiming, "one", time.Now().UTC()
	h.keep(r, e)
	h.deliver(r, "one")
	until(t, "it is said", func() bool { return entry(t, r, "l1").State == Accepted })
	if heard := to.all(); len(heard) != 1 || !heard[0].Repeat {
		t.Errorf("heard %+v", heard)
	}
}

// A process that ends waits for what it is saying; the others wait as well.
func TestAProcessThatEndsIsAliveUntilItHasSaidEverything(t *testing.T) {
	begun, go_on := make(chan struct{}), make(chan struct{})
	to := newHook(t, func(n int, _ http.ResponseWriter) {
		if n == 1 {
			close(begun)
			<-go_on
		}
	})
	h := newHouse(t, to)
	h.policy.Channels[0].Timeout = route.Duration(time.Minute)
	here, there := h.room(), h.room()
	h.problem(here, "p1")
	until(t, "the other one knows the problem", func() bool { return there.Snapshot().Find("p1") != nil })
	run := func(r *Room, owner string) (stop func(), ended chan struct{}) {
		ctx, cancel := context.WithCancel(t.Context())
		ended = make(chan struct{})
		d := NewDeliverer(DelivererConfig{Room: r, Channels: h.channels, Owner: owner, Log: slog.New(slog.DiscardHandler)})
		go func() { defer close(ended); d.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-ended })
		return cancel, ended
	}
	stop, ended := run(here, "ends")
	h.keep(here, h.line("l1", "p1"))
	<-begun
	run(there, "stays")
	heard := func(owner string) func() bool {
		return func() bool {
			there.mu.Lock()
			defer there.mu.Unlock()
			return !there.gone(idOf(owner), time.Now())
		}
	}
	until(t, "they know of each other", func() bool { return heard("ends")() && heard("stays")() })
	stop()
	time.Sleep(2 * aliveEvery) // in which the other one looks for what nobody says any more
	close(go_on)
	<-ended
	if n := len(to.all()); n != 1 || entry(t, here, "l1").State != Accepted {
		t.Errorf("heard %d times, %s", n, entry(t, here, "l1").State)
	}
	until(t, "it is known to be gone", func() bool { return !heard("ends")() })
}

// One provider stalls, and has more to say than all others.
func TestAChannelThatStallsKeepsNoOtherWaiting(t *testing.T) {
	end := make(chan struct{})
	stalls := newHook(t, func(int, http.ResponseWriter) { <-end })
	answers := newHook(t, nil)
	h := newHouse(t, stalls, answers)
	h.policy.Channels[0].Timeout, h.policy.Channels[0].Next = route.Duration(time.Minute), ""
	r := h.room()
	h.problem(r, "p1")
	for i := range 40 {
		h.keep(r, h.line(fmt.Sprint("a", i), "p1"))
	}
	d := NewDeliverer(DelivererConfig{Room: r, Channels: h.channels, Owner: "one", Alone: true, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); d.Run(ctx) }()
	t.Cleanup(func() { cancel(); close(end); <-ended })
	until(t, "all that can be is being said", func() bool { return len(stalls.all()) == mostPerRoad })
	d.mu.Lock()
	underway := len(d.underway)
	d.mu.Unlock()
	if underway != mostPerRoad {
		t.Errorf("%d lines are taken up, %d can be said", underway, mostPerRoad)
	}
	e := h.line("z", "p1")
	e.Target.Channel = "hook1"
	h.keep(r, e)
	until(t, "the other channel says its own", func() bool { return entry(t, r, "z").State == Accepted })
}

// An hour without any process, and the network is not up yet: that is no three minutes of tries.
func TestWhatWaitedForAProcessIsTriedAsLongAsAnythingElse(t *testing.T) {
	to := newHook(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	h := newHouse(t, to)
	r := h.room()
	h.problem(r, "p1")
	e := h.line("l1", "p1")
	e.Made = time.Now().Add(-time.Hour)
	e.Tries = []Try{{At: e.Made, Outcome: OutcomeTemporary}}
	h.keep(r, e)
	h.deliver(r, "one")
	until(t, "it is settled", func() bool { s := entry(t, r, "l1").State; return s == Accepted || s == Failed })
	if got := entry(t, r, "l1"); got.State != Accepted || len(to.all()) != 2 {
		t.Errorf("%s for %q, heard %d times", got.State, got.Reason, len(to.all()))
	}
}

func TestWhatIsLeftFromBeforeIsNotSaid(t *testing.T) {
	for name, c := range map[string]struct {
		make   func(e *Entry, p *Problem)
		reason string
	}{
		"the end of what has come back":  {func(e *Entry, p *Problem) { e.Kind, p.Again = notice.Resolved, 1 }, UnsaidAgain},
		"an earlier end of what is over": {func(e *Entry, p *Problem) { e.Kind, p.Again, p.Ended = notice.Resolved, 1, time.Now() }, UnsaidAgain},
		"a test of yesterday": {func(e *Entry, _ *Problem) {
			e.Kind, e.Problem, e.Made = notice.Test, "", time.Now().Add(-24*time.Hour)
		}, UnsaidLate},
		"that nothing was judged": {func(e *Entry, _ *Problem) { e.Problem, e.Why = "", whyBlind }, UnsaidOver},
	} {
		t.Run(name, func(t *testing.T) {
			to := newHook(t, nil)
			h := newHouse(t, to)
			r := h.room()
			p, e := h.problem(r, "p1"), h.line("l1", "p1")
			c.make(&e, p)
			h.put(p)
			r.judgedAt(leadState{Judged: time.Now()})
			h.keep(r, e)
			h.deliver(r, "one")
			until(t, "it is settled", func() bool { return entry(t, r, "l1").State != Queued && entry(t, r, "l1").State != Claiming })
			if got := entry(t, r, "l1"); got.State != Suppressed || got.Reason != c.reason || len(to.all()) != 0 {
				t.Errorf("%s for %q, heard %d times", got.State, got.Reason, len(to.all()))
			}
		})
	}
}

// A message that ends the process that says it does not end all of them, one after the other.
func TestAMessageThatEndsProcessesIsGivenUp(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	r := h.room()
	h.problem(r, "p1")
	e := h.line("l1", "p1")
	e.State, e.Owner, e.Tries = Claiming, "the second one that died", []Try{{At: time.Now(), Outcome: OutcomeAmbiguous}}
	h.keep(r, e)
	h.channels["hook0"] = Channel{Notifier: panics{}}
	h.keep(r, h.line("l2", "p1"))
	h.deliver(r, "one")
	until(t, "both are settled", func() bool { return entry(t, r, "l1").State == Failed && entry(t, r, "l2").State == Failed })
	if a, b := entry(t, r, "l1").Reason, entry(t, r, "l2").Reason; a != UnsaidTries || b != UnsaidPermanent {
		t.Errorf("for %q and %q", a, b)
	}
}

type panics struct{}

func (panics) Notify(context.Context, string, *notice.Notification) (provider.Receipt, error) {
	panic("a defect")
}
