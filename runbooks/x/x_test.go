package x

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/providertest"
	"vigie/runbooks/channel"
)

const (
	client       = "client-id-of-the-app"
	clientSecret = "client-secret-of-the-app"
	consent      = "refresh-token-0"
)

var _ channel.Channel = (*Channel)(nil)

func said() *channel.Message {
	return &channel.Message{ID: "send-42-x-fr", Lang: "fr", Thread: "crisis-7", Text: "20h41 : la vidéo s’interrompt. https://statut.example", At: time.Date(2026, 11, 21, 20, 41, 0, 0, time.UTC)}
}

// network is X: a refresh token serves once, and whoever uses one twice has none left.
type network struct {
	*httptest.Server

	mutex   sync.Mutex
	turns   int
	valid   string // the refresh token that serves; "": the account is forgotten
	access  string
	life    int // seconds
	fails   int // of the next that many renewals: 503
	posts   []string
	wrong   []string
	forgets bool // the access token that was given is not taken
}

func newNetwork(t *testing.T) *network {
	n := &network{valid: consent, life: 7200}
	n.Server = httptest.NewServer(n)
	t.Cleanup(func() {
		n.Close()
		for _, w := range n.wrong {
			t.Error(w)
		}
	})
	return n
}

func answer(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, format, args...)
}

// oauth is POST /2/oauth2/token as it is documented for a confidential client.
func (n *network) oauth(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	user, password, basic := r.BasicAuth()
	if err != nil || r.Method != http.MethodPost || !basic || user != client || password != clientSecret || form.Get("grant_type") != "refresh_token" || len(form) != 2 || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		n.wrong = append(n.wrong, fmt.Sprintf("%v %v %s", err, r.Header, body))
	}
	if n.fails > 0 {
		n.fails--
		answer(w, 503, `{"title":"Service Unavailable"}`)
		return
	}
	if n.valid == "" || form.Get("refresh_token") != n.valid {
		n.valid = ""
		answer(w, 400, `{"error":"invalid_request","error_description":"Value passed for the token was invalid."}`)
		return
	}
	n.turns++
	n.valid, n.access = fmt.Sprint("refresh-token-", n.turns), fmt.Sprint("access-token-", n.turns)
	answer(w, 200, `{"token_type":"bearer","expires_in":%d,"access_token":%q,"scope":"tweet.write users.read offline.access","refresh_token":%q}`, n.life, n.access, n.valid)
}

func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	body, _ := io.ReadAll(r.Body)
	switch r.URL.Path {
	case "/2/oauth2/token":
		n.oauth(w, r, body)
	case "/2/tweets":
		if r.Header.Get("Authorization") != "Bearer "+n.access || n.forgets {
			n.forgets = false
			answer(w, 401, `{"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}`)
			return
		}
		n.posts = append(n.posts, string(body))
		answer(w, 201, `{"data":{"id":"%d","text":"…","edit_history_tweet_ids":["1"]}}`, 1445880548472328192+len(n.posts))
	default:
		n.wrong = append(n.wrong, r.URL.Path)
	}
}

func (n *network) channel(t *testing.T, keep Keep) *Channel {
	t.Helper()
	c, err := New(Config{URL: n.URL, ClientID: client, ClientSecret: clientSecret, Refresh: consent, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestX(t *testing.T) {
	providertest.Conform(t, providertest.Provider{
		New: func(url string) (providertest.Try, error) {
			c, err := New(Config{URL: url, ClientID: client, ClientSecret: clientSecret, Refresh: consent, Keep: new(Memory)})
			return func(ctx context.Context) (provider.Receipt, error) { return c.Send(ctx, "", said()) }, err
		},
		Secrets: []string{clientSecret, consent, "access-token", "refresh-token"},
		Aside: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/2/oauth2/token" {
				return false
			}
			body, _ := io.ReadAll(r.Body)
			(&network{valid: consent, life: 7200}).oauth(w, r, body)
			return true
		},
		Accept: func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			answer(w, 201, `{"data":{"id":"1445880548472328192","text":"…"}}`)
		},
		Receipt: "1445880548472328192",
		Check: func(r *http.Request, body []byte) error {
			var p struct{ Text string }
			if err := providertest.Strict(body, &p); err != nil {
				return err
			}
			if r.Method != http.MethodPost || r.URL.Path != "/2/tweets" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer access-token-1" || p.Text != said().Text {
				return fmt.Errorf("%s %s %v %s", r.Method, r.URL, r.Header, body)
			}
			return nil
		},
		Deny: func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 403, `{"title":"Forbidden","status":403,"detail":"Your client app is not configured with the appropriate oauth1 app permissions for this endpoint."}`)
		},
		Refuse: func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 400, `{"title":"Invalid Request","errors":[{"message":"Your Tweet text is too long."}]}`)
		},
	})
}

