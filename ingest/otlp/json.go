package otlp

import (
	"encoding/json"

	"vigie/ingest/record"
)

// readJSON reads a body in OTLP's mapping of protobuf to JSON: names in lowerCamelCase, integers of
// 64 bits in quotes or not, enumerations as numbers, null for what is not there; unknown members
// are passed over, and of several of one name the last counts.
func (r *reader) readJSON() {
	body := r.body
	at := 0
	for at < len(body) && white(body[at]) {
		at++
	}
	if !json.Valid(body) || body[at] != '{' { // Valid bounds the depth, and knows that there is a value
		r.malformed(0, len(body), NotJSON)
		return
	}
	w := within(body, at)
	for w.Member() {
		if string(w.Key) == "resourceMetrics" {
			w.Done(r.each(w.Value, BadMessage, r.jsonResource))
		}
	}
}

// each reads the objects of an array.
func (r *reader) each(at int, reason string, object func(at int) (end int)) (end int) {
	switch r.body[at] {
	case '[':
	case 'n':
		return pass(r.body, at)
	default:
		end = pass(r.body, at)
		r.malformed(at, end, BadMessage)
		return end
	}
	w := within(r.body, at)
	for w.Next() {
		if r.body[w.Value] == '{' {
			w.Done(object(w.Value))
			continue
		}
		end := pass(r.body, w.Value)
		r.malformed(w.Value, end, reason)
		w.Done(end)
	}
	return w.End()
}

// jsonResource reads a ResourceMetrics: the resource first, as members may come in any order.
func (r *reader) jsonResource(at int) (end int) {
	resource, scopes := -1, -1
	w := within(r.body, at)
	for w.Member() {
		switch string(w.Key) {
		case "resource":
			resource = w.Value
		case "scopeMetrics":
			scopes = w.Value
		}
	}
	r.beginResource()
	reason := ""
	if resource >= 0 && r.body[resource] == '{' {
		w := within(r.body, resource)
		for w.Member() {
			if string(w.Key) == "attributes" {
				why, end := r.jsonAttributes(&r.resource, w.Value)
				if w.Done(end); reason == "" {
					reason = why
				}
			}
		}
	} else if resource >= 0 && r.body[resource] != 'n' {
		reason = BadMessage
	}
	if reason == "" {
		reason = r.endResource()
	}
	if scopes >= 0 {
		r.under(reason, at, w.End(), func() { r.each(scopes, BadMessage, r.jsonScope) })
	}
	return w.End()
}

// jsonAttributes reads an array of KeyValue.
func (r *reader) jsonAttributes(to *attributes, at int) (reason string, end int) {
	if r.body[at] != '[' {
		if r.body[at] != 'n' {
			reason = BadMessage
		}
		return reason, pass(r.body, at)
	}
	w := within(r.body, at)
	for w.Next() {
		if r.body[w.Value] != '{' {
			reason = BadMessage
			continue
		}
		var key, value []byte
		ok := true
		kv := within(r.body, w.Value)
		for kv.Member() {
			switch string(kv.Key) {
			case "key":
				key, ok = stringAt(r.body, kv.Value, &to.text)
			case "value":
				if r.body[kv.Value] == '{' {
					var end int
					value, end = r.jsonValue(to, kv.Value)
					kv.Done(end)
				}
			}
		}
		w.Done(kv.End())
		switch {
		case reason != "":
		case !ok:
			reason = BadMessage
		default:
			reason = to.add(key, value)
		}
	}
	return reason, w.End()
}

// jsonValue reads an AnyValue as text; one that cannot be read is none.
func (r *reader) jsonValue(to *attributes, at int) (value []byte, end int) {
	w := within(r.body, at)
	for w.Member() {
		switch string(w.Key) {
		case "stringValue":
			value, _ = stringAt(r.body, w.Value, &to.text)
		case "boolValue":
			if c := r.body[w.Value]; c == 't' || c == 'f' {
				value = to.bool(c == 't')
			}
		case "intValue":
			if v, ok := intAt(r.body, w.Value); ok {
				value = to.int(v)
			}
		case "doubleValue":
			if v, ok := doubleAt(r.body, w.Value); ok {
				value = to.double(v)
			}
		}
	}
	return value, w.End()
}

// jsonScope reads a ScopeMetrics.
func (r *reader) jsonScope(at int) (end int) {
	w := within(r.body, at)
	for w.Member() {
		if string(w.Key) == "metrics" {
			w.Done(r.each(w.Value, BadMessage, r.jsonMetric))
		}
	}
	return w.End()
}

// jsonMetric reads a Metric; of several shapes the last counts.
func (r *reader) jsonMetric(at int) (end int) {
	m := &r.metric
	m.begin()
	data := -1
	w := within(r.body, at)
	for w.Member() {
		of := shape(0)
		switch string(w.Key) {
		case "name":
			m.name, _ = stringAt(r.body, w.Value, &m.text)
		case "unit":
			m.unit, _ = stringAt(r.body, w.Value, &m.text)
		case "gauge":
			of = gauge
		case "sum":
			of = sum
		case "histogram":
			of = histogram
		case "exponentialHistogram":
			of = exponential
		case "summary":
			of = summary
		}
		if of != 0 && r.body[w.Value] != 'n' {
			m.shape, data = of, w.Value
		}
	}
	end = w.End()
	if data < 0 {
		return end
	}
	if r.body[data] != '{' {
		r.malformed(data, pass(r.body, data), BadMessage)
		return end
	}
	points := -1
	d := within(r.body, data)
	for d.Member() {
		switch string(d.Key) {
		case "dataPoints":
			points = d.Value
		case "aggregationTemporality":
			m.temporality = r.jsonTemporality(d.Value)
		case "isMonotonic":
			m.monotonic = r.body[d.Value] == 't'
		}
	}
	if points >= 0 {
		_, reason := m.kind()
		r.under(reason, at, end, func() { r.each(points, BadPoint, r.jsonPoint) })
	}
	return end
}

