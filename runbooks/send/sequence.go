package send

import (
	"cmp"
	"slices"
	"time"

	"vigie/runbooks/crisis"
	"vigie/runbooks/message"
)

// Due is a message that is to be said next in a crisis, by the incident's clock.
type Due struct {
	Crisis   string
	Scenario string
	Step     message.Step
	At       time.Time // by when
	Overdue  bool
	Promised bool   // the public was told that moment
	Send     string // prepared, and not confirmed yet; "": not yet
	Number   int    // of an update: the how-manieth
}

// prepareAhead is how long before it is due the system prepares what follows.
const prepareAhead = 3 * time.Minute

// Due are the messages that an open crisis asks for, the earliest first: the initial one of each scenario that was
// prepared for it, then updates until it is resolved, and the end once the crisis is over and viewers were not told.
func (r *Room) Due(c *crisis.Crisis, now time.Time) []Due {
	if r == nil || c == nil || r.cfg.Prepare.Library == nil {
		return nil
	}
	return due(c, r.Of(c.ID), func(id string) message.Timing {
		if e := r.cfg.Prepare.Library.Get(id); e != nil {
			return e.Scenario.Timing
		}
		return message.Timing{}
	}, now)
}

// due is Due, of the crisis's sends in order.
func due(c *crisis.Crisis, sends []*Send, timing func(scenario string) message.Timing, now time.Time) (out []Due) {
	of := map[string][]*Send{}
	var scenarios []string
	for _, s := range sends {
		if s.State == Dropped {
			continue
		}
		if of[s.Rendered.Scenario] == nil {
			scenarios = append(scenarios, s.Rendered.Scenario)
		}
		of[s.Rendered.Scenario] = append(of[s.Rendered.Scenario], s)
	}
	for _, id := range scenarios {
		t := timing(id)
		var last, initial *Send
		updates, over := 0, false
		open := map[message.Step]string{} // prepared, and not confirmed
		for _, s := range of[id] {
			if s.Confirmed.IsZero() {
				open[s.Rendered.Step] = s.ID
				continue
			}
			if s.State == Aborted && s.Rendered.Step == message.Initial && initial == nil {
				last = s
				continue
			}
			last = s
			switch s.Rendered.Step {
			case message.Initial:
				if initial == nil {
					initial = s
				}
			case message.Update:
				updates++
			case message.Resolved, message.Cancel:
				over = true
			}
		}
		d := Due{Crisis: c.ID, Scenario: id}
		switch {
		case over:
			continue
		case initial == nil && !c.Ended.IsZero(): // nothing was said, and nothing has to be
			continue
		case initial == nil:
			d.Step, d.At = message.Initial, c.Began.Add(cmp.Or(t.Initial, usualInitial))
		case !c.Ended.IsZero():
			d.Step, d.At, d.Promised = message.Resolved, c.Ended.Add(5*time.Minute), true
			if !last.NextBy.IsZero() && last.NextBy.Before(d.At) {
				d.At = last.NextBy
			}
		case updates >= cmp.Or(t.Most, usualUpdates):
			d.Step, d.At = message.Resolved, last.Confirmed.Add(every(t))
		default:
			d.Step, d.Number, d.At = message.Update, updates+1, last.Confirmed.Add(every(t))
			if !last.NextBy.IsZero() {
				d.At, d.Promised = last.NextBy, true
			}
		}
		d.Send, d.Overdue = open[d.Step], now.After(d.At)
		out = append(out, d)
	}
	slices.SortStableFunc(out, func(a, b Due) int { return a.At.Compare(b.At) })
	return out
}
