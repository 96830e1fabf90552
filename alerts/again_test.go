package alerts

import (
	"slices"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/internal/match"
)

// life plays one problem second by second.
type life struct {
	*testing.T
	b book
	w *world
}

func newLife(t *testing.T) *life {
	return &life{t, book{}, &world{now: night, policy: policyOf(t, nil), cares: map[string]Care{}}}
}

func (l *life) at(after time.Duration, all ...*firing) *Problem {
	l.Helper()
	l.w.now = night.Add(after)
	l.b.update(all, l.w)
	var only *Problem
	for _, p := range l.b {
		if p.Ended.IsZero() || len(l.b) == 1 {
			only = p
		}
	}
	return only
}

func whys(p *Problem) (out []TurnReason) {
	for _, t := range p.Turns {
		out = append(out, t.Why)
	}
	return out
}

func TestWhatFlappedUnseenCallsOnce(t *testing.T) {
	for name, silenced := range map[string]bool{"while it was silenced": true, "before it was opened": false} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			alert := fire(&rule.Group{ID: "cdn"}, "errors", notice.Critical, "cdn", "a")
			from, want := time.Duration(0), []TurnReason{TurnOpened}
			if silenced {
				l.at(0, alert)
				l.at(10*time.Second, alert)
				l.w.silences = []route.Silence{{ID: "s1", Matchers: matchers(t, "cdn=a"), From: night, To: night.Add(10 * time.Minute)}}
				from, want = time.Minute, append(want, TurnAgain)
			}
			for i := range 3 {
				l.at(from+time.Duration(2*i)*time.Second, alert)
				l.at(from + time.Duration(2*i+1)*time.Second)
			}
			l.at(from+6*time.Second, alert)
			var p *Problem
			for i := range 5 {
				p = l.at(10*time.Minute+time.Duration(i)*time.Second, alert)
			}
			if got := whys(p); !slices.Equal(got, want) {
				t.Errorf("it began %v, want %v", got, want)
			}
		})
	}
}

// By clocks that are not the same, and in the same second as something else.
func TestAHandOverIsNeverLost(t *testing.T) {
	for _, c := range []struct {
		name string
		acts time.Duration // when it was, by the clock of the process where it was done
		play func(l *life, alert *firing, hand func())
	}{
		{"from a clock that is behind", 8 * time.Second, func(l *life, a *firing, hand func()) { l.at(10*time.Second, a); hand() }},
		{"while it got worse", 20 * time.Second, func(l *life, a *firing, hand func()) {
			l.at(10*time.Second, a)
			hand()
			a.Severity = notice.Critical
		}},
		{"before it was opened", time.Second, func(_ *life, _ *firing, hand func()) { hand() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLife(t)
			alert := fire(&rule.Group{ID: "cdn"}, "errors", notice.Warning, "cdn", "a")
			id := l.at(0, alert).ID
			c.play(l, alert, func() {
				l.w.cares[id] = Care{History: []CareAct{{At: night.Add(c.acts), What: ActHandOver, To: "paul"}}}
			})
			var p *Problem
			for i := range 5 {
				p = l.at(time.Duration(30+i)*time.Second, alert)
			}
			handed := slices.DeleteFunc(slices.Clone(p.Turns), func(x Turn) bool { return x.Person != "paul" })
			if len(handed) != 1 || p.Turns[len(p.Turns)-1].Person != "paul" {
				t.Errorf("it began %v, and was handed to Paul %d times", whys(p), len(handed))
			}
		})
	}
}

// Its sender was cut off for twenty minutes, and tells the same beginning again.
func TestWhatAnotherSystemTellsAgainCallsAgain(t *testing.T) {
	l := newLife(t)
	policy := policyOf(t, nil)
	alert := fire(nil, "Disk", notice.Critical)
	l.at(0, alert)
	p := l.at(10*time.Second, alert)
	a := &asked{policy: policy}
	hear(p, a, l.w.now, wasHeard)
	l.at(5 * time.Minute)
	l.at(25*time.Minute, alert)
	if p = l.at(25*time.Minute+10*time.Second, alert); len(l.b) != 1 || p.Again != 1 {
		t.Fatalf("%d problems, the last came again %d times", len(l.b), p.Again)
	}
	if got, want := hear(p, a, l.w.now, wasHeard), []string{"firing Marie sms accepted", "firing noc noc accepted"}; !slices.Equal(got, want) {
		t.Errorf("said %v, want %v", got, want)
	}
}

