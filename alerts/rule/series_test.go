package rule

import (
	"fmt"
	"strings"
	"testing"
)

func TestASeriesIsWrittenShort(t *testing.T) {
	for text, want := range map[string]string{
		"0.5x3":            "[0.5 0.5 0.5]",
		"1 2 _ 3":          "[1 2 NaN 3]",
		"_x2 1":            "[NaN NaN 1]",
		"0..4x5":           "[0 1 2 3 4]",
		"4..0x3  \n 1e3x1": "[4 2 0 1000]",
		"1..2":             "[1]",
		"-1x2":             "[-1 -1]",
		"":                 "[]",
	} {
		got, err := parseSeries(text)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"a":                        "is none of a value",
		"1x0":                      "does not last",
		"1xx":                      "does not last",
		"1x-2":                     "does not last",
		"1x99999999":               "does not last",
		"1x7000 1x7000":            "is longer than 7200 seconds",
		"_..1x5":                   "is none of a value",
		"1..x5":                    "is none of a value",
		"nanx5":                    "is none of a value",
		"infx5":                    "is none of a value",
		"1e300x5":                  "is none of a value",
		"1,5x5":                    "is none of a value",
		strings.Repeat("1 ", 8000): "is longer than",
	} {
		if _, err := parseSeries(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
}

func FuzzSeries(f *testing.F) {
	f.Add("0.001x120 0.08x60 _x10 0.08..0.2x30")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseSeries(text)
		if len(values) > maxNight || err == nil && len(values) < len(strings.Fields(text)) {
			t.Errorf("%q: %d seconds", text, len(values))
		}
		for _, v := range values {
			if v > 1e18 || v < -1e18 {
				t.Errorf("%q: %v", text, v)
			}
		}
	})
}
