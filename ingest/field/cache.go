package field

import (
	"bytes"

	"vigie/internal/event"
)

// Cache maps the words of nginx ($upstream_cache_status), Varnish (Varnish:handling), CloudFront
// (x-edge-result-type) and Vigie's own to the coarse terms, whatever their case. What follows a
// dash refines a word (HIT-STALE) and is left out.
func Cache(word []byte) event.Cache {
	word, _, _ = bytes.Cut(word, []byte("-"))
	var buf [20]byte
	if len(word) == 0 || len(word) > len(buf) {
		return event.CacheUnknown
	}
	for i, c := range word {
		if c-'A' <= 'Z'-'A' {
			c |= 0x20
		}
		buf[i] = c
	}
	switch string(buf[:len(word)]) {
	case "hit", "originshieldhit":
		return event.CacheHit
	case "refresh", "refreshhit", "revalidated", "stale", "updating":
		return event.CacheRefresh
	case "miss", "expired", "hitmiss", "scarce":
		return event.CacheMiss
	case "pass", "hitpass", "bypass", "pipe", "synth":
		return event.CachePass
	case "error", "limitexceeded", "capacityexceeded":
		return event.CacheError
	}
	return event.CacheUnknown
}
