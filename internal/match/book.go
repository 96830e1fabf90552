package match

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// KV is where a Book keeps what people decide: keys are the matches' ids and one more, values JSON of at
// most 256 KB. Errors match ErrNotFound (Get) and ErrConflict (Create, Update) through errors.Is. Watch
// calls f with the value of each key, then with each that is written, until ctx ends or the watch breaks.
type KV interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Create(ctx context.Context, key string, value []byte) error
	Update(ctx context.Context, key string, value []byte, revision uint64) error
	Watch(ctx context.Context, f func(key string, value []byte, deleted bool)) error
}

// What can go wrong with an act, beside an Invalid, an OrderError and the errors of the KV.
var (
	ErrNotFound  = errors.New("match: not found")
	ErrConflict  = errors.New("match: changed by someone else meanwhile")
	ErrFull      = errors.New("match: no more can be kept with it")
	ErrForbidden = errors.New("match: a note is its author's to remove")
)

// Book is the calendar with what people decide about its matches. What it tells is what was last heard
// of, without a wait; each act is in the KV once it returns. Its methods may be called at the same time.
// A nil Book has no matches.
type Book struct {
	kv      KV
	log     *slog.Logger
	matches []*Match // by kick-off
	byID    map[string]*Match
	now     atomic.Pointer[snapshot]

	acting chan struct{} // held by the act under way: those of one process wait instead of conflicting

	mu      sync.Mutex // of what follows, and to replace now
	changed []func()
}

// snapshot is what is known at a moment. It does not change once made.
type snapshot struct {
	live   map[string]*live // of every match
	chosen choice
}

type live struct {
	*record
	timeline []Mark
}

// choice is the match that an operator wants to see when there are several.
type choice struct {
	Version uint64    `json:"version"`
	ID      string    `json:"id"` // "": none
	By      string    `json:"by"`
	Said    time.Time `json:"said"`
}

// chosenKey is no match's id.
const chosenKey = "_chosen"

