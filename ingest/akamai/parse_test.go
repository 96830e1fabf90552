package akamai_test

import (
	"strings"
	"testing"

	"vigie/ingest/akamai"
	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/internal/event"
)

const at = "Time=2026-09-08T19:45:03Z"

func TestParse(t *testing.T) {
	// f puts members in a line that has a time already, and a status.
	f := func(name, members, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			line := `{"reqTimeSec":"1788896703","statusCode":"200"`
			if members != "" {
				line += "," + members
			}
			got := formattest.Read(akamai.Parse, []byte(line+"}"), event.Origin{}).String()
			if want == "" {
				want = "Status=200"
			}
			if want := at + " " + want; got != want {
				t.Errorf("%s\n got %s\nwant %s", members, got, want)
			}
		})
	}
	f("nothing more", ``, ``)
	f("names", `"reqMethod":"GET","reqHost":"live.example.com","reqPath":"/a/b%20c.m4s","queryStr":"x=1","reqId":"2898b6","proto":"HTTP/2"`,
		`Method="GET" Host="live.example.com" Path="/a/b%20c.m4s" Query="x=1" Status=200 Protocol="HTTP/2" ID="2898b6"`)
	f("path without its slash, query with a mark", `"reqPath":"a.ts","queryStr":"?x=1"`, `Path="/a.ts" Query="x=1" Status=200`)
	f("wire bytes", `"bytes":"100","totalBytes":"120"`, `Status=200 Bytes=120`)
	f("wire bytes not told", `"bytes":"100","totalBytes":"0"`, `Status=200 Bytes=100`)
	f("numbers that are numbers", `"bytes":100,"turnAroundTimeMSec":1,"transferTimeMSec":8`, `Status=200 Bytes=100 FirstByte=1ms Duration=9ms`)
	f("times", `"timeToFirstByte":"3","turnAroundTimeMSec":"11","transferTimeMSec":"125"`, `Status=200 FirstByte=3ms Duration=136ms`)
	f("times of zero are times", `"turnAroundTimeMSec":"0","transferTimeMSec":"0"`, `Status=200 FirstByte=0s Duration=0s`)
	f("no transfer time, no duration", `"turnAroundTimeMSec":"11","transferTimeMSec":"-"`, `Status=200 FirstByte=11ms`)
	f("negative times", `"turnAroundTimeMSec":"-1","transferTimeMSec":"-1"`, ``)
	for _, null := range []string{`""`, `"-"`, `"^"`, `null`} {
		f("null "+null, `"reqMethod":`+null+`,"reqHost":`+null+`,"reqPath":`+null+`,"queryStr":`+null+`,"bytes":`+null+`,"cliIP":`+null+
			`,"UA":`+null+`,"referer":`+null+`,"country":`+null+`,"asn":`+null+`,"cmcd":`+null+`,"cacheStatus":`+null+`,"lastByte":`+null+
			`,"securityRules":`+null+`,"tlsVersion":`+null+`,"timeToFirstByte":`+null+`,"isMidgress":`+null, ``)
	}
	f("viewer", `"cliIP":"2a01:cb00::7","asn":"3215","country":"fr","serverCountry":"DE","tlsVersion":"TLSv1.3"`,
		`Status=200 Client=2a01:cb00::7 ASN=3215 Country="FR" PoP="DE" TLS="TLSv1.3"`)
	f("asn as a number", `"asn":3215`, `Status=200 ASN=3215`)
	f("address that is none", `"cliIP":"x"`, ``)
	f("user agent and referer are decoded", `"UA":"Mozilla%2F5.0+%28X11%3B+Linux%29","referer":"https%3A%2F%2Fwww.example.com%2F?a+b"`,
		`Status=200 Referer="https://www.example.com/?a+b" UserAgent="Mozilla/5.0 (X11; Linux)"`)

	f("hit", `"cacheStatus":"1"`, `Status=200 Cache=hit`)
	f("miss", `"cacheStatus":"0","cacheable":"1"`, `Status=200 Cache=miss`)
	f("hit of a peer", `"cacheStatus":0,"cacheable":1,"breadcrumbs":"//BC/%5Ba=192.0.2.1,c=g,k=0,l=1%5D,%5Ba=192.0.2.2,c=p%5D"`, `Status=200 Cache=hit`)
	f("miss to the origin", `"cacheStatus":"0","cacheable":"1","breadcrumbs":"//BC/%5Ba=192.0.2.1,c=g%5D,%5Ba=192.0.2.2,c=o%5D"`, `Status=200 Cache=miss`)
	f("not cacheable", `"cacheStatus":"0","cacheable":"0"`, `Status=200 Cache=pass`)

	f("left before the last byte", `"lastByte":"0"`, `Status=200 Aborted`)
	f("a range need not hold the last byte", `"statusCode":"206","lastByte":"0"`, `Status=206`)
	f("the answer to HEAD has none", `"reqMethod":"HEAD","lastByte":"0"`, `Method="HEAD" Status=200`)
	f("error that says so", `"statusCode":"206","errorCode":"ERR_CLIENT_ABORT|x"`, `Status=206 Aborted`)
	f("other error", `"errorCode":"ERR_ACCESS_DENIED|fwd_acl"`, ``)

	f("denied", `"securityRules":"ULnR_28976|3900000:3900001|BOT-ANOMALY"`, `Status=200 Blocked`)
	f("denied, encoded", `"securityRules":"ULnR_28976%7C3900000%7CBOT-ANOMALY"`, `Status=200 Blocked`)
	f("only alerted", `"securityRules":"ULnR_28976|3900000:3900001|"`, ``)

	f("CMCD in its field", `"cmcd":"//1.0@V/bl=21600,br=1426,cid=%22x%22,ot=v,su"`,
		`Status=200 Content="x" ObjectType="v" Bitrate=1426 BufferLength=21600 Startup`)
	f("CMCD in the query", `"queryStr":"a=b&CMCD=br%3D1426%2Cbs"`, `Query="a=b&CMCD=br%3D1426%2Cbs" Status=200 Bitrate=1426 Starved`)
	f("CMCD wrapped in the query", `"queryStr":"cmcd=//1.0@V/br=1426,sid=%22s%22"`, `Query="cmcd=//1.0@V/br=1426,sid=%22s%22" Status=200 Session="s" Bitrate=1426`)
	f("CMCD of both: its field", `"queryStr":"CMCD=br%3D1","cmcd":"br=2"`, `Query="CMCD=br%3D1" Status=200 Bitrate=2`)
	f("last of a repeated member", `"statusCode":"404"`, `Status=404`)
	f("unknown members", `"x":{"y":[1,2]},"streamId":"1"`, ``)
}

