package w3c_test

import (
	"fmt"
	"testing"

	"vigie/ingest/formattest"
	"vigie/ingest/w3c"
)

func logLine(i int) string {
	return fmt.Sprintf("2026-09-08\t19:%02d:%02d\tCDG52-P%d\t%d\t%d.%d.%d.%d\tGET\td111111abcdef8.cloudfront.net\t/final/v%d/seg_%d.m4s\t200\thttps://www.example.com/\tMozilla/5.0%%20(Linux;%%20Android%%2014;%%20SM-S9%d)%%20AppleWebKit/537.36\tCMCD=br%%253D%d\t-\tHit\tSOX4xwn4XV6Q4rgb%dYHmZmBNrjGdRLiNIQ==\tlive.example.com\thttps\t23\t0.%03d\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\t-\t-\t11040\t0.%03d\tHit\tvideo/mp4\t%d\t-\t-",
		i/60%60, i%60, i%5, 400000+i*37%900000, 80+i%100, i*7%256, i*13%256, i%254+1, i%6, i, i%90, 800+i%6*600, i*40503, i%700, i%40, 400000+i*37%900000)
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, w3c.Parse, logLine) }

func TestAllocatesNothingPerLine(t *testing.T) { formattest.Steady(t, w3c.Parse, logLine) }
