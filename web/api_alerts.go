package web

import (
	"maps"
	"slices"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/alerts/rule"
)

// apiAlerts is what is known of alerts.
type apiAlerts struct {
	Version uint64        `json:"version" doc:"Another one: something changed."`
	Judged  jsonTime      `json:"judged" doc:"Data are judged by that moment. null: never."`
	Leader  jsonText      `json:"leader" doc:"The process that judges. null: none does."`
	Trouble []string      `json:"trouble" doc:"What is wrong with the alerts themselves: late, no_leader, channel:ID. Empty: nothing."`
	Drill   bool          `json:"drill" doc:"An exercise goes on: everything said is marked as one."`
	Open    []apiIncident `json:"open" doc:"Problems that go on, the loudest and then the newest first; those that are only tried last."`
	Closed  []apiIncident `json:"closed" doc:"The last hundred that ended, the latest first."`
	Weak    []apiAlert    `json:"weak" doc:"Weak signals that fire now: never a page by themselves."`
	Blind   []apiAlert    `json:"blind" doc:"Rules that cannot be judged: no data, errors."`
}

// apiIncident is a problem with what people do about it.
type apiIncident struct {
	ID       string       `json:"id"`
	Group    string       `json:"group" doc:"Of rules; received: an alert of another system."`
	Rule     string       `json:"rule" doc:"Of its loudest alert."`
	Title    apiWords     `json:"title"`
	Detail   apiWords     `json:"detail"`
	Severity string       `json:"severity" enum:"critical,warning,info" doc:"The highest since it began."`
	Owner    jsonText     `json:"owner"`
	Runbook  jsonText     `json:"runbook" doc:"URL."`
	Labels   []apiLabel   `json:"labels" doc:"Those that all its alerts have in common, by name."`
	Match    jsonText     `json:"match" doc:"Id of the match that it was. null: none was near."`
	Began    jsonTime     `json:"began"`
	Ended    jsonTime     `json:"ended" doc:"null: it goes on."`
	Again    int          `json:"again" doc:"How often it came back soon after it had ended."`
	Alerts   int          `json:"alerts" doc:"How many alerts it is made of."`
	Monitor  bool         `json:"monitor" doc:"Its rules are being tried: nobody is told."`
	Muted    jsonText     `json:"muted" doc:"Why nobody is told: silenced, maintenance, consequence, monitor. null: they are."`
	MutedTo  jsonTime     `json:"muted_until" doc:"null: nobody knows, or it is not muted."`
	Viewers  jsonNumber   `json:"viewers" doc:"Hit now. null: not known."`
	Most     jsonNumber   `json:"viewers_most" doc:"Hit at most since it began. null: not known."`
	Carriers []apiCarrier `json:"carriers" doc:"What carries the deviation, the largest first."`
	Value    jsonNumber   `json:"value" doc:"Of the loudest alert's signal, now, in its unit. null: not known."`
	Ack      *apiAck      `json:"acknowledged" doc:"Who has it. null: nobody."`
	Said     int          `json:"notifications_accepted"`
	Failing  int          `json:"notifications_failing" doc:"Could not be said, or not yet."`
}

// apiWords are in the languages of the room.
type apiWords struct {
	FR jsonText `json:"fr" doc:"null: not told in it."`
	EN jsonText `json:"en" doc:"null: not told in it."`
}

type apiLabel struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type apiCarrier struct {
	Dimension string     `json:"dimension"`
	Value     string     `json:"value"`
	Share     jsonNumber `json:"share_ratio" doc:"Of the excess."`
}

type apiAck struct {
	By   string   `json:"by" doc:"Account name."`
	At   jsonTime `json:"at"`
	Note jsonText `json:"note"`
}

// apiAlert is a rule's judgement of one group.
type apiAlert struct {
	Rule   string     `json:"rule"`
	Group  string     `json:"group" doc:"Of rules."`
	Labels []apiLabel `json:"labels" doc:"By name."`
	Status string     `json:"status" enum:"ok,pending,firing,no-data,error"`
	Since  jsonTime   `json:"since"`
	Why    jsonText   `json:"why" doc:"Of no-data and error. null: not told."`
}

func newAPIAlerts(n *alertsNow) apiAlerts {
	return apiAlerts{
		Version: n.Version, Judged: jsonTime(n.Judged), Leader: jsonText(n.Leader), Trouble: append([]string{}, n.Trouble...), Drill: n.Drill.On,
		Open: apiList(n.Open, newAPIIncident), Closed: apiList(n.Closed, newAPIIncident), Weak: apiList(n.Weak, newAPIAlert), Blind: apiList(n.Blind, newAPIAlert),
	}
}

func newAPIIncident(i *alerts.Incident) apiIncident {
	a := apiIncident{
		ID: i.ID, Group: i.Group, Rule: i.Rule, Title: newAPIWords(i.Title), Detail: newAPIWords(i.Detail), Severity: string(i.Severity), Owner: jsonText(i.Owner),
		Runbook: jsonText(i.Runbook), Labels: newAPILabels(i.Labels), Match: jsonText(i.Match), Began: jsonTime(i.Began), Ended: jsonTime(i.Ended), Again: i.Again,
		Alerts: len(i.Alerts) + i.More, Monitor: i.Monitor, Viewers: jsonUnknown, Most: jsonUnknown, Value: jsonUnknown, Said: i.Said, Failing: i.Failing,
		Carriers: apiList(i.Facts.Carriers, func(c *alerts.Carrier) apiCarrier { return apiCarrier{c.Dimension, c.Value, jsonNumber(c.Share)} }),
	}
	if i.Mute != nil {
		a.Muted, a.MutedTo = jsonText(i.Mute.Kind), jsonTime(i.Mute.Until)
	}
	if i.Facts.ViewersKnown {
		a.Viewers, a.Most = jsonNumber(i.Facts.Viewers), jsonNumber(i.Facts.Most)
	}
	if i.Facts.ValueKnown {
		a.Value = jsonNumber(i.Facts.Value)
	}
	if ack := held(i); ack != nil {
		a.Ack = &apiAck{ack.By, jsonTime(ack.At), jsonText(ack.Note)}
	}
	return a
}

func newAPIWords(t rule.Text) apiWords { return apiWords{jsonText(t.FR), jsonText(t.EN)} }

func newAPILabels(labels map[string]string) []apiLabel {
	list := []apiLabel{}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, apiLabel{name, labels[name]})
	}
	return list
}

func newAPIAlert(a *rule.Alert) apiAlert {
	return apiAlert{Rule: a.Rule, Group: a.Group, Labels: newAPILabels(a.Labels), Status: string(a.Status), Since: jsonTime(a.Since), Why: jsonText(a.Why)}
}

func (s *Server) showAPIAlerts(c echo.Context) error {
	if err := onlyParams(c, nil); err != nil {
		return err
	}
	n := s.alertsNow()
	if n == nil {
		return echo.ErrNotFound
	}
	return answerJSON(c, newAPIAlerts(n))
}
