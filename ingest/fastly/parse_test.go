package fastly_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"vigie/ingest/fastly"
	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/ingest/mapping"
	"vigie/internal/event"
)

const (
	at      = "Time=2026-09-08T19:45:03.12Z"
	good    = `{"ts_us":"1788896703120000","host":"live.example.com"}`
	rec     = at + ` Host="live.example.com"`
	classic = "<134>2026-09-08T19:45:03Z cache-par-lfpg1960001 vigie[417]: "
	modern  = "<134>1 2026-09-08T19:45:03Z cache-par vigie 417 - [x@1 y=\"z\"] "
)

func parser(t testing.TB, m mapping.Config) event.Parser {
	t.Helper()
	parse, err := fastly.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return parse
}

func TestFormats(t *testing.T) {
	f := func(name, line, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			if got := formattest.Read(parser(t, mapping.Config{}), []byte(line), event.Origin{}).String(); got != want {
				t.Errorf("%s\n got %s\nwant %s", line, got, want)
			}
		})
	}
	f("recommended", `{"ts_us":"1788896703120000","ttfb_s":"0.004","elapsed_us":"31500","host":"live.example.com","url":"/v/a.m4s?x=1","method":"GET","protocol":"HTTP/2","tls":"TLSv1.3","status":"206","bytes":"812345","completed":true,"state":"HIT-CLUSTER","client_ip":"192.0.2.7","asn":"3215","country":"FR","pop":"PAR","referer":"","user_agent":"VLC/3","id":"42","cmcd_request":"bl=5000","cmcd_object":"br=3200,ot=v","cmcd_session":"sid=\"s\",st=l","cmcd_status":"bs","edge":true}`,
		at+` Method="GET" Host="live.example.com" Path="/v/a.m4s" Query="x=1" Status=206 Bytes=812345 FirstByte=4ms Duration=31.5ms Cache=hit Client=192.0.2.7 ASN=3215 Country="FR" PoP="PAR" Protocol="HTTP/2" TLS="TLSv1.3" UserAgent="VLC/3" ID="42" Session="s" ObjectType="v" StreamType="l" Bitrate=3200 BufferLength=5000 Starved`)
	f("not delivered whole", `{"ts_us":"1788896703120000","status":"200","completed":false,"asn":"0"}`, at+` Status=200 Aborted`)
	f("Fastly's default", `{"timestamp":"2026-09-08T19:45:03+0000","client_ip":"203.0.113.10","geo_country":"france","host":"live.example.com","url":"/p","request_method":"POST","request_protocol":"HTTP/2","request_referer":"https://r/","request_user_agent":"Moz","response_state":"ERROR","response_status":503,"response_reason":null,"response_body_size":444,"fastly_server":"cache-lga21947-LGA","fastly_is_edge":true}`,
		`Time=2026-09-08T19:45:03Z Method="POST" Host="live.example.com" Path="/p" Status=503 Bytes=444 Cache=error Client=203.0.113.10 PoP="LGA" Protocol="HTTP/2" Referer="https://r/" UserAgent="Moz"`)
	f("a shield's line", `{"timestamp":"2026-09-08T19:45:03+0000","fastly_is_edge":false}`, ``)
	f("CMCD in the query", `{"ts_us":"1788896703120000","url":"/a?CMCD=br%3D3200","cmcd_request":""}`, at+` Path="/a" Query="CMCD=br%3D3200" Bitrate=3200`)
}

