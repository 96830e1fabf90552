//go:build linux

package engine

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library binds the part of chdb.h (chdb-core 26.5, programs/local/chdb.h) that the front needs.
// It is bound here, not through chdb-go, because that package panics in its init where the library
// is missing and has neither query parameters nor lengths: a zero byte would end a statement.
type library struct {
	setSignalHandlers func(enabled int)
	connect           func(argc int, argv **byte) *uintptr
	closeConn         func(conn *uintptr)
	query             queryFunc
	streamQuery       queryFunc
	streamFetch       func(conn, stream uintptr) uintptr
	streamCancel      func(conn, stream uintptr)
	destroy           func(result uintptr)
	buffer            func(result uintptr) *byte
	length            func(result uintptr) int
	failure           func(result uintptr) *byte
	rowsWritten       func(result uintptr) uint64
}

type queryFunc func(conn uintptr, sql *byte, sqlLen int, format *byte, formatLen int,
	names **byte, nameLens *int, values **byte, valueLens *int, count int) uintptr

// load opens the library. Its error says what to do.
func load(path string) (*library, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("engine library: %w: run 'make engine', or give its place with --lib or VIGIE_ENGINE_LIB", err)
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("engine library %s cannot be loaded (is it for this machine?): %w", path, err)
	}
	var l library
	for _, f := range []struct {
		name string
		into any
	}{
		{"chdb_set_signal_handlers_enabled", &l.setSignalHandlers},
		{"chdb_connect", &l.connect},
		{"chdb_close_conn", &l.closeConn},
		{"chdb_query_with_params_n", &l.query},
		{"chdb_stream_query_with_params_n", &l.streamQuery},
		{"chdb_stream_fetch_result", &l.streamFetch},
		{"chdb_stream_cancel_query", &l.streamCancel},
		{"chdb_destroy_query_result", &l.destroy},
		{"chdb_result_buffer", &l.buffer},
		{"chdb_result_length", &l.length},
		{"chdb_result_error", &l.failure},
		{"chdb_result_rows_written", &l.rowsWritten},
	} {
		symbol, err := purego.Dlsym(handle, f.name)
		if err != nil {
			return nil, fmt.Errorf("engine library %s lacks %s: it must be libchdb 26.5 or later: %w", path, f.name, err)
		}
		purego.RegisterFunc(f.into, symbol)
	}
	return &l, nil
}

// open makes the process's first connection, which starts the engine on the data folder. The
// engine runs until the last connection is closed, so the caller keeps this one.
//
// The library resets the signal handlers that Go's runtime lives by, when told to leave signals
// alone and again at its first connection; they are put back before anything else runs.
func (l *library) open(args []string) (*conn, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	handlers, err := saveSignalHandlers()
	if err != nil {
		return nil, err
	}
	l.setSignalHandlers(0)
	c, err := l.newConn(args)
	return c, errors.Join(err, handlers.restore())
}

// conn is one connection: settings and current database are its own, so a request that has one to
// itself cannot leave any behind. Opening and closing one takes 0.15 ms. It runs one statement at
// a time.
type conn struct {
	lib    *library
	handle *uintptr
}

func (l *library) newConn(args []string) (*conn, error) {
	argv := make([]*byte, 0, len(args)+1)
	for _, a := range append([]string{"clickhouse"}, args...) {
		b, err := syscall.BytePtrFromString(a)
		if err != nil {
			return nil, fmt.Errorf("engine argument %q: %w", a, err)
		}
		argv = append(argv, b)
	}
	handle := l.connect(len(argv), &argv[0])
	runtime.KeepAlive(argv)
	if handle == nil {
		return nil, fmt.Errorf("the engine refused a connection with %q; another engine or an older data folder may be the cause", args)
	}
	return &conn{lib: l, handle: handle}, nil
}

func (c *conn) close() { c.lib.closeConn(c.handle) }

// params are values for {name:Type} in a statement. They travel beside its text.
type params struct{ names, values []string }

func (c *conn) call(f queryFunc, sql, format string, p params) uintptr {
	names, nameLens := pointers(p.names)
	values, valueLens := pointers(p.values)
	r := f(*c.handle, unsafe.StringData(sql), len(sql), unsafe.StringData(format), len(format),
		unsafe.SliceData(names), unsafe.SliceData(nameLens), unsafe.SliceData(values), unsafe.SliceData(valueLens), len(p.names))
	runtime.KeepAlive(sql)
	runtime.KeepAlive(format)
	runtime.KeepAlive(names)
	runtime.KeepAlive(values)
	return r
}

func pointers(texts []string) ([]*byte, []int) {
	if len(texts) == 0 {
		return nil, nil
	}
	at, lens := make([]*byte, len(texts)), make([]int, len(texts))
	for i, s := range texts {
		at[i], lens[i] = unsafe.StringData(s+"\x00"), len(s) // never a nil pointer, for ""
	}
	return at, lens
}

// exec runs a statement and drops what it returns.
func (c *conn) exec(sql string) error {
	r, err := c.query(sql, "Null", params{})
	r.free()
	return err
}

// query runs a statement to its end. The caller frees the result.
func (c *conn) query(sql, format string, p params) (result, error) {
	return c.lib.result(c.call(c.lib.query, sql, format, p))
}

// stream starts a SELECT whose result is fetched block by block. Errors of the query itself come
// with the first fetch.
func (c *conn) stream(sql, format string, p params) (*stream, error) {
	r, err := c.lib.result(c.call(c.lib.streamQuery, sql, format, p))
	if err != nil {
		r.free()
		return nil, err
	}
	return &stream{conn: c, handle: r.handle}, nil
}

type stream struct {
	conn   *conn
	handle uintptr
}

// next returns a part of the result, which the caller frees; an empty one is the end.
func (s *stream) next() (result, error) {
	return s.conn.lib.result(s.conn.lib.streamFetch(*s.conn.handle, s.handle))
}

// close ends the query, also in the middle. Without the cancel a failed query would stay among
// the running ones until its connection is closed.
func (s *stream) close() {
	s.conn.lib.streamCancel(*s.conn.handle, s.handle)
	s.conn.lib.destroy(s.handle)
}

// result is memory of the library.
type result struct {
	lib    *library
	handle uintptr
}

func (l *library) result(handle uintptr) (result, error) {
	r := result{l, handle}
	if handle == 0 {
		return r, nil
	}
	if text := l.failure(handle); text != nil {
		return r, parseException(cString(text))
	}
	return r, nil
}

// bytes is valid until free.
func (r result) bytes() []byte {
	if r.handle == 0 {
		return nil
	}
	p := r.lib.buffer(r.handle)
	if p == nil {
		return nil
	}
	return unsafe.Slice(p, r.lib.length(r.handle))
}

func (r result) written() uint64 {
	if r.handle == 0 {
		return 0
	}
	return r.lib.rowsWritten(r.handle)
}

func (r result) free() {
	if r.handle != 0 {
		r.lib.destroy(r.handle)
	}
}

func cString(p *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}
