package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/alerts/rule"
	"vigie/cockpit"
)

// incidentsView is all that is wrong, was, cannot be judged, or may be about to.
type incidentsView struct {
	alertsPageView
	Judged          judgedView
	Count, Nothing  string
	NothingHealth   healthView
	Open, Closed    []incidentRow
	Blind, Weak     []alertRow
	Severity, Group []choiceView
	Owner           []choiceView
	Filtered, Acts  bool
	ClosedCount     string
}

// incidentRow is a problem in a few lines.
type incidentRow struct {
	ID, URL, Title        string
	Health                healthView
	Since, Viewers        string
	Group, Owner, Runbook string
	Carried, Who, Mute    string
	Tags                  []string
	Said, Failing         string
	Ended                 string
	Taken, Quiet          bool // somebody has it; nobody is called
	CanAck                bool
	Again                 string
}

// alertRow is an alert that is no problem: it is blind, or weak.
type alertRow struct {
	Title, Since, Why, Value string
	Health                   healthView
	Labels                   []labelView
	Family                   string
}

func (s *Server) showIncidents(c echo.Context) error { return s.renderIncidents(c, http.StatusOK, "") }

func (s *Server) renderIncidents(c echo.Context, status int, problem string) error {
	r := s.alertsReader(c)
	page, err := s.alertsPage(c, r, "incidents")
	if err != nil {
		return err
	}
	v := r.newIncidents(c.QueryParams())
	v.alertsPageView, v.Problem = page, problem
	return render(c, status, incidentsPage(s.shellView(c, r.locale), v))
}

func (r alertsReader) newIncidents(q url.Values) incidentsView {
	v := incidentsView{Judged: r.judged(), Acts: r.acts()}
	severity, group, owner := q.Get("severity"), q.Get("group"), q.Get("owner")
	v.Filtered = severity != "" || group != "" || owner != ""
	groups, owners := map[string]bool{}, map[string]bool{}
	wanted := func(i *alerts.Incident) bool {
		groups[i.Group] = true
		if i.Owner != "" {
			owners[i.Owner] = true
		}
		return (severity == "" || string(i.Severity) == severity) && (group == "" || i.Group == group) && (owner == "" || i.Owner == owner)
	}
	for i := range r.snap.Open {
		if of := &r.snap.Open[i]; wanted(of) {
			v.Open = append(v.Open, r.incident(of))
		}
	}
	for i := range r.snap.Closed {
		if of := &r.snap.Closed[i]; wanted(of) {
			v.Closed = append(v.Closed, r.incident(of))
		}
	}
	v.Count, v.ClosedCount = r.plural("alerts.open", len(v.Open)), r.plural("alerts.closed", len(v.Closed))
	if len(v.Open) == 0 {
		v.NothingHealth, v.Nothing = newHealth(r.locale, cockpit.HealthFine), r.T("alerts.open.none")
		switch {
		case v.Judged.Health.Class != "fine":
			v.NothingHealth, v.Nothing = newHealth(r.locale, cockpit.HealthUnknown), r.T("alerts.open.unknown")
		case v.Filtered:
			v.NothingHealth, v.Nothing = newHealth(r.locale, cockpit.HealthUnknown), r.T("alerts.open.filtered")
		}
	}
	for i := range r.snap.Blind {
		v.Blind = append(v.Blind, r.alert(&r.snap.Blind[i]))
	}
	for i := range r.snap.Weak {
		v.Weak = append(v.Weak, r.alert(&r.snap.Weak[i]))
	}
	v.Severity = []choiceView{{Label: r.T("alerts.filter.any"), Chosen: severity == ""}}
	for _, of := range []notice.Severity{notice.Critical, notice.Warning, notice.Info} {
		v.Severity = append(v.Severity, choiceView{Value: string(of), Label: r.severity(of).Word, Chosen: severity == string(of)})
	}
	v.Group = r.filter(groups, group, r.group)
	v.Owner = r.filter(owners, owner, func(name string) string { return foreign(name, longestName) })
	return v
}

// filter are the values that there are, and the one that is chosen, whether there still is one or not.
func (r alertsReader) filter(there map[string]bool, chosen string, name func(string) string) []choiceView {
	if chosen != "" && len(chosen) <= 80 {
		there[chosen] = true
	}
	choices := []choiceView{{Label: r.T("alerts.filter.any"), Chosen: chosen == ""}}
	for value := range there {
		choices = append(choices, choiceView{Value: value, Label: name(value), Chosen: value == chosen})
	}
	slices.SortFunc(choices[1:], func(a, b choiceView) int { return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Value, b.Value)) })
	return choices
}

