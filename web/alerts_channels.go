package web

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/alerts/route"
)

// channelsView is how things are said, whether that works, and how to find out.
type channelsView struct {
	alertsPageView
	Acts       bool
	Channels   []channelRow
	People     []contactGroup
	Routes     []routeRow
	Schedules  []routeRow
	Tests      []testRow
	Exercise   exerciseView
	Nothing    string
	Heartbeats []heartbeatRow
}

// channelRow is a channel, or a contact of a person on it.
type channelRow struct {
	ID, Type, Where, Limits, Next string
	Health                        healthView
	Good, Bad, Words              string // last success, last failure, what was said about it
	Ref                           string
	TestLabel                     string
}

type contactGroup struct {
	Name, Ref, TestLabel string
	Contacts             []channelRow
	Nothing              string
}

type routeRow struct{ Name, What, Ref, TestLabel string }

type testRow struct {
	Time, Who, Channel, By string
	Health                 healthView
	Words                  string
	Detail                 string
}

type heartbeatRow struct{ Channel, Every string }

// exerciseView is whether all that is said is marked as an exercise.
type exerciseView struct {
	On                bool
	Text, Word, Typed string
	Acts              bool
}

func (s *Server) showChannels(c echo.Context) error { return s.renderChannels(c, http.StatusOK, "") }

func (s *Server) renderChannels(c echo.Context, status int, problem string) error {
	r := s.alertsReader(c)
	page, err := s.alertsPage(c, r, "channels")
	if err != nil {
		return err
	}
	v := r.newChannels(r.room.Entries(""))
	v.alertsPageView, v.Problem = page, problem
	return render(c, status, channelsPage(s.shellView(c, r.locale), v))
}

// heard is how the tries of the ledger ended at one place, the latest first.
type heard struct {
	good, bad time.Time
	words     string // of the last failure
}

func (h *heard) take(e *alerts.Entry) {
	for i := range e.Tries {
		t := &e.Tries[i]
		switch {
		case t.Outcome == string(alerts.Accepted):
			if t.At.After(h.good) {
				h.good = t.At
			}
		case t.At.After(h.bad):
			h.bad, h.words = t.At, strings.TrimSuffix(string(t.Reason)+": "+t.Text, ": ")
		}
	}
}

func (r alertsReader) newChannels(entries []alerts.Entry) channelsView {
	v := channelsView{Acts: r.acts()}
	channels, contacts := map[string]*heard{}, map[string]*heard{}
	for i := range entries {
		e := &entries[i]
		for _, of := range []struct {
			m   map[string]*heard
			key string
		}{{channels, e.Target.Channel}, {contacts, e.Target.Channel + " " + e.Target.To}} {
			if of.m[of.key] == nil {
				of.m[of.key] = &heard{}
			}
			of.m[of.key].take(e)
		}
		if e.Kind == notice.Test && len(v.Tests) < 20 {
			v.Tests = append(v.Tests, r.test(e))
		}
	}
	types := map[string]route.Type{}
	for i := range r.policy.Channels {
		c := &r.policy.Channels[i]
		types[c.ID] = c.Type
		row := channelRow{ID: c.ID, Type: r.known("alerts.channel.", string(c.Type)), Where: foreign(whereOf(c), longestReason), Ref: "channel:" + c.ID}
		if c.Throttle.Most > 0 {
			row.Limits = r.T("alerts.channel.throttle", "n", fmt.Sprint(c.Throttle.Most), "per", r.span(time.Duration(c.Throttle.Per)))
		}
		if c.Next != "" {
			row.Next = r.T("alerts.channel.next", "next", foreign(c.Next, longestName))
		}
		if targets, _ := r.policy.Reach(route.Ref(row.Ref), r.now, nil, nil); len(targets) == 0 {
			row.Ref = "" // it reaches people by their contacts alone
		}
		r.works(&row, channels[c.ID])
		row.TestLabel = r.T("alerts.test.of", "what", c.ID)
		v.Channels = append(v.Channels, row)
	}
	for i := range r.policy.People {
		p := &r.policy.People[i]
		of := contactGroup{Name: cmp.Or(p.Name, p.ID), Ref: "person:" + p.ID, TestLabel: r.T("alerts.test.of", "what", cmp.Or(p.Name, p.ID))}
		for _, c := range p.Contacts {
			row := channelRow{ID: c.Channel, Type: r.known("alerts.channel.", string(types[c.Channel])), Where: foreign(c.To, longestName)}
			r.works(&row, contacts[c.Channel+" "+c.To])
			of.Contacts = append(of.Contacts, row)
		}
		if len(of.Contacts) == 0 {
			of.Ref, of.Nothing = "", r.T("alerts.contact.none")
		}
		v.People = append(v.People, of)
	}
	for i := range r.policy.Schedules {
		id := r.policy.Schedules[i].ID
		v.Schedules = append(v.Schedules, routeRow{Name: r.target("oncall:" + id), Ref: "oncall:" + id, TestLabel: r.T("alerts.test.of", "what", id)})
	}
	for i := range r.policy.Routes {
		of := &r.policy.Routes[i]
		path := fmt.Sprintf("routes[%d]", i)
		v.Routes = append(v.Routes, routeRow{Name: path, What: r.asked(&of.Match), Ref: "route:" + path, TestLabel: r.T("alerts.test.of", "what", path)})
	}
	if r.policy.Default != nil {
		v.Routes = append(v.Routes, routeRow{Name: "default", What: r.T("alerts.route.default"), Ref: "route:default", TestLabel: r.T("alerts.test.of", "what", "default")})
	}
	for i := range r.policy.Heartbeats {
		b := &r.policy.Heartbeats[i]
		v.Heartbeats = append(v.Heartbeats, heartbeatRow{foreign(b.Channel, longestName), r.span(time.Duration(b.Every))})
	}
	if len(v.Channels) == 0 {
		v.Nothing = r.T("alerts.channels.none")
	}
	d := r.snap.Drill
	v.Exercise = exerciseView{On: d.On, Word: r.drillWord(), Acts: v.Acts, Text: r.T("alerts.drill.off")}
	if d.On {
		v.Exercise.Text = r.T("alerts.drill.on", "who", r.who(d.By), "time", r.at(d.Since))
	}
	return v
}

