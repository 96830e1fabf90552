package otlp

import (
	"vigie/ingest/protofields"
	"vigie/ingest/record"
)

// Wire types. A field's key is its number in metrics.proto<<3 and one of these.
const (
	varint  = protofields.Varint
	fixed64 = protofields.Fixed64
	length  = protofields.Bytes
)

// child is where the field's message begins in the body, when its parent begins at at.
func child(at int, parent []byte, f *protofields.Fields) int {
	return at + len(parent) - f.Left() - len(f.Bytes)
}

// whole refuses what is broken behind the last field of a message that begins at at.
func (r *reader) whole(at int, message []byte, f *protofields.Fields, reason string) {
	if f.Bad {
		end := at + len(message)
		r.malformed(end-f.Left(), end, reason)
	}
}

func (r *reader) readProto() {
	f := protofields.New(r.body)
	for f.Next() {
		if f.Key == 1<<3|length {
			r.protoResource(child(0, r.body, &f), f.Bytes)
		}
	}
	r.whole(0, r.body, &f, NotProtobuf)
}

// protoResource reads a ResourceMetrics: the resource first, as fields may come in any order.
func (r *reader) protoResource(at int, message []byte) {
	r.beginResource()
	reason := ""
	for f := protofields.New(message); f.Next(); {
		if f.Key != 1<<3|length {
			continue
		}
		attributes := protofields.New(f.Bytes)
		for attributes.Next() && reason == "" {
			if attributes.Key == 1<<3|length {
				reason = protoAttribute(&r.resource, attributes.Bytes)
			}
		}
		if attributes.Bad && reason == "" {
			reason = BadMessage
		}
	}
	if reason == "" {
		reason = r.endResource()
	}
	r.under(reason, at, at+len(message), func() {
		f := protofields.New(message)
		for f.Next() {
			if f.Key == 2<<3|length {
				r.protoScope(child(at, message, &f), f.Bytes)
			}
		}
		r.whole(at, message, &f, BadMessage)
	})
}

// protoAttribute reads a KeyValue.
func protoAttribute(to *attributes, message []byte) (reason string) {
	var key, value []byte
	f := protofields.New(message)
	for f.Next() {
		switch f.Key {
		case 1<<3 | length:
			key = f.Bytes
		case 2<<3 | length:
			v := protofields.New(f.Bytes)
			for v.Next() {
				switch v.Key {
				case 1<<3 | length:
					value = v.Bytes
				case 2<<3 | varint:
					value = to.bool(v.Number != 0)
				case 3<<3 | varint:
					value = to.int(int64(v.Number))
				case 4<<3 | fixed64:
					value = to.double(v.Double())
				case 5<<3 | length, 6<<3 | length, 7<<3 | length:
					value = nil
				}
			}
			if v.Bad {
				return BadMessage
			}
		}
	}
	if f.Bad {
		return BadMessage
	}
	return to.add(key, value)
}

// protoScope reads a ScopeMetrics.
func (r *reader) protoScope(at int, message []byte) {
	f := protofields.New(message)
	for f.Next() {
		if f.Key == 2<<3|length {
			r.protoMetric(child(at, message, &f), f.Bytes)
		}
	}
	r.whole(at, message, &f, BadMessage)
}

// protoMetric reads a Metric; of several shapes the last counts.
func (r *reader) protoMetric(at int, message []byte) {
	r.metric.begin()
	var points []byte
	begin := 0
	f := protofields.New(message)
	for f.Next() {
		switch f.Key {
		case 1<<3 | length:
			r.metric.name = f.Bytes
		case 3<<3 | length:
			r.metric.unit = f.Bytes
		case uint64(gauge)<<3 | length, uint64(sum)<<3 | length, uint64(histogram)<<3 | length, uint64(exponential)<<3 | length, uint64(summary)<<3 | length:
			r.metric.shape, points, begin = shape(f.Key>>3), f.Bytes, child(at, message, &f)
		}
	}
	if points != nil {
		for g := protofields.New(points); g.Next(); {
			switch g.Key {
			case 2<<3 | varint:
				r.metric.temporality = g.Number
			case 3<<3 | varint:
				r.metric.monotonic = g.Number != 0
			}
		}
		_, reason := r.metric.kind()
		r.under(reason, at, at+len(message), func() { r.protoPoints(begin, points) })
	}
	r.whole(at, message, &f, BadMessage)
}

