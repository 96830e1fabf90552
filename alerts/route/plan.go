package route

import (
	"cmp"
	"slices"
	"time"
)

// Plan is what is to be said about a problem.
type Plan struct {
	Routes   []string      // that matched, for people: "routes[0] › routes[2]", or "default"
	Wait     time.Duration // from when the problem opens to After 0
	Say      []Say         // in order of time; empty: a route says that nobody is told
	Remind   time.Duration // while nobody acknowledges after the last of Say; 0: never
	Resolved bool          // tell the end too, to those who were told
}

// Say is one thing to say: everybody that Tell stands for is told at the same time.
type Say struct {
	After      time.Duration // since the problem opened, after Wait, or was last handed over
	Step       int           // of the escalation, from 0; -1: at once and apart from it
	Round      int           // of the escalation, from 0
	Tell       Ref
	Escalation string // id; "": at once, by also
}

// MaxSay is how many entries a Plan has at most. Beyond it the latest are left out; a checked file needs
// several long escalations for one problem to come there.
const MaxSay = 500

// Plan says what is to be said about a problem that opens, by the routes that match it, or the default. Of
// several routes that match, the shortest waits hold, and the end is told if one of them says so.
func (p *Policy) Plan(s Subject, at time.Time) Plan {
	var few [4]*Route
	matched := pick(p.Routes, &s, at, few[:0])
	if len(matched) == 0 {
		if p.Default == nil { // an empty policy tells nobody
			return Plan{}
		}
		matched = append(matched, p.Default)
	}
	return plan(matched)
}

// pick appends the routes that are taken.
func pick(routes []Route, s *Subject, at time.Time, taken []*Route) []*Route {
	for i := range routes {
		r := &routes[i]
		if !r.Match.matches(s, at) {
			continue
		}
		before := len(taken)
		taken = pick(r.Routes, s, at, taken)
		if len(taken) == before {
			if !r.acts() {
				continue
			}
			taken = append(taken, r)
		}
		if !r.Continue {
			break
		}
	}
	return taken
}

// acts tells whether a route decides something by itself, and does not only hold its children together.
func (r *Route) acts() bool { return r.does.nobody || r.does.tells() }

func plan(routes []*Route) Plan {
	plan := Plan{Routes: make([]string, len(routes))}
	first := &routes[0].does
	plan.Wait, plan.Remind = first.wait, first.remind
	for i, r := range routes {
		plan.Routes[i] = r.path
		d := &r.does
		plan.Wait = min(plan.Wait, d.wait)
		if d.remind > 0 && (plan.Remind == 0 || d.remind < plan.Remind) {
			plan.Remind = d.remind
		}
		plan.Resolved = plan.Resolved || d.resolved
		if d.escalation != nil {
			plan.Say = append(plan.Say, d.escalation.says...)
		}
	}
	for _, r := range routes {
		for _, ref := range r.does.also {
			plan.Say = append(plan.Say, Say{Step: -1, Tell: ref})
		}
	}
	plan.Say = inOrder(plan.Say)
	return plan
}

// inOrder sorts by time, and leaves out what is said at the same time already.
func inOrder(says []Say) []Say {
	slices.SortStableFunc(says, func(a, b Say) int { return cmp.Compare(a.After, b.After) })
	kept := says[:0]
	begin := 0 // of what is said at the same time
	for _, s := range says {
		if len(kept) > 0 && kept[len(kept)-1].After != s.After {
			begin = len(kept)
		}
		if !slices.ContainsFunc(kept[begin:], func(k Say) bool { return k.Tell == s.Tell }) {
			kept = append(kept, s)
		}
	}
	return kept[:min(len(kept), MaxSay)]
}

// flatten is all that an escalation says.
func (e *Escalation) flatten(repeat int) []Say {
	var says []Say
	var after time.Duration
	for round := range repeat + 1 {
		for i, step := range e.Steps {
			for _, ref := range step.Tell {
				says = append(says, Say{after, i, round, ref, e.ID})
			}
			after += time.Duration(step.Wait)
		}
	}
	return inOrder(says)
}
