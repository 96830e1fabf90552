package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/match"
)

// room is a policy with people ana to dan, channels noc, log and pager, a schedule with nobody at night, and
// escalations short and long; edit adds what a test is about.
func room(t testing.TB, edit string) *Policy {
	t.Helper()
	p := read(t, roomYAML+edit)
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

const roomYAML = `
time_zone: Europe/Paris
people:
  - {id: ana, name: Ana, contacts: [{channel: sms, to: "+33600000001"}, {channel: mail, to: ana@tv.example}]}
  - {id: ben, name: Ben, language: en, zone: America/New_York, contacts: [{channel: mail, to: ben@tv.example}]}
  - {id: cat, name: Cat, contacts: [{channel: noc}]}
channels:
  - {id: noc, type: slack, url_env: NOC, next: log}
  - {id: log, type: webhook, url: "https://log.example/"}
  - {id: pager, type: pagerduty, secret_env: PAGER, language: en}
  - {id: mail, type: email, host: smtp.tv.example, from: vigie@tv.example}
  - {id: sms, type: sms, url: "https://sms.example/", next: sms2}
  - {id: sms2, type: sms, url: "https://sms2.example/", next: noc}
schedules:
  - {id: day, layers: [{people: [ana], between: ["08:00", "20:00"]}]}
  - {id: duty, from_match: "Vidéo", layers: [{people: [ben], between: ["08:00", "20:00"]}]}
escalations:
  - {id: short, steps: [{tell: ["oncall:day"], wait: 3m}, {tell: ["person:ben", "channel:noc"]}]}
  - {id: long, repeat: 1, steps: [{tell: ["oncall:day", "channel:noc"], wait: 1m}, {tell: ["oncall:day"], wait: 2m}]}
  - {id: same, steps: [{tell: ["channel:noc"], wait: 1m}, {tell: ["channel:log"]}]}
default: {also: ["channel:log"], wait: 7s, remind: 1h}
`

func TestRoutesAreTakenAsATree(t *testing.T) {
	p := room(t, `
routes:
  - match: {severity: [info]}
    nobody: true
  - match: {labels: {copy: "*"}}
    also: ["channel:log"]
    continue: true
  - match: {group: [cdn, "edge-*"]}
    escalation: short
    also: ["channel:noc"]
    wait: 30s
    remind: 10m
    routes:
      - {match: {severity: [critical]}, wait: 0, also: ["channel:pager"]}
      - {match: {owner: [partner-*]}, escalation: long, resolved: false}
      - {match: {rule: [quiet]}, nobody: true, continue: true}
      - {match: {labels: {pop: paris}}, remind: 0}
  - match: {group: [video]} # tells nobody by itself
    routes:
      - {match: {phases: [first_half, second_half]}, escalation: short}
      - {match: {criticality_at_least: 3, during: outside}, escalation: long}
  - match: {match: [finale-*]}
    escalation: same
    continue: true
  - match: {match: ["*-2026"]} # an escalation that goes on already does not begin twice
    escalation: same
    remind: 5m
`)
	for _, c := range []struct {
		name   string
		s      Subject
		routes string
		say    string
		wait   time.Duration
		remind time.Duration
		end    bool
	}{
		{"nothing matches", Subject{Group: "x", Severity: notice.Warning}, "default", "0s channel:log", 7 * time.Second, time.Hour, true},
		{"on the board alone", Subject{Group: "cdn", Severity: notice.Info}, "routes[0]", "", 7 * time.Second, time.Hour, true},
		{"a route", Subject{Group: "cdn", Severity: notice.Warning}, "routes[2]", "0s oncall:day, 0s channel:noc, 3m0s person:ben, 3m0s channel:noc", 30 * time.Second, 10 * time.Minute, true},
		{"any text", Subject{Group: "edge-7", Severity: notice.Warning}, "routes[2]", "0s oncall:day, 0s channel:noc, 3m0s person:ben, 3m0s channel:noc", 30 * time.Second, 10 * time.Minute, true},
		{"a child has what it does not say, and tells more", Subject{Group: "cdn", Severity: notice.Critical}, "routes[2] › routes[0]", "0s oncall:day, 0s channel:noc, 0s channel:pager, 3m0s person:ben, 3m0s channel:noc", 0, 10 * time.Minute, true},
		{"a child with an escalation of its own", Subject{Group: "cdn", Owner: "partner-1"}, "routes[2] › routes[1]", "0s oncall:day, 0s channel:noc, 1m0s oncall:day, 3m0s oncall:day, 3m0s channel:noc, 4m0s oncall:day", 30 * time.Second, 10 * time.Minute, false},
		{"a child that tells nobody", Subject{Group: "cdn", Rule: "quiet"}, "routes[2] › routes[2]", "", 30 * time.Second, 10 * time.Minute, true},
		{"a child that continues", Subject{Group: "cdn", Rule: "quiet", Labels: map[string]string{"pop": "paris"}}, "routes[2] › routes[2], routes[2] › routes[3]", "0s oncall:day, 0s channel:noc, 3m0s person:ben, 3m0s channel:noc", 30 * time.Second, 10 * time.Minute, true},
		{"a child that never reminds", Subject{Group: "cdn", Labels: map[string]string{"pop": "paris"}}, "routes[2] › routes[3]", "0s oncall:day, 0s channel:noc, 3m0s person:ben, 3m0s channel:noc", 30 * time.Second, 0, true},
		{"a route that continues", Subject{Group: "x", Labels: map[string]string{"copy": "1"}, Match: "finale-2026"}, "routes[1], routes[4], routes[5]", "0s channel:noc, 0s channel:log, 1m0s channel:log", 7 * time.Second, 5 * time.Minute, true},
		{"a route that continues, and nothing more", Subject{Group: "x", Labels: map[string]string{"copy": "1"}}, "routes[1]", "0s channel:log", 7 * time.Second, time.Hour, true},
		{"a route that only holds others", Subject{Group: "video", Phase: match.PhaseFirstHalf}, "routes[3] › routes[0]", "0s oncall:day, 3m0s person:ben, 3m0s channel:noc", 7 * time.Second, time.Hour, true},
		{"and none of them matches: the next ones are asked", Subject{Group: "video", Match: "finale-2026", During: true, Criticality: 4}, "routes[4], routes[5]", "0s channel:noc, 1m0s channel:log", 7 * time.Second, 5 * time.Minute, true},
		{"or the default", Subject{Group: "video", Criticality: 2}, "default", "0s channel:log", 7 * time.Second, time.Hour, true},
		{"outside of a match", Subject{Group: "video", Criticality: 3}, "routes[3] › routes[1]", "0s oncall:day, 0s channel:noc, 1m0s oncall:day, 3m0s oncall:day, 3m0s channel:noc, 4m0s oncall:day", 7 * time.Second, time.Hour, true},
	} {
		plan := p.Plan(c.s, utc(t, "2026-11-22 20:00"))
		var says []string
		for _, s := range plan.Say {
			says = append(says, fmt.Sprint(s.After, " ", s.Tell))
		}
		if got := strings.Join(plan.Routes, ", "); got != c.routes {
			t.Errorf("%s: by %s, want %s", c.name, got, c.routes)
		}
		if got := strings.Join(says, ", "); got != c.say {
			t.Errorf("%s:\nsays %s\nwant %s", c.name, got, c.say)
		}
		if plan.Wait != c.wait || plan.Remind != c.remind || plan.Resolved != c.end {
			t.Errorf("%s: wait %s, remind %s, resolved %t", c.name, plan.Wait, plan.Remind, plan.Resolved)
		}
	}
}

func TestAnEscalationIsFlattenedWithItsRounds(t *testing.T) {
	p := room(t, "routes: [{match: {group: [a]}, escalation: long}]\n")
	want := []Say{
		{0, 0, 0, "oncall:day", "long"}, {0, 0, 0, "channel:noc", "long"}, {time.Minute, 1, 0, "oncall:day", "long"},
		{3 * time.Minute, 0, 1, "oncall:day", "long"}, {3 * time.Minute, 0, 1, "channel:noc", "long"}, {4 * time.Minute, 1, 1, "oncall:day", "long"},
	}
	for range 2 { // what a caller does with its plan does not reach the next
		plan := p.Plan(Subject{Group: "a"}, time.Time{})
		if !slices.Equal(plan.Say, want) {
			t.Fatalf("%+v", plan.Say)
		}
		plan.Say[0] = Say{}
	}
}

func TestTimesOfRoutesAreThoseOfAWall(t *testing.T) {
	p := room(t, `
routes:
  - match: {times: {zone: America/New_York, days: [fri], between: ["22:00", "02:00"]}}
    also: ["channel:noc"]
  - match: {times: {days: [sun]}}
    also: ["channel:noc"]
`)
	for _, c := range []struct{ at, want string }{
		{"2026-11-21 02:59", "default"},
		{"2026-11-21 03:00", "routes[0]"}, // Friday 22:00
		{"2026-11-21 06:59", "routes[0]"}, // Saturday, of a stretch that began on Friday
		{"2026-11-21 07:00", "default"},
		{"2026-11-21 22:59", "default"},
		{"2026-11-21 23:00", "routes[1]"}, // Sunday in Paris, the policy's
		{"2026-11-22 23:00", "default"},
		{"2026-10-24 22:00", "routes[1]"}, // a Sunday of 25 hours
		{"2026-10-25 22:59", "routes[1]"},
		{"2026-10-25 23:00", "default"},
	} {
		if got := p.Plan(Subject{}, utc(t, c.at)).Routes; got[0] != c.want {
			t.Errorf("%s: %v, want %s", c.at, got, c.want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"a*c", "abc", true},
		{"a*c", "abcd", false}, {"a*b*c", "aXbYbZc", true}, {"*b*", "abc", true}, {"*x*", "abc", false}, {"abc", "abc", true}, {"abc", "ab", false},
		{"ab", "abc", false}, {"**", "x", true}, {"a**", "a", true}, {"*é*", "café noir", true}, {"[a]", "a", false}, {"?", "a", false}, {"*ab", "aab", true},
	} {
		if got := glob(c.pattern, c.s); got != c.want {
			t.Errorf("%q of %q: %t", c.pattern, c.s, got)
		}
	}
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{{"", "", true}, {"", "x", false}, {"*", "", false}, {"*", "x", true}, {"x", "", false}} {
		if got := labelMatches(c.pattern, c.value); got != c.want {
			t.Errorf("a label %q that must be %q: %t", c.value, c.pattern, got)
		}
	}
}

func TestAnEmptyPolicyTellsNobodyAndDoesNotFail(t *testing.T) {
	p := &Policy{}
	at := utc(t, "2026-01-01 00:00")
	if plan := p.Plan(Subject{}, at); len(plan.Say) > 0 || len(plan.Routes) > 0 {
		t.Error(plan)
	}
	if targets, why := p.Resolve("person:ana", at, nil, nil); targets != nil || why != "person:ana is nobody that the file knows" {
		t.Error(targets, why)
	}
	if lines := p.Explain(Subject{}, at, nil, nil); len(lines) != 1 || lines[0].Key != "explain.empty" {
		t.Error(lines)
	}
	if who, _ := p.OnCall("x", at, nil); who != "" || p.Person("x") != nil || p.Targets() != nil || p.InMaintenance(Subject{}, at, nil) != nil {
		t.Error("somebody is there")
	}
}

func BenchmarkPlan(b *testing.B) {
	text := "routes:\n"
	for i := range 100 {
		text += fmt.Sprintf("  - {match: {severity: [warning, critical], group: [group-%d, other-*], labels: {cdn: cdn-%d}, times: {zone: Europe/Paris, between: [\"08:00\", \"20:00\"]}}, escalation: long, also: [\"channel:log\"]}\n", i%10, i)
	}
	p := room(b, text)
	s := Subject{Group: "group-9", Severity: notice.Critical, Labels: map[string]string{"cdn": "cdn-99"}}
	at := utc(b, "2026-11-22 12:00")
	if plan := p.Plan(s, at); plan.Routes[0] != "routes[99]" {
		b.Fatal(plan)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Plan(s, at)
	}
}
