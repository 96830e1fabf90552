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
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// runView is a runbook while it is carried out, by all at once.
type runView struct {
	crisesPageView
	ID, URL, BookURL    string
	Crisis, CrisisTitle string // its address, and what it is called
	DrillWord           string
	Health              healthView
	Since, Lasts, Began string
	Lead, Ended         string
	Mini                runMini
	Next                string // id of the step that someone can do
	Intro               string // HTML
	Acts, Open, Whole   bool   // whole: nothing is left to do
	People              []choiceView
	Labels              []fieldView
	Lacks               string      // what nobody has said yet, and what waits for it
	Unsaid              []fieldView // to say it
	Steps               []stepView
}

// stepView is a step of a run.
type stepView struct {
	ID, URL, Number, Title string
	Kind, KindWord         string
	State                  string // a runbooks.Status, for how it is drawn
	Health                 healthView
	HTML                   string
	Owner, Holder          string
	Mine                   bool
	Due                    dueView
	DueWords               string // as it is written, where the moment is not known
	Waits                  string
	By                     string // done by X at 21:04
	Late, Evidence         string
	SendURL                string
	Ask                    string // the evidence that is asked for
	MustSay                bool
	Choices                []choiceView
	Chosen                 string
	Call                   callView
	Signal                 signalView
	Message                messageView
	Comments               []commentView
	CanTick, CanChoose     bool
	CanUndo, UndoWhy       bool // UndoWhy: with a reason alone
	CanSkip, CanTake       bool
	Folded                 bool // its text is behind a fold
	Next                   bool
	People                 []choiceView
}

// callView is the call of an automatic step.
type callView struct {
	Present         bool
	Target          string
	Health          healthView
	Text, Answer    string
	Lacks           string // what is to be said before it can be made
	CanCall, Repeat bool
}

// signalView is what an automatic step waits for.
type signalView struct {
	Present     bool
	Condition   string
	Value, Word string
	Class       string
}

// messageView is the message that a step waits for.
type messageView struct {
	Present            bool
	Title, State, Text string
	Class              string
	URL, Do            string
}

type commentView struct{ Who, At, Text string }

func (s *Server) showRun(c echo.Context) error { return s.renderRun(c, http.StatusOK, "") }

func (s *Server) renderRun(c echo.Context, status int, problem string) error {
	r := s.crisesReader(c)
	run := r.run(c.Param("id"))
	if run == nil {
		return echo.ErrNotFound
	}
	page, err := s.crisesPage(c, r, "run", "/crises")
	if err != nil {
		return err
	}
	v := r.newRun(run)
	v.crisesPageView, v.Problem, v.Drill = page, problem, run.Drill
	v.Title = v.Mini.Title
	return render(c, status, runPage(s.shellView(c, r.locale), v))
}

// run is the one with an id as it is now; nil: there is none.
func (r crisesReader) run(id string) *runbooks.View {
	if r.runs == nil || len(id) > 200 {
		return nil
	}
	return r.runs.View(id, r.now)
}

func (r crisesReader) newRun(run *runbooks.View) runView {
	v := runView{
		ID: run.ID, URL: "/runs/" + run.ID, BookURL: runbooks.Page + run.Runbook.ID, Crisis: "/crises/" + run.Crisis, CrisisTitle: foreign(run.Title, longestReason),
		Since: strconv.FormatInt(run.Started.UnixMilli(), 10), Lasts: countdown(max(0, r.now.Sub(run.Started))), Began: r.T("runs.began", "time", r.until(run.Started), "who", r.who(run.By)),
		Lead: r.T("crises.led", "who", r.who(run.Lead)), Mini: r.runMini(run), Next: run.Next, Open: run.Open(), Acts: r.acts() && run.Open(),
		Intro: r.unsaid(run.Run, run.HTML(run.Runbook.Intro.In(r.Code))), Whole: run.Open() && run.Done == run.Total,
	}
	if of := r.crisis(run.Crisis); of != nil {
		v.CrisisTitle = foreign(of.Title, longestReason)
	}
	v.Health = r.runHealth(run)
	if run.Drill {
		v.DrillWord = r.T("crises.drill")
	}
	if !v.Open {
		v.Lasts, v.Ended = countdown(run.Ended.Sub(run.Started)), r.T("runs.ended", "how", r.T("runbooks.end."+string(run.End)), "time", r.until(run.Ended), "who", r.who(run.EndBy))
	}
	if v.Acts {
		v.People = r.persons(run.Lead)
		for _, name := range run.Runbook.Asks() {
			field := fieldView{Name: "label-" + name, Label: r.dimension(name), Value: r.labelField(name, run.Labels[name]), Max: "100"}
			if v.Labels = append(v.Labels, field); run.Labels[name] == "" {
				v.Unsaid = append(v.Unsaid, field)
			}
		}
	}
	r.fillLacks(&v, run)
	for i := range run.Steps {
		v.Steps = append(v.Steps, r.stepView(run, i))
	}
	return v
}

