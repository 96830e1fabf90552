package cockpit

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
)

func TestHubDeliversToItsTopicOnly(t *testing.T) {
	hub := NewHub[string, int](0)
	a, b := subscribe(t, hub, "a"), subscribe(t, hub, "b")
	hub.Publish("a", 1)
	hub.Publish("b", 2)
	for s, want := range map[*Subscriber[string, int]]int{a: 1, b: 2} {
		if got, missed, err := s.Next(t.Context()); got != want || missed || err != nil {
			t.Errorf("Next() = %d, %v, %v; want %d, false, nil", got, missed, err, want)
		}
	}
}

func TestHubLatestFrameWins(t *testing.T) {
	hub := NewHub[string, int](0)
	slow, quick := subscribe(t, hub, "board"), subscribe(t, hub, "board")
	for i := 1; i <= 5; i++ {
		hub.Publish("board", i)
		if got, missed, _ := quick.Next(t.Context()); got != i || missed {
			t.Errorf("quick subscriber got %d (missed %v), want %d", got, missed, i)
		}
	}
	if got, missed, _ := slow.Next(t.Context()); got != 5 || !missed {
		t.Errorf("slow subscriber got %d (missed %v), want 5 and to be told that it missed some", got, missed)
	}
	hub.Publish("board", 6)
	if got, missed, _ := slow.Next(t.Context()); got != 6 || missed {
		t.Errorf("slow subscriber got %d (missed %v), want 6 with nothing missed since", got, missed)
	}
	if got, want := hub.Stats(), (HubStats{Subscribers: 2, Frames: 12, Overwritten: 4}); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
}

func TestHubNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := NewHub[string, int](0)
		s := subscribe(t, hub, "board")
		got := make(chan int, 1)
		go func() {
			frame, _, _ := s.Next(t.Context())
			got <- frame
		}()
		synctest.Wait()
		select {
		case frame := <-got:
			t.Fatalf("Next returned %d before anything was published", frame)
		default:
		}
		hub.Publish("board", 7)
		if frame := <-got; frame != 7 {
			t.Errorf("Next() = %d, want 7", frame)
		}
	})
}

func TestHubNextEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(*Hub[string, int], *Subscriber[string, int], context.CancelFunc)
		want error
	}{
		"with its context":      {func(_ *Hub[string, int], _ *Subscriber[string, int], cancel context.CancelFunc) { cancel() }, context.Canceled},
		"with the hub":          {func(h *Hub[string, int], _ *Subscriber[string, int], _ context.CancelFunc) { h.Close() }, ErrHubClosed},
		"with its subscription": {func(_ *Hub[string, int], s *Subscriber[string, int], _ context.CancelFunc) { s.Close() }, ErrHubClosed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := NewHub[string, int](0)
				s := subscribe(t, hub, "board")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() {
					_, _, err := s.Next(ctx)
					ended <- err
				}()
				synctest.Wait()
				tt.end(hub, s, cancel)
				if err := <-ended; !errors.Is(err, tt.want) {
					t.Errorf("Next() ended with %v, want %v", err, tt.want)
				}
			})
		})
	}
}

func TestHubIsBounded(t *testing.T) {
	hub := NewHub[string, int](2)
	first := subscribe(t, hub, "a")
	subscribe(t, hub, "b")
	if _, err := hub.Subscribe("c"); !errors.Is(err, ErrHubFull) {
		t.Fatalf("third subscription of two: %v, want ErrHubFull", err)
	}
	first.Close()
	first.Close() // gives one place back, not two
	if hub.Watched("a") {
		t.Error("a topic whose last subscriber left is still watched")
	}
	subscribe(t, hub, "c")
	if _, err := hub.Subscribe("d"); !errors.Is(err, ErrHubFull) {
		t.Errorf("closing twice made room for two: %v", err)
	}
}

func TestHubClosedTakesNobody(t *testing.T) {
	hub := NewHub[string, int](0)
	s := subscribe(t, hub, "a")
	hub.Close()
	hub.Close()
	s.Close()
	if _, err := hub.Subscribe("a"); !errors.Is(err, ErrHubClosed) {
		t.Errorf("Subscribe after Close: %v, want ErrHubClosed", err)
	}
	if got := hub.Stats().Subscribers; got != 0 {
		t.Errorf("%d subscribers after Close, want 0", got)
	}
}

// Every subscriber ends with the last frame, whatever the order in which they run.
func TestHubUnderContention(t *testing.T) {
	const frames, subscribers = 1000, 32
	hub := NewHub[string, int](0)
	var screens sync.WaitGroup
	for range subscribers {
		s := subscribe(t, hub, "board")
		screens.Go(func() {
			defer s.Close()
			for last := 0; last < frames; {
				frame, missed, err := s.Next(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if (frame != last+1) != missed {
					t.Errorf("after frame %d came %d with missed %v", last, frame, missed)
				}
				last = frame
			}
		})
	}
	for i := 1; i <= frames; i++ {
		hub.Publish("board", i)
	}
	screens.Wait()
	if got := hub.Stats().Subscribers; got != 0 {
		t.Errorf("%d subscribers left, want 0", got)
	}
}

func BenchmarkHubPublish(b *testing.B) {
	for _, n := range []int{20, 1000, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			hub := NewHub[string, *int](n)
			for range n {
				subscribe(b, hub, "board")
			}
			frame := new(int)
			b.ReportAllocs()
			for b.Loop() {
				hub.Publish("board", frame)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/subscriber")
		})
	}
}

func subscribe[F any](tb testing.TB, hub *Hub[string, F], topic string) *Subscriber[string, F] {
	tb.Helper()
	s, err := hub.Subscribe(topic)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}
