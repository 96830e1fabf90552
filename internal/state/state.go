// Package state keeps what people and workers decide in a bucket of the bus, and every process's copy of it
// in memory.
//
// A Bucket holds kinds of things, each under a prefix of its own. Reading asks nobody: it is the copy, which
// follows the bucket within milliseconds. Writing compares and sets: of two that write at once the second one is
// told what the first one wrote, and decides again. When a write returns it is in the bucket, and in this
// process's copy.
//
// What the things mean, and who may write them, is for their owners.
package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/internal/bus"
	"vigie/internal/pause"
)

// ErrUnchanged is for an edit that finds nothing to do: nothing is written, and it is no error.
var ErrUnchanged = errors.New("state: unchanged")

// Bucket is a bucket with its copy.
type Bucket struct {
	kv  *bus.KV
	log *slog.Logger

	mu      sync.Mutex
	kinds   map[string]hearer
	told    []func()
	version uint64
}

// hearer is a Kind, whatever it holds. The bucket is locked.
type hearer interface {
	hear(id string, c bus.Change) (news bool)
	known() map[string]uint64
}

// New is a copy of nothing yet: name its kinds with Keep, then Load it.
func New(kv *bus.KV, log *slog.Logger) *Bucket {
	return &Bucket{kv: kv, log: log, kinds: map[string]hearer{}}
}

// Load reads what is kept. It fails when the bucket cannot be read; what cannot be understood is logged and left.
func (b *Bucket) Load(ctx context.Context) error {
	keys, err := b.kv.Keys(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		value, revision, err := b.kv.Get(ctx, key)
		if errors.Is(err, bus.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		b.hear(bus.Change{Key: key, Value: value, Revision: revision})
	}
	return nil
}

// Run follows what other processes write until ctx ends, whether the bus is there or not.
func (b *Bucket) Run(ctx context.Context) error {
	for {
		err := b.kv.Follow(ctx, b.hear)
		if ctx.Err() != nil {
			return nil
		}
		b.log.Warn("follow what is decided", "error", err)
		if pause.For(ctx, time.Second) != nil {
			return nil
		}
		if err := b.forgetGone(ctx); err != nil && ctx.Err() == nil {
			b.log.Warn("look for what was deleted", "error", err)
		}
	}
}

// forgetGone drops what was deleted while nobody followed: a deletion whose trace is gone is told by no watch.
func (b *Bucket) forgetGone(ctx context.Context) error {
	b.mu.Lock()
	before := map[string]uint64{}
	for prefix, k := range b.kinds {
		for id, revision := range k.known() {
			before[prefix+id] = revision
		}
	}
	b.mu.Unlock()
	keys, err := b.kv.Keys(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		delete(before, key)
	}
	for key, revision := range before {
		b.hear(bus.Change{Key: key, Revision: revision + 1, Deleted: true})
	}
	return nil
}

// OnChange calls f after each change of the copy, from whatever goroutine made it: f must not wait.
func (b *Bucket) OnChange(f func()) {
	b.mu.Lock()
	b.told = append(b.told, f)
	b.mu.Unlock()
}

// Version is another one after each change of the copy.
func (b *Bucket) Version() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.version
}

func (b *Bucket) hear(c bus.Change) {
	if c.Key == "" {
		return
	}
	prefix, id, _ := strings.Cut(c.Key, ".")
	b.mu.Lock()
	k := b.kinds[prefix+"."]
	news := k != nil && k.hear(id, c)
	var told []func()
	if news {
		b.version++
		told = b.told
	}
	b.mu.Unlock()
	for _, f := range told {
		f()
	}
}

// Kind is one kind of thing in a bucket, each by its id. What it returns is everybody's: it is not to be
// changed.
type Kind[T any] struct {
	b      *Bucket
	prefix string
	quiet  bool
	all    map[string]kept[T]
}

// Quiet makes changes of this kind nobody's news: OnChange and Version do not tell them. For what changes all the
// time, as signs of life.
func (k *Kind[T]) Quiet() *Kind[T] {
	k.quiet = true
	return k
}

type kept[T any] struct {
	value    *T // nil: deleted
	revision uint64
}

// Keep names a kind. The prefix is a word and a point: "run."; ids are what keys may be made of. It must be
// called before Load.
func Keep[T any](b *Bucket, prefix string) *Kind[T] {
	k := &Kind[T]{b: b, prefix: prefix, all: map[string]kept[T]{}}
	if strings.Count(prefix, ".") != 1 || !strings.HasSuffix(prefix, ".") || b.kinds[prefix] != nil {
		panic("state: a prefix is a word of its own and a point: " + prefix)
	}
	b.kinds[prefix] = k
	return k
}

func (k *Kind[T]) known() map[string]uint64 {
	out := make(map[string]uint64, len(k.all))
	for id, e := range k.all {
		if e.value != nil {
			out[id] = e.revision
		}
	}
	return out
}

