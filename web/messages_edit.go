package web

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/unicode/norm"

	"vigie/runbooks/channel"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// editorView is one step of a scenario while it is written: each channel and language as it will look, beside its text.
type editorView struct {
	alertsPageView
	Scenario, StepID, StepName string
	Adhoc, Writes              bool
	Typed, Kept                bool   // what the form has is not kept; was kept just now
	Version                    string // of what is kept
	Saved                      string // who saved last, and when
	Tabs                       []stepTab
	ReviewURL, ExportURL       string
	Made                       map[string]string // what each part was when the form was made
	See                        []choiceView
	Channels                   []channelEditor
	Lints                      lintsView
	Conflict                   string // who saved meanwhile
	Refusals                   []string
	Fields                     url.Values
	Variables                  []variableRow
	VarTypes                   []choiceView
	Audience                   []choiceView
	HeadTheirs, VarTheirs      string
	HeadOpen                   bool
	SavedURL                   string // the page without what was typed
}

type stepTab struct {
	Name, URL string
	State     messageState
	Current   bool
}

// lintsView is what is to be said about a step as it is written.
type lintsView struct {
	Text     string
	Class    string
	Missing  []string   // what is not complete
	Findings []lintView // of no text of its own
	Mode     string
}

type channelEditor struct {
	Kind, Name, What string
	Open             bool
	Texts            []textEditor
}

type textEditor struct {
	Part, Lang, Name       string
	Subject, Body          string
	Titled, Folds, Fold    bool
	SubjectLabel           string
	Rows                   string
	Look                   lookView
	Theirs, TheirsSubject  string // what another saved meanwhile
	Clash                  bool
	Maximum, SubjectMost   string
	PlaceName, Placeholder string
}

type variableRow struct {
	Row  string // var.3
	Name string
	Type []choiceView
	Live []choiceView
	Get  func(field string) string
	Uses bool
}

// editing is a scenario as it is being written.
type editing struct {
	entry *library.Entry
	step  message.Step
	form  url.Values
	typed bool
	see   string
	merge merge
}

func (s *Server) showEditor(c echo.Context) error {
	e, err := s.entry(c)
	if err != nil {
		return err
	}
	step, err := parseStep(c.QueryParam("step"))
	if err != nil {
		return err
	}
	return s.renderEditor(c, http.StatusOK, editing{entry: e, step: step, form: formOfScenario(&e.Scenario, step), see: c.QueryParam("see")}, nil)
}

func (s *Server) renderEditor(c echo.Context, status int, of editing, refusal error) error {
	r := s.messagesReader(c)
	page, err := s.messagesPage(c, r, "message-edit", r.title(&of.entry.Scenario))
	if err != nil {
		return err
	}
	v := r.newEditor(of)
	v.alertsPageView = page
	v.Audience = r.audiences(s, of.form.Get("audience"))
	if refusal != nil {
		v.Problem, v.Refusals = r.refusal(refusal)
	}
	v.Kept = !of.typed && (refusal != nil || c.QueryParam("said") == "saved")
	return render(c, status, editorPage(s.shellView(c, r.locale), v))
}

// written is the scenario as the form says it, whatever is kept.
func (of editing) written() (*message.Scenario, error) {
	s, err := copyOf(&of.entry.Scenario)
	if err != nil {
		return nil, err
	}
	return s, applyForm(of.form, s, of.step, func(string) bool { return true })
}

