package route

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"vigie/internal/match"
)

func TestFilesThatCannotBe(t *testing.T) {
	many := strings.Repeat("x", 300)
	route := func(text string) func(*Policy) {
		return func(p *Policy) {
			var r []Route
			if err := yaml.UnmarshalWithOptions([]byte(text), &r, yaml.Strict()); err != nil {
				panic(err)
			}
			p.Routes = r
		}
	}
	for _, c := range []struct {
		name string
		edit func(*Policy)
		want string // key and begin of the text
	}{
		{"no zone", func(p *Policy) { p.TimeZone = "Paris" }, `time_zone: "Paris" is not a time zone: use an IANA name`},
		{"wherever the server is", func(p *Policy) { p.TimeZone = "Local" }, "time_zone: "},
		{"a language of nobody", func(p *Policy) { p.Language = "de" }, `language: "de" is none of fr, en`},
		{"too many people", func(p *Policy) { p.People = make([]Person, 501) }, "people: has 501 entries, 500 are allowed"},
		{"too many routes", func(p *Policy) { p.Routes = make([]Route, 501) }, "routes: has more than 500 entries"},
		{"routes too deep", route("[{routes: [{routes: [{routes: [{routes: [{routes: [{nobody: true}]}]}]}]}]}]"), "routes: has more than 500 entries, or entries inside each other more than 5 deep"},

		{"a person's id", func(p *Policy) { p.People[2].ID = "C at" }, `people[2].id: "C at" is not 1 to 64 of`},
		{"a person twice", func(p *Policy) { p.People[2].ID = "ana" }, `people[2].id: "ana" is there twice`},
		{"a person without a name", func(p *Policy) { p.People[1].Name = "" }, "people[1].name: is missing"},
		{"a name twice, as rosters would see it", func(p *Policy) { p.People[1].Name = " ANA " }, `people[1].name: " ANA " is ana's already`},
		{"an account twice", func(p *Policy) { p.People[0].Account, p.People[1].Account = "x", "x" }, `people[1].account: "x" is ana's already`},
		{"a person's zone", func(p *Policy) { p.People[0].Zone = "x" }, "people[0].zone: "},
		{"a contact of no channel", func(p *Policy) { p.People[0].Contacts[1].Channel = "fax" }, `people[0].contacts[1].channel: there is no channel "fax": there are log, mail, noc, pager, sms, sms2`},
		{"a telephone without its country", func(p *Policy) { p.People[0].Contacts[0].To = "0612345678" }, `people[0].contacts[0].to: "0612345678" cannot be dialled: write it as "+33612345678"`},
		{"a mailbox", func(p *Policy) { p.People[0].Contacts[1].To = "ana" }, `people[0].contacts[1].to: "ana" is no address of a mailbox`},
		{"a mailbox that writes headers", func(p *Policy) { p.People[0].Contacts[1].To = "a@b.fr\nBcc: c@d.fr" }, `people[0].contacts[1].to: `},
		{"a contact to nowhere", func(p *Policy) { p.People[0].Contacts[0].To = "" }, "people[0].contacts[0].to: is missing: where on channel sms?"},
		{"a contact twice", func(p *Policy) { p.People[0].Contacts = append(p.People[0].Contacts, p.People[0].Contacts[0]) }, "people[0].contacts[2].to: is there twice"},

		{"a channel of no type", func(p *Policy) { p.Channels[0].Type = "irc" }, `channels[0].type: "irc" is none of email, webhook, slack, teams, pagerduty, sms, alertmanager`},
		{"a setting of another type", func(p *Policy) { p.Channels[0].Host = "x" }, "channels[0].host: is nothing that a channel of type slack has"},
		{"two addresses", func(p *Policy) { p.Channels[0].URLFile = "x" }, "channels[0].url_file: is one address too many: give one of url, url_env, url_file"},
		{"two secrets", func(p *Policy) { p.Channels[2].SecretFile = "x" }, "channels[2].secret_file: is one secret too many"},
		{"no address", func(p *Policy) { p.Channels[0].URLEnv = "" }, "channels[0].url: is missing: url, url_env or url_file"},
		{"no such address", func(p *Policy) { p.Channels[1].URL = "ftp://x/s3cret" }, "channels[1].url: not a URL as"},
		{"a password in an address", func(p *Policy) { p.Channels[1].URL = "https://u:s3cret@x/" }, "channels[1].url: has a user or a password in it"},
		{"no variable", func(p *Policy) { p.Channels[0].URLEnv = "https://hooks.slack.com" }, `channels[0].url_env: "https://hooks.slack.com" is no name of a variable`},
		{"no routing key", func(p *Policy) { p.Channels[2].SecretEnv = "" }, "channels[2].secret_env: is missing"},
		{"no mail server", func(p *Policy) { p.Channels[3].Host = "" }, "channels[3].host: is missing"},
		{"its port in its name", func(p *Policy) { p.Channels[3].Host = "smtp:587" }, `channels[3].host: "smtp:587" is no name of a server: its port goes to port`},
		{"no port", func(p *Policy) { p.Channels[3].Port = 70000 }, "channels[3].port: 70000 is not between"},
		{"no such encryption", func(p *Policy) { p.Channels[3].TLS = "ssl" }, `channels[3].tls: "ssl" is none of starttls, tls, none`},
		{"no sender", func(p *Policy) { p.Channels[3].From = "" }, "channels[3].from: is missing"},
		{"no password", func(p *Policy) { p.Channels[3].User = "u" }, "channels[3].secret_env: is missing"},
		{"no such provider", func(p *Policy) { p.Channels[4].Provider = "acme" }, `channels[4].provider: "acme" is none of generic, twilio, ovh`},
		{"half an account", func(p *Policy) {
			p.Channels[4] = Channel{ID: "sms", Type: SMS, Provider: "twilio", Account: "a", From: "x"}
		}, "channels[4].secret_env: is missing"},
		{"no consumer key", func(p *Policy) {
			p.Channels[4] = Channel{ID: "sms", Type: SMS, Provider: "ovh", Account: "a", Service: "s", SecretEnv: "X"}
		}, "channels[4].user: is missing: the consumer key"},
		{"no Alertmanager", func(p *Policy) { p.Channels[0] = Channel{ID: "noc", Type: Alertmanager} }, "channels[0].urls: is missing"},
		{"one of a cluster", func(p *Policy) {
			p.Channels[0] = Channel{ID: "noc", Type: Alertmanager, URLs: []Secret{"http://a:9093", "b:9093"}}
		}, "channels[0].urls[1]: not a URL"},
		{"a header", func(p *Policy) { p.Channels[1].Headers = map[string]Secret{"X-Key:": "v"} }, `channels[1].headers: "X-Key:" is no name of a header`},
		{"a header that writes others", func(p *Policy) { p.Channels[1].Headers = map[string]Secret{"X-Key": "s3cret\r\nY: z"} }, `channels[1].headers: the value of "X-Key" is too long or cannot be sent`},
		{"a template", func(p *Policy) { p.Channels[0].Template = "{{.Nothing}}" }, "channels[0].template: "},
		{"a channel that follows itself", func(p *Policy) { p.Channels[1].Next = "noc" }, "channels[0].next: goes round in a circle: noc › log › noc"},
		{"a channel followed by none", func(p *Policy) { p.Channels[1].Next = "x" }, `channels[1].next: there is no channel "x"`},
		{"throttled to nothing", func(p *Policy) { p.Channels[1].Throttle = Throttle{Per: Duration(time.Minute)} }, "channels[1].throttle.most: 0 is not between"},
		{"throttled at no time", func(p *Policy) { p.Channels[1].Throttle = Throttle{Most: 1} }, "channels[1].throttle.per: 0s is not between 1s and 1d"},
		{"a timeout of minutes", func(p *Policy) { p.Channels[1].Timeout = Duration(2 * time.Minute) }, "channels[1].timeout: 2m is not between 1s and 1m"},

		{"a schedule of nobody", func(p *Policy) { p.Schedules[0].Layers = nil }, "schedules[0].layers: is missing: give layers, from_match or both"},
		{"a layer of nobody", func(p *Policy) { p.Schedules[0].Layers[0].People = nil }, "schedules[0].layers[0].people: is missing"},
		{"a layer of a stranger", func(p *Policy) { p.Schedules[0].Layers[0].People = []string{"eve"} }, `schedules[0].layers[0].people[0]: there is no person "eve": there are ana, ben, cat`},
		{"somebody without contacts", func(p *Policy) { p.People[0].Contacts = nil }, "schedules[0].layers[0].people[0]: ana has no contacts: nothing would reach them"},
		{"turns without an end", func(p *Policy) { p.Schedules[0].Layers[0] = Layer{People: []string{"ana", "ben"}, From: "2026-01-01"} }, "schedules[0].layers[0].every: is missing: how long is a turn of each of 2 people?"},
		{"turns without a begin", func(p *Policy) { p.Schedules[0].Layers[0] = Layer{People: []string{"ana", "ben"}, Every: days} }, "schedules[0].layers[0].from: is missing: when does the turn of ana begin?"},
		{"turns of minutes", func(p *Policy) { p.Schedules[0].Layers[0].Every = Duration(time.Minute) }, "schedules[0].layers[0].every: 1m is not between 1h and 52w"},
		{"turns of no length", func(p *Policy) { p.Schedules[0].Layers[0].Every = notDuration }, "schedules[0].layers[0].every: is no duration: write it as"},
		{"a begin with an offset", func(p *Policy) { p.Schedules[0].Layers[0].From = "2026-01-01T09:00:00+01:00" }, "schedules[0].layers[0].from: "},
		{"an end before the begin", func(p *Policy) {
			p.Schedules[0].Layers[0].From, p.Schedules[0].Layers[0].To = "2026-01-02", "2026-01-01"
		}, "schedules[0].layers[0].to: 2026-01-01 is not after from"},
		{"hours", func(p *Policy) { p.Schedules[0].Layers[0].Between = []string{"8h", "20:00"} }, `schedules[0].layers[0].between[0]: "8h" is no time of day`},
		{"three hours", func(p *Policy) { p.Schedules[0].Layers[0].Between = []string{"08:00"} }, "schedules[0].layers[0].between: has 1 times"},
		{"no hours", func(p *Policy) { p.Schedules[0].Layers[0].Between = []string{"08:00", "08:00"} }, "schedules[0].layers[0].between: from 08:00 to 08:00 is no time at all"},
		{"a day", func(p *Policy) { p.Schedules[0].Layers[0].Days = []string{"lundi"} }, `schedules[0].layers[0].days[0]: "lundi" is none of mon, tue`},
		{"a day twice", func(p *Policy) { p.Schedules[0].Layers[0].Days = []string{"mon", "Mon"} }, "schedules[0].layers[0].days[1]: Mon is there twice"},
		{"a roster's channel", func(p *Policy) { p.Schedules[1].Channel = "mail" }, "schedules[1].channel: mail is of type email"},
		{"a channel of no roster", func(p *Policy) { p.Schedules[0].Channel = "sms" }, "schedules[0].channel: is for the telephones of from_match"},

		{"no steps", func(p *Policy) { p.Escalations[0].Steps = nil }, "escalations[0].steps: is missing"},
		{"a step of nobody", func(p *Policy) { p.Escalations[0].Steps[0].Tell = nil }, "escalations[0].steps[0].tell: is missing"},
		{"a step that is never reached", func(p *Policy) { p.Escalations[0].Steps[0].Wait = 0 }, "escalations[0].steps[0].wait: is missing: the next step would be told at the same time"},
		{"rounds at once", func(p *Policy) { p.Escalations[1].Steps[1].Wait = 0 }, "escalations[1].steps[1].wait: is missing: it would begin again at the same time"},
		{"a wait backwards", func(p *Policy) { p.Escalations[0].Steps[0].Wait = -1 }, "escalations[0].steps[0].wait: -1ns is not between 1s and 1d"},
		{"for ever", func(p *Policy) { p.Escalations[0].Repeat = 10 }, "escalations[0].repeat: 10 is not between 0 and 9"},
		{"on call of nothing", func(p *Policy) { p.Escalations[0].Steps[0].Tell[0] = "oncall:x" }, `escalations[0].steps[0].tell[0]: there is no schedule "x": there are day, duty`},
		{"nobody known", func(p *Policy) { p.Escalations[0].Steps[0].Tell[0] = "ana" }, `escalations[0].steps[0].tell[0]: "ana" is none of oncall:SCHEDULE, person:ID, channel:ID`},
		{"a channel to nowhere", func(p *Policy) { p.Escalations[0].Steps[0].Tell[0] = "channel:mail" }, "escalations[0].steps[0].tell[0]: channel mail has no `to`"},
		{"somebody twice", func(p *Policy) { p.Escalations[0].Steps[1].Tell[1] = "person:ben" }, `escalations[0].steps[1].tell[1]: "person:ben" is there twice`},

		{"no default", func(p *Policy) { p.Default = nil }, "default: is missing: who is told what no route matches?"},
		{"a default for nobody", func(p *Policy) { p.Default.Also = nil }, "default: tells nobody"},
		{"a default on the board", func(p *Policy) { *p.Default = Route{Nobody: true} }, "default.nobody: the default must tell somebody"},
		{"a default for some", func(p *Policy) { p.Default.Match.Group = []string{"x"} }, "default.match: is not asked"},
		{"a default with routes", func(p *Policy) { p.Default.Routes = make([]Route, 1) }, "default: has no routes"},
		{"a route that tells nobody", route("[{match: {group: [a]}}]"), "routes[0]: tells nobody: give it escalation, also or nobody: true"},
		{"nobody, and somebody", route("[{nobody: true, escalation: short}]"), "routes[0].nobody: is not true together with"},
		{"no such escalation", route("[{escalation: x}]"), `routes[0].escalation: there is no escalation "x": there are long, same, short`},
		{"a severity", route("[{nobody: true, match: {severity: [warn]}}]"), `routes[0].match.severity[0]: "warn" is none of info, warning, critical`},
		{"a phase", route("[{nobody: true, match: {phases: [half]}}]"), `routes[0].match.phases[0]: "half" is none of before, first_half`},
		{"a criticality", route("[{nobody: true, match: {criticality_at_least: 5}}]"), "routes[0].match.criticality_at_least: 5 is not between"},
		{"a while", route("[{nobody: true, match: {during: game}}]"), `routes[0].match.during: "game" is none of match, outside`},
		{"a label", route("[{nobody: true, match: {labels: {a-b: x}}}]"), `routes[0].match.labels: "a-b" is no name of a label`},
		{"a book for a label", func(p *Policy) {
			p.Routes = []Route{{Nobody: true, Match: When{Labels: map[string]string{"a": many}}}}
		}, "routes[0].match.labels.a: is longer than 256 characters"},
		{"times nowhere", route("[{nobody: true, match: {times: {zone: x}}}]"), `routes[0].match.times.zone: "x" is not a time zone`},
		{"a wait without a unit", route("[{nobody: true, wait: 30}]"), "routes[0].wait: is no duration: write it as 30s"},
		{"a wait of hours", route("[{nobody: true, wait: 1h}]"), "routes[0].wait: 1h is not between 0s and 10m"},
		{"reminded all the time", route("[{nobody: true, remind: 1s}]"), "routes[0].remind: 1s is not between 10s and 1d"},
		{"a route after all", route("[{escalation: short}, {escalation: long, match: {group: [a]}}]"), "routes[1]: can never match: routes[0] before it takes all that it would"},
		{"a route after a wider one", route("[{nobody: true, match: {group: [c*, b], severity: [critical, warning]}}, {nobody: true, match: {group: [cdn, c*], severity: [critical], owner: [x]}}]"), "routes[1]: can never match"},
		{"inside too", route("[{match: {owner: [x]}, routes: [{nobody: true}, {nobody: true, match: {rule: [a]}}]}]"), "routes[0].routes[1]: can never match: routes[0] before it"},
		{"a child of what it cannot be", route("[{match: {severity: [critical]}, routes: [{nobody: true, match: {severity: [warning]}}]}]"), "routes[0].routes[0].match.severity: can never match together with"},
		{"a grandchild", route("[{match: {labels: {cdn: maison}}, routes: [{match: {group: [a]}, routes: [{nobody: true, match: {labels: {cdn: akamai}}}]}]}]"), "routes[0].routes[0].routes[0].match.labels.cdn: can never match"},

		{"a maintenance without a title", func(p *Policy) { p.Maintenance = []Maintenance{{ID: "x", From: "2026-01-01", To: "2026-01-02"}} }, "maintenance[0].title: is missing"},
		{"at no time", func(p *Policy) {
			p.Maintenance = []Maintenance{{ID: "x", Title: "x", From: "demain", To: "2026-01-02"}}
		}, `maintenance[0].from: "demain" is no time: write it as`},
		{"without an end", func(p *Policy) { p.Maintenance = []Maintenance{{ID: "x", Title: "x", From: "2026-01-02"}} }, "maintenance[0].to: is missing"},
		{"that ends before it begins", func(p *Policy) {
			p.Maintenance = []Maintenance{{ID: "x", Title: "x", From: "2026-01-02", To: "2026-01-01"}}
		}, "maintenance[0].to: 2026-01-01T00:00:00"},
		{"for ever", func(p *Policy) {
			p.Maintenance = []Maintenance{{ID: "x", Title: "x", From: "2026-01-02", To: "2027-01-01"}}
		}, "maintenance[0].to: is more than 31d after from"},
		{"twice", func(p *Policy) {
			m := Maintenance{ID: "x", Title: "x", From: "2026-01-02", To: "2026-01-03"}
			p.Maintenance = []Maintenance{m, m}
		}, `maintenance[1].id: "x" is there twice`},

		{"a heart that beats nowhere", func(p *Policy) { p.Heartbeats = []Heartbeat{{Channel: "x", Every: Duration(time.Minute)}} }, `heartbeats[0].channel: there is no channel "x"`},
		{"to nobody", func(p *Policy) { p.Heartbeats = []Heartbeat{{Channel: "mail", Every: Duration(time.Minute)}} }, "heartbeats[0].to: is missing, and channel mail has none"},
		{"all the time", func(p *Policy) { p.Heartbeats = []Heartbeat{{Channel: "log", Every: Duration(time.Second)}} }, "heartbeats[0].every: 1s is not between 10s and 1d"},
	} {
		p := read(t, roomYAML)
		c.edit(p)
		err := p.Check()
		if err == nil {
			t.Errorf("%s: passes, want %q", c.name, c.want)
			continue
		}
		var problems []error
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			problems = joined.Unwrap()
		}
		if !strings.HasPrefix(problems[0].Error(), c.want) || len(problems) > 1 && c.name != "somebody without contacts" {
			t.Errorf("%s: %.400v\nwant %q alone", c.name, err, c.want)
		}
		if problem, ok := errors.AsType[*match.Problem](err); !ok || !strings.HasPrefix(c.want, problem.Key+": ") {
			t.Errorf("%s: its place is not told: %#v", c.name, problem)
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: tells a secret", c.name)
		}
	}
}

