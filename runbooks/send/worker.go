package send

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"vigie/internal/bus"
	"vigie/internal/pause"
	"vigie/internal/provider"
	"vigie/runbooks/channel"
)

// WorkerConfig is what a Worker is made of.
type WorkerConfig struct {
	Room *Room
	// Channels by account. Those of exercises and those of what is real are never in one Worker: it cannot reach what
	// it does not have.
	Channels map[string]channel.Channel
	Drill    bool
	Owner    string // names this worker among all, another one after each start; letters, digits, '-'
	Alone    bool   // no other process can send: the bus is embedded
	// DeadAfter is how long a worker that is not heard of may still be calling. 0: a minute, which is longer than the
	// longest call; less only where calls' Timeouts are less.
	DeadAfter time.Duration
	// Suppressed tells who asked, after their list was frozen, never to be told.
	Suppressed func(kind channel.Kind, key string) bool
	// Cap is how many first messages one person may get in a match, looked at again before each claim; 0: as many as
	// there are.
	Cap int
	// Unsubscribe is the address by which a recipient, by their key, says so; "": there is none. May be nil.
	Unsubscribe func(key string) string
	Log         *slog.Logger
	Metrics     prometheus.Registerer
}

// Worker calls providers for sends that are confirmed. Any number of processes may have one.
type Worker struct {
	cfg     WorkerConfig
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec

	mu     sync.Mutex
	since  time.Time
	put    [16]putBeat
	flying map[flight]bool // what this worker is calling for

	reminded map[string]time.Time // of sends that the system prepares: when it was tried last
}

// flight is one recipient of one send.
type flight struct {
	send   string
	leg, i int
}

// NewWorker does nothing until Run.
func NewWorker(cfg WorkerConfig) *Worker {
	if cfg.Suppressed == nil {
		cfg.Suppressed = func(channel.Kind, string) bool { return false }
	}
	if cfg.Unsubscribe == nil {
		cfg.Unsubscribe = func(string) string { return "" }
	}
	if cfg.DeadAfter <= 0 {
		cfg.DeadAfter = deadAfter
	}
	w := &Worker{cfg: cfg, flying: map[flight]bool{}, reminded: map[string]time.Time{}}
	w.calls = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigie_send_calls_total", Help: "Calls to providers for crisis messages, by what came of them."}, []string{"channel", "outcome"})
	w.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "vigie_send_call_seconds", Help: "Time of one call to a provider.", Buckets: prometheus.ExponentialBuckets(0.005, 2.5, 10)}, []string{"channel"})
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(w.calls, w.seconds)
	}
	return w
}

// Run takes part in every send that is confirmed until ctx ends; then it claims nobody any more, and waits for the
// calls that are on their way.
func (w *Worker) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	beating, rest := context.WithCancel(context.WithoutCancel(ctx))
	beats := make(chan error, 1)
	go func() { beats <- w.beatOn(beating) }()
	g.Go(func() error { return w.carryAll(ctx) })
	g.Go(func() error { return w.conduct(ctx) })
	err := g.Wait()
	rest()
	<-beats
	_ = w.tellBeat(context.WithoutCancel(ctx), beat{N: 1<<63 - 1, Drill: w.cfg.Drill, Gone: true})
	return err
}

// carryAll has a goroutine for each leg of each send that is on its way.
func (w *Worker) carryAll(ctx context.Context) error {
	var legs sync.WaitGroup
	defer legs.Wait()
	var mu sync.Mutex
	carried := map[flight]bool{}
	looked := time.Now()
	for {
		look := time.Since(looked) > time.Second
		if look {
			looked = time.Now()
		}
		for _, s := range w.cfg.Room.sends.All() {
			if s.Drill != w.cfg.Drill || s.Confirmed.IsZero() || !s.Ended.IsZero() {
				continue
			}
			l := w.cfg.Room.ledger(s.ID)
			if l == nil || !l.heardAll() {
				continue
			}
			if look {
				w.adoptOwn(ctx, s, l)
			}
			if s.State == Aborted {
				continue
			}
			for n := range s.Legs {
				at := flight{send: s.ID, leg: n}
				mu.Lock()
				is := carried[at]
				carried[at] = true
				mu.Unlock()
				if is || w.cfg.Channels[s.Legs[n].Channel] == nil {
					continue
				}
				legs.Go(func() {
					w.carry(ctx, s.ID, n, l)
					mu.Lock()
					delete(carried, at)
					mu.Unlock()
				})
			}
		}
		if pause.For(ctx, 100*time.Millisecond) != nil {
			return nil
		}
	}
}

