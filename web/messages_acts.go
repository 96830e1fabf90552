package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
	"vigie/internal/match"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// What people do about messages, as the audit has it in Action.What.
const (
	DidMakeMessage    = "message-make"
	DidSaveMessage    = "message-save"
	DidSubmitMessage  = "message-submit"
	DidApproveMessage = "message-approve"
	DidRejectMessage  = "message-reject"
	DidCommentMessage = "message-comment"
	DidArmMessage     = "message-arm"
	DidArmMessages    = "messages-arm"
	DidDisarmMessage  = "message-disarm"
	DidRetireMessage  = "message-retire"
	DidReviveMessage  = "message-revive"
	DidImportMessages = "messages-import"
	DidExportMessage  = "message-export"
)

// errNoTitle is of a scenario that has no name: people would not find it.
var errNoTitle = &match.Problem{Key: "title", Text: "is missing"}

// messageRoutes are the pages of crisis messages: viewers read, authors write, validators approve, operators arm.
func (s *Server) messageRoutes(people *echo.Group) {
	for path, show := range map[string]echo.HandlerFunc{
		"/messages": s.showMessages, "/messages/:scenario": s.showEditor, "/messages/:scenario/:step/review": s.showReview, "/messages/:scenario/export": s.exportMessage,
	} {
		people.GET(path, show, s.require(account.Viewer))
	}
	for path, of := range map[string]echo.HandlerFunc{"/messages/new": s.showNewMessage, "/messages/import": s.showImport} {
		people.GET(path, of, s.require(account.Author))
	}
	for path, do := range map[string]echo.HandlerFunc{
		"/messages": s.makeMessage, "/messages/import": s.importMessages, "/messages/:scenario": s.saveMessage, "/messages/:scenario/preview": s.previewMessage,
	} {
		people.POST(path, do, s.require(account.Author))
	}
	people.POST("/messages/arm", s.armAll, s.require(account.Operator))
	l := func() *library.Library { return s.config.Library }
	for name, of := range map[string]struct {
		what string
		said string
		do   func(ctx context.Context, by, id string, step message.Step, form url.Values) (*library.Entry, error)
		may  []account.Role
	}{
		"submit": {DidSubmitMessage, "submitted", func(ctx context.Context, by, id string, step message.Step, _ url.Values) (*library.Entry, error) {
			return l().Submit(ctx, by, id, step)
		}, []account.Role{account.Author}},
		"approve": {DidApproveMessage, "approved", func(ctx context.Context, by, id string, step message.Step, form url.Values) (*library.Entry, error) {
			return l().Approve(ctx, by, id, step, form.Get("hash"))
		}, []account.Role{account.Validator}},
		"reject": {DidRejectMessage, "rejected", func(ctx context.Context, by, id string, step message.Step, form url.Values) (*library.Entry, error) {
			return l().Reject(ctx, by, id, step, form.Get("note"))
		}, []account.Role{account.Validator}},
		"comment": {DidCommentMessage, "", func(ctx context.Context, by, id string, step message.Step, form url.Values) (*library.Entry, error) {
			return l().Comment(ctx, by, id, step, form.Get("note"))
		}, []account.Role{account.Author, account.Validator, account.Operator}},
		"arm": {DidArmMessage, "armed", func(ctx context.Context, by, id string, step message.Step, form url.Values) (*library.Entry, error) {
			if err := s.knownMatch(form.Get("match")); err != nil {
				return nil, err
			}
			return l().Arm(ctx, by, id, step, form.Get("match"))
		}, []account.Role{account.Operator}},
		"disarm": {DidDisarmMessage, "disarmed", func(ctx context.Context, by, id string, step message.Step, form url.Values) (*library.Entry, error) {
			return l().Disarm(ctx, by, id, step, form.Get("match"))
		}, []account.Role{account.Operator}},
		"retire": {DidRetireMessage, "retired", func(ctx context.Context, by, id string, step message.Step, _ url.Values) (*library.Entry, error) {
			return l().Retire(ctx, by, id, step)
		}, []account.Role{account.Author, account.Validator}},
		"revive": {DidReviveMessage, "revived", func(ctx context.Context, by, id string, step message.Step, _ url.Values) (*library.Entry, error) {
			return l().Revive(ctx, by, id, step)
		}, []account.Role{account.Author, account.Validator}},
	} {
		people.POST("/messages/:scenario/:step/"+name, func(c echo.Context) error { return s.messageAct(c, of.what, of.said, of.do) }, s.requireOneOf(of.may...))
	}
}

// requireOneOf is require for whoever has one of some roles.
func (s *Server) requireOneOf(roles ...account.Role) echo.MiddlewareFunc {
	return s.admit("/sign-in", func(c echo.Context) (principal, error) {
		var p principal
		var err error
		for _, role := range roles {
			if p, err = s.person(c, role); !errors.Is(err, errForbidden) {
				return p, err
			}
		}
		return p, err
	})
}

