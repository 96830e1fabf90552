package ingest

import (
	"context"
	"strconv"
	"time"

	"vigie/internal/bus"
	"vigie/internal/pause"
)

// tidyEvery is how often a partition is looked after, tidySoon while it is over half full: senders
// may be waiting for room.
const (
	tidyEvery = 15 * time.Second
	tidySoon  = time.Second
)

// tidy forgets what is stored and old, or stored and in the way, until ctx ends. What is not
// stored yet is never forgotten.
func (p *partition) tidy(ctx context.Context) error {
	for {
		wait := tidyEvery
		state, err := p.stream.State(ctx)
		if err == nil {
			if state.MaxBytes > 0 && state.Bytes > uint64(state.MaxBytes)/2 {
				wait = tidySoon
			}
			committed := p.lease.Current().Committed
			p.writer.metrics.pending.WithLabelValues(strconv.Itoa(p.number)).Set(float64(state.Last - min(committed, state.Last)))
			before := p.forgettable(ctx, state, committed)
			if hold := p.hold.Load(); hold != 0 {
				before = min(before, hold)
			}
			if before > state.First {
				err = p.stream.Forget(ctx, before)
			}
		}
		if err != nil && ctx.Err() == nil {
			p.log.Warn("look after the raw stream", "error", err)
		}
		if pause.For(ctx, wait) != nil {
			return nil
		}
	}
}

// forgettable is the sequence before which messages can go: those older than Keep, and more of
// the oldest while the stream is over half full.
func (p *partition) forgettable(ctx context.Context, state bus.State, committed uint64) uint64 {
	if committed < state.First {
		return 0
	}
	limit := time.Now().Add(-p.writer.cfg.Keep)
	low, err := p.storedSince(ctx, limit, state)
	if err != nil {
		return 0
	}
	low = min(low, committed+1)
	before := low
	if half := uint64(max(state.MaxBytes, 0)) / 2; half > 0 && state.Bytes > half {
		share := float64(state.Bytes-half) / float64(state.Bytes)
		before = max(before, state.First+uint64(share*float64(state.Last-state.First+1)))
	}
	return min(before, committed+1)
}
