package cockpit

import (
	"time"
)

// Board is what every screen shows at one tick: values, never markup. It is made once a second
// whatever the audience and is read-only from then on, so that all views render from the same one.
type Board struct {
	Tick       uint64    // counts up by one a second while the process lives
	At         time.Time // the server's clock at the tick
	CompleteTo time.Time // the common watermark: all live sources are complete before it; zero: none is
	Match      MatchNow

	Viewers     Number // distinct sessions with a beacon in the last 30 s
	Traffic     Number // bit/s sent by CDNs and peers
	Errors      Number // ratio 0..1 of 5xx and aborted answers to requests
	Startup     Number // seconds, median; P95 beside it
	Rebuffering Number // ratio 0..1: stalled / (playing + stalled)

	Flow    Chart // bit/s by CDN, "p2p" last; made to be stacked; the whole match window at 10 s
	Failing Chart // error ratio by CDN, the last 30 minutes at 10 s
	Matrix  Matrix
	Tools   Tools
	Mesh    Mesh

	Services Services
	Sources  Sources
	Worst    *Deviation // nil: nothing deviates
	Marks    []Mark     // phases on the axis of the charts
}

// Health is what a value asks of the people who look at it. No data is never fine.
type Health uint8

const (
	HealthUnknown  Health = iota // no data, or too little to judge
	HealthFine                   // grey: normal
	HealthWarning                // someone should look
	HealthCritical               // someone must act
)

// Panel is what every part of the board has, whatever it shows.
type Panel struct {
	AsOf  time.Time // the values hold at this moment; it stays when a later query fails
	Error string    // why the last query for it failed, in words an operator can act on; empty when it worked
}

// Number is one of the five numbers at the top.
type Number struct {
	Panel
	Value   float64
	Known   bool // false: no data; Value means nothing
	P95     float64
	Samples uint64 // sessions or requests behind the value, weighted
	Health  Health
	Before  float64 // the same number ten minutes earlier
	Compare bool    // whether Before is known
	Spark   []float64
	Solid   int // how many points of Spark, from the left, are complete; the rest is drawn dotted
}

// Chart is a set of lines over one time axis. Points are NaN where nothing is known.
type Chart struct {
	Panel
	Start time.Time // of the first point; each point covers [Start+i*Step, +Step)
	Step  time.Duration
	Lines []Line
	Solid int // points complete for all lines; the rest is hatched
}

// Line is one CDN's (or the peers') part of a chart.
type Line struct {
	ID, Name string
	Colour   int // index in the palette; one CDN keeps one colour everywhere
	Points   []float64
	Solid    int // points complete for this line's own sources
}

// Matrix is networks by CDNs over the last complete minute, rows sorted by traffic.
type Matrix struct {
	Panel
	Window  time.Duration
	Columns []Column
	Rows    []Row
}

type Column struct {
	ID, Name string
	Colour   int
	Peers    bool // the peer-to-peer mesh: it has bytes and viewers, no requests
	Total    Cell
}

type Row struct {
	ISP    string
	Merged int    // > 0: not a network but so many small ones together; ISP is empty
	Cells  []Cell // one per column
	Total  Cell
}

// Cell holds every metric that the matrix can show; NaN where not known.
type Cell struct {
	Bits        float64 // bit/s
	Share       float64 // of the row's bits, 0..1
	Errors      float64 // ratio
	FirstByte   float64 // seconds, p95
	Rebuffering float64 // ratio
	Requests    float64 // weighted, behind Errors and FirstByte
	Viewers     float64 // distinct sessions
	Lines       uint64  // log lines behind it, unweighted: under 25 a minute nothing is judged
	Health      Health  // of the worst metric
	Why         Metric  // which metric made Health, when it is not fine
	Trend       [metrics][]float64
}

// Metric is what the matrix shows.
type Metric uint8

const (
	MetricBits Metric = iota
	MetricShare
	MetricErrors
	MetricFirstByte
	MetricRebuffering
	metrics
)

var metricNames = [metrics]string{"traffic", "share", "errors", "firstbyte", "rebuffering"}

// String is the metric's name in URLs.
func (m Metric) String() string { return metricNames[m] }

// ParseMetric reads a metric's name as it is in URLs.
func ParseMetric(name string) (Metric, bool) {
	for i, n := range metricNames {
		if n == name {
			return Metric(i), true
		}
	}
	return 0, false
}

// Metrics lists them in the order of the switch.
func Metrics() []Metric {
	return []Metric{MetricBits, MetricShare, MetricErrors, MetricFirstByte, MetricRebuffering}
}

// Tools shows the measuring tools side by side, each by what it saw itself.
type Tools struct {
	Panel
	Window time.Duration
	Rows   []Tool
}

type Tool struct {
	Name        string
	Format      string  // of its source: each defines what it measures in its own way
	Startup     float64 // seconds, median
	Rebuffering float64 // ratio
	Failures    float64 // failed starts and failed plays / attempts
	Bitrate     float64 // bit/s: bits played / media time
	Sessions    float64
	Beacons     uint64
}

// Deviation is the thing that deviates most, to be said in one sentence.
type Deviation struct {
	ISP, CDN string // CDN is its name
	Metric   Metric
	Value    float64
	Usual    float64 // the same cell's own median of the last 15 minutes
	Since    time.Time
	Viewers  float64
	Health   Health
}

// Mark is a moment on the axis.
type Mark struct {
	At    time.Time
	Phase Phase
}
