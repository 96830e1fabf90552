package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/cockpit"
	"vigie/internal/match"
)

// lookedAt is the final's board for a sight: one scope's part of everything, broken down.
func lookedAt(tb testing.TB, tick int, sight cockpit.Sight) *cockpit.Board {
	tb.Helper()
	b := final(tb, tick)
	b.Sight = sight
	b.Match.ID = "argentine-france"
	nan := math.NaN()
	if !sight.Scope.Whole() {
		b.Breakdown = &cockpit.Breakdown{
			Panel: b.Matrix.Panel, Window: time.Minute,
			Requests: []cockpit.Division{
				{By: "channel", Parts: []cockpit.Part{
					{Name: "france-2", Share: .83, Bits: 157e9, Requests: 9600, Errors: .0021, FirstByte: .8, Sessions: nan, Startup: nan, Rebuffering: nan, Lines: 576_000},
					{Name: "france-3", Share: .17, Bits: 33e9, Requests: 1900, Errors: .0018, FirstByte: .7, Sessions: nan, Startup: nan, Rebuffering: nan, Lines: 114_000},
				}},
				{By: "status", Rest: 2, Parts: []cockpit.Part{
					{Name: "200", Share: .91, Errors: 0, Bits: nan, FirstByte: nan, Sessions: nan, Startup: nan, Rebuffering: nan, Lines: 627_000},
					{Name: "503", Share: .014, Errors: 1, Bits: nan, FirstByte: nan, Sessions: nan, Startup: nan, Rebuffering: nan, Lines: 9_800},
				}},
				{By: "pop", Parts: []cockpit.Part{
					{Name: "CDG50", Share: .62, Errors: .0009, Bits: nan, FirstByte: .21, Sessions: nan, Startup: nan, Rebuffering: nan, Lines: 430_000},
					{Name: "MRS52", Share: .37, Errors: .041, Bits: nan, FirstByte: 1.9, Sessions: nan, Startup: nan, Rebuffering: nan, Lines: 256_000},
					{Name: "LIS1", Share: .00002, Errors: .1, Bits: nan, FirstByte: .4, Sessions: nan, Startup: nan, Rebuffering: nan, Lines: 12},
					{Name: "", Share: .001, Errors: .05, Bits: nan, FirstByte: nan, Sessions: nan, Startup: nan, Rebuffering: nan, Lines: 40},
				}},
			},
			Sessions: []cockpit.Division{
				{By: "device", Parts: []cockpit.Part{
					{Name: "tv", Share: .48, Bits: nan, Requests: nan, Errors: nan, FirstByte: nan, Sessions: 101_000, Startup: 1.3, Rebuffering: .004, Lines: 600_000},
					{Name: "android", Share: .31, Bits: nan, Requests: nan, Errors: nan, FirstByte: nan, Sessions: 65_000, Startup: 1.9, Rebuffering: .0231, Lines: 390_000},
				}},
				{By: "error", Parts: []cockpit.Part{{Name: "networkTimeout", Share: .011, Bits: nan, Requests: nan, Errors: nan, FirstByte: nan, Sessions: 2300, Startup: nan, Rebuffering: nan, Lines: 2300}}},
			},
			Paths: []cockpit.Path{
				{Path: "/live/france-2/1080/seg-48211.m4s", Requests: 210_000, Errors: .019, Status: 503, FirstByte: 1.2, Lines: 210_000},
				{Path: "/live/france-2/master.m3u8", Requests: 90_000, Errors: .0003, FirstByte: .06, Lines: 90_000},
			},
		}
	}
	if sight.Compare {
		beside := sight
		beside.Scope, beside.Compare, beside.Beside = sight.Beside, false, cockpit.Scope{}
		b.Beside = lookedAt(tb, tick, beside)
		b.Beside.Traffic.Value, b.Beside.Errors.Value = 1.71e12, .0007
		for i := range b.Beside.Flow.Lines {
			for j := range b.Beside.Flow.Lines[i].Points {
				b.Beside.Flow.Lines[i].Points[j] /= 2
			}
		}
	}
	return b
}

