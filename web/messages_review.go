package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"vigie/runbooks/channel"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// reviewView is what a validator approves, and what may be done with a message from then on.
type reviewView struct {
	alertsPageView
	Scenario, StepName, About string
	Adhoc                     bool
	State                     messageState
	Next                      string // what happens next, and who does it
	NextCalls                 bool
	Hash, HashShort           string
	Changed                   string // it is not what was on this screen before
	AgainURL                  string
	Base, EditURL             string // Base is the address that acts are under
	Facts                     []messageFact
	Tabs                      []stepTab
	See                       []pageLink
	Looks                     []lookView
	Untold                    string // channels without a text
	Lints                     lintsView
	Variables                 []messageVariable
	Diff                      []textDiff
	DiffText                  string
	Match                     string
	Matches                   []choiceView
	MatchName                 string
	Armed                     []armedView
	Submits, Approves         bool
	Whynot                    string // why the reader cannot approve
	Rejects, Arms, Speaks     bool
	Retires, Revives, Writes  bool
	ArmText                   string
	Refusals                  []string
	Thread                    []threadLine
}

type messageFact struct{ Label, Text string }

type messageVariable struct{ Name, Label, Type, Values, Example string }

type textDiff struct {
	Where  string
	Pieces []textPiece
}

type armedView struct {
	ID, Name, By string
	Stale        bool
}

type threadLine struct{ Time, Machine, Who, Text, Note, Class string }

func (s *Server) showReview(c echo.Context) error { return s.renderReview(c, http.StatusOK, nil) }

func (s *Server) renderReview(c echo.Context, status int, refusal error) error {
	e, err := s.entry(c)
	if err != nil {
		return err
	}
	step, err := parseStep(c.Param("step"))
	if err != nil {
		return err
	}
	r := s.messagesReader(c)
	if e.Scenario.Hash(step) == "" {
		return c.Redirect(http.StatusSeeOther, "/messages/"+e.Scenario.ID+"?step="+string(step))
	}
	page, err := s.messagesPage(c, r, "message-review", r.title(&e.Scenario)+" · "+r.step(step))
	if err != nil {
		return err
	}
	q := c.QueryParams()
	if form := c.Request().PostForm; form.Has("match") {
		q.Set("match", form.Get("match"))
	}
	v := r.newReview(e, step, q)
	v.alertsPageView = page
	if refusal != nil {
		v.Problem, v.Refusals = r.refusal(refusal)
		v.Said = ""
	}
	if s.config.LastApproved != nil {
		r.fillDiff(&v, e, step, s.config.LastApproved(e.Scenario.ID, step))
	}
	return render(c, status, reviewPage(s.shellView(c, r.locale), v))
}

func (r messagesReader) newReview(e *library.Entry, step message.Step, q url.Values) reviewView {
	s := &e.Scenario
	life := e.Steps[step]
	if life == nil {
		life = &library.Life{}
	}
	m := r.chosenMatch(q.Get("match"), q.Has("match"))
	state := e.State(step, matchID(m), r.now)
	near := r.near(m)
	address := "/messages/" + s.ID
	v := reviewView{
		Scenario: r.title(s), StepName: r.step(step), About: foreign(s.About.In(r.Code), 1000), Adhoc: s.Adhoc, State: r.state(state, near),
		Hash: s.Hash(step), Base: address + "/" + string(step), EditURL: address + "?step=" + string(step), Match: matchID(m), MatchName: r.matchName(matchID(m)),
		Matches: r.matchChoices(matchID(m)), Writes: r.writes(), Speaks: r.speaks() && state != library.Retired,
	}
	v.HashShort = shortHash(v.Hash)
	if seen := q.Get("seen"); seen != "" && seen != v.Hash {
		v.Changed = r.T("messages.review.changed", "who", r.who(life.Edited.By), "time", r.until(life.Edited.At))
	}
	v.AgainURL = v.Base + "/review?match=" + url.QueryEscape(v.Match)
	for _, other := range message.Steps() {
		if at := e.State(other, v.Match, r.now); at != "" {
			v.Tabs = append(v.Tabs, stepTab{Name: r.step(other), URL: address + "/" + string(other) + "/review?match=" + v.Match, State: r.state(at, near), Current: other == step})
		}
	}
	r.fillFacts(&v, e, life)
	r.fillTexts(&v, e, step, q)
	r.fillActs(&v, life, state)
	for id, arming := range life.Armed {
		v.Armed = append(v.Armed, armedView{ID: id, Name: r.matchName(id), By: r.by(arming.Mark), Stale: arming.Hash != v.Hash})
	}
	slices.SortFunc(v.Armed, func(a, b armedView) int { return strings.Compare(a.ID, b.ID) })
	for i := len(life.Thread) - 1; i >= 0; i-- {
		v.Thread = append(v.Thread, r.threadLine(&life.Thread[i]))
	}
	return v
}

