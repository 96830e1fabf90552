package app_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
)

var (
	soak     = flag.Duration("soak", 0, "how long TestSoak lets a browser watch the demo's load")
	soakPath = flag.String("soak.path", "/", "page that TestSoak watches")
)

// Bounds of a soak: a wall runs a day and a night without a reload.
const (
	soakWarm      = 3 * time.Minute
	soakEvery     = time.Minute
	soakHeapGrown = 20.0 // MB
	soakDOMGrown  = 0.05
)

// soakSample is one minute of a soak.
type soakSample struct {
	at                                time.Duration
	heap, nodes, listeners, documents float64 // of the page; heap in MB, after collections
	boards                            float64
	browser                           float64 // share of a core since the sample before
	rss, engine                       float64 // MB
	goroutines                        float64
}

// go test ./internal/app -run Soak -soak 30m -timeout 60m -v
//
// A browser watches a page at the demo's load: what the page holds must not grow. What the server
// holds is in the table.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("a soak is asked for with -soak 30m")
	}
	n := openNight(t)
	ctx := n.browser(chromedp.Flag("js-flags", "--expose-gc"), chromedp.Flag("enable-precise-memory-info", true))
	n.do(ctx, "measure", chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, performance.Enable, performance.EnableParams{})
		return err
	}))
	n.do(ctx, "open "+*soakPath, chromedp.Navigate("http://"+n.people+*soakPath), chromedp.WaitVisible(chromedp.CSS("main[data-page]")))

	began, lastAt, lastCPU := time.Now(), time.Now(), treeCPU(browserPID(ctx))
	take := func() soakSample {
		t.Helper()
		asked[bool](n, ctx, `(gc(), gc(), true)`)
		result, err := chromedp.Run(ctx, pageMetrics())
		if err != nil {
			t.Fatal(err)
		}
		s := soakSample{at: time.Since(began), boards: asked[float64](n, ctx, `Number(document.querySelector("main[data-page]").dataset.seq)`)}
		for _, m := range result {
			switch m.Name {
			case "JSHeapUsedSize":
				s.heap = m.Value / 1e6
			case "Nodes":
				s.nodes = m.Value
			case "JSEventListeners":
				s.listeners = m.Value
			case "Documents":
				s.documents = m.Value
			}
		}
		cpu, now := treeCPU(browserPID(ctx)), time.Now()
		s.browser = (cpu - lastCPU) / now.Sub(lastAt).Seconds()
		lastCPU, lastAt = cpu, now
		s.rss, s.engine = residentMB(n.cmd.Process.Pid), residentMB(n.process.engine())
		s.goroutines = n.metric("go_goroutines")
		return s
	}
	var all []soakSample
	table := &strings.Builder{}
	fmt.Fprintf(table, "%8s %8s %8s %8s %9s %9s %8s %9s %10s %10s\n", "after", "boards", "heap MB", "nodes", "listeners", "documents", "browser", "vigie MB", "engine MB", "goroutines")
	for {
		s := take()
		all = append(all, s)
		fmt.Fprintf(table, "%8s %8.0f %8.1f %8.0f %9.0f %9.0f %7.1f%% %9.0f %10.0f %10.0f\n",
			s.at.Round(time.Second), s.boards, s.heap, s.nodes, s.listeners, s.documents, 100*s.browser, s.rss, s.engine, s.goroutines)
		if s.at >= *soak {
			break
		}
		time.Sleep(min(soakEvery, *soak-s.at))
	}
	t.Logf("%s for %s at the demo's load\n%s", *soakPath, *soak, table)

	var warm []soakSample
	for _, s := range all {
		if s.at >= min(soakWarm, *soak/2) {
			warm = append(warm, s)
		}
	}
	// A collection may leave a little, and rows come and go: middles of some minutes are compared.
	few := min(len(warm)/2+1, 5)
	first, last := warm[:few], warm[len(warm)-few:]
	heap := func(s soakSample) float64 { return s.heap }
	nodes := func(s soakSample) float64 { return s.nodes }
	if grown := middle(last, heap) - middle(first, heap); grown > soakHeapGrown {
		t.Errorf("the page's heap grew by %.1f MB after %s", grown, soakWarm)
	}
	if grown := middle(last, nodes)/middle(first, nodes) - 1; grown > soakDOMGrown {
		t.Errorf("the page's nodes grew by %.1f %% after %s", 100*grown, soakWarm)
	}
	from, to := warm[0], warm[len(warm)-1]
	if boards, want := to.boards-from.boards, 0.9*(to.at-from.at).Seconds(); boards < want {
		t.Errorf("%.0f boards were shown after %s, wants %.0f", boards, soakWarm, want)
	}
}

// middle is the median of what samples have.
func middle(samples []soakSample, of func(soakSample) float64) float64 {
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = of(s)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func pageMetrics() chromedp.Action[[]*performance.Metric] {
	return func(ctx context.Context, tab *chromedp.Target) ([]*performance.Metric, error) {
		result, err := cdp.Call(ctx, tab, performance.GetMetrics, cdp.Empty{})
		if err != nil {
			return nil, err
		}
		return result.Metrics, nil
	}
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// residentMB is what a process holds in memory now.
func residentMB(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	m := residentLine.FindSubmatch(status)
	if m == nil {
		return 0
	}
	kb, _ := strconv.ParseFloat(string(m[1]), 64)
	return kb / 1024
}
