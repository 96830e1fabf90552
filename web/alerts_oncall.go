package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/alerts/route"
)

// onCallView is who is on call, who will be, and whom a problem would be told.
type onCallView struct {
	alertsPageView
	Acts      bool
	Zone      string
	Schedules []scheduleView
	Overrides []overrideRow
	Form      overrideForm
	Explain   explainView
	Nothing   string
}

// scheduleView is one schedule: who has its turn, and the next two weeks as bars.
type scheduleView struct {
	ID, Zone       string
	Who, Until     string
	Health         healthView
	Note           string // the match's roster comes first
	Phone          string
	People         []shiftLane
	Days           []tickView
	NowX           string
	Words          []string // the shifts, for those who do not see the bars
	Change         string   // the clock is set in these days
	Overridden     bool
	OverriddenText string
}

// shiftLane is a person's turns.
type shiftLane struct {
	Name string
	Bars []barView
	Gap  bool // nobody has these
}

type overrideRow struct {
	ID, Schedule, Person, From, To, By, Reason string
	State, Word, EndURL                        string
}

type overrideForm struct {
	Schedules, People []choiceView
	From, To, Reason  string
}

// explainView is whom a problem would be told, in words.
type explainView struct {
	Groups, Severities []choiceView
	At                 string
	Lines              []explainLine
	Labels             string
	Asked              bool
	Bad                string
}

type explainLine struct{ Class, Text string }

const calendarDays = 14

func (s *Server) showOnCall(c echo.Context) error { return s.renderOnCall(c, http.StatusOK, "") }

func (s *Server) renderOnCall(c echo.Context, status int, problem string) error {
	r := s.alertsReader(c)
	page, err := s.alertsPage(c, r, "oncall")
	if err != nil {
		return err
	}
	form := c.Request().PostForm
	if form == nil {
		form = url.Values{}
	}
	v := r.newOnCall(c.QueryParams(), form)
	v.alertsPageView, v.Problem = page, problem
	return render(c, status, onCallPage(s.shellView(c, r.locale), v))
}

func (r alertsReader) newOnCall(q, form url.Values) onCallView {
	v := onCallView{Acts: r.acts(), Zone: r.zone.String(), Explain: r.newExplain(q)}
	for i := range r.policy.Schedules {
		v.Schedules = append(v.Schedules, r.schedule(&r.policy.Schedules[i]))
	}
	if len(v.Schedules) == 0 {
		v.Nothing = r.T("alerts.oncall.none")
	}
	for _, o := range r.snap.Overrides {
		row := overrideRow{
			ID: o.ID, Schedule: foreign(o.Schedule, longestName), Person: r.who(o.Person), From: r.until(o.From), To: r.until(o.To), By: r.who(o.By), Reason: foreign(o.Reason, longestReason),
		}
		if row.State, row.Word = r.stage(o.From, o.To); v.Acts && row.State != "over" {
			row.EndURL = "/on-call/overrides/" + o.ID + "/end"
		}
		v.Overrides = append(v.Overrides, row)
	}
	v.Form = overrideForm{
		From: cut(form.Get("from"), 20), To: cut(form.Get("to"), 20), Reason: cut(form.Get("reason"), 200),
	}
	if v.Form.From == "" {
		v.Form.From = r.now.In(r.zone).Format(inputMinute)
		v.Form.To = r.now.Add(4 * time.Hour).In(r.zone).Format(inputMinute)
	}
	for i := range r.policy.Schedules {
		id := r.policy.Schedules[i].ID
		v.Form.Schedules = append(v.Form.Schedules, choiceView{Value: id, Label: id, Chosen: form.Get("schedule") == id})
	}
	for i := range r.policy.People {
		p := &r.policy.People[i]
		v.Form.People = append(v.Form.People, choiceView{Value: p.ID, Label: cmp.Or(p.Name, p.ID), Chosen: form.Get("person") == p.ID})
	}
	return v
}

// duty are those whom the rosters of the matches that are on have.
func (r alertsReader) duty(at time.Time) []route.Duty {
	var all []route.Duty
	if r.book == nil {
		return nil
	}
	for _, m := range r.book.Watched(at) {
		timeline := r.book.Timeline(m.ID)
		for _, d := range m.Roster {
			from, to := m.Turn(d, timeline)
			all = append(all, route.Duty{Match: m.ID, Role: d.Role, Name: d.Name, Phone: d.Phone, From: from, To: to})
		}
	}
	return all
}

