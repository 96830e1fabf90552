package simulate

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inMemory serves a client's requests by a handler without a network, so that time can be faked.
type inMemory struct{ h http.Handler }

func (m inMemory) RoundTrip(req *http.Request) (*http.Response, error) {
	res := httptest.NewRecorder()
	m.h.ServeHTTP(res, req)
	return res.Result(), nil
}

// night runs the final at kick-off with all CDNs over HTTP, in fake time, and reports when batches
// came to each path and of which event times their lines were.
func night(t *testing.T, length time.Duration, inject ...Incident) map[string][]arrival {
	got := map[string][]arrival{}
	synctest.Test(t, func(t *testing.T) {
		s, err := Final()
		if err != nil {
			t.Fatal(err)
		}
		s.Incidents = nil
		s.CDNs[0].Format = formatNDJSON
		r := &recorder{t: t, bodies: map[string]int{}, series: map[string]float64{}, served: map[Served]served{}, scraped: map[string][2]int64{}}
		var mu sync.Mutex
		h := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			r.requests, r.quality = map[Requests]requestSum{}, map[Quality]qualitySum{}
			w.WriteHeader(202)
			body := make([]byte, req.ContentLength)
			if _, err := req.Body.Read(body); err != nil {
				t.Error(err)
			}
			r.take(req.URL, req.Header, body)
			a := arrival{at: time.Now(), oldest: time.Now()}
			for k := range r.requests {
				at := time.Unix(k.Second, 0)
				if at.Before(a.oldest) {
					a.oldest = at
				}
				if at.After(a.newest) {
					a.newest = at
				}
			}
			got[req.URL.Path] = append(got[req.URL.Path], a)
		})
		m, err := New(Config{Scenario: s, Seed: 3, Rate: 100, KickOff: time.Now().Add(-time.Minute), Client: &http.Client{Transport: inMemory{h}}})
		if err != nil {
			t.Fatal(err)
		}
		r.match, r.plan = m, m.AddressPlan()
		for _, in := range inject {
			if _, err := m.Inject(in); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), length+time.Second/2) // between two ticks
		defer cancel()
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return got
}

type arrival struct{ at, oldest, newest time.Time }

func TestEverySenderKeepsItsPace(t *testing.T) {
	got := night(t, time.Minute)
	last := got["/ingest/akamai"][len(got["/ingest/akamai"])-1].at // the end, when queues are emptied
	posts := 0
	for _, a := range got["/ingest/akamai"] {
		if a.at.Equal(last) {
			continue
		}
		posts++
		if lag := a.at.Sub(a.oldest); lag < time.Second || lag > 7*time.Second {
			t.Errorf("akamai posts lines of %s ago, wants 2 to 6 s", lag)
		}
		if a.newest.After(a.at) {
			t.Errorf("akamai posts a line before it happened")
		}
	}
	if posts < 60 || posts > 76 { // edges of 2, 3, 4 and 6 s: 75 in a minute
		t.Errorf("akamai posted %d times in a minute", posts)
	}
	for _, a := range got["/ingest/cloudfront"] {
		if lag := a.at.Sub(a.newest); !a.at.Equal(last) && (lag < 10*time.Second || lag > 13*time.Second) {
			t.Errorf("cloudfront is %s late, wants a little over 10 s", lag)
		}
	}
}

func TestALateSourceIsLateAndTheOthersAreNot(t *testing.T) {
	got := night(t, time.Minute, Incident{Kind: Late, Source: "akamai", Delay: 30 * time.Second, For: 20 * time.Second})
	late := 0
	end := got["/ingest/akamai"][len(got["/ingest/akamai"])-1].at
	for _, a := range got["/ingest/akamai"] {
		if a.at.Sub(a.newest) >= 30*time.Second && a.at.Before(end) {
			late++
		}
	}
	if late < 10 {
		t.Errorf("%d of akamai's batches came 30 s late", late)
	}
	for _, a := range got["/ingest/maison"] {
		if a.at.Sub(a.oldest) > 8*time.Second {
			t.Errorf("maison is late too: %s", a.at.Sub(a.oldest))
		}
	}
}

func TestASilentSourceSendsNothingAndSendsNothingLater(t *testing.T) {
	usual := night(t, 30*time.Second)
	got := night(t, 30*time.Second, Incident{Kind: Silence, Source: "akamai", For: 20 * time.Second})
	for _, a := range got["/ingest/akamai"] {
		if a.oldest.Before(time.Date(2000, 1, 1, 0, 0, 20, 0, time.UTC)) && a.oldest.After(time.Date(2000, 1, 1, 0, 0, 1, 0, time.UTC)) {
			t.Errorf("it sent a line of %s", a.oldest)
		}
	}
	if len(got["/ingest/akamai"]) == 0 {
		t.Error("it did not come back")
	}
	for _, path := range []string{"/ingest/maison", "/ingest/cloudfront", "/ingest/mux", "/beacon"} {
		if len(got[path]) != len(usual[path]) {
			t.Errorf("%s has %d batches, usually %d", path, len(got[path]), len(usual[path]))
		}
	}
}

func TestRetryAfterIsHonouredWithJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMatch(t, nil)
		var tries []time.Time
		s := m.newSender("akamai", "", 1)
		s.client = &http.Client{Transport: inMemory{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			tries = append(tries, time.Now())
			if len(tries) < 3 {
				w.Header().Set("Retry-After", "8")
				w.WriteHeader(http.StatusTooManyRequests)
			}
		})}}
		s.offer(&batch{path: "/ingest/akamai"})
		s.finish()
		s.run(t.Context())
		if len(tries) != 3 {
			t.Fatalf("%d tries", len(tries))
		}
		for i := 1; i < 3; i++ {
			if d := tries[i].Sub(tries[i-1]); d < 8*time.Second || d > 12*time.Second {
				t.Errorf("try %d came after %s, wants 8 to 12 s", i+1, d)
			}
		}
		if st := s.snapshot(); st.Retries != 2 || st.Acknowledged != 1 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestRetryAfterIsReadAsSecondsOrDateAndBounded(t *testing.T) {
	now := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"-3":                            0,
		"99999999":                      time.Minute,
		"soon":                          0,
		"Sat, 21 Nov 2026 20:00:09 GMT": 9 * time.Second,
		"Sat, 21 Nov 2026 19:00:00 GMT": 0,
	} {
		if got := parseRetryAfter(v, now); got != want {
			t.Errorf("%q is %s, wants %s", v, got, want)
		}
	}
}

func TestARunEndsWithTheScenarioAndResumesWithoutAHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := Final()
		if err != nil {
			t.Fatal(err)
		}
		s.CDNs[0].Format = formatNDJSON
		accept := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) })
		start := time.Now().Add(5 * time.Second)
		// Ninety minutes before its last point, at sixty times the speed: ninety seconds.
		m, err := New(Config{Scenario: s, Rate: 500, Speed: 60, Start: start, KickOff: start.Add(-2 * time.Hour), Client: &http.Client{Transport: inMemory{accept}}})
		if err != nil {
			t.Fatal(err)
		}
		if left := m.Ends().Sub(start); left < 90*time.Second || left > 92*time.Second {
			t.Errorf("the scenario ends %s after its start, wants 90 s", left)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second+time.Second/2)
		defer cancel()
		if err := m.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if err := m.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if time.Now().Before(m.Ends().Add(-time.Second)) {
			t.Errorf("it returned %s before the end", time.Until(m.Ends()))
		}
		seconds := map[int64]bool{}
		for _, r := range m.Truth().Requests {
			seconds[r.Second] = true
		}
		for sec := start.Unix(); sec < m.Ends().Unix(); sec++ {
			if !seconds[sec] {
				t.Errorf("nothing was sent of second %d", sec-start.Unix())
			}
		}
	})
}

func TestABeaconThatNeverLeftIsSentAgainAndOneOfUnknownFateIsNot(t *testing.T) {
	for _, c := range []struct {
		name      string
		err       error
		tries     int
		unsettled uint64
	}{
		{"the connection was refused", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, 2, 0},
		{"the answer was lost", io.ErrUnexpectedEOF, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMatch(t, nil)
				tries := 0
				s := m.newSender("beacon", "", 1)
				s.client = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
					if tries++; tries == 1 {
						return nil, c.err
					}
					return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
				})}
				s.offer(&batch{path: "/beacon", once: true})
				s.finish()
				s.run(t.Context())
				if st := s.snapshot(); tries != c.tries || st.Unsettled != c.unsettled {
					t.Errorf("%d tries, stats %+v", tries, st)
				}
			})
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestHistoryKeepsItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := SemiFinal()
		if err != nil {
			t.Fatal(err)
		}
		accept := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) })
		kickOff := time.Now().Add(-time.Hour)
		told := 0
		m, err := New(Config{
			Scenario: s, Rate: 30, HistoryRate: 30, HistoryPace: 2000, Start: kickOff.Add(40 * time.Minute), KickOff: kickOff,
			Progress: func(p Progress) { told = p.Lines }, Client: &http.Client{Transport: inMemory{accept}},
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := m.History(t.Context(), kickOff.Add(10*time.Minute), kickOff.Add(40*time.Minute)); err != nil {
			t.Fatal(err)
		}
		want := time.Duration(float64(told) / 2000 * float64(time.Second))
		if took := time.Since(began); took < want-time.Second || took > want+time.Second {
			t.Errorf("%d lines took %s, wants %s", told, took, want)
		}
	})
}
