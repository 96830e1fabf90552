package ingest

import (
	"hash/maphash"
	"strconv"
	"time"

	"vigie/ingest/agent"
	"vigie/internal/ch"
	"vigie/internal/event"
)

// identitySums adds up the requests of a part by who asks: by network (ASN) and by family of user
// agent, to ten seconds: table identities_10s. Each line counts in one sum of either kind.
//
// Whoever attacks chooses user agents and has many networks, so each CDN's ten seconds name so many
// of either (maxNamed) in a part, first come; what is beyond adds to rest. Families that are known
// beforehand are always named: random ones must not push them out.
type identitySums struct {
	of      *requestSums
	groupOf []uint32 // of, by place: a line's group follows from the sum that it was counted in
	groups  map[identityGroup]uint32
	group   []identityGroup
	named   [][identityKinds]int // by group

	places map[uint64]uint32 // of an identity's key among sums
	keys   []uint64
	sums   []identitySum
	near   [nearPlaces]struct { // places by a few bits of their key: most lines find theirs here
		key   uint64 // one more, so that 0 is none
		place uint32
	}

	families   map[string]uint32
	familyText []family
	heard      [nearAgents]struct { // families by a few bits of their user agent's hash
		hash   uint64
		number uint32
	}
	seed maphash.Seed
	text []byte

	*ch.Block
	time, received                   *ch.DateTime
	cdn, kind, name, source          *ch.LowCardinality
	lines                            *ch.UInt64
	requests, errors, blocked, bytes *ch.Float64
}

// identityGroup is what is told apart beside who asks. Texts are numbers as in sumKey.
type identityGroup struct {
	slot, received uint32
	source, cdn    uint16
}

type identitySum struct {
	lines                            uint64
	requests, errors, blocked, bytes float64
}

type family struct {
	name  string
	known bool
}

// An identity's key is its group, kind and number: an ASN, or a family's. What is beyond the named ones
// of a kind has a kind of its own.
const (
	identityASN = iota
	identityAgent
	identityKinds
	identityRest = identityKinds // and the next: of either kind

	identityKindShift  = 32
	identityGroupShift = 34
)

var (
	identityNames = [identityKinds]string{"asn", "agent"}
	maxNamed      = [identityKinds]int{2000, 200} // of families those that are not known
)

// identityGrain is how exactly identities tell when requests happened. Fewer seconds would have as many
// names in fewer requests.
const identityGrain = 10

const (
	nearPlaces  = 1 << 12
	nearAgents  = 1 << 14
	maxFamilies = 1 << 12 // kept from part to part
)

// identitiesOf returns empty sums of the lines that are counted in of.
func identitiesOf(of *requestSums) *identitySums {
	b := ch.NewBlock()
	return &identitySums{
		of:       of,
		groups:   map[identityGroup]uint32{},
		places:   map[uint64]uint32{},
		families: map[string]uint32{},
		seed:     maphash.MakeSeed(),
		Block:    b,
		time:     b.DateTime("time"),
		cdn:      b.LowCardinality("cdn"),
		kind:     b.LowCardinality("kind"),
		name:     b.LowCardinality("name"),
		source:   b.LowCardinality("source"),
		received: b.DateTime("received"),
		lines:    b.UInt64("lines"),
		requests: b.Float64("requests"),
		errors:   b.Float64("errors"),
		blocked:  b.Float64("blocked"),
		bytes:    b.Float64("bytes"),
	}
}

// add counts the line that was just counted in s.of.
func (s *identitySums) add(r *event.Request, of *seen) {
	place := s.of.lastPlace
	if int(place) == len(s.groupOf) {
		s.groupOf = append(s.groupOf, s.groupFor(&s.of.keys[place]))
	}
	group := uint64(s.groupOf[place])
	network := s.place(group<<identityGroupShift | identityASN<<identityKindShift | uint64(of.asn))
	agent := s.place(s.agent(group, r.UserAgent))
	weight := of.weight
	bytes := float64(r.Bytes) * weight
	s.sums[network].add(weight, bytes)
	s.sums[agent].add(weight, bytes)
	if failed(r) {
		s.sums[network].errors += weight
		s.sums[agent].errors += weight
	}
	if r.Blocked {
		s.sums[network].blocked += weight
		s.sums[agent].blocked += weight
	}
}

