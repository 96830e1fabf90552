package cloudfront_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"vigie/ingest/cloudfront"
	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/ingest/w3c"
	"vigie/internal/event"
)

const at = "Time=2026-09-08T19:45:03Z"

const legacy = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end\n"

// legacyLine is a line of 33 columns.
const legacyLine = "2026-09-08\t19:45:03\tCDG52-P2\t812345\t192.0.2.7\tGET\td1.cloudfront.net\t/v/a%20b.m4s\t200\thttps://r/\tMozilla/5.0%2520(X11;%2520Linux)\tCMCD=br%253D3200%252Csid%253D%2522s%2522\t-\tHit\tRID==\tlive.example.com\thttps\t23\t0.031\ta, b\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\t-\t-\t11040\t0.004\tHit\tvideo/mp4\t812000\t-\t-"

const legacyRecord = at + ` Method="GET" Host="live.example.com" Path="/v/a%20b.m4s" Query="CMCD=br%3D3200%2Csid%3D%22s%22" Status=200 Bytes=812345 FirstByte=4ms Duration=31ms Cache=hit Client=192.0.2.7 PoP="CDG" Protocol="HTTP/2.0" TLS="TLSv1.3" Referer="https://r/" UserAgent="Mozilla/5.0 (X11; Linux)" ID="RID==" Session="s" Bitrate=3200`

func check(t *testing.T, p event.Parser, name, payload string, want ...string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		got := formattest.Read(p, []byte(payload), event.Origin{}).String()
		if got != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	})
}

func TestStandardLogs(t *testing.T) {
	f := func(name, payload string, want ...string) {
		t.Helper()
		check(t, cloudfront.Parse, name, payload, want...)
	}
	cut := func(columns int) string { return strings.Join(strings.Split(legacyLine, "\t")[:columns], "\t") }
	f("33 columns", legacy+legacyLine, legacyRecord)
	f("31 columns", legacy+cut(31), legacyRecord)
	f("34 columns", legacy+legacyLine+"\t", legacyRecord)
	f("without the header", legacyLine, legacyRecord)
	f("v2, columns chosen, time in milliseconds", "#Version: 1.0\n#Fields: timestamp(ms)\tDistributionId\tc-ip\tsc-status\tcs-uri-stem\tasn\n1788896703120\tE1\t192.0.2.7\t200\t/a\t3215",
		`Time=2026-09-08T19:45:03.12Z Path="/a" Status=200 Client=192.0.2.7 ASN=3215`)
	f("a bad line between good ones", legacy+legacyLine+"\nx\n"+legacyLine, legacyRecord, fmt.Sprintf("refused at %d: %s", len(legacy+legacyLine)+1, w3c.NoTime), legacyRecord)
	f("an object in front", "{\n"+legacyLine+"\n"+legacyLine, "refused at 0: "+w3c.NoFields, legacyRecord, legacyRecord)
	f("neither header nor 24 columns", "2026-09-08\t19:45:03", "refused at 0: "+w3c.NoFields)
	f("nothing", " \r\n\n")
}

