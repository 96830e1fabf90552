package audience

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/internal/bus"
	"vigie/internal/ch"
	"vigie/internal/match"
)

// Bounds of segments.
const (
	maxSegments      = 500
	maxSegmentName   = 80 // characters
	maxConditions    = 10
	maxConditionEach = 100 // values
	MaxCanary        = 500 // people
)

// Check says everything that is wrong with a segment, each a *match.Problem.
func (s *Segment) Check() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &match.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	if err := match.ParseID(s.ID); err != nil {
		bad("id", "%v", err)
	}
	switch {
	case strings.TrimSpace(s.Name) == "":
		bad("name", "is missing")
	case utf8.RuneCountInString(s.Name) > maxSegmentName:
		bad("name", "is longer than %d characters", maxSegmentName)
	case !printable(s.Name):
		bad("name", "has characters that cannot be shown")
	}
	errs = append(errs, checkWhere(s.Where)...)
	if s.Canary && !slices.ContainsFunc(s.Where, func(c Condition) bool { return !c.Not }) {
		bad("where", "the house's own people are some: say which, as role is crew; without a condition it would be everybody")
	}
	return errors.Join(errs...)
}

func checkWhere(where []Condition) (errs []error) {
	bad := func(key, format string, args ...any) {
		errs = append(errs, &match.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	if len(where) > maxConditions {
		bad("where", "has %d conditions, %d are allowed", len(where), maxConditions)
	}
	for i, c := range where {
		key := fmt.Sprintf("where[%d]", i)
		if c.Attribute != "lang" {
			if err := checkAttribute(c.Attribute); err != nil {
				bad(key+".attribute", "%v", err)
			}
		}
		if len(c.Values) == 0 || len(c.Values) > maxConditionEach {
			bad(key+".values", "has %d values, 1 to %d are allowed", len(c.Values), maxConditionEach)
		}
		for _, v := range c.Values {
			if err := checkValue(v); err != nil {
				bad(key+".values", "one %v", err)
				break
			}
		}
	}
	return errs
}

// Segments are all, by name.
func (b *Book) Segments() []*Segment {
	all := b.segments.All()
	slices.SortFunc(all, func(x, y *Segment) int {
		if n := strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)); n != 0 {
			return n
		}
		return strings.Compare(x.ID, y.ID)
	})
	return all
}

// Segment is the one with an id; nil: there is none.
func (b *Book) Segment(id string) *Segment { return b.segments.Get(id) }

// Canary is the segment of the house's own people; nil: there is none, and nobody is told before all.
func (b *Book) Canary() *Segment {
	for _, s := range b.segments.All() {
		if s.Canary {
			return s
		}
	}
	return nil
}

// SaveSegment makes a segment (seen is zero), or changes the one whose Updated the person saw: ErrChanged when it is
// another by now, ErrNotFound when it is gone. Other errors are *match.Problem, joined. There is one canary segment at
// most. s.By is who changes it.
func (b *Book) SaveSegment(ctx context.Context, s Segment, seen time.Time) (*Segment, error) {
	s.Name = strings.TrimSpace(s.Name)
	if err := s.Check(); err != nil {
		return nil, err
	}
	if c := b.Canary(); s.Canary && c != nil && c.ID != s.ID {
		return nil, &match.Problem{Key: "canary", Text: fmt.Sprintf("%s is the house's own people already: one segment is", c.Name)}
	}
	s.Updated = time.Now().UTC().Truncate(time.Millisecond)
	if seen.IsZero() {
		if b.segments.Len() >= maxSegments {
			return nil, &match.Problem{Key: "id", Text: fmt.Sprintf("there are %d segments, which is as many as may be", maxSegments)}
		}
		err := b.segments.Create(ctx, s.ID, &s)
		if errors.Is(err, bus.ErrConflict) {
			return nil, &match.Problem{Key: "id", Text: "there is one with this id"}
		}
		return &s, err
	}
	saved, err := b.segments.Edit(ctx, s.ID, func(v *Segment) error {
		if !v.Updated.Equal(seen) {
			return ErrChanged
		}
		if !s.Updated.After(v.Updated) {
			s.Updated = v.Updated.Add(time.Millisecond)
		}
		*v = s
		return nil
	})
	if errors.Is(err, bus.ErrNotFound) {
		err = ErrNotFound
	}
	return saved, err
}

