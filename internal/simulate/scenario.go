package simulate

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Scenario is a match as a file describes it. Shares are relative to their list: they need not
// sum to 1. Durations are match time unless said otherwise; `at` counts from kick-off and may be
// negative. docs/simulator.md lists every key.
type Scenario struct {
	Name     string        `yaml:"name"`
	Viewers  int           `yaml:"viewers"`  // concurrent viewers where the audience curve is 1
	Sessions int           `yaml:"sessions"` // simulated sessions at that point, at most; 0 is 6000
	Lead     time.Duration `yaml:"lead"`     // live sending starts this long before kick-off
	Stay     time.Duration `yaml:"stay"`     // mean length of a visit in wall-clock time; 0 is 25m

	Audience  []Point    `yaml:"audience"`
	Goals     []Goal     `yaml:"goals"`
	Bursts    []Burst    `yaml:"bursts"`
	ISPs      []ISP      `yaml:"isps"`
	CDNs      []CDN      `yaml:"cdns"`
	Channels  []Channel  `yaml:"channels"`
	Devices   []Device   `yaml:"devices"`
	Tools     []Tool     `yaml:"tools"`
	Services  []Service  `yaml:"services"`
	Scrape    Scrape     `yaml:"scrape"`
	Backends  []Backend  `yaml:"backends"`
	Incidents []Incident `yaml:"incidents"`
}

// Point is one knot of the audience curve.
type Point struct {
	At    time.Duration `yaml:"at"`
	Share float64       `yaml:"share"` // of Scenario.Viewers, 0 to 2
	Phase string        `yaml:"phase"` // the name of what begins here; optional
}

// Goal is a moment that makes people come back: the audience rises by Bump within half a minute
// and forgets it over the next minutes.
type Goal struct {
	At   time.Duration `yaml:"at"`
	Team string        `yaml:"team"`
	Bump float64       `yaml:"bump"` // of Scenario.Viewers, 0 to 0.5
}

// Burst multiplies what viewers ask of the services, as half-time does.
type Burst struct {
	At     time.Duration `yaml:"at"`
	For    time.Duration `yaml:"for"`
	Factor float64       `yaml:"factor"` // 1 to 50
}

// ISP is a network that viewers come from, or, where Hosting, that attacks come from.
type ISP struct {
	Name       string  `yaml:"name"`
	ASN        uint32  `yaml:"asn"` // 0 is a network that no table knows
	Country    string  `yaml:"country"`
	Share      float64 `yaml:"share"`
	Latency    float64 `yaml:"latency"`    // times the CDN's first byte; 0 is 1
	Throughput float64 `yaml:"throughput"` // median of its lines, Mbit/s; 0 is 40
	Hosting    bool    `yaml:"hosting"`
}

// CDN is one delivery network and the way its logs travel.
type CDN struct {
	Name      string             `yaml:"name"`   // also the source's id at the collectors
	Format    string             `yaml:"format"` // akamai, ndjson or nginx
	Host      string             `yaml:"host"`
	Share     float64            `yaml:"share"`
	ShareAt   map[string]float64 `yaml:"share_at"`   // by ISP, instead of Share
	FirstByte time.Duration      `yaml:"first_byte"` // median of a cache hit; 0 is 20ms
	Hit       float64            `yaml:"hit"`        // share of segments served from cache; 0 is 0.97
	Errors    float64            `yaml:"errors"`     // share of 5xx on a good day, 0 to 0.1
	Every     []time.Duration    `yaml:"every"`      // wall clock; one posting edge for each; empty is 2s, 3s, 4s, 6s
	Delay     time.Duration      `yaml:"delay"`      // wall clock; how late its batches leave by nature
	PoPs      []string           `yaml:"pops"`
}

// Channel is one live stream.
type Channel struct {
	Name   string  `yaml:"name"`
	Share  float64 `yaml:"share"`
	Device string  `yaml:"device"` // only there; empty is everywhere
	Kbps   uint32  `yaml:"kbps"`   // instead of the device's ladder; 0 is the ladder
}

