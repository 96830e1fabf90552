package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"vigie/internal/bus"
	"vigie/internal/ch"
	"vigie/web"
)

// audit keeps what operators do: first in the OPS stream, then in ClickHouse.
type audit struct {
	stream *bus.Stream
	done   *bus.KV
	log    *slog.Logger
}

// opsBytes bounds the OPS stream: some millions of actions, archived long before it is full.
const opsBytes = 1 << 30

func openAudit(ctx context.Context, b *bus.Bus, log *slog.Logger) (*audit, error) {
	s, err := b.Stream(ctx, bus.StreamConfig{Name: "OPS", Subjects: []string{"ops.>"}, MaxBytes: opsBytes, MaxAge: 400 * 24 * time.Hour})
	if err != nil {
		return nil, err
	}
	kv, err := b.KV(ctx, "audit")
	if err != nil {
		return nil, err
	}
	return &audit{s, kv, log}, nil
}

type auditEntry struct {
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	What    string    `json:"what"`
	On      string    `json:"on,omitempty"`
	From    string    `json:"from,omitempty"`
	Outcome string    `json:"outcome"`
}

// record stores an action. A bus that is away costs the entry, which then stands in the log.
func (a *audit) record(ctx context.Context, did web.Action) {
	e := auditEntry{did.At, did.Who, did.What, did.On, did.From.String(), did.Outcome}
	data, err := json.Marshal(e)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _, err = a.stream.Publish(ctx, bus.Message{Subject: "ops.web", Data: data})
	}
	if err != nil {
		a.log.Error("an action is not in the audit", "action", e, "error", err)
	}
}

const archivedKey = "archived"

// archive copies the stream to ClickHouse until ctx ends. Each entry is an insert of its own, with
// its sequence as the token: actions are few, and none is there twice.
func (a *audit) archive(ctx context.Context, db *ch.DB) error {
	for {
		err := a.copy(ctx, db)
		if ctx.Err() != nil {
			return nil
		}
		a.log.Warn("archive the audit", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(5 * time.Second):
		}
	}
}

func (a *audit) copy(ctx context.Context, db *ch.DB) error {
	state, err := a.stream.State(ctx)
	if err != nil {
		return err
	}
	made := state.Made.UnixNano()
	var at struct{ Made, Sequence int64 }
	if raw, _, err := a.done.Get(ctx, archivedKey); err == nil {
		if err := json.Unmarshal(raw, &at); err != nil {
			return fmt.Errorf("bucket audit, key %s: %w", archivedKey, err)
		}
	} else if !errors.Is(err, bus.ErrNotFound) {
		return err
	}
	if at.Made != made {
		at.Made, at.Sequence = made, 0
	}
	r, err := a.stream.Read(ctx, uint64(at.Sequence)+1)
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
		var e auditEntry
		if err := json.Unmarshal(m.Data, &e); err != nil {
			a.log.Error("an entry of the audit cannot be read", "sequence", m.Sequence, "error", err)
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
		if err := db.Insert(ctx, "audit", fmt.Sprintf("ops:%d:%d", made, m.Sequence), b); err != nil {
			return err
		}
		at.Sequence = int64(m.Sequence)
		raw, err := json.Marshal(at)
		if err != nil {
			return err
		}
		if err := a.done.Put(ctx, archivedKey, raw); err != nil {
			return err
		}
	}
}
