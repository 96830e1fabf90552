package web

import (
	"math"
	"net/http"
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

// matchView is one match's page.
type matchView struct {
	topView
	Language       string
	ID, URL        string
	Row            matchRow
	Problem        string // why what was just asked is not done
	Acts           bool
	Teams          string
	Channels       []string
	Phases         []phaseView
	Others         []choiceView // phases that the timeline lacks
	Last           *moveView    // what can be taken back
	Axis           []tickView
	Own            laneView // the match itself on its axis
	Lanes          []laneView
	NowX           string // where now is on the axis; "": beside it
	Roster         []turnView
	Items          []itemView
	Peaks          []peakView
	Load           *loadView
	Reserves       []heldView
	Earlier, Align []choiceView
	Chosen         string // what is said of the match that the board shows
	Select         string // "show": it can be chosen; "free": the choice can be taken back; "": neither
	Notes          []writtenView
	NotesCount     string
}

type phaseView struct {
	Phase, Name  string
	Planned, At  string
	Value        string // At as a time field has it
	Moved, Delta string
	State        string // past, now, next, later, gone
	Word         string
	Gone         bool
	CanNow       bool // it can begin now
	CanSkip      bool
	MaySkip      bool // it is often not played, and would be next
	Prominent    bool // what is likely said next
}

type moveView struct{ Text string }

type tickView struct{ X, Text, Anchor string }

type turnView struct {
	Role, Name, Phone, Call, CallLabel, Times, Word string
	On                                              bool
}

type itemView struct {
	ID, Text, Owner, Said, Note string
	Verdict                     string // go, no-go, ""
	Health                      healthView
}

type peakView struct{ Label, Value, At, Now string }

type loadView struct {
	Health              healthView
	Text                string
	Area, Line, Reserve string // paths of a picture 100 by 30
	From, To, Legend    string
}

type heldView struct{ CDN, ISP, Bits string }

type writtenView struct {
	At, Text, By, Said, Remove string
}

func (s *Server) showMatch(c echo.Context) error { return s.renderMatch(c, http.StatusOK, "") }

// renderMatch shows the match of the address, with why what was asked is not done.
func (s *Server) renderMatch(c echo.Context, status int, problem string) error {
	m := s.config.Matches.Find(c.Param("id"))
	if m == nil {
		return echo.ErrNotFound
	}
	r := s.matchReader(c)
	top, err := s.matchTop(c, r.locale, "match-page", r.now)
	if err != nil {
		return err
	}
	v := r.newMatch(m)
	v.topView, v.Problem = top, problem
	return render(c, status, matchPage(s.shellView(c, r.locale), v))
}

func (r matchReader) newMatch(m *match.Match) matchView {
	timeline := r.book.Timeline(m.ID)
	v := matchView{
		Language: r.Code, ID: m.ID, URL: "/matches/" + m.ID, Row: r.newRow(m, timeline, m == r.book.At(r.now)), Acts: r.acts(),
		Teams: strings.Join(m.Teams, " – "), Channels: m.Channels, Lanes: r.newLanes(m, timeline),
	}
	if v.Teams == m.Name {
		v.Teams = ""
	}
	r.fillPhases(&v, m, timeline)
	r.fillAxis(&v, m, timeline)
	r.fillRoster(&v, m, timeline)
	r.fillChecklist(&v, m)
	r.fillForecast(&v, m, timeline)
	r.fillChoices(&v, m)
	r.fillNotes(&v, m)
	return v
}

func (r matchReader) fillPhases(v *matchView, m *match.Match, timeline []match.Mark) {
	planned, moved := map[match.Phase]time.Time{}, map[match.Phase]match.Move{}
	for _, mark := range m.Planned() {
		planned[mark.Phase] = mark.At
	}
	for _, move := range r.book.Moves(m.ID) {
		if move.Undone != "" {
			continue
		}
		moved[move.Phase] = move
		what := r.T("phase." + string(move.Phase))
		if move.Skip {
			what = r.T("matches.moved.skip", "phase", what)
		} else {
			what = r.T("matches.moved.to", "phase", what, "time", r.when(m, move.At))
		}
		v.Last = &moveView{r.T("matches.last", "what", what, "by", move.By, "time", r.said(m, move.Said))}
	}
	next := false
	from, to := m.Window(timeline)
	watched := !r.now.Before(from) && r.now.Before(to) // nobody begins a match of next week by a slip of the finger
	for _, phase := range match.Phases() {
		i := slices.IndexFunc(timeline, func(mark match.Mark) bool { return mark.Phase == phase })
		plan, isPlanned := planned[phase]
		p := phaseView{Phase: string(phase), Name: r.T("phase." + string(phase))}
		if isPlanned {
			p.Planned = r.when(m, plan)
		}
		if i < 0 {
			v.Others = append(v.Others, choiceView{Value: p.Phase, Label: p.Name})
			if isPlanned {
				p.Gone, p.State, p.Word = true, "gone", r.T("matches.phase.gone")
				v.Phases = append(v.Phases, p)
			}
			continue
		}
		at := timeline[i].At
		p.At, p.Value = r.when(m, at), at.In(m.Zone()).Format(time.TimeOnly)
		p.CanSkip = i > 0 && phase != match.PhaseAfter
		if d := at.Sub(plan); isPlanned && d.Abs() >= time.Second {
			p.Delta = r.T("matches.phase.plan", "time", p.Planned)
		} else if !isPlanned {
			p.Delta = r.T("matches.phase.unplanned")
		}
		if move, ok := moved[phase]; ok && !move.Skip && move.At.Equal(at) {
			p.Moved = r.T("matches.phase.moved", "by", move.By, "time", r.said(m, move.Said))
		}
		switch {
		case r.now.Before(at) && !next:
			next, p.State, p.Word = true, "next", r.T("matches.phase.next")
			p.CanNow, p.Prominent = watched, true
			p.MaySkip = watched && p.CanSkip && phase != match.PhaseHalfTime && phase != match.PhaseSecondHalf
		case r.now.Before(at):
			p.State, p.Word = "later", r.T("matches.phase.later")
		case i+1 < len(timeline) && !r.now.Before(timeline[i+1].At):
			p.State, p.Word = "past", r.T("matches.phase.past")
		default:
			p.State, p.Word, p.CanNow = "now", r.T("matches.phase.now"), watched
		}
		v.Phases = append(v.Phases, p)
	}
}

func (r matchReader) fillAxis(v *matchView, m *match.Match, timeline []match.Mark) {
	from, to := m.Window(timeline)
	axis := axisSpan{from, to}
	v.Own = laneView{Name: m.Name, Times: r.when(m, m.Now(timeline, r.now).KickOff) + "–" + r.when(m, m.End(timeline))}
	for i, mark := range timeline {
		until := m.End(timeline)
		if i+1 < len(timeline) {
			until = timeline[i+1].At
		}
		class := "still"
		if from, to := mark.Phase.Minutes(); to > from {
			class = "play"
		}
		if bar, ok := axis.bar(mark.At, until, class, r.T("phase."+string(mark.Phase))+" "+r.when(m, mark.At)); ok {
			v.Own.Bars = append(v.Own.Bars, bar)
		}
	}
	for t := from.Truncate(time.Hour); t.Before(to); t = t.Add(time.Hour) {
		if x := axis.percent(t); !t.Before(from) && x < 97 {
			tick := tickView{percentText(x), t.In(m.Zone()).Format("15:04"), "middle"}
			if x < 3 {
				tick.Anchor = "start"
			}
			v.Axis = append(v.Axis, tick)
		}
	}
	if !r.now.Before(from) && r.now.Before(to) {
		v.NowX = percentText(axis.percent(r.now))
	}
}

// fillRoster puts those on duty first, who can be called with one tap.
func (r matchReader) fillRoster(v *matchView, m *match.Match, timeline []match.Mark) {
	for _, d := range m.Roster {
		from, to := m.Turn(d, timeline)
		t := turnView{
			Role: d.Role, Name: d.Name, Phone: d.Phone, Call: match.Dial(d.Phone), Times: r.when(m, from) + "–" + r.when(m, to),
			CallLabel: r.T("duty.call", "name", d.Role+" "+d.Name), On: !r.now.Before(from) && r.now.Before(to),
		}
		switch {
		case t.On:
			t.Word = r.T("matches.duty.on")
		case r.now.Before(from):
			t.Word = r.T("matches.duty.later")
		default:
			t.Word = r.T("matches.duty.over")
		}
		v.Roster = append(v.Roster, t)
	}
	slices.SortStableFunc(v.Roster, func(a, b turnView) int {
		switch {
		case a.On == b.On:
			return 0
		case a.On:
			return -1
		}
		return 1
	})
}

func (r matchReader) fillChecklist(v *matchView, m *match.Match) {
	answers := r.book.Answers(m.ID)
	for _, item := range m.Checklist {
		i := itemView{ID: item.ID, Text: item.Text, Owner: item.Owner}
		a, ok := answers[item.ID]
		switch {
		case ok && a.Verdict == match.Go:
			i.Health = newHealth(r.locale, cockpit.HealthFine)
			i.Health.Word = r.T("matches.go.go")
		case ok && a.Verdict == match.NoGo:
			i.Health = newHealth(r.locale, cockpit.HealthCritical)
			i.Health.Word = r.T("matches.go.nogo")
		default:
			i.Health = newHealth(r.locale, cockpit.HealthUnknown)
			i.Health.Word = r.T("matches.go.unset")
		}
		if i.Verdict = string(a.Verdict); i.Verdict != "" {
			i.Said, i.Note = r.T("matches.go.said", "by", a.By, "time", r.said(m, a.Said)), a.Note
		}
		v.Items = append(v.Items, i)
	}
}

// From these shares of what is reserved on, a forecast's peak calls for someone.
const (
	reserveTight = 0.9
	reserveOver  = 1.0
)

func (r matchReader) fillForecast(v *matchView, m *match.Match, timeline []match.Mark) {
	peak := func(key string, points []match.Point, write func(float64) quantity) (match.Point, bool) {
		if len(points) == 0 {
			return match.Point{}, false
		}
		top := slices.MaxFunc(points, func(a, b match.Point) int { return int(math.Copysign(1, a.Value-b.Value)) })
		p := peakView{Label: r.T(key), Value: write(top.Value).String(), At: r.plannedMoment(m, top.At)}
		if value, ok := m.Expected(points, timeline, r.now); ok {
			p.Now = r.T("matches.forecast.now", "value", write(value).String())
		}
		v.Peaks = append(v.Peaks, p)
		return top, true
	}
	peak("matches.forecast.viewers", m.Forecast.Viewers, r.count)
	top, known := peak("matches.forecast.traffic", m.Forecast.Traffic, r.bits)
	var reserved float64
	for _, of := range m.Capacity {
		if of.ISP == "" {
			reserved += of.Bits
		}
		v.Reserves = append(v.Reserves, heldView{of.CDN, of.ISP, r.bits(of.Bits).String()})
	}
	if !known {
		return
	}
	v.Load = newLoad(m.Forecast.Traffic, reserved)
	v.Load.From, v.Load.To = r.plannedMoment(m, m.Forecast.Traffic[0].At), r.plannedMoment(m, m.Forecast.Traffic[len(m.Forecast.Traffic)-1].At)
	if reserved == 0 {
		v.Load.Health, v.Load.Text = newHealth(r.locale, cockpit.HealthUnknown), r.T("matches.load.untold")
		return
	}
	v.Load.Legend = r.T("matches.load.line", "reserved", r.bits(reserved).String())
	share := top.Value / reserved
	health := cockpit.HealthFine
	switch {
	case share > reserveOver:
		health = cockpit.HealthCritical
	case share > reserveTight:
		health = cockpit.HealthWarning
	}
	v.Load.Health = newHealth(r.locale, health)
	v.Load.Text = r.T("matches.load", "share", r.share(share).String(), "reserved", r.bits(reserved).String())
}

// plannedMoment is a time from kick-off as the room says it: 108′, or the time of day.
func (r matchReader) plannedMoment(m *match.Match, d time.Duration) string {
	at := m.KickOff.Add(d)
	now := m.Now(nil, at)
	if from, to := now.Phase.Minutes(); to > from {
		return minuteText(now.Minute, now.Added)
	}
	return r.when(m, at)
}

// newLoad draws the traffic that was expected under what is reserved, in a picture of 100 by 30.
func newLoad(points []match.Point, reserved float64) *loadView {
	const width, height = 100.0, 30.0
	top := reserved
	for _, p := range points {
		top = max(top, p.Value)
	}
	v := &loadView{}
	first, last := points[0].At, points[len(points)-1].At
	if top <= 0 || last <= first {
		return v
	}
	x := func(d time.Duration) string {
		return strconv.FormatFloat(width*float64(d-first)/float64(last-first), 'f', 1, 64)
	}
	y := func(value float64) string { return strconv.FormatFloat(height-(height-2)*value/top, 'f', 1, 64) }
	var line strings.Builder
	for i, p := range points {
		line.WriteByte("ML"[min(i, 1)])
		line.WriteString(x(p.At) + " " + y(p.Value))
	}
	v.Line = line.String()
	v.Area = v.Line + "L" + x(last) + " 30L" + x(first) + " 30Z"
	if reserved > 0 {
		v.Reserve = "M0 " + y(reserved) + "H100"
	}
	return v
}

func (r matchReader) fillChoices(v *matchView, m *match.Match) {
	earlier, by := r.book.Compared(m.ID)
	v.Earlier = []choiceView{{Label: r.T("matches.compare.none"), Chosen: earlier == ""}}
	for _, other := range slices.Backward(r.book.Matches()) {
		if other != m {
			v.Earlier = append(v.Earlier, choiceView{
				Value: other.ID, Label: other.Name + " · " + r.date(other.KickOff.In(other.Zone())), Chosen: other.ID == earlier,
			})
		}
	}
	v.Align = []choiceView{{Label: r.T("matches.align.phases"), Chosen: by == ""}}
	for _, phase := range match.Phases() {
		v.Align = append(v.Align, choiceView{Value: string(phase), Label: r.T("matches.align.by", "phase", r.T("phase."+string(phase))), Chosen: by == phase})
	}
	shown := r.book.At(r.now)
	chosen, who := r.book.Chosen()
	watched := r.book.Watched(r.now)
	if len(watched) < 2 || !slices.Contains(watched, m) || shown == nil {
		return
	}
	switch {
	case chosen == m.ID && shown == m:
		v.Chosen, v.Select = r.T("matches.shown.chosen", "by", who), "free"
	case shown == m:
		v.Chosen = r.T("matches.shown.this")
	default:
		v.Chosen, v.Select = r.T("matches.shown.other", "name", shown.Name), "show"
	}
}

func (r matchReader) fillNotes(v *matchView, m *match.Match) {
	notes := r.book.Notes(m.ID)
	v.NotesCount = r.plural("matches.notes.count", len(notes))
	for _, n := range slices.Backward(notes) {
		note := writtenView{At: r.said(m, n.At), Text: n.Text, By: n.By, Said: r.said(m, n.Said)}
		if r.acts() && (n.By == r.user.Name || r.user.May(account.Admin)) {
			note.Remove = v.URL + "/notes/" + url.PathEscape(n.ID) + "/remove"
		}
		v.Notes = append(v.Notes, note)
	}
}

// pressed is the state of a button that stays down.
func pressed(yes bool) string { return strconv.FormatBool(yes) }
