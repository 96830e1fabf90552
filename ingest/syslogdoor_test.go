package ingest_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/ingest"
)

// TestWhatMayComeBySyslog is the table of what was tried against the syslog doors, which know a
// sender by its address and tag alone.
func TestWhatMayComeBySyslog(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	metrics := prometheus.NewRegistry()
	p := startWith(t, ingest.CollectorConfig{
		Sources: []ingest.Source{
			{ID: "edge", CDN: "maison", Format: "nginx", Syslog: &ingest.SyslogMatch{From: loopback, Tag: "nginx"}},
			{ID: "other-edge", CDN: "maison", Format: "nginx", Syslog: &ingest.SyslogMatch{From: loopback, Tag: "nginx2"}},
			{ID: "any-tag", CDN: "maison", Format: "nginx", Syslog: &ingest.SyslogMatch{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}},
		},
		SyslogTCP: at, SyslogUDP: at, Metrics: metrics,
	})
	message := func(tag, path string) string {
		return fmt.Sprintf(`<190>Nov 22 01:02:03 edge-1 %s: {"ts":"%d","uri":"%s","st":"200","bs":"1"}`, tag, time.Now().Unix(), path)
	}
	counted := func(text string) string { return fmt.Sprintf("%d %s", len(text), text) }
	const kept, closed = false, true
	for _, c := range []struct {
		name, from string
		text       string
		closed     bool // by the door, before the sender is done
	}{
		{"a line each", "127.0.0.1", message("nginx", "/1") + "\n" + message("nginx", "/2") + "\r\n", kept},
		{"counted", "127.0.0.1", counted(message("nginx", "/3")) + counted(message("nginx", "/4")) + "\n", kept},
		{"the last line without its end", "127.0.0.1", message("nginx", "/5"), kept},
		{"by tag", "127.0.0.1", message("nginx2", "/6") + "\n" + message("nginx", "/7") + "\n", kept},
		{"any tag from another place", "127.0.0.2", message("whatever", "/8") + "\n", kept},
		{"too long, then good", "127.0.0.1", message("nginx", "/"+strings.Repeat("x", 70_000)) + "\n" + message("nginx", "/9") + "\n", kept},
		{"too long by its count, then good", "127.0.0.1", "70000 " + strings.Repeat("x", 70_000) + counted(message("nginx", "/10")), kept},
		{"garbage, then good", "127.0.0.1", "<190>Nov 22 01:02:03 h nginx: \xff\x00{{{\n" + message("nginx", "/11") + "\n", kept},
		{"an unknown tag", "127.0.0.1", message("sshd", "/no") + "\n", closed},
		{"from where nobody may send", "127.0.0.3", message("nginx", "/no") + "\n", closed},
		{"HTTP", "127.0.0.1", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", closed},
		{"a count that is none", "127.0.0.1", "12x34 " + message("nginx", "/no"), closed},
		{"a count without end", "127.0.0.1", strings.Repeat("9", 100), closed},
	} {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}}
		var conn net.Conn
		for range 100 { // the door opens after the collector began to run
			if conn, err = d.Dial("tcp", at); err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, c.text)
		if !c.closed {
			conn.(*net.TCPConn).CloseWrite()
		}
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the door did not close the connection: %v", c.name, err)
		}
		conn.Close()
	}
	for from, text := range map[string]string{
		"127.0.0.1": message("nginx", "/12"),
		"127.0.0.2": message("x", "/13"),
		"127.0.0.3": message("nginx", "/no"),
	} {
		conn, err := (&net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}).Dial("udp", at)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, text)
		conn.Close()
	}
	p.eventually("SELECT toFloat64(sum(lines)*100+sum(refused)) AS n FROM deliveries", 1301)
	for sql, want := range map[string]float64{
		"SELECT toFloat64(count()) AS n FROM requests":                             13,
		"SELECT toFloat64(uniqExact(path)) AS n FROM requests":                     13,
		"SELECT toFloat64(countIf(path = '/no')) AS n FROM requests":               0,
		"SELECT toFloat64(count()) AS n FROM requests WHERE source = 'other-edge'": 1,
		"SELECT toFloat64(count()) AS n FROM requests WHERE source = 'any-tag'":    2,
		"SELECT toFloat64(sum(count)) AS n FROM quarantine WHERE source = 'edge'":  1,
		"SELECT toFloat64(sum(count)) AS n FROM quarantine WHERE source != 'edge'": 0,
	} {
		if got := p.number(sql); got != want {
			t.Errorf("%s\nis %v, not %v", sql, got, want)
		}
	}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "vigie_ingest_datagrams_dropped_total" && (len(f.Metric) != 1 || f.Metric[0].Counter.GetValue() != 1) {
			t.Errorf("one datagram was nobody's: %v", f.Metric)
		}
	}
}
