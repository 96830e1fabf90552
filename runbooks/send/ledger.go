package send

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/internal/bus"
	"vigie/internal/pause"
	"vigie/runbooks/audience"
)

// Outcome is where one recipient stands: each is in exactly one.
type Outcome uint8

const (
	Waiting     Outcome = iota // nobody has called for them, or it is certain that the call was not taken and there will be another
	Claimed                    // a worker is calling, or died while it did
	Accepted                   // the provider took it
	Delivered                  // and says that it arrived
	Undelivered                // and says that it did not, and will not
	Refused                    // certainly not taken, and not tried again by itself
	Unknown                    // perhaps taken: nobody can know. Never tried again by itself
	Suppressed                 // asked, after the list was frozen, never to be told
	Expired                    // it was too late for the message to be of use
	Recalled                   // the send was aborted before their turn
	outcomes
)

var outcomeNames = [outcomes]string{"waiting", "claimed", "accepted", "delivered", "undelivered", "refused", "unknown", "suppressed", "expired", "recalled"}

// String is a key of texts.
func (o Outcome) String() string { return outcomeNames[o] }

// Outcomes are all, in order.
func Outcomes() (out []Outcome) {
	for o := range outcomes {
		out = append(out, o)
	}
	return out
}

// Open tells whether the send is not done with them yet.
func (o Outcome) Open() bool { return o == Waiting || o == Claimed }

// Told tells whether they were told, perhaps.
func (o Outcome) Told() bool {
	return o == Claimed || o == Accepted || o == Delivered || o == Undelivered || o == Unknown
}

// entry is a line as it is kept: bucket ledger-{send}, key {leg}.{recipient's key}. A line that is not there is
// Waiting.
type entry struct {
	Outcome string `json:"s"`
	Worker  string `json:"w,omitempty"` // who claimed it last
	Tries   int    `json:"n,omitempty"`
	Round   int    `json:"o,omitempty"` // of the send, when it was claimed last
	At      int64  `json:"t"`           // Unix milliseconds
	Next    int64  `json:"x,omitempty"` // of Waiting: not before
	Receipt string `json:"r,omitempty"` // the provider's id
	Reason  string `json:"y,omitempty"` // of what failed: a provider.Reason
	Text    string `json:"m,omitempty"` // its words
	Doubt   bool   `json:"d,omitempty"` // of Claimed: nobody knows of an earlier call, and a person had it repeated
	Left    bool   `json:"l,omitempty"` // of Unknown: who called died, which says nothing of the provider
}

const maxWords = 120 // characters of a provider's words that a line keeps

// line is an entry in memory: 32 bytes, for there are millions on a night.
type line struct {
	revision uint64
	next     int64
	at       int64
	worker   uint16 // in ledger.workers
	tries    uint16
	round    uint16
	outcome  Outcome
	left     bool
}

// Tally counts a leg's recipients by outcome. They add up to its size.
type Tally struct {
	Of   [outcomes]int
	Size int
}

// Get is how many stand at o.
func (t Tally) Get(o Outcome) int { return t.Of[o] }

// OpenNow is how many the send is not done with.
func (t Tally) OpenNow() int { return t.Of[Waiting] + t.Of[Claimed] }

// Reached is how many were certainly told.
func (t Tally) Reached() int { return t.Of[Accepted] + t.Of[Delivered] }

// Failed is how many were not, or perhaps not.
func (t Tally) Failed() int { return t.Of[Undelivered] + t.Of[Refused] + t.Of[Unknown] + t.Of[Expired] }

// ledger is one send's lines, as this process knows them.
type ledger struct {
	id   string
	kv   *bus.KV
	log  *slog.Logger
	seed maphash.Seed

	mu      sync.Mutex
	legs    []*pages
	workers []string
	known   map[string]uint16 // of workers
	done    chan struct{}     // closed once nobody follows it any more
	whole   chan struct{}     // closed once all that there was has been heard
	isWhole bool
	told    func()
	ended   Outcome // what Waiting ones are, once the send is over; Waiting: it is not
}

// pages are a leg's lines.
type pages struct {
	list     audience.List // nil: posts
	posts    []string
	lines    []line
	tally    [outcomes]int
	receipts map[uint64]int32 // hash of a receipt: index
	news     chan struct{}    // something changed
	pace     window
}

func (p *pages) size() int { return len(p.lines) }

