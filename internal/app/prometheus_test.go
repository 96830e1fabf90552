package app_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Debian's Prometheus writes its own metrics to a running vigie while it is asked: what it served is
// on the tables, request by request.
func TestPrometheusWritesWhatItServed(t *testing.T) {
	prometheus, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not here: apt-get install prometheus")
	}
	t.Parallel()
	p := newProcess(t, `
cdns: [{id: maison, name: Maison}]
sources: [{id: prom, format: prometheus, token_env: VIGIE_TEST_TOKEN}]
services:
  - {name: labels, match: {metric: prometheus_http_requests_total, labels: {handler: /api/v1/labels}}, signal: requests, errors: {code: "~4.."}}
  - {name: queries, match: {metric: prometheus_http_requests_total, labels: {handler: /api/v1/query}}, signal: requests, errors: {code: "~4.."}}
  - {name: queries, match: {metric: prometheus_http_request_duration_seconds, labels: {handler: /api/v1/query}}, signal: duration}
`)
	p.start()
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
global: {scrape_interval: 1s}
scrape_configs: [{job_name: prometheus, static_configs: [{targets: ["%[1]s"]}]}]
remote_write:
  - url: http://%[2]s/ingest/prom
    authorization: {credentials: %[3]s}
    queue_config: {batch_send_deadline: 1s}
`, "ADDRESS", p.machines, testToken), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	text, _ := os.ReadFile(config)
	os.WriteFile(config, []byte(strings.ReplaceAll(string(text), "ADDRESS", address)), 0o600)
	cmd := exec.Command(prometheus, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=error")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })

	ask := func(path string) (status int) {
		res, err := http.Get("http://" + address + path)
		if err != nil {
			return 0
		}
		res.Body.Close()
		return res.StatusCode
	}
	eventually(t, time.Minute, "prometheus is ready", func() bool { return ask("/-/ready") == http.StatusOK })
	number := func(sql string) float64 {
		n, err := strconv.ParseFloat(strings.TrimSpace(p.answer(sql)), 64)
		if err != nil {
			t.Fatal(sql, err)
		}
		return n
	}
	// It must have been scraped before it is asked: what a series that is new in a known target counts,
	// it counts from zero.
	ask("/api/v1/query?query=up")
	eventually(t, time.Minute, "measurements came", func() bool { return number("SELECT count() FROM measurements") > 0 })
	base := number("SELECT max(value) FROM measurements WHERE service = 'queries' AND signal = 'requests' AND position(labels, 'code=\"200\"') > 0")
	const good, bad, labels = 40, 10, 30
	for i := range good + bad + labels {
		switch {
		case i < good:
			ask("/api/v1/query?query=up")
		case i < good+bad:
			if status := ask("/api/v1/query?query=("); status != http.StatusBadRequest {
				t.Fatalf("a query that cannot be: %d", status)
			}
		default:
			ask("/api/v1/labels")
		}
	}
	for sql, want := range map[string]float64{
		"SELECT sum(requests) FROM services_1s WHERE service = 'labels'":                                                       labels,
		"SELECT sum(errors) FROM services_1s WHERE service = 'queries'":                                                        bad,
		"SELECT sum(requests) FROM services_1s WHERE service = 'queries' AND metric = 'prometheus_http_requests_total'":        good + bad + 1 - base,
		"SELECT sum(count) FROM services_1s WHERE service = 'queries' AND metric = 'prometheus_http_request_duration_seconds'": good + bad + 1 - base,
		"SELECT sum(duration_0 + duration_1 + duration_2 + duration_3 + duration_4 + duration_5) > 0 FROM services_1s":         1,
		"SELECT count() FROM quarantine": 0,
		"SELECT countIf(service NOT IN ('labels', 'queries') AND metric LIKE 'prometheus_http%') FROM services_1s": 0,
	} {
		near := func() bool { got := number(sql); return got > want-0.01 && got < want+0.01 }
		eventually(t, 30*time.Second, fmt.Sprintf("%v for %s (is %v)", want, sql, number(sql)), near)
	}
}
