package flatjson

import (
	"bytes"
	"strings"
)

// Unwrap returns what is in the array of a payload that is one object with nothing but that array in it,
// {"samples":[…]}, and where in the payload it stands. It is for such payloads that are longer than a record
// may be: their elements can then be read with New. It reports false for any other payload.
func Unwrap(payload []byte, key string) (elements []byte, at int, ok bool) {
	rest := payload
	eat := func(token string) bool {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if len(rest) < len(token) || string(rest[:len(token)]) != token {
			return false
		}
		rest = rest[len(token):]
		return true
	}
	eat("\xef\xbb\xbf")
	if strings.ContainsAny(key, `"\`) || !eat("{") || !eat(`"`+key+`"`) || !eat(":") || !eat("[") {
		return nil, 0, false
	}
	at = len(payload) - len(rest)
	tail := bytes.TrimRight(rest, " \t\r\n\x00")
	for _, closing := range []byte("}]") {
		if len(tail) == 0 || tail[len(tail)-1] != closing {
			return nil, 0, false
		}
		tail = bytes.TrimRight(tail[:len(tail)-1], " \t\r\n")
	}
	// What is left must not end the array itself: then there is more than one.
	depth := 0
	for i := 0; i < len(tail); i++ {
		switch tail[i] {
		case '"':
			if i, _ = quote(tail, i+1); i < 0 {
				return nil, 0, false
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return nil, 0, false
			}
		}
	}
	if depth != 0 {
		return nil, 0, false
	}
	return tail, at, true
}
