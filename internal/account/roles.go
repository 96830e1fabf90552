package account

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Role is something that a person does in the war room.
type Role string

const (
	Viewer    Role = "viewer"    // sees the board
	Operator  Role = "operator"  // acts on it: phases, notes, acknowledgements
	Author    Role = "author"    // writes runbooks and messages
	Validator Role = "validator" // approves what authors wrote
	Admin     Role = "admin"     // manages people, tokens and the system
)

// AllRoles are those that there are, in the order in which they are shown.
func AllRoles() []Role { return []Role{Viewer, Operator, Author, Validator, Admin} }

// Allows tells whether r includes need: each role includes viewer, and admin includes operator. Nobody
// writes or approves messages by being an admin. An unknown role allows nothing, and is allowed by
// none.
func (r Role) Allows(need Role) bool {
	if !slices.Contains(AllRoles(), r) {
		return false
	}
	return r == need || need == Viewer || r == Admin && need == Operator
}

// Roles is the set that a person has, each once and in the order of AllRoles.
type Roles []Role

// Allows tells whether one of them includes need.
func (rs Roles) Allows(need Role) bool {
	return slices.ContainsFunc(rs, func(r Role) bool { return r.Allows(need) })
}

// Has tells whether the role itself is there, included or not.
func (rs Roles) Has(r Role) bool { return slices.Contains(rs, r) }

// String is as ParseRoles reads it: "operator,validator".
func (rs Roles) String() string {
	names := make([]string, len(rs))
	for i, r := range rs {
		names[i] = string(r)
	}
	return strings.Join(names, ",")
}

// ParseRoles reads names separated by commas or spaces, in any case. It fails with an Invalid that
// names the first one that there is not.
func ParseRoles(text string) (Roles, error) {
	var rs Roles
	for name := range strings.FieldsFuncSeq(strings.ToLower(text), func(c rune) bool { return c == ',' || c == ' ' }) {
		rs = append(rs, Role(name))
	}
	return rs.valid()
}

// valid is the set in its one form.
func (rs Roles) valid() (Roles, error) {
	if len(rs) == 0 {
		return nil, Invalid{"roles", "there is none; give one or more of " + knownRoles()}
	}
	for _, r := range rs {
		if !slices.Contains(AllRoles(), r) {
			return nil, Invalid{"roles", fmt.Sprintf("%q is none of %s", shortened(string(r)), knownRoles())}
		}
	}
	return slices.DeleteFunc(AllRoles(), func(r Role) bool { return !rs.Has(r) }), nil
}

func knownRoles() string { return strings.ReplaceAll(Roles(AllRoles()).String(), ",", ", ") }

// shortened keeps an error from repeating a page of what was typed.
func shortened(s string) string {
	if len(s) > 24 {
		return strings.ToValidUTF8(s[:24], "") + "…"
	}
	return s
}

// UnmarshalJSON reads accounts of before there were sets, too: those have one role.
func (u *User) UnmarshalJSON(b []byte) error {
	type plain User
	stored := struct {
		*plain
		Role Role `json:"role"`
	}{plain: (*plain)(u)}
	if err := json.Unmarshal(b, &stored); err != nil {
		return err
	}
	if len(u.Roles) == 0 && stored.Role != "" {
		u.Roles = Roles{stored.Role}
	}
	return nil
}
