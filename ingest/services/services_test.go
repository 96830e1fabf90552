package services_test

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/ingest/record"
	"vigie/ingest/services"
	"vigie/internal/event"
)

// measured is a measurement of a series written as Prometheus does: name{label="value"}.
func measured(t testing.TB, series string, kind event.MeasurementKind, v float64) *event.Measurement {
	t.Helper()
	name, rest, _ := strings.Cut(series, "{")
	m := &event.Measurement{Time: time.Unix(1788896703, 0), Name: []byte(name), Kind: kind, Value: v}
	for l := range strings.SplitSeq(strings.TrimSuffix(rest, "}"), ",") {
		if k, v, ok := strings.Cut(l, "="); ok {
			m.Labels = append(m.Labels, event.Label{Name: []byte(k), Value: []byte(strings.Trim(v, `"`))})
		}
	}
	var reason string
	if m.Labels, reason = record.SortLabels(m.Labels); reason != "" {
		t.Fatal(reason)
	}
	return m
}

func compiled(t testing.TB, rules ...services.Rule) *services.Rules {
	t.Helper()
	r, err := services.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// show writes a point but for its hashes.
func show(p *services.Point) string {
	s := fmt.Sprintf("%s %s %s %d", p.Service, p.Signal, p.Name, p.Kind)
	if p.Part != "" {
		s += " " + p.Part
	}
	if p.Resource != "" {
		s += " " + p.Resource
	}
	if p.Error {
		s += " error"
	}
	if p.Stale {
		return s + " stale"
	}
	if len(p.Bounds) > 0 {
		s += fmt.Sprint(" ", p.Bounds)
	}
	if len(p.Buckets) > 0 {
		return s + fmt.Sprint(" ", p.Buckets, " ", p.Sum, " ", p.Count)
	}
	return s + fmt.Sprintf(" %g", p.Value)
}

func matched(r *services.Rules, m *event.Measurement) string {
	var lines []string
	points := r.Match(m, nil)
	for i := range points {
		lines = append(lines, show(&points[i]))
	}
	return strings.Join(lines, "; ")
}

func TestRules(t *testing.T) {
	f := func(name string, rules []services.Rule, m *event.Measurement, want string) {
		t.Helper()
		r := compiled(t, rules...)
		for range 2 { // found, then remembered
			if got := matched(r, m); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
			}
		}
	}
	match := func(metric string, labels ...string) services.Match {
		m := services.Match{Metric: metric, Labels: map[string]string{}}
		for i := 0; i < len(labels); i += 2 {
			m.Labels[labels[i]] = labels[i+1]
		}
		return m
	}
	counter := func(series string) *event.Measurement { return measured(t, series, event.Counter, 7) }
	one := func(rule services.Rule) []services.Rule { return []services.Rule{rule} }

	http := services.Rule{Name: "{job}", Match: match("http_requests_total"), Signal: services.Requests, Errors: map[string]string{"code": "~5.."}}
	f("requests", one(http), counter(`http_requests_total{job="login",code="200"}`), "login requests http_requests_total 1 7")
	f("an error", one(http), counter(`http_requests_total{job="login",code="503"}`), "login requests http_requests_total 1 error 7")
	f("a pattern fits the whole value", one(http), counter(`http_requests_total{job="login",code="5033"}`), "login requests http_requests_total 1 7")
	f("another metric", one(http), counter(`http_requests{job="login"}`), "")
	f("a name that the series does not have", one(http), counter(`http_requests_total{code="200"}`), "")

	named := func(name string, labels ...string) services.Rule {
		return services.Rule{Name: name, Match: match("m_total", labels...), Signal: services.Requests}
	}
	f("a name of labels and text", one(named("{namespace}/{app|job}")), counter(`m_total{namespace="tv",job="login"}`), "tv/login requests m_total 1 7")
	f("the first label", one(named("{app|job}")), counter(`m_total{app="a",job="login"}`), "a requests m_total 1 7")
	f("OpenTelemetry's dots", one(named("{service.name}", "deployment.environment", "prod")), counter(`m_total{service_name="a",deployment_environment="prod"}`), "a requests m_total 1 7")
	f("a long name", one(named("{app}")), counter(`m_total{app="`+strings.Repeat("x", 100)+`"}`), strings.Repeat("x", 64)+" requests m_total 1 7")
	f("a value", one(named("s", "a", "1")), counter(`m_total{a="2"}`), "")
	f("not a value", one(named("s", "a", "!1")), counter(`m_total{a="2"}`), "s requests m_total 1 7")
	f("not a pattern", one(named("s", "a", "!~1|2")), counter(`m_total{a="2"}`), "")
	f("there", one(named("s", "a", "!")), counter(`m_total{b="2"}`), "")
	f("not there", one(named("s", "a", "")), counter(`m_total{b="2"}`), "s requests m_total 1 7")
	f("the first rule that fits", []services.Rule{named("x", "a", "1"), named("y", "a", "2"), named("z")}, counter(`m_total{a="2"}`), "y requests m_total 1 7")
	f("none of it", []services.Rule{{Match: match("m_total", "a", "2"), Signal: services.None}, named("z")}, counter(`m_total{a="2"}`), "")
	f("requests whose sender tells no type count", one(named("s")), measured(t, `m_total`, event.Gauge, 3), "s requests m_total 1 3")
	f("no number", one(named("s")), measured(t, `m_total`, event.Counter, math.NaN()), "")
	f("a counter below zero", one(named("s")), measured(t, `m_total`, event.Counter, -1), "")
	stale := counter("m_total")
	stale.Stale, stale.Value = true, 0
	f("the end", one(named("s")), stale, "s requests m_total 1 stale")

	seconds := services.Rule{Name: "s", Match: match("d_seconds"), Signal: services.Duration, Errors: map[string]string{"code|status": "~5.."}}
	f("a bucket", one(seconds), counter(`d_seconds_bucket{le="0.25",code="500"}`), "s duration d_seconds 1 bucket [250] 7")
	f("the open bucket", one(seconds), counter(`d_seconds_bucket{le="+Inf"}`), "s duration d_seconds 1 bucket [+Inf] 7")
	f("a bucket without bound", one(seconds), counter(`d_seconds_bucket{code="500"}`), "")
	f("a sum", one(seconds), counter(`d_seconds_sum{code="500"}`), "s duration d_seconds 1 sum 7000")
	f("a count tells requests too", one(seconds), counter(`d_seconds_count{status="500"}`), "s duration d_seconds 1 count 7; s requests d_seconds_count 1 error 7")
	f("a gauge under the family's name", one(seconds), measured(t, `d_seconds`, event.Gauge, 3), "")
	f("parts of other names", []services.Rule{{Name: "s", Match: match("spent_ms_total"), Signal: services.Duration, As: "sum"}}, counter(`spent_ms_total`), "s duration spent_ms_total 1 sum 7")
	f("a unit that is told", []services.Rule{{Name: "s", Match: match("spent"), Signal: services.Duration, As: "sum", Unit: "us"}}, counter(`spent`), "s duration spent 1 sum 0.007")

	histogram := func(kind event.MeasurementKind, unit string) *event.Measurement {
		m := measured(t, `http.server.request.duration{http_response_status_code="500"}`, kind, 0)
		m.Unit, m.Bounds, m.Buckets, m.Sum, m.Count = []byte(unit), []float64{0.1, 1}, []float64{3, 2, 1}, 4, 6
		return m
	}
	otel := services.Rule{Name: "s", Match: match("http.server.request.duration"), Signal: services.Duration, Errors: map[string]string{"http.response.status_code": "~5.."}}
	f("a histogram", one(otel), histogram(event.Histogram, "s"), "s duration http.server.request.duration 3 [100 1000] [3 2 1] 4000 6; s requests http.server.request.duration 1 error 6")
	f("a delta in milliseconds", one(otel), histogram(event.HistogramDelta, "ms"), "s duration http.server.request.duration 4 [0.1 1] [3 2 1] 4 6; s requests http.server.request.duration 2 error 6")
	otel.Signal = services.Requests
	f("a histogram's count alone", one(otel), histogram(event.Histogram, "s"), "s requests http.server.request.duration 1 error 6")

	f("a share in hundredths", []services.Rule{{Name: "s", Match: match("cpu"), Signal: services.Saturation, Unit: "%", Resource: "cpu"}}, measured(t, "cpu", event.Gauge, 50), "s saturation cpu 0 share cpu 0.5")
}

