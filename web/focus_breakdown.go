package web

import (
	"math"
	"net/url"
	"strconv"
	"time"

	"vigie/cockpit"
)

// breakdownView is what a narrowed sight is made of; of two scopes, both beside each other. It is Hidden
// when everything is looked at.
type breakdownView struct {
	Hidden bool
	headView
	Sides []breakdownSide
}

type breakdownSide struct {
	Name    string // of the scope, where there are two
	Nothing string // why there are no divisions
	Groups  []breakdownGroup
	Paths   pathsView
}

type breakdownGroup struct {
	Title     string
	Divisions []divisionView
}

type divisionView struct {
	Title, Share, Second string
	Rows                 []partView
	Rest                 string
}

// partView is one value of a dimension: its share as a bar, and how it does.
type partView struct {
	Name, URL     string
	Bar, Share    string // percent; the same as text
	Second        string // errors, or rebuffering
	Class, Word   string // warning when it stands out, few when it is too little to say
	Title         string
	StandsOut     bool
	Times         string // how many times the whole's it is
	SecondUnknown bool
}

type pathsView struct {
	Title string
	Heads [5]string
	Rows  []pathView
}

type pathView struct {
	Path, URL                           string
	Requests, Errors, Status, FirstByte string
	Class, Word                         string
}

const (
	standsOut   = 2 // times the whole's
	fewFailures = 3 // lines that failed: one or two are chance
	pathsShown  = 15
)

func newBreakdownView(k look) breakdownView {
	b := k.board
	if b.Sight.Scope.Whole() && b.Breakdown == nil || k.wall() {
		return breakdownView{Hidden: true}
	}
	var panel cockpit.Panel
	if b.Breakdown != nil {
		panel = b.Breakdown.Panel
	}
	v := breakdownView{headView: newHead(k, "breakdown", panel, 30*time.Second)}
	v.Sides = []breakdownSide{newBreakdownSide(k, b, b.Sight.Scope)}
	if b.Beside != nil {
		names := besideNames(k)
		v.Sides = append(v.Sides, newBreakdownSide(k, b.Beside, b.Sight.Beside))
		for i := range v.Sides {
			v.Sides[i].Name = names[i]
		}
	}
	return v
}

func newBreakdownSide(k look, b *cockpit.Board, scope cockpit.Scope) breakdownSide {
	d := b.Breakdown
	switch {
	case d == nil && scope.Whole():
		return breakdownSide{Nothing: k.T("breakdown.whole")}
	case d == nil || d.AsOf.IsZero() && d.Error == "" && d.Untold == "":
		return breakdownSide{Nothing: k.T("breakdown.waiting")}
	case d.Untold != "":
		return breakdownSide{Nothing: k.T("breakdown.untold", "what", lowerFirst(k.T("scope."+d.Untold)))}
	case len(d.Requests) == 0 && len(d.Sessions) == 0:
		return breakdownSide{Nothing: k.T("breakdown.nothing")}
	}
	sight := k.board.Sight
	sight.Scope = scope
	in := side{k, b, sight, fewLines * max(1, d.Window.Minutes())}
	v := breakdownSide{Paths: in.paths(d.Paths)}
	for _, g := range []struct {
		title     string
		divisions []cockpit.Division
		part      func(by string, p cockpit.Part) partView
		second    string
	}{
		{k.T("breakdown.requests"), d.Requests, in.requests, k.T("metric.errors")},
		{k.T("breakdown.sessions"), d.Sessions, in.sessions, k.T("metric.rebuffering")},
	} {
		group := breakdownGroup{Title: g.title}
		for _, d := range g.divisions {
			if len(d.Parts) == 0 {
				continue
			}
			division := divisionView{Title: k.T("by." + d.By), Share: k.T("metric.share"), Second: g.second}
			for _, p := range d.Parts {
				division.Rows = append(division.Rows, g.part(d.By, p))
			}
			if d.Rest > 0 {
				division.Rest = k.plural("breakdown.rest", d.Rest)
			}
			group.Divisions = append(group.Divisions, division)
		}
		if len(group.Divisions) > 0 {
			v.Groups = append(v.Groups, group)
		}
	}
	return v
}

// side is one scope whose parts are shown.
type side struct {
	look
	of    *cockpit.Board
	sight cockpit.Sight // with this side's scope
	few   float64       // lines under which nothing is judged
}