// Device is what people watch on.
type Device struct {
	Name      string  `yaml:"name"`
	Share     float64 `yaml:"share"`
	Player    string  `yaml:"player"` // name and version, as its beacons say
	UserAgent string  `yaml:"user_agent"`
	Ladder    []Rung  `yaml:"ladder"`
	P2P       P2P     `yaml:"p2p"`
}

// Rung is a bitrate and how much of a device's audience gets it.
type Rung struct {
	Kbps  uint32  `yaml:"kbps"`
	Share float64 `yaml:"share"`
}

// P2P says how much the peers of a device's audience carry.
type P2P struct {
	Capable float64 `yaml:"capable"` // share of the device's sessions that have peers
	Offload float64 `yaml:"offload"` // share of their media bytes that come from peers
}

// Tool measures viewers. A session is measured by every tool that it carries, each at its own
// moments and with its own eye.
type Tool struct {
	Name       string        `yaml:"name"`
	Source     string        `yaml:"source"`      // the source's id at the collectors; empty is Name
	Share      float64       `yaml:"share"`       // of the sessions, 0 to 1
	Every      time.Duration `yaml:"every"`       // between its posts, wall clock; 0 is 2s
	Startup    float64       `yaml:"startup"`     // what it reports for a real second of start-up; 0 is 1
	Rebuffer   float64       `yaml:"rebuffer"`    // the same for stalls; 0 is 1
	StallFloor time.Duration `yaml:"stall_floor"` // shorter stalls escape it
	Loss       float64       `yaml:"loss"`        // share of its beacons that never leave the player
	Direct     float64       `yaml:"direct"`      // share of its sessions that post to /beacon themselves
}

// Service is one part of the API behind the CDNs.
type Service struct {
	Name      string  `yaml:"name"`
	Path      string  `yaml:"path"`
	Method    string  `yaml:"method"`     // empty is GET
	Host      string  `yaml:"host"`       // empty is the CDN's own
	CDN       string  `yaml:"cdn"`        // empty is the session's own
	PerMinute float64 `yaml:"per_minute"` // requests by viewer
	OnJoin    float64 `yaml:"on_join"`    // requests by visit, as it starts
	Bytes     int     `yaml:"bytes"`      // of an answer; 0 is 1200
}

//go:embed scenarios/final.yaml
var finalYAML []byte

// Final is the scenario that comes with Vigie: Argentina–France, a World Cup final with extra time
// and penalties, 2.4 million concurrent viewers and 3.6 Tbit/s at the peak.
func Final() (*Scenario, error) { return Load(bytes.NewReader(finalYAML)) }

//go:embed scenarios/semifinal.yaml
var semiFinalYAML []byte

// SemiFinal is an earlier match to compare the final with: its audience peaks at seven tenths of the
// final's, and it is over in ninety minutes. It is told by few sessions, so that an evening of it is
// sent in seconds.
func SemiFinal() (*Scenario, error) {
	s, err := Final()
	if err != nil {
		return nil, err
	}
	return load(bytes.NewReader(semiFinalYAML), s)
}

// Load reads a scenario. Unknown keys are errors that name their line; values out of range are
// errors that name the key. What is read is at most 1 MB.
func Load(r io.Reader) (*Scenario, error) { return load(r, new(Scenario)) }

