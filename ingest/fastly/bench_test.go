package fastly_test

import (
	"fmt"
	"testing"

	"vigie/ingest/formattest"
	"vigie/ingest/mapping"
)

func logLine(i int) string {
	return fmt.Sprintf(`{"ts_us":"178889%04d%06d","ttfb_s":"0.%03d","elapsed_us":"%d","host":"live-%d.example.com","url":"/final/v%d/seg_%d.m4s?token=%x","method":"GET","protocol":"HTTP/2","tls":"TLSv1.3","status":"200","bytes":"%d","completed":true,"state":"HIT-CLUSTER","client_ip":"%d.%d.%d.%d","asn":"3215","country":"FR","pop":"PAR","referer":"https://www.example.com/","user_agent":"Mozilla/5.0 (Linux; Android 14; SM-S9%d) AppleWebKit/537.36 (KHTML, like Gecko)","id":"%d","cmcd_request":"bl=%d,mtp=25400","cmcd_object":"br=%d,ot=v,d=4000","cmcd_session":"cid=final,sid=%x,st=l","cmcd_status":"","edge":true}`,
		i%10000, i%1000000, i%40, i%700*100, i%3, i%6, i, i*40503, 400000+i*37%900000, 80+i%100, i*7%256, i*13%256, i%254+1, i%90, i, i%60*100, 800+i%6*600, i)
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, parser(b, mapping.Config{}), logLine) }

func BenchmarkClassic(b *testing.B) {
	formattest.Bench(b, parser(b, mapping.Config{}), func(i int) string { return classic + logLine(i) })
}

func TestAllocatesNothingPerLine(t *testing.T) {
	formattest.Steady(t, parser(t, mapping.Config{}), logLine)
	formattest.Steady(t, parser(t, mapping.Config{}), func(i int) string { return classic + logLine(i) })
}
