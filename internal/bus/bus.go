// Package bus is Vigie's one way to NATS JetStream: streams that keep what senders gave, and
// key-value buckets that keep what people and workers decided.
//
// It connects to a server when told a URL and otherwise runs one in this process, reachable from
// nowhere else. What the embedded server acknowledges is on disk: every write is synced. With a
// server of the operator's, that promise is the server's configuration.
//
// Streams are bounded and refuse new messages when full (ErrFull): they never drop an old one by
// themselves. Buckets offer compare-and-set. Nothing here retries: callers know what is safe.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Errors that callers act upon. They may be wrapped.
var (
	ErrFull        = errors.New("stream is full")
	ErrUnavailable = errors.New("bus is not available")
	ErrNotFound    = errors.New("not found")
	ErrConflict    = errors.New("someone else wrote the key first")
)

// Config says where the bus is.
type Config struct {
	URL         string // nats://…; empty: embedded
	Credentials string // path of a .creds file, for URL
	Dir         string // folder of the embedded server's files
	Replicas    int    // of streams and buckets, 1 to 5; 0: 1. The embedded server has one
	Log         *slog.Logger
}

// Bus is a connection. It is safe for concurrent use.
type Bus struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	embedded *server.Server
	replicas int
}

const (
	// embeddedPayload is the largest message of the embedded server: few, large messages cost a
	// tenth of the CPU that many small ones do.
	embeddedPayload = 8 << 20
	startWait       = 30 * time.Second
)

// Open connects, or starts the embedded server and waits until it has recovered its files.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	b := &Bus{replicas: max(cfg.Replicas, 1)}
	log := cfg.Log
	options := []nats.Option{
		nats.Name("vigie"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 250*time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("bus disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("bus reconnected") }),
	}
	if cfg.URL == "" {
		if b.replicas > 1 {
			return nil, fmt.Errorf("nats.replicas is %d, but the embedded server is alone: set nats.url or leave it at 1", b.replicas)
		}
		s, err := embed(cfg)
		if err != nil {
			return nil, err
		}
		b.embedded = s
		options = append(options, nats.InProcessServer(s))
	} else if cfg.Credentials != "" {
		options = append(options, nats.UserCredentials(cfg.Credentials))
	}
	nc, err := nats.Connect(cfg.URL, options...)
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("connect to nats.url %s: %w", withoutPassword(cfg.URL), err)
	}
	b.nc = nc
	if b.js, err = jetstream.New(nc); err != nil {
		b.Close()
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	if _, err := b.js.AccountInfo(ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("ask JetStream at %s for its account (is it enabled, with `nats-server -js`?): %w", withoutPassword(cfg.URL), err)
	}
	return b, nil
}

func embed(cfg Config) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "vigie",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   cfg.Dir,
		SyncAlways: true,
		MaxPayload: embeddedPayload,
		MaxPending: 256 << 20,
		// The streams carry their own bounds; without these the server would derive others from
		// the free memory and disk of the moment it starts.
		JetStreamMaxMemory: 256 << 20,
		JetStreamMaxStore:  1 << 50,
	})
	if err != nil {
		return nil, fmt.Errorf("configure the embedded NATS server: %w", err)
	}
	s.SetLoggerV2(quiet{cfg.Log}, false, false, false)
	go s.Start()
	if !s.ReadyForConnections(startWait) || !s.JetStreamEnabled() {
		s.Shutdown()
		return nil, fmt.Errorf("the embedded NATS server did not start on %s within %s: is the folder writable and not used by another vigie?", filepath.Clean(cfg.Dir), startWait)
	}
	return s, nil
}

// Close lets the embedded server write what it holds, then stops it.
func (b *Bus) Close() {
	if b.nc != nil {
		b.nc.Close()
	}
	if b.embedded != nil {
		b.embedded.Shutdown()
		b.embedded.WaitForShutdown()
	}
}

// Healthy tells whether the bus answers; for readiness.
func (b *Bus) Healthy(ctx context.Context) error {
	if _, err := b.js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

func withoutPassword(url string) string {
	if url == "" {
		return "the embedded server"
	}
	if at := strings.LastIndex(url, "@"); at >= 0 {
		if scheme := strings.Index(url, "://"); scheme >= 0 {
			return url[:scheme+3] + "…" + url[at:]
		}
	}
	return url
}

// quiet passes on what the embedded server complains about and drops its chatter.
type quiet struct{ log *slog.Logger }

func (q quiet) Noticef(string, ...any) {}
func (q quiet) Debugf(string, ...any)  {}
func (q quiet) Tracef(string, ...any)  {}
func (q quiet) Warnf(format string, v ...any) {
	q.log.Warn("embedded NATS", "message", fmt.Sprintf(format, v...))
}
func (q quiet) Errorf(format string, v ...any) {
	q.log.Error("embedded NATS", "message", fmt.Sprintf(format, v...))
}
func (q quiet) Fatalf(format string, v ...any) {
	q.log.Error("embedded NATS gave up", "message", fmt.Sprintf(format, v...))
}
