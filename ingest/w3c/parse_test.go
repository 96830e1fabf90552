package w3c_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vigie/ingest/formattest"
	"vigie/ingest/record"
	"vigie/ingest/w3c"
	"vigie/internal/event"
)

const at = "Time=2026-09-08T19:45:03Z"

const standard = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end\n"

// cloudFront is a line of 33 columns.
const cloudFront = "2026-09-08\t19:45:03\tCDG52-P2\t812345\t192.0.2.7\tGET\td1.cloudfront.net\t/v/a%20b.m4s\t200\thttps://r/\tMozilla/5.0%20(X11;%20Linux)\tCMCD=br%253D3200%252Csid%253D%2522s%2522\t-\tHit\tRID==\tlive.example.com\thttps\t23\t0.031\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\t-\t-\t11040\t0.004\tHit\tvideo/mp4\t812000\t-\t-"

const cloudFrontRecord = at + ` Method="GET" Host="live.example.com" Path="/v/a%20b.m4s" Query="CMCD=br%3D3200%2Csid%3D%22s%22" Status=200 Bytes=812345 FirstByte=4ms Duration=31ms Cache=hit Client=192.0.2.7 PoP="CDG" Protocol="HTTP/2.0" TLS="TLSv1.3" Referer="https://r/" UserAgent="Mozilla/5.0 (X11; Linux)" ID="RID==" Session="s" Bitrate=3200`

func TestPayloads(t *testing.T) {
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(w3c.Parse, []byte(payload), event.Origin{}).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	cut := func(line string, columns int) string {
		return strings.Join(strings.Split(line, "\t")[:columns], "\t")
	}
	f("CloudFront", standard+cloudFront, cloudFrontRecord)
	f("CloudFront without its header", cloudFront, cloudFrontRecord)
	f("CloudFront, two columns missing", standard+cut(cloudFront, 31), cloudFrontRecord)
	f("CloudFront, one column too many", standard+cloudFront+"\t-", cloudFrontRecord)
	f("the first columns of CloudFront, without a header", cut(cloudFront, 24),
		strings.Replace(cloudFrontRecord, " FirstByte=4ms", "", 1))
	f("too few columns without a header", cut(cloudFront, 23), "refused at 0: "+w3c.NoFields)
	f("spaces without a header", strings.ReplaceAll(cloudFront, "\t", " "), "refused at 0: "+w3c.NoFields)

	const own = "#Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken x-edge-result-type x-edge-detailed-result-type x-edge-response-result-type cs(User-Agent)\n"
	f("columns chosen, by spaces", own+`2026-09-08 19:45:03 192.0.2.7 GET /a 200 0.5 - - - "VLC 3"`, at+` Method="GET" Path="/a" Status=200 Duration=500ms Client=192.0.2.7 UserAgent="VLC 3"`)
	f("fraction of a second", own+`2026-09-08 19:45:03.120`, `Time=2026-09-08T19:45:03.12Z`)
	f("user agent encoded twice", own+"2026-09-08\t19:45:03\t-\t-\t-\t200\t-\t-\t-\t-\tVLC%25203", at+` Status=200 UserAgent="VLC 3"`)
	f("a plus of CloudFront is one", own+"2026-09-08\t19:45:03\t-\t-\t-\t200\t-\t-\t-\t-\tbot%20(+https://b)", at+` Status=200 UserAgent="bot (+https://b)"`)
	f("the client left before any answer", own+"2026-09-08\t19:45:03\t-\tGET\t/a\t000\t-\tError\tClientCommError\tError\t-", at+` Method="GET" Path="/a" Cache=error Aborted`)
	f("the client left during the answer", own+"2026-09-08\t19:45:03\t-\tGET\t/a\t200\t-\tError\t-\tHit\t-", at+` Method="GET" Path="/a" Status=200 Cache=error Aborted`)
	f("an error of the origin", own+"2026-09-08\t19:45:03\t-\tGET\t/a\t502\t-\tError\tOriginDnsError\tError\t-", at+` Method="GET" Path="/a" Status=502 Cache=error`)
	f("a directive holds until the next", own+"2026-09-08 19:45:03 - GET\n#Fields: time date sc-status\n19:45:03 2026-09-08 404", at+` Method="GET"`, at+` Status=404`)
	f("only directives", standard)
	f("IIS", "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) sc-status sc-win32-status time-taken\n"+
		"2026-09-08 19:45:03 GET /a q=1 192.0.2.7 VLC/3+(X11) 200 0 31", at+` Method="GET" Path="/a" Query="q=1" Status=200 Duration=31ms Client=192.0.2.7 UserAgent="VLC/3 (X11)"`)
	f("real-time columns", "#Fields: timestamp c-ip cs-host cs-uri-stem sc-status asn c-country cmcd-session-id cmcd-encoded-bitrate cmcd-buffer-starvation cmcd-startup\n1788896703.120\t192.0.2.7\th\t/a?q=1\t200\t3215\tfr\ts\t3200\ttrue\t-",
		`Time=2026-09-08T19:45:03.12Z Host="h" Path="/a" Query="q=1" Status=200 Client=192.0.2.7 ASN=3215 Country="FR" Session="s" Bitrate=3200 Starved`)

	f("a bad line between good ones", standard+cloudFront+"\nhello\n\n"+cloudFront+"\n", cloudFrontRecord, fmt.Sprintf("refused at %d: %s", len(standard+cloudFront)+1, w3c.NoTime), cloudFrontRecord)
	f("bad time", own+"2026-09-31 19:45:03 - GET", fmt.Sprintf("refused at %d: %s", len(own), w3c.BadTime))
	f("too long", own+strings.Repeat("x", record.Max+1)+"\n2026-09-08 19:45:03 - GET", fmt.Sprintf("refused at %d: %s", len(own), record.TooLong), at+` Method="GET"`)
}

func TestHeader(t *testing.T) {
	for in, want := range map[string]string{
		standard + cloudFront: standard,
		standard:              standard,
		cloudFront:            "",
		"#Fields: date":       "#Fields: date",
		"":                    "",
	} {
		if got := string(w3c.Header([]byte(in))); got != want {
			t.Errorf("Header(%.40q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(logLine(1)))
	f.Add([]byte(standard + cloudFront + "\t-\n"))
	f.Add([]byte("#Fields: date time c-ip cs(User-Agent) sc-win32-status time-taken\n2026-09-08 19:45:03 - \"a b\" 0 31"))
	f.Add([]byte("#Fields: timestamp cmcd-session-id cs-uri-query\n1788896703\ta\t%25%2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := formattest.Holds(t, w3c.Parse, b, event.Origin{})
		lines := slices.DeleteFunc(formattest.Lines(b), func(l []byte) bool { return l[0] == '#' })
		if len(r.Lines) != len(lines) {
			t.Fatalf("%d lines gave %d records and refusals", len(lines), len(r.Lines))
		}
		if strings.HasPrefix(strings.ReplaceAll(string(b), "\n", " "), "#") {
			return // a directive is there to change how its neighbours are read
		}
		formattest.Neighbours(t, w3c.Parse, cloudFront, b, event.Origin{})
	})
}
