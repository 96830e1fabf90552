package mapping_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/ingest/mapping"
	"vigie/ingest/record"
	"vigie/internal/event"
)

const at = "Time=2026-09-08T19:45:03.12Z"

type (
	from = mapping.From
	keys = map[string]mapping.From
)

func one(name string) from { return from{From: []string{name}} }

// with is a mapping of JSON whose time is in t, and more.
func with(more keys) mapping.Config {
	c := mapping.Config{Map: keys{"time": one("t")}}
	for k, f := range more {
		c.Map[k] = f
	}
	return c
}

func parser(t testing.TB, c mapping.Config) event.Parser {
	t.Helper()
	parse, err := mapping.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return parse
}

func TestRequestFields(t *testing.T) {
	f := func(name string, more keys, members, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(parser(t, with(more)), []byte(`{"t":"1788896703.120",`+members+`}`), event.Origin{}).String()
			if want := strings.TrimSpace(at + " " + want); got != want {
				t.Errorf("%s\n got %s\nwant %s", members, got, want)
			}
		})
	}
	f("names", keys{"method": one("m"), "host": one("h"), "path": one("p"), "query": one("q"), "id": one("i"), "protocol": one("v"), "tls": one("s"), "referer": one("r"), "user_agent": one("u"), "pop": one("e")},
		`"m":"GET","h":"live.example.com","p":"/a%20b","q":"?x=1","i":"9","v":"HTTP/3","s":"TLSv1.3","r":"https://r/","u":"VLC","e":"CDG"`,
		`Method="GET" Host="live.example.com" Path="/a%20b" Query="x=1" PoP="CDG" Protocol="HTTP/3" TLS="TLSv1.3" Referer="https://r/" UserAgent="VLC" ID="9"`)
	f("url", keys{"url": one("u")}, `"u":"https://h.example.com/a?b=c"`, `Host="h.example.com" Path="/a" Query="b=c"`)
	f("host beside url", keys{"url": one("u"), "host": one("h")}, `"h":"x","u":"https://h/a"`, `Host="x" Path="/a"`)
	f("request line", keys{"request": one("r")}, `"r":"GET /a?b HTTP/1.1"`, `Method="GET" Path="/a" Query="b" Protocol="HTTP/1.1"`)
	f("path with a query", keys{"path": one("p")}, `"p":"/a?b"`, `Path="/a" Query="b"`)
	f("first present wins", keys{"bytes": {From: []string{"a", "b"}}}, `"b":7,"a":5`, `Bytes=5`)
	f("absent ones are passed over", keys{"bytes": {From: []string{"a", "b", "c"}}}, `"a":null,"b":"-","c":7`, `Bytes=7`)
	f("last of a repeated member", keys{"bytes": one("a")}, `"a":1,"a":2`, `Bytes=2`)
	f("units of time", keys{"first_byte": {From: []string{"a"}, Unit: "us"}, "duration": {From: []string{"b"}, Unit: "s"}}, `"a":4200,"b":"0.031"`, `FirstByte=4.2ms Duration=31ms`)
	f("nanoseconds", keys{"first_byte": {From: []string{"a"}, Unit: "ns"}}, `"a":4200`, `FirstByte=4.2µs`)
	f("zero is a time", keys{"first_byte": {From: []string{"a"}, Unit: "ms"}}, `"a":0`, `FirstByte=0s`)
	f("units of size", keys{"bytes": {From: []string{"a"}, Unit: "KiB"}}, `"a":1.5`, `Bytes=1536`)
	f("bits", keys{"bytes": {From: []string{"a"}, Unit: "bit"}}, `"a":800`, `Bytes=100`)
	f("a size that does not fit", keys{"bytes": {From: []string{"a"}, Unit: "GB"}}, `"a":99999999999999999`, ``)
	f("status", keys{"status": one("s")}, `"s":"206"`, `Status=206`)
	f("status of one who left", keys{"status": one("s")}, `"s":499`, `Status=499 Aborted`)
	f("status zero", keys{"status": one("s")}, `"s":"000"`, `Aborted`)
	f("aborted says otherwise", keys{"status": one("s"), "aborted": one("a")}, `"s":499,"a":false`, `Status=499`)
	f("aborted by its opposite", keys{"aborted": {From: []string{"done"}, Values: map[string]string{"true": "false", "false": "true"}}}, `"done":false`, `Aborted`)
	f("blocked by a part of a text", keys{"blocked": {From: []string{"r"}, Values: map[string]string{"*action=blocked*": "true"}}}, `"r":"match=ip,action=blocked;x"`, `Blocked`)
	f("cache, words known", keys{"cache": one("c")}, `"c":"HIT-CLUSTER"`, `Cache=hit`)
	f("cache, words of the sender", keys{"cache": {From: []string{"c"}, Values: map[string]string{"TCP_HIT*": "hit", "TCP_*": "miss", "-": "pass"}}}, `"c":"TCP_HIT_MEM"`, `Cache=hit`)
	f("cache, less is said", keys{"cache": {From: []string{"c"}, Values: map[string]string{"TCP_HIT*": "hit", "TCP_*": "miss"}}}, `"c":"TCP_MISS"`, `Cache=miss`)
	f("cache, a mark of absence that says something", keys{"cache": {From: []string{"c"}, Values: map[string]string{"-": "pass", "*": "hit"}}}, `"c":"-"`, `Cache=pass`)
	f("cache, a mark of absence is not anything", keys{"cache": {From: []string{"c"}, Values: map[string]string{"*": "hit"}}}, `"c":"-"`, ``)
	f("viewer", keys{"client": one("ip"), "asn": one("as"), "country": one("cc")}, `"ip":"192.0.2.7:443","as":"AS3215","cc":"fr"`, `Client=192.0.2.7 ASN=3215 Country="FR"`)
	f("viewer behind a proxy", keys{"client": one("ip"), "forwarded": one("x")}, `"ip":"10.0.0.1","x":"203.0.113.9, 10.0.0.2"`, `Client=203.0.113.9`)
	f("a public peer is the viewer", keys{"client": one("ip"), "forwarded": one("x")}, `"ip":"192.0.2.7","x":"203.0.113.9"`, `Client=192.0.2.7`)
	f("country that is none", keys{"country": one("cc")}, `"cc":"france"`, ``)
	f("percent", keys{"user_agent": {From: []string{"u"}, Percent: true}}, `"u":"VLC%2F3%20x"`, `UserAgent="VLC/3 x"`)
	f("last bytes", keys{"pop": {From: []string{"s"}, Last: 3}}, `"s":"cache-lga21947-LGA"`, `PoP="LGA"`)
	f("first bytes", keys{"pop": {From: []string{"s"}, First: 3}}, `"s":"CDG52-P2"`, `PoP="CDG"`)
	f("constant", keys{"pop": {Const: "PAR"}}, `"x":1`, `PoP="PAR"`)
	f("constant where nothing is told", keys{"pop": {From: []string{"s"}, Const: "PAR"}}, `"s":"CDG"`, `PoP="CDG"`)
	f("weight", keys{"weight": one("w")}, `"w":100`, `Weight=100`)
	f("weight of a ratio", keys{"weight": {From: []string{"w"}, Unit: "ratio"}}, `"w":0.01`, `Weight=100`)
	f("weight of percents", keys{"weight": {From: []string{"w"}, Unit: "percent"}}, `"w":10`, `Weight=10`)
	f("weight of nothing", keys{"weight": {From: []string{"w"}, Unit: "ratio"}}, `"w":0`, ``)
	f("CMCD of the query", keys{"query": one("q")}, `"q":"CMCD=br%3D3200"`, `Query="CMCD=br%3D3200" Bitrate=3200`)
	f("CMCD of its headers", keys{"query": one("q"), "cmcd": {From: []string{"a", "b"}}}, `"q":"CMCD=br%3D1","a":"br=3200","b":"sid=\"s\",bs"`, `Query="CMCD=br%3D1" Session="s" Bitrate=3200 Starved`)
	f("CMCD, encoded", keys{"cmcd": one("a")}, `"a":"br%3D3200%2Csid%3D%22s%22"`, `Session="s" Bitrate=3200`)
	f("CMCD, key by key", keys{"session": one("a"), "content": one("b"), "object_type": one("c"), "stream_type": one("d"), "bitrate": one("e"), "throughput": {From: []string{"f"}, Unit: "bit"}, "buffer_length": {From: []string{"g"}, Unit: "s"}, "starved": one("h"), "startup": one("i")},
		`"a":"s","b":"final","c":"v","d":"l","e":3200,"f":25400000,"g":2.5,"h":true,"i":"1"`, `Session="s" Content="final" ObjectType="v" StreamType="l" Bitrate=3200 Throughput=25400 BufferLength=2500 Starved Startup`)
	f("a session too long is none", keys{"session": one("a")}, `"a":"`+strings.Repeat("s", 65)+`"`, ``)
	f("nested", keys{"host": one("client.req.host"), "bytes": one("n.bytes"), "path": one("client.req.path")}, `"client":{"x":[{}],"req":{"path":"/a","host":"h"}},"n":{"bytes":5}`, `Host="h" Path="/a" Bytes=5`)
	f("a name with a dot", keys{"host": one("client.req.host")}, `"client.req.host":"h"`, `Host="h"`)
	f("a name with a dot in a member", keys{"host": one("client.req.host")}, `"client":{"req.host":"h"}`, `Host="h"`)
	f("a value where an object should be", keys{"host": one("client.host")}, `"client":"x","host":"y"`, ``)
	f("an object where a value should be", keys{"host": one("client")}, `"client":{"host":"h"}`, ``)
	f("values that cannot be read are lost alone", keys{"bytes": one("a"), "status": one("b"), "first_byte": {From: []string{"c"}, Unit: "s"}, "client": one("d"), "asn": one("e"), "host": one("h")},
		`"a":"x","b":"ok","c":-1,"d":"router","e":"x","h":"h"`, `Host="h"`)
}

