// Package library keeps what may be said to viewers, and who answers for it: scenarios with the life of each of their
// messages, from draft over review and approval to armed for a match.
//
// An approval is of a content's hash, by somebody who wrote none of it. It ends with the first edit of what it is of,
// and with nothing else: neither a save that changes nothing, nor an edit of another message. Nobody can go around it.
//
// Reading order: library.go is what is kept and shown, acts.go what people do with it, refused.go why they cannot,
// ready.go what is missing before a match, send.go what may be sent.
//
// Who has which role is for callers; the library compares persons. Words and limits are package message's.
package library

import (
	"errors"
	"fmt"
	"time"

	"vigie/internal/state"
	"vigie/runbooks/message"
)

// Bounds of what is kept.
const (
	maxScenarios = 500
	maxThread    = 100      // acts of a message
	maxSaid      = 64 << 10 // bytes of their notes
	maxArmed     = 20       // matches; the one armed first is forgotten
	maxNote      = 1000
	usualValid   = 90 * 24 * time.Hour
)

// State is where a message stands. It is derived, never set. Its value is the key of its name in the languages' files.
type State string

const (
	Draft    State = "draft"
	InReview State = "in_review"
	Approved State = "approved"
	Armed    State = "armed" // for the match that is asked about
	Retired  State = "retired"
)

// Entry is a scenario as it is kept. One that was read is everybody's: it is not to be changed.
type Entry struct {
	Scenario message.Scenario       `json:"scenario"`
	Version  uint64                 `json:"version"` // one more with each save that changed something; what a form gives back
	Created  Mark                   `json:"created"`
	Saved    Mark                   `json:"saved"`
	Steps    map[message.Step]*Life `json:"steps"`
}

// Mark is who did a thing, and when.
type Mark struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Life is what became of one message.
type Life struct {
	Authors  []string          `json:"authors"` // of the current content, since what was approved before it; sorted
	Edited   Mark              `json:"edited,omitzero"`
	Review   *Review           `json:"review,omitempty"`
	Approval *Approval         `json:"approval,omitempty"`
	Armed    map[string]Arming `json:"armed,omitempty"` // by match; "": outside of matches
	Retired  *Mark             `json:"retired,omitempty"`
	Thread   []Act             `json:"thread,omitempty"` // what was done and said, the last 100
}

// Review is a content that waits for somebody to approve it.
type Review struct {
	Hash string `json:"hash"`
	Mark
}

// Approval is somebody's word for a content.
type Approval struct {
	Hash string `json:"hash"`
	Mark
	Expires time.Time `json:"expires"`
}

// Arming is a content that may be sent in a match.
type Arming struct {
	Hash string `json:"hash"`
	Mark
}

// Act is one line of a message's thread.
type Act struct {
	Mark
	What string `json:"what"`           // edited, submitted, approved, rejected, comment, armed, disarmed, retired, revived: a key of texts "library.act."
	Note string `json:"note,omitempty"` // a comment's text; the match
}

// Config is what a library needs.
type Config struct {
	State  *state.Bucket         // must not be loaded yet
	Limits func() message.Limits // of the house's channels; nil: the usual ones
	Valid  time.Duration         // how long an approval holds; 0: 90 days
}

// Library keeps scenarios. Its methods are safe for concurrent use, by any number of processes on one bus.
type Library struct {
	entries *state.Kind[Entry]
	was     *state.Kind[message.Scenario] // what each message said when it was approved last, by scenario and step
	limits  func() message.Limits
	valid   time.Duration

	verdicts verdicts
}

// New keeps scenarios in a bucket, under "msg." and "approved.". It must be called before the bucket is loaded.
func New(cfg Config) (*Library, error) {
	switch {
	case cfg.State == nil:
		return nil, errors.New("library: no bucket is given")
	case cfg.Valid < 0:
		return nil, fmt.Errorf("library: an approval cannot hold for %s", cfg.Valid)
	case cfg.Valid == 0:
		cfg.Valid = usualValid
	}
	if cfg.Limits == nil {
		cfg.Limits = func() message.Limits { return message.Limits{} }
	}
	return &Library{entries: state.Keep[Entry](cfg.State, "msg."), was: state.Keep[message.Scenario](cfg.State, "approved."), limits: cfg.Limits, valid: cfg.Valid}, nil
}

// All are all scenarios, in the order of their ids.
func (l *Library) All() []*Entry { return l.entries.All() }

// Get is a scenario; nil: there is none.
func (l *Library) Get(id string) *Entry { return l.entries.Get(id) }

// Lint is what is found in a message now, with the house's limits.
func (l *Library) Lint(s *message.Scenario, step message.Step) []message.Finding {
	return s.Lint(step, l.limits())
}

// State is where a message stands for a match. "": the scenario has none for the step.
func (e *Entry) State(step message.Step, match string, now time.Time) State {
	hash, life := e.Scenario.Hash(step), e.Steps[step]
	switch {
	case hash == "":
		return ""
	case life == nil:
		return Draft
	case life.Retired != nil:
		return Retired
	case life.approved(hash, now) && life.armed(hash, match):
		return Armed
	case life.approved(hash, now):
		return Approved
	case life.Review != nil && life.Review.Hash == hash:
		return InReview
	}
	return Draft
}

func (f *Life) approved(hash string, now time.Time) bool {
	return f.Approval != nil && f.Approval.Hash == hash && now.Before(f.Approval.Expires)
}

func (f *Life) armed(hash, match string) bool {
	a, ok := f.Armed[match]
	return ok && a.Hash == hash
}
