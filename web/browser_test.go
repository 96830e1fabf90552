package web

import (
	"bufio"
	"context"
	"flag"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"vigie/cockpit"
	"vigie/internal/browsertest"
)

var shots = flag.String("shots", "", "folder to write pictures of the board into")

// chromium starts a fresh browser, or ends the test with how to get one.
func chromium(t *testing.T) context.Context {
	t.Helper()
	return chromiumFor(t, 2*time.Minute)
}

// chromiumFor is one that may live so long.
func chromiumFor(t *testing.T, life time.Duration) context.Context {
	t.Helper()
	return browsertest.Open(t, life, chromedp.Flag("js-flags", "--expose-gc"), chromedp.Flag("enable-precise-memory-info", true))
}

// signIn fills in the form as a person does.
func signIn(s *site, language string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		chromedp.Navigate(s.http.URL+"/sign-in?lang="+language),
		chromedp.SendKeys(chromedp.CSS("#name"), "viewer"),
		chromedp.SendKeys(chromedp.CSS("#password"), password),
		chromedp.Click(chromedp.CSS(".door button")),
		chromedp.WaitVisible(chromedp.CSS("#board")),
	)
}

// One browser, from the sign-in to a shutdown and back.
func TestBoardInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	s := newSite(t, nil)
	gate := new(gate)
	s.http.Config.Handler = gate.before(s.Handler())
	tick := s.feed(t, 50*time.Millisecond)
	ctx := chromium(t)
	trouble := browsertest.Trouble(ctx)
	run := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	wait := func(what, expression string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(30*time.Second))); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	ask := func(expression string) float64 {
		t.Helper()
		v, err := chromedp.Run(ctx, chromedp.Evaluate[float64](expression))
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		return v
	}

	run("sign in", chromedp.EmulateViewport(1920, 1080), signIn(s, "fr"))
	wait("the board goes on", `Number(document.getElementById("board").dataset.seq) > 5`)
	wait("charts are drawn", `["flow", "failing", "classes", "pressure"].every((id) => document.querySelector("#" + id + "-canvas canvas"))`)

	run("remember the clock", browsertest.Do(`window.was = document.getElementById("now").textContent`))
	wait("numbers change over two ticks", `document.getElementById("now").textContent !== window.was`)

	// What was opened stays open while fragments are replaced under it, and the switch works by key.
	run("open a definition", chromedp.Click(chromedp.CSS("#tile-viewers summary")), browsertest.Do(`window.from = Number(document.getElementById("board").dataset.seq)`))
	wait("ten boards later", `Number(document.getElementById("board").dataset.seq) > window.from + 10`)
	if ask(`document.querySelectorAll("details[open]").length`) != 1 {
		t.Error("a board closed the definition that was open")
	}
	run("escape and switch", chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent("4"))
	wait("the matrix shows first bytes", `document.querySelector("#matrix .unit").textContent === "ms" && !document.querySelector(".info[open]")`)
	wait("in the address too", `location.search.includes("metric=firstbyte")`)
	run("help", chromedp.KeyEvent("?"))
	wait("the sheet is open", `document.getElementById("keys").open`)
	run("close it", chromedp.KeyEvent(kb.Escape))
	run("tables", chromedp.KeyEvent("t"))
	wait("tables are shown", `getComputedStyle(document.getElementById("flow-table")).position === "static"`)
	run("charts again", chromedp.KeyEvent("t"))
	dark := ask(`getComputedStyle(document.body).backgroundColor === "rgb(16, 21, 27)" ? 1 : 0`)
	run("theme", chromedp.KeyEvent("d"))
	if ask(`getComputedStyle(document.body).backgroundColor === "rgb(16, 21, 27)" ? 1 : 0`) == dark {
		t.Error("the theme did not change")
	}

	// The server goes away: said within 3 s, then healed within 2 s of its return.
	gate.shut()
	lost := time.Now()
	wait("the loss is said", `!document.getElementById("lost").hidden && document.body.classList.contains("lost")`)
	t.Logf("the loss was said after %v", time.Since(lost).Round(10*time.Millisecond))
	if ask(`document.getElementById("lost").offsetWidth === innerWidth ? 1 : 0`) != 1 {
		t.Error("the banner is not as wide as the page")
	}
	run("remember", browsertest.Do(`window.age = document.querySelector("#tile-viewers .age").textContent`))
	wait("ages grow meanwhile", `document.querySelector("#tile-viewers .age").textContent !== window.age`)
	gate.open()
	back := time.Now()
	wait("it heals", `document.getElementById("lost").hidden && !document.body.classList.contains("lost")`)
	t.Logf("healed after %v", time.Since(back).Round(10*time.Millisecond))

	// A day on a wall must not fill the memory: 200 boards, measured after collections.
	heap := func() float64 {
		return ask(`(gc(), gc(), performance.memory.usedJSHeapSize)`)
	}
	wait("warm", `Number(document.getElementById("board").dataset.seq) > 100`)
	before, from := heap(), tick.Load()
	wait("200 boards", `(window.goal ??= Number(document.getElementById("board").dataset.seq) + 200) <= Number(document.getElementById("board").dataset.seq)`)
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("the heap grew by %.0f bytes over %d boards", grown, tick.Load()-from)
	} else {
		t.Logf("the heap grew by %.0f bytes over %d boards", grown, tick.Load()-from)
	}
	if nodes := ask(`document.querySelectorAll("*").length`); nodes > 2500 {
		t.Errorf("the page has %v elements", nodes)
	}

	for _, message := range trouble() {
		t.Errorf("console: %s", message)
	}
}

