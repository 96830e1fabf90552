package provider

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Labels come from whoever can send a line, a series or an alert. What is said is taken through Line or Lines
// first, so that none of it can start a header, a line or a direction of writing of its own. What a channel's
// markup means by < or * is the channel's to escape.

// Line is text as one line of at most limit characters: line breaks and control characters become a space,
// characters that nobody sees (directions of writing, joiners, what is no UTF-8) are left out, spaces around
// are too; a longer one ends in "…".
func Line(text string, limit int) string {
	return clean(text, limit, false)
}

// Lines is text whose line breaks stay, at most two in a row.
func Lines(text string, limit int) string {
	return clean(text, limit, true)
}

func clean(text string, limit int, lines bool) string {
	if limit <= 0 {
		return ""
	}
	// Whatever is cut off later, no more is looked at than could be shown.
	if most := 16 * utf8.UTFMax * (limit + 1); len(text) > most {
		text = text[:most]
	}
	b := make([]byte, 0, min(len(text), utf8.UTFMax*limit))
	n, gap, breaks := 0, false, 0
	last := 0 // where the character begins that "…" takes the place of
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch {
		case r == utf8.RuneError && size == 1, unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs), r >= 0xFDD0 && r <= 0xFDEF, r&0xFFFE == 0xFFFE:
			continue
		case lines && r == '\n':
			if gap = false; n > 0 {
				breaks++
			}
			continue
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == ' ':
			gap = n > 0 && (breaks == 0 || r == ' ')
			continue
		}
		for ; breaks > 0 && n < limit; breaks-- {
			if breaks <= 2 {
				last = len(b)
				b, n = append(b, '\n'), n+1
			}
		}
		if gap && n < limit {
			last = len(b)
			b, n, gap = append(b, ' '), n+1, false
		}
		if n == limit {
			b = append(b[:last], "…"...)
			return string(b)
		}
		last = len(b)
		b, n = utf8.AppendRune(b, r), n+1
	}
	return string(b)
}

// maxLink is the longest URL that is put behind a word, in bytes: what chats take.
const maxLink = 2000

// Link is text if it is an absolute URL of the web that can be put behind a word; "" otherwise. Runbooks' may
// come from an alert that somebody sent: javascript: and its like are no runbooks.
func Link(text string) string {
	if len(text) > maxLink || strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r > unicode.MaxASCII || strings.ContainsRune("<>\"'`|\\^{}", r)
	}) {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return text
}
