package alerts

import (
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
)

// Snapshot is all that is known of alerts at a moment. It is read-only, and the same for all until
// something changes.
type Snapshot struct {
	Version uint64 // another one: something changed

	Open   []Incident   // problems that go on, the loudest and then the newest first; those that are only tried last
	Closed []Incident   // the last hundred that ended, the latest first
	Weak   []rule.Alert // weak signals that fire now
	Blind  []rule.Alert // what cannot be judged: no data, errors

	Silences    []route.Silence // that count now or will, then those that ended in the last day
	Maintenance []route.Maintenance
	Overrides   []route.Override
	Dials       map[string]Dial // of each group of rules
	Drill       Drill

	Judged  time.Time // data are judged by that moment of the wall's clock; zero: never
	Leader  string    // the process that judges; "": none does
	Trouble []string  // keys of what is wrong with the alerts themselves: "late", "no_leader", "channel:noc" …
}

// Incident is a problem with what people do about it and what was said.
type Incident struct {
	Problem
	Care
	Said    int // notifications that were accepted
	Failing int // that could not be said, or not yet
}

// Loudest is the severity of the loudest open problem that is nobody's yet and is not muted; "": there is none.
func (s *Snapshot) Loudest() notice.Severity {
	loudest := notice.Severity("")
	for _, i := range s.Open {
		if i.Acked == nil && i.Mute == nil && i.Severity.Rank() > loudest.Rank() {
			loudest = i.Severity
		}
	}
	return loudest
}

// Find is an incident by its problem's id, open or closed; nil: it is not known any more.
func (s *Snapshot) Find(id string) *Incident {
	for _, list := range [][]Incident{s.Open, s.Closed} {
		for i := range list {
			if list[i].ID == id {
				return &list[i]
			}
		}
	}
	return nil
}

// Dial is where the sensitivity of a group of rules stands.
type Dial struct {
	Group string    `json:"group"`
	At    int       `json:"at"` // 1 to 10
	Usual int       `json:"-"`  // as the file says
	By    string    `json:"by,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// Drill is whether an exercise goes on: everything said is marked as one.
type Drill struct {
	On    bool      `json:"on"`
	By    string    `json:"by,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// Previewed is what would have fired in the last hour with a dial at one of its settings.
type Previewed struct {
	Setting  int
	Problems int // that would have been told
	Fired    []PreviewedAlert
}

// PreviewedAlert is one of them.
type PreviewedAlert struct {
	Rule     string
	Labels   map[string]string
	From, To time.Time // To is zero while it fires
	Severity notice.Severity
}
