package web

import (
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vigie/cockpit"
)

// scraped are the series of a board, as Prometheus's own parser reads them.
func scraped(t testing.TB, b *cockpit.Board) map[string]float64 {
	t.Helper()
	recorder := httptest.NewRecorder()
	newSignals(func() *cockpit.Board { return b }, func() *alertsNow { return nil }).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/signals", nil))
	if recorder.Code != http.StatusOK {
		t.Fatalf("%d %s", recorder.Code, recorder.Body)
	}
	return seriesOf(t, recorder.Body.String())
}

func seriesOf(t testing.TB, text string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for name, family := range families {
		for _, m := range family.Metric {
			if m.TimestampMs != nil {
				t.Errorf("%s has a timestamp", name)
			}
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
				if utf8.RuneCountInString(l.GetValue()) > longestSignal+1 {
					t.Errorf("%s: a label has %d characters", name, utf8.RuneCountInString(l.GetValue()))
				}
			}
			series[strings.TrimPrefix(name, "vigie_board_")+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue()
		}
	}
	return series
}

func TestSignalsTellTheBoard(t *testing.T) {
	b := final(t, 0)
	b.Match.ID = "final"
	b.Sources = many(t, 0).Sources
	got := scraped(t, b)
	for series, want := range map[string]float64{
		"viewers{}": 2_312_400, "viewers_forecast{}": 2_181_000, "viewers_earlier{}": 1_640_000,
		"total_traffic_reserved_bits_per_second{}": 4.07e12, "error_ratio{}": .0021, "rebuffering_ratio{}": .0061,
		"startup_seconds{quantile=0.5}": 1.32, "startup_seconds{quantile=0.95}": 3.1,
		"requests_per_second{class=accepted}": 91_400, "requests_per_second{class=blocked}": 38_200, "blocked_requests_per_second{}": 38_200,
		"cell_traffic_bits_per_second{cdn=cloudfront,isp=Free}": 190e9, "cell_error_ratio{cdn=cloudfront,isp=Free}": .0162,
		"cell_first_byte_seconds{cdn=cloudfront,isp=Free,quantile=0.95}": .82, "cell_viewers{cdn=cloudfront,isp=Free}": 211_834,
		"cell_health{cdn=cloudfront,isp=Free}": 3, "cell_traffic_bits_per_second{cdn=akamai,isp=(others)}": 42e9,
		"capacity_used_bits_per_second{cdn=akamai}": 1.214e12, "capacity_reserved_bits_per_second{cdn=akamai}": 1.45e12, "capacity_full_seconds{cdn=akamai}": 720,
		"cell_capacity_used_bits_per_second{cdn=cloudfront,isp=Free}": 190e9, "loss_traffic_bits_per_second{cdn=maison,lost=akamai}": 1.344e12, "loss_health{lost=akamai}": 3,
		"service_saturation_ratio{resource=db connections,service=login}": .93, "service_duration_seconds{quantile=0.95,service=droits}": 1.84, "service_health{service=droits}": 3,
		"tool_sessions{tool=NPAW}": 812_000, "mesh_offload_ratio{}": .1327, "match_criticality{match=final}": 4,
		"health{panel=errors}": 2, "health{panel=viewers}": 1, "health{panel=pressure}": 2, "panel_failed{panel=matrix}": 0,
		"concerns{health=critical}": 2, "concerns{health=warning}": 5,
		"timestamp_seconds{}": float64(b.At.Unix()), "complete_timestamp_seconds{}": float64(b.CompleteTo.Unix()),
	} {
		if v, ok := got[series]; !ok || math.Abs(v-want) > 1e-9*math.Abs(want) {
			t.Errorf("%s is %v, want %v (there: %v)", series, v, want, ok)
		}
	}
	for _, series := range []string{"cell_error_ratio{cdn=p2p,isp=Orange}", "cell_traffic_bits_per_second{cdn=p2p,isp=Free Mobile}", "capacity_full_seconds{cdn=cloudfront}", "service_saturation_ratio{resource=,service=ssai}"} {
		if v, ok := got[series]; ok {
			t.Errorf("%s is %v, and nothing tells it", series, v)
		}
	}
	for _, s := range b.Sources.Rows {
		want, silent := 0.0, s.Silent > 0 || s.Seen.IsZero()
		if silent {
			want = 1
		}
		if v, ok := got["source_silent{source="+s.ID+"}"]; !ok || v != want {
			t.Errorf("%s is silent: %v, want %v", s.ID, v, want)
		}
		if _, ok := got["source_lag_seconds{source="+s.ID+"}"]; ok == s.Watermark.IsZero() {
			t.Errorf("%s has a lag: %v", s.ID, ok)
		}
	}
}

