package cockpit

import (
	"time"

	"vigie/internal/match"
)

// Board is what a sight shows at one tick: values, never markup. It is made once whatever the
// audience and is read-only from then on, so that all views render from the same one.
type Board struct {
	Tick       uint64    // counts up by one a second while the process lives
	At         time.Time // the server's clock at the tick
	CompleteTo time.Time // the common watermark: all live sources are complete before it; zero: none is
	Sight      Sight
	Match      match.Now
	Marks      []match.Mark // the timeline: phases on the axis of the charts
	Notes      []match.Note // what people noted on the axis, in order of time
	Duty       []match.Duty // who is on duty at At
	Earlier    Earlier

	Viewers     Number // distinct sessions with a beacon in the last 30 s
	Traffic     Number // bit/s sent by CDNs and peers
	Errors      Number // ratio 0..1 of 5xx and aborted answers to requests
	Startup     Number // seconds, median; P95 beside it
	Rebuffering Number // ratio 0..1: stalled / (playing + stalled)

	Flow     Chart // bit/s by CDN, "p2p" last; made to be stacked; the whole match window at 10 s
	Failing  Chart // error ratio by CDN, the last 30 minutes at 10 s
	Classes  Chart // ratio of requests by how they failed: ClassServer, ClassAborted, ClassClient
	Pressure Pressure
	Capacity Capacity
	Matrix   Matrix
	Tools    Tools
	Mesh     Mesh

	Services Services
	Sources  Sources
	Worst    *Deviation // nil: nothing deviates
	Concerns []Concern  // all that asks for someone now, the loudest first; bounded
	Changes  []Change   // what changed in the last ten minutes, the latest first; bounded

	Breakdown *Breakdown // of a narrowed sight; nil: everything is looked at, or it was not read yet
	Beside    *Board     // of Sight.Beside, when Sight.Compare; its own Beside is nil
}

// Earlier is the match that this one is compared with.
type Earlier struct {
	ID, Name string
	Align    match.Phase // "": minute by minute of each phase; else both clocks meet where that phase begins
	Known    bool        // it has data to compare with
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
	// Untold is the dimension of the scope that what is behind this panel does not tell, as "device", so
	// that there are no values; empty: it tells all.
	Untold string
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

	Forecast Compared // what was expected for this moment; of viewers and traffic
	Earlier  Compared // the same moment of Board.Earlier
	Reserved Compared // what was reserved, of traffic
	Without  []string // names of CDNs whose logs fell silent, so that the value lacks them
	Few      bool     // fewer than 25 lines a minute: shown, not judged
	Spark    []float64
	Solid    int // how many points of Spark, from the left, are complete; the rest is drawn dotted
}

// Compared is a value to hold another against.
type Compared struct {
	Value float64
	Known bool
}

// Chart is a set of lines over one time axis. Points are NaN where nothing is known.
type Chart struct {
	Panel
	Start time.Time // of the first point; each point covers [Start+i*Step, +Step)
	Step  time.Duration
	Lines []Line
	Solid int // points complete for all lines; the rest is hatched
	// Over are lines of the whole, drawn over the others and never stacked: OverForecast, OverEarlier.
	// They may have more points than Lines, into the time to come, or none.
	Over     []Line
	Reserved float64 // of all lines together; NaN or 0: not told
}

// Ids of the lines drawn over a chart, and of the lines of Board.Classes.
const (
	OverForecast = "forecast"
	OverEarlier  = "earlier"

	ClassServer  = "5xx"
	ClassAborted = "aborted"
	ClassClient  = "4xx" // refused by security rules apart
)

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

// Pressure is the audience and an attack in one picture: what was served beside what security rules
// refused, and those who sign in.
type Pressure struct {
	Panel
	Chart    Chart   // requests/s: PressureAccepted, PressureBlocked; the last 30 minutes at 10 s
	Accepted float64 // requests/s over the last complete minute; NaN: not known
	Blocked  float64
	Peak     float64 // the most blocked requests/s of the chart
	PeakAt   time.Time
	Health   Health // by the share of requests that is blocked

	Login       string  // name of the service that people sign in by; empty: none is known
	Logins      float64 // requests/s to it; NaN: not told
	LoginErrors float64 // ratio; NaN: not told
}

const (
	PressureAccepted = "accepted"
	PressureBlocked  = "blocked"
)

