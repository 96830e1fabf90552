package formattest

import (
	"strings"
	"testing"
	"time"

	"vigie/internal/event"
)

// BenchLines is how many lines a benchmark's payload has: enough to defeat a branch predictor that
// learns them by heart.
const BenchLines = 2000

// Bench measures a parser on lines made by line, which must all be records.
func Bench(b *testing.B, parse event.Parser, line func(i int) string) {
	payload, from := corpus(line)
	var c counter
	parse(payload, from, &c)
	if c.records != BenchLines || c.refused != "" {
		b.Fatalf("%d records of %d lines, refused: %q", c.records, BenchLines, c.refused)
	}
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		parse(payload, from, &c)
	}
	perLine := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / BenchLines
	b.ReportMetric(perLine, "ns/line")
	b.ReportMetric(1e9/perLine, "lines/s")
}

type counter struct {
	records int
	refused string
}

func (c *counter) Request(*event.Request)         { c.records++ }
func (c *counter) Beacon(*event.Beacon)           { c.records++ }
func (c *counter) Measurement(*event.Measurement) { c.records++ }
func (c *counter) Refuse(r event.Refusal)         { c.refused = r.Reason }

// Steady fails the test when a parser allocates for each line and not only for each payload.
func Steady(t *testing.T, parse event.Parser, line func(i int) string) {
	t.Helper()
	payload, from := corpus(line)
	var c counter
	if n := testing.AllocsPerRun(5, func() { parse(payload, from, &c) }); n > BenchLines/50 {
		t.Errorf("%v allocations for %d lines", n, BenchLines)
	}
}

func corpus(line func(i int) string) ([]byte, event.Origin) {
	var text strings.Builder
	for i := range BenchLines {
		text.WriteString(line(i))
		text.WriteByte('\n')
	}
	return []byte(text.String()), event.Origin{Received: time.Date(2026, 9, 8, 19, 50, 0, 0, time.UTC)}
}