func TestRoutesThatOnlyLookAsIfTheyCouldNeverMatch(t *testing.T) {
	for _, routes := range []string{
		"[{escalation: short, continue: true}, {escalation: long}]",
		"[{match: {group: [a]}, escalation: short}, {match: {group: [a, b]}, escalation: long}]",
		"[{match: {labels: {cdn: \"*\"}}, escalation: short}, {match: {labels: {cdn: \"\"}}, escalation: long}]",
		"[{match: {labels: {cdn: \"\"}}, escalation: short}, {match: {labels: {cdn: \"*\"}}, escalation: long}]",
		"[{match: {labels: {cdn: x}}, escalation: short}, {escalation: long}]",
		"[{match: {criticality_at_least: 3}, escalation: short}, {match: {criticality_at_least: 2}, escalation: long}]",
		"[{match: {times: {between: [\"08:00\", \"20:00\"]}}, escalation: short}, {match: {times: {between: [\"08:00\", \"21:00\"]}}, escalation: long}]",
		"[{routes: [{match: {group: [a]}, nobody: true}]}, {nobody: true}]",
		"[{match: {group: [a*]}, routes: [{match: {group: [\"*b\"]}, nobody: true}]}]",
	} {
		room(t, "routes: "+routes+"\n")
	}
}

func TestWhatWouldSurpriseSomebodyIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		edit func(*Policy)
		want string
	}{
		{func(p *Policy) {}, ""},
		{func(p *Policy) { p.Schedules[0].Layers[0].Between = []string{"08:00", "20:00"} }, "schedules[0]: nobody is on call from mon 20:00 to tue 08:00: 84h a week in all"},
		{func(p *Policy) { p.Schedules[0].Layers[0].Days = []string{"sat", "sun"} }, "schedules[0]: nobody is on call from mon 00:00 to sat 00:00: 5d a week in all"},
		{func(p *Policy) {
			p.Schedules[0].Layers[0].Days, p.Schedules[0].Layers[0].Between = []string{"sun", "mon", "tue", "wed", "thu", "fri"}, []string{"18:00", "18:15"}
			p.Schedules[0].Layers = append(p.Schedules[0].Layers, Layer{People: []string{"ana"}, Between: []string{"18:15", "18:00"}})
		}, "schedules[0]: nobody is on call from sat 18:00 to sat 18:15: 15m a week in all"},
		{func(p *Policy) { p.Schedules[0].Layers[0].Between = []string{"08:00", "20:00"} }, "escalations[0].steps[0]: reaches nobody at times: schedule day: nobody is on call from mon 20:00"},
		{func(p *Policy) { p.Schedules[0].Layers[0].To = "2027-01-01" }, "schedules[0]: nobody is on call once its layers have ended"},
		{func(p *Policy) { p.Schedules[0].Layers, p.Schedules[0].FromMatch = nil, "vidéo" }, "escalations[0].steps[0]: reaches nobody at times: schedule day: nobody is on call but whom a match's roster has as vidéo"},
		{func(p *Policy) {
			p.Schedules[0].Layers[0].Between, p.Escalations[0].Steps = []string{"08:00", "20:00"}, p.Escalations[0].Steps[:1]
		}, "escalations[0]: may reach nobody at all: end it with a person or a channel"},
		{func(p *Policy) {
			p.Escalations = append(p.Escalations, Escalation{ID: "x", Steps: []Step{{Tell: []Ref{"person:ana"}}}})
		}, "escalations[1]: no route uses x"},
		{func(p *Policy) { p.Schedules = append(p.Schedules, Schedule{ID: "x", Layers: p.Schedules[0].Layers}) }, "schedules[1]: nothing tells oncall:x"},
		{func(p *Policy) { p.People = append(p.People, Person{ID: "x", Name: "X"}) }, "people[1]: nothing tells x"},
		{func(p *Policy) { p.Channels = append(p.Channels, Channel{ID: "x", Type: Webhook, URL: "https://x/"}) }, "channels[3]: nothing leads to x"},
		{func(p *Policy) { p.Channels[1].URLEnv, p.Channels[1].URL = "", "https://hooks.slack.com/x" }, "channels[1].url: whoever reads this file can write to the channel"},
		{func(p *Policy) { p.Channels[2].URL, p.Channels[2].SecretEnv = "http://x/", "X" }, "channels[2].url: sends a secret without encryption"},
		{func(p *Policy) { p.Channels[2].Headers = map[string]Secret{"Authorization": "x"} }, "channels[2].headers: Authorization looks like a secret"},
		{func(p *Policy) {
			p.Channels[0].User, p.Channels[0].SecretEnv, p.Channels[0].TLS = "u", "X", "none"
		}, "channels[0].tls: sends the password of u without encryption"},
		{func(p *Policy) {
			p.Channels[0].To, p.Channels[2].Next, p.Default.Also = "", "mail", p.Default.Also[1:]
		}, "channels[2].next: mail has no `to`: when log fails nothing takes its place"},
		{func(p *Policy) { p.People[0].Contacts = p.People[0].Contacts[:1] }, "people[0].contacts: Ana can be reached in one way only: give a second one, or channel mail a next"},
		{func(p *Policy) {
			wait := Duration(time.Minute)
			p.Routes[0].Wait = &wait
		}, "routes[0].wait: what is critical waits 1m before the first word"},
		{func(p *Policy) {
			p.Maintenance = []Maintenance{{ID: "x", Title: "x", From: "2026-01-01", To: "2026-01-02"}}
		}, "maintenance[0].match: is missing: nobody is told of anything while it lasts"},
		{func(p *Policy) { p.Heartbeats = nil }, "heartbeats: is missing: if Vigie itself falls silent nobody outside notices"},
	} {
		p := read(t, `
people: [{id: ana, name: Ana, contacts: [{channel: mail, to: ana@tv.example}, {channel: noc}]}]
channels:
  - {id: mail, type: email, host: smtp.tv.example, from: vigie@tv.example, to: all@tv.example}
  - {id: noc, type: slack, url_env: NOC}
  - {id: log, type: webhook, url: "https://log.example/"}
schedules: [{id: day, layers: [{people: [ana]}]}]
escalations: [{id: a, steps: [{tell: ["oncall:day"], wait: 1m}, {tell: ["person:ana"]}]}]
routes: [{match: {severity: [critical]}, escalation: a}]
default: {also: ["channel:mail", "channel:log"]}
heartbeats: [{channel: log, every: 1m}]
`)
		c.edit(p)
		if err := p.Check(); err != nil {
			t.Error(err)
			continue
		}
		var all []string
		for _, w := range p.Warnings() {
			all = append(all, w.Error())
		}
		if got := strings.Join(all, "\n"); (c.want == "") != (got == "") || !strings.Contains("\n"+got, "\n"+c.want) {
			t.Errorf("warned of %q, want %q", got, c.want)
		}
	}
}

