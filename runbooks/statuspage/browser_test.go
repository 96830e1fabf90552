package statuspage

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"vigie/internal/browsertest"
	"vigie/runbooks/channel"
)

var shots = flag.String("shots", "", "folder to write pictures of the page into")

// go test ./runbooks/statuspage -run Pictures -shots DIR
func TestPictures(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	ctx := browsertest.Open(t, browsertest.Life)
	kick := time.Date(2026, 7, 19, 18, 41, 0, 0, time.UTC)
	scenes := map[string]func(*night){
		"well":  func(n *night) { n.well() },
		"fresh": func(*night) {},
		"open": func(n *night) {
			n.well()
			_ = n.SetComponent(t.Context(), "alice", "live", Degraded)
			_ = n.SetComponent(t.Context(), "alice", "apps", Partial)
			n.story(n.Status(), "night", kick, false, 4)
		},
		"unset": func(n *night) { n.story(n.Status(), "night", kick, false, 2) },
		"corrected": func(n *night) {
			n.well()
			_ = n.SetComponent(t.Context(), "alice", "live", Degraded)
			_ = n.SetComponent(t.Context(), "alice", "replay", Maintenance)
			_ = n.SetComponent(t.Context(), "alice", "login", Major)
			n.story(n.Status(), "night", kick, false, 5)
		},
		"resolved": func(n *night) {
			n.well()
			n.story(n.Status(), "night", kick, false, 6)
			n.say(n.Status(), channel.Message{ID: "old-a", Thread: "old", Step: initial, At: kick.AddDate(0, 0, -6)}, "Connexion impossible|Une partie des comptes ne peut pas se connecter.", "Sign-in fails|Some accounts cannot sign in.")
			n.say(n.Status(), channel.Message{ID: "old-b", Thread: "old", Step: cancelled, At: kick.AddDate(0, 0, -6).Add(9 * time.Minute)}, "Fausse alerte : la connexion fonctionne.", "False alarm: sign-in works.")
		},
		"stale": func(n *night) { n.well(); n.known.Checked = kick },
		"drill": func(n *night) { n.well(); n.story(n.Status(), "drill", kick, true, 4) },
	}
	for _, shot := range []struct {
		name, scene, path, theme string
		width                    int64
		scale                    float64
	}{
		{"well-laptop-light-fr", "well", "/status/fr/", "light", 1440, 1},
		{"well-phone-dark-fr", "well", "/status/fr/", "dark", 390, 2},
		{"fresh-laptop-light-en", "fresh", "/status/en/", "light", 1440, 1},
		{"open-laptop-light-fr", "open", "/status/fr/", "light", 1440, 1},
		{"open-laptop-dark-en", "open", "/status/en/", "dark", 1440, 1},
		{"unset-laptop-light-fr", "unset", "/status/fr/", "light", 1440, 1},
		{"unset-phone-dark-en", "unset", "/status/en/", "dark", 390, 2},
		{"open-phone-light-fr", "open", "/status/fr/", "light", 390, 2},
		{"corrected-laptop-light-fr", "corrected", "/status/fr/", "light", 1440, 1},
		{"corrected-phone-dark-en", "corrected", "/status/en/", "dark", 390, 2},
		{"resolved-laptop-light-fr", "resolved", "/status/fr/", "light", 1440, 1},
		{"resolved-phone-dark-fr", "resolved", "/status/fr/", "dark", 390, 2},
		{"stale-laptop-dark-fr", "stale", "/status/fr/", "dark", 1440, 1},
		{"resolved-print-fr", "resolved", "/status/fr/", "print", 800, 1},
		{"drill-laptop-light-fr", "drill", "/exercice/fr/", "light", 1440, 1},
		{"drill-phone-dark-en", "drill", "/exercice/en/", "dark", 390, 2},
	} {
		c := config()
		c.Keep = 300 * 24 * time.Hour
		n := open(t, c)
		scenes[shot.scene](n)
		at := kick.Add(50 * time.Minute)
		switch shot.scene {
		case "corrected":
			at = kick.Add(70 * time.Minute)
		case "resolved":
			at = kick.Add(75 * time.Minute)
		}
		if shot.scene != "stale" {
			n.known.Checked = at
		}
		if shot.scene == "drill" { // its posts are old by this machine's clock
			n.known.merge(n.bucket.Load(), n.config.Components)
		}
		next, err := n.fixed.render(&n.known, n.zone, at)
		if err != nil {
			t.Fatal(err)
		}
		n.shown.Store(next)
		browsertest.Shot{Name: shot.name, URL: n.http.URL + shot.path, Theme: shot.theme, Width: shot.width, Height: 844, Scale: shot.scale, Wait: "#headline"}.Take(t, ctx, *shots)
	}
}

