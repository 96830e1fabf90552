package email

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"

	"vigie/alerts/notice"
	"vigie/alerts/notice/noticetest"
	"vigie/internal/provider"
)

const password = "correct horse battery"

// post is a mail server in this process, which fails where it is told to and counts the messages that it took.
type post struct {
	host string
	port int

	rcpt, end, auth error         // answers at these stages
	mail            error         // at MAIL
	closes          string        // "before", "after" the dot
	waits           chan struct{} // after the dot, until it is closed
	mechanisms      []string
	plain           bool // no STARTTLS

	mutex    sync.Mutex
	messages [][]byte
	to, from []string
	users    []string
	secure   bool
}

type session struct {
	p    *post
	conn *server.Conn
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
func (s *session) Mail(from string, _ *server.MailOptions) error {
	s.p.mutex.Lock()
	defer s.p.mutex.Unlock()
	s.p.from = append(s.p.from, from)
	_, s.p.secure = s.conn.TLSConnectionState()
	return s.p.mail
}
func (s *session) Rcpt(to string, _ *server.RcptOptions) error {
	s.p.mutex.Lock()
	defer s.p.mutex.Unlock()
	s.p.to = append(s.p.to, to)
	return s.p.rcpt
}
func (s *session) Data(r io.Reader) error {
	if s.p.closes == "before" {
		s.conn.Close()
		return nil
	}
	message, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.p.end != nil {
		return s.p.end
	}
	s.p.mutex.Lock()
	s.p.messages = append(s.p.messages, message)
	s.p.mutex.Unlock()
	if s.p.closes == "after" {
		s.conn.Close()
	}
	if s.p.waits != nil {
		<-s.p.waits
	}
	return nil
}
func (s *session) AuthMechanisms() []string { return s.p.mechanisms }
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, secret string) error {
		if s.p.auth != nil {
			return s.p.auth
		}
		if user != "vigie" || secret != password {
			return server.ErrAuthFailed
		}
		s.p.mutex.Lock()
		defer s.p.mutex.Unlock()
		s.p.users = append(s.p.users, mechanism)
		return nil
	}
	if mechanism == "LOGIN" {
		return &login{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, secret string) error { return check(user, secret) }), nil
}

// login is the server's side of LOGIN, which Microsoft's servers ask for.
type login struct {
	check func(user, secret string) error
	heard []string
}

func (l *login) Next(response []byte) ([]byte, bool, error) {
	if response != nil {
		l.heard = append(l.heard, string(response))
	}
	switch len(l.heard) {
	case 0:
		return []byte("Username:"), false, nil
	case 1:
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.heard[0], l.heard[1])
}

var certificate, roots = func() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}()

