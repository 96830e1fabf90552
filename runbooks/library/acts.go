package library

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/internal/bus"
	"vigie/internal/state"
	"vigie/runbooks/message"
)

// Submit asks for a review of the content as it is. It refuses what is not complete, and what has errors.
func (l *Library) Submit(ctx context.Context, by, id string, step message.Step) (*Entry, error) {
	return l.act(ctx, by, id, step, func(a *attempt) error {
		switch a.entry.State(step, "", a.now) {
		case InReview:
			return a.refuse(Already, a.life.Review.Mark)
		case Approved, Armed:
			return a.refuse(Already, a.life.Approval.Mark)
		}
		if err := a.sound(); err != nil {
			return err
		}
		a.life.Approval, a.life.Armed = nil, nil // it expired
		a.life.Review = &Review{a.hash, a.mark()}
		return a.did("submitted", "")
	})
}

// Approve is by's word for the content with that hash, which by saw. It refuses whoever wrote any of it, what was
// edited since, and what has errors by now.
func (l *Library) Approve(ctx context.Context, by, id string, step message.Step, hash string) (*Entry, error) {
	e, err := l.act(ctx, by, id, step, func(a *attempt) error {
		switch {
		case a.hash != hash:
			r := a.refused(Changed, a.life.Edited)
			r.Hash = a.hash
			return r
		case a.life.approved(hash, a.now):
			return a.refuse(Already, a.life.Approval.Mark)
		case a.life.Review == nil || a.life.Review.Hash != hash:
			return a.refuse(NotInReview, Mark{})
		case wrote(a.life.Authors, by):
			return a.refuse(OwnWork, a.life.Edited)
		}
		if err := a.sound(); err != nil {
			return err
		}
		a.life.Review, a.life.Armed = nil, nil
		a.life.Approval = &Approval{hash, a.mark(), a.now.Add(l.valid)}
		return a.did("approved", "")
	})
	if err == nil {
		l.remember(ctx, e, step)
	}
	return e, err
}

// remember keeps what was approved, for the next review to show what is different. Where it cannot be kept, that one
// shows the differences to the approval before.
func (l *Library) remember(ctx context.Context, e *Entry, step message.Step) {
	_, _ = l.was.Set(ctx, e.Scenario.ID+"."+string(step), func(s *message.Scenario) error {
		*s = e.Scenario
		s.Messages = map[message.Step]*message.Message{step: e.Scenario.Messages[step]}
		return nil
	})
}

// LastApproved is what a message said when it was approved last; nil: it never was.
func (l *Library) LastApproved(scenario string, step message.Step) *message.Scenario {
	return l.was.Get(scenario + "." + string(step))
}

// Reject takes a message out of review, or takes its approval back, and says why: 1 to 1000 characters.
func (l *Library) Reject(ctx context.Context, by, id string, step message.Step, note string) (*Entry, error) {
	return l.act(ctx, by, id, step, func(a *attempt) error {
		if !noted(&note) {
			return a.refuse(TextSize, Mark{})
		}
		if a.life.Review == nil && a.life.Approval == nil {
			return a.refuse(NotInReview, Mark{})
		}
		a.life.end()
		return a.did("rejected", note)
	})
}

// Comment says something about a message, 1 to 1000 characters.
func (l *Library) Comment(ctx context.Context, by, id string, step message.Step, text string) (*Entry, error) {
	return l.act(ctx, by, id, step, func(a *attempt) error {
		if !noted(&text) {
			return a.refuse(TextSize, Mark{})
		}
		return a.did("comment", text)
	})
}

// noted bounds what is said, and leaves out what nobody sees.
func noted(text *string) bool {
	*text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(*text, "")))
	return *text != "" && utf8.RuneCountInString(*text) <= maxNote
}

// Arm lets the approved content be sent in a match; "": outside of matches.
func (l *Library) Arm(ctx context.Context, by, id string, step message.Step, match string) (*Entry, error) {
	return l.act(ctx, by, id, step, func(a *attempt) error {
		if err := message.ParseID(match); match != "" && err != nil {
			return a.invalid(err)
		}
		if err := a.approved(); err != nil {
			return err
		}
		if armed, ok := a.life.Armed[match]; ok && armed.Hash == a.hash {
			return a.refuse(Already, armed.Mark)
		}
		if err := a.sound(); err != nil {
			return err
		}
		if a.life.Armed == nil {
			a.life.Armed = map[string]Arming{}
		}
		if a.life.Armed[match] = (Arming{a.hash, a.mark()}); len(a.life.Armed) > maxArmed {
			oldest := match
			for m, armed := range a.life.Armed {
				if armed.At.Before(a.life.Armed[oldest].At) {
					oldest = m
				}
			}
			delete(a.life.Armed, oldest)
		}
		return a.did("armed", match)
	})
}

// Disarm takes that back.
func (l *Library) Disarm(ctx context.Context, by, id string, step message.Step, match string) (*Entry, error) {
	return l.act(ctx, by, id, step, func(a *attempt) error {
		if _, ok := a.life.Armed[match]; !ok {
			return a.refuse(NotArmed, Mark{})
		}
		delete(a.life.Armed, match)
		return a.did("disarmed", match)
	})
}

