package web

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"vigie/cockpit"
	"vigie/internal/match"
)

// fragment is a part of the board that a frame can replace, by the id of the element it renders.
type fragment struct {
	templ.Component
	// shape, when set, is what has to differ for the whole to be sent again; its parts are fragments too.
	shape string
	part  bool // of a fragment with a shape: not in snapshots, where the whole has it
}

// boardFragments have no other input than these three, so that all screens with the same view can
// share what they render.
func boardFragments(l *locale, metric cockpit.Metric, b *cockpit.Board) map[string]fragment {
	matrix := newMatrixView(l, metric, b)
	fragments := map[string]fragment{
		"clock":         {Component: clockFragment(newClockView(l, b))},
		"now":           {Component: nowFragment(newNowView(l, b))},
		"axis":          {Component: axisFragment(newAxisView(l, b))},
		"worst":         {Component: worstFragment(newWorstView(l, b))},
		"matrix":        {Component: matrixFragment(matrix), shape: matrix.shape()},
		"matrix-head":   {Component: matrixHeadFragment(matrix), part: true},
		"flow-head":     {Component: chartHeadFragment(newChartHead(l, b, "flow", &b.Flow))},
		"flow-table":    {Component: chartTableFragment(newChartTable(l, b, "flow", &b.Flow))},
		"failing-head":  {Component: chartHeadFragment(newChartHead(l, b, "failing", &b.Failing))},
		"failing-table": {Component: chartTableFragment(newChartTable(l, b, "failing", &b.Failing))},
		"tools":         {Component: toolsFragment(newToolsView(l, b))},
		"sources":       {Component: sourcesFragment(newSourcesView(l, b))},
		"mesh":          {Component: meshFragment(newMeshView(l, b))},
		"services":      {Component: servicesFragment(newServicesView(l, b))},
	}
	for _, r := range matrix.Rows {
		fragments[r.ID] = fragment{Component: rowFragment(r), part: true}
	}
	for _, t := range newTiles(l, b) {
		fragments[t.ID] = fragment{Component: tileFragment(t)}
	}
	return fragments
}

// boardView is the board's page around its fragments.
type boardView struct {
	topView
	Page             string // pageBoard or pageWall
	Metric, Language string
	Seq              string
	Tiles            []string
	html             map[string]rendered
}

func newBoardView(l *locale, page string, metric cockpit.Metric, top topView, f *frame) boardView {
	return boardView{
		topView: top, Page: page, Metric: metric.String(), Language: l.Code, Seq: strconv.FormatUint(f.seq, 10),
		Tiles: []string{"tile-viewers", "tile-traffic", "tile-errors", "tile-startup", "tile-rebuffering"},
		html:  f.html,
	}
}

func (v boardView) fragment(id string) templ.Component { return templ.Raw(v.html[id].html) }

// healthView is a state in its three forms: class for the colour, sign for the shape, word.
type healthView struct {
	Class, Word string
	Calm        bool // the word is for screen readers only
}

func newHealth(l *locale, h cockpit.Health) healthView {
	class := "unknown"
	switch h {
	case cockpit.HealthFine:
		class = "fine"
	case cockpit.HealthWarning:
		class = "warning"
	case cockpit.HealthCritical:
		class = "critical"
	}
	return healthView{Class: class, Word: l.T("health." + class), Calm: h == cockpit.HealthFine}
}

// ageView is when the values of a panel hold. The browser counts on from AsOf, so that ages grow
// while nothing arrives. A panel whose AsOf did not move for Fresh seconds is shown as aged, after twice
// that as stale; some CDNs deliver by the half minute, so that a standing AsOf alone is no alarm.
type ageView struct {
	AsOf, Fresh string // ms since 1970, by the server's clock; seconds
	Text, Title string
	Known       bool
}

func newAge(l *locale, b *cockpit.Board, p cockpit.Panel, fresh time.Duration) ageView {
	if p.AsOf.IsZero() {
		return ageView{Text: missing, Title: l.T("age.unknown")}
	}
	return ageView{
		AsOf: strconv.FormatInt(p.AsOf.UnixMilli(), 10), Fresh: strconv.Itoa(int(fresh.Seconds())),
		Text: l.span(b.At.Sub(p.AsOf)), Title: l.T("age.as_of", "time", clock(p.AsOf, b.Match.Venue)), Known: true,
	}
}

// moment is a time as the room says it: 101′, 45+2′, or the time of day outside of play.
func moment(b *cockpit.Board, t time.Time) string {
	var current *match.Mark
	for i := range b.Marks {
		if b.Marks[i].At.After(t) {
			break
		}
		current = &b.Marks[i]
	}
	if current != nil {
		if from, to := current.Phase.Minutes(); to > from {
			minute := from + int(t.Sub(current.At)/time.Minute) + 1 // as the match's clock counts
			if minute > to {
				return minuteText(to, minute-to)
			}
			return minuteText(minute, 0)
		}
	}
	return clock(t, b.Match.Venue)[:5]
}

func minuteText(minute, added int) string {
	if added > 0 {
		return strconv.Itoa(minute) + "+" + strconv.Itoa(added) + "′"
	}
	return strconv.Itoa(minute) + "′"
}

type clockView struct {
	Match, Details, Minute, Phase string
}

func newClockView(l *locale, b *cockpit.Board) clockView {
	m := b.Match
	v := clockView{Match: m.Name}
	if m.Phase != "" {
		v.Phase = l.T("phase." + string(m.Phase))
	}
	details := make([]string, 0, 2)
	if m.Competition != "" {
		details = append(details, m.Competition)
	}
	if m.Criticality > 0 {
		details = append(details, l.T("match.criticality", "level", strconv.Itoa(m.Criticality)))
	}
	v.Details = strings.Join(details, " · ")
	if from, to := m.Phase.Minutes(); to > from {
		v.Minute = minuteText(m.Minute, m.Added)
	} else if m.Phase == match.PhaseBefore && m.ToKickOff > 0 {
		v.Minute = "−" + countdown(m.ToKickOff)
	}
	return v
}

