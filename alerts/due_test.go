package alerts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
)

var night = time.Date(2026, 7, 19, 20, 41, 0, 0, time.UTC)

// policyOf is a room with two people on call and a channel that all read.
func policyOf(t *testing.T, change func(*route.Policy)) *route.Policy {
	t.Helper()
	wait := route.Duration(5 * time.Second)
	remind := route.Duration(10 * time.Minute)
	p := &route.Policy{
		TimeZone: "Europe/Paris",
		People: []route.Person{
			{ID: "marie", Name: "Marie", Contacts: []route.Contact{{Channel: "sms", To: "+33612345678"}, {Channel: "mail", To: "marie@example.com"}}},
			{ID: "paul", Name: "Paul", Language: "en", Contacts: []route.Contact{{Channel: "mail", To: "paul@example.com"}}},
		},
		Channels: []route.Channel{
			{ID: "mail", Type: route.Email, Host: "127.0.0.1", TLS: "none", From: "vigie@example.com"},
			{ID: "sms", Type: route.SMS, URL: "https://sms.example.com/send"},
			{ID: "noc", Type: route.Slack, URL: "https://hooks.example.com/noc"},
		},
		Schedules:   []route.Schedule{{ID: "cdn", Layers: []route.Layer{{People: []string{"marie"}}}}},
		Escalations: []route.Escalation{{ID: "cdn", Steps: []route.Step{{Tell: []route.Ref{"oncall:cdn"}, Wait: route.Duration(3 * time.Minute)}, {Tell: []route.Ref{"person:paul"}, Wait: route.Duration(5 * time.Minute)}}}},
		Routes:      []route.Route{{Match: route.When{Severity: []notice.Severity{notice.Critical}}, Escalation: "cdn", Also: []route.Ref{"channel:noc"}, Wait: &wait, Remind: &remind}},
		Default:     &route.Route{Also: []route.Ref{"channel:noc"}, Wait: &wait},
	}
	if change != nil {
		change(p)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

func at(p *Problem, after time.Duration) time.Time { return p.Turns[len(p.Turns)-1].At.Add(after) }

func opened(severity notice.Severity) *Problem {
	return &Problem{ID: "p1", Group: "cdn", Severity: severity, Began: night, Opened: night.Add(5 * time.Second), Turns: []Turn{{At: night.Add(5 * time.Second), Why: TurnOpened, As: severity}}}
}

// hear plays a problem's ledger: what is due at each moment is written, and goes as how says.
func hear(p *Problem, a *asked, now time.Time, how func(*Entry)) []string {
	a.now = now
	for i := range p.Turns {
		p.Turns[i].About = route.Subject{Group: p.Group, Severity: p.Turns[i].As}
	}
	if a.care == nil {
		a.care = &Care{}
	}
	if a.entries == nil {
		a.entries = map[string]Entry{}
	}
	var out []string
	for _, e := range due(p, a) {
		if _, twice := a.entries[e.ID]; twice {
			out = append(out, "TWICE "+e.ID)
		}
		if e.State == Queued {
			how(&e)
		}
		a.entries[e.ID] = e
		out = append(out, fmt.Sprintf("%s %s %s %s", e.Kind, who(&e.Target), e.Target.Channel, e.State))
	}
	slices.Sort(out)
	return out
}

func wasHeard(e *Entry) { e.State, e.Done = Accepted, e.Made }
func wasLost(e *Entry)  { e.State, e.Done, e.Reason = Failed, e.Made, UnsaidPermanent }

func TestAnEscalationGoesOnUntilSomebodyHasTheProblem(t *testing.T) {
	p, a := opened(notice.Critical), &asked{policy: policyOf(t, nil)}
	for _, c := range []struct {
		after time.Duration
		want  string
	}{
		{0, "firing Marie sms accepted, firing noc noc accepted"},
		{time.Second, ""},
		{2*time.Minute + 59*time.Second, ""},
		{3 * time.Minute, "firing Paul mail accepted"},
		{4 * time.Minute, ""},
		{13 * time.Minute, "reminder Paul mail accepted"},
		{14 * time.Minute, ""},
		{23 * time.Minute, "reminder Paul mail accepted"},
	} {
		if got := strings.Join(hear(p, a, at(p, c.after), wasHeard), ", "); got != c.want {
			t.Errorf("after %s: %q, want %q", c.after, got, c.want)
		}
	}
	a.care = &Care{Acked: &Ack{By: "paul", At: at(p, 24*time.Minute), As: notice.Critical}}
	if got := hear(p, a, at(p, 40*time.Minute), wasHeard); got != nil {
		t.Errorf("somebody has it, and %v", got)
	}
	p.Ended = at(p, 41*time.Minute)
	want := []string{"resolved Marie sms accepted", "resolved Paul mail accepted", "resolved noc noc accepted"}
	if got := hear(p, a, p.Ended.Add(time.Second), wasHeard); !slices.Equal(got, want) {
		t.Errorf("at the end %v, want %v", got, want)
	}
	if got := hear(p, a, p.Ended.Add(2*time.Second), wasHeard); got != nil {
		t.Errorf("and then %v", got)
	}
}

func TestWhatFailsIsSaidByTheNextWayAndThenByTheNextPerson(t *testing.T) {
	p, a := opened(notice.Critical), &asked{policy: policyOf(t, nil)}
	smsLost := func(e *Entry) {
		if e.Target.Channel == "sms" {
			wasLost(e)
		} else {
			wasHeard(e)
		}
	}
	if got, want := hear(p, a, at(p, 0), smsLost), []string{"firing Marie sms failed", "firing noc noc accepted"}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	if got, want := hear(p, a, at(p, time.Second), wasLost), []string{"firing Marie mail failed"}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	// No way to her is left: it is Paul's turn, three minutes early.
	if got, want := hear(p, a, at(p, 2*time.Second), wasHeard), []string{"firing Paul mail accepted"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// What follows comes as long after that as it would have.
	if got := hear(p, a, at(p, 4*time.Minute), wasHeard); got != nil {
		t.Errorf("%v", got)
	}
}

func TestNobodyOnCallIsWrittenDownAndTheNextOneIsTold(t *testing.T) {
	p, a := opened(notice.Critical), &asked{policy: policyOf(t, func(p *route.Policy) {
		p.Schedules[0].Layers[0].Between = []string{"08:00", "20:00"}
	})}
	if got, want := hear(p, a, at(p, 0), wasHeard), []string{"firing noc noc accepted", "firing oncall:cdn  failed"}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for _, e := range a.entries {
		if e.State == Failed && (e.Reason != UnsaidNobody || e.Detail == "") {
			t.Errorf("why: %q %q", e.Reason, e.Detail)
		}
	}
	if got, want := hear(p, a, at(p, time.Second), wasHeard), []string{"firing Paul mail accepted"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A process that comes back after an hour says what should have been said, to each once.
func TestWhatWasMissedIsSaidOnce(t *testing.T) {
	p, a := opened(notice.Critical), &asked{policy: policyOf(t, func(p *route.Policy) {
		p.Escalations[0].Repeat = 3
		p.Routes[0].Remind = new(route.Duration)
	})}
	want := []string{"firing Marie sms accepted", "firing Paul mail accepted", "firing noc noc accepted"}
	if got := hear(p, a, at(p, time.Hour), wasHeard); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range 5 {
		if got := hear(p, a, at(p, time.Hour+time.Duration(i)*time.Minute), wasHeard); got != nil {
			t.Errorf("%d minutes later %v", i, got)
		}
	}
}

func TestWhoTakesOverSaysNothingTwice(t *testing.T) {
	policy := policyOf(t, nil)
	p := opened(notice.Critical)
	first := &asked{policy: policy}
	hear(p, first, at(p, 0), wasHeard)
	// It ended after it had written one of the two: the other one is still due, and this one is not.
	for id, e := range first.entries {
		second := &asked{policy: policy, entries: map[string]Entry{id: e}}
		got := hear(p, second, at(p, time.Second), wasHeard)
		if len(got) != 1 || strings.Contains(got[0], "TWICE") {
			t.Errorf("with %s written: %v", who(&e.Target), got)
		}
	}
}

func TestAHandOverCallsThePersonThenTheRoute(t *testing.T) {
	p, a := opened(notice.Critical), &asked{policy: policyOf(t, nil)}
	hear(p, a, at(p, 0), wasHeard)
	p.Turns = append(p.Turns, Turn{At: at(p, time.Minute), Why: TurnHanded, As: notice.Critical, Person: "paul", By: "marie"})
	if got, want := hear(p, a, at(p, 0), wasHeard), []string{"firing Paul mail accepted"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := hear(p, a, at(p, handedWait), wasHeard), []string{"firing Marie sms accepted"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestNobodyIsToldTheEndOfWhatTheyNeverHeard(t *testing.T) {
	p, a := opened(notice.Critical), &asked{policy: policyOf(t, nil)}
	hear(p, a, at(p, 0), func(e *Entry) {
		if e.Target.Channel == "noc" {
			e.State, e.Tries = Failed, []Try{{Outcome: OutcomeAmbiguous}} // it may have been wasHeard
		} else {
			e.State, e.Reason = Suppressed, UnsaidOver
		}
	})
	p.Ended = at(p, time.Second)
	if got, want := hear(p, a, at(p, 2*time.Second), wasHeard), []string{"resolved noc noc accepted"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func fire(group *rule.Group, rule_ string, severity notice.Severity, dims ...string) *firing {
	f := &firing{group: group, dims: map[string]string{}, title: rule.Text{EN: rule_ + " " + strings.Join(dims, " ")}}
	f.Key, f.Rule, f.Severity, f.Status, f.Fired = rule_+"."+strings.Join(dims, "."), rule_, severity, rule.Firing, night
	if f.Group = receivedGroup; group != nil {
		f.Group = group.ID
	}
	for i := 0; i < len(dims); i += 2 {
		f.dims[dims[i]] = dims[i+1]
	}
	f.Labels = f.dims
	return f
}

func TestProblems(t *testing.T) {
	one := []string{"cdn"}
	cdn := &rule.Group{ID: "cdn", OneProblem: &one}
	isp := &rule.Group{ID: "isp"}
	player := &rule.Group{ID: "player", DependsOn: []string{"cdn", "isp"}}
	for _, c := range []struct {
		name string
		all  []*firing
		want []string // group, severity, alerts, mute
	}{
		{"alerts of one CDN are one problem", []*firing{fire(cdn, "errors", notice.Warning, "cdn", "a"), fire(cdn, "slow", notice.Critical, "cdn", "a"), fire(cdn, "errors", notice.Warning, "cdn", "b")},
			[]string{"cdn critical 2", "cdn warning 1"}},
		{"a CDN that fails inhibits its cells", []*firing{fire(cdn, "errors", notice.Critical, "cdn", "a"), fire(cdn, "cell", notice.Critical, "cdn", "a", "isp", "Free"), fire(cdn, "cell", notice.Critical, "cdn", "a", "isp", "SFR")},
			[]string{"cdn critical 3 (2 inhibited)"}},
		{"not those of another one", []*firing{fire(isp, "errors", notice.Critical, "cdn", "a"), fire(isp, "cell", notice.Critical, "cdn", "b", "isp", "Free")},
			[]string{"isp critical 1", "isp critical 1"}},
		{"what depends on it is a consequence", []*firing{fire(cdn, "errors", notice.Critical, "cdn", "a"), fire(player, "startup", notice.Critical, "isp", "Free"), fire(player, "stalls", notice.Warning, "cdn", "b")},
			[]string{"cdn critical 1", "player critical 1 (1 inhibited) consequence", "player warning 1"}},
		{"without a rule's file each is its own", []*firing{fire(nil, "Disk", notice.Critical), fire(nil, "Memory", notice.Warning)},
			[]string{"received critical 1", "received warning 1"}},
	} {
		b := book{}
		w := &world{now: night.Add(3 * time.Second), policy: policyOf(t, nil), cares: map[string]Care{}}
		b.update(c.all, w)
		var got []string
		for _, p := range b {
			line := fmt.Sprintf("%s %s %d", p.Group, p.Severity, len(p.Alerts))
			n := 0
			for _, m := range p.Alerts {
				if m.Inhibited != "" {
					n++
				}
			}
			if n > 0 {
				line += fmt.Sprintf(" (%d inhibited)", n)
			}
			if p.Mute != nil {
				line += " " + string(p.Mute.Kind)
			}
			got = append(got, line)
		}
		slices.Sort(got)
		want := slices.Clone(c.want)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, want)
		}
	}
}

// A problem from its first second to its second coming, as one process sees it.
func TestALifeOfAProblem(t *testing.T) {
	g := &rule.Group{ID: "cdn"}
	b := book{}
	w := &world{now: night, policy: policyOf(t, nil), cares: map[string]Care{}}
	alert := fire(g, "errors", notice.Warning, "cdn", "a")
	step := func(after time.Duration, all ...*firing) *Problem {
		w.now = night.Add(after)
		b.update(all, w)
		if len(b) != 1 {
			t.Fatalf("after %s there are %d problems", after, len(b))
		}
		for _, p := range b {
			return p
		}
		return nil
	}
	if p := step(0, alert); !p.Opened.IsZero() {
		t.Error("it did not wait for what belongs to it")
	}
	p := step(5*time.Second, alert)
	if p.Opened.IsZero() || len(p.Turns) != 1 {
		t.Errorf("not opened: %+v", p)
	}
	id := p.ID
	if changed, _ := b.update([]*firing{alert}, w); changed != nil {
		t.Errorf("changed without a reason: %v", changed)
	}
	alert.Severity = notice.Critical
	if p = step(time.Minute, alert); len(p.Turns) != 2 || p.Turns[1].Why != TurnWorse || p.Severity != notice.Critical {
		t.Errorf("worse: %+v", p.Turns)
	}
	w.cares[id] = Care{History: []CareAct{{At: night.Add(70 * time.Second), By: "marie", What: ActHandOver, To: "paul"}}}
	if p = step(2*time.Minute, alert); len(p.Turns) != 3 || p.Turns[2].Person != "paul" {
		t.Errorf("handed over: %+v", p.Turns)
	}
	if p = step(3*time.Minute, alert); len(p.Turns) != 3 {
		t.Errorf("handed over twice: %+v", p.Turns)
	}
	w.silences = []route.Silence{{ID: "s1", Reason: "known", By: "marie", Matchers: matchers(t, "cdn=a"), From: night, To: night.Add(10 * time.Minute)}}
	if p = step(4*time.Minute, alert); p.Mute == nil || p.Mute.Kind != Silenced {
		t.Errorf("not silenced: %+v", p.Mute)
	}
	if p = step(10*time.Minute, alert); p.Mute != nil || p.Turns[len(p.Turns)-1].Why != TurnUnmuted {
		t.Errorf("after the silence: %+v %+v", p.Mute, p.Turns)
	}
	if p = step(11 * time.Minute); p.Ended.IsZero() || len(p.Alerts) != 1 || p.Alerts[0].Ended.IsZero() {
		t.Errorf("not ended: %+v", p)
	}
	if p = step(15*time.Minute, alert); p.ID != id || !p.Ended.IsZero() || p.Again != 1 || p.Turns[len(p.Turns)-1].Why != TurnAgain {
		t.Errorf("it came back: %+v", p)
	}
}

// Its cells recover some seconds after the CDN: nobody is called for that.
func TestTheAftermathOfAProblemIsNoNews(t *testing.T) {
	g := &rule.Group{ID: "isp"}
	b := book{}
	w := &world{now: night, policy: policyOf(t, nil), cares: map[string]Care{}}
	broad, cell := fire(g, "errors", notice.Critical, "cdn", "a"), fire(g, "cell", notice.Critical, "cdn", "a", "isp", "Free")
	at := func(after time.Duration, all ...*firing) (cellProblem *Problem) {
		w.now = night.Add(after)
		b.update(all, w)
		for _, p := range b {
			if p.Rule == "cell" {
				cellProblem = p
			}
		}
		return cellProblem
	}
	at(0, broad, cell)
	at(time.Minute, broad, cell)
	if p := at(2*time.Minute, cell); p.Mute == nil {
		t.Error("the CDN has recovered a moment ago, and its cell calls")
	}
	if p := at(2*time.Minute+59*time.Second, cell); p.Mute == nil || !p.Opened.IsZero() {
		t.Error("and still within the minute")
	}
	if p := at(3*time.Minute+time.Second, cell); p.Mute != nil || p.Opened.IsZero() {
		t.Errorf("a cell that stays is a problem of its own: %+v", p)
	}
}

func matchers(t *testing.T, text string) []route.Matcher {
	t.Helper()
	m, err := route.ParseMatchers(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
