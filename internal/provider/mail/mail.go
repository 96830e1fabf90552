// Package mail hands messages to the house's own SMTP server, and writes them by the standards.
//
// SMTP has no way to know whether a message was taken when the connection is lost between its last dot and the answer
// (RFC 1047): that alone is Ambiguous. A message that is tried again should have the Message-ID of the first, by which
// many mail systems drop the second.
//
// Where Config.Sessions is set, connections are kept and serve one message after the other, each as long as it lives.
// One that died in between is found at MAIL FROM, before anything was said, and is replaced by a new one.
package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"sync"
	"time"

	"vigie/internal/provider"
)

// TLS is how the connection is encrypted.
type TLS string

const (
	StartTLS      TLS = "starttls"      // STARTTLS is required; what New takes for ""
	Implicit      TLS = "implicit"      // from the first byte
	Opportunistic TLS = "opportunistic" // STARTTLS where the server offers it; a password is sent only if it does
	None          TLS = "none"          // for a server on this machine alone
)

// Config is an SMTP server.
type Config struct {
	Host   string
	Port   int    // 0: 587, or 465 for implicit
	User   string // "": no authentication
	Secret string // password
	TLS    TLS
	From   string // Vigie <vigie@example.com>
	Helo   string // the name that this machine says; "": the domain of From
	Roots  *x509.CertPool

	Sessions int // connections that are open at a time, and kept for 20 s; 0: one for each message, however many; at most 100
}

// Server is the house's SMTP server. It is safe for concurrent use.
type Server struct {
	c    Config
	from *mail.Address
	host string // of from

	room chan struct{} // holds one for each session in use; nil: each message has its own connection

	mutex sync.Mutex
	idle  []*session // the last used last
}

const (
	connectTimeout = 5 * time.Second
	quitTimeout    = time.Second
	wakeTimeout    = 5 * time.Second  // of a kept connection's first answer: a firewall may have forgotten it
	keepTime       = 20 * time.Second // that a connection waits for the next message
	sessionTime    = 5 * time.Minute  // that one is used at all, as Postfix does
	sessionMost    = 100              // messages over one: servers have bounds of their own
	maxSessions    = 100
)

var machine = regexp.MustCompile(`^[A-Za-z0-9.:\[\]-]{1,255}$`)

