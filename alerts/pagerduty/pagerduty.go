// Package pagerduty says notifications as events of PagerDuty's Events API v2. A problem is one incident there,
// whatever is said of it and however often: its key joins them, and an event that is said twice is one.
package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/provider"
)

// Default is PagerDuty's address; accounts in its European region have another: https://events.eu.pagerduty.com/v2/enqueue.
const Default = "https://events.pagerduty.com/v2/enqueue"

// Config is a service's integration "Events API V2".
type Config struct {
	URL  string // "": Default
	Key  string // its integration key, 32 characters: a secret; may be empty where every destination has its own
	Post provider.PostConfig
}

// Channel is a notice.Notifier. A destination is a service's integration key; "" is that of the Config.
type Channel struct {
	url, key string
	post     *provider.Poster
}

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	if c.URL == "" {
		c.URL = Default
	}
	if err := provider.CheckURL("url", c.URL, false); err != nil {
		return nil, err
	}
	if c.Key != "" {
		if err := checkKey(c.Key); err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
	}
	return &Channel{c.URL, c.Key, provider.NewPoster(c.Post)}, nil
}

func checkKey(key string) error {
	if len(key) != 32 || strings.ContainsFunc(key, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) {
		return errors.New("not 32 letters and digits, as PagerDuty shows it at the integration \"Events API V2\"")
	}
	return nil
}

// Notify triggers the problem's incident, tells it again, or resolves it. A test triggers an incident of its
// own, which somebody has to resolve there: what is tried is that telephones ring. A heartbeat is refused: it
// would page.
func (c *Channel) Notify(ctx context.Context, to string, n *notice.Notification) (provider.Receipt, error) {
	action := "trigger"
	switch n.Kind {
	case notice.Resolved:
		action = "resolve"
	case notice.Heartbeat:
		return provider.Receipt{}, &provider.Failure{Certainty: provider.Permanent, Reason: provider.ReasonConfig, Err: errors.New("a heartbeat would open an incident: send it to a webhook or to Alertmanager")}
	}
	return c.send(ctx, to, action, n)
}

// Acknowledge tells that somebody has taken n's problem, so that PagerDuty stops to escalate it.
func (c *Channel) Acknowledge(ctx context.Context, to string, n *notice.Notification) (provider.Receipt, error) {
	return c.send(ctx, to, "acknowledge", n)
}

func (c *Channel) send(ctx context.Context, to, action string, n *notice.Notification) (provider.Receipt, error) {
	key := to
	if key == "" {
		key = c.key
	}
	if err := checkKey(key); err != nil {
		return provider.Receipt{}, &provider.Failure{Certainty: provider.Permanent, Reason: provider.ReasonConfig, Err: fmt.Errorf("key: %w", err)}
	}
	post := c.post.Hiding(key)
	body, err := json.Marshal(render(key, action, n))
	if err != nil {
		return provider.Receipt{}, post.Fail(provider.Permanent, provider.ReasonConfig, "encode: %v", err)
	}
	a, err := post.Post(ctx, provider.Request{URL: c.url, Header: http.Header{"Content-Type": {"application/json"}}, Body: body})
	var answer struct {
		Status   string   `json:"status"`
		Message  string   `json:"message"`
		DedupKey string   `json:"dedup_key"`
		Errors   []string `json:"errors"`
	}
	unread := json.Unmarshal(a.Body, &answer)
	if err != nil {
		if f := (*provider.Failure)(nil); errors.As(err, &f) && a.Status == http.StatusBadRequest && unread == nil && strings.Contains(strings.ToLower(strings.Join(append(answer.Errors, answer.Message), " ")), "routing_key") {
			f.Reason = provider.ReasonUnknown // there is no such service
		}
		return provider.Receipt{}, err
	}
	if unread != nil || answer.Status != "success" {
		return provider.Receipt{}, post.Unreadable(a)
	}
	return post.Receipt(answer.DedupKey, answer.Message), nil
}

// Bounds of an event, in characters.
const (
	maxSummary = 1024
	maxDedup   = 255
)

type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Payload    *payload `json:"payload,omitempty"`
	Links      []link   `json:"links,omitempty"`
	Client     string   `json:"client,omitempty"`
	ClientURL  string   `json:"client_url,omitempty"`
}

type payload struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Severity  string         `json:"severity"`
	Timestamp string         `json:"timestamp,omitempty"`
	Component string         `json:"component,omitempty"`
	Group     string         `json:"group,omitempty"`
	Class     string         `json:"class,omitempty"`
	Details   map[string]any `json:"custom_details"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

func render(key, action string, n *notice.Notification) event {
	n = notice.Clean(n)
	e := event{RoutingKey: key, Action: action, DedupKey: dedupKey(n)}
	if action != "trigger" {
		return e
	}
	e.Client, e.ClientURL = "Vigie", n.URL
	for _, l := range notice.Links(n) {
		e.Links = append(e.Links, link{l.URL, l.Text})
	}
	e.Payload = &payload{
		Summary: provider.Line(n.Title, maxSummary), Source: "vigie", Severity: severity(n.Severity),
		Component: first(n.Labels, "service", "cdn", "source", "tool"), Group: first(n.Labels, "isp", "channel", "group"), Class: first(n.Labels, "rule", "alertname"),
		Details: map[string]any{"text": n.Text, "kind": n.Kind, "problem": n.Problem, "drill": n.Drill},
	}
	if !n.Started.IsZero() {
		e.Payload.Timestamp = n.Started.UTC().Format(time.RFC3339)
	}
	if n.Labels != nil {
		e.Payload.Details["labels"] = n.Labels
	}
	if n.Owner != "" {
		e.Payload.Details["owner"] = n.Owner
	}
	if v := math.Round(n.Viewers); v >= 0 && !math.IsInf(v, 0) {
		e.Payload.Details["viewers"] = v
	}
	return e
}

// dedupKey is the problem's, the same from the first to the last. A test, and what has no problem, is its own.
func dedupKey(n *notice.Notification) string {
	key := n.Problem
	if key == "" || n.Kind == notice.Test {
		key = n.ID
	}
	if key == "" {
		key = "?"
	}
	return provider.Line("vigie "+key, maxDedup)
}

func severity(s notice.Severity) string {
	switch s {
	case notice.Critical:
		return "critical"
	case notice.Info:
		return "info"
	}
	return "warning"
}

func first(labels map[string]string, names ...string) string {
	for _, name := range names {
		if labels[name] != "" {
			return labels[name]
		}
	}
	return ""
}
