package web

import (
	"math"
	"testing"
	"time"

	"vigie/cockpit"
)

func TestReservesInBarsAndWords(t *testing.T) {
	for language, want := range map[string][]string{
		"fr": {
			"Maison 74 % normal 893 Gbit/s sur 1,20 Tbit/s plein dans 24 min", "Akamai 84 % à surveiller 1,21 Tbit/s sur 1,45 Tbit/s plein dans 12 min", "CloudFront 62 % normal 874 Gbit/s sur 1,42 Tbit/s en baisse",
			"Free × CloudFront 97 % à surveiller 190 Gbit/s sur 196 Gbit/s plein dans 5 min",
		},
		"en": {
			"Maison 74% normal 893 Gbit/s of 1.20 Tbit/s full in 24 min", "Akamai 84% degraded 1.21 Tbit/s of 1.45 Tbit/s full in 12 min", "CloudFront 62% normal 874 Gbit/s of 1.42 Tbit/s falling",
			"Free × CloudFront 97% degraded 190 Gbit/s of 196 Gbit/s full in 5 min",
		},
	} {
		rows := parse(t, renderBoard(t, final(t, 0), language, cockpit.MetricBits)).Find("#capacity .reserves li")
		for i, text := range want {
			if got := plain(rows.Eq(i)); got != text {
				t.Errorf("%s: row %d says %q, want %q", language, i, got, text)
			}
		}
		if got := rows.Eq(3).Find("a").AttrOr("href", ""); got != "/?cdn=cloudfront&isp=Free" {
			t.Errorf("a cell leads to %q", got)
		}
	}
}

func TestReserveOfEachState(t *testing.T) {
	nan := math.NaN()
	k := look{locale: localeFor(t, "fr"), board: final(t, 0), page: pageBoard}
	for name, tt := range map[string]struct {
		used                    cockpit.Used
		class, share, bar, full string
	}{
		"full":             {cockpit.Used{Bits: 120, Reserved: 100, Full: 0, Slope: 1, Health: cockpit.HealthCritical}, "critical", "120 %", "96.0", "plein"},
		"far over":         {cockpit.Used{Bits: 900, Reserved: 100, Health: cockpit.HealthCritical}, "critical", "900 %", "100.0", "plein"},
		"soon":             {cockpit.Used{Bits: 90, Reserved: 100, Full: 20 * time.Second, Slope: 1, Health: cockpit.HealthWarning}, "warning", "90 %", "72.0", "plein dans 1 min"},
		"in a day":         {cockpit.Used{Bits: 50, Reserved: 100, Full: 24 * time.Hour, Slope: 1, Health: cockpit.HealthFine}, "fine", "50 %", "40.0", ""},
		"falling":          {cockpit.Used{Bits: 50, Reserved: 100, Slope: -1, Health: cockpit.HealthFine}, "fine", "50 %", "40.0", "en baisse"},
		"slope unknown":    {cockpit.Used{Bits: 50, Reserved: 100, Slope: nan, Health: cockpit.HealthFine}, "fine", "50 %", "40.0", ""},
		"nothing reserved": {cockpit.Used{Bits: 50, Health: cockpit.HealthFine}, "unknown", missing, "0", ""},
		"nothing measured": {cockpit.Used{Bits: nan, Reserved: 100, Health: cockpit.HealthFine}, "unknown", missing, "0", ""},
	} {
		v := newUsed(k, &tt.used)
		if v.Health.Class != tt.class || noBreak(v.Share) != tt.share || v.Bar != tt.bar || noBreak(v.Full) != tt.full {
			t.Errorf("%s: %s %q bar %s %q, want %s %q bar %s %q", name, v.Health.Class, v.Share, v.Bar, v.Full, tt.class, tt.share, tt.bar, tt.full)
		}
	}
}

func TestLossesInBarsAndWords(t *testing.T) {
	b := final(t, 0)
	rows := parse(t, renderBoard(t, b, "fr", cockpit.MetricBits)).Find("#capacity .losses > ul > li")
	for i, want := range map[int]string{
		1: "si Akamai tombe 1,21 Tbit/s Maison 112 % critique +451 Gbit/s CloudFront 98 % à surveiller +520 Gbit/s au plus serré : Free",
		3: "si le P2P tombe 443 Gbit/s Maison 84 % à surveiller +121 Gbit/s Akamai 97 % à surveiller +188 Gbit/s CloudFront 71 % normal +134 Gbit/s",
	} {
		if got := plain(rows.Eq(i)); got != want {
			t.Errorf("loss %d says %q, want %q", i, got, want)
		}
	}
	if rows.Length() != 4 || rows.Eq(1).Find(".takers li").First().Find(".sign.critical, rect").Length() != 3 {
		t.Error("a loss has no bar or no sign")
	}
	// A wall has room for the worst two.
	wall := parse(t, renderView(t, b, viewKey{page: pageWall, language: "fr", metric: cockpit.MetricBits})).Find("#capacity")
	if got := plain(wall.Find(".losses .if").First()); wall.Find(".losses > ul > li").Length() != 2 || got != "si Akamai tombe 1,21 Tbit/s" {
		t.Errorf("a wall begins with %q", got)
	}
	// Without reserves there is no judgement, but still who would carry how much.
	for i := range b.Capacity.Losses {
		b.Capacity.Losses[i].Health = cockpit.HealthUnknown
		for j := range b.Capacity.Losses[i].Takers {
			b.Capacity.Losses[i].Takers[j].Reserved = 0
		}
	}
	b.Capacity.CDNs, b.Capacity.Cells = nil, nil
	panel := parse(t, renderBoard(t, b, "fr", cockpit.MetricBits)).Find("#capacity")
	if got := plain(panel.Find(".losses > ul > li").Eq(1)); got != "si Akamai tombe 1,21 Tbit/s Maison 1,34 Tbit/s sans données +451 Gbit/s CloudFront 1,39 Tbit/s sans données +520 Gbit/s au plus serré : Free" {
		t.Errorf("without reserves a loss says %q", got)
	}
	if got := plain(panel.Find(".nothing p")); got != "Aucune réserve connue. Dans le fichier du match :" || panel.Find(".nothing pre").Length() != 1 || panel.Find(".reserve, .sign.fine").Length() != 0 {
		t.Errorf("without reserves the panel says %q", got)
	}
}

