// Package message is what viewers are told, as it is written before the match: scenarios with a message for each of
// their steps, in every channel and language, with typed variables.
//
// It checks what a file or a form says, measures each text against its channel's true limits in the worst case that
// its variables allow, renders texts, and makes the hash that an approval is of. It is pure: no clock, no store, no
// network.
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
	About Words `yaml:"about" json:"about,omitempty"`
	// When are labels of alerts for which the cockpit offers it, as cdn: "*": empty, by hand alone.
	When     map[string]string `yaml:"when" json:"when,omitempty"`
	Runbook  string            `yaml:"runbook" json:"runbook,omitempty"` // id of the runbook that goes with it
	Audience string            `yaml:"audience" json:"audience"`         // id of a saved segment, or Impact
	Timing   Timing            `yaml:"timing" json:"timing"`

	Variables map[string]*Variable `yaml:"variables" json:"variables,omitempty"`
	Messages  map[Step]*Message    `yaml:"messages" json:"messages"`
}

// Impact is the audience that the board finds when the message is prepared: who watched what is hit.
const Impact = "impact"

// Words are a text in languages: "fr": "…".
type Words map[string]string

// Timing is when which step is due, on the incident's clock.
type Timing struct {
	Initial time.Duration `yaml:"initial" json:"initial"` // after the crisis began; 0: 10 minutes
	Every   time.Duration `yaml:"every" json:"every"`     // between what was said last and the next update; 0: 30 minutes
	Most    int           `yaml:"most" json:"most"`       // updates; 0: 20
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
	Number      VarType = "number"      // rounded as people say it: 12 000
	Service     VarType = "service"     // one of Values
	Competition VarType = "competition" // one of Values; without any the match's own
	Operator    VarType = "operator"    // an ISP's name, as the board knows it
	Place       VarType = "place"       // one of Values: a region, a device, an offer
	URL         VarType = "url"         // begins with one of Allow, and of the house's list
)

// Variable is a typed hole in the texts.
type Variable struct {
	Type    VarType  `yaml:"type" json:"type"`
	Label   Words    `yaml:"label" json:"label"`
	Values  []Choice `yaml:"values" json:"values,omitempty"`
	Allow   []string `yaml:"allow" json:"allow,omitempty"` // of URL: prefixes
	Live    string   `yaml:"live" json:"live,omitempty"`   // of Number: viewers, viewers_hit, error_rate, minutes_since; of Operator: isp; what the board says when the message is prepared
	Least   float64  `yaml:"least" json:"least,omitempty"` // of Number, Duration in minutes
	Most    float64  `yaml:"most" json:"most,omitempty"`
	Default string   `yaml:"default" json:"default,omitempty"` // as Input.Values has it; of Time also +20m: after it is prepared
}

// Choice is a value, and how each language says it.
type Choice struct {
	ID    string `yaml:"id" json:"id"`
	Words Words  `yaml:"words" json:"words"`
}
