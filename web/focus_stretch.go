package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"vigie/cockpit"
	"vigie/internal/match"
)

// showStretch sends on to a stretch of time that depends on when it is asked for: last=15 are the last 15
// minutes, phase=first_half that phase as far as it was played, move=earlier and move=later the stretch
// that is looked at, moved by half its length and never beyond now. What else is looked at stays.
func (s *Server) showStretch(c echo.Context) error {
	q := c.QueryParams()
	sight, ok := parseSight(q)
	if !ok {
		return echo.ErrBadRequest
	}
	metric, _ := cockpit.ParseMetric(q.Get("metric"))
	p := s.scene(cockpit.Sight{}).board.Load()
	if p == nil {
		return errNoBoard
	}
	now := p.board.At.Unix() / sightStep * sightStep
	const usual = 15 * 60
	switch {
	case q.Get("last") != "":
		minutes, err := strconv.Atoi(q.Get("last"))
		if err != nil || minutes < 1 || minutes > longestSight/60 {
			return echo.ErrBadRequest
		}
		sight.From, sight.To = now-int64(minutes)*60, now
	case q.Get("phase") != "":
		from, to, ok := played(p.board, match.Phase(q.Get("phase")))
		if !ok {
			return echo.ErrNotFound
		}
		sight.From, sight.To = from/sightStep*sightStep, min(to/sightStep*sightStep, now)
	case q.Get("move") == "earlier" && sight.Live():
		sight.From, sight.To = now-usual, now
	case q.Get("move") == "earlier":
		half := (sight.To - sight.From) / 2 / sightStep * sightStep
		sight.From, sight.To = sight.From-max(half, sightStep), sight.To-max(half, sightStep)
	case q.Get("move") == "later" && !sight.Live():
		half := (sight.To - sight.From) / 2 / sightStep * sightStep
		by := min(max(half, sightStep), max(0, now-sight.To))
		sight.From, sight.To = sight.From+by, sight.To+by
	case q.Get("move") == "later":
	default:
		return echo.ErrBadRequest
	}
	if !sight.Live() && (sight.From <= 0 || sight.To <= sight.From || sight.To-sight.From > longestSight) {
		return echo.ErrNotFound
	}
	return c.Redirect(http.StatusSeeOther, boardURL(sight, metric))
}

// played is when a phase began and ended, seconds since 1970; one that goes on ends now.
func played(b *cockpit.Board, phase match.Phase) (from, to int64, ok bool) {
	for i, mark := range b.Marks {
		if mark.Phase != phase || mark.At.After(b.At) {
			continue
		}
		end := b.At
		if i+1 < len(b.Marks) && b.Marks[i+1].At.Before(end) {
			end = b.Marks[i+1].At
		}
		return mark.At.Unix(), end.Unix(), true
	}
	return 0, 0, false
}
