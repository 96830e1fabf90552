package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
	"vigie/internal/match"
)

// What people decide about matches, as the audit has it in Action.What.
const (
	DidMovePhase   = "phase-move"
	DidSkipPhase   = "phase-skip"
	DidUndoMove    = "phase-undo"
	DidAnswer      = "checklist-answer"
	DidCompare     = "match-compare"
	DidSelectMatch = "match-select"
	DidAddNote     = "note-add"
	DidRemoveNote  = "note-remove"
)

const (
	maxAudited = 200             // bytes of what was typed
	actLimit   = 5 * time.Second // for the bus to keep it
)

// matchAct is something that the page of a match can ask for.
type matchAct struct {
	what, section string
	// do returns what it was done to, for the audit, beside the match.
	do func(ctx context.Context, m *match.Match, form url.Values) (on string, err error)
}

// act does what the form asks, notes it in the audit, and shows the match again; to programs it answers
// 204 instead.
func (s *Server) act(c echo.Context, a matchAct) error {
	m := s.config.Matches.Find(c.Param("id"))
	if m == nil {
		return echo.ErrNotFound
	}
	form, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), actLimit)
	defer cancel()
	on, err := a.do(ctx, m, form)
	err = matchStatus(err)
	s.did(c, a.what, strings.TrimSuffix(m.ID+" "+cut(on, maxAudited), " "), err)
	asked := strings.Contains(c.Request().Header.Get("Accept"), "application/json")
	switch {
	case err == nil && asked:
		return c.NoContent(http.StatusNoContent)
	case err == nil:
		return c.Redirect(http.StatusSeeOther, "/matches/"+m.ID+"#"+a.section)
	case asked:
		return err
	}
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		s.log.Error("what was decided about a match is not kept", "match", m.ID, "what", a.what, "error", err)
	}
	return s.renderMatch(c, status, s.localeOf(c).matchProblem(m, err))
}

// cut shortens what was typed.
func cut(text string, longest int) string {
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// matchStatus gives a Book's errors their status.
func matchStatus(err error) error {
	status := http.StatusServiceUnavailable
	_, order := errors.AsType[*match.OrderError](err)
	_, invalid := errors.AsType[match.Invalid](err)
	switch {
	case err == nil:
		return nil
	case order || invalid:
		status = http.StatusUnprocessableEntity
	case errors.Is(err, match.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, match.ErrConflict), errors.Is(err, match.ErrFull):
		status = http.StatusConflict
	case errors.Is(err, match.ErrForbidden):
		status = http.StatusForbidden
	}
	return fmt.Errorf("%w: %w", echo.NewHTTPError(status), err)
}

// matchProblem says what is wrong and what to do.
func (l *locale) matchProblem(m *match.Match, err error) string {
	if order, ok := errors.AsType[*match.OrderError](err); ok {
		phase, from, to := l.T("phase."+string(order.Phase)), hour(order.From, m.Zone()), hour(order.To, m.Zone())
		switch {
		case order.To.Before(order.From):
			return l.T("matches.bad.no_room", "phase", phase)
		case order.To.Sub(order.From) > 12*time.Hour: // the night alone bounds it
			return l.T("matches.bad.from", "phase", phase, "from", from)
		}
		return l.T("matches.bad.between", "phase", phase, "from", from, "to", to)
	}
	if invalid, ok := errors.AsType[match.Invalid](err); ok {
		return l.T("matches.bad." + invalid.Field)
	}
	switch {
	case errors.Is(err, match.ErrNotFound):
		return l.T("matches.bad.gone")
	case errors.Is(err, match.ErrFull):
		return l.T("matches.bad.full")
	case errors.Is(err, match.ErrConflict):
		return l.T("matches.bad.conflict")
	case errors.Is(err, match.ErrForbidden):
		return l.T("matches.bad.forbidden")
	}
	return l.T("matches.bad.away")
}

// typedTime reads when a phase begins: nothing is now, else the time of day at the venue, on the day
// that is nearest to when it was expected.
func typedTime(text string, zone *time.Location, near time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Now(), nil
	}
	clock, err := time.Parse(time.TimeOnly, text)
	if err != nil {
		if clock, err = time.Parse("15:04", text); err != nil {
			return time.Time{}, match.Invalid{Field: "at", Reason: "is not a time of day"}
		}
	}
	near = near.In(zone)
	var best time.Time
	for day := -1; day <= 1; day++ {
		t := time.Date(near.Year(), near.Month(), near.Day()+day, clock.Hour(), clock.Minute(), clock.Second(), 0, zone)
		if best.IsZero() || t.Sub(near).Abs() < best.Sub(near).Abs() {
			best = t
		}
	}
	return best, nil
}

