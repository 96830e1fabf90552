package ch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// These tests are about the embedded engine alone: its process, its folder, its end.

// open gives an engine of the test's own.
func open(t *testing.T, cfg ch.Engine) (*ch.DB, error) {
	t.Helper()
	binary, err := chtest.Engine()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Binary = binary
	if cfg.DataDir == "" {
		cfg.DataDir = t.TempDir()
	}
	return ch.Open(t.Context(), ch.Config{Engine: cfg, Timeout: 20 * time.Second, Log: slog.New(slog.DiscardHandler)})
}

// supervised is an engine that is started again when it dies.
func supervised(t *testing.T, folder string) *ch.DB {
	t.Helper()
	db, err := open(t, ch.Engine{DataDir: folder})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := db.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// enginePID is the process that holds the folder.
func enginePID(t *testing.T, folder string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "vigie-engine.lock"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func alive(pid int) bool {
	// A process that ended but was not waited for is still there, as a zombie.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestAKilledEngineIsStartedAgainWithItsData(t *testing.T) {
	folder := t.TempDir()
	db := supervised(t, folder)
	exec(t, db, "CREATE TABLE t (v UInt64) ENGINE = MergeTree ORDER BY v")
	b := ch.NewBlock()
	b.UInt64("v").Append(7)
	if err := db.Insert(t.Context(), "t", "", b); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		old := enginePID(t, folder)
		kill(t, old)
		eventually(t, func() bool {
			err := db.Ping(t.Context())
			if err != nil && !ch.IsUnavailable(err) {
				t.Errorf("while the engine starts, a call says other than 'later': %v", err)
			}
			return err == nil
		})
		if got := text(t, db, "SELECT toString(groupArray(v)) FROM t"); got != "[7]" {
			t.Errorf("after the restart the table has %s", got)
		}
	}
}

// A writer that repeats what it is unsure of, with the same token, loses nothing and counts nothing
// twice, whenever the engine is killed.
func TestKillsLoseAndDoubleNothing(t *testing.T) {
	folder := t.TempDir()
	b := ch.NewBlock()
	at, k, v := b.DateTime("at"), b.LowCardinality("k"), b.UInt64("v")
	const rows = 2000
	counted(b, at, k, v, rows)
	inserts := 0
	for life := range kills(t) + 1 {
		db, err := open(t, ch.Engine{DataDir: folder})
		if err != nil {
			t.Fatal(err)
		}
		if life == 0 {
			createCounted(t, db)
		}
		if life == kills(t) {
			if err := db.Insert(t.Context(), "t", fmt.Sprint("token-", inserts), b); err != nil {
				t.Fatal(err)
			}
			if got, want := counts(t, db), fmt.Sprintf("(%d,%[1]d,%[1]d)", (inserts+1)*rows); got != want {
				t.Errorf("table and views have %s, want %s", got, want)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		engine := enginePID(t, folder)
		killer := time.AfterFunc(time.Duration(rand.IntN(80_000))*time.Microsecond, func() { syscall.Kill(engine, syscall.SIGKILL) })
		for {
			if err = db.Insert(t.Context(), "t", fmt.Sprint("token-", inserts), b); err != nil {
				break
			}
			inserts++
		}
		if !ch.IsUnavailable(err) {
			t.Fatalf("a killed engine is no reason to give up: %v", err)
		}
		killer.Stop()
		db.Close()
	}
}

// kills is how often TestKillsLoseAndDoubleNothing kills the engine; VIGIE_TEST_KILLS asks for more.
func kills(t *testing.T) int {
	t.Helper()
	told := os.Getenv("VIGIE_TEST_KILLS")
	if told == "" {
		return 15
	}
	n, err := strconv.Atoi(told)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAnEngineEndsWithItsParent(t *testing.T) {
	if folder := os.Getenv("VIGIE_TEST_PARENT"); folder != "" {
		if _, err := open(t, ch.Engine{DataDir: folder}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("open")
		select {}
	}
	folder := t.TempDir()
	parent := osexec.Command(os.Args[0], "-test.run=^TestAnEngineEndsWithItsParent$")
	parent.Env = append(os.Environ(), "VIGIE_TEST_PARENT="+folder)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 5)
	if _, err := out.Read(said); err != nil || string(said) != "open\n" {
		t.Fatalf("parent said %q: %v", said, err)
	}
	engine := enginePID(t, folder)
	if !alive(engine) {
		t.Fatal("no engine")
	}
	kill(t, parent.Process.Pid)
	parent.Wait()
	eventually(t, func() bool { return !alive(engine) })
}

func TestAFolderIsOneProcess(t *testing.T) {
	folder := t.TempDir()
	first, err := open(t, ch.Engine{DataDir: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, err = open(t, ch.Engine{DataDir: folder})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d", enginePID(t, folder))) || !strings.Contains(err.Error(), folder) {
		t.Errorf("the error names neither folder nor process: %v", err)
	}
	if err := first.Ping(t.Context()); err != nil {
		t.Errorf("the first was disturbed: %v", err)
	}
}

func TestAMissingLibrarySaysWhatToRun(t *testing.T) {
	_, err := open(t, ch.Engine{Library: filepath.Join(t.TempDir(), "libchdb.so")})
	if err == nil || !strings.Contains(err.Error(), "make engine") {
		t.Error(err)
	}
	t.Setenv("VIGIE_ENGINE_LIB", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err = ch.FindLibrary("")
	if err == nil || !strings.Contains(err.Error(), "make engine") || !strings.Contains(err.Error(), ch.EngineVersion) {
		t.Error(err)
	}
}

func TestALibraryThatIsNoneSaysSo(t *testing.T) {
	library := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(library, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, ch.Engine{Library: library})
	if err == nil || !strings.Contains(err.Error(), "cannot be loaded") {
		t.Error(err)
	}
}

func TestCloseStopsTheEngineInOrder(t *testing.T) {
	folder := t.TempDir()
	db, err := open(t, ch.Engine{DataDir: folder})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, "CREATE TABLE t (v UInt64) ENGINE = MergeTree ORDER BY v")
	pid := enginePID(t, folder)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if alive(pid) {
		t.Error("the engine lives on")
	}
	if err := db.Ping(t.Context()); err == nil {
		t.Error("a closed DB answers")
	}
	again, err := open(t, ch.Engine{DataDir: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := text(t, again, "SELECT toString(count()) FROM t"); got != "0" {
		t.Error(got)
	}
}

func TestAQueryMayFinishWhileTheEngineStops(t *testing.T) {
	folder := t.TempDir()
	db, err := open(t, ch.Engine{DataDir: folder})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query(t.Context(), "SELECT number, sleepEachRow(0.01) FROM numbers(100) SETTINGS max_block_size = 1")
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(enginePID(t, folder), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	if err := errors.Join(rows.Err(), rows.Close(), db.Close()); err != nil || n != 100 {
		t.Errorf("%d of 100 rows, %v", n, err)
	}
}

func TestABigResultIsNotHeldWhole(t *testing.T) {
	folder := t.TempDir()
	db, err := open(t, ch.Engine{DataDir: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(t.Context(), "SELECT number, repeat('x', 100) FROM numbers(100000)"); err != nil {
		t.Fatal(err)
	}
	before := peakMB(t, enginePID(t, folder))
	rows, err := db.Query(t.Context(), "SELECT number, repeat('x', 100) FROM numbers(5000000)")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || n != 5_000_000 {
		t.Fatalf("%d rows, %v", n, err)
	}
	if grown := peakMB(t, enginePID(t, folder)) - before; grown > 200 {
		t.Errorf("a result of 550 MB cost the engine %d MB", grown)
	} else {
		t.Logf("a result of 550 MB cost the engine %d MB", grown)
	}
}

func peakMB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb / 1024
}
