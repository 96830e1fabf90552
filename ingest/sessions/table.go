package sessions

import (
	"hash/maphash"
	"math/bits"
)

// none is the index of no session.
const none = ^uint32(0)

// table finds sessions by a hash of their names, and knows in which order they were heard of. Names are not
// kept: of a million sessions two have the same 64 bits once in 40 million tries, and whoever sends them
// cannot know the seeds.
type table struct {
	seeds    [2]maphash.Seed
	buckets  []uint32 // index of the first session
	shift    int
	sessions []session
	most     int
	used     int
	newest   uint32
	oldest   uint32
	key      uint64 // that find looked for last
}

func newTable(most int) table {
	most = min(most, 1<<30)
	width := bits.Len(uint(most))
	t := table{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, buckets: make([]uint32, 1<<width), shift: 64 - width, most: most, newest: none, oldest: none}
	for i := range t.buckets {
		t.buckets[i] = none
	}
	return t
}

// find returns a session, which is the newest then, or nil; open makes the one that find did not find.
func (t *table) find(source, name []byte) *session {
	t.key = maphash.Bytes(t.seeds[0], source) ^ maphash.Bytes(t.seeds[1], name)
	for i := *t.bucket(t.key); i != none; i = t.sessions[i].chain {
		if s := &t.sessions[i]; s.key == t.key {
			if t.newest != i {
				t.unlink(i)
				t.link(i)
			}
			return s
		}
	}
	return nil
}

// open makes a session, in place of the oldest when there is no room.
func (t *table) open() *session {
	i := uint32(t.used)
	if t.used < t.most {
		if t.used == cap(t.sessions) {
			grown := make([]session, t.used, min(max(2*t.used, 64), t.most)) // append would exceed most
			copy(grown, t.sessions)
			t.sessions = grown
		}
		t.used++
		t.sessions = t.sessions[:t.used]
	} else {
		i = t.oldest
		t.unlink(i)
		t.forget(i)
	}
	b := t.bucket(t.key)
	t.sessions[i] = session{key: t.key, chain: *b}
	*b = i
	t.link(i)
	return &t.sessions[i]
}

func (t *table) bucket(key uint64) *uint32 { return &t.buckets[key>>t.shift] }

// forget takes a session out of its bucket.
func (t *table) forget(i uint32) {
	at := t.bucket(t.sessions[i].key)
	for *at != i {
		at = &t.sessions[*at].chain
	}
	*at = t.sessions[i].chain
}

// link makes a session the newest.
func (t *table) link(i uint32) {
	s := &t.sessions[i]
	s.older, s.newer = t.newest, none
	if t.newest != none {
		t.sessions[t.newest].newer = i
	} else {
		t.oldest = i
	}
	t.newest = i
}

func (t *table) unlink(i uint32) {
	s := &t.sessions[i]
	if s.newer != none {
		t.sessions[s.newer].older = s.older
	} else {
		t.newest = s.older
	}
	if s.older != none {
		t.sessions[s.older].newer = s.newer
	} else {
		t.oldest = s.newer
	}
}
