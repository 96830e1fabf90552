package rule

import (
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/signal"
)

// Group is a file of rules that belong together: rules/{id}.yaml. One dial makes all of them more or less
// sensitive. It must have been checked; it is not changed after that.
type Group struct {
	ID          string            `yaml:"-"` // of the file
	Title       Text              `yaml:"title"`
	Sensitivity int               `yaml:"sensitivity"` // 1 to 10, where the dial stands until somebody turns it; 0: 5
	Mode        Mode              `yaml:"mode"`        // of all rules of the file
	Owner       string            `yaml:"owner"`
	Runbook     string            `yaml:"runbook"`
	Labels      map[string]string `yaml:"labels"`
	OneProblem  *[]string         `yaml:"one_problem_per"` // dimensions; []: all alerts of the file are one problem; missing: each group of each rule is one
	DependsOn   []string          `yaml:"depends_on"`      // groups of rules: while one of theirs fires, alerts here with no other value of a label of both are inhibited
	Rules       []*Rule           `yaml:"rules"`
	Together    *Together         `yaml:"together"`
	Tests       []Case            `yaml:"tests"`

	checked bool
}

// Mode is whether a rule counts.
type Mode string

const (
	Live    Mode = ""        // it does
	Monitor Mode = "monitor" // it is judged and logged, nobody is told
	Off     Mode = "off"
)

// Text is in the languages of the room; one of them is enough.
type Text struct {
	FR string `yaml:"fr" json:"fr,omitempty"`
	EN string `yaml:"en" json:"en,omitempty"`
}

// Rule is one thing that must not be.
type Rule struct {
	ID      string            `yaml:"id"`    // unique over all files: a-z, 0-9, '-'; at most 64
	Title   Text              `yaml:"title"` // with {cdn}, {isp} …, {value}, {usual}, {viewers}, {since}
	Detail  Text              `yaml:"detail"`
	Signal  string            `yaml:"signal"`
	SQL     string            `yaml:"sql"` // of signal sql: {from:DateTime}, {to:DateTime}; columns value, sample and the dimensions of by
	By      []string          `yaml:"by"`
	Where   map[string]string `yaml:"where"`
	Over    Duration          `yaml:"over"` // 0: 10s; 1s to 10m
	Against Against           `yaml:"against"`

	When      string   `yaml:"when"`            // the condition, in expr
	Recover   string   `yaml:"recover"`         // what ends it, in expr; "": that When holds no more
	For       Duration `yaml:"for"`             // seconds that it must hold before it fires; at most 10m
	Keep      Duration `yaml:"keep_firing_for"` // seconds that it must have recovered before it ends; 0: 30s; at most 30m
	MinSample float64  `yaml:"min_sample"`      // fewer: not judged; 0: 25, and 1 of what services and sources tell
	NoData    string   `yaml:"no_data"`         // "", "ok": nothing is said when a group goes away (of services and dimensions that come and go); "alert": after for it fires by itself

	Severity Severities        `yaml:"severity"`
	Family   string            `yaml:"family"` // of a weak signal: volume, identity, quality, ratio; see Together
	Weight   float64           `yaml:"weight"` // of its score; 0: 1
	Mode     Mode              `yaml:"mode"`
	Owner    string            `yaml:"owner"`
	Runbook  string            `yaml:"runbook"`
	Labels   map[string]string `yaml:"labels"`

	// Compiled by Check.
	signal        signal.Signal
	when, recover *condition // recover is nil: when holds no more
}

// View is what it reads. The rule must have been checked.
func (r *Rule) View() View {
	v := View{Signal: r.Signal, By: strings.Join(slices.Sorted(slices.Values(r.By)), ","), Over: time.Duration(r.Over), Against: r.Against}
	for i, name := range slices.Sorted(maps.Keys(r.Where)) {
		if i > 0 {
			v.Where += ","
		}
		v.Where += name + "=" + r.Where[name]
	}
	if r.SQL != "" {
		v.SQL = r.ID
	}
	return v
}

// Severities is a severity, or the first of several whose condition holds, told by the match's
// criticality and phase: [{critical: "criticality >= 3 and playing"}, {warning: "true"}]. Empty: warning; where
// none holds: info.
type Severities []Step

// Step is one of them.
type Step struct {
	Severity notice.Severity
	When     string

	when *condition // compiled by Check
}

// Together makes one alert of weak signals: a page needs several families that have nothing to do with
// each other.
type Together struct {
	ID       string     `yaml:"id"`
	Title    Text       `yaml:"title"`
	Detail   Text       `yaml:"detail"`
	Families int        `yaml:"families"`        // 2 to 4; 0: 2
	By       []string   `yaml:"by"`              // weak alerts with the same values of these count together; one that is not divided by them counts for all
	Keep     Duration   `yaml:"keep_firing_for"` // 0: 30s
	Severity Severities `yaml:"severity"`        // value is the score
	Owner    string     `yaml:"owner"`
	Runbook  string     `yaml:"runbook"`
}

// Duration is a time.Duration as a file writes it: 10s, 2m.
type Duration time.Duration
