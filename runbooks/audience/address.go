package audience

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"vigie/internal/bus"
	"vigie/internal/provider/sms"
	"vigie/internal/state"
	"vigie/runbooks/channel"
)

// secrets are the house's own: made once, and kept in the bucket.
type secrets struct {
	Salt []byte `json:"salt"` // of keys
	Sign []byte `json:"sign"` // of what is sent out to be shown again
}

const (
	secretsID   = "secrets"
	secretBytes = 32
	keyLen      = 26
)

// Open makes the house's salt where there is none yet. It is called once, after the bucket was loaded.
func (b *Book) Open(ctx context.Context) error {
	s := b.house.Get(secretsID)
	if s == nil {
		s = &secrets{make([]byte, secretBytes), make([]byte, secretBytes)}
		_, _ = rand.Read(s.Salt) // never fails
		_, _ = rand.Read(s.Sign)
		err := b.house.Create(ctx, secretsID, s)
		if errors.Is(err, bus.ErrConflict) { // another process was faster
			s, err = b.house.Edit(ctx, secretsID, func(*secrets) error { return state.ErrUnchanged })
		}
		if err != nil {
			return fmt.Errorf("audience: make the house's salt: %w", err)
		}
	}
	if len(s.Salt) < secretBytes || len(s.Sign) < secretBytes {
		return errors.New("audience: the house's salt in the bucket is too short: was it edited by hand?")
	}
	b.secrets = *s
	return nil
}

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// contactKind is a kind of key beside those of channels: of a contact's id, whatever its addresses become.
const contactKind channel.Kind = "contact"

// Key is who is told, as ledgers and suppressions have it: a hash of the channel and the address with the house's
// salt, 26 of a-z and 2-7. The address need not be normalised. Open must have been called.
func (b *Book) Key(kind channel.Kind, address string) string {
	switch kind {
	case channel.Email:
		address = strings.ToLower(strings.TrimSpace(address))
	case channel.SMS:
		if n, err := b.phone(address); err == nil {
			address = n
		}
	}
	return b.key(kind, address)
}

// key is Key of an address that is normalised.
func (b *Book) key(kind channel.Kind, address string) string {
	if len(b.secrets.Salt) == 0 {
		panic("audience: keys before Open")
	}
	if kind == channel.Email {
		address = strings.ToLower(address)
	}
	var buf [512]byte
	in := append(append(append(append(buf[:0], b.secrets.Salt...), kind...), 0), address...)
	sum := sha256.Sum256(in)
	var out [(sha256.Size*8 + 4) / 5]byte
	base32Lower.Encode(out[:], sum[:])
	return string(bytes.Clone(out[:keyLen]))
}

func isKey(text string) bool {
	return len(text) == keyLen && made(text, func(c byte) bool { return lower(c) || c >= '2' && c <= '7' })
}

// maxEmail is RFC 5321's, of a path without its brackets.
const maxEmail = 254

// mail is a mail address as it is written to, or why it cannot be. Names of domains beyond ASCII are to be written
// as DNS has them (xn--…).
func mail(text string) (string, error) {
	text = strings.TrimSpace(text)
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || at > 64 || len(text) > maxEmail {
		return "", errors.New("not a mail address")
	}
	local, domain := text[:at], strings.ToLower(text[at+1:])
	for part := range strings.SplitSeq(local, ".") {
		if part == "" || !made(part, func(c byte) bool {
			return lower(c) || digit(c) || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
		}) {
			return "", errors.New("not a mail address: before the @")
		}
	}
	labels := 0
	for label := range strings.SplitSeq(domain, ".") {
		labels++
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || !made(label, func(c byte) bool { return lower(c) || digit(c) || c == '-' }) {
			return "", errors.New("not a mail address: after the @")
		}
	}
	if labels < 2 {
		return "", errors.New("not a mail address: after the @")
	}
	return local + "@" + domain, nil
}

// phone is a number in international form, or why it is none.
func (b *Book) phone(text string) (string, error) {
	text = strings.TrimSpace(text)
	if c := b.cfg.Country; c != "" && len(text) > 1 && text[0] == '0' && text[1] != '0' {
		text = "+" + c + strings.TrimPrefix(text, "0")
	}
	n, err := sms.Number(text)
	if err != nil {
		return "", errors.New("not a telephone number in international form, as +33612345678")
	}
	return n, nil
}

// address normalises a kind's.
func (b *Book) address(kind channel.Kind, text string) (string, error) {
	switch kind {
	case channel.Email:
		return mail(text)
	case channel.SMS:
		return b.phone(text)
	}
	return "", personal(kind)
}
