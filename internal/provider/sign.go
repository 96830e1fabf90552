package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader has the signature of a webhook's body: "t=1795291650,v1=5257a8…".
const SignatureHeader = "Vigie-Signature"

// Tolerance is how far the clocks of both sides may be apart, and how long a request can be played again.
const Tolerance = 5 * time.Minute

// MinSecret is the shortest secret to sign with, in characters.
const MinSecret = 16

// Sign is the header of a body that is sent at now: v1 is the HMAC-SHA256, with the secret, of the seconds since
// 1970, a full stop and the body as it is on the wire, in hexadecimal.
func Sign(secret string, now time.Time, body []byte) string {
	t := strconv.FormatInt(now.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(secret, t, body))
}

// Verify is what a receiver does before it reads a body, here for those in Go: nil where header was made of body with
// one of the secrets (two while one is changed for another), not longer than Tolerance ago. A request that
// was heard before is told by its Idempotency-Key.
func Verify(header string, now time.Time, body []byte, secrets ...string) error {
	var t string
	var signatures [][]byte
	for part := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "t":
			t = value
		case "v1":
			if s, err := hex.DecodeString(value); err == nil && len(signatures) < 5 {
				signatures = append(signatures, s)
			}
		}
	}
	seconds, err := strconv.ParseInt(t, 10, 64)
	if err != nil || len(signatures) == 0 {
		return fmt.Errorf("%s: not as t=…,v1=…", SignatureHeader)
	}
	known := false
	for _, secret := range secrets {
		want := mac(secret, t, body)
		for _, s := range signatures {
			known = hmac.Equal(s, want) && len(secret) >= MinSecret || known
		}
	}
	if !known {
		return errors.New(SignatureHeader + ": not signed with this secret")
	}
	if d := now.Unix() - seconds; d > int64(Tolerance/time.Second) || d < -int64(Tolerance/time.Second) {
		return fmt.Errorf("%s: %d s away from this clock, which is more than %s", SignatureHeader, d, Tolerance)
	}
	return nil
}

func mac(secret, t string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(t + "."))
	h.Write(body)
	return h.Sum(nil)
}