// protoPoints reads a Gauge, Sum, Histogram, ExponentialHistogram or Summary.
func (r *reader) protoPoints(at int, message []byte) {
	f := protofields.New(message)
	for f.Next() {
		if f.Key != 1<<3|length {
			continue
		}
		start := child(at, message, &f)
		if r.why == "" {
			r.point.reset()
			r.point.read(r.metric.shape, f.Bytes)
		}
		r.take(start, start+len(f.Bytes))
	}
	r.whole(at, message, &f, BadMessage)
}

// read reads a data point.
func (p *point) read(of shape, message []byte) {
	f := protofields.New(message)
	for f.Next() && p.reason == "" {
		if f.Key == 3<<3|fixed64 {
			p.at = f.Number
			continue
		}
		switch of {
		case histogram:
			p.readHistogram(&f)
		case exponential:
			p.readExponential(&f)
		case summary:
			p.readSummary(&f)
		default:
			p.readNumber(&f)
		}
	}
	if f.Bad {
		p.fail(BadPoint)
	}
}

func (p *point) attribute(message []byte) {
	switch reason := protoAttribute(&p.attributes, message); reason {
	case "":
	case BadMessage:
		p.fail(BadPoint)
	default:
		p.fail(reason)
	}
}

func (p *point) readNumber(f *protofields.Fields) {
	switch f.Key {
	case 7<<3 | length:
		p.attribute(f.Bytes)
	case 4<<3 | fixed64:
		p.value, p.told = f.Double(), true
	case 6<<3 | fixed64:
		p.value, p.told = float64(int64(f.Number)), true
	case 8<<3 | varint:
		p.flags = f.Number
	}
}

func (p *point) readHistogram(f *protofields.Fields) {
	ok := true
	switch f.Key {
	case 9<<3 | length:
		p.attribute(f.Bytes)
	case 4<<3 | fixed64:
		p.count = float64(f.Number)
	case 5<<3 | fixed64:
		p.sum = f.Double()
	case 6<<3 | length:
		p.buckets, ok = protofields.AppendFixed(p.buckets, f.Bytes, record.MaxRead)
	case 6<<3 | fixed64:
		p.buckets = append(p.buckets, float64(f.Number))
		ok = len(p.buckets) <= record.MaxRead
	case 7<<3 | length:
		p.bounds, ok = protofields.AppendDoubles(p.bounds, f.Bytes, record.MaxRead)
	case 7<<3 | fixed64:
		p.bounds = append(p.bounds, f.Double())
		ok = len(p.bounds) <= record.MaxRead
	case 10<<3 | varint:
		p.flags = f.Number
	}
	if !ok {
		p.fail(record.ManyBuckets)
	}
}

func (p *point) readExponential(f *protofields.Fields) {
	switch f.Key {
	case 1<<3 | length:
		p.attribute(f.Bytes)
	case 4<<3 | fixed64:
		p.count = float64(f.Number)
	case 5<<3 | fixed64:
		p.sum = f.Double()
	case 6<<3 | varint:
		p.scale = int64(int32(f.Sint()))
	case 7<<3 | fixed64:
		p.zero = float64(f.Number)
	case 8<<3 | length:
		p.fail(p.positive.read(f.Bytes))
	case 9<<3 | length:
		p.fail(p.negative.read(f.Bytes))
	case 10<<3 | varint:
		p.flags = f.Number
	case 14<<3 | fixed64:
		p.threshold = f.Double()
	}
}

// read reads a Buckets.
func (s *side) read(message []byte) (reason string) {
	f := protofields.New(message)
	ok := true
	for f.Next() && ok {
		switch f.Key {
		case 1<<3 | varint:
			s.offset = int64(int32(f.Sint()))
		case 2<<3 | length:
			s.counts, ok = protofields.AppendVarints(s.counts, f.Bytes, record.MaxRead)
		case 2<<3 | varint:
			s.counts = append(s.counts, f.Number)
			ok = len(s.counts) <= record.MaxRead
		}
	}
	switch {
	case !ok:
		return record.ManyBuckets
	case f.Bad:
		return BadPoint
	}
	return ""
}

func (p *point) readSummary(f *protofields.Fields) {
	switch f.Key {
	case 7<<3 | length:
		p.attribute(f.Bytes)
	case 4<<3 | fixed64:
		p.count = float64(f.Number)
	case 5<<3 | fixed64:
		p.sum = f.Double()
	case 6<<3 | length:
		var q quantile
		v := protofields.New(f.Bytes)
		for v.Next() {
			switch v.Key {
			case 1<<3 | fixed64:
				q.quantile = v.Double()
			case 2<<3 | fixed64:
				q.value = v.Double()
			}
		}
		if v.Bad {
			p.fail(BadPoint)
		}
		p.addQuantile(q)
	case 8<<3 | varint:
		p.flags = f.Number
	}
}
