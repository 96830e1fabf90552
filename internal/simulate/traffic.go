package simulate

import (
	"cmp"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"vigie/internal/event"
)

// class is what a request asks for.
type class uint8

const (
	video class = iota
	audio
	playlist
	initSegment
	service
	assault
)

// line is one request in a CDN's log, before it is written in the CDN's format.
type line struct {
	ms      uint16 // within the second
	cdn     uint8
	isp     uint8
	class   class
	service uint8
	agent   uint8
	edge    uint8
	cache   event.Cache
	blocked bool
	starved bool
	status  uint16
	kbps    uint32
	bytes   uint64
	first   float32 // ms to the first byte
	total   float32 // ms to the last byte
	id      uint64
	viewer  *session // nil for attackers
	client  netip.Addr
}

// lines appends what all CDNs log in one second, in order of time. Each line stands for k times the
// match's request weight.
func (c *cast) lines(dst []line, sec int64, k int, w weather) []line {
	var pcg rand.PCG
	rng := rand.New(&pcg)
	begin := len(dst)
	scale := float64(c.sessionWeight) / float64(c.requestWeight*k)
	services := c.perSecond * c.burst(c.clock.match(time.Unix(sec, 0)))
	secSeed := mix(c.seed ^ uint64(sec))
	c.people.watching(sec, func(_ int, s *session) {
		if sec == s.end {
			return
		}
		f := fate{cdn: s.cdn, firstByte: 1, slow: 1, bitrate: 1}
		if len(w) > 0 {
			if f = w.on(s, sec); f.gone {
				return
			}
		}
		media := mediaRequests(float64(s.offload))
		onJoin := 0.0
		if sec == s.start {
			onJoin = c.perJoin
			media += 2 // playlists and init segments again
		}
		pcg.Seed(secSeed, s.key)
		expected := (media + services + onJoin) * scale
		for n := int(expected + rng.Float64()); n > 0; n-- {
			l := line{viewer: s, cdn: f.cdn, isp: s.isp, agent: s.device, client: s.client, edge: uint8(s.key), id: rng.Uint64()}
			l.ms = uint16(rng.IntN(1000))
			u := rng.Float64() * (media + services + onJoin)
			segments := segmentsEach * (1 - float64(s.offload))
			switch {
			case u < segments:
				l.class = video
			case u < 2*segments:
				l.class = audio
			case u < 2*segments+playlistRequests:
				l.class = playlist
			case u < media:
				l.class = initSegment
			case u < media+services:
				l.class, l.service = service, c.steady.draw(rng)
			default:
				l.class, l.service = service, c.joining.draw(rng)
			}
			if l.class == service {
				if at := c.serviceAt[l.service]; at >= 0 {
					l.cdn = uint8(at)
				}
			}
			c.answer(&l, &f, rng)
			dst = append(dst, l)
		}
	})
	for i := range w {
		if w[i].kind == Attack {
			dst = c.assault(dst, sec, k, &w[i])
		}
	}
	slices.SortFunc(dst[begin:], func(a, b line) int {
		if a.ms != b.ms {
			return cmp.Compare(a.ms, b.ms)
		}
		return cmp.Compare(a.id, b.id)
	})
	return dst
}

// answer draws what the CDN answered and how long it took.
func (c *cast) answer(l *line, f *fate, rng *rand.Rand) {
	s, n, isp := l.viewer, &c.scenario.CDNs[l.cdn], &c.scenario.ISPs[l.isp]
	l.status = 200
	l.kbps = uint32(float64(s.kbps) * f.bitrate)
	spread := math.Exp(0.2*rng.NormFloat64() - 0.02) // mean 1
	const headers = 320
	hit := n.Hit
	switch l.class {
	case video:
		l.bytes = uint64(float64(l.kbps)*1000/8*segmentSeconds*spread) + headers
	case audio:
		l.bytes = uint64(audioKbps*1000/8*segmentSeconds*spread) + headers
	case playlist:
		l.bytes = 1700 + uint64(rng.IntN(400))
		hit = 0.9
	case initSegment:
		l.bytes = 1184
	case service:
		l.bytes = uint64(float64(c.scenario.Services[l.service].Bytes)*spread) + headers
		hit = 0
	}
	first := float64(n.FirstByte) / float64(time.Millisecond) * isp.Latency * f.firstByte * math.Exp(0.45*rng.NormFloat64())
	switch {
	case l.class == service:
		l.cache = event.CachePass
		first += 35 * math.Exp(0.6*rng.NormFloat64())
	case rng.Float64() < hit:
		l.cache = event.CacheHit
	default:
		l.cache = event.CacheMiss
		first += 60 * math.Exp(0.5*rng.NormFloat64())
	}
	errors := n.Errors
	if l.cdn == f.cdn {
		errors += f.errors // those of the CDN that the session's media comes from
	}
	const clientErrors = 0.003
	switch u := rng.Float64(); {
	case u < errors:
		l.status = [...]uint16{503, 503, 503, 504, 504, 502, 502, 500}[rng.IntN(8)]
		l.bytes, l.cache = headers+190, event.CacheError
		if l.status == 504 {
			first += 3000
		}
	case u < errors+clientErrors:
		l.status = 404
		if l.class == service {
			l.status = 401
		}
		l.bytes = headers + 60
	}
	l.first = float32(first)
	l.total = l.first + float32(float64(l.bytes)*8/1000/(float64(s.throughput)/f.slow)*math.Exp(0.3*rng.NormFloat64()))
	l.starved = l.class == video && rng.Float64() < f.stalls*segmentSeconds
}

// oddAgents are what attackers say they are.
func oddAgents() []string {
	return []string{
		"python-requests/2.19.1", "Go-http-client/1.1", "masscan/1.3",
		"Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)", "okhttp/2.7.5",
	}
}

// assault appends an attack's requests for one second. Most are refused by security rules; a CDN
// whose log has no place for that shows them as plain 403.
func (c *cast) assault(dst []line, sec int64, k int, a *acting) []line {
	rng := rand.New(rand.NewPCG(mix(c.seed^uint64(sec)), a.key))
	for n := int(a.share*a.x*c.peakLines/float64(k) + rng.Float64()); n > 0; n-- {
		l := line{class: assault, ms: uint16(rng.IntN(1000)), id: rng.Uint64(), cache: event.CachePass}
		l.service = uint8(rng.IntN(len(c.scenario.Services)))
		l.isp = c.hosting[rng.IntN(len(c.hosting))]
		l.client = address(int(l.isp), c.scenario.ISPs[l.isp].ASN, rng.Uint64()%4096) // a few thousand machines
		l.agent = uint8(len(c.scenario.Devices) + rng.IntN(len(c.agents)-len(c.scenario.Devices)))
		l.edge = uint8(l.id)
		if a.cdn >= 0 {
			l.cdn = uint8(a.cdn)
		} else {
			l.cdn = c.anyCDN.draw(rng)
		}
		l.first = float32(1 + 2*rng.Float64())
		switch u := rng.Float64(); {
		case u < 0.92:
			l.status, l.bytes = 403, 380
			l.blocked = c.scenario.CDNs[l.cdn].Format != formatNginx
		case u < 0.96:
			l.status, l.bytes = 429, 350
		default:
			l.status, l.bytes = 200, 320+uint64(c.scenario.Services[l.service].Bytes)
			l.first += float32(35 * math.Exp(0.6*rng.NormFloat64()))
		}
		l.total = l.first + 1
		dst = append(dst, l)
	}
	return dst
}
