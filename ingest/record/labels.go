package record

import (
	"bytes"
	"math"
	"time"

	"vigie/internal/event"
)

// Bounds of a measurement. What is longer is refused, not cut: two series that differ behind the
// cut would become one, and a counter that jumps between them.
const (
	MaxMetric     = 256 // bytes of a metric's name
	MaxLabels     = 32  // of one series
	MaxLabelName  = 128 // bytes
	MaxLabelValue = 256 // bytes
	MaxBuckets    = 320 // of one histogram; neighbours are merged down to it
	MaxUnit       = 32  // bytes; a longer unit is dropped
)

// Reasons for which measurements are refused, whatever their format.
const (
	NoMetric       = "name: missing"
	LongMetric     = "name: longer than 256 bytes"
	ManyLabels     = "labels: more than 32"
	NoLabelName    = "label: name is empty"
	LongLabelName  = "label: name longer than 128 bytes"
	LongLabelValue = "label: value longer than 256 bytes"
	TwiceLabel     = "label: name is there twice"
	BadMoment      = "time: not between 2000 and 2200"
	ManyBuckets    = "histogram: more than 8,192 buckets"
	BadBounds      = "histogram: bounds do not ascend"
	BadBuckets     = "histogram: buckets do not fit the bounds"
)

// SortLabels sorts labels by name, drops those whose value is empty, which is the same as none, and
// says what is wrong with those that stay. It allocates nothing.
func SortLabels(labels []event.Label) (sorted []event.Label, reason string) {
	kept := labels[:0]
	for _, l := range labels {
		switch {
		case len(l.Name) == 0:
			return nil, NoLabelName
		case len(l.Name) > MaxLabelName:
			return nil, LongLabelName
		case len(l.Value) > MaxLabelValue:
			return nil, LongLabelValue
		case len(l.Value) > 0:
			kept = append(kept, l)
		}
	}
	if len(kept) > MaxLabels {
		return nil, ManyLabels
	}
	for i := 1; i < len(kept); i++ { // nearly always sorted as sent
		for j := i; j > 0; j-- {
			order := bytes.Compare(kept[j-1].Name, kept[j].Name)
			if order == 0 {
				return nil, TwiceLabel
			}
			if order < 0 {
				break
			}
			kept[j-1], kept[j] = kept[j], kept[j-1]
		}
	}
	return kept, ""
}

// Moments outside these are broken clocks; they are those of package field.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Moment is a time in nanoseconds since 1970, where it is one that can be believed.
func Moment(nanos int64) (time.Time, bool) {
	t := time.Unix(0, nanos).UTC()
	return t, !t.Before(earliest) && t.Before(latest)
}

// MomentMillis is Moment for milliseconds, which reach further than 64 bits of nanoseconds.
func MomentMillis(millis int64) (time.Time, bool) {
	t := time.UnixMilli(millis).UTC()
	return t, !t.Before(earliest) && t.Before(latest)
}

// Finite tells a number from NaN and the infinities.
func Finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