func TestJSON(t *testing.T) {
	f := func(name, payload string, want ...string) {
		t.Helper()
		check(t, cloudfront.Parse, name, payload, want...)
	}
	const few = `{"date":"2026-09-08","time":"19:45:03","sc-status":"200"}`
	fewRecord := at + " Status=200"
	f("every kind of field", `{"timestamp":"1788896703","DistributionId":"E1","x-edge-location":"SFO53-P7","sc-bytes":"1352","c-ip":"2001:db8::7","cs-method":"GET","cs(Host)":"d1.cloudfront.net","cs-uri-stem":"/i","sc-status":"200","cs(Referer)":"-","cs(User-Agent)":"VLC%203","cs-uri-query":"a=b","x-edge-result-type":"Miss","x-host-header":"live.example.com","time-taken":"0.365","time-to-first-byte":"0.364","timestamp(ms)":"1788896703492","asn":"2516","c-country":"jp"}`,
		`Time=2026-09-08T19:45:03.492Z Method="GET" Host="live.example.com" Path="/i" Query="a=b" Status=200 Bytes=1352 FirstByte=364ms Duration=365ms Cache=miss Client=2001:db8::7 ASN=2516 Country="JP" PoP="SFO" UserAgent="VLC 3"`)
	f("a subset, the host of the distribution", `{"date":"2026-09-08","time":"19:45:03","cs(Host)":"d1.cloudfront.net"}`, at+` Host="d1.cloudfront.net"`)
	f("numbers that are numbers, names of real-time logs", `{"timestamp":1788896703.25,"sc-status":200,"time-taken":0.006,"cs-host":"h","cs-user-agent":"VLC%203","cmcd-session-id":"s"}`,
		`Time=2026-09-08T19:45:03.25Z Host="h" Status=200 Duration=6ms UserAgent="VLC 3" Session="s"`)
	f("lines, arrays, blanks before", "\xef\xbb\xbf\n "+few+"\n["+few+","+few+"]", fewRecord, fewRecord, fewRecord)
	f("a line that is not JSON", few+"\nx\n"+few, fewRecord, fmt.Sprintf("refused at %d: %s", len(few)+1, flatjson.NotObject), fewRecord)
	f("a line in front that is not JSON", "x\n"+few+"\n"+few, "refused at 0: "+flatjson.NotObject, fewRecord, fewRecord)
	f("a line in front with tabs", "x\ty\n"+few+"\n"+few, "refused at 0: "+flatjson.NotObject, fewRecord, fewRecord)
	f("indented by tabs", "{\n\t\"timestamp\":\t\"1788896703\",\n\"sc-status\":\t\"200\"\n}", fewRecord)
	f("no time", `{"sc-status":"200"}`+"\n"+few, "refused at 0: "+w3c.NoTime, fewRecord)
	f("half a time", `{"date":"2026-09-08"}`, "refused at 0: "+w3c.NoTime)
	f("bad time", `{"timestamp(ms)":"now"}`, "refused at 0: "+w3c.BadTime)
	f("cut", few+`{"date":"2026-`, fewRecord, fmt.Sprintf("refused at %d: %s", len(few), flatjson.BadString))
}

func TestResults(t *testing.T) {
	f := func(name, status, result, detailed, response, want string) {
		t.Helper()
		line := fmt.Sprintf(`{"timestamp":"1788896703","sc-status":%q,"x-edge-result-type":%q,"x-edge-detailed-result-type":%q,"x-edge-response-result-type":%q}`, status, result, detailed, response)
		check(t, cloudfront.Parse, name, line, strings.TrimSpace(at+" "+want))
	}
	for result, want := range map[string]string{
		"Hit": " Cache=hit", "OriginShieldHit": " Cache=hit", "RefreshHit": " Cache=refresh", "Miss": " Cache=miss",
		"LimitExceeded": " Cache=error", "CapacityExceeded": " Cache=error", "Redirect": " Cache=pass",
		"MissGeneratedResponse": " Cache=pass", "FunctionGeneratedResponse": " Cache=pass", "FunctionExecutionError": " Cache=error", "New": "",
	} {
		f(result, "200", result, "-", "-", "Status=200"+want)
		f(result+" in detail", "200", "-", result, "-", "Status=200"+want)
	}
	f("the detail counts", "200", "Hit", "OriginShieldHit", "Hit", "Status=200 Cache=hit")
	f("an error of the origin", "502", "Error", "OriginDnsError", "Error", "Status=502 Cache=error")
	f("an error out of the cache", "404", "Error", "Error", "Error", "Status=404 Cache=error")
	f("left before any answer", "000", "Error", "ClientCommError", "Error", "Cache=error Aborted")
	f("left while a hit was sent", "200", "Error", "ClientCommError", "Hit", "Status=200 Cache=hit Aborted")
	f("left while a miss was sent", "206", "Error", "Error", "Miss", "Status=206 Cache=miss Aborted")
	f("left, not told in detail", "200", "Error", "-", "RefreshHit", "Status=200 Cache=refresh Aborted")
	f("left while asking", "400", "Error", "ClientHungUpRequest", "Error", "Status=400 Cache=error Aborted")
	f("the origin broke off", "200", "Error", "OriginReadError", "Miss", "Status=200 Cache=error")
	f("the edge gave the origin up", "200", "Error", "AbortedOrigin", "Miss", "Status=200 Cache=error")
	f("country refused", "403", "Error", "ClientGeoBlocked", "Error", "Status=403 Blocked")
	f("access blocked", "403", "Error", "InvalidRequestBlocked", "Error", "Status=403 Blocked")
	f("403 for a reason that is not told", "403", "Error", "Error", "Error", "Status=403 Cache=error")
}

