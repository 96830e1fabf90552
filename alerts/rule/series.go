package rule

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxNight is the longest that a series of a test is, in seconds.
const maxNight = 2 * 60 * 60

// parseSeries reads what a signal shows second by second: "0.001x120 _x10 0.08..0.2x30" is 0.001 for two
// minutes, nothing for ten seconds, and a straight line from 0.08 to 0.2 in half a minute. A part without x is
// one second. What is not known is NaN.
func parseSeries(text string) ([]float64, error) {
	var values []float64
	for _, part := range strings.Fields(text) {
		value, times, repeated := strings.Cut(part, "x")
		n := 1
		if repeated {
			var err error
			if n, err = strconv.Atoi(times); err != nil || n < 1 || n > maxNight {
				return nil, fmt.Errorf("%.40q does not last 1 to %d seconds: write a value x seconds, as 0.08x60", part, maxNight)
			}
		}
		if len(values)+n > maxNight {
			return nil, fmt.Errorf("is longer than %d seconds", maxNight)
		}
		first, last, ramp := strings.Cut(value, "..")
		if !ramp {
			last = first
		}
		from, okFrom := parsePoint(first)
		to, okTo := parsePoint(last)
		if !okFrom || !okTo || ramp && (math.IsNaN(from) || math.IsNaN(to)) {
			return nil, fmt.Errorf("%.40q is none of a value (0.08x60), nothing (_x10) and a straight line (0.08..0.2x30)", part)
		}
		for i := range n {
			v := from
			if ramp && n > 1 {
				share := float64(i) / float64(n-1)
				v = from*(1-share) + to*share
			}
			values = append(values, v)
		}
	}
	return values, nil
}

func parsePoint(s string) (float64, bool) {
	if s == "_" {
		return math.NaN(), true
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && math.Abs(v) <= 1e18
}
