package rule

import "log/slog"

// Evaluator judges rules, second by second of their data. It has no clock and asks nobody: the same calls
// give the same answers. It is for one goroutine.
type Evaluator struct {
	groups []*Group
	log    *slog.Logger
}

// Dials are where the sensitivity of groups of rules stands, 1 to 10, by their ids; of one that is
// missing it is as its file says.
type Dials map[string]int

// NewEvaluator judges checked groups.
func NewEvaluator(groups []*Group, log *slog.Logger) *Evaluator {
	return &Evaluator{groups: groups, log: log}
}

// Restore goes on from what was judged before, by this process or another. Alerts of rules that there
// are not any more come out of the next Step as ended.
func (e *Evaluator) Restore(alerts []Alert) {}

// Step judges every second of data that is complete and was not judged yet, and tells what became
// another: each alert at most once, as it is after the last of these seconds. Whatever was fed late, or
// in lumps, each second is judged once and in order.
func (e *Evaluator) Step(m Moment, d Data, dials Dials) []Change { return nil }

// Alerts are those that are not OK, by key. They are the Evaluator's own until the next Step.
func (e *Evaluator) Alerts() map[string]*Alert { return nil }
