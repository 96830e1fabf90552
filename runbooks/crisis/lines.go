package crisis

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/internal/bus"
	"vigie/internal/pause"
)

// Bounds of the stream that keeps the lines, and of what is in memory.
const (
	linesKept = 100_000 // in memory, of all crises
	writeWait = 5 * time.Second
	repairAt  = 5 * time.Second // the age of a line that is missed in the stream
	subject   = "CRISIS."
)

// Stream is the configuration of the stream that keeps timelines, by its name. A full one refuses lines: it never drops
// one.
func Stream(name string) bus.StreamConfig {
	return bus.StreamConfig{Name: name, Subjects: []string{subject + ">"}, MaxBytes: 1 << 30, Window: 24 * time.Hour}
}

// lines are the timelines of all crises, as the stream has them.
type lines struct {
	stream *bus.Stream

	mu      sync.Mutex
	kept    map[string][]Line // by crisis, in order of their sequence
	total   int               // of kept
	seen    map[string]uint64 // sequences by ID
	gone    map[string]bool   // crises that are in memory no more
	next    uint64            // sequence to go on with
	ready   bool              // what was there when the process began is read
	version uint64
	told    []func()
}

func newLines(stream *bus.Stream) *lines {
	return &lines{stream: stream, kept: map[string][]Line{}, seen: map[string]uint64{}, gone: map[string]bool{}}
}

func (t *lines) onChange(f func()) {
	t.mu.Lock()
	t.told = append(t.told, f)
	t.mu.Unlock()
}

func (t *lines) now() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.version
}

// take keeps a line in memory, once and in its place: of two with one ID the first, in every process.
func (t *lines) take(l Line) (news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.kept[l.Crisis]
	if was, ok := t.seen[l.ID]; ok {
		if was <= l.Sequence {
			return false
		}
		if i, found := find(of, was); found {
			of = slices.Delete(of, i, i+1)
			t.total--
		}
	}
	i, found := find(of, l.Sequence)
	if found {
		return false
	}
	t.seen[l.ID] = l.Sequence
	t.kept[l.Crisis] = slices.Insert(of, i, l)
	t.total++
	t.version++
	for t.total > linesKept && len(t.kept) > 1 {
		t.forgetOldest()
	}
	return true
}

// forgetOldest lets go of the crisis in which nothing has happened for the longest time.
func (t *lines) forgetOldest() {
	oldest, last := "", uint64(math.MaxUint64)
	for id, of := range t.kept {
		if s := of[len(of)-1].Sequence; s < last {
			oldest, last = id, s
		}
	}
	for _, l := range t.kept[oldest] {
		delete(t.seen, l.ID)
	}
	t.total -= len(t.kept[oldest])
	delete(t.kept, oldest)
	t.gone[oldest] = true
}

func find(of []Line, sequence uint64) (int, bool) {
	return slices.BinarySearchFunc(of, sequence, func(k Line, seq uint64) int { return cmp.Compare(k.Sequence, seq) })
}

func (t *lines) has(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.seen[id]
	return ok
}

func (t *lines) tell() {
	t.mu.Lock()
	told := t.told
	t.mu.Unlock()
	for _, f := range told {
		f()
	}
}

// follow reads what is there, then what is written, until ctx ends, the stream breaks or, where it is to stop, until
// what is there is read.
func (t *lines) follow(ctx context.Context, stop bool) error {
	state, err := t.stream.State(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	from := max(t.next, state.First, 1) // an empty stream may say 0
	t.mu.Unlock()
	if from > state.Last {
		t.readTo(from)
		if stop {
			return nil
		}
	}
	reader, err := t.stream.Read(ctx, from)
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		m, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		var l Line
		news := false
		if json.Unmarshal(m.Data, &l) == nil && l.ID != "" && l.Crisis != "" {
			l.Sequence = m.Sequence
			news = t.take(l)
		}
		t.mu.Lock()
		t.next = m.Sequence + 1
		t.mu.Unlock()
		if m.Sequence >= state.Last {
			t.readTo(m.Sequence + 1)
			if news {
				t.tell()
			}
			if stop {
				return nil
			}
		}
	}
}