// A browser on the page, from all is well to a correction: without a reload, without its script, and when nobody answers.
func TestThePageInABrowser(t *testing.T) {
	ctx := browsertest.Open(t, browsertest.Life)
	trouble := browsertest.Trouble(ctx)
	c := config()
	c.Poll = minPoll
	n := open(t, c)
	n.well()
	var shut atomic.Bool
	served := n.http.Config.Handler
	n.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shut.Load() {
			panic(http.ErrAbortHandler)
		}
		served.ServeHTTP(w, r)
	})
	do, wait, is := browser(t, ctx)
	do("open", chromedp.EmulateViewport(1280, 900), browsertest.Theme("light"), chromedp.Navigate(n.http.URL+"/status/en/"), chromedp.WaitVisible(chromedp.CSS(".hero.is-operational")))
	do("remember", browsertest.Do(`window.same = true`))
	n.story(n.Status(), "night", time.Now().Add(-20*time.Minute), false, 1)
	wait("the incident appears by itself", `document.querySelectorAll("article.incident .entry").length === 1`)
	is("the page was not loaded again", `window.same`)
	is("it is said to who does not see", `document.getElementById("news").textContent === "The page has changed: An incident is ongoing"`)
	is("the title says it", `document.title.startsWith("An incident is ongoing")`)
	is("a time is one", `!isNaN(Date.parse(document.querySelector(".entry time").dateTime))`)
	for _, theme2 := range []string{"light", "dark"} {
		do(theme2, browsertest.Theme(theme2))
		is("each text can be read in "+theme2, browsertest.Legible("body"))
	}
	do("tab", chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"))
	is("the keyboard reaches the languages", `document.activeElement.closest("nav.languages") !== null`)
	for _, width := range []int64{320, 390, 1280} {
		do("narrow", chromedp.EmulateViewport(width, 800))
		is("nothing sticks out", `document.documentElement.scrollWidth <= innerWidth`)
	}
	shut.Store(true)
	do("look again", browsertest.Do(look))
	wait("it says that it is frozen", `!document.getElementById("frozen").hidden`)
	shut.Store(false)
	do("come back", browsertest.Do(look))
	wait("and that it is not any more", `document.getElementById("frozen").hidden`)
	do("without scripts", chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}), chromedp.Navigate(n.http.URL+"/status/"), chromedp.WaitVisible(chromedp.CSS("article.incident .entry")))
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// look is what a browser tells a page that is seen again: it asks at once.
const look = `document.dispatchEvent(new Event("visibilitychange"))`

// The exported folder, served by a plain file server below some path: every file is found, and the page polls itself.
func TestTheExportInABrowser(t *testing.T) {
	ctx := browsertest.Open(t, browsertest.Life)
	trouble := browsertest.Trouble(ctx)
	c := config()
	c.Poll = minPoll
	n := open(t, c)
	n.story(n.Status(), "night", time.Now().Add(-50*time.Minute), false, 4)
	folder := t.TempDir()
	if err := n.Export(t.Context(), Folder(folder)); err != nil {
		t.Fatal(err)
	}
	var missing atomic.Int32
	files := http.StripPrefix("/some/where", http.FileServer(http.Dir(folder)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &status{ResponseWriter: w}
		files.ServeHTTP(rec, r)
		if rec.code >= 400 {
			t.Logf("%d %s", rec.code, r.URL)
			missing.Add(1)
		}
	}))
	defer server.Close()
	do, wait, is := browser(t, ctx)
	do("open", chromedp.EmulateViewport(1280, 900), chromedp.Navigate(server.URL+"/some/where/"), chromedp.WaitVisible(chromedp.CSS("article.incident")))
	is("it is styled", `getComputedStyle(document.querySelector(".hero")).borderTopLeftRadius !== "0px"`)
	do("the other language", chromedp.Click(chromedp.CSS(`nav.languages a[lang=en]`)), chromedp.WaitVisible(chromedp.CSS(`html[lang=en] article.incident`)))
	do("back", chromedp.Click(chromedp.CSS(`nav.languages a[lang=fr]`)), chromedp.WaitVisible(chromedp.CSS(`html[lang=fr] article.incident`)))
	n.say(n.Status(), channel.Message{ID: "night-z", Thread: "night", Step: resolved, At: time.Now()}, "C’est fini.", "It is over.")
	if err := n.Export(t.Context(), Folder(folder)); err != nil {
		t.Fatal(err)
	}
	do("look again", browsertest.Do(look))
	wait("the resolution appears by itself", `document.querySelector(".history details[open] .step-resolved") !== null`)
	if missing.Load() > 0 {
		t.Error("files are missing")
	}
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) { s.code = code; s.ResponseWriter.WriteHeader(code) }

