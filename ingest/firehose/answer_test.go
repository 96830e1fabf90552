package firehose_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vigie/ingest/firehose"
)

func TestRequestID(t *testing.T) {
	f := func(name, body, id string, records int, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got, n, err := firehose.RequestID([]byte(body))
			if got != id || n != records || (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%q, %d, %v; want %q, %d, %q", got, n, err, id, records, want)
			}
		})
	}
	f("one", body("x"), "r-1", 1, "")
	f("none", body(), "r-1", 0, "")
	f("the most", body(make([]string, firehose.MaxRecords)...), "r-1", firehose.MaxRecords, "")
	f("more", body(make([]string, firehose.MaxRecords+1)...), "r-1", firehose.MaxRecords+1, firehose.TooMany)
	f("id behind the records, white space", "{\n \"records\": [ {\"data\": \"\"} ],\n \"requestId\": \"a\\u002fb\"\n}\n", "a/b", 1, "")
	f("records that Parse refuses", `{"requestId":"r","records":[7,{},{"data":"*"}]}`, "r", 3, "")
	f("no id", `{"records":[{"data":""}]}`, "", 1, "requestId: missing")
	f("id that is no text", `{"requestId":7,"records":[]}`, "", 0, "requestId: missing")
	f("id too long", `{"requestId":"`+strings.Repeat("x", firehose.MaxID+1)+`","records":[]}`, "", 0, "requestId: longer")
	f("no records", `{"requestId":"r"}`, "r", 0, firehose.NotRequest)
	f("cut", body("x", "y")[:80], "r-1", 2, firehose.Damaged)
	f("not JSON", "hello", "", 0, firehose.NotRequest)
	f("nothing", "", "", 0, firehose.NotRequest)
	f("two", body()+body(), "r-1", 0, firehose.NotRequest)
	long := []byte(body(make([]string, 5000)...))
	if n := testing.AllocsPerRun(5, func() { firehose.RequestID(long) }); n > 5 { // whatever the number of records
		t.Errorf("%v allocations", n)
	}
}

func TestAnswer(t *testing.T) {
	at := time.UnixMilli(1578090903599)
	f := func(id, message, want string) {
		t.Helper()
		if got := string(firehose.Answer(id, at, message)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	f("ed4acda5", "", `{"requestId":"ed4acda5","timestamp":1578090903599}`)
	f(`a"b`, "no\nroom", `{"requestId":"a\"b","timestamp":1578090903599,"errorMessage":"no\nroom"}`)

	for _, n := range []int{8191, 8192, 8193, 20000} {
		var got struct{ ErrorMessage string }
		if err := json.Unmarshal(firehose.Answer("r", at, strings.Repeat("é", n)), &got); err != nil {
			t.Fatal(err)
		}
		if c := utf8.RuneCountInString(got.ErrorMessage); c != min(n, 8192) || strings.Trim(got.ErrorMessage, "é") != "" {
			t.Errorf("%d characters became %d", n, c)
		}
	}
}

func TestCommonAttributes(t *testing.T) {
	pairs := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`"k%d":"v"`, i))
		}
		return `{"commonAttributes":{` + strings.Join(all, ",") + `}}`
	}
	got, err := firehose.CommonAttributes(`{"commonAttributes":{"deployment":"a","region":"é"}}`)
	if want := map[string]string{"deployment": "a", "region": "é"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, none := range []string{"", `{"commonAttributes":{}}`, `{}`} {
		if got, err := firehose.CommonAttributes(none); err != nil || len(got) > 0 {
			t.Errorf("%q: %v, %v", none, got, err)
		}
	}
	if got, err := firehose.CommonAttributes(pairs(50)); err != nil || len(got) != 50 {
		t.Errorf("50: %d, %v", len(got), err)
	}
	for _, bad := range []string{pairs(51), "x", "[]", `{"commonAttributes":{"a":7}}`, `{"commonAttributes":[]}`, `{"commonAttributes":{"a":"` + strings.Repeat("x", 128<<10) + `"}}`} {
		if got, err := firehose.CommonAttributes(bad); err == nil || got != nil {
			t.Errorf("%.60q: %d pairs", bad, len(got))
		}
	}
	if _, err := firehose.CommonAttributes(`{"commonAttributes":{"secret":7}}`); strings.Contains(err.Error(), "secret") {
		t.Errorf("%v tells the header", err)
	}
}
