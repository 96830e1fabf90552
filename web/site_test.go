package web

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/account"
)

// The password's hash is of the least cost that argon2 takes: what a real one costs is account's to test.
const (
	password = "douze caractères au moins"
	hash     = "$argon2id$v=19$m=8,t=1,p=1$sCW6OEHdoYGzO5LX0MOM4g$Z6GGtUdRpcqzyO8ZK2MawBcUXX1OWUOvVgVU2Qqv/gs"
)

// site is the whole server on the loopback, with an account for each role.
type site struct {
	*Server
	http     *httptest.Server
	accounts *account.Store
	tokens   *account.Tokens
	sessions *memorySessions
	audit    *audit
}

func newSite(tb testing.TB, edit func(*Config)) *site {
	tb.Helper()
	kv := &memoryKV{values: make(map[string]revised)}
	s := &site{
		accounts: account.NewStore(kv),
		tokens:   account.NewTokens(&memoryKV{values: make(map[string]revised)}),
		sessions: &memorySessions{values: make(map[string]expiring)},
		audit:    new(audit),
	}
	for _, u := range []account.User{
		{Name: "viewer", Roles: account.Roles{account.Viewer}, Display: "Zoé V."}, {Name: "operator", Roles: account.Roles{account.Operator}},
		{Name: "author", Roles: account.Roles{account.Author}}, {Name: "validator", Roles: account.Roles{account.Validator}},
		{Name: "admin", Roles: account.Roles{account.Admin}},
	} {
		u.Hash = hash
		value, err := json.Marshal(u)
		if err != nil {
			tb.Fatal(err)
		}
		if err := kv.Create(tb.Context(), u.Name, value); err != nil {
			tb.Fatal(err)
		}
	}
	config := Config{Accounts: s.accounts, Tokens: s.tokens, Sessions: s.sessions, Log: slog.New(slog.DiscardHandler), Audit: s.audit.note, Trail: s.audit}
	if edit != nil {
		edit(&config)
	}
	var err error
	if s.Server, err = New(config); err != nil {
		tb.Fatal(err)
	}
	s.http = httptest.NewUnstartedServer(s.Handler())
	s.http.Config = NewHTTPServer(s.Handler(), config.Log)
	s.http.Start()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			tb.Error(err)
		}
		s.http.Close()
	})
	return s
}

// browser is a client with cookies that shows redirects instead of following them.
func browser(tb testing.TB) *http.Client {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &http.Client{
		Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *site) signedIn(tb testing.TB, name string) *http.Client {
	tb.Helper()
	return s.signedInFrom(tb, name, nil)
}

// signedInFrom is signedIn with headers, such as an address to count tries by.
func (s *site) signedInFrom(tb testing.TB, name string, header http.Header) *http.Client {
	tb.Helper()
	b := browser(tb)
	if r := s.post(tb, b, "/sign-in", url.Values{"name": {name}, "password": {password}}, header); r.StatusCode != http.StatusSeeOther {
		tb.Fatalf("sign-in of %s answered %d", name, r.StatusCode)
	}
	return b
}

// token makes a device's token.
func (s *site) token(tb testing.TB, kind account.TokenKind, name string) (account.Token, string) {
	tb.Helper()
	made, secret, err := s.tokens.Make(tb.Context(), account.Token{Name: name, Kind: kind, By: "admin"})
	if err != nil {
		tb.Fatal(err)
	}
	return made, secret
}

// loopback are proxies whose X-Forwarded-For a test may write.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func (s *site) post(tb testing.TB, b *http.Client, path string, form url.Values, header http.Header) *http.Response {
	tb.Helper()
	return s.do(tb, b, http.MethodPost, path, strings.NewReader(form.Encode()), header)
}

func (s *site) get(tb testing.TB, b *http.Client, path string) *http.Response {
	tb.Helper()
	return s.do(tb, b, http.MethodGet, path, nil, nil)
}

func (s *site) do(tb testing.TB, b *http.Client, method, path string, body io.Reader, header http.Header) *http.Response {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, s.http.URL+path, body)
	if err != nil {
		tb.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := b.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = response.Body.Close() })
	return response
}

type audit struct {
	mu      sync.Mutex
	actions []Action
}

func (a *audit) note(_ context.Context, action Action) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.actions = append(a.actions, action)
}

func (a *audit) last(tb testing.TB) Action {
	tb.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.actions) == 0 {
		tb.Fatal("nothing was audited")
	}
	return a.actions[len(a.actions)-1]
}

// Find is AuditTrail's: the audit of this test, by the same rules as the real one's.
func (a *audit) Find(_ context.Context, f AuditFilter) (AuditPage, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var p AuditPage
	for i := len(a.actions) - 1; i >= 0; i-- {
		of := a.actions[i]
		at := AuditCursor{of.At.UTC().Truncate(time.Millisecond), uint64(i + 1)}
		switch {
		case f.Before != AuditCursor{} && at.Sequence >= f.Before.Sequence,
			!strings.Contains(of.Who, f.Who), f.What != "" && of.What != f.What,
			of.At.Before(f.Since), !f.Until.IsZero() && !of.At.Before(f.Until):
			continue
		case len(p.Actions) == f.Limit:
			return p, nil
		}
		p.Actions = append(p.Actions, of)
		p.Next = at
	}
	p.Next = AuditCursor{}
	return p, nil
}

func (a *audit) Actions(context.Context) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for _, of := range a.actions {
		names = append(names, of.What)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// memorySessions and memoryKV live as long as their test.
type memorySessions struct {
	mu     sync.Mutex
	values map[string]expiring
}

type expiring struct {
	value  []byte
	expiry time.Time
}

func (m *memorySessions) Get(_ context.Context, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.values[key]
	return e.value, ok && time.Now().Before(e.expiry), nil
}

func (m *memorySessions) All(context.Context) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string][]byte)
	for key, e := range m.values {
		if time.Now().Before(e.expiry) {
			all[key] = e.value
		}
	}
	return all, nil
}

func (m *memorySessions) Put(_ context.Context, key string, value []byte, expiry time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[key] = expiring{value, expiry}
	return nil
}

func (m *memorySessions) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values, key)
	return nil
}

type memoryKV struct {
	mu     sync.Mutex
	values map[string]revised
}

type revised struct {
	value    []byte
	revision uint64
}

func (m *memoryKV) Get(_ context.Context, key string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.values[key]
	if !ok {
		return nil, 0, account.ErrNotFound
	}
	return e.value, e.revision, nil
}

func (m *memoryKV) Create(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.values[key]; ok {
		return account.ErrExists
	}
	m.values[key] = revised{value, 1}
	return nil
}

func (m *memoryKV) Update(_ context.Context, key string, value []byte, revision uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values[key].revision != revision {
		return account.ErrConflict
	}
	m.values[key] = revised{value, revision + 1}
	return nil
}

func (m *memoryKV) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values, key)
	return nil
}

func (m *memoryKV) Keys(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for key := range m.values {
		keys = append(keys, key)
	}
	return keys, nil
}
