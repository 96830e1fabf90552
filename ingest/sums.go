package ingest

import (
	"strconv"
	"time"

	"vigie/internal/ch"
	"vigie/internal/event"
)

// requestSums adds up the requests of a part by second and by every dimension that the board groups
// by: table requests_1s. The writer does it, and no materialized view, because it has the dimensions
// at hand as small numbers: a tenth of a microsecond a line, where the engine takes more than one.
//
// The key ends with when the rows were received, to ten seconds, so that what was known at any
// moment can be told later. An error is an answer of the 500s, or none because the client gave up
// waiting.
type requestSums struct {
	places map[sumKey]uint32
	keys   []sumKey
	sums   []requestSum

	last      sumKey // and its place: neighbours are often alike
	lastPlace uint32

	*ch.Block
	time, received                           *ch.DateTime
	source, cdn, isp, channel, class, cache  *ch.LowCardinality
	statusClass, blocked                     *ch.UInt8
	lines                                    *ch.UInt64
	requests, bytes, errors                  *ch.Float64
	firstByte                                [len(event.FirstByteEdges) + 1]*ch.Float64
	duration                                 [len(event.DurationEdges) + 1]*ch.Float64
	sources, cdns, isps, channels, cacheText *ch.LowCardinality // of the lines: what the key's numbers mean
}

// sumKey names texts by their numbers in the dictionaries of the lines' block.
type sumKey struct {
	second, received           uint32
	source, cdn, isp, channel  uint16
	cache, class, status, flag uint8
}

type requestSum struct {
	lines                   uint64
	requests, bytes, errors float64
	firstByte               [len(event.FirstByteEdges) + 1]float64
	duration                [len(event.DurationEdges) + 1]float64
}

// sumsOf returns empty sums of the lines that will be laid out in of.
func sumsOf(of *requestBlock) *requestSums {
	b := ch.NewBlock()
	s := &requestSums{
		places:      map[sumKey]uint32{},
		Block:       b,
		time:        b.DateTime("time"),
		source:      b.LowCardinality("source"),
		cdn:         b.LowCardinality("cdn"),
		isp:         b.LowCardinality("isp"),
		channel:     b.LowCardinality("channel"),
		class:       b.LowCardinality("class"),
		statusClass: b.UInt8("status_class"),
		cache:       b.LowCardinality("cache"),
		blocked:     b.UInt8("blocked"),
		received:    b.DateTime("received"),
		lines:       b.UInt64("lines"),
		requests:    b.Float64("requests"),
		bytes:       b.Float64("bytes"),
		errors:      b.Float64("errors"),
		sources:     of.source, cdns: of.cdn, isps: of.isp, channels: of.channel, cacheText: of.cache,
	}
	for i := range s.firstByte {
		s.firstByte[i] = b.Float64("first_byte_" + strconv.Itoa(i))
	}
	for i := range s.duration {
		s.duration[i] = b.Float64("duration_" + strconv.Itoa(i))
	}
	return s
}

// receivedGrain is how exactly sums know when their rows were received.
const receivedGrain = 10 * time.Second

// add counts the line that was just laid out.
func (s *requestSums) add(r *event.Request, of *seen, firstByte, duration int32) {
	received := uint32(of.received.Unix())
	key := sumKey{
		second: uint32(r.Time.Unix()), received: received - received%uint32(receivedGrain/time.Second),
		source: uint16(s.sources.Last()), cdn: uint16(s.cdns.Last()), isp: uint16(s.isps.Last()), channel: uint16(s.channels.Last()),
		cache: uint8(s.cacheText.Last()), class: uint8(of.class), status: uint8(r.Status / 100), flag: flag(r.Blocked),
	}
	place := s.lastPlace
	if key != s.last || len(s.sums) == 0 {
		var ok bool
		if place, ok = s.places[key]; !ok {
			place = uint32(len(s.sums))
			s.places[key] = place
			s.keys = append(s.keys, key)
			s.sums = append(s.sums, requestSum{})
		}
		s.last, s.lastPlace = key, place
	}
	sum, weight := &s.sums[place], of.weight
	sum.lines++
	sum.requests += weight
	sum.bytes += float64(r.Bytes) * weight
	if failed(r) {
		sum.errors += weight
	}
	if firstByte >= 0 {
		sum.firstByte[bucketOf(firstByte, &event.FirstByteEdges)] += weight
	}
	if duration >= 0 {
		sum.duration[bucketOf(duration, &event.DurationEdges)] += weight
	}
}

// failed tells whether a request is an error of the sums.
func failed(r *event.Request) bool { return r.Status >= 500 || r.Status == 0 || r.Aborted }

// bucketOf is where a time in microseconds falls among edges in milliseconds.
func bucketOf(micros int32, edges *[15]float64) int {
	ms := float64(micros) / 1000
	low, high := 0, len(edges)
	for low < high {
		if middle := (low + high) / 2; ms < edges[middle] {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// layOut fills the block with the sums, in the lines' own order of first appearance. The lines'
// block must not have been reset.
func (s *requestSums) layOut() *ch.Block {
	s.Block.Reset()
	for i := range s.keys {
		k, sum := &s.keys[i], &s.sums[i]
		s.time.Append(time.Unix(int64(k.second), 0))
		s.source.Append(s.sources.Text(uint32(k.source)))
		s.cdn.Append(s.cdns.Text(uint32(k.cdn)))
		s.isp.Append(s.isps.Text(uint32(k.isp)))
		s.channel.Append(s.channels.Text(uint32(k.channel)))
		s.class.AppendString(classes[k.class])
		s.statusClass.Append(k.status)
		s.cache.Append(s.cacheText.Text(uint32(k.cache)))
		s.blocked.Append(k.flag)
		s.received.Append(time.Unix(int64(k.received), 0))
		s.lines.Append(sum.lines)
		s.requests.Append(sum.requests)
		s.bytes.Append(sum.bytes)
		s.errors.Append(sum.errors)
		for j, n := range sum.firstByte {
			s.firstByte[j].Append(n)
		}
		for j, n := range sum.duration {
			s.duration[j].Append(n)
		}
	}
	return s.Block
}

func (s *requestSums) reset() {
	clear(s.places)
	s.keys, s.sums, s.last = s.keys[:0], s.sums[:0], sumKey{}
	s.Block.Reset()
}
