package message

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"math"
	"slices"

	"vigie/runbooks/channel"
)

// form is what a hash is made of, written so that no two contents read the same: each text after its length, each list
// after its number of entries.
type form struct{ h hash.Hash }

func newForm(version string) form {
	f := form{sha256.New()}
	f.text(version)
	return f
}

func (f form) number(n uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	f.h.Write(b[:])
}

func (f form) text(s string) {
	f.number(uint64(len(s)))
	f.h.Write([]byte(s))
}

func (f form) yes(b bool) {
	if b {
		f.number(1)
	} else {
		f.number(0)
	}
}

func (f form) words(w Words) {
	all := make([]string, 0, len(w))
	for language, text := range w {
		if line(text) != "" { // what a form leaves empty is not there
			all = append(all, language)
		}
	}
	slices.Sort(all)
	f.number(uint64(len(all)))
	for _, language := range all {
		f.text(language)
		f.text(line(w[language]))
	}
}

func (f form) sum() string { return hex.EncodeToString(f.h.Sum(nil)) }

// Hash is of what is approved: SHA-256, in hex, over the texts of a step in all channels and languages, the variables
// that they use with all that is said of them, and the audience; and over nothing else, so that an edit of another
// step leaves it. It is of texts as Clean leaves them. "": the step has no message.
func (s *Scenario) Hash(step Step) string {
	texts := s.Messages[step].said()
	if len(texts) == 0 {
		return ""
	}
	f := newForm("message 1")
	f.text(string(step))
	f.text(s.Audience)
	f.number(uint64(len(texts)))
	for _, t := range texts {
		f.text(string(t.kind))
		f.text(t.language)
		f.text(line(t.Subject))
		f.text(clean(t.Body))
		f.yes(t.Fold)
	}
	used := s.Uses(step)
	f.number(uint64(len(used)))
	for _, name := range used {
		f.text(name)
		v := s.Variables[name]
		f.yes(v != nil)
		if v == nil {
			continue
		}
		f.text(string(v.Type))
		f.words(v.Label)
		f.number(uint64(len(v.Values)))
		for _, c := range v.Values {
			f.text(c.ID)
			f.words(c.Words)
		}
		f.number(uint64(len(v.Allow)))
		for _, prefix := range v.Allow {
			f.text(prefix)
		}
		f.text(v.Live)
		f.number(math.Float64bits(v.Least))
		f.number(math.Float64bits(v.Most))
		f.text(line(v.Default))
	}
	return f.sum()
}

// said is one text with its place.
type said struct {
	kind     channel.Kind
	language string
	Text
}

// said are a message's texts in the order in which they are said: by channel, then by language. Channels and languages
// that are not known come last; empty texts are not there.
func (m *Message) said() []said {
	var all []said
	for kind, texts := range m.texts() {
		for language, t := range texts {
			if line(t.Subject) != "" || clean(t.Body) != "" {
				all = append(all, said{kind, language, t})
			}
		}
	}
	slices.SortFunc(all, func(a, b said) int {
		if d := rank(a.kind, channel.Kinds()) - rank(b.kind, channel.Kinds()); d != 0 {
			return d
		}
		if d := rank(a.language, languages) - rank(b.language, languages); d != 0 {
			return d
		}
		if a.kind+channel.Kind("\x00"+a.language) < b.kind+channel.Kind("\x00"+b.language) {
			return -1
		}
		return 1
	})
	return all
}

func rank[T comparable](v T, order []T) int {
	if i := slices.Index(order, v); i >= 0 {
		return i
	}
	return len(order)
}

// Uses are the names of the variables that a step's texts name, sorted.
func (s *Scenario) Uses(step Step) []string {
	var texts []string
	for _, t := range s.Messages[step].said() {
		texts = append(texts, t.Subject, t.Body)
	}
	return names(texts...)
}

// digest is of texts as they will be sent.
func digest(texts map[channel.Kind]map[string]Output) string {
	f := newForm("texts 1")
	for _, kind := range slices.Sorted(maps.Keys(texts)) {
		for _, language := range slices.Sorted(maps.Keys(texts[kind])) {
			o := texts[kind][language]
			for _, s := range []string{string(kind), language, o.Subject, o.Text, o.HTML} {
				f.text(s)
			}
		}
	}
	return f.sum()
}
