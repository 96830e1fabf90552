package tail

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// collector is a real server that keeps each batch once, by its id, as the collectors do.
type collector struct {
	t      *testing.T
	server *http.Server
	to     *url.URL

	mu      sync.Mutex
	answers func(n int, id string) int // what to answer try n with; 0: take it, lost: take it and hang up
	tries   int
	ids     []string
	bodies  map[string]string
	repeats int
}

const lost = -1

func newCollector(t *testing.T) *collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{t: t, bodies: map[string]string{}, to: &url.URL{Scheme: "http", Host: l.Addr().String()}}
	c.server = &http.Server{Handler: c}
	go c.server.Serve(l)
	t.Cleanup(func() { c.server.Close() })
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/ingest/edge" || r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get("Content-Encoding") != "gzip" {
		c.t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return // the sender was killed
	}
	body, err := io.ReadAll(z)
	if err != nil {
		return
	}
	id := r.Header.Get("X-Batch-Id")
	c.mu.Lock()
	answer := 0
	if c.answers != nil {
		answer = c.answers(c.tries, id)
	}
	c.tries++
	duplicate := false
	if answer <= 0 {
		var before string
		if before, duplicate = c.bodies[id]; duplicate {
			c.repeats++
			if before != string(body) {
				c.t.Errorf("%s came again with other bytes", id)
			}
		} else {
			c.ids = append(c.ids, id)
			c.bodies[id] = string(body)
		}
	}
	c.mu.Unlock()
	switch {
	case answer == lost:
		panic(http.ErrAbortHandler)
	case answer == http.StatusFound:
		http.Redirect(w, r, "/elsewhere", answer)
	case answer > 0:
		w.WriteHeader(answer)
	default:
		fmt.Fprintf(w, `{"stored":%d,"duplicate":%v}`, len(body), duplicate)
	}
}

func (c *collector) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, id := range c.ids {
		out = append(out, c.bodies[id])
	}
	return out
}

func (c *collector) all() string { return strings.Join(c.got(), "") }

func (c *collector) set(answers func(n int, id string) int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers, c.tries = answers, 0
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what, " did not happen")
		}
	}
}

// stays waits long enough for what should not happen.
func stays(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 40 {
		if !holds() {
			t.Fatal(what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// room is a folder of logs and one of state, with a collector.
type room struct {
	*collector
	dir, state string
	log        *strings.Builder
	cfg        Config
}

type locked struct {
	mu *sync.Mutex
	b  *strings.Builder
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func newRoom(t *testing.T, files ...string) *room {
	t.Helper()
	m := &room{collector: newCollector(t), dir: t.TempDir(), state: filepath.Join(t.TempDir(), "state"), log: &strings.Builder{}}
	var mu sync.Mutex
	t.Cleanup(func() {
		if t.Failed() {
			mu.Lock()
			defer mu.Unlock()
			t.Log(m.log.String())
		}
	})
	if len(files) == 0 {
		files = []string{"access.log"}
	}
	for i, f := range files {
		files[i] = filepath.Join(m.dir, f)
	}
	m.cfg = Config{
		To: m.to, Source: "edge", Token: "secret", Files: files, State: m.state, MaxWait: 10 * time.Millisecond, FromStart: true,
		Log: slog.New(slog.NewTextHandler(locked{&mu, m.log}, nil)), pace: hurry,
	}
	return m
}

var hurry = pace{poll: 5 * time.Millisecond, glob: 10 * time.Millisecond, quiet: 300 * time.Millisecond, retry: 5 * time.Millisecond, slow: 20 * time.Millisecond, progress: time.Second, tidy: 200 * time.Millisecond}

// start follows until the returned function is called, which waits for the end.
func (m *room) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, m.cfg) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// started waits until the file has a record: what comes from now on comes while it is followed.
func (m *room) started(t *testing.T, files int) {
	t.Helper()
	eventually(t, "following", func() bool {
		found, _ := filepath.Glob(filepath.Join(m.state, "*"+recordFile))
		return len(found) >= files
	})
}

func (m *room) path(name string) string { return filepath.Join(m.dir, name) }

func (m *room) write(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(m.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func (m *room) rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(m.path(from), m.path(to)); err != nil {
		t.Fatal(err)
	}
}

// copyTruncate does what logrotate does for copytruncate.
func (m *room) copyTruncate(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(m.path(from))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.path(to), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(m.path(from), 0); err != nil {
		t.Fatal(err)
	}
}

func (m *room) wants(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); m.all() != text; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("got %.2000q\nnot %.2000q", m.all(), text)
		}
	}
}

func lines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "192.0.2.7 - - [08/Sep/2026:19:45:03 +0000] \"GET /v/seg_%06d.m4s HTTP/1.1\" 200 812345\n", i)
	}
	return b.String()
}

