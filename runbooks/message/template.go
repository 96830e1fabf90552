package message

import (
	"fmt"
	"slices"
	"strings"
)

// maxVariable bounds a variable's name, in characters.
const maxVariable = 32

// part is a piece of a text: words as they are, or the name of a variable.
type part struct{ text, variable string }

// parse reads the variables of a text: {name}. There is no way to write a brace: no viewer needs one, and a message
// with one is a mistake.
func parse(text string) ([]part, error) {
	var parts []part
	for rest := text; rest != ""; {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			return append(parts, part{text: rest}), nil
		}
		end := strings.IndexAny(rest[at+1:], "{}")
		if rest[at] == '}' || end < 0 || rest[at+1+end] != '}' {
			return nil, fmt.Errorf("a brace stands alone near %q: a variable is written {name}", near(rest, at))
		}
		name := rest[at+1 : at+1+end]
		if !validName(name) {
			return nil, fmt.Errorf("{%.40s} is no variable: a name is 1 to %d of a-z, 0-9 and _ after a letter", name, maxVariable)
		}
		if at > 0 {
			parts = append(parts, part{text: rest[:at]})
		}
		parts = append(parts, part{variable: name})
		rest = rest[at+end+2:]
	}
	return parts, nil
}

// near is what stands around a place, for somebody to find it.
func near(text string, at int) string {
	before, after := []rune(text[:at]), []rune(text[at:])
	return string(before[max(0, len(before)-12):]) + string(after[:min(len(after), 12)])
}

func validName(name string) bool {
	return name != "" && len(name) <= maxVariable && 'a' <= name[0] && name[0] <= 'z' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// fill writes a text with each variable's value.
func fill(parts []part, value func(name string) string) string {
	var b strings.Builder
	for _, p := range parts {
		if p.variable == "" {
			b.WriteString(p.text)
		} else {
			b.WriteString(value(p.variable))
		}
	}
	return b.String()
}

// names are the variables of some texts, each once, in order. What cannot be read has none.
func names(texts ...string) []string {
	var all []string
	for _, text := range texts {
		parts, _ := parse(text)
		for _, p := range parts {
			if p.variable != "" {
				all = append(all, p.variable)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
