package rule

import (
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// compiler makes functions of a condition that expr has read and whose types it has checked.
type compiler struct {
	where   places
	uses    mask
	guarded mask // known() is asked of them
}

type (
	truth  = func(*facts) bool
	amount = func(*facts) float64
	words  = func(*facts) string
)

func (c *compiler) truth(n ast.Node) (truth, error) {
	switch n := n.(type) {
	case *ast.BoolNode:
		return func(*facts) bool { return n.Value }, nil
	case *ast.IdentifierNode:
		if n.Value == "playing" {
			return func(f *facts) bool { return f.playing }, nil
		}
	case *ast.UnaryNode:
		if n.Operator == "!" || n.Operator == "not" {
			inner, err := c.truth(n.Node)
			if err != nil {
				return nil, err
			}
			return func(f *facts) bool { return !inner(f) }, nil
		}
	case *ast.ConditionalNode:
		return choose(c, n, c.truth)
	case *ast.CallNode:
		return c.known(n)
	case *ast.BinaryNode:
		return c.compare(n)
	}
	return nil, unsupported(n)
}

func (c *compiler) amount(n ast.Node) (amount, error) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		v := float64(n.Value)
		return func(*facts) float64 { return v }, nil
	case *ast.FloatNode:
		return func(*facts) float64 { return n.Value }, nil
	case *ast.IdentifierNode:
		if v := slices.Index(numberNames[:], n.Value); v >= 0 {
			c.uses |= 1 << v
			return func(f *facts) float64 { return f.number[v] }, nil
		}
	case *ast.UnaryNode:
		inner, err := c.amount(n.Node)
		switch {
		case err != nil:
			return nil, err
		case n.Operator == "+":
			return inner, nil
		case n.Operator == "-":
			return func(f *facts) float64 { return -inner(f) }, nil
		}
	case *ast.ConditionalNode:
		return choose(c, n, c.amount)
	case *ast.CallNode:
		return c.function(n)
	case *ast.BinaryNode:
		a, b, err := pair(n, c.amount)
		if err != nil {
			return nil, err
		}
		switch n.Operator {
		case "+":
			return func(f *facts) float64 { return a(f) + b(f) }, nil
		case "-":
			return func(f *facts) float64 { return a(f) - b(f) }, nil
		case "*":
			return func(f *facts) float64 { return a(f) * b(f) }, nil
		case "/":
			return func(f *facts) float64 { return a(f) / b(f) }, nil
		case "**", "^":
			return func(f *facts) float64 { return math.Pow(a(f), b(f)) }, nil
		}
	}
	return nil, unsupported(n)
}

func (c *compiler) words(n ast.Node) (words, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return func(*facts) string { return n.Value }, nil
	case *ast.IdentifierNode:
		if n.Value == "phase" {
			return func(f *facts) string { return f.phase }, nil
		}
	case *ast.ConditionalNode:
		return choose(c, n, c.words)
	case *ast.MemberNode:
		return c.label(n)
	}
	return nil, unsupported(n)
}

