package otlp

import (
	"encoding/json"
	"fmt"
	"testing"

	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"vigie/ingest/record"
	"vigie/internal/event"
)

const benchPoints = 2000

// ordinary is a request of ordinary points: six attributes and three of the resource, one half of
// them counters and one half histograms of 14 bounds, ten of a metric.
func ordinary(t testing.TB) *metrics.MetricsData {
	t.Helper()
	text := `resource_metrics { resource { ` + attribute("service.name", "login") + attribute("service.instance.id", "6b1f0c52-0a4e-4c39-9f0a-2b6c1f7d9e10") + attribute("k8s.pod.name", "login-7d4b9c6f5-x2x1z") + attribute("telemetry.sdk.name", "opentelemetry") + `} scope_metrics { `
	for i := range benchPoints / 10 {
		points := ""
		for j := range 10 {
			data := fmt.Sprintf(`as_int: %d `, i*j)
			if i%2 == 1 {
				data = fmt.Sprintf(`count: %d sum: %d.25 bucket_counts: [0, 1, 7, 0, 0, 30, 2, 1, 0, 0, 0, 0, 0, 1, 0] explicit_bounds: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] `, 42, i)
			}
			points += `data_points { start_time_unix_nano: 1788896000000000000 ` + at + data + attribute("http.request.method", "GET") + attribute("http.route", fmt.Sprintf("/api/v1/%d", j)) + attribute("url.scheme", "https") +
				`attributes { key: "http.response.status_code" value { int_value: 200 } } ` + attribute("network.protocol.version", "1.1") + attribute("server.address", "login.example.com") + `} `
		}
		kind := "sum { is_monotonic: true "
		if i%2 == 1 {
			kind = "histogram { "
		}
		text += fmt.Sprintf(`metrics { name: "http.server.metric.%d" unit: "s" %s aggregation_temporality: 2 %s } } `, i, kind, points)
	}
	return request(t, text+`} }`)
}

func bodies(t testing.TB) (inProto, inJSON []byte) {
	t.Helper()
	inProto, err := proto.Marshal(ordinary(t))
	if err != nil {
		t.Fatal(err)
	}
	inJSON, err = protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(ordinary(t))
	if err != nil {
		t.Fatal(err)
	}
	return inProto, inJSON
}

func bench(b *testing.B, body []byte, read func()) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		read()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchPoints, "ns/point")
}

func BenchmarkParseProto(b *testing.B) {
	body, _ := bodies(b)
	bench(b, body, func() { ParseProto(body, event.Origin{}, record.Nowhere{}) })
}

func BenchmarkParseJSON(b *testing.B) {
	_, body := bodies(b)
	bench(b, body, func() { ParseJSON(body, event.Origin{}, record.Nowhere{}) })
}

// BenchmarkGenerated is what unmarshalling into generated types alone would cost.
func BenchmarkGenerated(b *testing.B) {
	body, _ := bodies(b)
	bench(b, body, func() {
		var m metrics.MetricsData
		if err := proto.Unmarshal(body, &m); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkGeneratedJSON is the same for JSON.
func BenchmarkGeneratedJSON(b *testing.B) {
	_, body := bodies(b)
	bench(b, body, func() {
		var m metrics.MetricsData
		if err := protojson.Unmarshal(body, &m); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkValid is how much of it goes into the question whether it is JSON.
func BenchmarkValid(b *testing.B) {
	_, body := bodies(b)
	bench(b, body, func() { json.Valid(body) })
}

func TestAllocatesNothingPerPoint(t *testing.T) {
	inProto, inJSON := bodies(t)
	for name, read := range map[string]func(to event.Sink){
		"protobuf": func(to event.Sink) { ParseProto(inProto, event.Origin{}, to) },
		"JSON":     func(to event.Sink) { ParseJSON(inJSON, event.Origin{}, to) },
	} {
		var c counter
		if read(&c); c.measurements != benchPoints || c.refusals != 0 {
			t.Fatalf("%s: %d measurements, %d refusals", name, c.measurements, c.refusals)
		}
		if n := testing.AllocsPerRun(5, func() { read(record.Nowhere{}) }); n > benchPoints/50 {
			t.Errorf("%s: %v allocations for %d points", name, n, benchPoints)
		}
	}
}
