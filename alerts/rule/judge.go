package rule

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"
)

// After these seconds in which nothing can be said, an alert that waits is forgotten, and one that fires ends.
const (
	forgetAfter = 30 * 60
	giveUpAfter = 6 * 60 * 60
)

// judge says what one second makes of a rule's alert.
func (e *Evaluator) judge(w *watch, i int, second int64, f *facts) {
	c, r := &w.cells[i], w.rule
	if why := w.blind(f); why != "" {
		if c.blind = why; c.state != nil {
			e.blind(c.state, why, second, f)
		}
		return
	}
	c.blind = ""
	holds := r.when.holds(f)
	st := c.state
	if st == nil {
		if !holds {
			return
		}
		if st = e.begin(w, i); st == nil {
			return
		}
	}
	e.resume(st, second)
	st.Why, st.Reason = "", ""
	if stood := second - unix(st.Judged) - e.stride; !st.Judged.IsZero() && stood > 0 {
		st.wait(stood)
	}
	st.Judged = at(second)
	st.Held = st.Held<<1 | truthBit(holds)
	st.show(f)
	if st.Active() {
		e.lasts(st, second, holds, f)
	} else {
		e.runs(st, second, holds)
		if holds && st.Run >= w.window {
			e.fire(st, second)
			st.Severity = r.Severity.of(f)
		}
	}
	e.remember(st, second)
}

// blind is why nothing can be said; "": it can.
func (w *watch) blind(f *facts) Reason {
	if !w.view.data(f) {
		return ReasonNoData
	}
	if w.view.sampled && f.number[ofSample] < w.least {
		return ReasonSample
	}
	return (w.rule.when.needs & f.unknown).first()
}

func truthBit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// begin makes the alert of a cell that has none; nil: another series has its key.
func (e *Evaluator) begin(w *watch, i int) *state {
	c, v := &w.cells[i], w.view
	st := &state{watch: w, index: i}
	st.Key = keyOf(w.rule.ID, v.values[i])
	if e.alerts[st.Key] != nil {
		return nil
	}
	st.Rule, st.Group, st.Weak, st.Monitor = w.rule.ID, w.group.ID, w.joint != nil, w.monitor
	st.Labels = labelled(w.labels, v.dims(), v.values[i])
	st.Status, st.At, st.Heard = OK, at(max(v.done[i], c.from)), at(v.heard[i])
	c.state = st
	e.alerts[st.Key] = &st.Alert
	return st
}

// show keeps what the second showed.
func (st *state) show(f *facts) {
	known := func(n number) (float64, bool) {
		if f.unknown.has(n) {
			return 0, false
		}
		return f.number[n], true
	}
	st.Value, st.Known = known(ofValue)
	st.Usual, st.UsualKnown = known(ofUsual)
	st.Sample, _ = known(ofSample)
	st.Z, _ = known(ofZ)
	if st.Active() && st.Known && math.Abs(st.Value-st.Usual) > math.Abs(st.Worst-st.Usual) {
		st.Worst = st.Value
	}
}

// runs follows the seconds in which the condition holds, until they are enough: a run may miss some of them.
func (e *Evaluator) runs(st *state, second int64, holds bool) {
	switch {
	case st.Run > 0:
		st.Run += e.stride
		if !holds {
			st.Missed += e.stride
		}
		if st.Missed > st.watch.missed {
			st.shrink(second, e.stride)
		}
	case holds:
		st.Run, st.Missed, st.Held, st.Begun = e.stride, 0, 1, at(second-e.stride)
	}
	if st.Run > 0 {
		e.become(st, Pending, second)
	} else {
		e.become(st, OK, second)
	}
}

// shrink lets a run that missed too much begin later, where what is left of it did not: in the last 64 seconds,
// for what was before is not kept.
func (st *state) shrink(second, stride int64) {
	allowed := st.watch.missed / stride
	longest, missed := int64(0), int64(0)
	for i := range min(64, st.Run/stride-1) {
		if st.Held>>i&1 == 0 {
			if missed++; missed > allowed {
				break
			}
		} else {
			longest = i + 1
		}
	}
	st.Run = longest * stride
	st.Missed = (longest - int64(bits.OnesCount64(st.Held&(1<<longest-1)))) * stride
	if st.Begun = (time.Time{}); longest > 0 {
		st.Begun = at(second - st.Run)
	}
}

