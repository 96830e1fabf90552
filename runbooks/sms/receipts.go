package sms

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/sms"
	"vigie/runbooks/channel"
)

// Receipts is how a provider reports what became of messages; the zero value: it does not, and whatever comes is
// refused. What the provider calls things is configured where it is no fixed part of its interface.
type Receipts struct {
	// Secret is what makes a report the provider's. twilio: the account's auth token, with which it signs; "" is the
	// gateway's secret, where that is no API key's. ovh, generic: a token of at least 16 characters that each
	// report has in Header, or as the last part of its path.
	Secret string
	Header string // ovh: ""; generic: the header's name; in Authorization, behind Bearer

	// Fields of a report, in the body (JSON or a form) or in the address; in JSON a path, as status.name. twilio has its own.
	List    string // generic: where a JSON body has a list of reports; "": it is one, or a list itself
	Message string // our id, as "id" with {callback}; "": it is not told
	Receipt string // the provider's; ovh: "id"; generic: needs the gateway's answer
	State   string // ovh: "ptt"
	Time    string // RFC 3339 or seconds or milliseconds since 1970; "": it is not told
	Text    string // more words; "": none

	// Values of State; what is in neither is not the end of a message, and is not reported. ovh: its codes are the
	// account's to look up, for they are not published.
	Delivered, Failed []string
}

const (
	minToken   = 16
	maxReports = 10_000 // of one request
	maxField   = 200    // characters
)

func (c *Receipts) check(g sms.Config) error {
	if g.Provider == "twilio" {
		if g.Callback == "" {
			return nil
		}
		if c.Secret == "" {
			if g.User != "" && g.User != g.Account {
				return errors.New("secret: missing: reports are signed with the account's auth token, not with an API key's secret")
			}
			c.Secret = g.Secret
		}
		return nil
	}
	if c.Secret == "" {
		return nil
	}
	if len(c.Secret) < minToken {
		return fmt.Errorf("secret: shorter than %d characters", minToken)
	}
	if strings.Contains(c.Secret, "/") && c.Header == "" {
		return errors.New("secret: a part of a path has no / in it")
	}
	if err := provider.CheckHeaders("header", map[string]string{cmp.Or(c.Header, "X"): ""}); err != nil {
		return err
	}
	if g.Provider == "ovh" {
		c.Receipt, c.State = cmp.Or(c.Receipt, "id"), cmp.Or(c.State, "ptt")
	}
	switch {
	case c.Message == "" && c.Receipt == "":
		return errors.New("receipt: whose report is it? Name the field with our id (message) or with the provider's (receipt)")
	case c.Message == "" && g.Provider == "generic" && g.Answer == "":
		return errors.New("receipt: the gateway's answer must tell the provider's id: set its answer")
	case c.State == "":
		return errors.New("state: missing: the field that tells what became of the message")
	case len(c.Delivered) == 0:
		return errors.New("delivered: missing: the values of state that say so")
	case len(c.Failed) == 0:
		return errors.New("failed: missing: the values of state that say so")
	}
	return nil
}

// Reports reads what the provider tells of messages. channel.ErrDenied: it is not the provider's.
func (c *Channel) Reports(r *http.Request, body []byte) ([]channel.Report, error) {
	if c.provider == "twilio" {
		return c.twilio(r, body)
	}
	if !c.receipts.known(r) {
		return nil, channel.ErrDenied
	}
	items, err := c.receipts.items(r, body)
	if err != nil {
		return nil, err
	}
	var out []channel.Report
	for _, field := range items {
		x := channel.Report{Text: line(field(c.receipts.Text)), At: moment(field(c.receipts.Time))}
		if id := field(c.receipts.Message); ours.MatchString(id) {
			x.ID = id
		}
		x.Receipt = line(field(c.receipts.Receipt))
		if x.ID == "" && x.Receipt == "" {
			return nil, errors.New("a report of no message: neither our id nor the provider's is in it")
		}
		state := field(c.receipts.State)
		switch {
		case slices.Contains(c.receipts.Delivered, state):
			x.State = channel.Delivered
		case slices.Contains(c.receipts.Failed, state):
			x.State = channel.Failed
		default:
			continue
		}
		if x.Text == "" {
			x.Text = line(state)
		}
		out = append(out, x)
	}
	return out, nil
}

