package rule

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// Bounds of what is joined at a time.
const (
	maxJoined = 1000 // combinations of values
	maxParts  = 50   // alerts that are named
)

// joint makes alerts of the weak signals of a group.
type joint struct {
	group   *Group
	of      *Together
	by      []string // sorted
	watches []*watch
	active  map[*state]int64  // weak alerts that fire, since when
	states  map[string]*state // alerts of several, by key
}

// event is that a weak alert begins or ends.
type event struct {
	joint  *joint
	state  *state
	second int64
	on     bool
}

func newJoint(g *Group) *joint {
	return &joint{group: g, of: g.Together, by: slices.Sorted(slices.Values(g.Together.By)), active: map[*state]int64{}, states: map[string]*state{}}
}

// tell lets a weak alert count, or count no more.
func (e *Evaluator) tell(st *state, second int64, on bool) {
	if st.watch != nil && st.watch.joint != nil {
		e.events = append(e.events, event{st.watch.joint, st, second, on})
	}
}

// project are the values of labels that alerts are joined by; "" for one that there is not.
func (j *joint) project(labels map[string]string) []string { return valuesOf(labels, j.by) }

// step goes through what became of weak alerts, in the order of the data's time.
func (j *joint) step(e *Evaluator) {
	var events []event
	for _, ev := range e.events {
		if ev.joint == j {
			events = append(events, ev)
		}
	}
	if len(events) == 0 && len(j.states) == 0 {
		return
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.second, b.second) })
	head, tail := j.reach()
	for len(events) > 0 {
		second := events[0].second
		j.end(e, second)
		for len(events) > 0 && events[0].second == second {
			if events[0].on {
				j.active[events[0].state] = second
			} else {
				delete(j.active, events[0].state)
				j.counted(events[0].state, second)
			}
			events = events[1:]
		}
		j.judge(e)
	}
	j.judge(e)
	j.end(e, tail)
	for _, key := range slices.Sorted(maps.Keys(j.states)) {
		j.show(e, j.states[key], head)
	}
}

// reach is up to which second weak signals are judged: the farthest, and the one that all have reached but those
// that lag more than a minute.
func (j *joint) reach() (head, tail int64) {
	for _, st := range j.states {
		head = max(head, unix(st.At))
	}
	for _, w := range j.watches {
		for _, done := range w.view.done {
			head = max(head, done)
		}
	}
	tail = head
	for _, w := range j.watches {
		for _, done := range w.view.done {
			if done >= head-60 {
				tail = min(tail, done)
			}
		}
	}
	return head, tail
}

// combination is one of values that weak alerts have in common.
type combination struct {
	values []string
	since  [len(families)]int64 // when each family began to fire for these values, or undivided by them; 0: it does not
}

// began is since when enough families have fired at the same time; 0: they do not. It does not depend on whose data
// came first.
func (c *combination) began(j *joint) int64 {
	since := slices.DeleteFunc(slices.Clone(c.since[:]), func(s int64) bool { return s == 0 })
	if len(since) < j.of.Families {
		return 0
	}
	slices.Sort(since)
	return since[j.of.Families-1]
}

func (c *combination) add(since [len(families)]int64) {
	for i, s := range since {
		if s != 0 && (c.since[i] == 0 || s < c.since[i]) {
			c.since[i] = s
		}
	}
}

// counted keeps until when a family did, for each alert that it was a part of.
func (j *joint) counted(part *state, until int64) {
	for _, st := range j.states {
		if !st.Active() || !j.counts(part) || !covers(j.project(part.Labels), j.project(st.Labels)) {
			continue
		}
		if st.Counted == nil {
			st.Counted = map[string]time.Time{}
		}
		if family := part.watch.rule.Family; st.Counted[family].Before(at(until)) {
			st.Counted[family] = at(until)
		}
	}
}

// calm is since when fewer families fire than an alert needs; zero: enough do.
func (j *joint) calm(st *state, now *combination) time.Time {
	if now.began(j) != 0 {
		return time.Time{}
	}
	var until []int64
	for i, family := range families {
		switch last := st.Counted[family]; {
		case now.since[i] != 0:
			until = append(until, math.MaxInt64)
		case !last.IsZero():
			until = append(until, last.Unix())
		}
	}
	slices.Sort(until)
	if n := len(until) - j.of.Families; n >= 0 && until[n] != math.MaxInt64 {
		return at(until[n])
	}
	return st.Fired
}

// covers tells whether what a says is true of b too.
func covers(a, b []string) bool {
	for i := range a {
		if a[i] != "" && a[i] != b[i] {
			return false
		}
	}
	return true
}

// merge is what both say; nil: they contradict each other.
func merge(a, b []string) []string {
	m := slices.Clone(a)
	for i := range b {
		switch {
		case m[i] == "":
			m[i] = b[i]
		case b[i] != "" && b[i] != m[i]:
			return nil
		}
	}
	return m
}

