package ch_test

import (
	"fmt"
	"testing"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// The whole way of a block: encoded, sent, in the table and in one rollup.
func BenchmarkInsert(b *testing.B) {
	for _, rows := range []int{1000, 10_000, 50_000} {
		b.Run(fmt.Sprint("rows=", rows), func(b *testing.B) {
			db := chtest.Open(b)
			for _, sql := range []string{
				"CREATE TABLE t (at DateTime64(3), cdn LowCardinality(String), path String, bytes UInt64) ENGINE = MergeTree ORDER BY (cdn, at) " + window,
				"CREATE TABLE r (at DateTime, cdn LowCardinality(String), bytes UInt64) ENGINE = SummingMergeTree ORDER BY (cdn, at) " + window,
				"CREATE MATERIALIZED VIEW mv TO r AS SELECT toDateTime(at) AS at, cdn, sum(bytes) AS bytes FROM t GROUP BY at, cdn",
			} {
				if err := db.Exec(b.Context(), sql); err != nil {
					b.Fatal(err)
				}
			}
			block := ch.NewBlock()
			at, cdn, path, bytes := block.DateTime64("at"), block.LowCardinality("cdn"), block.String("path"), block.UInt64("bytes")
			now := time.Date(2026, 7, 19, 21, 0, 0, 0, time.UTC)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				block.Reset()
				for i := range rows {
					at.Append(now.Add(time.Duration(i) * time.Microsecond))
					cdn.AppendString("cdn-a")
					path.AppendString("/live/channel-1/1080p/segment-123456.m4s")
					bytes.Append(uint64(i))
				}
				b.SetBytes(int64(block.Bytes()))
				if err := db.Insert(b.Context(), "t", fmt.Sprint("token-", n), block); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*rows), "ns/row")
		})
	}
}

func BenchmarkSelectOneRow(b *testing.B) {
	db := chtest.Open(b)
	b.ReportAllocs()
	for b.Loop() {
		var got []struct {
			N uint8 `ch:"n"`
		}
		if err := db.Select(b.Context(), &got, "SELECT {n:UInt8} AS n", ch.P("n", 1)); err != nil {
			b.Fatal(err)
		}
	}
}
