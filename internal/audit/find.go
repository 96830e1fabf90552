package audit

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"vigie/internal/ch"
)

//go:embed sql/*.sql
var statements embed.FS

func queries() (map[string]string, error) { return ch.Queries(statements, "sql", "find", "actions") }

// Cursor is a place between two entries; the zero one is before the newest.
type Cursor struct {
	At       time.Time
	Sequence uint64
}

// Filter says which entries are wanted.
type Filter struct {
	Who          string    // a part of it, in any case; "": anyone
	What         string    // "": anything
	Since, Until time.Time // from Since on, before Until; zero: open
	Before       Cursor    // entries older than this one
	Limit        int       // 1 to 1,000
}

// Page is the newest entries that a Filter wants.
type Page struct {
	Entries []Entry // newest first
	Next    Cursor  // zero: there are no more
	Partial bool    // ClickHouse is away, or so far behind that entries are missing here
}

const (
	maxLimit = 1000
	tailMax  = 1000 // entries that are read from the stream
)

// farFuture is the end of a DateTime64, less a bit.
var farFuture = time.Date(2261, 1, 1, 0, 0, 0, 0, time.UTC)

// wants tells whether the filter takes the entry.
func (f Filter) wants(e Entry) bool {
	return !e.At.Before(f.Since) && e.At.Before(f.Until) && (Cursor{e.At, e.Sequence}).older(f.Before) &&
		(f.What == "" || e.What == f.What) && strings.Contains(strings.ToLower(e.Who), strings.ToLower(f.Who))
}

func (c Cursor) older(than Cursor) bool {
	if n := c.At.Compare(than.At); n != 0 {
		return n < 0
	}
	return c.Sequence < than.Sequence
}

// Find returns the newest entries that f wants. It fails when the stream cannot be read; a ClickHouse
// that cannot makes the page Partial, with what the stream still has.
func (l *Log) Find(ctx context.Context, f Filter) (Page, error) {
	f.Limit = min(max(f.Limit, 1), maxLimit)
	f.Since = later(f.Since.UTC(), time.Unix(0, 0).UTC())
	if f.Until.IsZero() || f.Until.After(farFuture) {
		f.Until = farFuture
	}
	if f.Before == (Cursor{}) {
		f.Before = Cursor{farFuture, math.MaxUint64}
	}
	var p Page
	state, err := l.stream.State(ctx)
	if err != nil {
		return p, err
	}
	at, err := l.archived(ctx, state)
	if err != nil {
		return p, err
	}
	found, err := l.fromArchive(ctx, f)
	from := uint64(at.Sequence) + 1
	if err != nil {
		l.log.Warn("the archive of the audit cannot be read", "error", err)
		p.Partial, from = true, 1
	}
	first := max(from, state.First)
	if state.Last >= tailMax && state.Last-tailMax+1 > first {
		first, p.Partial = state.Last-tailMax+1, true
	}
	recent, err := l.tail(ctx, first, state.Last)
	if err != nil {
		return p, err
	}
	for _, e := range recent {
		if f.wants(e) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b Entry) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Sequence, a.Sequence))
	})
	// What was archived between the two looks is in both.
	found = slices.CompactFunc(found, func(a, b Entry) bool { return a == b })
	if len(found) > f.Limit {
		found = found[:f.Limit]
		last := found[f.Limit-1]
		p.Next = Cursor{last.At, last.Sequence}
	}
	p.Entries = found
	return p, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// fromArchive asks the archive for one entry more than wanted, which tells whether there are more.
func (l *Log) fromArchive(ctx context.Context, f Filter) ([]Entry, error) {
	db := l.db.Load()
	if db == nil {
		return nil, fmt.Errorf("audit: ClickHouse is not there yet")
	}
	rows, err := db.Query(ctx, l.sql["find"],
		ch.P("since", f.Since.UnixMilli()), ch.P("until", f.Until.UnixMilli()), ch.P("before", f.Before.At.UnixMilli()), ch.P("before_sequence", f.Before.Sequence),
		ch.P("who", f.Who), ch.P("what", f.What), ch.P("limit", f.Limit+1))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []Entry
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.At, &e.Sequence, &e.Who, &e.What, &e.On, &e.From, &e.Outcome); err != nil {
			return nil, err
		}
		e.At = e.At.UTC()
		found = append(found, e)
	}
	return found, rows.Err()
}

// tail reads the stream from one sequence to another, both included.
func (l *Log) tail(ctx context.Context, from, to uint64) ([]Entry, error) {
	if from > to {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := l.stream.Read(ctx, from)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var found []Entry
	for {
		m, err := r.Next(ctx)
		if err != nil {
			return nil, err
		}
		if e, err := read(m); err == nil && m.Sequence <= to { // one that cannot be read is in the log already
			found = append(found, e)
		}
		if m.Sequence >= to {
			return found, nil
		}
	}
}

// Actions names the kinds of actions that the archive has, in order; none while it is away.
func (l *Log) Actions(ctx context.Context) ([]string, error) {
	db := l.db.Load()
	if db == nil {
		return nil, nil
	}
	var rows []struct {
		What string `ch:"what"`
	}
	if err := db.Select(ctx, &rows, l.sql["actions"]); err != nil {
		return nil, err
	}
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.What
	}
	return names, nil
}
