package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/runbooks/crisis"
	"vigie/runbooks/send"
)

// sendsView is what goes on, what is due, and what ended.
type sendsView struct {
	sendsPageView
	Follow string // milliseconds between two looks
	Due    []dueRow
	Open   []sendRow
	Ended  []sendRow
	Count  string
	Idle   string // what to say where nothing goes on
	More   string
}

// dueRow is a message that is to be said next.
type dueRow struct {
	ID, Crisis, Title, Step string
	When, Machine           string
	Overdue, Drill          bool
	URL, Do                 string // "": the reader may not
}

// sendRow is a send in a few lines.
type sendRow struct {
	ID, URL, Title, Step, Crisis string
	Drill                        bool
	State                        stateWord
	Who, When, Size              string
	Wants                        string // who must do something
	Legs                         []legView
	Unsure                       string // why the numbers are not whole
}

// endedShown is how many ended sends the list has.
const endedShown = 40

func (s *Server) showSends(c echo.Context) error {
	r := s.sendsReader(c)
	page, err := s.sendsPage(c, r, "list")
	if err != nil {
		return err
	}
	v := sendsView{sendsPageView: page, Follow: "2000"}
	if r.sends == nil {
		v.Nothing = r.T("sends.none.configured")
		return render(c, http.StatusOK, sendsPage(s.shellView(c, r.locale), v))
	}
	v.Due = r.due()
	for _, of := range r.sends.All() {
		switch {
		case of.State.Open():
			v.Open = append(v.Open, r.row(of))
			if of.State == send.Sending || of.State == send.Confirmed {
				v.Follow = "800"
			}
		case len(v.Ended) < endedShown:
			v.Ended = append(v.Ended, r.row(of))
		}
	}
	v.Count = r.plural("sends.open", len(v.Open))
	if len(v.Open) == 0 {
		v.Idle = r.T("sends.open.none")
	}
	return render(c, http.StatusOK, sendsPage(s.shellView(c, r.locale), v))
}

// due are the messages that open crises ask for now or soon.
func (r sendsReader) due() (rows []dueRow) {
	if r.crises == nil {
		return nil
	}
	for _, c := range r.crises.Current() {
		for i, d := range r.sends.Due(c, r.now) {
			row := dueRow{
				ID: c.ID + "-" + d.Scenario + "-" + strconv.Itoa(i), Crisis: foreign(c.Title, longestTitle), Title: r.scenario(d.Scenario), Step: r.step(d.Step), Overdue: d.Overdue, Drill: c.Drill,
				Machine: d.At.UTC().Format(time.RFC3339), When: r.T("sends.due.at", "time", r.until(d.At), "span", r.span(d.At.Sub(r.now))),
			}
			if d.Overdue {
				row.When = r.T("sends.due.over", "time", r.until(d.At), "span", r.span(r.now.Sub(d.At)))
			}
			switch {
			case d.Send != "":
				row.URL, row.Do = "/sends/"+d.Send, r.T("sends.due.look")
			case r.acts():
				row.URL, row.Do = newSendURL(c, d.Scenario, string(d.Step)), r.T("sends.due.prepare")
				if c.Drill {
					row.Do = r.T("sends.new.do.drill")
				}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func (r sendsReader) row(of *send.Send) sendRow {
	v := sendRow{
		ID: of.ID, URL: "/sends/" + of.ID, Title: r.scenario(of.Rendered.Scenario), Step: r.step(of.Rendered.Step), Drill: of.Drill,
		State: r.sendState(of.State), Who: r.T("sends.by", "who", r.preparer(of)), When: r.T("sends.prepared", "time", r.until(of.At), "span", r.span(r.now.Sub(of.At))),
		Size: r.size(of),
	}
	if !of.Ended.IsZero() {
		v.When = r.T("sends.ended", "time", r.until(of.Ended), "span", r.span(r.now.Sub(of.Ended)))
	}
	if of.Second != "" {
		v.Who += " · " + r.T("sends.second", "who", r.who(of.Second))
	}
	if c := r.crisis(of.Crisis); c != nil {
		v.Crisis = foreign(c.Title, longestTitle)
	}
	switch of.State {
	case send.Prepared:
		v.Wants = r.T("sends.wants.check")
	case send.Checked:
		v.Wants = r.T("sends.wants.second")
	case send.Paused:
		v.Wants = r.pausedWhy(of)
	case send.Faulty:
		v.Wants = r.T("sends.wants.failures")
	}
	if !of.Confirmed.IsZero() {
		v.Legs, v.Unsure = r.legs(of)
	}
	return v
}

// preparer is who prepared a send: a person, or the system that nobody has checked yet.
func (r sendsReader) preparer(of *send.Send) string {
	if of.By == "" {
		return r.T("sends.by.system")
	}
	return r.who(of.By)
}

// size is how many it goes to: people, and posts.
func (r sendsReader) size(of *send.Send) string { return r.counted(reached{of.People(), posts(of)}) }

// posts is how many posts a send has: those of channels that are not a person's.
func posts(of *send.Send) (n int) {
	for i := range of.Legs {
		n += len(of.Legs[i].Posts)
	}
	return n
}

// pausedWhy says who stopped a send, and why.
func (r sendsReader) pausedWhy(of *send.Send) string {
	p := of.Pause
	if p == nil {
		return r.T("send.paused.person", "who", missing, "time", missing)
	}
	if p.By == "" {
		args := map[string]string{"leg": r.account(p.Leg, of.Drill), "time": r.at(p.At)}
		if p.Text != "" {
			args["what"] = r.failures(p.Text)
		}
		text, _ := r.told("send.paused."+pauseKey(p.Why), args)
		return text
	}
	text := r.T("send.paused.person", "who", r.who(p.By), "time", r.at(p.At))
	if p.Text != "" {
		text += " " + r.T("alerts.quoted", "text", foreign(p.Text, longestReason))
	}
	return text
}

func pauseKey(why string) string {
	if why == "failures" || why == "late" {
		return why
	}
	return "system"
}

// newSendURL is the form for a crisis's next message.
func newSendURL(c *crisis.Crisis, scenario, step string) string {
	q := "/sends/new?crisis=" + c.ID
	if scenario != "" {
		q += "&scenario=" + scenario
	}
	if step != "" {
		q += "&step=" + step
	}
	return q
}
