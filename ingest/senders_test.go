package ingest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"vigie/ingest"
	"vigie/ingest/mapping"
	"vigie/internal/bus/bustest"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// sentAs is one delivery as a sender makes it: its path, headers and body.
type sentAs struct {
	name   string
	source ingest.Source
	method string // "": POST
	path   string // behind /ingest/{source}, or whole when it begins with /
	header []string
	body   string
	times  int // deliveries of the same; 0: one

	status  int    // 0: 200
	answer  string // in the body of the answer
	rows    int    // in the table
	beacons bool
	check   string // a condition that all rows meet
}

// Every sender of the guide delivers as it does, through the real door, stream, writer and tables.
func TestEverySenderAsItSends(t *testing.T) {
	now := time.Now().Add(-2 * time.Second).UTC().Truncate(time.Millisecond)
	seconds := fmt.Sprintf("%d.%03d", now.Unix(), now.UnixMilli()%1000)
	cdn := func(format string, change func(*ingest.Source)) ingest.Source {
		s := ingest.Source{CDN: "maison", Format: format, Token: "s3cret"}
		if change != nil {
			change(&s)
		}
		return s
	}
	tool := func(format string) ingest.Source { return ingest.Source{Tool: format, Format: format, Token: "s3cret"} }
	public := func(format string) ingest.Source { return ingest.Source{Tool: format, Format: format, Public: true} }
	header := func(pairs ...string) []string { return pairs }

	akamai := `{"version":1,"reqTimeSec":"` + seconds + `","statusCode":"200","bytes":"7","reqPath":"/live/tf1/a.m4s","cliIP":"192.0.2.7","timeToFirstByte":"4"}` + "\n"
	cloudfront := fmt.Sprintf(`{"timestamp(ms)":"%d","c-ip":"192.0.2.7","cs-method":"GET","x-host-header":"live.example.com","cs-uri-stem":"/live/tf1/a.m4s","sc-status":"200","sc-bytes":"7","time-taken":"0.031","time-to-first-byte":"0.004"}`, now.UnixMilli())
	realTime := strings.Join([]string{seconds, "192.0.2.7", "0.004", "200", "7", "/live/tf1/a.m4s?CMCD=br%3D3200"}, "\t")
	w3c := "#Version: 1.0\n#Fields: date time sc-bytes c-ip cs-method cs-uri-stem sc-status time-taken time-to-first-byte\n" +
		strings.Join([]string{now.Format(time.DateOnly), now.Format(time.TimeOnly), "7", "192.0.2.7", "GET", "/live/tf1/a.m4s", "200", "0.031", "0.004"}, "\t") + "\n"
	type records = []map[string]string
	firehose := func(id string, data ...string) string {
		body := map[string]any{"requestId": id, "timestamp": now.UnixMilli(), "records": records{}}
		for _, d := range data {
			body["records"] = append(body["records"].(records), map[string]string{"data": base64.StdEncoding.EncodeToString([]byte(d))})
		}
		text, _ := json.Marshal(body)
		return string(text)
	}
	fireheader := func(id string, more ...string) []string {
		return append(header("Authorization", "", "X-Amz-Firehose-Access-Key", "s3cret", "X-Amz-Firehose-Request-Id", id,
			"X-Amz-Firehose-Protocol-Version", "1.0", "Content-Type", "application/json"), more...)
	}
	watch := packed(fmt.Sprintf(`{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","timestamp":%d,"message":%q}]}`, now.UnixMilli(), cloudfront))
	fastly := fmt.Sprintf(`{"ts_us":"%d","status":"200","bytes":"7","url":"/live/tf1/a.m4s","host":"live.example.com","client_ip":"192.0.2.7","method":"GET","ttfb_s":"0.004"}`, now.UnixMicro())
	cloudflare := fmt.Sprintf(`{"EdgeStartTimestamp":%d,"EdgeEndTimestamp":%d,"ClientIP":"192.0.2.7","ClientRequestMethod":"GET","ClientRequestHost":"live.example.com","ClientRequestURI":"/live/tf1/a.m4s","EdgeResponseStatus":200,"EdgeResponseBytes":7,"EdgeTimeToFirstByteMs":4,"CacheCacheStatus":"hit"}`, now.UnixNano(), now.Add(31*time.Millisecond).UnixNano())
	zipped := func(text string) string {
		z, _ := zstd.NewWriter(nil)
		return string(z.EncodeAll([]byte(text), nil))
	}
	snappied := func(text string) string {
		var b bytes.Buffer
		w := s2.NewWriter(&b, s2.WriterSnappyCompat())
		io.WriteString(w, text)
		w.Close()
		return b.String()
	}
	read := "bytes = 7 AND status = 200 AND path = '/live/tf1/a.m4s' AND channel = 'tf1' AND client = toIPv6('192.0.2.0')"
	fast := read + " AND first_byte = 4000"
	imaginary := cdn("mapping", func(s *ingest.Source) {
		s.Mapping = mapping.Config{Shape: mapping.CSV, Header: true, Map: map[string]mapping.From{
			"time": {From: []string{"when"}, Layout: "unix_ms"}, "path": {From: []string{"uri"}}, "status": {From: []string{"code"}},
			"bytes": {From: []string{"out"}, Unit: "B"}, "client": {From: []string{"ip"}}, "first_byte": {From: []string{"wait"}, Unit: "us"},
		}}
	})

	all := []sentAs{
		{name: "Akamai, gzip, basic auth", source: cdn("akamai", func(s *ingest.Source) { s.User = "akamai" }),
			header: header("Authorization", "Basic YWthbWFpOnMzY3JldA==", "Content-Encoding", "gzip"), body: packed(akamai + akamai), rows: 2, check: fast},
		{name: "Akamai, a header of one's own", source: cdn("akamai", nil), header: header("Authorization", "", "X-Vigie-Token", "s3cret"), body: akamai, rows: 1, check: fast},
		{name: "Akamai, array", source: cdn("akamai", nil), body: "[" + strings.TrimSpace(akamai) + "]", rows: 1, check: fast},
		{name: "Akamai, structured", source: cdn("akamai", func(s *ingest.Source) {
			s.Fields = strings.Fields("version reqTimeSec statusCode bytes reqPath cliIP timeToFirstByte")
		}), body: "1 " + seconds + " 200 7 live/tf1/a.m4s 192.0.2.7 4\n", rows: 1, check: fast},
		{name: "Akamai's probe", source: cdn("akamai", nil), body: `{"access_validation": true}`},
		{name: "CloudFront, W3C", source: cdn("cloudfront", nil), body: w3c, header: header("Content-Encoding", "gzip"), rows: 1, check: fast},
		{name: "CloudFront v2, JSON by Firehose", source: cdn("cloudfront", nil), header: fireheader("r-1"), times: 2,
			body: firehose("r-1", cloudfront, cloudfront+"\n", ""), answer: `"requestId":"r-1"`, rows: 2, check: fast},
		{name: "CloudFront v2 by CloudWatch and Firehose, packed twice", source: cdn("cloudfront", nil), header: fireheader("r-2", "Content-Encoding", "gzip"),
			body: packed(firehose("r-2", watch, packed(`{"messageType":"CONTROL_MESSAGE","logEvents":[]}`))), answer: `"requestId":"r-2"`, rows: 1, check: fast},
		{name: "CloudFront v2, plain", source: cdn("cloudfront", func(s *ingest.Source) {
			s.Fields, s.Delimiter = strings.Fields("timestamp c-ip time-to-first-byte sc-status sc-bytes cs-uri-stem"), "\t"
		}), header: fireheader("r-3"), body: firehose("r-3", strings.TrimSuffix(realTime, "?CMCD=br%3D3200")), answer: "r-3", rows: 1, check: "bytes = 7"},
		{name: "CloudFront, real-time", source: cdn("cloudfront-realtime", func(s *ingest.Source) {
			s.Fields = strings.Fields("cs-uri-stem timestamp c-ip time-to-first-byte sc-bytes sc-status")
		}), header: fireheader("r-4"), body: firehose("r-4", realTime+"\n", realTime), answer: "r-4", rows: 2, check: fast + " AND bitrate = 3200"},
		{name: "Firehose without records", source: cdn("cloudfront", nil), header: fireheader("r-5"), body: firehose("r-5"), answer: `"requestId":"r-5"`},
		{name: "Firehose, a wrong key", source: cdn("cloudfront", nil), header: fireheader("r-6", "X-Amz-Firehose-Access-Key", "wrong"), body: firehose("r-6", cloudfront), status: 401},
		{name: "Firehose, another id in the body", source: cdn("cloudfront", nil), header: fireheader("r-7"), body: firehose("r-8", cloudfront), status: 400, answer: `"errorMessage"`},
		{name: "Firehose, attributes without end", source: cdn("cloudfront", nil), header: fireheader("r-9", "X-Amz-Firehose-Common-Attributes", `{"commonAttributes":`), body: firehose("r-9", cloudfront), status: 400, answer: `"requestId":"r-9"`},
		{name: "Fastly, lines", source: cdn("fastly", nil), body: fastly + "\n" + fastly + "\n", rows: 2, check: read},
		{name: "Fastly, zstd", source: cdn("fastly", nil), header: header("Content-Encoding", "zstd"), body: zipped("[" + fastly + "," + fastly + "]"), rows: 2, check: read},
		{name: "Fastly, snappy", source: cdn("fastly", nil), header: header("Content-Encoding", "snappy"), body: snappied(fastly), rows: 1, check: read},
		{name: "Fastly, classic", source: cdn("fastly", nil), body: "<134>" + now.Format(time.RFC3339) + " cache-fra-eddf8230176 logs[77]: " + fastly + "\n", rows: 1, check: read},
		{name: "Cloudflare", source: cdn("cloudflare", nil), header: header("Content-Encoding", "gzip"), body: packed(cloudflare + "\n" + cloudflare), rows: 2, check: fast + " AND duration BETWEEN 30900 AND 31100"},
		{name: "Cloudflare's test upload", source: cdn("cloudflare", nil), body: packed(`{"content":"tests"}`)},
		{name: "a CDN that nobody knows, CSV", source: imaginary, body: fmt.Sprintf("when,uri,code,out,ip,wait\n%d,/live/tf1/a.m4s,200,7,192.0.2.7,4000\n", now.UnixMilli()), rows: 1, check: fast},
		{name: "Mux", source: tool("mux"), beacons: true, rows: 1, check: "tool = 'mux' AND playing > 0",
			body: `{"samples":[{"view_id":"v1","view_session_id":"s1","asn":3215,"source":{"hostname":"maison","host_id":"maison"},"stream_type":"live","viewer_device_category":"tv","records":[{"start":"` + now.Format(time.RFC3339Nano) + `","duration":10000,"metrics":[{"type":"WATCH_DURATION_MS","value":9000},{"type":"REBUFFER_DURATION_MS","value":500}]}]}]}`},
		{name: "Bitmovin, from players", source: public("bitmovin"), path: "/play/{source}/analytics", header: header("Authorization", ""), beacons: true, status: 204, rows: 1, check: "tool = 'bitmovin' AND playing = 9800",
			body: fmt.Sprintf(`{"impressionId":"i1","sequenceNumber":0,"time":%d,"state":"playing","duration":9800,"played":9800,"videoBitrate":4200000,"cdnProvider":"maison"}`, now.UnixMilli())},
		{name: "NPAW, from players", source: public("npaw"), method: "GET", header: header("Authorization", ""), beacons: true, status: 204, rows: 1, check: "tool = 'npaw' AND session = 'U_1' AND startup = 1320",
			path: fmt.Sprintf("/play/{source}/joinTime?code=U_1&time=1320&timemark=%d&ip=8.8.8.8", now.UnixMilli())},
		{name: "SwarmCloud's counters", source: ingest.Source{Tool: "swarm", Format: "beacon", Token: "s3cret", Counters: "total", BytesUnit: "KB"}, beacons: true, rows: 2,
			check: "(peer_bytes, cdn_bytes) IN ((10240, 1024), (20480, 2048))",
			body: fmt.Sprintf(`{"session":"w","t":%d,"event":"playbackRequest","totalHTTPDownloaded":1,"totalP2PDownloaded":10}`+"\n", now.Add(-time.Second).UnixMilli()) +
				fmt.Sprintf(`{"session":"w","t":%d,"totalHTTPDownloaded":3,"totalP2PDownloaded":30}`, now.UnixMilli())},
	}
	p := startSenders(t, all)
	for i, s := range all {
		path := s.path
		if path == "" {
			path = "/ingest/{source}"
		}
		path = strings.ReplaceAll(path, "{source}", fmt.Sprint("sender-", i))
		for range max(s.times, 1) {
			status, answer := p.send(s.method, path, s.body, s.header...)
			if want := max(s.status, 200); status != want || !strings.Contains(answer, s.answer) {
				t.Errorf("%s: %d %s, want %d with %s", s.name, status, answer, want, s.answer)
			}
		}
	}

	for i, s := range all {
		table := "requests"
		if s.beacons {
			table = "beacons"
		}
		id := fmt.Sprint("sender-", i)
		if s.rows > 0 {
			p.eventually(fmt.Sprintf("SELECT toFloat64(count()) AS n FROM %s WHERE source = '%s'", table, id), float64(s.rows))
			if n := p.number(fmt.Sprintf("SELECT toFloat64(countIf(%s)) AS n FROM %s WHERE source = '%s'", s.check, table, id)); n != float64(s.rows) {
				t.Errorf("%s: of %d rows %v meet %s", s.name, s.rows, n, s.check)
			}
		}
		if n := p.number("SELECT toFloat64(sum(count)) AS n FROM quarantine WHERE source = '" + id + "'"); n != 0 {
			t.Errorf("%s: %v refused", s.name, n)
		}
	}
}