// looking makes a site whose Look answers with such boards, and the whole is published.
func looking(tb testing.TB, edit func(*Config)) *site {
	tb.Helper()
	s := newSite(tb, func(c *Config) {
		c.Look = func(_ context.Context, sight cockpit.Sight) (*cockpit.Board, error) {
			return lookedAt(tb, 0, sight), nil
		}
		if edit != nil {
			edit(c)
		}
	})
	s.Publish(lookedAt(tb, 0, cockpit.Sight{}))
	return s
}

var freeCloudFront = cockpit.Sight{Scope: cockpit.Scope{CDN: "cloudfront", ISP: "Free"}}

func TestBarSaysWhatIsLookedAt(t *testing.T) {
	from := time.Date(2022, 12, 18, 16, 26, 0, 0, time.UTC).Unix() // 65′ at 17:26 in Paris
	past := freeCloudFront
	past.From, past.To = from, from+7*60
	compared := freeCloudFront
	compared.Compare, compared.Beside = true, cockpit.Scope{CDN: "akamai", ISP: "Free"}
	everything := freeCloudFront
	everything.Compare = true
	for name, tt := range map[string]struct {
		sight       cockpit.Sight
		chips, drop []string // their texts, and where each leads without it
		when, alone string
	}{
		"everything, live":         {cockpit.Sight{}, nil, nil, "", ""},
		"a cell":                   {freeCloudFront, []string{"FAI Free", "CDN CloudFront"}, []string{"/?cdn=cloudfront&metric=errors", "/?isp=Free&metric=errors"}, "", ""},
		"a stretch":                {past, []string{"FAI Free", "CDN CloudFront"}, nil, "65′–71′ · 17:26–17:33", ""},
		"two cells":                {compared, []string{"FAI Free", "CDN CloudFront", "FAI Free", "CDN Akamai"}, nil, "", "/?cdn=cloudfront&isp=Free&metric=errors"},
		"a cell and everything":    {everything, []string{"FAI Free", "CDN CloudFront", "Tout"}, nil, "", "/?cdn=cloudfront&isp=Free&metric=errors"},
		"a device":                 {cockpit.Sight{Scope: cockpit.Scope{Device: "tv"}}, []string{"Appareil tv"}, []string{"/?metric=errors"}, "", ""},
		"the mesh of one network":  {cockpit.Sight{Scope: cockpit.Scope{CDN: cockpit.Peers, ISP: "Free"}}, []string{"FAI Free", "CDN P2P"}, nil, "", ""},
		"a CDN that nobody has":    {cockpit.Sight{Scope: cockpit.Scope{CDN: "lost"}}, []string{"CDN lost"}, nil, "", ""},
		"a stretch before kickoff": {cockpit.Sight{From: from - 6*3600, To: from - 6*3600 + 600}, nil, nil, "11:26–11:36", ""},
	} {
		t.Run(name, func(t *testing.T) {
			page := parse(t, renderBoard(t, lookedAt(t, 0, tt.sight), "fr", cockpit.MetricErrors))
			bar := page.Find("#focus-bar")
			var chips, drops []string
			bar.Find(".chip").Each(func(_ int, c *goquery.Selection) {
				drop := c.Find("a.drop")
				drops = append(drops, drop.AttrOr("href", ""))
				drop.Remove()
				chips = append(chips, strings.Join(strings.Fields(c.Text()), " "))
			})
			if fmt.Sprint(chips) != fmt.Sprint(tt.chips) {
				t.Errorf("chips are %q, want %q", chips, tt.chips)
			}
			if tt.drop != nil && fmt.Sprint(drops) != fmt.Sprint(tt.drop) {
				t.Errorf("they drop to %q, want %q", drops, tt.drop)
			}
			if when := bar.Find(".when").Text(); when != tt.when {
				t.Errorf("the time is %q, want %q", when, tt.when)
			}
			if alone := bar.ChildrenFiltered("a.drop").AttrOr("href", ""); alone != tt.alone {
				t.Errorf("without the comparison it is %q, want %q", alone, tt.alone)
			}
			if live := bar.Find(`a[data-key="n"]`).Length() == 0; live != tt.sight.Live() || (bar.AttrOr("data-past", "") == "true") == live {
				t.Errorf("the way back to live is there: %v, data-past %q", !live, bar.AttrOr("data-past", ""))
			}
		})
	}
}

