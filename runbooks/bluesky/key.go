package bluesky

import (
	"crypto/sha256"
	"encoding/binary"
	"regexp"
)

var (
	keyForm = regexp.MustCompile(`^[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}$`)
	cidForm = regexp.MustCompile(`^[a-z0-9]{8,75}$`)
)

func uri(did, key string) string { return "at://" + did + "/" + posts + "/" + key }

const sortable = "234567abcdefghijklmnopqrstuvwxyz"

// tid is the key of a message's post: always the same. Its time means nothing, but that it is in the past: 60 bits of
// a hash are a moment before 2006.
func tid(id string) string {
	sum := sha256.Sum256([]byte(id))
	v := binary.BigEndian.Uint64(sum[:8]) >> 4
	var b [13]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = sortable[v&31]
		v >>= 5
	}
	return string(b[:])
}
