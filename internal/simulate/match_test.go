package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// at makes a match whose live part starts at a match time of the final.
func at(match time.Duration) func(*Config) {
	return func(c *Config) { c.Start = kickOff.Add(match); c.KickOff = kickOff }
}

func TestTheTruthIsWhatTheCollectorsReceive(t *testing.T) {
	for _, moment := range []struct {
		name string
		at   time.Duration
	}{
		{"the rush", -time.Minute},
		{"a saturated interconnect", 28 * time.Minute},
		{"an attack", 54 * time.Minute},
		{"a CDN that answers 5xx", 128 * time.Minute},
	} {
		t.Run(moment.name, func(t *testing.T) {
			r := newRecorder(t)
			m := r.plays(at(moment.at))
			from := m.cfg.Start.Unix()
			m.play(t.Context(), from, from+15, false)
			r.agrees(m.Truth())
			for _, path := range []string{"/ingest/akamai", "/ingest/cloudfront", "/ingest/npaw", "/ingest/mux", "/ingest/vigie-player", "/ingest/services", "/beacon"} {
				if r.bodies[path] == 0 {
					t.Errorf("nothing came to %s", path)
				}
			}
			if r.lines < 5000 {
				t.Errorf("only %d lines in 15 s", r.lines)
			}
		})
	}
}

func TestRunSendsInWallClockTimeAndStopsCleanly(t *testing.T) {
	r := newRecorder(t)
	var truth bytes.Buffer
	m := r.plays(func(c *Config) { c.Start, c.KickOff, c.Truth = time.Now(), time.Now().Add(-time.Hour), &truth })
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	if err := m.Run(ctx); err != nil {
		t.Fatal(err)
	}
	r.agrees(m.Truth())
	for key := range r.requests {
		if d := time.Since(time.Unix(key.Second, 0)); d < -time.Second || d > 30*time.Second {
			t.Errorf("a line is of %s ago", d)
		}
	}
	var records int
	for text := range bytes.Lines(truth.Bytes()) {
		var rec map[string]json.RawMessage
		if err := json.Unmarshal(text, &rec); err != nil || len(rec) != 1 {
			t.Fatalf("truth record %s: %v", text, err)
		}
		records++
	}
	if want := len(m.Truth().Requests) + len(m.Truth().Quality) + len(m.Truth().Services); records != want || want == 0 {
		t.Errorf("Config.Truth got %d records, wants %d", records, want)
	}
}

func TestARetriedBatchCountsOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter)
	}{
		{"after a lost answer", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }},
		{"after 503", func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }},
		{"after 429", func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) }},
		{"after 500", func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRecorder(t)
			m := r.plays(at(10 * time.Minute))
			type try struct{ id, body string }
			var mu sync.Mutex
			failed := map[string][]try{} // by path: first tries of batches
			var repeated int
			r.answer = func(w http.ResponseWriter, req *http.Request, body []byte) bool {
				if req.URL.Path == "/beacon" {
					return false
				}
				this := try{req.Header.Get("X-Batch-Id"), string(body)}
				mu.Lock()
				if slices.Contains(failed[req.URL.Path], this) {
					repeated++
					mu.Unlock()
					return false
				}
				failed[req.URL.Path] = append(failed[req.URL.Path], this)
				mu.Unlock()
				c.answer(w)
				return true
			}
			var wg sync.WaitGroup
			truth := m.ledger
			edges := 0
			for _, source := range []string{"akamai", "cloudfront", "mux"} {
				s := m.newSender(source, "", 1)
				s.backoff = time.Millisecond
				var p parcel
				format := formatBeacon
				if source == "mux" {
					at := newStamp(m.cfg.Start.Unix())
					for _, q := range m.cast.beats(nil, at.sec, 1, nil) {
						if q.tool == 1 {
							q.direct = false
							p.beat(m.cast, &at, &q, 400)
						}
					}
				} else {
					at := newStamp(m.cfg.Start.Unix())
					for _, l := range m.cast.lines(nil, at.sec, 1, nil) {
						if n := m.cfg.Scenario.CDNs[l.cdn]; n.Name == source {
							format = n.Format
							p.line(m.cast, encoderOf(n.Format), &at, &l, 2000)
						}
					}
				}
				s.offer(p.seal(format, source, 2000, time.Time{}))
				s.finish()
				wg.Go(func() { s.run(t.Context()) })
				edges++
			}
			wg.Wait()
			r.settled()
			if repeated != edges {
				t.Errorf("%d batches came again with the same bytes and id, wants %d", repeated, edges)
			}
			var sum, got uint64
			for _, q := range truth.truth().Requests {
				sum += q.Requests
			}
			for _, q := range r.requests {
				got += q.requests
			}
			if sum != got || sum == 0 {
				t.Errorf("truth has %d requests, received %d", sum, got)
			}
		})
	}
}

