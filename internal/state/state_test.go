package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
)

type list struct {
	Lines []string `json:"lines"`
}

func open(t *testing.T, b *bus.Bus) (*Bucket, *Kind[list]) {
	t.Helper()
	kv, err := b.KV(t.Context(), "things")
	if err != nil {
		t.Fatal(err)
	}
	s := New(kv, slog.New(slog.DiscardHandler))
	lists := Keep[list](s, "list.")
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, lists
}

func follow(t *testing.T, s *Bucket) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 1000 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// What many write at once through several processes is all there, each once.
func TestWritersAtOnceLoseNothing(t *testing.T) {
	b := bustest.Open(t)
	s1, one := open(t, b)
	s2, two := open(t, b)
	follow(t, s1)
	follow(t, s2)
	var g sync.WaitGroup
	for i := range 40 {
		g.Go(func() {
			of := []*Kind[list]{one, two}[i%2]
			if _, err := of.Set(t.Context(), "night", func(v *list) error { v.Lines = append(v.Lines, fmt.Sprint(i)); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	for _, of := range []*Kind[list]{one, two} {
		until(t, "40 different lines in each copy", func() bool {
			v, seen := of.Get("night"), map[string]bool{}
			for _, line := range v.Lines {
				seen[line] = true
			}
			return len(v.Lines) == 40 && len(seen) == 40
		})
	}
}

func TestAWriteIsInTheCopyWhenItReturns(t *testing.T) {
	_, lists := open(t, bustest.Open(t)) // nobody follows
	if err := lists.Create(t.Context(), "a", &list{Lines: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	if v := lists.Get("a"); v == nil || len(v.Lines) != 1 {
		t.Fatalf("after Create: %v", v)
	}
	if err := lists.Create(t.Context(), "a", &list{}); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("Create of what is there: %v, want ErrConflict", err)
	}
	if _, err := lists.Edit(t.Context(), "b", func(*list) error { return nil }); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("Edit of what is not there: %v, want ErrNotFound", err)
	}
	wrong := errors.New("no")
	if _, err := lists.Edit(t.Context(), "a", func(v *list) error { v.Lines = nil; return wrong }); !errors.Is(err, wrong) || len(lists.Get("a").Lines) != 1 {
		t.Errorf("a refused Edit: %v, %v", err, lists.Get("a"))
	}
	if v, err := lists.Edit(t.Context(), "a", func(*list) error { return ErrUnchanged }); err != nil || len(v.Lines) != 1 {
		t.Errorf("an Edit that changes nothing: %v, %v", v, err)
	}
	if err := lists.Delete(t.Context(), "a"); err != nil || lists.Get("a") != nil || lists.Len() != 0 || len(lists.All()) != 0 {
		t.Errorf("after Delete: %v, %v", err, lists.Get("a"))
	}
	if err := lists.Create(t.Context(), "a", &list{}); err != nil || lists.Get("a") == nil {
		t.Errorf("made again after Delete: %v", err)
	}
}

// What was deleted while nobody followed is forgotten, as is what another process deletes.
func TestDeletedIsForgotten(t *testing.T) {
	b := bustest.Open(t)
	s1, one := open(t, b)
	_, two := open(t, b)
	for _, id := range []string{"a", "b"} {
		if err := two.Create(t.Context(), id, &list{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s1.Load(t.Context()); err != nil || one.Len() != 2 {
		t.Fatalf("loaded %d, %v", one.Len(), err)
	}
	if err := two.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := s1.forgetGone(t.Context()); err != nil || one.Len() != 1 || one.Get("b") == nil {
		t.Errorf("after a look: %d, %v", one.Len(), err)
	}
	changes := make(chan struct{}, 100)
	s1.OnChange(func() { changes <- struct{}{} })
	follow(t, s1)
	if err := two.Delete(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	<-changes
	until(t, "b is gone", func() bool { return one.Len() == 0 })
}

func TestWhatCannotBeUnderstoodCostsNothingElse(t *testing.T) {
	b := bustest.Open(t)
	kv, err := b.KV(t.Context(), "things")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"list.a": "{", "list.b": `{"lines":["x"]}`, "other": "1", "list": "1"} {
		if _, err := kv.Create(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	_, lists := open(t, b)
	if lists.Len() != 1 || lists.Get("b") == nil {
		t.Errorf("kept %d, want b alone", lists.Len())
	}
	if _, err := lists.Edit(t.Context(), "a", func(*list) error { return nil }); err == nil {
		t.Error("what cannot be understood was written over")
	}
}
