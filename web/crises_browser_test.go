package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"vigie/internal/browsertest"
	"vigie/runbooks"
	"vigie/runbooks/crisis"
)

// is tells when something is not so, and goes on.
func (h hand) is(what, expression string) {
	h.Helper()
	if ok, err := chromedp.Run(h.ctx, chromedp.Evaluate[bool](expression)); err != nil || !ok {
		h.Errorf("%s: %s is not so (%v)", what, expression, err)
	}
}

// legible holds what is pressed on a page against what is painted behind it, in the dark and in the light.
func (h hand) legible() {
	h.Helper()
	for _, theme := range []string{"dark", "light"} {
		h.do(theme, browsertest.Theme(theme), chromedp.Sleep(300*time.Millisecond)) // colours fade
		h.is("each button can be read in the "+theme, browsertest.Legible("main button, main .button, main nav a"))
	}
}

// signsIn is somebody with the password of all.
func (h hand) signsIn(s *site, name, path, language string) {
	h.Helper()
	h.do("sign in", chromedp.EmulateViewport(1440, 900), chromedp.Navigate(s.http.URL+"/sign-in?lang="+language),
		chromedp.SendKeys(chromedp.CSS("#name"), name), chromedp.SendKeys(chromedp.CSS("#password"), password),
		chromedp.Click(chromedp.CSS(".door button")), chromedp.WaitVisible(chromedp.CSS("#board")),
		chromedp.Navigate(s.http.URL+path), chromedp.WaitVisible(chromedp.CSS("main")))
}

