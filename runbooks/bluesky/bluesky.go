// Package bluesky posts what viewers are told to an account of the AT protocol's (docs.bsky.app: HTTP reference,
// com.atproto.server.createSession and refreshSession, com.atproto.repo.putRecord and getRecord; lexicons
// app.bsky.feed.post and app.bsky.richtext.facet).
//
// A post is a record whose key is ours: made of the message's ID alone, so that what is said again is the same record,
// and can be asked for. The key has the form of a TID, as posts' must: others are taken by the server and shown by nobody.
package bluesky

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vigie/internal/provider"
	"vigie/runbooks/channel"
)

// Config is an account.
type Config struct {
	URL        string // of its server; "": https://bsky.social
	Identifier string // handle or DID
	Password   string // an app password, not the account's own
	Post       provider.PostConfig
}

// Channel is a channel.Channel and a channel.Finder. It has one destination, the account.
type Channel struct {
	base, identifier, password string
	post                       *provider.Poster

	turn    provider.Turn // of what follows
	session session
}

const posts = "app.bsky.feed.post"

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	if c.URL == "" {
		c.URL = "https://bsky.social"
	}
	if err := provider.CheckURL("url", c.URL, false); err != nil {
		return nil, err
	}
	if !provider.Token(c.Identifier) || strings.HasPrefix(c.Identifier, "@") {
		return nil, errors.New("identifier: not a handle as chaine.example, nor a DID")
	}
	if c.Password == "" {
		return nil, errors.New("password: missing: an app password of the account")
	}
	c.Post.Secrets = slices.Concat(c.Post.Secrets, []string{c.Password})
	return &Channel{base: strings.TrimSuffix(c.URL, "/") + "/xrpc/", identifier: c.Identifier, password: c.Password, post: provider.NewPoster(c.Post), turn: provider.NewTurn()}, nil
}

// record is a post.
type record struct {
	Type      string   `json:"$type"`
	Text      string   `json:"text"`
	CreatedAt string   `json:"createdAt"`
	Langs     []string `json:"langs,omitempty"`
	Facets    []facet  `json:"facets,omitempty"`
	Reply     *reply   `json:"reply,omitempty"`
}

type reply struct {
	Root   ref `json:"root"`
	Parent ref `json:"parent"`
}

type ref struct {
	URI string `json:"uri"`
	CID string `json:"cid"`
}

// Send posts m once, in answer to m.Earlier where that is a post of the account's. Where that is there no more, m stands
// alone: that it is read matters more.
func (c *Channel) Send(ctx context.Context, _ string, m *channel.Message) (provider.Receipt, error) {
	p := record{Type: posts, Text: m.Text, CreatedAt: m.At.UTC().Format("2006-01-02T15:04:05.000Z"), Facets: facets(m.Text)}
	if m.Lang != "" {
		p.Langs = []string{m.Lang}
	}
	var err error
	if p.Reply, err = c.answering(ctx, m.Earlier); err != nil {
		return provider.Receipt{}, err
	}
	key := tid(m.ID)
	a, did, err := c.ask(ctx, func(did string) (provider.Request, error) {
		body, err := json.Marshal(struct {
			Repo       string `json:"repo"`
			Collection string `json:"collection"`
			Key        string `json:"rkey"`
			Validate   bool   `json:"validate"`
			Record     record `json:"record"`
		}{did, posts, key, true, p})
		return provider.Request{URL: c.base + "com.atproto.repo.putRecord", Header: http.Header{"Content-Type": {"application/json"}}, Body: body}, err
	})
	if err != nil {
		return provider.Receipt{}, err
	}
	return c.receipt(a, did, key)
}

// answering is what a post is in answer to, and the first of the thread, which it must name too; nil: nothing.
func (c *Channel) answering(ctx context.Context, key string) (*reply, error) {
	if !keyForm.MatchString(key) {
		return nil, nil
	}
	a, did, err := c.get(ctx, key)
	if missing(a, err) {
		return nil, nil
	}
	if err != nil {
		return nil, c.post.Before("look up the post that this answers", err)
	}
	parent, root, ok := thread(a.Body, uri(did, key))
	if !ok {
		return nil, c.post.Fail(provider.Temporary, provider.ReasonServer, "look up the post that this answers: answered %d, which is not what it documents", a.Status)
	}
	return &reply{Root: root, Parent: parent}, nil
}