func TestDefaults(t *testing.T) {
	r := compiled(t, services.Defaults()...)
	for series, want := range map[string]string{
		`http_requests_total{job="login",code="502"}`:                                           "login requests http_requests_total 1 error 7",
		`http_requests_total{job="login",status="200"}`:                                         "login requests http_requests_total 1 7",
		`http_request_duration_seconds_bucket{job="login",le="0.1"}`:                            "login duration http_request_duration_seconds 1 bucket [100] 7",
		`http_server_requests_seconds_sum{application="cart",status="200"}`:                     "cart duration http_server_requests_seconds 1 sum 7000",
		`rpc_server_duration_milliseconds_count{service_name="cart",rpc_grpc_status_code="13"}`: "cart duration rpc_server_duration_milliseconds 1 count 7; cart requests rpc_server_duration_milliseconds_count 1 error 7",
		`grpc_server_handled_total{job="cart",grpc_code="NotFound"}`:                            "cart requests grpc_server_handled_total 1 7",
		`grpc_server_handled_total{job="cart",grpc_code="Internal"}`:                            "cart requests grpc_server_handled_total 1 error 7",
		`istio_requests_total{reporter="source",destination_service_name="cart"}`:               "",
		`istio_requests_total{reporter="destination",destination_service_name="cart"}`:          "cart requests istio_requests_total 1 7",
		`haproxy_backend_http_responses_total{proxy="cart",code="5xx"}`:                         "cart requests haproxy_backend_http_responses_total 1 error 7",
		`container_cpu_usage_seconds_total{container="cart",pod="cart-1",namespace="tv"}`:       "cart saturation container_cpu_usage_seconds_total 1 used cpu 7",
		`container_cpu_usage_seconds_total{container="POD",pod="cart-1",namespace="tv"}`:        "",
		`container_cpu_usage_seconds_total{pod="cart-1",namespace="tv"}`:                        "",
		`go_goroutines{job="login"}`:                                                            "",
	} {
		if got := matched(r, measured(t, series, event.Counter, 7)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", series, got, want)
		}
	}
}

