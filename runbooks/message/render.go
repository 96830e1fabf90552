package message

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/internal/gsm"
	"vigie/internal/match"
	"vigie/runbooks/channel"
)

// Input is what a message is rendered with.
type Input struct {
	// Values by variable: a Time as RFC 3339, a Duration as 20m, a Number with a point, a Choice's id, a URL.
	Values map[string]string
	Zone   *time.Location // of times; nil: UTC
	Now    time.Time
	Drill  bool      // every text begins with EXERCICE or DRILL
	NextBy time.Time // promised in status and banner; zero: not. It is the value of a Time with live: next_by that has none

	Limits Limits // of the channels, and the house's addresses
}

// Rendered is a message as it will be sent: these bytes, and no others.
type Rendered struct {
	Scenario string                             `json:"scenario"`
	Step     Step                               `json:"step"`
	Hash     string                             `json:"hash"`   // of what was approved: Scenario.Hash
	Digest   string                             `json:"digest"` // of Texts: what people confirm
	Values   map[string]string                  `json:"values,omitempty"`
	Texts    map[channel.Kind]map[string]Output `json:"texts"`
}

// Output is one channel's text in one language.
type Output struct {
	Subject string  `json:"subject,omitempty"`
	Text    string  `json:"text"`
	HTML    string  `json:"html,omitempty"` // of email
	Measure Measure `json:"measure"`
}

// Measure is how much of a channel's room a text takes.
type Measure struct {
	Used, Most int    `json:"-"`
	Unit       string `json:"-"` // characters, septets, units (of UCS-2), weighted, graphemes, bytes: a key of texts
	Segments   int    `json:"segments,omitempty"`
	UCS2       bool   `json:"ucs2,omitempty"`
	Culprits   string `json:"culprits,omitempty"` // the characters that make it UCS-2, each once
}

// Render makes the texts of a step. It fails, with a *match.Problem for each mistake, when a variable has no value or
// one that is none of its type (its key is "values." and the name), and when a channel would refuse the text: a public
// message is never sent with a hole, nor cut.
func (s *Scenario) Render(step Step, in Input) (*Rendered, error) {
	texts := s.Messages[step].said()
	if len(texts) == 0 {
		return nil, &match.Problem{Key: "messages." + string(step), Text: "is missing"}
	}
	r := &Rendered{Scenario: s.ID, Step: step, Hash: s.Hash(step), Values: map[string]string{}, Texts: map[channel.Kind]map[string]Output{}}
	var errs []error
	wrong := map[string]bool{}
	fail := func(key, text string) {
		if !wrong[key] {
			wrong[key] = true
			errs = append(errs, &match.Problem{Key: key, Text: text})
		}
	}
	for _, name := range s.Uses(step) {
		r.Values[name] = s.value(name, &in)
	}
	for _, t := range texts {
		v := voiceOf(t.kind, t.language, &in)
		say := func(name string) string {
			of := s.Variables[name]
			if of == nil {
				fail("values."+name, "there is no such variable: "+unknown(name, slices.Sorted(maps.Keys(s.Variables))))
				return ""
			}
			words, err := v.say(of, r.Values[name])
			if err != nil {
				fail("values."+name, err.Error())
			}
			return words
		}
		key := "messages." + string(step) + "." + string(t.kind) + "." + t.language
		o, err := t.output(in.Limits, in.Drill, say)
		if err != nil {
			fail(key, err.Error())
			continue
		}
		if o.Measure.over(t.kind, o.Text) {
			fail(key+".text", fmt.Sprintf("takes %d %s, %d are allowed", o.Measure.Used, o.Measure.Unit, o.Measure.Most))
		}
		if o.Text == "" {
			fail(key+".text", "is empty")
		}
		if r.Texts[t.kind] == nil {
			r.Texts[t.kind] = map[string]Output{}
		}
		r.Texts[t.kind][t.language] = o
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	r.Digest = digest(r.Texts)
	return r, nil
}

// value is what was given for a variable, or what the system knows of it.
func (s *Scenario) value(name string, in *Input) string {
	value := strings.TrimSpace(in.Values[name])
	if v := s.Variables[name]; value == "" && v != nil && v.Type == Time && v.Live == "next_by" && !in.NextBy.IsZero() {
		return in.NextBy.Format(time.RFC3339)
	}
	return value
}

// output is a text with its variables' words.
func (t said) output(limits Limits, exercise bool, say func(name string) string) (Output, error) {
	subject, err := parse(line(t.Subject))
	if err != nil {
		return Output{}, err
	}
	body, err := parse(clean(t.Body))
	if err != nil {
		return Output{}, err
	}
	o := Output{Subject: fill(subject, say), Text: fill(body, say)}
	if exercise {
		o.Text = drill(t.language) + o.Text
		if o.Subject != "" {
			o.Subject = drill(t.language) + o.Subject
		}
	}
	if t.Fold {
		o.Text = gsm.Fold(o.Text)
	}
	if t.kind == channel.Email {
		o.HTML = markup(t.language, o.Text)
	}
	o.Measure = limits.Measure(t.kind, o.Subject, o.Text)
	return o, nil
}
