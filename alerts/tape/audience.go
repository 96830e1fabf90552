package tape

import (
	"cmp"
	"context"
	"slices"
	"time"

	"vigie/alerts/signal"
	"vigie/internal/ch"
)

// audience is how many watch, by ten seconds: each counts the distinct sessions of its own and the two
// before it, as the tool says that sees most of where the view is narrowed to.
type audience struct {
	r *reader
	g *grouping
}

func (r *reader) audience(by []string, where map[string]string) *audience {
	g := r.st.grouping(signal.Audience, by, where, r.grow, audViewers)
	if g == nil {
		return nil
	}
	return &audience{r, g}
}

func (a *audience) groups() int           { return len(a.g.keys) }
func (a *audience) values(i int) []string { return a.g.values(a.r.st.names, i) }
func (a *audience) last(i int) int64      { return a.g.last[i] }
func (a *audience) failed() string        { return a.g.family.err }
func (a *audience) edge(int) edge         { return a.r.edgesOf(a.g.family).tools }

func (a *audience) index(values []string) int {
	return (&sums{r: a.r, g: a.g}).index(values)
}

// in is the audience of one slot.
func (a *audience) in(i int, slot int64) (viewers, told float64) {
	f := a.g.family
	if !f.holds(slot) || a.g.lead[slot%int64(f.slots)] == 0 {
		return nan, 0
	}
	row := a.g.coarseRow(int32(i), slot)
	return row[a.g.place[audViewers]], row[a.g.place[audTold]]
}

// at is the audience of the last slot that ended by a moment, and that players have told of: they may be later
// than logs.
func (a *audience) at(i int, to int64) (viewers, told float64) {
	slot := slotOf(min(to, a.edge(i).at)) - 1
	if to-(slot+1)*slotSeconds > stale {
		return nan, 0
	}
	return a.in(i, slot)
}

func (a *audience) window(i int, _, to, _ int64) (float64, float64) { return a.at(i, to) }

func (a *audience) slot(i int, slot, _ int64) float64 {
	v, _ := a.in(i, slot)
	return v
}

// perViewer is requests a second by viewer.
type perViewer struct {
	*sums
	watch *audience
	by    []int // of the audience's groups; -1-n: it was not among the first n
}

func (r *reader) perViewer(by []string, where map[string]string) shown {
	s, _ := signal.Find("requests")
	of := r.sums(s, by, where)
	watch := r.audience(by, where)
	if of == nil || watch == nil {
		return nil
	}
	return &perViewer{sums: of.(*sums), watch: watch}
}

func (p *perViewer) watched(i int) int {
	for len(p.by) <= i {
		p.by = append(p.by, -1)
	}
	if n := p.watch.groups(); p.by[i] < 0 && p.by[i] != -1-n {
		if p.by[i] = p.watch.index(p.values(i)); p.by[i] < 0 {
			p.by[i] = -1 - n
		}
	}
	return p.by[i]
}

func (p *perViewer) edge(i int) edge { return lesser(p.sums.edge(i), p.watch.edge(0)) }

func (p *perViewer) failed() string { return cmp.Or(p.sums.failed(), p.watch.failed()) }

func (p *perViewer) window(i int, from, to, base int64) (value, sample float64) {
	requests, _ := p.sums.window(i, from, to, base)
	w := p.watched(i)
	if w < 0 {
		return nan, 0
	}
	viewers, told := p.watch.at(w, to)
	return ratio(requests, viewers), told
}

func (p *perViewer) slot(i int, slot, base int64) float64 {
	w := p.watched(i)
	if w < 0 {
		return nan
	}
	return ratio(p.sums.slot(i, slot, base), p.watch.slot(w, slot, base))
}

// heard is a row of viewers.sql.
type heard struct {
	Slot    int64   `ch:"slot"`
	Sets    uint8   `ch:"dimensions"`
	Tool    string  `ch:"tool"`
	CDN     string  `ch:"by_cdn"`
	ISP     string  `ch:"by_isp"`
	Channel string  `ch:"by_channel"`
	Device  string  `ch:"by_device"`
	Viewers float64 `ch:"viewers"`
	Told    float64 `ch:"told"`
}

