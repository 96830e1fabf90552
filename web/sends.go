package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
	"vigie/internal/match"
	"vigie/runbooks/audience"
	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// The pages of sends: a message is prepared, looked at by a second person, sent, watched and stopped. sends_list.go is
// what goes on, sends_new.go the form, sends_draft.go how it is read, sends_preview.go what it would make, sends_one.go one send through its whole life, sends_lines.go who got it.

// What people do about sends, as the audit has it in Action.What.
const (
	DidPrepareSend = "send-prepare"
	DidCheckSend   = "send-check"
	DidConfirmSend = "send-confirm"
	DidPauseSend   = "send-pause"
	DidResumeSend  = "send-resume"
	DidAbortSend   = "send-abort"
	DidDropSend    = "send-drop"
	DidRetrySend   = "send-retry"
	DidRepeatSend  = "send-repeat"
	DidExportSend  = "send-export"
)

// sendRoutes are the pages of sends: viewers read, operators act. Addresses are shown to operators alone.
func (s *Server) sendRoutes(people *echo.Group) {
	people.GET("/sends", s.showSends, s.require(account.Viewer))
	people.GET("/sends/:id", s.showSend, s.require(account.Viewer))
	people.GET("/sends/:id/lines", s.showSendLines, s.require(account.Viewer))
	people.GET("/sends/:id/lines.csv", s.exportSendLines, s.require(account.Operator))
	people.GET("/sends/new", s.showNewSend, s.require(account.Operator))
	people.POST("/sends/preview", s.previewSend, s.require(account.Operator))
	people.POST("/sends", s.prepareSend, s.require(account.Operator))
	for path, a := range map[string]sendAct{
		"check":   {DidCheckSend, s.checkSend, func(of *send.Send, by string) bool { return of.State == send.Checked && of.By == by }},
		"confirm": {DidConfirmSend, s.confirmSend, func(of *send.Send, by string) bool { return of.Second == by }},
		"pause":   {DidPauseSend, s.noted((*send.Room).Pause), func(of *send.Send, _ string) bool { return of.State == send.Paused }},
		"resume":  {DidResumeSend, s.noted((*send.Room).Resume), func(of *send.Send, _ string) bool { return of.State == send.Sending }},
		"abort":   {DidAbortSend, s.noted((*send.Room).Abort), func(of *send.Send, _ string) bool { return of.State == send.Aborted }},
		"drop":    {DidDropSend, s.noted((*send.Room).Drop), func(of *send.Send, _ string) bool { return of.State == send.Dropped }},
		"retry":   {DidRetrySend, s.noted((*send.Room).Retry), func(of *send.Send, by string) bool { return of.Round > 0 && of.State == send.Sending }},
		"repeat":  {DidRepeatSend, s.repeatSend, func(of *send.Send, by string) bool { return of.Again > 0 && of.State == send.Sending }},
	} {
		people.POST("/sends/:id/"+path, func(c echo.Context) error { return s.sendAct(c, a) }, s.require(account.Operator))
	}
}

// sendsKept is what the pages of sends remember: what was prepared by which form, and what preflights found, so that
// a page that follows a send costs little.
type sendsKept struct {
	mu     sync.Mutex
	made   map[string]*madeOnce
	flown  map[string]preflown
	why    map[whyKey]reasonsKept
	counts map[string]estimateKept
}

// sendsReader is who reads the pages of sends.
type sendsReader struct {
	alertsReader
	kept     *sendsKept
	sends    *send.Room
	crises   *crisis.Room
	library  *library.Library
	contacts *audience.Book // nil: ClickHouse is not there yet
	limits   message.Limits
	said     messagesReader // for what it says of messages
}

func (s *Server) sendsReader(c echo.Context) sendsReader {
	r := sendsReader{alertsReader: s.alertsReader(c), kept: &s.sendsKept, sends: s.config.Sends, crises: s.config.Crises, library: s.config.Library}
	if s.config.Audience != nil {
		r.contacts = s.config.Audience()
	}
	r.said = s.messagesReader(c)
	r.limits = r.said.limits
	return r
}

func (r sendsReader) crisis(id string) *crisis.Crisis {
	if r.crises == nil || id == "" {
		return nil
	}
	return r.crises.Get(id)
}