func TestStatusZeroIsAborted(t *testing.T) {
	got := formattest.Read(akamai.Parse, []byte(`{"reqTimeSec":"1788896703.28","statusCode":"0"}`), event.Origin{}).String()
	if want := "Time=2026-09-08T19:45:03.28Z Aborted"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPayloads(t *testing.T) {
	const good = `{"reqTimeSec":"1788896703","statusCode":"200"}`
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(akamai.Parse, []byte(payload), event.Origin{}).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	record := at + " Status=200"
	f("lines", good+"\n"+good+"\n", record, record)
	f("array", "["+good+","+good+"]", record, record)
	f("spread over lines", strings.ReplaceAll(strings.ReplaceAll(good, ",", ",\n  "), "{", "{\n  "), record)
	f("inside the CDN", `{"reqTimeSec":"1788896703","isMidgress":"1"}`+"\n"+good, record)
	f("not inside the CDN", `{"reqTimeSec":"1788896703","statusCode":"200","isMidgress":"0"}`, record)
	f("probe", `{"access_validation": true}`)
	f("probe of a structured stream", "0,access_validation\n")
	f("no status is not an abort", `{"reqTimeSec":"1788896703","statusCode":"-"}`, at)
	f("no time", `{"statusCode":"200"}`+"\n"+good, "refused at 0: "+akamai.NoTime, record)
	f("null time", `{"reqTimeSec":"^"}`, "refused at 0: "+akamai.NoTime)
	f("bad time", good+"\n"+`{"reqTimeSec":"yesterday"}`, record, "refused at 47: "+akamai.BadTime)
	f("cut line", `{"reqTimeSec":"1788`+"\n"+good, "refused at 0: "+flatjson.BadString, record)
	f("not JSON", "x\n"+good, "refused at 0: "+flatjson.NotObject, record)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(logLine(1)))
	f.Add([]byte(logLine(0) + "\n" + logLine(20)))
	f.Add([]byte(`{"reqTimeSec":"1788896703.28","UA":"a%2+b","securityRules":"a%7Cb%7Cc","reqPath":"x","country":"fr"}`))
	f.Add([]byte(`{"access_validation": true}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, akamai.Parse, b, event.Origin{})
		formattest.Neighbours(t, akamai.Parse, `{"reqTimeSec":"1788896703"}`, b, event.Origin{})
	})
}
