package tape

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/alerts/signal"
	"vigie/internal/ch"
)

//go:embed sql/*.sql
var statements embed.FS

// questions are what ClickHouse is asked.
type questions struct {
	db    *ch.DB
	sql   map[string]string
	asked atomic.Uint64
}

func (q *questions) put(ctx context.Context, dest any, statement string, params ...ch.Param) error {
	q.asked.Add(1)
	return q.db.Select(ctx, dest, statement, params...)
}

func (q *questions) ask(ctx context.Context, dest any, name string, params ...ch.Param) error {
	if err := q.put(ctx, dest, q.sql[name], params...); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// mostRows bounds what one question may bring.
const mostRows = 4_000_000

// sums asks for a family's rows of a stretch, of these seconds alone where there are some.
func (q *questions) sums(ctx context.Context, st *store, f *family, from, to int64, grain int, seconds []uint32) ([]row, error) {
	if seconds == nil {
		seconds = []uint32{}
	}
	params := []ch.Param{ch.P("from", time.Unix(from, 0)), ch.P("to", time.Unix(to, 0)), ch.P("grain", grain)}
	if f.name != signal.Services {
		params = append(params, ch.P("by", f.union), ch.P("seconds", seconds))
	}
	q.asked.Add(1)
	rows, err := q.db.Query(ctx, q.sql[f.statement], params...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.statement, err)
	}
	defer rows.Close()
	var out []row
	var r row
	var texts [maxDims]string
	dest := []any{&r.slot}
	for i := range f.dims {
		dest = append(dest, &texts[i])
	}
	for c := range f.columns {
		dest = append(dest, &r.cols[c])
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, fmt.Errorf("%s: %w", f.statement, err)
		}
		for i := range f.dims {
			r.key[i] = st.id(texts[i])
		}
		if out = append(out, r); len(out) > mostRows {
			return nil, fmt.Errorf("%s: more than %d rows", f.statement, mostRows)
		}
	}
	return out, rows.Err()
}

// tell fills in what a statement does not say of experience: how many lines told of attempts and starts,
// by what a session of their tool stands for.
func (st *store) tell(f *family, rows []row) {
	if f.name != signal.Experience {
		return
	}
	for i := range rows {
		r := &rows[i]
		weight := max(st.weights[r.key[0]], 1)
		r.cols[expToldAttempts] = min(r.cols[expLines], r.cols[expAttempts]/weight)
		r.cols[expToldStarts] = min(r.cols[expLines], r.cols[expStarts]/weight)
	}
}

// work is what a tick asks for one family.
type work struct {
	f        *family
	seconds  []uint32
	from, to int64 // slots
	mend     bool
	read     func(ctx context.Context) (fold func(), err error)
}

// mendSlots is how many slots before now rows that came late are looked at by the tick itself.
const mendSlots = 90

// changes asks which stretches the sources wrote to, and notes them.
func (t *Tape) changes(ctx context.Context, now time.Time) ([]change, error) {
	if t.seen.IsZero() {
		t.seen = now.Add(-10 * time.Second)
	}
	var rows []change
	// Several writers stamp deliveries before they store them: look a little back.
	if err := t.ask(ctx, &rows, "changed", ch.P("after", t.seen.Add(-lookBack).UnixMilli())); err != nil {
		return nil, err
	}
	fresh := rows[:0]
	for _, r := range rows {
		key := changeKey{r.Stored, r.Partition, r.First, r.Source}
		if _, known := t.told[key]; known {
			continue
		}
		t.told[key] = struct{}{}
		fresh = append(fresh, r)
		if stored := time.UnixMilli(r.Stored); stored.After(t.seen) {
			t.seen = stored
		}
	}
	for key := range t.told {
		if key.stored < t.seen.Add(-2*lookBack).UnixMilli() {
			delete(t.told, key)
		}
	}
	return fresh, nil
}

const lookBack = 5 * time.Second

