package syslog_test

import (
	"fmt"
	"strings"
	"testing"

	"vigie/ingest/combined"
	"vigie/ingest/formattest"
	"vigie/ingest/nginx"
	"vigie/ingest/syslog"
	"vigie/internal/event"
)

func TestParse(t *testing.T) {
	const (
		envelope = "<190>Sep  8 19:45:03 edge01 nginx: "
		good     = envelope + `{"ts":"1788896703","st":"200"}`
		record   = "Time=2026-09-08T19:45:03Z Status=200"
	)
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(syslog.Parse(nginx.Parse), []byte(payload), event.Origin{}).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	f("one datagram", good, record)
	f("lines", good+"\n"+good+"\r\n", record, record)
	f("with and without envelope", good+"\n"+good[len(envelope):]+"\n<190>"+good[len(envelope):], record, record, record)
	f("nothing in the envelope", envelope+"\n"+good, record)
	f("refusals are where the message is", good+"\n"+envelope+"x\n"+good, record, fmt.Sprintf("refused at %d: json: not an object", len(good)+1), record)
}

func TestRefusedMessageKeepsItsEnvelope(t *testing.T) {
	const bad = "<190>Sep  8 19:45:03 edge01 nginx: hello"
	r := formattest.Read(syslog.Parse(combined.Parse), []byte("\n"+bad+"\n"), event.Origin{})
	if len(r.Refusals) != 1 || string(r.Refusals[0].Record) != bad || r.Refusals[0].Offset != 1 || r.Refusals[0].Reason != combined.NoRequest {
		t.Errorf("%+v", r.Refusals)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("<190>Sep  8 19:45:03 edge01 nginx: " + access + "\n<190>x\n"))
	f.Add([]byte(access))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, syslog.Parse(combined.Parse), b, event.Origin{})
		formattest.Neighbours(t, syslog.Parse(combined.Parse), "<190>Sep  8 19:45:03 edge01 nginx: "+access, b, event.Origin{})
	})
}

func BenchmarkParse(b *testing.B) {
	formattest.Bench(b, syslog.Parse(combined.Parse), func(i int) string {
		return fmt.Sprintf("<190>Sep  8 19:45:03 edge%02d nginx: ", i%20) + strings.Replace(access, "GET /", fmt.Sprintf("GET /v%d/seg_%d.m4s", i%6, i), 1)
	})
}
