//go:build linux

package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"golang.org/x/sys/unix"
)

// Bounds of what requests may take.
const (
	maxBody    = 256 << 20 // bytes of an INSERT, before any decompression, and after it
	maxWaiting = 256       // requests that wait for a slot; to more the answer is 503
)

// front answers HTTP requests. Its running queries are bounded by slots, and those that wait for a
// slot by their number and their clients' patience.
type front struct {
	lib      *library
	args     []string // of every connection
	root     *conn    // keeps the engine running, and cancels queries of other connections
	rootTurn chan struct{}
	slots    chan struct{}
	threads  string // a setting that every request starts with, or ""
	waiting  atomic.Int64
	maxWait  int64
	maxBody  int64
	log      *slog.Logger
}

func (f *front) handler(readOnly bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Ok.\n") })
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.RawQuery == "" {
			io.WriteString(w, "Ok.\n")
			return
		}
		f.serve(w, r, readOnly || r.Method != http.MethodPost)
	})
	return mux
}

func (f *front) serve(w http.ResponseWriter, r *http.Request, readOnly bool) {
	id := cmp.Or(r.URL.Query().Get("query_id"), r.Header.Get("X-ClickHouse-Query-Id"), rand.Text())
	h := w.Header()
	h.Set("X-ClickHouse-Query-Id", strings.Map(printable, id))
	h.Set("X-ClickHouse-Server-Display-Name", "vigie-engine")

	r.Body = http.MaxBytesReader(w, r.Body, f.maxBody)
	a := &answer{w: w, tag: exceptionTag()}
	if err := f.run(r, a, readOnly); err != nil {
		if r.Context().Err() == nil {
			f.log.Debug("query failed", "error", err)
		}
		a.fail(err)
	}
}

func (f *front) run(r *http.Request, a *answer, readOnly bool) error {
	req, err := readRequest(r)
	if err != nil {
		return err
	}
	if readOnly && !req.reads {
		// The engine's own readonly lets KILL QUERY pass.
		return raise(codeReadOnly, "READONLY", "Cannot execute query in readonly mode: only what reads is answered here")
	}
	sql := req.sql
	if req.insert != "" {
		data, err := spool(req.body, f.maxBody)
		if err != nil {
			return err
		}
		defer data.Close()
		sql = req.from(fmt.Sprintf("/proc/self/fd/%d", data.Fd()))
	}
	release, err := f.slot(r.Context())
	if err != nil {
		return err
	}
	defer release()
	c, err := f.lib.newConn(f.args)
	if err != nil {
		return err
	}
	defer c.close()

	mark := rand.Text()
	if err := req.prepare(c, mark, f.threads, readOnly); err != nil {
		return err
	}
	ended := make(chan struct{})
	defer close(ended)
	stop := context.AfterFunc(r.Context(), func() { f.kill(mark, ended) })
	defer stop()
	return f.execute(c, req, sql, a)
}

func (f *front) execute(c *conn, req *request, sql string, a *answer) error {
	a.begin(req)
	if req.rows && unframed(req.format) {
		s, err := c.stream(sql, req.format, req.params)
		if err == nil {
			defer s.close()
			for {
				part, err := s.next()
				if err != nil {
					part.free()
					return err
				}
				data := part.bytes()
				if len(data) == 0 {
					part.free()
					return a.end()
				}
				err = a.write(data)
				part.free()
				if err != nil {
					return err
				}
			}
		}
		if !strings.Contains(err.Error(), "Streaming query is not supported") {
			return err
		}
	}
	res, err := c.query(sql, req.format, req.params)
	defer res.free()
	if err != nil {
		return err
	}
	a.w.Header().Set("X-ClickHouse-Summary", fmt.Sprintf(`{"written_rows":"%d"}`, res.written()))
	if data := res.bytes(); len(data) > 0 {
		if err := a.write(data); err != nil {
			return err
		}
	}
	return a.end()
}

