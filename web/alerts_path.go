package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/alerts"
	"vigie/alerts/notice"
)

// pathStep is one line of the way from data to a telephone.
type pathStep struct {
	at         time.Time
	what       string // of the trail's line; "": it is none
	Time       string
	Machine    string // as RFC 3339
	Minute     string // of the match
	Kind       string // data, decided, said, unsaid, people: how it is drawn
	Class      string // of its sign; "": none
	Word       string // of what was not said
	Text, Rest string
	Detail     string // the provider's words, the route
}

// told by the ledger, and by what people do, more exactly than by the trail.
var (
	toldByLedger = []string{"queued", "nobody", "said", "suppressed", "failed", "retry"}
	toldByPeople = []string{alerts.ActAck, alerts.ActGiveUp, alerts.ActHandOver, alerts.ActNote}
)

// newPath merges what was decided, what was said and what people did, in the order of time.
func (r alertsReader) newPath(i *alerts.Incident, lines []alerts.Line, entries []alerts.Entry) []pathStep {
	var steps []pathStep
	lines = r.before(i, lines)
	for n := range lines {
		of := &lines[n]
		if len(entries) > 0 && slices.Contains(toldByLedger, of.What) || len(i.History) > 0 && slices.Contains(toldByPeople, of.What) {
			continue
		}
		steps = append(steps, r.decided(of))
	}
	for n := range i.History {
		steps = append(steps, r.acted(&i.History[n]))
	}
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b alerts.Entry) int { return cmp.Or(a.Made.Compare(b.Made), strings.Compare(a.ID, b.ID)) })
	channels := map[string]string{} // of entries, by their ids
	for n := range entries {
		channels[entries[n].ID] = entries[n].Target.Channel
	}
	for n := range entries {
		steps = append(steps, r.said(&entries[n], channels)...)
	}
	slices.SortStableFunc(steps, func(a, b pathStep) int { return a.at.Compare(b.at) })
	steps = r.likewise(steps)
	if from := steps; len(from) > maxPath { // the beginning, and what is new
		steps = append(slices.Clone(from[:maxPath/4]), pathStep{at: from[maxPath/4].at, Kind: "decided", Text: r.plural("alerts.path.more", len(from)-maxPath)})
		steps = append(steps, from[len(from)-3*maxPath/4:]...)
	}
	for n := range steps {
		s := &steps[n]
		s.Time, s.Machine, s.Minute = r.at(s.at), s.at.UTC().Format(time.RFC3339Nano), r.minute(s.at)
	}
	return steps
}

// likewise makes of many alerts of which the same is seen one after another the first ones and a count: the page
// lists each, and what was decided and said must not be a long way down.
func (r alertsReader) likewise(steps []pathStep) []pathStep {
	const shown = 2
	var out []pathStep
	for n := 0; n < len(steps); {
		end := n + 1
		for end < len(steps) && steps[end].Kind == "data" && steps[end].what == steps[n].what && steps[end].Rest == "" {
			end++
		}
		run := steps[n:end]
		if n = end; len(run) <= shown+1 || run[0].Kind != "data" {
			out = append(out, run...)
			continue
		}
		last := run[len(run)-1]
		last.Text, last.Rest, last.Detail = r.plural("alerts.path.likewise", len(run)-shown), "", ""
		out = append(append(out, run[:shown]...), last)
	}
	return out
}

// maxPath is how many steps are shown.
const maxPath = 400

