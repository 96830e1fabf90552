package rule

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/alerts/notice"
	"vigie/alerts/signal"
	"vigie/internal/match"
)

// Case is a test of a file's rules: what the signals show, second by second, and what the rules must say.
type Case struct {
	Name   string       `yaml:"name"`
	Dial   int          `yaml:"dial"` // 0: as the file says
	Match  CaseMatch    `yaml:"match"`
	Series []CaseSeries `yaml:"series"`
	Expect []Expected   `yaml:"expect"`
}

// CaseMatch is the match that is played all through a test; none without a phase.
type CaseMatch struct {
	Phase       match.Phase `yaml:"phase"`
	Minute      int         `yaml:"minute"`
	Criticality int         `yaml:"criticality"`
}

// CaseSeries is what a signal shows for one value of each of its dimensions, see parseSeries.
type CaseSeries struct {
	Signal   string            `yaml:"signal"`
	SQL      string            `yaml:"rule"` // of signal sql: the rule whose statement it is
	Labels   map[string]string `yaml:"labels"`
	Values   string            `yaml:"values"`
	Sample   string            `yaml:"sample"` // by the second; "": 100 wherever there is a value. One value is that of all seconds
	Forecast string            `yaml:"forecast"`
	Earlier  string            `yaml:"earlier"`
	Viewers  string            `yaml:"viewers"`
	Silent   []CaseSilent      `yaml:"silent"` // when its source is: what is of this time comes at the end of it
}

// CaseSilent is a stretch of a test.
type CaseSilent struct {
	From Duration `yaml:"from"`
	To   Duration `yaml:"to"`
}

// Expected is what a rule must say at a moment, or that it must never fire.
type Expected struct {
	At       Duration          `yaml:"at"`
	Rule     string            `yaml:"rule"`
	Labels   map[string]string `yaml:"labels"` // some of the alert's; empty: of any of the rule's alerts
	Status   Status            `yaml:"status"` // "": firing
	Severity notice.Severity   `yaml:"severity"`

	Never string `yaml:"never"` // a rule, with Labels
}

// usualCaseSample is by the second.
const usualCaseSample = 100

const maxSeries = 200 // of a test

func (k *Case) check(c *checker, g *Group, key string) {
	c.line(key+"name", k.Name, maxName)
	if k.Name == "" {
		c.bad(key+"name", "is missing")
	}
	if k.Dial != 0 && (k.Dial < MinDial || k.Dial > MaxDial) {
		c.bad(key+"dial", "%d is not between %d and %d", k.Dial, MinDial, MaxDial)
	}
	if p := k.Match.Phase; p != "" && p != match.PhaseBefore && !slices.Contains(match.Phases(), p) {
		c.bad(key+"match.phase", "%.40q is no phase of a match", string(p))
	}
	if k.Match.Minute < 0 || k.Match.Minute > 200 {
		c.bad(key+"match.minute", "%d is not between 0 and 200", k.Match.Minute)
	}
	if k.Match.Criticality < 0 || k.Match.Criticality > 4 {
		c.bad(key+"match.criticality", "%d is not between 1 and 4", k.Match.Criticality)
	}
	if len(k.Series) == 0 {
		c.bad(key+"series", "is missing")
	}
	c.few(key+"series", len(k.Series), maxSeries)
	for i := range k.Series {
		k.Series[i].check(c, g, fmt.Sprintf("%sseries[%d].", key, i))
	}
	if len(k.Expect) == 0 {
		c.bad(key+"expect", "is missing: a test that expects nothing cannot fail")
	}
	c.few(key+"expect", len(k.Expect), maxSeries)
	for i := range k.Expect {
		k.Expect[i].check(c, g, fmt.Sprintf("%sexpect[%d].", key, i))
	}
}

func (s *CaseSeries) check(c *checker, g *Group, key string) {
	sig, ok := signal.Find(s.Signal)
	if !ok {
		c.bad(key+"signal", "%.60q is no signal: there are %s", s.Signal, signalNames())
	}
	if s.Signal == "sql" && !slices.ContainsFunc(g.Rules, func(r *Rule) bool { return r != nil && r.ID == s.SQL && r.Signal == "sql" }) {
		c.bad(key+"rule", "%.60q is no rule of signal sql", s.SQL)
	}
	c.few(key+"labels", len(s.Labels), maxLabels)
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		if ok {
			c.dimension(key+"labels."+name, sig, name)
		}
		if v := s.Labels[name]; v == "" || utf8.RuneCountInString(v) > maxLabel {
			c.bad(key+"labels."+name, "is not 1 to %d characters", maxLabel)
		}
	}
	if s.Values == "" {
		c.bad(key+"values", "is missing: write it as 0.001x120 0.08x60")
	}
	for _, one := range []struct{ key, text string }{{"values", s.Values}, {"sample", s.Sample}, {"forecast", s.Forecast}, {"earlier", s.Earlier}, {"viewers", s.Viewers}} {
		if _, err := parseSeries(one.text); err != nil {
			c.bad(key+one.key, "%v", err)
		}
	}
	c.few(key+"silent", len(s.Silent), 20)
	for i := range s.Silent {
		at := fmt.Sprintf("%ssilent[%d].", key, i)
		c.duration(at+"from", &s.Silent[i].From, 0, maxNight*time.Second)
		c.duration(at+"to", &s.Silent[i].To, time.Duration(max(0, s.Silent[i].From)), maxNight*time.Second)
	}
}

