package simulate

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Kind is what goes wrong.
type Kind string

const (
	// Saturation fills the interconnect between one ISP and one CDN: first bytes three to four times
	// later, 1.5 % of 5xx, lower bitrates, stalls; steering moves viewers to other CDNs.
	Saturation Kind = "saturation"
	// CDN5xx makes a CDN answer 5xx to Share of its requests; steering moves viewers away.
	CDN5xx Kind = "cdn-5xx"
	// Silence stops a source. Nothing else changes; what it would have sent is not sent later.
	Silence Kind = "silence"
	// Late holds a source's batches for Delay.
	Late Kind = "late"
	// Attack adds Share of the peak's requests, aimed at the services from hosting networks, mostly
	// refused by security rules. What comes through to the backends that it is aimed at, as wrong
	// passwords, makes them slower.
	Attack Kind = "attack"
	// PlayerRelease rolls a player out to Share of a device's sessions, and it stalls.
	PlayerRelease Kind = "player-release"
	// Degraded makes a backend answer 5xx to Share of its requests, and Slow times later.
	Degraded Kind = "service"
)

// Kinds lists what can be injected.
func Kinds() []Kind {
	return []Kind{Saturation, CDN5xx, Silence, Late, Attack, PlayerRelease, Degraded}
}

// maxIncidents bounds those kept; the oldest that ended makes room.
const maxIncidents = 256

// ErrNoIncident says that no incident has that id.
var ErrNoIncident = errors.New("no such incident")

// Incident is something that goes wrong for a while. Empty selectors mean any; each kind refuses
// those that it has no use for.
type Incident struct {
	ID      string        `yaml:"-" json:"id"`
	Kind    Kind          `yaml:"kind" json:"kind"`
	At      time.Duration `yaml:"at" json:"-"`                      // match time; scheduled incidents only
	For     time.Duration `yaml:"for" json:"-"`                     // match time when scheduled, wall clock when injected; 0 is 5m
	Ramp    time.Duration `yaml:"ramp" json:"-"`                    // wall clock from nothing to all of it, and back; 0 is 10s
	ISP     string        `yaml:"isp" json:"isp,omitempty"`         // saturation
	CDN     string        `yaml:"cdn" json:"cdn,omitempty"`         // saturation, cdn-5xx, attack
	Source  string        `yaml:"source" json:"source,omitempty"`   // silence, late
	Share   float64       `yaml:"share" json:"share,omitempty"`     // cdn-5xx (0 is 0.1), attack (0.4), player-release (1), service (0.2)
	Steer   float64       `yaml:"steer" json:"steer,omitempty"`     // saturation, cdn-5xx: sessions moved away; 0 is 0.4, below 0 none
	Delay   time.Duration `yaml:"delay" json:"delay_ns,omitempty"`  // late; 0 is 1m
	Device  string        `yaml:"device" json:"device,omitempty"`   // player-release; empty is the first
	Player  string        `yaml:"player" json:"player,omitempty"`   // player-release; empty is its player with "-rc1"
	Service string        `yaml:"service" json:"service,omitempty"` // service: a backend's name
	Slow    float64       `yaml:"slow" json:"slow,omitempty"`       // service: factor on its durations; 0 is 5

	Start time.Time `yaml:"-" json:"start"` // wall clock, set by Inject
	End   time.Time `yaml:"-" json:"end"`   // when it begins to fade
}

