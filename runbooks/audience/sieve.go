package audience

import (
	"slices"
	"strings"

	"vigie/runbooks/channel"
)

// candidate is somebody whom a question is about.
type candidate struct {
	id, address, lang string
	agree, house      bool
}

// sieve takes candidates of one kind and leaves out who must not be told. Each candidate is in the list or counted
// once among those left out.
type sieve struct {
	b     *Book
	kind  channel.Kind
	told  Told
	taken []entry
	ids   bool // contacts are suppressed by their ids, some of them

	unreached, disagreed, suppressed, capped, repeated, house int
}

// entry is one who may be told.
type entry struct {
	Recipient
	id    string
	house bool
}

func (b *Book) newSieve(kind channel.Kind, told Told) *sieve {
	return &sieve{b: b, kind: kind, told: told, ids: b.nevers.Len() > 0}
}

// reset lets nobody have been taken.
func (s *sieve) reset() {
	*s = sieve{b: s.b, kind: s.kind, told: s.told, ids: s.ids, taken: s.taken[:0]}
}

func (s *sieve) take(c *candidate) {
	if c.house {
		s.house++
	}
	if c.address == "" {
		s.unreached++
		return
	}
	if !c.agree {
		s.disagreed++
		return
	}
	if s.ids {
		if _, never := s.b.Suppressed(s.b.key(contactKind, c.id)); never {
			s.suppressed++
			return
		}
	}
	key := s.b.key(s.kind, c.address)
	if _, never := s.b.Suppressed(key); never {
		s.suppressed++
		return
	}
	if s.told != nil && s.b.cfg.Cap > 0 && s.told.Count(key) >= s.b.cfg.Cap {
		s.capped++
		return
	}
	s.taken = append(s.taken, entry{Recipient{key, c.address, c.lang}, c.id, c.house})
}

// list is who is left, each address once: the house's own people, then by key. Of contacts that share an address the
// one whose id comes first names the language, so that the same question makes the same list.
func (s *sieve) list() (all []Recipient, canary int) {
	slices.SortFunc(s.taken, func(x, y entry) int {
		if n := strings.Compare(x.Key, y.Key); n != 0 {
			return n
		}
		return strings.Compare(x.id, y.id)
	})
	kept := s.taken[:0]
	for _, e := range s.taken {
		if n := len(kept) - 1; n >= 0 && kept[n].Key == e.Key {
			kept[n].house = kept[n].house || e.house
			s.repeated++
			continue
		}
		kept = append(kept, e)
	}
	s.taken = kept
	all = make([]Recipient, 0, len(kept))
	for _, e := range kept {
		if e.house {
			all = append(all, e.Recipient)
		}
	}
	canary = len(all)
	for _, e := range kept {
		if !e.house {
			all = append(all, e.Recipient)
		}
	}
	return all, canary
}

func byLang(all []Recipient) map[string]int {
	n := map[string]int{}
	for i := range all {
		n[all[i].Lang]++
	}
	return n
}
