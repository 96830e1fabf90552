package send

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"vigie/internal/provider"
	"vigie/runbooks/channel"
)

// atOnce is a provider that takes no time: what is measured is the ledger.
type atOnce struct{ n atomic.Int64 }

func (a *atOnce) Send(context.Context, string, *channel.Message) (provider.Receipt, error) {
	return provider.Receipt{ID: fmt.Sprint(a.n.Add(1))}, nil
}

// BenchmarkTell tells people by one process and an embedded bus, whose every write is synced: recipients a second.
func BenchmarkTell(b *testing.B) {
	for _, people := range []int{2000, 20000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			for i := range b.N {
				bus, list, provider := oneBus(b), invented(people, 0), &atOnce{}
				h := newHouse(b, bus, []Account{{ID: "sms", Kind: channel.SMS, Parallel: 64}}, list)
				letGo := h.staff(b, WorkerConfig{Channels: map[string]channel.Channel{"sms": provider}, Owner: "w", Alone: true})
				leg := list.leg("sms")
				leg.Gate, leg.Stage = people, All
				begun := time.Now()
				h.begin(b, confirmed(fmt.Sprint("s", i), false, leg))
				h.ended(b, fmt.Sprint("s", i))
				b.ReportMetric(float64(people)/time.Since(begun).Seconds(), "recipients/s")
				letGo()
				h.stop()
				bus.Close()
			}
		})
	}
}

// slowly is a provider that takes so many a second, and tells the others to come back in a second.
type slowly struct {
	takes   *rate.Limiter
	refused atomic.Int64
}

func (s *slowly) Send(context.Context, string, *channel.Message) (provider.Receipt, error) {
	if s.takes.Allow() {
		return provider.Receipt{}, nil
	}
	s.refused.Add(1)
	return provider.Receipt{}, &provider.Failure{Certainty: provider.Temporary, Reason: provider.ReasonRate, After: time.Second, Err: errors.New("slow down")}
}

// BenchmarkForecast tells people through a provider that takes ten a second and does not say so, and holds what was
// said each second of the time left against what it took in the end: the middle and the worst of the errors, in
// hundredths of the time that was left, from half a minute after the first until ten seconds before the last.
func BenchmarkForecast(b *testing.B) {
	const people, takes = 1500, 10
	for range b.N {
		bus, list, provider := oneBus(b), invented(people, 0), &slowly{takes: rate.NewLimiter(takes, takes)}
		h := newHouse(b, bus, []Account{{ID: "sms", Kind: channel.SMS}}, list)
		letGo := h.staff(b, WorkerConfig{Channels: map[string]channel.Channel{"sms": provider}, Owner: "w", Alone: true})
		leg := list.leg("sms")
		leg.Gate, leg.Stage = people, All
		h.begin(b, confirmed("s", false, leg))
		begun := time.Now()
		type forecast struct{ at, end time.Time }
		var said []forecast
		for s := h.Get("s"); s == nil || s.Ended.IsZero(); s = h.Get("s") {
			time.Sleep(time.Second)
			if p := h.Progress("s"); len(p.Legs) > 0 && p.Legs[0].Left > 0 && time.Since(begun) > windowFor*time.Second {
				said = append(said, forecast{time.Now(), time.Now().Add(p.Legs[0].Left)})
			}
		}
		ended := time.Now()
		var off []float64
		for _, f := range said {
			if left := ended.Sub(f.at); left > 10*time.Second {
				off = append(off, 100*math.Abs(f.end.Sub(ended).Seconds())/left.Seconds())
			}
		}
		slices.Sort(off)
		b.ReportMetric(off[len(off)/2], "%-off")
		b.ReportMetric(off[len(off)-1], "%-off-at-worst")
		b.ReportMetric(float64(people)/ended.Sub(begun).Seconds(), "recipients/s")
		b.ReportMetric(float64(provider.refused.Load())/people, "refused/recipient")
		letGo()
		h.stop()
		bus.Close()
	}
}
