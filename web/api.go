package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/cockpit"
	"vigie/internal/account"
	"vigie/internal/match"
)

// Programs read what people see: the board as JSON (api_board.go has its types), its charts and tables as
// CSV (export.go), its signals for Prometheus (signals.go); alerts have api_alerts.go. Each board is written for them once, whoever
// asks. docs/api.md is the guide.

// apiRoutes adds the addresses that programs read, to routes with a person's session.
func (s *Server) apiRoutes(g *echo.Group) {
	read := s.requireProgram()
	g.GET("/export/:file", s.export, read)
	g.GET("/signals", s.showSignals, read)
	api := g.Group("/api/v1", read)
	api.GET("", s.showAPI)
	api.GET("/", s.showAPI)
	api.GET("/openapi.json", s.showOpenAPI)
	api.GET("/board", s.showAPIBoard)
	api.GET("/board/:panel", s.showAPIBoard)
	api.GET("/alerts", s.showAPIAlerts)
	api.GET("/matches", s.showAPIMatches)
	api.GET("/matches/:id", s.showAPIMatch)
	api.RouteNotFound("/*", func(echo.Context) error { return echo.ErrNotFound })
}

//go:embed openapi.json
var openAPI []byte

// apiLimits bound what one person or token may ask for: 10 requests a second after the first 20, and of
// sights that nobody looks at yet, each of which costs ClickHouse questions, one in 10 s after the first 4.
type apiLimits struct{ requests, sights *buckets }

func newAPILimits() *apiLimits { // of the 1,000 latest who asked
	return &apiLimits{newBuckets(1000, time.Second/10, 20), newBuckets(1000, 10*time.Second, 4)}
}

// requireProgram is requireReader for addresses that programs ask: they are told what is wrong in JSON, and are
// not sent to a page. A browser, which asks for HTML, gets pages.
func (s *Server) requireProgram() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		admitted := s.requireReader()(func(c echo.Context) error {
			if !s.apiLimits.requests.allow(principalOf(c).name()) {
				return fmt.Errorf("%w: 10 requests a second", errTooMany)
			}
			return next(c)
		})
		return func(c echo.Context) error {
			if strings.Contains(c.Request().Header.Get("Accept"), "text/html") {
				return admitted(c)
			}
			if c.Request().Header.Get("Authorization") == "" { // a stranger would be sent to the sign-in page
				if _, err := s.person(c, account.Viewer); err != nil {
					return s.problem(c, err)
				}
			}
			if err := admitted(c); err != nil {
				return s.problem(c, err)
			}
			return nil
		}
	}
}

// badParam says which parameter of a request cannot be taken, and why.
type badParam struct {
	status   int
	name, in string // in: "query" or "path"
	reason   string
}

func (e badParam) Error() string { return fmt.Sprintf("web: parameter %s: %s", e.name, e.reason) }

// Unwrap gives it its status.
func (e badParam) Unwrap() error { return echo.NewHTTPError(e.status) }

// apiProblem is what went wrong, as RFC 9457 has it.
type apiProblem struct {
	Type      string   `json:"type" doc:"about:blank: the status says what kind it is."`
	Title     string   `json:"title" doc:"The status in words."`
	Status    int      `json:"status"`
	Detail    string   `json:"detail" doc:"What to do about it."`
	Parameter jsonText `json:"parameter" doc:"Which parameter it is about. null: none."`
	In        jsonText `json:"in" doc:"Where that stands: query or path."`
	Request   string   `json:"request_id" doc:"As the log has it."`
}

