package histogram

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"vigie/internal/event"
)

func TestQuantilesOfSmallHistograms(t *testing.T) {
	edges := event.FirstByteEdges[:]
	for _, c := range []struct {
		name string
		h    Buckets
		q    float64
		want float64
	}{
		{"nothing", Buckets{}, 0.5, math.NaN()},
		{"one bucket, half of it", Buckets{0: 10}, 0.5, 2.5},
		{"one bucket, its end", Buckets{0: 10}, 1, 5},
		{"one bucket further on", Buckets{3: 4}, 0.5, 27.5},
		{"between two", Buckets{0: 5, 1: 5}, 0.5, 5},
		{"with a gap", Buckets{0: 5, 9: 5}, 0.75, 250},
		{"the open bucket", Buckets{15: 1}, 0.5, 5000},
		{"fractions of requests", Buckets{0: 0.5, 1: 0.5}, 0.75, 7.5},
		{"the lowest", Buckets{2: 10}, 0, 10},
	} {
		if got := c.h.Quantile(c.q, edges); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// The estimate may be anywhere within the bucket in which the exact quantile is, and nowhere else.
func TestAQuantileIsInTheBucketOfTheExactOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	edges := event.FirstByteEdges[:]
	bucket := func(v float64) int {
		i := 0
		for i < len(edges) && v >= edges[i] {
			i++
		}
		return i
	}
	for range 200 {
		var h Buckets
		values := make([]float64, 1+random.IntN(2000))
		spread := 1 + 2*random.Float64()
		for i := range values {
			values[i] = math.Exp(random.NormFloat64()*spread + 3)
			h[bucket(values[i])]++
		}
		slices.Sort(values)
		for _, q := range []float64{0.5, 0.95, 0.99} {
			exact := values[int(math.Ceil(q*float64(len(values))))-1]
			got := h.Quantile(q, edges)
			i := bucket(exact)
			low, high := 0.0, edges[len(edges)-1]
			if i > 0 {
				low = edges[i-1]
			}
			if i < len(edges) {
				high = edges[i]
			}
			if got < low || got > high {
				t.Fatalf("quantile %v of %d values: %v, exactly %v, in the bucket from %v to %v", q, len(values), got, exact, low, high)
			}
		}
	}
}

func TestTheEdgeThatAShareStaysUnder(t *testing.T) {
	edges := []float64{1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 300, 900}
	for _, c := range []struct {
		name string
		h    Buckets
		want float64
		ok   bool
	}{
		{"nothing", Buckets{}, 0, false},
		{"all in the first second", Buckets{0: 5}, 1, true},
		{"99 of 100", Buckets{0: 99, 9: 1}, 1, true},
		{"98 of 100", Buckets{0: 98, 9: 2}, 45, true},
		{"beyond the last edge", Buckets{0: 1, 15: 99}, 900, false},
	} {
		if got, ok := c.h.Upper(0.99, edges); got != c.want || ok != c.ok {
			t.Errorf("%s: %v %v, want %v %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
