package cockpit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// ErrHubFull is returned to a subscriber that the hub has no place for.
var ErrHubFull = errors.New("cockpit: too many screens are connected")

// ErrHubClosed is returned once the hub is closed, to those who wait too.
var ErrHubClosed = errors.New("cockpit: the hub is closed")

// A Hub hands the frames of each topic to its subscribers without ever waiting for one: each
// holds at most one frame that it has not taken yet, and a newer frame replaces it. A slow screen
// so costs one pointer and delays nobody. All methods may be called at the same time.
type Hub[K comparable, F any] struct {
	limit int

	mu     sync.RWMutex
	topics map[K]map[*Subscriber[K, F]]struct{}
	count  int
	closed bool

	frames, overwritten atomic.Uint64
}

// NewHub makes a hub for at most limit subscribers over all topics; 0 means 10,000.
func NewHub[K comparable, F any](limit int) *Hub[K, F] {
	if limit <= 0 {
		limit = 10_000
	}
	return &Hub[K, F]{limit: limit, topics: make(map[K]map[*Subscriber[K, F]]struct{})}
}

// HubStats are counts since the hub was made, and the subscribers that it has now.
type HubStats struct {
	Subscribers int
	Frames      uint64 // handed to subscribers
	Overwritten uint64 // of these, replaced before they were taken
}

// Stats is cheap enough to be read at every scrape.
func (h *Hub[K, F]) Stats() HubStats {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return HubStats{Subscribers: h.count, Frames: h.frames.Load(), Overwritten: h.overwritten.Load()}
}

// Subscribe joins a topic. It fails with ErrHubFull or ErrHubClosed. The caller closes what it gets.
func (h *Hub[K, F]) Subscribe(topic K) (*Subscriber[K, F], error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrHubClosed
	}
	if h.count >= h.limit {
		return nil, ErrHubFull
	}
	s := &Subscriber[K, F]{hub: h, topic: topic, ready: make(chan struct{}, 1), done: make(chan struct{})}
	if h.topics[topic] == nil {
		h.topics[topic] = make(map[*Subscriber[K, F]]struct{})
	}
	h.topics[topic][s] = struct{}{}
	h.count++
	return s, nil
}

// Watched tells whether anyone would get a frame of the topic.
func (h *Hub[K, F]) Watched(topic K) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.topics[topic]) > 0
}

// Publish hands the frame to every subscriber of the topic and returns without waiting for any.
// Frames are shared: nobody may change one after it was published.
func (h *Hub[K, F]) Publish(topic K, frame F) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	overwritten := 0
	for s := range h.topics[topic] {
		if s.put(frame) {
			overwritten++
		}
	}
	h.frames.Add(uint64(len(h.topics[topic])))
	h.overwritten.Add(uint64(overwritten))
}

// Close ends every subscription, once; later subscriptions fail.
func (h *Hub[K, F]) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	for _, topic := range h.topics {
		for s := range topic {
			close(s.done)
		}
	}
	clear(h.topics)
	h.count = 0
}

// Subscriber is one screen's place in the hub. Next is for one goroutine at a time.
type Subscriber[K comparable, F any] struct {
	hub   *Hub[K, F]
	topic K
	ready chan struct{} // holds a token while frame is to be taken
	done  chan struct{} // closed by the hub, under its lock

	mu      sync.Mutex
	frame   F
	pending bool
	missed  bool
}

func (s *Subscriber[K, F]) put(frame F) (overwritten bool) {
	s.mu.Lock()
	overwritten = s.pending
	s.frame, s.pending = frame, true
	s.missed = s.missed || overwritten
	s.mu.Unlock()
	select {
	case s.ready <- struct{}{}:
	default: // a token is there already and stands for this frame as well
	}
	return overwritten
}

// Next waits for the latest frame. Missed says that frames before it were replaced since the
// last call, so that a frame which only tells changes is of no use. It fails when ctx ends and,
// with ErrHubClosed, when the hub does; a frame that is pending then is dropped.
func (s *Subscriber[K, F]) Next(ctx context.Context) (frame F, missed bool, err error) {
	for {
		select {
		case <-s.done:
			return frame, false, ErrHubClosed
		default:
		}
		select {
		case <-s.ready:
		case <-s.done:
			return frame, false, ErrHubClosed
		case <-ctx.Done():
			return frame, false, ctx.Err()
		}
		if frame, missed, ok := s.take(); ok {
			return frame, missed, nil
		}
	}
}

// take finds nothing when the previous call took the frame that this token was for: a frame may be
// replaced between the token's receipt and the lock.
func (s *Subscriber[K, F]) take() (frame F, missed, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.pending {
		return frame, false, false
	}
	var none F
	frame, missed = s.frame, s.missed
	s.frame, s.pending, s.missed = none, false, false
	return frame, missed, true
}

// Close gives the place back. It may be called more than once.
func (s *Subscriber[K, F]) Close() {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	topic := h.topics[s.topic]
	if _, ok := topic[s]; !ok {
		return
	}
	delete(topic, s)
	if len(topic) == 0 {
		delete(h.topics, s.topic)
	}
	h.count--
	close(s.done)
}
