package ingest

import (
	"math"
	"strconv"
	"time"

	"vigie/ingest/services"
	"vigie/internal/ch"
	"vigie/internal/event"
)

// measurementBlock lays points out in the columns of table measurements.
type measurementBlock struct {
	*ch.Block
	received, time                            *ch.DateTime64
	source, service, signal, part, name, kind *ch.LowCardinality
	labels                                    *ch.String
	series                                    *ch.UInt64
	value, count, sum                         *ch.Float64
	stale                                     *ch.UInt8
	text                                      []byte
}

func newMeasurementBlock() *measurementBlock {
	b := ch.NewBlock()
	return &measurementBlock{
		Block:    b,
		received: b.DateTime64("received"), time: b.DateTime64("time"),
		source: b.LowCardinality("source"), service: b.LowCardinality("service"), signal: b.LowCardinality("signal"),
		part: b.LowCardinality("part"), name: b.LowCardinality("name"), labels: b.String("labels"), series: b.UInt64("series"),
		kind: b.LowCardinality("kind"), value: b.Float64("value"), count: b.Float64("count"), sum: b.Float64("sum"), stale: b.UInt8("stale"),
	}
}

var kinds = [...]string{"gauge", "counter", "delta", "histogram", "histogram delta"}

func (b *measurementBlock) append(m *event.Measurement, p *services.Point, s *seen) {
	b.received.Append(s.received)
	b.time.Append(m.Time)
	b.source.Append(s.source)
	b.service.AppendString(p.Service)
	b.signal.AppendString(p.Signal)
	b.part.AppendString(p.Part)
	b.name.Append(m.Name)
	b.text = append(b.text[:0], '{')
	for i, l := range m.Labels {
		if i > 0 {
			b.text = append(b.text, ',')
		}
		b.text = append(append(b.text, l.Name...), '=')
		b.text = strconv.AppendQuote(b.text, string(l.Value))
	}
	b.labels.Append(append(b.text, '}'))
	b.series.Append(p.Series)
	b.kind.AppendString(kinds[p.Kind])
	b.value.Append(p.Value)
	b.count.Append(p.Count)
	b.sum.Append(p.Sum)
	b.stale.Append(flag(p.Stale))
}

// serviceSums adds up what services did by second: table services_1s.
type serviceSums struct {
	places map[serviceKey]int
	keys   []serviceKey
	sums   []services.Entry

	*ch.Block
	time, received                           *ch.DateTime
	source, service, metric, resource        *ch.LowCardinality
	requests, errors, count, sum, saturation *ch.Float64
	duration                                 [len(services.Buckets{})]*ch.Float64
}

type serviceKey struct {
	second                            int64
	received                          int64
	source, service, metric, resource string
}

func newServiceSums() *serviceSums {
	b := ch.NewBlock()
	s := &serviceSums{
		places: map[serviceKey]int{},
		Block:  b,
		time:   b.DateTime("time"), source: b.LowCardinality("source"), service: b.LowCardinality("service"),
		metric: b.LowCardinality("metric"), resource: b.LowCardinality("resource"), received: b.DateTime("received"),
		requests: b.Float64("requests"), errors: b.Float64("errors"), count: b.Float64("count"), sum: b.Float64("sum"), saturation: b.Float64("saturation"),
	}
	for i := range s.duration {
		s.duration[i] = b.Float64("duration_" + strconv.Itoa(i))
	}
	return s
}

// add counts an entry that was received at a moment.
func (s *serviceSums) add(source string, received time.Time, e *services.Entry) {
	key := serviceKey{e.Second, received.Truncate(receivedGrain).Unix(), source, e.Service, e.Metric, e.Resource}
	place, ok := s.places[key]
	if !ok {
		place = len(s.sums)
		s.places[key] = place
		s.keys = append(s.keys, key)
		s.sums = append(s.sums, services.Entry{Saturation: -1})
	}
	sum := &s.sums[place]
	sum.Requests += e.Requests
	sum.Errors += e.Errors
	sum.Count += e.Count
	sum.Sum += e.Sum
	for i, n := range e.Buckets {
		sum.Buckets[i] += n
	}
	if !math.IsNaN(e.Saturation) {
		sum.Saturation = max(sum.Saturation, e.Saturation)
	}
}

func (s *serviceSums) layOut() *ch.Block {
	s.Block.Reset()
	for i := range s.keys {
		k, sum := &s.keys[i], &s.sums[i]
		s.time.Append(time.Unix(k.second, 0))
		s.source.AppendString(k.source)
		s.service.AppendString(k.service)
		s.metric.AppendString(k.metric)
		s.resource.AppendString(k.resource)
		s.received.Append(time.Unix(k.received, 0))
		s.requests.Append(sum.Requests)
		s.errors.Append(sum.Errors)
		s.count.Append(sum.Count)
		s.sum.Append(sum.Sum)
		s.saturation.Append(sum.Saturation)
		for j, n := range sum.Buckets {
			s.duration[j].Append(n)
		}
	}
	return s.Block
}

func (s *serviceSums) reset() {
	clear(s.places)
	s.keys, s.sums = s.keys[:0], s.sums[:0]
	s.Block.Reset()
}
