package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/internal/bus"
	"vigie/internal/pause"
)

// beat says that all is well, for somebody outside who notices when it is not said any more: only while rules
// are judged, and only by the process that judges them.
func (t *term) beat(ctx context.Context, now time.Time) {
	policy := t.cfg.Room.Policy()
	if policy == nil || now.Sub(t.lease.Current().Judged) > judgedLately {
		return
	}
	for i, b := range policy.Heartbeats {
		if now.Sub(t.beats[i]) < time.Duration(b.Every) {
			continue
		}
		t.beats[i] = now
		c, ok := t.cfg.Channels[b.Channel]
		if !ok || c.Notifier == nil {
			continue
		}
		n := &notice.Notification{ID: idOf("heartbeat", i, now.Unix()), Problem: "heartbeat", Kind: notice.Heartbeat, Severity: notice.Info, Language: policy.Language, At: now, Zone: time.UTC}
		notice.Render(n, notice.Facts{})
		t.aside.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, usualTimeout)
			defer cancel()
			_, err := c.Notify(ctx, b.To, n)
			if !errors.Is(ctx.Err(), context.Canceled) { // this process's time of judging is over: it says nothing of the channel
				t.beaten(ctx, i, b.Channel, err)
			}
		})
	}
}

// beaten writes down when a heartbeat begins to fail, and when it is heard again.
func (t *term) beaten(ctx context.Context, i int, channel string, err error) {
	t.mu.Lock()
	was := t.sick[i]
	t.sick[i] = err != nil
	t.mu.Unlock()
	if was == (err != nil) {
		return
	}
	l := Line{What: "heartbeat-failed", Args: args("channel", channel, "over", "1")}
	if err != nil {
		l.Args = args("channel", channel, "text", bounded(err.Error()))
	}
	t.trail(context.WithoutCancel(ctx), l)
}

// mirror tells again what must be told again and again to stay: an Alertmanager takes an alert for over when
// it hears no more of it. It is no news to anybody, so it is not in the ledger.
func (t *term) mirror(ctx context.Context, now time.Time) {
	policy := t.cfg.Room.Policy()
	if policy == nil {
		return
	}
	maps.DeleteFunc(t.mirrored, func(_ string, at time.Time) bool { return now.Sub(at) > 10*mirrorEvery })
	managers := map[string]Channel{}
	for i := range policy.Channels {
		if c := t.cfg.Channels[policy.Channels[i].ID]; policy.Channels[i].Type == route.Alertmanager && c.Notifier != nil {
			managers[policy.Channels[i].ID] = c
		}
	}
	if len(managers) == 0 {
		return
	}
	for id, p := range t.book {
		if !p.Ended.IsZero() {
			continue
		}
		for _, e := range t.cfg.Room.lines(id) {
			c, is := managers[e.Target.Channel]
			if e.State != Accepted || e.Kind == notice.Resolved || !is {
				continue
			}
			key := id + "|" + e.Target.Channel + "|" + e.Target.To
			if now.Sub(t.mirrored[key]) < mirrorEvery {
				continue
			}
			if t.mirrored[key].IsZero() && now.Sub(e.Done) < mirrorEvery {
				t.mirrored[key] = now
				continue
			}
			select {
			case t.mirroring <- struct{}{}:
			default:
				return // it answers slowly: the others in a second
			}
			t.mirrored[key] = now
			again := e
			again.Kind = notice.Reminder
			n, _ := t.cfg.Room.notification(&again, p, t.cfg.Links, &road{Channel: Channel{Notifier: c.Notifier}})
			t.aside.Go(func() {
				defer func() { <-t.mirroring }()
				ctx, cancel := context.WithTimeout(ctx, usualTimeout)
				defer cancel()
				if _, err := c.Notify(ctx, again.Target.To, n); err != nil && ctx.Err() == nil {
					t.cfg.Log.Warn("alerts: keep an alert alive", "channel", again.Target.Channel, "error", err)
				}
			})
		}
	}
}

// Watchdog tells somebody when rules are not judged any more, whichever process should: each process that
// delivers looks on, and the ledger takes the word of one of them.
type Watchdog struct{ Room *Room }

// whyBlind is Entry.Why of what a watchdog says; its Detail is since when.
const whyBlind = "blind"

// Run looks on until ctx ends.
func (w *Watchdog) Run(ctx context.Context) error {
	for pause.For(ctx, judgeEvery*5) == nil {
		if err := w.look(ctx, time.Now()); err != nil && ctx.Err() == nil {
			w.Room.cfg.Log.Warn("alerts: tell that rules are not judged", "error", err)
		}
	}
	return nil
}

func (w *Watchdog) look(ctx context.Context, now time.Time) error {
	r := w.Room
	if len(r.cfg.Groups) == 0 || r.cfg.Policy == nil {
		return nil
	}
	r.mu.Lock()
	judged, since := r.lead.Judged, r.seenAt
	r.mu.Unlock()
	// Counted from when this process began to look on: after hours without any, one that judges comes first. And what
	// was not heard of may have happened: the bus is asked before anybody is woken up.
	if now.Sub(since) < blindAfter {
		return nil
	}
	raw, _, err := r.cfg.State.Get(ctx, keyLead)
	var lead leadState
	if err == nil {
		err = json.Unmarshal(raw, &lead)
	}
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return err
	}
	if err == nil && !lead.Judged.Equal(judged) {
		r.hear(keyLead, raw, false)
		return nil
	}
	if judged.IsZero() {
		judged = since // never yet
	}
	next := instead(&Problem{}, &asked{now: now, entries: r.blind()})
	plan := r.cfg.Policy.Plan(route.Subject{Group: "vigie", Rule: whyBlind, Severity: notice.Critical}, now)
	s := r.Snapshot()
	told := false
	for _, say := range plan.Say {
		if say.After > 0 && told {
			break
		}
		targets, _ := r.cfg.Policy.Resolve(say.Tell, now, s.Overrides, nil)
		for _, t := range targets {
			t.Via = string(say.Tell)
			e := Entry{ID: idOf(whyBlind, lead.Judged.Unix(), t.Channel, t.To), Kind: notice.Firing, Target: t, Why: whyBlind, Drill: s.Drill.On, State: Queued, Made: now.UTC(), Detail: judged.UTC().Format(time.RFC3339)}
			next, told = append(next, e), true
		}
	}
	for i := range next {
		if err := r.enter(ctx, &next[i]); err != nil {
			return err
		}
	}
	return nil
}

// blind are the lines of the last hour that a watchdog wrote.
func (r *Room) blind() map[string]Entry {
	out := map[string]Entry{}
	for id, e := range r.lines("") {
		if e.Why == whyBlind && time.Since(e.Made) < time.Hour {
			out[id] = e
		}
	}
	return out
}
