package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"vigie/internal/account"
	"vigie/internal/browsertest"
)

// tab is one browser of its own, with the steps of a walk through pages.
type tab struct {
	*testing.T
	ctx context.Context
}

func (b tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatalf("%s: %v", what, err)
	}
}

func (b tab) wait(what, expression string) {
	b.Helper()
	for {
		_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(30*time.Second)))
		switch {
		case err == nil:
			return
		case !strings.Contains(err.Error(), "navigated") && !strings.Contains(err.Error(), "find context"): // else the page that was asked went
			b.Fatalf("%s: %v", what, err)
		}
	}
}

func (b tab) text(selector string) string {
	b.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("`+selector+`")?.textContent ?? ""`))
	if err != nil {
		b.Fatalf("%s: %v", selector, err)
	}
	return s
}

// enter signs in by the form and waits for the board.
func (b tab) enter(s *site, name, language string) {
	b.Helper()
	b.do("sign in "+name,
		chromedp.Navigate(s.http.URL+"/sign-in?lang="+language),
		chromedp.SendKeys(chromedp.CSS("#name"), name), chromedp.SendKeys(chromedp.CSS("#password"), password),
		chromedp.Click(chromedp.CSS(".door button")), chromedp.WaitVisible(chromedp.CSS("#board")))
}

// An admin makes a wall's token, another browser comes in with it, the admin revokes it, and the wall
// says so.
func TestAWallInItsBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two browsers")
	}
	s := newSite(t, nil)
	s.checkEvery = 100 * time.Millisecond
	s.feed(t, 200*time.Millisecond)
	admin, wall := tab{t, chromium(t)}, tab{t, chromium(t)}
	trouble := browsertest.Trouble(admin.ctx)

	admin.do("desk", chromedp.EmulateViewport(1440, 900))
	admin.enter(s, "admin", "en")
	admin.do("the menu, by keyboard", browsertest.Do(`document.querySelector("#account summary").focus()`), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS(`#account a[href="/tokens"]`)))
	admin.do("closes it", chromedp.KeyEvent(kb.Escape))
	admin.wait("it is closed, and its name has the focus", `!document.getElementById("account").open && document.activeElement === document.querySelector("#account summary")`)
	admin.do("tokens", chromedp.KeyEvent(kb.Enter), chromedp.Click(chromedp.CSS(`#account a[href="/tokens"]`)), chromedp.WaitVisible(chromedp.CSS("#field-name")))
	admin.do("make one", chromedp.SendKeys(chromedp.CSS("#field-name"), "Left wall"), chromedp.Click(chromedp.CSS(`button[value="make"]`)), chromedp.WaitVisible(chromedp.CSS("#secret-link")))
	link := admin.text("#secret-link")
	if !strings.HasPrefix(link, s.http.URL+"/wall/enter#vigie_wall_") {
		t.Fatalf("the link is %q", link)
	}

	wall.do("opens the link", chromedp.EmulateViewport(1920, 1080), chromedp.Navigate(link))
	wall.wait("the wall is on", `location.pathname === "/wall" && Number(document.querySelector("main[data-page=wall]")?.dataset.seq) > 3`)
	if got, err := chromedp.Run(wall.ctx, chromedp.Evaluate[string](`document.cookie`)); err != nil || strings.Contains(got, "vigie_wall") {
		t.Errorf("scripts of the page read the cookies %q, %v", got, err)
	}
	wall.do("comes back by itself", chromedp.Navigate(s.http.URL+"/wall/enter"))
	wall.wait("the door lets it pass", `location.pathname === "/wall" && Number(document.querySelector("main[data-page=wall]")?.dataset.seq) > 3`)

	admin.do("look at the list", chromedp.Navigate(s.http.URL+"/tokens"), chromedp.WaitVisible(chromedp.CSS("table.cards")))
	admin.do("revoke", chromedp.Click(chromedp.CSS(".sure summary")), chromedp.Click(chromedp.CSS(`button[value="revoke"]`)), chromedp.WaitVisible(chromedp.CSS(".done")))
	wall.wait("the wall says so", `location.pathname === "/wall/enter" && document.querySelector("[role=alert]")?.textContent.includes("revoked")`)

	wall.do("a code by hand", chromedp.SendKeys(chromedp.CSS("#code"), "abcd-efgh"), chromedp.KeyEvent(kb.Enter))
	wall.wait("a wrong one is refused in place", `location.pathname === "/wall/enter" && document.querySelector("#code").value === "" && document.querySelector("[role=alert]") !== null`)
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// One's own time stands beside the venue's, and ticks with it.
func TestOwnTimeInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSite(t, nil)
	if _, err := s.accounts.Change(t.Context(), "viewer", func(u *account.User) error { u.Zone = "Asia/Tokyo"; return nil }); err != nil {
		t.Fatal(err)
	}
	s.feed(t, 200*time.Millisecond)
	b := tab{t, chromium(t)}
	b.do("desk", chromedp.EmulateViewport(1920, 1080))
	b.enter(s, "viewer", "en")
	b.wait("Tokyo's time", `/^\d\d:\d\d:\d\d Tokyo$/.test(document.getElementById("own-now").textContent)`)
	b.wait("of the board's moment", `document.getElementById("own-now").textContent.startsWith(
		new Date(Number(document.getElementById("now").dataset.at)).toLocaleTimeString("en-GB", { timeZone: "Asia/Tokyo" }))`)
}

