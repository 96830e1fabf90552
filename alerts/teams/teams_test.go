package teams

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"vigie/alerts/notice"
	"vigie/alerts/notice/noticetest"
	"vigie/internal/provider"
)

const secret = "/workflows/0123456789abcdef/triggers/manual/paths/invoke?api-version=2016-06-01&sig=XXXXsecretXXXX"

// element is what Adaptive Cards 1.4 have of what is sent, in one struct; which fields go with which type is checked.
type element struct {
	Type, Style, Spacing, Text, Size, Weight string
	Bleed                                    *bool
	Items, Inlines                           []element
}

// check is the envelope of a workflow and the schema of a card, and that no text is where Markdown is read.
func check(body []byte) error {
	if len(body) > 28*1024 {
		return fmt.Errorf("%d bytes, Teams takes 28 KB", len(body))
	}
	var m struct {
		Type        string
		Attachments []struct {
			ContentType string
			ContentURL  *string
			Content     struct {
				Schema       string `json:"$schema"`
				Type         string
				Version      string
				Lang         string
				FallbackText string
				Body         []element
				Actions      []struct{ Type, Title, URL string }
				MSTeams      struct{ Width string }
			}
		}
	}
	if err := noticetest.Strict(body, &m); err != nil {
		return err
	}
	if m.Type != "message" || len(m.Attachments) != 1 || m.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || m.Attachments[0].ContentURL != nil {
		return fmt.Errorf("not a message with one card: %s", body)
	}
	c := m.Attachments[0].Content
	if c.Type != "AdaptiveCard" || c.Version != "1.4" || len(c.Body) == 0 || c.MSTeams.Width != "Full" || !slices.Contains([]string{"fr", "en"}, c.Lang) {
		return fmt.Errorf("not a card: %s", body)
	}
	var wrong []error
	if strings.ContainsAny(c.FallbackText, "[]()*_<>") {
		wrong = append(wrong, fmt.Errorf("the fallback has markup: %q", c.FallbackText))
	}
	var walk func(list []element, in string)
	walk = func(list []element, in string) {
		for _, e := range list {
			ok := false
			switch e.Type {
			case "Container":
				ok = in == "card" && len(e.Items) > 0 && slices.Contains([]string{"attention", "warning", "good", "emphasis"}, e.Style) && e.Text == "" && e.Inlines == nil
				walk(e.Items, "Container")
			case "RichTextBlock":
				ok = in != "RichTextBlock" && len(e.Inlines) > 0 && slices.Contains([]string{"", "None", "Medium"}, e.Spacing) && e.Text == "" && e.Items == nil && e.Style == ""
				walk(e.Inlines, "RichTextBlock")
			case "TextRun":
				ok = in == "RichTextBlock" && e.Text != "" && !strings.ContainsAny(e.Text, "\r\n") && slices.Contains([]string{"", "Large"}, e.Size) && slices.Contains([]string{"", "Bolder"}, e.Weight)
			}
			if !ok {
				wrong = append(wrong, fmt.Errorf("%s in %s: %+v", e.Type, in, e))
			}
		}
	}
	walk(c.Body, "card")
	for _, a := range c.Actions {
		if a.Type != "Action.OpenUrl" || a.Title == "" || provider.Link(a.URL) == "" {
			wrong = append(wrong, fmt.Errorf("action %+v", a))
		}
	}
	return errors.Join(wrong...)
}

func TestTeams(t *testing.T) {
	noticetest.Conform(t, noticetest.Provider{
		New:     func(url string) (notice.Notifier, error) { return New(Config{URL: url + secret}) },
		Secrets: []string{"XXXXsecretXXXX", "0123456789abcdef"},
		Accept: func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("X-Ms-Workflow-Run-Id", "08584")
			w.WriteHeader(http.StatusAccepted)
		},
		Receipt: "08584",
		Check: func(r *http.Request, body []byte) error {
			if r.Method != http.MethodPost || r.URL.RequestURI() != secret || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
				return fmt.Errorf("%s %s %v", r.Method, r.URL, r.Header)
			}
			return check(body)
		},
	})
}

// Teams has told that it is too busy, or that a channel is gone, with status 200.
func TestAFailureInTheWordsOfASuccess(t *testing.T) {
	for text, want := range map[string]noticetest.Outcome{
		"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x": {Certainty: provider.Temporary, Reason: provider.ReasonRate},
		"Microsoft Teams endpoint returned HTTP error 404":                                                              {Certainty: provider.Permanent, Reason: provider.ReasonUnknown},
		"Microsoft Teams endpoint returned HTTP error 413":                                                              {Certainty: provider.Permanent, Reason: provider.ReasonRefused},
		"Microsoft Teams endpoint returned HTTP error 503":                                                              {Certainty: provider.Ambiguous, Reason: provider.ReasonServer},
		"1": {}, "": {},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(text)) }))
		channel, err := New(Config{URL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		_, err = channel.Notify(t.Context(), "", notice.Fixtures()[0])
		if f := provider.Failed(err); (f == nil) != (want.Reason == "") || f != nil && (f.Certainty != want.Certainty || f.Reason != want.Reason) {
			t.Errorf("%q: %v", text, err)
		}
		server.Close()
	}
}

func TestPayloads(t *testing.T) {
	noticetest.Payloads(t, func(n *notice.Notification) any {
		body, err := encode(n)
		if err != nil {
			t.Fatal(err)
		}
		return json.RawMessage(body)
	})
}

func TestALongTextIsCutToWhatTeamsTakes(t *testing.T) {
	n := notice.Fixtures()[0]
	n.Text = strings.Repeat("é\n", notice.MaxText/2)
	body, err := encode(n)
	if err != nil || check(body) != nil || !strings.Contains(string(body), "…") {
		t.Errorf("%v, %v", err, check(body))
	}
}

func TestConfiguration(t *testing.T) {
	if _, err := New(Config{URL: "http://prod.logic.azure.com/x"}); err == nil || !strings.HasPrefix(err.Error(), "url: ") {
		t.Error(err)
	}
}

func FuzzTeams(f *testing.F) {
	noticetest.Fuzz(f, func(t *testing.T, n *notice.Notification) {
		body, err := encode(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(body); err != nil {
			t.Error(err)
		}
	})
}
