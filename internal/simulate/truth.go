package simulate

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"sync"

	"vigie/internal/event"
)

// Requests is what was sent of one second, one CDN and one ISP, by event time, in real requests:
// lines times their weight.
type Requests struct {
	Second       int64  `json:"second"` // Unix
	CDN          string `json:"cdn"`
	ISP          string `json:"isp"`
	Requests     uint64 `json:"requests"`
	Bytes        uint64 `json:"bytes"`
	Errors       uint64 `json:"errors"`        // status 5xx
	ClientErrors uint64 `json:"client_errors"` // status 4xx, the blocked included
	Blocked      uint64 `json:"blocked"`       // as far as the CDN's format can say so
}

// Quality is what one tool reported of ten seconds, one CDN and one ISP, in real viewers: beacons'
// counters times their weight.
type Quality struct {
	Second       int64  `json:"second"` // Unix, a multiple of 10
	Tool         string `json:"tool"`
	CDN          string `json:"cdn"`
	ISP          string `json:"isp"` // empty for players that post their own: their address is the simulator's
	Beacons      uint64 `json:"beacons"`
	Requested    uint64 `json:"requested"` // playbackRequest
	Startups     uint64 `json:"startups"`  // playbackStart
	StartupMS    uint64 `json:"startup_ms"`
	Failures     uint64 `json:"failures"` // playbackFail
	Finishes     uint64 `json:"finishes"` // playbackFinish
	PlayingMS    uint64 `json:"playing_ms"`
	RebufferMS   uint64 `json:"rebuffering_ms"`
	Stalls       uint64 `json:"stalls"`
	BitsPlayed   uint64 `json:"bits_played"`
	CDNBytes     uint64 `json:"cdn_bytes"`
	PeerBytes    uint64 `json:"p2p_down_bytes"`
	PeerUploaded uint64 `json:"p2p_up_bytes"`
}

// Served is what Prometheus saw a backend do between two scrapes.
type Served struct {
	From     int64  `json:"from"`  // Unix, the first second
	Until    int64  `json:"until"` // the first second that is not in it
	Service  string `json:"service"`
	Requests uint64 `json:"requests"`
	Errors   uint64 `json:"errors"` // status 5xx
}

// Unsettled is a batch that may have arrived or not: every try ended without an answer that says.
type Unsettled struct {
	Source   string     `json:"source"`
	Requests []Requests `json:"requests,omitempty"`
	Quality  []Quality  `json:"quality,omitempty"`
	Services []Served   `json:"services,omitempty"`
}

// Truth is what the collectors acknowledged so far, in order of time. The last twelve hours are kept.
type Truth struct {
	Requests  []Requests
	Quality   []Quality
	Services  []Served
	Unsettled []Unsettled
}

// WriteTo writes the truth as NDJSON: an object by line, {"requests":{…}}, {"quality":{…}},
// {"service":{…}} or {"unsettled":{…}}.
func (t Truth) WriteTo(w io.Writer) (int64, error) {
	count := &counter{to: w}
	buf := bufio.NewWriter(count)
	enc := json.NewEncoder(buf)
	type record struct {
		Requests  *Requests  `json:"requests,omitempty"`
		Quality   *Quality   `json:"quality,omitempty"`
		Service   *Served    `json:"service,omitempty"`
		Unsettled *Unsettled `json:"unsettled,omitempty"`
	}
	for i := range t.Requests {
		if err := enc.Encode(record{Requests: &t.Requests[i]}); err != nil {
			return count.n, err
		}
	}
	for i := range t.Quality {
		if err := enc.Encode(record{Quality: &t.Quality[i]}); err != nil {
			return count.n, err
		}
	}
	for i := range t.Services {
		if err := enc.Encode(record{Service: &t.Services[i]}); err != nil {
			return count.n, err
		}
	}
	for i := range t.Unsettled {
		if err := enc.Encode(record{Unsettled: &t.Unsettled[i]}); err != nil {
			return count.n, err
		}
	}
	err := buf.Flush()
	return count.n, err
}

type counter struct {
	to io.Writer
	n  int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}

type place struct {
	second int64
	tool   uint8
	cdn    uint8
	isp    uint8
}

// nowhere is the ISP of players that post their own beacons.
const nowhere = 0xff

