package cloudfront_test

import (
	"fmt"
	"strings"
	"testing"

	"vigie/ingest/cloudfront"
	"vigie/ingest/formattest"
	"vigie/ingest/w3c"
	"vigie/internal/event"
)

func TestRealTime(t *testing.T) {
	f := func(name, fields, payload string, want ...string) {
		t.Helper()
		p, err := cloudfront.RealTime(strings.Fields(fields))
		if err != nil {
			t.Fatal(name, err)
		}
		check(t, p, name, payload, want...)
	}
	const ms = "Time=2026-09-08T19:45:03.12Z"
	f("AWS's order, whatever the operator's", "sc-status asn timestamp cs-uri-stem c-ip", "1788896703.120\t192.0.2.7\t200\t/a?b=c\t3215\n",
		ms+` Path="/a" Query="b=c" Status=200 Client=192.0.2.7 ASN=3215`)
	f("host of the viewer", "x-host-header cs-host timestamp", "1788896703.120\td1.cloudfront.net\tlive.example.com", ms+` Host="live.example.com"`)
	f("query of its own", "timestamp cs-uri-query cs-uri-stem", "1788896703.120\t/a\tb=c", ms+` Path="/a" Query="b=c"`)
	f("CMCD", "timestamp cs-uri-stem cmcd-session-id cmcd-content-id cmcd-object-type cmcd-stream-type cmcd-encoded-bitrate cmcd-measured-throughput cmcd-buffer-length cmcd-buffer-starvation cmcd-startup",
		"1788896703.120\t/a?CMCD=br%3D1\t3200\t2100\ttrue\tc\t9000\tv\ts\tl\t-", ms+` Path="/a" Query="CMCD=br%3D1" Session="s" Content="c" ObjectType="v" StreamType="l" Bitrate=3200 Throughput=9000 BufferLength=2100 Starved`)
	f("CMCD of the query", "timestamp cs-uri-stem cmcd-session-id", "1788896703.120\t/a?CMCD=br%3D1\t-", ms+` Path="/a" Query="CMCD=br%3D1" Bitrate=1`)
	f("an empty value behind the last", "timestamp c-ip", "1788896703.120\t192.0.2.7\t\r\n", ms+" Client=192.0.2.7")
	f("a field was added at the sender", "timestamp c-ip", "1788896703.120\t192.0.2.7\t0.1\n1788896703.120\t192.0.2.7", "refused at 0: "+cloudfront.BadColumns, ms+" Client=192.0.2.7")
	f("a field was taken away", "timestamp c-ip sc-status", "1788896703.120\t192.0.2.7", "refused at 0: "+cloudfront.BadColumns)
	f("no time", "timestamp c-ip", "-\t192.0.2.7", "refused at 0: "+w3c.NoTime)
	f("bad time", "timestamp c-ip", "x\t192.0.2.7", "refused at 0: "+w3c.BadTime)

	all, err := cloudfront.RealTime(nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, all, "all 63", realTimeLine(7), `Time=2026-09-08T17:53:27.007Z Method="GET" Host="live.example.com" Path="/final/v1/seg_7.m4s" Query="a=7" Status=200 Bytes=400259 FirstByte=7ms Duration=7ms Cache=hit Client=87.49.91.8 ASN=5410 Country="FR" PoP="CDG" Protocol="HTTP/2.0" TLS="TLSv1.3" Referer="https://www.example.com/" UserAgent="Mozilla/5.0 (Linux; Android 14; SM-S97) AppleWebKit/537.36" ID="p-TURWJu283521Hrv6Dd==" Session="538453d7-0a4e" Content="final" ObjectType="v" StreamType="l" Bitrate=1400 Throughput=5700 BufferLength=700`)
}

