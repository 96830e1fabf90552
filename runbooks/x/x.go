// Package x posts what viewers are told to an account of X (docs.x.com: X API v2, "Create or Edit Post", POST /2/tweets;
// Authentication, "OAuth 2.0 Authorization Code Flow with PKCE", user context with the scopes tweet.write, users.read
// and offline.access).
//
// X knows no key against repeats, and no free way to ask for a post. What it knows is the text: the same one again,
// within some hours, is refused as a duplicate. That says that these words stand there, perhaps by the try before, whose
// answer was lost: it is Ambiguous. A text that is to be said twice in a night must differ, as by its time.
//
// A refresh token serves once, and one that is used again makes X forget the account: see Keep.
package x

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"vigie/internal/provider"
	"vigie/runbooks/channel"
)

// Config is an account.
type Config struct {
	URL          string // "": https://api.x.com
	ClientID     string // of the app
	ClientSecret string // of a confidential app; "": a public one
	Refresh      string // the refresh token that came of the account's consent; another one starts anew
	Keep         Keep   // what holds the tokens that came of it
	Post         provider.PostConfig
}

// Channel is a channel.Channel. It has one destination, the account.
type Channel struct {
	c     Config
	first string // digest of c.Refresh
	post  *provider.Poster

	turn    provider.Turn // of what follows
	unsaved *change
}

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	if c.URL == "" {
		c.URL = "https://api.x.com"
	}
	if err := provider.CheckURL("url", c.URL, false); err != nil {
		return nil, err
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	switch {
	case !provider.Token(c.ClientID):
		return nil, errors.New("client_id: not an app's client ID")
	case c.ClientSecret != "" && !provider.Token(c.ClientSecret):
		return nil, errors.New("client_secret: not an app's client secret")
	case !provider.Token(c.Refresh):
		return nil, errors.New("refresh: not a refresh token: consent for the account with the scope offline.access")
	case c.Keep == nil:
		return nil, errors.New("keep: missing: a refresh token serves once, so the next one must be kept")
	}
	c.Post.Secrets = slices.Concat(c.Post.Secrets, []string{c.ClientSecret, c.Refresh})
	return &Channel{c: c, first: digest(c.Refresh), post: provider.NewPoster(c.Post), turn: provider.NewTurn()}, nil
}

// post is the body of POST /2/tweets.
type post struct {
	Text  string `json:"text"`
	Reply *reply `json:"reply,omitempty"`
}

type reply struct {
	To string `json:"in_reply_to_tweet_id"`
}

var number = regexp.MustCompile(`^[0-9]{1,19}$`)

// Send posts m once, in answer to m.Earlier where that is a post's number. Where what it answers is there no more, it
// stands alone: that it is read matters more.
func (c *Channel) Send(ctx context.Context, _ string, m *channel.Message) (provider.Receipt, error) {
	p := post{Text: m.Text}
	if number.MatchString(m.Earlier) {
		p.Reply = &reply{m.Earlier}
	}
	a, err := c.say(ctx, p)
	if err != nil && p.Reply != nil && gone(a) {
		p.Reply = nil
		a, err = c.say(ctx, p)
	}
	if err != nil {
		return provider.Receipt{}, err
	}
	var answer struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if json.Unmarshal(a.Body, &answer) != nil || !number.MatchString(answer.Data.ID) {
		return provider.Receipt{}, c.post.Unreadable(a)
	}
	return c.post.Receipt(answer.Data.ID, "https://x.com/i/status/"+answer.Data.ID), nil
}

// say posts p. An access token that X does not take, though it should be good, is renewed once: the post was refused.
func (c *Channel) say(ctx context.Context, p post) (provider.Answer, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return provider.Answer{}, c.post.Fail(provider.Permanent, provider.ReasonConfig, "encode: %v", err)
	}
	spent := ""
	for again := false; ; again = true {
		access, fresh, err := c.token(ctx, spent)
		if err != nil {
			return provider.Answer{}, err
		}
		a, err := c.post.Hiding(access).Post(ctx, provider.Request{URL: c.c.URL + "/2/tweets", Body: body, Header: http.Header{
			"Content-Type": {"application/json"}, "Authorization": {"Bearer " + access},
		}})
		if err != nil && a.Status == http.StatusUnauthorized && !again && !fresh {
			spent = access
			continue
		}
		return a, explain(a, err)
	}
}

// detail is what X has against a request, in lower case.
func detail(a provider.Answer) string {
	var answer struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(a.Body, &answer) != nil {
		return ""
	}
	return strings.ToLower(answer.Detail)
}

// gone tells whether the post that was to be answered is not there, or not to be seen.
func gone(a provider.Answer) bool {
	d := detail(a)
	return (a.Status == http.StatusForbidden || a.Status == http.StatusBadRequest) && strings.Contains(d, "reply to") && (strings.Contains(d, "deleted") || strings.Contains(d, "not visible"))
}

// explain reads what X tells beyond the status.
func explain(a provider.Answer, err error) error {
	f := (*provider.Failure)(nil)
	if !errors.As(err, &f) {
		return err
	}
	switch {
	case a.Status == http.StatusForbidden && strings.Contains(detail(a), "duplicate content"):
		f.Certainty, f.Reason = provider.Ambiguous, provider.ReasonRefused
	case a.Status == http.StatusTooManyRequests && f.After == 0:
		f.After = provider.UntilUnix(a.Header.Get("X-Rate-Limit-Reset"))
		for _, day := range []string{"X-User-Limit-24hour-", "X-App-Limit-24hour-"} {
			if a.Header.Get(day+"Remaining") == "0" {
				f.After = max(f.After, provider.UntilUnix(a.Header.Get(day+"Reset")))
			}
		}
	}
	return err
}
