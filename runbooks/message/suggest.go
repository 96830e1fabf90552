package message

import (
	"slices"
	"strings"
)

// maxSuggest bounds how many names are listed, and how long one is that is compared.
const maxSuggest = 12

// unknown says that there is no such name, and which was meant, or which there are.
func unknown(name string, there []string) string {
	if len(there) == 0 {
		return "there is none at all"
	}
	if best := nearest(name, there); best != "" {
		return "is " + best + " meant?"
	}
	if len(there) > maxSuggest {
		there = append(slices.Clone(there[:maxSuggest]), "…")
	}
	return "there are " + strings.Join(there, ", ")
}

// nearest is the name that differs least, by a third of its letters at most; "": none does.
func nearest(name string, there []string) string {
	best, least := "", 1<<30
	if len(name) > 64 {
		return ""
	}
	for _, candidate := range there {
		d := distance(strings.ToLower(name), candidate)
		if d < least && d <= (len(candidate)+2)/3 {
			best, least = candidate, d
		}
	}
	return best
}

// distance is how many bytes must be changed, added or taken away to make a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