func (r alertsReader) incident(i *alerts.Incident) incidentRow {
	v := incidentRow{
		ID: i.ID, URL: "/alerts/" + i.ID, Title: cmp.Or(r.text(i.Title), i.Rule), Health: r.severity(i.Severity), Since: r.since(i.Began),
		Viewers: r.viewers(i.Facts), Group: r.group(i.Group), Owner: foreign(i.Owner, longestName), Runbook: r.runbook(i.Runbook),
		Carried: r.carried(i.Facts), Mute: r.muted(i.Mute), Quiet: i.Mute != nil || i.Monitor,
	}
	if !i.Ended.IsZero() {
		v.Ended = r.T("alerts.ended", "from", r.until(i.Began), "to", r.until(i.Ended), "span", r.span(i.Ended.Sub(i.Began)))
		if i.Facts.ViewersKnown {
			v.Viewers = r.T("alerts.viewers.most", "n", r.about(i.Facts.Most))
		}
	}
	switch {
	case i.Acked != nil:
		v.Taken, v.Who = true, r.T("alerts.taken", "who", r.who(i.Acked.By), "time", r.until(i.Acked.At))
		if i.Acked.Note != "" {
			v.Who += r.T("alerts.taken.note", "note", foreign(i.Acked.Note, longestReason))
		}
	case i.Ended.IsZero():
		v.Who = r.T("alerts.taken.nobody")
	}
	v.CanAck = i.Ended.IsZero() && i.Acked == nil && !i.Monitor && r.acts()
	if i.Monitor {
		v.Tags = append(v.Tags, r.T("alerts.monitor"))
		v.Health.Class, v.Mute = "unknown", r.T("alerts.mute.monitor", "reason", "")
	}
	if i.Again > 0 {
		v.Again = r.plural("alerts.again", i.Again)
	}
	if i.Said > 0 {
		v.Said = r.plural("alerts.told", i.Said)
	}
	if i.Failing > 0 {
		v.Failing = r.plural("alerts.failing", i.Failing)
	}
	return v
}

func (r alertsReader) alert(a *rule.Alert) alertRow {
	v := alertRow{Since: r.since(a.Since), Why: r.why(a), Labels: r.labels(a.Labels), Health: newHealth(r.locale, cockpit.HealthUnknown)}
	name := ""
	if _, of := r.rule(a.Rule); of != nil {
		name = of.Signal
		if of.Family != "" {
			v.Family = r.known("alerts.family.", of.Family)
		}
	}
	v.Title = r.filled(a)
	v.Health.Word = r.known("alerts.status.", string(a.Status))
	if a.Weak && a.Status == rule.Firing {
		v.Health = newHealth(r.locale, cockpit.HealthWarning)
		v.Health.Word = r.T("alerts.weak.word")
	}
	if a.Known {
		v.Value = r.value(name, a.Value)
		if a.UsualKnown {
			v.Value = r.T("alerts.value.usual", "value", v.Value, "usual", r.value(name, a.Usual))
		}
	}
	return v
}

// filled is the title of an alert's rule with the values of this one.
func (r alertsReader) filled(a *rule.Alert) string {
	for _, g := range r.groups {
		if g.Together != nil && g.Together.ID == a.Rule {
			return g.Together.Title.Render(r.Code, a.Values(nil, r.now))
		}
	}
	_, of := r.rule(a.Rule)
	if of == nil {
		return foreign(a.Rule, longestName)
	}
	v := a.Values(of, r.now)
	v.Zone = r.zone
	return cmp.Or(of.Title.Render(r.Code, v), of.ID)
}

// why is what cannot be judged, and what its reader said.
func (r alertsReader) why(a *rule.Alert) string {
	if a.Reason == "" {
		return foreign(a.Why, longestReason)
	}
	text, ok := r.texts["alerts.why."+string(a.Reason)]
	if !ok {
		if word, known := r.texts["alerts.word."+string(a.Reason)]; known {
			text = r.T("alerts.why.unknown", "what", word)
		} else {
			return cmp.Or(foreign(a.Why, longestReason), string(a.Reason))
		}
	}
	if a.Reason == rule.ReasonRead && a.Why != "" {
		text += nbsp + ": " + foreign(a.Why, longestReason)
	}
	return text
}