// acting bounds how long the bus may take to keep what somebody decided.
func acting(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.Request().Context(), actLimit)
}

// errNoMatch is of a match that the calendar has not: what is armed for it would never be looked for.
var errNoMatch = &match.Problem{Key: "match", Text: "is not in the calendar"}

func (s *Server) knownMatch(id string) error {
	if id != "" && s.config.Matches.Find(id) == nil {
		return &library.Refused{Why: library.Invalid, Err: errNoMatch}
	}
	return nil
}

// messageAct does what a form of a message's review asks, notes it in the audit, and shows the review again.
func (s *Server) messageAct(c echo.Context, what, said string, do func(ctx context.Context, by, id string, step message.Step, form url.Values) (*library.Entry, error)) error {
	e, err := s.entry(c)
	if err != nil {
		return err
	}
	step, err := parseStep(c.Param("step"))
	if err != nil {
		return err
	}
	form, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, cancel := acting(c)
	defer cancel()
	by := userOf(c).Name
	_, err = do(ctx, by, e.Scenario.ID, step, form)
	err = refusedStatus(err, by)
	on := e.Scenario.ID + " " + string(step)
	for _, more := range []string{"match", "note"} {
		if text := form.Get(more); text != "" {
			on += " " + text
		}
	}
	if hash := form.Get("hash"); hash != "" {
		on += " " + shortHash(hash)
	}
	s.did(c, what, cut(on, maxAudited), err)
	if err == nil {
		back := "/messages/" + e.Scenario.ID + "/" + string(step) + "/review?match=" + url.QueryEscape(cut(form.Get("match"), 64))
		if said != "" {
			back += "&said=" + said
		} else {
			back += "#thread"
		}
		return c.Redirect(http.StatusSeeOther, back)
	}
	if statusOf(err) >= http.StatusInternalServerError {
		s.log.Error("what was decided about a message is not kept", "what", what, "on", on, "error", err)
	}
	return s.renderReview(c, statusOf(err), err)
}

// armAll arms all that is approved, for a match. What cannot be is told, and nothing else is held up by it.
func (s *Server) armAll(c echo.Context) error {
	if s.config.Library == nil {
		return echo.ErrNotFound
	}
	form, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, cancel := acting(c)
	defer cancel()
	r := s.messagesReader(c)
	id := form.Get("match")
	if err := refusedStatus(s.knownMatch(id), r.user.Name); err != nil {
		s.did(c, DidArmMessages, cut(id, maxAudited), err)
		problem, more := r.refusal(err)
		return s.renderMessages(c, statusOf(err), problem, more)
	}
	var refused []string
	armed := 0
	var last error
	for _, e := range s.config.Library.All() {
		for _, step := range message.Steps() {
			if e.State(step, id, r.now) != library.Approved {
				continue
			}
			_, err := s.config.Library.Arm(ctx, r.user.Name, e.Scenario.ID, step, id)
			if err = refusedStatus(err, r.user.Name); err != nil {
				text, more := r.refusal(err)
				refused = append(refused, strings.Join(append([]string{r.title(&e.Scenario) + ", " + r.step(step) + " : " + text}, more...), " "))
				last = err
				continue
			}
			armed++
		}
	}
	s.did(c, DidArmMessages, fmt.Sprintf("%s %d", cut(id, 64), armed), last)
	if last != nil {
		return s.renderMessages(c, statusOf(last), r.plural("messages.arm.some", len(refused)), refused)
	}
	return c.Redirect(http.StatusSeeOther, "/messages?match="+url.QueryEscape(id)+"&said=armed-all")
}

func refusedOf(err error) (*library.Refused, bool) { return errors.AsType[*library.Refused](err) }

// refusedStatus gives the library's errors their status. What by did already is no error: a form that is sent twice
// does no harm.
func refusedStatus(err error, by string) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*echo.HTTPError](err); known {
		return err
	}
	status := http.StatusServiceUnavailable
	if refused, ok := refusedOf(err); ok {
		status = http.StatusConflict
		switch refused.Why {
		case library.Already:
			if refused.By == "" || strings.EqualFold(refused.By, by) {
				return nil
			}
		case library.OwnWork, library.Nobody:
			status = http.StatusForbidden
		case library.Unknown, library.NoMessage:
			status = http.StatusNotFound
		case library.Invalid, library.Faulty, library.TextSize:
			status = http.StatusUnprocessableEntity
		}
	}
	return fmt.Errorf("%w: %w", echo.NewHTTPError(status), err)
}

// refusal says why something was not done, and what to do; more are its details.
func (r messagesReader) refusal(err error) (text string, more []string) {
	refused, ok := refusedOf(err)
	if !ok {
		return r.T("messages.bad.away"), nil
	}
	text = r.T("library.why."+string(refused.Why), "who", r.who(refused.By), "time", r.ago(refused.At))
	return text, append(r.problems(refused.Err), r.errorsOf(refused.Findings)...)
}