type change struct {
	Stored    int64  `ch:"stored_ms"`
	Partition uint16 `ch:"partition"`
	First     uint64 `ch:"first"`
	Source    string `ch:"source"`
	Oldest    int64  `ch:"oldest_ms"`
	Newest    int64  `ch:"newest_ms"`
}

type changeKey struct {
	stored    int64
	partition uint16
	first     uint64
	source    string
}

// touch marks what a change is about as unread.
func (t *Tape) touch(c *change) {
	st := t.live.st
	from, to := time.UnixMilli(c.Oldest), time.UnixMilli(c.Newest)
	info, known := t.sources[c.Source]
	bit := initial
	if known && info.bit != 0 {
		bit = info.bit
	}
	if !known || info.CDN != "" {
		st.families[signal.Requests].touch(from, to, bit, 0)
		st.families[signal.Identity].touch(from, to, bit, 0)
	}
	if !known || info.CDN == "" {
		st.families[signal.Experience].touch(from, to, bit, 0)
		st.families[signal.Audience].touch(from, to, bit, 2) // sessions count in two slots more
		st.families[signal.Services].touch(from, to, bit, 0)
	}
	t.earlierTouched(from, to)
}

// due is what a tick has to read of each family.
func (t *Tape) due(e *edges, ready func(int64) uint64) (todo []work) {
	st := t.live.st
	for _, f := range st.ordered {
		if len(f.groupings) == 0 || f.name == signal.Sources {
			continue
		}
		w := work{f: f}
		if f.fine {
			w.seconds = f.due(ready)
			w.from, w.to, w.mend = f.latest(f.recent, slotOf(e.now)-mendSlots, slotOf(e.now), true)
		} else {
			limit := f.limit(e)
			w.from, w.to, w.mend = f.latest(f.recent, slotOf(e.now)-mendSlots, limit, false)
		}
		switch f.name {
		case signal.Audience:
			w.read = func(ctx context.Context) (func(), error) { return t.readAudience(ctx, st, w.from, w.to, w.mend) }
		case signal.Identity:
			w.read = func(ctx context.Context) (func(), error) { return t.readIdentities(ctx, st, w.from, w.to, w.mend) }
		default:
			w.read = func(ctx context.Context) (func(), error) { return t.readSums(ctx, st, &w) }
		}
		todo = append(todo, w)
	}
	return todo
}

// limit is the slot before which a family's slots can be read for good.
func (f *family) limit(e *edges) int64 {
	now := e.now + aheadTime
	switch f.name {
	case signal.Audience:
		if e.tools.at > 0 && !e.tools.silent {
			now = e.tools.at
		}
	case signal.Identity:
		now = e.now // CDNs are complete at different times
	case signal.Services:
		now = e.services.at
	}
	return slotOf(now)
}

// readSums asks for what is due of a family that has its sums by seconds, or by slots.
func (t *Tape) readSums(ctx context.Context, st *store, w *work) (func(), error) {
	var fine, coarse []row
	var err error
	if len(w.seconds) > 0 {
		if fine, err = t.sums(ctx, st, w.f, int64(w.seconds[0]), int64(w.seconds[len(w.seconds)-1])+1, 1, w.seconds); err != nil {
			return nil, err
		}
	}
	if w.mend {
		if coarse, err = t.sums(ctx, st, w.f, w.from*slotSeconds, w.to*slotSeconds, slotSeconds, nil); err != nil {
			return nil, err
		}
	}
	return func() {
		st.tell(w.f, fine)
		st.tell(w.f, coarse)
		if len(w.seconds) > 0 {
			w.f.foldFine(w.seconds, fine, st)
		}
		if w.mend {
			w.f.foldCoarse(w.from, w.to, coarse, st)
		}
	}, nil
}

// tickLimit is how long a tick's questions may take; what is not answered is asked again at the next.
const tickLimit = 5 * time.Second

