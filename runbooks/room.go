package runbooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/bus"
	"vigie/internal/match"
	"vigie/internal/provider"
	"vigie/internal/state"
	"vigie/runbooks/crisis"
)

// What can go wrong with an act, beside the types below, a crisis.Invalid, package crisis's own and the errors of the bus.
var (
	ErrNotFound = errors.New("runbooks: not found")
	ErrOver     = errors.New("runbooks: the run has ended")
	ErrFull     = errors.New("runbooks: no more can be kept")
	ErrKind     = errors.New("runbooks: a step of this kind is not done so")
	ErrApplies  = errors.New("runbooks: the step does not apply: it was decided otherwise")
)

// Invalid says which value of an act cannot be taken, and why.
type Invalid = crisis.Invalid

// DoneError is told whoever does a step that somebody did before: who was first, and when.
type DoneError struct {
	By      string // "": Vigie
	At      time.Time
	Skipped bool
	Choice  string
}

func (e *DoneError) Error() string {
	return fmt.Sprintf("runbooks: done already by %s at %s", cmp.Or(e.By, "Vigie"), e.At.Format(time.RFC3339))
}

// UnsaidError is told whoever makes a call of whose variables nobody has said what they stand for.
type UnsaidError struct{ Labels []string } // names

func (e *UnsaidError) Error() string {
	return "runbooks: say first: " + strings.Join(e.Labels, ", ")
}

// BlockedError is told whoever does a step before its prerequisites.
type BlockedError struct {
	Needs     []string // ids of steps
	Undecided bool     // they are decisions on which it depends whether it applies
}

func (e *BlockedError) Error() string {
	return "runbooks: it waits for " + strings.Join(e.Needs, ", ")
}

// RunningError is told whoever starts a runbook that runs in the crisis already.
type RunningError struct {
	Run, By string
	At      time.Time
}

func (e *RunningError) Error() string {
	return fmt.Sprintf("runbooks: run %s was started by %s at %s", e.Run, e.By, e.At.Format(time.RFC3339))
}

// CallingError is told whoever calls what is being called.
type CallingError struct {
	By string
	At time.Time
}

func (e *CallingError) Error() string {
	return "runbooks: the call was made at " + e.At.Format(time.RFC3339) + ", and is waited for"
}

// Bounds of runs.
const (
	MaxOpen     = 100  // at a time
	MaxText     = 2000 // characters of evidence and comments
	MaxReason   = 500
	maxActs     = 2000      // of a run; the last 200 are for its end and what is ticked
	maxTyped    = 200 << 10 // bytes of what people wrote in a run
	maxComments = 50        // to a step
	maxKept     = 1000
	maxAgain    = 50 // runs of one runbook in one crisis
	undoFor     = time.Minute
)

// Signals tell what the board shows of a signal that is awaited to be above or below a limit, one of the two. known is
// false when it does not know: that is never a condition met.
type Signals interface {
	Value(name string, labels map[string]string, above, below *float64) (r Reading, known bool)
}

// Reading is what the board shows of a signal.
type Reading struct {
	Value float64
	Since time.Time // when it went beyond the limit, without a break since; zero: it is not beyond it, or nobody knows since when
}

// Messages tell what was sent. sent is true once a send of the scenario's step is completed in the crisis, with or without
// failures; by is who confirmed it.
type Messages interface {
	State(crisisID, scenario, step string) (sent bool, by string, at time.Time, send string)
}

// Config is what a Room is made of.
type Config struct {
	State  *state.Bucket // not loaded yet: the Room keeps its runs there
	Crises *crisis.Room
	Lease  *bus.KV // bucket in which the process that watches signals holds a lease; nil: this one watches
	Owner  string  // this process's name
	Alone  bool    // the bus is embedded: no other process can hold the lease
	Log    *slog.Logger

	Runbooks []*Runbook // checked
	Clock    Clock      // of matches; nil: nothing is due on it
	Signals  Signals    // nil: none is known
	Messages Messages   // nil: none is sent
	Poster   *provider.Poster
	Allow    []Allow // addresses that runbooks may call

	// Names is what people call the value of a label, as a CDN's id; nil: as it is. Calls and signals have the value itself.
	Names func(label, value string) string
}

// Room is where runs are started and carried out. Its methods may be called at the same time. What it tells is what was
// last heard of; each act is kept once it returns.
type Room struct {
	cfg   Config
	books atomic.Pointer[[]*Runbook]
	runs  *state.Kind[Run]
	calls sync.WaitGroup
}

// New is a Room that knows nothing yet: load its bucket, then Run both.
func New(cfg Config) *Room {
	r := &Room{cfg: cfg, runs: state.Keep[Run](cfg.State, "run.")}
	r.SetRunbooks(cfg.Runbooks)
	return r
}