func (r messagesReader) newEditor(of editing) editorView {
	e := of.entry
	s := &e.Scenario
	var wrong error
	if of.typed {
		if typed, err := of.written(); typed != nil {
			s, wrong = typed, err
		}
	}
	kept := formOfScenario(&e.Scenario, of.step)
	v := editorView{
		Scenario: s.ID, StepID: string(of.step), StepName: r.step(of.step), Adhoc: s.Adhoc, Writes: r.writes(), Typed: of.typed, Version: strconv.FormatUint(e.Version, 10),
		Saved: r.T("messages.saved", "who", r.who(e.Saved.By), "time", r.ago(e.Saved.At)), Made: digests(kept), Fields: of.form,
		ReviewURL: "/messages/" + s.ID + "/" + string(of.step) + "/review", ExportURL: "/messages/" + s.ID + "/export",
		SavedURL: "/messages/" + s.ID + "?step=" + string(of.step),
	}
	match := r.chosenMatch("", false)
	for _, step := range message.Steps() {
		state := e.State(step, matchID(match), r.now)
		v.Tabs = append(v.Tabs, stepTab{Name: r.step(step), URL: "/messages/" + s.ID + "?step=" + string(step), State: r.state(state, r.near(match)), Current: step == of.step})
	}
	k := r.looker(s, of.step, of.see)
	for _, see := range []string{seeExample, seeWorst, seeDrill} {
		v.See = append(v.See, choiceView{Value: see, Label: r.T("messages.see." + see), Chosen: see == k.see})
	}
	for _, kind := range channel.Kinds() {
		v.Channels = append(v.Channels, k.editor(kind, of, kept))
	}
	v.Lints = k.lints(wrong)
	if of.merge.theirs[partHead] {
		v.HeadTheirs = theirs(kept, partHead)
	}
	if of.merge.theirs[partVariables] {
		v.VarTheirs = theirs(kept, partVariables)
	}
	if len(of.merge.theirs) > 0 {
		v.Conflict = r.T("messages.conflict", "who", r.who(e.Saved.By), "time", r.ago(e.Saved.At))
	}
	v.HeadOpen = v.HeadTheirs != "" || len(s.Languages()) == 0
	v.Variables, v.VarTypes = r.variables(of.form, s, of.step), r.varTypes("")
	return v
}

// theirs is what others wrote of a part, a line for each field.
func theirs(kept url.Values, part string) string {
	var lines []string
	for _, field := range slices.Sorted(maps.Keys(kept)) {
		if partOf(field) == part {
			lines = append(lines, field+": "+kept.Get(field))
		}
	}
	return strings.Join(lines, "\n")
}

func (k looker) editor(kind channel.Kind, of editing, kept url.Values) channelEditor {
	v := channelEditor{Kind: string(kind), Name: k.kind(kind), What: k.T("channel.kind." + string(kind) + ".what")}
	titled := kind == channel.Email || kind == channel.Status || kind == channel.Banner || kind == channel.Webhook
	for _, lang := range editedLanguages() {
		part := textPart(kind, lang)
		t := textEditor{
			Part: part, Lang: lang, Name: k.language(lang), Subject: typedText(of.form["subject."+part]), Body: typedText(of.form["text."+part]),
			Titled: titled, Folds: kind == channel.SMS, Fold: of.form.Get("fold."+part) != "", SubjectLabel: k.T("messages.title_of"),
			Look: k.look(kind, lang), Maximum: "20000", SubjectMost: "300", Placeholder: k.T("messages.text.placeholder"),
		}
		if kind == channel.Email {
			t.SubjectLabel = k.T("messages.subject")
		}
		t.Rows = strconv.Itoa(min(max(3+strings.Count(t.Body, "\n"), 2+len(t.Body)/60), 12))
		t.PlaceName = k.T("messages.text.label", "kind", v.Name, "language", t.Name)
		if of.merge.theirs[part] {
			t.Clash, t.Theirs, t.TheirsSubject = true, typedText(kept["text."+part]), typedText(kept["subject."+part])
		}
		v.Open = v.Open || t.Body != "" || t.Subject != "" || t.Clash
		v.Texts = append(v.Texts, t)
	}
	return v
}

// lints is what keeps a step from being submitted, and what somebody should look at, in one place.
func (k looker) lints(wrong error) lintsView {
	v := lintsView{Missing: k.problems(wrong), Mode: k.see}
	errors, warnings := 0, 0
	for i := range k.findings {
		f := &k.findings[i]
		if f.Level == message.Wrong {
			errors++
		} else {
			warnings++
		}
		if f.Kind == "" {
			v.Findings = append(v.Findings, k.finding(f))
		}
	}
	if k.s.Hash(k.step) != "" {
		v.Missing = append(v.Missing, k.problems(k.s.CheckStep(k.step))...)
	}
	errors += len(v.Missing)
	switch {
	case k.s.Hash(k.step) == "" && len(v.Missing) == 0:
		v.Text, v.Class = k.T("messages.lints.blank"), "unknown"
	case errors > 0:
		v.Text, v.Class = k.plural("messages.lints.errors", errors), "critical"
	case warnings > 0:
		v.Text, v.Class = k.plural("messages.lints.warnings", warnings), "warning"
	default:
		v.Text, v.Class = k.T("messages.lints.fine"), "fine"
	}
	return v
}

