package flatjson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// read gives each object as k=v pairs, and each refusal, in one string.
func read(payload []byte) (string, *formattest.Recorder) {
	var b strings.Builder
	to := &formattest.Recorder{}
	seen := 0
	refusals := func() {
		for ; seen < len(to.Refusals); seen++ {
			fmt.Fprintf(&b, "!%d %s;", to.Refusals[seen].Offset, to.Refusals[seen].Reason)
		}
	}
	objects := flatjson.New(payload)
	for objects.Next(to) {
		refusals()
		var members []string
		for objects.Member() {
			v := string(objects.Text())
			switch objects.Kind {
			case flatjson.String:
				v = fmt.Sprintf("%q", v)
			case flatjson.Nested:
				v = "nested"
			case flatjson.Null, flatjson.Missing:
				v = "none"
			}
			members = append(members, string(objects.Key)+"="+v)
		}
		if objects.Refused(to) {
			refusals()
			continue
		}
		b.WriteString(strings.Join(members, " ") + ";")
	}
	refusals()
	return b.String(), to
}

func TestObjects(t *testing.T) {
	f := func(name, in, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			if got, _ := read([]byte(in)); got != want {
				t.Errorf("%s\n got %s\nwant %s", in, got, want)
			}
		})
	}
	f("nothing", "", "")
	f("blank lines", "\n \r\n\t\n", "")
	f("one object", `{"a":"b","c":1}`, `a="b" c=1;`)
	f("lines", "{\"a\":1}\n{\"a\":2}\n", "a=1;a=2;")
	f("carriage returns", "{\"a\":1}\r\n\r\n{\"a\":2}\r\n", "a=1;a=2;")
	f("byte order mark", "\xef\xbb\xbf{\"a\":1}", "a=1;")
	f("array on a line", `[{"a":1},{"a":2}]`, "a=1;a=2;")
	f("array over lines", "[\n{\"a\":1},\n  {\"a\":2}\n]\n", "a=1;a=2;")
	f("empty array", "[]\n", "")
	f("objects without anything between", `{"a":1}{"a":2}`, "a=1;a=2;")
	f("object over lines", "{\n  \"a\": 1,\r\n  \"b\": {\n    \"c\": 2\n  }\n}\n{\"a\":2}", "a=1 b=nested;a=2;")
	f("objects over lines in an array", "[{\n \"a\":1\n},\n{\n \"a\":2\n}]", "a=1;a=2;")
	f("empty object", `{}`, ";")
	f("values", `{"a":null,"b":true,"c":-1.5e3,"d":"","e":[1,{"x":"]"}],"f":{}}`, `a=none b=true c=-1.5e3 d="" e=nested f=nested;`)
	f("space everywhere", " { \"a\" : 1 , \"b\"\t:\"x\" } ", `a=1 b="x";`)
	f("escapes", `{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, `a="\"\\/\b\f\n\r\té😀";`)
	f("escapes in a key", `{"\u0074s":1}`, `ts=1;`)
	f("half of a surrogate pair", `{"a":"\ud83dx"}`, `a="�x";`)
	f("nginx's escapes", `{"a":"\x22\x5C\xe9"}`, `a="\"\\\xe9";`)
	f("unknown escapes stay", `{"a":"\q\u12","b":"\xg0"}`, `a="\\q\\u12" b="\\xg0";`)
	f("escaped quote across words of eight", `{"a":"1234567\"","b":"12345678\\"}`, `a="1234567\"" b="12345678\\";`)
	f("not UTF-8", "{\"a\":\"\xff\xfe\"}", `a="\xff\xfe";`)
	f("control characters", "{\"a\":\"x\ty\"}", `a="x\ty";`)
	f("no value", `{"a":,"b":}`, "a=none b=none;")
	f("bare words", `{"a":-,"b":0.001,"c":NaN}`, "a=- b=0.001 c=NaN;")
	f("repeated key", `{"a":1,"a":2}`, "a=1 a=2;")

	f("not an object", "hello\n{\"a\":1}", "!0 json: not an object;a=1;")
	f("scalar", "1\n\"x\"\nnull", "!0 json: not an object;!2 json: not an object;!6 json: not an object;")
	f("cut line", "{\"a\":1,\"b\n{\"a\":2}", "!0 json: string not closed;a=2;")
	f("cut behind a comma", "{\"a\":1,\n{\"a\":2}", "!0 json: object not closed;a=2;")
	f("cut in a nested value", "{\"a\":[{\"b\":\n{\"a\":2}", "!0 json: object not closed;a=2;")
	f("cut to a brace", "{\n{\"a\":2}", "!0 json: key expected;a=2;")
	f("bad element", `[{"a":1},{"a" 1},{"a":2}]`, "a=1;!9 json: colon expected;a=2;")
	f("missing comma", `{"a":1 "b":2},{"a":2}`, "!0 json: comma or closing brace expected;a=2;")
	f("trailing comma", `{"a":1,}`, "!0 json: key expected;")
	f("key without quotes", `{a:1}`, "!0 json: key expected;")
	f("brackets that do not match", `{"a":[}]}`, "!0 json: comma or closing brace expected;")
	f("string over lines in an object over lines", "{\n\"a\":\"x\ny\"}\n{\"a\":2}", "!0 json: string not closed;a=2;")
	f("what follows an object", "{\"a\":1} x\n{\"a\":2}", "a=1;!8 json: not an object;a=2;")
	f("nested too deep", `{"a":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`+"\n"+`{"a":2}`, "!0 json: nested too deep;a=2;")
	f("too long", `{"a":"`+strings.Repeat("x", record.Max)+"\"}\n{\"a\":2}", "!0 "+record.TooLong+";a=2;")
	f("too long in an array", `[{"a":"`+strings.Repeat("x", record.Max)+`"},{"a":2}]`, "!1 "+record.TooLong+";a=2;")
	f("too long and no object", strings.Repeat("x", record.Max+1)+"\n{\"a\":2}", "!0 "+record.TooLong+";a=2;")
}

