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
		b := outcomeBar{Class: g.Class, Label: r.outcomes(g.Class, count), N: r.all(count), URL: linesURL(of.ID, n, g.Class, 1)}
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
	if known {
		r.fillPace(&v, of, n, p)
	}
	return v
}

// reasonsKept is what providers say most often of a send's failures, as it was counted last: that asks the bus for each.
type reasonsKept struct {
	at time.Time
	of [][]sendReason
}

// outcomes is what so many of a group are called.
func (r sendsReader) outcomes(class string, n int) string {
	key := "send.outcome." + class
	if text, ok := r.texts[key+r.number(n)]; ok {
		return text
	}
	return r.T(key)
}

// whyKey is of reasons in a reader's language.
type whyKey struct{ send, lang string }

// Bounds of what providers say: how many failed recipients are looked at, and how many of the reasons are told.
const (
	reasonsOf    = 200
	reasonsShown = 4
	reasonsFor   = 5 * time.Second
)

// reasons puts what providers say most often beside each leg. It looks at the first failed recipients alone.
func (r sendsReader) reasons(ctx context.Context, of *send.Send, legs []legView) {
	key := whyKey{of.ID, r.Code}
	r.kept.mu.Lock()
	kept, ok := r.kept.why[key]
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
			r.kept.why = map[whyKey]reasonsKept{}
		}
		r.kept.why[key] = kept
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
		counts[why{r.sendReason(l.Outcome, l.Reason), foreign(l.Text, 80)}]++
	}
	all := slices.SortedFunc(maps.Keys(counts), func(a, b why) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.reason, b.reason), cmp.Compare(a.text, b.text))
	})
	for _, w := range all[:min(len(all), reasonsShown)] {
		v := sendReason{N: r.all(counts[w]), Reason: w.reason, Text: w.text}
		if total > len(lines) {
			v.N = r.T("send.reasons.of", "n", v.N, "of", r.all(len(lines)))
		}
		out = append(out, v)
	}
	return out
}
