package cmcd

import "vigie/ingest/field"

// Members walks over the members of one record, one by one, for those that need other keys than
// Scan keeps, such as a player's own event reports:
//
//	members := cmcd.NewMembers(line)
//	for members.Next() {
//		switch string(members.Key()) {
//		case "bsd":
//			for items := members.Items(); items.Next(); { … items.Uint(), items.Type() … }
//		}
//	}
//
// It is as tolerant as Scan, member by member, and passes over keys of more than 8 bytes: those of the
// specification have at most 5.
type Members struct {
	c     cursor
	key   [8]byte
	n     int
	value cursor // from behind the '='
	alone bool
}

// NewMembers reads a record as the specification writes it.
func NewMembers(b []byte) Members { return newMembers(cursor{b: b}) }

// NewMembersEncoded reads one that is percent-encoded.
func NewMembersEncoded(b []byte) Members { return newMembers(cursor{b: b, encoded: true}) }

func newMembers(c cursor) Members {
	c.unwrap()
	return Members{c: c}
}

// Next moves to the next member; false at the end.
func (m *Members) Next() bool {
	for !m.c.done() {
		m.n = 0
		ch, width := m.c.peek()
		for ; width > 0 && ch != '=' && ch != ','; ch, width = m.c.peek() {
			m.c.at += width
			if ch == ' ' || ch == '\t' {
				continue
			}
			if m.n < len(m.key) {
				m.key[m.n] = ch
			}
			m.n++
		}
		m.alone = ch != '=' || width == 0
		if !m.alone {
			m.c.at += width
			m.c.spaces()
			start := m.c.at
			m.c.value()
			m.value = cursor{b: m.c.b[:m.c.at], at: start, encoded: m.c.encoded}
		}
		m.c.skipPast(',')
		if m.n > 0 && m.n <= len(m.key) {
			return true
		}
	}
	return false
}

// Key is the current member's, valid until Next.
func (m *Members) Key() []byte { return m.key[:m.n] }

// Items are those of the current member's inner list, or the one item that it is set to. A key that stands
// alone, which says true, has none.
func (m *Members) Items() Items {
	if m.alone {
		return Items{}
	}
	i := Items{c: m.value}
	if ch, width := i.c.peek(); width > 0 && ch == '(' {
		i.c.at += width
		i.list = true
	}
	return i
}

// First is the first of the items; an empty one where there is none.
func (m *Members) First() Items {
	i := m.Items()
	i.Next()
	return i
}

// Items walks over the items of a member.
type Items struct {
	c     cursor
	list  bool
	ended bool
	value value
	kind  [2]byte // the first letters of the first parameter
}

// Next moves to the next item; false at the end.
func (i *Items) Next() bool {
	if i.ended {
		return false
	}
	i.ended = !i.list
	i.c.spaces()
	ch, width := i.c.peek()
	if width == 0 || ch == ')' || ch == ',' || ch == ';' {
		i.ended, i.value, i.kind = true, value{}, [2]byte{}
		return false
	}
	i.value = i.c.item()
	i.kind = i.parameters()
	return true
}

// parameters goes over what follows an item, and returns the first letters of the first parameter.
func (i *Items) parameters() (kind [2]byte) {
	n := len(kind) // letters seen; all, until the first ';'
	for first := true; ; {
		ch, width := i.c.peek()
		switch {
		case width == 0 || ch == ')' || ch == ' ' || ch == '\t' || ch == ',':
			return kind
		case ch == '"':
			i.c.quoted()
			continue
		case ch == ';':
			if n = len(kind); first {
				n, first = 0, false
			}
		case n < len(kind):
			kind[n] = ch
			n++
		}
		i.c.at += width
	}
}

// Type is the object type that an item's parameter names: 'v' video, alone or with audio, 'a' audio, 0
// for none and for others.
func (i *Items) Type() byte {
	switch i.kind {
	case [2]byte{'v'}, [2]byte{'a', 'v'}:
		return 'v'
	case [2]byte{'a'}:
		return 'a'
	}
	return 0
}

// Uint is the item as a number; a fraction is dropped.
func (i *Items) Uint() (uint64, bool) { return field.Uint(i.value.text(20)) }

// Text is the item without quotes and escapes: a slice of what was given, or where escapes were undone of the
// grown scratch, which it returns too. It is nil when longer than most.
func (i *Items) Text(scratch []byte, most int) (text, grown []byte) {
	if !i.value.decode {
		if len(i.value.raw) > most {
			return nil, scratch
		}
		return i.value.raw, scratch
	}
	start := len(scratch)
	c := cursor{b: i.value.raw, encoded: i.value.encoded}
	for !c.done() {
		ch, width := c.peek()
		c.at += width
		if ch == '\\' {
			if ch, width = c.peek(); width == 0 {
				break
			}
			c.at += width
		}
		if len(scratch)-start == most {
			return nil, scratch[:start]
		}
		scratch = append(scratch, ch)
	}
	return scratch[start:len(scratch):len(scratch)], scratch
}
