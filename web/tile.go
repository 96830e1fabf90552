package web

import (
	"math"
	"strconv"
	"time"

	"vigie/cockpit"
)

// tileView is one of the five numbers.
type tileView struct {
	ID, Label, Value, Unit string
	Health                 healthView
	Age                    ageView
	Change, ChangeNote     string // against ten minutes earlier
	Note                   string
	Short, Definition      string // what the number is: in the tile, and in full
	Samples                string
	Spark                  sparkView
	Error                  string
}

func newTiles(l *locale, b *cockpit.Board) []tileView {
	viewers := newTile(l, b, "viewers", b.Viewers, l.count, "samples.sessions")
	traffic := newTile(l, b, "traffic", b.Traffic, l.bits, "samples.requests")
	for _, t := range []struct {
		tile *tileView
		n    cockpit.Number
	}{{&viewers, b.Viewers}, {&traffic, b.Traffic}} {
		if comparable(t.n) && t.n.Before > 0 {
			t.tile.Change = l.signed((t.n.Value/t.n.Before-1)*100, 0) + l.percent + "%"
		}
	}
	errors := newTile(l, b, "errors", b.Errors, l.ratio, "samples.requests")
	if comparable(b.Errors) && b.Errors.Before > 0 {
		errors.Change = l.times(b.Errors.Value / b.Errors.Before)
	}
	if b.Errors.Known && b.Errors.Value > 0 {
		errors.Note = l.T("errors.one_in", "n", l.about(1/b.Errors.Value))
	}
	startup := newTile(l, b, "startup", b.Startup, l.seconds, "samples.starts")
	if comparable(b.Startup) {
		startup.Change = l.signed(b.Startup.Value-b.Startup.Before, 2) + l.unit + "s"
	}
	if b.Startup.Known && b.Startup.P95 > 0 {
		startup.Note = l.T("startup.p95", "value", l.seconds(b.Startup.P95).String())
	}
	rebuffering := newTile(l, b, "rebuffering", b.Rebuffering, l.ratio, "samples.sessions")
	if comparable(b.Rebuffering) && b.Rebuffering.Before > 0 {
		rebuffering.Change = l.times(b.Rebuffering.Value / b.Rebuffering.Before)
	}
	return []tileView{viewers, traffic, errors, startup, rebuffering}
}

func comparable(n cockpit.Number) bool {
	return n.Known && n.Compare && !math.IsNaN(n.Value) && !math.IsNaN(n.Before)
}

func newTile(l *locale, b *cockpit.Board, name string, n cockpit.Number, write func(float64) quantity, samples string) tileView {
	v := tileView{
		ID: "tile-" + name, Label: l.T(name + ".label"), Short: l.T(name + ".short"), Definition: l.T(name + ".definition"),
		Health: newHealth(l, n.Health), Age: newAge(l, b, n.Panel, 35*time.Second), ChangeNote: l.T("tile.before"),
		Samples: l.T(samples, "n", l.about(float64(n.Samples))), Spark: newSpark(n.Spark, n.Solid, 300, 40),
		Error: panelError(l, n.Panel),
	}
	if n.Known && !math.IsNaN(n.Value) {
		q := write(n.Value)
		v.Value, v.Unit = q.Value, q.Unit
	} else {
		v.Value, v.Health = missing, newHealth(l, cockpit.HealthUnknown)
	}
	return v
}

// sparkView is a small line as two SVG paths: what is complete, and what is not yet.
type sparkView struct {
	Box           string
	Solid, Dotted string
}

// newSpark fits points into width × height. The first solid ones are complete. A flat line, or one
// that hardly moves (by less than a hundredth), runs through the middle instead of looking dramatic.
func newSpark(points []float64, solid int, width, height float64) sparkView {
	v := sparkView{Box: "0 0 " + strconv.Itoa(int(width)) + " " + strconv.Itoa(int(height))}
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range points {
		if !math.IsNaN(p) {
			low, high = min(low, p), max(high, p)
		}
	}
	if len(points) < 2 || low > high {
		return v
	}
	if least := math.Abs(high) / 100; high-low < least {
		middle := (high + low) / 2
		low, high = middle-least, middle+least
	}
	if high == low {
		low, high = low-1, high+1
	}
	const margin = 2
	path := func(from, to int) string {
		var d []byte
		pen := byte('M')
		for i := max(0, from); i < to; i++ {
			if math.IsNaN(points[i]) {
				pen = 'M'
				continue
			}
			d = append(d, pen)
			d = strconv.AppendFloat(d, float64(i)/float64(len(points)-1)*width, 'f', 0, 64)
			d = append(d, ' ')
			d = strconv.AppendFloat(d, height-margin-(points[i]-low)/(high-low)*(height-2*margin), 'f', 1, 64)
			pen = 'L'
		}
		return string(d)
	}
	solid = min(max(solid, 0), len(points))
	v.Solid = path(0, solid)
	if solid < len(points) {
		v.Dotted = path(solid-1, len(points)) // from the last complete point on, so that they meet
	}
	return v
}
