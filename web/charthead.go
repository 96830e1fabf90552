package web

import (
	"fmt"
	"math"
	"strings"
	"time"

	"vigie/cockpit"
)

// headView is the line over a panel: what it is, what exactly, as of when, and why not.
type headView struct {
	ID, Title, Definition string
	CSV                   string // where its values are to be had; "": not from here
	Age                   ageView
	Error                 string
}

// newHead takes the panel's texts from its id; a panel whose AsOf stands for longer than fresh is aged.
func newHead(k look, id string, p cockpit.Panel, fresh time.Duration) headView {
	return headView{
		ID: id, Title: k.T(id + ".title"), Definition: k.define(id + ".definition"), CSV: k.csv(id),
		Age: newAge(k.locale, k.board, p, fresh), Error: panelError(k.locale, p),
	}
}

// csv is where a panel's values are to be had; from a wall nothing is.
func (k look) csv(panel string) string {
	if k.wall() {
		return ""
	}
	return exportURL(panel, k.board.Sight)
}

// shapeOf is all of a panel but its head, whose age moves every second: the head is sent by itself.
func shapeOf(view any) string { return fmt.Sprintf("%+v", view) }

func (v capacityView) shape() string { v.headView = headView{}; return shapeOf(v) }
func (v servicesView) shape() string { v.headView = headView{}; return shapeOf(v) }
func (v meshView) shape() string     { v.headView = headView{}; return shapeOf(v) }

// lineView is a line of a chart in words: for its legend, and for those who do not see it.
type lineView struct {
	Name, Class   string
	Stroke        bool // drawn as a line, not as an area
	Last, Earlier string
}

type chartHead struct {
	headView
	Health   healthView // of what is drawn, where it is judged as one
	Complete string
	Lines    []lineView
}

func newChartHead(k look, id string, c *cockpit.Chart) chartHead {
	v := chartHead{headView: newHead(k, id, c.Panel, 45*time.Second)}
	lines, unit := chartLines(k, id, c)
	v.Title, v.Lines = withUnit(v.Title, unit), lines
	if k.wall() { // the numbers of the lines stand elsewhere on it
		for i := range v.Lines {
			v.Lines[i].Last = ""
		}
	}
	return v
}

// newFlowHead names what is drawn over the traffic, too.
func newFlowHead(k look) chartHead {
	b := k.board
	v := newChartHead(k, "flow", &b.Flow)
	for _, over := range b.Flow.Over {
		switch over.ID {
		case cockpit.OverForecast:
			v.Lines = append(v.Lines, lineView{Name: k.T("chart.forecast"), Class: "forecast", Stroke: true})
		case cockpit.OverEarlier:
			if b.Earlier.Known {
				v.Lines = append(v.Lines, lineView{Name: earlierName(k), Class: "earlier", Stroke: true})
			}
		}
	}
	if b.Flow.Reserved > 0 {
		v.Lines = append(v.Lines, lineView{Name: k.T("chart.reserved"), Class: "reserved", Stroke: true, Last: k.bits(b.Flow.Reserved).String()})
	}
	if k.wall() { // its key has nine parts on one line
		_, unit := chartLines(k, "flow", &b.Flow)
		v.Title = withUnit(k.T("traffic.label"), unit)
		if b.Flow.Reserved > 0 {
			v.Lines[len(v.Lines)-1].Last = "" // the chart has it
		}
	}
	if !b.CompleteTo.IsZero() {
		v.Complete = k.T("chart.complete", "time", clock(b.CompleteTo, b.Match.Venue))
	}
	return v
}

func newFailingHead(k look) chartHead { return newChartHead(k, "failing", &k.board.Failing) }

func newClassesHead(k look) chartHead {
	v := newChartHead(k, "classes", &k.board.Classes)
	if k.wall() { // the wall has one panel of errors
		v.Title = k.T("errors.label")
		lines, _ := chartLines(k, "classes", &k.board.Classes)
		v.Lines = lines
	}
	return v
}

// newClassesFoot has the errors of each CDN under the classes, for the wall, where they have no chart.
func newClassesFoot(k look) []lineView {
	if !k.wall() {
		return nil
	}
	lines, _ := chartLines(k, "failing", &k.board.Failing)
	return lines
}

func withUnit(title, unit string) string { return strings.TrimSuffix(title+" · "+unit, " · ") }

type chartTable struct {
	ID, Caption, Line, Now, Before string
	Lines                          []lineView
}

func newChartTable(k look, id string, c *cockpit.Chart) chartTable {
	b := k.board
	lines, unit := chartLines(k, id, c)
	v := chartTable{
		ID: id, Caption: withUnit(k.T(id+".title"), unit), Line: k.T("chart.line." + id), Now: k.T("chart.now"), Before: k.T("chart.before"), Lines: lines,
	}
	if !b.CompleteTo.IsZero() {
		v.Now = k.T("chart.now") + " (" + moment(b, b.CompleteTo) + ")"
	}
	return v
}

// chartLines reads each line at the last point that is complete for it, and ten minutes earlier.
// Traffic and requests have one unit for all lines, that of their sum, which is returned.
func chartLines(k look, id string, c *cockpit.Chart) (views []lineView, unit string) {
	write := func(v float64) string { return k.ratio(v).String() }
	switch id {
	case "flow":
		sum := 0.0
		for _, line := range c.Lines {
			sum += known(at(line.Points, line.Solid-1))
		}
		divide, name := k.unitFor(sum)
		unit, write = name, func(v float64) string { return k.fixed(v/divide, 2) }
	case "pressure":
		write = func(v float64) string { return k.rate(v).String() }
	}
	lines := make([]lineView, 0, len(c.Lines))
	for _, line := range c.Lines {
		v := lineView{Name: foreign(line.Name, longestName), Class: colour(line.Colour, line.ID == cockpit.Peers), Last: write(at(line.Points, line.Solid-1))}
		switch id {
		case "classes", "pressure": // what a line is has a name in each language, and no CDN's colour
			v.Name, v.Class, v.Stroke = k.T(id+"."+line.ID), "line-"+line.ID, line.ID != cockpit.PressureBlocked
		}
		earlier := math.NaN()
		if c.Step > 0 {
			earlier = at(line.Points, line.Solid-1-int(10*time.Minute/c.Step))
		}
		v.Earlier = write(earlier)
		lines = append(lines, v)
	}
	return lines, unit
}

func at(points []float64, i int) float64 {
	if i < 0 || i >= len(points) {
		return math.NaN()
	}
	return points[i]
}
