package otlp

import (
	"encoding/json"
	"net/http"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

const maxMessage = 1024 // bytes of a text in an answer

// ContentType is the content type of the answer to a request of that one: its own, and JSON where
// it was neither of the two, for whoever reads that is a person.
func ContentType(contentType string) string {
	if mediaType(contentType) == typeProto {
		return typeProto
	}
	return typeJSON
}

// Answer is the body of a 200, an ExportMetricsServiceResponse. Of a full success it is empty, in
// JSON {}, for partial_success must then not be set, not even to an empty message.
func (r Result) Answer(contentType string) (body []byte) {
	message := text(r.Why)
	if ContentType(contentType) == typeProto {
		if r.Rejected == 0 {
			return []byte{}
		}
		partial := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(r.Rejected))
		partial = protowire.AppendString(protowire.AppendTag(partial, 2, protowire.BytesType), message)
		return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
	}
	if r.Rejected == 0 {
		return []byte("{}")
	}
	type partial struct {
		Rejected int64  `json:"rejectedDataPoints,string"`
		Message  string `json:"errorMessage,omitempty"`
	}
	body, _ = json.Marshal(struct { // a string and a number: cannot fail
		Partial partial `json:"partialSuccess"`
	}{partial{int64(r.Rejected), message}})
	return body
}

// Status is the body of an answer that is no success, a google.rpc.Status. code is the HTTP status
// of the answer; the message's own code is the nearest of google.rpc.Code, which senders may log and
// must not act upon. message is cut at 1024 bytes.
func Status(contentType string, code int, message string) []byte {
	message = text(message)
	if ContentType(contentType) == typeProto {
		body := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(rpcCode(code)))
		return protowire.AppendString(protowire.AppendTag(body, 2, protowire.BytesType), message)
	}
	body, _ := json.Marshal(struct { // a string and a number: cannot fail
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{rpcCode(code), message})
	return body
}

// rpcCode is google.rpc.Code's for an HTTP status.
func rpcCode(status int) int {
	switch status {
	case http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge:
		return 3 // INVALID_ARGUMENT
	case http.StatusUnauthorized:
		return 16 // UNAUTHENTICATED
	case http.StatusForbidden:
		return 7 // PERMISSION_DENIED
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return 12 // UNIMPLEMENTED
	case http.StatusTooManyRequests:
		return 8 // RESOURCE_EXHAUSTED
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return 14 // UNAVAILABLE
	}
	return 2 // UNKNOWN
}

// text is UTF-8, as protobuf's strings must be, of bounded length.
func text(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxMessage)], "")
}
