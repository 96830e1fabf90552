package send

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vigie/runbooks/channel"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// Finding is one thing that stands against a send, or that people should know.
type Finding struct {
	Code   string            `json:"code"` // a key of texts, "send.finding." before it
	Args   map[string]string `json:"args,omitempty"`
	Leg    string            `json:"leg,omitempty"` // account; "": the whole
	Blocks bool              `json:"blocks"`
}

// Codes of findings.
const (
	FoundNotApproved = "not_approved" // why: what the library says of it now
	FoundEdited      = "edited"       // since it was prepared: it would not be the approved words
	FoundCrisisOver  = "crisis_over"
	FoundPromise     = "promise_past" // the next message is promised for a moment that is over
	FoundStale       = "stale"        // minutes: what the board said is old
	FoundNobody      = "nobody"       // a list is empty
	FoundList        = "list"         // a list cannot be read, or is not what was frozen
	FoundNoAccount   = "no_account"   // it is not configured any more
	FoundNoWorker    = "no_worker"    // no process that sends is there
	FoundNoStatus    = "no_status"    // the status page is not among the channels, which others refer to
	FoundSlow        = "slow"         // takes, valid: some would not be told in time
	FoundLeftOut     = "left_out"     // disagreed, suppressed, capped, unreached
	FoundNoCanary    = "no_canary"    // first, capped: the house's own people are not on the list, viewers are the first to be told
	FoundAlready     = "already"      // the same step was confirmed before in this crisis: send
	FoundOther       = "other_open"   // another send of this crisis is on its way: send
)

const staleAfter = 10 * time.Minute

// Preflight is what stands against a send now; those that block are first.
func (r *Room) Preflight(ctx context.Context, id string) []Finding {
	if s := r.Get(id); s != nil {
		return r.preflight(ctx, s)
	}
	return nil
}

func (r *Room) preflight(ctx context.Context, s *Send) (out []Finding) {
	add := func(blocks bool, code, leg string, pairs ...string) {
		f := Finding{Code: code, Leg: leg, Blocks: blocks}
		for i := 0; i+1 < len(pairs); i += 2 {
			if f.Args == nil {
				f.Args = map[string]string{}
			}
			f.Args[pairs[i]] = pairs[i+1]
		}
		out = append(out, f)
	}
	now := r.cfg.now()
	c := r.cfg.Prepare.Crisis(s.Crisis)
	switch {
	case c == nil:
		add(true, FoundCrisisOver, "")
	case !c.Ended.IsZero() && !s.Rendered.Step.Follows():
		add(true, FoundCrisisOver, "")
	case c.Drill != s.Drill:
		add(true, FoundEdited, "")
	default:
		content, err := r.content(ctx, c, s.Rendered.Scenario, s.Rendered.Step)
		var refused *library.Refused
		switch {
		case errors.As(err, &refused):
			add(true, FoundNotApproved, "", "why", string(refused.Why), "by", refused.By)
		case err != nil:
			add(true, FoundNotApproved, "", "error", err.Error())
		case content.Hash != s.Rendered.Hash || content.Approver != s.Approved || !slices.Equal(content.Authors, s.Authors):
			add(true, FoundEdited, "")
		}
	}
	if s.Digest != s.digest() {
		add(true, FoundEdited, "")
	}
	if !s.NextBy.IsZero() && s.NextBy.Before(now.Add(2*time.Minute)) {
		add(true, FoundPromise, "")
	}
	if age := now.Sub(s.At); age > staleAfter && len(s.Rendered.Values) > 0 {
		add(false, FoundStale, "", "minutes", fmt.Sprint(int(age.Minutes())))
	}
	if len(r.live(s.Drill)) == 0 {
		add(true, FoundNoWorker, "")
	}
	status := false
	for i := range s.Legs {
		leg := &s.Legs[i]
		status = status || leg.Kind == channel.Status
		a, ok := r.account(leg.Channel, s.Drill)
		if !ok || a.Kind != leg.Kind {
			add(true, FoundNoAccount, leg.Channel)
			continue
		}
		if !leg.Kind.Personal() {
			continue
		}
		if leg.List.Size == 0 {
			add(false, FoundNobody, leg.Channel)
		}
		if list, err := r.cfg.Lists(ctx, leg.List.ID); err != nil {
			add(true, FoundList, leg.Channel, "error", err.Error())
		} else if list.Frozen().Hash != leg.List.Hash || list.Frozen().Size != leg.List.Size {
			add(true, FoundList, leg.Channel)
		}
		if leg.Takes > a.valid() {
			add(false, FoundSlow, leg.Channel, "takes", leg.Takes.String(), "valid", a.valid().String())
		}
		if f := leg.List; f.Disagreed+f.Suppressed+f.Capped+f.Unreached > 0 {
			add(false, FoundLeftOut, leg.Channel, "disagreed", fmt.Sprint(f.Disagreed), "suppressed", fmt.Sprint(f.Suppressed), "capped", fmt.Sprint(f.Capped), "unreached", fmt.Sprint(f.Unreached))
		}
		if r.lacksCanary(s, leg) {
			add(false, FoundNoCanary, leg.Channel, "first", fmt.Sprint(leg.Openings()[0].Gate), "capped", fmt.Sprint(leg.List.Capped))
		}
	}
	if !status && slices.ContainsFunc(r.Accounts(s.Drill), func(a Account) bool { return a.Kind == channel.Status }) {
		add(false, FoundNoStatus, "")
	}
	for _, other := range r.Of(s.Crisis) {
		switch {
		case other.ID == s.ID || other.Confirmed.IsZero() || other.State == Aborted:
		case other.Rendered.Scenario == s.Rendered.Scenario && other.Rendered.Step == s.Rendered.Step && s.Rendered.Step != message.Update && s.Rendered.Step != message.Correction:
			add(sharesAccount(s, other), FoundAlready, "", "send", other.ID)
		case other.State.Open():
			add(false, FoundOther, "", "send", other.ID)
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		switch {
		case a.Blocks == b.Blocks:
			return 0
		case a.Blocks:
			return -1
		}
		return 1
	})
	return out
}

// lacksCanary tells whether the house has people of its own who are told before all, and none of them is on the list of a
// first message: they had as many as anybody may get in a match, or they cannot be reached. What follows a first message
// goes to who got that one; an exercise goes to nobody else.
func (r *Room) lacksCanary(s *Send, leg *Leg) bool {
	if s.Drill || s.Previous != "" || leg.List.Size == 0 || leg.List.Canary > 0 || r.cfg.Prepare.Audience == nil {
		return false
	}
	book := r.cfg.Prepare.Audience()
	return book != nil && book.Canary() != nil
}

// sharesAccount tells whether somebody would be told by both, twice.
func sharesAccount(a, b *Send) bool {
	return slices.ContainsFunc(a.Legs, func(x Leg) bool {
		return slices.ContainsFunc(b.Legs, func(y Leg) bool { return x.Channel == y.Channel })
	})
}
