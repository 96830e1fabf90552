package web

import (
	"strings"
	"unicode"
)

// condition is an expression of a rule as people read it: names become words, operators their signs. What
// it does not know stays as it is, and the expression itself is shown beside it.
func (r alertsReader) condition(code, signal string) string {
	var b strings.Builder
	runes := []rune(foreign(strings.Join(strings.Fields(code), " "), 500))
	for i := 0; i < len(runes); {
		c := runes[i]
		switch {
		case unicode.IsLetter(c) || c == '_':
			from := i
			for i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]) || runes[i] == '_' || runes[i] == '.') {
				i++
			}
			name := string(runes[from:i])
			if text, ok := r.texts["alerts.word."+name]; ok {
				name = text
			}
			b.WriteString(name)
		case c == '"' || c == '\'':
			from := i
			for i++; i < len(runes) && runes[i] != c; i++ {
			}
			i = min(i+1, len(runes))
			text := strings.Trim(string(runes[from:i]), `"'`)
			if known, ok := r.texts["phase."+text]; ok {
				text = known
			}
			b.WriteString(r.T("alerts.quoted", "text", text))
		case unicode.IsDigit(c):
			from := i
			for i < len(runes) && (unicode.IsDigit(runes[i]) || runes[i] == '.' || runes[i] == '_') {
				i++
			}
			b.WriteString(strings.ReplaceAll(strings.ReplaceAll(string(runes[from:i]), "_", ""), ".", r.decimal))
		default:
			sign := string(c)
			if i+1 < len(runes) {
				if two, ok := twoSigns[string(runes[i:i+2])]; ok {
					if text, known := r.texts["alerts.word."+two]; known {
						two = text
					}
					b.WriteString(two)
					i += 2
					continue
				}
			}
			i++
			switch c {
			case '*':
				sign = "×"
			case '-':
				sign = "−"
			case '!':
				sign = r.T("alerts.word.not") + " "
			}
			b.WriteString(sign)
		}
	}
	return b.String()
}

// twoSigns are the operators of two characters; those that are words have a text.
var twoSigns = map[string]string{"&&": "and", "||": "or", ">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}
