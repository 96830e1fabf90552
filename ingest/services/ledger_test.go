package services_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"vigie/ingest/services"
	"vigie/internal/event"
)

// told adds the entries up by second.
type told map[int64]*services.Entry

func (all told) take(e *services.Entry) {
	sum := all[e.Second]
	if sum == nil {
		copied := *e
		all[e.Second] = &copied
		return
	}
	sum.Requests += e.Requests
	sum.Errors += e.Errors
	sum.Count += e.Count
	sum.Sum += e.Sum
	for i := range sum.Buckets {
		sum.Buckets[i] += e.Buckets[i]
	}
	if !math.IsNaN(e.Saturation) {
		sum.Saturation = e.Saturation
	}
}

// say writes what is not nothing, second by second, runs of equal ones together.
func (all told) say(value func(*services.Entry) float64) string {
	var out []string
	for s := int64(0); s <= 200; s++ {
		e := all[s]
		if e == nil || value(e) == 0 || math.IsNaN(value(e)) {
			continue
		}
		text := fmt.Sprintf("%.4g", value(e))
		from := s
		for all[s+1] != nil && fmt.Sprintf("%.4g", value(all[s+1])) == text {
			s++
		}
		out = append(out, fmt.Sprintf("%d-%d: %s", from, s, text))
	}
	return strings.Join(out, ", ")
}

func at(second float64) time.Time { return time.UnixMilli(int64(second * 1000)) }

