package alerts

import (
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/internal/provider"
)

// Entry is one line of the ledger: one notification for one target, and what came of it. Its ID follows
// from what it says, so that whoever works out what is due finds what was already written.
type Entry struct {
	ID      string       `json:"id"`                // of the notification
	Problem string       `json:"problem,omitempty"` // "": a test, or a heartbeat
	Kind    notice.Kind  `json:"kind"`
	Turn    int          `json:"turn"`
	Step    int          `json:"step"`
	Round   int          `json:"round"`
	Again   int          `json:"again,omitempty"`   // Problem.Again, of an end
	Target  route.Target `json:"target"`            // who, and by which channel
	Instead string       `json:"instead,omitempty"` // ID of the entry whose channel failed
	Why     string       `json:"why,omitempty"`     // the route that led here, for people
	By      string       `json:"by,omitempty"`      // who fired a test
	Drill   bool         `json:"drill,omitempty"`

	State     EntryState `json:"state"`
	Made      time.Time  `json:"made"`
	NotBefore time.Time  `json:"not_before,omitzero"`
	Claimed   time.Time  `json:"claimed,omitzero"`
	Owner     string     `json:"owner,omitempty"` // the process that claimed it
	Tries     []Try      `json:"tries,omitempty"` // at most 20
	Done      time.Time  `json:"done,omitzero"`
	Receipt   string     `json:"receipt,omitempty"` // the provider's id
	Reason    string     `json:"reason,omitempty"`  // of what was not said: one of Unsaid…
	Detail    string     `json:"detail,omitempty"`  // and its particulars
}

// EntryState is what became of an Entry.
type EntryState string

const (
	Queued     EntryState = "queued"
	Claiming   EntryState = "claimed"    // a process is saying it
	Accepted   EntryState = "accepted"   // the provider took it
	Failed     EntryState = "failed"     // it was not said, and another channel was taken where there is one
	Suppressed EntryState = "suppressed" // it was not to be said any more; Reason tells why
)

// settled tells whether nothing becomes of it any more.
func (e *Entry) settled() bool {
	return e.State == Accepted || e.State == Failed || e.State == Suppressed
}

// Outcomes of a Try.
const (
	OutcomeAccepted  = "accepted"
	OutcomeTemporary = "temporary"
	OutcomePermanent = "permanent"
	OutcomeAmbiguous = "ambiguous"
)

// Reasons of an Entry that was not said, or not yet: for who has words for each.
const (
	UnsaidAcked     = "acked"     // somebody has it: Detail tells who
	UnsaidOver      = "over"      // the problem ended
	UnsaidMuted     = "muted"     // Detail tells by what
	UnsaidThrottled = "throttled" // its channel says no more for now: Detail tells until when
	UnsaidCircuit   = "circuit"   // its channel has failed again and again
	UnsaidPermanent = "permanent" // Detail is the provider's words
	UnsaidTries     = "tries"     // it was tried for too long
	UnsaidNobody    = "nobody"    // nobody could be found to say it to: Detail tells why
	UnsaidChannel   = "channel"   // there is no such channel any more
	UnsaidLate      = "late"      // it is too long ago
	UnsaidAgain     = "again"     // the problem came back before its end was said
)

// Try is one attempt to say it.
type Try struct {
	At      time.Time       `json:"at"`
	Took    time.Duration   `json:"took"`
	Outcome string          `json:"outcome"` // accepted, temporary, permanent, ambiguous
	Reason  provider.Reason `json:"reason,omitempty"`
	Text    string          `json:"text,omitempty"` // what the provider or the network said, at most 200 characters
}
