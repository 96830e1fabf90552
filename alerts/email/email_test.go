package email

import (
	"mime"
	"net/mail"
	"strings"
	"testing"

	"vigie/alerts/notice"
	"vigie/alerts/notice/noticetest"
	"vigie/internal/provider"
	"vigie/internal/provider/mail/mailtest"
)

func config(p *mailtest.Server) Config {
	return Config{Host: p.Host, Port: p.Port, User: mailtest.User, Secret: mailtest.Password, From: `"Vigie, régie" <vigie@example.com>`, Roots: p.Roots}
}

// Each stage at which a server fails is tested with package mail, which does the sending.
func TestAFailureIsTold(t *testing.T) {
	p := (&mailtest.Server{End: mailtest.SMTP(554, "spam")}).Start(t, false)
	channel, err := New(config(p))
	if err != nil {
		t.Fatal(err)
	}
	_, err = channel.Notify(t.Context(), "Astreinte <oncall@example.com>", notice.Fixtures()[0])
	if f := provider.Failed(err); f == nil || f.Certainty != provider.Permanent || f.Reason != provider.ReasonRefused {
		t.Error(err)
	}
	_, err = channel.Notify(t.Context(), "oncall", notice.Fixtures()[0])
	if f := provider.Failed(err); f == nil || f.Certainty != provider.Permanent || f.Reason != provider.ReasonUnknown {
		t.Error(err)
	}
	if _, err := New(Config{Host: "smtp.example.com"}); err == nil || !strings.HasPrefix(err.Error(), "from: ") {
		t.Error(err)
	}
}

func TestWhatIsSent(t *testing.T) {
	p := (&mailtest.Server{}).Start(t, false)
	channel, err := New(config(p))
	if err != nil {
		t.Fatal(err)
	}
	fixtures := notice.Fixtures()
	for _, n := range []*notice.Notification{fixtures[0], fixtures[0], fixtures[6], fixtures[8]} {
		if _, err := channel.Notify(t.Context(), "Astreinte <oncall@example.com>", n); err != nil {
			t.Fatal(err)
		}
	}
	senders, recipients, _, _ := p.Envelopes()
	var all []mailtest.Message
	for _, message := range p.Taken() {
		m, err := mailtest.Parse(message)
		if err != nil {
			t.Fatalf("%v in %s", err, message)
		}
		all = append(all, m)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(all[0].Header.Get("Subject"))
	if err != nil || subject != fixtures[0].Title {
		t.Errorf("subject %q, %v", subject, err)
	}
	from, err := all[0].Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != "Vigie, régie" || from[0].Address != "vigie@example.com" || senders[0] != "vigie@example.com" {
		t.Errorf("from %v, %v", from, err)
	}
	to, err := all[0].Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != "oncall@example.com" || recipients[0] != "oncall@example.com" {
		t.Errorf("to %v, %v", to, err)
	}
	for name, want := range map[string]string{
		"Message-Id": "<fixture-firing-fr@example.com>", "Auto-Submitted": "auto-generated", "X-Vigie-Problem": "cdn-errors.maison.orange", "X-Vigie-Kind": "firing",
		"X-Vigie-Severity": "critical", "X-Vigie-Drill": "false", "X-Vigie-Repeat": "false", "Date": "Sat, 21 Nov 2026 20:07:30 +0000", "Importance": "high",
	} {
		if got := all[0].Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// Tried again it is the same message; the end is in its thread; a test is in none.
	thread := all[0].Header.Get("References")
	if all[1].Header.Get("Message-Id") != all[0].Header.Get("Message-Id") || all[2].Header.Get("Message-Id") == all[0].Header.Get("Message-Id") || thread == "" ||
		all[2].Header.Get("References") != thread || all[2].Header.Get("In-Reply-To") != thread || all[3].Header.Get("References") != "" {
		t.Errorf("threads: %q, %q, %q", thread, all[2].Header, all[3].Header)
	}
	noticetest.Golden(t, "firing.txt", []byte(all[0].Text))
	noticetest.Golden(t, "firing.html", []byte(all[0].HTML))
	noticetest.Golden(t, "resolved.html", []byte(all[2].HTML))
}

// A message has the headers that we gave it and two parts, and the HTML part the elements of its template, whatever labels and titles try.
func FuzzEmail(f *testing.F) {
	channel, err := New(Config{Host: "smtp.example.com", From: "vigie@example.com"})
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{}
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "In-Reply-To", "References", "Auto-Submitted", "X-Auto-Response-Suppress", "X-Mailer",
		"X-Vigie-Id", "X-Vigie-Problem", "X-Vigie-Kind", "X-Vigie-Severity", "X-Vigie-Drill", "X-Vigie-Repeat", "Importance", "Priority", "X-Priority", "X-Msmail-Priority"} {
		known[name] = true
	}
	noticetest.Fuzz(f, func(t *testing.T, n *notice.Notification) {
		message, err := channel.compose(&mail.Address{Address: "oncall@example.com"}, n)
		if err != nil {
			t.Fatal(err)
		}
		m, err := mailtest.Parse(message)
		if err != nil {
			t.Fatalf("%v in %s", err, message)
		}
		for name, values := range m.Header {
			if !known[name] || len(values) != 1 {
				t.Errorf("header %s: %q", name, values)
			}
		}
		if len(m.Parts) != 2 || m.Text == "" || m.HTML == "" || len(message) > 200_000 {
			t.Errorf("%d parts, %d bytes", len(m.Parts), len(message))
		}
		rest := m.HTML
		for _, ours := range []string{"!DOCTYPE", "html ", "/html", "head", "/head", "meta ", "title", "/title", "body ", "/body", "div ", "/div", "h1 ", "/h1", "p ", "/p", "br", "a href=\"http"} {
			rest = strings.ReplaceAll(rest, "<"+ours, "")
		}
		if strings.Contains(rest, "</a>") {
			rest = strings.ReplaceAll(rest, "</a>", "")
		}
		if strings.ContainsRune(rest, '<') {
			t.Errorf("markup: %s", m.HTML)
		}
		for line := range strings.SplitSeq(string(message), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("line %q", line)
			}
		}
	})
}
