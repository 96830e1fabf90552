// Package cloudflare reads the HTTP requests that Cloudflare Logpush sends (Cloudflare docs, Logs,
// Logpush, dataset "HTTP requests", and "Log output options"): JSON objects, one per line or in an
// array, with any subset of the dataset's fields.
//
// Times are RFC 3339, seconds, or nanoseconds since 1970, as the job's timestamp_format says, and
// numbers or strings; what they are is seen from each. An absent value is missing, null, "", "-",
// "unknown" or "none". Of what it reads:
//
//   - Time is EdgeStartTimestamp, else EdgeEndTimestamp. Duration is the one after the other, and is
//     not known where both are whole seconds, as RFC 3339 and seconds have them: it would be wrong by
//     up to a second.
//   - Path and Query are ClientRequestPath and what follows the '?' of ClientRequestURI.
//   - Bytes is EdgeResponseBytes, with headers, else EdgeResponseBodyBytes.
//   - A request is aborted when its status is 0 or 499: the client left.
//   - A request is blocked when SecurityAction, an element of SecurityActions, or in older jobs
//     WAFAction or an element of FirewallMatchesActions is one that ends it: block, drop, a challenge
//     that was not solved, a connection closed.
//   - CMCD is that of the request headers CMCD-Object, -Request, -Session, -Status, where the job has
//     them as custom fields, else the query's.
//
// Requests that were made inside Cloudflare are traffic that an eyeball's line tells already. They are
// dropped (a ClientRequestSource other than eyeball, a ParentRayID, WorkerSubrequest), and so is the
// test upload of a new job ({"content":"tests"}): they are neither records nor refusals.
//
// Jobs that write CSV, or that put objects around their records, are not read.
package cloudflare

import (
	"bytes"
	"time"

	"vigie/ingest/cmcd"
	"vigie/ingest/field"
	"vigie/ingest/flatjson"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Reasons of refusals, beside flatjson's.
const (
	NoTime  = "EdgeStartTimestamp: missing"
	BadTime = "EdgeStartTimestamp: not a number or RFC 3339"
)

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, _ event.Origin, to event.Sink) {
	p := parser{objects: flatjson.New(payload)}
	for p.objects.Next(to) {
		reason := p.read()
		switch {
		case p.objects.Refused(to) || p.inside || p.test:
		case reason != "":
			p.objects.Refuse(to, reason)
		default:
			record.Bound(&p.request)
			to.Request(&p.request)
		}
	}
}

type parser struct {
	objects flatjson.Objects
	nested  flatjson.Objects
	request event.Request
	line    line
	inside  bool // Cloudflare's own request
	test    bool // the upload that tries the destination
	scratch []byte
}

// line holds what has to be seen together with other members.
type line struct {
	start, end, path, uri, bytes, body []byte

	left    bool // before any answer
	headers bool // have brought CMCD
}

// read fills the request from the members of the current object, and says why it is none.
func (p *parser) read() (reason string) {
	r, l, o := &p.request, &p.line, &p.objects
	*r = event.Request{FirstByte: event.Unknown, Duration: event.Unknown}
	*l = line{}
	p.inside, p.scratch = false, p.scratch[:0]
	members, content := 0, false
	for o.Member() {
		members++
		switch string(o.Key) {
		case "EdgeStartTimestamp":
			l.start = text(o.Text())
		case "EdgeEndTimestamp":
			l.end = text(o.Text())
		case "ClientRequestMethod":
			r.Method = text(o.Text())
		case "ClientRequestHost":
			r.Host = text(o.Text())
		case "ClientRequestPath":
			l.path = text(o.Text())
		case "ClientRequestURI":
			l.uri = text(o.Text())
		case "ClientRequestProtocol":
			r.Protocol = text(o.Text())
		case "ClientRequestReferer":
			r.Referer = field.Text(o.Text())
		case "ClientRequestUserAgent":
			r.UserAgent = field.Text(o.Text())
		case "ClientRequestSource":
			b := text(o.Text())
			p.inside = p.inside || b != nil && string(b) != "eyeball"
		case "ParentRayID":
			b := text(o.Text())
			p.inside = p.inside || b != nil && string(b) != "00"
		case "WorkerSubrequest":
			p.inside = p.inside || field.True(o.Text())
		case "ClientIP":
			r.Client, _ = field.Addr(o.Text())
		case "ClientASN":
			r.ASN, _ = field.ASN(o.Text())
		case "ClientCountry":
			r.Country, p.scratch = country(text(o.Text()), p.scratch)
		case "ClientSSLProtocol":
			r.TLS = text(o.Text())
		case "EdgeResponseStatus":
			var ok bool
			r.Status, ok = field.Status(o.Text())
			l.left = ok && (r.Status == 0 || r.Status == 499)
		case "EdgeResponseBytes":
			l.bytes = o.Text()
		case "EdgeResponseBodyBytes":
			l.body = o.Text()
		case "EdgeTimeToFirstByteMs":
			r.FirstByte = field.Duration(o.Text(), time.Millisecond)
		case "CacheCacheStatus":
			r.Cache = cache(text(o.Text()))
		case "EdgeColoCode":
			r.PoP = text(o.Text())
		case "RayID":
			r.ID = text(o.Text())
		case "SecurityAction", "WAFAction":
			r.Blocked = r.Blocked || ends(o.Text())
		case "SecurityActions", "FirewallMatchesActions":
			r.Blocked = r.Blocked || anyEnds(o)
		case "RequestHeaders":
			p.headers()
		case "content":
			content = o.Kind == flatjson.String
		}
	}
	p.test = content && members == 1
	return p.conclude()
}

