package alerts

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/internal/match"
)

// firing is an alert that fires, with what is said of it.
type firing struct {
	rule.Alert
	title, detail          rule.Text
	owner, runbook, signal string
	dims                   map[string]string // of its rule, without the labels that the team gives
	group                  *rule.Group       // nil: another system's

	inhibitor *firing
}

// world is what decides about problems beside their alerts.
type world struct {
	now         time.Time
	policy      *route.Policy
	silences    []route.Silence
	works       []route.Maintenance // live ones
	match       string
	phase       match.Phase
	criticality int
	during      bool
	cares       map[string]Care
}

// receivedGroup is the group of other systems' alerts.
const receivedGroup = "received"

const (
	maxMembers = 50
	comesBack  = 10 * time.Minute // in which a problem that ended is the same one again
	aftermath  = time.Minute      // in which consequences of what is over may end, too
	maxTurns   = 100
)

// problemKey is what the alerts of one problem have in common.
func (f *firing) problemKey() string {
	key := f.Key
	if f.group != nil && f.group.OneProblem != nil {
		parts := []string{f.Group}
		for _, dim := range *f.group.OneProblem {
			parts = append(parts, dim+"="+f.dims[dim])
		}
		key = strings.Join(parts, "/")
	}
	if f.group == nil {
		key = receivedGroup + "/" + f.Labels["source"] + "/" + f.Rule
	}
	if f.Monitor {
		key += "/monitor"
	}
	return key
}

// inhibit finds for each alert the one that makes it a consequence: a broader one of the same group, or one
// of a group that its own depends on. What is only tried inhibits nothing that counts.
func inhibit(all []*firing) {
	for _, f := range all {
		f.inhibitor = nil
		if f.group == nil {
			continue
		}
		for _, by := range all {
			if by == f || by.group == nil || by.Monitor && !f.Monitor {
				continue
			}
			broader := by.Group == f.Group && len(by.dims) < len(f.dims) && agree(by.dims, f.dims, true)
			cause := slices.Contains(f.group.DependsOn, by.Group) && agree(by.dims, f.dims, false)
			if (broader || cause) && (f.inhibitor == nil || len(by.dims) < len(f.inhibitor.dims)) {
				f.inhibitor = by
			}
		}
	}
}

// agree tells whether no dimension has two values; all: whether those of a are all in b, too.
func agree(a, b map[string]string, all bool) bool {
	for dim, value := range a {
		other, both := b[dim]
		if both && other != value || all && !both {
			return false
		}
	}
	return true
}

// book is the problems that go on, and those that may come back.
type book map[string]*Problem // by id

// update makes problems of all alerts that fire, and returns the ids of those that changed and what is to be
// written down about it.
func (b book) update(all []*firing, w *world) (changed []string, lines []Line) {
	inhibit(all)
	byKey := map[string][]*firing{}
	var keys []string
	for _, f := range all {
		key := f.problemKey()
		if byKey[key] == nil {
			keys = append(keys, key)
		}
		byKey[key] = append(byKey[key], f)
	}
	slices.Sort(keys)
	open, over := map[string]*Problem{}, map[string]*Problem{}
	for _, p := range b {
		if p.Ended.IsZero() {
			open[p.Key] = p
		} else if before := over[p.Key]; w.now.Sub(p.Ended) < comesBack && len(p.Turns) < maxTurns/2 && (before == nil || p.Ended.After(before.Ended)) {
			over[p.Key] = p
		}
	}
	before := map[string]Problem{}
	keep := func(p *Problem) {
		was := *p
		was.Alerts, was.Turns = slices.Clone(p.Alerts), slices.Clone(p.Turns)
		before[p.ID] = was
	}
	of := map[*firing]*Problem{}
	for _, key := range keys {
		alerts := byKey[key]
		p := open[key]
		switch {
		case p != nil:
			keep(p)
		case over[key] != nil:
			p = over[key]
			keep(p)
			p.again()
			lines = append(lines, Line{At: w.now, Problem: p.ID, What: "again"})
		default:
			p = b.begin(key, alerts, w)
			if b[p.ID] == nil {
				b[p.ID] = p
				break
			}
			keep(p) // what another system told is told again as having begun at the same time
			p.again()
			lines = append(lines, Line{At: w.now, Problem: p.ID, What: "again"})
		}
		p.take(alerts, w.now)
		for _, f := range alerts {
			of[f] = p
		}
	}
	for _, p := range open {
		if byKey[p.Key] == nil {
			keep(p)
			p.take(nil, w.now)
			p.Ended = w.now
			p.Mute = nil
			lines = append(lines, Line{At: w.now, Problem: p.ID, What: "resolved", Args: args("lasted", p.Ended.Sub(p.Began).Round(time.Second).String())})
		}
	}
	for _, key := range keys {
		p := of[byKey[key][0]]
		lines = append(lines, b.muted(p, byKey[key], of, w)...)
		lines = append(lines, p.turn(w)...)
	}
	for id, p := range b {
		was, known := before[id]
		if p.Ended.IsZero() && !known || known && !reflect.DeepEqual(was, *p) {
			changed = append(changed, id)
		}
	}
	slices.Sort(changed)
	return changed, lines
}