func (t *lines) readTo(next uint64) {
	t.mu.Lock()
	t.ready, t.next = true, max(t.next, next)
	t.mu.Unlock()
}

// Load reads the timelines that are kept. It fails when the stream cannot be read.
func (r *Room) Load(ctx context.Context) error {
	if err := r.lines.follow(ctx, true); err != nil {
		return fmt.Errorf("crisis: read the timelines: %w", err)
	}
	return nil
}

// Run follows the lines that other processes write, and writes those that a process decided and then died, until ctx
// ends, whether the bus is there or not.
func (r *Room) Run(ctx context.Context) error {
	var g sync.WaitGroup
	defer g.Wait()
	g.Go(func() {
		for pause.For(ctx, time.Second) == nil {
			r.repair(ctx)
		}
	})
	for {
		err := r.lines.follow(ctx, false)
		if ctx.Err() != nil {
			return nil
		}
		r.cfg.Log.Warn("crisis: follow the timelines", "error", err)
		if pause.For(ctx, time.Second) != nil {
			return nil
		}
	}
}

// repair writes what crises did that the stream does not have.
func (r *Room) repair(ctx context.Context) {
	if !r.Loaded() {
		return
	}
	for _, c := range r.crises.All() {
		if !c.Open() && time.Since(c.Ended) > time.Hour {
			continue
		}
		for _, l := range c.Acts {
			if age := time.Since(l.At); age > repairAt && !r.Has(l.ID) {
				if err := r.Write(ctx, l); err != nil {
					r.cfg.Log.Warn("crisis: write a line again", "crisis", c.ID, "line", l.ID, "error", err)
					return
				}
			}
		}
	}
}

// told writes the newest of a crisis's own acts. A bus that fails costs nothing: Run writes it again.
func (r *Room) told(ctx context.Context, c *Crisis) {
	if len(c.Acts) == 0 {
		return
	}
	if err := r.Write(ctx, c.Acts[len(c.Acts)-1]); err != nil {
		r.cfg.Log.Warn("crisis: write a line, for now", "crisis", c.ID, "error", err)
	}
}

// Loaded tells whether this process has read the timelines that were there when it began.
func (r *Room) Loaded() bool {
	r.lines.mu.Lock()
	defer r.lines.mu.Unlock()
	return r.lines.ready
}

// Has tells whether a line with an ID is in the timelines, as far as this process has heard.
func (r *Room) Has(id string) bool { return r.lines.has(id) }

// Write writes a line into its crisis's timeline, also when ctx has ended meanwhile; it waits 5 s at most. Of lines
// with one ID the first alone is there, so that who does not know whether it wrote one writes it again. At is now when
// it is zero; Drill is the crisis's. An Invalid says what cannot be; ErrFull: the crisis has too many lines.
func (r *Room) Write(ctx context.Context, l Line) error {
	l, err := r.checked(ctx, l)
	if err != nil {
		return err
	}
	if r.Has(l.ID) {
		return nil
	}
	r.lines.mu.Lock()
	full := len(r.lines.kept[l.Crisis]) >= MaxLines
	r.lines.mu.Unlock()
	if full {
		return ErrFull
	}
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWait)
	defer cancel()
	sequence, duplicate, err := r.lines.stream.Publish(ctx, bus.Message{Subject: subject + l.Crisis, ID: l.ID, Data: data})
	if err != nil {
		return fmt.Errorf("crisis: write a line: %w", err)
	}
	if duplicate { // what the first one said is what counts, and is heard
		return nil
	}
	l.Sequence = sequence
	if r.lines.take(l) {
		r.lines.tell()
	}
	return nil
}