func (s side) requests(by string, p cockpit.Part) partView {
	v := s.part(by, p)
	v.Second, v.SecondUnknown = s.told(p.Errors), math.IsNaN(p.Errors)
	// What a status is divided by is what makes it an error: there it says nothing.
	if by != "status" && by != "class" && p.Errors*float64(p.Lines) >= fewFailures {
		s.judge(&v, p, p.Errors, s.of.Errors)
	}
	v.Title = s.title(p)
	return v
}

func (s side) sessions(by string, p cockpit.Part) partView {
	v := s.part(by, p)
	v.Second, v.SecondUnknown = s.told(p.Rebuffering), math.IsNaN(p.Rebuffering)
	s.judge(&v, p, p.Rebuffering, s.of.Rebuffering)
	v.Title = s.title(p)
	return v
}

func (s side) part(by string, p cockpit.Part) partView {
	v := partView{Name: foreign(p.Name, longestName), Share: s.share(p.Share).String()}
	if math.IsNaN(p.Share) {
		v.Share = missing
	} else {
		v.Bar = strconv.FormatFloat(min(max(p.Share, 0), 1)*100, 'f', 1, 64)
	}
	if p.Name == "" {
		v.Name = s.T("breakdown.untold_part")
	}
	if float64(p.Lines) < s.few {
		v.Class, v.Word = "few", s.T("matrix.few")
	}
	narrower := s.sight
	switch {
	case p.Name == "" || len(p.Name) > maxSightText:
	case by == "channel" && narrower.Scope.Channel == "":
		narrower.Scope.Channel = p.Name
		v.URL = boardURL(narrower, s.metric)
	case by == "device" && narrower.Scope.Device == "":
		narrower.Scope.Device = p.Name
		v.URL = boardURL(narrower, s.metric)
	case by == "pop" || by == "status":
		v.URL = samplesURL(s.sight, url.Values{by: {p.Name}})
	}
	return v
}

// judge marks a part that is much worse than the whole it belongs to.
func (s side) judge(v *partView, p cockpit.Part, value float64, whole cockpit.Number) {
	if float64(p.Lines) < s.few || math.IsNaN(value) || !whole.Known || whole.Value <= 0 || value < standsOut*whole.Value {
		return
	}
	h := newHealth(s.locale, cockpit.HealthWarning)
	v.Class, v.Word, v.StandsOut, v.Times = h.Class, h.Word, true, s.times(value/whole.Value)
}

func (s side) told(ratio float64) string {
	if math.IsNaN(ratio) {
		return missing
	}
	return s.ratio(ratio).String()
}

func (s side) title(p cockpit.Part) string {
	var text string
	for _, f := range []struct {
		value float64
		text  func() string
	}{
		{p.Bits, func() string { return s.T("metric.traffic") + " " + s.bits(p.Bits).String() }},
		{p.Requests, func() string { return s.T("by.requests") + " " + s.rate(p.Requests).String() }},
		{p.FirstByte, func() string { return s.T("metric.firstbyte") + " " + s.latency(p.FirstByte).String() }},
		{p.Sessions, func() string { return s.T("samples.sessions", "n", s.about(p.Sessions)) }},
		{p.Startup, func() string { return s.T("startup.label") + " " + s.seconds(p.Startup).String() }},
	} {
		if !math.IsNaN(f.value) && f.value != 0 {
			text += f.text() + "\n"
		}
	}
	return text + s.T("matrix.lines", "n", s.count(float64(p.Lines)).String())
}

func (s side) paths(paths []cockpit.Path) pathsView {
	v := pathsView{Title: s.T("breakdown.paths"), Heads: [5]string{
		s.T("by.path"), s.T("by.requests"), s.T("metric.errors"), s.T("by.status"), s.T("metric.firstbyte"),
	}}
	for i, p := range paths {
		if i == pathsShown {
			break
		}
		row := pathView{
			Path: foreign(p.Path, 120), Requests: s.count(p.Requests).String(), Errors: s.told(p.Errors), Status: missing, FirstByte: missing,
		}
		if p.Status > 0 {
			row.Status = strconv.Itoa(p.Status)
		}
		if !math.IsNaN(p.FirstByte) {
			row.FirstByte = s.latency(p.FirstByte).String()
		}
		switch {
		case float64(p.Lines) < s.few:
			row.Class, row.Word = "few", s.T("matrix.few")
		case s.of.Errors.Known && s.of.Errors.Value > 0 && p.Errors >= standsOut*s.of.Errors.Value && p.Errors*float64(p.Lines) >= fewFailures:
			h := newHealth(s.locale, cockpit.HealthWarning)
			row.Class, row.Word = h.Class, h.Word
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}
