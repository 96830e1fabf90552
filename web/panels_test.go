package web

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/chromedp"

	"vigie/cockpit"
	"vigie/internal/browsertest"
)

// services are 14, in the order in which a board has them: those that call first, then by rate.
func services() []cockpit.Service {
	nan := math.NaN()
	rows := []cockpit.Service{
		{Name: "droits", Rate: 4_100, Errors: .0712, P95: 1.84, Mean: .42, Saturation: .41, Resource: "cpu", Requests: 246_000, Health: cockpit.HealthCritical},
		{Name: "login", Rate: 3_870, Errors: .0041, P95: .612, Mean: .2, Saturation: .93, Resource: "db connections", Requests: 232_000, Health: cockpit.HealthWarning, Full: true},
		{Name: "manifest", Rate: 412_000, Errors: .0002, P95: .038, Mean: .01, Saturation: .58, Resource: "cpu", Requests: 24.7e6, Health: cockpit.HealthFine},
		{Name: "drm-licences", Rate: 9_240, Errors: .0009, P95: .121, Mean: .05, Saturation: .62, Resource: "memory", Requests: 554_000, Health: cockpit.HealthFine},
		{Name: "ssai", Rate: 7_700, Errors: 0, P95: .084, Mean: .05, Saturation: nan, Requests: 462_000, Health: cockpit.HealthFine},
		{Name: "accueil", Rate: 2_950, Errors: .0011, P95: nan, Mean: nan, Saturation: .33, Resource: "cpu", Requests: 177_000, Health: cockpit.HealthFine},
		{Name: "recommandations", Rate: 1_310, Errors: .0016, P95: .207, Mean: .05, Saturation: .47, Resource: "threads", Requests: 78_600, Health: cockpit.HealthFine},
		{Name: "sous-titres", Rate: 640, Errors: 0, P95: .02, Mean: .01, Saturation: .12, Resource: "cpu", Requests: 38_400, Health: cockpit.HealthFine},
		{Name: "paiement", Rate: .2, Errors: .08, P95: .9, Mean: .5, Saturation: nan, Requests: 12, Health: cockpit.HealthUnknown},
	}
	for _, name := range []string{"recherche", "profil", "push", "scores", "consent"} {
		rows = append(rows, cockpit.Service{Name: name, Rate: .1, Errors: 0, P95: .03, Mean: .02, Saturation: .1, Resource: "cpu", Requests: 6, Health: cockpit.HealthFine})
	}
	return rows
}

func TestMeshInNumbersAndWords(t *testing.T) {
	for language, want := range map[string]struct{ title, offload, received, died, fallback, unit, note string }{
		"fr": {"Maillage P2P", "13 % délestés 443 Gbit/s entre pairs", "reçu 154 Gbit/s, donné 171 Gbit/s, délestage 13 %", "Si le maillage tombait · Gbit/s", "Akamai 1 360 +188 +14 %", "12 s", "d’après Balises"},
		"en": {"P2P mesh", "13% offload 443 Gbit/s from peers", "received 154 Gbit/s, given 171 Gbit/s, offload 13%", "If the mesh died · Gbit/s", "Akamai 1,360 +188 +14%", "12 s", "as Balises tells"},
	} {
		mesh := parse(t, renderBoard(t, final(t, 0), language, cockpit.MetricBits)).Find("#mesh")
		for what, pair := range map[string][2]string{
			"title":    {plain(mesh.Find("h2")), want.title},
			"offload":  {plain(mesh.Find(".offload")), want.offload},
			"network":  {plain(mesh.Find(".networks li").First().Find(".hidden")), want.received},
			"died":     {plain(mesh.Find(".fallback h3")), want.died},
			"fallback": {plain(mesh.Find(".fallback li").Eq(1)), want.fallback},
			"age":      {plain(mesh.Find(".age")), want.unit},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: the mesh's %s is %q, want %q", language, what, pair[0], pair[1])
			}
		}
		if note := plain(mesh.Find(".note")); !strings.Contains(note, want.note) || !strings.Contains(note, " / (") {
			t.Errorf("%s: the definition has no formula, or does not name the tool: %q", language, note)
		}
		if names := plain(mesh.Find(".networks .name")); language == "en" && !strings.HasSuffix(names, "Other") {
			t.Errorf("networks without a name are %q", names)
		}
	}
}

