package akamai_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vigie/ingest/akamai"
	"vigie/ingest/formattest"
	"vigie/internal/event"
)

// streamFields are those of a stream as an operator lists them.
const streamFields = "version streamId cp reqId reqTimeSec bytes cliIP statusCode proto reqHost reqMethod reqPath reqPort " +
	"rspContentLen UA tlsVersion objSize totalBytes queryStr breadcrumbs referer errorCode timeToFirstByte turnAroundTimeMSec " +
	"transferTimeMSec lastByte country serverCountry cacheStatus cacheable securityRules asn cmcd isMidgress"

func structured(t testing.TB, fields string) event.Parser {
	t.Helper()
	p, err := akamai.Structured(strings.Fields(fields))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func structuredLine(i int) string {
	return fmt.Sprintf("1 48211 1204718 %x 178889%04d.%03d %d %d.%d.%d.%d 200 HTTP/2 live-%d.example.com GET /final/v%d/seg_%d.m4s 443 "+
		"%d Mozilla/5.0%%20(Linux;%%20Android%%2014;%%20SM-S9%d) TLSv1.3 %d %d "+
		"CMCD=bl%%3D%d%%2Cbr%%3D%d%%2Csid%%3D%%22%08x%%22 //BC/%%5Ba=23.40.241.%d,c=g%%5D https://www.example.com/ - %d %d %d 1 FR FR %d 1 - %d - 0",
		i*40503, i%10000, i%1000, 400000+i*37%900000, 80+i%100, i*7%256, i*13%256, i%254+1, i%3, i%6, i, 400000+i*37%900000, i%90,
		400000+i*37%900000, 400400+i*37%900000, i%60*100, 800+i%6*600, i*2654435761%4294967296, i%250, i%9, i%40, i%300, min(i%20, 1),
		[]int{3215, 12322, 15557, 5410}[i%4])
}

// The two formats differ in how values are told apart, and in nothing else.
func TestStructuredMeansWhatJSONMeans(t *testing.T) {
	fields := strings.Fields(streamFields)
	for i := range 40 {
		line := structuredLine(i)
		if i%3 == 1 {
			line = strings.ReplaceAll(line, " ", "\t")
		}
		var json []string
		for j, v := range strings.Fields(line) {
			json = append(json, fmt.Sprintf("%q:%q", fields[j], v))
		}
		slices.Reverse(json)
		want := formattest.Read(akamai.Parse, []byte("{"+strings.Join(json, ",")+"}"), event.Origin{}).String()
		got := formattest.Read(structured(t, streamFields), []byte(line), event.Origin{}).String()
		if got != want || !strings.HasPrefix(got, "Time=") {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

func TestStructuredPayloads(t *testing.T) {
	f := func(name, fields, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(structured(t, fields), []byte(payload), event.Origin{}).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	const few = "statusCode custom-1 reqTimeSec"
	ok := at + " Status=200"
	f("order of the stream", few, "200 x 1788896703\n", ok)
	f("tabs", few, "200\tx\t1788896703\r\n", ok)
	f("a space in a value, between tabs", few, "200\tx y\t1788896703", ok)
	f("a separator behind the last", few, "200 x 1788896703 \n200\tx\t1788896703\t\n", ok, ok)
	f("values that are absent", few, "- ^ 1788896703", at)
	f("an empty value", few, "200  1788896703", ok)
	f("one field", "reqTimeSec", "1788896703", at)
	f("the probe", few, "0,access_validation\n200 x 1788896703\n", ok)
	f("inside the CDN", few+" isMidgress", "200 x 1788896703 1\n200 x 1788896703 0", ok)
	f("the probe's key is no field", "access_validation reqTimeSec", "true 1788896703", at)
	f("too few", few, "200 1788896703\n200 x 1788896703", "refused at 0: "+akamai.BadColumns, ok)
	f("too many", few, "200 x 1788896703\n200 x 1788896703 y", ok, "refused at 17: "+akamai.BadColumns)
	f("too many, empty", few, "200 x 1788896703  ", "refused at 0: "+akamai.BadColumns)
	f("JSON", few, `{"reqTimeSec":"1788896703"}`, "refused at 0: "+akamai.BadColumns)
	f("no time", few, "200 x -", "refused at 0: "+akamai.NoTime)
	f("bad time", few, "200 x soon", "refused at 0: "+akamai.BadTime)
}

func TestStructuredRefusesFieldsThatWouldMislead(t *testing.T) {
	f := func(name string, fields []string, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			p, err := akamai.Structured(fields)
			if err == nil || p != nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want an error with %s", err, want)
			}
		})
	}
	f("none", nil, "reqTimeSec is missing")
	f("no time", []string{"bytes"}, "reqTimeSec is missing")
	f("twice", []string{"reqTimeSec", "bytes", "bytes"}, `field 3: "bytes" is field 2 already`)
	f("capitals", []string{"reqTimeSec", "statuscode"}, `field 2: "statuscode" is written "statusCode"`)
	f("empty", []string{"reqTimeSec", ""}, "field 2")
	f("not split", []string{"reqTimeSec,bytes"}, "field 1")
	f("a space", []string{"reqTimeSec bytes"}, "field 1")
	f("a digit first", []string{"reqTimeSec", "2bytes"}, "field 2")
	f("long", []string{"reqTimeSec", strings.Repeat("x", 65)}, "field 2")
	many := []string{"reqTimeSec"}
	for i := range 128 {
		many = append(many, fmt.Sprint("x", i))
	}
	f("many", many, "129 fields")
	if _, err := akamai.Structured(many[:128]); err != nil {
		t.Error(err)
	}
}

// Each reading is held against the parser: the field it names is filled by what it says fills it.
func TestReadings(t *testing.T) {
	values := map[string]string{
		"reqTimeSec": "1788896703", "cacheStatus": "1", "cacheable": "0", "lastByte": "0", "errorCode": "ERR_CLIENT_ABORT",
		"securityRules": "a|b|c", "cliIP": "192.0.2.7", "country": "FR", "cmcd": "br=1", "statusCode": "200",
	}
	for _, r := range akamai.Readings() {
		if _, ok := reflect.TypeFor[event.Request]().FieldByName(r.Field); !ok || len(r.From) == 0 {
			t.Errorf("%q is not a field of a request, or comes from nothing", r.Field)
			continue
		}
		members := `"statusCode":"200","reqTimeSec":"1788896703"`
		for _, key := range r.From {
			value := values[key]
			if value == "" {
				value = "7"
			}
			members += fmt.Sprintf(",%q:%q", key, value)
		}
		bare := formattest.Read(akamai.Parse, []byte(`{"reqTimeSec":"1788896703"}`), event.Origin{}).Requests[0]
		full := formattest.Read(akamai.Parse, []byte("{"+members+"}"), event.Origin{}).Requests[0]
		empty := reflect.ValueOf(bare).FieldByName(r.Field).Interface()
		if got := reflect.ValueOf(full).FieldByName(r.Field).Interface(); r.Field != "Time" && reflect.DeepEqual(got, empty) {
			t.Errorf("%s: %v of %s", r.Field, got, members)
		}
	}
}

func FuzzStructured(f *testing.F) {
	const good = "200 x 1788896703"
	f.Add([]byte(good + "\n" + good))
	f.Add([]byte("200\t\t1788896703\t\n- ^ -"))
	f.Add([]byte("0,access_validation"))
	p := structured(f, "statusCode UA reqTimeSec")
	full := structured(f, streamFields)
	f.Add([]byte(structuredLine(2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, p, b, event.Origin{})
		formattest.Neighbours(t, p, good, b, event.Origin{})
		formattest.Holds(t, full, b, event.Origin{})
	})
}

func BenchmarkStructured(b *testing.B) {
	formattest.Bench(b, structured(b, streamFields), structuredLine)
}

func TestStructuredAllocatesNothingPerLine(t *testing.T) {
	formattest.Steady(t, structured(t, streamFields), structuredLine)
}
