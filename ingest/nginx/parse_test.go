package nginx_test

import (
	"strings"
	"testing"
	"time"

	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/ingest/nginx"
	"vigie/internal/event"
)

const at = "Time=2026-09-08T19:45:03.12Z"

func TestParse(t *testing.T) {
	f := func(name, line, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(nginx.Parse, []byte(line), event.Origin{Zone: time.FixedZone("", 7200)}).String()
			if got != want {
				t.Errorf("%s\n got %s\nwant %s", line, got, want)
			}
		})
	}
	f("nginx", `{"ts":"1788896703.120","host":"h","m":"GET","uri":"/p?q=1","st":"200","bs":"812345","rt":"0.031","uht":"0.004","cs":"MISS",`+
		`"ip":"192.0.2.7","xff":"","ref":"https://r/","ua":"VLC \"3\"","proto":"HTTP/2.0","tls":"TLSv1.3","id":"ab","cmcd_r":"bl=2000","cmcd_o":"br=3200,ot=v","cmcd_s":"sid=\"s\"","cmcd_t":"bs"}`,
		at+` Method="GET" Host="h" Path="/p" Query="q=1" Status=200 Bytes=812345 FirstByte=4ms Duration=31ms Cache=miss Client=192.0.2.7 Protocol="HTTP/2.0" TLS="TLSv1.3" Referer="https://r/" UserAgent="VLC \"3\"" ID="ab" Session="s" ObjectType="v" Bitrate=3200 BufferLength=2000 Starved`)
	f("its variables by name", `{"time_iso8601":"2026-09-08T21:45:03+02:00","http_host":"h","request_method":"GET","request_uri":"/p?q=1","status":200,"body_bytes_sent":5,"request_time":0.031,"upstream_header_time":"-","upstream_cache_status":"HIT","remote_addr":"192.0.2.7","http_user_agent":"ua","server_protocol":"HTTP/1.1"}`,
		`Time=2026-09-08T19:45:03Z Method="GET" Host="h" Path="/p" Query="q=1" Status=200 Bytes=5 Duration=31ms Cache=hit Client=192.0.2.7 Protocol="HTTP/1.1" UserAgent="ua"`)
	f("bytes with headers win", `{"ts":1788896703.12,"st":200,"body_bytes_sent":5,"bytes_sent":9}`, at+` Status=200 Bytes=9`)
	f("the request in one", `{"time_local":"08/Sep/2026:19:45:03 +0000","request":"GET /p?q HTTP/1.1","status":"200"}`,
		`Time=2026-09-08T19:45:03Z Method="GET" Path="/p" Query="q" Status=200 Protocol="HTTP/1.1"`)
	f("local time without offset", `{"time_local":"08/Sep/2026:21:45:03","st":"200"}`, `Time=2026-09-08T19:45:03Z Status=200`)
	f("arguments apart", `{"ts":"1788896703.12","st":"200","uri":"/p","args":"q=1"}`, at+` Path="/p" Query="q=1" Status=200`)
	f("several origins: the last one", `{"ts":"1788896703.12","st":"200","uht":"0.001, 0.120 : 0.003"}`, at+` Status=200 FirstByte=3ms`)
	f("from the cache: no first byte", `{"ts":"1788896703.12","st":"200","uht":"","cs":"HIT"}`, at+` Status=200 Cache=hit`)
	f("the client left", `{"ts":"1788896703.12","st":"499"}`, at+` Status=499 Aborted`)
	f("no answer", `{"ts":"1788896703.12","st":"000"}`, at+` Aborted`)
	f("no status is not an abort", `{"ts":"1788896703.12"}`, at)
	f("behind a proxy", `{"ts":"1788896703.12","st":"200","ip":"10.0.0.1","xff":"203.0.113.66, 2001:db8::7"}`, at+` Status=200 Client=2001:db8::7`)
	f("CMCD headers hide the query's", `{"ts":"1788896703.12","st":"200","uri":"/p?CMCD=bl%3D9","cmcd_o":"br=1"}`, at+` Path="/p" Query="CMCD=bl%3D9" Status=200 Bitrate=1`)
	f("CMCD in the query", `{"ts":"1788896703.12","st":"200","uri":"/p?CMCD=bl%3D9","cmcd_o":""}`, at+` Path="/p" Query="CMCD=bl%3D9" Status=200 BufferLength=9`)
	f("without escape=json", `{"ts":"1788896703.12","st":"200","ua":"a\x22b\xC3\xA9"}`, at+` Status=200 UserAgent="a\"bé"`)
	f("without quotes around what is empty", `{"ts":1788896703.12,"st":200,"uht":,"cs":-}`, at+` Status=200`)
	f("Varnish", `{"ts":"1788896703120000","host":"h","m":"GET","uri":"/p","st":"200","bs":"9","us":"4000","ttfb":"0.001250","cs":"hit","side":"c","ip":"192.0.2.7"}`,
		at+` Method="GET" Host="h" Path="/p" Status=200 Bytes=9 FirstByte=1.25ms Duration=4ms Cache=hit Client=192.0.2.7`)
	f("Varnish's own fetch", `{"ts":"1788896703120000","st":"200","side":"b"}`, ``)
	f("absolute target", `{"ts":"1788896703.12","st":"200","uri":"http://h/p?q"}`, at+` Host="h" Path="/p" Query="q" Status=200`)
	f("no time", `{"st":"200"}`, "refused at 0: "+nginx.NoTime)
	f("bad time", `{"ts":"08/Foo/2026:21:45:03","st":"200"}`, "refused at 0: "+nginx.BadTime)
}

func TestABadLineCostsItselfAlone(t *testing.T) {
	const good = `{"ts":"1788896703.120","st":"200"}`
	got := formattest.Read(nginx.Parse, []byte(strings.Join([]string{good, `{"ts":"17888`, good, `{"urt":0.001, 0.12}`, good}, "\n")), event.Origin{}).String()
	record := at + " Status=200"
	want := strings.Join([]string{record, "refused at 35: " + flatjson.BadString, record, "refused at 83: " + flatjson.BadKey, record}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(logLine(1)))
	f.Add([]byte(`{"time_local":"08/Sep/2026:19:45:03","request":"GET /p?CMCD=br%3D1 HTTP/1.1","uht":"0.1, - : 0.2","xff":"a, 192.0.2.1","ip":"10.0.0.1"}`))
	f.Add([]byte(`{"ts":1788896703120000,"side":"b","st":,"cs":-}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, nginx.Parse, b, event.Origin{})
		formattest.Neighbours(t, nginx.Parse, `{"ts":"1788896703.120","st":"200"}`, b, event.Origin{})
	})
}
