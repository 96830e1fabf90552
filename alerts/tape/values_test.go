package tape

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"vigie/alerts/rule"
)

// Each signal's value is what plain SQL makes of the single lines, over the seconds that are complete.
func TestEachValueIsWhatTheLinesSay(t *testing.T) {
	s := fill(t)
	const errors = "sumIf(weight, status >= 500 OR status = 0 OR aborted) / sum(weight)"
	// Quantiles are estimated within a bucket.
	const exact = 1e-9
	type kase struct {
		signal string
		by     []string
		where  map[string]string
		values []string
		over   time.Duration
		table  string
		value  string // of the rows
		sample string
		and    string
		by100  float64
	}
	cases := []kase{
		{"traffic", []string{"cdn"}, nil, []string{"a"}, 10 * time.Second, "requests", "sum(bytes * weight) * 8 / %[1]v", "count()", "cdn = 'a'", exact},
		{"traffic", nil, map[string]string{"isp": "Free"}, nil, 30 * time.Second, "requests", "sum(bytes * weight) * 8 / %[1]v", "count()", "isp = 'Free'", exact},
		{"requests", []string{"cdn", "isp"}, nil, []string{"b", "Orange"}, time.Minute, "requests", "sum(weight) / %[1]v", "count()", "cdn = 'b' AND isp = 'Orange'", exact},
		{"requests", []string{"channel"}, map[string]string{"class": "manifest", "cdn": "a"}, []string{"une"}, time.Minute, "requests", "sum(weight) / %[1]v", "count()", "class = 'manifest' AND cdn = 'a' AND channel = 'une'", exact},
		{"errors", nil, nil, nil, time.Minute, "requests", errors, "count()", "1", exact},
		{"errors", []string{"isp"}, nil, []string{"Free"}, 3 * time.Minute, "requests", errors, "count()", "isp = 'Free'", exact},
		{"client_errors", []string{"cdn"}, nil, []string{"b"}, time.Minute, "requests", "sumIf(weight, status >= 400 AND status < 500 AND NOT blocked) / sum(weight)", "count()", "cdn = 'b'", exact},
		{"blocked", nil, nil, nil, time.Minute, "requests", "sumIf(weight, blocked) / sum(weight)", "count()", "1", exact},
		{"cache_misses", []string{"cdn"}, nil, []string{"a"}, time.Minute, "requests", "sumIf(weight, cache IN ('miss', 'pass')) / sum(weight)", "count()", "cdn = 'a' AND class = 'segment' AND cache NOT IN ('', 'unknown')", exact},
		{"first_byte", []string{"cdn"}, nil, []string{"a"}, time.Minute, "requests", "quantileExactWeighted(0.95)(first_byte, toUInt64(weight)) / 1e6", "", "cdn = 'a' AND first_byte >= 0", 0.15},
		{"attempts", nil, nil, nil, time.Minute, "beacons", "sumIf(weight, event = 'playbackRequest') / %[1]v", "countIf(event = 'playbackRequest')", "1", exact},
		{"failures", []string{"tool"}, nil, []string{"mux"}, time.Minute, "beacons", "sumIf(weight, event = 'playbackFail') / sumIf(weight, event = 'playbackRequest')", "countIf(event = 'playbackRequest')", "tool = 'mux'", exact},
		{"early_exits", nil, nil, nil, 3 * time.Minute, "beacons", "sumIf(weight, event = 'playbackFinish' AND NOT started) / sumIf(weight, event = 'playbackRequest')", "countIf(event = 'playbackRequest')", "1", exact},
		{"rebuffering", []string{"cdn", "device"}, nil, []string{"a", "tv"}, time.Minute, "beacons", "sum(rebuffering * weight) / sum((playing + rebuffering) * weight)", "count()", "cdn = 'a' AND device = 'tv'", exact},
		{"startup", nil, nil, nil, time.Minute, "beacons", "quantileExactWeighted(0.5)(startup, toUInt64(weight)) / 1e3", "countIf(startup >= 0)", "startup >= 0", 0.2},
		{"offload", nil, nil, nil, time.Minute, "beacons", "sum(peer_bytes * weight) / sum((peer_bytes + cdn_bytes) * weight)", "count()", "tool = 'mux'", exact},
		{"offload", []string{"isp"}, nil, []string{"Free"}, time.Minute, "beacons", "sum(peer_bytes * weight) / sum((peer_bytes + cdn_bytes) * weight)", "count()", "tool = 'mux' AND isp = 'Free'", exact},
	}
	var rules []*rule.Rule
	for _, c := range cases {
		rules = append(rules, &rule.Rule{Signal: c.signal, By: c.by, Where: c.where, Over: rule.Duration(c.over)})
	}
	tape := open(t, config(s.db, rules...))
	full(t, tape, s.now)
	for i, c := range cases {
		v := rules[i].View()
		n, series := group(t, tape, v, c.values...)
		if series.Error != "" || series.Silent || series.Complete.IsZero() || series.Last.Before(series.Complete.Add(-2*time.Second)) {
			t.Errorf("%s by %v: %+v", c.signal, c.by, series)
			continue
		}
		for _, ago := range []time.Duration{0, 7 * time.Second} {
			at := series.Complete.Add(-ago)
			var r rule.Reading
			tape.Read(v, n, at, at, &r)
			rows := fmt.Sprintf("FROM %s WHERE time >= toDateTime64(%d, 3) AND time < toDateTime64(%d, 3) AND %s", c.table, at.Add(-c.over).Unix(), at.Unix(), c.and)
			value := c.value
			if strings.Contains(value, "%[1]v") {
				value = fmt.Sprintf(value, c.over.Seconds())
			}
			if want := s.number("SELECT toFloat64(" + value + ") AS n " + rows); !near(r.Value, want, c.by100) || math.IsNaN(r.Value) {
				t.Errorf("%s by %v where %v over %s: %v, the lines say %v", c.signal, c.by, c.where, c.over, r.Value, want)
			}
			if c.sample == "" {
				continue
			}
			if want := s.number("SELECT toFloat64(" + c.sample + ") AS n " + rows); !near(r.Sample, want, 1e-6) {
				t.Errorf("%s by %v: sample %v, the lines say %v", c.signal, c.by, r.Sample, want)
			}
		}
	}
}

