package alerts

import (
	"log/slog"
	"slices"
	"time"

	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/internal/match"
)

// Retelling judges rules over data of the past and makes problems of what fires, as the engine does in the present:
// nothing of it is kept, and nobody is told. It is for one goroutine.
type Retelling struct{ term *term }

// NewRetelling judges checked groups by a policy's waits and routes. matches may be nil, and so may the policy:
// then no problem is ever opened.
func NewRetelling(groups []*rule.Group, policy *route.Policy, matches *match.Book) *Retelling {
	log := slog.New(slog.DiscardHandler)
	e := NewEngine(EngineConfig{Room: &Room{cfg: RoomConfig{Groups: groups, Policy: policy}}, Matches: matches, Log: log})
	return &Retelling{&term{Engine: e, judge: rule.NewEvaluator(groups, log), book: book{}, zone: time.UTC}}
}

// Second judges what is known at a moment, which must be the one after the last, and tells which problems are
// another than before. One that has Opened would have been told.
func (r *Retelling) Second(now time.Time, d rule.Data) []Problem {
	moment, w := rule.Moment{Now: now}, &world{now: now.UTC(), policy: r.term.cfg.Room.Policy()}
	if r.term.cfg.Matches != nil {
		moment, w = r.term.moment(now, &Snapshot{})
	}
	r.term.judge.Step(moment, d, nil)
	changed, _ := r.term.book.update(r.term.active(now), w)
	var problems []Problem
	for _, id := range changed {
		p := *r.term.book[id]
		p.Alerts, p.Turns = slices.Clone(p.Alerts), slices.Clone(p.Turns)
		problems = append(problems, p)
	}
	return problems
}

// Alerts are what fires or may, by key; see rule.Evaluator.
func (r *Retelling) Alerts() map[string]*rule.Alert { return r.term.judge.Alerts() }
