package web

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/cockpit"
)

func lowerFirst(s string) string {
	for i, r := range s {
		return strings.ToLower(string(r)) + s[i+len(string(r)):]
	}
	return s
}

type toolsView struct {
	headView
	Definitions []definitionView
	Short       string
	Heads       []string
	Rows        []toolView
}

type toolView struct {
	Name, Startup, Rebuffering, Failures, Bitrate, Sessions string
}

func newToolsView(k look) toolsView {
	l, b := k.locale, k.board
	v := toolsView{
		headView: newHead(k, "tools", b.Tools.Panel, 30*time.Second), Short: l.T("tools.short"),
		Heads: []string{l.T("tools.startup"), l.T("tools.rebuffering"), l.T("tools.failures"), l.T("tools.bitrate"), l.T("tools.sessions")},
	}
	v.Title = l.T("tools.title", "n", strconv.Itoa(len(b.Tools.Rows)))
	if k.wall() {
		v.Title = l.T("tools.wall", "n", strconv.Itoa(len(b.Tools.Rows)))
	} else {
		v.Definitions = newDefinitions(l, b.Tools.Rows)
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
const sourcesOnBoard, sourcesOnWall = 7, 6

type sourcesView struct {
	headView
	URL    string // of the page that has all of them
	Heads  []string
	Rows   []sourceView
	More   string // how many there are that Rows does not have
	Others []countView
}

type sourceView struct {
	Name, CDN, Lag, Watermark, Rate, Quarantined string
	Refusing                                     bool
	Health                                       healthView
}

func newSourcesView(k look) sourcesView {
	l, b := k.locale, k.board
	v := sourcesView{
		headView: newHead(k, "sources", b.Sources.Panel, 20*time.Second),
		Heads:    []string{l.T("sources.cdn"), l.T("sources.watermark"), l.T("sources.lag"), l.T("sources.rate"), l.T("sources.refused")},
	}
	room := sourcesOnWall
	if !k.wall() {
		v.URL, room = "/sources", sourcesOnBoard
	}
	rows := worstFirst(b.Sources.Rows)
	if len(rows) > room {
		others := rows[room-1:] // the last line is theirs
		rows = rows[:room-1]
		v.More, v.Others = l.plural("sources.more", len(others)), countFindings(l, others)
		if k.wall() { // the one that matters most: those that are fine come first
			calling := slices.IndexFunc(v.Others, func(c countView) bool { return c.Class != "fine" })
			v.Others = v.Others[max(calling, 0):][:1]
		}
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