// key is a recipient's, in the ledger and in the message's id.
func (p *pages) key(i int) string {
	if p.list == nil {
		return p.posts[i]
	}
	return p.list.At(i).Key
}

func (p *pages) find(key string) (int, bool) {
	if p.list != nil {
		return p.list.Find(key)
	}
	for i, k := range p.posts {
		if k == key {
			return i, true
		}
	}
	return 0, false
}

// bucketOf is the name of a send's ledger.
func bucketOf(send string) string { return "ledger-" + send }

func openLedger(ctx context.Context, b *bus.Bus, s *Send, lists []audience.List, told func(), log *slog.Logger) (*ledger, error) {
	kv, err := b.KV(ctx, bucketOf(s.ID))
	if err != nil {
		return nil, err
	}
	l := &ledger{id: s.ID, kv: kv, log: log, seed: maphash.MakeSeed(), known: map[string]uint16{}, done: make(chan struct{}), whole: make(chan struct{}), told: told}
	for i := range s.Legs {
		p := &pages{posts: s.Legs[i].Posts, receipts: map[uint64]int32{}, news: make(chan struct{}, 1)}
		n := len(p.posts)
		if s.Legs[i].Kind.Personal() {
			p.list = lists[i]
			n = p.list.Frozen().Size
		}
		p.lines = make([]line, n)
		p.tally[Waiting] = n
		l.legs = append(l.legs, p)
	}
	return l, nil
}

// run follows what workers write until ctx ends.
func (l *ledger) run(ctx context.Context) {
	defer close(l.done)
	for ctx.Err() == nil {
		if err := l.kv.Follow(ctx, l.hear); ctx.Err() == nil {
			l.log.Warn("follow a send's ledger", "send", l.id, "error", err)
			_ = pause.For(ctx, time.Second)
		}
	}
}

func (l *ledger) hear(c bus.Change) {
	if c.Key == "" {
		l.mu.Lock()
		if !l.isWhole {
			l.isWhole = true
			close(l.whole)
		}
		l.mu.Unlock()
		l.told()
		return
	}
	var e entry
	if err := json.Unmarshal(c.Value, &e); err != nil && !c.Deleted {
		l.log.Error("a line of a ledger cannot be understood: was it edited by hand?", "send", l.id, "line", c.Key, "error", err)
		return
	}
	leg, key, _ := strings.Cut(c.Key, ".")
	n, err := strconv.Atoi(leg)
	if err != nil || n < 0 || n >= len(l.legs) {
		return
	}
	i, ok := l.legs[n].find(key)
	if !ok {
		l.log.Error("a ledger has a line about nobody in its list", "send", l.id, "line", c.Key)
		return
	}
	l.learn(n, i, e, c.Revision)
}

// learn takes over what a line says at a revision; older ones are not news.
func (l *ledger) learn(leg, i int, e entry, revision uint64) {
	o, ok := parseOutcome(e.Outcome)
	if !ok {
		l.log.Error("a line of a ledger has an outcome that is not known", "send", l.id, "outcome", e.Outcome)
		return
	}
	p := l.legs[leg]
	l.mu.Lock()
	at := &p.lines[i]
	if revision <= at.revision {
		l.mu.Unlock()
		return
	}
	w, ok := l.known[e.Worker]
	if !ok && len(l.workers) < 1<<16-1 {
		w = uint16(len(l.workers))
		l.known[e.Worker] = w
		l.workers = append(l.workers, e.Worker)
	}
	p.tally[at.outcome]--
	p.tally[o]++
	if l.isWhole && at.outcome.Open() && !o.Open() { // what was done before this process looked is no pace
		p.pace.add(time.Now())
	}
	*at = line{revision: revision, next: e.Next, at: e.At, worker: w, tries: uint16(min(e.Tries, 1<<16-1)), round: uint16(min(e.Round, 1<<16-1)), outcome: o, left: e.Left}
	if e.Receipt != "" {
		p.receipts[maphash.String(l.seed, e.Receipt)] = int32(i)
	}
	l.mu.Unlock()
	select {
	case p.news <- struct{}{}:
	default:
	}
	l.told()
}

func parseOutcome(name string) (Outcome, bool) {
	for o, n := range outcomeNames {
		if n == name {
			return Outcome(o), true
		}
	}
	return 0, false
}

// at is a line as it is known.
func (l *ledger) at(leg, i int) line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.legs[leg].lines[i]
}

