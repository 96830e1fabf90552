package statuspage

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vigie/internal/state"
)

// The page says by itself, when nothing is published, that a promise is late, that the bus is away, and that it is back.
func TestThePageFollowsTheClock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "status.json")
	synctest.Test(t, func(t *testing.T) {
		now := time.Now() // the bubble's
		known := newContents()
		known.Posts["a-fr"] = &Post{ID: "a-fr", Lang: "fr", Thread: "night", Step: initial, Text: "x", At: now, NextBy: now.Add(10 * time.Minute)}
		known.Banners["b-fr"] = &Post{ID: "b-fr", Lang: "fr", Thread: "night", Step: initial, Text: "x", At: now}
		body, err := json.Marshal(known)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeFile(file, body); err != nil {
			t.Fatal(err)
		}
		c := config()
		c.File = file
		var away atomic.Bool
		away.Store(true)
		c.Healthy = func(context.Context) error {
			if away.Load() {
				return errors.New("away")
			}
			return nil
		}
		p, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		p.Use(state.New(nil, nil)) // nobody writes
		get := func(path string) string {
			w := httptest.NewRecorder()
			p.Handler("/").ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			return w.Body.String()
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = p.Run(ctx) }()
		says := func(what, path, text string, want bool) {
			t.Helper()
			synctest.Wait()
			if strings.Contains(get(path), text) != want {
				t.Errorf("%s after %s: %q is there: %t", what, time.Since(now), text, !want)
			}
		}
		says("never checked", "/fr/", "Aucune information n’est encore connue", true)
		says("what the file knows", "/fr/", `id="i-night"`, true)
		away.Store(false)
		time.Sleep(checkEvery)
		says("the bus is there", "/status.json", `"fresh":true`, true)
		time.Sleep(9 * time.Minute)
		says("before what was promised", "/fr/", `<span class="late" hidden>`, true)
		time.Sleep(time.Minute)
		says("after it", "/fr/", `<span class="late" hidden>`, false)
		says("checked all the time", "/status.json", `"fresh":true`, true)
		away.Store(true)
		time.Sleep(staleAfter + time.Second)
		says("the bus is away", "/status.json", `"fresh":false`, true)
		says("what is known stays", "/fr/", `id="i-night"`, true)
		says("a banner that nobody renewed", "/banner.json", `"active":true`, true)
		time.Sleep(c.Banner + 6*time.Hour)
		says("a banner that nobody renewed", "/banner.json", `"active":false`, true)
		away.Store(false)
		time.Sleep(checkEvery)
		says("the bus is back", "/status.json", `"fresh":true`, true)
		stop()
		<-done
		if again, err := readFile(file); err != nil || again.Checked.IsZero() || len(again.Posts) != 1 {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

// Two processes on one bus show the same bytes, under the same tag, whichever of them was written to.
func TestProcessesShowTheSame(t *testing.T) {
	b := newBus(t)
	c := config()
	c.Healthy = healthy
	one, two := openOn(t, c, b()), openOn(t, c, b())
	one.run()
	two.run()
	one.story(one.Status(), "night", time.Now().Add(-time.Hour), false, 3)
	two.story(two.Banner(), "night", time.Now().Add(-time.Hour), false, 3)
	if err := two.SetComponent(t.Context(), "alice", "live", Degraded); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/status/fr/", "/status/en/feed.xml", "/status/status.json", "/status/banner.json"} {
		until(t, path+" is the same", func() bool {
			a, first := one.get(path)
			b, second := two.get(path)
			return first == second && a.Header.Get("ETag") == b.Header.Get("ETag") && (strings.Contains(first, "Le direct revient") || strings.Contains(first, "The live stream is back"))
		})
	}
}
