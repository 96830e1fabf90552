package route

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/match"
)

// When is what a route or a maintenance asks of a problem. All that it says must hold; what it does not say
// does not matter. In texts * stands for any text.
type When struct {
	Severity    []notice.Severity `yaml:"severity" json:"severity,omitempty"`
	Group       []string          `yaml:"group" json:"group,omitempty"`
	Rule        []string          `yaml:"rule" json:"rule,omitempty"`
	Owner       []string          `yaml:"owner" json:"owner,omitempty"`
	Labels      map[string]string `yaml:"labels" json:"labels,omitempty"` // "" asks that there is no such label, "*" that there is one
	Match       []string          `yaml:"match" json:"match,omitempty"`   // ids
	Phases      []match.Phase     `yaml:"phases" json:"phases,omitempty"`
	Criticality int               `yaml:"criticality_at_least" json:"criticality_at_least,omitempty"`
	Times       *Times            `yaml:"times" json:"times,omitempty"`
	During      string            `yaml:"during" json:"during,omitempty"` // match, outside; empty: either
}

// Times are stretches of the week, by the clock on the wall of a zone.
type Times struct {
	Zone    string   `yaml:"zone" json:"zone,omitempty"`       // IANA name; empty: the policy's
	Days    []string `yaml:"days" json:"days,omitempty"`       // mon … sun, on which a stretch begins; empty: all
	Between []string `yaml:"between" json:"between,omitempty"` // ["20:00", "08:00"]; empty: the whole day

	clock clock
	hours hours
}

// Contains tells whether a moment is in one of the stretches.
func (t *Times) Contains(at time.Time) bool { return t.hours.contains(t.clock.reached(at)) }

// The values of When.During.
const (
	duringMatch   = "match"
	duringOutside = "outside"
)

// Bounds of what is asked for.
const (
	maxPatterns = 50
	maxLabels   = 20
)

func (w *When) check(k *checker, key string, zone *time.Location) {
	k.few(key+"severity", len(w.Severity), maxPatterns)
	for i, s := range w.Severity {
		if s.Rank() == 0 {
			k.bad(fmt.Sprintf("%sseverity[%d]", key, i), "%.40q is none of %s, %s, %s", s, notice.Info, notice.Warning, notice.Critical)
		}
	}
	for _, list := range w.lists() {
		k.few(key+list.name, len(list.patterns), maxPatterns)
		for i, pattern := range list.patterns {
			k.text(fmt.Sprintf("%s%s[%d]", key, list.name, i), pattern, maxName, true)
		}
	}
	k.few(key+"labels", len(w.Labels), maxLabels)
	for _, name := range sorted(w.Labels) {
		k.text(key+"labels."+name, w.Labels[name], maxValue, false)
		if !labelName(name) {
			k.bad(key+"labels", "%.40q is no name of a label", name)
		}
	}
	k.few(key+"phases", len(w.Phases), maxPatterns)
	phases := append([]match.Phase{match.PhaseBefore}, match.Phases()...)
	for i, phase := range w.Phases {
		if !slices.Contains(phases, phase) {
			k.bad(fmt.Sprintf("%sphases[%d]", key, i), "%.40q is none of %s", phase, join(phases))
		}
	}
	if w.Criticality < 0 || w.Criticality > 4 {
		k.bad(key+"criticality_at_least", "%d is not between 1 and 4", w.Criticality)
	}
	if w.During != "" && w.During != duringMatch && w.During != duringOutside {
		k.bad(key+"during", "%.40q is none of match, outside", w.During)
	}
	if t := w.Times; t != nil {
		t.clock.zone = k.zone(key+"times.zone", t.Zone, zone)
		t.hours.parse(k, key+"times.", t.Days, t.Between)
	}
}

// list is one of the conditions that name texts.
type list struct {
	name     string
	patterns []string
}

func (w *When) lists() [4]list {
	return [4]list{{"group", w.Group}, {"rule", w.Rule}, {"owner", w.Owner}, {"match", w.Match}}
}

func (s *Subject) values() [4]string { return [4]string{s.Group, s.Rule, s.Owner, s.Match} }

// all tells whether it asks for nothing.
func (w *When) all() bool {
	return len(w.Severity)+len(w.Group)+len(w.Rule)+len(w.Owner)+len(w.Labels)+len(w.Match)+len(w.Phases) == 0 &&
		w.Criticality == 0 && w.During == "" && w.Times == nil
}

// matches tells whether all of it holds.
func (w *When) matches(s *Subject, at time.Time) bool { return w.differs(s, at) == "" }

// differs is the first condition that does not hold, by its key; "": all hold.
func (w *When) differs(s *Subject, at time.Time) string {
	if len(w.Severity) > 0 && !slices.Contains(w.Severity, s.Severity) {
		return "severity"
	}
	lists, values := w.lists(), s.values()
	for i := range lists {
		if len(lists[i].patterns) > 0 && !anyGlob(lists[i].patterns, values[i]) {
			return lists[i].name
		}
	}
	for name, pattern := range w.Labels {
		if !labelMatches(pattern, s.Labels[name]) {
			return "labels"
		}
	}
	switch {
	case len(w.Phases) > 0 && !slices.Contains(w.Phases, s.Phase):
		return "phases"
	case s.Criticality < w.Criticality:
		return "criticality_at_least"
	case w.During != "" && s.During != (w.During == duringMatch):
		return "during"
	case w.Times != nil && !w.Times.Contains(at):
		return "times"
	}
	return ""
}

