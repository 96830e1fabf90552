package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/internal/match"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
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
	Offered                    []string // for a datalist
	Usual                      string   // of a time: what it is when nothing is chosen
	Live                       string   // what the board says now, and as of when
	Max                        string
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
	return render(c, status, newSendPage(s.shellView(c, r.locale), v))
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
	p, err := r.sends.Preview(ctx, d)
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
			f.Variables = append(f.Variables, r.variable(name, v, p.Values[name], q, zone))
		}
	}
	if !p.NextBy.IsZero() {
		next := r.timeInput("next", r.T("sends.new.next"), p.NextBy.Format(time.RFC3339), q, zone)
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
	f.Preview = r.preview(ctx, c, d, p, wrong)
	return f, nil
}

// matchZone is where times of a crisis's texts are told.
func (r sendsReader) matchZone(c *crisis.Crisis) *time.Location {
	if r.book != nil && c.Match != "" {
		if m := r.book.Find(c.Match); m != nil {
			return m.Zone()
		}
	}
	return r.zone
}

// Inputs of a form. Those of a variable are v.NAME, of a time also in.NAME: minutes from now.
func valueOf(q url.Values, name string) string { return strings.TrimSpace(cut(q.Get("v."+name), 500)) }

// sooner are the minutes that a time is chosen by with one touch.
var sooner = []int{10, 20, 30}

func (r sendsReader) timeInput(name, label, value string, q url.Values, zone *time.Location) variableView {
	v := variableView{Name: name, Label: label, Kind: "time", Value: valueOf(q, name)}
	in := q.Get("in." + name)
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		v.Usual = hour(t.Truncate(time.Minute), zone)
	}
	if v.Usual != "" {
		v.Choices = append(v.Choices, choiceView{Value: "", Label: r.T("sends.new.time.usual"), Hint: v.Usual, Chosen: in == ""})
	}
	for _, n := range sooner {
		at := r.now.Add(time.Duration(n) * time.Minute)
		v.Choices = append(v.Choices, choiceView{Value: strconv.Itoa(n), Label: r.T("sends.new.time.in", "n", strconv.Itoa(n)), Hint: hour(promised(at), zone), Chosen: in == strconv.Itoa(n)})
	}
	v.Choices = append(v.Choices, choiceView{Value: "at", Label: r.T("sends.new.time.at"), Chosen: in == "at"})
	return v
}

// promised is a moment as people say one: the nearest multiple of five minutes that is not sooner.
func promised(t time.Time) time.Time {
	if down := t.Truncate(5 * time.Minute); down.Before(t) {
		return down.Add(5 * time.Minute)
	}
	return t
}

func (r sendsReader) variable(name string, of *message.Variable, value string, q url.Values, zone *time.Location) variableView {
	label := r.words(of.Label, name)
	if of.Type == message.Time {
		return r.timeInput(name, label, value, q, zone)
	}
	v := variableView{Name: name, Label: label, Value: valueOf(q, name), Kind: "text"}
	switch of.Type {
	case message.Duration:
		v.Kind, v.Hint = "minutes", r.T("sends.new.minutes")
		if d, err := time.ParseDuration(value); err == nil && v.Value == "" {
			v.Placeholder = strconv.Itoa(int(math.Round(d.Minutes())))
		}
	case message.Number, message.About:
		v.Kind, v.Placeholder = "number", value
	case message.URL:
		v.Kind = "url"
		v.Offered = append(slices.Clone(of.Allow), r.limits.House...)
		v.Placeholder = value
		if v.Value == "" {
			v.Value = value
		}
	default:
		if len(of.Values) == 0 {
			v.Placeholder = value
			break
		}
		v.Kind = "choice"
		if len(of.Values) > 6 {
			v.Kind = "list"
		}
		at := cmp.Or(v.Value, value)
		if v.Kind == "list" && at == "" {
			v.Choices = append(v.Choices, choiceView{Label: r.T("sends.new.choose"), Chosen: true})
		}
		for _, choice := range of.Values {
			v.Choices = append(v.Choices, choiceView{Value: choice.ID, Label: r.words(choice.Words, choice.ID), Chosen: at == choice.ID})
		}
	}
	if of.Live != "" {
		v.Live = r.live(value)
	}
	return v
}

// live says what the board gives, and as of when. A board that is late says so.
func (r sendsReader) live(value string) string {
	switch {
	case value == "":
		return r.T("sends.new.live.none")
	case r.board == nil:
		return r.T("sends.new.live.still", "value", foreign(r.readable(value), longestName))
	}
	return r.T("sends.new.live", "value", foreign(r.readable(value), longestName), "time", clock(r.board.At, r.zone), "age", r.span(r.now.Sub(r.board.At)))
}

