package services

import (
	"bytes"
	"math"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"vigie/ingest/record"
	"vigie/internal/event"
)

// Point is what is stored of a measurement: one row.
type Point struct {
	Service  string
	Signal   string // Requests, Errors, Duration or Saturation
	Part     string // Bucket, Sum or Count of a classic duration; Share, Used or Limit of a saturation; else empty
	Name     string // the metric; of a duration its family, which buckets, sum and count share
	Resource string

	// Series tells the series apart from all others: a hash of name and labels. Those of a classic
	// histogram's buckets share one, and Bounds[0] tells them apart.
	Series uint64
	// Target is a hash of what was measured: the labels job, instance, pod and OpenTelemetry's names
	// of a service's instance. A series that begins where its target was known counts from zero.
	Target uint64
	// Pair is what Used and Limit of one thing have in common.
	Pair uint64

	Error bool // these requests are errors
	Stale bool // the series ends here: no value
	Kind  event.MeasurementKind
	Value float64 // of a Gauge, Counter or Delta

	// Of a Histogram or HistogramDelta, in milliseconds; of a Bucket Bounds holds its upper edge,
	// which may be +Inf. They are valid until the Point is used again.
	Bounds, Buckets []float64
	Sum, Count      float64 // Sum is NaN when not told
}

// Rules are compiled. Match may be called by several goroutines at once.
type Rules struct {
	byMetric map[string][]candidate

	mu     sync.RWMutex
	chosen map[uint64]*choice // by series; nil: no rule wants it
	names  map[string]string  // of services

	matched, unmatched, overflow atomic.Uint64
}

// choice is what a series tells, found once.
type choice struct {
	candidate
	service, counted     string // counted: the metric that a duration's requests are told by
	series, target, pair uint64
	scale                float64
	error                bool
	bound                float64 // of a Bucket
}

// Counts tells how many measurements were chosen and how many not, and how many series are under
// Other because there were too many services.
func (r *Rules) Counts() (matched, unmatched, overflow uint64) {
	return r.matched.Load(), r.unmatched.Load(), r.overflow.Load()
}

// Match appends the points of a measurement to into, whose memory it uses again. None: no rule
// wants it, or its value is no number.
func (r *Rules) Match(m *event.Measurement, into []Point) []Point {
	if r.byMetric[string(m.Name)] == nil {
		r.unmatched.Add(1)
		return into
	}
	series := hash(m.Name, m.Labels, nil)
	r.mu.RLock()
	c, known := r.chosen[series]
	r.mu.RUnlock()
	if !known {
		c = r.choose(m, series)
	}
	if c == nil {
		r.unmatched.Add(1)
		return into
	}
	r.matched.Add(1)
	return c.points(m, into)
}

// choose finds the rule for a series, and remembers it.
func (r *Rules) choose(m *event.Measurement, series uint64) *choice {
	c := r.find(m, series)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.chosen) >= maxSeries {
		clear(r.chosen)
	}
	if c != nil {
		c.service = r.admit(c.service)
	}
	r.chosen[series] = c
	return c
}

// admit is the service's name, or Other when there are too many.
func (r *Rules) admit(service string) string {
	if known, ok := r.names[service]; ok {
		return known
	}
	if len(r.names) > MaxServices {
		r.overflow.Add(1)
		return Other
	}
	r.names[service] = service
	return service
}

func (r *Rules) find(m *event.Measurement, series uint64) *choice {
	for _, candidate := range r.byMetric[string(m.Name)] {
		if !all(candidate.labels, m.Labels) {
			continue
		}
		if candidate.signal == None {
			return nil
		}
		c := &choice{candidate: candidate, series: series, scale: candidate.scale}
		var ok bool
		if c.service, ok = expand(candidate.name, m.Labels); !ok {
			continue
		}
		if c.scale == 0 { // of a duration: as the sender says, else seconds
			if c.scale = milliseconds(string(m.Unit)); c.scale == 0 {
				c.scale = 1000
			}
		}
		c.counted = string(m.Name)
		c.error = len(candidate.errors) > 0 && all(candidate.errors, m.Labels)
		c.target = hash(nil, m.Labels, isTarget)
		if candidate.part == Bucket {
			le, err := strconv.ParseFloat(string(value(m.Labels, "le")), 64)
			if err != nil || math.IsNaN(le) {
				return nil
			}
			c.bound = le * c.scale
			c.series = hash(m.Name, m.Labels, func(label []byte) bool { return string(label) != "le" })
		}
		if len(candidate.per) > 0 || candidate.part == Used || candidate.part == Limit {
			c.pair = hash([]byte(candidate.resource), m.Labels, func(label []byte) bool { return contains(candidate.per, label) })
		}
		return c
	}
	return nil
}