// hls.js, Shaka and others post these by themselves; the source is built in.
func TestPlayersReportByCMCDAlone(t *testing.T) {
	p := start(t)
	now := time.Now().Add(-30 * time.Second).UnixMilli()
	event := func(at int64, number int, rest string) string {
		return fmt.Sprintf(`e=ps,sid="c-1",sn=%d,ts=%d,%s,v=2`, number, at, rest) + "\n"
	}
	for i, body := range []string{
		event(now, 0, "sta=s"), event(now+1200, 1, "sta=p"), event(now+11_200, 2, "sta=r"), event(now+13_200, 3, "sta=p"), event(now+23_200, 4, "sta=e"),
		event(now+23_200, 4, "sta=e"), // sent again, for its answer was lost
	} {
		if status, answer := p.post("/cmcd", body, "Authorization", "", "Content-Type", "application/cmcd", "Origin", "https://tv.example"); status != 204 {
			t.Fatal(i, status, answer)
		}
	}
	status, _ := p.send("OPTIONS", "/cmcd", "", "Origin", "https://tv.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	if status != 204 {
		t.Errorf("a page that asks first: %d", status)
	}
	p.eventually("SELECT toFloat64(count()) AS n FROM beacons WHERE session = 'c-1'", 5)
	for sql, want := range map[string]float64{
		"SELECT sum(playing) AS n FROM qoe_1s":     20_000,
		"SELECT sum(rebuffering) AS n FROM qoe_1s": 2_000,
		"SELECT sum(stalls) AS n FROM qoe_1s":      1,
		"SELECT sum(ended) AS n FROM qoe_1s":       1,
	} {
		p.eventually(sql, want)
	}
}

