package cockpit

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"vigie/internal/ch"
	"vigie/internal/event"
	"vigie/internal/histogram"
)

// Services shows what stands behind the streams: rate, errors, duration and saturation of each.
type Services struct {
	Panel
	Window time.Duration
	Rows   []Service // those that ask for someone first, then by rate
}

// Service is one of them over the window.
type Service struct {
	Name       string
	Rate       float64 // requests/s; NaN: no metric tells
	Errors     float64 // ratio of requests that failed; NaN where nothing was asked
	P95        float64 // seconds; NaN: no metric tells
	Mean       float64
	Saturation float64 // of its fullest resource, 1 is full; NaN: no metric tells
	Resource   string  // which that is
	Requests   float64 // behind Errors
	Health     Health
	Full       bool // Health is Saturation's, not Errors'
}

const (
	// serviceLag is how long it takes until a scrape of usual length is stored: services are looked at
	// that much later.
	serviceLag     = 30 * time.Second
	serviceWindow  = time.Minute
	servicesEvery  = 5 * time.Second
	warmAt, fullAt = 0.8, 0.95 // saturation
)

// readServices asks now and then: services report every 10 to 60 s.
func (c *Cockpit) readServices(ctx context.Context, now time.Time) error {
	if now.Sub(c.served.AsOf) < servicesEvery+serviceLag && !c.served.AsOf.IsZero() {
		return nil
	}
	until := now.Add(-serviceLag).Truncate(time.Second)
	var rows []struct {
		Service    string    `ch:"service"`
		Metric     string    `ch:"metric"`
		Resource   string    `ch:"resource"`
		Requests   float64   `ch:"requests"`
		Errors     float64   `ch:"errors"`
		Count      float64   `ch:"count"`
		Sum        float64   `ch:"sum"`
		Saturation float64   `ch:"saturation"`
		Duration   []float64 `ch:"duration"`
	}
	if err := c.ask(ctx, &rows, "services", ch.P("from", until.Add(-serviceWindow)), ch.P("to", until)); err != nil {
		return err
	}
	type known struct {
		Service
		asked, timed float64
	}
	byName := map[string]*known{}
	for _, r := range rows {
		s := byName[r.Service]
		if s == nil {
			s = &known{Service: Service{Name: r.Service, Rate: math.NaN(), Errors: math.NaN(), P95: math.NaN(), Mean: math.NaN(), Saturation: math.NaN()}}
			byName[r.Service] = s
		}
		// Several metrics may tell of the same requests: the one that saw most is believed, of those that saw
		// the same the one that tells most errors: a histogram of durations may have no status.
		if asked := max(r.Requests, r.Errors); asked > s.asked || asked == s.asked && r.Errors > s.Requests*zeroed(s.Errors) {
			s.asked = asked
			s.Rate, s.Errors, s.Requests = r.Requests/serviceWindow.Seconds(), ratio(r.Errors, asked), asked
		}
		if r.Count > s.timed {
			s.timed = r.Count
			var h histogram.Buckets
			copy(h[:], r.Duration)
			s.P95, s.Mean = h.Quantile(0.95, event.ServiceEdges[:])/1000, math.NaN()
			if r.Sum > 0 {
				s.Mean = r.Sum / r.Count / 1000
			}
		}
		if r.Saturation >= 0 && !(s.Saturation >= r.Saturation) {
			s.Saturation, s.Resource = r.Saturation, r.Resource
		}
	}
	out := Services{Panel: Panel{AsOf: until}, Window: serviceWindow}
	for _, s := range byName {
		s.Health, s.Full = c.serviceHealth(&s.Service)
		out.Rows = append(out.Rows, s.Service)
	}
	slices.SortFunc(out.Rows, func(a, b Service) int {
		return cmp.Or(-cmp.Compare(ask(a.Health), ask(b.Health)), -cmp.Compare(zeroed(a.Rate), zeroed(b.Rate)), cmp.Compare(a.Name, b.Name))
	})
	c.served = out
	return nil
}

// ask is how much a health asks of people.
func ask(h Health) int { return max(int(h)-int(HealthFine), 0) }

func zeroed(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// serviceHealth judges errors by what their number vouches for, as everywhere, and saturation; full tells
// that the latter made it.
func (c *Cockpit) serviceHealth(s *Service) (worst Health, full bool) {
	if s.Requests >= enoughLines {
		worst = c.cfg.Limits.Errors.judge(atLeast(s.Errors, s.Requests))
	}
	if h := (Limit{warmAt, fullAt}).judge(s.Saturation); h > worst {
		return h, true
	}
	return worst, false
}
