package ingest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/ingest/agent"
)

// Sums by who asks are those that a plain count of the lines makes.
func TestSumsByWhoAsksAreThoseOfTheLines(t *testing.T) {
	p := start(t)
	random := rand.New(rand.NewPCG(7, 8))
	now := time.Now()
	agents := []string{
		"", "-", "curl/8.0", "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36", "Mozilla/5.0%20(Windows%20NT%2010.0)%20Chrome/126.0%20Safari/537.36",
		"Mozilla/5.0 (Web0S; Linux/SmartTV) Chrome/94.0 Safari/537.36", "okhttp/4.12.0", "MyTele/9.1 CFNetwork/1408", "(none)", "fr.example.tv/10 (Linux) ExoPlayerLib/2.19",
	}
	const bodies, each = 20, 500
	for body := range bodies {
		var b strings.Builder
		for i := range each {
			userAgent := agents[random.IntN(len(agents))]
			if i%50 == 0 {
				userAgent = fmt.Sprintf("app%d/1", random.IntN(90))
			}
			fmt.Fprintf(&b, `{"time":%d,"status":%d,"bytes":%d,"path":"/live/tf1/%d","asn":%d,"user_agent":"%s","blocked":%t,"aborted":%t,"weight":%d}`+"\n",
				now.Add(-time.Duration(random.IntN(60_000))*time.Millisecond).UnixMilli(), []int{200, 206, 404, 503, 0}[random.IntN(5)], random.IntN(1_000_000),
				i, []int{0, 3215, 12322, 4294967295, random.IntN(100)}[random.IntN(5)], userAgent, random.IntN(9) == 0, random.IntN(9) == 0, 1+random.IntN(3))
		}
		if status, answer := p.post([]string{"/ingest/lines", "/ingest/ds2?format=ndjson"}[body%2], b.String()); status != 200 {
			t.Fatal(status, answer)
		}
	}
	p.eventually("SELECT toFloat64(sum(lines)) AS n FROM identities_10s", 2*bodies*each)

	type key struct {
		Time, Received  int64
		CDN, Kind, Name string
		Source          string
	}
	type sums struct{ Lines, Requests, Errors, Blocked, Bytes float64 }
	got, want := map[key]sums{}, map[key]sums{}
	type row struct {
		Time     int64   `ch:"slot"`
		Received int64   `ch:"got"`
		CDN      string  `ch:"cdn"`
		Kind     string  `ch:"kind"`
		Name     string  `ch:"name"`
		Source   string  `ch:"source"`
		Lines    float64 `ch:"n"`
		Requests float64 `ch:"w"`
		Errors   float64 `ch:"e"`
		Blocked  float64 `ch:"x"`
		Bytes    float64 `ch:"b"`
	}
	read := func(into map[key]sums, sql string) {
		t.Helper()
		var rows []row
		if err := p.db.Select(t.Context(), &rows, sql); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.Kind == "" { // a user agent
				r.Kind, r.Name = "agent", agent.Family([]byte(r.Name))
			}
			k := key{r.Time, r.Received, r.CDN, r.Kind, r.Name, r.Source}
			s := into[k]
			into[k] = sums{s.Lines + r.Lines, s.Requests + r.Requests, s.Errors + r.Errors, s.Blocked + r.Blocked, s.Bytes + r.Bytes}
		}
	}
	read(got, "SELECT toInt64(toUnixTimestamp(time)) AS slot, toInt64(toUnixTimestamp(received)) AS got, cdn, kind, name, source, "+
		"toFloat64(sum(lines)) AS n, sum(requests) AS w, sum(errors) AS e, sum(blocked) AS x, sum(bytes) AS b FROM identities_10s GROUP BY ALL")
	for _, by := range []string{"'asn' AS kind, toString(asn) AS name", "'' AS kind, user_agent AS name"} {
		read(want, "SELECT intDiv(toInt64(toUnixTimestamp(time)), 10) * 10 AS slot, intDiv(toInt64(toUnixTimestamp(received)), 10) * 10 AS got, cdn, "+by+", source, "+
			"toFloat64(count()) AS n, sum(weight) AS w, sumIf(weight, status >= 500 OR status = 0 OR aborted = 1) AS e, sumIf(weight, blocked = 1) AS x, sum(bytes * weight) AS b "+
			"FROM requests GROUP BY ALL")
	}
	if !maps.Equal(got, want) {
		for k, s := range want {
			if got[k] != s {
				t.Errorf("%+v is %+v, the lines make %+v", k, got[k], s)
			}
		}
		for k, s := range got {
			if _, ok := want[k]; !ok {
				t.Errorf("%+v is %+v, of no lines", k, s)
			}
		}
	}
	families := map[string]bool{}
	for k := range got {
		families[k.Kind+" "+k.Name] = true
	}
	for _, of := range []string{"asn 0", "asn 3215", "asn 4294967295", "agent none", "agent chrome", "agent webos", "agent exoplayer", "agent mytele", "agent other", "agent app1"} {
		if !families[of] {
			t.Errorf("%s is not among %v", of, slices.Sorted(maps.Keys(families)))
		}
	}
}
