package ndjson_test

import (
	"fmt"
	"testing"

	"vigie/ingest/formattest"
	"vigie/ingest/ndjson"
)

func logLine(i int) string {
	return fmt.Sprintf(`{"time":"2026-09-08T19:%02d:%02d.%03dZ","method":"GET","host":"live-%d.example.com","path":"/final/v%d/seg_%d.m4s","query":"CMCD=br%%3D%d%%2Cot%%3Dv","status":200,"bytes":%d,"first_byte_ms":%d,"duration_ms":%d.5,"cache":"hit","client":"2a01:cb0%x:%x::%x","asn":3215,"country":"FR","pop":"CDG","protocol":"HTTP/2.0","tls":"TLSv1.3","referer":"https://www.example.com/","user_agent":"Mozilla/5.0 (Linux; Android 14; SM-S9%d) AppleWebKit/537.36 (KHTML, like Gecko)","id":"%x","session":"%08x-0a4e-4c39"}`,
		i/60%60, i%60, i%1000, i%3, i%6, i, 800+i%6*600, 400000+i*37%900000, i%40, i%700, i%8, i*7919%65536, i+1, i%90, i*40503, i*48271)
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, ndjson.Parse, logLine) }

func TestAllocatesNothingPerLine(t *testing.T) { formattest.Steady(t, ndjson.Parse, logLine) }
