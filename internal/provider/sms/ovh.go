package sms

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/internal/provider"
)

// ovh is OVHcloud's API: each request is signed with the time of its clock.
type ovh struct {
	base, key, secret, consumer, service, from string
	validity                                   time.Duration
	post                                       *provider.Poster

	mutex sync.Mutex
	ahead time.Duration // of its clock before ours
	known bool
}

func newOVH(c Config) (*ovh, error) {
	if c.URL == "" {
		c.URL = "https://eu.api.ovh.com/1.0"
	}
	if err := provider.CheckURL("url", c.URL, false); err != nil {
		return nil, err
	}
	for _, f := range []struct{ name, value string }{{"user", c.User}, {"secret", c.Secret}, {"consumer", c.Consumer}} {
		if !regexp.MustCompile(`^[0-9a-zA-Z]{8,64}$`).MatchString(f.value) {
			return nil, errors.New(f.name + ": not a key as OVHcloud gives it: application key (user), application secret (secret), consumer key (consumer)")
		}
	}
	if !regexp.MustCompile(`^sms-[0-9a-z]+-[0-9]+$`).MatchString(c.Service) {
		return nil, errors.New("service: not an SMS account, as sms-ab12345-1")
	}
	if c.From != "" {
		if err := Sender("from", c.From); err != nil {
			return nil, err
		}
	}
	return &ovh{base: strings.TrimSuffix(c.URL, "/"), key: c.User, secret: c.Secret, consumer: c.Consumer, service: c.Service, from: c.From, validity: c.Validity, post: provider.NewPoster(c.Post)}, nil
}

type job struct {
	Charset      string   `json:"charset"`
	Class        string   `json:"class"`
	Coding       string   `json:"coding"`
	Message      string   `json:"message"`
	NoStop       bool     `json:"noStopClause"` // an alert is no marketing: no STOP, and at night too
	Priority     string   `json:"priority"`
	Receivers    []string `json:"receivers"`
	Sender       string   `json:"sender,omitempty"`
	ForResponse  bool     `json:"senderForResponse"`
	Tag          string   `json:"tag,omitempty"`
	ValidMinutes int      `json:"validityPeriod"`
}

func (p *ovh) send(ctx context.Context, m message) (provider.Receipt, error) {
	ahead, err := p.clock(ctx)
	if err != nil {
		return provider.Receipt{}, err
	}
	coding := "7bit"
	if m.ucs2 {
		coding = "8bit"
	}
	body, err := json.Marshal(job{
		Charset: "UTF-8", Class: "phoneDisplay", Coding: coding, Message: m.text, NoStop: true, Priority: "high", Receivers: []string{m.to},
		Sender: p.from, ForResponse: p.from == "", Tag: m.id[:min(len(m.id), 20)], ValidMinutes: int(p.validity / time.Minute),
	})
	if err != nil {
		return provider.Receipt{}, p.post.Fail(provider.Permanent, provider.ReasonConfig, "encode: %v", err)
	}
	to := p.base + "/sms/" + url.PathEscape(p.service) + "/jobs"
	at := strconv.FormatInt(time.Now().Add(ahead).Unix(), 10)
	a, err := p.post.Post(ctx, provider.Request{URL: to, Body: body, Header: http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "X-Ovh-Application": {p.key}, "X-Ovh-Consumer": {p.consumer}, "X-Ovh-Timestamp": {at},
		"X-Ovh-Signature": {signature(p.secret, p.consumer, http.MethodPost, to, string(body), at)},
	}})
	if err != nil {
		return provider.Receipt{}, p.explain(a, err)
	}
	var answer struct {
		IDs     []int64  `json:"ids"`
		Valid   []string `json:"validReceivers"`
		Invalid []string `json:"invalidReceivers"`
	}
	switch err := json.Unmarshal(a.Body, &answer); {
	case err != nil:
		return provider.Receipt{}, p.post.Unreadable(a)
	case len(answer.Invalid) > 0:
		return provider.Receipt{}, p.post.Fail(provider.Permanent, provider.ReasonUnknown, "does not send to this number")
	case len(answer.Valid) == 0 || len(answer.IDs) == 0:
		return provider.Receipt{}, p.post.Unreadable(a)
	}
	return p.post.Receipt(strconv.FormatInt(answer.IDs[0], 10), string(a.Body)), nil
}

// signature is "$1$" and the SHA-1 of everything that is signed, joined by plus signs: OVHcloud's own scheme.
func signature(secret, consumer, method, url, body, at string) string {
	sum := sha1.Sum([]byte(strings.Join([]string{secret, consumer, method, url, body, at}, "+")))
	return "$1$" + hex.EncodeToString(sum[:])
}

// explain reads what it has against a request.
func (p *ovh) explain(a provider.Answer, err error) error {
	f := (*provider.Failure)(nil)
	var answer struct {
		Code    string `json:"errorCode"`
		Class   string `json:"class"`
		Message string `json:"message"`
	}
	if !errors.As(err, &f) || a.Status < 400 || a.Status >= 500 || json.Unmarshal(a.Body, &answer) != nil {
		return err
	}
	word := strings.ToUpper(answer.Code)
	switch {
	case strings.Contains(word, "QUERY_TIME_OUT"):
		p.mutex.Lock()
		p.known = false // its clock is asked again
		p.mutex.Unlock()
		f.Certainty, f.Reason = provider.Temporary, provider.ReasonAuth
	case slices.ContainsFunc([]string{"INVALID_SIGNATURE", "INVALID_KEY", "INVALID_CREDENTIAL", "NOT_CREDENTIAL", "NOT_GRANTED"}, func(c string) bool { return strings.Contains(word, c) }):
		f.Certainty, f.Reason = provider.Permanent, provider.ReasonAuth
	}
	return err
}

// clock is how far OVHcloud's is ahead. It is asked once; that it cannot be is a failure before anything was sent.
func (p *ovh) clock(ctx context.Context) (time.Duration, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.known {
		return p.ahead, nil
	}
	a, err := p.post.Post(ctx, provider.Request{Method: http.MethodGet, URL: p.base + "/auth/time"})
	if err == nil {
		var seconds int64
		if seconds, err = strconv.ParseInt(strings.TrimSpace(string(a.Body)), 10, 64); err != nil {
			err = p.post.Unreadable(a)
		} else {
			p.ahead, p.known = time.Unix(seconds, 0).Sub(time.Now().Truncate(time.Second)), true
			return p.ahead, nil
		}
	}
	f := p.post.Fail(provider.Temporary, provider.ReasonUnreachable, "ask its clock: %v", err)
	f.After = provider.Failed(err).After
	return 0, f
}
