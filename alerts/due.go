package alerts

import (
	"slices"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
)

const (
	handedWait = 5 * time.Minute // for whom a problem was handed to, before the route's own steps
	tooLate    = 6 * time.Hour   // what should have been said longer ago is not said any more
)

// asked is what due needs to know beside the problem.
type asked struct {
	now       time.Time
	policy    *route.Policy
	care      *Care
	overrides []route.Override
	duty      []route.Duty
	drill     bool
	entries   map[string]Entry // of the problem, by id
}

// due is what must be in the ledger by now and is not: it follows from the problem and the ledger alone, so
// that nothing is lost by a process that was not there, and nothing is said twice by two that were.
func due(p *Problem, a *asked) (entries []Entry) {
	if p.Opened.IsZero() || len(p.Turns) == 0 {
		return nil
	}
	entries = instead(p, a)
	if !p.Ended.IsZero() {
		return append(entries, ends(p, a)...)
	}
	if p.Mute != nil || acked(p, a.care) != nil {
		return entries
	}
	turn := p.Turns[len(p.Turns)-1]
	plan := a.policy.Plan(turn.About, turn.At)
	kind := notice.Firing
	if turn.Why == TurnWorse {
		kind = notice.Worse
	}
	says := plan.Say
	if turn.Person != "" {
		says = []route.Say{{Tell: route.Ref("person:" + turn.Person)}}
		for _, s := range plan.Say {
			if s.Escalation != "" {
				s.After += handedWait
				says = append(says, s)
			}
		}
	}
	why := strings.Join(plan.Routes, ", ")
	number := len(p.Turns) - 1
	var early time.Duration // by how much the rest comes sooner, for nobody was reached
	for len(says) > 0 {
		same := 1 // said at the same time
		for same < len(says) && says[same].After == says[0].After {
			same++
		}
		at := turn.At.Add(says[0].After - early)
		if a.now.Before(at) {
			break
		}
		lost, lostAt := true, at
		for _, say := range says[:same] {
			written := a.written(number, say)
			if say.Step >= 0 {
				gone, when := hopeless(written)
				if lost = lost && gone; when.After(lostAt) {
					lostAt = when
				}
			}
			targets, nobody := a.policy.Resolve(say.Tell, a.now, a.overrides, a.duty)
			e := Entry{Problem: p.ID, Kind: kind, Turn: number, Step: say.Step, Round: say.Round, Why: why, Drill: a.drill, State: Queued, Made: a.now}
			if len(targets) == 0 && len(written) == 0 {
				e.ID, e.Target = idOf(p.ID, p.Again, number, say.Step, say.Round, say.Tell), route.Target{Via: string(say.Tell)}
				e.State, e.Done, e.Reason, e.Detail = Failed, a.now, UnsaidNobody, nobody
				entries = append(entries, e)
			}
			for _, t := range targets {
				t.Via = string(say.Tell)
				e.ID, e.Target = idOf(p.ID, p.Again, number, say.Step, say.Round, say.Tell, t.Channel, t.To), t
				if !told(written, &e, a.now) && !a.since(&e, at) && !twice(entries, &e) {
					entries = append(entries, e)
				}
			}
		}
		// Nobody there, or nothing gets through to them: it is the next one's turn at once.
		if lost && says[0].Step >= 0 && same < len(says) {
			early = max(early, says[same].After-lostAt.Sub(turn.At))
		}
		says = says[same:]
		if len(says) == 0 {
			last := at
			entries = append(entries, remind(p, a, plan, last, number, why)...)
		}
	}
	return entries
}

// written are the ledger's lines of a step's word to a Ref.
func (a *asked) written(turn int, say route.Say) (out []Entry) {
	for _, e := range a.entries {
		if e.Turn == turn && e.Step == say.Step && e.Round == say.Round && e.Target.Via == string(say.Tell) && (e.Kind == notice.Firing || e.Kind == notice.Worse) {
			out = append(out, e)
		}
	}
	return out
}

// told tells whether a step's word to a target is in the ledger. Whoever is on call by now is not told what
// somebody else was: all of a step's words are written within a moment, unless the process ended in between.
func told(written []Entry, e *Entry, now time.Time) bool {
	return slices.ContainsFunc(written, func(o Entry) bool { return o.ID == e.ID || now.Sub(o.Made) > time.Minute })
}

// since tells whether a target was told by another step after this one's was due: two steps that are due at
// once, for nobody was there to say the first, are one word.
func (a *asked) since(e *Entry, due time.Time) bool {
	for _, o := range a.entries {
		if o.Turn == e.Turn && o.Kind == e.Kind && o.Target.Channel == e.Target.Channel && o.Target.To == e.Target.To && o.Instead == "" && !o.Made.Before(due) {
			return true
		}
	}
	return false
}

