package flatjson_test

import (
	"fmt"
	"strings"
	"testing"

	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
)

// walk lists the members of all objects, going into what is called in.
func walk(payload string) string {
	var out []string
	var to formattest.Recorder
	d := flatjson.NewDeep([]byte(payload))
	for d.Next(&to) {
		var members []string
		for d.Member() {
			m := fmt.Sprintf("%d %s", d.Depth, d.Key)
			if string(d.Key) == "in" && d.Enter() {
				members = append(members, m+"{")
				continue
			}
			members = append(members, m+"="+string(d.Text()))
		}
		if d.Refused(&to) {
			continue
		}
		start, end := d.Span()
		out = append(out, strings.Join(members, " "))
		if payload[start] != '{' || payload[end-1] != '}' {
			out = append(out, "span: "+payload[start:end])
		}
	}
	for _, r := range to.Refusals {
		out = append(out, "refused: "+r.Reason)
	}
	return strings.Join(out, "|")
}

func TestDeep(t *testing.T) {
	f := func(name, in, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			if got := walk(in); got != want {
				t.Errorf("%s\n got %s\nwant %s", in, got, want)
			}
		})
	}
	f("flat", `{"a":1,"b":"x"}`, "0 a=1 0 b=x")
	f("gone into", `{"a":1,"in":{"b":2,"c":"\u00e9"},"d":3}`, "0 a=1 0 in{ 1 b=2 1 c=é 0 d=3")
	f("gone into twice", `{"in":{"in":{"b":1},"c":2}}`, "0 in{ 1 in{ 2 b=1 1 c=2")
	f("passed over", `{"out":{"b":[1,"}"]},"d":3,"e":[{}]}`, "0 out= 0 d=3 0 e=")
	f("empty", `{"in":{},"d":{}}`, "0 in{ 0 d=")
	f("no object", `{"in":[1],"d":3}`, "0 in= 0 d=3")
	f("two objects", `{"in":{"a":1}} {"b":2}`, "0 in{ 1 a=1|0 b=2")
	f("array", `[{"in":{"a":1}},{"b":2}]`, "0 in{ 1 a=1|0 b=2")
	f("spread", "{\n\"in\": {\n\"a\": 1\n},\n\"b\": 2\n}", "0 in{ 1 a=1 0 b=2")
	f("comma missing inside", `{"in":{"a":1 "b":2}}`+"\n"+`{"c":3}`, "0 c=3|refused: json: comma or closing brace expected")
	f("not closed inside", `{"in":{"a":1}`+"\n"+`{"c":3}`, "0 c=3|refused: json: object not closed")
	f("passed over, not closed", `{"out":{"a":1`+"\n"+`{"c":3}`, "0 c=3|refused: json: object not closed")
	f("nested too deep", `{"out":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+"}\n"+`{"c":3}`, "0 c=3|refused: json: nested too deep")
	f("gone into too deep", strings.Repeat(`{"in":`, 40)+"1"+strings.Repeat("}", 40), "0 in{ 1 in{ "+deeper(2, 32)+"32 in=")
}

func deeper(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "%d in{ ", i)
	}
	return b.String()
}

// FuzzDeep holds that Deep, which goes into nothing, sees what Objects sees.
func FuzzDeep(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,2,"]"]},"c":"\n"}` + "\n[{},{\"d\":null}]"))
	f.Add([]byte("{\n\"a\":[1}\n{\"b\":1}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var to1, to2 formattest.Recorder
		o, d := flatjson.New(b), flatjson.NewDeep(b)
		for {
			more := o.Next(&to1)
			if d.Next(&to2) != more {
				t.Fatal("another number of objects")
			}
			if !more {
				break
			}
			for o.Member() {
				if !d.Member() {
					break
				}
				if string(o.Key) != string(d.Key) || o.Kind != d.Kind || string(o.Text()) != string(d.Text()) {
					t.Fatalf("%q: %q, %q: %q", o.Key, o.Text(), d.Key, d.Text())
				}
			}
			for d.Member() { // a nested value that cannot be skipped is seen once more
				if d.Kind != flatjson.Nested {
					t.Fatalf("another member: %q", d.Key)
				}
			}
			if o.Refused(&to1) != d.Refused(&to2) {
				t.Fatal("refused by one only")
			}
		}
		if to1.String() != to2.String() {
			t.Fatalf("%s\n%s", &to1, &to2)
		}
	})
}
