package rule

import (
	"fmt"
	"math"
	"strings"
	"time"

	"vigie/alerts/notice"
)

// notDuration is what could not be read; Check says so, with its place.
const notDuration = Duration(math.MinInt64)

// UnmarshalText reads a duration as Go writes them. What is none becomes a value that Check refuses.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if *d = Duration(v); err != nil {
		*d = notDuration
	}
	return nil
}

// UnmarshalYAML leaves what is none for Check to say with its place in the file.
func (d *Duration) UnmarshalYAML(read func(any) error) error {
	var text string
	if read(&text) != nil {
		*d = notDuration
		return nil
	}
	return d.UnmarshalText([]byte(text))
}

// MarshalText writes it as a file does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is as short as a person would write it: 2m, not 2m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// seconds are its whole ones.
func (d Duration) seconds() int64 { return int64(time.Duration(d) / time.Second) }

// UnmarshalYAML reads one severity, or a list of severities each with its condition. What is neither is left
// for Check, as a step without a severity.
func (s *Severities) UnmarshalYAML(read func(any) error) error {
	var one string
	if read(&one) == nil {
		*s = Severities{{Severity: notice.Severity(one), When: "true"}}
		return nil
	}
	var list []map[string]any
	if read(&list) != nil {
		*s = Severities{{}}
		return nil
	}
	*s = make(Severities, len(list))
	for i, entry := range list {
		if len(entry) != 1 {
			continue
		}
		for severity, when := range entry {
			(*s)[i] = Step{Severity: notice.Severity(severity), When: fmt.Sprint(when)}
		}
	}
	return nil
}
