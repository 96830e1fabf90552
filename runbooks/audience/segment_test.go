package audience

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSegmentsAreSavedByWhoSawThemLast(t *testing.T) {
	h := newHouse(t)
	b := h.open(nil)
	first, err := b.SaveSegment(t.Context(), Segment{ID: "premium", Name: " Premium ", By: "marie"}, time.Time{})
	if err != nil || first.Name != "Premium" || first.By != "marie" || first.Updated.IsZero() {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := b.SaveSegment(t.Context(), *first, time.Time{}); !problem(err, "id") {
		t.Errorf("made twice: %v", err)
	}
	// Two people change what they both saw: one of them is told.
	var g sync.WaitGroup
	var mu sync.Mutex
	won := map[error]int{}
	for n := range 8 {
		g.Go(func() {
			s := *first
			s.Name, s.By = fmt.Sprint("by ", n), "paul"
			_, err := b.SaveSegment(t.Context(), s, first.Updated)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && !errors.Is(err, ErrChanged) {
				t.Error(err)
			} else if err != nil {
				err = ErrChanged
			}
			won[err]++
		})
	}
	g.Wait()
	if won[nil] != 1 || won[ErrChanged] != 7 {
		t.Errorf("%v", won)
	}
	other := h.open(nil)
	s := other.Segment("premium")
	if s == nil || s.By != "paul" || !strings.HasPrefix(s.Name, "by ") {
		t.Errorf("%+v", s)
	}
	if err := b.DeleteSegment(t.Context(), "premium", first.Updated); !errors.Is(err, ErrChanged) {
		t.Errorf("deleted by who saw an older one: %v", err)
	}
	if err := b.DeleteSegment(t.Context(), "premium", b.Segment("premium").Updated); err != nil || b.Segment("premium") != nil {
		t.Errorf("%v", err)
	}
	if _, err := b.SaveSegment(t.Context(), *s, s.Updated); !errors.Is(err, ErrNotFound) {
		t.Errorf("changed after it was deleted: %v", err)
	}
	if err := b.DeleteSegment(t.Context(), "premium", time.Time{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestSegmentsAreChecked(t *testing.T) {
	b := open1(t)
	is := func(v ...string) []Condition { return []Condition{{Attribute: "offer", Values: v}} }
	many := make([]Condition, maxConditions+1)
	for n := range many {
		many[n] = is("x")[0]
	}
	for _, c := range []struct {
		s   Segment
		key string
	}{
		{Segment{ID: "A b", Name: "x"}, "id"},
		{Segment{ID: "x"}, "name"},
		{Segment{ID: "x", Name: strings.Repeat("x", maxSegmentName+1)}, "name"},
		{Segment{ID: "x", Name: "a\nb"}, "name"},
		{Segment{ID: "x", Name: "x", Where: is()}, "where[0].values"},
		{Segment{ID: "x", Name: "x", Where: is(strings.Repeat("x", maxValue+1))}, "where[0].values"},
		{Segment{ID: "x", Name: "x", Where: is(make([]string, maxConditionEach+1)...)}, "where[0].values"},
		{Segment{ID: "x", Name: "x", Where: []Condition{{Attribute: "Offre", Values: []string{"x"}}}}, "where[0].attribute"},
		{Segment{ID: "x", Name: "x", Where: []Condition{{Attribute: "email", Values: []string{"x"}}}}, "where[0].attribute"},
		{Segment{ID: "x", Name: "x", Where: many}, "where"},
		{Segment{ID: "x", Name: "x", Canary: true}, "where"},
		{Segment{ID: "x", Name: "x", Canary: true, Where: []Condition{{Attribute: "offer", Values: []string{"x"}, Not: true}}}, "where"},
	} {
		if _, err := b.SaveSegment(t.Context(), c.s, time.Time{}); !problem(err, c.key) {
			t.Errorf("%+v: %v, want a problem of %s", c.s, err, c.key)
		}
	}
	b.segment(t, "crew", true, is("x")...)
	if _, err := b.SaveSegment(t.Context(), Segment{ID: "crew2", Name: "x", Where: is("x"), Canary: true}, time.Time{}); !problem(err, "canary") {
		t.Errorf("a second house: %v", err)
	}
	if got := b.Canary(); got == nil || got.ID != "crew" || len(b.Segments()) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAFormOffersWhatContactsHave(t *testing.T) {
	b := open1(t)
	if got, err := b.Attributes(t.Context()); err != nil || len(got) != 1 || got[0].Name != "lang" || got[0].Contacts != 0 {
		t.Errorf("of nobody: %+v, %v", got, err)
	}
	b.mustImport(t, crowd, ImportOptions{})
	var text strings.Builder
	text.WriteString("id,device\n")
	for n := range MaxValues + 5 {
		fmt.Fprintf(&text, "x%d,d%d\ny%d,d0\n", n, n, n)
	}
	b.mustImport(t, text.String(), ImportOptions{})
	got, err := b.Attributes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, a := range got {
		words = append(words, fmt.Sprintf("%s %d %d %v %v", a.Name, a.Contacts, len(a.Values), a.More, a.Values[0]))
	}
	want := "lang 118 2 false {fr 116}; device 110 50 true {d0 56}; offer 6 2 false {premium 4}; role 2 1 false {crew 2}"
	if strings.Join(words, "; ") != want {
		t.Errorf("%s\nwant %s", strings.Join(words, "; "), want)
	}
}
