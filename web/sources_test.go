package web

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/cockpit"
)

// What a stranger may have put into a log line, and hopes that we show.
const hostile = `<img src=x onerror=alert(1)>"'&` + "\u202egpj.exe\u0000\n\tZ\u0300\u0301\u0302"

const nginxSettings = `log_format vigie escape=json
  '{"t":"$msec","h":"$host","u":"$uri","s":$status,"b":$bytes_sent,"d":"$request_time","f":"$upstream_header_time","c":"$upstream_cache_status","a":"$remote_addr","ua":"$http_user_agent"}';
access_log syslog:server=vigie.example.com:5514,tag=maison_nginx,nohostname vigie;
`

// sources are 14: the first six are as the board has them, the others have each something.
func sources(now time.Time) []cockpit.Source {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	settings := func(title, language, text string) []cockpit.SettingInfo {
		return []cockpit.SettingInfo{
			{Title: title, Where: "At the sender, with its token in place of TOKEN", Language: language, Text: text},
			{Title: "curl", Where: "To try the door by hand", Language: "sh", Text: "curl -sS -H 'Authorization: Bearer TOKEN' --data-binary @sample https://vigie.example.com/ingest/source\n"},
		}
	}
	source := func(id, cdn, format string, rate, bytes float64, lag, half, most time.Duration) cockpit.Source {
		return cockpit.Source{
			SourceInfo: cockpit.SourceInfo{ID: id, CDN: cdn, Format: format, Weight: 1, TokenSince: ago(41 * 24 * time.Hour), Settings: settings(format, "json", `{"endpoint":"https://vigie.example.com/ingest/`+id+`"}`)},
			Rate:       rate, Bytes: bytes, Seen: ago(lag / 4), Lag: lag, Watermark: ago(lag), LateP50: half, LateP95: most,
			Door: cockpit.DoorState{Stored: 100_000, Last: ago(lag / 4)}, Health: cockpit.HealthFine,
		}
	}
	const s = time.Second
	rows := []cockpit.Source{
		source("akamai-ds2", "akamai", "akamai_ds2", 61_200, 31e6, 31*s, 24*s, 35*s),
		source("cloudfront", "cloudfront", "cloudfront", 48_100, 22.4e6, 4*s, 2*s, 5*s),
		source("maison-nginx", "maison", "nginx", 52_300, 18.1e6, s, 500*time.Millisecond, s),
		source("balises", "", "beacon", 231_000, 64e6, 2*s, s, 2*s),
		source("mux-export", "", "mux", 1_100, 0.9e6, 19*s, 15*s, 25*s),
		source("npaw-export", "", "npaw", 0, 0, 0, 30*s, 50*s),
		source("fastly", "cloudfront", "fastly", 22_700, 9.7e6, 5*s, 2*s, 5*s),
		source("cloudflare-logpush", "akamai", "cloudflare", 9_400, 4.2e6, 48*s, 5*s, 12*s),
		source("maison-nginx-secours", "maison", "nginx", 8_800, 3e6, 14*s, 500*time.Millisecond, s),
		source("player-cmcd", "", "cmcd", 120_400, 40e6, 3*s, s, 3*s),
		source("services", "", "otlp", 640, 220e3, 6*s, 5*s, 10*s),
		source("bitmovin", "", "bitmovin", 0, 0, 0, 0, 0),
		source("edge-outre-mer", "maison", "w3c", 3, 1_100, 0, 0, 0),
		source("prometheus-remote-write-des-equipements-du-site-de-production", "", "remotewrite", 9_000, 1.2e6, 12*s, 10*s, 15*s),
	}
	row := func(id string) *cockpit.Source {
		return &rows[slices.IndexFunc(rows, func(s cockpit.Source) bool { return s.ID == id })]
	}
	row("maison-nginx").Settings = settings("nginx.conf", "nginx", nginxSettings)
	row("akamai-ds2").Weight = 10
	row("akamai-ds2").Door.Duplicates = 1204
	row("npaw-export").Tool, row("mux-export").Tool, row("bitmovin").Tool, row("balises").Tool = "NPAW", "Mux", "Bitmovin", "Balises"

	silent := row("npaw-export")
	silent.Seen, silent.Watermark, silent.Silent, silent.Door.Last = ago(64*s), time.Time{}, 64*s, ago(64*s)
	silent.Finding, silent.Health = cockpit.FindingSilent, cockpit.HealthWarning

	row("balises").Quarantined = 17
	row("balises").Share = .0001
	row("balises").Reasons = []cockpit.Reason{{Text: "time: not a number", Count: 17, Last: ago(40 * s), Sample: `{"t":"hier","sid":"•••","ev":"stall"}`}}

	denied := row("bitmovin")
	denied.Seen, denied.Watermark, denied.TokenSince, denied.Share = time.Time{}, time.Time{}, time.Time{}, math.NaN()
	denied.Door = cockpit.DoorState{Refused: 12, LastRefused: ago(4 * s), Why: "the token is wrong"}
	denied.Finding, denied.Health = cockpit.FindingDenied, cockpit.HealthCritical

	refused := row("fastly")
	refused.Share, refused.Quarantined, refused.Finding, refused.Health = .071, 84_200, cockpit.FindingRefused, cockpit.HealthWarning
	refused.Reasons = []cockpit.Reason{
		{Text: "status: not a number", Count: 81_904, Last: ago(2 * s), Sample: `{"time":"2022-12-18T18:24:05Z","client":"192.0.2.•••","status":"(null)","url":"/live/` + strings.Repeat("segment-de-plus/", 20) + `"}`},
		{Text: hostile, Count: 2_296, Last: ago(26 * time.Hour), Sample: hostile},
	}

	changed := row("player-cmcd")
	changed.Finding, changed.Field, changed.Health = cockpit.FindingChanged, "first_byte", cockpit.HealthWarning
	changed.Door.Refused, changed.Door.LastRefused, changed.Door.Why = 3, ago(40*time.Minute), "body longer than 1 MB"

	late := row("cloudflare-logpush")
	late.Finding, late.Health = cockpit.FindingLate, cockpit.HealthWarning

	stuck := row("maison-nginx-secours")
	stuck.Seen, stuck.Door.Last = ago(14*s), ago(0)
	stuck.Finding, stuck.Health = cockpit.FindingStuck, cockpit.HealthCritical

	young := row("edge-outre-mer")
	young.Seen, young.Watermark, young.Health = ago(5*s), time.Time{}, cockpit.HealthUnknown
	return rows
}

