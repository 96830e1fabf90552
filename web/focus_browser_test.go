package web

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"vigie/cockpit"
	"vigie/internal/account"
	"vigie/internal/browsertest"
)

// hand drives one page, and ends its test when the page does not do as asked.
type hand struct {
	*testing.T
	ctx context.Context
}

func (h hand) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	h.Helper()
	if err := chromedp.Do(h.ctx, steps...); err != nil {
		h.Fatalf("%s: %v", what, err)
	}
}

// wait asks again until it is so; while the page goes elsewhere there is nobody to answer.
func (h hand) wait(what, expression string) {
	h.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var so bool
		if so, err = chromedp.Run(h.ctx, chromedp.Evaluate[bool](expression)); so {
			return
		}
	}
	h.Fatalf("%s: %v", what, err)
}

func (h hand) text(expression string) string {
	h.Helper()
	v, err := chromedp.Run(h.ctx, chromedp.Evaluate[string](`String(`+expression+`)`))
	if err != nil {
		h.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (h hand) number(expression string) float64 {
	h.Helper()
	v, err := chromedp.Run(h.ctx, chromedp.Evaluate[float64](expression))
	if err != nil {
		h.Fatalf("%s: %v", expression, err)
	}
	return v
}

// key presses a key as a keyboard does; modifiers as in the DevTools protocol: shift is 8.
func (h hand) key(name string, modifiers int64) {
	h.Helper()
	codes := map[string]int64{"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Home": 36, "End": 35, "Escape": 27}
	event := input.DispatchKeyEventParams{Type: "keyDown", Key: name, Code: name, Modifiers: modifiers, WindowsVirtualKeyCode: codes[name]}
	if name == "Enter" {
		event.Text = "\r"
	}
	if len(name) == 1 {
		event.Text = name
	}
	h.send(event)
	event.Type, event.Text = "keyUp", ""
	h.send(event)
}

func (h hand) send(event input.DispatchKeyEventParams) {
	h.Helper()
	h.do("key "+event.Key, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, input.DispatchKeyEvent, event)
		return err
	}))
}

func (h hand) mouse(kind string, x, y float64) {
	h.Helper()
	event := input.DispatchMouseEventParams{Type: input.DispatchMouseEventType(kind), X: x, Y: y}
	if kind != "mouseMoved" {
		event.Button, event.ClickCount = "left", 1
	}
	h.do(kind, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, input.DispatchMouseEvent, event)
		return err
	}))
}

// at is a place on a chart, as parts of its plot's width and height.
func (h hand) at(chart string, x, y float64) (left, top float64) {
	h.Helper()
	h.do("scroll to "+chart, browsertest.Do(`document.getElementById("`+chart+`-canvas").scrollIntoView({block: "center", behavior: "instant"})`))
	box := `document.querySelector("#` + chart + `-canvas .u-over").getBoundingClientRect()`
	return h.number(box+".left") + x*h.number(box+".width"), h.number(box+".top") + y*h.number(box+".height")
}

func (h hand) sight() cockpit.Sight {
	h.Helper()
	q, err := url.ParseQuery(strings.TrimPrefix(h.text("location.search"), "?"))
	if err != nil {
		h.Fatal(err)
	}
	s, ok := parseSight(q)
	if !ok {
		h.Fatalf("the address has no sight: %v", q)
	}
	return s
}

func TestLookingInABrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := looking(t, nil)
	ctx := chromium(t)
	trouble := browsertest.Trouble(ctx)
	h := hand{t, ctx}
	drawn := `document.querySelectorAll("#flow-canvas canvas, #failing-canvas canvas, #classes-canvas canvas, #pressure-canvas canvas").length === 4 && document.getElementById("live-word").textContent !== "…" && Number(document.getElementById("board").dataset.seq) > 0`
	h.do("sign in", chromedp.EmulateViewport(1440, 900), signIn(s, "fr"))
	h.wait("four charts are drawn", drawn)

	// One cursor: what is read on one chart is read on all that have the moment.
	x, y := h.at("failing", .5, .5)
	h.mouse("mouseMoved", x, y)
	h.wait("all charts read the moment", `document.querySelectorAll(".reading:not([hidden])").length === 4 && document.querySelectorAll(".hair:not([hidden])").length === 4`)
	if n := h.number(`new Set([...document.querySelectorAll(".reading strong")].map((n) => n.textContent)).size`); n != 1 {
		t.Errorf("the charts read %v moments: %s", n, h.text(`[...document.querySelectorAll(".reading strong")].map((n) => n.textContent)`))
	}
	for chart, want := range map[string]string{"flow": "Maison", "failing": "CloudFront", "classes": "erreurs 5xx", "pressure": "bloquées"} {
		if got := h.text(`document.querySelector("#` + chart + `-canvas .reading").textContent`); !strings.Contains(got, want) {
			t.Errorf("%s reads %q, without %q", chart, got, want)
		}
	}
	h.mouse("mouseMoved", 5, 5)
	h.wait("the cursor leaves", `document.querySelectorAll(".reading:not([hidden])").length === 0`)

	// By keyboard, and read out.
	h.do("focus a chart", browsertest.Do(`document.getElementById("failing-canvas").focus()`))
	h.key("Home", 0)
	h.wait("the first moment is said", `document.getElementById("heard").textContent.includes("Maison")`)
	h.wait("and shown", `!document.querySelector("#failing-canvas .reading").hidden`)
	first := h.text(`document.querySelector("#failing-canvas .reading strong").textContent`)
	h.key("ArrowRight", 0)
	for range 5 {
		h.key("ArrowRight", 0)
	}
	h.wait("a minute later", `document.querySelector("#failing-canvas .reading strong").textContent !== "`+first+`"`)
	for range 6 {
		h.key("ArrowRight", 8)
	}
	h.wait("a stretch is offered", `!document.querySelector("#failing-canvas .look").hidden && !document.querySelector("#flow-canvas .stretch").hidden`)
	h.key("Escape", 0)
	h.wait("and left", `document.querySelector("#failing-canvas .look").hidden && document.querySelector("#flow-canvas .stretch").hidden`)
	for range 6 {
		h.key("ArrowRight", 8)
	}
	h.key("Enter", 0)
	h.wait("it is gone to", `location.search.includes("from=") && `+drawn)
	failing := lookedAt(t, 0, cockpit.Sight{}).Failing
	want := cockpit.Sight{From: failing.Start.Unix() + 120, To: failing.Start.Unix() + 190} // seven points, from the twelfth on
	if got := h.sight(); got != want {
		t.Errorf("the stretch is %d to %d, want %d to %d", got.From, got.To, want.From, want.To)
	}
	if word := h.text(`document.getElementById("live-word").textContent`); word != "passé" {
		t.Errorf("a stretch of the past is %q", word)
	}
	h.key("n", 0)
	h.wait("live again", `location.search === "" && `+drawn)

	// By mouse; the rest of the address stays.
	h.do("narrow", chromedp.Navigate(s.http.URL+"/?cdn=cloudfront&isp=Free&metric=errors"))
	h.wait("narrowed", drawn)
	h.do("a metric", browsertest.Do(`document.querySelector('a[data-metric="firstbyte"]').click()`))
	x, y = h.at("flow", .3, .5)
	h.mouse("mouseMoved", x, y)
	h.mouse("mousePressed", x, y)
	to, _ := h.at("flow", .4, .5)
	h.mouse("mouseMoved", (x+to)/2, y)
	h.wait("the stretch is shown while it is drawn", `!document.querySelector("#flow-canvas .stretch").hidden`)
	h.mouse("mouseMoved", to, y)
	h.mouse("mouseReleased", to, y)
	h.wait("it is gone to", `location.search.includes("from=") && `+drawn)
	got := h.sight()
	if got.Live() || got.Scope != freeCloudFront.Scope || got.From%10 != 0 || got.To%10 != 0 || got.To-got.From < 600 || got.To-got.From > 2400 || !strings.Contains(h.text("location.search"), "metric=firstbyte") {
		t.Errorf("a drag led to %+v, %s", got, h.text("location.search"))
	}
	h.key("[", 0)
	h.wait("earlier", drawn+` && new URLSearchParams(location.search).get("from") < "`+time.Unix(got.From, 0).UTC().Format(time.RFC3339)+`"`)
	if moved := h.sight(); moved.To-moved.From != got.To-got.From || got.From-moved.From != (got.To-got.From)/2/10*10 {
		t.Errorf("[ moved %d–%d to %d–%d", got.From, got.To, moved.From, moved.To)
	}
	h.key("]", 0)
	h.wait("later", drawn+` && new URLSearchParams(location.search).get("from") === "`+time.Unix(got.From, 0).UTC().Format(time.RFC3339)+`"`)
	h.key("0", 0)
	h.wait("everything", drawn+` && !location.search.includes("cdn=")`)
	if all := h.sight(); !all.Scope.Whole() || all.From != got.From {
		t.Errorf("0 led to %+v", all)
	}

	// The matrix as a grid.
	h.do("the whole", chromedp.Navigate(s.http.URL+"/"))
	h.wait("drawn", drawn+` && document.querySelectorAll('#matrix a[tabindex="0"]').length === 1`)
	h.do("into the matrix", browsertest.Do(`document.querySelector('#matrix a[tabindex="0"]').focus()`))
	h.key("ArrowDown", 0)
	h.key("ArrowRight", 0)
	h.key("ArrowRight", 0)
	if at := h.text(`document.activeElement.href`); !strings.HasSuffix(at, "/?cdn=cloudfront&isp=Free") {
		t.Errorf("the arrows lead to %s", at)
	}
	s.Publish(lookedAt(t, 1, cockpit.Sight{}))
	h.wait("the next board", `Number(document.getElementById("board").dataset.seq) > 1`)
	if at := h.text(`document.activeElement.href + " " + document.querySelectorAll('#matrix a[tabindex="0"]').length`); !strings.HasSuffix(at, "/?cdn=cloudfront&isp=Free 1") {
		t.Errorf("after a board the focus is on %s", at)
	}
	h.key("c", 0)
	h.key("ArrowLeft", 0)
	h.key("Enter", 0)
	h.wait("two cells", drawn+` && document.querySelectorAll("#beside canvas").length === 2`)
	compared := freeCloudFront
	compared.Compare, compared.Beside = true, cockpit.Scope{CDN: "akamai", ISP: "Free"}
	if got := h.sight(); got != compared {
		t.Errorf("c led to %+v", got)
	}
	s.Publish(lookedAt(t, 1, compared))
	h.wait("the comparison goes on", `document.querySelectorAll("#beside canvas").length === 2 && Number(document.getElementById("board").dataset.seq) > 1`)

	// Keys are letters where one types.
	h.do("type", browsertest.Do(`(() => { document.querySelector(".compare").open = true; document.querySelector(".compare select").focus(); })()`))
	h.key("0", 0)
	h.key("n", 0)
	if got := h.sight(); got != compared {
		t.Errorf("keys in a form led to %+v", got)
	}
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// A finger moves the cursor, and goes nowhere until it says so.
func TestFingerChoosesAStretch(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := looking(t, nil)
	h := hand{t, chromium(t)}
	h.do("sign in", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch), signIn(s, "fr"))
	h.wait("drawn", `document.querySelectorAll("#flow-canvas canvas").length === 1`)
	touch := func(kind string, x, y float64) {
		h.Helper()
		points := []*input.TouchPoint{{X: x, Y: y}}
		if kind == "touchEnd" {
			points = []*input.TouchPoint{}
		}
		h.do(kind, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventType(kind), TouchPoints: points})
			return err
		}))
	}
	x, y := h.at("flow", .2, .5)
	to, _ := h.at("flow", .7, .5)
	touch("touchStart", x, y)
	h.wait("the cursor is there", `!document.querySelector("#flow-canvas .reading").hidden`)
	for i := 1.0; i <= 8; i++ {
		touch("touchMove", x+(to-x)*i/8, y)
	}
	touch("touchEnd", to, y)
	h.wait("a stretch is offered", `document.querySelector("#flow-canvas .look") && !document.querySelector("#flow-canvas .look").hidden`)
	if !h.sight().Live() {
		t.Error("a finger that let go went to the stretch")
	}
	h.do("say so", chromedp.Click(chromedp.CSS("#flow-canvas .look")))
	h.wait("it is gone to", `location.search.includes("from=")`)
}

