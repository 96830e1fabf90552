package firehose_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"vigie/ingest/firehose"
	"vigie/ingest/formattest"
	"vigie/ingest/ndjson"
	"vigie/internal/event"
)

const (
	lineA = `{"time":1788896703,"id":"a"}`
	lineB = `{"time":1788896703,"id":"b"}`
	at    = `Time=2026-09-08T19:45:03Z`
	a     = at + ` ID="a"`
	b     = at + ` ID="b"`
)

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func pack(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write([]byte(text))
	w.Close()
	return out.String()
}

// body is a request whose records hold these texts.
func body(texts ...string) string {
	var records []string
	for _, t := range texts {
		records = append(records, `{"data":"`+encode(t)+`"}`)
	}
	return `{"requestId":"r-1","timestamp":1578090901599,"records":[` + strings.Join(records, ",") + `]}`
}

// subscription is what CloudWatch Logs sends of these lines.
func subscription(kind string, lines ...string) string {
	type logEvent struct {
		ID      string `json:"id"`
		Time    int64  `json:"timestamp"`
		Message string `json:"message"`
	}
	events := []logEvent{}
	for i, l := range lines {
		events = append(events, logEvent{fmt.Sprint(i), 1788896703120, l})
	}
	text, _ := json.Marshal(struct {
		Kind    string     `json:"messageType"`
		Owner   string     `json:"owner"`
		Group   string     `json:"logGroup"`
		Stream  string     `json:"logStream"`
		Filters []string   `json:"subscriptionFilters"`
		Events  []logEvent `json:"logEvents"`
	}{kind, "123456789012", "g", `a"]}`, []string{"f"}, events})
	return string(text)
}

