package mapping

import (
	"bytes"
	"slices"
	"strings"
)

// translation turns the sender's words into ours.
type translation struct {
	words    map[string][]byte
	patterns []pattern // those that say most come first
}

// pattern is a word with * at its begin, its end, or both.
type pattern struct {
	part         []byte
	open, opened bool // * at its end, at its begin
	to           []byte
}

func newTranslation(values map[string]string) *translation {
	if len(values) == 0 {
		return nil
	}
	t := &translation{words: map[string][]byte{}}
	for word, to := range values {
		part, open := strings.CutSuffix(word, "*")
		part, opened := strings.CutPrefix(part, "*")
		if !open && !opened {
			t.words[word] = []byte(to)
			continue
		}
		t.patterns = append(t.patterns, pattern{[]byte(part), open, opened, []byte(to)})
	}
	slices.SortFunc(t.patterns, func(a, b pattern) int {
		if n := len(b.part) - len(a.part); n != 0 {
			return n
		}
		return bytes.Compare(a.part, b.part)
	})
	return t
}

// exact is what stands for the whole word. A pattern stands for what is there, so not for the mark
// of an absent value.
func (t *translation) exact(word []byte) (to []byte, ok bool) {
	to, ok = t.words[string(word)]
	return to, ok
}

func (t *translation) match(word []byte) (to []byte, ok bool) {
	for i := range t.patterns {
		if p := &t.patterns[i]; p.matches(word) {
			return p.to, true
		}
	}
	return nil, false
}

func (p *pattern) matches(word []byte) bool {
	switch {
	case p.open && p.opened:
		return bytes.Contains(word, p.part)
	case p.open:
		return bytes.HasPrefix(word, p.part)
	}
	return bytes.HasSuffix(word, p.part)
}
