// Package email says notifications by mail, through the room's own SMTP server.
//
// SMTP has no way to know whether a message was taken when the connection is lost between its last dot and the answer
// (RFC 1047): that is Ambiguous, and a message that is tried again has the Message-ID of the first, by which many
// mail systems drop the second. All that is said of a problem refers to one Message-ID of the problem's, so that
// it is one thread.
package email

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"vigie/alerts/notice"
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
}

// Channel is a notice.Notifier. A destination is one mail address.
type Channel struct {
	c    Config
	from *mail.Address
	host string // of from
}

const (
	connectTimeout = 5 * time.Second
	quitTimeout    = time.Second
)

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
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
	from, err := address(c.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	_, host, _ := strings.Cut(from.Address, "@")
	if c.Helo == "" {
		c.Helo = host
	}
	if !regexp.MustCompile(`^[A-Za-z0-9.:\[\]-]{1,255}$`).MatchString(c.Helo) {
		return nil, errors.New("helo: not a machine's name")
	}
	return &Channel{c, from, host}, nil
}

// address reads one address, with or without a name.
func address(text string) (*mail.Address, error) {
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

// Notify sends n once. Only an answer of 250 after the message makes it sent; its text is in the receipt.
func (c *Channel) Notify(ctx context.Context, to string, n *notice.Notification) (provider.Receipt, error) {
	recipient, err := address(to)
	if err != nil {
		return provider.Receipt{}, c.fail(provider.Permanent, provider.ReasonUnknown, "to: %v", err)
	}
	message, err := c.compose(recipient, n)
	if err != nil {
		return provider.Receipt{}, c.fail(provider.Permanent, provider.ReasonConfig, "write the message: %v", err)
	}
	conn, err := c.dial(ctx)
	if err != nil {
		return provider.Receipt{}, c.fail(provider.Temporary, provider.ReasonUnreachable, "no connection: %v", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	client, err := smtp.NewClient(conn, c.c.Host)
	if err != nil {
		return provider.Receipt{}, c.judge(greeting, err)
	}
	client.SkipSMTPUTF8(true) // addresses are ASCII: no server on the way need know more
	if err := client.Hello(c.c.Helo); err != nil {
		return provider.Receipt{}, c.judge(greeting, err)
	}
	if f := c.secure(client); f != nil {
		return provider.Receipt{}, f
	}
	if err := client.Mail("<" + c.from.Address + ">"); err != nil {
		return provider.Receipt{}, c.judge(sender, err)
	}
	if err := client.Rcpt("<" + recipient.Address + ">"); err != nil {
		return provider.Receipt{}, c.judge(rcpt, err)
	}
	w, err := client.Data()
	if err != nil {
		return provider.Receipt{}, c.judge(data, err)
	}
	if _, err := w.Write(message); err != nil {
		return provider.Receipt{}, c.judge(data, err) // there was no dot: it cannot have been taken
	}
	if err := w.Close(); err != nil {
		return provider.Receipt{}, c.judge(dot, err)
	}
	answer := ""
	if d, ok := w.(*smtp.DataCloser); ok {
		answer = d.ServerResponse()
	}
	conn.SetDeadline(time.Now().Add(quitTimeout))
	client.Quit() // it is sent, whatever comes of this
	return provider.Receipt{ID: queued(answer), Text: c.hide("250 "+answer, 200)}, nil
}

func (c *Channel) dial(ctx context.Context) (net.Conn, error) {
	d := &net.Dialer{Timeout: connectTimeout}
	at := net.JoinHostPort(c.c.Host, strconv.Itoa(c.c.Port))
	if c.c.TLS == Implicit {
		ctx, cancel := context.WithTimeout(ctx, 2*connectTimeout)
		defer cancel()
		return (&tls.Dialer{NetDialer: d, Config: c.tls()}).DialContext(ctx, "tcp", at)
	}
	return d.DialContext(ctx, "tcp", at)
}

func (c *Channel) tls() *tls.Config {
	return &tls.Config{ServerName: c.c.Host, MinVersion: tls.VersionTLS12, RootCAs: c.c.Roots}
}

// secure encrypts the connection as configured, and signs in.
func (c *Channel) secure(client *smtp.Client) error {
	offered, _ := client.Extension("STARTTLS")
	if c.c.TLS == StartTLS && !offered {
		return c.fail(provider.Permanent, provider.ReasonConfig, "the server offers no STARTTLS, which tls: starttls requires")
	}
	encrypted := c.c.TLS == Implicit
	if offered && (c.c.TLS == StartTLS || c.c.TLS == Opportunistic) {
		if err := client.StartTLS(c.tls()); err != nil {
			return c.judge(starttls, err)
		}
		encrypted = true
	}
	if c.c.User == "" {
		return nil
	}
	if !encrypted && !provider.Loopback(c.c.Host) {
		return c.fail(provider.Permanent, provider.ReasonConfig, "the server offers no STARTTLS: the password is not sent for all to read")
	}
	_, text := client.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(text))
	has := func(m string) bool {
		for _, have := range mechanisms {
			if have == m {
				return true
			}
		}
		return false
	}
	var a smtp.Auth
	switch {
	case has("SCRAM-SHA-256"):
		a = smtp.ScramSHA256Auth(c.c.User, c.c.Secret)
	case has("PLAIN"):
		a = smtp.PlainAuth("", c.c.User, c.c.Secret, c.c.Host, true) // what may be unencrypted was decided above
	case has("LOGIN"):
		a = smtp.LoginAuth(c.c.User, c.c.Secret, c.c.Host, true)
	default:
		return c.fail(provider.Permanent, provider.ReasonConfig, "the server offers none of SCRAM-SHA-256, PLAIN, LOGIN to sign in, but %q", text)
	}
	if err := client.Auth(a); err != nil {
		return c.judge(auth, err)
	}
	return nil
}

// judge is what an error means at a stage: the server's own words by their code, else how far the try came.
func (c *Channel) judge(s stage, err error) error {
	reply, ok := errors.AsType[*textproto.Error](err)
	if !ok || reply.Code < 400 || reply.Code > 599 {
		reason := provider.ReasonServer
		if net, ok := errors.AsType[net.Error](err); ok && net.Timeout() {
			reason = provider.ReasonTimeout
		}
		if s == dot {
			if !ok {
				reason = provider.ReasonTimeout
			}
			return c.fail(provider.Ambiguous, reason, "%s: %v", s, err)
		}
		return c.fail(provider.Temporary, provider.ReasonUnreachable, "%s: %v", s, err)
	}
	certainty, reason := provider.Permanent, provider.ReasonRefused
	if reply.Code < 500 {
		certainty, reason = provider.Temporary, provider.ReasonServer
	}
	switch {
	case s == auth, reply.Code == 530, reply.Code == 534, reply.Code == 535, reply.Code == 538:
		reason = provider.ReasonAuth
	case reply.Code == 452:
		reason = provider.ReasonRate
	case s == rcpt && (reply.Code == 550 || reply.Code == 551 || reply.Code == 553 || reply.Code == 556):
		reason = provider.ReasonUnknown
	}
	return c.fail(certainty, reason, "%s it answered %d %s", s, reply.Code, reply.Msg)
}

func (c *Channel) fail(certainty provider.Certainty, reason provider.Reason, format string, args ...any) *provider.Failure {
	return &provider.Failure{Certainty: certainty, Reason: reason, Err: errors.New(c.hide(fmt.Sprintf(format, args...), 400))}
}

func (c *Channel) hide(text string, limit int) string {
	if len(c.c.Secret) >= 4 {
		text = strings.ReplaceAll(text, c.c.Secret, "…")
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

// compose is the message as it goes over the wire.
func (c *Channel) compose(to *mail.Address, n *notice.Notification) ([]byte, error) {
	n = notice.Clean(n)
	m := gomail.NewMsg(gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(c.from)
	m.ToMailAddress(to)
	m.Subject(n.Title)
	m.SetDateWithValue(date(n.At))
	m.SetMessageIDWithValue(c.messageID(n))
	if n.Problem != "" && n.Kind != notice.Test && n.Kind != notice.Heartbeat {
		m.SetGenHeader(gomail.HeaderInReplyTo, c.thread(n))
		m.SetGenHeader(gomail.HeaderReferences, c.thread(n))
	}
	for name, value := range map[string]string{
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "X-Mailer": "Vigie",
		"X-Vigie-Id": n.ID, "X-Vigie-Problem": n.Problem, "X-Vigie-Kind": provider.Line(string(n.Kind), 20), "X-Vigie-Severity": provider.Line(string(n.Severity), 20), "X-Vigie-Drill": strconv.FormatBool(n.Drill), "X-Vigie-Repeat": strconv.FormatBool(n.Repeat),
	} {
		if value != "" {
			m.SetGenHeader(gomail.Header(name), value)
		}
	}
	if n.Severity == notice.Critical && n.Kind != notice.Resolved {
		m.SetImportance(gomail.ImportanceHigh)
	}
	page, err := page(n)
	if err != nil {
		return nil, err
	}
	m.SetBodyString(gomail.TypeTextPlain, plain(n))
	m.AddAlternativeString(gomail.TypeTextHTML, page)
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// date is when it was decided to be said: the same when it is tried again.
func date(at time.Time) time.Time {
	if at.Year() < 1970 || at.Year() > 9999 {
		return time.Unix(0, 0).UTC()
	}
	return at
}

// messageID is stable: of a saying, its ID's.
func (c *Channel) messageID(n *notice.Notification) string {
	if n.ID == "" {
		return digest("saying", n.Problem, n.Title, n.At.String()) + "@" + c.host
	}
	return n.ID + "@" + c.host
}

// thread is the Message-ID that all that is said of a problem refers to. No message has it: clients join what
// refers to the same, and the first may have gone to somebody else.
func (c *Channel) thread(n *notice.Notification) string {
	return "<" + digest("problem", n.Problem) + "@" + c.host + ">"
}

func digest(of string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return of + "-" + hex.EncodeToString(sum[:12])
}
