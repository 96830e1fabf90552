package mapping_test

import (
	"fmt"
	"testing"

	"vigie/ingest/formattest"
	"vigie/ingest/mapping"
)

// jsonLine has 30 members, half of which are read.
func jsonLine(i int) string {
	return fmt.Sprintf(`{"ts":178889%04d%03d,"v":"1","stream":"48211","acct":"1204718","vhost":"live-%d.example.com","uri":"/final/v%d/seg_%d.m4s?CMCD=br%%3D%d","m":"GET","st":%d,"size":%d,"range":"-","ttfb":%d,"dur":%d.5,"cs":"TCP_HIT_MEM","ip":"%d.%d.%d.%d","asn":3215,"cc":"fr","city":"PARIS","ua":"Mozilla/5.0%%20(Linux;%%20Android%%2014;%%20SM-S9%d)%%20AppleWebKit/537.36","srv":"cache-par%d-CDG","proto":"HTTP/2","tls":"TLSv1.3","ct":"video/mp4","cookie":"-","xff":"-","max":"3600","err":"-","dns":"-","region":"8","custom":"any","edge":true}`,
		i%10000, i%1000, i%3, i%6, i, 800+i%6*600, 200+i%50/49*304, 400000+i*37%900000, i%40*100, i%700, 80+i%100, i*7%256, i*13%256, i%254+1, i%90, i%40)
}

func tsvLine(i int) string {
	return fmt.Sprintf("178889%04d%03d\tlive-%d.example.com\t/final/v%d/seg_%d.m4s?CMCD=br%%3D%d\tGET\t%d\t%d\t%d\t%d.5\tTCP_HIT_MEM\t%d.%d.%d.%d\t3215\tfr\tMozilla/5.0%%20(Linux;%%20Android%%2014;%%20SM-S9%d)%%20AppleWebKit/537.36\tcache-par%d-CDG",
		i%10000, i%1000, i%3, i%6, i, 800+i%6*600, 200+i%50/49*304, 400000+i*37%900000, i%40*100, i%700, 80+i%100, i*7%256, i*13%256, i%254+1, i%90, i%40)
}

func BenchmarkJSON(b *testing.B) { formattest.Bench(b, parser(b, shapes()["json"]), jsonLine) }
func BenchmarkTSV(b *testing.B)  { formattest.Bench(b, parser(b, shapes()["tsv"]), tsvLine) }

func TestAllocatesNothingPerLine(t *testing.T) {
	formattest.Steady(t, parser(t, shapes()["json"]), jsonLine)
	formattest.Steady(t, parser(t, shapes()["tsv"]), tsvLine)
	formattest.Steady(t, parser(t, shapes()["beacon"]), func(i int) string {
		return fmt.Sprintf(`{"s":"s%d","ts":178889%07d,"e":"playbackStart","sta":"playing","c":"a","w":%d,"x":%d}`, i, i, i, i)
	})
	byGo := mapping.Config{Shape: mapping.CSV, Fields: []string{"t", "n"}, Map: keys{"time": {From: []string{"t"}, Layout: "2006/01/02 15:04:05 -0700"}, "bytes": {From: []string{"n"}, Unit: "KB"}}}
	formattest.Steady(t, parser(t, byGo), func(i int) string { return fmt.Sprintf(`2026/09/08 19:45:%02d +0200,"%d"`, i%60, i) })
}
