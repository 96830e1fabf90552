package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"vigie/ingest/record"
	"vigie/ingest/syslog"
	"vigie/ingest/w3c"
	"vigie/internal/bus"
	"vigie/internal/event"
)

// span is a run of messages of one partition that is stored as one: planned, inserted, committed.
type span struct {
	from, to uint64
	messages []bus.Message
	partRows int
}

// part is what one insert per table stores of a span. Spans have one, but for a body that unpacks
// to more rows than a block should hold.
type part struct {
	requests *requestBlock
	beacons  *beaconBlock
}

func newPart() *part { return &part{newRequestBlock(), newBeaconBlock()} }

func (p *part) rows() int { return p.requests.Rows() + p.beacons.Rows() }

func (p *part) reset() {
	p.requests.Reset()
	p.beacons.Reset()
}

// found is what reading a span told beside its records.
type found struct {
	sources    map[string]*delivered
	quarantine []quarantined
	overflow   map[overflowKey]*quarantined
}

// delivered counts what one source gave in a span.
type delivered struct {
	messages, bytes, lines, refused uint64
	late                            [len(lateEdges) + 1]uint64
	received, oldest, newest        time.Time
}

type quarantined struct {
	received         time.Time
	source, reason   string
	sequence, offset uint64
	count            uint64
	sample           []byte
}

type overflowKey struct{ source, reason string }

// maxQuarantined is how many refused records of a span get a row each; the rest share one per
// source and reason.
const maxQuarantined = 1000

// Bounds of what a body may unpack to.
const (
	unpackChunk = 4 << 20   // is parsed at a time
	maxUnit     = 256 << 20 // what cannot be cut: a JSON array, a line
	maxUnpacked = 2 << 30   // of one body
)

// scribe reads spans back into records and lays them out in parts. It belongs to one writer.
type scribe struct {
	formats map[string]event.Parser
	sources map[string]*readable
	enrich  *enricher
	log     *slog.Logger

	// full is given each part that reached its rows and gives an empty one to go on with.
	full func(*part) (*part, error)

	part     *part
	partRows int
	found    *found
	err      error // of full: reading goes on, nothing more is laid out

	// Of the message being read.
	source   *readable
	format   string
	stats    *delivered
	sequence uint64
	backfill bool
	base     int // offset of the chunk being parsed in the unpacked body
	seen     seen
	weight   float64
	client   netip.Addr // the peer that sent it

	packed bytes.Reader
	gzip   gzip.Reader
	buf    []byte
}

// readable is a source as the scribe needs it.
type readable struct {
	id        string
	format    string
	zone      *time.Location
	weight    float64
	idText    []byte
	cdn, tool []byte
	public    bool
}

func newReadables(sources []Source) (map[string]*readable, error) {
	out := map[string]*readable{}
	formats := Formats()
	for i := range sources {
		s := &sources[i]
		zone, err := time.LoadLocation(s.TimeZone)
		if err != nil {
			return nil, fmt.Errorf("source %q: time_zone: %w", s.ID, err)
		}
		if formats[s.Format] == nil {
			return nil, fmt.Errorf("source %q: format: %q is not known", s.ID, s.Format)
		}
		r := &readable{
			id: s.ID, idText: []byte(s.ID), format: s.Format,
			zone: zone, weight: s.Weight, cdn: []byte(s.CDN), tool: []byte(s.Tool), public: s.Public,
		}
		if r.weight == 0 {
			r.weight = 1
		}
		if s.Tool == "" {
			r.tool = r.idText
		}
		out[s.ID] = r
	}
	return out, nil
}

// read lays a span's records out. The last part, perhaps empty, is s.part when it returns.
func (s *scribe) read(sp *span) (*found, error) {
	s.found = &found{sources: map[string]*delivered{}, overflow: map[overflowKey]*quarantined{}}
	s.partRows, s.err = sp.partRows, nil
	var chunks []byte
	for i := range sp.messages {
		m := &sp.messages[i]
		if of := m.Header[headerChunk]; of != "" {
			chunks = append(chunks, m.Data...)
			n, count, _ := strings.Cut(of, "/")
			if n != count {
				continue
			}
			m.Data, chunks = chunks, nil
		}
		s.message(m)
		if s.err != nil {
			return nil, s.err
		}
	}
	return s.found, nil
}

