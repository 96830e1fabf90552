package tape

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"vigie/alerts/rule"
	"vigie/alerts/signal"
	"vigie/internal/match"
)

// An earlier match is read from an hour before its kick-off on, by ten seconds, a stretch at a time.
const (
	nightBefore = time.Hour
	nightTime   = 4 * time.Hour
	nightRetry  = 20 * time.Second
)

// night is the earlier match that the one of now is held against, as far as it is read.
type night struct {
	match    *match.Match
	timeline []match.Mark
	align    match.Phase
	from, to int64 // slots
	st       *store
	reader   *reader
	tried    time.Time
}

// mentions tells whether a rule asks for the earlier match.
func mentions(r *rule.Rule) bool {
	if r.Against == rule.AgainstEarlier || strings.Contains(r.When+r.Recover, "earlier") {
		return true
	}
	for _, s := range r.Severity {
		if strings.Contains(s.When, "earlier") {
			return true
		}
	}
	return false
}

// compared is which earlier match it is, made anew when it is another.
func (t *Tape) compared(r *reader) {
	book := t.cfg.Matches
	if len(t.mentioned) == 0 || r.clock.match == nil {
		t.night = nil
		return
	}
	id, by := book.Compared(r.clock.match.ID)
	earlier := book.Find(id)
	if earlier == nil || earlier == r.clock.match {
		t.night = nil
		return
	}
	if n := t.night; n != nil && n.match == earlier {
		n.timeline, n.align = book.Timeline(id), by
		return
	}
	n := &night{match: earlier, timeline: book.Timeline(id), align: by, from: slotOf(earlier.KickOff.Add(-nightBefore).Unix())}
	n.to = n.from + int64(nightTime/time.Second)/slotSeconds
	n.st = newStore(t.live.st.names, t.cfg.Log, int(n.to-n.from)+8, false)
	n.reader = newReader(n.st, &t.cfg)
	n.reader.own, n.reader.grow = true, true
	end := edge{at: n.to * slotSeconds}
	n.reader.edges = edges{now: end.at, logs: end, tools: end, services: end, sources: end}
	for _, v := range t.mentioned {
		n.reader.find(v)
	}
	n.reader.grow = false
	for _, f := range n.st.ordered {
		if len(f.groupings) == 0 {
			continue
		}
		f.head = n.to * slotSeconds
		for s := n.from; s < n.to; s++ {
			f.unread[s] = true
		}
	}
	t.night = n
}

// earlierTouched marks what of it is to be read again: somebody imports it.
func (t *Tape) earlierTouched(from, to time.Time) {
	n := t.night
	if n == nil || to.Unix() < n.from*slotSeconds || from.Unix() >= n.to*slotSeconds {
		return
	}
	for _, f := range n.st.ordered {
		if len(f.groupings) > 0 {
			for s := max(n.from, slotOf(from.Unix())); s <= min(n.to-1, slotOf(to.Unix())+2); s++ {
				f.unread[s] = true
			}
		}
	}
}

// fillEarlier reads a stretch of the earlier match.
func (t *Tape) fillEarlier(ctx context.Context) error {
	t.compared(t.live)
	n := t.night
	if n == nil || time.Since(n.tried) < nightRetry {
		return nil
	}
	var wg sync.WaitGroup
	var folds [8]func()
	var errs [8]error
	for i, f := range n.st.ordered {
		from, to, ok := f.latest(f.stretch*2, n.from, n.to, false)
		if !ok || len(f.groupings) == 0 || f.name == signal.Sources {
			continue
		}
		wg.Go(func() { folds[i], errs[i] = t.readStretch(ctx, n.st, f, from, to) })
	}
	wg.Wait()
	for _, fold := range folds {
		if fold != nil {
			fold()
		}
	}
	n.reader.gen++
	err := errors.Join(errs[:]...)
	if err != nil {
		n.tried = time.Now()
	}
	return err
}

// older is the group of the earlier match that a view's is held against; -1: there is none.
func (r *reader) older(w *view, group int) (*view, int) {
	if r.tape == nil || r.tape.night == nil || r.clock.match == nil {
		return nil, -1
	}
	n := r.tape.night
	if w.olderN != n {
		plain := w.View
		plain.Against = rule.AgainstUsual
		w.olderN, w.older, w.match = n, n.reader.find(plain), nil
		if w.older == nil {
			w.older = n.reader.find(w.View)
		}
	}
	if w.older == nil {
		return nil, -1
	}
	for len(w.match) <= group {
		w.match = append(w.match, -1)
	}
	if w.match[group] < 0 {
		w.match[group] = w.older.of.index(w.of.values(group))
	}
	return w.older, w.match[group]
}

// aligned is the moment of the earlier match that one of now is held against; 0: there is none.
func (r *reader) aligned(second int64) int64 {
	n := r.tape.night
	t, ok := match.Align(time.Unix(second, 0), r.clock.timeline, n.timeline, n.align)
	if !ok {
		return 0
	}
	return t.Unix()
}

// earlier is what a group showed at the same moment of the earlier match.
func (r *reader) earlier(w *view, group int, at int64) float64 {
	older, i := r.older(w, group)
	if i < 0 {
		return nan
	}
	then := r.aligned(at)
	if then == 0 {
		return nan
	}
	v, _ := older.of.window(i, then-w.over, then, then)
	return v
}

// earlierSlot is the same of ten seconds.
func (r *reader) earlierSlot(w *view, group int, slot int64) float64 {
	older, i := r.older(w, group)
	if i < 0 {
		return nan
	}
	then := r.aligned(slot * slotSeconds)
	if then == 0 {
		return nan
	}
	return older.of.slot(i, slotOf(then+slotSeconds/2), then)
}
