package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"vigie/internal/match"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// messagesView is what may be said in each scenario at each step, how far that is for a match, and who has to do what.
type messagesView struct {
	alertsPageView
	Nothing  string // why there is nothing
	Writes   bool
	Match    string // its id
	Matches  []choiceView
	For      string // what the reader asked to see alone
	Ready    readyView
	Filters  []filterView
	Steps    []string
	Rows     []scenarioRow
	None     string // why the filter shows nothing
	Missing  []missingGroup
	ArmAll   string // the button's words; "": there is nothing to arm, or it is not the reader's to do
	ArmNote  string
	Refused  []string // what could not be armed just now
	Configed string   // scenarios of the configuration that are not there; "": all are
}

// readyView is how far messages are for a match.
type readyView struct {
	Text, More     string
	Health         healthView
	Armed          barShare // shares of the bar
	Approved, Rest barShare
}

// barShare is a part of a bar whose whole is 100.
type barShare struct{ From, Width string }

type filterView struct {
	Name, URL string
	Current   bool
	Hint      string
}

type scenarioRow struct {
	ID, Title, About, URL string
	Adhoc                 bool
	Saved                 string
	Cells                 []stepCell
}

type stepCell struct {
	Step, URL, Label string
	State            messageState
	Who              string // who has to do what, or did
	Mine, Dim        bool
}

// missingGroup is what could not be sent for one reason.
type missingGroup struct {
	Why  string
	Rows []missingRow
}

type missingRow struct {
	Title, Step, URL, Sign string
	Details                []string
}

func (s *Server) showMessages(c echo.Context) error {
	return s.renderMessages(c, http.StatusOK, "", nil)
}

func (s *Server) renderMessages(c echo.Context, status int, problem string, refused []string) error {
	r := s.messagesReader(c)
	page, err := s.messagesPage(c, r, "messages", r.T("messages.title"))
	if err != nil {
		return err
	}
	page.Problem = problem
	v := messagesView{alertsPageView: page, Writes: r.writes(), Refused: refused}
	if r.library == nil {
		v.Nothing = r.T("messages.none.off")
		return render(c, status, messagesPage(s.shellView(c, r.locale), v))
	}
	q := c.QueryParams()
	if form := c.Request().PostForm; form.Has("match") {
		q = form
	}
	m := r.chosenMatch(q.Get("match"), q.Has("match"))
	r.fillMessages(&v, m, q.Get("for"))
	if n := s.unimported(); n > 0 && r.writes() {
		v.Configed = r.plural("messages.configured", n)
	}
	return render(c, status, messagesPage(s.shellView(c, r.locale), v))
}

// unimported counts scenarios of the configuration that the library has not.
func (s *Server) unimported() (n int) {
	for _, of := range s.config.Scenarios {
		if s.config.Library.Get(of.ID) == nil {
			n++
		}
	}
	return n
}

// What the reader can ask to see alone.
const (
	forWriting   = "write"
	forReviewing = "review"
	forArming    = "arm"
)

func (r messagesReader) fillMessages(v *messagesView, m *match.Match, only string) {
	v.Match, v.Matches, v.For = matchID(m), r.matchChoices(matchID(m)), only
	ready := r.library.Readiness(v.Match)
	near := r.near(m)
	v.Ready = r.readiness(ready, m, near)
	for _, step := range message.Steps() {
		v.Steps = append(v.Steps, r.step(step))
	}
	counts := map[string]int{}
	for _, e := range r.library.All() {
		row, mine := r.scenarioRow(e, v.Match, near, only, counts)
		if only == "" || mine {
			v.Rows = append(v.Rows, row)
		}
	}
	r.fillFilters(v, counts)
	switch {
	case len(r.library.All()) == 0:
		v.Nothing = r.T("messages.none")
	case len(v.Rows) == 0:
		v.None = r.T("messages.none.filter")
	}
	for i := range ready.Missing {
		why, row := r.missing(&ready.Missing[i], v.Match)
		at := slices.IndexFunc(v.Missing, func(g missingGroup) bool { return g.Why == why })
		if at < 0 {
			at = len(v.Missing)
			v.Missing = append(v.Missing, missingGroup{Why: why})
		}
		v.Missing[at].Rows = append(v.Missing[at].Rows, row)
	}
	if n := counts[forArming]; n > 0 && r.arms() {
		v.ArmAll = r.plural("messages.arm.all", n)
		v.ArmNote = r.T("messages.arm.all.what", "match", r.matchName(v.Match))
	}
}

