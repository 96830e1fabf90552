package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/cockpit"
	"vigie/internal/account"
)

func (s *Server) routes(origins *http.CrossOriginProtection) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.fail
	e.IPExtractor = s.ipExtractor()
	e.Use(s.identify, s.secureHeaders, survive, sameOrigin(origins), limitBody)

	e.GET("/healthz", health(s.config.Healthy))
	e.GET("/readyz", health(s.config.Ready))
	e.GET("/static/:version/:file", s.assets.serve)
	e.GET("/favicon.ico", func(c echo.Context) error { return c.Redirect(http.StatusMovedPermanently, s.assets.url("icon.svg")) })
	e.GET("/live", s.live)

	people := e.Group("", echo.WrapMiddleware(s.sessions.LoadAndSave))
	people.GET("/sign-in", s.showSignIn)
	people.POST("/sign-in", s.signIn)
	people.POST("/sign-out", s.signOut)
	people.GET("/demo/:token", s.demo)
	people.GET("/", s.showBoard, s.require(account.Viewer))
	people.GET("/stretch", s.showStretch, s.require(account.Viewer))
	people.GET("/samples", s.showSamples, s.require(account.Viewer))
	people.GET("/sources", s.showSources, s.require(account.Viewer))
	people.GET("/metrics", s.showMetrics)
	s.apiRoutes(people)
	s.matchRoutes(people)
	s.alertRoutes(people)
	s.messageRoutes(people)
	s.sendRoutes(people)
	s.audienceRoutes(people)
	s.crisisRoutes(people)

	people.GET("/wall", s.showWall, s.requireWall())
	people.GET("/wall/enter", s.showWallDoor)
	people.POST("/wall/enter", s.enterWall)
	people.GET("/me", s.showProfile, s.require(account.Viewer))
	people.POST("/me", s.changeProfile, s.require(account.Viewer))
	people.GET("/people", s.showPeople, s.require(account.Admin))
	people.POST("/people", s.addPerson, s.require(account.Admin))
	people.GET("/people/:name", s.showPerson, s.require(account.Admin))
	people.POST("/people/:name", s.changePerson, s.require(account.Admin))
	people.GET("/tokens", s.showTokens, s.require(account.Admin))
	people.POST("/tokens", s.changeToken, s.require(account.Admin))
	people.GET("/audit", s.showAudit, s.require(account.Admin))
	people.GET("/audit.csv", s.exportAudit, s.require(account.Admin))
	return e
}

// health answers in text, for machines: 200 "ok", or 503 with no detail for strangers to read.
func health(check func(context.Context) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		if check != nil {
			ctx, cancel := context.WithTimeout(c.Request().Context(), 2*time.Second)
			defer cancel()
			if err := check(ctx); err != nil {
				return c.String(http.StatusServiceUnavailable, "unavailable\n")
			}
		}
		return c.String(http.StatusOK, "ok\n")
	}
}

// showMetrics is for admins, and for a Prometheus on the same machine.
func (s *Server) showMetrics(c echo.Context) error {
	if s.config.MetricsHandler == nil {
		return echo.ErrNotFound
	}
	if !addressOf(c).IsLoopback() {
		u, err := s.who(c.Request().Context())
		if err != nil {
			return err
		}
		if !u.May(account.Admin) {
			return errForbidden
		}
	}
	s.config.MetricsHandler.ServeHTTP(c.Response(), c.Request())
	return nil
}

func (s *Server) showBoard(c echo.Context) error { return s.showBoardOf(c, pageBoard) }

func (s *Server) showWall(c echo.Context) error { return s.showBoardOf(c, pageWall) }

func (s *Server) showBoardOf(c echo.Context, page string) error {
	sight, ok := pageSight(page, c.QueryParams())
	if !ok {
		return echo.ErrBadRequest
	}
	metric, ok := cockpit.ParseMetric(c.QueryParam("metric"))
	if !ok {
		metric = cockpit.MetricBits
	}
	locale := s.localeOf(c)
	p, f, err := s.frame(c, viewKey{page, locale.Code, metric, sight})
	if err != nil {
		return err
	}
	v := newBoardView(locale, page, metric, newTopView(locale, page, userOf(c), f), f)
	v.Focus, v.Alerts = s.focusTools(c, locale, metric, p.board), p.alerts != nil
	v.Operates = v.Alerts && page == pageBoard && userOf(c).May(account.Operator)
	return render(c, http.StatusOK, boardPage(s.shellView(c, locale), v))
}

