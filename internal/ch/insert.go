package ch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	chgo "github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// Insert adds a block to a table ("table" or "database.table") as one part per partition, and
// returns when ClickHouse has it and its materialized views have theirs. The block is unchanged, so
// that the same call can be made again.
//
// With a token, a repeat adds nothing, in the table and in what its materialized views write to,
// also where the first attempt ended between the two: what is missing then is added. This needs
// non_replicated_deduplication_window (or Replicated tables) on all of them, and holds for as many
// inserts as that window has. The token must stand for the same rows in the same order.
func (db *DB) Insert(ctx context.Context, table, token string, block *Block) error {
	into, err := block.into(table)
	if err != nil {
		return err
	}
	if block.Rows() == 0 {
		return nil
	}
	settings := clickhouse.Settings{
		"async_insert":                                       "0",
		"insert_deduplicate":                                 "1",
		"materialized_views_ignore_errors":                   "0",
		"deduplicate_blocks_in_dependent_materialized_views": "1",
	}
	if token != "" {
		settings["insert_deduplication_token"] = token
	}
	ctx, cancel := db.limitWith(ctx, settings)
	defer cancel()
	if db.native != nil {
		err = db.native.insert(ctx, into+" VALUES", settings, block)
	} else {
		var data []byte
		if data, err = block.encode(); err == nil {
			err = db.conn.InsertFormat(ctx, "Native", into, bytes.NewReader(data))
		}
	}
	if err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	return nil
}

// nativePool holds connections for inserts over the native protocol. ch-go's client writes a
// block's columns to the wire as they are, where clickhouse-go's would build them once more.
type nativePool struct {
	opt  *clickhouse.Options
	idle chan *chgo.Client
	next atomic.Uint32
}

func newNativePool(opt *clickhouse.Options) *nativePool {
	return &nativePool{opt: opt, idle: make(chan *chgo.Client, opt.MaxIdleConns)}
}

func (p *nativePool) insert(ctx context.Context, sql string, settings clickhouse.Settings, block *Block) error {
	client, err := p.get(ctx)
	if err != nil {
		return err
	}
	query := chgo.Query{Body: sql, Input: block.input}
	for name, value := range settings {
		query.Settings = append(query.Settings, chgo.Setting{Key: name, Value: fmt.Sprint(value), Important: true})
	}
	err = client.Do(ctx, query)
	if err != nil || client.IsClosed() {
		return errors.Join(err, client.Close())
	}
	select {
	case p.idle <- client:
		return nil
	default:
		return client.Close()
	}
}

func (p *nativePool) get(ctx context.Context) (*chgo.Client, error) {
	for {
		select {
		case client := <-p.idle:
			if !client.IsClosed() {
				return client, nil
			}
		default:
			return p.dial(ctx)
		}
	}
}

// dial tries the addresses in turn, each time from the next one on.
func (p *nativePool) dial(ctx context.Context) (*chgo.Client, error) {
	first := int(p.next.Add(1))
	var errs []error
	for i := range p.opt.Addr {
		client, err := chgo.Dial(ctx, chgo.Options{
			Address:     p.opt.Addr[(first+i)%len(p.opt.Addr)],
			Database:    p.opt.Auth.Database,
			User:        p.opt.Auth.Username,
			Password:    p.opt.Auth.Password,
			TLS:         p.opt.TLS,
			Compression: chgo.CompressionLZ4,
			DialTimeout: p.opt.DialTimeout,
			ReadTimeout: chgo.NoTimeout, // the context's
		})
		if err == nil {
			return client, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (p *nativePool) close() error {
	var errs []error
	for {
		select {
		case client := <-p.idle:
			errs = append(errs, client.Close())
		default:
			return errors.Join(errs...)
		}
	}
}
