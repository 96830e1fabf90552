// Package akamai reads the JSON log lines of Akamai DataStream 2 (delivery; Akamai TechDocs,
// DataStream 2, "Log format"), one object per line or in an array.
//
// Nearly every value is a string. An absent one is missing, null, "", "-" or "^". Times are in
// milliseconds, but for reqTimeSec. Of what it reads:
//
//   - FirstByte is timeToFirstByte, else turnAroundTimeMSec; Duration is turnAroundTimeMSec plus
//     transferTimeMSec.
//   - Bytes is totalBytes where it is told, else bytes.
//   - PoP is serverCountry: DataStream has nothing finer.
//   - A request is aborted when its status is 0, its errorCode says that the client left, or the
//     last byte of a whole answer (status 200 to a GET) was not sent. A range need not hold it.
//   - A request is blocked when the third part of securityRules, the rule that denied, is there.
//   - The path stays percent-encoded, as from every other sender; user agent and referer do not.
//
// Lines with isMidgress 1 are traffic inside the CDN, which its edge has reported already. They are
// dropped, and so is the probe that Akamai sends when a stream is saved ({"access_validation":
// true} or 0,access_validation): they are neither records nor refusals.
package akamai

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
	NoTime  = "reqTimeSec: missing"
	BadTime = "reqTimeSec: not a number of seconds"
)

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, _ event.Origin, to event.Sink) {
	p := parser{objects: flatjson.New(payload)}
	var quiet event.Sink = withoutProbe{to}
	for p.objects.Next(quiet) {
		reason := p.read()
		switch {
		case p.objects.Refused(quiet) || p.midgress || p.probe:
		case reason != "":
			p.objects.Refuse(to, reason)
		default:
			record.Bound(&p.request)
			to.Request(&p.request)
		}
	}
}

type parser struct {
	objects  flatjson.Objects
	request  event.Request
	line     line
	midgress bool
	probe    bool
	scratch  []byte
}

// line holds what has to be seen together with other fields.
type line struct {
	time, bytes, total, turnAround, transfer, rules, error, crumbs, cmcd []byte

	cached, cacheable, last byte // '0' or '1', or 0 when not told

	left bool // before any answer
}

// read fills the request from the members of the current object, and says why it is none.
func (p *parser) read() (reason string) {
	r, l, o := &p.request, &p.line, &p.objects
	*r = event.Request{FirstByte: event.Unknown, Duration: event.Unknown}
	*l = line{}
	p.midgress, p.probe, p.scratch = false, false, p.scratch[:0]
	for o.Member() {
		switch string(o.Key) {
		case "reqTimeSec":
			l.time = text(o.Text())
		case "reqId":
			r.ID = text(o.Text())
		case "reqHost":
			r.Host = text(o.Text())
		case "reqPath":
			r.Path = text(o.Text())
		case "queryStr":
			r.Query = bytes.TrimPrefix(text(o.Text()), []byte("?"))
		case "reqMethod":
			r.Method = text(o.Text())
		case "proto":
			r.Protocol = text(o.Text())
		case "statusCode":
			var ok bool
			r.Status, ok = field.Status(o.Text())
			l.left = ok && r.Status == 0
		case "bytes":
			l.bytes = o.Text()
		case "totalBytes":
			l.total = o.Text()
		case "timeToFirstByte":
			r.FirstByte = field.Duration(o.Text(), time.Millisecond)
		case "turnAroundTimeMSec":
			l.turnAround = o.Text()
		case "transferTimeMSec":
			l.transfer = o.Text()
		case "cacheStatus":
			l.cached = flag(o.Text())
		case "cacheable":
			l.cacheable = flag(o.Text())
		case "lastByte":
			l.last = flag(o.Text())
		case "isMidgress":
			p.midgress = field.True(o.Text())
		case "cliIP":
			r.Client, _ = field.Addr(o.Text())
		case "asn":
			r.ASN, _ = field.ASN(o.Text())
		case "country":
			r.Country, p.scratch = field.Upper(text(o.Text()), p.scratch)
		case "serverCountry":
			r.PoP = text(o.Text())
		case "tlsVersion":
			r.TLS = text(o.Text())
		case "UA":
			r.UserAgent, p.scratch = field.Percent(text(o.Text()), p.scratch, true)
		case "referer":
			r.Referer, p.scratch = field.Percent(text(o.Text()), p.scratch, false)
		case "cmcd":
			l.cmcd = text(o.Text())
		case "breadcrumbs":
			l.crumbs = o.Text()
		case "securityRules":
			l.rules = o.Text()
		case "errorCode":
			l.error = o.Text()
		case "access_validation":
			p.probe = true
		}
	}
	p.probe = p.probe && l.time == nil
	return p.conclude()
}