func (s *Server) movePhase(c echo.Context) error {
	return s.act(c, matchAct{DidMovePhase, "phases", func(ctx context.Context, m *match.Match, form url.Values) (string, error) {
		phase := match.Phase(form.Get("phase"))
		near := m.KickOff
		timeline := s.config.Matches.Timeline(m.ID)
		for _, mark := range timeline {
			if mark.Phase == phase {
				near = mark.At
			}
		}
		if near.Equal(m.KickOff) && len(timeline) > 0 && phase != timeline[0].Phase {
			near = m.End(timeline) // a phase that is not planned comes late
		}
		at, err := typedTime(form.Get("at"), m.Zone(), near)
		if err != nil {
			return string(phase), err
		}
		return string(phase) + " " + at.UTC().Format(time.RFC3339), s.config.Matches.MovePhase(ctx, m.ID, phase, at, userOf(c).Name)
	}})
}

func (s *Server) skipPhase(c echo.Context) error {
	return s.act(c, matchAct{DidSkipPhase, "phases", func(ctx context.Context, m *match.Match, form url.Values) (string, error) {
		phase := match.Phase(form.Get("phase"))
		return string(phase), s.config.Matches.SkipPhase(ctx, m.ID, phase, userOf(c).Name)
	}})
}

func (s *Server) undoMove(c echo.Context) error {
	return s.act(c, matchAct{DidUndoMove, "phases", func(ctx context.Context, m *match.Match, _ url.Values) (string, error) {
		return "", s.config.Matches.UndoMove(ctx, m.ID, userOf(c).Name)
	}})
}

func (s *Server) answerItem(c echo.Context) error {
	return s.act(c, matchAct{DidAnswer, "checklist", func(ctx context.Context, m *match.Match, form url.Values) (string, error) {
		item, verdict := form.Get("item"), match.Verdict(form.Get("verdict"))
		on := strings.TrimSpace(item + " " + string(verdict) + " " + form.Get("note"))
		return on, s.config.Matches.Answer(ctx, m.ID, item, verdict, form.Get("note"), userOf(c).Name)
	}})
}

func (s *Server) compareMatch(c echo.Context) error {
	return s.act(c, matchAct{DidCompare, "compare", func(ctx context.Context, m *match.Match, form url.Values) (string, error) {
		earlier, align := form.Get("earlier"), match.Phase(form.Get("align"))
		return strings.TrimSpace(earlier + " " + string(align)), s.config.Matches.Compare(ctx, m.ID, earlier, align, userOf(c).Name)
	}})
}

func (s *Server) selectMatch(c echo.Context) error {
	return s.act(c, matchAct{DidSelectMatch, "shown", func(ctx context.Context, m *match.Match, form url.Values) (string, error) {
		id := m.ID
		if form.Get("free") != "" {
			id = ""
		}
		return form.Get("free"), s.config.Matches.Select(ctx, id, userOf(c).Name)
	}})
}

// addNote takes at as seconds since 1970, for the board, or as a time of day at the venue.
func (s *Server) addNote(c echo.Context) error {
	return s.act(c, matchAct{DidAddNote, "notes", func(ctx context.Context, m *match.Match, form url.Values) (string, error) {
		text, typed := form.Get("text"), strings.TrimSpace(form.Get("at"))
		var at time.Time
		if seconds, err := strconv.ParseFloat(typed, 64); err == nil && seconds >= 0 && seconds < 1<<40 {
			at = time.Unix(int64(seconds), 0)
		} else if typed != "" {
			if at, err = typedTime(typed, m.Zone(), time.Now()); err != nil {
				return text, err
			}
		}
		n, err := s.config.Matches.AddNote(ctx, m.ID, at, text, userOf(c).Name)
		return strings.TrimSpace(n.ID + " " + text), err
	}})
}

func (s *Server) removeNote(c echo.Context) error {
	return s.act(c, matchAct{DidRemoveNote, "notes", func(ctx context.Context, m *match.Match, _ url.Values) (string, error) {
		u := userOf(c)
		return c.Param("note"), s.config.Matches.RemoveNote(ctx, m.ID, c.Param("note"), u.Name, u.May(account.Admin))
	}})
}

// matchRoutes are those of the calendar and of one match.
func (s *Server) matchRoutes(people *echo.Group) {
	people.GET("/matches", s.showMatches, s.require(account.Viewer))
	people.GET("/matches/:id", s.showMatch, s.require(account.Viewer))
	for path, do := range map[string]echo.HandlerFunc{
		"phase": s.movePhase, "skip": s.skipPhase, "undo": s.undoMove, "check": s.answerItem, "compare": s.compareMatch, "select": s.selectMatch,
		"notes": s.addNote, "notes/:note/remove": s.removeNote,
	} {
		people.POST("/matches/:id/"+path, do, s.require(account.Operator))
	}
}
