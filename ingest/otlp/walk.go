package otlp

import (
	"bytes"
	"math"
	"strconv"

	"vigie/ingest/flatjson"
)

// walk stands on one member of an object, or one element of an array, after the other. The text is
// known to be valid JSON. What begins at Value is passed over by the next step, unless done said
// where it ends: so the text is read through once, but for what has to wait for its neighbours.
type walk struct {
	Key   []byte // of a member, without its quotes
	Value int    // where the value begins

	text []byte
	at   int // behind Value, or at it while it is open
	open bool
}

// within stands before the first member or element of what begins at at.
func within(text []byte, at int) walk { return walk{text: text, at: at + 1} }

// Next goes to the next one; behind the last one it reports false, and End is the end of all.
func (w *walk) Next() bool {
	if w.open {
		w.at, w.open = pass(w.text, w.at), false
	}
	for w.at < len(w.text) {
		switch w.text[w.at] {
		case ' ', '\t', '\r', '\n', ',':
			w.at++
		case ']', '}':
			return false
		default:
			w.Value, w.open = w.at, true
			return true
		}
	}
	return false
}

// Member is Next in an object.
func (w *walk) Member() bool {
	if !w.Next() {
		return false
	}
	end := pass(w.text, w.at)
	w.Key = w.text[w.at+1 : end-1]
	for w.at = end; w.at < len(w.text) && (w.text[w.at] == ':' || white(w.text[w.at])); {
		w.at++
	}
	if bytes.IndexByte(w.Key, '\\') >= 0 {
		w.Key = flatjson.Unescape(nil, w.Key)
	}
	w.Value = w.at
	return true
}

// Done says where the value ends.
func (w *walk) Done(end int) { w.at, w.open = end, false }

// End is behind the closing bracket, once Next has reported false.
func (w *walk) End() int { return w.at + 1 }

func white(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// pass is where the value that begins at at ends.
func pass(text []byte, at int) int {
	if at >= len(text) {
		return at
	}
	switch text[at] {
	case '"':
		return passString(text, at)
	case '{', '[':
	default:
		for at < len(text) && !white(text[at]) && text[at] != ',' && text[at] != ']' && text[at] != '}' {
			at++
		}
		return at
	}
	depth := 0
	for at < len(text) {
		switch text[at] {
		case '"':
			at = passString(text, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if at++; depth == 0 {
			return at
		}
	}
	return at
}

func passString(text []byte, at int) int {
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return at
}

// stringAt reads a string. Where it has escapes its text is appended to scratch.
func stringAt(text []byte, at int, scratch *[]byte) (s []byte, ok bool) {
	if text[at] != '"' {
		return nil, false
	}
	s = text[at+1 : pass(text, at)-1]
	if bytes.IndexByte(s, '\\') < 0 {
		return s, true
	}
	start := len(*scratch)
	*scratch = flatjson.Unescape(*scratch, s)
	return (*scratch)[start:], true
}

// numberAt is a number's text: protobuf's mapping puts those of 64 bits in quotes, and allows it
// for all.
func numberAt(text []byte, at int) []byte {
	end := pass(text, at)
	if text[at] == '"' {
		return text[at+1 : end-1]
	}
	return text[at:end]
}

// uintAt reads an integer that is not negative; as in protobuf's mapping 1e3 and 1.0 are some.
func uintAt(text []byte, at int) (uint64, bool) {
	b := numberAt(text, at)
	if v, err := strconv.ParseUint(string(b), 10, 64); err == nil {
		return v, true
	}
	v, ok := double(b)
	if !ok || v < 0 || v >= 1<<64 || v != math.Trunc(v) {
		return 0, false
	}
	return uint64(v), true
}

func intAt(text []byte, at int) (int64, bool) {
	b := numberAt(text, at)
	if v, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return v, true
	}
	v, ok := double(b)
	if !ok || v < math.MinInt64 || v >= 1<<63 || v != math.Trunc(v) {
		return 0, false
	}
	return int64(v), true
}

// doubleAt reads a number, "NaN", "Infinity" or "-Infinity".
func doubleAt(text []byte, at int) (float64, bool) {
	b := numberAt(text, at)
	if text[at] == '"' {
		switch string(b) {
		case "NaN":
			return math.NaN(), true
		case "Infinity":
			return math.Inf(1), true
		case "-Infinity":
			return math.Inf(-1), true
		}
	}
	return double(b)
}

// double reads a number as JSON writes it: strconv knows more.
func double(b []byte) (float64, bool) {
	for _, c := range b {
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil
}