// conclude fills what several members say together.
func (p *parser) conclude() (reason string) {
	r, l := &p.request, &p.line
	if l.time == nil {
		return NoTime
	}
	var ok bool
	if r.Time, ok = field.Epoch(l.time); !ok {
		return BadTime
	}
	if n, ok := field.Uint(l.total); ok && n > 0 {
		r.Bytes = n
	} else {
		r.Bytes, _ = field.Uint(l.bytes)
	}
	turnAround := field.Duration(l.turnAround, time.Millisecond)
	if r.FirstByte == event.Unknown {
		r.FirstByte = turnAround
	}
	if transfer := field.Duration(l.transfer, time.Millisecond); turnAround != event.Unknown && transfer != event.Unknown {
		r.Duration = turnAround + transfer
	}
	if len(r.Path) > 0 && r.Path[0] != '/' {
		start := len(p.scratch)
		p.scratch = append(append(p.scratch, '/'), r.Path...)
		r.Path = p.scratch[start:len(p.scratch):len(p.scratch)]
	}
	r.Cache = cache(l)
	r.Blocked = denied(l.rules)
	r.Aborted = l.left || bytes.Contains(l.error, []byte("CLIENT_ABORT")) ||
		l.last == '0' && r.Status == 200 && string(r.Method) != "HEAD"
	if l.cmcd != nil {
		cmcd.ScanEncoded(l.cmcd, &r.CMCD)
	} else {
		cmcd.FromQuery(r.Query, &r.CMCD)
	}
	return ""
}

// cache tells where the answer came from. cacheStatus 0 of something cacheable is a hit of a peer
// when the breadcrumbs name neither a parent (c=c) nor the origin (c=o); without breadcrumbs it is
// a miss.
func cache(l *line) event.Cache {
	switch {
	case l.cached == '1':
		return event.CacheHit
	case l.cacheable == '0':
		return event.CachePass
	case l.cached == 0:
		return event.CacheUnknown
	case len(l.crumbs) > 1 && !bytes.Contains(l.crumbs, []byte("c=c")) && !bytes.Contains(l.crumbs, []byte("c=o")):
		return event.CacheHit
	}
	return event.CacheMiss
}

// denied looks at policy|rules|rule that denied. The bars may be percent-encoded.
func denied(rules []byte) bool {
	for range 2 {
		i := bytes.IndexByte(rules, '|')
		n := 1
		if i < 0 {
			if i, n = bytes.Index(rules, []byte("%7C")), 3; i < 0 {
				return false
			}
		}
		rules = rules[i+n:]
	}
	return text(rules) != nil
}

// text is b, or nil when b is one of Akamai's marks of an absent value.
func text(b []byte) []byte {
	if len(b) == 1 && b[0] == '^' {
		return nil
	}
	return field.Text(b)
}

func flag(b []byte) byte {
	if len(b) == 1 && (b[0] == '0' || b[0] == '1') {
		return b[0]
	}
	return 0
}

// withoutProbe is a sink that does not hear of the probe of a structured stream.
type withoutProbe struct{ event.Sink }

func (s withoutProbe) Refuse(r event.Refusal) {
	if string(bytes.TrimSpace(r.Record)) != "0,access_validation" {
		s.Sink.Refuse(r)
	}
}

var _ event.Parser = Parse
