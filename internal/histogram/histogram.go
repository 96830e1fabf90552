// Package histogram is the histogram that is kept of every second: sixteen sums whose edges are fixed
// for good (package event), so that those of any seconds and groups can be added up.
package histogram

import "math"

// Buckets counts observations by bucket: each holds those from the edge before its own up to that; the
// last one is open. Counts are weighted, hence no whole numbers.
type Buckets [16]float64

// Add adds the other's counts.
func (h *Buckets) Add(o *Buckets) {
	for i := range h {
		h[i] += o[i]
	}
}

// Total is the number of observations.
func (h *Buckets) Total() (n float64) {
	for _, v := range h {
		n += v
	}
	return n
}

// Quantile estimates the value under which a share q of the observations lies, in the unit of the
// edges, by straight line within its bucket as Prometheus's histogram_quantile does. NaN: there
// are no observations. In the open bucket it is the last edge: a lower bound.
func (h *Buckets) Quantile(q float64, edges []float64) float64 {
	total := h.Total()
	if total <= 0 {
		return math.NaN()
	}
	rank, below := q*total, 0.0
	for i, n := range h {
		if below+n >= rank && n > 0 {
			if i == len(edges) {
				return edges[len(edges)-1]
			}
			low := 0.0
			if i > 0 {
				low = edges[i-1]
			}
			return low + (edges[i]-low)*(rank-below)/n
		}
		below += n
	}
	return edges[len(edges)-1]
}

// Upper is the upper edge of the bucket in which the share q is reached: what at least that share
// stays under. ok is false when that is the open bucket.
func (h *Buckets) Upper(q float64, edges []float64) (edge float64, ok bool) {
	total, below := h.Total(), 0.0
	for i, n := range h {
		below += n
		if below >= q*total && below > 0 {
			if i == len(edges) {
				return edges[len(edges)-1], false
			}
			return edges[i], true
		}
	}
	return 0, false
}
