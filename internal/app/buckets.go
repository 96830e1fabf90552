package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vigie/internal/account"
	"vigie/internal/bus"
)

// buckets are what people and workers decided, on the bus.
type buckets struct {
	writers  *bus.KV
	imports  *bus.KV
	doors    *bus.KV
	matches  *bus.KV
	alerts   *bus.KV
	ledger   *bus.KV
	accounts accounts
	tokens   accounts
	sessions *sessions
}

func openBuckets(ctx context.Context, b *bus.Bus) (*buckets, error) {
	out := &buckets{}
	for _, o := range []struct {
		name string
		set  func(*bus.KV)
	}{
		{"writers", func(kv *bus.KV) { out.writers = kv }},
		{"imports", func(kv *bus.KV) { out.imports = kv }},
		{"doors", func(kv *bus.KV) { out.doors = kv }},
		{"matches", func(kv *bus.KV) { out.matches = kv }},
		{"alerts", func(kv *bus.KV) { out.alerts = kv }},
		{"notifications", func(kv *bus.KV) { out.ledger = kv }},
		{"accounts", func(kv *bus.KV) { out.accounts = accounts{kv} }},
		{"tokens", func(kv *bus.KV) { out.tokens = accounts{kv} }},
		{"sessions", func(kv *bus.KV) { out.sessions = &sessions{kv} }},
	} {
		kv, err := b.KV(ctx, o.name)
		if err != nil {
			return nil, err
		}
		o.set(kv)
	}
	return out, nil
}

// accounts is a bucket as account.KV wants it: of people, or of tokens.
type accounts struct{ kv *bus.KV }

func accountError(err error, conflict error) error {
	switch {
	case errors.Is(err, bus.ErrNotFound):
		return account.ErrNotFound
	case errors.Is(err, bus.ErrConflict):
		return conflict
	}
	return err
}

func (a accounts) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	v, rev, err := a.kv.Get(ctx, key)
	return v, rev, accountError(err, account.ErrConflict)
}

func (a accounts) Create(ctx context.Context, key string, value []byte) error {
	_, err := a.kv.Create(ctx, key, value)
	return accountError(err, account.ErrExists)
}

func (a accounts) Update(ctx context.Context, key string, value []byte, revision uint64) error {
	_, err := a.kv.Update(ctx, key, value, revision)
	return accountError(err, account.ErrConflict)
}

func (a accounts) Delete(ctx context.Context, key string) error {
	return accountError(a.kv.Delete(ctx, key), account.ErrConflict)
}

func (a accounts) Keys(ctx context.Context) ([]string, error) { return a.kv.Keys(ctx) }

// sessions is a bucket as web.Sessions wants it.
type sessions struct{ kv *bus.KV }

type keptSession struct {
	Expiry time.Time `json:"expiry"`
	Value  []byte    `json:"value"`
}

// All are those that have not expired, by key.
func (s *sessions) All(ctx context.Context) (map[string][]byte, error) {
	keys, err := s.kv.Keys(ctx)
	if err != nil {
		return nil, err
	}
	all := make(map[string][]byte, len(keys))
	for _, key := range keys {
		value, alive, err := s.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		if alive {
			all[key] = value
		}
	}
	return all, nil
}

func (s *sessions) Get(ctx context.Context, key string) ([]byte, bool, error) {
	raw, _, err := s.kv.Get(ctx, key)
	if errors.Is(err, bus.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var k keptSession
	if err := json.Unmarshal(raw, &k); err != nil {
		return nil, false, fmt.Errorf("read a session: %w", err)
	}
	return k.Value, time.Now().Before(k.Expiry), nil
}

func (s *sessions) Put(ctx context.Context, key string, value []byte, expiry time.Time) error {
	raw, err := json.Marshal(keptSession{expiry, value})
	if err != nil {
		return err
	}
	return s.kv.Put(ctx, key, raw)
}

func (s *sessions) Delete(ctx context.Context, key string) error { return s.kv.Delete(ctx, key) }

// tidy removes what has expired, every hour until ctx ends.
func (s *sessions) tidy(ctx context.Context) error {
	for {
		keys, err := s.kv.Keys(ctx)
		if err == nil {
			for _, key := range keys {
				if _, alive, err := s.Get(ctx, key); err == nil && !alive {
					s.kv.Delete(ctx, key)
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Hour):
		}
	}
}
