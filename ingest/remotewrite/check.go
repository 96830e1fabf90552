package remotewrite

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/snappy"

	"vigie/ingest/record"
)

// Version is a version of the protocol.
type Version uint8

const (
	V1 Version = 1 // prometheus.WriteRequest
	V2 Version = 2 // io.prometheus.write.v2.Request
)

// Written counts what a body holds that can be stored.
type Written struct {
	Samples    int // of floats, stale markers included
	Histograms int // native ones
	Passed     int // exemplars, which Vigie does not keep
}

// Any tells whether there is anything to store.
func (w Written) Any() bool { return w.Samples+w.Histograms > 0 }

// Header says how much was stored, as an answer of version 2.0 must, on success and error alike; a
// sender takes a 2xx without it for a receiver that has not understood. Exemplars are always 0.
func (w Written) Header(h http.Header) {
	h.Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(w.Samples))
	h.Set("X-Prometheus-Remote-Write-Histograms-Written", strconv.Itoa(w.Histograms))
	h.Set("X-Prometheus-Remote-Write-Exemplars-Written", "0")
}

// Check reads a request as its parser will, and says what to answer. The arguments are the headers
// Content-Type, Content-Encoding and X-Prometheus-Remote-Write-Version, and the body.
//
// The door's part:
//
//  1. If written.Any(), or status is 204, it stores the body with its version. If that fails it
//     answers 503 with Retry-After and the header of a zero Written: the sender comes back.
//  2. Otherwise it answers status, with err's text as the body where there is one, and, for V2,
//     written's header. V1 has no such header, and its senders log an unexpected one.
//
// status is
//
//   - 204: all of it can be stored, or there is nothing in it;
//   - 400: some of it, or all, cannot, now or ever: the sender does not try again. What is valid
//     must be stored nevertheless, and written counts that alone (a partial write);
//   - 413: it unpacks to more than MaxUnpacked bytes;
//   - 415: another encoding, content type or message than these two: a sender of 2.0 tries 1.0.
func Check(contentType, contentEncoding, version string, body []byte) (v Version, written Written, status int, err error) {
	if v, err = accepts(contentType, contentEncoding, version); err != nil {
		return 0, Written{}, http.StatusUnsupportedMediaType, err
	}
	unpacked, reason := unpack(body)
	switch reason {
	case "":
	case TooLarge:
		return v, Written{}, http.StatusRequestEntityTooLarge, errors.New(reason)
	default:
		return v, Written{}, http.StatusBadRequest, errors.New(reason)
	}
	r := reader{to: record.Nowhere{}, version: v}
	r.read(unpacked)
	if len(r.rejected) > 0 {
		return v, r.written, http.StatusBadRequest, rejection(r.written, r.rejected)
	}
	return v, r.written, http.StatusNoContent, nil
}

// Claim says, before Check unpacks a request, which version it is and how many bytes it will unpack
// to, so that there is room for them; 0: Check will refuse it without. The arguments are Check's.
func Claim(contentType, contentEncoding, version string, body []byte) (v Version, unpacked int) {
	v, err := accepts(contentType, contentEncoding, version)
	if err != nil {
		return 0, 0
	}
	unpacked, _ = claim(body)
	return v, unpacked
}

func accepts(contentType, contentEncoding, version string) (Version, error) {
	if !strings.EqualFold(contentEncoding, "snappy") {
		return 0, fmt.Errorf("Content-Encoding: %.40q is not snappy", contentEncoding)
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/x-protobuf" {
		return 0, fmt.Errorf("Content-Type: %.80q is not application/x-protobuf", contentType)
	}
	var v Version
	switch params["proto"] {
	case "", "prometheus.WriteRequest":
		v = V1
	case "io.prometheus.write.v2.Request":
		v = V2
	default:
		return 0, fmt.Errorf("Content-Type: proto %.80q is neither prometheus.WriteRequest nor io.prometheus.write.v2.Request", params["proto"])
	}
	// The content type decides; senders differ in what version they give with 1.0's message.
	if major, _, _ := strings.Cut(version, "."); version != "" && major != "0" && major != "1" && major != "2" {
		return 0, fmt.Errorf("X-Prometheus-Remote-Write-Version: %.20q is not 0.1.0 or 2.0.0", version)
	}
	return v, nil
}

// rejection tells what was refused.
func rejection(w Written, rejected map[string]int) error {
	total := 0
	for _, n := range rejected {
		total += n
	}
	return fmt.Errorf("%d stored, %d refused: %s", w.Samples+w.Histograms, total, record.Reasons(rejected))
}

// claim is what a body claims to unpack to. It is believed only as far as the format can pack it: a
// copy of 64 bytes takes three.
func claim(body []byte) (n int, reason string) {
	n, err := snappy.DecodedLen(body)
	switch {
	case errors.Is(err, snappy.ErrTooLarge):
		return 0, TooLarge
	case err != nil:
		return 0, NotSnappy
	case n > MaxUnpacked:
		return 0, TooLarge
	case n > 22*len(body):
		return 0, NotSnappy
	}
	return n, ""
}

// unpack undoes snappy.
func unpack(body []byte) (unpacked []byte, reason string) {
	if _, reason = claim(body); reason != "" {
		return nil, reason
	}
	unpacked, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, NotSnappy
	}
	return unpacked, ""
}
