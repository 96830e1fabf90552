package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"vigie/runbooks"
)

// What people do in runs, as the audit has it in Action.What.
const (
	DidLeadRun    = "run-lead"
	DidLabelRun   = "run-labels"
	DidFinishRun  = "run-finish"
	DidAbandonRun = "run-abandon"
	DidExportRun  = "run-export"

	DidTickStep    = "step-tick"
	DidUntickStep  = "step-untick"
	DidSkipStep    = "step-skip"
	DidChooseStep  = "step-choose"
	DidTakeStep    = "step-take"
	DidHandStep    = "step-hand-over"
	DidCommentStep = "step-comment"
	DidCallStep    = "step-call"
)

// onRun is an act on the run of the address.
func (s *Server) onRun(c echo.Context, what, on, anchor string, do func(ctx context.Context, room *runbooks.Room, id, by string, form url.Values) (string, error)) error {
	room, id := s.config.Runbooks, c.Param("id")
	if room == nil || len(id) > 200 || room.Get(id) == nil {
		return echo.ErrNotFound
	}
	return s.crisesAct(c, crisesAct{what: what, on: strings.TrimSpace(id + " " + on), show: s.renderRun, do: func(ctx context.Context, by string, form url.Values) (string, string, error) {
		more, err := do(ctx, room, id, by, form)
		if blocked, ok := errors.AsType[*runbooks.BlockedError](err); ok { // in the words of the page
			err = &runbooks.BlockedError{Needs: s.crisesReader(c).stepNumbers(room.Get(id).Runbook, blocked.Needs), Undecided: blocked.Undecided}
		}
		return "/runs/" + id + anchor, more, err
	}})
}

func (s *Server) leadRun(c echo.Context) error {
	return s.onRun(c, DidLeadRun, "", "", func(ctx context.Context, room *runbooks.Room, id, by string, form url.Values) (string, error) {
		to, err := s.actor(ctx, form.Get("to"))
		if err == nil {
			_, err = room.HandOverRun(ctx, by, id, to)
		}
		return to, err
	})
}

func (s *Server) labelRun(c echo.Context) error {
	return s.onRun(c, DidLabelRun, "", "", func(ctx context.Context, room *runbooks.Room, id, by string, form url.Values) (string, error) {
		_, err := room.SetLabels(ctx, by, id, s.crisesReader(c).labelsOf(form))
		return "", err
	})
}

func (s *Server) finishRun(c echo.Context) error {
	return s.onRun(c, DidFinishRun, "", "", func(ctx context.Context, room *runbooks.Room, id, by string, form url.Values) (string, error) {
		_, err := room.Finish(ctx, by, id, form.Get("note"))
		return form.Get("note"), err
	})
}

func (s *Server) abandonRun(c echo.Context) error {
	return s.onRun(c, DidAbandonRun, "", "", func(ctx context.Context, room *runbooks.Room, id, by string, form url.Values) (string, error) {
		_, err := room.Abandon(ctx, by, id, form.Get("reason"))
		return form.Get("reason"), err
	})
}

// stepAct is one way to act on a step.
type stepAct struct {
	what string
	do   func(ctx context.Context, room *runbooks.Room, id, step, by string, form url.Values) (more string, err error)
}

// typed is an act that takes one text of the form.
func typed(field string, act func(*runbooks.Room, context.Context, string, string, string, string) (*runbooks.Run, error)) func(context.Context, *runbooks.Room, string, string, string, url.Values) (string, error) {
	return func(ctx context.Context, room *runbooks.Room, id, step, by string, form url.Values) (string, error) {
		_, err := act(room, ctx, by, id, step, form.Get(field))
		return form.Get(field), err
	}
}

// bare is an act that takes nothing.
func bare(act func(*runbooks.Room, context.Context, string, string, string) (*runbooks.Run, error)) func(context.Context, *runbooks.Room, string, string, string, url.Values) (string, error) {
	return func(ctx context.Context, room *runbooks.Room, id, step, by string, _ url.Values) (string, error) {
		_, err := act(room, ctx, by, id, step)
		return "", err
	}
}

// stepAct is what the address asks for; false: nothing that there is.
func (s *Server) stepAct(name string) (stepAct, bool) {
	a, ok := map[string]stepAct{
		"tick":    {DidTickStep, typed("evidence", (*runbooks.Room).Tick)},
		"untick":  {DidUntickStep, typed("reason", (*runbooks.Room).Untick)},
		"skip":    {DidSkipStep, typed("reason", (*runbooks.Room).Skip)},
		"comment": {DidCommentStep, typed("text", (*runbooks.Room).Comment)},
		"take":    {DidTakeStep, bare((*runbooks.Room).Take)},
		"call":    {DidCallStep, bare((*runbooks.Room).Call)},
		"choose": {DidChooseStep, func(ctx context.Context, room *runbooks.Room, id, step, by string, form url.Values) (string, error) {
			_, err := room.Choose(ctx, by, id, step, form.Get("choice"), form.Get("evidence"))
			return strings.TrimSpace(form.Get("choice") + " " + form.Get("evidence")), err
		}},
		"hand": {DidHandStep, func(ctx context.Context, room *runbooks.Room, id, step, by string, form url.Values) (string, error) {
			to, err := s.actor(ctx, form.Get("to"))
			if err == nil {
				_, err = room.HandOver(ctx, by, id, step, to)
			}
			return to, err
		}},
	}[name]
	return a, ok
}

func (s *Server) actStep(c echo.Context) error {
	a, ok := s.stepAct(c.Param("act"))
	if !ok {
		return echo.NewHTTPError(http.StatusNotFound)
	}
	step := c.Param("step")
	return s.onRun(c, a.what, cut(step, 80), "#step-"+url.PathEscape(step), func(ctx context.Context, room *runbooks.Room, id, by string, form url.Values) (string, error) {
		return a.do(ctx, room, id, step, by, form)
	})
}
