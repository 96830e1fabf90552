package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vigie/ingest"
	"vigie/internal/bus/bustest"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// pipeline is collectors, stream and writer on a real bus and a real ClickHouse.
type pipeline struct {
	t    testing.TB
	db   *ch.DB
	http *httptest.Server
	stop func()
}

var (
	testCDNs    = []ingest.CDN{{ID: "akamai", Name: "Akamai"}, {ID: "maison", Name: "Maison"}}
	testSources = []ingest.Source{
		{ID: "ds2", CDN: "akamai", Format: "akamai", Token: "s3cret", Weight: 1},
		{ID: "edge", CDN: "maison", Format: "nginx", Token: "s3cret"},
		{ID: "lines", CDN: "maison", Format: "ndjson", Token: "s3cret", Weight: 10},
		{ID: "w3c", CDN: "maison", Format: "w3c", Token: "s3cret"},
		{ID: "mux", Tool: "mux", Format: "beacon", Token: "s3cret", Weight: 100},
	}
	testPaths = ingest.Paths{Channels: []ingest.ChannelPaths{{ID: "tf1", Paths: []string{"/live/tf1/*"}}, {ID: "tmc", Paths: []string{"/live/tmc/*"}}}}
)

func start(t testing.TB) *pipeline {
	t.Helper()
	b := bustest.Open(t)
	db := chtest.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	if err := db.Prepare(ctx, ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	streams, err := ingest.OpenStreams(ctx, b, ingest.StreamsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	leases, err := b.KV(ctx, "writers")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	isps, err := ingest.ShippedISPs()
	if err != nil {
		t.Fatal(err)
	}
	asns, err := ingest.OpenASNs(nil, log)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ingest.NewWriter(ingest.WriterConfig{
		DB: db, Streams: streams, Leases: leases, Owner: "test", Alone: true,
		Sources: testSources, CDNs: testCDNs, ISPs: isps, ASNs: asns, Enrich: ingest.EnrichConfig{Paths: testPaths}, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := ingest.NewCollector(ingest.CollectorConfig{Sources: testSources, CDNs: testCDNs, Streams: streams, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c.Handler())
	done := make(chan struct{}, 2)
	go func() { w.Run(ctx); done <- struct{}{} }()
	go func() { c.Run(ctx); done <- struct{}{} }()
	p := &pipeline{t: t, db: db, http: server, stop: func() {
		server.Close()
		cancel()
		<-done
		<-done
	}}
	t.Cleanup(p.stop)
	return p
}

func (p *pipeline) post(path, body string, header ...string) (status int, answer string) {
	p.t.Helper()
	r, err := http.NewRequest("POST", p.http.URL+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer s3cret")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// number is the single number that a query returns.
func (p *pipeline) number(sql string) float64 {
	p.t.Helper()
	var rows []struct {
		N float64 `ch:"n"`
	}
	if err := p.db.Select(p.t.Context(), &rows, sql); err != nil {
		p.t.Fatal(err)
	}
	return rows[0].N
}

// eventually waits for a query to return a number.
func (p *pipeline) eventually(sql string, want float64) {
	p.t.Helper()
	var got float64
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = p.number(sql); got == want {
			return
		}
	}
	p.t.Fatalf("%s\nis %v, not %v, after a minute", sql, got, want)
}

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func akamaiLines(n int, at time.Time) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"version":1,"reqId":"%08x","reqTimeSec":"%d.%03d","bytes":"1000","totalBytes":"0","statusCode":"%d","reqHost":"live.example","reqMethod":"GET","reqPath":"/live/tf1/1080/seg_%d.m4s","asn":"%d","timeToFirstByte":"%d","cacheStatus":"1","country":"FR","UA":"TV%%2F1"}`+"\n",
			i, at.Unix(), i%1000, map[bool]int{true: 503, false: 200}[i%10 == 0], i, []int{3215, 12322, 64500, 0}[i%4], i%200)
	}
	return b.String()
}

func TestWhatIsSentIsStoredAndRolledUpOnce(t *testing.T) {
	p := start(t)
	now := time.Now().Add(-2 * time.Second)
	body := packed(akamaiLines(1000, now))
	if status, text := p.post("/ingest/ds2", body, "Content-Encoding", "gzip"); status != 200 || !strings.Contains(text, `"duplicate":false`) {
		t.Fatal(status, text)
	}
	if status, text := p.post("/ingest/ds2", body, "Content-Encoding", "gzip"); status != 200 || !strings.Contains(text, `"duplicate":true`) {
		t.Fatal("the sender's retry:", status, text)
	}
	line := `{"time":"` + now.UTC().Format(time.RFC3339Nano) + `","path":"/live/tmc/index.m3u8","status":200,"bytes":7,"client":"192.0.2.77"}`
	if status, text := p.post("/ingest/lines", line); status != 200 {
		t.Fatal(status, text)
	}
	if status, text := p.post("/ingest/lines", line); status != 200 || strings.Contains(text, "true") {
		t.Fatal("two small bodies may be equal and both be meant:", status, text)
	}
	if status, text := p.post("/ingest/lines?weight=3", `not json`+"\n"+line); status != 200 {
		t.Fatal(status, text)
	}
	beacon := `{"session":"s-1","event":"playbackStart","startupTime":900,"channel":"tf1","cdn":"Akamai","device":"tv","p2pDownBytes":5,"cdnBytes":10}`
	if status, text := p.post("/beacon", beacon, "Content-Type", "text/plain"); status != 204 {
		t.Fatal(status, text)
	}
	if status, text := p.post("/ingest/mux", beacon); status != 200 {
		t.Fatal(status, text)
	}
	p.eventually("SELECT toFloat64(sum(lines)+sum(refused)) AS n FROM deliveries", 1000+3+1+2)
	for sql, want := range map[string]float64{
		"SELECT toFloat64(count()) AS n FROM requests":                                                                          1003,
		"SELECT toFloat64(sum(lines)) AS n FROM requests_1s":                                                                    1003,
		"SELECT sum(requests) AS n FROM requests_1s WHERE cdn = 'akamai'":                                                       1000,
		"SELECT sum(requests) AS n FROM requests_1s WHERE cdn = 'maison'":                                                       23,
		"SELECT sum(bytes) AS n FROM requests_1s":                                                                               1000*1000 + 7*23,
		"SELECT sum(errors) AS n FROM requests_1s":                                                                              100,
		"SELECT sum(requests) AS n FROM requests_1s WHERE isp = 'Orange'":                                                       250,
		"SELECT sum(requests) AS n FROM requests_1s WHERE isp = 'Other'":                                                        250,
		"SELECT sum(requests) AS n FROM requests_1s WHERE isp = 'Unknown'":                                                      273,
		"SELECT sum(requests) AS n FROM requests_1s WHERE channel = 'tmc' AND class = 'manifest'":                               23,
		"SELECT sum(first_byte_0) AS n FROM requests_1s":                                                                        25,
		"SELECT toFloat64(sum(lines)) AS n FROM identities_10s WHERE kind = 'asn'":                                              1003,
		"SELECT toFloat64(sum(lines)) AS n FROM identities_10s WHERE kind = 'agent'":                                            1003,
		"SELECT sum(requests) AS n FROM identities_10s WHERE name = '3215' AND kind = 'asn'":                                    250,
		"SELECT sum(requests) AS n FROM identities_10s WHERE name = '0' AND kind = 'asn'":                                       273,
		"SELECT sum(requests) AS n FROM identities_10s WHERE name = 'tv' AND cdn = 'akamai'":                                    1000,
		"SELECT sum(requests) AS n FROM identities_10s WHERE name = 'none' AND cdn = 'maison'":                                  23,
		"SELECT toFloat64(count()) AS n FROM requests WHERE client = toIPv6('192.0.2.0')":                                       3,
		"SELECT toFloat64(sum(count)) AS n FROM quarantine WHERE source = 'lines'":                                              1,
		"SELECT sum(starts) AS n FROM qoe_1s WHERE tool = 'mux'":                                                                100,
		"SELECT sum(starts) AS n FROM qoe_1s WHERE tool = 'vigie' AND cdn = 'akamai'":                                           1,
		"SELECT sum(peer_bytes) AS n FROM qoe_1s":                                                                               505,
		"SELECT toFloat64(uniqCombined64Merge(14)(sessions)) AS n FROM sessions_10s":                                            1,
		"SELECT sum(w * u) AS n FROM (SELECT weight AS w, uniqCombined64Merge(14)(sessions) AS u FROM sessions_10s GROUP BY w)": 101,
	} {
		if got := p.number(sql); got != want {
			t.Errorf("%s\nis %v, not %v", sql, got, want)
		}
	}
}
