package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/chromedp"

	"vigie/cockpit"
	"vigie/internal/browsertest"
)

func noBreak(s string) string { return strings.NewReplacer(nbsp, " ", nnbsp, " ").Replace(s) }

// A cell, a network and a CDN lead to the board narrowed to them, with all else that the address says.
func TestMatrixNarrowsTheBoard(t *testing.T) {
	b := final(t, 0)
	b.Sight.Scope.Channel = "tf1"
	page := parse(t, renderBoard(t, b, "fr", cockpit.MetricFirstByte))
	for selector, want := range map[string]string{
		"#row-1 td:nth-of-type(3) a.cell":   "/?cdn=cloudfront&channel=tf1&isp=Free&metric=firstbyte",
		"#row-1 td:nth-of-type(4) a.cell":   "/?channel=tf1&isp=Free&metric=firstbyte", // the mesh: its network alone
		"#row-1 th a":                       "/?channel=tf1&isp=Free&metric=firstbyte",
		"#row-5 td:nth-of-type(1) a.cell":   "/?cdn=maison&channel=tf1&metric=firstbyte", // many networks together
		"#row-5 th a":                       "",
		"#matrix thead th:nth-of-type(3) a": "/?cdn=akamai&channel=tf1&metric=firstbyte",
		"#matrix thead th:nth-of-type(5) a": "",
		"#matrix .switch a:nth-child(1)":    "/?channel=tf1",
	} {
		if got := page.Find(selector).AttrOr("href", ""); got != want {
			t.Errorf("%s leads to %q, want %q", selector, got, want)
		}
	}
}

func TestAlarmedCellNamesWhatCalls(t *testing.T) {
	page := parse(t, renderBoard(t, final(t, 0), "fr", cockpit.MetricBits))
	for selector, want := range map[string]string{
		"#row-1 td:nth-of-type(3) .cell": "190 820 ms 1er octet critique : Premier octet",
		"#row-2 td:nth-of-type(2) .cell": "226 0,44 % erreurs à surveiller : Erreurs",
		"#row-7 td:nth-of-type(1) .cell": "< 0,1 0,10 % trop peu de requêtes pour juger",
	} {
		if got := plain(page.Find(selector)); got != want {
			t.Errorf("%s says %q, want %q", selector, got, want)
		}
	}
	// Where the metric shown is the one that calls, the trend of it stays.
	page = parse(t, renderBoard(t, final(t, 0), "fr", cockpit.MetricFirstByte))
	if cell := page.Find("#row-1 td:nth-of-type(3) .cell"); cell.Find(".why").Length() != 0 || cell.Find(".spark").Length() != 1 || cell.Find("b.alarm .sign.critical").Length() != 1 {
		t.Errorf("a cell that calls by what it shows is %q", plain(cell))
	}
	if cell := page.Find("#row-7 td.few"); cell.Find(".sign.unknown").Length() != 1 {
		t.Error("a cell of few lines has no sign")
	}
}

// A wall has nothing to touch, nothing that opens, and nowhere to go.
func TestWallHasNoControls(t *testing.T) {
	for language, l := range map[string]string{"fr": "mur", "en": "wall"} {
		html := renderView(t, final(t, 0), viewKey{page: pageWall, language: language, metric: cockpit.MetricBits})
		page := parse(t, html)
		if n := page.Find("a, button, input, select, details, form, [tabindex]").Length(); n != 0 {
			h, _ := goquery.OuterHtml(page.Find("a, button, input, select, details, form, [tabindex]").First())
			t.Errorf("%s: %d things to touch, the first: %s", language, n, h)
		}
		if localeFor(t, language).T("wall.name") != l {
			t.Errorf("%s: a wall is called %q", language, localeFor(t, language).T("wall.name"))
		}
	}
}

