package rule

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// LookBack is how far back seconds are judged that were not, by the data's time: what came later than that, or
// was missed for longer while nobody judged, is history.
const LookBack = 2 * time.Minute

const lookBack = int64(LookBack / time.Second)

// Evaluator judges rules, second by second of their data. It has no clock and asks nobody: the same calls
// give the same answers. It is for one goroutine.
type Evaluator struct {
	groups []*Group
	log    *slog.Logger
	stride int64 // seconds from one judgement to the next

	views  []*view
	joints []*joint
	alerts map[string]*Alert
	judges map[string]*watch // by rule
	strays []*state          // of rules that there are not any more

	// Of one Step.
	moment  Moment
	now     int64
	touched []*state
	events  []event
	shared  facts // of what all rules of a view read alike
	own     facts
	reading Reading
}

// Dials are where the sensitivity of groups of rules stands, 1 to 10, by their ids; of one that is
// missing it is as its file says.
type Dials map[string]int

// view is what rules read that read the same.
type view struct {
	View
	over    int64 // seconds
	limit   int64 // without data for longer than these seconds: none come
	sampled bool  // the signal counts a sample, without which there are no data
	watches []*watch
	values  [][]string // of each series
	done    []int64    // the second before which each was judged
	heard   []int64    // the last judged one whose stretch had data
	told    bool       // that it has too many series
}

// watch is a rule that is judged.
type watch struct {
	group   *Group
	rule    *Rule
	view    *view
	joint   *joint // what it is a weak signal of; nil: none
	monitor bool
	labels  map[string]string
	keep    int64

	// By the dial.
	setting        Setting
	window, missed int64
	least          float64 // sample

	cells []cell            // by the index of the view's series
	loose map[string]*state // of series that the data do not know, or not yet
}

// cell is a rule's judgement of one series.
type cell struct {
	state *state // nil: OK, and nothing to remember
	from  int64  // it is judged after this second alone: what it was restored with
	blind Reason // why it could not be judged last; "": it could
}

// state is an alert with what is to be told of it at the end of a Step.
type state struct {
	Alert
	watch   *watch // nil: of several, or of none
	index   int    // of the series
	touched bool
	was     Alert // before this Step
	spans   []Span
}

// NewEvaluator judges checked groups.
func NewEvaluator(groups []*Group, log *slog.Logger) *Evaluator {
	e := &Evaluator{groups: groups, log: log, stride: 1, alerts: map[string]*Alert{}, judges: map[string]*watch{}}
	if log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	views := map[View]*view{}
	for _, g := range groups {
		if !g.checked {
			e.log.Error("rules were not checked and are not judged", "group", g.ID)
			continue
		}
		if g.Mode == Off {
			continue
		}
		var j *joint
		if g.Together != nil {
			j = newJoint(g)
		}
		for _, r := range g.Rules {
			if r.Mode == Off {
				continue
			}
			at := r.View()
			v := views[at]
			if v == nil {
				over := r.Over.seconds()
				v = &view{View: at, over: over, limit: max(60, 2*over), sampled: r.signal.Sample != ""}
				views[at] = v
				e.views = append(e.views, v)
			}
			w := &watch{group: g, rule: r, view: v, keep: r.Keep.seconds(), monitor: g.Mode == Monitor || r.Mode == Monitor, labels: map[string]string{}, loose: map[string]*state{}}
			maps.Copy(w.labels, g.Labels)
			maps.Copy(w.labels, r.Labels)
			if r.Family != "" {
				w.joint = j
				j.watches = append(j.watches, w)
			}
			v.watches = append(v.watches, w)
			e.judges[r.ID] = w
		}
		if j != nil && len(j.watches) > 0 {
			e.joints = append(e.joints, j)
		}
	}
	return e
}

// Restore goes on from what was judged before, by this process or another. Alerts of rules that there
// are not any more come out of the next Step as ended.
func (e *Evaluator) Restore(alerts []Alert) {
	e.alerts, e.strays = map[string]*Alert{}, nil
	for _, v := range e.views {
		v.values, v.done, v.heard = nil, nil, nil
		for _, w := range v.watches {
			w.cells, w.loose = nil, map[string]*state{}
		}
	}
	for _, j := range e.joints {
		j.active, j.states = map[*state]int64{}, map[string]*state{}
	}
	for _, a := range alerts {
		st := &state{Alert: a}
		st.Labels, st.Parts, st.Counted = maps.Clone(a.Labels), slices.Clone(a.Parts), maps.Clone(a.Counted)
		if e.alerts[a.Key] != nil || !e.place(st) {
			st.Key = a.Key
			e.strays = append(e.strays, st)
			continue
		}
		e.alerts[a.Key] = &st.Alert
	}
}