func TestRefusedRecordIsBounded(t *testing.T) {
	_, to := read([]byte(`{"a":"` + strings.Repeat("x", 100_000)))
	if n := len(to.Refusals[0].Record); n != record.MaxRefused {
		t.Errorf("%d bytes, want %d", n, record.MaxRefused)
	}
}

// Lines that each begin an object over lines and never end it must not each be read to the end of
// the payload.
func TestUnclosedObjectsAreNotReadAgainAndAgain(t *testing.T) {
	payload := bytes.Repeat([]byte("{\n\"a\":[\n"), 100_000)
	_, to := read(payload)
	if len(to.Refusals) != 100_000 {
		t.Errorf("%d refusals", len(to.Refusals))
	}
	for _, r := range to.Refusals[:90_000] {
		if r.Reason != flatjson.TooDeep {
			t.Fatalf("at %d: %s", r.Offset, r.Reason)
		}
	}
}

func FuzzObjects(f *testing.F) {
	for _, s := range []string{
		`{"a":"b","c":1,"d":null,"e":[1,{"x":"]"}],"f":"\u00e9\ud83d\ude00\\\""}`,
		"[{\"a\":1},\n{\"a\":2}]",
		"{\n \"a\": 1\n}\n{\"b\"",
		"{\"12345678\":\"123456\\\"\"}",
		"{\"a\":[\n{\"a\":1}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, func(p []byte, _ event.Origin, to event.Sink) {
			objects := flatjson.New(p)
			for objects.Next(to) {
				for objects.Member() {
					objects.Text()
				}
				objects.Refused(to)
			}
		}, b, event.Origin{})

		// A valid object on one line is read as encoding/json reads it.
		if len(b) == 0 || b[0] != '{' || !json.Valid(b) || bytes.ContainsAny(b, "\n\r") || !utf8.Valid(b) || len(b) > record.Max {
			return
		}
		want := reference(t, b)
		got, to := read(b)
		if len(to.Refusals) > 0 {
			if to.Refusals[0].Reason == flatjson.TooDeep {
				return
			}
			t.Fatalf("%s refused: %s", b, to.Refusals[0].Reason)
		}
		if got != want {
			t.Fatalf("%s\n got %s\nwant %s", b, got, want)
		}
	})
}

// reference writes what read writes, from encoding/json.
func reference(t *testing.T, b []byte) string {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	var members []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		v := string(raw)
		switch raw[0] {
		case '"':
			var s string
			if err := json.Unmarshal(raw, &s); err != nil {
				t.Fatal(err)
			}
			v = fmt.Sprintf("%q", s)
		case '{', '[':
			v = "nested"
		case 'n':
			v = "none"
		}
		members = append(members, fmt.Sprint(key)+"="+v)
	}
	if _, err := d.Token(); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return strings.Join(members, " ") + ";"
}