// counts tells whether a weak alert does: one that is tried does not make a page.
func (j *joint) counts(st *state) bool { return !st.Monitor || j.group.Mode == Monitor }

// single are the combinations that weak alerts have by themselves, with their families.
func (j *joint) single() map[string]*combination {
	found := map[string]*combination{}
	for st, since := range j.active {
		if !j.counts(st) {
			continue
		}
		values := j.project(st.Labels)
		key := keyOf("", values)
		if found[key] == nil {
			found[key] = &combination{values: values}
		}
		one := combination{}
		one.since[slices.Index(families[:], st.watch.rule.Family)] = since
		found[key].add(one.since)
	}
	return found
}

// joined is what fires for values.
func joined(single map[string]*combination, values []string) *combination {
	all := &combination{values: values}
	for _, c := range single {
		if covers(c.values, values) {
			all.add(c.since)
		}
	}
	return all
}

// judge says of which combinations enough families fire. Where they do for one, they are not told again for a
// part of it.
func (j *joint) judge(e *Evaluator) {
	single := j.single()
	for _, st := range j.states {
		if st.Active() {
			st.Calm = j.calm(st, joined(single, j.project(st.Labels)))
		}
	}
	if len(single) == 0 {
		return
	}
	all := maps.Clone(single)
	for range j.by {
		before := slices.Sorted(maps.Keys(all))
		for _, a := range before {
			for _, b := range slices.Sorted(maps.Keys(single)) {
				if m := merge(all[a].values, single[b].values); m != nil && len(all) < maxJoined {
					if key := keyOf("", m); all[key] == nil {
						all[key] = &combination{values: m}
					}
				}
			}
		}
		if len(all) == len(before) {
			break
		}
	}
	var enough []*combination
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if c := joined(single, all[key].values); c.began(j) != 0 {
			enough = append(enough, c)
		}
	}
	for _, c := range enough {
		if !slices.ContainsFunc(enough, func(o *combination) bool { return o != c && covers(o.values, c.values) }) {
			j.fire(e, c.values, c.began(j))
		}
	}
}

func (j *joint) fire(e *Evaluator, values []string, second int64) {
	key := keyOf(j.of.ID, values)
	st := j.states[key]
	if st == nil {
		if e.alerts[key] != nil {
			return
		}
		st = &state{}
		st.Key, st.Rule, st.Group, st.Monitor, st.Status = key, j.of.ID, j.group.ID, j.group.Mode == Monitor, OK
		st.Labels = labelled(j.group.Labels, j.by, values)
		j.states[key], e.alerts[key] = st, &st.Alert
	}
	if st.Active() {
		return
	}
	e.fire(st, max(second, unix(st.Since)))
	st.Begun, st.Worst = st.Fired, 0
	j.show(e, st, unix(st.Fired))
}

// end ends what has had too few families for long enough.
func (j *joint) end(e *Evaluator, second int64) {
	for _, key := range slices.Sorted(maps.Keys(j.states)) {
		st := j.states[key]
		if over := unix(st.Calm) + j.of.Keep.seconds(); st.Active() && !st.Calm.IsZero() && second >= over {
			e.end(st, over)
			st.Parts, st.Counted, st.Value, st.Known = nil, nil, 0, false
		}
	}
}

// show keeps the score, the parts and the severity of an alert, and lets go of one that has been OK for long.
func (j *joint) show(e *Evaluator, st *state, second int64) {
	st.At, st.Seen = at(max(second, unix(st.At))), e.moment.Now
	if !st.Active() {
		if st.At.Sub(st.Since) >= Remembered {
			delete(j.states, st.Key)
			e.forget(st)
		}
		return
	}
	values := j.project(st.Labels)
	var strongest [len(families)]float64
	st.Parts = st.Parts[:0]
	for part := range j.active {
		if !j.counts(part) || !covers(j.project(part.Labels), values) {
			continue
		}
		st.Parts = append(st.Parts, part.Key)
		k := part.watch.setting.K
		r := part.watch.rule
		family := &strongest[slices.Index(families[:], r.Family)]
		*family = max(*family, r.Weight*min(max((max(part.Z, -part.Z)-k)/k, 0), 1))
	}
	slices.Sort(st.Parts)
	st.Parts = st.Parts[:min(len(st.Parts), maxParts)]
	st.Value, st.Known = 0, true
	for _, score := range strongest {
		st.Value += score
	}
	st.Worst = max(st.Worst, st.Value)
	f := &e.own
	f.read(&nothing)
	f.number[ofValue], f.unknown = st.Value, f.unknown&^(1<<ofValue)
	setting := j.watches[0].setting
	f.by(&setting, 0)
	f.values = values
	if severity := j.of.Severity.of(f); severity.Rank() > st.Severity.Rank() {
		e.touch(st)
		st.Severity = severity
	}
}
