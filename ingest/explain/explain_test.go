package explain_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vigie/ingest/akamai"
	"vigie/ingest/beacon"
	"vigie/ingest/combined"
	"vigie/ingest/explain"
	"vigie/ingest/fastly"
	"vigie/ingest/formattest"
	"vigie/ingest/mapping"
	"vigie/ingest/ndjson"
	"vigie/ingest/nginx"
	"vigie/ingest/record"
	"vigie/ingest/syslog"
	"vigie/ingest/w3c"
	"vigie/internal/event"
)

func explained(t *testing.T, parse event.Parser, readings []record.Reading, payload string, opts explain.Options) (string, explain.Summary) {
	t.Helper()
	var out strings.Builder
	from := event.Origin{Received: time.Date(2026, 9, 8, 19, 45, 10, 0, time.UTC)}
	sum, err := explain.Explain(&out, parse, readings, []byte(payload), from, opts)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), sum
}

func golden(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
		for i := range max(len(a), len(b)) {
			if i >= len(a) || i >= len(b) || a[i] != b[i] {
				t.Errorf("line %d differs; got\n%s", i+1, got)
				return
			}
		}
	}
}

func TestJSON(t *testing.T) {
	got, sum := explained(t, nginx.Parse, nginx.Readings(), `{"ts":"1788896703.120","host":"live.example.com","m":"GET","uri":"/v/a.m4s?hdnts=exp=1~hmac=abcdef&CMCD=br%3D3200","st":"200","bs":"0","rt":"fast","uht":"-","cs":"WEIRD","ip":"192.0.2.7","ua":"VLC\u001b[31m","edge":{"pop":"CDG"}}
{"host":"x"}
plain
{"ts":"1788896703.120","side":"b"}
{"ts":"yesterday"}
`, explain.Options{})
	golden(t, got, `
line 1, offset 0: request
  {"ts":"1788896703.120","host":"live.example.com","m":"GET","uri":"/v/a.m4s?hdnts=***&CMCD=br%3D32…
  Time              2026-09-08T19:45:03.12Z                      from ts
  Method            GET                                          from m
  Host              live.example.com                             from host
  Path              /v/a.m4s                                     from uri
  Query             hdnts=***&CMCD=br%3D3200                     from uri
  Status            200                                          from st
  Bytes             0                                            from bs
  FirstByte         missing: uht is "-", which says absent
  Duration          missing: rt is "fast", which can't be read (s; us: µs)
  Cache             missing: cs is "WEIRD", which can't be read
  Aborted           no                                           from st
  Client            192.0.2.0                                    from ip
  ASN               missing: asn is not in the line
  Country           missing: none of country, geoip2_country_code is in the line
  PoP               missing: pop is not in the line
  Protocol          missing: none of proto, server_protocol, request is in the line
  TLS               missing: none of tls, ssl_protocol is in the line
  Referer           missing: none of ref, http_referer is in the line
  UserAgent         VLC\u001b[31m                                from ua
  ID                missing: none of id, request_id is in the line
  CMCD.Bitrate      3200                                         from uri
  not in its CMCD: Session, Content, ObjectType, StreamType, Throughput, BufferLength, Starved,
    Startup
  not in this format: Blocked, Weight

line 2, offset 230: refused: ts: missing
  {"host":"x"}
  what to do: have the sender add ts or msec or time_iso8601 or time_local or time (required).

line 3, offset 243: refused: json: not an object
  plain
  what to do: every record must be a whole JSON object. Look whether the sender cuts its lines,
              forgets to escape quotes, or puts something other than a syslog header in front of the
              object.

line 4, offset 249: dropped, as the format says: it is neither a record nor a refusal
  {"ts":"1788896703.120","side":"b"}

line 5, offset 284: refused: ts: not a number, RFC 3339 or nginx's local time
  {"ts":"yesterday"}
  what to do: ts is "yesterday" here; have the sender write it as the format wants it (required), or
              name another layout.

summary
  read:             1 request
  dropped:          1
  refused:          1 json: not an object
  refused:          1 ts: missing
  refused:          1 ts: not a number, RFC 3339 or nginx's local time
  never seen:       FirstByte, Duration, Cache, ASN, Country, PoP, Protocol, TLS, Referer, ID
  read by nothing:  edge.pop, side
`)
	if sum.Records != 1 || sum.Refused != 3 || sum.Dropped != 1 || sum.Reasons["ts: missing"] != 1 || !slices.Contains(sum.Never, "Cache") || !slices.Equal(sum.Unread, []string{"edge.pop", "side"}) {
		t.Errorf("%+v", sum)
	}
}