// Tick reads what came since the last one. It must not be called at the same time as itself, Fill, Series
// or Read. Its error is what could not be read: it is in the Series too, whose data stay as they were.
func (t *Tape) Tick(ctx context.Context, now time.Time) error {
	begun := time.Now()
	defer func() { t.took.Observe(time.Since(begun).Seconds()) }()
	ctx, cancel := context.WithTimeout(ctx, tickLimit)
	defer cancel()
	now = now.Truncate(time.Second)
	marks, err := t.delivered.Read(ctx, now)
	var changed []change
	if err == nil {
		changed, err = t.changes(ctx, now)
	}
	st := t.live.st
	t.mu.Lock()
	for _, f := range st.ordered {
		f.begin(now.Unix())
		if err != nil {
			f.err = errText(err)
		}
	}
	for i := range changed {
		t.touch(&changed[i])
	}
	t.mu.Unlock()
	if err != nil {
		return err
	}
	e := t.edgesOf(&marks, &t.live.edges)
	var at [64]int64 // how far each source with a bit is; 0: it waits for none
	for id, info := range t.sources {
		if s := marks.Sources[id]; s != nil && info.bit != 0 {
			at[info.number] = whole(marks.Watermark(s))
		}
	}
	ready := func(second int64) (bits uint64) {
		for n, mark := range at {
			if mark == 0 || mark > second {
				bits |= 1 << n
			}
		}
		return bits | initial
	}
	todo := t.due(&e, ready)
	folds, errs := make([]func(), len(todo)), make([]error, len(todo))
	var wg sync.WaitGroup
	for i := range todo {
		wg.Go(func() { folds[i], errs[i] = todo[i].read(ctx) })
	}
	wg.Wait()

	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range todo {
		f := todo[i].f
		if errs[i] != nil {
			f.err = errText(errs[i])
			continue
		}
		folds[i]()
		f.err, f.edges = "", e
	}
	t.noteSources(&marks, &e)
	t.live.moveOn(e)
	return errors.Join(errs...)
}

// fillTime is how long Fill goes on beginning to read.
const fillTime = 200 * time.Millisecond

// Fill reads a part of what is older and not known yet: the last hours when we begin, an earlier match, and
// what came late for long ago; and puts the rules' own statements. It is called after the seconds of a
// tick were judged, and takes about 200 ms where there is something to do, longer while ClickHouse is slow. The caller's context
// bounds it.
func (t *Tape) Fill(ctx context.Context) error {
	begun := time.Now()
	errs := []error{t.putStatements(ctx)}
	for time.Since(begun) < fillTime {
		more, err := t.fillStretch(ctx)
		if err != nil || !more {
			errs = append(errs, err)
			break
		}
	}
	if time.Since(begun) < fillTime {
		errs = append(errs, t.fillEarlier(ctx))
	}
	return errors.Join(errs...)
}

// fillStretch reads the latest stretch of each family that is not known.
func (t *Tape) fillStretch(ctx context.Context) (more bool, err error) {
	st := t.live.st
	var wg sync.WaitGroup
	var folds [8]func()
	var errs [8]error
	for i, f := range st.ordered {
		if len(f.groupings) == 0 || f.head == 0 || f.name == signal.Sources {
			continue
		}
		from, to, ok := f.latest(f.stretch, f.oldest(), f.limit(&t.live.edges), false)
		if !ok {
			continue
		}
		more = true
		wg.Go(func() { folds[i], errs[i] = t.readStretch(ctx, st, f, from, to) })
	}
	wg.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, fold := range folds {
		if fold != nil {
			fold()
		}
	}
	t.live.gen++
	return more, errors.Join(errs[:]...)
}

// readStretch reads the slots [from, to) of any family.
func (t *Tape) readStretch(ctx context.Context, st *store, f *family, from, to int64) (func(), error) {
	switch f.name {
	case signal.Audience:
		return t.readAudience(ctx, st, from, to, true)
	case signal.Identity:
		return t.readIdentities(ctx, st, from, to, true)
	}
	return t.readSums(ctx, st, &work{f: f, from: from, to: to, mend: true})
}

// errText is an error as people read it: short, in one line.
func errText(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}