func (r sendsReader) entry(id string) *library.Entry {
	if r.library == nil || id == "" {
		return nil
	}
	return r.library.Get(id)
}

// words are a text of the messages' files in the reader's language, or in one that there is.
func (r sendsReader) words(w message.Words, id string) string {
	return foreign(cmp.Or(w.In(r.Code), id), longestTitle)
}

const longestTitle = 160

// scenario is what a scenario is called; its id, where it is kept no more.
func (r sendsReader) scenario(id string) string {
	if e := r.entry(id); e != nil {
		return r.words(e.Scenario.Title, id)
	}
	return foreign(id, longestTitle)
}

func (r sendsReader) step(step message.Step) string { return r.known("step.", string(step)) }

func (r sendsReader) channel(kind string) string { return r.known("channel.kind.", kind) }

// count is a number with all its digits: here people count, not only compare.
func (r sendsReader) all(n int) string { return r.fixed(float64(n), 0) }

// account is what people call a channel.
func (r sendsReader) account(id string, drill bool) string {
	name, _ := r.sendAccount(r.sends, id, drill)
	return name
}

// who is a person as the room calls them, whatever their part is: those who act are known to the pages of crises, the
// others are asked for.
func (r sendsReader) who(name string) string {
	if name == "" {
		return missing
	}
	if known := r.said.crisesReader.who(name); known != foreign(name, longestName) {
		return known
	}
	return r.said.who(name)
}

// sendsPageView is what all these pages have.
type sendsPageView struct {
	topView
	Language, ID, Title string
	Intro               string // what the page is for
	Sections            []pageLink
	SectionsLabel       string
	Problem             string // why what was just asked is not done
	Said                string // what was just done
	Drill               bool   // it is about an exercise
	Nothing             string // why there is nothing to see
	Acts                bool   // the reader may act
}

func (s *Server) sendsPage(c echo.Context, r sendsReader, id string) (sendsPageView, error) {
	v := sendsPageView{Language: r.Code, ID: id, Title: r.T("sends." + id + ".title"), Intro: r.texts["sends."+id+".intro"], SectionsLabel: r.T("sends.sections"), Acts: r.acts()}
	var err error
	v.topView, err = s.sendsTop(c, r, id+"-page", "/sends")
	v.Sections = []pageLink{{Name: r.T("sends.list.nav"), URL: "/sends", Current: id == "list"}}
	if r.acts() {
		v.Sections = append(v.Sections, pageLink{Name: r.T("sends.new.nav"), URL: "/sends/new", Current: id == "new"})
	}
	v.Sections = append(v.Sections, pageLink{Name: r.T("audience.nav"), URL: "/audience"})
	if text, ok := r.texts["sends.said."+c.QueryParam("said")]; ok {
		v.Said = text
	}
	return v, err
}

// sendsTop is the bar over these pages; the match's clock in it is live.
func (s *Server) sendsTop(c echo.Context, r sendsReader, main, section string) (topView, error) {
	v, err := s.matchTop(c, r.locale, main, r.now)
	for i := range v.Pages {
		v.Pages[i].Current = v.Pages[i].URL == section
	}
	return v, err
}

// sendAct is something that the page of a send can ask for.
type sendAct struct {
	what string
	// do returns what more the audit should have.
	do func(ctx context.Context, by, id string, form url.Values) (more string, err error)
	// done tells whether it was done already: a button that was pressed twice is no mistake.
	done func(of *send.Send, by string) bool
}

// sendAct does what the form asks, notes it in the audit, and shows the send again; to programs it answers 204.
func (s *Server) sendAct(c echo.Context, a sendAct) error {
	id, by := c.Param("id"), userOf(c).Name
	if s.config.Sends.Get(id) == nil {
		return echo.ErrNotFound
	}
	form, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), sendLimit)
	defer cancel()
	more, err := a.do(ctx, by, id, form)
	if _, not := errors.AsType[send.NotNow](err); not {
		if of := s.config.Sends.Get(id); of != nil && a.done(of, by) {
			err = nil
		}
	}
	s.sendsKept.forget(id)
	err = sendStatus(err)
	s.did(c, a.what, strings.TrimSpace(id+" "+cut(more, maxAudited)), err)
	asked := strings.Contains(c.Request().Header.Get("Accept"), "application/json")
	switch {
	case err == nil && asked:
		return c.NoContent(http.StatusNoContent)
	case err == nil:
		return c.Redirect(http.StatusSeeOther, "/sends/"+id)
	case asked:
		return err
	}
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		s.log.Error("what was decided about a send is not kept", "send", id, "what", a.what, "error", err)
	}
	return s.renderSend(c, status, s.sendsReader(c).sendProblem(err))
}

