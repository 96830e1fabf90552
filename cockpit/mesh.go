package cockpit

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Mesh is the peer-to-peer mesh over the last complete minute, as the tool that sees most of it
// tells.
type Mesh struct {
	Panel
	Window   time.Duration
	Tool     string        // whose counters these are; empty: no tool tells
	Bits     float64       // bit/s that viewers get from each other
	Offload  float64       // of all bits that those sessions get, the share from peers, 0..1
	Networks []MeshNetwork // the most first, eight at most
	Fallback []Fallback    // in the order of the columns
}

// MeshNetwork is what a network's viewers get from peers, and give them.
type MeshNetwork struct {
	ISP      string
	Down, Up float64 // bit/s
	Offload  float64 // as Mesh.Offload
}

// Fallback is what a CDN would have to carry in addition if the mesh died this minute: what the
// sessions that it serves get from peers. Sessions that do not know their CDN are shared out as its
// traffic is.
type Fallback struct {
	CDN       CDN
	Now, More float64 // bit/s; Now is NaN where no log tells
}

const meshNetworks = 8

func (l *lens) mesh() Mesh {
	until := l.tools()
	complete := wholeSlots(until)
	m := Mesh{Panel: Panel{AsOf: until}, Window: l.over(complete), Bits: math.NaN(), Offload: math.NaN()}
	if until.IsZero() {
		return m
	}
	m.AsOf = slotStart(complete)
	cells := l.history.sumExperience(l.judged(complete), complete)
	byTool := map[string]float64{}
	for k, e := range cells {
		if e.peerBytes > 0 || e.uploaded > 0 {
			byTool[k.tool] += e.peerBytes
		}
	}
	if m.Tool, _ = largest(byTool); m.Tool == "" {
		return m
	}
	bits := 8 / m.Window.Seconds()
	type bytes struct{ cdn, down, up float64 }
	var all bytes
	networks, more := map[string]*bytes{}, map[string]float64{}
	for k, e := range cells {
		if k.tool != m.Tool {
			continue
		}
		if networks[k.isp] == nil {
			networks[k.isp] = &bytes{}
		}
		for _, sum := range []*bytes{&all, networks[k.isp]} {
			sum.cdn += e.cdnBytes
			sum.down += e.peerBytes
			sum.up += e.uploaded
		}
		more[k.cdn] += e.peerBytes
	}
	m.Bits, m.Offload = all.down*bits, ratio(all.down, all.down+all.cdn)
	for isp, sum := range networks {
		if sum.down+sum.up > 0 {
			m.Networks = append(m.Networks, MeshNetwork{isp, sum.down * bits, sum.up * bits, ratio(sum.down, sum.down+sum.cdn)})
		}
	}
	slices.SortFunc(m.Networks, func(a, b MeshNetwork) int {
		return cmp.Or(-cmp.Compare(a.Down, b.Down), cmp.Compare(a.ISP, b.ISP))
	})
	m.Networks = m.Networks[:min(len(m.Networks), meshNetworks)]

	sent, total := map[string]float64{}, 0.0
	for k, s := range l.history.sum(l.judged(complete), complete) {
		sent[k.cdn] += s.bytes
		total += s.bytes
	}
	unknown := 0.0
	for id, n := range more {
		if !slices.ContainsFunc(l.cfg.CDNs, func(cdn CDN) bool { return cdn.ID == id }) {
			unknown += n
		}
	}
	for _, cdn := range l.cfg.CDNs {
		f := Fallback{CDN: cdn, Now: math.NaN(), More: more[cdn.ID] * bits}
		if n, ok := sent[cdn.ID]; ok {
			f.Now = n * bits
			f.More += unknown * bits * n / total
		}
		m.Fallback = append(m.Fallback, f)
	}
	return m
}
