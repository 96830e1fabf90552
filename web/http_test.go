package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"vigie/internal/account"
)

func TestSignInOpensTheBoard(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	b := browser(t)

	if r := s.get(t, b, "/"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/sign-in" {
		t.Fatalf("a stranger got %d to %q, want to be sent to the sign-in page", r.StatusCode, r.Header.Get("Location"))
	}
	r := s.post(t, b, "/sign-in", url.Values{"name": {"Viewer"}, "password": {password}}, nil)
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/" {
		t.Fatalf("sign-in answered %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	cookie := r.Header.Get("Set-Cookie")
	for _, want := range []string{"vigie_session=", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("session cookie %q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, "Secure") {
		t.Error("the cookie is Secure although people come by http, so no browser would send it back")
	}
	page := document(t, s.get(t, b, "/"))
	if got := page.Find("#tile-viewers .big b").Text(); got != "2.31" {
		t.Errorf("the board shows %q viewers, want 2.31", got)
	}
	if got, want := s.audit.last(t), (Action{Who: "viewer", What: "sign-in", Outcome: "ok"}); got.Who != want.Who || got.What != want.What || got.Outcome != want.Outcome || !got.From.IsLoopback() || got.At.IsZero() {
		t.Errorf("audited %+v, want %+v with address and time", got, want)
	}
	for key := range s.sessions.values {
		if strings.Contains(cookie, key) {
			t.Error("the store has the session's token itself, not its hash")
		}
	}

	if r := s.post(t, b, "/sign-out", nil, nil); r.Header.Get("Location") != "/sign-in" {
		t.Errorf("sign-out answered %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if r := s.get(t, b, "/"); r.StatusCode != http.StatusSeeOther {
		t.Errorf("after sign-out the board answers %d", r.StatusCode)
	}
	if got := s.audit.last(t); got.What != "sign-out" || got.Who != "viewer" {
		t.Errorf("audited %+v, want the sign-out", got)
	}
	if len(s.sessions.values) != 0 {
		t.Errorf("%d sessions are left in the store", len(s.sessions.values))
	}
}

func TestSignInRefuses(t *testing.T) {
	s := newSite(t, nil)
	if _, err := s.accounts.Add(t.Context(), account.User{Name: "gone", Roles: account.Roles{account.Viewer}, Disabled: true}, password); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for name, form := range map[string]url.Values{
		"a wrong password":        {"name": {"viewer"}, "password": {"wrong"}},
		"an unknown name":         {"name": {"nobody"}, "password": {password}},
		"a disabled account":      {"name": {"gone"}, "password": {password}},
		"what cannot be a name":   {"name": {"../../x"}, "password": {password}},
		"an empty form":           {},
		"a name with 300 letters": {"name": {strings.Repeat("a", 300)}, "password": {password}},
	} {
		r := s.post(t, browser(t), "/sign-in", form, nil)
		if r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: status %d, want 401", name, r.StatusCode)
		}
		page := document(t, r)
		texts = append(texts, strings.TrimSpace(page.Find("[role=alert]").Text()))
		if got := s.audit.last(t); got.Outcome != "denied" {
			t.Errorf("%s: audited %+v, want denied", name, got)
		}
	}
	for _, text := range texts {
		if text != texts[0] || text == "" {
			t.Errorf("answers differ, which tells names from passwords: %q, %q", text, texts[0])
		}
	}
}

func TestPasswordInTheAddressIsNotRead(t *testing.T) {
	s := newSite(t, nil)
	r := s.post(t, browser(t), "/sign-in?name=viewer&password="+url.QueryEscape(password), nil, nil)
	if r.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d, want 401: addresses are logged on the way", r.StatusCode)
	}
}

func TestSignInIsLimited(t *testing.T) {
	s := newSite(t, nil)
	form := url.Values{"name": {"viewer"}, "password": {"wrong"}}
	status := make(map[int]int)
	for range 12 {
		status[s.post(t, browser(t), "/sign-in", form, nil).StatusCode]++
	}
	if status[http.StatusUnauthorized] < 10 || status[http.StatusTooManyRequests] == 0 {
		t.Errorf("12 tries were answered %v, want 10 or so with 401 and the rest with 429", status)
	}
	if got := s.audit.last(t); got.Outcome != "too many tries" {
		t.Errorf("audited %+v, want too many tries", got)
	}
	form.Set("password", password)
	if r := s.post(t, browser(t), "/sign-in", form, nil); r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" {
		t.Errorf("the right password after them: %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
}

func TestSessionEnds(t *testing.T) {
	for name, end := range map[string]func(context.Context, *site) error{
		"when the account is disabled": func(ctx context.Context, s *site) error {
			_, err := s.accounts.Change(ctx, "viewer", func(u *account.User) error { u.Disabled = true; return nil })
			return err
		},
		"when the account is removed": func(ctx context.Context, s *site) error { return s.accounts.Remove(ctx, "viewer") },
		"when the password is changed": func(ctx context.Context, s *site) error {
			return s.accounts.SetPassword(ctx, "viewer", "un autre mot de passe")
		},
		"when the store has forgotten it": func(_ context.Context, s *site) error { clear(s.sessions.values); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			s.Publish(final(t, 0))
			b := s.signedIn(t, "viewer")
			if r := s.get(t, b, "/"); r.StatusCode != http.StatusOK {
				t.Fatalf("the board answers %d before", r.StatusCode)
			}
			if err := end(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if r := s.get(t, b, "/"); r.StatusCode != http.StatusSeeOther {
				t.Errorf("the board answers %d after, want to be sent to the sign-in page", r.StatusCode)
			}
		})
	}
}

func TestSignInTakesNoSessionFromBefore(t *testing.T) {
	s := newSite(t, nil)
	b := s.signedIn(t, "viewer")
	address, _ := url.Parse(s.http.URL)
	before := b.Jar.Cookies(address)[0].Value
	s.post(t, b, "/sign-in", url.Values{"name": {"admin"}, "password": {password}}, nil)
	if after := b.Jar.Cookies(address)[0].Value; after == before {
		t.Error("the session kept its token across a sign-in")
	}
	if len(s.sessions.values) != 1 {
		t.Errorf("%d sessions in the store, want the new one alone", len(s.sessions.values))
	}
}

func TestEveryAnswerHasItsHeaders(t *testing.T) {
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin",
		"Strict-Transport-Security":  "max-age=31536000; includeSubDomains",
	}
	s := newSite(t, func(c *Config) { c.Secure = true })
	for _, path := range []string{"/", "/sign-in", "/nothing", "/healthz", "/live", s.assets.url("app.js")} {
		r := s.get(t, browser(t), path)
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				t.Errorf("GET %s (%d): %s is %q, want %q", path, r.StatusCode, name, got, value)
			}
		}
		if r.Header.Get("Permissions-Policy") == "" || r.Header.Get("X-Request-Id") == "" {
			t.Errorf("GET %s: Permissions-Policy %q, X-Request-Id %q", path, r.Header.Get("Permissions-Policy"), r.Header.Get("X-Request-Id"))
		}
	}
	r := s.post(t, browser(t), "/sign-in", url.Values{"name": {"viewer"}, "password": {password}}, nil)
	if cookie := r.Header.Get("Set-Cookie"); !strings.Contains(cookie, "Secure") {
		t.Errorf("over https the session's cookie is %q, want it Secure", cookie)
	}
}

