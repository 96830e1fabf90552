package simulate

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
)

// maxParcel bounds a body before compression.
const maxParcel = 3 << 20

// formatBeacon is a tool's export: an array of beacons. formatDirect is one player's own beacon.
const (
	formatBeacon = "beacon"
	formatDirect = "direct"
)

// parcel is a body being filled, and its part of the truth.
type parcel struct {
	buf   []byte
	lines int
	tally tally
}

func (p *parcel) line(c *cast, enc encoder, at *stamp, l *line, weight uint64) {
	p.buf = enc(c, p.buf, at, l)
	if n := len(p.buf); p.buf[n-1] != '\n' {
		p.buf = append(p.buf, '\n')
	}
	p.lines++
	p.tally.line(at.sec, l, weight)
}

func (p *parcel) beat(c *cast, at *stamp, q *beat, weight uint64) {
	p.buf = append(p.buf, cmp.Or(sign(p.lines), '['))
	p.direct(c, at, q, weight)
}

// sign is the comma between a beacon and those before it.
func sign(before int) byte {
	if before > 0 {
		return ','
	}
	return 0
}

func (p *parcel) direct(c *cast, at *stamp, q *beat, weight uint64) {
	p.buf = c.beacon(p.buf, at, q)
	p.lines++
	p.tally.beat(at.sec, q, weight)
}

// seal makes a batch of what is in the parcel and empties it.
func (p *parcel) seal(format, source string, weight uint64, due time.Time) *batch {
	b := &batch{path: "/ingest/" + source + "?weight=" + strconv.FormatUint(weight, 10), contentType: "application/x-ndjson", gzip: true, id: true, due: due, tally: p.tally}
	switch format {
	case formatAkamai:
		b.contentType, b.id = "application/json", false
	case formatBeacon:
		b.contentType = "application/json"
		p.buf = append(p.buf, ']')
	case formatRemoteWrite:
		b.path, b.contentType, b.gzip, b.id, b.snappy = "/ingest/"+source, "application/x-protobuf", false, false, true
	case formatDirect:
		b.path, b.contentType, b.gzip, b.id, b.once = "/beacon", "text/plain;charset=UTF-8", false, false, true
	}
	switch {
	case b.gzip:
		b.body = compress(p.buf)
	case b.snappy:
		b.body = packSnappy(p.buf)
	default:
		b.body = slices.Clone(p.buf)
	}
	p.buf, p.lines, p.tally = p.buf[:0], 0, tally{}
	return b
}

func compress(text []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(text)/8 + 64)
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err == nil {
		_, err = z.Write(text)
		err = errors.Join(err, z.Close())
	}
	if err != nil {
		panic("simulate: gzip to memory: " + err.Error()) // cannot happen: the level is valid and memory does not fail
	}
	return out.Bytes()
}
