package sms

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/providertest"
	"vigie/internal/provider/sms"
	"vigie/runbooks/channel"
)

const (
	to      = "+33612345678"
	account = "AC0123456789abcdef0123456789abcdef"
	apiKey  = "SK0123456789abcdef0123456789abcdef"
	secret  = "0123456789secret0123456789"
	auth    = "the-accounts-auth-token"
	token   = "a-token-of-the-house"
	reports = "https://vigie.example/receipts/sms"
)

var (
	_ channel.Channel  = (*Channel)(nil)
	_ channel.Reporter = (*Channel)(nil)
)

// said has a character that telephones' alphabet lacks: it is not folded here.
func said() *channel.Message {
	return &channel.Message{ID: "send-42-sms-00017", Lang: "fr", Text: "TF1+ : la vidéo s’interrompt.\nNous y travaillons. https://statut.example", At: time.Date(2026, 11, 21, 20, 41, 0, 0, time.UTC)}
}

func twilio(url string) Config {
	return Config{Gateway: sms.Config{Provider: "twilio", URL: url, Account: account, User: apiKey, Secret: secret, From: "TF1", Callback: reports}, Receipts: Receipts{Secret: auth}}
}

func ovh(url string) Config {
	return Config{Gateway: sms.Config{Provider: "ovh", URL: url + "/1.0", User: "7kbG7Bk7S9Nt7ZSV", Secret: secret, Consumer: "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1", Service: "sms-ab12345-1", From: "TF1"},
		Receipts: Receipts{Secret: token, Delivered: []string{"0"}, Failed: []string{"3", "9", "801"}}}
}

func generic(url string) Config {
	return Config{Gateway: sms.Config{Provider: "generic", URL: url + "/send", Secret: secret, Auth: "bearer", Callback: reports, Answer: "id",
		Fields: map[string]string{"to": "{to}", "text": "{text}", "ref": "{id}", "callback": "{callback}"}},
		Receipts: Receipts{Secret: token, Header: "Authorization", List: "results", Message: "ref", Receipt: "id", State: "status.name", Time: "done", Text: "status.text", Delivered: []string{"DELIVERED"}, Failed: []string{"EXPIRED", "REJECTED"}}}
}

func sending(config func(url string) Config) func(url string) (providertest.Try, error) {
	return func(url string) (providertest.Try, error) {
		c, err := New(config(url))
		return func(ctx context.Context) (provider.Receipt, error) { return c.Send(ctx, "+33 6 12 34 56 78", said()) }, err
	}
}

func answer(status int, format string, args ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, format, args...)
	}
}

func TestTwilio(t *testing.T) {
	providertest.Conform(t, providertest.Provider{
		New:     sending(twilio),
		Secrets: []string{secret, auth},
		Accept: func(w http.ResponseWriter, r *http.Request, _ []byte) {
			answer(201, `{"sid":"SM1","status":"queued"}`)(w, r)
		},
		Receipt: "SM1",
		Check: func(r *http.Request, body []byte) error {
			form, err := url.ParseQuery(string(body))
			want := url.Values{"To": {to}, "From": {"TF1"}, "Body": {said().Text}, "ValidityPeriod": {"1200"}, "StatusCallback": {reports + "?id=send-42-sms-00017"}}
			if err != nil || form.Encode() != want.Encode() {
				return fmt.Errorf("%v: %v, want %v", err, form, want)
			}
			return nil
		},
	})
}

func TestOVH(t *testing.T) {
	providertest.Conform(t, providertest.Provider{
		New:     sending(ovh),
		Secrets: []string{secret, token},
		Aside: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/1.0/auth/time" {
				fmt.Fprint(w, time.Now().Unix())
			}
			return r.URL.Path == "/1.0/auth/time"
		},
		Accept: func(w http.ResponseWriter, r *http.Request, _ []byte) {
			answer(200, `{"ids":[27814656],"validReceivers":[%q],"invalidReceivers":[]}`, to)(w, r)
		},
		Receipt: "27814656",
		Check: func(r *http.Request, body []byte) error {
			for _, want := range []string{`"validityPeriod":20`, `"coding":"8bit"`, `"noStopClause":true`, `"sender":"TF1"`, `s’interrompt.\nNous`} {
				if !strings.Contains(string(body), want) {
					return fmt.Errorf("no %s in %s", want, body)
				}
			}
			return nil
		},
	})
}

func TestGeneric(t *testing.T) {
	providertest.Conform(t, providertest.Provider{
		New:     sending(generic),
		Secrets: []string{secret, token},
		Accept:  func(w http.ResponseWriter, r *http.Request, _ []byte) { answer(202, `{"id":"m-1"}`)(w, r) },
		Receipt: "m-1",
		Check: func(_ *http.Request, body []byte) error {
			var m struct{ To, Text, Ref, Callback string }
			if err := providertest.Strict(body, &m); err != nil {
				return err
			}
			if m.To != to || m.Text != said().Text || m.Ref != said().ID || m.Callback != reports+"?id="+said().ID {
				return fmt.Errorf("%s", body)
			}
			return nil
		},
	})
}

func TestConfiguration(t *testing.T) {
	for _, c := range []struct {
		name, want string // want "": it is right
		base       Config
		change     func(c *Config)
	}{
		{"twilio", "", twilio(""), func(*Config) {}},
		{"twilio without reports", "", twilio(""), func(c *Config) { c.Gateway.Callback, c.Receipts.Secret = "", "" }},
		{"twilio by its auth token", "", twilio(""), func(c *Config) { c.Gateway.User, c.Receipts.Secret = "", "" }},
		{"twilio by an API key, which signs nothing", "receipts.secret: ", twilio(""), func(c *Config) { c.Receipts.Secret = "" }},
		{"a gateway that is wrong", "gateway.from: ", twilio(""), func(c *Config) { c.Gateway.From = "INFO" }},
		{"ovh", "", ovh("https://eu.api.ovh.com"), func(*Config) {}},
		{"ovh without reports", "", ovh("https://eu.api.ovh.com"), func(c *Config) { c.Receipts = Receipts{} }},
		{"ovh without its codes", "receipts.delivered: ", ovh("https://eu.api.ovh.com"), func(c *Config) { c.Receipts.Delivered = nil }},
		{"generic", "", generic("https://sms.example"), func(*Config) {}},
		{"a short token", "receipts.secret: ", generic("https://sms.example"), func(c *Config) { c.Receipts.Secret = "tiny" }},
		{"a token that is two parts of a path", "receipts.secret: ", generic("https://sms.example"), func(c *Config) { c.Receipts.Header, c.Receipts.Secret = "", "a-token/of-the-house" }},
		{"no header's name", "receipts.header: ", generic("https://sms.example"), func(c *Config) { c.Receipts.Header = "a b" }},
		{"nobody's report", "receipts.receipt: ", generic("https://sms.example"), func(c *Config) { c.Receipts.Message, c.Receipts.Receipt = "", "" }},
		{"an id that was never told", "receipts.receipt: ", generic("https://sms.example"), func(c *Config) { c.Receipts.Message, c.Gateway.Answer = "", "" }},
		{"no state", "receipts.state: ", generic("https://sms.example"), func(c *Config) { c.Receipts.State = "" }},
		{"no failure", "receipts.failed: ", generic("https://sms.example"), func(c *Config) { c.Receipts.Failed = nil }},
	} {
		c.change(&c.base)
		_, err := New(c.base)
		if (err == nil) != (c.want == "") || err != nil && (!strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), c.base.Receipts.Secret) && c.base.Receipts.Secret != "") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
