package alerts

import (
	"context"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
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
			t.beaten(ctx, i, b.Channel, err)
		})
	}
}

// beaten writes down when a heartbeat begins to fail, and when it is heard again.
func (t *term) beaten(ctx context.Context, i int, channel string, err error) {
	t.mu.Lock()
	was := t.sick[i]
	t.sick[i] = err != nil
	t.mu.Unlock()
	if ctx.Err() != nil && err == nil || was == (err != nil) {
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
	for id, entries := range t.cfg.Room.ledger() {
		p := t.book[id]
		if p == nil || !p.Ended.IsZero() {
			continue
		}
		for _, e := range entries {
			if e.State != Accepted || e.Kind == notice.Resolved || !isAlertmanager(policy, e.Target.Channel) {
				continue
			}
			key := id + "|" + e.Target.Channel + "|" + e.Target.To
			if now.Sub(t.mirrored[key]) < mirrorEvery {
				continue
			}
			first := t.mirrored[key].IsZero() && now.Sub(e.Done) < mirrorEvery
			if t.mirrored[key] = now; first {
				continue
			}
			c := t.cfg.Channels[e.Target.Channel]
			if c.Notifier == nil {
				continue
			}
			again := e
			again.Kind = notice.Reminder
			n, _ := t.cfg.Room.notification(&again, p, t.cfg.Links, &road{Channel: Channel{Notifier: c.Notifier}})
			t.aside.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, usualTimeout)
				defer cancel()
				if _, err := c.Notify(ctx, again.Target.To, n); err != nil && ctx.Err() == nil {
					t.cfg.Log.Warn("alerts: keep an alert alive", "channel", again.Target.Channel, "error", err)
				}
			})
		}
	}
}

func isAlertmanager(policy *route.Policy, channel string) bool {
	for i := range policy.Channels {
		if policy.Channels[i].ID == channel {
			return policy.Channels[i].Type == route.Alertmanager
		}
	}
	return false
}

// Watchdog tells somebody when rules are not judged any more, whichever process should: each process that
// delivers looks on, and the ledger takes the word of one of them.
type Watchdog struct{ Room *Room }

// whyBlind is Entry.Why of what a watchdog says; its Detail is since when.
const whyBlind = "blind"

// Run looks on until ctx ends.
func (w *Watchdog) Run(ctx context.Context) error {
	for pause(ctx, judgeEvery*5) == nil {
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
	judged, silent := r.lead.Judged, now.Sub(r.leadAt)
	r.mu.Unlock()
	if judged.IsZero() || now.Sub(judged) < blindAfter || silent < blindAfter && now.Sub(judged) < blindAfter {
		return nil
	}
	plan := r.cfg.Policy.Plan(route.Subject{Group: "vigie", Rule: whyBlind, Severity: notice.Critical}, now)
	s := r.Snapshot()
	for _, say := range plan.Say {
		if say.After > 0 {
			break
		}
		targets, _ := r.cfg.Policy.Resolve(say.Tell, now, s.Overrides, nil)
		for _, t := range targets {
			t.Via = string(say.Tell)
			e := Entry{ID: idOf(whyBlind, judged.UnixNano(), t.Channel, t.To), Kind: notice.Firing, Target: t, Why: whyBlind, Drill: s.Drill.On, State: Queued, Made: now.UTC(), Detail: judged.UTC().Format(time.RFC3339)}
			if err := r.enter(ctx, &e); err != nil {
				return err
			}
		}
	}
	return nil
}
