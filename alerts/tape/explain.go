package tape

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"vigie/alerts/signal"
	"vigie/internal/ch"
	"vigie/internal/event"
	"vigie/internal/histogram"
)

// Carrier is a value of a dimension that carries much of a deviation.
type Carrier struct {
	Dim, Value string
	Share      float64 // of the deviation, 0..1
}

const (
	carries     = 0.4              // the least share that is told
	carriersAt  = 4                // of them
	outstanding = 1.5              // times what its size alone would make of it
	beforeTime  = 10 * time.Minute // that a stretch is held against
	lineTime    = time.Minute      // of single lines that are read
	longStretch = 15 * time.Minute // of a stretch that is looked at, its end
	explainTime = 5 * time.Second
)

// deviation is how a signal deviates: by more of part in whole, by slow ones of a histogram, or by volume.
type deviation struct {
	family      signal.Family
	part, whole func(*[maxCols]float64) float64
	buckets     int // the histogram's first column; 0: there is none
	quantile    float64
	edges       []float64
	volume      func(*[maxCols]float64) float64
}

var deviations = map[string]deviation{
	"traffic":             {family: signal.Requests, volume: at(reqBytes)},
	"capacity_used":       {family: signal.Requests, volume: at(reqBytes)},
	"requests":            {family: signal.Requests, volume: at(reqRequests)},
	"requests_per_viewer": {family: signal.Requests, volume: at(reqRequests)},
	"errors":              {family: signal.Requests, part: at(reqErrors), whole: at(reqRequests)},
	"client_errors":       {family: signal.Requests, part: at(reqClient), whole: at(reqRequests)},
	"blocked":             {family: signal.Requests, part: at(reqBlocked), whole: at(reqRequests)},
	"cache_misses":        {family: signal.Requests, part: at(reqCacheMissed), whole: at(reqCacheTold)},
	"first_byte":          {family: signal.Requests, buckets: reqFirstByte, quantile: 0.95, edges: event.FirstByteEdges[:]},
	"viewers":             {family: signal.Audience, volume: at(audViewers)},
	"attempts":            {family: signal.Experience, volume: at(expAttempts)},
	"failures":            {family: signal.Experience, part: at(expFailures), whole: at(expAttempts)},
	"early_exits":         {family: signal.Experience, part: at(expExits), whole: at(expAttempts)},
	"rebuffering":         {family: signal.Experience, part: at(expRebuffering), whole: func(a *[maxCols]float64) float64 { return a[expPlaying] + a[expRebuffering] }},
	"offload":             {family: signal.Experience, part: at(expPeerBytes), whole: func(a *[maxCols]float64) float64 { return a[expPeerBytes] + a[expCDNBytes] }},
	"startup":             {family: signal.Experience, buckets: expStartup, quantile: 0.5, edges: event.StartupEdges[:]},
}

// side is what one value of a dimension showed before a deviation, and in it.
type side struct {
	dim, name   string
	before, now [maxCols]float64
}

