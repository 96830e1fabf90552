// Package email tells viewers by mail, through the house's own SMTP server: one message each, text and HTML, with what
// mail systems ask of those who write to many (RFC 2369 and 8058 List-Unsubscribe, RFC 3834 Auto-Submitted).
//
// A message that is tried again is the same message: its Message-ID and Date are the message's own. All that is said of
// a crisis refers to one Message-ID of the crisis', so that it is one thread. Connections are kept for the next person.
//
// For one click to unsubscribe to count, the house's server must sign with DKIM both List-Unsubscribe headers (RFC 8058).
package email

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/mail"
	"vigie/runbooks/channel"
)

// Config is how viewers are written to.
type Config struct {
	Server  mail.Config // its Sessions, 0: 4
	ReplyTo string      // address of those who answer viewers; "": From
}

// Channel is a channel.Channel. A recipient is one mail address.
type Channel struct {
	server *mail.Server
	reply  string
}

const usualSessions = 4

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	if c.Server.Sessions == 0 {
		c.Server.Sessions = usualSessions
	}
	server, err := mail.New(c.Server)
	if err != nil {
		return nil, fmt.Errorf("server.%w", err)
	}
	reply := ""
	if c.ReplyTo != "" {
		a, err := mail.Address(c.ReplyTo)
		if err != nil {
			return nil, fmt.Errorf("reply_to: %w", err)
		}
		reply = a.String()
	}
	return &Channel{server, reply}, nil
}

// Send tells m once. Only the server's 250 after the message makes it told. It waits for a connection, as long as ctx
// allows.
func (c *Channel) Send(ctx context.Context, to string, m *channel.Message) (provider.Receipt, error) {
	fail := func(reason provider.Reason, err error) (provider.Receipt, error) {
		return provider.Receipt{}, &provider.Failure{Certainty: provider.Permanent, Reason: reason, Err: err}
	}
	recipient, err := mail.Address(to)
	if err != nil {
		return fail(provider.ReasonUnknown, fmt.Errorf("to: %w", err))
	}
	l := mail.Letter{
		To: recipient, Subject: m.Subject, ID: m.ID, Date: m.At, Text: m.Text, HTML: m.HTML,
		Header: map[string]string{
			"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "Content-Language": m.Lang, "Reply-To": c.reply,
			"X-Vigie-Id": m.ID, "X-Vigie-Crisis": m.Thread, "X-Vigie-Step": m.Step, "X-Vigie-Drill": strconv.FormatBool(m.Drill),
		},
	}
	if !m.NextBy.IsZero() {
		l.Header["X-Vigie-Next-By"] = m.NextBy.UTC().Format(time.RFC3339)
	}
	if m.Thread != "" {
		l.Thread = "crisis-" + m.Thread
	}
	if m.Unsubscribe != "" {
		web, err := unsubscribe(m.Unsubscribe)
		if err != nil {
			return fail(provider.ReasonConfig, err)
		}
		if l.Header["List-Unsubscribe"] = "<" + m.Unsubscribe + ">"; web {
			l.Header["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
		}
	}
	message, err := c.server.Write(l)
	if err != nil {
		return fail(provider.ReasonConfig, fmt.Errorf("write the message: %w", err))
	}
	return c.server.Deliver(ctx, to, message)
}

// Close ends the connections that wait for the next person.
func (c *Channel) Close() { c.server.Close() }

// unsubscribe checks an address to unsubscribe at: https, where one click does it, http or mailto.
func unsubscribe(text string) (oneClick bool, err error) {
	if rest, ok := strings.CutPrefix(text, "mailto:"); ok {
		to, _, _ := strings.Cut(rest, "?")
		if _, err := mail.Address(to); err == nil && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }) {
			return false, nil
		}
	} else if provider.Link(text) != "" {
		u, err := url.Parse(text)
		return err == nil && u.Scheme == "https", nil
	}
	return false, errors.New("unsubscribe: neither a link nor mailto: and an address")
}
