package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/internal/account"
)

func TestAWallComesInByItsCode(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	admin := s.signedIn(t, "admin")
	page := s.does(t, admin, "/tokens", url.Values{"do": {"make"}, "name": {"Mur gauche"}, "kind": {"wall"}, "days": {"0"}}, http.StatusOK)
	link, code := page.Find("#secret-link").Text(), page.Find("#secret-code").Text()
	if !strings.HasPrefix(link, s.http.URL+"/wall/enter#vigie_wall_") || len(strings.ReplaceAll(code, "-", "")) != 32 {
		t.Fatalf("shown: %q, %q", link, code)
	}
	made, err := s.tokens.List(t.Context())
	if err != nil || len(made) != 1 {
		t.Fatal(made, err)
	}
	s.audit.wants(t, "admin", DidMakeToken, "wall:"+made[0].ID+" Mur gauche", "ok")
	if strings.Contains(document(t, s.get(t, admin, "/tokens")).Text(), code) {
		t.Error("the code is shown again")
	}

	wall := browser(t)
	if r := s.get(t, wall, "/wall"); r.Header.Get("Location") != "/wall/enter" {
		t.Errorf("a wall without a token is sent to %q", r.Header.Get("Location"))
	}
	if got := document(t, s.get(t, wall, "/wall/enter")).Find("[role=alert]").Text(); got != "" {
		t.Errorf("the door says %q to a wall that was never there", got)
	}
	r := s.post(t, wall, "/wall/enter", url.Values{"code": {" " + strings.ToUpper(code) + " "}}, nil)
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/wall" {
		t.Fatalf("the code: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	for _, want := range []string{"vigie_wall=vigie_wall_", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"} {
		if cookie := r.Header.Get("Set-Cookie"); !strings.Contains(cookie, want) {
			t.Errorf("the cookie %q lacks %s", cookie, want)
		}
	}
	s.audit.wants(t, "wall:"+made[0].ID, DidEnterWall, "Mur gauche", "ok")
	r = s.get(t, wall, "/wall")
	if r.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Set-Cookie"), "Max-Age=31536000") {
		t.Errorf("the wall: %d, cookie %q; want it renewed", r.StatusCode, r.Header.Get("Set-Cookie"))
	}
	if page := document(t, r); page.Find("#account, form").Length() != 0 {
		t.Error("the wall has a person's menu, or a form")
	}
	if r := s.get(t, wall, "/wall/enter"); r.Header.Get("Location") != "/wall" {
		t.Errorf("the door sends a wall that is in to %q", r.Header.Get("Location"))
	}
	for _, path := range []string{"/", "/sources", "/me", "/people", "/audit"} {
		if r := s.get(t, wall, path); r.Header.Get("Location") != "/sign-in" {
			t.Errorf("%s: the wall got %d to %q", path, r.StatusCode, r.Header.Get("Location"))
		}
	}
	if r := s.get(t, s.signedIn(t, "viewer"), "/wall"); r.StatusCode != http.StatusOK {
		t.Errorf("a viewer's wall: %d", r.StatusCode)
	}

	s.does(t, admin, "/tokens", url.Values{"do": {"revoke"}, "id": {made[0].ID}}, http.StatusSeeOther)
	s.audit.wants(t, "admin", DidRevokeToken, "wall:"+made[0].ID+" Mur gauche", "ok")
	if r := s.get(t, wall, "/wall"); r.Header.Get("Location") != "/wall/enter" {
		t.Errorf("a revoked wall got %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if got := document(t, s.get(t, wall, "/wall/enter")).Find("[role=alert]").Text(); !strings.Contains(got, "revoked, or does not exist") {
		t.Errorf("the door says %q to a revoked wall", got)
	}
	s.does(t, admin, "/tokens", url.Values{"do": {"revoke"}, "id": {"nothing"}}, http.StatusNotFound)
	s.does(t, admin, "/tokens", url.Values{"do": {"make"}, "name": {"x"}, "kind": {"wall"}, "days": {"-1"}}, http.StatusBadRequest)
}

func TestCodesAreLimitedAndNotPutBack(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Secure = true })
	status := map[int]int{}
	for range 15 {
		r := s.post(t, browser(t), "/wall/enter", url.Values{"code": {"vigie_wall_guess"}}, nil)
		status[r.StatusCode]++
		if page, _ := document(t, r).Html(); strings.Contains(page, "guess") {
			t.Fatal("the page shows the code again")
		}
	}
	if status[http.StatusUnauthorized] < 9 || status[http.StatusTooManyRequests] == 0 {
		t.Errorf("15 guesses were answered %v", status)
	}
	if got := s.audit.last(t); got.What != DidEnterWall || got.Outcome != "too many tries" || got.Who != "" {
		t.Errorf("audited %+v", got)
	}
	for _, action := range s.audit.actions {
		if strings.Contains(action.Who+action.On, "guess") {
			t.Errorf("the audit has the code: %+v", action)
		}
	}
	// Another address is not held up, and the cookie is Secure over https.
	_, secret := s.token(t, account.Wall, "Mur")
	other := newSite(t, func(c *Config) { c.Secure, c.Tokens = true, s.tokens })
	if r := other.post(t, browser(t), "/wall/enter", url.Values{"code": {secret}}, nil); !strings.Contains(r.Header.Get("Set-Cookie"), "Secure") {
		t.Errorf("over https: %d, cookie %q", r.StatusCode, r.Header.Get("Set-Cookie"))
	}
	// The address is no place for a code.
	if r := s.get(t, browser(t), "/wall/enter?code="+secret); r.Header.Get("Set-Cookie") != "" || r.StatusCode != http.StatusOK {
		t.Errorf("a code in the address: %d, cookie %q", r.StatusCode, r.Header.Get("Set-Cookie"))
	}
}

