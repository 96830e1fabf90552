package rule

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/alerts/signal"
	"vigie/internal/match"
	"vigie/internal/provider"
)

// Bounds of a file.
const (
	maxGroups  = 200 // files
	maxRules   = 100 // of a file
	maxTests   = 200
	maxText    = 300 // characters, of titles and details
	maxName    = 120 // of owners and runbooks
	maxLabels  = 20
	maxLabel   = 200 // characters, of a label's value
	maxBy      = 5
	maxSteps   = 10 // of a severity
	maxSQL     = 4000
	maxDepends = 20
	maxWeight  = 100

	minOver = time.Second
	maxOver = 10 * time.Minute
	maxFor  = 10 * time.Minute
	maxKeep = 30 * time.Minute
)

// What a file leaves out.
const (
	usualOver     = Duration(10 * time.Second)
	usualKeep     = Duration(30 * time.Second)
	usualFamilies = 2
	usualWeight   = 1
)

// families are those that a weak signal may be of.
var families = [...]string{"volume", "identity", "quality", "ratio"}

var (
	labelName   = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
	runbookName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	placeholder = regexp.MustCompile(`\{([^{}]*)\}`)
)

// checker collects what is wrong.
type checker struct{ errs []error }

func (c *checker) bad(key, format string, args ...any) {
	c.errs = append(c.errs, &match.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) few(key string, n, most int) {
	if n > most {
		c.bad(key, "has %d entries, %d are allowed", n, most)
	}
}

func (c *checker) id(key, id string) {
	if err := match.ParseID(id); err != nil {
		c.bad(key, "%v", err)
	}
}

func (c *checker) line(key, text string, most int) {
	if utf8.RuneCountInString(text) > most {
		c.bad(key, "is longer than %d characters", most)
	} else if provider.Line(text, most) != strings.TrimSpace(text) {
		c.bad(key, "has characters that cannot be shown on one line")
	}
}

// Check says everything that is wrong with a file of rules as far as that file alone tells, each a
// match.Problem, fills in what it leaves to usage, and compiles its conditions. CheckAll says the rest.
func (g *Group) Check() error {
	c := &checker{}
	if err := match.ParseID(g.ID); g.ID != "" && err != nil {
		c.bad("id", "%v: the file's name is the group's id", err)
	}
	if g.Sensitivity == 0 {
		g.Sensitivity = UsualDial
	}
	if g.Sensitivity < MinDial || g.Sensitivity > MaxDial {
		c.bad("sensitivity", "%d is not between %d and %d", g.Sensitivity, MinDial, MaxDial)
	}
	c.text("title", g.Title, nil, false)
	c.mode("mode", g.Mode)
	c.line("owner", g.Owner, maxName)
	c.runbook("runbook", g.Runbook)
	c.labels("labels", g.Labels)
	if g.OneProblem != nil {
		c.few("one_problem_per", len(*g.OneProblem), maxBy)
		for i, dim := range *g.OneProblem {
			if key := fmt.Sprintf("one_problem_per[%d]", i); !labelName.MatchString(dim) {
				c.bad(key, "%.60q is no dimension", dim)
			} else if slices.Index(*g.OneProblem, dim) < i {
				c.bad(key, "%q is there twice", dim)
			}
		}
	}
	c.few("depends_on", len(g.DependsOn), maxDepends)
	for i, id := range g.DependsOn {
		c.id(fmt.Sprintf("depends_on[%d]", i), id)
	}
	if len(g.Rules) == 0 {
		c.bad("rules", "is missing: a file has at least one rule")
	}
	c.few("rules", len(g.Rules), maxRules)
	seen := map[string]bool{}
	for i, r := range g.Rules {
		if key := fmt.Sprintf("rules[%d]", i); r == nil {
			c.bad(key, "is empty")
		} else {
			c.rule(g, r, key+".")
			if r.ID != "" && seen[r.ID] {
				c.bad(key+".id", "%q is there twice", r.ID)
			}
			seen[r.ID] = true
		}
	}
	if g.Together != nil {
		c.together(g, g.Together)
		if seen[g.Together.ID] {
			c.bad("together.id", "%q is a rule's too", g.Together.ID)
		}
	}
	c.few("tests", len(g.Tests), maxTests)
	for i := range g.Tests {
		g.Tests[i].check(c, g, fmt.Sprintf("tests[%d].", i))
	}
	g.checked = len(c.errs) == 0
	return errors.Join(c.errs...)
}

func (c *checker) mode(key string, m Mode) {
	if m != Live && m != Monitor && m != Off {
		c.bad(key, "%.40q is none of monitor, off; leave it out for a rule that counts", string(m))
	}
}

func (c *checker) runbook(key, runbook string) {
	if runbook == "" || runbookName.MatchString(runbook) {
		return
	}
	u, err := url.Parse(runbook)
	if len(runbook) > 500 || err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		c.bad(key, "%.80q is neither an address such as https://wiki.example.org/cdn nor a name of a-z, 0-9 and -", runbook)
	}
}