func TestWallBarHasNothingToTouch(t *testing.T) {
	bar := newDOM(t, pick(renderView(t, lookedAt(t, 0, freeCloudFront), viewKey{page: pageWall, language: "fr"}), func(string, rendered) bool { return true })).Find("#focus-bar")
	if bar.Find(".chip").Length() != 2 || bar.Find("a, button, details, form").Length() != 0 {
		html, _ := bar.Html()
		t.Errorf("the wall's bar is %s", html)
	}
}

func TestStretchLeadsToItsTimes(t *testing.T) {
	s := looking(t, nil)
	b := s.signedIn(t, "viewer")
	now := lookedAt(t, 0, cockpit.Sight{}).At.Unix() / 10 * 10
	kickOff := time.Date(2022, 12, 18, 15, 0, 0, 0, time.UTC).Unix()
	at := func(s int64) string { return time.Unix(s, 0).UTC().Format(time.RFC3339) }
	for query, want := range map[string]struct {
		status   int
		from, to int64 // 0: live
		rest     string
	}{
		"last=15":                          {303, now - 900, now, ""},
		"last=15&cdn=akamai&metric=errors": {303, now - 900, now, "cdn=akamai&metric=errors"},
		"last=0":                           {400, 0, 0, ""},
		"last=481":                         {400, 0, 0, ""},
		"last=x":                           {400, 0, 0, ""},
		"phase=first_half":                 {303, kickOff, kickOff + 52*60, ""},
		"phase=extra_second":               {303, kickOff + 142*60, now, ""}, // it goes on
		"phase=penalties":                  {404, 0, 0, ""},                  // it has not begun
		"phase=nonsense":                   {404, 0, 0, ""},
		"move=earlier":                     {303, now - 900, now, ""},
		"move=later":                       {303, 0, 0, ""},
		"move=earlier&from=" + at(now-600) + "&to=" + at(now-400): {303, now - 700, now - 500, ""},
		"move=later&from=" + at(now-600) + "&to=" + at(now-400):   {303, now - 500, now - 300, ""},
		"move=later&from=" + at(now-250) + "&to=" + at(now-50):    {303, now - 200, now, ""},
		"move=later&from=" + at(now-200) + "&to=" + at(now):       {303, now - 200, now, ""},
		"move=earlier&from=10&to=20":                              {404, 0, 0, ""},
		"move=sideways":                                           {400, 0, 0, ""},
		"":                                                        {400, 0, 0, ""},
	} {
		r := s.get(t, b, "/stretch?"+strings.ReplaceAll(query, "+", "%2B"))
		if r.StatusCode != want.status {
			t.Errorf("%s answered %d, want %d", query, r.StatusCode, want.status)
			continue
		}
		if want.status != http.StatusSeeOther {
			continue
		}
		address, err := url.Parse(r.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		q := address.Query()
		sight, ok := parseSight(q)
		q.Del("from")
		q.Del("to")
		if !ok || address.Path != "/" || sight.From != want.from || sight.To != want.to || q.Encode() != want.rest {
			t.Errorf("%s leads to %s: %d to %d, want %d to %d", query, address, sight.From, sight.To, want.from, want.to)
		}
	}
	if r := s.get(t, browser(t), "/stretch?last=15"); r.StatusCode != http.StatusUnauthorized && r.StatusCode != http.StatusSeeOther || strings.Contains(r.Header.Get("Location"), "from=") {
		t.Errorf("a stranger's stretch answered %d to %s", r.StatusCode, r.Header.Get("Location"))
	}
}

func TestBreakdownNamesWhatStandsOut(t *testing.T) {
	page := parse(t, renderBoard(t, lookedAt(t, 0, freeCloudFront), "en", cockpit.MetricBits))
	row := func(name string) *goquery.Selection {
		return page.Find("#breakdown tr").FilterFunction(func(_ int, r *goquery.Selection) bool {
			return strings.TrimSpace(r.Find("th").First().Text()) == name
		})
	}
	for name, want := range map[string]struct{ class, href, word string }{
		"france-2":       {"", "/?cdn=cloudfront&channel=france-2&isp=Free", ""},
		"tv":             {"", "/?cdn=cloudfront&device=tv&isp=Free", ""},
		"android":        {"warning", "/?cdn=cloudfront&device=android&isp=Free", "degraded"}, // 2.31 % of 0.61 %
		"CDG50":          {"", "/samples?cdn=cloudfront&isp=Free&pop=CDG50", ""},
		"MRS52":          {"warning", "/samples?cdn=cloudfront&isp=Free&pop=MRS52", "degraded"},
		"LIS1":           {"few", "/samples?cdn=cloudfront&isp=Free&pop=LIS1", "too few"},
		"not told":       {"", "", ""}, // two failures of 40 lines are chance
		"503":            {"", "/samples?cdn=cloudfront&isp=Free&status=503", ""},
		"networkTimeout": {"", "", ""},
	} {
		r := row(name)
		if r.Length() != 1 {
			t.Errorf("%s is there %d times", name, r.Length())
			continue
		}
		if r.AttrOr("class", "") != want.class || r.Find("a").AttrOr("href", "") != want.href || want.word == "" && r.Find(".hidden").Length() > 0 ||
			want.word != "" && !strings.Contains(r.Find(".hidden").Text(), want.word) || (r.Find(".sign").Length() > 0) != (want.class == "warning") {
			html, _ := goquery.OuterHtml(r)
			t.Errorf("%s is %s, want %+v", name, html, want)
		}
	}
	if failing := page.Find("#breakdown .paths tr.warning"); failing.Length() != 1 || !strings.Contains(failing.Text(), "503") {
		t.Errorf("%d paths stand out: %s", failing.Length(), failing.Text())
	}
}

func TestBreakdownIsNeverEmptyWithoutAWord(t *testing.T) {
	nothing := lookedAt(t, 0, freeCloudFront)
	nothing.Breakdown = &cockpit.Breakdown{Panel: nothing.Matrix.Panel}
	waiting := lookedAt(t, 0, freeCloudFront)
	waiting.Breakdown = nil
	untold := lookedAt(t, 0, freeCloudFront)
	untold.Breakdown = &cockpit.Breakdown{Panel: cockpit.Panel{Untold: "device"}}
	failed := lookedAt(t, 0, freeCloudFront)
	failed.Breakdown.Error = "code: 159, timeout exceeded"
	for name, tt := range map[string]struct {
		board  *cockpit.Board
		want   string
		hidden bool
	}{
		"nothing": {nothing, "No line in this scope", false}, "waiting": {waiting, "being read", false}, "untold": {untold, "does not tell: device", false},
		"failed": {failed, "timeout exceeded", false}, "everything": {lookedAt(t, 0, cockpit.Sight{}), "", true},
	} {
		section := parse(t, renderBoard(t, tt.board, "en", cockpit.MetricBits)).Find("#breakdown")
		if _, hidden := section.Attr("hidden"); hidden != tt.hidden || !strings.Contains(section.Text(), tt.want) {
			t.Errorf("%s: hidden %v, %q", name, hidden, strings.Join(strings.Fields(section.Text()), " "))
		}
	}
}

func TestBesideHoldsTwoScopesAgainstEachOther(t *testing.T) {
	sight := freeCloudFront
	sight.Compare, sight.Beside = true, cockpit.Scope{CDN: "akamai", ISP: "Free"}
	b := lookedAt(t, 0, sight)
	b.Beside.Startup.Known = false
	page := parse(t, renderBoard(t, b, "en", cockpit.MetricBits))
	var rows []string
	page.Find("#beside tbody tr").Each(func(_ int, r *goquery.Selection) {
		r.Find(".hidden").Remove()
		rows = append(rows, strings.Join(strings.Fields(r.Find("th").Text()+" "+r.Find("td").Text()), " "))
	})
	want := []string{"Viewers 2.31 M 2.31 M ×1.0", "Traffic 3.42 Tbit/s 1.71 Tbit/s ×2.0", "Errors 0.21% 0.07% ×3.0", "Startup 1.32 s — —", "Rebuffering 0.61% 0.61% ×1.0"}
	if fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("the numbers are\n%q, want\n%q", rows, want)
	}
	if heads := page.Find("#beside thead th").First().Text(); heads != "Free × CloudFront" {
		t.Errorf("the first column is %q", heads)
	}
	if sides := page.Find("#breakdown .side").Length(); sides != 2 {
		t.Errorf("the breakdown has %d sides", sides)
	}
	flow, failing := besideFlow(b), besideFailing(b)
	for name, c := range map[string]*cockpit.Chart{"flow": flow, "failing": failing} {
		if len(c.Lines) != 2 || c.Lines[0].Name != "Free × CloudFront" || c.Lines[1].Name != "Free × Akamai" {
			t.Errorf("chart %s has lines %+v", name, c.Lines)
		}
	}
	if a, z := flow.Lines[0].Points[100], flow.Lines[1].Points[100]; math.Abs(a/z-2) > 1e-9 {
		t.Errorf("traffic is %v beside %v, want twice", a, z)
	}
	if got, want := failing.Lines[0].Points[9], b.Classes.Lines[0].Points[9]+b.Classes.Lines[1].Points[9]; got != want {
		t.Errorf("errors are %v, want 5xx and aborted: %v", got, want)
	}
}

