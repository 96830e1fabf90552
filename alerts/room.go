package alerts

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/internal/bus"
	"vigie/internal/pause"
)

// What can go wrong with an act, beside an Invalid, what package route says of a silence or an override, and
// the errors of the bus.
var (
	ErrNotFound = errors.New("alerts: not found")
	ErrOver     = errors.New("alerts: it is over")
	ErrFull     = errors.New("alerts: no more can be kept")
)

// Invalid says which value of an act cannot be taken, and why.
type Invalid struct{ Field, Reason string }

func (e Invalid) Error() string { return e.Field + ": " + e.Reason }

// Bounds of what is kept.
const (
	maxNote      = 500  // characters
	maxHistory   = 200  // acts on one problem
	maxKept      = 1000 // silences, overrides, maintenances: of each
	closedShown  = 100
	closedFor    = 7 * 24 * time.Hour // how long what is over is kept: problems, the ledger
	endedShown   = 24 * time.Hour     // of silences
	judgedLately = 15 * time.Second   // later, the alerts themselves are in trouble
)

// RoomConfig is what a Room is made of.
type RoomConfig struct {
	State  *bus.KV     // what is judged and decided
	Ledger *bus.KV     // what is said
	Trail  *bus.Stream // why
	Groups []*rule.Group
	Policy *route.Policy
	Log    *slog.Logger
}

// Room is what all processes know of alerts, and where people act. Its methods may be called at the same
// time. What it tells is what was last heard of; each act is in the KV once it returns. A nil Room knows
// nothing.
type Room struct {
	cfg   RoomConfig
	trail trail

	mu        sync.Mutex
	alerts    map[string]rule.Alert
	problems  map[string]Problem
	cares     map[string]Care
	received  map[string]Received
	entries   map[string]Entry
	about     map[string]map[string]Entry // the same by problem; each is another map after a change
	unsettled map[string]bool             // of them, by id: those that are to be said, or are being
	tally     map[string]tally            // of them, by problem
	lastTry   map[string]Try              // of each channel
	silences  map[string]route.Silence
	works     map[string]route.Maintenance
	override  map[string]route.Override
	dials     map[string]Dial
	drill     Drill
	key       []byte // of the links in messages
	lead      leadState
	leadAt    time.Time            // when lead last changed, by this process's clock
	seenAt    time.Time            // when lead.Judged last did, or this process began to look on
	lives     map[string]time.Time // of processes that deliver, when they last told so, by this one's clock
	watched   watched
	watchedAt time.Time // when it was heard, by this process's clock
	version   uint64
	changed   []func()

	snapshot atomic.Pointer[Snapshot]
	preview  atomic.Pointer[func(context.Context, string) ([]Previewed, error)] // of the engine, in the process that judges
	series   atomic.Pointer[func(string) (time.Time, time.Duration, []float64)]
	knock    chan struct{} // something in the ledger may be due
}

// Keys of the state's bucket begin with what they hold.
const (
	keyAlert    = "a."
	keyProblem  = "p."
	keyCare     = "k."
	keyReceived = "x."
	keySilence  = "s."
	keyWork     = "m."
	keyOverride = "o."
	keyDial     = "d."
	keyDrill    = "drill"
	keySecret   = "secret"
	keyLead     = "lead"
)

