package ingest

import (
	"log/slog"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
)

func openLease(t *testing.T, kv *bus.KV, owner string, alone bool) *partitionLease {
	t.Helper()
	return newLease(kv, "p0", owner, alone, slog.New(slog.DiscardHandler))
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

// made begins with the stream's own state.
var made = ofStream(streamMade, "p0", slog.New(slog.DiscardHandler))

func TestALeaseRemembersWhatWasPlannedAndStored(t *testing.T) {
	kv := writersBucket(t)
	first := openLease(t, kv, "first", true)
	if err := first.Acquire(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	if s := first.Current(); s.Committed != 0 || s.To != 0 || s.Stream != streamMade.UnixNano() {
		t.Errorf("begins with %+v", s)
	}
	for _, f := range []func(*leaseState){
		func(s *leaseState) { s.From, s.To, s.PartRows = 1, 10, 7 },
		func(s *leaseState) { s.Committed, s.From, s.To = 10, 0, 0 },
		func(s *leaseState) { s.From, s.To, s.PartRows = 11, 30, 7 },
	} {
		if err := first.Change(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	// It is killed here. Who comes next takes up the plan.
	next := openLease(t, kv, "next", true)
	if err := next.Acquire(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	if s := next.Current(); s.Committed != 10 || s.From != 11 || s.To != 30 || s.PartRows != 7 || s.Owner != "next" {
		t.Errorf("took over %+v", s)
	}
}

func TestAStreamMadeAnewBeginsAtItsStart(t *testing.T) {
	kv := writersBucket(t)
	l := openLease(t, kv, "me", true)
	if err := l.Acquire(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	if err := l.Change(t.Context(), func(s *leaseState) { s.Committed, s.From, s.To = 1000, 1001, 1010 }); err != nil {
		t.Fatal(err)
	}
	again := openLease(t, kv, "me", true)
	if err := again.Acquire(t.Context(), ofStream(streamMade.Add(time.Hour), "p0", slog.New(slog.DiscardHandler))); err != nil {
		t.Fatal(err)
	}
	if s := again.Current(); s.Committed != 0 || s.To != 0 || s.From != 0 {
		t.Errorf("goes on with %+v of another stream", s)
	}
}
