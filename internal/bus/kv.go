package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// KV is a bucket of small values, written with compare-and-set. Keys are letters, digits and
// any of - _ / = . and do not begin or end with a dot.
type KV struct {
	kv   jetstream.KeyValue
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
	return &KV{kv, name}, nil
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

func (k *KV) failed(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s in bucket %s: %w", verb, key, k.name, mapped(err))
}
