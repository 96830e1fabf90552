package route

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/alerts/notice"
)

// Silence is somebody's decision that nobody is told of what it matches, for a while. It stays on the board.
type Silence struct {
	ID       string    `json:"id"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	Matchers []Matcher `json:"matchers"` // all must hold
	From     time.Time `json:"from"`
	To       time.Time `json:"to"` // the first moment that is not covered
	Made     time.Time `json:"made"`
	Ended    time.Time `json:"ended,omitzero"` // somebody ended it early; zero: not
	EndedBy  string    `json:"ended_by,omitempty"`
}

// MaxSilence is how long one lasts at most: what is to last longer is a maintenance, or a change of the rule.
const MaxSilence = 7 * 24 * time.Hour

// Check says what is wrong with a silence that somebody asks for, each a match.Problem. One that would mute
// everything, or everything critical, is refused: that is a maintenance, which has a plan and a title.
func (s *Silence) Check() error {
	k := &checker{}
	if strings.TrimSpace(s.Reason) == "" {
		k.bad("reason", "is missing: what will the others want to know?")
	}
	k.text("reason", s.Reason, maxText, false)
	k.text("by", s.By, maxName, true)
	k.span(s.From, s.To, MaxSilence)
	k.few("matchers", len(s.Matchers), MaxMatchers)
	for i := range s.Matchers {
		m := &s.Matchers[i]
		made, err := NewMatcher(m.Name, m.Op, m.Value)
		if err != nil {
			k.bad(fmt.Sprintf("matchers[%d]", i), "%v", err)
		}
		*m = made
	}
	if len(k.errs) == 0 && !slices.ContainsFunc(s.Matchers, func(m Matcher) bool { return m.chooses() }) {
		k.bad("matchers", "would mute too much: say at least one thing that is silenced, as cdn=maison; for all of it, plan a maintenance")
	}
	return k.err()
}

// someValues are none that anybody has: what allows one of them allows nearly anything.
var someValues = []string{"", "qzxv-probe", "QzxvProbe", "0918273645", "Qzxv probé 7"}

// chooses tells whether a matcher picks something out, rather than to let nearly everything through.
func (m *Matcher) chooses() bool {
	if m.Name == "severity" {
		return !m.Matches(string(notice.Critical))
	}
	return !slices.ContainsFunc(someValues, m.Matches)
}

// Matches tells whether it is about such a problem, whenever.
func (s *Silence) Matches(about Subject) bool {
	for i := range s.Matchers {
		if !s.Matchers[i].Matches(about.value(s.Matchers[i].Name)) {
			return false
		}
	}
	return len(s.Matchers) > 0
}

// Active tells whether it holds at a moment.
func (s *Silence) Active(at time.Time) bool {
	return !at.Before(s.From) && at.Before(s.To) && (s.Ended.IsZero() || at.Before(s.Ended))
}

// Preview is which of these problems a silence is about, by their indexes.
func Preview(s *Silence, subjects []Subject) []int {
	var hit []int
	for i := range subjects {
		if s.Matches(subjects[i]) {
			hit = append(hit, i)
		}
	}
	return hit
}
