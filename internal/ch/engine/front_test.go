//go:build linux

package engine

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"vigie/internal/ch"
)

// The library lives once in a process: the tests share it, and each has tables of its own.
var shared = sync.OnceValues(func() (*front, error) {
	path, err := ch.FindLibrary("")
	if err != nil {
		return nil, err
	}
	lib, err := load(path)
	if err != nil {
		return nil, err
	}
	args := []string{"--path=" + filepath.Join(folder, "clickhouse")}
	root, err := lib.open(args)
	if err != nil {
		return nil, err
	}
	return newFront(lib, root, args, Config{Log: slog.New(slog.DiscardHandler)}), nil
})

var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "vigie-engine-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	if f, err := shared(); err == nil {
		f.root.close()
	}
	os.RemoveAll(folder)
	os.Exit(code)
}

// with gives a front of the test's own over the shared library.
func with(t *testing.T, change func(*front)) *front {
	t.Helper()
	f, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	own := newFront(f.lib, f.root, f.args, Config{Log: f.log})
	own.rootTurn = f.rootTurn
	if change != nil {
		change(own)
	}
	return own
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL + "/"
}

// start serves for reading and writing, in a database of the test's own.
func start(t *testing.T) string {
	t.Helper()
	at := serve(t, with(t, nil).handler(false))
	name := "db_" + strings.Map(func(r rune) rune {
		if r < 0x80 && isWord(byte(r)) {
			return r
		}
		return '_'
	}, t.Name())
	want(t, post(t, at, "CREATE DATABASE "+name), 200, "")
	t.Cleanup(func() { want(t, post(t, at, "DROP DATABASE "+name), 200, "") })
	return at + "?database=" + name
}

type reply struct {
	status int
	header http.Header
	body   string
}

func post(t *testing.T, at, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(body))
	if t.Context().Err() != nil { // in a cleanup
		req, err = http.NewRequest(http.MethodPost, at, strings.NewReader(body))
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) reply {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(all)}
}

func want(t *testing.T, got reply, status int, body string) {
	t.Helper()
	if got.status != status || got.body != body {
		t.Errorf("status %d, body %q; want %d, %q", got.status, got.body, status, body)
	}
}

func TestCurl(t *testing.T) {
	at := start(t)
	res, err := http.Get(strings.Split(at, "?")[0] + "ping")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if pong, err := io.ReadAll(res.Body); string(pong) != "Ok.\n" || err != nil {
		t.Errorf("ping: %q, %v", pong, err)
	}
	want(t, post(t, at, "SELECT 1, 'a'"), 200, "1\ta\n")
	want(t, post(t, at+"&query=SELECT+2,", "3"), 200, "2\t3\n")
	want(t, post(t, at+"&default_format=CSV", "SELECT 1, 'a'"), 200, "1,\"a\"\n")
	want(t, post(t, at+"&query=", "SELECT 1 FORMAT TSVWithNames"), 200, "1\n1\n")

	got := post(t, at+"&query_id=mine", "SELECT toUInt8(1) AS one FORMAT JSON")
	var body struct {
		Data []map[string]int
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || len(body.Data) != 1 || body.Data[0]["one"] != 1 {
		t.Errorf("%q: %v", got.body, err)
	}
	for name, value := range map[string]string{"X-ClickHouse-Query-Id": "mine", "X-ClickHouse-Format": "JSON", "Content-Type": "application/json; charset=UTF-8"} {
		if got.header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), value)
		}
	}
}

func TestFramedFormatsComeWhole(t *testing.T) {
	at := start(t)
	got := post(t, at, "SELECT number FROM numbers(200000) FORMAT CSVWithNames")
	if n := strings.Count(got.body, "number"); n != 1 {
		t.Errorf("%d headers", n)
	}
	if n := strings.Count(got.body, "\n"); n != 200_001 {
		t.Errorf("%d lines", n)
	}
	var doc struct{ Rows int }
	got = post(t, at, "SELECT number FROM numbers(200000) FORMAT JSONCompact")
	if err := json.Unmarshal([]byte(got.body), &doc); err != nil || doc.Rows != 200_000 {
		t.Errorf("%d rows, %v", doc.Rows, err)
	}
}

