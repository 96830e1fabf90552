package cloudflare

import (
	"bytes"

	"vigie/ingest/flatjson"
)

// ends says whether a security action is one after which the client has not got what it asked for.
// Log, skip, allow and bypass go on, and so does a challenge that was solved.
func ends(action []byte) bool {
	var buf [24]byte
	n := 0
	for _, c := range action {
		if c == '_' { // managed_challenge in the rules' own words
			continue
		}
		if n == len(buf) {
			return false
		}
		if c-'A' <= 'Z'-'A' {
			c |= 0x20
		}
		buf[n] = c
		n++
	}
	switch string(buf[:n]) {
	case "block", "drop", "challenge", "jschallenge", "managedchallenge", "challengefailed", "jschallengefailed",
		"connectionclose", "forceconnectionclose":
		return true
	}
	return false
}

// anyEnds is ends for the elements of an array of strings, or for a single string.
func anyEnds(o *flatjson.Objects) bool {
	if o.Kind != flatjson.Nested {
		return ends(o.Text())
	}
	for list := o.Value; ; {
		i := bytes.IndexByte(list, '"')
		if i < 0 {
			return false
		}
		list = list[i+1:]
		if i = bytes.IndexByte(list, '"'); i < 0 {
			return false
		}
		if ends(list[:i]) {
			return true
		}
		list = list[i+1:]
	}
}
