package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
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
	// All are those that have not expired, by key: some hundreds.
	All(ctx context.Context) (map[string][]byte, error)
}

// A wall signs in once and shows a whole tournament's day, and the night after it.
const sessionLife = 7 * 24 * time.Hour

const (
	keyUser  = "user"
	keyStamp = "stamp" // account.User.Stamp when the session was made
	keyID    = "id"    // tells a person's sessions apart
	keySince = "since" // when it was made, seconds since 1970
	keyFrom  = "from"  // from which address
	keyAgent = "agent" // by which browser, as agentName has it
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

// personMayWatch reads the session anew each time it is asked.
func (s *Server) personMayWatch(ctx context.Context, r *http.Request) error {
	cookie, err := r.Cookie(s.sessions.Cookie.Name)
	if err != nil {
		return account.ErrDenied
	}
	if ctx, err = s.sessions.Load(ctx, cookie.Value); err != nil {
		return err
	}
	u, err := s.who(ctx)
	if err != nil {
		return err
	}
	if !u.May(account.Viewer) {
		return errForbidden
	}
	return nil
}

// enter makes a session of a new token, so that one planted in the browser before is worth nothing.
func (s *Server) enter(c echo.Context, u account.User) error {
	ctx := c.Request().Context()
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	for key, value := range map[string]string{
		keyUser: u.Name, keyStamp: u.Stamp(), keyID: rand.Text(), keyFrom: addressOf(c).String(), keyAgent: agentName(c.Request().UserAgent()),
	} {
		s.sessions.Put(ctx, key, value)
	}
	s.sessions.Put(ctx, keySince, time.Now().Unix())
	if u.Theme != "" {
		s.setPreference(c, themeCookie, u.Theme)
	}
	return nil
}

// session is one of a person's, as the profile shows it.
type session struct {
	key         string // in the store
	id          string
	since       time.Time
	from, agent string
}

// sessionsOf are the person's that still count, the newest first.
func (s *Server) sessionsOf(ctx context.Context, u account.User) ([]session, error) {
	all, err := s.config.Sessions.All(ctx)
	if err != nil {
		return nil, err
	}
	var own []session
	for key, value := range all {
		_, values, err := s.sessions.Codec.Decode(value)
		if err != nil || values[keyUser] != u.Name || values[keyStamp] != u.Stamp() {
			continue // what cannot be read signs nobody in
		}
		of := session{key: key}
		of.id, _ = values[keyID].(string)
		of.from, _ = values[keyFrom].(string)
		of.agent, _ = values[keyAgent].(string)
		if since, ok := values[keySince].(int64); ok {
			of.since = time.Unix(since, 0)
		}
		own = append(own, of)
	}
	slices.SortFunc(own, func(a, b session) int { return cmp.Or(b.since.Compare(a.since), strings.Compare(a.key, b.key)) })
	return own, nil
}

// endSessions ends all of the person's. The change of the stamp does it; forgetting them is tidiness.
func (s *Server) endSessions(ctx context.Context, u account.User) error {
	own, err := s.sessionsOf(ctx, u)
	if err != nil {
		s.log.Warn("sessions are not listed", "error", err)
	}
	if _, err := s.config.Accounts.Change(ctx, u.Name, func(u *account.User) error { u.Ended++; return nil }); err != nil {
		return err
	}
	for _, of := range own {
		if err := s.config.Sessions.Delete(ctx, of.key); err != nil {
			s.log.Warn("an ended session is not forgotten", "error", err)
		}
	}
	return nil
}

// agentName is what a browser calls itself, in two words that its owner knows.
func agentName(header string) string {
	first := func(names ...[2]string) string {
		for _, n := range names {
			if strings.Contains(header, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	browser := first([2]string{"Edg/", "Edge"}, [2]string{"Firefox/", "Firefox"}, [2]string{"Chrome/", "Chrome"}, [2]string{"Safari/", "Safari"})
	system := first([2]string{"Android", "Android"}, [2]string{"iPhone", "iPhone"}, [2]string{"iPad", "iPad"}, [2]string{"Windows", "Windows"},
		[2]string{"Mac OS", "macOS"}, [2]string{"Linux", "Linux"})
	return strings.Trim(browser+", "+system, ", ")
}
