package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
)

// principal is who asks: a person who signed in, or a device that has a token.
type principal struct {
	user   account.User
	device account.Token // zero for a person
}

// name is what the log and the audit call it: the account's name, or the token's kind and id; "" for
// a stranger.
func (p principal) name() string {
	if p.device.ID != "" {
		return string(p.device.Kind) + ":" + p.device.ID
	}
	return p.user.Name
}

const principalKey = "principal" // in echo's context

func principalOf(c echo.Context) principal {
	p, _ := c.Get(principalKey).(principal)
	return p
}

// userOf is the person who asks; zero for a device and for a stranger.
func userOf(c echo.Context) account.User { return principalOf(c).user }

// admit lets whom find returns pass. Strangers who came for a page are sent to the door.
func (s *Server) admit(door string, find func(c echo.Context) (principal, error)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			p, err := find(c)
			if statusOf(err) == http.StatusUnauthorized && c.Request().Method == http.MethodGet && c.Request().Header.Get("Authorization") == "" {
				return c.Redirect(http.StatusSeeOther, door)
			}
			if err != nil {
				return err
			}
			if p.device.ID == "" {
				s.keepLanguage(c, &p.user)
			}
			c.Set(principalKey, p)
			return next(c)
		}
	}
}

// person is the one whose session it is. It fails with account.ErrDenied, or when they may not do what
// the role does with errForbidden.
func (s *Server) person(c echo.Context, role account.Role) (principal, error) {
	u, err := s.who(c.Request().Context())
	if err == nil && !u.May(role) {
		err = errForbidden
	}
	return principal{user: u}, err
}

// require lets people with the role pass, sends those who are not signed in to the sign-in page and
// refuses the others.
func (s *Server) require(role account.Role) echo.MiddlewareFunc {
	return s.admit("/sign-in", func(c echo.Context) (principal, error) { return s.person(c, role) })
}

// requireReader lets people pass, and programs with a token for the API; for addresses that only
// read.
func (s *Server) requireReader() echo.MiddlewareFunc {
	return s.admit("/sign-in", func(c echo.Context) (principal, error) {
		header := c.Request().Header.Get("Authorization")
		if header == "" {
			return s.person(c, account.Viewer)
		}
		if c.Request().Method != http.MethodGet {
			return principal{}, errForbidden
		}
		scheme, secret, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			secret = ""
		}
		t, err := s.config.Tokens.Check(c.Request().Context(), account.API, strings.TrimSpace(secret))
		if errors.Is(err, account.ErrDenied) {
			c.Response().Header().Set("WWW-Authenticate", `Bearer realm="vigie"`)
		}
		return principal{device: t}, err
	})
}

// requireWall lets people pass, and screens that have a wall's token; for the wall's page.
func (s *Server) requireWall() echo.MiddlewareFunc {
	return s.admit("/wall/enter", func(c echo.Context) (principal, error) {
		p, err := s.person(c, account.Viewer)
		if !errors.Is(err, account.ErrDenied) {
			return p, err
		}
		t, err := s.wallOf(c.Request().Context(), c.Request())
		if err == nil {
			err = s.renewWall(c)
		}
		return principal{device: t}, err
	})
}

// keepLanguage stores the language that a person asks for in the address with their account, so that it
// is theirs on every screen.
func (s *Server) keepLanguage(c echo.Context, u *account.User) {
	l := s.locales.byCode(c.QueryParam("lang"))
	if l == nil || l.Code == u.Language {
		return
	}
	changed, err := s.config.Accounts.Change(c.Request().Context(), u.Name, func(u *account.User) error { u.Language = l.Code; return nil })
	if err != nil {
		s.log.Warn("language is not kept", "who", u.Name, "error", err)
		return
	}
	*u = changed
}

// setPreference remembers a choice in this browser; "" forgets it. The page's script may read it.
func (s *Server) setPreference(c echo.Context, name, value string) {
	cookie := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: 365 * 24 * 3600, Secure: s.config.Secure, SameSite: http.SameSiteLaxMode}
	if value == "" {
		cookie.MaxAge = -1
	}
	c.SetCookie(cookie)
}

// formOf reads the form by hand: echo would also take values from the address, where they get logged.
func formOf(c echo.Context) (url.Values, error) {
	if err := c.Request().ParseForm(); err != nil {
		if statusOf(err) == http.StatusRequestEntityTooLarge {
			return nil, err
		}
		return nil, echo.ErrBadRequest
	}
	return c.Request().PostForm, nil
}
