package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"vigie/internal/app"
	"vigie/internal/browsertest"
	"vigie/internal/simulate"
)

// night is the demo's room in a process of its own, and the simulated final in another: what the
// simulator costs is not counted as Vigie's.
type night struct {
	*room
	t testing.TB
}

// into is how far into the match a night begins: the audience is near its peak.
const into = 2*time.Hour + 5*time.Minute

func openNight(t testing.TB) *night {
	t.Helper()
	kickOff := time.Now().Add(-into).Truncate(time.Second)
	final, err := simulate.New(simulate.Config{KickOff: kickOff})
	if err != nil {
		t.Fatal(err)
	}
	requests, sessions := final.Weights()
	networks := filepath.Join(t.TempDir(), "networks.mmdb")
	if err := app.WriteNetworks(networks, final.AddressPlan()); err != nil {
		t.Fatal(err)
	}
	demo, err := os.ReadFile("demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for line := range strings.Lines(string(demo)) {
		if source, ok := strings.CutSuffix(line, "}\n"); ok && strings.Contains(line, "format:") {
			if strings.Contains(line, "syslog:") {
				source += fmt.Sprintf(", weight: %d", requests)
			}
			line = source + ", token_env: VIGIE_TEST_TOKEN}\n"
		}
		text.WriteString(line)
		if line == "enrich:\n" {
			fmt.Fprintf(&text, "  asn_files: [%s]\n", networks)
		}
	}
	fmt.Fprintf(&text, "collectors: {beacons: {weight: %d, per_address: 1000000}}\n", sessions)
	n := &night{t: t, room: &room{b: t, client: &http.Client{Timeout: time.Minute}, process: newProcess(t, text.String())}}

	matches := filepath.Join(filepath.Dir(n.config), "matches")
	if err := os.Mkdir(matches, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(matches, "finale.yaml"), fmt.Appendf(nil, `
name: Argentine – France
competition: Finale
criticality: 4
kick_off: %s
time_zone: Europe/Paris
roster: [{name: Claire Marchetti, role: vidéo, phone: "+33 6 39 98 12 41"}, {name: Yanis Le Goff, role: API, phone: "+33 6 39 98 27 17"}]
forecast:
  viewers: [{at: -60m, value: 120000}, {at: 0m, value: 1400000}, {at: 10m, value: 1900000}, {at: 167m, value: 2200000}, {at: 200m, value: 200000}]
capacity: [{cdn: maison, bits: 1.5 Tbit/s}, {cdn: akamai, bits: 1.5 Tbit/s}, {cdn: cloudfront, bits: 900 Gbit/s}, {cdn: cloudfront, isp: Free, bits: 180 Gbit/s}]
`, kickOff.Format(time.RFC3339)), 0o600); err != nil {
		t.Fatal(err)
	}
	add := n.command("user", "add", "bench", "--config", n.config, "--password-stdin")
	add.Stdin = strings.NewReader(roomPassword + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n.start()
	eventually(t, time.Minute, "vigie is ready", func() bool {
		res, err := n.client.Get("http://" + n.people + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	n.signIn()

	simulator := n.command("simulate", "--config", n.config, "--control", "off", "--syslog-tcp", "--seed", "7")
	said := &strings.Builder{}
	simulator.Stdout, simulator.Stderr = said, said
	if err := simulator.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		simulator.Process.Signal(os.Interrupt)
		if err := simulator.Wait(); err != nil || t.Failed() {
			t.Logf("the simulator ended: %v\n%s", err, said)
		}
	})
	eventually(t, time.Minute, "lines of the match are stored", func() bool {
		count, err := n.ask("SELECT sum(lines) FROM requests_1s")
		lines, _ := strconv.ParseFloat(strings.TrimSpace(count), 64)
		return err == nil && lines > 20_000
	})
	return n
}

// browser is a fresh Chromium that has signed in.
func (n *night) browser(flags ...chromedp.ExecAllocatorOption) context.Context {
	n.t.Helper()
	ctx := browsertest.Open(n.t, 0, flags...)
	n.do(ctx, "sign in",
		chromedp.EmulateViewport(1920, 1080),
		chromedp.Navigate("http://"+n.people+"/sign-in?lang=fr"),
		chromedp.SendKeys(chromedp.CSS("#name"), "bench"), chromedp.SendKeys(chromedp.CSS("#password"), roomPassword),
		chromedp.Click(chromedp.CSS(".door button")), chromedp.WaitVisible(chromedp.CSS("#board")))
	return ctx
}

func (n *night) do(ctx context.Context, what string, steps ...chromedp.Action[chromedp.Void]) {
	n.t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		n.t.Fatalf("%s: %v", what, err)
	}
}

// asked is what an expression is in the page.
func asked[T any](n *night, ctx context.Context, expression string) T {
	n.t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		n.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// beforeEachPage makes a script run before those of any page that is opened later.
func beforeEachPage(script string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	})
}

// treeCPU is the seconds of processor that a process and its living descendants have used.
func treeCPU(root int) (seconds float64) {
	children := map[int][]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) || err != nil {
			continue // it ended
		}
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], pid)
	}
	var add func(pid int)
	add = func(pid int) {
		seconds += processCPU(pid)
		for _, child := range children[pid] {
			add(child)
		}
	}
	add(root)
	return seconds
}

func browserPID(ctx context.Context) int { return chromedp.FromContext(ctx).Browser.Process().Pid }
