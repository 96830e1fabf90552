// Package cloudfront reads the access logs of Amazon CloudFront (Amazon CloudFront Developer Guide,
// "Access logs (standard logs)" and "Use real-time access logs") in every form they are sent in.
//
// Parse reads what names its own fields: standard logs (legacy), from files, and standard logging
// v2 in the formats w3c and JSON. Columns and RealTime make the parsers of what does not: v2 in the
// format plain, and real-time logs. Each of them reads any subset of the fields.
//
// What a field means, and how its value is written, is package w3c's: "-" is absent; times are in
// seconds; the user agent is percent-decoded, twice where CloudFront encoded it twice; the query is
// what CloudFront wrote behind a '?' in the path, or its own field; hosts are x-host-header before
// cs(Host); PoPs are cut to their airport; the CMCD fields (version 1) win over the query's CMCD. This
// package adds what CloudFront's own words say:
//
//   - Cache is x-edge-detailed-result-type, else x-edge-result-type. A redirect to HTTPS and an
//     answer made by a function is a pass. Of an answer that the client did not wait for it is
//     x-edge-response-result-type, for the cache did its part.
//   - A request is aborted when its status is 000, when the detailed result is ClientCommError or
//     ClientHungUpRequest, and when an answer that was no error before it was sent had become one
//     at its end, unless the origin is named as the cause.
//   - A request is blocked when the detailed result is InvalidRequestBlocked or ClientGeoBlocked. What AWS
//     WAF refused cannot be told from other errors 403: it has logs of its own.
//
// Real-time logs are sampled at the sender, which no line tells; the weight of the source must.
package cloudfront

import (
	"bytes"

	"vigie/ingest/field"
	"vigie/ingest/flatjson"
	"vigie/ingest/record"
	"vigie/ingest/w3c"
	"vigie/internal/event"
)

// Header is the directives that payload begins with. Who hands a file over in pieces puts them in
// front of each; JSON has none.
func Header(payload []byte) []byte { return w3c.Header(payload) }

// Parse reads a payload of JSON objects, or of lines below a #Fields directive; it is an
// event.Parser. Lines without a directive are read as standard logs (legacy).
func Parse(payload []byte, _ event.Origin, to event.Sink) {
	if isJSON(payload) {
		parseJSON(payload, to)
		return
	}
	w3c.ParseRows(payload, to, refine)
}

// isJSON says which of the two a payload is. It goes by most of the first lines and not by the first
// alone, so that one that is damaged does not cost the others; a directive at the front decides.
func isJSON(payload []byte) bool {
	const enough = 64 // lines
	objects, rows := 0, 0
	payload = bytes.TrimPrefix(payload, []byte("\xef\xbb\xbf"))
	for n := 0; n < enough && len(payload) > 0; n++ {
		line := payload
		if i := bytes.IndexByte(payload, '\n'); i >= 0 {
			line, payload = payload[:i], payload[i+1:]
		} else {
			payload = nil
		}
		switch text := bytes.Trim(line, " \t\r\x00"); {
		case len(text) == 0:
		case text[0] == '{' || text[0] == '[':
			objects++
		case text[0] == '#' && objects+rows == 0:
			return false
		case text[0] == '#' || bytes.IndexByte(text, '\t') >= 0 && text[0] != '"':
			rows++
		}
	}
	return objects > 0 && objects >= rows
}

func parseJSON(payload []byte, to event.Sink) {
	var row w3c.Row
	objects := flatjson.New(payload)
	for objects.Next(to) {
		row.Reset()
		for objects.Member() {
			if c := w3c.Named(objects.Key); c != w3c.Ignored {
				row.Set(c, objects.Text())
			}
		}
		if objects.Refused(to) {
			continue
		}
		if reason := row.Conclude(); reason != "" {
			objects.Refuse(to, reason)
			continue
		}
		hand(&row, to)
	}
}

// hand gives a row that was concluded to the sink.
func hand(row *w3c.Row, to event.Sink) {
	refine(row)
	record.Bound(&row.Request)
	to.Request(&row.Request)
}

// refine adds what the results of CloudFront say to a request.
func refine(row *w3c.Row) {
	r := &row.Request
	result, detailed, response := row.Results()
	switch string(detailed) {
	case "ClientHungUpRequest":
		r.Aborted = true
	case "InvalidRequestBlocked", "ClientGeoBlocked":
		r.Blocked = true
		r.Cache = event.CacheUnknown // was not asked
	}
	if string(result) == "Error" && response != nil && string(response) != "Error" {
		r.Aborted = r.Aborted || !originsFault(detailed)
	}
	if r.Aborted && response != nil {
		r.Cache = answer(response)
	} else if r.Cache == event.CacheUnknown && !r.Blocked {
		if r.Cache = answer(detailed); r.Cache == event.CacheUnknown {
			r.Cache = answer(result)
		}
	}
}

// originsFault says whether the answer broke off between the origin and the edge.
func originsFault(detailed []byte) bool {
	return bytes.HasPrefix(detailed, []byte("Origin")) || string(detailed) == "AbortedOrigin"
}

// answer is field.Cache, and the words that only CloudFront has.
func answer(word []byte) event.Cache {
	switch string(word) {
	case "Redirect", "MissGeneratedResponse", "FunctionGeneratedResponse":
		return event.CachePass
	case "FunctionExecutionError", "FunctionThrottledError":
		return event.CacheError
	}
	return field.Cache(word)
}

var _ event.Parser = Parse
