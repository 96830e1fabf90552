package cloudflare_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"vigie/ingest/cloudflare"
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
			line := `{"EdgeStartTimestamp":1788896703,"EdgeResponseStatus":200,` + members + "}"
			got := formattest.Read(cloudflare.Parse, []byte(line), event.Origin{}).String()
			if want := strings.TrimSpace(at + " " + want); got != want {
				t.Errorf("%s\n got %s\nwant %s", members, got, want)
			}
		})
	}
	const ok = "Status=200"
	f("names", `"ClientRequestMethod":"GET","ClientRequestHost":"live.example.com","ClientRequestPath":"/a/b%20c","ClientRequestURI":"/a/b%20c?x=1","ClientRequestProtocol":"HTTP/3","ClientRequestReferer":"https://r/","ClientRequestUserAgent":"VLC%203 (none)","RayID":"3a60"`,
		`Method="GET" Host="live.example.com" Path="/a/b%20c" Query="x=1" Status=200 Protocol="HTTP/3" Referer="https://r/" UserAgent="VLC%203 (none)" ID="3a60"`)
	f("path of the URI", `"ClientRequestURI":"/a?x=1?y"`, `Path="/a" Query="x=1?y" Status=200`)
	f("viewer", `"ClientIP":"2001:db8::7","ClientASN":3215,"ClientCountry":"fr","ClientSSLProtocol":"TLSv1.3","EdgeColoCode":"CDG"`,
		`Status=200 Client=2001:db8::7 ASN=3215 Country="FR" PoP="CDG" TLS="TLSv1.3"`)
	f("no encryption, no country", `"ClientSSLProtocol":"none","ClientCountry":"xx","ClientASN":0`, ok)
	f("Tor is no country", `"ClientCountry":"T1"`, ok)
	f("bytes with headers", `"EdgeResponseBodyBytes":90,"EdgeResponseBytes":100,"CacheResponseBytes":80`, `Status=200 Bytes=100`)
	f("bytes of the body", `"EdgeResponseBodyBytes":"90"`, `Status=200 Bytes=90`)
	f("first byte", `"EdgeTimeToFirstByteMs":7`, `Status=200 FirstByte=7ms`)
	for _, null := range []string{`""`, `"-"`, `null`, `"unknown"`, `[]`, `{}`} {
		f("null "+null, strings.ReplaceAll(`"EdgeEndTimestamp":@,"ClientRequestMethod":@,"ClientRequestHost":@,"ClientRequestPath":@,"ClientRequestURI":@,"ClientIP":@,"ClientASN":@,"ClientCountry":@,"EdgeResponseBytes":@,"EdgeTimeToFirstByteMs":@,"CacheCacheStatus":@,"EdgeColoCode":@,"SecurityAction":@,"SecurityActions":@,"RequestHeaders":@,"ClientRequestSource":@,"ParentRayID":@,"WorkerSubrequest":@`, "@", null), ok)
	}

	for word, want := range map[string]string{
		"hit": " Cache=hit", "stream_hit": " Cache=hit", "miss": " Cache=miss", "expired": " Cache=miss", "updating": " Cache=refresh",
		"stale": " Cache=refresh", "revalidated": " Cache=refresh", "bypass": " Cache=pass", "dynamic": " Cache=pass", "ignored": " Cache=pass",
		"deferred": "", "none": "", "unknown": "",
	} {
		f("cache "+word, `"CacheCacheStatus":"`+word+`"`, ok+want)
	}

	f("left before any answer", `"EdgeResponseStatus":0`, `Aborted`)
	f("left", `"EdgeResponseStatus":"499"`, `Status=499 Aborted`)

	for _, action := range []string{"block", "drop", "challenge", "jschallenge", "js_challenge", "managedChallenge", "managed_challenge", "connectionClose", "forceConnectionClose", "challengeFailed"} {
		f("ended by "+action, `"SecurityAction":"`+action+`"`, ok+" Blocked")
		f("ended by one of several, "+action, `"SecurityActions":["log", "`+action+`"]`, ok+" Blocked")
	}
	for _, action := range []string{"", "unknown", "allow", "log", "skip", "bypass", "rewrite", "challengeSolved", "jschallengeBypassed", "managedChallengeNonInteractiveSolved", strings.Repeat("block", 9)} {
		f("went on after "+action, `"SecurityAction":"`+action+`","SecurityActions":["`+action+`"],"WAFAction":"`+action+`"`, ok)
	}
	f("older field", `"WAFAction":"drop"`, ok+" Blocked")
	f("older field, several", `"FirewallMatchesActions":["simulate","block"]`, ok+" Blocked")
	f("no actions", `"SecurityActions":[],"FirewallMatchesActions":null`, ok)
	f("actions that are none", `"SecurityActions":[7,{"a":"b"},"log"]`, ok)
	f("rules are no actions", `"SecurityRuleIDs":["block"],"SecuritySources":["waf"]`, ok)

	f("CMCD in the query", `"ClientRequestURI":"/a?CMCD=br%3D1426%2Cbs"`, `Path="/a" Query="CMCD=br%3D1426%2Cbs" Status=200 Bitrate=1426 Starved`)
	f("CMCD of both: its headers", `"RequestHeaders":{"accept":"*","cmcd-object":"br=3200,ot=v","CMCD-Session":"sid=\"s\\\"1\",st=l","cmcd-other":"br=1"},"ClientRequestURI":"/a?CMCD=br%3D1"`,
		`Path="/a" Query="CMCD=br%3D1" Status=200 Session="s\"1" ObjectType="v" StreamType="l" Bitrate=3200`)
	f("headers that are none", `"RequestHeaders":"cmcd-object"`, ok)
	f("other nested values", `"Cookies":{"cmcd-object":"br=1"},"x":[[{}]]`, ok)
}

