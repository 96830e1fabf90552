package simulate

import "time"

// Traffic is how many bits a second are expected at a wall-clock time, incidents aside: from a CDN to
// an ISP, or from or to all of them where either is empty; the peers' share is in it only where both
// are. It is a forecast, as Audience is.
func (m *Match) Traffic(wall time.Time, cdn, isp string) float64 {
	c, s := m.cast, m.cfg.Scenario
	at := c.clock.match(wall)
	viewers := float64(m.cfg.Viewers) * c.audience.at(at)

	// Bits of a viewer in a second, and how many of them peers give.
	var media, peers float64
	for d, share := range shares(c.devices) {
		device := &s.Devices[d]
		var kbps float64
		for ch, of := range shares(c.channels[d]) {
			if own := s.Channels[ch].Kbps; own > 0 {
				kbps += of * float64(own)
				continue
			}
			for r, part := range shares(c.ladders[d]) {
				kbps += of * part * float64(device.Ladder[r].Kbps)
			}
		}
		media += share * (kbps + audioKbps) * 1000
		peers += share * device.P2P.Capable * device.P2P.Offload * (kbps + audioKbps) * 1000
	}
	all := cdn == "" && isp == ""
	if !all {
		media -= peers
	}
	const playlistBytes, headers = 1900, 320
	media += 8 * (playlistRequests*playlistBytes + 2*segmentsEach*headers)
	burst := c.burst(at)
	var sum float64
	for i, of := range shares(c.byShare) {
		if isp != "" && s.ISPs[i].Name != isp {
			continue
		}
		for n, part := range shares(c.cdnOf[i]) {
			if cdn != "" && s.CDNs[n].Name != cdn {
				continue
			}
			bits := part * media
			for v, svc := range s.Services {
				asked := part
				if only := c.serviceAt[v]; only == n {
					asked = 1
				} else if only >= 0 {
					asked = 0
				}
				bits += asked * svc.PerMinute / 60 * burst * float64(svc.Bytes+headers) * 8
			}
			sum += of * bits
		}
	}
	return viewers * sum
}

// Measured is the share of viewers that the widest measuring tool sees: what a room that counts by it
// expects of Audience.
func (m *Match) Measured() (share float64) {
	for _, t := range m.cfg.Scenario.Tools {
		share = max(share, t.Share)
	}
	return share
}

// shares are what a picker draws, one by one.
func shares(p picker) []float64 {
	out := make([]float64, len(p))
	before := 0.0
	for i, v := range p {
		out[i], before = v-before, v
	}
	return out
}
