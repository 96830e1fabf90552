package ingest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
	"vigie/internal/event"
)

// askers lays requests out and adds them up as a scribe does.
type askers struct {
	*part
	seen seen
}

func newAskers(at time.Time) *askers {
	return &askers{newPart(), seen{source: []byte("s"), cdn: []byte("akamai"), isp: []byte("Orange"), received: at, weight: 1}}
}

func (c *askers) add(r *event.Request) {
	c.requests.append(r, &c.seen, -1, -1)
	c.sums.add(r, &c.seen, -1, -1)
	c.identities.add(r, &c.seen)
}

// An attack chooses a user agent of its own for each request, and comes from everywhere.
func TestRandomUserAgentsAndNetworksAreBounded(t *testing.T) {
	db := chtest.Open(t)
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0)
	c := newAskers(at)
	random := rand.New(rand.NewPCG(9, 9))
	const parts, each = 10, 100_000
	var text []byte
	var before, after runtime.MemStats
	for n := range parts {
		if n == 1 { // memory has its size by now
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
		c.reset()
		for i := range each {
			text = fmt.Appendf(text[:0], "%x/1.0 (%x)", random.Uint64(), random.Uint64())
			c.seen.asn = random.Uint32N(1 << 20)
			if i%100 == 99 { // who always asks is still there, late as it comes
				text, c.seen.asn = append(text[:0], "Mozilla/5.0 Chrome/126.0 Safari/537.36"...), 1<<31
			}
			c.add(&event.Request{Time: at, UserAgent: text, Status: 200, Bytes: 3})
		}
		block := c.identities.layOut()
		if most := maxNamed[identityASN] + maxNamed[identityAgent] + 3; block.Rows() > most { // two rests, Chrome
			t.Fatalf("%d rows, at most %d are meant to be", block.Rows(), most)
		}
		if err := db.Insert(t.Context(), "identities_10s", fmt.Sprint("part ", n), block); err != nil {
			t.Fatal(err)
		}
		if len(c.identities.families) > maxFamilies+maxNamed[identityAgent]+200 {
			t.Fatalf("%d families are remembered", len(c.identities.families))
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d bytes more after %d lines", grown, parts*each)
	}
	var rows []struct {
		Kind  string  `ch:"kind"`
		Name  string  `ch:"name"`
		Lines uint64  `ch:"n"`
		Bytes float64 `ch:"b"`
	}
	err := db.Select(t.Context(), &rows, "SELECT kind, if(name IN ('rest', 'chrome'), name, 'named') AS name, sum(lines) AS n, sum(bytes) AS b FROM identities_10s GROUP BY ALL ORDER BY kind, name")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]uint64{}
	for _, r := range rows {
		named[r.Kind+" "+r.Name] = r.Lines
		if r.Bytes != 3*float64(r.Lines) {
			t.Errorf("%+v: not three bytes a line", r)
		}
	}
	if named["asn named"]+named["asn rest"] != parts*each || named["agent named"]+named["agent rest"]+named["agent chrome"] != parts*each || named["agent chrome"] != parts*each/100 {
		t.Errorf("of %d lines: %v", parts*each, named)
	}
	if named["agent rest"] < parts*each/2 || named["asn rest"] < parts*each/2 {
		t.Errorf("so many do not belong to names: %v", named)
	}
}

// What a part is told of does not depend on what came before it: it is read again after a crash.
func TestSumsByWhoAsksDoNotDependOnEarlierParts(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	lines := func(c *askers, seed uint64, n int) {
		random := rand.New(rand.NewPCG(seed, 1))
		for range n {
			c.seen.asn = random.Uint32N(5000)
			c.seen.cdn = []byte([]string{"akamai", "maison"}[random.IntN(2)])
			c.add(&event.Request{Time: at.Add(-time.Duration(random.IntN(60)) * time.Second), Status: 200,
				UserAgent: []byte([]string{"curl/8", fmt.Sprintf("a%d/1", random.IntN(1000)), strings.Repeat("x", random.IntN(40))}[random.IntN(3)])})
		}
	}
	fresh, used := newAskers(at), newAskers(at)
	for seed := range uint64(5) {
		lines(used, seed, 10_000)
		used.layOut()
		used.reset()
	}
	lines(fresh, 42, 20_000)
	lines(used, 42, 20_000)
	if a, b := fresh.layOut(), used.layOut(); a != b {
		t.Errorf("laid out otherwise: %d and %d bytes", len(a), len(b))
	} else if !strings.Contains(a, "rest") {
		t.Error("nothing was beyond the bound: the test shows nothing")
	}
}

// layOut is what would be inserted, as text.
func (c *askers) layOut() string {
	var b strings.Builder
	s := c.identities
	s.layOut()
	for i, key := range s.keys {
		fmt.Fprintf(&b, "%s %d %+v\n", s.appendName(nil, key), key>>identityKindShift, s.sums[i])
	}
	return b.String()
}

func TestAddingUpByWhoAsksTakesNoMemoryALine(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	c := newAskers(at)
	texts := make([][]byte, 500)
	for i := range texts {
		texts[i] = fmt.Appendf(nil, "app%d/1", i)
	}
	line := func(i int) {
		c.seen.asn = uint32(i % 3000)
		c.identities.add(&event.Request{Time: at, UserAgent: texts[i%len(texts)], Status: 200}, &c.seen)
	}
	c.add(&event.Request{Time: at, Status: 200})
	for i := range 10_000 {
		line(i)
	}
	i := 0
	if n := testing.AllocsPerRun(10_000, func() { i++; line(i) }); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}

// BenchmarkWhoAsks is what a line costs in sums by who asks, by how many user agents and networks there
// are.
func BenchmarkWhoAsks(b *testing.B) {
	at := time.Now()
	mozilla := func(i int) []byte {
		return fmt.Appendf(nil, "Mozilla/5.0 (Linux; Android 12; SM-G9%d) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36", i)
	}
	for _, c := range []struct {
		name                 string
		userAgents, networks int
		of                   func(i int) []byte
	}{
		{"one", 1, 1, mozilla},
		{"night", 3000, 1000, mozilla},
		{"random", 1_000_000, 80_000, func(i int) []byte { return fmt.Appendf(nil, "%x/1.0 (X11; Linux x86_64) %x", rand.Uint64(), i) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			const lines = 50_000
			zipf := func(n int) func() int {
				if n == 1 {
					return func() int { return 0 }
				}
				z := rand.NewZipf(random, 1.2, 8, uint64(n-1))
				return func() int { return int(z.Uint64()) }
			}
			agentOf, networkOf := zipf(c.userAgents), zipf(c.networks)
			if c.name == "random" {
				agentOf, networkOf = func() int { return random.IntN(c.userAgents) }, func() int { return random.IntN(c.networks) }
			}
			agents, asns := make([][]byte, lines), make([]uint32, lines)
			for i := range agents {
				agents[i], asns[i] = c.of(agentOf()), uint32(networkOf())
			}
			r := event.Request{Time: at, Status: 200, Bytes: 1000}
			p := newAskers(at)
			p.add(&r)
			for b.Loop() {
				p.identities.reset()
				for i := range agents {
					p.seen.asn, r.UserAgent = asns[i], append(r.UserAgent[:0], agents[i]...) // hot, as a parser leaves it
					p.identities.add(&r, &p.seen)
				}
				p.identities.layOut()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
			b.ReportMetric(float64(p.identities.Rows()), "rows")
		})
	}
}