// OpenRoom reads what is kept. It fails when that cannot be read; what cannot be understood is logged and
// left as it is.
func OpenRoom(ctx context.Context, cfg RoomConfig) (*Room, error) {
	r := &Room{
		cfg: cfg, alerts: map[string]rule.Alert{}, problems: map[string]Problem{}, cares: map[string]Care{}, received: map[string]Received{},
		entries: map[string]Entry{}, about: map[string]map[string]Entry{}, tally: map[string]tally{}, lastTry: map[string]Try{}, unsettled: map[string]bool{}, silences: map[string]route.Silence{}, works: map[string]route.Maintenance{}, override: map[string]route.Override{},
		dials: map[string]Dial{}, lives: map[string]time.Time{}, knock: make(chan struct{}, 1), leadAt: time.Now(), seenAt: time.Now(),
	}
	r.trail.stream = cfg.Trail
	for _, b := range []struct {
		kv   *bus.KV
		hear func(string, []byte, bool)
	}{{cfg.State, r.hear}, {cfg.Ledger, r.hearLedger}} {
		keys, err := b.kv.Keys(ctx)
		if err != nil {
			return nil, fmt.Errorf("alerts: read what is kept: %w", err)
		}
		for _, key := range keys {
			value, _, err := b.kv.Get(ctx, key)
			if errors.Is(err, bus.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("alerts: read %s: %w", key, err)
			}
			b.hear(key, value, false)
		}
	}
	if err := r.openSecret(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// openSecret makes the key that links in messages are signed with, once for all processes.
func (r *Room) openSecret(ctx context.Context) error {
	if len(r.key) > 0 {
		return nil
	}
	key := make([]byte, 32)
	rand.Read(key)
	_, err := r.cfg.State.Create(ctx, keySecret, key)
	if errors.Is(err, bus.ErrConflict) {
		key, _, err = r.cfg.State.Get(ctx, keySecret)
	}
	if err != nil {
		return fmt.Errorf("alerts: the key of links: %w", err)
	}
	r.mu.Lock()
	r.key = key
	r.mu.Unlock()
	return nil
}

// Run follows what other processes do until ctx ends, whether the bus is there or not.
func (r *Room) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	follow := func(what string, f func(context.Context) error) {
		g.Go(func() error {
			for {
				if err := f(ctx); ctx.Err() != nil {
					return nil
				} else if err != nil {
					r.cfg.Log.Warn("alerts: follow "+what, "error", err)
				}
				if pause.For(ctx, time.Second) != nil {
					return nil
				}
			}
		})
	}
	follow("the state", func(ctx context.Context) error { return r.cfg.State.Watch(ctx, r.hear) })
	follow("the ledger", func(ctx context.Context) error { return r.cfg.Ledger.Watch(ctx, r.hearLedger) })
	follow("the trail", func(ctx context.Context) error { return r.trail.follow(ctx, r.tell) })
	g.Go(func() error { // ages change what a snapshot says without anybody's doing
		for pause.For(ctx, 5*time.Second) == nil {
			r.tell()
		}
		return nil
	})
	return g.Wait()
}

// heard reads a value into one of the maps.
func heard[T any](r *Room, to map[string]T, id string, value []byte, deleted bool) {
	if deleted {
		delete(to, id)
		return
	}
	var v T
	if err := json.Unmarshal(value, &v); err != nil {
		r.cfg.Log.Error("alerts: a key of the bucket cannot be understood: was it edited by hand?", "key", id, "error", err)
		return
	}
	to[id] = v
}

func (r *Room) hear(key string, value []byte, deleted bool) {
	r.mu.Lock()
	switch {
	case key == keyLead:
		before := r.lead.Judged
		if err := json.Unmarshal(value, &r.lead); err == nil {
			r.leadAt = time.Now()
		}
		if !r.lead.Judged.Equal(before) {
			r.seenAt = time.Now()
		}
		judged, leader := r.lead.Judged, r.lead.Owner
		r.mu.Unlock()
		if s := r.snapshot.Load(); s == nil || judged.Sub(s.Judged) > 2*time.Second || s.Leader != leader {
			r.tell()
		}
		return
	case key == keyWatched:
		w := watched{}
		if err := json.Unmarshal(value, &w); err == nil && w.At.After(r.watched.At) {
			r.watched, r.watchedAt = w, time.Now()
		}
		r.mu.Unlock()
		return
	case key == keyDrill:
		r.drill = Drill{}
		if !deleted {
			if err := json.Unmarshal(value, &r.drill); err != nil {
				r.cfg.Log.Error("alerts: the drill's key cannot be understood", "error", err)
			}
		}
	case key == keySecret:
		if len(value) > 0 { // one that somebody deleted still counts: nobody can sign by an empty one
			r.key = slices.Clone(value)
		}
	case strings.HasPrefix(key, keyAlive):
		if r.lives[key[len(keyAlive):]] = time.Now(); deleted {
			delete(r.lives, key[len(keyAlive):])
		}
		r.mu.Unlock()
		return
	default:
		kind, id := key[:min(2, len(key))], key[min(2, len(key)):]
		switch kind {
		case keyAlert:
			heard(r, r.alerts, id, value, deleted)
		case keyProblem:
			heard(r, r.problems, id, value, deleted)
		case keyCare:
			was := r.cares[id]
			heard(r, r.cares, id, value, deleted)
			if c, is := r.cares[id]; is && len(c.History) < len(was.History) { // what this process did, and is told after what followed it
				r.cares[id] = was
			}
		case keyReceived:
			heard(r, r.received, id, value, deleted)
		case keySilence:
			heard(r, r.silences, id, value, deleted)
		case keyWork:
			heard(r, r.works, id, value, deleted)
			if m, ok := r.works[id]; ok && r.cfg.Policy != nil {
				if err := r.cfg.Policy.CheckMaintenance(&m); err != nil {
					r.cfg.Log.Error("alerts: a maintenance cannot be understood", "id", id, "error", err)
				}
				r.works[id] = m
			}
		case keyOverride:
			heard(r, r.override, id, value, deleted)
		case keyDial:
			heard(r, r.dials, id, value, deleted)
		}
	}
	r.mu.Unlock()
	r.tell()
}

func (r *Room) hearLedger(id string, value []byte, deleted bool) {
	r.mu.Lock()
	was, known := r.entries[id]
	heard(r, r.entries, id, value, deleted)
	e, is := r.entries[id]
	if is && was.settled() && !e.settled() { // what this process wrote, and is told after what followed it
		e, r.entries[id] = was, was
	}
	if known {
		r.count(&was, -1)
	}
	if is {
		r.count(&e, 1)
		if n := len(e.Tries); n > 0 && e.Tries[n-1].At.After(r.lastTry[e.Target.Channel].At) {
			r.lastTry[e.Target.Channel] = e.Tries[n-1]
		}
	}
	lines := maps.Clone(r.about[cmp.Or(e.Problem, was.Problem)])
	switch {
	case !is && known:
		delete(lines, id)
	case is && lines == nil:
		lines = map[string]Entry{id: e}
	case is:
		lines[id] = e
	}
	if r.about[cmp.Or(e.Problem, was.Problem)] = lines; len(lines) == 0 {
		delete(r.about, cmp.Or(e.Problem, was.Problem))
	}
	if is && !e.settled() {
		r.unsettled[id] = true
	} else {
		delete(r.unsettled, id)
	}
	r.mu.Unlock()
	r.knockOn()
	r.tell()
}

// tally is how many of a problem's lines were said, and could not be or not yet.
type tally struct{ said, failing int }

// count adds a line to its problem's, or takes it away. The room is locked.
func (r *Room) count(e *Entry, by int) {
	n := r.tally[e.Problem]
	switch {
	case e.State == Accepted:
		n.said += by
	case e.State == Failed || e.State == Queued && len(e.Tries) > 0:
		n.failing += by
	}
	if r.tally[e.Problem] = n; n == (tally{}) {
		delete(r.tally, e.Problem)
	}
}

// knockOn wakes who says what is due.
func (r *Room) knockOn() {
	select {
	case r.knock <- struct{}{}:
	default:
	}
}

// OnChange has f called after each change, of this process or another's. It must not wait.
func (r *Room) OnChange(f func()) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = append(r.changed, f)
}

