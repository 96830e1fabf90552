package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/internal/bus"
)

// Channel is a channel as the deliverer uses it.
type Channel struct {
	notice.Notifier
	Template *notice.Template // of the team; nil: the plain words
}

// Links are where messages lead; "" where no address is configured.
type Links struct {
	Board func(labels map[string]string, at time.Time) string // the board at that moment
	Ack   func(secret string) string
}

// DelivererConfig is what a Deliverer is made of.
type DelivererConfig struct {
	Room     *Room
	Channels map[string]Channel // by the ids of the policy's
	Links    Links
	Owner    string // names this process among those that share a bus; another one after each start
	Alone    bool   // no other process delivers
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

const (
	mostAtOnce    = 16
	mostPerRoad   = 4 // at once by one channel
	mostTries     = 8
	mostAmbiguous = 2 // tries of which nobody knows whether they were heard; then another way is taken
	tryFor        = 3 * time.Minute
	longDelay     = 15 * time.Second // waiting longer, another way is taken where there is one
	sickAfter     = 3                // failures in a row
	sickFor       = 30 * time.Second
	aliveEvery    = 3 * time.Second
	deadAfter     = 10 * time.Second // of a process that says nothing
	storeWait     = 5 * time.Second
	storeFor      = 30 * time.Second // how long an outcome is tried to be written down
	usualTimeout  = 10 * time.Second
)

// Deliverer says what is in the ledger. Any number of processes may.
type Deliverer struct {
	cfg   DelivererConfig
	roads map[string]*road

	mu       sync.Mutex
	underway map[string]bool
	alive    map[string]time.Time // when a process was last heard of, by this one's clock

	outcomes *prometheus.CounterVec
	waited   prometheus.Histogram
}

// road is what a process knows of a channel while it speaks by it.
type road struct {
	Channel
	conf  *route.Channel
	limit *rate.Limiter // nil: none
	slots chan struct{}

	mu       sync.Mutex
	failures int
	sick     time.Time // until then it is not tried
}

// NewDeliverer says nothing before Run.
func NewDeliverer(cfg DelivererConfig) *Deliverer {
	d := &Deliverer{
		cfg: cfg, roads: map[string]*road{}, underway: map[string]bool{}, alive: map[string]time.Time{},
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigie_alerts_notifications_total", Help: "Tries to say something, by channel, outcome and reason."}, []string{"channel", "outcome", "reason"}),
		waited:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "vigie_alerts_notification_seconds", Help: "From what was due to be said to its acceptance by the provider.", Buckets: prometheus.ExponentialBuckets(0.05, 2, 14)}),
	}
	if policy := cfg.Room.Policy(); policy != nil {
		for i := range policy.Channels {
			c := &policy.Channels[i]
			r := &road{Channel: cfg.Channels[c.ID], conf: c, slots: make(chan struct{}, mostPerRoad)}
			if t := c.Throttle; t.Most > 0 {
				r.limit = rate.NewLimiter(rate.Limit(float64(t.Most)/time.Duration(t.Per).Seconds()), t.Most)
			}
			d.roads[c.ID] = r
		}
	}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(d.outcomes, d.waited)
	}
	return d
}