// fillLacks says what nobody has said yet of a run that goes on, and which steps can neither call nor measure without it.
func (r crisesReader) fillLacks(v *runView, run *runbooks.View) {
	unsaid := run.Unsaid()
	if !v.Open || len(unsaid) == 0 {
		return
	}
	var wait []string
	for i := range run.Steps {
		if of := &run.Steps[i]; !of.Status.Over() && len(run.Lacks(of.Step)) > 0 {
			wait = append(wait, of.Step.ID)
		}
	}
	v.Lacks = r.T("runs.unsaid.what", "what", r.dimensions(unsaid))
	if len(wait) > 0 {
		v.Lacks = r.T("runs.unsaid.steps", "what", r.dimensions(unsaid), "steps", strings.Join(r.stepNumbers(run.Runbook, wait), ", "))
	}
}

func (r crisesReader) runHealth(run *runbooks.View) healthView {
	switch {
	case !run.Open():
		return healthView{Class: "fine", Word: r.T("runbooks.end." + string(run.End))}
	case run.Overdue > 0 && !run.Drill:
		return healthView{Class: "critical", Word: r.plural("crises.steps.overdue", run.Overdue)}
	case run.Overdue > 0:
		return healthView{Class: "unknown", Word: r.plural("crises.steps.overdue", run.Overdue)}
	case run.Drill:
		return healthView{Class: "unknown", Word: r.T("runs.state.open")}
	}
	return healthView{Class: "warning", Word: r.T("runs.state.open")}
}

