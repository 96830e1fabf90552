package mail

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/mail/mailtest"
)

var message = []byte("From: <vigie@example.com>\r\nTo: <oncall@example.com>\r\nSubject: x\r\nMessage-ID: <1@example.com>\r\n\r\n.x\r\n")

func config(p *mailtest.Server) Config {
	return Config{Host: p.Host, Port: p.Port, User: mailtest.User, Secret: mailtest.Password, From: `"Vigie, régie" <vigie@example.com>`, Roots: p.Roots}
}

// Each stage at which a real server fails, what must be said of it, and how often the message was taken.
func TestFailures(t *testing.T) {
	reply := mailtest.SMTP
	for _, c := range []struct {
		name      string
		server    *mailtest.Server
		change    func(c *Config)
		certainty provider.Certainty
		reason    provider.Reason // "": it is sent
		taken     int
	}{
		{name: "all is well", server: &mailtest.Server{}, taken: 1},
		{name: "without a password", server: &mailtest.Server{}, change: func(c *Config) { c.User, c.Secret = "", "" }, taken: 1},
		{name: "LOGIN alone", server: &mailtest.Server{Mechanisms: []string{"LOGIN"}}, taken: 1},
		{name: "on this machine in the clear", server: &mailtest.Server{Plain: true}, change: func(c *Config) { c.TLS = None }, taken: 1},
		{name: "STARTTLS where there is one", server: &mailtest.Server{}, change: func(c *Config) { c.TLS = Opportunistic }, taken: 1},
		{name: "no STARTTLS though it is required", server: &mailtest.Server{Plain: true}, certainty: provider.Permanent, reason: provider.ReasonConfig},
		{name: "a certificate of somebody else's", server: &mailtest.Server{}, change: func(c *Config) { c.Roots = x509.NewCertPool() }, certainty: provider.Temporary, reason: provider.ReasonUnreachable},
		{name: "no way to sign in", server: &mailtest.Server{Mechanisms: []string{"GSSAPI"}}, certainty: provider.Permanent, reason: provider.ReasonConfig},
		{name: "a wrong password", server: &mailtest.Server{}, change: func(c *Config) { c.Secret = "wrong horse" }, certainty: provider.Permanent, reason: provider.ReasonAuth},
		{name: "454 at authentication", server: &mailtest.Server{Auth: reply(454, "try later "+mailtest.Password)}, certainty: provider.Temporary, reason: provider.ReasonAuth},
		{name: "450 at the sender", server: &mailtest.Server{Mail: reply(450, "slow down")}, certainty: provider.Temporary, reason: provider.ReasonServer},
		{name: "553 at the sender", server: &mailtest.Server{Mail: reply(553, "not your address")}, certainty: provider.Permanent, reason: provider.ReasonRefused},
		{name: "450 at the recipient", server: &mailtest.Server{Rcpt: reply(450, "greylisted")}, certainty: provider.Temporary, reason: provider.ReasonServer},
		{name: "452 at the recipient", server: &mailtest.Server{Rcpt: reply(452, "too many")}, certainty: provider.Temporary, reason: provider.ReasonRate},
		{name: "550 at the recipient", server: &mailtest.Server{Rcpt: reply(550, "no such user")}, certainty: provider.Permanent, reason: provider.ReasonUnknown},
		{name: "554 at the recipient", server: &mailtest.Server{Rcpt: reply(554, "blocked")}, certainty: provider.Permanent, reason: provider.ReasonRefused},
		{name: "554 after the message", server: &mailtest.Server{End: reply(554, "spam")}, certainty: provider.Permanent, reason: provider.ReasonRefused},
		{name: "451 after the message", server: &mailtest.Server{End: reply(451, "disk")}, certainty: provider.Temporary, reason: provider.ReasonServer},
		{name: "closed before the dot was read", server: &mailtest.Server{Closes: "before"}, certainty: provider.Ambiguous, reason: provider.ReasonTimeout},
		{name: "closed after the dot", server: &mailtest.Server{Closes: "after"}, certainty: provider.Ambiguous, reason: provider.ReasonTimeout, taken: 1},
		{name: "silent after the dot", server: &mailtest.Server{Waits: make(chan struct{})}, certainty: provider.Ambiguous, reason: provider.ReasonTimeout, taken: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.server.Start(t, false)
			config := config(c.server)
			if c.change != nil {
				c.change(&config)
			}
			server, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			deadline := 20 * time.Second
			if c.server.Waits != nil {
				deadline = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			receipt, err := server.Deliver(ctx, "Astreinte <oncall@example.com>", message)
			expect(t, err, c.certainty, c.reason)
			if n := len(c.server.Taken()); n != c.taken {
				t.Errorf("taken %d times, want %d", n, c.taken)
			}
			if err == nil && (!strings.HasPrefix(receipt.Text, "250 ") || !strings.Contains(receipt.Text, "queued")) {
				t.Errorf("receipt %+v", receipt)
			}
		})
	}
}

