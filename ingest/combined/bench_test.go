package combined_test

import (
	"fmt"
	"testing"

	"vigie/ingest/combined"
	"vigie/ingest/formattest"
)

func logLine(i int) string {
	return fmt.Sprintf(`%d.%d.%d.%d - - [08/Sep/2026:19:%02d:%02d +0200] "GET /final/v%d/seg_%d.m4s?token=%x HTTP/1.1" 200 %d "https://www.example.com/" "Mozilla/5.0 (Linux; Android 14; SM-S9%d) AppleWebKit/537.36 (KHTML, like Gecko)"`,
		80+i%100, i*7%256, i*13%256, i%254+1, i/60%60, i%60, i%6, i, i*40503, 400000+i*37%900000, i%90)
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, combined.Parse, logLine) }

func TestAllocatesNothingPerLine(t *testing.T) { formattest.Steady(t, combined.Parse, logLine) }
