package mux_test

import (
	"fmt"
	"testing"

	"vigie/ingest/formattest"
	"vigie/ingest/mux"
)

func sampleLine(i int) string {
	return fmt.Sprintf(`{"view_id":"%08x-0a4e-4c39-9f0a-2b6c1f7d9e10","view_session_id":"%08x-0a4e-4c39-9f0a-2b6c1f7d9e11","ip":"192.0.2.%d","asn":3215,"source":{"hostname":"https://live-%d.example.com","host_id":"fastly"},"stream_type":"live","viewer_os_family":"Android","viewer_device_category":"phone","player_name":"main","records":[{"start":"2026-09-08T19:%02d:%02d.000Z","duration_ms":30000,"metrics":[{"type":"WATCH_DURATION_MS","value":%d},{"type":"REBUFFER_DURATION_MS","value":%d},{"type":"REBUFFER_COUNT","value":%d}]}]}`,
		i*40503, i*977, i%250, i%3, i/60%60, i%60, 20000+i%10000, i%900, i%3)
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, mux.Parse, sampleLine) }

func TestAllocatesNothingPerLine(t *testing.T) { formattest.Steady(t, mux.Parse, sampleLine) }