func TestABatchOfUnknownFateIsListedAsUnsettled(t *testing.T) {
	r := newRecorder(t)
	m := r.plays(nil)
	answered := make(chan struct{})
	var once sync.Once
	r.answer = func(http.ResponseWriter, *http.Request, []byte) bool {
		once.Do(func() { close(answered) })
		panic(http.ErrAbortHandler)
	}
	s := m.newSender("akamai", "", 1)
	var p parcel
	at := newStamp(m.cfg.Start.Unix())
	for _, l := range m.cast.lines(nil, at.sec, 1, nil) {
		if m.cfg.Scenario.CDNs[l.cdn].Name == "akamai" {
			p.line(m.cast, (*cast).akamai, &at, &l, 10)
		}
	}
	s.offer(p.seal(formatAkamai, "akamai", 10, time.Time{}))
	s.finish()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-answered; cancel() }()
	s.run(ctx)
	truth := m.Truth()
	if len(truth.Unsettled) != 1 || truth.Unsettled[0].Source != "akamai" || len(truth.Unsettled[0].Requests) == 0 {
		t.Errorf("unsettled: %+v", truth.Unsettled)
	}
	if len(truth.Requests) != 0 {
		t.Errorf("what nobody acknowledged is in the truth: %d records", len(truth.Requests))
	}
	if st := s.snapshot(); st.Unsettled != 1 || st.Acknowledged != 0 {
		t.Errorf("stats: %+v", st)
	}
}

func TestARefusedBatchIsNotSentAgain(t *testing.T) {
	r := newRecorder(t)
	m := r.plays(nil)
	var tries int
	r.answer = func(w http.ResponseWriter, req *http.Request, _ []byte) bool {
		tries++
		if user, password, ok := req.BasicAuth(); !ok || user != "ds2" || password != "s3cret" {
			t.Errorf("basic credentials: %q %q %v", user, password, ok)
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	s := m.newSender("akamai", "ds2:s3cret", 1)
	p := parcel{buf: []byte("{}\n"), lines: 1}
	s.offer(p.seal(formatAkamai, "akamai", 10, time.Time{}))
	s.finish()
	s.run(t.Context())
	if st := s.snapshot(); tries != 1 || st.Refused != 1 {
		t.Errorf("%d tries, stats %+v", tries, st)
	}
}

func TestAFullQueueDropsWhatIsNew(t *testing.T) {
	m := newMatch(t, nil)
	s := m.newSender("akamai", "", 1)
	for i := range queueMax + 3 {
		s.offer(&batch{path: string(rune('a' + i%20))})
	}
	if st := s.snapshot(); st.Queued != queueMax || st.Dropped != 3 {
		t.Errorf("stats: %+v", st)
	}
}

func TestHistoryArrivesWholeNewestQuarterFirst(t *testing.T) {
	r := newRecorder(t)
	var progress []Progress
	m := r.plays(func(c *Config) {
		c.HistoryRate = 10
		c.Progress = func(p Progress) { progress = append(progress, p) }
	})
	var mu sync.Mutex
	var order []string
	r.answer = func(_ http.ResponseWriter, req *http.Request, body []byte) bool {
		if req.URL.Path == "/ingest/cloudfront" {
			mu.Lock()
			order = append(order, firstTime(t, body))
			mu.Unlock()
		}
		return false
	}
	to := m.cfg.Start
	from := to.Add(-40 * time.Minute)
	if err := m.History(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	r.agrees(m.Truth())
	if len(order) < 3 || slices.Max(order[:2]) < to.Add(-15*time.Minute).UTC().Format("2006-01-02T15:04:05") {
		t.Errorf("cloudfront's batches start at %v, wants the newest quarter of an hour first", order)
	}
	truth := m.Truth()
	if n := len(truth.Requests); n == 0 || truth.Requests[0].Second != from.Unix() || truth.Requests[n-1].Second != to.Unix()-1 {
		t.Errorf("truth does not cover the window")
	}
	last := progress[len(progress)-1]
	if last.Done != 40*time.Minute || last.Total != 40*time.Minute {
		t.Errorf("last progress %+v", last)
	}
	if !slices.IsSortedFunc(progress, func(a, b Progress) int { return int(a.Done - b.Done) }) || !slices.IsSortedFunc(progress, func(a, b Progress) int { return a.Lines - b.Lines }) {
		t.Error("progress goes back")
	}
}

func firstTime(t *testing.T, gz []byte) string {
	t.Helper()
	text := gunzip(t, gz)
	_, rest, _ := strings.Cut(text, `"time":"`)
	return rest[:19]
}

func TestHistoryRefusesAWindowThatIsNotPast(t *testing.T) {
	m := newMatch(t, nil)
	start := m.cfg.Start
	for _, w := range [][2]time.Time{{start, start}, {start.Add(-7 * time.Hour), start}, {start.Add(-time.Minute), start.Add(time.Minute)}} {
		if err := m.History(t.Context(), w[0], w[1]); err == nil {
			t.Errorf("history %v was accepted", w)
		}
	}
}

func TestTheSameSeedMakesTheSameBytes(t *testing.T) {
	bytesOf := func(seed uint64) []byte {
		m := newMatch(t, func(c *Config) { c.Seed = seed })
		var out []byte
		for i := range int64(3) {
			sec := m.KickOff().Unix() + i
			at := newStamp(sec)
			w := m.cast.weather(m.current(), sec)
			for _, l := range m.cast.lines(nil, sec, 1, w) {
				out = encoderOf(m.cfg.Scenario.CDNs[l.cdn].Format)(m.cast, out, &at, &l)
			}
			for _, q := range m.cast.beats(nil, sec, 1, w) {
				out = m.cast.beacon(out, &at, &q)
			}
		}
		return out
	}
	a, b, c := bytesOf(1), bytesOf(1), bytesOf(2)
	if !bytes.Equal(a, b) {
		t.Error("the same seed made different bytes")
	}
	if bytes.Equal(a, c) {
		t.Error("different seeds made the same bytes")
	}
}

func gunzip(t *testing.T, gz []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
