package watermark

import (
	"context"
	"embed"
	"fmt"
	"time"

	"vigie/internal/ch"
	"vigie/internal/histogram"
)

// toldFields are the fields whose absence is noticed, as table deliveries counts them.
var toldFields = [...]string{"bytes", "first_byte", "duration", "cache", "client", "session"}

// Fields are the fields whose absence is noticed, in the order of Delivered.Told.
func Fields() []string { return toldFields[:] }

// Told counts lines by the fields that they tell.
type Told [len(toldFields)]uint64

// Delivered is what a source delivered in a stretch of time.
type Delivered struct {
	Lines, Refused, Bytes uint64
	Told                  Told
}

// add counts a row of sources.sql: lines, refused, bytes, and what the lines told.
func (d *Delivered) add(row []uint64) {
	d.Lines += row[0]
	d.Refused += row[1]
	d.Bytes += row[2]
	for i := range d.Told {
		d.Told[i] += row[3+i]
	}
}

// Without is d less o, which is a part of it.
func (d Delivered) Without(o Delivered) Delivered {
	d.Lines -= min(d.Lines, o.Lines)
	d.Refused -= min(d.Refused, o.Refused)
	d.Bytes -= min(d.Bytes, o.Bytes)
	for i := range d.Told {
		d.Told[i] -= min(d.Told[i], o.Told[i])
	}
	return d
}

// Stretch is a stretch of time that rows arrived for.
type Stretch struct{ From, To time.Time }

// lateEdges are the upper edges of table deliveries' lateness, in seconds; the last bucket is open.
var lateEdges = [...]float64{1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 300, 900}

//go:embed sql/*.sql
var statements embed.FS

// Ask puts a question to ClickHouse, as ch.DB.Select does.
type Ask func(ctx context.Context, dest any, statement string, params ...ch.Param) error

// Reader asks what was delivered. It is for one goroutine at a time.
type Reader struct {
	ask  Ask
	cdns map[string]string
	sql  map[string]string
	seen time.Time // deliveries stored until then have been looked at
}

// NewReader knows the sources that there are, each with its CDN; "" for those that serve none.
func NewReader(ask Ask, cdns map[string]string) (*Reader, error) {
	sql, err := ch.Queries(statements, "sql", "sources", "changed")
	if err != nil {
		return nil, err
	}
	return &Reader{ask: ask, cdns: cdns, sql: sql}, nil
}

// Read tells how far each source is complete at a moment. Who also asks what has Changed must do so
// after it: a watermark is never ahead of what was read.
func (r *Reader) Read(ctx context.Context, now time.Time) (Marks, error) {
	var rows []struct {
		Source     string   `ch:"source"`
		Partition  uint16   `ch:"partition"`
		Received   int64    `ch:"received_ms"`
		Stored     int64    `ch:"stored_ms"`
		Newest     int64    `ch:"newest_ms"`
		Pause      float64  `ch:"pause"` // seconds; NaN after one delivery
		Late       []uint64 `ch:"late"`
		Recent     []uint64 `ch:"last_10s"`
		LastMinute []uint64 `ch:"last_minute"`
		Whole      []uint64 `ch:"whole"`
	}
	if err := r.ask(ctx, &rows, r.sql["sources"]); err != nil {
		return Marks{}, fmt.Errorf("sources: %w", err)
	}
	w := Marks{Sources: map[string]*Source{}, CDNs: r.cdns, Now: now}
	late := map[string]*histogram.Buckets{}
	partitions := map[uint16]time.Time{}
	for _, r := range rows {
		s := w.Sources[r.Source]
		if s == nil {
			s = &Source{ID: r.Source}
			w.Sources[r.Source], late[r.Source] = s, &histogram.Buckets{}
		}
		received := time.UnixMilli(r.Received)
		if received.After(s.Received) {
			s.Received = received
		}
		if stored := time.UnixMilli(r.Stored); stored.After(w.Stored) {
			w.Stored = stored
		}
		if newest := time.UnixMilli(r.Newest); newest.After(s.Newest) {
			s.Newest = newest
		}
		if r.Pause > 0 {
			s.Pause = max(s.Pause, time.Duration(r.Pause*float64(time.Second)))
		}
		for i, n := range r.Late {
			late[r.Source][i] += float64(n)
		}
		s.Recent.add(r.Recent)
		s.Minute.add(r.LastMinute)
		s.Whole.add(r.Whole)
		s.Lines = s.Minute.Lines
		if received.After(partitions[r.Partition]) {
			partitions[r.Partition] = received
		}
	}
	for id, s := range w.Sources {
		if h := late[id]; h.Total() > 0 {
			edge := func(q float64) time.Duration {
				seconds, _ := h.Upper(q, lateEdges[:])
				return time.Duration(seconds * float64(time.Second))
			}
			s.Late, s.LateP50, s.LateP95, s.Known = edge(lateShare), edge(0.5), edge(0.95), true
		}
	}
	w.front(partitions)
	return w, nil
}

// Changed tells which stretches rows have arrived for since it was last asked; the first time, in the
// last ten seconds.
func (r *Reader) Changed(ctx context.Context, now time.Time) ([]Stretch, error) {
	if r.seen.IsZero() {
		r.seen = now.Add(-10 * time.Second)
	}
	var rows []struct {
		Stored int64 `ch:"stored_ms"`
		Oldest int64 `ch:"oldest_ms"`
		Newest int64 `ch:"newest_ms"`
	}
	// A writer stamps a delivery before it inserts it, and several write: look a little back. What
	// is seen twice is read twice, which does no harm.
	if err := r.ask(ctx, &rows, r.sql["changed"], ch.P("after", r.seen.Add(-3*time.Second).UnixMilli())); err != nil {
		return nil, fmt.Errorf("changed: %w", err)
	}
	touched := make([]Stretch, 0, len(rows))
	for _, row := range rows {
		touched = append(touched, Stretch{time.UnixMilli(row.Oldest), time.UnixMilli(row.Newest)})
		if stored := time.UnixMilli(row.Stored); stored.After(r.seen) {
			r.seen = stored
		}
	}
	return touched, nil
}