// The bar of what would come begins where today's ends, and the longest fills its place.
func TestFallbackExtendsTodaysBar(t *testing.T) {
	nan := math.NaN()
	b := final(t, 0)
	b.Mesh.Fallback = []cockpit.Fallback{
		{CDN: cockpit.CDN{Name: "a", Colour: 5}, Now: 600e9, More: 200e9},
		{CDN: cockpit.CDN{Name: "b"}, Now: 400e9, More: 0},
		{CDN: cockpit.CDN{Name: "c"}, Now: nan, More: 80e9},
		{CDN: cockpit.CDN{Name: "d"}, Now: 0, More: 8e9},
		{CDN: cockpit.CDN{Name: "e"}, Now: 100e9, More: nan},
		{CDN: cockpit.CDN{Name: "f"}, Now: 100e9, More: .3e9},
	}
	for _, networks := range [][]cockpit.MeshNetwork{nil, {{ISP: "x", Down: nan, Up: math.Inf(1), Offload: nan}}, {{ISP: "x"}}} {
		b.Mesh.Networks = networks
		page := parse(t, renderBoard(t, b, "en", cockpit.MetricBits))
		for i, want := range []struct{ now, from, more, text string }{
			{"75.0", "75.0", "25.0", "a 600 +200 +33%"},
			{"50.0", "50.0", "0.0", "b 400 +0.0 +0%"},
			{"0.0", "0.0", "10.0", "c — +80 "},
			{"0.0", "0.0", "1.0", "d 0.0 +8.0 "},
			{"12.5", "12.5", "0.0", "e 100 — "},
			{"12.5", "12.5", "0.0", "f 100 +0.3 +< 1%"},
		} {
			row := page.Find("#mesh .fallback li").Eq(i)
			bars := row.Find("rect")
			if now, from, more := bars.First().AttrOr("width", ""), bars.Last().AttrOr("x", ""), bars.Last().AttrOr("width", ""); now != want.now || from != want.from || more != want.more {
				t.Errorf("%s: bars of %s, from %s %s, want %s, from %s %s", want.text, now, from, more, want.now, want.from, want.more)
			}
			if got := plain(row); got != strings.TrimSpace(want.text) {
				t.Errorf("a fallback says %q, want %q", got, want.text)
			}
		}
		if !page.Find("#mesh .fallback li rect").First().HasClass("cdn-5") {
			t.Error("a CDN has not its own colour")
		}
		page.Find("#mesh rect").Each(func(_ int, r *goquery.Selection) {
			if width := r.AttrOr("width", ""); strings.Trim(width, "0123456789.") != "" {
				t.Errorf("a bar is %q wide", width)
			}
		})
	}
}