func countdown(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return strconv.Itoa(s/3600) + ":" + pad(s/60%60) + ":" + pad(s%60)
	}
	return strconv.Itoa(s/60) + ":" + pad(s%60)
}

func pad(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

// nowView is the server's clock at the venue.
type nowView struct {
	Clock, Place, At string
}

func newNowView(l *locale, b *cockpit.Board) nowView {
	v := nowView{Clock: clock(b.At, b.Match.Venue), Place: "UTC", At: strconv.FormatInt(b.At.UnixMilli(), 10)}
	if b.Match.Venue != nil && b.Match.Venue != time.UTC {
		_, city, _ := strings.Cut(b.Match.Venue.String(), "/")
		v.Place = strings.ReplaceAll(city, "_", " ")
	}
	return v
}

// axisView tells the charts where the match is on their axis, as JSON in an attribute.
type axisView struct{ JSON string }

type axisPhase struct {
	From  int64  `json:"from"`         // s since 1970
	To    int64  `json:"to,omitempty"` // 0: it lasts
	Label string `json:"label"`
	Base  int    `json:"base"` // the match's minute at From; -1 outside of play
	End   int    `json:"end"`
}

func newAxisView(l *locale, b *cockpit.Board) axisView {
	axis := struct {
		Zone   string      `json:"zone"`
		Phases []axisPhase `json:"phases"`
	}{Zone: "UTC", Phases: []axisPhase{}}
	if b.Match.Venue != nil {
		axis.Zone = b.Match.Venue.String()
	}
	for i, mark := range b.Marks {
		p := axisPhase{From: mark.At.Unix(), Label: l.T("phase." + string(mark.Phase)), Base: -1}
		if i+1 < len(b.Marks) {
			p.To = b.Marks[i+1].At.Unix()
		}
		if from, to := mark.Phase.Minutes(); to > from {
			p.Base, p.End = from, to
		}
		axis.Phases = append(axis.Phases, p)
	}
	text, err := json.Marshal(axis)
	if err != nil {
		return axisView{JSON: "{}"} // strings and whole numbers always encode
	}
	return axisView{JSON: string(text)}
}

// lineView is a line of a chart in words: for its legend, and for those who do not see it.
type lineView struct {
	Name, Class   string
	Last, Earlier string
}

type chartHead struct {
	ID, Title, Definition string
	Complete              string
	Lines                 []lineView
	Age                   ageView
	Error                 string
}

func newChartHead(l *locale, b *cockpit.Board, id string, c *cockpit.Chart) chartHead {
	lines, unit := chartLines(l, id, c)
	v := chartHead{
		ID: id, Title: strings.TrimSuffix(l.T(id+".title")+" · "+unit, " · "), Definition: l.T(id + ".definition"),
		Age: newAge(l, b, c.Panel, 45*time.Second), Error: panelError(l, c.Panel), Lines: lines,
	}
	if id == "flow" && !b.CompleteTo.IsZero() {
		v.Complete = l.T("chart.complete", "time", clock(b.CompleteTo, b.Match.Venue))
	}
	return v
}

func newChartTable(l *locale, b *cockpit.Board, id string, c *cockpit.Chart) chartTable {
	lines, unit := chartLines(l, id, c)
	v := chartTable{
		ID: id, Caption: strings.TrimSuffix(l.T(id+".title")+" · "+unit, " · "), Now: l.T("chart.now"), Before: l.T("chart.before"), Lines: lines,
	}
	if !b.CompleteTo.IsZero() {
		v.Now = l.T("chart.now") + " (" + moment(b, b.CompleteTo) + ")"
	}
	return v
}

type chartTable struct {
	ID, Caption, Now, Before string
	Lines                    []lineView
}

// chartLines reads each line at the last point that is complete for it, and ten minutes earlier.
// Traffic has one unit for all lines, that of their sum, which is returned.
func chartLines(l *locale, id string, c *cockpit.Chart) (views []lineView, unit string) {
	write := func(v float64) string { return l.ratio(v).String() }
	if id == "flow" {
		sum := 0.0
		for _, line := range c.Lines {
			if v := at(line.Points, line.Solid-1); !math.IsNaN(v) {
				sum += v
			}
		}
		divide, name := l.unitFor(sum)
		unit, write = name, func(v float64) string { return l.fixed(v/divide, 2) }
	}
	lines := make([]lineView, 0, len(c.Lines))
	for _, line := range c.Lines {
		last := at(line.Points, line.Solid-1)
		earlier := math.NaN()
		if c.Step > 0 {
			earlier = at(line.Points, line.Solid-1-int(10*time.Minute/c.Step))
		}
		lines = append(lines, lineView{Name: line.Name, Class: colour(line.Colour, line.ID == "p2p"), Last: write(last), Earlier: write(earlier)})
	}
	return lines, unit
}

func at(points []float64, i int) float64 {
	if i < 0 || i >= len(points) {
		return math.NaN()
	}
	return points[i]
}

// palette is how many colours there are beside the peers' own.
const palette = 7

func colour(i int, peers bool) string {
	if peers {
		return "p2p"
	}
	return "cdn-" + strconv.Itoa(((i%palette)+palette)%palette)
}

func panelError(l *locale, p cockpit.Panel) string {
	if p.Error == "" {
		return ""
	}
	return l.T("panel.error", "why", p.Error)
}