func TestOnlyWholeLinesAreSent(t *testing.T) {
	m := newRoom(t)
	m.start(t)
	m.write(t, "access.log", lines(0, 3)+"half a ")
	m.wants(t, lines(0, 3))
	stays(t, "a half line was sent", func() bool { return m.all() == lines(0, 3) })
	m.write(t, "access.log", "line\nnext")
	m.wants(t, lines(0, 3)+"half a line\n")
}

func TestTheLastLineOfARotatedFileNeedsNoEnd(t *testing.T) {
	m := newRoom(t)
	m.start(t)
	m.write(t, "access.log", lines(0, 3)+"the last")
	m.wants(t, lines(0, 3))
	m.rename(t, "access.log", "access.log.1")
	m.wants(t, lines(0, 3)+"the last")
	m.write(t, "access.log", lines(3, 4))
	m.wants(t, lines(0, 3)+"the last"+lines(3, 4))
}

func TestWhatIsThereAtTheFirstStartIsPassedOverUnlessAsked(t *testing.T) {
	for _, fromStart := range []bool{false, true} {
		m := newRoom(t)
		m.cfg.FromStart = fromStart
		m.write(t, "access.log", lines(0, 100)+"half ")
		stop := m.start(t)
		m.started(t, 1)
		m.write(t, "access.log", "line\n"+lines(100, 101))
		want := "half line\n" + lines(100, 101)
		if fromStart {
			want = lines(0, 100) + want
		}
		m.wants(t, want)
		stop()
		// At the second start a file that is there is one that came meanwhile.
		m.rename(t, "access.log", "access.log.1")
		m.write(t, "access.log", lines(101, 102))
		m.start(t)
		m.wants(t, want+lines(101, 102))
	}
}

func TestARestartGoesOnWhereItWas(t *testing.T) {
	m := newRoom(t)
	for i := range 5 {
		m.write(t, "access.log", lines(10*i, 10*i+5))
		stop := m.start(t)
		m.wants(t, lines2(0, 10*i+5))
		m.write(t, "access.log", lines(10*i+5, 10*i+10))
		m.wants(t, lines2(0, 10*i+10))
		stop()
	}
}

func lines2(from, to int) string { return lines(from, to) }

