package web

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/runbooks"
	"vigie/runbooks/crisis"
)

// DidStartRun is what somebody did, as the audit has it in Action.What.
const DidStartRun = "run-start"

// runbooksView are the runbooks that can be started.
type runbooksView struct {
	crisesPageView
	Nothing string
	Count   string
	Rows    []bookRow
}

// bookRow is a runbook in a few lines.
type bookRow struct {
	ID, URL, Title, Owner string
	When                  []string
	Steps                 string
	Running               []runMini
}

// runbookView is one to read.
type runbookView struct {
	crisesPageView
	Row         bookRow
	Intro       string // HTML
	Steps       []bookStep
	Acts        bool
	Real, Train startView
}

// bookStep is a step as it is written.
type bookStep struct {
	ID, Number, Title, Kind, Owner, Due, HTML string
	Facts                                     []string
}

// startView is what a run is started with.
type startView struct {
	Drill   bool
	Runbook string
	Crises  []choiceView // those that go on, of the kind
	Holes   []fieldView
	Title   string
}

func (s *Server) showRunbooks(c echo.Context) error {
	r := s.crisesReader(c)
	page, err := s.crisesPage(c, r, "runbooks", "/runbooks")
	if err != nil {
		return err
	}
	v := runbooksView{crisesPageView: page}
	var all []*runbooks.Runbook
	if r.runs != nil {
		all = r.runs.Runbooks()
	}
	for _, rb := range all {
		v.Rows = append(v.Rows, r.bookRow(rb))
	}
	if v.Count = r.plural("runbooks.count", len(all)); len(all) == 0 {
		v.Nothing = r.T("runbooks.none")
	}
	return render(c, http.StatusOK, runbooksPage(s.shellView(c, r.locale), v))
}

func (r crisesReader) bookRow(rb *runbooks.Runbook) bookRow {
	v := bookRow{
		ID: rb.ID, URL: runbooks.Page + rb.ID, Title: r.bookTitle(rb), Owner: foreign(rb.Owner, longestName),
		Steps: r.plural("runbooks.steps", len(rb.Steps)),
	}
	for i := range rb.When {
		v.When = append(v.When, r.whenWords(&rb.When[i]))
	}
	for _, run := range r.runs.Current() {
		if run.Runbook.ID == rb.ID {
			if view := r.runs.View(run.ID, r.now); view != nil {
				v.Running = append(v.Running, r.runMini(view))
			}
		}
	}
	return v
}

// whenWords says what a runbook is for.
func (r crisesReader) whenWords(w *runbooks.When) string {
	var parts []string
	if len(w.Rules) > 0 {
		titles := make([]string, 0, len(w.Rules))
		for _, id := range w.Rules {
			title := foreign(id, longestName)
			if _, of := r.rule(id); of != nil {
				title = cmp.Or(runbooks.Fill(r.text(of.Title), r.ruleHole), title)
			}
			titles = append(titles, title)
		}
		parts = append(parts, r.T("runbooks.when.rules", "names", strings.Join(titles, " · ")))
	}
	for _, name := range slices.Sorted(maps.Keys(w.Labels)) {
		values := make([]string, 0, len(w.Labels[name]))
		for _, value := range w.Labels[name] {
			if value == "*" {
				value = r.T("runbooks.when.any")
			}
			values = append(values, r.labelValue(name, value))
		}
		parts = append(parts, r.dimension(name)+nbsp+strings.Join(values, ", "))
	}
	if w.Criticality > 0 {
		parts = append(parts, r.T("runbooks.when.criticality", "n", digits(w.Criticality)))
	}
	for _, phase := range w.Phases {
		parts = append(parts, r.T("phase."+string(phase)))
	}
	if len(parts) == 0 {
		return r.T("runbooks.why.always")
	}
	return strings.Join(parts, " · ")
}

// ruleHole is what stands in a hole of a rule's title: a value is any.
func (r crisesReader) ruleHole(name string) (string, bool) {
	if word, ok := r.holeWord(name); ok {
		return word, true
	}
	return "…", true
}

func (s *Server) showRunbook(c echo.Context) error { return s.renderRunbook(c, http.StatusOK, "") }

