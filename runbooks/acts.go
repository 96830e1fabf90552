package runbooks

import (
	"context"
	"slices"
	"time"

	"vigie/runbooks/crisis"
)

// tick is what became of a step, to be changed.
func (r *Run) tick(id string) *Tick {
	if r.Steps == nil {
		r.Steps = map[string]*Tick{}
	}
	if r.Steps[id] == nil {
		r.Steps[id] = &Tick{}
	}
	return r.Steps[id]
}

// doable is the step when someone can do it now.
func (r *Run) doable(id string, now time.Time) (*Step, error) {
	s := r.Runbook.Step(id)
	if s == nil {
		return nil, ErrNotFound
	}
	if t := r.Steps[id]; t != nil && t.Done != nil {
		return nil, &DoneError{By: t.Done.By, At: t.Done.At, Choice: t.Choice}
	} else if t != nil && t.Skipped != nil {
		return nil, &DoneError{By: t.Skipped.By, At: t.Skipped.At, Skipped: true}
	}
	switch status, missing := r.status(s, now); status {
	case NotApplicable:
		return nil, ErrApplies
	case Blocked:
		return nil, &BlockedError{Needs: missing}
	case Undecided:
		return nil, &BlockedError{Needs: missing, Undecided: true}
	}
	// A call's state says nothing of what comes before the step.
	if _, undecided := r.applies(s); len(undecided) > 0 {
		return nil, &BlockedError{Needs: undecided, Undecided: true}
	}
	return s, nil
}

// late is by how much something is done after it was due; "": it is not.
func (r *Room) late(run *Run, s *Step, at time.Time) string {
	if due, ok := s.Due.At(run, r.cfg.Clock); ok && at.After(due.Add(time.Second)) {
		return at.Sub(due).Round(time.Second).String()
	}
	return ""
}

// Tick says that a step is done. A DoneError tells who was first, a BlockedError what comes before it. Evidence is what
// the step asks for; a step that Vigie does, or that a message does, is ticked by hand with a word on how it was done. A
// decision is chosen instead: ErrKind.
func (r *Room) Tick(ctx context.Context, by, id, step, evidence string) (*Run, error) {
	evidence, err := crisis.Clean("evidence", evidence, MaxText, false)
	if err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, func(run *Run, now time.Time) (*Act, error) {
		s, err := run.doable(step, now)
		if err != nil {
			return nil, err
		}
		if s.Kind == Decision {
			return nil, ErrKind
		}
		if evidence == "" && (s.Evidence != nil || s.Kind != Manual) {
			return nil, Invalid{Field: "evidence", Reason: "is missing"}
		}
		run.tick(step).Done = &Mark{At: now, By: by, Note: evidence}
		return &Act{What: ActDone, Step: step, Text: evidence, Args: map[string]string{"late": r.late(run, s, now)}}, nil
	})
}

// Choose decides. A DoneError tells who decided, and what.
func (r *Room) Choose(ctx context.Context, by, id, step, choice, evidence string) (*Run, error) {
	evidence, err := crisis.Clean("evidence", evidence, MaxText, false)
	if err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, func(run *Run, now time.Time) (*Act, error) {
		s, err := run.doable(step, now)
		if err != nil {
			return nil, err
		}
		if s.Kind != Decision {
			return nil, ErrKind
		}
		c := s.Choice(choice)
		if c == nil {
			return nil, Invalid{Field: "choice", Reason: "is none of the step's"}
		}
		if evidence == "" && s.Evidence != nil {
			return nil, Invalid{Field: "evidence", Reason: "is missing"}
		}
		t := run.tick(step)
		t.Done, t.Choice = &Mark{At: now, By: by, Note: evidence}, choice
		return &Act{What: ActChosen, Step: step, Text: evidence, Args: map[string]string{
			"choice": choice, "label": run.Fill(c.Label.In(run.Runbook.Languages[0])), "late": r.late(run, s, now),
		}}, nil
	})
}

// Untick takes a step back, done, chosen or skipped: one's own within a minute, else with a reason. One that nobody did
// is no error.
func (r *Room) Untick(ctx context.Context, by, id, step, reason string) (*Run, error) {
	reason, err := crisis.Clean("reason", reason, MaxReason, false)
	if err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, func(run *Run, now time.Time) (*Act, error) {
		if run.Runbook.Step(step) == nil {
			return nil, ErrNotFound
		}
		t := run.Steps[step]
		if t == nil || t.Done == nil && t.Skipped == nil {
			return nil, nil
		}
		m := t.Done
		if m == nil {
			m = t.Skipped
		}
		if reason == "" && (m.By != by || now.Sub(m.At) > undoFor) {
			return nil, Invalid{Field: "reason", Reason: "is missing: without one, what one did oneself is taken back within a minute"}
		}
		t.Done, t.Skipped, t.Choice = nil, nil, ""
		return &Act{What: ActUndone, Step: step, Text: reason, Args: map[string]string{"was": m.By}}, nil
	})
}

