package ingest_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"

	"vigie/ingest"
	"vigie/internal/bus/bustest"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// startWith is start with sources and doors of the test's own.
func startWith(t testing.TB, cfg ingest.CollectorConfig) *pipeline {
	t.Helper()
	return startBetween(t, cfg, cfg.Sources)
}

// startBetween also says what the writer is configured with.
func startBetween(t testing.TB, cfg ingest.CollectorConfig, writers []ingest.Source) *pipeline {
	t.Helper()
	b, db := bustest.Open(t), chtest.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	if err := db.Prepare(ctx, ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	streams, err := ingest.OpenStreams(ctx, b, ingest.StreamsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Streams, cfg.CDNs, cfg.Log = streams, testCDNs, slog.New(slog.DiscardHandler)
	c, err := ingest.NewCollector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	leases, err := b.KV(ctx, "writers")
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, ingest.WriterConfig{DB: db, Streams: streams, Leases: leases, Owner: "test", Alone: true, Sources: writers, Beacons: cfg.Beacons})
	server := httptest.NewServer(c.Handler())
	done := make(chan struct{}, 2)
	go func() { w.Run(ctx); done <- struct{}{} }()
	go func() { c.Run(ctx); done <- struct{}{} }()
	p := &pipeline{t: t, db: db, http: server}
	t.Cleanup(func() {
		server.Close()
		cancel()
		<-done
		<-done
	})
	return p
}

// newWriter completes a writer's configuration.
func newWriter(t testing.TB, cfg ingest.WriterConfig) *ingest.Writer {
	t.Helper()
	var err error
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.ISPs, err = ingest.ShippedISPs(); err != nil {
		t.Fatal(err)
	}
	if cfg.ASNs, err = ingest.OpenASNs(nil, cfg.Log); err != nil {
		t.Fatal(err)
	}
	cfg.CDNs, cfg.Enrich = testCDNs, ingest.EnrichConfig{Paths: testPaths}
	w, err := ingest.NewWriter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func line(at time.Time, members string) string {
	return fmt.Sprintf(`{"time":%d%s}`+"\n", at.UnixMilli(), members)
}

// bomb is n equal bytes, packed.
func bomb(b byte, n int) string {
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	chunk := bytes.Repeat([]byte{b}, 1<<20)
	for ; n > 0; n -= len(chunk) {
		z.Write(chunk[:min(n, len(chunk))])
	}
	z.Close()
	return packed.String()
}

// zstandard packs a text.
func zstandard(text string) string {
	z, _ := zstd.NewWriter(nil)
	defer z.Close()
	return string(z.EncodeAll([]byte(text), nil))
}

// TestWhatSendersMayGetWrong is the table of what was tried against POST /ingest/{source}. Each row
// has a source of its own, so that what became of it can be told exactly.
func TestWhatSendersMayGetWrong(t *testing.T) {
	const maxBody = 4 << 20
	now := time.Now()
	good := line(now, `,"path":"/ok","bytes":1`)
	long := strings.Repeat(good, 200)
	type reasons = map[string]int
	header := func(pairs ...string) []string { return pairs }
	rows := []struct {
		name   string
		format string // "": ndjson
		method string // "": POST
		path   string // in place of /ingest/{source}
		query  string
		header []string // beside the right token; an empty value removes it
		body   string
		times  int // sent; 0: once
		status int
		says   string // in the answer
		lines  int
		kept   reasons // in the quarantine
	}{
		// Who sends.
		{name: "unknown source", path: "/ingest/nosuch", body: good, status: 401, says: "no such source"},
		{name: "unknown source with a hostile name", path: "/ingest/..%2f..%2fetc", body: good, status: 401},
		{name: "the public source by name", path: "/ingest/beacons", body: good, status: 401},
		{name: "wrong token", header: header("Authorization", "Bearer wrong"), body: good, status: 401},
		{name: "token with more behind it", header: header("Authorization", "Bearer s3cretX"), body: good, status: 401},
		{name: "empty token", header: header("Authorization", "Bearer "), body: good, status: 401},
		{name: "no token", header: header("Authorization", ""), body: good, status: 401},
		{name: "token of another scheme", header: header("Authorization", "Digest s3cret"), body: good, status: 401},
		{name: "basic with the right password and a user that is not asked for", header: header("Authorization", "Basic cm9vdDpzM2NyZXQ="), body: good, status: 401},
		{name: "basic with the right password and no user", header: header("Authorization", "Basic OnMzY3JldA=="), body: good, status: 200, lines: 1},
		{name: "X-Vigie-Token", header: header("Authorization", "", "X-Vigie-Token", "s3cret"), body: good, status: 200, lines: 1},
		// How it asks.
		{name: "GET", method: "GET", status: 405},
		{name: "DELETE", method: "DELETE", status: 405},
		{name: "PUT is taken as POST", method: "PUT", body: good, status: 200, lines: 1},
		{name: "no source", path: "/ingest/", body: good, status: 404},
		{name: "weight of zero", query: "?weight=0", body: good, status: 400, says: "weight"},
		{name: "weight under one", query: "?weight=0.5", body: good, status: 400, says: "weight"},
		{name: "weight not a number", query: "?weight=NaN", body: good, status: 400, says: "weight"},
		{name: "weight without end", query: "?weight=Inf", body: good, status: 400, says: "weight"},
		{name: "weight too large", query: "?weight=1e7", body: good, status: 400, says: "1000000"},
		{name: "format unknown", query: "?format=xml%0d%0aX:1", body: good, status: 400, says: `"xml\r\nX:1"`},
		{name: "another format than configured", query: "?format=nginx", body: `{"ts":"` + fmt.Sprint(now.Unix()) + `","st":"200"}`, status: 200, lines: 1},
		{name: "batch id too long", header: header("X-Batch-Id", strings.Repeat("x", 300)), body: good, status: 400, says: "batch id"},
		{name: "batch id of strange bytes", header: header("X-Batch-Id", "a b/*>.\"'ÿ"), body: good, times: 3, status: 200, lines: 1},
		{name: "encoding unknown", header: header("Content-Encoding", "br"), body: good, status: 415, says: "gzip"},
		// Bodies as such.
		{name: "empty body", status: 204},
		{name: "small and equal bodies are all meant", body: good, times: 3, status: 200, lines: 3},
		{name: "a large body again is a retry", body: long, times: 3, status: 200, lines: 200},
		{name: "a body over the limit", body: strings.Repeat("x", maxBody+1), status: 413, says: "4194304"},
		{name: "says gzip and is not", header: header("Content-Encoding", "gzip"), body: good, status: 200, lines: 1},
		{name: "is gzip and does not say so", body: packed(good), status: 200, lines: 1},
		{name: "gzip cut short", body: packed(long)[:len(packed(long))-12], status: 200, lines: 200, kept: reasons{"body: its compression is damaged or cut short": 1}},
		{name: "gzip of two members", body: packed(good) + packed(good), status: 200, lines: 2},
		{name: "gzip's first bytes alone", body: "\x1f\x8b\xff\xff\xff", status: 200, kept: reasons{"body: its compression is damaged or cut short": 1}},
		{name: "gzip of ten million zeros", body: bomb(0, 10_000_000), status: 200},
		{name: "gzip of a gigabyte of line feeds", body: bomb('\n', 1<<30) + packed(good), status: 200, lines: 1},
		{name: "gzip of 300 MB without a line's end", body: bomb('x', 300<<20), status: 200, kept: reasons{"body: a JSON array or line of more than 256 MiB": 1}},
		{name: "zstd of 300 MB without a line's end", body: zstandard(strings.Repeat("x", 300<<20)), status: 200, kept: reasons{"body: a JSON array or line of more than 256 MiB": 1}},
		{name: "zstd cut short", body: zstandard(long)[:len(zstandard(long))-5], status: 200, kept: reasons{"body: its compression is damaged or cut short": 1}},
		{name: "zstd's first bytes alone", body: "\x28\xb5\x2f\xfd\xff\xff", status: 200, kept: reasons{"body: its compression is damaged or cut short": 1}},
		{name: "snappy's first bytes alone", body: "\xff\x06\x00\x00sNaPpY\xff\xff", status: 200, kept: reasons{"body: its compression is damaged or cut short": 1}},
		{name: "Firehose's envelope of a gigabyte", header: header("X-Amz-Firehose-Request-Id", "r"), body: bomb(' ', 1<<30), status: 400, says: `"requestId":"r"`},
		{name: "Firehose's envelope of ten thousand records and one", header: header("X-Amz-Firehose-Request-Id", "r"), body: `{"requestId":"r","timestamp":1,"records":[` + strings.Repeat(`{"data":""},`, 10_000) + `{"data":""}]}`, status: 400, says: "10000"},
		{name: "gzip of a line of 100 MB between good ones", body: packed(good) + bomb('x', 100<<20) + packed("\n"+good), status: 200, lines: 2, kept: reasons{"line: longer than 256 KiB": 1}},
		// What is in them.
		{name: "an array of garbage is one line of it", body: `[1,"two",null,{"three":3},[[[]]]]` + "\n" + good, status: 200, lines: 1, kept: reasons{"json: not an object": 1}},
		{name: "an array with an object that is none of ours", body: `[` + strings.TrimSpace(good) + `,{"three":3},{"time":"x"},` + strings.TrimSpace(good) + `]`, status: 200, lines: 2, kept: reasons{"time: missing": 1, "time: not a number or RFC 3339": 1}},
		{name: "invalid UTF-8 in a value", body: line(now, ",\"path\":\"/\xff\xfe\x80\",\"host\":\"\xc3\x28\""), status: 200, lines: 1},
		{name: "NUL bytes in a value", body: line(now, `,"path":"/`+"\x00\x00"+`\u0000"`), status: 200, lines: 1},
		{name: "NUL bytes for a line, as a file cut while it was written has", body: "\x00\x00\x00\n" + good, status: 200, lines: 1},
		{name: "an hour ahead", body: line(now.Add(time.Hour), ""), status: 200, kept: reasons{"time: more than 10 minutes ahead of the collector's clock": 1}},
		{name: "two years late", body: line(now.AddDate(-2, 0, 0), ""), status: 200, kept: reasons{"time: more than 400 days before it was received": 1}},
		{name: "two years late and sent as old data", query: "?backfill=1", body: line(now.AddDate(-2, 0, 0), ""), status: 200, lines: 1},
		{name: "the year 9999", body: `{"time":"9999-12-31T23:59:59Z"}`, status: 200, kept: reasons{"time: not a number or RFC 3339": 1}},
		{name: "no time", body: `{"path":"/"}`, status: 200, kept: reasons{"time: missing": 1}},
		{name: "weights that cannot be in a line", body: line(now, `,"weight":-5`) + line(now, `,"weight":1e300`) + line(now, `,"weight":"NaN"`), status: 200, lines: 3},
		{name: "numbers beyond their types", body: line(now, `,"bytes":99999999999999999999999,"status":99999,"first_byte_ms":1e300,"asn":99999999999`), status: 200, lines: 1},
		{name: "one bad line among its neighbours", body: good + "oops\n" + good, status: 200, lines: 2, kept: reasons{"json: not an object": 1}},
		{name: "5,000 hosts, methods and PoPs", body: explosion(now, 5000), status: 200, lines: 5000},
		{name: "w3c without its fields", format: "w3c", body: "1 2 3\n4 5 6\n", status: 200, kept: reasons{"fields: no #Fields directive before the line, and not CloudFront's columns": 2}},
		{name: "akamai's line for combined", format: "combined", body: akamaiLines(2, now), status: 200, kept: reasons{"time: not in brackets before the request": 2}},
		{name: "beacons of nobody", format: "beacon", body: `[{"event":"heartbeat"},{"session":""},{"session":"` + strings.Repeat("s", 65) + `"}]`, status: 200, kept: reasons{"session: missing": 2, "session: longer than 64 bytes or not text": 1}},
		{name: "5,000 tools, channels, devices and CDNs", format: "beacon", body: inventions(5000), status: 200, lines: 5000},
	}
	var sources []ingest.Source
	id := func(i int) string { return fmt.Sprintf("row-%02d", i) }
	for i, r := range rows {
		s := ingest.Source{ID: id(i), Format: r.format, Token: "s3cret", CDN: "maison"}
		if r.format == "" {
			s.Format = "ndjson"
		}
		if r.format == "beacon" {
			s.CDN = ""
		}
		sources = append(sources, s)
	}
	p := startWith(t, ingest.CollectorConfig{Sources: sources, MaxBody: maxBody})
	total := 0
	for i, r := range rows {
		method, path := r.method, r.path
		if method == "" {
			method = "POST"
		}
		if path == "" {
			path = "/ingest/" + id(i)
		}
		for range max(r.times, 1) {
			status, answer := p.do(method, path+r.query, r.body, r.header...)
			if status != r.status || !strings.Contains(answer, r.says) {
				t.Errorf("%s: %d %q, want %d and %q in it", r.name, status, answer, r.status, r.says)
			}
		}
		total += r.lines
		for _, n := range r.kept {
			total += n
		}
	}
	settled := func() bool {
		return p.number("SELECT toFloat64(sum(lines)+sum(refused)) AS n FROM deliveries") >= float64(total)
	}
	for end := time.Now().Add(3 * time.Minute); !settled() && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
	}
	type counts struct {
		Source string `ch:"source"`
		Reason string `ch:"reason"`
		N      uint64 `ch:"n"`
	}
	stored, kept := map[string]int{}, map[string]reasons{}
	var found []counts
	for _, sql := range []string{
		"SELECT source, '' AS reason, count() AS n FROM requests GROUP BY source",
		"SELECT source, '' AS reason, count() AS n FROM beacons GROUP BY source",
		"SELECT source, reason, sum(count) AS n FROM quarantine GROUP BY source, reason",
	} {
		found = nil
		if err := p.db.Select(t.Context(), &found, sql); err != nil {
			t.Fatal(err)
		}
		for _, c := range found {
			if c.Reason == "" {
				stored[c.Source] += int(c.N)
				continue
			}
			if kept[c.Source] == nil {
				kept[c.Source] = reasons{}
			}
			kept[c.Source][c.Reason] = int(c.N)
		}
	}
	for i, r := range rows {
		if stored[id(i)] != r.lines || !maps.Equal(kept[id(i)], r.kept) {
			t.Errorf("%s: %d lines stored and kept %v, want %d and %v", r.name, stored[id(i)], kept[id(i)], r.lines, r.kept)
		}
	}
	// What a sender can invent does not become a row of the rollups each.
	for sql, most := range map[string]float64{
		"SELECT max(n) AS n FROM (SELECT source, toFloat64(uniqExact(host)) AS n FROM requests GROUP BY source)":             4097,
		"SELECT max(n) AS n FROM (SELECT source, time, toFloat64(count()) AS n FROM requests_1s GROUP BY source, time)":      4,
		"SELECT max(n) AS n FROM (SELECT source, time, toFloat64(count()) AS n FROM qoe_1s GROUP BY source, time)":           2,
		"SELECT toFloat64(uniqExact(channel) * uniqExact(device) * uniqExact(cdn) * uniqExact(tool)) AS n FROM beacons":      1,
		"SELECT max(toFloat64(length(sample))) AS n FROM quarantine":                                                         4096,
		"SELECT toFloat64(max(weight)) AS n FROM requests":                                                                   1,
		"SELECT toFloat64(max(toYear(time)) - min(toYear(received))) AS n FROM requests WHERE time > now() - INTERVAL 1 DAY": 1,
	} {
		if got := p.number(sql); got > most {
			t.Errorf("%s\nis %v, more than %v", sql, got, most)
		}
	}
}

// explosion is lines that differ in everything that could become a label.
func explosion(now time.Time, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(now, fmt.Sprintf(`,"host":"h%d","method":"M%d","pop":"P%d","protocol":"X%d","country":"%c%c","path":"/%d"`, i, i, i, i, 'A'+i%26, 'A'+i/26%26, i)))
	}
	return b.String()
}

