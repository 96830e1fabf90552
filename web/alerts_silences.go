package web

import (
	"context"
	"maps"
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

// silencesView is what nobody is told of, until when and why, with a new one and what it would mute.
type silencesView struct {
	alertsPageView
	Acts        bool
	Zone        string
	Rows        []silenceRow
	Form        silenceForm
	Maintenance []maintenanceRow
	Work        maintenanceForm
}

type silenceRow struct {
	ID, Matchers, Reason, By, From, To string
	State                              string // on, later, over
	Word                               string
	EndURL                             string
}

// silenceForm is a silence that is being made. Its preview is shown before it can be.
type silenceForm struct {
	Matchers, Reason, Problem string
	Untils                    []choiceView
	Own                       string // as a field of date and time has it
	Asked                     bool   // there is a preview
	Bad                       string // why there is none
	Would                     []incidentRow
	WouldText                 string
	To                        string // until when it would hold
	Hints                     []string
}

type maintenanceRow struct {
	ID, Title, What, By, From, To string
	State, Word                   string
	EndURL                        string
}

type maintenanceForm struct {
	Title, From, Own string
	Untils           []choiceView
	Groups           []choiceView
	Label, Value     string
}

// silenceSpans are how long one lasts by one press, in minutes.
var silenceSpans = []int{30, 60, 120}

func (s *Server) showSilences(c echo.Context) error { return s.renderSilences(c, http.StatusOK, "") }

func (s *Server) renderSilences(c echo.Context, status int, problem string) error {
	r := s.alertsReader(c)
	page, err := s.alertsPage(c, r, "silences")
	if err != nil {
		return err
	}
	form := c.QueryParams()
	if posted := c.Request().PostForm; len(posted) > 0 {
		form = posted
	}
	v := r.newSilences(form)
	v.alertsPageView, v.Problem = page, problem
	return render(c, status, silencesPage(s.shellView(c, r.locale), v))
}

func (r alertsReader) newSilences(form url.Values) silencesView {
	v := silencesView{Acts: r.acts(), Zone: r.zone.String(), Form: r.newSilenceForm(form), Work: r.newMaintenanceForm(form)}
	for i := range r.snap.Silences {
		of := &r.snap.Silences[i]
		row := silenceRow{
			ID: of.ID, Matchers: route.FormatMatchers(of.Matchers), Reason: foreign(of.Reason, longestReason), By: r.who(of.By),
			From: r.until(of.From), To: r.until(of.To),
		}
		end := of.To
		if !of.Ended.IsZero() && of.Ended.Before(end) {
			end = of.Ended
			row.To = r.until(end)
		}
		row.State, row.Word = r.stage(of.From, end)
		if v.Acts && row.State != "over" {
			row.EndURL = "/silences/" + of.ID + "/end"
		}
		v.Rows = append(v.Rows, row)
	}
	works := func(all []route.Maintenance, live bool) {
		for i := range all {
			m := &all[i]
			from, to := m.Window()
			row := maintenanceRow{ID: m.ID, Title: foreign(m.Title, longestReason), What: r.asked(&m.Match), From: r.until(from), To: r.until(to)}
			if row.By = r.T("alerts.maintenance.file"); live {
				row.By = r.who(m.By)
			}
			row.State, row.Word = r.stage(from, to)
			if live && v.Acts && row.State != "over" {
				row.EndURL = "/maintenance/" + m.ID + "/end"
			}
			if live || row.State != "over" {
				v.Maintenance = append(v.Maintenance, row)
			}
		}
	}
	works(r.snap.Maintenance, true)
	works(r.policy.Maintenance, false)
	return v
}

// stage is where something with a beginning and an end is now.
func (r alertsReader) stage(from, to time.Time) (state, word string) {
	switch {
	case !r.now.Before(to):
		return "over", r.T("alerts.stage.over")
	case r.now.Before(from):
		return "later", r.T("alerts.stage.later", "span", r.span(from.Sub(r.now)))
	}
	return "on", r.T("alerts.stage.on", "span", r.span(to.Sub(r.now)))
}

// asked says what a maintenance or a route asks for.
func (r alertsReader) asked(w *route.When) string {
	var parts []string
	list := func(name string, values []string) {
		if len(values) > 0 {
			parts = append(parts, r.dimension(name)+nbsp+foreign(strings.Join(values, ", "), longestReason))
		}
	}
	for _, of := range w.Severity {
		parts = append(parts, r.severity(of).Word)
	}
	list("group", w.Group)
	list("rule", w.Rule)
	list("owner", w.Owner)
	list("match", w.Match)
	for _, name := range slices.Sorted(maps.Keys(w.Labels)) {
		parts = append(parts, r.dimension(name)+nbsp+foreign(w.Labels[name], longestName))
	}
	for _, phase := range w.Phases {
		parts = append(parts, r.T("phase."+string(phase)))
	}
	if w.Criticality > 0 {
		parts = append(parts, r.T("match.criticality", "level", strconv.Itoa(w.Criticality))+" +")
	}
	if w.During != "" {
		parts = append(parts, r.known("alerts.during.", w.During))
	}
	if len(parts) == 0 {
		return r.T("alerts.asked.all")
	}
	return strings.Join(parts, " · ")
}

// matchersFor are the matchers that a silence of a problem begins with: its rule, and what its alerts have
// in common.
func matchersFor(i *alerts.Incident) string {
	made := []route.Matcher{{Name: "rule", Op: route.Equal, Value: i.Rule}}
	for _, name := range slices.Sorted(maps.Keys(i.Labels)) {
		if len(made) < route.MaxMatchers {
			if m, err := route.NewMatcher(name, route.Equal, i.Labels[name]); err == nil {
				made = append(made, m)
			}
		}
	}
	return route.FormatMatchers(made)
}

func (r alertsReader) newSilenceForm(form url.Values) silenceForm {
	f := silenceForm{Matchers: cut(form.Get("matchers"), 4000), Reason: cut(form.Get("reason"), 500), Own: cut(form.Get("own"), 20)}
	if i := r.snap.Find(form.Get("problem")); i != nil {
		f.Problem = i.ID
		if f.Matchers == "" {
			f.Matchers = matchersFor(i)
		}
		f.Hints = append(f.Hints, "rule="+i.Rule)
		for _, name := range slices.Sorted(maps.Keys(i.Labels)) {
			if m, err := route.NewMatcher(name, route.Equal, i.Labels[name]); err == nil {
				f.Hints = append(f.Hints, m.String())
			}
		}
	}
	f.Untils = r.untils(form.Get("until"))
	if f.Matchers == "" {
		return f
	}
	f.Asked = true
	silence, err := r.silenceOf(form, f.Matchers)
	if err != nil {
		f.Bad = r.alertProblem(err)
		return f
	}
	if strings.TrimSpace(silence.Reason) == "" {
		silence.Reason = "preview" // it is asked for when it is made
	}
	f.To = r.until(silence.To)
	would, err := r.room.WouldMute(silence)
	if err != nil {
		f.Bad = r.alertProblem(alertStatus(err))
		return f
	}
	for i := range would {
		f.Would = append(f.Would, r.incident(&would[i]))
	}
	f.WouldText = r.plural("alerts.silence.would", len(would))
	return f
}

// untils are the ends that one press chooses.
func (r alertsReader) untils(chosen string) []choiceView {
	if chosen == "" {
		chosen = "30"
	}
	var choices []choiceView
	for _, minutes := range silenceSpans {
		value := strconv.Itoa(minutes)
		choices = append(choices, choiceView{Value: value, Label: r.span(time.Duration(minutes) * time.Minute), Hint: r.until(r.now.Add(time.Duration(minutes) * time.Minute)), Chosen: chosen == value})
	}
	if end := r.matchEnd(); !end.IsZero() {
		choices = append(choices, choiceView{Value: "match", Label: r.T("alerts.until.match"), Hint: r.until(end), Chosen: chosen == "match"})
	}
	return append(choices, choiceView{Value: "own", Label: r.T("alerts.until.own"), Chosen: chosen == "own"})
}

// matchEnd is when the match that is on is over; zero: none is on.
func (r alertsReader) matchEnd() time.Time {
	if r.book == nil {
		return time.Time{}
	}
	m := r.book.At(r.now)
	if m == nil {
		return time.Time{}
	}
	if end := m.End(r.book.Timeline(m.ID)); end.After(r.now) && end.Sub(r.now) < 12*time.Hour {
		return end
	}
	return time.Time{}
}

// end reads until when something lasts.
func (r alertsReader) end(form url.Values) (time.Time, error) {
	switch until := form.Get("until"); until {
	case "match":
		if end := r.matchEnd(); !end.IsZero() {
			return end, nil
		}
		return time.Time{}, alerts.Invalid{Field: "until", Reason: "no match is on"}
	case "own":
		return r.typedMoment("until", form.Get("own"))
	case "":
		return r.now.Add(30 * time.Minute), nil
	default:
		minutes, err := strconv.Atoi(until)
		if err != nil || minutes < 1 || minutes > 7*24*60 {
			return time.Time{}, alerts.Invalid{Field: "until", Reason: "is no length of time"}
		}
		return r.now.Add(time.Duration(minutes) * time.Minute), nil
	}
}

func (r alertsReader) silenceOf(form url.Values, text string) (route.Silence, error) {
	s := route.Silence{Reason: strings.TrimSpace(form.Get("reason")), By: r.user.Name, From: r.now.UTC()}
	var err error
	if s.Matchers, err = route.ParseMatchers(text); err != nil {
		return s, alerts.Invalid{Field: "conditions", Reason: err.Error()}
	}
	if s.To, err = r.end(form); err != nil {
		return s, err
	}
	s.To = s.To.UTC()
	return s, nil
}

// makeSilence makes one whose preview was shown: what would be muted is seen before it is.
func (s *Server) makeSilence(c echo.Context) error {
	return s.alertAct(c, alertAct{what: DidMakeSilence, back: "/silences?said=silence", show: s.renderSilences, do: func(ctx context.Context, form url.Values) (string, error) {
		r := s.alertsReader(c)
		text := form.Get("matchers")
		silence, err := r.silenceOf(form, text)
		switch {
		case err != nil:
		case silence.Reason == "":
			err = alerts.Invalid{Field: "reason", Reason: "is missing"}
		case form.Get("seen") != text:
			err = alerts.Invalid{Field: "seen", Reason: "what it would mute was not shown yet"}
		default:
			silence, err = s.config.Alerts.Silence(ctx, silence)
		}
		return strings.TrimSpace(silence.ID + " " + text + " " + silence.Reason), err
	}})
}

func (r alertsReader) newMaintenanceForm(form url.Values) maintenanceForm {
	f := maintenanceForm{
		Title: cut(form.Get("title"), 200), From: cut(form.Get("from"), 20), Own: cut(form.Get("own"), 20), Untils: r.untils(form.Get("until")),
		Label: cut(form.Get("label"), 60), Value: cut(form.Get("value"), 100),
	}
	f.Groups = []choiceView{{Label: r.T("alerts.asked.all"), Chosen: form.Get("group") == ""}}
	for _, g := range r.groups {
		f.Groups = append(f.Groups, choiceView{Value: g.ID, Label: r.group(g.ID), Chosen: form.Get("group") == g.ID})
	}
	return f
}

// maintenanceOf reads a maintenance that begins now, or later.
func (r alertsReader) maintenanceOf(form url.Values) (route.Maintenance, error) {
	from := r.now
	var err error
	if text := form.Get("from"); text != "" {
		if from, err = r.typedMoment("from", text); err != nil {
			return route.Maintenance{}, err
		}
	}
	to, err := r.end(form)
	if err != nil {
		return route.Maintenance{}, err
	}
	m := route.Maintenance{
		Title: strings.TrimSpace(form.Get("title")), By: r.user.Name,
		From: from.UTC().Format(time.RFC3339), To: to.UTC().Format(time.RFC3339),
	}
	if m.Title == "" {
		return m, alerts.Invalid{Field: "title", Reason: "is missing"}
	}
	if group := form.Get("group"); group != "" {
		m.Match.Group = []string{group}
	}
	if name := strings.TrimSpace(form.Get("label")); name != "" {
		m.Match.Labels = map[string]string{name: strings.TrimSpace(form.Get("value"))}
	}
	if severity := notice.Severity(form.Get("severity")); severity != "" {
		m.Match.Severity = []notice.Severity{severity}
	}
	return m, nil
}