// go test ./web -run PeoplePictures -shots DIR
func TestPeoplePictures(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	s.audit.fill(12)
	for _, u := range []account.User{
		{Name: "claire", Display: "Claire Bernard-Delacroix", Roles: account.Roles{account.Operator, account.Author, account.Validator}, Language: "fr"},
		{Name: "gone", Display: "Marc L.", Roles: account.Roles{account.Viewer}, Disabled: true},
	} {
		if _, err := s.accounts.Add(t.Context(), u, password); err != nil {
			t.Fatal(err)
		}
	}
	s.token(t, account.Wall, "Mur gauche, régie 2")
	revoked, _ := s.token(t, account.API, "Grafana")
	if _, err := s.tokens.Revoke(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	b := tab{t, chromium(t)}
	b.do("desk", chromedp.EmulateViewport(1440, 900))
	b.enter(s, "admin", "fr")
	open := browsertest.Do(`for (const d of document.querySelectorAll("main details, #account")) d.open = true`)
	made := chromedp.Steps(open, chromedp.SendKeys(chromedp.CSS("#field-name"), "Mur droit"), chromedp.Click(chromedp.CSS(`button[value="make"]`)), chromedp.WaitVisible(chromedp.CSS("#secret-link")))
	wrong := chromedp.Steps(open, browsertest.Do(`document.querySelector("form.filled").noValidate = true`), chromedp.SendKeys(chromedp.CSS("#field-name"), "a b"),
		browsertest.Do(`for (const i of document.querySelectorAll("[name=role]")) i.checked = false`), chromedp.Click(chromedp.CSS("form.filled button.first")), chromedp.WaitVisible(chromedp.CSS(".field.bad")))
	for _, shot := range []struct {
		name, path, theme string
		width, height     int64
		scale             float64
		before            chromedp.Action[chromedp.Void]
	}{
		{"people-laptop", "people", "dark", 1440, 900, 1, browsertest.Do("0")},
		{"people-menu", "", "dark", 1440, 900, 1, browsertest.Do(`document.querySelector("#account").open = true`)},
		{"people-wrong", "people", "light", 1440, 900, 1, wrong},
		{"people-phone", "people", "light", 390, 844, 2, open},
		{"person-laptop", "people/claire", "light", 1440, 900, 1, browsertest.Do("0")},
		{"person-phone", "people/claire", "dark", 390, 844, 2, open},
		{"tokens-laptop", "tokens", "light", 1440, 900, 1, browsertest.Do("0")},
		{"tokens-made-phone", "tokens", "dark", 390, 844, 2, made},
		{"tokens-laptop-open", "tokens", "dark", 1440, 900, 1, open},
		{"audit-laptop", "audit", "dark", 1440, 900, 1, browsertest.Do("0")},
		{"audit-phone", "audit", "light", 390, 844, 2, browsertest.Do("0")},
		{"me-laptop", "me", "dark", 1440, 900, 1, browsertest.Do("0")},
		{"me-phone", "me?lang=en", "light", 390, 844, 2, browsertest.Do("0")},
		{"walldoor", "wall/enter", "dark", 1920, 1080, 1, browsertest.Do("0")},
		{"people-4k", "people", "dark", 3840, 2160, 1, browsertest.Do("0")},
	} {
		browsertest.Shot{
			Name: shot.name, URL: s.http.URL + "/" + shot.path, Theme: shot.theme, Width: shot.width, Height: shot.height, Scale: shot.scale,
			Wait: "body", Before: shot.before,
		}.Take(t, b.ctx, *shots)
	}
}
