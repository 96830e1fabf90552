package cockpit

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"vigie/internal/event"
)

const (
	minuteSlots    = 6  // of the matrix and the tools
	sparkSlots     = 90 // of the tiles: 15 minutes
	agoSlots       = 60 // of what a number is compared with: ten minutes
	enoughLines    = 25 // a minute; fewer are not judged
	enoughSessions = 25 // of a cell; the stalls of fewer are theirs alone
	calmAfter      = 30 * time.Second
	failingTime    = 30 * time.Minute
)

// board makes the parts. A part whose data could not be read is the last one, with the reason.
func (c *Cockpit) board(now time.Time, failed failures) *Board {
	b := &Board{
		At: now, CompleteTo: c.marks.all(),
		Match: c.cfg.Match.Now(now), Marks: c.cfg.Match.Marks(),
	}
	logs, tools := failed.history, failed.history
	if logs == nil {
		logs = failed.sources
		tools = failed.sources
	}
	edge := cmp.Or(errText(logs), errText(failed.edge))
	keep(&b.Traffic, &c.last.Traffic, edge, func() Number { return c.traffic() })
	keep(&b.Errors, &c.last.Errors, edge, func() Number { return c.errors() })
	keep(&b.Viewers, &c.last.Viewers, errText(tools), func() Number { return c.viewers() })
	keep(&b.Startup, &c.last.Startup, errText(tools), func() Number { return c.startup() })
	keep(&b.Rebuffering, &c.last.Rebuffering, errText(tools), func() Number { return c.rebuffering() })
	keep(&b.Flow, &c.last.Flow, errText(logs), func() Chart { return c.flow(now) })
	keep(&b.Failing, &c.last.Failing, errText(logs), func() Chart { return c.failing(now) })
	keep(&b.Matrix, &c.last.Matrix, cmp.Or(errText(logs), errText(failed.viewers)), func() Matrix { return c.matrix(now) })
	keep(&b.Tools, &c.last.Tools, errText(tools), func() Tools { return c.tools() })
	keep(&b.Mesh, &c.last.Mesh, errText(tools), func() Mesh { return c.mesh() })
	keep(&b.Services, &c.last.Services, errText(failed.services), func() Services { return c.served })
	keep(&b.Sources, &c.last.Sources, cmp.Or(errText(failed.sources), errText(failed.refused)), func() Sources { return c.sources(now) })
	b.Worst = c.worst(&b.Matrix, now)
	return b
}

// again is a copy of a board for another tick, and moment: of its values only the match's clock goes
// on.
func (c *Cockpit) again(b *Board, now time.Time, tick uint64) *Board {
	copied := *b
	copied.Tick = tick
	if !now.Equal(b.At) {
		copied.At, copied.Match, copied.Marks = now, c.cfg.Match.Now(now), c.cfg.Match.Marks()
	}
	return &copied
}