func TestBesideChartMeetsOnOneGrid(t *testing.T) {
	nan := math.NaN()
	start := time.Unix(1_000_000, 0)
	chart := func(offset int, step time.Duration, solid int, points ...float64) *cockpit.Chart {
		return &cockpit.Chart{Start: start.Add(time.Duration(offset) * 10 * time.Second), Step: step, Solid: solid, Lines: []cockpit.Line{{Points: points, Solid: solid}}}
	}
	lines := func(c *cockpit.Chart) []cockpit.Line { return c.Lines }
	for name, tt := range map[string]struct {
		second *cockpit.Chart
		want   string
		solid  int
	}{
		"the same grid":   {chart(0, 10*time.Second, 2, 4, 5, 6), "[4 5 6]", 2},
		"began earlier":   {chart(-1, 10*time.Second, 2, 4, 5, 6), "[5 6]", 1},
		"began later":     {chart(2, 10*time.Second, 1, 4, nan), "[NaN NaN 4 NaN]", 3},
		"another step":    {chart(0, 20*time.Second, 2, 4, 5), "", 0},
		"between steps":   {&cockpit.Chart{Start: start.Add(3 * time.Second), Step: 10 * time.Second}, "", 0},
		"long gone":       {chart(-99, 10*time.Second, 2, 4, 5), "[]", 0},
		"nothing is told": {&cockpit.Chart{}, "", 0},
	} {
		c := besideChart(&cockpit.Board{}, chart(0, 10*time.Second, 3, 1, 2, 3), tt.second, lines)
		got, solid := "", 0
		if len(c.Lines) == 2 {
			got, solid = fmt.Sprint(c.Lines[1].Points), c.Lines[1].Solid
		}
		if got != tt.want || solid != tt.solid {
			t.Errorf("%s: %s solid to %d, want %s to %d", name, got, solid, tt.want, tt.solid)
		}
	}
}

