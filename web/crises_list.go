package web

import (
	"cmp"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/runbooks"
	"vigie/runbooks/crisis"
	"vigie/runbooks/send"
)

// crisesView is what is broken now, and what was.
type crisesView struct {
	crisesPageView
	Nothing     string // why there are none at all
	Count, None string
	Open        []crisisRow
	Over        []crisisRow
	OverCount   string
	Acts        bool
	Real, Train crisisForm
}

// crisisRow is a crisis in a few lines.
type crisisRow struct {
	crisisLine
	Began, Ended string
	Hit          []labelView
	Dues         []dueView
	Progress     []runMini
}

// runMini is a run in one line.
type runMini struct {
	URL, Title, Steps string
	Done, Total       int
	Over              string // how it ended
	Overdue           string // steps
	Lead              string
}

// crisisForm is what a crisis is opened with.
type crisisForm struct {
	Drill            bool
	Open             bool // it is being filled in
	Title, At        string
	Labels           []fieldView
	Problem, Runbook string // of an alert, and the run that begins with it
}

// crisesOver is how many of those that ended are listed.
const crisesOver = 50

// crisisFeltFor is how long before it is opened a crisis may have been felt.
const crisisFeltFor = 23 * time.Hour

// hitLabels are what a form asks for: what is hit.
var hitLabels = []string{"cdn", "isp", "channel", "service", "device"}

func (s *Server) showCrises(c echo.Context) error { return s.renderCrises(c, http.StatusOK, "") }

func (s *Server) renderCrises(c echo.Context, status int, problem string) error {
	r := s.crisesReader(c)
	page, err := s.crisesPage(c, r, "list", "/crises")
	if err != nil {
		return err
	}
	v := crisesView{Acts: r.acts()}
	if r.crises == nil {
		v.Nothing = r.T("crises.none.here")
	} else {
		r.fillCrises(&v)
		form := url.Values{}
		if c.Request().Method == http.MethodPost {
			form = c.Request().PostForm
		}
		v.Real, v.Train = r.crisisForm(form, false), r.crisisForm(form, true)
	}
	v.crisesPageView, v.Problem = page, problem
	return render(c, status, crisesPage(s.shellView(c, r.locale), v))
}

func (r crisesReader) fillCrises(v *crisesView) {
	for _, c := range r.crises.All() {
		switch {
		case c.Open():
			v.Open = append(v.Open, r.crisisRow(c))
		case len(v.Over) < crisesOver:
			v.Over = append(v.Over, r.crisisRow(c))
		}
	}
	v.Count, v.OverCount = r.plural("crises.open", len(v.Open)), r.plural("crises.over", len(v.Over))
	if len(v.Open) == 0 {
		v.None = r.T("crises.open.none")
	}
}

// openCrisis is a crisis with what is asked for in it.
func (r crisesReader) openCrisis(c *crisis.Crisis) openCrisis {
	of := openCrisis{Crisis: c}
	of.due = r.sends.Due(c, r.now)
	if r.runs == nil {
		return of
	}
	for _, run := range r.runs.Of(c.ID) {
		if v := r.runs.View(run.ID, r.now); v != nil {
			of.runs = append(of.runs, v)
		}
	}
	return of
}

func (r crisesReader) crisisRow(c *crisis.Crisis) crisisRow {
	of := r.openCrisis(c)
	v := crisisRow{crisisLine: r.crisisLine(&of), Began: r.since(c.Began), Hit: r.labels(c.Labels)}
	if !c.Open() {
		v.Since, v.Lasts = "", countdown(c.Ended.Sub(c.Began))
		v.Ended = r.T("crises.ended", "from", r.until(c.Began), "to", r.until(c.Ended), "span", r.span(c.Ended.Sub(c.Began)), "who", r.who(c.EndBy))
	}
	for i := range of.due {
		v.Dues = append(v.Dues, r.asked(c, asked{message: &of.due[i]}, of.due[i].At))
	}
	for _, run := range of.runs {
		v.Progress = append(v.Progress, r.runMini(run))
	}
	return v
}

func (r crisesReader) runMini(run *runbooks.View) runMini {
	v := runMini{
		URL: "/runs/" + run.ID, Title: r.runTitle(run.Run), Done: run.Done, Total: run.Total, Lead: r.T("crises.led", "who", r.who(run.Lead)),
		Steps: r.T("crises.steps", "done", strconv.Itoa(run.Done), "total", strconv.Itoa(run.Total)),
	}
	if run.Overdue > 0 && run.Open() {
		v.Overdue = r.plural("crises.steps.overdue", run.Overdue)
	}
	if !run.Open() {
		v.Over = r.T("runs.end."+string(run.End), "time", r.until(run.Ended))
	}
	return v
}

// runTitle is what a run's runbook is called.
func (r crisesReader) runTitle(run *runbooks.Run) string {
	return r.filled(run, cmp.Or(run.Runbook.Title.In(r.Code), run.Runbook.ID))
}

// filled is a text of a run in one line. What nobody has said yet is asked for in its place.
func (r crisesReader) filled(run *runbooks.Run, text string) string {
	return foreign(r.unsaid(run, run.Fill(text)), longestReason)
}

// unsaid puts words into the holes that are left in a text of a run, or in its HTML.
func (r crisesReader) unsaid(run *runbooks.Run, text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	for _, name := range run.Unsaid() {
		text = strings.ReplaceAll(text, "{"+name+"}", html.EscapeString(r.T("runs.unsaid", "what", r.dimension(name))))
	}
	return text
}

// crisisForm is the form as it was sent, or empty.
func (r crisesReader) crisisForm(form url.Values, drill bool) crisisForm {
	mine := form.Get("drill") == "1" == drill && len(form) > 0
	v := crisisForm{Drill: drill, Open: mine}
	if !mine {
		form = url.Values{}
	}
	v.Title, v.At, v.Problem, v.Runbook = form.Get("title"), form.Get("at"), form.Get("problem"), form.Get("runbook")
	for _, name := range hitLabels {
		v.Labels = append(v.Labels, fieldView{Name: "label-" + name, Label: r.dimension(name), Value: form.Get("label-" + name), Max: "100", List: "hit-" + name})
	}
	return v
}

// id is of an element of the form: both are on one page.
func (f crisisForm) id(name string) string {
	if f.Drill {
		return "drill-" + name
	}
	return "real-" + name
}

// prepareURL is where a message that is due is prepared.
func prepareURL(d *send.Due) string {
	q := url.Values{"crisis": {d.Crisis}, "scenario": {d.Scenario}, "step": {string(d.Step)}}
	return "/sends/new?" + q.Encode()
}

// typedMomentToday reads a time of day, of the day that is nearest to now; nothing is the zero time.
func (r crisesReader) typedMomentToday(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := typedTime(text, r.zone, r.now)
	if err != nil {
		return time.Time{}, crisis.Invalid{Field: "at", Reason: "is not a time of day"}
	}
	return at, nil
}