// label finds out now where a label's value will be.
func (c *compiler) label(n *ast.MemberNode) (words, error) {
	labels, ok := n.Node.(*ast.IdentifierNode)
	name, constant := n.Property.(*ast.StringNode)
	if !ok || !constant || labels.Value != "labels" || n.Optional {
		return nil, unsupported(n)
	}
	i, text, ok := c.where.find(name.Value)
	switch {
	case !ok:
		return nil, misplaced(n, "there is no label %q here: the rule is divided by %s", name.Value, orNothing(c.where.by))
	case i < 0:
		return func(*facts) string { return text }, nil
	}
	return func(f *facts) string {
		if i < len(f.values) {
			return f.values[i]
		}
		return ""
	}, nil
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func (c *compiler) known(n *ast.CallNode) (truth, error) {
	if callee(n) != "known" {
		return nil, unsupported(n)
	}
	name, _ := n.Arguments[0].(*ast.IdentifierNode)
	if name != nil {
		if v := slices.Index(numberNames[:alwaysKnown], name.Value); v >= 0 {
			c.uses |= 1 << v
			c.guarded |= 1 << v
			return func(f *facts) bool { return f.unknown>>v&1 == 0 }, nil
		}
	}
	return nil, misplaced(n, "known() is asked of one of %s", strings.Join(numberNames[:alwaysKnown], ", "))
}

func (c *compiler) function(n *ast.CallNode) (amount, error) {
	args := make([]amount, len(n.Arguments))
	for i, a := range n.Arguments {
		var err error
		if args[i], err = c.amount(a); err != nil {
			return nil, err
		}
	}
	switch callee(n) {
	case "abs":
		return func(f *facts) float64 { return math.Abs(args[0](f)) }, nil
	case "min":
		return fold(args, math.Min), nil
	case "max":
		return fold(args, math.Max), nil
	}
	return nil, unsupported(n)
}

func fold(args []amount, with func(a, b float64) float64) amount {
	return func(f *facts) float64 {
		v := args[0](f)
		for _, a := range args[1:] {
			v = with(v, a(f))
		}
		return v
	}
}

func callee(n *ast.CallNode) string {
	if name, ok := n.Callee.(*ast.IdentifierNode); ok {
		return name.Value
	}
	return ""
}

// compare compiles what has two sides and is true or not.
func (c *compiler) compare(n *ast.BinaryNode) (truth, error) {
	switch n.Operator {
	case "and", "&&":
		a, b, err := pair(n, c.truth)
		return func(f *facts) bool { return a(f) && b(f) }, err
	case "or", "||":
		a, b, err := pair(n, c.truth)
		return func(f *facts) bool { return a(f) || b(f) }, err
	case "in":
		return c.among(n)
	case "contains":
		a, b, err := pair(n, c.words)
		return func(f *facts) bool { return strings.Contains(a(f), b(f)) }, err
	case "startsWith":
		a, b, err := pair(n, c.words)
		return func(f *facts) bool { return strings.HasPrefix(a(f), b(f)) }, err
	case "endsWith":
		a, b, err := pair(n, c.words)
		return func(f *facts) bool { return strings.HasSuffix(a(f), b(f)) }, err
	case "matches":
		pattern, ok := n.Right.(*ast.StringNode)
		if !ok {
			return nil, misplaced(n.Right, "matches wants a pattern between quotation marks")
		}
		re, err := regexp.Compile(pattern.Value)
		if err != nil {
			return nil, misplaced(n.Right, "%v", err)
		}
		a, err := c.words(n.Left)
		return func(f *facts) bool { return re.MatchString(a(f)) }, err
	}
	left, right := kindOf(n.Left), kindOf(n.Right)
	switch {
	case left == reflect.Bool && right == reflect.Bool:
		a, b, err := pair(n, c.truth)
		switch {
		case err != nil:
			return nil, err
		case n.Operator == "==":
			return func(f *facts) bool { return a(f) == b(f) }, nil
		case n.Operator == "!=":
			return func(f *facts) bool { return a(f) != b(f) }, nil
		}
	case left == reflect.String && right == reflect.String:
		a, b, err := pair(n, c.words)
		switch {
		case err != nil:
			return nil, err
		case n.Operator == "==":
			return func(f *facts) bool { return a(f) == b(f) }, nil
		case n.Operator == "!=":
			return func(f *facts) bool { return a(f) != b(f) }, nil
		}
	case isNumber(left) && isNumber(right):
		a, b, err := pair(n, c.amount)
		if err != nil {
			return nil, err
		}
		switch n.Operator {
		case "==":
			return func(f *facts) bool { return a(f) == b(f) }, nil
		case "!=":
			return func(f *facts) bool { return a(f) != b(f) }, nil
		case "<":
			return func(f *facts) bool { return a(f) < b(f) }, nil
		case "<=":
			return func(f *facts) bool { return a(f) <= b(f) }, nil
		case ">":
			return func(f *facts) bool { return a(f) > b(f) }, nil
		case ">=":
			return func(f *facts) bool { return a(f) >= b(f) }, nil
		}
	}
	return nil, unsupported(n)
}

func isNumber(k reflect.Kind) bool { return k == reflect.Float64 || k == reflect.Int }

// among compiles x in ["a", "b"] and x in [1, 2].
func (c *compiler) among(n *ast.BinaryNode) (truth, error) {
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		return nil, misplaced(n.Right, `in wants a list, as in phase in ["first_half", "second_half"]`)
	}
	if isNumber(kindOf(n.Left)) {
		return contained(n.Left, list.Nodes, c.amount)
	}
	return contained(n.Left, list.Nodes, c.words)
}

func contained[T comparable](left ast.Node, list []ast.Node, compile func(ast.Node) (func(*facts) T, error)) (truth, error) {
	one, err := compile(left)
	if err != nil {
		return nil, err
	}
	all := make([]func(*facts) T, len(list))
	for i, entry := range list {
		if all[i], err = compile(entry); err != nil {
			return nil, err
		}
	}
	return func(f *facts) bool {
		v := one(f)
		for _, of := range all {
			if of(f) == v {
				return true
			}
		}
		return false
	}, nil
}

// pair compiles both sides alike.
func pair[T any](n *ast.BinaryNode, compile func(ast.Node) (func(*facts) T, error)) (a, b func(*facts) T, err error) {
	if a, err = compile(n.Left); err == nil {
		b, err = compile(n.Right)
	}
	return a, b, err
}

func choose[T any](c *compiler, n *ast.ConditionalNode, compile func(ast.Node) (func(*facts) T, error)) (func(*facts) T, error) {
	cond, err := c.truth(n.Cond)
	if err != nil {
		return nil, err
	}
	a, err := compile(n.Exp1)
	if err != nil {
		return nil, err
	}
	b, err := compile(n.Exp2)
	return func(f *facts) T {
		if cond(f) {
			return a(f)
		}
		return b(f)
	}, err
}

func unsupported(n ast.Node) error {
	text := n.String()
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return misplaced(n, "%s is nothing that a condition can say", text)
}