func TestFastlyIsToldThatItMayDeliver(t *testing.T) {
	const one, two = "SU1Z0isxPaozGVKXdv0eY", "7i6HN3TK9wS159v2gPAZ8A"
	for _, c := range []struct {
		name    string
		sources []sentAs
		status  int
		answer  string
	}{
		{"no source of Fastly's", []sentAs{{source: ingest.Source{CDN: "maison", Format: "akamai", Token: "s3cret"}}}, 404, ""},
		{"any service", []sentAs{{source: ingest.Source{CDN: "maison", Format: "fastly", Token: "s3cret"}}}, 200, "*\n"},
		{"two services", []sentAs{
			{source: ingest.Source{CDN: "maison", Format: "fastly", Token: "s3cret", Services: []string{one}}},
			{source: ingest.Source{CDN: "maison", Format: "fastly", Token: "s3cret", Services: []string{two}}},
		}, 200, ""},
	} {
		p := startSenders(t, c.sources)
		res, err := http.Get(p.http.URL + "/.well-known/fastly/logging/challenge")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s: %d", c.name, res.StatusCode)
		}
		switch c.name {
		case "two services":
			if lines := strings.Fields(string(text)); len(lines) != 2 || len(lines[0]) != 64 || lines[0] == lines[1] {
				t.Errorf("%s: %s", c.name, text)
			}
		case "any service":
			if string(text) != c.answer {
				t.Errorf("%s: %q", c.name, text)
			}
		}
	}
}