// many is the final with all its sources.
func many(tb testing.TB, tick int) *cockpit.Board {
	tb.Helper()
	b := final(tb, tick)
	b.Sources.Rows = sources(b.At)
	return b
}

func renderSources(t *testing.T, b *cockpit.Board, language string) *goquery.Document {
	t.Helper()
	return parse(t, renderView(t, b, viewKey{page: pageSources, language: language}))
}

// plain is the text of all that s has, in the document's order, a space between any two elements but before a comma.
func plain(s *goquery.Selection) string {
	var texts []string
	s.Contents().Each(func(_ int, n *goquery.Selection) {
		if goquery.NodeName(n) == "#text" {
			texts = append(texts, strings.Fields(n.Text())...)
		} else if text := plain(n); text != "" {
			texts = append(texts, text)
		}
	})
	return strings.NewReplacer(nbsp, " ", nnbsp, " ", " ,", ",").Replace(strings.Join(texts, " "))
}

func TestFindingsAreSentences(t *testing.T) {
	page := renderSources(t, many(t, 0), "en")
	french := renderSources(t, many(t, 0), "fr")
	for id, want := range map[string]struct{ class, word, english, french string }{
		"npaw-export":          {"warning", "silent", "Silent for 64 s", "Muette depuis 64 s"},
		"bitmovin":             {"critical", "refused", "Knocks and is refused: the token is wrong", "Se présente et est refusée : the token is wrong"},
		"fastly":               {"warning", "unreadable", "7.1% of its lines cannot be read", "7,1 % de ses lignes sont illisibles"},
		"player-cmcd":          {"warning", "changed", "Does not tell “first byte” any more", "Ne transmet plus « premier octet »"},
		"cloudflare-logpush":   {"warning", "late", "Late: its newest line is 48 s old, usually 12 s at most", "En retard : sa dernière ligne date de 48 s, d’habitude 12 s au plus"},
		"maison-nginx-secours": {"critical", "not stored", "Delivers, but nothing is stored for 14 s", "Livre, mais rien n’est stocké depuis 14 s"},
		"edge-outre-mer":       {"unknown", "no data", "Too little has come to judge it", "Trop peu reçu pour la juger"},
		"cloudfront":           {"fine", "normal", "Delivers as usual", "Livre comme d’habitude"},
	} {
		row := page.Find("#source-" + id)
		if !row.HasClass(want.class) || row.Find(".name .sign."+want.class).Length() != 1 || plain(row.Find(".name .hidden")) != want.word {
			t.Errorf("%s is %q with word %q, want %s, its sign and %q", id, row.AttrOr("class", ""), plain(row.Find(".name .hidden")), want.class, want.word)
		}
		if got := plain(row.Find(".sentence")); got != want.english {
			t.Errorf("%s says %q, want %q", id, got, want.english)
		}
		if got := plain(french.Find("#source-" + id + " .sentence")); got != want.french {
			t.Errorf("%s says %q, want %q", id, got, want.french)
		}
	}
	if since := page.Find("#source-npaw-export .sentence .age").AttrOr("data-as-of", ""); since == "" {
		t.Error("the silence does not go on by itself")
	}
}