type requestSum struct {
	requests, bytes, errors, clientErrors, blocked uint64
}

type qualitySum struct {
	beacons, requested, startups, startupMS, failures, finishes, playing, rebuffering, stalls uint64
	bits, cdnBytes, peerBytes, uploaded                                                       uint64
}

func (a *requestSum) add(b *requestSum) {
	a.requests += b.requests
	a.bytes += b.bytes
	a.errors += b.errors
	a.clientErrors += b.clientErrors
	a.blocked += b.blocked
}

func (a *qualitySum) add(b *qualitySum) {
	a.beacons += b.beacons
	a.requested += b.requested
	a.startups += b.startups
	a.startupMS += b.startupMS
	a.failures += b.failures
	a.finishes += b.finishes
	a.playing += b.playing
	a.rebuffering += b.rebuffering
	a.stalls += b.stalls
	a.bits += b.bits
	a.cdnBytes += b.cdnBytes
	a.peerBytes += b.peerBytes
	a.uploaded += b.uploaded
}

// tally is what one batch says, added up.
type tally struct {
	requests map[place]*requestSum
	quality  map[place]*qualitySum
	services []scraped
	last     [maxISPs]*requestSum // those of second and cdn, to save the map
	second   int64
	cdn      uint8
}

func (t *tally) line(sec int64, l *line, weight uint64) {
	if t.requests == nil {
		t.requests = make(map[place]*requestSum)
	}
	if sec != t.second || l.cdn != t.cdn {
		t.second, t.cdn = sec, l.cdn
		clear(t.last[:])
	}
	s := t.last[l.isp]
	if s == nil {
		at := place{second: sec, cdn: l.cdn, isp: l.isp}
		if s = t.requests[at]; s == nil {
			s = new(requestSum)
			t.requests[at] = s
		}
		t.last[l.isp] = s
	}
	sum := l.sum(weight)
	s.add(&sum)
}

// sum is what a line adds to the truth.
func (l *line) sum(weight uint64) requestSum {
	s := requestSum{requests: weight, bytes: weight * l.bytes}
	switch {
	case l.status >= 500:
		s.errors = weight
	case l.status >= 400:
		s.clientErrors = weight
	}
	if l.blocked {
		s.blocked = weight
	}
	return s
}

func (t *tally) beat(sec int64, q *beat, weight uint64) {
	if t.quality == nil {
		t.quality = make(map[place]*qualitySum)
	}
	at := place{second: sec - sec%10, tool: q.tool, cdn: q.cdn, isp: q.viewer.isp}
	if q.direct {
		at.isp = nowhere
	}
	s := t.quality[at]
	if s == nil {
		s = new(qualitySum)
		t.quality[at] = s
	}
	s.beacons += weight
	switch q.event {
	case event.EventRequest:
		s.requested += weight
	case event.EventStart:
		s.startups += weight
		s.startupMS += weight * uint64(q.startup)
	case event.EventFail:
		s.failures += weight
	case event.EventFinish:
		s.finishes += weight
	}
	s.playing += weight * uint64(q.playing)
	s.rebuffering += weight * uint64(q.rebuffering)
	s.stalls += weight * uint64(q.stalls)
	s.bits += weight * q.bitsPlayed
	s.cdnBytes += weight * q.cdnBytes
	s.peerBytes += weight * q.peerBytes
	s.uploaded += weight * q.uploaded
}

// scraped is what one scrape tells of one backend.
type scraped struct {
	backend     uint8
	from, until int64
	served
}

// ledger adds up tallies that were acknowledged. It is safe for concurrent use.
type ledger struct {
	cast *cast

	mu        sync.Mutex
	requests  map[int64][]requestSum // by second; by CDN, then ISP
	quality   map[int64]map[place]*qualitySum
	services  map[int64][]scraped // by until
	unsettled []Unsettled
}

// truthSeconds bounds the ledger, and unsettledMax the batches of unknown fate that it lists.
const (
	truthSeconds = 12 * 3600
	unsettledMax = 10000
)

func newLedger(c *cast) *ledger {
	return &ledger{cast: c, requests: make(map[int64][]requestSum), quality: make(map[int64]map[place]*qualitySum), services: make(map[int64][]scraped)}
}

// mark is one line's part of the truth.
type mark struct {
	at  place
	sum requestSum
}

