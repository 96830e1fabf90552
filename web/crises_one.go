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

	"vigie/internal/match"
	"vigie/runbooks"
	"vigie/runbooks/crisis"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// crisisView is the page of a crisis while it lasts, and after.
type crisisView struct {
	crisesPageView
	Row                  crisisRow
	Components           *componentsView // nil: nothing is said of services
	Acts, Open, CanAgain bool
	People               []choiceView
	Labels               []fieldView
	Alerts               []linkedAlert
	MoreAlerts           []choiceView // that may be joined
	Fits                 []runbookFit
	Others               []choiceView // runbooks that do not fit
	Scenarios            []scenarioFit
	OtherURL             string // where any other message is chosen; "": there is none
	Sends                []sendMini
	NoSends              string
	Remains              []string // what is not done yet, before it is ended
	Kinds                []lineKind
	Lines                []timelineLine
	LinesCount, Earlier  string
	NowTime              string
}

// linkedAlert is a problem that belongs to a crisis.
type linkedAlert struct {
	URL, Title, Since string
	Health            healthView
}

// runbookFit is a runbook that is for what happened, and why it is.
type runbookFit struct {
	ID, Title, Why, Owner string
	Running               string // address of a run of it that goes on
	Holes                 []fieldView
}

// scenarioFit is a scenario that is meant for what happened.
type scenarioFit struct{ Title, About, Runbook, URL string }

// sendMini is what was sent, in one line.
type sendMini struct {
	URL, Title, At, Who, State, Class string
	Numbers                           string // people and posts that are done, each of how many
}

func (s *Server) showCrisis(c echo.Context) error { return s.renderCrisis(c, http.StatusOK, "") }

func (s *Server) renderCrisis(c echo.Context, status int, problem string) error {
	r := s.crisesReader(c)
	of := r.crisis(c.Param("id"))
	if of == nil {
		return echo.ErrNotFound
	}
	page, err := s.crisesPage(c, r, "one", "/crises")
	if err != nil {
		return err
	}
	v := crisisView{Row: r.crisisRow(of), Acts: r.acts(), Open: of.Open(), CanAgain: !of.Open() && r.now.Sub(of.Ended) < time.Hour && r.acts()}
	r.fillCrisis(&v, of)
	r.fillComponents(&v, of)
	r.fillTimeline(&v, of, c.QueryParam("kind"), c.QueryParam("all") != "")
	v.crisesPageView, v.Problem, v.Drill = page, problem, of.Drill
	v.Title = v.Row.Title
	return render(c, status, crisisPage(s.shellView(c, r.locale), v))
}

// crisis is the one with an id; nil: there is none.
func (r crisesReader) crisis(id string) *crisis.Crisis {
	if r.crises == nil || len(id) > 64 {
		return nil
	}
	return r.crises.Get(id)
}

func (r crisesReader) fillCrisis(v *crisisView, c *crisis.Crisis) {
	v.People = r.persons(c.Lead)
	v.NowTime = r.now.In(r.zone).Format("15:04")
	for _, name := range hitLabels {
		v.Labels = append(v.Labels, fieldView{Name: "label-" + name, Label: r.dimension(name), Value: r.labelField(name, c.Labels[name]), Max: "100"})
	}
	for _, id := range c.Problems {
		l := linkedAlert{URL: "/alerts/" + url.PathEscape(id), Title: foreign(id, longestName), Health: healthView{Class: "unknown", Word: r.T("crises.alert.gone")}}
		if i := r.snap.Find(id); i != nil {
			l.Title, l.Health, l.Since = cmp.Or(r.text(i.Title), i.Rule), r.severity(i.Severity), r.since(i.Began)
			if !i.Ended.IsZero() {
				l.Health, l.Since = healthView{Class: "fine", Word: r.T("alerts.member.ended")}, r.T("alerts.ended", "from", r.until(i.Began), "to", r.until(i.Ended), "span", r.span(i.Ended.Sub(i.Began)))
			}
		}
		v.Alerts = append(v.Alerts, l)
	}
	r.fillSends(v, c)
	if !c.Open() || !v.Acts {
		return
	}
	for n := range r.snap.Open {
		i := &r.snap.Open[n]
		if !slices.Contains(c.Problems, i.ID) && !i.Monitor && r.crises.Of(i.ID) == nil {
			v.MoreAlerts = append(v.MoreAlerts, choiceView{Value: i.ID, Label: cmp.Or(r.text(i.Title), i.Rule)})
		}
	}
	rule := ""
	if len(c.Problems) > 0 {
		if i := r.snap.Find(c.Problems[0]); i != nil {
			rule = i.Rule
		}
	}
	v.Fits, v.Others = r.fits(c, c.Labels, rule)
	v.Scenarios = r.scenarios(c.ID, c.Labels)
	if r.library != nil && len(r.library.All()) > 0 {
		v.OtherURL = newSendURL(c, "", "")
	}
	for _, run := range v.Row.Progress {
		if run.Over == "" {
			v.Remains = append(v.Remains, r.T("crises.remains.run", "what", run.Title, "steps", run.Steps))
		}
	}
	for _, d := range v.Row.Dues {
		v.Remains = append(v.Remains, r.T("crises.remains.message", "what", d.Text))
	}
}

