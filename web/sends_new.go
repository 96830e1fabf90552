package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// newSendView is the form with which a send is prepared: which crisis, which message, with which values, to whom.
// Nothing is kept before its button is pressed.
type newSendView struct {
	sendsPageView
	Crisis    string // id of the one that was chosen
	CrisisRow crisisChoice
	Crises    []crisisChoice
	Scenarios []scenarioChoice
	NoneReady string
	Form      *sendForm // nil: no message is chosen yet
}

type crisisChoice struct {
	ID, Title, Since, URL, Word string
	Drill                       bool
	Hit                         []labelView
}

// scenarioChoice is a scenario with its messages: those that may be sent are links, the others say what is missing.
type scenarioChoice struct {
	ID, Title, About string
	Fits             bool // its labels are the crisis's
	Steps            []stepChoice
}

type stepChoice struct {
	Name, URL, Why string // URL "": it may not be sent, Why says what is missing
	Due            bool
}

// sendForm is all that a person chooses of one message.
type sendForm struct {
	Once, Crisis, Scenario, Step string
	Title, StepName              string
	Message                      string // the form's address, for another message
	Verb                         string
	Variables                    []variableView
	Next                         *variableView // when the next message is promised; nil: none is
	Audience                     *audienceForm // nil: it goes to who got the initial one, or to nobody in person
	Follows                      string        // to whom it goes where it follows another
	Channels                     []choiceView
	Preview                      draftPreview
	Open                         string // another one of the same is prepared already: its address
	OpenText                     string
}

// variableView is a variable's typed input.
type variableView struct {
	Name, Label, Hint, Problem string
	Kind                       string // time, minutes, number, choice, list, text, url
	Value, Placeholder         string
	Choices                    []choiceView
	Typed                      bool     // of a time: it is Value, none of Choices
	Offered                    []string // for a datalist
	Live                       string   // what the board says now, and as of when
	Focus                      bool     // it is what the reader has to mend first
}

// audienceForm is who an initial message goes to in person.
type audienceForm struct {
	Chosen    string // own, segment, hit
	Own       string // what the scenario says
	Segments  []choiceView
	CDN       string
	ISP       string
	Channel   string
	Device    string
	From, To  string
	Suffered  bool
	Drill     string // an exercise goes to the house's own people
	NoReading string
}

// draftPreview is what would be said, and to how many.
type draftPreview struct {
	Problems []string
	Findings []lintView
	Looks    []lookGroup
	Reach    []reachView
	ReachWhy string // why nothing can be said of them
	Notes    []noteView
	Wrong    []noteView // what is wrong with each field; "": nothing
	Next     string
	Ready    bool
	At       string
}

// noteView is what is said beside a field: the board's value grows old while the form is open.
type noteView struct{ ID, Text string }

// reachView is how many a channel would reach, and who is left out.
type reachView struct {
	Name, Size string
	Left       []sendFact
	Cost, Note string
}

// Line is what it costs and how long it takes.
func (v reachView) Line() string { return strings.Trim(v.Cost+" · "+v.Note, " ·") }

func (s *Server) showNewSend(c echo.Context) error {
	return s.renderNewSend(c, http.StatusOK, c.QueryParams(), "")
}

func (s *Server) renderNewSend(c echo.Context, status int, q url.Values, problem string) error {
	r := s.sendsReader(c)
	page, err := s.sendsPage(c, r, "new")
	if err != nil {
		return err
	}
	v := newSendView{sendsPageView: page}
	v.Problem = problem
	switch {
	case r.sends == nil || r.library == nil:
		v.Nothing = r.T("sends.none.configured")
	case r.crises == nil:
		v.Nothing = r.T("sends.none.crises")
	default:
		status = max(status, r.fillNew(c.Request().Context(), &v, q))
	}
	if problem != "" && v.Form != nil {
		v.Form.focus()
	}
	return render(c, status, newSendPage(s.shellView(c, r.locale), v))
}

// focus is on the first field that something is wrong with.
func (f *sendForm) focus() {
	for i := range f.Variables {
		if f.Variables[i].Problem != "" {
			f.Variables[i].Focus = true
			return
		}
	}
	if f.Next != nil {
		f.Next.Focus = f.Next.Problem != ""
	}
}

