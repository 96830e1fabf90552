package record

import "bytes"

// Columns splits a line into its columns, left to right.
//
//	for value, ok := c.Next(); ok; value, ok = c.Next() { … }
//
// A line that ends with its delimiter has an empty last column.
type Columns struct {
	By     []byte // the delimiter
	Quoted bool   // a value that begins with a quote ends with one, and a quote in it is doubled (RFC 4180)
	Runs   bool   // several delimiters are one

	Scratch []byte // where values with doubled quotes are written; grows

	text []byte
	more bool
	bad  bool
}

// Start begins with a line. What Next has returned before is no longer valid.
func (c *Columns) Start(line []byte) {
	c.text, c.more, c.bad, c.Scratch = line, true, false, c.Scratch[:0]
}

// Bad says whether a quote was not closed on its line, or text follows a closing one; Next then
// reports false.
func (c *Columns) Bad() bool { return c.bad }

// Next splits off a column. It reports false behind the last one.
func (c *Columns) Next() (value []byte, ok bool) {
	if c.Runs {
		for bytes.HasPrefix(c.text, c.By) {
			c.text = c.text[len(c.By):]
		}
		if len(c.text) == 0 {
			return nil, false
		}
	}
	if !c.more {
		return nil, false
	}
	if c.Quoted && len(c.text) > 0 && c.text[0] == '"' {
		return c.quoted()
	}
	var i int
	if len(c.By) == 1 {
		i = bytes.IndexByte(c.text, c.By[0])
	} else {
		i = bytes.Index(c.text, c.By)
	}
	if i < 0 {
		value, c.text, c.more = c.text, nil, false
		return value, true
	}
	value, c.text = c.text[:i], c.text[i+len(c.By):]
	return value, true
}

func (c *Columns) quoted() (value []byte, ok bool) {
	rest := c.text[1:]
	start, copied := len(c.Scratch), false
	for {
		i := bytes.IndexByte(rest, '"')
		if i < 0 {
			c.bad, c.more = true, false
			return nil, false
		}
		if i+1 < len(rest) && rest[i+1] == '"' {
			c.Scratch, copied = append(c.Scratch, rest[:i+1]...), true
			rest = rest[i+2:]
			continue
		}
		if value = rest[:i]; copied {
			c.Scratch = append(c.Scratch, value...)
			value = c.Scratch[start:len(c.Scratch):len(c.Scratch)]
		}
		c.text = rest[i+1:]
		break
	}
	if len(c.text) == 0 {
		c.more = false
		return value, true
	}
	if !bytes.HasPrefix(c.text, c.By) {
		c.bad, c.more = true, false
		return nil, false
	}
	c.text = c.text[len(c.By):]
	return value, true
}