func (r messagesReader) audiences(s *Server, chosen string) []choiceView {
	all := []choiceView{{Value: "", Label: r.T("messages.audience.none"), Chosen: chosen == ""}, {Value: message.Impact, Label: r.T("messages.audience.impact"), Chosen: chosen == message.Impact}}
	there := chosen == "" || chosen == message.Impact
	for _, segment := range s.segments() {
		there = there || segment.ID == chosen
		all = append(all, choiceView{Value: segment.ID, Label: foreign(segment.Name, longestReason), Chosen: segment.ID == chosen})
	}
	if !there {
		all = append(all, choiceView{Value: chosen, Label: foreign(chosen, longestName), Chosen: true})
	}
	return all
}

func (r messagesReader) varTypes(chosen string) []choiceView {
	var all []choiceView
	for _, t := range message.VarTypes() {
		all = append(all, choiceView{Value: string(t), Label: r.known("messages.type.", string(t)), Chosen: string(t) == chosen})
	}
	return all
}

// variables are the rows of the form, and an empty one.
func (r messagesReader) variables(form url.Values, s *message.Scenario, step message.Step) []variableRow {
	clean := canonical(form)
	used := s.Uses(step)
	var all []variableRow
	for i := range maxVariableRows {
		row := "var." + strconv.Itoa(i)
		get := func(field string) string { return typedText(clean[row+"."+field]) }
		v := variableRow{Row: row, Name: get("name"), Type: r.varTypes(get("type")), Get: get, Uses: slices.Contains(used, get("name"))}
		v.Live = []choiceView{{Value: "", Label: r.T("messages.live.none"), Chosen: get("live") == ""}}
		for _, live := range []string{"viewers", "viewers_hit", "error_rate", "minutes_since", "isp", "next_by", "began"} {
			v.Live = append(v.Live, choiceView{Value: live, Label: r.T("messages.live." + live), Chosen: get("live") == live})
		}
		all = append(all, v)
		if v.Name == "" {
			break
		}
	}
	return all
}

// previewMessage is how the form's texts look and what they cost, while somebody types. Nothing is kept.
func (s *Server) previewMessage(c echo.Context) error {
	e, err := s.entry(c)
	if err != nil {
		return err
	}
	form, err := formOf(c)
	if err != nil {
		return err
	}
	step, err := parseStep(form.Get("step"))
	if err != nil {
		return err
	}
	r := s.messagesReader(c)
	of := editing{entry: e, step: step, form: form, typed: true, see: form.Get("see")}
	typed, wrong := of.written()
	if typed == nil {
		return wrong
	}
	k := r.looker(typed, step, of.see)
	var looks []lookView
	for _, kind := range channel.Kinds() {
		for _, lang := range editedLanguages() {
			looks = append(looks, k.look(kind, lang))
		}
	}
	return render(c, http.StatusOK, previewFragment(s.shellView(c, r.locale), looks, k.lints(wrong)))
}

func (s *Server) saveMessage(c echo.Context) error {
	e, err := s.entry(c)
	if err != nil {
		return err
	}
	form, err := formOf(c)
	if err != nil {
		return err
	}
	step, err := parseStep(form.Get("step"))
	if err != nil {
		return err
	}
	of := editing{entry: e, step: step, form: form, typed: true, see: form.Get("see")}
	on := e.Scenario.ID + " " + string(step)
	saved, err := s.keep(c, &of)
	s.did(c, DidSaveMessage, on, err)
	if err != nil {
		return s.renderEditor(c, statusOf(err), of, err)
	}
	if form.Get("do") != "submit" {
		return c.Redirect(http.StatusSeeOther, "/messages/"+saved.Scenario.ID+"?step="+string(step)+"&said=saved")
	}
	ctx, cancel := acting(c)
	defer cancel()
	_, err = s.config.Library.Submit(ctx, userOf(c).Name, saved.Scenario.ID, step)
	err = refusedStatus(err, userOf(c).Name)
	s.did(c, DidSubmitMessage, on, err)
	if err != nil {
		// It is kept, only not submitted.
		return s.renderEditor(c, statusOf(err), editing{entry: saved, step: step, form: formOfScenario(&saved.Scenario, step), see: of.see}, err)
	}
	return c.Redirect(http.StatusSeeOther, "/messages/"+saved.Scenario.ID+"/"+string(step)+"/review?said=submitted")
}

