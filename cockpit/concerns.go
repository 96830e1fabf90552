package cockpit

import (
	"cmp"
	"math"
	"slices"
	"time"

	"vigie/internal/match"
)

const (
	concernsShown = 20
	changesKept   = 50
	changesFor    = 10 * time.Minute
	endsAfter     = 20 * time.Second // without it, so that what flickers is told once
	comesBack     = 2 * time.Minute  // within which what ended was not over
)

// concerns are all that asks for someone on the board of the whole, the loudest first.
func concerns(b *Board) []Concern {
	var all []Concern
	nan := math.NaN()
	for _, row := range b.Matrix.Rows {
		for i := range row.Cells {
			cell := &row.Cells[i]
			if cell.Health < HealthWarning || row.Merged > 0 {
				continue
			}
			all = append(all, Concern{
				Kind: ConcernCell, Name: b.Matrix.Columns[i].Name, CDN: b.Matrix.Columns[i].ID, ISP: row.ISP, Metric: cell.Why,
				Value: cell.value(cell.Why), Usual: cell.usual(cell.Why), Viewers: cell.Viewers, Health: cell.Health,
			})
		}
	}
	for _, s := range b.Services.Rows {
		if s.Health >= HealthWarning {
			value := s.Errors
			if s.Full {
				value = s.Saturation
			}
			all = append(all, Concern{Kind: ConcernService, Name: s.Name, Value: value, Full: s.Full, Usual: nan, Viewers: nan, Health: s.Health})
		}
	}
	for _, s := range b.Sources.Rows {
		if s.Health >= HealthWarning {
			all = append(all, Concern{Kind: ConcernSource, Name: s.ID, CDN: s.CDN, Finding: s.Finding, Value: nan, Usual: nan, Viewers: nan, Health: s.Health})
		}
	}
	for _, u := range slices.Concat(b.Capacity.CDNs, b.Capacity.Cells) {
		if u.Health >= HealthWarning {
			all = append(all, Concern{Kind: ConcernReserve, Name: u.CDN.Name, CDN: u.CDN.ID, ISP: u.ISP, Value: u.Bits / u.Reserved, Usual: nan, Viewers: nan, Health: u.Health})
		}
	}
	if p := &b.Pressure; p.Health >= HealthWarning {
		all = append(all, Concern{Kind: ConcernBlocked, Value: ratio(p.Blocked, p.Accepted+p.Blocked), Usual: nan, Viewers: nan, Health: p.Health})
	}
	slices.SortStableFunc(all, func(a, b Concern) int {
		return cmp.Or(-cmp.Compare(a.Health, b.Health), cmp.Compare(a.Kind, b.Kind), -cmp.Compare(zeroed(a.Viewers), zeroed(b.Viewers)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ISP, b.ISP))
	})
	return all[:min(len(all), concernsShown)]
}

// concernKey is what makes two concerns the same one, however bad it is.
type concernKey struct {
	kind      ConcernKind
	name, isp string
	metric    Metric
	finding   Finding
}

func (c *Concern) key() concernKey { return concernKey{c.Kind, c.Name, c.ISP, c.Metric, c.Finding} }

// running is a concern that lasts, and when it was last there.
type running struct {
	Concern
	seen time.Time
}

// concernLog remembers since when concerns last, and what changed lately. It is empty after a start:
// what was wrong before is new then.
type concernLog struct {
	running map[concernKey]*running
	changes []Change // the latest last
}

// note dates the concerns of a tick, and returns what changed in the last ten minutes, the latest first.
func (g *concernLog) note(now []Concern, m *moment) []Change {
	if g.running == nil {
		g.running = map[concernKey]*running{}
	}
	for i := range now {
		c := &now[i]
		r := g.running[c.key()]
		if r == nil {
			r = g.resume(c, m.now)
		}
		if r == nil {
			c.Since = m.now
			r = &running{Concern: *c}
			g.running[c.key()] = r
			began := *c
			g.changes = append(g.changes, Change{At: m.now, Began: &began})
		}
		c.Since = r.Since
		r.Concern, r.seen = *c, m.now
	}
	for key, r := range g.running {
		if m.now.Sub(r.seen) > endsAfter {
			ended := r.Concern
			g.changes = append(g.changes, Change{At: r.seen, Ended: &ended})
			delete(g.running, key)
		}
	}
	g.changes = slices.DeleteFunc(g.changes, func(c Change) bool { return m.now.Sub(c.At) > changesFor })
	if extra := len(g.changes) - changesKept; extra > 0 {
		g.changes = slices.Delete(g.changes, 0, extra)
	}
	return lately(g.changes, m)
}

// resume takes back that a concern ended, when it comes again soon after; nil: it is a new one.
func (g *concernLog) resume(c *Concern, now time.Time) *running {
	for i := len(g.changes) - 1; i >= 0; i-- {
		ended := g.changes[i].Ended
		if ended == nil || ended.key() != c.key() || now.Sub(g.changes[i].At) > comesBack {
			continue
		}
		r := &running{Concern: *ended}
		g.running[c.key()] = r
		g.changes = slices.Delete(g.changes, i, i+1)
		return r
	}
	return nil
}

// lately adds to the concerns' changes what people did.
func lately(changes []Change, m *moment) []Change {
	all := slices.Clone(changes)
	recent := func(t time.Time) bool { return !t.After(m.now) && m.now.Sub(t) <= changesFor }
	for i := range m.notes {
		if recent(m.notes[i].Said) {
			all = append(all, Change{At: m.notes[i].Said, Note: &m.notes[i]})
		}
	}
	for _, mark := range m.timeline {
		if recent(mark.At) && mark.Phase != match.PhaseBefore {
			all = append(all, Change{At: mark.At, Phase: mark.Phase})
		}
	}
	slices.SortStableFunc(all, func(a, b Change) int { return -a.At.Compare(b.At) })
	return all[:min(len(all), changesKept)]
}