func TestWhoHadWhatIsOverDoesNotHaveWhatComesBack(t *testing.T) {
	l := newLife(t)
	alert := fire(&rule.Group{ID: "cdn"}, "errors", notice.Critical, "cdn", "a")
	l.at(0, alert)
	p := l.at(10*time.Second, alert)
	a := &asked{policy: policyOf(t, nil), care: &Care{Acked: &Ack{By: "marie", As: notice.Critical}}}
	if got := hear(p, a, l.w.now, wasHeard); got != nil {
		t.Fatalf("she has it, and %v", got)
	}
	l.at(time.Minute)
	p = l.at(2*time.Minute, alert)
	if got, want := hear(p, a, l.w.now, wasHeard), []string{"firing Marie sms accepted", "firing noc noc accepted"}; !slices.Equal(got, want) {
		t.Errorf("it came back: %v, want %v", got, want)
	}
}

// What a route is chosen by changes while a problem lasts; that alone does not call another route's people, all of
// its steps at once.
func TestHalfTimeCallsNobody(t *testing.T) {
	policy := policyOf(t, func(p *route.Policy) {
		p.Routes[0].Match.Phases = []match.Phase{match.PhaseFirstHalf}
		p.Escalations = append(p.Escalations, route.Escalation{ID: "pause", Steps: []route.Step{{Tell: []route.Ref{"person:marie"}, Wait: route.Duration(time.Minute)}, {Tell: []route.Ref{"person:paul"}, Wait: route.Duration(time.Minute)}}})
		p.Routes = append(p.Routes, route.Route{Match: route.When{Phases: []match.Phase{match.PhaseHalfTime}}, Escalation: "pause"})
	})
	l := newLife(t)
	l.w.policy, l.w.phase = policy, match.PhaseFirstHalf
	alert := fire(&rule.Group{ID: "cdn"}, "errors", notice.Critical, "cdn", "a")
	l.at(0, alert)
	p := l.at(10*time.Second, alert)
	a := &asked{policy: policy, entries: map[string]Entry{}, care: &Care{}}
	say := func() (n int) {
		a.now = l.w.now
		for _, e := range due(p, a) {
			wasHeard(&e)
			a.entries[e.ID] = e
			n++
		}
		return n
	}
	if n := say(); n != 2 {
		t.Fatalf("%d are told", n)
	}
	l.w.phase = match.PhaseHalfTime
	p = l.at(2*time.Minute+30*time.Second, alert)
	if n := say(); n != 0 {
		t.Errorf("half-time told %d", n)
	}
}

func TestAHandOverOfWhatNobodyIsTold(t *testing.T) {
	policy := policyOf(t, func(p *route.Policy) { p.Routes = []route.Route{{Nobody: true}} })
	p := opened(notice.Critical)
	p.Turns = append(p.Turns, Turn{At: night.Add(time.Minute), Why: TurnHanded, As: notice.Critical, Person: "paul"})
	a := &asked{policy: policy}
	if got, want := hear(p, a, at(p, 0), wasHeard), []string{"firing Paul mail accepted"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := hear(p, a, at(p, time.Hour), wasHeard); got != nil {
		t.Errorf("an hour later %v", got)
	}
}

// All of a problem's alerts are consequences, some of them of one another.
func TestConsequencesOfConsequencesCallNobody(t *testing.T) {
	one := []string{"cdn"}
	sources := &rule.Group{ID: "sources"}
	cdn := &rule.Group{ID: "cdn", OneProblem: &one, DependsOn: []string{"sources"}}
	l := newLife(t)
	all := []*firing{fire(cdn, "cell", notice.Critical, "cdn", "a", "isp", "Free"), fire(cdn, "errors", notice.Warning, "cdn", "a"), fire(sources, "silence", notice.Warning, "source", "a")}
	l.at(0, all...)
	l.at(time.Minute, all...)
	for _, p := range l.b {
		if p.Group == "cdn" && (p.Mute == nil || p.Mute.Kind != Consequence || !p.Opened.IsZero()) {
			t.Errorf("opened %s, muted by %+v", p.Opened, p.Mute)
		}
	}
}

// Thousands of other systems' alerts begin in the second in which their sender is restarted.
func TestProblemsOfOneSecondHaveIdsOfTheirOwn(t *testing.T) {
	w := &world{now: night}
	alert := fire(nil, "Disk", notice.Critical)
	first := book{}.begin("a", []*firing{alert}, w)
	b := book{first.ID: {ID: first.ID, Key: "another"}}
	if p := b.begin("a", []*firing{alert}, w); p.ID == first.ID || p.Key != "a" {
		t.Errorf("%s of %s", p.ID, p.Key)
	}
}
