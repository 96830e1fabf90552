package firehose

import (
	"errors"
	"fmt"

	"vigie/ingest/flatjson"
)

// Bounds of a request.
const (
	MaxRecords = 10_000
	MaxRecord  = 1_024_000 // bytes of a record before base64
	MaxID      = 256       // bytes of a request id; AWS sends 36
)

// What is wrong with the shape of a request; also reasons of refusals.
const (
	NotRequest = "body: not a Firehose request"
	Damaged    = "body: damaged or cut short"
	TooMany    = "records: more than 10000"
	BadRecord  = "records: not an object with data"
)

// walk reads one request. It calls record for each of its records with the text of data between
// its quotes and where that stands; where a record has none, data is nil and the place the record's
// own. It reports what is wrong, and then c.at is where.
func walk(c *cursor, record func(data []byte, at, end int)) (id []byte, records int, problem string) {
	if c.next() != '{' {
		return nil, 0, NotRequest
	}
	found := false
	whole := c.members(func(key []byte) bool {
		switch string(key) {
		case "requestId":
			if c.next() != '"' {
				return c.skip()
			}
			raw, ok := c.text()
			id = raw
			return ok
		case "records":
			if c.next() != '[' {
				return c.skip()
			}
			found = true
			return c.elements(func() bool {
				if records++; records > MaxRecords {
					c.next()
					problem = TooMany
					return false
				}
				return one(c, record)
			})
		}
		return c.skip()
	})
	switch {
	case problem != "":
	case !whole:
		problem = Damaged
	case !found:
		problem = NotRequest
	}
	return id, records, problem
}

// one reads one element of records.
func one(c *cursor, record func(data []byte, at, end int)) bool {
	if c.next() != '{' {
		start := c.at
		ok := c.skip()
		if ok {
			record(nil, start, c.at)
		}
		return ok
	}
	start := c.at
	var data []byte
	ok := c.members(func(key []byte) bool {
		if string(key) != "data" || c.next() != '"' {
			return c.skip()
		}
		at := c.at + 1
		raw, ok := c.text()
		if ok {
			data, start = raw, at
		}
		return ok
	})
	switch {
	case ok && data == nil:
		record(nil, start, c.at)
	case ok:
		record(data, start, start+len(data))
	}
	return ok
}

// RequestID checks the outer shape of a body, unpacked, without decoding its records, and tells
// what an answer needs: the request's id, and how many records it brought, 0 to 10000. It allocates
// nothing but the id, and looks at each byte about once.
//
// It is an error when the body is not one request whole, has no id or one of more than 256 bytes,
// or has more than 10000 records; the id is returned nevertheless where it was read. A record that
// has no data is no error: Parse refuses it alone.
func RequestID(body []byte) (id string, records int, err error) {
	c := cursor{b: body}
	raw, records, problem := walk(&c, func([]byte, int, int) {})
	switch {
	case len(raw) > MaxID:
		return "", records, fmt.Errorf("requestId: longer than %d bytes", MaxID)
	case problem != "":
		return string(flatjson.Unescape(nil, raw)), records, fmt.Errorf("%s, at byte %d", problem, c.at)
	case len(raw) == 0:
		return "", records, errors.New("requestId: missing")
	}
	id = string(flatjson.Unescape(nil, raw))
	if c.next(); c.at < len(body) {
		return id, records, fmt.Errorf("%s, at byte %d", NotRequest, c.at)
	}
	return id, records, nil
}
