package web

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
)

// Who may come to each route, by the names of askers. A route that is not here fails the test: whoever
// adds one says who it is for.
var (
	anyone   = []string{"a stranger", "viewer", "operator", "author", "validator", "admin", "a wall", "a program"}
	people   = []string{"viewer", "operator", "author", "validator", "admin"}
	readers  = append([]string{"a program"}, people...)
	screens  = append([]string{"a wall"}, people...)
	operate  = []string{"operator", "admin"}
	managers = []string{"admin"}
	write    = []string{"author"} // nobody writes or approves by being an admin
	validate = []string{"validator"}
)

var routeTable = map[string][]string{
	"GET /healthz":               anyone,
	"GET /readyz":                anyone,
	"GET /static/:version/:file": anyone,
	"GET /favicon.ico":           anyone,
	"GET /sign-in":               anyone,
	"POST /sign-in":              anyone,
	"POST /sign-out":             anyone,
	"GET /demo/:token":           anyone, // who has the link
	"GET /wall/enter":            anyone, // who has the code
	"POST /wall/enter":           anyone,
	"GET /live":                  people, // with page=wall, screens: see TestSocketOfAWall
	"GET /":                      people,
	"GET /sources":               people,
	"GET /stretch":               people,
	"GET /samples":               people,

	"GET /matches":                         people,
	"GET /matches/:id":                     people,
	"POST /matches/:id/phase":              operate,
	"POST /matches/:id/skip":               operate,
	"POST /matches/:id/undo":               operate,
	"POST /matches/:id/check":              operate,
	"POST /matches/:id/compare":            operate,
	"POST /matches/:id/select":             operate,
	"POST /matches/:id/notes":              operate,
	"POST /matches/:id/notes/:note/remove": operate,

	"GET /api/v1":              readers,
	"GET /api/v1/":             readers,
	"GET /api/v1/openapi.json": readers,
	"GET /api/v1/board":        readers,
	"GET /api/v1/board/:panel": readers,
	"GET /api/v1/alerts":       readers,
	"GET /api/v1/matches":      readers,
	"GET /api/v1/matches/:id":  readers,
	"GET /export/:file":        readers,
	"GET /signals":             readers,

	"GET /crises":                            people,
	"GET /crises/:id":                        people,
	"GET /crises/:id/export":                 people,
	"POST /crises":                           operate,
	"POST /crises/join":                      operate,
	"POST /crises/:id/join":                  operate,
	"POST /crises/:id/lead":                  operate,
	"POST /crises/:id/describe":              operate,
	"POST /crises/:id/note":                  operate,
	"POST /crises/:id/end":                   operate,
	"POST /crises/:id/reopen":                operate,
	"POST /crises/:id/components/:component": operate, // what the public status page says of a service
	"GET /runbooks":                          people,
	"GET /runbooks/:id":                      people,
	"GET /runs/:id":                          people,
	"GET /runs/:id/export":                   people,
	"POST /runs":                             operate,
	"POST /runs/:id/lead":                    operate,
	"POST /runs/:id/labels":                  operate,
	"POST /runs/:id/finish":                  operate,
	"POST /runs/:id/abandon":                 operate,
	"POST /runs/:id/:step/:act":              operate,
	"GET /support":                           people,
	"POST /support":                          operate, // looks a person up

	"GET /alerts":                     people,
	"GET /alerts/:id":                 people,
	"GET /alerts/log":                 people,
	"GET /alerts/log.csv":             people,
	"GET /alerts/rules":               people,
	"GET /alerts/channels":            people,
	"GET /alerts/dials/:group":        people,
	"GET /silences":                   people,
	"GET /silences/new":               people,
	"GET /on-call":                    people,
	"POST /alerts/:id/ack":            operate,
	"POST /alerts/:id/give-up":        operate,
	"POST /alerts/:id/hand-over":      operate,
	"POST /alerts/:id/note":           operate,
	"POST /alerts/dials/:group":       operate,
	"POST /alerts/drill":              operate,
	"POST /alerts/test":               operate,
	"POST /silences":                  operate,
	"POST /silences/:id/end":          operate,
	"POST /maintenance":               operate,
	"POST /maintenance/:id/end":       operate,
	"POST /on-call/overrides":         operate,
	"POST /on-call/overrides/:id/end": operate,
	"GET /ack/:secret":                anyone, // who has the link of a message
	"POST /ack/:secret":               anyone,

	"GET /messages":                          people,
	"GET /messages/:scenario":                people,
	"GET /messages/:scenario/:step/review":   people,
	"GET /messages/:scenario/export":         people,
	"GET /messages/new":                      write,
	"GET /messages/import":                   write,
	"POST /messages":                         write,
	"POST /messages/import":                  write,
	"POST /messages/:scenario":               write,
	"POST /messages/:scenario/preview":       write,
	"POST /messages/arm":                     operate,
	"POST /messages/:scenario/:step/submit":  write,
	"POST /messages/:scenario/:step/approve": validate,
	"POST /messages/:scenario/:step/reject":  validate,
	"POST /messages/:scenario/:step/comment": {"operator", "author", "validator", "admin"},
	"POST /messages/:scenario/:step/arm":     operate,
	"POST /messages/:scenario/:step/disarm":  operate,
	"POST /messages/:scenario/:step/retire":  {"author", "validator"},
	"POST /messages/:scenario/:step/revive":  {"author", "validator"},

	"GET /sends":               people,
	"GET /sends/new":           operate,
	"GET /sends/:id":           people,
	"GET /sends/:id/lines":     people, // addresses are masked but for operators
	"GET /sends/:id/lines.csv": operate,
	"POST /sends":              operate,
	"POST /sends/preview":      operate,
	"POST /sends/:id/check":    operate,
	"POST /sends/:id/confirm":  operate,
	"POST /sends/:id/pause":    operate,
	"POST /sends/:id/resume":   operate,
	"POST /sends/:id/abort":    operate,
	"POST /sends/:id/drop":     operate,
	"POST /sends/:id/retry":    operate,
	"POST /sends/:id/repeat":   operate,

	"GET /audience":                         people, // numbers
	"GET /audience/segments":                people,
	"GET /audience/segments/:id":            people,
	"GET /audience/never":                   people,
	"GET /audience/hits":                    operate,
	"GET /audience/hits.csv":                operate,
	"POST /audience/contacts":               operate,
	"POST /audience/contacts/delete":        operate,
	"POST /audience/imports/:number/delete": operate,
	"POST /audience/segments":               operate,
	"POST /audience/segments/:id/delete":    operate,
	"POST /audience/estimate":               operate,
	"POST /audience/never":                  operate,
	"POST /audience/never/remove":           operate,
	"POST /audience/never/import":           operate,
	"POST /audience/mapping":                operate,
	"POST /api/v1/contacts":                 {}, // a token for contacts alone: see TestContactsAreBroughtByTheirTokenAlone

	"GET /wall":          screens,
	"GET /metrics":       managers, // and this machine, which the test is not
	"GET /me":            people,
	"POST /me":           people,
	"GET /people":        managers,
	"POST /people":       managers,
	"GET /people/:name":  managers,
	"POST /people/:name": managers,
	"GET /tokens":        managers,
	"POST /tokens":       managers,
	"GET /audit":         managers,
	"GET /audit.csv":     managers,
}