func TestFormsCompareWithoutAScript(t *testing.T) {
	sight := freeCloudFront
	sight.From, sight.To = 1_671_380_760, 1_671_381_180
	s := looking(t, nil)
	r := s.get(t, s.signedIn(t, "viewer"), boardURL(sight, cockpit.MetricErrors))
	page, err := goquery.NewDocumentFromReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	form := page.Find(".compare form").First()
	q := url.Values{}
	form.Find("input[type=hidden]").Each(func(_ int, i *goquery.Selection) { q.Set(i.AttrOr("name", ""), i.AttrOr("value", "")) })
	q.Set("vs_isp", "Orange")
	q.Set("vs_cdn", "")
	want := sight
	want.Compare, want.Beside = true, cockpit.Scope{ISP: "Orange"}
	if got, ok := parseSight(q); !ok || got != want || q.Get("metric") != "errors" {
		t.Errorf("the form leads to %+v (%v, metric %s), want %+v", got, ok, q.Get("metric"), want)
	}
	if n := form.Find(`select[name="vs_isp"] option`).Length(); n != 8 { // all, and seven networks; those merged are none
		t.Errorf("%d networks can be chosen", n)
	}
	if form.AttrOr("method", "") != "get" || form.Find("button[type=submit]").Length() != 1 {
		t.Error("the form needs a script")
	}
	if page.Find("#note").Length() != 0 || page.Find("[data-note]").Length() != 0 {
		t.Error("a viewer is offered to note")
	}
}