// readiness says it in one sentence.
func (r messagesReader) readiness(of library.Readiness, m *match.Match, near bool) readyView {
	v := readyView{Health: healthView{Class: "fine"}}
	open := of.Total - of.Approved
	name := r.matchName(matchID(m))
	total := strconv.Itoa(of.Total)
	switch {
	case of.Total == 0:
		v.Text, v.Health.Class = r.T("messages.ready.none", "match", name), "unknown"
		return v
	case open > 0:
		v.Text = r.plural("messages.ready.open", open, "n", strconv.Itoa(open), "of", total, "match", name)
	case of.Armed < of.Total:
		v.Text = r.plural("messages.ready.unarmed", of.Total-of.Armed, "n", strconv.Itoa(of.Total-of.Armed), "of", total, "match", name)
	default:
		v.Text = r.plural("messages.ready.all", of.Total, "n", total, "match", name)
	}
	switch {
	case len(of.Missing) > 0 && near:
		v.Health.Class = "warning"
	case len(of.Missing) > 0:
		v.Health.Class = "unknown"
	}
	v.More = r.T("messages.ready.more", "approved", strconv.Itoa(of.Approved), "armed", strconv.Itoa(of.Armed))
	if m != nil {
		v.More = r.T("messages.ready.kickoff", "time", r.until(m.KickOff)) + " · " + v.More
	}
	at := 0.0
	part := func(n int) barShare {
		share := barShare{From: strconv.FormatFloat(at, 'f', 2, 64), Width: strconv.FormatFloat(100*float64(n)/float64(of.Total), 'f', 2, 64)}
		at += 100 * float64(n) / float64(of.Total)
		return share
	}
	v.Armed, v.Approved, v.Rest = part(of.Armed), part(max(of.Approved-of.Armed, 0)), part(open)
	return v
}

func (r messagesReader) scenarioRow(e *library.Entry, match string, near bool, only string, counts map[string]int) (scenarioRow, bool) {
	s := &e.Scenario
	row := scenarioRow{
		ID: s.ID, Title: r.title(s), About: foreign(s.About.In(r.Code), 300), URL: "/messages/" + s.ID, Adhoc: s.Adhoc,
		Saved: r.T("messages.saved", "who", r.who(e.Saved.By), "time", r.ago(e.Saved.At)),
	}
	any := false
	for _, step := range message.Steps() {
		state := e.State(step, match, r.now)
		cell := stepCell{Step: r.step(step), State: r.state(state, near), URL: r.stepURL(e, step, state, match)}
		cell.Label = cell.Step + " : " + cell.State.Word
		what := ""
		cell.Who, what = r.waits(e, step, state, match)
		if what != "" {
			counts[what]++
			cell.Mine = r.mine(e, step, what)
		}
		cell.Dim = only != "" && (what != only || !cell.Mine)
		any = any || !cell.Dim
		row.Cells = append(row.Cells, cell)
	}
	return row, any
}

// stepURL is where somebody goes on with a message: to its text while it is written, then to its review.
func (r messagesReader) stepURL(e *library.Entry, step message.Step, state library.State, match string) string {
	address := "/messages/" + e.Scenario.ID
	if state == "" || state == library.Draft && r.writes() {
		return address + "?step=" + string(step)
	}
	return address + "/" + string(step) + "/review?match=" + match
}

