package route

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/alerts/notice"
)

func TestMatchersAreReadAsPeopleTypeThem(t *testing.T) {
	for text, want := range map[string]string{
		``:                               ``,
		`cdn=maison`:                     `cdn=maison`,
		`cdn=maison isp=~"Free|Orange"`:  `cdn=maison isp=~Free|Orange`,
		` {cdn = }`:                      `error: write it as cdn=maison`,
		`{cdn="maison",isp!="Free"}`:     `cdn=maison isp!=Free`,
		"cdn=a,\u00a0 isp!~b.*\nrule=x":  `cdn=a isp!~b.* rule=x`,
		`isp="Télécom d’Été"`:            `isp="Télécom d’Été"`,
		`isp=Orange\ France`:             `error: must stand in quotes`,
		`path="a\"b\\c"`:                 `path="a\"b\\c"`,
		`path=~"\\d+\.\d"`:               `path=~"\\d+\\.\\d"`,
		`cdn=""`:                         `cdn=""`,
		`cdn=`:                           `error: its value is missing: write "" for none`,
		`cdn="a`:                         `error: its quotes are never closed`,
		`cdn="a"b=c`:                     `error: put a space between`,
		`cdn=a=b`:                        `error: '=' must stand in quotes`,
		`cdn`:                            `error: write it as cdn=maison`,
		`=a`:                             `error: write it as cdn=maison`,
		`1a=b`:                           `error: "1a" is no name of a label`,
		`cdn!a`:                          `error: after "cdn" comes none of =, !=, =~, !~`,
		`c-d=b`:                          `error: write it as cdn=maison`,
		`cdn=~"("`:                       `error: is no regular expression`,
		`cdn=~")|("`:                     `error: is no regular expression`,
		`cdn=~"(a{999}){999}"`:           `error: is no regular expression`,
		`{cdn=a`:                         `error: a { is never closed`,
		strings.Repeat("a=b ", 11):       `error: more than 10 conditions`,
		`a=` + strings.Repeat("x", 257):  `error: longer than 256 characters`,
		`a=~` + strings.Repeat("x", 201): `error: longer than 200 bytes`,
		strings.Repeat(" ", 4001):        `error: longer than 4000 bytes`,
		"a=\"\x00\"":                     `error: cannot be shown`,
	} {
		matchers, err := ParseMatchers(text)
		wrong, bad := strings.CutPrefix(want, "error: ")
		switch {
		case bad && (err == nil || !strings.Contains(err.Error(), wrong)):
			t.Errorf("%.60q: %v, %v; want %s", text, matchers, err, want)
		case !bad && (err != nil || FormatMatchers(matchers) != want):
			t.Errorf("%.60q: %s, %v; want %s", text, FormatMatchers(matchers), err, want)
		}
	}
}

func TestASilenceIsAboutWhatAllItsMatchersSay(t *testing.T) {
	s := Subject{Group: "cdn", Rule: "cdn-errors", Owner: "réseau", Severity: notice.Critical, Labels: map[string]string{"cdn": "maison", "isp": "Free", "rule": "not this one"}}
	for matchers, want := range map[string]bool{
		`cdn=maison`:                  true,
		`cdn=maison isp=Orange`:       false,
		`cdn=Maison`:                  false,
		`cdn=maiso`:                   false,
		`cdn=~maiso`:                  false, // of the whole value
		`cdn=~"maiso|n"`:              false,
		`cdn=~"mais.*|x"`:             true,
		`cdn!~"mais.*|x"`:             false,
		`cdn!=akamai`:                 true,
		`pop=""`:                      true, // it has none
		`pop!=""`:                     false,
		`pop!=paris`:                  true,
		`group=cdn severity=critical`: true,
		`rule=cdn-errors`:             true,
		`rule="not this one"`:         false,
		`owner=réseau`:                true,
		``:                            false,
	} {
		parsed, err := ParseMatchers(matchers)
		if err != nil {
			t.Fatal(err)
		}
		silence := Silence{Matchers: parsed}
		if got := silence.Matches(s); got != want {
			t.Errorf("%s: %t", matchers, got)
		}
		text, err := json.Marshal(silence)
		if err != nil {
			t.Fatal(err)
		}
		var kept Silence
		if err := json.Unmarshal(text, &kept); err != nil || kept.Matches(s) != want || !reflect.DeepEqual(kept, silence) && len(parsed) > 0 {
			t.Errorf("%s, once kept: %v %v", matchers, kept, err)
		}
	}
	if (&Silence{Matchers: []Matcher{{Name: "cdn", Op: Like, Value: ".*"}}}).Matches(s) {
		t.Error("a matcher that nobody checked mutes")
	}
	var kept Silence
	if err := json.Unmarshal([]byte(`{"matchers":[{"name":"cdn","op":"~","value":"x"}]}`), &kept); err == nil {
		t.Error("a matcher of an unknown kind is read")
	}
}

func TestASilenceHoldsForItsTime(t *testing.T) {
	at := utc(t, "2026-11-22 20:00")
	s := Silence{From: at, To: at.Add(time.Hour)}
	for after, want := range map[time.Duration]bool{-1: false, 0: true, time.Hour - 1: true, time.Hour: false} {
		if s.Active(at.Add(after)) != want {
			t.Errorf("after %s: %t", after, !want)
		}
	}
	s.Ended = at.Add(time.Minute)
	if !s.Active(at) || s.Active(s.Ended) {
		t.Error("it does not end when somebody ends it")
	}
}

