package tape

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"

	"vigie/alerts/rule"
	"vigie/alerts/signal"
)

// The two grains, and how much of each is kept: a ring of seconds which holds three minutes, how late most
// sources are, and what clocks may be ahead; and one of tens of seconds which holds an hour to play again, what was
// usual before it, and a margin.
const (
	fineSlots   = 256
	fineTime    = 180 // the longest stretch that is read by the second
	aheadTime   = 12
	slotSeconds = 10
	coarseSlots = 608
	maxDims     = 5
	maxCols     = 28
)

// key is the values of a family's dimensions, as names numbers them; 0: not divided by it.
type key [maxDims]uint32

// names numbers texts, from 1. It is bounded: what comes beyond shares a number. It may be used by many
// goroutines.
type names struct {
	mu    sync.RWMutex
	ids   map[string]uint32
	texts []string
}

const maxNames = 1 << 18

func newNames() *names { return &names{ids: map[string]uint32{}, texts: []string{""}} }

func (n *names) id(text string) uint32 {
	n.mu.RLock()
	id, ok := n.ids[text]
	n.mu.RUnlock()
	if ok {
		return id
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.texts) >= maxNames {
		text = "…"
	}
	if id, ok := n.ids[text]; ok {
		return id
	}
	id = uint32(len(n.texts))
	n.ids[text] = id
	n.texts = append(n.texts, text)
	return id
}

func (n *names) text(id uint32) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.texts[id]
}

// row is a row of a family's statement.
type row struct {
	slot int64 // second, or tens of seconds
	key  key
	cols [maxCols]float64
}

// grouping is a family's rows where some dimensions have a value, added up by some of them: flat rings of
// sums, one after another.
type grouping struct {
	family *family
	by     []int // positions among the family's dimensions
	where  key
	place  [maxCols]int8 // of each of the family's columns in the rings; -1: not kept
	cols   []int         // the columns kept
	most   int           // series
	rest   bool          // what is beyond is kept under the name rest of the last dimension

	index  map[key]int32
	keys   []key
	last   []int64 // the end of the last second with lines, by series
	fine   []float64
	coarse []float64
	full   bool

	moved []int32  // of fold: the series of each row
	lead  []uint32 // audience: the tool that sees most, by coarse slot; 0: none
}

// restName is what small names together are called.
const restName = "rest"

func (g *grouping) keep(col int) {
	if g.place[col] >= 0 {
		return
	}
	g.place[col] = int8(len(g.cols))
	g.cols = append(g.cols, col)
}

// takes tells whether a row belongs here, and where.
func (g *grouping) takes(k *key) (to key, ok bool) {
	for i, want := range g.where {
		if want != 0 && k[i] != want {
			return to, false
		}
	}
	for _, i := range g.by {
		to[i] = k[i]
	}
	return to, true
}

// values are a series' dimensions in words.
func (g *grouping) values(n *names, series int) []string {
	out := make([]string, len(g.by))
	for i, d := range g.by {
		out[i] = n.text(g.keys[series][d])
	}
	return out
}

func (g *grouping) fineRow(series int32, second int64) []float64 {
	at := (int(series)*fineSlots + int(second%fineSlots)) * len(g.cols)
	return g.fine[at : at+len(g.cols)]
}

func (g *grouping) coarseRow(series int32, slot int64) []float64 {
	at := (int(series)*g.family.slots + int(slot%int64(g.family.slots))) * len(g.cols)
	return g.coarse[at : at+len(g.cols)]
}

func (g *grouping) admit(k key) int32 {
	i := int32(len(g.keys))
	g.index[k] = i
	g.keys = append(g.keys, k)
	g.last = append(g.last, 0)
	if g.family.fine {
		g.fine = append(g.fine, make([]float64, fineSlots*len(g.cols))...)
	}
	g.coarse = append(g.coarse, make([]float64, g.family.slots*len(g.cols))...)
	return i
}

