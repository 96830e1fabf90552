package web

import (
	"slices"
	"strconv"
	"time"

	"vigie/alerts"
	"vigie/internal/account"
	"vigie/runbooks"
	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/send"
)

// crisesNow is what a frame knows of crises. It is read-only.
type crisesNow struct {
	version string // another one after each change of crises, runs and sends
	open    []openCrisis
	library *library.Library
	people  []account.User
}

// openCrisis is one that goes on, with what is asked for in it.
type openCrisis struct {
	*crisis.Crisis
	due  []send.Due
	runs []*runbooks.View
}

// crisesNow is what is known at a moment; nil: there are no crises here.
func (s *Server) crisesNow(now time.Time) *crisesNow {
	room := s.config.Crises
	if room == nil {
		return nil
	}
	n := &crisesNow{library: s.config.Library, people: s.staff.known(), version: strconv.FormatUint(room.Version(), 36) + "." + strconv.FormatUint(s.config.Sends.Version(), 36)}
	var runs []*runbooks.View
	if s.config.Runbooks != nil {
		snap := s.config.Runbooks.Snapshot(now)
		n.version += "." + strconv.FormatUint(snap.Version, 36)
		runs = snap.Runs
	}
	for _, c := range room.Current() {
		of := openCrisis{Crisis: c, due: s.config.Sends.Due(c, now)}
		for _, run := range runs {
			if run.Crisis == c.ID {
				of.runs = append(of.runs, run)
			}
		}
		n.open = append(n.open, of)
	}
	slices.SortStableFunc(n.open, func(a, b openCrisis) int { // what is real first, of that what is overdue
		if d := rankOf(b, now) - rankOf(a, now); d != 0 {
			return d
		}
		return a.Began.Compare(b.Began)
	})
	return n
}

func rankOf(c openCrisis, now time.Time) (rank int) {
	if !c.Drill {
		rank = 2
	}
	if at, _, ok := c.next(); ok && at.Before(now) {
		rank++
	}
	return rank
}

// told is the version, for pages that are fetched anew when it is another one.
func (n *crisesNow) told() string {
	if n == nil {
		return ""
	}
	return n.version
}

// followCrises has screens shown what happens in crises.
func (s *Server) followCrises() {
	if s.config.Crises == nil {
		return
	}
	s.follow(s.config.Crises.OnChange)
	if s.config.Runbooks != nil {
		s.follow(s.config.Runbooks.OnChange)
	}
	if s.config.Sends != nil {
		s.follow(s.config.Sends.OnChange)
	}
}

// next is what is due first: a message, or else a step of run; ok is false when nothing is.
func (c *openCrisis) next() (at time.Time, what asked, ok bool) {
	for i := range c.due {
		if d := &c.due[i]; at.IsZero() || d.At.Before(at) {
			at, what = d.At, asked{message: d}
		}
	}
	for _, run := range c.runs {
		for i := range run.Steps {
			step := &run.Steps[i]
			if !step.Due.IsZero() && !step.Status.Over() && (at.IsZero() || step.Due.Before(at)) {
				at, what = step.Due, asked{run: run, step: step}
			}
		}
	}
	return at, what, !at.IsZero()
}

// asked is a message, or a step of a run.
type asked struct {
	message *send.Due
	run     *runbooks.View
	step    *runbooks.StepView
}

// crisesPanel are the crises that go on, over the alerts.
type crisesPanel struct {
	Title   string
	Tag     string // the word of one
	Rows    []crisisLine
	More    string
	Overdue bool // in one that is no exercise
}

// crisisLine is a crisis on the board.
type crisisLine struct {
	ID, URL, Title string
	Health         healthView
	Drill          string // the word of exercises
	Since, Lasts   string
	Lead           string
	Due            dueView
	Runs           string
	Brief          bool // its state stands in what is due
}

// So many crises have room; a count tells the others.
const (
	crisesOnWall  = 2
	crisesOnBoard = 5
)

// openCrises are those that a board shows. A wall has no room for exercises while something real goes on.
func (k look) openCrises() []openCrisis {
	if k.crises == nil || !k.board.Sight.Live() {
		return nil
	}
	open := k.crises.open
	if real := slices.IndexFunc(open, func(c openCrisis) bool { return c.Drill }); k.wall() && real > 0 { // what is real is first
		return open[:real]
	}
	return open
}

