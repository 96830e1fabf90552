package rule

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// maxKey bounds an alert's key, in bytes.
const maxKey = 120

// keyOf is the key of an alert: the id of what judges it and the values of its dimensions, in a-z, 0-9, '-' and
// '.'. Where values say more than these letters can, or are too long, a number made of them keeps keys apart.
func keyOf(id string, values []string) string {
	if len(values) == 0 {
		return id
	}
	b := append(make([]byte, 0, maxKey), id...)
	exact := true
	for _, v := range values {
		b = append(b, '.')
		exact = exact && v != ""
		for i := range len(v) {
			switch ch := v[i]; {
			case ch >= 'a' && ch <= 'z', ch >= '0' && ch <= '9', ch == '-':
				b = append(b, ch)
			default:
				if exact = false; ch >= 'A' && ch <= 'Z' {
					b = append(b, ch+'a'-'A')
				} else if b[len(b)-1] != '-' {
					b = append(b, '-')
				}
			}
		}
	}
	if exact && len(b) <= maxKey {
		return string(b)
	}
	h := fnv.New64a()
	for _, v := range values {
		h.Write(strconv.AppendQuote(nil, v))
	}
	sum := strconv.FormatUint(h.Sum64(), 36)
	b = b[:min(len(b), maxKey-1-len(sum))]
	return strings.TrimRight(string(b), "-.") + "." + sum
}
