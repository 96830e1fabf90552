package rule

import (
	"fmt"
	"math"

	"vigie/alerts/notice"
	"vigie/internal/provider"
)

var (
	nan     = math.NaN()
	nothing = Reading{nan, nan, nan, nan, nan, nan, nan}
)

// data tells whether a stretch had any.
func (v *view) data(f *facts) bool {
	if v.sampled {
		return f.number[ofSample] > 0
	}
	return !f.unknown.has(ofValue)
}

// missing is a moment at which nothing comes of a series: since when, counted up to now. newest is its last
// second with data. For an alert that has nothing to lose, that is said for half an hour.
func (e *Evaluator) missing(w *watch, i int, since, now, newest int64) {
	c := &w.cells[i]
	c.blind = ReasonNoData
	if c.state == nil || c.state.Gone.IsZero() && c.state.Status == OK {
		if newest == 0 || now-newest > w.view.limit+forgetAfter || now-since >= forgetAfter {
			if c.state != nil {
				e.remember(c.state, max(unix(c.state.At), since))
			}
			return
		}
		if c.state == nil && e.begin(w, i) == nil {
			return
		}
	}
	st := c.state
	if st.Gone.IsZero() {
		st.Why, st.Reason = fmt.Sprintf("nothing since %s", at(newest).Format("15:04:05 MST")), ReasonNoData
	}
	st.At = at(max(unix(st.At), since))
	st.Heard = at(w.view.heard[i])
	e.gone(st, since, now)
	if st.Status == OK && !st.Active() {
		c.state = nil
		e.forget(st)
	}
}

// gone is an alert without data. What fired before goes on; nothing begins, unless the rule says that no data are
// a reason; and nobody waits for ever.
func (e *Evaluator) gone(st *state, since, now int64) {
	st.Seen = e.moment.Now
	if st.Gone.IsZero() {
		st.Gone = at(since)
		if st.Reason != ReasonNoData {
			st.Why, st.Reason = fmt.Sprintf("nothing since %s", st.At.Format("15:04:05 MST")), ReasonNoData
		}
	}
	began := st.Gone.Unix()
	alert := st.watch.rule.NoData == "alert" && now-began >= st.watch.window
	switch {
	case st.Active() && now-began >= giveUpAfter:
		st.Why, st.Reason = "given up: there were no data for 6 h", ReasonGivenUp
		e.end(st, began+giveUpAfter)
	case !st.Active() && !alert && now-began >= forgetAfter:
		e.touch(st)
		st.clear()
		e.become(st, OK, began+forgetAfter)
	case alert && !st.Active():
		e.fire(st, began+st.watch.window)
		st.Severity = st.watch.rule.Severity.unseen(e, st)
	case alert:
		e.become(st, Firing, began+st.watch.window)
	default:
		e.become(st, NoData, began)
	}
}

// unseen is the severity of what has no data: conditions that need them do not hold.
func (s Severities) unseen(e *Evaluator, st *state) notice.Severity {
	f := &e.own
	f.read(&nothing)
	f.by(&st.watch.setting, float64(st.watch.view.over))
	f.values = valuesOf(st.Labels, st.watch.view.dims())
	return s.of(f)
}

// unseen looks after alerts of series that the data do not know: they have none.
func (e *Evaluator) unseen(v *view) {
	for _, w := range v.watches {
		for key, st := range w.loose {
			if since := unix(st.At); e.now-since > v.limit {
				if e.gone(st, since, e.now); st.Status == OK {
					delete(w.loose, key)
					e.forget(st)
				}
			}
		}
	}
}

// unread is a series that could not be read: its alerts say so, and what fires goes on.
func (e *Evaluator) unread(v *view, i int, s *Series) {
	for _, w := range v.watches {
		c := &w.cells[i]
		c.blind = ReasonRead
		if c.state == nil && e.begin(w, i) == nil {
			continue
		}
		st := c.state
		e.become(st, Error, max(unix(st.At), unix(s.Complete)))
		st.Why, st.Reason, st.Seen = provider.Line(s.Error, 200), ReasonRead, e.moment.Now
	}
}
