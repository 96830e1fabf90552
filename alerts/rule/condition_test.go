package rule

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/expr-lang/expr"

	"vigie/internal/match"
)

var somewhere = places{by: []string{"cdn", "isp"}, labels: map[string]string{"team": "video"}}

// someFacts are of a bad second of CDN "maison".
func someFacts() *facts {
	f := &facts{values: []string{"maison", "Orange"}}
	f.read(&Reading{Value: 0.08, Sample: 3000, Usual: 0.002, Spread: 0.004, Forecast: nan, Earlier: 0.003, Viewers: 120_000})
	f.at(&Moment{Phase: match.PhaseSecondHalf, Minute: 61, Criticality: 4})
	s := SettingAt(5)
	f.by(&s, 10)
	return f
}

func TestAConditionHolds(t *testing.T) {
	for source, want := range map[string]bool{
		"value > 0.02":                                           true,
		"value > 0.02 and z > k":                                 true,
		"z > 19.4 && z < 19.6":                                   true, // (0.08 - 0.002) / 0.004
		"change > 38.9 and change < 39.1":                        true,
		"abs(-value) == value":                                   true,
		"max(1, 2, value) == 2 and min(3, 4) == 3":               true,
		"value > (playing ? 0.01 : 0.5)":                         true,
		"not playing":                                            false,
		`phase == "second_half" and minute >= 60`:                true,
		`phase in ["first_half", "second_half"]`:                 true,
		"criticality in [3, 4]":                                  true,
		"criticality not in [3, 4]":                              false,
		`labels.cdn == "maison"`:                                 true,
		`labels["isp"] contains "ang"`:                           true,
		`labels.team == "video"`:                                 true,
		`labels.isp matches "^(Free|Orange)$"`:                   true,
		`labels.isp startsWith "O" and labels.isp endsWith "e"`:  true,
		"known(forecast) ? value > forecast : value > 0.05":      true,
		"known(forecast) or known(earlier)":                      true,
		"sample >= 100 * floor_factor":                           true,
		"sensitivity == 5 and over == 10":                        true,
		"2 ** 3 == 8 and 7 / 2 == 3.5 and -value < 0 and 1 != 2": true,
		"0.05 < value < 0.1":                                     true,
		"(playing == true) != false":                             true,
	} {
		c, err := parseCondition(source, somewhere)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		f := someFacts()
		if needs := c.needs & f.unknown; needs != 0 {
			t.Errorf("%s: cannot be judged without %s", source, needs.first())
		}
		if got := c.holds(f); got != want {
			t.Errorf("%s: %v, want %v", source, got, want)
		}
	}
}

func TestAConditionThatIsNoneSaysWhere(t *testing.T) {
	for source, want := range map[string]string{
		"":                               "unexpected token EOF",
		"value >":                        "unexpected token EOF (line 1, column ",
		"value":                          "expected bool, but got float64",
		"valeur > 1":                     "unknown name valeur (line 1, column 1)",
		"value > 1 and\n  what < 2":      "unknown name what (line 2, column 3)",
		`value > "1"`:                    "invalid operation: > (mismatched types float64 and string) (line 1, column 7)",
		`labels.channel == "1"`:          `there is no label "channel" here: the rule is divided by cdn, isp (line 1, column 8)`,
		`labels[phase] == "1"`:           "is nothing that a condition can say",
		"known(k)":                       "known() is asked of one of value, sample",
		"known(value + 1)":               "known() is asked of one of value, sample",
		"len(phase) > 1":                 "unknown name len",
		"any([1, 2], # > value)":         "any",
		"let x = 1; x > value":           "is nothing that a condition can say",
		"minute in 1..1000000000":        "in wants a list",
		"phase matches labels.cdn":       "matches wants a pattern between quotation marks",
		`phase matches "("`:              "missing closing )",
		"$env == nil":                    "nil",
		"nil == nil":                     "nothing that a condition can say",
		"playing ?? true":                "nothing that a condition can say",
		strings.Repeat("1 < 2 and ", 99): "maximum",
		strings.Repeat("value > 1 or ", 99) + "true": "is longer than 1000 characters",
	} {
		_, err := parseCondition(source, somewhere)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %q", source, err, want)
		}
	}
}

func TestAConditionCannotBeJudgedWithoutWhatItNeeds(t *testing.T) {
	for source, want := range map[string]Reason{
		"value > forecast":                                     "forecast",
		"value > 1 or value > forecast":                        "forecast", // even where the answer might be had without it
		"known(forecast) and value > forecast":                 "",
		"known(forecast) ? value > forecast : z > k":           "",
		"known(earlier) ? value > forecast : true":             "forecast",
		"z > k and change > 1 and viewers > 1 and earlier < 1": "",
	} {
		c, err := parseCondition(source, somewhere)
		if err != nil {
			t.Errorf("%s: %v", source, err)
		} else if got := (c.needs & someFacts().unknown).first(); got != want {
			t.Errorf("%s: needs %q, want %q", source, got, want)
		}
	}
}