func TestErrorsHaveTheirCodeAndStatus(t *testing.T) {
	at := start(t)
	for _, c := range []struct {
		name, at, sql string
		status        int
		code          int
	}{
		{"syntax", at, "SELEC T FROM", 400, 62},
		{"nothing", at, "", 400, 62},
		{"two statements", at, "SELECT 1; DROP TABLE t", 400, 62},
		{"unknown table", at, "SELECT * FROM nosuch", 404, 60},
		{"unknown database", at + "&database=nosuch", "SELECT 1", 404, 81},
		{"unknown setting", at + "&nosuch=1", "SELECT 1", 404, 115},
		{"a setting that is none", at + "&a;b%20--=1", "SELECT 1", 400, 36},
		{"a setting's value that is none", at + "&max_threads=many'", "SELECT 1", 400, 0},
		{"time", at + "&max_execution_time=0.1", "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))", 408, 159},
		{"sessions", at + "&session_id=1", "SELECT 1", 501, 48},
		{"bad parameter", at + "&param_n=x", "SELECT {n:UInt8}", 400, 457},
		{"a file on the server", at, "SELECT 1 INTO OUTFILE '/tmp/x'", 501, 48},
		{"too long", at, "SELECT '" + strings.Repeat("x", maxStatement) + "'", 400, 62},
		{"bad data", at, "INSERT INTO FUNCTION null('a UInt8') FORMAT CSV\nx\n", 400, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := post(t, c.at, c.sql)
			code, _ := strconv.Atoi(got.header.Get("X-ClickHouse-Exception-Code"))
			if got.status != c.status || code == 0 || c.code != 0 && code != c.code {
				t.Errorf("status %d, code %d: %s", got.status, code, got.body)
			}
			if !strings.HasPrefix(got.body, fmt.Sprintf("Code: %d. DB::Exception: ", code)) || !strings.HasSuffix(got.body, ")\n") {
				t.Errorf("body %q", got.body)
			}
		})
	}
}

func TestAnErrorInTheMiddleIsMarked(t *testing.T) {
	at := start(t)
	got := post(t, at, "SELECT throwIf(number = 1000000) FROM numbers(2000000)")
	tag := got.header.Get("X-ClickHouse-Exception-Tag")
	if got.status != 200 || len(tag) != 16 || !strings.HasSuffix(got.body, " "+tag+"\r\n__exception__\r\n") ||
		!strings.Contains(got.body, "\r\n__exception__\r\n"+tag+"\r\nCode: 395. DB::Exception: ") {
		t.Errorf("status %d, tag %q, end %q", got.status, tag, got.body[max(0, len(got.body)-500):])
	}
}

func TestNothingOfARequestIsLeftForTheNext(t *testing.T) {
	at := start(t)
	fresh := post(t, at, "SELECT name, value FROM system.settings WHERE changed AND name != 'log_comment' ORDER BY name").body
	for _, leave := range []struct{ at, sql string }{
		{at + "&max_threads=1&max_result_rows=7", "SELECT 1"},
		{at + "&max_threads=1", "SELECT nosuch"},
		{at + "&readonly=1", "SELECT 1"},
		{at, "SET max_threads = 1"},
		{at, "SET param_x = 'left'"},
		{at + "&param_x=left", "SELECT {x:String}"},
		{at, "USE system"},
		{at, "CREATE TEMPORARY TABLE left_over (a UInt8)"},
	} {
		for range 3 {
			post(t, leave.at, leave.sql)
		}
		if got := post(t, at, "SELECT name, value FROM system.settings WHERE changed AND name != 'log_comment' ORDER BY name"); got.body != fresh {
			t.Errorf("%s left settings: %s", leave.sql, got.body)
		}
		if got := post(t, at, "SELECT {x:String}"); got.status != 400 {
			t.Errorf("%s left a parameter: %s", leave.sql, got.body)
		}
		if got := post(t, at, "SELECT count() FROM left_over"); got.status != 404 {
			t.Errorf("%s left a table: %s", leave.sql, got.body)
		}
		if got := post(t, at, "SELECT currentDatabase()"); !strings.HasPrefix(got.body, "db_") {
			t.Errorf("%s left a database: %s", leave.sql, got.body)
		}
	}
}