func TestRoutesAreForWhoMayUseThem(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.Proxies = loopback
		c.MetricsHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	})
	s.tries = &tries{addresses: newBuckets(10, 1, 10_000), accounts: newBuckets(10, 1, 10_000)} // their limit is another test's
	s.Publish(final(t, 0))
	_, wall := s.token(t, account.Wall, "Mur")
	_, api := s.token(t, account.API, "Grafana")

	known := map[string]bool{}
	for _, r := range s.echo.Routes() {
		if r.Method == echo.RouteNotFound {
			continue
		}
		route := r.Method + " " + r.Path
		known[route] = true
		may, ok := routeTable[route]
		if !ok {
			t.Errorf("%s is not in the table of who may: add it", route)
			continue
		}
		path := strings.NewReplacer(":name", "operator", ":version", s.assets.version, ":file", "app.js", ":id", "1", ":token", "x", ":group", "cdn", ":secret", "x", ":note", "1", ":panel", "traffic", ":number", "1", ":scenario", "x", ":step", "initial", ":act", "tick", ":component", "live").Replace(r.Path)
		if strings.ContainsAny(path, ":*") {
			t.Errorf("%s: teach this test a value for its parameters", route)
		}
		for _, who := range anyone {
			header := http.Header{"X-Forwarded-For": {"203.0.113.9"}}
			b := browser(t)
			switch who {
			case "a stranger":
			case "a wall":
				header.Set("Cookie", wallCookie+"="+wall)
			case "a program":
				header.Set("Authorization", "Bearer "+api)
			default:
				b = s.signedInFrom(t, who, header)
			}
			answer := s.do(t, b, r.Method, path, strings.NewReader(""), header)
			to := answer.Header.Get("Location")
			refused := answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden ||
				to == "/sign-in" && r.Path != "/sign-out" || to == "/wall/enter"
			if r.Path == "/sign-in" || r.Path == "/wall/enter" {
				refused = answer.StatusCode == http.StatusForbidden // a wrong password is no lack of a role
			}
			if want := slices.Contains(may, who); refused == want {
				t.Errorf("%s by %s: %d %s, may: %v", route, who, answer.StatusCode, to, want)
			}
			if answer.StatusCode >= http.StatusInternalServerError {
				t.Errorf("%s by %s: %d", route, who, answer.StatusCode)
			}
		}
	}
	for route := range routeTable {
		if !known[route] {
			t.Errorf("%s is in the table and is no route any more", route)
		}
	}
}