func TestEveryFindingHasItsTexts(t *testing.T) {
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	b := &cockpit.Board{At: time.Unix(1_000_000, 0)}
	for finding := cockpit.FindingNone; finding <= cockpit.FindingLate; finding++ {
		for _, h := range []cockpit.Health{cockpit.HealthUnknown, cockpit.HealthFine, cockpit.HealthWarning} {
			for _, seen := range []time.Time{{}, b.At} {
				src := cockpit.Source{SourceInfo: cockpit.SourceInfo{ID: "x"}, Finding: finding, Health: h, Seen: seen, Watermark: seen, Field: "cache"}
				for _, l := range all {
					v := newSourceRow(l, b, &src)
					said := v.Said.Before + v.Said.After + v.Hint + v.Health.Word + l.plural(findingKey(&src), 1) + l.plural(findingKey(&src), 2)
					if strings.Contains(said, "finding.") || strings.ContainsAny(said, "{}") || v.Said.Counts && !v.Said.Age.Known {
						t.Errorf("%s %s seen %v: %q", l.Code, finding, !seen.IsZero(), said)
					}
				}
			}
		}
	}
}

func TestSummaryCounts(t *testing.T) {
	b := many(t, 0)
	if got, want := plain(renderSources(t, b, "en").Find("#summary .say")), "14 sources 7 normal 1 not stored 1 refused 1 changed 1 unreadable 1 late 1 silent 1 not judged yet"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
	for i := range b.Sources.Rows {
		b.Sources.Rows[i].Finding, b.Sources.Rows[i].Health = cockpit.FindingNone, cockpit.HealthFine
	}
	b.Sources.Rows[2].Finding, b.Sources.Rows[2].Health = cockpit.FindingSilent, cockpit.HealthWarning
	b.Sources.Rows[5].Finding, b.Sources.Rows[5].Health = cockpit.FindingSilent, cockpit.HealthWarning
	if got, want := plain(renderSources(t, b, "fr").Find("#summary .say")), "14 sources 12 normales 2 muettes"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
	empty := renderSources(t, &cockpit.Board{At: b.At}, "fr")
	if got := plain(empty.Find("#summary .say")); got != "Aucune source n’est configurée" || !empty.Find("#summary").HasClass("unknown") {
		t.Errorf("without sources it says %q", got)
	}
}