func expect(t *testing.T, err error, certainty provider.Certainty, reason provider.Reason) {
	t.Helper()
	if reason == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	f := provider.Failed(err)
	if f == nil || f.Certainty != certainty || f.Reason != reason {
		t.Errorf("%v (%+v), want %s, %s", err, f, certainty, reason)
		return
	}
	if text := err.Error(); strings.Contains(text, mailtest.Password) || strings.ContainsAny(text, "\r\n") {
		t.Errorf("%q", text)
	}
}

// What fails before there is a session: each line is what a server says, and then it closes.
func TestFailuresBeforeASession(t *testing.T) {
	for _, c := range []struct {
		name, says string
		certainty  provider.Certainty
		reason     provider.Reason
	}{
		{"421 at the greeting", "421 too busy\r\n", provider.Temporary, provider.ReasonServer},
		{"554 at the greeting", "554 no service for you\r\n", provider.Permanent, provider.ReasonRefused},
		{"closed", "", provider.Temporary, provider.ReasonUnreachable},
		{"no mail server", "SSH-2.0-OpenSSH_9.9\r\n", provider.Temporary, provider.ReasonUnreachable},
		{"closed after the greeting", "220 mx.example\r\n", provider.Temporary, provider.ReasonUnreachable},
		{"closed after STARTTLS", "220 mx.example\r\n250-mx.example\r\n250 STARTTLS\r\n220 go on\r\n", provider.Temporary, provider.ReasonUnreachable},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, c.says)
			conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, conn)
			conn.Close()
		}()
		server, err := New(config(&mailtest.Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err = server.Deliver(ctx, "oncall@example.com", message)
		expect(t, err, c.certainty, c.reason)
		if t.Failed() {
			t.Fatal(c.name)
		}
		cancel()
		l.Close()
		_, err = server.Deliver(t.Context(), "oncall@example.com", message)
		expect(t, err, provider.Temporary, provider.ReasonUnreachable)
	}
}

func TestAServerThatSaysNothingEndsWithTheDeadline(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, mode := range []TLS{StartTLS, Implicit} {
		config := config(&mailtest.Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port})
		config.TLS = mode
		server, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err = server.Deliver(ctx, "oncall@example.com", message)
		expect(t, err, provider.Temporary, provider.ReasonUnreachable)
		cancel()
		// Cancelled by hand, there is no deadline that the connection knows.
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err = server.Deliver(ctx, "oncall@example.com", message)
		expect(t, err, provider.Temporary, provider.ReasonUnreachable)
	}
}

func TestEncryption(t *testing.T) {
	implicit := (&mailtest.Server{Plain: true}).Start(t, true)
	c := config(implicit)
	c.TLS = Implicit
	server, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Deliver(t.Context(), "oncall@example.com", message); err != nil || len(implicit.Taken()) != 1 {
		t.Errorf("implicit: %v", err)
	}
	start := (&mailtest.Server{}).Start(t, false)
	if server, err = New(config(start)); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Deliver(t.Context(), "oncall@example.com", message); err != nil {
		t.Errorf("starttls: %v", err)
	}
	for name, s := range map[string]*mailtest.Server{"implicit": implicit, "starttls": start} {
		if _, _, mechanisms, encrypted := s.Envelopes(); len(mechanisms) != 1 || mechanisms[0] != "PLAIN" || !encrypted {
			t.Errorf("%s: signed in by %v, encrypted %v", name, mechanisms, encrypted)
		}
	}
}

func TestConfiguration(t *testing.T) {
	good := Config{Host: "smtp.example.com", From: "vigie@example.com", User: "vigie", Secret: mailtest.Password}
	for _, c := range []struct {
		want   string
		change func(c *Config)
	}{
		{"", func(*Config) {}},
		{"", func(c *Config) { c.TLS, c.Host = None, "localhost" }},
		{"host: ", func(c *Config) { c.Host = "" }},
		{"host: ", func(c *Config) { c.Host = "smtp://example.com" }},
		{"port: ", func(c *Config) { c.Port = 70000 }},
		{"tls: ", func(c *Config) { c.TLS = "ssl" }},
		{"tls: ", func(c *Config) { c.TLS = None }},
		{"secret: ", func(c *Config) { c.Secret = "" }},
		{"from: ", func(c *Config) { c.From = "vigie" }},
		{"from: ", func(c *Config) { c.From = "vigie@example.com\r\nBcc: a@b.c" }},
		{"sessions: ", func(c *Config) { c.Sessions = 101 }},
		{"sessions: ", func(c *Config) { c.Sessions = -1 }},
		{"helo: ", func(c *Config) { c.Helo = "a b" }},
	} {
		config := good
		c.change(&config)
		_, err := New(config)
		if (err == nil) != (c.want == "") || err != nil && (!strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), mailtest.Password)) {
			t.Errorf("%+v: %v", config, err)
		}
	}
	server, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"", "oncall", "a@example.com, b@example.com", "a@example.com>\r\nRCPT TO:<b@example.com", "é@example.com", "a@b@c"} {
		_, err := server.Deliver(t.Context(), to, message)
		expect(t, err, provider.Permanent, provider.ReasonUnknown)
	}
}