// message reads one message. A parser that panics costs its message, which is kept, not the night.
func (s *scribe) message(m *bus.Message) {
	id := m.Header[headerSource]
	s.sequence = m.Sequence
	nanos, _ := strconv.ParseInt(m.Header[headerReceived], 10, 64)
	s.seen.received = time.Unix(0, nanos)
	if s.stats = s.found.sources[id]; s.stats == nil {
		s.stats = &delivered{}
		s.found.sources[id] = s.stats
	}
	s.stats.messages++
	s.stats.bytes += uint64(len(m.Data))
	s.stats.received = later(s.stats.received, s.seen.received)
	s.source = s.sources[id]
	if s.source == nil {
		s.source = &readable{id: id, idText: []byte(id)}
		s.keep(event.Refusal{Record: m.Data[:min(len(m.Data), record.MaxRefused)], Reason: "source: no longer configured"})
		return
	}
	s.weight = s.source.weight
	if w, err := strconv.ParseFloat(m.Header[headerWeight], 64); err == nil {
		s.weight = w
	}
	s.backfill = m.Header[headerBackfill] != ""
	if s.format = m.Header[headerFormat]; s.formats[s.format] == nil {
		s.format = s.source.format
	}
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a parser panicked: its message is in the quarantine", "source", id, "sequence", m.Sequence, "panic", p, "stack", string(debug.Stack()))
			s.base = 0
			s.keep(event.Refusal{Record: m.Data[:min(len(m.Data), record.MaxRefused)], Reason: "parser: panicked"})
		}
	}()
	origin := event.Origin{Received: s.seen.received, Zone: s.source.zone}
	if m.Header[headerEnvelope] == "" {
		s.client, _ = netip.ParseAddr(m.Header[headerClient])
		origin.Client = s.client
		s.unpack(m.Data, origin)
		return
	}
	parse := s.formats[s.format]
	if m.Header[headerSyslog] != "" {
		parse = syslog.Parse(parse)
	}
	for env := m.Data; len(env) > 0; {
		first, rest, err := disclose(env)
		s.base = len(m.Data) - len(env)
		if err != nil {
			s.keep(event.Refusal{Record: env[:min(len(env), record.MaxRefused)], Reason: errEnvelope.Error()})
			return
		}
		origin.Received, origin.Client, origin.UserAgent = first.received, first.client, first.userAgent
		s.seen.received, s.client = first.received, first.client
		parse(first.payload, origin, s)
		env = rest
	}
}

const (
	reasonGzip  = "gzip: damaged or cut short"
	reasonUnit  = "body: a JSON array or line of more than 256 MiB"
	reasonBytes = "body: unpacks to more than 2 GiB"
)

// unpack parses a body, a few megabytes at a time when it is packed.
func (s *scribe) unpack(body []byte, origin event.Origin) {
	s.base = 0
	parse := s.formats[s.format]
	if len(body) < 2 || body[0] != 0x1f || body[1] != 0x8b {
		parse(body, origin, s)
		return
	}
	s.packed.Reset(body)
	if err := s.gzip.Reset(&s.packed); err != nil {
		s.keep(event.Refusal{Record: body[:min(len(body), record.MaxRefused)], Reason: reasonGzip})
		return
	}
	if cap(s.buf) < unpackChunk || cap(s.buf) > 4*unpackChunk {
		s.buf = make([]byte, 0, unpackChunk)
	}
	buf, total := s.buf[:0], 0
	defer func() { s.buf = buf }()
	var preamble []byte
	refused := func(reason string) {
		s.keep(event.Refusal{Offset: 0, Record: buf[:min(len(buf), record.MaxRefused)], Reason: reason})
	}
	for {
		n, err := s.gzip.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if total += n; total > maxUnpacked {
			refused(reasonBytes)
			return
		}
		switch {
		case errors.Is(err, io.EOF):
			parse(withPreamble(preamble, buf), origin, s)
			return
		case err != nil: // what came before the damage is good up to its last whole line
			whole := bytes.LastIndexByte(buf, '\n') + 1
			parse(withPreamble(preamble, buf[:whole]), origin, s)
			s.base += whole
			buf = buf[whole:]
			refused(reasonGzip)
			return
		case len(buf) < cap(buf):
			continue
		}
		cut := bytes.LastIndexByte(buf, '\n') + 1
		if s.base == 0 && bytes.HasPrefix(bytes.TrimLeft(buf[:min(64, len(buf))], " \t\r\n\xef\xbb\xbf"), []byte("[")) {
			cut = 0 // an array has no place to cut
		}
		if cut == 0 {
			if cap(buf) >= maxUnit {
				refused(reasonUnit)
				return
			}
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
			continue
		}
		parse(withPreamble(preamble, buf[:cut]), origin, s)
		if s.format == "w3c" && s.base == 0 {
			preamble = bytes.Clone(w3c.Header(buf[:cut]))
		}
		s.base += cut
		buf = buf[:copy(buf, buf[cut:])]
	}
}

