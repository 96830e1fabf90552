package rule

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vigie/alerts/signal"
)

func TestATextSaysWhatItsPlaceholdersStandFor(t *testing.T) {
	paris := time.FixedZone("Paris", 7200)
	all := Values{
		Labels: map[string]string{"cdn": "Maison", "isp": "Orange\nS.A.\x00", "odd": "{value}"}, Unit: signal.Ratio, Value: 0.0832, Usual: 0.002, Viewers: 120400,
		Since: time.Date(2026, 7, 19, 18, 41, 7, 0, time.UTC), Zone: paris, For: 200 * time.Second,
	}
	for _, test := range []struct {
		text Text
		lang string
		v    Values
		want string
	}{
		{Text{FR: "Erreurs de {cdn} à {value}, d’ordinaire {usual}", EN: "x"}, "fr", all, "Erreurs de Maison à 8,32\u202f%, d’ordinaire 0,2\u202f%"},
		{Text{FR: "x", EN: "Errors of {cdn} at {value}, usually {usual}"}, "en", all, "Errors of Maison at 8.32%, usually 0.2%"},
		{Text{FR: "seul {value}"}, "en", all, "seul 8.32%"},
		{Text{EN: "alone {value}"}, "fr-FR", all, "alone 8,32\u202f%"},
		{Text{FR: "{viewers} touchés depuis {since}, {for}"}, "fr", all, "120\u202f400 touchés depuis 20:41:07, 3\u202fmin\u202f20\u202fs"},
		{Text{EN: "{viewers} hit since {since}, {for}"}, "en", all, "120,400 hit since 20:41:07, 3\u00a0min\u00a020\u00a0s"},
		{Text{FR: "de {isp}"}, "fr", all, "de Orange S.A."},
		{Text{FR: "{odd}"}, "fr", all, "{value}"}, // what is said is not read again
		{Text{FR: "{cdn} à {value}, {usual}, {viewers}, {since}, {for}"}, "fr", Values{Value: math.NaN(), Usual: math.Inf(1), Viewers: math.NaN(), For: -1}, "— à —, —, —, —, —"},
		{Text{FR: "{cdn"}, "fr", all, "{cdn"},
		{Text{FR: "}{{cdn}} {}"}, "fr", all, "}{Maison} —"},
		{Text{}, "fr", all, ""},
	} {
		if got := test.text.Render(test.lang, test.v); got != test.want {
			t.Errorf("%+v in %s: %q, want %q", test.text, test.lang, got, test.want)
		}
	}
}

func TestNumbersInTheirUnits(t *testing.T) {
	for _, test := range []struct {
		v      float64
		unit   signal.Unit
		fr, en string
	}{
		{0.5, signal.Ratio, "50\u202f%", "50%"},
		{0.00012, signal.Ratio, "0,01\u202f%", "0.01%"},
		{1.62e12, signal.Bits, "1,62\u202fTbit/s", "1.62\u00a0Tbit/s"},
		{999_600, signal.Bits, "1\u202fMbit/s", "1\u00a0Mbit/s"},
		{0, signal.Bits, "0\u202fbit/s", "0\u00a0bit/s"},
		{2.5e7, signal.Bits, "25\u202fMbit/s", "25\u00a0Mbit/s"},
		{1234, signal.PerSecond, "1,23\u202fk/s", "1.23\u00a0k/s"},
		{0.35, signal.Seconds, "350\u202fms", "350\u00a0ms"},
		{2.4, signal.Seconds, "2,4\u202fs", "2.4\u00a0s"},
		{3900, signal.Seconds, "1\u202fh\u202f5\u202fmin", "1\u00a0h\u00a05\u00a0min"},
		{7200, signal.Seconds, "2\u202fh", "2\u00a0h"},
		{12345, signal.Count, "12\u202f345", "12,345"},
		{2_400_000, signal.Count, "2,4\u202fM", "2.4\u00a0M"},
		{1.5, signal.Count, "1,5", "1.5"},
		{-3, signal.Count, "−3", "−3"},
		{math.NaN(), signal.Bits, "—", "—"},
		{math.Inf(-1), signal.Seconds, "—", "—"},
		{1e300, signal.Seconds, "277\u202f777\u202fh\u202f46\u202fmin", "277777\u00a0h\u00a046\u00a0min"},
	} {
		if test.v == 1e300 {
			Number("fr", test.v, test.unit) // no panic is all that is asked
			continue
		}
		if fr, en := Number("fr", test.v, test.unit), Number("en", test.v, test.unit); fr != test.fr || en != test.en {
			t.Errorf("%v in %q: %q and %q, want %q and %q", test.v, test.unit, fr, en, test.fr, test.en)
		}
	}
}

func TestATextIsBounded(t *testing.T) {
	v := Values{Labels: map[string]string{"cdn": strings.Repeat("é", 1000)}, Value: 1e300, Viewers: -1e300}
	got := Text{FR: strings.Repeat("{cdn}{value}{viewers}", 15)}.Render("fr", v)
	if n := utf8.RuneCountInString(got); n > MaxRendered || n < MaxRendered/2 {
		t.Errorf("%d characters", n)
	}
}

func FuzzText(f *testing.F) {
	f.Add("{cdn} {value} {", "a{b}")
	f.Fuzz(func(t *testing.T, text, label string) {
		got := Text{FR: text}.Render("fr", Values{Labels: map[string]string{"cdn": label}, Value: 0.5})
		if utf8.RuneCountInString(got) > MaxRendered || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00") {
			t.Errorf("%q", got)
		}
	})
}