// fillNew shows as much of the form as was chosen.
func (r sendsReader) fillNew(ctx context.Context, v *newSendView, q url.Values) (status int) {
	chosen := r.crisis(q.Get("crisis"))
	for _, c := range r.crises.Current() {
		v.Crises = append(v.Crises, r.crisisChoice(c))
	}
	if chosen == nil {
		return http.StatusOK
	}
	v.Crisis, v.CrisisRow, v.Drill = chosen.ID, r.crisisChoice(chosen), chosen.Drill
	step := message.Step(q.Get("step"))
	if e := r.entry(q.Get("scenario")); e != nil && slices.Contains(message.Steps(), step) && e.Scenario.Messages[step] != nil {
		form, err := r.form(ctx, chosen, e, step, q)
		if err == nil {
			v.Form = form
			return http.StatusOK
		}
		v.Problem = r.sendProblem(err)
		status = statusOf(sendStatus(err))
	}
	v.Scenarios = r.scenarios(chosen, step)
	if len(v.Scenarios) == 0 {
		v.NoneReady = r.T("sends.new.no_messages")
	}
	return status
}

func (r sendsReader) crisisChoice(c *crisis.Crisis) crisisChoice {
	v := crisisChoice{ID: c.ID, Title: foreign(c.Title, longestTitle), Since: r.since(c.Began), URL: newSendURL(c, "", ""), Drill: c.Drill, Hit: r.labels(c.Labels)}
	if c.Drill {
		v.Word = r.T("send.drill.word")
	}
	if !c.Open() {
		v.Since = r.T("sends.new.over", "time", r.until(c.Ended))
	}
	return v
}

// scenarios are all, those first whose labels are the crisis's. Where a step is asked for, it is marked.
func (r sendsReader) scenarios(c *crisis.Crisis, asked message.Step) (out []scenarioChoice) {
	said := map[string]bool{} // scenarios of which something was confirmed
	for _, of := range r.sends.Of(c.ID) {
		if of.Rendered.Step == message.Initial && !of.Confirmed.IsZero() {
			said[of.Rendered.Scenario] = true
		}
	}
	due := map[string]bool{}
	for _, d := range r.sends.Due(c, r.now) {
		due[d.Scenario+"/"+string(d.Step)] = true
	}
	for _, e := range r.library.All() {
		v := scenarioChoice{ID: e.Scenario.ID, Title: r.words(e.Scenario.Title, e.Scenario.ID), About: foreign(e.Scenario.About.In(r.Code), 300), Fits: said[e.Scenario.ID] || fits(e.Scenario.When, c.Labels)}
		for _, step := range message.Steps() {
			if e.Scenario.Messages[step] == nil {
				continue
			}
			choice := stepChoice{Name: r.step(step), Due: due[e.Scenario.ID+"/"+string(step)] || step == asked}
			switch state := e.State(step, c.Match, r.now); {
			case step.Follows() && !said[e.Scenario.ID]:
				choice.Why = r.T("sends.new.no_initial")
			case c.Drill && state != library.Retired, state == library.Armed:
				choice.URL = newSendURL(c, e.Scenario.ID, string(step))
			default:
				choice.Why = r.known("library.state.", string(state))
			}
			v.Steps = append(v.Steps, choice)
		}
		if len(v.Steps) > 0 {
			out = append(out, v)
		}
	}
	slices.SortStableFunc(out, func(a, b scenarioChoice) int {
		switch {
		case a.Fits == b.Fits:
			return 0
		case a.Fits:
			return -1
		}
		return 1
	})
	return out
}

// fits tells whether a scenario is meant for what is hit: each label that it names is there, with that value where it
// names one.
func fits(when, labels map[string]string) bool {
	for name, value := range when {
		if labels[name] == "" || value != "*" && !strings.EqualFold(value, labels[name]) {
			return false
		}
	}
	return len(when) > 0
}

