// Package firehose reads the body that Amazon Data Firehose posts to an HTTP endpoint (Amazon Data
// Firehose Developer Guide, "Understand HTTP endpoint delivery request and response
// specifications") and hands what is in it to the parser of another format.
//
//	{"requestId":"…","timestamp":1578090901599,"records":[{"data":"aGVsbG8="},{"data":"…"}]}
//
// The data of a record is base64 of one line, with or without its line feed, of several, or of nothing.
// It may be gzip of that; and that, packed or not, may be a subscription's message from CloudWatch
// Logs, of which the messages of its events are the lines. A control message is passed over.
//
// The lines of many records reach the other parser together. What it refuses is refused with the
// text of data as it stands in the body: at its first byte, and where several lines of a record
// are refused, each four bytes (three of what is encoded) further than the one before. Packed so
// well that there is no place left for one more, they are no longer told. A record that cannot be
// decoded is refused alone.
//
// Bounds: 10000 records, 1,024,000 bytes of one before base64, 64 MiB of one unpacked from gzip and
// 1 GiB of all; what is beyond is refused and not unpacked. A body ends on the line it begins on,
// unless nothing follows its '{' there, so that several may be in a file.
//
// RequestID, Answer and CommonAttributes are for the door that takes such bodies in. Who may send is
// left to it.
package firehose

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"sort"
	"sync"

	"vigie/ingest/flatjson"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Reasons of refusals, beside those of a request's shape and the other format's.
const (
	BadBase64     = "data: not base64"
	TooLong       = "data: longer than 1,024,000 bytes"
	BadGzip       = "data: gzip damaged or cut short"
	TooBig        = "data: unpacks to more than 64 MiB"
	TooBigBody    = "body: unpacks to more than 1 GiB"
	BadCloudWatch = "data: CloudWatch Logs message damaged or cut short"
)

const (
	enough  = 1 << 20 // bytes of text that are handed on at once
	maxKept = 8 << 20 // bytes of a buffer that is used again
)

// Parse makes the parser of bodies whose records inner can read.
func Parse(inner event.Parser) event.Parser {
	return parser(inner, limits{record: 64 << 20, body: 1 << 30})
}

// limits bound what comes out of gzip, in bytes.
type limits struct {
	record int
	body   int // of all records
}

func parser(inner event.Parser, most limits) event.Parser {
	pool := sync.Pool{New: func() any { return &unwrapper{} }}
	return func(payload []byte, from event.Origin, to event.Sink) {
		u := pool.Get().(*unwrapper)
		u.inner, u.from, u.most = inner, from, most
		u.to = places{Sink: to, payload: payload, last: -1}
		u.unpacked = 0
		u.bodies()
		if cap(u.text) <= maxKept && cap(u.plain) <= maxKept {
			u.to, u.from = places{pieces: u.to.pieces[:0]}, event.Origin{}
			u.packed.Reset(nil)
			pool.Put(u)
		}
	}
}

// unwrapper reads the bodies of a payload. What it keeps for the next is space alone.
type unwrapper struct {
	inner event.Parser
	most  limits
	from  event.Origin
	to    places

	text     []byte // of records that were decoded and not handed on yet
	plain    []byte // base64 without JSON's escapes
	packed   bytes.Reader
	gzip     *gzip.Reader
	unpacked int // bytes out of gzip
}

// bodies reads one body after the other.
func (u *unwrapper) bodies() {
	payload := u.to.payload
	c := cursor{b: payload}
	if bytes.HasPrefix(payload, []byte("\xef\xbb\xbf")) {
		c.at = 3
	}
	for c.next(); c.at < len(payload); c.next() {
		start := c.at
		first := len(payload)
		if i := bytes.IndexByte(payload[start:], '\n'); i >= 0 {
			first = start + i
		}
		limit := first
		if len(bytes.TrimSpace(payload[start+1:first])) == 0 {
			limit = len(payload)
		}
		c.b = payload[:limit]
		_, _, problem := walk(&c, u.record)
		u.flush()
		c.b = payload
		if problem == "" {
			continue
		}
		if at := max(start, min(c.at, limit-1), u.to.last+1); at < limit { // else its last byte was refused already
			u.to.refuse(at, limit, problem)
		}
		if limit == first {
			c.at = first
			continue
		}
		// Look for a line that may be another body; the first byte that was no part of this may be its.
		from := max(first, c.at-1)
		if i := bytes.Index(payload[from:], []byte("\n{")); i >= 0 {
			c.at = from + i + 1
		} else {
			c.at = len(payload)
		}
	}
	u.flush()
}