func TestServicesOnAWallAreNames(t *testing.T) {
	wall := func(b *cockpit.Board) *goquery.Selection {
		return parse(t, renderView(t, b, viewKey{page: pageWall, language: "fr", metric: cockpit.MetricBits})).Find("#services")
	}
	b := final(t, 0)
	chips := wall(b).Find(".chips li")
	var said []string
	chips.Each(func(_ int, c *goquery.Selection) { said = append(said, plain(c)) })
	if want := []string{"droits 7,12 % critique", "login 93 % à surveiller", "manifest normal"}; !slices.Equal(said[:3], want) {
		t.Errorf("chips say %q, want %q", said[:3], want)
	}
	if chips.Find(".sign").Length() != 2 || plain(wall(b).Find(".short")) != "5 autres : tous normaux" {
		t.Errorf("%d chips have a sign; the others are %q", chips.Find(".sign").Length(), plain(wall(b).Find(".short")))
	}
	// One that calls has a line of its own, so that fewer have room.
	for i := range b.Services.Rows {
		b.Services.Rows[i].Health = cockpit.HealthCritical
	}
	if n := wall(b).Find(".chips li").Length(); n != 5 {
		t.Errorf("%d that call are shown, want 5 and a count", n)
	}
}

// heavyWall is more than a wall should ever have to show.
func heavyWall(t *testing.T) *cockpit.Board {
	t.Helper()
	b := heavy(t)
	b.Match.Name, b.Match.Competition = "Trinité-et-Tobago – Saint-Vincent-et-les-Grenadines", "Coupe du monde de football, phase finale, groupe H"
	b.Earlier.Name = "Coupe du monde 2018, demi-finale, France – Belgique"
	b.Duty[0].Role = "Acheminement et interconnexion"
	b.Duty = append(b.Duty, b.Duty...)
	for i := range b.Concerns {
		b.Concerns[i].Name, b.Concerns[i].Viewers = b.Concerns[i].Name+strings.Repeat(" et la suite", 6), 12_345_678
	}
	for i := range b.Matrix.Rows {
		if b.Matrix.Rows[i].ISP != "" {
			b.Matrix.Rows[i].ISP = "Société réunionnaise du radiotéléphone " + strconv.Itoa(i)
		}
	}
	b.Viewers.Without, b.Traffic.Without = []string{"Balises maison", "Mux", "NPAW"}, []string{"Un CDN au nom long", "Un autre"}
	b.Worst.ISP, b.Worst.CDN = "Société réunionnaise du radiotéléphone", "CloudFront"
	return b
}

