package ch

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var tables embed.FS

// Retention is how long tables keep their rows, in days from when they were received.
type Retention struct {
	Raw     int `yaml:"raw_days"`    // lines, beacons, measurements, quarantine; 0: 3
	Rollups int `yaml:"rollup_days"` // sums by second or ten, deliveries; 0: 400, so that next year's final can be compared
	Audit   int `yaml:"audit_days"`  // what operators did; 0: 1,100
}

const maxDays = 36_500

// Prepare brings the tables up to date: migrations first, then how long rows stay, which is
// configuration and may change at every start. Rows already past a shorter time go with the next
// merges.
func (db *DB) Prepare(ctx context.Context, keep Retention) error {
	files, err := fs.Sub(tables, "migrations")
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, files, nil); err != nil {
		return err
	}
	for _, t := range []struct {
		table, column, key string
		days, usual        int
	}{
		{"requests", "received", "raw_days", keep.Raw, 3},
		{"beacons", "received", "raw_days", keep.Raw, 3},
		{"measurements", "received", "raw_days", keep.Raw, 3},
		{"quarantine", "received", "raw_days", keep.Raw, 3},
		{"requests_1s", "received", "rollup_days", keep.Rollups, 400},
		{"identities_10s", "received", "rollup_days", keep.Rollups, 400},
		{"qoe_1s", "received", "rollup_days", keep.Rollups, 400},
		{"sessions_10s", "received", "rollup_days", keep.Rollups, 400},
		{"services_1s", "received", "rollup_days", keep.Rollups, 400},
		{"deliveries", "stored", "rollup_days", keep.Rollups, 400},
		{"audit", "at", "audit_days", keep.Audit, 1100},
	} {
		if t.days < 0 || t.days > maxDays {
			return fmt.Errorf("retention.%s: %d is not between 1 and %d", t.key, t.days, maxDays)
		}
		if t.days == 0 {
			t.days = t.usual
		}
		ttl := fmt.Sprintf("ALTER TABLE %s MODIFY TTL toDateTime(%s) + INTERVAL %d DAY SETTINGS materialize_ttl_after_modify = 0", t.table, t.column, t.days)
		if err := db.Exec(ctx, ttl); err != nil {
			return fmt.Errorf("set how long %s keeps its rows: %w", t.table, err)
		}
	}
	return nil
}
