package web

import (
	"math"
	"testing"

	"vigie/cockpit"
	"vigie/internal/match"
)

func TestNumbersAgainstForecastReserveAndEarlierMatch(t *testing.T) {
	known := func(v float64) cockpit.Compared { return cockpit.Compared{Value: v, Known: true} }
	n := func(change func(*cockpit.Number)) cockpit.Number {
		number := final(t, 0).Traffic
		change(&number)
		return number
	}
	nothing := func(n *cockpit.Number) {
		n.Forecast, n.Earlier, n.Reserved = cockpit.Compared{}, cockpit.Compared{}, cockpit.Compared{}
	}
	for name, tt := range map[string]struct {
		traffic cockpit.Number
		fr, en  string
	}{
		"all known":              {n(func(*cockpit.Number) {}), "+9 % prévu 84 % du réservé +39 % demi-finale 108′", "+9% vs forecast 84% of the reserve +39% demi-finale 108′"},
		"less than expected":     {n(func(n *cockpit.Number) { n.Forecast = known(6.84e12) }), "−50 % prévu 84 % du réservé +39 % demi-finale 108′", "−50% vs forecast 84% of the reserve +39% demi-finale 108′"},
		"neither of the two":     {n(func(n *cockpit.Number) { reserved := n.Reserved; nothing(n); n.Reserved = reserved }), "+8 % en 10 min 84 % du réservé", "+8% in 10 min 84% of the reserve"},
		"nothing known":          {n(func(n *cockpit.Number) { nothing(n); n.Compare = false }), "", ""},
		"zero is not divided by": {n(func(n *cockpit.Number) { nothing(n); n.Forecast, n.Reserved = known(0), known(0) }), "", ""},
		"not a number":           {n(func(n *cockpit.Number) { nothing(n); n.Earlier, n.Compare = known(math.NaN()), false }), "", ""},
		"a CDN is silent":        {n(func(n *cockpit.Number) { n.Without = []string{"Maison"} }), "sans Maison : non comparable", "without Maison: not comparable"},
		"four are":               {n(func(n *cockpit.Number) { n.Without = []string{"a", "b", "c", "d"} }), "sans a, b, +2 : non comparable", "without a, b, +2: not comparable"},
		"little data":            {n(func(n *cockpit.Number) { n.Few = true }), "", ""},
		"no data":                {n(func(n *cockpit.Number) { n.Known = false }), "", ""},
	} {
		for language, want := range map[string]string{"fr": tt.fr, "en": tt.en} {
			b := final(t, 0)
			b.Traffic = tt.traffic
			if got := plain(parse(t, renderBoard(t, b, language, cockpit.MetricBits)).Find("#tile-traffic .compare")); got != want {
				t.Errorf("%s, %s: %q, want %q", name, language, got, want)
			}
		}
	}
}

func TestEachNumberDeviatesInItsOwnWay(t *testing.T) {
	b := final(t, 0)
	for tile, want := range map[string]string{
		"viewers": "+6 % prévu +41 % demi-finale 108′", "errors": "×1,8 demi-finale 108′ 1 sur 476 requêtes", "startup": "+0,04 s demi-finale 108′ médiane · p95 3,10 s", "rebuffering": "×1,5 demi-finale 108′",
	} {
		if got := plain(parse(t, renderBoard(t, b, "fr", cockpit.MetricBits)).Find("#tile-" + tile + " .compare")); got != want {
			t.Errorf("%s: %q, want %q", tile, got, want)
		}
	}
	// Aligned on a phase, or outside of play, both matches are not at the same minute.
	b.Earlier.Align = match.PhaseSecondHalf
	if got := plain(parse(t, renderBoard(t, b, "fr", cockpit.MetricBits)).Find("#tile-rebuffering .compare")); got != "×1,5 demi-finale" {
		t.Errorf("aligned on a phase: %q", got)
	}
	b.Earlier.Align, b.Match.Phase = "", match.PhaseHalfTime
	if got := plain(parse(t, renderBoard(t, b, "fr", cockpit.MetricBits)).Find("#tile-rebuffering .compare")); got != "×1,5 demi-finale" {
		t.Errorf("at half-time: %q", got)
	}
}

func TestFewLinesAreShownAndNotJudged(t *testing.T) {
	b := final(t, 0)
	b.Errors.Few, b.Errors.Health = true, cockpit.HealthCritical
	tile := parse(t, renderBoard(t, b, "fr", cockpit.MetricBits)).Find("#tile-errors")
	if !tile.HasClass("few") || !tile.HasClass("unknown") || tile.HasClass("critical") || plain(tile.Find(".big")) != "0,21 %" || plain(tile.Find(".word")) != "peu de données" || tile.Find(".sign.unknown").Length() != 1 {
		t.Errorf("a number of few lines is %q: %s", tile.AttrOr("class", ""), plain(tile))
	}
}

// Each number has its definition and what it is counted on, on every screen the short one, and its age.
func TestNumbersSayWhatTheyAre(t *testing.T) {
	for _, p := range []string{pageBoard, pageWall} {
		page := parse(t, renderView(t, final(t, 0), viewKey{page: p, language: "fr", metric: cockpit.MetricBits}))
		for tile, want := range map[string]string{"viewers": "sessions avec balise en 30 s", "errors": "5xx et interrompues / requêtes"} {
			e := page.Find("#tile-" + tile)
			if plain(e.Find(".short")) != want || e.Find(".age").Length() != 1 || e.Find(".short").AttrOr("title", "") == "" {
				t.Errorf("%s, %s: %q", p, tile, plain(e))
			}
		}
		if n := page.Find(".tile .note").Length(); n != map[string]int{pageBoard: 5, pageWall: 0}[p] {
			t.Errorf("%s has %d definitions that open", p, n)
		}
	}
}
