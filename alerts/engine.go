package alerts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/alerts/signal"
	"vigie/internal/bus"
	"vigie/internal/lease"
	"vigie/internal/match"
	"vigie/internal/pause"
)

// Tape is what rules are judged by and problems explained with: see package tape.
type Tape interface {
	rule.Data
	// Tick reads what arrived since it was last called.
	Tick(ctx context.Context, now time.Time) error
	// Fill reads a part of what is older, after the second was judged.
	Fill(ctx context.Context) error
	// Explain tells what carries the deviation of a signal of these dimensions in a stretch of time.
	Explain(ctx context.Context, signal string, dims map[string]string, from, to time.Time) ([]Carrier, error)
	// Impact tells how many watch what these dimensions choose.
	Impact(ctx context.Context, dims map[string]string, at time.Time) (viewers float64, known bool, err error)
	// Trend is a rule's signal for one group over the last half hour, by ten seconds.
	Trend(r *rule.Rule, dims map[string]string) (start time.Time, step time.Duration, points []float64)
	// Preview is what a group of rules would have done in the last hour, at each setting of its dial.
	Preview(ctx context.Context, g *rule.Group) ([]Previewed, error)
}

// EngineConfig is what an Engine is made of.
type EngineConfig struct {
	Room    *Room
	Tape    func() (Tape, error) // a new one, for a process that begins to judge
	Watch   []Awaited            // what others than rules wait for: see Room.Watched
	Matches *match.Book
	Owner   string
	Alone   bool // no other process judges
	Links   Links
	// Channels are those of the policy, for heartbeats and what must be told again and again.
	Channels map[string]Channel
	// Names is what people call a value of a dimension, as a CDN's id; nil: as it is.
	Names   func(dimension, value string) string
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

const (
	judgeEvery  = time.Second
	judgeLimit  = 5 * time.Second // of a second's work
	leadTime    = 5 * time.Second // after which another process judges when this one says nothing
	keepEvery   = 10 * time.Second
	blindMost   = 1000 // keys, beyond which what cannot be judged and does not fire is not kept
	factsEvery  = 10 * time.Second
	factsLimit  = 4 * time.Second
	factsMost   = 20 // problems that are looked into at a time, the loudest
	tidyEvery   = 10 * time.Minute
	mirrorEvery = time.Minute // of what must be told again and again to stay: Alertmanager
	blindAfter  = time.Minute // without a judgement: somebody is told
)

// leadState is what the process that judges leaves to its successor.
type leadState struct {
	lease.Head
	Judged time.Time `json:"judged"` // the wall's clock at the last judgement that could be made
}

// Engine judges rules and makes problems of what they say, in the one process that holds the lease.
type Engine struct {
	cfg  EngineConfig
	byID map[string]*rule.Rule // of rules, by id
	of   map[string]*rule.Group
	both map[string]*rule.Together

	judged prometheus.Histogram
	firing *prometheus.GaugeVec
	leads  prometheus.Gauge
}

// NewEngine judges nothing before Run.
func NewEngine(cfg EngineConfig) *Engine {
	e := &Engine{
		cfg: cfg, byID: map[string]*rule.Rule{}, of: map[string]*rule.Group{}, both: map[string]*rule.Together{},
		judged: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "vigie_alerts_judgement_seconds", Help: "Time to judge all rules once, questions to ClickHouse included.", Buckets: prometheus.ExponentialBuckets(0.002, 2, 13)}),
		firing: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "vigie_alerts_problems", Help: "Problems that go on, by severity."}, []string{"severity"}),
		leads:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "vigie_alerts_leading", Help: "1 where this process is the one that judges."}),
	}
	for _, g := range cfg.Room.Groups() {
		for _, r := range g.Rules {
			e.byID[r.ID], e.of[r.ID] = r, g
		}
		if g.Together != nil {
			e.both[g.Together.ID], e.of[g.Together.ID] = g.Together, g
		}
	}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(e.judged, e.firing, e.leads)
	}
	return e
}

