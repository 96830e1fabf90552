package runbooks

import (
	"context"
	"errors"
	"strconv"
	"time"

	"vigie/internal/lease"
	"vigie/internal/pause"
	"vigie/runbooks/crisis"
)

const (
	watchEvery = time.Second
	leaseTime  = 5 * time.Second
	leaseKey   = "runbooks"
	repairAt   = 5 * time.Second // the age of an act that is missed in the timeline
	repairFor  = time.Hour       // after a run ended
)

// leaseState is what the process that watches keeps: nothing but that it does.
type leaseState struct{ lease.Head }

// Run watches signals and messages for all runs while this process is the one that does, calls what is to be called by
// itself, and writes what is missing in timelines, until ctx ends, whether the bus is there or not. It then waits for
// calls that are being made.
func (r *Room) Run(ctx context.Context) error {
	defer r.calls.Wait()
	for ctx.Err() == nil {
		err := r.lead(ctx)
		if ctx.Err() == nil {
			r.cfg.Log.Warn("runbooks: this process watches no more", "error", err)
			_ = pause.For(ctx, time.Second)
		}
	}
	return nil
}

// lead watches as long as the lease is held.
func (r *Room) lead(ctx context.Context) error {
	if r.cfg.Lease != nil {
		l := lease.New[leaseState](r.cfg.Lease, leaseKey, r.cfg.Owner, r.cfg.Alone, leaseTime, r.cfg.Log)
		if err := l.Acquire(ctx, nil); err != nil {
			return err
		}
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		kept := make(chan struct{})
		go func() { defer close(kept); cancel(l.Renew(ctx)) }()
		defer func() { cancel(nil); <-kept }()
	}
	w := watch{signals: r.cfg.Signals, messages: r.cfg.Messages}
	for pause.For(ctx, watchEvery) == nil {
		for _, d := range w.look(r.Current(), time.Now()) {
			if err := r.carryOut(ctx, d); err != nil && !expected(err) {
				r.cfg.Log.Warn("runbooks: do what is due by itself", "run", d.run, "step", d.step, "error", err)
			}
		}
		r.repair(ctx)
	}
	return context.Cause(ctx)
}

// expected tells whether an error is what people who were faster make of what Vigie would do.
func expected(err error) bool {
	if _, ok := errors.AsType[*DoneError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*BlockedError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*CallingError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*UnsaidError](err); ok { // the page asks for it
		return true
	}
	if _, ok := errors.AsType[Invalid](err); ok {
		return true
	}
	return errors.Is(err, ErrOver) || errors.Is(err, ErrApplies) || errors.Is(err, ErrNotFound)
}

// deed is one thing that is due by itself.
type deed struct {
	run, step string
	what      string // ActSignal, ActSent, ActCalling, ActCallUnknown
	value     float64
	by, send  string
	at        time.Time
}

// watch finds what is due by itself. It remembers since when signals hold; who takes over begins to count again.
type watch struct {
	signals  Signals
	messages Messages
	since    map[[2]string]time.Time // by run and step
}

// look is called once a second.
func (w *watch) look(runs []*Run, now time.Time) (due []deed) {
	since := map[[2]string]time.Time{}
	for _, run := range runs {
		if !run.Open() {
			continue
		}
		for i := range run.Runbook.Steps {
			s := &run.Runbook.Steps[i]
			t := run.Steps[s.ID]
			if t != nil && t.Call != nil && t.Call.State == Calling && now.Sub(t.Call.At) > callFor {
				due = append(due, deed{run: run.ID, step: s.ID, what: ActCallUnknown})
				continue
			}
			if s.Kind == Message && w.messages != nil {
				if t == nil || t.Done == nil {
					if sent, by, at, send := w.messages.State(run.Crisis, s.Scenario, s.Message); sent {
						due = append(due, deed{run: run.ID, step: s.ID, what: ActSent, by: by, at: at, send: send})
					}
				}
				continue
			}
			if s.Kind != Automatic {
				continue
			}
			if status, _ := run.status(s, now); status != Ready {
				continue
			}
			switch {
			case s.Call != nil && !s.Call.ByHand && (t == nil || t.Call == nil):
				due = append(due, deed{run: run.ID, step: s.ID, what: ActCalling})
			case s.Signal != nil:
				value, met := w.met(run, s.Signal)
				if !met {
					continue
				}
				key := [2]string{run.ID, s.ID}
				begun, held := w.since[key]
				if !held {
					begun = now
				}
				since[key] = begun
				if now.Sub(begun) >= s.Signal.For {
					due = append(due, deed{run: run.ID, step: s.ID, what: ActSignal, value: value})
				}
			}
		}
	}
	w.since = since
	return due
}

