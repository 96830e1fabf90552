package ingest

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/ingest/firehose"
	"vigie/ingest/otlp"
	"vigie/ingest/record"
	"vigie/ingest/remotewrite"
	"vigie/ingest/services"
	"vigie/ingest/sessions"
	"vigie/ingest/syslog"
	"vigie/internal/bus"
	"vigie/internal/event"
)

// span is a run of messages of one partition that is stored as one: planned, inserted, committed.
type span struct {
	from, to uint64
	messages []bus.Message
	partRows int
	warming  bool // it was stored before, and is read for its sessions alone
}

// part is what one insert per table stores of a span. Spans have one, but for a body that unpacks
// to more rows than a block should hold.
type part struct {
	requests   *requestBlock
	sums       *requestSums
	identities *identitySums
	beacons    *beaconBlock

	measurements *measurementBlock
	services     *serviceSums

	rows  int // of lines, beacons and measurements
	most  int // that it ever held
	roomy int // times in a row that it held far fewer
}

const (
	roomyShare = 8  // of the most: fewer is far fewer
	roomyTimes = 20 // some ten seconds of a live stream
)

func newPart() *part {
	requests := newRequestBlock()
	sums := sumsOf(requests)
	return &part{
		requests: requests, sums: sums, identities: identitiesOf(sums), beacons: newBeaconBlock(),
		measurements: newMeasurementBlock(), services: newServiceSums(),
	}
}

func (p *part) reset() {
	p.requests.Reset()
	p.sums.reset()
	p.identities.reset()
	p.beacons.Reset()
	p.measurements.Reset()
	p.services.reset()
	p.rows = 0
}

// again is the part to fill next: this one, emptied with its memory, or a new one where it has long been much
// larger than what comes, as after a backlog.
func (p *part) again() *part {
	p.most = max(p.most, p.rows)
	if p.roomy++; p.rows*roomyShare >= p.most {
		p.roomy = 0
	}
	if p.roomy >= roomyTimes {
		return newPart()
	}
	p.reset()
	return p
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
	told                            told
	received, oldest, newest        time.Time
}

// told counts the records that told each of a few fields.
type told struct{ bytes, firstByte, duration, cache, client, session uint64 }