// find gives each row its series: new ones are admitted by name, or where there are too many, the largest
// first; -1: not here.
func (g *grouping) find(rows []row, log *slog.Logger) (dropped int) {
	n := g.family.names
	g.moved = slices.Grow(g.moved[:0], len(rows))[:len(rows)]
	var fresh map[key]float64
	for i := range rows {
		g.moved[i] = -1
		k, ok := g.takes(&rows[i].key)
		if !ok {
			continue
		}
		if s, ok := g.index[k]; ok {
			g.moved[i] = s
			continue
		}
		if fresh == nil {
			fresh = map[key]float64{}
		}
		fresh[k] += rows[i].cols[0]
	}
	if fresh == nil {
		return 0
	}
	order := make([]key, 0, len(fresh))
	for k := range fresh {
		order = append(order, k)
	}
	byName := func(a, b key) int {
		for _, d := range g.by {
			if c := cmp.Compare(n.text(a[d]), n.text(b[d])); c != 0 {
				return c
			}
		}
		return 0
	}
	slices.SortFunc(order, byName)
	if room := g.most - len(g.keys); len(order) > room {
		slices.SortStableFunc(order, func(a, b key) int { return -cmp.Compare(fresh[a], fresh[b]) })
		dropped = len(order) - max(room, 0)
		order = order[:max(room, 0)]
		if !g.full {
			g.full = true
			log.Warn("rules divide by too many values: the smallest are not judged", "family", g.family.name, "by", g.dimensions(), "most", g.most)
		}
	}
	for _, k := range order {
		g.admit(k)
	}
	for i := range rows {
		if k, ok := g.takes(&rows[i].key); ok && g.moved[i] < 0 {
			if s, ok := g.index[k]; ok {
				g.moved[i] = s
			} else if g.rest {
				k[g.by[len(g.by)-1]] = n.id(restName)
				s, ok := g.index[k]
				if !ok {
					s = g.admit(k) // one for each value of the dimensions before: few
				}
				g.moved[i] = s
			}
		}
	}
	return dropped
}

// dimensions names those that it is divided by.
func (g *grouping) dimensions() []string {
	out := make([]string, len(g.by))
	for i, d := range g.by {
		out[i] = g.family.dims[d]
	}
	return out
}

// sum makes one coarse slot of its ten seconds.
func (g *grouping) sum(slot int64) {
	n := len(g.cols)
	for s := range g.keys {
		to := g.coarseRow(int32(s), slot)
		clear(to)
		for second := slot * slotSeconds; second < min((slot+1)*slotSeconds, g.family.head); second++ {
			for c, v := range g.fineRow(int32(s), second)[:n] {
				to[c] += v
			}
		}
	}
}

func (g *grouping) bytes() int {
	return 8*(cap(g.fine)+cap(g.coarse)+cap(g.last)) + 24*cap(g.keys) + 64*len(g.index)
}

// store holds the families.
type store struct {
	*names
	log      *slog.Logger
	families map[signal.Family]*family
	ordered  []*family
	dropped  int
	weights  map[uint32]float64 // what one session of a tool stands for
}

func newStore(n *names, log *slog.Logger, slots int, fine bool) *store {
	st := &store{names: n, log: log, families: map[signal.Family]*family{}, weights: map[uint32]float64{}}
	for _, f := range allFamilies {
		own := f // a copy
		own.names, own.slots = n, slots
		own.fine = own.fine && fine
		own.loaded = make([]bool, slots)
		own.unread = map[int64]bool{}
		st.families[f.name] = &own
		st.ordered = append(st.ordered, &own)
	}
	return st
}

// grouping is the family's with these dimensions, made if need be; nil: it has no such dimension.
func (st *store) grouping(of signal.Family, by []string, where map[string]string, grow bool, cols ...int) *grouping {
	f := st.families[of]
	var w key
	for dim, value := range where {
		i := slices.Index(f.dims, dim)
		if i < 0 {
			return nil
		}
		w[i] = st.id(value)
	}
	var dims []int
	for _, dim := range by {
		i := slices.Index(f.dims, dim)
		if i < 0 {
			return nil
		}
		dims = append(dims, i)
	}
	for _, g := range f.groupings {
		if g.where == w && slices.Equal(g.by, dims) {
			for _, c := range cols {
				if g.place[c] < 0 && !grow {
					return nil
				}
				g.keep(c)
			}
			return g
		}
	}
	if !grow {
		return nil
	}
	g := &grouping{family: f, by: dims, where: w, index: map[key]int32{}, most: rule.MaxGroups}
	for c := range g.place {
		g.place[c] = -1
	}
	g.keep(0)
	for _, c := range cols {
		g.keep(c)
	}
	if of == signal.Audience {
		g.lead = make([]uint32, f.slots)
	}
	f.groupings = append(f.groupings, g)
	f.union |= g.mask()
	return g
}

// mask has a bit for each dimension that matters.
func (g *grouping) mask() (bits uint8) {
	for _, d := range g.by {
		bits |= 1 << d
	}
	for d, w := range g.where {
		if w != 0 {
			bits |= 1 << d
		}
	}
	return bits
}

func (st *store) bytes() (n int) {
	for _, f := range st.ordered {
		for _, g := range f.groupings {
			n += g.bytes()
		}
	}
	return n
}

func (st *store) series() (n int) {
	for _, f := range st.ordered {
		for _, g := range f.groupings {
			n += len(g.keys)
		}
	}
	return n
}
