package account

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestSignIn(t *testing.T) {
	store := newStore(t)
	ctx := t.Context()
	const password = "douze caractères au moins"
	if _, err := store.Add(ctx, User{Name: "Claire", Roles: Roles{Operator}}, password); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Add(ctx, User{Name: "gone", Roles: Roles{Admin}, Disabled: true}, password); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		name, password string
		want           error
	}{
		"right":                      {"claire", password, nil},
		"name in another case":       {" CLAIRE ", password, nil},
		"wrong password":             {"claire", password + "!", ErrDenied},
		"no password":                {"claire", "", ErrDenied},
		"endless password":           {"claire", strings.Repeat("x", 1<<20), ErrDenied},
		"unknown name":               {"nobody", password, ErrDenied},
		"what cannot be a name":      {"../claire", password, ErrDenied},
		"disabled account":           {"gone", password, ErrDenied},
		"empty name and password":    {"", "", ErrDenied},
		"another account's key form": {"claire\x00", password, ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := store.SignIn(ctx, tt.name, tt.password)
			if !errors.Is(err, tt.want) {
				t.Fatalf("SignIn() = %v, want %v", err, tt.want)
			}
			if (err == nil) != (u.Name == "claire") {
				t.Errorf("SignIn() = %q with %v", u.Name, err)
			}
		})
	}
}

