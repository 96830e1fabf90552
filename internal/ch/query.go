package ch

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Param is the value of {name:Type} in a statement. Values are text, numbers, bool, time.Time,
// netip.Addr, nil, and slices of them for Array types. A time.Time with a fraction of a second
// needs a DateTime64 of enough digits.
type Param struct {
	Name  string
	Value any
}

// P is a Param in few letters.
func P(name string, value any) Param { return Param{name, value} }

// Exec runs a statement that returns no rows.
func (db *DB) Exec(ctx context.Context, sql string, params ...Param) error {
	ctx, cancel := db.limit(ctx)
	defer cancel()
	if err := db.conn.Exec(ctx, sql, named(params)...); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}

// Select reads all rows into dest, a pointer to a slice of structs whose fields carry the columns'
// names in `ch` tags.
func (db *DB) Select(ctx context.Context, dest any, sql string, params ...Param) error {
	ctx, cancel := db.limit(ctx)
	defer cancel()
	if err := db.conn.Select(ctx, dest, sql, named(params)...); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}

// Rows is a result that is read as it arrives. It must be closed; Err tells, once Next has
// returned false, whether the result was read to its end.
type Rows struct {
	rows   driver.Rows
	cancel context.CancelFunc
}

// Query starts a statement whose rows are read one by one, all within its time limit.
func (db *DB) Query(ctx context.Context, sql string, params ...Param) (*Rows, error) {
	ctx, cancel := db.limit(ctx)
	rows, err := db.conn.Query(ctx, sql, named(params)...)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	return &Rows{rows, cancel}, nil
}

// Next advances to the next row.
func (r *Rows) Next() bool { return r.rows.Next() }

// Scan copies the row's columns, in order, into the pointers given.
func (r *Rows) Scan(dest ...any) error { return r.rows.Scan(dest...) }

// ScanStruct copies the row into a struct with `ch` tags.
func (r *Rows) ScanStruct(dest any) error { return r.rows.ScanStruct(dest) }

// Columns names the columns.
func (r *Rows) Columns() []string { return r.rows.Columns() }

// Err is what ended the rows early, or nil.
func (r *Rows) Err() error {
	if err := r.rows.Err(); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}

// Close gives the connection back; a result that was not read to its end is cancelled.
func (r *Rows) Close() error {
	r.cancel()
	return r.rows.Close()
}

func named(params []Param) []any {
	args := make([]any, len(params))
	for i, p := range params {
		args[i] = clickhouse.Named(p.Name, p.Value)
	}
	return args
}

// limit bounds a call: by the context's own deadline or the configured time, whichever is sooner.
// The server is told a shorter limit, so that its error, which says what was slow, comes first.
func (db *DB) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return db.limitWith(ctx, clickhouse.Settings{})
}

// limitWith adds the server's limit to the call's other settings.
func (db *DB) limitWith(ctx context.Context, settings clickhouse.Settings) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, db.timeout)
	deadline, _ := ctx.Deadline()
	settings["max_execution_time"] = serverLimit(time.Until(deadline))
	return clickhouse.Context(withoutDeadline{ctx}, clickhouse.WithSettings(settings)), cancel
}

// serverLimit is nine tenths of the client's limit, in seconds as the setting has them.
func serverLimit(client time.Duration) string {
	return fmt.Sprintf("%.3f", max(0.05, 0.9*client.Seconds()))
}

// withoutDeadline ends when its context does, but does not say when: clickhouse-go would replace
// max_execution_time by the deadline and five seconds more.
type withoutDeadline struct{ context.Context }

func (withoutDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }
