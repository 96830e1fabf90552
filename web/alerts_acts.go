package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/alerts/route"
	"vigie/internal/match"
)

// What people do about alerts, as the audit has it in Action.What.
const (
	DidAckAlert       = "alert-ack"
	DidGiveUpAlert    = "alert-give-up"
	DidHandOverAlert  = "alert-hand-over"
	DidNoteAlert      = "alert-note"
	DidMakeSilence    = "silence-make"
	DidEndSilence     = "silence-end"
	DidMakeOverride   = "override-make"
	DidEndOverride    = "override-end"
	DidMaintain       = "maintenance-begin"
	DidEndMaintenance = "maintenance-end"
	DidTurnDial       = "dial-turn"
	DidBeginDrill     = "drill-begin"
	DidEndDrill       = "drill-end"
	DidTestAlert      = "alert-test"
	DidExportTrail    = "alert-log-export"
)

// alertAct is something that a page of alerts can ask for.
type alertAct struct {
	what string
	on   string // what it is done to, for the audit
	// do returns what more the audit should have.
	do func(ctx context.Context, form url.Values) (more string, err error)
	// back is where to go on; show is the same page with why it is not done.
	back string
	show func(c echo.Context, status int, problem string) error
}

// alertAct does what the form asks, notes it in the audit, and goes back; to programs it answers 204.
func (s *Server) alertAct(c echo.Context, a alertAct) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), actLimit)
	defer cancel()
	more, err := a.do(ctx, form)
	err = alertStatus(err)
	s.did(c, a.what, cut(strings.TrimSpace(a.on+" "+more), maxAudited), err)
	asked := strings.Contains(c.Request().Header.Get("Accept"), "application/json")
	switch {
	case err == nil && asked:
		return c.NoContent(http.StatusNoContent)
	case err == nil:
		back := a.back
		if form.Get("back") == "/alerts" || form.Get("back") == "/" {
			back = form.Get("back")
		}
		return c.Redirect(http.StatusSeeOther, back)
	case asked:
		return err
	}
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		s.log.Error("what was decided about alerts is not kept", "what", a.what, "on", a.on, "error", err)
	}
	return a.show(c, status, s.alertsReader(c).alertProblem(err))
}

// alertStatus gives a Room's errors their status.
func alertStatus(err error) error {
	status := http.StatusServiceUnavailable
	_, invalid := errors.AsType[alerts.Invalid](err)
	_, taken := errors.AsType[alerts.Taken](err)
	_, refused := errors.AsType[*match.Problem](err)
	_, known := errors.AsType[*echo.HTTPError](err)
	switch {
	case err == nil || known:
		return err
	case invalid, refused:
		status = http.StatusUnprocessableEntity
	case errors.Is(err, alerts.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, alerts.ErrOver), errors.Is(err, alerts.ErrFull), taken:
		status = http.StatusConflict
	}
	return fmt.Errorf("%w: %w", echo.NewHTTPError(status), err)
}

// alertProblem says what is wrong and what to do.
func (r alertsReader) alertProblem(err error) string {
	if invalid, ok := errors.AsType[alerts.Invalid](err); ok {
		if text, ok := r.texts["alerts.bad."+invalid.Field]; ok {
			return text
		}
		return r.T("alerts.bad.value", "field", foreign(invalid.Field, longestName), "reason", foreign(invalid.Reason, longestReason))
	}
	if taken, ok := errors.AsType[alerts.Taken](err); ok {
		return r.T("alerts.bad.taken", "who", r.who(taken.By), "time", r.until(taken.At))
	}
	if problem, ok := errors.AsType[*match.Problem](err); ok {
		key, _, _ := strings.Cut(problem.Key, "[")
		if text, ok := r.texts["alerts.bad."+key]; ok {
			return text
		}
		return r.T("alerts.bad.value", "field", foreign(problem.Key, longestName), "reason", foreign(problem.Text, longestReason))
	}
	switch {
	case errors.Is(err, alerts.ErrNotFound):
		return r.T("alerts.bad.gone")
	case errors.Is(err, alerts.ErrOver):
		return r.T("alerts.bad.over")
	case errors.Is(err, alerts.ErrFull):
		return r.T("alerts.bad.full")
	}
	return r.T("alerts.bad.away")
}

// incidentAct is an act on the problem of the address.
func (s *Server) incidentAct(c echo.Context, what string, do func(ctx context.Context, id, by string, form url.Values) (string, error)) error {
	id := c.Param("id")
	show := s.renderIncident
	if s.config.Alerts.Snapshot().Find(id) == nil {
		show = s.renderIncidents
	}
	return s.alertAct(c, alertAct{what: what, on: cut(id, 80), back: "/alerts/" + url.PathEscape(id), show: show, do: func(ctx context.Context, form url.Values) (string, error) {
		return do(ctx, id, userOf(c).Name, form)
	}})
}

func (s *Server) ackIncident(c echo.Context) error {
	return s.incidentAct(c, DidAckAlert, func(ctx context.Context, id, by string, form url.Values) (string, error) {
		return form.Get("note"), s.config.Alerts.Acknowledge(ctx, id, by, form.Get("note"))
	})
}

func (s *Server) giveUpIncident(c echo.Context) error {
	return s.incidentAct(c, DidGiveUpAlert, func(ctx context.Context, id, by string, form url.Values) (string, error) {
		return form.Get("note"), s.config.Alerts.GiveUp(ctx, id, by, form.Get("note"))
	})
}

