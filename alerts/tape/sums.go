package tape

import (
	"math"
	"slices"

	"vigie/alerts/signal"
	"vigie/internal/event"
	"vigie/internal/histogram"
)

// formula makes a signal of its family's sums.
type formula struct {
	cols   []int
	value  func(a *[maxCols]float64, seconds float64) float64
	sample func(a *[maxCols]float64) float64
	volume bool // nothing of it is 0, where its senders told something
}

func buckets(cols []int, first int) []int {
	for i := range 16 {
		cols = append(cols, first+i)
	}
	return cols
}

func per(col int, times float64) func(*[maxCols]float64, float64) float64 {
	return func(a *[maxCols]float64, seconds float64) float64 { return a[col] * times / seconds }
}

func share(of func(*[maxCols]float64) float64, whole func(*[maxCols]float64) float64) func(*[maxCols]float64, float64) float64 {
	return func(a *[maxCols]float64, _ float64) float64 { return ratio(of(a), whole(a)) }
}

func at(col int) func(*[maxCols]float64) float64 {
	return func(a *[maxCols]float64) float64 { return a[col] }
}

// ratio is NaN of nothing.
func ratio(part, whole float64) float64 {
	if whole <= 0 {
		return nan
	}
	return part / whole
}

func quantile(a *[maxCols]float64, first int, q float64, edges []float64) float64 {
	return (*histogram.Buckets)(a[first:first+16]).Quantile(q, edges) / 1000
}

// formulas are the catalogue's definitions, as the board has them.
var formulas = map[string]formula{
	"traffic":       {[]int{reqLines, reqBytes}, per(reqBytes, 8), at(reqLines), true},
	"requests":      {[]int{reqLines, reqRequests}, per(reqRequests, 1), at(reqLines), true},
	"errors":        {[]int{reqLines, reqRequests, reqErrors}, share(at(reqErrors), at(reqRequests)), at(reqLines), false},
	"client_errors": {[]int{reqLines, reqRequests, reqClient}, share(at(reqClient), at(reqRequests)), at(reqLines), false},
	"blocked":       {[]int{reqLines, reqRequests, reqBlocked}, share(at(reqBlocked), at(reqRequests)), at(reqLines), false},
	// Errors of the cache are told, and are no misses.
	"cache_misses": {[]int{reqLines, reqCacheTold, reqCacheMissed, reqCacheLines}, share(at(reqCacheMissed), at(reqCacheTold)), at(reqCacheLines), false},
	"first_byte": {buckets([]int{reqLines, reqRequests}, reqFirstByte),
		func(a *[maxCols]float64, _ float64) float64 {
			return quantile(a, reqFirstByte, 0.95, event.FirstByteEdges[:])
		},
		// Of the lines, those that tell it.
		func(a *[maxCols]float64) float64 {
			return zeroed(a[reqLines] * ratio((*histogram.Buckets)(a[reqFirstByte:reqFirstByte+16]).Total(), a[reqRequests]))
		}, false},

	"attempts":    {[]int{expLines, expAttempts, expToldAttempts}, per(expAttempts, 1), at(expToldAttempts), true},
	"failures":    {[]int{expLines, expAttempts, expFailures, expToldAttempts}, share(at(expFailures), at(expAttempts)), at(expToldAttempts), false},
	"early_exits": {[]int{expLines, expAttempts, expExits, expToldAttempts}, share(at(expExits), at(expAttempts)), at(expToldAttempts), false},
	"rebuffering": {[]int{expLines, expPlaying, expRebuffering},
		share(at(expRebuffering), func(a *[maxCols]float64) float64 { return a[expPlaying] + a[expRebuffering] }), at(expLines), false},
	"offload": {[]int{expLines, expCDNBytes, expPeerBytes},
		share(at(expPeerBytes), func(a *[maxCols]float64) float64 { return a[expPeerBytes] + a[expCDNBytes] }), at(expLines), false},
	"startup": {buckets([]int{expLines, expToldStarts}, expStartup),
		func(a *[maxCols]float64, _ float64) float64 {
			return quantile(a, expStartup, 0.5, event.StartupEdges[:])
		}, at(expToldStarts), false},
}

