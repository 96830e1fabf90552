package cockpit

import (
	"cmp"
	"math"
	"slices"
	"time"

	"vigie/internal/match"
)

const (
	slopeSlots    = 30 // of which the slope is taken: five minutes
	cellsShown    = 6  // CDN × network, the fullest
	soonFull      = 10 * time.Minute
	verySoonFull  = 3 * time.Minute
	fullLongest   = 12 * time.Hour // beyond, it is never
	slopeMatters  = 0.5            // of the reserve: under it, time to full says nothing
	takesOver     = 1.0            // a taker beyond what was reserved does not hold
	takesOverNear = 0.9
)

// reserved is what was reserved for the sight, bit/s; 0: nothing.
func (l *lens) reserved() float64 {
	if l.match == nil || l.sight.Scope.Channel != "" || l.sight.Scope.Device != "" {
		return 0
	}
	all, scope := 0.0, l.sight.Scope
	for _, r := range l.match.Capacity {
		if (scope.CDN == "" || r.CDN == scope.CDN) && r.ISP == scope.ISP {
			all += r.Bits
		}
	}
	return all
}

// capacity holds what the whole uses against what was reserved.
func (l *lens) capacity(mesh *Mesh) Capacity {
	until := l.logs()
	c := Capacity{Panel: Panel{AsOf: until}}
	if until.IsZero() {
		return c
	}
	complete := wholeSlots(until)
	c.AsOf = slotStart(complete)
	seconds := l.over(complete).Seconds()
	cells := map[cellKey]float64{}
	byCDN, byISP := map[string]float64{}, map[string]float64{}
	for k, s := range l.history.sum(l.judged(complete), complete) {
		bits := s.bytes * 8 / seconds
		cells[k] = bits
		byCDN[k.cdn] += bits
		byISP[k.isp] += bits
	}
	var reserves []match.Reserve
	if l.match != nil {
		reserves = l.match.Capacity
	}
	whole, ofCell := map[string]float64{}, map[cellKey]float64{}
	for _, r := range reserves {
		if r.ISP == "" {
			whole[r.CDN] += r.Bits
		} else {
			ofCell[cellKey{r.CDN, r.ISP}] += r.Bits
		}
	}
	name := func(id string) CDN {
		if i := slices.IndexFunc(l.cfg.CDNs, func(cdn CDN) bool { return cdn.ID == id }); i >= 0 {
			return l.cfg.CDNs[i]
		}
		return CDN{ID: id, Name: id}
	}
	for _, cdn := range l.cfg.CDNs {
		if whole[cdn.ID] > 0 {
			u := Used{CDN: cdn, Bits: unknownIfNone(byCDN, cdn.ID), Reserved: whole[cdn.ID], Slope: l.slope(complete, func(s *slot) float64 {
				if r := s.byCDN[cdn.ID]; r != nil {
					return r.bytes
				}
				return math.NaN()
			})}
			l.fill(&u)
			c.CDNs = append(c.CDNs, u)
		}
	}
	for key, bits := range ofCell {
		u := Used{CDN: name(key.cdn), ISP: key.isp, Bits: unknownIfNone(cells, key), Reserved: bits, Slope: l.slope(complete, func(s *slot) float64 {
			if r := s.requests[key]; r != nil {
				return r.bytes
			}
			return math.NaN()
		})}
		l.fill(&u)
		c.Cells = append(c.Cells, u)
	}
	slices.SortFunc(c.Cells, func(a, b Used) int {
		return cmp.Or(-cmp.Compare(zeroed(a.Bits)/a.Reserved, zeroed(b.Bits)/b.Reserved), cmp.Compare(a.CDN.ID, b.CDN.ID), cmp.Compare(a.ISP, b.ISP))
	})
	c.Cells = c.Cells[:min(len(c.Cells), cellsShown)]

	for _, lost := range l.cfg.CDNs {
		if byCDN[lost.ID] == 0 {
			continue
		}
		more, after := map[string]float64{}, map[cellKey]float64{}
		for key, bits := range cells {
			if key.cdn != lost.ID {
				continue
			}
			// To the CDNs that serve this network, as they share it; where none does, as they share all.
			rest := byISP[key.isp] - bits
			for _, taker := range l.cfg.CDNs {
				if taker.ID == lost.ID {
					continue
				}
				part := ratio(cells[cellKey{taker.ID, key.isp}], rest)
				if part != part {
					part = ratio(byCDN[taker.ID], total(byCDN)-byCDN[lost.ID])
				}
				more[taker.ID] += bits * zeroed(part)
				after[cellKey{taker.ID, key.isp}] += bits * zeroed(part)
			}
		}
		loss := Loss{CDN: lost, Bits: byCDN[lost.ID]}
		l.takers(&loss, byCDN, more, whole)
		fullest := takesOverNear
		for key, bits := range after {
			if limit := ofCell[key]; limit > 0 && (cells[key]+bits)/limit > fullest {
				fullest, loss.ISP = (cells[key]+bits)/limit, key.isp
				loss.Health = max(loss.Health, Limit{takesOverNear, takesOver}.judge(fullest))
			}
		}
		c.Losses = append(c.Losses, loss)
	}
	if mesh.Bits > 0 {
		loss, more := Loss{CDN: CDN{ID: Peers, Name: "P2P", Colour: len(l.cfg.CDNs)}, Bits: mesh.Bits}, map[string]float64{}
		for _, f := range mesh.Fallback {
			more[f.CDN.ID] = f.More
		}
		l.takers(&loss, byCDN, more, whole)
		c.Losses = append(c.Losses, loss)
	}
	return c
}

