// Package bustest gives tests a real bus: the embedded server on a folder of the test's own.
package bustest

import (
	"log/slog"
	"testing"

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
