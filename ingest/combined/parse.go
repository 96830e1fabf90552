// Package combined reads the combined and common log formats of nginx, Apache httpd and
// varnishncsa, one line per request:
//
//	192.0.2.7 - - [08/Sep/2026:19:45:03 +0000] "GET /v/seg_1.m4s?a=b HTTP/1.1" 200 812345 "-" "VLC/3"
//
// The two quoted fields at the end may be missing (common). What follows them may be
// X-Forwarded-For in quotes, as nginx's packaged "main" format has it, and then fields of the form
// key=value or key="value", in any order; other words are passed over:
//
//	rt=0.004          $request_time, s     us=4000  %D, µs
//	uht=0.001         $upstream_header_time, s; the last of a list     ttfb=  the same
//	cs=HIT            $upstream_cache_status, or Varnish:handling
//	host= tls= proto= id= asn= country= pop=
//
// so that in nginx.conf the format that tells most is
//
//	log_format vigie '$remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent '
//	  '"$http_referer" "$http_user_agent" "$http_x_forwarded_for" host="$host" rt=$request_time '
//	  'uht="$upstream_header_time" cs=$upstream_cache_status tls=$ssl_protocol';
//
// Escapes of nginx (\xHH) and Apache (\" \\ \t \n …) are undone. A target may be absolute, as
// varnishncsa's is. Times have a resolution of a second; one without offset is in Origin.Zone.
// A request that is not HTTP ("" or the bytes of a TLS handshake) is a record without method and
// path. Status "-" and 000 are 0: the client left. CMCD is looked for in the query.
package combined

import (
	"bytes"
	"time"

	"vigie/ingest/cmcd"
	"vigie/ingest/field"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Reasons of refusals, beside record's.
const (
	NoRequest = "request: missing or not in quotes"
	NoTime    = "time: not in brackets before the request"
	BadTime   = "time: not a time of the common log format"
	BadStatus = "status: missing or not a number"
)

const clientClosed = 499 // nginx's word for a client that left

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, from event.Origin, to event.Sink) {
	p := parser{zone: from.Zone}
	lines := record.NewLines(payload)
	for lines.Next(to) {
		if reason := p.read(lines.Text); reason != "" {
			lines.Refuse(to, reason)
			continue
		}
		record.Bound(&p.request)
		to.Request(&p.request)
	}
}

type parser struct {
	zone    *time.Location
	request event.Request
	scratch []byte
}

// read fills the request from a line, and says why it is none.
//
// It starts from the first quote, the request's: what stands before may hold spaces and brackets,
// which a client can put in the name it signs in with, but no quote.
func (p *parser) read(line []byte) (reason string) {
	r := &p.request
	*r = event.Request{FirstByte: event.Unknown, Duration: event.Unknown}
	p.scratch = p.scratch[:0]
	i := bytes.IndexByte(line, '"')
	if i < 0 {
		return NoRequest
	}
	head := bytes.TrimRight(line[:i], " ")
	if len(head) == 0 || head[len(head)-1] != ']' {
		return NoTime
	}
	head = head[:len(head)-1]
	open := bytes.LastIndexByte(head, '[')
	if open < 0 {
		return NoTime
	}
	var ok bool
	if r.Time, ok = field.CLF(head[open+1:], p.zone); !ok {
		return BadTime
	}
	peer := head[:open]
	if j := bytes.IndexByte(peer, ' '); j >= 0 {
		peer = peer[:j]
	}
	request, rest := p.quoted(line[i:])
	method, target, protocol := field.RequestLine(request)
	r.Method, r.Protocol = method, protocol
	r.Host, r.Path, r.Query = field.Target(target)

	var word []byte
	if word, rest = next(rest); len(word) == 0 {
		return BadStatus
	}
	if r.Status, ok = field.Status(word); !ok && string(word) != "-" {
		return BadStatus
	}
	word, rest = next(rest)
	r.Bytes, _ = field.Uint(word)
	p.trail(rest, peer)
	r.Aborted = r.Status == 0 || r.Status == clientClosed
	cmcd.FromQuery(r.Query, &r.CMCD)
	return ""
}

// trail reads what follows the size.
func (p *parser) trail(rest, peer []byte) {
	r := &p.request
	var forwarded []byte
	for position := 0; ; position++ {
		rest = bytes.TrimLeft(rest, " ")
		if len(rest) == 0 {
			break
		}
		if rest[0] == '"' {
			var text []byte
			text, rest = p.quoted(rest)
			switch text = field.Text(text); position {
			case 0:
				r.Referer = text
			case 1:
				r.UserAgent = text
			case 2:
				forwarded = text
			}
			continue
		}
		end := bytes.IndexAny(rest, " =")
		if end < 0 {
			break
		}
		if rest[end] == ' ' {
			rest = rest[end:]
			continue
		}
		key := rest[:end]
		var value []byte
		if rest = rest[end+1:]; len(rest) > 0 && rest[0] == '"' {
			value, rest = p.quoted(rest)
		} else {
			value, rest = next(rest)
		}
		p.set(key, field.Text(value))
	}
	r.Client = field.Client(peer, forwarded)
}

func (p *parser) set(key, value []byte) {
	if value == nil {
		return
	}
	r := &p.request
	switch string(key) {
	case "rt":
		r.Duration = field.Duration(value, time.Second)
	case "us":
		r.Duration = field.Duration(value, time.Microsecond)
	case "uht", "ttfb":
		r.FirstByte = field.Duration(field.LastNumber(value), time.Second)
	case "cs":
		r.Cache = field.Cache(value)
	case "host":
		r.Host = value
	case "tls":
		r.TLS = value
	case "proto":
		r.Protocol = value
	case "id":
		r.ID = value
	case "asn":
		r.ASN, _ = field.ASN(value)
	case "country":
		r.Country, p.scratch = field.Upper(value, p.scratch)
	case "pop":
		r.PoP = value
	}
}

// next splits off the word before the next space.
func next(b []byte) (word, rest []byte) {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

var _ event.Parser = Parse
