package app_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// screen is a socket as a browser opens it, read by as little work as can be: headers of frames are
// read, what they hold is hashed at its beginning and passed over. One keeps its frames, which tell
// what the others got, for all get the same bytes.
type screen struct {
	conn  net.Conn
	in    *bufio.Reader
	keeps bool

	key     uint64 // of the message that is being read
	payload []byte // of the same, if it is kept

	mu    sync.Mutex
	got   []receipt
	kept  map[uint64][]byte // by key: the payload
	bytes int
}

type receipt struct {
	key uint64
	at  time.Time
}

// dial opens a screen on a page of the board.
func (n *night) dial(ctx context.Context, page string) (*screen, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", n.people)
	if err != nil {
		return nil, err
	}
	return n.greet(conn, page)
}

func (n *night) greet(conn net.Conn, page string) (*screen, error) {
	u := &url.URL{Scheme: "http", Host: n.people, Path: "/live", RawQuery: "lang=fr&metric=traffic&page=" + page}
	req, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for k, v := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Origin": "http://" + n.people,
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", // of RFC 6455
		"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
	} {
		req.Header.Set(k, v)
	}
	for _, c := range n.client.Jar.Cookies(&url.URL{Scheme: "http", Host: n.people}) {
		req.AddCookie(c)
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if err := req.Write(conn); err != nil {
		conn.Close()
		return nil, err
	}
	s := &screen{conn: conn, in: bufio.NewReaderSize(conn, 2048), kept: map[uint64][]byte{}}
	res, err := http.ReadResponse(s.in, req)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		conn.Close()
		return nil, fmt.Errorf("open a screen: %s", res.Status)
	}
	if !strings.Contains(res.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
		conn.Close()
		return nil, fmt.Errorf("open a screen: frames will not be compressed")
	}
	conn.SetDeadline(time.Time{})
	return s, nil
}

// Opcodes of RFC 6455 section 5.2.
const (
	opContinuation = 0
	opText         = 1
	opPing         = 9
	opPong         = 10
)

// run reads until the socket ends.
func (s *screen) run() error {
	for frames := 0; ; {
		var head [10]byte
		if _, err := io.ReadFull(s.in, head[:2]); err != nil {
			return err
		}
		size := uint64(head[1] & 127)
		size, err := s.length(size, head[2:])
		if err != nil {
			return err
		}
		switch op := head[0] & 15; op {
		case opPing:
			body := make([]byte, size)
			if _, err := io.ReadFull(s.in, body); err != nil {
				return err
			}
			if err := s.say(opPong, body); err != nil {
				return err
			}
		case opText, opContinuation:
			last := head[0]&0x80 != 0
			if err := s.take(int(size), op == opText, last); err != nil {
				return err
			}
			if !last {
				continue
			}
			if frames++; frames%5 == 0 { // a browser's heartbeat
				if err := s.say(opText, []byte(`{"seen":1}`)); err != nil {
					return err
				}
			}
		default:
			return fmt.Errorf("a frame of kind %d", op)
		}
	}
}

func (s *screen) length(short uint64, rest []byte) (uint64, error) {
	switch short {
	case 126:
		_, err := io.ReadFull(s.in, rest[:2])
		return uint64(rest[0])<<8 | uint64(rest[1]), err
	case 127:
		_, err := io.ReadFull(s.in, rest[:8])
		var size uint64
		for _, b := range rest[:8] {
			size = size<<8 | uint64(b)
		}
		return size, err
	}
	return short, nil
}

