package web

import (
	"math"
	"strconv"
	"time"

	"vigie/cockpit"
	"vigie/internal/event"
)

// Under this many log lines a minute nothing is judged, and the cell says so.
const fewLines = 25

type matrixView struct {
	headView
	SwitchLabel string
	TotalLabel  string
	Unit        string // of the values, when they share one
	Wall        bool
	Metrics     []metricView
	Columns     []columnView
	Rows        []rowView
}

// shape is what the table is made of, beside the rows that change by themselves.
func (v matrixView) shape() string {
	shape := v.Unit + " " + strconv.Itoa(len(v.Rows))
	for _, c := range v.Columns {
		shape += "\x00" + c.Class + c.Name + c.URL
	}
	return shape
}

// metricView is one position of the switch.
type metricView struct {
	Name, Label, URL string
	Current          bool
}

// A URL is the board narrowed to the column, row or cell; a mesh cannot be looked at alone, nor many
// networks together.
type columnView struct {
	Name, Class, URL string
	Total            cellView
}

type rowView struct {
	ID, ISP, URL string
	Cells        []cellView
	Total        cellView
}

type cellView struct {
	Value, Second string
	SecondName    string // of what calls, when it is not what all cells show
	URL           string
	Few           bool
	Alarm         alarm  // which of the two is why the cell calls
	Class         string // health, or few, or none
	Colour        string // of the CDN
	Word          string // what is wrong, in words
	Title         string
	Bar           string // percent of the row's traffic
	Spark         sparkView
}

type alarm uint8

const (
	alarmNone alarm = iota
	alarmValue
	alarmSecond
)

