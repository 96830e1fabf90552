package simulate

import (
	"math"
	"testing"
	"time"
)

// told lets a backend count for some seconds of the match and returns what it counted.
func told(t *testing.T, m *Match, name string, from time.Duration, seconds int64, incidents ...*Incident) counted {
	t.Helper()
	all := m.cast.newTargets(m.cfg.Viewers, "a")
	first := m.WallTime(from).Unix()
	for sec := first; sec < first+seconds; sec++ {
		all.second(incidents, sec)
	}
	for i, b := range m.cfg.Scenario.Backends {
		if b.Name == name {
			return all.counted[i]
		}
	}
	t.Fatalf("no backend is called %s", name)
	return counted{}
}

func (n *counted) requests() (sum float64) {
	for _, v := range n.codes {
		sum += v
	}
	return sum
}

func (n *counted) failures() float64 { return (n.codes[code500] + n.codes[code503]) / n.requests() }

// p95 is where 95 % of what was timed lies, in seconds, straight between edges.
func (n *counted) p95() float64 {
	want, below, low := 0.95*n.timed[len(backendEdges)], 0.0, 0.0
	for i, edge := range backendEdges {
		if n.timed[i] >= want {
			return low + (edge-low)*(want-below)/(n.timed[i]-below)
		}
		below, low = n.timed[i], edge
	}
	return math.Inf(1)
}

func TestWhatIsAskedOnceAVisitFollowsThoseWhoCome(t *testing.T) {
	m := calm(t)
	rate := func(name string, at time.Duration) float64 {
		n := told(t, m, name, at, 60)
		return n.requests() / 60
	}
	for _, name := range []string{"login", "compte", "drm", "player-cfg"} {
		rush, play := rate(name, -2*time.Minute), rate(name, 30*time.Minute)
		if rush < 3*play {
			t.Errorf("%s: %.0f requests/s in the rush, %.0f in the match: it does not follow arrivals", name, rush, play)
		}
	}
	for _, name := range []string{"stats", "scores", "manifest"} {
		rush, play := rate(name, -2*time.Minute), rate(name, 30*time.Minute)
		if play < rush {
			t.Errorf("%s: %.0f requests/s in the rush, %.0f in the match: it does not follow the audience", name, rush, play)
		}
	}
	if half, play := rate("scores", 55*time.Minute), rate("scores", 40*time.Minute); half < 1.8*play {
		t.Errorf("scores: %.0f requests/s at half-time, %.0f before it", half, play)
	}
}

func TestADegradedBackendFailsAndIsSlowAndItsNeighboursAreNot(t *testing.T) {
	m := calm(t)
	in := Incident{Kind: Degraded, Service: "login"}
	if err := m.cfg.Scenario.check(&in); err != nil {
		t.Fatal(err)
	}
	in.Start, in.End = m.WallTime(30*time.Minute), m.WallTime(40*time.Minute)
	at := 32 * time.Minute
	usual, got := told(t, m, "login", at, 60), told(t, m, "login", at, 60, &in)
	if f := got.failures(); f < 0.19 || f > 0.22 {
		t.Errorf("%.3f of its requests fail, wants 0.2 and a little", f)
	}
	if f := usual.failures(); f > 0.003 {
		t.Errorf("%.4f fail on a good day", f)
	}
	if slower := got.p95() / usual.p95(); slower < 4 || slower > 6 {
		t.Errorf("its p95 went from %.3f to %.3f s, wants five times", usual.p95(), got.p95())
	}
	if got.pool <= usual.pool {
		t.Errorf("%v connections in use, usually %v", got.pool, usual.pool)
	}
	if a, b := told(t, m, "droits", at, 60), told(t, m, "droits", at, 60, &in); a != b {
		t.Error("another backend changed too")
	}
}

