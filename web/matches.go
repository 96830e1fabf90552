package web

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/cockpit"
	"vigie/internal/account"
	"vigie/internal/match"
)

// matchTop is the bar over the pages of matches. They are there without a board, too: the telephone
// numbers are wanted most when nothing else works.
func (s *Server) matchTop(c echo.Context, l *locale, main string, now time.Time) (topView, error) {
	f := &frame{html: map[string]rendered{}}
	if _, shown, err := s.frame(c, viewKey{page: pageMatches, language: l.Code}); err == nil {
		f = shown
	} else {
		b := &cockpit.Board{At: now}
		m := s.config.Matches.At(now)
		if m != nil {
			b.Match = m.Now(s.config.Matches.Timeline(m.ID), now)
		}
		for id, part := range topFragments(l, b) {
			var html bytes.Buffer
			if err := part.Render(context.Background(), &html); err != nil {
				return topView{}, err
			}
			f.html[id] = rendered{html: html.String()}
		}
	}
	v := newTopView(l, pageMatches, userOf(c), f)
	v.Main = main
	return v, nil
}

// topFragments are what is live on pages of which nothing else is.
func topFragments(l *locale, b *cockpit.Board) map[string]fragment {
	return map[string]fragment{
		"clock": {Component: clockFragment(newClockView(l, b))},
		"now":   {Component: nowFragment(newNowView(l, b))},
	}
}

// matchReader is who reads the pages of matches, when, and where.
type matchReader struct {
	*locale
	book *match.Book
	now  time.Time
	own  *time.Location // nil: not told, the browser may know
	user account.User
}

func (s *Server) matchReader(c echo.Context) matchReader {
	r := matchReader{locale: s.localeOf(c), book: s.config.Matches, now: time.Now(), user: userOf(c)}
	if r.user.Zone != "" {
		r.own, _ = time.LoadLocation(r.user.Zone)
	}
	return r
}

// acts tells whether the reader may act on what the page shows.
func (r matchReader) acts() bool { return r.user.May(account.Operator) }

// date is a day as people say it: dim. 19 juil. 2026.
func (l *locale) date(t time.Time) string {
	return l.T("matches.date", "weekday", l.T("matches.weekday."+strconv.Itoa(int(t.Weekday()))),
		"day", strconv.Itoa(t.Day()), "month", l.T("matches.month."+strconv.Itoa(int(t.Month()))), "year", strconv.Itoa(t.Year()))
}

// hour is a time of day, with its seconds where it has some.
func hour(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	if t.Second() != 0 {
		return t.Format(time.TimeOnly)
	}
	return t.Format("15:04")
}

// when is a moment at the venue: its time, and its day where that is not kick-off's.
func (r matchReader) when(m *match.Match, t time.Time) string {
	zone := m.Zone()
	if t.In(zone).Format(time.DateOnly) == m.KickOff.In(zone).Format(time.DateOnly) {
		return hour(t, zone)
	}
	return r.date(t.In(zone)) + " " + hour(t, zone)
}

// said is when someone did something, to the minute.
func (r matchReader) said(m *match.Match, t time.Time) string {
	return r.when(m, t.Truncate(time.Minute))
}

// whenView is a moment at the venue and where the reader is.
type whenView struct {
	Day, Time, Place string
	Machine          string // as RFC 3339
	Own              string // in the reader's own zone; "" where that tells the same, or is not known
	Ask              bool   // the browser may know the reader's zone
}

func (r matchReader) newWhen(m *match.Match, t time.Time) whenView {
	zone := m.Zone()
	v := whenView{Day: r.date(t.In(zone)), Time: hour(t, zone), Place: placeOf(zone), Machine: t.In(zone).Format(time.RFC3339), Ask: r.own == nil}
	if r.own != nil && t.In(r.own).Format(time.DateTime) != t.In(zone).Format(time.DateTime) {
		v.Own = hour(t, r.own) + " " + placeOf(r.own)
		if t.In(r.own).Day() != t.In(zone).Day() {
			v.Own = r.date(t.In(r.own)) + " " + v.Own
		}
	}
	return v
}

