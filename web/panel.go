package web

import (
	"math"
	"strconv"
	"strings"
	"time"

	"vigie/cockpit"
)

// worstView is one sentence about the thing that deviates most; Where is empty when nothing does.
type worstView struct {
	Health               healthView
	Where, What          string
	Viewers, ViewersNote string
	Detail               string
}

func newWorstView(l *locale, b *cockpit.Board) worstView {
	d := b.Worst
	if d == nil {
		v := worstView{Health: newHealth(l, cockpit.HealthFine), What: l.T("worst.none")}
		if len(b.Matrix.Rows) == 0 || b.CompleteTo.IsZero() {
			v.Health, v.What, v.Detail = newHealth(l, cockpit.HealthUnknown), l.T("worst.blind"), l.T("worst.blind_detail")
			return v
		}
		v.Detail = l.T("worst.judged", "isps", strconv.Itoa(len(b.Matrix.Rows)), "cdns", strconv.Itoa(len(b.Matrix.Columns)),
			"time", clock(b.CompleteTo, b.Match.Venue))
		return v
	}
	v := worstView{
		Health: newHealth(l, d.Health), Where: l.T("worst.where", "where", strings.Trim(networkName(l, d.ISP)+" × "+d.CDN, " ×")),
		Viewers: l.about(d.Viewers), ViewersNote: l.T("worst.viewers"),
	}
	if !math.IsNaN(d.Usual) { // a cell may be too young to have a usual
		v.Detail = l.T("worst.usual", "value", metricText(l, d.Metric, d.Value), "usual", metricText(l, d.Metric, d.Usual))
	}
	what := l.T("metric." + d.Metric.String())
	if d.Usual > 0 && d.Value >= d.Usual {
		what += " " + l.times(d.Value/d.Usual)
	} else {
		what += " " + metricText(l, d.Metric, d.Value)
	}
	v.What = l.T("worst.what", "what", lowerFirst(what), "since", moment(b, d.Since))
	if math.IsNaN(d.Viewers) || d.Viewers <= 0 {
		v.Viewers = ""
	}
	return v
}

func lowerFirst(s string) string {
	for i, r := range s {
		return strings.ToLower(string(r)) + s[i+len(string(r)):]
	}
	return s
}

type toolsView struct {
	Title, Definition, Error string
	Definitions              []definitionView
	Short                    string
	Heads                    []string
	Age                      ageView
	Rows                     []toolView
}

type toolView struct {
	Name, Startup, Rebuffering, Failures, Bitrate, Sessions string
}

func newToolsView(l *locale, b *cockpit.Board) toolsView {
	v := toolsView{
		Title: l.T("tools.title", "n", strconv.Itoa(len(b.Tools.Rows))), Definition: l.T("tools.definition"),
		Error: panelError(l, b.Tools.Panel), Age: newAge(l, b, b.Tools.Panel, 30*time.Second),
		Definitions: newDefinitions(l, b.Tools.Rows), Short: l.T("tools.short"),
		Heads: []string{l.T("tools.startup"), l.T("tools.rebuffering"), l.T("tools.failures"), l.T("tools.bitrate"), l.T("tools.sessions")},
	}
	for _, t := range b.Tools.Rows {
		v.Rows = append(v.Rows, toolView{
			Name: t.Name, Startup: l.three(t.Startup), Rebuffering: l.three(t.Rebuffering * 100),
			Failures: l.three(t.Failures * 100), Bitrate: l.fixed(t.Bitrate/1e6, 1), Sessions: l.count(t.Sessions).String(),
		})
	}
	return v
}

// The board has room for so many sources; the page of sources has all of them.
const sourcesOnBoard = 7

type sourcesView struct {
	Title, Definition, Error string
	Heads                    []string
	Age                      ageView
	Rows                     []sourceView
	More                     string // how many there are that Rows does not have
	Others                   []countView
}

type sourceView struct {
	Name, CDN, Lag, Watermark, Rate, Quarantined string
	Refusing                                     bool
	Health                                       healthView
}

func newSourcesView(l *locale, b *cockpit.Board) sourcesView {
	v := sourcesView{
		Title: l.T("sources.title"), Definition: l.T("sources.definition"),
		Error: panelError(l, b.Sources.Panel), Age: newAge(l, b, b.Sources.Panel, 20*time.Second),
		Heads: []string{l.T("sources.cdn"), l.T("sources.watermark"), l.T("sources.lag"), l.T("sources.rate"), l.T("sources.refused")},
	}
	rows := worstFirst(b.Sources.Rows)
	if len(rows) > sourcesOnBoard {
		others := rows[sourcesOnBoard-1:] // the last line is theirs
		rows = rows[:sourcesOnBoard-1]
		v.More, v.Others = l.plural("sources.more", len(others)), countFindings(l, others)
	}
	for i := range rows {
		src := &rows[i]
		row := sourceView{
			Name: src.ID, Lag: l.span(src.Lag), Watermark: clock(src.Watermark, b.Match.Venue),
			Rate: l.rate(src.Rate).String(), Quarantined: l.count(float64(src.Quarantined)).String(), Refusing: src.Quarantined > 0,
			Health: newFindingHealth(l, src),
		}
		row.CDN, _ = originOf(b, src)
		if src.Watermark.IsZero() {
			row.Lag = missing
			if src.Health == cockpit.HealthFine {
				row.Health = newHealth(l, cockpit.HealthUnknown) // no data is never fine
			}
		}
		switch {
		case src.Silent >= 10*time.Second:
			row.Rate = l.span(src.Silent)
		case src.Watermark.IsZero() && src.Rate == 0:
			row.Rate = missing
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}
