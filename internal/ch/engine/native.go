//go:build linux

package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/compress"
	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// translator turns blocks as the library writes them, in revision 0 of the native format, into
// those of the revision that a client named: they differ in a block's head and, from 54454 on, in
// one byte per column, whose place is known only by reading the columns.
type translator struct {
	revision uint64
	buf      chproto.Buffer
}

// translate returns blocks that stay valid until the next call.
func (t *translator) translate(data []byte) ([]byte, error) {
	if t.revision == 0 {
		return data, nil
	}
	t.buf.Reset()
	r := chproto.NewReader(bytes.NewReader(data))
	for {
		block := proto.NewBlock()
		if err := block.Decode(r, 0); errors.Is(err, io.EOF) {
			return t.buf.Buf, nil
		} else if err != nil {
			return nil, fmt.Errorf("decode the engine's block: %w", err)
		}
		if err := block.Encode(&t.buf, t.revision); err != nil {
			return nil, fmt.Errorf("encode a block for revision %d: %w", t.revision, err)
		}
	}
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
