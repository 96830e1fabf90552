package mailtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
)

// Message is a message as a mail client reads it.
type Message struct {
	Header     mail.Header
	Text, HTML string // HTML "": it has none
	Parts      []textproto.MIMEHeader
}

// Parse reads a message of a text, or of a text and HTML; anything else is an error.
func Parse(message []byte) (p Message, err error) {
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return p, err
	}
	p.Header = m.Header
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err == nil && kind == "text/plain" {
		body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		p.Text = strings.ReplaceAll(string(body), "\r\n", "\n")
		return p, err
	}
	if err != nil || kind != "multipart/alternative" {
		return p, fmt.Errorf("%s: %w", kind, errors.Join(err, errors.New("not multipart/alternative")))
	}
	for r := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return p, err
		}
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		p.Parts = append(p.Parts, part.Header)
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			p.Text = text
		case "text/html":
			p.HTML = text
		default:
			return p, fmt.Errorf("a part of type %q", kind)
		}
	}
}