// whereOf is where a channel speaks to, without its secrets.
func whereOf(c *route.Channel) string {
	switch {
	case c.Host != "":
		return c.Host
	case c.Endpoint != "":
		return c.Endpoint.String()
	case c.URL != "":
		return c.URL.String()
	case len(c.URLs) > 0:
		return c.URLs[0].String()
	}
	return c.Provider
}

// works says whether a place was reached the last time that it was tried. One that never was is not known to
// work.
func (r alertsReader) works(row *channelRow, h *heard) {
	row.Health = healthView{Class: "unknown", Word: r.T("alerts.channel.untried")}
	if h == nil {
		return
	}
	if !h.good.IsZero() {
		row.Good = r.T("alerts.channel.good", "time", r.at(h.good))
		row.Health = healthView{Class: "fine", Word: r.T("alerts.channel.works")}
	}
	if !h.bad.IsZero() {
		row.Bad = r.T("alerts.channel.bad", "time", r.at(h.bad))
		reason, text, _ := strings.Cut(h.words, ": ")
		row.Words = strings.TrimSuffix(r.reason(reason)+" · "+foreign(text, 200), " · ")
	}
	if h.bad.After(h.good) {
		row.Health = healthView{Class: "critical", Word: r.T("alerts.channel.fails")}
	}
}

// test is what became of a test.
func (r alertsReader) test(e *alerts.Entry) testRow {
	v := testRow{Time: r.at(e.Made), Who: r.reader(&e.Target), Channel: foreign(e.Target.Channel, longestName), By: r.who(e.By), Words: r.known("alerts.state.", string(e.State))}
	if n := len(e.Tries); n > 0 {
		t := &e.Tries[n-1]
		v.Detail = foreign(t.Text, 200)
		v.Words += " · " + r.latency(t.Took.Seconds()).String()
		if t.Reason != "" {
			v.Words += " · " + r.reason(string(t.Reason))
		}
	}
	if e.Reason != "" {
		v.Words += " · " + r.reason(e.Reason)
		v.Detail = strings.TrimPrefix(v.Detail+" · "+foreign(e.Detail, 200), " · ")
	}
	v.Detail = strings.TrimSuffix(v.Detail, " · ")
	class := "unknown"
	switch e.State {
	case alerts.Accepted:
		class = "fine"
	case alerts.Failed:
		class = "critical"
	case alerts.Suppressed:
		class = "warning"
	case alerts.Queued:
		if len(e.Tries) > 0 {
			class = "warning"
		}
	case alerts.Claiming:
	}
	v.Health = healthView{Class: class}
	return v
}