// conclude fills what several members say together.
func (p *parser) conclude() (reason string) {
	r, l := &p.request, &p.line
	first := l.start
	if first == nil {
		if first = l.end; first == nil {
			return NoTime
		}
	}
	var ok bool
	if r.Time, ok = field.Time(first, nil); !ok {
		return BadTime
	}
	if l.start != nil && l.end != nil {
		r.Duration = between(r.Time, l.end)
	}
	if r.Bytes, ok = field.Uint(l.bytes); !ok {
		r.Bytes, _ = field.Uint(l.body)
	}
	host, path, query := field.Target(l.uri)
	if r.Path, r.Query = l.path, query; r.Path == nil {
		r.Path = path
	}
	if r.Host == nil {
		r.Host = host
	}
	r.Aborted = l.left
	if !l.headers {
		cmcd.FromQuery(r.Query, &r.CMCD)
	}
	return ""
}

// between is the time from start to end, where they were told finely enough to say.
func between(start time.Time, end []byte) time.Duration {
	t, ok := field.Time(end, nil)
	d := t.Sub(start)
	if !ok || start.Nanosecond() == 0 && t.Nanosecond() == 0 || d < 0 || d > field.MaxDuration {
		return event.Unknown
	}
	return d
}

// headers reads CMCD from the members of an object whose names are those of headers.
func (p *parser) headers() {
	if p.objects.Kind != flatjson.Nested {
		return
	}
	n := &p.nested
	n.Reset(p.objects.Value)
	for n.Next(record.Nowhere{}) {
		for n.Member() {
			if !isCMCD(n.Key) {
				continue
			}
			// What CMCD keeps of it must outlive the nested object.
			start := len(p.scratch)
			p.scratch = append(p.scratch, n.Text()...)
			cmcd.Scan(p.scratch[start:len(p.scratch):len(p.scratch)], &p.request.CMCD)
			p.line.headers = true
		}
		n.Refused(record.Nowhere{})
	}
}

// isCMCD says whether name is that of one of CMCD's four headers, in any case.
func isCMCD(name []byte) bool {
	const prefix = "cmcd-"
	if len(name) <= len(prefix) || !bytes.EqualFold(name[:len(prefix)], []byte(prefix)) {
		return false
	}
	for _, key := range [...]string{"object", "request", "session", "status"} {
		if bytes.EqualFold(name[len(prefix):], []byte(key)) {
			return true
		}
	}
	return false
}

// text is b, or nil when b is one of Cloudflare's marks of an absent value.
func text(b []byte) []byte {
	switch string(b) {
	case "unknown", "none", "UNKNOWN", "NONE":
		return nil
	}
	return field.Text(b)
}

// country leaves out what is none: XX is not known, T1 is Tor.
func country(b, scratch []byte) (code, grown []byte) {
	code, scratch = field.Upper(b, scratch)
	if string(code) == "XX" || string(code) == "T1" {
		return nil, scratch
	}
	return code, scratch
}

// cache is field.Cache, and the words that only Cloudflare has.
func cache(word []byte) event.Cache {
	switch string(word) {
	case "stream_hit":
		return event.CacheHit
	case "dynamic", "ignored":
		return event.CachePass
	}
	return field.Cache(word)
}

var _ event.Parser = Parse
