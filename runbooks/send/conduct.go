package send

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"vigie/internal/bus"
	"vigie/internal/lease"
	"vigie/internal/pause"
	"vigie/internal/provider"
	"vigie/internal/state"
	"vigie/runbooks/channel"
	"vigie/runbooks/message"
)

// baton is held by the worker that conducts: it opens gates, stops what fails, finds what dead workers left, and
// says when a send is over. All of it is compared and set: two that conduct at once do no harm.
type baton struct{ lease.Head }

const batonTime = 5 * time.Second

func (w *Worker) conduct(ctx context.Context) error {
	key := "lead-live"
	if w.cfg.Drill {
		key = "lead-drill"
	}
	for ctx.Err() == nil {
		l := lease.New[baton](w.cfg.Room.cfg.KV, key, w.cfg.Owner, w.cfg.Alone, batonTime, w.cfg.Log)
		if err := l.Acquire(ctx, nil); err != nil {
			return nil
		}
		holding, lost := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer lost()
			if err := l.Renew(holding); err != nil && ctx.Err() == nil {
				w.cfg.Log.Warn("another process conducts sends now", "error", err)
			}
		}()
		beside := make(chan struct{}) // to prepare takes some seconds, in which sends are conducted all the same
		go func() {
			defer close(beside)
			for pause.For(holding, remindEvery) == nil {
				w.remind(holding)
				w.tidy(holding)
				w.cfg.Room.retell(holding, w.cfg.Drill)
				w.cfg.Room.forgetBeats(holding, w.cfg.Drill)
			}
		}()
		for pause.For(holding, 250*time.Millisecond) == nil {
			for _, s := range w.cfg.Room.sends.All() {
				if s.Drill == w.cfg.Drill {
					w.conductOne(holding, s)
				}
			}
		}
		lost()
		<-done
		<-beside
	}
	return nil
}

// conductOne does what is due of a send.
func (w *Worker) conductOne(ctx context.Context, s *Send) {
	r := w.cfg.Room
	if s.Confirmed.IsZero() || !s.Ended.IsZero() {
		return
	}
	l := r.ledger(s.ID)
	if l == nil || !l.heardAll() {
		return
	}
	w.adopt(ctx, s, l)
	var err error
	switch s.State {
	case Confirmed:
		_, err = r.act(ctx, s.ID, Act{What: ActBegin}, []State{Confirmed}, func(s *Send) error {
			now := r.cfg.now()
			s.State = Sending
			for i := range s.Legs { // from when people decided it, however long nobody was there to begin
				s.Legs[i].Until = w.until(s, i)
			}
			w.gates(s, l, now)
			return nil
		})
	case Sending:
		err = w.advance(ctx, s, l)
	case Paused: // nobody went on while it was of use: it is over, and does not outlive its lists
		if w.allLate(s, r.cfg.now()) && !claimed(s, l) {
			err = w.end(ctx, s, l, "")
		}
	case Aborted:
		if s.Aborted == nil || r.cfg.now().Sub(s.Aborted.At) > quiet && !claimed(s, l) {
			err = w.end(ctx, s, l, Aborted)
		}
	}
	var refused NotNow
	if err != nil && !errors.As(err, &refused) && !errors.Is(err, state.ErrUnchanged) && ctx.Err() == nil {
		w.cfg.Log.Warn("a send is not conducted", "send", s.ID, "error", err)
	}
}

// quiet is for how long after an abort, or after it was too late, a worker may still claim that heard of neither; a
// tally that is to last is not made before.
const quiet = freshFor + 2*time.Second

// until is when a leg's message is of no use any more.
func (w *Worker) until(s *Send, leg int) time.Time {
	if until := s.Legs[leg].Until; !until.IsZero() {
		return until
	}
	a, _ := w.cfg.Room.account(s.Legs[leg].Channel, s.Drill)
	return s.Confirmed.Add(a.valid())
}

// late tells whether no worker claims of a leg any more: it is too late.
func (w *Worker) late(s *Send, leg int, now time.Time) bool {
	return now.After(w.until(s, leg).Add(quiet))
}