func TestParse(t *testing.T) {
	parse := firehose.Parse(ndjson.Parse)
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Holds(t, parse, []byte(payload), event.Origin{}).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("%.300s\ngot\n%s\nwant\n%s", payload, got, strings.Join(want, "\n"))
			}
		})
	}
	// refused is the refusal of a record: where its text of base64 stands.
	refused := func(payload, text, reason string) string {
		return fmt.Sprintf("refused at %d: %s", strings.Index(payload, `"`+encode(text))+1, reason)
	}
	const noTime = ndjson.NoTime

	f("nothing", "")
	f("blanks", " \r\n\t")
	f("no records", body())
	f("a line each, without its end", body(lineA, lineB), a, b)
	f("a line each, with it", body(lineA+"\n", lineB+"\r\n"), a, b)
	f("several lines", body(lineA+"\n"+lineB, lineA), a, b, a)
	f("empty ones between", body("", lineA, "", "\n", lineB, ""), a, b)
	f("gzip", body(pack(lineA+"\n"+lineB), lineA, pack("")), a, b, a)
	f("gzip of several members", body(pack(lineA)+pack("\n"+lineB)), a, b)
	f("another order, other members, white space", "{ \"records\" : [ { \"x\" : [ { } , \"]\" ] , \"data\" : \""+encode(lineA)+"\" } ] , \"y\":-1.5e3, \"requestId\":null }", a)
	f("spread over lines", "{\n \"requestId\": \"r\",\n \"records\": [\n  {\n   \"data\": \""+encode(lineA)+"\"\n  }\n ]\n}\n", a)
	f("a body after another", body(lineA)+"\n"+body(lineB)+body(lineA), a, b, a)
	f("a byte order mark", "\xef\xbb\xbf"+body(lineA), a)
	f("base64 with JSON's escapes", `{"records":[{"data":"`+strings.NewReplacer("=", `\u003d`, "+", `\u002b`, "/", `\/`).Replace(encode(lineA+"???>>>"))+`"}]}`, a,
		`refused at 21: json: not an object`)
	f("base64 without its padding", `{"records":[{"data":"`+strings.TrimRight(encode(lineA), "=")+`"}]}`, a)
	f("the last of repeated data", `{"records":[{"data":"`+encode(lineA)+`","data":"`+encode(lineB)+`"}]}`, b)

	f("CloudWatch Logs, packed", body(pack(subscription("DATA_MESSAGE", lineA, lineB+"\n")), lineA), a, b, a)
	f("CloudWatch Logs, not packed", body(subscription("DATA_MESSAGE", lineA), lineB), a, b)
	f("CloudWatch Logs, several in a record", body(subscription("DATA_MESSAGE", lineA)+"\n"+subscription("CONTROL_MESSAGE", "CWL CONTROL MESSAGE")+subscription("DATA_MESSAGE", lineB)), a, b)
	f("CloudWatch Logs asks", body(pack(subscription("CONTROL_MESSAGE", "CWL CONTROL MESSAGE: Checking health of destination Firehose.")), lineA), a)
	f("CloudWatch Logs without events", body(subscription("DATA_MESSAGE")))
	f("a log that has such a key", body(`{"time":1788896703,"messageType":"x","id":"a"}`), a)
	f("a log that has such a key in a value", body(`{"time":1788896703,"x":"\"messageType\":\"DATA_MESSAGE\"","id":"a"}`), a)

	in := body(lineA, "x", lineB)
	f("a line that is refused", in, a, refused(in, "x", "json: not an object"), b)
	in = body(lineA+"\n{}\nxyz\n"+lineB+"\n{}", lineA)
	first := strings.Index(in, `"`+encode(lineA + "\n{}")[:20]) + 1
	f("several of a record", in, a, fmt.Sprintf("refused at %d: %s", first, noTime), fmt.Sprintf("refused at %d: json: not an object", first+4), b,
		fmt.Sprintf("refused at %d: %s", first+8, noTime), a)
	in = strings.Replace(body(lineA, "x", "y", lineB), encode("x"), "e*==", 1)
	f("not base64", in, a, fmt.Sprintf("refused at %d: %s", strings.Index(in, "e*"), firehose.BadBase64), refused(in, "y", "json: not an object"), b)
	in = body(lineA, pack(lineB)[:25], "y", lineB)
	f("gzip that is cut", in, a, refused(in, pack(lineB)[:25], firehose.BadGzip), refused(in, "y", "json: not an object"), b)
	in = body("\x1f\x8b", lineA)
	f("gzip that is none", in, refused(in, "\x1f\x8b", firehose.BadGzip), a)
	cut := subscription("DATA_MESSAGE", lineA, lineB)
	in = body(lineA, cut[:len(cut)-4], lineB)
	f("CloudWatch Logs that is cut", in, a, refused(in, cut[:len(cut)-4], firehose.BadCloudWatch), b)
	in = body(cut+"{}", lineB)
	f("CloudWatch Logs, and something else", in, refused(in, cut+"{}", firehose.BadCloudWatch), b)
	f("records without data", `{"records":[{"data":"`+encode(lineA)+`"},{"x":"data"},7,null,{"data":8},{"data":"`+encode(lineB)+`"}]}`, a,
		"refused at 64: "+firehose.BadRecord, "refused at 77: "+firehose.BadRecord, "refused at 79: "+firehose.BadRecord, "refused at 84: "+firehose.BadRecord, b)

	long := strings.Repeat(" ", firehose.MaxRecord-len(lineA)) + lineA
	f("the longest record", body(lineB, long), b, a)
	in = body(lineA, long+" ", lineB)
	f("longer", in, a, refused(in, long[:30], firehose.TooLong), b)
	f("as many records as may be", body(append(make([]string, firehose.MaxRecords-1), lineA)...), a)
	in = body(append(append(make([]string, firehose.MaxRecords-1), lineA), lineB, lineB)...)
	f("more", in+"\n"+body(lineB), a, fmt.Sprintf("refused at %d: %s", strings.Index(in, encode(lineB))-9, firehose.TooMany), b)

	f("not a request", "hello\n"+body(lineA), "refused at 0: "+firehose.NotRequest, a)
	f("another object", `{"message":"hello"}`+"\n"+body(lineA), "refused at 18: "+firehose.NotRequest, a)
	f("records that are none", `{"records":{"data":"x"}}`, "refused at 23: "+firehose.NotRequest)
	in = body(lineA, lineB)
	f("cut in a record", in[:len(in)-20]+"\n"+body(lineB), a, fmt.Sprintf("refused at %d: %s", strings.Index(in, encode(lineB))-1, firehose.Damaged), b)
	f("cut between records", in[:len(in)-2], a, b, fmt.Sprintf("refused at %d: %s", len(in)-3, firehose.Damaged))
	f("cut behind a record that is none", `{"records":[7`+"\n"+body(lineB), "refused at 12: "+firehose.BadRecord, b)
	f("a control character for a record", "{\"records\":[\x10]}\n"+body(lineB), "refused at 12: "+firehose.Damaged, b)
	f("a brace", "{\n"+body(lineB), "refused at 2: "+firehose.Damaged, b)
	f("cut, spread over lines", "{\n\"records\":[\n{\"data\":\"\n"+body(lineB), "refused at 22: "+firehose.Damaged, b)
	f("nested too deep", `{"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`,"records":[]}`, "refused at 37: "+firehose.Damaged)
}

// The parser that reads the lines may keep state between the lines of a call, so that what it is
// given at once must not depend on where a record happens to be cut.
func TestManyRecordsReachTheOtherFormatTogether(t *testing.T) {
	var calls, records int
	inner := func(payload []byte, from event.Origin, to event.Sink) {
		calls++
		ndjson.Parse(payload, from, to)
	}
	texts := make([]string, firehose.MaxRecords)
	for i := range texts {
		texts[i] = lineA
	}
	r := formattest.Read(firehose.Parse(inner), []byte(body(texts...)), event.Origin{})
	if records = len(r.Requests); records != len(texts) || calls != 1 {
		t.Errorf("%d records in %d calls", records, calls)
	}
}

func TestConcurrentUse(t *testing.T) {
	parse := firehose.Parse(ndjson.Parse)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				id := fmt.Sprint(i)
				got := formattest.Read(parse, []byte(body(pack(`{"time":1788896703,"id":"`+id+`"}`), "x")), event.Origin{}).Lines
				if len(got) != 2 || got[0] != at+` ID="`+id+`"` {
					t.Errorf("%q", got)
				}
			}
		})
	}
	all.Wait()
}

func FuzzParse(f *testing.F) {
	inner := lines(f)
	parse, packed := firehose.Parse(inner), firehose.Parse(ndjson.Parse)
	const good = "1788896703\t192.0.2.7\t200\t/a\tCDG\t-"
	f.Add([]byte(body(good, pack(good), "")))
	f.Add([]byte(body(pack(subscription("DATA_MESSAGE", good, lineA)))))
	f.Add([]byte(subscription("DATA_MESSAGE", good)))
	f.Add([]byte(pack(good)))
	f.Add([]byte("{\n\"records\":[{\"data\":\"\\u0041\"},{}]}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		// As a payload.
		formattest.Holds(t, parse, in, event.Origin{})
		formattest.Neighbours(t, parse, body(good), in, event.Origin{})
		firehose.RequestID(in)
		// As what a record holds, between two good ones.
		all := formattest.Holds(t, parse, []byte(body(good, string(in), good)), event.Origin{})
		want := formattest.Read(inner, []byte(good), event.Origin{}).String()
		if n := len(all.Lines); n < 2 || all.Lines[0] != want || all.Lines[n-1] != want {
			t.Fatalf("%q between good records:\n%s", in, all)
		}
		formattest.Holds(t, packed, []byte(body(pack(string(in)))), event.Origin{})
	})
}
