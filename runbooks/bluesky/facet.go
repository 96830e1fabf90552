package bluesky

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"vigie/internal/provider"
)

// facet is what a part of a text is: without it, a link is letters. Its index counts bytes of UTF-8.
type facet struct {
	Index    index     `json:"index"`
	Features []feature `json:"features"`
}

type index struct {
	Start int `json:"byteStart"`
	End   int `json:"byteEnd"`
}

type feature struct {
	Type string `json:"$type"`
	URI  string `json:"uri,omitempty"`
	Tag  string `json:"tag,omitempty"`
}

const (
	maxFacets = 50
	maxTag    = 64 // characters, as the network's own program takes them
)

var links = regexp.MustCompile(`https?://[!-~]+`)

// facets are a text's links and tags. A mention is neither: it would need somebody's DID.
func facets(text string) []facet {
	var out []facet
	for _, at := range links.FindAllStringIndex(text, maxFacets) {
		link := trimLink(text[at[0]:at[1]])
		if before, _ := utf8.DecodeLastRuneInString(text[:at[0]]); unicode.IsLetter(before) || unicode.IsDigit(before) || provider.Link(link) == "" {
			continue
		}
		out = append(out, facet{index{at[0], at[0] + len(link)}, []feature{{Type: "app.bsky.richtext.facet#link", URI: link}}})
	}
	for start, r := range text {
		if r != '#' || len(out) >= maxFacets {
			continue
		}
		if before, size := utf8.DecodeLastRuneInString(text[:start]); size > 0 && !unicode.IsSpace(before) && before != '(' && before != '«' {
			continue
		}
		tag := text[start+1:]
		if end := strings.IndexFunc(tag, func(r rune) bool {
			return !(unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || r == '_') || r == utf8.RuneError
		}); end >= 0 {
			tag = tag[:end]
		}
		if n := utf8.RuneCountInString(tag); n == 0 || n > maxTag || !strings.ContainsFunc(tag, func(r rune) bool { return !unicode.IsDigit(r) }) {
			continue
		}
		out = append(out, facet{index{start, start + 1 + len(tag)}, []feature{{Type: "app.bsky.richtext.facet#tag", Tag: tag}}})
	}
	return out
}

// trimLink takes off what ends a sentence and not a link: a bracket belongs to it where it was opened in it.
func trimLink(link string) string {
	for link != "" {
		last := link[len(link)-1]
		if strings.IndexByte(`.,;:!?"'>]}*`, last) < 0 && !(last == ')' && strings.Count(link, "(") < strings.Count(link, ")")) {
			break
		}
		link = link[:len(link)-1]
	}
	return link
}
