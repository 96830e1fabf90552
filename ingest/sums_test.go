package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// The writer's sums are those that the statement of the view it replaced makes of the same lines.
func TestTheWritersSumsAreThoseOfTheLines(t *testing.T) {
	view, err := os.ReadFile("../internal/ch/migrations/0003_requests_1s_view.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, ofLines, ok := strings.Cut(string(view), " AS\nSELECT")
	if !ok {
		t.Fatal("the view's statement was not found")
	}
	p := start(t)
	random := rand.New(rand.NewPCG(3, 4))
	now := time.Now()
	const bodies, each = 40, 500
	for body := range bodies {
		var b strings.Builder
		for i := range each {
			fmt.Fprintf(&b, `{"time":%d,"status":%d,"bytes":%d,"path":"/live/%s/seg_%d.%s","client":"%s","cache":"%s","first_byte_ms":%s,"duration_ms":%s,"blocked":%t,"aborted":%t,"weight":%d}`+"\n",
				now.Add(-time.Duration(random.IntN(20_000))*time.Millisecond).UnixMilli(),
				[]int{200, 206, 404, 503, 0}[random.IntN(5)], random.IntN(1_000_000),
				[]string{"tf1", "tmc", "no"}[random.IntN(3)], i, []string{"m4s", "mpd", "key", "x"}[random.IntN(4)],
				[]string{"192.0.2.1", "2001:db8::1"}[random.IntN(2)], []string{"hit", "miss", "pass", ""}[random.IntN(4)],
				[]string{`"-"`, "0", "4.999", "5", "5000", "123.4", "70000"}[random.IntN(7)], []string{`"-"`, "0", "49.9", "50", "60000", "777", "99999"}[random.IntN(7)],
				random.IntN(9) == 0, random.IntN(9) == 0, 1+random.IntN(3))
		}
		if status, answer := p.post([]string{"/ingest/lines", "/ingest/ds2?format=ndjson"}[body%2], b.String()); status != 200 {
			t.Fatal(status, answer)
		}
	}
	p.eventually("SELECT toFloat64(sum(lines)) AS n FROM requests_1s", bodies*each)
	if got := p.number("SELECT toFloat64(count()) AS n FROM requests"); got != bodies*each {
		t.Fatalf("%v lines", got)
	}
	ofWriter := `SELECT time, source, cdn, isp, channel, class, status_class, cache, blocked, received, ` + summed("lines", "requests", "bytes", "errors") +
		summed(numbered("first_byte")...) + strings.TrimSuffix(summed(numbered("duration")...), ", ") +
		` FROM requests_1s GROUP BY time, source, cdn, isp, channel, class, status_class, cache, blocked, received`
	for name, sql := range map[string]string{
		"sums that the lines do not make":  ofWriter + " EXCEPT SELECT" + ofLines,
		"sums of lines that are not there": "SELECT" + ofLines + " EXCEPT " + ofWriter,
	} {
		if n := p.number("SELECT toFloat64(count()) AS n FROM (" + sql + ")"); n != 0 {
			t.Errorf("%v %s", n, name)
		}
	}
	if n := p.number("SELECT toFloat64(count()) AS n FROM (" + ofWriter + ")"); n < 1000 {
		t.Errorf("only %v sums were compared", n)
	}
}

func summed(columns ...string) string {
	var b strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&b, "sum(%s) AS %s, ", c, c)
	}
	return b.String()
}

func numbered(column string) []string {
	var out []string
	for i := range 16 {
		out = append(out, fmt.Sprintf("%s_%d", column, i))
	}
	return out
}
