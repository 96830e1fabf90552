package tape

import (
	"context"
	"math"
	"slices"
	"time"

	"vigie/alerts/signal"
	"vigie/internal/ch"
)

// mostIdentities is how many names a grouping keeps; what is beyond is under the name rest.
const mostIdentities = 2000

// identity is who asks: networks or families of user agents, now against the quarter of an hour before a base.
type identity struct {
	r    *reader
	g    *grouping // by cdn (where it is divided by that), kind and name
	kind uint32
	by   bool
	top  bool // the share of the name that grew most; else how far the whole mix has moved

	seen    int
	cdns    []uint32
	members [][]int32
	shifts  [][]shift // by group and slot
	leads   []int32   // by group: the series that grew most, at the last reading; -1: none
}

// shift is what was made of a slot against the quarter of an hour before it.
type shift struct {
	slot  int64
	gen   uint64
	value float64
}

// shiftKept is for how many ticks, for late lines change it.
const shiftKept = 60

func (r *reader) identity(s signal.Signal, by []string, where map[string]string) shown {
	divided := append(slices.Clone(by), "kind", "name")
	g := r.st.grouping(signal.Identity, divided, where, r.grow, idLines, idRequests)
	if g == nil {
		return nil
	}
	if r.grow {
		g.most, g.rest = mostIdentities, true
	}
	kind := "asn"
	if s.Name == "agent_shift" || s.Name == "agent_top" {
		kind = "agent"
	}
	return &identity{r: r, g: g, kind: r.st.id(kind), by: len(by) > 0, top: s.Name == "asn_top" || s.Name == "agent_top"}
}

func (d *identity) learn() {
	for ; d.seen < len(d.g.keys); d.seen++ {
		k := d.g.keys[d.seen]
		if k[1] != d.kind {
			continue
		}
		i := slices.Index(d.cdns, k[0])
		if i < 0 {
			i = len(d.cdns)
			d.cdns, d.members, d.shifts = append(d.cdns, k[0]), append(d.members, nil), append(d.shifts, make([]shift, d.g.family.slots))
			d.leads = append(d.leads, -1)
		}
		d.members[i] = append(d.members[i], int32(d.seen))
	}
}

func (d *identity) groups() int {
	d.learn()
	return len(d.cdns)
}

func (d *identity) values(i int) []string {
	if !d.by {
		return []string{}
	}
	return []string{d.r.st.text(d.cdns[i])}
}

func (d *identity) index(values []string) int {
	d.learn()
	if !d.by && len(d.cdns) > 0 {
		return 0
	}
	return slices.IndexFunc(d.cdns, func(id uint32) bool { return len(values) == 1 && d.r.st.text(id) == values[0] })
}

func (d *identity) edge(i int) edge {
	cdn := d.g.where[0]
	if d.by && i < len(d.cdns) {
		cdn = d.cdns[i]
	}
	return d.r.edgesOf(d.g.family).of(cdn)
}

func (d *identity) failed() string { return d.g.family.err }

func (d *identity) last(i int) (last int64) {
	for _, m := range d.members[i] {
		last = max(last, d.g.last[m])
	}
	return last
}

// mix is each member's requests in the slots [first, last), and their sum; ok is false where nothing was read.
func (d *identity) mix(i int, first, last int64, of []float64) (sum, lines float64, known int) {
	f := d.g.family
	first = max(first, f.oldest())
	requests, told := d.g.place[idRequests], d.g.place[idLines]
	for slot := first; slot < last; slot++ {
		if !f.holds(slot) {
			continue
		}
		known++
		for n, m := range d.members[i] {
			row := d.g.coarseRow(m, slot)
			of[n] += row[requests]
			sum += row[requests]
			lines += row[told]
		}
	}
	return sum, lines, known
}

// compare is how the 30 s that end with a slot differ from the quarter of an hour before a base: how far the mix
// moved, which member's share grew most, and to what.
func (d *identity) compare(i int, slot, base int64) (moved float64, top int32, now, lines float64) {
	n := len(d.members[i])
	p, q := make([]float64, n), make([]float64, n)
	sum, lines, _ := d.mix(i, slot-2, slot+1, p)
	before, _, known := d.mix(i, slotOf(base)-usualFrom, slotOf(base)-usualTo, q)
	if sum <= 0 || before <= 0 || known < leastSlots {
		return nan, -1, nan, lines
	}
	grew := math.Inf(-1)
	for m := range p {
		by := p[m]/sum - q[m]/before
		moved += math.Abs(by) / 2
		// What small names are together is nobody.
		if by > grew && d.r.st.text(d.g.keys[d.members[i][m]][2]) != restName {
			grew, top, now = by, d.members[i][m], p[m]/sum
		}
	}
	return moved, top, now, lines
}

func (d *identity) window(i int, _, to, base int64) (value, sample float64) {
	value, sample, _ = d.showing(i, to, base)
	return value, sample
}

// showing is what a group shows at a moment against a base, and who grew.
func (d *identity) showing(i int, to, base int64) (value, sample float64, name string) {
	moved, top, now, lines := d.compare(i, slotOf(to)-1, base)
	if d.leads[i] = top; top >= 0 {
		name = d.r.st.text(d.g.keys[top][2])
	}
	if d.top {
		return now, lines, name
	}
	return moved, lines, name
}

// slot is, of the mix, how far it had moved then from the quarter of an hour before; of the name that grows now,
// its share then.
func (d *identity) slot(i int, slot, _ int64) float64 {
	if !d.top {
		if slot < d.g.family.oldest() {
			return nan
		}
		kept := &d.shifts[i][slot%int64(d.g.family.slots)]
		if kept.slot != slot || !d.r.fineless() && d.r.gen-kept.gen > shiftKept {
			moved, _, _, _ := d.compare(i, slot, (slot+1)*slotSeconds)
			*kept = shift{slot, d.r.gen, moved}
		}
		return kept.value
	}
	top := d.leads[i]
	if top < 0 {
		return nan
	}
	n := slices.Index(d.members[i], top)
	p := make([]float64, len(d.members[i]))
	sum, _, known := d.mix(i, slot-2, slot+1, p)
	if known < 3 {
		return nan
	}
	return ratio(p[n], sum)
}

// who is a row of identities.sql.
type who struct {
	Slot     int64   `ch:"slot"`
	CDN      string  `ch:"cdn"`
	Kind     string  `ch:"kind"`
	Name     string  `ch:"name"`
	Lines    uint64  `ch:"lines"`
	Requests float64 `ch:"requests"`
}

// readIdentities asks for the slots [from, to).
func (t *Tape) readIdentities(ctx context.Context, st *store, from, to int64, any bool) (func(), error) {
	if !any {
		return func() {}, nil
	}
	var asked []who
	if err := t.ask(ctx, &asked, "identities", ch.P("from", time.Unix(from*slotSeconds, 0)), ch.P("to", time.Unix(to*slotSeconds, 0))); err != nil {
		return nil, err
	}
	rows := make([]row, len(asked))
	for i, r := range asked {
		if r.Name == "" { // small ones together
			r.Name = restName
		}
		rows[i] = row{slot: r.Slot, key: key{st.id(r.CDN), st.id(r.Kind), st.id(r.Name)}, cols: [maxCols]float64{idLines: float64(r.Lines), idRequests: r.Requests}}
	}
	return func() { st.families[signal.Identity].foldCoarse(from, to, rows, st) }, nil
}
