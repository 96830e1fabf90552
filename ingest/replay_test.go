package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vigie/ingest"
	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// A weight and a format were wrong while three windows of lines and beacons came in. They are mended,
// the middle window is replayed, and the writer dies again and again meanwhile: what was received in
// it counts as it should have at first, once; the windows beside it are left as they were.
func TestAReplayPutsWhatIsReadNowInThePlaceOfWhatWasRead(t *testing.T) {
	t.Parallel() // it waits for windows of ten seconds to pass
	b, db := bustest.Open(t), chtest.Open(t)
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	streams, err := ingest.OpenStreams(t.Context(), b, ingest.StreamsConfig{Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	leases, err := b.KV(t.Context(), "writers")
	if err != nil {
		t.Fatal(err)
	}
	isps, _ := ingest.ShippedISPs()
	log := slog.New(slog.DiscardHandler)
	asns, err := ingest.OpenASNs(nil, log)
	if err != nil {
		t.Fatal(err)
	}
	run := func(sources []ingest.Source) (*ingest.Writer, func()) {
		w, err := ingest.NewWriter(ingest.WriterConfig{
			DB: db, Streams: streams, Leases: leases, Owner: "test", Alone: true,
			Sources: sources, CDNs: testCDNs, ISPs: isps, ASNs: asns, Log: log,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.Run(ctx) }()
		return w, func() { cancel(); <-done }
	}
	wrong := []ingest.Source{
		{ID: "lines", CDN: "maison", Format: "ndjson", Token: "s3cret", Weight: 1},
		{ID: "other", CDN: "maison", Format: "akamai", Token: "s3cret"}, // its lines are ndjson
		{ID: "mux", Tool: "mux", Format: "beacon", Token: "s3cret", Weight: 1},
	}
	c, err := ingest.NewCollector(ingest.CollectorConfig{Sources: wrong, CDNs: testCDNs, Streams: streams, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	door := httptest.NewServer(c.Handler())
	defer door.Close()
	p := &pipeline{t: t, db: db, http: door}
	_, stop := run(wrong)

	const each = 3000
	receive := func() {
		var lines, beacons strings.Builder
		for i := range each {
			lines.WriteString(line(time.Now(), fmt.Sprintf(`,"path":"/%d","bytes":5`, i)))
			fmt.Fprintf(&beacons, `{"session":"s%d","t":%d,"watchedTime":1000}`+"\n", i%500, time.Now().UnixMilli())
		}
		for source, body := range map[string]string{"lines": lines.String(), "other": lines.String(), "mux": beacons.String()} {
			if status, answer := p.post("/ingest/"+source, body); status != 200 {
				t.Fatal(status, answer)
			}
		}
	}
	next := func() time.Time { // the next ten seconds
		at := time.Now().Truncate(10 * time.Second).Add(10*time.Second + 100*time.Millisecond)
		time.Sleep(time.Until(at))
		return at.Truncate(10 * time.Second)
	}
	receive()
	from := next()
	receive()
	receive()
	to := next()
	receive()
	p.eventually("SELECT toFloat64(count()) AS n FROM requests", 4*each)
	p.eventually("SELECT toFloat64(sum(count)) AS n FROM quarantine", 4*each)
	p.eventually("SELECT toFloat64(count()) AS n FROM beacons", 4*each)
	p.eventually("SELECT sum(playing) AS n FROM qoe_1s", 4*each*1000) // what is not stored whole is read as is configured later
	p.eventually("SELECT toFloat64(sum(lines + refused)) AS n FROM deliveries", 12*each)
	stop()

	mended := []ingest.Source{
		{ID: "lines", CDN: "maison", Format: "ndjson", Token: "s3cret", Weight: 10},
		{ID: "other", CDN: "maison", Format: "ndjson", Token: "s3cret"},
		{ID: "mux", Tool: "mux", Format: "beacon", Token: "s3cret", Weight: 7},
	}
	w, stop := run(mended)
	for refused, of := range map[string][2]time.Time{
		"is not before": {to, from},
		"on its way":    {from, time.Now()},
	} {
		if _, err := w.Replay(t.Context(), of[0], of[1], nil); err == nil || !strings.Contains(err.Error(), refused) {
			t.Errorf("%v: %v", of, err)
		}
	}
	time.Sleep(time.Until(to.Add(61 * time.Second)))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { time.Sleep(30 * time.Millisecond); cancel() }()
	w.Replay(ctx, from, to, func(ingest.Replayed) {})
	stop()
	random := rand.New(rand.NewPCG(5, 6))
	for range 5 {
		_, stop = run(mended)
		time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond)
		stop()
	}
	w, stop = run(mended)
	defer stop()

	p.eventually("SELECT toFloat64(sum(count)) AS n FROM quarantine", 2*each)
	outside := fmt.Sprintf("(received < toDateTime(%d) OR received >= toDateTime(%d))", from.Unix(), to.Unix())
	counted := func() {
		t.Helper()
		for _, c := range []struct {
			what string
			want float64
		}{
			{"count() AS n FROM requests WHERE source = 'lines'", 4 * each},
			{"count() AS n FROM requests WHERE source = 'other'", 2 * each},
			{"sum(requests) AS n FROM requests_1s WHERE source = 'lines'", 2*each + 2*each*10},
			{"sum(bytes) AS n FROM requests_1s WHERE source = 'lines'", 5 * (2*each + 2*each*10)},
			{"sum(lines) AS n FROM requests_1s WHERE source = 'lines' AND " + outside, 2 * each},
			{"sum(lines) AS n FROM requests_1s WHERE source = 'other'", 2 * each},
			{"sum(requests) AS n FROM identities_10s WHERE source = 'lines' AND kind = 'asn'", 2*each + 2*each*10},
			{"sum(bytes) AS n FROM identities_10s WHERE source = 'lines' AND kind = 'agent'", 5 * (2*each + 2*each*10)},
			{"sum(lines) AS n FROM identities_10s WHERE source = 'lines' AND kind = 'agent' AND " + outside, 2 * each},
			{"sum(lines) AS n FROM identities_10s WHERE source = 'other' AND kind = 'asn'", 2 * each},
			{"count() AS n FROM beacons", 4 * each},
			{"sum(playing) AS n FROM qoe_1s", 1000 * (2*each + 2*each*7)},
		} {
			p.eventually("SELECT toFloat64("+strings.Replace(c.what, " AS n", ") AS n", 1), c.want)
		}
	}
	counted()
	// Whoever asks may go away in the middle: the writer goes on by itself.
	ctx, cancel = context.WithCancel(t.Context())
	go func() { time.Sleep(30 * time.Millisecond); cancel() }()
	for { // until the one before is found to be over
		_, err := w.Replay(ctx, from, to, func(ingest.Replayed) {})
		if !errors.Is(err, ingest.ErrReplaying) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, _, err := leases.Get(t.Context(), "replay"); errors.Is(err, bus.ErrNotFound) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the replay that nobody waits for is not over after a minute")
		}
	}
	counted()
	if got := p.number("SELECT toFloat64(uniqCombined64Merge(14)(sessions)) AS n FROM sessions_10s WHERE weight = 7"); got < 485 || got > 515 {
		t.Errorf("%v distinct sessions, want about 500", got)
	}
	if _, _, err := leases.Get(t.Context(), "replay"); err == nil {
		t.Error("the replay is still noted as under way")
	}
}
