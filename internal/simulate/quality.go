package simulate

import (
	"math/rand/v2"
	"net/netip"

	"vigie/internal/event"
)

// beat is one beacon of one session as one tool sees it, before it is written.
type beat struct {
	ms     uint16
	tool   uint8
	cdn    uint8
	direct bool // the player posts it itself
	event  event.BeaconEvent
	shown  bool // a picture was
	viewer *session
	player string
	client netip.Addr

	startup     int32 // ms
	playing     int32 // ms
	rebuffering int32 // ms
	stalls      uint32
	bitsPlayed  uint64
	cdnBytes    uint64
	peerBytes   uint64
	uploaded    uint64
}

// beatEvery is the seconds between a session's heartbeats.
const beatEvery = 10

// beats appends what the players of all sessions report in one second. Of k sessions one is told,
// and stands for k times the match's session weight.
func (c *cast) beats(dst []beat, sec int64, k int, w weather) []beat {
	var pcg rand.PCG
	rng := rand.New(&pcg)
	secSeed := mix(c.seed ^ uint64(sec) ^ 0x6265617473)
	c.people.watching(sec, func(i int, s *session) {
		if s.tools == 0 || i%k != 0 {
			return
		}
		f := fate{cdn: s.cdn, firstByte: 1, slow: 1, bitrate: 1}
		seen := false
		for t := range c.scenario.Tools {
			if s.tools&(1<<t) == 0 {
				continue
			}
			ev, window, due := s.due(t, sec)
			giveUp := false
			if len(w) > 0 {
				if !seen {
					f, seen = w.on(s, sec), true
				}
				if f.gone {
					return
				}
				if giveUp = f.giveUp; giveUp && !due {
					ev, window, due = event.EventFail, s.sinceBeat(t, sec), true
				} else if giveUp {
					ev = event.EventFail
				}
			}
			if !due {
				continue
			}
			tool := &c.scenario.Tools[t]
			pcg.Seed(secSeed+uint64(t), s.key)
			if rng.Float64() < tool.Loss {
				continue
			}
			b := beat{tool: uint8(t), cdn: f.cdn, event: ev, viewer: s, client: s.client, startup: -1, ms: uint16(rng.IntN(1000))}
			b.shown = !s.failed && sec >= s.startedAt()
			b.direct = unit(mix(s.key+uint64(t))) < tool.Direct
			b.player = f.player
			if b.player == "" {
				b.player = c.scenario.Devices[s.device].Player
			}
			if ev == event.EventStart {
				b.startup = int32(float64(s.startup) * tool.Startup * (0.97 + 0.06*rng.Float64()))
			}
			s.play(&b, sec, window, f, tool)
			dst = append(dst, b)
		}
	})
	return dst
}

// startedAt is the second of the first frame.
func (s *session) startedAt() int64 { return s.start + 1 + int64(s.startup)/1000 }

// due says what tool t reports at a second, and of how many seconds.
func (s *session) due(t int, sec int64) (ev event.BeaconEvent, window int64, due bool) {
	started := s.startedAt()
	switch {
	case sec == s.start:
		return event.EventRequest, 0, true
	case s.failed:
		return event.EventFail, 0, sec == s.start+5
	case sec == s.end:
		return event.EventFinish, s.sinceBeat(t, sec), true // before the first frame: an exit before video start
	case sec == started:
		return event.EventStart, 0, true
	case sec > started && (sec+s.phase(t))%beatEvery == 0:
		return event.EventHeartbeat, min(beatEvery, sec-started), true
	}
	return 0, 0, false
}

// phase spreads sessions' and tools' heartbeats over the interval.
func (s *session) phase(t int) int64 { return int64(s.key>>(8*t)) & 0x7f }

// sinceBeat is the playing seconds that t has not reported yet.
func (s *session) sinceBeat(t int, sec int64) int64 {
	last := sec - 1
	for (last+s.phase(t))%beatEvery != 0 {
		last--
	}
	return max(0, sec-max(last, s.startedAt()))
}

// play fills a beacon's counters for the window of seconds that ends at sec. Stalls are drawn by
// second from the session's key, so that tools that watch the same session see the same ones.
func (s *session) play(b *beat, sec, window int64, f fate, tool *Tool) {
	chance := 0.004 + f.stalls
	floor := int32(tool.StallFloor.Milliseconds())
	var stalled, lost int32
	for at := sec - window; at < sec; at++ {
		h := mix(s.key ^ uint64(at)*0x9e3779b97f4a7c15)
		if unit(h) >= chance {
			continue
		}
		ms := 150 + int32(mix(h)%850)
		lost += ms
		if ms >= floor {
			stalled += int32(float64(ms) * tool.Rebuffer)
			b.stalls++
		}
	}
	b.playing = int32(window)*1000 - lost
	b.rebuffering = stalled
	rate := float64(s.kbps)*f.bitrate + audioKbps
	b.bitsPlayed = uint64(float64(b.playing) * rate) // ms × kbit/s = bit
	received := b.bitsPlayed / 8
	b.peerBytes = uint64(float64(received) * float64(s.offload))
	b.cdnBytes = received - b.peerBytes
	b.uploaded = uint64(float64(b.peerBytes) * (0.6 + 0.8*unit(mix(s.key))))
}