// again takes up a problem that had ended.
func (p *Problem) again() {
	p.Ended, p.Again = time.Time{}, p.Again+1
}

// begin is a problem that was not there, or has the same beginning as one that was. Its id follows from what it
// is about and when that began, so that a process that takes over in between makes the same one.
func (b book) begin(key string, alerts []*firing, w *world) *Problem {
	began := alerts[0].Fired
	for _, f := range alerts {
		if f.Fired.Before(began) {
			began = f.Fired
		}
	}
	hash := sha256.Sum256([]byte(key))
	id := ""
	for n := 4; n <= len(hash); n++ { // thousands of other systems' may begin in the same second
		id = began.UTC().Format("20060102-150405") + "-" + hex.EncodeToString(hash[:n])
		if was := b[id]; was == nil {
			break
		} else if was.Key == key && len(was.Turns) < maxTurns/2 {
			return was
		}
	}
	return &Problem{ID: id, Key: key, Group: alerts[0].Group, Began: began, Noticed: w.now, Match: w.match, Monitor: alerts[0].Monitor}
}

// take brings a problem's alerts up to date; none: all have ended.
func (p *Problem) take(alerts []*firing, now time.Time) {
	slices.SortStableFunc(alerts, func(a, b *firing) int {
		return cmp.Or(boolean(a.inhibitor != nil)-boolean(b.inhibitor != nil), b.Severity.Rank()-a.Severity.Rank(), len(a.dims)-len(b.dims), a.Fired.Compare(b.Fired), strings.Compare(a.Key, b.Key))
	})
	members := make([]Member, 0, len(alerts))
	was := map[string]*Member{}
	for i := range p.Alerts {
		was[p.Alerts[i].Key] = &p.Alerts[i]
	}
	here := map[string]bool{}
	for _, f := range alerts {
		m := Member{Alert: f.still(), Title: f.title, Signal: f.signal}
		if old := was[f.Key]; old != nil && old.Ended.IsZero() && old.Severity == m.Severity { // values move; what is kept does not
			m.Alert, m.Title = old.Alert, old.Title
			m.Status = f.Status
		}
		if f.inhibitor != nil {
			m.Inhibited = f.inhibitor.Key
		}
		here[f.Key] = true
		members = append(members, m)
	}
	for _, m := range p.Alerts { // those that have ended stay, behind the others
		if !here[m.Key] {
			if m.Ended.IsZero() {
				m.Ended = now
			}
			members = append(members, m)
		}
	}
	p.More = max(0, len(members)-maxMembers)
	p.Alerts = members[:min(len(members), maxMembers)]
	if len(alerts) == 0 {
		return
	}
	first := alerts[0]
	p.Rule, p.Owner, p.Runbook = first.Rule, first.owner, first.runbook
	if p.Title != members[0].Title {
		p.Title, p.Detail = members[0].Title, first.detail
	}
	common := maps.Clone(first.Labels)
	severity := notice.Info
	for _, f := range alerts {
		maps.DeleteFunc(common, func(k, v string) bool { return f.Labels[k] != v })
		if (f.inhibitor == nil || first.inhibitor != nil) && f.Severity.Rank() > severity.Rank() {
			severity = f.Severity
		}
	}
	if severity.Rank() > p.Severity.Rank() {
		p.Severity = severity
	}
	if first.group != nil && first.group.OneProblem != nil {
		maps.DeleteFunc(common, func(k, _ string) bool {
			_, dim := first.dims[k]
			return dim && !slices.Contains(*first.group.OneProblem, k)
		})
	}
	if p.Opened.IsZero() { // from then on others know it by them
		p.Labels = common
	}
}

