// Package lease makes one process the only one that does something, and keeps what it must remember of it
// where its successor finds it.
//
// A lease is one key, and every write to it compares and sets: a holder that was overtaken, however long
// it slept, cannot write it any more. It is another's for the taking when its key has not changed for the
// lease's time by the taker's own clock, so that nodes' clocks need not agree. What a holder may do with
// what is not in the key is its own business.
package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"vigie/internal/bus"
	"vigie/internal/pause"
)

// Head is what the state of every lease begins with: embed it.
type Head struct {
	Owner string `json:"owner"`
	Beat  uint64 `json:"beat"` // changes, so that the key does
}

func (h *Head) head() *Head { return h }

// State is a struct that embeds Head, and can be written as JSON.
type State[S any] interface {
	*S
	head() *Head
}

// ErrLost is final: another one has it.
var ErrLost = errors.New("lease: another process has it")

const writeWait = 10 * time.Second // of one try to write the key

// Lease is one key. Its methods may be called at the same time.
type Lease[S comparable, P State[S]] struct {
	kv    *bus.KV
	key   string
	owner string
	alone bool
	time  time.Duration
	log   *slog.Logger

	mu       sync.Mutex
	revision uint64
	state    S
	touched  time.Time
}

// New is not held yet. alone tells that no other process can hold it, for the bus is embedded: it is taken
// at once. The time is that after which a holder that says nothing has lost it.
func New[S comparable, P State[S]](kv *bus.KV, key, owner string, alone bool, time time.Duration, log *slog.Logger) *Lease[S, P] {
	return &Lease[S, P]{kv: kv, key: key, owner: owner, alone: alone, time: time, log: log}
}

// Acquire waits until the lease is the owner's. begin says what the state that was found becomes then; nil:
// it stays.
func (l *Lease[S, P]) Acquire(ctx context.Context, begin func(*S)) error {
	var last uint64
	var since time.Time
	for {
		value, revision, err := l.kv.Get(ctx, l.key)
		var state S
		switch {
		case errors.Is(err, bus.ErrNotFound):
		case err != nil:
			l.log.Warn("look for a lease", "key", l.key, "error", err)
		default:
			if err := json.Unmarshal(value, &state); err != nil {
				return fmt.Errorf("bucket key %s is not a lease's state (was it edited by hand?): %w", l.key, err)
			}
			if revision != last {
				last, since = revision, time.Now()
			}
		}
		if errors.Is(err, bus.ErrNotFound) || err == nil && (l.alone || time.Since(since) > l.time) {
			if begin != nil {
				begin(&state)
			}
			head := P(&state).head()
			head.Owner = l.owner
			head.Beat++
			l.mu.Lock()
			err := l.put(ctx, state, revision)
			l.mu.Unlock()
			if err == nil {
				return nil
			}
			if !errors.Is(err, bus.ErrConflict) {
				l.log.Warn("take a lease", "key", l.key, "error", err)
			}
		}
		if err := pause.For(ctx, min(time.Second, l.time/5)); err != nil {
			return err
		}
	}
}

func (l *Lease[S, P]) put(ctx context.Context, state S, revision uint64) error {
	value, err := json.Marshal(state)
	if err != nil {
		return err
	}
	if revision == 0 {
		revision, err = l.kv.Create(ctx, l.key, value)
	} else {
		revision, err = l.kv.Update(ctx, l.key, value, revision)
	}
	if err != nil {
		return err
	}
	l.revision, l.state, l.touched = revision, state, time.Now()
	return nil
}

// Change writes the state after f changed it. It waits for a bus that is not available; ErrLost is final.
func (l *Lease[S, P]) Change(ctx context.Context, f func(*S)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		state := l.state
		P(&state).head().Beat++
		f(&state)
		attempt, cancel := context.WithTimeout(ctx, writeWait)
		err := l.put(attempt, state, l.revision)
		cancel()
		if err == nil {
			return nil
		}
		if errors.Is(err, bus.ErrConflict) {
			// Our own write may have succeeded and its answer been lost.
			value, revision, getErr := l.kv.Get(ctx, l.key)
			var found S
			if getErr == nil && json.Unmarshal(value, &found) == nil && found == state {
				l.revision, l.state, l.touched = revision, state, time.Now()
				return nil
			}
			if getErr == nil {
				return ErrLost
			}
		}
		l.log.Warn("write a lease's state", "key", l.key, "error", err)
		if err := pause.For(ctx, delay); err != nil {
			return err
		}
	}
}

// Renew keeps the lease of a holder that has nothing to write until ctx ends, or it is lost.
func (l *Lease[S, P]) Renew(ctx context.Context) error {
	every := l.time * 3 / 10
	for {
		if err := pause.For(ctx, every); err != nil {
			return nil
		}
		l.mu.Lock()
		fresh := time.Since(l.touched) < every
		l.mu.Unlock()
		if fresh || l.alone {
			continue
		}
		if err := l.Change(ctx, func(*S) {}); err != nil {
			return err
		}
	}
}

// Key is the lease's in its bucket.
func (l *Lease[S, P]) Key() string { return l.key }

// Current is the state as it was last written.
func (l *Lease[S, P]) Current() S {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}
