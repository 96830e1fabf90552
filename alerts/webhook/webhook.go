// Package webhook says notifications to a program of the team's own: a POST of JSON, signed, that says the same however
// often it is tried. What is in the JSON is version 1: fields may be added to it, none is taken away or changes its
// meaning without another version.
package webhook

import (
	"context"
	"math"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/provider"
)

// Config is a receiver.
type Config = provider.HookConfig

// Channel is a notice.Notifier. It has one destination; to is told to the receiver, which may tell by it whom to call.
type Channel struct{ hook *provider.Hook }

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	hook, err := provider.NewHook(c)
	if err != nil {
		return nil, err
	}
	return &Channel{hook}, nil
}

// Notify says n once. Any 2xx answer is a receipt; a JSON answer with an "id" gives the receipt that id.
func (c *Channel) Notify(ctx context.Context, to string, n *notice.Notification) (provider.Receipt, error) {
	m := Render(to, n)
	return c.hook.Post(ctx, m.ID, nil, m)
}

// Message is the body, version 1. Times are RFC 3339 in UTC; a field that is not known is missing.
type Message struct {
	Version  string            `json:"version"` // "1"
	ID       string            `json:"id"`      // of this very saying: the same when it is tried again; also in Idempotency-Key
	Problem  string            `json:"problem"` // the same from the first to the last that is said of a problem
	Kind     notice.Kind       `json:"kind"`    // firing, worse, reminder, resolved, test, heartbeat
	Severity notice.Severity   `json:"severity"`
	Drill    bool              `json:"drill"`
	Repeat   bool              `json:"repeat"` // it may have been heard before, for an answer was lost
	Language string            `json:"language,omitempty"`
	To       string            `json:"to,omitempty"`
	Title    string            `json:"title"`
	Text     string            `json:"text"`
	Short    string            `json:"short"`
	Spark    string            `json:"spark,omitempty"`
	Started  *time.Time        `json:"started,omitempty"`
	Ended    *time.Time        `json:"ended,omitempty"` // missing: it goes on
	At       *time.Time        `json:"at,omitempty"`    // when it was decided to be said
	Zone     string            `json:"zone"`            // of the room, as Europe/Paris
	Viewers  *float64          `json:"viewers,omitempty"`
	Labels   map[string]string `json:"labels"`
	Owner    string            `json:"owner,omitempty"`
	Alerts   []Alert           `json:"alerts"`
	URL      string            `json:"url,omitempty"`
	AckURL   string            `json:"ack_url,omitempty"`
	Runbook  string            `json:"runbook,omitempty"`
}

// Alert is one of those that a problem is made of.
type Alert struct {
	Title    string            `json:"title"`
	Labels   map[string]string `json:"labels"`
	Severity notice.Severity   `json:"severity"`
	Since    *time.Time        `json:"since,omitempty"`
	Ended    *time.Time        `json:"ended,omitempty"`
}

// Render is n as it is sent to a destination.
func Render(to string, n *notice.Notification) Message {
	n = notice.Clean(n)
	m := Message{
		Version: "1", ID: n.ID, Problem: n.Problem, Kind: notice.Kind(word(string(n.Kind))), Severity: notice.Severity(word(string(n.Severity))), Drill: n.Drill, Repeat: n.Repeat,
		Language: word(n.Language), To: provider.Line(to, notice.MaxTitle), Title: n.Title, Text: n.Text, Short: n.Short, Spark: n.Spark,
		Started: moment(n.Started), Ended: moment(n.Ended), At: moment(n.At), Zone: n.Zone.String(),
		Labels: object(n.Labels), Owner: n.Owner, Alerts: []Alert{}, URL: n.URL, AckURL: n.AckURL, Runbook: n.Runbook,
	}
	if v := n.Viewers; !math.IsNaN(v) && !math.IsInf(v, 0) && v >= 0 {
		m.Viewers = &v
	}
	for _, a := range n.Alerts {
		m.Alerts = append(m.Alerts, Alert{a.Title, object(a.Labels), notice.Severity(word(string(a.Severity))), moment(a.Since), moment(a.Ended)})
	}
	return m
}

func word(s string) string { return provider.Line(s, 20) }

func object(labels map[string]string) map[string]string {
	if labels == nil {
		return map[string]string{}
	}
	return labels
}

// moment is t where JSON can write it.
func moment(t time.Time) *time.Time {
	if t = t.UTC(); t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return nil
	}
	return &t
}