// take reads a part of a message. It notes how the message begins, and when its last part came.
func (s *screen) take(size int, first, last bool) error {
	var begin []byte
	var err error
	switch {
	case s.keeps:
		begin = make([]byte, size)
		_, err = io.ReadFull(s.in, begin)
	case first:
		if begin, err = s.in.Peek(min(size, 256)); err == nil {
			begin = slices.Clone(begin)
			_, err = s.in.Discard(size)
		}
	default:
		_, err = s.in.Discard(size)
	}
	if err != nil {
		return err
	}
	if first {
		h := fnv.New64a()
		h.Write(begin[:min(size, 256)])
		s.key, s.payload = h.Sum64(), nil
	}
	if s.keeps {
		s.payload = append(s.payload, begin...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += size + 4
	if last {
		s.got = append(s.got, receipt{s.key, time.Now()})
		if s.keeps {
			s.kept[s.key] = s.payload
		}
	}
	return nil
}

// say sends a masked frame, as a client must; the mask is zero.
func (s *screen) say(op byte, body []byte) error {
	_, err := s.conn.Write(append([]byte{0x80 | op, 0x80 | byte(len(body)), 0, 0, 0, 0}, body...))
	return err
}

// forget begins a new count.
func (s *screen) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got, s.bytes = nil, 0
}

// told is what a kept frame says of itself.
func told(payload []byte) (kind string, at time.Time, err error) {
	// RFC 7692 section 7.2.2: the last four bytes of an empty block were left away.
	text, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))))
	if err != nil {
		return "", time.Time{}, err
	}
	var m struct {
		Kind string `json:"kind"`
		At   int64  `json:"at"`
	}
	err = json.Unmarshal(text, &m)
	return m.Kind, time.UnixMilli(m.At), err
}

// audience is many screens.
type audience struct {
	n       *night
	screens []*screen
	running sync.WaitGroup
	lost    atomic.Int64
	closing atomic.Bool
}

// join opens as many more screens as are missing, some at a time.
func (a *audience) join(count int) {
	a.n.t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	gate := make(chan struct{}, 32)
	for range count - len(a.screens) {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			s, err := a.n.dial(a.n.t.Context(), "board")
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			s.keeps = len(a.screens) == 0
			a.screens = append(a.screens, s)
			a.running.Go(func() {
				if err := s.run(); err != nil && !a.closing.Load() {
					a.lost.Add(1)
				}
			})
		})
	}
	wg.Wait()
	if failed != nil {
		a.n.t.Fatal(failed)
	}
}

func (a *audience) close() {
	a.closing.Store(true)
	for _, s := range a.screens {
		s.conn.Close()
	}
	a.running.Wait()
}

// seen is what an audience got in a window.
type seen struct {
	delays  []float64 // ms from a board's own moment to when its frame was read, sorted
	boards  float64   // that the first screen was sent
	frames  float64   // a screen
	whole   int       // frames that the first screen did not get: snapshots after a gap
	bytes   float64   // a screen and second
	seconds float64
}

// watch counts for a while.
func (a *audience) watch(window time.Duration) (s seen) {
	for _, screen := range a.screens {
		screen.forget()
	}
	began := time.Now()
	time.Sleep(window)
	s.seconds = time.Since(began).Seconds()
	known := map[uint64]time.Time{} // zero: a beat, which is of no board
	for _, screen := range a.screens {
		if !screen.keeps {
			continue
		}
		screen.mu.Lock()
		for key, payload := range screen.kept {
			kind, at, err := told(payload)
			if err != nil {
				a.n.t.Errorf("a frame cannot be read: %v", err)
			} else if known[key] = at; kind == "beat" {
				known[key] = time.Time{}
			}
		}
		screen.mu.Unlock()
	}
	for _, screen := range a.screens {
		screen.mu.Lock()
		for _, r := range screen.got {
			switch at, ok := known[r.key]; {
			case !ok:
				s.whole++
			case !at.IsZero():
				s.delays = append(s.delays, float64(r.at.Sub(at).Microseconds())/1000)
			}
		}
		if screen.keeps {
			s.boards = float64(len(screen.got))
		}
		s.frames += float64(len(screen.got)) / float64(len(a.screens))
		s.bytes += float64(screen.bytes) / s.seconds / float64(len(a.screens))
		screen.mu.Unlock()
	}
	slices.Sort(s.delays)
	return s
}