// The banner on somebody else's page, which has a strict policy of its own and a hostile text to show.
func TestTheBannerInABrowser(t *testing.T) {
	ctx := browsertest.Open(t, browsertest.Life)
	trouble := browsertest.Trouble(ctx)
	c := config()
	c.Poll = minPoll
	c.Labels = func(thread string) map[string]string {
		if thread == "elsewhere" {
			return map[string]string{"channel": "M6"}
		}
		return map[string]string{"channel": "TF1"}
	}
	n := open(t, c)
	var asked atomic.Int32
	served := n.http.Config.Handler
	var broken atomic.Bool
	n.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "banner.json") {
			asked.Add(1)
			if broken.Load() {
				w.Header().Set("Access-Control-Allow-Origin", "*")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		}
		served.ServeHTTP(w, r)
	})
	example, err := os.ReadFile("../../docs/example/banner/index.html")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(example), "https://status.example.fr/", n.http.URL+"/status/")
	if page == string(example) {
		t.Fatal("the example has another address")
	}
	third := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src "+n.http.URL+"; connect-src "+n.http.URL)
		io.WriteString(w, page)
	}))
	defer third.Close()
	do, wait, is := browser(t, ctx)
	const root = `document.querySelector(".status-banner").shadowRoot`
	do("open", chromedp.EmulateViewport(1280, 700), browsertest.Theme("light"), chromedp.Navigate(third.URL), chromedp.WaitVisible(chromedp.CSS("h1")))
	wait("the live region is there, empty", `document.querySelector(".status-banner") && `+root+`.querySelector("[role=status]").childElementCount === 0`)
	n.say(n.Banner(), channel.Message{ID: "b-other", Thread: "elsewhere", Step: initial, At: time.Now()}, "Autre chaîne", "Other channel")
	n.say(n.Banner(), channel.Message{ID: "b1", Thread: "night", Step: initial, At: time.Now().Add(-time.Second), NextBy: time.Now().Add(time.Hour)},
		`Direct perturbé|<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`, "Live disrupted|x")
	polls := asked.Load()
	wait("the banner appears", root+`.querySelector(".bar")?.dataset.id === "b1"`)
	if polls = asked.Load() - polls; polls > 1 {
		t.Errorf("it appeared after %d polls", polls)
	}
	is("the text is text", `document.title === "Le direct" && `+root+`.querySelectorAll("img, script").length === 0 && `+root+`.querySelector(".text").textContent.includes("<script>")`)
	is("it is a status, in its language, with a promise and a link", `(() => { const r = `+root+`; const t = r.querySelector("[role=status] .text"); return t.lang === "fr" && t.textContent.includes("Prochain point avant") && r.querySelector("a").href === "https://status.example.fr/"; })()`)
	is("it has its style under the page's policy", `getComputedStyle(`+root+`.querySelector(".bar")).display === "flex"`)
	is("it is above the page", `document.body.firstElementChild.className === "status-banner"`)
	if *shots != "" {
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*shots, "banner.png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	is("the button has a name", root+`.querySelector("button").getAttribute("aria-label") === "Fermer ce message"`)
	do("close it", browsertest.Do(root+`.querySelector("button").click()`))
	is("it is gone", root+`.querySelector(".bar") === null`)
	do("come again", chromedp.Navigate(third.URL), chromedp.WaitVisible(chromedp.CSS("h1")))
	before := asked.Load()
	until(t, "it asked again", func() bool { return asked.Load() > before })
	is("it stays closed", root+`.querySelector(".bar") === null`)
	n.say(n.Banner(), channel.Message{ID: "b2", Thread: "night", Step: update, At: time.Now()}, "Du nouveau", "News")
	wait("news are shown", root+`.querySelector(".bar")?.dataset.id === "b2"`)

	// A failing origin is asked less and less, and what is shown stays.
	broken.Store(true)
	from := asked.Load()
	until(t, "it asked a broken origin", func() bool { return asked.Load() > from })
	is("what is shown stays", root+`.querySelector(".bar")?.dataset.id === "b2"`)
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// How soon the banner asks next, with a clock and a chance of the test's own: its waits are read, not waited for.
func TestTheBannerBacksOff(t *testing.T) {
	ctx := browsertest.Open(t, browsertest.Life)
	script, err := assets.ReadFile("assets/banner.js")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/banner.js":
			w.Header().Set("Content-Type", jsType)
			w.Write(script)
		case "/test.js":
			w.Header().Set("Content-Type", jsType)
			io.WriteString(w, `
				window.waits = []; window.next = null; window.mode = ["ok", 30, 0]; let clock = 0;
				Math.random = () => 0.5;
				performance.now = () => clock;
				const real = window.setTimeout; // short ones, and 40 s, are the test's own
				window.setTimeout = (f, ms, ...rest) => { if (ms < 1000 || ms === 40000 || ms === 10000) return real(f, ms, ...rest); waits.push(ms / 1000); next = f; return 0; };
				window.fetch = async () => { const [what, poll, age] = mode; if (what === "fail") throw new Error("no"); if (what === "slow") clock += 4000;
					return { ok: what !== "503", status: 503, headers: new Headers(age ? { "Cache-Control": "public, max-age=" + age } : {}), json: async () => ({ version: 1, active: false, poll }) }; };`)
		default:
			w.Header().Set("Content-Type", htmlType)
			io.WriteString(w, `<!DOCTYPE html><html lang="fr"><body><h1>x</h1><script src="/test.js"></script><script src="/banner.js"></script></body></html>`)
		}
	}))
	defer server.Close()
	do, wait, is := browser(t, ctx)
	do("open", chromedp.Navigate(server.URL), chromedp.WaitVisible(chromedp.CSS("h1")))
	wait("it asked", `waits.length === 1`)
	for i, c := range []struct {
		mode string
		want int
	}{
		{`["ok", 30, 0]`, 30}, {`["ok", 30, 90]`, 90}, {`["ok", 1, 0]`, 5}, {`["ok", 99999, 0]`, 600}, {`["ok", 30, 10]`, 30},
		{`["fail", 0, 0]`, 60}, {`["503", 0, 0]`, 120}, {`["fail", 0, 0]`, 240}, {`["fail", 0, 0]`, 480}, {`["fail", 0, 0]`, 600}, {`["ok", 30, 0]`, 30}, {`["slow", 30, 0]`, 60}, {`["slow", 30, 0]`, 120}, {`["ok", 30, 0]`, 30},
	} {
		do("again", browsertest.Do(`mode = `+c.mode+`; next()`))
		wait("it plans", fmt.Sprintf(`waits.length === %d`, i+2))
		is(fmt.Sprintf("after %s it waits %d s", c.mode, c.want), fmt.Sprintf(`waits.at(-1) === %d`, c.want))
	}
	do("a late one and an early one", browsertest.Do(`Math.random = () => 0; next()`))
	wait("it plans", `waits.at(-1) === 22.5`)
	do("a late one", browsertest.Do(`Math.random = () => 1; next()`))
	wait("it plans", `waits.at(-1) === 37.5`)
}

// browser are what a test does in a browser: act, wait for an expression, hold one.
func browser(t *testing.T, ctx context.Context) (do func(string, ...chromedp.Action[chromedp.Void]), wait, is func(what, expression string)) {
	do = func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	wait = func(what, expression string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(40*time.Second))); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	is = func(what, expression string) {
		t.Helper()
		if v, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); err != nil || !v {
			t.Errorf("not so: %s (%v)", what, err)
		}
	}
	return do, wait, is
}
