package web

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	dialogs "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"vigie/internal/browsertest"
	"vigie/runbooks/channel"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// enters signs somebody in, whoever was before, and goes on to a page.
func enters(s *site, who, path, language string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		chromedp.Navigate(s.http.URL+"/healthz"), // a page that follows nothing
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`fetch("/sign-out", { method: "POST" }).then((r) => r.ok)`, chromedp.EvalAwaitPromise))
			return err
		}),
		chromedp.Navigate(s.http.URL+"/sign-in?lang="+language),
		chromedp.WaitVisible(chromedp.CSS("#name")),
		chromedp.SendKeys(chromedp.CSS("#name"), who),
		chromedp.SendKeys(chromedp.CSS("#password"), password),
		chromedp.Click(chromedp.CSS(".door button")),
		chromedp.WaitVisible(chromedp.CSS("#board")),
		chromedp.Navigate(s.http.URL+path),
		chromedp.WaitVisible(chromedp.CSS("main")),
	)
}

// A message from the first letter to armed, in each language.
func TestMessagesInABrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	for _, language := range []string{"fr", "en"} {
		t.Run(language, func(t *testing.T) { messageInABrowser(t, language) })
	}
}

func messageInABrowser(t *testing.T, language string) {
	s := newMessageSite(t, nil)
	s.Publish(final(t, 0))
	s.kept(t, "author", playback())
	l := s.locales.byCode(language)
	ctx := chromium(t)
	trouble := browsertest.Trouble(ctx)
	asked := acceptDialogs(ctx)
	run := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	wait := func(what, expression string) {
		t.Helper()
		limit := time.Now().Add(20 * time.Second)
		for {
			_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(10*time.Second)))
			if err == nil {
				return
			}
			if time.Now().After(limit) {
				t.Fatalf("%s: %v (console: %q)", what, err, trouble())
			}
		}
	}
	is := func(what, expression string) {
		t.Helper()
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err != nil || !ok {
			t.Errorf("%s: %s is not so (%v)", what, expression, err)
		}
	}
	saidBy := func(key string, pairs ...string) string { return quoted(l.T(key, pairs...)) }

	// Writing: what a text costs follows the hand, and the sign that doubles it is named.
	run("the editor", chromedp.EmulateViewport(1440, 900), enters(s.site, "author", "/messages/lecture", language), chromedp.WaitVisible(chromedp.CSS("#see-sms-fr .bubble")))
	is("no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
	is("it is in telephones' alphabet", `!document.querySelector("#see-sms-fr .culprits")`)
	run("type an apostrophe", browsertest.Do(`(() => { const f = document.querySelector("[name='text.sms.fr']"); f.focus(); f.setSelectionRange(f.value.length, f.value.length); })()`), chromedp.KeyEvent(" l’aide"))
	wait("it is UCS-2, because of that sign", `document.querySelector("#see-sms-fr mark.culprit")?.textContent === "’" && document.querySelector("#see-sms-fr .culprits").textContent.includes(`+saidBy("messages.character.apostrophe")+`)`)
	wait("what folding would make of it", `document.querySelector("#see-sms-fr .folding")?.textContent.includes("→")`)
	is("it is not saved", `document.getElementById("unsaved").textContent === `+saidBy("messages.unsaved"))
	run("fold it", chromedp.Click(chromedp.CSS("[name='fold.sms.fr']")))
	wait("the bubble has another apostrophe", `document.querySelector("#see-sms-fr .wording").textContent.endsWith(" l'aide") && !document.querySelector("#see-sms-fr .culprits")`)
	run("the worst case", browsertest.Do(`document.querySelector("[name=see][value=worst]").click()`))
	wait("the longest time", `document.querySelector("#see-status-fr .wording").textContent.includes("mercredi 30 septembre".replaceAll(" ", "\u00a0"))`)
	run("a variable is put where the hand was", browsertest.Do(`document.querySelector("[name='text.sms.en']").focus()`), chromedp.Click(chromedp.CSS("[data-hole=where]")))
	is("it is there", `document.querySelector("[name='text.sms.en']").value.endsWith("{where}") || document.querySelector("[name='text.sms.en']").value.startsWith("{where}")`)

	// What is not saved survives a reload.
	run("reload", chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS("#restored")))
	if asked.Load() != 1 {
		t.Errorf("leaving what is not saved asked %d times", asked.Load())
	}
	is("what was typed is there", `document.querySelector("[name='text.sms.fr']").value.endsWith(" l’aide") && document.querySelector("[name='fold.sms.fr']").checked`)
	run("save", chromedp.Click(chromedp.CSS("#save")), chromedp.WaitVisible(chromedp.CSS(".done")))
	wait("it says so", `document.querySelector("main > .done")?.textContent === `+saidBy("messages.said.saved")+` && document.getElementById("restored").hidden`)
	if got := s.library.Get("lecture").Scenario.Messages[message.Initial].Texts[channel.SMS]["fr"]; !got.Fold || got.Body[len(got.Body)-len("l’aide"):] != "l’aide" {
		t.Errorf("kept: %+v", got)
	}
	if e := s.library.Get("lecture"); len(e.Steps[message.Initial].Authors) != 1 || e.Version != 2 {
		t.Errorf("version %d by %q", e.Version, e.Steps[message.Initial].Authors)
	}

	// Somebody else saves the same text meanwhile.
	run("type on", browsertest.Do(`(() => { const f = document.querySelector("[name='text.x.fr']"); f.value = "Le mien"; f.dispatchEvent(new Event("input", { bubbles: true })); })()`))
	other := s.library.Export("lecture")
	other.Messages[message.Initial].Texts[channel.X]["fr"] = message.Text{Body: "Celui d’Édith"}
	s.kept(t, "editor", other)
	wait("it is told while one types", `!document.getElementById("meanwhile").hidden && document.querySelector("[name='text.x.fr']").value === "Le mien"`)
	run("save", chromedp.Click(chromedp.CSS("#save")), chromedp.WaitVisible(chromedp.CSS(".clash")))
	is("both are there", `document.querySelector("[name='text.x.fr']").value === "Le mien" && document.querySelector(".clash .from-other .wording").textContent === "Celui d’Édith"`)
	run("take theirs", chromedp.Click(chromedp.CSS("[data-take]")))
	is("it is in the field", `document.querySelector("[name='text.x.fr']").value === "Celui d’Édith"`)
	run("write a third, and submit", browsertest.Do(`(() => { const f = document.querySelector("[name='text.x.fr']"); f.value = "Le direct est perturbé. https://etat.tele.example"; f.dispatchEvent(new Event("input", { bubbles: true })); })()`), chromedp.Click(chromedp.CSS("#submit")), chromedp.WaitVisible(chromedp.CSS("#review")))
	is("the author has no button, and reads why", `!document.getElementById("approve") && document.getElementById("whynot").textContent.includes(`+saidBy("messages.whynot.author")+`)`)
	hash := s.library.Get("lecture").Scenario.Hash(message.Initial)
	status, err := chromedp.Run(ctx, chromedp.Evaluate[int](`fetch("/messages/lecture/initial/approve", { method: "POST", body: new URLSearchParams({ hash: `+quoted(hash)+` }) }).then((r) => r.status)`, chromedp.EvalAwaitPromise))
	if err != nil || status != 403 {
		t.Errorf("the author's POST: %d %v", status, err)
	}
	_ = trouble() // the refusal of that is in the console

	// The validator reads; the text changes under their eyes.
	run("the validator", enters(s.site, "validator", "/messages?match=finale", language), chromedp.WaitVisible(chromedp.CSS("#ready")))
	run("what waits for them", chromedp.Click(chromedp.CSS(".for-me a:nth-child(2)")), chromedp.WaitVisible(chromedp.CSS("td.mine a")))
	run("the review", chromedp.Click(chromedp.CSS("td.mine:not(.dim) a")), chromedp.WaitVisible(chromedp.CSS("#approve")))
	edited := s.library.Export("lecture")
	edited.Messages[message.Initial].Texts[channel.X]["fr"] = message.Text{Body: "Autre chose. https://etat.tele.example"}
	s.kept(t, "editor", edited)
	begun := time.Now()
	wait("the button is gone, and why", `!document.getElementById("approve") && document.getElementById("text-changed")?.textContent.includes("Édith Roy")`)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it was told after %s", took)
	}
	s.ok(t)(s.library.Submit(t.Context(), "editor", "lecture", message.Initial))
	run("read it again", chromedp.Click(chromedp.CSS("#text-changed a")), chromedp.WaitVisible(chromedp.CSS("#approve")))
	is("the new text", `document.querySelector("#see-x-fr .wording").textContent.startsWith("Autre chose")`)
	run("a comment", chromedp.SendKeys(chromedp.CSS("#comment [name=note]"), "relu"), chromedp.Click(chromedp.CSS("#comment button")))
	wait("it is in the thread", `/relu/.test(document.querySelector(".message-thread")?.textContent)`)
	run("approve", chromedp.Click(chromedp.CSS("#approve")))
	wait("it is approved", `document.querySelector(".review .stands .stand")?.classList.contains("approved")`)

	run("an operator arms it", enters(s.site, "operator", "/messages/lecture/initial/review?match=finale", language), chromedp.Click(chromedp.CSS("#arm")))
	wait("it is armed", `document.querySelector(".review .stands .stand")?.classList.contains("armed")`)
	if state := s.library.Get("lecture").State(message.Initial, "finale", time.Now()); state != library.Armed {
		t.Errorf("it is %s", state)
	}

	// On a telephone.
	run("telephone", chromedp.EmulateViewport(390, 844), enters(s.site, "second", "/messages", language))
	for _, path := range []string{"/messages?match=finale", "/messages/lecture", "/messages/lecture/resolved/review", "/messages/new", "/messages/import"} {
		run(path, chromedp.Navigate(s.http.URL+path), chromedp.WaitVisible(chromedp.CSS("main")))
		is(path+": no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
		is(path+": nothing sticks out", `[...document.querySelectorAll("main *")].every((e) => e.closest("svg, .hidden, .info, details:not([open]), .sections, .steps-of") || e.getBoundingClientRect().right <= innerWidth + 1 || !e.checkVisibility())`)
		is(path+": targets are large enough", `[...document.querySelectorAll("main :is(button, .button)")].filter((e) => e.checkVisibility()).every((e) => e.offsetHeight >= 44)`)
	}
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// acceptDialogs leaves pages that ask whether they should be left, and counts them.
func acceptDialogs(ctx context.Context) *atomic.Int64 {
	count := new(atomic.Int64)
	opened := chromedp.Events(ctx, dialogs.JavascriptDialogOpening)
	go func() {
		for _, err := range opened {
			if err != nil {
				return
			}
			count.Add(1)
			_, _ = chromedp.Call(ctx, dialogs.HandleJavaScriptDialog, dialogs.HandleJavaScriptDialogParams{Accept: true})
		}
	}()
	return count
}

// quoted is a text as a script has it.
func quoted(text string) string {
	return "`" + text + "`"
}

// go test ./web -run MessagePictures -shots DIR
func TestMessagePictures(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	s := newMessageSite(t, nil)
	s.Publish(many(t, 0))
	for _, path := range exampleScenarios(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		of, err := parseScenario(filepath.Base(path), text)
		if err != nil {
			t.Fatal(err)
		}
		s.kept(t, "editor", of)
	}
	s.kept(t, "author", playback())
	s.reviewed(t, message.Initial)
	for i, e := range s.library.All() {
		for n, step := range message.Steps() {
			hash := e.Scenario.Hash(step)
			if hash == "" || e.Scenario.ID == "lecture" {
				continue
			}
			if (i+n)%5 != 0 {
				if _, err := s.library.Submit(t.Context(), "editor", e.Scenario.ID, step); err != nil {
					t.Log(err)
					continue
				}
			}
			if (i+n)%5 > 1 {
				s.ok(t)(s.library.Approve(t.Context(), "validator", e.Scenario.ID, step, hash))
			}
			if (i+n)%5 > 2 {
				s.ok(t)(s.library.Arm(t.Context(), "operator", e.Scenario.ID, step, "finale"))
			}
		}
	}
	edited := playback()
	edited.Messages[message.Initial].Texts[channel.X]["fr"] = message.Text{Body: "Le direct est coupé sur {where}. Nos équipes y travaillent. Point à {next} : https://etat.tele.example"}
	edited.Messages[message.Initial].Texts[channel.SMS]["fr"] = message.Text{Body: "L’accès au direct est perturbé sur {where}. Nos équipes font le nécessaire. Prochain point à {next} : https://etat.tele.example"}
	s.kept(t, "editor", edited)
	s.ok(t)(s.library.Submit(t.Context(), "editor", "lecture", message.Initial))
	s.ok(t)(s.library.Comment(t.Context(), "validator", "lecture", message.Initial, "Le SMS passe à deux segments : est-ce voulu ?"))

	ctx := chromium(t)
	who := ""
	for _, shot := range []struct {
		name, who, path, theme string
		width, height          int64
		scale                  float64
	}{
		{"messages-laptop", "second", "/messages?lang=fr&match=finale", "dark", 1440, 900, 1},
		{"messages-laptop-light-en", "second", "/messages?lang=en&match=finale", "light", 1440, 900, 1},
		{"messages-phone", "second", "/messages?lang=fr&match=finale", "dark", 390, 844, 2},
		{"messages-review-filter", "second", "/messages?lang=fr&match=finale&for=review", "light", 1440, 900, 1},
		{"message-edit-laptop", "second", "/messages/lecture?lang=fr", "dark", 1440, 900, 1},
		{"message-edit-example-light-en", "second", "/messages/cdn-isp?lang=en", "light", 1440, 900, 1},
		{"message-edit-phone", "second", "/messages/lecture?lang=fr", "dark", 390, 844, 2},
		{"message-edit-viewer", "viewer", "/messages/lecture?lang=fr", "dark", 1440, 900, 1},
		{"message-review-laptop", "validator", "/messages/lecture/initial/review?lang=fr", "dark", 1440, 900, 1},
		{"message-review-light-en", "validator", "/messages/cdn-isp/initial/review?lang=en", "light", 1440, 900, 1},
		{"message-review-author", "editor", "/messages/lecture/initial/review?lang=fr", "light", 1440, 900, 1},
		{"message-review-phone", "validator", "/messages/lecture/initial/review?lang=fr", "dark", 390, 844, 2},
		{"messages-operator", "operator", "/messages?lang=fr&match=finale", "dark", 1440, 900, 1},
		{"message-new", "second", "/messages/new?lang=fr", "dark", 1440, 900, 1},
		{"message-import", "second", "/messages/import?lang=fr", "light", 1440, 900, 1},
	} {
		if who != shot.who {
			who = shot.who
			if err := chromedp.Do(ctx, enters(s.site, who, "/me", "fr")); err != nil {
				t.Fatal(err)
			}
		}
		browsertest.Shot{Name: shot.name, URL: s.http.URL + shot.path, Theme: shot.theme, Width: shot.width, Height: shot.height, Scale: shot.scale, Wait: "main"}.Take(t, ctx, *shots)
	}
}
