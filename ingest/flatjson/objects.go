// Package flatjson walks over the flat JSON objects (RFC 8259) of a log payload, member by member
// and in one pass, without building anything.
//
// Objects may be one per line, several on a line, the elements of arrays, or spread over lines, and
// all of these mixed: what stands between objects ('[', ']', ',' and white space) is only
// skipped. An object ends on the line it begins on, unless nothing follows its '{' there; so a line
// that is cut costs itself alone.
//
// It is more tolerant than the RFC, since one odd value must not cost a record: bare words and
// missing values are taken as they are, unknown escapes are kept, \xHH is read (nginx writes it
// when escape=json was forgotten), and text need not be UTF-8. On valid JSON it agrees with
// encoding/json but for unpaired surrogates and invalid UTF-8. Nested values are skipped, and
// nothing but their brackets and strings is looked at.
package flatjson

import (
	"bytes"

	"vigie/ingest/record"
	"vigie/internal/event"
)

// Reasons of refusals.
const (
	NotObject = "json: not an object"
	NotClosed = "json: object not closed"
	BadKey    = "json: key expected"
	BadColon  = "json: colon expected"
	BadComma  = "json: comma or closing brace expected"
	BadString = "json: string not closed"
	TooDeep   = "json: nested too deep"
)

// maxDepth bounds the nesting of a value that is skipped, and so how often the same bytes can be
// looked at again after a failure.
const maxDepth = 32

// Kind is the JSON type of a value.
type Kind uint8

const (
	Missing Kind = iota // nothing between the colon and the next comma
	String
	Bare // number, true, false, or any other word that is not quoted
	Null
	Nested
)

// Objects reads the objects of a payload:
//
//	objects := flatjson.New(payload)
//	for objects.Next(to) {
//		for objects.Member() {
//			… objects.Key, objects.Text() …
//		}
//		if objects.Refused(to) {
//			continue
//		}
//		…
//	}
//
// Members arrive before it is known whether the object is whole, so what they fill must not be used
// until Refused has said no.
type Objects struct {
	Key   []byte // of the current member, escapes undone
	Kind  Kind   // of its value
	Value []byte // as it stands: of a string, what is between its quotes

	payload []byte
	start   int // of the current object
	at      int // next byte to read
	line    int // end of the line that start is on; -1 when not known yet
	limit   int // where the current object must have ended
	spread  bool
	escaped bool // Value has escapes
	first   bool // no member was read yet
	reason  string
	scratch []byte
}

// New starts at the beginning of payload, which must not change while its objects are in use.
func New(payload []byte) Objects {
	o := Objects{payload: payload, line: -1}
	if bytes.HasPrefix(payload, []byte("\xef\xbb\xbf")) {
		o.at = 3
	}
	return o
}

// Next moves to the next object, and refuses what stands before it and is none. What Key and Text
// have returned is no longer valid.
func (o *Objects) Next(to event.Sink) bool {
	p := o.payload
	for {
		for o.at < len(p) && between(p[o.at]) {
			o.at++
		}
		if o.at >= len(p) {
			return false
		}
		if o.line < o.at {
			o.line = lineEnd(p, o.at)
		}
		o.start = o.at
		if p[o.at] == '{' {
			break
		}
		o.at = o.line
		reason := NotObject
		if o.line-o.start > record.Max {
			reason = record.TooLong
		}
		record.Refuse(to, p, o.start, o.line, reason)
	}
	o.at++
	for o.at < o.line && white(p[o.at]) {
		o.at++
	}
	o.spread = o.at == o.line
	end := o.line
	if o.spread {
		end = len(p)
	}
	o.limit = min(end, o.start+record.Max)
	o.first = true
	o.reason = ""
	o.scratch = o.scratch[:0]
	return true
}

