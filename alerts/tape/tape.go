package tape

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/alerts/rule"
	"vigie/internal/ch"
	"vigie/internal/match"
	"vigie/internal/watermark"
)

// Config is what a Tape is made of.
type Config struct {
	DB      *ch.DB
	Groups  []*rule.Group // checked; what no rule of theirs reads is not kept
	Watch   []rule.View   // what others read
	Sources []Source
	CDNs    []string    // ids
	Matches *match.Book // nil: there is no forecast, no reserve and no earlier match
	Logins  []string    // names of services that people sign in by
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: nobody asks
}

// Source is what the configuration says of one.
type Source struct {
	ID, CDN  string // CDN is empty for measuring tools and services
	Tool     string // as its beacons call it; "": by its id
	Services bool   // it measures services: players are not waited for until it has come
}

type numbered struct {
	Source
	number int
	bit    uint64 // 0: there are more sources than bits
}

// Tape is the rule.Data of the present. Tick, Fill, Series and Read are for one goroutine; Past and
// what explains may be called at any time.
type Tape struct {
	*questions
	cfg        Config
	delivered  *watermark.Reader
	sources    map[string]numbered
	received   map[string]time.Time // by source: when it delivered last
	seen       time.Time            // deliveries stored until then have been looked at
	told       map[changeKey]struct{}
	live       *reader
	statements []*statement
	mentioned  []rule.View // whose rules ask for the earlier match
	night      *night

	mu   sync.RWMutex // of the store's data, between Tick or Fill and those who look on
	took prometheus.Histogram
}

// New makes room for what the rules read. It asks nothing yet.
func New(cfg Config) (*Tape, error) {
	t, err := newTape(cfg, coarseSlots)
	if err != nil {
		return nil, err
	}
	if cfg.Metrics != nil {
		st := t.live.st
		locked := func(f func() int) func() float64 {
			return func() float64 {
				t.mu.RLock()
				defer t.mu.RUnlock()
				return float64(f())
			}
		}
		cfg.Metrics.MustRegister(t.took,
			prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "vigie_alerts_tape_queries_total", Help: "Questions put to ClickHouse for rules."}, func() float64 { return float64(t.asked.Load()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "vigie_alerts_tape_series", Help: "Series kept for rules."}, locked(st.series)),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "vigie_alerts_tape_bytes", Help: "Memory of the series kept for rules."}, locked(st.bytes)),
			prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "vigie_alerts_tape_dropped_total", Help: "Times that a series was not kept as there are too many."}, locked(func() int { return st.dropped })))
	}
	return t, nil
}

func newTape(cfg Config, slots int) (*Tape, error) {
	sql, err := ch.Queries(statements, "sql", "requests", "experience", "services", "viewers", "identities", "changed", "present", "impact", "carriers_requests", "carriers_lines", "carriers_experience", "carriers_viewers")
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	t := &Tape{
		questions: &questions{db: cfg.DB, sql: sql}, cfg: cfg, sources: map[string]numbered{}, received: map[string]time.Time{}, told: map[changeKey]struct{}{},
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "vigie_alerts_tape_seconds", Help: "Time to read what came for rules in a second.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 11)}),
	}
	cdns := map[string]string{}
	for i, s := range cfg.Sources {
		n := numbered{Source: s, number: i}
		if i < 62 {
			n.bit = 1 << i
		}
		t.sources[s.ID] = n
		cdns[s.ID] = s.CDN
	}
	if t.delivered, err = watermark.NewReader(t.put, cdns); err != nil {
		return nil, err
	}
	t.live = newReader(newStore(newNames(), cfg.Log, slots, true), &t.cfg)
	t.live.fine, t.live.grow, t.live.tape = true, true, t
	mentioned := map[rule.View]bool{}
	for _, g := range cfg.Groups {
		if g.Mode == rule.Off {
			continue
		}
		for _, r := range g.Rules {
			if r.Mode == rule.Off {
				continue
			}
			v := r.View()
			if r.Signal == "sql" {
				by := slices.Sorted(slices.Values(r.By))
				s, err := statementOf(r, by)
				if err != nil {
					s = broken(r, by, err)
				}
				t.statements = append(t.statements, s)
			}
			if t.live.find(v) == nil {
				cfg.Log.Error("a rule cannot be judged: there are no such data", "rule", r.ID, "signal", v.Signal, "by", v.By, "where", v.Where)
			}
			if mentions(r) {
				mentioned[v] = true
			}
		}
	}
	for _, v := range cfg.Watch {
		if t.live.find(v) == nil {
			cfg.Log.Error("what a runbook waits for cannot be watched: there are no such data", "signal", v.Signal, "by", v.By)
		}
	}
	t.mentioned = slices.Collect(maps.Keys(mentioned))
	t.live.grow = false
	for _, v := range t.live.views {
		if v != nil && (mentioned[v.View]) {
			v.asks = true
		}
	}
	return t, nil
}

// Series are the groups of a view; see rule.Data.
func (t *Tape) Series(v rule.View) []rule.Series { return t.live.Series(v) }

// Read is what a group showed; see rule.Data.
func (t *Tape) Read(v rule.View, group int, at, base time.Time, r *rule.Reading) {
	t.live.Read(v, group, at, base, r)
}

// Spark is the last half hour of a group in n points, the latest last; NaN where nothing is known.
func (t *Tape) Spark(v rule.View, group, n int) []float64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	w := t.live.find(v)
	if w == nil || n <= 0 || group < 0 || group >= w.of.groups() {
		return nil
	}
	end := slotOf(w.of.edge(group).at)
	per := max(1, int64(sparkSlots/n))
	out := make([]float64, n)
	for i := range out {
		sum, known := 0.0, 0
		from := end - int64(n-i)*per
		for s := from; s < from+per; s++ {
			if v := w.of.slot(group, s, s*slotSeconds); v == v {
				sum += v
				known++
			}
		}
		out[i] = ratio(sum, float64(known))
	}
	return out
}

const sparkSlots = 180

// Top is the name behind asn_top, agent_top and their shifts: whose share grew most; "": nobody's is known.
func (t *Tape) Top(v rule.View, group int, at, base time.Time) string {
	w := t.live.find(v)
	if w == nil {
		return ""
	}
	d, ok := w.of.(*identity)
	if !ok || group < 0 || group >= d.groups() {
		return ""
	}
	_, _, name := d.showing(group, at.Unix(), base.Unix())
	return name
}