func TestAnAttackReachesTheBackendItIsAimedAt(t *testing.T) {
	m := calm(t)
	in := Incident{Kind: Attack, CDN: "akamai"}
	if err := m.cfg.Scenario.check(&in); err != nil {
		t.Fatal(err)
	}
	in.Start, in.End = m.WallTime(50*time.Minute), m.WallTime(60*time.Minute)
	usual, got := told(t, m, "login", 55*time.Minute, 60), told(t, m, "login", 55*time.Minute, 60, &in)
	if got.requests() < 3*usual.requests() {
		t.Errorf("%.0f requests during an attack, usually %.0f", got.requests(), usual.requests())
	}
	if f := got.failures(); f < 0.01 || f > 0.05 {
		t.Errorf("%.3f of its requests fail during an attack", f)
	}
	if wrong := got.codes[code401] / got.requests(); wrong < 0.5 {
		t.Errorf("%.2f are wrong passwords", wrong)
	}
	if a, b := told(t, m, "epg", 55*time.Minute, 60), told(t, m, "epg", 55*time.Minute, 60, &in); a != b {
		t.Error("a backend that it is not aimed at changed")
	}
}

func TestBackendsAreBusyAsTheScenarioSaysAtTheirBusiest(t *testing.T) {
	m := calm(t)
	busiest := make([]float64, len(m.cfg.Scenario.Backends))
	all := m.cast.newTargets(m.cfg.Viewers, "a")
	for at := -90 * time.Minute; at < 200*time.Minute; at += 10 * time.Second {
		all.second(nil, m.WallTime(at).Unix())
		for i := range all.counted {
			busiest[i] = max(busiest[i], all.counted[i].processor)
		}
	}
	for i, b := range m.cfg.Scenario.Backends {
		if busiest[i] < 0.9*b.Load || busiest[i] > 1.35*b.Load {
			t.Errorf("%s: %.2f of its processors at its busiest, wants %.2f", b.Name, busiest[i], b.Load)
		}
	}
}

func TestBackendsAreScrapedInTurnAndAllAtTheStart(t *testing.T) {
	m := calm(t)
	all := m.cast.newTargets(m.cfg.Viewers, "a")
	n, every := len(m.cfg.Scenario.Backends), int64(m.cfg.Scenario.Scrape.Every/time.Second)
	start := m.cfg.Start.Unix()
	for sec := start; sec <= start+2*every; sec++ {
		var p parcel
		all.scrapeDue(&p, sec)
		want := n / int(every)
		if sec == start {
			want = n
		}
		samples := 0
		for i := range all.series {
			samples += len(all.series[i])
		}
		if got := p.lines; got < want*samples/n-2*want || got > want*samples/n+2*want {
			t.Errorf("second %d: %d samples, wants those of about %d backends", sec-start, got, want)
		}
		all.second(nil, sec)
	}
}

func TestASilentPrometheusTellsLaterWhatWasCounted(t *testing.T) {
	r := newRecorder(t)
	m := r.plays(func(c *Config) {
		at(30 * time.Minute)(c)
		s, err := Final()
		if err != nil {
			t.Fatal(err)
		}
		start := kickOff.Add(30 * time.Minute)
		s.Incidents = []Incident{{Kind: Silence, Source: "services", At: 30*time.Minute + 20*time.Second, For: 40 * time.Second, Ramp: time.Second}}
		c.Scenario, c.Start, c.Rate = s, start, 50
	})
	from := m.cfg.Start.Unix()
	m.play(t.Context(), from, from+90, false)
	r.agrees(m.Truth())
	longest := int64(0)
	for _, s := range m.Truth().Services {
		longest = max(longest, s.Until-s.From)
	}
	if longest != 50 {
		t.Errorf("the longest time between two scrapes is %d s, wants 50: 40 of silence and up to 10 more", longest)
	}
}

func TestNoScrapesAreSentWhereTheirSourceHasNoToken(t *testing.T) {
	r := newRecorder(t)
	m := r.plays(func(c *Config) { c.Tokens, c.Rate = map[string]string{"akamai": "x"}, 50 })
	from := m.cfg.Start.Unix()
	m.play(t.Context(), from, from+12, false)
	if r.bodies["/ingest/services"] != 0 || r.bodies["/ingest/akamai"] == 0 {
		t.Errorf("bodies by path: %v", r.bodies)
	}
}
