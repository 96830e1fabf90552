package web

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// personIn signs somebody in, in a browser of their own.
func personIn(s *site, name, path, language string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		chromedp.Navigate(s.http.URL+"/sign-in?lang="+language),
		chromedp.SendKeys(chromedp.CSS("#name"), name),
		chromedp.SendKeys(chromedp.CSS("#password"), password),
		chromedp.Click(chromedp.CSS(".door button")),
		chromedp.WaitVisible(chromedp.CSS("#board")),
		chromedp.Navigate(s.http.URL+path),
		chromedp.WaitVisible(chromedp.CSS("main")),
	)
}

// Two browsers: one person prepares, in French; another confirms, in English, with the number of people, and watches
// it to its end. A third one is stopped while it goes on.
func TestASendInTwoBrowsers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSendSite(t, 300, func(a *send.Account) {
		if a.ID == "sms" {
			a.Rate = 40
		}
	})
	s.Publish(final(t, 0))
	c := s.crisis(t, false)
	first, second := chromium(t), chromium(t)
	trouble := collectTrouble(t, first)
	one, two := hand{t, first}, hand{t, second}
	is := func(h hand, what, expression string) {
		t.Helper()
		if h.text(expression) != "true" {
			t.Errorf("%s: %s is not so", what, expression)
		}
	}

	one.do("choose", chromedp.EmulateViewport(1440, 900), personIn(s.site, "operator", "/sends/new?crisis="+c.ID, "fr"),
		chromedp.Click(chromedp.CSS(`.step-links a[href$="step=initial"]`)), chromedp.WaitVisible(chromedp.CSS("#send-form")))
	one.do("say where", evaluate(`document.querySelector("[name='v.where'][value=tv]").click()`))
	one.wait("the preview follows", `/sur la box TV/.test(document.getElementById("send-preview").textContent) && /300.personnes/.test(document.getElementById("send-preview").textContent)`)
	is(one, "no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
	one.do("prepare", chromedp.Click(chromedp.CSS("#prepare-do")), chromedp.WaitVisible(chromedp.CSS("#check-do")))
	all := s.room.All()
	if len(all) != 1 {
		t.Fatalf("%d sends", len(all))
	}
	id := all[0].ID
	two.do("the other looks", chromedp.EmulateViewport(1440, 900), personIn(s.site, "second", "/sends/"+id, "en"))
	is(two, "not theirs yet", `!document.getElementById("confirm") && /operator, who prepared it/.test(document.getElementById("not-yours").textContent)`)
	one.do("hand over", chromedp.Click(chromedp.CSS("#check-do")))
	one.wait("the sender has no button", `/Vous l’avez préparée/.test(document.getElementById("not-yours")?.textContent) && document.getElementById("confirm") === null`)
	two.wait("the other's button appears by itself", `/Send to 300 people/.test(document.getElementById("confirm-do")?.textContent)`)
	two.wait("it waits for the number", `document.getElementById("confirm-do").disabled`)
	two.do("a wrong number", chromedp.SendKeys(chromedp.CSS("#count"), "30"))
	is(two, "it still waits", `document.getElementById("confirm-do").disabled`)
	two.do("wait for a refresh", chromedp.Sleep(2*time.Second))
	is(two, "what is typed stays", `document.getElementById("count").value === "30" && document.activeElement.id === "count"`)
	two.do("the right one", chromedp.SendKeys(chromedp.CSS("#count"), "0"))
	is(two, "it may be pressed", `!document.getElementById("confirm-do").disabled`)
	two.do("confirm", chromedp.Click(chromedp.CSS("#confirm-do")))
	two.wait("it goes on", `document.querySelector("#progress .outcomes") !== null && document.getElementById("abort") !== null`)
	one.wait("the sender sees it, too", `/en cours d’envoi|confirmée/.test(document.querySelector(".send-head .kicker").textContent) && document.querySelector("#progress .canary .here") !== null`)
	two.wait("to its end", `/completed/.test(document.querySelector(".send-head .kicker").textContent) && /^300\s/.test([...document.querySelectorAll("#progress .outcomes li.out-accepted")].at(-1).textContent.trim())`)
	if told, twice := s.live.count(); told != 300 || twice != 0 {
		t.Errorf("%d were told, %d twice", told, twice)
	}

	// Another one is stopped on the way, on a telephone.
	other := s.confirmed(t, s.crisis(t, false))
	two.do("telephone", chromedp.EmulateViewport(390, 844), chromedp.Navigate(s.http.URL+"/sends/"+other.ID), chromedp.WaitVisible(chromedp.CSS("#abort")))
	two.wait("some are told", `/[1-9]/.test([...document.querySelectorAll("#progress .outcomes li.out-accepted")].at(-1).textContent)`)
	two.do("stop", chromedp.Click(chromedp.CSS("#abort > summary")), chromedp.WaitVisible(chromedp.CSS("#abort-do")))
	two.do("wait for a refresh", chromedp.Sleep(1500*time.Millisecond))
	is(two, "it stays open, and counts", `document.getElementById("abort").open && /gone already/.test(document.getElementById("abort-what").textContent)`)
	is(two, "targets are large enough", `[...document.querySelectorAll("main :is(button, .button, summary)")].filter((e) => e.checkVisibility() && !e.closest(".info")).every((e) => e.offsetHeight >= 44)`)
	is(two, "no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
	pressed := time.Now()
	two.do("now", chromedp.Click(chromedp.CSS("#abort-do")), chromedp.WaitVisible(chromedp.CSS("#gone")))
	s.until(t, "it has ended", func() bool { return !s.room.Get(other.ID).Ended.IsZero() })
	s.live.mu.Lock()
	last := s.live.last
	s.live.mu.Unlock()
	if late := last.Sub(s.room.Get(other.ID).Aborted.At); late > time.Second {
		t.Errorf("%v after the abort somebody was told (pressed %v ago)", late, time.Since(pressed))
	}
	two.wait("the correction", `document.getElementById("correct")?.href.endsWith("step=correction")`)

	// An exercise looks otherwise.
	drill := s.prepared(t, s.signedIn(t, "operator"), s.crisis(t, true), message.Initial)
	if r := s.post(t, s.signedIn(t, "operator"), "/sends/"+drill.ID+"/check", nil, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("check: %d", r.StatusCode)
	}
	const look = `(() => { const b = document.getElementById("confirm-do"); const style = getComputedStyle(b); return [b.textContent.trim(), style.backgroundColor, getComputedStyle(document.body).backgroundColor].join("|"); })()`
	one.do("the exercise", chromedp.Navigate(s.http.URL+"/sends/"+drill.ID), chromedp.WaitVisible(chromedp.CSS("#confirm-do")))
	exercise, err := chromedp.Run(first, chromedp.Evaluate[string](look))
	if err != nil {
		t.Fatal(err)
	}
	real := s.prepared(t, s.signedIn(t, "second"), s.crisis(t, false), message.Initial)
	if r := s.post(t, s.signedIn(t, "second"), "/sends/"+real.ID+"/check", nil, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("check: %d", r.StatusCode)
	}
	one.do("the real one", chromedp.Navigate(s.http.URL+"/sends/"+real.ID), chromedp.WaitVisible(chromedp.CSS("#confirm-do")))
	live, err := chromedp.Run(first, chromedp.Evaluate[string](look))
	if err != nil {
		t.Fatal(err)
	}
	a, b := strings.Split(exercise, "|"), strings.Split(live, "|")
	for i := range a {
		if a[i] == b[i] {
			t.Errorf("an exercise has the same %s", []string{"words", "button", "ground"}[i])
		}
	}
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// A file of contacts is sent in a browser, which says what came of it; a segment is counted while it is written.
func TestTheAudienceInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSendSite(t, 20, nil)
	s.Publish(final(t, 0))
	ctx := chromium(t)
	trouble := collectTrouble(t, ctx)
	file := filepath.Join(t.TempDir(), "abonnés.csv")
	var lines strings.Builder
	lines.WriteString("id;email;email_agree;offre\n")
	for i := range 5000 {
		fmt.Fprintf(&lines, "n%d;n%d@example.com;1;sport\n", i, i)
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Do(ctx, chromedp.EmulateViewport(1440, 900), personIn(s.site, "operator", "/audience", "fr"),
		chromedp.SetUploadFiles(chromedp.CSS("#upload-contacts-file"), []string{file}),
		chromedp.Click(chromedp.CSS("#upload-contacts button")), chromedp.WaitVisible(chromedp.CSS(".done")),
	)
	if err != nil {
		t.Fatal(err)
	}
	h := hand{t, ctx}
	h.wait("they are there", `/5.021 contacts/.test(document.getElementById("contacts-title").textContent) && /5.000 nouveaux/.test(document.querySelector(".imports").textContent)`)
	err = chromedp.Do(ctx, chromedp.Navigate(s.http.URL+"/audience/segments"), chromedp.WaitVisible(chromedp.CSS("main")),
		evaluate(`document.querySelector("details.adding").open = true`), chromedp.SendKeys(chromedp.CSS("#segment-name"), "Offre sport"),
		chromedp.SendKeys(chromedp.CSS("[name='attribute.0']"), "offre"), chromedp.SendKeys(chromedp.CSS("[name='values.0']"), "sport"))
	if err != nil {
		t.Fatal(err)
	}
	h.wait("the estimate follows", `/5.003 contacts/.test(document.getElementById("segment-estimate").textContent)`)
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS("#segment-form button")), chromedp.WaitVisible(chromedp.CSS("#segment-offre-sport"))); err != nil {
		t.Errorf("it is not saved: %v", err)
	}
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// go test ./web -run Pictures -shots DIR
func TestSendPictures(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	s := newSendSite(t, 1000, func(a *send.Account) {
		if a.ID == "sms" {
			a.Rate = 25
		}
	})
	s.live.answer = func(to string) int {
		switch {
		case strings.HasSuffix(to, "07"), strings.HasSuffix(to, "48"):
			return http.StatusBadRequest
		case strings.HasSuffix(to, "333"):
			return -1
		}
		return 0
	}
	s.Publish(many(t, 0))
	b := s.signedIn(t, "operator")
	c, train := s.crisis(t, false), s.crisis(t, true)
	prepared := s.prepared(t, b, c, message.Initial)
	checked := s.prepared(t, s.signedIn(t, "second"), s.crisis(t, false), message.Initial)
	drill := s.prepared(t, b, train, message.Initial)
	for _, of := range []*send.Send{checked, drill} {
		if _, err := s.room.Check(t.Context(), of.By, of.ID); err != nil {
			t.Fatal(err)
		}
	}
	going := s.confirmed(t, s.crisis(t, false))
	stopped := s.confirmed(t, s.crisis(t, false))
	s.until(t, "some are told", func() bool { n, _ := s.live.count(); return n >= 12 })
	if err := s.room.Abort(t.Context(), "third", stopped.ID, "ce n’est pas le bon CDN"); err != nil {
		t.Fatal(err)
	}
	ctx := chromiumFor(t, 5*time.Minute)
	acted := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	acted(chromedp.Do(ctx, operatorIn(s.site, "/sends", "fr")))
	nothing := evaluate("0")
	form := "/sends/new?crisis=" + c.ID + "&scenario=lecture&step=initial"
	filled := chromedp.Steps(evaluate(`document.querySelector("[name='v.where'][value=tv]").click()`), chromedp.Sleep(2*time.Second))
	opened := evaluate(`document.querySelectorAll("details.abort, details.adding, details.more").forEach((d) => (d.open = true))`)
	for _, shot := range []struct {
		name, path, theme string
		width, height     int64
		scale             float64
		before            chromedp.Action[chromedp.Void]
	}{
		{"sends-laptop", "/sends?lang=fr", "dark", 1440, 900, 1, nothing},
		{"sends-phone-light-en", "/sends?lang=en", "light", 390, 844, 2, nothing},
		{"send-choose", "/sends/new?lang=fr&crisis=" + c.ID, "light", 1440, 900, 1, nothing},
		{"send-new-laptop", form + "&lang=fr", "dark", 1440, 900, 1, filled},
		{"send-new-phone-light", form + "&lang=fr", "light", 390, 844, 2, filled},
		{"send-new-drill", "/sends/new?lang=fr&crisis=" + train.ID + "&scenario=lecture&step=initial", "light", 1440, 900, 1, filled},
		{"send-prepared", "/sends/" + prepared.ID + "?lang=fr", "light", 1440, 900, 1, nothing},
		{"send-checked-laptop", "/sends/" + checked.ID + "?lang=fr", "dark", 1440, 900, 1, nothing},
		{"send-checked-phone-light-en", "/sends/" + checked.ID + "?lang=en", "light", 390, 844, 2, nothing},
		{"send-drill", "/sends/" + drill.ID + "?lang=fr", "dark", 1440, 900, 1, nothing},
		{"send-drill-phone-light", "/sends/" + drill.ID + "?lang=fr", "light", 390, 844, 2, nothing},
		{"send-going-laptop", "/sends/" + going.ID + "?lang=fr", "dark", 1440, 900, 1, opened},
		{"send-going-phone-light", "/sends/" + going.ID + "?lang=fr", "light", 390, 844, 2, nothing},
		{"send-stopped", "/sends/" + stopped.ID + "?lang=fr", "light", 1440, 900, 1, nothing},
		{"send-lines", linesURL(going.ID, 1, "all", 1) + "&lang=fr", "dark", 1440, 900, 1, nothing},
		{"audience-laptop", "/audience?lang=fr", "dark", 1440, 900, 1, opened},
		{"audience-phone-light-en", "/audience?lang=en", "light", 390, 844, 2, nothing},
		{"audience-segments", "/audience/segments/crew?lang=fr", "light", 1440, 900, 1, nothing},
		{"audience-never", "/audience/never?lang=fr", "dark", 1440, 900, 1, nothing},
		{"audience-hits", "/audience/hits?lang=fr", "light", 1440, 900, 1, nothing},
	} {
		err := chromedp.Do(ctx,
			chromedp.EmulateViewport(shot.width, shot.height, chromedp.EmulateScale(shot.scale)),
			chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
				_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: shot.theme}},
				})
				return err
			}),
			chromedp.Navigate(s.http.URL+shot.path), chromedp.WaitVisible(chromedp.CSS("main")), shot.before,
			chromedp.Sleep(500*time.Millisecond), // fonts
		)
		if err != nil {
			t.Fatalf("%s: %v", shot.name, err)
		}
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		acted(err)
		acted(os.WriteFile(filepath.Join(*shots, shot.name+".png"), png, 0o644))
	}
}