// tell forgets the snapshot, and tells those who wait for another.
func (r *Room) tell() {
	r.snapshot.Store(nil)
	r.mu.Lock()
	r.version++
	changed := r.changed
	r.mu.Unlock()
	for _, f := range changed {
		f()
	}
}

// Groups are the rules that there are. The caller must not change them.
func (r *Room) Groups() []*rule.Group {
	if r == nil {
		return nil
	}
	return r.cfg.Groups
}

// Policy is whom alerts are told to; nil: nobody. The caller must not change it.
func (r *Room) Policy() *route.Policy {
	if r == nil {
		return nil
	}
	return r.cfg.Policy
}

// Snapshot is what is known now.
func (r *Room) Snapshot() *Snapshot {
	if r == nil {
		return &Snapshot{}
	}
	if s := r.snapshot.Load(); s != nil {
		return s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.snap(time.Now())
	r.snapshot.Store(s)
	return s
}

func (r *Room) snap(now time.Time) *Snapshot {
	s := &Snapshot{Version: r.version, Dials: map[string]Dial{}, Drill: r.drill, Judged: r.lead.Judged, Leader: r.lead.Owner}
	var open, closed []*Incident // a week may hold many thousands
	for id := range r.problems {
		i := &Incident{Problem: r.problems[id], Care: r.cares[id], Said: r.tally[id].said, Failing: r.tally[id].failing}
		i.Acked = acked(&i.Problem, &i.Care)
		if i.Ended.IsZero() {
			open = append(open, i)
		} else {
			closed = append(closed, i)
		}
	}
	slices.SortFunc(open, louder)
	slices.SortFunc(closed, func(a, b *Incident) int { return cmp.Or(b.Ended.Compare(a.Ended), strings.Compare(b.ID, a.ID)) })
	for _, i := range open {
		s.Open = append(s.Open, *i)
	}
	for _, i := range closed[:min(closedShown, len(closed))] {
		s.Closed = append(s.Closed, *i)
	}
	for _, a := range r.alerts {
		switch {
		case a.Status == rule.NoData || a.Status == rule.Error:
			s.Blind = append(s.Blind, a)
		case a.Weak && a.Active():
			s.Weak = append(s.Weak, a)
		}
	}
	byKey := func(a, b rule.Alert) int { return strings.Compare(a.Key, b.Key) }
	slices.SortFunc(s.Blind, byKey)
	slices.SortFunc(s.Weak, byKey)
	for _, x := range r.silences {
		if now.Sub(x.To) < endedShown && (x.Ended.IsZero() || now.Sub(x.Ended) < endedShown) {
			s.Silences = append(s.Silences, x)
		}
	}
	slices.SortFunc(s.Silences, func(a, b route.Silence) int { return b.To.Compare(a.To) })
	for _, x := range r.works {
		if _, to := x.Window(); now.Sub(to) < endedShown {
			s.Maintenance = append(s.Maintenance, x)
		}
	}
	for _, x := range r.override {
		if now.Before(x.To) {
			s.Overrides = append(s.Overrides, x)
		}
	}
	slices.SortFunc(s.Overrides, func(a, b route.Override) int { return a.From.Compare(b.From) })
	for _, g := range r.cfg.Groups {
		d := r.dials[g.ID]
		d.Group, d.Usual = g.ID, g.Sensitivity
		if d.At == 0 {
			d.At = g.Sensitivity
		}
		s.Dials[g.ID] = d
	}
	if len(r.cfg.Groups) > 0 {
		switch {
		case s.Leader == "" || now.Sub(r.leadAt) > judgedLately:
			s.Trouble = append(s.Trouble, "no_leader")
		case now.Sub(s.Judged) > judgedLately:
			s.Trouble = append(s.Trouble, "late")
		}
	}
	for id, try := range r.lastTry {
		if try.Outcome != OutcomeAccepted && now.Sub(try.At) < time.Hour {
			s.Trouble = append(s.Trouble, "channel:"+id)
		}
	}
	slices.Sort(s.Trouble)
	return s
}

// louder orders open incidents: those that only are tried last, muted ones before them, then by severity,
// nobody's first, the newest first.
func louder(a, b *Incident) int {
	rank := func(i *Incident) int {
		n := i.Severity.Rank() * 4
		if i.Acked == nil {
			n++
		}
		if i.Mute != nil {
			n -= 100
		}
		if i.Monitor {
			n -= 200
		}
		return n
	}
	if d := rank(b) - rank(a); d != 0 {
		return d
	}
	if d := b.Began.Compare(a.Began); d != 0 {
		return d
	}
	return strings.Compare(a.ID, b.ID)
}

// Entries are the lines of the ledger about a problem, or by "" the last two hundred of all, the latest
// first.
func (r *Room) Entries(problem string) []Entry {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	from := r.entries
	if problem != "" {
		from = r.about[problem]
	}
	out := slices.Collect(maps.Values(from))
	r.mu.Unlock()
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Or(b.Made.Compare(a.Made), strings.Compare(a.ID, b.ID)) })
	if problem == "" {
		out = out[:min(200, len(out))]
	}
	return out
}

