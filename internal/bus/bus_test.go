package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
)

func openStream(t *testing.T, b *bus.Bus, cfg bus.StreamConfig) *bus.Stream {
	t.Helper()
	cfg.Name, cfg.Subjects, cfg.Window = "S", []string{"s.>"}, time.Minute
	s, err := b.Stream(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, s *bus.Stream, from uint64, n int) []bus.Message {
	t.Helper()
	r, err := s.Read(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []bus.Message
	for range n {
		m, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func TestAStreamGivesBackWhatItWasGivenInOrder(t *testing.T) {
	s := openStream(t, bustest.Open(t), bus.StreamConfig{})
	for i := range 5 {
		seq, dup, err := s.Publish(t.Context(), bus.Message{Subject: "s.a", Data: fmt.Append(nil, i), Header: bus.Header{"Vigie-N": fmt.Sprint(i)}})
		if err != nil || dup || seq != uint64(i+1) {
			t.Fatalf("publish %d: seq %d, duplicate %v, %v", i, seq, dup, err)
		}
	}
	for i, m := range read(t, s, 3, 3) {
		if want := fmt.Sprint(i + 2); string(m.Data) != want || m.Header["Vigie-N"] != want || m.Sequence != uint64(i+3) || m.Subject != "s.a" || m.Stored.IsZero() {
			t.Errorf("message %d: %+v", i, m)
		}
	}
}

func TestAnIDIsStoredOnce(t *testing.T) {
	dir := t.TempDir()
	b := bustest.OpenDir(t, dir)
	s := openStream(t, b, bus.StreamConfig{})
	m := bus.Message{Subject: "s.a", Data: []byte("x"), ID: "batch-1"}
	if _, dup, err := s.Publish(t.Context(), m); err != nil || dup {
		t.Fatal(dup, err)
	}
	if seq, dup, err := s.Publish(t.Context(), m); err != nil || !dup || seq != 1 {
		t.Fatal(seq, dup, err)
	}
	b.Close()
	s = openStream(t, bustest.OpenDir(t, dir), bus.StreamConfig{})
	if seq, dup, err := s.Publish(t.Context(), m); err != nil || !dup || seq != 1 {
		t.Fatalf("after a restart: seq %d, duplicate %v, %v", seq, dup, err)
	}
}

func TestABatchIsStoredWholeOrNotAtAll(t *testing.T) {
	s := openStream(t, bustest.Open(t), bus.StreamConfig{})
	batch := func(id string) []bus.Message {
		var all []bus.Message
		for i := range 4 {
			all = append(all, bus.Message{Subject: "s.a", Data: bytes.Repeat([]byte{byte(i)}, 1000), ID: fmt.Sprintf("%s/%d", id, i)})
		}
		return all
	}
	for _, step := range []struct {
		id        string
		duplicate bool
		last      uint64
	}{{"a", false, 4}, {"a", true, 4}, {"b", false, 8}} {
		dup, err := s.PublishAll(t.Context(), batch(step.id))
		if err != nil || dup != step.duplicate {
			t.Fatalf("%+v: duplicate %v, %v", step, dup, err)
		}
		if state, err := s.State(t.Context()); err != nil || state.Last != step.last {
			t.Fatalf("%+v: %+v, %v", step, state, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the sender of the third batch dies before its commit
	if _, err := s.PublishAll(ctx, batch("c")); err == nil {
		t.Fatal("published with a dead context")
	}
	if state, _ := s.State(t.Context()); state.Last != 8 {
		t.Fatalf("a batch without commit left %+v", state)
	}
	one, err := s.PublishAll(t.Context(), batch("d")[:1])
	if err != nil || one {
		t.Fatalf("a batch of one: %v, %v", one, err)
	}
}

func TestAFullStreamRefusesAndLosesNothing(t *testing.T) {
	s := openStream(t, bustest.Open(t), bus.StreamConfig{MaxBytes: 100_000})
	stored := 0
	for {
		_, _, err := s.Publish(t.Context(), bus.Message{Subject: "s.a", Data: make([]byte, 10_000)})
		if errors.Is(err, bus.ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		stored++
	}
	var batch []bus.Message
	for range 3 {
		batch = append(batch, bus.Message{Subject: "s.a", Data: make([]byte, 10_000)})
	}
	if _, err := s.PublishAll(t.Context(), batch); !errors.Is(err, bus.ErrFull) {
		t.Errorf("a batch into a full stream: %v", err)
	}
	if state, _ := s.State(t.Context()); state.First != 1 || state.Last != uint64(stored) {
		t.Errorf("%d stored, but %+v", stored, state)
	}
	if err := s.Forget(t.Context(), 6); err != nil {
		t.Fatal(err)
	}
	if state, _ := s.State(t.Context()); state.First != 6 {
		t.Errorf("after forgetting what is before 6: %+v", state)
	}
	if _, _, err := s.Publish(t.Context(), bus.Message{Subject: "s.a", Data: make([]byte, 10_000)}); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	s := openStream(t, bustest.Open(t), bus.StreamConfig{})
	r, err := s.Read(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if _, _, err := s.Publish(t.Context(), bus.Message{Subject: "s.a", Data: []byte("late")}); err != nil {
		t.Fatal(err)
	}
	if m, err := r.Next(t.Context()); err != nil || string(m.Data) != "late" {
		t.Fatalf("the reader lives on: %q, %v", m.Data, err)
	}
}

func TestABucketComparesBeforeItSets(t *testing.T) {
	ctx := t.Context()
	kv, err := bustest.Open(t).KV(ctx, "things")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := kv.Get(ctx, "a"); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("get of nothing: %v", err)
	}
	rev, err := kv.Create(ctx, "a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(ctx, "a", []byte("2")); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("create of what is there: %v", err)
	}
	if _, err := kv.Update(ctx, "a", []byte("3"), rev); err != nil {
		t.Errorf("update at the right revision: %v", err)
	}
	if _, err := kv.Update(ctx, "a", []byte("4"), rev); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("update at an old revision: %v", err)
	}
	if v, _, err := kv.Get(ctx, "a"); err != nil || string(v) != "3" {
		t.Errorf("got %q, %v", v, err)
	}
	if keys, err := kv.Keys(ctx); err != nil || strings.Join(keys, " ") != "a" {
		t.Errorf("keys %v, %v", keys, err)
	}
	if err := kv.Delete(ctx, "a"); err != nil {
		t.Error(err)
	}
	if _, err := kv.Create(ctx, "a", []byte("5")); err != nil {
		t.Errorf("create after delete: %v", err)
	}
}

func TestAWrongURLSaysWhereWithoutThePassword(t *testing.T) {
	_, err := bus.Open(t.Context(), bus.Config{URL: "nats://vigie:secret@127.0.0.1:1"})
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "nats.url") {
		t.Fatal(err)
	}
}

// told is what a watch has said so far.
type told struct {
	mu  sync.Mutex
	all []string
	new chan struct{}
}

func (t *told) hear(key string, value []byte, deleted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, fmt.Sprintf("%s=%s", key, value))
	if deleted {
		t.all[len(t.all)-1] = key + " is gone"
	}
	select {
	case t.new <- struct{}{}:
	default:
	}
}

// until waits for the last thing told.
func (t *told) until(tb testing.TB, want string) {
	tb.Helper()
	limit := time.After(30 * time.Second)
	for {
		t.mu.Lock()
		all := slices.Clone(t.all)
		t.mu.Unlock()
		if len(all) > 0 && all[len(all)-1] == want {
			return
		}
		select {
		case <-t.new:
		case <-limit:
			tb.Fatalf("%q is not told: %q", want, all)
		}
	}
}

func watch(t *testing.T, kv *bus.KV) (*told, func() error) {
	t.Helper()
	heard := &told{new: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- kv.Watch(ctx, heard.hear) }()
	return heard, func() error { stop(); return <-ended }
}

func TestAWatchTellsWhatIsAndWhatBecomes(t *testing.T) {
	ctx := t.Context()
	b := bustest.Open(t)
	kv, err := b.KV(ctx, "things")
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"1", "2"} {
		if err := kv.Put(ctx, "a", []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	heard, stop := watch(t, kv)
	heard.until(t, "a=2")
	for i := range 3 {
		if err := kv.Put(ctx, "b", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	heard.until(t, "b=2")
	if err := kv.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	heard.until(t, "a is gone")
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	// Values that were overwritten before they were told may be left out, but never come late.
	want := []string{"a=2", "b=0", "b=1", "b=2", "a is gone"}
	for i, at := 0, 0; i < len(heard.all); i++ {
		next := slices.Index(want[at:], heard.all[i])
		if next < 0 {
			t.Fatalf("it told %s", heard.all)
		}
		at += next + 1
	}
	b.Close()
	if err := kv.Watch(ctx, heard.hear); err == nil {
		t.Error("a bus that is closed can be watched")
	}
}

// A server of the operator's that goes away ends a watch; the next one tells what was written meanwhile.
func TestAWatchThatIsBegunAgainMissesNothing(t *testing.T) {
	dir := t.TempDir()
	s := bustest.ServeDir(t, dir, server.RANDOM_PORT)
	port := s.Addr().(*net.TCPAddr).Port
	connect := func() *bus.KV {
		b, err := bus.Open(t.Context(), bus.Config{URL: s.ClientURL(), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		kv, err := b.KV(t.Context(), "things")
		if err != nil {
			t.Fatal(err)
		}
		return kv
	}
	put := func(kv *bus.KV, value string) {
		t.Helper()
		for limit := time.Now().Add(20 * time.Second); ; {
			err := kv.Put(t.Context(), "a", []byte(value))
			if err == nil {
				return
			}
			if time.Now().After(limit) {
				t.Fatal(err)
			}
		}
	}
	here, there := connect(), connect()
	heard := &told{new: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(t.Context())
	broke := make(chan error, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if err := here.Watch(ctx, heard.hear); ctx.Err() == nil {
				broke <- err
			}
		}
	}()
	put(there, "before")
	heard.until(t, "a=before")
	s.Shutdown()
	s.WaitForShutdown()
	if err := <-broke; !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("it broke with %v", err)
	}
	s = bustest.ServeDir(t, dir, port)
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	put(connect(), "after")
	heard.until(t, "a=after")
	stop()
	<-ended
}
