package message

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"vigie/runbooks/channel"
)

// copyOf is a scenario as a store gives it back.
func copyOf(t testing.TB, s *Scenario) *Scenario {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	out := &Scenario{}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func hashes(s *Scenario) map[Step]string {
	all := map[Step]string{}
	for _, step := range Steps() {
		all[step] = s.Hash(step)
	}
	return all
}

// What a form or a store does to a text without anybody meaning it leaves the approval where it was.
func TestASaveThatChangesNothingKeepsTheHash(t *testing.T) {
	s := read(t, small)
	want := hashes(s)
	for name, edit := range map[string]func(*Scenario){
		"stored":  func(s *Scenario) {},
		"cleaned": func(s *Scenario) { s.Clean() },
		"sent by a form": func(s *Scenario) {
			for _, m := range s.Messages {
				for kind, texts := range m.Texts {
					for language, x := range texts {
						x.Body, x.Subject = strings.ReplaceAll(x.Body, "\n", " \r\n")+"\r\n", x.Subject+" "
						m.Texts[kind][language] = x
					}
				}
			}
		},
		"decomposed letters": func(s *Scenario) {
			x := s.Messages[Initial].Texts[channel.SMS]["fr"]
			x.Body = strings.ReplaceAll(x.Body, "à", "a\u0300")
			s.Messages[Initial].Texts[channel.SMS]["fr"] = x
		},
		"empty fields": func(s *Scenario) {
			s.Messages[Initial].Texts[channel.Banner] = map[string]Text{"fr": {}, "en": {Body: " \n"}}
			s.Messages[Initial].Texts[channel.Email] = map[string]Text{}
			s.Messages[Update] = &Message{}
			s.Variables["isp"].Label["de"] = ""
			s.Variables["next"].Values, s.Variables["next"].Allow = []Choice{}, []string{}
		},
		"what is not approved": func(s *Scenario) {
			s.Title["fr"], s.About, s.Runbook, s.Timing.Most, s.When, s.Adhoc, s.ID = "Autre", nil, "x", 7, nil, true, "other"
		},
	} {
		c := copyOf(t, s)
		edit(c)
		for step, hash := range hashes(c) {
			if hash != want[step] {
				t.Errorf("%s: %s has another hash", name, step)
			}
		}
	}
}

// edits are all the single edits of what is approved, each with the steps that it is of.
func edits(s *Scenario) map[string]func(*Scenario) []Step {
	all := map[string]func(*Scenario) []Step{}
	for step, m := range s.Messages {
		for kind, texts := range m.Texts {
			for language := range texts {
				text := func(what string, edit func(*Text)) {
					all[fmt.Sprint(what, step, kind, language)] = func(s *Scenario) []Step {
						x := s.Messages[step].Texts[kind][language]
						edit(&x)
						s.Messages[step].Texts[kind][language] = x
						return []Step{step}
					}
				}
				text("body", func(x *Text) { x.Body += "!" })
				text("line", func(x *Text) { x.Body = "a\n" + x.Body })
				text("subject", func(x *Text) { x.Subject += "!" })
				text("fold", func(x *Text) { x.Fold = !x.Fold })
				text("moved", func(x *Text) { x.Subject, x.Body = x.Body, x.Subject+"x" })
				all[fmt.Sprint("gone", step, kind, language)] = func(s *Scenario) []Step {
					delete(s.Messages[step].Texts[kind], language)
					return []Step{step}
				}
			}
			all[fmt.Sprint("other channel", step, kind)] = func(s *Scenario) []Step {
				s.Messages[step].Texts[channel.Webhook] = s.Messages[step].Texts[kind]
				delete(s.Messages[step].Texts, kind)
				return []Step{step}
			}
		}
		all["gone "+string(step)] = func(s *Scenario) []Step { delete(s.Messages, step); return []Step{step} }
	}
	for name := range s.Variables {
		variable := func(what string, edit func(*Variable)) {
			all["variable "+name+" "+what] = func(s *Scenario) []Step {
				edit(s.Variables[name])
				return s.usedBy(name)
			}
		}
		variable("type", func(v *Variable) { v.Type = Number; v.Values = nil })
		variable("label", func(v *Variable) { v.Label["fr"] += "x" })
		variable("new value", func(v *Variable) { v.Values = append(v.Values, Choice{ID: "new", Words: Words{"fr": "x", "en": "y"}}) })
		variable("allow", func(v *Variable) { v.Allow = append(v.Allow, "https://other.example/") })
		variable("live", func(v *Variable) { v.Live += "x" })
		variable("least", func(v *Variable) { v.Least++ })
		variable("most", func(v *Variable) { v.Most++ })
		variable("default", func(v *Variable) { v.Default += "0" })
		if len(s.Variables[name].Values) > 1 {
			variable("words", func(v *Variable) { v.Values[1].Words["en"] += "x" })
			variable("id", func(v *Variable) { v.Values[1].ID += "x" })
			variable("order", func(v *Variable) { v.Values[0], v.Values[1] = v.Values[1], v.Values[0] })
			variable("fewer", func(v *Variable) { v.Values = v.Values[1:] })
		}
	}
	all["audience"] = func(s *Scenario) []Step { s.Audience = "everyone"; return Steps() }
	return all
}

func (s *Scenario) usedBy(name string) (steps []Step) {
	for _, step := range Steps() {
		for _, used := range s.Uses(step) {
			if used == name {
				steps = append(steps, step)
			}
		}
	}
	return steps
}

// Each edit of what is approved changes the hash of the messages that it is of, and of no other.
func TestEachEditChangesTheHashOfWhatItIsOf(t *testing.T) {
	s := read(t, small)
	want := hashes(s)
	all := edits(s)
	if len(all) < 100 {
		t.Fatalf("%d edits only", len(all))
	}
	for name, edit := range all {
		c := copyOf(t, s)
		touched := map[Step]bool{}
		for _, step := range edit(c) {
			touched[step] = s.Messages[step] != nil
		}
		if len(touched) == 0 {
			t.Errorf("%s is of no step", name)
		}
		for step, hash := range hashes(c) {
			if (hash != want[step]) != touched[step] {
				t.Errorf("%s: the hash of %s changed: %v, want %v", name, step, hash != want[step], touched[step])
			}
		}
	}
}

// After any number of edits in any order two contents have the same hash when they are the same, and only then.
func TestHashesAreOfContents(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	first := read(t, small)
	contents := map[string]string{} // hash to content
	hash := map[string]string{}
	for range 300 {
		s := copyOf(t, first)
		for range 1 + r.IntN(3) {
			all := edits(s)
			all[slices.Sorted(maps.Keys(all))[r.IntN(len(all))]](s)
		}
		for _, step := range Steps() {
			h := s.Hash(step)
			if h == "" {
				continue
			}
			used := map[string]*Variable{}
			for _, name := range s.Uses(step) {
				used[name] = s.Variables[name]
			}
			content, err := json.Marshal([]any{step, s.Audience, s.Messages[step].said(), s.Messages[step].kinds(), used})
			if err != nil {
				t.Fatal(err)
			}
			if other, there := contents[h]; there && other != string(content) {
				t.Fatalf("one hash of two contents:\n%s\n%s", content, other)
			}
			if other, there := hash[string(content)]; there && other != h {
				t.Fatalf("two hashes of one content: %s", content)
			}
			contents[h], hash[string(content)] = string(content), h
		}
	}
	if len(contents) < 100 {
		t.Errorf("%d contents only", len(contents))
	}
}

// kinds are what said leaves out of its JSON.
func (m *Message) kinds() (all []string) {
	for _, t := range m.said() {
		all = append(all, string(t.kind)+" "+t.language)
	}
	return all
}