func (c *checker) labels(key string, labels map[string]string) {
	c.few(key, len(labels), maxLabels)
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		at := key + "." + name
		switch {
		case !labelName.MatchString(name):
			c.bad(key, "%.60q is no name of a label: a-z, 0-9 and _, and no digit first", name)
		case slices.Contains(saidNames, name):
			c.bad(at, "is a name that titles use for something else")
		default:
			c.line(at, labels[name], maxLabel)
		}
	}
}

// text checks the placeholders too, of which names are allowed beside those that every alert has.
func (c *checker) text(key string, t Text, names []string, must bool) {
	if must && t.FR == "" && t.EN == "" {
		c.bad(key, "is missing: write it in fr or en")
	}
	for _, one := range []struct{ key, text string }{{key + ".fr", t.FR}, {key + ".en", t.EN}} {
		if utf8.RuneCountInString(one.text) > maxText {
			c.bad(one.key, "is longer than %d characters", maxText)
			continue
		}
		if !utf8.ValidString(one.text) {
			c.bad(one.key, "has characters that cannot be shown")
		}
		for _, found := range placeholder.FindAllStringSubmatch(one.text, -1) {
			if name := found[1]; !slices.Contains(saidNames, name) && !slices.Contains(names, name) {
				c.bad(one.key, "{%s} is nothing that is known here: there are %s", name, strings.Join(append(slices.Clone(names), saidNames...), ", "))
			}
		}
	}
}

func (c *checker) duration(key string, d *Duration, least, most time.Duration) {
	switch v := time.Duration(*d); {
	case *d == notDuration:
		c.bad(key, "is not a duration such as 10s or 2m")
	case v < least || v > most:
		c.bad(key, "%s is not between %s and %s", *d, Duration(least), Duration(most))
	case v%time.Second != 0:
		c.bad(key, "%s is not whole seconds", *d)
	}
}

