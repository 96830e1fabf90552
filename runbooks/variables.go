package runbooks

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// hole is a variable in a text: {cdn}. What stands otherwise between braces is text.
var hole = regexp.MustCompile(`\{([a-z][a-z0-9_]{0,39})\}`)

// ownVariables are those that every run has, beside its labels.
var ownVariables = []string{"crisis", "title", "match", "run", "runbook", "began", "lead"}

// Variables are the names that every text may have beside labels.
func Variables() []string { return slices.Clone(ownVariables) }

// holes are the names in a text, each once.
func holes(text string) (names []string) {
	for _, m := range hole.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// Asks are the labels that a runbook's texts, calls and signals speak of: what whoever starts it by hand is asked for.
func (rb *Runbook) Asks() (names []string) {
	for _, text := range rb.texts() {
		for _, name := range holes(text) {
			if !slices.Contains(ownVariables, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// texts are all that may have variables.
func (rb *Runbook) texts() (all []string) {
	words := func(w Words) {
		for _, lang := range slices.Sorted(keys(w)) {
			all = append(all, w[lang])
		}
	}
	words(rb.Intro)
	for i := range rb.Steps {
		s := &rb.Steps[i]
		words(s.Title)
		words(s.Text)
		words(s.Evidence)
		for _, c := range s.Choices {
			words(c.Label)
		}
		if c := s.Call; c != nil {
			all = append(all, c.URL, c.DrillURL, c.Body)
			for _, name := range slices.Sorted(keys(c.Headers)) {
				all = append(all, c.Headers[name])
			}
		}
		if s.Signal != nil {
			for _, name := range slices.Sorted(keys(s.Signal.Where)) {
				all = append(all, s.Signal.Where[name])
			}
		}
	}
	return all
}

// value is what a variable stands for in a run; false: nobody has said yet.
func (r *Run) value(name string) (string, bool) {
	switch name {
	case "crisis":
		return r.Crisis, true
	case "title":
		return r.Title, true
	case "match":
		return r.Match, r.Match != ""
	case "run":
		return r.ID, true
	case "runbook":
		return r.Runbook.ID, true
	case "began":
		return r.Started.UTC().Format(time.RFC3339), true
	case "lead":
		return r.Lead, true
	}
	v := r.Labels[name]
	return v, v != ""
}

// Value is what a variable stands for in a run, as people call it; false: nobody has said yet.
func (r *Run) Value(name string) (string, bool) {
	v, ok := r.value(name)
	if called := r.Called[name]; called != "" && ok && !slices.Contains(ownVariables, name) {
		return called, true
	}
	return v, ok
}

// call keeps what people call the run's labels: names tells; nil: as they are.
func (r *Run) call(names func(label, value string) string) {
	r.Called = nil
	if names == nil {
		return
	}
	for label, value := range r.Labels {
		if called := names(label, value); called != "" && called != value {
			if r.Called == nil {
				r.Called = map[string]string{}
			}
			r.Called[label] = called
		}
	}
}

// fill puts values into a text's holes, each through as. missing are the names that nobody has said; they stay.
func (r *Run) fill(text string, as func(string) string) (filled string, missing []string) {
	filled = hole.ReplaceAllStringFunc(text, func(h string) string {
		name := h[1 : len(h)-1]
		v, ok := r.value(name)
		if !ok {
			missing = append(missing, name)
			return h
		}
		return as(v)
	})
	return filled, missing
}

// Fill is a text with its variables, for people, as text: what nobody has said yet stays as {name}.
func (r *Run) Fill(text string) string { return Fill(text, r.Value) }

// Fill puts values into a text's holes; what value does not know stays as {name}.
func Fill(text string, value func(name string) (string, bool)) string {
	return hole.ReplaceAllStringFunc(text, func(h string) string {
		if v, ok := value(h[1 : len(h)-1]); ok {
			return v
		}
		return h
	})
}

// Address is where a call of the run would go, with its values as they are sent, not as people call them.
func (r *Run) Address(url string) string {
	filled, _ := r.fill(url, asIs)
	return filled
}

// Unsaid are the labels of which the run's texts, calls and signals speak and that nobody has said yet.
func (r *Run) Unsaid() (names []string) {
	for _, name := range r.Runbook.Asks() {
		if _, ok := r.value(name); !ok {
			names = append(names, name)
		}
	}
	return names
}

// Lacks are the labels without which a step's call is not made, or its signal not known: nobody has said them yet.
func (r *Run) Lacks(s *Step) (names []string) {
	var texts []string
	if h := s.Call; h != nil && (!r.Drill || h.DrillURL != "") {
		texts = append(texts, r.target(h), h.Body)
		for _, value := range h.Headers {
			texts = append(texts, value)
		}
	}
	if s.Signal != nil {
		for _, value := range s.Signal.Where {
			texts = append(texts, value)
		}
	}
	for _, text := range texts {
		_, missing := r.fill(text, asIs)
		names = append(names, missing...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// target is the address that a call of the run has, before its variables; "": an exercise calls nothing.
func (r *Run) target(h *HTTP) string {
	if r.Drill {
		return h.DrillURL
	}
	return h.URL
}

// Values come from alerts, whose labels anybody who sends lines may choose: each is written so that it can be nothing but
// a value where it stands.

func asJSON(v string) string {
	b, err := json.Marshal(v)
	if err != nil || len(b) < 2 {
		return ""
	}
	return string(b[1 : len(b)-1])
}

func asHeader(v string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, v)
}

func asPath(v string) string  { return url.PathEscape(v) }
func asQuery(v string) string { return url.QueryEscape(v) }
func asIs(v string) string    { return v }