// keep saves what the form says. Where others saved other parts meanwhile, theirs stay; where they saved the same
// part, it is a conflict, which the form's next coming decides.
func (s *Server) keep(c echo.Context, of *editing) (*library.Entry, error) {
	ctx, cancel := acting(c)
	defer cancel()
	by := userOf(c).Name
	for range 5 { // others may save between our reading and our writing
		of.merge = mergeOf(of.form, formOfScenario(&of.entry.Scenario, of.step))
		if len(of.merge.theirs) > 0 {
			return nil, refusedStatus(&library.Refused{Why: library.Conflict, Scenario: of.entry.Scenario.ID, By: of.entry.Saved.By, At: of.entry.Saved.At}, by)
		}
		next, err := copyOf(&of.entry.Scenario)
		if err != nil {
			return nil, err
		}
		if err := applyForm(of.form, next, of.step, func(part string) bool { return of.merge.mine[part] }); err != nil {
			return nil, refusedStatus(&library.Refused{Why: library.Invalid, Err: err}, by)
		}
		saved, err := s.config.Library.Save(ctx, by, next, of.entry.Version)
		if why, is := refusedOf(err); !is || why.Why != library.Conflict {
			return saved, refusedStatus(err, by)
		}
		if e := s.config.Library.Get(of.entry.Scenario.ID); e != nil {
			of.entry = e
		}
	}
	return nil, refusedStatus(&library.Refused{Why: library.Conflict, By: of.entry.Saved.By, At: of.entry.Saved.At}, by)
}

// newView is a scenario that is to be written.
type messageNewView struct {
	alertsPageView
	Fields url.Values
	Adhoc  bool
}

func (s *Server) showNewMessage(c echo.Context) error {
	return s.renderNewMessage(c, http.StatusOK, nil)
}

func (s *Server) renderNewMessage(c echo.Context, status int, refusal error) error {
	if s.config.Library == nil {
		return echo.ErrNotFound
	}
	r := s.messagesReader(c)
	page, err := s.messagesPage(c, r, "message-new", r.T("messages.new.title"))
	if err != nil {
		return err
	}
	if refusal != nil {
		problem, more := r.refusal(refusal)
		page.Problem = strings.Join(append([]string{problem}, more...), " ")
	}
	v := messageNewView{alertsPageView: page, Fields: c.Request().PostForm}
	if v.Fields == nil {
		v.Fields = c.QueryParams()
	}
	v.Adhoc = v.Fields.Get("adhoc") != ""
	return render(c, status, newMessagePage(s.shellView(c, r.locale), v))
}

func (s *Server) makeMessage(c echo.Context) error {
	if s.config.Library == nil {
		return echo.ErrNotFound
	}
	form, err := formOf(c)
	if err != nil {
		return err
	}
	made := &message.Scenario{Title: words(typedText(form["title.fr"]), typedText(form["title.en"])), Adhoc: form.Get("adhoc") != ""}
	made.ID = cmp.Or(typedText(form["id"]), idOf(cmp.Or(made.Title["fr"], made.Title["en"])))
	if made.Adhoc && form.Get("id") == "" { // the same thing may break twice
		made.ID = strings.Trim(cutID(made.ID, 48)+"-"+time.Now().UTC().Format("0102-1504"), "-")
	}
	ctx, cancel := acting(c)
	defer cancel()
	switch {
	case len(made.Title) == 0:
		err = refusedStatus(&library.Refused{Why: library.Invalid, Err: errNoTitle}, userOf(c).Name)
	default:
		_, err = s.config.Library.Save(ctx, userOf(c).Name, made, 0)
		err = refusedStatus(err, userOf(c).Name)
	}
	s.did(c, DidMakeMessage, cut(made.ID, maxAudited), err)
	if err != nil {
		return s.renderNewMessage(c, statusOf(err), err)
	}
	return c.Redirect(http.StatusSeeOther, "/messages/"+made.ID+"?said=made")
}

// idOf makes an id of a title.
func idOf(title string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ReplaceAll(strings.ToLower(title), "œ", "oe")) {
		switch text := b.String(); {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case !unicode.Is(unicode.Mn, r) && text != "" && !strings.HasSuffix(text, "-"): // an accent goes without a trace
			b.WriteByte('-')
		}
	}
	return cutID(strings.Trim(b.String(), "-"), 64)
}

func cutID(id string, most int) string { return strings.Trim(id[:min(len(id), most)], "-") }
