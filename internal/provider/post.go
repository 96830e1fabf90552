package provider

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds of what is said to a provider and heard of it.
const (
	connectTimeout = 5 * time.Second
	headerTimeout  = 20 * time.Second // from the request's last byte to the answer's first
	MaxAnswer      = 64 << 10         // bytes of an answer that are read
	minAfter       = time.Second
	maxAfter       = 15 * time.Minute
	maxReceipt     = 200 // characters of an answer that are kept
)

// PostConfig is what a Poster may need; its zero value is right for most.
type PostConfig struct {
	Proxy   *url.URL       // HTTP proxy on the way to the provider; nil: none
	Roots   *x509.CertPool // who signs its certificate; nil: the system's
	Secrets []string       // what no error and no receipt may tell, wherever it comes from
}

// Poster speaks HTTP to a provider. Where to is the operators' configuration, so that an address of this machine
// or of the network behind it is allowed: nothing that arrives from outside may choose a Poster's URL. It is
// safe for concurrent use.
//
// A connection serves one request. One that is kept may be closed by the other side at the moment in which it
// is written to, and then nobody knows what was heard; and Go's own client would say some requests again by
// itself. Every try is one request.
type Poster struct {
	client  *http.Client
	hide    []string // what is hidden and what is said instead, by turns
	secrets *strings.Replacer
}

// NewPoster makes a client that follows no redirect and asks for TLS 1.2.
func NewPoster(c PostConfig) *Poster {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: MaxAnswer,
		DisableKeepAlives:      true,
	}
	if c.Proxy != nil {
		t.Proxy = http.ProxyURL(c.Proxy)
	}
	client := &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return (&Poster{client: client}).Hiding(c.Secrets...)
}

// Hiding is the same client, for a request that has secrets of its own: it hides these too.
func (p *Poster) Hiding(secrets ...string) *Poster {
	hide := p.hide
	for _, s := range secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			if len(form) >= 4 {
				hide = append(hide[:len(hide):len(hide)], form, "…")
			}
		}
	}
	return &Poster{p.client, hide, strings.NewReplacer(hide...)}
}

// Request is one thing to say.
type Request struct {
	Method string // "": POST
	URL    string
	Header http.Header // Content-Type at least
	Body   []byte
}

// Answer is what a provider said to it.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most MaxAnswer
}

// Post says r once. The error is nil for a 2xx answer that was read; otherwise it is a *Failure:
//
//   - no connection (name, network, TLS, or the deadline before there was one): Temporary, unreachable
//   - the deadline, a reset or an answer that cannot be read, after there was one: Ambiguous, timeout
//   - an answer other than 2xx: see classify
//
// The Answer is there whenever a status was read, for channels whose provider says more in its words.
func (p *Poster) Post(ctx context.Context, r Request) (Answer, error) {
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, p.failure(Permanent, ReasonConfig, "make the request", err)
	}
	req.GetBody = nil // not to be said again by the client itself
	for name, values := range r.Header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", "Vigie")
	res, err := p.client.Do(req)
	if err != nil {
		if connected.Load() {
			return Answer{}, p.failure(Ambiguous, ReasonTimeout, "no answer", err)
		}
		return Answer{}, p.failure(Temporary, ReasonUnreachable, "no connection", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxAnswer))
	a := Answer{res.StatusCode, res.Header, body}
	if f := classify(a); f != nil {
		f.Err = p.errorf("answered %s", describe(a))
		return a, f
	}
	if err != nil {
		return a, p.failure(Ambiguous, ReasonTimeout, fmt.Sprintf("answered %d, and the rest was lost", a.Status), err)
	}
	return a, nil
}

// Fail is a failure of this provider's, in words from which its secrets are taken out.
func (p *Poster) Fail(c Certainty, r Reason, format string, args ...any) *Failure {
	return &Failure{Certainty: c, Reason: r, Err: p.errorf(format, args...)}
}

// Unreadable is the failure of a 2xx answer that is not what the provider documents: it may have been heard,
// or something on the way answered in its place.
func (p *Poster) Unreadable(a Answer) *Failure {
	return p.Fail(Ambiguous, ReasonServer, "answered %s, which is not what it documents", describe(a))
}

// Receipt is an answer as it is kept.
func (p *Poster) Receipt(id, text string) Receipt {
	return Receipt{ID: Line(p.secrets.Replace(id), maxReceipt), Text: Line(p.secrets.Replace(text), maxReceipt)}
}

func (p *Poster) errorf(format string, args ...any) error {
	return errors.New(Line(p.secrets.Replace(fmt.Sprintf(format, args...)), 2*maxReceipt))
}