func TestDurationsAsAFileWritesThem(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "5s": 5 * time.Second, "1h30m": 90 * time.Minute, "1d": 24 * time.Hour, "2w": 14 * 24 * time.Hour,
	} {
		var d Duration
		if err := yaml.Unmarshal([]byte(text), &d); err != nil || time.Duration(d) != want {
			t.Errorf("%s: %v, %v", text, d, err)
		}
		again, err := d.MarshalText()
		if err != nil || parseDuration(string(again)) != d {
			t.Errorf("%s is written as %s", text, again)
		}
	}
	for _, text := range []string{"30", "1 d", "d", "-1d", "1.5d", "99999w", "1y", "abc", strings.Repeat("1", 50) + "s"} {
		var d Duration
		if err := yaml.Unmarshal([]byte(fmt.Sprintf("%q", text)), &d); err != nil || d != notDuration {
			t.Errorf("%s: %v, %v", text, d, err)
		}
	}
}

func TestSecretsAreNeverSaid(t *testing.T) {
	p := room(t, "")
	p.Channels[1].Headers = map[string]Secret{"X-Key": "hush-1"}
	p.Channels[1].URL = "https://log.example/hush-2"
	err := p.FillSecrets(func(env, file string) (string, error) {
		return map[string]string{"NOC": " https://hooks.slack.com/hush-3\n", "PAGER": "hush-4"}[env], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Channels[0].Endpoint != "https://hooks.slack.com/hush-3" || p.Channels[1].Endpoint != "https://log.example/hush-2" || p.Channels[2].Secret != "hush-4" {
		t.Error("the secrets are not where channels look for them")
	}
	encoded, err := jsonOf(p)
	if err != nil {
		t.Fatal(err)
	}
	written, err := yaml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(p), fmt.Sprintf("%+v", p), fmt.Sprintf("%#v", p.Channels), fmt.Sprintf("%v", *p), encoded, string(written), fmt.Sprintf("%s %q", p.Channels[0].Endpoint, p.Channels[0].Endpoint)} {
		if strings.Contains(text, "hush") {
			t.Errorf("a secret is in %.2000s", text)
		}
	}
	if !strings.Contains(encoded, "https://log.example/…") {
		t.Error("where a channel goes to is not told")
	}
	if err := p.Check(); err != nil {
		t.Error("it cannot be checked again: ", err)
	}

	for _, c := range []struct{ text, want string }{
		{"", "channels[0].url_env: is empty"},
		{"hush", "channels[0].url_env: not a URL"},
		{"https://x/\nhush", "channels[0].url_env: has characters that cannot be sent"},
		{strings.Repeat("hush", 2000), "channels[0].url_env: is longer than 4096 bytes"},
	} {
		err := p.FillSecrets(func(env, file string) (string, error) {
			if env == "NOC" {
				return c.text, nil
			}
			return "", errors.New("there is no " + env)
		})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || !strings.Contains(err.Error(), "\nchannels[2].secret_env: there is no PAGER") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
