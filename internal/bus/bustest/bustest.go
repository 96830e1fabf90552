// Package bustest gives tests a real bus: the embedded server on a folder of the test's own, or one of the operator's
// that is reached over TCP.
package bustest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"vigie/internal/bus"
)

// Open starts a bus that ends with the test.
func Open(t testing.TB) *bus.Bus {
	t.Helper()
	return OpenDir(t, t.TempDir())
}

// OpenDir starts a bus on a folder, so that a test can close it and open it again.
func OpenDir(t testing.TB, dir string) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// Serve starts a NATS server of the operator's on a port of 127.0.0.1 and a folder of the test's own. It ends with the
// test.
func Serve(t testing.TB) *server.Server {
	t.Helper()
	s := ServeDir(t, t.TempDir(), server.RANDOM_PORT)
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// ServeDir is Serve on a folder and a port, so that a test can stop it and start it again; the test stops it.
func ServeDir(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true, MaxPayload: 1 << 20,
		JetStreamMaxStore: 1 << 50, // or it is what is free on the disk, which streams then reserve more than
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("NATS does not start")
	}
	return s
}
