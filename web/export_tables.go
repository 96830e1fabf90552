package web

import (
	"slices"
	"time"

	"vigie/cockpit"
)

// exports are all there are, in the order of the board.
var exports = []export{
	{"numbers", exportNumbers},
	{"flow", func(b *cockpit.Board, w *csvRows) { exportChart(w, &b.Flow, "_bits_per_second") }},
	{"failing", func(b *cockpit.Board, w *csvRows) { exportChart(w, &b.Failing, "_error_ratio") }},
	{"classes", func(b *cockpit.Board, w *csvRows) { exportChart(w, &b.Classes, "_ratio") }},
	{"pressure", func(b *cockpit.Board, w *csvRows) { exportChart(w, &b.Pressure.Chart, "_requests_per_second") }},
	{"capacity", exportCapacity},
	{"matrix", exportMatrix},
	{"tools", exportTools},
	{"mesh", exportMesh},
	{"services", exportServices},
	{"sources", exportSources},
	{"concerns", exportConcerns},
	{"breakdown", exportBreakdown},
}

// exportChart has a row for each point and a column for each line. Lines that reach into the time to come go
// on after the others.
func exportChart(w *csvRows, c *cockpit.Chart, unit string) {
	lines := slices.Concat(c.Lines, c.Over)
	header, points := []any{"time"}, 0
	for _, l := range lines {
		header = append(header, l.ID+unit)
		points = max(points, len(l.Points))
	}
	reserved := ifPositive(c.Reserved)
	if reserved.known() {
		header = append(header, "reserved"+unit)
	}
	w.add(append(header, "complete")...)
	for i := range points {
		row := []any{c.Start.Add(time.Duration(i) * c.Step)}
		for _, l := range lines {
			if i < len(l.Points) {
				row = append(row, l.Points[i])
			} else {
				row = append(row, nil)
			}
		}
		if reserved.known() {
			row = append(row, reserved)
		}
		w.add(append(row, i < c.Solid)...)
	}
}

func exportNumbers(b *cockpit.Board, w *csvRows) {
	w.add("as_of", "number", "unit", "value", "p95", "samples", "few", "health", "ten_minutes_ago", "forecast", "earlier", "reserved")
	for _, of := range []struct {
		name, unit string
		*cockpit.Number
	}{{"viewers", "viewers", &b.Viewers}, {"traffic", "bits_per_second", &b.Traffic}, {"errors", "ratio", &b.Errors}, {"startup", "seconds", &b.Startup}, {"rebuffering", "ratio", &b.Rebuffering}} {
		n := newAPINumber(apiPanel{}, of.unit, of.Number)
		w.add(of.AsOf, of.name, of.unit, n.Value, n.P95, n.Samples, n.Few, n.Health, n.Before, n.Forecast, n.Earlier, n.Reserved)
	}
}

func exportMatrix(b *cockpit.Board, w *csvRows) {
	m := newAPIMatrix(apiPanel{}, &b.Matrix)
	w.add("as_of", "isp", "merged_networks", "cdn", "traffic_bits_per_second", "share_ratio", "error_ratio", "first_byte_p95_seconds",
		"rebuffering_ratio", "viewers", "requests", "lines", "health", "why")
	for _, r := range m.Rows {
		for _, c := range r.Cells {
			w.add(b.Matrix.AsOf, string(r.ISP), r.Merged, c.CDN, c.Bits, c.Share, c.Errors, c.FirstByte, c.Rebuffering, c.Viewers, c.Requests, c.Lines, c.Health, string(c.Why))
		}
	}
}

func exportTools(b *cockpit.Board, w *csvRows) {
	w.add("as_of", "tool", "format", "startup_seconds", "rebuffering_ratio", "failure_ratio", "bitrate_bits_per_second", "sessions", "beacons")
	for _, t := range b.Tools.Rows {
		w.add(b.Tools.AsOf, t.Name, t.Format, t.Startup, t.Rebuffering, t.Failures, t.Bitrate, t.Sessions, t.Beacons)
	}
}

// exportCapacity has three kinds of rows: a cdn and a cell with their reserve, and what a taker would carry if
// the lost one failed.
func exportCapacity(b *cockpit.Board, w *csvRows) {
	c, at := newAPICapacity(apiPanel{}, &b.Capacity), b.Capacity.AsOf
	w.add("as_of", "kind", "lost_cdn", "cdn", "isp", "used_bits_per_second", "more_bits_per_second", "after_bits_per_second", "reserved_bits_per_second",
		"slope_bits_per_second_per_second", "full_in_seconds", "health")
	for i, u := range slices.Concat(c.CDNs, c.Cells) {
		kind := "cdn"
		if i >= len(c.CDNs) {
			kind = "cell"
		}
		w.add(at, kind, nil, u.CDN, string(u.ISP), u.Bits, nil, nil, u.Reserved, u.Slope, u.Full, u.Health)
	}
	for _, l := range c.Losses {
		for _, t := range l.Takers {
			w.add(at, "loss", l.CDN, t.CDN, nil, nil, t.More, t.After, t.Reserved, nil, nil, t.Health)
		}
	}
}

