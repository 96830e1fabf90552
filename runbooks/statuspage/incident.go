package statuspage

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Phase is where an incident stands, by what was published of it.
type Phase string

const (
	Investigating Phase = "investigating"
	Identified    Phase = "identified"
	Resolved      Phase = "resolved"
	Cancelled     Phase = "cancelled"
)

// closed tells whether nothing goes on any more.
func (p Phase) closed() bool { return p == Resolved || p == Cancelled }

// entry is one post in all its languages.
type entry struct {
	ID     string
	Step   string
	At     time.Time
	NextBy time.Time
	Labels map[string]string
	Texts  map[string]*Post // by language, at least one

	Corrects    *entry // what it puts right
	CorrectedBy *entry
}

// text is the entry in a language; where it was not published in it, in another one.
func (e *entry) text(lang string) *Post {
	if p := e.Texts[lang]; p != nil {
		return p
	}
	for _, l := range languages {
		if p := e.Texts[l]; p != nil {
			return p
		}
	}
	return e.Texts[slices.Sorted(maps.Keys(e.Texts))[0]]
}

// incident is a crisis as it was published.
type incident struct {
	Thread  string
	Phase   Phase
	Began   time.Time
	Ended   time.Time // zero: it goes on
	NextBy  time.Time // promised by the last entry; zero: nothing is
	Entries []*entry  // the first one first
}

func (i *incident) last() *entry { return i.Entries[len(i.Entries)-1] }

// title is what the incident is called in a language: as it was called first, since later subjects tell what became of it.
func (i *incident) title(lang string) (text, in string) {
	for _, e := range i.Entries {
		if e.CorrectedBy != nil && e != i.last() {
			continue
		}
		if p := e.text(lang); p.Subject != "" {
			return p.Subject, p.Lang
		}
	}
	return "", lang
}

// group is what the posts of one entry have in common: their ID without the language at its end, or else the step and
// the moment.
func group(p *Post) string {
	if id, ok := strings.CutSuffix(p.ID, "-"+p.Lang); ok {
		return "id " + id
	}
	return "at " + p.Step + " " + p.At.Format(time.RFC3339Nano)
}

// incidents joins posts to entries, and entries to incidents, the one that began last first. It depends on the posts
// alone: whoever has the same ones sees the same.
func incidents(posts map[string]*Post) []*incident {
	sorted := slices.SortedFunc(maps.Values(posts), func(a, b *Post) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	threads := map[string]*incident{}
	entries := map[string]*entry{}
	for _, p := range sorted {
		of := threads[p.Thread]
		if of == nil {
			of = &incident{Thread: p.Thread, Began: p.At}
			threads[p.Thread] = of
		}
		key := p.Thread + " " + group(p)
		e := entries[key]
		if e == nil || e.Step != p.Step || e.Texts[p.Lang] != nil {
			e = &entry{ID: strings.TrimSuffix(p.ID, "-"+p.Lang), Step: p.Step, At: p.At, NextBy: p.NextBy, Labels: p.Labels, Texts: map[string]*Post{}}
			entries[key] = e
			of.Entries = append(of.Entries, e)
		}
		e.Texts[p.Lang] = p
	}
	all := slices.Collect(maps.Values(threads))
	for _, i := range all {
		i.judge()
	}
	slices.SortFunc(all, func(a, b *incident) int {
		return cmp.Or(b.Began.Compare(a.Began), cmp.Compare(b.Thread, a.Thread))
	})
	return all
}

// judge finds what each correction puts right, and where the incident stands. A correction is of the text before it.
// What it corrects counts no more: where "resolved" was wrong, the incident goes on until it is said again.
func (i *incident) judge() {
	for n, e := range i.Entries {
		if e.Step == correction && n > 0 {
			e.Corrects = i.Entries[n-1]
			e.Corrects.CorrectedBy = e
		}
	}
	i.Phase = Investigating
	for _, e := range i.Entries {
		if e.CorrectedBy != nil {
			continue
		}
		was := i.Phase
		switch e.Step {
		case initial:
			i.Phase = Investigating
		case identified:
			i.Phase = Identified
		case update:
			if was.closed() { // it goes on after all
				i.Phase = Investigating
			}
		case resolved:
			i.Phase = Resolved
		case cancelled:
			i.Phase = Cancelled
		}
		if i.Phase.closed() && !was.closed() {
			i.Ended = e.At
		}
	}
	if !i.Phase.closed() {
		i.Ended, i.NextBy = time.Time{}, i.last().NextBy
	}
}
