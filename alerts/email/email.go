// Package email says notifications by mail, through the room's own SMTP server.
//
// A message that is tried again has the Message-ID of the first, by which many mail systems drop the second. All that
// is said of a problem refers to one Message-ID of the problem's, so that it is one thread.
package email

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"strconv"
	"strings"

	"vigie/alerts/notice"
	"vigie/internal/provider"
	smtp "vigie/internal/provider/mail"
)

// Config is an SMTP server.
type Config = smtp.Config

// TLS is how the connection is encrypted.
type TLS = smtp.TLS

const (
	StartTLS      = smtp.StartTLS
	Implicit      = smtp.Implicit
	Opportunistic = smtp.Opportunistic
	None          = smtp.None
)

// Channel is a notice.Notifier. A destination is one mail address.
type Channel struct{ server *smtp.Server }

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	server, err := smtp.New(c)
	if err != nil {
		return nil, err
	}
	return &Channel{server}, nil
}

// Notify sends n once. Only an answer of 250 after the message makes it sent; its text is in the receipt.
func (c *Channel) Notify(ctx context.Context, to string, n *notice.Notification) (provider.Receipt, error) {
	fail := func(reason provider.Reason, err error) error {
		return &provider.Failure{Certainty: provider.Permanent, Reason: reason, Err: err}
	}
	recipient, err := smtp.Address(to)
	if err != nil {
		return provider.Receipt{}, fail(provider.ReasonUnknown, fmt.Errorf("to: %w", err))
	}
	message, err := c.compose(recipient, n)
	if err != nil {
		return provider.Receipt{}, fail(provider.ReasonConfig, fmt.Errorf("write the message: %w", err))
	}
	return c.server.Deliver(ctx, to, message)
}

// compose is the message as it goes over the wire.
func (c *Channel) compose(to *mail.Address, n *notice.Notification) ([]byte, error) {
	n = notice.Clean(n)
	page, err := page(n)
	if err != nil {
		return nil, err
	}
	l := smtp.Letter{To: to, Subject: n.Title, ID: messageID(n), Date: n.At, Text: plain(n), HTML: page, Important: n.Severity == notice.Critical && n.Kind != notice.Resolved,
		Header: map[string]string{
			"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "X-Mailer": "Vigie",
			"X-Vigie-Id": n.ID, "X-Vigie-Problem": n.Problem, "X-Vigie-Kind": provider.Line(string(n.Kind), 20), "X-Vigie-Severity": provider.Line(string(n.Severity), 20), "X-Vigie-Drill": strconv.FormatBool(n.Drill), "X-Vigie-Repeat": strconv.FormatBool(n.Repeat),
		}}
	if n.Problem != "" && n.Kind != notice.Test && n.Kind != notice.Heartbeat {
		l.Thread = thread(n)
	}
	return c.server.Write(l)
}

// messageID is stable: of a saying, its ID's.
func messageID(n *notice.Notification) string {
	if n.ID == "" {
		return digest("saying", n.Problem, n.Title, n.At.String())
	}
	return n.ID
}

// thread is the Message-ID that all that is said of a problem refers to. No message has it: clients join what
// refers to the same, and the first may have gone to somebody else.
func thread(n *notice.Notification) string { return digest("problem", n.Problem) }

func digest(of string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return of + "-" + hex.EncodeToString(sum[:12])
}