const (
	claimLimit   = 5 * time.Second // a claim that took longer to be written is looked at again before the call
	callTimeout  = 20 * time.Second
	callMost     = 25 * time.Second
	calls        = 16
	mostTries    = 5 // of calls that certainly were not taken, in a round; those that were told to wait do not count
	firstRetry   = 5 * time.Second
	longestRetry = 2 * time.Minute
)

// carry tells a leg's recipients until the send is over. It begins at its own part of the list, so that workers
// seldom meet, and goes round: what another one leaves behind is everybody's.
func (w *Worker) carry(ctx context.Context, id string, leg int, l *ledger) {
	room, p := w.cfg.Room, l.legs[leg]
	s := room.Get(id)
	account, _ := room.account(s.Legs[leg].Channel, s.Drill)
	c := &carrier{Worker: w, l: l, leg: leg, pages: p, id: id, account: account, bucket: rate.NewLimiter(rate.Inf, 1)}
	if c.account.Parallel <= 0 {
		c.account.Parallel = calls
	}
	if c.account.Timeout <= 0 || c.account.Timeout > callMost {
		c.account.Timeout = callTimeout
	}
	var g errgroup.Group
	g.SetLimit(c.account.Parallel)
	defer g.Wait()
	for ctx.Err() == nil {
		s := room.Get(id)
		if s == nil || s.State != Confirmed && s.State != Sending && s.State != Paused || room.ledger(id) != l {
			return
		}
		found := 0
		if w.may(s, leg) {
			gate := min(s.Legs[leg].Gate, p.size())
			from := w.begin(gate)
			for k := range gate {
				i := (from + k) % gate
				at := flight{id, leg, i}
				if !c.due(s, l.at(leg, i)) || !w.take(at) {
					continue
				}
				found++
				err := c.wait(ctx, s)
				if s = room.Get(id); err != nil || s == nil || !w.may(s, leg) || ctx.Err() != nil {
					w.leave(at)
					break
				}
				g.Go(func() error { // waits for a free place
					defer w.leave(at)
					c.tell(ctx, i)
					return nil
				})
			}
		}
		if found == 0 {
			select {
			case <-ctx.Done():
			case <-p.news:
				_ = pause.For(ctx, 20*time.Millisecond)
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

// begin is where this worker begins in a list of so many.
func (w *Worker) begin(n int) int {
	live := w.cfg.Room.live(w.cfg.Drill)
	at := slices.Index(live, w.cfg.Owner)
	if at < 0 || len(live) == 0 {
		return 0
	}
	return at * n / len(live)
}

func (w *Worker) take(f flight) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flying[f] {
		return false
	}
	w.flying[f] = true
	return true
}

func (w *Worker) flies(f flight) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flying[f]
}

func (w *Worker) leave(f flight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.flying, f)
}

// may tells whether a leg's recipients may be called for now, by what was known of the send a second ago or later.
func (w *Worker) may(s *Send, leg int) bool {
	of := &s.Legs[leg]
	return s.State == Sending && of.Gate > 0 && (of.Until.IsZero() || time.Now().Before(of.Until)) && w.fresh()
}

// carrier is a Worker at one leg.
type carrier struct {
	*Worker
	*pages
	l       *ledger
	leg     int
	id      string
	account Account

	mu     sync.Mutex
	bucket *rate.Limiter
	slow   float64   // recipients a second, since the provider said that it was too much; 0: it did not
	slowAt time.Time // when that was worked out last
	notYet time.Time // the provider said when
}

// due tells whether a recipient who stands there can be called for.
func (c *carrier) due(s *Send, at line) bool {
	switch at.outcome {
	case Waiting:
		return at.next <= time.Now().UnixMilli()
	case Refused:
		return int(at.round) < s.Round
	case Unknown:
		return int(at.round) < s.Again
	}
	return false
}

// How much more is tried each second after a provider said that it was too much, and at most.
const (
	quicker  = 1.05
	quickest = 1e6 // a second: as good as no bound, and a number that a limiter can count with
)

// wait keeps to the leg's pace: this worker's share of it, and what its provider bears.
func (c *carrier) wait(ctx context.Context, s *Send) error {
	now := time.Now()
	c.mu.Lock()
	limit := rate.Inf
	if c.slow > 0 {
		c.slow = min(c.slow*math.Pow(quicker, now.Sub(c.slowAt).Seconds()), quickest)
		c.slowAt, limit = now, rate.Limit(c.slow)
	}
	if r := s.Legs[c.leg].Rate; r > 0 {
		limit = min(limit, rate.Limit(r/float64(max(1, len(c.cfg.Room.live(c.cfg.Drill))))))
	}
	if c.bucket.Limit() != limit {
		c.bucket.SetLimit(limit)
	}
	until := c.notYet.Sub(now)
	c.mu.Unlock()
	if until > 0 {
		if err := pause.For(ctx, until); err != nil {
			return err
		}
	}
	return c.bucket.Wait(ctx)
}

// felt learns a provider's pace from its refusals: a little less than what it took, once for each time that it asks
// to be left alone.
func (c *carrier) felt(f *provider.Failure) {
	if f.Reason != provider.ReasonRate {
		return
	}
	now := time.Now()
	c.l.mu.Lock()
	lately := c.pace.rate(now, time.Time{}) / float64(max(1, len(c.cfg.Room.live(c.cfg.Drill))))
	c.l.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.notYet.Before(now) {
		if c.slow == 0 {
			c.slow = max(lately, 10)
		}
		c.slow, c.slowAt = max(0.75*c.slow, 0.2), now
	}
	if until := now.Add(max(f.After, time.Second)); until.After(c.notYet) {
		c.notYet = until
	}
}

// tell claims a recipient, calls the provider, and writes down what came of it.
func (c *carrier) tell(ctx context.Context, i int) {
	begun := time.Now()
	s := c.cfg.Room.Get(c.id)
	was := c.l.at(c.leg, i) // looked at once: what is claimed is the revision that was found to be due
	if s == nil || !c.may(s, c.leg) || !c.due(s, was) {
		return
	}
	tries := int(was.tries)
	if int(was.round) < s.Round {
		tries = 0
	}
	kind, key := s.Legs[c.leg].Kind, c.key(i)
	if kind.Personal() && was.outcome == Waiting && (c.cfg.Suppressed(kind, key) || c.enough(s, key)) {
		_, _ = c.l.write(ctx, c.leg, i, entry{Outcome: Suppressed.String(), Worker: c.cfg.Owner, Round: s.Round, At: begun.UnixMilli()}, was.revision)
		return
	}
	claim := entry{Outcome: Claimed.String(), Worker: c.cfg.Owner, Tries: tries + 1, Round: s.Round, At: begun.UnixMilli(), Doubt: was.outcome == Unknown}
	writing, cancel := context.WithTimeout(ctx, claimLimit)
	revision, err := c.l.write(writing, c.leg, i, claim, was.revision)
	cancel()
	switch {
	case errors.Is(err, bus.ErrConflict): // another worker has them; this one's watch will tell
		return
	case err != nil: // nobody knows whether it is written
		if revision = c.mine(ctx, i, claim); revision == 0 {
			return
		}
	}
	if time.Since(begun) > claimLimit { // this process slept: does it still have them?
		if revision, err = c.l.write(ctx, c.leg, i, claim, revision); err != nil {
			return // if it does, the claim is found to be nobody's, and becomes unknown
		}
	}
	if s = c.cfg.Room.Get(c.id); s == nil || !c.may(s, c.leg) || ctx.Err() != nil { // not called: they stand where they stood
		e := claim
		e.Outcome, e.Tries, e.Round, e.Next = was.outcome.String(), int(was.tries), int(was.round), was.next
		c.settle(ctx, i, e, revision)
		return
	}
	m, to := c.message(s, i)
	calling, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.account.Timeout)
	called := time.Now()
	receipt, err := c.cfg.Channels[c.account.ID].Send(calling, to, m)
	cancel()
	c.seconds.WithLabelValues(c.account.ID).Observe(time.Since(called).Seconds())
	if f := provider.Failed(err); f != nil && f.Certainty == provider.Ambiguous {
		receipt, err = c.ask(ctx, to, m, err)
	}
	e := c.outcome(claim, receipt, err)
	c.calls.WithLabelValues(c.account.ID, e.Outcome).Inc()
	c.settle(ctx, i, e, revision)
}

