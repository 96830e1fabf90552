package ch

import (
	"net/netip"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// UInt8 is a column of UInt8.
type UInt8 struct{ col proto.ColUInt8 }

// UInt8 adds a column of that type.
func (b *Block) UInt8(name string) *UInt8 { return add(b, name, &UInt8{}) }

// Append adds a row's value.
func (c *UInt8) Append(v uint8) { c.col = append(c.col, v) }

func (c *UInt8) input() proto.ColInput { return &c.col }
func (c *UInt8) size() int             { return len(c.col) }
func (c *UInt8) reset()                { c.col = c.col[:0] }

// UInt16 is a column of UInt16.
type UInt16 struct{ col proto.ColUInt16 }

// UInt16 adds a column of that type.
func (b *Block) UInt16(name string) *UInt16 { return add(b, name, &UInt16{}) }

// Append adds a row's value.
func (c *UInt16) Append(v uint16) { c.col = append(c.col, v) }

func (c *UInt16) input() proto.ColInput { return &c.col }
func (c *UInt16) size() int             { return 2 * len(c.col) }
func (c *UInt16) reset()                { c.col = c.col[:0] }

// UInt32 is a column of UInt32.
type UInt32 struct{ col proto.ColUInt32 }

// UInt32 adds a column of that type.
func (b *Block) UInt32(name string) *UInt32 { return add(b, name, &UInt32{}) }

// Append adds a row's value.
func (c *UInt32) Append(v uint32) { c.col = append(c.col, v) }

func (c *UInt32) input() proto.ColInput { return &c.col }
func (c *UInt32) size() int             { return 4 * len(c.col) }
func (c *UInt32) reset()                { c.col = c.col[:0] }

// UInt64 is a column of UInt64.
type UInt64 struct{ col proto.ColUInt64 }

// UInt64 adds a column of that type.
func (b *Block) UInt64(name string) *UInt64 { return add(b, name, &UInt64{}) }

// Append adds a row's value.
func (c *UInt64) Append(v uint64) { c.col = append(c.col, v) }

func (c *UInt64) input() proto.ColInput { return &c.col }
func (c *UInt64) size() int             { return 8 * len(c.col) }
func (c *UInt64) reset()                { c.col = c.col[:0] }

// Int8 is a column of Int8.
type Int8 struct{ col proto.ColInt8 }

// Int8 adds a column of that type. ClickHouse turns it into an Enum8 where the table has one.
func (b *Block) Int8(name string) *Int8 { return add(b, name, &Int8{}) }

// Append adds a row's value.
func (c *Int8) Append(v int8) { c.col = append(c.col, v) }

func (c *Int8) input() proto.ColInput { return &c.col }
func (c *Int8) size() int             { return len(c.col) }
func (c *Int8) reset()                { c.col = c.col[:0] }

// Int16 is a column of Int16.
type Int16 struct{ col proto.ColInt16 }

// Int16 adds a column of that type.
func (b *Block) Int16(name string) *Int16 { return add(b, name, &Int16{}) }

// Append adds a row's value.
func (c *Int16) Append(v int16) { c.col = append(c.col, v) }

func (c *Int16) input() proto.ColInput { return &c.col }
func (c *Int16) size() int             { return 2 * len(c.col) }
func (c *Int16) reset()                { c.col = c.col[:0] }

// Int32 is a column of Int32.
type Int32 struct{ col proto.ColInt32 }

// Int32 adds a column of that type.
func (b *Block) Int32(name string) *Int32 { return add(b, name, &Int32{}) }

// Append adds a row's value.
func (c *Int32) Append(v int32) { c.col = append(c.col, v) }

func (c *Int32) input() proto.ColInput { return &c.col }
func (c *Int32) size() int             { return 4 * len(c.col) }
func (c *Int32) reset()                { c.col = c.col[:0] }

// Int64 is a column of Int64.
type Int64 struct{ col proto.ColInt64 }

// Int64 adds a column of that type.
func (b *Block) Int64(name string) *Int64 { return add(b, name, &Int64{}) }

// Append adds a row's value.
func (c *Int64) Append(v int64) { c.col = append(c.col, v) }

func (c *Int64) input() proto.ColInput { return &c.col }
func (c *Int64) size() int             { return 8 * len(c.col) }
func (c *Int64) reset()                { c.col = c.col[:0] }

// Float32 is a column of Float32.
type Float32 struct{ col proto.ColFloat32 }

// Float32 adds a column of that type.
func (b *Block) Float32(name string) *Float32 { return add(b, name, &Float32{}) }

// Append adds a row's value.
func (c *Float32) Append(v float32) { c.col = append(c.col, v) }

func (c *Float32) input() proto.ColInput { return &c.col }
func (c *Float32) size() int             { return 4 * len(c.col) }
func (c *Float32) reset()                { c.col = c.col[:0] }

// Float64 is a column of Float64.
type Float64 struct{ col proto.ColFloat64 }

// Float64 adds a column of that type.
func (b *Block) Float64(name string) *Float64 { return add(b, name, &Float64{}) }

// Append adds a row's value.
func (c *Float64) Append(v float64) { c.col = append(c.col, v) }

func (c *Float64) input() proto.ColInput { return &c.col }
func (c *Float64) size() int             { return 8 * len(c.col) }
func (c *Float64) reset()                { c.col = c.col[:0] }

// Bool is a column of Bool.
type Bool struct{ col proto.ColBool }

// Bool adds a column of that type.
func (b *Block) Bool(name string) *Bool { return add(b, name, &Bool{}) }

// Append adds a row's value.
func (c *Bool) Append(v bool) { c.col = append(c.col, v) }

func (c *Bool) input() proto.ColInput { return &c.col }
func (c *Bool) size() int             { return len(c.col) }
func (c *Bool) reset()                { c.col = c.col[:0] }

// DateTime is a column of DateTime: seconds, from 1970 to 2106.
type DateTime struct{ col proto.ColDateTime }

// DateTime adds a column of that type.
func (b *Block) DateTime(name string) *DateTime { return add(b, name, &DateTime{}) }

// Append adds a row's value, cut to the second.
func (c *DateTime) Append(v time.Time) { c.col.Data = append(c.col.Data, proto.DateTime(v.Unix())) }

func (c *DateTime) input() proto.ColInput { return &c.col }
func (c *DateTime) size() int             { return 4 * len(c.col.Data) }
func (c *DateTime) reset()                { c.col.Data = c.col.Data[:0] }

// DateTime64 is a column of DateTime64(3): milliseconds.
type DateTime64 struct{ col proto.ColDateTime64 }

// DateTime64 adds a column of DateTime64(3).
func (b *Block) DateTime64(name string) *DateTime64 {
	c := &DateTime64{}
	c.col.WithPrecision(proto.PrecisionMilli)
	return add(b, name, c)
}

// Append adds a row's value, cut to the millisecond.
func (c *DateTime64) Append(v time.Time) {
	c.col.Data = append(c.col.Data, proto.DateTime64(v.UnixMilli()))
}

func (c *DateTime64) input() proto.ColInput { return &c.col }
func (c *DateTime64) size() int             { return 8 * len(c.col.Data) }
func (c *DateTime64) reset()                { c.col.Data = c.col.Data[:0] }

// String is a column of String: any bytes.
type String struct{ col proto.ColStr }

// String adds a column of that type.
func (b *Block) String(name string) *String { return add(b, name, &String{}) }

// Append adds a row's value, which is copied.
func (c *String) Append(v []byte) { c.col.AppendBytes(v) }

// AppendString adds a row's value.
func (c *String) AppendString(v string) { c.col.Append(v) }

func (c *String) input() proto.ColInput { return &c.col }
func (c *String) size() int             { return len(c.col.Buf) + 2*len(c.col.Pos) }
func (c *String) reset()                { c.col.Reset() }

// FixedString is a column of FixedString(n).
type FixedString struct{ col proto.ColFixedStr }

// FixedString adds a column of n bytes a value.
func (b *Block) FixedString(name string, n int) *FixedString {
	return add(b, name, &FixedString{proto.ColFixedStr{Size: n}})
}

// Append adds a row's value, copied, cut to the column's size or filled up with zero bytes.
func (c *FixedString) Append(v []byte) {
	v = v[:min(len(v), c.col.Size)]
	c.col.Buf = append(c.col.Buf, v...)
	for range c.col.Size - len(v) {
		c.col.Buf = append(c.col.Buf, 0)
	}
}

func (c *FixedString) input() proto.ColInput { return &c.col }
func (c *FixedString) size() int             { return len(c.col.Buf) }
func (c *FixedString) reset()                { c.col.Buf = c.col.Buf[:0] }

// IPv6 is a column of IPv6, which holds IPv4 addresses too.
type IPv6 struct{ col proto.ColIPv6 }

// IPv6 adds a column of that type.
func (b *Block) IPv6(name string) *IPv6 { return add(b, name, &IPv6{}) }

// Append adds a row's value: an IPv4 address as ::ffff:a.b.c.d, the zero Addr as ::.
func (c *IPv6) Append(v netip.Addr) {
	var a proto.IPv6
	if v.IsValid() {
		a = v.As16()
	}
	c.col = append(c.col, a)
}

func (c *IPv6) input() proto.ColInput { return &c.col }
func (c *IPv6) size() int             { return 16 * len(c.col) }
func (c *IPv6) reset()                { c.col = c.col[:0] }
