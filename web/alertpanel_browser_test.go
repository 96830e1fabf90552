package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"vigie/alerts/rule"
	"vigie/cockpit"
)

// A mark on the axis has its title, and leads to the board at that moment; a wall's leads nowhere.
func TestAlertsStandOnTheAxis(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := final(t, 0)
	s := newSite(t, nil)
	s.known = func() *alertsNow { return busy(b) }
	s.Publish(b)
	h := hand{t, chromium(t)}
	h.do("sign in", chromedp.EmulateViewport(1440, 900), signIn(s, "fr"))
	const pin = `document.querySelector('#flow-canvas .alert-pin[data-id="over"]')`
	h.wait("it is there", pin+` !== null`)
	if got := h.text(pin + `.title`); !strings.HasPrefix(got, "▲ Trafic Maison en baisse, de ") || !strings.Contains(got, "17:44 à ") || !strings.HasSuffix(got, "18:19") {
		t.Errorf("it says %q", got)
	}
	if got := h.text(pin + `.getAttribute("href")`); !strings.HasPrefix(got, "/?from=2022-12-18T16%3A34") {
		t.Errorf("it leads to %q", got)
	}
	if n := h.number(`document.querySelectorAll("#flow-canvas a.alert-pin[tabindex='0'][href]").length`); n != 7 {
		t.Errorf("Tab reaches %v marks, want 7", n)
	}
	h.do("a wall", chromedp.Navigate(s.http.URL+"/wall?lang=fr"))
	h.wait("it is there, too", `document.querySelectorAll("#flow-canvas span.alert-pin").length === 7 && !document.querySelector("a")`)
}

// Two browsers, with a room as it is: what one takes the other sees, and hears of what begins.
func TestAlertsInTwoBrowsers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts browsers")
	}
	s := newAlertSite(t, nil)
	s.judging(t)
	s.Publish(final(t, 0))
	open := func(name string) hand {
		h := hand{t, chromium(t)}
		h.do("sign in", chromedp.EmulateViewport(1440, 900), chromedp.Navigate(s.http.URL+"/sign-in?lang=fr"),
			chromedp.SendKeys(chromedp.CSS("#name"), name), chromedp.SendKeys(chromedp.CSS("#password"), password),
			chromedp.Click(chromedp.CSS(".door button")), chromedp.WaitVisible(chromedp.CSS("#incident-p1")))
		return h
	}
	operator, viewer := open("operator"), open("viewer")
	const nobody = `!!document.querySelector("#incident-p1 .who.nobody")`
	viewer.wait("nobody has it", nobody+` && document.title === "(1) Vigie" && document.querySelector("link[rel=icon]").href.startsWith("data:image/svg+xml")`)
	if n := viewer.number(`[...document.querySelectorAll(".operate")].filter((e) => e.checkVisibility()).length`); n != 0 {
		t.Errorf("a viewer sees %v buttons of operators", n)
	}
	operator.do("take it", chromedp.Click(chromedp.CSS("#incident-p1 [data-take]")))
	taken := time.Now()
	viewer.wait("somebody has it", `!document.querySelector("#incident-p1 .who.nobody") && /depuis/.test(document.querySelector("#incident-p1 .who").textContent) && document.title === "Vigie"`)
	t.Logf("the other screen had it after %v", time.Since(taken).Round(10*time.Millisecond))
	if who := s.room.Snapshot().Find("p1").Acked; who == nil || who.By != "operator" {
		t.Errorf("it is %+v's", who)
	}
	operator.wait("there is nothing to take any more", `!document.querySelector("#incident-p1 [data-take]")`)

	// Another begins: it is there, and said to those who listen; a key takes it, and asks once.
	p := s.room.Snapshot().Find("p1").Problem
	p.ID, p.Title = "p9", rule.Text{FR: "Orange × Akamai : erreurs 4 %"}
	put(t, s.state, "p.p9", p)
	viewer.wait("it is said at once", `document.querySelector("#incident-p9") && document.getElementById("alarm-loud").textContent === "Alerte, critique : Orange × Akamai : erreurs 4 %"`)
	viewer.key("a", 0)
	if n := viewer.number(`document.querySelectorAll("dialog[open]").length`); n != 0 {
		t.Error("a viewer's key opens something")
	}
	operator.wait("it is there", `!!document.querySelector("#incident-p9 [data-take]")`)
	operator.key("a", 0)
	operator.wait("it asks", `document.getElementById("take").open && document.querySelector("#take .what").textContent.includes("Orange")`)
	operator.key("Enter", 0)
	operator.wait("it is taken", `!document.getElementById("take").open && !document.querySelector("#incident-p9 .who.nobody")`)
	viewer.wait("there too", `!document.querySelector("#incident-p9 .who.nobody")`)
	p.Ended = time.Now()
	put(t, s.state, "p.p9", p)
	viewer.wait("it is over", `!document.querySelector("#incident-p9") && document.getElementById("alarm-polite").textContent.startsWith("Alerte terminée")`)

	operator.key("A", 0)
	operator.wait("the page of alerts", `location.pathname === "/alerts"`)
}