func TestWorstSourcesComeFirst(t *testing.T) {
	var order []string
	if err := json.Unmarshal([]byte(renderSources(t, many(t, 0), "en").Find("#order").AttrOr("data-order", "")), &order); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"maison-nginx-secours", "bitmovin", "player-cmcd", "fastly", "cloudflare-logpush", "npaw-export", "edge-outre-mer",
		"balises", "akamai-ds2", "maison-nginx", "cloudfront", "prometheus-remote-write-des-equipements-du-site-de-production", "mux-export", "services",
	}
	for i := range want {
		want[i] = "source-" + want[i]
	}
	if !slices.Equal(order, want) {
		t.Errorf("order is\n%q, want\n%q", order, want)
	}
	s := newSite(t, nil)
	s.Publish(many(t, 0))
	page := document(t, s.get(t, s.signedIn(t, "viewer"), "/sources"))
	shown := page.Find("#senders > li").Map(func(_ int, li *goquery.Selection) string { return li.Find(".state").AttrOr("id", "") })
	if !slices.Equal(shown, want) {
		t.Errorf("the page has\n%q", shown)
	}
}

func TestSourceValues(t *testing.T) {
	page := renderSources(t, many(t, 0), "en")
	for selector, want := range map[string]string{
		"#source-akamai-ds2 .rate b":                  "61.2 k/s",
		"#source-akamai-ds2 .bytes > span:last-child": "31.0 MB/s",
		"#source-akamai-ds2 .seen .age":               "7 s",
		"#source-akamai-ds2 .lag .age":                "31 s",
		"#source-akamai-ds2 .mark > span:last-child":  "18:23:36",
		"#source-akamai-ds2 .facts":                   "Akamai akamai_ds2 1 line in 10 token 41 d old 1,204 repeats stopped",
		"#source-akamai-ds2 .lateness .hidden":        "half of the lines within 24 s, 95% within 35 s",
		"#source-balises .facts":                      "Balises beacon every line token 41 d old",
		"#source-balises .reasons > summary":          "17 unreadable lines in 1 h : balises",
		"#source-fastly .share > span:last-child":     "7.1%",
		"#source-fastly .reasons li:first-child p":    "81.9 k status: not a number 18:24:05",
		"#source-fastly .hint":                        "Most often: status: not a number",
		"#source-bitmovin .facts":                     "Bitmovin bitmovin every line 12 deliveries refused at the door, the last at 18:24:03",
		"#source-player-cmcd .facts li:last-child":    "3 deliveries refused at the door, the last at 17:44:07 — body longer than 1 MB",
		"#source-bitmovin .rate b":                    missing,
		"#source-bitmovin .share > span:last-child":   missing,
		"#source-bitmovin .mark > span:last-child":    missing,
		"#source-bitmovin .seen .age":                 missing,
	} {
		if got := plain(page.Find(selector)); got != want {
			t.Errorf("%s is %q, want %q", selector, got, want)
		}
	}
	if !page.Find("#source-akamai-ds2 .facts .swatch").HasClass("cdn-1") {
		t.Error("Akamai has not its colour of the board")
	}
	half, most := page.Find("#source-akamai-ds2 .half").AttrOr("width", ""), page.Find("#source-akamai-ds2 .most").AttrOr("width", "")
	if half != "56.4" || most != "62.8" {
		t.Errorf("lateness is drawn at %s and %s", half, most)
	}
	if page.Find("#source-bitmovin .half, #source-bitmovin .needle").Length() != 0 {
		t.Error("a lateness that nobody knows is drawn")
	}
}

