package flatjson

import "vigie/internal/event"

// Deep walks over the same objects as Objects, in one pass too, and can go into the objects that
// are values of members. A value that is an object or an array is not looked at before it is either
// gone into or passed over, so Value is nil then. What is malformed inside costs the whole
// object, as it does for Objects.
type Deep struct {
	Objects
	Depth int // of the current member; 0: of the object itself

	open int  // objects gone into and not left yet
	skip bool // at is the first byte of a nested value that nobody has looked at
}

// NewDeep starts at the beginning of payload, which must not change while its objects are in use.
func NewDeep(payload []byte) Deep { return Deep{Objects: New(payload)} }

// Next is Objects.Next.
func (d *Deep) Next(to event.Sink) bool {
	d.open, d.skip = 0, false
	return d.Objects.Next(to)
}

// Enter goes into the current value: the next members are its own, one deeper, until Depth is
// smaller again. It reports false when the value is no object, or nested deeper than 32.
func (d *Deep) Enter() bool {
	if !d.skip || d.payload[d.at] != '{' || d.open == maxDepth {
		return false
	}
	d.open, d.skip, d.first = d.open+1, false, true
	d.at++
	return true
}

// Member is Objects.Member.
func (d *Deep) Member() bool {
	p := d.payload[:d.limit]
	if d.skip {
		end, reason := nested(p, d.at)
		if reason != "" {
			return d.fail(reason)
		}
		d.at, d.skip = end, false
	}
	at := space(p, d.at)
	for at < len(p) && p[at] == '}' {
		d.at = at + 1
		if d.open == 0 {
			return false
		}
		d.open, d.first = d.open-1, false
		at = space(p, d.at)
	}
	if !d.first {
		if at >= len(p) {
			return d.fail(NotClosed)
		}
		if p[at] != ',' {
			return d.fail(BadComma)
		}
		at = space(p, at+1)
	}
	d.first = false
	if at >= len(p) {
		return d.fail(NotClosed)
	}
	if p[at] != '"' {
		return d.fail(BadKey)
	}
	end, escaped := d.quote(p, at+1)
	if end < 0 {
		return d.fail(BadString)
	}
	if d.Key = p[at+1 : end]; escaped {
		d.Key = d.unescape(d.Key)
	}
	at = end + 1
	if at >= len(p) || p[at] != ':' {
		if at = space(p, at); at >= len(p) || p[at] != ':' {
			return d.fail(BadColon)
		}
	}
	d.Depth = d.open
	if at = space(p, at+1); at < len(p) && (p[at] == '{' || p[at] == '[') {
		d.Kind, d.Value, d.escaped = Nested, nil, false
		d.at, d.skip = at, true
		return true
	}
	return d.value(p, at)
}

// Span is where the current object stands in the payload, once Member has reported false.
func (o *Objects) Span() (start, end int) { return o.start, o.at }