// SetRunbooks replaces the runbooks that can be started. Runs keep theirs.
func (r *Room) SetRunbooks(all []*Runbook) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b *Runbook) int { return cmp.Compare(a.ID, b.ID) })
	r.books.Store(&all)
}

// Runbooks are those that can be started, by id. They are everybody's: not to be changed.
func (r *Room) Runbooks() []*Runbook { return *r.books.Load() }

// Runbook is the one with an id; nil: there is none.
func (r *Room) Runbook(id string) *Runbook {
	for _, rb := range r.Runbooks() {
		if rb.ID == id {
			return rb
		}
	}
	return nil
}

// For are the runbooks that are for something that happened, the best first: see the function For.
func (r *Room) For(labels map[string]string, criticality int, phase match.Phase, rule string) []Fit {
	return For(r.Runbooks(), labels, criticality, phase, rule)
}

// Get is the run with an id; nil: there is none.
func (r *Room) Get(id string) *Run { return r.runs.Get(id) }

// All are all runs that are kept, the last started first.
func (r *Room) All() []*Run {
	all := r.runs.All()
	slices.SortStableFunc(all, func(a, b *Run) int { return b.Started.Compare(a.Started) })
	return all
}

// Current are the runs that go on, the last started first.
func (r *Room) Current() []*Run {
	return slices.DeleteFunc(r.All(), func(run *Run) bool { return !run.Open() })
}

// Of are the runs of a crisis, in the order in which they were started.
func (r *Room) Of(crisisID string) []*Run {
	all := slices.DeleteFunc(r.All(), func(run *Run) bool { return run.Crisis != crisisID })
	slices.Reverse(all)
	return all
}

// View is a run at a moment, by the matches' clock; nil: there is none.
func (r *Room) View(id string, now time.Time) *View {
	run := r.runs.Get(id)
	if run == nil {
		return nil
	}
	return run.View(now, r.cfg.Clock)
}

// Snapshot is what all runs look like at a moment.
type Snapshot struct {
	Version uint64
	Runs    []*View // those that go on, the last started first
	Overdue int     // steps of runs that are no exercise
}

// Snapshot is made for each caller: call it once a second, not for each screen.
func (r *Room) Snapshot(now time.Time) *Snapshot {
	s := &Snapshot{Version: r.Version()}
	for _, run := range r.Current() {
		v := run.View(now, r.cfg.Clock)
		s.Runs = append(s.Runs, v)
		if !run.Drill {
			s.Overdue += v.Overdue
		}
	}
	return s
}

// OnChange calls f after each change of a run, of this process or another's: f must not wait.
func (r *Room) OnChange(f func()) { r.cfg.State.OnChange(f) }

// Version is another one after each change.
func (r *Room) Version() uint64 { return r.cfg.State.Version() }

// Start is what a run is started with.
type Start struct {
	Runbook string // id
	Crisis  string // id of an open one; "": New is opened, or the crisis that Problem belongs to is taken
	New     crisis.Crisis
	Drill   bool
	Problem string            // id of the alert's problem that it was started from
	Labels  map[string]string // the alert's, or what was typed
}

// Start starts a runbook. A RunningError names the run of it that goes on in the crisis. An exercise is started in a
// crisis that is one, and what is none in one that is none.
func (r *Room) Start(ctx context.Context, by string, s Start) (*Run, error) {
	rb := r.Runbook(s.Runbook)
	if rb == nil {
		return nil, ErrNotFound
	}
	if _, err := crisis.Clean("by", by, maxName, true); err != nil {
		return nil, err
	}
	labels, err := crisis.CleanLabels(s.Labels)
	if err != nil {
		return nil, err
	}
	if s.Problem != "" && !validID(s.Problem) {
		return nil, Invalid{Field: "problem", Reason: "is no id of a problem"}
	}
	if len(r.Current()) >= MaxOpen {
		return nil, ErrFull
	}
	c, err := r.crisisFor(ctx, by, rb, &s, labels)
	if err != nil {
		return nil, err
	}
	if !c.Open() {
		return nil, crisis.ErrOver
	}
	if c.Drill != s.Drill {
		return nil, Invalid{Field: "drill", Reason: "is not what the crisis is: an exercise never becomes real, nor the other way"}
	}
	for name, value := range c.Labels {
		if _, said := labels[name]; !said && len(labels) < crisis.MaxLabels {
			labels[name] = value
		}
	}
	now := time.Now().UTC().Round(0)
	run := &Run{
		Runbook: rb, Crisis: c.ID, Match: c.Match, Drill: c.Drill, Problem: s.Problem, Labels: labels, Title: c.Title,
		Started: now, By: by, Lead: by,
	}
	run.call(r.cfg.Names)
	args := map[string]string{}
	for name, value := range labels {
		if len(args) < 6 {
			args["label_"+name] = value
		}
	}
	run.act(Act{At: now, By: by, What: ActStarted, Args: args})
	for n := 1; n <= maxAgain; n++ {
		run.ID = fmt.Sprintf("%s-%s-%d", c.ID, rb.ID, n)
		err := r.runs.Create(ctx, run.ID, run)
		if err == nil {
			r.told(ctx, run)
			r.prune(ctx)
			return run, nil
		}
		if !errors.Is(err, bus.ErrConflict) {
			return nil, err
		}
		other, err := r.runs.Edit(ctx, run.ID, func(*Run) error { return state.ErrUnchanged })
		if err != nil {
			return nil, err
		}
		if other.Open() {
			return nil, &RunningError{other.ID, other.By, other.Started}
		}
	}
	return nil, ErrFull
}

