// Package remotewrite reads what Prometheus and its agents send by remote write, versions 1.0 and
// 2.0 (prometheus.io/docs/specs: prw/remote_write_spec, prw/remote_write_spec_2_0).
//
// A payload is the body as it was sent: a protobuf message, snappy compressed in the block format.
// Version 1.0 is prometheus.WriteRequest, 2.0 is io.prometheus.write.v2.Request; nothing in the body
// tells them apart, so there is a parser for each, and Check says which one a request is for.
//
//   - 1.0 tells no type: a series whose name ends in _total, _count, _sum or _bucket is a Counter,
//     any other a Gauge. In 2.0 the metadata's type decides, where it is told.
//   - Classic histograms stay as they are: one Counter for each bucket, with its label le.
//   - Native histograms become Histogram: exponential ones of schema -4 to 8 and those with custom
//     buckets (-53), of integers or floats. More than 320 buckets are merged, neighbour by neighbour.
//     Those of a gauge are refused, as their difference means nothing.
//   - A stale marker, NaN of the bits 0x7ff0000000000002, makes the measurement Stale.
//   - Exemplars, metadata alone, and the times when counters were created are passed over.
//
// What is refused is a series, or some of its samples; its neighbours are not hurt. Offsets of
// refusals count from the start of the unpacked body. A body unpacks to 64 MiB at most, and holds
// at most 1,000,000 samples.
package remotewrite

