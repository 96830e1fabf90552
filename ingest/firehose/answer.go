package firehose

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

const (
	maxMessage    = 8192 // characters of an error message
	maxAttributes = 50
	maxHeader     = 128 << 10 // bytes of the common attributes; the longest 50 pairs AWS takes are half of it
)

// Answer is the body of an answer to the request of that id: of an acceptance (status 200) when
// errorMessage is empty, else of a failure. Firehose takes for a failure whatever has another id, a
// Content-Type other than application/json, a Content-Encoding, or no Content-Length. An error
// message is cut at 8192 characters.
func Answer(id string, at time.Time, errorMessage string) []byte {
	if utf8.RuneCountInString(errorMessage) > maxMessage {
		n := 0
		for i := range errorMessage {
			if n == maxMessage {
				errorMessage = errorMessage[:i]
				break
			}
			n++
		}
	}
	body, _ := json.Marshal(struct { // strings and a number: cannot fail
		RequestID string `json:"requestId"`
		Timestamp int64  `json:"timestamp"`
		Error     string `json:"errorMessage,omitempty"`
	}{id, at.UnixMilli(), errorMessage})
	return body
}

// CommonAttributes reads the header X-Amz-Firehose-Common-Attributes, what the operator of the
// stream has set for all of its requests. Without the header there are none. It is an error when it
// is not what AWS sends, has more than 50 pairs, or is longer than 128 KiB.
func CommonAttributes(header string) (map[string]string, error) {
	if header == "" {
		return nil, nil
	}
	if len(header) > maxHeader {
		return nil, fmt.Errorf("common attributes: longer than %d bytes", maxHeader)
	}
	var outer struct {
		Attributes map[string]string `json:"commonAttributes"`
	}
	if json.Unmarshal([]byte(header), &outer) != nil { // its error would quote the header
		return nil, errors.New(`common attributes: not {"commonAttributes":{name:text}}`)
	}
	if len(outer.Attributes) > maxAttributes {
		return nil, fmt.Errorf("common attributes: more than %d", maxAttributes)
	}
	return outer.Attributes, nil
}