// told says of a condition that does not hold which it is, what the subject has, and what is asked for.
func (w *When) told(key string, s *Subject, at time.Time) (what, is, wants string) {
	if key == "labels" {
		name := w.firstLabel(s)
		return "labels." + name, s.Labels[name], w.Labels[name]
	}
	is, wants = w.values(key, s, at)
	return key, is, wants
}

func (w *When) values(key string, s *Subject, at time.Time) (is, wants string) {
	lists, values := w.lists(), s.values()
	for i := range lists {
		if lists[i].name == key {
			return values[i], strings.Join(lists[i].patterns, ", ")
		}
	}
	switch key {
	case "severity":
		return string(s.Severity), join(w.Severity)
	case "phases":
		return string(s.Phase), join(w.Phases)
	case "criticality_at_least":
		return strconv.Itoa(s.Criticality), strconv.Itoa(w.Criticality)
	case "during":
		if s.During {
			return duringMatch, w.During
		}
		return duringOutside, w.During
	case "times":
		return at.In(w.Times.clock.zone).Format("Mon 15:04"), w.Times.text()
	}
	return "", ""
}

// firstLabel is the first by name that differs, so that it is the same each time that somebody asks.
func (w *When) firstLabel(s *Subject) string {
	for _, name := range sorted(w.Labels) {
		if !labelMatches(w.Labels[name], s.Labels[name]) {
			return name
		}
	}
	return ""
}

// text is the stretches as a file says them.
func (t *Times) text() string {
	parts := slices.Clone(t.Days)
	if len(t.Between) == 2 {
		parts = append(parts, t.Between[0]+"–"+t.Between[1])
	}
	return strings.Join(append(parts, t.clock.zone.String()), " ")
}

func labelMatches(pattern, value string) bool {
	if value == "" {
		return pattern == ""
	}
	return glob(pattern, value)
}

func anyGlob(patterns []string, s string) bool {
	for _, p := range patterns {
		if glob(p, s) {
			return true
		}
	}
	return false
}

// glob tells whether a text is as a pattern says, in which * stands for any text. It takes at most
// len(pattern) times len(s) steps.
func glob(pattern, s string) bool {
	i, j, star, from := 0, 0, -1, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, from = i, j
			i++
		case i < len(pattern) && pattern[i] == s[j]:
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// within tells whether w certainly holds wherever narrow does.
func (w *When) within(narrow *When) bool {
	subset := func(wide, few []string) bool {
		return len(wide) == 0 || len(few) > 0 && !slices.ContainsFunc(few, func(p string) bool { return !coveredBy(wide, p) })
	}
	if !subset(texts(w.Severity), texts(narrow.Severity)) || !subset(texts(w.Phases), texts(narrow.Phases)) ||
		w.Criticality > narrow.Criticality || w.During != "" && w.During != narrow.During {
		return false
	}
	wide, few := w.lists(), narrow.lists()
	for i := range wide {
		if !subset(wide[i].patterns, few[i].patterns) {
			return false
		}
	}
	for name, pattern := range w.Labels {
		if asked, ok := narrow.Labels[name]; !ok || asked != pattern && (asked == "" || pattern == "" || !coveredBy([]string{pattern}, asked)) {
			return false
		}
	}
	return w.Times == nil || narrow.Times != nil && w.Times.clock.zone.String() == narrow.Times.clock.zone.String() && w.Times.hours == narrow.Times.hours
}

// coveredBy tells whether whatever a pattern allows is allowed by one of wide too. A * of the pattern is
// matched like any character, by a * alone.
func coveredBy(wide []string, pattern string) bool { return anyGlob(wide, pattern) }

// apart is the key of a condition that cannot hold together with the same one of other; "": none is known.
func (w *When) apart(other *When) string {
	disjoint := func(a, b []string) bool {
		if len(a) == 0 || len(b) == 0 {
			return false
		}
		return !slices.ContainsFunc(a, func(x string) bool {
			return slices.ContainsFunc(b, func(y string) bool {
				return strings.Contains(x, "*") && strings.Contains(y, "*") || glob(x, y) || glob(y, x)
			})
		})
	}
	switch {
	case disjoint(texts(w.Severity), texts(other.Severity)):
		return "severity"
	case disjoint(texts(w.Phases), texts(other.Phases)):
		return "phases"
	case w.During != "" && other.During != "" && w.During != other.During:
		return "during"
	}
	a, b := w.lists(), other.lists()
	for i := range a {
		if disjoint(a[i].patterns, b[i].patterns) {
			return a[i].name
		}
	}
	for _, name := range sorted(w.Labels) {
		if asked, ok := other.Labels[name]; ok && (w.Labels[name] == "" || asked == "") && w.Labels[name] != asked || ok && disjoint([]string{w.Labels[name]}, []string{asked}) {
			return "labels." + name
		}
	}
	return ""
}

func texts[T ~string](s []T) []string {
	all := make([]string, len(s))
	for i, v := range s {
		all[i] = string(v)
	}
	return all
}
