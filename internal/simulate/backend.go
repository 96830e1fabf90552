package simulate

import (
	"context"
	"math"
	"strconv"
	"time"
)

// Backend is a service behind the API that tells of itself, as Prometheus sees it.
type Backend struct {
	Name        string        `yaml:"name"`
	PerMinute   float64       `yaml:"per_minute"`  // requests by viewer, in bursts more
	OnJoin      float64       `yaml:"on_join"`     // requests by visit, as it starts
	Median      time.Duration `yaml:"median"`      // of its answers; 0 is 20ms
	Errors      float64       `yaml:"errors"`      // share of 5xx on a good day, 0 to 0.1
	Load        float64       `yaml:"load"`        // of its processors in its busiest minute; 0 is 0.5
	Connections int           `yaml:"connections"` // of its pool to a database; 0 is no pool
	Attacked    float64       `yaml:"attacked"`    // requests that come through by request of an attack
}

// Scrape is how Prometheus looks at the backends and sends on what it saw.
type Scrape struct {
	Source string        `yaml:"source"` // id at the collectors; empty is "services"
	Every  time.Duration `yaml:"every"`  // wall clock; 0 is 10s
}

// The status codes that backends answer with.
var backendCodes = [...]string{"200", "401", "404", "500", "503"}

const (
	code200 = iota
	code401
	code404
	code500
	code503
)

// backendEdges are the upper edges of http_request_duration_seconds, those of Prometheus's client, in
// seconds.
var backendEdges = [...]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Durations are log-normal: p95 is 2.7 times the median, the mean 1.2 times.
const durationSpread = 0.6

var durationMean = math.Exp(durationSpread * durationSpread / 2)

// refusedAttacks is the share of an attack's requests at a backend that end in a 5xx; the others are
// wrong passwords.
const refusedAttacks = 0.03

// ask is what comes to a backend in one second.
type ask struct {
	usual  float64 // of viewers
	attack float64
	failed float64 // added share of 5xx
	slow   float64 // factor on the median
}

// asked tells what comes to a backend in a second, a whole one by its wall clock.
func (c *cast) asked(b *Backend, viewers float64, incidents []*Incident, sec int64) ask {
	a := ask{usual: c.usual(b, viewers, sec), slow: 1}
	for _, in := range incidents {
		switch x := in.intensity(sec); {
		case x == 0:
		case in.Kind == Degraded && in.Service == b.Name:
			a.failed += in.Share * x
			a.slow *= 1 + (in.Slow-1)*x
		case in.Kind == Attack && b.Attacked > 0:
			a.attack += in.Share * x * c.peakLines * float64(c.requestWeight) * b.Attacked
			a.slow *= 1 + 1.5*x
		}
	}
	a.failed = min(a.failed, 1)
	return a
}

// usual is how many requests viewers make to a backend in a second. What is asked once a visit follows
// those who come: the audience's rise, and those who replace the ones who leave.
func (c *cast) usual(b *Backend, viewers float64, sec int64) float64 {
	at := c.clock.match(time.Unix(sec, 0))
	now, next := c.audience.at(at), c.audience.at(c.clock.match(time.Unix(sec+1, 0)))
	coming := max(next-now, 0) + now/c.scenario.Stay.Seconds()
	return viewers * (now*b.PerMinute/60*c.burst(at) + coming*b.OnJoin)
}

// targets are the backends as one Prometheus scrapes them: what each has counted since it started.
type targets struct {
	cast      *cast
	viewers   float64
	busiest   []float64 // by backend: requests in a second
	counted   []counted
	series    [][]seriesText // by backend
	started   bool
	instances string // of the series' names: those of one deployment
}

// counted is what a backend has counted, and its gauges.
type counted struct {
	codes     [len(backendCodes)]float64
	timed     [len(backendEdges) + 1]float64 // at most the edge; the last is all
	seconds   float64
	processor float64 // 0 to 1
	pool      float64 // connections in use
	told      served  // until the scrape before
	at        int64   // of the scrape before
}

// served is what a scrape tells that a backend did: counters, whole numbers as they are sent.
type served struct{ requests, errors uint64 }

func (c *cast) newTargets(viewers int, instances string) *targets {
	s := c.scenario
	t := &targets{cast: c, viewers: float64(viewers), instances: instances, counted: make([]counted, len(s.Backends)), busiest: make([]float64, len(s.Backends))}
	for i := range s.Backends {
		b := &s.Backends[i]
		t.series = append(t.series, seriesOf(b, instances))
		for _, p := range s.Audience {
			for _, near := range [...]time.Duration{-time.Minute, 0, time.Minute} {
				t.busiest[i] = max(t.busiest[i], c.usual(b, t.viewers, c.clock.wall(p.At+near).Unix()))
			}
		}
		for _, burst := range s.Bursts {
			t.busiest[i] = max(t.busiest[i], c.usual(b, t.viewers, c.clock.wall(burst.At+burst.For/2).Unix()))
		}
	}
	return t
}

