package remotewrite

import (
	"fmt"
	"testing"

	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"google.golang.org/protobuf/proto"

	"vigie/ingest/record"
	"vigie/internal/event"
)

const benchSeries = 2000 // what Prometheus sends at a time

// body is a body of ordinary series: eight labels, one sample each.
func body(t testing.TB) []byte {
	t.Helper()
	request := &writev2.Request{Symbols: []string{""}}
	known := map[string]uint32{}
	ref := func(s string) uint32 {
		if known[s] == 0 {
			known[s] = uint32(len(request.Symbols))
			request.Symbols = append(request.Symbols, s)
		}
		return known[s]
	}
	for i := range benchSeries {
		s := &writev2.TimeSeries{Samples: []*writev2.Sample{{Value: float64(i), Timestamp: 1788896703280}}, Metadata: &writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER}}
		for _, l := range [][2]string{
			{"__name__", "http_requests_total"}, {"code", fmt.Sprint(200 + i%5*100)}, {"handler", fmt.Sprintf("/api/v1/%d", i%40)}, {"instance", fmt.Sprintf("10.0.%d.%d:9100", i/200, i%200)},
			{"job", "login"}, {"method", "GET"}, {"namespace", "production"}, {"pod", fmt.Sprintf("login-7d4b9c6f5-%d", i%200)},
		} {
			s.LabelsRefs = append(s.LabelsRefs, ref(l[0]), ref(l[1]))
		}
		request.Timeseries = append(request.Timeseries, s)
	}
	b, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func BenchmarkParseV2(b *testing.B) {
	payload := pack(body(b))
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		ParseV2(payload, event.Origin{}, record.Nowhere{})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSeries, "ns/sample")
}

// BenchmarkGenerated is what unmarshalling into generated types alone would cost.
func BenchmarkGenerated(b *testing.B) {
	payload := pack(body(b))
	b.ReportAllocs()
	for b.Loop() {
		unpacked, reason := unpack(payload)
		var m writev2.Request
		if err := proto.Unmarshal(unpacked, &m); err != nil || reason != "" {
			b.Fatal(err, reason)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSeries, "ns/sample")
}

func TestAllocatesNothingPerSample(t *testing.T) {
	payload := pack(body(t))
	if n := testing.AllocsPerRun(5, func() { ParseV2(payload, event.Origin{}, record.Nowhere{}) }); n > benchSeries/50 {
		t.Errorf("%v allocations for %d samples", n, benchSeries)
	}
}
