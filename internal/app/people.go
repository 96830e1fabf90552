package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/user"
	"path/filepath"
	"time"

	"vigie/internal/account"
	"vigie/internal/bus"
	"vigie/web"
)

// People are the accounts and the devices' tokens, for a command. What is done through it is in the
// audit, as done at the command line.
type People struct {
	store  *account.Store
	tokens *account.Tokens
	record func(context.Context, web.Action) error
	close  func()
}

// OpenPeople opens those of a configuration, whether its process runs or not.
func OpenPeople(ctx context.Context, cfg *Config, log *slog.Logger) (*People, error) {
	unlock := func() {}
	if cfg.NATS.URL == "" {
		var err error
		unlock, err = lockFolder(cfg.Data)
		if errors.Is(err, errFolderInUse) {
			client := controlClient(cfg.Data)
			client.Timeout = 10 * time.Second
			to := control{client, "accounts"}
			return &People{account.NewStore(to), account.NewTokens(control{client, "tokens"}), to.record, client.CloseIdleConnections}, nil
		}
		if err != nil {
			return nil, err
		}
	}
	b, err := bus.Open(ctx, bus.Config{
		URL: cfg.NATS.URL, Credentials: cfg.NATS.Credentials, Replicas: cfg.NATS.Replicas, Dir: filepath.Join(cfg.Data, "nats"), Log: log,
	})
	if err != nil {
		unlock()
		return nil, err
	}
	closeAll := func() { b.Close(); unlock() }
	p, err := peopleOn(ctx, b, log)
	if err != nil {
		closeAll()
		return nil, err
	}
	p.close = closeAll
	return p, nil
}

func peopleOn(ctx context.Context, b *bus.Bus, log *slog.Logger) (*People, error) {
	people, err := b.KV(ctx, "accounts")
	if err != nil {
		return nil, err
	}
	tokens, err := b.KV(ctx, "tokens")
	if err != nil {
		return nil, err
	}
	audit, err := openAudit(ctx, b, log)
	if err != nil {
		return nil, err
	}
	return &People{store: account.NewStore(accounts{people}), tokens: account.NewTokens(accounts{tokens}), record: func(ctx context.Context, did web.Action) error {
		audit.record(ctx, did)
		return nil
	}}, nil
}

// Close ends the connection.
func (p *People) Close() { p.close() }

// did notes an act that worked; one that did not changed nothing.
func (p *People) did(ctx context.Context, err error, what, on string) error {
	if err != nil {
		return err
	}
	who := atCommandLine
	if u, err := user.Current(); err == nil {
		who += " (" + u.Username + ")"
	}
	if err := p.record(ctx, web.Action{At: time.Now(), Who: who, What: what, On: on, Outcome: "ok"}); err != nil {
		return fmt.Errorf("it is done, but not in the audit: %w", err)
	}
	return nil
}

// atCommandLine is who acts there, in the audit.
const atCommandLine = "command line"

// Add makes an account; roles are as account.ParseRoles reads them.
func (p *People) Add(ctx context.Context, name, display, roles, language, password string) error {
	rs, err := account.ParseRoles(roles)
	if err != nil {
		return err
	}
	u, err := p.store.Add(ctx, account.User{Name: name, Display: display, Roles: rs, Language: language}, password)
	return p.did(ctx, err, web.DidAddPerson, u.Name+": "+u.Roles.String())
}

// SetPassword changes a password.
func (p *People) SetPassword(ctx context.Context, name, password string) error {
	return p.did(ctx, p.store.SetPassword(ctx, name, password), web.DidSetPassword, name)
}

// SetRoles changes what someone may do.
func (p *People) SetRoles(ctx context.Context, name, roles string) error {
	rs, err := account.ParseRoles(roles)
	if err != nil {
		return err
	}
	u, err := p.store.Change(ctx, name, func(u *account.User) error { u.Roles = rs; return nil })
	return p.did(ctx, err, web.DidChangePerson, u.Name+": "+u.Roles.String())
}

// SetDisabled closes the door to someone, or opens it again.
func (p *People) SetDisabled(ctx context.Context, name string, disabled bool) error {
	_, err := p.store.Change(ctx, name, func(u *account.User) error { u.Disabled = disabled; return nil })
	what := web.DidEnablePerson
	if disabled {
		what = web.DidDisablePerson
	}
	return p.did(ctx, err, what, name)
}

// Remove removes an account.
func (p *People) Remove(ctx context.Context, name string) error {
	return p.did(ctx, p.store.Remove(ctx, name), web.DidRemovePerson, name)
}

// List lists the accounts by name.
func (p *People) List(ctx context.Context) ([]account.User, error) { return p.store.List(ctx) }

// MakeToken makes a device's token of the kind wall, api or contacts; the secret is told once. life 0: it never
// expires.
func (p *People) MakeToken(ctx context.Context, name, kind string, life time.Duration) (t account.Token, secret string, err error) {
	t = account.Token{Name: name, Kind: account.TokenKind(kind), By: atCommandLine}
	if life != 0 {
		t.Expires = time.Now().Add(life).UTC().Truncate(time.Second)
	}
	t, secret, err = p.tokens.Make(ctx, t)
	return t, secret, p.did(ctx, err, web.DidMakeToken, web.TokenName(t))
}

// RevokeToken makes a token count no more.
func (p *People) RevokeToken(ctx context.Context, id string) (account.Token, error) {
	t, err := p.tokens.Revoke(ctx, id)
	return t, p.did(ctx, err, web.DidRevokeToken, web.TokenName(t))
}

// Tokens lists the tokens, the newest first.
func (p *People) Tokens(ctx context.Context) ([]account.Token, error) { return p.tokens.List(ctx) }
