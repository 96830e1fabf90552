package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"vigie/internal/account"
)

// The language in the account goes before what a browser remembers or wants, and the link in the bar
// changes it there.
func TestLanguageIsThePersons(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	one, other := s.signedIn(t, "viewer"), s.signedIn(t, "viewer")
	language := func(b *http.Client, path string) string {
		t.Helper()
		return document(t, s.get(t, b, path)).Find("html").AttrOr("lang", "")
	}
	if got := language(one, "/?lang=fr"); got != "fr" || s.find(t, "viewer").Language != "fr" {
		t.Errorf("French by the link: %q, the account has %q", got, s.find(t, "viewer").Language)
	}
	if got := language(other, "/"); got != "fr" {
		t.Errorf("on the person's other screen: %q, want fr", got)
	}
	s.does(t, other, "/me", url.Values{"do": {"save"}, "language": {"en"}}, http.StatusSeeOther)
	s.audit.wants(t, "viewer", DidChangeProfile, "", "ok")
	if got := language(one, "/"); got != "en" {
		t.Errorf("after the profile, where the link was used before: %q, want en", got)
	}
	s.does(t, one, "/me", url.Values{"do": {"save"}, "language": {""}}, http.StatusSeeOther)
	r := s.do(t, one, http.MethodGet, "/", nil, http.Header{"Accept-Language": {"fr"}})
	if got := document(t, r).Find("html").AttrOr("lang", ""); got != "fr" {
		t.Errorf("as the browser says: %q, want fr", got)
	}
	s.get(t, browser(t), "/?lang=en") // a stranger's
	s.get(t, one, "/?lang=xx")
	if got := s.find(t, "viewer").Language; got != "" {
		t.Errorf("the account has %q", got)
	}
}

func TestProfileKeepsThemeAndZone(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	b := s.signedIn(t, "viewer")
	s.does(t, b, "/me", url.Values{"do": {"save"}, "language": {"fr"}, "theme": {"light"}, "zone": {"America/New_York"}}, http.StatusSeeOther)
	page := document(t, s.get(t, b, "/"))
	if got := page.Find("html").AttrOr("data-theme", ""); got != "light" {
		t.Errorf("the theme is %q", got)
	}
	if got := page.Find("#own-now").AttrOr("data-zone", ""); got != "America/New_York" {
		t.Errorf("one's own time is of %q", got)
	}
	if got := document(t, s.get(t, s.signedIn(t, "viewer"), "/")).Find("html").AttrOr("data-theme", ""); got != "light" {
		t.Errorf("on another browser the theme is %q", got)
	}
	if got := document(t, s.get(t, b, "/me")).Find("#sessions-title ~ .age").Text(); !strings.Contains(got, "America/New_York") {
		t.Errorf("times are of %q", got)
	}
	for name, tt := range map[string]struct{ theme, zone, selector string }{
		"an unknown zone":    {"", "Europe/Atlantis", "#field-zone-problem"},
		"the server's clock": {"", "Local", "#field-zone-problem"},
		"an unknown theme":   {"pink", "", "form .problem"},
	} {
		page := s.does(t, b, "/me", url.Values{"do": {"save"}, "language": {"en"}, "theme": {tt.theme}, "zone": {tt.zone}}, http.StatusUnprocessableEntity)
		if page.Find(tt.selector).Length() != 1 {
			t.Errorf("%s: nothing at %s", name, tt.selector)
		}
	}
	if u := s.find(t, "viewer"); u.Zone != "America/New_York" || u.Theme != "light" || u.Language != "fr" || !slices.Equal(u.Roles, account.Roles{account.Viewer}) {
		t.Errorf("the account has %+v", u)
	}
}

// A profile is no way to a role.
func TestProfileChangesNothingElse(t *testing.T) {
	s := newSite(t, nil)
	b := s.signedIn(t, "viewer")
	s.does(t, b, "/me", url.Values{"do": {"save"}, "language": {"fr"}, "role": {"admin"}, "roles": {"admin"}, "name": {"admin"}, "display": {"Boss"}, "disabled": {"1"}}, http.StatusSeeOther)
	if u := s.find(t, "viewer"); u.Roles.String() != "viewer" || u.Display != "Zoé V." || u.Disabled {
		t.Errorf("the account has %+v", u)
	}
	s.does(t, b, "/me", url.Values{"do": {"dance"}}, http.StatusBadRequest)
}

func TestOwnPasswordNeedsTheOldOne(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	here, there := s.signedIn(t, "viewer"), s.signedIn(t, "viewer")
	page := s.does(t, here, "/me", url.Values{"do": {"password"}, "old": {"wrong"}, "new": {"un autre mot de passe"}}, http.StatusUnprocessableEntity)
	if page.Find("#field-old-problem").Length() != 1 {
		t.Error("nothing is said beside the old one")
	}
	s.audit.wants(t, "viewer", DidChangePassword, "", "denied")
	page = s.does(t, here, "/me", url.Values{"do": {"password"}, "old": {password}, "new": {"court"}}, http.StatusUnprocessableEntity)
	if !strings.Contains(page.Find("#field-new-problem").Text(), "12") {
		t.Errorf("a short one: %q", page.Find("#field-new-problem").Text())
	}
	page.Find("input[type=password]").Each(func(_ int, f *goquery.Selection) {
		if f.AttrOr("value", "") != "" {
			t.Error("a password is put back into the page")
		}
	})
	s.does(t, here, "/me", url.Values{"do": {"password"}, "old": {password}, "new": {"un autre mot de passe"}}, http.StatusSeeOther)
	s.audit.wants(t, "viewer", DidChangePassword, "", "ok")
	if r := s.get(t, here, "/"); r.StatusCode != http.StatusOK {
		t.Errorf("the session that changed it: %d", r.StatusCode)
	}
	if r := s.get(t, there, "/"); r.StatusCode != http.StatusSeeOther {
		t.Errorf("the other session: %d, want it ended", r.StatusCode)
	}
}

func TestGuessingTheOldPasswordIsLimited(t *testing.T) {
	s := newSite(t, nil)
	b := s.signedIn(t, "viewer")
	var last int
	for range 12 {
		last = s.post(t, b, "/me", url.Values{"do": {"password"}, "old": {"wrong"}, "new": {"un autre mot de passe"}}, nil).StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the 12th guess was answered %d, want 429", last)
	}
}

func TestSignOutEverywhere(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	agent := http.Header{"User-Agent": {"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"}}
	here, phone, somebody := s.signedIn(t, "viewer"), s.signedInFrom(t, "viewer", agent), s.signedIn(t, "operator")
	rows := document(t, s.get(t, here, "/me")).Find("table tbody tr")
	if rows.Length() != 2 || !strings.Contains(rows.Text(), "Safari, iPhone") || strings.Count(rows.Text(), "this one") != 1 {
		t.Errorf("%d sessions: %s", rows.Length(), rows.Text())
	}
	s.does(t, here, "/me", url.Values{"do": {"sign-out"}}, http.StatusSeeOther)
	s.audit.wants(t, "viewer", DidEndSessions, "", "ok")
	for name, b := range map[string]*http.Client{"this one": here, "the phone": phone} {
		if r := s.get(t, b, "/"); r.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d, want it ended", name, r.StatusCode)
		}
	}
	if r := s.get(t, somebody, "/"); r.StatusCode != http.StatusOK {
		t.Errorf("somebody else's session: %d", r.StatusCode)
	}
	if r := s.get(t, s.signedIn(t, "viewer"), "/"); r.StatusCode != http.StatusOK {
		t.Errorf("signing in again: %d", r.StatusCode)
	}
}