// placeOf is a time zone as people say it.
func placeOf(zone *time.Location) string {
	name := zone.String()
	return strings.ReplaceAll(name[strings.LastIndex(name, "/")+1:], "_", " ")
}

// stateView says where a match is: in 3 h, 45+2′, over.
type stateView struct {
	Text  string
	Live  bool
	Class string // before, playing, over
}

func (r matchReader) newState(m *match.Match, timeline []match.Mark) stateView {
	now := m.Now(timeline, r.now)
	switch {
	case now.Phase == match.PhaseBefore:
		return stateView{Text: r.T("matches.in", "span", r.span(now.ToKickOff)), Class: "before"}
	case now.Phase == match.PhaseAfter || r.now.After(m.End(timeline)):
		return stateView{Text: r.T("phase.after"), Class: "over"}
	}
	text := r.T("phase." + string(now.Phase))
	if from, to := now.Phase.Minutes(); to > from {
		text = minuteText(now.Minute, now.Added) + " · " + text
	}
	return stateView{Text: text, Live: true, Class: "playing"}
}

// goView is the state of a checklist, in one line.
type goView struct {
	Health       healthView
	Text         string
	Nothing      bool // there is no checklist
	Open, No, Of int
}

// openSoon is how long before kick-off an open item calls for someone.
const openSoon = 3 * time.Hour

func (r matchReader) newGo(m *match.Match, timeline []match.Mark) goView {
	v := goView{Of: len(m.Checklist)}
	answers := r.book.Answers(m.ID)
	for _, item := range m.Checklist {
		switch answers[item.ID].Verdict {
		case match.Go:
		case match.NoGo:
			v.No++
		default:
			v.Open++
		}
	}
	now := m.Now(timeline, r.now)
	health := cockpit.HealthFine
	switch {
	case v.Of == 0:
		v.Nothing = true
		return v
	case v.No > 0:
		health = cockpit.HealthCritical
	case v.Open > 0 && now.Phase == match.PhaseBefore && now.ToKickOff > openSoon:
		health = cockpit.HealthUnknown
	case v.Open > 0:
		health = cockpit.HealthWarning
	}
	if now.Phase == match.PhaseAfter && health != cockpit.HealthFine {
		health = cockpit.HealthUnknown // it calls for nobody any more
	}
	v.Health = newHealth(r.locale, health)
	of := strconv.Itoa(v.Of)
	switch {
	case v.No > 0 && v.Open > 0:
		v.Text = r.plural("matches.go.no", v.No) + " · " + r.plural("matches.go.open", v.Open, "n", strconv.Itoa(v.Open), "of", of)
	case v.No > 0:
		v.Text = r.plural("matches.go.no", v.No)
	case v.Open > 0:
		v.Text = r.plural("matches.go.open", v.Open, "n", strconv.Itoa(v.Open), "of", of)
	default:
		v.Text = r.T("matches.go.all", "of", of)
	}
	return v
}

// matchesView is the calendar.
type matchesView struct {
	topView
	Language, Seq string
	Groups        []matchGroup
}

type matchGroup struct {
	ID, Title, Nothing string
	Rows               []matchRow
}

type matchRow struct {
	URL, Name, Competition string
	Level, LevelText       string // "": not told
	When                   whenView
	State                  stateView
	Go                     goView
	Collides               []string
	Shown                  bool // the one that the board shows now
}

func (s *Server) showMatches(c echo.Context) error {
	r := s.matchReader(c)
	top, err := s.matchTop(c, r.locale, "matches-page", r.now)
	if err != nil {
		return err
	}
	v := matchesView{topView: top, Language: r.Code}
	v.Groups = r.newGroups()
	return render(c, http.StatusOK, matchesPage(s.shellView(c, r.locale), v))
}

