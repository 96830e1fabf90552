package cockpit

import "math"

// lateEdges are the upper edges of table deliveries' lateness, in seconds; the last bucket is open.
var lateEdges = [...]float64{1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 300, 900}

const buckets = 16

type histogram [buckets]float64

func (h *histogram) add(o *histogram) {
	for i := range h {
		h[i] += o[i]
	}
}

func (h *histogram) total() (n float64) {
	for _, v := range h {
		n += v
	}
	return n
}

// quantile estimates the value under which a share q of the observations lies, in the unit of the
// edges, by straight line within its bucket as Prometheus's histogram_quantile does. NaN: there
// are no observations. In the open bucket it is the last edge: a lower bound.
func (h *histogram) quantile(q float64, edges []float64) float64 {
	total := h.total()
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

// upper is the upper edge of the bucket in which the share q is reached: what at least that share
// stays under. ok is false when that is the open bucket.
func (h *histogram) upper(q float64, edges []float64) (edge float64, ok bool) {
	total, below := h.total(), 0.0
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
