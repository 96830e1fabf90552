package runbooks

import (
	"cmp"
	"slices"

	"vigie/internal/match"
)

// Fit is a runbook for what happened, and why it is.
type Fit struct {
	Runbook *Runbook
	Why     []string // rule, cdn=akamai, cdn=*, phase, criticality: what of its conditions was met
	score   int
}

// For are the runbooks of all that are for something that happened: a rule's alert with its labels, in a match of a
// criticality, 0: none, in a phase. The best one is first: that which says most about it.
func For(all []*Runbook, labels map[string]string, criticality int, phase match.Phase, rule string) []Fit {
	var fits []Fit
	for _, rb := range all {
		best := Fit{Runbook: rb, score: -1}
		for _, w := range rb.When {
			if why, score, ok := w.fits(labels, criticality, phase, rule); ok && score > best.score {
				best.Why, best.score = why, score
			}
		}
		if best.score >= 0 {
			fits = append(fits, best)
		}
	}
	slices.SortStableFunc(fits, func(a, b Fit) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.Runbook.ID, b.Runbook.ID))
	})
	return fits
}

func (w *When) fits(labels map[string]string, criticality int, phase match.Phase, rule string) (why []string, score int, ok bool) {
	if len(w.Rules) > 0 {
		if !slices.Contains(w.Rules, rule) {
			return nil, 0, false
		}
		why, score = append(why, "rule"), score+100
	}
	for _, name := range slices.Sorted(keys(w.Labels)) {
		value := labels[name]
		switch {
		case value != "" && slices.Contains(w.Labels[name], value):
			why, score = append(why, name+"="+value), score+10
		case value != "" && slices.Contains(w.Labels[name], "*"):
			why, score = append(why, name+"=*"), score+5
		default:
			return nil, 0, false
		}
	}
	if w.Criticality > 0 {
		if criticality < w.Criticality {
			return nil, 0, false
		}
		why, score = append(why, "criticality"), score+1
	}
	if len(w.Phases) > 0 {
		if !slices.Contains(w.Phases, phase) {
			return nil, 0, false
		}
		why, score = append(why, "phase"), score+2
	}
	return why, score, true
}
