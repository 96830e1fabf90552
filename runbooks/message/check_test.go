package message

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"vigie/internal/match"
	"vigie/runbooks/channel"
)

// small is the least that a whole scenario is, with each kind of thing that can be wrong in it.
const small = `
title: {fr: Panne, en: Trouble}
about: {fr: Quand rien ne va}
when: {cdn: "*"}
audience: impact
timing: {initial: 10m, every: 15m, most: 3}
variables:
  next: {type: time, label: {fr: Prochain point, en: Next}, default: +20m}
  isp: {type: operator, label: {fr: FAI, en: ISP}, live: isp, values: [{id: free, words: {fr: Free, en: Free}}, {id: x, words: {fr: Orange, en: Orange}}]}
  page: {type: url, label: {fr: Page, en: Page}, allow: ["https://tele.example/live"], default: "https://tele.example/live/1"}
  lasts: {type: duration, label: {fr: Durée, en: How long}, least: 5, most: 90, default: 20m}
  people: {type: about, label: {fr: Combien, en: How many}, most: 3000000}
messages:
  initial:
    status:
      fr: {subject: "Panne chez {isp}", text: "Point à {next}.\n\nVoir {page}"}
      en: {subject: "Trouble on {isp}", text: "Update by {next}.\n\nSee {page}"}
    sms: {fr: "Panne, point à {next}", en: "Trouble, update by {next}"}
    x: {fr: "Panne pour {people} personnes : {page}"}
  resolved:
    status:
      fr: {subject: Fin, text: "Durée : {lasts}"}
      en: {subject: End, text: "It took {lasts}"}
    sms: {fr: {text: "C’est fini", fold: true}, en: It is over}
    x: {fr: C’est fini}
  correction:
    status:
      fr: {subject: Erreur, text: Nous nous sommes trompés.}
      en: {subject: Mistake, text: We were wrong.}
    sms: {fr: Erreur, en: Mistake}
    x: {fr: Nous nous sommes trompés.}
`

