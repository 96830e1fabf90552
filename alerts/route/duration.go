package route

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration as a file writes it: 5s, 10m, 12h, and d and w for days and weeks, which
// have 24 hours and 7 days by the clock on the wall.
type Duration time.Duration

// notDuration is what could not be read; Check says so, with its place.
const notDuration = Duration(math.MinInt64)

// UnmarshalText reads one. A number needs its unit, except 0. What is none becomes a value that Check refuses.
func (d *Duration) UnmarshalText(text []byte) error {
	*d = parseDuration(strings.TrimSpace(string(text)))
	return nil
}

func parseDuration(s string) Duration {
	if len(s) > 40 {
		return notDuration
	}
	if n := len(s) - 1; n > 0 && (s[n] == 'd' || s[n] == 'w') {
		days, err := strconv.ParseUint(s[:n], 10, 16)
		if err != nil {
			return notDuration
		}
		if s[n] == 'w' {
			days *= 7
		}
		if days > 10000 { // as hours they would not fit
			return notDuration
		}
		return Duration(days) * Duration(24*time.Hour)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return notDuration
	}
	return Duration(v)
}

// UnmarshalYAML leaves what is none for Check to say with its place in the file.
func (d *Duration) UnmarshalYAML(read func(any) error) error {
	var text string
	if err := read(&text); err != nil {
		return err
	}
	return d.UnmarshalText([]byte(text))
}

// MarshalText writes it as a file does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Duration) String() string {
	const day = Duration(24 * time.Hour)
	switch {
	case d == notDuration:
		return "?"
	case d >= 7*day && d%(7*day) == 0:
		return strconv.Itoa(int(d/(7*day))) + "w"
	case d >= day && d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	case d >= Duration(time.Hour) && d%Duration(time.Hour) == 0:
		return strconv.Itoa(int(d/Duration(time.Hour))) + "h"
	case d >= Duration(time.Minute) && d%Duration(time.Minute) == 0:
		return strconv.Itoa(int(d/Duration(time.Minute))) + "m"
	}
	return time.Duration(d).String()
}
