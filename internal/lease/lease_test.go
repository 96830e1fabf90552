package lease

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

type plan struct {
	Head
	Committed, From, To uint64
}

func open(t *testing.T, kv *bus.KV, owner string, alone bool) *Lease[plan, *plan] {
	t.Helper()
	return New[plan](kv, "p0", owner, alone, 10*time.Second, slog.New(slog.DiscardHandler))
}

func bucket(t *testing.T) *bus.KV {
	t.Helper()
	kv, err := bustest.Open(t).KV(t.Context(), "leases")
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

func TestAHolderThatWasOvertakenCannotWrite(t *testing.T) {
	kv := bucket(t)
	old, taker := open(t, kv, "old", true), open(t, kv, "taker", true)
	if err := old.Acquire(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := taker.Acquire(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := old.Change(t.Context(), func(s *plan) { s.Committed = 99 }); !errors.Is(err, ErrLost) {
		t.Errorf("the old holder: %v", err)
	}
	if err := taker.Change(t.Context(), func(s *plan) { s.From, s.To = 1, 2 }); err != nil {
		t.Error(err)
	}
	if s := taker.Current(); s.Committed != 0 {
		t.Errorf("the old holder committed: %+v", s)
	}
}

func TestAnotherNodeWaitsWhileTheLeaseIsRenewed(t *testing.T) {
	kv := bucket(t)
	holder := open(t, kv, "holder", true)
	if err := holder.Acquire(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	if err := open(t, kv, "other", false).Acquire(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("took a lease that is %s old: %v", 2500*time.Millisecond, err)
	}
	if err := holder.Change(t.Context(), func(s *plan) { s.Committed = 1 }); err != nil {
		t.Errorf("the holder was disturbed: %v", err)
	}
}

func TestALostAnswerToTheOwnWriteIsNoLostLease(t *testing.T) {
	kv := bucket(t)
	l := open(t, kv, "me", true)
	if err := l.Acquire(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	next := func(s *plan) { s.From, s.To = 5, 9 }
	written := l.Current()
	written.Beat++
	next(&written)
	raw, err := json.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Update(t.Context(), "p0", raw, l.revision); err != nil { // its first try, unanswered
		t.Fatal(err)
	}
	if err := l.Change(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if err := l.Change(t.Context(), func(s *plan) { s.Committed = 9 }); err != nil {
		t.Errorf("and then: %v", err)
	}
}

func TestAStateThatSomebodyEditedIsNotGuessedAt(t *testing.T) {
	kv := bucket(t)
	if err := kv.Put(t.Context(), "p0", []byte("committed=12")); err != nil {
		t.Fatal(err)
	}
	err := open(t, kv, "me", true).Acquire(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "p0") || !strings.Contains(err.Error(), "edited by hand") {
		t.Error(err)
	}
}

// Two nodes, and a holder that stops: the other has it once its time is over, and not before.
func TestALeaseThatIsNotRenewedIsTaken(t *testing.T) {
	kv := bucket(t)
	old := New[plan](kv, "p0", "old", false, time.Second, slog.New(slog.DiscardHandler))
	if err := old.Acquire(t.Context(), func(p *plan) { p.Committed = 7 }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	kept := make(chan error)
	go func() { kept <- old.Renew(ctx) }()
	next := New[plan](kv, "p0", "next", false, time.Second, slog.New(slog.DiscardHandler))
	short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := next.Acquire(short, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("took a lease that is kept: %v", err)
	}
	stop()
	if err := <-kept; err != nil {
		t.Fatal(err)
	}
	if err := next.Acquire(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if s := next.Current(); s.Committed != 7 || s.Owner != "next" {
		t.Errorf("took over %+v", s)
	}
	if err := old.Change(t.Context(), func(*plan) {}); !errors.Is(err, ErrLost) {
		t.Errorf("the old holder: %v", err)
	}
}