func (t *told) request(r *event.Request) {
	t.bytes += uint64(flag(r.Bytes > 0))
	t.firstByte += uint64(flag(r.FirstByte != event.Unknown))
	t.duration += uint64(flag(r.Duration != event.Unknown))
	t.cache += uint64(flag(r.Cache != event.CacheUnknown))
	t.client += uint64(flag(r.Client.IsValid() || r.ASN != 0))
	t.session += uint64(flag(len(r.CMCD.Session) > 0))
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

// scribe reads spans back into records and lays them out in parts. It belongs to one writer.
type scribe struct {
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
	reader   *reader
	stats    *delivered
	sequence uint64
	backfill bool
	base     int // offset of the piece being parsed in the unpacked body
	seen     seen
	weight   float64
	client   netip.Addr // the peer that sent it
	origin   event.Origin
	envelope bool
	syslog   bool

	unpacker *unpacker
	tracker  *sessions.Tracker
	rules    *services.Rules
	ledger   *services.Ledger
	points   []services.Point
	warming  bool    // only sessions are remembered of what is read
	only     *window // what was received outside of it is passed over; nil: nothing is
	passing  bool    // over what is being read
}

func newScribe(sources map[string]*readable, enrich *enricher, rules *services.Rules, log *slog.Logger) *scribe {
	s := &scribe{sources: sources, enrich: enrich, rules: rules, log: log, unpacker: newUnpacker(maxUnpacked), tracker: sessions.New(maxSessions)}
	s.ledger = services.NewLedger(maxServiceSeries, s.did)
	return s
}

// readable is a source as the scribe needs it.
type readable struct {
	id        string
	reader    *reader
	asked     sync.Mutex
	others    map[string]*reader // in formats that are not its own, as senders may ask for; nil: cannot be
	source    *Source
	zone      *time.Location
	weight    float64
	idText    []byte
	cdn, tool []byte
	public    bool
}

// in is the reader of a body in a format; what a newer or older version stored under a name that
// is not known is read as the source's own.
func (r *readable) in(format string) *reader {
	if r.source == nil || format == r.source.Format {
		return r.reader
	}
	r.asked.Lock()
	defer r.asked.Unlock()
	if _, ok := r.others[format]; !ok {
		r.others[format], _ = r.source.reader(format)
	}
	if other := r.others[format]; other != nil {
		return other
	}
	return r.reader
}

// framed is a reader of bodies that came in a framing, around those of another.
func (r *readable) framed(inner *reader, framing string) *reader {
	r.asked.Lock()
	defer r.asked.Unlock()
	name := inner.name + "+" + framing
	if of := r.others[name]; of != nil {
		return of
	}
	of := *inner
	switch framing {
	case framingFirehose:
		of.parse, of.uncut, of.header = firehose.Parse(inner.parse), true, nil
	case framingRemoteWrite2:
		of.parse = remotewrite.ParseV2
	case framingJSON:
		of.parse = otlp.ParseJSON
	}
	r.others[name] = &of
	return &of
}

func newReadables(sources []Source) (map[string]*readable, error) {
	out := map[string]*readable{}
	for i := range sources {
		s := &sources[i]
		zone, err := time.LoadLocation(s.TimeZone)
		if err != nil {
			return nil, fmt.Errorf("source %q: time_zone: %w", s.ID, err)
		}
		own, err := s.reader(s.Format)
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", s.ID, err)
		}
		r := &readable{
			id: s.ID, idText: []byte(s.ID), source: s, reader: own, others: map[string]*reader{},
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

// step is what the unpacker hands the scribe: a message that begins, or a piece of its body.
type step struct {
	message *bus.Message // not nil: it begins
	reader  *reader
	piece   piece
}

// read lays a span's records out. The last part, perhaps empty, is s.part when it returns.
func (s *scribe) read(sp *span) (*found, error) {
	s.found = &found{sources: map[string]*delivered{}, overflow: map[overflowKey]*quarantined{}}
	s.partRows, s.err = sp.partRows, nil
	steps, enough := make(chan step, unpackAhead), make(chan struct{})
	var ahead sync.WaitGroup
	ahead.Go(func() { defer close(steps); s.ahead(sp, steps, enough) })
	defer ahead.Wait()
	defer close(enough)
	for st := range steps {
		if st.message != nil {
			s.begin(st.message, st.reader)
			continue
		}
		s.take(st.piece)
		if st.piece.pooled {
			s.unpacker.release(st.piece.text)
		}
		if s.err != nil {
			return nil, s.err
		}
	}
	return s.found, nil
}

// ahead puts bodies that were stored in chunks together again and unpacks them while the scribe
// reads what came before.
func (s *scribe) ahead(sp *span, steps chan<- step, enough <-chan struct{}) {
	give := func(st step) bool {
		select {
		case steps <- st:
			return true
		case <-enough:
			return false
		}
	}
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
		var r *reader
		if source := s.sources[m.Header[headerSource]]; source != nil {
			r = source.reader
			if s.only == nil || m.Header[headerAsked] != "" { // a replay reads as is configured now
				r = source.in(m.Header[headerFormat])
			}
			if framing := m.Header[headerFraming]; framing != "" {
				r = source.framed(r, framing)
			}
		}
		if !give(step{message: m, reader: r}) {
			return
		}
		whole := r == nil || r.whole || m.Header[headerEnvelope] != ""
		if whole {
			if !give(step{piece: piece{text: m.Data}}) {
				return
			}
			continue
		}
		going := true
		s.unpacker.unpack(m.Data, r.header, r.uncut, func(p piece) bool {
			going = give(step{piece: p})
			return going
		})
		if !going {
			return
		}
	}
}

// begin notes what is known of a message whose body follows.
func (s *scribe) begin(m *bus.Message, r *reader) {
	id := m.Header[headerSource]
	s.sequence, s.reader, s.base = m.Sequence, r, 0
	nanos, _ := strconv.ParseInt(m.Header[headerReceived], 10, 64)
	s.seen.received = time.Unix(0, nanos)
	if s.stats = s.found.sources[id]; s.stats == nil {
		s.stats = &delivered{}
		s.found.sources[id] = s.stats
	}
	s.stats.messages++
	s.stats.bytes += uint64(len(m.Data))
	s.stats.received = later(s.stats.received, s.seen.received)
	s.passing = s.only != nil && !s.only.holds(s.seen.received)
	if s.source = s.sources[id]; s.source == nil {
		s.source = &readable{id: id, idText: []byte(id)}
		return
	}
	s.weight = s.source.weight
	if w, err := strconv.ParseFloat(m.Header[headerWeight], 64); err == nil {
		s.weight = w
	}
	s.backfill = m.Header[headerBackfill] != ""
	s.client, _ = netip.ParseAddr(m.Header[headerClient])
	s.origin = event.Origin{Received: s.seen.received, Zone: s.source.zone, Client: s.client, Backfill: s.backfill}
	s.envelope, s.syslog = m.Header[headerEnvelope] != "", m.Header[headerSyslog] != ""
}

// take reads a piece of the message's body. A parser that panics costs its piece, which is kept,
// not the night.
func (s *scribe) take(p piece) {
	s.base = p.base - p.top
	if s.passing && !s.envelope && (s.reader == nil || s.reader.kind == ofRequests) {
		return // an envelope's payloads were received each at its own time; sessions are remembered
	}
	start := p.text[:min(len(p.text), record.MaxRefused)]
	switch {
	case p.refused != "":
		s.keep(event.Refusal{Record: start, Reason: p.refused})
		return
	case s.reader == nil:
		s.keep(event.Refusal{Record: start, Reason: "source: no longer configured"})
		return
	}
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a parser panicked: what it was given is in the quarantine", "source", s.source.id, "sequence", s.sequence, "panic", p, "stack", string(debug.Stack()))
			s.keep(event.Refusal{Record: start, Reason: "parser: panicked"})
		}
	}()
	if s.envelope {
		s.open(p.text)
		return
	}
	s.reader.parse(p.text, s.origin, s)
}

