package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Why a token is not taken any more, to whoever holds it; both match ErrDenied.
var (
	ErrRevoked = fmt.Errorf("account: the token was revoked: %w", ErrDenied)
	ErrExpired = fmt.Errorf("account: the token has expired: %w", ErrDenied)
)

// TokenKind is what a token opens.
type TokenKind string

const (
	Wall     TokenKind = "wall"     // the wall's page, on a screen that nobody signs in on; it reads
	API      TokenKind = "api"      // the API, exports and signals, for programs; it reads
	Contacts TokenKind = "contacts" // the broadcaster's system that brings contacts; it can do that alone, and reads nothing
)

// TokenKinds are all, as a form lists them.
func TokenKinds() []TokenKind { return []TokenKind{Wall, API, Contacts} }

// ParseTokenKind fails with an Invalid.
func ParseTokenKind(name string) (TokenKind, error) {
	if k := TokenKind(name); slices.Contains(TokenKinds(), k) {
		return k, nil
	}
	return "", Invalid{"kind", fmt.Sprintf("%q is none of wall, api, contacts", shortened(name))}
}

// Prefix begins every secret of the kind, so that people and scanners of source code know one.
func (k TokenKind) Prefix() string { return "vigie_" + string(k) + "_" }

// Token lets a device do what its kind says. Its secret is known to the device alone.
type Token struct {
	ID       string    `json:"id"` // of the secret's hash; harmless to show
	Name     string    `json:"name"`
	Kind     TokenKind `json:"kind"`
	Created  time.Time `json:"created"`
	By       string    `json:"by"`      // who made it: an account's name, or "command line"
	LastUsed time.Time `json:"used"`    // to a minute or so; zero: never
	Expires  time.Time `json:"expires"` // zero: never
	Revoked  time.Time `json:"revoked"` // zero: not
	Hash     string    `json:"hash"`    // SHA-256 of the secret, in hex
}

// Refused is why the token is not taken now: ErrRevoked, ErrExpired or nil.
func (t Token) Refused(now time.Time) error {
	switch {
	case !t.Revoked.IsZero():
		return ErrRevoked
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return ErrExpired
	}
	return nil
}

const (
	maxTokens   = 500
	secretBytes = 20          // 160 bits
	usedEvery   = time.Minute // between two writes of LastUsed
)

// ErrTooManyTokens is met when 500 are in use.
var ErrTooManyTokens = fmt.Errorf("account: there are %d tokens in use: revoke one first", maxTokens)

// Tokens keeps the tokens of devices. Its methods may be called at the same time.
type Tokens struct{ kv KV }

// NewTokens keeps tokens in kv, which holds nothing else.
func NewTokens(kv KV) *Tokens { return &Tokens{kv} }

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Make makes a token with the Name, Kind, By and Expires of t; the secret is in the answer and nowhere
// else. It fails with Invalid, with ErrExists when a token in use has the name, and with
// ErrTooManyTokens. Beyond 500 the ones that were refused longest are forgotten.
func (ts *Tokens) Make(ctx context.Context, t Token) (made Token, secret string, err error) {
	now := time.Now().UTC().Truncate(time.Second)
	t.Name = strings.Join(strings.Fields(t.Name), " ")
	switch n := utf8.RuneCountInString(t.Name); {
	case n == 0 || n > maxDisplay:
		return Token{}, "", Invalid{"name", fmt.Sprintf("has %d characters, 1 to %d are allowed", n, maxDisplay)}
	case !utf8.ValidString(t.Name) || strings.ContainsFunc(t.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return Token{}, "", Invalid{"name", "has characters that cannot be shown"}
	case !t.Expires.IsZero() && !t.Expires.After(now):
		return Token{}, "", Invalid{"expires", "is in the past"}
	}
	if t.Kind, err = ParseTokenKind(string(t.Kind)); err != nil {
		return Token{}, "", err
	}
	if err := ts.room(ctx, t.Name, now); err != nil {
		return Token{}, "", err
	}
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // never fails: crypto/rand ends the program instead
	secret = t.Kind.Prefix() + base32Lower.EncodeToString(random)
	sum := sha256.Sum256([]byte(secret))
	t = Token{ID: tokenID(sum), Name: t.Name, Kind: t.Kind, Created: now, By: t.By, Expires: t.Expires, Hash: hex.EncodeToString(sum[:])}
	value, err := json.Marshal(t)
	if err != nil {
		return Token{}, "", fmt.Errorf("account: encode token %s: %w", t.ID, err)
	}
	if err := ts.kv.Create(ctx, t.ID, value); err != nil {
		return Token{}, "", fmt.Errorf("account: make token %s: %w", t.Name, err)
	}
	return t, secret, nil
}

// room forgets what is refused where the bound is met.
func (ts *Tokens) room(ctx context.Context, name string, now time.Time) error {
	all, err := ts.List(ctx)
	if err != nil {
		return err
	}
	var refused []Token
	for _, t := range all {
		switch {
		case t.Refused(now) != nil:
			refused = append(refused, t)
		case strings.EqualFold(t.Name, name):
			return fmt.Errorf("account: a token with the name %q: %w", name, ErrExists)
		}
	}
	excess := len(all) + 1 - maxTokens
	if excess > len(refused) {
		return ErrTooManyTokens
	}
	slices.SortFunc(refused, func(a, b Token) int { return a.Created.Compare(b.Created) })
	for _, t := range refused[:max(excess, 0)] {
		if err := ts.kv.Delete(ctx, t.ID); err != nil {
			return fmt.Errorf("account: forget token %s: %w", t.ID, err)
		}
	}
	return nil
}

// tokenID is 60 bits of the hash: it finds a token, and proves nothing.
func tokenID(sum [sha256.Size]byte) string { return base32Lower.EncodeToString(sum[:])[:12] }

// ReadSecret is a secret as a person typed it: spaces and hyphens between its groups, capital letters
// and a missing prefix are taken.
func (k TokenKind) ReadSecret(typed string) string {
	typed = strings.ToLower(strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || c == '-' {
			return -1
		}
		return c
	}, typed))
	if !strings.HasPrefix(typed, k.Prefix()) {
		typed = k.Prefix() + typed
	}
	return typed
}