func TestParametersCannotBecomeSQL(t *testing.T) {
	at := start(t)
	for _, v := range []string{"'; DROP TABLE t; --", "{x:String}", `\'`, "a`b\"c", "é;"} {
		got := post(t, at+"&param_x="+url.QueryEscape(strings.ReplaceAll(v, `\`, `\\`)), "SELECT {x:String} FORMAT TSVRaw")
		want(t, got, 200, v+"\n")
	}
	for _, database := range []string{"x`; DROP DATABASE default; --", "`", `\`, "a\x00b"} {
		got := post(t, strings.Split(at, "?")[0]+"?database="+url.QueryEscape(database), "SELECT 1")
		if code := got.header.Get("X-ClickHouse-Exception-Code"); code != "81" {
			t.Errorf("database %q: code %s: %s", database, code, got.body)
		}
	}
	got := post(t, at+"&log_comment="+url.QueryEscape("x', max_threads = 1 --")+"&insert_deduplication_token="+url.QueryEscape("'; DROP \\' --\x00"), "SELECT getSetting('insert_deduplication_token')")
	want(t, got, 200, `\'; DROP \\\' --\0`+"\n")
}

func TestInsertedDataIsAnyBytes(t *testing.T) {
	at := start(t)
	want(t, post(t, at, "CREATE TABLE t (n UInt8, s String DEFAULT 'none') ENGINE = MergeTree ORDER BY n"), 200, "")
	nasty := "a;b'c\"`$x$\\\t\n-- /* */ ); DROP TABLE t;\x00\xff é"
	tsv := strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`).Replace(nasty)
	literal := strings.NewReplacer("\\", `\\`, "'", `\'`).Replace(nasty)
	row, err := json.Marshal(map[string]any{"n": 3, "s": strings.ToValidUTF8(nasty, "?")})
	if err != nil {
		t.Fatal(err)
	}
	for _, insert := range []reply{
		post(t, at+"&query="+url.QueryEscape("INSERT INTO t FORMAT TSV"), "1\t"+tsv+"\n"),
		post(t, at, "INSERT INTO t VALUES (2, '"+literal+"')"),
		post(t, at, "INSERT INTO t FORMAT JSONEachRow\n"+string(row)),
		post(t, at, "INSERT INTO t (n) VALUES (2 + 2), (5);"),
		post(t, at+"&query="+url.QueryEscape("INSERT INTO t (s, n) VALUES"), "(DEFAULT, 6)"),
		post(t, at, "INSERT INTO t (n, s) SELECT 7, ';'"),
	} {
		want(t, insert, 200, "")
	}
	got := post(t, at, "SELECT n, s FROM t ORDER BY n FORMAT TSVRaw")
	want(t, got, 200, "1\t"+nasty+"\n2\t"+nasty+"\n3\t"+strings.ToValidUTF8(nasty, "?")+"\n4\tnone\n5\tnone\n6\tnone\n7\t;\n")
}

func TestBodiesMayBeCompressed(t *testing.T) {
	at := start(t)
	want(t, post(t, at, "CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n"), 200, "")
	insert := at + "&query=" + url.QueryEscape("INSERT INTO t FORMAT TSV")

	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte("1\n"))
	z.Close()
	want(t, post(t, insert, zipped.String(), "Content-Encoding", "gzip"), 200, "")
	if got := post(t, insert, "x", "Content-Encoding", "br"); got.status != 501 {
		t.Errorf("brotli: %d %s", got.status, got.body)
	}

	w := compress.NewWriter(compress.LevelZero, compress.LZ4)
	if err := w.Compress([]byte("2\n")); err != nil {
		t.Fatal(err)
	}
	want(t, post(t, insert+"&decompress=1", string(w.Data)), 200, "")

	got := post(t, at+"&compress=1", "SELECT arraySort(groupArray(n)) FROM t")
	plain, err := io.ReadAll(newDecompressor(strings.NewReader(got.body)))
	if err != nil || string(plain) != "[1,2]\n" {
		t.Errorf("%q, %v", plain, err)
	}
	for cut := 1; cut < len(got.body); cut++ {
		if plain, err := io.ReadAll(newDecompressor(strings.NewReader(got.body[:cut]))); err == nil {
			t.Errorf("cut off after %d bytes it is %q and no error", cut, plain)
		}
	}
}

func TestBlocksAreInTheRevisionAskedFor(t *testing.T) {
	at := start(t)
	for _, revision := range []uint64{0, 51903, 54453, 54454, 54460} {
		got := post(t, fmt.Sprintf("%s&default_format=Native&client_protocol_version=%d", at, revision),
			"SELECT number, toString(number) AS s, toLowCardinality(s) AS l, [number] AS a, NULL AS z, map('k', s) AS m, CAST(s, 'Nullable(String)') AS n FROM numbers(70000)")
		r := chproto.NewReader(strings.NewReader(got.body))
		rows := 0
		for rows < 70000 {
			block := proto.NewBlock()
			if err := block.Decode(r, revision); err != nil {
				t.Fatalf("revision %d, after %d rows: %v", revision, rows, err)
			}
			if first := block.Columns[1].Row(0, false); first != strconv.Itoa(rows) {
				t.Fatalf("revision %d: row %d is %v", revision, rows, first)
			}
			rows += block.Rows()
		}
		if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("revision %d: more than the rows: %v", revision, err)
		}
	}
}

func TestABodyHasItsBound(t *testing.T) {
	at := serve(t, with(t, func(f *front) { f.maxBody = 1000 }).handler(false))
	insert := at + "?query=" + url.QueryEscape("INSERT INTO FUNCTION null('s String') FORMAT TSV")
	want(t, post(t, insert, strings.Repeat("x", 900)), 200, "")
	if got := post(t, insert, strings.Repeat("x", 1001)); got.status != 413 || got.header.Get("X-ClickHouse-Exception-Code") != "307" {
		t.Errorf("%d %s", got.status, got.body)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(bytes.Repeat([]byte("x"), 100_000))
	z.Close()
	if got := post(t, insert, bomb.String(), "Content-Encoding", "gzip"); bomb.Len() > 1000 || got.status != 413 {
		t.Errorf("%d bytes that become more: %d %s", bomb.Len(), got.status, got.body)
	}
}

const endless = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"

func TestRequestsBeyondTheQueueAreRefusedAndLeaversMakeRoom(t *testing.T) {
	f := with(t, func(f *front) { f.slots, f.maxWait = make(chan struct{}, 1), 1 })
	at := serve(t, f.handler(false))
	leave := func(sql string) func() {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(sql))
			if err != nil {
				t.Error(err)
				return
			}
			if res, err := http.DefaultClient.Do(req); err == nil {
				res.Body.Close()
				t.Errorf("status %d of a query that cannot end", res.StatusCode)
			}
		})
		return func() { cancel(); wg.Wait() }
	}
	running := leave(endless)
	eventually(t, func() bool { return len(f.slots) == 1 && f.waiting.Load() == 0 })
	waiting := leave(endless)
	eventually(t, func() bool { return f.waiting.Load() == 1 })

	got := post(t, at, "SELECT 1")
	if got.status != 503 || got.header.Get("X-ClickHouse-Exception-Code") != "202" {
		t.Errorf("%d %s", got.status, got.body)
	}
	waiting()
	eventually(t, func() bool { return f.waiting.Load() == 0 })
	running()
	want(t, post(t, at, "SELECT 1"), 200, "1\n")
}

