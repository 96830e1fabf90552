package services

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Compile checks rules and makes them ready. Its errors name the rule, counted from 1, and the key.
func Compile(rules []Rule) (*Rules, error) {
	if len(rules) > maxRules {
		return nil, fmt.Errorf("services: %d rules, at most %d", len(rules), maxRules)
	}
	r := &Rules{byMetric: map[string][]candidate{}, chosen: map[uint64]*choice{}, names: map[string]string{Other: Other}}
	var errs []error
	for i := range rules {
		c, err := compile(&rules[i])
		if err != nil {
			errs = append(errs, fmt.Errorf("services: rule %d: %w", i+1, err))
			continue
		}
		metric := rules[i].Match.Metric
		for _, name := range c.metrics(metric) {
			r.byMetric[name.metric] = append(r.byMetric[name.metric], candidate{c, metric, name.part})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

// compiled is a rule, ready.
type compiled struct {
	name     []piece
	labels   []test
	errors   []test
	per      []string
	signal   string
	as       string
	resource string
	scale    float64 // of the value to milliseconds or to shares; 0: as the sender says
}

// candidate is a rule for one metric's name, and the part that this name is of its family.
type candidate struct {
	*compiled
	family, part string
}

type named struct{ metric, part string }

// metrics are the names under which series of a rule come.
func (c *compiled) metrics(metric string) []named {
	if c.signal != Duration || c.as != asHistogram {
		return []named{{metric, c.as}}
	}
	return []named{{metric, ""}, {metric + "_bucket", Bucket}, {metric + "_sum", Sum}, {metric + "_count", Count}}
}

// piece of a name: text, or the first of some labels.
type piece struct {
	text   string
	labels []string
}

// test is a label's pattern.
type test struct {
	labels []string // the first that the series has counts
	equal  string
	fits   *regexp.Regexp
	not    bool
}

func (t *test) holds(value []byte) bool {
	ok := string(value) == t.equal
	if t.fits != nil {
		ok = t.fits.Match(value)
	}
	return ok != t.not
}

func compile(rule *Rule) (*compiled, error) {
	c := &compiled{signal: rule.Signal, as: rule.As, resource: rule.Resource}
	var err error
	if rule.Match.Metric == "" {
		return nil, errors.New("match.metric: is missing")
	}
	if c.labels, err = tests("match.labels", rule.Match.Labels); err != nil {
		return nil, err
	}
	switch rule.Signal {
	case None:
		return c, nil
	case Requests, Errors:
		if rule.As != "" {
			return nil, fmt.Errorf("as: %q is for durations and saturations", rule.As)
		}
	case Duration:
		if c.as == "" {
			c.as = asHistogram
		}
		if !slices.Contains([]string{asHistogram, Bucket, Sum, Count}, c.as) {
			return nil, fmt.Errorf("as: %q is none of histogram, bucket, sum, count", rule.As)
		}
	case Saturation:
		if c.as == "" {
			c.as = Share
		}
		if !slices.Contains([]string{Share, Used, Limit}, c.as) {
			return nil, fmt.Errorf("as: %q is none of share, used, limit", rule.As)
		}
		if c.as != Share && rule.Resource == "" {
			return nil, errors.New("resource: is missing: used and limit are of something, as cpu")
		}
	default:
		return nil, fmt.Errorf("signal: %q is none of requests, errors, duration, saturation, none", rule.Signal)
	}
	if c.name, err = template(rule.Name); err != nil {
		return nil, err
	}
	if len(rule.Errors) > 0 && rule.Signal != Requests && rule.Signal != Duration {
		return nil, errors.New("errors: are for requests and durations")
	}
	if c.errors, err = tests("errors", rule.Errors); err != nil {
		return nil, err
	}
	if len(rule.Per) > 0 && (rule.Signal != Saturation || c.as == Share) {
		return nil, errors.New("per: is for used and limit")
	}
	for _, label := range rule.Per {
		c.per = append(c.per, labelName(label))
	}
	slices.Sort(c.per)
	return c, c.unit(rule)
}

// unit finds what values are multiplied with.
func (c *compiled) unit(rule *Rule) error {
	switch {
	case rule.Unit == "" && c.signal == Duration:
		c.scale = byName(rule.Match.Metric)
	case rule.Unit == "":
		c.scale = 1
	case c.signal == Duration:
		if c.scale = milliseconds(rule.Unit); c.scale == 0 {
			return fmt.Errorf("unit: %q is none of s, ms, us, ns, min", rule.Unit)
		}
	case c.signal == Saturation && rule.Unit == "%":
		c.scale = 0.01
	case c.signal == Saturation && rule.Unit == "1":
		c.scale = 1
	default:
		return fmt.Errorf("unit: %q does not go with %s", rule.Unit, c.signal)
	}
	return nil
}

// milliseconds in a unit, by its name in a rule or in UCUM; 0: not one of time.
func milliseconds(unit string) float64 {
	switch unit {
	case "s", "seconds":
		return 1000
	case "ms", "milliseconds":
		return 1
	case "us", "microseconds":
		return 1e-3
	case "ns", "nanoseconds":
		return 1e-6
	case "min":
		return 60_000
	}
	return 0
}

// byName goes by the end of a metric's name, as Prometheus's convention has it; 0: it does not say.
func byName(metric string) float64 {
	metric = strings.TrimSuffix(metric, "_total")
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		metric = strings.TrimSuffix(metric, suffix)
	}
	if i := strings.LastIndexByte(metric, '_'); i >= 0 {
		return milliseconds(metric[i+1:])
	}
	return 0
}

func tests(key string, patterns map[string]string) ([]test, error) {
	var all []test
	for _, label := range slices.Sorted(maps.Keys(patterns)) {
		pattern := patterns[label]
		if label == "" || len(pattern) > maxPattern {
			return nil, fmt.Errorf("%s: %q: a label needs a name, and a pattern of at most %d bytes", key, label, maxPattern)
		}
		t := test{labels: alternatives(label)}
		pattern, t.not = strings.CutPrefix(pattern, "!")
		if expression, ok := strings.CutPrefix(pattern, "~"); ok {
			var err error
			if t.fits, err = regexp.Compile("^(?s:" + expression + ")$"); err != nil {
				return nil, fmt.Errorf("%s.%s: %w", key, label, err)
			}
		} else {
			t.equal = pattern
		}
		all = append(all, t)
	}
	return all, nil
}

// template takes a name apart.
func template(name string) ([]piece, error) {
	if strings.TrimSpace(name) == "" {
		return nil, errors.New("name: is missing")
	}
	var pieces []piece
	for name != "" {
		text, rest, open := strings.Cut(name, "{")
		if text != "" {
			pieces = append(pieces, piece{text: text})
		}
		if !open {
			break
		}
		inside, after, closed := strings.Cut(rest, "}")
		if !closed || inside == "" {
			return nil, errors.New("name: { needs a label and }")
		}
		pieces = append(pieces, piece{labels: alternatives(inside)})
		name = after
	}
	return pieces, nil
}

// alternatives are the labels of "a|b".
func alternatives(labels string) []string {
	all := strings.Split(labels, "|")
	for i, label := range all {
		all[i] = labelName(label)
	}
	return all
}

// labelName writes a label as measurements have it: OpenTelemetry's dots are underscores there.
func labelName(label string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, label)
}
