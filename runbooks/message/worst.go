package message

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"vigie/internal/gsm"
	"vigie/runbooks/channel"
)

// longMoment is one that takes the most room in each language, on a day that is not its today. The hour that comes
// twice a year, whose zone is said too, may take five characters more.
var longMoment = time.Date(2026, 9, 30, 23, 59, 0, 0, time.UTC)

// widest is the character of a name that takes the most room: two when it is folded, and none that telephones have.
const widest = "œ"

// sayings are the words that a variable may become, of which one takes the most room by any measure.
func (v voice) sayings(of *Variable) []string {
	switch of.Type {
	case Time:
		return []string{v.moment(longMoment)}
	case Duration:
		least, most := of.Minutes()
		all := []string{v.minutes(most)}
		for n := least; n <= most; n++ {
			if words := v.minutes(n); len(words) > len(all[0]) {
				all[0] = words
			}
		}
		return all
	case Number, About:
		most := of.most(maxNumber)
		all := []string{v.number(of.rounded(most)), v.number(of.rounded(of.Least))}
		for _, n := range []float64{9.9, 99.9} {
			if of.Least <= n && n <= most {
				all = append(all, v.number(of.rounded(n)))
			}
		}
		return all
	case URL:
		prefix := "https://xx.xx/"
		for _, p := range slices.Concat(of.Allow, v.house) {
			prefix = strings.TrimSuffix(p, "/") + "/"
			break
		}
		return []string{prefix + strings.Repeat("x", max(0, int(of.most(usualURL))-len(prefix)))}
	}
	if len(of.Values) == 0 {
		return []string{strings.Repeat(widest, int(of.most(usualName)))}
	}
	var all []string
	for _, c := range of.Values {
		all = append(all, c.Words[v.language])
	}
	return all
}

// Worst is the step with, in each text, the values that take the most room of its channel. Texts that cannot be read
// are not in it.
func (s *Scenario) Worst(step Step, limits Limits) *Rendered {
	r := &Rendered{Scenario: s.ID, Step: step, Hash: s.Hash(step), Texts: map[channel.Kind]map[string]Output{}}
	for _, t := range s.Messages[step].said() {
		if o, ok := s.worst(t, limits, false); ok {
			if r.Texts[t.kind] == nil {
				r.Texts[t.kind] = map[string]Output{}
			}
			r.Texts[t.kind][t.language] = o
		}
	}
	r.Digest = digest(r.Texts)
	return r
}

// worst tries, for each way in which a channel counts, the longest words of each variable by that way: what is counted
// is a sum, so that these are the longest text.
func (s *Scenario) worst(t said, limits Limits, exercise bool) (Output, bool) {
	v := voiceOf(t.kind, t.language, &Input{Limits: limits})
	words := map[string][]string{}
	for _, name := range names(t.Subject, t.Body) {
		words[name] = []string{""}
		if of := s.Variables[name]; of != nil {
			words[name] = v.sayings(of)
		}
	}
	var most Output
	found := false
	try := func(length func(string) int, except string, exceptLength func(string) int) {
		o, err := t.output(limits, exercise, func(name string) string {
			if name == except {
				return longestBy(words[name], exceptLength)
			}
			return longestBy(words[name], length)
		})
		if err == nil && (!found || fuller(o, most)) {
			most, found = o, true
		}
	}
	switch {
	case t.kind == channel.SMS && t.Fold:
		try(func(s string) int { return gsm.Length(gsm.Fold(s)) }, "", nil)
	case t.kind == channel.SMS:
		// Without any word that telephones lack it is counted one way, with one of them another.
		try(inAlphabet, "", nil)
		for _, name := range names(t.Body) {
			try(len16, name, outsideAlphabet)
		}
	case t.kind == channel.X:
		try(weigh, "", nil)
	case t.kind == channel.Mastodon:
		_, size := limits.mastodon()
		try(func(s string) int { return linked(s, uniseg.GraphemeClusterCount, func(string) int { return size }) }, "", nil)
	case t.kind == channel.Bluesky:
		try(uniseg.GraphemeClusterCount, "", nil)
		try(func(s string) int { return len(s) }, "", nil)
	case t.kind == channel.Email:
		try(func(s string) int { return len(markup("en", s)) + len(s) }, "", nil)
	default:
		try(utf8.RuneCountInString, "", nil)
	}
	return most, found
}

func longestBy(all []string, length func(string) int) string {
	return slices.MaxFunc(all, func(a, b string) int { return length(a) - length(b) })
}

// inAlphabet is what words cost in telephones' alphabet; those that are not in it are the last choice.
func inAlphabet(s string) int {
	if _, ucs2 := gsm.Segments(s); ucs2 {
		return -1
	}
	return gsm.Length(s)
}

// outsideAlphabet is inAlphabet's contrary.
func outsideAlphabet(s string) int {
	if _, ucs2 := gsm.Segments(s); !ucs2 {
		return len16(s) - 1<<20
	}
	return len16(s)
}

// fuller tells whether a takes more of its channel than b: more segments, or more of what there is. Of two short
// messages of as many segments, the one that is not in telephones' alphabet.
func fuller(a, b Output) bool {
	if a.Measure.Segments != b.Measure.Segments {
		return a.Measure.Segments > b.Measure.Segments
	}
	if a.Measure.UCS2 != b.Measure.UCS2 {
		return a.Measure.UCS2
	}
	return a.Measure.Used*max(b.Measure.Most, 1) > b.Measure.Used*max(a.Measure.Most, 1)
}
