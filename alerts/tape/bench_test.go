package tape

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"vigie/alerts/rule"
	"vigie/alerts/signal"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// BenchmarkRead reads 20 views of 200 series as rules do once a second, with what is usual; every tenth time
// ten seconds are over, so that it is made anew.
func BenchmarkRead(b *testing.B) {
	var rules []*rule.Rule
	for _, name := range []string{"traffic", "requests", "errors", "client_errors", "blocked", "cache_misses", "first_byte", "viewers", "requests_per_viewer", "attempts"} {
		for _, over := range []time.Duration{10 * time.Second, time.Minute} {
			rules = append(rules, &rule.Rule{Signal: name, By: []string{"isp"}, Over: rule.Duration(over)})
		}
	}
	tape, err := New(config(nil, rules...))
	if err != nil {
		b.Fatal(err)
	}
	begun := time.Now().Unix() / 10 * 10
	st := tape.live.st
	for _, f := range st.ordered {
		if len(f.groupings) == 0 {
			continue
		}
		f.begin(begun)
		cdn := st.id("a")
		var rows []row
		var heards []heard
		for slot := slotOf(begun) - 100; slot <= slotOf(begun)+30; slot++ {
			for isp := range 200 {
				r := row{slot: slot}
				for c := range r.cols {
					r.cols[c] = float64(1000 + (isp*31+c*17+int(slot)*7)%500)
				}
				name := fmt.Sprint("network ", isp)
				switch f.name {
				case signal.Requests:
					r.key = key{cdn, st.id(name)}
				case signal.Experience:
					r.key = key{st.id("mux"), cdn, st.id(name)}
				}
				rows = append(rows, r)
				for _, set := range []uint8{2, 0} {
					if set == 0 {
						name = ""
					}
					heards = append(heards, heard{Slot: slot, Sets: set, Tool: "mux", ISP: name, Viewers: r.cols[0], Told: r.cols[0]})
				}
			}
		}
		f.head += 40 // what is to come is there too
		if f.name == signal.Audience {
			st.foldAudience(f, slotOf(begun)-100, slotOf(begun)+31, heards)
			continue
		}
		f.foldCoarse(slotOf(begun)-100, slotOf(begun)+31, rows, st)
		for i := range rows {
			rows[i].slot = begun - 100 + int64(i)/200
		}
		f.known = begun - 100
		f.foldFine(nil, rows, st)
	}
	var reading rule.Reading
	second, known := int64(0), 0
	b.ReportAllocs()
	for b.Loop() {
		second++
		now := begun + second%20
		e := edges{now: now, logs: edge{at: now}, tools: edge{at: now}}
		for _, f := range st.ordered {
			f.edges = e
		}
		tape.live.moveOn(e)
		known = 0
		for _, r := range rules {
			v := r.View()
			for i, s := range tape.Series(v) {
				tape.Read(v, i, s.Complete, s.Complete, &reading)
				if reading.Value == reading.Value && reading.Usual == reading.Usual {
					known++
				}
			}
		}
	}
	b.ReportMetric(float64(known), "series")
	b.ReportMetric(float64(st.bytes())/1e6, "MB")
}

