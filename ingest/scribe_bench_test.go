package ingest

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"vigie/ingest/formattest"
	"vigie/internal/bus"
	"vigie/internal/event"
)

// BenchmarkLayOut is the way from a stored body to columns: unpacked, parsed, enriched, laid out and
// added up, which is what a writer does beside ClickHouse. "parse" is the parser alone on the same
// lines, unpacked.
func BenchmarkLayOut(b *testing.B) {
	for _, c := range []struct {
		name, format string
		line         formattest.Line
		packed       bool
	}{
		{"akamai-gzip", "akamai", formattest.Akamai, true},
		{"cloudfront-tsv-gzip", "cloudfront-realtime", formattest.CloudFront, true},
		{"nginx", "nginx", formattest.Nginx, false},
		{"combined", "combined", formattest.Combined, false},
		{"beacons-gzip", "beacon", formattest.Beacon, true},
	} {
		const lines = 20_000
		rng, now := rand.New(rand.NewPCG(1, 2)), time.Now()
		var text []byte
		for i := range lines {
			text = c.line(text, rng, now.Add(-time.Duration(rng.IntN(5000))*time.Millisecond), i)
		}
		source := Source{ID: "s", CDN: "akamai", Format: c.format}
		if c.format == "beacon" {
			source.CDN = ""
		}
		perLine := func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
			b.ReportMetric(lines*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
			b.ReportMetric(float64(len(text))/lines, "B/line")
		}
		b.Run(c.name+"/parse", func(b *testing.B) {
			r, err := source.reader(c.format)
			if err != nil {
				b.Fatal(err)
			}
			var n counted
			for b.Loop() {
				r.parse(text, event.Origin{Received: now}, &n)
			}
			if n.refused > 0 {
				b.Fatal(n.refused, " refused")
			}
			perLine(b)
		})
		b.Run(c.name+"/columns", func(b *testing.B) {
			body := text
			if c.packed {
				var z bytes.Buffer
				w := gzip.NewWriter(&z)
				w.Write(text)
				w.Close()
				body = z.Bytes()
			}
			log := slog.New(slog.DiscardHandler)
			readables, err := newReadables([]Source{source})
			if err != nil {
				b.Fatal(err)
			}
			isps, err := ShippedISPs()
			if err != nil {
				b.Fatal(err)
			}
			asns, err := OpenASNs(nil, log)
			if err != nil {
				b.Fatal(err)
			}
			enrich, err := newEnricher(EnrichConfig{Paths: Paths{Channels: []ChannelPaths{{ID: "tf1", Paths: []string{"/live/tf1/*"}}, {ID: "tmc", Paths: []string{"/live/tmc/*"}}}}}, isps, asns, nil)
			if err != nil {
				b.Fatal(err)
			}
			s := newScribe(readables, enrich, nil, log)
			s.part = newPart()
			s.full = func(p *part) (*part, error) { p.reset(); return p, nil }
			m := bus.Message{Data: body, Header: bus.Header{headerSource: "s", headerFormat: c.format, headerReceived: strconv.FormatInt(now.UnixNano(), 10)}}
			for b.Loop() {
				s.part.reset()
				found, err := s.read(&span{messages: []bus.Message{m}, partRows: 1_000_000})
				if err != nil || found.sources["s"].lines != lines {
					b.Fatal(err, found.sources["s"])
				}
				s.part.sums.layOut()
			}
			perLine(b)
		})
	}
}

type counted struct{ records, refused int }

func (c *counted) Request(*event.Request)         { c.records++ }
func (c *counted) Beacon(*event.Beacon)           { c.records++ }
func (c *counted) Measurement(*event.Measurement) { c.records++ }
func (c *counted) Refuse(event.Refusal)           { c.refused++ }
