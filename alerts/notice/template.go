package notice

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
	"unicode/utf8"
	"vigie/internal/provider"
)

// Bounds of a team's template: what it is, and what one rendering may cost.
const (
	maxTemplate = 16 << 10  // bytes
	maxSteps    = 2000      // turns of loops and uses of other templates
	maxWork     = 256 << 10 // bytes that it and its functions write
)

// Template is a team's own words for Text: a Go text/template over a Notification. Beside Go's comparisons and
// logic it has:
//
//	upper, lower, trim s       cut n s          replace from to s
//	join list ", "             join .Labels ", " (a=b, c=d)
//	default s value            the value, or s where it is empty
//	date "15:04" t             a time in the Notification's zone, by Go's layout
//	lasted from to             "3 min"
//	number 0 x, percent x      as people of the language write them; "not known" where it is NaN
//	severity s                 the word for it
//	print, printf, println
//
// It is safe for concurrent use.
type Template struct{ parsed *template.Template }

// Compile parses a template and renders it once for each kind of thing that can be said, in both languages and with
// everything that can be missing missing: an error is found where the configuration is checked, not on match night.
// The error names the template and the line.
func Compile(name, text string) (*Template, error) {
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("template %s: longer than %d bytes", name, maxTemplate)
	}
	parsed, err := template.New(name).Option("missingkey=zero").Funcs(new(rendering).functions()).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	count, err := counter()
	if err != nil {
		return nil, err
	}
	for _, t := range parsed.Templates() {
		if t.Tree != nil {
			meter(t.Root, count)
			t.Root.Nodes = append([]parse.Node{count}, t.Root.Nodes...)
		}
	}
	t := &Template{parsed}
	for _, n := range Fixtures() {
		if _, err := t.execute(n); err != nil {
			return nil, fmt.Errorf("template %s: tried with kind %s, language %s: %w", name, n.Kind, n.Language, err)
		}
	}
	return t, nil
}

// Render is n in the team's words. Whatever goes wrong, the text says what n does, in the plain words; the error
// then tells why, for the log. That it is a drill, or may be a repeat, is said whatever the template says.
func (t *Template) Render(n *Notification) (string, error) {
	text, err := t.execute(n)
	if err == nil {
		return text, nil
	}
	plain := n.Text
	if plain == "" {
		plain = n.Title
	}
	return plain, fmt.Errorf("template %s: %w: the plain text is sent", t.parsed.Name(), err)
}

func (t *Template) execute(n *Notification) (string, error) {
	// What it is given cannot be changed by it: templates have no assignment to fields, and these no methods
	// but those of times.
	r := &rendering{n: n, words: WordsIn(n.Language), steps: maxSteps, work: maxWork}
	bound, err := t.parsed.Clone()
	if err != nil {
		return "", err
	}
	err = bound.Funcs(r.functions()).Execute(r, n)
	if err != nil {
		return "", err
	}
	marks := marks(n, r.words)
	text := provider.Lines(r.out.String(), MaxText-count(marks))
	if strings.TrimSpace(text) == "" {
		return "", errors.New("it says nothing")
	}
	return marks + text, nil
}

// counter is a node that counts a turn.
func counter() (parse.Node, error) {
	t, err := parse.Parse("count", "{{"+countFunction+"}}", "", "", map[string]any{countFunction: true})
	if err != nil {
		return nil, err
	}
	return t["count"].Root.Nodes[0], nil
}

const countFunction = "_count"

