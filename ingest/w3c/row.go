package w3c

import (
	"bytes"
	"time"

	"vigie/ingest/cmcd"
	"vigie/ingest/field"
	"vigie/internal/event"
)

// Row is one record of a log whose columns have the names of this package, wherever the names and
// the values stand: Reset it, Set its columns in any order, then Conclude. Its texts are slices of
// the values it was given or of its own scratch space, and are valid until Reset.
type Row struct {
	Request event.Request

	line    line
	iis     bool // time-taken is in milliseconds
	scratch []byte
}

// line holds what has to be seen together with other columns.
type line struct {
	date, clock, timestamp, millis, host, query, result, detailed, response []byte

	left bool // before any answer
}

// Reset empties the row.
func (w *Row) Reset() {
	w.Request = event.Request{FirstByte: event.Unknown, Duration: event.Unknown}
	w.line, w.iis, w.scratch = line{}, false, w.scratch[:0]
}

// Set fills what one column says. An empty value and "-" say nothing, and of a column that comes
// twice the last counts.
func (w *Row) Set(c Column, value []byte) {
	if c == Ignored {
		return
	}
	if value = field.Text(value); value != nil {
		w.set(c, value)
	}
}

// Results are the words for how the edge classified its answer: when all was sent, in detail, and
// just before it was sent; nil where a word was not told.
func (w *Row) Results() (result, detailed, response []byte) {
	return w.line.result, w.line.detailed, w.line.response
}

// set is Set of a value that is there.
func (w *Row) set(c Column, v []byte) {
	r, l := &w.Request, &w.line
	switch c {
	case date:
		l.date = v
	case clock:
		l.clock = v
	case timestamp:
		l.timestamp = v
	case timestampMillis:
		l.millis = v
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
		if r.Path = path; l.query == nil {
			l.query = q
		}
		if h != nil {
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
		if w.iis {
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
		r.Referer, w.scratch = field.Percent(v, w.scratch, false)
	case userAgent:
		v, w.scratch = field.Percent(v, w.scratch, w.iis) // IIS writes '+' for a space
		if bytes.Contains(v, []byte("%20")) {
			v, w.scratch = field.Percent(v, w.scratch, false)
		}
		r.UserAgent = v
	case requestID:
		r.ID = v
	case asn:
		r.ASN, _ = field.ASN(v)
	case country:
		r.Country, w.scratch = field.Upper(v, w.scratch)
	default:
		cmcd.Set(c.cmcd(), v, &r.CMCD)
	}
}

// cmcd is the key of a column that holds one.
func (c Column) cmcd() string {
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

// Conclude fills what several columns say together, and says why the row is no request: NoTime,
// BadTime, or "".
func (w *Row) Conclude() (reason string) {
	r, l := &w.Request, &w.line
	var ok bool
	switch {
	case l.millis != nil:
		r.Time, ok = field.Time(l.millis, nil)
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
	r.Query, w.scratch = unescapePercent(l.query, w.scratch)
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