// readable writes a value of a form as people read it.
func (r sendsReader) readable(value string) string {
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		if n == math.Trunc(n) {
			return r.fixed(n, 0)
		}
		return r.three(n)
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return hour(t.Truncate(time.Minute), r.zone)
	}
	return value
}

func (r sendsReader) audienceForm(c *crisis.Crisis, of *message.Scenario, d send.Draft, q url.Values) *audienceForm {
	f := &audienceForm{Chosen: cmp.Or(q.Get("aud"), "own")}
	own := of.Audience
	switch {
	case c.Drill:
		f.Drill = r.T("sends.new.audience.drill")
		return f
	case r.contacts == nil:
		f.NoReading = r.T("send.bad.no_audience")
		return f
	case own == message.Impact || own == "":
		if q.Get("aud") == "" {
			f.Chosen = "hit"
		}
	default:
		f.Own = own
		if s := r.contacts.Segment(own); s != nil {
			f.Own = foreign(s.Name, longestName)
		}
	}
	for _, s := range r.contacts.Segments() {
		f.Segments = append(f.Segments, choiceView{Value: s.ID, Label: foreign(s.Name, longestName), Chosen: q.Get("segment") == s.ID})
	}
	h := r.hitOf(c, q)
	f.CDN, f.ISP, f.Channel, f.Device, f.Suffered = h.CDN, h.ISP, h.Channel, h.Device, h.Suffered
	f.From, f.To = h.From.In(r.zone).Format(inputMinute), h.To.In(r.zone).Format(inputMinute)
	return f
}

// hitOf is what was hit: as it was typed, or as the crisis says.
func (r sendsReader) hitOf(c *crisis.Crisis, q url.Values) audience.Hit {
	h := audience.Hit{From: c.Began, To: r.now.Truncate(time.Minute), Suffered: true}
	if !c.Ended.IsZero() {
		h.To = c.Ended
	}
	if h.To.Sub(h.From) > 6*time.Hour {
		h.From = h.To.Add(-6 * time.Hour)
	}
	h.CDN, h.ISP, h.Channel, h.Device = c.Labels["cdn"], c.Labels["isp"], c.Labels["channel"], c.Labels["device"]
	if !q.Has("hit.from") {
		return h
	}
	h.CDN, h.ISP, h.Channel, h.Device = cut(q.Get("hit.cdn"), 100), cut(q.Get("hit.isp"), 100), cut(q.Get("hit.channel"), 100), cut(q.Get("hit.device"), 100)
	h.Suffered = q.Get("hit.suffered") != ""
	if t, err := time.ParseInLocation(inputMinute, q.Get("hit.from"), r.zone); err == nil {
		h.From = t
	}
	if t, err := time.ParseInLocation(inputMinute, q.Get("hit.to"), r.zone); err == nil {
		h.To = t
	}
	return h
}

// draft reads the form. What cannot be read is said in wrong.
func (r sendsReader) draft(c *crisis.Crisis, e *library.Entry, step message.Step, q url.Values) (d send.Draft, wrong []string) {
	d = send.Draft{Crisis: c.ID, Scenario: e.Scenario.ID, Step: step, Values: map[string]string{}}
	zone := r.matchZone(c)
	moment := func(name, label string) time.Time {
		in := q.Get("in." + name)
		if in == "at" {
			if valueOf(q, name) == "" {
				return time.Time{}
			}
			t, err := typedTime(valueOf(q, name), zone, r.now)
			if err != nil {
				wrong = append(wrong, r.T("sends.new.bad.time", "label", label))
				return time.Time{}
			}
			return t
		}
		n, err := strconv.Atoi(in)
		if err != nil || n < 1 || n > 24*60 {
			return time.Time{}
		}
		return promised(r.now.Add(time.Duration(n) * time.Minute))
	}
	for _, name := range e.Scenario.Uses(step) {
		of := e.Scenario.Variables[name]
		if of == nil {
			continue
		}
		label := r.words(of.Label, name)
		typed := valueOf(q, name)
		switch of.Type {
		case message.Time:
			typed = ""
			if t := moment(name, label); !t.IsZero() {
				typed = t.Format(time.RFC3339)
			}
		case message.Duration:
			if typed != "" {
				n, err := strconv.Atoi(typed)
				if err != nil {
					wrong = append(wrong, r.T("sends.new.bad.minutes", "label", label))
					continue
				}
				typed = strconv.Itoa(n) + "m"
			}
		case message.Number, message.About:
			typed = plainNumber(typed)
		}
		if typed != "" {
			d.Values[name] = typed
		}
	}
	d.NextBy = moment("next", r.T("sends.new.next"))
	if q.Has("crisis_form") {
		d.Channels = slices.Clone(q["channel"])
		if len(d.Channels) == 0 {
			wrong = append(wrong, r.T("send.bad.no_channel"))
		}
		if len(d.Channels) > 50 {
			d.Channels = d.Channels[:50]
		}
	}
	if step.Follows() || c.Drill {
		return d, wrong
	}
	asked := q.Get("aud")
	if asked == "" && (e.Scenario.Audience == message.Impact || e.Scenario.Audience == "") {
		asked = "hit"
	}
	switch asked {
	case "segment":
		d.Segment = cut(q.Get("segment"), 80)
		if d.Segment == "" {
			wrong = append(wrong, r.T("send.bad.no_list"))
		}
	case "hit":
		h := r.hitOf(c, q)
		d.Hit = &h
		if err := h.Check(); err != nil {
			wrong = append(wrong, r.problemsOf(err)...)
		}
	}
	return d, wrong
}

