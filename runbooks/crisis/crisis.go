// Package crisis is what went wrong, as the room lives it: when it began, what it is about, and its timeline, in which
// everything that happens in it is written down once and for good: alerts, steps of runbooks, messages, notes.
//
// What an open crisis is known for is its clock: steps and messages are due by it. The timeline is append-only, a
// stream of the bus: nobody, an admin neither, takes a line out or changes it, and it can be exported.
//
// Whether someone may open or end one is for callers.
package crisis

import "time"

// Crisis is one.
type Crisis struct {
	ID    string `json:"id"` // sorts by the time at which it was opened: a-z, 0-9, '-'
	Title string `json:"title"`
	Match string `json:"match,omitempty"`
	Drill bool   `json:"drill,omitempty"` // from the first to the last: an exercise never becomes real, nor the other way

	Labels   map[string]string `json:"labels,omitempty"`   // cdn, isp, channel, service …: what is hit
	Problems []string          `json:"problems,omitempty"` // ids of alerts' problems that belong to it; at most 50

	Began  time.Time `json:"began"` // the incident's clock: when it was felt first, perhaps before it was opened
	Opened time.Time `json:"opened"`
	By     string    `json:"by"`
	Lead   string    `json:"lead,omitempty"` // who leads; handed over
	Ended  time.Time `json:"ended,omitzero"` // zero: it goes on
	EndBy  string    `json:"end_by,omitempty"`
}

// Line is one thing that happened.
type Line struct {
	At     time.Time         `json:"at"`
	Crisis string            `json:"crisis"`
	What   string            `json:"what"` // one of Whats: a key of texts "crisis.what."
	By     string            `json:"by,omitempty"`
	Args   map[string]string `json:"args,omitempty"` // at most 12, of at most 500 characters
	Drill  bool              `json:"drill,omitempty"`

	Sequence uint64 `json:"-"` // given by the stream
}
