//go:build linux

package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Config says what to serve. Data, Library and one of Socket and Listen are needed.
type Config struct {
	Data    string // folder; created when missing
	Library string // libchdb.so
	Socket  string // unix socket; replaced when it exists, readable by its owner alone
	Listen  string // host:port, loopback only, for reading only; "" for none
	Threads int    // max_threads of a query; 0: as many as cores
	Memory  uint64 // bytes the engine may use; 0: nine tenths of the machine's
	Slots   int    // queries at a time; 0: 8
	Log     *slog.Logger
}

// drain is how long queries may still run once the context has ended.
const drain = 5 * time.Second

// Run serves until the context ends, then lets running queries finish for up to 5 s and closes
// the engine. The error is a *Locked when another process has the folder. A process runs it once:
// the library cannot be unloaded.
func Run(ctx context.Context, cfg Config) (err error) {
	if cfg.Data, err = filepath.Abs(cfg.Data); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	held, err := lock(cfg.Data)
	if err != nil {
		return err
	}
	defer held.Close()
	lib, err := load(cfg.Library)
	if err != nil {
		return err
	}

	tables := filepath.Join(cfg.Data, "clickhouse")
	if err := repairDeduplication(tables, cfg.Log); err != nil {
		return err
	}
	path := "--path=" + tables
	// The embedded engine deletes what was dropped at its next start, and then only what is old enough.
	start := []string{path, "--database_atomic_delay_before_drop_table_sec=0"}
	if cfg.Memory > 0 {
		start = append(start, "--max_server_memory_usage="+strconv.FormatUint(cfg.Memory, 10))
	}
	root, err := lib.open(start)
	if err != nil {
		return err
	}
	defer root.close()

	f := newFront(lib, root, []string{path}, cfg)
	return f.listen(ctx, cfg)
}

func newFront(lib *library, root *conn, args []string, cfg Config) *front {
	f := &front{
		lib: lib, args: args, root: root, rootTurn: make(chan struct{}, 1),
		slots: make(chan struct{}, cmp.Or(cfg.Slots, 8)), maxWait: maxWaiting, maxBody: maxBody, log: cfg.Log,
	}
	if cfg.Threads > 0 {
		f.threads = "max_threads = " + strconv.Itoa(cfg.Threads)
	}
	return f
}

func (f *front) listen(ctx context.Context, cfg Config) error {
	var servers []*http.Server
	failed := make(chan error, 2)
	serve := func(l net.Listener, h http.Handler) {
		s := &http.Server{
			Handler:           h,
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       5 * time.Minute,
			MaxHeaderBytes:    1 << 20, // clickhouse-go puts an INSERT's columns into the URL
			ErrorLog:          slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
		}
		servers = append(servers, s)
		go func() { failed <- s.Serve(l) }()
		f.log.Info("engine answers", "address", l.Addr().String())
	}
	if cfg.Listen != "" {
		l, err := listenLoopback(cfg.Listen)
		if err != nil {
			return err
		}
		serve(l, local(f.handler(true)))
	}
	if cfg.Socket != "" {
		l, err := listenSocket(cfg.Socket)
		if err != nil {
			return err
		}
		serve(l, f.handler(false))
	}

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(grace) != nil {
			s.Close() // cuts the clients off, which cancels their queries
		}
	}
	for range cap(f.slots) { // no connection of the library is in use beyond this
		select {
		case f.slots <- struct{}{}:
		case <-time.After(drain):
			return errors.Join(err, errors.New("a query did not end: leaving without closing the engine"))
		}
	}
	return err
}

func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen %q: give host:port: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen %q: the engine asks nobody who they are, so the address must be loopback: 127.0.0.1, ::1 or localhost", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

func listenSocket(path string) (net.Listener, error) {
	// A socket that a killed engine left behind; the folder's lock says that nobody serves it.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listen: remove the old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), l.Close())
	}
	return l, nil
}
