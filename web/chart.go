package web

import (
	"encoding/json"
	"math"
	"strconv"
	"sync"
	"time"

	"vigie/cockpit"
)

// chartWire is a chart as it is sent, the same for every view: whole, or from the first point that
// differs from the previous board's.
type chartWire struct {
	id    string
	chart *cockpit.Chart
	whole func() json.RawMessage // made when first asked for
	delta json.RawMessage
}

func newChartWire(id string, chart, before *cockpit.Chart) chartWire {
	return chartWire{
		id: id, chart: chart,
		whole: sync.OnceValue(func() json.RawMessage { return encodeChart(chart, 0, 0) }),
		delta: encodeChart(chart, firstChange(chart, before), firstOver(chart, before)),
	}
}

// chartsIn are the charts of a board by their ids: those of its panels, and those that hold two scopes side by
// side, which only a comparison has.
func chartsIn(b *cockpit.Board) []namedChart {
	charts := []namedChart{{"flow", &b.Flow}, {"failing", &b.Failing}, {"classes", &b.Classes}, {"pressure", &b.Pressure.Chart}}
	if b.Beside != nil {
		charts = append(charts, namedChart{"beside-flow", besideFlow(b)}, namedChart{"beside-failing", besideFailing(b)})
	}
	return charts
}

type namedChart struct {
	id    string
	chart *cockpit.Chart
}

// chartsOf are the charts that a page draws. A wall has no room for the errors of each CDN.
func chartsOf(p *published, page string, whole bool) map[string]json.RawMessage {
	charts := make(map[string]json.RawMessage, len(p.charts))
	for _, c := range p.charts {
		switch {
		case page == pageWall && c.id == "failing":
		case whole:
			charts[c.id] = c.whole()
		default:
			charts[c.id] = c.delta
		}
	}
	return charts
}

// firstChange is the first index of now at which any line differs from before, with points compared
// by their time, so that a window which moved on by some steps differs at its end only. Without a
// common grid, or with other lines, all of it is new: 0.
func firstChange(now, before *cockpit.Chart) int {
	shift, ok := shifted(now, before)
	if !ok {
		return 0
	}
	return firstDifference(now.Lines, before.Lines, shift)
}

// firstOver is the same of the lines drawn over the chart, which seldom change.
func firstOver(now, before *cockpit.Chart) int {
	shift, ok := shifted(now, before)
	if !ok {
		return 0
	}
	return firstDifference(now.Over, before.Over, shift)
}

// shifted is by how many steps the window moved on.
func shifted(now, before *cockpit.Chart) (steps int, ok bool) {
	if before == nil || now.Step != before.Step || now.Step <= 0 {
		return 0, false
	}
	moved := now.Start.Sub(before.Start)
	return int(moved / now.Step), moved >= 0 && moved%now.Step == 0
}

func firstDifference(now, before []cockpit.Line, shift int) int {
	if len(now) != len(before) {
		return 0
	}
	first := math.MaxInt
	for i, line := range now {
		old := before[i]
		if line.ID != old.ID || line.Name != old.Name || line.Colour != old.Colour {
			return 0
		}
		n := 0
		for n < len(line.Points) && n+shift < len(old.Points) && same(line.Points[n], old.Points[n+shift]) {
			n++
		}
		if n+shift < len(old.Points) || n < len(line.Points) {
			first = min(first, n)
		}
	}
	if first == math.MaxInt {
		first = length(now)
	}
	return first
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func length(lines []cockpit.Line) int {
	n := 0
	for _, line := range lines {
		n = max(n, len(line.Points))
	}
	return n
}

// encodeChart writes {"start":s,"step":s,"solid":n,"from":n,"lines":[{"id","name","colour","solid",
// "points":[…]}],"overFrom":n,"over":[…],"reserved":bit/s} with the points from the indexes on, null where
// nothing is known, to four digits: more than a screen can show. What there is none of is left out.
func encodeChart(c *cockpit.Chart, from, over int) json.RawMessage {
	b := make([]byte, 0, 256+8*len(c.Lines)*max(0, length(c.Lines)-from)+8*len(c.Over)*max(0, length(c.Over)-over))
	b = append(b, `{"start":`...)
	b = strconv.AppendInt(b, c.Start.Unix(), 10)
	b = append(b, `,"step":`...)
	b = strconv.AppendInt(b, int64(c.Step/time.Second), 10)
	b = append(b, `,"solid":`...)
	b = strconv.AppendInt(b, int64(c.Solid), 10)
	b = append(b, `,"from":`...)
	b = strconv.AppendInt(b, int64(from), 10)
	b = append(b, `,"lines":`...)
	b = appendLines(b, c.Lines, from)
	if len(c.Over) > 0 {
		b = append(b, `,"overFrom":`...)
		b = strconv.AppendInt(b, int64(over), 10)
		b = append(b, `,"over":`...)
		b = appendLines(b, c.Over, over)
	}
	if c.Reserved > 0 && !math.IsInf(c.Reserved, 0) {
		b = append(b, `,"reserved":`...)
		b = strconv.AppendFloat(b, c.Reserved, 'g', 4, 64)
	}
	return append(b, '}')
}

func appendLines(b []byte, lines []cockpit.Line, from int) []byte {
	b = append(b, '[')
	for i, line := range lines {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = appendText(b, line.ID)
		b = append(b, `,"name":`...)
		b = appendText(b, line.Name)
		b = append(b, `,"colour":`...)
		b = strconv.AppendInt(b, int64(line.Colour), 10)
		b = append(b, `,"solid":`...)
		b = strconv.AppendInt(b, int64(line.Solid), 10)
		b = append(b, `,"points":[`...)
		for j := from; j < len(line.Points); j++ {
			if j > from {
				b = append(b, ',')
			}
			if v := line.Points[j]; math.IsNaN(v) || math.IsInf(v, 0) {
				b = append(b, "null"...)
			} else {
				b = strconv.AppendFloat(b, v, 'g', 4, 64)
			}
		}
		b = append(b, "]}"...)
	}
	return append(b, ']')
}

func appendText(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil { // a string always encodes
		return append(b, `""`...)
	}
	return append(b, text...)
}