func (x *Expected) check(c *checker, g *Group, key string) {
	rule := x.Rule
	if x.Never != "" {
		if rule = x.Never; x.Rule != "" || x.Status != "" || x.Severity != "" || x.At != 0 {
			c.bad(key+"never", "stands alone, or with labels")
		}
	} else if x.Status == "" {
		x.Status = Firing
	}
	known := g.Together != nil && g.Together.ID == rule
	for _, r := range g.Rules {
		known = known || r != nil && r.ID == rule
	}
	if !known {
		c.bad(key+"rule", "%.60q is no rule of this file", rule)
	}
	c.few(key+"labels", len(x.Labels), maxLabels)
	c.duration(key+"at", &x.At, 0, maxNight*time.Second)
	if x.Never == "" && !slices.Contains([]Status{OK, Pending, Firing, NoData, Error}, x.Status) {
		c.bad(key+"status", "%.40q is none of ok, pending, firing, no-data, error", string(x.Status))
	}
	if x.Severity != "" && x.Severity.Rank() == 0 {
		c.bad(key+"severity", "%.40q is none of info, warning, critical", string(x.Severity))
	}
}

// RunTests judges the rules of a checked file by its own tests, and says what was not as expected, each a
// match.Problem.
func (g *Group) RunTests() []error {
	var errs []error
	for i := range g.Tests {
		k := &g.Tests[i]
		for _, p := range k.run(g) {
			p.Key = fmt.Sprintf("tests[%d].%s", i, p.Key)
			p.Text = fmt.Sprintf("%s: %s", k.Name, p.Text)
			errs = append(errs, p)
		}
	}
	return errs
}

// run judges every second until nothing is shown or expected any more.
func (k *Case) run(g *Group) []*match.Problem {
	var problems []*match.Problem
	n := newNight(k.shows())
	end := n.length()
	for _, x := range k.Expect {
		end = max(end, x.At.seconds())
	}
	tested := *g
	tested.Mode, tested.Rules = Live, slices.Clone(g.Rules)
	for i, r := range tested.Rules { // a rule that is off, or tried, can be tested too
		live := *r
		live.Mode = Live
		tested.Rules[i] = &live
	}
	e := NewEvaluator([]*Group{&tested}, nil)
	dials := Dials{g.ID: k.Dial}
	fired := make([]bool, len(k.Expect))
	for n.now = 0; n.now <= end; n.now++ {
		m := Moment{Now: at(n.began + n.now), Phase: k.Match.Phase, Minute: k.Match.Minute, Criticality: k.Match.Criticality}
		if m.Phase != "" {
			m.Match = "test"
		}
		e.Step(m, n, dials)
		for i := range k.Expect {
			x := &k.Expect[i]
			switch key := fmt.Sprintf("expect[%d]", i); {
			case x.Never != "":
				if a := x.find(e.Alerts(), x.Never, Firing); a != nil && a.Active() && !fired[i] {
					fired[i] = true
					problems = append(problems, &match.Problem{Key: key, Text: fmt.Sprintf("at %ds %s fired, which it never may", n.now, said(a.Rule, a.Labels))})
				}
			case x.At.seconds() == n.now:
				if text := x.unmet(e.Alerts()); text != "" {
					problems = append(problems, &match.Problem{Key: key, Text: fmt.Sprintf("at %ds %s", n.now, text)})
				}
			}
		}
	}
	return problems
}

// shows are the series, as they come by the second.
func (k *Case) shows() []*shown {
	var all []*shown
	parse := func(text string, length int) []float64 {
		values, _ := parseSeries(text)
		for len(values) == 1 && length > 1 {
			values = slices.Repeat(values, length)
		}
		return values
	}
	for i := range k.Series {
		s := &k.Series[i]
		one := &shown{signal: s.Signal, sql: s.SQL, labels: s.Labels, value: parse(s.Values, 0)}
		one.sample = parse(s.Sample, len(one.value))
		if s.Sample == "" {
			one.sample = slices.Repeat([]float64{usualCaseSample}, len(one.value))
		}
		for which, text := range []string{nightForecast: s.Forecast, nightEarlier: s.Earlier, nightViewers: s.Viewers} {
			one.against[which] = parse(text, len(one.value))
		}
		for _, silent := range s.Silent {
			one.silent = append(one.silent, [2]int64{silent.From.seconds(), silent.To.seconds()})
		}
		all = append(all, one)
	}
	return all
}

// find is an alert of a rule with the labels: the first by key that has the status, or else the first. All must
// be OK for one to be.
func (x *Expected) find(alerts map[string]*Alert, rule string, status Status) *Alert {
	var found *Alert
	for _, key := range slices.Sorted(maps.Keys(alerts)) {
		a := alerts[key]
		fits := a.Rule == rule
		for name, v := range x.Labels {
			fits = fits && a.Labels[name] == v
		}
		if fits && (found == nil || (found.Status == status) == (status == OK) && (a.Status == status) != (status == OK)) {
			found = a
		}
	}
	return found
}

// unmet says what is not as expected; "": all is.
func (x *Expected) unmet(alerts map[string]*Alert) string {
	a, was, severity := x.find(alerts, x.Rule, x.Status), OK, notice.Severity("")
	name, why := said(x.Rule, x.Labels), ""
	if a != nil {
		was, severity = a.Status, a.Severity
		name = said(a.Rule, a.Labels)
		if a.Why != "" {
			why = " (" + a.Why + ")"
		}
	}
	switch {
	case was != x.Status:
		return fmt.Sprintf("%s is %s%s, not %s as expected", name, was, why, x.Status)
	case x.Severity != "" && severity != x.Severity:
		return fmt.Sprintf("%s is %s, not %s as expected", name, orNothing(strings.Fields(string(severity))), x.Severity)
	}
	return ""
}

// said is an alert in words: errors of cdn=maison.
func said(rule string, labels map[string]string) string {
	if len(labels) == 0 {
		return rule
	}
	return rule + " of " + sorted(labels)
}