// place finds out whose a restored alert is; false: nobody's any more.
func (e *Evaluator) place(st *state) bool {
	if w := e.judges[st.Rule]; w != nil {
		values := valuesOf(st.Labels, w.view.dims())
		if st.Key != keyOf(w.rule.ID, values) {
			return false // the rule is divided by something else now
		}
		st.watch, st.Group, st.Monitor, st.Weak = w, w.group.ID, w.monitor, w.joint != nil
		st.Labels = labelled(w.labels, w.view.dims(), values)
		w.loose[st.Key] = st
		if w.joint != nil && st.Active() {
			w.joint.active[st] = st.Fired.Unix()
		}
		return true
	}
	for _, j := range e.joints {
		if j.of.ID == st.Rule {
			if st.Key != keyOf(j.of.ID, j.project(st.Labels)) {
				return false
			}
			st.Group, st.Monitor = j.group.ID, j.group.Mode == Monitor
			j.states[st.Key] = st
			return true
		}
	}
	return false
}

// dims are the names of the dimensions, sorted.
func (v *View) dims() []string {
	if v.By == "" {
		return nil
	}
	return strings.Split(v.By, ",")
}

func valuesOf(labels map[string]string, dims []string) []string {
	values := make([]string, len(dims))
	for i, dim := range dims {
		values[i] = labels[dim]
	}
	return values
}

