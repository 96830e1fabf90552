package web

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/runbooks/send"
)

// legView is how far one channel of a send is.
type legView struct {
	N           int
	Name, Kind  string
	Size        string
	Bars        []outcomeBar
	Words       string // all of it in a sentence, for who cannot see the bar
	Stage       string
	Stages      []stageView
	Rate, Left  string
	Failed      int
	Unknown     int
	FailedURL   string
	Reasons     []sendReason
	ReasonsNote string
}

// outcomeBar is a part of a leg's bar.
type outcomeBar struct {
	Class, Label, N string
	X, Width        string // percent of the bar; Width "": nothing to draw
	URL             string // its recipients
}

// stageView is one of the canary's stages.
type stageView struct {
	Name, State string // State: passed, here, later
}

type sendReason struct{ N, Reason, Text string }

// outcomeGroup are the outcomes that people tell apart.
type outcomeGroup struct {
	Class string
	Of    []send.Outcome
}

// outcomeGroups are all, as a bar has them from the left: what is certain first, what waits last.
func outcomeGroups() []outcomeGroup {
	return []outcomeGroup{
		{"delivered", []send.Outcome{send.Delivered}},
		{"accepted", []send.Outcome{send.Accepted}},
		{"failed", []send.Outcome{send.Refused, send.Undelivered}},
		{"unknown", []send.Outcome{send.Unknown}},
		{"calling", []send.Outcome{send.Claimed}},
		{"unsent", []send.Outcome{send.Suppressed, send.Expired, send.Recalled}},
		{"waiting", []send.Outcome{send.Waiting}},
	}
}

// always are the groups that are shown even when they are empty: a zero that is known is worth knowing.
func always(class string) bool {
	return class == "delivered" || class == "accepted" || class == "failed" || class == "unknown" || class == "waiting"
}

func (g outcomeGroup) in(t send.Tally) (n int) {
	for _, o := range g.Of {
		n += t.Get(o)
	}
	return n
}

// legs are the channels of a send that was confirmed, and why their numbers cannot be believed yet.
func (r sendsReader) legs(of *send.Send) (legs []legView, unsure string) {
	p := r.sends.Progress(of.ID)
	if !p.Known {
		unsure = r.T("send.progress.unknown")
	}
	for i := range of.Legs {
		if i < len(p.Legs) {
			legs = append(legs, r.leg(of, i, p.Legs[i], p.Known))
		}
	}
	return legs, unsure
}

func (r sendsReader) leg(of *send.Send, n int, p send.LegProgress, known bool) legView {
	leg := &of.Legs[n]
	v := legView{
		N: n, Name: r.account(leg.Channel, of.Drill), Kind: r.channel(string(leg.Kind)), Failed: p.Get(send.Refused), Unknown: p.Get(send.Unknown),
	}
	v.Size = r.plural("send.posts", leg.Size())
	if leg.Kind.Personal() {
		v.Size = r.plural("send.people", leg.Size())
	}
	at := 0
	var words []string
	for _, g := range outcomeGroups() {
		count := g.in(p.Tally)
		if count == 0 && !always(g.Class) {
			continue
		}
		b := outcomeBar{Class: g.Class, Label: r.T("send.outcome." + g.Class), N: r.all(count), URL: linesURL(of.ID, n, g.Class, 1)}
		if !known {
			b.N = missing // less than there is is no number
		}
		if count > 0 && p.Size > 0 {
			b.X, b.Width = percentOf(float64(at), float64(p.Size)), percentOf(float64(count), float64(p.Size))
			at += count
		}
		words = append(words, b.N+" "+b.Label)
		v.Bars = append(v.Bars, b)
	}
	v.Words = v.Name + " : " + strings.Join(words, ", ")
	if !of.State.Open() || of.State == send.Prepared || of.State == send.Checked {
		return v
	}
	v.Stages = r.stages(leg)
	if p.Rate > 0 {
		v.Rate = r.T("send.rate", "rate", r.three(p.Rate))
	}
	if p.Left > 0 && known && of.State != send.Paused {
		v.Left = r.T("send.left", "span", r.span(p.Left), "time", r.until(r.now.Add(p.Left)))
	}
	return v
}

// stages are the canary's: the house's own people, one in a hundred, all. Small lists have fewer.
func (r sendsReader) stages(leg *send.Leg) (out []stageView) {
	if !leg.Kind.Personal() {
		return nil
	}
	all := []send.Stage{send.House, send.Percent, send.All}
	at := -1
	for i, of := range all {
		if of == leg.Stage {
			at = i
		}
	}
	for i, of := range all {
		if of == send.House && (leg.List.Canary == 0 || leg.List.Canary >= leg.List.Size) {
			continue
		}
		v := stageView{Name: r.T("send.stage." + string(of)), State: "later"}
		if of == send.House {
			v.Name = r.T("send.stage.house.n", "n", r.all(leg.List.Canary))
		}
		switch {
		case i < at:
			v.State = "passed"
		case i == at:
			v.State = "here"
		}
		out = append(out, v)
	}
	return out
}

// reasonsKept is what providers say most often of a send's failures, as it was counted last: that asks the bus for each.
type reasonsKept struct {
	at time.Time
	of [][]sendReason
}

// Bounds of what providers say: how many failed recipients are looked at, and how many of the reasons are told.
const (
	reasonsOf    = 200
	reasonsShown = 4
	reasonsFor   = 5 * time.Second
)

// reasons puts what providers say most often beside each leg. It looks at the first failed recipients alone.
func (r sendsReader) reasons(ctx context.Context, of *send.Send, legs []legView) {
	r.kept.mu.Lock()
	kept, ok := r.kept.why[of.ID]
	r.kept.mu.Unlock()
	if !ok || r.now.Sub(kept.at) > reasonsFor {
		kept = reasonsKept{at: r.now, of: make([][]sendReason, len(legs))}
		for i := range legs {
			if legs[i].Failed+legs[i].Unknown > 0 || !of.State.Open() {
				kept.of[i] = r.reasonsOf(ctx, of, i)
			}
		}
		r.kept.mu.Lock()
		if r.kept.why == nil || len(r.kept.why) > 200 {
			r.kept.why = map[string]reasonsKept{}
		}
		r.kept.why[of.ID] = kept
		r.kept.mu.Unlock()
	}
	for i := range legs {
		if i < len(kept.of) {
			legs[i].Reasons = kept.of[i]
		}
	}
}

func (r sendsReader) reasonsOf(ctx context.Context, of *send.Send, leg int) (out []sendReason) {
	lines, total, err := r.sends.Lines(ctx, of.ID, leg, []send.Outcome{send.Refused, send.Undelivered, send.Unknown}, 0, reasonsOf)
	if err != nil || total == 0 {
		return nil
	}
	type why struct{ reason, text string }
	counts := map[why]int{}
	for _, l := range lines {
		counts[why{l.Reason, foreign(l.Text, 80)}]++
	}
	all := slices.SortedFunc(maps.Keys(counts), func(a, b why) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.reason, b.reason), cmp.Compare(a.text, b.text))
	})
	for _, w := range all[:min(len(all), reasonsShown)] {
		v := sendReason{N: r.all(counts[w]), Reason: r.reason(w.reason), Text: w.text}
		if total > len(lines) {
			v.N = r.T("send.reasons.of", "n", v.N, "of", r.all(len(lines)))
		}
		out = append(out, v)
	}
	return out
}

// reason is why a provider did not take something, in words.
func (r sendsReader) reason(reason string) string {
	if reason == "" {
		return r.T("send.reason.untold")
	}
	return r.known("send.reason.", reason)
}
