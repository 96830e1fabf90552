// Package sms says notifications as short messages, through a provider's HTTP interface: Twilio, OVHcloud, or any
// other that takes a number and a text (generic). What is sent is a Notification's Short: one message of the
// alphabet of telephones.
package sms

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/gsm"
	"vigie/internal/provider"
)

// Config is an account with a provider. Which fields it needs is the provider's; see each.
type Config struct {
	Provider string // twilio, ovh, generic
	URL      string // twilio, ovh: "" is the provider's own; generic: where to, with {to} {text} {from} {id} {user} {secret}
	Account  string // twilio: the account's SID, AC…
	User     string // twilio: an API key's SID, SK…, "" is Account; ovh: application key; generic: name
	Secret   string // twilio: auth token, or the API key's secret; ovh: application secret; generic: password or token
	Consumer string // ovh: consumer key
	Service  string // twilio: messaging service's SID, MG…; ovh: the SMS account, sms-ab12345-1
	From     string // sender: a number or a name; twilio: instead of Service; ovh: "" is a short number that can be answered

	Validity time.Duration // a message that could not be delivered for so long is dropped; 0: 15 minutes; 1 minute to 10 hours

	// Of generic alone. Values may have the same words in braces as URL.
	Method   string            // "": POST, or GET where there are no Fields
	Format   string            // of the body: json, form; "": json
	Fields   map[string]string // of the body, by name; {to}, {text} …
	Headers  map[string]string
	Auth     string // "", basic (User and Secret), bearer (Secret)
	Accepted string // what an answer has in it when the message was taken; "": any 2xx is enough

	Post provider.PostConfig
}

// Channel is a notice.Notifier. A destination is a number in international form: +33612345678.
type Channel struct {
	gateway gateway
}

// gateway sends a text to a number.
type gateway interface {
	send(ctx context.Context, m message) (provider.Receipt, error)
}

type message struct {
	id, to, text string
	ucs2         bool
}

const (
	usualValidity = 15 * time.Minute
	maxValidity   = 10 * time.Hour // Twilio's
)

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	if c.Validity == 0 {
		c.Validity = usualValidity
	}
	if c.Validity < time.Minute || c.Validity > maxValidity {
		return nil, fmt.Errorf("validity: %s is not between 1m and %s", c.Validity, maxValidity)
	}
	c.Post.Secrets = append([]string{c.Secret, c.Consumer}, c.Post.Secrets...)
	var p gateway
	var err error
	switch c.Provider {
	case "twilio":
		p, err = newTwilio(c)
	case "ovh":
		p, err = newOVH(c)
	case "generic":
		p, err = newGeneric(c)
	default:
		err = fmt.Errorf("provider: %q is none of twilio, ovh, generic", c.Provider)
	}
	if err != nil {
		return nil, err
	}
	return &Channel{p}, nil
}

// Notify sends n's Short once.
func (c *Channel) Notify(ctx context.Context, to string, n *notice.Notification) (provider.Receipt, error) {
	number, err := Number(to)
	if err != nil {
		return provider.Receipt{}, &provider.Failure{Certainty: provider.Permanent, Reason: provider.ReasonUnknown, Err: err}
	}
	n = notice.Clean(n)
	text := n.Short
	if text == "" {
		text = gsm.Cut(gsm.Fold(n.Title), gsm.Single)
	}
	_, ucs2 := gsm.Segments(text)
	return c.gateway.send(ctx, message{n.ID, number, text, ucs2})
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// Number is a telephone's number as providers take it, from one as people write it: spaces, points, hyphens and
// parentheses are taken out, 00 becomes +. A national number is refused: nothing here knows the country.
func Number(text string) (string, error) {
	n := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" .-()\u00a0\u202f", r) {
			return -1
		}
		return r
	}, text)
	if rest, ok := strings.CutPrefix(n, "00"); ok {
		n = "+" + rest
	}
	if !e164.MatchString(n) {
		return "", errors.New("to: not a telephone number in international form, as +33612345678")
	}
	return n, nil
}

// sender checks a From: a number, or a name as French operators let it pass.
func sender(field, from string) error {
	if e164.MatchString(from) || regexp.MustCompile(`^[0-9]{3,8}$`).MatchString(from) {
		return nil
	}
	if !regexp.MustCompile(`^[A-Za-z0-9]{1,11}$`).MatchString(from) || regexp.MustCompile(`^[0-9]+$`).MatchString(from) {
		return fmt.Errorf("%s: neither a number nor a name of at most 11 letters and digits without accents", field)
	}
	return nil
}