// thread reads where a record is, and the first of its thread.
func thread(body []byte, at string) (parent, root ref, ok bool) {
	var answer struct {
		ref
		Value struct {
			Reply *reply `json:"reply"`
		} `json:"value"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.URI != at || !cidForm.MatchString(answer.CID) {
		return parent, root, false
	}
	parent, root = answer.ref, answer.ref
	if r := answer.Value.Reply; r != nil {
		root = r.Root
	}
	return parent, root, strings.HasPrefix(root.URI, "at://did:") && len(root.URI) < 500 && cidForm.MatchString(root.CID)
}

// Find asks whether m is there, by its key. An answer that it is not is the repository's own; a request that is
// still on its way to it may yet arrive, and is then the same post as one that is said again.
func (c *Channel) Find(ctx context.Context, _ string, m *channel.Message) (r provider.Receipt, found bool, err error) {
	key := tid(m.ID)
	a, did, err := c.get(ctx, key)
	switch {
	case missing(a, err):
		return r, false, nil
	case err != nil:
		return r, false, err
	}
	r, err = c.receipt(a, did, key)
	return r, err == nil, err
}

func (c *Channel) get(ctx context.Context, key string) (provider.Answer, string, error) {
	return c.ask(ctx, func(did string) (provider.Request, error) {
		q := url.Values{"repo": {did}, "collection": {posts}, "rkey": {key}}
		return provider.Request{Method: http.MethodGet, URL: c.base + "com.atproto.repo.getRecord?" + q.Encode()}, nil
	})
}

func missing(a provider.Answer, err error) bool {
	return err != nil && a.Status == http.StatusBadRequest && problem(a) == "RecordNotFound"
}

// receipt reads where a record is. Its ID is the record's key: the repository is the account's own.
func (c *Channel) receipt(a provider.Answer, did, key string) (provider.Receipt, error) {
	var answer ref
	if json.Unmarshal(a.Body, &answer) != nil || answer.URI != uri(did, key) || !cidForm.MatchString(answer.CID) {
		return provider.Receipt{}, c.post.Unreadable(a)
	}
	return c.post.Receipt(key, "https://bsky.app/profile/"+did+"/post/"+key), nil
}

// ask is one request as the account, and whose repository it was about. An access token that has expired is renewed,
// and the request said again: it was refused.
func (c *Channel) ask(ctx context.Context, request func(did string) (provider.Request, error)) (provider.Answer, string, error) {
	spent := ""
	for again := false; ; again = true {
		s, fresh, err := c.signedIn(ctx, spent)
		if err != nil {
			return provider.Answer{}, "", err
		}
		post := c.post.Hiding(s.Access, s.Refresh)
		r, err := request(s.DID)
		if err != nil {
			return provider.Answer{}, "", post.Fail(provider.Permanent, provider.ReasonConfig, "encode: %v", err)
		}
		if r.Header == nil {
			r.Header = http.Header{}
		}
		r.Header.Set("Authorization", "Bearer "+s.Access)
		a, err := post.Post(ctx, r)
		word := problem(a)
		if expired := word == "ExpiredToken" || word == "InvalidToken" || a.Status == http.StatusUnauthorized; err != nil && expired {
			if !again && !fresh {
				spent = s.Access
				continue
			}
			provider.Failed(err).Reason = provider.ReasonAuth
		}
		return a, s.DID, explain(a, err)
	}
}

// problem is the word by which the protocol names an error; "": there is none.
func problem(a provider.Answer) string {
	var answer struct {
		Error string `json:"error"`
	}
	if a.Status < 400 || json.Unmarshal(a.Body, &answer) != nil {
		return ""
	}
	return answer.Error
}

// explain reads what the protocol tells beyond the status.
func explain(a provider.Answer, err error) error {
	if f := (*provider.Failure)(nil); errors.As(err, &f) {
		switch {
		case a.Status == http.StatusTooManyRequests && f.After == 0:
			f.After = provider.UntilUnix(a.Header.Get("RateLimit-Reset"))
		case a.Status == http.StatusBadRequest && slices.Contains([]string{"AccountTakedown", "AccountDeactivated", "AccountSuspended"}, problem(a)):
			f.Reason = provider.ReasonAuth
		}
	}
	return err
}
