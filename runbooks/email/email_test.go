package email

import (
	"context"
	"fmt"
	"mime"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/mail"
	"vigie/internal/provider/mail/mailtest"
	"vigie/runbooks/channel"
)

var _ channel.Channel = (*Channel)(nil)

func said() *channel.Message {
	return &channel.Message{
		ID: "send-42-email-00017", Lang: "fr", Thread: "crisis-7", Subject: "Vidéo interrompue : nous y travaillons 👩‍💻", Text: "Bonjour,\n\nLa vidéo s’interrompt.\n.\nhttps://statut.example\n",
		HTML: "<p>Bonjour,</p><p>La vidéo s’interrompt.</p>", At: time.Date(2026, 11, 21, 20, 41, 0, 0, time.UTC), Step: "update", NextBy: time.Date(2026, 11, 21, 21, 10, 0, 0, time.UTC),
		Unsubscribe: "https://vigie.example/stop/abc?x=1",
	}
}

func config(p *mailtest.Server) Config {
	return Config{Server: mail.Config{Host: p.Host, Port: p.Port, User: mailtest.User, Secret: mailtest.Password, From: `"TF1+, info" <info@tf1.example>`, Roots: p.Roots}, ReplyTo: "Aide <aide@tf1.example>"}
}

func open(t testing.TB, c Config) *Channel {
	t.Helper()
	ch, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ch.Close)
	return ch
}

