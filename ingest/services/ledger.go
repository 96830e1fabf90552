package services

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"vigie/internal/event"
)

// Buckets counts observations by event.ServiceEdges.
type Buckets [len(event.ServiceEdges) + 1]float64

// Entry is what a service did in one second, as one metric of it tells.
type Entry struct {
	Second                    int64 // Unix
	Service, Metric, Resource string
	Requests, Errors          float64
	Count, Sum                float64 // of durations; Sum in ms
	Buckets                   Buckets
	Saturation                float64 // 0 to 1 and above; NaN: not told
}

// Ledger turns points, most of which count since their series began, into what happened in each
// second. What a series grew by since its sample before is spread evenly over the time between; a
// fall is a restart, after which the value itself is what came. A series that is new counts from
// zero when its target was known before: the first error of a service is an error.
//
// It knows no clock but the points' own, so the same points in the same order give the same entries.
// It belongs to one writer, and forgets all when it knows more series than it may.
type Ledger struct {
	emit    func(*Entry)
	most    int
	series  map[uint64]*counter
	targets map[uint64]scrapes // by target and metric
	limits  map[uint64]float64
	open    map[uint64]*classic // histograms whose buckets come one by one, perhaps over several bodies
	sizes   map[uint64]int      // how many buckets such a histogram had the last time
	entry   Entry
}

// NewLedger makes a ledger of up to most series, which gives emit its entries. An entry is valid
// until emit returns.
func NewLedger(most int, emit func(*Entry)) *Ledger {
	l := &Ledger{emit: emit, most: most, open: map[uint64]*classic{}}
	l.forget()
	return l
}

func (l *Ledger) forget() {
	l.series, l.targets, l.limits = map[uint64]*counter{}, map[uint64]scrapes{}, map[uint64]float64{}
	l.sizes = map[uint64]int{}
}

// scrapes are the last two moments that a target told of.
type scrapes struct{ last, before time.Time }

// previous is the one before a moment; zero: there was none.
func (s scrapes) previous(at time.Time) time.Time {
	if at.Sub(s.last) >= oneScrape {
		return s.last
	}
	return s.before
}

// heard notes that a target told a metric at a moment.
func (l *Ledger) heard(p *Point, at time.Time) {
	key := p.Target ^ xxhash.Sum64String(p.Name)
	if s := l.targets[key]; at.Sub(s.last) >= oneScrape {
		l.targets[key] = scrapes{at, s.last}
	}
}

// known is when a target told a metric before a moment.
func (l *Ledger) known(p *Point, at time.Time) time.Time {
	return l.targets[p.Target^xxhash.Sum64String(p.Name)].previous(at)
}

// counter is what a series said last.
type counter struct {
	at    time.Time
	value float64
	sum   float64
	hist  *Buckets
}

// classic is a classic histogram of one moment, whose buckets are told by le.
type classic struct {
	at      time.Time
	point   Point // without its bounds
	bounds  []float64
	atMost  []float64
	tooMany bool
}

const (
	// oneScrape is how far apart samples of one scrape never are: SDKs stamp metrics one by one.
	oneScrape   = time.Second
	longestGap  = 10 * time.Minute // beyond it nobody can say when something happened
	maxOpen     = 20_000           // classic histograms that are not whole yet
	maxClassic  = 320              // buckets of one
	otherSeries = 0x9e3779b97f4a7c15
)

