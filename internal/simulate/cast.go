package simulate

import (
	"math"
	"slices"
	"time"
)

// cast is the scenario made ready to play: who may appear, how often they ask for what, and the
// texts that encoders copy. It does not change once built.
type cast struct {
	scenario *Scenario
	seed     uint64
	audience audience
	clock    clock
	people   population

	byShare  picker   // ISPs
	cdnOf    []picker // by ISP
	devices  picker
	channels []picker // by device
	ladders  []picker // by device
	anyCDN   picker
	hosting  []uint8 // ISPs that attacks come from

	perSecond float64 // requests to services by viewer, out of bursts
	steady    picker  // services, by PerMinute
	perJoin   float64
	joining   picker // services, by OnJoin
	serviceAt []int  // CDN by service, -1 is the session's own

	requestWeight, sessionWeight int
	peakLines                    float64 // lines in a second at the audience's peak of 1

	agents   []string // by device, then oddAgents
	encoded  []string // the same as Akamai writes them
	hostname []string // by CDN: its first edge, for syslog
}

func newCast(s *Scenario, seed uint64, ck clock, viewers int, rate float64, before time.Duration) *cast {
	c := &cast{scenario: s, seed: seed, clock: ck, audience: newAudience(s.Audience, s.Goals)}
	c.byShare = newPicker(len(s.ISPs), func(i int) float64 { return s.ISPs[i].Share })
	c.anyCDN = newPicker(len(s.CDNs), func(i int) float64 { return s.CDNs[i].Share })
	for i, isp := range s.ISPs {
		share := func(n int) float64 {
			if v, ok := s.CDNs[n].ShareAt[isp.Name]; ok {
				return v
			}
			return s.CDNs[n].Share
		}
		var total float64
		for n := range s.CDNs {
			total += share(n)
		}
		if total > 0 {
			c.cdnOf = append(c.cdnOf, newPicker(len(s.CDNs), share))
		} else {
			c.cdnOf = append(c.cdnOf, c.anyCDN)
		}
		if isp.Hosting {
			c.hosting = append(c.hosting, uint8(i))
		}
	}
	c.devices = newPicker(len(s.Devices), func(i int) float64 { return s.Devices[i].Share })
	for _, d := range s.Devices {
		c.ladders = append(c.ladders, newPicker(len(d.Ladder), func(i int) float64 { return d.Ladder[i].Share }))
		c.channels = append(c.channels, newPicker(len(s.Channels), func(i int) float64 {
			if on := s.Channels[i].Device; on != "" && on != d.Name {
				return 0
			}
			return s.Channels[i].Share
		}))
		c.agents = append(c.agents, d.UserAgent)
	}
	c.agents = append(c.agents, oddAgents()...)
	for _, a := range c.agents {
		c.encoded = append(c.encoded, percentEncode(a))
	}
	for _, n := range s.CDNs {
		c.hostname = append(c.hostname, "edge-"+n.Name)
	}
	for _, v := range s.Services {
		c.perSecond += v.PerMinute / 60
		c.perJoin += v.OnJoin
		c.serviceAt = append(c.serviceAt, slices.IndexFunc(s.CDNs, func(n CDN) bool { return n.Name == v.CDN }))
	}
	if c.perSecond > 0 {
		c.steady = newPicker(len(s.Services), func(i int) float64 { return s.Services[i].PerMinute })
	}
	if c.perJoin > 0 {
		c.joining = newPicker(len(s.Services), func(i int) float64 { return s.Services[i].OnJoin })
	}

	c.sessionWeight = max(1, int(math.Ceil(float64(viewers)/float64(s.Sessions))))
	seats := max(1, int(math.Round(float64(viewers)/float64(c.sessionWeight))))
	peak := float64(viewers) * (c.meanRequests() + c.perSecond)
	c.requestWeight = max(1, int(math.Round(peak/rate)))
	c.peakLines = peak / float64(c.requestWeight)

	from := ck.start.Add(-before).Unix()
	to := ck.wall(s.Audience[len(s.Audience)-1].At).Unix() + 1
	if to <= from {
		to = from + 1
	}
	c.people = populate(c, from, to, seats, seed)
	return c
}

// Media requests of a viewer in a second: video and audio segments of two seconds each, less what
// peers give, a playlist for each pair, and an init segment now and then.
const (
	segmentSeconds   = 2
	segmentsEach     = 1.0 / segmentSeconds
	playlistRequests = 1.0 / segmentSeconds
	initRequests     = 0.01
	audioKbps        = 128
)

func mediaRequests(offload float64) float64 {
	return 2*segmentsEach*(1-offload) + playlistRequests + initRequests
}

// meanRequests is the expected number of media requests of a viewer in a second.
func (c *cast) meanRequests() float64 {
	var mean, before float64
	for i, d := range c.scenario.Devices {
		share := c.devices[i] - before
		before = c.devices[i]
		mean += share * mediaRequests(d.P2P.Capable*d.P2P.Offload)
	}
	return mean
}

// burst is the factor on service requests at a match time; it comes and goes within a minute.
func (c *cast) burst(match time.Duration) float64 {
	f := 1.0
	for _, b := range c.scenario.Bursts {
		up := smooth((match - b.At).Seconds() / 60)
		down := smooth((b.At + b.For - match).Seconds() / 60)
		f += (b.Factor - 1) * up * down
	}
	return f
}

// weather resolves incidents to what acts on sessions at a second.
func (c *cast) weather(incidents []*Incident, sec int64) weather {
	var w weather
	for _, in := range incidents {
		if in.Kind == Silence || in.Kind == Late || in.Kind == Degraded || sec < in.Start.Unix() {
			continue
		}
		// Those who gave up do not come back when it is over; otherwise what has faded is forgotten.
		if in.Kind != Saturation && in.Kind != CDN5xx && time.Unix(sec, 0).After(in.End.Add(in.Ramp)) {
			continue
		}
		a := acting{
			kind: in.Kind, key: hash(in.Kind, in.Start, in.ISP, in.CDN, in.Device),
			isp:    slices.IndexFunc(c.scenario.ISPs, func(p ISP) bool { return p.Name == in.ISP }),
			cdn:    slices.IndexFunc(c.scenario.CDNs, func(n CDN) bool { return n.Name == in.CDN }),
			device: slices.IndexFunc(c.scenario.Devices, func(d Device) bool { return d.Name == in.Device }),
			player: in.Player, share: in.Share, x: in.intensity(sec),
			steered: in.Steer * in.intensity(sec-int64(steerLag/time.Second)),
			start:   in.Start.Unix(), ends: in.End.Unix(),
		}
		w = append(w, a)
	}
	return w
}

// steerLag is how long steering takes to believe that a CDN is unwell.
const steerLag = 20 * time.Second

// hash is FNV-1a over an incident's identity, so that an incident's draws do not depend on when
// others were injected.
func hash(kind Kind, start time.Time, texts ...string) uint64 {
	h := uint64(14695981039346656037)
	add := func(s string) {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211
	}
	add(string(kind))
	for _, t := range texts {
		add(t)
	}
	return mix(h ^ uint64(start.Unix()))
}
