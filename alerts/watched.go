package alerts

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"strconv"
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
	// Since is since when what is awaited of it has held without a break, by the data's time: by Limit.key.
	Since map[string]time.Time `json:"since,omitempty"`
}

// Limit is what a value is awaited to be above or below: one of the two.
type Limit struct{ Above, Below *float64 }

func (l Limit) met(value float64) bool {
	return l.Above != nil && value > *l.Above || l.Below != nil && value < *l.Below
}

func (l Limit) key() string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	switch {
	case l.Above != nil:
		return ">" + number(*l.Above)
	case l.Below != nil:
		return "<" + number(*l.Below)
	}
	return ""
}

// Awaited is a signal that others than rules wait for, and its limits.
type Awaited struct {
	View   rule.View
	Limits []Limit
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
	before := t.watched
	if before.At.IsZero() { // who judged before told it a moment ago
		before = t.cfg.Room.lastWatched()
	}
	if now.Sub(before.At) > watchedFor {
		before = watched{}
	}
	for _, w := range t.cfg.Watch {
		v := w.View
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
			was := before.of(value.Signal, value.Labels)
			for _, l := range w.Limits {
				if !l.met(value.Value) {
					continue
				}
				since := s.Complete.UTC()
				if held, ok := was.Since[l.key()]; ok {
					since = held
				}
				if value.Since == nil {
					value.Since = map[string]time.Time{}
				}
				value.Since[l.key()] = since
			}
			out.Values = append(out.Values, value)
		}
	}
	t.watched = out
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

// of is the value of exactly these labels; the zero one: there is none.
func (w *watched) of(signal string, labels map[string]string) watchedValue {
	for _, v := range w.Values {
		if v.Signal == signal && maps.Equal(v.Labels, labels) {
			return v
		}
	}
	return watchedValue{}
}

// lastWatched is what was heard last and still holds; the zero one: nobody knows.
func (r *Room) lastWatched() watched {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.watchedAt) > watchedFor {
		return watched{}
	}
	return r.watched
}

// Watched is a signal's value over the last complete minute, of exactly these labels; false: it is not known now, or
// nobody asked for it to be watched. since is since when it has been beyond the limit without a break, by the data's
// time; zero: it is not, or nobody asked for this limit.
func (r *Room) Watched(signal string, labels map[string]string, l Limit) (value float64, since time.Time, known bool) {
	if r == nil {
		return 0, time.Time{}, false
	}
	w := r.lastWatched()
	v := w.of(signal, labels)
	if v.Signal == "" {
		return 0, time.Time{}, false
	}
	return v.Value, v.Since[l.key()], true
}
