package combined

import (
	"bytes"

	"vigie/ingest/field"
)

// quoted reads the text between the quote that b starts with and the next one, escapes undone. One
// that is not closed goes to the end of the line.
func (p *parser) quoted(b []byte) (text, rest []byte) {
	b = b[1:]
	end := bytes.IndexByte(b, '"')
	if end < 0 {
		end = len(b)
	}
	if bytes.IndexByte(b[:end], '\\') < 0 {
		return b[:end], b[min(end+1, len(b)):]
	}
	start := len(p.scratch)
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '"' {
			return p.scratch[start:len(p.scratch):len(p.scratch)], b[i+1:]
		}
		if c == '\\' && i+1 < len(b) {
			var n int
			c, n = escape(b[i+1:])
			i += n
		}
		p.scratch = append(p.scratch, c)
	}
	return p.scratch[start:len(p.scratch):len(p.scratch)], nil
}

// escape is the byte that the escape behind a backslash stands for, and how long it is there.
func escape(b []byte) (c byte, length int) {
	switch b[0] {
	case '"', '\\':
		return b[0], 1
	case 't':
		return '\t', 1
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 'x':
		if len(b) > 2 {
			if x, ok := field.Hex(b[1], b[2]); ok {
				return x, 3
			}
		}
	}
	return '\\', 0
}