func TestRotationByRenaming(t *testing.T) {
	m := newRoom(t)
	m.write(t, "access.log", lines(0, 2))
	m.start(t)
	m.wants(t, lines(0, 2))
	old, err := os.OpenFile(m.path("access.log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	m.rename(t, "access.log", "access.log.1")
	io.WriteString(old, lines(2, 3)) // the server has not opened the new one yet
	m.wants(t, lines(0, 3))
	m.write(t, "access.log", lines(3, 4))
	m.wants(t, lines(0, 4))
	io.WriteString(old, lines(4, 5)) // a worker that ends late
	m.wants(t, lines(0, 5))
	m.write(t, "access.log", lines(5, 6))
	m.wants(t, lines(0, 6))
}

// Whatever the order of logrotate's steps and the collectors' absence, nothing is lost or doubled.
func TestRotationsWhileTheCollectorsAreAway(t *testing.T) {
	m := newRoom(t)
	m.set(func(int, string) int { return http.StatusServiceUnavailable })
	m.start(t)
	m.started(t, 0)
	for i := range 5 {
		m.write(t, "access.log", lines(i*10, i*10+10))
		m.started(t, i+1-i) // it is open before it is rotated
		time.Sleep(30 * time.Millisecond)
		for n := i; n > 0; n-- {
			m.rename(t, fmt.Sprintf("access.log.%d", n), fmt.Sprintf("access.log.%d", n+1))
		}
		m.rename(t, "access.log", "access.log.1")
	}
	for n := 2; n <= 5; n++ { // compressed, so only what is open still holds them
		if err := os.Remove(m.path(fmt.Sprintf("access.log.%d", n))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(m.path(fmt.Sprintf("access.log.%d.gz", n)), []byte("\x1f\x8b"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.write(t, "access.log", lines(50, 51))
	m.set(nil)
	m.wants(t, lines(0, 51))
}

func TestRotationsWhileItDoesNotRun(t *testing.T) {
	for _, how := range []string{"rename", "copytruncate"} {
		t.Run(how, func(t *testing.T) {
			m := newRoom(t)
			m.write(t, "access.log", lines(0, 20))
			stop := m.start(t)
			m.wants(t, lines(0, 20))
			stop()
			for i := range 3 {
				m.write(t, "access.log", lines(20+10*i, 30+10*i))
				for n := i; n > 0; n-- {
					m.rename(t, fmt.Sprintf("access.log.%d", n), fmt.Sprintf("access.log.%d", n+1))
				}
				if how == "rename" {
					m.rename(t, "access.log", "access.log.1")
				} else {
					m.copyTruncate(t, "access.log", "access.log.1")
				}
			}
			m.write(t, "access.log", lines(50, 60))
			stop = m.start(t)
			m.wants(t, lines(0, 60))
			stop()
			m.start(t)
			m.write(t, "access.log", lines(60, 61))
			m.wants(t, lines(0, 61))
		})
	}
}

func TestRotationByCopyingAndTruncating(t *testing.T) {
	m := newRoom(t)
	m.start(t)
	m.write(t, "access.log", lines(0, 50))
	m.wants(t, lines(0, 50))
	m.set(func(int, string) int { return http.StatusBadGateway })
	m.write(t, "access.log", lines(50, 60))
	eventually(t, "a try", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.tries > 0 })
	m.write(t, "access.log", lines(60, 70)) // not read yet when it is truncated
	m.copyTruncate(t, "access.log", "access.log.1")
	m.write(t, "access.log", lines(70, 200)) // longer than before at once
	m.set(nil)
	m.wants(t, lines(0, 200))
	m.copyTruncate(t, "access.log", "access.log.2")
	m.write(t, "access.log", lines(200, 201))
	m.wants(t, lines(0, 201))
	stays(t, "something came twice", func() bool { return m.all() == lines(0, 201) })
}

func TestTruncationsWhileTheCollectorsAreAway(t *testing.T) {
	m := newRoom(t)
	m.set(func(int, string) int { return http.StatusServiceUnavailable })
	m.write(t, "access.log", lines(0, 20))
	m.start(t)
	eventually(t, "a try", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.tries > 0 })
	for i := range 3 {
		m.write(t, "access.log", lines(20+10*i, 30+10*i))
		for n := i; n > 0; n-- {
			m.rename(t, fmt.Sprintf("access.log.%d", n), fmt.Sprintf("access.log.%d", n+1))
		}
		m.copyTruncate(t, "access.log", "access.log.1")
	}
	m.write(t, "access.log", lines(50, 60))
	m.set(nil)
	m.wants(t, lines(0, 60))
}

func TestATruncationWithoutACopyIsSaidAndGoneOnFrom(t *testing.T) {
	m := newRoom(t)
	m.start(t)
	m.write(t, "access.log", lines(0, 50))
	m.wants(t, lines(0, 50))
	if err := os.Truncate(m.path("access.log"), 0); err != nil {
		t.Fatal(err)
	}
	m.write(t, "access.log", lines(100, 101))
	m.wants(t, lines(0, 50)+lines(100, 101))
}

func TestAReusedInodeIsNotMistaken(t *testing.T) {
	m := newRoom(t)
	m.write(t, "access.log", lines(0, 20))
	stop := m.start(t)
	m.wants(t, lines(0, 20))
	stop()
	// The same inode, longer than what was acknowledged, with other lines.
	if err := os.WriteFile(m.path("access.log"), []byte(lines(20, 60)), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start(t)
	m.wants(t, lines(0, 60))
}

func TestGlobsTakeInNewFilesAndLeaveOutWhatRotationMakes(t *testing.T) {
	m := newRoom(t, "*.log*", "other/access-*.log")
	m.cfg.FromStart = false
	m.write(t, "a.log.1", lines(900, 901))
	m.write(t, "a.log", lines(901, 902))
	if err := os.Mkdir(m.path("other"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.start(t)
	m.started(t, 1)
	m.write(t, "a.log.2.gz", "\x1f\x8bxx\n")
	m.write(t, "packed.log", "\x1f\x8bxx\nyy\n")
	m.write(t, "b.log", lines(0, 1))
	m.wants(t, lines(0, 1))
	m.write(t, "other/access-2026090819.log", lines(1, 2))
	m.wants(t, lines(0, 2))
	m.write(t, "other/access-2026090820.log", lines(2, 3)) // as rotatelogs does
	m.wants(t, lines(0, 3))
	m.rename(t, "a.log", "a.log.2")
	m.write(t, "a.log", lines(3, 4))
	m.wants(t, lines(0, 4))
	stays(t, "rotated files were sent again", func() bool { return m.all() == lines(0, 4) })
}

func TestEachBatchOfAW3CFileCanBeReadAlone(t *testing.T) {
	m := newRoom(t)
	m.cfg.MaxBatch = 100
	m.write(t, "access.log", "#Version: 1.0\n#Fields: date time\n2026-09-08 19:45:00\n")
	stop := m.start(t)
	m.wants(t, "#Version: 1.0\n#Fields: date time\n2026-09-08 19:45:00\n")
	m.write(t, "access.log", "2026-09-08 19:45:01\n")
	eventually(t, "a second batch", func() bool { return len(m.got()) == 2 })
	stop()
	m.write(t, "access.log", "2026-09-08 19:45:02\n#Fields: time date\r\n19:45:03 2026-09-08\n")
	m.start(t)
	eventually(t, "a third batch", func() bool { return len(m.got()) == 3 })
	m.write(t, "access.log", "19:45:04 2026-09-08\n")
	eventually(t, "a fourth batch", func() bool { return len(m.got()) == 4 })
	for i, want := range []string{
		"#Version: 1.0\n#Fields: date time\n2026-09-08 19:45:00\n",
		"#Fields: date time\n2026-09-08 19:45:01\n",
		"#Fields: date time\n2026-09-08 19:45:02\n#Fields: time date\r\n19:45:03 2026-09-08\n",
		"#Fields: time date\n19:45:04 2026-09-08\n",
	} {
		if got := m.got()[i]; got != want {
			t.Errorf("batch %d is %q, not %q", i, got, want)
		}
	}

	// Also when what names the columns is passed over.
	m = newRoom(t)
	m.cfg.FromStart = false
	m.write(t, "access.log", "#Fields: a\n"+strings.Repeat("x\n", 300_000)+"#Fields: b\ny\n")
	m.start(t)
	m.started(t, 1)
	m.write(t, "access.log", "z\n")
	m.wants(t, "#Fields: b\nz\n")

	// Other files may have such a line: a viewer wrote it.
	m = newRoom(t)
	m.start(t)
	m.write(t, "access.log", "a\n#Fields: forged\n")
	m.wants(t, "a\n#Fields: forged\n")
	m.write(t, "access.log", "b\n")
	m.wants(t, "a\n#Fields: forged\nb\n")
}

func TestLongLinesPass(t *testing.T) {
	m := newRoom(t)
	m.cfg.MaxBatch = 1000
	long := strings.Repeat("x", 400<<10) + "\n"
	m.write(t, "access.log", lines(0, 3)+long+lines(3, 6))
	m.start(t)
	m.wants(t, lines(0, 3)+long+lines(3, 6))
	found := false
	for _, b := range m.got() {
		found = found || b == long
	}
	if !found {
		t.Error("the long line is not a batch alone")
	}
	// Without end: in pieces, so that memory is bounded and the rest can come.
	endless := strings.Repeat("y", maxLine+5)
	m.write(t, "access.log", endless+"\n"+lines(6, 7))
	m.wants(t, lines(0, 3)+long+lines(3, 6)+endless+"\n"+lines(6, 7))
}

// What senders must live with: every answer, several times, and none at all.
func TestEveryAnswerLeadsToEachLineOnce(t *testing.T) {
	for _, answer := range []int{lost, 302, 401, 403, 404, 408, 429, 500, 502, 503} {
		t.Run(fmt.Sprint(answer), func(t *testing.T) {
			m := newRoom(t)
			m.cfg.MaxBatch = 500
			m.set(func(n int, _ string) int {
				if n%5 < 3 {
					return answer
				}
				return 0
			})
			m.write(t, "access.log", lines(0, 50))
			m.start(t)
			m.wants(t, lines(0, 50))
			if answer == lost && m.repeats == 0 {
				t.Error("nothing was repeated: the test proves nothing")
			}
		})
	}
}

func TestAnotherServersPageIsNotAnAnswer(t *testing.T) {
	m := newRoom(t)
	taken := 0
	page := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if taken++; taken < 3 {
			io.WriteString(w, "<html>Please sign in to the Wi-Fi</html>")
			return
		}
		m.ServeHTTP(w, r)
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go page.Serve(l)
	defer page.Close()
	m.cfg.To = &url.URL{Scheme: "http", Host: l.Addr().String()}
	m.write(t, "access.log", lines(0, 5))
	m.start(t)
	m.wants(t, lines(0, 5))
}

func TestWhatIsRefusedIsSetAsideAndTheRestGoesOn(t *testing.T) {
	m := newRoom(t)
	m.cfg.MaxBatch = 500
	bad := "bad line\n"
	m.set(func(n int, id string) int {
		if strings.Contains(id, ":0-9:") {
			return http.StatusBadRequest
		}
		return 0
	})
	m.write(t, "access.log", bad)
	m.start(t)
	aside := func() []string {
		found, _ := filepath.Glob(filepath.Join(m.state, "refused", "*.gz"))
		return found
	}
	eventually(t, "a copy", func() bool { return len(aside()) == 1 })
	m.write(t, "access.log", lines(0, 20))
	m.wants(t, lines(0, 20))
	f, err := os.Open(aside()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(z); string(text) != bad {
		t.Errorf("%q was set aside", text)
	}
}

func TestWhatIsSetAsideIsBounded(t *testing.T) {
	m := newRoom(t)
	s := newSender(&m.cfg, filepath.Join(m.state, "refused"))
	for i := range maxAside + 20 {
		s.setAside(fmt.Sprintf("tail:0:1:%d-2:3", i), []byte("x"))
	}
	found, _ := filepath.Glob(filepath.Join(s.refused, "*"))
	if len(found) != maxAside || !strings.HasSuffix(found[len(found)-1], fmt.Sprintf("-%d-2-3.gz", maxAside+19)) {
		t.Errorf("%d files, the newest %s", len(found), found[len(found)-1])
	}
}

func TestABatchThatIsTooLargeIsHalved(t *testing.T) {
	m := newRoom(t)
	m.cfg.MaxBatch = 1 << 20
	m.set(func(n int, id string) int {
		var inode, from, to int
		var print, sum string
		fmt.Sscanf(strings.NewReplacer(":", " ", "-", " ").Replace(id), "tail %s %d %d %d %s", &print, &inode, &from, &to, &sum)
		if to-from > 200<<10 {
			return http.StatusRequestEntityTooLarge
		}
		return 0
	})
	m.write(t, "access.log", lines(0, 20_000))
	m.start(t)
	m.wants(t, lines(0, 20_000))
}

func TestOneFilesTroubleIsNotAnothers(t *testing.T) {
	m := newRoom(t, "a.log", "b.log", "missing/c.log")
	m.cfg.MaxBatch = 500
	var bad string
	m.set(func(n int, id string) int {
		inode := strings.Split(id, ":")[2]
		if bad == "" {
			bad = inode
		}
		if inode == bad {
			return http.StatusBadGateway
		}
		return 0
	})
	m.write(t, "a.log", lines(0, 100))
	m.start(t)
	eventually(t, "a try", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.tries > 0 })
	m.write(t, "b.log", lines(100, 200))
	m.wants(t, lines(100, 200))
}

func TestRetryAfterIsWaitedFor(t *testing.T) {
	now := time.Date(2026, 9, 8, 19, 45, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "999999": time.Hour, "Tue, 08 Sep 2026 19:45:30 GMT": 30 * time.Second, "Tue, 08 Sep 2026 19:44:30 GMT": 0,
	} {
		if got := retryAfterOf(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %v, not %v", text, got, want)
		}
	}
}

func TestAStateFolderIsForOneProcess(t *testing.T) {
	m := newRoom(t)
	m.start(t)
	m.write(t, "access.log", lines(0, 1))
	m.wants(t, lines(0, 1))
	if err := Run(t.Context(), m.cfg); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second process may use the folder: %v", err)
	}
}

func TestWhatIsConfiguredIsChecked(t *testing.T) {
	good := newRoom(t).cfg
	for want, change := range map[string]func(*Config){
		"to":     func(c *Config) { c.To = &url.URL{Host: "x"} },
		"source": func(c *Config) { c.Source = "" },
		"token":  func(c *Config) { c.Token = "" },
		"files":  func(c *Config) { c.Files = []string{"a["} },
		"state":  func(c *Config) { c.State = "" },
		"gzip":   func(c *Config) { c.Gzip = 10 },
		"batch":  func(c *Config) { c.MaxBatch = maxLine + 1 },
		"wait":   func(c *Config) { c.MaxWait = -1 },
	} {
		bad := good
		change(&bad)
		if err := Run(t.Context(), bad); err == nil || !strings.HasPrefix(err.Error(), want+":") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestADamagedRecordIsSaid(t *testing.T) {
	m := newRoom(t)
	if err := os.MkdirAll(m.state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.state, "1-2"+recordFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), m.cfg); err == nil || !strings.Contains(err.Error(), "1-2") {
		t.Error(err)
	}
}

func TestRotatedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"/l/access.log.1": true, "/l/access.log-20260908": true, "/l/access.log-2026-09-08_19:00": true, "/l/access-20260908.log": true, "/l/access.1.log": true,
		"/l/access.log": false, "/l/access.log.bak": false, "/l/access.log.1.gz": false, "/l/access-api.log": false, "/l/access2.log": false, "/l/other.log.1": false,
	} {
		if got := rotatedName("/l/access.log", name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRecordsOfFilesThatAreGoneAreForgotten(t *testing.T) {
	m := newRoom(t)
	m.start(t)
	for i := range 4 {
		m.write(t, "access.log", lines(i, i+1))
		m.wants(t, lines(0, i+1))
		m.rename(t, "access.log", "access.log.1")
	}
	eventually(t, "forgetting", func() bool {
		found, _ := filepath.Glob(filepath.Join(m.state, "*"+recordFile))
		return len(found) == 1
	})
}

func TestProgressIsTold(t *testing.T) {
	m := newRoom(t)
	var log bytes.Buffer
	var mu sync.Mutex
	m.cfg.Log = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), nil))
	m.cfg.pace.progress = 50 * time.Millisecond
	m.write(t, "access.log", lines(0, 7))
	m.start(t)
	eventually(t, "a word", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(log.String(), fmt.Sprintf("lines=7 bytes=%d batches=1 behind_bytes=0 open_files=1", len(lines(0, 7))))
	})
	if strings.Contains(log.String(), "secret") {
		t.Error("the token is logged")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