// Run judges while this process holds the lease, until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	for {
		l := lease.New[leadState](e.cfg.Room.cfg.State, keyLead, e.cfg.Owner, e.cfg.Alone, leadTime, e.cfg.Log)
		err := l.Acquire(ctx, nil)
		if err == nil {
			e.leads.Set(1)
			err = e.lead(ctx, l)
			e.leads.Set(0)
			e.cfg.Room.preview.Store(nil)
			e.cfg.Room.series.Store(nil)
		}
		if ctx.Err() != nil {
			return nil
		}
		e.cfg.Log.Warn("alerts: this process judges no more", "error", err)
		if pause.For(ctx, time.Second) != nil {
			return nil
		}
	}
}

// term is one process's time of judging.
type term struct {
	*Engine
	lease *lease.Lease[leadState, *leadState]
	tape  Tape
	judge *rule.Evaluator

	revisions map[string]uint64 // of the keys that only who judges writes
	book      book
	facts     chan found
	looking   bool
	lookedAt  time.Time
	kept      time.Time // when alerts in which clocks run were kept last
	tidied    time.Time
	mirrored  map[string]time.Time
	mirroring chan struct{}   // those that are being told
	settled   map[string]bool // problems that ended, of which nothing is to be said any more
	begun     time.Time
	judges    bool      // it has judged
	unread    time.Time // when it was said last that data could not be read
	beats     map[int]time.Time
	trends    chan trendAsked
	watched   watched // what was told last
	late      bool
	zone      *time.Location

	aside sync.WaitGroup // what is said beside the judging
	mu    sync.Mutex
	sick  map[int]bool // heartbeats that fail
}

// found is what was found out about a problem.
type found struct {
	problem string
	facts   Facts
}

type trendAsked struct {
	alert  string
	answer chan trendOf
}

type trendOf struct {
	start  time.Time
	step   time.Duration
	points []float64
}

func (e *Engine) lead(ctx context.Context, l *lease.Lease[leadState, *leadState]) error {
	tape, err := e.cfg.Tape()
	if err != nil {
		return err
	}
	t := &term{
		Engine: e, lease: l, tape: tape, judge: rule.NewEvaluator(e.cfg.Room.Groups(), e.cfg.Log), revisions: map[string]uint64{}, book: book{},
		facts: make(chan found, factsMost), mirrored: map[string]time.Time{}, mirroring: make(chan struct{}, mostPerRoad), settled: map[string]bool{}, begun: time.Now(), beats: map[int]time.Time{}, sick: map[int]bool{}, trends: make(chan trendAsked),
	}
	t.zone = time.UTC
	if policy := e.cfg.Room.Policy(); policy != nil {
		if zone, err := time.LoadLocation(policy.TimeZone); err == nil {
			t.zone = zone
		}
	}
	defer t.aside.Wait()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := l.Renew(ctx); err != nil {
			return err
		}
		return ctx.Err()
	})
	g.Go(func() error { // the lease is kept meanwhile: there may be thousands of keys
		if err := t.takeOver(ctx); err != nil {
			return err
		}
		return t.run(ctx)
	})
	return g.Wait()
}

