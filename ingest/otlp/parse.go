// Package otlp reads the metrics that OpenTelemetry's SDKs and Collector send by OTLP over HTTP
// (opentelemetry.io/docs/specs/otlp: "OTLP/HTTP", "JSON Protobuf Encoding"; the messages are those of
// opentelemetry-proto 1.11, metrics.proto; what they mean is specs/otel/metrics/data-model).
//
// A payload is an ExportMetricsServiceRequest, unpacked, in protobuf or in JSON; the content type
// tells them apart, so there is a parser for each. Both fill the same point and share what follows.
//
//   - A gauge is a Gauge. A monotonic sum is a Counter when cumulative, a Delta when delta; a
//     cumulative one that may fall is a Gauge. The changes of a sum that may fall are refused, as a
//     sum of them begins nowhere; no SDK's temporality preference gives them.
//   - A histogram is a Histogram or a HistogramDelta. Exponential ones are laid out with bounds.
//     More than 320 buckets are merged, neighbour by neighbour.
//   - A summary is the Counters name_count and name_sum, and a Gauge for each quantile, with the
//     label quantile.
//   - A point without recorded value makes the measurement Stale.
//   - Exemplars, start times, least and greatest values, scopes and descriptions are passed over.
//
// Labels are the point's attributes and those of the resource that tell where it ran (attributes.go);
// the point's own win. Their names are written as Prometheus writes them, with underscores for
// dots, which is how package services knows them; names of metrics stay as they are.
//
// What is refused is a data point, or all points of a metric or of a resource where the reason is
// theirs; neighbours are not hurt. A body holds at most 1,000,000 measurements.
package otlp

import (
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Bounds of a body.
const (
	MaxUnpacked = 64 << 20  // bytes
	MaxPoints   = 1_000_000 // measurements and refusals

	maxQuantiles = 64 // of one summary's point
)

// Reasons of refusals, beside those of package record.
const (
	TooLarge      = "body: more than 64 MiB"
	NotProtobuf   = "body: not a protobuf message"
	NotJSON       = "body: not a JSON object"
	BadMessage    = "body: a part is not what its definition says"
	TooMany       = "data points: more than 1,000,000 in a body"
	BadPoint      = "data point: not what its definition says"
	NoValue       = "data point: no value"
	NoTemporality = "temporality: neither delta nor cumulative"
	FallingDelta  = "temporality: delta of a sum that is not monotonic"
	BadScale      = "exponential histogram: scale is not -10 to 20"
	ManyQuantiles = "summary: more than 64 quantiles"
	BadQuantile   = "summary: quantile is not 0 to 1"
)

// ParseProto reads a body in protobuf; it is an event.Parser.
func ParseProto(payload []byte, _ event.Origin, to event.Sink) {
	r := reader{to: to}
	r.read(payload, r.readProto)
}

// ParseJSON reads a body in JSON; it is an event.Parser.
func ParseJSON(payload []byte, _ event.Origin, to event.Sink) {
	r := reader{to: to}
	r.read(payload, r.readJSON)
}

var _, _ event.Parser = ParseProto, ParseJSON

// reader reads one body. Its memory is used again from point to point.
type reader struct {
	to   event.Sink
	body []byte

	points   int            // that were read
	records  int            // measurements and refusals
	rejected map[string]int // points by reason
	broken   bool           // a part of the body was not what its definition says

	// While why is set, points are only counted: all of them are refused for it, as one record.
	why  string
	lost int
	many int // where TooMany began

	resource attributes
	shared   []event.Label // the resource's, sorted
	metric   metric
	point    point

	m        event.Measurement
	labels   []event.Label // of the point and of the resource, sorted
	quantile []event.Label // these and one more
	text     []byte        // of names that a summary's measurements have
	layout   record.Exponential
}

// metric is what all points of a metric share.
type metric struct {
	name, unit  []byte
	shape       shape
	temporality uint64
	monotonic   bool

	text []byte // of name and unit, where they had to be written anew
}

// shape is a metric's kind; the numbers are those of the fields of Metric.
type shape uint64

const (
	gauge       shape = 5
	sum         shape = 7
	histogram   shape = 9
	exponential shape = 10
	summary     shape = 11
)

const (
	delta      = 1
	cumulative = 2
)

// kind is what measurements of the metric are, or why they are refused.
func (m *metric) kind() (kind event.MeasurementKind, reason string) {
	switch {
	case len(m.name) == 0:
		return 0, record.NoMetric
	case len(m.name) > record.MaxMetric, m.shape == summary && len(m.name)+len("_count") > record.MaxMetric:
		return 0, record.LongMetric
	case m.shape == gauge:
		return event.Gauge, ""
	case m.shape == summary:
		return event.Counter, ""
	case m.temporality != delta && m.temporality != cumulative:
		return 0, NoTemporality
	case m.shape != sum && m.temporality == delta:
		return event.HistogramDelta, ""
	case m.shape != sum:
		return event.Histogram, ""
	case !m.monotonic && m.temporality == delta:
		return 0, FallingDelta
	case !m.monotonic:
		return event.Gauge, ""
	case m.temporality == delta:
		return event.Delta, ""
	}
	return event.Counter, ""
}

func (m *metric) begin() { *m = metric{text: m.text[:0]} }

func (r *reader) beginResource() {
	r.resource.resource = true
	r.resource.reset()
}

func (r *reader) endResource() (reason string) {
	r.shared, reason = record.SortLabels(r.resource.labels)
	return reason
}

// read reads a body of one of the encodings.
func (r *reader) read(body []byte, read func()) {
	if len(body) > MaxUnpacked {
		record.Refuse(r.to, body, 0, len(body), TooLarge)
		return
	}
	r.body = body
	read()
	if r.why == TooMany {
		r.why = ""
		r.tell(r.many, len(body), TooMany, r.lost)
	}
}

// under reads what lies in body[start:end]; when there is a reason, all points in it are refused
// for it.
func (r *reader) under(reason string, start, end int, read func()) {
	if reason == "" || r.why != "" {
		read()
		return
	}
	r.why, r.lost = reason, 0
	read()
	r.why = ""
	if reason == BadMessage {
		r.broken, r.lost = true, max(r.lost, 1)
	}
	if r.lost > 0 {
		r.refuse(start, end, reason, r.lost)
	}
}

// refuse refuses body[start:end], which holds so many points.
func (r *reader) refuse(start, end int, reason string, points int) {
	switch {
	case r.why != "":
		r.lost += points
	case r.records >= MaxPoints:
		r.overflow(start, points)
	default:
		r.records++
		r.tell(start, end, reason, points)
	}
}

// malformed refuses a part of which nobody knows how many points it holds.
func (r *reader) malformed(start, end int, reason string) {
	r.broken = true
	r.refuse(start, end, reason, 1)
}

// overflow refuses all from start on.
func (r *reader) overflow(start, points int) { r.why, r.many, r.lost = TooMany, start, points }

func (r *reader) tell(start, end int, reason string, points int) {
	if r.rejected == nil {
		r.rejected = map[string]int{}
	}
	r.rejected[reason] += points
	if len(r.body) == 0 {
		return // nothing that could be shown
	}
	if start == end { // a message without a byte in it still has its place: that of its length
		start--
	}
	record.Refuse(r.to, r.body, start, end, reason)
}