// DeleteSegment deletes the segment whose Updated the person saw. Lists that were frozen from it stay.
func (b *Book) DeleteSegment(ctx context.Context, id string, seen time.Time) error {
	s := b.segments.Get(id)
	if s == nil {
		return ErrNotFound
	}
	if !s.Updated.Equal(seen) {
		return ErrChanged
	}
	return b.segments.Delete(ctx, id)
}

// question is lists of conditions, of which one whole list must hold, as the statements read it.
func question(of ...[]Condition) (string, error) {
	all := [][][3]any{}
	for _, where := range of {
		list := [][3]any{}
		for _, c := range where {
			list = append(list, [3]any{c.Attribute, c.Values, c.Not})
		}
		all = append(all, list)
	}
	text, err := json.Marshal(all)
	return string(text), err
}

// houseQuestion is who the house's own people are.
func (b *Book) houseQuestion() (string, error) {
	if c := b.Canary(); c != nil {
		return question(c.Where)
	}
	return question()
}

// Attribute is a name that contacts' attributes have, or lang.
type Attribute struct {
	Name     string  `json:"name"`
	Contacts int     `json:"contacts"`
	Values   []Value `json:"values"`         // the most frequent first, at most MaxValues
	More     bool    `json:"more,omitempty"` // there are others
}

// Value is one of an attribute's.
type Value struct {
	Text     string `json:"text"`
	Contacts int    `json:"contacts"`
}

// Bounds of a form.
const (
	MaxValues     = 50
	maxAttributed = 100 // attributes
)

// Attributes are what contacts have, the most frequent first, lang before them. The answer is kept until contacts
// change, for at most a minute; it is everybody's, and not to be changed.
func (b *Book) Attributes(ctx context.Context) ([]Attribute, error) {
	return b.forms.get(ctx, b)
}

func (b *Book) attributes(ctx context.Context, of []layer, now time.Time) ([]Attribute, error) {
	params := []ch.Param{ch.P("of", numbers(of)), ch.P("now", now.UTC().Truncate(time.Second)), ch.P("values", uint32(MaxValues)), ch.P("lang", b.cfg.Lang)}
	var spoken []struct {
		Value    string `ch:"value"`
		Contacts uint64 `ch:"contacts"`
	}
	if err := b.cfg.DB.Select(ctx, &spoken, b.statement("languages", of), params...); err != nil {
		return nil, fmt.Errorf("audience: look at contacts' languages: %w", err)
	}
	lang := Attribute{Name: "lang", More: len(spoken) > MaxValues}
	for n, l := range spoken {
		lang.Contacts += int(l.Contacts)
		if n < MaxValues {
			lang.Values = append(lang.Values, Value{l.Value, int(l.Contacts)})
		}
	}
	var found []struct {
		Name      string `ch:"name"`
		Value     string `ch:"value"`
		Contacts  uint64 `ch:"contacts"`
		Named     uint64 `ch:"named"`
		Different uint64 `ch:"different"`
	}
	if err := b.cfg.DB.Select(ctx, &found, b.statement("attributes", of), params...); err != nil {
		return nil, fmt.Errorf("audience: look at contacts' attributes: %w", err)
	}
	var all []Attribute
	for _, f := range found {
		if len(all) == 0 || all[len(all)-1].Name != f.Name {
			all = append(all, Attribute{Name: f.Name, Contacts: int(f.Named), More: f.Different > MaxValues})
		}
		a := &all[len(all)-1]
		a.Values = append(a.Values, Value{f.Value, int(f.Contacts)})
	}
	slices.SortStableFunc(all, func(x, y Attribute) int { return y.Contacts - x.Contacts })
	if len(all) > maxAttributed {
		all = all[:maxAttributed]
	}
	return append([]Attribute{lang}, all...), nil
}
