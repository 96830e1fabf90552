package ch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Config says which ClickHouse to use. Exactly one of DSN and Engine.DataDir is set.
type Config struct {
	// DSN names a server: clickhouse://user:password@host:9000/database (the native protocol), or
	// http://…:8123/database, https://…; several hosts are separated by commas.
	DSN    string
	Engine Engine

	Database string        // of every call; "": the DSN's, or "default". It must exist.
	Timeout  time.Duration // of a call whose context has no deadline, and at most; 0: 30 s
	Conns    int           // at a time; 0: 8
	Log      *slog.Logger  // nil: slog.Default
}

// DB is one ClickHouse. It may be used by many goroutines.
type DB struct {
	conn    driver.Conn
	opt     clickhouse.Options
	native  *nativePool // inserts over the native protocol; nil over HTTP
	engine  *supervisor // nil where a server was named
	timeout time.Duration
	log     *slog.Logger
	once    sync.Once
	closed  error
}

// Open connects, and starts the embedded engine first where no DSN is given. It returns when
// ClickHouse has answered. A missing library, a data folder in use and a wrong DSN are errors that
// say what to do.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{timeout: cmp.Or(cfg.Timeout, 30*time.Second), log: cfg.Log}
	if db.log == nil {
		db.log = slog.Default()
	}
	var opt *clickhouse.Options
	switch {
	case cfg.DSN != "" && cfg.Engine.DataDir != "":
		return nil, errors.New("clickhouse: a DSN and a data folder for the embedded engine are both set: keep one")
	case cfg.DSN != "":
		var err error
		if opt, err = clickhouse.ParseDSN(cfg.DSN); err != nil {
			return nil, fmt.Errorf("clickhouse.dsn %s: %w", redacted(cfg.DSN), err)
		}
	case cfg.Engine.DataDir != "":
		var err error
		if db.engine, err = newSupervisor(cfg.Engine, db.log); err != nil {
			return nil, err
		}
		if err := db.engine.start(ctx); err != nil {
			return nil, errors.Join(err, db.engine.stop())
		}
		opt = &clickhouse.Options{
			Protocol: clickhouse.HTTP,
			Addr:     []string{"engine"},
			DialContext: func(ctx context.Context, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", db.engine.socket)
			},
		}
	default:
		return nil, errors.New("clickhouse: neither a DSN nor a data folder for the embedded engine is set")
	}
	opt.MaxOpenConns = cmp.Or(cfg.Conns, 8)
	opt.MaxIdleConns = opt.MaxOpenConns
	opt.Auth.Database = cmp.Or(cfg.Database, opt.Auth.Database, "default")
	if opt.Protocol == clickhouse.HTTP {
		if opt.Settings == nil {
			opt.Settings = clickhouse.Settings{}
		}
		opt.Settings["cancel_http_readonly_queries_on_client_close"] = 1
	}
	db.opt = *opt
	if err := db.connect(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// WithDatabase opens the same ClickHouse once more, for statements that speak of another database,
// which must exist. It is closed by itself, before db; the engine stays db's.
func (db *DB) WithDatabase(ctx context.Context, name string) (*DB, error) {
	other := &DB{opt: db.opt, timeout: db.timeout, log: db.log}
	other.opt.Auth.Database = name
	if err := other.connect(ctx); err != nil {
		return nil, errors.Join(err, other.Close())
	}
	return other, nil
}

func (db *DB) connect(ctx context.Context) error {
	opt := db.opt
	var err error
	if db.conn, err = clickhouse.Open(&opt); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	if opt.Protocol != clickhouse.HTTP {
		db.native = newNativePool(&opt)
	}
	if err := db.Ping(ctx); err != nil {
		return fmt.Errorf("clickhouse at %s does not answer: %w", strings.Join(opt.Addr, ", "), err)
	}
	return nil
}

// Run keeps the embedded engine alive until the context ends: it is started again when it dies, at
// once and then with a growing pause. Meanwhile calls fail with an error for which IsUnavailable
// holds. Where a server was named there is nothing to do but wait.
func (db *DB) Run(ctx context.Context) error {
	if db.engine == nil {
		<-ctx.Done()
		return nil
	}
	return db.engine.run(ctx)
}

// Close ends the connections, then the embedded engine, which finishes its running queries for up
// to 5 s. Calls after the first return what the first did.
func (db *DB) Close() error {
	db.once.Do(func() {
		var errs []error
		if db.conn != nil {
			errs = append(errs, db.conn.Close())
		}
		if db.native != nil {
			errs = append(errs, db.native.close())
		}
		if db.engine != nil {
			errs = append(errs, db.engine.stop())
		}
		db.closed = errors.Join(errs...)
	})
	return db.closed
}

// Ping asks for an answer.
func (db *DB) Ping(ctx context.Context) error {
	ctx, cancel := db.limit(ctx)
	defer cancel()
	return db.conn.Ping(ctx)
}

// Database is the one that statements speak of where they name none.
func (db *DB) Database() string { return db.opt.Auth.Database }

// redacted is a DSN that may be logged.
func redacted(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return "(unreadable)"
	}
	return u.Redacted()
}