func TestSilencesThatCannotBe(t *testing.T) {
	at := utc(t, "2026-11-22 20:00")
	for _, c := range []struct{ matchers, want string }{
		{`cdn=maison`, ""},
		{`severity=info`, ""},
		{`severity=~"info|warning"`, ""},
		{`cdn=~"maison|akamai" severity=critical`, ""},
		{`cdn!=maison isp=Free`, ""},
		{`group=~"cdn-.*"`, ""},
		{``, "matchers: would mute too much"},
		{`severity=critical`, "matchers: would mute too much"},
		{`severity=~".*"`, "matchers: would mute too much"},
		{`cdn!=maison`, "matchers: would mute too much"},
		{`cdn=""`, "matchers: would mute too much"},
		{`rule=~".+"`, "matchers: would mute too much"},
		{`rule=~"[a-z0-9-]+" group!=x`, "matchers: would mute too much"},
	} {
		matchers, err := ParseMatchers(c.matchers)
		if err != nil {
			t.Fatal(err)
		}
		s := Silence{Reason: "migration", By: "ana", Matchers: matchers, From: at, To: at.Add(time.Hour)}
		if err := s.Check(); (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.matchers, err, c.want)
		}
	}
	for _, c := range []struct {
		edit func(*Silence)
		want string
	}{
		{func(s *Silence) { s.Reason = " \u00a0" }, "reason: is missing: what will the others want to know?"},
		{func(s *Silence) { s.Reason = strings.Repeat("x", 281) }, "reason: is longer than 280"},
		{func(s *Silence) { s.By = "" }, "by: is missing"},
		{func(s *Silence) { s.To = s.From }, "to: 2026-11-22T20:00:00Z is not after from"},
		{func(s *Silence) { s.To = s.From.Add(MaxSilence + 1) }, "to: is more than 1w after from"},
		{func(s *Silence) { s.From = time.Time{} }, "from: is missing"},
		{func(s *Silence) { s.Matchers = make([]Matcher, 11) }, "matchers: has 11 entries"},
		{func(s *Silence) { s.Matchers[0].Op = "~" }, `matchers[0]: "~" is none of`},
		{func(s *Silence) { s.Matchers = []Matcher{{Name: "cdn", Op: Like, Value: "a("}} }, "matchers[0]: "},
	} {
		s := Silence{Reason: "x", By: "ana", Matchers: []Matcher{{Name: "cdn", Op: Equal, Value: "a"}}, From: at, To: at.Add(MaxSilence)}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		c.edit(&s)
		if err := s.Check(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestASilenceIsShownBeforeItIsMade(t *testing.T) {
	matchers, _ := ParseMatchers(`cdn=~"a|b" severity!=critical`)
	subjects := []Subject{
		{Labels: map[string]string{"cdn": "a"}, Severity: notice.Warning}, {Labels: map[string]string{"cdn": "a"}, Severity: notice.Critical},
		{Labels: map[string]string{"cdn": "c"}}, {}, {Labels: map[string]string{"cdn": "b"}},
	}
	if got := Preview(&Silence{Matchers: matchers}, subjects); !slices.Equal(got, []int{0, 4}) {
		t.Error(got)
	}
}

func TestMaintenanceIsByTheWall(t *testing.T) {
	p := room(t, `
maintenance:
  - {id: spring, title: Printemps, from: 2026-03-29T02:30, to: 2026-03-29T04:00, match: {group: [cdn], times: {between: ["03:15", "05:00"]}}}
  - {id: lord, title: Howe, zone: Australia/Lord_Howe, from: 2026-10-04T01:00, to: 2026-10-04T04:00, match: {labels: {pop: syd-*}}}
  - {id: exact, title: Exact, from: 2026-10-25T02:30:00+01:00, to: "2026-10-25 03:00", match: {}}
`)
	for _, c := range []struct {
		at, group, pop, want string
	}{
		{"2026-03-29 01:14", "cdn", "", ""}, // 03:14, the clock jumped at two
		{"2026-03-29 01:15", "cdn", "", "spring"},
		{"2026-03-29 01:15", "video", "", ""},
		{"2026-03-29 02:00", "cdn", "", ""},
		{"2026-10-03 14:29", "", "syd-1", ""},
		{"2026-10-03 14:30", "", "syd-1", "lord"}, // 01:00 at +10:30
		{"2026-10-03 16:59", "", "syd-1", "lord"}, // 03:59 at +11:00, half an hour was left out
		{"2026-10-03 17:00", "", "syd-1", ""},
		{"2026-10-03 16:00", "", "mel-1", ""},
		{"2026-10-25 01:29", "", "", ""},
		{"2026-10-25 01:30", "", "", "exact"}, // the second half past two
		{"2026-10-25 02:00", "", "", ""},
	} {
		got := ""
		if m := p.InMaintenance(Subject{Group: c.group, Labels: map[string]string{"pop": c.pop}}, utc(t, c.at), nil); m != nil {
			got = m.ID
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.at, got, c.want)
		}
	}
	live := Maintenance{ID: "live", Title: "Live", From: "2026-11-22T20:00:00Z", To: "2026-11-22T22:00:00Z", Match: When{Group: []string{"cdn"}}, By: "ana"}
	if err := p.CheckMaintenance(&live); err != nil {
		t.Fatal(err)
	}
	text, err := jsonOf(live)
	if err != nil {
		t.Fatal(err)
	}
	var kept Maintenance
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		t.Fatal(err)
	}
	if err := p.CheckMaintenance(&kept); err != nil || !reflect.DeepEqual(kept, live) {
		t.Errorf("once kept: %+v %v", kept, err)
	}
	if m := p.InMaintenance(Subject{Group: "cdn"}, utc(t, "2026-11-22 21:00"), []Maintenance{kept}); m == nil || m.ID != "live" {
		t.Error(m)
	}
	if kept.By = ""; p.CheckMaintenance(&kept) == nil {
		t.Error("nobody made it")
	}
}
