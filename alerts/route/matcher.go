package route

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Op is how a Matcher compares.
type Op string

const (
	Equal    Op = "="
	NotEqual Op = "!="
	Like     Op = "=~" // a regular expression (RE2), of the whole value
	NotLike  Op = "!~"
)

// Matcher compares a label, or rule, group, severity or owner, with a value. A label that is not there is "".
type Matcher struct {
	Name  string `json:"name"`
	Op    Op     `json:"op"`
	Value string `json:"value"`

	re *regexp.Regexp // of Like and NotLike
}

// Bounds of matchers.
const (
	MaxMatchers = 10
	maxRegexp   = 200 // bytes
	maxMatchers = 4000
)

// NewMatcher makes one.
func NewMatcher(name string, op Op, value string) (Matcher, error) {
	m := Matcher{Name: name, Op: op, Value: value}
	switch {
	case !labelName(name):
		return m, fmt.Errorf("%.40q is no name of a label", name)
	case len(value) > maxValue*4 || utf8.RuneCountInString(value) > maxValue:
		return m, fmt.Errorf("the value of %s is longer than %d characters", name, maxValue)
	case !printable(value):
		return m, fmt.Errorf("the value of %s has characters that cannot be shown", name)
	}
	switch op {
	case Equal, NotEqual:
	case Like, NotLike:
		if len(value) > maxRegexp {
			return m, fmt.Errorf("the expression for %s is longer than %d bytes", name, maxRegexp)
		}
		if _, err := regexp.Compile(value); err != nil { // by itself, so that a ) cannot end the anchors
			return m, fmt.Errorf("%.60q is no regular expression: %w", value, err)
		}
		re, err := regexp.Compile("^(?:" + value + ")$")
		if err != nil {
			return m, fmt.Errorf("%.60q is no regular expression: %w", value, err)
		}
		m.re = re
	default:
		return m, fmt.Errorf("%.10q is none of =, !=, =~, !~", op)
	}
	return m, nil
}

// UnmarshalJSON reads one that was kept; what cannot be one is an error.
func (m *Matcher) UnmarshalJSON(text []byte) error {
	type plain Matcher
	var p plain
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	made, err := NewMatcher(p.Name, p.Op, p.Value)
	if err != nil {
		return fmt.Errorf("matcher: %w", err)
	}
	*m = made
	return nil
}

// Matches tells whether a value is as the matcher asks. One that was not made by NewMatcher,
// ParseMatchers or from JSON asks for what cannot be.
func (m *Matcher) Matches(value string) bool {
	switch {
	case m.Op == Equal:
		return value == m.Value
	case m.Op == NotEqual:
		return value != m.Value
	case m.re == nil:
		return false
	}
	return m.re.MatchString(value) == (m.Op == Like)
}

// value is what a subject has for a name.
func (s *Subject) value(name string) string {
	switch name {
	case "rule":
		return s.Rule
	case "group":
		return s.Group
	case "severity":
		return string(s.Severity)
	case "owner":
		return s.Owner
	}
	return s.Labels[name]
}

// String is how ParseMatchers reads it.
func (m Matcher) String() string {
	if m.Value == "" || strings.ContainsFunc(m.Value, func(r rune) bool { return !bare(r) }) {
		return m.Name + string(m.Op) + quote(m.Value)
	}
	return m.Name + string(m.Op) + m.Value
}

// quote escapes nothing but " and \, so that expressions stay readable.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// bare tells whether a value with such a character needs no quotes.
func bare(r rune) bool {
	return r != ' ' && unicode.IsPrint(r) && r != utf8.RuneError && !strings.ContainsRune(`"'\,=!~{}`, r)
}

// between tells whether a character may stand between matchers.
func between(r rune) bool { return r == ',' || unicode.IsSpace(r) }

// FormatMatchers writes what ParseMatchers reads.
func FormatMatchers(matchers []Matcher) string {
	texts := make([]string, len(matchers))
	for i, m := range matchers {
		texts[i] = m.String()
	}
	return strings.Join(texts, " ")
}

// ParseMatchers reads what people type: cdn=maison isp=~"Free|Orange". Spaces or commas are between them,
// braces may be around them; in quotes \" is a quote and \\ a backslash.
func ParseMatchers(text string) ([]Matcher, error) {
	if len(text) > maxMatchers {
		return nil, fmt.Errorf("the text is longer than %d bytes", maxMatchers)
	}
	rest := strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(rest, "{"); ok {
		if rest, ok = strings.CutSuffix(inner, "}"); !ok {
			return nil, fmt.Errorf("a { is never closed")
		}
	}
	var all []Matcher
	for {
		rest = strings.TrimLeftFunc(rest, between)
		if rest == "" {
			return all, nil
		}
		if len(all) == MaxMatchers {
			return nil, fmt.Errorf("there are more than %d conditions", MaxMatchers)
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r > 'z' || !labelName("a"+string(r)) })
		if end <= 0 || rest[end] != '=' && rest[end] != '!' {
			return nil, fmt.Errorf("%.40q is no condition: write it as cdn=maison or isp=~\"Free|Orange\"", rest)
		}
		name := rest[:end]
		rest = rest[end:]
		var op Op
		for _, o := range []Op{NotEqual, Like, NotLike, Equal} {
			if strings.HasPrefix(rest, string(o)) {
				op = o
				break
			}
		}
		if op == "" {
			return nil, fmt.Errorf("after %.40q comes none of =, !=, =~, !~", name)
		}
		value, after, err := readValue(rest[len(op):])
		if err != nil {
			return nil, fmt.Errorf("%.40s%s: %w", name, op, err)
		}
		m, err := NewMatcher(name, op, value)
		if err != nil {
			return nil, err
		}
		all, rest = append(all, m), after
	}
}

// readValue reads a value and is what comes after it.
func readValue(s string) (value, after string, err error) {
	if !strings.HasPrefix(s, `"`) {
		n := strings.IndexFunc(s, func(r rune) bool { return !bare(r) })
		if n < 0 {
			n = len(s)
		}
		if r, size := utf8.DecodeRuneInString(s[n:]); size > 0 && !between(r) {
			return "", "", fmt.Errorf("%q must stand in quotes", r)
		}
		if n == 0 {
			return "", "", fmt.Errorf(`its value is missing: write "" for none`)
		}
		return s[:n], s[n:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			if r, size := utf8.DecodeRuneInString(s[i+1:]); size > 0 && !between(r) {
				return "", "", fmt.Errorf("after its closing quote comes %q: put a space between", r)
			}
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", fmt.Errorf("its quotes are never closed")
}