// still is an alert without what moves every second.
func (f *firing) still() rule.Alert {
	a := f.Alert
	a.At, a.Seen, a.Held, a.Calm = time.Time{}, time.Time{}, 0, time.Time{}
	a.Why, a.Since = "", time.Time{}
	return a
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// subject is what decides who hears of an alert of the problem.
func (w *world) subject(p *Problem, m *Member) route.Subject {
	s := route.Subject{
		Group: p.Group, Rule: p.Rule, Owner: p.Owner, Severity: p.Severity, Labels: p.Labels,
		Match: w.match, Phase: w.phase, Criticality: w.criticality, During: w.during,
	}
	if m != nil {
		s.Rule, s.Severity, s.Labels = m.Rule, m.Severity, m.Labels
	}
	return s
}

// mutes tells whether f holds for every alert that makes the problem one.
func (w *world) mutes(p *Problem, f func(route.Subject) bool) bool {
	any := false
	for i := range p.Alerts {
		m := &p.Alerts[i]
		if !m.Ended.IsZero() || m.Inhibited != "" {
			continue
		}
		if !f(w.subject(p, m)) {
			return false
		}
		any = true
	}
	return any
}

// muted finds out why nobody is told of the problem now, and tells when that changed.
func (b book) muted(p *Problem, alerts []*firing, of map[*firing]*Problem, w *world) (lines []Line) {
	was := p.Mute
	p.Mute = nil
	var cause *firing
	if alerts[0].inhibitor != nil { // they are sorted: all are consequences, if only of one another
		if i := slices.IndexFunc(alerts, func(f *firing) bool { return of[f.inhibitor] != p }); i >= 0 {
			cause = alerts[i].inhibitor
		}
	}
	switch {
	case p.Monitor:
		p.Mute = &Mute{Kind: Tried}
	case cause != nil:
		p.Mute = &Mute{Kind: Consequence, ID: of[cause].ID, Cause: cause.Key}
	case was != nil && was.Kind == Consequence && w.now.Sub(b.ended(was)) < aftermath:
		p.Mute = was // what it is a consequence of is over, and it will be
	default:
		var work *route.Maintenance
		if w.policy != nil && w.mutes(p, func(s route.Subject) bool { work = w.policy.InMaintenance(s, w.now, w.works); return work != nil }) {
			_, until := work.Window()
			p.Mute = &Mute{Kind: Maintained, ID: work.ID, Text: work.Title, Until: until}
			break
		}
		for i := range w.silences {
			if s := &w.silences[i]; s.Active(w.now) && w.mutes(p, s.Matches) && (p.Mute == nil || s.To.After(p.Mute.Until)) {
				p.Mute = &Mute{Kind: Silenced, ID: s.ID, Text: s.Reason, Until: s.To}
			}
		}
	}
	p.WasMuted = p.WasMuted || p.Mute != nil && !p.Opened.IsZero()
	switch {
	case p.Mute != nil && (was == nil || was.Kind != p.Mute.Kind || was.ID != p.Mute.ID):
		until := ""
		if !p.Mute.Until.IsZero() {
			until = p.Mute.Until.UTC().Format(time.RFC3339)
		}
		lines = append(lines, Line{At: w.now, Problem: p.ID, What: "muted", Args: args("kind", string(p.Mute.Kind), "id", p.Mute.ID, "text", p.Mute.Text, "until", until)})
	case p.Mute == nil && was != nil:
		lines = append(lines, Line{At: w.now, Problem: p.ID, What: "unmuted", Args: args("kind", string(was.Kind), "id", was.ID)})
	}
	return lines
}

// ended is when the alert that a mute goes back to ended; zero: it is not known any more.
func (b book) ended(m *Mute) time.Time {
	if p := b[m.ID]; p != nil {
		for i := range p.Alerts {
			if p.Alerts[i].Key == m.Cause {
				return p.Alerts[i].Ended
			}
		}
	}
	return time.Time{}
}

// turn opens the problem once it has waited for what belongs to it, and begins its escalation anew where
// something asks for that.
func (p *Problem) turn(w *world) (lines []Line) {
	if p.Mute != nil || w.policy == nil {
		return nil
	}
	begin := func(t Turn) {
		t.At, t.As, t.Again, t.About, p.WasMuted = w.now, p.Severity, p.Again, w.subject(p, nil), false
		p.Turns = append(p.Turns, t)
		lines = append(lines, Line{At: w.now, Problem: p.ID, What: "turn", By: t.By, Args: args("why", string(t.Why), "person", t.Person, "severity", string(t.As))})
	}
	if p.Opened.IsZero() {
		plan := w.policy.Plan(w.subject(p, nil), w.now)
		if w.now.Sub(p.Noticed) < plan.Wait {
			return nil
		}
		p.Opened = w.now
		lines = append(lines, Line{At: w.now, Problem: p.ID, What: "opened", Args: args("route", strings.Join(plan.Routes, ", "), "severity", string(p.Severity))})
		begin(Turn{Why: TurnOpened})
		return lines
	}
	last := p.Turns[len(p.Turns)-1]
	care := w.cares[p.ID]
	acts := len(care.History)
	var asked *CareAct                             // what people did since that begins it anew
	for i := min(last.Acts, acts); i < acts; i++ { // counted: their clocks are not this one's
		if a := &care.History[i]; a.What == ActHandOver || a.What == ActGiveUp {
			asked = a
		}
	}
	switch {
	case p.Severity.Rank() > last.As.Rank():
		begin(Turn{Why: TurnWorse, Acts: last.Acts})
	case len(p.Turns) >= maxTurns:
	case p.Again > last.Again:
		begin(Turn{Why: TurnAgain, Acts: last.Acts})
	case asked != nil && asked.What == ActHandOver:
		begin(Turn{Why: TurnHanded, Person: asked.To, By: asked.By, Acts: acts})
	case asked != nil:
		begin(Turn{Why: TurnGivenUp, By: asked.By, Acts: acts})
	case p.WasMuted:
		begin(Turn{Why: TurnUnmuted, Acts: last.Acts})
	}
	return lines
}

// idOf makes an id of what it must follow from.
func idOf(parts ...any) string {
	hash := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(hash, "%v\x00", p)
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}
