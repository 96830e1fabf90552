package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"vigie/cockpit"
	"vigie/internal/browsertest"
	"vigie/internal/ch"
)

const streamRoom = `
cdns: [{id: maison, name: Maison}]
sources: [{id: edge, cdn: maison, format: nginx, syslog: {from: ["127.0.0.0/8"], tag: nginx}}]
enrich: {paths: {channels: [{id: final, paths: ["/live/*"]}]}}
`

// A live stream from ffmpeg, served by nginx, played by hls.js in Chromium, interrupted on purpose. What
// the browser went through is then what ClickHouse and the board have: from nginx's log, with CMCD, and
// from the beacon script. The page keeps an account of its own, which shares nothing with the script:
// it looks at the picture's position every 20 ms, and at what the network gave.
func TestARealStreamIsOnTheBoardAsTheBrowserSawIt(t *testing.T) {
	if testing.Short() {
		t.Skip("streams for half a minute")
	}
	ffmpeg, nginx := program(t, "ffmpeg"), program(t, "nginx")
	hls, err := os.ReadFile("../../node_modules/hls.js/dist/hls.min.js")
	if err != nil {
		t.Skip("hls.js is not installed: npm ci --omit=optional")
	}
	script, err := os.ReadFile("../../ingest/player/beacon.js")
	if err != nil {
		t.Fatal(err)
	}

	p := newProcess(t, streamRoom)
	p.start()
	folder := t.TempDir()
	live := filepath.Join(folder, "live")
	if err := os.Mkdir(live, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"page.html": fmt.Sprintf(streamPage, p.machines), "hls.js": string(hls), "beacon.js": string(script),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	broadcast(t, ffmpeg, live)
	p.up()
	server, at := serveStream(t, nginx, folder, p.syslog)

	ctx, got := watchStream(t)
	wait := func(what, expression string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(25*time.Second))); err != nil {
			said, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("JSON.stringify(account)"))
			t.Fatalf("%s: %v; the page says %s", what, err, said)
		}
	}
	eventually(t, 20*time.Second, "three segments are there", func() bool {
		text, _ := os.ReadFile(filepath.Join(live, "0.m3u8"))
		return strings.Count(string(text), "#EXTINF") >= 3
	})
	if err := chromedp.Do(ctx, chromedp.Navigate("http://"+at+"/page.html")); err != nil {
		t.Fatal(err)
	}
	wait("it plays", "account.moved > 3")
	for i, stuck := range []int{1500, 3000} {
		if err := server.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		wait("the picture stands still", fmt.Sprintf("account.stillFor > %d", stuck))
		if err := server.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		wait("it plays again", fmt.Sprintf("account.stalls.length > %d && account.stillFor === 0", i))
		wait("for three seconds", "account.since > 3")
	}
	board := boardOf(t, p)
	var b *cockpit.Board
	eventually(t, 25*time.Second, "one viewer and his bits are on the board", func() bool {
		b = board.Tick(t.Context(), time.Now())
		return b.Viewers.Value == 1 && b.Traffic.Value > 0 && b.Rebuffering.Value > 0 && b.Startup.Value > 0
	})

	var page account
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string]("leave()"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(said), &page); err != nil {
		t.Fatal(err)
	}
	// Leaving the page ends the viewing: the last beacon goes by sendBeacon.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the end of the viewing is stored", func() bool {
		ended, err := p.ask("SELECT count() FROM beacons WHERE event = 'playbackFinish' AND started")
		return err == nil && ended == "1"
	})

	// Beacons: one viewing, as the page's own account has it.
	row := strings.Split(p.answer(`SELECT uniqExact(session), any(session), countIf(event = 'playbackRequest'), countIf(event = 'playbackStart'), countIf(event = 'playbackFail'),
		maxIf(startup, event = 'playbackStart'), sum(rebuffering), sum(stalls), sum(playing), sum(media_time), sum(cdn_bytes), sum(bits_played), any(channel), any(cdn), any(player) FROM beacons`), "\t")
	number := func(i int) float64 {
		n, err := strconv.ParseFloat(row[i], 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if head := strings.Join(row[:5], " "); head != "1 "+page.Session+" 1 1 0" {
		t.Errorf("sessions, which, requests, starts, failures: %s; the page had one, %s", head, page.Session)
	}
	if row[12] != "final" || row[13] != "maison" || !strings.HasPrefix(row[14], "hls.js 1.") {
		t.Errorf("channel, cdn and player: %v", row[12:])
	}
	var still float64
	for _, s := range page.Stalls {
		still += s
	}
	near(t, "startup, ms", number(5), page.Startup, 0.2, 100)
	near(t, "rebuffering, ms", number(6), still, 0.2, 300)
	near(t, "playing, ms", number(8), page.Playing, 0.05, 500)
	near(t, "media played, ms", number(9), page.Moved*1000, 0.05, 500)
	if number(7) != float64(len(page.Stalls)) || len(page.Stalls) < 2 {
		t.Errorf("%.0f stalls; the page saw the picture stand still %d times", number(7), len(page.Stalls))
	}
	if number(11) == 0 {
		t.Error("no bits were played")
	}

	// The log: every answer that the browser had to the end, to the byte, headers and all.
	finished := got.finished()
	var segments, segmentBody float64
	eventually(t, 20*time.Second, "nginx's lines are stored", func() bool {
		n, err := p.ask("SELECT count() FROM requests")
		stored, _ := strconv.Atoi(n)
		return err == nil && stored >= len(finished)
	})
	logged := map[string][]string{}
	for line := range strings.SplitSeq(p.answer("SELECT request_id, path, bytes, status, session, object_type, cdn FROM requests"), "\n") {
		columns := strings.Split(line, "\t")
		if logged[columns[0]] != nil {
			t.Errorf("%s is there twice", columns[1])
		}
		logged[columns[0]] = columns
	}
	for id, answer := range finished {
		columns := logged[id]
		if columns == nil {
			t.Errorf("%s is not in the log", answer.path)
			continue
		}
		if columns[1] != answer.path || columns[2] != fmt.Sprint(answer.bytes) || columns[3] != fmt.Sprint(answer.status) {
			t.Errorf("%s: path, bytes, status are %v; the browser had %d bytes, status %d", answer.path, columns[1:4], answer.bytes, answer.status)
		}
		session := page.Session
		if answer.path == "/live/main.m3u8" {
			session = "" // hls.js makes its CMCD when it has asked for the first playlist
		}
		if columns[4] != session || columns[6] != "maison" {
			t.Errorf("%s: CMCD's session is %q, cdn %q; want %q", answer.path, columns[4], columns[6], session)
		}
		if body, ok := page.Bodies[answer.path]; ok {
			segments++
			segmentBody += float64(body)
			if answer.bytes-answer.headers != body {
				t.Errorf("%s: %d bytes of body by the page's timing, %d by the network's", answer.path, body, answer.bytes-answer.headers)
			}
		}
	}
	if segments < 5 || len(logged) < len(finished) {
		t.Errorf("%.0f segments, %d answers were compared", segments, len(finished))
	}
	near(t, "bytes of segments by beacons", number(10), segmentBody, 0.02, 0)
	t.Logf("equal to the byte: %d answers, %.0f of them segments; startup %.0f ms (page %.0f), rebuffering %.0f ms (page %.0f: %v), playing %.0f ms (page %.0f), %.0f bytes by beacons (page %.0f); board: rebuffering %.3f",
		len(finished), segments, number(5), page.Startup, number(6), still, page.Stalls, number(8), page.Playing, number(10), segmentBody, b.Rebuffering.Value)
}

// near fails the test when two measures of the same differ by more than a share and more than an amount.
func near(t *testing.T, what string, got, want, share, amount float64) {
	t.Helper()
	if d := math.Abs(got - want); !(d <= want*share || d <= amount) {
		t.Errorf("%s: %.0f, by the page's account %.0f", what, got, want)
	}
}

// account is what the page saw with its own eyes.
type account struct {
	Session string
	Startup float64          // ms from the request to the first picture
	Stalls  []float64        // ms, longer than 200 each
	Playing float64          // ms in which the picture moved
	Moved   float64          // s of media
	Bodies  map[string]int64 // of segments, by path
}

// The page's account: positions by a clock, pictures by the compositor, bodies by the network. The
// script's own events are not looked at.
const streamPage = `<!DOCTYPE html>
<title>stream</title>
<video muted playsinline width="320"></video>
<script src="/hls.js"></script>
<script src="/beacon.js" data-to="http://%s/beacon" data-channel="final" data-cdn="maison" data-device="desktop"></script>
<script>
const video = document.querySelector('video');
const account = {startup: 0, stalls: [], playing: 0, moved: 0, since: 0, stillFor: 0, error: ''};
performance.setResourceTimingBufferSize(5000);
const hls = new Hls({cmcd: {}, liveSyncDurationCount: 2, maxBufferLength: 6});
hls.on(Hls.Events.ERROR, (_, d) => { if (d.fatal) account.error = d.details; });
const viewing = Vigie.watch(video, {hls, player: 'hls.js ' + Hls.version});
const asked = performance.now();
viewing.request();
hls.loadSource('/live/main.m3u8');
hls.attachMedia(video);
video.play().catch(e => { account.error = e.name; });
video.requestVideoFrameCallback(() => { account.startup = performance.now() - asked; });
let position = 0, last = 0, still = 0;
setInterval(() => {
  if (!account.startup) return;
  const now = performance.now(), at = video.currentTime, past = last ? now - last : 0, moved = last ? at - position : 0;
  last = now;
  position = at;
  if (!past) return;
  if (moved === 0) still += past;
  else {
    if (still > 200) {
      account.stalls.push(still);
      account.since = 0;
    } else account.playing += still;
    account.playing += past;
    still = 0;
  }
  if (moved > 0 && moved < past / 1000 + 1) {
    account.moved += moved;
    account.since += moved;
  }
  account.stillFor = still > 200 ? still : 0;
}, 20);
const leave = () => {
  const bodies = {};
  for (const e of performance.getEntriesByType('resource')) {
    const url = new URL(e.name);
    if (url.pathname.endsWith('.ts')) bodies[url.pathname] = e.encodedBodySize;
  }
  return JSON.stringify(Object.assign({session: viewing.session, bodies}, account));
};
</script>
`

// program finds a command, where servers are too, or skips the test.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		for _, at := range []string{name, "/usr/sbin/" + name} {
			if path, err := exec.LookPath(at); err == nil {
				return path
			}
		}
	}
	t.Skipf("%s is not installed: scripts/debian.sh %s", names[0], names[0])
	return ""
}