func TestEnvelopes(t *testing.T) {
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(parser(t, mapping.Config{}), []byte(payload), event.Origin{}).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	counted := fmt.Sprintf("%d %s", len(modern+good), modern+good)
	countedLine := fmt.Sprintf("%d %s\n", len(modern+good)+1, modern+good)
	f("lines", good+"\n"+good+"\n", rec, rec)
	f("array", "["+good+",\n"+good+"]", rec, rec)
	f("concatenated", good+good, rec, rec)
	f("spread", "[\n{\n\"ts_us\": \"1788896703120000\",\n\"host\": \"live.example.com\"\n}\n]", rec)
	f("classic", classic+good+"\n"+classic+good+"\n", rec, rec)
	f("classic, a name with spaces", strings.Replace(classic, "vigie[", "Vigie live logs[", 1)+good, rec)
	f("loggly", modern+good+"\n"+modern+good, rec, rec)
	f("logplex", counted+counted, rec, rec)
	f("logplex with line feeds", countedLine+countedLine, rec, rec)
	f("logplex with a wrong count", "7 "+modern+good+"\n"+countedLine, rec, rec)
	f("with and without envelope", good+"\n"+classic+good, rec, rec)
	f("refused in its envelope", classic+good+"\n"+classic+"plain text\n"+good, rec, fmt.Sprintf("refused at %d: %s", len(classic+good)+1, flatjson.NotObject), rec)
	f("two messages of a line, the second refused", counted+fmt.Sprintf("%d %s", len(modern)+2, modern+"xx"), rec, fmt.Sprintf("refused at %d: %s", len(counted), flatjson.NotObject))
	f("nothing", "")
}

func TestMappingIsLaidOverTheDefault(t *testing.T) {
	m := mapping.Config{Map: map[string]mapping.From{"first_byte": {From: []string{"ttfb"}, Unit: "ms"}, "blocked": {From: []string{"rules"}, Values: map[string]string{"*action=blocked*": "true"}}}, Drop: map[string][]string{}}
	got := formattest.Read(parser(t, m), []byte(`{"timestamp":"2026-09-08T19:45:03+0000","host":"h","ttfb":12,"ttfb_s":"9","rules":"match=x,action=blocked","edge":false}`), event.Origin{}).String()
	if want := `Time=2026-09-08T19:45:03Z Host="h" FirstByte=12ms Blocked`; got != want {
		t.Errorf("got %s", got)
	}
	for want, bad := range map[string]mapping.Config{
		"map.first_byte.unit": {Map: map[string]mapping.From{"first_byte": {From: []string{"a"}, Unit: "usec"}}},
		"shape":               {Shape: mapping.CSV}, "record": {Record: "beacon"}, "fields": {Fields: []string{"a"}},
	} {
		if _, err := fastly.New(bad); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, ok := fastly.Default().Map["blocked"]; ok {
		t.Error("the default was changed")
	}
}

// TestFormatIsJSONThatTheDefaultReads fills the recommended format with what its variables would say.
func TestFormatIsJSONThatTheDefaultReads(t *testing.T) {
	filled := regexp.MustCompile(`%\{[^}]*\}V`).ReplaceAllStringFunc(fastly.Format, func(v string) string {
		return map[bool]string{true: "true", false: "1"}[strings.Contains(v, "if(")]
	})
	var members map[string]any
	if err := json.Unmarshal([]byte(filled), &members); err != nil {
		t.Fatalf("%v in %s", err, filled)
	}
	read := map[string]bool{"edge": true}
	for _, r := range fastly.Readings() {
		for _, name := range r.From {
			read[name] = true
		}
	}
	for name := range members {
		if !read[name] {
			t.Errorf("%s is in the format, and nothing reads it", name)
		}
	}
}

func TestChallenge(t *testing.T) {
	if got := string(fastly.Challenge(nil)); got != "*\n" {
		t.Errorf("%q", got)
	}
	got := string(fastly.Challenge([]string{"abc", ""}))
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"; got != want {
		t.Errorf("%q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(logLine(1)))
	f.Add([]byte(classic + logLine(2) + "\n" + modern + good))
	f.Add([]byte("12 <134>x {}\n3 <1>1 -"))
	parse := parser(f, mapping.Config{})
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, parse, b, event.Origin{})
		if middle := strings.Trim(strings.ReplaceAll(string(b), "\n", " "), " \t\r\x00"); strings.HasPrefix(middle, "{") || strings.HasPrefix(middle, "<") {
			formattest.Neighbours(t, parse, classic+good, []byte(middle), event.Origin{})
		}
	})
}
