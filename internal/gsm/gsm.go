// Package gsm counts what a text costs as a short message, and writes a text in the alphabet of telephones.
//
// A short message holds 160 characters of the GSM 7-bit alphabet (3GPP TS 23.038), where some cost two. One
// character outside of it, as « ê » or « ’ » in French, makes the whole message UCS-2: 70 units of UTF-16. What is
// longer is cut into parts that each lose room to say which part they are: 153 characters, or 67 units.
package gsm

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Room of a message that is alone, and of each part of a longer one.
const (
	Single        = 160
	Part          = 153
	SingleUnicode = 70
	PartUnicode   = 67
)

// basic are the characters that cost one.
const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

// extended are those that cost two: an escape before them.
const extended = "^{}\\[~]|€\f"

// Cost is how many characters r takes of a message in the 7-bit alphabet; 0: it is not in it.
func Cost(r rune) int {
	switch {
	case r == utf8.RuneError:
		return 0
	case strings.ContainsRune(basic, r):
		return 1
	case strings.ContainsRune(extended, r):
		return 2
	}
	return 0
}

// Segments is how many messages a text takes, and whether it has to be UCS-2. An empty text is one message:
// an empty one is sent too.
func Segments(text string) (n int, ucs2 bool) {
	if strings.ContainsFunc(text, func(r rune) bool { return Cost(r) == 0 }) {
		return pack(text, SingleUnicode, PartUnicode, func(r rune) int { return utf16.RuneLen(r) }), true
	}
	return pack(text, Single, Part, Cost), false
}

// pack is how many messages a text takes where a character costs as told. A character is not cut in two, so
// that a part may stay short by one.
func pack(text string, single, part int, cost func(rune) int) int {
	total, parts, used := 0, 1, 0
	for _, r := range text {
		c := cost(r)
		total += c
		if used += c; used > part {
			parts, used = parts+1, c
		}
	}
	if total <= single {
		return 1
	}
	return parts
}