// services puts one minute's and more of what services tell into the tables: a second each.
func (s *stage) services() {
	s.t.Helper()
	for _, row := range []struct {
		service, metric, resource        string
		requests, errors, fast, slow, at float64
	}{
		{"login", "http_requests_total", "", 10, 3, 0, 0, -1},
		{"login", "http_request_duration_seconds", "", 9, 1, 8, 2, -1}, // tells of the same requests
		{"login", "container_cpu", "cpu", 0, 0, 0, 0, 0.5},
		{"login", "container_memory", "memory", 0, 0, 0, 0, 0.7},
		{"catalogue", "http_requests_total", "", 200, 0, 0, 0, -1},
	} {
		s.exec(fmt.Sprintf("INSERT INTO services_1s (time, source, service, metric, resource, received, requests, errors, count, saturation, duration_2, duration_12) "+
			"SELECT toDateTime(%d) - number, 'prom', '%s', '%s', '%s', now(), %v, %v, %v, %v, %v, %v FROM numbers(%d)",
			s.now.Unix(), row.service, row.metric, row.resource, row.requests, row.errors, row.fast+row.slow, row.at, row.fast, row.slow, nightSeconds))
	}
}

func TestServicesAreJudgedAsTheBoardJudgesThem(t *testing.T) {
	s := fill(t)
	s.services()
	cases := []struct {
		signal        string
		by            []string
		where         map[string]string
		values        []string
		value, sample float64
	}{
		{"service_rate", []string{"service"}, nil, []string{"login"}, 10, 600},
		{"service_rate", nil, nil, nil, 210, 12600},
		{"service_rate", nil, map[string]string{"service": "catalogue"}, nil, 200, 12000},
		{"service_errors", []string{"service"}, nil, []string{"login"}, 0.3, 600},
		{"service_duration", []string{"service"}, nil, []string{"login"}, 1.75, 600},
		{"service_duration", []string{"service"}, nil, []string{"catalogue"}, nan, 0},
		{"service_saturation", []string{"service"}, nil, []string{"login"}, 0.7, 12},
		{"login_failures", nil, nil, nil, 0.3, 600},
		{"login_failures", []string{"service"}, nil, []string{"login"}, 0.3, 600},
	}
	var rules []*rule.Rule
	for _, c := range cases {
		rules = append(rules, &rule.Rule{Signal: c.signal, By: c.by, Where: c.where})
	}
	tape := open(t, config(s.db, rules...))
	full(t, tape, s.now)
	for i, c := range cases {
		n, series := group(t, tape, rules[i].View(), c.values...)
		if lag := s.now.Sub(series.Complete); lag < 30*time.Second || lag >= 40*time.Second || series.Error != "" {
			t.Errorf("%s: %+v, %s behind", c.signal, series, lag)
		}
		var r rule.Reading
		tape.Read(rules[i].View(), n, series.Complete, series.Complete, &r)
		if !near(r.Value, c.value, 1e-9) || !near(r.Sample, c.sample, 1e-9) {
			t.Errorf("%s %v: %v of %v, want %v of %v", c.signal, c.values, r.Value, r.Sample, c.value, c.sample)
		}
		if !math.IsNaN(c.value) && !near(r.Usual, c.value, 1e-9) {
			t.Errorf("%s %v: usually %v, want %v", c.signal, c.values, r.Usual, c.value)
		}
	}
	if groups := tape.Series(rules[7].View()); len(groups) != 1 {
		t.Errorf("login services: %+v", groups)
	}
}

