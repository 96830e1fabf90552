package sms

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Decode reads JSON of a provider's whose form is configured; numbers stay as they are written.
func Decode(body []byte) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	err := d.Decode(&v)
	return v, err
}

// At is what a decoded value has at path: names and positions in arrays, joined by full stops, as results.0.id. nil:
// there is nothing.
func At(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch of := v.(type) {
		case map[string]any:
			v = of[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(of) {
				return nil
			}
			v = of[i]
		default:
			return nil
		}
	}
	return v
}

// Text is a decoded value as text; "" for what is none: an object, an array, null.
func Text(v any) string {
	switch of := v.(type) {
	case string:
		return of
	case json.Number:
		return of.String()
	case bool:
		return strconv.FormatBool(of)
	}
	return ""
}
