package ingest

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
	"vigie/internal/event"
)

// engineCPU is the seconds of processor that the engines started by this process have used.
func engineCPU(b *testing.B) (seconds float64) {
	b.Helper()
	children, err := exec.Command("pgrep", "-P", strconv.Itoa(os.Getpid())).Output()
	if err != nil {
		b.Fatal("find the engine: ", err)
	}
	for _, pid := range strings.Fields(string(children)) {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		for _, f := range fields[11:13] {
			ticks, _ := strconv.ParseFloat(f, 64)
			seconds += ticks / 100
		}
	}
	return seconds
}

// one is the single number that a query returns.
func one(b *testing.B, db *ch.DB, sql string) float64 {
	b.Helper()
	var rows []struct {
		N float64 `ch:"n"`
	}
	if err := db.Select(b.Context(), &rows, sql); err != nil {
		b.Fatal(err)
	}
	return rows[0].N
}

// fill lays out rows as a night has them: a few networks, a few hundred paths a second, one session
// a line.
func fill(b *requestBlock, e *enricher, rng *rand.Rand, rows int, at time.Time) {
	r := event.Request{Method: []byte("GET"), Host: []byte("live.tele.example"), Protocol: []byte("HTTP/2"), TLS: []byte("TLSv1.3"), Country: []byte("FR"),
		UserAgent: []byte("Mozilla/5.0 (Linux; Android 12; BRAVIA 4K) AppleWebKit/537.36 Chrome/120.0 Safari/537.36")}
	s := seen{source: []byte("akamai"), cdn: []byte("akamai"), received: at, weight: 1}
	var path, id, session []byte
	for i := range rows {
		r.Time = at.Add(-time.Duration(rng.IntN(5000)) * time.Millisecond)
		path = fmt.Appendf(path[:0], "/live/%s/video/%d/segment_%d.m4s", []string{"tf1", "tmc"}[i%2], []int{360, 720, 1080}[i%3], at.Unix()/2)
		id = strconv.AppendUint(id[:0], rng.Uint64(), 16)
		session = fmt.Appendf(session[:0], "%08x-b1c2-4d3e-8f90-a1b2c3d4e5f6", rng.Uint32N(100_000))
		r.Path, r.ID, r.CMCD.Session = path, id, session
		r.Status, r.Bytes = 200, uint64(400_000+rng.IntN(900_000))
		r.FirstByte, r.Duration = time.Duration(rng.IntN(80))*time.Millisecond, time.Duration(rng.IntN(500))*time.Millisecond
		r.Cache = event.CacheHit
		r.ASN = []uint32{3215, 12322, 15557, 5410, 51207, 21351, 14593, 16276}[rng.IntN(8)]
		r.Client = netip.AddrFrom4([4]byte{198, 18, byte(rng.IntN(256)), 0})
		r.CMCD.Bitrate, r.CMCD.Throughput, r.CMCD.BufferLength = 4500, uint32(5000+rng.IntN(60000)), uint32(rng.IntN(20000))
		e.request(&r, &s)
		b.append(&r, &s, clamped(r.FirstByte, time.Microsecond), clamped(r.Duration, time.Microsecond))
	}
}

// BenchmarkStoreRequests is what ClickHouse pays for a line, by how many come in one insert.
func BenchmarkStoreRequests(b *testing.B) {
	isps, err := ShippedISPs()
	if err != nil {
		b.Fatal(err)
	}
	asns, _ := OpenASNs(nil, slog.New(slog.DiscardHandler))
	e, err := newEnricher(EnrichConfig{Paths: Paths{Channels: []ChannelPaths{{ID: "tf1", Paths: []string{"/live/tf1/*"}}, {ID: "tmc", Paths: []string{"/live/tmc/*"}}}}}, isps, asns, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, rows := range []int{1000, 10_000, 50_000, 100_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			db := chtest.Open(b)
			if err := db.Prepare(b.Context(), ch.Retention{}); err != nil {
				b.Fatal(err)
			}
			if other := os.Getenv("VIGIE_BENCH_TABLES"); other != "" { // statements that make the tables otherwise, to compare
				for _, sql := range strings.Split(other, ";") {
					if err := db.Exec(b.Context(), sql); err != nil {
						b.Fatal(err)
					}
				}
			}
			rng := rand.New(rand.NewPCG(1, 2))
			blocks := make([]*requestBlock, 8)
			start := time.Now()
			for i := range blocks {
				blocks[i] = newRequestBlock()
				fill(blocks[i], e, rng, rows, start.Add(time.Duration(i)*time.Second))
			}
			before, n := engineCPU(b), 0
			for b.Loop() {
				if err := db.Insert(b.Context(), "requests", fmt.Sprint("bench:", n), blocks[n%len(blocks)].Block); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric((engineCPU(b)-before)/float64(n*rows)*1e6, "engine-µs/row")
			b.ReportMetric(float64(n*rows)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(one(b, db, "SELECT toFloat64(sum(bytes_on_disk) / sum(rows)) AS n FROM system.parts WHERE active AND table = 'requests' AND database = currentDatabase()"), "disk-B/row")
			asked := time.Now()
			const cells = 10
			for range cells { // what a person asks who looks into one cell of the matrix
				one(b, db, "SELECT toFloat64(count()) + quantile(0.95)(first_byte) AS n FROM requests WHERE cdn = 'akamai' AND isp = 'Free' AND time >= '"+
					start.UTC().Format("2006-01-02 15:04:05")+"' AND time < '"+start.Add(5*time.Second).UTC().Format("2006-01-02 15:04:05")+"'")
			}
			b.ReportMetric(float64(time.Since(asked).Milliseconds())/cells, "cell-ms")
		})
	}
}