// enough tells whether a person got as many first messages in this match as one may, through sends that were frozen
// before they had.
func (c *carrier) enough(s *Send, key string) bool {
	return c.cfg.Cap > 0 && !s.Drill && !s.Rendered.Step.Follows() && c.cfg.Room.Count(s.Match, key) >= c.cfg.Cap
}

// settle writes down what became of a claim, for a minute at most.
func (c *carrier) settle(ctx context.Context, i int, e entry, revision uint64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := c.l.settle(ctx, c.leg, i, e, revision); err != nil {
		c.cfg.Log.Error("what became of a claim cannot be written down: it will be unknown", "send", c.id, "channel", c.account.ID, "error", err)
	}
}

// ask asks a provider that can be asked whether it took what it gave no answer to. Otherwise the failure stays.
func (c *carrier) ask(ctx context.Context, to string, m *channel.Message, failed error) (provider.Receipt, error) {
	finder, ok := c.cfg.Channels[c.account.ID].(channel.Finder)
	if !ok {
		return provider.Receipt{}, failed
	}
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.account.Timeout/2)
	defer cancel()
	receipt, found, err := finder.Find(asking, to, m)
	switch {
	case err != nil:
		return provider.Receipt{}, failed
	case found:
		return receipt, nil
	}
	f := *provider.Failed(failed)
	f.Certainty = provider.Temporary // it certainly was not taken
	return provider.Receipt{}, &f
}

