package ingest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"vigie/ingest/fastly"
	"vigie/ingest/player"
	"vigie/internal/bus"
)

// CollectorConfig is what the doors need.
type CollectorConfig struct {
	Sources []Source
	CDNs    []CDN
	Streams []*bus.Stream // one a partition, from OpenStreams
	Imports *bus.KV       // remembers what was imported for good; nil: only for as long as the streams do
	Doors   *bus.KV       // where Visits are noted for AllVisits; nil: nowhere
	Owner   string        // this process's name in it
	Room    func() error  // says why there is no room on the disk; nil: never asked

	MaxBody        int64          // bytes of one HTTP body as it comes; 0: 64 MiB
	MaxMemory      int64          // bytes of all bodies being received, and of what they unpack to; 0: 256 MiB
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed for beacons
	Beacons        BeaconConfig
	SyslogUDP      string // address to listen on; empty: not
	SyslogTCP      string
	SyslogTLS      string      // needs TLS
	TLS            *tls.Config // certificate of the syslog door, and what it asks of its clients; nil: SyslogTLS is off

	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// CDN is one column of the board.
type CDN struct {
	ID      string   `yaml:"id"`
	Name    string   `yaml:"name"`
	Colour  int      `yaml:"colour"`  // index in the palette, 0 to 7
	Aliases []string `yaml:"aliases"` // how players' beacons call it
}

// storeWait bounds the wait for the stream's acknowledgement.
const storeWait = 20 * time.Second

const (
	defaultMaxBody   = 64 << 20 // Firehose sends up to 64 MiB
	defaultMaxMemory = 256 << 20
	bodyWait         = 60 * time.Second // for the whole body of a slow sender
	maxBatchID       = 256
)

// Collector is the door for machines. Its Handler answers POST /ingest/{source} and the doors that
// viewers' machines reach.
type Collector struct {
	cfg     CollectorConfig
	sources map[string]*Source
	door    *door
	memory  *semaphore.Weighted
	public  publicDoors
	syslog  *syslogDoor
	book    *doorBook
	metrics collectorMetrics
}

type collectorMetrics struct {
	bodies  *prometheus.CounterVec // source, outcome
	bytes   *prometheus.CounterVec // source
	dropped *prometheus.CounterVec // source; datagrams that found no room
}

// NewCollector checks the configuration and opens nothing yet.
func NewCollector(cfg CollectorConfig) (*Collector, error) {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = defaultMaxBody
	}
	if cfg.MaxMemory == 0 {
		cfg.MaxMemory = max(defaultMaxMemory, 2*cfg.MaxBody)
	}
	if cfg.Room == nil {
		cfg.Room = func() error { return nil }
	}
	c := &Collector{
		cfg:     cfg,
		sources: map[string]*Source{},
		door:    &door{partitions: cfg.Streams, room: cfg.Room},
		memory:  semaphore.NewWeighted(cfg.MaxMemory),
		book:    &doorBook{kv: cfg.Doors, owner: cfg.Owner, log: cfg.Log, visits: map[string]*Visits{}},
		metrics: collectorMetrics{
			bodies:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigie_ingest_bodies_total", Help: "Bodies and batches by source and outcome."}, []string{"source", "outcome"}),
			bytes:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigie_ingest_bytes_total", Help: "Bytes stored in the raw stream by source."}, []string{"source"}),
			dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigie_ingest_datagrams_dropped_total", Help: "Datagrams that found no room, by source."}, []string{"source"}),
		},
	}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(c.metrics.bodies, c.metrics.bytes, c.metrics.dropped)
	}
	if err := CheckSources(cfg.Sources, cfg.CDNs); err != nil {
		return nil, err
	}
	for i := range cfg.Sources {
		s := &cfg.Sources[i]
		s.own, _ = s.reader(s.Format) // it was checked
		c.sources[s.ID] = s
	}
	var err error
	if c.public, err = newPublicDoors(c); err != nil {
		return nil, err
	}
	c.syslog = newSyslogDoor(c)
	return c, nil
}

// CheckSources says all that is wrong with the sources, one line each.
func CheckSources(sources []Source, cdns []CDN) error {
	known := map[string]bool{}
	for _, c := range cdns {
		known[c.ID] = true
	}
	var errs []error
	seen := map[string]bool{}
	for i := range sources {
		s := &sources[i]
		if seen[s.ID] {
			errs = append(errs, fmt.Errorf("source %q: id: is there twice", s.ID))
		}
		seen[s.ID] = true
		if err := s.check(known); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Run listens for syslog and settles what is on its way when ctx ends. HTTP is served by whoever
// mounts Handler, and must have stopped before ctx ends.
func (c *Collector) Run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error { return c.public.run(ctx) })
	g.Go(func() error { return c.syslog.run(ctx) })
	g.Go(func() error { return c.book.run(ctx) })
	return g.Wait()
}

