// Package noticetest is package providertest for channels of notifications: every one over HTTP passes its tests.
package noticetest

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/provider"
	"vigie/internal/provider/providertest"
)

// What a channel is tried with is a provider's.
type (
	Mode     = providertest.Mode
	Outcome  = providertest.Outcome
	Receiver = providertest.Receiver
)

// The moods that channels name in tests of their own.
const (
	OK         = providertest.OK
	Busy       = providertest.Busy
	Denies     = providertest.Denies
	Refuses    = providertest.Refuses
	FailsAfter = providertest.FailsAfter
)

// Provider is one that a channel speaks to, as its documentation describes it: see providertest.Provider.
type Provider struct {
	New                   func(url string) (notice.Notifier, error) // a channel to a provider at url
	To                    string
	Secrets               []string                                                     // none of which an error or a receipt may have
	Accept                func(w http.ResponseWriter, r *http.Request, body []byte)    // its answer to what it accepts
	Check                 func(r *http.Request, body []byte) error                     // whether a request is what it asks for, strictly
	Aside                 func(w http.ResponseWriter, r *http.Request) (answered bool) // requests that send nothing
	Deny, Unknown, Refuse http.HandlerFunc                                             // its words for wrong credentials, destination, request; nil: 401, 404, 400
	Denied, UnknownTo     *Outcome                                                     // where they mean something else than usual
	Page                  *Outcome                                                     // of a page of HTML with status 200; nil: ambiguous
	Receipt               string                                                       // the id that Accept gives
}

// at is p as it is tried with n.
func (p Provider) at(n *notice.Notification) providertest.Provider {
	return providertest.Provider{
		New: func(url string) (providertest.Try, error) {
			channel, err := p.New(url)
			return func(ctx context.Context) (provider.Receipt, error) { return channel.Notify(ctx, p.To, n) }, err
		},
		Secrets: p.Secrets, Accept: p.Accept, Check: p.Check, Aside: p.Aside, Deny: p.Deny, Unknown: p.Unknown, Refuse: p.Refuse,
		Denied: p.Denied, UnknownTo: p.UnknownTo, Page: p.Page, Receipt: p.Receipt,
	}
}

// NewReceiver starts a provider that answers as p says.
func NewReceiver(t testing.TB, p Provider) *Receiver {
	return providertest.NewReceiver(t, p.at(notice.Fixtures()[0]))
}

// Conform is providertest.Conform with a notification, and all others that there are once.
func Conform(t *testing.T, p Provider) {
	providertest.Conform(t, p.at(notice.Fixtures()[0]))
	t.Run("all that can be said", func(t *testing.T) {
		r := NewReceiver(t, p)
		channel, err := p.New(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range notice.Fixtures() {
			if _, err := channel.Notify(t.Context(), p.To, n); err != nil {
				if f := provider.Failed(err); f.Reason != provider.ReasonConfig {
					t.Errorf("%s: %v", n.ID, err)
				}
			}
		}
		for _, err := range r.Wrong() {
			t.Error(err)
		}
	})
}

// Strict decodes one JSON value into a provider's schema: what the schema does not have is an error.
func Strict(body []byte, into any) error { return providertest.Strict(body, into) }

// Golden holds what is sent against testdata/name.
func Golden(t *testing.T, name string, got []byte) {
	t.Helper()
	providertest.Golden(t, name, got)
}

// Payloads holds what a channel sends of some of the fixtures, as JSON, against testdata.
func Payloads(t *testing.T, render func(n *notice.Notification) any) {
	t.Helper()
	for _, n := range notice.Fixtures() {
		switch n.ID {
		case "fixture-firing-fr", "fixture-firing-fr-bare", "fixture-resolved-en", "fixture-test-en":
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if err := e.Encode(render(n)); err != nil {
				t.Fatal(err)
			}
			providertest.Golden(t, n.ID+".json", b.Bytes())
		}
	}
}

// Fuzz gives each a Notification that nobody cleaned: labels, titles and texts from whoever can send a line.
func Fuzz(f *testing.F, each func(t *testing.T, n *notice.Notification)) {
	kinds := []notice.Kind{notice.Firing, notice.Worse, notice.Reminder, notice.Resolved, notice.Test, notice.Heartbeat, "?"}
	for i, s := range []string{
		"<!channel> <@U123> <https://evil.example|click>", "[click](https://evil.example) **b** <at>everyone</at>", "a\r\nBcc: all@example.com\r\n\r\n.\r\n",
		`"},{"text":"`, "<script>alert(1)</script>", "\u202e\u2066\x00\x1b[31m\xff", strings.Repeat("é😀", 3000), "{{.}} ${jndi:ldap://x} %s%n", "=cmd()", "",
	} {
		f.Add(s, s, s, "https://wiki.example/"+s, uint8(i), float64(i))
	}
	f.Fuzz(func(t *testing.T, title, key, value, link string, kind uint8, viewers float64) {
		if kind == 255 {
			viewers = math.NaN()
		}
		at := time.Unix(1800000000, 0)
		n := &notice.Notification{
			ID: value, Problem: value, Kind: kinds[int(kind)%len(kinds)], Severity: notice.Severity(key), Language: key, Drill: kind&1 == 1,
			Title: title, Text: value + "\n" + title, Short: title, Spark: value, Started: at, Ended: at, At: at, Viewers: viewers,
			Labels: map[string]string{key: value, title: key}, Owner: value, URL: link, AckURL: link, Runbook: value,
		}
		if kind&2 == 2 {
			n.Severity = notice.Critical
		}
		for range int(kind) {
			n.Alerts = append(n.Alerts, notice.Alert{Title: title, Labels: map[string]string{key: value}, Severity: notice.Severity(value), Since: at})
		}
		each(t, n)
	})
}
