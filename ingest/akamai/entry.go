package akamai

import (
	"bytes"
	"time"

	"vigie/ingest/cmcd"
	"vigie/ingest/field"
	"vigie/internal/event"
)

// entry is one line of a log, whichever way its values were told apart: reset it, set what it
// says, then conclude.
type entry struct {
	request  event.Request
	line     line
	midgress bool
	scratch  []byte
}

// line holds what has to be seen together with other values.
type line struct {
	time, bytes, total, turnAround, transfer, rules, error, crumbs, cmcd []byte

	cached, cacheable, last byte // '0' or '1', or 0 when not told

	left  bool // before any answer
	probe bool
}

func (e *entry) reset() {
	e.request = event.Request{FirstByte: event.Unknown, Duration: event.Unknown}
	e.line = line{}
	e.midgress, e.scratch = false, e.scratch[:0]
}

// probe says whether this is no line of a log, but what Akamai sends when a stream is saved.
func (e *entry) probe() bool { return e.line.probe && e.line.time == nil }

// set fills what one value says; of a key that comes twice the last counts.
func (e *entry) set(k key, v []byte) {
	r, l := &e.request, &e.line
	switch k {
	case reqTime:
		l.time = text(v)
	case reqID:
		r.ID = text(v)
	case reqHost:
		r.Host = text(v)
	case reqPath:
		r.Path = text(v)
	case queryStr:
		r.Query = bytes.TrimPrefix(text(v), []byte("?"))
	case reqMethod:
		r.Method = text(v)
	case proto:
		r.Protocol = text(v)
	case statusCode:
		var ok bool
		r.Status, ok = field.Status(v)
		l.left = ok && r.Status == 0
	case bodyBytes:
		l.bytes = v
	case totalBytes:
		l.total = v
	case timeToFirstByte:
		r.FirstByte = field.Duration(v, time.Millisecond)
	case turnAround:
		l.turnAround = v
	case transfer:
		l.transfer = v
	case cacheStatus:
		l.cached = flag(v)
	case cacheable:
		l.cacheable = flag(v)
	case lastByte:
		l.last = flag(v)
	case isMidgress:
		e.midgress = field.True(v)
	case cliIP:
		r.Client, _ = field.Addr(v)
	case asn:
		r.ASN, _ = field.ASN(v)
	case country:
		r.Country, e.scratch = field.Upper(text(v), e.scratch)
	case serverCountry:
		r.PoP = text(v)
	case tlsVersion:
		r.TLS = text(v)
	case userAgent:
		r.UserAgent, e.scratch = field.Percent(text(v), e.scratch, true)
	case referer:
		r.Referer, e.scratch = field.Percent(text(v), e.scratch, false)
	case media:
		l.cmcd = text(v)
	case breadcrumbs:
		l.crumbs = v
	case securityRules:
		l.rules = v
	case errorCode:
		l.error = v
	case accessValidation:
		l.probe = true
	}
}

// conclude fills what several values say together, and says why the entry is no request.
func (e *entry) conclude() (reason string) {
	r, l := &e.request, &e.line
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
		start := len(e.scratch)
		e.scratch = append(append(e.scratch, '/'), r.Path...)
		r.Path = e.scratch[start:len(e.scratch):len(e.scratch)]
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
