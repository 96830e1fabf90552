package audience

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vigie/internal/ch"
	"vigie/internal/match"
	"vigie/runbooks/channel"
)

// FreezeOptions go with a question.
type FreezeOptions struct {
	Told  Told // nil: nobody was told anything yet
	By    string
	Until time.Time // the lines are forgotten then; zero: after Config.KeepLists
}

// Freeze makes the list of whom a question is about, without those who must not be told, and keeps it. The house's own
// people are in it whatever the question is: they are the first. What it fails with for a person to mend is a
// *match.Problem, ErrNotFound (the segment), ErrNoBeacons or ErrNoMapping.
func (b *Book) Freeze(ctx context.Context, ask Ask, o FreezeOptions) (*Frozen, error) {
	if err := personal(ask.Kind); err != nil {
		return nil, &match.Problem{Key: "kind", Text: err.Error()}
	}
	if (ask.Segment == "") == (ask.Hit == nil) {
		return nil, &match.Problem{Key: "ask", Text: "a segment, or who was hit: one of them"}
	}
	f := Frozen{Kind: ask.Kind, Asked: ask, By: o.By, Until: o.Until}
	s := b.newSieve(ask.Kind, o.Told)
	var err error
	if ask.Hit != nil {
		err = b.askHit(ctx, s, *ask.Hit, &f)
	} else {
		seg := b.Segment(ask.Segment)
		if seg == nil {
			return nil, fmt.Errorf("segment %s: %w", ask.Segment, ErrNotFound)
		}
		err = b.askSegment(ctx, seg.Where, s)
	}
	if err != nil {
		return nil, err
	}
	if s.house > MaxCanary {
		return nil, &match.Problem{Key: "canary", Text: fmt.Sprintf("the segment of the house's own people has %d, at most %d are: narrow it down", s.house, MaxCanary)}
	}
	all, canary := s.list()
	f.Canary = canary
	f.Unreached, f.Disagreed, f.Suppressed, f.Capped, f.Repeated = s.unreached, s.disagreed, s.suppressed, s.capped, s.repeated
	return b.keep(ctx, f, all)
}

// FreezeKeys makes a list of those lines of an earlier one that keep chooses (nil: all): of exactly those who got
// what this one follows. Who asked to be never told since is left out. The cap does not count: who was told that
// something is broken is owed that it is mended.
func (b *Book) FreezeKeys(ctx context.Context, from List, keep func(key string) bool, o FreezeOptions) (*Frozen, error) {
	of := from.Frozen()
	f := Frozen{Kind: of.Kind, Asked: of.Asked, Sampled: of.Sampled, By: o.By, Until: o.Until}
	var all []Recipient
	for i, r := range from.All() {
		if keep != nil && !keep(r.Key) {
			continue
		}
		if _, never := b.Suppressed(r.Key); never {
			f.Suppressed++
			continue
		}
		if i < of.Canary {
			f.Canary++
		}
		all = append(all, r)
	}
	return b.keep(ctx, f, all)
}

// askSegment gives sieves those for whom all conditions hold, and the house's own people.
func (b *Book) askSegment(ctx context.Context, where []Condition, sieves ...*sieve) error {
	asked, err := question(where)
	if err != nil {
		return err
	}
	return b.steady(ctx, func(h *head) error {
		for _, s := range sieves {
			s.reset()
		}
		return b.people(ctx, h, asked, func(p *person) {
			for _, s := range sieves {
				s.take(p.by(s.kind))
			}
		})
	})
}

// person is a contact whom a question is about.
type person struct {
	id, email, phone, lang string
	emailAgree, smsAgree   uint8
	house                  uint8
}

// by is a person as one channel reaches them.
func (p *person) by(kind channel.Kind) *candidate {
	if kind == channel.Email {
		return &candidate{p.id, p.email, p.lang, p.emailAgree == 1, p.house == 1}
	}
	return &candidate{p.id, p.phone, p.lang, p.smsAgree == 1, p.house == 1}
}

// people reads those of a question, and the house's own.
func (b *Book) people(ctx context.Context, h *head, where string, take func(*person)) error {
	house, err := b.houseQuestion()
	if err != nil {
		return err
	}
	rows, err := b.cfg.DB.Query(ctx, b.statement("people", h.Layers), ch.P("of", numbers(h.Layers)), ch.P("lang", b.cfg.Lang),
		ch.P("where", where), ch.P("house", house), ch.P("now", time.Now().UTC().Truncate(time.Second)))
	if err != nil {
		return fmt.Errorf("audience: read contacts: %w", err)
	}
	var p person
	into := []any{&p.id, &p.email, &p.phone, &p.lang, &p.emailAgree, &p.smsAgree, &p.house}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return errors.Join(fmt.Errorf("audience: read contacts: %w", err), rows.Close())
		}
		take(&p)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("audience: read contacts: %w", err)
	}
	return nil
}

// Estimate is how many a question would reach now.
type Estimate struct {
	Contacts int       `json:"contacts"` // that the question is about, the house's own people with them
	Email    Reach     `json:"email"`
	SMS      Reach     `json:"sms"`
	At       time.Time `json:"at"`
}

// Reach is of one channel. Size and those left out add up to Contacts.
type Reach struct {
	Size       int            `json:"size"`
	Canary     int            `json:"canary"` // of them, the house's own people
	ByLang     map[string]int `json:"by_lang"`
	Unreached  int            `json:"unreached"`
	Disagreed  int            `json:"disagreed"`
	Suppressed int            `json:"suppressed"`
	Capped     int            `json:"capped"`
	Repeated   int            `json:"repeated"`
}

func (s *sieve) reach() Reach {
	all, canary := s.list()
	return Reach{len(all), canary, byLang(all), s.unreached, s.disagreed, s.suppressed, s.capped, s.repeated}
}

// Estimate counts whom a question would reach now, by the same means as Freeze: nothing of it is guessed. It is nearly
// as dear as freezing; callers ask when a form rests, not at each key.
func (b *Book) Estimate(ctx context.Context, where []Condition, told Told) (*Estimate, error) {
	if errs := checkWhere(where); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	e := &Estimate{At: time.Now().UTC()}
	mails, numbers := b.newSieve(channel.Email, told), b.newSieve(channel.SMS, told)
	if err := b.askSegment(ctx, where, mails, numbers); err != nil {
		return nil, err
	}
	e.Email, e.SMS = mails.reach(), numbers.reach()
	r := &e.Email
	e.Contacts = r.Size + r.Unreached + r.Disagreed + r.Suppressed + r.Capped + r.Repeated
	return e, nil
}