func (r alertsReader) schedule(s *route.Schedule) scheduleView {
	v := scheduleView{ID: s.ID, Zone: r.zone.String()}
	targets, why := r.policy.Reach(route.Ref("oncall:"+s.ID), r.now, r.snap.Overrides, r.duty(r.now))
	person, until := r.policy.OnCall(s.ID, r.now, r.snap.Overrides)
	v.Health = healthView{Class: "fine"}
	switch {
	case len(targets) == 0:
		v.Health = healthView{Class: "critical"}
		v.Who, v.Until = r.T("alerts.oncall.nobody"), r.routeLine(why)
	default:
		names := make([]string, 0, len(targets))
		for i := range targets {
			names = append(names, r.reader(&targets[i]))
		}
		v.Who = strings.Join(names, ", ")
		if !until.IsZero() && len(targets) == 1 && targets[0].Person == person {
			v.Until = r.T("alerts.oncall.until", "until", r.until(until), "span", r.span(until.Sub(r.now)))
		}
	}
	if s.FromMatch != "" {
		v.Note = r.T("alerts.oncall.roster", "role", foreign(s.FromMatch, longestName))
	}
	r.fillCalendar(&v, s)
	return v
}

// fillCalendar draws two weeks from the midnight before now, by the days of the reader's clock: one on which
// it is set has 23 or 25 hours.
func (r alertsReader) fillCalendar(v *scheduleView, s *route.Schedule) {
	today := r.now.In(r.zone)
	midnight := func(day int) time.Time {
		return time.Date(today.Year(), today.Month(), today.Day()+day, 0, 0, 0, 0, r.zone)
	}
	from, to := midnight(0), midnight(calendarDays)
	axis := axisSpan{from, to}
	for day := range calendarDays {
		at := midnight(day)
		v.Days = append(v.Days, tickView{X: percentText(axis.percent(at)), Text: r.T("matches.weekday."+strconv.Itoa(int(at.Weekday()))) + " " + strconv.Itoa(at.Day())})
		if hours := midnight(day + 1).Sub(at).Hours(); hours != 24 {
			v.Change = r.T("alerts.oncall.clock", "day", r.date(at), "hours", strconv.Itoa(int(hours)))
		}
	}
	v.NowX = percentText(axis.percent(r.now))
	shifts := r.policy.Shifts(s.ID, from, to, r.snap.Overrides)
	for i := range shifts {
		of := &shifts[i]
		name := r.T("alerts.oncall.nobody")
		if of.Person != "" {
			name = r.who(of.Person)
		}
		class := "turn"
		switch {
		case of.Person == "":
			class = "gap"
		case of.Override != "":
			class = "override"
		}
		title := r.T("alerts.oncall.shift", "who", name, "from", r.until(of.From), "to", r.until(of.To))
		if of.To.After(r.now) && len(v.Words) < 60 {
			v.Words = append(v.Words, title)
		}
		bar, ok := axis.bar(of.From, of.To, class, title)
		if !ok {
			continue
		}
		n := slices.IndexFunc(v.People, func(l shiftLane) bool { return l.Name == name })
		if n < 0 {
			n = len(v.People)
			v.People = append(v.People, shiftLane{Name: name, Gap: of.Person == ""})
		}
		v.People[n].Bars = append(v.People[n].Bars, bar)
	}
	slices.SortStableFunc(v.People, func(a, b shiftLane) int {
		switch {
		case a.Gap == b.Gap:
			return cmp.Compare(a.Name, b.Name)
		case a.Gap:
			return 1
		}
		return -1
	})
}

func (r alertsReader) overrideOf(form url.Values) (route.Override, error) {
	o := route.Override{Schedule: form.Get("schedule"), Person: form.Get("person"), By: r.user.Name, Reason: strings.TrimSpace(form.Get("reason"))}
	var err error
	if o.From, err = r.typedMoment("from", form.Get("from")); err != nil {
		return o, err
	}
	if o.To, err = r.typedMoment("to", form.Get("to")); err != nil {
		return o, err
	}
	o.From, o.To = o.From.UTC(), o.To.UTC()
	return o, nil
}