// OpenBook reads what was decided about matches, which must have been checked. It fails when kv cannot
// be read; what cannot be understood is logged and left as it is.
func OpenBook(ctx context.Context, kv KV, matches []*Match, log *slog.Logger) (*Book, error) {
	b := &Book{kv: kv, log: log, matches: slices.Clone(matches), byID: map[string]*Match{}, acting: make(chan struct{}, 1)}
	slices.SortStableFunc(b.matches, func(x, y *Match) int {
		if c := x.KickOff.Compare(y.KickOff); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	s := &snapshot{live: map[string]*live{}}
	for _, m := range b.matches {
		if err := ParseID(m.ID); err != nil {
			return nil, fmt.Errorf("match: id: %w", err)
		}
		if b.byID[m.ID] != nil {
			return nil, fmt.Errorf("match: two are called %q", m.ID)
		}
		b.byID[m.ID] = m
		s.live[m.ID] = &live{&record{}, m.Planned()}
	}
	b.now.Store(s)
	for _, key := range append(b.keys(), chosenKey) {
		value, _, err := kv.Get(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("match: read %s: %w", key, err)
		}
		b.learn(key, value, true)
	}
	return b, nil
}

func (b *Book) keys() []string {
	keys := make([]string, len(b.matches))
	for i, m := range b.matches {
		keys[i] = m.ID
	}
	return keys
}

const (
	watchFor   = time.Minute // after which it begins anew, in case that it fell silent
	watchPause = time.Second // after one that broke
	actTries   = 30
)

// Run follows what other processes decide until ctx ends, whether the KV is there or not.
func (b *Book) Run(ctx context.Context) error {
	broken := false
	for ctx.Err() == nil {
		heard := map[string]bool{}
		watch, cancel := context.WithTimeout(ctx, watchFor)
		err := b.kv.Watch(watch, func(key string, value []byte, deleted bool) {
			if broken {
				broken = false
				b.log.Info("what is decided about matches is heard again")
			}
			b.hear(watch, key, value, deleted, !heard[key])
			heard[key] = true
		})
		ended := watch.Err() != nil
		cancel()
		if ended {
			continue
		}
		if !broken {
			broken = true
			b.log.Warn("what others decide about matches is not heard; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(watchPause):
		}
	}
	return nil
}

// hear takes what a watch tells. The first of a key is what the KV has at that time; if it is older than
// what is known here, it was either overtaken by an act of ours or the KV is a new one: it is asked.
func (b *Book) hear(ctx context.Context, key string, value []byte, deleted, first bool) {
	if deleted {
		value = nil
	}
	if b.learn(key, value, deleted) || !first {
		return
	}
	if value, _, err := b.kv.Get(ctx, key); err == nil {
		b.learn(key, value, true)
	}
}

// learn takes a value, unless it is older than what is known and not sure to be right. It is false when
// the value was older.
func (b *Book) learn(key string, value []byte, sure bool) bool {
	if key != chosenKey && b.byID[key] == nil {
		return true // of a match whose file is gone
	}
	b.mu.Lock()
	old := b.now.Load()
	next := &snapshot{live: old.live, chosen: old.chosen}
	var before, after uint64
	if key == chosenKey {
		var c choice
		if err := decodeChoice(value, &c); err != nil {
			b.mu.Unlock()
			b.log.Error("what is kept about matches cannot be read", "key", key, "error", err)
			return true
		}
		before, after, next.chosen = old.chosen.Version, c.Version, c
	} else {
		r, err := readRecord(value)
		if err != nil {
			b.mu.Unlock()
			b.log.Error("what is kept about a match cannot be read", "match", key, "error", err)
			return true
		}
		before, after = old.live[key].Version, r.Version
		next.live = make(map[string]*live, len(old.live))
		for id, l := range old.live {
			next.live[id] = l
		}
		next.live[key] = &live{r, b.byID[key].timeline(replay(r.Moves))}
	}
	if after == before || after < before && !sure {
		b.mu.Unlock()
		return after == before
	}
	b.now.Store(next)
	changed := slices.Clone(b.changed)
	b.mu.Unlock()
	for _, f := range changed {
		f()
	}
	return true
}

func decodeChoice(value []byte, c *choice) error {
	if len(value) == 0 {
		return nil
	}
	return json.Unmarshal(value, c)
}

// OnChange has f called after each change, of this process or another's. It must not wait.
func (b *Book) OnChange(f func()) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = append(b.changed, f)
}

// Matches are all, by kick-off as planned. The caller must not change them, nor what the methods below return.
func (b *Book) Matches() []*Match {
	if b == nil {
		return nil
	}
	return b.matches
}

// Find is the match with an id; nil: there is none.
func (b *Book) Find(id string) *Match {
	if b == nil {
		return nil
	}
	return b.byID[id]
}

func (b *Book) live(id string) (*live, bool) {
	if b == nil {
		return nil, false
	}
	l, ok := b.now.Load().live[id]
	return l, ok
}

// Timeline is when the phases of a match begin, as planned and moved.
func (b *Book) Timeline(id string) []Mark {
	if l, ok := b.live(id); ok {
		return l.timeline
	}
	return nil
}

// Moves are what was said about the phases of a match, in the order in which it was.
func (b *Book) Moves(id string) []Move {
	if l, ok := b.live(id); ok {
		return l.Moves
	}
	return nil
}

// Notes are those of a match, in order of time.
func (b *Book) Notes(id string) []Note {
	if l, ok := b.live(id); ok {
		return l.Notes
	}
	return nil
}

// Answers are those to a match's checklist, by item; some may be to items that it has no more.
func (b *Book) Answers(id string) map[string]Answer {
	if l, ok := b.live(id); ok {
		return l.Answers
	}
	return nil
}

// Compared is the match that one is compared with, and by which phase; "": none. An operator's choice
// goes before the file's.
func (b *Book) Compared(id string) (earlier string, by Phase) {
	l, ok := b.live(id)
	if !ok {
		return "", ""
	}
	if c := l.Compare; c != nil && (c.Earlier == "" || b.byID[c.Earlier] != nil) {
		return c.Earlier, c.Align
	}
	if earlier = b.byID[id].Compare; b.byID[earlier] == nil {
		return "", ""
	}
	return earlier, ""
}

// Chosen is the match that an operator chose to see, and who did; "": none.
func (b *Book) Chosen() (id, by string) {
	if b == nil {
		return "", ""
	}
	c := b.now.Load().chosen
	return c.ID, c.By
}

// MovePhase says when a phase begins, to the second; one that is not in the plan, too. An OrderError
// tells between which times it may.
func (b *Book) MovePhase(ctx context.Context, id string, phase Phase, at time.Time, by string) error {
	return b.change(ctx, id, func(m *Match, r *record) error {
		return r.move(m, Move{Phase: phase, At: at.UTC().Truncate(time.Second), By: by, Said: said()})
	})
}

// SkipPhase says that a phase is not played, nor are those after it: the match is over where it would
// have begun. Moving one of them says that it is played after all.
func (b *Book) SkipPhase(ctx context.Context, id string, phase Phase, by string) error {
	return b.change(ctx, id, func(m *Match, r *record) error {
		return r.move(m, Move{Phase: phase, Skip: true, By: by, Said: said()})
	})
}

// UndoMove takes back the last MovePhase or SkipPhase that was not taken back.
func (b *Book) UndoMove(ctx context.Context, id, by string) error {
	return b.change(ctx, id, func(_ *Match, r *record) error { return r.undo(by) })
}

// AddNote writes on the axis of a match; at zero: now. The text becomes one line.
func (b *Book) AddNote(ctx context.Context, id string, at time.Time, text, by string) (Note, error) {
	text, err := sentence("text", text)
	if err == nil && text == "" {
		err = Invalid{"text", "is empty"}
	}
	if err != nil {
		return Note{}, err
	}
	n := Note{ID: strings.ToLower(rand.Text()[:12]), At: at.UTC().Truncate(time.Second), Text: text, By: by, Said: said()}
	if at.IsZero() {
		n.At = n.Said
	}
	err = b.change(ctx, id, func(m *Match, r *record) error {
		if away := n.At.Sub(m.KickOff).Abs(); away > maxAway {
			return Invalid{"at", "is more than " + maxAway.String() + " from kick-off"}
		}
		return r.addNote(n)
	})
	return n, err
}

// RemoveNote removes a note of by's own, or anyone's for an admin; else ErrForbidden.
func (b *Book) RemoveNote(ctx context.Context, id, note, by string, admin bool) error {
	return b.change(ctx, id, func(_ *Match, r *record) error { return r.removeNote(note, by, admin) })
}

// Answer says go or no-go to an item of the checklist, or takes the answer back.
func (b *Book) Answer(ctx context.Context, id, item string, verdict Verdict, note, by string) error {
	note, err := sentence("note", note)
	if err != nil {
		return err
	}
	if verdict != Unset && verdict != Go && verdict != NoGo {
		return Invalid{"verdict", fmt.Sprintf("%.20q is none of go, no-go and nothing", verdict)}
	}
	return b.change(ctx, id, func(m *Match, r *record) error {
		if !slices.ContainsFunc(m.Checklist, func(i CheckItem) bool { return i.ID == item }) {
			return fmt.Errorf("%w: item %.64q of the checklist", ErrNotFound, item)
		}
		if verdict == Unset {
			delete(r.Answers, item)
			return nil
		}
		if r.Answers == nil {
			r.Answers = map[string]Answer{}
		}
		r.Answers[item] = Answer{verdict, note, by, said()}
		return nil
	})
}

// Compare chooses the match that one is compared with, "": none, and by which phase; "": minute by minute
// of each phase.
func (b *Book) Compare(ctx context.Context, id, earlier string, align Phase, by string) error {
	return b.change(ctx, id, func(_ *Match, r *record) error {
		switch {
		case earlier == id:
			return Invalid{"earlier", "is the match itself"}
		case earlier != "" && b.byID[earlier] == nil:
			return fmt.Errorf("%w: %.64q to compare with", ErrNotFound, earlier)
		case align != "" && align.rank() <= 0:
			return Invalid{"align", fmt.Sprintf("%.60q is none of %s", align, joinPhases(order[1:]))}
		}
		r.Compare = &comparison{earlier, align, by, said()}
		return nil
	})
}

// Select chooses the match to see while there are several; "": the most critical again.
func (b *Book) Select(ctx context.Context, id, by string) error {
	if id != "" && b.Find(id) == nil {
		return fmt.Errorf("%w: %.64q", ErrNotFound, id)
	}
	return b.write(ctx, chosenKey, func(value []byte) (any, error) {
		var c choice
		if err := decodeChoice(value, &c); err != nil {
			return nil, fmt.Errorf("match: decode what was chosen: %w", err)
		}
		return choice{c.Version + 1, id, by, said()}, nil
	})
}

func (b *Book) change(ctx context.Context, id string, edit func(*Match, *record) error) error {
	m := b.Find(id)
	if m == nil {
		return fmt.Errorf("%w: %.64q", ErrNotFound, id)
	}
	return b.write(ctx, id, func(value []byte) (any, error) {
		r, err := readRecord(value)
		if err != nil {
			return nil, err
		}
		if err := edit(m, r); err != nil {
			return nil, err
		}
		r.Version++
		return r, nil
	})
}

// write replaces a key's value by what edit makes of it, again if someone else was quicker.
func (b *Book) write(ctx context.Context, key string, edit func(value []byte) (any, error)) error {
	select {
	case b.acting <- struct{}{}:
		defer func() { <-b.acting }()
	case <-ctx.Done():
		return fmt.Errorf("match: write %s: %w", key, ctx.Err())
	}
	for try := 1; ; try++ {
		value, revision, err := b.kv.Get(ctx, key)
		found := err == nil
		if err != nil && !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("match: read %s: %w", key, err)
		}
		to, err := edit(value)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		if err := e.Encode(to); err != nil {
			return fmt.Errorf("match: encode %s: %w", key, err)
		}
		if out.Len() > maxRecord {
			return fmt.Errorf("%w: it would have %d bytes, %d are allowed", ErrFull, out.Len(), maxRecord)
		}
		if found {
			err = b.kv.Update(ctx, key, out.Bytes(), revision)
		} else {
			err = b.kv.Create(ctx, key, out.Bytes())
		}
		if err == nil {
			b.learn(key, out.Bytes(), true)
			return nil
		}
		if !errors.Is(err, ErrConflict) || try == actTries {
			return fmt.Errorf("match: write %s: %w", key, err)
		}
		select {
		case <-time.After(time.Duration(mathrand.Int64N(int64(try) * int64(4*time.Millisecond)))):
		case <-ctx.Done():
			return fmt.Errorf("match: write %s: %w", key, ctx.Err())
		}
	}
}