func (w *Worker) allLate(s *Send, now time.Time) bool {
	for i := range s.Legs {
		if !w.late(s, i, now) {
			return false
		}
	}
	return true
}

func claimed(s *Send, l *ledger) bool {
	for i := range s.Legs {
		if l.count(i).Get(Claimed) > 0 {
			return true
		}
	}
	return false
}

// advance opens gates, pauses, or ends a send that is on its way.
func (w *Worker) advance(ctx context.Context, s *Send, l *ledger) error {
	r, now := w.cfg.Room, w.cfg.Room.cfg.now()
	open := false
	for i := range s.Legs {
		leg, t := &s.Legs[i], l.count(i)
		late := w.late(s, i, now)
		if t.Get(Claimed) > 0 || t.Get(Waiting) > 0 && !late || w.again(s, l, i) && !late {
			open = true
		}
		if text, bad := w.failing(s, l, i); bad {
			_, err := r.act(ctx, s.ID, Act{What: ActPause, Note: leg.Channel + ": " + text}, []State{Sending}, func(s *Send) error {
				s.State, s.Pause = Paused, &Pause{At: now, Why: "failures", Leg: leg.Channel, Text: text}
				return nil
			})
			return err
		}
	}
	if !open {
		return w.end(ctx, s, l, "")
	}
	next := *s
	next.Legs = append([]Leg(nil), s.Legs...)
	if !w.gates(&next, l, now) {
		return nil
	}
	_, err := r.act(ctx, s.ID, Act{What: ActGate, Note: next.stages()}, []State{Sending}, func(s *Send) error {
		if !w.gates(s, l, now) {
			return state.ErrUnchanged
		}
		return nil
	})
	return err
}

func (s *Send) stages() (out string) {
	for i := range s.Legs {
		if out != "" {
			out += ", "
		}
		out += s.Legs[i].Channel + " " + string(s.Legs[i].Stage) + " " + strconv.Itoa(s.Legs[i].Gate)
	}
	return out
}

// again tells whether a round asks for recipients of a leg who are not Waiting.
func (w *Worker) again(s *Send, l *ledger, leg int) bool {
	if s.Round == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.legs[leg].lines {
		if at.outcome == Refused && int(at.round) < s.Round || at.outcome == Unknown && int(at.round) < s.Again {
			return true
		}
	}
	return false
}

// tolerated is what may fail of a stage before a person is asked.
const tolerated = 0.05

// through tells whether nobody before the gate is open.
func (l *ledger) through(leg, gate int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.legs[leg].lines[:gate] {
		if at.outcome.Open() {
			return false
		}
	}
	return true
}

// failing tells whether too much of a leg fails: of what is behind the gate, and of what ended in the last half
// minute. What a person forgave does not count, nor whom dead workers left. A status page that cannot be told stops
// all that would refer to it.
func (w *Worker) failing(s *Send, l *ledger, leg int) (string, bool) {
	of := &s.Legs[leg]
	since := of.Forgiven.UnixMilli()
	lately := time.Now().Add(-PaceFor).UnixMilli()
	var done, bad, doneLately, badLately int
	l.mu.Lock()
	for _, at := range l.legs[leg].lines[:min(of.Gate, len(l.legs[leg].lines))] {
		if at.outcome.Open() || at.at <= since || at.left && of.Kind.Personal() || at.outcome == Suppressed {
			continue
		}
		failed := at.outcome == Refused || at.outcome == Unknown
		done++
		if failed {
			bad++
		}
		if at.at > lately {
			doneLately++
			if failed {
				badLately++
			}
		}
	}
	l.mu.Unlock()
	switch {
	case !of.Kind.Personal():
		return fmt.Sprintf("%d / %d", bad, done), of.Kind == channel.Status && bad > 0
	case of.Stage != All && bad > 0 && float64(bad) > tolerated*float64(done):
		return fmt.Sprintf("%d / %d", bad, done), true
	case doneLately >= 20 && float64(badLately) > 4*tolerated*float64(doneLately):
		return fmt.Sprintf("%d / %d", badLately, doneLately), true
	}
	return "", false
}

