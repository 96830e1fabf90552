package app_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/internal/ch/chtest"
)

const outageRoom = `
cdns: [{id: maison, name: Maison}]
sources: [{id: lines, cdn: maison, format: ndjson, token_env: VIGIE_TEST_TOKEN}]
`

// sendLines posts n lines one by one and fails the test when one is not taken.
func (p *process) sendLines(n int) {
	p.t.Helper()
	for i := range n {
		start := time.Now()
		if status, answer, _ := p.post(p.machines, "lines", fmt.Sprintf(`{"time":%d,"path":"/%d"}`, time.Now().UnixMilli(), i)); status != 200 {
			p.t.Fatalf("line %d: %d %s after %s", i, status, answer, time.Since(start))
		}
	}
}

func (p *process) stored(n int) {
	p.t.Helper()
	eventually(p.t, 60*time.Second, fmt.Sprintf("%d lines are stored", n), func() bool {
		got, err := p.ask("SELECT (SELECT count() FROM requests), (SELECT sum(lines) FROM requests_1s)")
		return err == nil && got == fmt.Sprintf("%d\t%d", n, n)
	})
}

func TestSendersDoNotNoticeThatClickHouseIsAway(t *testing.T) {
	t.Parallel()
	t.Run("the engine hangs", func(t *testing.T) {
		p := newProcess(t, outageRoom)
		p.start()
		p.up()
		p.sendLines(10)
		p.stored(10)
		engine := p.engine()
		if engine == 0 {
			t.Fatal("there is no engine")
		}
		if err := syscall.Kill(engine, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		p.sendLines(200)
		if p.engine() != engine {
			t.Error("another engine was started beside the one that hangs")
		}
		syscall.Kill(engine, syscall.SIGCONT)
		p.stored(210)
	})
	t.Run("the engine dies again and again", func(t *testing.T) {
		p := newProcess(t, outageRoom)
		p.start()
		p.up()
		p.stored(0)
		for range 4 {
			p.killEngine()
			p.sendLines(50)
		}
		p.stored(200)
	})
	t.Run("a server is not there yet", func(t *testing.T) {
		p := newProcess(t, outageRoom)
		p.env = []string{"VIGIE_CLICKHOUSE_DSN=http://" + p.clickhouse + "/default"}
		p.start()
		p.up()
		p.sendLines(100)
		serveClickHouse(t, p.clickhouse)
		p.stored(100)
		if !p.alive() {
			return
		}
		if code := p.stop(); code != 0 {
			t.Errorf("vigie ended with %d", code)
		}
	})
}

// serveClickHouse is a server at an address: an engine behind its unix socket, for what it answers
// over TCP itself is for readers.
func serveClickHouse(t *testing.T, at string) {
	t.Helper()
	binary, err := chtest.Engine()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "vigie-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	socket := filepath.Join(folder, "s")
	server := exec.Command(binary, "--data", filepath.Join(folder, "data"), "--socket", socket)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		server.Process.Signal(syscall.SIGTERM)
		server.Wait()
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				engine, err := net.Dial("unix", socket)
				if err != nil {
					return
				}
				defer engine.Close()
				go io.Copy(engine, conn)
				io.Copy(conn, engine)
			}()
		}
	}()
}

func TestASecondVigieOnAFolderSaysWhoHasIt(t *testing.T) {
	p := newProcess(t, outageRoom)
	p.start()
	p.up()
	out, err := p.command("serve", "--config", p.config).CombinedOutput()
	want := fmt.Sprintf("another vigie runs on this data folder: %s, process %d", p.data, p.cmd.Process.Pid)
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("%v: %s\ndoes not say %q", err, out, want)
	}
	p.sendLines(1)
	p.stored(1)
}

func TestTheEngineEndsWithAVigieThatIsKilled(t *testing.T) {
	p := newProcess(t, outageRoom)
	p.start()
	p.up()
	p.stored(0)
	engine := p.engine()
	if engine == 0 {
		t.Fatal("there is no engine")
	}
	p.kill()
	eventually(t, 10*time.Second, "the engine is gone", func() bool { return syscall.Kill(engine, 0) != nil })
}
