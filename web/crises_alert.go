package web

import (
	"cmp"
	"maps"
	"slices"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/internal/provider"
	"vigie/runbooks"
)

// alertCrisis is, on an alert's page, the crisis that it belongs to, or how it becomes one.
type alertCrisis struct {
	Present   bool // there are crises here
	Acts      bool
	ID        string // of the problem
	Of        crisisRow
	Belongs   bool
	Title     string // of a new one
	Fits      []runbookFit
	Scenarios []scenarioFit
	Running   []choiceView // crises that it may join
}

func (s *Server) alertCrisis(c echo.Context, i *alerts.Incident) alertCrisis {
	if s.config.Crises == nil {
		return alertCrisis{}
	}
	r := s.crisesReader(c)
	v := alertCrisis{Present: true, Acts: r.acts() && i.Ended.IsZero() && !i.Monitor, ID: i.ID, Title: cmp.Or(r.text(i.Title), i.Rule)}
	of := r.crises.Of(i.ID)
	if of != nil {
		v.Belongs, v.Of = true, r.crisisRow(of)
	} else {
		for _, open := range r.crises.Current() {
			label := foreign(open.Title, longestReason)
			if open.Drill {
				label = r.T("crises.drill") + " · " + label
			}
			v.Running = append(v.Running, choiceView{Value: open.ID, Label: label})
		}
	}
	labels, id := hitLabelsOf(i), ""
	if of != nil {
		id = of.ID
		fillIn(labels, of.Labels)
	}
	v.Fits, _ = r.fits(of, labels, i.Rule)
	for _, f := range r.scenarios(id, labels) {
		if id == "" {
			f.URL = "" // there is nothing yet in which it could be said
		}
		v.Scenarios = append(v.Scenarios, f)
	}
	return v
}

// hitLabelsOf are what an incident hits: its own labels, and those that all its alerts have in common though incidents are
// not told apart by them, as the one network that is hit. Where not all of its alerts are known, they are its own.
func hitLabelsOf(i *alerts.Incident) map[string]string {
	labels := maps.Clone(i.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	members := slices.DeleteFunc(slices.Clone(i.Alerts), func(m alerts.Member) bool { return !m.Ended.IsZero() }) // those that go on
	if i.More > 0 && len(members) == len(i.Alerts) {
		return labels
	}
	if len(members) == 0 {
		members = i.Alerts
	}
	if len(members) == 0 {
		return labels
	}
	common := maps.Clone(members[0].Labels)
	for _, m := range members[1:] {
		maps.DeleteFunc(common, func(name, value string) bool { return m.Labels[name] != value })
	}
	fillIn(labels, common)
	return labels
}

// fillIn adds labels that are not there, or empty.
func fillIn(labels, more map[string]string) {
	for name, value := range more {
		if labels[name] == "" && value != "" {
			labels[name] = value
		}
	}
}

// hasRunbook tells whether there is a runbook of a name; nil: there are none here.
func (s *Server) hasRunbook() func(id string) bool {
	room := s.config.Runbooks
	if room == nil {
		return nil
	}
	return func(id string) bool { return room.Runbook(id) != nil }
}

// fitAction is where a runbook is started: in the crisis, or in one that is opened with it.
func fitAction(v alertCrisis) string {
	if v.Belongs {
		return "/runs"
	}
	return "/crises"
}

// runbook leads to the runbook that a rule or a problem names: one of ours, or somebody's page; "": neither.
func (r alertsReader) runbook(name string) string {
	if r.hasRunbook != nil && r.hasRunbook(name) {
		return runbooks.Page + name
	}
	return provider.Link(name)
}