// run starts a program that ends with the test.
func run(t *testing.T, cmd *exec.Cmd) *os.Process {
	t.Helper()
	var mu sync.Mutex
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = lockedWriter{&mu, &said}, lockedWriter{&mu, &said}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() // also when it is stopped
		cmd.Wait()
		if t.Failed() {
			text := said.String()
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), text[max(0, len(text)-4<<10):])
		}
	})
	return cmd.Process
}

// broadcast makes a live stream of two renditions, in segments of 2 s.
func broadcast(t *testing.T, ffmpeg, folder string) {
	t.Helper()
	run(t, exec.Command(ffmpeg, "-hide_banner", "-loglevel", "warning", "-nostdin",
		"-re", "-f", "lavfi", "-i", "testsrc2=size=480x270:rate=25", "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-filter_complex", "[0:v]split=2[a][b];[b]scale=240:134[c]",
		"-map", "[a]", "-map", "1:a", "-map", "[c]", "-map", "1:a",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "50", "-keyint_min", "50", "-sc_threshold", "0",
		"-b:v:0", "700k", "-maxrate:v:0", "700k", "-bufsize:v:0", "700k", "-b:v:1", "200k", "-maxrate:v:1", "200k", "-bufsize:v:1", "200k",
		"-c:a", "aac", "-b:a", "64k", "-threads", "1",
		"-f", "hls", "-hls_time", "2", "-hls_list_size", "15", "-hls_flags", "independent_segments+temp_file",
		"-hls_segment_filename", filepath.Join(folder, "%v-%d.ts"), "-master_pl_name", "main.m3u8", "-var_stream_map", "v:0,a:0 v:1,a:1", filepath.Join(folder, "%v.m3u8")))
}

