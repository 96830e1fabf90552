package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/notice/noticetest"
)

const (
	secret = "a-shared-secret-of-the-room"
	token  = "a-bearer-token"
)

func check(r *http.Request, body []byte) error {
	if r.Method != http.MethodPost || r.URL.Path != "/hook" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer "+token || r.Header.Get("X-Gateway-Key") != "a-gateways-key" {
		return fmt.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	if err := Verify(r.Header.Get(Header), time.Now(), body, secret); err != nil {
		return err
	}
	var m Message
	if err := noticetest.Strict(body, &m); err != nil {
		return err
	}
	if m.Version != "1" || m.ID == "" || r.Header.Get("Idempotency-Key") != m.ID || m.Title == "" {
		return fmt.Errorf("%v with %s", r.Header, body)
	}
	return nil
}

func TestWebhook(t *testing.T) {
	noticetest.Conform(t, noticetest.Provider{
		New: func(url string) (notice.Notifier, error) {
			return New(Config{URL: url + "/hook", Secret: secret, Token: token, Headers: map[string]string{"x-gateway-key": "a-gateways-key"}})
		},
		To:      "video",
		Secrets: []string{secret, token, "a-gateways-key"},
		Accept: func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.WriteHeader(http.StatusCreated)
			w.Write([]byte(`{"id":"42","echo":"` + token + `"}`))
		},
		Receipt: "42",
		Check:   check,
		// Any 2xx is a receiver's yes: it is the team's own, and answers as it likes.
		Page: &noticetest.Outcome{},
	})
}

// Everything that a Notification has is sent: a field that is added to it is added here, or this test fails.
func TestAllFieldsAreSent(t *testing.T) {
	n := notice.Fixtures()[0]
	n.Ended = n.At
	n.Drill, n.Repeat = true, true
	m := reflect.ValueOf(Render("video", n))
	for _, f := range reflect.VisibleFields(reflect.TypeFor[notice.Notification]()) {
		if v := m.FieldByName(f.Name); !v.IsValid() || v.IsZero() {
			t.Errorf("%s is not sent", f.Name)
		}
	}
	a := m.FieldByName("Alerts").Index(1)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[notice.Alert]()) {
		if v := a.FieldByName(f.Name); !v.IsValid() || v.IsZero() {
			t.Errorf("%s of an alert is not sent", f.Name)
		}
	}
}

func TestPayloads(t *testing.T) {
	noticetest.Payloads(t, func(n *notice.Notification) any { return Render("video", n) })
}

func TestConfiguration(t *testing.T) {
	good := Config{URL: "https://relay.example/hook", Secret: secret, Token: token}
	for _, c := range []struct {
		field  string
		change func(c *Config)
	}{
		{"", func(*Config) {}},
		{"", func(c *Config) { c.URL, c.Token = "http://relay.lan/hook", "" }},
		{"url: ", func(c *Config) { c.URL = "http://relay.lan/hook" }},
		{"url: ", func(c *Config) { c.URL = "" }},
		{"secret: ", func(c *Config) { c.Secret = "short" }},
		{"headers.Vigie-Signature: ", func(c *Config) { c.Headers = map[string]string{"vigie-signature": "x"} }},
		{"headers: ", func(c *Config) { c.Headers = map[string]string{"X Y": "x"} }},
		{"headers.X: ", func(c *Config) { c.Headers = map[string]string{"X": "a\r\nY: b"} }},
		{"token: ", func(c *Config) { c.Token = "a\r\nX: y" }},
	} {
		config := good
		c.change(&config)
		_, err := New(config)
		if (err == nil) != (c.field == "") || err != nil && !strings.HasPrefix(err.Error(), c.field) {
			t.Errorf("%+v: %v", config, err)
		}
	}
}

func FuzzWebhook(f *testing.F) {
	noticetest.Fuzz(f, func(t *testing.T, n *notice.Notification) {
		body, err := json.Marshal(Render(n.Owner, n))
		if err != nil {
			t.Fatal(err)
		}
		var m Message
		if err := noticetest.Strict(body, &m); err != nil || len(body) > 1_000_000 {
			t.Errorf("%v, %d bytes", err, len(body))
		}
		for _, text := range []string{m.ID, m.Title, m.Short, m.Owner, m.To} {
			if strings.ContainsAny(text, "\r\n\x00\u202e") {
				t.Errorf("%q", text)
			}
		}
	})
}
