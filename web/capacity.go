package web

import (
	"math"
	"time"

	"vigie/cockpit"
)

// The bars of reserves go on a quarter beyond what is reserved.
const reserveScale = 1.25

// The desk has room for so many cells, and the wall for so many losses.
const (
	reservesOnBoard = 5
	lossesOnWall    = 2
)

// capacityView is what is used of what was reserved, and what a loss would bring.
type capacityView struct {
	headView
	Nothing, How, Hint string // nothing is reserved, and how to tell
	Wall               bool
	CDNs               []usedView
	CellsTitle         string
	Cells              []usedView
	LossesTitle        string
	Losses             []lossView
}

// usedView is one reserve: a bar of Bar percent, with its mark where it is full.
type usedView struct {
	Name, Class string // of the CDN's colour
	Health      healthView
	Share, Used string
	Full        string // when it will be full, in words
	Bar, URL    string
}

// lossView is one line: if this fails, who takes how much.
type lossView struct {
	Say    string
	Bits   string
	Class  string
	Health healthView
	Takers []takerView
	Where  string // the network where it is the tightest
}

type takerView struct {
	Name, Class string
	Health      healthView
	Share, More string
	Bar         string // empty: no reserve is told
}

// full is where the mark of a bar stands, in percent of its length.
const full = "80"

func newCapacityView(k look) capacityView {
	c := &k.board.Capacity
	v := capacityView{headView: newHead(k, "capacity", c.Panel, 40*time.Second), Wall: k.wall()}
	if len(c.CDNs) == 0 && len(c.Cells) == 0 {
		v.Nothing = k.T("capacity.none")
		if !k.wall() {
			v.How = k.T("capacity.how")
			v.Hint = "capacity:\n  - {cdn: akamai, bits: 1.4e12}\n  - {cdn: akamai, isp: Free, bits: 240e9}"
		}
	}
	for i := range c.CDNs {
		v.CDNs = append(v.CDNs, newUsed(k, &c.CDNs[i]))
	}
	losses := c.Losses
	if k.wall() {
		losses = worstLosses(losses)
	} else {
		for i := range c.Cells[:min(len(c.Cells), reservesOnBoard)] {
			v.Cells = append(v.Cells, newUsed(k, &c.Cells[i]))
		}
	}
	if len(v.Cells) > 0 {
		v.CellsTitle = k.T("capacity.cells")
	}
	for i := range losses {
		v.Losses = append(v.Losses, newLoss(k, &losses[i]))
	}
	if len(v.Losses) > 0 {
		v.LossesTitle = k.T("capacity.losses")
	}
	return v
}

// worstLosses are those that a wall has room for, in the order they came.
func worstLosses(losses []cockpit.Loss) []cockpit.Loss {
	var worst []cockpit.Loss
	for _, h := range []cockpit.Health{cockpit.HealthCritical, cockpit.HealthWarning, cockpit.HealthFine, cockpit.HealthUnknown} {
		for i := range losses {
			if losses[i].Health == h && len(worst) < lossesOnWall {
				worst = append(worst, losses[i])
			}
		}
	}
	return worst
}

func newUsed(k look, u *cockpit.Used) usedView {
	name := foreign(u.CDN.Name, longestName)
	v := usedView{
		Name: crossing(k.locale, u.ISP, name), Class: colour(u.CDN.Colour, u.CDN.ID == cockpit.Peers), Health: newHealth(k.locale, u.Health),
		Share: missing, Used: missing, Bar: "0",
		URL: k.link(func(s *cockpit.Scope) { s.ISP, s.CDN = u.ISP, u.CDN.ID }),
	}
	if u.Reserved <= 0 || math.IsNaN(u.Bits) || math.IsNaN(u.Reserved) {
		v.Health = newHealth(k.locale, cockpit.HealthUnknown)
		return v
	}
	share := u.Bits / u.Reserved
	v.Share, v.Bar = k.share(share).String(), barOf(share, reserveScale)
	v.Used = k.T("capacity.of", "used", k.bits(u.Bits).String(), "reserved", k.bits(u.Reserved).String())
	switch {
	case share >= 1:
		v.Full = k.T("capacity.full")
	case u.Full > 0 && u.Full < 3*time.Hour:
		v.Full = k.T("capacity.full_in", "time", k.fixed(math.Max(1, math.Floor(u.Full.Minutes())), 0)+k.unit+"min")
	case !math.IsNaN(u.Slope) && u.Slope <= 0:
		v.Full = k.T("capacity.falling")
	}
	return v
}

func newLoss(k look, loss *cockpit.Loss) lossView {
	v := lossView{
		Say: k.T("capacity.loss", "cdn", foreign(loss.CDN.Name, longestName)), Bits: k.bits(loss.Bits).String(),
		Class: colour(loss.CDN.Colour, loss.CDN.ID == cockpit.Peers), Health: newHealth(k.locale, loss.Health),
	}
	if loss.CDN.ID == cockpit.Peers {
		v.Say = k.T("capacity.loss.mesh")
	}
	if loss.ISP != "" {
		v.Where = k.T("capacity.tightest", "isp", networkName(k.locale, loss.ISP))
	}
	for i := range loss.Takers {
		t := &loss.Takers[i]
		taker := takerView{
			Name: foreign(t.CDN.Name, longestName), Class: colour(t.CDN.Colour, t.CDN.ID == cockpit.Peers), Health: newHealth(k.locale, t.Health),
			More: missing, Share: k.bits(t.After).String(),
		}
		if !math.IsNaN(t.More) {
			taker.More = "+" + k.bits(t.More).String()
		}
		if t.Reserved > 0 && !math.IsNaN(t.After) {
			taker.Share, taker.Bar = k.share(t.After/t.Reserved).String(), barOf(t.After/t.Reserved, reserveScale)
		} else {
			taker.Health = newHealth(k.locale, cockpit.HealthUnknown)
		}
		v.Takers = append(v.Takers, taker)
	}
	return v
}
