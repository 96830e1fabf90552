// Package browsertest gives tests a real Chromium: a fresh one for each, with nothing of its own on the network.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Life is how long a browser may live, unless a test says otherwise.
const Life = 2 * time.Minute

// Open starts a browser that ends with the test, or after life at the latest; 0: with the test. With -short the test
// is skipped; where there is no Chromium, it fails and says how to get one.
func Open(t testing.TB, life time.Duration, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path(t)), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoFirstRun, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("no-default-browser-check", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("enable-automation", true),
	}
	if os.Geteuid() == 0 {
		flags = append(flags, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(flags, more...)...)
	t.Cleanup(cancel)
	if life > 0 {
		ctx, cancel = context.WithTimeout(ctx, life)
		t.Cleanup(cancel)
	}
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

func path(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	t.Fatal("no Chromium in PATH: install it (Debian: apt install chromium), or leave out the browser's tests with -short")
	return ""
}

// Theme is what a reader prefers: light, dark, or print: light on paper.
func Theme(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media:    map[string]string{"print": "print"}[name],
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	})
}

// Do is a script whose value is not asked for.
func Do(script string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](script)
}

// Legible is a script: whether each text that is seen within what a selector finds stands out from what is painted behind
// it by 4.5 to 1 (WCAG 2.2, 1.4.3). The console is told which does not.
func Legible(selector string) string { return fmt.Sprintf(legible, selector) }

const legible = `(() => {
	const parse = (c) => { // rgb(), and color(srgb): of 255, and of 1
		const m = c.match(/[\d.]+/g).map(Number), of = c.startsWith("color(") ? 255 : 1;
		return [m[0] * of, m[1] * of, m[2] * of, m[3] ?? 1];
	};
	const lum = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const under = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
	const bad = [];
	let seen = 0;
	for (const root of document.querySelectorAll(%q)) {
		const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) {
			const e = walk.currentNode.parentElement;
			if (!walk.currentNode.textContent.trim() || !e.checkVisibility() || e.closest(".unseen, .skip, [disabled]")) continue;
			seen++;
			const [a, b] = [lum(parse(getComputedStyle(e).color)), lum(under(e))];
			const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			if (ratio < 4.5) bad.push(e.className + " " + e.textContent + " " + ratio);
		}
	}
	if (bad.length) console.error(bad.join("; "));
	return seen > 0 && bad.length === 0;
})()`

// Trouble collects what a browser complains about from now on. What tests make fail, requests and WebSockets, is left
// out.
func Trouble(ctx context.Context) func() []string {
	var mu sync.Mutex
	var found []string
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Source == "network" || m.Type != chromedp.ConsoleError && m.Type != chromedp.ConsoleWarning && !m.IsException() || strings.Contains(m.Text, "WebSocket connection to") {
				continue
			}
			mu.Lock()
			found = append(found, m.Text)
			mu.Unlock()
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return found
	}
}

// Shot is a picture of a page.
type Shot struct {
	Name          string // of the file, without .png
	URL           string
	Theme         string
	Width, Height int64 // CSS pixels
	Scale         float64
	Wait          string                         // a selector that is seen once the page is there
	Before        chromedp.Action[chromedp.Void] // done on the page first; nil: nothing
	Screen        bool                           // what a screen shows at once, not the whole page
}

// Take writes the picture into a folder.
func (s Shot) Take(t testing.TB, ctx context.Context, folder string) {
	t.Helper()
	before := s.Before
	if before == nil {
		before = Do("0")
	}
	err := chromedp.Do(ctx, chromedp.EmulateViewport(s.Width, s.Height, chromedp.EmulateScale(s.Scale)), Theme(s.Theme),
		chromedp.Navigate(s.URL), chromedp.WaitVisible(chromedp.CSS(s.Wait)), before, chromedp.Sleep(500*time.Millisecond)) // fonts
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	take := chromedp.FullScreenshot(100)
	if s.Screen {
		take = chromedp.CaptureScreenshot()
	}
	png, err := chromedp.Run(ctx, take)
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	if err := os.WriteFile(filepath.Join(folder, s.Name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