func TestSignInWaitsForItsTurn(t *testing.T) {
	store := newStore(t)
	for range cap(store.hasher.slots) {
		store.hasher.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.SignIn(ctx, "claire", "douze caractères"); !errors.Is(err, context.Canceled) {
		t.Errorf("SignIn with every turn taken = %v, want its context's error", err)
	}
}

func TestAddRefuses(t *testing.T) {
	const good = "douze caractères"
	for name, tt := range map[string]struct {
		user     User
		password string
		field    string
	}{
		"short name":             {User{Name: "a", Roles: Roles{Viewer}}, good, "name"},
		"long name":              {User{Name: strings.Repeat("a", 65), Roles: Roles{Viewer}}, good, "name"},
		"name with a space":      {User{Name: "a b", Roles: Roles{Viewer}}, good, "name"},
		"name with a slash":      {User{Name: "a/b", Roles: Roles{Viewer}}, good, "name"},
		"name with a star":       {User{Name: "a*", Roles: Roles{Viewer}}, good, "name"},
		"name with two dots":     {User{Name: "a..b", Roles: Roles{Viewer}}, good, "name"},
		"name ends in a dot":     {User{Name: "ab.", Roles: Roles{Viewer}}, good, "name"},
		"accented name":          {User{Name: "zoé", Roles: Roles{Viewer}}, good, "name"},
		"no role":                {User{Name: "claire"}, good, "roles"},
		"unknown role":           {User{Name: "claire", Roles: Roles{"root"}}, good, "roles"},
		"long display name":      {User{Name: "claire", Roles: Roles{Viewer}, Display: strings.Repeat("é", 65)}, good, "display"},
		"display with a newline": {User{Name: "claire", Roles: Roles{Viewer}, Display: "a\nb"}, good, "display"},
		"short password":         {User{Name: "claire", Roles: Roles{Viewer}}, "onze lettre", "password"},
		"long password":          {User{Name: "claire", Roles: Roles{Viewer}}, strings.Repeat("x", 257), "password"},
		"unknown theme":          {User{Name: "claire", Roles: Roles{Viewer}, Theme: "pink"}, good, "theme"},
		"unknown time zone":      {User{Name: "claire", Roles: Roles{Viewer}, Zone: "Europe/Atlantis"}, good, "zone"},
		"the machine's zone":     {User{Name: "claire", Roles: Roles{Viewer}, Zone: "Local"}, good, "zone"},
		"a zone that is a path":  {User{Name: "claire", Roles: Roles{Viewer}, Zone: "../../etc/passwd"}, good, "zone"},
		"broken password":        {User{Name: "claire", Roles: Roles{Viewer}}, "\xff\xfe douze caractères", "password"},
	} {
		t.Run(name, func(t *testing.T) {
			store := newStore(t)
			_, err := store.Add(t.Context(), tt.user, tt.password)
			if invalid, ok := errors.AsType[Invalid](err); !ok || invalid.Field != tt.field {
				t.Fatalf("Add() = %v, want an Invalid %s", err, tt.field)
			}
			if users, _ := store.List(t.Context()); len(users) != 0 {
				t.Error("the account was kept nevertheless")
			}
		})
	}
}

func TestAddTwice(t *testing.T) {
	store := newStore(t)
	if _, err := store.Add(t.Context(), User{Name: "claire", Roles: Roles{Viewer}}, "premier mot de passe"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Add(t.Context(), User{Name: "CLAIRE", Roles: Roles{Admin}}, "deuxième mot de passe"); !errors.Is(err, ErrExists) {
		t.Fatalf("Add() = %v, want ErrExists", err)
	}
	if u, _ := store.Find(t.Context(), "claire"); !u.Roles.Has(Viewer) {
		t.Errorf("the second account replaced the first: %s", u.Roles)
	}
}

func TestChange(t *testing.T) {
	store := newStore(t)
	ctx := t.Context()
	before, err := store.Add(ctx, User{Name: "claire", Roles: Roles{Viewer}}, "douze caractères")
	if err != nil {
		t.Fatal(err)
	}
	after, err := store.Change(ctx, "claire", func(u *User) error {
		u.Roles, u.Name, u.Hash = Roles{Operator, Viewer, Operator}, "other", "forged"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := before
	want.Roles = Roles{Viewer, Operator} // each once, in their order
	if !reflect.DeepEqual(after, want) {
		t.Errorf("Change() = %+v, want %+v", after, want)
	}
	if _, err := store.Change(ctx, "claire", func(u *User) error { u.Roles = Roles{"root"}; return nil }); err == nil {
		t.Error("an unknown role was taken")
	}
	if _, err := store.Change(ctx, "nobody", func(*User) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("Change() of nobody = %v, want ErrNotFound", err)
	}
}

func TestChangeLosesNothingToOthers(t *testing.T) {
	store := newStore(t)
	ctx := t.Context()
	if _, err := store.Add(ctx, User{Name: "claire", Roles: Roles{Viewer}}, "douze caractères"); err != nil {
		t.Fatal(err)
	}
	others := 0
	_, err := store.Change(ctx, "claire", func(u *User) error {
		if others++; others == 1 { // someone else is quicker, once
			if _, err := store.Change(ctx, "claire", func(u *User) error { u.Language = "fr"; return nil }); err != nil {
				return err
			}
		}
		u.Roles = Roles{Admin}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if u, _ := store.Find(ctx, "claire"); !u.Roles.Has(Admin) || u.Language != "fr" {
		t.Errorf("after both changes: %s, language %q; want admin, fr", u.Roles, u.Language)
	}
	_, err = store.Change(ctx, "claire", func(u *User) error { // someone else is always quicker
		_, err := store.change(ctx, "claire", func(*User) error { return nil })
		return err
	})
	if !errors.Is(err, ErrConflict) {
		t.Errorf("Change() = %v, want ErrConflict after some attempts", err)
	}
}

func TestNewPasswordChangesTheStamp(t *testing.T) {
	store := newStore(t)
	ctx := t.Context()
	before, err := store.Add(ctx, User{Name: "claire", Roles: Roles{Viewer}}, "premier mot de passe")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SetPassword(ctx, "claire", "deuxième mot de passe"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.SignIn(ctx, "claire", "premier mot de passe"); !errors.Is(err, ErrDenied) {
		t.Errorf("the old password still signs in: %v", err)
	}
	after, err := store.SignIn(ctx, "claire", "deuxième mot de passe")
	if err != nil {
		t.Fatal(err)
	}
	if before.Stamp() == after.Stamp() {
		t.Error("the stamp stayed, so old sessions would live on")
	}
}

func TestListAndRemove(t *testing.T) {
	store := newStore(t)
	ctx := t.Context()
	for _, name := range []string{"zoe", "ana"} {
		if _, err := store.Add(ctx, User{Name: name, Roles: Roles{Viewer}}, "douze caractères"); err != nil {
			t.Fatal(err)
		}
	}
	users, err := store.List(ctx)
	if err != nil || len(users) != 2 || users[0].Name != "ana" || users[1].Name != "zoe" {
		t.Fatalf("List() = %v, %v; want ana, zoe", users, err)
	}
	if err := store.Remove(ctx, "ana"); err != nil {
		t.Fatal(err)
	}
	if err := store.Remove(ctx, "ana"); !errors.Is(err, ErrNotFound) {
		t.Errorf("second Remove() = %v, want ErrNotFound", err)
	}
}

// newStore hashes at the least cost that argon2 takes, which changes nothing but the time.
func newStore(t *testing.T) *Store {
	t.Helper()
	store := NewStore(&memory{values: make(map[string]entry)})
	store.hasher = newHasher(cost{memory: 8, passes: 1, threads: 1})
	return store
}

type entry struct {
	value    []byte
	revision uint64
}

// memory is a KV that lives as long as its test.
type memory struct {
	mu       sync.Mutex
	values   map[string]entry
	revision uint64
}

func (m *memory) Get(_ context.Context, key string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.values[key]
	if !ok {
		return nil, 0, ErrNotFound
	}
	return e.value, e.revision, nil
}

func (m *memory) Create(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.values[key]; ok {
		return ErrExists
	}
	m.revision++
	m.values[key] = entry{value, m.revision}
	return nil
}

func (m *memory) Update(_ context.Context, key string, value []byte, revision uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values[key].revision != revision {
		return ErrConflict
	}
	m.revision++
	m.values[key] = entry{value, m.revision}
	return nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values, key)
	return nil
}

func (m *memory) Keys(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := make([]string, 0, len(m.values))
	for key := range m.values {
		keys = append(keys, key)
	}
	return keys, nil
}