func TestDeviationsAreBoundedAndFollowWhatIsKnown(t *testing.T) {
	for _, test := range []struct {
		value, usual, spread, z, change float64
	}{
		{4, 2, 1, 2, 1},
		{1, 2, 0.5, -2, -0.5},
		{2, 2, 0, 0, 0},          // constant, as ever
		{3, 2, 0, farthest, 0.5}, // constant until now
		{1, 2, 0, -farthest, -0.5},
		{0, 0, 0, 0, 0},
		{5, 0, 0, farthest, farthest},
		{nan, 2, 1, nan, nan},
		{2, nan, nan, nan, nan},
		{math.Inf(1), 2, 1, nan, nan},
	} {
		f := &facts{}
		f.read(&Reading{Value: test.value, Usual: test.usual, Spread: test.spread})
		for n, want := range map[number]float64{ofZ: test.z, ofChange: test.change} {
			got := f.number[n]
			if f.unknown.has(n) {
				got = nan
			}
			if got != want && !(math.IsNaN(got) && math.IsNaN(want)) && !math.IsInf(test.value, 0) {
				t.Errorf("value %v, usual %v, spread %v: %s is %v, want %v", test.value, test.usual, test.spread, numberNames[n], got, want)
			}
		}
		if math.IsInf(test.value, 0) && !f.unknown.has(ofValue) {
			t.Error("an infinite value is known")
		}
	}
}

// evalByExpr is the answer of expr's own machine, for what known() is asked by name.
func evalByExpr(source string, f *facts) (any, error) {
	env := map[string]any{"phase": f.phase, "playing": f.playing, "labels": map[string]string{"cdn": f.values[0], "isp": f.values[1], "team": "video"}}
	for n, name := range numberNames {
		env[name] = f.number[n]
	}
	number := func(v any) float64 {
		if i, ok := v.(int); ok {
			return float64(i)
		}
		return v.(float64)
	}
	fold := func(with func(a, b float64) float64) func(...any) (any, error) {
		return func(args ...any) (any, error) {
			v := number(args[0])
			for _, a := range args[1:] {
				v = with(v, number(a))
			}
			return v, nil
		}
	}
	program, err := expr.Compile(source, append(slices.Clone(vocabulary),
		expr.Function("known", func(args ...any) (any, error) { return !math.IsNaN(number(args[0])), nil }, new(func(float64) bool)),
		expr.Function("abs", func(args ...any) (any, error) { return math.Abs(number(args[0])), nil }, new(func(float64) float64)),
		expr.Function("min", fold(math.Min), new(func(float64, ...float64) float64)),
		expr.Function("max", fold(math.Max), new(func(float64, ...float64) float64)))...)
	if err != nil {
		return nil, err
	}
	return expr.Run(program, env)
}

var bigInteger = regexp.MustCompile(`[0-9a-fA-FxX_]{16,}`)

// Any text is a condition or an error, never a panic, and a condition says what expr says.
func FuzzCondition(f *testing.F) {
	for _, seed := range []string{
		"value > 0.02 and z > k", "known(forecast) ? value < forecast * 0.5 : value < 100", `labels.cdn == "a" or phase in ["before", "after"]`,
		"abs(z) > max(k, 3, minute / 10) && !playing", `labels["isp"] matches "^O" != (1 < 2 <= 3)`, "2 ** -0.5 ^ value == 1 or not (value not in [1, 2.5])",
		"if playing { z > k } else { false }", "value > 1e308 * 10 - 1e308 * 10", `phase startsWith "" and "a" contains labels.team`, "-+-1 == -1 ? true : 1/0 > 5",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, err := parseCondition(source, somewhere)
		if err != nil {
			if strings.Contains(err.Error(), "\n") || len([]rune(err.Error())) > 400 {
				t.Errorf("error is not one bounded line: %q", err)
			}
			return
		}
		for _, facts := range []*facts{someFacts(), {values: []string{"", ""}}} {
			got := c.holds(facts)
			if bigInteger.MatchString(source) {
				continue // integers beyond what a float64 has exactly
			}
			want, err := evalByExpr(source, facts)
			if err != nil {
				t.Fatalf("%s: expr: %v", source, err)
			}
			if want != got {
				t.Errorf("%s: %v, expr says %v", source, got, want)
			}
		}
	})
}

func BenchmarkCondition(b *testing.B) {
	for _, source := range []string{"value > 0.02", "z > k && value > 0.02 and value > 2*usual", `labels.cdn == "maison" && (known(forecast) ? value < forecast : z > k)`} {
		c, err := parseCondition(source, somewhere)
		if err != nil {
			b.Fatal(err)
		}
		f, n := someFacts(), 0
		b.Run(fmt.Sprint(len(source)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c.holds(f) {
					n++
				}
			}
		})
	}
}