// second lets a second pass.
func (t *targets) second(incidents []*Incident, sec int64) {
	for i := range t.counted {
		b, n := &t.cast.scenario.Backends[i], &t.counted[i]
		a := t.cast.asked(b, t.viewers, incidents, sec)
		a.usual *= 0.97 + 0.06*unit(mix(t.cast.seed^uint64(sec/5)^uint64(i)<<48))
		all := a.usual + a.attack
		errors := a.usual*min(b.Errors+a.failed, 1) + a.attack*refusedAttacks
		denied := a.attack * (1 - refusedAttacks)
		if b.OnJoin > 0 {
			denied += 0.02 * a.usual
		}
		lost := 0.002 * a.usual
		n.codes[code401] += denied
		n.codes[code404] += lost
		n.codes[code503] += 0.7 * errors
		n.codes[code500] += 0.3 * errors
		n.codes[code200] += max(all-denied-lost-errors, 0)
		// What fails is not timed, as in a server that sheds load before it starts to work.
		timed, median := max(all-errors, 0), b.Median.Seconds()*a.slow
		for j, edge := range backendEdges {
			n.timed[j] += timed * normal(math.Log(edge/median)/durationSpread)
		}
		n.timed[len(backendEdges)] += timed
		mean := median * durationMean
		n.seconds += timed * mean
		const idle = 0.06
		n.processor = min(idle+(b.Load-idle)*all/max(t.busiest[i], math.SmallestNonzeroFloat64), 1)
		n.pool = min(math.Ceil(all*mean), float64(b.Connections)) // Little's law
	}
}

// normal is the distribution function of the standard normal distribution.
func normal(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// due tells whether a backend is scraped as a second begins: not all at the same moment, save the
// first time.
func (t *targets) due(i int, sec int64) bool {
	every := int64(t.cast.scenario.Scrape.Every / time.Second)
	return !t.started || (sec+int64(i))%every == 0
}

// scrape appends to a parcel what a backend shows as a second begins: all before it.
func (t *targets) scrape(p *parcel, i int, sec int64) {
	n := &t.counted[i]
	millis := sec*1000 - 1 - int64(mix(uint64(i))%400) // within the second that ended
	p.buf = t.write(p.buf, i, millis)
	p.lines += len(t.series[i])
	var now served
	for code, count := range n.codes {
		now.requests += uint64(count)
		if code >= code500 {
			now.errors += uint64(count)
		}
	}
	if t.started {
		p.tally.services = append(p.tally.services, scraped{uint8(i), n.at, sec, served{now.requests - n.told.requests, now.errors - n.told.errors}})
	}
	n.told, n.at = now, sec
}

// scrapeDue scrapes the backends whose turn it is as a second begins.
func (t *targets) scrapeDue(p *parcel, sec int64) {
	for i := range t.counted {
		if t.due(i, sec) {
			t.scrape(p, i, sec)
		}
	}
	t.started = true
}

const (
	sendScrapes   = 5                // seconds between Prometheus's bodies, its batch_send_deadline
	historyScrape = 30 * time.Second // between the scrapes of history
	historyBodies = 4                // scrapes in one of its bodies
)

// scrapes tells whether this match tells of backends.
func (m *Match) scrapes() bool {
	if len(m.cfg.Scenario.Backends) == 0 {
		return false
	}
	_, has := m.cfg.Tokens[m.cfg.Scenario.Scrape.Source]
	return has || m.cfg.Tokens == nil
}

// deployment names the instances of backends that started at a second. A series of history never goes
// on live: what came later could not be told before it.
func deployment(seed uint64, from int64) string {
	return strconv.FormatUint(mix(seed^uint64(from))>>32, 16)
}

// scrapedBefore sends what Prometheus saw from first to last, in order of time, and returns how many
// samples that were.
func (m *Match) scrapedBefore(ctx context.Context, first, last int64, incidents []*Incident, e *edge) (sent int, err error) {
	t := m.cast.newTargets(m.cfg.Viewers, deployment(m.cfg.Seed, first))
	every := int64(max(historyScrape, m.cfg.Scenario.Scrape.Every) / time.Second)
	bodies := 0
	for sec := first; sec <= last; sec++ {
		if (sec-first)%every == 0 || sec == last {
			if silent, _ := interference(incidents, e.to.source, sec); !silent {
				for i := range t.counted {
					t.scrape(&e.parcel, i, sec)
				}
				t.started = true
			}
			if bodies++; e.lines > 0 && (bodies%historyBodies == 0 || sec == last) {
				sent += e.lines
				b := e.seal(formatRemoteWrite, e.to.source, 1, time.Time{})
				b.path += "?backfill=1"
				if err := e.to.put(ctx, b); err != nil {
					return sent, err
				}
			}
		}
		t.second(incidents, sec)
	}
	return sent, nil
}