func withPreamble(preamble, chunk []byte) []byte {
	if len(preamble) == 0 || len(chunk) == 0 {
		return chunk
	}
	return append(bytes.Clone(preamble), chunk...)
}

// Request implements event.Sink.
func (s *scribe) Request(r *event.Request) {
	if reason := implausible(r.Time, s.seen.received, s.backfill); reason != "" {
		s.Refuse(event.Refusal{Record: r.Path, Reason: reason})
		return
	}
	s.seen.source, s.seen.cdn = s.source.idText, s.source.cdn
	s.seen.weight = s.weight
	if r.Weight >= 1 && r.Weight <= maxWeight {
		s.seen.weight = r.Weight
	}
	s.enrich.request(r, &s.seen)
	s.part.requests.append(r, &s.seen)
	s.count(r.Time)
}

// Beacon implements event.Sink.
func (s *scribe) Beacon(b *event.Beacon) {
	if reason := implausible(b.Time, s.seen.received, s.backfill); reason != "" {
		s.Refuse(event.Refusal{Record: b.Session, Reason: reason})
		return
	}
	if len(b.Session) == 0 {
		s.Refuse(event.Refusal{Reason: reasonNoSession})
		return
	}
	s.seen.source = s.source.idText
	s.seen.weight = s.weight
	tool := s.source.tool
	if s.source.public { // nothing that a viewer says of its network is believed
		b.Client, b.ASN, b.Country = s.client, 0, nil
	}
	device := s.enrich.beacon(b, &s.seen)
	s.part.beacons.append(b, &s.seen, tool, device)
	s.count(b.Time)
}

// Measurement implements event.Sink.
func (s *scribe) Measurement(m *event.Measurement) {
	s.Refuse(event.Refusal{Record: m.Name, Reason: "metrics: this source's format is for logs"})
}

// Refuse implements event.Sink.
func (s *scribe) Refuse(r event.Refusal) { s.keep(r) }

func (s *scribe) keep(r event.Refusal) {
	s.stats.refused++
	f := s.found
	sample := r.Record[:min(len(r.Record), record.MaxRefused)]
	q := quarantined{s.seen.received, s.source.id, r.Reason, s.sequence, uint64(s.base + r.Offset), 1, sample}
	if len(f.quarantine) < maxQuarantined {
		q.sample = bytes.Clone(sample)
		f.quarantine = append(f.quarantine, q)
		return
	}
	key := overflowKey{q.source, q.reason}
	if of := f.overflow[key]; of != nil {
		of.count++
		return
	}
	q.sample = bytes.Clone(sample)
	f.overflow[key] = &q
}

func (s *scribe) count(t time.Time) {
	d := s.stats
	d.lines++
	if !s.backfill {
		late := s.seen.received.Sub(t)
		i := 0
		for i < len(lateEdges) && late >= lateEdges[i] {
			i++
		}
		d.late[i]++
	}
	if d.oldest.IsZero() || t.Before(d.oldest) {
		d.oldest = t
	}
	d.newest = later(d.newest, t)
	if s.part.rows() >= s.partRows && s.err == nil {
		next, err := s.full(s.part)
		if err != nil {
			s.err = err
			s.part.reset()
			return
		}
		s.part = next
	} else if s.err != nil {
		s.part.reset()
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
