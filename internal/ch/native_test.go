package ch_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"

	"vigie/internal/ch"
)

// wire is the server's end of the native protocol, as far as an INSERT goes
// (https://clickhouse.com/docs/native-protocol/server). It answers for the bytes that Insert sends
// where no server is at hand; with VIGIE_TEST_CLICKHOUSE the conformance tests do so with a real one.
type wire struct {
	t       *testing.T
	address string
	refuse  atomic.Pointer[proto.Exception] // of the next insert

	mu       sync.Mutex
	conns    int
	queries  []proto.Query
	inserted []string // "at k" of each row
}

func listenNative(t *testing.T) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, address: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				if err := w.serve(conn); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
					t.Error(err)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return w
}

const revision = 54453 // before addenda

func (w *wire) serve(conn net.Conn) error {
	r, b := proto.NewReader(conn), &proto.Buffer{}
	send := func() error {
		_, err := conn.Write(b.Buf)
		b.Reset()
		return err
	}
	for {
		code, err := r.UVarInt()
		if err != nil {
			return err
		}
		switch proto.ClientCode(code) {
		case proto.ClientCodeHello:
			w.mu.Lock()
			w.conns++
			w.mu.Unlock()
			var hello proto.ClientHello
			if err := hello.Decode(r); err != nil {
				return err
			}
			answer := proto.ServerHello{Name: "wire", Major: 26, Minor: 5, Revision: revision, Timezone: "UTC", DisplayName: "wire"}
			answer.EncodeAware(b, revision)
		case proto.ClientCodePing:
			proto.ServerCodePong.Encode(b)
		case proto.ClientCodeQuery:
			if err := w.insert(r, b, send); err != nil {
				return err
			}
		case proto.ClientCodeCancel: // of the refused insert
			continue
		case proto.ClientCodeData: // which had more to say; a server drops it
			dropped := proto.Results{{Name: "at", Data: &proto.ColDateTime{}}, {Name: "k", Data: proto.NewLowCardinality(&proto.ColStr{})}}
			if _, err := w.rest(r, dropped); err != nil {
				return err
			}
			continue
		default:
			return fmt.Errorf("unexpected packet %d", code)
		}
		if err := send(); err != nil {
			return err
		}
	}
}

func (w *wire) insert(r *proto.Reader, b *proto.Buffer, send func() error) error {
	var q proto.Query
	if err := q.DecodeAware(r, revision); err != nil {
		return err
	}
	w.mu.Lock()
	w.queries = append(w.queries, q)
	w.mu.Unlock()
	at, k := &proto.ColDateTime{}, &proto.ColStr{}
	low := proto.NewLowCardinality(k)
	if _, err := w.block(r, nil); err != nil { // the end of external tables
		return err
	}
	if refuse := w.refuse.Swap(nil); refuse != nil {
		proto.ServerCodeException.Encode(b)
		refuse.EncodeAware(b, revision)
		return nil
	}
	// The table's columns, to which the client fits its own.
	proto.ServerCodeData.Encode(b)
	b.PutString("")
	var head proto.Buffer
	if err := (proto.Block{Columns: 2}).EncodeBlock(&head, revision, proto.Input{{Name: "at", Data: at}, {Name: "k", Data: low}}); err != nil {
		return err
	}
	c := compress.NewWriter(compress.LevelZero, compress.LZ4)
	if err := c.Compress(head.Buf); err != nil {
		return err
	}
	b.PutRaw(c.Data)
	if err := send(); err != nil {
		return err
	}
	for {
		rows, err := w.block(r, proto.Results{{Name: "at", Data: at}, {Name: "k", Data: low}})
		if err != nil {
			return err
		}
		if rows == 0 {
			break
		}
		w.mu.Lock()
		for i := range rows {
			w.inserted = append(w.inserted, at.Row(i).UTC().Format(time.DateTime)+" "+low.Row(i))
		}
		w.mu.Unlock()
	}
	proto.ServerCodeEndOfStream.Encode(b)
	return nil
}

func (w *wire) block(r *proto.Reader, into proto.Results) (int, error) {
	code, err := r.UVarInt()
	if err != nil {
		return 0, err
	}
	if proto.ClientCode(code) != proto.ClientCodeData {
		return 0, errors.New("a block was expected")
	}
	return w.rest(r, into)
}

func (w *wire) rest(r *proto.Reader, into proto.Results) (int, error) {
	var data proto.ClientData
	if err := data.DecodeAware(r, revision); err != nil {
		return 0, err
	}
	r.EnableCompression()
	defer r.DisableCompression()
	var block proto.Block
	if err := block.DecodeBlock(r, revision, into); err != nil {
		return 0, err
	}
	return block.Rows, nil
}

func TestInsertOverTheNativeProtocol(t *testing.T) {
	w := listenNative(t)
	db, err := ch.Open(t.Context(), ch.Config{DSN: "clickhouse://writer:secret@" + w.address + "/live", Timeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b := ch.NewBlock()
	at, k := b.DateTime("at"), b.LowCardinality("k")
	for _, v := range []string{"a", "b", "a"} {
		at.Append(time.Date(2026, 7, 19, 21, 0, 0, 0, time.UTC))
		k.AppendString(v)
	}

	w.refuse.Store(&proto.Exception{Code: 252, Name: "DB::Exception", Message: "Too many parts"})
	if err := db.Insert(t.Context(), "live.t", "token", b); ch.Code(err) != 252 || !ch.IsUnavailable(err) {
		t.Errorf("code %d, unavailable %v: %v", ch.Code(err), ch.IsUnavailable(err), err)
	}
	for range 2 {
		if err := db.Insert(t.Context(), "live.t", "token", b); err != nil {
			t.Fatal(err)
		}
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	once := "2026-07-19 21:00:00 a,2026-07-19 21:00:00 b,2026-07-19 21:00:00 a"
	if got := strings.Join(w.inserted, ","); got != once+","+once {
		t.Errorf("the wire brought %s", got)
	}
	for _, q := range w.queries {
		settings := map[string]string{}
		for _, s := range q.Settings {
			settings[s.Key] = s.Value
		}
		if q.Body != "INSERT INTO live.t (`at`, `k`) VALUES" || settings["insert_deduplication_token"] != "token" ||
			settings["deduplicate_blocks_in_dependent_materialized_views"] != "1" || settings["max_execution_time"] == "" {
			t.Errorf("%s with %v", q.Body, settings)
		}
	}
	// One for Ping, one for the refused insert, which is not trusted again, one for both others.
	if w.conns != 3 {
		t.Errorf("%d connections", w.conns)
	}
}
