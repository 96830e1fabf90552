// Package web is what people's browsers talk to: sign-in, the board, the page of sources, and the
// socket that keeps them live. It renders the values that cockpit hands it, once per second and view
// (page, language and the matrix's metric) whatever the number of screens, and sends the same bytes
// to all of them.
//
// It keeps no state of its own beside counters: accounts and sessions are in stores that it is
// given. Everything that arrives here is taken for hostile: bodies, frames, waits, tries and
// connections are bounded, nothing runs inline in a page, and no page asks another host for
// anything. What the numbers mean, and when they are bad, is cockpit's to say.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gorilla/websocket"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"vigie/alerts"
	"vigie/cockpit"
	"vigie/internal/account"
	"vigie/internal/match"
	"vigie/runbooks"
	"vigie/runbooks/audience"
	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// Accounts is who may sign in; *account.Store is one.
type Accounts interface {
	// SignIn fails with account.ErrDenied when name or password is wrong.
	SignIn(ctx context.Context, name, password string) (account.User, error)
	// Find fails with account.ErrNotFound.
	Find(ctx context.Context, name string) (account.User, error)
	List(ctx context.Context) ([]account.User, error)
	// Add fails with account.Invalid and account.ErrExists.
	Add(ctx context.Context, u account.User, password string) (account.User, error)
	// Change fails with account.Invalid, and with account.ErrLastAdmin when nobody would manage the others.
	Change(ctx context.Context, name string, edit func(*account.User) error) (account.User, error)
	SetPassword(ctx context.Context, name, password string) error
	// Remove fails with account.ErrLastAdmin as well.
	Remove(ctx context.Context, name string) error
}

// Tokens let devices read; *account.Tokens is one.
type Tokens interface {
	// Check fails with account.ErrDenied, of which account.ErrRevoked and account.ErrExpired are kinds.
	Check(ctx context.Context, kind account.TokenKind, secret string) (account.Token, error)
	List(ctx context.Context) ([]account.Token, error)
	// Make fails with account.Invalid, account.ErrExists and account.ErrTooManyTokens.
	Make(ctx context.Context, t account.Token) (made account.Token, secret string, err error)
	Revoke(ctx context.Context, id string) (account.Token, error)
}

// Action is something that a person did, for the audit.
type Action struct {
	Who     string // account name; as typed, shortened, when the sign-in failed; a device as "wall:ID"
	What    string // "sign-in", "sign-out", and the Did constants
	On      string // what it was done to; empty for the person's own session
	From    netip.Addr
	At      time.Time
	Outcome string // "ok", "denied", "too many tries", "failed"
}

// Config is what a Server is made of. Accounts, Tokens, Sessions and Log must be set.
type Config struct {
	Accounts Accounts
	Tokens   Tokens
	Sessions Sessions
	Log      *slog.Logger
	Matches  *match.Book  // nil: there are none
	Alerts   *alerts.Room // nil: there are none

	// Crises and what is said and done in them. nil: there are none.
	Crises   *crisis.Room
	Library  *library.Library
	Audience func() *audience.Book // nil, or returns nil, until ClickHouse is there
	Sends    *send.Room
	Runbooks *runbooks.Room // and their runs
	// StatusPage is where viewers read what works. nil: there is none.
	StatusPage StatusPage

	// ParseScenario reads a file of messages, and WriteScenario writes one: YAML. Errors tell lines, or are
	// *match.Problem. nil: messages are not imported, or exported.
	ParseScenario func(name string, text []byte) (*message.Scenario, error)
	WriteScenario func(*message.Scenario) ([]byte, error)
	Scenarios     []*message.Scenario   // of the configuration's folder, which an author may import
	MessageLimits func() message.Limits // of the house's channels, as the Library's; nil: the usual ones
	// LastApproved is what a message said when it was last approved; nil, or nil for one: nobody knows, and the
	// review shows no differences.
	LastApproved func(scenario string, step message.Step) *message.Scenario

	Metrics        prometheus.Registerer               // nil: the server's own numbers are not registered
	MetricsHandler http.Handler                        // GET /metrics, for admins and from the loopback; nil: not found
	Audit          func(ctx context.Context, a Action) // called in the request's goroutine; nil: nobody is told
	Trail          AuditTrail                          // what the audit page reads; nil: not found
	Healthy, Ready func(ctx context.Context) error     // behind /healthz and /readyz; nil: always

	Secure  bool           // people reach it by https: Secure cookies, HSTS
	Origins []string       // scheme://host[:port] allowed to write and to open sockets, beside the server's own
	Proxies []netip.Prefix // whose X-Forwarded-For is believed
	// DemoToken, when set, makes GET /demo/{token} sign anyone who has it in as DemoUser, who
	// must be an account. At least 20 characters.
	DemoToken string
	DemoUser  string

	Screens int // sockets at a time; 0: 10,000

	// Look makes the board of a sight that is not the whole of now, for which no board is published yet; it
	// may take seconds. Its errors are cockpit.Look's. nil: there is the whole alone.
	Look func(ctx context.Context, sight cockpit.Sight) (*cockpit.Board, error)
	// Samples are the latest raw lines of a sight, the newest first; its errors are Look's. nil: none are shown.
	Samples func(ctx context.Context, sight cockpit.Sight, filter cockpit.SampleFilter) ([]cockpit.Sample, error)
}