// late says on every part why it is not newer.
func (b *Board) late(why string) {
	for _, p := range []panelled{
		&b.Viewers, &b.Traffic, &b.Errors, &b.Startup, &b.Rebuffering, &b.Flow, &b.Failing, &b.Matrix, &b.Tools, &b.Mesh, &b.Services, &b.Sources,
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

// spark is the last quarter of an hour of f, by slot, up to the newest slot that has anything.
func (c *Cockpit) spark(n *Number, complete int64, f func(*slot) float64) {
	last := slotOf(c.marks.now)
	for s := max(last-sparkSlots+1, c.history.first); s <= last; s++ {
		v := math.NaN()
		if sl := c.history.at(s); sl != nil {
			v = f(sl)
		}
		n.Spark = append(n.Spark, v)
		if s < complete {
			n.Solid = len(n.Spark)
		}
	}
}

func (s *slot) bits() float64 {
	if len(s.byCDN) == 0 {
		return math.NaN()
	}
	bytes := s.peerSum
	for _, r := range s.byCDN {
		bytes += r.bytes
	}
	return bytes * 8 / slotTime.Seconds()
}

func (c *Cockpit) traffic() Number {
	until := c.marks.logs()
	n := Number{Panel: Panel{AsOf: until}}
	const seconds = 10
	value := math.NaN()
	end := until.Unix()
	for s := end - seconds; s < end; s++ {
		for _, e := range c.edge[s] {
			if math.IsNaN(value) {
				value = 0
			}
			value += e.bytes * 8 / seconds
			n.Samples += uint64(e.requests)
		}
	}
	complete := wholeSlots(until)
	if t := c.marks.tools(); !t.IsZero() && !math.IsNaN(value) {
		if sl := c.history.at(wholeSlots(t) - 1); sl != nil {
			value += sl.peerSum * 8 / slotTime.Seconds()
		}
	}
	before := math.NaN()
	if sl := c.history.at(slotOf(until) - agoSlots); sl != nil && !until.IsZero() {
		before = sl.bits()
	}
	n.known(value, before)
	c.spark(&n, complete, (*slot).bits)
	if n.Known {
		n.Health = HealthFine
	}
	return n
}

func (s *slot) errorRatio() float64 {
	var errors, requests float64
	for _, r := range s.byCDN {
		errors += r.errors
		requests += r.requests
	}
	return ratio(errors, requests)
}

func (c *Cockpit) errors() Number {
	until := c.marks.logs()
	n := Number{Panel: Panel{AsOf: until}}
	var errors, requests float64
	for _, cdns := range c.edge {
		for _, e := range cdns {
			errors += e.errors
			requests += e.requests
		}
	}
	n.Samples = uint64(requests)
	var ago sent
	for _, s := range c.history.sum(slotOf(until)-agoSlots-minuteSlots, slotOf(until)-agoSlots) {
		ago.add(s)
	}
	n.known(ratio(errors, requests), ratio(ago.errors, ago.requests))
	c.spark(&n, wholeSlots(until), (*slot).errorRatio)
	if n.Known {
		n.Health = c.cfg.Limits.Errors.judge(n.Value)
	}
	return n
}

func (c *Cockpit) viewers() Number {
	until := c.marks.tools()
	complete := wholeSlots(until)
	n := Number{Panel: Panel{AsOf: slotStart(complete)}}
	count := func(s *slot) float64 {
		if s == nil || s.leading == "" {
			return math.NaN()
		}
		return s.audience
	}
	if until.IsZero() {
		n.AsOf = until
		n.known(math.NaN(), math.NaN())
	} else {
		n.known(count(c.history.at(complete-1)), count(c.history.at(complete-1-agoSlots)))
	}
	n.Samples = uint64(n.Value)
	c.spark(&n, complete, count)
	if n.Known {
		n.Health = HealthFine
	}
	return n
}

// experience is the sum over all tools and cells of the complete minute before a slot.
func (c *Cockpit) experience(end int64) experienced {
	var all experienced
	for s := end - minuteSlots; s < end; s++ {
		if sl := c.history.at(s); sl != nil {
			all.add(&sl.watched)
		}
	}
	return all
}

func (c *Cockpit) startup() Number {
	until := c.marks.tools()
	complete := wholeSlots(until)
	n := Number{Panel: Panel{AsOf: until}}
	all, ago := c.experience(complete), c.experience(complete-agoSlots)
	n.Samples = uint64(all.startup.total())
	n.P95 = all.startup.quantile(0.95, event.StartupEdges[:]) / 1000
	n.known(all.startup.quantile(0.5, event.StartupEdges[:])/1000, ago.startup.quantile(0.5, event.StartupEdges[:])/1000)
	if until.IsZero() {
		n.known(math.NaN(), math.NaN())
	} else {
		n.AsOf = slotStart(complete)
	}
	c.spark(&n, complete, func(s *slot) float64 {
		return s.watched.startup.quantile(0.5, event.StartupEdges[:]) / 1000
	})
	if n.Known && all.lines >= enoughLines {
		n.Health = c.cfg.Limits.Startup.judge(n.Value)
	}
	return n
}

func (e *experienced) rebufferingRatio() float64 {
	return ratio(e.rebuffering, e.playing+e.rebuffering)
}

func (c *Cockpit) rebuffering() Number {
	until := c.marks.tools()
	complete := wholeSlots(until)
	n := Number{Panel: Panel{AsOf: until}}
	all, ago := c.experience(complete), c.experience(complete-agoSlots)
	n.Samples = all.lines
	n.known(all.rebufferingRatio(), ago.rebufferingRatio())
	if until.IsZero() {
		n.known(math.NaN(), math.NaN())
	} else {
		n.AsOf = slotStart(complete)
	}
	c.spark(&n, complete, func(s *slot) float64 { return s.watched.rebufferingRatio() })
	if n.Known && all.lines >= enoughLines {
		n.Health = c.cfg.Limits.Rebuffering.judge(n.Value)
	}
	return n
}

// chart lays a line per CDN over the slots [from, to), by f.
func (c *Cockpit) chart(from, to int64, f func(s *slot, cdn string) float64) Chart {
	until := c.marks.logs()
	ch := Chart{Panel: Panel{AsOf: until}, Start: slotStart(from), Step: slotTime}
	solid := func(until time.Time) int { return int(min(max(wholeSlots(until)-from, 0), to-from)) }
	ch.Solid = solid(until)
	for _, cdn := range c.cfg.CDNs {
		line := Line{ID: cdn.ID, Name: cdn.Name, Colour: cdn.Colour, Solid: solid(c.marks.settled(cdn.ID)), Points: make([]float64, 0, to-from)}
		for s := from; s < to; s++ {
			v := math.NaN()
			if sl := c.history.at(s); sl != nil {
				v = f(sl, cdn.ID)
			}
			line.Points = append(line.Points, v)
		}
		ch.Lines = append(ch.Lines, line)
	}
	return ch
}

// Peers is the id of the peer-to-peer mesh among the lines and columns.
const Peers = "p2p"

func (c *Cockpit) flow(now time.Time) Chart {
	from, to := c.history.first, slotOf(now)+1
	ch := c.chart(from, to, func(s *slot, cdn string) float64 {
		if all := s.byCDN[cdn]; all != nil {
			return all.bytes * 8 / slotTime.Seconds()
		}
		return math.NaN()
	})
	tools := c.marks.tools()
	mesh := Line{ID: Peers, Name: "P2P", Colour: len(c.cfg.CDNs), Solid: int(min(max(wholeSlots(tools)-from, 0), to-from))}
	for s := from; s < to; s++ {
		v := math.NaN()
		if sl := c.history.at(s); sl != nil {
			if sl.peers != nil {
				v = sl.peerSum * 8 / slotTime.Seconds()
			}
		}
		mesh.Points = append(mesh.Points, v)
	}
	ch.Lines = append(ch.Lines, mesh)
	if !tools.IsZero() {
		ch.Solid = min(ch.Solid, mesh.Solid)
	}
	return ch
}

func (c *Cockpit) failing(now time.Time) Chart {
	to := slotOf(now) + 1
	from := max(to-int64(failingTime/slotTime), c.history.first)
	return c.chart(from, to, func(s *slot, cdn string) float64 {
		if all := s.byCDN[cdn]; all != nil {
			return ratio(all.errors, all.requests)
		}
		return math.NaN()
	})
}

func (c *Cockpit) tools() Tools {
	until := c.marks.tools()
	complete := wholeSlots(until)
	t := Tools{Panel: Panel{AsOf: until}, Window: minuteSlots * slotTime}
	if until.IsZero() {
		return t
	}
	t.AsOf = slotStart(complete)
	byTool := map[string]*experienced{}
	for k, e := range c.history.sumExperience(complete-minuteSlots, complete) {
		if byTool[k.tool] == nil {
			byTool[k.tool] = &experienced{}
		}
		byTool[k.tool].add(e)
	}
	var viewers map[string]float64
	if sl := c.history.at(complete - 1); sl != nil {
		viewers = sl.viewers
	}
	for name, e := range byTool {
		t.Rows = append(t.Rows, Tool{
			Name:        name,
			Format:      c.formatOf(name),
			Startup:     e.startup.quantile(0.5, event.StartupEdges[:]) / 1000,
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
func (c *Cockpit) formatOf(tool string) string {
	for _, s := range c.cfg.Sources {
		if s.CDN == "" && cmp.Or(s.Tool, s.ID) == tool {
			return s.Format
		}
	}
	return ""
}
