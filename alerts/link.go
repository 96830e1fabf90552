package alerts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// ackLink is the secret of a link that acknowledges a problem as a person: whoever has it may do that and
// nothing else. It ends with the problem.
func (r *Room) ackLink(problem, person string) string {
	text := problem + "|" + person
	return base64.RawURLEncoding.EncodeToString([]byte(text)) + "." + base64.RawURLEncoding.EncodeToString(r.sign(text))
}

func (r *Room) sign(text string) []byte {
	r.mu.Lock()
	mac := hmac.New(sha256.New, r.key)
	r.mu.Unlock()
	mac.Write([]byte("ack|" + text))
	return mac.Sum(nil)[:18]
}

// AckLink reads the secret of a link in a message: which problem it acknowledges, for whom. One that was
// not made here, or whose problem is not known any more, is ErrNotFound.
func (r *Room) AckLink(secret string) (problem, person string, err error) {
	if r == nil || len(secret) > 1000 {
		return "", "", ErrNotFound
	}
	text, signature, _ := strings.Cut(secret, ".")
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", "", ErrNotFound
	}
	given, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(given, r.sign(string(plain))) {
		return "", "", ErrNotFound
	}
	problem, person, _ = strings.Cut(string(plain), "|")
	r.mu.Lock()
	_, known := r.problems[problem]
	r.mu.Unlock()
	if !known {
		return "", "", ErrNotFound
	}
	return problem, person, nil
}
