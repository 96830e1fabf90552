package akamai

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"vigie/ingest/record"
	"vigie/internal/event"
)

// BadColumns is the reason of a refusal of Structured alone. A line is never read by a list that it
// does not fit: what a wrong column says would look right.
const BadColumns = "columns: not as many as the stream's fields"

const (
	maxFields = 128 // of a stream; Akamai has about 70
	maxName   = 64  // bytes of a field's name
)

// known are the names that must not be misspelt: read otherwise, they would be skipped unnoticed.
var known = [...]string{
	"reqTimeSec", "reqId", "reqHost", "reqPath", "queryStr", "reqMethod", "proto", "statusCode", "bytes", "totalBytes",
	"timeToFirstByte", "turnAroundTimeMSec", "transferTimeMSec", "cacheStatus", "cacheable", "lastByte", "isMidgress",
	"cliIP", "asn", "country", "serverCountry", "tlsVersion", "UA", "referer", "cmcd", "breadcrumbs", "securityRules", "errorCode",
}

// Structured makes the parser of a stream in the structured format: a record is a line of values
// separated by tabs where it has any, else by single spaces, and nothing in it says which value is
// which. That is told by fields, the stream's data set fields in the stream's order, by the names
// they have in JSON (reqTimeSec, cliIP, statusCode …).
//
// A name that Vigie does not read is a column to skip. It is an error when a name is none (letters,
// digits, '_', '-', up to 64), comes twice, differs from a name that Vigie reads in its capitals
// alone, when there are more than 128, and when reqTimeSec is missing. A line with more or fewer
// values than fields is refused, but for one empty value at its end.
func Structured(fields []string) (event.Parser, error) {
	keys, err := columns(fields)
	if err != nil {
		return nil, err
	}
	return func(payload []byte, _ event.Origin, to event.Sink) {
		var e entry
		for lines := record.NewLines(payload); lines.Next(to); {
			if isProbe(lines.Text) {
				continue
			}
			reason := BadColumns
			if e.fill(keys, lines.Text) {
				reason = e.conclude()
			}
			switch {
			case reason != "":
				lines.Refuse(to, reason)
			case !e.midgress:
				record.Bound(&e.request)
				to.Request(&e.request)
			}
		}
	}, nil
}

// columns checks the fields of a stream.
func columns(fields []string) ([]key, error) {
	if len(fields) > maxFields {
		return nil, fmt.Errorf("%d fields: at most %d", len(fields), maxFields)
	}
	keys := make([]key, len(fields))
	at := make(map[string]int, len(fields))
	for i, name := range fields {
		if !plausible(name) {
			return nil, fmt.Errorf("field %d: %.80q is not the name of a data set field", i+1, name)
		}
		if first, twice := at[name]; twice {
			return nil, fmt.Errorf("field %d: %q is field %d already", i+1, name, first)
		}
		at[name] = i + 1
		for _, k := range known {
			if k != name && strings.EqualFold(k, name) {
				return nil, fmt.Errorf("field %d: %q is written %q", i+1, name, k)
			}
		}
		keys[i] = named([]byte(name))
		if keys[i] == accessValidation { // of the probe, never of a record
			keys[i] = ignored
		}
	}
	if at["reqTimeSec"] == 0 {
		return nil, errors.New("reqTimeSec is missing: choose that data set field for the stream, and name it here")
	}
	return keys, nil
}

func plausible(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// fill reads a line, and reports whether it has as many values as there are keys.
func (e *entry) fill(keys []key, text []byte) bool {
	by := byte(' ')
	if bytes.IndexByte(text, '\t') >= 0 {
		by = '\t'
	}
	e.reset()
	last := len(keys) - 1
	for i, k := range keys {
		end := bytes.IndexByte(text, by)
		if (end < 0) != (i == last) && !(i == last && end == len(text)-1) {
			return false
		}
		value := text
		if end >= 0 {
			value, text = text[:end], text[end+1:]
		}
		if k != ignored {
			e.set(k, value)
		}
	}
	return true
}

// isProbe says whether a line is the probe of a structured stream.
func isProbe(text []byte) bool { return string(bytes.TrimSpace(text)) == "0,access_validation" }