// load reads what a text says over what s has.
func load(r io.Reader, s *Scenario) (*Scenario, error) {
	const limit = 1 << 20
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	if len(text) > limit {
		return nil, errors.New("read scenario: longer than 1 MB")
	}
	if err := checkDurations(text); err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(s); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("read scenario: the file is empty")
		}
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	s.setDefaults()
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	return s, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (s *Scenario) setDefaults() {
	setDefault(&s.Sessions, 6000)
	setDefault(&s.Stay, 25*time.Minute)
	for i := range s.ISPs {
		p := &s.ISPs[i]
		setDefault(&p.Country, "FR")
		setDefault(&p.Latency, 1)
		setDefault(&p.Throughput, 40)
	}
	for i := range s.CDNs {
		c := &s.CDNs[i]
		setDefault(&c.FirstByte, 20*time.Millisecond)
		setDefault(&c.Hit, 0.97)
		if len(c.Every) == 0 {
			c.Every = []time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second, 6 * time.Second}
		}
		if len(c.PoPs) == 0 {
			c.PoPs = []string{"PAR"}
		}
	}
	for i := range s.Tools {
		t := &s.Tools[i]
		setDefault(&t.Source, t.Name)
		setDefault(&t.Every, 2*time.Second)
		setDefault(&t.Startup, 1)
		setDefault(&t.Rebuffer, 1)
	}
	for i := range s.Services {
		setDefault(&s.Services[i].Method, "GET")
		setDefault(&s.Services[i].Bytes, 1200)
	}
	setDefault(&s.Scrape.Source, "services")
	setDefault(&s.Scrape.Every, 10*time.Second)
	for i := range s.Backends {
		b := &s.Backends[i]
		setDefault(&b.Median, 20*time.Millisecond)
		setDefault(&b.Load, 0.5)
	}
}

// The sizes that lists may have: indexes fit a byte, networks fit the benchmark range, and a
// session's tools fit a mask.
const (
	maxISPs  = 31
	maxCDNs  = 16
	maxTools = 8
	maxList  = 200
)

