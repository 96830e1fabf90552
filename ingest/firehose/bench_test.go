package firehose_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"vigie/ingest/cloudfront"
	"vigie/ingest/firehose"
	"vigie/ingest/formattest"
	"vigie/internal/event"
)

// lines is a format of CloudFront's real-time logs of few fields.
func lines(t testing.TB) event.Parser {
	t.Helper()
	p, err := cloudfront.RealTime([]string{"timestamp", "c-ip", "sc-status", "cs-uri-stem", "x-edge-location", "cs-user-agent"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// element is one record of a body of formattest.BenchLines records, with what stands around it.
func element(i int) string {
	line := fmt.Sprintf("178889%04d.%03d\t%d.%d.%d.%d\t200\t/final/v%d/seg_%d.m4s?a=%d\tCDG52-P%d\tMozilla/5.0%%20(Linux;%%20Android%%2014;%%20SM-S9%d)%%20AppleWebKit/537.36\n",
		i%10000, i%1000, 80+i%100, i*7%256, i*13%256, i%254+1, i%6, i, i, i%5, i%90)
	text := `{"data":"` + base64.StdEncoding.EncodeToString([]byte(line)) + `"}`
	switch i {
	case 0:
		return "{\n" + `"requestId":"ed4acda5-034f-9f42-bba1-f29aea6d7d8f","timestamp":1578090901599,"records":[` + text
	case formattest.BenchLines - 1:
		return "," + text + "]}"
	}
	return "," + text
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, firehose.Parse(lines(b)), element) }

func TestAllocatesNothingPerRecord(t *testing.T) {
	formattest.Steady(t, firehose.Parse(lines(t)), element)
}

func BenchmarkRequestID(b *testing.B) {
	var body []byte
	for i := range formattest.BenchLines {
		body = append(body, element(i)...)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, n, err := firehose.RequestID(body); n != formattest.BenchLines || err != nil {
			b.Fatal(n, err)
		}
	}
}