// Capacity holds what is used against what was reserved, and against a loss.
type Capacity struct {
	Panel
	CDNs   []Used // in the order of the columns, those with a reserve
	Cells  []Used // CDN × network with a reserve, the fullest first; bounded
	Losses []Loss // one for each column that carries traffic, the mesh too
}

// Used is one reserve.
type Used struct {
	CDN      CDN
	ISP      string // empty: all of the CDN
	Bits     float64
	Reserved float64
	Slope    float64       // bit/s gained per second, over the last five minutes; NaN: not known
	Full     time.Duration // until it is full at that slope; 0: never, or it is
	Health   Health        // by Bits/Reserved, and by Full
}

// Loss is what happens if a CDN, or the mesh, fails now: each network's viewers go to the other CDNs
// in proportion to what these serve it.
type Loss struct {
	CDN    CDN // of the mesh: ID is Peers
	Bits   float64
	Takers []Taker // in the order of the columns
	Health Health  // the worst of the takers; unknown when nothing is reserved
	ISP    string  // of the cell that would be the fullest, where cells have a reserve
}

// Taker is what one CDN would then carry.
type Taker struct {
	CDN      CDN
	More     float64 // bit/s
	After    float64
	Reserved float64 // 0: not told
	Health   Health
}

// Concern is something that asks for someone.
type Concern struct {
	Kind    ConcernKind
	Name    string // of the service, source or CDN; of a cell: of its CDN
	CDN     string // id, of a cell or a reserve
	ISP     string
	Metric  Metric  // of a cell or a number
	Finding Finding // of a source
	Value   float64 // of a service: its errors, or how full it is; of a reserve: the share used; of what is blocked: its share; NaN: not told
	Full    bool    // of a service: Value is how full it is
	Usual   float64 // of a cell; NaN: not known
	Viewers float64 // NaN: not known
	Health  Health
	Since   time.Time
}

// ConcernKind is what a concern is about.
type ConcernKind uint8

const (
	ConcernCell ConcernKind = iota
	ConcernService
	ConcernSource
	ConcernReserve
	ConcernBlocked
)

var concernNames = [...]string{"cell", "service", "source", "reserve", "blocked"}

func (k ConcernKind) String() string { return concernNames[k] }

// Change is something that happened: exactly one of Began, Ended, Note and Phase is set.
type Change struct {
	At    time.Time
	Began *Concern
	Ended *Concern
	Note  *match.Note
	Phase match.Phase
}

// Breakdown is what a narrowed sight is made of, over Window: by dimensions that the sums do not keep,
// so that it is read from single lines and only for few at a time.
type Breakdown struct {
	Panel
	Window   time.Duration
	Requests []Division // by channel, class, status, cache, PoP, protocol
	Sessions []Division // by channel, device, player, error
	Paths    []Path     // the most requested, and those that fail most, fifty at most
}

// Division is one way to divide.
type Division struct {
	By    string // channel, class, status, cache, pop, protocol, device, player, error
	Parts []Part // the largest first, ten at most
	Rest  int    // how many more there are
}

// Part is one value of a dimension. What does not apply is NaN.
type Part struct {
	Name        string  // empty: not told
	Share       float64 // of requests, or of sessions
	Bits        float64
	Requests    float64 // per second
	Errors      float64 // ratio
	FirstByte   float64 // seconds, p95
	Sessions    float64
	Startup     float64 // seconds, median
	Rebuffering float64
	Lines       uint64 // behind it: under 25 a minute nothing is judged
}

// Path is one object that was asked for, its query cut off.
type Path struct {
	Path      string
	Requests  float64
	Errors    float64 // ratio
	Status    int     // the most frequent one that is not fine; 0: none
	FirstByte float64 // seconds, p95
	Lines     uint64
}

// SampleFilter chooses among the lines of a sight.
type SampleFilter struct {
	Failed bool   // only 5xx and aborted ones
	Status int    // 0: any
	PoP    string // "": any
}

// Sample is one raw line of a CDN's log, its client truncated, its query cut off.
type Sample struct {
	At                                          time.Time
	CDN, ISP, Channel, PoP, Method, Path, Cache string
	Status                                      int
	Bytes                                       uint64
	FirstByte, Duration                         float64 // seconds; NaN: not told
	Aborted, Blocked                            bool
	Client, Player                              string
}