// failure takes the URL out of the client's errors: it is a secret, for some.
func (p *Poster) failure(c Certainty, r Reason, what string, err error) *Failure {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return p.Fail(c, r, "%s: %v", what, err)
}

func describe(a Answer) string {
	if text := Line(string(a.Body), maxReceipt); text != "" {
		return fmt.Sprintf("%d: %s", a.Status, text)
	}
	return strconv.Itoa(a.Status)
}

// classify is what an answer means where the provider has no words of its own; nil: it took it. Its Err is to
// be filled in. A redirect is Permanent: a POST that is followed elsewhere becomes a GET, which says nothing.
func classify(a Answer) *Failure {
	f := &Failure{After: RetryAfter(a.Header)}
	switch s := a.Status; {
	case s >= 200 && s < 300:
		return nil
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable && f.After > 0:
		f.Certainty, f.Reason = Temporary, ReasonRate
	case s == http.StatusRequestTimeout, s == http.StatusTooEarly:
		f.Certainty, f.Reason = Temporary, ReasonServer
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusProxyAuthRequired:
		f.Certainty, f.Reason = Permanent, ReasonAuth
	case s == http.StatusNotFound, s == http.StatusGone:
		f.Certainty, f.Reason = Permanent, ReasonUnknown
	case s < 500:
		f.Certainty, f.Reason = Permanent, ReasonRefused
	default:
		f.Certainty, f.Reason = Ambiguous, ReasonServer // it may have taken it before it failed
	}
	return f
}

// RetryAfter is what a Retry-After header asks for, in seconds or as a date, from 1 s to a quarter of an hour;
// 0: there is none that can be read.
func RetryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	after := time.Duration(0)
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		after = time.Duration(min(seconds, uint64(maxAfter/time.Second))) * time.Second
	} else if errors.Is(err, strconv.ErrRange) {
		after = maxAfter
	} else if date, err := http.ParseTime(text); err == nil {
		return Until(date)
	} else {
		return 0
	}
	return min(max(after, minAfter), maxAfter)
}

// Until is how long to wait for a moment that a provider names, from 1 s to a quarter of an hour.
func Until(at time.Time) time.Duration { return min(max(time.Until(at), minAfter), maxAfter) }

// UntilUnix is Until of a header that tells the moment in seconds since 1970, as most networks' of rates do; 0: it
// does not.
func UntilUnix(text string) time.Duration {
	seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || seconds <= 0 || seconds > 1<<40 {
		return 0
	}
	return Until(time.Unix(seconds, 0))
}

// CheckURL tells what is wrong with a destination's URL, which it never repeats, for it may be a secret. Where it
// is, or must be sent with one, plain is false: then http is for this machine alone.
func CheckURL(field, text string, plain bool) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return fmt.Errorf("%s: missing", field)
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%s: not a URL as https://host/path", field)
	case len(text) > maxLink:
		return fmt.Errorf("%s: longer than %d characters", field, maxLink)
	case u.Fragment != "":
		return fmt.Errorf("%s: a fragment (#) is not sent: take it out", field)
	case u.Scheme == "http" && !plain && !Loopback(u.Hostname()):
		return fmt.Errorf("%s: http shows secrets on the way: use https", field)
	}
	return nil
}

// CheckHeaders tells what is wrong with headers of an operator's own; it never repeats a value.
func CheckHeaders(field string, headers map[string]string) error {
	for name, value := range headers {
		if name == "" || len(name) > 60 || strings.ContainsFunc(name, func(r rune) bool {
			return !(r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
		}) {
			return fmt.Errorf("%s: %.60q is no header's name", field, name)
		}
		if len(value) > 4096 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
			return fmt.Errorf("%s.%s: has characters that no header can have", field, name)
		}
	}
	return nil
}

// Token tells whether text can be sent in a header as a token: visible ASCII, at most 8192 characters.
func Token(text string) bool {
	return text != "" && len(text) <= 8192 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Loopback tells whether a host is this machine, by its name alone.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// URLSecrets are the parts of a URL that may be its secret: what an error must not tell. The host is none.
func URLSecrets(text string) []string {
	u, err := url.Parse(text)
	if err != nil {
		return []string{text}
	}
	secrets := []string{text, u.RequestURI(), u.RawQuery}
	for part := range strings.FieldsFuncSeq(u.EscapedPath(), func(r rune) bool { return r == '/' }) {
		if len(part) >= 8 { // shorter ones are words, as "services"
			secrets = append(secrets, part)
		}
	}
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	if u.User != nil {
		password, _ := u.User.Password()
		secrets = append(secrets, u.User.String(), password)
	}
	return secrets
}
