package tail

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain is also the process that the crash test kills.
func TestMain(m *testing.M) {
	if os.Getenv("VIGIE_TAIL_CHILD") == "" {
		os.Exit(m.Run())
	}
	to, err := url.Parse(os.Getenv("VIGIE_TAIL_TO"))
	if err == nil {
		dir := os.Getenv("VIGIE_TAIL_DIR")
		err = Run(context.Background(), Config{
			To: to, Source: "edge", Token: "secret", State: os.Getenv("VIGIE_TAIL_STATE"), FromStart: true,
			Files:    []string{filepath.Join(dir, "renamed.log"), filepath.Join(dir, "copied.log"), filepath.Join(dir, "hour-*.log")},
			MaxBatch: 32 << 10, MaxWait: 10 * time.Millisecond, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), pace: hurry,
		})
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A process is killed over and over while files are written and rotated in every way, and the
// collectors answer badly, late, or not at all. Each line is there once, whatever died when.
func TestKilledAtAnyTimeEachLineCountsOnce(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newRoom(t)
	m.set(func(n int, _ string) int {
		switch rand.IntN(12) {
		case 0, 1:
			return lost
		case 2:
			return http.StatusServiceUnavailable
		case 3:
			return http.StatusTooManyRequests
		case 4:
			time.Sleep(20 * time.Millisecond)
		}
		return 0
	})
	var wanted []string
	wants := map[string]int{}
	var mu sync.Mutex
	line := func(file string, n int) string {
		l := fmt.Sprintf("%s %07d %s", file, n, strings.Repeat("x", rand.IntN(200)))
		mu.Lock()
		wanted = append(wanted, l)
		wants[l]++
		mu.Unlock()
		return l + "\n"
	}
	ended := make(chan struct{})
	var writers sync.WaitGroup
	writer := func(file string, rotate func(turn int)) {
		writers.Go(func() {
			n := 0
			for turn := 1; ; turn++ {
				for range 10 + rand.IntN(40) {
					var b strings.Builder
					for range rand.IntN(10) {
						b.WriteString(line(file, n))
						n++
					}
					text := b.String()
					half := rand.IntN(len(text) + 1) // servers flush buffers, not lines
					m.write(t, file, text[:half])
					time.Sleep(5 * time.Millisecond)
					m.write(t, file, text[half:])
					select {
					case <-ended:
						return
					default:
					}
				}
				rotate(turn)
			}
		})
	}
	shift := func(file string, turn int) {
		for i := turn; i > 1; i-- {
			if err := os.Rename(m.path(fmt.Sprintf("%s.%d", file, i-1)), m.path(fmt.Sprintf("%s.%d", file, i))); err != nil {
				t.Error(err)
			}
		}
	}
	var said strings.Builder
	run := func() *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "VIGIE_TAIL_CHILD=1", "VIGIE_TAIL_TO="+m.to.String(), "VIGIE_TAIL_STATE="+m.state, "VIGIE_TAIL_DIR="+m.dir)
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	first := run() // from now on nothing is there before it is followed
	eventually(t, "the first start", func() bool {
		text, _ := os.ReadFile(filepath.Join(m.state, beganFile))
		return strings.Contains(string(text), "hour-")
	})
	first.Process.Kill()
	first.Wait()

	writer("renamed.log", func(turn int) {
		shift("renamed.log", turn)
		m.rename(t, "renamed.log", "renamed.log.1")
	})
	writer("copied.log", func(turn int) {
		shift("copied.log", turn)
		m.copyTruncate(t, "copied.log", "copied.log.1")
	})
	writers.Go(func() { // a file an hour, as rotatelogs makes them
		for hour, n := 0, 0; ; hour++ {
			for range 200 {
				m.write(t, fmt.Sprintf("hour-%03d.log", hour), line("hour", n))
				n++
				time.Sleep(2 * time.Millisecond)
				select {
				case <-ended:
					return
				default:
				}
			}
		}
	})

	kills := 40
	if testing.Short() {
		kills = 10
	}
	for range kills {
		cmd := run()
		time.Sleep(time.Duration(20+rand.IntN(350)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); cmd.ProcessState.Exited() {
			t.Fatalf("it ended by itself: %v\n%s", err, said.String())
		}
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
	}
	close(ended)
	writers.Wait()
	cmd := run()
	total := func() int { return strings.Count(m.all(), "\n") }
	for n, last := 0, time.Now(); n < len(wanted) && time.Since(last) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		if now := total(); now != n {
			n, last = now, time.Now()
		}
	}
	time.Sleep(500 * time.Millisecond) // for what might come too often
	cmd.Process.Kill()
	cmd.Wait()

	got := map[string]int{}
	for l := range strings.Lines(m.all()) {
		got[strings.TrimSuffix(l, "\n")]++
	}
	missing, doubled, strange := 0, 0, 0
	for _, l := range wanted {
		switch got[l] {
		case 1:
		case 0:
			if missing++; missing < 5 {
				t.Errorf("missing: %.40s", l)
			}
		default:
			if doubled++; doubled < 5 {
				t.Errorf("%d times: %.40s", got[l], l)
				for _, id := range m.ids {
					if strings.Contains("\n"+m.bodies[id], "\n"+l+"\n") {
						t.Log("in ", id)
					}
				}
			}
		}
	}
	for l := range got {
		if wants[l] == 0 {
			if strange++; strange < 5 {
				t.Errorf("never written: %.60q", l)
			}
		}
	}
	t.Logf("%d lines in %d batches, %d came again; %d missing, %d doubled, %d never written", len(wanted), len(m.ids), m.repeats, missing, doubled, strange)
	if m.repeats == 0 {
		t.Error("no batch came again: the test proves nothing")
	}
	if t.Failed() {
		t.Log(said.String())
	}
}
