package web

import (
	"context"
	"testing"
	"time"

	"vigie/internal/browsertest"

	"github.com/chromedp/chromedp"
)

// One browser: a problem is taken, another is silenced once its preview was seen, a dial is turned.
func TestAlertsInABrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newAlertSite(t, nil)
	s.Publish(final(t, 0))
	s.previews.of("cdn").at, s.previews.of("cdn").result = time.Now(), previewed(s.now)
	ctx := chromium(t)
	trouble := browsertest.Trouble(ctx)
	run := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	wait := func(what, expression string) {
		t.Helper()
		// A form that is sent takes the page away under a poll: it is begun again on the next one.
		limit := time.Now().Add(20 * time.Second)
		for {
			_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(10*time.Second)))
			if err == nil {
				return
			}
			if time.Now().After(limit) {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	is := func(what, expression string) {
		t.Helper()
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err != nil || !ok {
			t.Errorf("%s: %s is not so (%v)", what, expression, err)
		}
	}

	run("the list, by key", chromedp.EmulateViewport(1440, 900), operatorIn(s.site, "/matches", "fr"), chromedp.KeyEvent("g"), chromedp.KeyEvent("a"), chromedp.WaitVisible(chromedp.CSS("#incidents")))
	is("the navigation", `document.querySelector("nav.pages [aria-current]").pathname === "/alerts"`)
	is("no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
	run("a button has the focus", browsertest.Do(`document.getElementById("ack-p1").focus()`))
	if err := s.room.Note(t.Context(), "p1", "paul", "vu"); err != nil {
		t.Fatal(err)
	}
	if err := s.room.Acknowledge(t.Context(), "p3", "paul", "c’est l’essai"); err != nil {
		t.Fatal(err)
	}
	wait("what another did is there without a hand", `/Paul Adam s’en occupe/.test(document.getElementById("incident-p3").textContent)`)
	is("the focus is where it was", `document.activeElement.id === "ack-p1"`)

	run("the whole way", chromedp.Click(chromedp.CSS(`#incident-p1 h3 a`)), chromedp.WaitVisible(chromedp.CSS("#path .path")))
	run("type a note", chromedp.SendKeys(chromedp.CSS("#add-note [name=text]"), "CloudFront regarde"))
	if err := s.room.Note(t.Context(), "p1", "paul", "deuxième note"); err != nil {
		t.Fatal(err)
	}
	wait("another's note", `/deuxième note/.test(document.getElementById("path").textContent)`)
	is("what is typed stays", `document.querySelector("#add-note [name=text]").value === "CloudFront regarde" && document.activeElement.name === "text"`)
	run("take it", chromedp.Click(chromedp.CSS("#ack-do")))
	wait("it is taken", `/Marie Lefèvre s’en occupe/.test(document.querySelector(".case .keeper")?.textContent) && !document.getElementById("ack-do")`)
	if i := s.room.Snapshot().Find("p1"); i.Acked == nil || i.Acked.By != "operator" {
		t.Errorf("taken: %+v", i.Acked)
	}

	run("silence it", chromedp.Click(chromedp.CSS("#silence-this")), chromedp.WaitVisible(chromedp.CSS("#silence-make")))
	is("what would fall silent is shown", `/1 incident en cours se tairait/.test(document.getElementById("silence-preview").textContent)`)
	run("wider", browsertest.Do(`(() => { const f = document.getElementById("silence-matchers"); f.value = "cdn=~\"cloudfront|maison\""; f.dispatchEvent(new Event("input", { bubbles: true })); })()`))
	is("it cannot be made unseen", `document.getElementById("silence-make").disabled`)
	wait("the preview follows", `/[34] incidents en cours se tairaient/.test(document.getElementById("silence-preview").textContent) && !document.getElementById("silence-make").disabled`)
	run("for an hour, with a reason", browsertest.Do(`document.querySelector("#silence-form [value='60']").click()`), chromedp.SendKeys(chromedp.CSS("#silence-reason"), "CloudFront bascule"))
	wait("the preview is of an hour", `!document.getElementById("silence-make").disabled && !document.getElementById("silence-preview").classList.contains("stale")`)
	run("make it", chromedp.Click(chromedp.CSS("#silence-make")))
	wait("it is made", `/CloudFront bascule/.test(document.getElementById("silence-list")?.textContent)`)
	if made := s.room.Snapshot().Silences; len(made) != 2 || made[0].Reason != "CloudFront bascule" || time.Until(made[0].To) < 58*time.Minute {
		t.Errorf("silences: %+v", made)
	}

	run("rules", chromedp.Click(chromedp.CSS(`.sections a[href="/alerts/rules"]`)), chromedp.WaitVisible(chromedp.CSS("#dial-cdn")))
	run("what it would do", chromedp.Click(chromedp.CSS("#group-cdn .preview-of > summary")))
	wait("ten columns", `document.querySelectorAll("#preview-cdn .columns li").length === 10`)
	run("wait for a refresh", chromedp.Sleep(5500*time.Millisecond))
	is("it stays open", `document.querySelector("#group-cdn .preview-of").open && document.querySelectorAll("#preview-cdn .columns li").length === 10`)
	run("turn it", chromedp.Click(chromedp.CSS("#dial-cdn-4")))
	wait("it is turned", `document.querySelector("#dial-cdn-4")?.ariaPressed === "true"`)
	if d := s.room.Snapshot().Dials["cdn"]; d.At != 4 || d.By != "operator" {
		t.Errorf("the dial: %+v", d)
	}

	// On a telephone: the first button is on the first screen, and large enough for a thumb.
	run("telephone", chromedp.EmulateViewport(390, 844))
	for _, path := range []string{"/alerts", "/alerts/p3", "/silences?problem=p1", "/on-call", "/alerts/rules", "/alerts/channels", "/alerts/log", "/ack/" + s.ackSecret(t, "p3", "paul")} {
		run(path, chromedp.Navigate(s.http.URL+path), chromedp.WaitVisible(chromedp.CSS("main")))
		is(path+": no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
		is(path+": nothing sticks out", `[...document.querySelectorAll("main *")].every((e) => e.closest("svg, .hidden, .info, details:not([open]), .sections, pre, .columns") || e.getBoundingClientRect().right <= innerWidth + 1)`)
		is(path+": targets are large enough", `[...document.querySelectorAll("main :is(button, .button)")].filter((e) => e.checkVisibility() && !e.closest(".dial")).every((e) => e.offsetHeight >= 44)`)
	}
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// go test ./web -run Pictures -shots DIR
func TestAlertPictures(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	s := newAlertSite(t, nil)
	s.Publish(many(t, 0))
	s.previews.of("cdn").at, s.previews.of("cdn").result = time.Now(), previewed(s.now)
	ctx := chromium(t)
	acted := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	acted(chromedp.Do(ctx, operatorIn(s.site, "/alerts", "fr")))
	nothing := browsertest.Do("0")
	opened := browsertest.Do(`document.querySelectorAll("details.more, details.adding").forEach((d) => (d.open = true))`)
	drill := chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error { return s.room.SetDrill(ctx, true, "operator") })
	for _, shot := range []struct {
		name, path, theme string
		width, height     int64
		scale             float64
		before            chromedp.Action[chromedp.Void]
	}{
		{"alerts-laptop", "/alerts?lang=fr", "dark", 1440, 900, 1, nothing},
		{"alerts-laptop-light-en", "/alerts?lang=en", "light", 1440, 900, 1, nothing},
		{"alerts-phone", "/alerts?lang=fr", "dark", 390, 844, 2, nothing},
		{"alert-laptop", "/alerts/p1?lang=fr", "dark", 1440, 900, 1, nothing},
		{"alert-laptop-light-en", "/alerts/p1?lang=en", "light", 1440, 900, 1, opened},
		{"alert-phone", "/alerts/p1?lang=fr", "dark", 390, 844, 2, nothing},
		{"alert-taken", "/alerts/p2?lang=fr", "light", 1440, 900, 1, nothing},
		{"alertlog-laptop", "/alerts/log?lang=fr", "dark", 1440, 900, 1, nothing},
		{"alertlog-phone-en", "/alerts/log?lang=en", "light", 390, 844, 2, nothing},
		{"silences-laptop", "/silences?lang=fr&problem=p1", "dark", 1440, 900, 1, opened},
		{"silences-phone-en", "/silences?lang=en&problem=p1", "light", 390, 844, 2, nothing},
		{"oncall-laptop", "/on-call?lang=fr&group=cdn&severity=critical", "dark", 1440, 900, 1, nothing},
		{"oncall-laptop-light-en", "/on-call?lang=en&group=attack&severity=critical", "light", 1440, 900, 1, nothing},
		{"oncall-phone", "/on-call?lang=fr", "dark", 390, 844, 2, nothing},
		{"rules-laptop", "/alerts/rules?lang=fr", "dark", 1440, 900, 1, opened},
		{"rules-laptop-light-en", "/alerts/rules?lang=en", "light", 1440, 900, 1, nothing},
		{"rules-phone", "/alerts/rules?lang=fr", "dark", 390, 844, 2, nothing},
		{"ack-phone", "/ack/" + s.ackSecret(t, "p1", "paul") + "?lang=fr", "dark", 390, 844, 2, nothing},
		{"ack-phone-light-en", "/ack/" + s.ackSecret(t, "p2", "paul") + "?lang=en", "light", 390, 844, 2, nothing},
		{"ack-gone", "/ack/nothing?lang=fr", "dark", 390, 844, 2, nothing},
		{"channels-laptop", "/alerts/channels?lang=fr", "dark", 1440, 900, 1, nothing},
		{"channels-drill", "/alerts/channels?lang=fr", "light", 1440, 900, 1, drill},
		{"channels-phone-en", "/alerts/channels?lang=en", "light", 390, 844, 2, nothing},
	} {
		browsertest.Shot{Name: shot.name, URL: s.http.URL + shot.path, Theme: shot.theme, Width: shot.width, Height: shot.height, Scale: shot.scale, Wait: "main", Before: shot.before}.Take(t, ctx, *shots)
	}
}
