package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/internal/bus"
	"vigie/internal/pause"
	"vigie/internal/provider"
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
	mostPerRoad   = 4 // at once by one channel: one that stalls keeps no other waiting
	mostTries     = 8
	mostAmbiguous = 2 // tries of which nobody knows whether they were heard; then another way is taken
	tryFor        = 3 * time.Minute
	longDelay     = 15 * time.Second // waiting longer, another way is taken where there is one
	sickAfter     = 3                // failures in a row
	sickFor       = 30 * time.Second
	aliveEvery    = 3 * time.Second
	deadAfter     = 10 * time.Second // of a process that says nothing
	storeWait     = 5 * time.Second
	storeLast     = 5 * time.Second // how long an outcome is tried to be written down by a process that ends
	restFor       = time.Second     // after the bus failed
	usualTimeout  = 10 * time.Second
)

// Deliverer says what is in the ledger. Any number of processes may.
type Deliverer struct {
	cfg   DelivererConfig
	roads map[string]*road

	nowhere chan struct{} // slots of what is to be said by channels that there are not

	mu       sync.Mutex
	underway map[string]bool
	rest     time.Time // until then nothing is begun: the bus is away

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
		cfg: cfg, roads: map[string]*road{}, nowhere: make(chan struct{}, mostPerRoad), underway: map[string]bool{},
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

// Run says what is due until ctx ends; then it waits for what is being said, and lives until that is written
// down: the others take up what a process was saying that is no more.
func (d *Deliverer) Run(ctx context.Context) error {
	living, die := context.WithCancel(context.WithoutCancel(ctx))
	var life, saying sync.WaitGroup
	life.Go(func() { d.live(living) })
	defer life.Wait()
	defer die()
	defer saying.Wait()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var looked time.Time
	for {
		now := time.Now()
		if now.Sub(looked) >= aliveEvery {
			looked = now
			d.orphans(ctx, now)
		}
		for _, e := range d.due(now) {
			slots := d.nowhere
			if r := d.roads[e.Target.Channel]; r != nil {
				if r.holds(&e, now) {
					continue
				}
				slots = r.slots
			}
			select {
			case slots <- struct{}{}:
			default:
				continue // the channel is busy: it stays in the ledger
			}
			d.mu.Lock()
			d.underway[e.ID] = true
			d.mu.Unlock()
			saying.Go(func() {
				err := d.deliver(ctx, e.ID)
				d.mu.Lock()
				delete(d.underway, e.ID)
				failed := err != nil && ctx.Err() == nil && !errors.Is(err, errElsewhere)
				first := failed && time.Now().After(d.rest)
				if failed {
					d.rest = time.Now().Add(restFor)
				}
				d.mu.Unlock()
				<-slots
				if first { // of all that fail for the same reason
					d.cfg.Log.Warn("alerts: say what is due", "entry", e.ID, "error", err)
				}
				if err == nil {
					d.cfg.Room.knockOn()
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
	d.mu.Lock()
	underway, rests := maps.Clone(d.underway), now.Before(d.rest)
	d.mu.Unlock()
	if rests {
		return nil
	}
	r := d.cfg.Room
	r.mu.Lock()
	rank := map[string]int{}
	for id := range r.unsettled {
		e := r.entries[id]
		if e.State != Queued || now.Before(e.NotBefore) || underway[id] {
			continue
		}
		out = append(out, e)
		if p, ok := r.problems[e.Problem]; ok {
			rank[id] = p.Severity.Rank()
		}
	}
	r.mu.Unlock()
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

// holds tells whether a line waits for its channel's throttle: the loudest goes first when there is room, and
// nothing is asked or written for the others meanwhile.
func (r *road) holds(e *Entry, now time.Time) bool {
	return e.Reason == UnsaidThrottled && r.limit != nil && r.limit.TokensAt(now) < 1 && !e.passesOn(now)
}

// passesOn tells whether it has waited long enough for another way to be taken.
func (e *Entry) passesOn(now time.Time) bool {
	return len(e.Target.Fallbacks) > 0 && now.Sub(e.Made) > longDelay
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
	if errors.Is(err, bus.ErrConflict) { // our own write may have succeeded and its answer been lost
		if there, at, getErr := d.cfg.Room.cfg.Ledger.Get(ctx, e.ID); getErr == nil && string(there) == string(raw) {
			revision, err = at, nil
		}
	}
	if err == nil {
		d.cfg.Room.hearLedger(e.ID, raw, false)
	}
	return revision, err
}

// finish writes what came of an entry. A bus that is away is waited for: what is known of a message must not be
// lost, or it is said again; a process that ends has little time for it.
func (d *Deliverer) finish(ctx context.Context, e *Entry, revision uint64, l Line) error {
	var ended time.Time
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		_, err := d.write(ctx, e, revision)
		if err == nil {
			d.line(ctx, e, l)
			return nil
		}
		if errors.Is(err, bus.ErrConflict) {
			d.cfg.Log.Warn("alerts: another process took over what this one was saying", "entry", e.ID)
			return nil
		}
		switch {
		case pause.For(ctx, wait) == nil:
		case ended.IsZero():
			ended = time.Now()
		case time.Since(ended) > storeLast:
			return err
		default:
			time.Sleep(200 * time.Millisecond)
		}
	}
}

func (d *Deliverer) line(ctx context.Context, e *Entry, l Line) {
	l.Problem = e.Problem
	more := args("to", who(&e.Target), "channel", e.Target.Channel, "entry", e.ID, "kind", string(e.Kind))
	for k, v := range l.Args {
		more[k] = v
	}
	l.Args = more
	d.cfg.Room.line(ctx, l)
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

// errElsewhere tells that another process was quicker, and that its word is not here yet.
var errElsewhere = errors.New("another process has it")

// deliver says one entry, unless somebody else does or it is not to be said any more.
func (d *Deliverer) deliver(ctx context.Context, id string) error {
	read, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	raw, revision, err := d.cfg.Room.cfg.Ledger.Get(read, id)
	if errors.Is(err, bus.ErrNotFound) {
		d.cfg.Room.hearLedger(id, nil, true)
		return nil
	}
	if err != nil {
		return err
	}
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("the ledger's line cannot be understood: %w", err)
	}
	if e.State != Queued || time.Now().Before(e.NotBefore) {
		return errElsewhere
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
	if r.limit != nil {
		if slot := r.limit.Reserve(); slot.Delay() > 0 {
			until := time.Now().Add(slot.Delay())
			slot.Cancel()
			if time.Until(until) > longDelay && len(e.Target.Fallbacks) > 0 || e.passesOn(time.Now()) {
				return d.fail(ctx, &e, revision, UnsaidThrottled, until.UTC().Format(time.RFC3339))
			}
			return d.later(ctx, &e, revision, until, UnsaidThrottled)
		}
	}

	// From here on it may have been said.
	e.State, e.Owner, e.Claimed, e.Reason, e.Detail = Claiming, d.cfg.Owner, time.Now().UTC(), "", ""
	if revision, err = d.write(ctx, &e, revision); err != nil {
		if errors.Is(err, bus.ErrConflict) {
			return errElsewhere
		}
		return err
	}
	begun := time.Now()
	n, plain, receipt, err := d.say(ctx, &e, p, r)
	try := Try{At: begun.UTC(), Took: time.Since(begun), Outcome: OutcomeAccepted, Text: bounded(receipt.Text)}
	failure := provider.Failed(err)
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
	wait := max(failure.After, min(time.Second<<min(len(e.Tries)-1, 4), 15*time.Second))
	switch {
	case failure.Certainty == provider.Permanent:
		return d.failed(ctx, &e, revision, UnsaidPermanent, try.Text)
	case len(e.Tries) >= mostTries || now.Sub(e.tried()) > tryFor || e.lost() >= mostAmbiguous,
		wait > longDelay && len(e.Target.Fallbacks) > 0:
		return d.failed(ctx, &e, revision, UnsaidTries, try.Text)
	}
	e.State, e.Owner, e.NotBefore = Queued, "", now.Add(wait)
	return d.finish(ctx, &e, revision, Line{What: "retry", Args: args("reason", string(try.Reason), "text", try.Text, "outcome", try.Outcome, "after", wait.Round(time.Millisecond).String())})
}

// say says an entry. What a message does to whoever writes or carries it must not end the process: the next one
// would say it again, and end too.
func (d *Deliverer) say(ctx context.Context, e *Entry, p *Problem, r *road) (n *notice.Notification, plain error, receipt provider.Receipt, err error) {
	n = &notice.Notification{}
	defer func() {
		if panicked := recover(); panicked != nil {
			d.cfg.Log.Error("alerts: a message cannot be said", "entry", e.ID, "panic", panicked, "stack", string(debug.Stack()))
			err = &provider.Failure{Certainty: provider.Permanent, Reason: provider.ReasonConfig, Err: fmt.Errorf("a defect of Vigie's: %v", panicked)}
		}
	}()
	timeout := time.Duration(r.conf.Timeout)
	if timeout <= 0 {
		timeout = usualTimeout
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	n, plain = d.cfg.Room.notification(e, p, d.cfg.Links, r)
	receipt, err = r.Notify(ctx, e.Target.To, n)
	return n, plain, receipt, err
}

// lost is how many tries nobody knows the outcome of.
func (e *Entry) lost() (n int) {
	for _, t := range e.Tries {
		if t.Outcome == OutcomeAmbiguous {
			n++
		}
	}
	return n
}

// tried is when the tries began that follow one another: those before a time in which no process was there do not
// count.
func (e *Entry) tried() time.Time {
	i := len(e.Tries) - 1
	for i > 0 && e.Tries[i].At.Sub(e.Tries[i-1].At) < tryFor {
		i--
	}
	return e.Tries[i].At
}

// unsaid tells why an entry is not to be said any more, by what is known this very moment; "": it is.
func (d *Deliverer) unsaid(ctx context.Context, e *Entry) (p *Problem, reason, detail string, err error) {
	if time.Since(e.Made) > tooLate {
		return nil, UnsaidLate, "", nil
	}
	if e.Problem == "" {
		if e.Why == whyBlind && d.cfg.Room.sees() {
			reason = UnsaidOver
		}
		return nil, reason, "", nil
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
		if p.Ended.IsZero() || p.Again != e.Again { // what has come back must not be taken for over
			reason = UnsaidAgain
		}
		return p, reason, "", nil
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
func (r *road) felt(f *provider.Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case f == nil || f.Reason == provider.ReasonUnknown || f.Reason == provider.ReasonRefused:
		r.failures, r.sick = 0, time.Time{}
	default:
		if r.failures++; r.failures >= sickAfter {
			r.sick = time.Now().Add(sickFor)
		}
		if f.Reason == provider.ReasonRate && f.After > 0 {
			r.sick = time.Now().Add(min(f.After, 15*time.Minute))
		}
	}
}

// bounded is what others said, as it is kept.
func bounded(s string) string { return provider.Line(s, 200) }

// keyAlive begins the keys by which processes that deliver tell that they live.
const keyAlive = "w."

// live tells that this process delivers until ctx ends, and then that it does not any more.
func (d *Deliverer) live(ctx context.Context) {
	if d.cfg.Alone {
		return
	}
	for ctx.Err() == nil {
		if err := d.stayAlive(ctx); err != nil && ctx.Err() == nil {
			d.cfg.Log.Warn("alerts: tell that this process delivers", "error", err)
		}
		pause.For(ctx, aliveEvery)
	}
	d.leave(ctx)
}

func (d *Deliverer) stayAlive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	return d.cfg.Room.cfg.State.Put(ctx, keyAlive+idOf(d.cfg.Owner), []byte(time.Now().UTC().Format(time.RFC3339Nano)))
}

func (d *Deliverer) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWait)
	defer cancel()
	d.cfg.Room.cfg.State.Delete(ctx, keyAlive+idOf(d.cfg.Owner))
}

// orphans puts back what a process was saying that is no more, and what this one claimed by a write of which it
// never heard. Nobody knows whether it was heard: it is said once again, and says so.
func (d *Deliverer) orphans(ctx context.Context, now time.Time) {
	d.mu.Lock()
	underway := maps.Clone(d.underway)
	d.mu.Unlock()
	r := d.cfg.Room
	r.mu.Lock()
	var left []Entry
	// Who has not heard of itself lately does not know who else lives: it was asleep, or cut off.
	deaf := now.Sub(r.lives[idOf(d.cfg.Owner)]) > 2*aliveEvery
	for id := range r.unsettled {
		e := r.entries[id]
		switch {
		case e.State != Claiming || underway[id]:
		case e.Owner == d.cfg.Owner, d.cfg.Alone, !deaf && r.gone(idOf(e.Owner), now):
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
	text := "the process that was saying it ended"
	e.Tries = append(e.Tries, Try{At: e.Claimed, Outcome: OutcomeAmbiguous, Reason: provider.ReasonTimeout, Text: text})
	if e.lost() >= mostAmbiguous {
		return d.failed(ctx, &e, revision, UnsaidTries, text)
	}
	e.State, e.Owner, e.NotBefore = Queued, "", time.Time{}
	return d.finish(ctx, &e, revision, Line{What: "retry", Args: args("outcome", OutcomeAmbiguous, "text", text)})
}
