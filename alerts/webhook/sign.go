package webhook

import (
	"time"

	"vigie/internal/provider"
)

// Header has the signature. How it is made is provider.Sign's to say.
const Header = provider.SignatureHeader

// Verify is provider.Verify, what a receiver does before it reads a body.
func Verify(header string, now time.Time, body []byte, secrets ...string) error {
	return provider.Verify(header, now, body, secrets...)
}