func (s *Server) renderRunbook(c echo.Context, status int, problem string) error {
	r := s.crisesReader(c)
	id := c.Param("id")
	if r.runs == nil || r.runs.Runbook(id) == nil {
		return echo.ErrNotFound
	}
	rb := r.runs.Runbook(id)
	page, err := s.crisesPage(c, r, "runbook", "/runbooks")
	if err != nil {
		return err
	}
	v := runbookView{Row: r.bookRow(rb), Intro: runbooks.HTML(rb.Intro.In(r.Code), r.holeWord), Acts: r.acts()}
	v.crisesPageView, v.Problem = page, problem
	v.Title = v.Row.Title
	for i := range rb.Steps {
		v.Steps = append(v.Steps, r.bookStep(rb, i))
	}
	v.Real, v.Train = r.startView(rb, false), r.startView(rb, true)
	return render(c, status, runbookPage(s.shellView(c, r.locale), v))
}

func (r crisesReader) bookStep(rb *runbooks.Runbook, i int) bookStep {
	step := &rb.Steps[i]
	v := bookStep{
		ID: step.ID, Number: digits(i + 1), Title: foreign(runbooks.Fill(step.Title.In(r.Code), r.holeWord), longestReason), Kind: r.T("runbooks.kind." + string(step.Kind)),
		Owner: foreign(step.Owner, longestName), Due: r.dueWords(step.Due), HTML: runbooks.HTML(step.Text.In(r.Code), r.holeWord),
	}
	if len(step.Needs) > 0 {
		v.Facts = append(v.Facts, r.T("runs.waits", "steps", strings.Join(r.stepNumbers(rb, step.Needs), ", ")))
	}
	for _, id := range slices.Sorted(maps.Keys(step.When)) {
		v.Facts = append(v.Facts, r.T("runbooks.step.when", "step", strings.Join(r.stepNumbers(rb, []string{id}), ""), "choice", r.choiceLabels(rb, id, step.When[id])))
	}
	switch {
	case step.Call != nil:
		v.Facts = append(v.Facts, step.Call.Method+" "+foreign(step.Call.URL, longestReason))
	case step.Signal != nil:
		v.Facts = append(v.Facts, r.awaited(step.Signal, func(text string) string { return runbooks.Fill(text, r.holeWord) }))
	case step.Kind == runbooks.Message:
		v.Facts = append(v.Facts, r.T("crises.send", "what", r.known("crises.step.", step.Message), "scenario", r.scenario(step.Scenario)))
	}
	for _, choice := range step.Choices {
		v.Facts = append(v.Facts, "→ "+foreign(runbooks.Fill(choice.Label.In(r.Code), r.holeWord), longestReason))
	}
	if ask := step.Evidence.In(r.Code); ask != "" {
		v.Facts = append(v.Facts, r.T("runbooks.step.evidence", "what", foreign(runbooks.Fill(ask, r.holeWord), longestReason)))
	}
	return v
}

// choiceLabels are the choices of a decision in words.
func (r crisesReader) choiceLabels(rb *runbooks.Runbook, step string, ids []string) string {
	labels := slices.Clone(ids)
	if s := rb.Step(step); s != nil {
		for i, id := range ids {
			if choice := s.Choice(id); choice != nil {
				labels[i] = runbooks.Fill(choice.Label.In(r.Code), r.holeWord)
			}
		}
	}
	return foreign(strings.Join(labels, ", "), longestReason)
}

// stepNumbers are steps as the page counts them: étape 2.
func (r crisesReader) stepNumbers(rb *runbooks.Runbook, ids []string) (names []string) {
	for _, id := range ids {
		i := slices.IndexFunc(rb.Steps, func(s runbooks.Step) bool { return s.ID == id })
		names = append(names, r.T("runs.step", "n", digits(i+1)))
	}
	return names
}

// dueWords is when a step is due, as it is written.
func (r crisesReader) dueWords(d runbooks.Due) string {
	switch {
	case !d.Set:
		return ""
	case d.Phase == "":
		return r.T("runbooks.due.start", "span", r.span(d.After))
	case d.After < 0:
		return r.T("runbooks.due.before", "span", r.span(-d.After), "phase", r.T("phase."+string(d.Phase)))
	case d.After == 0:
		return r.T("runbooks.due.at", "phase", r.T("phase."+string(d.Phase)))
	}
	return r.T("runbooks.due.after", "span", r.span(d.After), "phase", r.T("phase."+string(d.Phase)))
}

