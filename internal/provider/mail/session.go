package mail

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"vigie/internal/provider"
)

// session is a connection that is ready for a message: greeted, encrypted, signed in.
type session struct {
	conn   net.Conn
	client *smtp.Client
	since  time.Time
	sent   int         // messages that it was used for
	end    *time.Timer // closes it while nobody uses it
}

// open makes a new one.
func (s *Server) open(ctx context.Context) (*session, *provider.Failure) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, s.fail(provider.Temporary, provider.ReasonUnreachable, "no connection: %v", err)
	}
	x := &session{conn: conn, since: time.Now()}
	stop := x.obey(ctx)
	f := s.greet(x)
	if stop(); f != nil {
		conn.Close()
		return nil, f
	}
	return x, nil
}

func (s *Server) greet(x *session) *provider.Failure {
	client, err := smtp.NewClient(x.conn, s.c.Host)
	if err != nil {
		return s.judge(greeting, err)
	}
	x.client = client
	client.SkipSMTPUTF8(true) // addresses are ASCII: no server on the way need know more
	if err := client.Hello(s.c.Helo); err != nil {
		return s.judge(greeting, err)
	}
	return s.secure(client)
}

func (s *Server) dial(ctx context.Context) (net.Conn, error) {
	d := &net.Dialer{Timeout: connectTimeout}
	at := net.JoinHostPort(s.c.Host, strconv.Itoa(s.c.Port))
	if s.c.TLS == Implicit {
		ctx, cancel := context.WithTimeout(ctx, 2*connectTimeout)
		defer cancel()
		return (&tls.Dialer{NetDialer: d, Config: s.tls()}).DialContext(ctx, "tcp", at)
	}
	return d.DialContext(ctx, "tcp", at)
}

func (s *Server) tls() *tls.Config {
	return &tls.Config{ServerName: s.c.Host, MinVersion: tls.VersionTLS12, RootCAs: s.c.Roots}
}

// secure encrypts the connection as configured, and signs in.
func (s *Server) secure(client *smtp.Client) *provider.Failure {
	offered, _ := client.Extension("STARTTLS")
	if s.c.TLS == StartTLS && !offered {
		return s.fail(provider.Permanent, provider.ReasonConfig, "the server offers no STARTTLS, which tls: starttls requires")
	}
	encrypted := s.c.TLS == Implicit
	if offered && (s.c.TLS == StartTLS || s.c.TLS == Opportunistic) {
		if err := client.StartTLS(s.tls()); err != nil {
			return s.judge(starttls, err)
		}
		encrypted = true
	}
	if s.c.User == "" {
		return nil
	}
	if !encrypted && !provider.Loopback(s.c.Host) {
		return s.fail(provider.Permanent, provider.ReasonConfig, "the server offers no STARTTLS: the password is not sent for all to read")
	}
	_, text := client.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(text))
	var a smtp.Auth
	switch {
	case slices.Contains(mechanisms, "SCRAM-SHA-256"):
		a = smtp.ScramSHA256Auth(s.c.User, s.c.Secret)
	case slices.Contains(mechanisms, "PLAIN"):
		a = smtp.PlainAuth("", s.c.User, s.c.Secret, s.c.Host, true) // what may be unencrypted was decided above
	case slices.Contains(mechanisms, "LOGIN"):
		a = smtp.LoginAuth(s.c.User, s.c.Secret, s.c.Host, true)
	default:
		return s.fail(provider.Permanent, provider.ReasonConfig, "the server offers none of SCRAM-SHA-256, PLAIN, LOGIN to sign in, but %q", text)
	}
	if err := client.Auth(a); err != nil {
		return s.judge(auth, err)
	}
	return nil
}

// obey gives the connection up when ctx ends. stop ends that, and tells whether ctx had not ended: only then may
// the connection be used for something else.
func (x *session) obey(ctx context.Context) (stop func() bool) {
	x.allow(ctx, time.Time{})
	return context.AfterFunc(ctx, func() { x.conn.SetDeadline(gone) })
}

var gone = time.Unix(1, 0)

// allow gives the connection time until ctx ends, or until most where that is not zero and earlier.
func (x *session) allow(ctx context.Context, most time.Time) {
	end, _ := ctx.Deadline()
	if end.IsZero() || !most.IsZero() && most.Before(end) {
		end = most
	}
	x.conn.SetDeadline(end)
	if ctx.Err() != nil {
		x.conn.SetDeadline(gone)
	}
}

// say is one message over the session: how far it came, and the answer to it. One that waited has some seconds to
// show that it is alive.
func (x *session) say(ctx context.Context, from, to string, message []byte) (answer string, at stage, err error) {
	if x.sent > 0 {
		x.allow(ctx, time.Now().Add(wakeTimeout))
	}
	if err := x.client.Mail("<" + from + ">"); err != nil {
		return "", sender, err
	}
	if x.sent > 0 {
		x.allow(ctx, time.Time{})
	}
	if err := x.client.Rcpt("<" + to + ">"); err != nil {
		return "", rcpt, err
	}
	w, err := x.client.Data()
	if err != nil {
		return "", data, err
	}
	if _, err := w.Write(message); err != nil {
		return "", data, err // there was no dot: it cannot have been taken
	}
	if err := w.Close(); err != nil {
		return "", dot, err
	}
	if d, ok := w.(*smtp.DataCloser); ok {
		answer = d.ServerResponse()
	}
	return answer, "", nil
}

// kept takes a session that waits for the next message; nil: there is none.
func (s *Server) kept() *session {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for n := len(s.idle); n > 0; n = len(s.idle) {
		x := s.idle[n-1]
		s.idle[n-1] = nil
		if s.idle = s.idle[:n-1]; x.end.Stop() {
			return x
		}
		// Its time is over, and it is being closed.
	}
	return nil
}

// keep has x wait for the next message, or closes it where it was used for long enough.
func (s *Server) keep(x *session) {
	if s.room == nil || x.sent >= sessionMost || time.Since(x.since) > sessionTime {
		x.quit()
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	x.end = time.AfterFunc(keepTime, func() {
		s.mutex.Lock()
		s.idle = slices.DeleteFunc(s.idle, func(i *session) bool { return i == x })
		s.mutex.Unlock()
		x.quit()
	})
	s.idle = append(s.idle, x)
}

// Close ends the connections that wait for a message. Those that come afterwards make new ones.
func (s *Server) Close() {
	for x := s.kept(); x != nil; x = s.kept() {
		x.quit()
	}
}

// drop is Close for connections that are probably dead.
func (s *Server) drop() {
	for x := s.kept(); x != nil; x = s.kept() {
		x.conn.Close()
	}
}

// quit ends a session politely, for which the server has a second: what was sent is sent, whatever comes of this.
func (x *session) quit() {
	x.conn.SetDeadline(time.Now().Add(quitTimeout))
	x.client.Quit()
	x.conn.Close()
}
