// Package w3c reads logs in the W3C Extended Log File Format (W3C working draft WD-logfile-960323):
// CloudFront's standard logs and those of IIS, which people import from files.
//
//	#Version: 1.0
//	#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status …
//	2026-09-08	19:45:03	CDG52-P2	812345	192.0.2.7	GET	d1.cloudfront.net	/v/seg_1.m4s	200	…
//
// The #Fields directive names the columns of the lines below it, and holds until the next one.
// Lines that no directive precedes are read as CloudFront's, if they have at least 24 columns
// separated by tabs. Columns are separated by tabs where a line has any, else by spaces, and then a
// value that begins with a quote ends with one. A line may have fewer or more columns than its
// directive names. "-" is an absent value.
//
// Times are UTC: date and time, or timestamp. time-taken and time-to-first-byte are in seconds,
// but time-taken is in milliseconds where sc-win32-status shows that IIS wrote the log. The user
// agent and the referer are percent-decoded, the user agent twice where CloudFront encoded it
// twice. The path stays encoded, as from every other sender; in the query, %25 is undone, which
// CloudFront writes for a client's '%'. Hosts are taken from x-host-header before cs(Host), PoPs
// are cut to their airport (CDG52-P2: CDG). A request is aborted when its status is 0 (000), when
// the detailed result is ClientCommError, and when the edge had a hit that ended as an error.
package w3c

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
	NoFields = "fields: no #Fields directive before the line, and not CloudFront's columns"
	NoTime   = "date, time: missing"
	BadTime  = "date, time: not a time"
)

// Header is the directives that payload begins with. Who hands a file over in pieces puts them in
// front of each.
func Header(payload []byte) []byte {
	end := 0
	for end < len(payload) && payload[end] == '#' {
		i := bytes.IndexByte(payload[end:], '\n')
		if i < 0 {
			return payload
		}
		end += i + 1
	}
	return payload[:end]
}

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, _ event.Origin, to event.Sink) {
	p := parser{}
	lines := record.NewLines(payload)
	for lines.Next(to) {
		if lines.Text[0] == '#' {
			if names, ok := bytes.CutPrefix(lines.Text, []byte("#Fields:")); ok {
				p.layout = readFields(names)
			}
			continue
		}
		if reason := p.read(lines.Text); reason != "" {
			lines.Refuse(to, reason)
			continue
		}
		record.Bound(&p.request)
		to.Request(&p.request)
	}
}

type parser struct {
	layout  layout
	bare    layout // CloudFront's, once it was needed
	request event.Request
	line    line
	scratch []byte
}

// line holds what has to be seen together with other columns.
type line struct {
	date, clock, timestamp, host, query, result, detailed, response []byte

	left bool // before any answer
}

// read fills the request from a line, and says why it is none.
func (p *parser) read(text []byte) (reason string) {
	by := byte(' ')
	if bytes.IndexByte(text, '\t') >= 0 {
		by = '\t'
	}
	columns := &p.layout
	if columns.n == 0 {
		if by != '\t' || bytes.Count(text, []byte{'\t'}) < fewest-1 {
			return NoFields
		}
		if columns = &p.bare; columns.n == 0 {
			*columns = readFields([]byte(cloudFront))
		}
	}
	p.request = event.Request{FirstByte: event.Unknown, Duration: event.Unknown}
	p.line, p.scratch = line{}, p.scratch[:0]
	for i := 0; i < columns.n && len(text) > 0; i++ {
		var value []byte
		value, text = split(text, by)
		if c := columns.columns[i]; c != ignored {
			if value = field.Text(value); value != nil {
				p.set(c, value, columns.iis)
			}
		}
	}
	return p.conclude()
}

