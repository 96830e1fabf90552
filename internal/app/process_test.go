package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vigie/internal/ch/chtest"
)

// binary is vigie built from this module's source, with vigie-engine beside it.
var binary = sync.OnceValues(func() (string, error) {
	engine, err := chtest.Engine()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(engine), "vigie")
	if out, err := exec.Command("go", "build", "-o", path, "vigie/cmd/vigie").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build vigie: %w: %s", err, out)
	}
	return path, nil
})

// process is `vigie serve` on a folder of the test's own. It may be killed and started again.
type process struct {
	t          testing.TB
	config     string
	data       string
	machines   string // host:port
	people     string
	syslog     string
	clickhouse string
	env        []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	ended  chan struct{} // of cmd
	stderr bytes.Buffer  // of all lives
}

// newProcess writes a configuration: room is its YAML from cdns on.
func newProcess(t testing.TB, room string) *process {
	t.Helper()
	// Short, for the control socket's path has at most 108 bytes.
	folder, err := os.MkdirTemp("", "vigie-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	p := &process{
		t: t, config: filepath.Join(folder, "vigie.yaml"), data: filepath.Join(folder, "data"),
		machines: freeAddress(t), people: freeAddress(t), syslog: freeAddress(t), clickhouse: freeAddress(t),
	}
	engine, err := chtest.Engine()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("data: %s\nlisten: {people: %q, machines: %q, syslog_tcp: %q, syslog_udp: %q}\nclickhouse: {listen: %q, binary: %s}\nlog: {level: info}\n%s",
		p.data, p.people, p.machines, p.syslog, p.syslog, p.clickhouse, engine, room)
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("vigie said:\n%s", p.said())
		}
	})
	return p
}

// freeAddress is a loopback address that nobody listens on, over TCP or UDP. Its port is below those that the system
// gives to whoever asks for any (Linux: from 32768 on), so that nobody gets it before the process that it is for.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(22000))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		l.Close()
		return address
	}
	t.Fatal("no free port of 127.0.0.1 was found")
	return ""
}

// command is vigie with arguments and the test's token.
func (p *process) command(args ...string) *exec.Cmd {
	p.t.Helper()
	path, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(append(os.Environ(), "VIGIE_TEST_TOKEN="+testToken), p.env...)
	return cmd
}

const testToken = "s3cret-of-the-test"

// start starts vigie and returns at once.
func (p *process) start() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = p.command("serve", "--config", p.config)
	p.cmd.Stderr = lockedWriter{&p.mu, &p.stderr}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd, ended := p.cmd, make(chan struct{})
	p.ended = ended
	go func() {
		cmd.Wait()
		close(ended)
	}()
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := p.stderr.String()
	return text[max(0, len(text)-16<<10):]
}

// alive fails the test when vigie ended by itself.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		p.t.Errorf("vigie ended by itself: %s", p.cmd.ProcessState)
		return false
	default:
		return true
	}
}

// kill is kill -9.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Kill()
	<-p.ended
}

// stop asks vigie to end and returns its exit code.
func (p *process) stop() int {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(40 * time.Second):
		p.t.Error("vigie did not end within 40 s of SIGTERM")
		p.kill()
	}
	return p.cmd.ProcessState.ExitCode()
}

// engine is the process id of vigie's engine; 0: it has none.
func (p *process) engine() int {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.cmd.Process.Pid))
	for _, thread := range threads {
		text, _ := os.ReadFile(thread)
		for _, pid := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(pid); err == nil {
				return n
			}
		}
	}
	return 0
}

// killEngine is kill -9 of the engine, as soon as there is one.
func (p *process) killEngine() {
	p.t.Helper()
	eventually(p.t, 60*time.Second, "an engine runs", func() bool {
		engine := p.engine()
		return p.alive() && engine != 0 && syscall.Kill(engine, syscall.SIGKILL) == nil
	})
}

// up waits until the doors for machines are open.
func (p *process) up() {
	p.t.Helper()
	eventually(p.t, 60*time.Second, "vigie is up", func() bool {
		res, err := http.Get("http://" + p.machines + "/healthz")
		if err != nil {
			return !p.alive()
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// ask puts a question to the engine, as curl would.
func (p *process) ask(sql string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.clickhouse+"/?"+url.Values{"default_format": {"TSV"}}.Encode(), strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, body)
	}
	return strings.TrimSuffix(string(body), "\n"), err
}

// answer is the engine's answer to a question, asked until there is one.
func (p *process) answer(sql string) string {
	p.t.Helper()
	var answer string
	eventually(p.t, 60*time.Second, "an answer to "+sql, func() bool {
		var err error
		answer, err = p.ask(sql)
		return err == nil
	})
	return answer
}

// post sends a body to a source and returns the status, 0 when there was no answer.
func (p *process) post(at, source, body string) (status int, answer string, header http.Header) {
	r, err := http.NewRequest(http.MethodPost, "http://"+at+"/ingest/"+source, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text), res.Header
}

// eventually waits for something outside this process.
func eventually(t testing.TB, limit time.Duration, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if is() {
			return
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Fatalf("not within %s: %s", limit, what)
}
