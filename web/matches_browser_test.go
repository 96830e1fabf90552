package web

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"vigie/internal/browsertest"
	"vigie/internal/match"
)

// operatorIn signs an operator in as they do, and goes on to a page.
func operatorIn(s *site, path, language string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		chromedp.Navigate(s.http.URL+"/sign-in?lang="+language),
		chromedp.SendKeys(chromedp.CSS("#name"), "operator"),
		chromedp.SendKeys(chromedp.CSS("#password"), password),
		chromedp.Click(chromedp.CSS(".door button")),
		chromedp.WaitVisible(chromedp.CSS("#board")),
		chromedp.Navigate(s.http.URL+path),
		chromedp.WaitVisible(chromedp.CSS("main")),
	)
}

// One browser, from the board to a phase that was moved, an item that was ticked and a number to call.
func TestAMatchInABrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s, book := matchSite(t)
	s.Publish(final(t, 0))
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

	run("to the board, then by key", chromedp.EmulateViewport(1440, 900), operatorIn(s, "/sources", "fr"), chromedp.KeyEvent("g"), chromedp.KeyEvent("m"), chromedp.WaitVisible(chromedp.CSS("#matches")))
	is("the navigation", `document.querySelector("nav.pages [aria-current]").pathname === "/matches"`)
	wait("the bar is live", `document.getElementById("live-word").textContent === "en direct"`)
	run("the match", chromedp.Click(chromedp.CSS(`a[href="/matches/finale"]`)), chromedp.WaitVisible(chromedp.CSS("#match")))
	is("no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)

	run("half-time begins now", chromedp.Click(chromedp.CSS(`[data-phase="half_time"] .acts button.first`)))
	wait("it is half-time", `document.querySelector('[data-phase="half_time"].now') && /mi-temps/.test(document.querySelector(".match-head .stage").textContent)`)
	if at := book.Timeline("finale")[1].At; time.Since(at) > time.Minute {
		t.Errorf("half-time is at %s", at)
	}
	run("that was too early", chromedp.Click(chromedp.CSS("#phases .last button")))
	wait("it is taken back", `document.querySelector('[data-phase="first_half"].now') && !document.querySelector("#phases .last")`)

	// A time that breaks the order is refused with where there is room.
	run("open", chromedp.Click(chromedp.CSS(`[data-phase="second_half"] .more > summary`)),
		browsertest.Do(`document.querySelector('[data-phase="second_half"] [name=at]').value = document.querySelector('[data-phase="first_half"] [name=at]').value`),
		chromedp.Click(chromedp.CSS(`[data-phase="second_half"] .more .inside form:first-child button`)))
	wait("it says why", `/peut commencer à partir de \d\d:\d\d:\d\d/.test(document.querySelector(".refused")?.textContent)`)

	run("the checklist", chromedp.SendKeys(chromedp.CSS("#item-cles [name=note]"), "vu à 20 h"), chromedp.Click(chromedp.CSS(`#item-cles [value="go"]`)))
	wait("it is a go", `document.querySelector('#item-cles [value="go"]')?.ariaPressed === "true" && /vu à 20 h/.test(document.getElementById("item-cles").textContent)`)
	if a := book.Answers("finale")["cles"]; a.Verdict != match.Go || a.By != "operator" {
		t.Errorf("the answer is %+v", a)
	}

	// What another one does is seen here without a hand, and what is being typed stays.
	if err := book.Answer(t.Context(), "finale", "connexion", match.NoGo, "", "someone"); err != nil {
		t.Fatal(err)
	}
	wait("another's answer", `document.querySelector('#item-connexion [value="no-go"]').ariaPressed === "true"`)
	run("type", chromedp.SendKeys(chromedp.CSS("#notes [name=text]"), "à mi-chemin"))
	if err := book.Answer(t.Context(), "finale", "connexion", match.Go, "", "someone"); err != nil {
		t.Fatal(err)
	}
	is("what is typed stays", `document.querySelector("#notes [name=text]").value === "à mi-chemin"`)
	run("note it", chromedp.Click(chromedp.CSS("#notes > form button")))
	wait("it is noted", `/à mi-chemin/.test(document.querySelector("#notes li")?.textContent)`)

	// At 3 a.m. the number is on the first screen of a telephone, and large enough for a thumb.
	run("telephone", chromedp.EmulateViewport(390, 844), chromedp.Navigate(s.http.URL+"/matches/finale"), chromedp.WaitVisible(chromedp.CSS("#roster")))
	is("no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
	is("the first number", `(() => { const r = document.querySelector("#roster li.on a[href^='tel:']").getBoundingClientRect(); return r.height >= 44 && r.bottom < innerHeight - 60; })()`)
	is("it is dialled as it is", `document.querySelector("#roster li.on a").href === "tel:+33639980141"`)
	is("targets are large enough", `[...document.querySelectorAll("#match form button, #match .call")].filter((e) => e.checkVisibility() && !e.closest("li form[action$='remove']")).every((e) => e.offsetHeight >= 44)`)
	is("nothing sticks out", `[...document.querySelectorAll("#match *")].every((e) => e.closest("svg, .hidden, .info, details:not([open])") || e.getBoundingClientRect().right <= innerWidth + 1)`)

	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// go test ./web -run Pictures -shots DIR
func TestMatchPictures(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	s, book := matchSite(t)
	s.Publish(many(t, 0))
	acted := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	kickOff := book.Find("finale").KickOff
	acted(book.MovePhase(t.Context(), "finale", match.PhaseFirstHalf, kickOff.Add(2*time.Minute), "ana"))
	acted(book.Answer(t.Context(), "finale", "cles", match.Go, "vu avec la régie", "ana"))
	acted(book.Answer(t.Context(), "finale", "connexion", match.NoGo, "60 % seulement, nouvel essai à 20 h 15", "bo"))
	for _, text := range []string{"But 1-0 (Messi, penalty)", "Pic de connexions : la file d’attente s’est ouverte 40 s"} {
		_, err := book.AddNote(t.Context(), "finale", time.Now(), text, "operator")
		acted(err)
	}
	ctx := chromium(t)
	acted(chromedp.Do(ctx, operatorIn(s, "/matches", "fr")))
	nothing := browsertest.Do("0")
	opened := browsertest.Do(`document.querySelectorAll(".phases .more").forEach((d, i) => d.open = i === 2 || d.matches(".other"))`)
	for _, shot := range []struct {
		name, path, theme string
		width, height     int64
		scale             float64
		before            chromedp.Action[chromedp.Void]
	}{
		{"matches-laptop", "/matches", "dark", 1440, 900, 1, nothing},
		{"matches-laptop-light-en", "/matches?lang=en", "light", 1440, 900, 1, nothing},
		{"matches-phone", "/matches?lang=fr", "dark", 390, 844, 2, nothing},
		{"matches-tablet", "/matches", "light", 1024, 768, 1, nothing},
		{"match-laptop", "/matches/finale", "dark", 1440, 900, 1, nothing},
		{"match-laptop-light-en", "/matches/finale?lang=en", "light", 1440, 900, 1, nothing},
		{"match-laptop-open", "/matches/finale?lang=fr", "light", 1440, 900, 1, opened},
		{"match-wall", "/matches/finale", "dark", 1920, 1080, 1, nothing},
		{"match-wall-4k", "/matches/finale", "light", 3840, 2160, 1, nothing},
		{"match-phone", "/matches/finale", "dark", 390, 844, 2, nothing},
		{"match-phone-open", "/matches/finale", "light", 390, 844, 2, opened},
		{"match-bare", "/matches/supercoupe", "dark", 1440, 900, 1, nothing},
	} {
		browsertest.Shot{Name: shot.name, URL: s.http.URL + shot.path, Theme: shot.theme, Width: shot.width, Height: shot.height, Scale: shot.scale, Wait: "main.office", Before: shot.before}.Take(t, ctx, *shots)
	}
}
