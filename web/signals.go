package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vigie/cockpit"
)

// Signals are the board of the whole, live, for those who keep their Prometheus and their Grafana. What is
// not known is absent, never zero; so are the values of a panel that cannot be read for staleSignals.

const (
	staleSignals  = 2 * time.Minute
	maxSignals    = 20_000 // of one scrape
	longestSignal = 64     // characters of a label's value
	mergedISP     = "(others)"
)

func (s *Server) showSignals(c echo.Context) error {
	if err := onlyParams(c, []string{"name[]"}); err != nil {
		return err
	}
	if _, err := s.see(c.Request().Context(), s.scene(cockpit.Sight{})); err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "private, max-age=1")
	s.signals.ServeHTTP(c.Response(), c.Request())
	return nil
}

// boardNow is the board of the whole; nil before the first.
func (s *Server) boardNow() *cockpit.Board {
	if p := s.scene(cockpit.Sight{}).board.Load(); p != nil {
		return p.board
	}
	return nil
}

// newSignals answers scrapes with the board and the alerts of their moment.
func newSignals(board func() *cockpit.Board, alerts func() *alertsNow) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newSignalCollector(board), newAlertCollector(alerts))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 10})
}

// signal is a family of gauges; its name follows vigie_board_.
type signal struct {
	name, help string
	labels     []string
}

var (
	byCDN     = []string{"cdn"}
	byCell    = []string{"cdn", "isp"}
	byTool    = []string{"tool"}
	byService = []string{"service"}
	bySource  = []string{"source"}
	byPanel   = []string{"panel"}
)

const healthHelp = ": 0 unknown, 1 fine, 2 warning, 3 critical."

var signals = []signal{
	{"timestamp_seconds", "When the board was made.", nil},
	{"complete_timestamp_seconds", "All live sources are complete before this moment.", nil},
	{"panel_as_of_timestamp_seconds", "The panel's values hold at this moment.", byPanel},
	{"panel_failed", "1 while the panel cannot be read: its values are older ones, and absent after two minutes.", byPanel},
	{"health", "What a panel asks of people" + healthHelp, byPanel},
	{"concerns", "How many things ask for someone.", []string{"health"}},
	{"match_criticality", "Of the match that it is now, 1 to 4.", []string{"match"}},

	{"viewers", "Distinct sessions with a beacon in the last 30 s.", nil},
	{"viewers_forecast", "What was expected for this moment.", nil},
	{"viewers_earlier", "The same moment of the earlier match.", nil},
	{"total_traffic_bits_per_second", "Sent by CDNs and peers.", nil},
	{"total_traffic_forecast_bits_per_second", "What was expected for this moment.", nil},
	{"total_traffic_earlier_bits_per_second", "The same moment of the earlier match.", nil},
	{"total_traffic_reserved_bits_per_second", "Capacity that was reserved.", nil},
	{"error_ratio", "5xx and aborted answers / requests.", nil},
	{"error_ratio_earlier", "The same moment of the earlier match.", nil},
	{"startup_seconds", "Asked to play to first picture.", []string{"quantile"}},
	{"startup_earlier_seconds", "Median of the same moment of the earlier match.", nil},
	{"rebuffering_ratio", "Stalled / (playing + stalled).", nil},
	{"rebuffering_ratio_earlier", "The same moment of the earlier match.", nil},

	{"traffic_bits_per_second", "By CDN, the mesh as p2p, over the last complete minute.", byCDN},
	{"requests_per_second", "To CDNs, over the last complete minute: accepted, and blocked by security rules.", []string{"class"}},
	{"request_class_ratio", "Share of requests that failed, by how: 5xx, aborted, 4xx; the last complete ten seconds.", []string{"class"}},
	{"blocked_requests_per_second", "Refused by security rules, over the last complete minute.", nil},

	{"cell_traffic_bits_per_second", "Of a network by a CDN, over the last complete minute.", byCell},
	{"cell_share_ratio", "Of the network's traffic.", byCell},
	{"cell_error_ratio", "5xx and aborted answers / requests.", byCell},
	{"cell_first_byte_seconds", "95th percentile of the time to first byte.", []string{"cdn", "isp", "quantile"}},
	{"cell_rebuffering_ratio", "Stalled / (playing + stalled).", byCell},
	{"cell_viewers", "Distinct sessions.", byCell},
	{"cell_lines", "Log lines behind the cell; fewer than 25 are not judged.", byCell},
	{"cell_health", "What a cell asks of people" + healthHelp, byCell},

	{"capacity_used_bits_per_second", "Of a CDN with a reserve.", byCDN},
	{"capacity_reserved_bits_per_second", "For the match, on a CDN.", byCDN},
	{"capacity_full_seconds", "Until it is full at the slope of the last five minutes.", byCDN},
	{"capacity_health", "What a reserve asks of people" + healthHelp, byCDN},
	{"cell_capacity_used_bits_per_second", "Of a network by a CDN with a reserve.", byCell},
	{"cell_capacity_reserved_bits_per_second", "For the match, from a CDN to a network.", byCell},
	{"cell_capacity_full_seconds", "Until it is full at the slope of the last five minutes.", byCell},
	{"cell_capacity_health", "What a reserve asks of people" + healthHelp, byCell},
	{"loss_traffic_bits_per_second", "What a CDN would carry if the lost one failed now.", []string{"lost", "cdn"}},
	{"loss_health", "What the loss of a CDN would ask of people" + healthHelp, []string{"lost"}},

	{"tool_startup_seconds", "Median, as the tool measures it.", byTool},
	{"tool_rebuffering_ratio", "As the tool measures it.", byTool},
	{"tool_failure_ratio", "Failed starts and plays / attempts, as the tool measures it.", byTool},
	{"tool_bitrate_bits_per_second", "Bits played / media time.", byTool},
	{"tool_sessions", "That the tool saw.", byTool},
	{"mesh_traffic_bits_per_second", "What viewers get from each other.", nil},
	{"mesh_offload_ratio", "Bytes from peers / (bytes from peers + bytes from CDNs).", nil},

	{"service_requests_per_second", "Over the last minute.", byService},
	{"service_error_ratio", "Failed requests / requests.", byService},
	{"service_duration_seconds", "95th percentile.", []string{"service", "quantile"}},
	{"service_duration_mean_seconds", "Mean.", byService},
	{"service_saturation_ratio", "Of its fullest resource, 1 is full.", []string{"service", "resource"}},
	{"service_health", "What a service asks of people" + healthHelp, byService},

	{"source_lag_seconds", "Now less the moment before which the source is complete.", bySource},
	{"source_silent", "1 while nothing of it arrives, though it did or should.", bySource},
	{"source_lines_per_second", "Last minute, unweighted.", bySource},
	{"source_quarantined_lines", "Lines of the last hour that could not be read.", bySource},
	{"source_health", "What a source asks of people" + healthHelp, bySource},
}