func TestTimes(t *testing.T) {
	zone := time.FixedZone("", 7200)
	f := func(name string, f from, value, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			f.From = []string{"t"}
			got := formattest.Read(parser(t, mapping.Config{Map: keys{"time": f}}), []byte(`{"t":`+value+`}`), event.Origin{Zone: zone}).String()
			if !strings.HasPrefix(want, "refused") {
				want = "Time=" + want
			}
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	const bad = "refused at 0: " + mapping.BadTime
	f("told apart: ms", from{}, `1788896703120`, "2026-09-08T19:45:03.12Z")
	f("told apart: RFC 3339", from{}, `"2026-09-08T19:45:03+0000"`, "2026-09-08T19:45:03Z")
	f("told apart: log", from{}, `"08/Sep/2026:19:45:03 +0000"`, "2026-09-08T19:45:03Z")
	f("unix", from{Layout: "unix"}, `"1788896703.5"`, "2026-09-08T19:45:03.5Z")
	f("unix in ms by mistake", from{Layout: "unix"}, `1788896703120`, bad)
	f("unix_ms", from{Layout: "unix_ms"}, `1788896703120`, "2026-09-08T19:45:03.12Z")
	f("unix_us", from{Layout: "unix_us"}, `1788896703120000`, "2026-09-08T19:45:03.12Z")
	f("unix_ns", from{Layout: "unix_ns"}, `1788896703120000001`, "2026-09-08T19:45:03.120000001Z")
	f("rfc3339 without offset, in the source's zone", from{Layout: "rfc3339"}, `"2026-09-08 19:45:03"`, "2026-09-08T17:45:03Z")
	f("rfc3339 without offset, in its own zone", from{Layout: "rfc3339", Zone: "America/New_York"}, `"2026-09-08 19:45:03"`, "2026-09-08T23:45:03Z")
	f("clf", from{Layout: "clf", Zone: "UTC"}, `"08/Sep/2026:19:45:03"`, "2026-09-08T19:45:03Z")
	f("Go's", from{Layout: "02.01.2006 15:04:05,000 -0700"}, `"08.09.2026 19:45:03,120 +0200"`, "2026-09-08T17:45:03.12Z")
	f("Go's without offset", from{Layout: "Jan _2 15:04:05 2006", Zone: "UTC"}, `"Sep  8 19:45:03 2026"`, "2026-09-08T19:45:03Z")
	f("another layout", from{Layout: "Jan _2 15:04:05 2006"}, `"2026-09-08T19:45:03Z"`, bad)
	f("another age", from{Layout: "2006-01-02 15:04:05"}, `"1026-09-08 19:45:03"`, bad)
	f("a value for a time", from{Values: map[string]string{"never": ""}}, `"never"`, "refused at 0: "+mapping.NoTime)
}

func TestDateAndTimeApart(t *testing.T) {
	c := mapping.Config{Shape: mapping.CSV, Fields: []string{"d", "t"}, Map: keys{"date": one("d"), "time": {From: []string{"t"}, Zone: "Europe/Paris"}}}
	got := formattest.Read(parser(t, c), []byte("2026-09-08,19:45:03.120\n2026-09-08,\n"), event.Origin{}).String()
	if want := "Time=2026-09-08T17:45:03.12Z\nrefused at 24: " + mapping.NoTime; got != want {
		t.Errorf("got %s", got)
	}
}

func TestShapes(t *testing.T) {
	mapped := keys{"time": one("ts"), "host": one("vhost"), "bytes": one("size"), "user_agent": one("ua")}
	f := func(name string, c mapping.Config, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			c.Map = mapped
			got := formattest.Read(parser(t, c), []byte(payload), event.Origin{}).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	const line, rec = `{"ts":1788896703120,"vhost":"h","size":5}`, at + ` Host="h" Bytes=5`
	f("lines", mapping.Config{}, line+"\n"+line+"\n", rec, rec)
	f("array", mapping.Config{Shape: mapping.JSON}, "["+line+",\n"+line+"]", rec, rec)
	f("members in another order", mapping.Config{}, line+`{"size":5,"vhost":"h","ts":1788896703120}`+line, rec, rec, rec)
	f("a bad line", mapping.Config{}, line+"\nx\n"+line, rec, fmt.Sprintf("refused at %d: %s", len(line)+1, flatjson.NotObject), rec)
	f("no time", mapping.Config{}, `{"vhost":"h"}`+"\n"+line, "refused at 0: "+mapping.NoTime, rec)
	f("dropped", mapping.Config{Drop: map[string][]string{"edge": {"false", "0"}}}, `{"ts":1788896703120,"edge":false}`+line+`{"edge":"0"}`, rec)
	f("words for nothing", mapping.Config{Nulls: []string{"n/a", "(null)"}}, `{"ts":1788896703120,"vhost":"n/a","ua":"(null)","size":5}`, at+` Bytes=5`)

	columns := []string{"ts", "-", "vhost", "size", "ua"}
	f("csv", mapping.Config{Shape: mapping.CSV, Fields: columns}, "1788896703120,x,h,5,\"a \"\"b\"\", c\"\n1788896703120,,h,5\n", rec+` UserAgent="a \"b\", c"`, rec)
	f("csv with a header", mapping.Config{Shape: mapping.CSV, Header: true}, "vhost,\"ts\",size\r\nh,1788896703120,5\r\nvhost,ts,size\r\nh,1788896703120,5,9\r\n", rec, rec)
	f("csv, its header not asked for", mapping.Config{Shape: mapping.CSV, Fields: columns}, "ts,x,vhost,size,ua\n1788896703120,x,h,5,\n", rec)
	f("csv by semicolons", mapping.Config{Shape: mapping.CSV, Fields: columns, Delimiter: ";"}, "1788896703120;x;h;5;\"a;b\"", rec+` UserAgent="a;b"`)
	f("csv, a quote not closed", mapping.Config{Shape: mapping.CSV, Fields: columns}, "1788896703120,x,\"h\n1788896703120,x,h,5\n", "refused at 0: "+mapping.BadQuote, rec)
	f("csv, no time", mapping.Config{Shape: mapping.CSV, Fields: columns}, ",x,h\nx,x,h", "refused at 0: "+mapping.NoTime, "refused at 5: "+mapping.BadTime)
	f("csv, too long", mapping.Config{Shape: mapping.CSV, Fields: columns}, strings.Repeat("x", record.Max+1)+"\n1788896703120,,h,5", "refused at 0: "+record.TooLong, rec)
	f("tsv", mapping.Config{Shape: mapping.TSV, Fields: columns}, "1788896703120\tx\th\t5\t\"a\"\n", rec+` UserAgent="\"a\""`)
	f("delimited", mapping.Config{Shape: mapping.Delimited, Fields: columns, Delimiter: "||"}, "1788896703120||x||h||5||a|b", rec+` UserAgent="a|b"`)
	f("w3c", mapping.Config{Shape: mapping.W3C}, "#Version: 1.0\n#Fields: ts vhost size\n1788896703120\th\t5\n#Fields: size ua vhost ts\n5 \"a b\" h 1788896703120\n", rec, rec+` UserAgent="a b"`)
	f("w3c without its directive", mapping.Config{Shape: mapping.W3C}, "1788896703120\th\t5\n", "refused at 0: "+mapping.NoColumns)
}

func TestBeacons(t *testing.T) {
	origin := event.Origin{Received: time.Date(2026, 9, 8, 19, 45, 10, 0, time.UTC), Client: netip.MustParseAddr("2001:db8::7"), UserAgent: []byte("ua")}
	const received, viewer = "Time=2026-09-08T19:45:10Z", ` Client=2001:db8::7 UserAgent="ua"`
	f := func(name string, more keys, members, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			c := mapping.Config{Record: "beacon", Map: keys{"session": one("s")}}
			for k, f := range more {
				c.Map[k] = f
			}
			got := formattest.Read(parser(t, c), []byte(`{`+members+`}`), origin).String()
			if got != want {
				t.Errorf("%s\n got %s\nwant %s", members, got, want)
			}
		})
	}
	ms := func(name string) from { return from{From: []string{name}, Unit: "ms"} }
	f("all", keys{"time": one("t"), "tool": {Const: "mux"}, "cdn": one("c"), "channel": one("ch"), "device": {From: []string{"d"}, Values: map[string]string{"1": "tv"}}, "player": one("p"),
		"event": {From: []string{"e"}, Values: map[string]string{"viewstart": "playbackStart"}}, "started": one("st"), "startup": ms("su"), "playing": ms("w"), "rebuffering": ms("rb"), "stalls": one("n"),
		"bits_played": {From: []string{"b"}, Unit: "MB"}, "media_time": ms("m"), "error_code": one("ec"), "cdn_bytes": one("x"), "peer_bytes": one("y"), "peer_uploaded": one("z"), "peers": one("k"),
		"totals": {Const: "true"}, "state": {From: []string{"sta"}, Values: map[string]string{"p": "playing"}}, "sequence": one("sn"), "client": one("ip"), "asn": one("as"), "country": one("cc"), "user_agent": one("ua"), "weight": one("wt")},
		`"s":"s1","t":1788896703120,"c":"akamai","ch":"tf1","d":1,"p":"hls.js","e":"viewstart","st":true,"su":1320,"w":10000,"rb":250,"n":2,"b":4,"m":9900,"ec":"E1","x":1099511627776,"y":2,"z":3,"k":7,"sta":"p","sn":12,"ip":"192.0.2.7","as":3215,"cc":"fr","ua":"VLC","wt":10`,
		at+` Session="s1" Tool="mux" CDN="akamai" Channel="tf1" Device="tv" Player="hls.js" Event=playbackStart Started Startup=1.32s Playing=10s Rebuffering=250ms Stalls=2 BitsPlayed=32000000 MediaTime=9.9s ErrorCode="E1"`+
			` CDNBytes=1099511627776 PeerBytes=2 PeerUploaded=3 Peers=7 Totals State=2 Sequence=12 Client=192.0.2.7 ASN=3215 Country="FR" UserAgent="VLC" Weight=10`)
	f("only a session", nil, `"s":"s1"`, received+` Session="s1"`+viewer)
	f("a viewer's clock", keys{"time": one("t")}, `"s":"s1","t":1700000000000`, received+` Session="s1"`+viewer)
	f("an address that is mapped but absent is not the relay's", keys{"client": one("ip")}, `"s":"s1"`, received+` Session="s1"`)
	f("an event of others", keys{"event": one("e")}, `"s":"s1","e":"pause"`, received+` Session="s1"`+viewer)
	f("startup of another event", keys{"startup": ms("su")}, `"s":"s1","su":5`, received+` Session="s1"`+viewer)
	f("more than is believed", keys{"playing": ms("w"), "stalls": one("n"), "cdn_bytes": one("x"), "channel": one("c")}, `"s":"s1","w":3600001,"n":1001,"x":1073741825,"c":"`+strings.Repeat("c", 65)+`"`, received+` Session="s1"`+viewer)
	f("texts with control characters", keys{"channel": one("c")}, `"s":"s1","c":"a\u0000"`, received+` Session="s1"`+viewer)
	f("no session", nil, `"x":1`, "refused at 0: "+mapping.NoSession)
	f("a session that is none", nil, `"s":"a\n"`, "refused at 0: "+mapping.BadSession)
}

