package mapping

import (
	"bytes"
	"math"
	"slices"
	"time"

	"vigie/ingest/field"
)

// unit is what a sender's number is multiplied by.
type unit struct {
	name     string
	num, den uint64
}

func durations() []unit {
	return []unit{{"s", uint64(time.Second), 1}, {"ms", uint64(time.Millisecond), 1}, {"us", uint64(time.Microsecond), 1}, {"ns", 1, 1}}
}

func sizes() []unit {
	return []unit{{"B", 1, 1}, {"KB", 1000, 1}, {"MB", 1e6, 1}, {"GB", 1e9, 1}, {"KiB", 1 << 10, 1}, {"MiB", 1 << 20, 1}, {"GiB", 1 << 30, 1},
		{"bit", 1, 8}, {"kbit", 1000, 8}, {"Mbit", 1e6, 8}}
}

// bits are sizes for what is counted in bits.
func bits() []unit {
	return []unit{{"bit", 1, 1}, {"kbit", 1000, 1}, {"Mbit", 1e6, 1}, {"B", 8, 1}, {"KB", 8000, 1}, {"MB", 8e6, 1}}
}

// rates are those of CMCD, in kbit/s.
func rates() []unit {
	return []unit{{"kbit", 1, 1}, {"bit", 1, 1000}, {"Mbit", 1000, 1}, {"B", 8, 1000}, {"KB", 8, 1}}
}

// lengths are those of CMCD's buffer, in ms.
func lengths() []unit {
	return []unit{{"ms", 1, 1}, {"s", 1000, 1}, {"us", 1, 1000}}
}

// Weights: a number of requests, or the part that was logged.
const (
	unitRatio   = "ratio"
	unitPercent = "percent"
)

func weights() []unit { return []unit{{"", 1, 1}, {unitRatio, 1, 1}, {unitPercent, 100, 1}} }

// number reads a number of units, up to most. A fraction of the result is dropped.
func (u unit) number(b []byte, most uint64) (uint64, bool) {
	if u.num == u.den {
		return field.UintMax(b, most)
	}
	if bytes.IndexByte(b, '.') >= 0 {
		f, ok := field.Positive(b, 1e18)
		if f = f * float64(u.num) / float64(u.den); !ok || f >= 1<<63 || uint64(f) > most {
			n, zero := field.Uint(b)
			return 0, zero && n == 0 && f == 0
		}
		return uint64(f), true
	}
	n, ok := field.Uint(b)
	if !ok || n > math.MaxUint64/u.num || n*u.num/u.den > most {
		return 0, false
	}
	return n * u.num / u.den, true
}

const maxWeight = 1e6

// weight reads how many requests a line stands for, 1 to a million.
func (u unit) weight(b []byte) (float64, bool) {
	w, ok := field.Positive(b, maxWeight)
	switch u.name {
	case unitRatio:
		w = 1 / w
	case unitPercent:
		w = 100 / w
	}
	return w, ok && w > 0 && w <= maxWeight
}

// named is the unit of that name; "" is the first, which is the field's own.
func named(units []unit, name string) (unit, bool) {
	if name == "" {
		return units[0], true
	}
	i := slices.IndexFunc(units, func(u unit) bool { return u.name == name })
	if i < 0 {
		return unit{}, false
	}
	return units[i], true
}