func (s *identitySum) add(weight, bytes float64) {
	s.lines++
	s.requests += weight
	s.bytes += bytes
}

// groupFor is the group of the lines of a sum.
func (s *identitySums) groupFor(k *sumKey) uint32 {
	key := identityGroup{k.second - k.second%identityGrain, k.received, k.source, k.cdn}
	group, ok := s.groups[key]
	if !ok {
		group = uint32(len(s.group))
		s.groups[key] = group
		s.group = append(s.group, key)
		s.named = append(s.named, [identityKinds]int{})
	}
	return group
}

// agent is the key of a user agent's family.
func (s *identitySums) agent(group uint64, userAgent []byte) uint64 {
	key := group<<identityGroupShift | identityAgent<<identityKindShift
	hash := maphash.Bytes(s.seed, userAgent) | 1 // 0 is none
	near := &s.heard[hash>>50%nearAgents]
	if near.hash == hash { // 64 bits that nobody outside can know beforehand stand for the text
		return key | uint64(near.number)
	}
	var known bool
	s.text, known = agent.Append(s.text[:0], userAgent)
	number, ok := s.families[string(s.text)]
	if !ok {
		if !known && s.named[group][identityAgent] >= maxNamed[identityAgent] {
			return key + identityRest<<identityKindShift
		}
		number = uint32(len(s.familyText))
		name := string(s.text)
		s.families[name] = number
		s.familyText = append(s.familyText, family{name, known})
	}
	near.hash, near.number = hash, number
	return key | uint64(number)
}

// place is the place of the key's sum.
func (s *identitySums) place(key uint64) uint32 {
	near := &s.near[key*0x9e3779b97f4a7c15>>52%nearPlaces]
	if near.key != key+1 {
		near.key, near.place = key+1, s.placeOf(key)
	}
	return near.place
}

// placeOf is the place of the key's sum, or of the rest's where there are enough already.
func (s *identitySums) placeOf(key uint64) uint32 {
	if place, ok := s.places[key]; ok {
		return place
	}
	if kind := key >> identityKindShift % 4; kind < identityKinds {
		bounded := kind == identityASN || !s.familyText[uint32(key)].known
		if named := &s.named[key>>identityGroupShift][kind]; bounded && *named >= maxNamed[kind] {
			return s.placeOf(key>>identityKindShift<<identityKindShift + identityRest<<identityKindShift)
		} else if bounded {
			*named++
		}
	}
	place := uint32(len(s.sums))
	s.places[key] = place
	s.keys = append(s.keys, key)
	s.sums = append(s.sums, identitySum{})
	return place
}

// layOut fills the block with the sums. The lines' block must not have been reset.
func (s *identitySums) layOut() *ch.Block {
	s.Block.Reset()
	for i, key := range s.keys {
		group, kind, sum := &s.group[key>>identityGroupShift], key>>identityKindShift%4, &s.sums[i]
		s.time.Append(time.Unix(int64(group.slot), 0))
		s.cdn.Append(s.of.cdns.Text(uint32(group.cdn)))
		s.kind.AppendString(identityNames[kind%identityKinds])
		s.text = s.appendName(s.text[:0], key)
		s.name.Append(s.text)
		s.source.Append(s.of.sources.Text(uint32(group.source)))
		s.received.Append(time.Unix(int64(group.received), 0))
		s.lines.Append(sum.lines)
		s.requests.Append(sum.requests)
		s.errors.Append(sum.errors)
		s.blocked.Append(sum.blocked)
		s.bytes.Append(sum.bytes)
	}
	return s.Block
}

// appendName appends what an identity is called.
func (s *identitySums) appendName(to []byte, key uint64) []byte {
	switch number := uint32(key); key >> identityKindShift % 4 {
	case identityASN:
		return strconv.AppendUint(to, uint64(number), 10)
	case identityAgent:
		return append(to, s.familyText[number].name...)
	}
	return append(to, "rest"...)
}

func (s *identitySums) reset() {
	clear(s.groups)
	clear(s.places)
	clear(s.near[:])
	s.groupOf, s.group, s.named = s.groupOf[:0], s.group[:0], s.named[:0]
	s.keys, s.sums = s.keys[:0], s.sums[:0]
	if len(s.familyText) > maxFamilies {
		clear(s.families)
		clear(s.heard[:])
		s.familyText = s.familyText[:0]
	}
	s.Block.Reset()
}
