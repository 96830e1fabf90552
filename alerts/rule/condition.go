package rule

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"vigie/internal/match"
)

// Conditions are written in expr, without its builtins, loops and variables of one's own: comparisons,
// arithmetic, and, or, not, ?:, in [..], contains, startsWith, endsWith, matches "…", labels.cdn, and the
// functions known(x), abs(x), min(x, …), max(x, …). expr reads them and checks their types; functions of ours
// (compile.go) say what they hold, for an evaluation of expr's costs half a microsecond and six allocations, and
// a second of all rules is a hundred thousand of them. A test holds both against each other.

// number is a variable that is a number.
type number uint8

const (
	ofValue number = iota
	ofSample
	ofUsual
	ofSpread
	ofZ
	ofChange
	ofForecast
	ofEarlier
	ofViewers
	ofK
	ofFloorFactor
	ofSensitivity
	ofMinute
	ofCriticality
	ofOver
	numbersCount

	alwaysKnown = ofK // this one and those after it
)

var numberNames = [numbersCount]string{"value", "sample", "usual", "spread", "z", "change", "forecast", "earlier", "viewers",
	"k", "floor_factor", "sensitivity", "minute", "criticality", "over"}

// mask is a set of numbers.
type mask uint32

func (m mask) has(n number) bool { return m>>n&1 != 0 }

// first is the name of the first of them, for people.
func (m mask) first() Reason {
	if m == 0 {
		return ""
	}
	for n, name := range numberNames {
		if m.has(number(n)) {
			return Reason(name)
		}
	}
	return ""
}

// facts are what a condition is about.
type facts struct {
	number  [numbersCount]float64
	unknown mask // of numbers
	phase   string
	playing bool
	values  []string // of the group's dimensions, sorted by their names
}

// farthest bounds z and change where the usual knows no spread, or is zero.
const farthest = 1e6

// read takes what a group showed.
func (f *facts) read(r *Reading) {
	n := &f.number
	n[ofValue], n[ofSample], n[ofUsual], n[ofSpread] = r.Value, r.Sample, r.Usual, r.Spread
	n[ofForecast], n[ofEarlier], n[ofViewers] = r.Forecast, r.Earlier, r.Viewers
	n[ofZ] = quotient(r.Value-r.Usual, r.Spread)
	n[ofChange] = quotient(r.Value-r.Usual, r.Usual)
	f.unknown = 0
	for i := range alwaysKnown {
		if n[i]-n[i] != 0 { // NaN or infinite
			f.unknown |= 1 << i
		}
	}
}

// quotient is a/b for a that is measured in b: nothing is 0 of nothing, and something is very much of it.
func quotient(a, b float64) float64 {
	switch {
	case a == 0 && b == 0:
		return 0
	case b == 0:
		return math.Copysign(farthest, a)
	}
	return min(max(a/b, -farthest), farthest)
}

// at takes what is the same for all.
func (f *facts) at(m *Moment) {
	f.phase, f.playing = string(m.Phase), playing(m.Phase)
	f.number[ofMinute], f.number[ofCriticality] = float64(m.Minute), float64(m.Criticality)
}

// by takes what the dial says.
func (f *facts) by(s *Setting, overSeconds float64) {
	f.number[ofK], f.number[ofFloorFactor], f.number[ofSensitivity], f.number[ofOver] = s.K, s.Floor, float64(s.Dial), overSeconds
}

// playing tells whether the ball is in play.
func playing(p match.Phase) bool {
	from, to := p.Minutes()
	return from < to || p == match.PhasePenalties
}

// condition is one that was compiled.
type condition struct {
	holds func(*facts) bool
	uses  mask // variables in it
	needs mask // those that must be known, for nothing in it asks known() of them
}

// maxCondition bounds a condition, in characters; maxNodes in parts.
const (
	maxCondition = 1000
	maxNodes     = 300
)

// places says where a label's value is found: a dimension's index, or a text that is always the same.
type places struct {
	by     []string // sorted
	labels map[string]string
}

// vocabulary is what conditions may name, as expr wants to know it.
var vocabulary = func() []expr.Option {
	names := map[string]any{"phase": "", "playing": false, "labels": map[string]string{}}
	for _, name := range numberNames {
		names[name] = 0.0
	}
	never := func(...any) (any, error) { return nil, errors.ErrUnsupported }
	return []expr.Option{
		expr.Env(names), expr.AsBool(), expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes), expr.Optimize(false),
		expr.Function("known", never, new(func(float64) bool)),
		expr.Function("abs", never, new(func(float64) float64)),
		expr.Function("min", never, new(func(float64, ...float64) float64)),
		expr.Function("max", never, new(func(float64, ...float64) float64)),
	}
}()

// parseCondition reads a condition; its error is one line that tells the place.
func parseCondition(source string, where places) (*condition, error) {
	if len([]rune(source)) > maxCondition {
		return nil, fmt.Errorf("is longer than %d characters", maxCondition)
	}
	program, err := expr.Compile(source, vocabulary...)
	if err != nil {
		return nil, oneLine(source, err)
	}
	c := compiler{where: where}
	holds, err := c.truth(program.Node())
	if err != nil {
		return nil, oneLine(source, err)
	}
	return &condition{holds: holds, uses: c.uses, needs: c.uses &^ c.guarded & (1<<alwaysKnown - 1)}, nil
}

// oneLine is an error of expr without the drawing of the place.
func oneLine(source string, err error) error {
	text := err.Error()
	if f, ok := errors.AsType[*file.Error](err); ok {
		place := *f
		place.Bind(file.NewSource(source))
		text = fmt.Sprintf("%s (line %d, column %d)", f.Message, place.Line, place.Column+1)
	}
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return errors.New(text)
}

func misplaced(n ast.Node, format string, args ...any) error {
	return &file.Error{Location: n.Location(), Message: fmt.Sprintf(format, args...)}
}

// find is the index of a dimension, or -1 and the text of a label.
func (p places) find(name string) (index int, text string, ok bool) {
	if i := slices.Index(p.by, name); i >= 0 {
		return i, "", true
	}
	text, ok = p.labels[name]
	return -1, text, ok
}

func kindOf(n ast.Node) reflect.Kind {
	if t := n.Type(); t != nil {
		return t.Kind()
	}
	return reflect.Invalid
}
