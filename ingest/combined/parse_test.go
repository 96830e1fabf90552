package combined_test

import (
	"strings"
	"testing"
	"time"

	"vigie/ingest/combined"
	"vigie/ingest/formattest"
	"vigie/ingest/record"
	"vigie/internal/event"
)

const (
	at   = "Time=2026-09-08T19:45:03Z"
	head = `192.0.2.7 - - [08/Sep/2026:19:45:03 +0000] `
)

func TestParse(t *testing.T) {
	f := func(name, line, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(combined.Parse, []byte(line), event.Origin{Zone: time.FixedZone("", 7200)}).String()
			if got != want {
				t.Errorf("%s\n got %s\nwant %s", line, got, want)
			}
		})
	}
	const viewer = " Client=192.0.2.7"
	f("combined", head+`"GET /v/s.m4s?a=b HTTP/1.1" 200 812345 "https://r/" "VLC/3"`,
		at+` Method="GET" Path="/v/s.m4s" Query="a=b" Status=200 Bytes=812345`+viewer+` Protocol="HTTP/1.1" Referer="https://r/" UserAgent="VLC/3"`)
	f("common", head+`"GET / HTTP/1.1" 304 -`, at+` Method="GET" Path="/" Status=304`+viewer+` Protocol="HTTP/1.1"`)
	f("dashes", head+`"GET / HTTP/1.1" 200 0 "-" "-" "-"`, at+` Method="GET" Path="/" Status=200`+viewer+` Protocol="HTTP/1.1"`)
	f("main: a public peer is the viewer", head+`"GET / HTTP/2.0" 200 5 "-" "ua" "203.0.113.9"`, at+` Method="GET" Path="/" Status=200 Bytes=5`+viewer+` Protocol="HTTP/2.0" UserAgent="ua"`)
	f("main: behind a proxy", `172.24.0.3`+head[9:]+`"GET / HTTP/2.0" 200 5 "-" "ua" "1.2.3.4, 10.10.1.1"`,
		at+` Method="GET" Path="/" Status=200 Bytes=5 Client=1.2.3.4 Protocol="HTTP/2.0" UserAgent="ua"`)
	f("another time zone", strings.Replace(head, "+0000", "-0130", 1)+`"GET / HTTP/1.1" 200 5`, `Time=2026-09-08T21:15:03Z Method="GET" Path="/" Status=200 Bytes=5`+viewer+` Protocol="HTTP/1.1"`)
	f("no time zone", strings.Replace(head, " +0000", "", 1)+`"GET / HTTP/1.1" 200 5`, `Time=2026-09-08T17:45:03Z Method="GET" Path="/" Status=200 Bytes=5`+viewer+` Protocol="HTTP/1.1"`)
	f("IPv6", `2001:db8::7`+head[9:]+`"GET / HTTP/1.1" 200 5`, at+` Method="GET" Path="/" Status=200 Bytes=5 Client=2001:db8::7 Protocol="HTTP/1.1"`)
	f("a host name for an address", `viewer.example.net`+head[9:]+`"GET / HTTP/1.1" 200 5`, at+` Method="GET" Path="/" Status=200 Bytes=5 Protocol="HTTP/1.1"`)
	f("absolute target", head+`"GET http://live.example.com/p?q HTTP/1.1" 200 5`, at+` Method="GET" Host="live.example.com" Path="/p" Query="q" Status=200 Bytes=5`+viewer+` Protocol="HTTP/1.1"`)
	f("space in the target", head+`"GET /a b HTTP/1.1" 200 5`, at+` Method="GET" Path="/a b" Status=200 Bytes=5`+viewer+` Protocol="HTTP/1.1"`)
	f("HTTP/0.9", head+`"GET /a" 200 5`, at+` Method="GET" Path="/a" Status=200 Bytes=5`+viewer)
	f("empty request", head+`"" 400 0 "" ""`, at+` Status=400`+viewer)
	f("dash for a request", head+`"-" 408 0 "-" "-"`, at+` Status=408`+viewer)
	f("TLS to a plain port", head+`"\x16\x03\x01\x02\x22]&\xDF" 400 150 "-" "-"`, at+` Status=400 Bytes=150`+viewer)
	f("nginx's escapes", head+`"GET /a HTTP/1.1" 200 5 "-" "a\x22b\x5Cc \xC3\xA9"`, at+` Method="GET" Path="/a" Status=200 Bytes=5`+viewer+` Protocol="HTTP/1.1" UserAgent="a\"b\\c é"`)
	f("Apache's escapes", head+`"GET /a HTTP/1.1" 200 5 "-" "a\"b\\c\t\q"`, at+` Method="GET" Path="/a" Status=200 Bytes=5`+viewer+` Protocol="HTTP/1.1" UserAgent="a\"b\\c\t\\q"`)
	f("no answer", head+`"GET /a HTTP/1.1" - - "-" "ua"`, at+` Method="GET" Path="/a" Aborted`+viewer+` Protocol="HTTP/1.1" UserAgent="ua"`)
	f("status 000", head+`"GET /a HTTP/1.1" 000 0`, at+` Method="GET" Path="/a" Aborted`+viewer+` Protocol="HTTP/1.1"`)
	f("the client left", head+`"GET /a HTTP/1.1" 499 0`, at+` Method="GET" Path="/a" Status=499 Aborted`+viewer+` Protocol="HTTP/1.1"`)
	f("fields of ours", head+`"GET /a HTTP/1.1" 200 5 "-" "ua" "-" host="h" rt=0.031 uht="0.001, 0.004" cs=MISS tls=TLSv1.3 asn=AS3215 country=fr pop=CDG id=ab x=y`,
		at+` Method="GET" Host="h" Path="/a" Status=200 Bytes=5 FirstByte=4ms Duration=31ms Cache=miss`+viewer+` ASN=3215 Country="FR" PoP="CDG" Protocol="HTTP/1.1" TLS="TLSv1.3" UserAgent="ua" ID="ab"`)
	f("fields of ours that are absent", head+`"GET /a HTTP/1.1" 200 5 "-" "ua" rt=0.004 uht="-" cs=- tls=`, at+` Method="GET" Path="/a" Status=200 Bytes=5 Duration=4ms`+viewer+` Protocol="HTTP/1.1" UserAgent="ua"`)
	f("fields of others", head+`"GET /a HTTP/2.0" 200 5 "-" "ua" 462 0.050 [some-upstream] [] 10.0.50.80:9000 19437 0.049 200 752178ad`,
		at+` Method="GET" Path="/a" Status=200 Bytes=5`+viewer+` Protocol="HTTP/2.0" UserAgent="ua"`)
	f("CMCD", head+`"GET /a?CMCD=br%3D3200%2Csid%3D%22s%22 HTTP/1.1" 200 5`, at+` Method="GET" Path="/a" Query="CMCD=br%3D3200%2Csid%3D%22s%22" Status=200 Bytes=5`+viewer+` Protocol="HTTP/1.1" Session="s" Bitrate=3200`)
	f("a user name with spaces that looks like a time", `192.0.2.7 - a [01/Jan/2020:00:00:00 +0000] b [08/Sep/2026:19:45:03 +0000] "GET /a HTTP/1.1" 401 5`,
		at+` Method="GET" Path="/a" Status=401 Bytes=5`+viewer+` Protocol="HTTP/1.1"`)

	f("no request", `192.0.2.7 - - [08/Sep/2026:19:45:03 +0000] GET / 200 5`, "refused at 0: "+combined.NoRequest)
	f("no time", `192.0.2.7 - - "GET / HTTP/1.1" 200 5`, "refused at 0: "+combined.NoTime)
	f("bracket missing", `192.0.2.7 - - 08/Sep/2026:19:45:03] "GET / HTTP/1.1" 200 5`, "refused at 0: "+combined.NoTime)
	f("bad time", `192.0.2.7 - - [08/Foo/2026:19:45:03 +0000] "GET / HTTP/1.1" 200 5`, "refused at 0: "+combined.BadTime)
	f("no status", head+`"GET / HTTP/1.1"`, "refused at 0: "+combined.BadStatus)
	f("bad status", head+`"GET / HTTP/1.1" x 5`, "refused at 0: "+combined.BadStatus)
	f("cut in the request", head+`"GET /a`, "refused at 0: "+combined.BadStatus)
	f("cut in the user agent", head+`"GET /a HTTP/1.1" 200 5 "-" "Mozi`, at+` Method="GET" Path="/a" Status=200 Bytes=5`+viewer+` Protocol="HTTP/1.1" UserAgent="Mozi"`)
	f("something else", `hello`, "refused at 0: "+combined.NoRequest)
}

func TestABadLineCostsItselfAlone(t *testing.T) {
	good := head + `"GET /a HTTP/1.1" 200 5`
	payload := good + "\r\n\nx\n" + good + "\n" + strings.Repeat("y", record.Max+1) + "\n" + good
	got := formattest.Read(combined.Parse, []byte(payload), event.Origin{})
	if len(got.Requests) != 3 || len(got.Refusals) != 2 || got.Refusals[0].Reason != combined.NoRequest || got.Refusals[1].Reason != record.TooLong {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(logLine(1)))
	f.Add([]byte(head + `"\x16\x03" 400 0 "" "" "1.2.3.4, 10.0.0.1" rt=0.1 uht="0.1, -" host="a\"b"`))
	f.Add([]byte(head + `"" - - "\`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := formattest.Holds(t, combined.Parse, b, event.Origin{})
		formattest.Neighbours(t, combined.Parse, head+`"GET /a HTTP/1.1" 200 5`, b, event.Origin{})
		if lines := formattest.Lines(b); len(r.Lines) != len(lines) {
			t.Fatalf("%d lines gave %d records and refusals", len(lines), len(r.Lines))
		}
	})
}
