// Package ndjson reads Vigie's own generic log of requests: flat JSON objects, one per line or in
// arrays, for every sender that can choose what it writes.
//
//	{"time":"2026-09-08T19:45:03.120Z","method":"GET","host":"live.example.com",
//	 "path":"/final/v/seg_1201.m4s","query":"CMCD=br%3D3200","status":200,"bytes":812345,
//	 "first_byte_ms":4,"duration_ms":31.5,"cache":"hit","client":"2001:db8::7","asn":3215,
//	 "country":"FR","pop":"CDG","protocol":"HTTP/2.0","tls":"TLSv1.3","user_agent":"…"}
//
// (on one line.) Only time is required. A member that is unknown is ignored, one that cannot be read is lost
// alone, and null, "" and "-" say that a value is absent. Numbers may be strings.
//
//	time           RFC 3339, or seconds, milliseconds, microseconds or nanoseconds since 1970,
//	               told apart by their size; a number or a string, with or without a fraction
//	method         GET …
//	host           as the client named it
//	path           without query, percent-encoded as the client sent it
//	query          without '?'
//	url            instead of host, path and query: whole, or from the path on
//	status         0 when the client left before any answer
//	bytes          sent to the client, with headers where that is known
//	first_byte_ms  request received to first byte sent
//	duration_ms    request received to last byte sent
//	cache          hit, refresh, miss, pass or error; also the words of nginx, Varnish, CloudFront
//	client         IP address of the viewer, a port behind it is ignored
//	asn            3215 or "AS3215"
//	country        ISO 3166-1 alpha-2
//	pop            place of the edge
//	protocol       HTTP/1.1 …
//	tls            TLSv1.3 …
//	referer, user_agent
//	id             the sender's request id
//	session        of the player; as CMCD's sid
//	weight         how many requests the line stands for, above 0 and up to a million
//	blocked        true when a security rule refused it
//	aborted        true when the client left before the last byte
//	cmcd           CMCD as its headers have it, joined by commas; else it is looked for in query
package ndjson

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
	NoTime  = "time: missing"
	BadTime = "time: not a number or RFC 3339"
)

// maxWeight is beyond any sampling rate that still says something.
const maxWeight = 1e6

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, from event.Origin, to event.Sink) {
	p := parser{objects: flatjson.New(payload), zone: from.Zone}
	for p.objects.Next(to) {
		reason := p.read()
		switch {
		case p.objects.Refused(to):
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
	zone    *time.Location
	request event.Request
	scratch []byte
}

// read fills the request from the members of the current object, and says why it is none.
func (p *parser) read() (reason string) {
	r, o := &p.request, &p.objects
	*r = event.Request{FirstByte: event.Unknown, Duration: event.Unknown}
	p.scratch = p.scratch[:0]
	reason = NoTime
	var media, session []byte
	for o.Member() {
		b := field.Text(o.Text())
		if b == nil {
			continue
		}
		switch string(o.Key) {
		case "time":
			reason = ""
			var ok bool
			if r.Time, ok = field.Time(b, p.zone); !ok {
				reason = BadTime
			}
		case "method":
			r.Method = b
		case "host":
			r.Host = b
		case "path":
			r.Path = b
		case "query":
			r.Query = bytes.TrimPrefix(b, []byte("?"))
		case "url":
			host, path, query := field.Target(b)
			if r.Path, r.Query = path, query; host != nil {
				r.Host = host
			}
		case "status":
			r.Status, _ = field.Status(b)
		case "bytes":
			r.Bytes, _ = field.Uint(b)
		case "first_byte_ms":
			r.FirstByte = field.Duration(b, time.Millisecond)
		case "duration_ms":
			r.Duration = field.Duration(b, time.Millisecond)
		case "cache":
			r.Cache = field.Cache(b)
		case "client":
			r.Client, _ = field.Addr(b)
		case "asn":
			r.ASN, _ = field.ASN(b)
		case "country":
			r.Country, p.scratch = field.Upper(b, p.scratch)
		case "pop":
			r.PoP = b
		case "protocol":
			r.Protocol = b
		case "tls":
			r.TLS = b
		case "referer":
			r.Referer = b
		case "user_agent":
			r.UserAgent = b
		case "id":
			r.ID = b
		case "session":
			session = b
		case "weight":
			r.Weight, _ = field.Positive(b, maxWeight)
		case "blocked":
			r.Blocked = field.True(b)
		case "aborted":
			r.Aborted = field.True(b)
		case "cmcd":
			media = b
		}
	}
	if media != nil {
		cmcd.Scan(media, &r.CMCD)
	} else {
		cmcd.FromQuery(r.Query, &r.CMCD)
	}
	if session != nil && len(session) <= cmcd.MaxSession {
		r.CMCD.Session = session
	}
	return reason
}

var _ event.Parser = Parse
