// Package sms hands short messages to a provider's HTTP interface: Twilio (docs: Messages resource), OVHcloud (docs:
// API SMS), or any other that takes a number and a text (generic). What is sent is the text as it is given: a text's
// alphabet and cost are package gsm's.
package sms

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"vigie/internal/gsm"
	"vigie/internal/provider"
)

// Config is an account with a provider. Which fields it needs is the provider's; see each.
type Config struct {
	Provider string // twilio, ovh, generic
	URL      string // twilio, ovh: "" is the provider's own; generic: where to, with {to} {text} {from} {id} {user} {secret} {callback}
	Account  string // twilio: the account's SID, AC…
	User     string // twilio: an API key's SID, SK…, "" is Account; ovh: application key; generic: name
	Secret   string // twilio: auth token, or the API key's secret; ovh: application secret; generic: password or token
	Consumer string // ovh: consumer key
	Service  string // twilio: messaging service's SID, MG…; ovh: the SMS account, sms-ab12345-1
	From     string // sender: a number or a name; twilio: instead of Service; ovh: "" is a short number that can be answered

	Validity time.Duration // a message that could not be delivered for so long is dropped; 0: 15 minutes; 1 minute to 10 hours

	// Callback is where the provider is asked to report what became of a message, with ?id= and our id behind it;
	// "": nowhere. ovh knows no such thing for a single message: there it is a setting of the account.
	Callback string

	// Of generic alone. Values may have the same words in braces as URL.
	Method   string            // "": POST, or GET where there are no Fields
	Format   string            // of the body: json, form; "": json
	Fields   map[string]string // of the body, by name; {to}, {text} …
	Headers  map[string]string
	Auth     string // "", basic (User and Secret), bearer (Secret)
	Accepted string // what an answer has in it when the message was taken; "": any 2xx is enough
	Answer   string // where a JSON answer has the provider's id, as messages.0.id; "": it is not read

	Post provider.PostConfig
}

// Gateway is a provider's account. It is safe for concurrent use.
type Gateway struct{ to sender }

// sender is how one provider is spoken to.
type sender interface {
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
func New(c Config) (*Gateway, error) {
	if c.Validity == 0 {
		c.Validity = usualValidity
	}
	if c.Validity < time.Minute || c.Validity > maxValidity {
		return nil, fmt.Errorf("validity: %s is not between 1m and %s", c.Validity, maxValidity)
	}
	if c.Callback != "" {
		if err := provider.CheckURL("callback", c.Callback, false); err != nil {
			return nil, err
		}
		if strings.Contains(c.Callback, "?") {
			return nil, errors.New("callback: ends before the question mark")
		}
	}
	c.Post.Secrets = append([]string{c.Secret, c.Consumer}, c.Post.Secrets...)
	var p sender
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
	return &Gateway{p}, nil
}

// Send hands text over once. id is ours of it, the same for each try: a-z, 0-9, '-'. A number that is none is a
// Permanent failure.
func (g *Gateway) Send(ctx context.Context, id, to, text string) (provider.Receipt, error) {
	number, err := Number(to)
	if err != nil {
		return provider.Receipt{}, &provider.Failure{Certainty: provider.Permanent, Reason: provider.ReasonUnknown, Err: err}
	}
	_, ucs2 := gsm.Segments(text)
	return g.to.send(ctx, message{id, number, text, ucs2})
}

// callback is where one message's reports go; "": nowhere.
func callback(base, id string) string {
	if base == "" {
		return ""
	}
	return base + "?id=" + url.QueryEscape(id)
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
