package web

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Spaces that do not break, so that a number stays with its unit.
const (
	nbsp  = "\u00a0"
	nnbsp = "\u202f" // narrow
)

// missing stands where there is no number; it is never mistaken for zero.
const missing = "—"

// numbers is how a language writes numbers.
type numbers struct {
	decimal, group string
	unit, percent  string // before a unit; before %
}

var numbersOf = map[string]numbers{
	"fr": {decimal: ",", group: nnbsp, unit: nnbsp, percent: nnbsp},
	"en": {decimal: ".", group: ",", unit: nbsp, percent: ""},
}

// quantity is a number beside its unit, for where they are set in different sizes.
type quantity struct {
	Value, Unit string
	space       string
}

func (q quantity) String() string {
	if q.Unit == "" {
		return q.Value
	}
	return q.Value + q.space + q.Unit
}

// three writes v with three significant digits, or all those before the decimal sign.
func (n numbers) three(v float64) string {
	switch a := math.Abs(v); {
	case a < 9.995:
		return n.fixed(v, 2)
	case a < 99.95:
		return n.fixed(v, 1)
	}
	return n.fixed(v, 0)
}

func (n numbers) fixed(v float64, decimals int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return missing
	}
	digits := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(digits, ".")
	var b strings.Builder
	if v < 0 && strings.Trim(digits, "0.") != "" {
		b.WriteString("−")
	}
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(n.group)
		}
		b.WriteRune(d)
	}
	if fraction != "" {
		b.WriteString(n.decimal)
		b.WriteString(fraction)
	}
	return b.String()
}

// scaled picks the largest of the units, each 1,000 times the one before, that leaves 1 or more.
func (n numbers) scaled(v float64, units ...string) quantity {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return quantity{Value: missing}
	}
	i := 0
	for math.Abs(v) >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	if i == 0 && v == math.Trunc(v) {
		return quantity{n.fixed(v, 0), units[0], n.unit}
	}
	return quantity{n.three(v), units[i], n.unit}
}

// count is whole up to 9,999 and has three digits and k or M beyond.
func (n numbers) count(v float64) quantity {
	if math.Abs(v) < 9999.5 {
		return quantity{Value: n.fixed(v, 0)}
	}
	return n.scaled(v, "", "k", "M", "G")
}

// about is a number of people in a sentence: two significant digits, written out.
func (n numbers) about(v float64) string {
	if v >= 100 {
		step := math.Pow(10, math.Floor(math.Log10(v))-2)
		v = math.Round(v/step) * step
	}
	return n.fixed(v, 0)
}

func bitUnits() []string { return []string{"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"} }

func (n numbers) bits(v float64) quantity { return n.scaled(v, bitUnits()...) }

// unitFor is the unit in which bits would write v, and how many bit/s one of it is.
func (n numbers) unitFor(v float64) (divide float64, unit string) {
	divide = 1
	for _, unit = range bitUnits() {
		if v/divide < 999.5 {
			break
		}
		divide *= 1000
	}
	return min(divide, 1e12), unit
}

func (n numbers) ratio(v float64) quantity {
	return quantity{n.three(v * 100), "%", n.percent}
}

// share needs no more than whole percents, but does not write 0 for what is there.
func (n numbers) share(v float64) quantity {
	switch {
	case v > 0 && v < 0.005:
		return quantity{"<" + nnbsp + "1", "%", n.percent}
	default:
		return quantity{n.fixed(v*100, 0), "%", n.percent}
	}
}

func (n numbers) seconds(v float64) quantity { return quantity{n.three(v), "s", n.unit} }

// latency is in milliseconds under a second.
func (n numbers) latency(v float64) quantity {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return quantity{Value: missing}
	case math.Abs(v) < 0.9995:
		return quantity{n.fixed(v*1000, 0), "ms", n.unit}
	}
	return n.seconds(v)
}

func (n numbers) rate(v float64) quantity { return n.scaled(v, "/s", "k/s", "M/s") }

// times is a factor, with one decimal where it says something.
func (n numbers) times(v float64) string {
	if v < 9.95 {
		return "×" + n.fixed(v, 1)
	}
	return "×" + n.fixed(v, 0)
}

func (n numbers) signed(v float64, decimals int) string {
	text := n.fixed(v, decimals)
	if strings.HasPrefix(text, "−") || strings.Trim(text, "0"+n.decimal) == "" {
		return text
	}
	return "+" + text
}

// span is a length of time in its largest unit: 42 s, 3 min, 2 h, 4 d.
func (l *locale) span(d time.Duration) string {
	switch {
	case d < 0:
		d = 0
		fallthrough
	case d < 100*time.Second:
		return l.fixed(math.Floor(d.Seconds()), 0) + l.unit + "s"
	case d < 100*time.Minute:
		return l.fixed(math.Floor(d.Minutes()), 0) + l.unit + "min"
	case d < 48*time.Hour:
		return l.fixed(math.Floor(d.Hours()), 0) + l.unit + "h"
	}
	return l.fixed(math.Floor(d.Hours()/24), 0) + l.unit + l.T("unit.day")
}

func clock(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return missing
	}
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format("15:04:05")
}
