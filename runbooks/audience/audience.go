// Package audience is who is told: contacts with what they agreed to, saved segments of them, and segments of impact
// from the live board, frozen into an immutable list before anybody confirms.
//
// It guarantees that nobody is in a list who did not agree to the channel, who is suppressed, or who got as many
// messages as one person may; that each person is in it once; and that the list that was counted and confirmed is the
// one that is sent to: it is sorted, hashed, and never made again.
//
// Contacts and what viewers experienced are in ClickHouse; lists that were frozen, and what was suppressed, are on the
// bus. Sending is package send's.
package audience

import (
	"iter"
	"time"

	"vigie/runbooks/channel"
)

// Contact is a person who can be told, as the broadcaster's own systems gave them.
type Contact struct {
	ID         string            `json:"id"` // the broadcaster's, pseudonymous: 1 to 128 characters
	Email      string            `json:"email,omitempty"`
	Phone      string            `json:"phone,omitempty"` // +33612345678
	Lang       string            `json:"lang,omitempty"`  // "fr"; "": the house's first
	EmailAgree bool              `json:"email_agree"`     // agreed to service messages by mail
	SMSAgree   bool              `json:"sms_agree"`
	Attributes map[string]string `json:"attributes,omitempty"` // offer, region, isp, device …: at most 20
	Updated    time.Time         `json:"updated"`
}

// Segment is a saved question: which contacts.
type Segment struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"`
	Where   []Condition `json:"where"` // all of them; none: everybody
	By      string      `json:"by"`
	Updated time.Time   `json:"updated"`
	Canary  bool        `json:"canary,omitempty"` // the house's own people: they get a message first
}

// Condition holds for contacts whose attribute is one of Values, or with Not none of them.
type Condition struct {
	Attribute string   `json:"attribute"` // a name of Contact.Attributes, or lang
	Values    []string `json:"values"`
	Not       bool     `json:"not,omitempty"`
}

// Hit is who experienced something: those whose players told of it in a window. Empty: all.
type Hit struct {
	CDN     string    `json:"cdn,omitempty"`
	ISP     string    `json:"isp,omitempty"`
	Channel string    `json:"channel,omitempty"`
	Device  string    `json:"device,omitempty"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"` // at most 6 hours after From
	// Suffered leaves those out who watched and noticed nothing: no error, and less rebuffering than the board's limit.
	Suffered bool `json:"suffered,omitempty"`
}

// Ask is what a list is to be frozen from: a segment, or a hit whose viewers the broadcaster maps to contacts, or
// exactly those who got an earlier send.
type Ask struct {
	Segment string       `json:"segment,omitempty"`
	Hit     *Hit         `json:"hit,omitempty"`
	Kind    channel.Kind `json:"kind"` // email, sms
}

// Recipient is one line of a frozen list.
type Recipient struct {
	Key  string `json:"k"` // hash of channel and address with the house's salt: 26 of a-z, 2-7; sorts at random
	To   string `json:"t"`
	Lang string `json:"l"`
}

// Frozen is a list that is not changed any more.
type Frozen struct {
	ID         string         `json:"id"`   // where it is kept
	Hash       string         `json:"hash"` // of all its lines, in order
	Kind       channel.Kind   `json:"kind"`
	Size       int            `json:"size"`
	Canary     int            `json:"canary"` // of them, the first: the house's own people
	ByLang     map[string]int `json:"by_lang,omitempty"`
	Asked      Ask            `json:"asked"`
	At         time.Time      `json:"at"`
	Disagreed  int            `json:"disagreed"`         // left out: did not agree to the channel
	Suppressed int            `json:"suppressed"`        // left out: on the list of those who are never told
	Capped     int            `json:"capped"`            // left out: got as many as one person may
	Unreached  int            `json:"unreached"`         // left out: no address for the channel, or one that cannot be
	Unmapped   int            `json:"unmapped"`          // of a hit: viewers whom the broadcaster did not map to a contact
	Sampled    float64        `json:"sampled,omitempty"` // of a hit: how many viewers one beacon stands for; above 1 the list is a part of them
	Repeated   int            `json:"repeated"`          // left out: their address is in the list already, as another contact's
	Unasked    int            `json:"unasked,omitempty"` // of Unmapped: viewers about whom the broadcaster's system gave no answer at all
	By         string         `json:"by,omitempty"`
	Until      time.Time      `json:"until,omitzero"`     // its lines are forgotten then
	Forgotten  time.Time      `json:"forgotten,omitzero"` // they are, since
}

// List is a frozen list's lines, in the order of the ledger: the house's own people, then by Key.
type List interface {
	Frozen() Frozen
	All() iter.Seq2[int, Recipient]
	At(i int) Recipient // 0 ≤ i < Size
	Find(key string) (i int, ok bool)
}