// takeOver reads what the process before this one left, with the revisions that its own writes will want.
func (t *term) takeOver(ctx context.Context) error {
	keys, err := t.cfg.Room.cfg.State.Keys(ctx)
	if err != nil {
		return err
	}
	var alerts []rule.Alert
	for _, key := range keys {
		kind := key[:min(2, len(key))]
		if kind != keyAlert && kind != keyProblem {
			continue
		}
		raw, revision, err := t.cfg.Room.cfg.State.Get(ctx, key)
		if errors.Is(err, bus.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		t.revisions[key] = revision
		switch kind {
		case keyAlert:
			var a rule.Alert
			if err := json.Unmarshal(raw, &a); err != nil {
				t.cfg.Log.Error("alerts: a key of the bucket cannot be understood: was it edited by hand?", "key", key, "error", err)
				continue
			}
			alerts = append(alerts, a)
		case keyProblem:
			p := &Problem{}
			if err := json.Unmarshal(raw, p); err != nil {
				t.cfg.Log.Error("alerts: a key of the bucket cannot be understood: was it edited by hand?", "key", key, "error", err)
				continue
			}
			t.book[p.ID] = p
		}
	}
	t.judge.Restore(alerts)
	t.trail(ctx, Line{What: "leading", Args: args("owner", t.cfg.Owner)})
	return nil
}

func (t *term) trail(ctx context.Context, lines ...Line) {
	for _, l := range lines {
		t.cfg.Room.line(ctx, l)
	}
}

func (t *term) run(ctx context.Context) error {
	preview := func(asking context.Context, group string) ([]Previewed, error) {
		g := t.cfg.Room.group(group)
		if g == nil {
			return nil, ErrNotFound
		}
		return t.tape.Preview(asking, g)
	}
	t.cfg.Room.preview.Store(&preview)
	series := func(alert string) (time.Time, time.Duration, []float64) {
		asked := trendAsked{alert, make(chan trendOf, 1)}
		select {
		case t.trends <- asked:
		case <-ctx.Done():
			return time.Time{}, 0, nil
		case <-time.After(judgeLimit):
			return time.Time{}, 0, nil
		}
		got := <-asked.answer
		return got.start, got.step, got.points
	}
	t.cfg.Room.series.Store(&series)
	ticker := time.NewTicker(judgeEvery)
	defer ticker.Stop()
	for {
		begun := time.Now()
		if err := t.second(ctx, begun); err != nil {
			return err
		}
		t.judged.Observe(time.Since(begun).Seconds())
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case asked := <-t.trends:
				asked.answer <- t.trend(asked.alert)
			case f := <-t.facts:
				t.learn(ctx, f)
			case <-ticker.C:
				waiting = false
			}
		}
	}
}

// second is what is done once a second. Only a lease that is lost ends it.
func (t *term) second(ctx context.Context, now time.Time) error {
	work, cancel := context.WithTimeout(ctx, judgeLimit)
	defer cancel()
	snapshot := t.cfg.Room.Snapshot()
	err := t.tape.Tick(work, now)
	if err != nil && ctx.Err() == nil && now.Sub(t.unread) >= time.Minute {
		t.unread = now
		t.cfg.Log.Warn("alerts: read what happened", "error", err)
	}
	moment, w := t.moment(now, snapshot)
	if err == nil {
		dials := rule.Dials{}
		for id, d := range snapshot.Dials {
			dials[id] = d.At
		}
		if err := t.keep(ctx, t.judge.Step(moment, t.tape, dials)); err != nil {
			return err
		}
		if err := t.lease.Change(ctx, func(s *leadState) { s.Judged = now.UTC() }); err != nil {
			return err
		}
		t.cfg.Room.judgedAt(t.lease.Current())
		t.judges = true
		if err := t.keepClocks(ctx, now); err != nil {
			return err
		}
	}
	t.tellLate(ctx, now)
	changed, lines := t.book.update(t.active(now), w)
	for _, id := range changed {
		if err := t.write(ctx, keyProblem+id, t.book[id]); err != nil {
			return err
		}
	}
	t.trail(ctx, lines...)
	if err := t.sayDue(ctx, now, w, snapshot); err != nil {
		return err
	}
	t.look(ctx, now)
	t.mirror(ctx, now)
	t.beat(ctx, now)
	if err == nil {
		t.tellWatched(ctx, now)
	}
	if err == nil {
		if err := t.tape.Fill(work); err != nil && ctx.Err() == nil && now.Sub(t.unread) >= time.Minute {
			t.unread = now
			t.cfg.Log.Warn("alerts: read what happened before", "error", err)
		}
	}
	if now.Sub(t.tidied) > tidyEvery {
		t.tidied = now
		t.tidy(ctx, now)
	}
	return nil
}