// sendLimit is for an act: a preflight counts lists and asks the bus.
const sendLimit = 15 * time.Second

// noted is an act that takes a note and nothing else.
func (s *Server) noted(act func(*send.Room, context.Context, string, string, string) error) func(context.Context, string, string, url.Values) (string, error) {
	return func(ctx context.Context, by, id string, form url.Values) (string, error) {
		return form.Get("note"), act(s.config.Sends, ctx, by, id, form.Get("note"))
	}
}

func (s *Server) checkSend(ctx context.Context, by, id string, _ url.Values) (string, error) {
	_, err := s.config.Sends.Check(ctx, by, id)
	return "", err
}

func (s *Server) confirmSend(ctx context.Context, by, id string, form url.Values) (string, error) {
	n, err := typedCount(form.Get("count"))
	if err != nil {
		return form.Get("count"), err
	}
	return strconv.Itoa(n), s.config.Sends.Confirm(ctx, by, id, form.Get("digest"), n)
}

func (s *Server) repeatSend(ctx context.Context, by, id string, form url.Values) (string, error) {
	n, err := typedCount(form.Get("count"))
	if err != nil {
		return form.Get("count"), err
	}
	return strconv.Itoa(n), s.config.Sends.RetryUnknown(ctx, by, id, form.Get("note"), n)
}

// errNoNumber is a count that is none.
var errNoNumber = errors.New("web: what was typed is no number")

// typedCount reads a number of people as they type it: 104212, 104 212, 104,212.
func typedCount(text string) (int, error) {
	if len(text) > 40 {
		return 0, errNoNumber
	}
	digits := strings.Map(func(c rune) rune {
		if strings.ContainsRune(" .,'’\u00a0\u202f", c) {
			return -1
		}
		return c
	}, text)
	if digits == "" || len(digits) > 9 || strings.Trim(digits, "0123456789") != "" {
		return 0, errNoNumber
	}
	return strconv.Atoi(digits)
}

// sendStatus gives a Room's errors their status.
func sendStatus(err error) error {
	status := http.StatusServiceUnavailable
	_, not := errors.AsType[send.NotNow](err)
	_, same := errors.AsType[send.SamePerson](err)
	_, count := errors.AsType[send.WrongCount](err)
	_, blocked := errors.AsType[send.Blocked](err)
	_, refused := errors.AsType[*library.Refused](err)
	_, wrong := errors.AsType[*match.Problem](err)
	_, invalid := errors.AsType[crisis.Invalid](err)
	_, known := errors.AsType[*echo.HTTPError](err)
	switch {
	case err == nil || known:
		return err
	case same:
		status = http.StatusForbidden
	case count, blocked, wrong, invalid, errors.Is(err, errNoNumber):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, send.ErrNoCrisis), errors.Is(err, send.ErrNoLibrary), errors.Is(err, send.ErrNoInitial), errors.Is(err, send.ErrNoChannel), errors.Is(err, send.ErrNoCanary), errors.Is(err, send.ErrNoList), errors.Is(err, send.ErrPromise):
		status = http.StatusUnprocessableEntity
	case not, refused, errors.Is(err, send.ErrChanged), errors.Is(err, send.ErrUnderWay), errors.Is(err, send.ErrForgotten), errors.Is(err, send.ErrOver), errors.Is(err, audience.ErrChanged), errors.Is(err, audience.ErrBusy):
		status = http.StatusConflict
	case errors.Is(err, send.ErrNotFound), errors.Is(err, audience.ErrNotFound):
		status = http.StatusNotFound
	}
	return fmt.Errorf("%w: %w", echo.NewHTTPError(status), err)
}