func TestServicesInNumbersAndWords(t *testing.T) {
	for language, want := range map[string]struct {
		heads, more string
		rows        []string
	}{
		"fr": {"débit err. % p95 saturation", "8 autres : 7 normaux 1 non jugé", []string{
			"droits critique 4,10 k/s 7,12 1,84 s cpu 41 %", "login à surveiller 3,87 k/s 0,41 612 ms db connections 93 %", "manifest normal 412 k/s 0,02 38 ms cpu 58 %",
			"drm-licences normal 9,24 k/s 0,09 121 ms memory 62 %", "ssai normal 7,70 k/s 0,00 84 ms —", "accueil normal 2,95 k/s 0,11 — cpu 33 %",
		}},
		"en": {"rate err. % p95 saturation", "8 more: 7 normal 1 not judged", []string{
			"droits critical 4.10 k/s 7.12 1.84 s cpu 41%", "login degraded 3.87 k/s 0.41 612 ms db connections 93%", "manifest normal 412 k/s 0.02 38 ms cpu 58%",
			"drm-licences normal 9.24 k/s 0.09 121 ms memory 62%", "ssai normal 7.70 k/s 0.00 84 ms —", "accueil normal 2.95 k/s 0.11 — cpu 33%",
		}},
	} {
		panel := parse(t, renderBoard(t, final(t, 0), language, cockpit.MetricBits)).Find("#services")
		if got := plain(panel.Find("thead")); got != want.heads {
			t.Errorf("%s: heads are %q, want %q", language, got, want.heads)
		}
		if got := plain(panel.Find(".short")); got != want.more {
			t.Errorf("%s: the others are %q, want %q", language, got, want.more)
		}
		rows := panel.Find("tbody tr")
		if rows.Length() != len(want.rows) {
			t.Fatalf("%s: %d rows, want %d", language, rows.Length(), len(want.rows))
		}
		for i, text := range want.rows {
			if got := plain(rows.Eq(i)); got != text {
				t.Errorf("%s: row %d says %q, want %q", language, i, got, text)
			}
		}
		if plain(panel.Find(".age")) != "31 s" || panel.Find(".note").Length() != 1 {
			t.Errorf("%s: no age, or no definition", language)
		}
	}
}

func TestServiceCallsByItsReason(t *testing.T) {
	l := localeFor(t, "en")
	nan := math.NaN()
	for name, tt := range map[string]struct {
		service                         cockpit.Service
		class, word, errors, saturation string
	}{
		"errors":                       {cockpit.Service{Errors: .07, Requests: 900, Saturation: .4, Health: cockpit.HealthCritical}, "critical", "critical", "critical", "fine"},
		"errors, no saturation":        {cockpit.Service{Errors: .02, Requests: 900, Saturation: nan, Health: cockpit.HealthWarning}, "warning", "degraded", "warning", ""},
		"saturation":                   {cockpit.Service{Errors: 0, Requests: 900, Saturation: .8, Health: cockpit.HealthWarning}, "warning", "degraded", "", "warning"},
		"full":                         {cockpit.Service{Errors: 0, Requests: 900, Saturation: .95, Health: cockpit.HealthCritical}, "critical", "critical", "", "critical"},
		"errors worse than saturation": {cockpit.Service{Errors: .07, Requests: 900, Saturation: .85, Health: cockpit.HealthCritical}, "critical", "critical", "critical", "warning"},
		"more than full":               {cockpit.Service{Errors: nan, Saturation: 1.7, Health: cockpit.HealthCritical}, "critical", "critical", "", "critical"},
		"nothing wrong":                {cockpit.Service{Errors: .001, Requests: 900, Saturation: .5, Health: cockpit.HealthFine}, "fine", "normal", "", "fine"},
		"too few":                      {cockpit.Service{Errors: .5, Requests: 4, Saturation: nan}, "unknown", "not judged", "", ""},
		"nothing known":                {cockpit.Service{Errors: nan, Saturation: nan}, "unknown", "no data", "", ""},
	} {
		v := newServiceView(l, &tt.service)
		if v.Health.Class != tt.class || v.Health.Word != tt.word || v.Alarm != tt.errors || v.Level != tt.saturation {
			t.Errorf("%s: %s %q, errors %q, saturation %q; want %s %q, %q, %q", name, v.Health.Class, v.Health.Word, v.Alarm, v.Level, tt.class, tt.word, tt.errors, tt.saturation)
		}
		if v.Bar != "" && v.Bar > "99" && tt.service.Saturation < .99 || tt.service.Saturation > 1 && v.Bar != "100.0" {
			t.Errorf("%s: the bar is %s%% long", name, v.Bar)
		}
	}
}