func inventions(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"session":"s%d","tool":"t%d","channel":"c%d","device":"d%d","cdn":"x%d","player":"p%d","errorCode":"e%d"}`+"\n", i, i, i, i, i, i, i)
	}
	return b.String()
}

// do is one request with the right token, unless a header says otherwise.
func (p *pipeline) do(method, path, body string, header ...string) (status int, answer string) {
	p.t.Helper()
	r, err := http.NewRequest(method, p.http.URL+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer s3cret")
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// TestBodiesThatDoNotComeAsAnnounced speaks to the door by hand.
func TestBodiesThatDoNotComeAsAnnounced(t *testing.T) {
	const head = "POST /ingest/lines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\n"
	for _, c := range []struct {
		name, request string
		status        int
	}{
		{"a length beyond the limit is refused before the body", head + "Content-Length: 99999999999\r\n\r\n", 413},
		{"chunks beyond the limit", head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("10000\r\n"+strings.Repeat("x", 0x10000)+"\r\n", 20), 413},
		{"a body cut short", head + "Content-Length: 100\r\n\r\n0123456789", 400},
		{"chunks cut short", head + "Transfer-Encoding: chunked\r\n\r\n5\r\n012", 400},
		{"two lengths", head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n01234", 400},
		{"a negative length", head + "Content-Length: -5\r\n\r\n", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(collectorAlone(t, ingest.CollectorConfig{MaxBody: 1 << 20}).Handler())
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go func() {
				io.WriteString(conn, c.request)
				conn.(*net.TCPConn).CloseWrite()
			}()
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != c.status {
				text, _ := io.ReadAll(res.Body)
				t.Errorf("%d %s, want %d", res.StatusCode, text, c.status)
			}
		})
	}
}

// collectorAlone has no stream: for what must not get that far.
func collectorAlone(t testing.TB, cfg ingest.CollectorConfig) *ingest.Collector {
	t.Helper()
	cfg.Sources, cfg.CDNs, cfg.Log = testSources, testCDNs, slog.New(slog.DiscardHandler)
	c, err := ingest.NewCollector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestASenderThatTricklesIsCutOffAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: collectorAlone(t, ingest.CollectorConfig{}).Handler()}
		go server.Serve(listener)
		conn := listener.dial()
		start, trickled := time.Now(), make(chan struct{})
		go func() {
			defer close(trickled)
			io.WriteString(conn, "POST /ingest/lines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Length: 1000\r\n\r\n")
			for {
				if _, err := io.WriteString(conn, "x"); err != nil {
					return
				}
				time.Sleep(10 * time.Second)
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); res.StatusCode != 400 || took < 59*time.Second || took > 61*time.Second {
			t.Errorf("%d after %s", res.StatusCode, took)
		}
		conn.Close()
		<-trickled
		server.Close()
	})
}

// pipes is a listener in memory, for a bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func TestTooManyBodiesAtOnceAreAskedToWait(t *testing.T) {
	server := httptest.NewServer(collectorAlone(t, ingest.CollectorConfig{MaxBody: 1 << 20, MaxMemory: 1 << 20}).Handler())
	defer server.Close()
	first, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	fmt.Fprintf(first, "POST /ingest/lines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", 1<<20)
	bufio.NewReader(first).ReadString('\n') // it is being received
	r, _ := http.NewRequest("POST", server.URL+"/ingest/lines", strings.NewReader("x"))
	r.Header.Set("Authorization", "Bearer s3cret")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
	}
}

func TestNoRoomOnTheDiskAsksSendersToWait(t *testing.T) {
	p := startWith(t, ingest.CollectorConfig{Sources: testSources, Room: func() error { return errors.New("3 MB are free") }})
	for _, path := range []string{"/ingest/lines", "/beacon"} {
		r, _ := http.NewRequest("POST", p.http.URL+path, strings.NewReader(`{"session":"s"}`))
		r.Header.Set("Authorization", "Bearer s3cret")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 503 || res.Header.Get("Retry-After") != "5" || strings.Contains(string(text), "3 MB") {
			t.Errorf("%s: %s, Retry-After %q: %s", path, res.Status, res.Header.Get("Retry-After"), text)
		}
	}
}

func TestASourceThatIsNoLongerConfiguredIsKept(t *testing.T) {
	gone := ingest.Source{ID: "gone", CDN: "maison", Format: "ndjson", Token: "s3cret"}
	p := startBetween(t, ingest.CollectorConfig{Sources: append([]ingest.Source{gone}, testSources...)}, testSources)
	now := time.Now()
	p.post("/ingest/gone", line(now, "")+line(now, ""))
	p.post("/ingest/lines", line(now, ""))
	p.eventually("SELECT toFloat64(count()) AS n FROM requests", 1)
	p.eventually("SELECT toFloat64(sum(count)) AS n FROM quarantine WHERE source = 'gone' AND reason = 'source: no longer configured' AND sample LIKE '{\"time\":%'", 1)
}

// TestBeaconsAreNotBelieved is the table of what was tried against /beacon, which anybody can reach.
func TestBeaconsAreNotBelieved(t *testing.T) {
	p := startWith(t, ingest.CollectorConfig{Sources: testSources, Beacons: ingest.BeaconConfig{Origins: []string{"https://tv.example"}, PerAddress: 40},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		answer                   []string // header, value
	}{
		{name: "as players send it", method: "POST", body: `{"session":"b1","event":"heartbeat","channel":"tf1"}`, header: []string{"Content-Type", "text/plain"}, status: 204, answer: []string{"Access-Control-Allow-Origin", "*"}},
		{name: "from the broadcaster's page", method: "POST", body: `{"session":"b2"}`, header: []string{"Origin", "https://tv.example"}, status: 204, answer: []string{"Access-Control-Allow-Origin", "https://tv.example"}},
		{name: "and its credentials", method: "POST", body: `{"session":"b2"}`, header: []string{"Origin", "https://tv.example"}, status: 204, answer: []string{"Access-Control-Allow-Credentials", "true"}},
		{name: "from another page", method: "POST", body: `{"session":"b3"}`, header: []string{"Origin", "https://evil.example"}, status: 204, answer: []string{"Access-Control-Allow-Credentials", ""}},
		{name: "a browser asks first", method: "OPTIONS", header: []string{"Origin", "https://tv.example", "Access-Control-Request-Method", "POST"}, status: 204, answer: []string{"Access-Control-Allow-Methods", "POST, GET"}},
		{name: "as an image", method: "GET", path: "?d=%7B%22session%22%3A%22b4%22%7D", status: 204},
		{name: "an image without data", method: "GET", status: 204},
		{name: "nothing", method: "POST", status: 204},
		{name: "65 KB", method: "POST", body: strings.Repeat("x", 65<<10), status: 413},
		{name: "PUT", method: "PUT", body: `{"session":"b"}`, status: 405},
		{name: "DELETE", method: "DELETE", status: 405},
		{name: "not JSON", method: "POST", body: "<script>alert(1)</script>", status: 204},
		{name: "another's network and a weight", method: "POST", body: `{"session":"b5","client":"8.8.8.8","asn":3215,"weight":1e6,"tool":"mux","country":"FR"}`, status: 204},
		{name: "another's address", method: "POST", body: `{"session":"b6"}`, header: []string{"X-Forwarded-For", "8.8.4.4", "X-Real-IP", "8.8.4.4", "Forwarded", "for=8.8.4.4"}, status: 204},
		{name: "a user agent of 10 KB", method: "POST", body: `{"session":"b7"}`, header: []string{"User-Agent", strings.Repeat("u", 10<<10)}, status: 204},
	} {
		r, _ := http.NewRequest(c.method, p.http.URL+"/beacon"+c.path, strings.NewReader(c.body))
		for i := 0; i < len(c.header); i += 2 {
			r.Header.Set(c.header[i], c.header[i+1])
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", c.name, res.Status, c.status)
		}
		if c.answer != nil && res.Header.Get(c.answer[0]) != c.answer[1] {
			t.Errorf("%s: %s is %q, want %q", c.name, c.answer[0], res.Header.Get(c.answer[0]), c.answer[1])
		}
	}
	p.eventually("SELECT toFloat64(sum(lines)*100+sum(refused)) AS n FROM deliveries WHERE source = 'beacons'", 801)
	for sql, want := range map[string]float64{
		"SELECT toFloat64(uniqExact(session)) AS n FROM beacons":                                                   7,
		"SELECT toFloat64(countIf(client != toIPv6('127.0.0.0'))) AS n FROM beacons":                               0,
		"SELECT toFloat64(countIf(asn != 0 OR country != '' OR tool != 'vigie' OR weight != 1)) AS n FROM beacons": 0,
		"SELECT toFloat64(max(length(user_agent))) AS n FROM beacons":                                              512,
		"SELECT toFloat64(sum(count)) AS n FROM quarantine":                                                        1,
	} {
		if got := p.number(sql); got != want {
			t.Errorf("%s\nis %v, not %v", sql, got, want)
		}
	}

	limited := 0
	for range 200 { // within a second or two: at 40 a second some are too many
		if status, _ := p.do("GET", "/beacon", ""); status == 429 {
			limited++
		} else if status != 204 {
			t.Fatal(status)
		}
	}
	if limited == 0 {
		t.Error("200 beacons in a row from one network were all taken, at 40 a second")
	}
}
