package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
	"vigie/runbooks"
	"vigie/runbooks/crisis"
)

// What people do in crises, as the audit has it in Action.What.
const (
	DidOpenCrisis     = "crisis-open"
	DidJoinCrisis     = "crisis-join"
	DidLeadCrisis     = "crisis-lead"
	DidDescribeCrisis = "crisis-describe"
	DidNoteCrisis     = "crisis-note"
	DidEndCrisis      = "crisis-end"
	DidReopenCrisis   = "crisis-reopen"
	DidExportCrisis   = "crisis-export"
)

// crisisRoutes are the pages of crises, of runbooks and their runs, and the support desk: viewers read, operators act.
func (s *Server) crisisRoutes(people *echo.Group) {
	for path, show := range map[string]echo.HandlerFunc{
		"/crises": s.showCrises, "/crises/:id": s.showCrisis, "/crises/:id/export": s.exportCrisis,
		"/runbooks": s.showRunbooks, "/runbooks/:id": s.showRunbook, "/runs/:id": s.showRun, "/runs/:id/export": s.exportRun,
		"/support": s.showSupport,
	} {
		people.GET(path, show, s.require(account.Viewer))
	}
	for path, do := range map[string]echo.HandlerFunc{
		"/crises": s.openCrisis, "/crises/join": s.joinFromAlert, "/crises/:id/join": s.joinCrisis, "/crises/:id/lead": s.leadCrisis, "/crises/:id/describe": s.describeCrisis,
		"/crises/:id/note": s.noteCrisis, "/crises/:id/end": s.endCrisis, "/crises/:id/reopen": s.reopenCrisis, "/crises/:id/components/:component": s.setComponent,
		"/runs": s.startRun, "/runs/:id/lead": s.leadRun, "/runs/:id/labels": s.labelRun, "/runs/:id/finish": s.finishRun, "/runs/:id/abandon": s.abandonRun,
		"/runs/:id/:step/:act": s.actStep, "/support": s.findPerson,
	} {
		people.POST(path, do, s.require(account.Operator))
	}
}

// crisesAct is something that a page of crises can ask for.
type crisesAct struct {
	what string
	on   string // what it is done to, for the audit
	// do returns where to go on, and what more the audit should have.
	do   func(ctx context.Context, by string, form url.Values) (back, more string, err error)
	show func(c echo.Context, status int, problem string) error
}

// crisesAct does what the form asks, notes it in the audit, and goes on; to programs it answers 204.
func (s *Server) crisesAct(c echo.Context, a crisesAct) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), actLimit)
	defer cancel()
	back, more, err := a.do(ctx, userOf(c).Name, form)
	err = crisesStatus(err)
	s.did(c, a.what, cut(strings.TrimSpace(a.on+" "+more), maxAudited), err)
	asked := strings.Contains(c.Request().Header.Get("Accept"), "application/json")
	switch {
	case err == nil && asked:
		return c.NoContent(http.StatusNoContent)
	case err == nil:
		return c.Redirect(http.StatusSeeOther, back)
	case asked:
		return err
	}
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		s.log.Error("what was decided in a crisis is not kept", "what", a.what, "on", a.on, "error", err)
	}
	return a.show(c, status, s.crisesReader(c).problem(err))
}

// crisesStatus gives the rooms' errors their status.
func crisesStatus(err error) error {
	status := http.StatusServiceUnavailable
	_, invalid := errors.AsType[crisis.Invalid](err)
	_, already := errors.AsType[crisis.Already](err)
	_, done := errors.AsType[*runbooks.DoneError](err)
	_, blocked := errors.AsType[*runbooks.BlockedError](err)
	_, running := errors.AsType[*runbooks.RunningError](err)
	_, unsaid := errors.AsType[*runbooks.UnsaidError](err)
	_, calling := errors.AsType[*runbooks.CallingError](err)
	_, meanwhile := errors.AsType[meanwhileError](err)
	_, known := errors.AsType[*echo.HTTPError](err)
	switch {
	case err == nil || known:
		return err
	case invalid, unsaid, errors.Is(err, runbooks.ErrKind):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, crisis.ErrNotFound), errors.Is(err, runbooks.ErrNotFound):
		status = http.StatusNotFound
	case already, done, blocked, running, calling, meanwhile, isAny(err, crisis.ErrOver, crisis.ErrOpen, crisis.ErrTooLate, crisis.ErrFull, runbooks.ErrOver, runbooks.ErrFull, runbooks.ErrApplies):
		status = http.StatusConflict
	}
	return fmt.Errorf("%w: %w", echo.NewHTTPError(status), err)
}

func isAny(err error, of ...error) bool {
	return slices.ContainsFunc(of, func(one error) bool { return errors.Is(err, one) })
}

