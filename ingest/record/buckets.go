package record

import "math"

// MaxRead is how many buckets of one histogram are read at all.
const MaxRead = 8192

// Explicit checks a histogram whose bounds are told, and merges neighbouring buckets in place until
// there are no more than MaxBuckets. There is one bucket more than bounds.
func Explicit(bounds, buckets []float64) (b, n []float64, reason string) {
	if len(buckets) > MaxRead {
		return nil, nil, ManyBuckets
	}
	if len(buckets) != len(bounds)+1 {
		return nil, nil, BadBuckets
	}
	for i, v := range bounds {
		if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && v <= bounds[i-1] {
			return nil, nil, BadBounds
		}
	}
	for _, v := range buckets {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, nil, BadBuckets
		}
	}
	for len(buckets) > MaxBuckets { // every second bound goes; which ones does not depend on counts
		kept := 0
		for i := 1; i < len(bounds); i += 2 {
			bounds[kept], buckets[kept] = bounds[i], buckets[i-1]+buckets[i]
			kept++
		}
		open := buckets[len(bounds)]
		if len(bounds)%2 == 1 {
			open += buckets[len(bounds)-1]
		}
		buckets[kept] = open
		bounds, buckets = bounds[:kept], buckets[:kept+1]
	}
	return bounds, buckets, ""
}

// Exponential gathers the buckets of an exponential histogram and lays them out as a measurement
// has them. Its zero value is empty; Reset makes it so again and keeps its memory.
//
// With factor f = 2^(2^-scale), the bucket of index i holds what lies above f^i and up to f^(i+1),
// and the negative ones its mirror image. That is OpenTelemetry's numbering; Prometheus's is one
// higher.
type Exponential struct {
	scale              int
	threshold, zero    float64
	positive, negative []indexed
}

type indexed struct {
	index int64
	count float64
}

// Reset begins a histogram: zero is how many observations lie within threshold of zero.
func (e *Exponential) Reset(scale int, threshold, zero float64) {
	e.scale, e.threshold, e.zero = scale, threshold, zero
	e.positive, e.negative = e.positive[:0], e.negative[:0]
}

// Add gives a bucket; indexes of one side must ascend. Empty buckets need not be given.
func (e *Exponential) Add(negative bool, index int64, count float64) (reason string) {
	side := &e.positive
	if negative {
		side = &e.negative
	}
	n := len(*side)
	switch {
	case !(count >= 0) || math.IsInf(count, 0) || n > 0 && (*side)[n-1].index >= index:
		return BadBuckets
	case n >= MaxRead:
		return ManyBuckets
	case count > 0:
		*side = append(*side, indexed{index, count})
	}
	return ""
}

// Layout writes the histogram's bounds and buckets over those given, whose memory it uses. While
// they are more than MaxBuckets the scale is lowered by one, which merges pairs of neighbours: the
// bounds that stay are the same, so that a later reading of the series can be compared. The last,
// open bucket is empty.
func (e *Exponential) Layout(bounds, buckets []float64) (b, n []float64) {
	for len(e.positive)+len(e.negative) > MaxBuckets { // edges cost more than merging
		e.scale--
		e.positive, e.negative = halve(e.positive), halve(e.negative)
	}
	for {
		l := layout{bounds[:0], buckets[:0]}
		e.lay(&l)
		if len(l.buckets) <= MaxBuckets {
			return l.bounds, l.buckets
		}
		bounds, buckets = l.bounds, l.buckets
		e.scale--
		e.positive, e.negative = halve(e.positive), halve(e.negative)
	}
}

func halve(side []indexed) []indexed {
	kept := side[:0]
	for _, b := range side {
		b.index >>= 1
		if n := len(kept); n > 0 && kept[n-1].index == b.index {
			kept[n-1].count += b.count
		} else {
			kept = append(kept, b)
		}
	}
	return kept
}

func (e *Exponential) lay(l *layout) {
	for i := len(e.negative) - 1; i >= 0; i-- {
		b := e.negative[i]
		l.add(-e.edge(b.index+1), -e.edge(b.index), b.count)
	}
	if e.zero > 0 {
		low := 0.0
		if len(e.negative) > 0 {
			low = -e.threshold
		}
		l.add(low, e.threshold, e.zero)
	}
	for _, b := range e.positive {
		l.add(e.edge(b.index), e.edge(b.index+1), b.count)
	}
	l.buckets = append(l.buckets, 0)
}

// edge is f^i, kept finite.
func (e *Exponential) edge(i int64) float64 {
	return min(math.Exp2(math.Ldexp(float64(i), -e.scale)), math.MaxFloat64)
}

// layout is bounds and buckets being filled from the left.
type layout struct{ bounds, buckets []float64 }

// add gives the next bucket, from low to high. A gap before it becomes an empty bucket.
func (l *layout) add(low, high, count float64) {
	begun := len(l.bounds) > 0
	if low != 0 && !begun || begun && low > l.bounds[len(l.bounds)-1] {
		l.bounds, l.buckets = append(l.bounds, low), append(l.buckets, 0)
		begun = true
	}
	if begun && high <= l.bounds[len(l.bounds)-1] { // narrower than a float64 can tell
		l.buckets[len(l.buckets)-1] += count
		return
	}
	l.bounds, l.buckets = append(l.bounds, high), append(l.buckets, count)
}