// moment is what rules and routes know beside the data.
func (t *term) moment(now time.Time, s *Snapshot) (rule.Moment, *world) {
	m := momentOf(t.cfg.Matches, now)
	w := &world{now: now.UTC(), policy: t.cfg.Room.Policy(), silences: s.Silences, works: s.Maintenance, cares: t.cfg.Room.allCares(), match: m.Match, phase: m.Phase, criticality: m.Criticality}
	if on := t.cfg.Matches.Find(m.Match); on != nil {
		timeline := t.cfg.Matches.Timeline(on.ID)
		from := on.KickOff
		if len(timeline) > 0 {
			from = timeline[0].At
		}
		w.during = !now.Before(from) && now.Before(on.End(timeline))
	}
	return m, w
}

// duty is whom the rosters have.
func (t *term) duty(now time.Time) (out []route.Duty) {
	for _, m := range t.cfg.Matches.Watched(now) {
		timeline := t.cfg.Matches.Timeline(m.ID)
		for _, d := range m.OnDuty(timeline, now) {
			from, to := m.Turn(d, timeline)
			out = append(out, route.Duty{Match: m.ID, Role: d.Role, Name: d.Name, Phone: d.Phone, From: from, To: to})
		}
	}
	return out
}

// write keeps what only who judges writes; one that was overtaken cannot.
func (t *term) write(ctx context.Context, key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("alerts: %s: %w", key, err)
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		try, cancel := context.WithTimeout(ctx, storeWait)
		revision := t.revisions[key]
		var next uint64
		if revision == 0 {
			next, err = t.cfg.Room.cfg.State.Create(try, key, raw)
		} else {
			next, err = t.cfg.Room.cfg.State.Update(try, key, raw, revision)
		}
		if errors.Is(err, bus.ErrConflict) { // our own write may have succeeded and its answer been lost
			there, at, getErr := t.cfg.Room.cfg.State.Get(try, key)
			cancel()
			if getErr == nil && string(there) == string(raw) {
				next, err = at, nil
			} else if getErr == nil || errors.Is(getErr, bus.ErrNotFound) {
				return fmt.Errorf("%w: %s was written by it", lease.ErrLost, key)
			}
		} else {
			cancel()
		}
		if err == nil {
			t.revisions[key] = next
			t.cfg.Room.hear(key, raw, false)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.cfg.Log.Warn("alerts: write", "key", key, "error", err)
		if err := pause.For(ctx, wait); err != nil {
			return err
		}
	}
}

func (t *term) forget(ctx context.Context, key string) {
	if t.revisions[key] == 0 {
		return
	}
	if err := t.cfg.Room.cfg.State.Delete(ctx, key); err != nil {
		t.cfg.Log.Warn("alerts: forget", "key", key, "error", err)
		return
	}
	delete(t.revisions, key)
	t.cfg.Room.hear(key, nil, true)
}

// keep writes down what rules said.
func (t *term) keep(ctx context.Context, changes []rule.Change) error {
	for _, c := range changes {
		a := c.Alert
		if err := t.keepAlert(ctx, &a); err != nil {
			return err
		}
		if c.From == a.Status && !c.Ended {
			continue
		}
		what := map[rule.Status]string{rule.Firing: "firing", rule.NoData: "no-data", rule.Error: "error", rule.OK: "recovered"}[a.Status]
		if what == "" || a.Status == rule.OK && !c.Ended || !a.Active() && !c.Ended && a.Status != rule.Error {
			continue // it did not hold for long enough, or nothing can be said of what was well: the log is no seismograph
		}
		told := args("rule", a.Rule, "labels", labelText(a.Labels), "value", number(a.Value, a.Known), "why", a.Why, "weak", map[bool]string{true: "1"}[a.Weak])
		if a.Active() {
			maps.Copy(told, args("usual", number(a.Usual, a.UsualKnown), "severity", string(a.Severity), "since", a.Since.UTC().Format(time.RFC3339)))
		}
		t.trail(ctx, Line{At: t.wall(a), Problem: t.problemOf(a.Key), Alert: a.Key, What: what, Args: told})
	}
	return nil
}