// sendProblem says what is wrong and what to do.
func (r sendsReader) sendProblem(err error) string {
	if not, ok := errors.AsType[send.NotNow](err); ok {
		return r.T("send.bad.not_now", "state", r.sendState(not.State).Word)
	}
	if same, ok := errors.AsType[send.SamePerson](err); ok {
		return r.known("send.same.", same.As)
	}
	if wrong, ok := errors.AsType[send.WrongCount](err); ok {
		return r.T("send.bad.count", "typed", r.all(wrong.Typed), "size", r.all(wrong.Size))
	}
	if blocked, ok := errors.AsType[send.Blocked](err); ok {
		var all []string
		for _, f := range blocked.Findings {
			if f.Blocks {
				all = append(all, r.finding(f))
			}
		}
		return r.T("send.bad.blocked", "what", strings.Join(all, " "))
	}
	if refused, ok := errors.AsType[*library.Refused](err); ok {
		return r.T("send.bad.message", "why", r.known("library.why.", string(refused.Why)))
	}
	if all := r.problemsOf(err); len(all) > 0 {
		return strings.Join(all, " ")
	}
	switch {
	case errors.Is(err, errNoNumber):
		return r.T("send.bad.number")
	case errors.Is(err, send.ErrNoCrisis):
		return r.T("send.bad.no_crisis")
	case errors.Is(err, send.ErrNoLibrary):
		return r.T("sends.none.configured")
	case errors.Is(err, send.ErrNoInitial):
		return r.T("send.bad.no_initial")
	case errors.Is(err, send.ErrPromise):
		return r.T("send.bad.promise")
	case errors.Is(err, send.ErrOver):
		return r.T("send.bad.over")
	case errors.Is(err, send.ErrUnderWay):
		return r.T("send.bad.under_way")
	case errors.Is(err, send.ErrForgotten):
		return r.T("send.bad.forgotten")
	case errors.Is(err, send.ErrNoChannel):
		return r.T("send.bad.no_channel")
	case errors.Is(err, send.ErrNoAudience):
		return r.T("send.bad.no_audience")
	case errors.Is(err, send.ErrNoCanary):
		return r.T("send.bad.no_canary")
	case errors.Is(err, send.ErrNoList):
		return r.T("send.bad.no_list")
	case errors.Is(err, send.ErrChanged):
		return r.T("send.bad.changed")
	case errors.Is(err, send.ErrNotFound), errors.Is(err, audience.ErrNotFound):
		return r.T("send.bad.gone")
	case errors.Is(err, audience.ErrBusy):
		return r.T("audience.bad.busy")
	case errors.Is(err, audience.ErrChanged):
		return r.T("audience.bad.changed")
	}
	return r.T("send.bad.away")
}

// stateWord is where a send stands: as a class for its colour and shape, and in a word.
type stateWord struct{ Class, Word string }

func (r sendsReader) sendState(state send.State) stateWord {
	v := stateWord{Class: string(state), Word: r.known("send.state.", string(state))}
	return v
}

// finding is a sentence about what stands against a send.
func (r sendsReader) finding(f send.Finding) string {
	args := map[string]string{}
	for name, value := range f.Args {
		n, err := strconv.Atoi(value)
		switch {
		case err == nil && n == 0: // said by its absence
			continue
		case err == nil:
			value = r.all(n)
		case name == "takes" || name == "valid":
			if d, err := time.ParseDuration(value); err == nil {
				value = r.span(d)
			}
		}
		args[name] = foreign(value, longestReason)
	}
	if f.Code == send.FoundLeftOut {
		var all []string
		for _, key := range []string{"disagreed", "suppressed", "capped", "unreached"} {
			if args[key] != "" {
				all = append(all, args[key]+nbsp+r.T("send.left."+key))
			}
		}
		return r.T("send.finding.left_out", "what", strings.Join(all, ", "))
	}
	text, rest := r.told("send.finding."+f.Code, args)
	if _, ok := r.texts["send.finding."+f.Code]; !ok && rest != "" {
		text += " " + rest
	}
	return text
}

// drillClass gives a page that is about an exercise its colour.
func drillClass(drill bool) string {
	if drill {
		return " drilling"
	}
	return ""
}