func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return -1
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// ownCPU is the seconds of processor that this process has used: the screens'.
func ownCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// manyFiles lets this process, and those it starts, open as many sockets as it may.
func manyFiles(t testing.TB, want uint64) {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if l.Max < want {
		t.Skipf("%d files may be open, %d are needed: raise the hard limit (ulimit -Hn)", l.Max, want)
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkScreens is what screens cost at the demo's load: processor of Vigie and of its engine, questions
// to ClickHouse a tick, bytes, and the time from a board's moment to its frame's arrival. The screens run in this
// process, on the same machine.
func BenchmarkScreens(b *testing.B) {
	manyFiles(b, 6000)
	n := openNight(b)
	a := &audience{n: n}
	defer a.close()
	for _, count := range []int{1, 100, 500, 1000, 5000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			a.join(count)
			time.Sleep(5 * time.Second) // the first snapshots, and the heap after them
			for b.Loop() {
				const window = 20 * time.Second
				vigie0, engine0 := n.cpu()
				own0 := ownCPU()
				ticks0, queries0, over0 := n.metric("vigie_cockpit_ticks_total"), n.metric("vigie_cockpit_queries_total"), n.metric("vigie_live_overwritten_total")
				s := a.watch(window)
				vigie1, engine1 := n.cpu()
				own1 := ownCPU()
				ticks := n.metric("vigie_cockpit_ticks_total") - ticks0
				b.ReportMetric((vigie1-vigie0)/s.seconds, "vigie-cores")
				b.ReportMetric((engine1-engine0)/s.seconds, "engine-cores")
				b.ReportMetric((own1-own0)/s.seconds, "client-cores")
				b.ReportMetric((n.metric("vigie_cockpit_queries_total")-queries0)/ticks, "queries/tick")
				b.ReportMetric(s.bytes, "B/screen/s")
				b.ReportMetric(s.boards, "boards")
				b.ReportMetric(s.frames/s.boards, "frames/screen/board")
				b.ReportMetric(quantile(s.delays, 0.5), "p50-ms")
				b.ReportMetric(quantile(s.delays, 0.95), "p95-ms")
				b.ReportMetric(quantile(s.delays, 0.99), "p99-ms")
				b.ReportMetric(n.metric("vigie_live_overwritten_total")-over0, "overwritten")
				b.ReportMetric(float64(s.whole), "snapshots")
				b.ReportMetric(float64(a.lost.Load()), "lost")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// BenchmarkScreensBesideSlowOnes is 500 screens alone, and beside twenty that read 1 KB a second: how many
// frames the others get must not change.
func BenchmarkScreensBesideSlowOnes(b *testing.B) {
	manyFiles(b, 2000)
	n := openNight(b)
	a := &audience{n: n}
	defer a.close()
	a.join(500)
	time.Sleep(5 * time.Second)
	for b.Loop() {
		const window = 40 * time.Second // until the kernel's buffers of a slow one are full, and its 5 s are over
		alone := a.watch(window)

		var slow sync.WaitGroup
		var conns []net.Conn
		var taken atomic.Int64
		for range 20 {
			d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
				var err error
				if failed := c.Control(func(fd uintptr) {
					// The kernel would hold minutes of frames for a socket with loopback's large segments.
					err = errors.Join(
						syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 2048),
						syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536))
				}); failed != nil {
					return failed
				}
				return err
			}}
			conn, err := d.DialContext(b.Context(), "tcp", n.people)
			if err != nil {
				b.Fatal(err)
			}
			s, err := n.greet(conn, "board")
			if err != nil {
				b.Fatal(err)
			}
			conns = append(conns, conn)
			slow.Go(func() {
				buf := make([]byte, 1024)
				for {
					got, err := s.in.Read(buf)
					taken.Add(int64(got))
					if err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			})
		}
		beside := a.watch(window)
		b.ReportMetric(alone.frames/alone.boards, "frames/screen/board-alone")
		b.ReportMetric(beside.frames/beside.boards, "frames/screen/board-beside")
		b.ReportMetric(quantile(alone.delays, 0.95), "p95-ms-alone")
		b.ReportMetric(quantile(beside.delays, 0.95), "p95-ms-beside")
		b.ReportMetric(20+500-n.metric("vigie_live_screens"), "slow-given-up")
		b.ReportMetric(float64(taken.Load())/beside.seconds/20, "B/s/slow")
		b.ReportMetric(0, "ns/op")
		for _, c := range conns {
			c.Close()
		}
		slow.Wait()
	}
}

// pixels notes for each frame how long after its board's moment it was on the screen: after the morph comes a
// mutation of the number, then the animation frame that shows it, then a task behind that frame.
const pixels = `(() => {
	window.shownAfter = [];
	new MutationObserver(() => {
		const at = Number(document.getElementById("now").dataset.at);
		requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => window.shownAfter.push(Date.now() - at); c.port2.postMessage(0); });
	}).observe(document.getElementById("board"), {attributes: true, attributeFilter: ["data-seq"]});
	return true;
})()`

// BenchmarkScreensToPixels is the time from a board's moment to its pixels in one Chromium among 499 other
// screens, and what that browser costs, over a minute.
func BenchmarkScreensToPixels(b *testing.B) {
	manyFiles(b, 2000)
	n := openNight(b)
	a := &audience{n: n}
	defer a.close()
	a.join(499)
	ctx := n.browser()
	n.do(ctx, "open the board", chromedp.Navigate("http://"+n.people+"/?lang=fr"), chromedp.WaitVisible(chromedp.CSS("#board")))
	time.Sleep(10 * time.Second)
	for b.Loop() {
		asked[bool](n, ctx, pixels)
		cpu0, vigie0 := treeCPU(browserPID(ctx)), processCPU(n.cmd.Process.Pid)
		s := a.watch(time.Minute)
		cpu1, vigie1 := treeCPU(browserPID(ctx)), processCPU(n.cmd.Process.Pid)
		shown := asked[[]float64](n, ctx, `window.shownAfter`)
		slices.Sort(shown)
		if len(shown) < 50 {
			b.Errorf("only %d boards were shown in a minute", len(shown))
		}
		b.ReportMetric(float64(len(shown)), "boards")
		b.ReportMetric(quantile(shown, 0.5), "pixels-p50-ms")
		b.ReportMetric(quantile(shown, 0.95), "pixels-p95-ms")
		b.ReportMetric(quantile(s.delays, 0.5), "received-p50-ms")
		b.ReportMetric(quantile(s.delays, 0.95), "received-p95-ms")
		b.ReportMetric(100*(cpu1-cpu0)/s.seconds, "browser-%-of-a-core")
		b.ReportMetric((vigie1-vigie0)/s.seconds, "vigie-cores")
		b.ReportMetric(0, "ns/op")
	}
}

// firstFrame notes when the first frame was morphed in, from the beginning of the navigation.
const firstFrame = `new MutationObserver((_, o) => { window.firstFrameAt ??= performance.now(); o.disconnect(); }).observe(document, {subtree: true, attributes: true, attributeFilter: ["data-seq"]})`

// BenchmarkScreensFirstLoad is what a browser with an empty cache loads for the board, and how long it
// takes until the first frame is in it.
func BenchmarkScreensFirstLoad(b *testing.B) {
	n := openNight(b)
	ctx := n.browser()
	n.do(ctx, "watch each page", beforeEachPage(firstFrame))
	for b.Loop() {
		var live, ready, wire []float64
		for range 7 {
			n.do(ctx, "open the board anew",
				chromedp.Navigate("about:blank"),
				chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
					_, err := cdp.Call(ctx, tab, network.ClearBrowserCache, cdp.Empty{})
					return err
				}),
				chromedp.Navigate("http://"+n.people+"/?lang=fr"),
				chromedp.WaitVisible(chromedp.CSS("#board")))
			eventually(b, 20*time.Second, "a frame is shown", func() bool { return asked[bool](n, ctx, `window.firstFrameAt > 0`) })
			time.Sleep(time.Second) // fonts come late
			live = append(live, asked[float64](n, ctx, `window.firstFrameAt`))
			ready = append(ready, asked[float64](n, ctx, `performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd`))
			wire = append(wire, asked[float64](n, ctx, `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((sum, e) => sum + e.transferSize, 0)`))
		}
		for _, v := range [][]float64{live, ready, wire} {
			slices.Sort(v)
		}
		b.ReportMetric(quantile(live, 0.5), "interactive-p50-ms")
		b.ReportMetric(live[len(live)-1], "interactive-worst-ms")
		b.ReportMetric(quantile(ready, 0.5), "parsed-p50-ms")
		b.ReportMetric(wire[len(wire)-1]/1000, "wire-kB")
		b.ReportMetric(0, "ns/op")
	}
}