// lasts says whether an alert that fires goes on.
func (e *Evaluator) lasts(st *state, second int64, holds bool, f *facts) {
	if severity := st.watch.rule.Severity.of(f); holds && severity.Rank() > st.Severity.Rank() {
		e.touch(st)
		st.Severity = severity
	}
	recovered, known := st.watch.recovered(holds, f)
	switch {
	case !known:
		st.wait(e.stride)
	case !recovered:
		st.Calm = time.Time{}
	default:
		if st.Calm.IsZero() {
			st.Calm = at(second - e.stride)
		}
		if second-st.Calm.Unix() >= st.watch.keep {
			e.end(st, second)
		}
	}
}

// recovered tells whether what is wrong has gone, beyond doubt. Where the file says nothing else and the
// condition knows k, it must not hold for seven tenths of that either.
func (w *watch) recovered(holds bool, f *facts) (recovered, known bool) {
	switch c := w.rule.recover; {
	case holds:
		return false, true
	case c != nil && c.needs&f.unknown != 0:
		return false, false
	case c != nil:
		return c.holds(f), true
	case !w.rule.when.uses.has(ofK):
		return true, true
	}
	f.number[ofK] *= 0.7
	still := w.rule.when.holds(f)
	f.number[ofK] = w.setting.K
	return !still, true
}

// wait leaves out seconds of the time since an alert has recovered.
func (st *state) wait(seconds int64) {
	if !st.Calm.IsZero() {
		st.Calm = st.Calm.Add(time.Duration(seconds) * time.Second)
	}
}

// blind is a second of data of which nothing can be said: everything stays, and the clocks stand still.
func (e *Evaluator) blind(st *state, why Reason, second int64, f *facts) {
	e.resume(st, second)
	st.show(f)
	if st.Reason != why {
		switch st.Reason = why; why {
		case ReasonSample:
			st.Why = fmt.Sprintf("fewer %s than %s", st.watch.rule.signal.Sample, Number("en", st.watch.least, ""))
		case ReasonNoData:
			st.Why = "there are no data"
		default:
			st.Why = fmt.Sprintf("the %s is not known", why)
		}
	}
	if st.Judged.IsZero() {
		st.Judged = st.Since
	}
	switch without := second - unix(st.Judged); {
	case st.Active() && without >= giveUpAfter:
		st.Why, st.Reason = "given up: it could not be judged for 6 h", ReasonGivenUp
		e.end(st, second)
	case st.Status == Pending && without >= forgetAfter:
		e.touch(st)
		st.clear()
		e.become(st, OK, second)
	}
	e.remember(st, second)
}

// resume goes on after a time without data, or with an error.
func (e *Evaluator) resume(st *state, second int64) {
	if st.Gone.IsZero() && st.Status != Error {
		return
	}
	st.Gone, st.Why, st.Reason = time.Time{}, "", ""
	switch {
	case st.Active():
		e.become(st, Firing, second)
	case st.Run > 0:
		e.become(st, Pending, second)
	default:
		e.become(st, OK, second)
	}
}

// remember moves an alert on to a second, and lets go of one that has been OK for long.
func (e *Evaluator) remember(st *state, second int64) {
	w := st.watch
	st.At, st.Heard, st.Seen = at(second), at(w.view.heard[st.index]), e.moment.Now
	if st.Status == OK && st.At.Sub(st.Since) >= Remembered {
		e.forget(st)
		w.cells[st.index] = cell{blind: w.cells[st.index].blind, from: w.cells[st.index].from}
	}
}

func (e *Evaluator) forget(st *state) { delete(e.alerts, st.Key) }

// become changes the status, if it is another.
func (e *Evaluator) become(st *state, status Status, second int64) {
	if st.Status != status {
		e.touch(st)
		st.Status, st.Since = status, at(second)
	}
}

func (e *Evaluator) fire(st *state, second int64) {
	e.touch(st)
	e.become(st, Firing, second)
	st.Fired, st.Worst, st.Calm = at(second), st.Value, time.Time{}
	if st.Begun.IsZero() {
		st.Begun = st.Fired
	}
	e.tell(st, second, true)
}

// end is the end of an alert that fired; of one that did not, it is OK.
func (e *Evaluator) end(st *state, second int64) {
	e.touch(st)
	if st.Active() {
		st.spans = append(slices.Clip(st.spans), Span{Fired: st.Fired, Ended: at(second), Severity: st.Severity})
		e.tell(st, second, false)
	}
	st.clear()
	e.become(st, OK, second)
}

// clear forgets everything of the seconds before.
func (st *state) clear() {
	st.Fired, st.Severity, st.Worst = time.Time{}, "", 0
	st.Held, st.Run, st.Missed = 0, 0, 0
	st.Begun, st.Calm, st.Gone = time.Time{}, time.Time{}, time.Time{}
}