// Check returns the token of that kind whose secret it is, and notes its use. It fails with ErrDenied
// when there is none, and with ErrRevoked or ErrExpired, which match ErrDenied; other errors are the
// store's.
func (ts *Tokens) Check(ctx context.Context, kind TokenKind, secret string) (Token, error) {
	if len(secret) > 128 || !strings.HasPrefix(secret, kind.Prefix()) {
		return Token{}, ErrDenied
	}
	sum := sha256.Sum256([]byte(secret))
	t, revision, err := ts.find(ctx, tokenID(sum))
	if errors.Is(err, ErrNotFound) {
		return Token{}, ErrDenied
	}
	if err != nil {
		return Token{}, err
	}
	// What is compared are hashes, which nobody can steer towards each other, and all of them all the same.
	stored, err := hex.DecodeString(t.Hash)
	if err != nil || subtle.ConstantTimeCompare(stored, sum[:]) != 1 || t.Kind != kind {
		return Token{}, ErrDenied
	}
	now := time.Now().UTC().Truncate(time.Second)
	if err := t.Refused(now); err != nil {
		return Token{}, err
	}
	if now.Sub(t.LastUsed) >= usedEvery {
		t.LastUsed = now
		if value, err := json.Marshal(t); err == nil {
			_ = ts.kv.Update(ctx, t.ID, value, revision) // someone else noted it, or it is noted a minute later
		}
	}
	return t, nil
}

func (ts *Tokens) find(ctx context.Context, id string) (Token, uint64, error) {
	if len(id) != 12 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return Token{}, 0, ErrNotFound
	}
	value, revision, err := ts.kv.Get(ctx, id)
	if err != nil {
		return Token{}, 0, fmt.Errorf("account: find token %s: %w", id, err)
	}
	var t Token
	if err := json.Unmarshal(value, &t); err != nil {
		return Token{}, 0, fmt.Errorf("account: decode token %s: %w", id, err)
	}
	return t, revision, nil
}

// List returns all tokens, the newest first.
func (ts *Tokens) List(ctx context.Context) ([]Token, error) {
	keys, err := ts.kv.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("account: list tokens: %w", err)
	}
	all := make([]Token, 0, len(keys))
	for _, key := range keys {
		t, _, err := ts.find(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue // forgotten since the keys were read
		}
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Token) int {
		if n := b.Created.Compare(a.Created); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// Revoke makes a token count no more, for good; one that was revoked before stays so. It fails with
// ErrNotFound, or with ErrConflict when others write to it all the time.
func (ts *Tokens) Revoke(ctx context.Context, id string) (Token, error) {
	for attempt := 1; ; attempt++ {
		t, revision, err := ts.find(ctx, id)
		if err != nil || !t.Revoked.IsZero() {
			return t, err
		}
		t.Revoked = time.Now().UTC().Truncate(time.Second)
		value, err := json.Marshal(t)
		if err != nil {
			return Token{}, fmt.Errorf("account: encode token %s: %w", id, err)
		}
		err = ts.kv.Update(ctx, id, value, revision)
		if err == nil {
			return t, nil
		}
		if !errors.Is(err, ErrConflict) || attempt == 5 {
			return Token{}, fmt.Errorf("account: revoke token %s: %w", id, err)
		}
	}
}

// NewPassword makes one of 100 bits that can be read out over a telephone.
func NewPassword() string {
	const letters = "23456789abcdefghjkmnpqrstvwxyz23" // 32, without those that look alike; two digits come twice
	random := make([]byte, 20)
	_, _ = rand.Read(random)
	var b strings.Builder
	for i, r := range random {
		if i > 0 && i%5 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(letters[r%32])
	}
	return b.String()
}