// keepClocks writes down now and then what clocks run in, so that whoever goes on loses some seconds of it at most,
// and forgets what is OK. Who was overtaken comes to neither: the lease was written a moment ago.
func (t *term) keepClocks(ctx context.Context, now time.Time) error {
	if now.Sub(t.kept) < keepEvery {
		return nil
	}
	t.kept = now
	known := t.judge.Alerts()
	for _, a := range known {
		if a.Ticks() {
			if err := t.keepAlert(ctx, a); err != nil {
				return err
			}
		}
	}
	for key := range t.revisions {
		if id, ok := strings.CutPrefix(key, keyAlert); ok && known[id] == nil {
			t.forget(ctx, key)
		}
	}
	return nil
}

// keepAlert keeps one. Of those that cannot be judged and do not fire so many are enough: one silent source
// makes as many as there are rules and groups.
func (t *term) keepAlert(ctx context.Context, a *rule.Alert) error {
	key := keyAlert + a.Key
	if a.Status == rule.NoData && !a.Active() && t.revisions[key] == 0 && len(t.revisions) > blindMost {
		return nil
	}
	return t.write(ctx, key, a)
}

func (t *term) wall(a rule.Alert) time.Time {
	if !a.Seen.IsZero() {
		return a.Seen.UTC()
	}
	return time.Now().UTC()
}

// problemOf is the open problem that an alert belongs to; "": none yet.
func (t *term) problemOf(alert string) string {
	for _, p := range t.book {
		if p.Ended.IsZero() && slices.ContainsFunc(p.Alerts, func(m Member) bool { return m.Key == alert }) {
			return p.ID
		}
	}
	return ""
}

// number is a value as a Line keeps it; whoever shows it knows the unit from the rule.
func number(v float64, known bool) string {
	if !known {
		return ""
	}
	return fmt.Sprintf("%.6g", v)
}

