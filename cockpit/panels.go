package cockpit

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"vigie/internal/event"
	"vigie/internal/match"
)

const (
	minuteSlots    = 6  // of the matrix and the tools
	sparkSlots     = 90 // of the tiles: 15 minutes
	agoSlots       = 60 // of what a number is compared with: ten minutes
	enoughLines    = 25 // a minute; fewer are not judged
	enoughSessions = 25 // of a cell; the stalls of fewer are theirs alone
	calmAfter      = 30 * time.Second
	failingTime    = 30 * time.Minute
	silentSlots    = 360 // for how long after its last line a sum is said to lack a CDN: an hour
)

// board makes the parts. A part whose data could not be read is the last one, with the reason.
func (l *lens) board(failed failures) *Board {
	b := &Board{
		At: l.now, CompleteTo: l.complete(), Sight: l.sight,
		Match: l.clock, Marks: l.timeline, Notes: l.notes, Duty: l.duty,
		Earlier: Earlier{Align: l.against.align, Known: l.older != nil},
	}
	if l.against.match != nil {
		b.Earlier.ID, b.Earlier.Name = l.against.match.ID, l.against.match.Name
	}
	past := failed.history
	if past == nil {
		past = failed.sources
	}
	slots, edge := errText(past), firstText(past, failed.edge)
	keep(&b.Traffic, &l.last.Traffic, edge, l.traffic)
	keep(&b.Errors, &l.last.Errors, edge, l.errors)
	keep(&b.Viewers, &l.last.Viewers, slots, l.viewers)
	keep(&b.Startup, &l.last.Startup, slots, l.startup)
	keep(&b.Rebuffering, &l.last.Rebuffering, slots, l.rebuffering)
	keep(&b.Flow, &l.last.Flow, slots, l.flow)
	keep(&b.Failing, &l.last.Failing, slots, l.failing)
	keep(&b.Classes, &l.last.Classes, slots, l.classes)
	keep(&b.Pressure, &l.last.Pressure, slots, l.pressure)
	keep(&b.Matrix, &l.last.Matrix, firstText(past, failed.viewers), l.matrix)
	keep(&b.Tools, &l.last.Tools, slots, l.toolsSeen)
	keep(&b.Mesh, &l.last.Mesh, slots, l.mesh)
	if l.divided != nil {
		b.Breakdown = &Breakdown{}
		keep(b.Breakdown, l.divided, errText(failed.divided), func() Breakdown { return *l.divided })
	}
	b.Worst = l.worst(&b.Matrix)
	if !l.sight.Scope.logged() {
		for _, p := range []*Panel{&b.Traffic.Panel, &b.Errors.Panel, &b.Flow.Panel, &b.Failing.Panel, &b.Classes.Panel, &b.Pressure.Panel, &b.Matrix.Panel} {
			p.Untold = "device"
		}
	}
	return b
}

// again is a copy of a board for another tick, and moment: of its values only what people decide goes on.
func (c *Cockpit) again(b *Board, now time.Time, tick uint64) *Board {
	copied := *b
	copied.Tick = tick
	if !now.Equal(b.At) {
		m := &moment{now: now}
		c.clockOf(m)
		copied.At, copied.Match, copied.Marks, copied.Notes, copied.Duty = now, m.clock, m.timeline, m.notes, m.duty
	}
	return &copied
}

// late says on every part why it is not newer.
func (b *Board) late(why string) {
	for _, p := range []panelled{
		&b.Viewers, &b.Traffic, &b.Errors, &b.Startup, &b.Rebuffering, &b.Flow, &b.Failing, &b.Classes, &b.Pressure, &b.Capacity,
		&b.Matrix, &b.Tools, &b.Mesh, &b.Services, &b.Sources,
	} {
		p.panel().Error = why
	}
}

// panelled is any part of the board.
type panelled interface{ panel() *Panel }

func (p *Panel) panel() *Panel { return p }

