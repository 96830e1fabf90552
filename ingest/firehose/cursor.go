package firehose

import "bytes"

const maxDepth = 32 // of values that are skipped

// cursor reads JSON (RFC 8259) from b, whose strings can be megabytes long. Its methods report
// false where b is not what they read; at is then where that was seen.
type cursor struct {
	b  []byte
	at int
}

// next skips white space and returns the byte behind it, 0 at the end.
func (c *cursor) next() byte {
	for ; c.at < len(c.b); c.at++ {
		if ch := c.b[c.at]; ch != ' ' && ch != '\t' && ch != '\n' && ch != '\r' {
			return ch
		}
	}
	return 0
}

// take goes behind ch, which must come next.
func (c *cursor) take(ch byte) bool {
	if c.next() != ch || c.at >= len(c.b) {
		return false
	}
	c.at++
	return true
}

// text reads a string, which ends on its line, and returns what stands between its quotes.
func (c *cursor) text() (raw []byte, ok bool) {
	if c.next() != '"' {
		return nil, false
	}
	start := c.at + 1
	for at := start; ; {
		i := bytes.IndexByte(c.b[at:], '"')
		if i < 0 {
			return nil, false
		}
		at += i
		escapes := 0
		for at-escapes > start && c.b[at-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			if raw = c.b[start:at]; bytes.IndexByte(raw, '\n') >= 0 {
				return nil, false // it was cut, and this is the quote of something else
			}
			c.at = at + 1
			return raw, true
		}
		at++
	}
}

// skip reads any value. Of what is nested it looks at brackets and strings only.
func (c *cursor) skip() bool {
	depth := 0
	for {
		switch ch := c.next(); ch {
		case 0:
			return false
		case '"':
			if _, ok := c.text(); !ok {
				return false
			}
		case '{', '[':
			if depth++; depth > maxDepth {
				return false
			}
			c.at++
			continue
		case '}', ']':
			if depth == 0 {
				return false
			}
			depth--
			c.at++
		case ',', ':':
			if depth == 0 {
				return false
			}
			c.at++
			continue
		default:
			if !word(ch) {
				return false
			}
			for c.at < len(c.b) && word(c.b[c.at]) {
				c.at++
			}
		}
		if depth == 0 {
			return true
		}
	}
}

func word(c byte) bool {
	return c > ' ' && c != ',' && c != ':' && c != '"' && c != '{' && c != '}' && c != '[' && c != ']'
}

// members calls each with the keys of an object, at their values, which each must read.
func (c *cursor) members(each func(key []byte) bool) bool {
	return c.list('{', '}', func() bool {
		key, ok := c.text()
		return ok && c.take(':') && each(key)
	})
}

// elements calls each at the elements of an array, which each must read.
func (c *cursor) elements(each func() bool) bool { return c.list('[', ']', each) }

func (c *cursor) list(open, end byte, each func() bool) bool {
	if !c.take(open) {
		return false
	}
	if c.next() == end {
		return c.take(end)
	}
	for {
		if !each() {
			return false
		}
		if c.next() != ',' {
			return c.take(end)
		}
		c.at++
	}
}
