package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"vigie/ingest/services"
	"vigie/ingest/sessions"
	"vigie/internal/bus"
	"vigie/internal/ch"
	"vigie/internal/lease"
	"vigie/internal/pause"
)

// StreamsConfig bounds the raw stream.
type StreamsConfig struct {
	Partitions int           `yaml:"partitions"` // each has one writer; 0: 1. It may grow later, not shrink
	MaxBytes   int64         `yaml:"max_bytes"`  // of all partitions; when it is reached senders wait; 0: 20 GB
	Keep       time.Duration `yaml:"keep"`       // what is stored already stays this long for replays; 0: 24 h
}

// dedupWindow is how long a repeat is recognised: Firehose retries for up to two hours.
const dedupWindow = 2 * time.Hour

// OpenStreams opens the raw stream's partitions.
func OpenStreams(ctx context.Context, b *bus.Bus, cfg StreamsConfig) ([]*bus.Stream, error) {
	n, size := max(cfg.Partitions, 1), cfg.MaxBytes
	if size == 0 {
		size = 20_000_000_000
	}
	var out []*bus.Stream
	for p := range n {
		s, err := b.Stream(ctx, bus.StreamConfig{
			Name:     streamName(p),
			Subjects: []string{fmt.Sprintf("raw.p%d.>", p)},
			MaxBytes: size / int64(n),
			Window:   dedupWindow,
		})
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// WriterConfig is what the way from the raw stream to ClickHouse needs.
type WriterConfig struct {
	DB      *ch.DB
	Streams []*bus.Stream // one a partition
	Leases  *bus.KV
	Owner   string // this process; Alone: no other can write, as with an embedded bus
	Alone   bool
	Keep    time.Duration // see StreamsConfig

	Sources  []Source
	CDNs     []CDN
	Beacons  BeaconConfig
	Enrich   EnrichConfig
	Services []services.Rule // before services.Defaults
	ISPs     *ISPs
	ASNs     *ASNs

	Log     *slog.Logger
	Metrics prometheus.Registerer
}

const (
	spanWait  = 500 * time.Millisecond // the longest that a record waits for company
	spanRows  = 50_000                 // ClickHouse's price of an insert falls until about there
	spanBytes = 32 << 20               // of raw messages held for one span
	partRows  = 100_000
	insertTry = 60 * time.Second
)

// maxServiceSeries are remembered likewise, of what services count.
const maxServiceSeries = 200_000

// maxSessions are remembered by each partition's writer where reports count only beside earlier ones,
// at about 105 bytes each.
const maxSessions = 300_000

// Writer brings the raw stream's partitions to ClickHouse, each by a lease of its own.
type Writer struct {
	cfg        WriterConfig
	partitions []*partition
	metrics    writerMetrics

	gate      sync.RWMutex // held for reading from a range's plan to its commit
	replaying sync.Mutex
}

type writerMetrics struct {
	rows    *prometheus.CounterVec // table
	refused *prometheus.CounterVec // source
	pending *prometheus.GaugeVec   // partition
	insert  prometheus.Histogram
}

// NewWriter checks the configuration and starts nothing yet.
func NewWriter(cfg WriterConfig) (*Writer, error) {
	if cfg.Keep == 0 {
		cfg.Keep = 24 * time.Hour
	}
	w := &Writer{cfg: cfg, metrics: writerMetrics{
		rows:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigie_writer_rows_total", Help: "Rows inserted by table."}, []string{"table"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigie_writer_refused_total", Help: "Records that could not be read, by source."}, []string{"source"}),
		pending: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "vigie_writer_pending_messages", Help: "Messages of the raw stream that are not in ClickHouse yet, by partition."}, []string{"partition"}),
		insert:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "vigie_writer_insert_seconds", Help: "Time of one insert.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 12)}),
	}}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(w.metrics.rows, w.metrics.refused, w.metrics.pending, w.metrics.insert)
	}
	sources, err := newReadables(slices.Concat(cfg.Sources, PublicSources(cfg.Beacons, cfg.Sources)))
	if err != nil {
		return nil, err
	}
	rules, err := services.Compile(slices.Concat(cfg.Services, services.Defaults()))
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	for i, stream := range cfg.Streams {
		enrich, err := newEnricher(cfg.Enrich, cfg.ISPs, cfg.ASNs, cfg.CDNs)
		if err != nil {
			return nil, err
		}
		log := cfg.Log.With("partition", i)
		p := &partition{
			number: i, stream: stream, writer: w, log: log,
			lease:      newLease(cfg.Leases, fmt.Sprintf("p%d", i), cfg.Owner, cfg.Alone, log),
			scribe:     newScribe(sources, enrich, rules, log),
			free:       make(chan *part, 3),
			deliveries: newDeliveryBlock(), quarantine: newQuarantineBlock(),
		}
		for range cap(p.free) {
			p.free <- newPart()
		}
		p.density.Store(math.Float64bits(1.0 / 300))
		w.partitions = append(w.partitions, p)
	}
	return w, nil
}

