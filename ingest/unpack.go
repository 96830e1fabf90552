package ingest

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"vigie/ingest/record"
)

// Bounds of what a body may unpack to.
const (
	unpackChunk = 4 << 20   // is parsed at a time
	maxUnit     = 256 << 20 // what cannot be cut: a JSON array, a line
	maxUnpacked = 2 << 30   // of one body
)

const (
	reasonPacked = "body: its compression is damaged or cut short"
	reasonUnit   = "body: a JSON array or line of more than 256 MiB"
	reasonBytes  = "body: unpacks to more than 2 GiB"
)

// piece is as much of a body as is parsed at a time: whole lines, or a whole array.
type piece struct {
	text    []byte
	top     int    // how much of text is the body's header, put before a later piece
	base    int    // offset in the unpacked body of what follows it
	pooled  bool   // text is to be released when it was read
	refused string // why text, the beginning of the rest, could not be unpacked; else it can be parsed
}

// unpacker cuts bodies into pieces, unpacking those that are packed. For a writer it runs ahead of
// the parser in a goroutine of its own: unpacking gzip costs as much as reading what it holds.
type unpacker struct {
	most   int // bytes that one body may unpack to
	packed bytes.Reader
	gzip   gzip.Reader
	zstd   *zstd.Decoder
	snappy *s2.Reader
	free   chan []byte // buffers that were parsed; what is missing is made
}

func newUnpacker(most int) *unpacker {
	return &unpacker{most: most, free: make(chan []byte, unpackAhead+2)} // one is parsed, one filled
}

// unpackAhead is how many pieces may be ready before the parser takes them.
const unpackAhead = 2

// Compressions by the first bytes of what they made; senders' headers cannot be relied on.
var (
	magicGzip   = []byte{0x1f, 0x8b}               // RFC 1952, 2.3.1
	magicZstd   = []byte{0x28, 0xb5, 0x2f, 0xfd}   // RFC 8878, 3.1.1
	magicSnappy = []byte("\xff\x06\x00\x00sNaPpY") // Snappy framing format, 4.1
)

// reader is what unpacks a stream that begins with start; nil: it is not packed.
func (u *unpacker) reader(start []byte, from io.Reader) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(start, magicGzip):
		return &u.gzip, u.gzip.Reset(from)
	case bytes.HasPrefix(start, magicZstd):
		if u.zstd == nil {
			var err error
			if u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderMaxWindow(64<<20)); err != nil {
				return nil, err
			}
		}
		return u.zstd, u.zstd.Reset(from)
	case bytes.HasPrefix(start, magicSnappy):
		if u.snappy == nil {
			u.snappy = s2.NewReader(nil, s2.ReaderMaxBlockSize(64<<10), s2.ReaderAllocBlock(64<<10))
		}
		u.snappy.Reset(from)
		return u.snappy, nil
	}
	return nil, nil
}

// buffer is an empty one of at least unpackChunk.
func (u *unpacker) buffer() []byte {
	select {
	case b := <-u.free:
		if cap(b) >= unpackChunk && cap(b) <= 4*unpackChunk {
			return b[:0]
		}
	default:
	}
	return make([]byte, 0, unpackChunk)
}

// release gives a piece's buffer back.
func (u *unpacker) release(text []byte) {
	select {
	case u.free <- text:
	default:
	}
}

// unpack gives a body's pieces to emit, in order, until it returns false. header finds the lines at
// the top of a body that each of its pieces needs; nil: the format has none. uncut: it is one piece.
func (u *unpacker) unpack(body []byte, header func([]byte) []byte, uncut bool, emit func(piece) bool) {
	u.packed.Reset(body)
	from, err := u.reader(body, &u.packed)
	switch {
	case err != nil:
		emit(piece{text: body[:min(len(body), record.MaxRefused)], refused: reasonPacked})
	case from == nil:
		emit(piece{text: body})
	default:
		u.cut(from, header, uncut, emit)
	}
}

// cut gives the pieces of a stream.
func (u *unpacker) cut(from io.Reader, header func([]byte) []byte, uncut bool, emit func(piece) bool) {
	var top []byte
	base, total := 0, 0
	give := func(text []byte) bool {
		p := piece{text: text, base: base, pooled: true}
		if len(text) == 0 {
			return true
		}
		if base > 0 && len(top) > 0 {
			p.text, p.top = append(bytes.Clone(top), text...), len(top)
			u.release(text)
		}
		return emit(p)
	}
	refuse := func(rest []byte, base int, reason string) {
		emit(piece{text: rest[:min(len(rest), record.MaxRefused)], base: base, refused: reason})
	}
	buf := u.buffer()
	for {
		n, err := from.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if total += n; total > u.most {
			refuse(buf, base, reasonBytes)
			return
		}
		switch {
		case errors.Is(err, io.EOF):
			give(buf)
			return
		case err != nil: // what came before the damage is good up to its last whole line
			whole := bytes.LastIndexByte(buf, '\n') + 1
			if uncut {
				whole = 0
			}
			rest := bytes.Clone(buf[whole:min(len(buf), whole+record.MaxRefused)])
			if give(buf[:whole]) {
				refuse(rest, base+whole, reasonPacked)
			}
			return
		case len(buf) < cap(buf):
			continue
		}
		whole := bytes.LastIndexByte(buf, '\n') + 1
		if uncut || base == 0 && bytes.HasPrefix(bytes.TrimLeft(buf[:min(64, len(buf))], " \t\r\n\xef\xbb\xbf"), []byte("[")) {
			whole = 0 // an array has no place to cut
		}
		if whole == 0 {
			if cap(buf) >= maxUnit {
				refuse(buf, base, reasonUnit)
				return
			}
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
			continue
		}
		if header != nil && base == 0 {
			top = bytes.Clone(header(buf[:whole]))
		}
		rest := append(u.buffer(), buf[whole:]...)
		if !give(buf[:whole]) {
			return
		}
		base += whole
		buf = rest
	}
}
