package rule

import (
	"time"

	"vigie/alerts/notice"
)

// Status is what a rule says of one group.
type Status string

const (
	OK      Status = "ok"
	Pending Status = "pending" // the condition holds, not yet for long enough
	Firing  Status = "firing"
	NoData  Status = "no-data" // nothing can be said; what fired before goes on in Alert.Fired
	Error   Status = "error"   // the rule itself cannot be judged
)

// Alert is a rule's judgement of one group: all that is kept of it from one second to the next, so that
// any process can go on where another stopped. What is OK and has nothing to remember is not kept; what became OK
// is, for Remembered, so that whoever goes on does not judge again what ended it.
type Alert struct {
	Key    string            `json:"key"`              // of rule and group: a-z, 0-9, '-', '.'; at most 120
	Rule   string            `json:"rule"`             // id
	Group  string            `json:"group"`            // of rules
	Labels map[string]string `json:"labels,omitempty"` // dimensions, with the rule's own labels

	Status Status    `json:"status"`
	Since  time.Time `json:"since"`          // of the status, by the data's time
	At     time.Time `json:"at"`             // data before it has been judged
	Fired  time.Time `json:"fired,omitzero"` // it fires since, also while NoData or Error; zero: it does not
	Seen   time.Time `json:"seen"`           // the moment, by the wall's clock, of the last judgement
	Why    string    `json:"why,omitempty"`  // of NoData and Error; and what is not known of a condition

	Severity   notice.Severity `json:"severity,omitempty"` // highest since Fired
	Value      float64         `json:"value"`              // of the last judgement; NaN is kept as 0 with Known false
	Usual      float64         `json:"usual"`
	Worst      float64         `json:"worst"` // the Value furthest from Usual since Fired
	Sample     float64         `json:"sample"`
	Known      bool            `json:"known"`
	UsualKnown bool            `json:"usual_known"`

	Weak    bool     `json:"weak,omitempty"`    // one family of several: on the board, never a page by itself
	Monitor bool     `json:"monitor,omitempty"` // its rule is being tried: the log says what it would have told
	Parts   []string `json:"parts,omitempty"`   // of what several families make: their alerts' keys

	// What the judgement needs of the seconds before.
	Held  uint64    `json:"held"`           // bit i: the condition held i judged seconds before At
	Begun time.Time `json:"begun,omitzero"` // of the run of seconds in which it holds
	Calm  time.Time `json:"calm,omitzero"`  // of the run in which it has recovered, moved on by the seconds that could not be judged

	Reason  Reason               `json:"reason,omitempty"`  // Why in a word, for those who say it in another language
	Run     int64                `json:"run,omitempty"`     // seconds since Begun that could be judged, until it fires
	Missed  int64                `json:"missed,omitempty"`  // of these, in which the condition did not hold
	Z       float64              `json:"z,omitempty"`       // of the last judgement; 0: not known
	Judged  time.Time            `json:"judged,omitzero"`   // the last second that could be judged
	Heard   time.Time            `json:"heard,omitzero"`    // the last second whose stretch had data
	Counted map[string]time.Time `json:"counted,omitempty"` // of several families: until when each did that does not any more
	Gone    time.Time            `json:"gone,omitzero"`     // without data since, as far as that counts; zero: there are
}

// Remembered is for how long an alert is kept that became OK: longer than what is judged again by whoever goes
// on, see LookBack.
const Remembered = LookBack + 10*time.Second

// Reason is a bounded set of words for what cannot be judged. The names of conditions' variables, as "forecast",
// are among them: that one is not known.
type Reason string

const (
	ReasonNoData  Reason = "no_data"  // nothing comes; Heard is the last that did
	ReasonSample  Reason = "sample"   // too few to say anything
	ReasonRead    Reason = "read"     // the data could not be read
	ReasonGivenUp Reason = "given_up" // it ended without data saying so
	ReasonRemoved Reason = "removed"  // its rule is not judged any more
)

// Active tells whether it fires, also while nothing can be said of it.
func (a *Alert) Active() bool { return !a.Fired.IsZero() }

// Ticks tells whether clocks run in it that no Change tells of, so that what was kept of it at the last one grows
// old: it waits to fire or to end, or became OK lately. Whoever keeps alerts keeps these anew every few seconds.
func (a *Alert) Ticks() bool { return a.Status == Pending || a.Status == OK || !a.Calm.IsZero() }

// Change is what became of an alert in one judgement.
type Change struct {
	Alert Alert // as it is now; a copy
	From  Status
	Ended bool   // it was active and is not any more
	Spans []Span // what fired and ended in this judgement, in order; more than one, or one that began in it too, where data came in lumps
}

// Span is a time in which an alert fired.
type Span struct {
	Fired, Ended time.Time
	Severity     notice.Severity // highest of it
}