// A day on a screen: 2,000 boards must leave neither memory nor elements behind.
func TestTwoThousandBoardsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := looking(t, nil)
	// Charts, numbers and marks change with each board, and now and then all of it.
	boards := make([]*cockpit.Board, 60)
	for i := range boards {
		boards[i] = lookedAt(t, i*10, cockpit.Sight{})
		if first := boards[0]; i%10 != 0 {
			boards[i].Matrix, boards[i].Services, boards[i].Sources, boards[i].Capacity = first.Matrix, first.Services, first.Sources, first.Capacity
		}
	}
	h := hand{t, chromiumFor(t, 6*time.Minute)}
	h.do("sign in", chromedp.EmulateViewport(1440, 900), signIn(s, "fr"))
	h.wait("drawn", `document.querySelectorAll(".canvas canvas").length === 4`)
	x, y := h.at("flow", .5, .5)
	h.mouse("mouseMoved", x, y) // with the cursor shown
	seq, last := 1, 0
	feed := func(n int) {
		t.Helper()
		for i := range n {
			s.Publish(boards[(last+i)%len(boards)])
			if seq++; i%20 == 19 || i == n-1 { // as fast as the page follows
				h.wait("it follows", `Number(document.getElementById("board").dataset.seq) >= `+strconv.Itoa(seq))
			}
		}
		last += n
	}
	heap := func() float64 { return h.number(`(gc(), gc(), performance.memory.usedJSHeapSize)`) }
	nodes := func() float64 { return h.number(`document.querySelectorAll("*").length`) }
	feed(3 * len(boards))
	before, elements := heap(), nodes()
	feed(2000 / len(boards) * len(boards)) // so that the same board is shown
	grown, more := heap()-before, nodes()-elements
	t.Logf("the heap grew by %.0f bytes, the page by %v of %v elements", grown, more, elements)
	if grown > 1<<20 {
		t.Errorf("the heap grew by %.0f bytes", grown)
	}
	if more > 5 || more < -5 {
		t.Errorf("the page has %v elements more than the %v it had", more, elements)
	}
	if n := h.number(`document.querySelectorAll("canvas").length`); n != 4 {
		t.Errorf("there are %v canvases", n)
	}
}