func TestHeader(t *testing.T) {
	for in, want := range map[string]string{legacy + legacyLine: legacy, `{"a":1}`: "", "": ""} {
		if got := string(cloudfront.Header([]byte(in))); got != want {
			t.Errorf("Header(%.40q) = %q", in, got)
		}
	}
}

// Each reading is held against the parser: the field it names is filled by what it says fills it.
func TestReadings(t *testing.T) {
	values := map[string]string{
		"timestamp": "1788896703", "timestamp(ms)": "1788896703000", "date": "2026-09-08", "time": "19:45:03", "c-ip": "192.0.2.7", "c-country": "FR",
		"cs-uri-stem": "/a?b", "cs-uri-query": "CMCD=br=1", "cmcd-object-type": "v", "cmcd-stream-type": "l", "cmcd-buffer-starvation": "true", "cmcd-startup": "true",
		"x-edge-result-type": "Error", "x-edge-response-result-type": "Hit", "x-edge-detailed-result-type": "ClientCommError",
	}
	for _, r := range cloudfront.Readings() {
		if _, ok := reflect.TypeFor[event.Request]().FieldByName(r.Field); !ok {
			t.Errorf("%q is not a field of a request", r.Field)
			continue
		}
		values["x-edge-detailed-result-type"] = map[string]string{"Cache": "Hit", "Blocked": "ClientGeoBlocked"}[r.Field]
		for i, key := range r.From {
			value := values[key]
			if value == "" {
				value = "7"
			}
			member := fmt.Sprintf("%q:%q", key, value)
			switch {
			case r.Field == "Time" && (key == "date" || key == "time"):
				member = `"date":"2026-09-08","time":"19:45:03"`
			case r.Field != "Time":
				member += `,"timestamp":"1788896703"`
			}
			if r.Field == "Aborted" || key == "x-edge-response-result-type" { // one word alone does not tell
				member += `,"sc-status":"000"`
			}
			all := formattest.Read(cloudfront.Parse, []byte("{"+member+"}"), event.Origin{}).Requests
			if len(all) != 1 {
				t.Errorf("%s: nothing of %s", r.Field, member)
				continue
			}
			v := reflect.ValueOf(all[0]).FieldByName(r.Field)
			if d, ok := v.Interface().(interface{ Milliseconds() int64 }); v.IsZero() || ok && d.Milliseconds() <= 0 {
				t.Errorf("%s: %v from its source %d: %s", r.Field, v, i, member)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(standardLine(1)))
	f.Add([]byte(jsonLine(1) + "\n" + jsonLine(2)))
	f.Add([]byte(legacy + legacyLine + "\t-\n"))
	f.Add([]byte(`{"timestamp(ms)":"1788896703120","x-edge-result-type":"Error","x-edge-response-result-type":"Hit"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, cloudfront.Parse, b, event.Origin{})
		const good = `{"timestamp":"1788896703"}`
		all := formattest.Holds(t, cloudfront.Parse, []byte(good+"\n"+strings.ReplaceAll(string(b), "\n", " ")+"\n"+good), event.Origin{})
		if n := len(all.Lines); n < 2 || all.Lines[0] != at || all.Lines[n-1] != at {
			t.Fatalf("%q between two good objects:\n%s", b, all)
		}
		text := strings.TrimLeft(strings.TrimPrefix(strings.ReplaceAll(string(b), "\n", " "), "\xef\xbb\xbf"), " \t\r\x00")
		switch {
		case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
			formattest.Neighbours(t, cloudfront.Parse, good, b, event.Origin{})
		case !strings.HasPrefix(text, "#"): // a directive is there to change how its neighbours are read
			formattest.Neighbours(t, cloudfront.Parse, legacyLine, b, event.Origin{})
		}
	})
}
