package bluesky

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"

	"vigie/internal/provider"
)

// session is what signing in gives. It is kept: a server allows some hundred sign-ins a day.
type session struct {
	DID     string `json:"did"`
	Access  string `json:"accessJwt"`
	Refresh string `json:"refreshJwt"`
}

var didForm = regexp.MustCompile(`^did:[a-z]+:[A-Za-z0-9._:%-]{1,200}$`)

// signedIn is the session, which is made anew where its access token is spent or there is none. fresh: by this call.
// Its errors say that nothing was posted.
func (c *Channel) signedIn(ctx context.Context, spent string) (s session, fresh bool, err error) {
	done, err := c.turn.Take(ctx)
	if err != nil {
		return s, false, err
	}
	defer done()
	if c.session.Access != "" && c.session.Access != spent {
		return c.session, false, nil
	}
	if c.session.Refresh != "" {
		s, err := c.sign(ctx, "refreshSession", http.Header{"Authorization": {"Bearer " + c.session.Refresh}}, nil)
		if err == nil {
			c.session = s
			return s, true, nil
		}
		c.session = session{} // it may be spent, or not be taken any more
	}
	body, err := json.Marshal(map[string]string{"identifier": c.identifier, "password": c.password})
	if err != nil {
		return s, false, c.post.Fail(provider.Permanent, provider.ReasonConfig, "encode: %v", err)
	}
	s, err = c.sign(ctx, "createSession", http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return s, false, c.post.Before("sign in", err)
	}
	c.session = s
	return s, true, nil
}

func (c *Channel) sign(ctx context.Context, how string, h http.Header, body []byte) (session, error) {
	post := c.post.Hiding(c.session.Access, c.session.Refresh)
	a, err := post.Post(ctx, provider.Request{URL: c.base + "com.atproto.server." + how, Header: h, Body: body})
	if err != nil {
		return session{}, explain(a, err)
	}
	var s session
	if json.Unmarshal(a.Body, &s) != nil || !didForm.MatchString(s.DID) || !provider.Token(s.Access) || !provider.Token(s.Refresh) {
		// Not with its words: they may be tokens.
		return session{}, post.Fail(provider.Temporary, provider.ReasonServer, "answered %d, which is not a session as it is documented", a.Status)
	}
	return s, nil
}
