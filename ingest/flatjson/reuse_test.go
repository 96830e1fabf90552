package flatjson_test

import (
	"testing"

	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
)

func TestResetReadsAnotherPayloadWithoutNewSpace(t *testing.T) {
	var to formattest.Recorder
	var o flatjson.Objects
	read := func(payload []byte) (text string) {
		o.Reset(payload)
		for o.Next(&to) {
			for o.Member() {
				text += string(o.Key) + "=" + string(o.Text()) + ";"
			}
			o.Refused(&to)
		}
		return text
	}
	first, second := []byte(`{"a":"\u0078y"} {"b":1}`), []byte("\xef\xbb\xbf"+`{"c":"\n"}`)
	for range 2 {
		if got := read(first); got != "a=xy;b=1;" {
			t.Errorf("first: %q", got)
		}
		if got := read(second); got != "c=\n;" {
			t.Errorf("second: %q", got)
		}
	}
	if len(to.Refusals) > 0 {
		t.Error(to.Refusals)
	}
	if n := testing.AllocsPerRun(10, func() {
		o.Reset(first)
		for o.Next(&to) {
			for o.Member() {
				o.Text()
			}
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUnescapeAppends(t *testing.T) {
	if got := string(flatjson.Unescape([]byte("a "), []byte(`\/\u00e9\u002b\"\ud83d\ude00`))); got != "a /é+\"😀" {
		t.Errorf("%q", got)
	}
}
