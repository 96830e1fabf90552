package field

import (
	"math"
	"strconv"
	"time"

	"vigie/internal/event"
)

// MaxDuration is the longest duration that is believed; a request does not last longer than a day.
const MaxDuration = 24 * time.Hour

const maxNumber = 40 // bytes; more digits than any number that fits

// Uint reads a whole number; a fraction is dropped. It reports false for nothing, "-", a negative
// number, text, and what 64 bits cannot hold.
func Uint(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > maxNumber {
		return 0, false
	}
	var n uint64
	for i, c := range b {
		d := uint64(c - '0')
		if d > 9 {
			return wholePart(b, i, n)
		}
		if n > math.MaxUint64/10 || n*10 > math.MaxUint64-d {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// wholePart ends Uint at the first byte that is no digit.
func wholePart(b []byte, i int, n uint64) (uint64, bool) {
	if i == 0 {
		return 0, false
	}
	if b[i] == '.' && digits(b[i+1:]) {
		return n, true
	}
	f, ok := float(b)
	if !ok || f >= 1<<63 {
		return 0, false
	}
	return uint64(f), true
}

// UintMax is Uint for a field that no honest sender puts above most.
func UintMax(b []byte, most uint64) (uint64, bool) {
	n, ok := Uint(b)
	if !ok || n > most {
		return 0, false
	}
	return n, true
}

// Duration reads a decimal number of units, exactly. It returns event.Unknown for what is not a
// number, is negative, or is longer than MaxDuration.
func Duration(b []byte, unit time.Duration) time.Duration {
	if len(b) == 0 || len(b) > maxNumber {
		return event.Unknown
	}
	var d time.Duration
	for i, c := range b {
		n := time.Duration(c - '0')
		switch {
		case n <= 9:
			if d = d*10 + n; d > MaxDuration/unit {
				return event.Unknown
			}
		case c == '.' && i > 0 && digits(b[i+1:]):
			return bounded(d*unit + fraction(b[i+1:], unit))
		default:
			f, ok := float(b)
			if !ok || f > float64(MaxDuration/unit) {
				return event.Unknown
			}
			return bounded(time.Duration(f * float64(unit)))
		}
	}
	return bounded(d * unit)
}

func bounded(d time.Duration) time.Duration {
	if d > MaxDuration {
		return event.Unknown
	}
	return d
}

// fraction is 0.digits of a unit.
func fraction(digits []byte, unit time.Duration) time.Duration {
	var d time.Duration
	for _, c := range digits {
		if unit /= 10; unit == 0 {
			break
		}
		d += time.Duration(c-'0') * unit
	}
	return d
}

// float reads what is not written in plain digits, such as 1e3.
func float(b []byte) (float64, bool) {
	if c := b[0]; c < '0' || c > '9' {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(b), 64)
	return f, err == nil && f >= 0
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// Positive reads a finite number above 0 and at most most.
func Positive(b []byte, most float64) (float64, bool) {
	if len(b) == 0 || len(b) > maxNumber {
		return 0, false
	}
	f, ok := float(b)
	if !ok || !(f > 0 && f <= most) {
		return 0, false
	}
	return f, true
}

// ASN reads an autonomous system number, written 3215 or AS3215.
func ASN(b []byte) (uint32, bool) {
	if len(b) > 2 && b[0]|0x20 == 'a' && b[1]|0x20 == 's' {
		b = b[2:]
	}
	n, ok := UintMax(b, math.MaxUint32)
	return uint32(n), ok
}

// Status reads an HTTP status; 0 is what senders write when the client left before any answer.
func Status(b []byte) (uint16, bool) {
	n, ok := UintMax(b, 999)
	return uint16(n), ok
}

// True says whether b is one of the words that senders use for yes.
func True(b []byte) bool {
	switch string(b) {
	case "true", "1", "yes", "True", "TRUE":
		return true
	}
	return false
}