// Add takes a point of a moment.
func (l *Ledger) Add(at time.Time, p *Point) {
	if len(l.series) >= l.most {
		l.forget()
	}
	if p.Part == Bucket {
		l.bucket(at, p)
		return
	}
	key := p.Series ^ uint64(p.Signal[0])*otherSeries ^ uint64(len(p.Part))<<56 // one measurement gives several points
	if p.Stale {
		delete(l.series, key)
		return
	}
	switch p.Signal {
	case Saturation:
		l.saturation(at, key, p)
	case Duration:
		if p.Kind == event.Histogram || p.Kind == event.HistogramDelta {
			hist := rebucket(p.Bounds, p.Buckets)
			l.duration(at, key, p, p.Count, p.Sum, hist)
			return
		}
		if p.Part == Sum { // of a classic one: its count comes with its buckets
			l.grow(at, key, p, p.Value, 0, nil, func(e *Entry, n, _ float64, _ *Buckets) { e.Sum = n })
		}
	case Requests, Errors:
		l.grow(at, key, p, p.Value, 0, nil, func(e *Entry, n, _ float64, _ *Buckets) {
			if p.Signal == Requests {
				e.Requests = n
			}
			if p.Error || p.Signal == Errors {
				e.Errors = n
			}
		})
	}
	l.heard(p, at)
}

func (l *Ledger) duration(at time.Time, key uint64, p *Point, count, sum float64, hist Buckets) {
	if math.IsNaN(sum) {
		sum = 0
	}
	l.grow(at, key, p, count, sum, &hist, func(e *Entry, n, sum float64, hist *Buckets) {
		e.Count, e.Sum, e.Buckets = n, sum, *hist
	})
}

// grow finds what came since the series' sample before, and spreads it.
func (l *Ledger) grow(at time.Time, key uint64, p *Point, value, sum float64, hist *Buckets, put func(e *Entry, n, sum float64, hist *Buckets)) {
	last := l.series[key]
	if last != nil && !at.After(last.at) {
		return // told before, or overtaken
	}
	var since time.Time
	n, more := value, Buckets{}
	moreSum := sum
	if hist != nil {
		more = *hist
	}
	counts := true
	switch delta := p.Kind == event.Delta || p.Kind == event.HistogramDelta; {
	case delta && last != nil:
		since = last.at
	case delta:
		since = at.Add(-time.Second)
	case last != nil && value >= last.value:
		since, n, moreSum = last.at, value-last.value, sum-last.sum
		if hist != nil && last.hist != nil {
			for i := range more {
				more[i] = max(more[i]-last.hist[i], 0)
			}
		}
	case last != nil: // it began anew
		since = last.at
	default:
		since = l.known(p, at)
		counts = !since.IsZero()
	}
	if last == nil {
		last = &counter{}
		l.series[key] = last
	}
	last.at, last.value, last.sum = at, value, sum
	if hist != nil {
		if last.hist == nil {
			last.hist = new(Buckets)
		}
		*last.hist = *hist
	}
	if !counts || n <= 0 || at.Sub(since) > longestGap {
		return
	}
	l.spread(since, at, p, func(e *Entry, share float64) {
		part := more
		for i := range part {
			part[i] *= share
		}
		put(e, n*share, max(moreSum, 0)*share, &part)
	})
}

// spread gives an entry for each second after since up to at.
func (l *Ledger) spread(since, at time.Time, p *Point, put func(e *Entry, share float64)) {
	last := at.Unix()
	seconds := max(last-since.Unix(), 1)
	for s := last - seconds + 1; s <= last; s++ {
		l.entry = Entry{Second: s, Service: p.Service, Metric: p.Name, Resource: p.Resource, Saturation: math.NaN()}
		put(&l.entry, 1/float64(seconds))
		l.emit(&l.entry)
	}
}

// saturation takes shares, and makes them of what is used and the limit of the same thing.
func (l *Ledger) saturation(at time.Time, key uint64, p *Point) {
	share := p.Value
	switch p.Part {
	case Limit:
		l.limits[p.Pair] = p.Value
		return
	case Used:
		limit := l.limits[p.Pair]
		if p.Kind == event.Counter { // seconds of processor: its rate is what is used
			last := l.series[key]
			if last == nil {
				l.series[key] = &counter{at: at, value: p.Value}
				return
			}
			elapsed, grown := at.Sub(last.at).Seconds(), p.Value-last.value
			if elapsed <= 0 {
				return
			}
			last.at, last.value = at, p.Value
			if grown < 0 {
				return
			}
			share = grown / elapsed
		}
		if !(limit > 0) {
			return
		}
		share /= limit
	}
	if math.IsNaN(share) || math.IsInf(share, 0) {
		return
	}
	l.entry = Entry{Second: at.Unix(), Service: p.Service, Metric: p.Name, Resource: p.Resource, Saturation: share}
	l.emit(&l.entry)
}

