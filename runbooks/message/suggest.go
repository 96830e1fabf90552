package message

import (
	"slices"
	"strings"

	"vigie/internal/spelling"
)

// maxSuggest bounds how many names are listed.
const maxSuggest = 12

// unknown says that there is no such name, and which was meant, or which there are.
func unknown(name string, there []string) string {
	if len(there) == 0 {
		return "there is none at all"
	}
	if near := spelling.Near(name, there, 5, strings.ToLower); len(near) > 0 {
		return "is " + near[0] + " meant?"
	}
	if len(there) > maxSuggest {
		there = append(slices.Clone(there[:maxSuggest]), "…")
	}
	return "there are " + strings.Join(there, ", ")
}