// labelled are a file's labels with the values of dimensions that there are; nil for none.
func labelled(labels map[string]string, dims, values []string) map[string]string {
	all := make(map[string]string, len(labels)+len(dims))
	maps.Copy(all, labels)
	for i, dim := range dims {
		if i < len(values) && values[i] != "" {
			all[dim] = values[i]
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// Step judges every second of data that is complete and was not judged yet, and tells what became
// another: each alert at most once, as it is after the last of these seconds, in the order of their keys.
// Whatever was fed late, or in lumps, each second is judged once and in order. m and dials count for all of them.
func (e *Evaluator) Step(m Moment, d Data, dials Dials) []Change {
	e.moment, e.now = m, m.Now.Unix()
	e.shared.at(&m)
	e.own.at(&m)
	for _, v := range e.views {
		for _, w := range v.watches {
			w.turn(dials)
		}
	}
	for _, v := range e.views {
		series := d.Series(v.View)
		if len(series) > MaxGroups {
			if !v.told {
				e.log.Warn("a view has too many groups: those beyond are not judged", "signal", v.Signal, "by", v.By, "groups", len(series), "judged", MaxGroups)
				v.told = true
			}
			series = series[:MaxGroups]
		}
		v.follow(series)
		for i := range series {
			e.series(d, v, i, &series[i])
		}
		e.unseen(v)
	}
	for _, st := range e.strays {
		e.touch(st)
		st.Why, st.Reason = "its rule is not judged any more", ReasonRemoved
		e.end(st, max(st.At.Unix(), st.Since.Unix()))
	}
	e.strays = nil
	for _, j := range e.joints {
		j.step(e)
	}
	clear(e.events)
	e.events = e.events[:0]
	return e.changes()
}

// Alerts are those that are not OK, and those that were until lately (see Remembered), by key. They are the
// Evaluator's own until the next Step.
func (e *Evaluator) Alerts() map[string]*Alert { return e.alerts }

// Unjudged is a rule of which some groups could not be judged last.
type Unjudged struct {
	Rule   string
	Groups int
	Of     int
	Why    Reason // of the first of them
}

// Unjudged tells of which rules nothing can be said, or not of all groups, in the order of the files: an alert
// that is OK and cannot be judged is not among Alerts.
func (e *Evaluator) Unjudged() []Unjudged {
	var all []Unjudged
	for _, g := range e.groups {
		for _, r := range g.Rules {
			w := e.judges[r.ID]
			if w == nil {
				continue
			}
			u := Unjudged{Rule: r.ID, Of: len(w.cells)}
			for i := range w.cells {
				if why := w.cells[i].blind; why != "" {
					if u.Groups == 0 {
						u.Why = why
					}
					u.Groups++
				}
			}
			if u.Groups > 0 {
				all = append(all, u)
			}
		}
	}
	return all
}

// turn takes the dial as it stands.
func (w *watch) turn(dials Dials) {
	at := dials[w.group.ID]
	if at == 0 {
		at = w.group.Sensitivity
	}
	if w.setting.Dial == at {
		return
	}
	w.setting = SettingAt(at)
	w.window, w.missed = w.setting.Window(w.rule.For)
	w.least = w.rule.MinSample * w.setting.Floor
}

// follow keeps the cells beside the series. Should the data be others than before, all states are found again by
// their keys.
func (v *view) follow(series []Series) {
	for i, values := range v.values {
		if i < len(series) && slices.Equal(values, series[i].Values) {
			continue
		}
		for _, w := range v.watches {
			for _, c := range w.cells {
				if c.state != nil {
					w.loose[c.state.Key] = c.state
				}
			}
			w.cells = w.cells[:0]
		}
		v.values, v.done, v.heard = v.values[:0], v.done[:0], v.heard[:0]
		break
	}
	for i := len(v.values); i < len(series); i++ {
		done, heard := int64(0), int64(0)
		for _, w := range v.watches {
			c := cell{}
			if len(w.loose) > 0 {
				key := keyOf(w.rule.ID, series[i].Values)
				if st := w.loose[key]; st != nil {
					delete(w.loose, key)
					st.index = i
					c.state, c.from = st, unix(st.At)
					heard = max(heard, unix(st.Heard))
				}
			}
			if len(w.cells) == 0 || c.from < done {
				done = c.from
			}
			w.cells = append(w.cells, c)
		}
		v.values, v.done, v.heard = append(v.values, series[i].Values), append(v.done, done), append(v.heard, heard)
	}
}

// unix is a moment's second; 0 for none.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// at is the reverse.
func at(second int64) time.Time {
	if second == 0 {
		return time.Time{}
	}
	return time.Unix(second, 0).UTC()
}

// series judges what is new of one series.
func (e *Evaluator) series(d Data, v *view, i int, s *Series) {
	if s.Error != "" {
		e.unread(v, i, s)
		return
	}
	if s.Complete.IsZero() {
		for _, w := range v.watches {
			if st := w.cells[i].state; st != nil && e.now-unix(st.At) > v.limit {
				e.gone(st, unix(st.At), e.now)
			}
		}
		return
	}
	complete, last := s.Complete.Unix(), unix(s.Last)
	if from := max(v.done[i], complete-lookBack); from < complete {
		second := from + e.stride
		for ; second <= complete; second += e.stride {
			e.second(d, v, i, second, last)
		}
		v.done[i] = second - e.stride
	}
	if s.Silent {
		for _, w := range v.watches {
			e.missing(w, i, complete, e.now, last)
		}
	}
}

// second judges one second of one series by all rules that read it.
func (e *Evaluator) second(d Data, v *view, i int, second, last int64) {
	to := at(second)
	// The last second with data, as it was known then. A stretch of nothing began over before what it ends.
	newest, read := last, false
	if second <= last {
		e.read(d, v, i, to, to, &e.shared)
		if read = true; v.data(&e.shared) {
			newest, v.heard[i] = second, second
		} else if newest = second; v.heard[i] != 0 {
			newest = v.heard[i] + 1 - v.over
		}
	} else if second-last < v.over {
		v.heard[i] = second
	}
	if second-newest > v.limit {
		for _, w := range v.watches {
			if second > w.cells[i].from {
				e.missing(w, i, second, second, newest)
			}
		}
		return
	}
	for _, w := range v.watches {
		c := &w.cells[i]
		if second <= c.from {
			continue
		}
		f := &e.shared
		if st := c.state; st != nil && !st.Begun.IsZero() && st.Begun.Before(to) {
			f = &e.own
			e.read(d, v, i, to, st.Begun, f)
		} else if !read {
			e.read(d, v, i, to, to, f)
			read = true
		}
		f.by(&w.setting, float64(v.over))
		e.judge(w, i, second, f)
	}
}

func (e *Evaluator) read(d Data, v *view, i int, to, base time.Time, f *facts) {
	d.Read(v.View, i, to, base, &e.reading)
	f.read(&e.reading)
	f.values = v.values[i]
}

// touch remembers what an alert was before this Step.
func (e *Evaluator) touch(st *state) {
	if !st.touched {
		st.touched, st.was = true, st.Alert
		e.touched = append(e.touched, st)
	}
}

// changes are what became another.
func (e *Evaluator) changes() []Change {
	var all []Change
	for _, st := range e.touched {
		was, now := &st.was, &st.Alert
		if was.Status == "" {
			was.Status = OK
		}
		if was.Status != now.Status || was.Severity != now.Severity || !was.Fired.Equal(now.Fired) || len(st.spans) > 0 {
			copied := st.Alert
			copied.Labels, copied.Parts, copied.Counted = maps.Clone(st.Labels), slices.Clone(st.Parts), maps.Clone(st.Counted)
			all = append(all, Change{Alert: copied, From: was.Status, Ended: len(st.spans) > 0 && !st.Active(), Spans: st.spans})
		}
		st.touched, st.spans = false, nil
	}
	clear(e.touched)
	e.touched = e.touched[:0]
	slices.SortFunc(all, func(a, b Change) int { return cmp.Compare(a.Alert.Key, b.Alert.Key) })
	return all
}
