// Package chtest gives tests a ClickHouse of their own: a fresh database on one embedded engine per
// test binary, or on the server whose DSN VIGIE_TEST_CLICKHOUSE holds.
package chtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vigie/internal/ch"
)

// Open returns a connection whose database is new and empty, and is dropped when the test ends. It
// fails the test, and says what to do, where there is no engine.
func Open(t testing.TB) *ch.DB {
	t.Helper()
	root, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	name := "test_" + strings.ToLower(rand.Text())
	if err := root.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	db, err := root.WithDatabase(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if err := root.Exec(context.Background(), "DROP DATABASE "+name); err != nil {
			t.Error(err)
		}
	})
	return db
}

// shared is the engine of this test binary. It is not closed: it ends with this process, as an
// engine does with whoever started it.
var shared = sync.OnceValues(func() (*ch.DB, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cfg := ch.Config{Timeout: time.Minute, Log: slog.New(slog.DiscardHandler), DSN: os.Getenv("VIGIE_TEST_CLICKHOUSE")}
	if cfg.DSN == "" {
		folder, err := dataDir()
		if err != nil {
			return nil, err
		}
		binary, err := Engine()
		if err != nil {
			return nil, err
		}
		cfg.Engine = ch.Engine{DataDir: folder, Binary: binary}
	}
	return ch.Open(ctx, cfg)
})

// Embedded reports whether Open gives the embedded engine.
func Embedded() bool { return os.Getenv("VIGIE_TEST_CLICKHOUSE") == "" }

// Engine returns the engine's binary: the one that VIGIE_ENGINE names, or else built from this
// module's source, once per test binary.
var Engine = sync.OnceValues(func() (string, error) {
	if told := os.Getenv("VIGIE_ENGINE"); told != "" {
		return told, nil
	}
	binary := filepath.Join(os.TempDir(), "vigie-test-"+strconv.Itoa(os.Getuid()), "vigie-engine")
	build := exec.Command("go", "build", "-o", binary, "vigie/cmd/vigie-engine")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build vigie-engine: %w: %s", err, out)
	}
	return binary, nil
})

// dataDir is a folder named after this process, and removes those of processes that are gone.
func dataDir() (string, error) {
	all := filepath.Join(os.TempDir(), "vigie-test-"+strconv.Itoa(os.Getuid()), "data")
	if err := os.MkdirAll(all, 0o700); err != nil {
		return "", err
	}
	folders, err := os.ReadDir(all)
	if err != nil {
		return "", err
	}
	for _, f := range folders {
		if pid, err := strconv.Atoi(f.Name()); err == nil && syscall.Kill(pid, 0) != nil {
			if err := os.RemoveAll(filepath.Join(all, f.Name())); err != nil {
				return "", err
			}
		}
	}
	return filepath.Join(all, strconv.Itoa(os.Getpid())), nil
}