// plainNumber is a number as it is typed in French or in English: 12 000, 3,5.
func plainNumber(text string) string {
	text = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "").Replace(text)
	if strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		if _, after, _ := strings.Cut(text, ","); len(after) != 3 {
			return strings.Replace(text, ",", ".", 1)
		}
	}
	return strings.ReplaceAll(text, ",", "")
}

// problemsOf are the mistakes of an error, each in a sentence.
func (r sendsReader) problemsOf(err error) (all []string) {
	switch of := err.(type) {
	case nil:
	case *match.Problem:
		return r.said.problems(of)
	case interface{ Unwrap() []error }:
		for _, one := range of.Unwrap() {
			all = append(all, r.problemsOf(one)...)
		}
	case interface{ Unwrap() error }:
		return r.problemsOf(of.Unwrap())
	}
	return all
}

// preview is what would be said now, and to how many.
func (r sendsReader) preview(ctx context.Context, c *crisis.Crisis, d send.Draft, p *send.Preview, wrong []string) draftPreview {
	v := draftPreview{Problems: wrong, At: r.at(r.now), Looks: r.looks(p.Rendered, p.Accounts, d.Channels)}
	v.Problems = append(v.Problems, r.problemsOf(p.Problem)...)
	for i := range p.Findings {
		if f := &p.Findings[i]; f.Level == message.Wrong || f.Kind == "" || slices.ContainsFunc(p.Accounts, func(a send.Account) bool { return a.Kind == f.Kind && chosenAccount(d.Channels, a.ID) }) {
			v.Findings = append(v.Findings, r.said.finding(f))
		}
	}
	for _, name := range p.Content.Scenario.Uses(d.Step) {
		if of := p.Content.Scenario.Variables[name]; of != nil && of.Live != "" && d.Values[name] == "" {
			v.Notes = append(v.Notes, noteView{"note-" + name, r.live(p.Values[name])})
		}
	}
	if !p.NextBy.IsZero() {
		v.Next = r.T("send.next_by", "time", hour(p.NextBy, r.matchZone(c)))
	}
	r.fillReach(ctx, &v, c, d, p)
	v.Ready = p.Rendered != nil && len(wrong) == 0
	return v
}

func chosenAccount(chosen []string, id string) bool {
	return len(chosen) == 0 || slices.Contains(chosen, id)
}

// estimateKept is what an estimate said: while somebody types, the database is not asked for each letter.
type estimateKept struct {
	at  time.Time
	of  *audience.Estimate
	hit *audience.Impact
	err error
}

const estimateFor = 30 * time.Second

// kept asks once for what is asked again soon.
func (r sendsReader) estimate(key string, ask func() (*audience.Estimate, *audience.Impact, error)) estimateKept {
	r.kept.mu.Lock()
	had, ok := r.kept.counts[key]
	r.kept.mu.Unlock()
	if ok && r.now.Sub(had.at) < estimateFor {
		return had
	}
	had = estimateKept{at: r.now}
	had.of, had.hit, had.err = ask()
	r.kept.mu.Lock()
	defer r.kept.mu.Unlock()
	if r.kept.counts == nil || len(r.kept.counts) > 500 {
		r.kept.counts = map[string]estimateKept{}
	}
	r.kept.counts[key] = had
	return had
}