// Skip says that a step will not be done, and why. What comes after it need not wait for it any more. It may be skipped
// before its prerequisites are done.
func (r *Room) Skip(ctx context.Context, by, id, step, reason string) (*Run, error) {
	reason, err := crisis.Clean("reason", reason, MaxReason, true)
	if err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, func(run *Run, now time.Time) (*Act, error) {
		_, err := run.doable(step, now)
		if _, blocked := err.(*BlockedError); err != nil && !blocked {
			return nil, err
		}
		run.tick(step).Skipped = &Mark{At: now, By: by, Note: reason}
		return &Act{What: ActSkipped, Step: step, Text: reason}, nil
	})
}

// Comment writes to a step, whatever became of it.
func (r *Room) Comment(ctx context.Context, by, id, step, text string) (*Run, error) {
	text, err := crisis.Clean("text", text, MaxText, true)
	if err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, func(run *Run, now time.Time) (*Act, error) {
		if run.Runbook.Step(step) == nil {
			return nil, ErrNotFound
		}
		t := run.tick(step)
		if len(t.Comments) >= maxComments {
			return nil, ErrFull
		}
		t.Comments = append(t.Comments, Comment{now, by, text})
		return &Act{What: ActComment, Step: step, Text: text}, nil
	})
}

// Take says that one does a step now. Who has it already is no error; who takes another's takes it over.
func (r *Room) Take(ctx context.Context, by, id, step string) (*Run, error) {
	return r.hold(ctx, by, id, step, by, ActTaken)
}

// HandOver gives a step to someone.
func (r *Room) HandOver(ctx context.Context, by, id, step, to string) (*Run, error) {
	if _, err := crisis.Clean("to", to, maxName, true); err != nil {
		return nil, err
	}
	return r.hold(ctx, by, id, step, to, ActStepHanded)
}

func (r *Room) hold(ctx context.Context, by, id, step, to, what string) (*Run, error) {
	return r.edit(ctx, by, id, func(run *Run, now time.Time) (*Act, error) {
		if run.Runbook.Step(step) == nil {
			return nil, ErrNotFound
		}
		t := run.tick(step)
		if t.Done != nil {
			return nil, &DoneError{By: t.Done.By, At: t.Done.At, Choice: t.Choice}
		}
		if t.Holder == to {
			return nil, nil
		}
		from := t.Holder
		t.Holder, t.Held = to, now
		return &Act{What: what, Step: step, Args: map[string]string{"to": to, "from": from}}, nil
	})
}

// HandOverRun gives a run to someone. Who has it already is no error.
func (r *Room) HandOverRun(ctx context.Context, by, id, to string) (*Run, error) {
	if _, err := crisis.Clean("to", to, maxName, true); err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, func(run *Run, _ time.Time) (*Act, error) {
		if run.Lead == to {
			return nil, nil
		}
		from := run.Lead
		run.Lead = to
		return &Act{What: ActHanded, Args: map[string]string{"to": to, "from": from}}, nil
	})
}

// SetLabels says what the {holes} of a run stand for, as that becomes known: a value that is empty takes one back.
func (r *Room) SetLabels(ctx context.Context, by, id string, labels map[string]string) (*Run, error) {
	clean, err := crisis.CleanLabels(labels)
	if err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, func(run *Run, _ time.Time) (*Act, error) {
		args := map[string]string{}
		for _, name := range slices.Sorted(keys(labels)) {
			value := clean[name]
			if run.Labels[name] == value {
				continue
			}
			if run.Labels == nil {
				run.Labels = map[string]string{}
			}
			run.Labels[name] = value
			if value == "" {
				delete(run.Labels, name)
				value = "—"
			}
			if len(args) < 8 {
				args["label_"+name] = value
			}
		}
		if len(run.Labels) > crisis.MaxLabels {
			return nil, ErrFull
		}
		run.call(r.cfg.Names)
		if len(args) == 0 {
			return nil, nil
		}
		return &Act{What: ActLabels, Args: args}, nil
	})
}

// Finish ends a run whose steps are all over. A BlockedError tells which are not: skip them with a reason, or abandon
// the run.
func (r *Room) Finish(ctx context.Context, by, id, note string) (*Run, error) {
	note, err := crisis.Clean("note", note, MaxText, false)
	if err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, func(run *Run, now time.Time) (*Act, error) {
		var open []string
		for i := range run.Runbook.Steps {
			if s := &run.Runbook.Steps[i]; !run.over(s) {
				open = append(open, s.ID)
			}
		}
		if len(open) > 0 {
			return nil, &BlockedError{Needs: open}
		}
		run.Ended, run.EndBy, run.End = now, by, Finished
		return &Act{What: ActFinished, Text: note}, nil
	})
}

// Abandon ends a run wherever it stands, and says why.
func (r *Room) Abandon(ctx context.Context, by, id, reason string) (*Run, error) {
	reason, err := crisis.Clean("reason", reason, MaxReason, true)
	if err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, func(run *Run, now time.Time) (*Act, error) {
		run.Ended, run.EndBy, run.End = now, by, Abandoned
		return &Act{What: ActAbandoned, Text: reason}, nil
	})
}
