package tape

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"vigie/alerts/rule"
)

func TestAnExplanationNamesWhatCarriesTheDeviation(t *testing.T) {
	s := fill(t)
	// In the last minute: from a to Orange everything of PAR fails; phones are slow to start; Free asks for four
	// times as much of channel une.
	s.exec(fmt.Sprintf("INSERT INTO requests SELECT * REPLACE (503 AS status, 'PAR' AS pop, 30 AS weight) FROM requests WHERE cdn = 'a' AND isp = 'Orange' AND time >= toDateTime64(%d, 3)", s.now.Unix()-60))
	s.exec(fmt.Sprintf("INSERT INTO requests_1s SELECT * REPLACE (5 AS status_class, requests * 30 AS requests, requests * 30 AS errors) FROM requests_1s WHERE cdn = 'a' AND isp = 'Orange' AND time >= toDateTime(%d)", s.now.Unix()-60))
	s.exec(fmt.Sprintf("INSERT INTO beacons SELECT * EXCEPT again REPLACE (50000 AS startup) FROM beacons ARRAY JOIN range(10) AS again WHERE device = 'phone' AND event = 'playbackStart' AND time >= toDateTime64(%d, 3)", s.now.Unix()-60))
	s.exec(fmt.Sprintf("INSERT INTO beacons SELECT * EXCEPT again REPLACE (concat(session, '-', toString(again)) AS session, 'heartbeat' AS event) FROM beacons ARRAY JOIN range(5) AS again WHERE isp = 'Free' AND channel = 'une' AND time >= toDateTime64(%d, 3)", s.now.Unix()-30))
	tape := open(t, config(s.db, &rule.Rule{Signal: "errors"}))
	for _, c := range []struct {
		signal string
		labels map[string]string
		want   string
	}{
		{"errors", nil, "cdn=a isp=Orange pop=PAR"},
		{"errors", map[string]string{"cdn": "a"}, "isp=Orange pop=PAR"},
		{"errors", map[string]string{"cdn": "b"}, ""},
		{"requests", nil, "cdn=a isp=Orange pop=PAR"},
		{"startup", map[string]string{"rule": "x"}, "device=phone"},
		{"viewers", nil, "channel=une isp=Free"},
		{"source_lag", nil, ""},
		{"nothing", nil, ""},
	} {
		got, err := tape.Explain(t.Context(), c.signal, c.labels, s.now.Add(-time.Minute), s.now)
		if err != nil {
			t.Fatal(err)
		}
		for i, one := range got {
			if !(one.Share >= 0.4 && one.Share <= 1) || i > 0 && one.Share > got[i-1].Share {
				t.Errorf("%s: %+v", c.signal, got)
			}
		}
		for part := range strings.FieldsSeq(c.want) {
			dim, value, _ := strings.Cut(part, "=")
			found := false
			for _, one := range got {
				found = found || one.Dim == dim && one.Value == value
			}
			if !found {
				t.Errorf("%s where %v: %+v lacks %s", c.signal, c.labels, got, part)
			}
		}
		if n := len(strings.Fields(c.want)); len(got) > n {
			t.Errorf("%s where %v: %+v, want %q alone", c.signal, c.labels, got, c.want)
		}
	}
}

func TestARulesOwnStatement(t *testing.T) {
	s := fill(t)
	rules := []*rule.Rule{
		{ID: "own", Signal: "sql", By: []string{"cdn"}, SQL: "SELECT cdn, sumIf(requests, status_class = 5) / sum(requests) AS value, sum(lines) AS sample FROM requests_1s WHERE time >= {from:DateTime} AND time < {to:DateTime} GROUP BY cdn -- its own;\n;"},
		{ID: "wrong", Signal: "sql", SQL: "SELECT nothing AS value FROM nowhere"},
		{ID: "writes", Signal: "sql", SQL: "INSERT INTO requests_1s (lines) VALUES (1)"},
		{ID: "slow", Signal: "sql", SQL: "SELECT toFloat64(count()) AS value, 1 AS sample FROM system.numbers"},
		{ID: "many", Signal: "sql", By: []string{"n"}, SQL: "SELECT number AS n, 1 AS value, 1 AS sample FROM numbers(2000)"},
		{ID: "fixed", Signal: "sql", SQL: "SELECT 7 AS value, NULL AS sample"},
		{Signal: "errors"}, {Signal: "startup"},
	}
	tape := open(t, config(s.db, rules...))
	if err := tape.Tick(t.Context(), s.now); err != nil {
		t.Fatal(err)
	}
	if err := tape.Fill(t.Context()); err == nil {
		t.Error("no statement failed")
	}
	n, series := group(t, tape, rules[0].View(), "b")
	if series.Error != "" || series.Complete.IsZero() {
		t.Fatalf("%+v", series)
	}
	var r rule.Reading
	tape.Read(rules[0].View(), n, series.Complete, series.Complete, &r)
	where := fmt.Sprintf("FROM requests_1s WHERE cdn = 'b' AND time >= toDateTime(%d) AND time < toDateTime(%d)", series.Complete.Unix()-10, series.Complete.Unix())
	if want := s.number("SELECT sumIf(requests, status_class = 5) / sum(requests) AS n " + where); !near(r.Value, want, 1e-9) || r.Sample != s.number("SELECT toFloat64(sum(lines)) AS n "+where) {
		t.Errorf("%+v, want %v", r, want)
	}
	for i, part := range map[int]string{1: "nowhere", 2: "", 3: "", 4: "more than 1000 rows"} {
		for _, series := range tape.Series(rules[i].View()) {
			if series.Error == "" || !strings.Contains(series.Error, part) {
				t.Errorf("%s: %+v", rules[i].ID, series)
			}
		}
	}
	if got := s.number("SELECT toFloat64(countIf(lines = 1 AND cdn = '')) AS n FROM requests_1s"); got != 0 {
		t.Error("a rule wrote")
	}
	n, series = group(t, tape, rules[5].View())
	tape.Read(rules[5].View(), n, series.Complete, series.Complete, &r)
	if r.Value != 7 || !math.IsNaN(r.Sample) {
		t.Errorf("%+v", r)
	}
	asked := tape.asked.Load()
	if err := tape.putStatements(t.Context()); err != nil || tape.asked.Load() != asked {
		t.Errorf("it is asked again at once: %v, %d more", err, tape.asked.Load()-asked)
	}
}

func TestASpark(t *testing.T) {
	s := fill(t)
	tape := open(t, config(s.db, &rule.Rule{Signal: "requests"}))
	full(t, tape, s.now)
	v := rule.View{Signal: "requests", Over: 10 * time.Second}
	points := tape.Spark(v, 0, 30)
	if len(points) != 30 {
		t.Fatalf("%v", points)
	}
	for i, p := range points {
		if !near(p, 30, 0.5) {
			t.Errorf("point %d is %v", i, p)
		}
	}
	if tape.Spark(v, 1, 30) != nil || tape.Spark(rule.View{Signal: "none"}, 0, 30) != nil {
		t.Error("what is not there has a spark")
	}
}
