package cockpit

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/internal/ch"
	"vigie/internal/match"
)

// Config is what the board is made of.
type Config struct {
	DB      *ch.DB
	CDNs    []CDN // in the order of the columns
	Sources []SourceInfo
	Match   match.Match // checked; the zero value: no match, the board slides over two hours
	Limits  Limits
	// Doors tells what the collectors saw of each source, by its id; nil: nobody knows.
	Doors func(context.Context) (map[string]DoorState, error)
	// Mask hides the secrets and addresses in a line that could not be read; nil: they stay.
	Mask func(string) string

	Publish func(*Board) // called once a tick, from one goroutine; it must not wait

	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// CDN is one column of the board.
type CDN struct {
	ID, Name string
	Colour   int
}

// Limits are the values from which a number asks for someone. Zero values are the usual ones.
type Limits struct {
	Errors      Limit `yaml:"errors"`      // ratio; usually 0.01 and 0.03
	Rebuffering Limit `yaml:"rebuffering"` // ratio; usually 0.01 and 0.02
	Startup     Limit `yaml:"startup"`     // seconds, median; usually 3 and 6
	FirstByte   Limit `yaml:"first_byte"`  // times the cell's own usual; usually 2 and 3
}

// Limit has two steps.
type Limit struct {
	Warning  float64 `yaml:"warning"`
	Critical float64 `yaml:"critical"`
}

func (l Limit) or(warning, critical float64) Limit {
	if l == (Limit{}) {
		return Limit{warning, critical}
	}
	return l
}

func (l Limit) judge(v float64) Health {
	switch {
	case v >= l.Critical:
		return HealthCritical
	case v >= l.Warning:
		return HealthWarning
	case v == v:
		return HealthFine
	}
	return HealthUnknown
}

const (
	tickEvery   = time.Second
	tickLimit   = 5 * time.Second // of a tick's queries; one that takes longer fails and the next begins
	stretch     = 90              // slots that one query reads
	stretches   = 4               // at most, a tick
	beforeMatch = time.Hour       // of the window before kick-off
	noMatch     = 2 * time.Hour   // of the window when no match is near
	longest     = 8 * time.Hour   // of the window
)

//go:embed sql/*.sql
var statements embed.FS

// Cockpit makes the board.
type Cockpit struct {
	cfg     Config
	sql     map[string]string
	history *history
	last    *Board
	marks   watermarks
	seen    time.Time // deliveries stored until then have been looked at
	edge    map[int64]map[string]*edgeSecond
	cells   map[toolKey]audience // by tool and cell, of the last complete 30 s
	since   map[cellKey]time.Time
	calm    map[cellKey]time.Time

	doors    map[string]DoorState
	reasons  map[string][]Reason
	refused  map[string]uint64
	reasoned time.Time // when reasons were read
	served   Services

	ticks   prometheus.Counter
	queries prometheus.Counter
	took    prometheus.Histogram
}

// audience is how many watch, and how many sessions told so.
type audience struct {
	viewers float64
	told    uint64
}

// edgeSecond is one second of one CDN at the live edge.
type edgeSecond struct{ requests, bytes, errors float64 }

// New checks that all statements are there.
func New(cfg Config) (*Cockpit, error) {
	sql, err := ch.Queries(statements, "sql", "requests", "experience", "viewers", "viewers_by_cell", "seconds", "changed", "sources", "refused", "services")
	if err != nil {
		return nil, err
	}
	cfg.Limits.Errors = cfg.Limits.Errors.or(0.01, 0.03)
	cfg.Limits.Rebuffering = cfg.Limits.Rebuffering.or(0.01, 0.02)
	cfg.Limits.Startup = cfg.Limits.Startup.or(3, 6)
	cfg.Limits.FirstByte = cfg.Limits.FirstByte.or(2, 3)
	c := &Cockpit{
		cfg: cfg, sql: sql, history: newHistory(), last: &Board{},
		marks: watermarks{cdns: map[string]string{}},
		since: map[cellKey]time.Time{}, calm: map[cellKey]time.Time{},
		ticks:   prometheus.NewCounter(prometheus.CounterOpts{Name: "vigie_cockpit_ticks_total", Help: "Boards made."}),
		queries: prometheus.NewCounter(prometheus.CounterOpts{Name: "vigie_cockpit_queries_total", Help: "Questions put to ClickHouse for boards."}),
		took:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "vigie_cockpit_tick_seconds", Help: "Time to make one board.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 11)}),
	}
	for _, s := range cfg.Sources {
		c.marks.cdns[s.ID] = s.CDN
	}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(c.ticks, c.queries, c.took)
	}
	return c, nil
}

