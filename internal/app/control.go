package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"vigie/internal/account"
	"vigie/internal/bus"
)

// A running process is reached by whoever may read its data folder, through a socket in it. `vigie
// user` works beside a server whose bus is embedded: what goes over the socket is the bucket's five
// verbs, so that both sides use the same account.Store. `vigie replay` asks for a replay there.

const controlSocket = "control.sock"

// maxSocketPath is Linux's: sun_path of unix(7), less its end.
const maxSocketPath = 107

type controlCall struct {
	Verb     string `json:"verb"`
	Key      string `json:"key,omitempty"`
	Value    []byte `json:"value,omitempty"`
	Revision uint64 `json:"revision,omitempty"`
}

type controlAnswer struct {
	Value    []byte   `json:"value,omitempty"`
	Revision uint64   `json:"revision,omitempty"`
	Keys     []string `json:"keys,omitempty"`
	Error    string   `json:"error,omitempty"`
}

// controlErrors are the errors that account.KV promises, by their name on the socket.
var controlErrors = map[string]error{"not found": account.ErrNotFound, "exists": account.ErrExists, "conflict": account.ErrConflict}

func serveControl(ctx context.Context, folder string, kv account.KV, replay *replayDoor, log *slog.Logger) error {
	path := filepath.Join(folder, controlSocket)
	os.Remove(path) // a leftover of a process that was killed; the folder's lock is ours
	l, err := net.Listen("unix", path)
	if err != nil && len(path) > maxSocketPath {
		return fmt.Errorf("control socket: %s is longer than the %d bytes that a socket's path may have: give a shorter data folder", path, maxSocketPath)
	}
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return fmt.Errorf("control socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		var call controlCall
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&call); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(answerControl(r.Context(), kv, call))
	})
	mux.Handle("POST /replay", replay)
	s := &http.Server{ReadTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), Handler: mux}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

func answerControl(ctx context.Context, kv account.KV, c controlCall) (a controlAnswer) {
	var err error
	switch c.Verb {
	case "get":
		a.Value, a.Revision, err = kv.Get(ctx, c.Key)
	case "create":
		err = kv.Create(ctx, c.Key, c.Value)
	case "update":
		err = kv.Update(ctx, c.Key, c.Value, c.Revision)
	case "delete":
		err = kv.Delete(ctx, c.Key)
	case "keys":
		a.Keys, err = kv.Keys(ctx)
	default:
		err = fmt.Errorf("%q is no verb", c.Verb)
	}
	if err != nil {
		a.Error = err.Error()
		for name, known := range controlErrors {
			if errors.Is(err, known) {
				a.Error = name
			}
		}
	}
	return a
}

// controlClient speaks to the process that has a data folder.
func controlClient(folder string) *http.Client {
	socket := filepath.Join(folder, controlSocket)
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
}

// control is the other side of the socket.
type control struct{ client *http.Client }

func (c control) call(ctx context.Context, call controlCall) (a controlAnswer, err error) {
	body, err := json.Marshal(call)
	if err != nil {
		return a, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://vigie/", bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	res, err := c.client.Do(r)
	if err != nil {
		return a, fmt.Errorf("ask the running vigie: %w", err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, 16<<20)).Decode(&a); err != nil {
		return a, fmt.Errorf("ask the running vigie: %w", err)
	}
	if a.Error != "" {
		if known := controlErrors[a.Error]; known != nil {
			return a, known
		}
		return a, errors.New(a.Error)
	}
	return a, nil
}

func (c control) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	a, err := c.call(ctx, controlCall{Verb: "get", Key: key})
	return a.Value, a.Revision, err
}

func (c control) Create(ctx context.Context, key string, value []byte) error {
	_, err := c.call(ctx, controlCall{Verb: "create", Key: key, Value: value})
	return err
}

func (c control) Update(ctx context.Context, key string, value []byte, revision uint64) error {
	_, err := c.call(ctx, controlCall{Verb: "update", Key: key, Value: value, Revision: revision})
	return err
}

func (c control) Delete(ctx context.Context, key string) error {
	_, err := c.call(ctx, controlCall{Verb: "delete", Key: key})
	return err
}

func (c control) Keys(ctx context.Context) ([]string, error) {
	a, err := c.call(ctx, controlCall{Verb: "keys"})
	return a.Keys, err
}

// Accounts opens the accounts of a configuration, whether its process runs or not. The caller
// calls close when done.
func Accounts(ctx context.Context, cfg *Config, log *slog.Logger) (store *account.Store, close func(), err error) {
	dir := filepath.Join(cfg.Data, "nats")
	if cfg.NATS.URL == "" {
		unlock, err := lockFolder(cfg.Data)
		if errors.Is(err, errFolderInUse) {
			client := controlClient(cfg.Data)
			client.Timeout = 10 * time.Second
			return account.NewStore(control{client}), client.CloseIdleConnections, nil
		}
		if err != nil {
			return nil, nil, err
		}
		defer func() {
			if err != nil {
				unlock()
			}
		}()
		close = unlock
	}
	b, err := bus.Open(ctx, bus.Config{URL: cfg.NATS.URL, Credentials: cfg.NATS.Credentials, Replicas: cfg.NATS.Replicas, Dir: dir, Log: log})
	if err != nil {
		return nil, nil, err
	}
	kv, err := b.KV(ctx, "accounts")
	if err != nil {
		b.Close()
		return nil, nil, err
	}
	unlock := close
	return account.NewStore(accounts{kv}), func() {
		b.Close()
		if unlock != nil {
			unlock()
		}
	}, nil
}