func TestServicesBeyondTheLastLine(t *testing.T) {
	row := cockpit.Service{Name: "x", Saturation: math.NaN(), Requests: 100, Health: cockpit.HealthFine}
	for n, want := range map[int]struct {
		rows    int
		en, fr  string
		trouble bool
	}{
		1: {rows: 1}, 7: {rows: 7}, 8: {rows: 6, en: "2 more: all normal", fr: "2 autres : tous normaux"}, 400: {rows: 6, en: "394 more: all normal", fr: "394 autres : tous normaux"},
		9: {rows: 6, en: "3 more: 1 critical 2 normal", fr: "3 autres : 1 critique 2 normaux", trouble: true},
	} {
		b := final(t, 0)
		b.Services.Rows = slices.Repeat([]cockpit.Service{row}, n)
		if want.trouble {
			b.Services.Rows[n-1].Health = cockpit.HealthCritical
		}
		for language, text := range map[string]string{"en": want.en, "fr": want.fr} {
			panel := parse(t, renderBoard(t, b, language, cockpit.MetricBits)).Find("#services")
			if rows, more := panel.Find("tbody tr").Length(), plain(panel.Find(".short")); rows != want.rows || more != text {
				t.Errorf("of %d services are shown %d and %q, want %d and %q", n, rows, more, want.rows, text)
			}
		}
	}
}

func TestPanelsWithNothingToSay(t *testing.T) {
	b := final(t, 0)
	b.Mesh = cockpit.Mesh{Panel: b.Mesh.Panel, Bits: math.NaN(), Offload: math.NaN()}
	b.Services = cockpit.Services{Panel: b.Services.Panel}
	for language, want := range map[string]string{"fr": "Maillage P2P aucun outil ne signale de maillage", "en": "P2P mesh no tool tells of a mesh"} {
		page := parse(t, renderBoard(t, b, language, cockpit.MetricBits))
		if got := plain(page.Find("#mesh.none")); got != want {
			t.Errorf("%s: without a mesh its panel says %q, want %q", language, got, want)
		}
		if page.Find("#services[hidden]").Length() != 1 {
			t.Errorf("%s: without services there is a panel for them", language)
		}
	}
	// What went wrong is said nevertheless, and what was known stays.
	b.Mesh.Error, b.Services.Error = "code: 159", "code: 159"
	page := parse(t, renderBoard(t, b, "en", cockpit.MetricBits))
	for _, id := range []string{"#mesh", "#services:not([hidden])"} {
		if got := plain(page.Find(id + " .failed")); got != "The last query failed: code: 159" {
			t.Errorf("%s says %q of a failed query", id, got)
		}
	}
	b = final(t, 0)
	b.Mesh.Error, b.Services.Error = "code: 159", "code: 159"
	page = parse(t, renderBoard(t, b, "en", cockpit.MetricBits))
	if page.Find("#mesh .fallback li").Length() != 3 || page.Find("#services tbody tr").Length() != 6 || page.Find("#mesh .failed, #services .failed").Length() != 2 {
		t.Error("a failed query took away what was known, or is not said")
	}
}

func TestTheToolsOwnDefinitions(t *testing.T) {
	b := final(t, 0)
	b.Tools.Rows = nil
	for _, format := range []string{"beacon", "cmcd", "mux", "bitmovin", "npaw", "mapping", "", "akamai_ds2"} {
		b.Tools.Rows = append(b.Tools.Rows, cockpit.Tool{Name: "tool " + format, Format: format})
	}
	for language, want := range map[string][]string{
		"en": {
			"tool beacon Startup: asked to play to first frame (CTA-2066). Rebuffering: stalls after the start, seeking apart. Failure: playbackFail; before a picture it is a failed start.",
			"Failure: state fatal error.", "pre-roll included", "every error that is not marked INFO", "pre-roll taken off",
			"tool mapping As its sender defines them", "tool No source of this name is configured", "tool akamai_ds2 No source of this name is configured",
		},
		"fr": {
			"tool beacon Démarrage : de la demande de lecture à la première image (CTA-2066). Rebuffering : blocages après le démarrage, recherches exclues. Échec : playbackFail ; avant toute image, c’est un démarrage en échec.",
			"Échec : état erreur fatale.", "publicité initiale comprise", "toute erreur qui n’est pas marquée INFO", "publicité initiale déduite",
			"tool mapping Tels que l’émetteur les définit", "tool Aucune source de ce nom n’est configurée", "tool akamai_ds2 Aucune source de ce nom n’est configurée",
		},
	} {
		note := parse(t, renderBoard(t, b, language, cockpit.MetricBits)).Find("#tools .note dl")
		if note.Length() != len(want) {
			t.Fatalf("%s: %d tools have a definition, want %d", language, note.Length(), len(want))
		}
		for i, text := range want {
			if got := plain(note.Eq(i)); !strings.Contains(got, text) {
				t.Errorf("%s: %q does not say %q", language, got, text)
			}
		}
	}
	for _, language := range []string{"fr", "en"} {
		l := localeFor(t, language)
		for _, format := range definedFormats {
			for _, term := range []string{"startup", "rebuffering", "failure"} {
				if key := "definition." + term + "." + format; l.T(key) == key {
					t.Errorf("%s has no %q", language, key)
				}
			}
		}
		for _, class := range []string{"critical", "warning", "fine", "unknown"} {
			if key := "services.count." + class; l.plural(key, 2) == key+".many" || l.plural(key, 1) == key+".one" {
				t.Errorf("%s has no %q", language, key)
			}
		}
	}
}