// hopeless tells whether all that a step had to say failed, whatever channel was tried, and since when.
func hopeless(written []Entry) (bool, time.Time) {
	var last time.Time
	for _, e := range written {
		if e.State != Failed || len(e.Target.Fallbacks) > 0 && !slices.ContainsFunc(written, func(o Entry) bool { return o.Instead == e.ID }) {
			return false, last
		}
		if e.Done.After(last) {
			last = e.Done
		}
	}
	return len(written) > 0, last
}

// instead is what follows what failed: the same, by the target's next way.
func instead(p *Problem, a *asked) (entries []Entry) {
	for _, e := range a.entries {
		if e.State != Failed || len(e.Target.Fallbacks) == 0 || e.Kind == notice.Resolved && p.Ended.IsZero() {
			continue
		}
		next := e
		next.Target = e.Target.Fallbacks[0]
		next.Target.Via, next.Target.Fallbacks = e.Target.Via, e.Target.Fallbacks[1:]
		next.ID = idOf(e.ID, "instead", next.Target.Channel, next.Target.To)
		if _, there := a.entries[next.ID]; there || a.now.Sub(e.Made) > tooLate {
			continue
		}
		next.Instead, next.State, next.Made, next.Tries = e.ID, Queued, a.now, nil
		next.Claimed, next.Done, next.NotBefore, next.Owner, next.Reason, next.Detail, next.Receipt = time.Time{}, time.Time{}, time.Time{}, "", "", "", ""
		entries = append(entries, next)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	return entries
}

// remind is what is said again while nobody acknowledges, once the escalation has come to its end.
func remind(p *Problem, a *asked, plan route.Plan, last time.Time, turn int, why string) (entries []Entry) {
	if plan.Remind <= 0 || len(plan.Say) == 0 { // handed over, and no route tells anybody
		return nil
	}
	n := int(a.now.Sub(last) / plan.Remind)
	if n < 1 {
		return nil
	}
	end := plan.Say[len(plan.Say)-1]
	for _, say := range plan.Say {
		if say.After != end.After || say.Round != end.Round {
			continue
		}
		targets, _ := a.policy.Resolve(say.Tell, a.now, a.overrides, a.duty)
		for _, t := range targets {
			t.Via = string(say.Tell)
			e := Entry{ID: idOf(p.ID, p.Again, turn, notice.Reminder, n, t.Channel, t.To), Problem: p.ID, Kind: notice.Reminder, Turn: turn, Step: say.Step, Round: n,
				Target: t, Why: why, Drill: a.drill, State: Queued, Made: a.now}
			if _, there := a.entries[e.ID]; !there && !twice(entries, &e) {
				entries = append(entries, e)
			}
		}
	}
	return entries
}

// ends is the end, for all who were told that it began, or may have been.
func ends(p *Problem, a *asked) (entries []Entry) {
	if a.now.Sub(p.Ended) > tooLate {
		return nil
	}
	last := p.Turns[len(p.Turns)-1]
	if !a.policy.Plan(last.About, last.At).Resolved {
		return nil
	}
	ids := make([]string, 0, len(a.entries))
	for id := range a.entries {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		was := a.entries[id]
		if was.Kind == notice.Resolved || was.State != Accepted && !was.mayBeSaid() {
			continue
		}
		e := Entry{ID: idOf(p.ID, p.Again, notice.Resolved, p.Ended.UnixNano(), was.Target.Channel, was.Target.To), Problem: p.ID, Kind: notice.Resolved, Turn: len(p.Turns) - 1, Step: -1, Again: p.Again,
			Target: was.Target, Why: was.Why, Drill: was.Drill, State: Queued, Made: a.now}
		e.Target.Fallbacks = nil // who cannot be told the end is told nothing else
		if _, there := a.entries[e.ID]; !there && !twice(entries, &e) {
			entries = append(entries, e)
		}
	}
	return entries
}

// mayBeSaid tells whether a try may have reached somebody.
func (e *Entry) mayBeSaid() bool {
	return slices.ContainsFunc(e.Tries, func(t Try) bool { return t.Outcome == OutcomeAmbiguous })
}

// twice tells whether the same place is told already.
func twice(entries []Entry, e *Entry) bool {
	return slices.ContainsFunc(entries, func(o Entry) bool {
		return o.Kind == e.Kind && o.Target.Channel == e.Target.Channel && o.Target.To == e.Target.To
	})
}
