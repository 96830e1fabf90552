package send

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

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
