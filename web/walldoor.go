package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
)

const (
	wallCookie = "vigie_wall"
	wallLife   = 365 * 24 * time.Hour // from the last time that the wall's page was loaded
)

// wallOf is the token of the wall that asks. It fails with account.ErrDenied, or a kind of it.
func (s *Server) wallOf(ctx context.Context, r *http.Request) (account.Token, error) {
	cookie, err := r.Cookie(wallCookie)
	if err != nil {
		return account.Token{}, account.ErrDenied
	}
	return s.config.Tokens.Check(ctx, account.Wall, cookie.Value)
}

func (s *Server) setWall(c echo.Context, secret string) {
	c.SetCookie(&http.Cookie{
		Name: wallCookie, Value: secret, Path: "/", MaxAge: int(wallLife.Seconds()),
		HttpOnly: true, Secure: s.config.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// renewWall keeps a wall that is in use from being forgotten by its browser.
func (s *Server) renewWall(c echo.Context) error {
	cookie, err := c.Cookie(wallCookie)
	if err != nil {
		return account.ErrDenied
	}
	s.setWall(c, cookie.Value)
	return nil
}

type wallDoorView struct{ Problem string }

// showWallDoor is also where a wall finds itself whose token counts no more, and says so.
func (s *Server) showWallDoor(c echo.Context) error {
	var v wallDoorView
	if _, err := c.Cookie(wallCookie); err == nil {
		_, err := s.wallOf(c.Request().Context(), c.Request())
		switch {
		case err == nil:
			return c.Redirect(http.StatusSeeOther, "/wall")
		case !errors.Is(err, account.ErrDenied):
			return err
		}
		v.Problem = wallProblem(s.localeOf(c), err)
	}
	return render(c, http.StatusOK, wallDoorPage(s.shellView(c, s.localeOf(c)), v))
}

func wallProblem(l *locale, err error) string {
	if errors.Is(err, account.ErrExpired) {
		return l.T("walldoor.expired")
	}
	return l.T("walldoor.denied")
}

func (s *Server) enterWall(c echo.Context) error {
	ctx := c.Request().Context()
	form, err := formOf(c)
	if err != nil {
		return err
	}
	did := Action{What: DidEnterWall, From: addressOf(c), At: time.Now()}
	var t account.Token
	secret := account.Wall.ReadSecret(form.Get("code"))
	if !s.tries.allow(did.From, "wall "+did.From.String()) {
		err = errTooMany
	} else {
		t, err = s.config.Tokens.Check(ctx, account.Wall, secret)
	}
	if err == nil {
		did.Who, did.On = principal{device: t}.name(), t.Name
	}
	did.Outcome = outcome(err)
	s.config.Audit(ctx, did)
	locale := s.localeOf(c)
	switch {
	case err == nil:
		s.setWall(c, secret)
		return c.Redirect(http.StatusSeeOther, "/wall")
	case errors.Is(err, errTooMany):
		c.Response().Header().Set("Retry-After", "6")
		return render(c, http.StatusTooManyRequests, wallDoorPage(s.shellView(c, locale), wallDoorView{locale.T("signin.too_many")}))
	case errors.Is(err, account.ErrDenied):
		return render(c, http.StatusUnauthorized, wallDoorPage(s.shellView(c, locale), wallDoorView{wallProblem(locale, err)}))
	}
	return err
}
