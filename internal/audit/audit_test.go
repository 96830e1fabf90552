package audit

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"vigie/internal/bus/bustest"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

var quiet = slog.New(slog.DiscardHandler)

func open(t *testing.T) *Log {
	t.Helper()
	l, err := Open(t.Context(), bustest.Open(t), quiet)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func database(t *testing.T) *ch.DB {
	t.Helper()
	db := chtest.Open(t)
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	return db
}

// archiveNow archives what there is, then stops.
func (l *Log) archiveNow(t *testing.T, db *ch.DB, want int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Archive(ctx, db) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	deadline, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		state, err := l.stream.State(deadline)
		if err != nil {
			t.Fatal(err)
		}
		if at, err := l.archived(deadline, state); err != nil || at.Sequence == int64(want) {
			return
		}
	}
}

func (l *Log) find(t *testing.T, f Filter) Page {
	t.Helper()
	p, err := l.Find(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ons(p Page) []string {
	var all []string
	for _, e := range p.Entries {
		all = append(all, e.On)
	}
	return all
}

var kickOff = time.Date(2026, 7, 19, 21, 0, 0, 123456789, time.FixedZone("", 7200))

// record stores n entries, one a second, whose On counts from 1.
func (l *Log) record(t *testing.T, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		e := Entry{At: kickOff.Add(time.Duration(i) * time.Second), Who: "claire", What: "note", On: fmt.Sprint(i), From: "192.0.2.7", Outcome: "ok"}
		if i%3 == 0 {
			e.Who, e.What = "Ana", "sign-in"
		}
		l.Record(t.Context(), e)
	}
}

func TestFindJoinsTheArchiveAndTheStream(t *testing.T) {
	l, db := open(t), database(t)
	l.record(t, 1, 4)
	if p := l.find(t, Filter{Limit: 10}); !p.Partial || !slices.Equal(ons(p), []string{"4", "3", "2", "1"}) {
		t.Errorf("without ClickHouse: %v, partial %v; want what the stream has, and that it may be less than all", ons(p), p.Partial)
	}
	l.archiveNow(t, db, 4)
	l.Use(db)
	l.record(t, 5, 3)
	p := l.find(t, Filter{Limit: 10})
	if p.Partial || p.Next != (Cursor{}) || !slices.Equal(ons(p), []string{"7", "6", "5", "4", "3", "2", "1"}) {
		t.Errorf("found %v, partial %v, next %v", ons(p), p.Partial, p.Next)
	}
	want := Entry{At: time.Date(2026, 7, 19, 19, 0, 1, 123e6, time.UTC), Who: "claire", What: "note", On: "1", From: "192.0.2.7", Outcome: "ok", Sequence: 1}
	if got := p.Entries[6]; got != want {
		t.Errorf("from the archive came %+v, want %+v", got, want)
	}
	if names, err := l.Actions(t.Context()); err != nil || !slices.Equal(names, []string{"note", "sign-in"}) {
		t.Errorf("Actions() = %v, %v", names, err)
	}
}

func TestFindFiltersAndPages(t *testing.T) {
	l, db := open(t), database(t)
	l.record(t, 1, 6)
	l.archiveNow(t, db, 6)
	l.Use(db)
	l.record(t, 7, 3) // the same filters hold for both halves
	at := func(i int) time.Time { return kickOff.Add(time.Duration(i) * time.Second).Truncate(time.Millisecond) }
	for name, tt := range map[string]struct {
		filter Filter
		want   []string
	}{
		"a person, in part and in any case": {Filter{Who: "AN"}, []string{"9", "6", "3"}},
		"an action":                         {Filter{What: "sign-in"}, []string{"9", "6", "3"}},
		"since, which is included":          {Filter{Since: at(7)}, []string{"9", "8", "7"}},
		"until, which is not":               {Filter{Until: at(3)}, []string{"2", "1"}},
		"all of them":                       {Filter{Who: "claire", What: "note", Since: at(2), Until: at(8)}, []string{"7", "5", "4", "2"}},
		"nobody":                            {Filter{Who: "%"}, nil},
	} {
		tt.filter.Limit = 100
		if p := l.find(t, tt.filter); !slices.Equal(ons(p), tt.want) || p.Partial {
			t.Errorf("%s: %v, want %v", name, ons(p), tt.want)
		}
	}

	// Entries of one moment are told apart by their sequence.
	for range 3 {
		l.Record(t.Context(), Entry{At: at(9), Who: "claire", What: "note", On: "9", Outcome: "ok"})
	}
	var all []string
	f := Filter{Limit: 2}
	for {
		p := l.find(t, f)
		all = append(all, ons(p)...)
		if p.Next == (Cursor{}) {
			break
		}
		if len(p.Entries) != 2 {
			t.Fatalf("a page has %d entries, want 2", len(p.Entries))
		}
		f.Before = p.Next
	}
	if want := []string{"9", "9", "9", "9", "8", "7", "6", "5", "4", "3", "2", "1"}; !slices.Equal(all, want) {
		t.Errorf("page by page: %v, want %v", all, want)
	}
}

func TestTheStreamIsReadNoFurtherThanItsBound(t *testing.T) {
	l := open(t)
	l.record(t, 1, tailMax+5)
	p := l.find(t, Filter{Limit: maxLimit})
	if !p.Partial || len(p.Entries) != tailMax || p.Entries[tailMax-1].On != "6" {
		t.Errorf("%d entries back to %s, partial %v; want the last %d", len(p.Entries), p.Entries[len(p.Entries)-1].On, p.Partial, tailMax)
	}
}