func (c *checker) rule(g *Group, r *Rule, key string) {
	c.id(key+"id", r.ID)
	where := places{by: slices.Sorted(slices.Values(r.By)), labels: map[string]string{}}
	maps.Copy(where.labels, g.Labels)
	maps.Copy(where.labels, r.Labels)
	names := slices.Concat(r.By, slices.Sorted(maps.Keys(where.labels)))
	c.text(key+"title", r.Title, names, true)
	c.text(key+"detail", r.Detail, names, false)
	c.mode(key+"mode", r.Mode)
	c.line(key+"owner", r.Owner, maxName)
	c.runbook(key+"runbook", r.Runbook)
	c.labels(key+"labels", r.Labels)
	for _, dim := range r.By {
		if _, ok := where.labels[dim]; ok {
			c.bad(key+"labels", "%q is a dimension that the rule is divided by", dim)
		}
	}
	c.reads(r, key)
	if r.Over == 0 {
		r.Over = usualOver
	}
	c.duration(key+"over", &r.Over, minOver, maxOver)
	c.duration(key+"for", &r.For, 0, maxFor)
	if r.Keep == 0 {
		r.Keep = usualKeep
	}
	c.duration(key+"keep_firing_for", &r.Keep, time.Second, maxKeep)
	if !(r.MinSample >= 0) || math.IsInf(r.MinSample, 0) {
		c.bad(key+"min_sample", "is not a number of 0 or more")
	} else if r.MinSample == 0 {
		r.MinSample = usualSample(r.signal)
	}
	if r.NoData != "" && r.NoData != "ok" && r.NoData != "alert" {
		c.bad(key+"no_data", "%.40q is neither ok nor alert", r.NoData)
	}
	if r.When == "" {
		c.bad(key+"when", "is missing: write a condition such as value > 0.02")
	} else {
		r.when = c.condition(key+"when", r.When, where)
	}
	if r.recover = nil; r.Recover != "" {
		r.recover = c.condition(key+"recover", r.Recover, where)
	}
	c.severities(key+"severity", r.Severity, where)
	switch {
	case r.Family == "":
		if r.Weight != 0 && r.Weight != usualWeight {
			c.bad(key+"weight", "is of weak signals alone: the rule has no family")
		}
	case !slices.Contains(families[:], r.Family):
		c.bad(key+"family", "%.40q is none of %s", r.Family, strings.Join(families[:], ", "))
	case g.Together == nil:
		c.bad(key+"family", "makes a weak signal, and the file has no together that would make anything of it")
	}
	if r.Weight == 0 {
		r.Weight = usualWeight
	}
	if !(r.Weight > 0 && r.Weight <= maxWeight) {
		c.bad(key+"weight", "is not above 0 and at most %d", maxWeight)
	}
}

// usualSample is the fewest of which a share or a rate says something. What services and sources tell is
// counted by them, and is a few values of thousands of calls.
func usualSample(s signal.Signal) float64 {
	switch {
	case s.Sample == "":
		return 0
	case s.Family == signal.Services, s.Family == signal.Sources:
		return 1
	}
	return 25
}

func (c *checker) condition(key, source string, where places) *condition {
	compiled, err := parseCondition(source, where)
	if err != nil {
		c.bad(key, "%v", err)
	}
	return compiled
}

// reads checks what a rule asks of data.
func (c *checker) reads(r *Rule, key string) {
	s, ok := signal.Find(r.Signal)
	if r.signal = s; !ok {
		if r.Signal == "" {
			c.bad(key+"signal", "is missing")
		} else {
			c.bad(key+"signal", "%.60q is no signal: there are %s", r.Signal, signalNames())
		}
		return
	}
	c.few(key+"by", len(r.By), maxBy)
	for i, dim := range r.By {
		at := fmt.Sprintf("%sby[%d]", key, i)
		c.dimension(at, s, dim)
		if slices.Index(r.By, dim) < i {
			c.bad(at, "%q is there twice", dim)
		}
	}
	if len(r.Where) > 0 && s.Family == signal.SQL {
		c.bad(key+"where", "has no place beside sql: write it into the statement")
	}
	for _, dim := range slices.Sorted(maps.Keys(r.Where)) {
		at := key + "where." + dim
		c.dimension(at, s, dim)
		if v := r.Where[dim]; v == "" || utf8.RuneCountInString(v) > maxLabel || strings.ContainsAny(v, ",=") || provider.Line(v, maxLabel) != v {
			c.bad(at, "%.60q is not 1 to %d characters without , and =", v, maxLabel)
		}
	}
	switch {
	case s.Family != signal.SQL && r.SQL != "":
		c.bad(key+"sql", "is of signal sql alone")
	case s.Family != signal.SQL:
	case r.SQL == "":
		c.bad(key+"sql", "is missing")
	case utf8.RuneCountInString(r.SQL) > maxSQL:
		c.bad(key+"sql", "is longer than %d characters", maxSQL)
	case !utf8.ValidString(r.SQL):
		c.bad(key+"sql", "has characters that cannot be shown")
	case !strings.Contains(r.SQL, "{from:DateTime}") || !strings.Contains(r.SQL, "{to:DateTime}"):
		c.bad(key+"sql", "must be about the time from {from:DateTime} to {to:DateTime}")
	}
	amount := s.Unit == signal.Bits || s.Unit == signal.PerSecond || s.Unit == signal.Count
	switch r.Against {
	case AgainstUsual, AgainstEarlier:
	case AgainstForecast:
		if s.Name != "viewers" && s.Name != "traffic" {
			c.bad(key+"against", "forecast is of viewers and traffic alone: a match's file expects nothing else")
		}
	case AgainstViewers:
		if !amount || s.Name == "viewers" || s.Name == "requests_per_viewer" {
			c.bad(key+"against", "viewers says nothing of %s, which does not grow with them", s.Name)
		}
	default:
		c.bad(key+"against", "%.40q is none of forecast, earlier, viewers", string(r.Against))
	}
}

