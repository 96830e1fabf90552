package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// HookConfig is a receiver of webhooks.
type HookConfig struct {
	URL    string // http is allowed: a body is signed, though it can be read on the way
	Secret string // that both sides sign with, at least MinSecret characters
	Token  string // sent as Authorization: Bearer, where the receiver asks for one; needs https
	// Headers are sent too, as what lets a request through a gateway. Not those that are ours.
	Headers map[string]string
	Post    PostConfig
}

// Hook says JSON to a program of somebody's own: signed, with a key by which it knows what it heard before.
type Hook struct {
	url, secret, token string
	headers            http.Header
	post               *Poster
}

// NewHook checks c; own are further headers that c.Headers must not have. Its errors name the field.
func NewHook(c HookConfig, own ...string) (*Hook, error) {
	if err := CheckURL("url", c.URL, c.Token == ""); err != nil {
		return nil, err
	}
	if len(c.Secret) < MinSecret {
		return nil, fmt.Errorf("secret: shorter than %d characters", MinSecret)
	}
	if c.Token != "" && !Token(c.Token) {
		return nil, errors.New("token: has characters that no header can have")
	}
	if err := CheckHeaders("headers", c.Headers); err != nil {
		return nil, err
	}
	own = append(own, "Content-Type", "Content-Length", "Host", "User-Agent", "Idempotency-Key", SignatureHeader)
	headers, secrets := http.Header{}, slices.Clone(c.Post.Secrets)
	for name, value := range c.Headers {
		name = http.CanonicalHeaderKey(name)
		if slices.Contains(own, name) {
			return nil, fmt.Errorf("headers.%s: is Vigie's own", name)
		}
		headers.Set(name, value)
		secrets = append(secrets, value)
	}
	c.Post.Secrets = slices.Concat(secrets, []string{c.Secret, c.Token}, URLSecrets(c.URL))
	return &Hook{c.URL, c.Secret, c.Token, headers, NewPoster(c.Post)}, nil
}

// Post says body once, as JSON, with more headers. key is the same for each try to say the same; "": none is sent. Any
// 2xx answer is a receipt; a JSON answer with an "id" gives the receipt that id.
func (h *Hook) Post(ctx context.Context, key string, more http.Header, body any) (Receipt, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return Receipt{}, h.post.Fail(Permanent, ReasonConfig, "encode: %v", err)
	}
	header := h.headers.Clone()
	for name, values := range more {
		header[name] = values
	}
	header.Set("Content-Type", "application/json")
	header.Set(SignatureHeader, Sign(h.secret, time.Now(), b))
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	if h.token != "" {
		header.Set("Authorization", "Bearer "+h.token)
	}
	a, err := h.post.Post(ctx, Request{URL: h.url, Header: header, Body: b})
	if err != nil {
		return Receipt{}, err
	}
	var answer struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(a.Body, &answer) != nil {
		answer.ID = ""
	}
	return h.post.Receipt(answer.ID, string(a.Body)), nil
}