func TestRowsAreSentBeforeTheLastIsKnown(t *testing.T) {
	at := start(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader("SELECT number FROM numbers(1000000000000)"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	first := make([]byte, 4)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "0\n1\n" {
		t.Errorf("%q, %v", first, err)
	}
}

func TestTheLoopbackAddressReadsAndNoMore(t *testing.T) {
	at := serve(t, local(with(t, nil).handler(true)))
	want(t, post(t, at, "SELECT 1"), 200, "1\n")
	want(t, post(t, at+"?max_execution_time=5&max_threads=1", "SELECT getSetting('max_threads')"), 200, "1\n")
	for _, sql := range []string{
		"CREATE DATABASE x", "DROP DATABASE default", "INSERT INTO FUNCTION null('a UInt8') VALUES (1)", "SET readonly = 0", "SELECT 1 SETTINGS readonly = 0",
		"SELECT * FROM file('/etc/passwd', LineAsString)", "SELECT * FROM url('" + at + "ping', LineAsString)", "SYSTEM SHUTDOWN", "KILL QUERY WHERE 1",
		"SELECT * FROM executable('id', LineAsString, 's String')", "INSERT INTO FUNCTION file('/tmp/vigie-never') SELECT 1",
	} {
		if got := post(t, at, sql); got.status == 200 {
			t.Errorf("%s: %d %s", sql, got.status, got.body)
		}
	}
	if got := post(t, at+"?readonly=0", "CREATE DATABASE x"); got.status == 200 {
		t.Error("readonly=0 in the URL opens the door")
	}
	for _, headers := range [][]string{{"Origin", "https://evil.example"}, {"Host", "evil.example"}, {"Host", "evil.example:80"}} {
		if got := post(t, at, "SELECT 1", headers...); got.status != 403 {
			t.Errorf("%v: %d %s", headers, got.status, got.body)
		}
	}
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		if l, err := listenLoopback(address); err == nil {
			l.Close()
			t.Errorf("%s was accepted", address)
		}
	}
}

func TestGETReadsAndNoMore(t *testing.T) {
	at := start(t)
	for sql, status := range map[string]int{"SELECT 1": 200, "CREATE TABLE t (a UInt8) ENGINE = Memory": 500} {
		res, err := http.Get(at + "&query=" + url.QueryEscape(sql))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%s: %d", sql, res.StatusCode)
		}
	}
}

// eventually waits for what another goroutine will do.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it did not come about in 10 s")
}
