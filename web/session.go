package web

import (
	"context"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"vigie/internal/account"
)

// Sessions keeps sessions by a key of up to 64 of A-Z, a-z, 0-9, '-', '_' and '='. Keys are hashes:
// who reads the store cannot take a session over. Expired ones need not be found.
type Sessions interface {
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	Put(ctx context.Context, key string, value []byte, expiry time.Time) error
	Delete(ctx context.Context, key string) error // of what is not there is no error
}

// A wall signs in once and shows a whole tournament's day, and the night after it.
const sessionLife = 7 * 24 * time.Hour

const (
	keyUser  = "user"
	keyStamp = "stamp" // account.User.Stamp when the session was made
)

// The manager is not made by scs.New, which would start a store of its own in memory.
func newSessionManager(config Config) *scs.SessionManager {
	return &scs.SessionManager{
		Store:            sessionStore{config.Sessions},
		Codec:            scs.GobCodec{},
		Lifetime:         sessionLife,
		HashTokenInStore: true,
		Cookie: scs.SessionCookie{
			Name: "vigie_session", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: config.Secure, Persist: true,
		},
		ErrorFunc: func(w http.ResponseWriter, r *http.Request, err error) {
			config.Log.Error("session is not loaded or saved", "method", r.Method, "error", err)
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		},
	}
}

// sessionStore is a Sessions in scs's terms.
type sessionStore struct{ Sessions }

func (s sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return s.Get(ctx, token)
}

func (s sessionStore) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	return s.Put(ctx, token, b, expiry)
}

func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.Sessions.Delete(ctx, token)
}

// scs asks for these three as well and calls the ones above.
func (s sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

func (s sessionStore) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

func (s sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// who returns the person whose session ctx carries, or account.ErrDenied when there is none that
// still counts: signed out, expired, disabled, or made with an earlier password.
func (s *Server) who(ctx context.Context) (account.User, error) {
	name := s.sessions.GetString(ctx, keyUser)
	if name == "" {
		return account.User{}, account.ErrDenied
	}
	u, err := s.config.Accounts.Find(ctx, name)
	switch {
	case statusOf(err) == http.StatusNotFound:
		return account.User{}, account.ErrDenied
	case err != nil:
		return account.User{}, err
	case u.Disabled || u.Stamp() != s.sessions.GetString(ctx, keyStamp):
		return account.User{}, account.ErrDenied
	}
	return u, nil
}

const userKey = "user" // in echo's context

// require lets people with the role pass, sends those who are not signed in to the sign-in page and
// refuses the others.
func (s *Server) require(role account.Role) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			u, err := s.who(c.Request().Context())
			switch {
			case statusOf(err) == http.StatusUnauthorized && c.Request().Method == http.MethodGet:
				return c.Redirect(http.StatusSeeOther, "/sign-in")
			case err != nil:
				return err
			case !u.May(role):
				return errForbidden
			}
			c.Set(userKey, u)
			return next(c)
		}
	}
}

func userOf(c echo.Context) account.User {
	u, _ := c.Get(userKey).(account.User)
	return u
}
