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
	ParseRows(payload, to, nil)
}

// ParseRows is Parse for a format that knows more of its sender: refine, unless it is nil, is called
// with each row that is a request before that is handed on.
func ParseRows(payload []byte, to event.Sink, refine func(*Row)) {
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
		if refine != nil {
			refine(&p.row)
		}
		record.Bound(&p.row.Request)
		to.Request(&p.row.Request)
	}
}

type parser struct {
	layout layout
	bare   layout // CloudFront's, once it was needed
	row    Row
}

// read fills the row from a line, and says why it is no request.
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
	p.row.Reset()
	p.row.iis = columns.iis
	for i := 0; i < columns.n && len(text) > 0; i++ {
		var value []byte
		value, text = split(text, by)
		if c := columns.columns[i]; c != Ignored {
			if value = field.Text(value); value != nil {
				p.row.set(c, value)
			}
		}
	}
	return p.row.Conclude()
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