// problem says what is wrong and what to do.
func (r crisesReader) problem(err error) string {
	if invalid, ok := errors.AsType[crisis.Invalid](err); ok {
		if text, ok := r.texts["crises.bad."+invalid.Field]; ok {
			return text
		}
		return r.T("crises.bad.value", "field", foreign(invalid.Field, longestName), "reason", foreign(invalid.Reason, longestReason))
	}
	if already, ok := errors.AsType[crisis.Already](err); ok {
		title := already.Crisis
		if c := r.crisis(already.Crisis); c != nil {
			title = c.Title
		}
		return r.T("crises.bad.already", "title", foreign(title, longestReason))
	}
	if done, ok := errors.AsType[*runbooks.DoneError](err); ok {
		key := "crises.bad.done"
		if done.Skipped {
			key = "crises.bad.skipped"
		}
		return r.T(key, "who", r.who(done.By), "time", r.at(done.At))
	}
	if blocked, ok := errors.AsType[*runbooks.BlockedError](err); ok {
		key := "crises.bad.blocked"
		if blocked.Undecided {
			key = "crises.bad.undecided"
		}
		return r.T(key, "steps", foreign(strings.Join(blocked.Needs, ", "), longestReason))
	}
	if running, ok := errors.AsType[*runbooks.RunningError](err); ok {
		return r.T("crises.bad.running", "who", r.who(running.By), "time", r.at(running.At))
	}
	if text := r.componentProblem(err); text != "" {
		return text
	}
	if unsaid, ok := errors.AsType[*runbooks.UnsaidError](err); ok {
		return r.T("crises.bad.unsaid", "what", r.dimensions(unsaid.Labels))
	}
	if calling, ok := errors.AsType[*runbooks.CallingError](err); ok {
		return r.T("crises.bad.calling", "time", r.at(calling.At))
	}
	for key, of := range map[string]error{
		"gone": crisis.ErrNotFound, "gone.run": runbooks.ErrNotFound, "over": crisis.ErrOver, "open": crisis.ErrOpen, "too_late": crisis.ErrTooLate,
		"over.run": runbooks.ErrOver, "applies": runbooks.ErrApplies, "kind": runbooks.ErrKind,
	} {
		if errors.Is(err, of) {
			return r.T("crises.bad." + key)
		}
	}
	if isAny(err, crisis.ErrFull, runbooks.ErrFull) {
		return r.T("crises.bad.full")
	}
	return r.T("crises.bad.away")
}

// labelsOf are the labels that a form has, and those of the alert that it is about.
func (r crisesReader) labelsOf(form url.Values) map[string]string {
	labels := map[string]string{}
	for name := range form {
		if label, ok := strings.CutPrefix(name, "label-"); ok && len(labels) <= crisis.MaxLabels {
			labels[label] = r.typedLabel(label, strings.TrimSpace(form.Get(name)))
		}
	}
	if id := form.Get("problem"); id != "" {
		if i := r.snap.Find(id); i != nil {
			fillIn(labels, hitLabelsOf(i))
		}
	}
	return labels
}

// openCrisis opens one, or takes the one that the alert belongs to; with a runbook its run begins at once.
func (s *Server) openCrisis(c echo.Context) error {
	if s.config.Crises == nil {
		return echo.ErrNotFound
	}
	return s.crisesAct(c, crisesAct{what: DidOpenCrisis, show: s.renderCrises, do: func(ctx context.Context, by string, form url.Values) (string, string, error) {
		r := s.crisesReader(c)
		made, err := r.newCrisis(form)
		if err != nil {
			return "", form.Get("title"), err
		}
		more := strings.TrimSpace(made.Title + " " + cmp.Or(strings.Join(made.Problems, " ")))
		if name := form.Get("runbook"); name != "" {
			run, err := s.start(ctx, by, runbooks.Start{Runbook: name, New: made, Drill: made.Drill, Problem: form.Get("problem"), Labels: made.Labels})
			return run, more + " " + name, err
		}
		opened, err := s.config.Crises.Open(ctx, by, made)
		if already, ok := errors.AsType[crisis.Already](err); ok && !made.Drill { // somebody was faster: this is it
			return "/crises/" + already.Crisis + "?said=already", more, nil
		}
		if err != nil {
			return "", more, err
		}
		return "/crises/" + opened.ID, opened.ID + " " + more, nil
	}})
}

// newCrisis is what a form asks to open.
func (r crisesReader) newCrisis(form url.Values) (crisis.Crisis, error) {
	made := crisis.Crisis{Title: form.Get("title"), Drill: form.Get("drill") == "1", Labels: r.labelsOf(form)}
	at, err := r.typedMomentToday(strings.TrimSpace(form.Get("at")))
	if err != nil {
		return made, err
	}
	made.Began = at
	if now, ok := r.match(); ok {
		made.Match = now.ID
	}
	id := form.Get("problem")
	if id == "" {
		return made, nil
	}
	i := r.snap.Find(id)
	if i == nil {
		return made, crisis.Invalid{Field: "problem", Reason: "is not known"}
	}
	made.Problems = []string{id}
	made.Title = cmp.Or(strings.TrimSpace(made.Title), cut(r.text(i.Title), 150), i.Rule)
	if made.Began.IsZero() && r.now.Sub(i.Began) < crisisFeltFor {
		made.Began = i.Began
	}
	return made, nil
}

