package nginx_test

import (
	"fmt"
	"testing"

	"vigie/ingest/formattest"
	"vigie/ingest/nginx"
)

func logLine(i int) string {
	cache, upstream := "HIT", ""
	if i%20 == 0 {
		cache, upstream = "MISS", fmt.Sprintf("0.%03d", i%300)
	}
	return fmt.Sprintf(`{"ts":"178889%04d.%03d","host":"live-%d.example.com","m":"GET","uri":"/final/v%d/seg_%d.m4s?CMCD=br%%3D%d%%2Cot%%3Dv%%2Csid%%3D%%22%08x-0a4e-4c39%%22","st":"200","bs":"%d","rt":"0.%03d","uht":"%s","cs":"%s","ip":"2a01:cb0%x:%x::%x","xff":"","ref":"https://www.example.com/","ua":"Mozilla/5.0 (Linux; Android 14; SM-S9%d) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0","proto":"HTTP/2.0","tls":"TLSv1.3","id":"%032x"}`,
		i%10000, i%1000, i%3, i%6, i, 800+i%6*600, i*40503, 400000+i*37%900000, i%700, upstream, cache, i%8, i*7919%65536, i+1, i%90, i*48271)
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, nginx.Parse, logLine) }

func TestAllocatesNothingPerLine(t *testing.T) { formattest.Steady(t, nginx.Parse, logLine) }