import (
	"bytes"
	"math"

	"vigie/ingest/protofields"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Bounds of a body.
const (
	MaxUnpacked = 64 << 20  // bytes
	MaxSamples  = 1_000_000 // histograms included

	maxSymbols = 1 << 20
)

// Reasons of refusals, beside those of package record.
const (
	NotSnappy   = "body: not snappy in the block format"
	TooLarge    = "body: unpacks to more than 64 MiB"
	NotProtobuf = "body: not the protobuf message"
	TooMany     = "samples: more than 1,000,000 in a body"
	ManySymbols = "symbols: more than 1,048,576"
	BadSeries   = "series: not a protobuf message"
	BadSymbol   = "series: refers to a symbol that is not there"
	NoSample    = "series: neither samples nor histograms"
	BadSchema   = "histogram: schema is not -4 to 8 or -53"
	GaugeHist   = "histogram: a gauge's"
)

// staleBits are those of Prometheus's stale marker, one NaN among many.
const staleBits = 0x7ff0000000000002

// ParseV1 reads a body of version 1.0; it is an event.Parser.
func ParseV1(payload []byte, _ event.Origin, to event.Sink) { parse(V1, payload, to) }

// ParseV2 reads a body of version 2.0; it is an event.Parser.
func ParseV2(payload []byte, _ event.Origin, to event.Sink) { parse(V2, payload, to) }

var _, _ event.Parser = ParseV1, ParseV2

func parse(v Version, payload []byte, to event.Sink) {
	body, reason := unpack(payload)
	if reason != "" {
		record.Refuse(to, payload, 0, len(payload), reason)
		return
	}
	r := reader{to: to, version: v}
	r.read(body)
}

// reader reads one body.
type reader struct {
	to      event.Sink
	version Version
	body    []byte
	symbols [][]byte // of version 2.0

	written  Written
	refused  int            // series that were, in part or whole
	rejected map[string]int // samples and histograms by reason

	m      event.Measurement // its texts and numbers are used again for each series
	labels []event.Label
	refs   []uint64
	hist   histogram
}

// read reads an unpacked body.
func (r *reader) read(body []byte) {
	r.body = body
	series := uint64(1<<3 | protofields.Bytes)
	if r.version == V2 {
		series = 5<<3 | protofields.Bytes
		if reason := r.readSymbols(); reason != "" {
			r.refuse(0, len(body), reason, 1)
			return
		}
	}
	f := protofields.New(body)
	for f.Next() {
		if f.Key != series {
			continue
		}
		end := len(body) - f.Left()
		if r.written.Samples+r.written.Histograms+r.refused >= MaxSamples {
			r.refuse(end-len(f.Bytes), end, TooMany, 1)
			return
		}
		r.readSeries(f.Bytes, end)
	}
	if f.Bad {
		r.refuse(len(body)-f.Left(), len(body), NotProtobuf, 1)
	}
}

// refuse refuses body[start:end], which holds so many samples.
func (r *reader) refuse(start, end int, reason string, samples int) {
	// A series without a byte in it still has its place: that of its tag.
	if start == end {
		start--
	}
	if r.rejected == nil {
		r.rejected = map[string]int{}
	}
	r.refused++
	r.rejected[reason] += samples
	record.Refuse(r.to, r.body, start, end, reason)
}

func (r *reader) readSymbols() (reason string) {
	for f := protofields.New(r.body); f.Next(); {
		if f.Key == 4<<3|protofields.Bytes {
			if len(r.symbols) == maxSymbols {
				return ManySymbols
			}
			r.symbols = append(r.symbols, f.Bytes)
		}
	}
	return ""
}

// readSeries reads one series, which ends at end of the body: what it is first, as fields may come
// in any order, then its samples.
func (r *reader) readSeries(series []byte, end int) {
	var reason string
	samples, histograms := uint64(2<<3|protofields.Bytes), uint64(4<<3|protofields.Bytes)
	if r.version == V1 {
		reason = r.identifyV1(series)
	} else {
		histograms = 3<<3 | protofields.Bytes
		reason = r.identifyV2(series)
	}
	kind := r.m.Kind
	told, lost := 0, 0
	f := protofields.New(series)
	for f.Next() {
		if f.Key != samples && f.Key != histograms {
			continue
		}
		told++
		if reason != "" && lost == 0 { // of the series itself
			continue
		}
		why := ""
		if r.written.Samples+r.written.Histograms >= MaxSamples {
			why = TooMany
		} else if f.Key == samples {
			r.m.Kind = kind
			why = r.readSample(f.Bytes)
		} else {
			why = r.readHistogram(f.Bytes)
		}
		if why != "" {
			reason = why
			lost++
			continue
		}
		r.to.Measurement(&r.m)
		if f.Key == samples {
			r.written.Samples++
		} else {
			r.written.Histograms++
		}
	}
	switch {
	case reason == "" && told == 0:
		reason = NoSample
	case reason != "" && lost == 0:
		lost = told
	}
	if reason != "" {
		r.refuse(end-len(series), end, reason, max(lost, 1))
	}
}

// identifyV1 reads what a series of version 1.0 is.
func (r *reader) identifyV1(series []byte) (reason string) {
	r.begin()
	f := protofields.New(series)
	for f.Next() {
		switch f.Key {
		case 1<<3 | protofields.Bytes:
			var l event.Label
			p := protofields.New(f.Bytes)
			for p.Next() {
				switch p.Key {
				case 1<<3 | protofields.Bytes:
					l.Name = p.Bytes
				case 2<<3 | protofields.Bytes:
					l.Value = p.Bytes
				}
			}
			if p.Bad {
				return BadSeries
			}
			if reason := r.label(l); reason != "" {
				return reason
			}
		case 3<<3 | protofields.Bytes:
			r.written.Passed++
		}
	}
	if f.Bad {
		return BadSeries
	}
	return r.identified(kindByName(r.m.Name))
}

// identifyV2 reads what a series of version 2.0 is.
func (r *reader) identifyV2(series []byte) (reason string) {
	r.begin()
	r.refs = r.refs[:0]
	var kind, unit uint64
	f := protofields.New(series)
	for f.Next() {
		switch f.Key {
		case 1<<3 | protofields.Bytes:
			var ok bool
			if r.refs, ok = protofields.AppendVarints(r.refs, f.Bytes, 2*maxLabelsRead); !ok {
				return record.ManyLabels
			}
		case 1<<3 | protofields.Varint:
			if r.refs = append(r.refs, f.Number); len(r.refs) > 2*maxLabelsRead {
				return record.ManyLabels
			}
		case 4<<3 | protofields.Bytes:
			r.written.Passed++
		case 5<<3 | protofields.Bytes:
			for p := protofields.New(f.Bytes); p.Next(); {
				switch p.Key {
				case 1<<3 | protofields.Varint:
					kind = p.Number
				case 4<<3 | protofields.Varint:
					unit = p.Number
				}
			}
		}
	}
	if f.Bad {
		return BadSeries
	}
	if len(r.refs)%2 != 0 {
		return BadSymbol
	}
	for i := 0; i < len(r.refs); i += 2 {
		name, value := r.refs[i], r.refs[i+1]
		if max(name, value) >= uint64(len(r.symbols)) {
			return BadSymbol
		}
		if reason := r.label(event.Label{Name: r.symbols[name], Value: r.symbols[value]}); reason != "" {
			return reason
		}
	}
	if unit < uint64(len(r.symbols)) && len(r.symbols[unit]) <= record.MaxUnit {
		r.m.Unit = r.symbols[unit]
	}
	return r.identified(kindByType(kind, r.m.Name))
}

// maxLabelsRead leaves room for the name, which is a label on the wire.
const maxLabelsRead = record.MaxLabels + 1

func (r *reader) begin() {
	r.labels = r.labels[:0]
	r.m.Name, r.m.Unit, r.m.Labels = nil, nil, nil
}

func (r *reader) label(l event.Label) (reason string) {
	if string(l.Name) == "__name__" {
		if r.m.Name != nil {
			return record.TwiceLabel
		}
		r.m.Name = l.Value
		return ""
	}
	if len(r.labels) > record.MaxLabels {
		return record.ManyLabels
	}
	r.labels = append(r.labels, l)
	return ""
}

func (r *reader) identified(kind event.MeasurementKind) (reason string) {
	switch {
	case len(r.m.Name) == 0:
		return record.NoMetric
	case len(r.m.Name) > record.MaxMetric:
		return record.LongMetric
	}
	r.m.Kind = kind
	r.m.Labels, reason = record.SortLabels(r.labels)
	return reason
}

// kindByName is Prometheus's own convention.
func kindByName(name []byte) event.MeasurementKind {
	for _, suffix := range []string{"_total", "_count", "_sum", "_bucket"} {
		if bytes.HasSuffix(name, []byte(suffix)) {
			return event.Counter
		}
	}
	return event.Gauge
}

// kindByType goes by the metadata's type, which is that of the family: the quantiles of a summary
// are gauges beside two counters.
func kindByType(kind uint64, name []byte) event.MeasurementKind {
	switch kind {
	case 1: // counter
		return event.Counter
	case 2, 4, 6, 7: // gauge, gauge histogram, info, state set
		return event.Gauge
	}
	return kindByName(name)
}

func (r *reader) readSample(sample []byte) (reason string) {
	var value float64
	var at int64
	f := protofields.New(sample)
	for f.Next() {
		switch f.Key {
		case 1<<3 | protofields.Fixed64:
			value = f.Double()
		case 2<<3 | protofields.Varint:
			at = int64(f.Number)
		}
	}
	if f.Bad {
		return BadSeries
	}
	r.m.Bounds, r.m.Buckets, r.m.Sum, r.m.Count = r.m.Bounds[:0], r.m.Buckets[:0], 0, 0
	r.m.Value, r.m.Stale = value, math.Float64bits(value) == staleBits
	if r.m.Stale {
		r.m.Value = 0
	}
	return r.at(at)
}

func (r *reader) at(millis int64) (reason string) {
	var ok bool
	if r.m.Time, ok = record.MomentMillis(millis); !ok {
		return record.BadMoment
	}
	return ""
}