// mine looks for a claim whose writing was not answered; 0: it is not there, or nobody can tell now.
func (c *carrier) mine(ctx context.Context, i int, claim entry) uint64 {
	for range 20 {
		reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		now, revision, err := c.l.read(reading, c.leg, i)
		cancel()
		if err == nil {
			if now == claim {
				return revision
			}
			return 0
		}
		if pause.For(ctx, 250*time.Millisecond) != nil {
			return 0
		}
	}
	return 0
}

// outcome is the line after a call.
func (c *carrier) outcome(claim entry, receipt provider.Receipt, err error) entry {
	e, now := claim, time.Now()
	e.At = now.UnixMilli()
	if err == nil {
		e.Outcome, e.Receipt, e.Text = Accepted.String(), provider.Line(receipt.ID, maxWords), provider.Line(receipt.Text, maxWords)
		return e
	}
	f := provider.Failed(err)
	c.felt(f)
	e.Reason, e.Text = string(f.Reason), provider.Line(f.Error(), maxWords)
	switch {
	case f.Certainty == provider.Ambiguous, claim.Doubt: // that this call was not taken says nothing of the one before
		e.Outcome = Unknown.String()
	case f.Certainty == provider.Permanent:
		e.Outcome = Refused.String()
	case f.Reason == provider.ReasonRate: // it is not theirs to be told less for it
		e.Outcome, e.Tries = Waiting.String(), claim.Tries-1
		e.Next = now.Add(max(f.After, time.Second)).UnixMilli()
	case claim.Tries >= mostTries:
		e.Outcome = Refused.String()
	default:
		e.Outcome = Waiting.String()
		e.Next = now.Add(max(f.After, min(firstRetry<<(claim.Tries-1), longestRetry))).UnixMilli()
	}
	return e
}

// message is what one recipient is told, and where.
func (c *carrier) message(s *Send, i int) (*channel.Message, string) {
	leg := &s.Legs[c.leg]
	lang, to := "", ""
	if c.list != nil {
		r := c.list.At(i)
		lang, to = r.Lang, r.To
	} else {
		lang = c.posts[i]
	}
	lang = s.speaks(leg.Kind, lang)
	out := s.Rendered.Texts[leg.Kind][lang]
	m := &channel.Message{
		ID: messageID(s.ID, c.leg, c.key(i)), Lang: lang, Thread: s.Crisis, Earlier: leg.Earlier[lang], Subject: out.Subject, Text: out.Text, HTML: out.HTML,
		At: s.Confirmed, Drill: s.Drill, Step: string(s.Rendered.Step), NextBy: s.NextBy,
	}
	if leg.Kind == channel.Email {
		m.Unsubscribe = c.cfg.Unsubscribe(c.key(i))
	}
	return m, to
}
