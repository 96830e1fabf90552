package rule

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/match"
)

// good is a file that has nothing wrong, for tests to break.
const good = `
title: {fr: Essai}
labels: {team: video}
rules:
  - {id: one, title: {fr: "{cdn} à {value}"}, signal: errors, by: [cdn], when: value > 0.02, for: 10s, family: quality}
  - {id: two, title: {en: "{cdn}"}, signal: traffic, by: [cdn], when: z > k, family: volume}
together: {id: both, title: {fr: "{cdn}"}, by: [cdn]}
tests:
  - {name: a, series: [{signal: errors, labels: {cdn: x}, values: 1x5}], expect: [{never: two}]}
`

func TestWhatAFileOfRulesCannotSay(t *testing.T) {
	long := strings.Repeat("é", 301)
	for _, test := range []struct{ old, new, want string }{
		{"labels: {team: video}", "sensitivity: 11", "sensitivity: 11 is not between 1 and 10"},
		{"labels: {team: video}", "mode: on", "mode: \"on\" is none of monitor, off"},
		{"labels: {team: video}", "labels: {Team: video}", "labels: \"Team\" is no name of a label"},
		{"labels: {team: video}", "labels: {value: video}", "labels.value: is a name that titles use for something else"},
		{"labels: {team: video}", "labels: {cdn: video}", "rules[0].labels: \"cdn\" is a dimension that the rule is divided by"},
		{"labels: {team: video}", "labels: {team: \"" + long + "\"}", "labels.team: is longer than 200 characters"},
		{"labels: {team: video}", "runbook: \"javascript:alert(1)\"", "runbook: \"javascript:alert(1)\" is neither an address"},
		{"labels: {team: video}", "one_problem_per: [cdn, cdn]", "one_problem_per[1]: \"cdn\" is there twice"},
		{"labels: {team: video}", "depends_on: [A]", "depends_on[0]: \"A\" is not 1 to 64 of a-z"},
		{"id: one", "id: One", "rules[0].id: \"One\" is not 1 to 64 of a-z"},
		{"id: one", "id: two", "rules[1].id: \"two\" is there twice"},
		{"id: both", "id: two", "together.id: \"two\" is a rule's too"},
		{"{fr: \"{cdn} à {value}\"}", "{fr: \"{isp}\"}", "rules[0].title.fr: {isp} is nothing that is known here: there are cdn, team, value, usual"},
		{"{fr: \"{cdn} à {value}\"}", "{fr: \"" + long + "\"}", "rules[0].title.fr: is longer than 300 characters"},
		{"{fr: \"{cdn} à {value}\"}", "{}", "rules[0].title: is missing"},
		{"signal: errors, by", "signal: error, by", "rules[0].signal: \"error\" is no signal: there are traffic, requests"},
		{"signal: errors, by: [cdn]", "signal: errors, by: [cdn, device]", "rules[0].by[1]: errors cannot be divided by \"device\": it has cdn, isp, channel, class"},
		{"signal: errors, by: [cdn]", "signal: errors, by: [cdn, cdn]", "rules[0].by[1]: \"cdn\" is there twice"},
		{"signal: errors", "signal: errors, where: {country: FR}", "rules[0].where.country: errors cannot be divided by \"country\""},
		{"signal: errors", "signal: errors, where: {isp: \"a,b\"}", "rules[0].where.isp: \"a,b\" is not 1 to 200 characters without , and ="},
		{"signal: errors", "signal: errors, sql: SELECT 1", "rules[0].sql: is of signal sql alone"},
		{"signal: errors, by: [cdn]", "signal: sql, by: [cdn]", "rules[0].sql: is missing"},
		{"signal: errors, by: [cdn]", "signal: sql, sql: SELECT 1 AS value, by: [cdn]", "rules[0].sql: must be about the time from {from:DateTime} to {to:DateTime}"},
		{"signal: errors", "signal: errors, against: forecast", "rules[0].against: forecast is of viewers and traffic alone"},
		{"signal: errors", "signal: errors, against: viewers", "rules[0].against: viewers says nothing of errors"},
		{"signal: errors", "signal: errors, against: all", "rules[0].against: \"all\" is none of"},
		{"when: value > 0.02", "when: valeur > 0.02", "rules[0].when: unknown name valeur (line 1, column 1)"},
		{"when: value > 0.02", "recover: value", "rules[0].when: is missing"},
		{"when: value > 0.02", "when: value > 1, recover: value", "rules[0].recover: expected bool, but got float64"},
		{"for: 10s", "for: 10", "rules[0].for: is not a duration such as 10s or 2m"},
		{"for: 10s", "for: [1]", "rules[0].for: is not a duration"},
		{"for: 10s", "for: 11m", "rules[0].for: 11m is not between 0s and 10m"},
		{"for: 10s", "for: 1500ms", "rules[0].for: 1.5s is not whole seconds"},
		{"for: 10s", "over: 11m", "rules[0].over: 11m is not between 1s and 10m"},
		{"for: 10s", "keep_firing_for: 31m", "rules[0].keep_firing_for: 31m is not between 1s and 30m"},
		{"for: 10s", "min_sample: -1", "rules[0].min_sample: is not a number of 0 or more"},
		{"for: 10s", "min_sample: .nan", "rules[0].min_sample: is not a number of 0 or more"},
		{"for: 10s", "no_data: resolve", "rules[0].no_data: \"resolve\" is neither ok nor alert"},
		{"for: 10s", "severity: fatal", "rules[0].severity[0]: \"fatal\" is none of info, warning, critical"},
		{"for: 10s", "severity: [{critical: playing, warning: true}]", "rules[0].severity[0]: is not one severity with its condition"},
		{"for: 10s", "severity: {critical: playing}", "rules[0].severity[0]: is not one severity with its condition"},
		{"for: 10s", "severity: [{critical: play}]", "rules[0].severity[0]: unknown name play (line 1, column 1)"},
		{"family: quality", "family: noise", "rules[0].family: \"noise\" is none of volume, identity, quality, ratio"},
		{"family: quality", "family: quality, weight: -1", "rules[0].weight: is not above 0"},
		{"family: quality", "weight: 2", "rules[0].weight: is of weak signals alone"},
		{"family: quality", "family: volume", "together.families: wants 2 families, and the file's rules are of 1 (volume)"},
		{"together: {id: both, title: {fr: \"{cdn}\"}, by: [cdn]}", "", "rules[0].family: makes a weak signal, and the file has no together"},
		{"together: {", "together: {families: 5, ", "together.families: 5 is not between 2 and 4"},
		{"by: [cdn]}\ntests", "by: [isp]}\ntests", "together.by[0]: no weak signal of the file is divided by \"isp\""},
		{"values: 1x5", "values: 1y5", "tests[0].series[0].values: \"1y5\" is none of a value"},
		{"values: 1x5", "values: 1x5, silent: [{from: 9s, to: 5s}]", "tests[0].series[0].silent[0].to: 5s is not between 9s and 2h"},
		{"signal: errors, labels: {cdn: x}", "signal: errors, labels: {city: x}", "tests[0].series[0].labels.city: errors cannot be divided by \"city\""},
		{"expect: [{never: two}]", "expect: []", "tests[0].expect: is missing: a test that expects nothing cannot fail"},
		{"expect: [{never: two}]", "expect: [{never: three}]", "tests[0].expect[0].rule: \"three\" is no rule of this file"},
		{"expect: [{never: two}]", "expect: [{at: 5s, rule: two, status: red}]", "tests[0].expect[0].status: \"red\" is none of"},
		{"expect: [{never: two}]", "match: {phase: lunch}, expect: [{never: two}]", "tests[0].match.phase: \"lunch\" is no phase of a match"},
	} {
		if strings.Count(good, test.old) < 1 {
			t.Fatalf("%q is not in the file", test.old)
		}
		g := decode(t, strings.Replace(good, test.old, test.new, 1))
		err := g.Check()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v\nwant %s", test.new, err, test.want)
			continue
		}
		for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
			if p, ok := errors.AsType[*match.Problem](e); !ok || p.Key == "" || strings.Contains(p.Text, "\n") {
				t.Errorf("%s: %q has no place, or more than a line", test.new, e)
			}
		}
	}
	if err := decode(t, good).Check(); err != nil {
		t.Errorf("a good file: %v", err)
	}
}

