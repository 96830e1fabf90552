package ndjson_test

import (
	"strings"
	"testing"
	"time"

	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/ingest/ndjson"
	"vigie/internal/event"
)

func TestParse(t *testing.T) {
	const at = "Time=2026-09-08T19:45:03Z"
	f := func(name, members, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(ndjson.Parse, []byte(`{"time":1788896703,`+members+"}"), event.Origin{}).String()
			if want := strings.TrimSpace(at + " " + want); got != want {
				t.Errorf("%s\n got %s\nwant %s", members, got, want)
			}
		})
	}
	f("all", `"method":"GET","host":"h","path":"/p","query":"q=1","status":200,"bytes":812345,"first_byte_ms":4,"duration_ms":31.5,`+
		`"cache":"hit","client":"2001:db8::7","asn":3215,"country":"FR","pop":"CDG","protocol":"HTTP/2.0","tls":"TLSv1.3","referer":"r",`+
		`"user_agent":"ua","id":"i","session":"s","weight":10,"blocked":true,"aborted":true,"cmcd":"br=3200,ot=v"`,
		`Method="GET" Host="h" Path="/p" Query="q=1" Status=200 Bytes=812345 FirstByte=4ms Duration=31.5ms Cache=hit Aborted Blocked `+
			`Client=2001:db8::7 ASN=3215 Country="FR" PoP="CDG" Protocol="HTTP/2.0" TLS="TLSv1.3" Referer="r" UserAgent="ua" ID="i" `+
			`Session="s" ObjectType="v" Bitrate=3200 Weight=10`)
	f("all as strings", `"status":"200","bytes":"812345","first_byte_ms":"4","duration_ms":"31.5","asn":"AS3215","weight":"0.5","blocked":"true","aborted":"1"`,
		`Status=200 Bytes=812345 FirstByte=4ms Duration=31.5ms Aborted Blocked ASN=3215 Weight=0.5`)
	f("absent", `"status":null,"bytes":"-","first_byte_ms":"","client":"-","weight":null,"cmcd":"-","session":""`, ``)
	f("unreadable ones are lost alone", `"status":"x","bytes":-1,"first_byte_ms":"x","duration_ms":-1,"client":"nowhere","asn":"ASx","weight":-1,"country":"FRA","method":"GET"`,
		`Method="GET"`)
	f("numbers that do not fit", `"bytes":18446744073709551616,"asn":4294967296,"weight":1e7,"status":1000,"duration_ms":1e12`, ``)
	f("bytes keep 64 bits", `"bytes":9007199254740993`, `Bytes=9007199254740993`)
	f("url whole", `"url":"https://h/p?q=1"`, `Host="h" Path="/p" Query="q=1"`)
	f("url from the path on", `"host":"h","url":"/p?q=1"`, `Host="h" Path="/p" Query="q=1"`)
	f("query with a mark", `"query":"?q=1"`, `Query="q=1"`)
	f("CMCD in the query", `"query":"CMCD=br%3D3200%2Cbs"`, `Query="CMCD=br%3D3200%2Cbs" Bitrate=3200 Starved`)
	f("session wins over CMCD's", `"session":"a","cmcd":"sid=\"b\",br=1"`, `Session="a" Bitrate=1`)
	f("escapes", `"path":"/\u00e9","user_agent":"a\"b"`, `Path="/é" UserAgent="a\"b"`)
	f("country in small letters", `"country":"fr"`, `Country="FR"`)
	f("nested and unknown", `"path":{"a":1},"x":[1],"y":2`, ``)
	f("text that is not UTF-8", "\"path\":\"/\xff\"", `Path="/\xff"`)
}

func TestTimes(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		got := formattest.Read(ndjson.Parse, []byte(`{"time":`+value+`}`), event.Origin{Zone: time.FixedZone("", 7200)}).String()
		if got != want {
			t.Errorf("%s: got %s, want %s", value, got, want)
		}
	}
	f(`"2026-09-08T19:45:03.120Z"`, "Time=2026-09-08T19:45:03.12Z")
	f(`"2026-09-08T21:45:03"`, "Time=2026-09-08T19:45:03Z")
	f(`1788896703`, "Time=2026-09-08T19:45:03Z")
	f(`1788896703.12`, "Time=2026-09-08T19:45:03.12Z")
	f(`"1788896703120"`, "Time=2026-09-08T19:45:03.12Z")
	f(`1788896703120456`, "Time=2026-09-08T19:45:03.120456Z")
	f(`1788896703120456789`, "Time=2026-09-08T19:45:03.120456789Z")
	f(`"yesterday"`, "refused at 0: "+ndjson.BadTime)
	f(`true`, "refused at 0: "+ndjson.BadTime)
	f(`-1`, "refused at 0: "+ndjson.BadTime)
	f(`null`, "refused at 0: "+ndjson.NoTime)
	f(`""`, "refused at 0: "+ndjson.NoTime)
	f(`{}`, "refused at 0: "+ndjson.NoTime)
}

func TestPayloads(t *testing.T) {
	const good, record = `{"time":1788896703}`, "Time=2026-09-08T19:45:03Z"
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(ndjson.Parse, []byte(payload), event.Origin{}).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	f("nothing", "")
	f("a single object", good, record)
	f("lines with carriage returns, blank ones, no line feed at the end", good+"\r\n\r\n\n"+good, record, record)
	f("byte order mark", "\xef\xbb\xbf"+good, record)
	f("array", "[\n"+good+",\n"+good+"\n]\n", record, record)
	f("a bad line between good ones", good+"\n{\"time\":\n"+good+"\n", record, "refused at 20: "+flatjson.NotClosed, record)
	f("a line without time between good ones", good+"\n{}\n"+good+"\n", record, "refused at 20: "+ndjson.NoTime, record)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(logLine(1)))
	f.Add([]byte("[" + logLine(2) + ",\n" + logLine(3) + "]"))
	f.Add([]byte("{\n\"time\":\"2026-09-08T19:45:03Z\",\"cmcd\":\"br=(1;v)\",\"url\":\"http://h/p?q\"\n}"))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, ndjson.Parse, b, event.Origin{})
		formattest.Neighbours(t, ndjson.Parse, `{"time":1788896703}`, b, event.Origin{})
	})
}
