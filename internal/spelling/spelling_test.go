package spelling

import (
	"slices"
	"strings"
	"testing"
)

func TestWhatWasMeantIsWhatDiffersLeast(t *testing.T) {
	names := []string{"cdn", "isp", "service", "début", "service"}
	for _, c := range []struct {
		name string
		most int
		want []string
	}{
		{"cnd", 2, nil}, {"cdm", 2, []string{"cdn"}}, {"CDN", 2, []string{"cdn"}}, {"servise", 2, []string{"service"}},
		{"debut", 2, []string{"début"}}, {"services", 0, nil}, {"", 2, nil}, {strings.Repeat("s", 65), 99, nil},
	} {
		if got := Near(c.name, names, c.most, strings.ToLower); !slices.Equal(got, c.want) {
			t.Errorf("%q, %d: %q, want %q", c.name, c.most, got, c.want)
		}
	}
}
