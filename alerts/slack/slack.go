// Package slack says notifications in a channel of Slack, by an incoming webhook: whose URL is its secret, and which
// says nothing in any other channel. A webhook gives no message id, so that what becomes of a problem is a message
// of its own, not a thread.
package slack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"vigie/alerts/notice"
	"vigie/internal/provider"
)

// Config is an incoming webhook.
type Config struct {
	URL  string              // https://hooks.slack.com/services/…: a secret
	Post provider.PostConfig // Proxy and Roots, where the network asks for them
}

// Channel is a notice.Notifier. It has one destination: to is not used.
type Channel struct {
	url  string
	post *provider.Poster
}

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	if err := provider.CheckURL("url", c.URL, false); err != nil {
		return nil, err
	}
	c.Post.Secrets = slices.Concat(c.Post.Secrets, provider.URLSecrets(c.URL))
	return &Channel{c.URL, provider.NewPoster(c.Post)}, nil
}

// Notify says n once.
func (c *Channel) Notify(ctx context.Context, _ string, n *notice.Notification) (provider.Receipt, error) {
	body, err := json.Marshal(render(n))
	if err != nil {
		return provider.Receipt{}, c.post.Fail(provider.Permanent, provider.ReasonConfig, "encode: %v", err)
	}
	a, err := c.post.Post(ctx, provider.Request{URL: c.url, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body})
	word := strings.TrimSpace(string(a.Body))
	if err != nil {
		// It says in a word what it has against a request.
		if f := (*provider.Failure)(nil); errors.As(err, &f) && a.Status >= 400 && a.Status < 500 {
			switch word {
			case "channel_not_found", "channel_is_archived", "no_service", "no_service_id", "user_not_found":
				f.Certainty, f.Reason = provider.Permanent, provider.ReasonUnknown
			case "invalid_token", "no_team", "no_active_hooks", "team_disabled", "action_prohibited", "posting_to_general_channel_denied":
				f.Certainty, f.Reason = provider.Permanent, provider.ReasonAuth
			}
		}
		return provider.Receipt{}, err
	}
	if word != "ok" {
		return provider.Receipt{}, c.post.Unreadable(a)
	}
	return c.post.Receipt("", word), nil
}

// Bounds of Slack's blocks, in characters.
const (
	maxSection = 3000
	maxButton  = 75
)

type message struct {
	Text        string       `json:"text"` // what telephones show, and who has no blocks
	Blocks      []block      `json:"blocks"`
	Attachments []attachment `json:"attachments,omitempty"`
	UnfurlLinks bool         `json:"unfurl_links"`
	UnfurlMedia bool         `json:"unfurl_media"`
}

type attachment struct {
	Color    string  `json:"color"` // of the bar beside it
	Fallback string  `json:"fallback"`
	Blocks   []block `json:"blocks"`
}

type block struct {
	Type     string    `json:"type"`
	Text     *text     `json:"text,omitempty"`
	Elements []element `json:"elements,omitempty"`
}

type element struct {
	Type     string `json:"type"`
	ActionID string `json:"action_id"`
	Text     text   `json:"text"`
	URL      string `json:"url"`
	Style    string `json:"style,omitempty"`
}

type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim,omitempty"` // what looks like a URL or a channel's name is not made a link
	Emoji    *bool  `json:"emoji,omitempty"`
}

func render(n *notice.Notification) message {
	n = notice.Clean(n)
	title := escape(n.Title, 5*notice.MaxTitle+1)
	m := message{
		Text:   title,
		Blocks: []block{{Type: "section", Text: &text{Type: "mrkdwn", Text: "*" + strings.ReplaceAll(title, "*", "∗") + "*", Verbatim: true}}},
	}
	a := attachment{Color: color(n), Fallback: title}
	if t := escape(n.Text, maxSection); t != "" {
		a.Blocks = append(a.Blocks, block{Type: "section", Text: &text{Type: "mrkdwn", Text: t, Verbatim: true}})
	}
	var buttons []element
	for i, l := range notice.Links(n) {
		b := element{Type: "button", ActionID: []string{"a", "b", "c"}[i], Text: text{Type: "plain_text", Text: provider.Line(l.Text, maxButton), Emoji: new(bool)}, URL: l.URL}
		if l.Primary {
			b.Style = "primary"
		}
		buttons = append(buttons, b)
	}
	if buttons != nil {
		a.Blocks = append(a.Blocks, block{Type: "actions", Elements: buttons})
	}
	if a.Blocks != nil {
		m.Attachments = []attachment{a}
	}
	return m
}

// escape takes from text what Slack would read as a mention, a link or an entity: the three characters that its
// documentation names. It is at most limit characters after that, and no entity is cut.
func escape(s string, limit int) string {
	var b strings.Builder
	used := 0
	for _, r := range s {
		part := string(r)
		switch r {
		case '&':
			part = "&amp;"
		case '<':
			part = "&lt;"
		case '>':
			part = "&gt;"
		}
		if used += utf8.RuneCountInString(part); used > limit-1 {
			return b.String() + "…"
		}
		b.WriteString(part)
	}
	return b.String()
}

func color(n *notice.Notification) string {
	switch {
	case n.Kind == notice.Resolved:
		return "#2e7d32"
	case n.Severity == notice.Critical:
		return "#c62828"
	case n.Severity == notice.Warning:
		return "#ef6c00"
	}
	return "#546e7a"
}