func signalNames() string {
	var names []string
	for _, s := range signal.All() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// dimension checks one name. An expert's statement names its own.
func (c *checker) dimension(key string, s signal.Signal, dim string) {
	switch {
	case !labelName.MatchString(dim) || slices.Contains(saidNames, dim):
		c.bad(key, "%.60q is no dimension", dim)
	case s.Family != signal.SQL && !slices.Contains(s.By, dim):
		c.bad(key, "%s cannot be divided by %q: it has %s", s.Name, dim, strings.Join(s.By, ", "))
	}
}

func (c *checker) severities(key string, steps Severities, where places) {
	c.few(key, len(steps), maxSteps)
	for i := range steps {
		s, at := &steps[i], fmt.Sprintf("%s[%d]", key, i)
		switch {
		case s.Severity == "" && s.When == "":
			c.bad(at, `is not one severity with its condition, as critical: "criticality >= 3"`)
			continue
		case s.Severity.Rank() == 0:
			c.bad(at, "%.40q is none of info, warning, critical", string(s.Severity))
		}
		s.when = c.condition(at, s.When, where)
	}
}

func (c *checker) together(g *Group, t *Together) {
	const key = "together."
	c.id(key+"id", t.ID)
	where := places{by: slices.Sorted(slices.Values(t.By)), labels: g.Labels}
	names := slices.Concat(t.By, slices.Sorted(maps.Keys(g.Labels)))
	c.text(key+"title", t.Title, names, true)
	c.text(key+"detail", t.Detail, names, false)
	c.line(key+"owner", t.Owner, maxName)
	c.runbook(key+"runbook", t.Runbook)
	if t.Families == 0 {
		t.Families = usualFamilies
	}
	if t.Families < 2 || t.Families > len(families) {
		c.bad(key+"families", "%d is not between 2 and %d", t.Families, len(families))
	}
	var there []string
	dims := map[string]bool{}
	for _, r := range g.Rules {
		if r == nil || r.Family == "" || r.Mode == Off {
			continue
		}
		if !slices.Contains(there, r.Family) {
			there = append(there, r.Family)
		}
		for _, dim := range r.By {
			dims[dim] = true
		}
	}
	if len(there) < t.Families {
		c.bad(key+"families", "wants %d families, and the file's rules are of %d (%s)", t.Families, len(there), orNothing(there))
	}
	c.few(key+"by", len(t.By), maxBy)
	for i, dim := range t.By {
		at := fmt.Sprintf("%sby[%d]", key, i)
		if !dims[dim] {
			c.bad(at, "no weak signal of the file is divided by %.60q", dim)
		}
		if slices.Index(t.By, dim) < i {
			c.bad(at, "%q is there twice", dim)
		}
		if _, ok := g.Labels[dim]; ok {
			c.bad(at, "%q is one of the file's labels", dim)
		}
	}
	if t.Keep == 0 {
		t.Keep = usualKeep
	}
	c.duration(key+"keep_firing_for", &t.Keep, time.Second, maxKeep)
	c.severities(key+"severity", t.Severity, where)
}
