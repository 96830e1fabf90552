package syslog_test

import (
	"fmt"
	"strings"
	"testing"

	"vigie/ingest/syslog"
)

const access = `172.24.0.3 - - [08/Sep/2026:19:45:03 +0000] "GET / HTTP/1.1" 200 5`

func TestParseHeader(t *testing.T) {
	// want is host, app, pid, then what the payload is; facility and severity are 23 and 6.
	f := func(name, msg, want, payload string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			h, got, ok := syslog.ParseHeader([]byte(msg))
			if !ok {
				t.Fatal("no header seen")
			}
			if h.Facility != 23 || h.Severity != 6 {
				t.Errorf("facility %d, severity %d", h.Facility, h.Severity)
			}
			if told := fmt.Sprintf("%s,%s,%s", h.Host, h.App, h.PID); told != want {
				t.Errorf("got %s, want %s", told, want)
			}
			if string(got) != payload {
				t.Errorf("payload %q, want %q", got, payload)
			}
		})
	}
	f("nginx", "<190>Sep  8 19:45:03 edge01 nginx: "+access, "edge01,nginx,", access)
	f("nginx, nohostname", "<190>Sep  8 19:45:03 nginx: "+access, ",nginx,", access)
	f("JSON", `<190>Sep  8 19:45:03 nginx: {"ts":"1788896703"}`, ",nginx,", `{"ts":"1788896703"}`)
	f("process", "<190>Sep  8 19:45:03 edge01 nginx[12]: "+access, "edge01,nginx,12", access)
	f("process, no host", "<190>Sep  8 19:45:03 nginx[12]: "+access, ",nginx,12", access)
	f("day with a single space", "<190>Sep 8 19:45:03 edge01 nginx: x", "edge01,nginx,", "x")
	f("day of two digits", "<190>Sep 18 19:45:03 edge01 nginx: x", "edge01,nginx,", "x")
	f("year", "<190>Sep  8 2026 19:45:03 edge01 nginx: x", "edge01,nginx,", "x")
	f("fraction", "<190>Sep  8 19:45:03.123 edge01 nginx: x", "edge01,nginx,", "x")
	f("ISO time", "<190>2026-09-08T19:45:03Z cache-fra-eddf8230176 vigie[123]: {}", "cache-fra-eddf8230176,vigie,123", "{}")
	f("ISO time with offset", "<190>2026-09-08T19:45:03.120+02:00 edge01 nginx: x", "edge01,nginx,", "x")
	f("address for a host", "<190>Sep  8 19:45:03 2001:db8::1 nginx: x", "2001:db8::1,nginx,", "x")
	f("colon after a space", "<190>Sep  8 19:45:03 edge01 nginx : x", "edge01,nginx,", "x")
	f("no colon", "<190>Sep  8 19:45:03 edge01 nginx "+access, "edge01,nginx,", access)
	f("no colon and no tag", "<190>Sep  8 19:45:03 edge01 "+access, "edge01,,", access)
	f("no tag, JSON", `<190>Sep  8 19:45:03 edge01 {"ts": 1}`, "edge01,,", `{"ts": 1}`)
	f("no host, no tag, JSON", `<190>Sep  8 19:45:03 {"ts": 1}`, ",,", `{"ts": 1}`)
	f("no time", "<190>nginx: x", ",nginx,", "x")
	f("only the priority", `<190>{"ts":1}`, ",,", `{"ts":1}`)
	f("end of line", "<190>Sep  8 19:45:03 edge01 nginx: x\r\n\x00", "edge01,nginx,", "x")
	f("nothing in it", "<190>Sep  8 19:45:03 edge01 nginx: ", "edge01,nginx,", "")

	f("RFC 5424", "<190>1 2026-09-08T19:45:03.120Z edge01 varnish 12 ID47 - "+access, "edge01,varnish,12", access)
	f("RFC 5424, nil values", "<190>1 - - - - - - x", ",,", "x")
	f("RFC 5424, structured data", `<190>1 - h a - - [x@1 k="a]\"\\" l="b"][y] x`, "h,a,", "x")
	f("RFC 5424, byte order mark", "<190>1 - h a - - - \xef\xbb\xbfx", "h,a,", "x")
	f("RFC 5424, no message", "<190>1 - h a - - -", "h,a,", "")
	f("RFC 5424, structured data that is not closed", `<190>1 - h a - - [x k="`, ",,", `1 - h a - - [x k="`)
}

func TestNoHeader(t *testing.T) {
	for _, msg := range []string{"", access, `{"ts":1}`, "<", "<190", "<>x", "<192>x", "<1900>x", "<a>x", "< 1>x", "<html>"} {
		h, payload, ok := syslog.ParseHeader([]byte(msg))
		if ok || string(payload) != msg || h.Host != nil {
			t.Errorf("%q: %v, %q, %+v", msg, ok, payload, h)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	for _, s := range []string{
		"<190>Sep  8 19:45:03 edge01 nginx[1]: x",
		"<190>Sep  8 2026 19:45:03.1 nginx : x",
		`<13>1 2026-09-08T19:45:03Z h a p m [x@1 k="a]\"\\"] ` + "\xef\xbb\xbfx",
		"<0>2026-09-08T19:45:03Z h {",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, ok := syslog.ParseHeader(b)
		if h.Facility < 0 || h.Facility > 23 || h.Severity < 0 || h.Severity > 7 {
			t.Fatalf("%+v", h)
		}
		if !ok && string(payload) != string(b) {
			t.Fatalf("no header, but %q", payload)
		}
		if !strings.HasSuffix(strings.TrimRight(string(b), "\r\n\x00"), strings.TrimRight(string(payload), "\r\n\x00")) {
			t.Fatalf("%q is not the end of %q", payload, b)
		}
	})
}

func BenchmarkParseHeader(b *testing.B) {
	msg := []byte("<190>Sep  8 19:45:03 edge01 nginx: " + access)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if _, payload, _ := syslog.ParseHeader(msg); len(payload) != len(access) {
			b.Fatalf("%q", payload)
		}
	}
}
