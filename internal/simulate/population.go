package simulate

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"time"
)

// session is one simulated visit. It stands for as many viewers as the match's session weight.
type session struct {
	key        uint64 // all of its draws derive from it
	start, end int64  // Unix seconds; it watches in [start, end)

	isp, cdn, other uint8 // other is where steering sends it
	channel, device uint8
	tools           uint8 // mask
	failed          bool  // its start fails
	peers           uint8
	kbps            uint32
	offload         float32 // share of its media bytes that peers give
	startup         int32   // ms
	throughput      float32 // Mbit/s
	client          netip.Addr
	id              [16]byte // lower-case hex
}

// population is every session of the match, and which of them live in each slot of time.
type population struct {
	all      []session
	slots    [][]int32 // by slotSize seconds since from
	from, to int64
}

const slotSize = 64

// watching calls f with the index of every session whose [start, end] holds a second.
func (p *population) watching(sec int64, f func(int, *session)) {
	if sec < p.from || sec >= p.to {
		return
	}
	for _, i := range p.slots[(sec-p.from)/slotSize] {
		if s := &p.all[i]; s.start <= sec && sec <= s.end {
			f(int(i), s)
		}
	}
}

// populate lets sessions come and go so that their number follows the audience from second to
// second. A visit ends when its time is up or when the audience falls.
func populate(c *cast, from, to int64, seats int, seed uint64) population {
	p := population{from: from, to: to, slots: make([][]int32, (to-from)/slotSize+1)}
	rng := rand.New(rand.NewPCG(seed, 0x706f70756c617465))
	ending := make([][]int32, to-from+1)
	place := []int32{} // by session: its position in now, -1 when it left
	var now []int32
	leave := func(i int32, sec int64) {
		last := now[len(now)-1]
		now[place[i]], place[last] = last, place[i]
		now = now[:len(now)-1]
		place[i] = -1
		p.all[i].end = sec
	}
	stay := c.scenario.Stay.Seconds()
	for sec := from; sec < to; sec++ {
		for _, i := range ending[sec-from] {
			if place[i] >= 0 {
				leave(i, sec)
			}
		}
		want := int(math.Round(float64(seats) * c.audience.at(c.clock.match(time.Unix(sec, 0)))))
		for len(now) > want {
			leave(now[rng.IntN(len(now))], sec)
		}
		for len(now) < want {
			i := int32(len(p.all))
			s := c.join(rng)
			s.start, s.end = sec, to
			life := 20 + int64(rng.ExpFloat64()*stay)
			if sec == from {
				s.start -= rng.Int64N(600) // those already there did not all come at once
			}
			if s.failed {
				life = 6
			}
			if at := sec + life; at < to {
				ending[at-from] = append(ending[at-from], i)
			}
			p.all = append(p.all, s)
			place = append(place, int32(len(now)))
			now = append(now, i)
		}
	}
	for i := range p.all {
		s := &p.all[i]
		last := min(s.end, to-1)
		for slot := (max(s.start, from) - from) / slotSize; slot <= (last-from)/slotSize; slot++ {
			p.slots[slot] = append(p.slots[slot], int32(i))
		}
	}
	return p
}

// join draws a visitor.
func (c *cast) join(rng *rand.Rand) session {
	s := session{key: rng.Uint64()}
	s.isp = c.byShare.draw(rng)
	isp := &c.scenario.ISPs[s.isp]
	s.cdn = c.cdnOf[s.isp].draw(rng)
	s.other = s.cdn
	for try := 0; len(c.scenario.CDNs) > 1 && s.other == s.cdn && try < 50; try++ {
		s.other = c.cdnOf[s.isp].draw(rng)
	}
	s.device = c.devices.draw(rng)
	device := &c.scenario.Devices[s.device]
	s.channel = c.channels[s.device].draw(rng)
	s.kbps = device.Ladder[c.ladders[s.device].draw(rng)].Kbps
	if k := c.scenario.Channels[s.channel].Kbps; k > 0 {
		s.kbps = k
	}
	if rng.Float64() < device.P2P.Capable {
		s.offload = float32(device.P2P.Offload * (0.7 + 0.6*rng.Float64()))
		s.offload = min(s.offload, 0.95)
		s.peers = uint8(2 + rng.IntN(7))
	}
	for i, t := range c.scenario.Tools {
		if rng.Float64() < t.Share {
			s.tools |= 1 << i
		}
	}
	s.failed = rng.Float64() < 0.004
	s.startup = int32(min(900*isp.Latency*math.Exp(0.45*rng.NormFloat64()), 15000))
	s.throughput = float32(isp.Throughput * math.Exp(0.5*rng.NormFloat64()))
	h := rng.Uint64()
	s.client = address(int(s.isp), isp.ASN, h)
	putHex(s.id[:], mix(h))
	return s
}

// picker draws an index in proportion to shares.
type picker []float64 // cumulative, last is 1

func newPicker(n int, share func(int) float64) picker {
	p := make(picker, n)
	var sum float64
	for i := range p {
		sum += share(i)
		p[i] = sum
	}
	for i := range p {
		p[i] /= sum
	}
	p[n-1] = 1
	return p
}

func (p picker) draw(rng *rand.Rand) uint8 { return p.at(rng.Float64()) }

func (p picker) at(u float64) uint8 {
	for i, v := range p {
		if u < v {
			return uint8(i)
		}
	}
	return uint8(len(p) - 1)
}

// mix is the finalizer of SplitMix64: a bijection whose outputs look independent.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit maps a hash to [0, 1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

func putHex(dst []byte, v uint64) {
	const digits = "0123456789abcdef"
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = digits[v&15]
		v >>= 4
	}
}