// Whoever sends metrics chooses the names of services and of their resources.
func TestNamesOfServicesAreForeign(t *testing.T) {
	b := final(t, 0)
	b.Services.Rows[0].Name, b.Services.Rows[0].Resource = hostile, hostile
	b.Services.Rows[1].Name, b.Services.Rows[1].Resource = strings.Repeat("é", 5000), strings.Repeat("x", 5000)
	b.Services.Rows[2].Name, b.Services.Rows[2].Resource = "\xff\xfe", ""
	b.Mesh.Tool, b.Tools.Rows[0].Name, b.Mesh.Networks[0].ISP, b.Mesh.Fallback[0].CDN.Name = hostile, hostile, hostile, hostile
	html := renderBoard(t, b, "fr", cockpit.MetricBits)
	page := parse(t, html)
	if n := page.Find("#services img, #mesh img, #tools img, [onerror]").Length(); n != 0 {
		t.Errorf("%d elements came out of names", n)
	}
	rows := page.Find("#services tbody tr")
	for i := range 3 {
		name, what := rows.Eq(i).Find(".name").Text(), rows.Eq(i).Find(".what").Text()
		if utf8.RuneCountInString(name) > longestName+1 || utf8.RuneCountInString(what) > longestResource+1 {
			t.Errorf("names of %d and %d characters are not cut", utf8.RuneCountInString(name), utf8.RuneCountInString(what))
		}
		if strings.ContainsAny(name+what, "\u202e\x00\n\t") || !utf8.ValidString(name+what) {
			t.Errorf("%q and %q may move other text about", name, what)
		}
	}
	if !strings.HasPrefix(rows.First().Find(".name").Text(), `<img src=x onerror=alert(1)>"'&`) {
		t.Errorf("a name is %q, not as it was sent", rows.First().Find(".name").Text())
	}
	if note := page.Find("#mesh .note").Text(); strings.Contains(note, "\u202e") {
		t.Errorf("the tool is named as %q", note)
	}
}

// heavy is the final with the most that the panels may have to hold.
func heavy(t *testing.T) *cockpit.Board {
	t.Helper()
	b := many(t, 0)
	for i := range b.Services.Rows {
		s := &b.Services.Rows[i]
		s.Name, s.Resource = strings.Repeat("nom-de-service-", 9), "database connections of the pool"
		s.Rate, s.Errors, s.P95, s.Saturation, s.Requests, s.Health = 812_345, .9999, 119.8, .94, 1e6, cockpit.HealthWarning
	}
	for i := range b.Sources.Rows {
		b.Sources.Rows[i].ID = strings.Repeat("nom-de-source-", 9) + strconv.Itoa(i)
	}
	for i := range 8 {
		n := cockpit.MeshNetwork{ISP: "Réseau au nom bien long " + strconv.Itoa(i), Down: float64(9-i) * 1e11, Up: float64(i+1) * 1e11, Offload: .5}
		if i < len(b.Mesh.Networks) {
			b.Mesh.Networks[i] = n
		} else {
			b.Mesh.Networks = append(b.Mesh.Networks, n)
		}
	}
	b.Mesh.Fallback = nil
	for i := range 5 {
		b.Mesh.Fallback = append(b.Mesh.Fallback, cockpit.Fallback{CDN: cockpit.CDN{Name: "Un CDN au nom long", Colour: i}, Now: 9.98e12, More: 9.98e12 / float64(i+1)})
	}
	b.Tools.Rows = slices.Repeat(b.Tools.Rows, 2)[:5]
	return b
}

