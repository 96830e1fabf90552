package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"vigie/internal/bus"
	"vigie/internal/pause"
)

// Visits are what the senders of one source were told at the doors of a process, or of all, since
// it started; by syslog nobody is told, but it is noted just so.
type Visits struct {
	Stored      uint64    `json:"stored"` // bodies and batches
	Bytes       uint64    `json:"bytes"`
	Duplicates  uint64    `json:"duplicates"`
	Refused     uint64    `json:"refused"`
	Last        time.Time `json:"last"` // stored, or known as a repeat
	LastRefused time.Time `json:"last_refused"`
	Why         string    `json:"why,omitempty"` // of the last refusal, as its sender was told
}

func (v *Visits) add(o Visits) {
	v.Stored += o.Stored
	v.Bytes += o.Bytes
	v.Duplicates += o.Duplicates
	v.Refused += o.Refused
	v.Last = later(v.Last, o.Last)
	if o.LastRefused.After(v.LastRefused) {
		v.LastRefused, v.Why = o.LastRefused, o.Why
	}
}

// doorBook notes visits, and lets other processes read them: a cockpit shows a sender that knocks
// with a wrong token, which no table ever sees.
type doorBook struct {
	kv    *bus.KV // nil: nobody reads it
	owner string
	log   *slog.Logger

	mu      sync.Mutex
	visits  map[string]*Visits
	changed bool
}

const (
	bookEvery   = 2 * time.Second
	bookForgets = 24 * time.Hour // a page of a process that is gone
	longestWhy  = 200
)

// page is a process's part of the book.
type page struct {
	At     time.Time          `json:"at"`
	Visits map[string]*Visits `json:"visits"`
}

func (b *doorBook) note(source string, f func(*Visits)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.visits[source]
	if v == nil {
		v = &Visits{}
		b.visits[source] = v
	}
	f(v)
	b.changed = true
}

func (b *doorBook) stored(source string, bytes int, duplicate bool) {
	now := time.Now()
	b.note(source, func(v *Visits) {
		v.Last = now
		if duplicate {
			v.Duplicates++
			return
		}
		v.Stored++
		v.Bytes += uint64(bytes)
	})
}

func (b *doorBook) refused(source, why string) {
	now := time.Now()
	b.note(source, func(v *Visits) {
		v.Refused++
		v.LastRefused, v.Why = now, why[:min(len(why), longestWhy)]
	})
}

// run writes this process's page until ctx ends.
func (b *doorBook) run(ctx context.Context) error {
	for b.kv != nil && pause.For(ctx, bookEvery) == nil {
		b.mu.Lock()
		changed := b.changed
		b.changed = false
		text, err := json.Marshal(page{time.Now(), b.visits})
		b.mu.Unlock()
		if err == nil && changed {
			attempt, cancel := context.WithTimeout(ctx, bookEvery)
			err = b.kv.Put(attempt, b.owner, text)
			cancel()
		}
		if err != nil && ctx.Err() == nil {
			b.log.Warn("write what the doors saw", "error", err)
		}
	}
	return nil
}

// AllVisits reads what the doors of all processes saw, by source.
func AllVisits(ctx context.Context, kv *bus.KV) (map[string]Visits, error) {
	owners, err := kv.Keys(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]Visits{}
	for _, owner := range owners {
		text, _, err := kv.Get(ctx, owner)
		if errors.Is(err, bus.ErrNotFound) { // forgotten meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		var p page
		if json.Unmarshal(text, &p) != nil || time.Since(p.At) > bookForgets && len(owners) > 1 {
			kv.Delete(ctx, owner)
			continue
		}
		for source, v := range p.Visits {
			sum := out[source]
			sum.add(*v)
			out[source] = sum
		}
	}
	return out, nil
}