func TestTextWithoutNames(t *testing.T) {
	got, _ := explained(t, combined.Parse, combined.Readings(), `192.0.2.7 - - [08/Sep/2026:19:45:03 +0000] "GET /v/seg_1.m4s?token=abcdef HTTP/1.1" 200 0 "-" "VLC/3" rt=0.031`+"\nx\n", explain.Options{})
	golden(t, got, `
line 1, offset 0: request
  192.0.2.0 - - [08/Sep/2026:19:45:03 +0000] "GET /v/seg_1.m4s?token=*** HTTP/1.1" 200 0 "-" "VLC/3…
  These lines have no names in them that could be looked for; what stands behind a value is where
  the format has it.
  Time              2026-09-08T19:45:03Z                         from [$time_local]
  Method            GET                                          from "$request"
  Host              missing: not in the line; it would be from host=, "$request"
  Path              /v/seg_1.m4s                                 from "$request"
  Query             token=***                                    from "$request"
  Status            200                                          from $status
  Bytes             0                                            from $bytes_sent
  FirstByte         missing: not in the line; it would be from uht=, ttfb=
  Duration          31ms                                         from rt=, us=
  Cache             missing: not in the line; it would be from cs=
  Aborted           no                                           from $status
  Client            192.0.2.0                                    from $remote_addr, "$http_x_forwar…
  ASN               missing: not in the line; it would be from asn=
  Country           missing: not in the line; it would be from country=
  PoP               missing: not in the line; it would be from pop=
  Protocol          HTTP/1.1                                     from proto=, "$request"
  TLS               missing: not in the line; it would be from tls=
  Referer           missing: not in the line; it would be from "$http_referer"
  UserAgent         VLC/3                                        from "$http_user_agent"
  ID                missing: not in the line; it would be from id=
  CMCD              missing: not in the line; it would be from "$request"
  not in this format: Blocked, Weight

line 2, offset 111: refused: request: missing or not in quotes
  x
  what to do: compare the line with the example in docs/formats.md; is this source's format the
              right one?

summary
  read:             1 request
  refused:          1 request: missing or not in quotes
  never seen:       Host, FirstByte, Cache, ASN, Country, PoP, TLS, Referer, ID, CMCD
`)
}

func TestColumns(t *testing.T) {
	const header = "#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken cs-uri-query x-foo\n"
	got, sum := explained(t, w3c.Parse, w3c.Readings(), header+"2026-09-08\t19:45:03\t2001:db8:7::1\tGET\t/a\t200\t-\t-\tbar\n"+strings.Repeat("2026-09-08\t19:45:03\t-\tGET\t/a\t200\t0.5\t-\tbar\n", 3), explain.Options{Lines: 1})
	for _, want := range []string{
		"line 3, offset 100: request\n", "  Time              2026-09-08T19:45:03Z                         from date\n",
		"  Client            2001:db8:7::                                 from c-ip\n", `  Duration          missing: time-taken is "-", which says absent` + "\n",
		`  CMCD              missing: cs-uri-query is "-", which says absent; there is none in cs-uri-stem` + "\n",
		"3 more records and refusals are not shown.\n", "  read:             4 requests\n", "  read by nothing:  x-foo\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if sum.Records != 4 || slices.Contains(sum.Never, "Duration") || slices.Contains(sum.Never, "CMCD.Bitrate") || !slices.Contains(sum.Never, "CMCD") {
		t.Errorf("%+v", sum)
	}
}

