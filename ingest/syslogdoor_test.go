package ingest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/ingest"
	"vigie/internal/bus/bustest"
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

// TestBatchesBySyslogAreNotedInTheDoorBook: a source whose lines are taken at the door and never
// reach a table is found by what the doors noted.
func TestBatchesBySyslogAreNotedInTheDoorBook(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	b := bustest.Open(t)
	streams, err := ingest.OpenStreams(t.Context(), b, ingest.StreamsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	book, err := b.KV(t.Context(), "doors")
	if err != nil {
		t.Fatal(err)
	}
	var full atomic.Bool
	full.Store(true)
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	c, err := ingest.NewCollector(ingest.CollectorConfig{
		Sources: []ingest.Source{
			{ID: "stream", CDN: "maison", Format: "nginx", Syslog: &ingest.SyslogMatch{From: loopback, Tag: "nginx"}},
			{ID: "datagram", CDN: "maison", Format: "nginx", Syslog: &ingest.SyslogMatch{From: loopback, Tag: "nginx2"}},
			{ID: "quiet", CDN: "maison", Format: "nginx", Syslog: &ingest.SyslogMatch{From: loopback, Tag: "nginx3"}},
		},
		CDNs: testCDNs, Streams: streams, Doors: book, Owner: "test", SyslogTCP: at, SyslogUDP: at, Log: slog.New(slog.DiscardHandler),
		Room: func() error {
			if full.Load() {
				return errors.New("3 MB are free")
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	noted := func(what string, holds func(ingest.Visits) bool) map[string]ingest.Visits {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			visits, err := ingest.AllVisits(t.Context(), book)
			if err != nil {
				t.Fatal(err)
			}
			if holds(visits["stream"]) && holds(visits["datagram"]) {
				return visits
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %+v", what, visits)
			}
		}
	}
	for i, network := range []string{"tcp", "udp"} {
		var conn net.Conn
		for range 100 { // the door opens after the collector began to run
			if conn, err = net.Dial(network, at); err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "<190>Nov 22 01:02:03 edge-1 %s: {}\n", [...]string{"nginx", "nginx2"}[i])
		conn.Close()
	}
	noted("a batch that finds no room", func(v ingest.Visits) bool {
		return v.Refused > 0 && v.Stored == 0 && v.Last.IsZero() && v.Why == "not stored: full"
	})
	begun := time.Now()
	full.Store(false)
	visits := noted("a batch that is stored", func(v ingest.Visits) bool {
		return v.Stored == 1 && v.Bytes > 0 && v.Last.After(begun) && v.Last.After(v.LastRefused)
	})
	if v, ok := visits["quiet"]; ok {
		t.Errorf("a source that sent nothing: %+v", v)
	}
}

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, pool: x509.NewCertPool()}
	made := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	a.key = made.PrivateKey.(*ecdsa.PrivateKey)
	cert, err := x509.ParseCertificate(made.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	a.cert = cert
	a.pool.AddCert(cert)
	return a
}

// sign makes a certificate with a key of its own; the authority's first one signs itself.
func (a *authority) sign(template *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestSyslogOverTLS(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	server := ours.sign(&x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"vigie.example.com"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	edge := func(a *authority) []tls.Certificate {
		return []tls.Certificate{a.sign(&x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "edge-1"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})}
	}
	p := startWith(t, ingest.CollectorConfig{
		Sources:   []ingest.Source{{ID: "edge", CDN: "maison", Format: "nginx", Syslog: &ingest.SyslogMatch{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Tag: "nginx"}}},
		SyslogTLS: at,
		TLS:       &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool},
	})
	frame := func(path string) string {
		text := fmt.Sprintf(`<190>1 2026-09-08T19:45:03Z edge-1 nginx - - - {"ts":"%d","uri":"%s","st":"200","bs":"1"}`, time.Now().Unix(), path)
		return fmt.Sprintf("%d %s", len(text), text)
	}
	plain := func(from string) net.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			conn, err := d.Dial("tcp", at)
			if err == nil {
				conn.SetDeadline(time.Now().Add(30 * time.Second))
				return conn
			}
			if time.Now().After(end) { // the door opens after the collector began to run
				t.Fatal(err)
			}
		}
	}
	closed := func(conn net.Conn) error {
		_, err := io.Copy(io.Discard, conn)
		if err == nil {
			err = io.EOF
		}
		conn.Close()
		return err
	}

	// Those that say nothing, or part of a handshake, keep nobody else waiting.
	begun := time.Now()
	var slow []net.Conn
	for i := range 50 {
		conn := plain("127.0.0.1")
		io.WriteString(conn, "\x16\x03\x01\x02\x00\x01"[:i%7])
		slow = append(slow, conn)
	}
	good := func(version uint16) *tls.Config {
		return &tls.Config{RootCAs: ours.pool, ServerName: "vigie.example.com", Certificates: edge(ours), MinVersion: version, MaxVersion: version}
	}
	for i, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conn := tls.Client(plain("127.0.0.1"), good(version))
		if _, err := io.WriteString(conn, frame(fmt.Sprintf("/%d", 2*i))+frame(fmt.Sprintf("/%d", 2*i+1))); err != nil {
			t.Fatal(err)
		}
		conn.CloseWrite()
		if err := closed(conn); !errors.Is(err, io.EOF) {
			t.Errorf("the end is not told: %v", err)
		}
	}
	p.eventually("SELECT toFloat64(uniqExact(path)) AS n FROM requests", 4)
	if took := time.Since(begun); took > 9*time.Second {
		t.Errorf("others waited %v for slow handshakes", took)
	}

	for name, c := range map[string]*tls.Config{
		"no certificate":           {RootCAs: ours.pool, ServerName: "vigie.example.com"},
		"another's certificate":    {RootCAs: ours.pool, ServerName: "vigie.example.com", Certificates: edge(others)},
		"a version that is broken": {RootCAs: ours.pool, ServerName: "vigie.example.com", Certificates: edge(ours), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
	} {
		conn := tls.Client(plain("127.0.0.1"), c)
		io.WriteString(conn, frame("/no"))
		if err := closed(conn); errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "tls: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A client that asks who we are.
	if _, err := io.WriteString(tls.Client(plain("127.0.0.1"), &tls.Config{RootCAs: others.pool, ServerName: "vigie.example.com", Certificates: edge(ours)}), frame("/no")); err == nil {
		t.Error("a server that others vouch for is believed")
	}
	for name, conn := range map[string]net.Conn{"no TLS": plain("127.0.0.1"), "another network": plain("127.0.0.3")} {
		io.WriteString(conn, frame("/no"))
		if err := closed(conn); strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the door did not close the connection", name)
		}
	}
	for _, conn := range slow {
		if err := closed(conn); strings.Contains(err.Error(), "timeout") {
			t.Error("a handshake may take for ever")
		}
	}
	if took := time.Since(begun); took < 9*time.Second || took > 25*time.Second {
		t.Errorf("slow handshakes were ended after %v", took)
	}
	if n := p.number("SELECT toFloat64(countIf(path = '/no')) AS n FROM requests"); n != 0 {
		t.Errorf("%v lines of those who may not send", n)
	}
}
