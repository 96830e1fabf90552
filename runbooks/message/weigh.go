package message

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// weigh is what a text counts for at X, by version 3 of its rules: letters of the Latin, Greek, Cyrillic, Hebrew and
// Arabic scripts and common punctuation one, all else two; an emoji two, however many characters it is made of; an
// address 23. It is never less than what X counts: where X may see no address, the larger of both counts.
func weigh(text string) int {
	return linked(norm.NFC.String(text), weighPlain, func(address string) int {
		if strings.Contains(address, "://") && endsAs(address) {
			return 23
		}
		return max(23, weighPlain(address))
	})
}

// endsAs tells whether an address's domain ends in one that X knows.
func endsAs(address string) bool {
	_, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	host, _, _ = strings.Cut(host, "#")
	host, _, _ = strings.Cut(host, ":")
	ending := host[strings.LastIndexByte(host, '.')+1:]
	return ending != "example" && topLevel(ending)
}

func weighPlain(text string) (n int) {
	for state := -1; text != ""; {
		var cluster string
		cluster, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		if emoji(cluster) {
			n += 2
			continue
		}
		for _, r := range cluster {
			n += weight(r)
		}
	}
	return n
}

func weight(r rune) int {
	switch {
	case r <= 4351, 8192 <= r && r <= 8205, 8208 <= r && r <= 8223, 8242 <= r && r <= 8247:
		return 1
	}
	return 2
}

// emoji tells whether what is seen as one character is one to X: a picture with what makes it another one, a flag, or
// a key with a digit.
func emoji(cluster string) bool {
	first, size := utf8.DecodeRuneInString(cluster)
	rest := cluster[size:]
	switch {
	case rest == "":
		return false // it weighs two by its number
	case strings.ContainsRune("#*0123456789", first):
		return rest == "\u20e3" || rest == "\ufe0f\u20e3"
	case 0x1f1e6 <= first && first <= 0x1f1ff:
		second, end := utf8.DecodeRuneInString(rest)
		return len(rest) == end && 0x1f1e6 <= second && second <= 0x1f1ff
	case first == '©' || first == '®':
		return rest == "\ufe0f"
	case !picture(first):
		return false
	}
	for _, r := range rest {
		joins := r == 0xfe0f || r == 0x200d || 0x1f3fb <= r && r <= 0x1f3ff || 0xe0020 <= r && r <= 0xe007f
		if !joins && !picture(r) {
			return false
		}
	}
	return true
}

func picture(r rune) bool {
	return 0x1f000 <= r && r <= 0x1faff || 0x2600 <= r && r <= 0x27bf || 0x2190 <= r && r <= 0x23ff || 0x2b00 <= r && r <= 0x2bff ||
		r == 0x203c || r == 0x2049 || r == 0x2122 || r == 0x2139 || 0x25a0 <= r && r <= 0x25ff || r == 0x3030 || r == 0x303d || r == 0x3297 || r == 0x3299
}
