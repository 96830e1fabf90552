package cmcd

// fieldValue is the value of a key that stands in a field of its own. Words and numbers are what they
// are; quotes and brackets are looked into.
func fieldValue(text []byte) value {
	c := cursor{b: text}
	if text[0] == '%' { // %28 or %22: nothing that is not quoted begins with an escape
		c.encoded = true
	}
	if ch, _ := c.peek(); ch != '(' && ch != '"' {
		return value{raw: text}
	}
	return c.value()
}
