package mastodon

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/providertest"
	"vigie/runbooks/channel"
)

const token = "ZA-Yj3aBD8U8Cm7lKUp-lm9O9BmDgdhHzDeqsY8tlL0"

var _ channel.Channel = (*Channel)(nil)

func said() *channel.Message {
	return &channel.Message{ID: "send-42-mastodon-fr", Lang: "fr", Thread: "crisis-7", Text: "La vidéo s’interrompt chez certains abonnés.\nhttps://statut.example", At: time.Date(2026, 11, 21, 20, 41, 0, 0, time.UTC)}
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

const posted = `{"id":"103254962155278888","created_at":"2026-11-21T20:41:07.000Z","in_reply_to_id":null,"visibility":"unlisted","uri":"https://social.example/users/tf1/statuses/103254962155278888","url":"https://social.example/@tf1/103254962155278888","content":"<p>La vidéo…</p>"}`

// check holds a request against "Post a new status": form or JSON of these fields, with these headers.
func check(replyTo string) func(r *http.Request, body []byte) error {
	return func(r *http.Request, body []byte) error {
		var s struct {
			Status, Visibility, Language string
			ReplyTo                      string `json:"in_reply_to_id"`
		}
		if err := providertest.Strict(body, &s); err != nil {
			return err
		}
		want := said()
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/statuses" || r.Header.Get("Authorization") != "Bearer "+token || r.Header.Get("Idempotency-Key") != want.ID || r.Header.Get("Content-Type") != "application/json" ||
			s.Status != want.Text || s.Language != "fr" || s.Visibility != "unlisted" || s.ReplyTo != replyTo {
			return fmt.Errorf("%s %s %v %s", r.Method, r.URL, r.Header, body)
		}
		return nil
	}
}

func TestMastodon(t *testing.T) {
	providertest.Conform(t, providertest.Provider{
		New: func(url string) (providertest.Try, error) {
			c, err := New(Config{URL: url + "/", Token: token, Visibility: "unlisted"})
			return func(ctx context.Context) (provider.Receipt, error) { return c.Send(ctx, "", said()) }, err
		},
		Secrets: []string{token},
		Accept:  func(w http.ResponseWriter, r *http.Request, _ []byte) { answer(200, posted)(w, r) },
		Receipt: "103254962155278888",
		Check:   check(""),
		Deny:    answer(401, `{"error":"The access token is invalid"}`),
		Unknown: answer(404, `{"error":"Record not found"}`),
		Refuse:  answer(422, `{"error":"Validation failed: Text character limit of 500 exceeded"}`),
	})
}

func TestAnAnswerToWhatIsGoneStandsAlone(t *testing.T) {
	var bodies []string
	r := providertest.NewReceiver(t, providertest.Provider{
		Aside: func(w http.ResponseWriter, r *http.Request) bool {
			body := make([]byte, 4096)
			n, _ := r.Body.Read(body)
			bodies = append(bodies, string(body[:n]))
			if strings.Contains(bodies[len(bodies)-1], "in_reply_to_id") {
				answer(404, `{"error":"Record not found"}`)(w, r)
			} else {
				answer(200, posted)(w, r)
			}
			return true
		},
	})
	c, err := New(Config{URL: r.URL, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	m := said()
	m.Earlier = "103254962155278800"
	if receipt, err := c.Send(t.Context(), "", m); err != nil || receipt.ID != "103254962155278888" || receipt.Text != "https://social.example/@tf1/103254962155278888" || len(bodies) != 2 {
		t.Errorf("%+v, %v after %q", receipt, err, bodies)
	}
	// What is no post's id is not sent.
	m.Earlier = "3lu3k7vikye2m bafyrei"
	if _, err := c.Send(t.Context(), "", m); err != nil || len(bodies) != 3 {
		t.Errorf("%v after %q", err, bodies)
	}
}

func TestAnAnswerToAPostIsOne(t *testing.T) {
	want := check("103254962155278800")
	r := providertest.NewReceiver(t, providertest.Provider{Check: want, Accept: func(w http.ResponseWriter, r *http.Request, _ []byte) { answer(200, posted)(w, r) }})
	c, err := New(Config{URL: r.URL, Token: token, Visibility: "unlisted"})
	if err != nil {
		t.Fatal(err)
	}
	m := said()
	m.Earlier = "103254962155278800"
	if _, err := c.Send(t.Context(), "", m); err != nil {
		t.Error(err)
	}
	for _, err := range r.Wrong() {
		t.Error(err)
	}
}

// Mastodon tells in X-RateLimit-Reset when it takes more, as a date.
func TestWhenItTakesMore(t *testing.T) {
	for reset, want := range map[string]time.Duration{time.Now().Add(time.Hour).UTC().Format(time.RFC3339): 15 * time.Minute, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339Nano): time.Second, "soon": 0} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-RateLimit-Reset", reset)
			answer(429, `{"error":"Too many requests"}`)(w, r)
		}))
		c, err := New(Config{URL: server.URL, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Send(t.Context(), "", said())
		if f := provider.Failed(err); f == nil || f.Certainty != provider.Temporary || f.After != want {
			t.Errorf("%s: %+v", reset, f)
		}
		server.Close()
	}
}

func TestLimit(t *testing.T) {
	var body atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/v2/instance" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		answer(200, body.Load().(string))(w, r)
	}))
	defer server.Close()
	c, err := New(Config{URL: server.URL, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]Limit{
		`{"domain":"social.example","version":"4.5.0","configuration":{"statuses":{"max_characters":500,"max_media_attachments":4,"characters_reserved_per_url":23}}}`: {500, 23},
		`{"configuration":{"statuses":{"max_characters":11000,"characters_reserved_per_url":30}}}`:                                                                     {11000, 30},
		`{"configuration":{"statuses":{"max_characters":0,"characters_reserved_per_url":23}}}`:                                                                         {},
		`{"configuration":{"statuses":{"max_characters":"500"}}}`:                                                                                                      {},
		`{"configuration":{}}`: {}, `<html>`: {}, ``: {},
	} {
		body.Store(text)
		got, err := c.Limit(t.Context())
		if got != want || (err == nil) != (want != Limit{}) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if f := provider.Failed(err); f != nil && f.Certainty != provider.Temporary {
			t.Errorf("%s: %+v", text, f)
		}
	}
}

func TestConfiguration(t *testing.T) {
	good := Config{URL: "https://social.example", Token: token}
	for _, c := range []struct {
		field  string
		change func(c *Config)
	}{
		{"", func(*Config) {}},
		{"url: ", func(c *Config) { c.URL = "http://social.example" }},
		{"url: ", func(c *Config) { c.URL = "social.example" }},
		{"token: ", func(c *Config) { c.Token = "" }},
		{"token: ", func(c *Config) { c.Token = "a\r\nX: y" }},
		{"visibility: ", func(c *Config) { c.Visibility = "all" }},
	} {
		config := good
		c.change(&config)
		if _, err := New(config); (err == nil) != (c.field == "") || err != nil && (!strings.HasPrefix(err.Error(), c.field) || strings.Contains(err.Error(), token)) {
			t.Errorf("%+v: %v", config, err)
		}
	}
}

func FuzzLimit(f *testing.F) {
	f.Add([]byte(`{"configuration":{"statuses":{"max_characters":500,"characters_reserved_per_url":23}}}`))
	f.Add([]byte(`{"configuration":{"statuses":{"max_characters":1e9}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if l, err := limit(body); err == nil && (l.Characters < 1 || l.PerURL < 1 || l.PerURL > l.Characters || l.Characters > 1_000_000) {
			t.Errorf("%+v", l)
		}
	})
}