func (r messagesReader) threadLine(act *library.Act) threadLine {
	v := threadLine{
		Time: r.until(act.At), Machine: act.At.UTC().Format("2006-01-02T15:04:05Z"), Who: r.who(act.By), Text: r.known("library.act.", act.What), Class: act.What,
	}
	switch act.What {
	case "armed", "disarmed":
		v.Note = r.matchName(act.Note)
	default:
		v.Note = strings.TrimSpace(act.Note)
	}
	return v
}

func (r messagesReader) fillFacts(v *reviewView, e *library.Entry, life *library.Life) {
	add := func(label, text string) { v.Facts = append(v.Facts, messageFact{r.T("messages.fact." + label), text}) }
	if len(life.Authors) > 0 {
		add("authors", r.whoAll(life.Authors))
	}
	if !life.Edited.At.IsZero() {
		add("edited", r.by(life.Edited))
	}
	if life.Review != nil && life.Review.Hash == v.Hash {
		add("review", r.by(life.Review.Mark))
	}
	if a := life.Approval; a != nil {
		add("approved", r.by(a.Mark))
		if r.now.Before(a.Expires) {
			add("expires", r.T("messages.expires", "time", r.until(a.Expires), "span", r.span(a.Expires.Sub(r.now))))
		} else {
			add("expires", r.T("messages.expired", "time", r.until(a.Expires)))
		}
	}
	if life.Retired != nil {
		add("retired", r.by(*life.Retired))
	}
	audience := r.T("messages.audience.none")
	switch e.Scenario.Audience {
	case "":
	case message.Impact:
		audience = r.T("messages.audience.impact")
	default:
		audience = foreign(e.Scenario.Audience, longestName)
	}
	add("audience", audience)
	add("hash", v.HashShort)
}

func (r messagesReader) fillTexts(v *reviewView, e *library.Entry, step message.Step, q url.Values) {
	s := &e.Scenario
	k := r.looker(s, step, q.Get("see"))
	for _, see := range []string{seeExample, seeWorst, seeDrill} {
		address := v.Base + "/review?match=" + url.QueryEscape(v.Match) + "&see=" + see
		if seen := q.Get("seen"); seen != "" {
			address += "&seen=" + url.QueryEscape(cut(seen, 64))
		}
		v.See = append(v.See, pageLink{Name: r.T("messages.see." + see), URL: address, Current: see == k.see})
	}
	var untold []string
	for _, kind := range channel.Kinds() {
		there := false
		for _, lang := range editedLanguages() {
			if l := k.look(kind, lang); !l.Blank {
				v.Looks = append(v.Looks, l)
				there = true
			}
		}
		if !there {
			untold = append(untold, r.kind(kind))
		}
	}
	if len(untold) > 0 {
		v.Untold = r.T("messages.untold", "channels", strings.Join(untold, ", "))
	}
	v.Lints = k.lints(nil)
	for _, name := range s.Uses(step) {
		of := s.Variables[name]
		if of == nil {
			continue
		}
		fact := messageVariable{Name: name, Label: foreign(of.Label.In(r.Code), longestReason), Type: r.known("messages.type.", string(of.Type)), Example: k.example(name)}
		var values []string
		for _, c := range of.Values {
			values = append(values, foreign(cmp.Or(c.Words.In(r.Code), c.ID), longestName))
		}
		values = append(values, of.Allow...)
		fact.Values = strings.Join(values, " · ")
		v.Variables = append(v.Variables, fact)
	}
}

