package send

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"vigie/internal/pause"
)

// beat is a worker's sign of life. It goes through the same bucket as the sends: a worker that hears its own beat has
// heard every abort that was written before it.
type beat struct {
	N     uint64 `json:"n"`
	Drill bool   `json:"drill,omitempty"`
	Gone  bool   `json:"gone,omitempty"` // it ended in order: it calls nobody any more
}

const (
	beatEvery = 250 * time.Millisecond
	// freshFor is how old what a worker knows of a send may be when it claims: an abort takes effect within it.
	freshFor = time.Second
	// deadAfter without a beat a worker's claims are nobody's: longer than a claim, a call and a question after it may
	// take.
	deadAfter = time.Minute
)

// beatOn tells life until ctx ends.
func (w *Worker) beatOn(ctx context.Context) error {
	var n uint64
	w.since = time.Now()
	for {
		n++
		w.mu.Lock()
		w.put[n%uint64(len(w.put))] = putBeat{n, time.Now()}
		w.mu.Unlock()
		if err := w.tellBeat(ctx, beat{N: n, Drill: w.cfg.Drill}); err != nil && ctx.Err() == nil {
			w.cfg.Log.Warn("a sign of life is not heard", "error", err)
		}
		if pause.For(ctx, beatEvery) != nil {
			return nil
		}
	}
}

func (w *Worker) tellBeat(ctx context.Context, b beat) error {
	value, err := json.Marshal(b)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return w.cfg.Room.cfg.KV.Put(ctx, "beat."+w.cfg.Owner, value)
}

type putBeat struct {
	n  uint64
	at time.Time
}

// fresh tells whether all that was written until a second ago is known here.
func (w *Worker) fresh() bool {
	b := w.cfg.Room.beats.Get(w.cfg.Owner)
	if b == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.put[b.N%uint64(len(w.put))]
	return p.n == b.N && time.Since(p.at) < freshFor
}

// live are the workers of exercises, or of what is real, that were heard of lately, in order. A worker whose beats
// this process has not listened to for long enough counts as alive.
func (r *Room) live(drill bool) (out []string) {
	now := time.Now()
	for id, b := range r.beating() {
		if b.Drill == drill && !b.Gone && now.Sub(r.heardAt(id, b.N, now)) < 3*time.Second {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// dead tells whether a worker certainly calls nobody any more: it said so, or was not heard of for longer than any
// call takes.
func (r *Room) dead(id string, after time.Duration) bool {
	now := time.Now()
	b := r.beats.Get(id)
	if b == nil {
		return now.Sub(r.heardAt(id, 0, now)) > after
	}
	return b.Gone || now.Sub(r.heardAt(id, b.N, now)) > after
}

// keepBeats is how long the last beat of a worker is kept that is not heard of any more.
const keepBeats = time.Hour

// forgetBeats deletes those of workers that are long gone: each start of a process has a name of its own.
func (r *Room) forgetBeats(ctx context.Context, drill bool) {
	now := time.Now()
	for id, b := range r.beating() {
		if b.Drill != drill || now.Sub(r.heardAt(id, b.N, now)) < keepBeats {
			continue
		}
		if err := r.beats.Delete(ctx, id); err != nil {
			return // another time
		}
		r.mu.Lock()
		delete(r.heard, id)
		delete(r.beatN, id)
		r.mu.Unlock()
	}
}

// heardAt is when this process first heard of a worker's n-th beat, by its own clock.
func (r *Room) heardAt(id string, n uint64, now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.heard[id]
	if !ok || r.beatN[id] != n {
		at = now
		r.heard[id], r.beatN[id] = at, n
	}
	return at
}

func (r *Room) beating() map[string]beat {
	out := map[string]beat{}
	for _, id := range r.beats.IDs() {
		if b := r.beats.Get(id); b != nil {
			out[id] = *b
		}
	}
	return out
}
