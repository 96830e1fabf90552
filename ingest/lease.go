package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"vigie/internal/bus"
)

// lease makes one writer the only one of a partition, and remembers what it was about to write.
//
// Its state is one key, and every write to it compares and sets: a writer that was overtaken,
// however long it slept, cannot plan or commit any more. An insert that it had planned does no
// harm, for its successor repeats it with the same token.
//
// A lease is another's for the taking when its key has not changed for leaseTime by the taker's
// own clock, so that nodes' clocks need not agree.
type lease struct {
	kv    *bus.KV
	key   string
	owner string
	alone bool // no other process can own it: the bus is embedded
	log   *slog.Logger

	mu       sync.Mutex
	revision uint64
	state    leaseState
	touched  time.Time
}

type leaseState struct {
	Owner     string `json:"owner"`
	Stream    int64  `json:"stream"`    // when the stream was made, Unix nanoseconds: sequences are its
	Committed uint64 `json:"committed"` // all up to here is in the tables
	From      uint64 `json:"from"`      // planned, 0: nothing is
	To        uint64 `json:"to"`
	PartRows  int    `json:"part_rows"` // rows of each insert of the planned range
	Beat      uint64 `json:"beat"`      // changes, so that the key does
}

const (
	leaseTime  = 10 * time.Second
	leaseRenew = 3 * time.Second
)

var errLeaseLost = errors.New("another writer has the partition")

// acquire waits until the partition is this writer's. made is when its stream was.
func (l *lease) acquire(ctx context.Context, made time.Time) error {
	var last uint64
	var since time.Time
	for {
		value, revision, err := l.kv.Get(ctx, l.key)
		var state leaseState
		switch {
		case errors.Is(err, bus.ErrNotFound):
		case err != nil:
			l.log.Warn("look for the partition's lease", "error", err)
		default:
			if err := json.Unmarshal(value, &state); err != nil {
				return fmt.Errorf("bucket key %s is not a writer's state (was it edited by hand?): %w", l.key, err)
			}
			if revision != last {
				last, since = revision, time.Now()
			}
		}
		if errors.Is(err, bus.ErrNotFound) || err == nil && (l.alone || time.Since(since) > leaseTime) {
			if state.Stream != made.UnixNano() { // a new stream: its sequences begin again
				if state.Stream != 0 {
					l.log.Warn("the raw stream was made anew: its writer begins at its start", "partition", l.key)
				}
				state = leaseState{Stream: made.UnixNano()}
			}
			state.Owner = l.owner
			state.Beat++
			err := l.put(ctx, state, revision)
			if err == nil {
				return nil
			}
			if !errors.Is(err, bus.ErrConflict) {
				l.log.Warn("take the partition's lease", "error", err)
			}
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (l *lease) put(ctx context.Context, state leaseState, revision uint64) error {
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

// change writes the state after f changed it. It waits for a bus that is not available;
// errLeaseLost is final.
func (l *lease) change(ctx context.Context, f func(*leaseState)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		state := l.state
		state.Beat++
		f(&state)
		attempt, cancel := context.WithTimeout(ctx, storeWait)
		err := l.put(attempt, state, l.revision)
		cancel()
		if err == nil {
			return nil
		}
		if errors.Is(err, bus.ErrConflict) {
			// Our own write may have succeeded and its answer been lost.
			value, revision, getErr := l.kv.Get(ctx, l.key)
			var found leaseState
			if getErr == nil && json.Unmarshal(value, &found) == nil && found == state {
				l.revision, l.state, l.touched = revision, state, time.Now()
				return nil
			}
			if getErr == nil {
				return errLeaseLost
			}
		}
		l.log.Warn("write the partition's state", "partition", l.key, "error", err)
		if err := pause(ctx, delay); err != nil {
			return err
		}
	}
}

// renew keeps an idle writer's lease until ctx ends or it is lost.
func (l *lease) renew(ctx context.Context) error {
	for {
		if err := pause(ctx, leaseRenew); err != nil {
			return nil
		}
		l.mu.Lock()
		fresh := time.Since(l.touched) < leaseRenew
		l.mu.Unlock()
		if fresh || l.alone {
			continue
		}
		if err := l.change(ctx, func(*leaseState) {}); err != nil {
			return err
		}
	}
}

func (l *lease) current() leaseState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// pause waits, or returns ctx's error when it ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
