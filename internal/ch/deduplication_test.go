package ch_test

import (
	"fmt"
	"testing"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// counted is a table with two rollups that materialized views fill; all three deduplicate.
const window = "SETTINGS non_replicated_deduplication_window = 1000"

func createCounted(t *testing.T, db *ch.DB) {
	exec(t, db, "CREATE TABLE t (at DateTime, k LowCardinality(String), v UInt64) ENGINE = MergeTree PARTITION BY toDate(at) ORDER BY k "+window)
	exec(t, db, "CREATE TABLE by_second (at DateTime, n UInt64) ENGINE = SummingMergeTree ORDER BY at "+window)
	exec(t, db, "CREATE TABLE by_key (k String, n UInt64) ENGINE = SummingMergeTree ORDER BY k "+window)
	exec(t, db, "CREATE MATERIALIZED VIEW to_second TO by_second AS SELECT at, count() AS n FROM t GROUP BY at")
	exec(t, db, "CREATE MATERIALIZED VIEW to_key TO by_key AS SELECT toString(k) AS k, count() AS n FROM t GROUP BY k")
}

func counts(t *testing.T, db *ch.DB) string {
	t.Helper()
	return text(t, db, "SELECT toString(tuple((SELECT count() FROM t), (SELECT sum(n) FROM by_second), (SELECT sum(n) FROM by_key)))")
}

func counted(block *ch.Block, at *ch.DateTime, k *ch.LowCardinality, v *ch.UInt64, rows int) {
	block.Reset()
	for i := range rows {
		at.Append(time.Date(2026, 7, 19, 21, 0, i%7, 0, time.UTC))
		k.AppendString(fmt.Sprint("k", i%5))
		v.Append(uint64(i))
	}
}

func TestATokenCountsOnce(t *testing.T) {
	db := chtest.Open(t)
	createCounted(t, db)
	b := ch.NewBlock()
	at, k, v := b.DateTime("at"), b.LowCardinality("k"), b.UInt64("v")
	counted(b, at, k, v, 1000)
	for _, step := range []struct{ name, token, want string }{
		{"first", "p0:1-10", "(1000,1000,1000)"},
		{"the same token", "p0:1-10", "(1000,1000,1000)"},
		{"another token, equal rows", "p0:11-20", "(2000,2000,2000)"},
		{"and again", "p0:11-20", "(2000,2000,2000)"},
		{"the first once more", "p0:1-10", "(2000,2000,2000)"},
	} {
		if err := db.Insert(t.Context(), "t", step.token, b); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := counts(t, db); got != step.want {
			t.Errorf("%s: table and views have %s, want %s", step.name, got, step.want)
		}
	}
}

func TestARepeatAddsWhatTheFirstAttemptDidNotReach(t *testing.T) {
	db := chtest.Open(t)
	createCounted(t, db)
	b := ch.NewBlock()
	at, k, v := b.DateTime("at"), b.LowCardinality("k"), b.UInt64("v")
	counted(b, at, k, v, 1000)

	exec(t, db, "DROP TABLE to_key")
	exec(t, db, "CREATE MATERIALIZED VIEW to_key TO by_key AS SELECT toString(k) AS k, toUInt64(throwIf(v = 999)) AS n FROM t GROUP BY k, v")
	if err := db.Insert(t.Context(), "t", "token", b); ch.Code(err) != 395 {
		t.Fatalf("a failing view must fail the insert: %v", err)
	}
	exec(t, db, "DROP TABLE to_key")
	exec(t, db, "CREATE MATERIALIZED VIEW to_key TO by_key AS SELECT toString(k) AS k, count() AS n FROM t GROUP BY k")
	for range 2 {
		if err := db.Insert(t.Context(), "t", "token", b); err != nil {
			t.Fatal(err)
		}
		if got, want := counts(t, db), "(1000,1000,1000)"; got != want {
			t.Errorf("table and views have %s, want %s", got, want)
		}
	}
}

func TestWithoutATokenAnInsertIsItsRows(t *testing.T) {
	db := chtest.Open(t)
	exec(t, db, "CREATE TABLE plain (v UInt64) ENGINE = MergeTree ORDER BY v")
	b := ch.NewBlock()
	b.UInt64("v").Append(1)
	for range 2 {
		if err := db.Insert(t.Context(), "plain", "", b); err != nil {
			t.Fatal(err)
		}
	}
	if got := text(t, db, "SELECT toString(count()) FROM plain"); got != "2" {
		t.Errorf("a table without a window has %s rows, want 2", got)
	}
}