// shapes are mappings for fuzzing and benchmarks, by their shape.
func shapes() map[string]mapping.Config {
	mapped := keys{
		"time": one("ts"), "host": one("vhost"), "url": {From: []string{"uri", "client.uri"}}, "method": one("m"), "status": one("st"), "bytes": {From: []string{"total", "size"}},
		"first_byte": {From: []string{"ttfb"}, Unit: "us"}, "duration": {From: []string{"dur"}, Unit: "ms"}, "cache": {From: []string{"cs"}, Values: map[string]string{"TCP_HIT*": "hit", "TCP_MISS": "miss"}},
		"client": one("ip"), "asn": one("asn"), "country": one("cc"), "user_agent": {From: []string{"ua"}, Percent: true}, "pop": {From: []string{"srv"}, Last: 3},
	}
	columns := []string{"ts", "vhost", "uri", "m", "st", "size", "ttfb", "dur", "cs", "ip", "asn", "cc", "ua", "srv", "total", "client.uri"}
	return map[string]mapping.Config{
		"json":      {Map: mapped, Drop: map[string][]string{"edge": {"false"}}},
		"csv":       {Shape: mapping.CSV, Map: mapped, Fields: columns},
		"header":    {Shape: mapping.CSV, Map: mapped, Header: true},
		"tsv":       {Shape: mapping.TSV, Map: mapped, Fields: columns},
		"w3c":       {Shape: mapping.W3C, Map: mapped},
		"delimited": {Shape: mapping.Delimited, Map: mapped, Fields: columns, Delimiter: " | "},
		"beacon":    {Record: "beacon", Map: keys{"session": one("s"), "time": one("ts"), "event": one("e"), "state": one("sta"), "cdn": one("c"), "playing": {From: []string{"w"}, Unit: "ms"}, "cdn_bytes": one("x")}},
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		jsonLine(1), tsvLine(2), strings.ReplaceAll(tsvLine(3), "\t", ","), strings.ReplaceAll(tsvLine(3), "\t", " | "),
		"#Fields: ts vhost\n1788896703120 \"a b\"", "ts,vhost\n1788896703120,\"a\"\"b\"", `{"s":"x","e":"playbackStart","sta":"playing","w":1e3,"x":-1}`,
		`{"ts":1788896703120,"client":{"uri":"/a","x":{}},"edge":false}`, "{", `"`,
	} {
		f.Add([]byte(s))
	}
	parsers := map[string]event.Parser{}
	for name, c := range shapes() {
		parsers[name] = parser(f, c)
	}
	from := event.Origin{Received: time.Date(2026, 9, 8, 19, 45, 10, 0, time.UTC)}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range parsers {
			formattest.Holds(t, parse, b, from)
		}
		formattest.Neighbours(t, parsers["json"], jsonLine(0), b, from)
		formattest.Neighbours(t, parsers["beacon"], `{"s":"x"}`, b, from)
		formattest.Neighbours(t, parsers["csv"], strings.ReplaceAll(tsvLine(0), "\t", ","), b, from)
		formattest.Neighbours(t, parsers["tsv"], tsvLine(0), b, from)
		formattest.Neighbours(t, parsers["delimited"], strings.ReplaceAll(tsvLine(0), "\t", " | "), b, from)
	})
}
