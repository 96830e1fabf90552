package runbooks

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/internal/match"
)

// Due is when a step is to be done: so long after the run began, or before or after a phase of the match begins. The
// zero Due is never.
type Due struct {
	Phase match.Phase   // "": from the begin of the run
	After time.Duration // negative: before
	Set   bool
}

// aliases are how a room calls the begin of some phases.
var aliases = map[string]match.Phase{"kick_off": match.PhaseFirstHalf, "full_time": match.PhaseAfter}

var dueText = regexp.MustCompile(`^([a-z_]*)\s*(?:([+-])\s*([0-9hms]+))?$`)

// ParseDue reads +5m, half_time+2m, kick_off-10m or second_half.
func ParseDue(text string) (Due, error) {
	bad := fmt.Errorf("%.40q cannot be read: write +5m after the run began, or half_time+2m, kick_off-10m on the match's clock", text)
	m := dueText.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil || m[1] == "" && m[2] != "+" {
		return Due{}, bad
	}
	d := Due{Set: true, Phase: match.Phase(m[1])}
	if p, ok := aliases[m[1]]; ok {
		d.Phase = p
	}
	if d.Phase != "" && !slices.Contains(match.Phases(), d.Phase) {
		return Due{}, fmt.Errorf("%.40q is no phase: one of kick_off, full_time, %s", m[1], phases())
	}
	if m[3] != "" {
		after, err := time.ParseDuration(m[3])
		if err != nil {
			return Due{}, bad
		}
		if after > maxDue {
			return Due{}, fmt.Errorf("%s is longer than %s", after, maxDue)
		}
		if m[2] == "-" {
			after = -after
		}
		d.After = after
	}
	return d, nil
}

func phases() string {
	var names []string
	for _, p := range match.Phases() {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

// String is how a file writes it; "": never.
func (d Due) String() string {
	switch {
	case !d.Set:
		return ""
	case d.After == 0 && d.Phase != "":
		return string(d.Phase)
	case d.After < 0:
		return string(d.Phase) + "-" + short(-d.After)
	}
	return string(d.Phase) + "+" + short(d.After)
}

// short is a duration without the zeros at its end.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// IsZero tells whether it is never.
func (d Due) IsZero() bool { return !d.Set }

// MarshalText is String.
func (d Due) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON reads what MarshalText wrote.
func (d *Due) UnmarshalJSON(data []byte) (err error) {
	var text string
	if err := json.Unmarshal(data, &text); err != nil || text == "" {
		*d = Due{}
		return err
	}
	*d, err = ParseDue(text)
	return err
}

// Clock tells when a phase of a match begins, as planned and moved; false: nobody knows yet, or it is not played.
type Clock func(matchID string, phase match.Phase) (time.Time, bool)

// At is the moment at which a step of a run is due; false: never, or not known yet. What was due before the run began is
// due at once.
func (d Due) At(r *Run, clock Clock) (time.Time, bool) {
	if !d.Set {
		return time.Time{}, false
	}
	if d.Phase == "" {
		return r.Started.Add(d.After), true
	}
	if clock == nil || r.Match == "" {
		return time.Time{}, false
	}
	begins, ok := clock(r.Match, d.Phase)
	if !ok {
		return time.Time{}, false
	}
	due := begins.Add(d.After)
	if due.Before(r.Started) {
		return r.Started, true
	}
	return due, true
}
