package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// preview is what would be said now, and to how many.
func (r sendsReader) preview(ctx context.Context, c *crisis.Crisis, d send.Draft, p *send.Preview, wrong *wrongs) draftPreview {
	r.valueProblems(wrong, &p.Content.Scenario, p.Values, p.Problem)
	v := draftPreview{Problems: r.sentences(wrong), At: r.at(r.now), Looks: r.looks(p.Rendered, p.Accounts, d.Channels)}
	for i := range p.Findings {
		if f := &p.Findings[i]; f.Level == message.Wrong || f.Kind == "" || slices.ContainsFunc(p.Accounts, func(a send.Account) bool { return a.Kind == f.Kind && chosenAccount(d.Channels, a.ID) }) {
			v.Findings = append(v.Findings, r.said.finding(f))
		}
	}
	for _, name := range append(p.Content.Scenario.Uses(d.Step), "next") {
		v.Wrong = append(v.Wrong, noteView{"wrong-" + name, wrong.at(name)})
		if of := p.Content.Scenario.Variables[name]; of != nil && of.Live != "" && d.Values[name] == "" {
			v.Notes = append(v.Notes, noteView{"note-" + name, r.live(p.Values[name])})
		}
	}
	if !p.NextBy.IsZero() {
		v.Next = r.T("send.next_by", "time", hour(p.NextBy, r.matchZone(c)))
	}
	r.fillReach(ctx, &v, c, d, p)
	v.Ready = p.Rendered != nil && wrong.none()
	return v
}

func chosenAccount(chosen []string, id string) bool {
	return len(chosen) == 0 || slices.Contains(chosen, id)
}

// estimateKept is what an estimate said: while somebody types, the database is not asked for each letter.
type estimateKept struct {
	at  time.Time
	of  *audience.Estimate
	hit *audience.Impact
	err error
}

const estimateFor = 30 * time.Second

// kept asks once for what is asked again soon.
func (r sendsReader) estimate(key string, ask func() (*audience.Estimate, *audience.Impact, error)) estimateKept {
	r.kept.mu.Lock()
	had, ok := r.kept.counts[key]
	r.kept.mu.Unlock()
	if ok && r.now.Sub(had.at) < estimateFor {
		return had
	}
	had = estimateKept{at: r.now}
	had.of, had.hit, had.err = ask()
	r.kept.mu.Lock()
	defer r.kept.mu.Unlock()
	if r.kept.counts == nil || len(r.kept.counts) > 500 {
		r.kept.counts = map[string]estimateKept{}
	}
	r.kept.counts[key] = had
	return had
}

func (r sendsReader) fillReach(ctx context.Context, v *draftPreview, c *crisis.Crisis, d send.Draft, p *send.Preview) {
	personal := slices.DeleteFunc(slices.Clone(p.Accounts), func(a send.Account) bool { return !a.Kind.Personal() || !chosenAccount(d.Channels, a.ID) })
	switch {
	case len(personal) == 0:
		return
	case p.Previous != nil:
		r.reachPrevious(v, p, personal)
		return
	case r.contacts == nil:
		v.ReachWhy = r.T("send.bad.no_audience")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	segment := r.contacts.Segment(p.Audience.Segment)
	if c.Drill {
		if segment = r.contacts.Canary(); segment == nil {
			v.ReachWhy = r.T("send.bad.no_canary")
			return
		}
	}
	switch {
	case !c.Drill && p.Audience.Hit != nil:
		h := *p.Audience.Hit
		if h.Check() != nil {
			return
		}
		v.ReachWhy = r.impactOf(ctx, h)
	case segment == nil:
		v.ReachWhy = r.T("send.bad.no_list")
	default:
		got := r.estimate(fmt.Sprintf("segment %s %d", segment.ID, segment.Updated.UnixNano()), func() (*audience.Estimate, *audience.Impact, error) {
			e, err := r.contacts.Estimate(ctx, segment.Where, nil)
			return e, nil, err
		})
		if got.err != nil {
			v.ReachWhy = r.T("audience.away")
			return
		}
		for _, a := range personal {
			v.Reach = append(v.Reach, r.reach(a, got.of, p.Rendered))
		}
	}
}

// impactOf says how many a hit is about, and how many of them can be told.
func (r sendsReader) impactOf(ctx context.Context, h audience.Hit) string {
	got := r.estimate(fmt.Sprintf("hit %+v", h), func() (*audience.Estimate, *audience.Impact, error) {
		i, err := r.contacts.Impact(ctx, h)
		return nil, i, err
	})
	switch {
	case errors.Is(got.err, audience.ErrNoBeacons):
		return r.T("audience.hit.no_beacons")
	case got.err != nil:
		return r.T("audience.away")
	case got.hit.Sessions == 0:
		return r.T("audience.hit.nobody")
	}
	text := r.T("audience.hit.size", "viewers", r.about(got.hit.Viewers), "sessions", r.all(got.hit.Sessions), "tool", foreign(got.hit.Tool, longestName))
	if got.hit.Sampled > 1.05 {
		text += " " + r.T("audience.hit.sampled", "n", r.three(got.hit.Sampled))
	}
	if !got.hit.Mapped {
		text += " " + r.T("audience.hit.unmapped")
	}
	return text
}

func (r sendsReader) reach(a send.Account, of *audience.Estimate, rendered *message.Rendered) reachView {
	reach := of.SMS
	if a.Kind == channel.Email {
		reach = of.Email
	}
	v := reachView{Name: foreign(cmp.Or(a.Name, a.ID), longestName), Size: r.plural("send.people", reach.Size)}
	for _, left := range []struct {
		key string
		n   int
	}{{"disagreed", reach.Disagreed}, {"suppressed", reach.Suppressed}, {"unreached", reach.Unreached}, {"repeated", reach.Repeated}} {
		if left.n > 0 {
			v.Left = append(v.Left, sendFact{r.T("send.left." + left.key), r.all(left.n)})
		}
	}
	if rendered != nil && a.Price > 0 {
		units := 0
		for lang, n := range reach.ByLang {
			out, ok := rendered.Texts[a.Kind][lang]
			if !ok {
				out = rendered.Texts[a.Kind]["fr"]
			}
			units += n * max(1, out.Measure.Segments)
		}
		v.Cost = r.T("sends.new.cost", "cost", r.said.money(float64(units)*a.Price))
	}
	if a.Rate > 0 && reach.Size > 0 {
		v.Note = r.T("sends.new.takes", "span", r.span(time.Duration(float64(reach.Size)/a.Rate*float64(time.Second))), "rate", r.three(a.Rate))
	}
	return v
}

// reachPrevious is who got what this follows.
func (r sendsReader) reachPrevious(v *draftPreview, p *send.Preview, personal []send.Account) {
	progress := r.sends.Progress(p.Previous.ID)
	for _, a := range personal {
		for i := range p.Previous.Legs {
			if p.Previous.Legs[i].Channel == a.ID && i < len(progress.Legs) {
				size := r.plural("send.people", progress.Legs[i].Reached())
				if !progress.Known {
					size = missing
				}
				v.Reach = append(v.Reach, reachView{Name: foreign(cmp.Or(a.Name, a.ID), longestName), Size: size, Note: r.T("sends.new.follows.got")})
			}
		}
	}
}