func TestMarksTellNotesAndAlarms(t *testing.T) {
	b := lookedAt(t, 0, cockpit.Sight{})
	const evil = `</div><img src=x>"'`
	b.Notes = append(b.Notes, match.Note{ID: "n2", At: b.At.Add(-time.Minute), Text: evil, By: "claire"})
	node := parse(t, renderBoard(t, b, "fr", cockpit.MetricBits)).Find("#marks")
	var marks struct {
		Notes []noteMark
		Begun []begunMark
	}
	if err := json.Unmarshal([]byte(node.AttrOr("data-marks", "")), &marks); err != nil {
		t.Fatal(err)
	}
	if node.AttrOr("data-match", "") != "argentine-france" || len(marks.Notes) != 2 || marks.Notes[1].Text != evil || marks.Notes[1].By != "claire" {
		t.Errorf("notes are %+v of %q", marks.Notes, node.AttrOr("data-match", ""))
	}
	if first := (begunMark{b.Worst.Since.Unix(), "Free × CloudFront", "critical"}); len(marks.Begun) == 0 || marks.Begun[0] != first {
		t.Errorf("what began is %+v, want first %+v", marks.Begun, first)
	}
	seen := map[begunMark]bool{}
	for _, m := range marks.Begun {
		if seen[m] || m.Health != "critical" && m.Health != "warning" {
			t.Errorf("%+v is told twice, or asks for nobody", m)
		}
		seen[m] = true
	}
	for range 1000 {
		b.Notes = append(b.Notes, match.Note{At: b.At, Text: "x"})
	}
	if n := len(newMarksView(look{locale: locales(mustLocales(t))[0], board: b}).JSON); n > 10<<10 {
		t.Errorf("a thousand notes are %d bytes", n)
	}
}