// Explain tells what carries a deviation of a signal, where labels are as given, in [from, to): the values of other
// dimensions that have at least 40 % of what is more, or less, than in the ten minutes before, and more of it
// than their size makes them have; the largest first, four at most. None: it is everywhere, or nobody can say.
func (t *Tape) Explain(ctx context.Context, name string, labels map[string]string, from, to time.Time) ([]Carrier, error) {
	d, ok := deviations[name]
	if !ok || !from.Before(to) {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, explainTime)
	defer cancel()
	from, to = from.Truncate(time.Second), to.Truncate(time.Second)
	late := from
	if to.Sub(late) > longStretch {
		late = to.Add(-longStretch)
	}
	filter := func(dims ...string) (p []ch.Param) {
		for _, dim := range dims {
			p = append(p, ch.P(dim, labels[dim]))
		}
		return p
	}
	if d.family == signal.Audience {
		span := []ch.Param{ch.P("before", from.Add(-30*time.Second)), ch.P("until", from), ch.P("from", later(late, to.Add(-30*time.Second))), ch.P("to", to)}
		sides, err := t.sides(ctx, "carriers_viewers", append(filter("cdn", "isp", "channel", "device"), span...), 2, true)
		if err != nil {
			return nil, err
		}
		return carriers(&d, sides, labels, 1, 1), nil
	}
	// What is before a deviation ends where it begins, also where only its end is looked at.
	span := []ch.Param{ch.P("before", late.Add(-beforeTime)), ch.P("from", late), ch.P("to", to)}
	if d.family == signal.Experience {
		sides, err := t.sides(ctx, "carriers_experience", append(filter("tool", "cdn", "isp", "channel", "device"), span...), expCols, false)
		if err != nil {
			return nil, err
		}
		return carriers(&d, sides, labels, beforeTime.Seconds(), to.Sub(late).Seconds()), nil
	}
	var sides, lines []side
	var errs [2]error
	dims := filter("cdn", "isp", "channel", "class")
	short := later(late, to.Add(-lineTime))
	var wg sync.WaitGroup
	wg.Go(func() { sides, errs[0] = t.sides(ctx, "carriers_requests", slices.Concat(dims, span), reqCols, false) })
	wg.Go(func() {
		lines, errs[1] = t.sides(ctx, "carriers_lines", slices.Concat(dims, []ch.Param{
			ch.P("before", from.Add(-lineTime)), ch.P("until", from), ch.P("from", short), ch.P("to", to)}), reqCols, false)
	})
	wg.Wait()
	if errs[0] != nil {
		return nil, errors.Join(errs[:]...)
	}
	found := carriers(&d, sides, labels, beforeTime.Seconds(), to.Sub(late).Seconds())
	if errs[1] == nil {
		found = append(found, carriers(&d, lines, labels, lineTime.Seconds(), to.Sub(short).Seconds())...)
	}
	largestFirst(found)
	return found[:min(len(found), carriersAt)], nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func largestFirst(c []Carrier) {
	slices.SortStableFunc(c, func(a, b Carrier) int { return -cmp.Compare(a.Share, b.Share) })
}

// sides asks one table.
func (t *Tape) sides(ctx context.Context, name string, params []ch.Param, cols int, byTool bool) ([]side, error) {
	t.asked.Add(1)
	rows, err := t.db.Query(ctx, t.sql[name], params...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer rows.Close()
	var out []side
	var dim, value, tool, first string
	var late uint8
	var a [maxCols]float64
	dest := []any{&dim, &value, &late}
	if byTool {
		dest = append(dest, &tool)
	}
	for i := range cols {
		dest = append(dest, &a[i])
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if first == "" {
			first = tool
		}
		if tool != first {
			break
		}
		if n := len(out); n == 0 || out[n-1].dim != dim || out[n-1].name != value {
			out = append(out, side{dim: dim, name: value})
		}
		s := &out[len(out)-1]
		if late != 0 {
			s.now = a
		} else {
			s.before = a
		}
	}
	return out, rows.Err()
}

// carriers finds among the values of each dimension those that carry a deviation. before and now are how long the
// two stretches are, in seconds.
func carriers(d *deviation, sides []side, labels map[string]string, before, now float64) (found []Carrier) {
	for len(sides) > 0 {
		n := slices.IndexFunc(sides, func(s side) bool { return s.dim != sides[0].dim })
		if n < 0 {
			n = len(sides)
		}
		one := sides[:n]
		sides = sides[n:]
		if n < 2 || labels[one[0].dim] != "" {
			continue
		}
		excess, size, whole := d.excess(one, before, now)
		for i, e := range excess {
			share := e / whole
			if !(share >= carries) || one[i].name == "" {
				continue
			}
			if s := size[i]; share < min(outstanding*s, (1+s)/2) {
				continue
			}
			found = append(found, Carrier{one[i].dim, one[i].name, min(share, 1)})
		}
	}
	largestFirst(found)
	return found[:min(len(found), carriersAt)]
}

// excess is by how much each value deviates, its share of all there is, and the deviation of all together.
func (d *deviation) excess(sides []side, before, now float64) (excess, size []float64, whole float64) {
	part, of := d.part, d.whole
	if d.buckets > 0 {
		var all histogram.Buckets
		for i := range sides {
			all.Add((*histogram.Buckets)(sides[i].before[d.buckets : d.buckets+16]))
		}
		slow := d.edges[0]
		if usual, ok := all.Upper(d.quantile, d.edges); ok {
			slow = usual
		}
		first := slices.Index(d.edges, slow) + 1
		part = func(a *[maxCols]float64) (n float64) {
			for i := first; i < 16; i++ {
				n += a[d.buckets+i]
			}
			return n
		}
		of = func(a *[maxCols]float64) float64 {
			return (*histogram.Buckets)(a[d.buckets : d.buckets+16]).Total()
		}
	}
	var partBefore, wholeBefore, sizes float64
	for i := range sides {
		if d.volume != nil {
			sizes += d.volume(&sides[i].before)
			continue
		}
		partBefore += part(&sides[i].before)
		wholeBefore += of(&sides[i].before)
		sizes += of(&sides[i].now)
	}
	usual := ratio(partBefore, wholeBefore)
	least := d.least(sides, usual, sizes, before, now)
	for i := range sides {
		s := &sides[i]
		var e, own float64
		if d.volume != nil {
			e, own = d.volume(&s.now)/now-d.volume(&s.before)/before, d.volume(&s.before)
		} else {
			expected := usual
			if of(&s.before) >= leastBefore {
				expected = part(&s.before) / of(&s.before)
			}
			if math.IsNaN(expected) {
				expected = 0
			}
			e, own = part(&s.now)-expected*of(&s.now), of(&s.now)
		}
		excess, size = append(excess, e), append(size, zeroed(ratio(own, sizes)))
		whole += e
	}
	if d.volume != nil && math.Abs(whole) < least || d.volume == nil && whole < least {
		whole = nan // by chance
	}
	return excess, size, whole
}

// least is the smallest excess that is none of chance: three standard deviations of as many lines, and a
// twentieth of a volume.
func (d *deviation) least(sides []side, usual, sizes, before, now float64) float64 {
	if d.volume != nil {
		return sizes / before / 20
	}
	lines := 0.0
	for i := range sides {
		lines += sides[i].now[0]
	}
	if !(usual >= 0 && usual <= 1) || lines <= 0 {
		return 0
	}
	usual = max(usual, 1/lines)
	return 3 * math.Sqrt(usual*(1-usual)/lines) * sizes
}

// leastBefore is how much of a value there must have been before for a usual share of its own.
const leastBefore = 100

// Impact is how many viewers are where labels say (cdn, isp, channel, device; others tell nothing of viewers), by
// distinct sessions of the 30 seconds that end before a moment; false: nobody tells.
func (t *Tape) Impact(ctx context.Context, labels map[string]string, at time.Time) (viewers float64, known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, explainTime)
	defer cancel()
	end := slotOf(at.Unix()) * slotSeconds
	params := []ch.Param{ch.P("from", time.Unix(end-3*slotSeconds, 0)), ch.P("to", time.Unix(end, 0))}
	for _, dim := range people {
		params = append(params, ch.P(dim, labels[dim]))
	}
	var rows []struct {
		Tool    string  `ch:"by_tool"`
		Viewers float64 `ch:"viewers"`
	}
	if err := t.ask(ctx, &rows, "impact", params...); err != nil {
		return 0, false, err
	}
	for _, r := range rows {
		viewers, known = max(viewers, r.Viewers), true
	}
	return viewers, known, nil
}