// checked is a line as it is written.
func (r *Room) checked(ctx context.Context, l Line) (Line, error) {
	c, err := r.known(ctx, l.Crisis)
	if err != nil {
		return l, err
	}
	l.Drill = c.Drill
	if l.At.IsZero() {
		l.At = time.Now()
	}
	l.At = l.At.UTC().Round(0)
	if l.ID == "" {
		l.ID = c.ID + "." + strings.ToLower(rand.Text()[:16])
	}
	if len(l.ID) > 250 || strings.ContainsFunc(l.ID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return l, Invalid{"id", "is not 1 to 250 characters of ASCII without spaces"}
	}
	if l.What == "" || len(l.What) > 40 || strings.Trim(l.What, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return l, Invalid{"what", "is not 1 to 40 of a-z, 0-9, - and _"}
	}
	if len(l.By) > 4*maxName || len(l.Run) > 250 || len(l.Send) > 250 || len(l.Problem) > 250 {
		return l, Invalid{"by", "is too long"}
	}
	if len(l.Args) > MaxArgs {
		return l, Invalid{"args", fmt.Sprintf("are more than %d", MaxArgs)}
	}
	args := make(map[string]string, len(l.Args))
	for _, name := range slices.Sorted(maps.Keys(l.Args)) {
		if len(name) > 60 {
			return l, Invalid{"args", fmt.Sprintf("%.40q is too long a name", name)}
		}
		args[name] = cut(l.Args[name], MaxArg)
	}
	l.Args = args
	if len(args) == 0 {
		l.Args = nil
	}
	l.Text = cut(l.Text, MaxNote)
	return l, nil
}

// cut bounds a text of a machine's; what was cut off shows.
func cut(text string, most int) string {
	text = strings.ToValidUTF8(text[:min(len(text), 8*most)], "")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// Annotate writes a note into a timeline, at a past moment or, at zero, now. One about a past moment says when it was
// written. A crisis that has ended takes notes too: what is remembered the day after belongs there.
func (r *Room) Annotate(ctx context.Context, by, id, text string, at time.Time) error {
	if err := person("by", by); err != nil {
		return err
	}
	text, err := Clean("text", text, MaxNote, true)
	if err != nil {
		return err
	}
	c, err := r.known(ctx, id)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Round(0)
	l := Line{At: now, Crisis: id, What: Note, By: by, Text: text}
	switch {
	case at.IsZero():
	case at.After(now.Add(time.Second)):
		return Invalid{"at", "is not over yet"}
	case at.Before(c.Began.Add(-began)):
		return Invalid{"at", "is more than a day before the crisis began"}
	default:
		l.At, l.Written = at.UTC().Round(0), now
	}
	return r.Write(ctx, l)
}

// Lines are a crisis's timeline, in the order in which it is read: the stream's, but for what was written about a past
// moment, which stands there. The timelines of 100,000 lines are known, those of the latest crises; AllLines reads
// further back.
func (r *Room) Lines(id string) []Line {
	r.lines.mu.Lock()
	out := slices.Clone(r.lines.kept[id])
	r.lines.mu.Unlock()
	return order(out)
}

// AllLines are Lines of any crisis, also of one whose timeline is in memory no more.
func (r *Room) AllLines(ctx context.Context, id string) ([]Line, error) {
	r.lines.mu.Lock()
	gone := r.lines.gone[id]
	r.lines.mu.Unlock()
	if !gone {
		return r.Lines(id), nil
	}
	state, err := r.lines.stream.State(ctx)
	if err != nil {
		return nil, err
	}
	reader, err := r.lines.stream.Read(ctx, state.First)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	all := newLines(nil)
	for at := state.First; at <= state.Last; {
		m, err := reader.Next(ctx)
		if err != nil {
			return nil, err
		}
		var l Line
		if m.Subject == subject+id && json.Unmarshal(m.Data, &l) == nil {
			l.Sequence = m.Sequence
			all.take(l)
		}
		at = m.Sequence + 1
	}
	return order(all.kept[id]), nil
}
