package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// KV is a bucket of small values, written with compare-and-set. Keys are letters, digits and
// any of - _ / = . and do not begin or end with a dot.
type KV struct {
	kv   jetstream.KeyValue
	nc   *nats.Conn
	name string
}

// KV opens a bucket, made when it is not there.
func (b *Bus) KV(ctx context.Context, name string) (*KV, error) {
	kv, err := b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:   name,
		History:  1,
		Storage:  jetstream.FileStorage,
		Replicas: b.replicas,
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", name, mapped(err))
	}
	return &KV{kv, b.nc, name}, nil
}

// Get returns a key's value and the revision that Update wants. ErrNotFound: there is none.
func (k *KV) Get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	e, err := k.kv.Get(ctx, key)
	if err != nil {
		return nil, 0, k.failed("get", key, err)
	}
	return e.Value(), e.Revision(), nil
}

// Create writes a key that must not be there. ErrConflict: it is.
func (k *KV) Create(ctx context.Context, key string, value []byte) (revision uint64, err error) {
	revision, err = k.kv.Create(ctx, key, value)
	return revision, k.failed("create", key, err)
}

// Update writes a key that must still be at the revision. ErrConflict: it is not.
func (k *KV) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	revision, err := k.kv.Update(ctx, key, value, revision)
	return revision, k.failed("update", key, err)
}

// Put writes a key whatever it held.
func (k *KV) Put(ctx context.Context, key string, value []byte) error {
	_, err := k.kv.Put(ctx, key, value)
	return k.failed("put", key, err)
}

// DropKV removes a bucket and all that is in it; one that is not there is no error.
func (b *Bus) DropKV(ctx context.Context, name string) error {
	if err := b.js.DeleteKeyValue(ctx, name); err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) {
		return fmt.Errorf("drop bucket %s: %w", name, mapped(err))
	}
	return nil
}

// Delete removes a key; one that is not there is no error.
func (k *KV) Delete(ctx context.Context, key string) error {
	return k.failed("delete", key, k.kv.Purge(ctx, key))
}

// Keys lists the keys there are.
func (k *KV) Keys(ctx context.Context) ([]string, error) {
	keys, err := k.kv.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	}
	return keys, k.failed("list", "*", err)
}

// watchSetup bounds the time to begin a watch.
const watchSetup = 5 * time.Second

// Change is one write that a watch tells.
type Change struct {
	Key      string // "": all that there was has been told, what follows is new
	Value    []byte
	Revision uint64 // of the key, as Update wants it; a deletion has one too
	Deleted  bool
}

// Watch is Follow for whom the revisions do not matter.
func (k *KV) Watch(ctx context.Context, f func(key string, value []byte, deleted bool)) error {
	return k.Follow(ctx, func(c Change) {
		if c.Key != "" {
			f(c.Key, c.Value, c.Deleted)
		}
	})
}

// Follow calls f with each key that there is, then with a Change that has none, then with each that is written or
// deleted, one after the other and in the order of the writes, until ctx ends (its error) or the watch breaks (ErrUnavailable),
// as it does when the connection is lost. What was written meanwhile the next one tells. A bucket keeps one
// value of a key: of several that are written before the first of them is told, the last one is.
func (k *KV) Follow(ctx context.Context, f func(Change)) error {
	lost := k.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	defer k.nc.RemoveStatusListener(lost)
	watching, cancel := context.WithCancel(ctx) // it ends the watcher too, so it is no time limit
	defer cancel()
	late := time.AfterFunc(watchSetup, cancel)
	w, err := k.kv.WatchAll(watching)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !late.Stop():
		return fmt.Errorf("watch bucket %s: %w: no answer within %s", k.name, ErrUnavailable, watchSetup)
	case err != nil:
		return k.failed("watch", "*", err)
	}
	defer func() { _ = w.Stop() }() // of one that is closed is an error
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-lost:
			return fmt.Errorf("watch bucket %s: %w: the connection was lost", k.name, ErrUnavailable)
		case e, open := <-w.Updates():
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case !open:
				return fmt.Errorf("watch bucket %s: %w", k.name, ErrUnavailable)
			case e == nil: // all that there was has been told
				f(Change{})
			default:
				f(Change{e.Key(), e.Value(), e.Revision(), e.Operation() != jetstream.KeyValuePut})
			}
		}
	}
}

func (k *KV) failed(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s in bucket %s: %w", verb, key, k.name, mapped(err))
}
