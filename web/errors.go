package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"vigie/cockpit"
	"vigie/internal/account"
)

var (
	errForbidden = errors.New("web: the role does not allow this")
	errTooMany   = errors.New("web: too many tries")
	errNoBoard   = errors.New("web: there is no board yet")
)

// statusOf is the one place where an error becomes a status; 200 for nil. The text that people
// read is "error.<status>" in their language; what err says is for the log.
func statusOf(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if he, ok := errors.AsType[*echo.HTTPError](err); ok {
		return he.Code
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	if _, ok := errors.AsType[account.Invalid](err); ok {
		return http.StatusUnprocessableEntity
	}
	switch {
	case errors.Is(err, account.ErrDenied):
		return http.StatusUnauthorized
	case errors.Is(err, account.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, account.ErrExists), errors.Is(err, account.ErrConflict), errors.Is(err, account.ErrLastAdmin), errors.Is(err, account.ErrTooManyTokens):
		return http.StatusConflict
	case errors.Is(err, errForbidden):
		return http.StatusForbidden
	case errors.Is(err, errTooMany):
		return http.StatusTooManyRequests
	case errors.Is(err, cockpit.ErrNoSuchSight):
		return http.StatusNotFound
	case errors.Is(err, errNoBoard), errors.Is(err, cockpit.ErrHubFull), errors.Is(err, cockpit.ErrTooManySights), errors.Is(err, cockpit.ErrHubClosed),
		errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fail is echo's error handler: logged once, told in the reader's language.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := statusOf(err)
	id := c.Response().Header().Get(echo.HeaderXRequestID)
	switch {
	case errors.Is(err, context.Canceled): // the browser left
	case status >= 500:
		s.log.Error("request failed", "id", id, "method", c.Request().Method, "route", c.Path(), "who", principalOf(c).name(), "status", status, "error", err)
	default:
		s.log.Debug("request refused", "id", id, "method", c.Request().Method, "route", c.Path(), "who", principalOf(c).name(), "status", status, "error", err)
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", "5")
	}
	if c.Request().Method == http.MethodHead {
		err = c.NoContent(status)
	} else {
		err = render(c, status, errorPage(s.errorView(c, status, id)))
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.Error("error page is not shown", "id", id, "error", err)
	}
}