// Programs read by a token where requireReader stands, and nothing else.
func TestReaderIsAPersonOrAProgram(t *testing.T) {
	s := newSite(t, nil)
	made, api := s.token(t, account.API, "Grafana")
	_, wall := s.token(t, account.Wall, "Mur")
	who := func(c echo.Context) error { return c.String(http.StatusOK, principalOf(c).name()) }
	group := s.echo.Group("", echo.WrapMiddleware(s.Server.sessions.LoadAndSave))
	group.GET("/read", who, s.requireReader())
	group.POST("/read", who, s.requireReader())
	for name, tt := range map[string]struct {
		browser *http.Client
		method  string
		header  http.Header
		status  int
		want    string
	}{
		"a viewer":                     {s.signedIn(t, "viewer"), "GET", nil, 200, "viewer"},
		"a program":                    {browser(t), "GET", http.Header{"Authorization": {"Bearer " + api}}, 200, "api:" + made.ID},
		"in another case":              {browser(t), "GET", http.Header{"Authorization": {"bearer  " + api}}, 200, "api:" + made.ID},
		"a program that writes":        {browser(t), "POST", http.Header{"Authorization": {"Bearer " + api}}, 403, ""},
		"a wall's token":               {browser(t), "GET", http.Header{"Authorization": {"Bearer " + wall}}, 401, ""},
		"a wrong token":                {browser(t), "GET", http.Header{"Authorization": {"Bearer vigie_api_x"}}, 401, ""},
		"another scheme":               {browser(t), "GET", http.Header{"Authorization": {"Basic " + api}}, 401, ""},
		"no token":                     {browser(t), "GET", http.Header{"Authorization": {"Bearer"}}, 401, ""},
		"a token in the address":       {browser(t), "GET", nil, 303, ""},
		"a stranger":                   {browser(t), "GET", nil, 303, ""},
		"a viewer with a wrong token":  {s.signedIn(t, "viewer"), "GET", http.Header{"Authorization": {"Bearer vigie_api_x"}}, 401, ""},
		"a wall's cookie, for the API": {browser(t), "GET", http.Header{"Cookie": {wallCookie + "=" + wall}}, 303, ""},
	} {
		path := "/read"
		if name == "a token in the address" {
			path += "?token=" + api + "&access_token=" + api
		}
		r := s.do(t, tt.browser, tt.method, path, nil, tt.header)
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != tt.status || tt.want != "" && string(body) != tt.want {
			t.Errorf("%s: %d %q, want %d %q", name, r.StatusCode, body, tt.status, tt.want)
		}
		if (r.StatusCode == 401) != (r.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %d with WWW-Authenticate %q", name, r.StatusCode, r.Header.Get("WWW-Authenticate"))
		}
	}
	if _, err := s.tokens.Revoke(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if r := s.do(t, browser(t), "GET", "/read", nil, http.Header{"Authorization": {"Bearer " + api}}); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("revoked: %d, want 401", r.StatusCode)
	}
}
