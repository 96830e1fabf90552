package send

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"vigie/internal/bus"
	"vigie/internal/pause"
	"vigie/internal/state"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
)

// Account is a channel that the house has, with what a send must know of it. An exercise has accounts of its own.
type Account struct {
	ID       string
	Kind     channel.Kind
	Name     string        // as people call it
	Drill    bool          // for exercises alone; the others for what is real alone
	Rate     float64       // recipients a second that the provider takes; 0: it does not say
	Price    float64       // of a unit: an SMS segment, a mail; in the house's currency
	Valid    time.Duration // after which nobody is told any more; 0: an hour
	Parallel int           // calls at a time by one process; 0: 16
	Timeout  time.Duration // of one call; 0: 20 s, at most 25 s
}

func (a *Account) valid() time.Duration {
	if a.Valid <= 0 {
		return time.Hour
	}
	return a.Valid
}

// RoomConfig is what a Room is made of.
type RoomConfig struct {
	Bus      *bus.Bus
	KV       *bus.KV // of State
	State    *state.Bucket
	Accounts []Account
	Lists    func(ctx context.Context, id string) (audience.List, error)
	// Timeline writes a crisis's line, once for each id; nil: there is none.
	Timeline func(ctx context.Context, id string, l crisis.Line) error
	Prepare  PrepareConfig
	Keep     time.Duration // how long after a send it is kept who was told; 0: 30 days, at least a day
	Log      *slog.Logger
}

// Room is what all processes know of sends, and where people act on them. Its methods may be called at the same time.
// A nil Room knows nothing.
type Room struct {
	cfg   RoomConfig
	sends *state.Kind[Send]
	beats *state.Kind[beat]

	mu      sync.Mutex
	ledgers map[string]*opened
	heard   map[string]time.Time // of workers: when this process last heard a new beat
	beatN   map[string]uint64    // of workers: that beat
	changed []func()
	dirty   chan struct{}
	version uint64
	inLine  map[string]bool // lines that are in timelines, written by this process
}

// opened is a ledger that this process follows.
type opened struct {
	*ledger
	stop context.CancelFunc
	used time.Time // when somebody looked last
}

// NewRoom names the kinds of State, which must be loaded after it and run beside it.
func NewRoom(cfg RoomConfig) *Room {
	if cfg.Keep == 0 {
		cfg.Keep = 30 * 24 * time.Hour
	}
	cfg.Keep = max(cfg.Keep, 24*time.Hour) // longer than ledgers are followed
	r := &Room{
		cfg: cfg, sends: state.Keep[Send](cfg.State, "send."), beats: state.Keep[beat](cfg.State, "beat.").Quiet(),
		ledgers: map[string]*opened{}, inLine: map[string]bool{}, heard: map[string]time.Time{}, beatN: map[string]uint64{}, dirty: make(chan struct{}, 1),
	}
	cfg.State.OnChange(r.touch)
	return r
}

func (c *RoomConfig) now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// touch says that something may have changed; it never waits.
func (r *Room) touch() {
	select {
	case r.dirty <- struct{}{}:
	default:
	}
}

// OnChange calls f soon after something changed, at most five times a second; f must not wait.
func (r *Room) OnChange(f func()) {
	if r == nil {
		return
	}
	r.mu.Lock()
	r.changed = append(r.changed, f)
	r.mu.Unlock()
}

// Version is another one after each change that OnChange told.
func (r *Room) Version() uint64 {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}

const (
	followFor = 12 * time.Hour // after a send ended: receipts still come
	maxFollow = 60             // sends at a time; those that are open are, whatever their number
	lookFor   = time.Minute    // a ledger is followed after somebody looked at it
	maxLook   = 8              // of them at a time
	tellEvery = 200 * time.Millisecond
)

// Run follows the ledgers of sends that are open, or ended lately, until ctx ends.
func (r *Room) Run(ctx context.Context) error {
	defer func() {
		r.mu.Lock()
		all := r.ledgers
		r.ledgers = map[string]*opened{}
		r.mu.Unlock()
		for _, o := range all {
			o.stop()
			<-o.done
		}
	}()
	for {
		r.follow(ctx)
		r.mu.Lock()
		r.version++
		told := r.changed
		r.mu.Unlock()
		for _, f := range told {
			f()
		}
		if pause.For(ctx, tellEvery) != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.dirty:
		case <-time.After(5 * time.Second): // ages change what is to be followed
		}
	}
}