func keep[T any, P interface {
	*T
	panelled
}](to, last P, failed string, make func() T) {
	if failed == "" {
		*to = make()
		return
	}
	*to = *last
	to.panel().Error = failed
}

// errText is an error as a panel shows it: short, in one line.
func errText(err error) string {
	if err == nil {
		return ""
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

func ratio(part, whole float64) float64 {
	if whole <= 0 {
		return math.NaN()
	}
	return part / whole
}

// known fills in a number's value and what it is compared with.
func (n *Number) known(value, before float64) {
	n.Value, n.Known = value, !math.IsNaN(value)
	n.Before, n.Compare = before, !math.IsNaN(before)
	if !n.Known {
		n.Value = 0
	}
	if !n.Compare {
		n.Before = 0
	}
}

// spark is the last quarter of an hour of f, by slot, up to the newest slot that has anything; of a
// stretch of the past all of it, in as many points.
func (l *lens) spark(n *Number, complete int64, f func(*slot) float64) {
	first, last := l.bounds()
	per := int64(1)
	if l.sight.Live() {
		first = max(last-sparkSlots+1, l.history.first)
	} else {
		per = max(1, (last-first+sparkSlots)/sparkSlots)
	}
	for s := first; s <= last; s += per {
		sum, known := 0.0, 0
		for i := s; i < min(s+per, last+1); i++ {
			if sl := l.history.at(i); sl != nil {
				if v := f(sl); v == v {
					sum += v
					known++
				}
			}
		}
		n.Spark = append(n.Spark, ratio(sum, float64(known)))
		if s+per <= complete {
			n.Solid = len(n.Spark)
		}
	}
}

// enough tells whether so many lines of so long are enough to judge.
func enough(lines uint64, over time.Duration) bool {
	return float64(lines) >= enoughLines*over.Minutes()
}

// silent are the names of the CDNs whose logs came and do not any more, so that sums lack them.
func (l *lens) silent() []string {
	if !l.sight.Live() {
		return nil
	}
	var names []string
	last := slotOf(l.now)
	for _, cdn := range l.cfg.CDNs {
		if l.sight.Scope.CDN != "" && l.sight.Scope.CDN != cdn.ID || !l.marks.CDN(cdn.ID).IsZero() {
			continue
		}
		for s := last; s > last-silentSlots && s >= l.history.first; s-- {
			if sl := l.history.at(s); sl != nil && sl.byCDN[cdn.ID] != nil {
				names = append(names, cdn.Name)
				break
			}
		}
	}
	return names
}

// mean is the mean of f over the slots [from, to) that have it, NaN when none has.
func (l *lens) mean(from, to int64, f func(*slot) float64) float64 {
	sum, known := 0.0, 0
	for s := from; s < to; s++ {
		if sl := l.history.at(s); sl != nil {
			if v := f(sl); v == v {
				sum += v
				known++
			}
		}
	}
	return ratio(sum, float64(known))
}

// compare fills in what a number is held against: the forecast of the moments it is of, and the earlier
// match at the same.
func (l *lens) compare(n *Number, complete int64, points []match.Point, earlier func(*earlierSlots) float64) {
	from := l.judged(complete)
	if points != nil && l.match != nil && l.sight.Scope.Whole() {
		sum, known := 0.0, 0
		for s := from; s < complete; s++ {
			if v, ok := l.match.Expected(points, l.timeline, slotStart(s).Add(slotTime/2)); ok {
				sum += v
				known++
			}
		}
		if known > 0 {
			n.Forecast = Compared{sum / float64(known), true}
		}
	}
	if l.older != nil {
		if slots, ok := l.olderSlots(from, complete); ok {
			if v := earlier(slots); v == v {
				n.Earlier = Compared{v, true}
			}
		}
	}
}

func (s *slot) bits() float64 {
	if len(s.byCDN) == 0 {
		return math.NaN()
	}
	return (s.all.bytes + s.peerSum) * 8 / slotTime.Seconds()
}

func (l *lens) traffic() Number {
	until := l.logs()
	n := Number{Panel: Panel{AsOf: until}}
	complete := wholeSlots(until)
	value, before := math.NaN(), math.NaN()
	switch {
	case until.IsZero():
	case l.sight.Live():
		const seconds = 10
		end := until.Unix()
		for s := end - seconds; s < end; s++ {
			for _, e := range l.edge[s] {
				value = zeroed(value) + e.bytes*8/seconds
				n.Samples += uint64(e.requests)
			}
		}
		if t := l.tools(); !t.IsZero() && value == value {
			if sl := l.history.at(wholeSlots(t) - 1); sl != nil {
				value += sl.peerSum * 8 / slotTime.Seconds()
			}
		}
		if sl := l.history.at(slotOf(until) - agoSlots); sl != nil {
			before = sl.bits()
		}
	default:
		value = l.mean(l.judged(complete), complete, (*slot).bits)
		now := l.sentIn(l.judged(complete), complete)
		n.Samples = uint64(now.requests)
	}
	n.known(value, before)
	l.spark(&n, complete, (*slot).bits)
	n.Without = l.silent()
	var points []match.Point
	if l.match != nil {
		points = l.match.Forecast.Traffic
		if reserved := l.reserved(); reserved > 0 {
			n.Reserved = Compared{reserved, true}
		}
	}
	l.compare(&n, complete, points, (*earlierSlots).bits)
	if n.Known {
		n.Health = HealthFine
	}
	return n
}

func (s *slot) errorRatio() float64 { return ratio(s.all.errors, s.all.requests) }

// sentIn is the sum over all CDNs and networks of the slots [from, to).
func (l *lens) sentIn(from, to int64) (all sent) {
	for s := from; s < to; s++ {
		if sl := l.history.at(s); sl != nil {
			all.add(&sl.all)
		}
	}
	return all
}

func (l *lens) errors() Number {
	until := l.logs()
	complete := wholeSlots(until)
	n := Number{Panel: Panel{AsOf: until}}
	var ago sent
	now := l.sentIn(l.judged(complete), complete)
	lines := now.lines
	if l.sight.Live() { // the same minute, to the second
		now = sent{}
		for _, cdns := range l.edge {
			for _, e := range cdns {
				now.errors += e.errors
				now.requests += e.requests
			}
		}
		ago = l.sentIn(complete-agoSlots-minuteSlots, complete-agoSlots)
	}
	n.Samples = uint64(now.requests)
	n.known(ratio(now.errors, now.requests), ratio(ago.errors, ago.requests))
	if until.IsZero() {
		n.known(math.NaN(), math.NaN())
	}
	l.spark(&n, complete, (*slot).errorRatio)
	n.Without = l.silent()
	l.compare(&n, complete, nil, (*earlierSlots).errorRatio)
	n.Few = n.Known && !enough(lines, l.over(complete))
	if n.Known && !n.Few {
		n.Health = l.cfg.Limits.Errors.judge(n.Value)
	}
	return n
}

// watching is how many watch, by the tool that sees most of them.
func (s *slot) watching() float64 {
	if s.leading == "" {
		return math.NaN()
	}
	return s.audience
}

func (l *lens) viewers() Number {
	until := l.tools()
	complete := wholeSlots(until)
	n := Number{Panel: Panel{AsOf: until}}
	count := func(s int64) float64 {
		if sl := l.history.at(s); sl != nil {
			return sl.watching()
		}
		return math.NaN()
	}
	switch {
	case until.IsZero():
		n.known(math.NaN(), math.NaN())
	case l.sight.Live():
		n.AsOf = slotStart(complete)
		n.known(count(complete-1), count(complete-1-agoSlots))
	default: // the most at once
		n.AsOf = slotStart(complete)
		most := math.NaN()
		for s := l.judged(complete); s < complete; s++ {
			if v := count(s); !(v <= most) && v == v {
				most = v
			}
		}
		n.known(most, math.NaN())
	}
	n.Samples = uint64(n.Value)
	l.spark(&n, complete, (*slot).watching)
	var points []match.Point
	if l.match != nil {
		points = l.match.Forecast.Viewers
	}
	l.compare(&n, complete, points, (*earlierSlots).watching)
	if n.Known {
		n.Health = HealthFine
	}
	return n
}

// experience is the sum over all tools and cells of what is judged before a slot.
func (l *lens) experience(end int64) experienced {
	var all experienced
	for s := l.judged(end); s < end; s++ {
		if sl := l.history.at(s); sl != nil {
			all.add(&sl.watched)
		}
	}
	return all
}

// experiencedNumber is a number that tools tell, and what it is made of.
func (l *lens) experiencedNumber(of func(*experienced) float64, judge Limit, samples func(*experienced) float64) (n Number, all experienced) {
	until := l.tools()
	complete := wholeSlots(until)
	n.AsOf = until
	all = l.experience(complete)
	before := math.NaN()
	if l.sight.Live() {
		ago := l.experience(complete - agoSlots)
		before = of(&ago)
	}
	n.Samples = uint64(samples(&all))
	n.known(of(&all), before)
	if until.IsZero() {
		n.known(math.NaN(), math.NaN())
	} else {
		n.AsOf = slotStart(complete)
	}
	l.spark(&n, complete, func(s *slot) float64 { return of(&s.watched) })
	l.compare(&n, complete, nil, func(e *earlierSlots) float64 { return of(&e.watched) })
	n.Few = n.Known && !enough(all.lines, l.over(complete))
	if n.Known && !n.Few {
		n.Health = judge.judge(n.Value)
	}
	return n, all
}

func (e *experienced) startupQuantile(q float64) float64 {
	return e.startup.Quantile(q, event.StartupEdges[:]) / 1000
}

func (l *lens) startup() Number {
	n, all := l.experiencedNumber(func(e *experienced) float64 { return e.startupQuantile(0.5) }, l.cfg.Limits.Startup,
		func(e *experienced) float64 { return e.startup.Total() })
	n.P95 = all.startupQuantile(0.95)
	return n
}

func (e *experienced) rebufferingRatio() float64 {
	return ratio(e.rebuffering, e.playing+e.rebuffering)
}

func (l *lens) rebuffering() Number {
	n, _ := l.experiencedNumber((*experienced).rebufferingRatio, l.cfg.Limits.Rebuffering, func(e *experienced) float64 { return float64(e.lines) })
	return n
}

// Peers is the id of the peer-to-peer mesh among the lines and columns.
const Peers = "p2p"

// solid is how many of the slots [from, to) are complete by a moment.
func solid(from, to int64, until time.Time) int {
	return int(min(max(wholeSlots(until)-from, 0), to-from))
}

// blank is a chart of the slots [from, to) without lines.
func (l *lens) blank(from, to int64) Chart {
	until := l.logs()
	return Chart{Panel: Panel{AsOf: until}, Start: slotStart(from), Step: slotTime, Solid: solid(from, to, until)}
}

// line is f over the slots [from, to), complete up to a moment.
func (l *lens) line(from, to int64, until time.Time, f func(*slot) float64) Line {
	line := Line{Solid: solid(from, to, until), Points: make([]float64, 0, to-from)}
	for s := from; s < to; s++ {
		v := math.NaN()
		if sl := l.history.at(s); sl != nil {
			v = f(sl)
		}
		line.Points = append(line.Points, v)
	}
	return line
}

// chart lays a line per CDN over the slots [from, to), by f.
func (l *lens) chart(from, to int64, f func(*sent) float64) Chart {
	ch := l.blank(from, to)
	for _, cdn := range l.cfg.CDNs {
		if l.sight.Scope.CDN != "" && l.sight.Scope.CDN != cdn.ID {
			continue
		}
		line := l.line(from, to, l.settled(cdn.ID), func(s *slot) float64 {
			if all := s.byCDN[cdn.ID]; all != nil {
				return f(all)
			}
			return math.NaN()
		})
		line.ID, line.Name, line.Colour = cdn.ID, cdn.Name, cdn.Colour
		ch.Lines = append(ch.Lines, line)
	}
	return ch
}

// recent are the slots of the charts that show the last half hour; of a stretch of the past, all of it.
func (l *lens) recent() (from, to int64) {
	first, last := l.bounds()
	if !l.sight.Live() {
		return first, last + 1
	}
	return max(last+1-int64(failingTime/slotTime), l.history.first), last + 1
}

func (l *lens) flow() Chart {
	first, last := l.bounds()
	from, to := first, last+1
	ch := l.chart(from, to, func(all *sent) float64 { return all.bytes * 8 / slotTime.Seconds() })
	tools := l.tools()
	mesh := l.line(from, to, tools, func(s *slot) float64 {
		if s.peers == nil {
			return math.NaN()
		}
		return s.peerSum * 8 / slotTime.Seconds()
	})
	mesh.ID, mesh.Name, mesh.Colour = Peers, "P2P", len(l.cfg.CDNs)
	ch.Lines = append(ch.Lines, mesh)
	if !tools.IsZero() {
		ch.Solid = min(ch.Solid, mesh.Solid)
	}
	ch.Reserved = l.reserved()
	ch.Over = l.overlays(from, to)
	return ch
}

func (l *lens) failing() Chart {
	from, to := l.recent()
	return l.chart(from, to, func(all *sent) float64 { return ratio(all.errors, all.requests) })
}

// lines lays one line for each of the named parts of a slot's requests over the recent slots.
func (l *lens) lines(names []string, of []func(*sent) float64) Chart {
	from, to := l.recent()
	ch := l.blank(from, to)
	for i, name := range names {
		line := l.line(from, to, ch.AsOf, func(s *slot) float64 {
			if len(s.byCDN) == 0 {
				return math.NaN()
			}
			return of[i](&s.all)
		})
		line.ID, line.Name, line.Colour = name, name, i
		ch.Lines = append(ch.Lines, line)
	}
	return ch
}

func (l *lens) classes() Chart {
	return l.lines([]string{ClassServer, ClassAborted, ClassClient}, []func(*sent) float64{
		func(s *sent) float64 { return ratio(s.server, s.requests) },
		func(s *sent) float64 { return ratio(max(0, s.errors-s.server), s.requests) },
		func(s *sent) float64 { return ratio(s.client, s.requests) },
	})
}

func (l *lens) toolsSeen() Tools {
	until := l.tools()
	complete := wholeSlots(until)
	t := Tools{Panel: Panel{AsOf: until}, Window: l.over(complete)}
	if until.IsZero() {
		return t
	}
	t.AsOf = slotStart(complete)
	byTool := map[string]*experienced{}
	for k, e := range l.history.sumExperience(l.judged(complete), complete) {
		if byTool[k.tool] == nil {
			byTool[k.tool] = &experienced{}
		}
		byTool[k.tool].add(e)
	}
	var viewers map[string]float64
	if sl := l.history.at(complete - 1); sl != nil {
		viewers = sl.viewers
	}
	for name, e := range byTool {
		t.Rows = append(t.Rows, Tool{
			Name:        name,
			Format:      l.formatOf(name),
			Startup:     e.startupQuantile(0.5),
			Rebuffering: e.rebufferingRatio(),
			Failures:    ratio(e.failures, e.attempts),
			Bitrate:     ratio(e.bitsPlayed, e.mediaTime/1000),
			Sessions:    viewers[name],
			Beacons:     e.lines,
		})
	}
	slices.SortFunc(t.Rows, func(a, b Tool) int { return cmp.Compare(a.Name, b.Name) })
	return t
}

// formatOf is the format of a tool's source.
func (l *lens) formatOf(tool string) string {
	for _, s := range l.cfg.Sources {
		if s.CDN == "" && cmp.Or(s.Tool, s.ID) == tool {
			return s.Format
		}
	}
	return ""
}
