package flatjson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"vigie/ingest/field"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// quote returns the index of the quote that closes the string whose content starts at at, or -1,
// and whether there are escapes before it. It looks at eight bytes at a time: strings of a log line
// are too short for bytes.IndexByte to pay off.
func quote(p []byte, at int) (end int, escaped bool) {
	for at+8 <= len(p) {
		w := binary.LittleEndian.Uint64(p[at:])
		q, s := w^(ones*'"'), w^(ones*'\\')
		// A byte's high bit is set where it was zero; the lowest that is set is always right.
		m := ((q-ones)&^q | (s-ones)&^s) & highs
		if m == 0 {
			at += 8
			continue
		}
		at += bits.TrailingZeros64(m) >> 3
		if p[at] == '"' {
			return at, escaped
		}
		escaped = true
		at += 2
	}
	for at < len(p) {
		switch p[at] {
		case '"':
			return at, escaped
		case '\\':
			escaped = true
			at++
		}
		at++
	}
	return -1, escaped
}

// nested returns the end of the object or array that starts at at.
func nested(p []byte, at int) (end int, reason string) {
	var kinds uint64 // a bit per open bracket, the innermost lowest: 1 is a brace
	depth := 0
	for at < len(p) {
		c := p[at]
		at++
		switch c {
		case '"':
			if at, _ = quote(p, at); at < 0 {
				return 0, BadString
			}
			at++
		case '{', '[':
			if depth++; depth > maxDepth {
				return 0, TooDeep
			}
			kinds = kinds<<1 | uint64(c>>5&1)
		case '}', ']':
			if kinds&1 != uint64(c>>5&1) {
				return 0, BadComma
			}
			kinds >>= 1
			if depth--; depth == 0 {
				return at, ""
			}
		}
	}
	return 0, NotClosed
}

// unescape undoes the escapes of a string in the scratch space. Earlier results stay as they are:
// when the space moves, they keep the old one.
func (o *Objects) unescape(raw []byte) []byte {
	start := len(o.scratch)
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' || i+1 == len(raw) {
			o.scratch = append(o.scratch, c)
			continue
		}
		i++
		switch c = raw[i]; c {
		case '"', '\\', '/':
			o.scratch = append(o.scratch, c)
		case 'b':
			o.scratch = append(o.scratch, '\b')
		case 'f':
			o.scratch = append(o.scratch, '\f')
		case 'n':
			o.scratch = append(o.scratch, '\n')
		case 'r':
			o.scratch = append(o.scratch, '\r')
		case 't':
			o.scratch = append(o.scratch, '\t')
		case 'x':
			if i+2 < len(raw) {
				if x, ok := field.Hex(raw[i+1], raw[i+2]); ok {
					o.scratch = append(o.scratch, x)
					i += 2
					continue
				}
			}
			o.scratch = append(o.scratch, '\\', c)
		case 'u':
			r, n := codePoint(raw[i+1:])
			if n == 0 {
				o.scratch = append(o.scratch, '\\', c)
				continue
			}
			o.scratch = utf8.AppendRune(o.scratch, r)
			i += n
		default:
			o.scratch = append(o.scratch, '\\', c)
		}
	}
	return o.scratch[start:len(o.scratch):len(o.scratch)]
}

// codePoint reads the four digits behind \u, and the second half of a surrogate pair. It returns
// how many bytes that took, 0 when there are no four digits.
func codePoint(b []byte) (rune, int) {
	r, ok := four(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(b) >= 10 && b[4] == '\\' && b[5] == 'u' {
		if low, ok := four(b[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 10
			}
		}
	}
	return utf8.RuneError, 4
}

func four(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	hi, ok1 := field.Hex(b[0], b[1])
	lo, ok2 := field.Hex(b[2], b[3])
	return rune(hi)<<8 | rune(lo), ok1 && ok2
}
