package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

const (
	minPassword = 12  // characters; NIST SP 800-63B asks for length and for no composition rule
	maxPassword = 256 // bytes
)

func checkPassword(password string) error {
	switch {
	case !utf8.ValidString(password):
		return Invalid{"password", "is not UTF-8 text"}
	case utf8.RuneCountInString(password) < minPassword:
		return Invalid{"password", fmt.Sprintf("is shorter than %d characters", minPassword)}
	case len(password) > maxPassword:
		return Invalid{"password", fmt.Sprintf("is longer than %d bytes", maxPassword)}
	}
	return nil
}

// cost is what one hash takes. The values are the OWASP Password Storage Cheat Sheet's second
// choice for argon2id, which needs the least memory for the same strength.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

func owasp() cost { return cost{memory: 19 * 1024, passes: 2, threads: 1} }

// A stored hash may have been made with other costs, but a forged one must not exhaust us.
func (c cost) sane() bool {
	return c.memory >= 8 && c.memory <= 256*1024 && c.passes >= 1 && c.passes <= 16 && c.threads >= 1 && c.threads <= 16
}

// phc is a hash in the PHC string format:
// $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>, both in base64 without padding.
// https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
type phc struct {
	cost
	salt, sum []byte
}

func (h phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.sum))
}

func parsePHC(s string) (phc, error) {
	if len(s) > 512 {
		return phc{}, errors.New("account: hash is longer than 512 bytes")
	}
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, errors.New("account: hash is not argon2id version 19 in the PHC string format")
	}
	var h phc
	var m, t, p uint64
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return phc{}, fmt.Errorf("account: hash has costs %q, want m=,t=,p=", parts[3])
	}
	for i, field := range []struct {
		name string
		to   *uint64
		bits int
	}{{"m=", &m, 32}, {"t=", &t, 32}, {"p=", &p, 8}} {
		digits, ok := strings.CutPrefix(costs[i], field.name)
		n, err := strconv.ParseUint(digits, 10, field.bits)
		if !ok || err != nil || strconv.FormatUint(n, 10) != digits {
			return phc{}, fmt.Errorf("account: hash has cost %q, want %s and a number", costs[i], field.name)
		}
		*field.to = n
	}
	h.cost = cost{memory: uint32(m), passes: uint32(t), threads: uint8(p)}
	if !h.sane() {
		return phc{}, fmt.Errorf("account: hash has costs %q, beyond what this program would spend", parts[3])
	}
	var err error
	strict := base64.RawStdEncoding.Strict()
	if h.salt, err = strict.DecodeString(parts[4]); err != nil || len(h.salt) < 8 {
		return phc{}, errors.New("account: hash has no salt of 8 bytes or more in base64")
	}
	if h.sum, err = strict.DecodeString(parts[5]); err != nil || len(h.sum) < 16 {
		return phc{}, errors.New("account: hash has no sum of 16 bytes or more in base64")
	}
	return h, nil
}

func (h phc) matches(password string) bool {
	sum := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.threads, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// hasher bounds how many hashes are made at once, so that a flood of sign-ins costs two times
// 19 MiB and not all there is. The others wait as long as their context lets them.
type hasher struct {
	cost  cost
	slots chan struct{}
	decoy phc // hashed against when the name is unknown
}

func newHasher(c cost) hasher {
	decoy := phc{cost: c, salt: make([]byte, 16), sum: make([]byte, 32)}
	_, _ = rand.Read(decoy.salt) // never fails: crypto/rand ends the program instead
	_, _ = rand.Read(decoy.sum)
	return hasher{cost: c, slots: make(chan struct{}, 2), decoy: decoy}
}

func (h hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("account: wait for a turn to hash: %w", ctx.Err())
	}
}

func (h hasher) leave() { <-h.slots }

func (h hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	made := phc{cost: h.cost, salt: make([]byte, 16)}
	_, _ = rand.Read(made.salt)
	made.sum = argon2.IDKey([]byte(password), made.salt, made.passes, made.memory, made.threads, 32)
	return made.String(), nil
}

// verify compares with a stored hash, or with nothing at the same cost when it is empty.
func (h hasher) verify(ctx context.Context, stored, password string) (bool, error) {
	against, known := h.decoy, false
	if stored != "" {
		parsed, err := parsePHC(stored)
		if err != nil {
			return false, err
		}
		against, known = parsed, true
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	return against.matches(password) && known, nil
}
