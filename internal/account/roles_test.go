package account

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

func TestRoles(t *testing.T) {
	includes := map[Role][]Role{
		Viewer: {Viewer}, Operator: {Viewer, Operator}, Author: {Viewer, Author}, Validator: {Viewer, Validator}, Admin: {Viewer, Operator, Admin},
		"root": nil, "": nil,
	}
	for have, all := range includes {
		for need := range includes {
			want := false
			for _, r := range all {
				want = want || r == need
			}
			if got := have.Allows(need); got != want {
				t.Errorf("%q allows %q: %v, want %v", have, need, got, want)
			}
			if got := (User{Roles: Roles{"root", have}}).May(need); got != want {
				t.Errorf("someone with %q may %q: %v, want %v", have, need, got, want)
			}
			if (User{Roles: Roles{have}, Disabled: true}).May(need) {
				t.Errorf("a disabled %q may %q", have, need)
			}
		}
	}
	both := User{Roles: Roles{Author, Admin}}
	if !both.May(Author) || !both.May(Operator) || both.May(Validator) {
		t.Error("a set allows what one of its roles does, and nothing more")
	}
}

func TestParseRoles(t *testing.T) {
	for text, want := range map[string]string{
		"viewer": "viewer", "validator,operator": "operator,validator", " Admin , admin author ": "author,admin",
		"viewer operator author validator admin": "viewer,operator,author,validator,admin",
	} {
		rs, err := ParseRoles(text)
		if err != nil || rs.String() != want {
			t.Errorf("ParseRoles(%q) = %s, %v; want %s", text, rs, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                  "there is none; give one or more of viewer, operator, author, validator, admin",
		" , ":                               "there is none",
		"operator,king":                     `"king" is none of viewer, operator, author, validator, admin`,
		"viewer;admin":                      `"viewer;admin" is none of`,
		strings.Repeat("x", 1000) + ",king": `"xxxxxxxxxxxxxxxxxxxxxxxx…" is none of`,
	} {
		if rs, err := ParseRoles(text); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("ParseRoles(%.20q) = %s, %v; want an error with %s", text, rs, err, want)
		}
	}
}

// Accounts that were stored before there were sets have one role.
func TestStoredRoles(t *testing.T) {
	for stored, want := range map[string]string{
		`{"name":"claire","role":"operator"}`:                  "operator",
		`{"name":"claire","roles":["author","validator"]}`:     "author,validator",
		`{"name":"claire","roles":["viewer"],"role":"admin"}`:  "viewer",
		`{"name":"claire","role":"root"}`:                      "root",
		`{"name":"claire","created":"2026-07-19T20:00:00.5Z"}`: "",
	} {
		var u User
		if err := json.Unmarshal([]byte(stored), &u); err != nil {
			t.Fatal(err)
		}
		if u.Name != "claire" || u.Roles.String() != want {
			t.Errorf("%s is read as %s with %s, want %s", stored, u.Name, u.Roles, want)
		}
		again, err := json.Marshal(u)
		if err != nil || strings.Contains(string(again), `"role":`) {
			t.Errorf("written again: %s, %v", again, err)
		}
	}
}

func TestSomebodyAlwaysManagesTheOthers(t *testing.T) {
	store := newStore(t)
	ctx := t.Context()
	for name, rs := range map[string]Roles{"ana": {Admin}, "bob": {Operator}, "gone": {Admin}} {
		if _, err := store.Add(ctx, User{Name: name, Roles: rs, Disabled: name == "gone"}, "douze caractères"); err != nil {
			t.Fatal(err)
		}
	}
	leave := map[string]func(name string) error{
		"demoted":  func(name string) error { return store.changed(ctx, name, func(u *User) { u.Roles = Roles{Operator} }) },
		"disabled": func(name string) error { return store.changed(ctx, name, func(u *User) { u.Disabled = true }) },
		"removed":  func(name string) error { return store.Remove(ctx, name) },
	}
	for how, end := range leave {
		if err := end("ana"); err != ErrLastAdmin {
			t.Errorf("the last admin is %s: %v, want ErrLastAdmin", how, err)
		}
	}
	if err := store.changed(ctx, "ana", func(u *User) { u.Roles = Roles{Admin, Author} }); err != nil {
		t.Errorf("the last admin gets another role besides: %v", err)
	}
	if err := store.changed(ctx, "bob", func(u *User) { u.Roles = Roles{Admin} }); err != nil {
		t.Fatal(err)
	}
	if err := leave["demoted"]("ana"); err != nil {
		t.Errorf("one of two admins is demoted: %v", err)
	}
	if err := leave["removed"]("bob"); err != ErrLastAdmin {
		t.Errorf("then the other one is removed: %v, want ErrLastAdmin", err)
	}
}

func (s *Store) changed(ctx context.Context, name string, edit func(*User)) error {
	_, err := s.Change(ctx, name, func(u *User) error { edit(u); return nil })
	return err
}
