package pagerduty

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vigie/alerts/notice"
	"vigie/alerts/notice/noticetest"
	"vigie/internal/provider"
)

const (
	key   = "0123456789abcdef0123456789abcdef"
	other = "fedcba9876543210fedcba9876543210"
)

// check is PagerDuty's reference of an event.
func check(body []byte) error {
	var e struct {
		RoutingKey  string `json:"routing_key"`
		EventAction string `json:"event_action"`
		DedupKey    string `json:"dedup_key"`
		Payload     *struct {
			Summary, Source, Severity, Timestamp, Component, Group, Class string
			CustomDetails                                                 map[string]any `json:"custom_details"`
		}
		Images    []struct{ Src, Href, Alt string }
		Links     []struct{ Href, Text string }
		Client    string
		ClientURL string `json:"client_url"`
	}
	if err := noticetest.Strict(body, &e); err != nil {
		return err
	}
	if len(body) > 512<<10 || len(e.RoutingKey) != 32 || e.DedupKey == "" || utf8.RuneCountInString(e.DedupKey) > 255 {
		return fmt.Errorf("event %s", body)
	}
	if e.EventAction != "trigger" {
		if e.Payload != nil || e.Links != nil || e.EventAction != "resolve" && e.EventAction != "acknowledge" {
			return fmt.Errorf("event %s", body)
		}
		return nil
	}
	p := e.Payload
	if p == nil || p.Summary == "" || utf8.RuneCountInString(p.Summary) > 1024 || p.Source == "" || !slices.Contains([]string{"critical", "error", "warning", "info"}, p.Severity) || strings.ContainsAny(p.Summary, "\r\n") {
		return fmt.Errorf("payload %+v", p)
	}
	if _, err := time.Parse(time.RFC3339, p.Timestamp); p.Timestamp != "" && err != nil {
		return err
	}
	for _, l := range e.Links {
		if provider.Link(l.Href) == "" || l.Text == "" {
			return fmt.Errorf("link %+v", l)
		}
	}
	return nil
}

func documented() noticetest.Provider {
	return noticetest.Provider{
		New:     func(url string) (notice.Notifier, error) { return New(Config{URL: url + "/v2/enqueue", Key: key}) },
		Secrets: []string{key},
		Accept: func(w http.ResponseWriter, _ *http.Request, body []byte) {
			var e event
			json.Unmarshal(body, &e)
			w.WriteHeader(http.StatusAccepted)
			json.NewEncoder(w).Encode(map[string]string{"status": "success", "message": "Event processed " + e.RoutingKey, "dedup_key": e.DedupKey})
		},
		Receipt: "vigie cdn-errors.maison.orange",
		Check: func(r *http.Request, body []byte) error {
			if r.Method != http.MethodPost || r.URL.Path != "/v2/enqueue" || r.Header.Get("Content-Type") != "application/json" {
				return fmt.Errorf("%s %s %v", r.Method, r.URL, r.Header)
			}
			return check(body)
		},
		Unknown: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"status":"invalid event","message":"Event object is invalid","errors":["'routing_key' is invalid: %s"]}`, key)
		},
		Refuse: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"status":"invalid event","message":"Event object is invalid","errors":["'payload.severity' is invalid"]}`))
		},
	}
}

func TestPagerDuty(t *testing.T) { noticetest.Conform(t, documented()) }

// One problem is one incident, from its first word to its last, and a destination's key is used before the channel's.
func TestOneProblemIsOneIncident(t *testing.T) {
	r := noticetest.NewReceiver(t, documented())
	channel, err := New(Config{URL: r.URL + "/v2/enqueue", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	keys := map[string]bool{}
	for _, n := range notice.Fixtures() {
		if n.Kind == notice.Test || n.Kind == notice.Heartbeat || n.Language != "fr" {
			continue
		}
		if _, err := channel.Notify(t.Context(), other, n); err != nil {
			t.Error(err)
		}
		if n.Kind == notice.Reminder {
			if _, err := channel.Acknowledge(t.Context(), other, n); err != nil {
				t.Error(err)
			}
		}
	}
	for _, got := range r.Accepted() {
		var e event
		json.Unmarshal(got.Body, &e)
		actions = append(actions, e.Action)
		keys[e.DedupKey] = true
		if e.RoutingKey != other {
			t.Errorf("key %s", e.RoutingKey)
		}
	}
	if got := strings.Join(actions, " "); got != "trigger trigger trigger trigger trigger acknowledge trigger acknowledge resolve resolve" || len(keys) != 1 {
		t.Errorf("%s with %d keys", got, len(keys))
	}
}

func TestATestIsAnIncidentOfItsOwnAndAHeartbeatNone(t *testing.T) {
	r := noticetest.NewReceiver(t, documented())
	channel, err := New(Config{URL: r.URL + "/v2/enqueue", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notice.Fixtures() {
		receipt, err := channel.Notify(t.Context(), "", n)
		switch n.Kind {
		case notice.Test:
			if err != nil || receipt.ID != "vigie "+n.ID {
				t.Errorf("%v, %v", receipt, err)
			}
		case notice.Heartbeat:
			if f := provider.Failed(err); f == nil || f.Certainty != provider.Permanent || f.Reason != provider.ReasonConfig {
				t.Error(err)
			}
		}
	}
}

func TestPayloads(t *testing.T) {
	noticetest.Payloads(t, func(n *notice.Notification) any {
		action := "trigger"
		if n.Kind == notice.Resolved {
			action = "resolve"
		}
		return render(key, action, n)
	})
}

func TestConfiguration(t *testing.T) {
	for _, c := range []struct {
		config Config
		field  string
	}{
		{Config{Key: "short"}, "key: "}, {Config{Key: key + "\n"}, "key: "}, {Config{URL: "http://events.pagerduty.com", Key: key}, "url: "},
	} {
		if _, err := New(c.config); err == nil || !strings.HasPrefix(err.Error(), c.field) || strings.Contains(err.Error(), c.config.Key) {
			t.Errorf("%+v: %v", c.config, err)
		}
	}
	channel, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"", "not a key"} {
		if f := provider.Failed(errorOf(channel.Notify(t.Context(), to, notice.Fixtures()[0]))); f == nil || f.Certainty != provider.Permanent || f.Reason != provider.ReasonConfig {
			t.Errorf("%q: %v", to, f)
		}
	}
}

func errorOf(_ provider.Receipt, err error) error { return err }

func FuzzPagerDuty(f *testing.F) {
	noticetest.Fuzz(f, func(t *testing.T, n *notice.Notification) {
		for _, action := range []string{"trigger", "resolve"} {
			body, err := json.Marshal(render(key, action, n))
			if err != nil {
				t.Fatal(err)
			}
			if err := check(body); err != nil {
				t.Error(err)
			}
		}
	})
}
