package match

import (
	"sort"
	"time"
)

// At is the value of points at a time from kick-off, on straight lines between them; false before the
// first and after the last.
func At(points []Point, d time.Duration) (float64, bool) {
	i := sort.Search(len(points), func(i int) bool { return points[i].At >= d })
	switch {
	case i == len(points):
		return 0, false
	case points[i].At == d:
		return points[i].Value, true
	case i == 0:
		return 0, false
	}
	a, b := points[i-1], points[i]
	return a.Value + (b.Value-a.Value)*float64(d-a.At)/float64(b.At-a.At), true
}

// Expected is the value of points, which are of the planned match, at a moment of a timeline; nil: of
// the planned one. In a phase that was not planned nothing was expected.
func (m *Match) Expected(points []Point, timeline []Mark, at time.Time) (float64, bool) {
	if m == nil {
		return 0, false
	}
	if timeline != nil {
		var ok bool
		if at, ok = Align(at, timeline, m.Planned(), ""); !ok {
			return 0, false
		}
	}
	return At(points, at.Sub(m.KickOff))
}
