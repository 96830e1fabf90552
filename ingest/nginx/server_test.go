package nginx_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/ingest/combined"
	"vigie/ingest/formattest"
	"vigie/ingest/nginx"
	"vigie/ingest/syslog"
	"vigie/internal/event"
)

// A real nginx, set up with the formats that the operator's guide gives, is understood.
func TestWhatNginxSends(t *testing.T) {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	guide, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	formats := regexp.MustCompile(`(?s)log_format vigie.*?';`).FindAllString(string(guide), -1)
	if len(formats) != 2 {
		t.Fatalf("the guide has %d formats of nginx", len(formats))
	}
	asJSON, asText := listen(t), listen(t)
	address := freeAddress(t)
	start(t, binary, address, fmt.Sprintf(`
		%s
		%s
		access_log syslog:server=%s,tag=nginx vigie;
		access_log syslog:server=%s,tag=nginx,nohostname vigie_text;`, formats[0], formats[1], asJSON.LocalAddr(), asText.LocalAddr()))

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/v/seg%20é.m4s?CMCD=br%3D3200", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "live.example.com"
	request.Header.Set("User-Agent", `V"L\C é`)
	request.Header.Set("X-Forwarded-For", "203.0.113.66, 198.51.100.7")
	response := get(t, request)
	if response.StatusCode != http.StatusNoContent {
		t.Fatal(response.Status)
	}

	from := event.Origin{Received: time.Now()}
	for name, got := range map[string]*formattest.Recorder{
		"JSON":     formattest.Read(syslog.Parse(nginx.Parse), receive(t, asJSON), from),
		"combined": formattest.Read(syslog.Parse(combined.Parse), receive(t, asText), from),
	} {
		if len(got.Requests) != 1 || len(got.Lines) != 1 {
			t.Fatalf("%s: %s", name, got)
		}
		for _, want := range []string{
			`Method="GET" Host="live.example.com" Path="/v/seg%20%C3%A9.m4s" Query="CMCD=br%3D3200" Status=204`,
			`Duration=`, `Client=198.51.100.7`, `Protocol="HTTP/1.1"`, `UserAgent="V\"L\\C é"`, `Bitrate=3200`,
		} {
			if !strings.Contains(got.String(), want) {
				t.Errorf("%s: %s\nlacks %s", name, got, want)
			}
		}
		if age := time.Since(got.Requests[0].Time); age < -time.Second || age > time.Minute {
			t.Errorf("%s: logged %v ago", name, age)
		}
	}
}

func listen(t *testing.T) net.PacketConn {
	t.Helper()
	var config net.ListenConfig
	conn, err := config.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func receive(t *testing.T, conn net.PacketConn) []byte {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64<<10)
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func freeAddress(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs nginx with a server that answers everything with 204, until the test ends.
func start(t *testing.T, binary, address, http string) {
	t.Helper()
	dir := t.TempDir()
	config := fmt.Sprintf(`
		daemon off;
		master_process off;
		pid nginx.pid;
		error_log stderr;
		events {}
		http {
			client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
			uwsgi_temp_path uwsgi; scgi_temp_path scgi;
			%s
			server { listen %s; location / { return 204; } }
		}`, http, address)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "-p", dir, "-c", file)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
}

// get asks until nginx listens; only then is anything logged.
func get(t *testing.T, request *http.Request) *http.Response {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
			return response
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