func TestTheAudienceIsThatOfTheToolThatSeesMost(t *testing.T) {
	s := fill(t)
	cases := []struct {
		signal string
		by     []string
		where  map[string]string
		values []string
		and    string
	}{
		{"viewers", nil, nil, nil, "1"},
		{"viewers", []string{"cdn", "isp"}, nil, []string{"a", "Free"}, "cdn = 'a' AND isp = 'Free'"},
		{"viewers", []string{"channel"}, map[string]string{"device": "tv"}, []string{"une"}, "device = 'tv' AND channel = 'une'"},
		{"requests_per_viewer", []string{"isp"}, nil, []string{"Orange"}, "isp = 'Orange'"},
		{"requests_per_viewer", nil, nil, nil, "1"},
		{"errors", []string{"cdn"}, nil, []string{"b"}, "cdn = 'b'"}, // its Viewers
	}
	var rules []*rule.Rule
	for _, c := range cases {
		rules = append(rules, &rule.Rule{Signal: c.signal, By: c.by, Where: c.where, Over: rule.Duration(30 * time.Second)})
	}
	tape := open(t, config(s.db, rules...))
	full(t, tape, s.now)
	for i, c := range cases {
		v := rules[i].View()
		n, series := group(t, tape, v, c.values...)
		var r rule.Reading
		at := series.Complete
		tape.Read(v, n, at, at, &r)
		end := at.Unix() / 10 * 10
		heard := fmt.Sprintf("FROM beacons WHERE tool = 'mux' AND event NOT IN ('playbackFail', 'playbackFinish') AND time >= toDateTime64(%d, 3) AND time < toDateTime64(%d, 3) AND %s", end-30, end, c.and)
		viewers, told := s.number("SELECT toFloat64(uniqExact(session)) * any(weight) AS n "+heard), s.number("SELECT toFloat64(uniqExact(session)) AS n "+heard)
		value := viewers
		if c.signal == "requests_per_viewer" {
			value = s.number(fmt.Sprintf("SELECT sum(weight) / 30 AS n FROM requests WHERE time >= toDateTime64(%d, 3) AND time < toDateTime64(%d, 3) AND %s", at.Unix()-30, at.Unix(), c.and)) / viewers
		}
		if c.signal != "errors" && (!near(r.Value, value, 0.03) || !near(r.Sample, told, 0.03)) {
			t.Errorf("%s by %v where %v: %v of %v, the lines say %v of %v", c.signal, c.by, c.where, r.Value, r.Sample, value, told)
		}
		if !near(r.Viewers, viewers, 0.03) {
			t.Errorf("%s by %v: %v viewers, the lines say %v", c.signal, c.by, r.Viewers, viewers)
		}
		chance := 0.0 // what two draws of as many lines may differ by
		if c.signal == "errors" {
			chance = 4 * math.Sqrt(2*r.Usual/r.Sample)
		}
		if math.IsNaN(r.Usual) || !near(r.Usual, r.Value, 0.5) && math.Abs(r.Usual-r.Value) > chance {
			t.Errorf("%s by %v: usually %v, now %v of %v", c.signal, c.by, r.Usual, r.Value, r.Sample)
		}
	}
	got, known, err := tape.Impact(t.Context(), map[string]string{"cdn": "a", "owner": "video"}, s.now)
	want := s.number(fmt.Sprintf("SELECT toFloat64(uniqExact(session)) * any(weight) AS n FROM beacons WHERE tool = 'mux' AND event NOT IN ('playbackFail', 'playbackFinish') AND cdn = 'a' AND time >= toDateTime64(%d, 3) AND time < toDateTime64(%[1]d + 30, 3)", s.now.Unix()/10*10-30))
	if err != nil || !known || !near(got, want, 0.03) {
		t.Errorf("impact on a: %v, %v, %v; want %v", got, known, err, want)
	}
	if got, known, err := tape.Impact(t.Context(), map[string]string{"cdn": "nobody's"}, s.now); err != nil || known || got != 0 {
		t.Errorf("impact where nobody is: %v, %v, %v", got, known, err)
	}
}

