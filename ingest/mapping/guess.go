package mapping

import "bytes"

// guesses remember what stood at each place of the object before. A sender writes its members in
// the same order line after line, and comparing a name is cheaper than looking it up.
type guesses struct {
	places []guess
	arena  []byte // holds the names
}

type guess struct {
	at    *node
	name  []byte
	entry entry
}

const (
	maxGuesses = 128     // members of an object
	maxArena   = 8 << 10 // bytes of their names; a payload of objects that differ stops guessing here
)

// find is the entry of a name in a node; its slot is -1 when there is none.
func (g *guesses) find(at *node, name []byte, i int) entry {
	if i < len(g.places) {
		if p := &g.places[i]; p.at == at && bytes.Equal(p.name, name) {
			return p.entry
		}
	}
	e, ok := at.entries[string(name)]
	if !ok {
		e.slot = -1
	}
	if i < maxGuesses && i <= len(g.places) && len(g.arena)+len(name) <= maxArena {
		if g.arena == nil {
			g.arena = make([]byte, 0, maxArena)
			g.places = make([]guess, 0, maxGuesses)
		}
		start := len(g.arena)
		g.arena = append(g.arena, name...)
		if i == len(g.places) {
			g.places = append(g.places, guess{})
		}
		g.places[i] = guess{at, g.arena[start:len(g.arena):len(g.arena)], e}
	}
	return e
}
