package web

import (
	"math"
	"time"

	"vigie/cockpit"
)

// besideView holds two scopes against each other. Without a comparison it is Hidden.
type besideView struct {
	Hidden         bool
	Title, Ratio   string
	Names          [2]string
	Rows           []besideRow
	Flow, Failing  string // titles of the charts
	NumbersCaption string
}

// besideRow is one of the five numbers, of both.
type besideRow struct {
	Label  string
	Values [2]besideValue
	Ratio  string // of the first to the second
}

type besideValue struct {
	Text   string
	Health healthView
}

func newBesideView(k look) besideView {
	b, other := k.board, k.board.Beside
	if other == nil {
		return besideView{Hidden: true}
	}
	v := besideView{
		Title: k.T("beside.title"), Ratio: k.T("beside.ratio"), Names: besideNames(k), NumbersCaption: k.T("beside.numbers"),
		Flow: k.T("beside.flow"), Failing: k.T("beside.failing"),
	}
	for _, n := range []struct {
		label string
		both  [2]cockpit.Number
		write func(float64) quantity
	}{
		{"viewers", [2]cockpit.Number{b.Viewers, other.Viewers}, k.count},
		{"traffic", [2]cockpit.Number{b.Traffic, other.Traffic}, k.bits},
		{"errors", [2]cockpit.Number{b.Errors, other.Errors}, k.ratio},
		{"startup", [2]cockpit.Number{b.Startup, other.Startup}, k.seconds},
		{"rebuffering", [2]cockpit.Number{b.Rebuffering, other.Rebuffering}, k.ratio},
	} {
		row := besideRow{Label: k.T(n.label + ".label"), Ratio: missing}
		usable := true
		for i, number := range n.both {
			row.Values[i] = besideValue{missing, newHealth(k.locale, cockpit.HealthUnknown)}
			if !number.Known || math.IsNaN(number.Value) {
				usable = false
				continue
			}
			row.Values[i].Text = n.write(number.Value).String()
			if !number.Few {
				row.Values[i].Health = newHealth(k.locale, number.Health)
			}
			usable = usable && !number.Few && len(number.Without) == 0
		}
		if usable && n.both[1].Value > 0 {
			row.Ratio = k.times(n.both[0].Value / n.both[1].Value)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

func besideNames(k look) (names [2]string) {
	for i, sc := range []cockpit.Scope{k.board.Sight.Scope, k.board.Sight.Beside} {
		if names[i] = scopeName(k.board, sc); names[i] == "" {
			names[i] = k.T("focus.everything")
		}
	}
	return names
}

// besideFlow is the traffic of both scopes, each as one line.
func besideFlow(b *cockpit.Board) *cockpit.Chart {
	return besideChart(b, &b.Flow, &b.Beside.Flow, func(c *cockpit.Chart) []cockpit.Line { return c.Lines })
}

// besideFailing is the error ratio of both: errors are 5xx and aborted answers.
func besideFailing(b *cockpit.Board) *cockpit.Chart {
	return besideChart(b, &b.Classes, &b.Beside.Classes, func(c *cockpit.Chart) []cockpit.Line {
		var lines []cockpit.Line
		for _, line := range c.Lines {
			if line.ID == cockpit.ClassServer || line.ID == cockpit.ClassAborted {
				lines = append(lines, line)
			}
		}
		return lines
	})
}

func besideChart(b *cockpit.Board, first, second *cockpit.Chart, of func(*cockpit.Chart) []cockpit.Line) *cockpit.Chart {
	c := &cockpit.Chart{Panel: first.Panel, Start: first.Start, Step: first.Step, Solid: first.Solid}
	line := sum(of(first))
	line.ID, line.Name = "scope", scopeName(b, b.Sight.Scope)
	c.Lines = append(c.Lines, line)
	if shift, ok := steps(first.Start.Sub(second.Start), first.Step, second.Step); ok {
		line := sum(of(second))
		line.ID, line.Name = "beside", scopeName(b, b.Sight.Beside)
		line.Points, line.Solid = shiftPoints(line.Points, shift), max(0, line.Solid-shift)
		c.Lines = append(c.Lines, line)
		c.Solid = min(c.Solid, line.Solid)
	}
	return c
}

// steps is how many of them a time is, when both charts have the same grid.
func steps(d, step, other time.Duration) (int, bool) {
	if step <= 0 || step != other || d%step != 0 {
		return 0, false
	}
	return int(d / step), true
}

// shiftPoints drops the first n points, or has as many unknown ones before them when n is negative.
func shiftPoints(points []float64, n int) []float64 {
	if n >= 0 {
		return points[min(n, len(points)):]
	}
	shifted := make([]float64, 0, len(points)-n)
	for range -n {
		shifted = append(shifted, math.NaN())
	}
	return append(shifted, points...)
}

// sum adds lines up, point by point; a point that no line knows stays unknown.
func sum(lines []cockpit.Line) cockpit.Line {
	var all cockpit.Line
	for n, line := range lines {
		for len(all.Points) < len(line.Points) {
			all.Points = append(all.Points, math.NaN())
		}
		for i, v := range line.Points {
			switch {
			case math.IsNaN(v):
			case math.IsNaN(all.Points[i]):
				all.Points[i] = v
			default:
				all.Points[i] += v
			}
		}
		if n == 0 || line.Solid < all.Solid {
			all.Solid = line.Solid
		}
	}
	return all
}
