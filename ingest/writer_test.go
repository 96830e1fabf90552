package ingest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vigie/ingest"
	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// noise is n lines in a body that gzip could not make smaller, with paths of its own.
func noise(random *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(line(time.Now(), fmt.Sprintf(`,"path":"/%016x%016x%016x%016x","bytes":3`, random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64())))
	}
	return b.String()
}

func TestAFullStreamAsksSendersToWaitAndGoesOn(t *testing.T) {
	t.Parallel() // it waits for the partition to be tidied, every 15 s
	b, db := bustest.Open(t), chtest.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := db.Prepare(ctx, ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	const room = 4 << 20
	streams, err := ingest.OpenStreams(ctx, b, ingest.StreamsConfig{MaxBytes: room})
	if err != nil {
		t.Fatal(err)
	}
	c, err := ingest.NewCollector(ingest.CollectorConfig{Sources: testSources, CDNs: testCDNs, Streams: streams, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	door := httptest.NewServer(c.Handler())
	defer door.Close()
	p := &pipeline{t: t, db: db, http: door}

	// Nobody writes, as when ClickHouse is away: the stream fills up.
	random := rand.New(rand.NewPCG(1, 2))
	taken := 0
	for _, lines := range []int{500, 50, 5, 1} { // to the last byte
		for full := false; !full; {
			r, _ := http.NewRequest("POST", door.URL+"/ingest/lines", strings.NewReader(noise(random, lines)))
			r.Header.Set("Authorization", "Bearer s3cret")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			switch {
			case res.StatusCode == 200 && taken < 100_000:
				taken += lines
			case res.StatusCode == 503 && res.Header.Get("Retry-After") != "":
				full = true
			default:
				t.Fatalf("%s, Retry-After %q, after %d lines", res.Status, res.Header.Get("Retry-After"), taken)
			}
		}
	}
	for status, i := 0, 0; status != 503; i++ { // one or two may still fit
		if status, _ = p.post("/beacon", `{"session":"s"}`); i > 5 {
			t.Fatalf("beacons are taken by a full stream: %d", status)
		}
	}
	state, err := streams[0].State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if state.Bytes > room {
		t.Errorf("the stream holds %d bytes, more than its %d", state.Bytes, room)
	}

	// A body of several messages that finds no room leaves nothing behind.
	large := noise(random, 60_000)
	if status, answer := p.post("/ingest/lines", large, "X-Batch-Id", "large"); status != 503 {
		t.Fatalf("%d %s", status, answer)
	}

	// ClickHouse is back: all that was acknowledged is stored, and there is room again by itself.
	leases, err := b.KV(ctx, "writers")
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, ingest.WriterConfig{DB: db, Streams: streams, Leases: leases, Owner: "test", Alone: true, Sources: testSources})
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	p.eventually("SELECT toFloat64(count()) AS n FROM requests", float64(taken))
	again := noise(random, 500)
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if status, _ := p.post("/ingest/lines", again, "X-Batch-Id", "again"); status == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("there is no room although all is stored")
		}
	}
	p.eventually("SELECT toFloat64(count()) AS n FROM requests", float64(taken+500))
	p.eventually("SELECT toFloat64(uniqExact(path)) AS n FROM requests", float64(taken+500))
}

// TestTwoWritersOfOnePartitionTakeTurns has two nodes on one NATS and one ClickHouse. The first is
// cut off in the midst of its work again and again, as by kill -9: the other waits until the lease
// is stale, takes over, and nothing is lost or there twice.
func TestTwoWritersOfOnePartitionTakeTurns(t *testing.T) {
	t.Parallel() // it waits for two leases to be stale, 10 s each
	nats := bustest.Serve(t).Addr().String()
	db := chtest.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := db.Prepare(ctx, ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	type node struct {
		cut  context.CancelFunc
		done chan struct{}
		link *link
	}
	open := func(at string) *bus.Bus {
		b, err := bus.Open(ctx, bus.Config{URL: "nats://" + at, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		return b
	}
	begin := func(name string) *node {
		n := &node{done: make(chan struct{}), link: newLink(t, nats)}
		b := open(n.link.address)
		streams, err := ingest.OpenStreams(ctx, b, ingest.StreamsConfig{MaxBytes: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		leases, err := b.KV(ctx, "writers")
		if err != nil {
			t.Fatal(err)
		}
		w := newWriter(t, ingest.WriterConfig{DB: db, Streams: streams, Leases: leases, Owner: name, Sources: testSources})
		life, cut := context.WithCancel(ctx)
		n.cut = cut
		go func() { w.Run(life); close(n.done) }()
		return n
	}
	sender := open(nats)
	streams, err := ingest.OpenStreams(ctx, sender, ingest.StreamsConfig{MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	c, err := ingest.NewCollector(ingest.CollectorConfig{Sources: testSources, CDNs: testCDNs, Streams: streams, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	door := httptest.NewServer(c.Handler())
	defer door.Close()
	p := &pipeline{t: t, db: db, http: door}
	random := rand.New(rand.NewPCG(3, 4))
	sent := 0
	send := func(bodies int) {
		for range bodies {
			if status, answer := p.post("/ingest/lines", noise(random, 200)); status != 200 {
				t.Fatal(status, answer)
			}
			sent += 200
		}
	}

	first := begin("first")
	send(20)
	p.eventually("SELECT toFloat64(count()) AS n FROM requests", float64(sent))
	second := begin("second")

	// The first dies with work on its way.
	send(10)
	first.cut()
	<-first.done
	send(10)
	p.eventually("SELECT toFloat64(count()) AS n FROM requests", float64(sent)) // the second has it, within 20 s

	// The second is cut off from the bus, but lives, and a third takes over. When the second can
	// speak again it must find that the partition is not its own any more.
	third := begin("third")
	second.link.cut.Store(true)
	send(10)
	p.eventually("SELECT toFloat64(count()) AS n FROM requests", float64(sent))
	second.link.cut.Store(false)
	send(20)
	p.eventually("SELECT toFloat64(sum(lines)) AS n FROM deliveries", float64(sent))
	for sql, want := range map[string]float64{
		"SELECT toFloat64(count()) AS n FROM requests":                      float64(sent),
		"SELECT toFloat64(uniqExact(path)) AS n FROM requests":              float64(sent),
		"SELECT toFloat64(sum(lines)) AS n FROM requests_1s":                float64(sent),
		"SELECT sum(bytes) AS n FROM requests_1s":                           float64(sent) * 3 * 10,
		"SELECT toFloat64(sum(lines)) AS n FROM identities_10s":             float64(sent) * 2,
		"SELECT sum(bytes) AS n FROM identities_10s WHERE kind = 'agent'":   float64(sent) * 3 * 10,
		"SELECT toFloat64(sum(messages)) AS n FROM deliveries":              float64(sent) / 200,
		"SELECT toFloat64(count() - uniqExact(first)) AS n FROM deliveries": 0,
	} {
		if got := p.number(sql); got != want {
			t.Errorf("%s\nis %v, not %v", sql, got, want)
		}
	}
	second.cut()
	third.cut()
	<-second.done
	<-third.done
}

// link is a way to a server that can be cut: nothing passes then, and nobody is told.
type link struct {
	address string
	cut     atomic.Bool
}

func newLink(t testing.TB, to string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	k := &link{address: l.Addr().String()}
	pass := func(from, to net.Conn) {
		defer to.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			for k.cut.Load() {
				time.Sleep(10 * time.Millisecond)
			}
			if n > 0 {
				if _, err := to.Write(buf[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	go func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				here.Close()
				continue
			}
			go pass(here, there)
			go pass(there, here)
		}
	}()
	return k
}