// On every desk and telephone all panels are whole: nothing scrolls sideways but tables in their
// panels, nothing sticks out, and no text of theirs is smaller than the smallest was.
func TestPanelsFitTheirScreens(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSite(t, nil)
	s.Publish(heavy(t))
	ctx := chromium(t)
	trouble := browsertest.Trouble(ctx)
	if err := chromedp.Do(ctx, signIn(s, "fr")); err != nil {
		t.Fatal(err)
	}
	boards := map[string]*cockpit.Board{"final": many(t, 0), "heavy": heavy(t), "bare": many(t, 0)}
	boards["bare"].Mesh, boards["bare"].Services = cockpit.Mesh{}, cockpit.Services{}
	for name, board := range boards {
		s.Publish(board)
		for _, screen := range []glass{{width: 1920, height: 1080}, {width: 3840, height: 2160}, {width: 1440, height: 900}, {width: 1024, height: 768}, {width: 390, height: 844}} {
			for _, language := range []string{"fr", "en"} {
				err := chromedp.Do(ctx, chromedp.EmulateViewport(screen.width, screen.height), chromedp.Navigate(s.http.URL+"/?lang="+language), chromedp.WaitVisible(chromedp.CSS("#failing-canvas canvas")))
				if err != nil {
					t.Fatal(err)
				}
				wrong, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](misfits))
				if err != nil {
					t.Fatal(err)
				}
				for _, what := range wrong {
					t.Errorf("%s, %s, %d×%d: %s", name, language, screen.width, screen.height, what)
				}
			}
		}
	}
	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

const misfits = `(() => {
	const wrong = [], rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
	const root = document.documentElement;
	if (root.scrollWidth > innerWidth) wrong.push("scrolls sideways by " + (root.scrollWidth - innerWidth) + " for " + [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.tagName + "#" + e.id + "." + e.getAttribute("class")).slice(0, 9));
	for (const id of ["tools", "sources", "mesh", "services", "capacity", "attention", "changes", "duty"]) {
		const panel = document.getElementById(id);
		if (panel.hidden) continue;
		const box = panel.getBoundingClientRect();
		for (const e of panel.querySelectorAll(".word:not(.hidden)")) {
			const text = document.createRange();
			text.selectNodeContents(e);
			if (text.getBoundingClientRect().right > (e.closest("th") ?? panel).getBoundingClientRect().right + 1) wrong.push(id + ": a word is cut: " + e.textContent);
		}
		for (const e of panel.querySelectorAll("*")) {
			const r = e.getBoundingClientRect();
			if (!r.width || e.closest(".hidden, .note, svg")) continue;
			let cut = e; // what a parent cuts does not stick out
			while (cut !== panel && getComputedStyle(cut).overflowX === "visible") cut = cut.parentElement;
			if (cut === panel && (r.right > box.right + 1 || r.bottom > box.bottom + 1 || r.left < box.left)) wrong.push(id + ": " + e.tagName + "." + e.className + " sticks out: " + e.textContent.trim().slice(0, 30));
			if (e.childNodes.length && e.textContent.trim() && parseFloat(getComputedStyle(e).fontSize) < 0.715 * rem) wrong.push(id + ": small " + e.className);
		}
	}
	return wrong;
})()`

func localeFor(t *testing.T, language string) *locale {
	t.Helper()
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	return all.byCode(language)
}
