package alerts

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/internal/bus"
)

// enter writes a line into the ledger. One that is there already is as good.
func (r *Room) enter(ctx context.Context, e *Entry) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return err
	}
	write, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	if _, err = r.cfg.Ledger.Create(write, e.ID, raw); errors.Is(err, bus.ErrConflict) {
		if raw, _, err = r.cfg.Ledger.Get(write, e.ID); err == nil {
			r.hearLedger(e.ID, raw, false)
		}
		return err
	}
	if err != nil {
		return err
	}
	r.hearLedger(e.ID, raw, false)
	what := "queued"
	if e.State == Failed {
		what = "nobody"
	}
	l := Line{Problem: e.Problem, What: what, By: e.By, Args: args("to", who(&e.Target), "channel", e.Target.Channel, "via", e.Target.Via, "route", e.Why, "entry", e.ID,
		"kind", string(e.Kind), "step", fmt.Sprint(e.Step), "round", fmt.Sprint(e.Round), "turn", fmt.Sprint(e.Turn), "instead", e.Instead, "text", e.Detail)}
	r.line(ctx, l)
	return nil
}

// lines are those of one problem, by id. They must not be changed.
func (r *Room) lines(problem string) map[string]Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.about[problem]
}

// tidy forgets lines of problems that are long over, and what else is.
func (r *Room) tidy(ctx context.Context, now time.Time) {
	var old, gone []string
	r.mu.Lock()
	for id, e := range r.entries {
		p, known := r.problems[e.Problem]
		goes := known && (p.Ended.IsZero() || now.Sub(p.Ended) < closedFor) && e.Kind != notice.Reminder // what was said of it would be due again
		if now.Sub(e.Made) > closedFor && !goes {
			old = append(old, id)
		}
	}
	for id, x := range r.received {
		if now.Sub(x.Ends) > time.Hour {
			gone = append(gone, keyReceived+id)
		}
	}
	for id, x := range r.silences {
		if now.Sub(x.To) > closedFor {
			gone = append(gone, keySilence+id)
		}
	}
	for id, x := range r.override {
		if now.Sub(x.To) > closedFor {
			gone = append(gone, keyOverride+id)
		}
	}
	for id, x := range r.works {
		if _, to := x.Window(); now.Sub(to) > closedFor {
			gone = append(gone, keyWork+id)
		}
	}
	for id := range r.cares {
		if _, known := r.problems[id]; !known {
			gone = append(gone, keyCare+id)
		}
	}
	for id, at := range r.lives {
		if now.Sub(at) > time.Hour {
			gone = append(gone, keyAlive+id)
		}
	}
	r.mu.Unlock()
	for _, id := range old {
		if r.cfg.Ledger.Delete(ctx, id) == nil {
			r.hearLedger(id, nil, true)
		}
	}
	for _, key := range gone {
		if r.cfg.State.Delete(ctx, key) == nil {
			r.hear(key, nil, true)
		}
	}
}

func (r *Room) group(id string) *rule.Group {
	i := slices.IndexFunc(r.cfg.Groups, func(g *rule.Group) bool { return g.ID == id })
	if i < 0 {
		return nil
	}
	return r.cfg.Groups[i]
}

func (r *Room) allCares() map[string]Care {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.cares)
}

// judgedAt is told by the process that judges, which need not hear it from the bus.
func (r *Room) judgedAt(s leadState) {
	r.mu.Lock()
	r.lead, r.leadAt, r.seenAt = s, time.Now(), time.Now()
	r.mu.Unlock()
}

// sees tells whether rules were judged a moment ago.
func (r *Room) sees() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.lead.Judged.IsZero() && time.Since(r.lead.Judged) < judgedLately
}

// TestFire says a test through a channel or to a person ("channel:noc", "person:marie", "oncall:cdn"), or to
// all that a route tells at any time ("route:routes[0] › routes[2]", "route:default"); the entries tell what
// becomes of it.
func (r *Room) TestFire(ctx context.Context, ref route.Ref, by string) ([]Entry, error) {
	if r == nil || r.cfg.Policy == nil {
		return nil, ErrNotFound
	}
	now := time.Now().UTC()
	refs := []route.Ref{ref}
	if path, ok := strings.CutPrefix(string(ref), "route:"); ok {
		if refs = r.cfg.Policy.Tells(path); len(refs) == 0 {
			return nil, ErrNotFound
		}
	}
	s := r.Snapshot()
	run := strings.ToLower(rand.Text()[:10])
	var out []Entry
	why := ""
	for _, one := range refs {
		targets, nobody := r.cfg.Policy.Resolve(one, now, s.Overrides, nil)
		if nobody != "" {
			why = nobody
		}
		for _, t := range targets {
			ways := append([]route.Target{t}, t.Fallbacks...) // each is tried: the one that is needed at night is the one that nobody tried
			if ref == one {
				ways = ways[:1]
			}
			for _, way := range ways {
				way.Via, way.Fallbacks = string(one), nil
				e := Entry{ID: idOf("test", run, way.Channel, way.To), Kind: notice.Test, Target: way, Why: string(ref), By: by, Drill: s.Drill.On, State: Queued, Made: now}
				if twice(out, &e) {
					continue
				}
				if err := r.enter(ctx, &e); err != nil {
					return out, err
				}
				out = append(out, e)
			}
		}
	}
	if len(out) == 0 {
		return nil, Invalid{"ref", "reaches nobody: " + why}
	}
	return out, nil
}