// serveStream is nginx on a folder, which logs what is asked of /live/ as the operator's guide says.
func serveStream(t *testing.T, nginx, folder, syslog string) (*os.Process, string) {
	t.Helper()
	guide, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	format := regexp.MustCompile(`(?s)log_format vigie escape=json.*?';`).FindString(string(guide))
	if format == "" {
		t.Fatal("the guide has no format for nginx")
	}
	at := freeAddress(t)
	config := fmt.Sprintf(`
		daemon off;
		master_process off;
		pid nginx.pid;
		error_log stderr;
		events {}
		http {
			client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
			types { text/html html; text/javascript js; application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
			%s
			access_log off;
			server {
				listen %s;
				root %s;
				location /live/ {
					access_log syslog:server=%s,tag=nginx vigie;
					add_header X-Request-Id $request_id always;
					add_header Cache-Control no-store always;
				}
			}
		}`, format, at, folder, syslog)
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	server := run(t, exec.Command(nginx, "-p", folder, "-c", file))
	eventually(t, 10*time.Second, "nginx listens", func() bool {
		res, err := http.Get("http://" + at + "/page.html")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return server, at
}

// answer is one of /live/ as the network layer of the browser saw it.
type answer struct {
	path           string
	status         int64
	headers, bytes int64 // bytes with headers
	whole          bool
}

// answers collects them, by the request id that nginx gave.
type answers struct {
	mu    sync.Mutex
	byTry map[network.RequestID]*answer
	byID  map[string]*answer
}

func (a *answers) finished() map[string]*answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	whole := map[string]*answer{}
	for id, one := range a.byID {
		if one.whole {
			whole[id] = one
		}
	}
	return whole
}

// watchStream starts a browser that may play without a click, and notes what the network gives it.
func watchStream(t *testing.T) (context.Context, *answers) {
	t.Helper()
	ctx := browsertest.Open(t, browsertest.Life,
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.Flag("disable-features", "BackForwardCache"), chromedp.Flag("mute-audio", true))
	got := &answers{byTry: map[network.RequestID]*answer{}, byID: map[string]*answer{}}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Listen(ctx, func(ev any) {
		got.mu.Lock()
		defer got.mu.Unlock()
		switch ev := ev.(type) {
		case *network.EventResponseReceived:
			path := regexp.MustCompile(`/live/[^?]*`).FindString(ev.Response.URL)
			for name, value := range ev.Response.Headers {
				if path != "" && strings.EqualFold(name, "X-Request-Id") {
					one := &answer{path: path, status: ev.Response.Status, headers: int64(ev.Response.EncodedDataLength)}
					got.byTry[ev.RequestID], got.byID[fmt.Sprint(value)] = one, one
				}
			}
		case *network.EventLoadingFinished:
			if one := got.byTry[ev.RequestID]; one != nil {
				one.bytes, one.whole = int64(ev.EncodedDataLength), true
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return ctx, got
}

// boardOf is a cockpit on the tables of a process.
func boardOf(t *testing.T, p *process) *cockpit.Cockpit {
	t.Helper()
	db, err := ch.Open(t.Context(), ch.Config{DSN: "http://" + p.clickhouse + "/default", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	board, err := cockpit.New(cockpit.Config{DB: db, CDNs: []cockpit.CDN{{ID: "maison", Name: "Maison"}}, Sources: []cockpit.SourceInfo{{ID: "edge", CDN: "maison"}, {ID: "beacons"}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return board
}
