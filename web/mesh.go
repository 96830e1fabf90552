package web

import (
	"math"
	"strconv"
	"time"
)

// meshView is the peer-to-peer mesh, in pictures: what networks get from it, what CDNs would have to
// carry without it. Nothing is set when no tool tells of a mesh.
type meshView struct {
	headView
	Nothing              string // said in one line instead of all below
	Offload, OffloadNote string
	Bits, BitsNote       string
	Received             string
	Given, Died          string
	Networks             []meshNetworkView
	Fallback             []fallbackView
}

// meshNetworkView has its bars in percent of the longest one of all networks.
type meshNetworkView struct {
	ISP, Down, Up string
	Say           string
}

// fallbackView is a bar that goes on: what the CDN carries, then what would come on top of it, in
// percent of the longest of all.
type fallbackView struct {
	CDN, Class        string
	Now, More, Growth string
	Bar, Extra        string
}

func newMeshView(k look) meshView {
	l, m := k.locale, &k.board.Mesh
	v := meshView{headView: newHead(k, "mesh", m.Panel, 40*time.Second)}
	if m.Tool == "" {
		v.Nothing = l.T("mesh.nothing")
		return v
	}
	v.Definition = k.define("mesh.definition", "tool", foreign(m.Tool, longestName))
	v.Offload, v.Bits = l.share(m.Offload).String(), l.bits(m.Bits).String()
	v.OffloadNote, v.BitsNote = l.T("mesh.offload"), l.T("mesh.from_peers")
	v.Received, v.Given = l.T("mesh.received"), l.T("mesh.given")

	most := 0.0
	for _, n := range m.Networks {
		most = max(most, known(n.Down), known(n.Up))
	}
	for _, n := range m.Networks {
		v.Networks = append(v.Networks, meshNetworkView{
			ISP: networkName(l, n.ISP), Down: barOf(n.Down, most), Up: barOf(n.Up, most),
			Say: l.T("mesh.network", "down", l.bits(n.Down).String(), "up", l.bits(n.Up).String(), "offload", l.share(n.Offload).String()),
		})
	}

	most = 0
	for _, f := range m.Fallback {
		most = max(most, known(f.Now)+known(f.More))
	}
	write, unit := bitsWriter(l, most)
	v.Died = l.T("mesh.died") + " · " + unit
	for _, f := range m.Fallback {
		row := fallbackView{
			CDN: f.CDN.Name, Class: colour(f.CDN.Colour, false),
			Now: write(f.Now), More: missing,
			Bar: barOf(f.Now, most), Extra: barOf(f.More, most),
		}
		if !math.IsNaN(f.More) {
			row.More = "+" + write(f.More)
			if f.Now > 0 {
				row.Growth = "+" + l.share(f.More/f.Now).String()
			}
		}
		v.Fallback = append(v.Fallback, row)
	}
	return v
}

// known makes nothing of what is not a number, so that it has no bar.
func known(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return max(v, 0)
}

// barOf is v's length when most has 100.
func barOf(v, most float64) string {
	if most <= 0 {
		return "0"
	}
	return strconv.FormatFloat(min(known(v)/most, 1)*100, 'f', 1, 64)
}