// The wall is one picture: nothing scrolls, nothing is cut off, all of it can be read from 4 m.
func TestWallIsOnePicture(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	var known *alertsNow
	s := newSite(t, nil)
	s.known = func() *alertsNow { return known }
	s.Publish(final(t, 0))
	ctx := chromiumFor(t, 10*time.Minute)
	trouble := browsertest.Trouble(ctx)
	if err := chromedp.Do(ctx, signIn(s, "fr")); err != nil {
		t.Fatal(err)
	}
	empty := &cockpit.Board{At: final(t, 0).At}
	for name, shown := range map[string]struct {
		board *cockpit.Board
		known *alertsNow
	}{
		"final": {final(t, 0), nil}, "heavy": {heavyWall(t), nil}, "empty": {empty, nil}, "failed": {failing(t), nil}, "partial": {partial(t), nil},
		"no alert": {final(t, 0), firing(final(t, 0), 0)}, "no alert and quiet": {quiet(t), firing(quiet(t), 0)}, "one alert": {final(t, 0), firing(final(t, 0), 1)},
		"two alerts": {failing(t), firing(failing(t), 2)}, "many alerts": {final(t, 0), busy(final(t, 0))}, "many alerts and nothing else": {quiet(t), longest(quiet(t))},
		"many long alerts": {heavyWall(t), longest(heavyWall(t))}, "alerts in trouble": {final(t, 0), broken(final(t, 0))}, "alerts of an empty board": {empty, broken(empty)},
	} {
		board := shown.board
		known = shown.known
		s.Publish(board)
		for _, size := range []glass{{width: 1920, height: 1080}, {width: 3840, height: 2160}, {width: 2560, height: 1440}, {width: 1366, height: 768}, {width: 1920, height: 1200}} {
			for _, language := range []string{"fr", "en"} {
				err := chromedp.Do(ctx, size.emulate(), chromedp.Navigate(s.http.URL+"/wall?lang="+language), chromedp.WaitVisible(chromedp.CSS("#capacity")), browsertest.Do(`document.fonts.ready`))
				if err != nil {
					t.Fatal(err)
				}
				wrong, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](cutOnWall))
				if err != nil {
					t.Fatal(err)
				}
				for _, what := range wrong {
					t.Errorf("%s, %s, %d×%d: %s", name, language, size.width, size.height, what)
				}
			}
		}
	}
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// What people name may be cut with an ellipsis; numbers, words of state, rows and panels may not.
const cutOnWall = `(() => {
	const wrong = [], rem = parseFloat(getComputedStyle(document.documentElement).fontSize), root = document.documentElement;
	const say = (e) => (e.id ? "#" + e.id : e.tagName + "." + e.getAttribute("class")) + " " + e.textContent.trim().slice(0, 40);
	if (root.scrollHeight > innerHeight || document.body.scrollHeight > innerHeight) wrong.push("scrolls by " + (Math.max(root.scrollHeight, document.body.scrollHeight) - innerHeight));
	if (root.scrollWidth > innerWidth) wrong.push("scrolls sideways by " + (root.scrollWidth - innerWidth));
	const shown = (e) => { const r = e.getBoundingClientRect(); return r.width > 1 && r.height > 1 && getComputedStyle(e).visibility === "visible" && !e.closest(".hidden, .word.hidden, .table-view"); };
	for (const e of document.querySelectorAll(".incident .hit, .incident .who.nobody, .incident p.lasts, #alarm p, #alerts .trouble, #alerts .nothing, .tile .big, .tile .big b, .say, .minute, .top, .live, .cell b, .cell .second, .cell .why, td.total, .share, .takers b, .chips b, .count, .head h2, .key li:not(:has(.earlier)), .foot p, .list tbody td, .list .word, .capacity .words, .capacity .if, .age")) {
		if (shown(e) && (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline")) wrong.push("cut: " + say(e) + " " + e.scrollWidth + ">" + e.clientWidth);
	}
	for (const panel of document.querySelectorAll(".panel")) {
		if (!shown(panel)) continue;
		const box = panel.getBoundingClientRect();
		if (box.bottom > innerHeight + 1 || box.right > innerWidth + 1) wrong.push("off the screen: " + say(panel));
		for (const e of panel.querySelectorAll("h2, h3, p, b, td, th, li, span, small")) {
			if (!shown(e)) continue;
			const r = e.getBoundingClientRect();
			if (r.bottom > box.bottom + 1) wrong.push("sticks out below " + panel.id + ": " + say(e));
			let cut = e;
			while (cut !== panel && getComputedStyle(cut).overflowX === "visible") cut = cut.parentElement;
			if (cut === panel && r.right > box.right + 1) wrong.push("sticks out of " + panel.id + ": " + say(e));
		}
	}
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || !shown(e) || e.closest("noscript, script, svg")) continue;
		const size = parseFloat(getComputedStyle(e).fontSize);
		if (size < 0.0159 * Math.min(innerHeight, innerWidth * 9 / 16)) wrong.push("small: " + say(e) + " " + size + "px");
	}
	for (const panel of document.querySelectorAll("#board > .panel:not([hidden]), .tile")) {
		const r = panel.getBoundingClientRect(), there = document.elementFromPoint((r.left + r.right) / 2, (r.top + r.bottom) / 2);
		if (!panel.contains(there)) wrong.push(panel.id + " is covered by " + (there?.closest(".panel")?.id));
	}
	const rows = [...document.querySelectorAll("#matrix tbody tr")], end = document.getElementById("matrix").getBoundingClientRect().bottom;
	if (rows.some((r) => r.getBoundingClientRect().bottom > end)) wrong.push("the matrix' last row is cut");
	if (document.querySelector("#flow-canvas").offsetHeight < 9 * rem) wrong.push("the traffic is " + (document.querySelector("#flow-canvas").offsetHeight / rem).toFixed(1) + "rem high");
	for (const id of ["classes", "pressure"]) {
		const canvas = document.getElementById(id + "-canvas");
		if (canvas.offsetHeight < 3.9 * rem) wrong.push(id + " is " + (canvas.offsetHeight / rem).toFixed(1) + "rem high");
	}
	return [...new Set(wrong)].slice(0, 12);
})()`