func (r sendsReader) fillReach(ctx context.Context, v *draftPreview, c *crisis.Crisis, d send.Draft, p *send.Preview) {
	personal := slices.DeleteFunc(slices.Clone(p.Accounts), func(a send.Account) bool { return !a.Kind.Personal() || !chosenAccount(d.Channels, a.ID) })
	switch {
	case len(personal) == 0:
		return
	case p.Previous != nil:
		r.reachPrevious(v, p, personal)
		return
	case r.contacts == nil:
		v.ReachWhy = r.T("send.bad.no_audience")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	segment := r.contacts.Segment(p.Audience.Segment)
	if c.Drill {
		if segment = r.contacts.Canary(); segment == nil {
			v.ReachWhy = r.T("send.bad.no_canary")
			return
		}
	}
	switch {
	case !c.Drill && p.Audience.Hit != nil:
		h := *p.Audience.Hit
		if h.Check() != nil {
			return
		}
		v.ReachWhy = r.impactOf(ctx, h)
	case segment == nil:
		v.ReachWhy = r.T("send.bad.no_list")
	default:
		got := r.estimate(fmt.Sprintf("segment %s %d", segment.ID, segment.Updated.UnixNano()), func() (*audience.Estimate, *audience.Impact, error) {
			e, err := r.contacts.Estimate(ctx, segment.Where, nil)
			return e, nil, err
		})
		if got.err != nil {
			v.ReachWhy = r.T("audience.away")
			return
		}
		for _, a := range personal {
			v.Reach = append(v.Reach, r.reach(a, got.of, p.Rendered))
		}
	}
}

// impactOf says how many a hit is about, and how many of them can be told.
func (r sendsReader) impactOf(ctx context.Context, h audience.Hit) string {
	got := r.estimate(fmt.Sprintf("hit %+v", h), func() (*audience.Estimate, *audience.Impact, error) {
		i, err := r.contacts.Impact(ctx, h)
		return nil, i, err
	})
	switch {
	case errors.Is(got.err, audience.ErrNoBeacons):
		return r.T("audience.hit.no_beacons")
	case got.err != nil:
		return r.T("audience.away")
	case got.hit.Sessions == 0:
		return r.T("audience.hit.nobody")
	}
	text := r.T("audience.hit.size", "viewers", r.about(got.hit.Viewers), "sessions", r.all(got.hit.Sessions), "tool", foreign(got.hit.Tool, longestName))
	if got.hit.Sampled > 1.05 {
		text += " " + r.T("audience.hit.sampled", "n", r.three(got.hit.Sampled))
	}
	if !got.hit.Mapped {
		text += " " + r.T("audience.hit.unmapped")
	}
	return text
}

func (r sendsReader) reach(a send.Account, of *audience.Estimate, rendered *message.Rendered) reachView {
	reach := of.SMS
	if a.Kind == channel.Email {
		reach = of.Email
	}
	v := reachView{Name: foreign(cmp.Or(a.Name, a.ID), longestName), Size: r.plural("send.people", reach.Size)}
	for _, left := range []struct {
		key string
		n   int
	}{{"disagreed", reach.Disagreed}, {"suppressed", reach.Suppressed}, {"unreached", reach.Unreached}, {"repeated", reach.Repeated}} {
		if left.n > 0 {
			v.Left = append(v.Left, sendFact{r.T("send.left." + left.key), r.all(left.n)})
		}
	}
	if rendered != nil && a.Price > 0 {
		units := 0
		for lang, n := range reach.ByLang {
			out, ok := rendered.Texts[a.Kind][lang]
			if !ok {
				out = rendered.Texts[a.Kind]["fr"]
			}
			units += n * max(1, out.Measure.Segments)
		}
		v.Cost = r.T("sends.new.cost", "cost", r.said.money(float64(units)*a.Price))
	}
	if a.Rate > 0 && reach.Size > 0 {
		v.Note = r.T("sends.new.takes", "span", r.span(time.Duration(float64(reach.Size)/a.Rate*float64(time.Second))), "rate", r.three(a.Rate))
	}
	return v
}

// reachPrevious is who got what this follows.
func (r sendsReader) reachPrevious(v *draftPreview, p *send.Preview, personal []send.Account) {
	progress := r.sends.Progress(p.Previous.ID)
	for _, a := range personal {
		for i := range p.Previous.Legs {
			if p.Previous.Legs[i].Channel == a.ID && i < len(progress.Legs) {
				size := r.plural("send.people", progress.Legs[i].Reached())
				if !progress.Known {
					size = missing
				}
				v.Reach = append(v.Reach, reachView{Name: foreign(cmp.Or(a.Name, a.ID), longestName), Size: size, Note: r.T("sends.new.follows.got")})
			}
		}
	}
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
	p, err := r.sends.Preview(c.Request().Context(), d)
	if err != nil {
		if statusOf(sendStatus(err)) >= http.StatusInternalServerError {
			return sendStatus(err)
		}
		v.Problems = []string{r.sendProblem(err)}
	} else {
		v = r.preview(c.Request().Context(), of, d, p, wrong)
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
	if len(wrong) > 0 {
		err = fmt.Errorf("%w: %s", errDraft, strings.Join(wrong, " "))
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
	if len(wrong) > 0 {
		problem = strings.Join(wrong, " ")
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
