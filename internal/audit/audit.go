// Package audit keeps what people did: first in the OPS stream of the bus, where an entry is on disk
// before the deed is answered, then in ClickHouse's table audit, where it is found again. Reading joins
// the two, so that the last entries are there before they are archived.
//
// It takes entries as they are told. Who may tell them, and who may read, is for the callers.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"vigie/internal/bus"
	"vigie/internal/ch"
)

// Entry is one thing that someone did.
type Entry struct {
	At      time.Time `json:"at"`             // to the millisecond
	Who     string    `json:"who"`            // account, device ("wall:ID"), or "command line"
	What    string    `json:"what"`           // "sign-in"
	On      string    `json:"on,omitempty"`   // what it was done to
	From    string    `json:"from,omitempty"` // address
	Outcome string    `json:"outcome"`        // "ok", "denied" …

	Sequence uint64 `json:"-"` // in the OPS stream; given there
}

// Log is the audit. Its methods may be called at the same time.
type Log struct {
	stream *bus.Stream
	done   *bus.KV
	log    *slog.Logger
	sql    map[string]string
	db     atomic.Pointer[ch.DB] // nil until ClickHouse is there
}

// opsBytes bounds the OPS stream: some millions of entries, archived long before it is full.
const opsBytes = 1 << 30

// Open opens the stream. Entries are found in it alone until Use.
func Open(ctx context.Context, b *bus.Bus, log *slog.Logger) (*Log, error) {
	sql, err := queries()
	if err != nil {
		return nil, err
	}
	s, err := b.Stream(ctx, bus.StreamConfig{Name: "OPS", Subjects: []string{"ops.>"}, MaxBytes: opsBytes, MaxAge: 400 * 24 * time.Hour})
	if err != nil {
		return nil, err
	}
	kv, err := b.KV(ctx, "audit")
	if err != nil {
		return nil, err
	}
	return &Log{stream: s, done: kv, log: log, sql: sql}, nil
}

// Use reads the archive from db from here on.
func (l *Log) Use(db *ch.DB) { l.db.Store(db) }

// Record stores an entry, also when ctx has ended. A bus that is away costs the entry, which then stands
// in the log.
func (l *Log) Record(ctx context.Context, e Entry) {
	e.At = e.At.UTC().Truncate(time.Millisecond)
	data, err := json.Marshal(e)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _, err = l.stream.Publish(ctx, bus.Message{Subject: "ops.web", Data: data})
	}
	if err != nil {
		l.log.Error("an action is not in the audit", "action", e, "error", err)
	}
}

// Archive copies the stream to ClickHouse until ctx ends. Each entry is an insert of its own, with its
// sequence as the token: actions are few, and none is there twice.
func (l *Log) Archive(ctx context.Context, db *ch.DB) error {
	for {
		err := l.copy(ctx, db)
		if ctx.Err() != nil {
			return nil
		}
		l.log.Warn("archive the audit", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(5 * time.Second):
		}
	}
}

const archivedKey = "archived"

// position is how far the archive is, in the stream that was made at a moment.
type position struct{ Made, Sequence int64 }

func (l *Log) archived(ctx context.Context, s bus.State) (position, error) {
	at := position{Made: s.Made.UnixNano()}
	raw, _, err := l.done.Get(ctx, archivedKey)
	if errors.Is(err, bus.ErrNotFound) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	var kept position
	if err := json.Unmarshal(raw, &kept); err != nil {
		return at, fmt.Errorf("bucket audit, key %s: %w", archivedKey, err)
	}
	if kept.Made == at.Made {
		at = kept
	}
	return at, nil
}

func (l *Log) copy(ctx context.Context, db *ch.DB) error {
	state, err := l.stream.State(ctx)
	if err != nil {
		return err
	}
	at, err := l.archived(ctx, state)
	if err != nil {
		return err
	}
	r, err := l.stream.Read(ctx, uint64(at.Sequence)+1)
	if err != nil {
		return err
	}
	defer r.Close()
	b := ch.NewBlock()
	when, sequence := b.DateTime64("at"), b.UInt64("sequence")
	who, what, on := b.String("who"), b.LowCardinality("what"), b.String("on")
	from, outcome := b.String("from"), b.LowCardinality("outcome")
	for {
		m, err := r.Next(ctx)
		if err != nil {
			return err
		}
		e, err := read(m)
		if err != nil {
			l.log.Error("an entry of the audit cannot be read", "sequence", m.Sequence, "error", err)
			continue
		}
		b.Reset()
		when.Append(e.At)
		sequence.Append(m.Sequence)
		who.AppendString(e.Who)
		what.AppendString(e.What)
		on.AppendString(e.On)
		from.AppendString(e.From)
		outcome.AppendString(e.Outcome)
		if err := db.Insert(ctx, "audit", fmt.Sprintf("ops:%d:%d", at.Made, m.Sequence), b); err != nil {
			return err
		}
		at.Sequence = int64(m.Sequence)
		raw, err := json.Marshal(at)
		if err != nil {
			return err
		}
		if err := l.done.Put(ctx, archivedKey, raw); err != nil {
			return err
		}
	}
}

func read(m bus.Message) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(m.Data, &e); err != nil {
		return Entry{}, err
	}
	e.At, e.Sequence = e.At.UTC().Truncate(time.Millisecond), m.Sequence
	return e, nil
}