func TestTimes(t *testing.T) {
	f := func(name, members, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			if got := formattest.Read(cloudflare.Parse, []byte("{"+members+"}"), event.Origin{}).String(); got != want {
				t.Errorf("%s\n got %s\nwant %s", members, got, want)
			}
		})
	}
	const exact = "Time=2026-09-08T19:45:03.4330002Z"
	f("nanoseconds, which a float64 does not hold", `"EdgeStartTimestamp":1788896703433000201`, "Time=2026-09-08T19:45:03.433000201Z")
	f("nanoseconds as text", `"EdgeStartTimestamp":"1788896703433000200"`, exact)
	f("seconds", `"EdgeStartTimestamp":1788896703`, at)
	f("seconds as text", `"EdgeStartTimestamp":"1788896703"`, at)
	f("RFC 3339", `"EdgeStartTimestamp":"2026-09-08T19:45:03Z"`, at)
	f("RFC 3339, finer", `"EdgeStartTimestamp":"2026-09-08T19:45:03.4330002Z"`, exact)
	f("the end alone", `"EdgeEndTimestamp":"2026-09-08T19:45:03Z"`, at)
	f("duration", `"EdgeEndTimestamp":1788896703440000000,"EdgeStartTimestamp":1788896703433000200`, exact+" Duration=6.9998ms")
	f("no duration of whole seconds", `"EdgeStartTimestamp":1788896703,"EdgeEndTimestamp":1788896704`, at)
	f("no duration of whole seconds as nanoseconds", `"EdgeStartTimestamp":1788896703000000000,"EdgeEndTimestamp":1788896703000000000`, at)
	f("the end before the start", `"EdgeStartTimestamp":1788896703433000200,"EdgeEndTimestamp":1788896703433000199`, exact)
	f("the end a week later", `"EdgeStartTimestamp":1788896703433000200,"EdgeEndTimestamp":1789501503433000200`, exact)
	f("an end that is no time", `"EdgeStartTimestamp":1788896703433000200,"EdgeEndTimestamp":"soon"`, exact)
	f("none", `"EdgeResponseStatus":200`, "refused at 0: "+cloudflare.NoTime)
	f("none that is one", `"EdgeStartTimestamp":"yesterday","EdgeEndTimestamp":1788896703`, "refused at 0: "+cloudflare.BadTime)
}

