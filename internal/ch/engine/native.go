//go:build linux

package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// Revisions of the native protocol that a block's form depends on (src/Core/ProtocolDefines.h).
const (
	revisionBlockInfo           = 51903
	revisionCustomSerialization = 54454
)

// translator turns blocks as the library writes them, in revision 0 of the native format, into
// those of the revision that a client named: they differ in a block's head and in one byte before
// each column's data. Where a column ends is known only by reading it; its bytes are then copied.
type translator struct {
	revision uint64
	buf      proto.Buffer
}

// readerSize is at least that of proto.NewReader, which then uses the buffer it is given.
const readerSize = 256 << 10

// translate returns blocks that stay valid until the next call.
func (t *translator) translate(data []byte) ([]byte, error) {
	if t.revision == 0 {
		return data, nil
	}
	t.buf.Reset()
	source := bytes.NewReader(data)
	buffered := bufio.NewReaderSize(source, readerSize)
	r := proto.NewReader(buffered)
	read := func() int { return len(data) - source.Len() - buffered.Buffered() }
	for read() < len(data) {
		if err := t.block(r, data, read); err != nil {
			return nil, fmt.Errorf("translate a block of the engine: %w", err)
		}
	}
	return t.buf.Buf, nil
}

func (t *translator) block(r *proto.Reader, data []byte, read func() int) error {
	columns, err := r.UVarInt()
	if err != nil {
		return err
	}
	rows, err := r.UVarInt()
	if err != nil {
		return err
	}
	if t.revision >= revisionBlockInfo {
		proto.BlockInfo{BucketNum: -1}.Encode(&t.buf)
	}
	t.buf.PutUVarInt(columns)
	t.buf.PutUVarInt(rows)
	for range columns {
		name, err := r.Str()
		if err != nil {
			return err
		}
		kind, err := r.Str()
		if err != nil {
			return err
		}
		t.buf.PutString(name)
		t.buf.PutString(kind)
		if t.revision >= revisionCustomSerialization {
			t.buf.PutBool(false)
		}
		from := read()
		if err := skip(r, column.Type(kind), int(rows)); err != nil {
			return fmt.Errorf("column %s of type %s: %w", name, kind, err)
		}
		t.buf.PutRaw(data[from:read()])
	}
	return nil
}

// skip reads a column's data and drops it.
func skip(r *proto.Reader, kind column.Type, rows int) error {
	if rows == 0 {
		return nil
	}
	c, err := kind.Column("", &column.ServerContext{})
	if err != nil {
		return err
	}
	if prefixed, ok := c.(column.CustomSerialization); ok {
		if err := prefixed.ReadStatePrefix(r); err != nil {
			return err
		}
	}
	return c.Decode(r, rows)
}

// compressor wraps a result in the compressed blocks that compress=1 asks for
// (src/Compression/CompressedWriteBuffer.cpp), with LZ4.
type compressor struct {
	to io.Writer
	w  *compress.Writer
}

const maxCompressedBlock = 1 << 20

func (c *compressor) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		part := p[:min(len(p), maxCompressedBlock)]
		if err := c.w.Compress(part); err != nil {
			return written, fmt.Errorf("compress the result: %w", err)
		}
		if _, err := c.to.Write(c.w.Data); err != nil {
			return written, err
		}
		written, p = written+len(part), p[len(part):]
	}
	return written, nil
}

// decompressor reads such blocks. ch-go's reader says EOF in other words, and says it too where the
// data ends within a block.
type decompressor struct {
	blocks *compress.Reader
	source counter
	whole  int64 // bytes of the source that were whole blocks
}

func newDecompressor(r io.Reader) *decompressor {
	d := &decompressor{source: counter{r: r}}
	d.blocks = compress.NewReader(&d.source)
	return d
}

func (d *decompressor) Read(p []byte) (int, error) {
	n, err := d.blocks.Read(p)
	switch {
	case err == nil:
		d.whole = d.source.n
	case errors.Is(err, io.EOF) && d.source.n == d.whole:
		err = io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
