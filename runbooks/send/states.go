package send

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/internal/bus"
	"vigie/internal/provider"
	"vigie/runbooks/crisis"
	"vigie/runbooks/message"
)

// Why an act on a send is refused, beside the errors of the bus.
var (
	ErrNotFound  = errors.New("send: not found")
	ErrOver      = errors.New("send: viewers were told that it is over: who is told of it now would not be told of its end")
	ErrForgotten = errors.New("send: who was told is not kept any more")
	ErrChanged   = errors.New("send: what you saw is not what would be sent: look at it again")
)

// NotNow refuses what cannot be done where the send stands.
type NotNow struct{ State State }

func (e NotNow) Error() string { return "send: not possible any more: it is " + string(e.State) }

// SamePerson refuses somebody who had another part in the same message.
type SamePerson struct{ As string } // author, validator, sender; other: it is another one's who prepared it. A key of texts

func (e SamePerson) Error() string { return "send: that takes another person than the " + e.As }

// WrongCount refuses a confirmation whose typed number is not that of the people who would be told.
type WrongCount struct{ Typed, Size int }

func (e WrongCount) Error() string {
	return fmt.Sprintf("send: %d were typed, %d would be told", e.Typed, e.Size)
}

// Refused is what stands against a send, from its preflight.
type Blocked struct{ Findings []Finding }

func (e Blocked) Error() string {
	var all []string
	for _, f := range e.Findings {
		if f.Blocks {
			all = append(all, f.Code)
		}
	}
	return "send: preflight: " + strings.Join(all, ", ")
}

// Acts of Act, and lines of the timeline with "send-" before them.
const (
	ActPrepare = "prepare"
	ActCheck   = "check"
	ActConfirm = "confirm"
	ActBegin   = "begin"
	ActGate    = "gate"
	ActPause   = "pause"
	ActResume  = "resume"
	ActAbort   = "abort"
	ActDrop    = "drop"
	ActRetry   = "retry"
	ActAgain   = "again"
	ActEnd     = "end"
)

const (
	maxHistory = 200
	maxNote    = 500 // characters
)