// newExplain answers whom a problem of a group and a severity would be told at a moment.
func (r alertsReader) newExplain(q url.Values) explainView {
	group, severity := q.Get("group"), notice.Severity(q.Get("severity"))
	v := explainView{At: cut(q.Get("at"), 20), Labels: cut(q.Get("labels"), 500), Asked: severity != ""}
	if severity.Rank() == 0 {
		severity = notice.Critical
	}
	for _, g := range r.groups {
		v.Groups = append(v.Groups, choiceView{Value: g.ID, Label: r.group(g.ID), Chosen: g.ID == group})
	}
	v.Groups = append(v.Groups, choiceView{Value: receivedGroup, Label: r.group(receivedGroup), Chosen: group == receivedGroup})
	for _, of := range []notice.Severity{notice.Critical, notice.Warning, notice.Info} {
		v.Severities = append(v.Severities, choiceView{Value: string(of), Label: r.severity(of).Word, Chosen: of == severity})
	}
	at := r.now
	if v.At == "" {
		v.At = r.now.In(r.zone).Format(inputMinute)
	} else if t, err := r.typedMoment("at", v.At); err == nil {
		at = t
	} else {
		v.Bad = r.alertProblem(err)
	}
	if !v.Asked || v.Bad != "" || r.policy.Default == nil {
		return v
	}
	subject := route.Subject{Group: group, Severity: severity}
	for _, g := range r.groups {
		if g.ID == group {
			subject.Owner, subject.Labels = g.Owner, g.Labels
		}
	}
	if v.Labels != "" {
		matchers, err := route.ParseMatchers(v.Labels)
		if err != nil {
			v.Bad = r.alertProblem(alerts.Invalid{Field: "conditions", Reason: err.Error()})
			return v
		}
		labels := map[string]string{}
		for name, value := range subject.Labels {
			labels[name] = value
		}
		for _, m := range matchers {
			if m.Op == route.Equal {
				labels[m.Name] = m.Value
			}
		}
		subject.Labels = labels
	}
	if r.book != nil {
		if m := r.book.At(at); m != nil {
			now := m.Now(r.book.Timeline(m.ID), at)
			subject.Match, subject.Criticality, subject.Phase, subject.During = m.ID, m.Criticality, now.Phase, true
		}
	}
	for _, l := range r.policy.Explain(subject, at, r.snap.Overrides, r.duty(at)) {
		v.Lines = append(v.Lines, explainLine{explainClass(l.Key), r.routeLine(l)})
	}
	return v
}

// explainClass is how a line of an explanation is drawn.
func explainClass(key string) string {
	switch key {
	case "explain.differs", "explain.holds":
		return "passed"
	case "explain.say", "explain.also":
		return "told"
	case "explain.fallback":
		return "told next"
	case "explain.reaches", "explain.maintenance", "explain.nobody":
		return "nobody-told"
	}
	return "decides"
}

// routeLine is a line of package route in words.
func (r alertsReader) routeLine(l route.Line) string {
	args := make(map[string]string, len(l.Args))
	for name, value := range l.Args {
		args[name] = foreign(value, longestReason)
	}
	for _, name := range []string{"after", "wait", "remind"} {
		if d, ok := readDuration(args[name]); ok {
			args[name] = r.span(d)
			if d == 0 {
				args[name] = r.T("alerts.explain.once")
			}
		}
	}
	if args["who"] != "" && args["who"] == args["channel"] { // the channel itself
		args["who"] = r.target("channel:" + args["channel"])
		if delete(args, "channel"); strings.HasPrefix(l.Args["ref"], "channel:") {
			delete(args, "ref")
		}
	}
	if what, of, label := strings.Cut(args["what"], "."); label && what == "labels" {
		args["what"] = r.dimension(of)
	} else if args["what"] != "" {
		args["what"] = r.dimension(args["what"])
	}
	if ref, ok := args["ref"]; ok {
		args["ref"] = r.target(ref)
	}
	if key := args["why_key"]; key != "" {
		if text, ok := r.texts["alerts."+key]; ok {
			filled, _ := fill(text, args, map[string]bool{})
			args["why"] = filled
		}
	}
	if _, ok := r.texts["alerts."+l.Key]; !ok {
		return l.String()
	}
	text, _ := r.told("alerts."+l.Key, args)
	return text
}
