package library

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"vigie/internal/state"
	"vigie/runbooks/message"
)

// Save keeps a scenario. base is the Version that the writer began with, 0 for a new one: somebody who saved meanwhile
// is a Refused that says who. A save that changes nothing does nothing, whatever its base. What is kept may be
// incomplete, which Submit refuses; what breaks a bound is Invalid.
//
// A message whose content changes, its own texts as well as a variable or the audience that it uses, is a draft again,
// and by is one of its authors; the others stay what they were.
func (l *Library) Save(ctx context.Context, by string, s *message.Scenario, base uint64) (*Entry, error) {
	entry, _, err := l.save(ctx, by, s, func(e *Entry) error {
		switch {
		case base == e.Version:
			return nil
		case base == 0:
			return &Refused{Why: Taken, Scenario: s.ID, By: e.Created.By, At: e.Created.At, Version: e.Version}
		}
		return &Refused{Why: Conflict, Scenario: s.ID, By: e.Saved.By, At: e.Saved.At, Version: e.Version}
	})
	return entry, err
}

// save keeps a scenario where may allows it. changed: something was written.
func (l *Library) save(ctx context.Context, by string, s *message.Scenario, may func(*Entry) error) (entry *Entry, changed bool, err error) {
	if strings.TrimSpace(by) == "" {
		return nil, false, &Refused{Why: Nobody, Scenario: s.ID}
	}
	s = copied(s)
	if err := s.CheckDraft(); err != nil {
		return nil, false, &Refused{Why: Invalid, Scenario: s.ID, Err: err}
	}
	if l.entries.Get(s.ID) == nil && l.entries.Len() >= maxScenarios {
		return nil, false, &Refused{Why: Full, Scenario: s.ID}
	}
	entry, err = l.entries.Set(ctx, s.ID, func(e *Entry) error {
		changed = false
		e.Scenario.ID = s.ID
		if e.Version > 0 && same(&e.Scenario, s) {
			return state.ErrUnchanged
		}
		if err := may(e); err != nil {
			return err
		}
		changed = true
		e.replace(s, Mark{by, time.Now().UTC()})
		return nil
	})
	if err != nil && !isRefused(err) {
		return nil, false, err
	}
	return entry, changed && err == nil, err
}

func isRefused(err error) bool { _, ok := errors.AsType[*Refused](err); return ok }

// copied is a scenario of its own, as it is kept.
func copied(s *message.Scenario) *message.Scenario {
	id := s.ID
	text, err := json.Marshal(s)
	out := &message.Scenario{}
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil { // numbers that JSON has not: CheckDraft refuses them
		return s
	}
	out.ID = id
	out.Clean()
	return out
}

// same tells whether two scenarios say the same, in what is approved and in the rest.
func same(a, b *message.Scenario) bool {
	one, err1 := json.Marshal(copied(a))
	other, err2 := json.Marshal(copied(b))
	return err1 == nil && err2 == nil && string(one) == string(other)
}

// replace puts a scenario in the place of what is there. What was approved of the messages that change is gone.
func (e *Entry) replace(s *message.Scenario, by Mark) {
	if e.Steps == nil {
		e.Steps = map[message.Step]*Life{}
	}
	if e.Version == 0 {
		e.Created = by
	}
	for _, step := range message.Steps() {
		before, after := e.Scenario.Hash(step), s.Hash(step)
		if e.Version == 0 {
			before = ""
		}
		if before == after {
			continue
		}
		life := e.Steps[step]
		if life == nil {
			life = &Life{}
			e.Steps[step] = life
		}
		if life.Approval != nil && life.Approval.Hash == before && before != "" {
			life.Authors = nil // two people answer for what was approved: what follows is of those who change it
		}
		life.author(by.By)
		life.end()
		life.Edited = by
		life.note(Act{by, "edited", ""})
	}
	e.Scenario = *s
	e.Saved = by
	e.Version++
}

// author adds one. They are as many as the house has authors: none is ever forgotten.
func (f *Life) author(name string) {
	if !wrote(f.Authors, name) {
		f.Authors = append(f.Authors, name)
		slices.Sort(f.Authors)
	}
}

// Imported is what an import did, by ids.
type Imported struct{ Created, Changed, Same []string }

// Import keeps scenarios of files as drafts that by wrote. What is the same already stays as it is, its approvals too;
// what differs takes the place of what was edited here. It stops at the first one that cannot be kept.
func (l *Library) Import(ctx context.Context, by string, scenarios []*message.Scenario) (Imported, error) {
	var out Imported
	for _, s := range scenarios {
		created := false
		_, changed, err := l.save(ctx, by, s, func(e *Entry) error { created = e.Version == 0; return nil })
		switch {
		case err != nil:
			return out, err
		case !changed:
			out.Same = append(out.Same, s.ID)
		case created:
			out.Created = append(out.Created, s.ID)
		default:
			out.Changed = append(out.Changed, s.ID)
		}
	}
	return out, nil
}

// Export is a scenario of its own, as its file would say it; nil: there is none.
func (l *Library) Export(id string) *message.Scenario {
	if e := l.Get(id); e != nil {
		return copied(&e.Scenario)
	}
	return nil
}
