package runbooks

import (
	"slices"
	"time"
)

// Status is where a step stands at a moment. Its value is the key of its name in the languages' files.
type Status string

const (
	Ready         Status = "ready"
	Blocked       Status = "blocked"   // prerequisites are not done: Missing
	Undecided     Status = "undecided" // whether it applies is not decided: Missing are the decisions
	NotApplicable Status = "not_applicable"
	Done          Status = "done"
	Skipped       Status = "skipped"
	Running       Status = "calling"
	Failed        Status = "failed"  // its call was not taken: someone repeats it, ticks it or skips it
	Unknown       Status = "unknown" // its call may have been taken: someone looks
)

// Over tells whether nothing more is to be done.
func (s Status) Over() bool { return s == Done || s == Skipped || s == NotApplicable }

// StepView is what can be said of a step at a moment.
type StepView struct {
	Step    *Step
	Tick    Tick // the zero one: nobody touched it
	Status  Status
	Missing []string      // ids of the steps that it waits for
	Due     time.Time     // zero: never, or not known yet
	Unknown bool          // it is due on the match's clock, at a moment that nobody knows yet
	Overdue time.Duration // 0: it is not; of a step that was done late, 0 too
	Late    time.Duration // by how much it was done after it was due; 0: it was not
}

// View is what can be said of a run at a moment.
type View struct {
	*Run
	Steps   []StepView // in order
	Done    int        // steps that are over, those that do not apply not counted
	Total   int        // steps that apply, or may
	Overdue int        // steps
	Next    string     // id of the first step that someone can do; "": none
}

// callFor is how long a claimed call may take before its outcome is unknown: longer than its wait.
const callFor = maxWait + 15*time.Second

// View is a run at a moment, by a match's clock; clock may be nil.
func (r *Run) View(now time.Time, clock Clock) *View {
	v := &View{Run: r, Steps: make([]StepView, len(r.Runbook.Steps))}
	for i := range r.Runbook.Steps {
		s := &r.Runbook.Steps[i]
		sv := &v.Steps[i]
		sv.Step = s
		if t := r.Steps[s.ID]; t != nil {
			sv.Tick = *t
		}
		sv.Status, sv.Missing = r.status(s, now)
		sv.time(r, now, clock)
		if sv.Status != NotApplicable {
			v.Total++
			if sv.Status.Over() {
				v.Done++
			}
		}
		if sv.Overdue > 0 {
			v.Overdue++
		}
		if v.Next == "" && (sv.Status == Ready || sv.Status == Failed || sv.Status == Unknown) {
			v.Next = s.ID
		}
	}
	return v
}

func (sv *StepView) time(r *Run, now time.Time, clock Clock) {
	due, ok := sv.Step.Due.At(r, clock)
	if !ok {
		sv.Unknown = sv.Step.Due.Set
		return
	}
	sv.Due = due
	switch {
	case sv.Status == Done:
		sv.Late = max(0, sv.Tick.Done.At.Sub(due))
	case !sv.Status.Over() && r.Open():
		sv.Overdue = max(0, now.Sub(due))
	}
}

// Step is the one with an id; nil: there is none.
func (v *View) Step(id string) *StepView {
	i := slices.IndexFunc(v.Steps, func(s StepView) bool { return s.Step.ID == id })
	if i < 0 {
		return nil
	}
	return &v.Steps[i]
}

// status is where a step stands, and the steps that it waits for.
func (r *Run) status(s *Step, now time.Time) (Status, []string) {
	t := r.Steps[s.ID]
	if t != nil && t.Done != nil {
		return Done, nil
	}
	if t != nil && t.Skipped != nil {
		return Skipped, nil
	}
	applies, undecided := r.applies(s)
	if !applies {
		return NotApplicable, nil
	}
	if t != nil && t.Call != nil {
		switch t.Call.State {
		case Calling:
			if now.Sub(t.Call.At) > callFor { // its process died
				return Unknown, nil
			}
			return Running, nil
		case CallUnknown:
			return Unknown, nil
		case CallFailed:
			return Failed, nil
		}
	}
	if len(undecided) > 0 {
		return Undecided, undecided
	}
	var missing []string
	for _, id := range s.Needs {
		if n := r.Runbook.Step(id); n != nil && !r.over(n) {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return Blocked, missing
	}
	return Ready, nil
}

// over tells whether what comes after a step need not wait for it any more.
func (r *Run) over(s *Step) bool {
	t := r.Steps[s.ID]
	if t != nil && (t.Done != nil || t.Skipped != nil) {
		return true
	}
	applies, _ := r.applies(s)
	return !applies
}

// applies tells whether a step's conditions can still be met, and the decisions on which that depends. A decision that
// was skipped, or does not apply itself, was decided for nothing.
func (r *Run) applies(s *Step) (ok bool, undecided []string) {
	known := map[string]bool{} // decisions, and whether they apply
	var can func(s *Step) bool
	var met func(id string, with Values) (ok, open bool)
	can = func(s *Step) bool {
		if ok, seen := known[s.ID]; seen {
			return ok
		}
		known[s.ID] = false // one that depends on itself never does
		for id, with := range s.When {
			if ok, _ := met(id, with); !ok {
				return false
			}
		}
		known[s.ID] = true
		return true
	}
	met = func(id string, with Values) (ok, open bool) {
		d := r.Runbook.Step(id)
		if d == nil {
			return false, false
		}
		if t := r.Steps[id]; t != nil && t.Done != nil {
			return slices.Contains(with, t.Choice), false
		} else if t != nil && t.Skipped != nil {
			return false, false
		}
		return can(d), true
	}
	for _, id := range slices.Sorted(keys(s.When)) {
		ok, open := met(id, s.When[id])
		if !ok {
			return false, nil
		}
		if open {
			undecided = append(undecided, id)
		}
	}
	return true, undecided
}