// evaluate runs an expression for what it does.
// feed publishes a board every so often until the test ends, and counts them.
func (s *site) feed(t *testing.T, every time.Duration) *atomic.Int64 {
	t.Helper()
	boards := make([]*cockpit.Board, 40)
	for i := range boards {
		boards[i] = final(t, i)
	}
	count := new(atomic.Int64)
	s.Publish(boards[0])
	var feeding sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	feeding.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				s.Publish(boards[count.Add(1)%int64(len(boards))])
			}
		}
	})
	t.Cleanup(func() { stop(); feeding.Wait() })
	return count
}

// gate cuts connections as a dead network does: those that are open, and those that come.
type gate struct {
	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
}

func (g *gate) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		shut := g.closed
		g.mu.Unlock()
		if shut {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(&hijacked{w, g}, r)
	})
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for c := range g.conns {
		_ = c.Close()
	}
	clear(g.conns)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
}

type hijacked struct {
	http.ResponseWriter
	gate *gate
}

func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err == nil {
		h.gate.mu.Lock()
		if h.gate.conns == nil {
			h.gate.conns = make(map[net.Conn]struct{})
		}
		h.gate.conns[c] = struct{}{}
		h.gate.mu.Unlock()
	}
	return c, rw, err
}

// go test ./web -run Pictures -shots DIR
func TestPictures(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots DIR")
	}
	s := newSite(t, nil)
	s.Publish(many(t, 0))
	ctx := chromium(t)
	if err := chromedp.Do(ctx, signIn(s, "fr")); err != nil {
		t.Fatal(err)
	}
	opened := browsertest.Do(`(() => {
		for (const id of ["source-fastly", "source-maison-nginx"]) for (const d of document.querySelectorAll('[data-source="' + id + '"] details')) d.open = true;
	})()`)
	nothing := browsertest.Do("0")
	note := browsertest.Do(`document.querySelector("#tools details").open = true`)
	bare := many(t, 0)
	bare.Mesh, bare.Services = cockpit.Mesh{}, cockpit.Services{}
	for _, shot := range []struct {
		name, query, theme string
		width, height      int64
		scale              float64
		full               bool
		before             chromedp.Action[chromedp.Void]
	}{
		{"wall-dark", "", "dark", 1920, 1080, 1, false, nothing},
		{"wall-light", "", "light", 1920, 1080, 1, false, nothing},
		{"wall-en-light", "?lang=en", "light", 1920, 1080, 1, false, nothing},
		{"wall-note", "?lang=fr", "dark", 1920, 1080, 1, false, note},
		{"wall-bare", "", "dark", 1920, 1080, 1, false, nothing},
		{"wall-heavy", "", "dark", 1920, 1080, 1, false, nothing},
		{"tablet", "", "dark", 1024, 768, 1, true, note},
		{"laptop-bare", "", "light", 1440, 900, 1, true, nothing},
		{"wall-4k", "", "dark", 3840, 2160, 1, false, nothing},
		{"laptop", "?metric=firstbyte", "dark", 1440, 900, 1, false, nothing},
		{"laptop-en-light", "?metric=errors&lang=en", "light", 1440, 900, 1, true, nothing},
		{"phone", "?lang=fr", "dark", 390, 844, 2, true, nothing},
		{"phone-note", "", "light", 390, 844, 2, true, note},
		{"phone-fold", "", "dark", 390, 844, 2, false, nothing},
		{"sources-wall-dark", "sources", "dark", 1920, 1080, 1, false, nothing},
		{"sources-wall-light", "sources", "light", 1920, 1080, 1, false, nothing},
		{"sources-laptop", "sources", "dark", 1440, 900, 1, false, nothing},
		{"sources-laptop-light-en", "sources?lang=en", "light", 1440, 900, 1, true, nothing},
		{"sources-laptop-open", "sources?lang=fr", "dark", 1440, 900, 1, true, opened},
		{"sources-tablet", "sources", "light", 1024, 768, 1, true, opened},
		{"sources-phone", "sources", "dark", 390, 844, 2, true, nothing},
		{"sources-phone-light", "sources", "light", 390, 844, 2, false, nothing},
		{"sources-phone-open", "sources", "light", 390, 844, 2, true, opened},
	} {
		switch {
		case strings.HasSuffix(shot.name, "-bare"):
			s.Publish(bare)
		case strings.HasSuffix(shot.name, "-heavy"):
			s.Publish(heavy(t))
		default:
			s.Publish(many(t, 0))
		}
		browsertest.Shot{
			Name: shot.name, URL: s.http.URL + "/" + shot.query, Theme: shot.theme, Width: shot.width, Height: shot.height, Scale: shot.scale,
			Wait: "#failing-canvas canvas, #senders", Before: shot.before, Screen: !shot.full,
		}.Take(t, ctx, *shots)
	}
}
