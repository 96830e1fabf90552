package ingest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"sync/atomic"
	"time"

	"vigie/internal/bus"
)

// Headers of the raw stream's messages.
const (
	headerSource   = "Vigie-Source"
	headerFormat   = "Vigie-Format"   // as configured when it was received, or as the sender said
	headerAsked    = "Vigie-Asked"    // "1": the sender said the format
	headerReceived = "Vigie-Received" // Unix nanoseconds
	headerFraming  = "Vigie-Framing"  // what the body is beside its format; see framingFirehose
	headerWeight   = "Vigie-Weight"
	headerEnvelope = "Vigie-Envelope" // "1": the data is an envelope
	headerSyslog   = "Vigie-Syslog"   // "1": each payload of the envelope is a syslog message
	headerChunk    = "Vigie-Chunk"    // "2/5": part of a body larger than a message
	headerClient   = "Vigie-Client"   // the peer's address
	headerBackfill = "Vigie-Backfill" // "1": old data, that tells nothing of how late the source is
)

// honestRepeat is the size under which two equal bodies may both be meant: a heartbeat, one line.
const honestRepeat = 1 << 10

// delivery is one body on its way to the raw stream.
type delivery struct {
	source   *Source
	received time.Time
	batch    string // the sender's own id; empty: none
	weight   float64
	client   string
	format   string // "": the source's
	body     []byte
	framing  string // "": none; see headerFraming
	place    int    // 1 and up: its partition; 0: any
	envelope bool
	syslog   bool
	backfill bool
}

// id is what makes a delivery and its repeat the same; empty when repeats are meant.
func (d *delivery) id() string {
	switch {
	case d.envelope:
		return ""
	case d.batch != "":
		sum := sha256.Sum256([]byte(d.batch))
		return d.source.ID + ":b:" + hex.EncodeToString(sum[:16])
	case len(d.body) < honestRepeat && cmp.Or(d.format, d.source.Format) != "akamai": // whose lines have ids
		return ""
	}
	sum := sha256.Sum256(d.body)
	return d.source.ID + ":h:" + hex.EncodeToString(sum[:16])
}

// door is the way into the raw stream: one stream a partition.
type door struct {
	partitions []*bus.Stream
	room       func() error // nil: there is room on the disk
	next       atomic.Uint32
}

// errNoRoom tells a sender to come back; it wraps the reason.
var errNoRoom = errors.New("no room")

const maxChunks = 1000 // of one atomic batch, by NATS's own limit

// store publishes a body as it is and returns when the stream has it.
func (o *door) store(ctx context.Context, d *delivery) (duplicate bool, err error) {
	if err := o.room(); err != nil {
		return false, fmt.Errorf("%w: %w", errNoRoom, err)
	}
	id := d.id()
	p := int(o.next.Add(1))
	if id != "" { // a repeat must meet its first copy
		h := fnv.New32a()
		h.Write([]byte(id))
		p = int(h.Sum32())
	}
	if d.place > 0 {
		p = d.place - 1
	}
	p %= len(o.partitions)
	stream := o.partitions[p]
	m := bus.Message{Subject: subject(p, d.source.ID), Header: d.header(), Data: d.body, ID: id}
	if len(d.body) <= stream.MaxData() {
		_, duplicate, err = stream.Publish(ctx, m)
		return duplicate, err
	}
	n := (len(d.body) + stream.MaxData() - 1) / stream.MaxData()
	if n > maxChunks {
		return false, fmt.Errorf("body of %d bytes does not fit in %d messages of %d", len(d.body), maxChunks, stream.MaxData())
	}
	chunks := make([]bus.Message, n)
	for i := range chunks {
		c := m
		c.Header = d.header()
		c.Header[headerChunk] = fmt.Sprintf("%d/%d", i+1, n)
		c.Data = d.body[i*stream.MaxData() : min((i+1)*stream.MaxData(), len(d.body))]
		if id != "" {
			c.ID = id + "/" + strconv.Itoa(i+1)
		}
		chunks[i] = c
	}
	return stream.PublishAll(ctx, chunks)
}

func (d *delivery) header() bus.Header {
	h := bus.Header{
		headerSource:   d.source.ID,
		headerFormat:   cmp.Or(d.format, d.source.Format),
		headerReceived: strconv.FormatInt(d.received.UnixNano(), 10),
	}
	if d.format != "" {
		h[headerAsked] = "1"
	}
	if d.framing != "" {
		h[headerFraming] = d.framing
	}
	if d.weight != 0 {
		h[headerWeight] = strconv.FormatFloat(d.weight, 'g', -1, 64)
	}
	if d.client != "" {
		h[headerClient] = d.client
	}
	if d.envelope {
		h[headerEnvelope] = "1"
	}
	if d.syslog {
		h[headerSyslog] = "1"
	}
	if d.backfill {
		h[headerBackfill] = "1"
	}
	return h
}

func subject(partition int, source string) string {
	return fmt.Sprintf("raw.p%d.%s", partition, source)
}

func streamName(partition int) string { return fmt.Sprintf("RAW-p%d", partition) }
