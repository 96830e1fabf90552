package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/providertest"
	"vigie/runbooks/channel"
)

const (
	secret = "a-shared-secret-of-the-room"
	token  = "a-bearer-token"
)

func said() *channel.Message {
	return &channel.Message{
		ID: "send-42-webhook-fr", Lang: "fr", Thread: "crisis-7", Earlier: "41", Subject: "Vidéo interrompue", Text: "La vidéo s’interrompt.\nNous y travaillons.",
		At: time.Date(2026, 11, 21, 20, 41, 0, 0, time.UTC), Drill: true, Step: "update", NextBy: time.Date(2026, 11, 21, 21, 10, 0, 0, time.UTC),
	}
}

var _ channel.Channel = (*Channel)(nil)

func TestWebhook(t *testing.T) {
	providertest.Conform(t, providertest.Provider{
		New: func(url string) (providertest.Try, error) {
			c, err := New(Config{URL: url + "/hook", Secret: secret, Token: token, Headers: map[string]string{"x-gateway-key": "a-gateways-key"}})
			return func(ctx context.Context) (provider.Receipt, error) { return c.Send(ctx, "", said()) }, err
		},
		Secrets: []string{secret, token, "a-gateways-key"},
		Accept: func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, `{"id":"42","echo":"%s"}`, token)
		},
		Receipt: "42",
		Check: func(r *http.Request, body []byte) error {
			if err := provider.Verify(r.Header.Get(provider.SignatureHeader), time.Now(), body, secret); err != nil {
				return err
			}
			var m Message
			if err := providertest.Strict(body, &m); err != nil {
				return err
			}
			want := said()
			if r.Method != http.MethodPost || r.URL.Path != "/hook" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer "+token || r.Header.Get("X-Gateway-Key") != "a-gateways-key" ||
				r.Header.Get("Idempotency-Key") != want.ID || r.Header.Get("X-Vigie-Drill") != "true" || !m.Drill || m.Text != want.Text || !m.NextBy.Equal(want.NextBy) {
				return fmt.Errorf("%s %s %v %s", r.Method, r.URL, r.Header, body)
			}
			return nil
		},
		Page: &providertest.Outcome{}, // any 2xx is a receiver's yes: it answers as it likes
	})
}

// Everything that a message has for a webhook is sent: a field that is added to it is added here, or this test fails.
func TestAllFieldsAreSent(t *testing.T) {
	elsewhere := map[string]string{"Lang": "Language", "Thread": "Crisis", "HTML": "", "Unsubscribe": ""} // of mails alone
	m := reflect.ValueOf(Render(said()))
	for _, f := range reflect.VisibleFields(reflect.TypeFor[channel.Message]()) {
		name, other := elsewhere[f.Name]
		if !other {
			name = f.Name
		}
		if name == "" {
			continue
		}
		if v := m.FieldByName(name); !v.IsValid() || v.IsZero() {
			t.Errorf("%s is not sent", f.Name)
		}
	}
}

func TestWhatIsSent(t *testing.T) {
	b, err := json.MarshalIndent(Render(said()), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	providertest.Golden(t, "message.json", append(b, '\n'))
	live := said()
	live.Drill, live.NextBy, live.At = false, time.Time{}, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if b, err = json.Marshal(Render(live)); err != nil || !strings.Contains(string(b), `"drill":false`) || strings.Contains(string(b), "next_by") || strings.Contains(string(b), `"at"`) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestConfiguration(t *testing.T) {
	good := Config{URL: "https://push.example/hook", Secret: secret}
	for _, c := range []struct {
		field  string
		change func(c *Config)
	}{
		{"", func(*Config) {}},
		{"url: ", func(c *Config) { c.URL = "" }},
		{"secret: ", func(c *Config) { c.Secret = "short" }},
		{"headers.X-Vigie-Drill: ", func(c *Config) { c.Headers = map[string]string{"x-vigie-drill": "false"} }},
		{"headers.Idempotency-Key: ", func(c *Config) { c.Headers = map[string]string{"idempotency-key": "1"} }},
	} {
		config := good
		c.change(&config)
		if _, err := New(config); (err == nil) != (c.field == "") || err != nil && (!strings.HasPrefix(err.Error(), c.field) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%+v: %v", config, err)
		}
	}
}