func TestSendersTextsStayTexts(t *testing.T) {
	b := many(t, 0)
	src := &b.Sources.Rows[6]
	src.Door = cockpit.DoorState{Refused: 1, LastRefused: b.At, Why: hostile}
	src.Format, src.Field, src.Tool = hostile, hostile, hostile
	b.Sources.Rows[0].Door = cockpit.DoorState{Refused: 1, LastRefused: b.At, Why: strings.Repeat("é", 5000)}
	src.Settings = []cockpit.SettingInfo{{Title: hostile, Where: hostile, Language: hostile, Text: hostile + strings.Repeat("x", 1<<20)}}
	page := renderSources(t, b, "fr")
	if n := page.Find("img").Length(); n != 0 {
		t.Errorf("%d elements came out of texts", n)
	}
	sample := page.Find("#source-fastly .sample").Last().Text()
	if strings.ContainsAny(sample, "\u202e\x00\n\t") || !strings.HasPrefix(sample, "<img src=x onerror") {
		t.Errorf("the sample is %q", sample)
	}
	if n := len([]rune(page.Find("#source-akamai-ds2 .facts .foreign").Text())); n != longestReason+1 {
		t.Errorf("the door's words have %d characters, want %d", n, longestReason+1)
	}

	s := newSite(t, nil)
	s.Publish(b)
	whole := document(t, s.get(t, s.signedIn(t, "viewer"), "/sources"))
	if n := whole.Find("main img").Length(); n != 0 {
		t.Errorf("%d elements came out of settings", n)
	}
	if n := len(whole.Find("li[data-source=source-fastly] .settings .code").Text()); n > longestSetting+3 {
		t.Errorf("a setting has %d bytes", n)
	}
}

func TestSettingsAreInThePageAndNotInFrames(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(many(t, 0))
	b := s.signedIn(t, "viewer")
	page := document(t, s.get(t, b, "/sources"))
	code := page.Find("li[data-source=source-maison-nginx] .settings .code").First()
	if code.Text() != nginxSettings || code.AttrOr("tabindex", "") != "0" {
		t.Errorf("the settings are %q", code.Text())
	}
	if id := page.Find("li[data-source=source-maison-nginx] button.copy").First().AttrOr("data-copy", "?"); id != code.AttrOr("id", "") {
		t.Errorf("the button copies %q", id)
	}
	c := s.dial(t, b, "page=sources&lang=en")
	for _, f := range []envelope{receive(t, c), func() envelope { s.Publish(many(t, 7)); return receive(t, c) }()} {
		for id, html := range f.HTML {
			if strings.Contains(html, "vigie.example.com") {
				t.Errorf("%s %d has settings in %s", f.Kind, f.Seq, id)
			}
		}
		if len(f.Charts) != 0 {
			t.Errorf("%s %d has %d charts, which the page has not", f.Kind, f.Seq, len(f.Charts))
		}
		if _, ok := f.HTML["source-fastly"]; !ok {
			t.Errorf("%s %d has no fastly", f.Kind, f.Seq)
		}
	}
}

func TestOnlySourcesThatChangedAreSent(t *testing.T) {
	s := newSite(t, nil)
	b := many(t, 0)
	s.Publish(b)
	c := s.dial(t, s.signedIn(t, "viewer"), "page=sources&lang=fr")
	receive(t, c)
	next := many(t, 0)
	next.Sources.Rows[4].Rate++
	next.Sources.Rows[4].Quarantined = 3
	s.Publish(next)
	f := receive(t, c)
	var ids []string
	for id := range f.HTML {
		ids = append(ids, id)
	}
	if f.Kind != "delta" || len(ids) != 1 || ids[0] != "source-mux-export" {
		t.Errorf("%s with %q, want a delta with source-mux-export", f.Kind, ids)
	}
}

func TestSourcesAreForThoseWhoMayWatch(t *testing.T) {
	s := newSite(t, nil)
	b := s.signedIn(t, "viewer")
	if r := s.get(t, b, "/sources"); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without a board it answers %d", r.StatusCode)
	}
	s.Publish(many(t, 0))
	for name, tt := range map[string]struct {
		browser *http.Client
		want    int
	}{"a stranger": {browser(t), http.StatusSeeOther}, "a viewer": {b, http.StatusOK}, "an operator": {s.signedIn(t, "operator"), http.StatusOK}} {
		if r := s.get(t, tt.browser, "/sources"); r.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", name, r.StatusCode, tt.want)
		}
	}
}