func (r crisesReader) startView(rb *runbooks.Runbook, drill bool) startView {
	v := startView{Drill: drill, Runbook: rb.ID, Holes: r.holes(rb, nil), Title: foreign(strings.TrimSpace(rb.Title.In(r.Code)), longestReason)}
	if strings.ContainsAny(v.Title, "{}") {
		v.Title = ""
	}
	if r.crises == nil {
		return v
	}
	for _, c := range r.crises.Current() {
		if c.Drill == drill {
			v.Crises = append(v.Crises, choiceView{Value: c.ID, Label: foreign(c.Title, longestReason)})
		}
	}
	return v
}

// id is of an element of the form: both are on one page.
func (v startView) id(name string) string {
	if v.Drill {
		return "drill-" + name
	}
	return "real-" + name
}

// startRun starts a runbook in a crisis, or in one that is opened for it.
func (s *Server) startRun(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	room := s.config.Runbooks
	if room == nil || s.config.Crises == nil {
		return echo.ErrNotFound
	}
	of, name := form.Get("crisis"), form.Get("runbook")
	show := s.renderRunbook
	c.SetParamNames("id")
	if c.SetParamValues(name); of != "" && s.config.Crises.Get(of) != nil {
		show = s.renderCrisis
		c.SetParamValues(of)
	}
	return s.crisesAct(c, crisesAct{what: DidStartRun, on: cut(name, 80), show: show, do: func(ctx context.Context, by string, form url.Values) (string, string, error) {
		r := s.crisesReader(c)
		start := runbooks.Start{Runbook: name, Crisis: of, Drill: form.Get("drill") == "1", Problem: form.Get("problem"), Labels: r.labelsOf(form)}
		if start.Problem != "" && r.snap.Find(start.Problem) == nil {
			return "", of, crisis.Invalid{Field: "problem", Reason: "is not known"}
		}
		if of == "" {
			made, err := r.newCrisis(form)
			if err != nil {
				return "", form.Get("title"), err
			}
			start.New = made
		}
		back, err := s.start(ctx, by, start)
		return back, strings.TrimSpace(of + " " + start.Problem), err
	}})
}

// start starts a run, and tells where it is. One that goes on already is where to go, too.
func (s *Server) start(ctx context.Context, by string, of runbooks.Start) (address string, err error) {
	if s.config.Runbooks == nil {
		return "", runbooks.ErrNotFound
	}
	run, err := s.config.Runbooks.Start(ctx, by, of)
	if running, ok := errors.AsType[*runbooks.RunningError](err); ok {
		return "/runs/" + running.Run + "?said=running", nil
	}
	if err != nil {
		return "", err
	}
	return "/runs/" + run.ID, nil
}

// holds says how long a condition has to hold; "": not at all.
func (r crisesReader) holds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return r.T("runs.signal.for", "span", r.span(d))
}

// awaited is what the board must show: errors (cdn akamai) below 2 %.
func (r crisesReader) awaited(sig *runbooks.Signal, fill func(string) string) string {
	where := make([]string, 0, len(sig.Where))
	for _, name := range slices.Sorted(maps.Keys(sig.Where)) {
		value := r.labelValue(name, fill(sig.Where[name]))
		if !strings.HasPrefix(value, "[") { // as [ISP]: that says already what it is of
			value = r.dimension(name) + nbsp + value
		}
		where = append(where, value)
	}
	what := r.signal(sig.Name)
	if len(where) > 0 {
		what += " (" + strings.Join(where, ", ") + ")"
	}
	key, limit := "runs.signal.above", 0.0
	switch {
	case sig.Above != nil:
		limit = *sig.Above
	case sig.Below != nil:
		key, limit = "runs.signal.below", *sig.Below
	}
	return strings.TrimSpace(r.T(key, "what", what, "limit", r.value(sig.Name, limit)) + " " + r.holds(sig.For))
}
