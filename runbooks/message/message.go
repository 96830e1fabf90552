// Package message is what viewers are told, as it is written before the match: scenarios with a message for each of
// their steps, in every channel and language, with typed variables.
//
// It checks what a file or a form says, measures each text against its channel's true limits in the worst case that
// its variables allow, renders texts, and makes the hash that an approval is of. It is pure: no clock, no store, no
// network.
//
// Reading order: message.go is a scenario, yaml.go how a file says it, clean.go how it is kept; check.go and checktexts.go what
// cannot be; template.go and value.go variables and how they are said; render.go, prefill.go and html.go the texts that are sent;
// measure.go, weigh.go and link.go the channels' room; worst.go, lint.go and wording.go what is found; hash.go what is approved.
//
// Who may do what with a message, and where it is kept, is package library's. Sending is package send's.
package message

import (
	"time"

	"vigie/runbooks/channel"
)

// Step is what a message is in a crisis. Its value is the key of its name in the languages' files.
type Step string

const (
	Initial    Step = "initial"
	Update     Step = "update" // every so many minutes until it is resolved
	Identified Step = "identified"
	Resolved   Step = "resolved"   // goes to exactly those who got the initial one
	Correction Step = "correction" // of what was said wrongly; ships with every scenario
	Cancel     Step = "cancel"     // what was said does not hold: there is no incident
)

// Steps are all, in their order.
func Steps() []Step { return []Step{Initial, Update, Identified, Resolved, Correction, Cancel} }

// Follows tells whether a step goes to those who got the initial message, and to nobody else.
func (s Step) Follows() bool { return s != Initial }

// Scenario is one thing that can go wrong, and what will be said. A checked one is not changed any more.
type Scenario struct {
	ID    string `yaml:"-" json:"id"` // of the file: scenarios/{id}.yaml; a-z, 0-9, '-'
	Title Words  `yaml:"title" json:"title"`
	// About tells who writes and who chooses it when it is meant, in a sentence or two.
	About Words `yaml:"about,omitempty" json:"about,omitempty"`
	// When are labels of alerts for which the cockpit offers it, as cdn: "*": empty, by hand alone.
	When     map[string]string `yaml:"when,omitempty" json:"when,omitempty"`
	Runbook  string            `yaml:"runbook,omitempty" json:"runbook,omitempty"` // id of the runbook that goes with it
	Audience string            `yaml:"audience,omitempty" json:"audience"`         // id of a saved segment, or Impact
	Timing   Timing            `yaml:"timing,omitempty" json:"timing"`

	Variables map[string]*Variable `yaml:"variables,omitempty" json:"variables,omitempty"`
	Messages  map[Step]*Message    `yaml:"messages" json:"messages"`

	Adhoc bool `yaml:"adhoc,omitempty" json:"adhoc,omitempty"` // written while something is broken: not counted among what is to be ready before the match
}

// Impact is the audience that the board finds when the message is prepared: who watched what is hit.
const Impact = "impact"

// Words are a text in languages: "fr": "…".
type Words map[string]string

// Timing is when which step is due, on the incident's clock.
type Timing struct {
	Initial time.Duration `yaml:"initial" json:"initial"`     // after the crisis began; 0: 10 minutes
	Every   time.Duration `yaml:"every" json:"every"`         // between what was said last and the next update; 0: 30 minutes
	Most    int           `yaml:"most,omitempty" json:"most"` // updates; 0: 20
}

// Message is one step's texts.
type Message struct {
	Texts map[channel.Kind]map[string]Text `yaml:",inline" json:"texts"` // by channel and language
}

// Text is what one channel says in one language. In a file it may be a text alone, which is its Body.
type Text struct {
	Subject string `yaml:"subject" json:"subject,omitempty"` // of email, status, banner
	Body    string `yaml:"text" json:"text"`                 // {name} is a variable; mails, status: paragraphs by empty lines; links as they are
	// Fold writes what telephones' alphabet lacks as the nearest that it has (ç→c, ’→'): an explicit choice, of sms.
	Fold bool `yaml:"fold" json:"fold,omitempty"`
}

// VarType is a closed type of value. There is none for any text: what is typed in a crisis is written as a message of
// its own, and validated.
type VarType string

const (
	Time        VarType = "time"        // a moment: 21:40, in the match's zone; of another day with its date
	Duration    VarType = "duration"    // 20 minutes
	Number      VarType = "number"      // as people say it: 12 000; with a decimal below 100
	Service     VarType = "service"     // one of Values
	Competition VarType = "competition" // one of Values; without any the match's own
	Operator    VarType = "operator"    // an ISP's name, as the board knows it
	Place       VarType = "place"       // one of Values: a region, a device, an offer
	URL         VarType = "url"         // begins with one of Allow, or of the house's list
	About       VarType = "about"       // a Number of which two digits are said: 12 000 of 12 345
)

// VarTypes are all, as a form lists them.
func VarTypes() []VarType {
	return []VarType{Time, Duration, Number, About, Service, Competition, Operator, Place, URL}
}

// Variable is a typed hole in the texts.
type Variable struct {
	Type    VarType  `yaml:"type" json:"type"`
	Label   Words    `yaml:"label" json:"label"`
	Values  []Choice `yaml:"values,omitempty" json:"values,omitempty"`
	Allow   []string `yaml:"allow,omitempty" json:"allow,omitempty"`     // of URL: prefixes
	Live    string   `yaml:"live,omitempty" json:"live,omitempty"`       // of Number: viewers, viewers_hit, error_rate, minutes_since; of Operator: isp; of Time: next_by, began; what the board says when the message is prepared
	Least   float64  `yaml:"least,omitempty" json:"least,omitempty"`     // of Number, Duration in minutes
	Most    float64  `yaml:"most,omitempty" json:"most,omitempty"`       // also characters, of URL, and of Operator and Competition without Values
	Default string   `yaml:"default,omitempty" json:"default,omitempty"` // as Input.Values has it; of Time also +20m: after it is prepared
}

// Choice is a value, and how each language says it.
type Choice struct {
	ID    string `yaml:"id" json:"id"`
	Words Words  `yaml:"words" json:"words"`
}
