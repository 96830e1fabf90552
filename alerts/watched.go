package alerts

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"strings"
	"time"

	"vigie/alerts/rule"
)

// What others than rules wait for, as a step of a runbook that is done once viewers rebuffer no more, is read from the
// same data, in the one process that judges, and told to all processes each second.

const (
	keyWatched  = "watched"
	mostWatched = 2000             // values told
	watchedFor  = 15 * time.Second // afterwards nobody knows
)

// watched are the values of a moment.
type watched struct {
	At     time.Time      `json:"at"`
	Values []watchedValue `json:"values"`
}

type watchedValue struct {
	Signal string            `json:"signal"`
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"`
}

// WatchView is the view of a signal, divided by labels, over the last minute.
func WatchView(signal string, labels []string) rule.View {
	return (&rule.Rule{Signal: signal, By: labels, Over: rule.Duration(time.Minute)}).View()
}

// tellWatched reads what is watched.
func (t *term) tellWatched(ctx context.Context, now time.Time) {
	if len(t.cfg.Watch) == 0 {
		return
	}
	out := watched{At: now.UTC()}
	for _, v := range t.cfg.Watch {
		var dims []string
		if v.By != "" {
			dims = strings.Split(v.By, ",")
		}
		for i, s := range t.tape.Series(v) {
			if s.Complete.IsZero() || s.Silent || s.Error != "" || len(out.Values) == mostWatched {
				continue
			}
			var r rule.Reading
			if t.tape.Read(v, i, s.Complete, s.Complete, &r); math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
				continue
			}
			value := watchedValue{Signal: v.Signal, Value: r.Value}
			for d, dim := range dims {
				if value.Labels == nil {
					value.Labels = map[string]string{}
				}
				value.Labels[dim] = s.Values[d]
			}
			out.Values = append(out.Values, value)
		}
	}
	raw, err := json.Marshal(out)
	if err == nil {
		writing, cancel := context.WithTimeout(ctx, storeWait)
		err = t.cfg.Room.cfg.State.Put(writing, keyWatched, raw)
		cancel()
	}
	if err != nil && ctx.Err() == nil {
		t.cfg.Log.Warn("alerts: what is watched is not told", "error", err)
	}
}

// Watched is a signal's value over the last complete minute, of exactly these labels; false: it is not known now, or
// nobody asked for it to be watched.
func (r *Room) Watched(signal string, labels map[string]string) (float64, bool) {
	if r == nil {
		return 0, false
	}
	r.mu.Lock()
	w, heard := r.watched, r.watchedAt
	r.mu.Unlock()
	if time.Since(heard) > watchedFor {
		return 0, false
	}
	for _, v := range w.Values {
		if v.Signal == signal && maps.Equal(v.Labels, labels) {
			return v.Value, true
		}
	}
	return 0, false
}