// Retire ends a message's use, and its approval.
func (l *Library) Retire(ctx context.Context, by, id string, step message.Step) (*Entry, error) {
	return l.act(ctx, by, id, step, func(a *attempt) error {
		mark := a.mark()
		a.life.end()
		a.life.Retired = &mark
		return a.did("retired", "")
	})
}

// Revive makes a retired message a draft.
func (l *Library) Revive(ctx context.Context, by, id string, step message.Step) (*Entry, error) {
	return l.edit(ctx, by, id, step, func(a *attempt) error {
		if a.life.Retired == nil {
			return a.refuse(Already, Mark{})
		}
		a.life.Retired = nil
		return a.did("revived", "")
	})
}

// end takes back what was decided of a content.
func (f *Life) end() { f.Review, f.Approval, f.Armed = nil, nil, nil }

// attempt is one try to change a message, on the copy that the bucket holds.
type attempt struct {
	l     *Library
	entry *Entry
	life  *Life
	step  message.Step
	hash  string
	by    string
	now   time.Time
}

func (a *attempt) mark() Mark { return Mark{a.by, a.now} }

func (a *attempt) refused(why Why, of Mark) *Refused {
	return &Refused{Why: why, Scenario: a.entry.Scenario.ID, Step: a.step, By: of.By, At: of.At}
}

func (a *attempt) refuse(why Why, of Mark) error { return a.refused(why, of) }

func (a *attempt) invalid(err error) error {
	r := a.refused(Invalid, Mark{})
	r.Err = err
	return r
}

// did writes the act into the thread.
func (a *attempt) did(what, note string) error {
	a.life.note(Act{a.mark(), what, note})
	return nil
}

// note forgets the oldest acts where there are too many.
func (f *Life) note(act Act) {
	f.Thread = append(f.Thread, act)
	said, from := 0, len(f.Thread)
	for from > 0 && len(f.Thread)-from < maxThread {
		if said += len(f.Thread[from-1].Note); said > maxSaid {
			break
		}
		from--
	}
	f.Thread = f.Thread[from:]
}

// approved refuses what nobody approved as it is, or too long ago.
func (a *attempt) approved() error {
	switch {
	case a.life.Approval == nil || a.life.Approval.Hash != a.hash:
		return a.refuse(NotApproved, Mark{})
	case !a.now.Before(a.life.Approval.Expires):
		return a.refuse(Expired, a.life.Approval.Mark)
	}
	return nil
}

// sound refuses what is not complete, and what has errors.
func (a *attempt) sound() error {
	if err := a.entry.Scenario.CheckStep(a.step); err != nil {
		return a.invalid(err)
	}
	if findings := a.l.Lint(&a.entry.Scenario, a.step); message.Faulty(findings) {
		r := a.refused(Faulty, Mark{})
		r.Findings = findings
		return r
	}
	return nil
}

// wrote tells whether a person is one of the authors.
func wrote(authors []string, by string) bool {
	return slices.ContainsFunc(authors, func(author string) bool { return strings.EqualFold(author, by) })
}

// act is edit of a message that is not retired.
func (l *Library) act(ctx context.Context, by, id string, step message.Step, f func(a *attempt) error) (*Entry, error) {
	return l.edit(ctx, by, id, step, func(a *attempt) error {
		if a.life.Retired != nil {
			return a.refuse(IsRetired, *a.life.Retired)
		}
		return f(a)
	})
}

// edit lets f change a message, and decide again when somebody else was faster.
func (l *Library) edit(ctx context.Context, by, id string, step message.Step, f func(a *attempt) error) (*Entry, error) {
	if strings.TrimSpace(by) == "" {
		return nil, &Refused{Why: Nobody, Scenario: id, Step: step}
	}
	entry, err := l.entries.Edit(ctx, id, func(e *Entry) error {
		a, err := l.attempt(e, by, id, step)
		if err != nil {
			return err
		}
		return f(a)
	})
	return entry, l.failed(err, id, step)
}

func (l *Library) attempt(e *Entry, by, id string, step message.Step) (*attempt, error) {
	e.Scenario.ID = id
	hash := e.Scenario.Hash(step)
	if hash == "" {
		return nil, &Refused{Why: NoMessage, Scenario: id, Step: step}
	}
	if e.Steps == nil {
		e.Steps = map[message.Step]*Life{}
	}
	if e.Steps[step] == nil {
		e.Steps[step] = &Life{}
	}
	return &attempt{l, e, e.Steps[step], step, hash, by, time.Now().UTC()}, nil
}

// failed makes of the bucket's errors what the library promises.
func (l *Library) failed(err error, id string, step message.Step) error {
	if errors.Is(err, bus.ErrNotFound) {
		return &Refused{Why: Unknown, Scenario: id, Step: step}
	}
	return err
}

// unchanged reads what the bucket holds now.
func (l *Library) unchanged(ctx context.Context, id string) (*Entry, error) {
	return l.entries.Edit(ctx, id, func(*Entry) error { return state.ErrUnchanged })
}