// count is a leg's tally by its lines alone: those wait whom nobody called for, be the send over or not.
func (l *ledger) count(leg int) Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Tally{Of: l.legs[leg].tally, Size: len(l.legs[leg].lines)}
}

// tally is count for people. Once a send is over, those who wait will be told nothing: they are recalled, or expired.
func (l *ledger) tally(leg int) Tally {
	t := l.count(leg)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != Waiting {
		t.Of[l.ended] += t.Of[Waiting]
		t.Of[Waiting] = 0
	}
	return t
}

// heardAll tells whether all that there was has been heard: before that, a tally says less than there is.
func (l *ledger) heardAll() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.isWhole
}

// hearAll waits until all that there was has been heard.
func (l *ledger) hearAll(ctx context.Context) error {
	select {
	case <-l.whole:
		return nil
	case <-l.done:
		return fmt.Errorf("the ledger of %s is followed no more: try again", l.id)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func keyOf(leg int, key string) string { return strconv.Itoa(leg) + "." + key }

// write puts a line down where it is still at the revision that was seen; 0: where there is none. ErrConflict:
// somebody else wrote. On any other error nobody knows whether it is written.
func (l *ledger) write(ctx context.Context, leg, i int, e entry, revision uint64) (uint64, error) {
	value, err := json.Marshal(e)
	if err != nil {
		return 0, err
	}
	key := keyOf(leg, l.legs[leg].key(i))
	if revision == 0 {
		revision, err = l.kv.Create(ctx, key, value)
	} else {
		revision, err = l.kv.Update(ctx, key, value, revision)
	}
	if err != nil {
		return 0, err
	}
	l.learn(leg, i, e, revision)
	return revision, nil
}

// read asks the bucket for a line. A revision of 0: there is none.
func (l *ledger) read(ctx context.Context, leg, i int) (e entry, revision uint64, err error) {
	value, revision, err := l.kv.Get(ctx, keyOf(leg, l.legs[leg].key(i)))
	if errors.Is(err, bus.ErrNotFound) {
		return entry{Outcome: Waiting.String()}, 0, nil
	}
	if err != nil {
		return entry{}, 0, err
	}
	if err := json.Unmarshal(value, &e); err != nil {
		return entry{}, 0, fmt.Errorf("line %s of ledger %s cannot be understood: %w", keyOf(leg, l.legs[leg].key(i)), l.id, err)
	}
	l.learn(leg, i, e, revision)
	return e, revision, nil
}

// settle writes what came of a call until it is written, or somebody knows better: what is certain takes the place
// of what is not, and what arrived of what was taken. It gives up when ctx ends: the line then says claimed, which
// becomes unknown.
func (l *ledger) settle(ctx context.Context, leg, i int, e entry, revision uint64) error {
	for delay := 50 * time.Millisecond; ; delay = min(2*delay, 2*time.Second) {
		_, err := l.write(ctx, leg, i, e, revision)
		if err == nil {
			return nil
		}
		now, at, readErr := l.read(ctx, leg, i)
		switch {
		case readErr != nil:
			if err := pause.For(ctx, delay); err != nil {
				return err
			}
			continue
		case now == e: // it was written, and the answer was lost
			return nil
		}
		was, _ := parseOutcome(now.Outcome)
		ours := was == Claimed && now.Worker == e.Worker // it is this very call's claim still, whatever e says of tries
		if will, _ := parseOutcome(e.Outcome); !ours && !better(will, was, now.Tries, e.Tries) {
			return nil
		}
		revision = at
		if errors.Is(err, bus.ErrConflict) {
			continue
		}
		if err := pause.For(ctx, delay); err != nil {
			return err
		}
	}
}

// better tells whether an outcome is worth more than the one that is written: states go one way.
func better(will, was Outcome, wasTries, willTries int) bool {
	if willTries < wasTries && will != Delivered && will != Undelivered && will != Accepted { // of an earlier call
		return false
	}
	rank := [outcomes]int{Waiting: 2, Claimed: 0, Unknown: 1, Refused: 2, Suppressed: 2, Expired: 2, Recalled: 2, Accepted: 3, Undelivered: 4, Delivered: 5}
	return rank[will] > rank[was]
}

// findReceipt is the recipient of a leg whom a provider's receipt is about.
func (l *ledger) findReceipt(leg int, receipt string) (i int, ok bool) {
	h := maphash.String(l.seed, receipt)
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.legs[leg].receipts[h]
	return int(at), ok
}