// end closes a send of which nobody is open.
func (w *Worker) end(ctx context.Context, s *Send, l *ledger, as State) error {
	_, err := w.cfg.Room.act(ctx, s.ID, Act{What: ActEnd}, []State{s.State}, func(s *Send) error {
		s.State, s.Ended = Completed, w.cfg.Room.cfg.now()
		for i := range s.Legs {
			t := l.count(i)
			if t.Get(Claimed) > 0 {
				return state.ErrUnchanged
			}
			switch {
			case as == Aborted:
				t.Of[Recalled] += t.Of[Waiting]
			default:
				t.Of[Expired] += t.Of[Waiting]
			}
			t.Of[Waiting] = 0
			if s.Legs[i].Tally = &t; t.Failed() > 0 {
				s.State = Faulty
			}
		}
		if as != "" {
			s.State = as
		}
		return nil
	})
	return err
}

// adopt finds what workers left that are dead: whether the provider took it can be asked of some; of the others
// nobody knows.
func (w *Worker) adopt(ctx context.Context, s *Send, l *ledger) {
	w.adoptOf(ctx, s, l, w.dead)
}

// adoptOwn finds what this very worker claimed and is not calling for: what came of it could not be written down.
func (w *Worker) adoptOwn(ctx context.Context, s *Send, l *ledger) {
	w.adoptOf(ctx, s, l, func(name string) bool { return name == w.cfg.Owner })
}

// dead tells whether another worker certainly calls nobody any more. Who does not hear its own beats in time does not
// hear others' either, and cannot tell.
func (w *Worker) dead(name string) bool {
	return name != w.cfg.Owner && (w.cfg.Alone || w.fresh() && w.cfg.Room.dead(name, w.cfg.DeadAfter))
}

func (w *Worker) adoptOf(ctx context.Context, s *Send, l *ledger, whose func(name string) bool) {
	for leg := range s.Legs {
		for _, i := range l.orphans(leg, whose) {
			if ctx.Err() != nil {
				return
			}
			w.adoptOne(ctx, s, l, leg, i, whose)
		}
	}
}

func (l *ledger) orphans(leg int, whose func(name string) bool) (out []int) {
	l.mu.Lock()
	if l.legs[leg].tally[Claimed] == 0 {
		l.mu.Unlock()
		return nil
	}
	owners := map[uint16]bool{}
	type orphan struct {
		i int
		w uint16
	}
	var all []orphan
	for i, at := range l.legs[leg].lines {
		if at.outcome == Claimed {
			all = append(all, orphan{i, at.worker})
			owners[at.worker] = false
		}
	}
	workers := l.workers
	l.mu.Unlock()
	for id := range owners {
		owners[id] = whose(workers[id])
	}
	for _, o := range all {
		if owners[o.w] {
			out = append(out, o.i)
		}
	}
	return out
}

func (w *Worker) adoptOne(ctx context.Context, s *Send, l *ledger, leg, i int, whose func(name string) bool) {
	e, revision, err := l.read(ctx, leg, i)
	if err != nil || e.Outcome != Claimed.String() || !whose(e.Worker) || e.Worker == w.cfg.Owner && w.flies(flight{s.ID, leg, i}) {
		return
	}
	e.Outcome, e.Reason, e.Text, e.At = Unknown.String(), string(provider.ReasonTimeout), "the process that called ended", time.Now().UnixMilli()
	if finder, ok := w.cfg.Channels[s.Legs[leg].Channel].(channel.Finder); ok {
		c := &carrier{Worker: w, pages: l.legs[leg], l: l, leg: leg, id: s.ID}
		m, to := c.message(s, i)
		asking, cancel := context.WithTimeout(ctx, callTimeout)
		receipt, found, err := finder.Find(asking, to, m)
		cancel()
		switch {
		case err != nil: // asked again a moment later, for as long as it takes
			w.cfg.Log.Warn("ask a provider what it took", "send", s.ID, "channel", s.Legs[leg].Channel, "error", err)
			return
		case found:
			e.Outcome, e.Reason, e.Receipt, e.Text = Accepted.String(), "", provider.Line(receipt.ID, maxWords), provider.Line(receipt.Text, maxWords)
		default:
			e.Outcome, e.Reason, e.Text, e.Tries = Waiting.String(), "", "", max(0, e.Tries-1)
		}
	}
	e.Left = e.Outcome == Unknown.String()
	if _, err := l.write(ctx, leg, i, e, revision); err != nil {
		w.cfg.Log.Warn("a line that a dead process left", "send", s.ID, "error", err)
	}
}

