package web

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/cockpit"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Golden files hold every fragment of a board, one after the other in the order of their ids.
func TestFragments(t *testing.T) {
	quiet := final(t, 0)
	quiet.Worst = nil
	failed := final(t, 0)
	failed.Errors.Error, failed.Matrix.Error = "code: 159, timeout exceeded", "code: 159, timeout exceeded"
	known := map[string]*alertsNow{"alerts-fr": busy(final(t, 0)), "alerts-none-en": firing(final(t, 0), 0), "alerts-wall-fr": busy(final(t, 0)), "alerts-trouble-en": broken(final(t, 0))}
	for name, tt := range map[string]struct {
		board *cockpit.Board
		key   viewKey
	}{
		"alerts-fr":          {final(t, 0), viewKey{page: pageBoard, language: "fr", metric: cockpit.MetricBits}},
		"alerts-none-en":     {quiet, viewKey{page: pageBoard, language: "en", metric: cockpit.MetricBits}},
		"alerts-wall-fr":     {final(t, 0), viewKey{page: pageWall, language: "fr", metric: cockpit.MetricBits}},
		"alerts-trouble-en":  {final(t, 0), viewKey{page: pageBoard, language: "en", metric: cockpit.MetricBits}},
		"final-fr":           {final(t, 0), viewKey{page: pageBoard, language: "fr", metric: cockpit.MetricBits}},
		"final-en-firstbyte": {final(t, 0), viewKey{page: pageBoard, language: "en", metric: cockpit.MetricFirstByte}},
		"quiet-fr-share":     {quiet, viewKey{page: pageBoard, language: "fr", metric: cockpit.MetricShare}},
		"failed-en":          {failed, viewKey{page: pageBoard, language: "en", metric: cockpit.MetricErrors}},
		"empty-fr":           {&cockpit.Board{At: time.Unix(0, 0).UTC()}, viewKey{page: pageBoard, language: "fr", metric: cockpit.MetricRebuffering}},
		"wall-fr":            {final(t, 0), viewKey{page: pageWall, language: "fr", metric: cockpit.MetricBits}},
		"wall-empty-en":      {&cockpit.Board{At: time.Unix(0, 0).UTC()}, viewKey{page: pageWall, language: "en", metric: cockpit.MetricBits}},
		"sources-fr":         {many(t, 0), viewKey{page: pageSources, language: "fr"}},
		"sources-en":         {many(t, 0), viewKey{page: pageSources, language: "en"}},
		"no-sources-fr":      {&cockpit.Board{At: time.Unix(0, 0).UTC()}, viewKey{page: pageSources, language: "fr"}},
	} {
		t.Run(name, func(t *testing.T) {
			html := renderAlerts(t, tt.board, known[name], tt.key)
			var all strings.Builder
			ids := make([]string, 0, len(html))
			for id, r := range html {
				if known[name] != nil && !slices.Contains(alertsIn, id) {
					continue // another file has it
				}
				if !r.part {
					ids = append(ids, id)
				}
			}
			slices.Sort(ids)
			for _, id := range ids {
				all.WriteString("<!-- " + id + " -->\n" + strings.ReplaceAll(html[id].html, "><", ">\n<") + "\n")
			}
			path := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(path, []byte(all.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := all.String(); got != string(want) {
				line := 0
				for i := range min(len(got), len(want)) {
					if got[i] != want[i] {
						break
					}
					if got[i] == '\n' {
						line++
					}
				}
				t.Errorf("differs from %s from line %d on; look at what changed, then run with -update", path, line+1)
			}
		})
	}
}

// alertsIn are the fragments that alerts have a part in.
var alertsIn = []string{"alarm", "alerts", "alerts-table", "changes", "concerns", "marks", "worst"}

func TestWhatIsNotKnownIsNeverFine(t *testing.T) {
	b := final(t, 0)
	b.Viewers = cockpit.Number{Health: cockpit.HealthFine} // Known is false
	b.Traffic.Value = math.NaN()
	b.Sources.Rows[0].Watermark, b.Sources.Rows[0].Health = time.Time{}, cockpit.HealthFine
	b.Matrix.Rows[0].Cells[0].Bits = math.NaN()
	page := parse(t, renderBoard(t, b, "en", cockpit.MetricBits))
	for _, id := range []string{"#tile-viewers", "#tile-traffic"} {
		tile := page.Find(id)
		if !tile.HasClass("unknown") || tile.HasClass("fine") || tile.Find(".big b").Text() != missing || tile.Find(".word").Text() != "no data" {
			t.Errorf("%s shows %q as %q", id, tile.Find(".big").Text(), tile.AttrOr("class", ""))
		}
	}
	if row := page.Find("#sources tbody tr.unknown"); row.Length() != 1 || !strings.Contains(row.Text(), "akamai-ds2") || !strings.Contains(row.Text(), "no data") {
		t.Errorf("a source that sent nothing is %q: %s", row.AttrOr("class", ""), row.Text())
	}
	if cell := page.Find("#row-0 td").First(); !cell.HasClass("none") || strings.TrimSpace(cell.Find("b").Text()) != missing {
		t.Errorf("an unknown cell is %q: %s", cell.AttrOr("class", ""), cell.Text())
	}
}

func TestStatusIsColourShapeAndWord(t *testing.T) {
	page := parse(t, renderBoard(t, final(t, 0), "en", cockpit.MetricBits))
	for selector, want := range map[string]struct{ class, word string }{
		"#tile-viewers":            {"fine", "normal"},
		"#tile-errors":             {"warning", "degraded"},
		"#worst":                   {"critical", "critical"},
		"#row-1 td:nth-of-type(3)": {"critical", "critical : First byte"},
		"#sources tbody tr":        {"warning", "silent"},
	} {
		e := page.Find(selector).First()
		if !e.HasClass(want.class) || e.Find(".sign."+want.class).Length() == 0 || !strings.Contains(e.Text(), want.word) {
			t.Errorf("%s has class %q and text %q, want %s with its sign and %q", selector, e.AttrOr("class", ""), e.Text(), want.class, want.word)
		}
	}
}

func TestTextsOfOthersAreEscaped(t *testing.T) {
	b := final(t, 0)
	const evil = `<img src=x onerror=alert(1)>"'`
	b.Match.Name, b.Matrix.Rows[0].ISP, b.Worst.ISP, b.Errors.Error = evil, evil, evil, evil
	b.Sources.Rows[0].ID, b.Tools.Rows[0].Name, b.Flow.Lines[0].Name, b.Matrix.Columns[0].Name = evil, evil, evil, evil
	if n := parse(t, renderBoard(t, b, "fr", cockpit.MetricBits)).Find("img").Length(); n != 0 {
		t.Errorf("%d elements came out of names", n)
	}
}

func TestMoment(t *testing.T) {
	b := final(t, 0)
	kickOff := b.Match.KickOff
	for after, want := range map[time.Duration]string{
		-5 * time.Minute:             "15:55",
		0:                            "1′",
		44*time.Minute + time.Second: "45′",
		47 * time.Minute:             "45+3′",
		55 * time.Minute:             "16:55",
		67 * time.Minute:             "46′",
		115 * time.Minute:            "90+4′",
		135 * time.Minute:            "101′",
		144 * time.Minute:            "108′",
	} {
		if got := moment(b, kickOff.Add(after)); got != want {
			t.Errorf("%v after kick-off is %q, want %q", after, got, want)
		}
	}
}

func TestSpark(t *testing.T) {
	nan := math.NaN()
	for name, tt := range map[string]struct {
		points         []float64
		solid          int
		solidD, dotted string
	}{
		"rising":               {[]float64{0, 1, 2}, 3, "M0 18.0L50 10.0L100 2.0", ""},
		"with an open end":     {[]float64{0, 2, 1}, 2, "M0 18.0L50 2.0", "M50 2.0L100 10.0"},
		"falling at its end":   {[]float64{9, 11, 0}, 2, "M0 18.0L50 2.0", "M50 2.0L100 18.0"},
		"nothing complete":     {[]float64{0, 1, 2}, 0, "", "M0 18.0L50 10.0L100 2.0"},
		"a gap":                {[]float64{0, nan, 2, 0}, 4, "M0 18.0M67 2.0L100 18.0", ""},
		"flat":                 {[]float64{5, 5}, 2, "M0 10.0L100 10.0", ""},
		"flat at zero":         {[]float64{0, 0}, 2, "M0 10.0L100 10.0", ""},
		"one point":            {[]float64{5}, 1, "", ""},
		"nothing known":        {[]float64{nan, nan}, 2, "", ""},
		"solid beyond its end": {[]float64{0, 2}, 9, "M0 18.0L100 2.0", ""},
	} {
		got := newSpark(tt.points, tt.solid, 100, 20)
		if got.Solid != tt.solidD || got.Dotted != tt.dotted {
			t.Errorf("%s: %q and %q, want %q and %q", name, got.Solid, got.Dotted, tt.solidD, tt.dotted)
		}
	}
}

func renderBoard(t *testing.T, b *cockpit.Board, language string, metric cockpit.Metric) map[string]rendered {
	t.Helper()
	return renderView(t, b, viewKey{page: pageBoard, language: language, metric: metric})
}

func renderView(t *testing.T, b *cockpit.Board, key viewKey) map[string]rendered {
	t.Helper()
	return renderAlerts(t, b, nil, key)
}

func renderAlerts(t *testing.T, b *cockpit.Board, known *alertsNow, key viewKey) map[string]rendered {
	t.Helper()
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	html := make(map[string]rendered)
	v := &view{page: key.page, locale: all.byCode(key.language), metric: key.metric}
	if err := renderInto(html, v.fragments(&published{board: b, alerts: known})); err != nil {
		t.Fatal(err)
	}
	return html
}

func parse(t *testing.T, html map[string]rendered) *goquery.Document {
	t.Helper()
	return newDOM(t, pick(html, func(_ string, r rendered) bool { return !r.part })).Document
}
