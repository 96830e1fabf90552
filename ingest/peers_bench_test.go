package ingest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/ingest/formattest"
	"vigie/internal/ch/chtest"
)

// BenchmarkPeers is what others make of the same lines on the same machine, to hold LayOut and Store
// against: ClickHouse reading a file itself into a table of the columns that Vigie fills (without
// enrichment, sums, or anything kept should it die), and GoAccess counting one.
func BenchmarkPeers(b *testing.B) {
	const lines = 300_000
	file := func(b *testing.B, line formattest.Line) string {
		rng, now := rand.New(rand.NewPCG(1, 2)), time.Now()
		var text []byte
		for i := range lines {
			text = line(text, rng, now, i)
		}
		name := filepath.Join(b.TempDir(), "lines")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			b.Fatal(err)
		}
		return name
	}
	var columns []string
	for i := range 63 {
		columns = append(columns, fmt.Sprintf("c%d String", i))
	}
	for _, c := range []struct {
		name, columns, format string
		line                  formattest.Line
	}{
		{"clickhouse-akamai", "reqTimeSec Float64, statusCode UInt16, bytes UInt64, totalBytes UInt64, cliIP String, reqHost LowCardinality(String), reqPath String, queryStr String, UA String, reqId String, asn UInt32, country LowCardinality(String), timeToFirstByte UInt32, turnAroundTimeMSec UInt32, transferTimeMSec UInt32, cacheStatus UInt8, proto LowCardinality(String), tlsVersion LowCardinality(String), referer String, reqMethod LowCardinality(String)", "JSONEachRow", formattest.Akamai},
		{"clickhouse-cloudfront-tsv", strings.Join(columns, ", "), "TSV", formattest.CloudFront},
		{"clickhouse-combined", "line String", "LineAsString", formattest.Combined},
	} {
		b.Run(c.name, func(b *testing.B) {
			db := chtest.Open(b)
			name := file(b, c.line)
			if err := db.Exec(b.Context(), "CREATE TABLE peer ("+c.columns+") ENGINE = MergeTree ORDER BY tuple()"); err != nil {
				b.Fatal(err)
			}
			insert := "INSERT INTO peer SELECT * FROM file('" + name + "', " + c.format + ", '" + strings.ReplaceAll(c.columns, "'", "") + "') SETTINGS input_format_skip_unknown_fields = 1"
			before, n := engineCPU(b), 0
			for b.Loop() {
				if err := db.Exec(b.Context(), insert); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric((engineCPU(b)-before)/float64(n*lines)*1e6, "engine-µs/line")
			b.ReportMetric(float64(n*lines)/b.Elapsed().Seconds(), "lines/s")
		})
	}
	b.Run("goaccess-combined", func(b *testing.B) {
		goaccess, err := exec.LookPath("goaccess")
		if err != nil {
			b.Skip("goaccess is not here: apt-get install goaccess")
		}
		name := file(b, formattest.Combined)
		for b.Loop() {
			cmd := exec.Command(goaccess, name, "--log-format=COMBINED", "--no-global-config", "-o", filepath.Join(b.TempDir(), "report.json"))
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
		}
		b.ReportMetric(float64(lines*b.N)/b.Elapsed().Seconds(), "lines/s")
	})
}
