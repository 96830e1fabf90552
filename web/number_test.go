package web

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestNumbers(t *testing.T) {
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	fr, en := all.byCode("fr"), all.byCode("en")
	type writer = func(l *locale) string
	for _, tt := range []struct {
		write  writer
		fr, en string // '_' is a narrow space that does not break, '~' a usual one
	}{
		{func(l *locale) string { return l.count(2_312_400).String() }, "2,31_M", "2.31~M"},
		{func(l *locale) string { return l.count(999_499).String() }, "999_k", "999~k"},
		{func(l *locale) string { return l.count(999_500).String() }, "1,00_M", "1.00~M"},
		{func(l *locale) string { return l.count(9_999).String() }, "9_999", "9,999"},
		{func(l *locale) string { return l.count(9_999.6).String() }, "10,0_k", "10.0~k"},
		{func(l *locale) string { return l.count(0).String() }, "0", "0"},
		{func(l *locale) string { return l.count(math.NaN()).String() }, "—", "—"},
		{func(l *locale) string { return l.about(211_834) }, "212_000", "212,000"},
		{func(l *locale) string { return l.about(99_950) }, "100_000", "100,000"},
		{func(l *locale) string { return l.about(476.2) }, "476", "476"},
		{func(l *locale) string { return l.about(42) }, "42", "42"},
		{func(l *locale) string { return l.bits(3.42e12).String() }, "3,42_Tbit/s", "3.42~Tbit/s"},
		{func(l *locale) string { return l.bits(9.999e11).String() }, "1,00_Tbit/s", "1.00~Tbit/s"},
		{func(l *locale) string { return l.bits(948e9).String() }, "948_Gbit/s", "948~Gbit/s"},
		{func(l *locale) string { return l.bits(5e15).String() }, "5_000_Tbit/s", "5,000~Tbit/s"},
		{func(l *locale) string { return l.bits(0).String() }, "0_bit/s", "0~bit/s"},
		{func(l *locale) string { return l.bits(math.Inf(1)).String() }, "—", "—"},
		{func(l *locale) string { return l.ratio(.0021).String() }, "0,21_%", "0.21%"},
		{func(l *locale) string { return l.ratio(.09996).String() }, "10,0_%", "10.0%"},
		{func(l *locale) string { return l.ratio(1).String() }, "100_%", "100%"},
		{func(l *locale) string { return l.share(.001).String() }, "<_1_%", "<_1%"},
		{func(l *locale) string { return l.share(.128).String() }, "13_%", "13%"},
		{func(l *locale) string { return l.share(0).String() }, "0_%", "0%"},
		{func(l *locale) string { return l.seconds(1.32).String() }, "1,32_s", "1.32~s"},
		{func(l *locale) string { return l.latency(.2123).String() }, "212_ms", "212~ms"},
		{func(l *locale) string { return l.latency(.9996).String() }, "1,00_s", "1.00~s"},
		{func(l *locale) string { return l.rate(61_200).String() }, "61,2_k/s", "61.2~k/s"},
		{func(l *locale) string { return l.rate(12).String() }, "12_/s", "12~/s"},
		{func(l *locale) string { return l.times(3.203) }, "×3,2", "×3.2"},
		{func(l *locale) string { return l.times(12.6) }, "×13", "×13"},
		{func(l *locale) string { return l.signed(.041, 2) }, "+0,04", "+0.04"},
		{func(l *locale) string { return l.signed(-6.2, 0) }, "−6", "−6"},
		{func(l *locale) string { return l.signed(.001, 2) }, "0,00", "0.00"},
		{func(l *locale) string { return l.signed(-.001, 2) }, "0,00", "0.00"},
		{func(l *locale) string { return l.span(31 * time.Second) }, "31_s", "31~s"},
		{func(l *locale) string { return l.span(99999 * time.Millisecond) }, "99_s", "99~s"},
		{func(l *locale) string { return l.span(7 * time.Minute) }, "7_min", "7~min"},
		{func(l *locale) string { return l.span(30 * time.Hour) }, "30_h", "30~h"},
		{func(l *locale) string { return l.span(72 * time.Hour) }, "3_j", "3~d"},
		{func(l *locale) string { return l.span(-time.Second) }, "0_s", "0~s"},
	} {
		spaces := strings.NewReplacer("_", nnbsp, "~", nbsp)
		if got := tt.write(fr); got != spaces.Replace(tt.fr) {
			t.Errorf("French writes %q, want %q", got, tt.fr)
		}
		if got := tt.write(en); got != spaces.Replace(tt.en) {
			t.Errorf("English writes %q, want %q", got, tt.en)
		}
	}
}

func FuzzNumbers(f *testing.F) {
	for _, v := range []float64{0, -1, .005, 9.995, 99.95, 999.5, 1e18, -1e-9, math.NaN(), math.Inf(-1), math.MaxFloat64} {
		f.Add(v)
	}
	n := numbersOf["fr"]
	f.Fuzz(func(t *testing.T, v float64) {
		for _, text := range []string{
			n.count(v).String(), n.about(v), n.bits(v).String(), n.ratio(v).String(), n.share(v).String(), n.latency(v).String(),
			n.rate(v).String(), n.times(v), n.signed(v, 2),
		} {
			if text == "" || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, ".") {
				t.Errorf("%v is written %q", v, text)
			}
		}
	})
}