// meter puts a counter into each loop below node: Go's templates can count to any number, and call themselves.
func meter(node parse.Node, count parse.Node) {
	each := func(lists ...*parse.ListNode) {
		for _, l := range lists {
			if l != nil {
				for _, n := range l.Nodes {
					meter(n, count)
				}
			}
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		each(n)
	case *parse.IfNode:
		each(n.List, n.ElseList)
	case *parse.WithNode:
		each(n.List, n.ElseList)
	case *parse.RangeNode:
		each(n.List, n.ElseList)
		n.List.Nodes = append([]parse.Node{count}, n.List.Nodes...)
	}
}

// rendering is one execution: what is written, and what it may still cost.
type rendering struct {
	n     *Notification
	words *Words
	out   strings.Builder
	steps int
	work  int
}

var errTooMuch = errors.New("it does too much: fewer turns of loops, or less text")

// Write ends an execution that writes more than will be shown.
func (r *rendering) Write(p []byte) (int, error) {
	if r.work -= len(p); r.work < 0 {
		return 0, errTooMuch
	}
	if r.out.Len() <= utf8.UTFMax*2*MaxText {
		r.out.Write(p)
	}
	return len(p), nil
}

// spend counts what a function made.
func (r *rendering) spend(s string) (string, error) {
	if r.work -= len(s) + 16; r.work < 0 {
		return "", errTooMuch
	}
	return s, nil
}

// functions are all that a template can call: Go's own that can make large things of small ones are replaced.
func (r *rendering) functions() template.FuncMap {
	refuse := func(...any) (string, error) { return "", errors.New("not for templates of alerts") }
	return template.FuncMap{
		countFunction: func() (string, error) {
			if r.steps--; r.steps < 0 {
				return "", errTooMuch
			}
			return "", nil
		},
		"upper":   func(s string) (string, error) { return r.spend(strings.ToUpper(s)) },
		"lower":   func(s string) (string, error) { return r.spend(strings.ToLower(s)) },
		"trim":    func(s string) (string, error) { return r.spend(strings.TrimSpace(s)) },
		"cut":     func(n int, s string) (string, error) { return r.spend(provider.Line(s, min(n, MaxText))) },
		"replace": r.replace,
		"join":    r.join,
		"default": func(s string, v any) any {
			if truth, _ := template.IsTrue(v); truth {
				return v
			}
			return s
		},
		"date": func(layout string, t time.Time) (string, error) {
			zone := r.n.Zone
			if zone == nil {
				zone = time.UTC
			}
			if t.IsZero() || len(layout) > maxKey {
				return "", nil
			}
			return r.spend(t.In(zone).Format(layout))
		},
		"lasted": func(from, to time.Time) string {
			if from.IsZero() || to.IsZero() {
				return ""
			}
			return lasted(to.Sub(from))
		},
		"number":   func(decimals int, x any) (string, error) { return r.numeral(x, decimals) },
		"percent":  func(x any) (string, error) { return r.numeral(x, -1) },
		"severity": func(s Severity) string { return r.words.Severity[s] },
		"print":    func(a ...any) (string, error) { return r.format(fmt.Sprint, a) },
		"println":  func(a ...any) (string, error) { return r.format(fmt.Sprintln, a) },
		"printf": func(f string, a ...any) (string, error) {
			if unbounded(f) {
				return "", errors.New("printf: no *, no [, and widths of at most two digits")
			}
			return r.format(func(a ...any) string { return fmt.Sprintf(f, a...) }, a)
		},
		"html": refuse, "js": refuse, "urlquery": refuse, "call": refuse,
	}
}

// unbounded tells whether a format can make much of little: by a width, or by an argument that is said again.
func unbounded(format string) bool {
	digits := 0
	return strings.ContainsFunc(format, func(c rune) bool {
		if c < '0' || c > '9' {
			digits = 0
		} else {
			digits++
		}
		return c == '*' || c == '[' || digits > 2
	})
}

// format makes a text of strings, numbers and times. What would be more than may be spent is not made.
func (r *rendering) format(make func(...any) string, values []any) (string, error) {
	size := 0
	for _, v := range values {
		switch k := reflect.ValueOf(v); {
		case v == nil:
		case k.Kind() == reflect.String:
			size += k.Len()
		case k.Kind() == reflect.Bool || k.CanInt() || k.CanUint() || k.CanFloat():
			size += 100
		default:
			if _, ok := v.(time.Time); !ok {
				return "", fmt.Errorf("print: strings, numbers and times, not %T", v)
			}
			size += 100
		}
	}
	if size > r.work {
		return "", errTooMuch
	}
	return r.spend(make(values...))
}

func (r *rendering) replace(from, to, s string) (string, error) {
	if n := strings.Count(s, from); n*len(to) > r.work {
		return "", errTooMuch
	}
	return r.spend(strings.ReplaceAll(s, from, to))
}

func (r *rendering) join(list any, separator string) (string, error) {
	var parts []string
	switch l := list.(type) {
	case map[string]string:
		for _, name := range slices.Sorted(maps.Keys(l)) {
			parts = append(parts, name+"="+l[name])
		}
	case []string:
		parts = l
	case []Alert:
		for _, a := range l {
			parts = append(parts, a.Title)
		}
	default:
		return "", fmt.Errorf("join: it takes .Labels or .Alerts, not %T", list)
	}
	if len(parts)*len(separator) > r.work {
		return "", errTooMuch
	}
	return r.spend(strings.Join(parts, separator))
}

// numeral writes any kind of number; decimals below 0: as a percentage.
func (r *rendering) numeral(x any, decimals int) (string, error) {
	v := reflect.ValueOf(x)
	var f float64
	switch {
	case v.IsValid() && v.CanFloat():
		f = v.Float()
	case v.IsValid() && v.CanInt():
		f = float64(v.Int())
	default:
		return "", fmt.Errorf("%v is no number", x)
	}
	if decimals < 0 {
		return r.spend(r.words.percent(f))
	}
	return r.spend(r.words.number(f, decimals))
}
