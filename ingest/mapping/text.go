package mapping

import "unicode/utf8"

// clean says whether b is UTF-8 without control characters.
func clean(b []byte) bool {
	ascii := true
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return true
	}
	if !utf8.Valid(b) {
		return false
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r >= 0x80 && r < 0xa0 {
			return false
		}
		i += n
	}
	return true
}

// no says whether b is one of the words that senders use for it; field.True knows those for yes.
func no(b []byte) bool {
	switch string(b) {
	case "false", "0", "no", "False", "FALSE":
		return true
	}
	return false
}
