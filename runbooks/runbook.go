package runbooks

import (
	"time"

	"vigie/internal/match"
)

// Bounds of a runbook.
const (
	MaxFile     = 64 << 10 // bytes of one language's file
	MaxSteps    = 60
	MaxChoices  = 8
	maxRunbooks = 500
	maxTitle    = 160 // characters
	maxName     = 120
	maxAsk      = 300 // of what evidence is asked for
	maxBody     = 16 << 10
	maxHeaders  = 20
	maxHold     = time.Hour
	maxDue      = 12 * time.Hour
)

// Words are a text in languages: "fr": "…". A text that is in no language in particular is at "".
type Words map[string]string

// In is the text of a language, or of another one where there is none; the main one first.
func (w Words) In(lang string) string {
	for _, l := range []string{lang, "", "fr", "en"} {
		if text := w[l]; text != "" {
			return text
		}
	}
	return ""
}

// Runbook is one, as its files say. It is not changed once it is read.
type Runbook struct {
	ID        string   `json:"id"`        // of the file: runbooks/{id}.md; a-z, 0-9, '-'
	Hash      string   `json:"hash"`      // SHA-256 of its files, hexadecimal
	Languages []string `json:"languages"` // the main one first
	Title     Words    `json:"title"`
	Owner     string   `json:"owner"` // a role of the match's roster, or a person
	When      []When   `json:"when,omitempty"`
	Intro     Words    `json:"intro,omitempty"` // Markdown before the first step
	Steps     []Step   `json:"steps"`

	files map[string]*file // by language
}

// When is what a runbook is for: all of what it says; one of several.
type When struct {
	Labels      map[string]Values `json:"labels,omitempty"`
	Rules       Values            `json:"rules,omitempty"`       // ids of alerts' rules
	Criticality int               `json:"criticality,omitempty"` // of the match, at least; 0: whatever it is
	Phases      []match.Phase     `json:"phases,omitempty"`
}

// Values are those that a label may have; "*" is any.
type Values []string

// Kind is how a step is done.
type Kind string

const (
	Manual    Kind = "manual"    // somebody does it and ticks it
	Automatic Kind = "automatic" // Vigie calls something, or waits for a signal of the board
	Message   Kind = "message"   // somebody sends it, which ticks it
	Decision  Kind = "decision"  // somebody chooses
)

// Kinds are all.
func Kinds() []Kind { return []Kind{Manual, Automatic, Message, Decision} }

// Step is one thing to do.
type Step struct {
	ID       string            `json:"id"`
	Kind     Kind              `json:"kind"`
	Title    Words             `json:"title"`
	Text     Words             `json:"text,omitempty"` // Markdown; HTML shows it
	Owner    string            `json:"owner,omitempty"`
	Due      Due               `json:"due,omitzero"`
	Needs    []string          `json:"needs,omitempty"`    // steps that come before it, those that say that they block it too
	When     map[string]Values `json:"when,omitempty"`     // by decision, the choices with which it applies; all of them
	Evidence Words             `json:"evidence,omitempty"` // what whoever ticks it is asked for; nil: nothing
	Call     *HTTP             `json:"call,omitempty"`     // of an automatic step: this, or Signal
	Signal   *Signal           `json:"signal,omitempty"`
	Scenario string            `json:"scenario,omitempty"` // of a message
	Message  string            `json:"message,omitempty"`  // the step of its scenario: initial, update …
	Choices  []Choice          `json:"choices,omitempty"`  // of a decision

	line int // of its heading, in the main file
}

// HTTP is a call. Its texts may have variables.
type HTTP struct {
	Method   string            `json:"method"`
	URL      string            `json:"url"`
	DrillURL string            `json:"drill_url,omitempty"` // called in an exercise in its place; "": then nothing is
	Headers  map[string]string `json:"headers,omitempty"`
	Body     string            `json:"body,omitempty"`
	Status   []int             `json:"status,omitempty"`   // that it must answer; none: one of 200 to 299
	Contains string            `json:"contains,omitempty"` // what the answer must have in its first 64 KB
	Wait     time.Duration     `json:"wait,omitempty"`     // for the answer; 0: 15 s
	ByHand   bool              `json:"by_hand,omitempty"`  // a person starts it; else it starts when its prerequisites are done
}

// Signal is what the board must show before a step is done.
type Signal struct {
	Name  string            `json:"name"`
	Where map[string]string `json:"where,omitempty"` // values may have variables
	Above *float64          `json:"above,omitempty"` // one of the two
	Below *float64          `json:"below,omitempty"`
	For   time.Duration     `json:"for,omitempty"` // how long it must hold
}

// Choice is one way to decide.
type Choice struct {
	ID    string `json:"id"`
	Label Words  `json:"label"`
}

// Step is the one with an id; nil: there is none.
func (rb *Runbook) Step(id string) *Step {
	for i := range rb.Steps {
		if rb.Steps[i].ID == id {
			return &rb.Steps[i]
		}
	}
	return nil
}

// Choice is the one with an id; nil: there is none.
func (s *Step) Choice(id string) *Choice {
	for i := range s.Choices {
		if s.Choices[i].ID == id {
			return &s.Choices[i]
		}
	}
	return nil
}

// Problem is one thing that a runbook's file cannot say, with its place.
type Problem struct {
	File         string // as it was given to Read
	Line, Column int
	match.Problem
	Elsewhere bool // what it names is not in files, and may be written in the pages
}

func (p *Problem) Error() string {
	text := p.Text
	if p.Key != "" {
		text = p.Problem.Error()
	}
	return at(p.File, p.Line, p.Column) + " " + text
}

// Unwrap is the problem without its place.
func (p *Problem) Unwrap() error { return &p.Problem }