func (p *parser) set(c column, v []byte, iis bool) {
	r, l := &p.request, &p.line
	switch c {
	case date:
		l.date = v
	case clock:
		l.clock = v
	case timestamp:
		l.timestamp = v
	case client:
		r.Client, _ = field.Addr(v)
	case method:
		r.Method = v
	case host:
		l.host = v
	case viewerHost:
		r.Host = v
	case stem:
		// The real-time columns have the query here too.
		h, path, q := field.Target(v)
		if r.Path, l.query = path, q; h != nil {
			l.host = h
		}
	case query:
		l.query = v
	case status:
		var ok bool
		r.Status, ok = field.Status(v)
		l.left = ok && r.Status == 0
	case size:
		r.Bytes, _ = field.Uint(v)
	case taken:
		unit := time.Second
		if iis {
			unit = time.Millisecond
		}
		r.Duration = field.Duration(v, unit)
	case firstByte:
		r.FirstByte = field.Duration(v, time.Second)
	case result:
		l.result = v
	case detailedResult:
		l.detailed = v
	case responseResult:
		l.response = v
	case location:
		if r.PoP = v; len(v) > 3 {
			r.PoP = v[:3]
		}
	case protocol:
		r.Protocol = v
	case tls:
		r.TLS = v
	case referer:
		r.Referer, p.scratch = field.Percent(v, p.scratch, false)
	case userAgent:
		v, p.scratch = field.Percent(v, p.scratch, iis) // IIS writes '+' for a space
		if bytes.Contains(v, []byte("%20")) {
			v, p.scratch = field.Percent(v, p.scratch, false)
		}
		r.UserAgent = v
	case requestID:
		r.ID = v
	case asn:
		r.ASN, _ = field.ASN(v)
	case country:
		r.Country, p.scratch = field.Upper(v, p.scratch)
	default:
		cmcd.Set(c.cmcd(), v, &r.CMCD)
	}
}

// cmcd is the key of a column that holds one.
func (c column) cmcd() string {
	switch c {
	case sid:
		return "sid"
	case cid:
		return "cid"
	case ot:
		return "ot"
	case st:
		return "st"
	case br:
		return "br"
	case mtp:
		return "mtp"
	case bl:
		return "bl"
	case bs:
		return "bs"
	case su:
		return "su"
	}
	return ""
}

// conclude fills what several columns say together.
func (p *parser) conclude() (reason string) {
	r, l := &p.request, &p.line
	var ok bool
	switch {
	case l.timestamp != nil:
		r.Time, ok = field.Time(l.timestamp, nil)
	case l.date == nil || l.clock == nil:
		return NoTime
	default:
		r.Time, ok = field.DateTime(l.date, l.clock)
	}
	if !ok {
		return BadTime
	}
	if r.Host == nil {
		r.Host = l.host
	}
	r.Query, p.scratch = unescapePercent(l.query, p.scratch)
	if r.CMCD.Session == nil {
		cmcd.FromQuery(r.Query, &r.CMCD)
	}
	if r.Cache = field.Cache(l.detailed); r.Cache == event.CacheUnknown {
		r.Cache = field.Cache(l.result)
	}
	r.Aborted = l.left || string(l.detailed) == "ClientCommError" ||
		string(l.result) == "Error" && string(l.response) == "Hit"
	return ""
}

// unescapePercent undoes %25 alone.
func unescapePercent(b, scratch []byte) (text, grown []byte) {
	if !bytes.Contains(b, []byte("%25")) {
		return b, scratch
	}
	start := len(scratch)
	for i := 0; i < len(b); i++ {
		scratch = append(scratch, b[i])
		if b[i] == '%' && bytes.HasPrefix(b[i:], []byte("%25")) {
			i += 2
		}
	}
	return scratch[start:len(scratch):len(scratch)], scratch
}

// split splits off the first column.
func split(b []byte, by byte) (value, rest []byte) {
	if by == ' ' {
		for len(b) > 0 && b[0] == ' ' {
			b = b[1:]
		}
		if len(b) > 0 && b[0] == '"' {
			if i := bytes.IndexByte(b[1:], '"'); i >= 0 {
				return b[1 : i+1], b[i+2:]
			}
		}
	}
	if i := bytes.IndexByte(b, by); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

var _ event.Parser = Parse