// Run says what is due until ctx ends; then it waits for what is being said.
func (d *Deliverer) Run(ctx context.Context) error {
	var saying sync.WaitGroup
	defer saying.Wait()
	slots := make(chan struct{}, mostAtOnce)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var told time.Time
	defer d.leave(ctx)
	for {
		if now := time.Now(); now.Sub(told) >= aliveEvery {
			told = now
			if err := d.stayAlive(ctx); err != nil && ctx.Err() == nil {
				d.cfg.Log.Warn("alerts: tell that this process delivers", "error", err)
			}
			d.orphans(ctx, now)
		}
		for _, e := range d.due(time.Now()) {
			select {
			case slots <- struct{}{}:
			default:
				continue // all are busy: it stays in the ledger
			}
			d.mu.Lock()
			d.underway[e.ID] = true
			d.mu.Unlock()
			saying.Go(func() {
				defer func() {
					d.mu.Lock()
					delete(d.underway, e.ID)
					d.mu.Unlock()
					<-slots
					d.cfg.Room.knockOn()
				}()
				if err := d.deliver(ctx, e.ID); err != nil && ctx.Err() == nil {
					d.cfg.Log.Warn("alerts: say what is due", "entry", e.ID, "error", err)
				}
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-d.cfg.Room.knock:
		}
	}
}

// due are the entries that may be said now, the loudest and oldest first.
func (d *Deliverer) due(now time.Time) (out []Entry) {
	r := d.cfg.Room
	r.mu.Lock()
	rank := map[string]int{}
	for id, e := range r.entries {
		if e.State != Queued || now.Before(e.NotBefore) {
			continue
		}
		out = append(out, e)
		if p, ok := r.problems[e.Problem]; ok {
			rank[id] = p.Severity.Rank()
		}
	}
	r.mu.Unlock()
	d.mu.Lock()
	out = slices.DeleteFunc(out, func(e Entry) bool { return d.underway[e.ID] })
	d.mu.Unlock()
	slices.SortFunc(out, func(a, b Entry) int {
		if n := rank[b.ID] - rank[a.ID]; n != 0 {
			return n
		}
		if n := a.Made.Compare(b.Made); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// write changes an entry at a revision.
func (d *Deliverer) write(ctx context.Context, e *Entry, revision uint64) (uint64, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWait)
	defer cancel()
	revision, err = d.cfg.Room.cfg.Ledger.Update(ctx, e.ID, raw, revision)
	if err == nil {
		d.cfg.Room.hearLedger(e.ID, raw, false)
	}
	return revision, err
}

// finish writes what came of an entry; a bus that is away is waited for.
func (d *Deliverer) finish(ctx context.Context, e *Entry, revision uint64, l Line) error {
	var err error
	for begun, wait := time.Now(), 100*time.Millisecond; time.Since(begun) < storeFor; wait = min(2*wait, 5*time.Second) {
		if _, err = d.write(ctx, e, revision); err == nil {
			d.line(ctx, e, l)
			return nil
		}
		if errors.Is(err, bus.ErrConflict) {
			return fmt.Errorf("another process took it over meanwhile: %w", err)
		}
		time.Sleep(wait)
	}
	return err
}

func (d *Deliverer) line(ctx context.Context, e *Entry, l Line) {
	l.Problem = e.Problem
	more := args("to", who(&e.Target), "channel", e.Target.Channel, "entry", e.ID, "kind", string(e.Kind))
	for k, v := range l.Args {
		more[k] = v
	}
	l.Args = more
	if err := d.cfg.Room.trail.add(ctx, l); err != nil {
		d.cfg.Log.Warn("alerts: write the trail", "error", err)
	}
}

// who is whom people would say is told.
func who(t *route.Target) string {
	switch {
	case t.Name != "":
		return t.Name
	case t.Channel != "":
		return t.Channel
	}
	return t.Via
}

// deliver says one entry, unless somebody else does or it is not to be said any more.
func (d *Deliverer) deliver(ctx context.Context, id string) error {
	read, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	raw, revision, err := d.cfg.Room.cfg.Ledger.Get(read, id)
	if err != nil {
		return err
	}
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("the ledger's line cannot be understood: %w", err)
	}
	if now := time.Now(); e.State != Queued || now.Before(e.NotBefore) {
		return nil
	}
	p, reason, detail, err := d.unsaid(read, &e)
	if err != nil {
		return err
	}
	if reason != "" {
		return d.suppress(ctx, &e, revision, reason, detail)
	}
	r := d.roads[e.Target.Channel]
	if r == nil || r.Notifier == nil {
		return d.fail(ctx, &e, revision, UnsaidChannel, e.Target.Channel)
	}
	if wait, until := r.unwell(time.Now()); wait > 0 {
		if len(e.Target.Fallbacks) > 0 {
			return d.fail(ctx, &e, revision, UnsaidCircuit, until.UTC().Format(time.RFC3339))
		}
		return d.later(ctx, &e, revision, until, UnsaidCircuit)
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		return nil // it is busy: soon
	}
	if r.limit != nil {
		if slot := r.limit.Reserve(); slot.Delay() > 0 {
			until := time.Now().Add(slot.Delay())
			slot.Cancel()
			if time.Until(until) > longDelay && len(e.Target.Fallbacks) > 0 {
				return d.fail(ctx, &e, revision, UnsaidThrottled, until.UTC().Format(time.RFC3339))
			}
			return d.later(ctx, &e, revision, until, UnsaidThrottled)
		}
	}

	// From here on it may have been said.
	e.State, e.Owner, e.Claimed, e.Reason, e.Detail = Claiming, d.cfg.Owner, time.Now().UTC(), "", ""
	if revision, err = d.write(ctx, &e, revision); err != nil {
		if errors.Is(err, bus.ErrConflict) {
			return nil // somebody else says it
		}
		return err
	}
	n, plain := d.cfg.Room.notification(&e, p, d.cfg.Links, r)
	timeout := time.Duration(r.conf.Timeout)
	if timeout <= 0 {
		timeout = usualTimeout
	}
	say, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	begun := time.Now()
	receipt, err := r.Notify(say, e.Target.To, n)
	try := Try{At: begun.UTC(), Took: time.Since(begun), Outcome: OutcomeAccepted, Text: bounded(receipt.Text)}
	failure := notice.Failed(err)
	if failure != nil {
		try.Outcome, try.Reason, try.Text = failure.Certainty.String(), failure.Reason, bounded(failure.Error())
	}
	d.outcomes.WithLabelValues(e.Target.Channel, try.Outcome, string(try.Reason)).Inc()
	if e.Tries = append(e.Tries, try); len(e.Tries) > 20 {
		e.Tries = e.Tries[len(e.Tries)-20:]
	}
	r.felt(failure)
	if plain != nil {
		d.line(ctx, &e, Line{What: "plain", Args: args("text", plain.Error())})
	}
	now := time.Now().UTC()
	if failure == nil {
		e.State, e.Done, e.Receipt = Accepted, now, bounded(receipt.ID)
		d.waited.Observe(now.Sub(e.Made).Seconds())
		return d.finish(ctx, &e, revision, Line{What: "said", Args: args("text", try.Text, "took", try.Took.Round(time.Millisecond).String(), "repeat", map[bool]string{true: "1"}[n.Repeat])})
	}
	lost := 0
	for _, t := range e.Tries {
		if t.Outcome == OutcomeAmbiguous {
			lost++
		}
	}
	wait := max(failure.After, min(time.Second<<min(len(e.Tries)-1, 4), 15*time.Second))
	switch {
	case failure.Certainty == notice.Permanent:
		return d.failed(ctx, &e, revision, UnsaidPermanent, try.Text)
	case len(e.Tries) >= mostTries || now.Sub(e.Made) > tryFor || lost >= mostAmbiguous,
		wait > longDelay && len(e.Target.Fallbacks) > 0:
		return d.failed(ctx, &e, revision, UnsaidTries, try.Text)
	}
	e.State, e.Owner, e.NotBefore = Queued, "", now.Add(wait)
	return d.finish(ctx, &e, revision, Line{What: "retry", Args: args("reason", string(try.Reason), "text", try.Text, "outcome", try.Outcome, "after", wait.Round(time.Millisecond).String())})
}

// unsaid tells why an entry is not to be said any more, by what is known this very moment; "": it is.
func (d *Deliverer) unsaid(ctx context.Context, e *Entry) (p *Problem, reason, detail string, err error) {
	if e.Problem == "" {
		return nil, "", "", nil
	}
	if time.Since(e.Made) > tooLate {
		return nil, UnsaidLate, "", nil
	}
	raw, _, err := d.cfg.Room.cfg.State.Get(ctx, keyProblem+e.Problem)
	if errors.Is(err, bus.ErrNotFound) {
		return nil, UnsaidOver, "", nil
	}
	if err != nil {
		return nil, "", "", err
	}
	p = &Problem{}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, "", "", err
	}
	if e.Kind == notice.Resolved {
		return p, "", "", nil
	}
	raw, _, err = d.cfg.Room.cfg.State.Get(ctx, keyCare+e.Problem)
	var c Care
	switch {
	case err == nil:
		err = json.Unmarshal(raw, &c)
	case errors.Is(err, bus.ErrNotFound):
		err = nil
	}
	if err != nil {
		return nil, "", "", err
	}
	switch by := acked(p, &c); {
	case !p.Ended.IsZero():
		// Somebody who may have heard that it began is told that it ended, by what is due.
		return p, UnsaidOver, "", nil
	case by != nil && e.Kind != notice.Worse:
		return p, UnsaidAcked, by.By, nil
	case p.Mute != nil:
		return p, UnsaidMuted, string(p.Mute.Kind) + ": " + p.Mute.Text, nil
	}
	return p, "", "", nil
}

func (d *Deliverer) suppress(ctx context.Context, e *Entry, revision uint64, reason, detail string) error {
	e.State, e.Done, e.Reason, e.Detail = Suppressed, time.Now().UTC(), reason, bounded(detail)
	if e.mayBeSaid() { // it was tried
		e.State = Failed
		e.Target.Fallbacks = nil
	}
	return d.finish(ctx, e, revision, Line{What: "suppressed", Args: args("reason", reason, "text", detail)})
}

// fail is of what was not tried; failed of what was.
func (d *Deliverer) fail(ctx context.Context, e *Entry, revision uint64, reason, detail string) error {
	d.outcomes.WithLabelValues(e.Target.Channel, "not tried", reason).Inc()
	return d.failed(ctx, e, revision, reason, detail)
}

func (d *Deliverer) failed(ctx context.Context, e *Entry, revision uint64, reason, detail string) error {
	e.State, e.Owner, e.Done, e.Reason, e.Detail = Failed, "", time.Now().UTC(), reason, bounded(detail)
	next := ""
	if len(e.Target.Fallbacks) > 0 {
		next = e.Target.Fallbacks[0].Channel
	}
	return d.finish(ctx, e, revision, Line{What: "failed", Args: args("reason", reason, "text", detail, "next", next)})
}

func (d *Deliverer) later(ctx context.Context, e *Entry, revision uint64, until time.Time, reason string) error {
	first := e.Reason != reason
	e.NotBefore, e.Reason, e.Detail = until.UTC(), reason, until.UTC().Format(time.RFC3339)
	if !first { // one line of the trail is enough
		_, err := d.write(ctx, e, revision)
		return err
	}
	return d.finish(ctx, e, revision, Line{What: "throttled", Args: args("reason", reason, "until", e.Detail)})
}

// unwell tells for how long a channel is not tried, after several failures in a row.
func (r *road) unwell(now time.Time) (time.Duration, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sick.Sub(now), r.sick
}

// felt remembers how a try went. What the provider says of one message or destination says nothing of the
// channel.
func (r *road) felt(f *notice.Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case f == nil || f.Reason == notice.ReasonUnknown || f.Reason == notice.ReasonRefused:
		r.failures, r.sick = 0, time.Time{}
	default:
		if r.failures++; r.failures >= sickAfter {
			r.sick = time.Now().Add(sickFor)
		}
		if f.Reason == notice.ReasonRate && f.After > 0 {
			r.sick = time.Now().Add(min(f.After, 15*time.Minute))
		}
	}
}

func bounded(s string) string {
	s, _ = line1(s, 200)
	if runes := []rune(s); len(runes) > 200 {
		return string(runes[:199]) + "…"
	}
	return s
}

// keyAlive begins the keys by which processes that deliver tell that they live.
const keyAlive = "w."

func (d *Deliverer) stayAlive(ctx context.Context) error {
	if d.cfg.Alone {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	return d.cfg.Room.cfg.State.Put(ctx, keyAlive+idOf(d.cfg.Owner), []byte(time.Now().UTC().Format(time.RFC3339Nano)))
}

func (d *Deliverer) leave(ctx context.Context) {
	if d.cfg.Alone {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWait)
	defer cancel()
	d.cfg.Room.cfg.State.Delete(ctx, keyAlive+idOf(d.cfg.Owner))
}

// orphans puts back what a process was saying that is no more. Nobody knows whether it was heard: it is said
// once again, and says so.
func (d *Deliverer) orphans(ctx context.Context, now time.Time) {
	r := d.cfg.Room
	r.mu.Lock()
	var left []Entry
	for _, e := range r.entries {
		if e.State == Claiming && e.Owner != d.cfg.Owner && (d.cfg.Alone || r.gone(idOf(e.Owner), now)) {
			left = append(left, e)
		}
	}
	r.mu.Unlock()
	for _, e := range left {
		if err := d.adopt(ctx, e.ID, e.Owner); err != nil && !errors.Is(err, bus.ErrConflict) && ctx.Err() == nil {
			d.cfg.Log.Warn("alerts: take up what a process left", "entry", e.ID, "error", err)
		}
	}
}

func (d *Deliverer) adopt(ctx context.Context, id, owner string) error {
	read, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	raw, revision, err := d.cfg.Room.cfg.Ledger.Get(read, id)
	if err != nil {
		return err
	}
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil || e.State != Claiming || e.Owner != owner {
		return err
	}
	e.Tries = append(e.Tries, Try{At: e.Claimed, Outcome: OutcomeAmbiguous, Reason: notice.ReasonTimeout, Text: "the process that was saying it ended"})
	e.State, e.Owner, e.NotBefore = Queued, "", time.Time{}
	return d.finish(ctx, &e, revision, Line{What: "retry", Args: args("outcome", OutcomeAmbiguous, "text", e.Tries[len(e.Tries)-1].Text)})
}
