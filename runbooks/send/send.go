// Package send tells viewers what was written and validated for them, each at most once.
//
// A Send is one message, rendered to bytes, to audiences that were frozen: prepared, looked at again (preflight),
// confirmed by a second person, and then carried out by every process that has the role, at once. What each person
// got is a line of the ledger, which a worker writes, comparing and setting, before it calls the provider: whoever
// finds a line there does not call. A worker that dies leaves its lines behind as unknown: perhaps told. Those are
// nobody's to repeat but a person's who is shown how many there are.
//
// Reading order: send.go is what a send is, states.go what may become of it and who may do that, prepare.go its making
// and preflight, ledger.go the lines, worker.go who writes them, pace.go how fast, conduct.go what opens the next gate
// and ends it, receipts.go what providers tell later, sequence.go when which message is due.
//
// It guarantees: at most one call to a provider for a line unless its outcome is certain; each recipient in exactly one
// state; "completed" when none is open; no claim a second after an abort; that an exercise reaches the exercise's
// accounts alone. It leaves words to package message, lists to package audience, and providers to channels.
package send

import (
	"maps"
	"slices"
	"time"

	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/message"
)

// State is where a send stands.
type State string

const (
	Prepared  State = "prepared"  // rendered, lists frozen; it can be looked at
	Checked   State = "checked"   // preflight found nothing against it; it waits for a second person
	Confirmed State = "confirmed" // by the second person: workers take it up
	Sending   State = "sending"
	Paused    State = "paused"
	Completed State = "completed"
	Faulty    State = "completed_with_failures"
	Aborted   State = "aborted"
	Dropped   State = "dropped" // before it was confirmed
)

// Open tells whether something may still be sent.
func (s State) Open() bool {
	return s == Prepared || s == Checked || s == Confirmed || s == Sending || s == Paused
}

// Send is one message on its way.
type Send struct {
	ID       string           `json:"id"` // sorts by the time at which it was prepared: a-z, 0-9, '-'
	Crisis   string           `json:"crisis"`
	Match    string           `json:"match,omitempty"`
	Drill    bool             `json:"drill,omitempty"`
	Rendered message.Rendered `json:"rendered"`
	Authors  []string         `json:"authors"`          // people who wrote what was approved
	Approved string           `json:"approved"`         // who validated it
	Previous string           `json:"previous"`         // the send of the same scenario and crisis whose recipients this one goes to; "" of an initial one
	Legs     []Leg            `json:"legs"`             // in the order of channel.Kinds
	NextBy   time.Time        `json:"next_by,omitzero"` // promised to the public
	Digest   string           `json:"digest"`           // of texts, legs and lists: what the second person confirms

	FirstLang string `json:"first_lang"` // of who speaks none that there are texts in

	Round int `json:"round,omitempty"` // how often a person had the failed ones tried again
	Again int `json:"again,omitempty"` // the round in which a person had those tried again of whom nobody knows; 0: never

	State     State     `json:"state"`
	By        string    `json:"by"` // who prepared it
	At        time.Time `json:"at"`
	Second    string    `json:"second,omitempty"` // who confirmed
	Confirmed time.Time `json:"confirmed,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
	Pause     *Pause    `json:"pause,omitempty"`
	Aborted   *Act      `json:"aborted,omitempty"`
	History   []Act     `json:"history,omitempty"`   // at most 200
	Forgotten bool      `json:"forgotten,omitempty"` // who was told is not kept any more
}

// speaks is the language in which somebody of lang is told through a kind of channel: theirs, else the house's first,
// else the first that there is a text in.
func (s *Send) speaks(kind channel.Kind, lang string) string {
	texts := s.Rendered.Texts[kind]
	for _, l := range append([]string{lang, s.FirstLang}, slices.Sorted(maps.Keys(texts))...) {
		if _, ok := texts[l]; ok {
			return l
		}
	}
	return lang
}

// Leg is a send through one channel.
type Leg struct {
	Channel string          `json:"channel"` // id of the account
	Kind    channel.Kind    `json:"kind"`
	List    audience.Frozen `json:"list,omitzero"`   // of personal channels
	Posts   []string        `json:"posts,omitempty"` // of the others: languages, a post each
	Rate    float64         `json:"rate,omitempty"`  // recipients a second, over all workers; 0: as fast as it goes
	Cost    float64         `json:"cost,omitempty"`  // in the house's currency, when all are told
	Units   int             `json:"units,omitempty"` // SMS segments, when all are told
	Takes   time.Duration   `json:"takes,omitempty"` // to tell all, at Rate
	Gate    int             `json:"gate,omitempty"`  // recipients before it may be told now: the canary first; Size: all
	Stage   Stage           `json:"stage,omitempty"`
	Since   time.Time       `json:"since,omitzero"` // of Stage
	Until   time.Time       `json:"until,omitzero"` // nobody is told later: that a stream is down is worth nothing when it is up
	// Earlier are the receipts of the posts that these answer, by language.
	Earlier map[string]string `json:"earlier,omitempty"`
	// Forgiven is when a person went on in spite of failures: those of before do not stop it again.
	Forgiven time.Time `json:"forgiven,omitzero"`
	Tally    *Tally    `json:"tally,omitempty"` // as it was when the send ended
}

// Pause is why a send stands still.
type Pause struct {
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`  // "": the system
	Why  string    `json:"why,omitempty"` // "failures", "person", "late": a key of texts
	Leg  string    `json:"leg,omitempty"`
	Text string    `json:"text,omitempty"`
}

// Act is one thing that somebody did to a send.
type Act struct {
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`
	What string    `json:"what"`
	Note string    `json:"note,omitempty"`
}