// met tells whether a signal is as a step wants it. What is not known never is.
func (w *watch) met(run *Run, s *Signal) (float64, bool) {
	r, known := run.signal(w.signals, s)
	return r.Value, known && s.Met(r.Value)
}

// Met tells whether a value is what is waited for.
func (s *Signal) Met(value float64) bool {
	return s.Above != nil && value > *s.Above || s.Below != nil && value < *s.Below
}

// signal is what the board shows of a step's signal; false: it is not known, or one of its labels is not.
func (r *Run) signal(signals Signals, s *Signal) (Reading, bool) {
	if signals == nil {
		return Reading{}, false
	}
	labels := make(map[string]string, len(s.Where))
	for name, value := range s.Where {
		filled, missing := r.fill(value, asIs)
		if len(missing) > 0 {
			return Reading{}, false
		}
		labels[name] = filled
	}
	return signals.Value(s.Name, labels, s.Above, s.Below)
}

// Signal is what the board shows now of what a step waits for; false: it waits for none, or it is not known.
func (r *Room) Signal(run *Run, step string) (Reading, bool) {
	if s := run.Runbook.Step(step); s != nil && s.Signal != nil {
		return run.signal(r.cfg.Signals, s.Signal)
	}
	return Reading{}, false
}

// carryOut does what is due.
func (r *Room) carryOut(ctx context.Context, d deed) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	switch d.what {
	case ActCalling:
		_, err := r.call(ctx, vigie, d.run, d.step)
		return err
	case ActCallUnknown:
		_, err := r.edit(ctx, vigie, d.run, func(run *Run, now time.Time) (*Act, error) {
			c := run.tick(d.step).Call
			if c == nil || c.State != Calling || now.Sub(c.At) <= callFor {
				return nil, nil
			}
			c.State = CallUnknown
			return &Act{What: ActCallUnknown, Step: d.step}, nil
		})
		return err
	case ActSent: // it was sent, whatever was to come before
		_, err := r.edit(ctx, d.by, d.run, func(run *Run, now time.Time) (*Act, error) {
			s, t := run.Runbook.Step(d.step), run.tick(d.step)
			if s == nil || t.Done != nil {
				return nil, nil
			}
			at := now
			if !d.at.IsZero() {
				at = d.at.UTC().Round(0)
			}
			t.Skipped, t.Done = nil, &Mark{At: at, By: d.by, Send: d.send}
			return &Act{What: ActSent, Step: d.step, Args: map[string]string{"send": d.send, "late": r.late(run, s, at)}}, nil
		})
		return err
	}
	_, err := r.edit(ctx, vigie, d.run, func(run *Run, now time.Time) (*Act, error) {
		s, err := run.doable(d.step, now)
		if err != nil {
			return nil, err
		}
		value := strconv.FormatFloat(d.value, 'g', 6, 64)
		run.tick(d.step).Done = &Mark{At: now, Note: value}
		return &Act{What: ActSignal, Step: d.step, Args: map[string]string{"value": value, "signal": s.Signal.Name, "late": r.late(run, s, now)}}, nil
	})
	return err
}

// repair writes the acts that timelines do not have: their process died, or the bus was away.
func (r *Room) repair(ctx context.Context) {
	if !r.cfg.Crises.Loaded() {
		return
	}
	for _, run := range r.All() {
		if !run.Open() && time.Since(run.Ended) > repairFor {
			continue
		}
		for n, a := range run.Acts {
			if time.Since(a.At) < repairAt || r.cfg.Crises.Has(run.lineID(n)) {
				continue
			}
			err := r.cfg.Crises.Write(ctx, run.line(n))
			if errors.Is(err, crisis.ErrFull) || errors.Is(err, crisis.ErrNotFound) { // there is nowhere to write it
				break
			}
			if err != nil {
				r.cfg.Log.Warn("runbooks: write the timeline again", "run", run.ID, "error", err)
				return
			}
		}
	}
}
