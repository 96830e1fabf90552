// Package field reads single values as log senders write them: numbers as text, times in several
// spellings, addresses with ports, null markers, percent-encoding. Readers are tolerant, exact and
// allocate nothing; what cannot be read is reported as such and never guessed, so that a format can
// lose one field and keep the record.
package field

// Text is b, or nil when b is the mark of an absent value: nothing or a dash.
func Text(b []byte) []byte {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}