func TestColumnsOfAMapping(t *testing.T) {
	m := map[string]mapping.From{"time": {From: []string{"ts"}, Layout: "unix_ms"}, "first_byte": {From: []string{"ttfb"}, Unit: "us"}, "host": {From: []string{"vhost"}}}
	named := mapping.Config{Shape: mapping.CSV, Fields: []string{"ts", "vhost", "ttfb", "x"}, Map: m}
	parse, err := mapping.New(named)
	if err != nil {
		t.Fatal(err)
	}
	got, sum := explained(t, parse, named.Readings(), "1788896703120,\"a,b\",-4,1\n1788896703,h,4,1\n", explain.Options{Columns: named.Fields, Delimiter: ",", Quoted: true})
	for _, want := range []string{
		"  Host              a,b                                          from vhost\n", `  FirstByte         missing: ttfb is "-4", which can't be read (us)` + "\n",
		"line 2, offset 25: refused: time: not written as the mapping says\n", `what to do: ts is "1788896703" here; have the sender write it as the format wants it (required,`, "read by nothing:  x\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if sum.Records != 1 || sum.Refused != 1 {
		t.Errorf("%+v", sum)
	}
	headed := mapping.Config{Shape: mapping.CSV, Header: true, Map: m}
	if parse, err = mapping.New(headed); err != nil {
		t.Fatal(err)
	}
	if got, sum = explained(t, parse, headed.Readings(), "vhost,ts,ttfb\nh,1788896703120,4\n", explain.Options{Header: true, Delimiter: ",", Quoted: true}); sum.Records != 1 || sum.Refused+sum.Dropped > 0 || !strings.Contains(got, "FirstByte         4µs") {
		t.Errorf("%+v\n%s", sum, got)
	}
}

