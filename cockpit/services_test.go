package cockpit

import (
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

func TestServicesOnTheBoard(t *testing.T) {
	db := chtest.Open(t)
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	for _, row := range []struct {
		service, metric, resource string
		requests, errors          float64 // a second
		fast, slow                float64 // durations a second: of 10 to 25 ms, of 1 to 2 s
		saturation                float64
	}{
		{"login", "http_requests_total", "", 10, 3, 0, 0, -1},
		{"login", "http_request_duration_seconds", "", 9, 1, 8, 2, -1}, // tells of the same requests
		{"login", "container_cpu", "cpu", 0, 0, 0, 0, 0.5},
		{"login", "container_memory", "memory", 0, 0, 0, 0, 0.7},
		{"catalogue", "http_requests_total", "", 200, 0, 0, 0, -1},
		{"player", "pool", "connections", 0, 0, 0, 0, 0.97},
		{"rare", "http_requests_total", "", 0.1, 0.1, 0, 0, -1},
		{"rights", "a_duration_seconds", "", 5, 0, 5, 0, -1}, // of the same requests, without their status
		{"rights", "b_requests_total", "", 5, 1, 0, 0, -1},
		{"rights", "c_duration_seconds", "", 5, 0, 5, 0, -1},
	} {
		sql := fmt.Sprintf("INSERT INTO services_1s (time, source, service, metric, resource, received, requests, errors, count, sum, saturation, duration_2, duration_12) "+
			"SELECT toDateTime(%d) - number, 'prom', '%s', '%s', '%s', now(), %v, %v, %v, %v, %v, %v, %v FROM numbers(200)",
			now.Unix(), row.service, row.metric, row.resource, row.requests, row.errors, row.fast+row.slow, row.fast*20+row.slow*1500, row.saturation, row.fast, row.slow)
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	c, err := New(Config{DB: db, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	got := c.Tick(t.Context(), now).Services
	if got.Error != "" || !got.AsOf.Equal(now.Add(-serviceLag)) || got.Window != time.Minute {
		t.Fatalf("%q as of %s over %s", got.Error, got.AsOf, got.Window)
	}
	near := func(a, b float64) bool {
		return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-6*max(1, math.Abs(b))
	}
	none := math.NaN()
	want := []Service{
		{"login", 10, 0.3, 1.75, 0.316, 0.7, "memory", 600, HealthCritical, false},
		{"rights", 5, 0.2, 0.02425, 0.02, none, "", 300, HealthCritical, false},
		{"player", none, none, none, none, 0.97, "connections", 0, HealthCritical, true},
		{"catalogue", 200, 0, none, none, none, "", 12_000, HealthFine, false},
		{"rare", 0.1, 1, none, none, none, "", 6, HealthUnknown, false}, // six requests vouch for nothing
	}
	if len(got.Rows) != len(want) {
		t.Fatalf("%+v", got.Rows)
	}
	for i, w := range want {
		g := got.Rows[i]
		if g.Name != w.Name || !near(g.Rate, w.Rate) || !near(g.Errors, w.Errors) || !near(g.P95, w.P95) || !near(g.Mean, w.Mean) ||
			!near(g.Saturation, w.Saturation) || g.Resource != w.Resource || !near(g.Requests, w.Requests) || g.Health != w.Health || g.Full != w.Full {
			t.Errorf("row %d:\n got %+v\nwant %+v", i, g, w)
		}
	}
}
