package mail

import (
	"bytes"
	"net/mail"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// Letter is a message to be written.
type Letter struct {
	To        *mail.Address
	Subject   string
	ID        string    // before the @ of the Message-ID: the same when it is tried again
	Thread    string    // before the @ of the Message-ID that it refers to; "": none
	Date      time.Time // when it was decided to be said: the same when it is tried again
	Important bool
	Header    map[string]string // further headers; those without a value are left out
	Text      string
	HTML      string // "": the text alone
}

// Write is l as it goes over the wire. What would break a header's line becomes a space.
func (s *Server) Write(l Letter) ([]byte, error) {
	m := gomail.NewMsg(gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(s.from)
	m.ToMailAddress(l.To)
	m.Subject(oneLine(l.Subject))
	m.SetDateWithValue(date(l.Date))
	m.SetMessageIDWithValue(l.ID + "@" + s.host)
	if l.Thread != "" {
		thread := "<" + l.Thread + "@" + s.host + ">"
		m.SetGenHeader(gomail.HeaderInReplyTo, thread)
		m.SetGenHeader(gomail.HeaderReferences, thread)
	}
	for name, value := range l.Header {
		if value != "" {
			m.SetGenHeader(gomail.Header(name), oneLine(value))
		}
	}
	if l.Important {
		m.SetImportance(gomail.ImportanceHigh)
	}
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	if l.HTML != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

// date is at where a header can have it.
func date(at time.Time) time.Time {
	if at.Year() < 1970 || at.Year() > 9999 {
		return time.Unix(0, 0).UTC()
	}
	return at
}
