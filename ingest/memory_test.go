package ingest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/snappy"

	"vigie/ingest"
	"vigie/internal/bus/bustest"
)

// TestBombsAreAskedToWaitWhileThereIsNoRoomForThem sends what unpacks to far more than it is to the
// doors that unpack it before they answer, with and without the memory for it.
func TestBombsAreAskedToWaitWhileThereIsNoRoomForThem(t *testing.T) {
	const most, unpacked = 8 << 20, 3 << 20
	streams, err := ingest.OpenStreams(t.Context(), bustest.Open(t), ingest.StreamsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := ingest.NewCollector(ingest.CollectorConfig{
		Sources: []ingest.Source{
			{ID: "logs", CDN: "maison", Format: "ndjson", Token: "s3cret"},
			{ID: "otlp", Format: "otlp", Token: "s3cret"},
			{ID: "prometheus", Format: "prometheus", Token: "s3cret"},
		},
		CDNs: testCDNs, Streams: streams, MaxBody: most, MaxMemory: most, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c.Handler())
	defer server.Close()

	// receiving announces a body of n bytes and waits until its memory is taken.
	receiving := func(n int) (done func()) {
		t.Helper()
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /ingest/logs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", n)
		answer := bufio.NewReader(conn)
		if line, err := answer.ReadString('\n'); !strings.Contains(line, " 100 ") {
			t.Fatalf("%d bytes: %q %v", n, line, err)
		}
		return func() {
			conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, answer) // until it has given up
			conn.Close()
		}
	}
	honest := bomb(' ', unpacked)
	lying := honest + bomb(' ', 1) // two members: the length at the end is the last one's
	bombs := []struct {
		name, path, body string
		header           []string
	}{
		{"OTLP as JSON", "/ingest/otlp/v1/metrics", honest, []string{"Content-Type", "application/json", "Content-Encoding", "gzip"}},
		{"OTLP that lies about its length", "/ingest/otlp/v1/metrics", lying, []string{"Content-Type", "application/x-protobuf", "Content-Encoding", "gzip"}},
		{"Firehose", "/ingest/logs", honest, []string{"X-Amz-Firehose-Request-Id", "r"}},
		{"Firehose that lies about its length", "/ingest/logs", lying, []string{"X-Amz-Firehose-Request-Id", "r"}},
		{"remote write 1.0", "/ingest/prometheus", string(snappy.Encode(nil, make([]byte, unpacked))), []string{"Content-Type", "application/x-protobuf", "Content-Encoding", "snappy"}},
		{"remote write 2.0", "/ingest/prometheus", string(snappy.Encode(nil, make([]byte, unpacked))), []string{"Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "Content-Encoding", "snappy"}},
	}
	send := func(i int) (status int, wait string) {
		b := bombs[i]
		r, _ := http.NewRequest(http.MethodPost, server.URL+b.path, strings.NewReader(b.body))
		r.Header.Set("Authorization", "Bearer s3cret")
		for i := 0; i < len(b.header); i += 2 {
			r.Header.Set(b.header[i], b.header[i+1])
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		if res.StatusCode == http.StatusServiceUnavailable && !bytes.Contains(text, []byte("try again")) {
			t.Errorf("%s: %q", b.name, text)
		}
		return res.StatusCode, res.Header.Get("Retry-After")
	}
	alone := func() {
		t.Helper()
		for i, b := range bombs {
			if status, _ := send(i); status != http.StatusBadRequest {
				t.Errorf("%s, alone: %d", b.name, status)
			}
		}
		receiving(most)() // all memory was given back
	}
	alone()
	done := receiving(most - unpacked + 1)
	var all sync.WaitGroup
	for i, b := range bombs {
		for range 20 {
			all.Go(func() {
				if status, wait := send(i); status != http.StatusServiceUnavailable || wait != "1" {
					t.Errorf("%s, without room: %d, Retry-After %q", b.name, status, wait)
				}
			})
		}
	}
	all.Wait()
	done()
	alone()
}