// New checks c. Its errors name the field.
func New(c Config) (*Server, error) {
	if c.Host == "" || strings.ContainsFunc(c.Host, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
		return nil, errors.New("host: not a server's name, as smtp.example.com")
	}
	switch c.TLS {
	case "":
		c.TLS = StartTLS
	case StartTLS, Implicit, Opportunistic:
	case None:
		if !provider.Loopback(c.Host) {
			return nil, errors.New("tls: none is for a server on this machine: use starttls or implicit")
		}
	default:
		return nil, fmt.Errorf("tls: %q is none of starttls, implicit, opportunistic, none", c.TLS)
	}
	if c.Port == 0 {
		if c.Port = 587; c.TLS == Implicit {
			c.Port = 465
		}
	}
	if c.Port < 1 || c.Port > 65535 {
		return nil, fmt.Errorf("port: %d is none", c.Port)
	}
	if (c.User == "") != (c.Secret == "") {
		return nil, errors.New("secret: user and secret go together")
	}
	if c.Sessions < 0 || c.Sessions > maxSessions {
		return nil, fmt.Errorf("sessions: %d is not between 0 and %d", c.Sessions, maxSessions)
	}
	from, err := Address(c.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	_, host, _ := strings.Cut(from.Address, "@")
	if c.Helo == "" {
		c.Helo = host
	}
	if !machine.MatchString(c.Helo) {
		return nil, errors.New("helo: not a machine's name")
	}
	s := &Server{c: c, from: from, host: host}
	if c.Sessions > 0 {
		s.room = make(chan struct{}, c.Sessions)
	}
	return s, nil
}

// Host is the domain of the sender, for Message-IDs.
func (s *Server) Host() string { return s.host }

// Address reads one address, with or without a name.
func Address(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || len(a.Address) > 254 || strings.ContainsFunc(a.Address, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>"(),;:\`, r) }) {
		return nil, errors.New("not a mail address, as vigie@example.com")
	}
	a.Name = provider.Line(a.Name, 100)
	return a, nil
}

// stage is how far a try came, for what its failure means.
type stage string

const (
	greeting stage = "at its greeting"
	starttls stage = "at STARTTLS"
	auth     stage = "at authentication"
	sender   stage = "at the sender"
	rcpt     stage = "at the recipient"
	data     stage = "at the message"
	dot      stage = "after the message" // from here on it may have been taken
)

// Deliver hands message over once, for one recipient: a mail address, with or without a name. Only an answer of 250
// after the message makes it delivered; its text is in the receipt, with the server's own id where it tells one.
//
// It waits for a session, as long as ctx allows. With ctx's end the connection is given up, at whatever step.
func (s *Server) Deliver(ctx context.Context, to string, message []byte) (provider.Receipt, error) {
	recipient, err := Address(to)
	if err != nil {
		return provider.Receipt{}, s.fail(provider.Permanent, provider.ReasonUnknown, "to: %v", err)
	}
	if s.room != nil {
		select {
		case s.room <- struct{}{}:
			defer func() { <-s.room }()
		case <-ctx.Done():
			return provider.Receipt{}, s.fail(provider.Temporary, provider.ReasonTimeout, "all %d connections are in use", s.c.Sessions)
		}
	}
	if x := s.kept(); x != nil {
		if r, f, dead := s.over(ctx, x, recipient.Address, message); !dead {
			return r, orNil(f)
		}
		s.drop() // the others waited longer than this one
	}
	x, f := s.open(ctx)
	if f != nil {
		return provider.Receipt{}, f
	}
	r, f, _ := s.over(ctx, x, recipient.Address, message)
	return r, orNil(f)
}

// orNil keeps a nil pointer from becoming an error that is not nil.
func orNil(f *provider.Failure) error {
	if f == nil {
		return nil
	}
	return f
}

// over hands a message over one session, and keeps or closes it. dead: it had been kept too long, and nothing was said.
func (s *Server) over(ctx context.Context, x *session, to string, message []byte) (r provider.Receipt, f *provider.Failure, dead bool) {
	kept := x.sent > 0
	stop := x.obey(ctx)
	answer, at, err := x.say(ctx, s.from.Address, to, message)
	x.sent++
	if err == nil {
		if stop() {
			s.keep(x)
		} else {
			x.conn.Close()
		}
		return provider.Receipt{ID: queued(answer), Text: s.hide("250 "+answer, 200)}, nil, false
	}
	reply, said := errors.AsType[*textproto.Error](err)
	if kept && at == sender && ctx.Err() == nil && (!said || reply.Code == 421) {
		stop()
		x.conn.Close()
		return r, nil, true
	}
	// A recipient that the server does not take is one person's: the next message is another's.
	if said && at == rcpt && reply.Code != 421 && s.room != nil && x.client.Reset() == nil && stop() {
		s.keep(x)
	} else {
		stop()
		x.conn.Close()
	}
	return r, s.judge(at, err), false
}

// judge is what an error means at a stage: the server's own words by their code, else how far the try came.
func (s *Server) judge(at stage, err error) *provider.Failure {
	reply, ok := errors.AsType[*textproto.Error](err)
	if !ok || reply.Code < 400 || reply.Code > 599 {
		reason := provider.ReasonServer
		if !ok {
			reason = provider.ReasonTimeout
		}
		if at == dot {
			return s.fail(provider.Ambiguous, reason, "%s: %v", at, err)
		}
		return s.fail(provider.Temporary, provider.ReasonUnreachable, "%s: %v", at, err)
	}
	certainty, reason := provider.Permanent, provider.ReasonRefused
	if reply.Code < 500 {
		certainty, reason = provider.Temporary, provider.ReasonServer
	}
	switch {
	case at == auth, reply.Code == 530, reply.Code == 534, reply.Code == 535, reply.Code == 538:
		reason = provider.ReasonAuth
	case reply.Code == 452:
		reason = provider.ReasonRate
	case at == rcpt && (reply.Code == 550 || reply.Code == 551 || reply.Code == 553 || reply.Code == 556):
		reason = provider.ReasonUnknown
	}
	return s.fail(certainty, reason, "%s it answered %d %s", at, reply.Code, reply.Msg)
}

func (s *Server) fail(certainty provider.Certainty, reason provider.Reason, format string, args ...any) *provider.Failure {
	return &provider.Failure{Certainty: certainty, Reason: reason, Err: errors.New(s.hide(fmt.Sprintf(format, args...), 400))}
}

func (s *Server) hide(text string, limit int) string {
	if len(s.c.Secret) >= 4 {
		text = strings.ReplaceAll(text, s.c.Secret, "…")
	}
	return provider.Line(text, limit)
}

var queueID = regexp.MustCompile(`(?i)queued as ([0-9A-Za-z.-]{1,60})`)

// queued is the id by which the server's log knows the message, as far as it tells.
func queued(answer string) string {
	if m := queueID.FindStringSubmatch(answer); m != nil {
		return m[1]
	}
	return ""
}
