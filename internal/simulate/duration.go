package simulate

import (
	"fmt"
	"reflect"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// durations finds the first value in a scenario's text that is no duration under a key that wants
// one. The YAML decoder's own error for it names neither the key nor the line.
type durations struct {
	keys map[string]bool
	err  error
}

func checkDurations(text []byte) error {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil // the decoder says it better
	}
	d := &durations{keys: map[string]bool{}}
	d.collect(reflect.TypeFor[Scenario]())
	for _, doc := range file.Docs {
		if doc.Body != nil {
			ast.Walk(d, doc.Body)
		}
	}
	return d.err
}

// collect learns the keys from the types: each names durations wherever it appears.
func (d *durations) collect(t reflect.Type) {
	for i := range t.NumField() {
		field, of := t.Field(i), t.Field(i).Type
		if of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		switch {
		case of == reflect.TypeFor[time.Duration]():
			d.keys[field.Tag.Get("yaml")] = true
		case of.Kind() == reflect.Struct && of != reflect.TypeFor[time.Time]():
			d.collect(of)
		}
	}
}

// Visit implements ast.Visitor.
func (d *durations) Visit(n ast.Node) ast.Visitor {
	pair, ok := n.(*ast.MappingValueNode)
	if !ok || !d.keys[pair.Key.String()] || d.err != nil {
		return d
	}
	values := []ast.Node{pair.Value}
	if list, ok := pair.Value.(*ast.SequenceNode); ok {
		values = list.Values
	}
	for _, v := range values {
		text, ok := v.(*ast.StringNode)
		if !ok {
			continue
		}
		if _, err := time.ParseDuration(text.Value); err != nil && d.err == nil {
			at := text.GetToken().Position
			d.err = fmt.Errorf("[%d:%d] %s: %q is not a duration such as 90s or 1h30m", at.Line, at.Column, pair.Key, text.Value)
		}
	}
	return d
}