// Trail is what was decided about a problem, in order; by "" the last five hundred lines of all, the
// latest first.
func (r *Room) Trail(problem string) []Line {
	if r == nil {
		return nil
	}
	return r.trail.lines(problem)
}

// Preview is what would have fired in the last hour at each setting of a group's dial. It takes up to some
// seconds; the process that judges answers, others fail with ErrNotFound.
func (r *Room) Preview(ctx context.Context, group string) ([]Previewed, error) {
	if r == nil {
		return nil, ErrNotFound
	}
	if f := r.preview.Load(); f != nil {
		return (*f)(ctx, group)
	}
	return nil, ErrNotFound
}

// Series is the signal of an alert over the last half hour, by ten seconds, for a chart; NaN: not known. The
// process that judges knows it; others have the facts of the problem alone.
func (r *Room) Series(alert string) (start time.Time, step time.Duration, points []float64) {
	if r == nil {
		return time.Time{}, 0, nil
	}
	if f := r.series.Load(); f != nil {
		return (*f)(alert)
	}
	return time.Time{}, 0, nil
}

// gone tells whether a process that delivered lives no more. The room is locked.
func (r *Room) gone(id string, now time.Time) bool {
	heard, known := r.lives[id]
	return !known || now.Sub(heard) > deadAfter
}

// acked is who has a problem, as loud as it is now; nil: nobody.
func acked(p *Problem, c *Care) *Ack {
	if c.Acked == nil || c.Acked.As.Rank() < p.Severity.Rank() || c.Acked.Again < p.Again {
		return nil
	}
	return c.Acked
}
