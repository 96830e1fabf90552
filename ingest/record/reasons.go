package record

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Reasons says how often each was the reason, the most frequent first, for a sender to read.
func Reasons(times map[string]int) string {
	reasons := slices.SortedFunc(maps.Keys(times), func(a, b string) int {
		if d := times[b] - times[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for i, reason := range reasons {
		reasons[i] = fmt.Sprintf("%s (%d)", reason, times[reason])
	}
	return strings.Join(reasons, "; ")
}
