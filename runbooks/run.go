package runbooks

import (
	"fmt"
	"time"

	"vigie/runbooks/crisis"
)

// Run is a runbook that is being carried out. What Room returns is everybody's: it is not to be changed.
type Run struct {
	ID      string   `json:"id"`      // of its crisis, runbook and how many of it there were: a-z, 0-9, '-'
	Runbook *Runbook `json:"runbook"` // as it was when the run began
	Crisis  string   `json:"crisis"`
	Match   string   `json:"match,omitempty"`
	Drill   bool     `json:"drill,omitempty"` // the crisis's
	Problem string   `json:"problem,omitempty"`

	Labels map[string]string `json:"labels,omitempty"` // what the {holes} in its texts stand for
	Title  string            `json:"title"`            // the crisis's, when it began

	Started time.Time `json:"started"`
	By      string    `json:"by"`
	Lead    string    `json:"lead"` // who has it; handed over
	Ended   time.Time `json:"ended,omitzero"`
	EndBy   string    `json:"end_by,omitempty"`
	End     End       `json:"end,omitempty"`

	Steps map[string]*Tick `json:"steps,omitempty"` // by id, what became of each; a step that nobody touched is not there
	Acts  []Act            `json:"acts,omitempty"`  // all that was done, in order

	Called map[string]string `json:"called,omitempty"` // what people call the values of Labels, where that is something else
}

// End is how a run ended.
type End string

const (
	Finished  End = "finished"
	Abandoned End = "abandoned"
)

// Open tells whether it goes on.
func (r *Run) Open() bool { return r.Ended.IsZero() }

// Tick is what became of a step so far.
type Tick struct {
	Done    *Mark  `json:"done,omitempty"`    // ticked, chosen, sent, called or seen on the board
	Skipped *Mark  `json:"skipped,omitempty"` // Note: why
	Choice  string `json:"choice,omitempty"`  // of a decision that is done
	Call    *Call  `json:"call,omitempty"`    // the last one of an HTTP step

	Holder   string    `json:"holder,omitempty"` // who has taken it
	Held     time.Time `json:"held,omitzero"`
	Comments []Comment `json:"comments,omitempty"` // at most 50
}

// Mark is who did something, and when.
type Mark struct {
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`   // "": Vigie
	Note string    `json:"note,omitempty"` // evidence, or why
	Send string    `json:"send,omitempty"` // id of the message's send
}

// Comment is what somebody wrote to a step.
type Comment struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// CallState is what is known of a call.
type CallState string

const (
	Calling     CallState = "calling"
	Answered    CallState = "answered"
	CallFailed  CallState = "failed"  // certainly not taken, or answered otherwise than expected
	CallUnknown CallState = "unknown" // perhaps taken: Vigie never repeats it by itself
	NotCalled   CallState = "drill"   // an exercise, and the step has nothing to call in one
)

// Call is one call of an HTTP step.
type Call struct {
	ID     string    `json:"id"` // of the claim, which one process has
	State  CallState `json:"state"`
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty"` // "": Vigie
	Ended  time.Time `json:"ended,omitzero"`
	Status int       `json:"status,omitempty"`
	Answer string    `json:"answer,omitempty"` // at most 300 characters
	Count  int       `json:"count"`            // which call of this step it is
}

// Act is one thing that was done to a run: a line of its crisis's timeline.
type Act struct {
	At   time.Time         `json:"at"`
	By   string            `json:"by,omitempty"`
	What string            `json:"what"` // one of crisis.Whats
	Step string            `json:"step,omitempty"`
	Args map[string]string `json:"args,omitempty"`
	Text string            `json:"text,omitempty"`
}

// What acts are, as crisis.Whats has them.
const (
	ActStarted     = "run-started"
	ActHanded      = "run-handed" // args: to, from
	ActLabels      = "run-labels"
	ActFinished    = "run-finished"
	ActAbandoned   = "run-abandoned"
	ActDone        = "step-done"   // args: late; Text: evidence
	ActUndone      = "step-undone" // Text: why
	ActSkipped     = "step-skipped"
	ActChosen      = "step-chosen" // args: choice, label
	ActComment     = "step-comment"
	ActTaken       = "step-taken"
	ActStepHanded  = "step-handed" // args: to
	ActCalling     = "step-calling"
	ActCalled      = "step-called" // args: status, answer
	ActCallFailed  = "step-call-failed"
	ActCallUnknown = "step-call-unknown"
	ActCallDrill   = "step-call-drill"
	ActSignal      = "step-signal" // args: value
	ActSent        = "step-sent"   // args: send
)

// lineID is that of the line of a run's nth act: the same in whichever process writes it.
func (r *Run) lineID(n int) string { return fmt.Sprintf("run.%s.%d", r.ID, n) }

// line is the nth act as the timeline has it.
func (r *Run) line(n int) crisis.Line {
	a := r.Acts[n]
	args := map[string]string{"runbook": r.Runbook.ID, "runbook_title": r.Runbook.Title.In(r.Runbook.Languages[0])}
	if s := r.Runbook.Step(a.Step); s != nil {
		args["step"], args["title"] = s.ID, r.Fill(s.Title.In(r.Runbook.Languages[0]))
	}
	for name, value := range a.Args {
		args[name] = value
	}
	return crisis.Line{
		ID: r.lineID(n), At: a.At, Crisis: r.Crisis, What: a.What, By: a.By, Args: args, Text: a.Text,
		Run: r.ID, Send: a.Args["send"], Problem: r.Problem, Drill: r.Drill,
	}
}
