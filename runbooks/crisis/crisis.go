// Package crisis is what went wrong, as the room lives it: when it began, what it is about, and its timeline, in which
// everything that happens in it is written down once and for good: alerts, steps of runbooks, messages, notes.
//
// What an open crisis is known for is its clock: steps and messages are due by it. The timeline is append-only, a
// stream of the bus: nobody, an admin neither, takes a line out or changes it, and it can be exported.
//
// Reading order: crisis.go is what is kept, room.go where people act, problems.go how an alert's problem belongs to one
// crisis alone, lines.go the stream of lines and its copy, order.go the order in which they are read, export.go files.
//
// It guarantees: what was decided is in the timeline, also when the process that decided it died before it wrote the
// line; a line that is written twice is there once, in every process; all processes show the same.
//
// Whether someone may open or end one is for callers, and words in languages are too.
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

	Acts []Line `json:"acts,omitempty"` // what was done to the crisis itself, which its timeline has too; at most 500
}

// Open tells whether it goes on.
func (c *Crisis) Open() bool { return c.Ended.IsZero() }

// Line is one thing that happened.
type Line struct {
	At     time.Time         `json:"at"`
	Crisis string            `json:"crisis"`
	What   string            `json:"what"` // one of Whats: a key of texts "crisis.what."
	By     string            `json:"by,omitempty"`
	Args   map[string]string `json:"args,omitempty"` // at most 12, of at most 500 characters
	Drill  bool              `json:"drill,omitempty"`

	Sequence uint64 `json:"-"` // given by the stream

	ID      string    `json:"id,omitempty"`      // two lines with one ID are one; "": given by Write
	Text    string    `json:"text,omitempty"`    // of a note or a comment; at most 2,000 characters
	Written time.Time `json:"written,omitzero"`  // of a line about a past moment, At: when it was written
	Run     string    `json:"run,omitempty"`     // id of the run that it is of
	Send    string    `json:"send,omitempty"`    // id of the send that it is of
	Problem string    `json:"problem,omitempty"` // id of the alerts' problem that it is of
}

// Late tells whether a line was written about a past moment.
func (l *Line) Late() bool { return !l.Written.IsZero() }

// What can happen to a crisis itself.
const (
	Opened    = "opened"
	Joined    = "joined"    // args: problem
	Led       = "lead"      // args: to, from
	Described = "described" // args: title
	Ended     = "ended"
	Reopened  = "reopened"
	Note      = "note" // Text
)

// Whats are what a Line can tell, for who has words for each. Runs of runbooks, sends and alerts write theirs with Write.
func Whats() []string {
	return []string{
		Opened, Joined, Led, Described, Ended, Reopened, Note,
		"alert-firing", "alert-ended", "alert-taken",
		"run-started", "run-handed", "run-labels", "run-finished", "run-abandoned",
		"step-done", "step-undone", "step-skipped", "step-chosen", "step-comment", "step-taken", "step-handed",
		"step-calling", "step-called", "step-call-failed", "step-call-unknown", "step-call-drill", "step-signal", "step-sent",
		"send-prepare", "send-check", "send-confirm", "send-drop", "send-begin", "send-gate", "send-pause", "send-resume", "send-retry", "send-again", "send-abort", "send-end",
		"component-set",
	}
}