// Run writes until ctx ends. What was planned and not committed by then is taken up at the next
// start.
func (w *Writer) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range w.partitions {
		g.Go(func() error { return p.run(ctx) })
	}
	g.Go(func() error { return w.finish(ctx) })
	return g.Wait()
}

// partition is one partition's writer.
type partition struct {
	number int
	stream *bus.Stream
	writer *Writer
	lease  *partitionLease
	log    *slog.Logger

	scribe     *scribe
	free       chan *part
	deliveries *deliveryBlock
	quarantine *quarantineBlock
	hold       atomic.Uint64 // messages from here on are read again and not to be forgotten; 0: none are
	again      *replayState  // what this reader reads again; nil: it is the partition's own
	replayed   struct{ lines, refused atomic.Uint64 }
	density    atomic.Uint64 // rows per byte of raw message, as float bits: how many messages make a block
}

func (p *partition) run(ctx context.Context) error {
	for {
		err := p.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, lease.ErrLost) {
			p.log.Warn("another writer took the partition over")
		} else {
			p.log.Error("the partition's writer begins again", "error", err)
		}
		if err := pause.For(ctx, time.Second); err != nil {
			return nil
		}
	}
}

// session writes while this writer has the lease. Three stages go on at once: one collects the
// next span's messages, one parses the span before it, one inserts the span before that.
func (p *partition) session(ctx context.Context) error {
	state, err := p.stream.State(ctx)
	if err != nil {
		return err
	}
	if err := p.lease.Acquire(ctx, ofStream(state.Made, fmt.Sprintf("p%d", p.number), p.log)); err != nil {
		return err
	}
	if p.again != nil && p.lease.Current().Committed == 0 {
		if err := p.lease.Change(ctx, func(s *leaseState) { s.Committed = p.again.Start[p.number] - 1 }); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	spans, inserts := make(chan *span), make(chan *insert)
	ctx, done := context.WithCancel(ctx)
	defer done()
	g.Go(func() error { return p.lease.Renew(ctx) })
	if p.again == nil {
		g.Go(func() error { return p.tidy(ctx) })
	}
	g.Go(func() error { defer close(spans); return p.collect(ctx, spans) })
	g.Go(func() error { defer close(inserts); return p.parse(ctx, spans, inserts) })
	g.Go(func() error { defer done(); return p.store(ctx, inserts) })
	err = g.Wait()
	for len(p.free) < cap(p.free) { // parts that were on their way are lost with the session
		p.free <- newPart()
	}
	return err
}

// collect cuts the stream into spans. A span that was planned before a crash is cut the same way
// again.
func (p *partition) collect(ctx context.Context, out chan<- *span) error {
	state := p.lease.Current()
	if err := p.warm(ctx, state.Committed, out); err != nil {
		return err
	}
	read, until := state.Committed, uint64(math.MaxUint64)
	if p.again != nil {
		until = p.again.Until[p.number]
	}
	r, err := p.stream.Read(ctx, state.Committed+1)
	if err != nil {
		return err
	}
	defer r.Close()
	var ahead *bus.Message // read, but it belongs to the next span
	next := func(ctx context.Context) (bus.Message, error) {
		if m := ahead; m != nil {
			ahead = nil
			return *m, nil
		}
		return r.Next(ctx)
	}
	send := func(s *span) error {
		select {
		case out <- s:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if state.To > state.Committed {
		s := &span{from: state.From, to: state.To, partRows: state.PartRows}
		for len(s.messages) == 0 || s.messages[len(s.messages)-1].Sequence < s.to {
			m, err := next(ctx)
			if err != nil {
				return err
			}
			if m.Sequence > s.to {
				p.log.Error("messages are gone from the raw stream that were planned and not stored", "from", s.from, "to", s.to)
				ahead = &m
				break
			}
			s.messages = append(s.messages, m)
		}
		p.log.Info("taking up what was planned before", "from", s.from, "to", s.to, "messages", len(s.messages))
		if err := send(s); err != nil {
			return err
		}
		read = s.to
	}
	for {
		if read >= until {
			return nil
		}
		m, err := next(ctx)
		if err != nil {
			return err
		}
		s := &span{from: m.Sequence, partRows: partRows}
		within, cancel := context.WithTimeout(ctx, spanWait)
		size, density := 0, math.Float64frombits(p.density.Load())
		for {
			s.messages = append(s.messages, m)
			s.to = m.Sequence
			size += len(m.Data)
			whole := wholeBody(m)
			if whole && (float64(size)*density >= spanRows || size >= spanBytes || m.Sequence >= until) {
				break
			}
			wait := within
			if !whole { // its other chunks are in the stream already
				wait = ctx
			}
			if m, err = r.Next(wait); err != nil {
				break
			}
		}
		cancel()
		if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return err
		}
		if err := send(s); err != nil {
			return err
		}
		read = s.to
	}
}

// warm lets the scribe read what came in the minutes before its first span, for the sessions' sake:
// their next reports count only beside those. It is little against what it saves, but bounded.
func (p *partition) warm(ctx context.Context, committed uint64, out chan<- *span) error {
	state, err := p.stream.State(ctx)
	if err != nil || committed < state.First {
		return err
	}
	last, err := p.stream.StoredAt(ctx, committed)
	if err != nil {
		return nil // it is gone, and what was before it too
	}
	from, err := p.storedSince(ctx, last.Add(-sessions.Away), state)
	if err != nil {
		return err
	}
	r, err := p.stream.Read(ctx, from)
	if err != nil {
		return err
	}
	defer r.Close()
	s := &span{from: from, to: committed, warming: true}
	send := func() error {
		select {
		case out <- s:
			s = &span{from: from, to: committed, warming: true}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for size, at := 0, from; at < committed; {
		m, err := r.Next(ctx)
		if err != nil {
			return err
		}
		if at = m.Sequence; at > committed {
			break
		}
		source := p.scribe.sources[m.Header[headerSource]]
		if source == nil || source.reader.kind == ofRequests {
			continue
		}
		s.messages = append(s.messages, m)
		if size += len(m.Data); size >= spanBytes && wholeBody(m) {
			if err := send(); err != nil {
				return err
			}
			size = 0
		}
	}
	return send()
}

func wholeBody(m bus.Message) bool {
	n, count, _ := strings.Cut(m.Header[headerChunk], "/")
	return n == count
}

// insert is one part of a span on its way to ClickHouse; the last one brings what was found.
type insert struct {
	span   *span
	number int
	part   *part
	found  *found // of the last part only
}

func (p *partition) parse(ctx context.Context, in <-chan *span, out chan<- *insert) error {
	empty := func() (*part, error) {
		select {
		case part := <-p.free:
			return part.again(), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	send := func(i *insert) error {
		select {
		case out <- i:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for s := range in {
		p.scribe.warming = s.warming
		if s.warming {
			first, err := empty()
			if err != nil {
				return err
			}
			p.scribe.part = first
			if _, err := p.scribe.read(s); err != nil {
				return err
			}
			p.free <- first
			continue
		}
		number, rows := 0, 0
		first, err := empty()
		if err != nil {
			return err
		}
		p.scribe.part = first
		p.scribe.full = func(full *part) (*part, error) {
			rows += full.rows
			if err := send(&insert{span: s, number: number, part: full}); err != nil {
				return nil, err
			}
			number++
			return empty()
		}
		found, err := p.scribe.read(s)
		if err != nil {
			return err
		}
		rows += p.scribe.part.rows
		p.learn(s, rows)
		s.messages = nil
		if err := send(&insert{span: s, number: number, part: p.scribe.part, found: found}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// learn remembers how many rows a byte of raw message makes, so that the next spans are cut to the
// size of a good block.
func (p *partition) learn(s *span, rows int) {
	size := 0
	for i := range s.messages {
		size += len(s.messages[i].Data)
	}
	if size < 16<<10 {
		return
	}
	old := math.Float64frombits(p.density.Load())
	p.density.Store(math.Float64bits(0.8*old + 0.2*float64(rows)/float64(size)))
}

// store plans, inserts, commits.
func (p *partition) store(ctx context.Context, in <-chan *insert) error {
	for i := range in {
		if err := p.storeSpan(ctx, i, in); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// storeSpan stores a span whose first part is given and whose others follow.
func (p *partition) storeSpan(ctx context.Context, i *insert, in <-chan *insert) error {
	if p.again == nil { // a replay waits for spans to be whole, and they for it
		p.writer.gate.RLock()
		defer p.writer.gate.RUnlock()
	}
	err := p.lease.Change(ctx, func(s *leaseState) { s.From, s.To, s.PartRows = i.span.from, i.span.to, i.span.partRows })
	if err != nil {
		return err
	}
	for {
		token := fmt.Sprintf("%s:%d:p%d:%d-%d:%d", p.name(), p.lease.Current().Stream, p.number, i.span.from, i.span.to, i.number)
		for _, of := range []struct {
			table  string
			layOut func() *ch.Block
		}{
			{"requests", func() *ch.Block { return i.part.requests.Block }},
			{"requests_1s", i.part.sums.layOut},
			{"identities_10s", i.part.identities.layOut},
			{"beacons", func() *ch.Block { return i.part.beacons.Block }},
			{"measurements", func() *ch.Block { return i.part.measurements.Block }},
			{"services_1s", i.part.services.layOut},
		} {
			if err := p.insert(ctx, of.table, token, of.layOut); err != nil {
				return err
			}
		}
		p.free <- i.part
		if i.found != nil {
			return p.conclude(ctx, i, token)
		}
		var ok bool
		if i, ok = <-in; !ok {
			return ctx.Err()
		}
	}
}

// name begins a token: rows that are read again are not repeats of what was read before.
func (p *partition) name() string {
	if p.again != nil {
		return fmt.Sprintf("again-%d", p.again.ID)
	}
	return "raw"
}

// conclude stores what a span told beside its records, and commits it.
func (p *partition) conclude(ctx context.Context, i *insert, token string) error {
	if err := p.insert(ctx, "quarantine", token, func() *ch.Block { return p.refusals(i.found) }); err != nil {
		return err
	}
	if err := p.insert(ctx, "deliveries", token, func() *ch.Block { return p.delivered(i.span, i.found) }); err != nil {
		return err
	}
	if err := p.lease.Change(ctx, func(s *leaseState) { s.Committed, s.From, s.To = i.span.to, 0, 0 }); err != nil {
		return err
	}
	for source, of := range i.found.sources {
		p.replayed.lines.Add(of.lines)
		p.replayed.refused.Add(of.refused)
		if p.again == nil {
			p.writer.metrics.refused.WithLabelValues(source).Add(float64(of.refused))
		}
	}
	return nil
}

// insert repeats until ClickHouse has the block. It never gives up on one: what is refused for a
// reason that does not pass is a fault of this program or of the tables, and the stream holds
// everything until it is mended. The block is laid out anew for every try, so that a delivery's stamp
// is the moment from which it can be read.
func (p *partition) insert(ctx context.Context, table, token string, layOut func() *ch.Block) error {
	for delay := 200 * time.Millisecond; ; delay = min(2*delay, 10*time.Second) {
		block := layOut()
		if block.Rows() == 0 {
			return nil
		}
		start := time.Now()
		attempt, cancel := context.WithTimeout(ctx, insertTry)
		err := p.writer.cfg.DB.Insert(attempt, table, token, block)
		cancel()
		if err == nil {
			p.writer.metrics.insert.Observe(time.Since(start).Seconds())
			p.writer.metrics.rows.WithLabelValues(table).Add(float64(block.Rows()))
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if ch.IsUnavailable(err) {
			p.log.Warn("ClickHouse does not take a block now; it is offered again", "table", table, "rows", block.Rows(), "error", err)
		} else {
			p.log.Error("ClickHouse refuses a block; nothing is lost, but nothing more is stored until this is mended", "table", table, "rows", block.Rows(), "token", token, "error", err)
		}
		if err := pause.For(ctx, delay); err != nil {
			return err
		}
	}
}

func (p *partition) delivered(s *span, f *found) *ch.Block {
	d, now := p.deliveries, time.Now()
	d.Reset()
	names := sortedKeys(f.sources)
	for _, name := range names {
		of := *f.sources[name]
		if p.again != nil {
			if of.oldest.IsZero() {
				continue
			}
			// It tells which stretch must be looked at again, and nothing of how the source delivers.
			of = delivered{received: of.received, oldest: of.oldest, newest: of.newest}
		}
		if of.oldest.IsZero() {
			of.oldest, of.newest = of.received, of.received
		}
		d.stored.Append(now)
		d.partition.Append(uint16(p.number))
		d.first.Append(s.from)
		d.last.Append(s.to)
		d.source.AppendString(name)
		d.received.Append(of.received)
		d.messages.Append(of.messages)
		d.bytes.Append(of.bytes)
		d.lines.Append(of.lines)
		d.refused.Append(of.refused)
		d.told.bytes.Append(of.told.bytes)
		d.told.firstByte.Append(of.told.firstByte)
		d.told.duration.Append(of.told.duration)
		d.told.cache.Append(of.told.cache)
		d.told.client.Append(of.told.client)
		d.told.session.Append(of.told.session)
		for i, n := range of.late {
			d.late[i].Append(n)
		}
		d.oldest.Append(of.oldest)
		d.newest.Append(of.newest)
	}
	return d.Block
}

func (p *partition) refusals(f *found) *ch.Block {
	q := p.quarantine
	q.Reset()
	all := f.quarantine
	for _, of := range f.overflow {
		all = append(all, *of)
	}
	sort.SliceStable(all[len(f.quarantine):], func(i, j int) bool {
		rest := all[len(f.quarantine):]
		return rest[i].source+rest[i].reason < rest[j].source+rest[j].reason
	})
	for i := range all {
		r := &all[i]
		q.received.Append(r.received)
		q.source.AppendString(r.source)
		q.reason.AppendString(r.reason)
		q.partition.Append(uint16(p.number))
		q.sequence.Append(r.sequence)
		q.offset.Append(r.offset)
		q.count.Append(r.count)
		q.sample.Append(r.sample)
	}
	return q.Block
}
