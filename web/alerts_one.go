package web

import (
	"cmp"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/alerts/rule"
)

// incidentView is one problem: the whole way from data to a telephone.
type incidentView struct {
	alertsPageView
	Row                   incidentRow
	URL                   string
	Acts, Open            bool
	Value, Worst          string
	Rule                  ruleWords
	Chart                 signalChart
	Labels                []labelView
	Members               []memberView
	More                  string
	BoardThen, BoardNow   string
	Silence               string // address of a new silence for it
	People                []choiceView
	Path                  []pathStep
	CanGiveUp, CanHandOff bool
	History               string
	Crisis                alertCrisis
}

// memberView is an alert of a problem.
type memberView struct {
	Title, Since, Inhibited, Value string
	Health                         healthView
	Labels                         []labelView
}

func (s *Server) showIncident(c echo.Context) error { return s.renderIncident(c, http.StatusOK, "") }

func (s *Server) renderIncident(c echo.Context, status int, problem string) error {
	r := s.alertsReader(c)
	i := r.snap.Find(c.Param("id"))
	if i == nil {
		return echo.ErrNotFound
	}
	page, err := s.alertsPage(c, r, "incident")
	if err != nil {
		return err
	}
	v := r.newIncident(i, r.room.Entries(i.ID))
	v.alertsPageView, v.Problem = page, problem
	v.Title, v.Crisis = v.Row.Title, s.alertCrisis(c, i)
	return render(c, status, incidentPage(s.shellView(c, r.locale), v))
}

func (r alertsReader) newIncident(i *alerts.Incident, entries []alerts.Entry) incidentView {
	v := incidentView{
		Row: r.incident(i), URL: "/alerts/" + i.ID, Acts: r.acts(), Open: i.Ended.IsZero(), Labels: r.labels(i.Labels), Chart: r.signalOf(i),
		BoardNow: BoardURL(i.Labels, time.Time{}), BoardThen: BoardURL(i.Labels, i.Began), Silence: "/silences?problem=" + i.ID,
		CanGiveUp: i.Ended.IsZero() && i.Acked != nil && r.acts(), CanHandOff: i.Ended.IsZero() && !i.Monitor && r.acts(),
	}
	name := ""
	if len(i.Alerts) > 0 {
		m := &i.Alerts[0]
		name = m.Signal
		if i.Facts.ValueKnown {
			v.Value = r.value(name, i.Facts.Value)
		} else if m.Known {
			v.Value = r.value(name, m.Value)
		}
		if m.Known && m.UsualKnown {
			v.Value = r.T("alerts.value.usual", "value", cmp.Or(v.Value, missing), "usual", r.value(name, m.Usual))
		}
		if m.Known && m.Worst != 0 && math.Abs(m.Worst-m.Usual) > math.Abs(m.Value-m.Usual) { // 0: nobody looked yet
			v.Worst = r.T("alerts.value.worst", "value", r.value(name, m.Worst))
		}
	}
	if g, of := r.rule(i.Rule); of != nil {
		v.Rule = r.ruleWords(g, of)
	} else {
		v.Rule = ruleWords{ID: i.Rule, File: r.group(i.Group), Gone: r.T("alerts.rule.gone")}
		if i.Group == receivedGroup {
			v.Rule.Gone = r.T("alerts.rule.received")
		}
	}
	for n := range i.Alerts {
		v.Members = append(v.Members, r.member(i, &i.Alerts[n]))
	}
	if i.More > 0 {
		v.More = r.plural("alerts.members.more", i.More)
	}
	for n := range r.policy.People {
		p := &r.policy.People[n]
		v.People = append(v.People, choiceView{Value: p.ID, Label: cmp.Or(p.Name, p.ID), Chosen: i.Acked != nil && i.Acked.By == p.Account && p.Account != ""})
	}
	v.CanHandOff = v.CanHandOff && len(v.People) > 0
	v.Path = r.newPath(i, r.room.Trail(i.ID), entries)
	return v
}

// receivedGroup is the group of other systems' alerts.
const receivedGroup = "received"

