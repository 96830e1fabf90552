package remotewrite

import (
	"math"
	"testing"

	"github.com/klauspost/compress/snappy"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Version 1.0's message, as prometheus/prompb defines it; no module of it is small. Protobuf's own
// library encodes it from here.
const schemaV1 = `
name: "remote.proto" package: "prometheus" syntax: "proto3"
message_type { name: "WriteRequest"
  field { name: "timeseries" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.TimeSeries" }
  field { name: "metadata" number: 3 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.MetricMetadata" } }
message_type { name: "MetricMetadata"
  field { name: "type" number: 1 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "metric_family_name" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING } }
message_type { name: "TimeSeries"
  field { name: "labels" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.Label" }
  field { name: "samples" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.Sample" }
  field { name: "exemplars" number: 3 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.Sample" }
  field { name: "histograms" number: 4 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.Histogram" } }
message_type { name: "Label"
  field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING } }
message_type { name: "Sample"
  field { name: "value" number: 1 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
  field { name: "timestamp" number: 2 label: LABEL_OPTIONAL type: TYPE_INT64 } }
message_type { name: "BucketSpan"
  field { name: "offset" number: 1 label: LABEL_OPTIONAL type: TYPE_SINT32 }
  field { name: "length" number: 2 label: LABEL_OPTIONAL type: TYPE_UINT32 } }
message_type { name: "Histogram"
  field { name: "count_int" number: 1 label: LABEL_OPTIONAL type: TYPE_UINT64 }
  field { name: "count_float" number: 2 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
  field { name: "sum" number: 3 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
  field { name: "schema" number: 4 label: LABEL_OPTIONAL type: TYPE_SINT32 }
  field { name: "zero_threshold" number: 5 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
  field { name: "zero_count_int" number: 6 label: LABEL_OPTIONAL type: TYPE_UINT64 }
  field { name: "zero_count_float" number: 7 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
  field { name: "negative_spans" number: 8 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.BucketSpan" }
  field { name: "negative_deltas" number: 9 label: LABEL_REPEATED type: TYPE_SINT64 }
  field { name: "negative_counts" number: 10 label: LABEL_REPEATED type: TYPE_DOUBLE }
  field { name: "positive_spans" number: 11 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".prometheus.BucketSpan" }
  field { name: "positive_deltas" number: 12 label: LABEL_REPEATED type: TYPE_SINT64 }
  field { name: "positive_counts" number: 13 label: LABEL_REPEATED type: TYPE_DOUBLE }
  field { name: "reset_hint" number: 14 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "timestamp" number: 15 label: LABEL_OPTIONAL type: TYPE_INT64 }
  field { name: "custom_values" number: 16 label: LABEL_REPEATED type: TYPE_DOUBLE } }
`

// v1 encodes a message of version 1.0 that is written in protobuf's text format.
func v1(t testing.TB, text string) []byte {
	t.Helper()
	var file descriptorpb.FileDescriptorProto
	if err := prototext.Unmarshal([]byte(schemaV1), &file); err != nil {
		t.Fatal(err)
	}
	schema, err := protodesc.NewFile(&file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return encoded(t, dynamicpb.NewMessage(schema.Messages().ByName(protoreflect.Name("WriteRequest"))), text)
}

// v2 encodes a message of version 2.0.
func v2(t testing.TB, text string) []byte {
	t.Helper()
	return encoded(t, &writev2.Request{}, text)
}

func encoded(t testing.TB, m proto.Message, text string) []byte {
	t.Helper()
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pack(b []byte) []byte { return snappy.Encode(nil, b) }

var staleNaN = math.Float64frombits(staleBits)
