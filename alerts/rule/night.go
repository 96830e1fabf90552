package rule

import (
	"math"
	"slices"
	"strings"
	"time"

	"vigie/alerts/signal"
)

// night is data that are written down second by second: what the tests of rules are judged by.
type night struct {
	began  int64
	now    int64 // seconds since then that have passed
	shows  []*shown
	groups map[View][]*nightGroup
	order  map[View][]Series
}

// shown is what a signal shows for some values of its dimensions. What has fewer seconds than the night goes on as
// nothing.
type shown struct {
	signal  string
	sql     string // the rule, of signal sql
	labels  map[string]string
	value   []float64
	sample  []float64 // by the second
	against [3][]float64
	silent  [][2]int64 // from, to: what is of these seconds comes at the end of them
}

// Of shown.against.
const (
	nightForecast = iota
	nightEarlier
	nightViewers
)

// nightGroup is one series of a view.
type nightGroup struct {
	values  []string
	of      []*shown
	share   bool      // a share or a duration, of which the mean is taken; others add up
	shows   []float64 // of each second, with what it is a sample of
	samples []float64
	usualAt map[int64][2]float64 // median and spread, by the base
	window  []float64
}

// nightBegan is when all nights begin. No moment of it means anything.
const nightBegan = 1_800_000_000

func newNight(shows []*shown) *night {
	return &night{began: nightBegan, shows: shows, groups: map[View][]*nightGroup{}, order: map[View][]Series{}}
}

// length is how long anything is shown.
func (n *night) length() int64 {
	longest := 0
	for _, s := range n.shows {
		longest = max(longest, len(s.value))
	}
	return int64(longest)
}

// complete is the second before which everything is there at a moment, and whether no more will come.
func (s *shown) complete(now int64) (int64, bool) {
	for _, silent := range s.silent {
		if now >= silent[0] && now < silent[1] {
			return silent[0], true
		}
	}
	return now, false
}

func (n *night) find(v View) []*nightGroup {
	if groups, ok := n.groups[v]; ok {
		return groups
	}
	var dims []string
	if v.By != "" {
		dims = strings.Split(v.By, ",")
	}
	where := map[string]string{}
	if v.Where != "" {
		for _, one := range strings.Split(v.Where, ",") {
			name, value, _ := strings.Cut(one, "=")
			where[name] = value
		}
	}
	sig, _ := signal.Find(v.Signal)
	var groups []*nightGroup
	for _, s := range n.shows {
		fits := s.signal == v.Signal && s.sql == v.SQL
		for name, value := range where {
			fits = fits && s.labels[name] == value
		}
		values := valuesOf(s.labels, dims)
		if !fits || slices.Contains(values, "") {
			continue
		}
		i := slices.IndexFunc(groups, func(g *nightGroup) bool { return slices.Equal(g.values, values) })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &nightGroup{values: values, share: sig.Unit == signal.Ratio || sig.Unit == signal.Seconds, usualAt: map[int64][2]float64{}})
		}
		groups[i].of = append(groups[i].of, s)
	}
	for _, g := range groups {
		for t := range n.length() {
			value, sample := g.add(t)
			g.shows, g.samples = append(g.shows, value), append(g.samples, sample)
		}
	}
	n.groups[v] = groups
	return groups
}

// Series are those that have begun.
func (n *night) Series(v View) []Series {
	all := n.order[v][:0]
	for _, g := range n.find(v) {
		s := Series{Values: g.values}
		complete := n.now
		for _, one := range g.of {
			c, silent := one.complete(n.now)
			complete, s.Silent = min(complete, c), s.Silent || silent
		}
		s.Complete = at(n.began + complete)
		for t := complete - 1; t >= 0 && s.Last.IsZero(); t-- {
			if _, sample := g.second(t); sample > 0 {
				s.Last = at(n.began + t + 1)
			}
		}
		all = append(all, s)
	}
	n.order[v] = all
	return all
}

// second is what a group showed in a second, and how many that is of.
func (g *nightGroup) second(t int64) (value, sample float64) {
	if t < 0 || t >= int64(len(g.shows)) {
		return math.NaN(), 0
	}
	return g.shows[t], g.samples[t]
}

// add is that, of all that the group is made of.
func (g *nightGroup) add(t int64) (value, sample float64) {
	weighed := 0.0
	for _, s := range g.of {
		v, m := pick(s.value, t), pick(s.sample, t)
		if math.IsNaN(v) || !(m > 0) {
			continue
		}
		sample += m
		value += v
		weighed += v * m
	}
	switch {
	case sample == 0:
		return math.NaN(), 0
	case g.share:
		return weighed / sample, sample
	}
	return value, sample
}

func pick(values []float64, t int64) float64 {
	if t < 0 || t >= int64(len(values)) {
		return math.NaN()
	}
	return values[t]
}

// compared is what the group is held against in a second, the sum over what it is made of, or its mean.
func (g *nightGroup) compared(which int, t int64) float64 {
	sum := 0.0
	for _, s := range g.of {
		sum += pick(s.against[which], t)
	}
	if g.share {
		sum /= float64(len(g.of))
	}
	return sum
}

// Read takes the mean of the seconds of a stretch, of shares and durations weighed by their samples.
func (n *night) Read(v View, group int, to, base time.Time, r *Reading) {
	g := n.find(v)[group]
	end := to.Unix() - n.began
	*r = nothing
	sum, weight := 0.0, 0.0
	r.Sample = 0
	for t := end - int64(v.Over/time.Second); t < end; t++ {
		if value, sample := g.second(t); sample > 0 {
			w := 1.0
			if g.share {
				w = sample
			}
			sum, weight, r.Sample = sum+value*w, weight+w, r.Sample+sample
		}
	}
	if weight > 0 {
		r.Value = sum / weight
	}
	r.Forecast, r.Earlier, r.Viewers = g.compared(nightForecast, end-1), g.compared(nightEarlier, end-1), g.compared(nightViewers, end-1)
	held := against(v, func(which int) float64 { return g.compared(which, end-1) })
	u := g.usual(v, base.Unix()-n.began)
	r.Usual, r.Spread = u[0]*held, u[1]*held
	if sig, _ := signal.Find(v.Signal); r.Spread < sig.Floor {
		r.Spread = sig.Floor
	}
}

func against(v View, compared func(int) float64) float64 {
	switch v.Against {
	case AgainstForecast:
		return compared(nightForecast)
	case AgainstEarlier:
		return compared(nightEarlier)
	case AgainstViewers:
		return compared(nightViewers)
	}
	return 1
}

// Of the usual.
const (
	usualOf    = 15 * 60 // seconds
	usualLeast = 30      // of them that must be known
)

// usual is the median over the quarter of an hour before base, and the spread around it.
func (g *nightGroup) usual(v View, base int64) [2]float64 {
	if u, ok := g.usualAt[base]; ok {
		return u
	}
	g.window = g.window[:0]
	for t := max(0, base-usualOf); t < base; t++ {
		value, _ := g.second(t)
		if value /= against(v, func(which int) float64 { return g.compared(which, t) }); value-value == 0 {
			g.window = append(g.window, value)
		}
	}
	u := [2]float64{nan, nan}
	if len(g.window) >= usualLeast {
		u[0] = median(g.window)
		for i, value := range g.window {
			g.window[i] = math.Abs(value - u[0])
		}
		u[1] = 1.4826 * median(g.window)
	}
	g.usualAt[base] = u
	return u
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