// takers are the CDNs that carry more when one is lost.
func (l *lens) takers(loss *Loss, carries, more, reserved map[string]float64) {
	for _, cdn := range l.cfg.CDNs {
		if cdn.ID == loss.CDN.ID {
			continue
		}
		t := Taker{CDN: cdn, More: more[cdn.ID], After: carries[cdn.ID] + more[cdn.ID], Reserved: reserved[cdn.ID]}
		if t.Reserved > 0 {
			t.Health = Limit{takesOverNear, takesOver}.judge(t.After / t.Reserved)
		}
		loss.Health = max(loss.Health, t.Health)
		loss.Takers = append(loss.Takers, t)
	}
}

func total(of map[string]float64) (sum float64) {
	for _, v := range of {
		sum += v
	}
	return sum
}

func unknownIfNone[K comparable](of map[K]float64, key K) float64 {
	if v, ok := of[key]; ok {
		return v
	}
	return math.NaN()
}

// slope is by how many bit/s the bytes of a slot grow in a second: the line of least squares through the
// last complete five minutes, NaN when less than half of them is known.
func (l *lens) slope(complete int64, bytes func(*slot) float64) float64 {
	var n, sx, sy, sxx, sxy float64
	for s := complete - slopeSlots; s < complete; s++ {
		sl := l.history.at(s)
		if sl == nil {
			continue
		}
		y := bytes(sl)
		if y != y {
			continue
		}
		x := float64(s-complete) * slotTime.Seconds()
		y = y * 8 / slotTime.Seconds()
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	if n < slopeSlots/2 {
		return math.NaN()
	}
	return ratio(n*sxy-sx*sy, n*sxx-sx*sx)
}

// fill tells when a reserve is full, and what that asks for.
func (l *lens) fill(u *Used) {
	if u.Bits != u.Bits {
		return
	}
	share := u.Bits / u.Reserved
	u.Health = l.cfg.Limits.Capacity.judge(share)
	if !(u.Slope > 0) || share >= 1 || share < slopeMatters {
		return
	}
	seconds := (u.Reserved - u.Bits) / u.Slope
	if seconds > fullLongest.Seconds() {
		return
	}
	u.Full = max(time.Second, time.Duration(seconds)*time.Second)
	switch {
	case u.Full < verySoonFull:
		u.Health = max(u.Health, HealthCritical)
	case u.Full < soonFull:
		u.Health = max(u.Health, HealthWarning)
	}
}
