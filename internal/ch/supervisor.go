package ch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Engine says how to run the embedded engine.
type Engine struct {
	DataDir string // one process at a time; created when missing
	Binary  string // vigie-engine; "": beside this program, or in PATH
	Library string // libchdb.so; "": see FindLibrary
	Listen  string // loopback host:port for readers such as curl and Grafana; "": none
	Threads int    // of one query; 0: as many as cores
	Memory  uint64 // bytes; 0: nine tenths of the machine's
}

const (
	startTimeout = 60 * time.Second // a data folder with many tables loads for seconds
	stopTimeout  = 12 * time.Second // the engine gives its queries 5 s, twice
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
	healthyAfter = 30 * time.Second // a life this long makes the next pause the first again
)

// supervisor runs one engine at a time. The engine's process holds the read end of a pipe whose
// write end only this process has: when this one ends, in whatever way, the engine sees it close.
type supervisor struct {
	args   []string
	binary string
	folder string // temporary, for the socket: its path must stay under 108 bytes
	socket string
	log    *slog.Logger

	mu      sync.Mutex
	child   *child
	stopped bool
}

type child struct {
	cmd    *exec.Cmd
	alive  *os.File      // the pipe's write end
	done   chan struct{} // closed when the process has ended
	err    error         // why, set before done is closed
	stderr lastLines
	born   time.Time
}

func newSupervisor(cfg Engine, log *slog.Logger) (*supervisor, error) {
	binary, err := findEngine(cfg.Binary)
	if err != nil {
		return nil, err
	}
	library, err := FindLibrary(cfg.Library)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "vigie-")
	if err != nil {
		return nil, fmt.Errorf("folder for the engine's socket: %w", err)
	}
	s := &supervisor{binary: binary, folder: folder, socket: filepath.Join(folder, "engine.sock"), log: log}
	s.args = []string{"--data", cfg.DataDir, "--lib", library, "--socket", s.socket, "--parent-fd", "3",
		"--threads", strconv.Itoa(cfg.Threads), "--memory", strconv.FormatUint(cfg.Memory, 10)}
	if cfg.Listen != "" {
		s.args = append(s.args, "--listen", cfg.Listen)
	}
	return s, nil
}

// start starts an engine and returns when it answers, or with what it said when it gave up.
func (s *supervisor) start(ctx context.Context) error {
	c, err := s.spawn()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.socket)
		},
		DisableKeepAlives: true,
	}}
	for {
		if req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/ping", nil); err != nil {
			return fmt.Errorf("ask the engine: %w", err)
		} else if res, err := client.Do(req); err == nil {
			res.Body.Close()
			s.log.Info("embedded engine is ready", "pid", c.cmd.Process.Pid, "after", time.Since(c.born))
			return nil
		}
		select {
		case <-c.done:
			return fmt.Errorf("the embedded engine did not start: %w", c.err)
		case <-ctx.Done():
			return fmt.Errorf("the embedded engine does not answer: %w%s", ctx.Err(), c.stderr.said())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (s *supervisor) spawn() (*child, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, net.ErrClosed
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	defer read.Close()
	c := &child{cmd: exec.Command(s.binary, s.args...), alive: write, done: make(chan struct{}), born: time.Now()}
	c.cmd.ExtraFiles = []*os.File{read}                     // file descriptor 3
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this process, which stops the engine in order
	c.cmd.Env = append(os.Environ(), "TZ=UTC")              // what servers have, and what times without a zone mean
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the engine: %w", err), write.Close())
	}
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the engine %s: %w", s.binary, err), write.Close())
	}
	s.child = c
	go func() {
		c.stderr.read(stderr, s.log)
		err := c.cmd.Wait()
		c.alive.Close()
		if err == nil {
			err = errors.New("it ended by itself")
		}
		c.err = fmt.Errorf("%w%s", err, c.stderr.said())
		close(c.done)
	}()
	return c, nil
}

func (s *supervisor) run(ctx context.Context) error {
	pause := firstPause
	for {
		s.mu.Lock()
		c := s.child
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-c.done:
		}
		s.mu.Lock()
		stopped := s.stopped
		s.mu.Unlock()
		if stopped {
			return nil
		}
		if time.Since(c.born) > healthyAfter {
			pause = firstPause
		}
		s.log.Error("the embedded engine ended; it is started again", "error", c.err, "pause", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
		if err := s.start(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the embedded engine could not be started", "error", err)
			s.kill()
		}
	}
}

// kill makes sure that no engine runs.
func (s *supervisor) kill() {
	s.mu.Lock()
	c := s.child
	s.mu.Unlock()
	if c != nil {
		c.cmd.Process.Kill()
		<-c.done
	}
}

// stop asks the engine to end, insists after a while, and cleans up.
func (s *supervisor) stop() error {
	s.mu.Lock()
	c := s.child
	s.stopped = true
	s.mu.Unlock()
	var err error
	if c != nil {
		c.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.done:
		case <-time.After(stopTimeout):
			c.cmd.Process.Kill()
			<-c.done
			err = fmt.Errorf("the embedded engine did not stop within %v and was killed", stopTimeout)
		}
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

// lastLines passes on what the engine says, and keeps its end for an error.
type lastLines struct {
	mu   sync.Mutex
	tail []byte
}

const keptTail = 2 << 10

func (l *lastLines) read(r io.Reader, log *slog.Logger) {
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		line, _, err := lines.ReadLine()
		if err != nil {
			return
		}
		log.Debug("engine", "line", string(line))
		l.mu.Lock()
		l.tail = append(append(l.tail, line...), '\n')
		l.tail = l.tail[max(0, len(l.tail)-keptTail):]
		l.mu.Unlock()
	}
}

// said is the end of what the engine said, for an error's text.
func (l *lastLines) said() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if tail := bytes.TrimSpace(l.tail); len(tail) > 0 {
		return ": " + string(tail)
	}
	return ""
}