// bucket gathers a classic histogram. It is whole when it has as many buckets as the last time, or
// when the next one begins: a sender may cut a scrape into several bodies.
func (l *Ledger) bucket(at time.Time, p *Point) {
	if p.Stale || len(p.Bounds) != 1 {
		return
	}
	c := l.open[p.Series]
	if c != nil && !c.at.Equal(at) {
		if at.Before(c.at) {
			return // overtaken
		}
		l.close(p.Series, c)
		c = nil
	}
	if c == nil {
		if last := l.series[p.Series^otherSeries^uint64(p.Signal[0])]; last != nil && !at.After(last.at) {
			return // told before, or overtaken
		}
		if len(l.open) >= maxOpen {
			l.closeAll()
		}
		c = &classic{at: at, point: *p}
		c.point.Bounds, c.point.Buckets = nil, nil
		l.open[p.Series] = c
	}
	if len(c.bounds) >= maxClassic {
		c.tooMany = true
		return
	}
	c.bounds = append(c.bounds, p.Bounds[0])
	c.atMost = append(c.atMost, p.Value)
	if len(c.bounds) == l.sizes[p.Series] {
		l.close(p.Series, c)
	}
}

// closeAll makes room.
func (l *Ledger) closeAll() {
	for _, series := range slices.Sorted(maps.Keys(l.open)) {
		l.close(series, l.open[series])
	}
}

func (l *Ledger) close(series uint64, c *classic) {
	delete(l.open, series)
	l.sizes[series] = len(c.bounds)
	if c.tooMany || len(c.bounds) == 0 {
		return
	}
	order := make([]int, len(c.bounds))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(c.bounds[a], c.bounds[b]) })
	var bounds, counts []float64
	below := 0.0
	for _, i := range order {
		if !math.IsInf(c.bounds[i], 1) {
			bounds = append(bounds, c.bounds[i])
		}
		counts = append(counts, max(c.atMost[i]-below, 0))
		below = max(below, c.atMost[i])
	}
	if len(counts) == len(bounds) { // without +Inf
		counts = append(counts, 0)
	}
	c.point.Part = ""
	l.duration(c.at, series^otherSeries^uint64(c.point.Signal[0]), &c.point, below, math.NaN(), rebucket(bounds, counts))
	l.heard(&c.point, c.at)
}

// rebucket shares the counts of buckets out among those of event.ServiceEdges, evenly within each. What
// lies above the last bound stays directly above it.
func rebucket(bounds, counts []float64) (out Buckets) {
	low := 0.0
	for i, n := range counts {
		if i >= len(bounds) {
			out[place(low)] += n
			break
		}
		high := bounds[i]
		if n > 0 {
			share(&out, min(low, high), high, n)
		}
		low = high
	}
	return out
}

// share puts n observations evenly between two durations.
func share(out *Buckets, low, high, n float64) {
	low = max(low, 0)
	if high <= low {
		out[place(max(high, 0))] += n
		return
	}
	from := low
	for i := range out {
		edge := math.Inf(1)
		if i < len(event.ServiceEdges) {
			edge = event.ServiceEdges[i]
		}
		if edge <= from {
			continue
		}
		to := min(edge, high)
		out[i] += n * (to - from) / (high - low)
		if from = to; from >= high {
			return
		}
	}
}

// place is the bucket that begins at, or holds, a duration.
func place(ms float64) int {
	for i, edge := range event.ServiceEdges {
		if ms < edge {
			return i
		}
	}
	return len(event.ServiceEdges)
}
