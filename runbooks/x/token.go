package x

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"vigie/internal/pause"
	"vigie/internal/provider"
)

// Tokens are what an account's consent has become. They are secrets.
type Tokens struct {
	First   string    `json:"first"` // digest of the refresh token that all began with
	Access  string    `json:"access,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // of Access
	Refresh string    `json:"refresh,omitempty"`
	Busy    time.Time `json:"busy,omitzero"` // until then, one process is changing them
}

// Keep holds an account's Tokens for all processes of the house, through crashes: X gives a new refresh token for each
// that is used, and takes both away when one is used twice.
type Keep interface {
	// Load is what is held; the zero value: nothing yet.
	Load(ctx context.Context) (Tokens, error)
	// Swap holds now instead of was, at once for all processes; false: what is held is not was.
	Swap(ctx context.Context, was, now Tokens) (bool, error)
}

// Memory is a Keep of one process that need not outlive it: for exercises against a receiver of the house's own.
type Memory struct {
	mutex sync.Mutex
	held  Tokens
}

// Load is what is held.
func (m *Memory) Load(context.Context) (Tokens, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.held, nil
}

// Swap holds now where was is held.
func (m *Memory) Swap(_ context.Context, was, now Tokens) (bool, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if !m.held.equal(was) {
		return false, nil
	}
	m.held = now
	return true, nil
}

func (t Tokens) equal(u Tokens) bool {
	return t.First == u.First && t.Access == u.Access && t.Refresh == u.Refresh && t.Expires.Equal(u.Expires) && t.Busy.Equal(u.Busy)
}

const (
	busyTime   = 30 * time.Second // longer than X takes to answer
	saveTime   = 10 * time.Second
	lookTime   = 250 * time.Millisecond
	leastLife  = time.Minute // that an access token must have left
	mostLife   = 24 * time.Hour
	usualOAuth = "/2/oauth2/token"
)

// change is tokens that X gave and that could not be kept yet.
type change struct{ was, now Tokens }

// token is an access token other than spent. fresh: it was made by this call. Its errors say that nothing was posted.
//
// Of all processes one renews, who marked the tokens as busy; the others look until it has.
func (c *Channel) token(ctx context.Context, spent string) (access string, fresh bool, err error) {
	done, err := c.turn.Take(ctx)
	if err != nil {
		return "", false, err
	}
	defer done()
	for {
		held, err := c.load(ctx)
		if err != nil {
			return "", false, err
		}
		now := held
		if now.First != c.first {
			now = Tokens{First: c.first, Refresh: c.c.Refresh}
		}
		if now.Access != "" && now.Access != spent && time.Until(now.Expires) > leastLife {
			return now.Access, false, nil
		}
		if time.Until(now.Busy) > 0 {
			if pause.For(ctx, lookTime) != nil {
				return "", false, c.post.Fail(provider.Temporary, provider.ReasonTimeout, "another process is still renewing the account's tokens")
			}
			continue
		}
		claim := now
		claim.Busy = time.Now().Add(busyTime).UTC().Truncate(time.Millisecond)
		if ok, err := c.c.Keep.Swap(ctx, held, claim); err != nil {
			return "", false, c.post.Fail(provider.Temporary, provider.ReasonUnreachable, "mark the account's tokens: %v", err)
		} else if !ok {
			if ctx.Err() != nil {
				return "", false, c.post.Fail(provider.Temporary, provider.ReasonTimeout, "another process is changing the account's tokens")
			}
			continue
		}
		next, err := c.renew(ctx, now.Refresh)
		if err != nil {
			next = now
			next.Busy = time.Time{}
		}
		c.save(ctx, change{claim, next})
		return next.Access, true, err
	}
}

// load is what is held, or what is to be.
func (c *Channel) load(ctx context.Context) (Tokens, error) {
	if u := c.unsaved; u != nil {
		if _, err := c.c.Keep.Swap(ctx, u.was, u.now); err != nil {
			return u.now, nil
		}
		c.unsaved = nil
	}
	t, err := c.c.Keep.Load(ctx)
	if err != nil {
		return t, c.post.Fail(provider.Temporary, provider.ReasonUnreachable, "read the account's tokens: %v", err)
	}
	return t, nil
}

// save keeps what X gave, even when ctx ends: there is no way back. What cannot be kept is used, and kept later.
func (c *Channel) save(ctx context.Context, u change) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	if _, err := c.c.Keep.Swap(ctx, u.was, u.now); err != nil {
		c.unsaved = &u
	}
}

// renew gives a refresh token for a new pair.
func (c *Channel) renew(ctx context.Context, refresh string) (Tokens, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if c.c.ClientSecret == "" {
		form.Set("client_id", c.c.ClientID)
	} else {
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(c.c.ClientID)+":"+url.QueryEscape(c.c.ClientSecret))))
	}
	p := c.post.Hiding(refresh)
	a, err := p.Post(ctx, provider.Request{URL: c.c.URL + usualOAuth, Header: h, Body: []byte(form.Encode())})
	if err != nil {
		if f := provider.Failed(err); a.Status == http.StatusBadRequest {
			f.Reason = provider.ReasonAuth // a token that is not taken: the account's owner must consent again
		}
		return Tokens{}, p.Before("renew the account's access", err)
	}
	t, ok := parseTokens(a.Body, time.Now())
	if !ok {
		// Not with its words: they may be tokens.
		return Tokens{}, p.Fail(provider.Temporary, provider.ReasonServer, "renew the account's access: answered %d, which is not what it documents", a.Status)
	}
	t.First = c.first
	return t, nil
}

func parseTokens(body []byte, now time.Time) (t Tokens, ok bool) {
	var answer struct {
		Access  string  `json:"access_token"`
		Refresh string  `json:"refresh_token"`
		Seconds float64 `json:"expires_in"`
	}
	if json.Unmarshal(body, &answer) != nil || !provider.Token(answer.Access) || !provider.Token(answer.Refresh) || !(answer.Seconds > 0) {
		return t, false
	}
	life := time.Duration(min(answer.Seconds, mostLife.Seconds())) * time.Second
	return Tokens{Access: answer.Access, Refresh: answer.Refresh, Expires: now.Add(life).UTC().Truncate(time.Millisecond)}, true
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
