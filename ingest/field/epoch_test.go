package field_test

import (
	"testing"
	"time"

	"vigie/ingest/field"
)

func TestEpochIn(t *testing.T) {
	const at = "2026-09-08T19:45:03.12Z"
	for _, c := range []struct {
		in   string
		unit time.Duration
		want string
	}{
		{"1788896703.120", time.Second, at},
		{"1788896703120", time.Millisecond, at},
		{"1788896703120.5", time.Millisecond, "2026-09-08T19:45:03.1205Z"},
		{"1788896703120000", time.Microsecond, at},
		{"1788896703120000001", time.Nanosecond, "2026-09-08T19:45:03.120000001Z"},
		{"1788896703120", time.Second, ""}, // a number in another unit is no time, rather than one in another age
		{"1788896703", time.Millisecond, ""},
		{"", time.Second, ""}, {"-1", time.Second, ""}, {"1e9", time.Second, ""}, {"1788896703.", time.Second, "2026-09-08T19:45:03Z"},
		{"1788896703.x", time.Second, ""}, {"99999999999999999999", time.Nanosecond, ""},
	} {
		got, ok := field.EpochIn([]byte(c.in), c.unit)
		if ok != (c.want != "") || ok && (got.Format(time.RFC3339Nano) != c.want || !field.Plausible(got)) {
			t.Errorf("EpochIn(%s, %s) = %v %v, want %q", c.in, c.unit, got, ok, c.want)
		}
	}
	if field.Plausible(time.Time{}) {
		t.Error("the zero time is plausible")
	}
}