func zeroed(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// sums is a signal made of sums.
type sums struct {
	r       *reader
	g       *grouping
	present *grouping // lines, by CDN: whose silence is no zero
	cdn     int       // position of the CDN among the dimensions; -1: there is none
	tool    int
	of      formula
	place   []int // of the formula's columns in the rings

	peers *mesh // of traffic of the whole: what viewers get from each other is traffic too
	mesh  *mesh // of offload, where it is not said by which tool
}

func (r *reader) sums(s signal.Signal, by []string, where map[string]string) shown {
	of := formulas[s.Name]
	g := r.st.grouping(s.Family, by, where, r.grow, of.cols...)
	if g == nil {
		return nil
	}
	out := &sums{r: r, g: g, of: of, cdn: slices.Index(g.family.dims, "cdn"), tool: slices.Index(g.family.dims, "tool")}
	out.present = r.st.grouping(s.Family, []string{"cdn"}, nil, r.grow)
	for _, c := range of.cols {
		out.place = append(out.place, int(g.place[c]))
	}
	switch {
	case s.Name == "offload" && !slices.Contains(by, "tool") && where["tool"] == "":
		if out.mesh = r.mesh(by, where); out.mesh == nil {
			return nil
		}
	case s.Name == "traffic" && len(by) == 0 && len(where) == 0:
		out.peers = r.mesh(nil, nil)
	}
	if out.present == nil {
		return nil
	}
	return out
}

func (s *sums) groups() int           { return len(s.g.keys) }
func (s *sums) values(i int) []string { return s.g.values(s.r.st.names, i) }
func (s *sums) last(i int) int64      { return s.g.last[i] }
func (s *sums) failed() string        { return s.g.family.err }

func (s *sums) index(values []string) int {
	k := s.g.where
	k = key{}
	for n, d := range s.g.by {
		if n >= len(values) {
			return -1
		}
		k[d] = s.r.st.id(values[n])
	}
	if i, ok := s.g.index[k]; ok {
		return int(i)
	}
	return -1
}

// fixed is a group's value of a dimension, whether divided by it or narrowed to it; 0: neither.
func (g *grouping) fixed(i, dim int) uint32 {
	if dim < 0 {
		return 0
	}
	if w := g.where[dim]; w != 0 {
		return w
	}
	if i < len(g.keys) {
		return g.keys[i][dim]
	}
	return 0
}

func (s *sums) edge(i int) edge {
	e := s.r.edgesOf(s.g.family)
	if s.g.family.name == signal.Experience {
		return e.tool(s.g.fixed(i, s.tool))
	}
	return e.of(s.g.fixed(i, s.cdn))
}

// stretch is how the seconds [from, to) can be had of a family: finely, or in the slots [first, last) and the
// fine seconds from rest on; ok is false where not all of them were read. length is how long it is.
type stretch struct {
	fine        bool
	from, to    int64
	first, last int64
	rest        int64
}

func (r *reader) stretch(f *family, from, to int64) (s stretch, ok bool) {
	if r.fine && to-from <= fineTime && f.finely(from, to) {
		return stretch{fine: true, from: from, to: to}, true
	}
	s = stretch{last: slotOf(to)}
	s.rest, s.to = s.last*slotSeconds, s.last*slotSeconds
	if r.fine && f.finely(s.rest, to) {
		s.first, s.to = slotOf(from), to
	} else {
		s.first = s.last - max(1, (to-from+slotSeconds-1)/slotSeconds)
	}
	s.from = s.first * slotSeconds
	for slot := s.first; slot < s.last; slot++ {
		if !f.holds(slot) {
			return s, false
		}
	}
	return s, true
}

// gather adds up columns of a series over a stretch.
func (g *grouping) gather(i int, s *stretch, cols, place []int, a *[maxCols]float64) {
	n := len(g.cols)
	seconds := func(from, to int64) {
		base := i * fineSlots * n
		for second := from; second < to; second++ {
			at := base + int(second%fineSlots)*n
			row := g.fine[at : at+n]
			for k, c := range cols {
				a[c] += row[place[k]]
			}
		}
	}
	if s.fine {
		seconds(s.from, s.to)
		return
	}
	base, slots := i*g.family.slots*n, int64(g.family.slots)
	for slot := s.first; slot < s.last; slot++ {
		at := base + int(slot%slots)*n
		row := g.coarse[at : at+n]
		for k, c := range cols {
			a[c] += row[place[k]]
		}
	}
	seconds(s.rest, s.to)
}

var linesAlone, firstPlace = []int{0}, []int{0}

// delivered tells whether the senders of a group told anything in a stretch, whatever of.
func (s *sums) delivered(i int, st *stretch) bool {
	cdn := s.g.fixed(i, s.cdn)
	var a [maxCols]float64
	for n := range s.present.keys {
		if cdn != 0 && s.present.keys[n][s.cdn] != cdn {
			continue
		}
		if s.present.gather(n, st, linesAlone, firstPlace, &a); a[0] > 0 {
			return true
		}
	}
	return false
}

func (s *sums) over(i int, st *stretch) (value, sample float64) {
	g := s.g
	if s.mesh != nil { // of the tool that sees most of it
		if g, i = s.mesh.series(i, s.g, st); i < 0 {
			return nan, 0
		}
	}
	a := &s.r.sum
	clear(a[:])
	place := s.place
	if g != s.g {
		place = s.mesh.place
	}
	g.gather(i, st, s.of.cols, place, a)
	if s.of.volume && a[0] == 0 && !s.delivered(i, st) {
		return nan, 0
	}
	return s.of.value(a, float64(st.to-st.from)), s.of.sample(a)
}

func (s *sums) window(i int, from, to, _ int64) (value, sample float64) {
	st, ok := s.r.stretch(s.g.family, from, to)
	if !ok || s.edge(i).at == 0 {
		return nan, nan
	}
	value, sample = s.over(i, &st)
	if s.peers != nil && value == value {
		value += zeroed(s.peers.bits(to))
	}
	return value, sample
}

func (s *sums) slot(i int, slot, _ int64) float64 {
	if !s.g.family.holds(slot) {
		return nan
	}
	st := stretch{from: slot * slotSeconds, to: (slot + 1) * slotSeconds, first: slot, last: slot + 1, rest: (slot + 1) * slotSeconds}
	v, _ := s.over(i, &st)
	if s.peers != nil && v == v {
		v += zeroed(s.peers.bits((slot + 1) * slotSeconds))
	}
	return v
}

// mesh is what viewers get from each other, by tool: every tool may report the same bytes, so those of the
// tool that saw most are taken.
type mesh struct {
	r     *reader
	g     *grouping // by tool and the view's dimensions
	whole *grouping // by tool alone
	place []int
}

func (r *reader) mesh(by []string, where map[string]string) *mesh {
	of := formulas["offload"]
	divided := append(slices.Clone(by), "tool")
	slices.Sort(divided)
	m := &mesh{r: r,
		g:     r.st.grouping(signal.Experience, divided, where, r.grow, of.cols...),
		whole: r.st.grouping(signal.Experience, []string{"tool"}, where, r.grow, of.cols...)}
	if m.g == nil || m.whole == nil {
		return nil
	}
	for _, c := range of.cols {
		m.place = append(m.place, int(m.g.place[c]))
	}
	return m
}

// leading is the tool that saw most bytes between viewers in a stretch, and how many.
func (m *mesh) leading(st *stretch) (tool uint32, most float64) {
	place := []int{int(m.whole.place[expPeerBytes])}
	name := ""
	for i, k := range m.whole.keys {
		var a [maxCols]float64
		m.whole.gather(i, st, []int{expPeerBytes}, place, &a)
		if bytes, called := a[expPeerBytes], m.r.st.text(k[0]); bytes > 0 && (bytes > most || bytes == most && called < name) {
			tool, most, name = k[0], bytes, called
		}
	}
	return tool, most
}

// series is that of the leading tool for a group of another grouping; -1: there is none.
func (m *mesh) series(i int, of *grouping, st *stretch) (*grouping, int) {
	tool, _ := m.leading(st)
	if tool == 0 {
		return m.g, -1
	}
	k := of.keys[i]
	k[0] = tool
	if s, ok := m.g.index[k]; ok {
		return m.g, int(s)
	}
	return m.g, -1
}

// stale is for how long what players told last goes on: tools may be later than logs.
const stale = 60

// bits is the traffic between viewers in the last ten seconds before a moment that tools have told of.
func (m *mesh) bits(to int64) float64 {
	slot := slotOf(min(to, m.r.edgesOf(m.whole.family).tools.at)) - 1
	if to-(slot+1)*slotSeconds > stale || !m.whole.family.holds(slot) {
		return nan
	}
	_, bytes := m.leading(&stretch{first: slot, last: slot + 1, rest: (slot + 1) * slotSeconds, to: (slot + 1) * slotSeconds})
	return bytes * 8 / slotSeconds
}