func (k *Kind[T]) hear(id string, c bus.Change) bool {
	if c.Revision <= k.all[id].revision { // what this process wrote, or heard, before
		return false
	}
	if c.Deleted {
		was := k.all[id].value != nil
		k.all[id] = kept[T]{nil, c.Revision} // so that an older value that is told late does not bring it back
		return was && !k.quiet
	}
	v := new(T)
	if err := json.Unmarshal(c.Value, v); err != nil {
		k.b.log.Error("a key of the bucket cannot be understood: was it edited by hand?", "key", c.Key, "error", err)
		return false
	}
	k.all[id] = kept[T]{v, c.Revision}
	return !k.quiet
}

// Get is the thing with an id; nil: there is none.
func (k *Kind[T]) Get(id string) *T {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	return k.all[id].value
}

// All are all things, in the order of their ids.
func (k *Kind[T]) All() []*T {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	ids := k.ids()
	out := make([]*T, len(ids))
	for i, id := range ids {
		out[i] = k.all[id].value
	}
	return out
}

// IDs are those of all things, in order.
func (k *Kind[T]) IDs() []string {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	return k.ids()
}

func (k *Kind[T]) ids() []string {
	ids := make([]string, 0, len(k.all))
	for id, e := range k.all {
		if e.value != nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Len is how many there are.
func (k *Kind[T]) Len() (n int) {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	for _, e := range k.all {
		if e.value != nil {
			n++
		}
	}
	return n
}

// Create writes a thing whose id is nobody's yet: bus.ErrConflict when it is somebody's.
func (k *Kind[T]) Create(ctx context.Context, id string, v *T) error {
	_, err := k.put(ctx, id, v, 0)
	return err
}

// maxRaces bounds how often an edit decides again.
const maxRaces = 50

// Edit changes the thing with an id: f gets a copy of its own of what the bucket holds, and may be called again
// when somebody else was faster. f's error ends it, and nothing is written. bus.ErrNotFound: there is no such
// thing.
func (k *Kind[T]) Edit(ctx context.Context, id string, f func(v *T) error) (*T, error) {
	return k.edit(ctx, id, false, f)
}

// Set is Edit of a thing that need not be there yet: f then gets an empty one.
func (k *Kind[T]) Set(ctx context.Context, id string, f func(v *T) error) (*T, error) {
	return k.edit(ctx, id, true, f)
}

func (k *Kind[T]) edit(ctx context.Context, id string, make bool, f func(v *T) error) (*T, error) {
	for range maxRaces {
		value, revision, err := k.b.kv.Get(ctx, k.prefix+id)
		switch {
		case errors.Is(err, bus.ErrNotFound) && make:
			value, revision = []byte("{}"), 0
		case err != nil:
			return nil, err
		}
		v := new(T)
		if err := json.Unmarshal(value, v); err != nil {
			return nil, fmt.Errorf("key %s%s cannot be understood (was it edited by hand?): %w", k.prefix, id, err)
		}
		if err := f(v); errors.Is(err, ErrUnchanged) {
			k.b.hear(bus.Change{Key: k.prefix + id, Value: value, Revision: revision})
			return v, nil
		} else if err != nil {
			return nil, err
		}
		v, err = k.put(ctx, id, v, revision)
		if !errors.Is(err, bus.ErrConflict) {
			return v, err
		}
	}
	return nil, fmt.Errorf("%s%s: %w, %d times", k.prefix, id, bus.ErrConflict, maxRaces)
}

// put writes v where the key is still at a revision; 0: where it is not there. A write whose answer was lost is
// looked for.
func (k *Kind[T]) put(ctx context.Context, id string, v *T, revision uint64) (*T, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if revision == 0 {
		revision, err = k.b.kv.Create(ctx, k.prefix+id, value)
	} else {
		revision, err = k.b.kv.Update(ctx, k.prefix+id, value, revision)
	}
	if errors.Is(err, bus.ErrConflict) {
		return nil, err
	}
	if err != nil {
		found, at, lookErr := k.b.kv.Get(ctx, k.prefix+id)
		if lookErr != nil || string(found) != string(value) {
			return nil, err
		}
		revision = at
	}
	k.b.hear(bus.Change{Key: k.prefix + id, Value: value, Revision: revision})
	return v, nil
}

// Delete removes a thing; one that is not there is no error.
func (k *Kind[T]) Delete(ctx context.Context, id string) error {
	if err := k.b.kv.Delete(ctx, k.prefix+id); err != nil {
		return err
	}
	k.b.mu.Lock()
	revision := k.all[id].revision
	k.b.mu.Unlock()
	if revision > 0 {
		k.b.hear(bus.Change{Key: k.prefix + id, Revision: revision + 1, Deleted: true})
	}
	return nil
}