func TestAWholeScenarioIsWithoutFaults(t *testing.T) {
	s := read(t, small)
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []Step{Initial, Resolved, Correction} {
		if err := s.CheckStep(step); err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
	if s.CheckStep(Update) == nil {
		t.Error("a step that is not there is without faults")
	}
}

func TestScenariosThatCannotBe(t *testing.T) {
	text := func(step Step, kind channel.Kind, language string, edit func(*Text)) func(*Scenario) {
		return func(s *Scenario) {
			x := s.Messages[step].Texts[kind][language]
			edit(&x)
			s.Messages[step].Texts[kind][language] = x
		}
	}
	body := func(to string) func(*Text) { return func(x *Text) { x.Body = to } }
	variable := func(name string, edit func(*Variable)) func(*Scenario) {
		return func(s *Scenario) { edit(s.Variables[name]) }
	}
	for _, c := range []struct {
		name  string
		draft bool // it cannot be kept either
		edit  func(*Scenario)
		want  string // key and begin of the text
	}{
		{"no id", true, func(s *Scenario) { s.ID = "" }, `id: "" is not 1 to 64 of`},
		{"an id with a path", true, func(s *Scenario) { s.ID = "../x" }, `id: "../x" is not`},
		{"no title", false, func(s *Scenario) { s.Title = nil }, "title: is missing"},
		{"a language of nobody", true, func(s *Scenario) { s.Title["e"] = "x" }, `title.e: "e" is no language of messages: is en meant?`},
		{"a long title", true, func(s *Scenario) { s.Title["fr"] = strings.Repeat("é", 121) }, "title.fr: is longer than 120 characters"},
		{"a title that nobody sees", true, func(s *Scenario) { s.Title["fr"] = "a\u202eb" }, "title.fr: has characters that cannot be shown"},
		{"a long about", true, func(s *Scenario) { s.About["fr"] = strings.Repeat("é", 1001) }, "about.fr: is longer than"},
		{"an empty label", true, func(s *Scenario) { s.When["cdn"] = "" }, "when.cdn: is empty: * is any value"},
		{"a runbook's path", true, func(s *Scenario) { s.Runbook = "a/b" }, `runbook: "a/b" is not`},
		{"an audience of many words", true, func(s *Scenario) { s.Audience = "tous les abonnés" }, "audience: "},
		{"nobody", false, func(s *Scenario) { s.Audience = "" }, "audience: is missing: who gets sms?"},
		{"a hurry", true, func(s *Scenario) { s.Timing.Every = time.Second }, "timing.every: 1s is not between 1m and"},
		{"never", true, func(s *Scenario) { s.Timing.Initial = 48 * time.Hour }, "timing.initial: "},
		{"for ever", true, func(s *Scenario) { s.Timing.Most = 1000 }, "timing.most: 1000 is not between 0 and 200"},

		{"a variable's name", true, func(s *Scenario) { s.Variables["Next"] = s.Variables["next"] }, `variables.Next: "Next" is no name`},
		{"an empty variable", true, func(s *Scenario) { s.Variables["next"] = nil }, "variables.next: is empty"},
		{"free text", true, variable("next", func(v *Variable) { v.Type = "text" }), `variables.next.type: "text" is no type: there are time, duration`},
		{"a type that is nearly one", true, variable("next", func(v *Variable) { v.Type = "tiem" }), `variables.next.type: "tiem" is no type: is time meant?`},
		{"no label", false, variable("next", func(v *Variable) { delete(v.Label, "en") }), "variables.next.label.en: is missing"},
		{"values of a time", true, variable("next", func(v *Variable) { v.Values = []Choice{{ID: "a"}} }), "variables.next.values: are nothing that a time has"},
		{"a place of none", false, variable("isp", func(v *Variable) { v.Type, v.Live, v.Values = Place, "", nil }), "variables.isp.values: are missing"},
		{"a value twice", true, variable("isp", func(v *Variable) { v.Values[1].ID = "free" }), `variables.isp.values[1].id: "free" is there twice`},
		{"a value's id", true, variable("isp", func(v *Variable) { v.Values[1].ID = "Free SAS" }), `variables.isp.values[1].id: "Free SAS" is not`},
		{"a value without words", false, variable("isp", func(v *Variable) { delete(v.Values[0].Words, "en") }), "variables.isp.values[0].words.en: is missing"},
		{"a value with a variable", true, variable("isp", func(v *Variable) { v.Values[0].Words["en"] = "{next}" }), "variables.isp.values[0].words.en: has a brace or an address in it"},
		{"a value with an address", true, variable("isp", func(v *Variable) { v.Values[0].Words["en"] = "evil.com" }), "variables.isp.values[0].words.en: has a brace or an address in it"},
		{"an address that is none", true, variable("page", func(v *Variable) { v.Allow[0] = "tele.example" }), `variables.page.allow[0]: "tele.example" is no beginning of an address`},
		{"an address without encryption", true, variable("page", func(v *Variable) { v.Allow[0] = "http://tele.example" }), "variables.page.allow[0]: "},
		{"addresses of a time", true, variable("next", func(v *Variable) { v.Allow = []string{"https://tele.example"} }), "variables.next.allow: is for addresses alone"},
		{"what the board does not say", true, variable("people", func(v *Variable) { v.Live = "viewer" }), `variables.people.live: the board says no "viewer" of a about: is viewers meant?`},
		{"a default out of range", false, variable("lasts", func(v *Variable) { v.Default = "2h" }), "variables.lasts.default: 120 minutes are not between 5 and 90"},
		{"a default of another type", false, variable("lasts", func(v *Variable) { v.Default = "soon" }), `variables.lasts.default: "soon" is no duration`},
		{"a default that is no value", false, variable("isp", func(v *Variable) { v.Default = "fre" }), `variables.isp.default: "fre" is none of its values: is free meant?`},
		{"a default in the past", true, variable("next", func(v *Variable) { v.Default = "+-20m" }), "variables.next.default: "},
		{"a default elsewhere", false, variable("page", func(v *Variable) { v.Default = "https://evil.example/live" }), "variables.page.default: "},
		{"a least above the most", true, variable("lasts", func(v *Variable) { v.Least = 91 }), "variables.lasts.least: 91 is more than most"},
		{"no number", true, variable("lasts", func(v *Variable) { v.Most = math.NaN() }), "variables.lasts.most: "},
		{"too much", true, variable("people", func(v *Variable) { v.Most = 1e12 }), "variables.people.most: "},
		{"a variable that nobody uses", false, func(s *Scenario) { s.Variables["unused"] = &Variable{Type: Number, Label: Words{"fr": "x", "en": "x"}} }, "variables.unused: is used in no text"},

		{"no such step", true, func(s *Scenario) { s.Messages["initail"] = s.Messages[Initial] }, `messages.initail: "initail" is no step: is initial meant?`},
		{"no such channel", true, func(s *Scenario) { s.Messages[Initial].Texts["smss"] = nil }, `messages.initial.smss: "smss" is no channel: is sms meant?`},
		{"no such language", true, func(s *Scenario) { s.Messages[Initial].Texts[channel.X]["de"] = Text{Body: "x"} }, `messages.initial.x.de: "de" is no language`},
		{"no beginning", false, func(s *Scenario) { delete(s.Messages, Initial) }, "messages.initial: is missing"},
		{"no end", false, func(s *Scenario) { delete(s.Messages, Resolved) }, "messages.resolved: is missing"},
		{"no correction", false, func(s *Scenario) { delete(s.Messages, Correction) }, "messages.correction: is missing"},
		{"no correction where it was said", false, func(s *Scenario) { delete(s.Messages[Correction].Texts, channel.SMS) }, "messages.correction.sms: is missing: what is said there could not be corrected there"},
		{"an end for nobody", false, func(s *Scenario) { delete(s.Messages[Initial].Texts, channel.SMS) }, "messages.resolved.sms: nobody gets it"},
		{"a missing language", false, func(s *Scenario) { delete(s.Messages[Initial].Texts[channel.SMS], "en") }, "messages.initial.sms.en: is missing"},
		{"a language that the title has not", false, func(s *Scenario) { delete(s.Title, "en") }, "messages.initial.status.en: the title is not in this language"},
		{"a subject of a short message", true, text(Initial, channel.SMS, "fr", func(x *Text) { x.Subject = "x" }), "messages.initial.sms.fr.subject: is nothing that sms has"},
		{"no subject", false, text(Initial, channel.Status, "fr", func(x *Text) { x.Subject = "" }), "messages.initial.status.fr.subject: is missing"},
		{"a folded page", true, text(Initial, channel.Status, "fr", func(x *Text) { x.Fold = true }), "messages.initial.status.fr.fold: is for sms alone"},
		{"no text", false, text(Initial, channel.Status, "fr", body("")), "messages.initial.status.fr.text: is missing"},
		{"a long text", true, text(Initial, channel.Status, "fr", body(strings.Repeat("x", 20001))), "messages.initial.status.fr.text: is longer than 20000 characters"},
		{"a bell", true, text(Initial, channel.Status, "fr", body("a\ab")), "messages.initial.status.fr.text: has characters"},
		{"no UTF-8", true, text(Initial, channel.Status, "fr", body("a\xffb")), "messages.initial.status.fr.text: has characters"},
		{"a subject of two lines", true, text(Initial, channel.Status, "fr", func(x *Text) { x.Subject = "a\nBcc: x" }), "messages.initial.status.fr.subject: has characters"},
		{"an open brace", true, text(Initial, channel.Status, "fr", body("Point à {next")), `messages.initial.status.fr.text: a brace stands alone near "Point à {next"`},
		{"a brace in a brace", true, text(Initial, channel.Status, "fr", body("{{next}}")), "messages.initial.status.fr.text: a brace stands alone"},
		{"a variable's name in French", true, text(Initial, channel.Status, "fr", body("{début}")), "messages.initial.status.fr.text: {début} is no variable"},
		{"no such variable", false, text(Initial, channel.Status, "fr", body("Point à {nxet}")), "messages.initial.status.fr: there is no variable {nxet}: is next meant?"},
		{"an address as a title", false, text(Initial, channel.Status, "fr", func(x *Text) { x.Subject = "{page}" }), "messages.initial.status.fr.subject: has an address, {page}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := read(t, small)
			c.edit(s)
			found := problems(t, s.Check())
			if !hasPrefix(found, c.want) {
				t.Errorf("%q is not among\n%s", c.want, strings.Join(found, "\n"))
			}
			if hasPrefix(problems(t, s.CheckDraft()), c.want) != c.draft {
				t.Errorf("it can be kept: %v, want %v", c.draft, !c.draft)
			}
		})
	}
}

