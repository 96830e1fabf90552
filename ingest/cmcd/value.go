package cmcd

import "vigie/ingest/field"

// value is what a member is set to. It is decoded when it is asked for, since most members are not
// kept.
type value struct {
	raw     []byte
	alone   bool // a key without value, which says true
	decode  bool // raw has escapes
	encoded bool // and they may be percent-encoding
}

func (v value) yes() bool {
	if v.alone {
		return true
	}
	t := v.text(5)
	return string(t) == "?1" || field.True(t)
}

// text is the value without its escapes, or nil when that is longer than most.
func (v value) text(most int) []byte {
	if !v.decode {
		if len(v.raw) > most {
			return nil
		}
		return v.raw
	}
	c := cursor{b: v.raw, encoded: v.encoded}
	text := make([]byte, 0, min(most, len(v.raw)))
	for !c.done() {
		ch, width := c.peek()
		c.at += width
		if ch == '\\' {
			if ch, width = c.peek(); width == 0 {
				break
			}
			c.at += width
		}
		if len(text) == most {
			return nil
		}
		text = append(text, ch)
	}
	return text
}