// follow opens the ledgers that should be followed, and lets go of the others.
func (r *Room) follow(ctx context.Context) {
	now := r.cfg.now()
	want := map[string]*Send{}
	all := r.sends.All()
	slices.Reverse(all)
	for _, open := range []bool{true, false} {
		for _, s := range all {
			if s.Confirmed.IsZero() || s.Ended.IsZero() != open || !open && (now.Sub(s.Ended) > followFor || len(want) >= maxFollow) {
				continue
			}
			want[s.ID] = s
		}
	}
	r.mu.Lock()
	var gone, looked []*opened
	for id, o := range r.ledgers {
		if want[id] == nil {
			looked = append(looked, o)
		}
	}
	slices.SortFunc(looked, func(a, b *opened) int { return b.used.Compare(a.used) })
	for i, o := range looked {
		if i >= maxLook || now.Sub(o.used) > lookFor {
			gone = append(gone, o)
			delete(r.ledgers, o.id)
		}
	}
	r.mu.Unlock()
	for _, o := range gone {
		o.stop()
		<-o.done
	}
	for _, s := range want {
		if _, err := r.open(ctx, s); err != nil && ctx.Err() == nil {
			r.cfg.Log.Warn("a send's ledger cannot be followed yet", "send", s.ID, "error", err)
			time.AfterFunc(time.Second, r.touch)
		}
	}
}

// open is a send's ledger, followed from now on.
func (r *Room) open(ctx context.Context, s *Send) (*ledger, error) {
	if s.Forgotten {
		return nil, ErrForgotten
	}
	r.mu.Lock()
	o := r.ledgers[s.ID]
	r.mu.Unlock()
	if o == nil {
		lists := make([]audience.List, len(s.Legs))
		for i := range s.Legs {
			if !s.Legs[i].Kind.Personal() {
				continue
			}
			list, err := r.cfg.Lists(ctx, s.Legs[i].List.ID)
			if err != nil {
				return nil, err
			}
			if got, want := list.Frozen().Hash, s.Legs[i].List.Hash; got != want {
				return nil, fmt.Errorf("the list %s of leg %s is not the one that was confirmed: its hash is %s, not %s", s.Legs[i].List.ID, s.Legs[i].Channel, got, want)
			}
			lists[i] = list
		}
		l, err := openLedger(ctx, r.cfg.Bus, s, lists, r.touch, r.cfg.Log)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		if o = r.ledgers[s.ID]; o == nil {
			following, stop := context.WithCancel(context.WithoutCancel(ctx))
			o = &opened{ledger: l, stop: stop}
			r.ledgers[s.ID] = o
			go l.run(following)
		}
		r.mu.Unlock()
	}
	r.mu.Lock()
	o.used = r.cfg.now()
	r.mu.Unlock()
	o.mu.Lock()
	switch { // what those are now who wait
	case s.Ended.IsZero() && s.Aborted == nil:
		o.ended = Waiting
	case s.Aborted != nil:
		o.ended = Recalled
	default:
		o.ended = Expired
	}
	o.mu.Unlock()
	return o.ledger, nil
}

// ledger is a send's, if this process follows it.
func (r *Room) ledger(id string) *ledger {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.ledgers[id]; o != nil {
		return o.ledger
	}
	return nil
}

// Get is a send; nil: there is none. It is not to be changed.
func (r *Room) Get(id string) *Send {
	if r == nil {
		return nil
	}
	return r.sends.Get(id)
}

// All are all sends that are kept, the newest first.
func (r *Room) All() []*Send {
	if r == nil {
		return nil
	}
	all := r.sends.All()
	slices.Reverse(all)
	return all
}

// Of are a crisis's sends, in order.
func (r *Room) Of(crisis string) []*Send {
	if r == nil {
		return nil
	}
	return slices.DeleteFunc(r.sends.All(), func(s *Send) bool { return s.Crisis != crisis })
}

// Accounts are the channels of exercises, or of what is real, in the order in which they are said.
func (r *Room) Accounts(drill bool) (out []Account) {
	if r == nil {
		return nil
	}
	for _, k := range channel.Kinds() {
		for _, a := range r.cfg.Accounts {
			if a.Kind == k && a.Drill == drill {
				out = append(out, a)
			}
		}
	}
	return out
}

func (r *Room) account(id string, drill bool) (Account, bool) {
	for _, a := range r.cfg.Accounts {
		if a.ID == id && a.Drill == drill {
			return a, true
		}
	}
	return Account{}, false
}

// Progress is how far a send is.
type Progress struct {
	Legs  []LegProgress
	Known bool // false: the ledger is not followed or not read yet, and the numbers are less than there is
	// Live tells whether a process that sends is there; without one nothing moves.
	Live int
}

// LegProgress is one channel's part of it.
type LegProgress struct {
	Tally
	Since time.Time     // from when on Rate is measured: its stage was opened, or a person had the send go on
	Rate  float64       // recipients a second since then, over PaceFor at the most
	Left  time.Duration // until all are told, at Rate, or at the leg's where nothing was sent lately; 0: not known, or nothing is left
}