func mustLocales(t *testing.T) locales {
	t.Helper()
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFirstOver(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	chart := func(offset int, points ...float64) *cockpit.Chart {
		return &cockpit.Chart{
			Start: start.Add(time.Duration(offset) * 10 * time.Second), Step: 10 * time.Second,
			Lines: []cockpit.Line{{ID: "a", Points: []float64{9}}}, Over: []cockpit.Line{{ID: cockpit.OverForecast, Points: points}},
		}
	}
	none := chart(0)
	none.Over = nil
	for name, tt := range map[string]struct {
		now, before *cockpit.Chart
		want        int
	}{
		"nothing before":  {chart(0, 1, 2, 3), nil, 0},
		"nothing new":     {chart(0, 1, 2, 3), chart(0, 1, 2, 3), 3},
		"moved on":        {chart(1, 2, 3), chart(0, 1, 2, 3), 2},
		"reaches further": {chart(1, 2, 3, 4), chart(0, 1, 2, 3), 2},
		"anchored anew":   {chart(0, 1, 5, 6), chart(0, 1, 2, 3), 1},
		"there was none":  {chart(0, 1, 2, 3), none, 0},
		"there is none":   {none, chart(0, 1, 2, 3), 0},
		"jumped":          {chart(9, 1), chart(0, 1, 2, 3), 0},
	} {
		if got := firstOver(tt.now, tt.before); got != tt.want {
			t.Errorf("%s: firstOver() = %d, want %d", name, got, tt.want)
		}
	}
}

// A forecast of a whole match is said once: a second's frame does not say it again.
func TestDeltasLeaveOutWhatIsDrawnOver(t *testing.T) {
	s := looking(t, nil)
	c := s.dial(t, s.signedIn(t, "viewer"), "metric=traffic&lang=fr")
	type over struct {
		OverFrom int
		Over     []wireLine
		Reserved float64
	}
	read := func(m envelope) (o over) {
		if err := json.Unmarshal(m.Charts["flow"], &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	whole := read(receive(t, c))
	if whole.Reserved != 4.07e12 || len(whole.Over) != 2 || len(whole.Over[0].Points) < 1000 {
		t.Fatalf("the snapshot has %d lines over the traffic, reserved %v", len(whole.Over), whole.Reserved)
	}
	for tick := 1; tick < 4; tick++ {
		b := lookedAt(t, tick, cockpit.Sight{})
		first := lookedAt(t, 0, cockpit.Sight{})
		b.Flow.Over = first.Flow.Over // it was told for the whole match
		s.Publish(b)
		delta := read(receive(t, c))
		if len(delta.Over) != 2 || len(delta.Over[0].Points)+len(delta.Over[1].Points) != 0 || delta.OverFrom < 1000 || delta.Reserved != 4.07e12 {
			t.Fatalf("tick %d tells %d points of the forecast from %d", tick, len(delta.Over[0].Points), delta.OverFrom)
		}
	}
}

func TestSamples(t *testing.T) {
	nan := math.NaN()
	var mu sync.Mutex
	var asked []string
	s := looking(t, func(c *Config) {
		c.Samples = func(_ context.Context, sight cockpit.Sight, f cockpit.SampleFilter) ([]cockpit.Sample, error) {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, fmt.Sprintf("%s %s %v %d %s", sight.Scope.ISP, sight.Scope.CDN, f.Failed, f.Status, f.PoP))
			if sight.Scope.CDN == "gone" {
				return nil, cockpit.ErrNoSuchSight
			}
			return []cockpit.Sample{
				{At: time.Date(2022, 12, 18, 17, 24, 1, 250e6, time.UTC), CDN: "cloudfront", ISP: "Free", PoP: "MRS52", Method: "GET", Path: "/live/<b>.m4s", Status: 503, Bytes: 1_834_000, FirstByte: 1.9, Duration: nan, Client: "203.0.113.0/24"},
				{At: time.Date(2022, 12, 18, 17, 24, 0, 0, time.UTC), CDN: "cloudfront", Status: 200, FirstByte: nan, Duration: nan, Aborted: true},
			}, nil
		}
	})
	b := s.signedIn(t, "viewer")
	page, err := goquery.NewDocumentFromReader(s.get(t, b, "/samples?cdn=cloudfront&isp=Free&failed=1&pop=MRS52&lang=fr").Body)
	if err != nil {
		t.Fatal(err)
	}
	if asked[0] != "Free cloudfront true 0 MRS52" {
		t.Errorf("asked for %q", asked[0])
	}
	first := page.Find(".raw tbody tr").First()
	for _, want := range []string{"18:24:01.250", "108′", "503", "CloudFront", "MRS52", "GET", "/live/<b>.m4s", "1,83\u202fMo", "1,90\u202fs", "203.0.113.0/24"} {
		if !strings.Contains(first.Text(), want) {
			t.Errorf("the first line has no %q: %s", want, first.Text())
		}
	}
	if !first.HasClass("critical") || first.Find(".sign.critical").Length() != 1 || page.Find(".raw tbody tr").Last().Find(".outcome").Text() == "" ||
		!strings.Contains(page.Find(".raw tbody tr").Last().Text(), "interrompue") {
		t.Errorf("what failed is not told: %s", page.Find(".raw tbody").Text())
	}
	if back := page.Find("a.back").AttrOr("href", ""); back != "/?cdn=cloudfront&isp=Free" {
		t.Errorf("back leads to %q", back)
	}
	if all := page.Find(".switch a").First().AttrOr("href", ""); all != "/samples?cdn=cloudfront&isp=Free&pop=MRS52" {
		t.Errorf("all lines are at %q", all)
	}
	for query, want := range map[string]int{
		"status=503": 200, "status=abc": 400, "status=-1": 400, "status=1000": 400, "pop=" + strings.Repeat("x", 65): 400, "pop=%00": 400, "from=200": 400, "cdn=gone": 404,
	} {
		if r := s.get(t, b, "/samples?"+query); r.StatusCode != want {
			t.Errorf("/samples?%.40s answered %d, want %d", query, r.StatusCode, want)
		}
	}
	none := looking(t, nil)
	if r := none.get(t, none.signedIn(t, "viewer"), "/samples"); r.StatusCode != http.StatusNotFound {
		t.Errorf("without a source of samples it answered %d", r.StatusCode)
	}
}

// A CDN's log does not know devices: a board of one device says so instead of showing other people's numbers.
func TestWhatASourceDoesNotTellIsSaid(t *testing.T) {
	b := final(t, 0)
	b.Sight.Scope.Device = "tv"
	b.Traffic = cockpit.Number{Panel: cockpit.Panel{Untold: "device"}}
	page := parse(t, renderBoard(t, b, "en", cockpit.MetricBits))
	if got := page.Find("#tile-traffic .failed").Text(); !strings.Contains(got, "do not tell the device") {
		t.Errorf("the traffic of a device says %q", got)
	}
	if tile := page.Find("#tile-traffic"); !tile.HasClass("unknown") || tile.Find(".big b").Text() != missing {
		t.Errorf("its value is %q", tile.Find(".big").Text())
	}
}