func TestCompileNamesTheRuleAndTheKey(t *testing.T) {
	f := func(rule services.Rule, want string) {
		t.Helper()
		_, err := services.Compile([]services.Rule{{Name: "a", Match: services.Match{Metric: "m"}, Signal: services.Requests}, rule})
		if err == nil || !strings.HasPrefix(err.Error(), "services: rule 2: "+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	m := services.Match{Metric: "m"}
	f(services.Rule{Name: "a", Signal: "requests"}, "match.metric")
	f(services.Rule{Name: "a", Match: m, Signal: "rate"}, "signal")
	f(services.Rule{Match: m, Signal: "requests"}, "name")
	f(services.Rule{Name: "{a", Match: m, Signal: "requests"}, "name")
	f(services.Rule{Name: "{}", Match: m, Signal: "requests"}, "name")
	f(services.Rule{Name: "a", Match: m, Signal: "requests", As: "sum"}, "as")
	f(services.Rule{Name: "a", Match: m, Signal: "duration", As: "used"}, "as")
	f(services.Rule{Name: "a", Match: m, Signal: "saturation", As: "sum"}, "as")
	f(services.Rule{Name: "a", Match: m, Signal: "saturation", As: "used"}, "resource")
	f(services.Rule{Name: "a", Match: m, Signal: "duration", Unit: "h"}, "unit")
	f(services.Rule{Name: "a", Match: m, Signal: "requests", Unit: "s"}, "unit")
	f(services.Rule{Name: "a", Match: m, Signal: "errors", Errors: map[string]string{"a": "b"}}, "errors")
	f(services.Rule{Name: "a", Match: m, Signal: "requests", Per: []string{"a"}}, "per")
	f(services.Rule{Name: "a", Match: m, Signal: "requests", Errors: map[string]string{"code": "~("}}, "errors.code")
	f(services.Rule{Name: "a", Match: services.Match{Metric: "m", Labels: map[string]string{"code": "~["}}, Signal: "requests"}, "match.labels.code")
}

func TestWhatHashesHaveInCommon(t *testing.T) {
	r := compiled(t, services.Defaults()...)
	point := func(series string) services.Point {
		t.Helper()
		p := r.Match(measured(t, series, event.Counter, 1), nil)
		if len(p) == 0 {
			t.Fatal(series)
		}
		return p[0]
	}
	a := point(`http_request_duration_seconds_bucket{job="j",instance="i",le="1"}`)
	b := point(`http_request_duration_seconds_bucket{job="j",instance="i",le="2"}`)
	c := point(`http_request_duration_seconds_bucket{job="j",instance="k",le="2"}`)
	if a.Series != b.Series || a.Series == c.Series || a.Target != b.Target || a.Target == c.Target {
		t.Errorf("series %x %x %x, targets %x %x %x", a.Series, b.Series, c.Series, a.Target, b.Target, c.Target)
	}
	used := point(`container_cpu_usage_seconds_total{container="c",pod="p",namespace="n",cpu="total"}`)
	limit := point(`kube_pod_container_resource_limits{container="c",pod="p",namespace="n",resource="cpu",unit="core"}`)
	memory := point(`kube_pod_container_resource_limits{container="c",pod="p",namespace="n",resource="memory",unit="byte"}`)
	if used.Pair != limit.Pair || used.Pair == 0 || limit.Pair == memory.Pair || used.Series == limit.Series {
		t.Errorf("used %+v\nlimit %+v\nmemory %+v", used, limit, memory)
	}
	// Stored rows refer to it: it must never change.
	if s := point(`http_requests_total{code="200",job="login"}`).Series; s != wantSeries {
		t.Errorf("series %#x", s)
	}
}

const wantSeries = 0x3dfa5bff1ec818b3

func TestServicesAreBounded(t *testing.T) {
	r := compiled(t, services.Rule{Name: "{job}", Match: services.Match{Metric: "m_total"}, Signal: services.Requests})
	names := map[string]int{}
	for i := range services.MaxServices + 20 {
		names[r.Match(measured(t, fmt.Sprintf(`m_total{job="j%d"}`, i), event.Counter, 1), nil)[0].Service]++
	}
	_, _, overflow := r.Counts()
	if len(names) != services.MaxServices+1 || names[services.Other] != 20 || overflow != 20 {
		t.Errorf("%d services, %d other, overflow %d", len(names), names[services.Other], overflow)
	}
	r.Match(measured(t, `n_total`, event.Counter, 1), nil)
	if matched, unmatched, _ := r.Counts(); matched != services.MaxServices+20 || unmatched != 1 {
		t.Errorf("matched %d, unmatched %d", matched, unmatched)
	}
}

func TestSeveralWritersAtOnce(t *testing.T) {
	r := compiled(t, services.Defaults()...)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var into []services.Point
			for i := range 2000 {
				m := measured(t, fmt.Sprintf(`http_requests_total{job="login",code="%d"}`, i%300), event.Counter, 1)
				if into = r.Match(m, into[:0]); len(into) != 1 {
					t.Errorf("%d points", len(into))
				}
			}
		})
	}
	wg.Wait()
}

func TestAllocatesNothingForASeriesThatIsKnown(t *testing.T) {
	r := compiled(t, services.Defaults()...)
	m := measured(t, `http.server.request.duration{service_name="a"}`, event.Histogram, 0)
	m.Bounds, m.Buckets, m.Sum, m.Count = []float64{0.1, 1}, []float64{3, 2, 1}, 4, 6
	into := r.Match(m, nil)
	if n := testing.AllocsPerRun(100, func() { into = r.Match(m, into[:0]) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	r := compiled(b, services.Defaults()...)
	var series []*event.Measurement
	for i := range 2000 {
		name := []string{"http_requests_total", "http_request_duration_seconds_bucket", "go_goroutines"}[i%3]
		series = append(series, measured(b, fmt.Sprintf(`%s{code="200",handler="/api/v1/%d",instance="10.0.0.%d:9100",job="login",le="0.25",method="GET",pod="login-7d4b9c6f5-%d"}`, name, i%40, i%200, i), event.Counter, 1))
	}
	var into []services.Point
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		into = r.Match(series[i%len(series)], into[:0])
		i++
	}
}
