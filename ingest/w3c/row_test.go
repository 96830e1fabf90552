package w3c_test

import (
	"testing"

	"vigie/ingest/formattest"
	"vigie/ingest/w3c"
	"vigie/internal/event"
)

func TestColumnsMayStandInAnyOrder(t *testing.T) {
	f := func(name, fields, line, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(w3c.Parse, []byte("#Fields: "+fields+"\n"+line), event.Origin{}).String()
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	const ms = "Time=2026-09-08T19:45:03.12Z"
	f("milliseconds first", "timestamp(ms) timestamp date time", "1788896703120 1788896703 2026-09-08 19:45:03", ms)
	f("milliseconds last", "date time timestamp timestamp(ms)", "2026-09-08 19:45:03 1788896703 1788896703120", ms)
	f("milliseconds that are no time", "timestamp timestamp(ms)", "1788896703 x", "refused at 33: "+w3c.BadTime)
	f("query before path", "timestamp cs-uri-query cs-uri-stem", "1788896703.12 a=b /c", ms+` Path="/c" Query="a=b"`)
	f("query, and one in the path", "timestamp cs-uri-stem cs-uri-query", "1788896703.12 /c?d a=b", ms+` Path="/c" Query="a=b"`)
	f("query, and before it in the path", "timestamp cs-uri-query cs-uri-stem", "1788896703.12 a=b /c?d", ms+` Path="/c" Query="a=b"`)
	f("query in the path alone", "timestamp cs-uri-query cs-uri-stem", "1788896703.12 - /c?d", ms+` Path="/c" Query="d"`)
}

func TestRow(t *testing.T) {
	var row w3c.Row
	set := func(name, value string) { row.Set(w3c.Named([]byte(name)), []byte(value)) }
	for range 2 { // what was read before leaves nothing behind
		row.Reset()
		set("timestamp", "1788896703")
		set("sc-status", "200")
		set("c-port", "x")
		set("x-edge-result-type", "Hit")
		set("x-edge-response-result-type", "-")
		if reason := row.Conclude(); reason != "" || row.Request.Status != 200 || row.Request.Cache != event.CacheHit {
			t.Errorf("%q, %+v", reason, row.Request)
		}
		if result, detailed, response := row.Results(); string(result) != "Hit" || detailed != nil || response != nil {
			t.Errorf("results %q %q %q", result, detailed, response)
		}
		row.Reset()
		set("sc-status", "404")
		if reason := row.Conclude(); reason != w3c.NoTime || row.Request.Cache != event.CacheUnknown {
			t.Errorf("%q, %+v", reason, row.Request)
		}
	}
}
