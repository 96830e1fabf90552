package cmcd

import "vigie/ingest/field"

// cursor reads a text byte by byte and undoes percent-encoding on its way, so that a query string
// is neither copied nor changed.
type cursor struct {
	b       []byte
	at      int
	encoded bool
}

func (c *cursor) done() bool { return c.at >= len(c.b) }

// peek returns the next byte and how many bytes it takes in the text; 0 at the end.
func (c *cursor) peek() (ch byte, width int) {
	if c.at >= len(c.b) {
		return 0, 0
	}
	if ch = c.b[c.at]; c.encoded && (ch == '%' || ch == '+') {
		return c.escape()
	}
	return ch, 1
}

// escape is peek at what may be percent-encoding.
func (c *cursor) escape() (ch byte, width int) {
	if c.b[c.at] == '+' {
		return ' ', 1
	}
	if c.at+2 < len(c.b) {
		if x, ok := field.Hex(c.b[c.at+1], c.b[c.at+2]); ok {
			return x, 3
		}
	}
	return '%', 1
}

// plain goes over the bytes that mean themselves wherever they stand.
func (c *cursor) plain() {
	at := c.at
	for at < len(c.b) && isPlain(c.b[at]) {
		at++
	}
	c.at = at
}

func isPlain(c byte) bool {
	return c|0x20-'a' <= 'z'-'a' || c-'0' <= 9 || c == '-' || c == '.' || c == '_'
}

// unwrap goes behind "//1.0@V/".
func (c *cursor) unwrap() {
	for range 2 {
		ch, width := c.peek()
		if width == 0 || ch != '/' {
			c.at = 0
			return
		}
		c.at += width
	}
	c.skipPast('/')
}

// skipPast goes behind the next stop, whatever stands before it.
func (c *cursor) skipPast(stop byte) {
	for {
		c.plain()
		ch, width := c.peek()
		c.at += width
		if width == 0 || ch == stop {
			return
		}
	}
}

// value reads what follows the '=' of a member: an item, or the first of an inner list.
func (c *cursor) value() value {
	c.spaces()
	ch, width := c.peek()
	if ch != '(' || width == 0 {
		return c.item()
	}
	c.at += width
	c.spaces()
	v := c.item()
	for depth := 1; depth > 0; {
		ch, width := c.peek()
		switch {
		case width == 0:
			return v
		case ch == ',': // the list was not closed
			return v
		case ch == '"':
			c.quoted()
			continue
		case ch == ')':
			depth--
		}
		c.at += width
	}
	return v
}

func (c *cursor) spaces() {
	for {
		ch, width := c.peek()
		if width == 0 || ch != ' ' && ch != '\t' {
			return
		}
		c.at += width
	}
}

// item reads a string, a boolean, or a word.
func (c *cursor) item() value {
	if ch, width := c.peek(); width > 0 && ch == '"' {
		return c.quoted()
	}
	start, decode := c.at, false
	for {
		c.plain()
		ch, width := c.peek()
		if width == 0 || ch == ',' || ch == ';' || ch == ')' || ch == ' ' || ch == '\t' {
			break
		}
		decode = decode || width > 1 || ch == '\\'
		c.at += width
	}
	return value{raw: c.b[start:c.at], decode: decode, encoded: c.encoded}
}

// quoted reads a string. One that is not closed has no value: its end may have been cut off.
func (c *cursor) quoted() value {
	_, width := c.peek()
	c.at += width
	start, decode := c.at, false
	for {
		c.plain()
		ch, width := c.peek()
		if width == 0 {
			return value{}
		}
		if ch == '"' {
			v := value{raw: c.b[start:c.at], decode: decode, encoded: c.encoded}
			c.at += width
			return v
		}
		decode = decode || width > 1 || c.b[c.at] != ch || ch == '\\'
		c.at += width
		if ch == '\\' {
			_, width = c.peek()
			c.at += width
		}
	}
}
