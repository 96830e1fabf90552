//go:build linux

package engine

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
)

// exception is an error of the engine or of the front, with a code of ClickHouse's
// src/Common/ErrorCodes.cpp and a text in its form: "Code: 62. DB::Exception: … (SYNTAX_ERROR)".
type exception struct {
	code int
	text string
}

func (e *exception) Error() string { return e.text }

// Codes that the front raises or tells apart.
const (
	codeBadArguments     = 36
	codeNotImplemented   = 48
	codeSyntaxError      = 62
	codeReadOnly         = 164
	codeTooManyQueries   = 202
	codeQueryTooLarge    = 307
	codeQueryCancelled   = 394
	codeUnknownException = 1002
)

func raise(code int, name, format string, args ...any) *exception {
	return &exception{code, fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", code, fmt.Sprintf(format, args...), name)}
}

var exceptionCode = regexp.MustCompile(`^(?:Error: )?Code: (\d+)\. `)

func parseException(text string) *exception {
	if m := exceptionCode.FindStringSubmatch(text); m != nil {
		if code, err := strconv.Atoi(m[1]); err == nil {
			return &exception{code, text}
		}
	}
	return raise(codeUnknownException, "UNKNOWN_EXCEPTION", "%s", text)
}

// status is the HTTP status that a ClickHouse server answers with (exceptionCodeToHTTPStatus in
// src/Server/HTTP/exceptionCodeToHTTPStatus.cpp).
func (e *exception) status() int {
	switch e.code {
	case 516, 192, 193: // AUTHENTICATION_FAILED, UNKNOWN_USER, WRONG_PASSWORD
		return http.StatusForbidden
	case 6, 26, 27, 38, 41, 72, // CANNOT_PARSE_…
		36, 53, 62, 69, 117, 130, 131, 386, 456, 457: // BAD_ARGUMENTS, TYPE_MISMATCH, SYNTAX_ERROR, ARGUMENT_OUT_OF_BOUND, INCORRECT_DATA, … BAD_QUERY_PARAMETER
		return http.StatusBadRequest
	case 46, 47, 50, 56, 60, 63, 73, 81, 115: // UNKNOWN_FUNCTION, _IDENTIFIER, _TYPE, _STORAGE, _TABLE, _AGGREGATE_FUNCTION, _FORMAT, _DATABASE, _SETTING
		return http.StatusNotFound
	case 159: // TIMEOUT_EXCEEDED
		return http.StatusRequestTimeout
	case codeQueryTooLarge:
		return http.StatusRequestEntityTooLarge
	case codeNotImplemented:
		return http.StatusNotImplemented
	case codeTooManyQueries:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// exceptionTag marks an exception that is sent after the status line, so that a reader can tell it
// from data. 16 characters, new for each response.
func exceptionTag() string { return rand.Text()[:16] }

// frame is how a server sends an exception in the middle of a body
// (src/Server/HTTP/WriteBufferFromHTTPServerResponse.cpp).
func (e *exception) frame(tag string) []byte {
	return fmt.Appendf(nil, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", tag, e.text, len(e.text)+1, tag)
}