// problems are the lines of a Check, each of which is a match.Problem.
func problems(t *testing.T, err error) (all []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		if _, ok := errors.AsType[*match.Problem](e); !ok {
			t.Errorf("%v is no problem with a key", e)
		}
		all = append(all, e.Error())
	}
	return all
}

func hasPrefix(all []string, want string) bool {
	for _, line := range all {
		if strings.HasPrefix(line, want) {
			return true
		}
	}
	return false
}

// What is wrong with one message does not keep the others from being reviewed; what is wrong with a variable only those
// that use it.
func TestOneStepsFaultsAreItsOwn(t *testing.T) {
	s := read(t, small)
	delete(s.Messages[Resolved].Texts[channel.SMS], "en")
	s.Variables["lasts"].Default = "soon"
	if err := s.CheckStep(Initial); err != nil {
		t.Errorf("initial: %v", err)
	}
	if found := problems(t, s.CheckStep(Resolved)); len(found) != 2 {
		t.Errorf("resolved: %v", found)
	}
	delete(s.Messages, Correction)
	if found := problems(t, s.CheckStep(Initial)); len(found) != 1 || !strings.HasPrefix(found[0], "messages.correction: is missing") {
		t.Errorf("without a correction: %v", found)
	}
}

func TestFilesAreReadStrictly(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"a key that is nearly one", "audience:", "audence:", `unknown field "audence"`},
		{"a part of a text", "fold: true", "folded: true", `unknown field "folded"`},
		{"a part of a variable", "least: 5", "min: 5", `unknown field "min"`},
		{"a duration without its unit", "initial: 10m", "initial: 10", "timing.initial: is no duration"},
		{"a part of the timing", "most: 3}", "max: 3}", `unknown field "max"`},
		{"a list as a text", "en: Mistake", "en: [Mistake]", "sequence was used"},
	} {
		text := strings.Replace(small, c.from, c.to, 1)
		if text == small {
			t.Fatal(c.name, ": nothing was replaced")
		}
		if err := yaml.UnmarshalWithOptions([]byte(text), &Scenario{}, yaml.Strict()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// A scenario that is written as a file and read again says the same.
func TestAFileComesBack(t *testing.T) {
	for _, s := range append(examples(t), read(t, small)) {
		text, err := yaml.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again := read(t, string(text))
		again.ID = s.ID
		if err := again.Check(); err != nil {
			t.Errorf("%s: %v", s.ID, err)
		}
		for _, step := range Steps() {
			if s.Hash(step) != again.Hash(step) {
				t.Errorf("%s %s is another one:\n%s", s.ID, step, text)
			}
		}
		if s.Timing != again.Timing || s.Runbook != again.Runbook || len(s.When) != len(again.When) {
			t.Errorf("%s: %+v", s.ID, again)
		}
	}
}