// newGroups sorts the calendar into today, what comes, and what is past with the latest first.
func (r matchReader) newGroups() []matchGroup {
	groups := []matchGroup{
		{ID: "today", Title: r.T("matches.today"), Nothing: r.T("matches.today.none")},
		{ID: "coming", Title: r.T("matches.coming"), Nothing: r.T("matches.coming.none")},
		{ID: "past", Title: r.T("matches.past")},
	}
	shown := r.book.At(r.now)
	for _, m := range r.book.Matches() {
		timeline := r.book.Timeline(m.ID)
		from, to := m.Window(timeline)
		zone, kickOff := m.Zone(), m.Now(timeline, r.now).KickOff
		at := 1
		switch {
		case !r.now.Before(from) && r.now.Before(to), r.now.In(zone).Format(time.DateOnly) == kickOff.In(zone).Format(time.DateOnly):
			at = 0
		case r.now.After(kickOff):
			at = 2
		}
		groups[at].Rows = append(groups[at].Rows, r.newRow(m, timeline, m == shown))
	}
	slices.Reverse(groups[2].Rows)
	return groups
}

func (r matchReader) newRow(m *match.Match, timeline []match.Mark, shown bool) matchRow {
	v := matchRow{
		URL: "/matches/" + m.ID, Name: m.Name, Competition: m.Competition, When: r.newWhen(m, m.Now(timeline, r.now).KickOff),
		State: r.newState(m, timeline), Go: r.newGo(m, timeline), Shown: shown,
	}
	if m.Criticality > 0 {
		v.Level, v.LevelText = strconv.Itoa(m.Criticality), r.T("match.criticality", "level", strconv.Itoa(m.Criticality))
	}
	for _, lane := range r.newLanes(m, timeline) {
		if lane.Overlaps && v.State.Class != "over" {
			v.Collides = append(v.Collides, lane.Name+" "+lane.Times)
		}
	}
	return v
}

// laneView is something on the time axis of a match: the match itself, or what is near it.
type laneView struct {
	Name, Times, Note string
	URL               string // of another match
	Bars              []barView
	Overlaps          bool   // with play
	Word              string // what that means
	from              time.Time
}

// barView is a stretch of the axis, in percent of it.
type barView struct{ X, Width, Class, Title string }

// axisSpan is what a match's axis shows: its window.
type axisSpan struct{ from, to time.Time }

func (a axisSpan) percent(t time.Time) float64 {
	whole := a.to.Sub(a.from).Seconds()
	return 100 * min(max(t.Sub(a.from).Seconds()/whole, 0), 1)
}

func percentText(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) + "%" }

// bar is false where nothing of it is on the axis.
func (a axisSpan) bar(from, to time.Time, class, title string) (barView, bool) {
	x, end := a.percent(from), a.percent(to)
	if end-x < 0.01 {
		return barView{}, false
	}
	return barView{X: percentText(x), Width: percentText(max(end-x, 0.4)), Class: class, Title: title}, true
}

// newLanes are what is near a match, the earliest first: what its file names, and other matches whose
// play or hour before it overlaps.
func (r matchReader) newLanes(m *match.Match, timeline []match.Mark) []laneView {
	from, to := m.Window(timeline)
	axis := axisSpan{from, to}
	kickOff, end := m.Now(timeline, r.now).KickOff, m.End(timeline)
	var lanes []laneView
	add := func(name, note, url string, from, to time.Time) {
		lane := laneView{Name: name, Note: note, URL: url, from: from, Times: r.when(m, from) + "–" + r.when(m, to)}
		lane.Overlaps = from.Before(end) && to.After(kickOff)
		class, word := "near", r.T("matches.near.beside")
		if lane.Overlaps {
			class, word = "overlaps", r.T("matches.near.overlaps")
		}
		lane.Word = word
		if bar, ok := axis.bar(from, to, class, lane.Times); ok {
			lane.Bars = append(lane.Bars, bar)
		}
		lanes = append(lanes, lane)
	}
	for _, n := range m.Nearby {
		add(n.Name, n.Note, "", n.From, n.To)
	}
	for _, other := range r.book.Matches() {
		if other == m {
			continue
		}
		theirs := r.book.Timeline(other.ID)
		if begins, ends := other.Now(theirs, r.now).KickOff, other.End(theirs); begins.Before(to) && ends.After(from) {
			add(other.Name, r.T("matches.near.match"), "/matches/"+other.ID, begins, ends)
		}
	}
	slices.SortStableFunc(lanes, func(a, b laneView) int { return cmp.Or(a.from.Compare(b.from), cmp.Compare(a.Name, b.Name)) })
	return lanes
}
