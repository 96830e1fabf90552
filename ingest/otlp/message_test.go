package otlp

import (
	"testing"

	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// inProto encodes a request that is written in protobuf's text format. MetricsData has the fields
// of ExportMetricsServiceRequest.
func inProto(t testing.TB, text string) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(request(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// inJSON is inProto for JSON.
func inJSON(t testing.TB, text string) []byte {
	t.Helper()
	b, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(request(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func request(t testing.TB, text string) *metrics.MetricsData {
	t.Helper()
	var m metrics.MetricsData
	if err := prototext.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return &m
}
