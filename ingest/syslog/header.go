// Package syslog takes syslog's envelope off: the headers of RFC 3164 and RFC 5424 with the
// variations that senders have, and the framings of RFC 6587 on a connection. What is inside is
// left to the formats, and so is the time: a header's has no year and no zone.
package syslog

import "bytes"

// Header is what stands in front of a message. Its texts are slices of the message, and nil where
// the sender left them out.
type Header struct {
	Facility, Severity int
	Host, App, PID     []byte
}

// ParseHeader takes the header off a message. It reports false, with the message as it came, when
// there is none: nginx can leave it out, and people pipe plain lines.
//
// Of RFC 3164 it reads <PRI>, a BSD or an ISO 8601 time, and a host name and a tag, each of which
// may be missing, and so may be the colon after the tag. Of RFC 5424 it reads all, and takes
// the byte order mark off the message.
func ParseHeader(msg []byte) (h Header, payload []byte, ok bool) {
	rest := bytes.TrimRight(msg, "\r\n\x00")
	priority, rest, ok := priority(rest)
	if !ok {
		return Header{}, msg, false
	}
	h.Facility, h.Severity = priority/8, priority%8
	if len(rest) > 2 && rest[0] == '1' && rest[1] == ' ' {
		if payload, ok := h.modern(rest[2:]); ok {
			return h, payload, true
		}
	}
	return h, h.bsd(rest), true
}

// priority reads <PRI>, 0 to 191.
func priority(b []byte) (n int, rest []byte, ok bool) {
	if len(b) < 3 || b[0] != '<' {
		return 0, nil, false
	}
	for i := 1; i < len(b) && i < 5; i++ {
		if b[i] == '>' {
			return n, b[i+1:], i > 1 && n < 192
		}
		if b[i]-'0' > 9 {
			break
		}
		n = n*10 + int(b[i]-'0')
	}
	return 0, nil, false
}

// modern reads RFC 5424, section 6, from the time on.
func (h *Header) modern(b []byte) (payload []byte, ok bool) {
	var fields [5][]byte // time, host, app, process, message id
	for i := range fields {
		if fields[i], b, ok = bytes.Cut(b, []byte{' '}); !ok {
			return nil, false
		}
	}
	if b, ok = structured(b); !ok {
		return nil, false
	}
	h.Host, h.App, h.PID = told(fields[1]), told(fields[2]), told(fields[3])
	return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), true
}

// structured passes over STRUCTURED-DATA and the space behind it.
func structured(b []byte) (rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, false
	}
	if b[0] == '-' {
		b = b[1:]
	}
	for len(b) > 0 && b[0] == '[' {
		end := element(b)
		if end < 0 {
			return nil, false
		}
		b = b[end:]
	}
	if len(b) > 0 && b[0] != ' ' {
		return nil, false
	}
	return bytes.TrimPrefix(b, []byte{' '}), true
}

// element returns the end of the SD-ELEMENT that b starts with: its bracket may stand in a value.
func element(b []byte) int {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"':
			quoted = !quoted
		case b[i] == '\\' && quoted:
			i++
		case b[i] == ']' && !quoted:
			return i + 1
		}
	}
	return -1
}

// bsd reads RFC 3164 from the time on.
func (h *Header) bsd(b []byte) (payload []byte) {
	b = bytes.TrimLeft(b, " ")
	n := bsdTime(b)
	if n == 0 {
		n = isoTime(b)
	}
	b = bytes.TrimLeft(b[n:], " ")

	first, behind := word(b)
	if rest, ok := h.tag(first, behind); ok {
		return rest
	}
	if n == 0 || !isName(first) || len(behind) == 0 {
		return b
	}
	second, further := word(behind)
	if rest, ok := h.tag(second, further); ok {
		h.Host = told(first)
		return rest
	}
	// No colon anywhere: the first word is the host, and the second is a tag if it looks like one
	// and not like the address or the brace that access logs begin with.
	h.Host = told(first)
	if isName(second) && isLetter(second[0]) && bytes.IndexByte(second, '.') < 0 && bytes.IndexByte(second, ':') < 0 {
		h.App = second
		return further
	}
	return behind
}

// tag takes a word for a tag when a colon ends it: "nginx:", "nginx[12]:", or a word alone whose
// colon comes after a space.
func (h *Header) tag(w, rest []byte) (payload []byte, ok bool) {
	switch {
	case len(w) > 1 && w[len(w)-1] == ':':
		w = w[:len(w)-1]
	case len(rest) > 1 && rest[0] == ':' && rest[1] == ' ':
		rest = bytes.TrimLeft(rest[1:], " ")
	default:
		return nil, false
	}
	app, pid := w, []byte(nil)
	if i := bytes.IndexByte(w, '['); i > 0 && w[len(w)-1] == ']' {
		app, pid = w[:i], w[i+1:len(w)-1]
	}
	if !isName(app) {
		return nil, false
	}
	h.App, h.PID = app, told(pid)
	return rest, true
}

// bsdTime is the length of "Sep  8 12:00:00", also with a single space before a day of one digit
// and with a year; 0 if b does not start with one.
func bsdTime(b []byte) int {
	if len(b) < 14 || !isLetter(b[0]) || !isLetter(b[1]) || !isLetter(b[2]) || b[3] != ' ' {
		return 0
	}
	i := 4
	for i < len(b) && b[i] == ' ' {
		i++
	}
	day := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i == day || i-day > 2 || i == len(b) || b[i] != ' ' {
		return 0
	}
	i++
	if len(b) > i+4 && b[i+4] == ' ' {
		i += 5
	}
	if len(b) < i+8 || b[i+2] != ':' || b[i+5] != ':' {
		return 0
	}
	for i += 8; i < len(b) && b[i] != ' ' && b[i] != ':'; i++ { // fractions
	}
	if i < len(b) && b[i] == ':' {
		i++
	}
	return i
}

// isoTime is the length of a word such as 2026-09-08T12:00:00.1Z; 0 if b does not start with one.
func isoTime(b []byte) int {
	w, _ := word(b)
	if len(w) < 19 || w[4] != '-' || w[7] != '-' || w[10] != 'T' || w[13] != ':' {
		return 0
	}
	return len(w)
}

func word(b []byte) (w, rest []byte) {
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], bytes.TrimLeft(b[i:], " ")
	}
	return b, nil
}

// told is b, or nil when b is a nil value.
func told(b []byte) []byte {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}

// isName says whether b can be a host name or a tag.
func isName(b []byte) bool {
	if len(b) == 0 || len(b) > 255 {
		return false
	}
	for _, c := range b {
		if !isLetter(c) && c-'0' > 9 && c != '.' && c != '-' && c != '_' && c != '/' && c != ':' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c|0x20-'a' <= 'z'-'a' }