// Two browsers in one crisis: it is opened from an alert, and both tick.
func TestACrisisInTwoBrowsers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts browsers")
	}
	s, public := newComponentsSite(t)
	s.Publish(final(t, 0))
	one, two := hand{t, chromium(t)}, hand{t, chromium(t)}
	trouble, other := browsertest.Trouble(one.ctx), browsertest.Trouble(two.ctx)
	one.signsIn(s.site, "operator", "/alerts/p1", "fr")
	one.legible()
	one.is("the rule is written in lines", `getComputedStyle(document.querySelector("p.condition")).display === "block"`)
	one.do("start from the alert", chromedp.Click(chromedp.CSS("#start-cdn-isp")))
	one.wait("the run", `location.pathname.startsWith("/runs/") && document.querySelectorAll(".steps > .step").length > 8`)
	of := s.crises.Of("p1")
	run := s.runs.Of(of.ID)[0]
	two.signsIn(s.site, "paul", "/runs/"+run.ID, "en")
	two.is("it is in English", `/CDN.*degrades|degrades on Free/.test(document.querySelector("h1").textContent)`)
	for _, h := range []hand{one, two} {
		h.wait("frames come", `Number(document.querySelector("main").dataset.seq) > 0`)
		h.is("no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
	}

	// What one types stays while the other ticks, and the tick is there within a second.
	two.do("type a comment", chromedp.SendKeys(chromedp.CSS("#comment-confirm [name=text]"), "seen on SFR too"))
	one.legible()
	one.do("tick by keys", chromedp.KeyEvent("j"), chromedp.KeyEvent(" "), chromedp.SendKeys(chromedp.CSS("#tick-confirm [name=evidence]"), "colonne CloudFront, 212 000"+kb.Enter))
	one.wait("done here", `document.getElementById("step-confirm").classList.contains("is-done")`)
	ticked := s.runs.Get(run.ID).Steps["confirm"].Done.At
	two.wait("done there", `document.getElementById("step-confirm").classList.contains("is-done")`)
	t.Logf("the other screen had it after %v", time.Since(ticked).Round(10*time.Millisecond))
	two.is("what is typed stays, and who did it is told", `document.querySelector("#comment-confirm [name=text]").value === "seen on SFR too" && document.activeElement.name === "text" && /done by Marie Lefèvre/.test(document.getElementById("step-confirm").textContent)`)
	two.do("say it", chromedp.KeyEvent(kb.Enter))
	one.wait("it is heard", `/seen on SFR too/.test(document.querySelector("#step-confirm .comments")?.textContent)`)

	// Two tick the same step: the second is told who was first, and has not lost what they typed.
	two.do("type evidence", chromedp.SendKeys(chromedp.CSS("#tick-capacity [name=evidence]"), "40 Gbit/s on Akamai"))
	if _, err := s.runs.Tick(t.Context(), "operator", run.ID, "capacity", "38 Gbit/s"); err != nil {
		t.Fatal(err)
	}
	two.do("tick it too", chromedp.KeyEvent(kb.Enter))
	two.wait("who was first", `/Already done by Marie Lefèvre at \d\d:\d\d:\d\d/.test(document.getElementById("answer").textContent)`)
	if got := s.runs.Get(run.ID).Steps["capacity"].Done.Note; got != "38 Gbit/s" {
		t.Errorf("the first one's evidence is now %q", got)
	}

	one.do("decide", chromedp.Click(chromedp.CSS(`#choose-move [value=wait]`)))
	two.wait("it is decided there", `/Move nothing/.test(document.querySelector("#step-move .chosen")?.textContent) && document.getElementById("step-steer-all").classList.contains("is-not_applicable")`)
	one.is("the message's way", `new URL(document.querySelector("#step-tell .machine a").href).search === "?crisis=`+of.ID+`&scenario=cdn-isp&step=initial"`)

	// A dead line loses nothing that was typed.
	one.do("comment by key", browsertest.Do(`document.getElementById("step-call-cdn").focus()`), chromedp.KeyEvent("c"))
	one.wait("its field", `document.activeElement === document.querySelector("#comment-call-cdn [name=text]")`)
	one.do("type, and the line goes", chromedp.SendKeys(chromedp.CSS("#comment-call-cdn [name=text]"), "ticket 4711"), browsertest.Do(`window.fetch = () => Promise.reject(new Error("offline"))`), chromedp.KeyEvent(kb.Enter))
	one.wait("it says so", `/Rien n’est enregistré/.test(document.getElementById("answer").textContent)`)
	one.is("and keeps it", `document.querySelector("#comment-call-cdn [name=text]").value.endsWith("ticket 4711")`)

	one.do("the crisis", chromedp.Navigate(s.http.URL+"/crises/"+of.ID), chromedp.WaitVisible(chromedp.CSS("#timeline")))
	one.do("a note in the making", chromedp.SendKeys(chromedp.CSS("#crisis-note [name=text]"), "CloudFront confirme"))
	if err := s.crises.Annotate(t.Context(), "paul", of.ID, "SFR aussi", time.Time{}); err != nil {
		t.Fatal(err)
	}
	one.wait("another's note", `/SFR aussi/.test(document.querySelector("#timeline .events").textContent)`)
	one.is("what is typed stays", `document.querySelector("#crisis-note [name=text]").value === "CloudFront confirme"`)
	// What the public reads of a service is a click, which takes nothing from the note either.
	one.do("say that live is disrupted", browsertest.Do(`document.querySelector("#component-live [value=degraded]").click()`))
	one.wait("it is said", `document.querySelector("#component-live [aria-pressed=true]")?.value === "degraded" && /Direct « Perturbé »/.test(document.querySelector("#timeline .events").textContent.replaceAll("\u00a0", " "))`)
	if got := public.says(t)["live"]; got != "degraded" {
		t.Errorf("the public reads %q", got)
	}
	one.is("what is typed stays all the same", `document.querySelector("#crisis-note [name=text]").value === "CloudFront confirme"`)
	one.do("note it", browsertest.Do(`document.querySelector("#crisis-note [name=text]").focus()`), chromedp.KeyEvent(kb.Enter))
	one.wait("noted", `/CloudFront confirme/.test(document.querySelector("#timeline .events").textContent)`)
	one.do("filter", chromedp.Click(chromedp.CSS(`.kinds a[href*="kind=steps"]`)))
	one.wait("steps alone", `document.querySelectorAll("#timeline .events li").length > 3 && !/CloudFront confirme/.test(document.querySelector("#timeline .events").textContent)`)
	one.is("exports", `[...document.querySelectorAll(".export a")].map((a) => new URL(a.href).searchParams.get("as")).join() === "md,csv,json"`)
	one.do("by key, to the list", chromedp.KeyEvent("g"), chromedp.KeyEvent("c"), chromedp.WaitVisible(chromedp.CSS("#crises-list")))
	one.is("the navigation", `document.querySelector("nav.pages [aria-current]").pathname === "/crises"`)

	unsaid := s.run(t, s.open(t, crisis.Crisis{Title: "CloudFront va mal", Labels: map[string]string{"cdn": "cloudfront"}}))
	one.do("telephone", chromedp.EmulateViewport(390, 844))
	for _, path := range []string{"/crises", "/crises/" + of.ID, "/runbooks", "/runbooks/cdn-isp", "/runs/" + run.ID, "/runs/" + unsaid.ID, "/support"} {
		one.do(path, chromedp.Navigate(s.http.URL+path), chromedp.WaitVisible(chromedp.CSS("main")))
		one.is(path+": no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
		one.is(path+": nothing sticks out", `[...document.querySelectorAll("main *")].every((e) => e.closest("svg, .hidden, .info, details:not([open]), .sections, pre, table") || e.getBoundingClientRect().right <= innerWidth + 1)`)
		one.is(path+": buttons can be read", `[...document.querySelectorAll("main :is(button, .button)")].filter((e) => e.checkVisibility()).every((e) => getComputedStyle(e).color !== getComputedStyle(e).backgroundColor)`)
		one.is(path+": what opens says so", `[...document.querySelectorAll("main summary:not(.button, .info *)")].filter((e) => e.checkVisibility()).every((e) => getComputedStyle(e).display === "list-item")`)
		one.is(path+": targets are large enough", `[...document.querySelectorAll("main :is(button, .button)")].filter((e) => e.checkVisibility()).every((e) => e.offsetHeight >= 44)`)
	}
	for _, message := range append(trouble(), other()...) {
		if !strings.Contains(message, "409") { // who comes second is refused
			t.Errorf("console: %s", message)
		}
	}
}

// The desk: the words that were said are copied, those that were not are marked.
func TestSupportInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newCrisisSite(t)
	s.Publish(final(t, 0))
	of := s.open(t, crisis.Crisis{})
	h := hand{t, chromium(t)}
	trouble := browsertest.Trouble(h.ctx)
	h.signsIn(s.site, "viewer", "/support?words=en", "fr")
	h.is("in plain words", `/les abonnés Free qui regardent TF1/i.test(document.querySelector(".now-panel h2").textContent)`)
	h.is("nobody is looked up by a viewer", `!document.getElementById("person")`)
	s.said(t, of, true)
	h.wait("what was said, in the caller's language", `/disturbed on TV boxes/.test(document.querySelector(".words:not(.unsent) blockquote")?.textContent)`)
	h.wait("what comes next is marked", `document.querySelector(".promise .due")?.textContent.includes("avant")`)
	h.do("remember what is copied", browsertest.Do(`Object.defineProperty(navigator, "clipboard", { value: { writeText: async (t) => { window.copied = t; } } })`))
	h.do("copy", chromedp.Click(chromedp.CSS(".words:not(.unsent) button[data-say]")))
	h.wait("it says so", `/Copié/.test(document.querySelector(".words button.copied")?.textContent) && /Copié/.test(document.getElementById("alarm-polite").textContent)`)
	h.is("these very words", `window.copied.trim() === document.querySelector(".words:not(.unsent) blockquote").textContent.trim()`)
	h.do("in French", chromedp.Click(chromedp.CSS(`.kinds a[lang=fr]`)))
	h.wait("the words are French", `/perturbé sur la box TV/.test(document.querySelector(".words:not(.unsent) blockquote")?.textContent)`)
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// go test ./web -run Pictures -shots DIR
func TestCrisisPictures(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	s, public := newComponentsSite(t)
	s.judging(t)
	board := many(t, 0)
	board.At = time.Now()
	of := s.open(t, crisis.Crisis{Title: "Free voit des coupures par CloudFront", Match: "finale", Began: time.Now().Add(-14 * time.Minute), Labels: map[string]string{"cdn": "cloudfront", "isp": "Free", "channel": "TF1"}, Problems: []string{"p1"}})
	run := s.run(t, of)
	acted := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do := func(_ *runbooks.Run, err error) { t.Helper(); acted(err) }
	ctx := t.Context()
	do(s.runs.Take(ctx, "operator", run.ID, "confirm"))
	do(s.runs.Tick(ctx, "operator", run.ID, "confirm", "colonne CloudFront, ligne Free, depuis 20:41, 212 000 spectateurs"))
	do(s.runs.Comment(ctx, "paul", run.ID, "confirm", "SFR commence à monter aussi, à surveiller."))
	do(s.runs.Take(ctx, "paul", run.ID, "call-cdn"))
	do(s.runs.Skip(ctx, "paul", run.ID, "capacity", "Akamai a de la place, vu à 20:30"))
	acted(s.crises.Annotate(ctx, "paul", of.ID, "Premiers appels au support", time.Now().Add(-9*time.Minute)))
	s.said(t, of, false)
	acted(public.Set(ctx, "paul", "login", "operational"))
	public.incident(t, time.Now().Add(2*time.Second)) // after what was said
	acted(public.Set(ctx, "operator", "live", "degraded"))
	ended := s.open(t, crisis.Crisis{Title: "La connexion échouait", Match: "finale", Labels: map[string]string{"service": "login"}, Began: time.Now().Add(-50 * time.Minute)})
	_, err := s.crises.End(ctx, "paul", ended.ID, "revenu")
	acted(err)
	drill := s.open(t, crisis.Crisis{Title: "Répétition : perte d’un CDN", Drill: true, Match: "finale", Labels: map[string]string{"cdn": "akamai", "isp": "Orange"}, Began: time.Now().Add(-6 * time.Minute)})
	drilled := s.run(t, drill)
	unsaid := s.run(t, s.open(t, crisis.Crisis{Title: "CloudFront va mal", Match: "finale", Labels: map[string]string{"cdn": "cloudfront"}, Began: time.Now().Add(-2 * time.Minute)}))
	s.shown.known, s.shown.value, s.shown.since = true, .004, time.Now().Add(-3*time.Minute)
	s.Publish(board)
	h := hand{t, chromium(t)}
	h.signsIn(s.site, "operator", "/crises", "fr")
	nothing := browsertest.Do("0")
	opened := browsertest.Do(`document.querySelectorAll("details.fold, details.adding").forEach((d) => (d.open = true))`)
	said := chromedp.Func(func(context.Context, *chromedp.Target) error { s.said(t, of, true); return nil })
	for _, shot := range []struct {
		name, path, theme string
		width, height     int64
		scale             float64
		before            chromedp.Action[chromedp.Void]
	}{
		{"crisis-wall", "/wall?lang=fr", "dark", 1920, 1080, 1, nothing},
		{"crisis-wall-4k", "/wall?lang=en", "light", 3840, 2160, 1, nothing},
		{"crisis-board-laptop", "/?lang=fr", "dark", 1440, 900, 1, nothing},
		{"crisis-board-phone", "/?lang=fr", "light", 390, 844, 2, nothing},
		{"crises-laptop", "/crises?lang=fr", "dark", 1440, 900, 1, opened},
		{"crises-laptop-light-en", "/crises?lang=en", "light", 1440, 900, 1, nothing},
		{"crises-phone", "/crises?lang=fr", "dark", 390, 844, 2, nothing},
		{"crisis-laptop", "/crises/" + of.ID + "?lang=fr", "dark", 1440, 900, 1, nothing},
		{"crisis-laptop-light-en", "/crises/" + of.ID + "?lang=en", "light", 1440, 900, 1, opened},
		{"crisis-phone", "/crises/" + of.ID + "?lang=fr", "dark", 390, 844, 2, nothing},
		{"crisis-phone-light-en", "/crises/" + of.ID + "?lang=en", "light", 390, 844, 2, nothing},
		{"crisis-ended", "/crises/" + ended.ID + "?lang=fr", "dark", 1440, 900, 1, nothing},
		{"crisis-ended-phone-en", "/crises/" + ended.ID + "?lang=en", "light", 390, 844, 2, nothing},
		{"crisis-drill-phone", "/crises/" + drill.ID + "?lang=fr", "dark", 390, 844, 2, nothing},
		{"crisis-drill", "/crises/" + drill.ID + "?lang=fr", "dark", 1440, 900, 1, nothing},
		{"crisis-drill-light-en", "/crises/" + drill.ID + "?lang=en", "light", 1440, 900, 1, nothing},
		{"alert-crisis", "/alerts/p2?lang=fr", "dark", 1440, 900, 1, nothing},
		{"alert-crisis-of", "/alerts/p1?lang=en", "light", 1440, 900, 1, nothing},
		{"runbooks-laptop", "/runbooks?lang=fr", "dark", 1440, 900, 1, nothing},
		{"runbook-laptop-light-en", "/runbooks/cdn-isp?lang=en", "light", 1440, 900, 1, opened},
		{"runbook-phone", "/runbooks/cdn-isp?lang=fr", "dark", 390, 844, 2, nothing},
		{"run-laptop", "/runs/" + run.ID + "?lang=fr", "dark", 1440, 900, 1, nothing},
		{"run-laptop-light-en", "/runs/" + run.ID + "?lang=en", "light", 1440, 900, 1, nothing},
		{"run-phone", "/runs/" + run.ID + "?lang=fr", "dark", 390, 844, 2, nothing},
		{"run-unsaid-laptop", "/runs/" + unsaid.ID + "?lang=fr", "dark", 1440, 900, 1, nothing},
		{"run-unsaid-phone-en", "/runs/" + unsaid.ID + "?lang=en", "light", 390, 844, 2, nothing},
		{"run-drill-phone-en", "/runs/" + drilled.ID + "?lang=en", "light", 390, 844, 2, nothing},
		{"support-before", "/support?lang=fr", "dark", 1440, 900, 1, opened},
		{"support-laptop", "/support?lang=fr&words=en", "dark", 1440, 900, 1, chromedp.Steps(said, chromedp.Sleep(1500*time.Millisecond), opened)},
		{"support-laptop-light-en", "/support?lang=en", "light", 1440, 900, 1, nothing},
		{"support-phone", "/support?lang=fr", "dark", 390, 844, 2, nothing},
	} {
		browsertest.Shot{Name: shot.name, URL: s.http.URL + shot.path, Theme: shot.theme, Width: shot.width, Height: shot.height, Scale: shot.scale, Wait: "main", Before: shot.before}.Take(t, h.ctx, *shots)
	}
}