// A telephone opens on the worst thing; a thumb hits what it aims at, and nothing scrolls sideways but
// the matrix in its panel.
func TestPhoneOpensOnTheWorst(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	ctx := chromium(t)
	if err := chromedp.Do(ctx, signIn(s, "fr")); err != nil {
		t.Fatal(err)
	}
	for name, board := range map[string]*cockpit.Board{"final": final(t, 0), "heavy": heavyWall(t), "empty": {At: final(t, 0).At}, "failed": failing(t)} {
		s.Publish(board)
		for _, width := range []int64{390, 360} {
			phone := glass{width: width, height: 844, scale: 2}
			if err := chromedp.Do(ctx, phone.emulate(), chromedp.Navigate(s.http.URL+"/?lang=fr"), chromedp.WaitVisible(chromedp.CSS("#worst"))); err != nil {
				t.Fatal(err)
			}
			wrong, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](fmt.Sprintf(wrongOnPhone, name == "final")))
			if err != nil {
				t.Fatal(err)
			}
			for _, what := range wrong {
				t.Errorf("%s, %d wide: %s", name, width, what)
			}
		}
	}
}

const wrongOnPhone = `((usual) => {
	const wrong = [], top = (s) => document.querySelector(s).getBoundingClientRect().top;
	const root = document.documentElement;
	if (root.scrollWidth > innerWidth) wrong.push("scrolls sideways by " + (root.scrollWidth - innerWidth) + " for " + [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll")).map((e) => e.tagName + "#" + e.id + "." + e.getAttribute("class")).slice(0, 6));
	const order = ["#worst", "#tile-viewers", "#changes", "#duty", "#attention", "#tile-startup", "section.flow", "#matrix"];
	for (let i = 1; i < order.length; i++) if (top(order[i]) <= top(order[i - 1])) wrong.push(order[i] + " comes before " + order[i - 1]);
	if (top("#tile-errors") !== top("#tile-viewers")) wrong.push("the three numbers are not on one line");
	if (top("#worst") > 90) wrong.push("the worst is " + top("#worst") + " pixels down");
	if (usual) {
		if (top("#changes li") > innerHeight - 60) wrong.push("what changed is below the fold");
		for (const e of document.querySelectorAll("#worst .actions a, #duty a, .tabs a, .switch a")) if (e.getBoundingClientRect().height < 44) wrong.push(e.textContent + " is " + e.getBoundingClientRect().height + " pixels high");
		const scroll = document.querySelector("#matrix .scroll"), head = document.querySelector("#row-1 th");
		scroll.scrollLeft = 200;
		if (scroll.scrollLeft !== 200 || Math.abs(head.getBoundingClientRect().left - scroll.getBoundingClientRect().left) > 1) wrong.push("the matrix' first column does not stay");
	}
	// At the end are the other pages, over nothing else.
	scrollTo(0, 1e6);
	const others = document.getElementById("pages").getBoundingClientRect(), bar = document.querySelector(".tabs").getBoundingClientRect();
	for (const e of document.querySelectorAll("#mesh, #breakdown, .focus")) if (e.getBoundingClientRect().bottom > others.top + 1) wrong.push("the pages cover " + e.className + e.id + " by " + (e.getBoundingClientRect().bottom - others.top));
	if (others.bottom > bar.top + 1) wrong.push("the bar covers the pages by " + (others.bottom - bar.top));
	for (const e of document.querySelectorAll(".tile .big, .say")) if (e.scrollWidth > e.clientWidth + 1) wrong.push("cut: " + e.textContent.trim());
	return wrong;
})(%v)`
