package rule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/match"
)

// desk is one group of rules over one night, which a test moves on.
type desk struct {
	t     *testing.T
	group *Group
	e     *Evaluator
	n     *night
	m     Moment
	dials Dials
}

func newDesk(t *testing.T, rules string, shows ...*shown) *desk {
	g := checked(t, rules)
	for _, s := range shows {
		if s.sample == nil {
			s.sample = slices.Repeat([]float64{100}, len(s.value))
		}
	}
	return &desk{t: t, group: g, e: NewEvaluator([]*Group{g}, nil), n: newNight(shows)}
}

func points(t *testing.T, text string) []float64 {
	values, err := parseSeries(text)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// to judges every second up to one, and answers what became another.
func (d *desk) to(second int64) (all []Change) {
	for ; d.n.now < second; d.n.now++ {
		all = append(all, d.step(d.n.now+1)...)
	}
	return all
}

// step judges what is new at a second.
func (d *desk) step(second int64) []Change {
	now := d.n.now
	d.n.now = second
	d.m.Now = at(nightBegan + second)
	changes := d.e.Step(d.m, d.n, d.dials)
	d.n.now = now
	return changes
}

// alert is the one with a key; an OK one with nothing to remember is an empty one.
func (d *desk) alert(key string) Alert {
	if a := d.e.Alerts()[key]; a != nil {
		return *a
	}
	return Alert{Status: OK}
}

func (d *desk) want(key string, status Status) Alert {
	d.t.Helper()
	a := d.alert(key)
	if a.Status != status {
		d.t.Fatalf("at %d %s is %s (%s), want %s", d.n.now, key, a.Status, a.Why, status)
	}
	return a
}

func second(t time.Time) int64 { return t.Unix() - nightBegan }

const oneRule = `
labels: {team: video}
rules:
  - {id: errors, title: {fr: E}, signal: errors, by: [cdn], over: 1s, labels: {tier: "1"}, when: value > 0.05, recover: value < 0.02, for: 6s, keep_firing_for: 5s,
     severity: [{critical: "value > 0.3 or playing"}, {warning: "true"}]}
`

func errorsOf(t *testing.T, cdn, values string) *shown {
	return &shown{signal: "errors", labels: map[string]string{"cdn": cdn}, value: points(t, values)}
}

func TestAnAlertFromItsFirstSecondToItsLast(t *testing.T) {
	d := newDesk(t, oneRule, errorsOf(t, "maison", "0.01x100 0.1x20 0.03x20 0.01x60"))
	d.to(100)
	if n := len(d.e.Alerts()); n != 0 {
		t.Fatalf("%d alerts while all is well", n)
	}
	changes := d.to(101)
	a := d.want("errors.maison", Pending)
	if len(changes) != 1 || changes[0].From != OK || changes[0].Alert.Status != Pending {
		t.Fatalf("changes are %+v", changes)
	}
	if a.Rule != "errors" || a.Group != "test" || fmt.Sprint(a.Labels) != "map[cdn:maison team:video tier:1]" || second(a.Begun) != 100 {
		t.Errorf("the alert is %+v", a)
	}
	d.to(105)
	d.want("errors.maison", Pending)
	d.to(106)
	a = d.want("errors.maison", Firing)
	if second(a.Fired) != 106 || second(a.Since) != 106 || a.Severity != notice.Warning || a.Value != 0.1 || !a.Known || !a.UsualKnown || a.Usual != 0.01 {
		t.Errorf("the alert is %+v", a)
	}
	// Between the two thresholds nothing changes.
	if changes := d.to(140); len(changes) != 0 {
		t.Errorf("between the thresholds: %+v", changes)
	}
	d.want("errors.maison", Firing)
	d.to(144)
	d.want("errors.maison", Firing)
	changes = d.to(145)
	a = d.want("errors.maison", OK)
	if a.Active() || len(changes) != 1 || !changes[0].Ended || changes[0].From != Firing || len(changes[0].Spans) != 1 {
		t.Fatalf("at its end: %+v, %+v", a, changes)
	}
	if s := changes[0].Spans[0]; second(s.Fired) != 106 || second(s.Ended) != 145 || s.Severity != notice.Warning {
		t.Errorf("it lasted %+v", s)
	}
}

func TestTheConditionMayMissSomeOfItsSeconds(t *testing.T) {
	for _, test := range []struct {
		values string
		fired  int64 // after the first second; 0: never
	}{
		{"0.1x20", 6},
		{"0.1x5 0.01x20", 0},
		{"0.1x2 0.01x1 0.1x20", 6},
		{"0.1x5 0.01x1 0.1x20", 7},  // never in a second in which it does not hold
		{"0.1x2 0.01x2 0.1x20", 10}, // two of six are too many: it begins anew
		{"0.1x1 0.01x1 0.1x1 0.01x1 0.1x1 0.01x1 0.1x1 0.01x10", 0},
	} {
		d := newDesk(t, oneRule, errorsOf(t, "maison", "0.01x50 "+test.values))
		fired := int64(0)
		for _, c := range d.to(90) {
			if c.Alert.Active() {
				fired = second(c.Alert.Fired) - 50
			}
		}
		if fired != test.fired {
			t.Errorf("%s: fired after %d s, want %d", test.values, fired, test.fired)
		}
	}
}

func TestSeverityRisesAndNeverFalls(t *testing.T) {
	d := newDesk(t, oneRule, errorsOf(t, "maison", "0.01x50 0.1x30 0.5x5 0.1x100"))
	d.to(80)
	if a := d.want("errors.maison", Firing); a.Severity != notice.Warning {
		t.Fatalf("it is %s", a.Severity)
	}
	changes := d.to(81)
	if len(changes) != 1 || changes[0].From != Firing || changes[0].Alert.Severity != notice.Critical || changes[0].Ended {
		t.Fatalf("as it got worse: %+v", changes)
	}
	if changes := d.to(120); len(changes) != 0 {
		t.Errorf("as it got better: %+v", changes)
	}
	if a := d.want("errors.maison", Firing); a.Severity != notice.Critical || a.Worst != 0.5 || a.Value != 0.1 {
		t.Errorf("it is %+v", a)
	}

	d = newDesk(t, oneRule, errorsOf(t, "maison", "0.01x50 0.1x100"))
	d.to(80)
	d.m = Moment{Phase: match.PhaseFirstHalf}
	d.to(81)
	d.m = Moment{Phase: match.PhaseHalfTime}
	d.to(90)
	if a := d.want("errors.maison", Firing); a.Severity != notice.Critical {
		t.Errorf("after a second of play it is %s", a.Severity)
	}
}

func TestWhatIsWrongNeverBecomesUsual(t *testing.T) {
	rules := `rules: [{id: odd, title: {fr: O}, signal: errors, over: 5s, when: z > k, for: 5s, keep_firing_for: 10s}]`
	d := newDesk(t, rules, &shown{signal: "errors", value: points(t, "0.010..0.012x300 0.2x1500 0.011x60")})
	d.to(1800)
	if a := d.want("odd", Firing); a.Usual > 0.012 {
		t.Errorf("after 25 minutes %v is usual", a.Usual)
	}
	d.to(1830)
	d.want("odd", OK)
}

func TestAWeakDeviationEndsAtSevenTenths(t *testing.T) {
	// 1 is 10 times the spread of 0.1 above: k is 4.78, and 0.7 of it 3.34.
	rules := `rules: [{id: odd, title: {fr: O}, signal: startup, over: 1s, when: z > k, for: 2s, keep_firing_for: 3s}]`
	quiet := strings.Repeat("1.9 2 2.1 ", 40)
	for tail, want := range map[string]Status{"2.6x10": Firing, "2.45x10": OK} { // 4.0 and 3.0 times the spread
		d := newDesk(t, rules, &shown{signal: "startup", value: points(t, quiet+"3x10 "+tail)})
		d.to(140)
		if a := d.alert("odd"); a.Status != want {
			t.Errorf("at %s it is %s (z %v), want %s", tail, a.Status, a.Z, want)
		}
	}
}

func TestWhatCannotBeJudgedStays(t *testing.T) {
	rules := `rules: [{id: low, title: {fr: L}, signal: viewers, over: 1s, when: value < forecast / 2, for: 10s, keep_firing_for: 10s, min_sample: 50}]`
	show := &shown{signal: "viewers", value: points(t, "90x50 10x70 90x100"), sample: points(t, "100x80 10x20 100x120")}
	show.against[nightForecast] = points(t, "100x55 _x20 100x50 _x20 100x80")
	d := newDesk(t, rules, show)
	d.to(75)
	a := d.want("low", Pending) // 50 to 55, and the clock has stood since
	if a.Why != "the forecast is not known" || a.Reason != "forecast" || a.Run != 5 {
		t.Errorf("it is %+v", a)
	}
	d.to(79)
	if a = d.want("low", Pending); a.Why != "" {
		t.Errorf("it is known again, and says %q", a.Why)
	}
	d.to(80)
	d.want("low", Firing)
	d.to(90)
	if a = d.want("low", Firing); a.Why != "fewer sessions than 50" || a.Reason != ReasonSample || a.Sample != 10 {
		t.Errorf("it is %+v", a)
	}
	d.to(145)
	// Of the 25 seconds in which it was well, the forecast was known in 5.
	if a = d.want("low", Firing); a.Reason != "forecast" {
		t.Errorf("it is %+v", a)
	}
	if u := d.e.Unjudged(); len(u) != 1 || u[0] != (Unjudged{Rule: "low", Groups: 1, Of: 1, Why: "forecast"}) {
		t.Errorf("not judged are %+v", u)
	}
	d.to(149)
	d.want("low", Firing)
	d.to(150)
	d.want("low", OK)
}

func TestAnOKAlertThatCannotBeJudgedStaysOKAndIsTold(t *testing.T) {
	d := newDesk(t, `rules: [{id: low, title: {fr: L}, signal: viewers, when: value < forecast}]`, &shown{signal: "viewers", value: points(t, "9x60")})
	if changes := d.to(60); len(changes) != 0 || len(d.e.Alerts()) != 0 {
		t.Errorf("%+v", changes)
	}
	if u := d.e.Unjudged(); len(u) != 1 || u[0].Why != "forecast" {
		t.Errorf("not judged are %+v", u)
	}
}

func TestNoDataIsSaidAndEndsNothing(t *testing.T) {
	d := newDesk(t, oneRule, errorsOf(t, "maison", "0.01x50 0.1x50 _x300 0.1x10 0.01x20"), errorsOf(t, "autre", "0.01x100"))
	d.to(160)
	d.want("errors.maison", Firing)
	changes := d.to(161)
	a := d.want("errors.maison", NoData)
	if second(a.Fired) != 56 || a.Why != "nothing since 08:01:40 UTC" || a.Reason != ReasonNoData || second(a.Since) != 161 || a.Known {
		t.Errorf("it is %+v", a)
	}
	if len(changes) != 2 || changes[1].Ended || changes[1].From != Firing || changes[0].From != OK {
		t.Errorf("changes are %+v", changes)
	}
	d.want("errors.autre", NoData)
	d.to(401)
	a = d.want("errors.maison", Firing)
	if second(a.Fired) != 56 || a.Why != "" || !a.Gone.IsZero() {
		t.Errorf("back with data it is %+v", a)
	}
	d.to(415)
	d.want("errors.maison", OK)
	d.want("errors.autre", NoData)
	d.to(161 + 1799)
	d.want("errors.autre", NoData)
	d.to(161 + 1800)
	if _, ok := d.e.Alerts()["errors.autre"]; ok {
		t.Error("after half an hour without data an alert that does not fire is still there")
	}
	if changes := d.to(161 + 1900); len(changes) != 0 {
		t.Errorf("what was forgotten came back: %+v", changes)
	}
}

func TestWhatFiresIsGivenUpAfterSixHoursWithoutData(t *testing.T) {
	d := newDesk(t, oneRule, errorsOf(t, "maison", "0.01x50 0.1x50"))
	d.to(161)
	d.want("errors.maison", NoData)
	var last []Change
	for s := int64(200); s < 161+6*3600; s += 100 {
		if last = d.step(s); len(last) != 0 {
			t.Fatalf("at %d: %+v", s, last)
		}
	}
	last = d.step(161 + 6*3600)
	if len(last) != 1 || !last[0].Ended || last[0].Alert.Reason != ReasonGivenUp || last[0].Alert.Why != "given up: there were no data for 6 h" {
		t.Fatalf("%+v", last)
	}
	if last = d.step(161 + 7*3600); len(last) != 0 || len(d.e.Alerts()) != 0 {
		t.Errorf("later: %+v", last)
	}
}

func TestASilentSourceIsNoDataByTheWallsClock(t *testing.T) {
	show := errorsOf(t, "maison", "0.01x50 0.1x500")
	show.silent = [][2]int64{{70, 400}}
	d := newDesk(t, strings.Replace(oneRule, "for: 6s", "for: 6s, no_data: alert", 1), show, errorsOf(t, "autre", "0.01x550"))
	d.n.shows[1].silent = [][2]int64{{70, 400}}
	d.to(70)
	if a := d.want("errors.maison", NoData); second(a.Since) != 70 || second(a.Fired) != 56 {
		t.Errorf("it is %+v", a)
	}
	d.to(75)
	d.want("errors.autre", NoData)
	d.to(76)
	// for: 6s without data is a reason of its own here.
	if a := d.want("errors.autre", Firing); second(a.Fired) != 76 || a.Reason != ReasonNoData || a.Severity != notice.Warning {
		t.Errorf("it is %+v", a)
	}
	if a := d.want("errors.maison", Firing); second(a.Fired) != 56 || a.Reason != ReasonNoData {
		t.Errorf("it is %+v", a)
	}
	changes := d.to(400)
	if a := d.want("errors.autre", OK); a.Active() {
		t.Errorf("it is %+v", a)
	}
	if a := d.want("errors.maison", Firing); a.Reason != "" {
		t.Errorf("it is %+v", a)
	}
	if n := len(changes); n == 0 || !changes[n-1].Ended && !changes[0].Ended {
		t.Errorf("changes are %+v", changes)
	}
}

func TestALongSilenceIsForgottenOnce(t *testing.T) {
	show := errorsOf(t, "maison", "0.01x80")
	show.silent = [][2]int64{{70, 9000}}
	d := newDesk(t, oneRule, show)
	d.to(71)
	d.want("errors.maison", NoData)
	told := 0
	for s := int64(80); s < 2200; s += 10 {
		told += len(d.step(s))
		if _, there := d.e.Alerts()["errors.maison"]; there != (s < 70+1800) {
			t.Fatalf("at %d it is there: %v", s, there)
		}
	}
	if told != 1 {
		t.Errorf("%d changes, want the one that it is no more", told)
	}
}

func TestASeriesThatVanishedIsNoData(t *testing.T) {
	d := newDesk(t, oneRule, errorsOf(t, "maison", "0.01x50 0.1x1000"), errorsOf(t, "autre", "0.01x55 0.1x1000"))
	d.to(58)
	d.want("errors.maison", Firing)
	d.want("errors.autre", Pending)
	kept := keep(t, d.e)
	d.e = NewEvaluator([]*Group{d.group}, nil)
	d.e.Restore(kept)
	d.n = newNight(nil)
	if changes := d.step(118); len(changes) != 0 {
		t.Errorf("a minute is not long: %+v", changes)
	}
	d.step(119)
	if a := d.want("errors.maison", NoData); second(a.Gone) != 58 || second(a.Fired) != 56 {
		t.Errorf("it is %+v", a)
	}
	d.want("errors.autre", NoData)
	d.step(58 + 1800)
	if len(d.e.Alerts()) != 1 {
		t.Error("what does not fire is still there after half an hour")
	}
	changes := d.step(58 + 6*3600)
	if len(changes) != 1 || !changes[0].Ended || len(d.e.Alerts()) != 0 {
		t.Errorf("after six hours: %+v", changes)
	}
}

// broken are data that cannot be read for a while.
type broken struct {
	*night
	err string
}

func (b *broken) Series(v View) []Series {
	all := b.night.Series(v)
	for i := range all {
		all[i].Error = b.err
	}
	return all
}

func TestWhatCannotBeReadIsAnErrorAndEndsNothing(t *testing.T) {
	d := newDesk(t, oneRule, errorsOf(t, "maison", "0.01x50 0.1x100 0.01x100"), errorsOf(t, "autre", "0.01x250"))
	d.to(60)
	b := &broken{d.n, "the server\nis gone"}
	d.n.now = 61
	changes := d.e.Step(Moment{Now: at(nightBegan + 61)}, b, nil)
	if len(changes) != 2 {
		t.Errorf("changes are %+v", changes)
	}
	d.want("errors.autre", Error)
	if a := d.want("errors.maison", Error); a.Why != "the server is gone" || second(a.Fired) != 56 || a.Reason != ReasonRead {
		t.Errorf("it is %+v", a)
	}
	d.to(70)
	d.want("errors.autre", OK)
	if a := d.want("errors.maison", Firing); a.Why != "" || second(a.At) != 70 {
		t.Errorf("it is %+v", a)
	}
}

func TestADialCountsInTheNextStep(t *testing.T) {
	rules := `rules: [{id: odd, title: {fr: O}, signal: startup, over: 1s, when: z > k, for: 20s}]`
	quiet := strings.Repeat("1.9 2 2.1 ", 40)
	d := newDesk(t, rules, &shown{signal: "startup", value: points(t, quiet+"2.6x100")}) // 4.0 times the spread
	d.to(140)
	if len(d.e.Alerts()) != 0 {
		t.Fatal("4.0 is more than 4.78")
	}
	d.dials = Dials{"test": 8, "other": 1}
	d.to(141)
	d.want("odd", Pending)
	d.to(147)
	d.want("odd", Pending)
	d.dials = Dials{"test": 10} // half of the 20 s, 10, of which 7 have passed
	d.to(149)
	d.want("odd", Pending)
	d.to(150)
	d.want("odd", Firing)
	d.dials = Dials{"test": 1}
	d.to(170)
	d.want("odd", Firing) // 0.7 of 7 is more than 4.0: it recovers, for 30 s
	d.to(180)
	d.want("odd", OK)
}

func TestRulesThatAreTriedOrOff(t *testing.T) {
	rules := `
rules:
  - {id: live, title: {fr: L}, signal: errors, over: 1s, when: value > 0.05}
  - {id: tried, title: {fr: M}, signal: errors, over: 1s, when: value > 0.05, mode: monitor}
  - {id: none, title: {fr: N}, signal: errors, over: 1s, when: value > 0.05, mode: off}
`
	show := func() *shown { return &shown{signal: "errors", value: points(t, "0.1x9")} }
	d := newDesk(t, rules, show())
	d.to(5)
	if a := d.want("live", Firing); a.Monitor {
		t.Error("a rule that counts is tried")
	}
	if a := d.want("tried", Firing); !a.Monitor {
		t.Error("a rule that is tried counts")
	}
	d.want("none", OK)
	d = newDesk(t, "mode: monitor"+rules, show())
	if d.to(5); !d.want("live", Firing).Monitor {
		t.Error("a rule of a file that is tried counts")
	}
	d = newDesk(t, "mode: off"+rules, show())
	if d.to(5); len(d.e.Alerts()) != 0 {
		t.Error("a file that is off is judged")
	}
}

func TestAlertsOfRulesThatAreNoMoreEnd(t *testing.T) {
	d := newDesk(t, oneRule, errorsOf(t, "maison", "0.1x200"), errorsOf(t, "autre", "0.01x58 0.1x100"))
	d.to(60)
	d.want("errors.maison", Firing)
	d.want("errors.autre", Pending)
	kept := keep(t, d.e)
	for name, rules := range map[string]string{
		"another rule":        strings.Replace(oneRule, "id: errors", "id: faults", 1),
		"divided by no CDN":   strings.Replace(oneRule, "by: [cdn]", "by: []", 1),
		"divided by more":     strings.Replace(oneRule, "by: [cdn]", "by: [cdn, isp]", 1),
		"a rule that is off":  strings.Replace(oneRule, "id: errors", "id: errors, mode: off", 1),
		"a file without rule": `rules: [{id: x, title: {fr: X}, signal: errors, when: value > 9}]`,
	} {
		g := checked(t, rules)
		e := NewEvaluator([]*Group{g}, nil)
		e.Restore(kept)
		ended := 0
		for _, c := range e.Step(Moment{Now: at(nightBegan + 60)}, newNight(nil), nil) {
			if c.Alert.Reason != ReasonRemoved || c.Alert.Status != OK || c.Alert.Active() {
				t.Errorf("%s: %+v", name, c)
			}
			if c.Ended {
				ended++
			}
		}
		if ended != 1 || len(e.Alerts()) != 0 {
			t.Errorf("%s: %d ended, %d are left", name, ended, len(e.Alerts()))
		}
	}
	changed := checked(t, strings.Replace(oneRule, "team: video", "team: api", 1))
	e := NewEvaluator([]*Group{changed}, nil)
	e.Restore(kept)
	if a := e.Alerts()["errors.maison"]; a == nil || a.Labels["team"] != "api" || a.Labels["cdn"] != "maison" {
		t.Errorf("with another label it is %+v", a)
	}
}

func TestRulesThatWereNotCheckedAreNotJudged(t *testing.T) {
	g := decode(t, oneRule)
	e := NewEvaluator([]*Group{g}, nil)
	if changes := e.Step(Moment{Now: at(nightBegan + 9)}, newNight(nil), nil); len(changes) != 0 {
		t.Error(changes)
	}
}

func TestKeysAreSafeShortAndApart(t *testing.T) {
	long := strings.Repeat("a", 200)
	seen := map[string]string{}
	for _, values := range [][]string{
		nil, {"maison"}, {"maison", "free"}, {"maison.free"}, {"Maison"}, {"Orange S.A."}, {"Orange SA"}, {"é"}, {"è"}, {""}, {"", ""}, {"-"}, {long}, {long + "b"}, {"a", "b"}, {"a,b"}, {"a\",\"b"}, {"../../x"}, {"*"}, {">"},
	} {
		key := keyOf("rule-1", values)
		if len(key) > 120 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || strings.Contains(key, "..") || strings.HasSuffix(key, ".") {
			t.Errorf("%q has the key %q", values, key)
		}
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %s have the same key %q", values, other, key)
		}
		seen[key] = fmt.Sprintf("%q", values)
	}
	if got := keyOf("errors", []string{"maison", "free"}); got != "errors.maison.free" {
		t.Errorf("the plain key is %q", got)
	}
}

func TestMoreGroupsThanAreJudgedAreToldOnce(t *testing.T) {
	var log strings.Builder
	e := NewEvaluator([]*Group{checked(t, oneRule)}, logTo(&log))
	d := &crowd{}
	for i := range MaxGroups + 5 {
		d.series = append(d.series, Series{Values: []string{fmt.Sprint(i)}, Complete: at(100), Last: at(100)})
	}
	for range 3 {
		e.Step(Moment{Now: at(101)}, d, nil)
	}
	if n := strings.Count(log.String(), "too many groups"); n != 1 || d.highest != MaxGroups-1 {
		t.Errorf("told %d times, %d was the last that was read:\n%s", n, d.highest, log.String())
	}
}

type crowd struct {
	series  []Series
	highest int
}

func (c *crowd) Series(View) []Series { return c.series }

func (c *crowd) Read(_ View, group int, _, _ time.Time, r *Reading) {
	c.highest = max(c.highest, group)
	*r = Reading{Value: 0.5, Sample: 100}
}