func (s *Scenario) validate() error {
	var c checker
	c.between("viewers", float64(s.Viewers), 1, 1e9)
	c.between("sessions", float64(s.Sessions), 1, 1e6)
	c.between("lead", s.Lead.Minutes(), -600, 600)
	c.between("stay", s.Stay.Minutes(), 0.5, 600)

	c.length("audience", len(s.Audience), 2, maxList)
	for i, p := range s.Audience {
		at := fmt.Sprintf("audience[%d].", i)
		c.between(at+"share", p.Share, 0, 2)
		c.between(at+"at", p.At.Hours(), -24, 24)
		if i > 0 && p.At <= s.Audience[i-1].At {
			c.fail(at+"at", "%s does not come after %s: points go forward in time", p.At, s.Audience[i-1].At)
		}
	}
	c.length("goals", len(s.Goals), 0, maxList)
	for i, g := range s.Goals {
		c.between(fmt.Sprintf("goals[%d].bump", i), g.Bump, 0, 0.5)
	}
	c.length("bursts", len(s.Bursts), 0, maxList)
	for i, b := range s.Bursts {
		c.between(fmt.Sprintf("bursts[%d].factor", i), b.Factor, 1, 50)
		c.between(fmt.Sprintf("bursts[%d].for", i), b.For.Seconds(), 1, 86400)
	}

	c.length("isps", len(s.ISPs), 1, maxISPs)
	var isps, asns, names, sources, devices []string
	var total float64
	for i, p := range s.ISPs {
		at := fmt.Sprintf("isps[%d].", i)
		c.name(at+"name", p.Name, &isps)
		c.between(at+"share", p.Share, 0, 1e6)
		c.between(at+"latency", p.Latency, 0.1, 100)
		c.between(at+"throughput", p.Throughput, 0.1, 10000)
		if p.ASN != 0 {
			c.name(at+"asn", fmt.Sprint(p.ASN), &asns)
		}
		if len(p.Country) != 2 || strings.ToUpper(p.Country) != p.Country {
			c.fail(at+"country", "%q is not an ISO 3166-1 alpha-2 code such as FR", p.Country)
		}
		total += p.Share
	}
	c.positive("isps", total)

	c.length("cdns", len(s.CDNs), 1, maxCDNs)
	total = 0
	for i, n := range s.CDNs {
		at := fmt.Sprintf("cdns[%d].", i)
		c.name(at+"name", n.Name, &names)
		c.text(at+"host", n.Host)
		c.between(at+"share", n.Share, 0, 1e6)
		c.between(at+"first_byte", n.FirstByte.Seconds(), 0.0001, 10)
		c.between(at+"hit", n.Hit, 0, 1)
		c.between(at+"errors", n.Errors, 0, 0.1)
		c.between(at+"delay", n.Delay.Seconds(), 0, 600)
		c.length(at+"every", len(n.Every), 1, 16)
		for j, e := range n.Every {
			c.between(fmt.Sprintf("%severy[%d]", at, j), e.Seconds(), 1, 120)
		}
		for j, p := range n.PoPs {
			c.text(fmt.Sprintf("%spops[%d]", at, j), p)
		}
		if n.Format != formatAkamai && n.Format != formatNDJSON && n.Format != formatNginx {
			c.fail(at+"format", "%q is none of %s, %s, %s", n.Format, formatAkamai, formatNDJSON, formatNginx)
		}
		for isp, share := range n.ShareAt {
			c.known(at+"share_at", isp, isps)
			c.between(at+"share_at."+isp, share, 0, 1e6)
		}
		total += n.Share
	}
	c.positive("cdns", total)
	sources = slices.Clone(names)

	c.length("devices", len(s.Devices), 1, maxList)
	total = 0
	for i, d := range s.Devices {
		at := fmt.Sprintf("devices[%d].", i)
		c.name(at+"name", d.Name, &devices)
		c.player(at+"player", d.Player)
		c.text(at+"user_agent", d.UserAgent)
		c.between(at+"share", d.Share, 0, 1e6)
		c.length(at+"ladder", len(d.Ladder), 1, 32)
		var rungs float64
		for j, r := range d.Ladder {
			c.between(fmt.Sprintf("%sladder[%d].kbps", at, j), float64(r.Kbps), 16, 200000)
			c.between(fmt.Sprintf("%sladder[%d].share", at, j), r.Share, 0, 1e6)
			rungs += r.Share
		}
		c.positive(at+"ladder", rungs)
		c.between(at+"p2p.capable", d.P2P.Capable, 0, 1)
		c.between(at+"p2p.offload", d.P2P.Offload, 0, 0.95)
		total += d.Share
	}
	c.positive("devices", total)

	c.length("channels", len(s.Channels), 1, maxList)
	total = 0
	var channels []string
	for i, ch := range s.Channels {
		at := fmt.Sprintf("channels[%d].", i)
		c.name(at+"name", ch.Name, &channels)
		c.between(at+"share", ch.Share, 0, 1e6)
		c.between(at+"kbps", float64(ch.Kbps), 0, 200000)
		if ch.Device == "" {
			total += ch.Share
		} else {
			c.known(at+"device", ch.Device, devices)
		}
	}
	c.positive("channels (those of every device)", total)

	c.length("tools", len(s.Tools), 0, maxTools)
	var tools []string
	for i, t := range s.Tools {
		at := fmt.Sprintf("tools[%d].", i)
		c.name(at+"name", t.Name, &tools)
		c.name(at+"source", t.Source, &sources)
		c.between(at+"share", t.Share, 0, 1)
		c.between(at+"every", t.Every.Seconds(), 1, 120)
		c.between(at+"startup", t.Startup, 0.1, 10)
		c.between(at+"rebuffer", t.Rebuffer, 0.1, 10)
		c.between(at+"stall_floor", t.StallFloor.Seconds(), 0, 1)
		c.between(at+"loss", t.Loss, 0, 0.5)
		c.between(at+"direct", t.Direct, 0, 1)
	}

	c.length("services", len(s.Services), 0, maxList)
	for i, v := range s.Services {
		at := fmt.Sprintf("services[%d].", i)
		c.text(at+"name", v.Name)
		c.text(at+"path", v.Path)
		if !strings.HasPrefix(v.Path, "/") {
			c.fail(at+"path", "%q does not start with /", v.Path)
		}
		c.text(at+"method", v.Method)
		c.between(at+"per_minute", v.PerMinute, 0, 600)
		c.between(at+"on_join", v.OnJoin, 0, 100)
		c.between(at+"bytes", float64(v.Bytes), 1, 1e8)
		if v.Host != "" {
			c.text(at+"host", v.Host)
		}
		if v.CDN != "" {
			c.known(at+"cdn", v.CDN, names)
		}
	}

	c.name("scrape.source", s.Scrape.Source, &tools)
	c.between("scrape.every", s.Scrape.Every.Seconds(), 5, 120)
	c.length("backends", len(s.Backends), 0, maxList)
	var backends []string
	for i, b := range s.Backends {
		at := fmt.Sprintf("backends[%d].", i)
		c.name(at+"name", b.Name, &backends)
		c.between(at+"per_minute", b.PerMinute, 0, 600)
		c.between(at+"on_join", b.OnJoin, 0, 100)
		c.between(at+"median", b.Median.Seconds(), 0.0001, 60)
		c.between(at+"errors", b.Errors, 0, 0.1)
		c.between(at+"load", b.Load, 0, 1)
		c.between(at+"connections", float64(b.Connections), 0, 1e6)
		c.between(at+"attacked", b.Attacked, 0, 1)
	}

	c.length("incidents", len(s.Incidents), 0, maxIncidents/2)
	for i := range s.Incidents {
		if err := s.check(&s.Incidents[i]); err != nil && c.err == nil {
			c.err = fmt.Errorf("incidents[%d].%w", i, err)
		}
	}
	return c.err
}

