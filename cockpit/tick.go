package cockpit

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/internal/ch"
	"vigie/internal/match"
	"vigie/internal/watermark"
)

// Config is what the board is made of.
type Config struct {
	DB      *ch.DB
	CDNs    []CDN // in the order of the columns
	Sources []SourceInfo
	Matches *match.Book // nil, and while no match is near: the board slides over two hours
	Limits  Limits
	// Doors tells what the collectors saw of each source, by its id; nil: nobody knows.
	Doors func(context.Context) (map[string]DoorState, error)
	// Mask hides the secrets and addresses in a line that could not be read; nil: they stay.
	Mask func(string) string

	// Watched are the sights, beside the whole of now, that someone looks at; nil: none.
	Watched func() []Sight

	// Publish is called once a tick and sight, for each sight from one goroutine at a time; it must
	// not wait.
	Publish func(*Board)

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
	Capacity    Limit `yaml:"capacity"`    // used / reserved; usually 0.85 and 0.97
	Blocked     Limit `yaml:"blocked"`     // ratio of requests that security rules refuse; usually 0.1 and 0.5
}

// usual fills in the usual values.
func (l Limits) usual() Limits {
	l.Errors = l.Errors.or(0.01, 0.03)
	l.Rebuffering = l.Rebuffering.or(0.01, 0.02)
	l.Startup = l.Startup.or(3, 6)
	l.FirstByte = l.FirstByte.or(2, 3)
	l.Capacity = l.Capacity.or(0.85, 0.97)
	l.Blocked = l.Blocked.or(0.1, 0.5)
	return l
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
	tickEvery    = time.Second
	tickLimit    = 5 * time.Second // of a tick's queries; one that takes longer fails and the next begins
	stretchSlots = 90              // slots that one query reads
	stretches    = 4               // at most, a tick
	beforeMatch  = time.Hour       // of the window before kick-off
	noMatch      = 2 * time.Hour   // of the window when no match is near
	longest      = 8 * time.Hour   // of the window
)

//go:embed sql/*.sql
var statements embed.FS

// Cockpit makes the boards.
type Cockpit struct {
	*questions
	cfg       Config
	whole     *lens // of everything, live
	delivered *watermark.Reader
	marks     watermark.Marks // of the last tick at which they could be read

	doors    map[string]DoorState
	reasons  map[string][]Reason
	refused  map[string]uint64
	reasoned time.Time // when reasons were read
	served   Services
	log      concernLog

	mu     sync.Mutex
	lenses map[Sight]*lens // of the other sights; those that nobody looks at any more go
	moment *moment         // of the last tick; nil before the first
	room   *Board          // the whole's last
	older  *archive

	ticks prometheus.Counter
	took  prometheus.Histogram
}

// questions are what ClickHouse is asked.
type questions struct {
	db    *ch.DB
	sql   map[string]string
	asked atomic.Uint64
}