func (r crisesReader) stepView(run *runbooks.View, i int) stepView {
	of := &run.Steps[i]
	step := of.Step
	v := stepView{
		ID: step.ID, URL: "/runs/" + run.ID + "/" + step.ID, Number: digits(i + 1), Title: r.filled(run.Run, step.Title.In(r.Code)),
		Kind: string(step.Kind), KindWord: r.T("runbooks.kind." + string(step.Kind)), State: string(of.Status), HTML: r.unsaid(run.Run, run.HTML(step.Text.In(r.Code))),
		Owner: foreign(step.Owner, longestName), Next: run.Next == step.ID, Folded: of.Status.Over() || of.Status == runbooks.Blocked || of.Status == runbooks.Undecided,
		DueWords: r.dueWords(step.Due),
	}
	v.Health = r.stepHealth(of, run.Drill)
	t := &of.Tick
	if t.Holder != "" && t.Done == nil {
		v.Holder, v.Mine = r.T("runs.held", "who", r.who(t.Holder), "time", r.until(t.Held)), t.Holder == r.user.Name
	}
	if !of.Due.IsZero() && !of.Status.Over() && run.Open() {
		v.Due, v.DueWords = r.due(r.T("runs.due", "time", r.until(of.Due)), "", of.Due), ""
	}
	if len(of.Missing) > 0 {
		key := "runs.waits"
		if of.Status == runbooks.Undecided {
			key = "runs.undecided"
		}
		v.Waits = r.T(key, "steps", strings.Join(r.stepNumbers(run.Runbook, of.Missing), ", "))
	}
	if of.Status == runbooks.NotApplicable {
		v.Waits = r.T("runs.not_applicable")
	}
	var mark *runbooks.Mark
	switch {
	case t.Done != nil:
		mark = t.Done
		v.By = r.T("runs.done", "who", r.who(mark.By), "time", r.at(mark.At))
		if mark.Send != "" {
			v.SendURL = "/sends/" + url.PathEscape(mark.Send)
		}
	case t.Skipped != nil:
		mark = t.Skipped
		v.By = r.T("runs.skipped", "who", r.who(mark.By), "time", r.at(mark.At))
	}
	if mark != nil {
		v.Evidence = foreignLines(mark.Note, runbooks.MaxText)
		if step.Signal != nil && mark.By == "" {
			if value, err := strconv.ParseFloat(mark.Note, 64); err == nil {
				v.Evidence = r.T("runs.signal.was", "value", r.value(step.Signal.Name, value))
			}
		}
	}
	if of.Late > 0 {
		v.Late = r.T("runs.late", "span", r.span(of.Late))
	}
	v.Ask = r.filled(run.Run, step.Evidence.In(r.Code))
	v.MustSay = v.Ask != ""
	if v.Ask == "" && step.Kind != runbooks.Manual && step.Kind != runbooks.Decision {
		v.MustSay, v.Ask = true, r.T("runs.how")
	}
	for _, choice := range step.Choices {
		v.Choices = append(v.Choices, choiceView{Value: choice.ID, Label: r.filled(run.Run, choice.Label.In(r.Code)), Chosen: t.Choice == choice.ID})
		if t.Choice == choice.ID {
			v.Chosen = v.Choices[len(v.Choices)-1].Label
		}
	}
	for _, said := range t.Comments {
		v.Comments = append(v.Comments, commentView{r.who(said.By), r.at(said.At), foreignLines(said.Text, runbooks.MaxText)})
	}
	v.Call, v.Signal, v.Message = r.callView(run, of), r.signalView(run, of), r.messageView(run, of)
	if !run.Open() || !r.acts() {
		return v
	}
	doable := of.Status == runbooks.Ready || of.Status == runbooks.Failed || of.Status == runbooks.Unknown || of.Status == runbooks.Running
	v.CanTick, v.CanChoose = doable && step.Kind != runbooks.Decision, doable && step.Kind == runbooks.Decision
	v.CanSkip = doable || of.Status == runbooks.Blocked || of.Status == runbooks.Undecided
	v.CanTake = !of.Status.Over()
	v.CanUndo = mark != nil
	v.UndoWhy = mark != nil && (mark.By != r.user.Name || r.now.Sub(mark.At) > time.Minute)
	v.Call.CanCall = step.Call != nil && v.Call.Lacks == "" && (of.Status == runbooks.Ready || of.Status == runbooks.Failed || of.Status == runbooks.Unknown)
	v.Call.Repeat = t.Call != nil
	v.People = r.persons(t.Holder)
	return v
}

// stepHealth is where a step stands as colour, shape and word.
func (r crisesReader) stepHealth(of *runbooks.StepView, drill bool) healthView {
	h := healthView{Class: "unknown", Word: r.T("runbooks.status." + string(of.Status))}
	switch {
	case of.Status.Over():
		h.Class = "fine"
	case of.Overdue > 0 && !drill:
		h.Class, h.Word = "critical", r.T("crises.overdue")
	case of.Overdue > 0:
		h.Word = r.T("crises.overdue")
	case of.Status == runbooks.Failed, of.Status == runbooks.Unknown:
		h.Class = "warning"
	}
	return h
}

func (r crisesReader) callView(run *runbooks.View, of *runbooks.StepView) callView {
	call := of.Step.Call
	if call == nil {
		return callView{}
	}
	v := callView{Present: true, Health: healthView{Class: "unknown", Word: r.T("runs.call.not_yet")}}
	if v.Target = r.T("runs.call.drill.none"); !run.Drill || call.DrillURL != "" {
		address := call.URL
		if run.Drill {
			address = call.DrillURL
		}
		v.Target = call.Method + " " + foreign(r.unsaid(run.Run, run.Address(address)), longestReason)
	}
	if lacks := run.Lacks(of.Step); len(lacks) > 0 && !of.Status.Over() {
		v.Lacks = r.T("runs.lacks", "what", r.dimensions(lacks))
	}
	made := of.Tick.Call
	if made == nil {
		return v
	}
	v.Health.Word = r.T("runs.call." + string(made.State))
	switch made.State {
	case runbooks.Answered:
		v.Health.Class = "fine"
	case runbooks.CallFailed, runbooks.CallUnknown:
		v.Health.Class = "warning"
	}
	v.Text = r.T("runs.call.by", "who", r.who(made.By), "time", r.at(made.At))
	if made.Status != 0 {
		v.Answer = digits(made.Status)
	}
	v.Answer = strings.TrimSpace(v.Answer + " " + foreign(made.Answer, longestReason))
	return v
}