// crisisRoom is how many lines of a wall crises take.
func (k look) crisisRoom() int { return min(len(k.openCrises()), crisesOnWall) }

// shape is all but what counts on by itself.
func (v crisesPanel) shape() string {
	v.Rows = slices.Clone(v.Rows)
	for i := range v.Rows {
		v.Rows[i].Lasts, v.Rows[i].Due.Left = "", ""
	}
	return shapeOf(v)
}

func newCrisesPanel(k look) crisesPanel {
	open := k.openCrises()
	if len(open) == 0 {
		return crisesPanel{}
	}
	r := k.crisesReader()
	v := crisesPanel{Title: k.T("crises.nav"), Tag: k.T("crises.tag")}
	room := crisesOnBoard
	if k.wall() {
		room = crisesOnWall
	}
	for i := range open {
		c := &open[i]
		if i == room {
			v.More = k.plural("crises.more", len(open)-room)
		}
		row := r.crisisLine(c)
		if _, what, ok := c.next(); ok && k.wall() { // what, and how late: there is room for no more
			row.Due.Text, row.Lead, row.Runs, row.Brief = r.askedBriefly(what), "", "", true
		}
		v.Overdue = v.Overdue || row.Health.Class == "critical"
		if i < room {
			if k.wall() {
				row.URL, row.Due.URL = "", ""
			}
			v.Rows = append(v.Rows, row)
		}
	}
	return v
}

// crisesReader writes what a frame knows as the pages of crises do.
func (k look) crisesReader() crisesReader {
	n := k.alerts
	if n == nil {
		n = newAlertsNow(&alerts.Snapshot{}, nil, 0)
	}
	return crisesReader{alertsReader: n.reader(k.locale, k.board), library: k.crises.library, people: k.crises.people}
}

func (r crisesReader) crisisLine(c *openCrisis) crisisLine {
	v := crisisLine{
		ID: c.ID, URL: "/crises/" + c.ID, Title: foreign(c.Title, longestReason), Health: r.crisisHealth(c.Crisis, false),
		Since: strconv.FormatInt(c.Began.UnixMilli(), 10), Lasts: countdown(max(0, r.now.Sub(c.Began))), Lead: r.T("crises.led", "who", r.who(c.Lead)),
	}
	if at, what, ok := c.next(); ok {
		v.Due = r.asked(c.Crisis, what, at)
		v.Health = r.crisisHealth(c.Crisis, v.Due.Class == "critical")
	}
	if c.Drill {
		v.Drill = r.T("crises.drill")
	}
	done, total := 0, 0
	for _, run := range c.runs {
		done, total = done+run.Done, total+run.Total
	}
	if total > 0 {
		v.Runs = r.T("crises.steps", "done", strconv.Itoa(done), "total", strconv.Itoa(total))
	}
	return v
}

// asked says what is due, and leads to where it is done.
func (r crisesReader) asked(c *crisis.Crisis, what asked, at time.Time) dueView {
	if d := what.message; d != nil {
		address := prepareURL(d)
		if d.Send != "" {
			address = "/sends/" + d.Send
		}
		v := r.due(r.T("crises.due.message", "what", r.stepName(d.Step, d.Number), "time", r.until(at)), address, at)
		v.Prepared = d.Send != ""
		return v
	}
	title := r.filled(what.run.Run, what.step.Step.Title.In(r.Code))
	return r.due(r.T("crises.due.step", "what", title, "time", r.until(at)), "/runs/"+what.run.ID+"#step-"+what.step.Step.ID, at)
}

// askedBriefly is what is due, without when.
func (r crisesReader) askedBriefly(what asked) string {
	if d := what.message; d != nil {
		return r.stepName(d.Step, d.Number)
	}
	return r.filled(what.run.Run, what.step.Step.Title.In(r.Code))
}

// crisisHealth is where a crisis stands as colour, shape and word. An exercise never is in the colour of what is real.
func (r crisesReader) crisisHealth(c *crisis.Crisis, overdue bool) healthView {
	switch {
	case !c.Open():
		return healthView{Class: "fine", Word: r.T("crises.state.ended")}
	case overdue && !c.Drill:
		return healthView{Class: "critical", Word: r.T("crises.overdue")}
	case overdue:
		return healthView{Class: "unknown", Word: r.T("crises.overdue")}
	case c.Drill:
		return healthView{Class: "unknown", Word: r.T("crises.state.open")}
	}
	return healthView{Class: "warning", Word: r.T("crises.state.open")}
}