func TestIdentitiesAreHeldAgainstTheQuarterOfAnHourBefore(t *testing.T) {
	s := fill(t)
	// A network that nobody knew takes three quarters of what b answers.
	s.exec(fmt.Sprintf(`INSERT INTO identities_10s (time, cdn, kind, name, source, received, lines, requests, errors, blocked, bytes)
		SELECT time, cdn, 'asn', '64500', source, now(), sum(lines) * 3, sum(requests) * 3, 0, 0, 0 FROM identities_10s WHERE cdn = 'b' AND time >= toDateTime(%d) GROUP BY time, cdn, source`, s.now.Unix()/10*10-60))
	rules := []*rule.Rule{{Signal: "asn_shift", By: []string{"cdn"}}, {Signal: "asn_top", By: []string{"cdn"}}, {Signal: "asn_shift"}, {Signal: "agent_shift"}}
	tape := open(t, config(s.db, rules...))
	full(t, tape, s.now)
	read := func(v rule.View, values ...string) (r rule.Reading) {
		n, series := group(t, tape, v, values...)
		tape.Read(v, n, series.Complete, series.Complete.Add(-time.Minute), &r)
		return r
	}
	if a := read(rules[0].View(), "a"); !(a.Value < 0.1) || !(a.Sample > 100) {
		t.Errorf("nothing moved on a: %+v", a)
	}
	if b := read(rules[0].View(), "b"); !near(b.Value, 0.75, 0.1) || !(b.Usual < 0.1) || !(b.Spread > 0) {
		t.Errorf("three quarters of b are others: %+v", b)
	}
	if top := read(rules[1].View(), "b"); !near(top.Value, 0.75, 0.1) || top.Usual != 0 {
		t.Errorf("of one network: %+v", top)
	}
	n, series := group(t, tape, rules[1].View(), "b")
	if name := tape.Top(rules[1].View(), n, series.Complete, series.Complete.Add(-time.Minute)); name != "64500" {
		t.Errorf("the network is %q", name)
	}
	if both := read(rules[2].View()); !(both.Value > 0.3 && both.Value < 0.7) {
		t.Errorf("of both: %+v", both)
	}
	if none := tape.Series(rules[3].View()); len(none) != 0 {
		t.Errorf("nobody tells of agents: %+v", none)
	}
}

func TestSourcesAreAsTheyAreNow(t *testing.T) {
	s := fill(t)
	rules := []*rule.Rule{{Signal: "source_lag", By: []string{"source"}}, {Signal: "source_silence", By: []string{"source"}}, {Signal: "source_refused", Where: map[string]string{"source": "log"}}}
	tape := open(t, config(s.db, rules...))
	read := func(i int, values ...string) rule.Reading {
		t.Helper()
		n, series := group(t, tape, rules[i].View(), values...)
		if series.Silent || !series.Complete.Equal(tape.Series(rules[0].View())[0].Complete) {
			t.Errorf("%+v", series)
		}
		var r rule.Reading
		tape.Read(rules[i].View(), n, series.Complete, series.Complete, &r)
		return r
	}
	full(t, tape, s.now)
	if lag, quiet, refused := read(0, "npaw"), read(1, "npaw"), read(2, "log"); lag.Value != 1 || quiet.Value != 0 || !near(refused.Value, 60.0/6060, 1e-9) || refused.Sample != 6060 {
		t.Errorf("lag %+v, silence %+v, refused %+v", lag, quiet, refused)
	}
	// Two minutes on, all but npaw have delivered.
	s.now = s.now.Add(2 * time.Minute)
	s.deliver(120, 0, "log", "blog", "player")
	full(t, tape, s.now)
	if lag, quiet := read(0, "npaw"), read(1, "npaw"); !math.IsNaN(lag.Value) || quiet.Value != 120 {
		t.Errorf("silent for two minutes: lag %+v, silence %+v", lag, quiet)
	}
	if lag, quiet := read(0, "log"), read(1, "log"); lag.Value != 1 || quiet.Value != 0 {
		t.Errorf("the others: lag %+v, silence %+v", lag, quiet)
	}
}
