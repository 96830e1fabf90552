package audience

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
	"vigie/internal/state"
	"vigie/runbooks/channel"
)

// house is a database and a bus, which several books may share.
type house struct {
	t  testing.TB
	db *ch.DB
	on *bus.Bus
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t, chtest.Open(t), bustest.Open(t)}
	if err := h.db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	return h
}

// open is one process's book; it follows the bucket until the test ends.
func (h *house) open(change func(*Config)) *Book {
	h.t.Helper()
	must := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	kv, err := h.on.KV(h.t.Context(), "audience")
	must(err)
	lists, err := h.on.KV(h.t.Context(), "lists")
	must(err)
	log := slog.New(slog.DiscardHandler)
	cfg := Config{DB: h.db, State: state.New(kv, log), Lists: lists, Country: "33", Log: log}
	if change != nil {
		change(&cfg)
	}
	b, err := New(cfg)
	must(err)
	must(cfg.State.Load(h.t.Context()))
	must(b.Open(h.t.Context()))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = cfg.State.Run(ctx) }()
	h.t.Cleanup(func() { stop(); <-done })
	return b
}

func open1(t testing.TB) *Book { return newHouse(t).open(nil) }

func (b *Book) mustImport(t testing.TB, text string, o ImportOptions) *Import {
	t.Helper()
	if o.Format == "" {
		o.Format = "csv"
	}
	i, err := b.Import(t.Context(), strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (b *Book) mustFreeze(t testing.TB, ask Ask, o FreezeOptions) (*Frozen, []Recipient) {
	t.Helper()
	f, err := b.Freeze(t.Context(), ask, o)
	if err != nil {
		t.Fatal(err)
	}
	return f, b.mustLoad(t, f.ID)
}

func (b *Book) mustLoad(t testing.TB, id string) []Recipient {
	t.Helper()
	l, err := b.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var all []Recipient
	for _, r := range l.All() {
		all = append(all, r)
	}
	return all
}

func (b *Book) segment(t testing.TB, id string, canary bool, where ...Condition) {
	t.Helper()
	if _, err := b.SaveSegment(t.Context(), Segment{ID: id, Name: id, Where: where, Canary: canary, By: "marie"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// addresses are a list's, as a set in words.
func addresses(all []Recipient) string {
	var out []string
	for _, r := range all {
		out = append(out, r.To)
	}
	return sorted(out)
}

func sorted(texts []string) string {
	out := append([]string{}, texts...)
	for i := range out {
		for j := i; j > 0 && out[j] < out[j-1]; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return strings.Join(out, " ")
}

// summary is what came of an import, in a line.
func summary(i *Import) string {
	return fmt.Sprintf("%d lines: %d added, %d changed, %d same, %d refused, %d repeated, %d gone", i.Lines, i.Added, i.Changed, i.Same, i.Refused, i.Repeated, i.Gone)
}

// broken is a reader that ends in the middle.
type broken struct {
	io.Reader
}

func (r broken) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

const email, smsKind = channel.Email, channel.SMS
