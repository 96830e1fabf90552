package web

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDiffed bounds the words of a text that are compared; longer ones differ as a whole.
const maxDiffed = 1500

// diffWords is what must be taken away from one text, and added, to have the other: pieces of class "gone", "came" or
// none. It is nil where they are the same.
func diffWords(before, after string) []textPiece {
	if before == after {
		return nil
	}
	a, b := wordsOf(before), wordsOf(after)
	if len(a) > maxDiffed || len(b) > maxDiffed {
		return pieced([]textPiece{{Text: before, Class: "gone"}, {Text: after, Class: "came"}})
	}
	// The longest common subsequence of words, by rows from the end.
	lengths := make([][]uint16, len(a)+1)
	for i := range lengths {
		lengths[i] = make([]uint16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				lengths[i][j] = lengths[i+1][j+1] + 1
			} else {
				lengths[i][j] = max(lengths[i+1][j], lengths[i][j+1])
			}
		}
	}
	var all []textPiece
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, textPiece{Text: a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && lengths[i+1][j] >= lengths[i][j+1]:
			all = append(all, textPiece{Text: a[i], Class: "gone"})
			i++
		default:
			all = append(all, textPiece{Text: b[j], Class: "came"})
			j++
		}
	}
	return pieced(all)
}

// pieced joins neighbours of one class; what went stands before what came in its place.
func pieced(all []textPiece) []textPiece {
	var out []textPiece
	for n := 0; n < len(all); {
		if all[n].Class == "" {
			out = appendPiece(out, all[n])
			n++
			continue
		}
		gone, came := textPiece{Class: "gone"}, textPiece{Class: "came"}
		for ; n < len(all) && all[n].Class != ""; n++ {
			if all[n].Class == "gone" {
				gone.Text += all[n].Text
			} else {
				came.Text += all[n].Text
			}
		}
		out = appendPiece(appendPiece(out, gone), came)
	}
	return out
}

func appendPiece(all []textPiece, p textPiece) []textPiece {
	if p.Text == "" {
		return all
	}
	if n := len(all); n > 0 && all[n-1].Class == p.Class {
		all[n-1].Text += p.Text
		return all
	}
	return append(all, p)
}

// wordsOf cuts a text into words and what stands between them; each character belongs to one.
func wordsOf(text string) []string {
	var all []string
	for text != "" {
		first, _ := utf8.DecodeRuneInString(text)
		inWord := unicode.IsLetter(first) || unicode.IsDigit(first)
		end := strings.IndexFunc(text, func(r rune) bool { return (unicode.IsLetter(r) || unicode.IsDigit(r)) != inWord })
		if end < 0 {
			end = len(text)
		}
		if !inWord {
			_, end = utf8.DecodeRuneInString(text) // each sign by itself
		}
		all = append(all, text[:end])
		text = text[end:]
	}
	return all
}
