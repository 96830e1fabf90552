// Package teams says notifications in a channel or a chat of Microsoft Teams, by a workflow that starts "when a Teams
// webhook request is received" and posts the card that it gets. Its URL is its secret. The connectors of Office
// 365, which took MessageCards, are gone.
//
// The card is an Adaptive Card of version 1.4. Every word of it that is not ours is in a RichTextBlock, which knows no
// Markdown: a label cannot make a link or mention anyone.
package teams

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"vigie/alerts/notice"
	"vigie/internal/provider"
)

// Config is a workflow.
type Config struct {
	URL  string // https://….powerplatform.com/… or https://….logic.azure.com/…: a secret
	Post provider.PostConfig
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

// Notify says n once. That the workflow was started is all that Teams tells.
func (c *Channel) Notify(ctx context.Context, _ string, n *notice.Notification) (provider.Receipt, error) {
	body, err := encode(n)
	if err != nil {
		return provider.Receipt{}, c.post.Fail(provider.Permanent, provider.ReasonConfig, "encode: %v", err)
	}
	a, err := c.post.Post(ctx, provider.Request{URL: c.url, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body})
	if err != nil {
		return provider.Receipt{}, err
	}
	text := strings.TrimSpace(string(a.Body))
	if f := c.failedInside(a, text); f != nil {
		return provider.Receipt{}, f
	}
	// A started workflow is 202 without a word; one that was made to answer, or what is in front of one, 200 or "1".
	if a.Status != http.StatusAccepted && text != "" && text != "1" {
		return provider.Receipt{}, c.post.Unreadable(a)
	}
	return c.post.Receipt(a.Header.Get("X-Ms-Workflow-Run-Id"), strconv.Itoa(a.Status)+" "+text), nil
}

var inside = regexp.MustCompile(`(?i)endpoint returned HTTP error (\d{3})`)

// failedInside is the failure that Teams tells in the words of a success, which it does when it is busy.
func (c *Channel) failedInside(a provider.Answer, text string) *provider.Failure {
	m := inside.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	certainty, reason := provider.Ambiguous, provider.ReasonServer
	switch m[1] {
	case "429":
		certainty, reason = provider.Temporary, provider.ReasonRate
	case "404", "410":
		certainty, reason = provider.Permanent, provider.ReasonUnknown
	case "400", "413":
		certainty, reason = provider.Permanent, provider.ReasonRefused
	case "401", "403":
		certainty, reason = provider.Permanent, provider.ReasonAuth
	}
	f := c.post.Fail(certainty, reason, "answered %d: %s", a.Status, text)
	f.After = provider.RetryAfter(a.Header)
	return f
}

const (
	maxBody  = 28 << 10 // bytes that Teams takes
	maxLines = 60
)

type message struct {
	Type        string       `json:"type"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string  `json:"contentType"`
	ContentURL  *string `json:"contentUrl"`
	Content     card    `json:"content"`
}

type card struct {
	Schema       string   `json:"$schema"`
	Type         string   `json:"type"`
	Version      string   `json:"version"`
	Lang         string   `json:"lang"`
	FallbackText string   `json:"fallbackText"`
	Body         []any    `json:"body"`
	Actions      []action `json:"actions,omitempty"`
	Teams        width    `json:"msteams"`
}

type width struct {
	Width string `json:"width"`
}

type container struct {
	Type  string     `json:"type"`
	Style string     `json:"style"`
	Bleed bool       `json:"bleed"`
	Items []richText `json:"items"`
}

type richText struct {
	Type    string `json:"type"`
	Spacing string `json:"spacing,omitempty"`
	Inlines []run  `json:"inlines"`
}

type run struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Size   string `json:"size,omitempty"`
	Weight string `json:"weight,omitempty"`
}

type action struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// encode is the message of n, with as much of its text as Teams takes.
func encode(n *notice.Notification) ([]byte, error) {
	n = notice.Clean(n)
	lines := strings.Split(n.Text, "\n")
	for most := min(len(lines), maxLines); ; most = most * 3 / 4 {
		shown := lines[:most]
		if most < len(lines) {
			shown = append(append([]string(nil), shown...), "…")
		}
		body, err := json.Marshal(render(n, shown))
		if err != nil || len(body) <= maxBody || most == 0 {
			return body, err
		}
	}
}

func render(n *notice.Notification, lines []string) message {
	language := "fr"
	if strings.HasPrefix(strings.ToLower(n.Language), "en") {
		language = "en"
	}
	c := card{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4", Lang: language, FallbackText: plain(n.Title), Teams: width{"Full"},
		Body: []any{container{"Container", style(n), true, []richText{{Type: "RichTextBlock", Inlines: []run{{"TextRun", n.Title, "Large", "Bolder"}}}}}},
	}
	spacing := ""
	for _, l := range lines {
		if l == "" {
			spacing = "Medium"
			continue
		}
		c.Body = append(c.Body, richText{"RichTextBlock", spacing, []run{{Type: "TextRun", Text: l}}})
		spacing = "None"
	}
	for _, l := range notice.Links(n) {
		c.Actions = append(c.Actions, action{"Action.OpenUrl", l.Text, l.URL})
	}
	return message{"message", []attachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: c}}}
}

// plain takes away what Markdown would read, for the one field that may be shown as such.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("[]()*_`~#<>!\\|", r) {
			return ' '
		}
		return r
	}, s)
}

func style(n *notice.Notification) string {
	switch {
	case n.Kind == notice.Resolved:
		return "good"
	case n.Severity == notice.Critical:
		return "attention"
	case n.Severity == notice.Warning:
		return "warning"
	}
	return "emphasis"
}