// before adds what was seen of the problem's alerts before there was the problem, which is what opened it; and
// tells from the alerts themselves what the trail has lost.
func (r alertsReader) before(i *alerts.Incident, lines []alerts.Line) []alerts.Line {
	keys := map[string]bool{}
	for n := range i.Alerts {
		keys[i.Alerts[n].Key] = true
	}
	all := slices.Clone(lines)
	fired := map[string]bool{}
	for _, of := range lines {
		fired[of.Alert] = fired[of.Alert] || of.What == "firing"
	}
	for _, of := range r.room.Trail("") {
		if of.Problem == "" && keys[of.Alert] && !fired[of.Alert] && of.At.After(i.Began.Add(-10*time.Minute)) && (i.Ended.IsZero() || of.At.Before(i.Ended)) {
			all = append(all, of)
		}
	}
	for _, of := range all {
		fired[of.Alert] = fired[of.Alert] || of.What == "firing"
	}
	for n := range i.Alerts {
		m := &i.Alerts[n]
		known := map[string]string{"rule": m.Rule, "severity": string(m.Severity)}
		for _, l := range r.labels(m.Labels) {
			known["labels"] = strings.TrimPrefix(known["labels"]+", "+l.Name+" "+l.Value, ", ")
		}
		if !m.Begun.IsZero() && m.Fired.Sub(m.Begun) >= time.Second && m.Begun.After(i.Began.Add(-time.Hour)) {
			all = append(all, alerts.Line{At: m.Begun, What: "pending", Alert: m.Key, Args: map[string]string{"rule": m.Rule, "labels": known["labels"]}})
		}
		if !fired[m.Key] && !m.Fired.IsZero() {
			all = append(all, alerts.Line{At: m.Fired, What: "firing", Alert: m.Key, Args: known})
		}
	}
	return all
}

// kindsOf are how lines of the trail are drawn, with the class of their sign.
var kindsOf = map[string][2]string{
	"pending": {"data", "warning"}, "firing": {"data", "critical"}, "no-data": {"data", "unknown"}, "error": {"data", "unknown"},
	"recovered": {"data", "fine"}, "severity": {"data", "critical"}, "resolved": {"decided", "fine"}, "muted": {"unsaid", "unknown"},
	"nobody": {"unsaid", "warning"}, "suppressed": {"unsaid", "unknown"}, "failed": {"unsaid", "critical"}, "throttled": {"unsaid", "warning"},
	"retry": {"unsaid", "warning"}, "plain": {"said", "warning"}, "said": {"said", "fine"}, "late": {"unsaid", "warning"},
	"heartbeat-failed": {"unsaid", "critical"}, alerts.ActAck: {"people", ""}, alerts.ActGiveUp: {"people", ""},
	alerts.ActHandOver: {"people", ""}, alerts.ActNote: {"people", ""},
}

func (r alertsReader) decided(of *alerts.Line) pathStep {
	s := pathStep{at: of.At, what: of.What, Kind: "decided"}
	if k, ok := kindsOf[of.What]; ok {
		s.Kind, s.Class = k[0], k[1]
	}
	s.Text, s.Rest = r.line(of)
	if s.Kind == "unsaid" {
		s.Word = r.T("alerts.unsaid")
	}
	if severity := notice.Severity(of.Args["severity"]); of.What == "firing" && severity.Rank() > 0 {
		s.Class = r.severity(severity).Class
	}
	return s
}

func (r alertsReader) acted(of *alerts.CareAct) pathStep {
	s := pathStep{at: of.At, Kind: "people"}
	s.Text, s.Rest = r.told("alerts.trail."+of.What, map[string]string{"by": r.who(of.By), "to": r.who(of.To), "note": foreign(of.Note, 500)})
	if of.To == "" {
		s.Text, s.Rest = r.told("alerts.trail."+of.What, map[string]string{"by": r.who(of.By), "note": foreign(of.Note, 500)})
	}
	return s
}

// soonSaid is how long after it was written down something may be said without a word about the wait.
const soonSaid = 3 * time.Second

