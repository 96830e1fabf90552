package send

import (
	"context"
	"iter"
	"slices"
	"strings"

	"vigie/runbooks/audience"
	"vigie/runbooks/message"
)

// firsts are the first messages of a scenario in a crisis through one account: usually one, more when one was aborted
// and sent again.
type firsts []first

type first struct {
	l    *ledger
	leg  int
	list audience.List
}

// told are the first messages that a send follows, or takes the place of, through an account. ErrUnderWay: one of them
// is not over.
func (r *Room) told(ctx context.Context, s *Send, a Account) (out firsts, err error) {
	for _, before := range r.Of(s.Crisis) {
		if before.ID == s.ID || before.Rendered.Scenario != s.Rendered.Scenario || before.Rendered.Step != message.Initial || before.Confirmed.IsZero() {
			continue
		}
		at := slices.IndexFunc(before.Legs, func(l Leg) bool { return l.Channel == a.ID })
		if at < 0 {
			continue
		}
		if before.Ended.IsZero() {
			return nil, ErrUnderWay
		}
		l, err := r.open(ctx, before)
		if err == nil {
			err = l.hearAll(ctx)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, first{l, at, l.legs[at].list})
	}
	return out, nil
}

// perhaps tells whether somebody was told by one of them, as far as anybody knows.
func (f firsts) perhaps(key string) bool {
	return slices.ContainsFunc(f, func(x first) bool {
		i, ok := x.list.Find(key)
		return ok && x.l.at(x.leg, i).outcome.Told()
	})
}

// reached are those of whom it is certain that they were told, each once; nil: there was no first message.
func (f firsts) reached() audience.List {
	if len(f) == 0 {
		return nil
	}
	out := &union{frozen: f[0].list.Frozen()}
	seen := map[string]bool{}
	for _, x := range f {
		for i, r := range x.list.All() {
			if o := x.l.at(x.leg, i).outcome; (o == Accepted || o == Delivered) && !seen[r.Key] {
				seen[r.Key] = true
				out.all = append(out.all, r)
			}
		}
	}
	slices.SortFunc(out.all, func(a, b audience.Recipient) int { return strings.Compare(a.Key, b.Key) })
	out.frozen.Size, out.frozen.Canary = len(out.all), 0
	return out
}

// union is a list of people of several.
type union struct {
	frozen audience.Frozen
	all    []audience.Recipient
}

func (u *union) Frozen() audience.Frozen                 { return u.frozen }
func (u *union) All() iter.Seq2[int, audience.Recipient] { return slices.All(u.all) }
func (u *union) At(i int) audience.Recipient             { return u.all[i] }
func (u *union) Find(key string) (int, bool) {
	return slices.BinarySearchFunc(u.all, key, func(r audience.Recipient, key string) int { return strings.Compare(r.Key, key) })
}
