package match

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
)

// bucket is a bucket of the real bus as a Book wants it.
type bucket struct{ *bus.KV }

func mapped(err error) error {
	switch {
	case errors.Is(err, bus.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, bus.ErrConflict):
		return ErrConflict
	}
	return err
}

func (b bucket) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	v, rev, err := b.KV.Get(ctx, key)
	return v, rev, mapped(err)
}

func (b bucket) Create(ctx context.Context, key string, value []byte) error {
	_, err := b.KV.Create(ctx, key, value)
	return mapped(err)
}

func (b bucket) Update(ctx context.Context, key string, value []byte, revision uint64) error {
	_, err := b.KV.Update(ctx, key, value, revision)
	return mapped(err)
}

func openBucket(t *testing.T) bucket {
	t.Helper()
	kv, err := bustest.Open(t).KV(t.Context(), "matches")
	if err != nil {
		t.Fatal(err)
	}
	return bucket{kv}
}

// night is the final with a checklist, and the match it is compared with.
func night(t *testing.T) []*Match {
	t.Helper()
	final, semi := checked(t, "final"), checked(t, "semi")
	final.Checklist = []CheckItem{{"purge", "Is it purged?", ""}, {"keys", "Are the keys there?", ""}}
	final.Compare = "semi"
	semi.KickOff = kickOff.AddDate(0, 0, -4)
	return []*Match{final, semi}
}

// open is a Book that follows the others, as a process has one.
func open(t *testing.T, kv KV, matches []*Match) *Book {
	t.Helper()
	b, err := OpenBook(t.Context(), kv, matches, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return b
}

// until waits for what another process did to be heard.
func until(t *testing.T, what string, changed <-chan struct{}, so func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for !so() {
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("it is not heard that %s", what)
		}
	}
}

func changes(b *Book) <-chan struct{} {
	c := make(chan struct{}, 1)
	b.OnChange(func() {
		select {
		case c <- struct{}{}:
		default:
		}
	})
	return c
}

func TestWhatOneProcessDecidesTheOthersHear(t *testing.T) {
	kv := openBucket(t)
	here, there := open(t, kv, night(t)), open(t, kv, night(t))
	ctx, heard := t.Context(), changes(there)

	if err := here.MovePhase(ctx, "final", PhaseHalfTime, at("21:51"), "ana"); err != nil {
		t.Fatal(err)
	}
	if got := words(here.Timeline("final")); !strings.HasPrefix(got, "21:00 first_half, 21:51 half_time, 22:06") {
		t.Errorf("at once: %s", got)
	}
	until(t, "half-time moved", heard, func() bool { return slices.Equal(there.Timeline("final"), here.Timeline("final")) })
	if m := there.Moves("final"); len(m) != 1 || m[0].By != "ana" || m[0].Said.IsZero() || m[0].Phase != PhaseHalfTime {
		t.Errorf("who moved it is %+v", m)
	}
	if err := there.SkipPhase(ctx, "final", PhaseExtraFirst, "bo"); err != nil {
		t.Fatal(err)
	}
	if err := there.UndoMove(ctx, "final", "bo"); err != nil {
		t.Fatal(err)
	}
	until(t, "the second act was taken back", changes(here), func() bool {
		m := here.Moves("final")
		return len(m) == 2 && m[1].Undone == "bo"
	})
	if got := words(here.Timeline("final")); !strings.Contains(got, "extra_first") {
		t.Errorf("after that: %s", got)
	}

	note, err := here.AddNote(ctx, "final", at("21:20"), "  Goal\n 1-0 ", "ana")
	if err != nil || note.Text != "Goal 1-0" || note.ID == "" || note.By != "ana" {
		t.Fatalf("%+v, %v", note, err)
	}
	before, err := there.AddNote(ctx, "final", at("21:10"), "Attaque à 12\u202f%", "bo")
	if err != nil {
		t.Fatal(err)
	}
	until(t, "there are two notes in order of time", heard, func() bool {
		n := there.Notes("final")
		return len(n) == 2 && n[0].ID == before.ID && n[1].ID == note.ID && n[1].At.Equal(at("21:20"))
	})

	if err := here.Answer(ctx, "final", "purge", NoGo, "not yet", "ana"); err != nil {
		t.Fatal(err)
	}
	until(t, "it is no go", heard, func() bool { return there.Answers("final")["purge"].Verdict == NoGo })
	if a := there.Answers("final")["purge"]; a.By != "ana" || a.Note != "not yet" || a.Said.IsZero() {
		t.Errorf("the answer is %+v", a)
	}
	if err := there.Answer(ctx, "final", "purge", Unset, "", "bo"); err != nil {
		t.Fatal(err)
	}

	if earlier, by := here.Compared("final"); earlier != "semi" || by != "" {
		t.Errorf("compared with %q by %q, want what the file says", earlier, by)
	}
	if err := here.Compare(ctx, "final", "semi", PhaseHalfTime, "ana"); err != nil {
		t.Fatal(err)
	}
	until(t, "the comparison is by half-time", heard, func() bool { _, by := there.Compared("final"); return by == PhaseHalfTime })
	if err := here.Compare(ctx, "final", "", "", "ana"); err != nil {
		t.Fatal(err)
	}
	if earlier, _ := here.Compared("final"); earlier != "" {
		t.Errorf("compared with %q, want nothing", earlier)
	}

	// A process that starts later knows all of it.
	late := open(t, kv, night(t))
	if len(late.Notes("final")) != 2 || len(late.Moves("final")) != 2 || len(late.Answers("final")) != 0 || len(late.Timeline("semi")) != len(usualPhases) {
		t.Errorf("later: %v, %v, %v", late.Notes("final"), late.Moves("final"), late.Answers("final"))
	}
}