// Member moves to the next member of the current object. It reports false at the end of the object
// and where it cannot be read; Refused tells which.
func (o *Objects) Member() bool {
	p := o.payload[:o.limit]
	at := space(p, o.at)
	if at < len(p) && p[at] == '}' {
		o.at = at + 1
		return false
	}
	if !o.first {
		if at >= len(p) {
			return o.fail(NotClosed)
		}
		if p[at] != ',' {
			return o.fail(BadComma)
		}
		at = space(p, at+1)
	}
	o.first = false
	if at >= len(p) {
		return o.fail(NotClosed)
	}
	if p[at] != '"' {
		return o.fail(BadKey)
	}
	end, escaped := o.quote(p, at+1)
	if end < 0 {
		return o.fail(BadString)
	}
	if o.Key = p[at+1 : end]; escaped {
		o.Key = o.unescape(o.Key)
	}
	at = end + 1
	if at >= len(p) || p[at] != ':' {
		if at = space(p, at); at >= len(p) || p[at] != ':' {
			return o.fail(BadColon)
		}
	}
	return o.value(p, space(p, at+1))
}

func (o *Objects) value(p []byte, at int) bool {
	if at >= len(p) {
		return o.fail(NotClosed)
	}
	switch p[at] {
	case '"':
		end, escaped := o.quote(p, at+1)
		if end < 0 {
			return o.fail(BadString)
		}
		o.Kind, o.Value, o.escaped = String, p[at+1:end], escaped
		o.at = end + 1
	case '{', '[':
		end, reason := nested(p, at)
		if reason != "" {
			return o.fail(reason)
		}
		o.Kind, o.Value, o.escaped = Nested, p[at:end], false
		o.at = end
	default:
		end := at
		for end < len(p) && bare(p[end]) {
			end++
		}
		o.Value, o.escaped = p[at:end], false
		switch {
		case end == at:
			o.Kind = Missing
		case string(o.Value) == "null":
			o.Kind = Null
		default:
			o.Kind = Bare
		}
		o.at = end
	}
	return true
}

// quote is the function of that name, but that a string must end on its line.
func (o *Objects) quote(p []byte, at int) (end int, escaped bool) {
	end, escaped = quote(p, at)
	if o.spread && end > 0 && bytes.IndexByte(p[at:end], '\n') >= 0 {
		return -1, escaped
	}
	return end, escaped
}

// Text is the current value with its escapes undone: of a string its content, of a bare word the
// word, nil for null, for nothing and for what is nested. It is valid until Next.
func (o *Objects) Text() []byte {
	switch {
	case o.Kind == Bare || o.Kind == String && !o.escaped:
		return o.Value
	case o.Kind == String:
		return o.unescape(o.Value)
	}
	return nil
}

// Refused reports whether the current object could not be read, and then refuses it. The next one
// is looked for behind its closing brace where that can be found, else on a following line.
func (o *Objects) Refused(to event.Sink) bool {
	if o.reason == "" {
		return false
	}
	o.Refuse(to, o.reason)
	return true
}

// Refuse tells to why the current object, whole as JSON, is no record.
func (o *Objects) Refuse(to event.Sink, reason string) {
	record.Refuse(to, o.payload, o.start, o.at, reason)
}

// fail ends the current object, and finds where to go on.
func (o *Objects) fail(reason string) bool {
	if o.limit == o.start+record.Max && (reason == NotClosed || reason == BadString) {
		reason = record.TooLong
	}
	o.reason = reason
	if o.spread {
		o.at = nextObject(o.payload, o.line)
		return false
	}
	o.at = o.line
	if end, reason := nested(o.payload[:o.line], o.start); reason == "" {
		o.at = end
	}
	return false
}

// nextObject is the start of the first line from at on that begins with an object.
func nextObject(p []byte, at int) int {
	for at < len(p) {
		i := at + 1
		for i < len(p) && p[i] != '\n' && between(p[i]) {
			i++
		}
		if i < len(p) && p[i] == '{' {
			return i
		}
		at = lineEnd(p, i)
	}
	return len(p)
}

func lineEnd(p []byte, at int) int {
	if i := bytes.IndexByte(p[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(p)
}

func white(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// between says whether c may stand between objects.
func between(c byte) bool { return white(c) || c == ',' || c == '[' || c == ']' || c == 0 }

func bare(c byte) bool {
	return c > ' ' && c != ',' && c != '}' && c != ']' && c != '"' && c != '{' && c != '['
}

func space(p []byte, at int) int {
	for at < len(p) && p[at] <= ' ' && white(p[at]) {
		at++
	}
	return at
}