// slot waits for one of the engine's places, no longer than the client does.
func (f *front) slot(ctx context.Context) (release func(), err error) {
	if f.waiting.Add(1) > f.maxWait {
		f.waiting.Add(-1)
		return nil, raise(codeTooManyQueries, "TOO_MANY_SIMULTANEOUS_QUERIES", "%d queries run and %d wait already", cap(f.slots), f.maxWait)
	}
	defer f.waiting.Add(-1)
	select {
	case f.slots <- struct{}{}:
		return func() { <-f.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("the client left while its query waited: %w", ctx.Err())
	}
}

// kill cancels a query from another connection, since its own is inside the call that runs it, and
// does so until it has ended: it may not have begun yet.
func (f *front) kill(mark string, ended <-chan struct{}) {
	for {
		f.rootTurn <- struct{}{}
		err := f.root.exec("KILL QUERY WHERE Settings['log_comment'] = " + quote(mark) + " ASYNC")
		<-f.rootTurn
		if err != nil {
			f.log.Warn("a query whose client left could not be cancelled", "error", err)
		}
		select {
		case <-ended:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// spool puts an INSERT's data into a file in memory, where the engine reads it: inside a
// statement, bytes such as ';' would end it.
func spool(data io.Reader, limit int64) (*os.File, error) {
	fd, err := unix.MemfdCreate("insert", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("file in memory for the insert's data: %w", err)
	}
	file := os.NewFile(uintptr(fd), "insert")
	n, err := io.Copy(file, io.LimitReader(data, limit+1))
	if err == nil && n > limit {
		err = &http.MaxBytesError{Limit: limit}
	}
	if err != nil {
		return nil, errors.Join(bodyError(err), file.Close())
	}
	return file, nil
}

// answer writes a result, and an error in the way that its moment allows.
type answer struct {
	w       http.ResponseWriter
	tag     string
	to      io.Writer
	native  *translator // nil for formats that pass as they are
	started bool
}

func (a *answer) begin(req *request) {
	h := a.w.Header()
	h.Set("X-ClickHouse-Format", req.format)
	h.Set("X-ClickHouse-Exception-Tag", a.tag)
	h.Set("Content-Type", contentType(req.format))
	a.to = a.w
	if strings.EqualFold(req.format, "Native") {
		a.native = &translator{revision: req.revision}
	}
	if req.compress {
		a.to = &compressor{to: a.w, w: compress.NewWriter(compress.LevelZero, compress.LZ4)}
	}
}

func (a *answer) write(data []byte) error {
	if a.native != nil {
		var err error
		if data, err = a.native.translate(data); err != nil {
			return err
		}
	}
	a.started = true
	if _, err := a.to.Write(data); err != nil {
		return fmt.Errorf("send the result: %w", err)
	}
	return http.NewResponseController(a.w).Flush()
}

func (a *answer) end() error {
	if !a.started {
		a.w.WriteHeader(http.StatusOK)
	}
	return nil
}

func (a *answer) fail(err error) {
	var e *exception
	if !errors.As(err, &e) {
		e = raise(codeUnknownException, "UNKNOWN_EXCEPTION", "%v", err)
	}
	if a.started {
		a.to.Write(e.frame(a.tag)) // in compressed blocks where the data is, as a server does
		return
	}
	h := a.w.Header()
	h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.code))
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	a.w.WriteHeader(e.status())
	io.WriteString(a.w, strings.TrimSpace(e.text)+"\n")
}

func contentType(format string) string {
	switch {
	case strings.HasPrefix(format, "JSONEachRow"), format == "NDJSON", format == "JSONLines":
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(format, "JSON"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(format, "CSV"):
		return "text/csv; charset=UTF-8"
	case strings.HasPrefix(format, "TabSeparated"), strings.HasPrefix(format, "TSV"):
		return "text/tab-separated-values; charset=UTF-8"
	case format == "Native", strings.HasPrefix(format, "RowBinary"), format == "Parquet", strings.HasPrefix(format, "Arrow"):
		return "application/octet-stream"
	default:
		return "text/plain; charset=UTF-8"
	}
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '_'
	}
	return r
}

// local refuses what a page in somebody's browser could send to a loopback address: a page's own
// requests name its Origin, and a name that a page had rebound arrives as the Host.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if host != "localhost" && (ip == nil || !ip.IsLoopback()) || r.Header.Get("Origin") != "" {
			http.Error(w, "this address answers programs on this machine, not pages in a browser", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