func TestNothingRunsInline(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	b := s.signedIn(t, "viewer")
	for _, path := range []string{"/", "/sources", "/nothing"} {
		page := document(t, s.get(t, b, path))
		if n := page.Find("[style], style, [onclick], [onload], [onerror], iframe, object").Length(); n != 0 {
			t.Errorf("%s has %d elements with style or script in them", path, n)
		}
		page.Find("script").Each(func(_ int, script *goquery.Selection) {
			if kind, _ := script.Attr("type"); kind == "application/json" {
				return // data, which does not run
			}
			if src, _ := script.Attr("src"); !strings.HasPrefix(src, "/static/") {
				t.Errorf("%s has a script from %q", path, src)
			}
		})
		page.Find("[src], link[href]").Each(func(_ int, e *goquery.Selection) {
			for _, name := range []string{"src", "href"} {
				if to, ok := e.Attr(name); ok && !strings.HasPrefix(to, "/") {
					t.Errorf("%s asks for %q, which is not ours", path, to)
				}
			}
		})
	}
}

func TestOtherOriginsMayNotWrite(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Origins = []string{"https://vigie.example"} })
	form := url.Values{"name": {"viewer"}, "password": {password}}
	for name, tt := range map[string]struct {
		header http.Header
		want   int
	}{
		"own page":             {http.Header{"Sec-Fetch-Site": {"same-origin"}}, http.StatusSeeOther},
		"another site":         {http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		"a sibling":            {http.Header{"Sec-Fetch-Site": {"same-site"}}, http.StatusForbidden},
		"an old browser":       {http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		"a configured origin":  {http.Header{"Origin": {"https://vigie.example"}, "Sec-Fetch-Site": {"cross-site"}}, http.StatusSeeOther},
		"no browser (command)": {nil, http.StatusSeeOther},
	} {
		if r := s.post(t, browser(t), "/sign-in", form, tt.header); r.StatusCode != tt.want {
			t.Errorf("%s: status %d, want %d", name, r.StatusCode, tt.want)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	s := newSite(t, nil)
	r := s.post(t, browser(t), "/sign-in", url.Values{"name": {"viewer"}, "password": {strings.Repeat("x", maxBody)}}, nil)
	if r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", r.StatusCode)
	}
}

func TestErrorsAreToldInTheReadersLanguage(t *testing.T) {
	s := newSite(t, nil)
	for accept, want := range map[string]string{
		"fr-CA,fr;q=0.9,en;q=0.8": "Il n’y a rien à cette adresse.", "en": "There is nothing at this address.",
		"de": "There is nothing at this address.", ";;;": "There is nothing at this address.", "": "There is nothing at this address.",
	} {
		r := s.do(t, browser(t), http.MethodGet, "/nothing", nil, http.Header{"Accept-Language": {accept}})
		page := document(t, r)
		if r.StatusCode != http.StatusNotFound || !strings.Contains(page.Text(), want) {
			t.Errorf("Accept-Language %q: %d without %q", accept, r.StatusCode, want)
		}
	}
}

func TestLanguageIsRemembered(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	b := s.signedIn(t, "viewer")
	s.get(t, b, "/?lang=fr&metric=errors")
	page := document(t, s.get(t, b, "/"))
	if got, _ := page.Find("html").Attr("lang"); got != "fr" {
		t.Errorf("lang is %q after French was chosen", got)
	}
	if got := page.Find("#tile-viewers .big b").Text(); got != "2,31" {
		t.Errorf("viewers are %q, want 2,31", got)
	}
}

func TestFailuresAreCleanPages(t *testing.T) {
	s := newSite(t, nil)
	b := s.signedIn(t, "viewer")
	if r := s.get(t, b, "/"); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("without a board: %d, Retry-After %q; want 503", r.StatusCode, r.Header.Get("Retry-After"))
	}
	broken := newSite(t, func(c *Config) {
		c.Ready = func(context.Context) error { panic("boom with secret 4711") }
		c.Healthy = func(context.Context) error { return errors.New("secret 4711") }
	})
	for path, want := range map[string]int{"/readyz": http.StatusInternalServerError, "/healthz": http.StatusServiceUnavailable} {
		r := broken.get(t, browser(t), path)
		text, _ := io.ReadAll(r.Body)
		if r.StatusCode != want || strings.Contains(string(text), "4711") {
			t.Errorf("%s: %d, want %d without what went wrong inside:\n%s", path, r.StatusCode, want, text)
		}
	}
}

func TestDemoLink(t *testing.T) {
	const token = "a-token-of-26-characters-x"
	s := newSite(t, func(c *Config) { c.DemoToken, c.DemoUser = token, "operator" })
	s.Publish(final(t, 0))
	for _, wrong := range []string{"/demo/", "/demo/x", "/demo/" + token + "x"} {
		if r := s.get(t, browser(t), wrong); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", wrong, r.StatusCode)
		}
	}
	b := browser(t)
	if r := s.get(t, b, "/demo/"+token); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("the link answers %d", r.StatusCode)
	}
	if r := s.get(t, b, "/"); r.StatusCode != http.StatusOK {
		t.Errorf("after the link the board answers %d", r.StatusCode)
	}
	off := newSite(t, nil)
	if r := off.get(t, browser(t), "/demo/"); r.StatusCode != http.StatusNotFound {
		t.Errorf("without a token the link answers %d", r.StatusCode)
	}
}

