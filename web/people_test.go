package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/internal/account"
)

// does posts a form and checks the answer's status.
func (s *site) does(t *testing.T, b *http.Client, path string, form url.Values, want int) *goquery.Document {
	t.Helper()
	r := s.post(t, b, path, form, nil)
	if r.StatusCode != want {
		t.Fatalf("POST %s %v: %d to %q, want %d", path, form, r.StatusCode, r.Header.Get("Location"), want)
	}
	return document(t, r)
}

func (s *site) find(t *testing.T, name string) account.User {
	t.Helper()
	u, err := s.accounts.Find(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (a *audit) wants(t *testing.T, who, what, on, outcome string) {
	t.Helper()
	if got := a.last(t); got.Who != who || got.What != what || got.On != on || got.Outcome != outcome || got.At.IsZero() || !got.From.IsValid() {
		t.Errorf("audited %+v, want %s %s %q %s", got, who, what, on, outcome)
	}
}

func TestAnAdminAddsAPerson(t *testing.T) {
	s := newSite(t, nil)
	admin := s.signedIn(t, "admin")
	page := s.does(t, admin, "/people", url.Values{"name": {"Claire.B"}, "display": {"Claire B."}, "role": {"validator", "operator"}, "language": {"fr"}}, http.StatusOK)
	given := page.Find("#secret-password").Text()
	if page.Find("#secret-name").Text() != "claire.b" || len(given) < 20 {
		t.Fatalf("shown once: %q %q", page.Find("#secret-name").Text(), given)
	}
	s.audit.wants(t, "admin", DidAddPerson, "claire.b: operator,validator", "ok")
	if u := s.find(t, "claire.b"); u.Roles.String() != "operator,validator" || u.Language != "fr" || u.Display != "Claire B." {
		t.Errorf("kept %+v", u)
	}
	again := document(t, s.get(t, admin, "/people"))
	if strings.Contains(again.Text(), given) || !strings.Contains(again.Find("table").Text(), "Claire B.") {
		t.Error("the list lacks the person, or shows the password again")
	}
	for _, action := range s.audit.actions {
		if strings.Contains(action.On, given) {
			t.Error("the audit has the password")
		}
	}
	b := browser(t)
	if r := s.post(t, b, "/sign-in", url.Values{"name": {"claire.b"}, "password": {given}}, nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("the password that was shown: %d", r.StatusCode)
	}
}

// What is wrong is said beside the field, which keeps what was typed.
func TestFormOfAPersonTeaches(t *testing.T) {
	s := newSite(t, nil)
	admin := s.signedIn(t, "admin")
	for name, tt := range map[string]struct {
		form     url.Values
		status   int
		field    string
		problem  string
		selector string
	}{
		"a name with a space":  {url.Values{"name": {"claire b"}, "role": {"viewer"}}, 422, "#field-name", "2 to 64 characters", "#field-name-problem"},
		"a name that is there": {url.Values{"name": {"viewer"}, "role": {"viewer"}}, 409, "#field-name", "taken", "#field-name-problem"},
		"a long display":       {url.Values{"name": {"claire"}, "display": {strings.Repeat("x", 65)}, "role": {"viewer"}}, 422, "#field-display", "At most 64", "#field-display-problem"},
		"no role":              {url.Values{"name": {"claire"}}, 422, "", "at least one role", "#field-role-problem"},
		"an unknown role":      {url.Values{"name": {"claire"}, "role": {"viewer", "king"}}, 422, "", "at least one role", "#field-role-problem"},
	} {
		t.Run(name, func(t *testing.T) {
			page := s.does(t, admin, "/people", tt.form, tt.status)
			if got := page.Find(tt.selector).Text(); !strings.Contains(got, tt.problem) {
				t.Errorf("%s says %q, want %q", tt.selector, got, tt.problem)
			}
			if tt.field != "" {
				f := page.Find(tt.field)
				if f.AttrOr("aria-invalid", "") != "true" || !strings.Contains(f.AttrOr("aria-describedby", ""), strings.TrimPrefix(tt.selector, "#")) {
					t.Errorf("the field does not say that it is wrong: %v", f.Nodes[0].Attr)
				}
			}
			if got, want := page.Find("#field-name").AttrOr("value", ""), tt.form.Get("name"); got != want {
				t.Errorf("the form has the name %q, %q was typed", got, want)
			}
			if _, open := page.Find("details.adding").Attr("open"); !open || page.Find("#secret-password").Length() != 0 {
				t.Error("the form is closed, or a password is shown")
			}
			if got := s.audit.last(t); got.What != DidAddPerson || got.Outcome != "denied" {
				t.Errorf("audited %+v", got)
			}
		})
	}
	if all, _ := s.accounts.List(t.Context()); len(all) != 5 {
		t.Errorf("%d accounts, want the five of before", len(all))
	}
}

func TestAnAdminChangesAPerson(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	admin, viewer := s.signedIn(t, "admin"), s.signedIn(t, "viewer")
	s.does(t, admin, "/people/viewer", url.Values{"do": {"save"}, "display": {"Zoé"}, "role": {"author"}, "language": {"en"}}, http.StatusSeeOther)
	s.audit.wants(t, "admin", DidChangePerson, "viewer: author", "ok")
	if u := s.find(t, "viewer"); u.Roles.String() != "author" || u.Display != "Zoé" || u.Language != "en" || u.Hash != hash {
		t.Errorf("kept %+v", u)
	}

	s.does(t, admin, "/people/viewer", url.Values{"do": {"disable"}}, http.StatusSeeOther)
	s.audit.wants(t, "admin", DidDisablePerson, "viewer", "ok")
	if r := s.get(t, viewer, "/"); r.StatusCode != http.StatusSeeOther {
		t.Errorf("a disabled person still sees the board: %d", r.StatusCode)
	}
	s.does(t, admin, "/people/viewer", url.Values{"do": {"enable"}}, http.StatusSeeOther)
	s.audit.wants(t, "admin", DidEnablePerson, "viewer", "ok")

	given := s.does(t, admin, "/people/viewer", url.Values{"do": {"password"}}, http.StatusOK).Find("#secret-password").Text()
	s.audit.wants(t, "admin", DidSetPassword, "viewer", "ok")
	if r := s.get(t, viewer, "/"); r.StatusCode != http.StatusSeeOther {
		t.Errorf("a session of the old password still sees the board: %d", r.StatusCode)
	}
	if _, err := s.accounts.SignIn(t.Context(), "viewer", given); err != nil {
		t.Errorf("the new password: %v", err)
	}

	s.does(t, admin, "/people/viewer", url.Values{"do": {"remove"}}, http.StatusSeeOther)
	s.audit.wants(t, "admin", DidRemovePerson, "viewer", "ok")
	s.does(t, admin, "/people/viewer", url.Values{"do": {"save"}, "role": {"viewer"}}, http.StatusNotFound)
	s.does(t, admin, "/people/operator", url.Values{"do": {"dance"}}, http.StatusBadRequest)
}

func TestAnAdminAlwaysStays(t *testing.T) {
	s := newSite(t, nil)
	admin := s.signedIn(t, "admin")
	for _, do := range []string{"disable", "remove"} {
		page := s.does(t, admin, "/people/admin", url.Values{"do": {do}}, http.StatusConflict)
		if !strings.Contains(page.Find("[role=alert]").Text(), "your own account") {
			t.Errorf("%s oneself says %q", do, page.Find("[role=alert]").Text())
		}
	}
	page := s.does(t, admin, "/people/admin", url.Values{"do": {"save"}, "role": {"operator"}}, http.StatusConflict)
	if !strings.Contains(page.Find("#field-role-problem").Text(), "last account") {
		t.Errorf("demoting the last admin says %q", page.Find("#field-role-problem").Text())
	}
	s.audit.wants(t, "admin", DidChangePerson, "admin: operator", "denied")
	if u := s.find(t, "admin"); !u.May(account.Admin) {
		t.Fatal("the last admin is gone")
	}

	// With a second one there, anyone may stop being one.
	s.does(t, admin, "/people/operator", url.Values{"do": {"save"}, "role": {"admin"}}, http.StatusSeeOther)
	r := s.post(t, admin, "/people/admin", url.Values{"do": {"save"}, "role": {"operator"}}, nil)
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/me" {
		t.Errorf("demoting oneself: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if r := s.get(t, admin, "/people"); r.StatusCode != http.StatusForbidden {
		t.Errorf("then the people: %d, want 403", r.StatusCode)
	}
}

func TestMenuHasWhatThePersonMay(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	for who, want := range map[string]string{"viewer": "/me", "validator": "/me", "admin": "/me /people /tokens /audit"} {
		b := s.signedIn(t, who)
		for _, path := range []string{"/", "/sources", "/me"} {
			var links []string
			document(t, s.get(t, b, path)).Find("#account a").Each(func(_ int, a *goquery.Selection) { links = append(links, a.AttrOr("href", "")) })
			if got := strings.Join(links, " "); got != want {
				t.Errorf("%s by %s: the menu has %q, want %q", path, who, got, want)
			}
		}
	}
}

func TestNamesOfPeopleStayTexts(t *testing.T) {
	s := newSite(t, nil)
	const evil = `<img src=x onerror=alert(1)>"'`
	if _, err := s.accounts.Change(t.Context(), "viewer", func(u *account.User) error { u.Display = evil; return nil }); err != nil {
		t.Fatal(err)
	}
	s.token(t, account.Wall, evil)
	admin := s.signedIn(t, "admin")
	s.audit.note(t.Context(), Action{Who: evil, What: evil, On: evil, Outcome: evil, At: time.Now()})
	for _, path := range []string{"/people", "/people/viewer", "/tokens", "/audit", "/me"} {
		page := document(t, s.get(t, admin, path))
		if n := page.Find("main img").Length(); n != 0 {
			t.Errorf("%s has %d images", path, n)
		}
		if n := page.Find("[style], style, [onclick], [onerror], iframe").Length(); n != 0 {
			t.Errorf("%s has %d elements with style or script in them", path, n)
		}
		if path != "/me" && !strings.Contains(page.Find("main").Text(), evil) {
			t.Errorf("%s does not have the name", path)
		}
	}
}