// form is the form of one message, filled in with what was typed, or with what is likely.
func (r sendsReader) form(ctx context.Context, c *crisis.Crisis, e *library.Entry, step message.Step, q url.Values) (*sendForm, error) {
	d, wrong := r.draft(c, e, step, q)
	p, err := r.previewed(ctx, &d, &wrong)
	if err != nil {
		return nil, err
	}
	of := &p.Content.Scenario
	f := &sendForm{
		Once: cmp.Or(cut(q.Get("once"), 40), rand.Text()), Crisis: c.ID, Scenario: e.Scenario.ID, Step: string(step), Title: r.words(of.Title, of.ID), StepName: r.step(step),
		Message: newSendURL(c, "", ""), Verb: r.T("sends.new.do"),
	}
	if c.Drill {
		f.Verb = r.T("sends.new.do.drill")
	}
	zone := r.matchZone(c)
	for _, name := range of.Uses(step) {
		if v := of.Variables[name]; v != nil && v.Live != "next_by" { // what is promised is asked for once
			if v.Type == message.Time {
				f.Variables = append(f.Variables, r.timeInput(name, r.words(v.Label, name), r.usualTime(c, of, step, name), tenseOf(v), q, zone))
			} else {
				f.Variables = append(f.Variables, r.variable(name, v, p.Values[name], q))
			}
		}
	}
	if !p.NextBy.IsZero() {
		usual := p.NextBy
		if !d.NextBy.IsZero() {
			usual = promised(r.now.Add(cmp.Or(of.Timing.Every, 30*time.Minute)))
		}
		next := r.timeInput("next", r.T("sends.new.next"), usual, future, q, zone)
		next.Hint = r.T("sends.new.next.hint")
		f.Next = &next
	}
	personal := false
	chosen := map[string]bool{}
	for _, id := range q["channel"] {
		chosen[id] = true
	}
	for _, a := range p.Accounts {
		personal = personal || a.Kind.Personal()
		f.Channels = append(f.Channels, choiceView{
			Value: a.ID, Label: foreign(cmp.Or(a.Name, a.ID), longestName), Hint: r.channel(string(a.Kind)), Chosen: !q.Has("crisis_form") || chosen[a.ID],
		})
	}
	switch {
	case p.Previous != nil:
		f.Follows = r.T("sends.new.follows", "time", r.until(p.Previous.Confirmed))
	case personal:
		f.Audience = r.audienceForm(c, of, d, q)
	}
	for _, other := range r.sends.Of(c.ID) {
		if other.Rendered.Scenario == f.Scenario && other.Rendered.Step == step && (other.State == send.Prepared || other.State == send.Checked) {
			f.Open, f.OpenText = "/sends/"+other.ID, r.T("sends.new.open", "who", r.preparer(other), "time", r.until(other.At))
		}
	}
	f.Preview = r.preview(ctx, c, d, p, &wrong)
	for i := range f.Variables {
		f.Variables[i].Problem = wrong.at(f.Variables[i].Name)
	}
	if f.Next != nil {
		f.Next.Problem = wrong.at("next")
	}
	return f, nil
}

// previewed is what a draft would make. A promise that cannot be given is told at its field: the rest is seen all the
// same.
func (r sendsReader) previewed(ctx context.Context, d *send.Draft, wrong *wrongs) (*send.Preview, error) {
	p, err := r.sends.Preview(ctx, *d)
	if errors.Is(err, send.ErrPromise) && !d.NextBy.IsZero() {
		wrong.add("next", r.T("sends.new.next"), r.T("send.bad.promise"))
		d.NextBy = time.Time{}
		return r.sends.Preview(ctx, *d)
	}
	return p, err
}

// usualTime is what a time is when nobody says otherwise; zero: nothing is.
func (r sendsReader) usualTime(c *crisis.Crisis, of *message.Scenario, step message.Step, name string) time.Time {
	if of.Variables[name].Live == "began" {
		return c.Began
	}
	t, _ := time.Parse(time.RFC3339, of.Prefill(step, r.now)[name])
	return t
}

