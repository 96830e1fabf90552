package web

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// WCAG 2.2: 1.4.3 wants 4.5:1 for text, 1.4.11 wants 3:1 for signs and for what tells parts apart.
func TestPaletteHasEnoughContrast(t *testing.T) {
	css, err := os.ReadFile("assets/app.css")
	if err != nil {
		t.Fatal(err)
	}
	themes := map[string]map[string]string{"light": {}, "dark": {}}
	for _, m := range regexp.MustCompile(`--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)`).FindAllStringSubmatch(string(css), -1) {
		themes["light"][m[1]], themes["dark"][m[1]] = m[2], m[3]
	}
	text, sign := 4.5, 3.0
	for _, tt := range []struct {
		fore, back string
		want       float64
	}{
		{"fg", "bg", text}, {"fg", "panel", text}, {"muted", "bg", text}, {"muted", "panel", text}, {"faint", "panel", text}, {"faint", "bg", text},
		{"warning", "panel", text}, {"warning", "bg", text}, {"warning", "warning-bg", text}, {"fg", "warning-bg", text},
		{"critical", "panel", text}, {"critical", "critical-bg", text}, {"fg", "critical-bg", text}, {"muted", "critical-bg", text},
		{"muted", "warning-bg", text}, {"faint", "warning-bg", text}, {"banner-fg", "banner", text}, {"fg", "line", text},
		{"fine", "panel", sign}, {"fine", "warning-bg", sign}, {"fine", "critical-bg", sign}, {"muted", "panel", sign}, {"live", "panel", sign}, {"live", "bg", sign}, {"focus", "bg", sign}, {"focus", "panel", sign},
		// Lines and areas of charts that are no CDN's, and what bars are drawn on.
		{"line-5xx", "panel", sign}, {"line-aborted", "panel", sign}, {"line-4xx", "panel", sign}, {"line-accepted", "panel", sign}, {"line-blocked", "panel", sign},
		{"fg", "line", sign}, {"muted", "bg", sign},
		// Names and numbers of chips, of reserves and of a telephone's lists, which have no panel behind them.
		{"critical", "bg", text}, {"warning", "warning-bg", text}, {"fg", "critical-bg", text},
		{"p2p", "panel", sign}, {"warning", "line", sign}, {"critical", "line", sign},
	} {
		for theme, colours := range themes {
			if got := contrast(t, colours[tt.fore], colours[tt.back]); got < tt.want {
				t.Errorf("%s: %s on %s has %.2f:1, want %.1f:1", theme, tt.fore, tt.back, got, tt.want)
			}
		}
	}
}

// contrast is WCAG's ratio of relative luminances.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) != 7 {
		t.Fatalf("colour %q is not in the style sheet as #rrggbb", colour)
	}
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