// fits are the runbooks for labels, with what each asks for, and those that are not for them. c is nil: there is no
// crisis yet.
func (r crisesReader) fits(c *crisis.Crisis, labels map[string]string, rule string) (fits []runbookFit, others []choiceView) {
	if r.runs == nil {
		return nil, nil
	}
	running := map[string]string{}
	if c != nil {
		for _, run := range r.runs.Of(c.ID) {
			if run.Open() {
				running[run.Runbook.ID] = "/runs/" + run.ID
			}
		}
	}
	now, _ := r.match()
	fitting := map[string]bool{}
	for _, f := range r.forWhat(labels, now, rule) {
		fitting[f.Runbook.ID] = true
		fits = append(fits, runbookFit{
			ID: f.Runbook.ID, Title: r.fillLabels(f.Runbook, labels), Why: r.fitWhy(f.Why), Owner: foreign(f.Runbook.Owner, longestName),
			Running: running[f.Runbook.ID], Holes: r.holes(f.Runbook, labels),
		})
	}
	for _, rb := range r.runs.Runbooks() {
		if !fitting[rb.ID] && running[rb.ID] == "" {
			others = append(others, choiceView{Value: rb.ID, Label: r.bookTitle(rb)})
		}
	}
	return fits, others
}

// forWhat are the runbooks for an alert of a rule. Where no rule fired, as of a crisis that was opened by hand, they are
// those whose labels say enough.
func (r crisesReader) forWhat(labels map[string]string, now match.Now, rule string) []runbooks.Fit {
	if rule != "" {
		return r.runs.For(labels, now.Criticality, now.Phase, rule)
	}
	var fits []runbooks.Fit
	for _, rb := range r.runs.Runbooks() {
		for i := range rb.When {
			w := &rb.When[i]
			if len(w.Labels) == 0 {
				continue
			}
			if len(w.Rules) > 0 {
				rule = w.Rules[0]
			}
			if of := runbooks.For([]*runbooks.Runbook{rb}, labels, now.Criticality, now.Phase, rule); len(of) > 0 {
				of[0].Why = slices.DeleteFunc(of[0].Why, func(why string) bool { return why == "rule" })
				fits = append(fits, of[0])
				break
			}
		}
	}
	return fits
}

// bookTitle is a runbook's title before it is started: [CDN] degrades on [ISP].
func (r crisesReader) bookTitle(rb *runbooks.Runbook) string { return r.fillLabels(rb, nil) }

// holeWord is what stands in a hole as long as it is any: [ISP].
func (r crisesReader) holeWord(name string) (string, bool) {
	word, ok := r.texts["alerts.dimension."+name]
	return "[" + word + "]", ok
}

// fillLabels puts what is known into a runbook's title: [CDN] degrades on Free.
func (r crisesReader) fillLabels(rb *runbooks.Runbook, labels map[string]string) string {
	return foreign(runbooks.Fill(cmp.Or(rb.Title.In(r.Code), rb.ID), func(name string) (string, bool) {
		if labels[name] != "" {
			return r.labelValue(name, labels[name]), true
		}
		return r.holeWord(name)
	}), longestReason)
}