func TestPayloads(t *testing.T) {
	const good = `{"EdgeStartTimestamp":1788896703}`
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(cloudflare.Parse, []byte(payload), event.Origin{}).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	f("lines", good+"\n"+good+"\n", at, at)
	f("array", "["+good+","+good+"]", at, at)
	f("test upload", `{"content":"tests"}`)
	f("test upload with a line end", `{"content": "test"}`+"\n")
	f("a record with that member", `{"content":"tests","EdgeStartTimestamp":1788896703}`, at)
	f("that member with others", `{"content":"tests","x":1}`, "refused at 0: "+cloudflare.NoTime)
	f("that member, no text", `{"content":7}`, "refused at 0: "+cloudflare.NoTime)
	f("a test upload that is cut", `{"content":"tests"`, "refused at 0: "+flatjson.NotClosed)
	f("a Worker's own request", `{"EdgeStartTimestamp":1788896703,"ClientRequestSource":"edgeWorkerFetch"}`+"\n"+good, at)
	f("a child of another request", `{"EdgeStartTimestamp":1788896703,"ParentRayID":"7a6050bcbe121a87"}`+"\n"+good, at)
	f("a subrequest, older field", `{"EdgeStartTimestamp":1788896703,"WorkerSubrequest":true}`+"\n"+good, at)
	f("an eyeball's", `{"EdgeStartTimestamp":1788896703,"ClientRequestSource":"eyeball","ParentRayID":"00","WorkerSubrequest":false}`, at)
	f("objects around", `{"events":[{"info":`+good+`}]}`, "refused at 0: "+cloudflare.NoTime)
	f("CSV", "ClientIP,EdgeStartTimestamp\n"+good, "refused at 0: "+flatjson.NotObject, at)
	f("cut", good+"\n"+`{"EdgeStartTimestamp":17`+"\n"+good, at, "refused at 34: "+flatjson.NotClosed, at)
}

// Each reading is held against the parser: the field it names is filled by what it says fills it.
func TestReadings(t *testing.T) {
	values := map[string]string{
		"EdgeStartTimestamp": `1788896703000000007`, "EdgeEndTimestamp": `1788896703000000009`, "EdgeResponseStatus": `499`, "CacheCacheStatus": `"hit"`,
		"ClientRequestURI": `"/a?CMCD=br=1"`, "ClientIP": `"192.0.2.7"`, "ClientCountry": `"FR"`, "RequestHeaders": `{"CMCD-Object":"br=1"}`,
		"SecurityAction": `"block"`, "SecurityActions": `["block"]`, "WAFAction": `"block"`, "FirewallMatchesActions": `["block"]`,
	}
	for _, r := range cloudflare.Readings() {
		if _, ok := reflect.TypeFor[event.Request]().FieldByName(r.Field); !ok || len(r.From) == 0 {
			t.Errorf("%q is not a field of a request, or comes from nothing", r.Field)
			continue
		}
		for _, key := range r.From {
			value := values[key]
			if value == "" {
				value = `"7"`
			}
			line := fmt.Sprintf(`{"EdgeStartTimestamp":1788896703000000007,"EdgeEndTimestamp":1788896703000000009,%q:%s}`, key, value)
			if r.Field == "Time" {
				line = fmt.Sprintf(`{%q:%s}`, key, value)
			}
			all := formattest.Read(cloudflare.Parse, []byte(line), event.Origin{}).Requests
			if len(all) != 1 {
				t.Errorf("%s: nothing of %s", r.Field, line)
				continue
			}
			v := reflect.ValueOf(all[0]).FieldByName(r.Field)
			if v.IsZero() || v.CanInt() && v.Int() < 0 {
				t.Errorf("%s: %v of %s", r.Field, v, line)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(logLine(0)))
	f.Add([]byte(logLine(4) + "\n" + logLine(50)))
	f.Add([]byte(`{"content":"tests"}`))
	f.Add([]byte(`{"EdgeStartTimestamp":"2026-09-08T19:45:03Z","RequestHeaders":{"cmcd-object":"br=1","cmcd-session":"sid=\"\u00e9\""},"SecurityActions":["a","`))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, cloudflare.Parse, b, event.Origin{})
		formattest.Neighbours(t, cloudflare.Parse, `{"EdgeStartTimestamp":1788896703}`, b, event.Origin{})
	})
}