type signalCollector struct {
	board func() *cockpit.Board
	descs map[string]*prometheus.Desc
}

func newSignalCollector(board func() *cockpit.Board) *signalCollector {
	c := &signalCollector{board, make(map[string]*prometheus.Desc, len(signals))}
	for _, s := range signals {
		c.descs[s.name] = prometheus.NewDesc("vigie_board_"+s.name, s.help, s.labels, nil)
	}
	return c
}

func (c *signalCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

func (c *signalCollector) Collect(to chan<- prometheus.Metric) {
	if b := c.board(); b != nil {
		(&scrape{c.descs, to, b, map[string]bool{}}).board()
	}
}

// scrape is one collection of a board.
type scrape struct {
	descs map[string]*prometheus.Desc
	to    chan<- prometheus.Metric
	b     *cockpit.Board
	told  map[string]bool // series; one that is there twice would fail all
}

// tell adds a series, unless its value is not known.
func (s *scrape) tell(name string, v jsonNumber, labels ...string) {
	if !v.known() || len(s.told) >= maxSignals {
		return
	}
	for i := range labels {
		labels[i] = foreign(labels[i], longestSignal)
	}
	key := name + "\x00" + strings.Join(labels, "\x00")
	if s.told[key] {
		return
	}
	s.told[key] = true
	s.to <- prometheus.MustNewConstMetric(s.descs[name], prometheus.GaugeValue, float64(v), labels...)
}

func (s *scrape) at(name string, t time.Time, labels ...string) {
	if !t.IsZero() {
		s.tell(name, jsonNumber(float64(t.UnixMilli())/1000), labels...)
	}
}

func (s *scrape) health(name string, h cockpit.Health, labels ...string) {
	s.tell(name, jsonNumber(h), labels...)
}

// panel tells of what age a panel is, and whether its values are still worth telling.
func (s *scrape) panel(name string, p *cockpit.Panel) bool {
	failed := 0.0
	if p.Error != "" {
		failed = 1
	}
	s.tell("panel_failed", jsonNumber(failed), name)
	s.at("panel_as_of_timestamp_seconds", p.AsOf, name)
	return !p.AsOf.IsZero() && (p.Error == "" || s.b.At.Sub(p.AsOf) < staleSignals)
}

func (s *scrape) board() {
	b := s.b
	s.at("timestamp_seconds", b.At)
	s.at("complete_timestamp_seconds", b.CompleteTo)
	if b.Match.ID != "" && b.Match.Criticality > 0 {
		s.tell("match_criticality", jsonNumber(b.Match.Criticality), b.Match.ID)
	}
	s.numbers()
	s.requests()
	s.matrix()
	s.capacity()
	s.tools()
	s.services()
	s.sources()
	count := map[cockpit.Health]int{cockpit.HealthWarning: 0, cockpit.HealthCritical: 0}
	for i := range b.Concerns {
		count[b.Concerns[i].Health]++
	}
	for _, h := range []cockpit.Health{cockpit.HealthWarning, cockpit.HealthCritical} {
		if count[h] > 0 || !b.Matrix.AsOf.IsZero() { // nobody has looked: none is not known
			s.tell("concerns", jsonNumber(count[h]), string(newAPIHealth(h)))
		}
	}
}

func (s *scrape) numbers() {
	for _, of := range []struct {
		panel, name, forecast, earlier string
		*cockpit.Number
	}{
		{"viewers", "viewers", "viewers_forecast", "viewers_earlier", &s.b.Viewers},
		{"traffic", "total_traffic_bits_per_second", "total_traffic_forecast_bits_per_second", "total_traffic_earlier_bits_per_second", &s.b.Traffic},
		{"errors", "error_ratio", "", "error_ratio_earlier", &s.b.Errors},
		{"startup", "startup_seconds", "", "startup_earlier_seconds", &s.b.Startup},
		{"rebuffering", "rebuffering_ratio", "", "rebuffering_ratio_earlier", &s.b.Rebuffering},
	} {
		fresh := s.panel(of.panel, &of.Panel)
		if !fresh || !of.Known {
			s.health("health", cockpit.HealthUnknown, of.panel)
		} else {
			s.health("health", of.Health, of.panel)
		}
		if !fresh {
			continue
		}
		value := comparedNumber(cockpit.Compared{Value: of.Value, Known: of.Known})
		if of.panel == "startup" {
			s.tell(of.name, value, "0.5")
			if value.known() {
				s.tell(of.name, ifPositive(of.P95), "0.95")
			}
		} else {
			s.tell(of.name, value)
		}
		if of.forecast != "" {
			s.tell(of.forecast, comparedNumber(of.Forecast))
		}
		s.tell(of.earlier, comparedNumber(of.Earlier))
	}
	s.tell("total_traffic_reserved_bits_per_second", comparedNumber(s.b.Traffic.Reserved))
}

func (s *scrape) requests() {
	p := &s.b.Pressure
	if fresh := s.panel("pressure", &p.Panel); fresh {
		s.health("health", p.Health, "pressure")
		s.tell("requests_per_second", jsonNumber(p.Accepted), cockpit.PressureAccepted)
		s.tell("requests_per_second", jsonNumber(p.Blocked), cockpit.PressureBlocked)
		s.tell("blocked_requests_per_second", jsonNumber(p.Blocked))
	} else {
		s.health("health", cockpit.HealthUnknown, "pressure")
	}
	if s.panel("classes", &s.b.Classes.Panel) {
		for _, l := range s.b.Classes.Lines {
			s.tell("request_class_ratio", lastSolid(&l), l.ID)
		}
	}
}

// lastSolid is a line's last complete point.
func lastSolid(l *cockpit.Line) jsonNumber {
	if n := min(l.Solid, len(l.Points)); n > 0 {
		return jsonNumber(l.Points[n-1])
	}
	return jsonUnknown
}

func (s *scrape) matrix() {
	m := &s.b.Matrix
	if !s.panel("matrix", &m.Panel) {
		return
	}
	for _, c := range m.Columns {
		s.tell("traffic_bits_per_second", jsonNumber(c.Total.Bits), c.ID)
	}
	for i := range m.Rows {
		isp := m.Rows[i].ISP
		if m.Rows[i].Merged > 0 {
			isp = mergedISP
		}
		for j := range m.Rows[i].Cells[:min(len(m.Rows[i].Cells), len(m.Columns))] {
			column := m.Columns[j]
			c := newAPICell(&m.Rows[i].Cells[j], column.Peers)
			s.tell("cell_traffic_bits_per_second", c.Bits, column.ID, isp)
			s.tell("cell_share_ratio", c.Share, column.ID, isp)
			s.tell("cell_error_ratio", c.Errors, column.ID, isp)
			s.tell("cell_first_byte_seconds", c.FirstByte, column.ID, isp, "0.95")
			s.tell("cell_rebuffering_ratio", c.Rebuffering, column.ID, isp)
			s.tell("cell_viewers", c.Viewers, column.ID, isp)
			if c.Bits.known() && !column.Peers {
				s.tell("cell_lines", jsonNumber(c.Lines), column.ID, isp)
			}
			s.health("cell_health", m.Rows[i].Cells[j].Health, column.ID, isp)
		}
	}
}

func (s *scrape) capacity() {
	c := &s.b.Capacity
	if !s.panel("capacity", &c.Panel) {
		return
	}
	used := func(prefix string, u *cockpit.Used, labels ...string) {
		s.tell(prefix+"_used_bits_per_second", jsonNumber(u.Bits), labels...)
		s.tell(prefix+"_reserved_bits_per_second", ifPositive(u.Reserved), labels...)
		s.tell(prefix+"_full_seconds", ifPositive(u.Full.Seconds()), labels...)
		s.health(prefix+"_health", u.Health, labels...)
	}
	for i := range c.CDNs {
		used("capacity", &c.CDNs[i], c.CDNs[i].CDN.ID)
	}
	for i := range c.Cells {
		used("cell_capacity", &c.Cells[i], c.Cells[i].CDN.ID, c.Cells[i].ISP)
	}
	for i := range c.Losses {
		l := &c.Losses[i]
		for _, t := range l.Takers {
			s.tell("loss_traffic_bits_per_second", jsonNumber(t.After), l.CDN.ID, t.CDN.ID)
		}
		s.health("loss_health", l.Health, l.CDN.ID)
	}
}

func (s *scrape) tools() {
	if s.panel("tools", &s.b.Tools.Panel) {
		for _, t := range s.b.Tools.Rows {
			s.tell("tool_startup_seconds", jsonNumber(t.Startup), t.Name)
			s.tell("tool_rebuffering_ratio", jsonNumber(t.Rebuffering), t.Name)
			s.tell("tool_failure_ratio", jsonNumber(t.Failures), t.Name)
			s.tell("tool_bitrate_bits_per_second", jsonNumber(t.Bitrate), t.Name)
			s.tell("tool_sessions", jsonNumber(t.Sessions), t.Name)
		}
	}
	if m := &s.b.Mesh; s.panel("mesh", &m.Panel) && m.Tool != "" {
		s.tell("mesh_traffic_bits_per_second", jsonNumber(m.Bits))
		s.tell("mesh_offload_ratio", jsonNumber(m.Offload))
	}
}

func (s *scrape) services() {
	if !s.panel("services", &s.b.Services.Panel) {
		return
	}
	for _, v := range s.b.Services.Rows {
		s.tell("service_requests_per_second", jsonNumber(v.Rate), v.Name)
		s.tell("service_error_ratio", jsonNumber(v.Errors), v.Name)
		s.tell("service_duration_seconds", jsonNumber(v.P95), v.Name, "0.95")
		s.tell("service_duration_mean_seconds", jsonNumber(v.Mean), v.Name)
		s.tell("service_saturation_ratio", jsonNumber(v.Saturation), v.Name, v.Resource)
		s.health("service_health", v.Health, v.Name)
	}
}

func (s *scrape) sources() {
	if !s.panel("sources", &s.b.Sources.Panel) {
		return
	}
	for i := range s.b.Sources.Rows {
		v := &s.b.Sources.Rows[i]
		silent := 0.0
		if v.Silent > 0 || v.Seen.IsZero() {
			silent = 1
		}
		s.tell("source_lag_seconds", lagOf(v), v.ID)
		s.tell("source_silent", jsonNumber(silent), v.ID)
		s.tell("source_lines_per_second", deliveredRate(v, v.Rate), v.ID)
		s.tell("source_quarantined_lines", jsonNumber(v.Quarantined), v.ID)
		s.health("source_health", v.Health, v.ID)
	}
}
