package statuspage

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// cpu is what this process took of the machine's processors.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The handler by itself: what a request costs beside net/http.
func BenchmarkHandler(b *testing.B) {
	n := open(b, config())
	n.story(n.Status(), "night", time.Now().Add(-time.Hour), false, 5)
	h := n.Page.Handler("/status")
	for _, path := range []string{"/status/", "/status/fr/", "/status/banner.json"} {
		b.Run(path, func(b *testing.B) {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Accept-Encoding", "gzip, deflate, br")
			r.Header.Set("Accept-Language", "fr-FR,fr;q=0.9,en;q=0.8")
			w := &nowhere{h: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}

// One rendering of everything: what a post costs each process.
func BenchmarkRender(b *testing.B) {
	n := open(b, config())
	for i := range 20 {
		n.story(n.Status(), fmt.Sprintf("night-%d", i), time.Now().Add(-time.Duration(i+2)*time.Hour), false, 6)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.fixed.render(&n.known, n.zone, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

// clients is the environment that makes the test's binary the clients of BenchmarkServer: their CPU time is not the
// server's then.
const clients = "STATUSPAGE_CLIENTS"

func TestMain(m *testing.M) {
	if to := os.Getenv(clients); to != "" {
		ask(to, os.Getenv(clients+"_HEADERS"))
		return
	}
	os.Exit(m.Run())
}

// ask asks "host:port path connections" over as many connections until stdin ends, then writes how many answers there were.
func ask(to, headers string) {
	var address, path string
	var connections int
	if _, err := fmt.Sscan(to, &address, &path, &connections); err != nil {
		panic(err)
	}
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: status.example.fr\r\n" + headers + "\r\n")
	var g sync.WaitGroup
	var answers atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	for range connections {
		g.Go(func() {
			c, err := net.Dial("tcp", address)
			if err != nil {
				panic(err)
			}
			defer c.Close()
			in := bufio.NewReaderSize(c, 64<<10)
			for ctx.Err() == nil {
				if _, err := c.Write(request); err != nil {
					panic(err)
				}
				length, status := 0, ""
				for {
					line, err := in.ReadSlice('\n')
					if err != nil {
						panic(err)
					}
					text := strings.TrimSpace(string(line))
					if status == "" {
						status = text
					}
					if value, ok := strings.CutPrefix(text, "Content-Length: "); ok {
						length, _ = strconv.Atoi(value)
					}
					if text == "" {
						break
					}
				}
				if _, err := in.Discard(length); err != nil {
					panic(err)
				}
				if !strings.Contains(status, " 200 ") && !strings.Contains(status, " 304 ") {
					panic(status)
				}
				answers.Add(1)
			}
		})
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	stop()
	g.Wait()
	fmt.Println(answers.Load())
}

// A real net/http server on loopback and 16 connections that are kept, from another process. "req/s/core" is requests
// for each second of CPU time of the server's process, the kernel's part of it included.
func BenchmarkServer(b *testing.B) {
	for _, c := range []struct {
		name, path, headers string
		updates             bool
	}{
		{"page", "/status/fr/", "Accept-Encoding: gzip\r\nAccept-Language: fr\r\n", false},
		{"page/under-updates", "/status/fr/", "Accept-Encoding: gzip\r\nAccept-Language: fr\r\n", true},
		{"page/not-modified", "/status/fr/", "Accept-Encoding: gzip\r\nIf-None-Match: *\r\n", false},
		{"page/identity", "/status/fr/", "", false},
		{"banner", "/status/banner.json", "Accept-Encoding: gzip\r\n", false},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := open(b, config())
			n.story(n.Status(), "night", time.Now().Add(-time.Hour), false, 5)
			to := strings.TrimPrefix(n.http.URL, "http://")
			client := exec.Command(os.Args[0])
			client.Env = append(os.Environ(), clients+"="+to+" "+c.path+" 16", clients+"_HEADERS="+c.headers)
			client.Stderr = os.Stderr
			stdin, err := client.StdinPipe()
			if err != nil {
				b.Fatal(err)
			}
			var out strings.Builder
			client.Stdout = &out
			began, before := time.Now(), cpu()
			if err := client.Start(); err != nil {
				b.Fatal(err)
			}
			ctx, stop := context.WithTimeout(b.Context(), 3*time.Second)
			updates := 0
			for tick := time.NewTicker(100 * time.Millisecond); ctx.Err() == nil; { // ten a second is far more than people can say
				select {
				case <-ctx.Done():
				case <-tick.C:
					if c.updates {
						updates++
						s := []State{Degraded, Partial}[updates%2]
						if err := n.SetComponent(b.Context(), "alice", "live", s); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			stop()
			stdin.Close()
			if err := client.Wait(); err != nil {
				b.Fatal(err)
			}
			took, server := time.Since(began), cpu()-before
			answers, err := strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
			if err != nil || answers == 0 {
				b.Fatalf("%q: %v", out.String(), err)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(answers/took.Seconds(), "req/s")
			b.ReportMetric(answers/server.Seconds(), "req/s/core")
			b.ReportMetric(server.Seconds()/took.Seconds(), "cores")
			b.ReportMetric(float64(updates)/took.Seconds(), "updates/s")
		})
	}
}
