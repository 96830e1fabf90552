package otlp

import (
	"bytes"
	"math"
	"strconv"

	"vigie/ingest/record"
	"vigie/internal/event"
)

// point is a data point of any shape, as it is on the wire.
type point struct {
	attributes
	reason string // of what was found wrong while it was read
	at     uint64 // ns
	flags  uint64

	value float64
	told  bool // there is a value

	count, sum      float64 // sum is NaN when not told
	bounds, buckets []float64

	scale              int64
	threshold, zero    float64
	positive, negative side

	quantiles []quantile
}

// side is the positive or the negative half of an exponential histogram.
type side struct {
	offset int64
	counts []uint64
}

type quantile struct{ quantile, value float64 }

// noValue is the flag of a point that says only that there is none any more.
const noValue = 1

func (p *point) reset() {
	p.attributes.reset()
	*p = point{
		attributes: p.attributes, sum: math.NaN(), bounds: p.bounds[:0], buckets: p.buckets[:0],
		positive: side{counts: p.positive.counts[:0]}, negative: side{counts: p.negative.counts[:0]}, quantiles: p.quantiles[:0],
	}
}

// fail remembers the first reason.
func (p *point) fail(reason string) {
	if p.reason == "" {
		p.reason = reason
	}
}

func (p *point) addQuantile(q quantile) {
	if len(p.quantiles) == maxQuantiles {
		p.fail(ManyQuantiles)
		return
	}
	p.quantiles = append(p.quantiles, q)
}

// take makes measurements of the point that was read from body[start:end].
func (r *reader) take(start, end int) {
	if r.why != "" {
		r.lost++
		return
	}
	p, more := &r.point, 1
	if r.metric.shape == summary {
		more = 2 + len(p.quantiles)
	}
	if r.records+more > MaxPoints {
		r.overflow(start, 1)
		return
	}
	p.fail(r.identify())
	if p.reason == "" {
		p.reason = r.measure()
	}
	if p.reason != "" {
		r.refuse(start, end, p.reason, 1)
		return
	}
	r.points++
	r.records += more
	if r.metric.shape == summary {
		r.summarize()
		return
	}
	r.to.Measurement(&r.m)
}

// identify says of which series the point is, and of when.
func (r *reader) identify() (reason string) {
	m, p := &r.m, &r.point
	m.Name, m.Unit = r.metric.name, nil
	if len(r.metric.unit) <= record.MaxUnit {
		m.Unit = r.metric.unit
	}
	m.Kind, _ = r.metric.kind()
	var ok bool
	if m.Time, ok = record.Moment(int64(p.at)); !ok {
		return record.BadMoment
	}
	own, reason := record.SortLabels(p.labels)
	if reason != "" {
		return reason
	}
	r.labels = merge(r.labels[:0], own, r.shared)
	if len(r.labels) > record.MaxLabels {
		return record.ManyLabels
	}
	m.Labels = r.labels
	return ""
}

// measure fills in the values.
func (r *reader) measure() (reason string) {
	m, p := &r.m, &r.point
	m.Value, m.Sum, m.Count, m.Bounds, m.Buckets = 0, 0, 0, nil, nil
	m.Stale = p.flags&noValue != 0
	switch shape := r.metric.shape; {
	case shape == summary:
		return r.quantiles()
	case m.Stale:
		return ""
	case shape == histogram:
		if len(p.buckets) == 0 && len(p.bounds) == 0 {
			p.buckets = append(p.buckets, p.count)
		}
		m.Bounds, m.Buckets, reason = record.Explicit(p.bounds, p.buckets)
		m.Sum, m.Count = p.sum, p.count
		return reason
	case shape == exponential:
		return r.lay()
	case !p.told:
		return NoValue
	}
	m.Value = p.value
	return ""
}

func (r *reader) lay() (reason string) {
	m, p := &r.m, &r.point
	switch {
	case p.scale < -10 || p.scale > 20:
		return BadScale
	case !(p.threshold >= 0) || math.IsInf(p.threshold, 0):
		return record.BadBuckets
	}
	r.layout.Reset(int(p.scale), p.threshold, p.zero)
	for i, n := range p.negative.counts {
		if reason := r.layout.Add(true, p.negative.offset+int64(i), float64(n)); reason != "" {
			return reason
		}
	}
	for i, n := range p.positive.counts {
		if reason := r.layout.Add(false, p.positive.offset+int64(i), float64(n)); reason != "" {
			return reason
		}
	}
	p.bounds, p.buckets = r.layout.Layout(p.bounds, p.buckets)
	m.Bounds, m.Buckets, m.Sum, m.Count = p.bounds, p.buckets, p.sum, p.count
	return ""
}

const quantileLabel = "quantile"

// quantiles checks those of a summary, and makes room for their label.
func (r *reader) quantiles() (reason string) {
	if len(r.point.quantiles) == 0 {
		return ""
	}
	if len(r.labels) == record.MaxLabels {
		return record.ManyLabels
	}
	for _, q := range r.point.quantiles {
		if !(q.quantile >= 0 && q.quantile <= 1) {
			return BadQuantile
		}
	}
	for _, l := range r.labels {
		if string(l.Name) == quantileLabel {
			return record.TwiceLabel
		}
	}
	return ""
}

// summarize gives the measurements of a summary.
func (r *reader) summarize() {
	m, p := &r.m, &r.point
	unit := m.Unit
	sum := p.sum
	if math.IsNaN(sum) { // of a summary, what is not on the wire is 0
		sum = 0
	}
	r.name("_count")
	m.Unit = nil
	r.give(p.count)
	r.name("_sum")
	m.Unit = unit
	r.give(sum)
	m.Kind, m.Name = event.Gauge, r.metric.name
	for _, q := range p.quantiles {
		r.text = strconv.AppendFloat(r.text[:0], q.quantile, 'g', -1, 64)
		l := event.Label{Name: []byte(quantileLabel), Value: r.text}
		i := 0
		for i < len(r.labels) && bytes.Compare(r.labels[i].Name, l.Name) < 0 {
			i++
		}
		r.quantile = append(append(append(r.quantile[:0], r.labels[:i]...), l), r.labels[i:]...)
		m.Labels = r.quantile
		r.give(q.value)
	}
}

// give gives the measurement with a value, if there is still one.
func (r *reader) give(value float64) {
	if r.m.Value = value; r.m.Stale {
		r.m.Value = 0
	}
	r.to.Measurement(&r.m)
}

// name names the measurement for a part of its metric.
func (r *reader) name(part string) {
	r.text = append(append(r.text[:0], r.metric.name...), part...)
	r.m.Name = r.text
}
