package message

import (
	"time"

	"vigie/runbooks/channel"
)

// Input is what a message is rendered with.
type Input struct {
	// Values by variable: a Time as RFC 3339, a Duration as 20m, a Number with a point, a Choice's id, a URL.
	Values map[string]string
	Zone   *time.Location // of times; nil: UTC
	Now    time.Time
	Drill  bool      // every text begins with EXERCICE or DRILL
	NextBy time.Time // promised in status and banner; zero: not
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