// labelField is a label's value as a form has it: what typedLabel reads.
func (r crisesReader) labelField(name, value string) string {
	if name == "cdn" && value != "" {
		return r.labelValue(name, value)
	}
	return value
}

// holes are the labels that a runbook speaks of and that nobody has said.
func (r crisesReader) holes(rb *runbooks.Runbook, labels map[string]string) (fields []fieldView) {
	for _, name := range rb.Asks() {
		if labels[name] == "" {
			fields = append(fields, fieldView{Name: "label-" + name, Label: r.dimension(name), Max: "100"})
		}
	}
	return fields
}

// fillSends are what was sent, the last first.
func (r crisesReader) fillSends(v *crisisView, c *crisis.Crisis) {
	if r.sends == nil {
		v.NoSends = r.T("crises.sends.here")
		return
	}
	for _, of := range slices.Backward(r.sends.Of(c.ID)) {
		v.Sends = append(v.Sends, r.sendMini(of))
	}
	if len(v.Sends) == 0 {
		v.NoSends = r.T("crises.sends.none")
	}
}

func (r crisesReader) sendMini(of *send.Send) sendMini {
	v := sendMini{
		URL: "/sends/" + of.ID, Title: r.T("crises.send", "what", r.stepName(of.Rendered.Step, 0), "scenario", r.scenario(of.Rendered.Scenario)),
		At: r.until(cmp.Or(of.Confirmed, of.At)), Who: r.who(cmp.Or(of.Second, of.By)), State: r.known("crises.send.state.", string(of.State)),
	}
	switch of.State {
	case send.Faulty, send.Paused, send.Aborted:
		v.Class = "warning"
	case send.Sending, send.Confirmed:
		v.Class = "live"
	case send.Completed:
		v.Class = "fine"
	default:
		v.Class = "unknown"
	}
	p := r.sends.Progress(of.ID)
	if of.Confirmed.IsZero() || !p.Known {
		return v
	}
	var done, all reached
	for i := range of.Legs {
		all.add(&of.Legs[i], of.Legs[i].Size())
		if i < len(p.Legs) {
			done.add(&of.Legs[i], max(0, p.Legs[i].Size-p.Legs[i].OpenNow()))
		}
	}
	v.Numbers = r.countedOf(done, all)
	return v
}

// scenarios are those of messages that are meant for labels, and of which nothing was prepared in the crisis yet.
func (r crisesReader) scenarios(id string, labels map[string]string) (fits []scenarioFit) {
	if r.library == nil {
		return nil
	}
	said := map[string]bool{}
	for _, of := range r.sends.Of(id) {
		said[of.Rendered.Scenario] = true
	}
	for _, e := range r.library.All() {
		sc := &e.Scenario
		if said[sc.ID] || !meant(sc.When, labels) {
			continue
		}
		d := send.Due{Crisis: id, Scenario: sc.ID, Step: message.Initial}
		fits = append(fits, scenarioFit{Title: foreign(cmp.Or(sc.Title.In(r.Code), sc.ID), longestReason), About: foreign(sc.About.In(r.Code), longestReason), Runbook: sc.Runbook, URL: prepareURL(&d)})
	}
	return fits
}

// meant tells whether a scenario's labels are all among those of what happened. One without any is chosen by hand.
func meant(when, labels map[string]string) bool {
	for name, value := range when {
		if has := labels[name]; has == "" || value != "*" && value != has {
			return false
		}
	}
	return len(when) > 0
}

// fitWhy says why a runbook is for what happened.
func (r crisesReader) fitWhy(why []string) string {
	parts := make([]string, 0, len(why))
	for _, w := range why {
		name, value, labelled := strings.Cut(w, "=")
		switch {
		case !labelled:
			parts = append(parts, r.known("runbooks.why.", w))
		case value == "*":
			parts = append(parts, r.T("runbooks.why.any", "what", r.dimension(name)))
		default:
			parts = append(parts, r.dimension(name)+nbsp+r.labelValue(name, value))
		}
	}
	if len(parts) == 0 {
		return r.T("runbooks.why.always")
	}
	return r.T("runbooks.why", "what", strings.Join(parts, ", "))
}

func digits(n int) string { return strconv.Itoa(n) }