// points lays out what a measurement of the series tells.
func (c *choice) points(m *event.Measurement, into []Point) []Point {
	histogram := m.Kind == event.Histogram || m.Kind == event.HistogramDelta
	if histogram {
		if !m.Stale && !(m.Count >= 0 && !math.IsInf(m.Count, 0)) {
			return into
		}
	} else if !m.Stale && !record.Finite(m.Value) || !m.Stale && c.signal != Saturation && m.Value < 0 {
		return into
	}
	switch {
	case c.signal == Duration && histogram && c.part == "":
		into, p := c.point(m, into)
		p.Sum, p.Count = m.Sum*c.scale, m.Count
		for _, b := range m.Bounds {
			p.Bounds = append(p.Bounds, b*c.scale)
		}
		p.Buckets = append(p.Buckets, m.Buckets...)
		return c.count(m, into, m.Count)
	case c.signal == Duration && !histogram && c.part == Bucket:
		into, p := c.point(m, into)
		p.Bounds = append(p.Bounds, c.bound)
		return into
	case c.signal == Duration && !histogram && c.part == Sum:
		into, p := c.point(m, into)
		p.Value *= c.scale
		return into
	case c.signal == Duration && !histogram && c.part == Count:
		into, _ = c.point(m, into)
		return c.count(m, into, m.Value)
	case c.signal == Requests || c.signal == Errors:
		if histogram {
			return c.count(m, into, m.Count)
		}
		return c.count(m, into, m.Value)
	case c.signal == Saturation && !histogram:
		into, p := c.point(m, into)
		p.Value *= c.scale
		return into
	}
	return into // a family that is of another kind than its name says
}

// count adds the point that counts requests, or errors.
func (c *choice) count(m *event.Measurement, into []Point, n float64) []Point {
	into, p := c.point(m, into)
	if p.Signal == Duration {
		p.Signal, p.Name = Requests, c.counted
	}
	p.Part = ""
	p.Error, p.Value = c.error, n
	switch p.Kind {
	case event.Histogram:
		p.Kind = event.Counter
	case event.HistogramDelta:
		p.Kind = event.Delta
	}
	return into
}

// point takes the next place of into, with its memory.
func (c *choice) point(m *event.Measurement, into []Point) ([]Point, *Point) {
	if len(into) < cap(into) {
		into = into[:len(into)+1]
	} else {
		into = append(into, Point{})
	}
	p := &into[len(into)-1]
	*p = Point{
		Service: c.service, Signal: c.signal, Part: c.part, Name: c.family, Resource: c.resource,
		Series: c.series, Target: c.target, Pair: c.pair,
		Stale: m.Stale, Kind: m.Kind, Value: m.Value, Bounds: p.Bounds[:0], Buckets: p.Buckets[:0],
	}
	if m.Stale {
		p.Value = 0
	}
	// Remote write 1.0 tells no type, and not every counter is called one. What these signals count
	// only grows.
	if p.Kind == event.Gauge && p.Signal != Saturation {
		p.Kind = event.Counter
	}
	return into, p
}

// expand writes a service's name.
func expand(name []piece, labels []event.Label) (string, bool) {
	var b []byte
	for _, p := range name {
		b = append(b, p.text...)
		if p.labels == nil {
			continue
		}
		found := first(labels, p.labels)
		if len(found) == 0 {
			return "", false
		}
		b = append(b, found...)
	}
	return string(bytes.ToValidUTF8(b[:min(len(b), maxName)], nil)), true
}

func all(tests []test, labels []event.Label) bool {
	for i := range tests {
		if !tests[i].holds(first(labels, tests[i].labels)) {
			return false
		}
	}
	return true
}

// first is the value of the first of some labels that the series has.
func first(labels []event.Label, names []string) []byte {
	for _, name := range names {
		if v := value(labels, name); len(v) > 0 {
			return v
		}
	}
	return nil
}

func value(labels []event.Label, name string) []byte {
	for i := range labels {
		if string(labels[i].Name) == name {
			return labels[i].Value
		}
	}
	return nil
}

func contains(names []string, name []byte) bool {
	for _, n := range names {
		if n == string(name) {
			return true
		}
	}
	return false
}

// isTarget are the labels that name what was measured.
func isTarget(label []byte) bool {
	switch string(label) {
	case "job", "instance", "service_name", "service_namespace", "service_instance_id", "host_name", "k8s_pod_name", "pod", "container":
		return true
	}
	return false
}

// hash is of a name and those labels that pass, in an order that is theirs by name; nil passes all.
// It is the same in every process and version.
func hash(name []byte, labels []event.Label, pass func(label []byte) bool) uint64 {
	var d xxhash.Digest
	d.Reset()
	d.Write(name) // never fails
	for i := range labels {
		if pass != nil && !pass(labels[i].Name) {
			continue
		}
		d.Write(separator)
		d.Write(labels[i].Name)
		d.Write(separator)
		d.Write(labels[i].Value)
	}
	return d.Sum64()
}

// separator is in no text that is UTF-8.
var separator = []byte{0xff}