func (c *Config) validate() error {
	switch {
	case c.Accounts == nil || c.Tokens == nil || c.Sessions == nil || c.Log == nil:
		return errors.New("web: Accounts, Tokens, Sessions and Log must be set")
	case c.DemoToken != "" && (len(c.DemoToken) < 20 || c.DemoUser == ""):
		return errors.New("web: DemoToken needs 20 characters or more and a DemoUser")
	case c.Screens < 0:
		return fmt.Errorf("web: Screens is %d, want 0 or more", c.Screens)
	}
	if c.Audit == nil {
		c.Audit = func(context.Context, Action) {}
	}
	return nil
}

// Server is the site. Make it with New, feed it with Publish, end it with Close.
type Server struct {
	config    Config
	log       *slog.Logger
	echo      *echo.Echo
	sessions  *scs.SessionManager
	upgrader  websocket.Upgrader
	assets    *assets
	locales   locales
	tries     *tries
	apiLimits *apiLimits
	signals   http.Handler // of the board and of alerts, for Prometheus
	metrics   *metrics

	known func() *alertsNow // nil: there are no alerts

	previews  previews // of groups' dials
	sendsKept sendsKept
	staff     staff

	scenesMu sync.Mutex // taken before a scene's own
	scenes   map[cockpit.Sight]*scene
	hub      *cockpit.Hub[viewKey, *frame]

	checkEvery time.Duration   // between looks at whether a socket's session still counts
	closing    context.Context // ends when Close begins
	close      context.CancelFunc
	mu         sync.Mutex // guards Add on sockets against Wait, with ended
	ended      bool
	sockets    sync.WaitGroup
	requestID  atomic.Uint64
}

// New makes the site. It fails when config is not complete, when a language lacks a text, or when the
// binary was built without the browser's files.
func New(config Config) (*Server, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	files, err := loadAssets()
	if err != nil {
		return nil, err
	}
	languages, err := loadLocales()
	if err != nil {
		return nil, err
	}
	origins, err := newCrossOrigin(config.Origins)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config:     config,
		log:        config.Log,
		assets:     files,
		locales:    languages,
		sessions:   newSessionManager(config),
		tries:      newTries(),
		scenes:     map[cockpit.Sight]*scene{{}: {views: make(map[viewKey]*view)}},
		checkEvery: 15 * time.Second,
		hub:        cockpit.NewHub[viewKey, *frame](config.Screens),
	}
	s.closing, s.close = context.WithCancel(context.Background())
	s.metrics = newMetrics(config.Metrics, s.hub.Stats)
	s.upgrader = newUpgrader(config.Origins)
	if room := config.Alerts; room != nil {
		s.known = func() *alertsNow {
			n := newAlertsNow(room.Snapshot(), room.Policy(), len(room.Groups()))
			n.hasRunbook = s.hasRunbook()
			return n
		}
		s.follow(room.OnChange)
	}
	s.followCrises()
	s.apiLimits, s.signals = newAPILimits(), newSignals(s.boardNow, s.alertsNow)
	s.echo = s.routes(origins)
	return s, nil
}

// Handler serves the site. It may be served by several servers at once.
func (s *Server) Handler() http.Handler { return headIsGet(s.echo) }

// Close tells every socket that the service restarts (1012), so that it comes back elsewhere or
// later, and waits for them as long as ctx lets it. Publish does nothing for anyone after it.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.close()
	s.hub.Close()
	done := make(chan struct{})
	go func() { s.sockets.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("web: sockets did not end in time: %w", ctx.Err())
	}
}

// NewHTTPServer serves handler with the limits that people's connections get: headers of 16 KB
// within 5 s, a request within 15 s, an answer within 30 s. Sockets have limits of their own.
func NewHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