// exportMesh has networks, and what each CDN would take over.
func exportMesh(b *cockpit.Board, w *csvRows) {
	m := newAPIMesh(apiPanel{}, &b.Mesh)
	w.add("as_of", "kind", "isp", "cdn", "received_bits_per_second", "given_bits_per_second", "offload_ratio", "now_bits_per_second", "more_bits_per_second")
	if m.Tool != "" {
		w.add(b.Mesh.AsOf, "all", nil, nil, m.Bits, nil, m.Offload, nil, nil)
	}
	for _, n := range m.Networks {
		w.add(b.Mesh.AsOf, "network", n.ISP, nil, n.Down, n.Up, n.Offload, nil, nil)
	}
	for _, f := range m.Fallback {
		w.add(b.Mesh.AsOf, "fallback", nil, f.CDN, nil, nil, nil, f.Now, f.More)
	}
}

func exportServices(b *cockpit.Board, w *csvRows) {
	w.add("as_of", "service", "requests_per_second", "error_ratio", "duration_p95_seconds", "duration_mean_seconds", "saturation_ratio", "resource", "requests", "health")
	for _, s := range b.Services.Rows {
		w.add(b.Services.AsOf, s.Name, s.Rate, s.Errors, s.P95, s.Mean, s.Saturation, s.Resource, s.Requests, newAPIHealth(s.Health))
	}
}

func exportSources(b *cockpit.Board, w *csvRows) {
	w.add("as_of", "source", "cdn", "tool", "format", "finding", "health", "lines_per_second", "bytes_per_second", "last_delivery", "watermark", "lag_seconds",
		"late_p50_seconds", "late_p95_seconds", "silent_seconds", "quarantined_lines", "refused_ratio", "bodies_stored", "bodies_refused")
	rows := newAPISources(apiPanel{}, &b.Sources).Rows
	for i := range rows {
		s := &rows[i]
		w.add(b.Sources.AsOf, s.ID, string(s.CDN), string(s.Tool), s.Format, s.Finding, s.Health, s.Rate, s.Bytes, time.Time(s.Seen), time.Time(s.Watermark), s.Lag,
			s.LateP50, s.LateP95, s.Silent, s.Quarantined, s.Share, s.Door.Stored, s.Door.Refused)
	}
}

func exportConcerns(b *cockpit.Board, w *csvRows) {
	w.add("as_of", "kind", "name", "cdn", "isp", "metric", "finding", "unit", "value", "usual", "viewers", "health", "since")
	as := concernsPanel(b).AsOf
	for i := range b.Concerns {
		c := newAPIConcern(&b.Concerns[i])
		w.add(as, c.Kind, string(c.Name), string(c.CDN), string(c.ISP), string(c.Metric), string(c.Finding), c.Unit, c.Value, c.Usual, c.Viewers, c.Health, time.Time(c.Since))
	}
}

// exportBreakdown has the parts of requests and of sessions by each dimension, and paths.
func exportBreakdown(b *cockpit.Board, w *csvRows) {
	w.add("as_of", "window_seconds", "of", "by", "name", "share_ratio", "traffic_bits_per_second", "requests_per_second", "requests", "error_ratio",
		"first_byte_p95_seconds", "sessions", "startup_seconds", "rebuffering_ratio", "most_frequent_error_status", "lines")
	d := b.Breakdown
	if d == nil {
		return
	}
	for of, divisions := range [][]cockpit.Division{d.Requests, d.Sessions} {
		for _, division := range divisions {
			for _, p := range division.Parts {
				w.add(d.AsOf, d.Window, [...]string{"requests", "sessions"}[of], division.By, p.Name, p.Share, p.Bits, p.Requests, nil, p.Errors,
					p.FirstByte, p.Sessions, p.Startup, p.Rebuffering, nil, p.Lines)
			}
		}
	}
	for _, p := range d.Paths {
		w.add(d.AsOf, d.Window, "paths", "path", p.Path, nil, nil, nil, p.Requests, p.Errors, p.FirstByte, nil, nil, nil, ifPositive(float64(p.Status)), p.Lines)
	}
}