func TestBeaconsAndEnvelopes(t *testing.T) {
	got, _ := explained(t, beacon.Parse, beacon.Readings(), `[{"session":"s","watchedTime":0,"peers":"many","event":"heartbeat"}]`, explain.Options{})
	for _, want := range []string{"line 1, offset 1: beacon\n", "  Session           s                                            from session\n", "  Playing           0                                            from watchedTime\n",
		`  Peers             missing: peers is "many", which can't be read` + "\n", "  Event             heartbeat                                    from event\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	got, sum := explained(t, syslog.Parse(nginx.Parse), nginx.Readings(), `<190>Sep  8 19:45:03 edge01 nginx: {"ts":"1788896703","st":"200"}`+"\n", explain.Options{})
	if sum.Records != 1 || !strings.Contains(got, "  Status            200                                          from st\n") {
		t.Errorf("%+v\n%s", sum, got)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	const line = `{"time":1788896703,"url":"/a?access_token=SECRET1&Signature=SECRET2&x=1&hdnts=exp=1~hmac=SECRET3&sig-v2%3DSECRET4","client":"2001:db8:7:8::9","referer":"https://u/?jwt=SECRET5","cookie":"SECRET6","user_agent":"at 203.0.113.77 Bearer SECRET7890","id":"19:45:03"}`
	got, _ := explained(t, ndjson.Parse, ndjson.Readings(), line, explain.Options{})
	for _, secret := range []string{"SECRET", "7:8::9", "203.0.113.77"} {
		if strings.Contains(got, secret) {
			t.Errorf("%s is in\n%s", secret, got)
		}
	}
	for _, kept := range []string{"x=1", "2001:db8:7::", "203.0.113.0", "19:45:03"} {
		if !strings.Contains(got, kept) {
			t.Errorf("%s is not in\n%s", kept, got)
		}
	}
	if got, _ = explained(t, ndjson.Parse, ndjson.Readings(), line, explain.Options{Full: true}); !strings.Contains(got, "SECRET1") || !strings.Contains(got, "2001:db8:7:8::9") {
		t.Errorf("not in full:\n%s", got)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestTheWritersErrorIsReturned(t *testing.T) {
	if _, err := explain.Explain(full{}, nginx.Parse, nginx.Readings(), []byte("x"), event.Origin{}, explain.Options{}); err == nil {
		t.Error("no error")
	}
}

// formats are those whose readings are tried.
func formats() map[string][]record.Reading {
	return map[string][]record.Reading{"akamai": akamai.Readings(), "nginx": nginx.Readings(), "ndjson": ndjson.Readings(), "combined": combined.Readings(), "w3c": w3c.Readings(), "beacon": beacon.Readings(), "fastly": fastly.Readings()}
}

func TestReadingsNameFieldsThatExist(t *testing.T) {
	known := map[string]bool{"CMCD": true}
	for prefix, of := range map[string]reflect.Type{"": reflect.TypeFor[event.Request](), " ": reflect.TypeFor[event.Beacon](), "CMCD.": reflect.TypeFor[event.CMCD]()} {
		for f := range of.Fields() {
			known[strings.TrimSpace(prefix)+f.Name] = true
		}
	}
	for format, readings := range formats() {
		for _, r := range readings {
			if !known[r.Field] || len(r.From) == 0 {
				t.Errorf("%s: %+v", format, r)
			}
		}
	}
}

// TestReadingsAreTrue puts each of the sender's fields alone beside the time, with values of all
// sorts: one of them must fill the field.
func TestReadingsAreTrue(t *testing.T) {
	values := []string{"1", "2", "GET", "/a?b=c", "https://h.example.com/a?CMCD=br%3D1%2Csid%3Ds", "GET /a?CMCD=br%3D1 HTTP/1.1", "CMCD=br%3D1%2Csid%3Ds", "br=1,sid=s", "v", "192.0.2.7", "hit", "fr", "true", "499", "000", "text", "playbackStart", "CDG52-P2", "ClientCommError", "total", "playing"}
	try := func(format string, parse event.Parser, readings []record.Reading, base string, payload func(members string) string, join func(name, value string) string) {
		from := event.Origin{Received: time.Date(2026, 9, 8, 19, 45, 10, 0, time.UTC)}
		for _, r := range readings {
			if r.Field == "Time" {
				continue
			}
			for _, name := range r.From {
				if strings.HasPrefix(name, "x-edge-result") || strings.HasPrefix(name, "x-edge-response") {
					continue // of Aborted: only both together say something
				}
				ok := false
				for _, v := range values {
					got := formattest.Read(parse, []byte(payload(join(name, v))), from).String()
					field := strings.TrimPrefix(r.Field, "CMCD.")
					ok = ok || strings.Contains(got+" ", " "+field+"=") || strings.Contains(got+" ", " "+field+" ") || r.Field == "CMCD" && strings.Contains(got, " Bitrate=")
				}
				if !ok {
					t.Errorf("%s: %s does not fill %s", format, name, r.Field)
				}
			}
		}
		if !strings.HasPrefix(formattest.Read(parse, []byte(payload(base)), from).String(), "Time=") {
			t.Errorf("%s: the line without more is no record", format)
		}
	}
	json := func(time string) (func(string) string, func(string, string) string) {
		return func(m string) string { return "{" + time + m + "}" }, func(name, value string) string { return fmt.Sprintf(",%q:%q", name, value) }
	}
	line, member := json(`"ts":"1788896703"`)
	try("nginx", nginx.Parse, nginx.Readings(), "", line, member)
	line, member = json(`"time":"1788896703"`)
	try("ndjson", ndjson.Parse, ndjson.Readings(), "", line, member)
	line, member = json(`"session":"s","event":"playbackStart","p2pUpBytes":1`)
	try("beacon", beacon.Parse, beacon.Readings(), "", line, member)
	line, member = json(`"ts_us":"1788896703120000"`)
	parse, err := fastly.New(mapping.Config{})
	if err != nil {
		t.Fatal(err)
	}
	try("fastly", parse, fastly.Readings(), "", func(m string) string { return line(strings.ReplaceAll(m, `"completed":"000"`, `"completed":"false"`)) }, func(name, value string) string {
		if name == "completed" {
			value = "false"
		}
		return member(name, value)
	})
	try("w3c", w3c.Parse, w3c.Readings(), "x\t", func(m string) string {
		name, value, _ := strings.Cut(m, "\t")
		return "#Fields: timestamp " + name + "\n1788896703\t" + value
	}, func(name, value string) string { return name + "\t" + value })
}

func FuzzExplain(f *testing.F) {
	f.Add([]byte(`{"ts":"1788896703","uri":"/a?token=x","ip":"2001:db8::1"}` + "\nx\n[{}]"))
	f.Add([]byte("#Fields: date time\n2026-09-08 19:45:03\n<1>x {\"a\":{\"b\":[1]}}"))
	f.Add([]byte("a,b\n\"x\n\x00\xff"))
	f.Add([]byte(`192.0.2.7 - - [08/Sep/2026:19:45:03 +0000] "GET / HTTP/1.1" 200 5`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range []struct {
			parse    event.Parser
			readings []record.Reading
		}{{nginx.Parse, nginx.Readings()}, {combined.Parse, combined.Readings()}, {w3c.Parse, w3c.Readings()}} {
			got, sum := explained(t, c.parse, c.readings, string(b), explain.Options{Lines: 5, Columns: []string{"a", "b"}})
			for line := range strings.Lines(got) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
					t.Fatalf("%d columns: %s", n, line)
				}
				if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < ' ' || r == 0x7f }) {
					t.Fatalf("control character in %q", line)
				}
			}
			refused := 0
			for _, n := range sum.Reasons {
				refused += n
			}
			if refused != sum.Refused {
				t.Fatalf("%+v", sum)
			}
		}
	})
}
