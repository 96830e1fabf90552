package library

import (
	"reflect"
	"sync"
	"time"

	"vigie/runbooks/message"
)

// Readiness is how far the messages are for a match: "4 of 31 messages not validated" is Total-Approved of Total.
// Messages that are retired, and scenarios written while something was broken, are not in it.
type Readiness struct {
	Match    string
	Total    int
	Approved int // of them, armed ones too
	Armed    int
	Missing  []Missing // those that are not armed, by scenario and step
}

// Missing is a message that could not be sent, and why.
type Missing struct {
	Scenario string
	Title    message.Words
	Step     message.Step
	State    State
	Why      Why               // Invalid, Faulty, NotInReview, NotApproved (it waits for a validator), Expired, NotArmed
	Findings []message.Finding // errors and warnings, of Faulty
	Err      error             // of Invalid
	Authors  []string          // who may not approve it
}

// Readiness tells how far the messages are for a match.
func (l *Library) Readiness(match string) Readiness {
	r := Readiness{Match: match}
	now := time.Now()
	entries := l.All()
	l.verdicts.keep(entries, l.limits())
	for _, e := range entries {
		if e.Scenario.Adhoc {
			continue
		}
		for _, step := range message.Steps() {
			at := e.State(step, match, now)
			if at == "" || at == Retired {
				continue
			}
			r.Total++
			why := l.missing(e, step, at, now)
			if at == Approved || at == Armed {
				r.Approved++
			}
			if at == Armed && why.Why == "" {
				r.Armed++
			}
			if why.Why != "" {
				r.Missing = append(r.Missing, why)
			}
		}
	}
	return r
}

// missing says why a message could not be sent; Why "": it could. What was approved and is faulty since, because the
// house's limits or addresses changed, could not.
func (l *Library) missing(e *Entry, step message.Step, at State, now time.Time) Missing {
	m := Missing{Scenario: e.Scenario.ID, Title: e.Scenario.Title, Step: step, State: at}
	life := e.Steps[step]
	if life != nil {
		m.Authors = life.Authors
	}
	v := l.verdicts.of(e, step)
	if v.err != nil {
		m.Why, m.Err = Invalid, v.err
		return m
	}
	if message.Faulty(v.findings) {
		m.Why, m.Findings = Faulty, v.findings
		return m
	}
	switch at {
	case Draft:
		m.Why = NotInReview
		if life != nil && life.Approval != nil && life.Approval.Hash == e.Scenario.Hash(step) && !now.Before(life.Approval.Expires) {
			m.Why = Expired
		}
	case InReview:
		m.Why = NotApproved
	case Approved:
		m.Why = NotArmed
	}
	return m
}

// verdicts are what was found in messages as they are kept. Looking takes milliseconds for each, and pages ask every
// second.
type verdicts struct {
	mu     sync.Mutex
	limits message.Limits // of which they hold
	all    map[*Entry]map[message.Step]verdict
}

type verdict struct {
	err      error
	findings []message.Finding
}

// keep forgets those of contents that are not there any more, and all of them when the house's limits are others.
func (v *verdicts) keep(entries []*Entry, limits message.Limits) {
	v.mu.Lock()
	defer v.mu.Unlock()
	kept := make(map[*Entry]map[message.Step]verdict, len(entries))
	for _, e := range entries {
		if known := v.all[e]; known != nil && reflect.DeepEqual(limits, v.limits) {
			kept[e] = known
		} else {
			kept[e] = map[message.Step]verdict{}
		}
	}
	v.all, v.limits = kept, limits
}

func (v *verdicts) of(e *Entry, step message.Step) verdict {
	v.mu.Lock()
	known, there := v.all[e][step]
	limits := v.limits
	v.mu.Unlock()
	if there {
		return known
	}
	fresh := verdict{e.Scenario.CheckStep(step), e.Scenario.Lint(step, limits)}
	v.mu.Lock()
	defer v.mu.Unlock()
	if steps := v.all[e]; steps != nil && reflect.DeepEqual(limits, v.limits) {
		steps[step] = fresh
	}
	return fresh
}
