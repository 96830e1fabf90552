package web

import (
	"math"
	"strconv"
	"strings"
	"time"

	"vigie/alerts"
)

// signalChart is what a signal showed, in a picture of 100 by 40 that is stretched to its place, with the
// moment at which its alert began.
type signalChart struct {
	Title, Words   string // Words say what the picture shows
	Line           string // path; broken where nothing is known
	Usual          string // height of the usual value; "": not known
	UsualText      string
	FiredText      string
	Top, Middle    string // the values of the axis
	Ticks          []tickView
	Gaps           []barView
	Nothing        string // why there is no picture
	FiredX         string
	Last, LastText string // height of the last value
}

const (
	chartWide = 100.0
	chartHigh = 40.0
)

// signalOf is the loudest alert's signal over the last half hour: what the judging process has of it, else
// the minutes that are kept with the problem.
func (r alertsReader) signalOf(i *alerts.Incident) signalChart {
	if len(i.Alerts) == 0 {
		return signalChart{Nothing: r.T("alerts.chart.none")}
	}
	m := &i.Alerts[0]
	start, step, points := r.room.Series(m.Key)
	if len(points) == 0 && len(i.Facts.Spark) > 0 && !i.Facts.At.IsZero() {
		step = time.Minute
		start = i.Facts.At.Add(-time.Duration(len(i.Facts.Spark)) * step)
		for _, v := range i.Facts.Spark {
			if v < 0 {
				v = math.NaN()
			}
			points = append(points, v)
		}
	}
	usual := math.NaN()
	if m.UsualKnown {
		usual = m.Usual
	}
	return r.newSignalChart(m.Signal, start, step, points, m.Fired, usual)
}

func (r alertsReader) newSignalChart(name string, start time.Time, step time.Duration, points []float64, fired time.Time, usual float64) signalChart {
	v := signalChart{Title: r.signal(name)}
	if len(points) > 2000 { // no picture shows more
		start = start.Add(time.Duration(len(points)-2000) * step)
		points = points[len(points)-2000:]
	}
	top, last := 0.0, -1
	if !math.IsNaN(usual) {
		top = usual
	}
	for i, p := range points {
		if !math.IsNaN(p) && !math.IsInf(p, 0) {
			top, last = max(top, p), i
		}
	}
	if last < 0 || step <= 0 {
		v.Nothing = r.T("alerts.chart.none")
		return v
	}
	if top <= 0 {
		top = 1
	}
	top *= 1.1
	end := start.Add(time.Duration(len(points)) * step)
	whole := end.Sub(start).Seconds()
	x := func(t time.Time) float64 { return chartWide * t.Sub(start).Seconds() / whole }
	y := func(value float64) string {
		return strconv.FormatFloat(chartHigh-chartHigh*max(value, 0)/top, 'f', 2, 64)
	}
	var line strings.Builder
	gap := true
	for i, p := range points {
		if math.IsNaN(p) || math.IsInf(p, 0) {
			gap = true
			continue
		}
		command := byte('L')
		if gap {
			command = 'M'
		}
		gap = false
		line.WriteByte(command)
		line.WriteString(strconv.FormatFloat(x(start.Add(time.Duration(i)*step+step/2)), 'f', 2, 64))
		line.WriteByte(' ')
		line.WriteString(y(p))
	}
	v.Line = line.String()
	for i := 0; i < len(points); {
		if !math.IsNaN(points[i]) {
			i++
			continue
		}
		from := i
		for i < len(points) && math.IsNaN(points[i]) {
			i++
		}
		v.Gaps = append(v.Gaps, barView{X: percentText(100 * float64(from) / float64(len(points))), Width: percentText(100 * float64(i-from) / float64(len(points)))})
	}
	v.Top, v.Middle = r.value(name, top/1.1), r.value(name, top/2.2)
	v.Last, v.LastText = percentOf(top-points[last], top), r.value(name, points[last])
	if !math.IsNaN(usual) {
		v.Usual, v.UsualText = percentOf(top-usual, top), r.T("alerts.chart.usual", "value", r.value(name, usual))
	}
	if !fired.Before(start) && fired.Before(end) {
		v.FiredX, v.FiredText = percentOf(x(fired), chartWide), r.T("alerts.chart.fired", "time", r.at(fired))
	}
	tick := 10 * time.Minute
	if end.Sub(start) <= 20*time.Minute {
		tick = 5 * time.Minute
	}
	for t := start.Truncate(tick).Add(tick); t.Before(end); t = t.Add(tick) {
		if of := x(t); of > 4 && of < 96 {
			v.Ticks = append(v.Ticks, tickView{percentText(of), t.In(r.zone).Format("15:04"), "middle"})
		}
	}
	v.Words = r.T("alerts.chart.words", "signal", v.Title, "from", r.until(start), "to", r.until(end), "last", v.LastText)
	if v.UsualText != "" {
		v.Words += " " + v.UsualText + "."
	}
	if v.FiredText != "" {
		v.Words += " " + v.FiredText + "."
	}
	return v
}
