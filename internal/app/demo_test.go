package app

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/ingest/remotewrite"
	"vigie/ingest/services"
	"vigie/internal/event"
	"vigie/internal/match"
	"vigie/internal/simulate"
)

func demoNight(t *testing.T, change func(*simulate.Config)) *simulate.Match {
	t.Helper()
	start := time.Date(2026, 7, 19, 18, 57, 0, 0, time.UTC)
	c := simulate.Config{Seed: 7, Start: start, KickOff: start.Add(3 * time.Minute)}
	if change != nil {
		change(&c)
	}
	m, err := simulate.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheDemosMatchesAreWhatAFileCouldSay(t *testing.T) {
	for _, speed := range []float64{1, 10} {
		night := demoNight(t, func(c *simulate.Config) { c.Speed = speed })
		calendar := demoCalendar(night)
		for _, m := range calendar {
			if err := m.Check(); err != nil {
				t.Errorf("at speed %v: %s: %v", speed, m.ID, err)
			}
			for _, d := range m.Roster {
				if !strings.HasPrefix(match.Dial(d.Phone), "+3363998") {
					t.Errorf("%s: %s is not of the range that is nobody's", d.Name, d.Phone)
				}
			}
		}
		final := calendar[0]
		if !slices.ContainsFunc(calendar, func(m *match.Match) bool { return m.ID == final.Compare && m.KickOff.Before(final.KickOff) }) {
			t.Errorf("nothing earlier is called %q", final.Compare)
		}
		if len(final.Roster) != 5 || len(final.Checklist) != 8 || len(final.Nearby) != 2 || final.Criticality != 4 || len(final.Capacity) != 7 {
			t.Error("the final's file is not whole")
		}
	}
}

func TestTheDemosForecastIsCloseAndNotRight(t *testing.T) {
	night := demoNight(t, nil)
	f := demoForecast(night)
	for at := 10 * time.Minute; at < 160*time.Minute; at += 10 * time.Minute {
		wall := night.WallTime(at)
		viewers, ok := match.At(f.Viewers, at)
		if off := night.Measured()*float64(night.Audience(wall))/viewers - 1; !ok || off < 0 || off > 0.15 {
			t.Errorf("%s: %.3f more viewers than were forecast", at, off)
		}
		bits, ok := match.At(f.Traffic, at)
		if off := night.Traffic(wall, "", "")/bits - 1; !ok || off < 0 || off > 0.15 {
			t.Errorf("%s: %.3f more traffic than was forecast", at, off)
		}
	}
}

func TestTheDemosReservesAreTightAtThePeak(t *testing.T) {
	night := demoNight(t, nil)
	networks := ispNames(t)
	reserved := demoCapacity(night)
	for i, r := range demoReserves {
		if r.isp != "" && networks[r.isp] != r.network {
			t.Errorf("the network %s is called %s, not %s", r.isp, networks[r.isp], r.network)
		}
		peak := 0.0
		for at := 0 * time.Minute; at < 200*time.Minute; at += time.Minute {
			peak = max(peak, night.Traffic(night.WallTime(at), r.cdn, r.isp))
		}
		if used := peak / reserved[i].Bits; math.Abs(used/r.used-1) > 0.03 || used > 1 {
			t.Errorf("%s %s: %.3f of %.3g bit/s is used at the peak, wants %.2f", r.cdn, r.isp, used, reserved[i].Bits, r.used)
		}
	}
}

// understood reads what a simulated Prometheus posts with the collectors' own parser and rules.
type understood struct {
	event.Sink // of what measurements are not: nobody calls it
	t          *testing.T
	rules      *services.Rules
	ledger     *services.Ledger
	points     []services.Point

	mu       sync.Mutex
	at       map[string][]services.Entry // by service
	resource map[string]bool
}

func understand(t *testing.T) *understood {
	t.Helper()
	rules, err := services.Compile(services.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	u := &understood{t: t, rules: rules, at: map[string][]services.Entry{}, resource: map[string]bool{}}
	u.ledger = services.NewLedger(100_000, func(e *services.Entry) {
		u.at[e.Service] = append(u.at[e.Service], *e)
		if e.Resource != "" {
			u.resource[e.Service+" "+e.Resource] = true
		}
	})
	return u
}

func (u *understood) Measurement(m *event.Measurement) {
	u.points = u.rules.Match(m, u.points[:0])
	if len(u.points) == 0 {
		u.t.Errorf("no rule wants %s", m.Name)
	}
	for i := range u.points {
		u.ledger.Add(m.Time, &u.points[i])
	}
}

func (u *understood) Refuse(r event.Refusal) { u.t.Errorf("refused: %s", r.Reason) }

func (u *understood) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/ingest/services" {
		return
	}
	if r.URL.RawQuery != "backfill=1" {
		u.t.Errorf("history is sent to %s", r.URL)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		u.t.Error(err)
	}
	version, written, status, err := remotewrite.Check(r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"), r.Header.Get("X-Prometheus-Remote-Write-Version"), body)
	if version != remotewrite.V1 || !written.Any() || status != http.StatusNoContent || err != nil {
		u.t.Errorf("version %v, %+v, %d, %v", version, written, status, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	remotewrite.ParseV1(body, event.Origin{}, u)
	w.WriteHeader(status)
}

func TestTheRulesUnderstandWhatTheServicesTell(t *testing.T) {
	u := understand(t)
	collectors := httptest.NewServer(u)
	defer collectors.Close()
	night := demoNight(t, func(c *simulate.Config) { c.Collectors, c.HistoryRate = collectors.URL, 1 })
	if err := night.History(t.Context(), night.KickOff().Add(-14*time.Minute), night.KickOff().Add(-4*time.Minute)); err != nil {
		t.Fatal(err)
	}
	want := map[string][2]float64{}
	for _, s := range night.Truth().Services {
		sum := want[s.Service]
		want[s.Service] = [2]float64{sum[0] + float64(s.Requests), sum[1] + float64(s.Errors)}
	}
	if len(want) != 30 {
		t.Errorf("%d services tell of themselves", len(want))
	}
	for service, sum := range want {
		var requests, errors, timed, saturation float64
		for _, e := range u.at[service] {
			if e.Metric == "http_requests_total" {
				requests += e.Requests
				errors += e.Errors
			}
			timed += e.Count
			if e.Saturation > saturation {
				saturation = e.Saturation
			}
		}
		if math.Abs(requests-sum[0]) > 1e-6*sum[0] || math.Abs(errors-sum[1]) > 1e-6*sum[0] {
			t.Errorf("%s: %.1f requests and %.1f errors were understood, %.0f and %.0f sent", service, requests, errors, sum[0], sum[1])
		}
		// A classic histogram is whole when the next one begins, so the last may be open.
		if timed < 0.9*(sum[0]-sum[1]) || timed > sum[0]-sum[1]+20 {
			t.Errorf("%s: %.0f requests were timed of %.0f", service, timed, sum[0]-sum[1])
		}
		if !(saturation > 0.05 && saturation <= 1) || !u.resource[service+" cpu"] {
			t.Errorf("%s: it is full to %v", service, saturation)
		}
	}
	if !u.resource["login connections"] {
		t.Error("login's pool was not understood")
	}
}

// The semi-final is told by few lines: they must weigh what seven tenths of the final do.
func TestTheSemiFinalIsSevenTenthsOfTheFinal(t *testing.T) {
	collectors := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("backfill") != "1" {
			t.Errorf("%s is not marked as old", r.URL)
		}
	}))
	defer collectors.Close()
	var c simulate.Config
	night := demoNight(t, func(of *simulate.Config) { of.Collectors = collectors.URL; c = *of })
	semi, err := semiFinal(c, 0)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	kickOff := semi.KickOff()
	if err := semi.History(t.Context(), kickOff.Add(semiFinalFrom), kickOff.Add(semiFinalUntil)); err != nil {
		t.Fatal(err)
	}
	if d := night.KickOff().Sub(kickOff); d != 96*time.Hour {
		t.Errorf("it was %s before", d)
	}
	truth := semi.Truth()
	var bytes float64
	lines := 0
	for _, r := range truth.Requests {
		if r.Second >= kickOff.Add(20*time.Minute).Unix() && r.Second < kickOff.Add(45*time.Minute).Unix() {
			bytes += float64(r.Bytes)
		}
		lines++
	}
	want := 0.0
	for at := 20 * time.Minute; at < 45*time.Minute; at += time.Minute {
		for _, cdn := range []string{"maison", "akamai", "cloudfront"} {
			want += 60 * 0.7 * night.Traffic(night.WallTime(at), cdn, "") / 8
		}
	}
	want *= 0.89 / 0.855 // the two curves' own shares there
	if off := bytes/want - 1; off < -0.06 || off > 0.06 {
		t.Errorf("%.4g bytes in half an hour, wants %.4g", bytes, want)
	}
	// A session beats every ten seconds, so the beats of ten seconds are who watches, as far as they carry
	// the tool (0.9) and none is lost (0.005).
	var watched, slots float64
	for _, q := range truth.Quality {
		if q.Tool == "vigie" && q.Second >= kickOff.Add(20*time.Minute).Unix() && q.Second < kickOff.Add(45*time.Minute).Unix() {
			watched += float64(q.Beacons)
		}
	}
	for at := 20 * time.Minute; at < 45*time.Minute; at += 10 * time.Second {
		slots += 0.9 * 0.995 * float64(semi.Audience(semi.WallTime(at)))
	}
	if off := watched/slots - 1; off < -0.06 || off > 0.06 {
		t.Errorf("%.4g viewers times slots, wants %.4g", watched, slots)
	}
	t.Logf("%d cells of truth, told in %s; %.4g bytes where %.4g were expected, %.4g viewers times slots where %.4g were", lines, time.Since(began).Round(time.Millisecond), bytes, want, watched, slots)
}
