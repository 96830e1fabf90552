package tape

import (
	"math"
	"slices"
	"strings"
	"time"

	"vigie/alerts/rule"
	"vigie/alerts/signal"
	"vigie/internal/match"
)

// shown is a kind of signal as a view divides it. Groups are numbered from 0; what is not known is NaN.
type shown interface {
	groups() int
	values(i int) []string
	// index is the group with these values; -1: there is none.
	index(values []string) int
	// window is what a group showed in the seconds [from, to); what it is held against within itself, of before base.
	window(i int, from, to, base int64) (value, sample float64)
	// slot is what it showed in ten seconds, as what is usual is made of; base is that of the reading.
	slot(i int, slot, base int64) float64
	edge(i int) edge
	last(i int) int64
	failed() string
}

var nan = math.NaN()

// reader reads a store as one Data does: with its own clock, its own edges, and its own memory of what it
// said before. It is for one goroutine.
type reader struct {
	st    *store
	cfg   *Config
	edges edges
	fine  bool   // the seconds are there
	own   bool   // edges are the reader's own, not each family's
	grow  bool   // views that were not known make room for themselves
	gen   uint64 // grows whenever something may have become another
	views map[rule.View]*view
	tape  *Tape // whose statements and earlier match it knows; nil: none
	clock clock
	sum   [maxCols]float64 // of the window under way
}

// clock is the match at a moment.
type clock struct {
	match    *match.Match
	timeline []match.Mark
}

// view is what one View reads, and what was read of it lately.
type view struct {
	rule.View
	signal signal.Signal
	of     shown
	over   int64
	watch  *audience // who watches; nil: nobody tells
	seen   []int     // by group: the audience's; -1-n: it was not among the first n
	by     []string
	older  *view // of the earlier match; nil: not known
	olderN *night
	match  []int // by group: the older view's
	asks   bool  // a rule asks for the earlier match
	series []rule.Series
	memo   []memo
}

// memo is what was made of a group last.
type memo struct {
	gen                    uint64
	at, base               int64
	value, sample, viewers float64

	usual [2]usual // of the last two bases: now, and when an alert began
	turn  uint8
}

func newReader(st *store, cfg *Config) *reader {
	return &reader{st: st, cfg: cfg, views: map[rule.View]*view{}, gen: 1}
}

// moveOn tells how far everything is complete from now on.
func (r *reader) moveOn(e edges) {
	r.edges = e
	r.gen++
	now := time.Unix(e.now, 0)
	r.clock = clock{match: r.cfg.Matches.At(now)}
	if m := r.clock.match; m != nil {
		r.clock.timeline = r.cfg.Matches.Timeline(m.ID)
	}
}

// edgesOf are how far a family is complete.
func (r *reader) edgesOf(f *family) *edges {
	if r.own {
		return &r.edges
	}
	return &f.edges
}

// parts are a View's dimensions and what it is narrowed to; false: it is written in no way that can be read.
func parts(v rule.View) (by []string, where map[string]string, ok bool) {
	if v.By != "" {
		by = strings.Split(v.By, ",")
		slices.Sort(by)
	}
	where = map[string]string{}
	if v.Where != "" {
		key := ""
		for part := range strings.SplitSeq(v.Where, ",") {
			name, value, found := strings.Cut(part, "=")
			if !found {
				if key == "" {
					return nil, nil, false
				}
				where[key] += "," + part // a value with a comma
				continue
			}
			key = name
			where[key] = value
		}
	}
	return by, where, true
}

// find is the view of a View; nil: there are no data for it.
func (r *reader) find(v rule.View) *view {
	if found, ok := r.views[v]; ok {
		return found
	}
	made := r.make(v)
	r.views[v] = made
	return made
}

func (r *reader) make(v rule.View) *view {
	s, ok := signal.Find(v.Signal)
	if !ok {
		return nil
	}
	by, where, ok := parts(v)
	if !ok {
		return nil
	}
	for _, name := range by {
		if s.Family != signal.SQL && !slices.Contains(s.By, name) {
			return nil
		}
	}
	for name := range where {
		if s.Family != signal.SQL && !slices.Contains(s.By, name) {
			return nil
		}
	}
	made := &view{View: v, signal: s, by: by, over: int64(v.Over / time.Second)}
	if made.over <= 0 {
		made.over = slotSeconds
	}
	switch s.Family {
	case signal.Requests, signal.Experience:
		made.of = r.sums(s, by, where)
	case signal.Capacity:
		made.of = r.capacity(by, where)
	case signal.Audience:
		if s.Name == "viewers" {
			made.of = orNil(r.audience(by, where))
		} else {
			made.of = r.perViewer(by, where)
		}
	case signal.Identity:
		made.of = r.identity(s, by, where)
	case signal.Services:
		made.of = r.services(s, by, where)
	case signal.Sources:
		made.of = r.sources(s, by, where)
	case signal.SQL:
		made.of = r.statement(v, by)
	}
	if made.of == nil {
		return nil
	}
	if s.Family != signal.Sources && s.Family != signal.SQL {
		made.watch = r.watching(by, where)
	}
	return made
}