// Run publishes a board every second until ctx ends. While ClickHouse takes longer than that, the
// last values are published again, older and with the reason: a screen that hears nothing must
// mean that the network is cut, not that a database is slow. Ticks never overlap.
func (c *Cockpit) Run(ctx context.Context) error {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	made := make(chan *Board, 1)
	var asked time.Time // when the tick under way began; zero: none is
	shown := &Board{}
	for {
		if asked.IsZero() {
			start := time.Now()
			asked = start
			go func() {
				board := c.Tick(ctx, start)
				c.took.Observe(time.Since(start).Seconds())
				made <- board
			}()
		}
		patience := time.NewTimer(tickEvery * 9 / 10)
		select {
		case board := <-made:
			asked = time.Time{}
			shown = c.again(board, board.At, shown.Tick+1)
		case <-patience.C:
			now := time.Now()
			shown = c.again(shown, now, shown.Tick+1)
			shown.late(fmt.Sprintf("ClickHouse has not answered for %d s", int(now.Sub(asked).Seconds())+1))
		}
		patience.Stop()
		if ctx.Err() != nil {
			if !asked.IsZero() {
				<-made
			}
			return nil
		}
		c.cfg.Publish(shown)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// Tick makes the board of a moment. It is for one goroutine at a time.
func (c *Cockpit) Tick(ctx context.Context, now time.Time) *Board {
	ctx, cancel := context.WithTimeout(ctx, tickLimit)
	defer cancel()
	c.ticks.Inc()

	var failed failures
	failed.sources = c.readSources(ctx, now)
	c.history.begin(slotOf(c.windowStart(now)), slotOf(now))
	if failed.sources == nil {
		failed.sources = c.readChanged(ctx, now)
	}
	for range stretches {
		from, to, ok := c.history.unread(stretch)
		if !ok {
			break
		}
		if err := c.readStretch(ctx, from, to); err != nil {
			failed.history = err
			break
		}
		if time.Since(now) > tickEvery/2 { // the rest at the next ticks
			break
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { failed.edge = c.readEdge(ctx, now) })
	wg.Go(func() { failed.viewers = c.readCells(ctx) })
	wg.Go(func() { failed.services = c.readServices(ctx, now) })
	wg.Go(func() { failed.refused = c.readReasons(ctx, now) })
	wg.Wait()
	if failed.services == nil { // it is not asked at every tick
		failed.services = failed.sources
	}
	for _, err := range []error{failed.sources, failed.history, failed.edge, failed.viewers, failed.refused, failed.services} {
		if err != nil && ctx.Err() == nil {
			c.cfg.Log.Warn("a panel could not be read", "error", err)
		}
	}
	board := c.board(now, failed)
	c.last = board
	return board
}

// failures are the reads that did not work at a tick, each of which some panels need.
type failures struct{ sources, history, edge, viewers, refused, services error }

// windowStart is the left end of the charts.
func (c *Cockpit) windowStart(now time.Time) time.Time {
	if k := c.cfg.Match.KickOff; !k.IsZero() {
		start := k.Add(-beforeMatch)
		if now.After(start) && now.Sub(start) < longest {
			return start
		}
	}
	return now.Add(-noMatch).Truncate(10 * time.Minute)
}

func (c *Cockpit) ask(ctx context.Context, dest any, name string, params ...ch.Param) error {
	c.queries.Inc()
	if err := c.cfg.DB.Select(ctx, dest, c.sql[name], params...); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (c *Cockpit) readSources(ctx context.Context, now time.Time) error {
	var rows []struct {
		Source     string   `ch:"source"`
		Partition  uint16   `ch:"partition"`
		Received   int64    `ch:"received_ms"`
		Newest     int64    `ch:"newest_ms"`
		Pause      float64  `ch:"pause"` // seconds; NaN after one delivery
		Late       []uint64 `ch:"late"`
		Recent     []uint64 `ch:"last_10s"`
		LastMinute []uint64 `ch:"last_minute"`
		Whole      []uint64 `ch:"whole"`
	}
	if err := c.ask(ctx, &rows, "sources"); err != nil {
		return err
	}
	c.marks.now = now
	c.marks.sources = map[string]*sourceState{}
	late := map[string]*histogram{}
	partitions := map[uint16]time.Time{}
	for _, r := range rows {
		s := c.marks.sources[r.Source]
		if s == nil {
			s = &sourceState{ID: r.Source}
			c.marks.sources[r.Source], late[r.Source] = s, &histogram{}
		}
		received := time.UnixMilli(r.Received)
		if received.After(s.Received) {
			s.Received = received
		}
		if newest := time.UnixMilli(r.Newest); newest.After(s.Newest) {
			s.Newest = newest
		}
		if r.Pause > 0 {
			s.Pause = max(s.Pause, time.Duration(r.Pause*float64(time.Second)))
		}
		for i, n := range r.Late {
			late[r.Source][i] += float64(n)
		}
		s.recent.add(r.Recent)
		s.minute.add(r.LastMinute)
		s.whole.add(r.Whole)
		s.Lines = s.minute.lines
		if received.After(partitions[r.Partition]) {
			partitions[r.Partition] = received
		}
	}
	for id, s := range c.marks.sources {
		if h := late[id]; h.total() > 0 {
			edge := func(q float64) time.Duration {
				seconds, _ := h.upper(q, lateEdges[:])
				return time.Duration(seconds * float64(time.Second))
			}
			s.Late, s.p50, s.p95, s.Known = edge(lateShare), edge(0.5), edge(0.95), true
		}
	}
	c.marks.front(partitions)
	return nil
}

// readChanged finds out which slots rows have arrived for since the last tick.
func (c *Cockpit) readChanged(ctx context.Context, now time.Time) error {
	if c.seen.IsZero() { // everything is unread at the start
		c.seen = now.Add(-10 * time.Second)
	}
	var rows []struct {
		Stored int64 `ch:"stored_ms"`
		Oldest int64 `ch:"oldest_ms"`
		Newest int64 `ch:"newest_ms"`
	}
	// A writer stamps a delivery before it inserts it, and several write: look a little back. What
	// is seen twice is read twice, which does no harm.
	if err := c.ask(ctx, &rows, "changed", ch.P("after", c.seen.Add(-3*time.Second).UnixMilli())); err != nil {
		return err
	}
	for _, r := range rows {
		c.history.touch(time.UnixMilli(r.Oldest), time.UnixMilli(r.Newest), slotOf(now))
		if stored := time.UnixMilli(r.Stored); stored.After(c.seen) {
			c.seen = stored
		}
	}
	return nil
}

func (c *Cockpit) readStretch(ctx context.Context, from, to int64) error {
	span := []ch.Param{ch.P("from", slotStart(from)), ch.P("to", slotStart(to))}
	var requests []struct {
		Slot      int64     `ch:"slot"`
		CDN       string    `ch:"cdn"`
		ISP       string    `ch:"isp"`
		Lines     uint64    `ch:"lines"`
		Requests  float64   `ch:"requests"`
		Bytes     float64   `ch:"bytes"`
		Errors    float64   `ch:"errors"`
		FirstByte []float64 `ch:"first_byte"`
	}
	var experience []struct {
		Slot        int64     `ch:"slot"`
		Tool        string    `ch:"tool"`
		CDN         string    `ch:"cdn"`
		ISP         string    `ch:"isp"`
		Lines       uint64    `ch:"lines"`
		Attempts    float64   `ch:"attempts"`
		Starts      float64   `ch:"starts"`
		Playing     float64   `ch:"playing"`
		Rebuffering float64   `ch:"rebuffering"`
		Failures    float64   `ch:"failures"`
		BitsPlayed  float64   `ch:"bits_played"`
		MediaTime   float64   `ch:"media_time"`
		PeerBytes   float64   `ch:"peer_bytes"`
		Uploaded    float64   `ch:"peer_uploaded"`
		CDNBytes    float64   `ch:"cdn_bytes"`
		Startup     []float64 `ch:"startup"`
	}
	var viewers []struct {
		Slot    int64   `ch:"slot"`
		Tool    string  `ch:"tool"`
		Viewers float64 `ch:"viewers"`
	}
	var errs [3]error
	var wg sync.WaitGroup
	wg.Go(func() { errs[0] = c.ask(ctx, &requests, "requests", span...) })
	wg.Go(func() { errs[1] = c.ask(ctx, &experience, "experience", span...) })
	wg.Go(func() { errs[2] = c.ask(ctx, &viewers, "viewers", span...) })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	c.history.replace(from, to)
	for i := range requests {
		r := &requests[i]
		s := &sent{lines: r.Lines, requests: r.Requests, bytes: r.Bytes, errors: r.Errors}
		copy(s.firstByte[:], r.FirstByte)
		c.history.at(r.Slot).requests[cellKey{r.CDN, r.ISP}] = s
	}
	for i := range experience {
		r := &experience[i]
		e := &experienced{
			lines: r.Lines, attempts: r.Attempts, starts: r.Starts, playing: r.Playing, rebuffering: r.Rebuffering,
			failures: r.Failures, bitsPlayed: r.BitsPlayed, mediaTime: r.MediaTime, peerBytes: r.PeerBytes, uploaded: r.Uploaded, cdnBytes: r.CDNBytes,
		}
		copy(e.startup[:], r.Startup)
		c.history.at(r.Slot).experience[toolKey{r.Tool, r.CDN, r.ISP}] = e
	}
	for _, r := range viewers {
		c.history.at(r.Slot).viewers[r.Tool] = r.Viewers
	}
	for s := from; s < to; s++ {
		c.history.at(s).settle()
	}
	return nil
}

// edgeWindow is how far back the numbers that move look, behind the watermark.
const edgeWindow = time.Minute

func (c *Cockpit) readEdge(ctx context.Context, now time.Time) error {
	until := c.marks.logs()
	if until.IsZero() {
		c.edge = nil
		return nil
	}
	var rows []struct {
		Second   uint32  `ch:"second"`
		CDN      string  `ch:"cdn"`
		Requests float64 `ch:"requests"`
		Bytes    float64 `ch:"bytes"`
		Errors   float64 `ch:"errors"`
	}
	if err := c.ask(ctx, &rows, "seconds", ch.P("from", until.Add(-edgeWindow).Truncate(time.Second)), ch.P("to", until.Truncate(time.Second))); err != nil {
		return err
	}
	c.edge = map[int64]map[string]*edgeSecond{}
	for _, r := range rows {
		second := int64(r.Second)
		if c.edge[second] == nil {
			c.edge[second] = map[string]*edgeSecond{}
		}
		c.edge[second][r.CDN] = &edgeSecond{r.Requests, r.Bytes, r.Errors}
	}
	return nil
}

func (c *Cockpit) readCells(ctx context.Context) error {
	until := c.marks.tools()
	if until.IsZero() {
		c.cells = nil
		return nil
	}
	var rows []struct {
		Tool    string  `ch:"tool"`
		CDN     string  `ch:"cdn"`
		ISP     string  `ch:"isp"`
		Viewers float64 `ch:"viewers"`
		Told    uint64  `ch:"told"`
	}
	end := wholeSlots(until)
	if err := c.ask(ctx, &rows, "viewers_by_cell", ch.P("from", slotStart(end-3)), ch.P("to", slotStart(end))); err != nil {
		return err
	}
	c.cells = map[toolKey]audience{}
	for _, r := range rows {
		c.cells[toolKey{r.Tool, r.CDN, r.ISP}] = audience{r.Viewers, r.Told}
	}
	return nil
}