// said is what became of one notification.
func (r alertsReader) said(e *alerts.Entry, channels map[string]string) []pathStep {
	args := map[string]string{
		"who": r.reader(&e.Target), "kind": r.known("alerts.kind.", string(e.Kind)),
	}
	if e.Target.Name != "" || e.Target.Person != "" { // else it is the channel
		args["channel"] = foreign(e.Target.Channel, longestName)
	}
	if e.Step >= 0 && e.Kind != notice.Test {
		args["step"] = strconv.Itoa(e.Step + 1)
	}
	if e.Round > 0 {
		args["round"] = strconv.Itoa(e.Round + 1)
	}
	if e.Why != "" {
		args["why"] = foreign(e.Why, longestReason)
	}
	if e.Instead != "" {
		args["instead"] = foreign(channels[e.Instead], longestName)
		if args["instead"] == "" {
			args["instead"] = foreign(e.Instead, longestName)
		}
	}
	if e.Drill {
		args["drill"] = r.T("alerts.drill.word")
	}
	if e.By != "" {
		args["by"] = r.who(e.By)
	}
	say := func(at time.Time, kind, class, key string, more ...string) pathStep {
		for i := 0; i+1 < len(more); i += 2 {
			args[more[i]] = more[i+1]
		}
		s := pathStep{at: at, Kind: kind, Class: class}
		s.Text, _ = r.told(key, args)
		if kind == "unsaid" {
			s.Word = r.T("alerts.unsaid")
		}
		return s
	}
	var steps []pathStep
	first := len(e.Tries) > 0 && e.Tries[0].At.Sub(e.Made) <= soonSaid
	if !first || e.Instead != "" {
		s := say(e.Made, "decided", "", "alerts.said.queued")
		if e.Reason == "" && !e.NotBefore.IsZero() && e.NotBefore.After(e.Made.Add(soonSaid)) && len(e.Tries) == 0 && e.State == alerts.Queued {
			s = say(e.Made, "decided", "", "alerts.said.later", "until", r.at(e.NotBefore))
		}
		steps = append(steps, s)
	}
	for n := range e.Tries {
		t := &e.Tries[n]
		args["n"] = ""
		if n > 0 {
			args["n"] = strconv.Itoa(n + 1)
		}
		args["took"] = r.latency(t.Took.Seconds()).String()
		args["reason"] = ""
		if t.Reason != "" {
			args["reason"] = r.reason(string(t.Reason))
		}
		kind, class := "unsaid", "warning"
		switch t.Outcome {
		case string(alerts.Accepted):
			kind, class = "said", "fine"
		case "permanent":
			class = "critical"
		case "ambiguous":
			kind, class = "said", "unknown"
		}
		key := "alerts.said.try." + t.Outcome
		if _, ok := r.texts[key]; !ok {
			key, args["outcome"] = "alerts.said.try.other", foreign(t.Outcome, longestName)
		}
		s := say(t.At, kind, class, key)
		s.Detail = foreign(t.Text, 200)
		if kind == "said" && e.Receipt != "" && t.Outcome == string(alerts.Accepted) {
			s.Detail = strings.TrimPrefix(s.Detail+" · "+foreign(e.Receipt, 120), " · ")
		}
		if s.Detail != "" {
			s.Detail = r.T("alerts.quoted", "text", s.Detail)
		}
		steps = append(steps, s)
	}
	args["reason"], args["detail"] = "", foreign(e.Detail, 300)
	if e.Reason != "" {
		args["reason"] = r.reason(e.Reason)
	}
	switch e.State {
	case alerts.Suppressed:
		s := say(done(e), "unsaid", "unknown", "alerts.said.suppressed")
		s.Detail = r.particulars(e)
		steps = append(steps, s)
	case alerts.Failed:
		s := say(done(e), "unsaid", "critical", "alerts.said.failed")
		s.Detail = r.particulars(e)
		steps = append(steps, s)
	case alerts.Queued, alerts.Claiming, alerts.Accepted:
		if e.State == alerts.Queued && len(e.Tries) > 0 && !e.NotBefore.IsZero() {
			steps = append(steps, say(e.Tries[len(e.Tries)-1].At, "decided", "", "alerts.said.again", "until", r.at(e.NotBefore)))
		} else if e.State == alerts.Queued && e.Reason != "" && len(e.Tries) == 0 {
			steps = append(steps, say(e.Made, "unsaid", "warning", "alerts.said.held", "until", r.at(e.NotBefore)))
		}
	}
	return steps
}

// particulars are those of the reason: who has it, until when, or what the provider said.
func (r alertsReader) particulars(e *alerts.Entry) string {
	switch e.Reason {
	case alerts.UnsaidAcked:
		return r.who(e.Detail)
	case alerts.UnsaidThrottled, alerts.UnsaidCircuit:
		if t, err := time.Parse(time.RFC3339, e.Detail); err == nil {
			return r.T("alerts.until.time", "until", r.at(t))
		}
	}
	return foreign(e.Detail, 300)
}

// done is when an entry came to its end.
func done(e *alerts.Entry) time.Time {
	if !e.Done.IsZero() {
		return e.Done
	}
	if n := len(e.Tries); n > 0 {
		return e.Tries[n-1].At
	}
	return e.Made
}
