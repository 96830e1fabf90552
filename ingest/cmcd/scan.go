// Package cmcd reads Common Media Client Data, what a player adds to its requests: version 1
// (CTA-5004) and version 2 (CTA-5004-B), from a query argument, from header values, or from a field
// of a log.
//
// It reads member by member, and a member that it cannot read is lost alone: RFC 8941 would discard
// all of them, and players do send unquoted identifiers, trailing commas and keys in capitals. Of
// an inner list, version 2's way to tell video from audio, the first item counts. Data of a version
// above 2 is ignored as a whole, as the specification demands. Akamai's wrapper ("//1.0@V/" in
// front) is taken off.
//
// Texts are slices of what was given, but for those that had escapes in them, which are new.
package cmcd

import (
	"bytes"
	"math"

	"vigie/ingest/field"
	"vigie/internal/event"
)

// Longest texts, in bytes, as the specification has them; what is longer is no identifier.
const (
	MaxSession = 64
	MaxContent = 128
)

const maxVersion = 2

// FromQuery finds the argument CMCD, in either case, in a query string and reads it into into.
func FromQuery(query []byte, into *event.CMCD) {
	for len(query) > 0 {
		arg := query
		if i := bytes.IndexByte(query, '&'); i >= 0 {
			arg, query = query[:i], query[i+1:]
		} else {
			query = nil
		}
		if len(arg) > 0 && arg[0] == '?' {
			arg = arg[1:]
		}
		if len(arg) > 5 && arg[4] == '=' && isName(arg[:4]) {
			ScanEncoded(arg[5:], into)
			return
		}
	}
}

func isName(b []byte) bool {
	return b[0]|0x20 == 'c' && b[1]|0x20 == 'm' && b[2]|0x20 == 'c' && b[3]|0x20 == 'd'
}

// Scan reads a header's value, or a text like it, into into. What into holds already stays unless
// the text says otherwise, so that the four headers can be read one after the other.
func Scan(b []byte, into *event.CMCD) {
	scan(cursor{b: b}, into)
}

// ScanEncoded is Scan for text that is percent-encoded.
func ScanEncoded(b []byte, into *event.CMCD) {
	scan(cursor{b: b, encoded: true}, into)
}

func scan(c cursor, into *event.CMCD) {
	c.unwrap()
	out := *into
	for !c.done() {
		var key [8]byte
		n := 0
		ch, width := c.peek()
		for ; width > 0 && ch != '=' && ch != ','; ch, width = c.peek() {
			c.at += width
			if ch == ' ' || ch == '\t' {
				continue
			}
			if n < len(key) {
				key[n] = ch
			}
			n++
		}
		value := value{}
		if ch == '=' && width > 0 {
			c.at += width
			value = c.value()
		} else {
			value.alone = true
		}
		c.skipPast(',')
		if n > len(key) {
			continue
		}
		if string(key[:n]) == "v" {
			if v, ok := field.Uint(value.text(20)); ok && v > maxVersion {
				return
			}
			continue
		}
		set(key[:n], value, &out)
	}
	*into = out
}

// Set reads one key whose value a sender has already taken apart, as CloudFront does; it may still be in
// quotes or an inner list, percent-encoded or not. An empty value and "-" are no value.
func Set(key string, text []byte, into *event.CMCD) {
	if text = field.Text(text); text == nil {
		return
	}
	var k [8]byte
	set(k[:copy(k[:], key)], fieldValue(text), into)
}

func set(key []byte, v value, into *event.CMCD) {
	switch string(key) {
	case "sid":
		text(v, MaxSession, &into.Session)
	case "cid":
		text(v, MaxContent, &into.Content)
	case "ot":
		switch t := v.text(2); string(t) {
		case "m", "a", "v", "av", "i", "c", "tt", "k", "o":
			into.ObjectType = t
		}
	case "st":
		switch t := v.text(2); string(t) {
		case "v", "l", "ll":
			into.StreamType = t
		}
	case "br":
		number(v, &into.Bitrate)
	case "mtp":
		number(v, &into.Throughput)
	case "bl":
		number(v, &into.BufferLength)
	case "bs":
		into.Starved = v.yes()
	case "bsd": // version 2: how long a starvation was that has just ended
		if n, ok := field.Uint(v.text(20)); ok && n > 0 {
			into.Starved = true
		}
	case "su":
		into.Startup = v.yes()
	}
}

func text(v value, most int, into *[]byte) {
	if t := v.text(most); len(t) > 0 {
		*into = t
	}
}

func number(v value, into *uint32) {
	if n, ok := field.UintMax(v.text(20), math.MaxUint32); ok {
		*into = uint32(n)
	}
}
