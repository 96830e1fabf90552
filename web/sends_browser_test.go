package web

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"vigie/internal/browsertest"
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
	t.Parallel()
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
	trouble := browsertest.Trouble(first)
	one, two := hand{t, first}, hand{t, second}
	is := func(h hand, what, expression string) {
		t.Helper()
		if h.text(expression) != "true" {
			t.Errorf("%s: %s is not so", what, expression)
		}
	}

	one.do("choose", chromedp.EmulateViewport(1440, 900), personIn(s.site, "operator", "/sends/new?crisis="+c.ID, "fr"),
		chromedp.Click(chromedp.CSS(`.step-links a[href$="step=initial"]`)), chromedp.WaitVisible(chromedp.CSS("#send-form")))
	one.do("say where", browsertest.Do(`document.querySelector("[name='v.where'][value=tv]").click()`))
	one.wait("the preview follows", `/sur la box TV/.test(document.getElementById("send-preview").textContent) && /300.personnes/.test(document.getElementById("send-preview").textContent)`)
	is(one, "no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
	one.legible()
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
	two.legible()
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
	trouble := browsertest.Trouble(ctx)
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
		browsertest.Do(`document.querySelector("details.adding").open = true`), chromedp.SendKeys(chromedp.CSS("#segment-name"), "Offre sport"),
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
			a.Rate = 8
		}
	})
	acted := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.library.Save(t.Context(), "author", beginning(), 0)
	acted(err)
	s.Publish(many(t, 0))
	b, second := s.signedIn(t, "operator"), s.signedIn(t, "second")
	answers := func(f func(to string) int) {
		s.live.mu.Lock()
		s.live.answer = f
		s.live.mu.Unlock()
	}
	// One of the house's own fails, and of another one nobody knows: a send to them alone ends so, a larger one stops.
	answers(func(to string) int {
		return map[string]int{"+33639900001": http.StatusBadRequest, "+33639900002": -1}[to]
	})
	house := s.form(t, b, s.crisis(t, false), message.Initial)
	house.Set("aud", "segment")
	house.Set("segment", "crew")
	faulty := s.room.Get(strings.TrimPrefix(s.post(t, b, "/sends", house, nil).Header.Get("Location"), "/sends/"))
	_, err = s.room.Check(t.Context(), "operator", faulty.ID)
	acted(err)
	acted(s.room.Confirm(t.Context(), "second", faulty.ID, faulty.Digest, faulty.People()))
	s.stands(t, faulty.ID, send.Faulty)
	failing := s.confirmed(t, s.crisis(t, false))
	s.stands(t, failing.ID, send.Paused)
	answers(func(to string) int {
		switch {
		case len(s.live.all) < 80: // a failure among the first stops all
		case strings.HasSuffix(to, "7"):
			return http.StatusBadRequest
		case strings.HasSuffix(to, "33"):
			return -1
		}
		return 0
	})
	c, train := s.crisis(t, false), s.crisis(t, true)
	prepared := s.prepared(t, b, c, message.Initial)
	checked, drill := s.prepared(t, second, s.crisis(t, false), message.Initial), s.prepared(t, b, train, message.Initial)
	simulated := s.prepared(t, b, s.crisis(t, true), message.Initial)
	for _, of := range []*send.Send{checked, drill, simulated} {
		_, err := s.room.Check(t.Context(), of.By, of.ID)
		acted(err)
	}
	acted(s.room.Confirm(t.Context(), "operator", simulated.ID, simulated.Digest, simulated.People()))
	ctx := chromiumFor(t, 10*time.Minute)
	acted(chromedp.Do(ctx, operatorIn(s.site, "/sends", "fr")))
	shoot := func(name, path string, before chromedp.Action[chromedp.Void], views ...string) {
		t.Helper()
		for _, view := range views {
			at := strings.Fields(view) // laptop dark fr
			width, height, scale := int64(1440), int64(900), 1.0
			if at[0] == "phone" {
				width, height, scale = 390, 844, 2
			}
			join := "?"
			if strings.Contains(path, "?") {
				join = "&"
			}
			browsertest.Shot{
				Name: name + "-" + strings.Join(at, "-"), URL: s.http.URL + path + join + "lang=" + at[2], Theme: at[1],
				Width: width, Height: height, Scale: scale, Wait: "main", Before: before,
			}.Take(t, ctx, *shots)
		}
	}
	nothing := browsertest.Do("0")
	filled := chromedp.Steps(browsertest.Do(`document.querySelector("[name='v.where'][value=tv]").click()`), chromedp.Sleep(2*time.Second))
	refused := chromedp.Steps(chromedp.Click(chromedp.CSS("#prepare-do")), chromedp.Sleep(2*time.Second))
	opened := browsertest.Do(`document.querySelectorAll("details.abort, details.adding, details.more").forEach((d) => (d.open = true))`)
	all := []string{"laptop light fr", "laptop dark en", "phone dark fr", "phone light en"}
	some := []string{"laptop dark fr", "phone light en"}
	struck := s.crisis(t, false)
	going := s.confirmed(t, struck)
	s.until(t, "the house is told", func() bool { return s.room.Progress(going.ID).Legs[1].Reached() >= 3 })
	shoot("send-held", "/sends/"+going.ID, nothing, some...) // for some seconds only
	stopped, waiting := s.confirmed(t, s.crisis(t, false)), s.confirmed(t, s.crisis(t, false))
	s.until(t, "some are told", func() bool { n, _ := s.live.count(); return n >= 100 })
	acted(s.room.Abort(t.Context(), "third", stopped.ID, "ce n’est pas le bon CDN"))
	acted(s.room.Pause(t.Context(), "third", waiting.ID, "on attend la régie"))
	s.stands(t, simulated.ID, send.Completed)
	capped := s.prepared(t, b, s.crisis(t, false), message.Initial)
	form := "/sends/new?crisis=" + c.ID + "&scenario=lecture&step=initial"
	times := "/sends/new?crisis=" + train.ID + "&scenario=debut&step=initial"
	shoot("send-going", "/sends/"+going.ID, nothing, all...)
	shoot("send-abort", "/sends/"+going.ID, opened, some...)
	shoot("send-crisis", "/crises/"+struck.ID, nothing, some...)
	shoot("sends", "/sends", nothing, all...)
	shoot("send-checked", "/sends/"+checked.ID, nothing, all...)
	shoot("send-prepared", "/sends/"+prepared.ID, nothing, some...)
	shoot("send-capped", "/sends/"+capped.ID, nothing, some...)
	shoot("send-failing", "/sends/"+failing.ID, nothing, all...)
	shoot("send-paused", "/sends/"+waiting.ID, nothing, some...)
	shoot("send-stopped", "/sends/"+stopped.ID, nothing, all...)
	shoot("send-faulty", "/sends/"+faulty.ID, nothing, all...)
	shoot("send-drill", "/sends/"+drill.ID, nothing, all...)
	shoot("send-simulated", "/sends/"+simulated.ID, nothing, some...)
	shoot("send-lines", linesURL(faulty.ID, 1, "all", 1), nothing, some...)
	shoot("send-choose", "/sends/new?crisis="+c.ID, nothing, some...)
	shoot("send-new", form, filled, all...)
	shoot("send-new-drill", times, filled, some...)
	shoot("send-new-refused", times, refused, some...)
	shoot("audience", "/audience", opened, some...)
	shoot("audience-segments", "/audience/segments/crew", nothing, some...)
	shoot("audience-never", "/audience/never", nothing, some...)
	shoot("audience-hits", "/audience/hits", nothing, some...)
}