// nearest are characters that the alphabet lacks, as a reader of French or English would write them on a telephone.
var nearest = map[rune]string{
	'’': "'", '‘': "'", '‚': "'", '‛': "'", 'ʼ': "'", '′': "'", '´': "'", '`': "'",
	'“': `"`, '”': `"`, '„': `"`, '«': `"`, '″': `"`, '‹': "'", '›': "'",
	'–': "-", '—': "-", '‐': "-", '‑': "-", '‒': "-", '−': "-", '•': "-", '·': ".", '…': "...", '×': "x", '÷': "/",
	'\t': " ", '°': "o", 'º': "o", 'ª': "a", '²': "2", '³': "3", '¹': "1", '½': "1/2", '¼': "1/4", '¾': "3/4",
	'≤': "<=", '≥': ">=", '≠': "!=", '≈': "~", '→': "->", '←': "<-", '↑': "+", '↓': "-", '±': "+/-", '‰': "o/oo", 'µ': "u", 'μ': "u",
	'©': "(c)", '®': "(r)", '™': "tm", '¢': "c", '¦': "|", '¬': "-", '¶': "", '¨': "", '¸': "",
	'á': "a", 'â': "a", 'ã': "a", 'ā': "a", 'ă': "a", 'ą': "a", 'À': "A", 'Á': "A", 'Â': "A", 'Ã': "A", 'Ā': "A", 'Ă': "A", 'Ą': "A",
	'ç': "c", 'ć': "c", 'ĉ': "c", 'ċ': "c", 'č': "c", 'Ć': "C", 'Ĉ': "C", 'Ċ': "C", 'Č': "C",
	'ď': "d", 'đ': "d", 'ð': "d", 'Ď': "D", 'Đ': "D", 'Ð': "D",
	'ê': "e", 'ë': "e", 'ē': "e", 'ĕ': "e", 'ė': "e", 'ę': "e", 'ě': "e", 'È': "E", 'Ê': "E", 'Ë': "E", 'Ē': "E", 'Ĕ': "E", 'Ė': "E", 'Ę': "E", 'Ě': "E",
	'ĝ': "g", 'ğ': "g", 'ġ': "g", 'ģ': "g", 'Ĝ': "G", 'Ğ': "G", 'Ġ': "G", 'Ģ': "G", 'ĥ': "h", 'ħ': "h", 'Ĥ': "H", 'Ħ': "H",
	'í': "i", 'î': "i", 'ï': "i", 'ĩ': "i", 'ī': "i", 'į': "i", 'ı': "i", 'Ì': "I", 'Í': "I", 'Î': "I", 'Ï': "I", 'Ĩ': "I", 'Ī': "I", 'Į': "I", 'İ': "I",
	'ĵ': "j", 'Ĵ': "J", 'ķ': "k", 'Ķ': "K", 'ĺ': "l", 'ļ': "l", 'ľ': "l", 'ł': "l", 'Ĺ': "L", 'Ļ': "L", 'Ľ': "L", 'Ł': "L",
	'ń': "n", 'ņ': "n", 'ň': "n", 'Ń': "N", 'Ņ': "N", 'Ň': "N", 'ó': "o", 'ô': "o", 'õ': "o", 'ō': "o", 'ő': "o", 'Ò': "O", 'Ó': "O", 'Ô': "O", 'Õ': "O", 'Ō': "O", 'Ő': "O",
	'œ': "oe", 'Œ': "OE", 'ŕ': "r", 'ř': "r", 'Ŕ': "R", 'Ř': "R", 'ś': "s", 'ŝ': "s", 'ş': "s", 'š': "s", 'ș': "s", 'Ś': "S", 'Ŝ': "S", 'Ş': "S", 'Š': "S", 'Ș': "S",
	'ţ': "t", 'ť': "t", 'ț': "t", 'Ţ': "T", 'Ť': "T", 'Ț': "T", 'þ': "th", 'Þ': "Th",
	'ú': "u", 'û': "u", 'ũ': "u", 'ū': "u", 'ŭ': "u", 'ů': "u", 'ű': "u", 'ų': "u", 'Ù': "U", 'Ú': "U", 'Û': "U", 'Ũ': "U", 'Ū': "U", 'Ŭ': "U", 'Ů': "U", 'Ű': "U", 'Ų': "U",
	'ŵ': "w", 'Ŵ': "W", 'ý': "y", 'ÿ': "y", 'ŷ': "y", 'Ý': "Y", 'Ŷ': "Y", 'Ÿ': "Y", 'ź': "z", 'ż': "z", 'ž': "z", 'Ź': "Z", 'Ż': "Z", 'Ž': "Z",
}

// Fold is the nearest text in the 7-bit alphabet: « ’ » becomes ', « ê » e, « ç » c, « … » three points. Spaces of
// any width become one plain space, marks that combine and characters that nobody sees are left out. What has
// nothing near, as a letter of another script, becomes a question mark: never is it UCS-2.
func Fold(text string) string {
	b := make([]byte, 0, len(text))
	opened := false // after «: the space that French puts there is not for telephones
	for _, r := range text {
		switch {
		case Cost(r) > 0 && r != ' ':
			b = utf8.AppendRune(b, r)
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\t':
		case unicode.IsSpace(r):
			if !opened {
				b = append(b, ' ')
			}
		case r == '»':
			b = append(bytes.TrimRight(b, " "), '"')
		default:
			near, ok := nearest[r]
			if !ok {
				near = "?"
			}
			b = append(b, near...)
		}
		opened = r == '«'
	}
	return string(b)
}

// Cut is the beginning of a folded text that costs at most limit characters of the 7-bit alphabet; of other
// texts, each character that is not in it counts as two.
func Cut(text string, limit int) string {
	used := 0
	for i, r := range text {
		c := Cost(r)
		if c == 0 {
			c = 2
		}
		if used += c; used > limit {
			return text[:i]
		}
	}
	return text
}

// Length is what a folded text costs in characters of the 7-bit alphabet; what is not in it counts as two.
func Length(text string) (n int) {
	for _, r := range text {
		if c := Cost(r); c > 0 {
			n += c
		} else {
			n += 2
		}
	}
	return n
}