func TestANoteWithoutATimeIsOfNow(t *testing.T) {
	m := checked(t, "now")
	m.KickOff = time.Now()
	b := open(t, openBucket(t), []*Match{m})
	n, err := b.AddNote(t.Context(), "now", time.Time{}, "x", "ana")
	if err != nil || n.At != n.Said || time.Since(n.At) > time.Minute {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestActsThatCannotBe(t *testing.T) {
	b := open(t, openBucket(t), night(t))
	ctx := t.Context()
	note, err := b.AddNote(ctx, "final", kickOff, "mine", "ana")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		act  func() error
		want error // nil: an Invalid
	}{
		"a match that is not":      {func() error { return b.MovePhase(ctx, "cup", PhaseHalfTime, kickOff, "ana") }, ErrNotFound},
		"selecting what is not":    {func() error { return b.Select(ctx, "cup", "ana") }, ErrNotFound},
		"a phase that is not":      {func() error { return b.MovePhase(ctx, "final", "third", kickOff, "ana") }, nil},
		"nothing to undo":          {func() error { return b.UndoMove(ctx, "final", "ana") }, nil},
		"an empty note":            {func() error { _, err := b.AddNote(ctx, "final", kickOff, " \n", "ana"); return err }, nil},
		"a long note":              {func() error { _, err := b.AddNote(ctx, "final", kickOff, strings.Repeat("é", 281), "ana"); return err }, nil},
		"a note that moves text":   {func() error { _, err := b.AddNote(ctx, "final", kickOff, "a\u202eb", "ana"); return err }, nil},
		"a note that is not UTF-8": {func() error { _, err := b.AddNote(ctx, "final", kickOff, "a\xffb", "ana"); return err }, nil},
		"a note of another year":   {func() error { _, err := b.AddNote(ctx, "final", kickOff.AddDate(1, 0, 0), "x", "ana"); return err }, nil},
		"another's note":           {func() error { return b.RemoveNote(ctx, "final", note.ID, "bo", false) }, ErrForbidden},
		"a note that is not":       {func() error { return b.RemoveNote(ctx, "final", "x", "bo", true) }, ErrNotFound},
		"an item that is not":      {func() error { return b.Answer(ctx, "final", "coffee", Go, "", "ana") }, ErrNotFound},
		"a verdict that is none":   {func() error { return b.Answer(ctx, "final", "purge", "maybe", "", "ana") }, nil},
		"compared with itself":     {func() error { return b.Compare(ctx, "final", "final", "", "ana") }, nil},
		"compared with nothing":    {func() error { return b.Compare(ctx, "final", "cup", "", "ana") }, ErrNotFound},
		"compared by no phase":     {func() error { return b.Compare(ctx, "final", "semi", "third", "ana") }, nil},
	} {
		err := c.act()
		if _, invalid := errors.AsType[Invalid](err); c.want != nil && !errors.Is(err, c.want) || c.want == nil && !invalid {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if len(b.Notes("final")) != 1 || len(b.Answers("final")) != 0 || len(b.Moves("final")) != 0 {
		t.Error("something of it was kept")
	}
	if _, err := b.AddNote(ctx, "final", kickOff, strings.Repeat("é", 280), "ana"); err != nil {
		t.Errorf("280 characters: %v", err)
	}
	if err := b.RemoveNote(ctx, "final", note.ID, "admin", true); err != nil {
		t.Errorf("an admin's removal: %v", err)
	}
}

// Twenty people in two processes write at once: all of it is there, once, on both.
func TestNothingIsLostUnderConcurrentWriters(t *testing.T) {
	kv := openBucket(t)
	books := []*Book{open(t, kv, night(t)), open(t, kv, night(t))}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			b := books[i%2]
			for j := range 5 {
				if _, err := b.AddNote(t.Context(), "final", kickOff.Add(time.Duration(j)*time.Minute), fmt.Sprintf("note %d of %d", j, i), fmt.Sprintf("p%d", i)); err != nil {
					t.Error(err)
				}
			}
			if err := b.Answer(t.Context(), "final", "purge", Go, "", fmt.Sprintf("p%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, b := range books {
		until(t, "all notes are there", changes(b), func() bool { return len(b.Notes("final")) == 100 })
		texts := map[string]bool{}
		for _, n := range b.Notes("final") {
			texts[n.Text] = true
		}
		if len(texts) != 100 || !slices.IsSortedFunc(b.Notes("final"), func(a, b Note) int { return a.At.Compare(b.At) }) {
			t.Errorf("book %d has %d different notes, or they are out of order", i, len(texts))
		}
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	kv := openBucket(t)
	b := open(t, kv, night(t))
	m := b.Find("final")
	r := &record{Version: 1}
	for i := range MaxNotes {
		if err := r.addNote(Note{ID: fmt.Sprint(i), At: kickOff, Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.addNote(Note{ID: "more", At: kickOff}); !errors.Is(err, ErrFull) {
		t.Errorf("one more note: %v", err)
	}
	if r.Notes[0].ID != "0" || r.Notes[MaxNotes-1].ID != fmt.Sprint(MaxNotes-1) {
		t.Error("notes of one moment are not in the order in which they were written")
	}
	// Long notes fill it sooner.
	long := Note{At: kickOff, Text: strings.Repeat("𝄞", MaxText)}
	nearly, err := json.Marshal(record{Version: 1, Notes: slices.Repeat([]Note{long}, 200)})
	if err != nil {
		t.Fatal(err)
	}
	if err := kv.Create(t.Context(), "final", nearly); err != nil {
		t.Fatal(err)
	}
	full := false
	for range 50 {
		if _, err := b.AddNote(t.Context(), m.ID, kickOff, long.Text, "ana"); err != nil {
			if full = errors.Is(err, ErrFull); !full {
				t.Fatal(err)
			}
			break
		}
	}
	value, _, err := kv.Get(t.Context(), "final")
	if err != nil || !full || len(value) > maxRecord {
		t.Errorf("%d bytes are kept, full: %v (%v)", len(value), full, err)
	}
}

func TestWhatCannotBeReadStaysAsItIs(t *testing.T) {
	kv := openBucket(t)
	if err := kv.Create(t.Context(), "final", []byte("{not JSON")); err != nil {
		t.Fatal(err)
	}
	if err := kv.Create(t.Context(), "of-last-year", []byte(`{"version":3}`)); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	b, err := OpenBook(t.Context(), kv, night(t), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "match=final") {
		t.Errorf("it is not said: %s", log.String())
	}
	if len(b.Timeline("final")) != len(usualPhases) {
		t.Error("the plan is not shown instead")
	}
	if err := b.MovePhase(t.Context(), "final", PhaseHalfTime, at("21:49"), "ana"); err == nil {
		t.Error("it was written over")
	}
	if err := b.MovePhase(t.Context(), "semi", PhaseHalfTime, at("21:49").AddDate(0, 0, -4), "ana"); err != nil {
		t.Errorf("its neighbour: %v", err)
	}
}

func TestWhichMatchItIs(t *testing.T) {
	is := func(id string, criticality int, kickOff time.Time) *Match {
		m := &Match{ID: id, Name: id, KickOff: kickOff, Criticality: criticality, Phases: league()}
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		return m
	}
	b := open(t, openBucket(t), []*Match{
		is("late", 2, at("21:00")), is("noon", 3, at("21:00").Add(-9*time.Hour)), is("early", 2, at("21:00").Add(-2*time.Hour)), is("big", 4, at("21:00").Add(3*time.Hour)),
	})
	var ids []string
	for _, m := range b.Matches() {
		ids = append(ids, m.ID)
	}
	if got := strings.Join(ids, " "); got != "noon early late big" {
		t.Errorf("the calendar is %s", got)
	}
	id := func(clock string) string {
		if m := b.At(at(clock)); m != nil {
			return m.ID
		}
		return ""
	}
	for clock, want := range map[string]string{
		"14:52:59": "noon",  // its hour after is nearly over
		"14:53":    "",      // nothing is near
		"16:00":    "early", // three hours before
		"18:30":    "early", // of two alike, the one that begins first
		"20:52:59": "early",
		"20:53":    "late", // early is over
		"21:00":    "big",  // nearer or not, it is the most critical
	} {
		if got := id(clock); got != want {
			t.Errorf("at %s it is %q, want %q", clock, got, want)
		}
	}
	if w := b.Watched(at("21:05")); len(w) != 3 || w[0].ID != "early" {
		t.Errorf("watched: %v", w)
	}
	if err := b.Select(t.Context(), "late", "ana"); err != nil {
		t.Fatal(err)
	}
	if got := id("21:05"); got != "late" {
		t.Errorf("ana chose late, it is %q", got)
	}
	if got, by := b.Chosen(); got != "late" || by != "ana" {
		t.Errorf("%s chose %s", by, got)
	}
	if got := id("01:30"); got != "big" {
		t.Errorf("when what was chosen is long over it is %q", got)
	}
	if err := b.Select(t.Context(), "", "ana"); err != nil {
		t.Fatal(err)
	}
	if got := id("21:05"); got != "big" {
		t.Errorf("the choice was taken back, it is %q", got)
	}
	// The window goes with what people move.
	if err := b.MovePhase(t.Context(), "big", PhaseFirstHalf, at("02:00"), "ana"); err != nil {
		t.Fatal(err)
	}
	if got := id("21:05"); got != "late" && got != "early" {
		t.Errorf("big was put off by two hours, it is %q", got)
	}
}

func TestANilBookHasNoMatches(t *testing.T) {
	var b *Book
	b.OnChange(func() {})
	id, _ := b.Chosen()
	earlier, _ := b.Compared("x")
	if b.At(kickOff) != nil || b.Find("x") != nil || len(b.Matches())+len(b.Timeline("x"))+len(b.Notes("x"))+len(b.Answers("x"))+len(b.Moves("x"))+len(b.Watched(kickOff)) > 0 || id+earlier != "" {
		t.Error("it has")
	}
}

// flaky is a KV whose watch breaks at will; it is the time between tries that is tested, not the bus.
type flaky struct {
	tries atomic.Int32
	value atomic.Value
}

func (f *flaky) Get(context.Context, string) ([]byte, uint64, error)  { return nil, 0, ErrNotFound }
func (f *flaky) Create(context.Context, string, []byte) error         { return ErrConflict }
func (f *flaky) Update(context.Context, string, []byte, uint64) error { return ErrConflict }
func (f *flaky) Watch(ctx context.Context, heard func(string, []byte, bool)) error {
	if f.tries.Add(1) <= 3 {
		return errors.New("the bus is away")
	}
	heard("final", []byte(f.value.Load().(string)), false)
	<-ctx.Done()
	return ctx.Err()
}

func TestABrokenWatchIsTriedAgainEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := &flaky{}
		kv.value.Store(`{"version":2,"notes":[{"id":"a","text":"heard"}]}`)
		begun := time.Now()
		b := open(t, kv, night(t))
		heard := changes(b)
		<-heard
		if took := time.Since(begun); took != 3*watchPause || len(b.Notes("final")) != 1 {
			t.Errorf("heard after %s: %v", took, b.Notes("final"))
		}
		// One that says nothing is begun anew in time, and what it then tells is older than what is known: not believed.
		kv.value.Store(`{"version":1}`)
		time.Sleep(watchFor + time.Millisecond)
		synctest.Wait()
		if n := kv.tries.Load(); n != 5 || len(b.Notes("final")) != 1 {
			t.Errorf("%d watches, notes %v", n, b.Notes("final"))
		}
		// A write that always conflicts ends.
		if err := b.UndoMove(t.Context(), "final", "ana"); err == nil {
			t.Error("nothing was undone")
		}
		if _, err := b.AddNote(t.Context(), "final", kickOff, "x", "ana"); !errors.Is(err, ErrConflict) {
			t.Errorf("a write that always conflicts: %v", err)
		}
	})
}

func TestALostBucketIsNotHeldAgainstANewOne(t *testing.T) {
	kv := openBucket(t)
	b, err := OpenBook(t.Context(), kv, night(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := b.AddNote(t.Context(), "final", kickOff, "x", "ana"); err != nil {
			t.Fatal(err)
		}
	}
	if err := kv.Delete(t.Context(), "final"); err != nil {
		t.Fatal(err)
	}
	other := open(t, kv, night(t))
	if _, err := other.AddNote(t.Context(), "final", kickOff, "new", "bo"); err != nil {
		t.Fatal(err)
	}
	heard := changes(b)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx) }()
	until(t, "there is one note only", heard, func() bool { n := b.Notes("final"); return len(n) == 1 && n[0].Text == "new" })
	stop()
	<-ended
}