func TestWhatAFileLeavesOut(t *testing.T) {
	g := checked(t, `
rules:
  - {id: a, title: {fr: A}, signal: errors, when: value > 1}
  - {id: b, title: {fr: A}, signal: service_errors, by: [service], when: value > 1, over: 2m, for: 1m30s, severity: critical}
  - {id: c, title: {fr: A}, signal: source_silence, when: value > 1, family: volume}
  - {id: d, title: {fr: A}, signal: traffic, when: value > 1, family: ratio, min_sample: 7, keep_firing_for: 5m, severity: [{critical: playing}, {info: true}]}
together: {id: e, title: {fr: E}}
`)
	a, b, c, d := g.Rules[0], g.Rules[1], g.Rules[2], g.Rules[3]
	for _, test := range []struct{ what, got, want any }{
		{"the dial", g.Sensitivity, 5},
		{"over", time.Duration(a.Over), 10 * time.Second},
		{"keep_firing_for", time.Duration(a.Keep), 30 * time.Second},
		{"min_sample of requests", a.MinSample, 25.0},
		{"min_sample of calls", b.MinSample, 1.0},
		{"min_sample of nothing", c.MinSample, 0.0},
		{"min_sample that is there", d.MinSample, 7.0},
		{"weight", c.Weight, 1.0},
		{"families", g.Together.Families, 2},
		{"keep_firing_for of several", time.Duration(g.Together.Keep), 30 * time.Second},
		{"over that is there", time.Duration(b.Over), 2 * time.Minute},
		{"for", b.For.String(), "1m30s"},
		{"keep_firing_for that is there", d.Keep.String(), "5m"},
		{"one severity", b.Severity[0].Severity, notice.Critical},
		{"none", a.Severity.of(someFacts()), notice.Warning},
		{"the first of several", d.Severity.of(someFacts()), notice.Critical},
		{"the second of several", d.Severity.of(&facts{}), notice.Info},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%s: %v, want %v", test.what, test.got, test.want)
		}
	}
	if err := g.Check(); err != nil {
		t.Errorf("a file that is checked again: %v", err)
	}
}