// waits says who has to do what with a message, and which kind of work that is; "": none.
func (r messagesReader) waits(e *library.Entry, step message.Step, state library.State, match string) (text, what string) {
	life := e.Steps[step]
	if life == nil {
		life = &library.Life{}
	}
	switch state {
	case library.Draft:
		if !life.Edited.At.IsZero() {
			return r.T("messages.waits.draft", "who", r.who(life.Edited.By), "span", r.span(r.now.Sub(life.Edited.At))), forWriting
		}
		return "", forWriting
	case library.InReview:
		return r.T("messages.waits.review", "who", r.who(life.Review.By), "span", r.span(r.now.Sub(life.Review.At))), forReviewing
	case library.Approved:
		return r.T("messages.waits.approved", "who", r.who(life.Approval.By)), forArming
	case library.Armed:
		return r.T("messages.waits.armed", "who", r.who(life.Armed[match].By)), ""
	case library.Retired:
		return r.who(life.Retired.By), ""
	}
	if step == message.Initial || step == message.Resolved || step == message.Correction {
		return r.T("messages.waits.none"), ""
	}
	return "", ""
}

// mine tells whether a kind of work on a message is the reader's to do.
func (r messagesReader) mine(e *library.Entry, step message.Step, what string) bool {
	switch what {
	case forWriting:
		return r.writes()
	case forReviewing:
		return r.validates() && !isOneOf(e.Steps[step].Authors, r.user.Name)
	case forArming:
		return r.arms()
	}
	return false
}

func (r messagesReader) fillFilters(v *messagesView, counts map[string]int) {
	add := func(only, name string) {
		address := "/messages?match=" + v.Match
		if only != "" {
			address += "&for=" + only
		}
		v.Filters = append(v.Filters, filterView{Name: name, URL: address, Current: v.For == only})
	}
	add("", r.T("messages.for.all"))
	if r.writes() {
		add(forWriting, r.plural("messages.for.write", counts[forWriting]))
	}
	if r.validates() {
		n := 0
		for _, e := range r.library.All() {
			for _, step := range message.Steps() {
				if e.State(step, v.Match, r.now) == library.InReview && r.mine(e, step, forReviewing) {
					n++
				}
			}
		}
		add(forReviewing, r.plural("messages.for.review", n))
	}
	if r.arms() {
		add(forArming, r.plural("messages.for.arm", counts[forArming]))
	}
	if len(v.Filters) == 1 {
		v.Filters = nil
	}
}

// missing says why one message could not be sent, and what to do.
func (r messagesReader) missing(of *library.Missing, match string) (why string, row missingRow) {
	row = missingRow{
		Title: cmp.Or(foreign(of.Title.In(r.Code), longestReason), of.Scenario), Step: r.step(of.Step), Sign: string(of.State),
		URL: "/messages/" + of.Scenario + "/" + string(of.Step) + "/review?match=" + match,
	}
	why = r.known("library.missing.", string(of.Why))
	if of.Why == library.NotApproved {
		switch who := r.validators(of.Authors); {
		case len(who) == 0:
			why = r.T("messages.review.nobody")
		default:
			why = r.T("messages.missing.review", "who", foreign(strings.Join(who[:min(len(who), 4)], ", "), longestReason))
		}
	}
	const most = 4
	row.Details = append(r.problems(of.Err), r.errorsOf(of.Findings)...)
	if len(row.Details) > most {
		row.Details = append(slices.Clone(row.Details[:most]), r.plural("messages.more", len(row.Details)-most))
	}
	return why, row
}

// errorsOf are the findings that keep a message from being approved.
func (r messagesReader) errorsOf(findings []message.Finding) []string {
	var all []string
	for i := range findings {
		if findings[i].Level == message.Wrong {
			all = append(all, r.finding(&findings[i]).Full())
		}
	}
	return all
}