func TestWhatIsSent(t *testing.T) {
	p := (&mailtest.Server{}).Start(t, false)
	c := open(t, config(p))
	second := said()
	second.ID, second.HTML, second.Unsubscribe, second.Drill, second.Step, second.Thread, second.NextBy = "send-43-email-00017", "", "mailto:stop@tf1.example?subject=stop", true, "resolved", "", time.Time{}
	second.Subject = "Rétabli\r\nBcc: all@example.com"
	third := said()
	third.Unsubscribe = ""
	for _, m := range []*channel.Message{said(), said(), second, third} {
		r, err := c.Send(t.Context(), "Élodie <viewer@example.com>", m)
		if err != nil || !strings.HasPrefix(r.Text, "250 ") {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	var all []mailtest.Message
	for _, message := range p.Taken() {
		m, err := mailtest.Parse(message)
		if err != nil {
			t.Fatalf("%v in %s", err, message)
		}
		all = append(all, m)
	}
	for i, want := range []map[string]string{
		0: {
			"Message-Id": "<send-42-email-00017@tf1.example>", "Date": "Sat, 21 Nov 2026 20:41:00 +0000", "In-Reply-To": "<crisis-crisis-7@tf1.example>", "References": "<crisis-crisis-7@tf1.example>",
			"List-Unsubscribe": "<https://vigie.example/stop/abc?x=1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Auto-Submitted": "auto-generated", "Precedence": "", "Content-Language": "fr",
			"X-Vigie-Id": "send-42-email-00017", "X-Vigie-Crisis": "crisis-7", "X-Vigie-Step": "update", "X-Vigie-Drill": "false", "X-Vigie-Next-By": "2026-11-21T21:10:00Z", "Bcc": "", "Importance": "",
		},
		2: {"Message-Id": "<send-43-email-00017@tf1.example>", "In-Reply-To": "", "References": "", "List-Unsubscribe": "<mailto:stop@tf1.example?subject=stop>", "List-Unsubscribe-Post": "", "X-Vigie-Drill": "true", "X-Vigie-Step": "resolved", "X-Vigie-Next-By": "", "Bcc": ""},
		3: {"List-Unsubscribe": "", "List-Unsubscribe-Post": ""},
	} {
		for name, value := range want {
			if got := all[i].Header.Get(name); got != value {
				t.Errorf("message %d: %s: %q, want %q", i, name, got, value)
			}
		}
	}
	// Tried again it is the same message, to its last byte but for the boundary.
	if all[1].Header.Get("Message-Id") != all[0].Header.Get("Message-Id") || all[1].Header.Get("Date") != all[0].Header.Get("Date") || all[1].Text != all[0].Text {
		t.Errorf("%v is not %v", all[1].Header, all[0].Header)
	}
	for i, want := range []string{0: said().Subject, 2: "Rétabli  Bcc: all@example.com"} {
		if got, err := new(mime.WordDecoder).DecodeHeader(all[i].Header.Get("Subject")); want != "" && (got != want || err != nil) {
			t.Errorf("message %d: subject %q, %v", i, got, err)
		}
	}
	for name, want := range map[string]string{"From": `"TF1+, info" <info@tf1.example>`, "To": "=?utf-8?q?=C3=89lodie?= <viewer@example.com>", "Reply-To": `"Aide" <aide@tf1.example>`} {
		got, err := all[0].Header.AddressList(name)
		if err != nil || len(got) != 1 || got[0].String() != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if all[0].Text != said().Text || all[0].HTML != said().HTML || all[2].HTML != "" || all[2].Text != said().Text {
		t.Errorf("%q, %q; %q, %q", all[0].Text, all[0].HTML, all[2].Text, all[2].HTML)
	}
	if p.Opened() != 1 {
		t.Errorf("%d connections for messages one after the other", p.Opened())
	}
}

// What fails at which step is tested with package mail. Here is that a person's failure is told as one.
func TestWhoCannotBeTold(t *testing.T) {
	p := (&mailtest.Server{RcptTo: func(to string) error {
		if to == "gone@example.com" {
			return mailtest.SMTP(550, "no such user")
		}
		return nil
	}}).Start(t, false)
	c := open(t, config(p))
	broken := said()
	broken.Unsubscribe = "javascript:alert(1)"
	for _, x := range []struct {
		to     string
		m      *channel.Message
		reason provider.Reason
	}{
		{"gone@example.com", said(), provider.ReasonUnknown}, {"nobody", said(), provider.ReasonUnknown}, {"a@example.com\r\nRCPT TO:<b@example.com>", said(), provider.ReasonUnknown},
		{"viewer@example.com", broken, provider.ReasonConfig},
	} {
		_, err := c.Send(t.Context(), x.to, x.m)
		if f := provider.Failed(err); f == nil || f.Certainty != provider.Permanent || f.Reason != x.reason {
			t.Errorf("%q: %+v", x.to, f)
		}
	}
	if p.Count() != 0 {
		t.Errorf("%d messages", p.Count())
	}
}

func TestUnsubscribing(t *testing.T) {
	for text, want := range map[string]string{
		"https://vigie.example/stop/abc": "one click", "http://vigie.example/stop": "link", "mailto:stop@tf1.example": "link", "mailto:stop@tf1.example?subject=x%20y": "link",
		"mailto:": "", "mailto:stop": "", "mailto:a@b.example?x=>\r\nBcc: c@d.example": "", "https://a.example/>,<https://b.example": "", "ftp://a.example": "", "stop": "", "https://a.example/\r\nBcc: x": "",
	} {
		oneClick, err := unsubscribe(text)
		if got := map[bool]string{true: "one click", false: "link"}[oneClick]; err == nil && got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %v, %v", text, oneClick, err)
		}
	}
}

func TestConfiguration(t *testing.T) {
	good := Config{Server: mail.Config{Host: "smtp.example.com", From: "info@tf1.example"}}
	for _, c := range []struct {
		field  string
		change func(c *Config)
	}{
		{"", func(*Config) {}},
		{"server.host: ", func(c *Config) { c.Server.Host = "" }},
		{"server.from: ", func(c *Config) { c.Server.From = "" }},
		{"server.sessions: ", func(c *Config) { c.Server.Sessions = 1000 }},
		{"reply_to: ", func(c *Config) { c.ReplyTo = "aide" }},
	} {
		config := good
		c.change(&config)
		if _, err := New(config); (err == nil) != (c.field == "") || err != nil && !strings.HasPrefix(err.Error(), c.field) {
			t.Errorf("%+v: %v", config, err)
		}
	}
}

// Whatever words come, a message has the headers that we gave it, and its words.
func FuzzEmail(f *testing.F) {
	p := (&mailtest.Server{Plain: true}).Start(f, false)
	c, err := New(Config{Server: mail.Config{Host: p.Host, Port: p.Port, TLS: mail.None, From: "info@tf1.example"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(c.Close)
	for _, s := range []string{"a\r\nBcc: all@example.com\r\n\r\n.\r\n", "\u202e\x00\xff", "=?utf-8?q?x?=", strings.Repeat("é😀 ", 500), ".", "<https://a.example>"} {
		f.Add(s, s, "https://a.example/"+s)
	}
	f.Fuzz(func(t *testing.T, subject, text, unsubscribe string) {
		m := said()
		m.Subject, m.Text, m.HTML, m.Lang, m.Step, m.Unsubscribe = subject, text, text, subject, subject, unsubscribe
		before := p.Count()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := c.Send(ctx, "viewer@example.com", m)
		if err != nil {
			if provider.Failed(err).Reason != provider.ReasonConfig {
				t.Error(err)
			}
			return
		}
		taken := p.Taken()
		if len(taken) != before+1 {
			t.Fatalf("%d messages", len(taken)-before)
		}
		got, err := mailtest.Parse(taken[before])
		if err != nil {
			t.Fatalf("%v in %q", err, taken[before])
		}
		for name, values := range got.Header {
			if len(values) != 1 || name == "Bcc" {
				t.Errorf("%s: %q", name, values)
			}
		}
	})
}

// What a connection that is kept is worth: a new one for each message signs in and agrees on keys anew. Server and
// channel share the machine's processors.
func BenchmarkSend(b *testing.B) {
	for _, x := range []struct {
		name     string
		sessions int
		workers  int
	}{{"a connection for each", 0, 4}, {"1 kept", 1, 4}, {"4 kept", 4, 8}, {"8 kept", 8, 16}} {
		b.Run(x.name, func(b *testing.B) {
			p := (&mailtest.Server{Discards: true}).Start(b, false)
			c := open(b, config(p))
			if x.sessions != 4 {
				server := config(p).Server
				server.Sessions = x.sessions
				s, err := mail.New(server)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(s.Close)
				c = &Channel{server: s}
			}
			jobs := make(chan int)
			var wg sync.WaitGroup
			for range x.workers {
				wg.Go(func() {
					for i := range jobs {
						m := said()
						m.ID = fmt.Sprint("send-", i)
						if _, err := c.Send(context.Background(), fmt.Sprintf("viewer%d@example.com", i), m); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ResetTimer()
			for i := range b.N {
				jobs <- i
			}
			close(jobs)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			if p.Count() != b.N {
				b.Errorf("%d messages taken of %d", p.Count(), b.N)
			}
		})
	}
}

// What writing a message costs, without sending it.
func BenchmarkWrite(b *testing.B) {
	s, err := mail.New(mail.Config{Host: "smtp.example.com", From: "info@tf1.example"})
	if err != nil {
		b.Fatal(err)
	}
	to, err := mail.Address("viewer@example.com")
	if err != nil {
		b.Fatal(err)
	}
	m := said()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Write(mail.Letter{To: to, Subject: m.Subject, ID: m.ID, Date: m.At, Text: strings.Repeat(m.Text, 20), HTML: strings.Repeat(m.HTML, 40)}); err != nil {
			b.Fatal(err)
		}
	}
}
