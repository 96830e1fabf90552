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
	"vigie/web"
)

// A running process is reached by whoever may read its data folder, through a socket in it. `vigie
// user` and `vigie token` work beside a server whose bus is embedded: what goes over the socket is the
// buckets' five verbs, so that both sides use the same stores, and what was done, for the audit. `vigie
// replay` asks for a replay there.

const controlSocket = "control.sock"

// maxSocketPath is Linux's: sun_path of unix(7), less its end.
const maxSocketPath = 107

type controlCall struct {
	Verb     string `json:"verb"`
	Bucket   string `json:"bucket,omitempty"`
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

// controlled is what the socket leads to.
type controlled struct {
	buckets map[string]account.KV
	audit   func(context.Context, web.Action)
}

func serveControl(ctx context.Context, folder string, to controlled, replay *replayDoor, log *slog.Logger) error {
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
		json.NewEncoder(w).Encode(to.answer(r.Context(), call))
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

func (to controlled) answer(ctx context.Context, c controlCall) (a controlAnswer) {
	var err error
	kv := to.buckets[c.Bucket]
	switch {
	case c.Verb == "audit":
		var did web.Action
		if err = json.Unmarshal(c.Value, &did); err == nil {
			to.audit(ctx, did)
		}
	case kv == nil:
		err = fmt.Errorf("%q is no bucket", c.Bucket)
	default:
		a, err = answerKV(ctx, kv, c)
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

func answerKV(ctx context.Context, kv account.KV, c controlCall) (a controlAnswer, err error) {
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
	return a, err
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

// control is the other side of the socket: a bucket as account.KV wants it.
type control struct {
	client *http.Client
	bucket string
}

func (c control) call(ctx context.Context, call controlCall) (a controlAnswer, err error) {
	call.Bucket = c.bucket
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

// record tells the running process what was done, for its audit.
func (c control) record(ctx context.Context, did web.Action) error {
	value, err := json.Marshal(did)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, controlCall{Verb: "audit", Value: value})
	return err
}