// A family that is described is told of some board, and all of them are as Prometheus wants them named.
func TestSignalsAreNamedAsPrometheusWants(t *testing.T) {
	b := final(t, 0)
	b.Match.ID = "final"
	for i := range b.Matrix.Columns {
		b.Matrix.Columns[i].Total.Bits = 1e12
	}
	told := map[string]bool{}
	for series := range scraped(t, b) {
		name, _, _ := strings.Cut(series, "{")
		told[name] = true
	}
	for _, s := range signals {
		if !told[s.name] {
			t.Errorf("vigie_board_%s is told of no board", s.name)
		}
	}
	recorder := httptest.NewRecorder()
	newSignals(func() *cockpit.Board { return b }, func() *alertsNow { return nil }).ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/signals", nil))
	problems, err := promlint.New(recorder.Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		// Traffic is bits everywhere on the screen; quantiles are told as values, for there is no sum behind them.
		if strings.Contains(p.Text, "bits") || strings.Contains(p.Text, `"quantile" label`) {
			continue
		}
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestWhatIsNotKnownIsNoSignal(t *testing.T) {
	b := apiEmpty()
	b.Matrix.Columns = []cockpit.Column{{ID: "akamai"}}
	for series, v := range scraped(t, b) {
		name, _, _ := strings.Cut(series, "{")
		switch {
		case name == "timestamp_seconds":
		case (name == "panel_failed" || name == "health") && v == 0: // that it is not known is known
		default:
			t.Errorf("of nothing there is %s %v", series, v)
		}
	}
	b = final(t, 0)
	b.Matrix.Error, b.Errors.Error = "timeout", "timeout"
	if got := scraped(t, b); got["panel_failed{panel=matrix}"] != 1 || got["cell_health{cdn=cloudfront,isp=Free}"] != 3 || got["error_ratio{}"] != .0021 {
		t.Errorf("a panel that failed just now has no last values: %v", got["panel_failed{panel=matrix}"])
	}
	for series, v := range scraped(t, apiFailed(t)) {
		for _, name := range []string{"cell_", "traffic", "viewers", "error_ratio", "capacity", "service_", "source_", "tool_", "requests", "loss_"} {
			if strings.HasPrefix(series, name) {
				t.Errorf("ten minutes after it failed %s is still %v", series, v)
			}
		}
		if strings.HasPrefix(series, "health{") && v != 0 {
			t.Errorf("ten minutes after it failed %s is %v", series, v)
		}
	}
}

// Whatever names arrive, a scrape works: a series that is there twice would fail it.
func TestSignalsHoldWhateverTheNames(t *testing.T) {
	b := final(t, 0)
	long := strings.Repeat("é", 300)
	b.Services.Rows[0].Name, b.Services.Rows[1].Name = long+"1", long+"2"
	b.Services.Rows[2].Name, b.Services.Rows[3].Name = "same", "same"
	b.Tools.Rows[0].Name, b.Tools.Rows[1].Name = "\xff\xfe\"\n\\", ""
	b.Matrix.Rows[0].ISP, b.Matrix.Rows[1].ISP = "x", "x"
	b.Matrix.Rows[2].Cells[0].Bits = math.Inf(1)
	got := scraped(t, b)
	if got["service_health{service=same}"] != 1 {
		t.Error("two services of one name are none")
	}
	if _, ok := got["cell_traffic_bits_per_second{cdn=maison,isp=SFR}"]; ok {
		t.Error("infinity is told")
	}
}

func TestSignalsAreScraped(t *testing.T) {
	s := newSite(t, nil)
	program := s.program(t)
	if r, _ := s.asked(t, "/signals", program); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("before the first board: %d, so that up is 1 while nothing is known", r.StatusCode)
	}
	s.Publish(final(t, 0))
	r, body := s.asked(t, "/signals", program)
	if kind := r.Header.Get("Content-Type"); r.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("answered %d %s", r.StatusCode, kind)
	}
	if got := seriesOf(t, body); got["viewers{}"] != 2_312_400 {
		t.Errorf("viewers are %v", got["viewers{}"])
	}
	s.Publish(final(t, 1))
	if _, body := s.asked(t, "/signals", program); seriesOf(t, body)["viewers{}"] != 2_312_700 {
		t.Error("the next scrape has the board before")
	}
	program.Set("Accept", "application/openmetrics-text;version=1.0.0")
	if r, body := s.asked(t, "/signals", program); !strings.HasPrefix(r.Header.Get("Content-Type"), "application/openmetrics-text; version=1.0.0") || !strings.HasSuffix(body, "# EOF\n") {
		t.Errorf("OpenMetrics is %s", r.Header.Get("Content-Type"))
	}
	if strings.Contains(body, "go_goroutines") || strings.Contains(body, "process_") {
		t.Error("the process's own metrics are among the signals")
	}
}
