// Package notice is what Vigie says to the people who must act, and what came of saying it: the
// vocabulary between alerts, which decides what is said to whom, and the channels, each a package of
// its own, which say it.
//
// A Notification is whole: a channel needs nothing else to say it, and every text in it is rendered
// and bounded, so that nothing can fail while it is sent. What a channel returns tells apart what is
// certainly not sent, what may have been, and what will never be (provider.Failure).
//
// Reading order: notice.go is what is said, text.go the plain words, template.go a team's own words with the
// plain ones to fall back on.
package notice

import (
	"context"
	"time"
	"vigie/internal/provider"
)

// Kind is why something is said.
type Kind string

const (
	Firing    Kind = "firing"    // it began, or it is this target's turn
	Worse     Kind = "worse"     // its severity rose
	Reminder  Kind = "reminder"  // it goes on, and nobody has acknowledged it
	Resolved  Kind = "resolved"  // it is over; only to those who were told that it began
	Test      Kind = "test"      // somebody tries whether the channel works
	Heartbeat Kind = "heartbeat" // all is well with the alerts themselves
)

// Severity is how soon someone must act.
type Severity string

const (
	Info     Severity = "info"     // on the board, no more
	Warning  Severity = "warning"  // someone should look
	Critical Severity = "critical" // someone must act
)

// Rank orders severities; 0: unknown.
func (s Severity) Rank() int {
	switch s {
	case Info:
		return 1
	case Warning:
		return 2
	case Critical:
		return 3
	}
	return 0
}

// Bounds of texts, in characters.
const (
	MaxTitle = 200
	MaxText  = 4000
)

// Notification is one thing to say. It is read-only.
type Notification struct {
	ID       string // of this very saying, the same however often it is tried: a-z, 0-9, '-'; at most 64
	Problem  string // what it is about, the same from the first to the last: a key for providers to join by
	Kind     Kind
	Severity Severity
	Drill    bool // an exercise: Title already says so
	Repeat   bool // it may have been said before, for the answer to the first try was lost: Title already says so
	Language string

	Title   string // one line, at most MaxTitle
	Text    string // a few lines, at most MaxText
	Short   string // one line for a telephone, at most 160 characters
	Spark   string // "▁▁▂▇", the last half hour; empty: none
	Started time.Time
	Ended   time.Time // zero: it goes on
	At      time.Time // when this was decided to be said
	Zone    *time.Location
	Viewers float64           // how many are hit; NaN: not known
	Labels  map[string]string // of the problem, bounded
	Owner   string
	Alerts  []Alert // what it is made of, the loudest first, at most 20

	URL     string // the board at that moment; empty: no address is configured
	AckURL  string // acknowledges by one click more; empty: nothing to acknowledge
	Runbook string // URL; empty: none
}

// Alert is one of those that a problem is made of.
type Alert struct {
	Title    string
	Labels   map[string]string
	Severity Severity
	Since    time.Time
	Ended    time.Time // zero: it fires
}

// Notifier says things by one channel. It must return by ctx's deadline, which is always set, and may be
// called at the same time. An error that is no *provider.Failure counts as Ambiguous.
type Notifier interface {
	// Notify says n to a destination as the channel understands it (an address, a number, a key; "" where
	// the channel has one of its own).
	Notify(ctx context.Context, to string, n *Notification) (provider.Receipt, error)
}