// jsonTemporality also knows the names, which OTLP forbids and protobuf's libraries write.
func (r *reader) jsonTemporality(at int) uint64 {
	switch string(numberAt(r.body, at)) {
	case "AGGREGATION_TEMPORALITY_DELTA":
		return delta
	case "AGGREGATION_TEMPORALITY_CUMULATIVE":
		return cumulative
	}
	n, _ := uintAt(r.body, at)
	return n
}

// jsonPoint reads a data point of the metric's shape. A field that cannot be read costs the point.
func (r *reader) jsonPoint(at int) (end int) {
	if r.why != "" {
		end = pass(r.body, at)
		r.take(at, end)
		return end
	}
	p, of := &r.point, r.metric.shape
	p.reset()
	w := within(r.body, at)
	for w.Member() {
		if r.body[w.Value] == 'n' {
			continue
		}
		ok := true
		switch string(w.Key) {
		case "attributes":
			why, end := r.jsonAttributes(&p.attributes, w.Value)
			if w.Done(end); why == BadMessage {
				why = BadPoint
			}
			p.fail(why)
		case "timeUnixNano":
			p.at, ok = uintAt(r.body, w.Value)
		case "flags":
			p.flags, ok = uintAt(r.body, w.Value)
		default:
			switch of {
			case gauge, sum:
				ok = r.jsonNumber(&w)
			case summary:
				ok = r.jsonSummary(&w)
			default:
				ok = r.jsonHistogram(&w)
			}
		}
		if !ok {
			p.fail(BadPoint)
		}
	}
	r.take(at, w.End())
	return w.End()
}

func (r *reader) jsonNumber(w *walk) (ok bool) {
	p := &r.point
	switch string(w.Key) {
	case "asDouble":
		p.value, ok = doubleAt(r.body, w.Value)
		p.told = true
	case "asInt":
		var v int64
		v, ok = intAt(r.body, w.Value)
		p.value, p.told = float64(v), true
	default:
		return true
	}
	return ok
}

// jsonHistogram reads a field of either kind of histogram.
func (r *reader) jsonHistogram(w *walk) (ok bool) {
	p := &r.point
	var n uint64
	switch string(w.Key) {
	case "count":
		n, ok = uintAt(r.body, w.Value)
		p.count = float64(n)
	case "sum":
		p.sum, ok = doubleAt(r.body, w.Value)
	case "bucketCounts":
		return r.jsonNumbers(w, func(at int) bool {
			n, ok := uintAt(r.body, at)
			p.buckets = append(p.buckets, float64(n))
			return ok
		})
	case "explicitBounds":
		return r.jsonNumbers(w, func(at int) bool {
			v, ok := doubleAt(r.body, at)
			p.bounds = append(p.bounds, v)
			return ok
		})
	case "scale":
		p.scale, ok = intAt(r.body, w.Value)
	case "zeroCount":
		n, ok = uintAt(r.body, w.Value)
		p.zero = float64(n)
	case "zeroThreshold":
		p.threshold, ok = doubleAt(r.body, w.Value)
	case "positive":
		return r.jsonSide(w, &p.positive)
	case "negative":
		return r.jsonSide(w, &p.negative)
	default:
		return true
	}
	return ok
}

// jsonSide reads a Buckets.
func (r *reader) jsonSide(w *walk, s *side) (ok bool) {
	if r.body[w.Value] != '{' {
		return false
	}
	ok = true
	m := within(r.body, w.Value)
	for m.Member() {
		read := true
		switch string(m.Key) {
		case "offset":
			s.offset, read = intAt(r.body, m.Value)
			read = read && s.offset == int64(int32(s.offset))
		case "bucketCounts":
			read = r.jsonNumbers(&m, func(at int) bool {
				n, ok := uintAt(r.body, at)
				s.counts = append(s.counts, n)
				return ok
			})
		}
		ok = ok && read
	}
	w.Done(m.End())
	return ok
}

// jsonNumbers reads an array; more numbers than a histogram may have are not looked at.
func (r *reader) jsonNumbers(w *walk, number func(at int) (ok bool)) (ok bool) {
	if c := r.body[w.Value]; c != '[' {
		return c == 'n'
	}
	ok = true
	e := within(r.body, w.Value)
	for n := 0; e.Next(); n++ {
		if n == record.MaxRead {
			r.point.fail(record.ManyBuckets)
			return ok
		}
		ok = number(e.Value) && ok
	}
	w.Done(e.End())
	return ok
}

func (r *reader) jsonSummary(w *walk) (ok bool) {
	p := &r.point
	switch string(w.Key) {
	case "count":
		var n uint64
		n, ok = uintAt(r.body, w.Value)
		p.count = float64(n)
	case "sum":
		p.sum, ok = doubleAt(r.body, w.Value)
	case "quantileValues":
		if r.body[w.Value] != '[' {
			return false
		}
		ok = true
		e := within(r.body, w.Value)
		for e.Next() {
			if r.body[e.Value] != '{' {
				ok = false
				continue
			}
			var q quantile
			m := within(r.body, e.Value)
			for m.Member() {
				read := true
				switch string(m.Key) {
				case "quantile":
					q.quantile, read = doubleAt(r.body, m.Value)
				case "value":
					q.value, read = doubleAt(r.body, m.Value)
				}
				ok = ok && (read || r.body[m.Value] == 'n')
			}
			e.Done(m.End())
			p.addQuantile(q)
		}
		w.Done(e.End())
	default:
		return true
	}
	return ok
}