func (p *post) start(t *testing.T, implicit bool) *post {
	t.Helper()
	s := server.NewServer(server.BackendFunc(func(c *server.Conn) (server.Session, error) { return &session{p, c}, nil }))
	s.Domain, s.AllowInsecureAuth, s.ErrorLog = "mx.example", true, quiet{}
	if p.mechanisms == nil {
		p.mechanisms = []string{"PLAIN"}
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	if !p.plain {
		s.TLSConfig = config
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.host, p.port = "127.0.0.1", l.Addr().(*net.TCPAddr).Port
	if implicit {
		l = tls.NewListener(l, config)
	}
	done := make(chan struct{})
	go func() { s.Serve(l); close(done) }()
	t.Cleanup(func() {
		if p.waits != nil {
			close(p.waits)
		}
		s.Close()
		<-done
	})
	return p
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (p *post) taken() [][]byte {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.messages
}

func (p *post) config() Config {
	return Config{Host: p.host, Port: p.port, User: "vigie", Secret: password, From: `"Vigie, régie" <vigie@example.com>`, Roots: roots}
}

// Each stage at which a real server fails, what must be said of it, and how often the message was taken.
func TestFailures(t *testing.T) {
	reply := func(code int, text string) error {
		return &server.SMTPError{Code: code, EnhancedCode: server.NoEnhancedCode, Message: text}
	}
	for _, c := range []struct {
		name      string
		server    *post
		change    func(c *Config)
		certainty provider.Certainty
		reason    provider.Reason // "": it is sent
		taken     int
	}{
		{name: "all is well", server: &post{}, taken: 1},
		{name: "without a password", server: &post{}, change: func(c *Config) { c.User, c.Secret = "", "" }, taken: 1},
		{name: "LOGIN alone", server: &post{mechanisms: []string{"LOGIN"}}, taken: 1},
		{name: "on this machine in the clear", server: &post{plain: true}, change: func(c *Config) { c.TLS = None }, taken: 1},
		{name: "STARTTLS where there is one", server: &post{}, change: func(c *Config) { c.TLS = Opportunistic }, taken: 1},
		{name: "no STARTTLS though it is required", server: &post{plain: true}, certainty: provider.Permanent, reason: provider.ReasonConfig},
		{name: "a certificate of somebody else's", server: &post{}, change: func(c *Config) { c.Roots = x509.NewCertPool() }, certainty: provider.Temporary, reason: provider.ReasonUnreachable},
		{name: "no way to sign in", server: &post{mechanisms: []string{"GSSAPI"}}, certainty: provider.Permanent, reason: provider.ReasonConfig},
		{name: "a wrong password", server: &post{}, change: func(c *Config) { c.Secret = "wrong horse" }, certainty: provider.Permanent, reason: provider.ReasonAuth},
		{name: "454 at authentication", server: &post{auth: reply(454, "try later "+password)}, certainty: provider.Temporary, reason: provider.ReasonAuth},
		{name: "450 at the sender", server: &post{mail: reply(450, "slow down")}, certainty: provider.Temporary, reason: provider.ReasonServer},
		{name: "553 at the sender", server: &post{mail: reply(553, "not your address")}, certainty: provider.Permanent, reason: provider.ReasonRefused},
		{name: "450 at the recipient", server: &post{rcpt: reply(450, "greylisted")}, certainty: provider.Temporary, reason: provider.ReasonServer},
		{name: "452 at the recipient", server: &post{rcpt: reply(452, "too many")}, certainty: provider.Temporary, reason: provider.ReasonRate},
		{name: "550 at the recipient", server: &post{rcpt: reply(550, "no such user")}, certainty: provider.Permanent, reason: provider.ReasonUnknown},
		{name: "554 at the recipient", server: &post{rcpt: reply(554, "blocked")}, certainty: provider.Permanent, reason: provider.ReasonRefused},
		{name: "554 after the message", server: &post{end: reply(554, "spam")}, certainty: provider.Permanent, reason: provider.ReasonRefused},
		{name: "451 after the message", server: &post{end: reply(451, "disk")}, certainty: provider.Temporary, reason: provider.ReasonServer},
		{name: "closed before the dot was read", server: &post{closes: "before"}, certainty: provider.Ambiguous, reason: provider.ReasonTimeout},
		{name: "closed after the dot", server: &post{closes: "after"}, certainty: provider.Ambiguous, reason: provider.ReasonTimeout, taken: 1},
		{name: "silent after the dot", server: &post{waits: make(chan struct{})}, certainty: provider.Ambiguous, reason: provider.ReasonTimeout, taken: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.server.start(t, false)
			config := c.server.config()
			if c.change != nil {
				c.change(&config)
			}
			channel, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			deadline := 20 * time.Second
			if c.server.waits != nil {
				deadline = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			receipt, err := channel.Notify(ctx, "Astreinte <oncall@example.com>", notice.Fixtures()[0])
			expect(t, err, c.certainty, c.reason)
			if n := len(c.server.taken()); n != c.taken {
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
	if text := err.Error(); strings.Contains(text, password) || strings.ContainsAny(text, "\r\n") {
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
		channel, err := New((&post{host: "127.0.0.1", port: l.Addr().(*net.TCPAddr).Port}).config())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err = channel.Notify(ctx, "oncall@example.com", notice.Fixtures()[0])
		expect(t, err, c.certainty, c.reason)
		if t.Failed() {
			t.Fatal(c.name)
		}
		cancel()
		l.Close()
		_, err = channel.Notify(t.Context(), "oncall@example.com", notice.Fixtures()[0])
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
		config := (&post{host: "127.0.0.1", port: l.Addr().(*net.TCPAddr).Port}).config()
		config.TLS = mode
		channel, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err = channel.Notify(ctx, "oncall@example.com", notice.Fixtures()[0])
		expect(t, err, provider.Temporary, provider.ReasonUnreachable)
		cancel()
		// Cancelled by hand, there is no deadline that the connection knows.
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err = channel.Notify(ctx, "oncall@example.com", notice.Fixtures()[0])
		expect(t, err, provider.Temporary, provider.ReasonUnreachable)
	}
}

func TestEncryption(t *testing.T) {
	implicit := (&post{plain: true}).start(t, true)
	config := implicit.config()
	config.TLS = Implicit
	channel, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := channel.Notify(t.Context(), "oncall@example.com", notice.Fixtures()[0]); err != nil || len(implicit.taken()) != 1 || implicit.users[0] != "PLAIN" {
		t.Errorf("implicit: %v", err)
	}
	start := (&post{}).start(t, false)
	if channel, err = New(start.config()); err != nil {
		t.Fatal(err)
	}
	if _, err := channel.Notify(t.Context(), "oncall@example.com", notice.Fixtures()[0]); err != nil || !start.secure {
		t.Errorf("starttls: %v, encrypted %v", err, start.secure)
	}
}

// parsed is a message as a mail client reads it.
type parsed struct {
	header      mail.Header
	text, html  string
	partHeaders []textproto.MIMEHeader
}

func parse(message []byte) (p parsed, err error) {
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return p, err
	}
	p.header = m.Header
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return p, fmt.Errorf("%s: %w", kind, errors.Join(err, errors.New("not multipart/alternative")))
	}
	for r := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return p, err
		}
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		p.partHeaders = append(p.partHeaders, part.Header)
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			p.text = text
		case "text/html":
			p.html = text
		default:
			return p, fmt.Errorf("a part of type %q", kind)
		}
	}
}

func TestWhatIsSent(t *testing.T) {
	p := (&post{}).start(t, false)
	channel, err := New(p.config())
	if err != nil {
		t.Fatal(err)
	}
	fixtures := notice.Fixtures()
	for _, n := range []*notice.Notification{fixtures[0], fixtures[0], fixtures[6], fixtures[8]} {
		if _, err := channel.Notify(t.Context(), "Astreinte <oncall@example.com>", n); err != nil {
			t.Fatal(err)
		}
	}
	var all []parsed
	for _, message := range p.taken() {
		m, err := parse(message)
		if err != nil {
			t.Fatalf("%v in %s", err, message)
		}
		all = append(all, m)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(all[0].header.Get("Subject"))
	if err != nil || subject != fixtures[0].Title {
		t.Errorf("subject %q, %v", subject, err)
	}
	from, err := all[0].header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != "Vigie, régie" || from[0].Address != "vigie@example.com" || p.from[0] != "vigie@example.com" {
		t.Errorf("from %v, %v", from, err)
	}
	to, err := all[0].header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != "oncall@example.com" || p.to[0] != "oncall@example.com" {
		t.Errorf("to %v, %v", to, err)
	}
	for name, want := range map[string]string{
		"Message-Id": "<fixture-firing-fr@example.com>", "Auto-Submitted": "auto-generated", "X-Vigie-Problem": "cdn-errors.maison.orange", "X-Vigie-Kind": "firing",
		"X-Vigie-Severity": "critical", "X-Vigie-Drill": "false", "X-Vigie-Repeat": "false", "Date": "Sat, 21 Nov 2026 20:07:30 +0000", "Importance": "high",
	} {
		if got := all[0].header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// Tried again it is the same message; the end is in its thread; a test is in none.
	thread := all[0].header.Get("References")
	if all[1].header.Get("Message-Id") != all[0].header.Get("Message-Id") || all[2].header.Get("Message-Id") == all[0].header.Get("Message-Id") || thread == "" ||
		all[2].header.Get("References") != thread || all[2].header.Get("In-Reply-To") != thread || all[3].header.Get("References") != "" {
		t.Errorf("threads: %q, %q, %q", thread, all[2].header, all[3].header)
	}
	noticetest.Golden(t, "firing.txt", []byte(all[0].text))
	noticetest.Golden(t, "firing.html", []byte(all[0].html))
	noticetest.Golden(t, "resolved.html", []byte(all[2].html))
}

func TestConfiguration(t *testing.T) {
	good := Config{Host: "smtp.example.com", From: "vigie@example.com", User: "vigie", Secret: password}
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
		{"helo: ", func(c *Config) { c.Helo = "a b" }},
	} {
		config := good
		c.change(&config)
		_, err := New(config)
		if (err == nil) != (c.want == "") || err != nil && (!strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), password)) {
			t.Errorf("%+v: %v", config, err)
		}
	}
	channel, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"", "oncall", "a@example.com, b@example.com", "a@example.com>\r\nRCPT TO:<b@example.com", "é@example.com", "a@b@c"} {
		_, err := channel.Notify(t.Context(), to, notice.Fixtures()[0])
		expect(t, err, provider.Permanent, provider.ReasonUnknown)
	}
}

