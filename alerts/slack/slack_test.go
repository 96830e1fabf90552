package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/alerts/notice"
	"vigie/alerts/notice/noticetest"
	"vigie/internal/provider"
)

const secret = "/services/T000/B000/XXXXsecretXXXX"

// check is Slack's reference: which blocks there are, how long each text may be, and that nothing in a text is markup.
func check(body []byte) error {
	var m struct {
		Text        string
		Blocks      []checkedBlock
		Attachments []struct {
			Color, Fallback string
			Blocks          []checkedBlock
		}
		UnfurlLinks *bool `json:"unfurl_links"`
		UnfurlMedia *bool `json:"unfurl_media"`
	}
	if err := noticetest.Strict(body, &m); err != nil {
		return err
	}
	var wrong []error
	blocks := m.Blocks
	for _, a := range m.Attachments {
		blocks = append(blocks, a.Blocks...)
		if !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(a.Color) || len(a.Blocks) == 0 {
			wrong = append(wrong, fmt.Errorf("attachment with colour %q, %d blocks", a.Color, len(a.Blocks)))
		}
		wrong = append(wrong, plain("fallback", a.Fallback, 2000))
	}
	wrong = append(wrong, plain("text", m.Text, 4000))
	for _, b := range blocks {
		switch b.Type {
		case "section":
			if b.Text == nil || b.Text.Type != "mrkdwn" || !b.Text.Verbatim || b.Elements != nil {
				return fmt.Errorf("a section without verbatim text: %s", body)
			}
			wrong = append(wrong, plain("section", b.Text.Text, 3000))
		case "actions":
			if len(b.Elements) < 1 || len(b.Elements) > 25 || b.Text != nil {
				return fmt.Errorf("actions: %s", body)
			}
			ids := map[string]bool{}
			for _, e := range b.Elements {
				if e.Type != "button" || e.Text.Type != "plain_text" || utf8.RuneCountInString(e.Text.Text) > 75 || provider.Link(e.URL) == "" || len(e.URL) > 3000 || e.Style != "" && e.Style != "primary" || ids[e.ActionID] {
					wrong = append(wrong, fmt.Errorf("button %+v", e))
				}
				ids[e.ActionID] = true
			}
		default:
			wrong = append(wrong, fmt.Errorf("block %q", b.Type))
		}
	}
	return errors.Join(wrong...)
}

type checkedBlock struct {
	Type     string
	Text     *checkedText
	Elements []struct {
		Type     string
		ActionID string `json:"action_id"`
		Text     checkedText
		URL      string
		Style    string
	}
}

type checkedText struct {
	Type, Text string
	Verbatim   bool
	Emoji      *bool
}

var entity = regexp.MustCompile(`&(amp|lt|gt);`)

func plain(what, text string, limit int) error {
	if n := utf8.RuneCountInString(text); n < 1 || n > limit {
		return fmt.Errorf("%s has %d characters", what, n)
	}
	if strings.ContainsAny(entity.ReplaceAllString(text, ""), "<>&") {
		return fmt.Errorf("%s has markup: %q", what, text)
	}
	return nil
}

func say(status int, word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte(word))
	}
}

func TestSlack(t *testing.T) {
	noticetest.Conform(t, noticetest.Provider{
		New:     func(url string) (notice.Notifier, error) { return New(Config{URL: url + secret}) },
		Secrets: []string{"XXXXsecretXXXX", secret},
		Accept:  func(w http.ResponseWriter, r *http.Request, _ []byte) { say(200, "ok")(w, r) },
		Check: func(r *http.Request, body []byte) error {
			if r.Method != http.MethodPost || r.URL.Path != secret || r.Header.Get("Content-Type") != "application/json; charset=utf-8" {
				return fmt.Errorf("%s %s %v", r.Method, r.URL.Path, r.Header)
			}
			return check(body)
		},
		Deny:    say(403, "invalid_token"),
		Unknown: say(410, "channel_is_archived"),
		Refuse:  say(400, "invalid_payload"),
	})
}

// The words of Slack's documentation, whatever the status that they come with.
func TestSlacksWords(t *testing.T) {
	for _, c := range []struct {
		status int
		word   string
		want   provider.Reason
	}{
		{400, "invalid_payload", provider.ReasonRefused}, {400, "user_not_found", provider.ReasonUnknown}, {400, "no_team", provider.ReasonAuth},
		{403, "action_prohibited", provider.ReasonAuth}, {404, "channel_not_found", provider.ReasonUnknown}, {410, "channel_is_archived", provider.ReasonUnknown},
		{400, "invalid_blocks", provider.ReasonRefused}, {404, "no_service", provider.ReasonUnknown},
	} {
		server := httptest.NewServer(say(c.status, c.word))
		channel, err := New(Config{URL: server.URL + secret})
		if err != nil {
			t.Fatal(err)
		}
		_, err = channel.Notify(t.Context(), "", notice.Fixtures()[0])
		if f := provider.Failed(err); f == nil || f.Certainty != provider.Permanent || f.Reason != c.want {
			t.Errorf("%d %s: %v", c.status, c.word, err)
		}
		server.Close()
	}
}

func TestPayloads(t *testing.T) {
	noticetest.Payloads(t, func(n *notice.Notification) any { return render(n) })
}

func TestConfiguration(t *testing.T) {
	for _, url := range []string{"", "hooks.slack.com/services/x", "http://hooks.slack.com/services/x", "ftp://hooks.slack.com", "https:///services/x"} {
		if _, err := New(Config{URL: url}); err == nil || !strings.HasPrefix(err.Error(), "url: ") || url != "" && strings.Contains(err.Error(), url) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func FuzzSlack(f *testing.F) {
	noticetest.Fuzz(f, func(t *testing.T, n *notice.Notification) {
		body, err := json.Marshal(render(n))
		if err != nil {
			t.Fatal(err)
		}
		if err := check(body); err != nil || len(body) > 50000 {
			t.Errorf("%v, %d bytes", err, len(body))
		}
	})
}