// record decodes one record behind the text of those before it.
func (u *unwrapper) record(data []byte, at, end int) {
	if data == nil {
		u.refuse(at, end, BadRecord)
		return
	}
	start := len(u.text)
	reason := u.decode(data)
	if reason == "" {
		reason = u.gunzip(start)
	}
	if reason == "" {
		reason = u.subscribed(start)
	}
	if reason != "" {
		u.text = u.text[:start]
		u.refuse(at, end, reason)
		return
	}
	if u.text = line(u.text); len(u.text) == start {
		return
	}
	u.to.pieces = append(u.to.pieces, piece{text: start, at: at, end: end})
	if len(u.text) >= enough {
		u.flush()
	}
}

// refuse refuses a record in its turn.
func (u *unwrapper) refuse(at, end int, reason string) {
	u.flush()
	u.to.refuse(at, end, reason)
}

// flush hands the text on.
func (u *unwrapper) flush() {
	if len(u.text) > 0 {
		u.inner(u.text, u.from, &u.to)
	}
	u.text, u.to.pieces = u.text[:0], u.to.pieces[:0]
}

func (u *unwrapper) decode(data []byte) (reason string) {
	if bytes.IndexByte(data, '\\') >= 0 { // a '/' may be written \/
		u.plain = flatjson.Unescape(u.plain[:0], data)
		data = u.plain
	}
	if n := len(data); n > 0 && data[n-1] == '=' {
		if data = data[:n-1]; n > 1 && data[n-2] == '=' {
			data = data[:n-2]
		}
	}
	if base64.RawStdEncoding.DecodedLen(len(data)) > MaxRecord {
		return TooLong
	}
	start := len(u.text)
	u.text = slices.Grow(u.text, base64.RawStdEncoding.DecodedLen(len(data))+1) // and a line feed
	n, err := base64.RawStdEncoding.Decode(u.text[start:cap(u.text)], data)
	u.text = u.text[:start+n]
	if err != nil {
		return BadBase64
	}
	return ""
}

// gunzip unpacks the text from start on in its place, if it is gzip.
func (u *unwrapper) gunzip(start int) (reason string) {
	if !bytes.HasPrefix(u.text[start:], []byte{0x1f, 0x8b}) {
		return ""
	}
	if u.unpacked > u.most.body {
		return TooBigBody
	}
	u.packed.Reset(u.text[start:])
	var err error
	if u.gzip == nil {
		u.gzip, err = gzip.NewReader(&u.packed)
	} else {
		err = u.gzip.Reset(&u.packed)
	}
	if err != nil {
		u.gzip = nil // NewReader gives none when it fails, and one that failed is not trusted
		return BadGzip
	}
	from := len(u.text)
	for {
		size := len(u.text) - from
		if size > u.most.record {
			return TooBig
		}
		u.text = slices.Grow(u.text, 32<<10)
		room := min(cap(u.text)-len(u.text), u.most.record+1-size)
		n, err := u.gzip.Read(u.text[len(u.text) : len(u.text)+room])
		u.text = u.text[:len(u.text)+n]
		if u.unpacked += n; u.unpacked > u.most.body {
			return TooBigBody
		}
		if errors.Is(err, io.EOF) && len(u.text)-from <= u.most.record {
			break
		} else if err != nil && !errors.Is(err, io.EOF) {
			return BadGzip
		}
	}
	u.text = u.text[:start+copy(u.text[start:], u.text[from:])]
	return ""
}

// subscribed puts the messages of a subscription in the place of it.
func (u *unwrapper) subscribed(start int) (reason string) {
	from := len(u.text)
	text, subscribed, reason := messages(u.text, u.text[start:])
	if subscribed && reason == "" {
		u.text = text[:start+copy(text[start:], text[from:])]
	}
	return reason
}

// piece says where the text from some byte on came from.
type piece struct {
	text    int // first byte in the text
	at, end int // of the data in the payload
	refused int // lines so far
}

// places is a sink that refuses in the terms of the payload what was refused in those of the text.
type places struct {
	event.Sink
	payload []byte
	pieces  []piece // sorted
	last    int     // offset of the last refusal
}

// Refuse implements event.Sink.
func (s *places) Refuse(r event.Refusal) {
	i := sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].text > r.Offset }) - 1
	if i < 0 {
		return // not of this text
	}
	p := &s.pieces[i]
	at := max(min(p.at+4*p.refused, p.end-1), s.last+1)
	if p.refused++; at < p.end {
		s.refuse(at, p.end, r.Reason)
	}
}

// refuse refuses what stands from at to end, but never a byte where something was refused already.
func (s *places) refuse(at, end int, reason string) {
	if at = max(at, s.last+1); at >= len(s.payload) {
		return
	}
	s.last = at
	record.Refuse(s.Sink, s.payload, at, max(end, at+1), reason)
}
