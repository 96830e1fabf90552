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
		whole: sync.OnceValue(func() json.RawMessage { return encodeChart(chart, 0) }),
		delta: encodeChart(chart, firstChange(chart, before)),
	}
}

func chartsOf(p *published, whole bool) map[string]json.RawMessage {
	charts := make(map[string]json.RawMessage, len(p.charts))
	for _, c := range p.charts {
		if whole {
			charts[c.id] = c.whole()
		} else {
			charts[c.id] = c.delta
		}
	}
	return charts
}

// firstChange is the first index of now at which any line differs from before, with points compared
// by their time, so that a window which moved on by some steps differs at its end only. Without a
// common grid, or with other lines, all of it is new: 0.
func firstChange(now, before *cockpit.Chart) int {
	if before == nil || now.Step != before.Step || now.Step <= 0 || len(now.Lines) != len(before.Lines) {
		return 0
	}
	moved := now.Start.Sub(before.Start)
	if moved < 0 || moved%now.Step != 0 {
		return 0
	}
	shift := int(moved / now.Step)
	first := math.MaxInt
	for i, line := range now.Lines {
		old := before.Lines[i]
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

func length(c *cockpit.Chart) int {
	n := 0
	for _, line := range c.Lines {
		n = max(n, len(line.Points))
	}
	return n
}

// encodeChart writes {"start":s,"step":s,"solid":n,"from":n,"lines":[{"id","name","colour","solid",
// "points":[…]}]} with the points from the index on, null where nothing is known, to four digits: more
// than a screen can show.
func encodeChart(c *cockpit.Chart, from int) json.RawMessage {
	b := make([]byte, 0, 256+8*len(c.Lines)*max(0, length(c)-from))
	b = append(b, `{"start":`...)
	b = strconv.AppendInt(b, c.Start.Unix(), 10)
	b = append(b, `,"step":`...)
	b = strconv.AppendInt(b, int64(c.Step/time.Second), 10)
	b = append(b, `,"solid":`...)
	b = strconv.AppendInt(b, int64(c.Solid), 10)
	b = append(b, `,"from":`...)
	b = strconv.AppendInt(b, int64(from), 10)
	b = append(b, `,"lines":[`...)
	for i, line := range c.Lines {
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
	return append(b, "]}"...)
}

func appendText(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil { // a string always encodes
		return append(b, `""`...)
	}
	return append(b, text...)
}