// crisisFor is the crisis that a run is started in.
func (r *Room) crisisFor(ctx context.Context, by string, rb *Runbook, s *Start, labels map[string]string) (*crisis.Crisis, error) {
	if s.Crisis == "" && s.Problem != "" {
		if c := r.cfg.Crises.Of(s.Problem); c != nil {
			return c, nil
		}
	}
	if s.Crisis != "" {
		c := r.cfg.Crises.Get(s.Crisis)
		if c == nil {
			return nil, crisis.ErrNotFound
		}
		if s.Problem != "" && c.Open() && c.Drill == s.Drill {
			if joined, err := r.cfg.Crises.Join(ctx, by, c.ID, s.Problem); err == nil {
				c = joined
			} else if _, already := errors.AsType[crisis.Already](err); !already {
				return nil, err
			}
		}
		return c, nil
	}
	made := s.New
	made.Drill = s.Drill
	if made.Title == "" {
		titled := &Run{Runbook: rb, Labels: labels}
		titled.call(r.cfg.Names)
		made.Title = provider.Line(titled.Fill(rb.Title.In(rb.Languages[0])), crisis.MaxTitle)
	}
	if made.Labels == nil {
		made.Labels = labels
	}
	if s.Problem != "" && !slices.Contains(made.Problems, s.Problem) {
		made.Problems = append(slices.Clone(made.Problems), s.Problem)
	}
	c, err := r.cfg.Crises.Open(ctx, by, made)
	if already, ok := errors.AsType[crisis.Already](err); ok && already.Problem == s.Problem {
		for range 20 { // it was opened this moment, by another process
			if c := r.cfg.Crises.Get(already.Crisis); c != nil {
				return c, nil
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return c, err
}

// prune lets go of the oldest runs that have ended.
func (r *Room) prune(ctx context.Context) {
	if r.runs.Len() <= maxKept {
		return
	}
	all := r.All()
	for i := len(all) - 1; i >= maxKept && len(all)-i <= 10; i-- {
		if !all[i].Open() {
			if err := r.runs.Delete(ctx, all[i].ID); err != nil {
				r.cfg.Log.Warn("runbooks: let go of an old run", "run", all[i].ID, "error", err)
			}
		}
	}
}

// act writes into the run's acts.
func (r *Run) act(a Act) { r.Acts = append(r.Acts, a) }

// told writes what a run just did into the timeline. A bus that fails costs nothing: Run writes it again.
func (r *Room) told(ctx context.Context, run *Run) {
	if n := len(run.Acts); n > 0 {
		if err := r.cfg.Crises.Write(ctx, run.line(n-1)); err != nil {
			r.cfg.Log.Warn("runbooks: write the timeline, for now", "run", run.ID, "error", err)
		}
	}
}

// edit changes a run that goes on. f is what is done, as an act, or nil: nothing; it may be called again.
func (r *Room) edit(ctx context.Context, by, id string, f func(run *Run, now time.Time) (*Act, error)) (*Run, error) {
	if by != vigie {
		if _, err := crisis.Clean("by", by, maxName, true); err != nil {
			return nil, err
		}
	}
	if !validID(id) {
		return nil, ErrNotFound
	}
	run, err := r.runs.Edit(ctx, id, func(run *Run) error {
		if !run.Open() {
			return ErrOver
		}
		now := time.Now().UTC().Round(0)
		a, err := f(run, now)
		switch {
		case err != nil:
			return err
		case a == nil:
			return state.ErrUnchanged
		case len(run.Acts) >= maxActs, a.What == ActComment && (len(run.Acts) >= maxActs-200 || run.typed() > maxTyped):
			return ErrFull
		}
		a.By = by
		if a.At.IsZero() {
			a.At = now
		}
		maps.DeleteFunc(a.Args, func(_, v string) bool { return v == "" })
		run.act(*a)
		return nil
	})
	if errors.Is(err, bus.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	r.told(ctx, run)
	return run, nil
}

// typed is how much people wrote, in bytes.
func (r *Run) typed() (n int) {
	for _, a := range r.Acts {
		n += len(a.Text)
	}
	return n
}

// vigie is who does what happens by itself.
const vigie = ""

func validID(id string) bool {
	return id != "" && len(id) <= 200 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