func TestPagesHaveANavigation(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(many(t, 0))
	b := s.signedIn(t, "viewer")
	for path, main := range map[string]string{"/": "board", "/matches": "matches-page", "/sources": "sources-page", "/alerts": "incidents-page", "/crises": "list-page", "/messages": "messages-page", "/support": "support-page"} {
		page := document(t, s.get(t, b, path))
		here := page.Find("nav.pages a[aria-current=page]")
		if page.Find("nav.pages a").Length() != 7 || here.Length() != 1 || here.AttrOr("href", "") != path {
			t.Errorf("%s: the navigation is at %q", path, here.AttrOr("href", ""))
		}
		if skip := page.Find("a.skip").AttrOr("href", ""); skip != "#"+main || page.Find("main"+skip).Length() != 1 {
			t.Errorf("%s: skips to %q", path, skip)
		}
	}
}

func TestBoardShowsTheWorstSourcesAndHowManyMore(t *testing.T) {
	page := parse(t, renderBoard(t, many(t, 0), "en", cockpit.MetricBits))
	rows := page.Find("#sources tbody tr")
	if rows.Length() != sourcesOnBoard-1 || !strings.Contains(rows.First().Text(), "not stored") || !rows.First().HasClass("critical") {
		t.Errorf("%d rows, the first %q", rows.Length(), plain(rows.First()))
	}
	if got := plain(page.Find("#sources .short")); got != "8 more: 7 normal 1 not judged yet" {
		t.Errorf("the last line is %q", got)
	}
	if page.Find(`#sources h2 a[href="/sources"]`).Length() != 1 {
		t.Error("the panel does not lead to the page")
	}
}

func TestHintsPointToSettingsThatAreThere(t *testing.T) {
	b := many(t, 0)
	for i := range b.Sources.Rows {
		b.Sources.Rows[i].Settings = nil
	}
	page := renderSources(t, b, "en")
	if got := page.Find(".hint:contains(settings)").Length(); got != 0 {
		t.Errorf("%d hints point to settings, and there are none", got)
	}
	if got := renderSources(t, many(t, 0), "en").Find(".hint:contains(settings)").Length(); got != 2 {
		t.Errorf("%d hints point to settings, want 2", got)
	}
}

func TestForeignTexts(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "déjà": "déjà", "a\nb\tc\x00d": "a·b·c·d", "a\u202eb\u2066c\ufeff": "a·b·c·", "\xff\xfe": "��", strings.Repeat("é", 11): strings.Repeat("é", 10) + "…",
	} {
		if got := foreign(in, 10); got != want {
			t.Errorf("foreign(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSmallShares(t *testing.T) {
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	for v, want := range map[float64]string{0: "0%", .00001: "<\u202f0.01%", .0002: "0.02%", .0714: "7.1%", .5: "50%", 1: "100%", math.NaN(): missing + "%"} {
		if got := all.byCode("en").small(v); got != want {
			t.Errorf("small(%v) = %q, want %q", v, got, want)
		}
	}
}

// What assistive technology goes by: ids that are one, names that exist, and one for everything that
// can be pressed.
func TestPagesAreLabelled(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(many(t, 0))
	b := s.signedIn(t, "viewer")
	for _, path := range []string{"/", "/sources"} {
		page := document(t, s.get(t, b, path))
		ids := map[string]int{}
		page.Find("[id]").Each(func(_ int, e *goquery.Selection) { ids[e.AttrOr("id", "")]++ })
		for id, n := range ids {
			if n > 1 {
				t.Errorf("%s: id %q is there %d times", path, id, n)
			}
		}
		for _, name := range []string{"aria-labelledby", "aria-describedby", "data-copy", "for"} {
			page.Find("[" + name + "]").Each(func(_ int, e *goquery.Selection) {
				for _, id := range strings.Fields(e.AttrOr(name, "")) {
					if ids[id] == 0 {
						t.Errorf("%s: %s names %q, which is not there", path, name, id)
					}
				}
			})
		}
		page.Find("a, button, summary, [role=region]").Each(func(_ int, e *goquery.Selection) {
			if plain(e) == "" && e.AttrOr("aria-label", "")+e.AttrOr("aria-labelledby", "") == "" {
				html, _ := goquery.OuterHtml(e)
				t.Errorf("%s: nothing names %s", path, html)
			}
		})
		if n := page.Find("h1").Length(); n != 1 {
			t.Errorf("%s has %d first headings", path, n)
		}
	}
}
