package web

import (
	"context"
	"fmt"
	"testing"
	"time"

	chrome "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"vigie/cockpit"
	"vigie/internal/browsertest"
)

// One browser on the page of sources, with boards given by hand.
func TestSourcesInABrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSite(t, nil)
	tick := 0
	publish := func(edit func(rows map[string]*cockpit.Source)) {
		tick++
		b := many(t, tick)
		rows := map[string]*cockpit.Source{}
		for i := range b.Sources.Rows {
			src := &b.Sources.Rows[i]
			src.Rate *= 1 + float64(tick)/100
			rows[src.ID] = src
		}
		if edit != nil {
			edit(rows)
		}
		s.Publish(b)
	}
	publish(nil)
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
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(15*time.Second))); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	is := func(what, expression string) {
		t.Helper()
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err != nil || !ok {
			t.Errorf("%s: %s is not so (%v)", what, expression, err)
		}
	}
	shown := func() {
		t.Helper()
		wait("the board is shown", fmt.Sprintf(`Number(document.querySelector("main").dataset.seq) === %d`, tick))
	}

	run("sign in, then go by key", chromedp.EmulateViewport(1920, 1080), signIn(s, "fr"), chromedp.KeyEvent("g"), chromedp.KeyEvent("s"), chromedp.WaitVisible(chromedp.CSS("#senders")))
	wait("the page of sources", `location.pathname === "/sources" && document.getElementById("live-word").textContent === "en direct"`)
	is("the navigation", `document.querySelector("nav.pages [aria-current]").pathname === "/sources"`)
	is("a wall shows all of them", `document.documentElement.scrollHeight <= innerHeight`)

	// A source that goes silent is seen at the next board, and at the top.
	is("normal before", `document.querySelector("#source-cloudfront.fine .sentence").textContent.includes("Livre")`)
	is("below before", `[...document.querySelectorAll("#senders > li")].findIndex((li) => li.dataset.source === "source-cloudfront") > 8`)
	silent := func(rows map[string]*cockpit.Source) {
		src := rows["cloudfront"]
		src.Finding, src.Health, src.Rate = cockpit.FindingSilent, cockpit.HealthWarning, 0
		src.Silent, src.Seen, src.Watermark = 24*time.Second, rows["balises"].Seen.Add(-24*time.Second), time.Time{}
	}
	begun := time.Now()
	publish(silent)
	wait("the silence is seen", `/Muette depuis\s+2\d/.test(window.was = document.querySelector("#source-cloudfront.warning .sentence")?.textContent)`)
	if took := time.Since(begun); took > time.Second {
		t.Errorf("the silence was seen after %v, want less than a tick", took)
	}
	is("it is counted", `document.querySelector("#summary .say").textContent.includes("2\u00a0muettes")`)
	is("it moved up", `[...document.querySelectorAll("#senders > li")].findIndex((li) => li.dataset.source === "source-cloudfront") < 7`)
	wait("its silence goes on by itself", `document.querySelector("#source-cloudfront .sentence").textContent !== window.was`)

	// What is open stays open, and what is selected stays selected, also where it changes.
	run("open", chromedp.Click(chromedp.CSS("#source-fastly .reasons > summary")), chromedp.Click(chromedp.CSS("[data-source=source-fastly] .settings > summary")))
	run("select", browsertest.Do(`getSelection().selectAllChildren(document.querySelector("#source-fastly .sample"))`),
		browsertest.Do(`window.was = {selected: String(getSelection()), rate: document.querySelector("#source-fastly .rate b").textContent}`))
	for range 3 {
		publish(func(rows map[string]*cockpit.Source) {
			rows["fastly"].Reasons[0].Sample = fmt.Sprint("another line ", tick)
			rows["maison-nginx"].Finding, rows["maison-nginx"].Health = cockpit.FindingLate, cockpit.HealthWarning // the order changes
		})
		shown()
	}
	is("both are open", `document.querySelectorAll("[data-source=source-fastly] details[open]").length === 2`)
	is("the selection is the same", `window.was.selected.length > 100 && String(getSelection()) === window.was.selected`)
	is("the rate goes on", `document.querySelector("#source-fastly .rate b").textContent !== window.was.rate`)
	run("let go", browsertest.Do(`getSelection().removeAllRanges()`))
	publish(func(rows map[string]*cockpit.Source) { rows["fastly"].Reasons[0].Sample = "the last line" })
	wait("the sample goes on", `document.querySelector("#source-fastly .sample").textContent === "the last line"`)

	// By keyboard, too: the focus is where it was after the row's neighbours moved around it.
	run("focus", browsertest.Do(`document.querySelector("[data-source=source-maison-nginx] .settings > summary").focus()`), chromedp.KeyEvent(" "))
	is("space opens", `document.querySelector("[data-source=source-maison-nginx] .settings").open`)
	publish(silent)
	shown()
	is("the focus stayed", `document.activeElement.closest("li").dataset.source === "source-maison-nginx"`)
	run("escape", chromedp.KeyEvent("\u001b"))
	is("settings are no note that escape closes", `document.querySelector("[data-source=source-maison-nginx] .settings").open`)

	// The clipboard, and without it the selection.
	for _, permission := range []string{"clipboard-read", "clipboard-write"} {
		run("allow "+permission, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, chrome.SetPermission, chrome.SetPermissionParams{
				Permission: &chrome.PermissionDescriptor{Name: permission}, Setting: chrome.PermissionSettingGranted,
			})
			return err
		}))
	}
	const button = "[data-source=source-maison-nginx] button.copy"
	run("copy", chromedp.Click(chromedp.CSS(button)))
	wait("it says so", `document.querySelector("`+button+`").textContent === "copié"`)
	copied, err := chromedp.Run(ctx, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise))
	if err != nil || copied != nginxSettings {
		t.Errorf("the clipboard has %q (%v)", copied, err)
	}
	wait("it can be had again", `document.querySelector("`+button+`").textContent === "copier"`)
	run("no clipboard", browsertest.Do(`Object.defineProperty(navigator, "clipboard", { value: undefined })`), chromedp.Click(chromedp.CSS(button)))
	wait("it says so", `/copié|sélectionné/.test(document.querySelector("`+button+`").textContent)`)
	is("it is selected", `String(getSelection()).includes("access_log syslog")`)

	// A telephone never scrolls sideways, whatever is open and whatever strangers wrote.
	run("telephone", chromedp.EmulateViewport(390, 844), browsertest.Do(`document.querySelectorAll("#senders details").forEach((d) => d.open = true)`))
	is("no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
	is("nothing sticks out", `[...document.querySelectorAll("#senders *")].every((e) => e.closest(".code, .hidden, .label, .late") || e.getBoundingClientRect().right <= innerWidth)`)
	is("long code scrolls in its box", `[...document.querySelectorAll(".code")].some((e) => e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX === "auto")`)
	is("targets are large enough", `[...document.querySelectorAll("nav.pages a")].every((e) => e.offsetHeight >= 44)`)
	is("the last row is not under the navigation", `(scrollTo(0, 1e6), document.querySelector("#senders > li:last-child").getBoundingClientRect().bottom <= document.querySelector("nav.pages").getBoundingClientRect().top)`)
	run("back", chromedp.KeyEvent("g"), chromedp.KeyEvent("b"), chromedp.WaitVisible(chromedp.CSS("#board")))
	is("no sideways scroll on the board", `document.documentElement.scrollWidth <= innerWidth`)

	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}
