package remotewrite

import (
	"math"

	"vigie/ingest/protofields"
	"vigie/ingest/record"
	"vigie/internal/event"
)

const (
	schemaLeast, schemaMost = -4, 8
	schemaCustom            = -53
	hintGauge               = 3
)

// histogram is a native one as it is on the wire; its memory is used again.
type histogram struct {
	count, sum, threshold, zero float64
	schema                      int64
	hint                        uint64
	at                          int64
	positive, negative          side
	custom                      []float64

	layout record.Exponential
}

// side is the positive or the negative half: spans of neighbouring buckets, with deltas in an
// integer histogram or counts in a float one.
type side struct {
	spans  []span
	deltas []uint64
	counts []float64
}

type span struct {
	gap    int64 // from the end of the span before it; of the first one its index
	length uint64
}

func (s *side) reset() { s.spans, s.deltas, s.counts = s.spans[:0], s.deltas[:0], s.counts[:0] }

// read takes a field of a side, which the message has twice with other numbers.
func (s *side) read(number uint64, f *protofields.Fields) (reason string) {
	ok := true
	switch number<<3 | f.Key&7 {
	case spans<<3 | protofields.Bytes:
		var sp span
		p := protofields.New(f.Bytes)
		for p.Next() {
			switch p.Key {
			case 1<<3 | protofields.Varint:
				sp.gap = int64(int32(p.Sint()))
			case 2<<3 | protofields.Varint:
				sp.length = p.Number
			}
		}
		ok = len(s.spans) < record.MaxRead && sp.length <= record.MaxRead
		if p.Bad {
			return BadSeries
		}
		s.spans = append(s.spans, sp)
	case deltas<<3 | protofields.Bytes:
		s.deltas, ok = protofields.AppendVarints(s.deltas, f.Bytes, record.MaxRead)
	case deltas<<3 | protofields.Varint:
		s.deltas = append(s.deltas, f.Number)
		ok = len(s.deltas) <= record.MaxRead
	case counts<<3 | protofields.Bytes:
		s.counts, ok = protofields.AppendDoubles(s.counts, f.Bytes, record.MaxRead)
	case counts<<3 | protofields.Fixed64:
		s.counts = append(s.counts, f.Double())
		ok = len(s.counts) <= record.MaxRead
	}
	if !ok {
		return record.ManyBuckets
	}
	return ""
}

const (
	spans = iota
	deltas
	counts
)

// each gives add the buckets of a side from the innermost outwards.
func (s *side) each(add func(index int64, count float64) (reason string)) (reason string) {
	var index, sum int64
	n, of := 0, max(len(s.deltas), len(s.counts))
	if len(s.deltas) > 0 && len(s.counts) > 0 {
		return record.BadBuckets
	}
	for _, sp := range s.spans {
		index += sp.gap
		for range sp.length {
			if n == of {
				return record.BadBuckets
			}
			var count float64
			if len(s.deltas) > 0 {
				d := s.deltas[n]
				sum += int64(d>>1) ^ -int64(d&1)
				count = float64(sum)
			} else {
				count = s.counts[n]
			}
			if reason := add(index, count); reason != "" {
				return reason
			}
			index++
			n++
		}
	}
	if n != of {
		return record.BadBuckets
	}
	return ""
}

func (r *reader) readHistogram(message []byte) (reason string) {
	h := &r.hist
	h.count, h.sum, h.threshold, h.zero, h.schema, h.hint, h.at = 0, 0, 0, 0, 0, 0, 0
	h.positive.reset()
	h.negative.reset()
	h.custom = h.custom[:0]
	f := protofields.New(message)
	for f.Next() && reason == "" {
		switch f.Key {
		case 1<<3 | protofields.Varint:
			h.count = float64(f.Number)
		case 2<<3 | protofields.Fixed64:
			h.count = f.Double()
		case 3<<3 | protofields.Fixed64:
			h.sum = f.Double()
		case 4<<3 | protofields.Varint:
			h.schema = int64(int32(f.Sint()))
		case 5<<3 | protofields.Fixed64:
			h.threshold = f.Double()
		case 6<<3 | protofields.Varint:
			h.zero = float64(f.Number)
		case 7<<3 | protofields.Fixed64:
			h.zero = f.Double()
		case 14<<3 | protofields.Varint:
			h.hint = f.Number
		case 15<<3 | protofields.Varint:
			h.at = int64(f.Number)
		case 16<<3 | protofields.Bytes:
			var ok bool
			if h.custom, ok = protofields.AppendDoubles(h.custom, f.Bytes, record.MaxRead); !ok {
				reason = record.ManyBuckets
			}
		case 16<<3 | protofields.Fixed64:
			if h.custom = append(h.custom, f.Double()); len(h.custom) > record.MaxRead {
				reason = record.ManyBuckets
			}
		default:
			switch number := f.Key >> 3; {
			case number >= 8 && number <= 10:
				reason = h.negative.read(number-8, &f)
			case number >= 11 && number <= 13:
				reason = h.positive.read(number-11, &f)
			}
		}
	}
	switch {
	case f.Bad:
		return BadSeries
	case reason != "":
		return reason
	}
	return r.conclude()
}

// conclude makes the measurement of the histogram that was read.
func (r *reader) conclude() (reason string) {
	h, m := &r.hist, &r.m
	m.Kind, m.Value, m.Stale = event.Histogram, 0, math.Float64bits(h.sum) == staleBits
	m.Bounds, m.Buckets = m.Bounds[:0], m.Buckets[:0]
	m.Sum, m.Count = h.sum, h.count
	switch {
	case m.Stale:
		m.Sum, m.Count = 0, 0
		return r.at(h.at)
	case h.hint == hintGauge:
		return GaugeHist
	case !(h.count >= 0) || math.IsInf(h.count, 0) || !(h.zero >= 0) || math.IsInf(h.zero, 0) || !(h.threshold >= 0) || math.IsInf(h.threshold, 0):
		return record.BadBuckets
	case h.schema == schemaCustom:
		reason = h.layCustom(m)
	case h.schema < schemaLeast || h.schema > schemaMost:
		return BadSchema
	default:
		h.layout.Reset(int(h.schema), h.threshold, h.zero)
		// Prometheus's bucket of index i ends at the base's i-th power.
		reason = h.negative.each(func(i int64, n float64) string { return h.layout.Add(true, i-1, n) })
		if reason == "" {
			reason = h.positive.each(func(i int64, n float64) string { return h.layout.Add(false, i-1, n) })
		}
		if reason == "" {
			m.Bounds, m.Buckets = h.layout.Layout(m.Bounds, m.Buckets)
		}
	}
	if reason != "" {
		return reason
	}
	return r.at(h.at)
}

// layCustom lays out a histogram whose bounds are told: those of a classic one, as a rule.
func (h *histogram) layCustom(m *event.Measurement) (reason string) {
	bounds := h.custom
	if n := len(bounds); n > 0 && math.IsInf(bounds[n-1], 1) {
		bounds = bounds[:n-1]
	}
	m.Bounds = append(m.Bounds, bounds...)
	for range len(bounds) + 1 {
		m.Buckets = append(m.Buckets, 0)
	}
	if len(h.negative.spans) > 0 || h.zero != 0 {
		return record.BadBuckets
	}
	reason = h.positive.each(func(i int64, n float64) string {
		if i < 0 || i >= int64(len(m.Buckets)) {
			return record.BadBuckets
		}
		m.Buckets[i] += n
		return ""
	})
	if reason == "" {
		m.Bounds, m.Buckets, reason = record.Explicit(m.Bounds, m.Buckets)
	}
	return reason
}