// A message has the headers that we gave it and two parts, and the HTML part the elements of its template, whatever labels and titles try.
func FuzzEmail(f *testing.F) {
	channel, err := New(Config{Host: "smtp.example.com", From: "vigie@example.com"})
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{}
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "In-Reply-To", "References", "Auto-Submitted", "X-Auto-Response-Suppress", "X-Mailer",
		"X-Vigie-Id", "X-Vigie-Problem", "X-Vigie-Kind", "X-Vigie-Severity", "X-Vigie-Drill", "X-Vigie-Repeat", "Importance", "Priority", "X-Priority", "X-Msmail-Priority"} {
		known[name] = true
	}
	noticetest.Fuzz(f, func(t *testing.T, n *notice.Notification) {
		message, err := channel.compose(&mail.Address{Address: "oncall@example.com"}, n)
		if err != nil {
			t.Fatal(err)
		}
		m, err := parse(message)
		if err != nil {
			t.Fatalf("%v in %s", err, message)
		}
		for name, values := range m.header {
			if !known[name] || len(values) != 1 {
				t.Errorf("header %s: %q", name, values)
			}
		}
		if len(m.partHeaders) != 2 || m.text == "" || m.html == "" || len(message) > 200_000 {
			t.Errorf("%d parts, %d bytes", len(m.partHeaders), len(message))
		}
		rest := m.html
		for _, ours := range []string{"!DOCTYPE", "html ", "/html", "head", "/head", "meta ", "title", "/title", "body ", "/body", "div ", "/div", "h1 ", "/h1", "p ", "/p", "br", "a href=\"http"} {
			rest = strings.ReplaceAll(rest, "<"+ours, "")
		}
		if strings.Contains(rest, "</a>") {
			rest = strings.ReplaceAll(rest, "</a>", "")
		}
		if strings.ContainsRune(rest, '<') {
			t.Errorf("markup: %s", m.html)
		}
		for line := range strings.SplitSeq(string(message), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("line %q", line)
			}
		}
	})
}
