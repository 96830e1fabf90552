package field

import "unicode/utf8"

// Clean says whether b is UTF-8 without control characters.
func Clean(b []byte) bool {
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