// sources are the ids that the collectors know the senders by.
func (s *Scenario) sources() []string {
	var names []string
	for _, c := range s.CDNs {
		names = append(names, c.Name)
	}
	for _, t := range s.Tools {
		names = append(names, t.Source)
	}
	if len(s.Backends) > 0 {
		names = append(names, s.Scrape.Source)
	}
	return names
}

// checker keeps the first thing that is wrong.
type checker struct{ err error }

func (c *checker) fail(key, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...))
	}
}

func (c *checker) between(key string, v, lo, hi float64) {
	if !(v >= lo && v <= hi) {
		c.fail(key, "%v is not between %v and %v", v, lo, hi)
	}
}

func (c *checker) length(key string, n, lo, hi int) {
	if n < lo || n > hi {
		c.fail(key, "has %d entries, wants %d to %d", n, lo, hi)
	}
}

func (c *checker) positive(key string, total float64) {
	if total <= 0 {
		c.fail(key, "no entry has a share")
	}
}

func (c *checker) known(key, v string, among []string) {
	if !slices.Contains(among, v) {
		c.fail(key, "%q is not one of %s", v, strings.Join(among, ", "))
	}
}

// text accepts what can be written in every wire format without escaping, since encoders copy it.
func (c *checker) text(key, v string) {
	if v == "" {
		c.fail(key, "is missing")
	}
	if len(v) > 300 {
		c.fail(key, "is longer than 300 bytes")
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' || v[i] == '"' || v[i] == '\\' || v[i] == '%' {
			c.fail(key, "%q holds a byte other than printable ASCII without \", \\ and %%", v)
			return
		}
	}
}

func (c *checker) player(key, v string) {
	c.text(key, v)
	if len(v) > 64 {
		c.fail(key, "%q is longer than 64 bytes", v)
	}
}

// name accepts what collectors keep of a name and what a URL's path can hold.
func (c *checker) name(key, v string, taken *[]string) {
	c.text(key, v)
	if len(v) > 32 {
		c.fail(key, "%q is longer than 32 bytes", v)
	}
	if strings.ContainsAny(v, " /?&#") {
		c.fail(key, "%q holds a space or one of / ? & #", v)
	}
	if slices.Contains(*taken, v) {
		c.fail(key, "%q appears twice", v)
	}
	*taken = append(*taken, v)
}