// readAudience asks for the unread slots of [from, to).
func (t *Tape) readAudience(ctx context.Context, st *store, from, to int64, any bool) (func(), error) {
	f := st.families[signal.Audience]
	if !any {
		return func() {}, nil
	}
	sets := []uint8{0}
	add := func(mask uint8) {
		if !slices.Contains(sets, mask) {
			sets = append(sets, mask)
		}
	}
	for _, g := range f.groupings {
		add(g.mask())
		add(g.narrowed())
	}
	slots := make([]int64, 0, to-from)
	for s := from; s < to; s++ {
		slots = append(slots, s)
	}
	var rows []heard
	if err := t.ask(ctx, &rows, "viewers", ch.P("sets", numbers(sets)), ch.P("slots", slots),
		ch.P("from", time.Unix(from*slotSeconds, 0)), ch.P("to", time.Unix(to*slotSeconds, 0))); err != nil {
		return nil, err
	}
	return func() { st.foldAudience(f, from, to, rows) }, nil
}

// numbers are bytes as ClickHouse's parameters have lists of them: a slice of bytes would be a text.
func numbers(sets []uint8) []uint16 {
	out := make([]uint16, len(sets))
	for i, s := range sets {
		out[i] = uint16(s)
	}
	return out
}

// narrowed has a bit for each dimension that has one value.
func (g *grouping) narrowed() uint8 {
	return (&grouping{where: g.where}).mask()
}

// foldAudience replaces the slots [from, to).
func (st *store) foldAudience(f *family, from, to int64, rows []heard) {
	for s := max(from, f.oldest()); s < to; s++ {
		f.empty(s)
	}
	tools, keys := make([]uint32, len(rows)), make([]key, len(rows))
	newest := int64(0)
	for i := range rows {
		r := &rows[i]
		tools[i] = st.id(r.Tool)
		keys[i] = key{st.id(r.CDN), st.id(r.ISP), st.id(r.Channel), st.id(r.Device)}
		if r.Sets == 0 && r.Told > 0 && r.Slot >= newest {
			newest = r.Slot
			st.weights[tools[i]] = r.Viewers / r.Told
		}
	}
	type seen struct {
		slot int64
		tool uint32
	}
	for _, g := range f.groupings {
		whole := map[seen]float64{}
		narrowed := g.narrowed()
		for i := range rows {
			if _, ok := g.takes(&keys[i]); ok && rows[i].Sets == narrowed {
				whole[seen{rows[i].Slot, tools[i]}] += rows[i].Viewers
			}
		}
		lead := map[int64]seen{}
		for s, viewers := range whole {
			best, ok := lead[s.slot]
			most := whole[best]
			if !ok || viewers > most || viewers == most && st.text(s.tool) < st.text(best.tool) {
				lead[s.slot] = s
			}
		}
		for slot, s := range lead {
			if slot >= f.oldest() && slot <= slotOf(f.head-1) {
				g.lead[slot%int64(f.slots)] = s.tool
			}
		}
		var taken []row
		for i := range rows {
			if rows[i].Sets == g.mask() && lead[rows[i].Slot].tool == tools[i] {
				taken = append(taken, row{slot: rows[i].Slot, key: keys[i], cols: [maxCols]float64{audTold: rows[i].Told, audViewers: rows[i].Viewers}})
			}
		}
		st.dropped += g.find(taken, st.log)
		for i := range taken {
			r, s := &taken[i], g.moved[i]
			if s < 0 || r.slot < f.oldest() || r.slot > slotOf(f.head-1) {
				continue
			}
			g.add(g.coarseRow(s, r.slot), &r.cols)
			g.last[s] = max(g.last[s], (r.slot+1)*slotSeconds)
		}
	}
	f.read(from, to)
}
