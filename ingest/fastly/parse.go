// Package fastly reads what Fastly's real-time log streaming sends over HTTPS (Fastly documentation,
// "Log streaming: HTTPS"): JSON objects in the log format that the operator has written, one per line,
// in an array, or one after the other. Each may be in the envelope that Fastly's message types classic,
// loggly (RFC 5424) and logplex (RFC 5424, octet counted) put around it; blank puts none.
//
// What the members mean is a mapping: Default is that of the log format which Vigie's guide
// recommends, and knows the names of Fastly's own default format and of others that are met. An operator whose
// log format is another lays keys over it.
//
//   - FirstByte is ttfb_s, request received to the response being handed to delivery; Duration is elapsed_us.
//   - Bytes are those written with headers, where the format tells them.
//   - Lines of a shield, which the edge has reported already, are dropped where the format tells
//     them (edge, fastly_is_edge).
//   - A request whose response was not written to its end (completed) is aborted.
package fastly

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sort"

	"vigie/ingest/mapping"
	"vigie/ingest/record"
	"vigie/ingest/syslog"
	"vigie/internal/event"
)

// ChallengePath is where Fastly asks, on the host that logs go to, whether they may be sent there.
const ChallengePath = "/.well-known/fastly/logging/challenge"

// Challenge is the body of the answer at ChallengePath: that the services of these ids may send. Without
// any it allows all services, also those of other customers, whom only their missing token stops.
func Challenge(serviceIDs []string) []byte {
	if len(serviceIDs) == 0 {
		return []byte("*\n")
	}
	var b []byte
	for _, id := range serviceIDs {
		sum := sha256.Sum256([]byte(id))
		b = append(hex.AppendEncode(b, sum[:]), '\n')
	}
	return b
}

// New is a parser by the default mapping, over which m is laid. The error names the key of m
// that is wrong.
func New(m mapping.Config) (event.Parser, error) {
	c, err := Overlay(m)
	if err != nil {
		return nil, err
	}
	inner, err := mapping.New(c)
	if err != nil {
		return nil, err
	}
	return func(payload []byte, from event.Origin, to event.Sink) {
		if !enveloped(payload) {
			inner(payload, from, to)
			return
		}
		e := envelopes{Sink: to, payload: payload}
		opened := e.open()
		inner(opened, from, e)
	}, nil
}

// Overlay is the default mapping with the keys of m in place of its own.
func Overlay(m mapping.Config) (mapping.Config, error) {
	switch {
	case m.Shape != "" && m.Shape != mapping.JSON:
		return m, fmt.Errorf("shape: %q is not json: for a log format that is not JSON use format mapping", m.Shape)
	case m.Record != "" && m.Record != "request":
		return m, fmt.Errorf("record: %q is not request: Fastly sends logs", m.Record)
	case len(m.Fields) > 0 || m.Header || m.Delimiter != "":
		return m, errors.New("fields, header, delimiter: are not for JSON")
	}
	c := Default()
	maps.Copy(c.Map, m.Map)
	if m.Nulls != nil {
		c.Nulls = m.Nulls
	}
	if m.Drop != nil {
		c.Drop = m.Drop
	}
	return c, nil
}

// enveloped tells lines with headers from JSON, which may be spread over lines.
func enveloped(payload []byte) bool {
	first := bytes.TrimLeft(payload[:min(len(payload), 64)], " \t\r\n\xef\xbb\xbf")
	if len(first) > 0 && first[0] != '{' && first[0] != '[' {
		return true
	}
	return bytes.Contains(payload, []byte("\n<"))
}

// envelopes is the sink of the mapping's parser: it puts refused messages back in their envelopes.
type envelopes struct {
	event.Sink
	payload []byte
	places  []place
}

// place is where a message begins in what was opened, and where it is in the payload: its envelope,
// its text, its end.
type place struct{ inner, outer, text, end int }

// open takes the messages out of their envelopes, one per line.
func (e *envelopes) open() []byte {
	opened := make([]byte, 0, len(e.payload)+1)
	e.places = make([]place, 0, bytes.Count(e.payload, []byte{'\n'})+1)
	lines := record.NewLines(e.payload)
	for lines.Next(e.Sink) {
		text, at := lines.Text, lines.Offset
		for len(text) > 0 {
			one, rest := frame(text)
			m := message(one) // a slice of it
			e.places = append(e.places, place{len(opened), at, at + cap(one) - cap(m), at + len(one)})
			opened = append(append(opened, m...), '\n')
			at += len(one)
			text = rest
		}
	}
	return opened
}

// frame splits off a message with its octet count, where another one follows on the line. Messages
// hold no line feed but at their end, so that a wrong count costs its own line alone.
func frame(text []byte) (one, rest []byte) {
	if n, digits := count(text); digits > 0 {
		if end := digits + 1 + n; end < len(text) {
			if _, next := count(text[end:]); next > 0 {
				return text[:end], text[end:]
			}
		}
	}
	return text, nil
}

// count reads an octet count, if text begins with one and a header: its value and its length.
func count(text []byte) (n, digits int) {
	for digits < len(text) && digits < maxDigits && text[digits]-'0' <= 9 {
		n = n*10 + int(text[digits]-'0')
		digits++
	}
	if digits == 0 || digits+1 >= len(text) || text[digits] != ' ' || text[digits+1] != '<' {
		return 0, 0
	}
	return n, digits
}

// message takes the envelope off.
func message(text []byte) []byte {
	if _, digits := count(text); digits > 0 {
		text = text[digits+1:]
	}
	_, m, ok := syslog.ParseHeader(text)
	if ok && len(m) > 0 && m[0] != '{' && m[0] != '[' {
		// The tag is the endpoint's name, which people write with spaces.
		if i := bytes.Index(m[:min(len(m), maxTag)], []byte("]: ")); i >= 0 {
			m = m[i+3:]
		}
	}
	return m
}

const maxDigits = 6 // of an octet count: a longer message is refused as a line

const maxTag = 512 // bytes of an endpoint's name

// Refuse implements event.Sink. A message that is refused whole keeps its envelope; of one that holds
// several objects each is refused where it stands.
func (e envelopes) Refuse(r event.Refusal) {
	i := sort.Search(len(e.places), func(i int) bool { return e.places[i].inner > r.Offset }) - 1
	if i < 0 {
		return
	}
	p := e.places[i]
	start, end := p.outer, p.end
	if within := r.Offset - p.inner; within > 0 {
		start = p.text + within
		end = min(end, start+len(r.Record))
	}
	record.Refuse(e.Sink, e.payload, start, end, r.Reason)
}