func TestTokenFormTeaches(t *testing.T) {
	s := newSite(t, nil)
	s.token(t, account.Wall, "Mur")
	admin := s.signedIn(t, "admin")
	for name, tt := range map[string]struct {
		form     url.Values
		status   int
		selector string
		want     string
	}{
		"no name":         {url.Values{"name": {" "}, "kind": {"api"}}, 422, "#field-name-problem", "1 to 64 characters"},
		"a name in use":   {url.Values{"name": {"mur"}, "kind": {"api"}}, 409, "#field-name-problem", "taken"},
		"no kind":         {url.Values{"name": {"x"}}, 422, "#field-kind-problem", "wall or API"},
		"an unknown kind": {url.Values{"name": {"x"}, "kind": {"admin"}}, 422, "#field-kind-problem", "wall or API"},
	} {
		tt.form.Set("do", "make")
		tt.form.Set("days", "30")
		page := s.does(t, admin, "/tokens", tt.form, tt.status)
		if got := page.Find(tt.selector).Text(); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if page.Find("#field-days [selected]").AttrOr("value", "") != "30" {
			t.Errorf("%s: the form forgot the days", name)
		}
	}
	page := s.does(t, admin, "/tokens", url.Values{"do": {"make"}, "name": {"grafana"}, "kind": {"api"}, "days": {"30"}}, http.StatusOK)
	secret := strings.TrimPrefix(page.Find("#secret-token").Text(), "Authorization: Bearer ")
	got, err := s.tokens.Check(t.Context(), account.API, secret)
	if err != nil || got.By != "admin" || time.Until(got.Expires) > 30*24*time.Hour || time.Until(got.Expires) < 29*24*time.Hour {
		t.Errorf("the token that was shown: %+v, %v", got, err)
	}
}

func TestSocketOfAWall(t *testing.T) {
	s := newSite(t, nil)
	s.checkEvery = time.Nanosecond
	s.Publish(final(t, 0))
	made, secret := s.token(t, account.Wall, "Mur")
	_, api := s.token(t, account.API, "Grafana")
	walls := func(secret string) *http.Client {
		b := browser(t)
		address, _ := url.Parse(s.http.URL)
		b.Jar.SetCookies(address, []*http.Cookie{{Name: wallCookie, Value: secret}})
		return b
	}
	for name, tt := range map[string]struct {
		browser *http.Client
		query   string
		want    int
	}{
		"the wall's page":        {walls(secret), "page=wall&metric=traffic&lang=fr", http.StatusSwitchingProtocols},
		"a viewer's wall":        {s.signedIn(t, "viewer"), "page=wall&metric=traffic&lang=fr", http.StatusSwitchingProtocols},
		"the board":              {walls(secret), "page=board&metric=traffic&lang=fr", http.StatusUnauthorized},
		"the board, unnamed":     {walls(secret), "metric=traffic&lang=fr", http.StatusUnauthorized},
		"the sources":            {walls(secret), "page=sources&lang=fr", http.StatusUnauthorized},
		"the wall, then another": {walls(secret), "page=wall&page=board&metric=traffic&lang=fr", http.StatusSwitchingProtocols}, // the first counts, for both
		"another, then the wall": {walls(secret), "page=board&page=wall&metric=traffic&lang=fr", http.StatusUnauthorized},
		"a program's token":      {walls(api), "page=wall&metric=traffic&lang=fr", http.StatusUnauthorized},
		"a wrong token":          {walls("vigie_wall_x"), "page=wall&metric=traffic&lang=fr", http.StatusUnauthorized},
		"a stranger":             {browser(t), "page=wall&metric=traffic&lang=fr", http.StatusUnauthorized},
	} {
		c, response, err := s.tryDial(t, tt.browser, tt.query, s.http.URL)
		if err == nil {
			c.Close()
		}
		if response == nil || response.StatusCode != tt.want {
			t.Errorf("%s: answered %v (%v), want %d", name, response, err, tt.want)
		}
	}

	c := s.dial(t, walls(secret), "page=wall&metric=traffic&lang=fr")
	if f := receive(t, c); f.Kind != "snapshot" {
		t.Fatalf("the wall began with %s", f.Kind)
	}
	if _, err := s.tokens.Revoke(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	s.Publish(final(t, 1))
	if code := closeCode(t, c); code != closeSignedIn {
		t.Errorf("after the revocation the socket closed with %d, want %d", code, closeSignedIn)
	}
}