func TestWhatCountersGrewByIsSpreadOverTheTimeBetween(t *testing.T) {
	requests := func(e *services.Entry) float64 { return e.Requests }
	point := func(series uint64, kind event.MeasurementKind, v float64) services.Point {
		return services.Point{Service: "login", Signal: services.Requests, Name: "m", Series: series, Target: 1, Kind: kind, Value: v}
	}
	type sample struct {
		at    float64
		point services.Point
	}
	for _, c := range []struct {
		name    string
		samples []sample
		want    string
	}{
		{"one sample tells nothing", []sample{{10, point(1, event.Counter, 500)}}, ""},
		{"two tell what came between", []sample{{10, point(1, event.Counter, 500)}, {20, point(1, event.Counter, 600)}}, "11-20: 10"},
		{"a restart", []sample{{10, point(1, event.Counter, 500)}, {20, point(1, event.Counter, 30)}}, "11-20: 3"},
		{"a sample twice", []sample{{10, point(1, event.Counter, 500)}, {20, point(1, event.Counter, 600)}, {20, point(1, event.Counter, 600)}}, "11-20: 10"},
		{"one that was overtaken", []sample{{10, point(1, event.Counter, 500)}, {20, point(1, event.Counter, 600)}, {15, point(1, event.Counter, 550)}}, "11-20: 10"},
		{"the series ends, and begins again", []sample{{10, point(1, event.Counter, 500)}, {20, services.Point{Service: "login", Signal: services.Requests, Name: "m", Series: 1, Target: 2, Stale: true, Kind: event.Counter}}, {30, point(1, event.Counter, 90)}}, "11-30: 4.5"},
		{"a new series of a known target counts from zero", []sample{{10, point(1, event.Counter, 500)}, {20, point(1, event.Counter, 500)}, {20, point(2, event.Counter, 30)}}, "11-20: 3"},
		{"of a new target it does not", []sample{{10, point(1, event.Counter, 500)}, {20, services.Point{Service: "login", Signal: services.Requests, Name: "m", Series: 2, Target: 9, Kind: event.Counter, Value: 30}}}, ""},
		{"deltas", []sample{{10, point(1, event.Delta, 7)}, {20, point(1, event.Delta, 100)}}, "10-10: 7, 11-20: 10"},
		{"a gap that is too long", []sample{{10, point(1, event.Counter, 500)}, {711, point(1, event.Counter, 900)}}, ""},
		{"series of one scrape that are stamped one by one", []sample{{10, point(1, event.Counter, 500)}, {10.003, point(2, event.Counter, 30)}}, ""},
		{"another metric of a known target does not count from zero", []sample{{10, point(1, event.Counter, 500)}, {20, services.Point{Service: "login", Signal: services.Requests, Name: "other", Series: 2, Target: 1, Kind: event.Counter, Value: 30}}}, ""},
	} {
		all := told{}
		l := services.NewLedger(100, all.take)
		for _, s := range c.samples {
			l.Add(at(s.at), &s.point)
		}
		if got := all.say(requests); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestErrorsAreRequestsToo(t *testing.T) {
	all := told{}
	l := services.NewLedger(100, all.take)
	for i, v := range []float64{0, 20} {
		l.Add(at(10*float64(i+1)), &services.Point{Signal: services.Requests, Series: 1, Kind: event.Counter, Value: v, Error: true})
	}
	if r, e := all.say(func(e *services.Entry) float64 { return e.Requests }), all.say(func(e *services.Entry) float64 { return e.Errors }); r != "11-20: 2" || e != r {
		t.Errorf("requests %s, errors %s", r, e)
	}
}

// A native histogram, and a classic one whose buckets come one by one and in any order, tell the same.
func TestDurationsWhateverTheHistogram(t *testing.T) {
	native := func(l *services.Ledger, second float64, scale float64) {
		l.Add(at(second), &services.Point{Signal: services.Duration, Series: 1, Kind: event.Histogram, Count: 100 * scale, Sum: 9000 * scale, Bounds: []float64{50, 100, 5000}, Buckets: []float64{50 * scale, 40 * scale, 0, 10 * scale}})
	}
	classic := func(l *services.Ledger, second float64, scale float64) {
		for _, b := range [][2]float64{{math.Inf(1), 100}, {50, 50}, {5000, 90}, {100, 90}} {
			l.Add(at(second), &services.Point{Signal: services.Duration, Part: services.Bucket, Series: 1, Kind: event.Counter, Bounds: b[:1], Value: b[1] * scale})
		}
		l.Add(at(second), &services.Point{Signal: services.Duration, Part: services.Sum, Series: 2, Kind: event.Counter, Value: 9000 * scale})
		l.Add(at(second), &services.Point{Signal: services.Duration, Part: services.Count, Series: 3, Kind: event.Counter, Value: 100 * scale})
	}
	for name, body := range map[string]func(*services.Ledger, float64, float64){"native": native, "classic": classic} {
		all := told{}
		l := services.NewLedger(100, all.take)
		body(l, 10, 1)
		body(l, 20, 3)
		e := all[15]
		if e == nil || math.Abs(e.Count-20) > 1e-9 || math.Abs(e.Sum-1800) > 1e-9 {
			t.Fatalf("%s: %+v", name, e)
		}
		// 0 to 50 ms holds ten a second: one to 5 ms, one to 10, three to 25, five to 50; the open one is
		// behind 5 s.
		want := services.Buckets{1, 1, 3, 5, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0}
		for i := range want {
			if math.Abs(e.Buckets[i]-want[i]) > 1e-9 {
				t.Errorf("%s: buckets %v, want %v", name, e.Buckets, want)
				break
			}
		}
	}
}

// A sender may cut a scrape into several bodies anywhere.
func TestAClassicHistogramOverSeveralBodies(t *testing.T) {
	all := told{}
	l := services.NewLedger(100, all.take)
	les := [][2]float64{{50, 50}, {100, 90}, {5000, 90}, {math.Inf(1), 100}}
	for scrape := range 5 {
		for _, b := range les {
			l.Add(at(10*float64(scrape+1)), &services.Point{Signal: services.Duration, Part: services.Bucket, Series: 1, Kind: event.Counter, Bounds: b[:1], Value: b[1] * float64(scrape+1)})
		}
	}
	total := 0.0
	for _, e := range all {
		total += e.Count
	}
	if math.Abs(total-400) > 1e-6 {
		t.Errorf("%v durations, want 400", total)
	}
}

func TestHowFullAServiceIs(t *testing.T) {
	full := func(e *services.Entry) float64 { return e.Saturation }
	for _, c := range []struct {
		name   string
		points []services.Point // 10 s apart
		want   string
	}{
		{"a share", []services.Point{{Part: services.Share, Value: 0.7}}, "10-10: 0.7"},
		{"used and limit", []services.Point{{Part: services.Limit, Pair: 1, Value: 200}, {Part: services.Used, Pair: 1, Value: 50}}, "20-20: 0.25"},
		{"of another thing", []services.Point{{Part: services.Limit, Pair: 2, Value: 200}, {Part: services.Used, Pair: 1, Value: 50}}, ""},
		{"seconds of processor", []services.Point{
			{Part: services.Limit, Pair: 1, Value: 2},
			{Part: services.Used, Pair: 1, Kind: event.Counter, Value: 100}, {Part: services.Used, Pair: 1, Kind: event.Counter, Value: 115},
		}, "30-30: 0.75"},
	} {
		all := told{}
		l := services.NewLedger(100, all.take)
		for i, p := range c.points {
			p.Signal, p.Series = services.Saturation, uint64(len(p.Part))
			l.Add(at(10*float64(i+1)), &p)
		}
		if got := all.say(full); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestALedgerThatKnowsTooMuchForgets(t *testing.T) {
	l := services.NewLedger(10, func(*services.Entry) {})
	for i := range 1000 {
		l.Add(at(10), &services.Point{Signal: services.Requests, Series: uint64(i), Kind: event.Counter, Value: 1})
	}
}
