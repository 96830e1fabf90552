package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/internal/bus"
	"vigie/internal/ch"
	"vigie/internal/pause"
)

// A replay reads again what was received in a window of time, after a parser, a mapping, a weight or
// a table of networks was mended, and puts what is read now in the place of what was read then: in
// the lines, in all sums, in the quarantine. Nothing is counted twice:
//
//  1. Writers stop between two ranges, a second or so. Rows received in the window are deleted, and
//     how far each partition had come is noted: all of the window is in the stream before that, or
//     will be written by the writers themselves.
//  2. Writers go on. Beside them the stream is read again up to what was noted, what was received in
//     the window is laid out and inserted, planned and committed as everything is.
//
// Both steps are noted in the bucket before they begin, so that a replay that was cut short is
// finished at the next start. Sums keep when their rows were received to ten seconds, so a window
// begins and ends at such.

// replayKey is the bucket's key of the replay under way.
const replayKey = "replay"

type replayState struct {
	ID      int64     `json:"id"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Cleared bool      `json:"cleared"`
	Start   []uint64  `json:"start"` // by partition: the first message that may hold something of the window
	Until   []uint64  `json:"until"` // by partition: the last; what came after it the writers brought
}

// Replayed tells how far a replay is. Of Total messages, Messages were read.
type Replayed struct {
	From, To        time.Time
	Messages, Total uint64
	Lines, Refused  uint64
}

// Errors of Replay that its caller can do something about.
var (
	ErrReplaying = errors.New("another replay is under way")
	errNotAlone  = errors.New("not all partitions are written by this process: stop the other writers, or replay where they are")
)

const (
	replaySettle = time.Minute      // after which nothing is on its way any more that was received before
	replayRetry  = 10 * time.Second // between two looks for one that was cut short
)

// Replay reads again what was received from one moment to another, both widened to ten seconds. It
// returns when that is done, and tells how far it is once a second. When it fails or ctx ends before
// that, the writer goes on with it by itself.
func (w *Writer) Replay(ctx context.Context, from, to time.Time, progress func(Replayed)) (Replayed, error) {
	from = from.Truncate(receivedGrain)
	if cut := to.Truncate(receivedGrain); !cut.Equal(to) {
		to = cut.Add(receivedGrain)
	}
	switch {
	case !from.Before(to):
		return Replayed{}, fmt.Errorf("from: %s is not before to: %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
	case time.Since(to) < replaySettle:
		return Replayed{}, fmt.Errorf("to: %s is not %v ago yet: what was received then may still be on its way", to.Format(time.RFC3339), replaySettle)
	}
	if !w.replaying.TryLock() {
		return Replayed{}, ErrReplaying
	}
	defer w.replaying.Unlock()
	if _, _, err := w.cfg.Leases.Get(ctx, replayKey); err == nil {
		return Replayed{}, ErrReplaying
	} else if !errors.Is(err, bus.ErrNotFound) {
		return Replayed{}, err
	}
	r := &replayState{ID: time.Now().UnixNano(), From: from, To: to}
	for _, p := range w.partitions {
		start, err := p.firstReceived(ctx, from)
		if err != nil {
			return Replayed{}, err
		}
		r.Start = append(r.Start, start)
	}
	if err := w.note(ctx, r); err != nil {
		return Replayed{}, err
	}
	return w.replay(ctx, r, progress)
}

// firstReceived is the first message stored at a moment or later: what was received then cannot be
// before it. It is an error when older ones are gone that may belong to it.
func (p *partition) firstReceived(ctx context.Context, at time.Time) (uint64, error) {
	state, err := p.stream.State(ctx)
	if err != nil {
		return 0, err
	}
	low, err := p.storedSince(ctx, at, state)
	if err != nil {
		return 0, err
	}
	if low == state.First && state.First > 1 {
		first, err := p.stream.StoredAt(ctx, state.First)
		if err != nil {
			return 0, fmt.Errorf("from: the raw stream holds nothing any more of %s: see stream.keep and stream.max_bytes", at.Format(time.RFC3339))
		}
		return 0, fmt.Errorf("from: the raw stream begins at %s: what was received before cannot be read again", first.UTC().Format(time.RFC3339))
	}
	return low, nil
}

// storedSince is the first message stored at a moment or later: messages are in order of time.
func (p *partition) storedSince(ctx context.Context, at time.Time, state bus.State) (uint64, error) {
	low, high := state.First, state.Last+1
	for low < high {
		middle := low + (high-low)/2
		stored, err := p.stream.StoredAt(ctx, middle)
		if err != nil && !errors.Is(err, bus.ErrNotFound) {
			return 0, err
		}
		if err != nil || stored.Before(at) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

func (w *Writer) note(ctx context.Context, r *replayState) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return w.cfg.Leases.Put(ctx, replayKey, value)
}

// finish goes on with replays that were cut short, by a restart or because whoever asked went away,
// until ctx ends.
func (w *Writer) finish(ctx context.Context) error {
	for {
		value, _, err := w.cfg.Leases.Get(ctx, replayKey)
		switch {
		case errors.Is(err, bus.ErrNotFound):
			err = nil
		case err == nil:
			var r replayState
			if err = json.Unmarshal(value, &r); err == nil && w.replaying.TryLock() {
				w.cfg.Log.Info("going on with a replay that was cut short", "from", r.From, "to", r.To)
				_, err = w.replay(ctx, &r, func(Replayed) {})
				w.replaying.Unlock()
			}
		}
		if err != nil && ctx.Err() == nil {
			w.cfg.Log.Warn("a replay waits", "error", err)
		}
		if pause.For(ctx, replayRetry) != nil {
			return nil
		}
	}
}

// replay does what is left of one. The caller holds w.replaying.
func (w *Writer) replay(ctx context.Context, r *replayState, progress func(Replayed)) (Replayed, error) {
	for _, p := range w.partitions {
		p.hold.Store(r.Start[p.number])
		defer p.hold.Store(0)
	}
	if !r.Cleared {
		if err := w.clear(ctx, r); err != nil {
			return Replayed{}, err
		}
	}
	again := make([]*partition, len(w.partitions))
	for i, p := range w.partitions {
		log := p.log.With("replay", r.ID)
		again[i] = &partition{
			number: i, stream: p.stream, writer: w, log: log,
			lease:      newLease(w.cfg.Leases, fmt.Sprintf("%s-p%d", replayKey, i), w.cfg.Owner, true, log),
			scribe:     p.scribe.another(log),
			free:       make(chan *part, 2),
			deliveries: newDeliveryBlock(), quarantine: newQuarantineBlock(),
			again: r,
		}
		again[i].density.Store(p.density.Load())
		again[i].scribe.only = &window{r.From, r.To}
		for range cap(again[i].free) {
			again[i].free <- newPart()
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var g errgroup.Group
	for _, p := range again {
		g.Go(func() error {
			err := p.session(ctx)
			if err != nil {
				cancel()
			}
			return err
		})
	}
	far := func() Replayed {
		out := Replayed{From: r.From, To: r.To}
		for i, p := range again {
			done := max(p.lease.Current().Committed, r.Start[i]-1)
			out.Messages += min(done, r.Until[i]) + 1 - r.Start[i]
			out.Total += r.Until[i] + 1 - r.Start[i]
			out.Lines += p.replayed.lines.Load()
			out.Refused += p.replayed.refused.Load()
		}
		return out
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Wait() }()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			progress(far())
		case err := <-ended:
			if err != nil {
				return far(), err
			}
			out := far()
			for _, p := range again {
				if err := w.cfg.Leases.Delete(ctx, p.lease.Key()); err != nil {
					return out, err
				}
			}
			return out, w.cfg.Leases.Delete(ctx, replayKey)
		}
	}
}

// clear deletes the rows of the window while no writer inserts, and notes how far they had come.
func (w *Writer) clear(ctx context.Context, r *replayState) error {
	w.gate.Lock()
	defer w.gate.Unlock()
	r.Until = nil
	for i, p := range w.partitions {
		state := p.lease.Current()
		if state.Owner != w.cfg.Owner {
			return errNotAlone
		}
		if err := p.lease.Change(ctx, func(*leaseState) {}); err != nil { // it is still ours
			return errors.Join(errNotAlone, err)
		}
		r.Until = append(r.Until, max(state.Committed, r.Start[i]-1))
	}
	start := time.Now()
	for _, table := range []string{"requests", "requests_1s", "identities_10s", "beacons", "qoe_1s", "sessions_10s", "measurements", "services_1s", "quarantine"} {
		err := w.cfg.DB.Exec(ctx, "DELETE FROM "+table+" WHERE received >= fromUnixTimestamp({from:Int64}) AND received < fromUnixTimestamp({to:Int64})",
			ch.P("from", r.From.Unix()), ch.P("to", r.To.Unix()))
		if err != nil {
			return fmt.Errorf("delete what was read of the window from %s: %w", table, err)
		}
	}
	r.Cleared = true
	if err := w.note(ctx, r); err != nil {
		r.Cleared = false
		return err
	}
	w.cfg.Log.Info("a replay deleted what was read before", "from", r.From, "to", r.To, "writers_waited", time.Since(start))
	return nil
}

// window is from one moment to another, without the latter.
type window struct{ from, to time.Time }

func (w *window) holds(t time.Time) bool { return !t.Before(w.from) && t.Before(w.to) }

// another is a scribe with the same sources, for a reader beside the first.
func (s *scribe) another(log *slog.Logger) *scribe {
	return newScribe(s.sources, s.enrich.another(), s.rules, log)
}
