// Package mastodon posts what viewers are told to an account of a Mastodon server (docs.joinmastodon.org: Methods,
// statuses, "Post a new status"; Entities, V2::Instance).
//
// The server keeps an Idempotency-Key for up to an hour: within it, what is said again with the same one is the same
// post. There is no way to ask by the key whether a post was taken, so the channel is no channel.Finder.
package mastodon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/internal/provider"
	"vigie/runbooks/channel"
)

// Config is an account.
type Config struct {
	URL        string // of its server, https://mastodon.example
	Token      string // access token with the scope write:statuses
	Visibility string // public, unlisted, private, direct; "": public
	Post       provider.PostConfig
}

// Channel is a channel.Channel. It has one destination, the account.
type Channel struct {
	base, token, visibility string
	post                    *provider.Poster
}

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	if err := provider.CheckURL("url", c.URL, false); err != nil {
		return nil, err
	}
	if !provider.Token(c.Token) {
		return nil, errors.New("token: not an access token")
	}
	if c.Visibility == "" {
		c.Visibility = "public"
	}
	if !slices.Contains([]string{"public", "unlisted", "private", "direct"}, c.Visibility) {
		return nil, fmt.Errorf("visibility: %.20q is none of public, unlisted, private, direct", c.Visibility)
	}
	c.Post.Secrets = slices.Concat(c.Post.Secrets, []string{c.Token})
	return &Channel{strings.TrimSuffix(c.URL, "/"), c.Token, c.Visibility, provider.NewPoster(c.Post)}, nil
}

// status is the form of a post.
type status struct {
	Status     string `json:"status"`
	ReplyTo    string `json:"in_reply_to_id,omitempty"`
	Visibility string `json:"visibility"`
	Language   string `json:"language,omitempty"`
}

var id = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)

// Send posts m once, in answer to m.Earlier where that is there. Where what it answers is there no more, it stands
// alone: that it is read matters more.
func (c *Channel) Send(ctx context.Context, _ string, m *channel.Message) (provider.Receipt, error) {
	s := status{Status: m.Text, Visibility: c.visibility, Language: m.Lang}
	if id.MatchString(m.Earlier) {
		s.ReplyTo = m.Earlier
	}
	a, err := c.say(ctx, m.ID, s)
	if err != nil && s.ReplyTo != "" && a.Status == http.StatusNotFound {
		s.ReplyTo = ""
		a, err = c.say(ctx, m.ID, s)
	}
	if err != nil {
		if f := (*provider.Failure)(nil); errors.As(err, &f) && a.Status == http.StatusTooManyRequests && f.After == 0 {
			if at, err := time.Parse(time.RFC3339, a.Header.Get("X-RateLimit-Reset")); err == nil {
				f.After = provider.Until(at)
			}
		}
		return provider.Receipt{}, err
	}
	var answer struct {
		ID  string `json:"id"`
		URL string `json:"url"`
	}
	if json.Unmarshal(a.Body, &answer) != nil || !id.MatchString(answer.ID) {
		return provider.Receipt{}, c.post.Unreadable(a)
	}
	return c.post.Receipt(answer.ID, provider.Link(answer.URL)), nil
}

func (c *Channel) say(ctx context.Context, key string, s status) (provider.Answer, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return provider.Answer{}, c.post.Fail(provider.Permanent, provider.ReasonConfig, "encode: %v", err)
	}
	return c.post.Post(ctx, provider.Request{URL: c.base + "/api/v1/statuses", Body: body, Header: http.Header{
		"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.token}, "Idempotency-Key": {key},
	}})
}

// Limit is how long a post may be on this server.
type Limit struct {
	Characters int // of a post; 500 where nobody changed it
	PerURL     int // that a link counts, however long it is
}

// Limit asks the server. It is for when messages are written and looked at again, not for sending.
func (c *Channel) Limit(ctx context.Context) (Limit, error) {
	a, err := c.post.Post(ctx, provider.Request{Method: http.MethodGet, URL: c.base + "/api/v2/instance", Header: http.Header{"Authorization": {"Bearer " + c.token}}})
	if err != nil {
		return Limit{}, c.post.Before("ask for its limits", err)
	}
	l, err := limit(a.Body)
	if err != nil {
		return Limit{}, c.post.Fail(provider.Temporary, provider.ReasonServer, "ask for its limits: %v", err)
	}
	return l, nil
}

func limit(body []byte) (Limit, error) {
	var answer struct {
		Configuration struct {
			Statuses struct {
				Max    int `json:"max_characters"`
				PerURL int `json:"characters_reserved_per_url"`
			} `json:"statuses"`
		} `json:"configuration"`
	}
	err := json.Unmarshal(body, &answer)
	s := answer.Configuration.Statuses
	switch {
	case err != nil:
		return Limit{}, errors.New("the answer is no instance as it is documented")
	case s.Max < 1 || s.Max > 1_000_000 || s.PerURL < 1 || s.PerURL > s.Max:
		return Limit{}, fmt.Errorf("max_characters %d, characters_reserved_per_url %d: no limits that can be", s.Max, s.PerURL)
	}
	return Limit{s.Max, s.PerURL}, nil
}
