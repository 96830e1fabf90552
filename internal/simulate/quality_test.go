package simulate

import (
	"net/http"
	"testing"
	"time"

	"vigie/internal/event"
)

func TestToolsSeeSlightlyDifferentThingsOfTheSameSessions(t *testing.T) {
	s, err := Final()
	if err != nil {
		t.Fatal(err)
	}
	s.Incidents = nil
	s.Tools = []Tool{
		{Name: "plain", Source: "plain", Share: 1, Every: time.Second, Startup: 1, Rebuffer: 1},
		{Name: "dark", Source: "dark", Share: 1, Every: time.Second, Startup: 1.2, Rebuffer: 1.5},
		{Name: "deaf", Source: "deaf", Share: 1, Every: time.Second, Startup: 1, Rebuffer: 1, StallFloor: 575 * time.Millisecond},
		{Name: "rare", Source: "rare", Share: 0.3, Every: time.Second, Startup: 1, Rebuffer: 1, Loss: 0.1},
	}
	m := newMatch(t, func(c *Config) { c.Scenario = s })
	var sums [4]qualitySum
	sessions := [4]map[*session]bool{{}, {}, {}, {}}
	from := m.WallTime(2 * time.Minute).Unix()
	for sec := from; sec < from+300; sec++ {
		for _, q := range m.cast.beats(nil, sec, 1, nil) {
			sum := &sums[q.tool]
			sessions[q.tool][q.viewer] = true
			sum.beacons++
			sum.playing += uint64(q.playing)
			sum.rebuffering += uint64(q.rebuffering)
			sum.stalls += uint64(q.stalls)
			if q.event == event.EventStart {
				sum.startups++
				sum.startupMS += uint64(q.startup)
			}
		}
	}
	ratio := func(name string, a, b uint64, lo, hi float64) {
		t.Helper()
		if r := float64(a) / float64(b); !(r >= lo && r <= hi) {
			t.Errorf("%s: %d to %d is %.3f, wants %v to %v", name, a, b, r, lo, hi)
		}
	}
	plain, dark, deaf, rare := sums[0], sums[1], sums[2], sums[3]
	ratio("start-up of a tool that adds a fifth", dark.startupMS, plain.startupMS, 1.18, 1.22)
	ratio("stalls of a tool that adds half", dark.rebuffering, plain.rebuffering, 1.4, 1.6)
	ratio("number of its stalls", dark.stalls, plain.stalls, 0.95, 1.05)
	ratio("stalls of a tool that misses the shorter half", deaf.stalls, plain.stalls, 0.45, 0.55)
	ratio("time watched, all tools alike", deaf.playing, plain.playing, 0.98, 1.02)
	ratio("starts, all tools alike", dark.startups, plain.startups, 1, 1)
	ratio("sessions of a tool that three in ten carry", uint64(len(sessions[3])), uint64(len(sessions[0])), 0.27, 0.33)
	ratio("beacons of a tool that loses a tenth", rare.beacons*uint64(len(sessions[0])), plain.beacons*uint64(len(sessions[3])), 0.88, 0.92)
}

func TestASessionIsHeardOfEveryTenSecondsAndItsPlayingTimeAddsUp(t *testing.T) {
	s, err := Final()
	if err != nil {
		t.Fatal(err)
	}
	s.Incidents = nil
	s.Tools = []Tool{{Name: "all", Source: "all", Share: 1, Every: time.Second, Startup: 1, Rebuffer: 1}}
	m := newMatch(t, func(c *Config) { c.Scenario = s })
	type life struct {
		first, last     int64
		played, stalled int64
		ended, failed   bool
	}
	lives := map[*session]*life{}
	from := m.WallTime(0).Unix()
	for sec := from; sec < from+1200; sec++ {
		for _, q := range m.cast.beats(nil, sec, 1, nil) {
			l := lives[q.viewer]
			if l == nil {
				l = &life{first: sec, last: sec}
				lives[q.viewer] = l
			}
			if gap := sec - l.last; gap > 17 { // a start-up of at most 15 s, or 10 s between heartbeats
				t.Fatalf("nothing was heard of a session for %d s", gap)
			}
			l.last = sec
			l.played += int64(q.playing)
			l.stalled += int64(q.rebuffering)
			l.ended = l.ended || q.event == event.EventFinish
			l.failed = l.failed || q.event == event.EventFail
		}
	}
	whole := 0
	for s, l := range lives {
		if s.start < from || !l.ended || l.failed {
			continue
		}
		whole++
		if want := max(0, s.end-s.startedAt()) * 1000; l.played+l.stalled != want {
			t.Errorf("a session of %d ms says that it played %d and stalled %d", want, l.played, l.stalled)
		}
	}
	if whole < 50 {
		t.Errorf("only %d sessions began and ended", whole)
	}
}

func TestEverySenderHasItsOwnHabits(t *testing.T) {
	r := newRecorder(t)
	m := r.plays(func(c *Config) {
		at(10 * time.Minute)(c)
		c.Tokens = map[string]string{"akamai": "ds2:secret", "cloudfront": "t0k3n"}
	})
	r.answer = func(_ http.ResponseWriter, req *http.Request, _ []byte) bool {
		h := req.Header
		user, _, basic := req.BasicAuth()
		switch req.URL.Path {
		case "/ingest/akamai":
			if h.Get("Content-Encoding") != "gzip" || h.Get("X-Batch-Id") != "" || !basic || user != "ds2" {
				t.Errorf("akamai: %v", h)
			}
		case "/ingest/cloudfront":
			if len(h.Get("X-Batch-Id")) != 32 || h.Get("Authorization") != "Bearer t0k3n" {
				t.Errorf("cloudfront: %v", h)
			}
		case "/beacon":
			if h.Get("Content-Type") != "text/plain;charset=UTF-8" || h.Get("Authorization") != "" || req.URL.RawQuery != "" {
				t.Errorf("a player: %v %s", h, req.URL)
			}
		}
		return false
	}
	from := m.cfg.Start.Unix()
	m.play(t.Context(), from, from+5, false)
	r.agrees(m.Truth())
}