// startSenders is start with sources of its own, named sender-0, sender-1 …
func startSenders(t *testing.T, all []sentAs) *pipeline {
	t.Helper()
	var sources []ingest.Source
	for i := range all {
		s := all[i].source
		s.ID = fmt.Sprint("sender-", i)
		sources = append(sources, s)
	}
	b, db := bustest.Open(t), chtest.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	if err := db.Prepare(ctx, ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	streams, err := ingest.OpenStreams(ctx, b, ingest.StreamsConfig{Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	leases, err := b.KV(ctx, "writers")
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, ingest.WriterConfig{DB: db, Streams: streams, Leases: leases, Owner: "test", Alone: true, Sources: sources})
	c, err := ingest.NewCollector(ingest.CollectorConfig{Sources: sources, CDNs: testCDNs, Streams: streams, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c.Handler())
	done := make(chan struct{}, 2)
	go func() { w.Run(ctx); done <- struct{}{} }()
	go func() { c.Run(ctx); done <- struct{}{} }()
	t.Cleanup(func() {
		server.Close()
		cancel()
		<-done
		<-done
	})
	return &pipeline{t: t, db: db, http: server}
}

// send is post by another method. An empty value takes a header away.
func (p *pipeline) send(method, path, body string, header ...string) (status int, answer string) {
	p.t.Helper()
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, p.http.URL+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer s3cret")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
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