// frame is what a page of the view shows now.
func (s *Server) frame(c echo.Context, key viewKey) (*published, *frame, error) {
	sc := s.scene(key.sight)
	p, err := s.see(c.Request().Context(), sc)
	if err != nil {
		return nil, nil, err
	}
	f, err := sc.view(s, key).render(p)
	return p, f, err
}

// showSources has the senders' settings in it, which hold no token.
func (s *Server) showSources(c echo.Context) error {
	locale := s.localeOf(c)
	p, f, err := s.frame(c, viewKey{page: pageSources, language: locale.Code})
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, sourcesPage(s.shellView(c, locale), newSourcesPageView(locale, newTopView(locale, pageSources, userOf(c), f), p.board, f)))
}

func (s *Server) showSignIn(c echo.Context) error {
	if _, err := s.who(c.Request().Context()); err == nil {
		return c.Redirect(http.StatusSeeOther, "/")
	}
	return render(c, http.StatusOK, signInPage(s.shellView(c, s.localeOf(c)), signInView{}))
}

func (s *Server) signIn(c echo.Context) error {
	ctx := c.Request().Context()
	form, err := formOf(c)
	if err != nil {
		return err
	}
	typed, password := form.Get("name"), form.Get("password")
	action := Action{What: "sign-in", From: addressOf(c), At: time.Now()}
	name, err := account.ParseName(typed)
	if err != nil {
		name = "" // what is no name is nobody's; it is not worth remembering either
	}
	action.Who = name
	if !s.tries.allow(action.From, name) {
		action.Outcome = "too many tries"
		s.config.Audit(ctx, action)
		return s.refuseSignIn(c, typed, errTooMany)
	}
	hashing, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	u, err := s.config.Accounts.SignIn(hashing, name, password)
	if err == nil {
		err = s.enter(c, u)
	}
	switch {
	case err == nil:
		action.Outcome = "ok"
	case errors.Is(err, account.ErrDenied):
		action.Outcome = "denied"
	default:
		action.Outcome = "failed"
	}
	s.config.Audit(ctx, action)
	if errors.Is(err, account.ErrDenied) {
		return s.refuseSignIn(c, typed, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/")
}

func (s *Server) refuseSignIn(c echo.Context, typed string, why error) error {
	if len(typed) > 64 {
		typed = ""
	}
	status := statusOf(why)
	if status == http.StatusTooManyRequests {
		c.Response().Header().Set("Retry-After", "6")
	}
	locale := s.localeOf(c)
	key := "signin.denied"
	if status == http.StatusTooManyRequests {
		key = "signin.too_many"
	}
	return render(c, status, signInPage(s.shellView(c, locale), signInView{Name: typed, Problem: locale.T(key)}))
}

func (s *Server) signOut(c echo.Context) error {
	ctx := c.Request().Context()
	if name := s.sessions.GetString(ctx, keyUser); name != "" {
		err := s.sessions.Destroy(ctx)
		outcome := "ok"
		if err != nil {
			outcome = "failed"
		}
		s.config.Audit(ctx, Action{Who: name, What: "sign-out", From: addressOf(c), At: time.Now(), Outcome: outcome})
		if err != nil {
			return err
		}
	}
	return c.Redirect(http.StatusSeeOther, "/sign-in")
}

// demo signs in whoever was given the link that the program printed.
func (s *Server) demo(c echo.Context) error {
	from := addressOf(c)
	if !s.tries.allow(from, "demo link "+from.String()) {
		return errTooMany
	}
	given, want := sha256.Sum256([]byte(c.Param("token"))), sha256.Sum256([]byte(s.config.DemoToken))
	if s.config.DemoToken == "" || subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
		return echo.ErrNotFound
	}
	ctx := c.Request().Context()
	u, err := s.config.Accounts.Find(ctx, s.config.DemoUser)
	if err != nil {
		return err
	}
	if err := s.enter(c, u); err != nil {
		return err
	}
	s.config.Audit(ctx, Action{Who: u.Name, What: "sign-in", On: "demo link", From: from, At: time.Now(), Outcome: "ok"})
	return c.Redirect(http.StatusSeeOther, "/")
}