// orNil keeps a nil pointer from becoming an interface that is not nil.
func orNil(a *audience) shown {
	if a == nil {
		return nil
	}
	return a
}

// people are the dimensions that players tell of themselves.
var people = []string{"cdn", "isp", "channel", "device"}

// watching is who watches, by the same dimensions as far as players tell them.
func (r *reader) watching(by []string, where map[string]string) *audience {
	own := map[string]string{}
	for name, value := range where {
		if slices.Contains(people, name) {
			own[name] = value
		}
	}
	return r.audience(slices.DeleteFunc(slices.Clone(by), func(name string) bool { return !slices.Contains(people, name) }), own)
}

// Series are the groups of a view; of one that cannot be read, one that says so.
func (r *reader) Series(v rule.View) []rule.Series {
	w := r.find(v)
	if w == nil {
		by, _, _ := parts(v)
		return []rule.Series{{Values: make([]string, len(by)), Error: "there are no data of " + v.Signal + " that are divided like this"}}
	}
	n := w.of.groups()
	failed := w.of.failed()
	for i := range n {
		if i == len(w.series) {
			w.series = append(w.series, rule.Series{Values: w.of.values(i)})
		}
		s, e := &w.series[i], w.of.edge(i)
		s.Complete, s.Last, s.Silent, s.Error = moment(e.at), moment(w.of.last(i)), e.silent, failed
	}
	return w.series
}

func moment(second int64) time.Time {
	if second == 0 {
		return time.Time{}
	}
	return time.Unix(second, 0)
}

// Read fills in what a group showed.
func (r *reader) Read(v rule.View, group int, at, base time.Time, out *rule.Reading) {
	*out = rule.Reading{Value: nan, Sample: nan, Usual: nan, Spread: nan, Forecast: nan, Earlier: nan, Viewers: nan}
	w := r.find(v)
	if w == nil || group < 0 || group >= w.of.groups() {
		return
	}
	end := at.Unix()
	if e := w.of.edge(group); e.at == 0 || end > e.at {
		return
	}
	for len(w.memo) <= group {
		w.memo = append(w.memo, memo{})
	}
	m := &w.memo[group]
	against := int64(0)
	if w.signal.Family == signal.Identity {
		against = base.Unix()
	}
	if m.gen != r.gen || m.at != end || m.base != against {
		m.gen, m.at, m.base = r.gen, end, against
		m.value, m.sample = w.of.window(group, end-w.over, end, against)
		m.viewers = r.viewers(w, group, end)
	}
	out.Value, out.Sample, out.Viewers = m.value, m.sample, m.viewers
	out.Forecast = r.forecast(w, end)
	if w.asks || w.Against == rule.AgainstEarlier {
		out.Earlier = r.earlier(w, group, end)
	}
	u := r.usually(w, group, base.Unix())
	times := r.against(w, group, end, out)
	out.Usual = u.median * times
	out.Spread = max(u.spread*math.Abs(times), w.signal.Floor, 0.02*math.Abs(out.Usual))
}

// viewers is who watched a group at a moment.
func (r *reader) viewers(w *view, group int, at int64) float64 {
	if w.watch == nil {
		return nan
	}
	i := r.watched(w, group)
	if i < 0 {
		return nan
	}
	v, _ := w.watch.at(i, at)
	return v
}

// watched is the audience's group of a view's; -1: there is none yet.
func (r *reader) watched(w *view, group int) int {
	if w.of == shown(w.watch) {
		return group
	}
	for len(w.seen) <= group {
		w.seen = append(w.seen, -1)
	}
	if n := w.watch.groups(); w.seen[group] < 0 && w.seen[group] != -1-n {
		var values []string
		for d, value := range w.of.values(group) {
			if d < len(w.by) && slices.Contains(people, w.by[d]) {
				values = append(values, value)
			}
		}
		if w.seen[group] = w.watch.index(values); w.seen[group] < 0 {
			w.seen[group] = -1 - n
		}
	}
	return w.seen[group]
}

// points are the forecast that a view is held against; nil: nobody forecast it.
func (r *reader) points(w *view) []match.Point {
	if r.clock.match == nil || w.By != "" || w.Where != "" {
		return nil
	}
	switch w.Signal {
	case "viewers":
		return r.clock.match.Forecast.Viewers
	case "traffic":
		return r.clock.match.Forecast.Traffic
	}
	return nil
}

// forecast is what was expected of the moment that a reading is of, in the middle of its stretch.
func (r *reader) forecast(w *view, at int64) float64 {
	points := r.points(w)
	if points == nil {
		return nan
	}
	middle := time.Unix(at, 0).Add(-time.Duration(w.over) * time.Second / 2)
	if v, ok := r.clock.match.Expected(points, r.clock.timeline, middle); ok {
		return v
	}
	return nan
}