func TestPressureInWords(t *testing.T) {
	nan := math.NaN()
	for name, tt := range map[string]struct {
		change func(*cockpit.Pressure)
		class  string
		said   string
	}{
		"an attack":         {func(*cockpit.Pressure) {}, "warning", "38,2 k/s bloquées 91,4 k/s acceptées pic 312 k/s à 97′ login : 4,10 k/s, échecs 2,10 %"},
		"none":              {func(p *cockpit.Pressure) { p.Blocked, p.Peak, p.Health = 0, 0, cockpit.HealthFine }, "fine", "0 /s bloquées 91,4 k/s acceptées login : 4,10 k/s, échecs 2,10 %"},
		"no identity":       {func(p *cockpit.Pressure) { p.Login = "" }, "warning", "38,2 k/s bloquées 91,4 k/s acceptées pic 312 k/s à 97′"},
		"failures not told": {func(p *cockpit.Pressure) { p.LoginErrors = nan }, "warning", "38,2 k/s bloquées 91,4 k/s acceptées pic 312 k/s à 97′ login : 4,10 k/s, échecs non mesurés"},
		"blocks not told":   {func(p *cockpit.Pressure) { p.Blocked, p.Health = nan, cockpit.HealthFine }, "unknown", "— bloquées 91,4 k/s acceptées pic 312 k/s à 97′ login : 4,10 k/s, échecs 2,10 %"},
		"nothing measured": {func(p *cockpit.Pressure) {
			*p = cockpit.Pressure{Accepted: nan, Blocked: nan, Health: cockpit.HealthFine}
		}, "unknown", "Aucune requête mesurée"},
		"nothing asked yet": {func(p *cockpit.Pressure) { *p = cockpit.Pressure{Health: cockpit.HealthFine} }, "unknown", "Aucune requête mesurée"},
	} {
		b := final(t, 0)
		tt.change(&b.Pressure)
		page := parse(t, renderBoard(t, b, "fr", cockpit.MetricBits))
		if got := plain(page.Find("#pressure-foot")); got != tt.said || page.Find("#pressure-head .sign."+tt.class).Length() != 1 {
			t.Errorf("%s: says %q, want %q as %s", name, got, tt.said, tt.class)
		}
	}
}

// A panel whose query failed says why, keeps what was known and how old that is, and touches no other.
func TestEachPanelFailsAlone(t *testing.T) {
	for id, panel := range map[string]func(*cockpit.Board) *cockpit.Panel{
		"capacity": func(b *cockpit.Board) *cockpit.Panel { return &b.Capacity.Panel }, "pressure-head": func(b *cockpit.Board) *cockpit.Panel { return &b.Pressure.Panel },
		"classes-head": func(b *cockpit.Board) *cockpit.Panel { return &b.Classes.Panel }, "failing-head": func(b *cockpit.Board) *cockpit.Panel { return &b.Failing.Panel },
		"flow-head": func(b *cockpit.Board) *cockpit.Panel { return &b.Flow.Panel }, "matrix": func(b *cockpit.Board) *cockpit.Panel { return &b.Matrix.Panel },
		"tools": func(b *cockpit.Board) *cockpit.Panel { return &b.Tools.Panel }, "sources": func(b *cockpit.Board) *cockpit.Panel { return &b.Sources.Panel },
		"services": func(b *cockpit.Board) *cockpit.Panel { return &b.Services.Panel }, "mesh": func(b *cockpit.Board) *cockpit.Panel { return &b.Mesh.Panel },
		"tile-startup": func(b *cockpit.Board) *cockpit.Panel { return &b.Startup.Panel },
	} {
		for _, p := range []string{pageBoard, pageWall} {
			b := final(t, 0)
			panel(b).Error = "code: 159"
			html := renderView(t, b, viewKey{page: p, language: "en", metric: cockpit.MetricBits})
			if _, shown := html[id]; !shown && p == pageWall {
				continue
			}
			page := parse(t, html)
			e := page.Find("#" + id)
			if got := plain(e.Find(".failed")); got != "The last query failed: code: 159" || plain(e.Find(".age").First()) == missing {
				t.Errorf("%s, %s: says %q as of %q", p, id, got, plain(e.Find(".age")))
			}
			if n := page.Find(".failed").Length() - page.Find("#concerns .failed").Length(); n != 1 {
				t.Errorf("%s, %s: %d panels say that they failed", p, id, n)
			}
		}
	}
}