// active are all alerts that fire: of rules, and of other systems.
func (t *term) active(now time.Time) (out []*firing) {
	for _, a := range t.judge.Alerts() {
		if !a.Active() || a.Weak {
			continue
		}
		out = append(out, t.told(a))
	}
	out = append(out, t.cfg.Room.firingElsewhere(now)...)
	slices.SortFunc(out, func(a, b *firing) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// told is an alert with what its rule says of it.
func (t *term) told(a *rule.Alert) *firing {
	f := &firing{Alert: *a, group: t.of[a.Rule]}
	if r := t.byID[a.Rule]; r != nil {
		f.dims = dimsOf(r.By, a.Labels)
		f.title, f.detail = t.words(a, r, r.Title, math.NaN()), t.words(a, r, r.Detail, math.NaN())
		f.owner, f.runbook, f.signal = cmp.Or(r.Owner, f.group.Owner), cmp.Or(r.Runbook, f.group.Runbook), r.Signal
	} else if both := t.both[a.Rule]; both != nil {
		f.dims = dimsOf(both.By, a.Labels)
		f.title, f.detail = t.words(a, nil, both.Title, math.NaN()), t.words(a, nil, both.Detail, math.NaN())
		f.owner, f.runbook = cmp.Or(both.Owner, f.group.Owner), cmp.Or(both.Runbook, f.group.Runbook)
	}
	return f
}

// dimsOf are the dimensions of a rule as labels have them, without those that the team gives.
func dimsOf(by []string, labels map[string]string) map[string]string {
	dims := make(map[string]string, len(by))
	for _, dim := range by {
		if v, ok := labels[dim]; ok {
			dims[dim] = v
		}
	}
	return dims
}

// words are a rule's text about an alert, with the names that people know.
func (t *term) words(a *rule.Alert, r *rule.Rule, text rule.Text, viewers float64) (out rule.Text) {
	v := a.Values(r, cmp.Or(a.At, a.Seen))
	v.Viewers, v.Zone = viewers, t.zone
	if t.cfg.Names != nil {
		for dim, value := range v.Labels {
			v.Labels[dim] = t.cfg.Names(dim, value)
		}
	}
	if text.FR != "" {
		out.FR = text.Render("fr", v)
	}
	if text.EN != "" {
		out.EN = text.Render("en", v)
	}
	return out
}

// sayDue writes what is due into the ledger.
func (t *term) sayDue(ctx context.Context, now time.Time, w *world, s *Snapshot) error {
	if w.policy == nil {
		return nil
	}
	if !t.judges && now.Sub(t.begun) < judgedLately {
		return nil // after hours without anybody, what goes on is known first
	}
	duty := t.duty(now)
	for _, id := range slices.Sorted(maps.Keys(t.book)) {
		p := t.book[id]
		if p.Ended.IsZero() {
			delete(t.settled, id)
		} else if t.settled[id] || now.Sub(p.Ended) > tooLate {
			continue
		}
		care, lines := w.cares[id], t.cfg.Room.lines(id)
		entries := due(p, &asked{now: now.UTC(), policy: w.policy, care: &care, overrides: s.Overrides, duty: duty, drill: s.Drill.On, entries: lines})
		if len(entries) == 0 && !p.Ended.IsZero() {
			t.settled[id] = !slices.ContainsFunc(slices.Collect(maps.Values(lines)), func(e Entry) bool { return !e.settled() })
		}
		for i := range entries {
			if err := t.cfg.Room.enter(ctx, &entries[i]); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				t.cfg.Log.Warn("alerts: write the ledger", "problem", id, "error", err) // it is still due in a second
			}
		}
	}
	for _, severity := range []notice.Severity{notice.Info, notice.Warning, notice.Critical} {
		n := 0
		for _, p := range t.book {
			if p.Ended.IsZero() && !p.Monitor && p.Severity == severity {
				n++
			}
		}
		t.firing.WithLabelValues(string(severity)).Set(float64(n))
	}
	return nil
}

// look finds out more about the problems that go on, beside the judging.
func (t *term) look(ctx context.Context, now time.Time) {
	if t.looking || now.Sub(t.lookedAt) < factsEvery && !t.unlooked() {
		return
	}
	t.lookedAt = now
	var open []*Problem
	for _, p := range t.book {
		if p.Ended.IsZero() && len(p.Alerts) > 0 && p.Group != receivedGroup { // of others' alerts nobody knows what they are about
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return
	}
	slices.SortFunc(open, func(a, b *Problem) int {
		return cmp.Or(a.Facts.At.Compare(b.Facts.At), b.Severity.Rank()-a.Severity.Rank(), cmp.Compare(a.ID, b.ID))
	})
	open = open[:min(len(open), factsMost)]
	type question struct {
		id, signal string
		dims       map[string]string
		from       time.Time
		was        Facts
		hits       bool // viewers, by what it is about
	}
	var questions []question
	for _, p := range open {
		m := &p.Alerts[0]
		q := question{id: p.ID, signal: m.Signal, from: m.Fired, was: p.Facts}
		if r := t.byID[m.Rule]; r != nil {
			q.dims = dimsOf(r.By, m.Labels)
			maps.Copy(q.dims, r.Where)
			q.hits = hitsViewers(r.Signal)
			_, _, points := t.tape.Trend(r, m.Labels)
			q.was.Spark = thin(points, 30)
		} else if both := t.both[m.Rule]; both != nil {
			q.dims = dimsOf(both.By, m.Labels)
		}
		if a := t.judge.Alerts()[m.Key]; a != nil {
			q.was.Value, q.was.ValueKnown = a.Value, a.Known
		}
		questions = append(questions, q)
	}
	t.looking = true
	t.aside.Go(func() {
		defer t.send(ctx, found{})
		asking, cancel := context.WithTimeout(ctx, factsLimit)
		defer cancel()
		var first error
		failed := func(err error) { // one word for all of them
			if ctx.Err() == nil && first == nil {
				first = err
			}
		}
		defer func() {
			if first != nil {
				t.cfg.Log.Warn("alerts: find out about the problems that go on", "error", first)
			}
		}()
		for _, q := range questions {
			f := q.was
			f.At = now.UTC()
			if asking.Err() != nil {
				t.send(ctx, found{q.id, f})
				continue
			}
			if q.signal != "" {
				carriers, err := t.tape.Explain(asking, q.signal, q.dims, q.from.Add(-10*time.Second), now)
				if err == nil {
					f.Carriers = carriers
				} else {
					failed(err)
				}
			}
			if q.hits {
				viewers, known, err := t.tape.Impact(asking, q.dims, now)
				if err == nil {
					f.ViewersKnown = known
					if f.Viewers = viewers; !known {
						f.Viewers = 0
					}
					f.Most = max(f.Most, f.Viewers)
				} else {
					failed(err)
				}
			}
			t.send(ctx, found{q.id, f})
		}
	})
}

func (t *term) send(ctx context.Context, f found) {
	select {
	case t.facts <- f:
	case <-ctx.Done():
	}
}

// hitsViewers tells whether what a signal shows hits those who watch there. A source that is silent, a service,
// who asks: whom that hits, if anybody, these numbers do not know.
func hitsViewers(name string) bool {
	s, _ := signal.Find(name)
	switch s.Family {
	case signal.Requests, signal.Experience, signal.Audience, signal.Capacity:
		return true
	}
	return false
}

// unlooked tells whether a problem has just begun that nothing is known of.
func (t *term) unlooked() bool {
	for _, p := range t.book {
		if p.Ended.IsZero() && p.Facts.At.IsZero() && p.Group != receivedGroup {
			return true
		}
	}
	return false
}

// learn takes in what was found out.
func (t *term) learn(ctx context.Context, f found) {
	if f.problem == "" {
		t.looking = false
		return
	}
	p := t.book[f.problem]
	if p == nil || !p.Ended.IsZero() {
		return
	}
	p.Facts = f.facts
	if a := t.judge.Alerts()[p.Alerts[0].Key]; a != nil {
		p.Alerts[0].Worst = a.Worst
		if r := t.byID[a.Rule]; r != nil && p.Facts.ViewersKnown {
			p.Detail = t.words(a, r, r.Detail, p.Facts.Viewers)
		}
	}
	if err := t.write(ctx, keyProblem+p.ID, p); err != nil {
		t.cfg.Log.Warn("alerts: keep what was found out", "problem", p.ID, "error", err)
	}
}

func (t *term) trend(alert string) (out trendOf) {
	a := t.judge.Alerts()[alert]
	if a == nil {
		p := t.problemOf(alert)
		if p == "" {
			return out
		}
		for i := range t.book[p].Alerts {
			if m := &t.book[p].Alerts[i]; m.Key == alert {
				a = &m.Alert
			}
		}
	}
	if a == nil || t.byID[a.Rule] == nil {
		return out
	}
	out.start, out.step, out.points = t.tape.Trend(t.byID[a.Rule], a.Labels)
	return out
}

// thin is at most n points of a line, the largest of those that become one; -1: not known.
func thin(points []float64, n int) []float64 {
	if len(points) == 0 {
		return nil
	}
	per := max(1, (len(points)+n-1)/n)
	var out []float64
	for i := 0; i < len(points); i += per {
		most := -1.0
		for _, v := range points[i:min(i+per, len(points))] {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				most = max(most, v)
			}
		}
		out = append(out, most)
	}
	return out
}

// tellLate writes down once that rules are not judged, and that they are again.
func (t *term) tellLate(ctx context.Context, now time.Time) {
	judged := t.lease.Current().Judged
	late := !judged.IsZero() && now.Sub(judged) > judgedLately
	if late != t.late {
		t.late = late
		t.trail(ctx, Line{What: "late", Args: args("since", judged.UTC().Format(time.RFC3339), "over", map[bool]string{false: "1"}[late])})
	}
}

// tidy forgets what is long over.
func (t *term) tidy(ctx context.Context, now time.Time) {
	for id, p := range t.book {
		if !p.Ended.IsZero() && now.Sub(p.Ended) > closedFor {
			delete(t.book, id)
			delete(t.settled, id)
			t.forget(ctx, keyProblem+id)
		}
	}
	t.cfg.Room.tidy(ctx, now)
}
