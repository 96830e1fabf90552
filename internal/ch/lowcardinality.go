package ch

import "github.com/ClickHouse/ch-go/proto"

// LowCardinality is a column of LowCardinality(String). A value costs one lookup, and memory only
// when the column has not met it before: what it has met it keeps over Reset, up to a bound.
type LowCardinality struct {
	known   map[string]uint32 // value → its place in entries
	entries []lowEntry
	block   uint32 // counts blocks, from 1
	dict    proto.ColStr
	keys    []uint32
	raw     proto.ColLowCardinalityRaw
}

// lowEntry is a value's key in the dictionary of the block that it was last used in.
type lowEntry struct{ block, key uint32 }

// maxKnown bounds what a column keeps from block to block, in values.
const maxKnown = 1 << 16

// LowCardinality adds a column of LowCardinality(String).
func (b *Block) LowCardinality(name string) *LowCardinality {
	c := &LowCardinality{known: map[string]uint32{}, block: 1}
	c.raw.Index = &c.dict
	return add(b, name, c)
}

// Append adds a row's value, which is copied.
func (c *LowCardinality) Append(v []byte) {
	place, ok := c.known[string(v)] // does not allocate
	if !ok {
		place = c.learn(string(v))
	}
	e := &c.entries[place]
	if e.block != c.block {
		*e = lowEntry{c.block, uint32(c.dict.Rows())}
		c.dict.AppendBytes(v)
	}
	c.keys = append(c.keys, e.key)
}

// AppendString adds a row's value.
func (c *LowCardinality) AppendString(v string) {
	place, ok := c.known[v]
	if !ok {
		place = c.learn(v)
	}
	e := &c.entries[place]
	if e.block != c.block {
		*e = lowEntry{c.block, uint32(c.dict.Rows())}
		c.dict.Append(v)
	}
	c.keys = append(c.keys, e.key)
}

// Last is the number, in the block's dictionary, of the value that was appended last. There must be
// one.
func (c *LowCardinality) Last() uint32 { return c.keys[len(c.keys)-1] }

// Text is the value that has a number in the block's dictionary, valid until the next Reset.
func (c *LowCardinality) Text(number uint32) []byte { return c.dict.RowBytes(int(number)) }

func (c *LowCardinality) learn(v string) uint32 {
	place := uint32(len(c.entries))
	c.known[v] = place
	c.entries = append(c.entries, lowEntry{})
	return place
}

func (c *LowCardinality) input() proto.ColInput { return (*lowCardinalityInput)(c) }

func (c *LowCardinality) size() int {
	return len(c.dict.Buf) + 2*c.dict.Rows() + c.keyWidth()*len(c.keys) + 32
}

func (c *LowCardinality) reset() {
	c.dict.Reset()
	c.keys = c.keys[:0]
	c.block++
	if len(c.entries) > maxKnown || c.block == 0 {
		clear(c.known)
		c.entries, c.block = c.entries[:0], 1
	}
}

func (c *LowCardinality) keyWidth() int {
	switch n := c.dict.Rows(); {
	case n <= 1<<8:
		return 1
	case n <= 1<<16:
		return 2
	default:
		return 4
	}
}

// lowCardinalityInput is the column as ch-go encodes it.
type lowCardinalityInput LowCardinality

func (c *lowCardinalityInput) Type() proto.ColumnType       { return c.raw.Type() }
func (c *lowCardinalityInput) Rows() int                    { return len(c.keys) }
func (c *lowCardinalityInput) EncodeState(b *proto.Buffer)  { c.raw.EncodeState(b) }
func (c *lowCardinalityInput) EncodeColumn(b *proto.Buffer) { c.raw.EncodeColumn(b) }
func (c *lowCardinalityInput) WriteColumn(w *proto.Writer)  { c.raw.WriteColumn(w) }

// Prepare narrows the keys to the fewest bytes that hold them. ch-go calls it before it encodes.
func (c *lowCardinalityInput) Prepare() error {
	c.raw.Keys8, c.raw.Keys16, c.raw.Keys32 = c.raw.Keys8[:0], c.raw.Keys16[:0], c.raw.Keys32[:0]
	switch (*LowCardinality)(c).keyWidth() {
	case 1:
		c.raw.Key = proto.KeyUInt8
		for _, k := range c.keys {
			c.raw.Keys8 = append(c.raw.Keys8, uint8(k))
		}
	case 2:
		c.raw.Key = proto.KeyUInt16
		for _, k := range c.keys {
			c.raw.Keys16 = append(c.raw.Keys16, uint16(k))
		}
	default:
		c.raw.Key = proto.KeyUInt32
		c.raw.Keys32 = append(c.raw.Keys32, c.keys...)
	}
	return nil
}

// AppendBounded is Append in a block that holds at most a number of values: one beyond them is
// written as other. It keeps what a stranger can choose from growing a dictionary without end.
func (c *LowCardinality) AppendBounded(v []byte, values int, other []byte) {
	if c.dict.Rows() >= values {
		if place, ok := c.known[string(v)]; !ok || c.entries[place].block != c.block {
			v = other
		}
	}
	c.Append(v)
}