// go test ./web -run PicturesOfLooking -shots DIR
func TestPicturesOfLooking(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	s := looking(t, func(c *Config) { c.Samples = someSamples })
	h := hand{t, chromium(t)}
	h.do("sign in", signIn(s, "fr"))
	cursor := `(() => { const n = document.querySelector("#flow-canvas"); n.scrollIntoView({block: "center"}); n.focus(); for (const k of ["End", "PageUp", "PageUp"]) n.dispatchEvent(new KeyboardEvent("keydown", {key: k, bubbles: true})); for (let i = 0; i < 40; i++) n.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft", shiftKey: true, bubbles: true})); })()`
	menu := `(() => { document.querySelector(".compare").open = true; document.querySelector(".notes").open = true; })()`
	const cell, past = "/?cdn=cloudfront&isp=Free", "&from=2022-12-18T16:26:00Z&to=2022-12-18T16:33:00Z"
	for _, shot := range []struct {
		name, path string
		glass      glass
		full       bool
		before     string
	}{
		{"look-live-laptop", "/?lang=fr", glass{width: 1440, height: 900, theme: "dark"}, true, "0"},
		{"look-cursor-laptop", "/", glass{width: 1440, height: 900, theme: "dark"}, false, cursor},
		{"look-cursor-light", "/", glass{width: 1440, height: 900, theme: "light"}, false, cursor},
		{"look-menus", "/", glass{width: 1440, height: 900, theme: "dark"}, false, menu},
		{"look-cell-laptop", cell, glass{width: 1440, height: 900, theme: "dark"}, true, "0"},
		{"look-cell-light-en", cell + "&lang=en&metric=errors", glass{width: 1440, height: 900, theme: "light"}, true, "0"},
		{"look-past", cell + past + "&lang=fr", glass{width: 1440, height: 900, theme: "dark"}, false, "0"},
		{"look-beside", cell + "&vs_cdn=akamai&vs_isp=Free", glass{width: 1440, height: 900, theme: "dark"}, true, "0"},
		{"look-beside-light", cell + "&vs=all", glass{width: 1440, height: 900, theme: "light"}, false, "0"},
		{"look-desk", "/", glass{width: 1920, height: 1080, theme: "dark"}, false, "0"},
		{"look-phone", cell, glass{width: 390, height: 844, scale: 2, theme: "dark"}, true, "0"},
		{"look-phone-live", "/", glass{width: 390, height: 844, scale: 2, theme: "light"}, false, "0"},
		{"look-phone-beside", cell + "&vs_cdn=akamai&vs_isp=Free", glass{width: 390, height: 844, scale: 2, theme: "light"}, false, "0"},
		{"look-samples", "/samples?cdn=cloudfront&isp=Free&failed=1", glass{width: 1440, height: 900, theme: "dark"}, false, "0"},
		{"look-samples-phone", "/samples?cdn=cloudfront&isp=Free", glass{width: 390, height: 844, scale: 2, theme: "light"}, false, "0"},
	} {
		if !strings.HasPrefix(shot.name, *oneShot) {
			continue
		}
		take := chromedp.CaptureScreenshot()
		if shot.full {
			take = chromedp.FullScreenshot(100)
		}
		h.do(shot.name, shot.glass.emulate(), chromedp.Navigate(s.http.URL+shot.path), chromedp.WaitVisible(chromedp.CSS("#flow-canvas canvas, .raw")), browsertest.Do(shot.before), chromedp.Sleep(500*time.Millisecond))
		png, err := chromedp.Run(h.ctx, take)
		if err != nil {
			t.Fatalf("%s: %v", shot.name, err)
		}
		if err := os.WriteFile(filepath.Join(*shots, shot.name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func someSamples(context.Context, cockpit.Sight, cockpit.SampleFilter) ([]cockpit.Sample, error) {
	var samples []cockpit.Sample
	at := time.Date(2022, 12, 18, 17, 24, 1, 250e6, time.UTC)
	for i := range 100 {
		s := cockpit.Sample{
			At: at.Add(-time.Duration(i) * 37 * time.Millisecond), CDN: "cloudfront", ISP: "Free", PoP: []string{"MRS52", "CDG50"}[i%2], Method: "GET", Channel: "france-2",
			Path: "/live/france-2/1080/seg-48211.m4s", Cache: []string{"hit", "miss"}[i%2], Status: 200, Bytes: 1_834_000, FirstByte: .08 + float64(i%7)*.2, Duration: 1.2, Client: "203.0.113.0/24", Player: "web 4.11",
		}
		switch i % 5 {
		case 0:
			s.Status = 503
		case 3:
			s.Aborted = true
		}
		samples = append(samples, s)
	}
	return samples, nil
}

// A note that one person writes is on another's screen within a second, on the charts and in the list.
func TestNoteReachesEveryScreen(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two browsers")
	}
	book := season(t, time.Date(2022, 12, 18, 15, 0, 0, 0, time.UTC), newMemoryMatches())
	s := looking(t, func(c *Config) { c.Matches = book })
	publish := func() { // as the cockpit does when it hears of one
		b := lookedAt(t, 0, cockpit.Sight{})
		b.Match.ID, b.Notes = "finale", book.Notes("finale")
		s.Publish(b)
	}
	book.OnChange(publish)
	publish()
	open := func(name string) hand {
		h := hand{t, chromium(t)}
		h.do("sign in", chromedp.EmulateViewport(1440, 900), chromedp.Navigate(s.http.URL+"/sign-in?lang=fr"),
			chromedp.SendKeys(chromedp.CSS("#name"), name), chromedp.SendKeys(chromedp.CSS("#password"), password),
			chromedp.Click(chromedp.CSS(".door button")), chromedp.WaitVisible(chromedp.CSS("#flow-canvas canvas")))
		return h
	}
	writer, reader := open("operator"), open("viewer")

	writer.key("m", 0)
	writer.wait("the dialog is open", `document.getElementById("note").open`)
	writer.do("write", chromedp.SendKeys(chromedp.CSS("#note textarea"), "Free : interconnexion saturée, n et 0 sont des lettres"), chromedp.Click(chromedp.CSS("#note [type=submit]")))
	written := time.Now()
	reader.wait("the note is there", `document.getElementById("marks").dataset.marks.includes("interconnexion saturée") && document.querySelector(".notes li span").textContent.includes("interconnexion")`)
	t.Logf("the note was on the other screen after %v", time.Since(written).Round(10*time.Millisecond))
	writer.wait("the dialog is closed", `!document.getElementById("note").open`)
	if at := book.Notes("finale")[0].At; at.Unix() != lookedAt(t, 0, cockpit.Sight{}).At.Unix() {
		t.Errorf("a note of now is at %v", at)
	}

	// At the cursor's moment, and read there.
	writer.do("a moment", browsertest.Do(`document.getElementById("failing-canvas").focus()`))
	writer.key("Home", 0)
	writer.wait("the cursor is there", `!document.querySelector("#failing-canvas .reading").hidden`)
	writer.key("m", 0)
	writer.wait("the moment is offered", `document.getElementById("note").open && !document.querySelector("#note .there").hidden && document.querySelector("#note [value=there]").checked`)
	writer.do("write", chromedp.SendKeys(chromedp.CSS("#note textarea"), "ici"), chromedp.Click(chromedp.CSS("#note [type=submit]")))
	writer.wait("it is closed", `!document.getElementById("note").open`)
	if got, want := book.Notes("finale")[0].At.Unix(), lookedAt(t, 0, cockpit.Sight{}).Failing.Start.Unix()+5; got != want {
		t.Errorf("the note is at %d, want %d", got, want)
	}
	reader.do("the same moment", browsertest.Do(`document.getElementById("failing-canvas").focus()`))
	reader.key("Home", 0)
	reader.wait("the cursor reads it", `document.querySelector("#failing-canvas .reading").textContent.includes("ici — operator")`)

	// Taken back by its author only.
	forms := `[...document.querySelectorAll(".notes form")].filter((f) => !f.hidden).length`
	if own, others := writer.number(forms), reader.number(forms); own != 2 || others != 0 {
		t.Errorf("the author may take back %v notes, a reader %v", own, others)
	}
	if n := reader.number(`document.querySelectorAll("#note, [data-note]").length`); n != 0 {
		t.Errorf("a viewer has %v ways to note", n)
	}
	writer.do("take back", browsertest.Do(`(() => { document.querySelector(".notes").open = true; document.querySelector(".notes form button").click(); })()`))
	reader.wait("it is gone", `document.querySelectorAll(".notes li span").length === 1`)

	// What the server refuses is said, and nothing typed is lost.
	if _, err := s.accounts.Change(t.Context(), "operator", func(u *account.User) error { u.Roles = account.Roles{account.Viewer}; return nil }); err != nil {
		t.Fatal(err)
	}
	writer.key("Escape", 0)
	writer.key("m", 0)
	writer.do("write", chromedp.SendKeys(chromedp.CSS("#note textarea"), "trop tard"), chromedp.Click(chromedp.CSS("#note [type=submit]")))
	writer.wait("the refusal is said", `!document.querySelector("#note .problem").hidden && document.querySelector("#note textarea").value === "trop tard"`)
}
