package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
)

func openLease(t *testing.T, kv *bus.KV, owner string, alone bool) *lease {
	t.Helper()
	return &lease{kv: kv, key: "p0", owner: owner, alone: alone, log: slog.New(slog.DiscardHandler)}
}

func writersBucket(t *testing.T) *bus.KV {
	t.Helper()
	kv, err := bustest.Open(t).KV(t.Context(), "writers")
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

var streamMade = time.Unix(1_788_896_703, 123)

func TestALeaseRemembersWhatWasPlannedAndStored(t *testing.T) {
	kv := writersBucket(t)
	first := openLease(t, kv, "first", true)
	if err := first.acquire(t.Context(), streamMade); err != nil {
		t.Fatal(err)
	}
	if s := first.current(); s.Committed != 0 || s.To != 0 || s.Stream != streamMade.UnixNano() {
		t.Errorf("begins with %+v", s)
	}
	for _, f := range []func(*leaseState){
		func(s *leaseState) { s.From, s.To, s.PartRows = 1, 10, 7 },
		func(s *leaseState) { s.Committed, s.From, s.To = 10, 0, 0 },
		func(s *leaseState) { s.From, s.To, s.PartRows = 11, 30, 7 },
	} {
		if err := first.change(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	// It is killed here. Who comes next takes up the plan.
	next := openLease(t, kv, "next", true)
	if err := next.acquire(t.Context(), streamMade); err != nil {
		t.Fatal(err)
	}
	if s := next.current(); s.Committed != 10 || s.From != 11 || s.To != 30 || s.PartRows != 7 || s.Owner != "next" {
		t.Errorf("took over %+v", s)
	}
}

func TestAWriterThatWasOvertakenCannotPlanOrCommit(t *testing.T) {
	kv := writersBucket(t)
	old, taker := openLease(t, kv, "old", true), openLease(t, kv, "taker", true)
	if err := old.acquire(t.Context(), streamMade); err != nil {
		t.Fatal(err)
	}
	if err := taker.acquire(t.Context(), streamMade); err != nil {
		t.Fatal(err)
	}
	if err := old.change(t.Context(), func(s *leaseState) { s.Committed = 99 }); !errors.Is(err, errLeaseLost) {
		t.Errorf("the old writer: %v", err)
	}
	if err := taker.change(t.Context(), func(s *leaseState) { s.From, s.To = 1, 2 }); err != nil {
		t.Error(err)
	}
	if s := taker.current(); s.Committed != 0 {
		t.Errorf("the old writer committed: %+v", s)
	}
}

func TestAnotherNodeWaitsWhileTheLeaseIsRenewed(t *testing.T) {
	kv := writersBucket(t)
	holder := openLease(t, kv, "holder", true)
	if err := holder.acquire(t.Context(), streamMade); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	if err := openLease(t, kv, "other", false).acquire(ctx, streamMade); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("took a lease that is %s old: %v", 2500*time.Millisecond, err)
	}
	if err := holder.change(t.Context(), func(s *leaseState) { s.Committed = 1 }); err != nil {
		t.Errorf("the holder was disturbed: %v", err)
	}
}

func TestALostAnswerToTheOwnWriteIsNoLostLease(t *testing.T) {
	kv := writersBucket(t)
	l := openLease(t, kv, "me", true)
	if err := l.acquire(t.Context(), streamMade); err != nil {
		t.Fatal(err)
	}
	plan := func(s *leaseState) { s.From, s.To = 5, 9 }
	written := l.current()
	written.Beat++
	plan(&written)
	raw, err := json.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Update(t.Context(), "p0", raw, l.revision); err != nil { // its first try, unanswered
		t.Fatal(err)
	}
	if err := l.change(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if err := l.change(t.Context(), func(s *leaseState) { s.Committed = 9 }); err != nil {
		t.Errorf("and then: %v", err)
	}
}

func TestAStreamMadeAnewBeginsAtItsStart(t *testing.T) {
	kv := writersBucket(t)
	l := openLease(t, kv, "me", true)
	if err := l.acquire(t.Context(), streamMade); err != nil {
		t.Fatal(err)
	}
	if err := l.change(t.Context(), func(s *leaseState) { s.Committed, s.From, s.To = 1000, 1001, 1010 }); err != nil {
		t.Fatal(err)
	}
	again := openLease(t, kv, "me", true)
	if err := again.acquire(t.Context(), streamMade.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s := again.current(); s.Committed != 0 || s.To != 0 || s.From != 0 {
		t.Errorf("goes on with %+v of another stream", s)
	}
}

func TestAStateThatSomebodyEditedIsNotGuessedAt(t *testing.T) {
	kv := writersBucket(t)
	if err := kv.Put(t.Context(), "p0", []byte("committed=12")); err != nil {
		t.Fatal(err)
	}
	err := openLease(t, kv, "me", true).acquire(t.Context(), streamMade)
	if err == nil || !strings.Contains(err.Error(), "p0") || !strings.Contains(err.Error(), "edited by hand") {
		t.Error(err)
	}
}
