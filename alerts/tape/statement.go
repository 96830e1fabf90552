package tape

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/alerts/rule"
	"vigie/internal/ch"
)

// Bounds of a rule's own statement.
const (
	statementEvery = 5 * time.Second
	statementLimit = 2 * time.Second
	statementRows  = 1000
	statementsAt   = 4 // of them are put at a time
)

// statement is a signal that a rule asks for itself, and what was answered lately.
type statement struct {
	rule string
	sql  string // "": it cannot be put, err says why
	by   []string
	over time.Duration

	values [][]string
	index  map[string]int
	runs   []run // by time
	slots  map[int64]run
	put    time.Time
	at     int64
	seen   []int64 // by group: the end of the last stretch that told of it
	silent bool
	err    string
}

// run is one answer: what the stretch before to showed.
type run struct {
	to            int64
	value, sample []float64 // by group; NaN: not told

}

const runsKept = 40

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// statementOf wraps a rule's statement so that it can only read, a bounded number of rows, and the columns have
// the types that are read.
func statementOf(r *rule.Rule, by []string) (*statement, error) {
	own := strings.TrimRight(strings.TrimSpace(r.SQL), "; \t\r\n")
	if own == "" {
		return nil, errors.New("there is no statement")
	}
	var columns strings.Builder
	columns.WriteString("SELECT ifNull(toFloat64(value), nan) AS told_value, ifNull(toFloat64(sample), nan) AS told_sample")
	for _, dim := range by {
		if !identifier.MatchString(dim) {
			return nil, fmt.Errorf("by: %q is not the name of a column", dim)
		}
		fmt.Fprintf(&columns, ", ifNull(toString(`%s`), '')", dim)
	}
	fmt.Fprintf(&columns, " FROM (\n%s\n) LIMIT %d SETTINGS readonly = 1, max_memory_usage = 2000000000", own, statementRows+1)
	return &statement{rule: r.ID, sql: columns.String(), by: by, over: overOf(r), index: map[string]int{}, slots: map[int64]run{}}, nil
}

func overOf(r *rule.Rule) time.Duration {
	if r.Over <= 0 {
		return slotSeconds * time.Second
	}
	return time.Duration(r.Over)
}

// putStatements asks those that are due, few at a time.
func (t *Tape) putStatements(ctx context.Context) error {
	e := &t.live.edges
	to := e.logs.at
	if to == 0 || e.tools.at > 0 && !e.tools.silent && e.tools.at < to {
		to = e.tools.at
	}
	var wg sync.WaitGroup
	turn := make(chan struct{}, statementsAt)
	errs := make([]error, len(t.statements))
	answers := make([][]answer, len(t.statements))
	now := time.Unix(e.now, 0)
	due := make([]bool, len(t.statements))
	for i, s := range t.statements {
		s.silent = e.logs.silent && e.tools.silent
		if due[i] = to > s.at && now.Sub(s.put) >= statementEvery && s.sql != ""; !due[i] {
			continue
		}
		s.put = now
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			answers[i], errs[i] = t.putStatement(ctx, s, to)
		})
	}
	wg.Wait()
	for i, s := range t.statements {
		switch {
		case !due[i]:
		case errs[i] != nil:
			s.err = errText(errs[i])
		default:
			s.err = ""
			s.learn(to, answers[i])
		}
	}
	t.live.gen++
	return errors.Join(errs...)
}

// answer is one row.
type answer struct {
	value, sample float64
	values        []string
}

func (t *Tape) putStatement(ctx context.Context, s *statement, to int64) ([]answer, error) {
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	t.asked.Add(1)
	var params []ch.Param
	if strings.Contains(s.sql, "{from:") || strings.Contains(s.sql, "{to:") {
		params = []ch.Param{ch.P("from", time.Unix(to, 0).Add(-s.over)), ch.P("to", time.Unix(to, 0))}
	}
	rows, err := t.db.Query(ctx, s.sql, params...)
	if err != nil {
		return nil, fmt.Errorf("sql of rule %s: %w", s.rule, err)
	}
	defer rows.Close()
	var out []answer
	for rows.Next() {
		a := answer{values: make([]string, len(s.by))}
		dest := []any{&a.value, &a.sample}
		for i := range a.values {
			dest = append(dest, &a.values[i])
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, fmt.Errorf("sql of rule %s: %w", s.rule, err)
		}
		if out = append(out, a); len(out) > statementRows {
			return nil, fmt.Errorf("sql of rule %s: more than %d rows", s.rule, statementRows)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sql of rule %s: %w", s.rule, err)
	}
	slices.SortFunc(out, func(a, b answer) int { return slices.Compare(a.values, b.values) })
	return out, nil
}

// learn keeps an answer.
func (s *statement) learn(to int64, answers []answer) {
	r := run{to: to}
	for _, a := range answers {
		name := strings.Join(a.values, "\x00")
		i, ok := s.index[name]
		if !ok {
			if len(s.values) >= rule.MaxGroups {
				continue
			}
			i = len(s.values)
			s.index[name] = i
			s.values, s.seen = append(s.values, a.values), append(s.seen, 0)
		}
		for len(r.value) <= i {
			r.value, r.sample = append(r.value, nan), append(r.sample, nan)
		}
		r.value[i], r.sample[i] = a.value, a.sample
		s.seen[i] = to
	}
	s.at = to
	if s.runs = append(s.runs, r); len(s.runs) > runsKept {
		s.runs = slices.Delete(s.runs, 0, 1)
	}
	s.slots[slotOf(to-1)] = r
	for slot := range s.slots {
		if slot < slotOf(to)-coarseSlots {
			delete(s.slots, slot)
		}
	}
}

// answered is a statement as a reader shows it.
type answered struct{ s *statement }

func (r *reader) statement(v rule.View, by []string) shown {
	if r.tape == nil {
		return nil
	}
	for _, s := range r.tape.statements {
		if s.rule == v.SQL {
			return &answered{s}
		}
	}
	return nil
}

func (a *answered) groups() int {
	if len(a.s.values) == 0 && a.s.err != "" && len(a.s.by) == 0 {
		return 1 // which tells what is wrong
	}
	return len(a.s.values)
}

func (a *answered) values(i int) []string {
	if i < len(a.s.values) {
		return a.s.values[i]
	}
	return []string{}
}

func (a *answered) index(values []string) int {
	if i, ok := a.s.index[strings.Join(values, "\x00")]; ok {
		return i
	}
	return -1
}

func (a *answered) edge(int) edge  { return edge{a.s.at, a.s.silent} }
func (a *answered) failed() string { return a.s.err }

func (a *answered) last(i int) int64 {
	if i < len(a.s.seen) {
		return a.s.seen[i]
	}
	return 0
}

func (r *run) of(i int) (value, sample float64) {
	if i < len(r.value) {
		return r.value[i], r.sample[i]
	}
	return nan, nan
}

// window is the first answer that knew the moment.
func (a *answered) window(i int, _, to, _ int64) (value, sample float64) {
	for n := range a.s.runs {
		if r := &a.s.runs[n]; r.to >= to {
			return r.of(i)
		}
	}
	return nan, nan
}

func (a *answered) slot(i int, slot, _ int64) float64 {
	r := a.s.slots[slot]
	v, _ := r.of(i)
	return v
}

// broken is what a statement that cannot be put says.
func broken(r *rule.Rule, by []string, err error) *statement {
	return &statement{rule: r.ID, by: by, err: errText(err), index: map[string]int{}, slots: map[int64]run{}}
}