// What X answers beyond a status.
func TestAnswers(t *testing.T) {
	soon, late := fmt.Sprint(time.Now().Add(5*time.Minute).Unix()), fmt.Sprint(time.Now().Add(20*time.Hour).Unix())
	for _, c := range []struct {
		name      string
		status    int
		header    http.Header
		body      string
		certainty provider.Certainty
		reason    provider.Reason
		most      time.Duration // of After; 0: none
	}{
		{"the same words again", 403, nil, `{"detail":"You are not allowed to create a Tweet with duplicate content.","type":"about:blank","title":"Forbidden","status":403}`, provider.Ambiguous, provider.ReasonRefused, 0},
		{"too much in a quarter of an hour", 429, http.Header{"X-Rate-Limit-Reset": {soon}}, `{"title":"Too Many Requests"}`, provider.Temporary, provider.ReasonRate, 5 * time.Minute},
		{"too much in a day", 429, http.Header{"X-Rate-Limit-Reset": {soon}, "X-User-Limit-24hour-Remaining": {"0"}, "X-User-Limit-24hour-Reset": {late}}, `{"title":"Too Many Requests"}`, provider.Temporary, provider.ReasonRate, 15 * time.Minute},
		{"too much, and nobody says until when", 429, http.Header{"X-Rate-Limit-Reset": {"soon"}}, ``, provider.Temporary, provider.ReasonRate, 0},
		{"a number that is none", 201, nil, `{"data":{"id":"x"}}`, provider.Ambiguous, provider.ReasonServer, 0},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); r.URL.Path == "/2/oauth2/token" {
				(&network{valid: consent, life: 7200}).oauth(w, r, body)
				return
			}
			for name, values := range c.header {
				w.Header()[name] = values
			}
			answer(w, c.status, "%s", c.body)
		}))
		ch, err := New(Config{URL: server.URL, ClientID: client, ClientSecret: clientSecret, Refresh: consent, Keep: new(Memory)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = ch.Send(t.Context(), "", said())
		if f := provider.Failed(err); f == nil || f.Certainty != c.certainty || f.Reason != c.reason || f.After > c.most || f.After < c.most-time.Minute {
			t.Errorf("%s: %+v", c.name, f)
		}
		server.Close()
	}
}

func TestAnAnswerToAPost(t *testing.T) {
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/2/oauth2/token" {
			(&network{valid: consent, life: 7200}).oauth(w, r, body)
			return
		}
		if bodies = append(bodies, string(body)); strings.Contains(string(body), `"in_reply_to_tweet_id":"666"`) {
			answer(w, 403, `{"detail":"You attempted to reply to a Tweet that is deleted or not visible to you.","title":"Forbidden","status":403}`)
			return
		}
		answer(w, 201, `{"data":{"id":"7"}}`)
	}))
	defer server.Close()
	c, err := New(Config{URL: server.URL, ClientID: client, ClientSecret: clientSecret, Refresh: consent, Keep: new(Memory)})
	if err != nil {
		t.Fatal(err)
	}
	for earlier, want := range map[string][]string{
		"5":                     {`"reply":{"in_reply_to_tweet_id":"5"}`},
		"666":                   {`"reply":{"in_reply_to_tweet_id":"666"}`, ""}, // it is gone: the next stands alone
		"3lu3k7vikye2m bafyrei": {""},
	} {
		m := said()
		m.Earlier, bodies = earlier, nil
		if r, err := c.Send(t.Context(), "", m); err != nil || r.ID != "7" || len(bodies) != len(want) {
			t.Fatalf("%s: %+v, %v, said %q", earlier, r, err, bodies)
		}
		for i, w := range want {
			if !strings.Contains(bodies[i], w) || strings.Contains(bodies[i], "reply") != (w != "") {
				t.Errorf("%s: %s", earlier, bodies[i])
			}
		}
	}
}

func TestConfiguration(t *testing.T) {
	good := Config{ClientID: client, Refresh: consent, Keep: new(Memory)}
	for _, c := range []struct {
		field  string
		change func(c *Config)
	}{
		{"", func(*Config) {}},
		{"url: ", func(c *Config) { c.URL = "http://api.x.com" }},
		{"client_id: ", func(c *Config) { c.ClientID = "" }},
		{"client_secret: ", func(c *Config) { c.ClientSecret = "a b" }},
		{"refresh: ", func(c *Config) { c.Refresh = "" }},
		{"keep: ", func(c *Config) { c.Keep = nil }},
	} {
		config := good
		c.change(&config)
		if _, err := New(config); (err == nil) != (c.field == "") || err != nil && (!strings.HasPrefix(err.Error(), c.field) || strings.Contains(err.Error(), consent)) {
			t.Errorf("%+v: %v", config, err)
		}
	}
}

// A public app says who it is in the form.
func TestAPublicApp(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/2/oauth2/token" {
			answer(w, 201, `{"data":{"id":"7"}}`)
			return
		}
		if err := r.ParseForm(); err != nil || r.PostForm.Get("client_id") != client || r.Header.Get("Authorization") != "" {
			t.Errorf("%v %v %v", err, r.PostForm, r.Header)
		}
		answer(w, 200, `{"expires_in":7200,"access_token":"a","refresh_token":"r"}`)
	}))
	defer server.Close()
	c, err := New(Config{URL: server.URL, ClientID: client, Refresh: consent, Keep: new(Memory)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), "", said()); err != nil {
		t.Error(err)
	}
}

// faulty is a Keep that cannot be reached for a while.
type faulty struct {
	Memory
	mutex sync.Mutex
	swaps int // that work before it fails
}

var errKeep = errors.New("bus: no connection")

func (f *faulty) Swap(ctx context.Context, was, now Tokens) (bool, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.swaps--; f.swaps < 0 {
		return false, errKeep
	}
	return f.Memory.Swap(ctx, was, now)
}
