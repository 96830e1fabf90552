package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func newTokens() (*Tokens, *memory) {
	kv := &memory{values: make(map[string]entry)}
	return NewTokens(kv), kv
}

func make1(t *testing.T, ts *Tokens, kind TokenKind, name string) (Token, string) {
	t.Helper()
	made, secret, err := ts.Make(t.Context(), Token{Name: name, Kind: kind, By: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	return made, secret
}

func TestTokenLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		ts, kv := newTokens()
		made, secret, err := ts.Make(ctx, Token{Name: "  Mur   régie ", Kind: Wall, By: "ana", Expires: time.Now().Add(time.Hour), ID: "forged", Hash: "forged"})
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^vigie_wall_[a-z2-7]{32}$`).MatchString(secret) {
			t.Errorf("the secret is %q, want 160 bits in base32 after its prefix", secret)
		}
		if made.Name != "Mur régie" || made.By != "ana" || made.ID == "forged" || made.Hash == "forged" || !made.Created.Equal(time.Now()) {
			t.Errorf("made %+v", made)
		}
		for key, e := range kv.values {
			if bytes.Contains(e.value, []byte(secret[len(secret)-20:])) || strings.Contains(secret, key) {
				t.Error("the store has the secret")
			}
		}
		used := func() time.Time {
			t.Helper()
			got, err := ts.Check(ctx, Wall, secret)
			if err != nil || got.ID != made.ID {
				t.Fatalf("Check() = %+v, %v", got, err)
			}
			return got.LastUsed
		}
		first := used()
		if !first.Equal(time.Now()) {
			t.Errorf("first used at %s", first)
		}
		time.Sleep(59 * time.Second)
		writes := kv.revision
		if again := used(); !again.Equal(first) || kv.revision != writes {
			t.Errorf("59 s later the use was written again, at %s", again)
		}
		time.Sleep(time.Second)
		if again := used(); !again.Equal(time.Now()) || kv.revision != writes+1 {
			t.Errorf("a minute later the use stands at %s", again)
		}

		time.Sleep(time.Hour)
		if _, err := ts.Check(ctx, Wall, secret); !errors.Is(err, ErrExpired) || !errors.Is(err, ErrDenied) {
			t.Errorf("past its end: %v, want ErrExpired", err)
		}
		if got, err := ts.Revoke(ctx, made.ID); err != nil || !got.Revoked.Equal(time.Now()) {
			t.Errorf("Revoke() = %+v, %v", got, err)
		}
		if _, err := ts.Check(ctx, Wall, secret); !errors.Is(err, ErrRevoked) || !errors.Is(err, ErrDenied) {
			t.Errorf("revoked: %v, want ErrRevoked", err)
		}
		when := time.Now()
		time.Sleep(time.Minute)
		if got, err := ts.Revoke(ctx, made.ID); err != nil || !got.Revoked.Equal(when) {
			t.Errorf("revoked again: %+v, %v; want it as it was", got, err)
		}
	})
}

func TestCheckRefuses(t *testing.T) {
	ts, _ := newTokens()
	_, wall := make1(t, ts, Wall, "mur")
	_, api := make1(t, ts, API, "grafana")
	_, contacts := make1(t, ts, Contacts, "crm")
	last := "a"
	if strings.HasSuffix(wall, "a") {
		last = "b"
	}
	for name, tt := range map[string]struct {
		kind   TokenKind
		secret string
		want   error
	}{
		"a wall's on the wall":    {Wall, wall, nil},
		"an API's on the API":     {API, api, nil},
		"a wall's on the API":     {API, wall, ErrDenied},
		"an API's on the wall":    {Wall, api, ErrDenied},
		"contacts' for contacts":  {Contacts, contacts, nil},
		"contacts' on the API":    {API, contacts, ErrDenied},
		"contacts' on the wall":   {Wall, contacts, ErrDenied},
		"an API's for contacts":   {Contacts, api, ErrDenied},
		"a wall's for contacts":   {Contacts, wall, ErrDenied},
		"with another prefix":     {API, API.Prefix() + strings.TrimPrefix(wall, Wall.Prefix()), ErrDenied},
		"nothing":                 {Wall, "", ErrDenied},
		"the prefix alone":        {Wall, Wall.Prefix(), ErrDenied},
		"a letter changed":        {Wall, wall[:len(wall)-1] + last, ErrDenied},
		"a letter more":           {Wall, wall + "a", ErrDenied},
		"endless":                 {Wall, wall + strings.Repeat("a", 1<<20), ErrDenied},
		"in capitals, unread":     {Wall, strings.ToUpper(wall), ErrDenied},
		"typed by hand":           {Wall, Wall.ReadSecret(" " + strings.ToUpper(strings.TrimPrefix(wall, Wall.Prefix())[:8]) + "-" + wall[len(Wall.Prefix())+8:] + "\n"), nil},
		"pasted with its prefix":  {Wall, Wall.ReadSecret(wall), nil},
		"typed, of another kind":  {Wall, Wall.ReadSecret(api), ErrDenied},
		"broken text, typed":      {Wall, Wall.ReadSecret("\xff\xfe"), ErrDenied},
		"what is no token's kind": {"admin", "vigie_admin_" + wall, ErrDenied},
	} {
		if _, err := ts.Check(t.Context(), tt.kind, tt.secret); !errors.Is(err, tt.want) {
			t.Errorf("%s: Check() = %v, want %v", name, err, tt.want)
		}
	}
}

// The id finds a token and proves nothing: a secret whose hash begins the same is compared in full.
func TestCheckComparesTheWholeHash(t *testing.T) {
	ts, kv := newTokens()
	made, secret := make1(t, ts, Wall, "mur")
	e := kv.values[made.ID]
	for name, hash := range map[string]string{
		"another end": made.Hash[:62] + "00", "a part": made.Hash[:32], "none": "", "no hex": strings.Repeat("zz", 32),
	} {
		if hash == made.Hash {
			hash = made.Hash[:62] + "01"
		}
		kv.values[made.ID] = entry{bytes.Replace(e.value, []byte(made.Hash), []byte(hash), 1), e.revision}
		if _, err := ts.Check(t.Context(), Wall, secret); err != ErrDenied {
			t.Errorf("%s: Check() = %v, want ErrDenied", name, err)
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	ts, _ := newTokens()
	make1(t, ts, Wall, "Mur")
	for name, tt := range map[string]struct {
		token Token
		field string
	}{
		"no name":             {Token{Kind: Wall, Name: "  "}, "name"},
		"a long name":         {Token{Kind: Wall, Name: strings.Repeat("é", 65)}, "name"},
		"a broken name":       {Token{Kind: Wall, Name: "a\xff"}, "name"},
		"a name with control": {Token{Kind: Wall, Name: "a\x00b"}, "name"},
		"no kind":             {Token{Name: "x"}, "kind"},
		"an unknown kind":     {Token{Name: "x", Kind: "admin"}, "kind"},
		"an end in the past":  {Token{Name: "x", Kind: Wall, Expires: time.Now().Add(-time.Hour)}, "expires"},
	} {
		if _, _, err := ts.Make(t.Context(), tt.token); err == nil {
			t.Errorf("%s was taken", name)
		} else if invalid, ok := errors.AsType[Invalid](err); !ok || invalid.Field != tt.field {
			t.Errorf("%s: %v, want an Invalid %s", name, err, tt.field)
		}
	}
	if _, _, err := ts.Make(t.Context(), Token{Name: "mur", Kind: API}); !errors.Is(err, ErrExists) {
		t.Errorf("a name that is in use: %v, want ErrExists", err)
	}
}

func TestTokensAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ts, kv := newTokens()
		var first Token
		for i := range maxTokens {
			made, _ := make1(t, ts, API, fmt.Sprint("t", i))
			if i == 0 {
				first = made
			}
		}
		if _, _, err := ts.Make(t.Context(), Token{Name: "one more", Kind: API}); !errors.Is(err, ErrTooManyTokens) {
			t.Fatalf("one more: %v, want ErrTooManyTokens", err)
		}
		if _, err := ts.Revoke(t.Context(), first.ID); err != nil {
			t.Fatal(err)
		}
		make1(t, ts, API, "t0") // its name is free, and so is its room
		if _, ok := kv.values[first.ID]; ok || len(kv.values) != maxTokens {
			t.Errorf("%d tokens are kept, the revoked one among them: %v", len(kv.values), ok)
		}
	})
}

// A use that is noted at the moment of the revocation does not undo it.
func TestRevokeWinsOverUse(t *testing.T) {
	kv := &overtaken{memory: memory{values: make(map[string]entry)}}
	ts := NewTokens(kv)
	made, secret := make1(t, ts, Wall, "mur")
	kv.before = func() {
		kv.before = nil
		if _, err := ts.Revoke(context.Background(), made.ID); err != nil {
			t.Error(err)
		}
	}
	_, _ = ts.Check(t.Context(), Wall, secret)
	if _, err := ts.Check(t.Context(), Wall, secret); !errors.Is(err, ErrRevoked) {
		t.Errorf("after both: %v, want ErrRevoked", err)
	}
	for _, id := range []string{"", "nothing", strings.Repeat("a", 12), "../../../etc", made.ID + "a"} {
		if _, err := ts.Revoke(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("Revoke(%q) = %v, want ErrNotFound", id, err)
		}
	}
}

// overtaken lets someone else be quicker than an Update.
type overtaken struct {
	memory
	before func()
}

func (o *overtaken) Update(ctx context.Context, key string, value []byte, revision uint64) error {
	if o.before != nil {
		o.before()
	}
	return o.memory.Update(ctx, key, value, revision)
}

func TestNewPasswordsAreTakenAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		p := NewPassword()
		if err := checkPassword(p); err != nil || !regexp.MustCompile(`^([2-9a-hj-km-np-tv-z]{5}-){3}[2-9a-hj-km-np-tv-z]{5}$`).MatchString(p) || seen[p] {
			t.Fatalf("%q: %v", p, err)
		}
		seen[p] = true
	}
}
