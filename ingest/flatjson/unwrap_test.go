package flatjson_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"vigie/ingest/flatjson"
)

func TestUnwrap(t *testing.T) {
	f := func(payload, want string, wanted bool) {
		t.Helper()
		got, at, ok := flatjson.Unwrap([]byte(payload), "samples")
		if ok != wanted || string(got) != want || ok && !bytes.HasPrefix([]byte(payload)[at:], got) {
			t.Errorf("%s: %q at %d, %v", payload, got, at, ok)
		}
	}
	f(`{"samples":[{"a":1},{"b":"]}"}]}`, `{"a":1},{"b":"]}"}`, true)
	f(" {\n \"samples\" : [\n{\"a\":[1]}\n]\n}\n", "\n{\"a\":[1]}", true)
	f("\xef\xbb\xbf"+`{"samples":[]}`, ``, true)
	f(`{"sample":[]}`, ``, false)
	f(`{"samples":[{"a":1}],"b":[2]}`, ``, false)
	f(`{"samples":[{"a":1}]}{"samples":[{"a":1}]}`, ``, false)
	f(`{"samples":[{"a":1}]`, ``, false)
	f(`{"samples":[{"a":"1}]}`, ``, false)
	f(`{"samples":[{"a":1]}`, ``, false)
	f(`[{"a":1}]`, ``, false)
	f(``, ``, false)
}

func FuzzUnwrap(f *testing.F) {
	f.Add([]byte(`{"samples":[{"a":1},{"b":"]}"}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, at, ok := flatjson.Unwrap(payload, "samples")
		if ok && !bytes.HasPrefix(payload[at:], got) {
			t.Fatal("not a part of the payload")
		}
		var wrapper struct {
			Samples []json.RawMessage `json:"samples"`
		}
		if !ok || json.Unmarshal(payload, &wrapper) != nil {
			return
		}
		var elements []json.RawMessage
		if err := json.Unmarshal([]byte("["+string(got)+"]"), &elements); err != nil || len(elements) != len(wrapper.Samples) {
			t.Fatalf("%q: %v", got, err)
		}
	})
}
