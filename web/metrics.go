package web

import (
	"github.com/prometheus/client_golang/prometheus"

	"vigie/cockpit"
)

// metrics are what the site tells about itself.
type metrics struct {
	sent    *prometheus.CounterVec // frames, by kind
	closed  *prometheus.CounterVec // sockets, by why
	renders prometheus.Histogram   // seconds a view took
}

func newMetrics(r prometheus.Registerer, hub func() cockpit.HubStats) *metrics {
	m := &metrics{
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vigie_live_frames_total", Help: "Frames written to screens.",
		}, []string{"kind"}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vigie_live_closed_total", Help: "Sockets that ended, by why.",
		}, []string{"why"}),
		renders: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vigie_view_render_seconds", Help: "Time to render one view of the board.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1},
		}),
	}
	if r == nil {
		return m
	}
	r.MustRegister(m.sent, m.closed, m.renders,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "vigie_live_screens", Help: "Screens connected.",
		}, func() float64 { return float64(hub().Subscribers) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "vigie_live_overwritten_total", Help: "Frames that a newer one replaced before a slow screen took them.",
		}, func() float64 { return float64(hub().Overwritten) }))
	return m
}
