package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// The promise under test: what a sender was told is stored is in the tables and in all their
// rollups exactly once, whatever dies when. VIGIE_CRASH_KILLS says how often something is killed in
// each of the two tests, VIGIE_CRASH_SEED repeats a run's choices.

const crashRoom = `
stream: {partitions: 2}
cdns: [{id: akamai, name: Akamai}, {id: maison, name: Maison}]
sources:
  - {id: ds2, cdn: akamai, format: akamai, token_env: VIGIE_TEST_TOKEN}
  - {id: lines, cdn: maison, format: ndjson, weight: 10, token_env: VIGIE_TEST_TOKEN}
  - {id: edge, cdn: maison, format: nginx, token_env: VIGIE_TEST_TOKEN}
  - {id: mux, tool: mux, format: beacon, weight: 100, token_env: VIGIE_TEST_TOKEN}
enrich: {paths: {channels: [{id: tf1, paths: ["/live/tf1/*"]}]}}
`

func TestNothingIsLostOrRepeatedWhenProcessesAreKilled(t *testing.T) { crash(t, false) }

func TestNothingIsLostOrRepeatedWhenAnswersAreLostToo(t *testing.T) { crash(t, true) }

func crash(t *testing.T, loseAnswers bool) {
	kills := envNumber(t, "VIGIE_CRASH_KILLS", 20)
	seed := envNumber(t, "VIGIE_CRASH_SEED", int(time.Now().UnixNano()%1e9))
	t.Logf("VIGIE_CRASH_SEED=%d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 1))

	p := newProcess(t, crashRoom)
	p.start()
	p.up()
	at := p.machines
	var lost *lossyProxy
	if loseAnswers {
		lost = newLossyProxy(t, p.machines, 0.3, uint64(seed))
		at = lost.address
	}
	load := startLoad(t, at, uint64(seed))

	var killedVigie, killedEngine int
	for i := range kills {
		// Moments of all kinds: while it starts, while it takes up what was planned, later.
		pause(random, 50*time.Millisecond, []time.Duration{300 * time.Millisecond, time.Second, 2 * time.Second}[i%3])
		if !p.alive() {
			return
		}
		if random.IntN(2) == 0 {
			p.killEngine()
			killedEngine++
			continue
		}
		p.kill()
		p.start()
		killedVigie++
	}
	load.finish()
	want := load.acknowledged()

	eventually(t, 120*time.Second, "all that was sent is stored", func() bool {
		got, err := p.ask("SELECT sum(lines) + sum(refused) FROM deliveries")
		if err != nil {
			return !p.alive()
		}
		n, _ := strconv.ParseUint(got, 10, 64)
		if n > want.records() {
			t.Errorf("%d records were delivered, %d sent", n, want.records())
		}
		return n == want.records()
	})
	want.compare(t, p)
	t.Logf("killed vigie %d times and its engine %d times, %d tries for %d bodies, %d answers lost", killedVigie, killedEngine, load.tries.Load(), want.bodies(), lost.count())
	if code := p.stop(); code != 0 {
		t.Errorf("vigie ended with %d after SIGTERM", code)
	}
}

func envNumber(t *testing.T, name string, usual int) int {
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func pause(r *rand.Rand, least, most time.Duration) {
	time.Sleep(least + time.Duration(r.Int64N(int64(most-least))))
}

// tally is what bodies hold, by source.
type tally struct {
	bodies, lines, refused      uint64
	bytes, errors, firstBytes   uint64 // of lines, unweighted
	attempts, starts, playing   uint64
	rebuffering, peer, failures uint64
	sessions                    map[string]bool
	weight                      uint64
}

type tallies map[string]*tally

func (all tallies) add(source string, o *tally) {
	t := all[source]
	if t == nil {
		t = &tally{weight: o.weight, sessions: map[string]bool{}}
		all[source] = t
	}
	t.bodies++
	t.lines += o.lines
	t.refused += o.refused
	t.bytes += o.bytes
	t.errors += o.errors
	t.firstBytes += o.firstBytes
	t.attempts += o.attempts
	t.starts += o.starts
	t.playing += o.playing
	t.rebuffering += o.rebuffering
	t.peer += o.peer
	t.failures += o.failures
	maps.Copy(t.sessions, o.sessions)
}

func (all tallies) records() (n uint64) {
	for _, t := range all {
		n += t.lines + t.refused
	}
	return n
}

func (all tallies) bodies() (n uint64) {
	for _, t := range all {
		n += t.bodies
	}
	return n
}

// compare asks every table for what it makes of each source.
func (all tallies) compare(t *testing.T, p *process) {
	t.Helper()
	sumOf := func(prefix string) string {
		columns := make([]string, 16)
		for i := range columns {
			columns[i] = fmt.Sprintf("%s_%d", prefix, i)
		}
		return "sum(" + strings.Join(columns, "+") + ")"
	}
	for _, source := range slices.Sorted(maps.Keys(all)) {
		w := all[source]
		asked := row(w.lines, w.lines, w.weight*w.lines, w.weight*w.errors, w.weight*w.bytes)
		if source == "mux" { // beacons are not asked for
			asked = row(0, 0, 0, 0, 0)
		}
		for _, c := range []struct{ name, sql, want string }{
			{"deliveries", "SELECT sum(messages), sum(lines), sum(refused) FROM deliveries", row(w.bodies, w.lines, w.refused)},
			{"quarantine", "SELECT sum(count) FROM quarantine", row(w.refused)},
			{"identities_10s", "SELECT sumIf(lines, kind = 'asn'), sumIf(lines, kind = 'agent'), sumIf(requests, kind = 'asn'), sumIf(errors, kind = 'agent'), sumIf(bytes, kind = 'asn') FROM identities_10s", asked},
		} {
			if got := p.answer(c.sql + " WHERE source = '" + source + "'"); got != c.want {
				t.Errorf("%s, source %s: got %q, sent %q", c.name, source, got, c.want)
			}
		}
		raw, rolled, wantRaw, wantRolled := "SELECT count(), uniqExact(path), sum(bytes), sum(weight), countIf(status >= 500) FROM requests",
			"SELECT sum(lines), sum(requests), sum(bytes), sum(errors), "+sumOf("first_byte")+" FROM requests_1s",
			row(w.lines, w.lines, w.bytes, w.weight*w.lines, w.errors),
			row(w.lines, w.weight*w.lines, w.weight*w.bytes, w.weight*w.errors, w.weight*w.firstBytes)
		if source == "mux" {
			raw = "SELECT count(), sum(playing), sum(rebuffering), sum(peer_bytes), sum(weight) FROM beacons"
			rolled = "SELECT sum(lines), sum(attempts), sum(starts), sum(playing), sum(rebuffering), sum(peer_bytes), sum(failed_starts + failed_plays), " + sumOf("startup") + " FROM qoe_1s"
			wantRaw = row(w.lines, w.playing, w.rebuffering, w.peer, w.weight*w.lines)
			wantRolled = row(w.lines, w.weight*w.attempts, w.weight*w.starts, w.weight*w.playing, w.weight*w.rebuffering, w.weight*w.peer, w.weight*w.failures, w.weight*w.starts)
			// Exact, for there are fewer of them than the states keep one by one.
			if got, want := p.answer("SELECT uniqCombined64Merge(14)(sessions) FROM sessions_10s WHERE tool = 'mux'"), row(uint64(len(w.sessions))); got != want {
				t.Errorf("sessions_10s: got %s sessions, sent %s", got, want)
			}
		}
		where := " WHERE source = '" + source + "'"
		gotRaw, gotRolled := p.answer(raw+where), p.answer(rolled+where)
		if gotRaw != wantRaw {
			t.Errorf("%s: %s\ngot  %s\nsent %s", source, raw, gotRaw, wantRaw)
		}
		if gotRolled != wantRolled {
			t.Errorf("%s: %s\ngot  %s\nsent %s", source, rolled, gotRolled, wantRolled)
		}
		if gotRaw == wantRaw && gotRolled == wantRolled {
			t.Logf("%-5s  sent = stored = rolled up: %d bodies, %d records and %d refused (raw %s; rollup %s)", source, w.bodies, w.lines, w.refused,
				strings.ReplaceAll(gotRaw, "\t", " "), strings.ReplaceAll(gotRolled, "\t", " "))
		}
	}
}

func row(numbers ...uint64) string {
	text := make([]string, len(numbers))
	for i, n := range numbers {
		text[i] = strconv.FormatUint(n, 10)
	}
	return strings.Join(text, "\t")
}

// load is senders that retry the same bytes until they are told that they are stored.
type load struct {
	t     *testing.T
	at    string
	stop  context.CancelFunc
	wg    sync.WaitGroup
	tries atomic.Uint64

	mu    sync.Mutex
	known tallies // of acknowledged bodies
}

func startLoad(t *testing.T, at string, seed uint64) *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{t: t, at: at, stop: stop, known: tallies{}}
	t.Cleanup(stop)
	for i, m := range []func(*maker) *parcel{(*maker).akamai, (*maker).akamai, (*maker).ndjson, (*maker).nginx, (*maker).beacons, (*maker).large} {
		mk := &maker{random: rand.New(rand.NewPCG(seed, uint64(i))), name: i}
		every := 60 * time.Millisecond
		if i == 5 {
			every = 5 * time.Second
		}
		l.wg.Go(func() {
			for ctx.Err() == nil {
				b := m(mk)
				if !l.deliver(b) {
					return
				}
				l.mu.Lock()
				l.known.add(b.source, &b.tally)
				l.mu.Unlock()
				select {
				case <-ctx.Done():
				case <-time.After(every/2 + time.Duration(mk.random.Int64N(int64(every)))):
				}
			}
		})
	}
	return l
}

// finish lets senders end once their last body is acknowledged.
func (l *load) finish() {
	l.stop()
	l.wg.Wait()
}

func (l *load) acknowledged() tallies { return l.known }

func (l *load) deliver(b *parcel) bool {
	client := &http.Client{Timeout: 25 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		l.tries.Add(1)
		r, err := http.NewRequest(http.MethodPost, "http://"+l.at+"/ingest/"+b.source, bytes.NewReader(b.body))
		if err != nil {
			l.t.Error(err)
			return false
		}
		r.Header.Set("Authorization", "Bearer "+testToken)
		if b.batch != "" {
			r.Header.Set("X-Batch-Id", b.batch)
		}
		if b.gzip {
			r.Header.Set("Content-Encoding", "gzip")
		}
		res, err := client.Do(r)
		if err != nil {
			continue
		}
		answer, _ := io.ReadAll(res.Body)
		res.Body.Close()
		switch {
		case res.StatusCode/100 == 2:
			return true
		case res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests:
			l.t.Errorf("source %s: %s: %s", b.source, res.Status, answer)
			return false
		}
	}
	l.t.Errorf("source %s: a body was not taken for two minutes", b.source)
	return false
}

// parcel is one body.
type parcel struct {
	source, batch string
	body          []byte
	gzip          bool
	tally         tally
}

// maker makes bodies whose sums it knows. Every path and reference in them is there once.
type maker struct {
	random *rand.Rand
	name   int
	bodies int
	lines  int
}

func (m *maker) next() (path string, status, bytes, firstByte int) {
	m.lines++
	status = 200
	if m.random.IntN(50) == 0 {
		status = 503
	}
	return fmt.Sprintf("/live/tf1/%d-%d.m4s", m.name, m.lines), status, m.random.IntN(1_000_000), m.random.IntN(3000)
}

func (t *tally) line(status, bytes int) {
	t.lines++
	t.bytes += uint64(bytes)
	t.firstBytes++
	if status >= 500 {
		t.errors++
	}
}

func (m *maker) akamai() *parcel {
	p := &parcel{source: "ds2", gzip: true, tally: tally{weight: 1}}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	now := time.Now()
	// Of 1 KB at least when packed: smaller ones without a batch id may be meant to be repeated.
	for i := range 200 + m.random.IntN(800) {
		if i%97 == 96 {
			io.WriteString(z, `{"version":1,"reqTimeSec":"not a time","statusCode":"200"}`+"\n")
			p.tally.refused++
			continue
		}
		path, status, bytes, firstByte := m.next()
		fmt.Fprintf(z, `{"version":1,"reqTimeSec":"%d.%03d","bytes":"%d","totalBytes":"0","statusCode":"%d","reqHost":"live.example","reqMethod":"GET","reqPath":"%s","asn":"%d","timeToFirstByte":"%d","cacheStatus":"1"}`+"\n",
			now.Unix(), i, bytes, status, path, []int{3215, 12322, 64500}[i%3], firstByte)
		p.tally.line(status, bytes)
	}
	z.Close()
	p.body = packed.Bytes()
	return p
}

func (m *maker) ndjsonLine(to *bytes.Buffer, t *tally, padding string) {
	path, status, bytes, firstByte := m.next()
	fmt.Fprintf(to, `{"time":%d,"method":"GET","host":"live.example","path":"%s","status":%d,"bytes":%d,"first_byte_ms":%d,"client":"192.0.2.7","user_agent":"%s"}`+"\n",
		time.Now().UnixMilli(), path, status, bytes, firstByte, padding)
	t.line(status, bytes)
}

func (m *maker) ndjson() *parcel {
	m.bodies++
	p := &parcel{source: "lines", batch: fmt.Sprintf("batch-%d-%d", m.name, m.bodies), tally: tally{weight: 10}}
	var b bytes.Buffer
	for i := range 1 + m.random.IntN(400) { // also bodies so small that only their batch id tells them apart
		if i%50 == 49 {
			b.WriteString("this is no JSON\n")
			p.tally.refused++
		}
		m.ndjsonLine(&b, &p.tally, "")
	}
	p.body = b.Bytes()
	return p
}

// large makes bodies of more than one message of the stream, one of them of more rows than a
// part: it is there whole or not at all.
func (m *maker) large() *parcel {
	m.bodies++
	p := &parcel{source: "lines", batch: fmt.Sprintf("large-%d-%d", m.name, m.bodies), tally: tally{weight: 10}}
	lines, padding := 20_000, strings.Repeat("x", 300)
	if m.bodies == 2 {
		lines, padding = 130_000, ""
	}
	var b bytes.Buffer
	for range lines {
		m.ndjsonLine(&b, &p.tally, padding)
	}
	p.body = b.Bytes()
	return p
}

func (m *maker) nginx() *parcel {
	p := &parcel{source: "edge", tally: tally{weight: 1}}
	var b bytes.Buffer
	for i := range 20 + m.random.IntN(200) {
		if i%60 == 59 {
			b.WriteString(`{"ts":"yesterday","st":"200"}` + "\n")
			p.tally.refused++
			continue
		}
		path, status, bytes, firstByte := m.next()
		fmt.Fprintf(&b, `{"ts":"%.3f","host":"live.example","m":"GET","uri":"%s","st":"%d","bs":"%d","rt":"0.9","uht":"%.3f","cs":"HIT","ip":"192.0.2.9"}`+"\n",
			float64(time.Now().UnixMilli())/1000, path, status, bytes, float64(firstByte)/1000)
		p.tally.line(status, bytes)
	}
	p.body = b.Bytes()
	return p
}

func (m *maker) beacons() *parcel {
	p := &parcel{source: "mux", tally: tally{weight: 100, sessions: map[string]bool{}}}
	var b bytes.Buffer
	b.WriteString("[")
	for i := range 20 + m.random.IntN(200) {
		m.lines++
		if i > 0 {
			b.WriteString(",\n")
		}
		if i%70 == 69 {
			fmt.Fprintf(&b, `{"event":"heartbeat","watchedTime":%d}`, m.lines) // of nobody
			p.tally.refused++
			continue
		}
		session := fmt.Sprintf("s-%d", m.random.IntN(200))
		event := []string{"heartbeat", "playbackRequest", "playbackStart", "playbackFail"}[m.random.IntN(4)]
		playing, stalled, peer := m.random.IntN(10_000), m.random.IntN(100), m.random.IntN(1_000_000)
		fmt.Fprintf(&b, `{"session":"%s","event":"%s","t":%d,"startupTime":%d,"watchedTime":%d,"playbackStallDuration":%d,"p2pDownBytes":%d,"peers":%d,"cdn":"akamai","channel":"tf1","device":"tv","asn":3215}`,
			session, event, time.Now().UnixMilli(), m.random.IntN(9000), playing, stalled, peer, m.lines%10_000)
		t := &p.tally
		t.lines++
		t.playing += uint64(playing)
		t.rebuffering += uint64(stalled)
		t.peer += uint64(peer)
		switch event {
		case "playbackRequest":
			t.attempts++
		case "playbackStart":
			t.starts++
		case "playbackFail":
			t.failures++
		}
		if event != "playbackFail" {
			t.sessions[session] = true
		}
	}
	b.WriteString("]")
	p.body = b.Bytes()
	return p
}

// lossyProxy delivers every request and loses a share of the answers.
type lossyProxy struct {
	address string
	lost    atomic.Uint64
}

func newLossyProxy(t *testing.T, to string, share float64, seed uint64) *lossyProxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &lossyProxy{address: l.Addr().String()}
	random := rand.New(rand.NewPCG(seed, 2))
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			lose := random.Float64() < share
			go p.serve(conn, to, lose)
		}
	}()
	return p
}

func (p *lossyProxy) serve(sender net.Conn, to string, lose bool) {
	defer sender.Close()
	vigie, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer vigie.Close()
	go func() {
		io.Copy(vigie, sender)
		vigie.(*net.TCPConn).CloseWrite()
	}()
	if !lose {
		io.Copy(sender, vigie)
		return
	}
	if n, _ := vigie.Read(make([]byte, 1)); n > 0 { // it has answered: what it was sent is stored
		p.lost.Add(1)
	}
}

func (p *lossyProxy) count() uint64 {
	if p == nil {
		return 0
	}
	return p.lost.Load()
}
