package ch

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
)

// Block is rows for one table, held by column and ready to be sent as they are. A writer makes one
// with its columns, then fills, inserts and resets it again and again: its memory stays. It is for
// one goroutine at a time.
//
//	b := ch.NewBlock()
//	at, cdn, bytes := b.DateTime64("ts"), b.LowCardinality("cdn"), b.UInt64("bytes")
//	at.Append(r.Time); cdn.Append(r.CDN); bytes.Append(r.Bytes)   // one row: every column once
type Block struct {
	columns []column
	input   proto.Input
	buf     proto.Buffer
}

type column interface {
	input() proto.ColInput
	size() int
	reset()
}

// NewBlock returns a block without columns. Its methods named after ClickHouse's types add one
// each; all are added before the first row.
func NewBlock() *Block { return &Block{} }

// Rows is the number of whole rows: that of the column which has the fewest.
func (b *Block) Rows() int {
	if len(b.input) == 0 {
		return 0
	}
	rows := b.input[0].Data.Rows()
	for _, c := range b.input[1:] {
		rows = min(rows, c.Data.Rows())
	}
	return rows
}

// Bytes is about what the block takes on the wire.
func (b *Block) Bytes() int {
	n := 0
	for _, c := range b.columns {
		n += c.size()
	}
	return n
}

// Reset empties the block and keeps its memory.
func (b *Block) Reset() {
	for _, c := range b.columns {
		c.reset()
	}
}

// encode returns the block in ClickHouse's Native format
// (https://clickhouse.com/docs/interfaces/formats/Native), valid until the next call.
func (b *Block) encode() ([]byte, error) {
	b.buf.Reset()
	block := proto.Block{Columns: len(b.input), Rows: b.Rows()}
	if err := block.EncodeRawBlock(&b.buf, 0, b.input); err != nil {
		return nil, fmt.Errorf("encode block: a row lacks a column: %w", err)
	}
	return b.buf.Buf, nil
}

var (
	columnName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	tableName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`)
)

// into is the INSERT for this block, up to where its format is named.
func (b *Block) into(table string) (string, error) {
	if !tableName.MatchString(table) {
		return "", fmt.Errorf("insert: %q is not the name of a table", table)
	}
	names := make([]string, len(b.input))
	for i, c := range b.input {
		if !columnName.MatchString(c.Name) {
			return "", fmt.Errorf("insert into %s: %q is not the name of a column", table, c.Name)
		}
		names[i] = "`" + c.Name + "`"
	}
	return "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ")", nil
}

func add[C column](b *Block, name string, c C) C {
	b.columns = append(b.columns, c)
	b.input = append(b.input, proto.InputColumn{Name: name, Data: c.input()})
	return c
}