// onCrisis is an act on the crisis of the address.
func (s *Server) onCrisis(c echo.Context, what, anchor string, do func(ctx context.Context, id, by string, form url.Values) (string, error)) error {
	id := c.Param("id")
	if s.config.Crises == nil || s.config.Crises.Get(id) == nil {
		return echo.ErrNotFound
	}
	return s.crisesAct(c, crisesAct{what: what, on: id, show: s.renderCrisis, do: func(ctx context.Context, by string, form url.Values) (string, string, error) {
		more, err := do(ctx, id, by, form)
		return "/crises/" + id + anchor, more, err
	}})
}

func (s *Server) joinCrisis(c echo.Context) error {
	return s.onCrisis(c, DidJoinCrisis, "#alerts-of", func(ctx context.Context, id, by string, form url.Values) (string, error) {
		problem := form.Get("problem")
		if s.crisesReader(c).snap.Find(problem) == nil {
			return problem, crisis.Invalid{Field: "problem", Reason: "is not known"}
		}
		_, err := s.config.Crises.Join(ctx, by, id, problem)
		return problem, err
	})
}

// joinFromAlert is joinCrisis from an alert's page, where the crisis is chosen.
func (s *Server) joinFromAlert(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	c.SetParamNames("id")
	c.SetParamValues(form.Get("crisis"))
	return s.joinCrisis(c)
}

func (s *Server) leadCrisis(c echo.Context) error {
	return s.onCrisis(c, DidLeadCrisis, "", func(ctx context.Context, id, by string, form url.Values) (string, error) {
		to, err := s.actor(ctx, form.Get("to"))
		if err == nil {
			_, err = s.config.Crises.Lead(ctx, by, id, to)
		}
		return to, err
	})
}

func (s *Server) describeCrisis(c echo.Context) error {
	return s.onCrisis(c, DidDescribeCrisis, "", func(ctx context.Context, id, by string, form url.Values) (string, error) {
		labels := s.crisesReader(c).labelsOf(form)
		for name, value := range s.config.Crises.Get(id).Labels { // those that the form does not have stay
			if _, ok := labels[name]; !ok {
				labels[name] = value
			}
		}
		_, err := s.config.Crises.Describe(ctx, by, id, form.Get("title"), labels)
		return form.Get("title"), err
	})
}

func (s *Server) noteCrisis(c echo.Context) error {
	return s.onCrisis(c, DidNoteCrisis, "#timeline", func(ctx context.Context, id, by string, form url.Values) (string, error) {
		at, err := s.crisesReader(c).typedMomentToday(strings.TrimSpace(form.Get("at")))
		if err == nil {
			err = s.config.Crises.Annotate(ctx, by, id, form.Get("text"), at)
		}
		return form.Get("text"), err
	})
}

func (s *Server) endCrisis(c echo.Context) error {
	return s.onCrisis(c, DidEndCrisis, "", func(ctx context.Context, id, by string, form url.Values) (string, error) {
		_, err := s.config.Crises.End(ctx, by, id, form.Get("note"))
		return form.Get("note"), err
	})
}

func (s *Server) reopenCrisis(c echo.Context) error {
	return s.onCrisis(c, DidReopenCrisis, "", func(ctx context.Context, id, by string, form url.Values) (string, error) {
		_, err := s.config.Crises.Reopen(ctx, by, id, form.Get("why"))
		return form.Get("why"), err
	})
}

// actor is a person to whom something is handed: they must be able to act.
func (s *Server) actor(ctx context.Context, name string) (string, error) {
	u, err := s.config.Accounts.Find(ctx, name)
	if errors.Is(err, account.ErrNotFound) || err == nil && !u.May(account.Operator) {
		return name, crisis.Invalid{Field: "to", Reason: "is nobody who may act"}
	}
	return u.Name, err
}

// fileFormat is one way to write a file.
type fileFormat struct {
	mime  string
	write func(io.Writer) error
}

// crisesFile writes the format that the address asks for, whole or not at all.
func (s *Server) crisesFile(c echo.Context, what, name string, formats map[string]fileFormat) error {
	as := cmp.Or(c.QueryParam("as"), "md")
	f, ok := formats[as]
	if !ok {
		return echo.ErrBadRequest
	}
	var b bytes.Buffer
	err := f.write(&b)
	s.did(c, what, cut(name+"."+as, maxAudited), err)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+name+"."+as+`"`)
	return c.Blob(http.StatusOK, f.mime, b.Bytes())
}