// previewSend renders the form as it stands, and keeps nothing.
func (s *Server) previewSend(c echo.Context) error {
	q, err := formOf(c)
	if err != nil {
		return err
	}
	r := s.sendsReader(c)
	of, e := r.crisis(q.Get("crisis")), r.entry(q.Get("scenario"))
	step := message.Step(q.Get("step"))
	if of == nil || e == nil || !slices.Contains(message.Steps(), step) {
		return echo.ErrNotFound
	}
	d, wrong := r.draft(of, e, step, q)
	v := draftPreview{}
	p, err := r.previewed(c.Request().Context(), &d, &wrong)
	if err != nil {
		if statusOf(sendStatus(err)) >= http.StatusInternalServerError {
			return sendStatus(err)
		}
		v.Problems = []string{r.sendProblem(err)}
	} else {
		v = r.preview(c.Request().Context(), of, d, p, &wrong)
	}
	return render(c, http.StatusOK, draftPreviewParts(s.shellView(c, r.locale), v))
}

// madeOnce is what a form made: the same form sent twice makes one send.
type madeOnce struct {
	at   time.Time
	done chan struct{}
	id   string
}

const (
	madeFor     = 30 * time.Minute
	prepareTime = 25 * time.Second // lists of hundreds of thousands of people are frozen
)

// prepareSend makes the send of the form, once.
func (s *Server) prepareSend(c echo.Context) error {
	q, err := formOf(c)
	if err != nil {
		return err
	}
	r := s.sendsReader(c)
	of, e := r.crisis(q.Get("crisis")), r.entry(q.Get("scenario"))
	step := message.Step(q.Get("step"))
	if of == nil || e == nil || !slices.Contains(message.Steps(), step) || len(q.Get("once")) < 10 || len(q.Get("once")) > 40 {
		return echo.ErrBadRequest
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), prepareTime)
	defer cancel()
	once, mine := s.sendsKept.once(r.user.Name + " " + q.Get("once"))
	if !mine {
		select {
		case <-once.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if once.id != "" {
			return c.Redirect(http.StatusSeeOther, "/sends/"+once.id)
		}
		return s.renderNewSend(c, http.StatusConflict, q, r.T("send.bad.twice"))
	}
	defer close(once.done)
	d, wrong := r.draft(of, e, step, q)
	var made *send.Send
	if !wrong.none() {
		err = fmt.Errorf("%w: %s", errDraft, strings.Join(r.sentences(&wrong), " "))
	} else {
		made, err = s.config.Sends.Prepare(ctx, r.user.Name, d)
	}
	on := of.ID + " " + e.Scenario.ID + " " + string(step)
	if made != nil {
		once.id, on = made.ID, made.ID+" "+on
	}
	err = draftStatus(err)
	s.did(c, DidPrepareSend, cut(on, maxAudited), err)
	if err == nil {
		return c.Redirect(http.StatusSeeOther, "/sends/"+made.ID)
	}
	s.sendsKept.lose(r.user.Name + " " + q.Get("once"))
	if statusOf(err) >= http.StatusInternalServerError {
		s.log.Error("a send is not prepared", "crisis", of.ID, "scenario", e.Scenario.ID, "error", err)
	}
	problem := r.sendProblem(err)
	if p, err := r.previewed(ctx, &d, &wrong); err == nil { // whatever was found first, all is told at once
		r.valueProblems(&wrong, &p.Content.Scenario, p.Values, p.Problem)
	}
	if !wrong.none() {
		problem = r.T("sends.new.not", "why", strings.Join(r.sentences(&wrong), " "))
	}
	return s.renderNewSend(c, statusOf(err), q, problem)
}

var errDraft = echo.NewHTTPError(http.StatusUnprocessableEntity, "the form cannot be read")

func draftStatus(err error) error {
	if errors.Is(err, errDraft) {
		return err
	}
	return sendStatus(err)
}

// once is what a form made, or makes now; mine: the caller makes it.
func (k *sendsKept) once(key string) (m *madeOnce, mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for name, of := range k.made {
		if now.Sub(of.at) > madeFor || len(k.made) > 1000 {
			delete(k.made, name)
		}
	}
	if m := k.made[key]; m != nil {
		return m, false
	}
	if k.made == nil {
		k.made = map[string]*madeOnce{}
	}
	m = &madeOnce{at: now, done: make(chan struct{})}
	k.made[key] = m
	return m, true
}

func (k *sendsKept) lose(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.made, key)
}