// open reads the payloads of an envelope.
func (s *scribe) open(envelope []byte) {
	parse := s.reader.parse
	if s.syslog {
		parse = syslog.Parse(parse)
	}
	for rest := envelope; len(rest) > 0; {
		s.base = len(envelope) - len(rest)
		first, after, err := disclose(rest)
		if err != nil {
			s.keep(event.Refusal{Record: rest[:min(len(rest), record.MaxRefused)], Reason: errEnvelope.Error()})
			return
		}
		origin := s.origin
		origin.Received, origin.Client, origin.UserAgent = first.received, first.client, first.userAgent
		s.seen.received, s.client = first.received, first.client
		s.passing = s.only != nil && !s.only.holds(first.received)
		if !s.passing || s.reader.kind != ofRequests {
			parse(first.payload, origin, s)
		}
		rest = after
	}
}

// Request implements event.Sink.
func (s *scribe) Request(r *event.Request) {
	if s.passing || s.warming {
		return
	}
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
	firstByte, duration := clamped(r.FirstByte, time.Microsecond), clamped(r.Duration, time.Microsecond)
	s.part.requests.append(r, &s.seen, firstByte, duration)
	s.part.sums.add(r, &s.seen, firstByte, duration)
	s.part.identities.add(r, &s.seen)
	s.part.rows++
	s.stats.told.request(r)
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
	if s.source.public { // nothing that a viewer says of its network is believed
		b.Client, b.ASN, b.Country = s.client, 0, nil
	}
	if s.reader.stateful || b.State != event.StateUntold || b.Totals || b.Sequence != 0 {
		if !s.tracker.Observe(s.source.idText, b) {
			return // said before
		}
	}
	if s.passing || s.warming {
		return
	}
	s.seen.source = s.source.idText
	s.seen.weight = s.weight
	tool := s.source.tool
	device := s.enrich.beacon(b, &s.seen)
	s.part.beacons.append(b, &s.seen, tool, device)
	s.part.rows++
	s.count(b.Time)
}

// Measurement implements event.Sink. What no rule chooses is read and not stored.
func (s *scribe) Measurement(m *event.Measurement) {
	if reason := implausible(m.Time, s.seen.received, s.backfill); reason != "" {
		s.Refuse(event.Refusal{Record: m.Name, Reason: reason})
		return
	}
	s.seen.source = s.source.idText
	s.points = s.rules.Match(m, s.points[:0])
	for i := range s.points {
		p := &s.points[i]
		s.ledger.Add(m.Time, p)
		if !s.passing && !s.warming {
			s.part.measurements.append(m, p, &s.seen)
			s.part.rows++
		}
	}
	if !s.passing && !s.warming {
		s.count(m.Time)
	}
}

// did takes what the ledger finds that a service did.
func (s *scribe) did(e *services.Entry) {
	if s.passing || s.warming {
		return
	}
	s.part.services.add(s.source.id, s.seen.received, e)
	second := time.Unix(e.Second, 0)
	if s.stats.oldest.IsZero() || second.Before(s.stats.oldest) {
		s.stats.oldest = second
	}
}

// Refuse implements event.Sink.
func (s *scribe) Refuse(r event.Refusal) { s.keep(r) }

func (s *scribe) keep(r event.Refusal) {
	if s.passing || s.warming {
		return
	}
	s.stats.refused++
	f := s.found
	sample := r.Record[:min(len(r.Record), record.MaxRefused)]
	q := quarantined{s.seen.received, s.source.id, r.Reason, s.sequence, uint64(max(s.base+r.Offset, 0)), 1, sample}
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
	if s.part.rows >= s.partRows && s.err == nil {
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