func newMatrixView(k look) matrixView {
	m := k.board.Matrix
	write, unit := cellWriter(k.locale, k.metric, m)
	v := matrixView{
		headView: newHead(k, "matrix", m.Panel, 70*time.Second), Unit: unit, Wall: k.wall(),
		SwitchLabel: k.T("matrix.switch"), TotalLabel: k.T("matrix.total"),
	}
	v.Definition = k.define("matrix.definition." + k.metric.String())
	for _, other := range cockpit.Metrics() {
		v.Metrics = append(v.Metrics, metricView{
			Name: other.String(), Label: k.T("metric." + other.String()),
			URL: boardURL(k.board.Sight, other), Current: other == k.metric,
		})
	}
	if k.wall() { // a wall has no switch: what is shown is in the title
		v.Title, v.Metrics = withUnit(v.Title, k.T("matrix.wall."+k.metric.String())), nil
	}
	for _, c := range m.Columns {
		column := columnView{
			Name: c.Name, Class: colour(c.Colour, c.Peers), Total: newCell(k, write, c, k.T("matrix.all"), c.Total),
		}
		if !c.Peers {
			column.URL = k.link(func(s *cockpit.Scope) { s.CDN = c.ID })
		}
		v.Columns = append(v.Columns, column)
	}
	for i, r := range m.Rows {
		row := rowView{ID: "row-" + strconv.Itoa(i), ISP: networkName(k.locale, r.ISP)}
		if r.Merged > 0 {
			row.ISP = k.T("matrix.merged", "n", strconv.Itoa(r.Merged))
		} else {
			row.URL = k.link(func(s *cockpit.Scope) { s.ISP = r.ISP })
		}
		for j, c := range r.Cells {
			if j >= len(m.Columns) {
				break
			}
			column := m.Columns[j]
			cell := newCell(k, write, column, row.ISP, c)
			if column.Peers {
				cell.URL = row.URL
			} else {
				cell.URL = k.link(func(s *cockpit.Scope) {
					s.CDN = column.ID
					if r.Merged == 0 {
						s.ISP = r.ISP
					}
				})
			}
			row.Cells = append(row.Cells, cell)
		}
		row.Total = cellView{Value: write(total(k.metric, r.Total)), Class: "total"}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// networkName is a network as people read it: names are names in every language, but for those of
// networks that have none.
func networkName(l *locale, isp string) string {
	switch isp {
	case event.ISPOther:
		return l.T("isp.other")
	case event.ISPUnknown:
		return l.T("isp.unknown")
	}
	return isp
}

// A row's total share says nothing: its traffic stands there instead.
func total(metric cockpit.Metric, c cockpit.Cell) float64 {
	if metric == cockpit.MetricShare {
		return 1
	}
	return metricOf(c, metric)
}

func newCell(k look, write func(float64) string, column cockpit.Column, isp string, c cockpit.Cell) cellView {
	l, metric := k.locale, k.metric
	value := metricOf(c, metric)
	v := cellView{Colour: colour(column.Colour, column.Peers), Class: newHealth(l, c.Health).Class}
	if math.IsNaN(value) {
		v.Value, v.Class = missing, "none"
		if !k.wall() {
			v.Title = isp + " × " + column.Name + " — " + l.T("health.unknown")
		}
		return v
	}
	v.Value = write(value)
	second := secondary(metric, column)
	bad := c.Health == cockpit.HealthWarning || c.Health == cockpit.HealthCritical
	switch {
	case bad:
		v.Word = newHealth(l, c.Health).Word + " : " + l.T("metric."+c.Why.String())
		v.Alarm = alarmValue
		if c.Why != metric {
			second, v.Alarm, v.SecondName = c.Why, alarmSecond, l.T("metric.short."+c.Why.String())
		}
	case !column.Peers && c.Lines < fewLines:
		v.Class, v.Word, v.Few = "few", l.T("matrix.few"), true
	}
	if other := metricOf(c, second); !math.IsNaN(other) && second != metric {
		v.Second = metricText(l, second, other)
	}
	if !math.IsNaN(c.Share) {
		v.Bar = strconv.Itoa(int(math.Round(min(max(c.Share, 0), 1) * 100)))
	}
	if !k.wall() {
		v.Title = cellTitle(l, isp, column, c)
	}
	v.Spark = newSpark(c.Trend[metric], len(c.Trend[metric]), 60, 16)
	return v
}

// secondary is the small number beside the one that was asked for: is it in trouble, or how big is it.
func secondary(metric cockpit.Metric, column cockpit.Column) cockpit.Metric {
	switch {
	case metric == cockpit.MetricBits && column.Peers:
		return cockpit.MetricShare
	case metric == cockpit.MetricBits, metric == cockpit.MetricShare:
		return cockpit.MetricErrors
	}
	return cockpit.MetricBits
}

func cellTitle(l *locale, isp string, column cockpit.Column, c cockpit.Cell) string {
	text := isp + " × " + column.Name
	for _, m := range cockpit.Metrics() {
		if v := metricOf(c, m); !math.IsNaN(v) {
			text += "\n" + l.T("metric."+m.String()) + " " + metricText(l, m, v)
		}
	}
	if !math.IsNaN(c.Viewers) {
		text += "\n" + l.T("matrix.viewers", "n", l.about(c.Viewers))
	}
	return text + "\n" + l.T("matrix.lines", "n", l.count(float64(c.Lines)).String())
}

func metricOf(c cockpit.Cell, m cockpit.Metric) float64 {
	switch m {
	case cockpit.MetricBits:
		return c.Bits
	case cockpit.MetricShare:
		return c.Share
	case cockpit.MetricErrors:
		return c.Errors
	case cockpit.MetricFirstByte:
		return c.FirstByte
	case cockpit.MetricRebuffering:
		return c.Rebuffering
	}
	return math.NaN()
}

func metricText(l *locale, m cockpit.Metric, v float64) string {
	switch m {
	case cockpit.MetricBits:
		return l.bits(v).String()
	case cockpit.MetricShare:
		return l.share(v).String()
	case cockpit.MetricFirstByte:
		return l.latency(v).String()
	}
	return l.ratio(v).String()
}

// cellWriter gives all cells one unit, so that they can be compared at a glance.
func cellWriter(l *locale, metric cockpit.Metric, m cockpit.Matrix) (write func(float64) string, unit string) {
	switch metric {
	case cockpit.MetricBits:
		most := 0.0
		for _, r := range m.Rows {
			for _, c := range r.Cells {
				if c.Bits > most {
					most = c.Bits
				}
			}
		}
		return bitsWriter(l, most)
	case cockpit.MetricShare:
		return func(v float64) string { return l.share(v).String() }, ""
	case cockpit.MetricFirstByte:
		return func(v float64) string { return l.fixed(v*1000, 0) }, "ms"
	}
	return func(v float64) string { return l.three(v * 100) }, "%"
}

// bitsWriter writes bit/s in the one unit that most, the largest of them, asks for.
func bitsWriter(l *locale, most float64) (write func(float64) string, unit string) {
	divide, unit := 1.0, "bit/s"
	for _, u := range []string{"kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"} {
		if most/divide < 9995 { // up to four digits before the next unit
			break
		}
		divide, unit = divide*1000, u
	}
	return func(v float64) string {
		switch v /= divide; {
		case v > 0 && v < 0.05:
			return "<" + nnbsp + l.fixed(0.1, 1)
		case v < 9.95:
			return l.fixed(v, 1)
		}
		return l.fixed(v, 0)
	}, unit
}
