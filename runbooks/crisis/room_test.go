package crisis

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/state"
)

// process is a Room of its own on the bus, as another process has it.
func process(t *testing.T, b *bus.Bus) *Room {
	t.Helper()
	r, _ := loaded(t, b)
	return r
}

func loaded(t *testing.T, b *bus.Bus) (*Room, *state.Bucket) {
	t.Helper()
	kv, err := b.KV(t.Context(), "runbooks")
	if err != nil {
		t.Fatal(err)
	}
	stream, err := b.Stream(t.Context(), Stream("CRISIS"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s := state.New(kv, log)
	r := New(Config{State: s, Lines: stream, Log: log})
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var g sync.WaitGroup
	g.Go(func() { _ = s.Run(ctx) })
	g.Go(func() { _ = r.Run(ctx) })
	t.Cleanup(func() { stop(); g.Wait() })
	return r, s
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 2000 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func opened(t *testing.T, r *Room, c Crisis) *Crisis {
	t.Helper()
	if c.Title == "" {
		c.Title = "CDN perdu"
	}
	made, err := r.Open(t.Context(), "marie", c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func whats(lines []Line) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.What)
	}
	return strings.Join(all, " ")
}

func TestWhatIsDecidedIsInTheTimeline(t *testing.T) {
	r := process(t, bustest.Open(t))
	c := opened(t, r, Crisis{Labels: map[string]string{"cdn": "akamai"}, Problems: []string{"p1"}})
	if c.Lead != "marie" || !c.Open() || c.Began != c.Opened {
		t.Errorf("opened %+v", c)
	}
	for _, act := range []func() (*Crisis, error){
		func() (*Crisis, error) { return r.Join(t.Context(), "paul", c.ID, "p2", "p1") },
		func() (*Crisis, error) { return r.Lead(t.Context(), "marie", c.ID, "paul") },
		func() (*Crisis, error) { return r.Lead(t.Context(), "marie", c.ID, "paul") }, // nothing to do
		func() (*Crisis, error) {
			return r.Describe(t.Context(), "paul", c.ID, "Akamai perdu", map[string]string{"cdn": "akamai", "isp": ""})
		},
		func() (*Crisis, error) { return r.End(t.Context(), "paul", c.ID, "bascule faite") },
		func() (*Crisis, error) { return r.Reopen(t.Context(), "paul", c.ID, "") },
	} {
		if _, err := act(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Annotate(t.Context(), "paul", c.ID, "  le téléphone\r\nsonne\u202e  ", time.Time{}); err != nil {
		t.Fatal(err)
	}
	lines := r.Lines(c.ID)
	if got, want := whats(lines), "opened joined lead described ended reopened note"; got != want {
		t.Errorf("the timeline has %s, want %s", got, want)
	}
	if l := lines[2]; l.By != "marie" || l.Args["to"] != "paul" || l.Args["from"] != "marie" {
		t.Errorf("handed over: %+v", l)
	}
	if l := lines[len(lines)-1]; l.Text != "le téléphone\nsonne" {
		t.Errorf("a note: %q", l.Text)
	}
	if now := r.Get(c.ID); now.Title != "Akamai perdu" || len(now.Problems) != 2 || now.Lead != "paul" || !now.Open() || len(now.Labels) != 1 {
		t.Errorf("now %+v", now)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	r := process(t, bustest.Open(t))
	c := opened(t, r, Crisis{})
	over := opened(t, r, Crisis{})
	if _, err := r.End(t.Context(), "marie", over.ID, ""); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("é", MaxNote+1)
	many := map[string]string{}
	for i := range MaxLabels + 1 {
		many[fmt.Sprint("l", i)] = "x"
	}
	invalid := errors.New("an Invalid")
	for name, a := range map[string]struct {
		err  error
		want error
	}{
		"no title":            {second(r.Open(t.Context(), "marie", Crisis{Title: "\u200b "})), invalid},
		"nobody":              {second(r.Open(t.Context(), "", Crisis{Title: "x"})), invalid},
		"too many labels":     {second(r.Open(t.Context(), "marie", Crisis{Title: "x", Labels: many})), invalid},
		"a label's name":      {second(r.Open(t.Context(), "marie", Crisis{Title: "x", Labels: map[string]string{"A b": "x"}})), invalid},
		"a problem's id":      {second(r.Open(t.Context(), "marie", Crisis{Title: "x", Problems: []string{"a.b"}})), invalid},
		"in the future":       {second(r.Open(t.Context(), "marie", Crisis{Title: "x", Began: time.Now().Add(time.Hour)})), invalid},
		"a long note":         {r.Annotate(t.Context(), "marie", c.ID, long, time.Time{}), invalid},
		"no note":             {r.Annotate(t.Context(), "marie", c.ID, "\n", time.Time{}), invalid},
		"a note on tomorrow":  {r.Annotate(t.Context(), "marie", c.ID, "x", time.Now().Add(time.Hour)), invalid},
		"a note on nothing":   {r.Annotate(t.Context(), "marie", "20200101-000000-aaaaaa", "x", time.Time{}), ErrNotFound},
		"another's key":       {r.Annotate(t.Context(), "marie", "x.>", "x", time.Time{}), ErrNotFound},
		"lead of what ended":  {second(r.Lead(t.Context(), "marie", over.ID, "paul")), ErrOver},
		"join of what ended":  {second(r.Join(t.Context(), "marie", over.ID, "p9")), ErrOver},
		"end of what ended":   {second(r.End(t.Context(), "marie", over.ID, "")), ErrOver},
		"reopen of what goes": {second(r.Reopen(t.Context(), "marie", c.ID, "")), ErrOpen},
		"what with spaces":    {r.Write(t.Context(), Line{Crisis: c.ID, What: "a b"}), invalid},
		"an id with a break":  {r.Write(t.Context(), Line{Crisis: c.ID, What: "x", ID: "a\nb"}), invalid},
	} {
		if _, is := errors.AsType[Invalid](a.err); a.want == invalid && !is || a.want != invalid && !errors.Is(a.err, a.want) {
			t.Errorf("%s: %v, want %v", name, a.err, a.want)
		}
	}
	if got := whats(r.Lines(c.ID)); got != "opened" {
		t.Errorf("the timeline has %s", got)
	}
	var last error
	for range MaxOpen {
		_, last = r.Open(t.Context(), "marie", Crisis{Title: "x"})
	}
	if !errors.Is(last, ErrFull) || len(r.Current()) != MaxOpen {
		t.Errorf("%d are open: %v", len(r.Current()), last)
	}
}

func second[T any](_ T, err error) error { return err }

// A crisis that ended more than an hour ago stays so.
func TestAnOldCrisisIsNotOpenedAgain(t *testing.T) {
	r := process(t, bustest.Open(t))
	c := opened(t, r, Crisis{})
	if _, err := r.crises.Edit(t.Context(), c.ID, func(c *Crisis) error { c.Ended = time.Now().Add(-61 * time.Minute); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reopen(t.Context(), "marie", c.ID, ""); !errors.Is(err, ErrTooLate) {
		t.Error(err)
	}
}

// Of those who open a crisis about the same problem at once one does, and the others are told which.
func TestAProblemBelongsToOneCrisis(t *testing.T) {
	b := bustest.Open(t)
	rooms := []*Room{process(t, b), process(t, b), process(t, b)}
	var g sync.WaitGroup
	var mu sync.Mutex
	var made []string
	named := map[string]int{}
	for i := range 12 {
		g.Go(func() {
			c, err := rooms[i%3].Open(t.Context(), fmt.Sprint("p", i), Crisis{Title: "x", Problems: []string{"p1"}})
			mu.Lock()
			defer mu.Unlock()
			if already, is := errors.AsType[Already](err); is {
				named[already.Crisis]++
			} else if err != nil {
				t.Error(err)
			} else {
				made = append(made, c.ID)
			}
		})
	}
	g.Wait()
	if len(made) != 1 || named[made[0]] != 11 {
		t.Fatalf("opened %v, others were told %v", made, named)
	}
	other := opened(t, rooms[1], Crisis{})
	if _, err := rooms[1].Join(t.Context(), "paul", other.ID, "p1"); err != (Already{made[0], "p1"}) {
		t.Errorf("joined to another: %v", err)
	}
	if _, err := rooms[0].End(t.Context(), "paul", made[0], ""); err != nil {
		t.Fatal(err)
	}
	if _, err := rooms[1].Join(t.Context(), "paul", other.ID, "p1"); err != nil {
		t.Errorf("joined once the first has ended: %v", err)
	}
	until(t, "each process knows whose it is", func() bool { return rooms[2].Of("p1") != nil && rooms[2].Of("p1").ID == other.ID })
}

// What many write through several processes, some of it twice, is in each copy once and in one order.
func TestALineIsThereOnceInEachProcess(t *testing.T) {
	b := bustest.Open(t)
	rooms := []*Room{process(t, b), process(t, b), process(t, b)}
	c := opened(t, rooms[0], Crisis{Drill: true})
	heard := make(chan struct{}, 1)
	rooms[2].OnChange(func() {
		select {
		case heard <- struct{}{}:
		default:
		}
	})
	var g sync.WaitGroup
	for i := range 60 {
		for j := range 3 {
			g.Go(func() {
				if err := rooms[(i+j)%3].Write(t.Context(), Line{ID: fmt.Sprint("send.", i), Crisis: c.ID, What: "send-confirmed", By: fmt.Sprint("p", j)}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	g.Wait()
	<-heard
	for _, r := range rooms {
		until(t, "61 lines", func() bool { return len(r.Lines(c.ID)) == 61 })
	}
	late := process(t, b) // reads the stream alone
	want, err := json.Marshal(export(rooms[0], c.ID))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range append(rooms[1:], late) {
		if got, _ := json.Marshal(export(r, c.ID)); !bytes.Equal(got, want) {
			t.Errorf("process %d has another timeline", i+1)
		}
	}
	for _, l := range late.Lines(c.ID) {
		if !l.Drill {
			t.Errorf("a line of an exercise says nothing of it: %+v", l)
		}
	}
}

func export(r *Room, id string) (out []Line) {
	for _, l := range r.Lines(id) {
		l.Args = maps.Clone(l.Args)
		if l.Args == nil {
			l.Args = map[string]string{}
		}
		l.Args["sequence"] = fmt.Sprint(l.Sequence)
		out = append(out, l)
	}
	return out
}

// The line of a process that died between its decision and its line is written by another.
func TestALineThatWasLostIsWritten(t *testing.T) {
	b := bustest.Open(t)
	r, bucket := loaded(t, b)
	_ = bucket
	c := &Crisis{ID: newID(time.Now()), Title: "x", By: "marie", Lead: "marie", Began: time.Now().UTC(), Opened: time.Now().UTC()}
	c.act(Line{At: time.Now().UTC().Add(-2 * repairAt), What: Opened, By: "marie"})
	if err := r.crises.Create(t.Context(), c.ID, c); err != nil {
		t.Fatal(err)
	}
	until(t, "the line", func() bool { return whats(r.Lines(c.ID)) == Opened })
	r.repair(t.Context())
	if n := len(r.Lines(c.ID)); n != 1 {
		t.Errorf("%d lines after another look", n)
	}
}

// Lines are read in the order in which they happened, also where two processes' clocks do not agree; what was written
// about a past moment stands there.
func TestOrder(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	lines := order([]Line{
		{What: "a", At: at(10)},
		{What: "b", At: at(9)}, // another clock, and yet it came after a
		{What: "c", At: at(20)},
		{What: "late", At: at(15), Written: at(30)},
		{What: "first", At: at(1), Written: at(31)},
		{What: "d", At: at(21)},
	})
	if got := whats(lines); got != "first a b late c d" {
		t.Error(got)
	}
}

// Beyond what memory holds, whole timelines are let go of, those in which nothing happened for longest; they can still be
// read.
func TestOldTimelinesAreReadFromTheStream(t *testing.T) {
	r := process(t, bustest.Open(t))
	old, now := opened(t, r, Crisis{Title: "old"}), opened(t, r, Crisis{Title: "now"})
	if err := r.Annotate(t.Context(), "marie", old.ID, "x", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Annotate(t.Context(), "marie", now.ID, "y", time.Time{}); err != nil {
		t.Fatal(err)
	}
	r.lines.mu.Lock()
	r.lines.forgetOldest()
	r.lines.mu.Unlock()
	if len(r.Lines(old.ID)) != 0 || len(r.Lines(now.ID)) != 2 {
		t.Errorf("in memory %d and %d", len(r.Lines(old.ID)), len(r.Lines(now.ID)))
	}
	all, err := r.AllLines(t.Context(), old.ID)
	if err != nil || whats(all) != "opened note" {
		t.Errorf("from the stream: %s, %v", whats(all), err)
	}
}

func TestExports(t *testing.T) {
	began := time.Date(2026, 7, 19, 20, 41, 0, 0, time.UTC)
	e := Export{
		Crisis: &Crisis{ID: "a", Title: "CDN [perdu]", Drill: true, Began: began, Lead: "marie", Acts: []Line{{What: Opened}}},
		Lines: []Line{
			{Sequence: 1, At: began, What: Opened, By: "marie", Args: map[string]string{"title": "x"}, Drill: true},
			{Sequence: 3, At: began.Add(time.Minute), Written: began.Add(time.Hour), What: Note, By: "=cmd|' /C calc'!A0", Text: "une *note*\nsur deux lignes", Drill: true},
		},
	}
	var out bytes.Buffer
	if err := e.CSV(&out); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][0] != "1" || rows[2][2] != "2026-07-19T21:41:00Z" || rows[2][4] != "'=cmd|' /C calc'!A0" || rows[2][6] != "une *note*\nsur deux lignes" {
		t.Errorf("CSV: %v, %q", err, rows)
	}
	out.Reset()
	if err := e.JSON(&out); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Crisis Crisis
		Lines  []struct {
			Sequence uint64
			Line
		}
	}
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Crisis.Title != "CDN [perdu]" || len(back.Crisis.Acts) != 0 || len(back.Lines) != 2 || back.Lines[1].Sequence != 3 || !back.Lines[1].Late() {
		t.Errorf("JSON: %v, %s", err, out.String())
	}
	out.Reset()
	e.Zone = time.FixedZone("CEST", 2*3600)
	e.Say = func(l Line) string { return "Note" }
	if err := e.Markdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`# DRILL · CDN \[perdu\]`, "2026-07-19 22:41:00 CEST → …", "## 2026-07-19", "- **22:41:00** Note · marie", "- **22:42:00** (✎ 2026-07-19 23:41) Note", "  > une \\*note\\*\n  > sur deux lignes"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("Markdown has no %q:\n%s", want, out.String())
		}
	}
}

func TestWhatsAreEachThereOnce(t *testing.T) {
	all := Whats()
	slices.Sort(all)
	if len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Error("one is there twice")
	}
}