const (
	remindEvery = 5 * time.Second
	remindAgain = 15 * time.Second // what cannot be prepared yet
)

// remind prepares the update that is due soon, so that a person has only to look at it, and to have it confirmed.
func (w *Worker) remind(ctx context.Context) {
	r, now := w.cfg.Room, w.cfg.Room.cfg.now()
	if r.cfg.Prepare.Crises == nil {
		return
	}
	for _, c := range r.cfg.Prepare.Crises() {
		if c.Drill != w.cfg.Drill {
			continue
		}
		for _, d := range r.Due(c, now) {
			if d.Step != message.Update || d.Send != "" || now.Before(d.At.Add(-prepareAhead)) {
				continue
			}
			id := d.id()
			if r.Get(id) != nil { // somebody dropped it
				continue
			}
			w.mu.Lock()
			tried := w.reminded[id]
			due := now.Sub(tried) > remindAgain
			if due {
				w.reminded[id] = now
			}
			w.mu.Unlock()
			if !due {
				continue
			}
			preparing, cancel := context.WithTimeout(ctx, time.Minute)
			_, err := r.prepare(preparing, "", id, Draft{Crisis: c.ID, Scenario: d.Scenario, Step: d.Step})
			cancel()
			if err != nil && !errors.Is(err, bus.ErrConflict) && !errors.Is(err, ErrUnderWay) && ctx.Err() == nil { // the page says that it is due, and what is missing
				w.cfg.Log.Warn("an update that is due cannot be prepared by itself", "crisis", c.ID, "scenario", d.Scenario, "error", err)
			}
		}
	}
}

// id is that of the send which the system prepares: the same in each process, so that it is prepared once, and not
// again when somebody drops it.
func (d Due) id() string {
	return d.At.UTC().Add(-prepareAhead).Format("20060102t150405") + "-" + hashOf([]byte(d.Crisis + "\n" + d.Scenario + "\n" + strconv.Itoa(d.Number)))[:6]
}

// keepSends is how long it is kept what was said, without to whom.
const keepSends = 400 * 24 * time.Hour

// tidy forgets who was told, on the date that their list is forgotten.
func (w *Worker) tidy(ctx context.Context) {
	r, now := w.cfg.Room, w.cfg.Room.cfg.now()
	for _, s := range r.sends.All() {
		over := s.Ended
		if s.State.Open() && s.Confirmed.IsZero() && now.Sub(s.At) > r.cfg.Keep { // nobody ever confirmed it
			over = s.At
		}
		var err error
		switch {
		case s.Drill != w.cfg.Drill || over.IsZero() || now.Sub(over) < r.cfg.Keep:
		case now.Sub(over) > keepSends:
			if err = r.cfg.Bus.DropKV(ctx, bucketOf(s.ID)); err == nil {
				err = r.sends.Delete(ctx, s.ID)
			}
		case !s.Forgotten:
			if err = r.cfg.Bus.DropKV(ctx, bucketOf(s.ID)); err == nil {
				_, err = r.sends.Edit(ctx, s.ID, func(s *Send) error { s.Forgotten = true; return nil })
			}
		}
		if err != nil && ctx.Err() == nil {
			w.cfg.Log.Warn("who was told is not forgotten on its date", "send", s.ID, "error", err)
		}
	}
}
