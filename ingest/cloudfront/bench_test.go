package cloudfront_test

import (
	"fmt"
	"strings"
	"testing"

	"vigie/ingest/cloudfront"
	"vigie/ingest/formattest"
	"vigie/internal/event"
)

const agent = "Mozilla/5.0%%20(Linux;%%20Android%%2014;%%20SM-S9%d)%%20AppleWebKit/537.36"

func standardLine(i int) string {
	return fmt.Sprintf("2026-09-08\t19:%02d:%02d\tCDG52-P%d\t%d\t%d.%d.%d.%d\tGET\td111111abcdef8.cloudfront.net\t/final/v%d/seg_%d.m4s\t200\thttps://www.example.com/\t"+agent+"\tCMCD=br%%253D%d\t-\tHit\tSOX4xwn4XV6Q4rgb%dYHmZmBNrjGdRLiNIQ==\tlive.example.com\thttps\t23\t0.%03d\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\t-\t-\t11040\t0.%03d\tHit\tvideo/mp4\t%d\t-\t-",
		i/60%60, i%60, i%5, 400000+i*37%900000, 80+i%100, i*7%256, i*13%256, i%254+1, i%6, i, i%90, 800+i%6*600, i*40503, i%700, i%40, 400000+i*37%900000)
}

// realTimeLine is a line of all 63 fields.
func realTimeLine(i int) string {
	return fmt.Sprintf("178889%04d.%03d\t%d.%d.%d.%d\t0.%03d\t200\t%d\tGET\thttps\td111111abcdef8.cloudfront.net\t/final/v%d/seg_%d.m4s?a=%d\t256\tCDG52-P%d\tp-TURWJu%dHrv6Dd==\tlive.example.com\t0.%03d\tHTTP/2.0\tIPv4\t"+agent+"\thttps://www.example.com/\t-\t-\tHit\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\t-\t-\tvideo/mp4\t%d\t-\t-\t59844\tHit\tFR\tgzip\t*/*\t/final/*\thost:live.example.com%%0Aaccept:*/*%%0A\thost%%0Aaccept%%0A\t2\tEDFDVBD6EXAMPLE\td111111abcdef8.cloudfront.net\t-\t-\t%d\t%d\t%d\tfalse\tfinal\t4000\t-\t%d\t-\t-\tv\t1\t-\th\t%08x-0a4e\tl\t-\t6000\t1",
		i%10000, i%1000, 80+i%100, i*7%256, i*13%256, i%254+1, i%40, 400000+i*37%900000, i%6, i, i, i%5, i*40503, i%700, i%90,
		400000+i*37%900000, []int{3215, 12322, 15557, 5410}[i%4], 800+i%6*600, i%60*100, 5000+i%300*100, i*2654435761%4294967296)
}

func jsonLine(i int) string {
	return fmt.Sprintf(`{"timestamp":"178889%04d","DistributionId":"EDFDVBD6EXAMPLE","date":"2026-09-08","time":"19:45:03","x-edge-location":"CDG52-P%d","sc-bytes":"%d","c-ip":"%d.%d.%d.%d","cs-method":"GET","cs(Host)":"d111111abcdef8.cloudfront.net","cs-uri-stem":"/final/v%d/seg_%d.m4s","sc-status":"200","cs(Referer)":"-","cs(User-Agent)":"`+agent+`","cs-uri-query":"-","cs(Cookie)":"-","x-edge-result-type":"Hit","x-edge-request-id":"xztq%dHco1x==","x-host-header":"live.example.com","cs-protocol":"https","cs-bytes":"493","time-taken":"0.%03d","x-forwarded-for":"-","ssl-protocol":"TLSv1.3","ssl-cipher":"TLS_AES_128_GCM_SHA256","x-edge-response-result-type":"Hit","cs-protocol-version":"HTTP/2.0","fle-status":"-","fle-encrypted-fields":"-","c-port":"56089","time-to-first-byte":"0.%03d","x-edge-detailed-result-type":"Hit","sc-content-type":"video/mp4","sc-content-len":"-","sc-range-start":"-","sc-range-end":"-","timestamp(ms)":"178889%04d%03d","origin-fbl":"-","origin-lbl":"-","asn":"%d"}`,
		i%10000, i%5, 400000+i*37%900000, 80+i%100, i*7%256, i*13%256, i%254+1, i%6, i, i%90, i*40503, i%700, i%40, i%10000, i%1000, []int{3215, 12322}[i%2])
}

const plainFields = "timestamp(ms) c-ip sc-status sc-bytes cs-method x-host-header cs-uri-stem cs-uri-query x-edge-location time-taken time-to-first-byte x-edge-detailed-result-type asn"

func plainLine(i int) string {
	return fmt.Sprintf("178889%04d%03d|%d.%d.%d.%d|200|%d|GET|live.example.com|/final/v%d/seg_%d.m4s|-|CDG52-P%d|0.%03d|0.%03d|Hit|3215",
		i%10000, i%1000, 80+i%100, i*7%256, i*13%256, i%254+1, 400000+i*37%900000, i%6, i, i%5, i%700, i%40)
}

func forms(t testing.TB) map[string]struct {
	parse event.Parser
	line  func(int) string
} {
	t.Helper()
	realTime, err := cloudfront.RealTime(nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := cloudfront.Columns(strings.Fields(plainFields), "|")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]struct {
		parse event.Parser
		line  func(int) string
	}{
		"standard":  {cloudfront.Parse, standardLine},
		"JSON":      {cloudfront.Parse, jsonLine},
		"real-time": {realTime, realTimeLine},
		"plain":     {plain, plainLine},
	}
}

func BenchmarkParse(b *testing.B) {
	for name, f := range forms(b) {
		b.Run(name, func(b *testing.B) { formattest.Bench(b, f.parse, f.line) })
	}
}

func TestAllocatesNothingPerLine(t *testing.T) {
	for name, f := range forms(t) {
		t.Run(name, func(t *testing.T) { formattest.Steady(t, f.parse, f.line) })
	}
}
