package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"vigie/ingest/formattest"
	"vigie/internal/browsertest"
)

// These benchmarks run the real binaries in processes of their own and measure them from outside,
// each once: go test -run '^$' -bench Room -benchtime 1x ./internal/app

// room is a running vigie that is measured, and a client of it.
type room struct {
	*process
	b      testing.TB
	client *http.Client
}

const roomPassword = "correct horse battery"

func openRoom(b *testing.B) *room {
	b.Helper()
	r := &room{b: b, client: &http.Client{Timeout: time.Minute}, process: newProcess(b, `
cdns: [{id: maison, name: Maison}, {id: akamai, name: Akamai, colour: 1}]
sources:
  - {id: akamai, cdn: akamai, format: akamai, token_env: VIGIE_TEST_TOKEN}
  - {id: edge, cdn: maison, format: nginx, token_env: VIGIE_TEST_TOKEN}
  - {id: cloudfront, cdn: akamai, format: cloudfront-realtime, token_env: VIGIE_TEST_TOKEN}
  - {id: combined, cdn: maison, format: combined, token_env: VIGIE_TEST_TOKEN}
  - {id: marker, cdn: maison, format: ndjson, token_env: VIGIE_TEST_TOKEN}
  - {id: mux, tool: mux, format: beacon, token_env: VIGIE_TEST_TOKEN}
collectors: {beacons: {per_address: 1000000}}
enrich: {paths: {channels: [{id: tf1, paths: ["/live/tf1/*"]}, {id: tmc, paths: ["/live/tmc/*"]}]}}
`)}
	add := r.command("user", "add", "bench", "--config", r.config, "--password-stdin")
	add.Stdin = strings.NewReader(roomPassword + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	r.start()
	eventually(b, time.Minute, "vigie is ready", func() bool {
		res, err := r.client.Get("http://" + r.people + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return r
}

// number is the single number that the embedded engine answers with.
func (r *room) number(sql string) float64 {
	text := r.answer(sql)
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		r.b.Fatalf("%s: %s", sql, text)
	}
	return n
}

// cpu is the seconds of processor that vigie and its engine have used.
func (r *room) cpu() (vigie, engine float64) {
	return processCPU(r.cmd.Process.Pid), processCPU(r.engine())
}

// processCPU reads utime and stime, in hundredths of a second, from proc(5)'s stat.
func processCPU(pid int) float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

func (r *room) rss() (vigie float64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		return 0
	}
	kb, _ := strconv.ParseFloat(string(m[1]), 64)
	return kb / 1024
}

func (r *room) metric(name string) float64 {
	res, err := r.client.Get("http://" + r.people + "/metrics")
	if err != nil {
		r.b.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	return n
}

// post sends a body; batch, where it is not empty, tells one from another that is equal.
func (r *room) post(path string, body []byte, packed bool, batch string) error {
	req, err := http.NewRequest(http.MethodPost, "http://"+r.machines+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	if batch != "" {
		req.Header.Set("X-Batch-Id", batch)
	}
	if packed {
		req.Header.Set("Content-Encoding", "gzip")
	}
	res, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, text)
	}
	return nil
}

// bodies makes n bodies of lines each, spread over the minute before now.
func bodies(line formattest.Line, n, lines int, packed bool) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	start := time.Now().Add(-time.Minute)
	out := make([][]byte, n)
	for i := range out {
		var text []byte
		for j := range lines {
			text = line(text, rng, start.Add(time.Duration(rng.IntN(60_000))*time.Millisecond), i*lines+j)
		}
		if packed {
			var z bytes.Buffer
			w, _ := gzip.NewWriterLevel(&z, 6)
			w.Write(text)
			w.Close()
			text = z.Bytes()
		}
		out[i] = text
	}
	return out
}

// BenchmarkRoomLines is the whole path: HTTP in, acknowledged by the synced stream, parsed,
// enriched, queryable with its rollups.
func BenchmarkRoomLines(b *testing.B) {
	for _, c := range []struct {
		name, source string
		line         formattest.Line
		packed       bool
		lines        int
	}{
		{"akamai-gzip", "akamai", formattest.Akamai, true, 1_500_000},
		{"cloudfront-tsv-gzip", "cloudfront", formattest.CloudFront, true, 1_500_000},
		{"nginx", "edge", formattest.Nginx, false, 1_500_000},
		{"combined", "combined", formattest.Combined, false, 1_500_000},
		{"beacons-gzip", "mux", formattest.Beacon, true, 1_000_000},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := openRoom(b)
			const each = 5000
			table := "requests"
			if c.source == "mux" {
				table = "beacons"
			}
			all := bodies(c.line, 100, each, c.packed)
			for b.Loop() {
				before := r.number("SELECT count() FROM " + table)
				vigie0, engine0 := r.cpu()
				var next atomic.Int64
				total := c.lines / each
				start := time.Now()
				var g errgroup.Group
				for range 3 {
					g.Go(func() error {
						for {
							i := int(next.Add(1)) - 1
							if i >= total {
								return nil
							}
							body := all[i%len(all)]
							if err := r.post("/ingest/"+c.source, body, c.packed, fmt.Sprint(start.UnixNano(), "-", i)); err != nil {
								return err
							}
						}
					})
				}
				if err := g.Wait(); err != nil {
					b.Fatal(err)
				}
				acknowledged := time.Since(start)
				for r.number("SELECT count() FROM "+table)-before < float64(c.lines) {
					time.Sleep(50 * time.Millisecond)
				}
				wall := time.Since(start)
				vigie1, engine1 := r.cpu()
				cpu := vigie1 - vigie0 + engine1 - engine0
				b.ReportMetric(float64(c.lines)/wall.Seconds(), "lines/s")
				b.ReportMetric(float64(c.lines)/cpu, "lines/s/core")
				b.ReportMetric((vigie1-vigie0)/float64(c.lines)*1e6, "vigie-µs/line")
				b.ReportMetric((engine1-engine0)/float64(c.lines)*1e6, "engine-µs/line")
				b.ReportMetric(float64(c.lines)/acknowledged.Seconds(), "acknowledged-lines/s")
				b.ReportMetric(r.rss(), "vigie-MB")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// BenchmarkRoomToQueryable is the time from "received" to "in the table and its sums" at half the load
// that the room is made for: 85,000 lines of gzip JSON a second.
func BenchmarkRoomToQueryable(b *testing.B) {
	r := openRoom(b)
	const each, perSecond = 5000, 85_000
	all := bodies(formattest.Akamai, 60, each, true)
	for b.Loop() {
		ctx, stop := context.WithCancel(b.Context())
		var g errgroup.Group
		g.SetLimit(8)
		start := time.Now()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for n := 0; ctx.Err() == nil; n++ {
				time.Sleep(time.Until(start.Add(time.Duration(n) * time.Second * each / perSecond)))
				g.Go(func() error {
					return r.post("/ingest/akamai", all[n%len(all)], true, fmt.Sprint("q-", start.UnixNano(), "-", n))
				})
			}
		}()
		time.Sleep(5 * time.Second)
		vigie0, engine0 := r.cpu()
		measured := time.Now()
		var took []float64
		for i := range 60 {
			path := fmt.Sprintf("/marker/%d/%d", start.UnixNano(), i)
			sent := time.Now()
			if err := r.post("/ingest/marker", fmt.Appendf(nil, `{"time":%d,"path":%q}`, sent.UnixMilli(), path), false, path); err != nil {
				b.Fatal(err)
			}
			for r.number("SELECT sum(lines) FROM requests_1s WHERE source = 'marker'") < float64(i+1) {
				time.Sleep(30 * time.Millisecond)
			}
			took = append(took, float64(time.Since(sent).Milliseconds()))
			time.Sleep(100 * time.Millisecond)
		}
		wall := time.Since(measured).Seconds()
		vigie1, engine1 := r.cpu()
		stop()
		<-ended
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		slices.Sort(took)
		b.ReportMetric(took[len(took)/2], "p50-ms")
		b.ReportMetric(took[len(took)*99/100], "p99-ms")
		b.ReportMetric((vigie1-vigie0)/wall, "vigie-cores")
		b.ReportMetric((engine1-engine0)/wall, "engine-cores")
		b.ReportMetric(r.rss(), "vigie-MB")
		b.ReportMetric(0, "ns/op")
	}
}

// BenchmarkRoomPlayers is beacons as players send them, one a request, over connections that stay open.
// Half of the processor is the clients'.
func BenchmarkRoomPlayers(b *testing.B) {
	r := openRoom(b)
	const beacons, screens = 300_000, 8192 // an answer comes when its batch is stored, up to 200 ms later
	transport := &http.Transport{MaxIdleConnsPerHost: screens, MaxConnsPerHost: screens}
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	for b.Loop() {
		before := r.number("SELECT count() FROM beacons")
		vigie0, engine0 := r.cpu()
		var next, refused atomic.Int64
		start := time.Now()
		var g errgroup.Group
		for worker := range screens {
			g.Go(func() error {
				rng := rand.New(rand.NewPCG(uint64(worker), 2))
				var body []byte
				for {
					i := next.Add(1)
					if i > beacons {
						return nil
					}
					body = formattest.Beacon(body[:0], rng, time.Now(), int(i))
					res, err := client.Post("http://"+r.machines+"/beacon", "text/plain", bytes.NewReader(body))
					if err != nil {
						return err
					}
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
					if res.StatusCode != http.StatusNoContent {
						refused.Add(1)
					}
				}
			})
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		wall := time.Since(start)
		for r.number("SELECT count() FROM beacons")-before < float64(beacons-refused.Load()) {
			time.Sleep(50 * time.Millisecond)
		}
		vigie1, engine1 := r.cpu()
		b.ReportMetric(beacons/wall.Seconds(), "beacons/s")
		b.ReportMetric(float64(refused.Load()), "refused")
		b.ReportMetric((vigie1-vigie0)/beacons*1e6, "vigie-µs/beacon")
		b.ReportMetric((engine1-engine0)/beacons*1e6, "engine-µs/beacon")
		b.ReportMetric(0, "ns/op")
	}
}

// load sends lines at a steady rate, stamped with the moment they are sent, until ctx ends.
func (r *room) load(ctx context.Context, perSecond int) error {
	const batches = 10 // a second
	rng := rand.New(rand.NewPCG(3, 4))
	ticker := time.NewTicker(time.Second / batches)
	defer ticker.Stop()
	var g errgroup.Group
	g.SetLimit(8)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return g.Wait()
		case <-ticker.C:
		}
		var text []byte
		at := time.Now()
		for i := range perSecond / batches {
			text = formattest.Nginx(text, rng, at, n*perSecond/batches+i)
		}
		g.Go(func() error { return r.post("/ingest/edge", text, false, "") })
	}
}

// signIn gives the client a session.
func (r *room) signIn() {
	r.b.Helper()
	jar, _ := cookiejar.New(nil)
	r.client.Jar = jar
	res, err := r.client.PostForm("http://"+r.people+"/sign-in", url.Values{"name": {"bench"}, "password": {roomPassword}})
	if err != nil {
		r.b.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		r.b.Fatal("sign in: ", res.Status)
	}
}

// BenchmarkRoomToScreen is the time from "received" to "on a browser's screen" while 20,000 lines
// arrive a second. The marker is a line that cannot be read: the count of refused lines of its
// source goes up by one on the screen, and a mutation observer in the page notes when.
func BenchmarkRoomToScreen(b *testing.B) {
	r := openRoom(b)
	r.signIn()
	page := browsertest.Open(b, 0)
	if err := chromedp.Do(page,
		chromedp.EmulateViewport(1920, 1080),
		chromedp.Navigate("http://"+r.people+"/sign-in?lang=en"),
		chromedp.SendKeys(chromedp.CSS("#name"), "bench"), chromedp.SendKeys(chromedp.CSS("#password"), roomPassword),
		chromedp.Click(chromedp.CSS(".door button")), chromedp.WaitVisible(chromedp.CSS("#board")),
	); err != nil {
		b.Fatal(err)
	}
	if _, err := chromedp.Run(page, chromedp.Evaluate[bool](`
		window.seen = {};
		new MutationObserver(() => requestAnimationFrame(() => {
			const row = [...document.querySelectorAll("tr")].find(r => /^\W*marker/.test(r.textContent.trim()));
			if (!row) return;
			const n = row.lastElementChild.textContent.replace(/\D/g, "");
			if (n !== "" && !(n in window.seen)) window.seen[n] = Date.now();
		})).observe(document.body, {subtree: true, childList: true, characterData: true}); true`)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		ctx, stop := context.WithCancel(b.Context())
		var g errgroup.Group
		g.Go(func() error { return r.load(ctx, 20_000) })
		time.Sleep(10 * time.Second)
		vigie0, engine0 := r.cpu()
		start := time.Now()
		const markers = 100
		sent := make([]time.Time, markers)
		rng := rand.New(rand.NewPCG(5, 6))
		for i := range sent {
			sent[i] = time.Now()
			if err := r.post("/ingest/marker", []byte("unreadable"), false, ""); err != nil {
				b.Fatal(err)
			}
			time.Sleep(time.Duration(1000+rng.IntN(1000)) * time.Millisecond) // never two in one tick's reach
		}
		time.Sleep(3 * time.Second)
		vigie1, engine1 := r.cpu()
		wall := time.Since(start).Seconds()
		stop()
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		seen, err := chromedp.Run(page, chromedp.Evaluate[string](`JSON.stringify(window.seen)`))
		if err != nil {
			b.Fatal(err)
		}
		var at map[string]int64
		if err := json.Unmarshal([]byte(seen), &at); err != nil {
			b.Fatal(err)
		}
		var took []float64
		for i, s := range sent {
			// A number that was never on the screen was overtaken by the next one.
			for n := i + 1; n <= markers; n++ {
				if ms, ok := at[strconv.Itoa(n)]; ok {
					took = append(took, float64(ms-s.UnixMilli()))
					break
				}
			}
		}
		if len(took) < markers*9/10 {
			b.Fatalf("only %d of %d markers came to the screen: %s", len(took), markers, seen)
		}
		slices.Sort(took)
		b.ReportMetric(took[len(took)/2], "p50-ms")
		b.ReportMetric(took[len(took)*95/100], "p95-ms")
		b.ReportMetric(took[len(took)*99/100], "p99-ms")
		b.ReportMetric((vigie1-vigie0)/wall, "vigie-cores")
		b.ReportMetric((engine1-engine0)/wall, "engine-cores")
		b.ReportMetric(0, "ns/op")
	}
}
