package route

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/alerts/notice"
)

func jsonOf(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// said is a target in a line: where, who, in which language, and what comes after it.
func said(targets []Target) string {
	var all []string
	for _, t := range targets {
		text := strings.TrimSpace(fmt.Sprintf("%s %s", t.Channel, t.To)) + " (" + t.Person + "," + t.Language + ")"
		for _, f := range t.Fallbacks {
			text += " > " + strings.TrimSpace(fmt.Sprintf("%s %s", f.Channel, f.To)) + " (" + f.Person + "," + f.Language + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

func TestWhoIsToldAtTheMomentOfSaying(t *testing.T) {
	p := room(t, "")
	noon, night := utc(t, "2026-11-22 11:00"), utc(t, "2026-11-22 23:00")
	ana := "sms +33600000001 (ana,fr) > mail ana@tv.example (ana,fr) > sms2 +33600000001 (ana,fr) > noc (,fr) > log (,fr)"
	ben := "mail ben@tv.example (ben,en)"
	duty := func(role, name, phone string) Duty {
		return Duty{Match: "finale-2026", Role: role, Name: name, Phone: phone, From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}
	}
	override := func(schedule, person string) []Override {
		return []Override{{ID: "o", Schedule: schedule, Person: person, From: noon.Add(-time.Hour), To: night.Add(time.Hour)}}
	}
	for _, c := range []struct {
		name      string
		ref       Ref
		at        time.Time
		overrides []Override
		duty      []Duty
		want, why string
	}{
		{"a person, by all their ways, and what follows these", "person:ana", noon, nil, nil, ana, ""},
		{"a person with one way", "person:ben", noon, nil, nil, ben, ""},
		{"a person of a channel", "person:cat", noon, nil, nil, "noc (cat,fr) > log (,fr)", ""},
		{"a channel, and the next", "channel:noc", noon, nil, nil, "noc (,fr) > log (,fr)", ""},
		{"a channel with a language", "channel:pager", noon, nil, nil, "pager (,en)", ""},
		{"a channel to nowhere", "channel:mail", noon, nil, nil, "", "channel mail has no destination of its own"},
		{"nobody known", "person:eve", noon, nil, nil, "", "person:eve is nobody that the file knows"},
		{"nothing", "", noon, nil, nil, "", "is nobody that the file knows"},
		{"on call", "oncall:day", noon, nil, nil, ana, ""},
		{"a gap is said", "oncall:day", night, nil, nil, "", "nobody is on call for day at 2026-11-23 00:00 (Europe/Paris)"},
		{"who stands in", "oncall:day", night, override("day", "ben"), nil, ben, ""},
		{"who stands in for another schedule", "oncall:day", night, override("duty", "ben"), nil, "", "nobody is on call for day at 2026-11-23 00:00 (Europe/Paris)"},
		{"no match: the layers", "oncall:duty", noon, nil, nil, ben, ""},
		{"no match and no layer", "oncall:duty", night, nil, nil, "", "no roster has anybody on duty as Vidéo, for duty"},
		{"a roster's person", "oncall:duty", noon, nil, []Duty{duty("vidéo", " ana", "")}, ana, ""},
		{"a roster's telephone, of somebody unknown", "oncall:duty", noon, nil, []Duty{duty("Vidéo", "Zoé", "+33 6 11 22 33 44")}, "sms +33611223344 (,fr) > sms2 +33611223344 (,fr) > noc (,fr) > log (,fr)", ""},
		{"two on duty, one of them twice", "oncall:duty", noon, nil, []Duty{duty("Vidéo", "Ana", ""), duty("Vidéo", "Ben", ""), duty("Vidéo", "Ana", "")}, ana + "; " + ben, ""},
		{"of another role", "oncall:duty", noon, nil, []Duty{duty("API", "Ana", "")}, ben, ""},
		{"whose turn is over", "oncall:duty", noon.Add(time.Hour), nil, []Duty{duty("Vidéo", "Ana", "")}, ben, ""},
		{"one who cannot be reached: the layers", "oncall:duty", noon, nil, []Duty{duty("Vidéo", "Zoé", "")}, ben, ""},
		{"one who cannot be reached, and no layer", "oncall:duty", night, nil, []Duty{{Role: "Vidéo", Name: "Zoé"}}, "", "Zoé is on duty as Vidéo, and can be reached neither as a person of the file nor by telephone"},
		{"who stands in comes before the roster", "oncall:duty", noon, override("duty", "ana"), []Duty{duty("Vidéo", "Ben", "")}, ana, ""},
	} {
		targets, why := p.Resolve(c.ref, c.at, c.overrides, c.duty)
		if got := said(targets); got != c.want || why != c.why {
			t.Errorf("%s:\n got %s | %s\nwant %s | %s", c.name, got, why, c.want, c.why)
		}
		for _, target := range targets {
			if target.Via != string(c.ref) || target.Zone == "" {
				t.Errorf("%s: %+v", c.name, target)
			}
		}
	}
	if targets, _ := p.Resolve("person:ben", noon, nil, nil); targets[0].Zone != "America/New_York" || targets[0].Name != "Ben" {
		t.Errorf("%+v", targets)
	}
}

// The policy may change while a problem is open: what is due is asked again, and nobody is called who went.
func TestAPolicyThatChangedIsAskedAnew(t *testing.T) {
	before := room(t, "routes: [{match: {group: [a]}, escalation: short}]\n")
	after := room(t, "routes: [{match: {group: [a]}, escalation: long}]\n")
	s := Subject{Group: "a"}
	for _, say := range before.Plan(s, time.Time{}).Say {
		if targets, why := after.Resolve(say.Tell, utc(t, "2026-11-22 11:00"), nil, nil); len(targets) == 0 {
			t.Errorf("%s: %s", say.Tell, why)
		}
	}
	gone := &Policy{Default: &Route{Also: []Ref{"channel:log"}}, Channels: []Channel{{ID: "log", Type: Webhook, URL: "https://x/"}}}
	if err := gone.Check(); err != nil {
		t.Fatal(err)
	}
	for _, say := range before.Plan(s, time.Time{}).Say {
		if targets, why := gone.Resolve(say.Tell, time.Time{}, nil, nil); len(targets) > 0 || why != string(say.Tell)+" is nobody that the file knows" {
			t.Errorf("%s: %v %s", say.Tell, targets, why)
		}
	}
}

func TestEveryPlaceIsListedOnce(t *testing.T) {
	p := room(t, "heartbeats: [{channel: mail, to: watch@tv.example, every: 1m}, {channel: mail, to: ben@tv.example, every: 1m}]\n")
	want := "sms +33600000001 (ana,fr); mail ana@tv.example (ana,fr); mail ben@tv.example (ben,en); noc (cat,fr); log (,fr); pager (,en); mail watch@tv.example (,fr)"
	if got := said(p.Targets()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhatWouldHappenIsExplained(t *testing.T) {
	p := room(t, `
routes:
  - {match: {severity: [info, warning]}, nobody: true}
  - match: {group: [video]}
    routes: [{match: {owner: [ott]}, escalation: short}]
  - {match: {labels: {cdn: "*", isp: free}}, also: ["channel:log"]}
  - {match: {times: {days: [sat], between: ["08:00", "20:00"]}}, also: ["channel:log"]}
  - {match: {group: [video]}, also: ["channel:pager"], continue: true}
  - {match: {match: [finale-*], criticality_at_least: 2, phases: [half_time], during: match}, escalation: short, remind: 0, resolved: false}
  - {match: {rule: [x]}, nobody: true}
maintenance: [{id: lyon, title: Routeur, from: 2026-11-22T23:00, to: 2026-11-23T01:00}]
`)
	s := Subject{Group: "video", Rule: "v", Owner: "team", Severity: notice.Critical, Labels: map[string]string{"isp": "free"}, Match: "finale-2026", Criticality: 4, Phase: "half_time", During: true}
	var got []string
	for _, l := range p.Explain(s, utc(t, "2026-11-22 22:30"), nil, nil) {
		got = append(got, l.String())
	}
	want := []string{
		"nobody is told: maintenance lyon, Routeur, until 2026-11-23 01:00",
		"routes[0] does not match: severity is “critical”, it asks for “info, warning”",
		"routes[1] matches, but tells nobody by itself and none of its routes matches",
		"routes[1] › routes[0] does not match: owner is “team”, it asks for “ott”",
		"routes[2] does not match: labels.cdn is “”, it asks for “*”",
		"routes[3] does not match: times is “Sun 23:30”, it asks for “sat 08:00–20:00 Europe/Paris”",
		"routes[4] matches",
		"routes[4] continues: the routes after it are asked too",
		"routes[5] matches",
		"the routes after routes[5] are not asked",
		"after 7s, for what belongs together",
		"after 7s, oncall:day reaches nobody",
		"nobody is on call for day at 2026-11-22 23:30 (Europe/Paris)",
		"at once: pager on pager",
		"after 3m7s, step 2 of short, round 1: Ben on mail ben@tv.example",
		"after 3m7s, step 2 of short, round 1: noc on noc",
		"if that fails: log on log",
		"then a reminder every 1h until somebody acknowledges",
		"the end is told to those who were told",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	quiet := p.Explain(Subject{Severity: notice.Info}, utc(t, "2026-11-22 12:00"), nil, nil)
	if last := quiet[len(quiet)-1]; last.String() != "routes[0] says that nobody is told" {
		t.Errorf("%v", quiet)
	}
	for _, l := range p.Explain(s, utc(t, "2026-11-22 22:30"), nil, nil) {
		if _, ok := english[l.Key]; !ok || strings.Contains(l.String(), "{") {
			t.Errorf("%s: %s", l.Key, l)
		}
	}
}
