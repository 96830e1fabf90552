// Package spelling finds what was probably meant by a name that is not known. It leaves to others how that is said.
package spelling

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// longest is how long a name is that is compared, in bytes: what a stranger writes may be of any length.
const longest = 64

// Near are those of names that are written nearly like name, the nearest first, and in their order where they are
// equally near: a third of name's letters may be changed, added or taken away, most at the most. fold takes away what
// is easily confused, from both.
func Near(name string, names []string, most int, fold func(string) string) []string {
	if len(name) > longest {
		return nil
	}
	bare := fold(name)
	most = min(most, (utf8.RuneCountInString(bare)+2)/3)
	far := map[string]int{}
	var near []string
	for _, candidate := range names {
		if _, seen := far[candidate]; seen {
			continue
		}
		far[candidate] = levenshtein.ComputeDistance(bare, fold(candidate))
		if far[candidate] <= most {
			near = append(near, candidate)
		}
	}
	slices.SortStableFunc(near, func(a, b string) int { return cmp.Compare(far[a], far[b]) })
	return near
}