func (q *questions) ask(ctx context.Context, dest any, name string, params ...ch.Param) error {
	if err := q.put(ctx, dest, q.sql[name], params...); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// put is the way of all questions, so that they are counted.
func (q *questions) put(ctx context.Context, dest any, statement string, params ...ch.Param) error {
	q.asked.Add(1)
	return q.db.Select(ctx, dest, statement, params...)
}

// New checks that all statements are there.
func New(cfg Config) (*Cockpit, error) {
	sql, err := ch.Queries(statements, "sql", "requests", "experience", "viewers", "viewers_by_cell", "seconds", "refused", "services",
		"divided_requests", "divided_sessions", "paths", "samples")
	if err != nil {
		return nil, err
	}
	cfg.Limits = cfg.Limits.usual()
	c := &Cockpit{
		questions: &questions{db: cfg.DB, sql: sql},
		cfg:       cfg,
		marks:     watermark.Marks{CDNs: map[string]string{}},
		lenses:    map[Sight]*lens{},
		ticks:     prometheus.NewCounter(prometheus.CounterOpts{Name: "vigie_cockpit_ticks_total", Help: "Boards made."}),
		took:      prometheus.NewHistogram(prometheus.HistogramOpts{Name: "vigie_cockpit_tick_seconds", Help: "Time to make one board.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 11)}),
	}
	c.whole = newLens(&c.cfg, c.questions, Sight{})
	c.older = newArchive(c.questions, cfg.Log)
	for _, s := range cfg.Sources {
		c.marks.CDNs[s.ID] = s.CDN
	}
	if c.delivered, err = watermark.NewReader(c.put, c.marks.CDNs); err != nil {
		return nil, err
	}
	if cfg.Metrics != nil {
		asked := prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "vigie_cockpit_queries_total", Help: "Questions put to ClickHouse for boards."}, func() float64 { return float64(c.asked.Load()) })
		cfg.Metrics.MustRegister(c.ticks, asked, c.took)
	}
	return c, nil
}

// Run publishes a board every second until ctx ends, and after it those of the other sights that are
// looked at. While ClickHouse takes longer than that, the last values are published again, older and
// with the reason: a screen that hears nothing must mean that the network is cut, not that a database
// is slow. Ticks never overlap.
func (c *Cockpit) Run(ctx context.Context) error {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	made := make(chan *Board, 1)
	var asked time.Time // when the tick under way began; zero: none is
	shown := &Board{}
	var others sync.WaitGroup
	defer others.Wait()
	decided := make(chan struct{}, 1) // people decided something about the match
	c.cfg.Matches.OnChange(func() {
		select {
		case decided <- struct{}{}:
		default:
		}
	})
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
		c.lookOn(ctx, &others)
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				waiting = false
			case <-ticker.C:
				waiting = false
			case <-decided: // all see it at once
				shown = c.again(shown, time.Now(), shown.Tick+1)
				c.cfg.Publish(shown)
				c.remind()
				c.lookOn(ctx, &others)
			}
		}
	}
}

// Tick makes the board of the whole at a moment. It is for one goroutine at a time.
func (c *Cockpit) Tick(ctx context.Context, now time.Time) *Board {
	ctx, cancel := context.WithTimeout(ctx, tickLimit)
	defer cancel()
	c.ticks.Inc()

	m := c.now(now)
	var touched []watermark.Stretch
	m.marks, touched, m.failed = c.readMarks(ctx, now)
	c.touch(touched)
	c.aim(ctx, c.whole, m)

	var wg sync.WaitGroup
	var refused, services error
	board := &Board{}
	wg.Go(func() { board = c.whole.tick(ctx, m) })
	wg.Go(func() { services = c.readServices(ctx, now) })
	wg.Go(func() { refused = c.readReasons(ctx, now) })
	wg.Wait()
	if services == nil { // it is not asked at every tick
		services = m.failed
	}
	for _, err := range []error{m.failed, refused, services} {
		if err != nil && ctx.Err() == nil {
			c.cfg.Log.Warn("a panel could not be read", "error", err)
		}
	}
	last := c.room
	if last == nil {
		last = &Board{}
	}
	keep(&board.Services, &last.Services, errText(services), func() Services { return c.served })
	keep(&board.Sources, &last.Sources, cmp.Or(errText(m.failed), errText(refused)), func() Sources { return c.sources(now) })
	keep(&board.Capacity, &last.Capacity, board.Flow.Error, func() Capacity { return c.whole.capacity(&board.Mesh) })
	c.tellLogins(board)
	board.Concerns = concerns(board)
	board.Changes = c.log.note(board.Concerns, m)

	c.mu.Lock()
	c.moment, c.room = m, board
	c.mu.Unlock()
	return board
}

// windowStart is the left end of the charts.
func windowStart(m *match.Match, now time.Time) time.Time {
	if m != nil {
		start := m.KickOff.Add(-beforeMatch)
		if now.After(start) && now.Sub(start) < longest {
			return start
		}
	}
	return now.Add(-noMatch).Truncate(10 * time.Minute)
}

// readMarks asks how far the sources are complete, and then which stretches rows have arrived for since
// the last tick. When it fails, they are as they were.
func (c *Cockpit) readMarks(ctx context.Context, now time.Time) (watermark.Marks, []watermark.Stretch, error) {
	marks, err := c.delivered.Read(ctx, now)
	if err != nil {
		return c.marks, nil, err
	}
	c.marks = marks
	touched, err := c.delivered.Changed(ctx, now)
	return c.marks, touched, err
}