func (s *Server) handOverIncident(c echo.Context) error {
	return s.incidentAct(c, DidHandOverAlert, func(ctx context.Context, id, by string, form url.Values) (string, error) {
		to := form.Get("person")
		return to + " " + form.Get("note"), s.config.Alerts.HandOver(ctx, id, to, by, form.Get("note"))
	})
}

func (s *Server) noteIncident(c echo.Context) error {
	return s.incidentAct(c, DidNoteAlert, func(ctx context.Context, id, by string, form url.Values) (string, error) {
		return form.Get("text"), s.config.Alerts.Note(ctx, id, by, form.Get("text"))
	})
}

func (s *Server) endSilence(c echo.Context) error {
	id := c.Param("id")
	return s.alertAct(c, alertAct{what: DidEndSilence, on: cut(id, 80), back: "/silences?said=silence-ended", show: s.renderSilences, do: func(ctx context.Context, _ url.Values) (string, error) {
		return "", s.config.Alerts.EndSilence(ctx, id, userOf(c).Name)
	}})
}

func (s *Server) makeMaintenance(c echo.Context) error {
	return s.alertAct(c, alertAct{what: DidMaintain, back: "/silences?said=maintenance#maintenance", show: s.renderSilences, do: func(ctx context.Context, form url.Values) (string, error) {
		r := s.alertsReader(c)
		m, err := r.maintenanceOf(form)
		if err != nil {
			return form.Get("title"), err
		}
		m, err = s.config.Alerts.Maintain(ctx, m)
		return m.ID + " " + m.Title, err
	}})
}

func (s *Server) endMaintenance(c echo.Context) error {
	id := c.Param("id")
	return s.alertAct(c, alertAct{what: DidEndMaintenance, on: cut(id, 80), back: "/silences?said=maintenance-ended#maintenance", show: s.renderSilences, do: func(ctx context.Context, _ url.Values) (string, error) {
		return "", s.config.Alerts.EndMaintenance(ctx, id, userOf(c).Name)
	}})
}

func (s *Server) makeOverride(c echo.Context) error {
	return s.alertAct(c, alertAct{what: DidMakeOverride, back: "/on-call?said=override#overrides", show: s.renderOnCall, do: func(ctx context.Context, form url.Values) (string, error) {
		r := s.alertsReader(c)
		o, err := r.overrideOf(form)
		if err == nil {
			o, err = s.config.Alerts.Override(ctx, o)
		}
		return strings.TrimSpace(o.Schedule + " " + o.Person + " " + o.Reason), err
	}})
}

func (s *Server) endOverride(c echo.Context) error {
	id := c.Param("id")
	return s.alertAct(c, alertAct{what: DidEndOverride, on: cut(id, 80), back: "/on-call?said=override-ended#overrides", show: s.renderOnCall, do: func(ctx context.Context, _ url.Values) (string, error) {
		return "", s.config.Alerts.Restore(ctx, id, userOf(c).Name)
	}})
}

func (s *Server) turnDial(c echo.Context) error {
	group := c.Param("group")
	return s.alertAct(c, alertAct{what: DidTurnDial, on: cut(group, 80), back: "/alerts/rules#group-" + url.PathEscape(group), show: s.renderRules, do: func(ctx context.Context, form url.Values) (string, error) {
		to, err := strconv.Atoi(form.Get("to"))
		if err != nil {
			return "", alerts.Invalid{Field: "to", Reason: "is no number"}
		}
		return strconv.Itoa(to), s.config.Alerts.TurnDial(ctx, group, to, userOf(c).Name)
	}})
}

// drillWord is what has to be typed before an exercise begins, so that nobody takes one button for another.
func (l *locale) drillWord() string { return l.T("alerts.drill.word") }

func (s *Server) setDrill(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	on, what := form.Get("on") == "1", DidEndDrill
	if on {
		what = DidBeginDrill
	}
	return s.alertAct(c, alertAct{what: what, back: "/alerts/channels#drill", show: s.renderChannels, do: func(ctx context.Context, form url.Values) (string, error) {
		words := make([]string, 0, len(s.locales))
		for _, l := range s.locales {
			words = append(words, l.drillWord())
		}
		if on && !slices.Contains(words, strings.ToUpper(strings.TrimSpace(form.Get("word")))) {
			return "", alerts.Invalid{Field: "word", Reason: "is not the word"}
		}
		return "", s.config.Alerts.SetDrill(ctx, on, userOf(c).Name)
	}})
}

func (s *Server) testAlert(c echo.Context) error {
	return s.alertAct(c, alertAct{what: DidTestAlert, back: "/alerts/channels?said=test#tests", show: s.renderChannels, do: func(ctx context.Context, form url.Values) (string, error) {
		ref := cut(form.Get("ref"), 200)
		_, err := s.config.Alerts.TestFire(ctx, route.Ref(ref), userOf(c).Name)
		return ref, err
	}})
}

// typedMoment reads a date and time where the reader is.
func (r alertsReader) typedMoment(field, text string) (time.Time, error) {
	t, err := time.ParseInLocation(inputMinute, strings.TrimSpace(text), r.zone)
	if err != nil || t.Year() < 2000 || t.Year() > 2200 {
		return time.Time{}, alerts.Invalid{Field: field, Reason: "is no date and time"}
	}
	return t, nil
}