func (r alertsReader) member(i *alerts.Incident, m *alerts.Member) memberView {
	v := memberView{Title: r.text(m.Title), Labels: r.labels(m.Labels), Health: r.severity(m.Severity), Since: r.since(cmp.Or(m.Fired, m.Since))}
	if v.Title == "" {
		v.Title = r.filled(&m.Alert)
	}
	switch {
	case !m.Ended.IsZero():
		v.Health.Class = "unknown"
		v.Health.Word, v.Since = r.T("alerts.member.ended"), r.T("alerts.ended", "from", r.until(m.Fired), "to", r.until(m.Ended), "span", r.span(m.Ended.Sub(m.Fired)))
	case m.Status == rule.NoData || m.Status == rule.Error:
		v.Health.Word += " · " + r.known("alerts.status.", string(m.Status))
	}
	if m.Known {
		v.Value = r.value(m.Signal, m.Value)
		if m.UsualKnown {
			v.Value = r.T("alerts.value.usual", "value", v.Value, "usual", r.value(m.Signal, m.Usual))
		}
	}
	if m.Inhibited != "" {
		v.Inhibited = r.T("alerts.member.inhibited", "of", r.titleOf(m.Inhibited, i))
	}
	return v
}

// titleOf is the title of an alert, first of those of this problem; its key where it is not known any more.
func (r alertsReader) titleOf(key string, i *alerts.Incident) string {
	of := append([]alerts.Incident{*i}, r.snap.Open...)
	for n := range of {
		for k := range of[n].Alerts {
			if m := &of[n].Alerts[k]; m.Key == key {
				return cmp.Or(r.text(m.Title), r.filled(&m.Alert))
			}
		}
	}
	return foreign(key, longestReason)
}

// ruleWords is a rule in words.
type ruleWords struct {
	ID, Title, File, Gone      string
	Signal, By, Where          string
	When, Recover              string // as people read it
	Code, RecoverCode          string // as the file has it
	For, Keep, Over            string
	Sample, Severity, NoData   string
	Runbook, Owner, Mode       string
	Weak                       string
	Live                       bool
	Pending, Firing, Blind, OK int
	States                     []stateCount
}

// stateCount is how many of a rule's groups are in a state.
type stateCount struct {
	Class, Text string
}

func (r alertsReader) ruleWords(g *rule.Group, of *rule.Rule) ruleWords {
	v := ruleWords{
		ID: of.ID, Title: r.text(of.Title), File: "rules/" + g.ID + ".yaml", Signal: r.signal(of.Signal), Code: of.When, RecoverCode: of.Recover,
		When: r.condition(of.When, of.Signal), Runbook: r.runbook(cmp.Or(of.Runbook, g.Runbook)), Owner: foreign(cmp.Or(of.Owner, g.Owner), longestName), Live: true,
	}
	dims := make([]string, 0, len(of.By))
	for _, d := range of.By {
		dims = append(dims, r.dimension(d))
	}
	if len(dims) > 0 {
		v.By = r.T("alerts.rule.by", "what", strings.Join(dims, " × "))
	}
	where := make([]string, 0, len(of.Where))
	for _, l := range r.labels(of.Where) {
		where = append(where, l.Name+nbsp+l.Value)
	}
	v.Where = strings.Join(where, ", ")
	if over := time.Duration(of.Over); over > 0 {
		v.Over = r.T("alerts.rule.over", "span", r.span(over))
	} else {
		v.Over = r.T("alerts.rule.over", "span", r.span(10*time.Second))
	}
	if of.For > 0 {
		v.For = r.T("alerts.rule.for", "span", r.span(time.Duration(of.For)))
	}
	if v.Recover = r.T("alerts.rule.recover.none"); of.Recover != "" {
		v.Recover = r.condition(of.Recover, of.Signal)
	}
	v.Keep = r.T("alerts.rule.keep", "span", r.span(cmp.Or(time.Duration(of.Keep), 30*time.Second)))
	v.Sample = r.T("alerts.rule.sample", "n", r.count(cmp.Or(of.MinSample, 25)).String())
	var steps []string
	for _, step := range of.Severity {
		text := r.severity(step.Severity).Word
		if when := strings.TrimSpace(step.When); when != "" && when != "true" {
			text = r.T("alerts.rule.severity.when", "severity", text, "when", r.condition(when, of.Signal))
		}
		steps = append(steps, text)
	}
	v.Severity = cmp.Or(strings.Join(steps, " ; "), r.severity(notice.Warning).Word)
	if of.NoData == "alert" {
		v.NoData = r.T("alerts.rule.no_data.alert")
	}
	if of.Family != "" {
		v.Weak = r.T("alerts.rule.weak", "family", r.known("alerts.family.", of.Family))
	}
	if mode := cmp.Or(of.Mode, g.Mode); mode != rule.Live {
		v.Mode, v.Live = r.known("alerts.mode.", string(mode)), false
	}
	return v
}
