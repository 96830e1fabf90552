package library

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/runbooks/message"
)

// Why is why something is not done, or not ready. Its value is a key of texts, "library.why." before it.
type Why string

const (
	Nobody      Why = "nobody"        // who does it is not told
	Unknown     Why = "unknown"       // there is no such scenario
	NoMessage   Why = "no_message"    // it has no message for the step
	Taken       Why = "taken"         // a new scenario's id is another one's: By, At
	Conflict    Why = "conflict"      // somebody saved meanwhile: By, At, Version
	Invalid     Why = "invalid"       // Err says what cannot be kept, or is not complete: joined *match.Problem
	Faulty      Why = "faulty"        // Findings has errors
	IsRetired   Why = "retired"       // By, At
	NotInReview Why = "not_in_review" // nobody submitted the content as it is
	Changed     Why = "changed"       // it is not what was seen: By, At edited it; Hash is of what it is now
	OwnWork     Why = "own_work"      // who approves wrote of it
	NotApproved Why = "not_approved"
	Expired     Why = "expired"   // the approval of By, At
	NotArmed    Why = "not_armed" // approved, but not for this match
	Already     Why = "already"   // it is so: By, At
	TextSize    Why = "text_size" // a comment or a note is empty, or too long
	Full        Why = "full"      // there are as many scenarios as are kept
)

// Refused is why something was not done. Which fields are set is said at each Why.
type Refused struct {
	Why      Why
	Scenario string
	Step     message.Step // "": of the scenario
	By       string
	At       time.Time
	Version  uint64
	Hash     string
	Findings []message.Finding
	Err      error
}

// reasons are the sentences of Why in English, for logs and the command line.
var reasons = map[Why]string{
	Nobody: "who does it is not told", Unknown: "there is no such scenario", NoMessage: "the scenario has no message for this step",
	Taken: "another scenario has this id", Conflict: "somebody saved meanwhile", Invalid: "it is not complete, or cannot be kept",
	Faulty: "it has errors", IsRetired: "it is retired", NotInReview: "it is not in review", Changed: "it was edited since it was seen",
	OwnWork: "who approves wrote of it", NotApproved: "nobody approved it as it is", Expired: "its approval has expired",
	NotArmed: "it is not armed for this match", Already: "it is so already", TextSize: "a text of 1 to 1000 characters is needed",
	Full: "as many scenarios as can be kept are there",
}

// Reasons are all, as a test of the languages' files needs them.
func Reasons() []Why { return slices.Sorted(maps.Keys(reasons)) }

func (r *Refused) Error() string {
	text := reasons[r.Why]
	if r.Scenario != "" {
		text = strings.TrimSuffix(r.Scenario+" "+string(r.Step), " ") + ": " + text
	}
	if r.By != "" {
		text += fmt.Sprintf(" (%s, %s)", r.By, r.At.Format(time.RFC3339))
	}
	for _, f := range r.Findings {
		if f.Level == message.Wrong {
			text += fmt.Sprintf("\n%s %s: %s", f.Kind, f.Lang, f.Text)
		}
	}
	if r.Err != nil {
		text += "\n" + r.Err.Error()
	}
	return text
}

func (r *Refused) Unwrap() error { return r.Err }