// problem answers a program whose request failed. Once it was answered in part there is nothing to add.
func (s *Server) problem(c echo.Context, err error) error {
	status := statusOf(err)
	if c.Response().Committed || errors.Is(err, context.Canceled) {
		return err
	}
	h := c.Response().Header()
	p := apiProblem{Type: "about:blank", Title: http.StatusText(status), Status: status, Request: h.Get(echo.HeaderXRequestID)}
	if bad, ok := errors.AsType[badParam](err); ok {
		p.Detail, p.Parameter, p.In = bad.reason, jsonText(bad.name), jsonText(bad.in)
	}
	switch {
	case p.Detail != "":
	case status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="vigie"`)
		if p.Detail = "Send a token for contacts, made by an administrator, as Authorization: Bearer vigie_contacts_…"; c.Path() == apiContacts {
			break
		}
		p.Detail = "Send a token for the API, made by an administrator, as Authorization: Bearer vigie_api_…"
	case errors.Is(err, cockpit.ErrNoSuchSight):
		p.Detail = "There is nothing to look at there: an id in the address is not known."
	case errors.Is(err, cockpit.ErrTooManySights):
		h.Set("Retry-After", "30")
		p.Detail = "Too many different sights are looked at. Try again later, or ask for one that others look at."
	case status == http.StatusTooManyRequests:
		h.Set("Retry-After", "1")
		p.Detail = "At most 10 requests a second."
		if errors.Is(err, errManySights) {
			h.Set("Retry-After", "10")
			p.Detail = "At most one sight in 10 s that nobody looks at."
		}
	case status == http.StatusServiceUnavailable:
		h.Set("Retry-After", "5")
		p.Detail = "There is no board yet, or it took too long. Try again in some seconds."
	case status == http.StatusInternalServerError:
		p.Detail = "It failed here: the log says why, under request_id."
	case status == http.StatusNotFound:
		p.Detail = "There is nothing at this address: GET /api/v1/openapi.json describes those that there are."
	default:
		p.Detail = p.Title
	}
	level, what := slog.LevelDebug, "request refused"
	if status == http.StatusInternalServerError {
		level, what = slog.LevelError, "request failed"
	}
	s.log.Log(c.Request().Context(), level, what, "id", p.Request, "method", c.Request().Method, "route", c.Path(), "who", principalOf(c).name(), "status", status, "error", err)
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return c.Blob(status, "application/problem+json", body)
}

var errManySights = fmt.Errorf("%w: sights that nobody looks at", errTooMany)

// sightParams are those of parseSight.
var sightParams = []string{"cdn", "isp", "channel", "device", "vs", "vs_cdn", "vs_isp", "vs_channel", "vs_device", "from", "to", "earlier", "align"}

// onlyParams refuses a parameter that is not known or there twice: a misspelt cdn would answer with all of them.
func onlyParams(c echo.Context, known []string) error {
	for name, values := range c.QueryParams() {
		switch {
		case !slices.Contains(known, name):
			return badParam{http.StatusBadRequest, foreign(name, 40), "query", "is not known here"}
		case len(values) != 1 && !strings.HasSuffix(name, "[]"):
			return badParam{http.StatusBadRequest, name, "query", "is there more than once"}
		}
	}
	return nil
}

// sightOf is what the address asks to look at; a badParam when it cannot be read.
func sightOf(c echo.Context) (cockpit.Sight, error) {
	if err := onlyParams(c, sightParams); err != nil {
		return cockpit.Sight{}, err
	}
	q := c.QueryParams()
	if vs := q.Get("vs"); vs != "" && vs != "all" {
		return cockpit.Sight{}, badParam{http.StatusBadRequest, "vs", "query", "may be all, or left out"}
	}
	if align := q.Get("align"); align != "" && !slices.Contains(match.Phases(), match.Phase(align)) {
		return cockpit.Sight{}, badParam{http.StatusBadRequest, "align", "query", fmt.Sprintf("is none of %v", match.Phases())}
	}
	sight, ok := parseSight(q)
	if ok {
		return sight, nil
	}
	for _, name := range sightParams {
		if name == "from" || name == "to" || !q.Has(name) {
			continue
		}
		if _, ok := parseSight(url.Values{name: q[name]}); !ok {
			return sight, badParam{http.StatusBadRequest, name, "query", fmt.Sprintf("has more than %d bytes, or characters that cannot be shown", maxSightText)}
		}
	}
	for _, name := range []string{"from", "to"} {
		v := q.Get(name)
		_, err := time.Parse(time.RFC3339, v)
		if _, number := strconv.ParseInt(v, 10, 64); v == "" || err != nil && number != nil {
			return sight, badParam{http.StatusBadRequest, name, "query", "must be a time as 2026-07-19T20:41:00Z; from and to go together"}
		}
	}
	return sight, badParam{http.StatusBadRequest, "to", "query", fmt.Sprintf("must come after from, by %d h at most", longestSight/3600)}
}

// boardFor is the board of now of the sight that the address asks for.
func (s *Server) boardFor(c echo.Context) (*published, error) {
	sight, err := sightOf(c)
	if err != nil {
		return nil, err
	}
	sc := s.scene(sight)
	if p := sc.board.Load(); sight != (cockpit.Sight{}) && (p == nil || time.Since(p.board.At) >= sceneLife/2) && !s.apiLimits.sights.allow(principalOf(c).name()) {
		s.drop(sc)
		return nil, errManySights
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), 10*time.Second)
	defer cancel()
	return s.see(ctx, sc)
}

// tag is the ETag of what is made of the board: another whenever the board is another.
func (p *published) tag() string {
	return `"` + strconv.FormatUint(p.seq, 36) + "-" + strconv.FormatInt(p.board.At.UnixNano(), 36) + `"`
}

// answerWith answers with content, or that it is what the asker has already.
func answerWith(c echo.Context, kind, tag string, content []byte) error {
	h := c.Response().Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "private, max-age=1")
	h.Set("ETag", tag)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(content))
	return nil
}

func answerJSON(c echo.Context, v any) error {
	content, err := encodeJSON(v)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	return answerWith(c, "application/json", `"`+hex.EncodeToString(sum[:12])+`"`, content)
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("web: encode an answer: %w", err)
	}
	return b.Bytes(), nil
}

// apiAnswers are a board's, as bytes, each made when first asked for.
type apiAnswers struct {
	mu      sync.Mutex
	board   *apiBoard
	encoded map[string][]byte // by panel; "" is all of them
}

// of is the answer for a panel, "": for all. It fails with a badParam when there is no such panel.
func (a *apiAnswers) of(l *locale, b *cockpit.Board, panel string) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if content, ok := a.encoded[panel]; ok {
		return content, nil
	}
	if a.board == nil {
		a.board, a.encoded = newAPIBoard(l, b), map[string][]byte{}
	}
	answer := *a.board
	if panel != "" {
		var ok bool
		if answer.Panels, ok = answer.Panels.only(panel); !ok {
			return nil, badParam{http.StatusNotFound, "panel", "path", "is none of " + strings.Join(apiPanelNames(), ", ") + "; breakdown is of narrowed sights only"}
		}
		if answer.Beside != nil {
			beside := *answer.Beside
			beside.Panels, _ = beside.Panels.only(panel)
			answer.Beside = &beside
		}
	}
	content, err := encodeJSON(answer)
	if err == nil {
		a.encoded[panel] = content
	}
	return content, err
}

// apiPanelNames are the panels, in the order of the board.
func apiPanelNames() []string {
	var names []string
	for i, t := 0, reflect.TypeFor[apiPanels](); i < t.NumField(); i++ {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// only keeps one panel; false when it is not there.
func (p apiPanels) only(panel string) (apiPanels, bool) {
	i := slices.Index(apiPanelNames(), panel)
	if i < 0 {
		return apiPanels{}, false
	}
	var one apiPanels
	field := reflect.ValueOf(p).Field(i)
	reflect.ValueOf(&one).Elem().Field(i).Set(field)
	return one, !field.IsNil()
}

func (s *Server) showAPIBoard(c echo.Context) error {
	p, err := s.boardFor(c)
	if err != nil {
		return err
	}
	content, err := p.answers.of(s.locales.byCode("en"), p.board, c.Param("panel"))
	if err != nil {
		return err
	}
	return answerWith(c, "application/json", p.tag(), content)
}

func (s *Server) showOpenAPI(c echo.Context) error {
	return answerJSON(c, json.RawMessage(openAPI))
}

// apiIndex tells whoever comes by hand where to go on.
type apiIndex struct {
	OpenAPI string   `json:"openapi" doc:"Address of this description."`
	Board   string   `json:"board"`
	Panels  []string `json:"panels" doc:"Addresses of single panels."`
	Exports []string `json:"exports" doc:"Addresses of tables in CSV."`
	Alerts  jsonText `json:"alerts" doc:"null: there are none."`
	Matches jsonText `json:"matches" doc:"null: there are none."`
	Signals string   `json:"signals" doc:"For Prometheus."`
}

func (s *Server) showAPI(c echo.Context) error {
	a := apiIndex{OpenAPI: "/api/v1/openapi.json", Board: "/api/v1/board", Signals: "/signals"}
	for _, name := range apiPanelNames() {
		a.Panels = append(a.Panels, "/api/v1/board/"+name)
	}
	for _, t := range exports {
		a.Exports = append(a.Exports, exportURL(t.panel, cockpit.Sight{}))
	}
	if s.known != nil {
		a.Alerts = "/api/v1/alerts"
	}
	if s.config.Matches != nil {
		a.Matches = "/api/v1/matches"
	}
	return answerJSON(c, a)
}