func TestRulesThatReadTheSameShareAView(t *testing.T) {
	g := checked(t, `
rules:
  - {id: a, title: {fr: A}, signal: errors, by: [isp, cdn], where: {class: segment, channel: "1"}, over: 20s, when: value > 1}
  - {id: b, title: {fr: B}, signal: errors, by: [cdn, isp], where: {channel: "1", class: segment}, over: 20s, when: z > k, for: 1m}
  - {id: c, title: {fr: C}, signal: sql, by: [cdn], sql: "SELECT 1 AS value, cdn FROM t WHERE time >= {from:DateTime} AND time < {to:DateTime} GROUP BY cdn", when: value > 1}
`)
	want := View{Signal: "errors", By: "cdn,isp", Where: "channel=1,class=segment", Over: 20 * time.Second}
	if a, b := g.Rules[0].View(), g.Rules[1].View(); a != want || b != want {
		t.Errorf("%+v and %+v, want %+v", a, b, want)
	}
	if got := g.Rules[2].View().SQL; got != "c" {
		t.Errorf("the statement is that of %q, want c", got)
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	g := &Group{ID: "many"}
	for i := range maxRules + 1 {
		g.Rules = append(g.Rules, &Rule{ID: fmt.Sprint("r", i), Title: Text{FR: "T"}, Signal: "errors", When: "value > 1"})
	}
	if err := g.Check(); err == nil || !strings.Contains(err.Error(), "rules: has 101 entries, 100 are allowed") {
		t.Error(err)
	}
	g.Rules = slices.Insert(g.Rules[:1], 0, nil)
	if err := g.Check(); err == nil || !strings.Contains(err.Error(), "rules[0]: is empty") {
		t.Error(err)
	}
}

func TestWhatIsWrongOnlyBesideOtherFiles(t *testing.T) {
	file := func(id, rule string, on ...string) *Group {
		return &Group{ID: id, DependsOn: on, Rules: []*Rule{{ID: rule, Where: map[string]string{"cdn": "maison"}}}}
	}
	for _, test := range []struct {
		name   string
		groups []*Group
		cdns   []string
		want   map[string]string
	}{
		{"nothing", []*Group{file("a", "r1"), file("b", "r2", "a"), file("c", "r3", "a", "b")}, []string{"maison"}, map[string]string{}},
		{"an id twice", []*Group{file("a", "r1"), file("b", "r1")}, nil, map[string]string{"b": `rules[0].id: "r1" is an id of rules/a.yaml too`}},
		{"of several too", []*Group{file("a", "r1"), {ID: "b", Together: &Together{ID: "r1"}}}, nil, map[string]string{"b": `together.id: "r1" is an id of rules/a.yaml too`}},
		{"what is not there", []*Group{file("a", "r1", "z")}, nil, map[string]string{"a": `depends_on[0]: there are no rules "z"`}},
		{"itself", []*Group{file("a", "r1", "a")}, nil, map[string]string{"a": "depends_on[0]: goes in a circle: a → a"}},
		{"a circle", []*Group{file("a", "r1", "b"), file("b", "r2", "c"), file("c", "r3", "a"), file("d", "r4", "a")}, nil, map[string]string{
			"a": "depends_on[0]: goes in a circle: a → b → c → a",
			"b": "depends_on[0]: goes in a circle: b → c → a → b",
			"c": "depends_on[0]: goes in a circle: c → a → b → c",
		}},
		{"a CDN that nobody knows", []*Group{file("a", "r1")}, []string{"autre"}, map[string]string{"a": `rules[0].where.cdn: "maison" is no CDN of the configuration: it has autre`}},
	} {
		got := map[string]string{}
		for id, err := range CheckAll(test.groups, test.cdns) {
			got[id] = err.Error()
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	many := make([]*Group, maxGroups+1)
	for i := range many {
		many[i] = &Group{ID: fmt.Sprint("g", i)}
		for j := range 20 {
			many[i].DependsOn = append(many[i].DependsOn, fmt.Sprint("g", (i+1+j)%len(many)))
		}
	}
	if errs := CheckAll(many, nil); !strings.Contains(errs["g200"].Error(), "there are 201 files of rules, 200 are allowed") {
		t.Error(errs["g200"])
	}
}

func TestTheDialMovesThreeThings(t *testing.T) {
	for dial, want := range map[int]string{
		0:  "k 4.78, for 10s: 10 s of which 9 held, for 6s: 6 of which 5, for 0: 1 of which 1, floor 1.00",
		1:  "k 7.00, for 10s: 15 s of which 15 held, for 6s: 9 of which 9, for 0: 1 of which 1, floor 2.00",
		3:  "k 5.89, for 10s: 13 s of which 12 held, for 6s: 8 of which 8, for 0: 1 of which 1, floor 1.41",
		5:  "k 4.78, for 10s: 10 s of which 9 held, for 6s: 6 of which 5, for 0: 1 of which 1, floor 1.00",
		8:  "k 3.11, for 10s: 7 s of which 6 held, for 6s: 4 of which 3, for 0: 1 of which 1, floor 0.66",
		10: "k 2.00, for 10s: 5 s of which 4 held, for 6s: 3 of which 2, for 0: 1 of which 1, floor 0.50",
		99: "k 2.00, for 10s: 5 s of which 4 held, for 6s: 3 of which 2, for 0: 1 of which 1, floor 0.50",
	} {
		s := SettingAt(dial)
		ten, tenMissed := s.Window(Duration(10 * time.Second))
		six, sixMissed := s.Window(Duration(6 * time.Second))
		none, noneMissed := s.Window(0)
		if got := fmt.Sprintf("k %.2f, for 10s: %d s of which %d held, for 6s: %d of which %d, for 0: %d of which %d, floor %.2f",
			s.K, ten, ten-tenMissed, six, six-sixMissed, none, none-noneMissed, s.Floor); got != want {
			t.Errorf("at %d: %s\nwant %s", dial, got, want)
		}
	}
	for dial := MinDial; dial < MaxDial; dial++ {
		a, b := SettingAt(dial), SettingAt(dial+1)
		if !(a.K > b.K && a.For > b.For && a.Held > b.Held && a.Floor > b.Floor) {
			t.Errorf("%d is not less sensitive than %d in all: %+v, %+v", dial, dial+1, a, b)
		}
	}
}