// BenchmarkTick is what a second's questions take of a real engine that holds an hour of a match: three CDNs, 20
// networks, three channels, four classes, three tools and five devices.
func BenchmarkTick(b *testing.B) {
	db := chtest.Open(b)
	if err := db.Prepare(b.Context(), ch.Retention{}); err != nil {
		b.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	exec := func(sql string) {
		b.Helper()
		if err := db.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	cell := "['a','b','c'][number % 3 + 1] AS cdn, concat('network ', toString(intDiv(number, 3) % 20)) AS isp, ['une','deux','trois'][intDiv(number, 60) % 3 + 1] AS channel"
	// 720 cells of which each has hits and misses: about 1,400 rows a second.
	for from := 0; from < 3600; from += 600 {
		exec(fmt.Sprintf("INSERT INTO requests_1s (time, source, cdn, isp, channel, class, status_class, cache, received, lines, requests, bytes, errors, first_byte_3, first_byte_5) SELECT toDateTime(%d) - %d - intDiv(number, 1440), concat('log-', cdn), cdn, isp, channel, class, 2, cache, now(), 7, 70, 5e6, number %% 100 = 0, 50, 20 FROM (SELECT number, %s, ['segment','manifest','init','key'][intDiv(number, 180) %% 4 + 1] AS class, ['hit','miss'][intDiv(number, 720) %% 2 + 1] AS cache FROM numbers(%d))", now.Unix(), from, cell, 600*1440))
		exec(fmt.Sprintf("INSERT INTO qoe_1s (time, source, tool, cdn, isp, channel, device, received, lines, attempts, starts, playing, rebuffering, startup_3) SELECT toDateTime(%d) - %d - intDiv(number, 900), tool, tool, cdn, isp, channel, device, now(), 3, 1, 1, 3000, 10, 1 FROM (SELECT number, %s, ['mux','npaw','own'][intDiv(number, 180) %% 3 + 1] AS tool, ['tv','phone','tablet','desktop','console'][intDiv(number, 540) %% 5 + 1] AS device FROM numbers(%d))", now.Unix(), from, cell, 600*900))
	}
	exec(fmt.Sprintf("INSERT INTO sessions_10s (time, tool, cdn, isp, channel, device, weight, received, sessions) SELECT toDateTime(%d) - 10 * intDiv(number, 54000), tool, cdn, isp, channel, device, 20, now(), uniqCombined64State(14)(concat('s', toString(number %% 54000))) FROM (SELECT number, %s, ['mux','npaw','own'][intDiv(number, 180) %% 3 + 1] AS tool, ['tv','phone','tablet','desktop','console'][intDiv(number, 540) %% 5 + 1] AS device FROM numbers(%d)) GROUP BY 1, 2, 3, 4, 5, 6", now.Unix()/10*10, cell, 54000*30))
	deliver := func(n int64) {
		for i, source := range []string{"log-a", "log-b", "log-c", "mux", "npaw", "own"} {
			exec(fmt.Sprintf("INSERT INTO deliveries (stored, first, source, received, messages, lines, late_1, oldest, newest) SELECT now64(3), %d, '%s', toDateTime64(%d, 3), 1, 6000, 6000, toDateTime64(%d, 3), toDateTime64(%d, 3)", n*10+int64(i), source, now.Unix()+n, now.Unix()+n-3, now.Unix()+n))
		}
	}
	deliver(0)
	var rules []*rule.Rule
	for _, by := range [][]string{nil, {"cdn"}, {"cdn", "isp"}, {"isp"}, {"channel"}, {"cdn", "class"}} {
		for _, name := range []string{"traffic", "errors", "first_byte", "cache_misses"} {
			rules = append(rules, &rule.Rule{Signal: name, By: by})
		}
	}
	for _, by := range [][]string{nil, {"cdn"}, {"cdn", "isp"}, {"device"}} {
		for _, name := range []string{"startup", "rebuffering", "viewers"} {
			rules = append(rules, &rule.Rule{Signal: name, By: by})
		}
	}
	cfg := config(db, rules...)
	cfg.CDNs, cfg.Log = []string{"a", "b", "c"}, slog.New(slog.DiscardHandler)
	cfg.Sources = []Source{{ID: "log-a", CDN: "a"}, {ID: "log-b", CDN: "b"}, {ID: "log-c", CDN: "c"}, {ID: "mux"}, {ID: "npaw"}, {ID: "own"}}
	tape, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	if err := tape.Tick(b.Context(), now); err != nil {
		b.Fatal(err)
	}
	first := time.Since(begun)
	begun = time.Now()
	for more := true; more; {
		if err := tape.Fill(b.Context()); err != nil {
			b.Fatal(err)
		}
		more = false
		for _, f := range tape.live.st.ordered {
			if len(f.groupings) > 0 {
				if _, _, ok := f.latest(1, f.oldest(), f.limit(&tape.live.edges), false); ok {
					more = true
				}
			}
		}
	}
	b.ReportMetric(float64(first.Milliseconds()), "ms-first")
	b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms-past")
	asked, n := tape.asked.Load(), int64(0)
	for b.Loop() {
		b.StopTimer()
		n++
		deliver(n)
		b.StartTimer()
		if err := tape.Tick(b.Context(), now.Add(time.Duration(n)*time.Second)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(tape.asked.Load()-asked)/float64(n), "queries/op")
	b.ReportMetric(float64(first.Milliseconds()), "ms-first")
	b.ReportMetric(float64(tape.live.st.bytes())/1e6, "MB")
	b.ReportMetric(float64(tape.live.st.series()), "series")
}
