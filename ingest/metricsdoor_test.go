package ingest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"google.golang.org/protobuf/proto"

	"vigie/ingest"
)

// Two scrapes of a counter, by OTLP as JSON and by remote write 2.0 in the official types: what is
// answered, and what the service did between them.
func TestServicesReportWhatTheyDid(t *testing.T) {
	now := time.Now().Add(-15 * time.Second).Truncate(time.Second)
	p := startSenders(t, []sentAs{
		{source: ingest.Source{Format: "otlp", Token: "s3cret"}},
		{source: ingest.Source{Format: "prometheus", Token: "s3cret"}},
	})
	otlp := func(at time.Time, good, bad int, more string) string {
		point := func(code string, n int) string {
			return fmt.Sprintf(`{"attributes":[{"key":"code","value":{"stringValue":%q}}],"timeUnixNano":"%d","asInt":"%d"}`, code, at.UnixNano(), n)
		}
		return `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"login"}}]},"scopeMetrics":[{"metrics":[{"name":"http_requests_total","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[` +
			point("200", good) + "," + point("500", bad) + more + `]}}]}]}]}`
	}
	write := func(at time.Time, good, bad float64) string {
		symbols := []string{"", "__name__", "http_requests_total", "job", "catalogue", "code", "200", "500"}
		series := func(code uint32, v float64) *writev2.TimeSeries {
			return &writev2.TimeSeries{
				LabelsRefs: []uint32{1, 2, 5, code, 3, 4}, Samples: []*writev2.Sample{{Value: v, Timestamp: at.UnixMilli()}},
				Metadata: &writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER},
			}
		}
		body, err := proto.Marshal(&writev2.Request{Symbols: symbols, Timeseries: []*writev2.TimeSeries{series(6, good), series(7, bad)}})
		if err != nil {
			t.Fatal(err)
		}
		return string(snappy.Encode(nil, body))
	}
	send := func(path, body string, header ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, p.http.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer s3cret")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	asJSON := []string{"Content-Type", "application/json"}
	asWrite := []string{"Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "Content-Encoding", "snappy", "X-Prometheus-Remote-Write-Version", "2.0.0"}
	for i, at := range []time.Time{now, now.Add(10 * time.Second)} {
		if res := send("/ingest/sender-0/v1/metrics", otlp(at, 1000+90*i, 5+10*i, ""), asJSON...); res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
			t.Fatal("OTLP: ", res.Status, res.Header)
		}
		res := send("/ingest/sender-1", write(at, 500+float64(40*i), 1+float64(2*i)), asWrite...)
		if res.StatusCode != 204 || res.Header.Get("X-Prometheus-Remote-Write-Samples-Written") != "2" {
			t.Fatal("remote write: ", res.Status, res.Header)
		}
	}
	for _, c := range []struct {
		name, path, body string
		header           []string
		status           int
	}{
		{"OTLP that is none", "/ingest/sender-0/v1/metrics", "{", asJSON, 400},
		{"OTLP of another type", "/ingest/sender-0/v1/metrics", "{}", []string{"Content-Type", "text/plain"}, 415},
		{"OTLP of a point without a value", "/ingest/sender-0/v1/metrics", otlp(now, 1, 1, `,{"timeUnixNano":"1"}`), asJSON, 200},
		{"remote write in another encoding", "/ingest/sender-1", "x", []string{"Content-Type", "application/x-protobuf", "Content-Encoding", "gzip"}, 415},
		{"remote write that is none", "/ingest/sender-1", "xxxx", []string{"Content-Type", "application/x-protobuf", "Content-Encoding", "snappy"}, 400},
	} {
		if res := send(c.path, c.body, c.header...); res.StatusCode != c.status {
			t.Errorf("%s: %s", c.name, res.Status)
		}
	}
	for service, want := range map[string][2]float64{"login": {100, 10}, "catalogue": {42, 2}} {
		p.eventually("SELECT round(sum(requests), 6) AS n FROM services_1s WHERE service = '"+service+"'", want[0])
		p.eventually("SELECT round(sum(errors), 6) AS n FROM services_1s WHERE service = '"+service+"'", want[1])
		between := fmt.Sprintf("time > toDateTime(%d) AND time <= toDateTime(%d)", now.Unix(), now.Unix()+10)
		if got := p.number("SELECT round(sumIf(requests, " + between + "), 6) AS n FROM services_1s WHERE service = '" + service + "'"); got != want[0] {
			t.Errorf("%s: %v requests between the two scrapes, want %v", service, got, want[0])
		}
	}
	if n := p.number("SELECT toFloat64(countIf(labels LIKE '%code=\"500\"%')) AS n FROM measurements"); n < 4 {
		t.Errorf("%v measurements tell their code", n)
	}
}