func TestRealTimeFieldsThatAreNone(t *testing.T) {
	f := func(name, fields, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			p, err := cloudfront.RealTime(append([]string{}, strings.Fields(fields)...))
			if err == nil || p != nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want an error with %s", err, want)
			}
		})
	}
	f("none", "", "timestamp is missing")
	f("no time", "c-ip", "timestamp is missing")
	f("twice", "timestamp c-ip c-ip", `field 3: "c-ip" is field 2 already`)
	f("a letter too few", "timestamp sc-statu", `"sc-statu" is not a field of CloudFront: sc-status?`)
	f("the name of standard logs", "timestamp cs(User-Agent)", "cs-user-agent?")
	f("underscores", "timestamp time_to_first_byte", "time-to-first-byte?")
	f("nothing near", "timestamp edge-colour", `"edge-colour" is not a field of CloudFront's real-time logs`)
	f("not split", "timestamp,c-ip", "field 1")
	f("long", "timestamp "+strings.Repeat("x", 65), "field 2")
	f("many", strings.Repeat("x ", 129), "129 fields")
}

func TestColumns(t *testing.T) {
	f := func(name, fields, delimiter, payload string, want ...string) {
		t.Helper()
		p, err := cloudfront.Columns(strings.Fields(fields), delimiter)
		if err != nil {
			t.Fatal(name, err)
		}
		check(t, p, name, payload, want...)
	}
	ok := at + " Status=200"
	f("order of the operator", "sc-status timestamp(ms)", "", "200\t1788896703000\n", ok)
	f("date and time", "date sc-status time", "", "2026-09-08\t200\t19:45:03", ok)
	f("another delimiter", "sc-status c-port timestamp", "|", "200|7|1788896703\n200|7|1788896703|\n", ok, ok)
	f("one of several bytes", "sc-status c-port timestamp", " | ", "200 | 7 | 1788896703\n", ok)
	f("a field that is new at AWS", "sc-status x-edge-moon-phase timestamp", "", "200\tfull\t1788896703\n", ok)
	f("the names, and directives", "sc-status timestamp", ",", "sc-status,timestamp\n#Version: 1.0\n200,1788896703\n", ok)
	f("a delimiter in a value", "timestamp cs(User-Agent) sc-status", ",", "1788896703,(KHTML,%20like%20Gecko),200\n1788896703,-,200",
		"refused at 0: "+cloudfront.BadColumns, ok)
	f("too few", "sc-status timestamp", "", "200\n200\t1788896703", "refused at 0: "+cloudfront.BadColumns, ok)

	bad := func(name, fields, delimiter, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			p, err := cloudfront.Columns(strings.Fields(fields), delimiter)
			if err == nil || p != nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want an error with %s", err, want)
			}
		})
	}
	bad("no time", "sc-status", "", "timestamp(ms) is missing")
	bad("half a time", "date sc-status", "", "timestamp(ms) is missing")
	bad("twice", "timestamp c-ip c-ip", "", "field 3")
	bad("misspelt", "timestamp cs(user_agent)", "", "cs-user-agent, cs(User-Agent)?")
	bad("no name", "timestamp a/b", "", "field 2")
	for _, d := range []string{"-", "x", "7", "\n", "a|", "||||||", ":", "%20"} {
		bad(fmt.Sprintf("delimiter %q", d), "timestamp", d, "delimiter")
	}
}

func FuzzColumns(f *testing.F) {
	realTime, err := cloudfront.RealTime([]string{"timestamp", "c-ip", "cs-uri-stem", "cs-user-agent"})
	if err != nil {
		f.Fatal(err)
	}
	all, err := cloudfront.RealTime(nil)
	if err != nil {
		f.Fatal(err)
	}
	plain, err := cloudfront.Columns([]string{"timestamp", "cs-uri-query", "cs(User-Agent)"}, "||")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("1788896703.1\t192.0.2.7\t/a?b\tVLC%25203"))
	f.Add([]byte(realTimeLine(3)))
	f.Add([]byte("1788896703||a%253D||-||"))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, all, b, event.Origin{})
		formattest.Neighbours(t, realTime, "1788896703.1\t192.0.2.7\t/a\t-", b, event.Origin{})
		formattest.Neighbours(t, plain, "1788896703||-||-", b, event.Origin{})
	})
}