var ours = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

func line(text string) string { return provider.Line(text, maxField) }

// known tells whether a request has the secret; digests are compared, so that not even its length shows.
func (c *Receipts) known(r *http.Request) bool {
	given := path.Base(r.URL.Path)
	if c.Header != "" {
		given = r.Header.Get(c.Header)
		if http.CanonicalHeaderKey(c.Header) == "Authorization" {
			given = strings.TrimPrefix(given, "Bearer ")
		}
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(c.Secret))
	return c.Secret != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// items are the reports of a request, each as what looks a field of it up.
func (c *Receipts) items(r *http.Request, body []byte) ([]func(name string) string, error) {
	query := r.URL.Query()
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
		form, err := url.ParseQuery(string(trimmed))
		if err != nil {
			return nil, errors.New("the body is neither JSON nor a form")
		}
		return []func(string) string{func(name string) string { return cmp.Or(form.Get(name), query.Get(name)) }}, nil
	}
	v, err := sms.Decode(body)
	if err != nil {
		return nil, errors.New("the body is no JSON that can be read")
	}
	if c.List != "" {
		if v = sms.At(v, c.List); v == nil {
			return nil, fmt.Errorf("the body has no %s", c.List)
		}
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) > maxReports {
		return nil, fmt.Errorf("more than %d reports at once", maxReports)
	}
	var out []func(string) string
	for _, one := range list {
		out = append(out, func(name string) string {
			if name == "" {
				return ""
			}
			return cmp.Or(sms.Text(sms.At(one, name)), query.Get(name))
		})
	}
	return out, nil
}

// moment reads a time; zero: there is none that can be read.
func moment(text string) time.Time {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC()
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || n <= 0 || n > 1<<50:
		return time.Time{}
	case n > 1<<36:
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}

// twilio reads a status callback (Twilio's docs: "Outbound message status in status callbacks"; "Webhooks security").
func (c *Channel) twilio(r *http.Request, body []byte) ([]channel.Report, error) {
	if c.callback == "" {
		return nil, channel.ErrDenied
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, channel.ErrDenied // what cannot be read cannot be checked
	}
	to := c.callback
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	given, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Twilio-Signature"))
	if err != nil || !hmac.Equal(given, twilioSignature(c.receipts.Secret, to, form)) {
		return nil, channel.ErrDenied
	}
	x := channel.Report{Receipt: line(form.Get("MessageSid"))}
	if id := r.URL.Query().Get("id"); ours.MatchString(id) {
		x.ID = id
	}
	if x.Receipt == "" {
		return nil, errors.New("a report without MessageSid")
	}
	switch x.Text = line(form.Get("MessageStatus")); x.Text {
	case "delivered", "read":
		x.State = channel.Delivered
	case "failed", "undelivered", "canceled":
		x.State = channel.Failed
	default: // accepted, queued, sending, sent: on its way
		return nil, nil
	}
	if code := form.Get("ErrorCode"); code != "" {
		x.Text = line(x.Text + ", error " + code)
	}
	return []channel.Report{x}, nil
}

// twilioSignature is the HMAC-SHA1, with the account's auth token, of the whole address that Twilio calls and each
// field of the form, name and value, in the order of the names.
func twilioSignature(token, to string, form url.Values) []byte {
	h := hmac.New(sha1.New, []byte(token))
	h.Write([]byte(to))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range slices.Compact(slices.Sorted(slices.Values(form[name]))) {
			h.Write([]byte(name + value))
		}
	}
	return h.Sum(nil)
}
