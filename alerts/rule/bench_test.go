package rule

import (
	"fmt"
	"testing"
	"time"
)

// wide are data of 20 views of 200 series in memory, of which nothing is wrong.
type wide struct {
	series []Series
	now    int64
	bad    int // of the series, those of which something is
}

func newWide() *wide {
	w := &wide{}
	for i := range 200 {
		w.series = append(w.series, Series{Values: []string{fmt.Sprintf("cdn-%d", i%10), fmt.Sprintf("isp %d", i/10)}})
	}
	return w
}

func (w *wide) move(now int64) {
	w.now = now
	for i := range w.series {
		w.series[i].Complete, w.series[i].Last = at(nightBegan+now), at(nightBegan+now)
	}
}

func (w *wide) Series(View) []Series { return w.series }

func (w *wide) Read(_ View, group int, _, _ time.Time, r *Reading) {
	*r = Reading{Value: 0.002 + float64(w.now%7)*1e-4, Sample: 3000, Usual: 0.002, Spread: 0.001, Forecast: nan, Earlier: nan, Viewers: 1e5}
	if group < w.bad {
		r.Value = 0.1
	}
}

// many are 500 rules that read 20 views.
func many(t testing.TB) []*Group {
	var groups []*Group
	for i := range 20 {
		g := &Group{ID: fmt.Sprintf("group-%d", i)}
		for j := range 25 {
			when := []string{"value > 0.02", "z > k and value > 0.01 * floor_factor", "change > 3 or z > 2 * k", `labels.cdn == "cdn-1" and value > 0.01`, "playing ? z > k : value > 0.05"}[j%5]
			g.Rules = append(g.Rules, &Rule{
				ID: fmt.Sprintf("rule-%d-%d", i, j), Title: Text{EN: "{cdn} to {isp}"}, Signal: "errors", By: []string{"cdn", "isp"},
				Over: Duration(time.Duration(i+1) * time.Second), When: when, For: Duration(10 * time.Second),
			})
		}
		if err := g.Check(); err != nil {
			t.Fatal(err)
		}
		groups = append(groups, g)
	}
	return groups
}

// A step is a second of 500 rules of 200 groups each: 100,000 judgements.
func BenchmarkStep(b *testing.B) {
	for _, bad := range []int{0, 2, 200} {
		b.Run(fmt.Sprintf("bad=%d", bad), func(b *testing.B) {
			e, d := NewEvaluator(many(b), nil), newWide()
			d.bad = bad
			d.move(1000)
			e.Step(Moment{Now: at(nightBegan + 1000)}, d, nil)
			b.ReportAllocs()
			for b.Loop() {
				d.move(d.now + 1)
				e.Step(Moment{Now: at(nightBegan + d.now)}, d, nil)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/judgement")
		})
	}
}

func TestAQuietSecondAllocatesNothing(t *testing.T) {
	e, d := NewEvaluator(many(t)[:2], nil), newWide()
	d.move(1000)
	e.Step(Moment{Now: at(nightBegan + 1000)}, d, nil)
	if n := testing.AllocsPerRun(20, func() {
		d.move(d.now + 1)
		e.Step(Moment{Now: at(nightBegan + d.now)}, d, nil)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
