package web

import (
	"encoding/json"
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

// look is what fragments are made from, and nothing else, so that all screens with the same view can
// share what they render.
type look struct {
	*locale
	board  *cockpit.Board
	metric cockpit.Metric
	page   string
	alerts *alertsNow // nil: there are none
	crises *crisesNow // nil: there are none
}

// wall tells whether it is for a screen that no hand reaches: nothing there leads away or opens.
func (k look) wall() bool { return k.page == pageWall }

// define is what stands behind a panel's "i"; a wall has none.
func (k look) define(key string, pairs ...string) string {
	if k.wall() {
		return ""
	}
	return k.T(key, pairs...)
}

// link is the board narrowed to a part of what it shows now, or nothing on a wall.
func (k look) link(scope func(*cockpit.Scope)) string {
	if k.wall() {
		return ""
	}
	sight := k.board.Sight
	scope(&sight.Scope)
	return boardURL(sight, k.metric)
}

// boardFragments are those of a board but for alertFragments.
func boardFragments(page string, l *locale, metric cockpit.Metric, b *cockpit.Board) map[string]fragment {
	k := look{l, b, metric, page, nil, nil}
	matrix, capacity, services := newMatrixView(k), newCapacityView(k), newServicesView(k)
	fragments := map[string]fragment{
		"clock":         {Component: clockFragment(newClockView(l, b))},
		"now":           {Component: nowFragment(newNowView(l, b))},
		"axis":          {Component: axisFragment(newAxisView(l, b))},
		"focus-bar":     {Component: focusFragment(newFocusView(k))},
		"duty":          {Component: dutyFragment(newDutyView(k))},
		"matrix":        {Component: matrixFragment(matrix), shape: matrix.shape()},
		"matrix-head":   {Component: matrixHeadFragment(matrix), part: true},
		"flow-head":     {Component: chartHeadFragment(newFlowHead(k))},
		"classes-head":  {Component: chartHeadFragment(newClassesHead(k))},
		"classes-foot":  {Component: classesFootFragment(newClassesFoot(k))},
		"pressure-head": {Component: chartHeadFragment(newPressureHead(k))},
		"pressure-foot": {Component: pressureFootFragment(newPressureView(k))},
		"capacity":      {Component: capacityFragment(capacity), shape: capacity.shape()},
		"capacity-head": {Component: head(capacity.headView), part: true},
		"tools":         {Component: toolsFragment(newToolsView(k))},
		"sources":       {Component: sourcesFragment(newSourcesView(k))},
		"services":      {Component: servicesFragment(services), shape: services.shape()},
		"services-head": {Component: head(services.headView), part: true},
	}
	for _, r := range matrix.Rows {
		fragments[r.ID] = fragment{Component: rowFragment(r), part: true}
	}
	for _, t := range newTiles(k) {
		fragments[t.ID] = fragment{Component: tileFragment(t)}
	}
	if k.wall() {
		return fragments
	}
	mesh := newMeshView(k)
	for id, f := range map[string]fragment{
		"beside":         {Component: besideFragment(newBesideView(k))},
		"breakdown":      {Component: breakdownFragment(newBreakdownView(k))},
		"failing-head":   {Component: chartHeadFragment(newFailingHead(k))},
		"flow-table":     {Component: chartTableFragment(newChartTable(k, "flow", &b.Flow))},
		"failing-table":  {Component: chartTableFragment(newChartTable(k, "failing", &b.Failing))},
		"classes-table":  {Component: chartTableFragment(newChartTable(k, "classes", &b.Classes))},
		"pressure-table": {Component: chartTableFragment(newChartTable(k, "pressure", &b.Pressure.Chart))},
		"mesh":           {Component: meshFragment(mesh), shape: mesh.shape()},
		"mesh-head":      {Component: meshHeadFragment(mesh), part: true},
	} {
		fragments[id] = f
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
	Focus            focusTools
	Alerts           bool // there are some here
	Operates         bool // whoever looks may act on them
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

// palette is how many colours there are beside the peers' own.
const palette = 7

func colour(i int, peers bool) string {
	if peers {
		return "p2p"
	}
	return "cdn-" + strconv.Itoa(((i%palette)+palette)%palette)
}

func panelError(l *locale, p cockpit.Panel) string {
	switch {
	case p.Error != "":
		return l.T("panel.error", "why", p.Error)
	case p.Untold != "":
		return l.T("panel.untold." + p.Untold)
	}
	return ""
}