func TestMetricsAreForAdminsAndThisMachine(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	s := newSite(t, func(c *Config) {
		c.MetricsHandler = metrics
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	outside := http.Header{"X-Forwarded-For": {"203.0.113.9"}}
	for name, tt := range map[string]struct {
		browser *http.Client
		header  http.Header
		want    int
	}{
		"this machine":            {browser(t), nil, http.StatusOK},
		"a stranger":              {browser(t), outside, http.StatusUnauthorized},
		"an operator":             {s.signedIn(t, "operator"), outside, http.StatusForbidden},
		"an admin":                {s.signedIn(t, "admin"), outside, http.StatusOK},
		"a stranger who pretends": {browser(t), http.Header{"X-Forwarded-For": {"127.0.0.1, 203.0.113.9"}}, http.StatusUnauthorized},
	} {
		if r := s.do(t, tt.browser, http.MethodGet, "/metrics", nil, tt.header); r.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", name, r.StatusCode, tt.want)
		}
	}
}

func TestForwardedAddressIsBelievedFromProxiesOnly(t *testing.T) {
	s := newSite(t, nil) // without proxies
	s.do(t, browser(t), http.MethodPost, "/sign-in", strings.NewReader("name=viewer&password=x"), http.Header{"X-Forwarded-For": {"203.0.113.9"}})
	if got := s.audit.last(t).From; !got.IsLoopback() {
		t.Errorf("the audit has %s, which the client made up", got)
	}
}

func TestStaticFiles(t *testing.T) {
	s := newSite(t, nil)
	total := 0
	for _, name := range []string{"app.js", "app.css", "inter.woff2", "icon.svg"} {
		r := s.do(t, browser(t), http.MethodGet, s.assets.url(name), nil, http.Header{"Accept-Encoding": {"gzip"}})
		content, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %q, %v", name, r.StatusCode, r.Header.Get("Cache-Control"), err)
		}
		total += len(content)
	}
	s.Publish(final(t, 0))
	page, err := io.ReadAll(s.get(t, s.signedIn(t, "viewer"), "/").Body)
	if err != nil {
		t.Fatal(err)
	}
	if total += len(page); total > 300_000 {
		t.Errorf("the first page takes %d bytes, want at most 300,000", total)
	}
	for _, path := range []string{"/static/0000000000000000/app.js", s.assets.url(".inputs"), s.assets.url("..%2fserver.go"), "/static/"} {
		if r := s.get(t, browser(t), path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, r.StatusCode)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := newSite(t, nil).config
	for name, edit := range map[string]func(*Config){
		"no accounts":         func(c *Config) { c.Accounts = nil },
		"no sessions":         func(c *Config) { c.Sessions = nil },
		"a short demo token":  func(c *Config) { c.DemoToken, c.DemoUser = "short", "demo" },
		"a demo without user": func(c *Config) { c.DemoToken = strings.Repeat("x", 30) },
		"negative screens":    func(c *Config) { c.Screens = -1 },
		"a broken origin":     func(c *Config) { c.Origins = []string{"vigie.example"} },
	} {
		c := good
		edit(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestTriesRememberNoMoreThanTheirLimit(t *testing.T) {
	b := newBuckets(3, 1e9, 1)
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		if !b.allow(key) {
			t.Errorf("the first try of %s was refused", key)
		}
	}
	if b.recent.Len() != 3 || len(b.byKey) != 3 {
		t.Errorf("%d and %d keys are remembered, want 3", b.recent.Len(), len(b.byKey))
	}
	if b.allow("e") {
		t.Error("the second try at once was allowed")
	}
}

func document(t *testing.T, r *http.Response) *goquery.Document {
	t.Helper()
	d, err := goquery.NewDocumentFromReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestProbesMayAskWithHEAD(t *testing.T) {
	s := newSite(t, nil)
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/sign-in": http.StatusOK, "/nothing": http.StatusNotFound} {
		res, err := http.Head(s.http.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != want || len(body) > 0 {
			t.Errorf("HEAD %s: %s with %d bytes, want %d and none", path, res.Status, len(body), want)
		}
	}
}
