package web

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/cockpit"
	"vigie/internal/account"
	"vigie/internal/match"
)

// focusView is the bar over the board: what is looked at, and the ways to look at less, more or
// something else. Everything it offers is an address.
type focusView struct {
	Wall, Past, Whole bool
	Label             string // of the bar
	Chips             []scopeChip
	Everything        linkView // all, as of now narrowed
	Stretch           string   // "64′–71′ · 22:21–22:28"; empty: live
	Live              linkView // back to it
	Earlier, Later    linkView // the stretch moved by half its length
	Beside            []scopeChip
	Alone             linkView // without what is beside
	Stretches         []linkView
	Hint              string
	Samples           linkView
	Notes             notesView
	BesideWord        string
	StretchesWord     string
}

// scopeChip is one dimension that is narrowed, and the address without it.
type scopeChip struct {
	Name, Value string
	Drop        linkView
}

type linkView struct {
	Text, URL, Key string // Key is what does the same on a keyboard
}

func newFocusView(k look) focusView {
	b, s := k.board, k.board.Sight
	v := focusView{
		Wall: k.wall(), Past: !s.Live(), Whole: s.Scope.Whole() && !s.Compare, Label: k.T("focus.label"),
		BesideWord: k.T("focus.beside"), StretchesWord: k.T("focus.stretches"),
	}
	drop := func(edit func(*cockpit.Sight)) linkView {
		if k.wall() {
			return linkView{}
		}
		without := s
		edit(&without)
		return linkView{Text: k.T("focus.drop"), URL: boardURL(without, k.metric)}
	}
	v.Chips = newChips(k, s.Scope, func(sc cockpit.Scope) linkView { return drop(func(s *cockpit.Sight) { s.Scope = sc }) })
	if s.Compare {
		v.Beside = newChips(k, s.Beside, func(sc cockpit.Scope) linkView { return drop(func(s *cockpit.Sight) { s.Beside = sc }) })
		if len(v.Beside) == 0 {
			v.Beside = []scopeChip{{Value: k.T("focus.everything")}}
		}
	}
	if !s.Live() {
		v.Stretch = stretch(b, time.Unix(s.From, 0), time.Unix(s.To, 0))
	}
	if k.wall() {
		return v
	}
	alone := func(s *cockpit.Sight) { s.Compare, s.Beside = false, cockpit.Scope{} }
	v.Alone = drop(alone)
	v.Everything = drop(func(s *cockpit.Sight) { s.Scope = cockpit.Scope{}; alone(s) })
	v.Everything.Text, v.Everything.Key = k.T("focus.widen"), "0"
	v.Live = drop(func(s *cockpit.Sight) { s.From, s.To = 0, 0 })
	v.Live.Text, v.Live.Key = k.T("focus.live"), "n"
	ask := func(text, key, name, value string) linkView {
		q := boardQuery(s, k.metric)
		q.Set(name, value)
		return linkView{Text: text, URL: "/stretch?" + q.Encode(), Key: key}
	}
	v.Earlier, v.Later = ask(k.T("focus.earlier"), "[", "move", "earlier"), ask(k.T("focus.later"), "]", "move", "later")
	for _, minutes := range []int{5, 15, 60} {
		v.Stretches = append(v.Stretches, ask(k.T("focus.last", "n", strconv.Itoa(minutes)), "", "last", strconv.Itoa(minutes)))
	}
	for _, mark := range b.Marks {
		if mark.Phase != match.PhaseAfter && !mark.At.After(b.At) {
			v.Stretches = append(v.Stretches, ask(k.T("phase."+string(mark.Phase)), "", "phase", string(mark.Phase)))
		}
	}
	v.Samples = linkView{Text: k.T("samples.title"), URL: "/samples?" + sightQuery(s).Encode()}
	if v.Whole {
		v.Hint = k.T("focus.hint")
	}
	v.Notes = newNotesView(k)
	return v
}

func newChips(k look, sc cockpit.Scope, drop func(cockpit.Scope) linkView) []scopeChip {
	var chips []scopeChip
	for _, d := range []struct {
		name  string
		value *string
		text  string
	}{
		{"isp", &sc.ISP, networkName(k.locale, sc.ISP)}, {"cdn", &sc.CDN, cdnName(k.board, sc.CDN)},
		{"channel", &sc.Channel, sc.Channel}, {"device", &sc.Device, sc.Device},
	} {
		if *d.value == "" {
			continue
		}
		was := *d.value
		*d.value = ""
		chips = append(chips, scopeChip{Name: k.T("scope." + d.name), Value: d.text, Drop: drop(sc)})
		*d.value = was
	}
	return chips
}

// cdnName is what people call the CDN with that id, or the id where the board does not show it.
func cdnName(b *cockpit.Board, id string) string {
	for _, c := range b.Matrix.Columns {
		if c.ID == id {
			return c.Name
		}
	}
	for _, line := range b.Flow.Lines {
		if line.ID == id {
			return line.Name
		}
	}
	return id
}

