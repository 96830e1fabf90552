package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// KV is where accounts are kept, or tokens: keys are their names or ids (a-z, 0-9, '.', '_', '-'), values
// are JSON of less than 2 KB. Revisions only serve to be handed back to Update. Errors match ErrNotFound,
// ErrExists (Create) and ErrConflict (Update, of another revision) through errors.Is.
type KV interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Create(ctx context.Context, key string, value []byte) error
	Update(ctx context.Context, key string, value []byte, revision uint64) error
	Delete(ctx context.Context, key string) error
	Keys(ctx context.Context) ([]string, error)
}

// Store keeps the accounts. Its methods may be called at the same time, by several processes too.
type Store struct {
	kv     KV
	hasher hasher
	admins sync.Mutex // held while someone may stop being one, so that two cannot leave together
}

// NewStore keeps accounts in kv.
func NewStore(kv KV) *Store { return &Store{kv: kv, hasher: newHasher(owasp())} }

// Add makes an account; Hash and Created are set here. It fails with Invalid or ErrExists.
func (s *Store) Add(ctx context.Context, u User, password string) (User, error) {
	if err := u.validate(); err != nil {
		return User{}, err
	}
	if err := checkPassword(password); err != nil {
		return User{}, err
	}
	var err error
	if u.Hash, err = s.hasher.hash(ctx, password); err != nil {
		return User{}, err
	}
	u.Created = time.Now().UTC()
	value, err := json.Marshal(u)
	if err != nil {
		return User{}, fmt.Errorf("account: encode %s: %w", u.Name, err)
	}
	if err := s.kv.Create(ctx, u.Name, value); err != nil {
		return User{}, fmt.Errorf("account: add %s: %w", u.Name, err)
	}
	return u, nil
}

// Find fails with ErrNotFound, also for what cannot be a name.
func (s *Store) Find(ctx context.Context, name string) (User, error) {
	u, _, err := s.find(ctx, name)
	return u, err
}

func (s *Store) find(ctx context.Context, name string) (User, uint64, error) {
	key, err := ParseName(name)
	if err != nil {
		return User{}, 0, ErrNotFound
	}
	value, revision, err := s.kv.Get(ctx, key)
	if err != nil {
		return User{}, 0, fmt.Errorf("account: find %s: %w", key, err)
	}
	var u User
	if err := json.Unmarshal(value, &u); err != nil {
		return User{}, 0, fmt.Errorf("account: decode %s: %w", key, err)
	}
	return u, revision, nil
}

// List returns all accounts in the order of their names.
func (s *Store) List(ctx context.Context) ([]User, error) {
	keys, err := s.kv.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("account: list: %w", err)
	}
	users := make([]User, 0, len(keys))
	for _, key := range keys {
		u, err := s.Find(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue // removed since the keys were read
		}
		if err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	slices.SortFunc(users, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	return users, nil
}

// Change applies edit to the account and stores what comes out, again if someone else was quicker, up
// to five times and then with ErrConflict. Name, Hash and Created stay as they are. An error of edit
// is returned as it is.
func (s *Store) Change(ctx context.Context, name string, edit func(*User) error) (User, error) {
	return s.change(ctx, name, func(u *User) error {
		before := *u
		if err := edit(u); err != nil {
			return err
		}
		u.Name, u.Hash, u.Created = before.Name, before.Hash, before.Created
		return nil
	})
}

// SetPassword ends the sessions that were made with the old one, as its stamp changes.
func (s *Store) SetPassword(ctx context.Context, name, password string) error {
	if err := checkPassword(password); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, name, func(u *User) error { u.Hash = hash; return nil })
	return err
}

func (s *Store) change(ctx context.Context, name string, edit func(*User) error) (User, error) {
	for attempt := 1; ; attempt++ {
		u, err := s.tryChange(ctx, name, edit)
		if !errors.Is(err, ErrConflict) || attempt == 5 {
			return u, err
		}
	}
}

func (s *Store) tryChange(ctx context.Context, name string, edit func(*User) error) (User, error) {
	u, revision, err := s.find(ctx, name)
	if err != nil {
		return User{}, err
	}
	managed := u.May(Admin)
	if err := edit(&u); err != nil {
		return User{}, err
	}
	if err := u.validate(); err != nil {
		return User{}, err
	}
	if managed && !u.May(Admin) {
		s.admins.Lock()
		defer s.admins.Unlock()
		if err := s.othersManage(ctx, u.Name); err != nil {
			return User{}, err
		}
	}
	value, err := json.Marshal(u)
	if err != nil {
		return User{}, fmt.Errorf("account: encode %s: %w", u.Name, err)
	}
	if err := s.kv.Update(ctx, u.Name, value, revision); err != nil {
		return User{}, fmt.Errorf("account: change %s: %w", u.Name, err)
	}
	return u, nil
}

// othersManage fails with ErrLastAdmin when nobody but name may manage accounts.
func (s *Store) othersManage(ctx context.Context, name string) error {
	users, err := s.List(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(users, func(u User) bool { return u.Name != name && u.May(Admin) }) {
		return ErrLastAdmin
	}
	return nil
}

// Remove deletes the account; ErrNotFound when there is none, ErrLastAdmin when nobody would be left
// to manage the others.
func (s *Store) Remove(ctx context.Context, name string) error {
	u, _, err := s.find(ctx, name)
	if err != nil {
		return err
	}
	if u.May(Admin) {
		s.admins.Lock()
		defer s.admins.Unlock()
		if err := s.othersManage(ctx, u.Name); err != nil {
			return err
		}
	}
	if err := s.kv.Delete(ctx, u.Name); err != nil {
		return fmt.Errorf("account: remove %s: %w", u.Name, err)
	}
	return nil
}

// SignIn returns the account when the password is its own and it is not disabled, else ErrDenied.
// Whatever is wrong, one hash is computed; at most two are at a time and the others wait while ctx
// lets them. Other errors are the store's.
func (s *Store) SignIn(ctx context.Context, name, password string) (User, error) {
	u, err := s.Find(ctx, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return User{}, err
	}
	if len(password) > maxPassword {
		password = "" // belongs to nobody, and costs as much as any other
	}
	match, err := s.hasher.verify(ctx, u.Hash, password)
	if err != nil {
		return User{}, err
	}
	if !match || u.Disabled {
		return User{}, ErrDenied
	}
	return u, nil
}
