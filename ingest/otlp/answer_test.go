package otlp

import (
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"vigie/ingest/protofields"
)

func TestAnswers(t *testing.T) {
	f := func(name string, r Result, contentType, want string) {
		t.Helper()
		if got := r.Answer(contentType); got == nil || string(got) != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	f("all of it", Result{Points: 3}, typeProto, "")
	f("all of it, JSON", Result{Points: 3}, "application/json; charset=utf-8", "{}")
	f("partly", Result{Points: 3, Rejected: 300, Why: "why"}, typeProto, "\x0a\x08\x08\xac\x02\x12\x03why")
	f("partly, JSON", Result{Points: 3, Rejected: 3, Why: `a "why" (3)`}, typeJSON, `{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"a \"why\" (3)"}}`)
}

func TestStatus(t *testing.T) {
	f := func(name, contentType string, code int, message, want string) {
		t.Helper()
		if got := string(Status(contentType, code, message)); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	f("protobuf", typeProto, 400, "why", "\x08\x03\x12\x03why")
	f("JSON", typeJSON, 503, "later", `{"code":14,"message":"later"}`)
	f("neither", "text/plain", 415, "why", `{"code":3,"message":"why"}`)
	for status, code := range map[int]int{401: 16, 403: 7, 404: 12, 405: 12, 413: 3, 429: 8, 500: 2, 502: 14, 504: 14} {
		if got := rpcCode(status); got != code {
			t.Errorf("%d: %d, want %d", status, got, code)
		}
	}
}

func TestAnswersHaveTheContentTypeOfTheirRequests(t *testing.T) {
	for request, want := range map[string]string{
		"application/x-protobuf": typeProto, "Application/JSON; charset=utf-8": typeJSON, "application/x-protobuf;a=b": typeProto, "text/plain": typeJSON, "": typeJSON, ";": typeJSON,
	} {
		if got := ContentType(request); got != want {
			t.Errorf("%q: %s", request, got)
		}
	}
}

func TestTextsOfAnswersAreBoundedUTF8(t *testing.T) {
	b := Status(typeProto, 400, "\xff"+strings.Repeat("é", 2000))
	for f := protofields.New(b); f.Next(); {
		if f.Key == 2<<3|uint64(protowire.BytesType) && (len(f.Bytes) > maxMessage || len(f.Bytes) < maxMessage-4 || !utf8.Valid(f.Bytes)) {
			t.Errorf("%d bytes: %q", len(f.Bytes), f.Bytes)
		}
	}
}
