// Package channel is what viewers can be told through: the kinds of channels there are, what is said through one,
// and what one promises. Each kind has a package of its own beside this one.
//
// A channel says a thing once for each call, and tells what came of it as far as anybody can know. Whether to say
// it again is never its own decision: that is package send's, whose ledger keeps that a viewer is told at most once.
package channel

import (
	"context"
	"net/http"
	"time"

	"vigie/internal/provider"
)

// Kind is a kind of channel. Its value is the key of its name in the languages' files, and in files of messages.
type Kind string

const (
	Status   Kind = "status"   // the status page: what others refer to, so it is the first
	Banner   Kind = "banner"   // in the app and on the site
	Email    Kind = "email"    // one person each
	SMS      Kind = "sms"      // one person each
	Mastodon Kind = "mastodon" // a post that all can read, as those below
	Bluesky  Kind = "bluesky"
	X        Kind = "x"
	Webhook  Kind = "webhook" // another system: a partner's, the broadcaster's own push service
)

// Kinds are all, in the order in which they are said.
func Kinds() []Kind { return []Kind{Status, Banner, Webhook, Mastodon, Bluesky, X, Email, SMS} }

// Personal tells whether each person is told apart; otherwise a message is one post.
func (k Kind) Personal() bool { return k == Email || k == SMS }

// Public tells whether anybody can read it.
func (k Kind) Public() bool {
	return k == Status || k == Banner || k == Mastodon || k == Bluesky || k == X
}

// Message is one message as one recipient gets it. It was rendered, and validated, before: a channel changes no word.
type Message struct {
	// ID is the same for each try to tell this recipient this: channels whose provider knows a key against
	// repeats (Message-ID, Idempotency-Key, a record's key, our reference) give it. 1 to 64 of a-z, 0-9, '-'.
	ID     string
	Lang   string // "fr"
	Thread string // the crisis: what is said about it stands together. Same alphabet
	// Earlier is the provider's receipt of what this follows through the same channel, for networks where a post
	// answers another; "": nothing.
	Earlier string
	Subject string // of mails; a title, of the status page and the banner
	Text    string // plain; lines by \n
	HTML    string // of mails alone; "": the text alone
	At      time.Time
	Drill   bool // it says so itself, too
	// Step is what the message is in its crisis: initial, update, identified, resolved, correction, cancel.
	Step string
	// NextBy is when the next one is promised; zero: nothing was.
	NextBy time.Time
	// Unsubscribe is for List-Unsubscribe; "": none.
	Unsubscribe string
}

// Channel tells one recipient once. The error is a *provider.Failure: whether the message was certainly not taken, for
// now or for good, or nobody knows. It honours ctx, and is safe for concurrent use.
type Channel interface {
	// Send tells m. to is a mail address, a number in international form; for a post the account that the channel
	// is, and is not looked at.
	Send(ctx context.Context, to string, m *Message) (provider.Receipt, error)
}

// Finder is a channel whose provider can be asked whether it took a message, by our reference: for outcomes that
// nobody knows. found false with a nil error: it certainly did not take it.
type Finder interface {
	Find(ctx context.Context, to string, m *Message) (r provider.Receipt, found bool, err error)
}

// State is what a provider reports about a message that it took.
type State string

const (
	Delivered State = "delivered"
	Failed    State = "failed" // it could not be delivered, and will not be
)

// Report is one message's. Providers repeat them, and tell them in any order.
type Report struct {
	ID      string // of the Message, where the provider gives it back; "": Receipt
	Receipt string // the provider's own id
	State   State
	At      time.Time // by the provider's clock; zero: not told
	Text    string    // its words, a line
}

// Reporter is a channel whose provider calls back. Reports authenticates r (a signature, a token in constant time)
// and reads its body, which has been read already and is at most 256 KB. ErrDenied: it is not the provider's; other
// errors tell what cannot be read.
type Reporter interface {
	Reports(r *http.Request, body []byte) ([]Report, error)
}
