//go:build linux

package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/internal/ch/chtest"
)

func TestFlagsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"none", nil, 2, "give --data"},
		{"nowhere to answer", []string{"--data", t.TempDir()}, 2, "--socket and --listen"},
		{"unknown", []string{"--nosuch"}, 2, "nosuch"},
		{"too much", []string{"--data", t.TempDir(), "--socket", "s", "more"}, 2, "nothing else"},
		{"help", []string{"--help"}, 0, "-data"},
		{"no library", []string{"--data", t.TempDir(), "--socket", "s", "--lib", "/nowhere/libchdb.so"}, 1, "make engine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if code := run(c.args, &stderr); code != c.code || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("code %d, said %s", code, stderr.String())
			}
		})
	}
}

// process is an engine of the test's own.
type process struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	client http.Client
}

func start(t *testing.T, data string, args ...string) *process {
	t.Helper()
	binary, err := chtest.Engine()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "vigie-") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	socket := filepath.Join(folder, "s")
	e := &process{cmd: exec.Command(binary, append([]string{"--data", data, "--socket", socket}, args...)...)}
	e.cmd.Stderr = &e.stderr
	e.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.cmd.Process.Kill() })
	return e
}

func (e *process) query(sql string) (string, error) {
	res, err := e.client.Post("http://engine/", "", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

func (e *process) ready(t *testing.T) {
	t.Helper()
	for range 2000 {
		if got, err := e.query("SELECT 1"); err == nil && got == "1\n" {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("no answer in 10 s; it said %s", e.stderr.String())
}

func TestSIGTERMEndsItInOrder(t *testing.T) {
	data := t.TempDir()
	for _, want := range []string{"", "1\n"} {
		e := start(t, data)
		e.ready(t)
		if got, err := e.query("SELECT 1 FROM system.tables WHERE name = 'kept'"); got != want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
		if got, err := e.query("CREATE TABLE IF NOT EXISTS kept (a UInt8) ENGINE = MergeTree ORDER BY a"); got != "" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := e.cmd.Wait(); err != nil {
			t.Errorf("%v; it said %s", err, e.stderr.String())
		}
	}
}

func TestSIGTERMDoesNotWaitForAQueryWithoutEnd(t *testing.T) {
	e := start(t, t.TempDir())
	e.ready(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if got, err := e.query("SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"); err == nil {
			t.Errorf("%s", got)
		}
	}()
	for {
		if got, err := e.query("SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'"); err == nil && got == "1\n" {
			break
		}
	}
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Wait(); err != nil {
		t.Errorf("%v; it said %s", err, e.stderr.String())
	}
	<-ended
}

func TestASecondProcessOnAFolderSaysWhoHasIt(t *testing.T) {
	data := t.TempDir()
	first := start(t, data)
	first.ready(t)
	second := start(t, data)
	second.cmd.Wait()
	if code := second.cmd.ProcessState.ExitCode(); code != exitLocked || !strings.Contains(second.stderr.String(), "in use by process") {
		t.Errorf("code %d; it said %s", code, second.stderr.String())
	}
	if got, err := first.query("SELECT 2"); got != "2\n" || err != nil {
		t.Errorf("the first was disturbed: %q, %v", got, err)
	}
}

func TestItListensOnLoopbackAlone(t *testing.T) {
	e := start(t, t.TempDir(), "--listen", "0.0.0.0:0")
	e.cmd.Wait()
	if code := e.cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(e.stderr.String(), "must be loopback") {
		t.Errorf("code %d; it said %s", code, e.stderr.String())
	}
}

func TestLimitsReachTheEngine(t *testing.T) {
	e := start(t, t.TempDir(), "--threads", "1", "--memory", "1000000000")
	e.ready(t)
	got, err := e.query("SELECT getSetting('max_threads'), (SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage')")
	if got != "1\t1000000000\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