func (r crisesReader) signalView(run *runbooks.View, of *runbooks.StepView) signalView {
	sig := of.Step.Signal
	if sig == nil {
		return signalView{}
	}
	v := signalView{Present: true, Condition: r.awaited(sig, func(text string) string { return r.filled(run.Run, text) }), Class: "unknown"}
	if of.Status.Over() {
		return v
	}
	if lacks := run.Lacks(of.Step); len(lacks) > 0 {
		v.Word = r.T("runs.lacks", "what", r.dimensions(lacks))
		return v
	}
	now, known := r.runs.Signal(run.Run, of.Step.ID)
	if !known {
		v.Word = r.T("runs.signal.unknown")
		return v
	}
	v.Value = r.T("runs.signal.now", "value", r.value(sig.Name, now.Value))
	v.Word = r.T("runs.signal.not_met")
	if sig.Met(now.Value) {
		v.Class, v.Word = "fine", r.T("runs.signal.met")
		if !now.Since.IsZero() {
			v.Word = r.T("runs.signal.since", "span", r.span(max(0, r.now.Sub(now.Since))), "time", r.until(now.Since))
		}
	}
	return v
}

func (r crisesReader) messageView(run *runbooks.View, of *runbooks.StepView) messageView {
	step := of.Step
	if step.Kind != runbooks.Message {
		return messageView{}
	}
	v := messageView{Present: true, Title: r.T("crises.send", "what", r.known("crises.step.", step.Message), "scenario", r.scenario(step.Scenario)), Class: "unknown"}
	for _, sent := range slices.Backward(r.sends.Of(run.Crisis)) {
		if sent.Rendered.Scenario == step.Scenario && string(sent.Rendered.Step) == step.Message && sent.State != send.Dropped {
			mini := r.sendMini(sent)
			v.State, v.Text, v.Class, v.URL, v.Do = mini.State, mini.Numbers, mini.Class, mini.URL, r.T("runs.message.see")
			return v
		}
	}
	if of.Status.Over() {
		return v
	}
	v.State = r.T("runs.message.none")
	d := send.Due{Crisis: run.Crisis, Scenario: step.Scenario, Step: message.Step(step.Message)}
	if r.acts() && run.Open() {
		v.URL, v.Do = prepareURL(&d), r.T("crises.prepare")
		if run.Drill {
			v.Do = r.T("crises.prepare.drill")
		}
	}
	return v
}

// clock is when phases of matches begin.
func (r crisesReader) clock() runbooks.Clock {
	if r.book == nil {
		return nil
	}
	return func(id string, phase match.Phase) (time.Time, bool) {
		for _, mark := range r.book.Timeline(id) {
			if mark.Phase == phase {
				return mark.At, true
			}
		}
		return time.Time{}, false
	}
}

// exportRun is a run as a file.
func (s *Server) exportRun(c echo.Context) error {
	r := s.crisesReader(c)
	run := r.run(c.Param("id"))
	if run == nil {
		return echo.ErrNotFound
	}
	e := runbooks.Report{Run: run.Run, Clock: r.clock(), Zone: r.zone, Lang: r.Code, Now: r.now, Say: func(key string) string {
		return cmp.Or(r.texts["runbooks."+key], key[strings.LastIndexByte(key, '.')+1:])
	}}
	return s.crisesFile(c, DidExportRun, "run-"+run.ID, map[string]fileFormat{"md": {"text/markdown; charset=utf-8", e.Markdown}, "json": {"application/json", e.JSON}})
}