// example is a variable's value as the preview says it.
func (k looker) example(name string) string {
	if o, err := k.render(channel.Status, k.Code, message.Text{Body: "{" + name + "}"}, seeExample); err == nil {
		return foreign(o.Text, longestReason)
	}
	return foreign(k.values[name], longestReason)
}

// fillActs says what the reader may do, what happens next, and why a button is not theirs.
func (r messagesReader) fillActs(v *reviewView, life *library.Life, state library.State) {
	own := isOneOf(life.Authors, r.user.Name)
	switch state {
	case library.Draft:
		v.Submits = r.writes()
		v.Next = r.T("messages.next.draft")
	case library.InReview:
		switch who := r.validators(life.Authors); {
		case len(who) == 0:
			v.Next, v.NextCalls = r.T("messages.review.nobody"), true
		default:
			v.Next = r.T("messages.next.review", "who", foreign(strings.Join(who[:min(len(who), 5)], ", "), 300))
		}
		switch {
		case own && r.validates():
			v.Whynot = r.T("messages.whynot.own")
		case own:
			v.Whynot = r.T("messages.whynot.author")
		case r.validates():
			v.Approves, v.Rejects = true, true
		case r.user.May("admin"):
			v.Whynot = r.T("messages.whynot.admin")
		default:
			v.Whynot = r.T("messages.whynot.role")
		}
	case library.Approved:
		v.Next = r.T("messages.next.approved", "match", v.MatchName)
		v.Arms, v.Rejects = r.arms(), r.validates()
		v.ArmText = r.T("messages.arm.do", "match", v.MatchName)
	case library.Armed:
		v.Next = r.T("messages.next.armed", "match", v.MatchName)
		v.Arms, v.Rejects = r.arms(), r.validates()
	case library.Retired:
		v.Next = r.T("messages.next.retired")
		v.Revives = r.writes() || r.validates()
	}
	v.Retires = state != library.Retired && (r.writes() || r.validates())
	if v.Changed != "" {
		v.Approves = false // what is on the screen is not what was read
	}
}

// fillDiff says what differs from what was approved last, word by word, by channel and language.
func (r messagesReader) fillDiff(v *reviewView, e *library.Entry, step message.Step, before *message.Scenario) {
	s := &e.Scenario
	if before == nil {
		v.DiffText = r.T("messages.diff.first")
		return
	}
	if before.Hash(step) == v.Hash {
		v.DiffText = r.T("messages.diff.same")
		return
	}
	text := func(of *message.Scenario, kind channel.Kind, lang string) message.Text {
		if m := of.Messages[step]; m != nil {
			return m.Texts[kind][lang]
		}
		return message.Text{}
	}
	add := func(where, was, is string) {
		if pieces := diffWords(was, is); pieces != nil {
			v.Diff = append(v.Diff, textDiff{where, pieces})
		}
	}
	for _, kind := range channel.Kinds() {
		for _, lang := range editedLanguages() {
			was, is := text(before, kind, lang), text(s, kind, lang)
			where := r.kind(kind) + ", " + r.language(lang)
			add(where+", "+r.T("messages.place.subject"), was.Subject, is.Subject)
			add(where, was.Body, is.Body)
			if was.Fold != is.Fold {
				add(where+", "+r.T("messages.fold"), r.yes(was.Fold), r.yes(is.Fold))
			}
		}
	}
	add(r.T("messages.fact.audience"), before.Audience, s.Audience)
	was, is := formOfScenario(before, step), formOfScenario(s, step)
	variables := func(form url.Values) string {
		var lines []string
		for i := range maxVariableRows {
			row := "var." + strconv.Itoa(i) + "."
			name := form.Get(row + "name")
			if name == "" || !slices.Contains(s.Uses(step), name) && !slices.Contains(before.Uses(step), name) {
				continue
			}
			var parts []string
			for _, field := range variableFields() {
				if text := form.Get(row + field); text != "" {
					parts = append(parts, text)
				}
			}
			lines = append(lines, strings.Join(parts, " · "))
		}
		return strings.Join(lines, "\n")
	}
	add(r.T("messages.variables"), variables(was), variables(is))
	v.DiffText = r.plural("messages.diff.changed", len(v.Diff))
}

func (r messagesReader) yes(is bool) string {
	if is {
		return r.T("messages.yes")
	}
	return r.T("messages.no")
}