// act changes a send that is in one of the states, notes who did it and tells the timeline. f may refuse.
func (r *Room) act(ctx context.Context, id string, a Act, from []State, f func(s *Send) error) (*Send, error) {
	if r == nil {
		return nil, ErrNotFound
	}
	if utf8.RuneCountInString(a.Note) > maxNote {
		return nil, fmt.Errorf("send: the note is longer than %d characters", maxNote)
	}
	a.Note, a.At = provider.Line(a.Note, maxNote), r.cfg.now()
	s, err := r.sends.Edit(ctx, id, func(s *Send) error {
		if !slices.Contains(from, s.State) {
			return NotNow{s.State}
		}
		if err := f(s); err != nil {
			return err
		}
		s.note(a)
		return nil
	})
	if errors.Is(err, bus.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	r.tell(ctx, s, a)
	return s, nil
}

func (s *Send) note(a Act) {
	if len(s.History) >= maxHistory { // the newest are what matters; the timeline has all
		s.History = slices.Delete(s.History, 1, 2)
	}
	s.History = append(s.History, a)
}

// tell writes an act into the crisis's timeline, once however often it is told.
func (r *Room) tell(ctx context.Context, s *Send, a Act) {
	if r.cfg.Timeline == nil {
		return
	}
	args := map[string]string{"send": s.ID, "scenario": s.Rendered.Scenario, "step": string(s.Rendered.Step)}
	for name, value := range map[string]string{"note": a.Note, "size": fmt.Sprint(s.People()), "channels": s.channels()} {
		if value != "" && value != "0" {
			args[name] = value
		}
	}
	id := fmt.Sprintf("%s-%s-%d", s.ID, a.What, a.At.UnixMilli())
	line := crisis.Line{At: a.At, Crisis: s.Crisis, What: "send-" + a.What, By: a.By, Args: args, Drill: s.Drill}
	if err := r.cfg.Timeline(context.WithoutCancel(ctx), id, line); err != nil {
		r.cfg.Log.Error("a send's act is not in the timeline yet", "send", s.ID, "act", a.What, "error", err)
		return
	}
	r.mu.Lock()
	r.inLine[id] = true
	r.mu.Unlock()
}

// retellFor is how long after an act its line is looked for.
const retellFor = time.Hour

// retell writes the lines of acts that were decided by a process that died before it could tell them.
func (r *Room) retell(ctx context.Context, drill bool) {
	now := r.cfg.now()
	for _, s := range r.sends.All() {
		if s.Drill != drill {
			continue
		}
		for _, a := range s.History {
			r.mu.Lock()
			is := r.inLine[fmt.Sprintf("%s-%s-%d", s.ID, a.What, a.At.UnixMilli())]
			r.mu.Unlock()
			if !is && now.Sub(a.At) < retellFor && ctx.Err() == nil {
				r.tell(ctx, s, a)
			}
		}
	}
}

// People is how many persons a send goes to; posts are none.
func (s *Send) People() (n int) {
	for i := range s.Legs {
		n += s.Legs[i].List.Size
	}
	return n
}

func (s *Send) channels() string {
	var all []string
	for i := range s.Legs {
		all = append(all, s.Legs[i].Channel)
	}
	return strings.Join(all, ", ")
}

// Size is how many recipients a leg has: people, or posts.
func (l *Leg) Size() int {
	if l.Kind.Personal() {
		return l.List.Size
	}
	return len(l.Posts)
}

// Check is the sender's: it looks at everything once more, and hands the send to a second person when nothing stands
// against it. A send that the system prepared becomes that of who checks it. The findings that do not block are
// returned too.
func (r *Room) Check(ctx context.Context, by, id string) ([]Finding, error) {
	s := r.Get(id)
	if s == nil {
		return nil, ErrNotFound
	}
	found := r.preflight(ctx, s)
	if slices.ContainsFunc(found, func(f Finding) bool { return f.Blocks }) {
		return found, Blocked{found}
	}
	_, err := r.act(ctx, id, Act{By: by, What: ActCheck}, []State{Prepared}, func(s *Send) error {
		if err := s.maySend(by); err != nil {
			return err
		}
		s.By, s.State = by, Checked
		return nil
	})
	return found, err
}

// maySend holds that author, validator and sender are three persons. An exercise is anybody's.
func (s *Send) maySend(by string) error {
	switch {
	case s.Drill:
		return nil
	case by == s.Approved:
		return SamePerson{"validator"}
	case slices.Contains(s.Authors, by):
		return SamePerson{"author"}
	case s.By != "" && s.By != by:
		return SamePerson{"other"}
	}
	return nil
}

// mayConfirm holds that who confirms is none of those three.
func (s *Send) mayConfirm(by string) error {
	switch {
	case s.Drill:
		return nil
	case by == s.By:
		return SamePerson{"sender"}
	case by == s.Approved:
		return SamePerson{"validator"}
	case slices.Contains(s.Authors, by):
		return SamePerson{"author"}
	}
	return nil
}

// Confirm is the second person's, who has seen what digest stands for, and typed how many people will be told.
// From then on it is being sent.
func (r *Room) Confirm(ctx context.Context, by, id, digest string, typed int) error {
	s := r.Get(id)
	if s == nil {
		return ErrNotFound
	}
	if found := r.preflight(ctx, s); slices.ContainsFunc(found, func(f Finding) bool { return f.Blocks }) {
		return Blocked{found}
	}
	_, err := r.act(ctx, id, Act{By: by, What: ActConfirm}, []State{Checked}, func(s *Send) error {
		switch {
		case s.Digest != digest || s.digest() != digest:
			return ErrChanged
		case typed != s.People():
			return WrongCount{typed, s.People()}
		}
		if err := s.mayConfirm(by); err != nil {
			return err
		}
		s.Second, s.Confirmed, s.State = by, r.cfg.now(), Confirmed
		return nil
	})
	return err
}

// Pause makes workers wait after what they are calling for now.
func (r *Room) Pause(ctx context.Context, by, id, note string) error {
	_, err := r.act(ctx, id, Act{By: by, What: ActPause, Note: note}, []State{Confirmed, Sending}, func(s *Send) error {
		s.State, s.Pause = Paused, &Pause{At: r.cfg.now(), By: by, Why: "person", Text: provider.Line(note, maxNote)}
		return nil
	})
	return err
}

// Resume goes on; also with what the system stopped for its failures.
func (r *Room) Resume(ctx context.Context, by, id, note string) error {
	_, err := r.act(ctx, id, Act{By: by, What: ActResume, Note: note}, []State{Paused}, func(s *Send) error {
		if s.Pause != nil && s.Pause.Leg != "" { // who resumes has seen what the gate was closed for
			for i := range s.Legs {
				if s.Legs[i].Channel == s.Pause.Leg {
					s.Legs[i].Forgiven = r.cfg.now()
				}
			}
		}
		if s.State, s.Pause = Sending, nil; s.Legs[0].Until.IsZero() { // it was stopped before anybody began
			s.State = Confirmed
		}
		return nil
	})
	return err
}

// Abort is final: nobody is called for any more within a second. What providers took cannot be recalled: a
// correction can be sent to those who got it. Anybody who may send may abort, the sender too.
func (r *Room) Abort(ctx context.Context, by, id, note string) error {
	_, err := r.act(ctx, id, Act{By: by, What: ActAbort, Note: note}, []State{Confirmed, Sending, Paused}, func(s *Send) error {
		s.State, s.Aborted = Aborted, &Act{At: r.cfg.now(), By: by, What: ActAbort, Note: provider.Line(note, maxNote)}
		return nil
	})
	return err
}

// Drop takes back what nobody has confirmed.
func (r *Room) Drop(ctx context.Context, by, id, note string) error {
	_, err := r.act(ctx, id, Act{By: by, What: ActDrop, Note: note}, []State{Prepared, Checked}, func(s *Send) error {
		s.State, s.Ended = Dropped, r.cfg.now()
		return nil
	})
	return err
}

// Retry tries those again who certainly were not told.
func (r *Room) Retry(ctx context.Context, by, id, note string) error {
	return r.round(ctx, Act{By: by, What: ActRetry, Note: note}, id, func(s *Send) { s.Again = 0 })
}

// RetryUnknown tries those again of whom nobody knows: some may be told twice, which the person who asks for it has
// been shown. typed is how many there are.
func (r *Room) RetryUnknown(ctx context.Context, by, id, note string, typed int) error {
	n := 0
	for i := range r.Progress(id).Legs {
		n += r.Progress(id).Legs[i].Tally.Get(Unknown)
	}
	if typed != n {
		return WrongCount{typed, n}
	}
	return r.round(ctx, Act{By: by, What: ActAgain, Note: note}, id, func(s *Send) { s.Again = s.Round })
}

func (r *Room) round(ctx context.Context, a Act, id string, f func(*Send)) error {
	_, err := r.act(ctx, id, a, []State{Faulty}, func(s *Send) error {
		now := r.cfg.now()
		if s.Rendered.Step == message.Initial && r.over(s) {
			return ErrOver
		}
		s.Round++
		f(s)
		s.State, s.Ended = Sending, time.Time{}
		for i := range s.Legs {
			if l := &s.Legs[i]; !l.Until.IsZero() {
				l.Until = later(l.Until, now.Add(retryFor))
			}
			s.Legs[i].Forgiven = now
		}
		return nil
	})
	return err
}

// over tells whether viewers were told that what a send began is over: who would be told of it now would never be told
// of its end.
func (r *Room) over(s *Send) bool {
	return slices.ContainsFunc(r.Of(s.Crisis), func(o *Send) bool {
		return o.Rendered.Scenario == s.Rendered.Scenario && (o.Rendered.Step == message.Resolved || o.Rendered.Step == message.Cancel) && !o.Confirmed.IsZero() && o.State != Aborted
	})
}

// retryFor is how long those are tried whom a person asked for, at least.
const retryFor = 15 * time.Minute

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
