// Package account knows the people who may use Vigie (their names, passwords and roles) and the
// devices that may read from it by a token. It keeps both in key-value stores that it is given,
// passwords as argon2id only and tokens as SHA-256 only. It tells a wrong name and a wrong password
// apart to nobody, neither in its answer nor in the time it takes.
//
// Sessions, cookies and the limit on how often someone may try belong to package web.
package account

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
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

	// ErrLastAdmin keeps a war room from losing the last account that can make others.
	ErrLastAdmin = errors.New("account: this is the last account that may manage the others: make another admin first")
)

// Invalid says which field of an account cannot be taken, and why.
type Invalid struct {
	Field, Reason string
}

func (e Invalid) Error() string { return fmt.Sprintf("account: %s: %s", e.Field, e.Reason) }

// User is one person's account.
type User struct {
	Name     string    `json:"name"`    // see ParseName; the key
	Display  string    `json:"display"` // what others read; at most 64 characters
	Roles    Roles     `json:"roles"`
	Hash     string    `json:"hash"`               // argon2id in the PHC string format
	Language string    `json:"language,omitempty"` // "fr", "en"; empty: as the browser says
	Theme    string    `json:"theme,omitempty"`    // "dark", "light"; empty: as the system says
	Zone     string    `json:"zone,omitempty"`     // IANA name of the time zone to show times in; empty: the venue's
	Created  time.Time `json:"created"`
	Disabled bool      `json:"disabled,omitempty"`
	Ended    uint64    `json:"ended,omitempty"` // counts how often all sessions were ended
}

// Stamp changes with the password, and when all sessions are ended. A session that remembers it ends
// when it changes.
func (u User) Stamp() string {
	of := u.Hash
	if u.Ended > 0 {
		of += "#" + strconv.FormatUint(u.Ended, 10)
	}
	sum := sha256.Sum256([]byte(of))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// May tells whether the user can do what need names, now.
func (u User) May(need Role) bool { return !u.Disabled && u.Roles.Allows(need) }

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
	if u.Roles, err = u.Roles.valid(); err != nil {
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
	if u.Theme != "" && u.Theme != "dark" && u.Theme != "light" {
		return Invalid{"theme", "is neither dark nor light"}
	}
	return validZone(u.Zone)
}

// validZone takes the names of the time zone database, and not "Local", which means another place on
// each machine.
func validZone(name string) error {
	if name == "" {
		return nil
	}
	if len(name) > 64 || name == "Local" {
		return Invalid{"zone", "is not a time zone's name, such as Europe/Paris"}
	}
	if _, err := time.LoadLocation(name); err != nil {
		return Invalid{"zone", fmt.Sprintf("%q is not a time zone's name, such as Europe/Paris", name)}
	}
	return nil
}
