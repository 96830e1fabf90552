package statuspage

import (
	"slices"
	"strings"
	"time"
)

// What a post is in its crisis, as messages have it.
const (
	initial    = "initial"
	update     = "update"
	identified = "identified"
	resolved   = "resolved"
	correction = "correction"
	cancelled  = "cancel"
)

var steps = []string{initial, update, identified, resolved, correction, cancelled}

// Bounds of a post, beyond which it is refused.
const (
	maxSubject = 300                 // characters
	maxText    = 10000               // characters
	maxLabel   = 120                 // bytes
	maxAhead   = 10 * time.Minute    // of a post's time before this clock
	maxPromise = 30 * 24 * time.Hour // of the next one
)

// Post is what was published, in one language. It is never changed.
type Post struct {
	ID      string            `json:"id"`
	Lang    string            `json:"lang"`
	Thread  string            `json:"thread"`
	Step    string            `json:"step"`
	Subject string            `json:"subject,omitempty"`
	Text    string            `json:"text"`
	At      time.Time         `json:"at"`
	NextBy  time.Time         `json:"next_by,omitzero"`
	Labels  map[string]string `json:"labels,omitempty"` // of banners
}

// same tells whether p is what a repeat of q says. Labels may have changed since: those of the first one hold.
func (p *Post) same(q *Post) bool {
	return p.ID == q.ID && p.Lang == q.Lang && p.Thread == q.Thread && p.Step == q.Step && p.Subject == q.Subject && p.Text == q.Text
}

// State is a component's.
type State string

const (
	Unsaid      State = "" // nobody said yet
	Operational State = "operational"
	Maintenance State = "maintenance"
	Degraded    State = "degraded"
	Partial     State = "partial"
	Major       State = "major"
)

// What the page says of a component where nothing that was said of it holds now. Nobody can set these.
const (
	Unknown State = "unknown" // the bus did not answer lately
	Unsure  State = "unsure"  // an incident is open, and nobody said since it began that the component is well
)

// In is a state in the page's own words, in one of its languages.
func (s State) In(lang string) string { return texts[lang]["state."+string(s)] }

// States are all that can be set, the best one first.
func States() []State { return []State{Operational, Maintenance, Degraded, Partial, Major} }

// Said is what a person said of a component.
type Said struct {
	State State     `json:"state"`
	By    string    `json:"by"` // never on the page
	At    time.Time `json:"at"`
	Again time.Time `json:"again,omitzero"` // when the same was said last; zero: once
}

// Last is when it was said last.
func (s *Said) Last() time.Time {
	if s.Again.After(s.At) {
		return s.Again
	}
	return s.At
}

// pageLang is the page's language in which p is read.
func (p *Post) pageLang() string {
	if slices.Contains(languages, p.Lang) {
		return p.Lang
	}
	return languages[0]
}

func printableLines(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		if !printable(strings.ReplaceAll(line, "\t", " ")) {
			return false
		}
	}
	return true
}