// Handler serves the doors for machines.
func (c *Collector) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ingest/{source}", c.ingest)
	mux.HandleFunc("PUT /ingest/{source}", c.ingest)
	mux.HandleFunc("POST /ingest/{source}/{path...}", c.ingest) // what senders put behind the address they were given
	mux.HandleFunc("GET "+fastly.ChallengePath, c.fastlyChallenge)
	c.public.mount(mux)
	script := player.Handler()
	for _, path := range []string{"/vigie-beacon.js", "/player", "/player.js", "/player.css"} {
		mux.Handle("GET "+path, script)
	}
	return mux
}

// ingest takes a body, as whoever sends it expects.
func (c *Collector) ingest(w http.ResponseWriter, r *http.Request) {
	source, ok := c.sources[r.PathValue("source")]
	if !ok || source.Public || !source.admits(r) {
		// The same answer for both, so that names cannot be guessed.
		c.metrics.bodies.WithLabelValues("", "unauthorized").Inc()
		if ok && !source.Public {
			c.book.refused(source.ID, "wrong token, or none")
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="vigie"`)
		refuse(w, http.StatusUnauthorized, "no such source, or a wrong token: see sources: in the configuration")
		return
	}
	firehose := isFirehose(r)
	refused := func(outcome string, status int, why string) {
		c.metrics.bodies.WithLabelValues(source.ID, outcome).Inc()
		c.book.refused(source.ID, why)
		if firehose {
			answerFirehose(w, status, r.Header.Get(firehoseRequest), why)
			return
		}
		refuse(w, status, why)
	}
	d := &delivery{source: source, received: time.Now(), batch: batchID(r), client: peer(r).String(), backfill: r.URL.Query().Get("backfill") == "1"}
	if text := r.URL.Query().Get("weight"); text != "" {
		weight, err := strconv.ParseFloat(text, 64)
		if err != nil || !(weight >= 1 && weight <= maxWeight) {
			refused("invalid", http.StatusBadRequest, fmt.Sprintf("weight: %.20q is not a number from 1 to %.0f", text, maxWeight))
			return
		}
		d.weight = weight
	}
	reader := source.own
	if d.format = r.URL.Query().Get("format"); d.format != "" {
		var err error
		if reader, err = source.reader(d.format); err != nil {
			refused("invalid", http.StatusBadRequest, err.Error())
			return
		}
	}
	if len(d.batch) > maxBatchID {
		refused("invalid", http.StatusBadRequest, fmt.Sprintf("batch id: longer than %d bytes", maxBatchID))
		return
	}
	switch encoding := r.Header.Get("Content-Encoding"); {
	case reader.whole: // its etiquette looks at it
	case slices.Contains([]string{"", "identity", "gzip", "x-gzip", "zstd", "snappy"}, encoding): // told apart by their first bytes when they are read
	default:
		w.Header().Set("Accept-Encoding", "gzip, zstd, identity")
		refused("invalid", http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Encoding: %.20q is not supported: send gzip, zstd, snappy (framed) or identity", encoding))
		return
	}
	limit := c.cfg.MaxBody
	if firehose {
		limit = max(limit, firehoseBody)
	}
	body, release, status, err := c.receive(w, r, limit)
	if err != nil {
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		refused("refused", status, err.Error())
		return
	}
	defer release()
	d.body = body
	if reader.kind != ofRequests { // a session's reports and a series' samples all go the same way
		d.place = 1 + int(crc32.ChecksumIEEE([]byte(source.ID)))%len(c.cfg.Streams)
	}
	etiquette := politely
	switch {
	case firehose:
		etiquette = toTheLetter
	case reader.etiquette != nil:
		etiquette = reader.etiquette
	}
	etiquette(c, w, r, d)
}

// etiquette is how a kind of sender expects to be answered. It is given an authenticated delivery
// whose body is whole, checks what the sender wants to hear of, stores it and answers.
type etiquette func(c *Collector, w http.ResponseWriter, r *http.Request, d *delivery)

// politely tells what was stored, for senders that only look at the status.
func politely(c *Collector, w http.ResponseWriter, r *http.Request, d *delivery) {
	if len(d.body) == 0 {
		c.metrics.bodies.WithLabelValues(d.source.ID, "empty").Inc()
		w.WriteHeader(http.StatusNoContent)
		return
	}
	duplicate, ok := c.keep(w, r, d)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"stored": len(d.body), "duplicate": duplicate})
}

// keep stores a delivery and notes it. When that fails the sender has been told to come back.
func (c *Collector) keep(w http.ResponseWriter, r *http.Request, d *delivery) (duplicate, ok bool) {
	ctx, cancel := context.WithTimeout(r.Context(), storeWait)
	defer cancel()
	duplicate, err := c.storeOnce(ctx, d)
	if err != nil {
		outcome := c.refuseStore(w, err)
		c.metrics.bodies.WithLabelValues(d.source.ID, outcome).Inc()
		c.book.refused(d.source.ID, "not stored: "+outcome)
		return false, false
	}
	c.stored(d.source.ID, len(d.body), duplicate)
	return duplicate, true
}

// stored notes what was stored, or known as a repeat.
func (c *Collector) stored(source string, bytes int, duplicate bool) {
	c.book.stored(source, bytes, duplicate)
	if duplicate {
		c.metrics.bodies.WithLabelValues(source, "duplicate").Inc()
		return
	}
	c.metrics.bodies.WithLabelValues(source, "stored").Inc()
	c.metrics.bytes.WithLabelValues(source).Add(float64(bytes))
}

// ImportBatch begins the batch id of a body that comes from a file. The file may be imported again
// next month, long after the stream has forgotten the first time.
const ImportBatch = "import:"

// storeOnce stores a body, unless it is part of a file that was imported before. What was stored
// and not noted, because this process died between the two, the stream recognises for two hours.
func (c *Collector) storeOnce(ctx context.Context, d *delivery) (duplicate bool, err error) {
	if c.cfg.Imports == nil || !strings.HasPrefix(d.batch, ImportBatch) {
		return c.door.store(ctx, d)
	}
	key := strings.ReplaceAll(d.id(), ":", "-")
	if _, _, err := c.cfg.Imports.Get(ctx, key); err == nil {
		return true, nil
	} else if !errors.Is(err, bus.ErrNotFound) {
		return false, err
	}
	if duplicate, err = c.door.store(ctx, d); err != nil {
		return false, err
	}
	if _, err := c.cfg.Imports.Create(ctx, key, nil); err != nil && !errors.Is(err, bus.ErrConflict) {
		return false, err
	}
	return duplicate, nil
}

// refuseStore answers a sender whose body could not be stored, and names the outcome.
func (c *Collector) refuseStore(w http.ResponseWriter, err error) (outcome string) {
	w.Header().Set("Retry-After", "5")
	outcome = notStored(err)
	switch outcome {
	case "full":
		c.cfg.Log.Error("the raw stream takes no more: senders are asked to wait", "error", err)
		refuse(w, http.StatusServiceUnavailable, "the stream is full: try again later")
	case "busy":
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "too many at once: try again later")
	default:
		c.cfg.Log.Error("store a body", "error", err)
		refuse(w, http.StatusServiceUnavailable, "not stored: try again later")
	}
	return outcome
}

// notStored names the outcome of what could not be stored.
func notStored(err error) string {
	switch {
	case errors.Is(err, bus.ErrFull), errors.Is(err, errNoRoom):
		return "full"
	case errors.Is(err, errBusy):
		return "busy"
	}
	return "failed"
}

// receive reads a body whole. Its memory is counted against MaxMemory until release is called.
func (c *Collector) receive(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, release func(), status int, err error) {
	if r.ContentLength > limit {
		return nil, nil, http.StatusRequestEntityTooLarge, fmt.Errorf("body: %d bytes are more than the %d allowed: send smaller batches", r.ContentLength, limit)
	}
	size := r.ContentLength
	if size < 0 {
		size = 64 << 10
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWait))
	s := &share{of: c.memory}
	body, err = s.gather(http.MaxBytesReader(w, r.Body, limit), size, limit)
	if err == nil {
		return body, s.release, 0, nil
	}
	s.release()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errMemory):
		return nil, nil, http.StatusServiceUnavailable, err
	case errors.As(err, &tooLarge):
		return nil, nil, http.StatusRequestEntityTooLarge, fmt.Errorf("body: more than the %d bytes allowed: send smaller batches", limit)
	default:
		return nil, nil, http.StatusBadRequest, fmt.Errorf("body: it ended before its end: %w", err)
	}
}

// batchID is the sender's own name for a body, the same on every retry.
func batchID(r *http.Request) string {
	for _, name := range []string{"X-Batch-Id", "Idempotency-Key", firehoseRequest} {
		if id := r.Header.Get(name); id != "" {
			return id
		}
	}
	return ""
}

func peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// refuse writes an error for people to read; nothing of the request is echoed unquoted.
func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	io.WriteString(w, strings.TrimSpace(why)+"\n")
}
