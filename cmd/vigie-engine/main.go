// Command vigie-engine is ClickHouse for one machine: the engine as a library, behind ClickHouse's
// HTTP interface on a unix socket. vigie starts and supervises it where no ClickHouse address is
// configured; started by hand it serves a data folder to curl or Grafana.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Exit codes beyond flag's 2.
const (
	exitFailed = 1
	exitLocked = 3 // another process has the data folder
)

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

func run(args []string, stderr io.Writer) int {
	var cfg config
	flags := flag.NewFlagSet("vigie-engine", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&cfg.data, "data", "", "data `folder`, for one process at a time; created when missing")
	flags.StringVar(&cfg.socket, "socket", "", "unix socket `path` to answer on")
	flags.StringVar(&cfg.listen, "listen", "", "loopback `host:port` to answer readers on, such as 127.0.0.1:8123")
	flags.StringVar(&cfg.library, "lib", os.Getenv("VIGIE_ENGINE_LIB"), "libchdb.so, by default as 'make engine' puts it")
	flags.IntVar(&cfg.threads, "threads", 0, "threads of one query; 0: as many as cores")
	flags.Uint64Var(&cfg.memory, "memory", 0, "`bytes` the engine may use; 0: nine tenths of the machine's")
	flags.IntVar(&cfg.parent, "parent-fd", 0, "file `descriptor` whose end means that the parent has died")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if cfg.data == "" || cfg.socket == "" && cfg.listen == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "vigie-engine: give --data and at least one of --socket and --listen, and nothing else; --help says more")
		return 2
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if cfg.parent > 0 {
		go dieWithParent(cfg.parent, cfg.socket, log)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, cfg, log); err != nil {
		fmt.Fprintln(stderr, "vigie-engine:", err)
		if isLocked(err) {
			return exitLocked
		}
		return exitFailed
	}
	return 0
}

type config struct {
	data, socket, listen, library string
	threads                       int
	memory                        uint64
	parent                        int
}

// dieWithParent ends the process at once when the pipe that the parent holds open is closed: by the
// kernel, however the parent ended. The engine's data survives this. What the parent cannot clean
// up any more, the socket and the folder it made for it, goes too.
func dieWithParent(fd int, socket string, log *slog.Logger) {
	_, err := io.Copy(io.Discard, os.NewFile(uintptr(fd), "parent"))
	os.Remove(socket)
	os.Remove(filepath.Dir(socket)) // nothing but an empty folder can be removed so
	log.Error("parent is gone", "error", err)
	os.Exit(exitFailed)
}
