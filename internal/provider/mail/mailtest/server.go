// Package mailtest is a mail server in this process, which fails where it is told to and counts the messages that it
// took, and a reader of messages as a mail client reads them.
package mailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// User and Password are what the server takes.
const (
	User     = "vigie"
	Password = "correct horse battery"
)

// Server is a mail server. Its exported fields are set before Start, or by Set.
type Server struct {
	Host  string
	Port  int
	Roots *x509.CertPool // who signed its certificate

	Mail, Rcpt, End, Auth error                 // answers at these stages
	RcptTo                func(to string) error // at the recipient, by the recipient; nil: Rcpt
	Closes                string                // "before", "after" the dot
	Waits                 chan struct{}         // after the dot, until it is closed
	Mechanisms            []string              // to sign in; nil: PLAIN
	Plain                 bool                  // no STARTTLS
	Discards              bool                  // counts messages and keeps none

	mutex    sync.Mutex
	messages [][]byte
	count    int
	to, from []string
	users    []string
	secure   bool
	opened   int
	conns    map[*smtp.Conn]bool
}

// SMTP is an answer of a code and words.
func SMTP(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

// Set changes how the server answers from now on.
func (s *Server) Set(change func(s *Server)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(s)
}

// Start listens on a port of this machine; implicit: with TLS from the first byte.
func (s *Server) Start(t testing.TB, implicit bool) *Server {
	t.Helper()
	certificate, roots, err := certify()
	if err != nil {
		t.Fatal(err)
	}
	s.Roots, s.conns = roots, map[*smtp.Conn]bool{}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.conns[c] = true
		return &session{s, c}, nil
	}))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "mx.example", true, quiet{}
	if s.Mechanisms == nil {
		s.Mechanisms = []string{"PLAIN"}
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	if !s.Plain {
		server.TLSConfig = config
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Host, s.Port = "127.0.0.1", plain.Addr().(*net.TCPAddr).Port
	var l net.Listener = counting{plain, s}
	if implicit {
		l = tls.NewListener(l, config)
	}
	done := make(chan struct{})
	go func() { server.Serve(l); close(done) }()
	t.Cleanup(func() {
		if s.Waits != nil {
			close(s.Waits)
		}
		server.Close()
		<-done
	})
	return s
}

// counting counts connections.
type counting struct {
	net.Listener
	s *Server
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.s.Set(func(s *Server) { s.opened++ })
	}
	return conn, err
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Taken are the messages that the server took, whatever it answered.
func (s *Server) Taken() [][]byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.messages)
}

// Count is how many it took.
func (s *Server) Count() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.count
}

// Opened is how many connections there were.
func (s *Server) Opened() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.opened
}

// Open is how many there are.
func (s *Server) Open() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.conns)
}

// Envelopes are who sent and who was to have what was asked to be taken, and how who signed in.
func (s *Server) Envelopes() (from, to, mechanisms []string, encrypted bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.from), slices.Clone(s.to), slices.Clone(s.users), s.secure
}

// Drop closes all connections, as a server does that has waited for long, or is started anew.
func (s *Server) Drop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for c := range s.conns {
		c.Conn().Close()
	}
}

type session struct {
	s    *Server
	conn *smtp.Conn
}

func (x *session) Reset() {}

func (x *session) Logout() error {
	x.s.mutex.Lock()
	defer x.s.mutex.Unlock()
	delete(x.s.conns, x.conn)
	return nil
}

func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	x.s.mutex.Lock()
	defer x.s.mutex.Unlock()
	x.s.from = append(x.s.from, from)
	_, x.s.secure = x.conn.TLSConnectionState()
	return x.s.Mail
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.s.mutex.Lock()
	defer x.s.mutex.Unlock()
	x.s.to = append(x.s.to, to)
	if x.s.RcptTo != nil {
		return x.s.RcptTo(to)
	}
	return x.s.Rcpt
}

func (x *session) Data(r io.Reader) error {
	x.s.mutex.Lock()
	closes, end, waits := x.s.Closes, x.s.End, x.s.Waits
	x.s.mutex.Unlock()
	if closes == "before" {
		x.conn.Close()
		return nil
	}
	message, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if end != nil {
		return end
	}
	x.s.Set(func(s *Server) {
		if s.count++; !s.Discards {
			s.messages = append(s.messages, message)
		}
	})
	if closes == "after" {
		x.conn.Close()
	}
	if waits != nil {
		<-waits
	}
	return nil
}

func (x *session) AuthMechanisms() []string { return x.s.Mechanisms }

func (x *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, secret string) error {
		x.s.mutex.Lock()
		defer x.s.mutex.Unlock()
		if x.s.Auth != nil {
			return x.s.Auth
		}
		if user != User || secret != Password {
			return smtp.ErrAuthFailed
		}
		x.s.users = append(x.s.users, mechanism)
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

// certify makes a certificate for this machine.
func certify() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	if err == nil {
		pool.AddCert(leaf)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool, err
}