// go test ./web -run PicturesOfAlerts -shots DIR [-shot NAME]
func TestPicturesOfAlerts(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	var n *alertsNow
	s := newSite(t, nil)
	s.known = func() *alertsNow { return n }
	s.Publish(final(t, 0))
	ctx := chromiumFor(t, 5*time.Minute)
	if err := chromedp.Do(ctx, operatorIn(s, "/", "fr")); err != nil {
		t.Fatal(err)
	}
	fhd, laptop, phone := glass{width: 1920, height: 1080, theme: "dark"}, glass{width: 1440, height: 900, theme: "dark"}, glass{width: 390, height: 844, scale: 2, theme: "dark"}
	light := func(s glass) glass { s.theme = "light"; return s }
	final, quiet := final(t, 0), quiet(t)
	drill := busy(final)
	drill.Drill = broken(final).Drill
	for _, shot := range []struct {
		name, path string
		board      *cockpit.Board
		known      *alertsNow
		screen     glass
		full       bool
	}{
		{"wall-one", "/wall?lang=fr", final, firing(final, 1), fhd, false},
		{"wall-two-light", "/wall?lang=en", final, firing(final, 2), light(fhd), false},
		{"wall-many", "/wall?lang=fr", final, busy(final), fhd, false},
		{"wall-long", "/wall?lang=fr", heavyWall(t), longest(final), fhd, false},
		{"wall-4k", "/wall?lang=fr", final, busy(final), glass{width: 3840, height: 2160, theme: "dark"}, false},
		{"wall-none", "/wall?lang=fr", quiet, firing(quiet, 0), fhd, false},
		{"wall-none-concerns", "/wall?lang=fr", final, firing(final, 0), fhd, false},
		{"wall-drill", "/wall?lang=fr", final, drill, fhd, false},
		{"wall-trouble", "/wall?lang=fr", final, broken(final), fhd, false},
		{"wall-trouble-light", "/wall?lang=en", final, broken(final), light(fhd), false},
		{"desk-one", "/?lang=fr", final, firing(final, 1), fhd, false},
		{"desk-many", "/?lang=fr", final, busy(final), fhd, true},
		{"desk-laptop", "/?lang=en", final, busy(final), laptop, true},
		{"desk-laptop-light", "/?lang=fr", final, busy(final), light(laptop), true},
		{"desk-none", "/?lang=fr", quiet, firing(quiet, 0), laptop, true},
		{"desk-trouble", "/?lang=fr", final, broken(final), laptop, true},
		{"desk-tablet", "/?lang=fr", final, busy(final), glass{width: 1024, height: 768, theme: "dark"}, true},
		{"phone-one", "/?lang=fr", final, firing(final, 1), phone, false},
		{"phone-many", "/?lang=fr", final, busy(final), phone, true},
		{"phone-many-light", "/?lang=en", final, busy(final), light(phone), false},
		{"phone-none", "/?lang=fr", quiet, firing(quiet, 0), phone, true},
		{"phone-trouble", "/?lang=fr", final, broken(final), phone, false},
		{"phone-long", "/?lang=fr", final, longest(final), phone, false},
	} {
		if *oneShot != "" && !strings.HasPrefix(shot.name, *oneShot) {
			continue
		}
		n = shot.known
		s.Publish(shot.board)
		take := chromedp.CaptureScreenshot()
		if shot.full {
			take = chromedp.FullScreenshot(100)
		}
		err := chromedp.Do(ctx, shot.screen.emulate(), chromedp.Navigate(s.http.URL+shot.path), chromedp.WaitVisible(chromedp.CSS("#board")), chromedp.Sleep(700*time.Millisecond))
		if err != nil {
			t.Fatalf("%s: %v", shot.name, err)
		}
		png, err := chromedp.Run(ctx, take)
		if err != nil {
			t.Fatalf("%s: %v", shot.name, err)
		}
		if err := os.WriteFile(filepath.Join(*shots, shot.name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
