package ch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

func TestLowCardinalityIsItsValues(t *testing.T) {
	b := NewBlock()
	low := b.LowCardinality("low")
	for _, c := range []struct {
		name           string
		rows, distinct int
		width          int
	}{
		{"one value", 1000, 1, 1},
		{"as many as a byte tells apart", 1000, 256, 1},
		{"one more", 1000, 257, 2},
		{"as many as two bytes tell apart", 70_000, 65_536, 2},
		{"more than two bytes tell apart", 70_000, 70_000, 4},
		{"a few again, after many", 10, 3, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.Reset()
			for i := range c.rows {
				if i%2 == 0 {
					low.Append([]byte(strconv.Itoa(i % c.distinct)))
				} else {
					low.AppendString(strconv.Itoa(i % c.distinct))
				}
			}
			if low.keyWidth() != c.width || b.Rows() != c.rows {
				t.Errorf("%d rows of keys of %d bytes, want %d of %d", b.Rows(), low.keyWidth(), c.rows, c.width)
			}
			for range 2 { // the same bytes again: nothing is used up by encoding
				got := decodeLowCardinality(t, b)
				for i, v := range got {
					if want := strconv.Itoa(i % c.distinct); v != want {
						t.Fatalf("row %d is %q, want %q", i, v, want)
					}
				}
				if len(got) != c.rows {
					t.Errorf("%d rows", len(got))
				}
			}
		})
	}
}

func decodeLowCardinality(t *testing.T, b *Block) []string {
	t.Helper()
	data, err := b.encode()
	if err != nil {
		t.Fatal(err)
	}
	low := proto.NewLowCardinality(&proto.ColStr{})
	r := proto.NewReader(bytes.NewReader(data))
	var block proto.Block
	if err := block.DecodeRawBlock(r, 0, proto.Results{{Name: "low", Data: low}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("bytes behind the block: %v", err)
	}
	return low.Values
}

func TestABlockTellsItsRowsAndBytes(t *testing.T) {
	b := NewBlock()
	if b.Rows() != 0 || b.Bytes() != 0 {
		t.Errorf("an empty block has %d rows, %d bytes", b.Rows(), b.Bytes())
	}
	fill := wide(b)
	for i := range 1000 {
		fill(i)
	}
	data, err := b.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Bytes(); b.Rows() != 1000 || got < len(data)*8/10 || got > len(data)*12/10 {
		t.Errorf("%d rows, %d bytes; encoded %d", b.Rows(), got, len(data))
	}
	b.Reset()
	if b.Rows() != 0 {
		t.Errorf("%d rows after Reset", b.Rows())
	}
}

func TestARowWithoutAllItsColumnsIsAnError(t *testing.T) {
	b := NewBlock()
	one, two := b.UInt8("one"), b.UInt8("two")
	one.Append(1)
	two.Append(1)
	one.Append(2)
	if _, err := b.encode(); err == nil || b.Rows() != 1 {
		t.Errorf("%d rows, error %v", b.Rows(), err)
	}
}

func TestAFilledBlockIsFilledAgainWithoutAllocating(t *testing.T) {
	b := NewBlock()
	fill := wide(b)
	round := func() {
		b.Reset()
		for i := range 1000 {
			fill(i)
		}
	}
	round()
	if n := testing.AllocsPerRun(20, round); n > 0 {
		t.Errorf("%v allocations for 1000 rows", n)
	}
}

// wide is a block like that of a CDN's log line: 20 columns, 9 of them of few values.
func wide(b *Block) func(i int) {
	at, received := b.DateTime64("at"), b.DateTime("received")
	var low [9]*LowCardinality
	var values [9][][]byte
	for i := range low {
		low[i] = b.LowCardinality(fmt.Sprint("low", i))
		for j := range 4 << i % 6 {
			values[i] = append(values[i], fmt.Appendf(nil, "value-%d-%d", i, j))
		}
	}
	status, bytes, first, duration := b.UInt16("status"), b.UInt64("bytes"), b.UInt32("first"), b.UInt32("duration")
	weight, aborted, ip, path := b.Float64("weight"), b.Bool("aborted"), b.IPv6("ip"), b.String("path")
	asn := b.UInt32("asn")
	now := time.Date(2026, 7, 19, 21, 0, 0, 0, time.UTC)
	addr := netip.MustParseAddr("2001:db8::1")
	text := []byte("/live/channel-1/1080p/segment-123456.m4s")
	return func(i int) {
		at.Append(now)
		received.Append(now)
		for j, c := range low {
			c.Append(values[j][i%len(values[j])])
		}
		status.Append(200)
		bytes.Append(uint64(i))
		first.Append(uint32(i))
		duration.Append(uint32(i))
		weight.Append(1)
		aborted.Append(false)
		ip.Append(addr)
		path.Append(text)
		asn.Append(3215)
	}
}

func BenchmarkBlock(b *testing.B) {
	for _, rows := range []int{1000, 10_000, 50_000} {
		for _, encode := range []bool{false, true} {
			b.Run(fmt.Sprintf("rows=%d/encode=%v", rows, encode), func(b *testing.B) {
				block := NewBlock()
				fill := wide(block)
				for i := range rows {
					fill(i)
				}
				data, err := block.encode()
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					block.Reset()
					for i := range rows {
						fill(i)
					}
					if encode {
						if _, err := block.encode(); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
			})
		}
	}
}