// check completes an incident with defaults and names the first key that is wrong.
func (s *Scenario) check(in *Incident) error {
	var c checker
	var isps, cdns, devices []string
	for _, p := range s.ISPs {
		isps = append(isps, p.Name)
	}
	for _, n := range s.CDNs {
		cdns = append(cdns, n.Name)
	}
	for _, d := range s.Devices {
		devices = append(devices, d.Name)
	}
	setDefault(&in.For, 5*time.Minute)
	setDefault(&in.Ramp, 10*time.Second)
	c.between("for", in.For.Seconds(), 1, 86400)
	c.between("ramp", in.Ramp.Seconds(), 0.001, 3600)

	var isp, cdn, source, share, steer, delay, device, service bool
	switch in.Kind {
	case Saturation:
		isp, cdn, steer = true, true, true
		c.known("isp", in.ISP, isps)
		c.known("cdn", in.CDN, cdns)
	case CDN5xx:
		cdn, share, steer = true, true, true
		setDefault(&in.Share, 0.1)
		c.known("cdn", in.CDN, cdns)
	case Silence:
		source = true
	case Late:
		source, delay = true, true
		setDefault(&in.Delay, time.Minute)
		c.between("delay", in.Delay.Seconds(), 1, 3600)
	case Attack:
		cdn, share = true, true
		setDefault(&in.Share, 0.4)
		if in.CDN != "" {
			c.known("cdn", in.CDN, cdns)
		}
		if !slices.ContainsFunc(s.ISPs, func(p ISP) bool { return p.Hosting }) {
			c.fail("kind", "an attack needs an ISP with hosting: true to come from")
		}
		if len(s.Services) == 0 {
			c.fail("kind", "an attack needs services to aim at")
		}
	case PlayerRelease:
		share, device = true, true
		setDefault(&in.Share, 1)
		setDefault(&in.Device, devices[0])
		c.known("device", in.Device, devices)
		if i := slices.Index(devices, in.Device); i >= 0 {
			setDefault(&in.Player, s.Devices[i].Player+"-rc1")
		}
		c.player("player", in.Player)
	case Degraded:
		share, service = true, true
		setDefault(&in.Share, 0.2)
		setDefault(&in.Slow, 5)
		c.between("slow", in.Slow, 1, 1000)
		var backends []string
		for _, b := range s.Backends {
			backends = append(backends, b.Name)
		}
		c.known("service", in.Service, backends)
	default:
		return fmt.Errorf("kind: %q is not one of %v", in.Kind, Kinds())
	}
	if source {
		c.known("source", in.Source, s.sources())
	}
	if steer {
		setDefault(&in.Steer, 0.4)
		c.between("steer", in.Steer, -1, 1)
	}
	if share {
		c.between("share", in.Share, 0, 1)
	}
	for _, key := range []struct {
		name      string
		used, set bool
	}{
		{"isp", isp, in.ISP != ""}, {"cdn", cdn, in.CDN != ""}, {"source", source, in.Source != ""},
		{"share", share, in.Share != 0}, {"steer", steer, in.Steer != 0}, {"delay", delay, in.Delay != 0},
		{"device", device, in.Device != ""}, {"player", device, in.Player != ""},
		{"service", service, in.Service != ""}, {"slow", service, in.Slow != 0},
	} {
		if key.set && !key.used {
			c.fail(key.name, "means nothing to %s", in.Kind)
		}
	}
	return c.err
}

// intensity is how much of the incident is there at a second, from 0 to 1: it ramps up from Start
// and fades from End.
func (in *Incident) intensity(sec int64) float64 {
	at := time.Unix(sec, 0)
	if at.Before(in.Start) {
		return 0
	}
	up := smooth(float64(at.Sub(in.Start)+time.Second) / float64(in.Ramp))
	if at.After(in.End) {
		// What had not fully come fades from where it was.
		up = min(up, smooth(float64(in.End.Sub(in.Start))/float64(in.Ramp)))
		return up * (1 - smooth(float64(at.Sub(in.End))/float64(in.Ramp)))
	}
	return up
}

// inForce says whether a switch-like incident (silence, late) holds at a second: it has no ramp.
func (in *Incident) inForce(sec int64) bool {
	at := time.Unix(sec, 0)
	return !at.Before(in.Start) && at.Before(in.End)
}

// acting is an incident at one second, resolved to indexes; -1 is any.
type acting struct {
	kind        Kind
	key         uint64
	isp, cdn    int
	device      int
	player      string
	x           float64
	steered     float64
	share       float64
	start, ends int64
}

// weather is all that acts on sessions at one second.
type weather []acting

// leavers is the share of an incident's sessions that give up within its first ten minutes.
const leavers = 0.02

// fate is what a session lives through at one second.
type fate struct {
	cdn       uint8
	player    string  // instead of its device's; empty is that
	gone      bool    // it gave up earlier
	giveUp    bool    // it gives up now
	firstByte float64 // factor
	slow      float64 // factor on what is left of the throughput
	bitrate   float64 // factor
	errors    float64 // added share of 5xx
	stalls    float64 // added chance of a stall in a second
}

func (w weather) on(s *session, sec int64) fate {
	f := fate{cdn: s.cdn, firstByte: 1, slow: 1, bitrate: 1}
	for i := range w {
		a := &w[i]
		if a.kind != Saturation && a.kind != CDN5xx || !a.hits(s, s.cdn) {
			continue
		}
		h := mix(s.key ^ a.key)
		if unit(h) < leavers {
			if at := a.start + int64(mix(h)%600); at < a.ends {
				f.gone = f.gone || at < sec
				f.giveUp = f.giveUp || at == sec
			}
		}
		if f.cdn == s.cdn && unit(mix(h+1)) < a.steered {
			f.cdn = s.other
		}
	}
	for i := range w {
		a := &w[i]
		switch a.kind {
		case Saturation:
			if a.hits(s, f.cdn) {
				f.firstByte *= 1 + 2.6*a.x
				f.slow *= 1 + 3*a.x
				f.bitrate *= 1 - 0.35*a.x
				f.errors += 0.015 * a.x
				f.stalls += 0.08 * a.x
			}
		case CDN5xx:
			if a.hits(s, f.cdn) {
				f.errors += a.share * a.x
				f.stalls += 0.25 * a.share * a.x
			}
		case PlayerRelease:
			if int(s.device) == a.device && unit(mix(s.key^a.key)) < a.share*a.x {
				f.player = a.player
				f.stalls += 0.06
			}
		}
	}
	return f
}

func (a *acting) hits(s *session, cdn uint8) bool {
	return (a.isp < 0 || a.isp == int(s.isp)) && (a.cdn < 0 || a.cdn == int(cdn))
}
