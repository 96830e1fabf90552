package otlp

import (
	"errors"
	"fmt"
	"mime"
	"net/http"

	"vigie/ingest/protofields"
	"vigie/ingest/record"
)

// The content types of requests, and so of their answers.
const (
	typeProto = "application/x-protobuf"
	typeJSON  = "application/json"
)

// Result counts what a request holds.
type Result struct {
	JSON     bool   // it is one for ParseJSON, else for ParseProto
	Points   int    // data points that can be stored
	Rejected int    // data points that cannot, now or ever
	Why      string // they were rejected, by reason, the most frequent first; empty when none was
}

// Check reads a request as its parser will, and says what to answer. The arguments are the header
// Content-Type and the body, unpacked.
//
// The door's part:
//
//  1. On status 200 it stores the body if r.Points > 0, and answers 200 with r.Answer. If storing
//     fails it answers 503 with Retry-After: the sender comes back.
//  2. Otherwise it stores nothing and answers status with Status, whose message is err's text.
//
// Either answer has the content type that ContentType says. status is
//
//   - 200: all of it can be stored, or a part, or there is nothing in it. Senders do not repeat
//     what was rejected;
//   - 400: it is no ExportMetricsServiceRequest: the sender does not try again;
//   - 413: it is longer than MaxUnpacked;
//   - 415: another content type than these two.
func Check(contentType string, body []byte) (r Result, status int, err error) {
	kind := mediaType(contentType)
	if kind != typeProto && kind != typeJSON {
		return Result{}, http.StatusUnsupportedMediaType, fmt.Errorf("Content-Type: %.80q is neither application/x-protobuf nor application/json", contentType)
	}
	r.JSON = kind == typeJSON
	if len(body) > MaxUnpacked {
		return r, http.StatusRequestEntityTooLarge, errors.New(TooLarge)
	}
	reader := reader{to: record.Nowhere{}}
	if r.JSON {
		reader.read(body, reader.readJSON)
	} else {
		if !protofields.Whole(body) {
			return r, http.StatusBadRequest, errors.New(NotProtobuf)
		}
		reader.read(body, reader.readProto)
	}
	r.Points = reader.points
	for _, n := range reader.rejected {
		r.Rejected += n
	}
	r.Why = record.Reasons(reader.rejected)
	if reader.broken && r.Points == 0 {
		return Result{JSON: r.JSON}, http.StatusBadRequest, errors.New(r.Why)
	}
	return r, http.StatusOK, nil
}

func mediaType(contentType string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return kind
}
