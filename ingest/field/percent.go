package field

import "bytes"

// Percent undoes percent-encoding; spaced also reads '+' as a space. It returns src itself when
// there is nothing to undo, else a slice of the grown scratch, which it returns too. A '%' that
// two hexadecimal digits do not follow stays.
func Percent(src, scratch []byte, spaced bool) (text, grown []byte) {
	spaced = spaced && bytes.IndexByte(src, '+') >= 0
	if !spaced && bytes.IndexByte(src, '%') < 0 {
		return src, scratch
	}
	start := len(scratch)
	for len(src) > 0 {
		run := bytes.IndexByte(src, '%')
		if run < 0 {
			run = len(src)
		}
		from := len(scratch)
		scratch = append(scratch, src[:run]...)
		if spaced {
			replace(scratch[from:], '+', ' ')
		}
		if src = src[run:]; len(src) == 0 {
			break
		}
		c, n := byte('%'), 1
		if len(src) > 2 {
			if x, ok := Hex(src[1], src[2]); ok {
				c, n = x, 3
			}
		}
		scratch = append(scratch, c)
		src = src[n:]
	}
	return scratch[start:len(scratch):len(scratch)], scratch
}

func replace(b []byte, old, with byte) {
	for i, c := range b {
		if c == old {
			b[i] = with
		}
	}
}

// Hex is the byte that two hexadecimal digits write.
func Hex(hi, lo byte) (byte, bool) {
	h, ok1 := nibble(hi)
	l, ok2 := nibble(lo)
	return h<<4 | l, ok1 && ok2
}

func nibble(c byte) (byte, bool) {
	switch {
	case c-'0' <= 9:
		return c - '0', true
	case c|0x20-'a' <= 5:
		return (c | 0x20) - 'a' + 10, true
	}
	return 0, false
}

// Upper writes a country code as ISO 3166-1 does. It returns src itself when that is how it came.
func Upper(src, scratch []byte) (text, grown []byte) {
	if len(src) != 2 || src[0] < 'a' && src[1] < 'a' {
		return src, scratch
	}
	start := len(scratch)
	for _, c := range src {
		if c-'a' <= 'z'-'a' {
			c -= 'a' - 'A'
		}
		scratch = append(scratch, c)
	}
	return scratch[start:len(scratch):len(scratch)], scratch
}