// Progress counts now. Of a send that ended longer ago than ledgers are followed it is what was counted then.
func (r *Room) Progress(id string) (p Progress) {
	s := r.Get(id)
	if s == nil {
		return p
	}
	l := r.ledger(id)
	heard := l != nil && l.heardAll()
	p.Known, p.Live = heard || !s.Ended.IsZero(), len(r.live(s.Drill))
	for i := range s.Legs {
		leg := LegProgress{Tally: Tally{Size: s.Legs[i].Size()}, Since: s.went(i)}
		leg.Of[Waiting] = leg.Size
		switch {
		case !s.Ended.IsZero() && !heard && s.Legs[i].Tally != nil:
			leg.Tally = *s.Legs[i].Tally
		case l != nil:
			leg.Tally = l.tally(i)
			l.mu.Lock()
			leg.Rate = l.legs[i].pace.rate(r.cfg.now(), leg.Since)
			l.mu.Unlock()
		}
		rate := leg.Rate
		if rate == 0 {
			rate = s.Legs[i].Rate
		}
		if n := leg.OpenNow(); n > 0 && rate > 0 {
			leg.Left = time.Duration(float64(n) / rate * float64(time.Second))
		}
		p.Legs = append(p.Legs, leg)
	}
	return p
}

// Line is one recipient's, for people to read.
type Line struct {
	Recipient audience.Recipient // To is empty of a post
	Leg       int
	Outcome   Outcome
	At        time.Time // of the outcome; zero: nothing happened yet
	Tries     int
	Receipt   string
	Reason    string // a provider.Reason; "": none
	Text      string
}

// Lines are at most n recipients of a leg that stand at one of the outcomes, from the offset-th on; none: at any.
func (r *Room) Lines(ctx context.Context, id string, leg int, of []Outcome, offset, n int) (out []Line, total int, err error) {
	s := r.Get(id)
	if s == nil || leg < 0 || leg >= len(s.Legs) {
		return nil, 0, ErrNotFound
	}
	l, err := r.open(ctx, s)
	if err != nil {
		return nil, 0, err
	}
	if err := l.hearAll(ctx); err != nil {
		return nil, 0, err
	}
	p := l.legs[leg]
	var found []int
	l.mu.Lock()
	for i := range p.lines {
		o := p.lines[i].outcome
		if o == Waiting {
			o = l.ended
		}
		if len(of) > 0 && !slices.Contains(of, o) {
			continue
		}
		if total++; total > offset && len(found) < n {
			found = append(found, i)
		}
	}
	l.mu.Unlock()
	for _, i := range found {
		line, err := l.show(ctx, leg, i)
		if err != nil {
			return nil, total, err
		}
		out = append(out, line)
	}
	return out, total, nil
}

// show is a line with all that is kept of it.
func (l *ledger) show(ctx context.Context, leg, i int) (Line, error) {
	e, _, err := l.read(ctx, leg, i)
	if err != nil {
		return Line{}, err
	}
	o, _ := parseOutcome(e.Outcome)
	if o == Waiting {
		l.mu.Lock()
		o = l.ended
		l.mu.Unlock()
	}
	out := Line{Leg: leg, Outcome: o, Tries: e.Tries, Receipt: e.Receipt, Reason: e.Reason, Text: e.Text}
	if e.At > 0 {
		out.At = time.UnixMilli(e.At).UTC()
	}
	if p := l.legs[leg]; p.list != nil {
		out.Recipient = p.list.At(i)
	} else {
		out.Recipient = audience.Recipient{Key: p.posts[i], Lang: p.posts[i]}
	}
	return out, nil
}

// To is what was sent to a person, by their keys in lists, the newest first: for the support desk. Sends that ended
// longer ago than ledgers are followed are not looked at.
func (r *Room) To(ctx context.Context, keys map[channel.Kind]string) (out []Reached, err error) {
	for _, s := range r.All() {
		l := r.ledger(s.ID)
		if l == nil {
			continue
		}
		for n, p := range l.legs {
			if p.list == nil || keys[s.Legs[n].Kind] == "" {
				continue
			}
			if i, ok := p.list.Find(keys[s.Legs[n].Kind]); ok {
				line, err := l.show(ctx, n, i)
				if err != nil {
					return nil, err
				}
				out = append(out, Reached{s, line})
			}
		}
	}
	return out, nil
}

// Reached is a person's line, and the send that it is of.
type Reached struct {
	Send *Send
	Line Line
}

// Count is how often a person was told, perhaps, in a match by sends that are no exercise, for the cap on it; key is
// theirs in lists. What follows an initial message is owed, and does not count.
func (r *Room) Count(match, key string) (n int) {
	for _, s := range r.sends.All() {
		if s.Match != match || s.Drill || s.Rendered.Step.Follows() {
			continue
		}
		if l := r.ledger(s.ID); l != nil {
			for leg, p := range l.legs {
				if p.list == nil {
					continue
				}
				if i, ok := p.list.Find(key); ok && l.at(leg, i).outcome.Told() {
					n++
				}
			}
		}
	}
	return n
}
