package web

import (
	"slices"
	"time"

	"vigie/runbooks/channel"
	"vigie/runbooks/send"
)

// stageView is one of the canary's stages.
type stageView struct {
	Name, State string // State: passed, here, later
}

func (r sendsReader) stages(leg *send.Leg) (out []stageView) {
	if !leg.Kind.Personal() {
		return nil
	}
	all := leg.Openings()
	at := slices.IndexFunc(all, func(o send.Opening) bool { return o.Stage == leg.Stage })
	for i, of := range all {
		v := stageView{Name: r.stageName(of), State: "later"}
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

// stageName is a stage with how many it ends at.
func (r sendsReader) stageName(of send.Opening) string {
	return r.T("send.stage.n", "stage", r.known("send.stage.", string(of.Stage)), "n", r.all(of.Gate))
}

// paceFrom is how long a pace is measured before it is told.
const paceFrom = 3 * time.Second

// fillPace says how fast a leg is and when it will be over; before its last stage, what it waits for and until when.
func (r sendsReader) fillPace(v *legView, of *send.Send, n int, p send.LegProgress) {
	leg := &of.Legs[n]
	switch {
	case p.OpenNow() == 0 || of.State != send.Sending:
	case leg.Stage == "":
		if leg.Kind != channel.Status && slices.ContainsFunc(of.Legs, func(l send.Leg) bool { return l.Kind == channel.Status }) {
			v.Left = r.T("send.eta.status")
		}
	case !leg.Kind.Personal():
	case leg.Stage != send.All:
		v.Left = r.held(leg, p)
	default:
		switch age := r.now.Sub(p.Since); {
		case age < paceFrom, p.Rate == 0 && age < send.PaceFor:
			v.Left = r.T("send.eta.measured")
		case p.Rate == 0:
			v.Left = r.T("send.eta.still", "span", r.span(send.PaceFor))
		default:
			v.Rate, v.Left = r.T("send.rate", "rate", r.three(p.Rate)), r.T("send.left", "span", r.span(p.Left), "time", r.until(r.now.Add(p.Left)))
		}
	}
}

// held is what a stage before the last one waits for: that all of it are served, then that it was watched for a while.
func (r sendsReader) held(leg *send.Leg, p send.LegProgress) string {
	at, next, ok := leg.Next()
	if !ok {
		return ""
	}
	done, until := p.Size-p.OpenNow(), leg.Since.Add(at.Hold)
	if done >= leg.Gate && r.now.Before(until) {
		return r.T("send.eta.held", "time", r.at(until), "next", r.stageName(next))
	}
	if done >= leg.Gate {
		return r.T("send.eta.opens", "next", r.stageName(next))
	}
	return r.T("send.eta.served", "done", r.all(done), "of", r.all(leg.Gate), "next", r.stageName(next))
}
