// Package account knows the people who may use Vigie: their names, passwords and roles. It keeps
// them in a key-value store that it is given, stores passwords as argon2id only, and tells a wrong
// name and a wrong password apart to nobody, neither in its answer nor in the time it takes.
//
// Sessions, cookies and the limit on how often someone may try belong to package web.
package account

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What can go wrong, beside an Invalid and the errors of the store.
var (
	ErrNotFound = errors.New("account: not found")
	ErrExists   = errors.New("account: exists already")
	ErrConflict = errors.New("account: changed by someone else meanwhile")
	ErrDenied   = errors.New("account: name or password is wrong")
)

// Invalid says which field of an account cannot be taken, and why.
type Invalid struct {
	Field, Reason string
}

func (e Invalid) Error() string { return fmt.Sprintf("account: %s: %s", e.Field, e.Reason) }

// Role is what someone may do. Each role includes the ones below it.
type Role string

const (
	Viewer   Role = "viewer"   // sees the board
	Operator Role = "operator" // acts on what it shows
	Admin    Role = "admin"    // manages accounts and the system itself
)

func (r Role) rank() int {
	switch r {
	case Viewer:
		return 1
	case Operator:
		return 2
	case Admin:
		return 3
	}
	return 0
}

// Allows tells whether r includes need. An unknown role allows nothing, and is allowed by none.
func (r Role) Allows(need Role) bool { return need.rank() > 0 && r.rank() >= need.rank() }

// ParseRole reads a role's name.
func ParseRole(name string) (Role, error) {
	if r := Role(name); r.rank() > 0 {
		return r, nil
	}
	return "", Invalid{"role", fmt.Sprintf("%q is none of viewer, operator, admin", name)}
}

// User is one person's account.
type User struct {
	Name     string    `json:"name"`    // see ParseName; the key
	Display  string    `json:"display"` // what others read; at most 64 characters
	Role     Role      `json:"role"`
	Hash     string    `json:"hash"`               // argon2id in the PHC string format
	Language string    `json:"language,omitempty"` // "fr", "en"; empty: as the browser says
	Created  time.Time `json:"created"`
	Disabled bool      `json:"disabled,omitempty"`
}

// Stamp changes with the password. A session that remembers it ends when the password changes.
func (u User) Stamp() string {
	sum := sha256.Sum256([]byte(u.Hash))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// May tells whether the user can do what need names, now.
func (u User) May(need Role) bool { return !u.Disabled && u.Role.Allows(need) }

const (
	maxName    = 64
	maxDisplay = 64
)

// ParseName reads an account's name: 2 to 64 of a-z, 0-9, '.', '_', '-', beginning and ending with
// a letter or digit, without two dots in a row. Upper case is folded, space around it is cut. The
// names that it returns are safe as keys, in URLs and in logs.
func ParseName(name string) (string, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if len(name) < 2 || len(name) > maxName {
		return "", Invalid{"name", fmt.Sprintf("has %d characters, 2 to %d are allowed", utf8.RuneCountInString(name), maxName)}
	}
	for i, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		switch {
		case letter:
		case c != '.' && c != '_' && c != '-':
			return "", Invalid{"name", "may have a-z, 0-9, '.', '_' and '-' only"}
		case i == 0 || i == len(name)-1 || c == '.' && name[i-1] == '.':
			return "", Invalid{"name", "must begin and end with a letter or digit and have no two dots in a row"}
		}
	}
	return name, nil
}

func (u *User) validate() (err error) {
	if u.Name, err = ParseName(u.Name); err != nil {
		return err
	}
	if u.Role, err = ParseRole(string(u.Role)); err != nil {
		return err
	}
	u.Display = strings.TrimSpace(u.Display)
	if u.Display == "" {
		u.Display = u.Name
	}
	if utf8.RuneCountInString(u.Display) > maxDisplay {
		return Invalid{"display", fmt.Sprintf("is longer than %d characters", maxDisplay)}
	}
	if !utf8.ValidString(u.Display) || strings.ContainsFunc(u.Display, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return Invalid{"display", "has characters that cannot be shown"}
	}
	if len(u.Language) > 8 {
		return Invalid{"language", "is not a language's code"}
	}
	return nil
}