// scopeName is a scope in one line: Free × CloudFront · france-2. That of everything is empty.
func scopeName(b *cockpit.Board, sc cockpit.Scope) string {
	parts := []string{strings.Trim(sc.ISP+" × "+cdnName(b, sc.CDN), " ×"), sc.Channel, sc.Device}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// stretch is a time in the match's minutes and at the venue: 64′–71′ · 22:21–22:28.
func stretch(b *cockpit.Board, from, to time.Time) string {
	venue := func(t time.Time) string { return clock(t, b.Match.Venue)[:5] }
	times := venue(from) + "–" + venue(to)
	last := to.Add(-time.Second) // a stretch ends before its end
	minutes := moment(b, from) + "–" + moment(b, last)
	if first := moment(b, from); first == moment(b, last) {
		minutes = first
	}
	if !strings.Contains(minutes, "′") {
		return times
	}
	return minutes + " · " + times
}

// boardQuery is what boardURL has after the question mark.
func boardQuery(s cockpit.Sight, metric cockpit.Metric) url.Values {
	_, query, _ := strings.Cut(boardURL(s, metric), "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return url.Values{} // it was just made
	}
	return q
}

// notesView is what was noted on the axis, the latest first.
type notesView struct {
	Title, None string
	Rows        []axisNote
	More        string
}

type axisNote struct {
	When, Text, By string
	Account        string // who may take it back
	URL, Remove    string
}

const notesInList = 30

func newNotesView(k look) notesView {
	b := k.board
	v := notesView{Title: k.plural("notes.title", len(b.Notes)), None: k.T("notes.none")}
	for i, n := range slices.Backward(b.Notes) {
		if len(v.Rows) == notesInList {
			v.More = k.T("notes.more", "n", strconv.Itoa(i+1))
			break
		}
		when := moment(b, n.At)
		if at := clock(n.At, b.Match.Venue)[:5]; at != when {
			when += " · " + at
		}
		v.Rows = append(v.Rows, axisNote{
			When: when, Text: n.Text, By: n.By, Account: n.By, Remove: k.T("notes.remove"),
			URL: "/matches/" + url.PathEscape(b.Match.ID) + "/notes/" + url.PathEscape(n.ID) + "/remove",
		})
	}
	return v
}

// focusTools is what the bar has of a person and of the calendar, and no frame replaces: the forms that
// compare, and the one for a note.
type focusTools struct {
	*locale
	User    string // account name
	MayNote bool
	Admin   bool         // may take back anyone's note
	Keep    []hiddenView // the sight as it is, but for what each form chooses
	Beside  []hiddenView
	CDNs    []optionView
	ISPs    []optionView
	Matches []optionView
	Aligns  []optionView
}

type hiddenView struct{ Name, Value string }

type optionView struct {
	Value, Text string
	Chosen      bool
}

const matchesInList = 50

// focusTools makes them from the board and, where the board is narrowed, the whole's lists of CDNs and
// networks.
func (s *Server) focusTools(c echo.Context, l *locale, metric cockpit.Metric, b *cockpit.Board) focusTools {
	sight := b.Sight
	u := userOf(c)
	v := focusTools{locale: l, User: u.Name, Admin: u.May(account.Admin), MayNote: u.May(account.Operator) && b.Match.ID != ""}
	q := boardQuery(sight, metric)
	for _, key := range slices.Sorted(maps.Keys(q)) {
		field := hiddenView{key, q.Get(key)}
		if key != "earlier" && key != "align" {
			v.Keep = append(v.Keep, field)
		}
		if !strings.HasPrefix(key, "vs") {
			v.Beside = append(v.Beside, field)
		}
	}
	v.Beside = append(v.Beside, hiddenView{"vs", "all"}) // with neither chosen, everything
	for _, f := range []hiddenView{{"vs_channel", sight.Scope.Channel}, {"vs_device", sight.Scope.Device}} {
		if f.Value != "" {
			v.Beside = append(v.Beside, f)
		}
	}
	all := b
	if p := s.scene(cockpit.Sight{}).board.Load(); p != nil {
		all = p.board
	}
	v.CDNs = []optionView{{Text: l.T("focus.every_cdn")}}
	for _, column := range all.Matrix.Columns {
		v.CDNs = append(v.CDNs, optionView{column.ID, column.Name, sight.Compare && column.ID == sight.Beside.CDN})
	}
	v.ISPs = []optionView{{Text: l.T("focus.every_isp")}}
	for _, row := range all.Matrix.Rows {
		if row.Merged == 0 {
			v.ISPs = append(v.ISPs, optionView{row.ISP, networkName(l, row.ISP), sight.Compare && row.ISP == sight.Beside.ISP})
		}
	}
	slices.SortFunc(v.ISPs[1:], func(x, y optionView) int { return cmp.Compare(x.Text, y.Text) })
	v.Matches, v.Aligns = s.earlierMatches(l, b)
	return v
}

// earlierMatches are those that this one can be compared with, the latest first; none without a calendar.
func (s *Server) earlierMatches(l *locale, b *cockpit.Board) (matches, aligns []optionView) {
	sight := b.Sight
	calendar := s.config.Matches.Matches()
	for _, m := range slices.Backward(calendar) {
		if m.ID == b.Match.ID || !m.KickOff.Before(b.Match.KickOff) || len(matches) == matchesInList {
			continue
		}
		zone, err := time.LoadLocation(m.Venue)
		if err != nil {
			zone = time.UTC // it was checked
		}
		matches = append(matches, optionView{m.ID, m.Name + " · " + m.KickOff.In(zone).Format("2006-01-02"), m.ID == sight.Earlier})
	}
	if len(matches) == 0 {
		return nil, nil
	}
	matches = append([]optionView{
		{"", l.T("focus.usual_match"), sight.Earlier == ""}, {cockpit.NoEarlier, l.T("focus.no_match"), sight.Earlier == cockpit.NoEarlier},
	}, matches...)
	aligns = []optionView{{"", l.T("focus.by_minute"), sight.Align == ""}}
	for _, mark := range b.Marks {
		if mark.Phase != match.PhaseAfter {
			aligns = append(aligns, optionView{string(mark.Phase), l.T("focus.by_phase", "phase", l.T("phase."+string(mark.Phase))), mark.Phase == sight.Align})
		}
	}
	return matches, aligns
}