func (g *ledger) settleLines(marks []mark) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range marks {
		g.request(marks[i].at, &marks[i].sum)
	}
}

func (g *ledger) request(at place, s *requestSum) {
	isps := len(g.cast.scenario.ISPs)
	row := g.requests[at.second]
	if row == nil {
		row = make([]requestSum, isps*len(g.cast.scenario.CDNs))
		g.requests[at.second] = row
		delete(g.requests, at.second-truthSeconds)
	}
	row[int(at.cdn)*isps+int(at.isp)].add(s)
}

func (g *ledger) settle(t *tally) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for at, s := range t.requests {
		g.request(at, s)
	}
	for at, s := range t.quality {
		row := g.quality[at.second]
		if row == nil {
			row = make(map[place]*qualitySum)
			g.quality[at.second] = row
			delete(g.quality, at.second-truthSeconds)
		}
		if sum := row[at]; sum != nil {
			sum.add(s)
		} else {
			copied := *s
			row[at] = &copied
		}
	}
	for _, s := range t.services {
		g.services[s.until] = append(g.services[s.until], s)
		delete(g.services, s.until-truthSeconds)
	}
}

func (g *ledger) servedOf(s *scraped) Served {
	return Served{s.from, s.until, g.cast.scenario.Backends[s.backend].Name, s.requests, s.errors}
}

func (g *ledger) leaveOpen(source string, t *tally) {
	u := Unsettled{Source: source}
	for at, s := range t.requests {
		u.Requests = append(u.Requests, g.requestsOf(at, s))
	}
	for at, s := range t.quality {
		u.Quality = append(u.Quality, g.qualityOf(at, s))
	}
	for i := range t.services {
		u.Services = append(u.Services, g.servedOf(&t.services[i]))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.unsettled) < unsettledMax {
		g.unsettled = append(g.unsettled, u)
	}
}

func (g *ledger) ispName(i uint8) string {
	if i == nowhere {
		return ""
	}
	return g.cast.scenario.ISPs[i].Name
}

func (g *ledger) requestsOf(at place, s *requestSum) Requests {
	return Requests{at.second, g.cast.scenario.CDNs[at.cdn].Name, g.ispName(at.isp), s.requests, s.bytes, s.errors, s.clientErrors, s.blocked}
}

func (g *ledger) qualityOf(at place, s *qualitySum) Quality {
	return Quality{
		at.second, g.cast.scenario.Tools[at.tool].Name, g.cast.scenario.CDNs[at.cdn].Name, g.ispName(at.isp),
		s.beacons, s.requested, s.startups, s.startupMS, s.failures, s.finishes, s.playing, s.rebuffering, s.stalls,
		s.bits, s.cdnBytes, s.peerBytes, s.uploaded,
	}
}

func (g *ledger) truth() Truth {
	isps := len(g.cast.scenario.ISPs)
	g.mu.Lock()
	defer g.mu.Unlock()
	t := Truth{Unsettled: slices.Clone(g.unsettled)}
	for sec, row := range g.requests {
		for i := range row {
			if row[i].requests > 0 {
				t.Requests = append(t.Requests, g.requestsOf(place{second: sec, cdn: uint8(i / isps), isp: uint8(i % isps)}, &row[i]))
			}
		}
	}
	for _, row := range g.quality {
		for at, s := range row {
			t.Quality = append(t.Quality, g.qualityOf(at, s))
		}
	}
	for _, row := range g.services {
		for i := range row {
			t.Services = append(t.Services, g.servedOf(&row[i]))
		}
	}
	slices.SortFunc(t.Services, func(a, b Served) int {
		return cmp.Or(cmp.Compare(a.Until, b.Until), cmp.Compare(a.Service, b.Service))
	})
	slices.SortFunc(t.Requests, func(a, b Requests) int {
		return cmp.Or(cmp.Compare(a.Second, b.Second), cmp.Compare(a.CDN, b.CDN), cmp.Compare(a.ISP, b.ISP))
	})
	slices.SortFunc(t.Quality, func(a, b Quality) int {
		return cmp.Or(cmp.Compare(a.Second, b.Second), cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.CDN, b.CDN), cmp.Compare(a.ISP, b.ISP))
	})
	return t
}
