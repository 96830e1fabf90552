package web

import (
	"math"
	"testing"
	"time"

	"vigie/cockpit"
	"vigie/internal/event"
	"vigie/internal/match"
)

// final is the board of a World Cup final at its 108th minute: 2.3 million viewers on three CDNs and
// a mesh, and CloudFront slow for the customers of one network. Tick moves it on by seconds, always
// in the same way.
func final(tb testing.TB, tick int) *cockpit.Board {
	tb.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		tb.Fatal(err)
	}
	kickOff := time.Date(2022, 12, 18, 15, 0, 0, 0, time.UTC)
	marks := []match.Mark{
		{At: kickOff, Phase: match.PhaseFirstHalf},
		{At: kickOff.Add(52 * time.Minute), Phase: match.PhaseHalfTime},
		{At: kickOff.Add(67 * time.Minute), Phase: match.PhaseSecondHalf},
		{At: kickOff.Add(120 * time.Minute), Phase: match.PhaseBreak},
		{At: kickOff.Add(125 * time.Minute), Phase: match.PhaseExtraFirst},
		{At: kickOff.Add(142 * time.Minute), Phase: match.PhaseExtraLast},
	}
	now := kickOff.Add(144*time.Minute + 7*time.Second + time.Duration(tick)*time.Second)
	complete := now.Add(-31 * time.Second).Truncate(time.Second)
	wave := func(i, salt int) float64 { // −1..1, rough but repeatable
		x := math.Sin(float64(i*37+salt*101)) * 43758.5453
		return 2*(x-math.Floor(x)) - 1
	}
	live := cockpit.Panel{AsOf: now.Add(-2 * time.Second)}
	minute := cockpit.Panel{AsOf: complete}
	spark := func(from, to, rough float64, salt int) []float64 {
		points := make([]float64, 90)
		for i := range points {
			x := float64(i) / 89
			points[i] = (from + (to-from)*x*x) * (1 + rough*wave(i+tick/10, salt))
		}
		return points
	}
	b := &cockpit.Board{
		Tick: uint64(tick + 1), At: now, CompleteTo: complete,
		Match: match.Now{
			Name: "Argentine – France", Competition: "Finale", Criticality: 4, KickOff: kickOff, Venue: paris,
			Phase: match.PhaseExtraLast, Minute: 108,
		},
		Marks: marks,
		Viewers: cockpit.Number{
			Panel: live, Value: 2_312_400 + 300*float64(tick), Known: true, Samples: 2_312_400, Health: cockpit.HealthFine,
			Before: 2_180_000, Compare: true, Spark: spark(1.9e6, 2.31e6, .004, 1), Solid: 87,
		},
		Traffic: cockpit.Number{
			Panel: live, Value: 3.42e12 + 1e9*wave(tick, 2), Known: true, Samples: 91_400_000, Health: cockpit.HealthFine,
			Before: 3.18e12, Compare: true, Spark: spark(2.8e12, 3.42e12, .012, 2), Solid: 86,
		},
		Errors: cockpit.Number{
			Panel: live, Value: 0.0021, Known: true, Samples: 91_400_000, Health: cockpit.HealthWarning,
			Before: 0.00117, Compare: true, Spark: spark(0.0010, 0.0021, .04, 3), Solid: 86,
		},
		Startup: cockpit.Number{
			Panel: cockpit.Panel{AsOf: now.Add(-9 * time.Second)}, Value: 1.32, P95: 3.1, Known: true, Samples: 18_300, Health: cockpit.HealthFine,
			Before: 1.28, Compare: true, Spark: spark(1.27, 1.32, .008, 4), Solid: 84,
		},
		Rebuffering: cockpit.Number{
			Panel: cockpit.Panel{AsOf: now.Add(-9 * time.Second)}, Value: 0.0061, Known: true, Samples: 2_204_000, Health: cockpit.HealthWarning,
			Before: 0.0041, Compare: true, Spark: spark(0.0038, 0.0061, .03, 5), Solid: 84,
		},
	}

	start := kickOff.Add(-20 * time.Minute)
	steps := int(now.Sub(start)/(10*time.Second)) + 1
	names := []struct {
		id, name string
		weight   float64
		lag      time.Duration
		errors   float64
	}{{"maison", "Maison", .25, time.Second, .0009}, {"akamai", "Akamai", .36, 31 * time.Second, .0011}, {"cloudfront", "CloudFront", .28, 4 * time.Second, .0016}, {"p2p", "P2P", .11, 2 * time.Second, 0}}
	audience := func(t time.Time) float64 {
		m := t.Sub(kickOff).Minutes()
		level := 2.7e12 / (1 + math.Exp(-(m-2)/5))
		switch {
		case m > 50 && m < 69:
			level *= 1 - .2*math.Exp(-math.Pow((m-59)/6, 2))
		case m > 105:
			level *= 1 + .28*(m-105)/40
		}
		return level + .35e12
	}
	solidUntil := func(lag time.Duration) int { return int(now.Add(-lag).Sub(start) / (10 * time.Second)) }
	b.Flow = cockpit.Chart{Panel: live, Start: start, Step: 10 * time.Second, Solid: solidUntil(31 * time.Second)}
	failingStart := now.Add(-30 * time.Minute).Truncate(10 * time.Second)
	failingOffset := int(failingStart.Sub(start) / (10 * time.Second))
	b.Failing = cockpit.Chart{Panel: live, Start: failingStart, Step: 10 * time.Second, Solid: b.Flow.Solid - failingOffset}
	for n, cdn := range names {
		colour := n
		line := cockpit.Line{ID: cdn.id, Name: cdn.name, Colour: colour, Solid: solidUntil(cdn.lag)}
		failing := line
		failing.Solid -= failingOffset
		for i := range steps {
			t := start.Add(time.Duration(i) * 10 * time.Second)
			v := audience(t) * cdn.weight * (1 + .012*wave(i, n))
			e := cdn.errors * (1 + .12*wave(i, n+20))
			if cdn.id == "cloudfront" {
				if m := t.Sub(kickOff).Minutes(); m > 138 {
					e *= 1 + 2.4*min(1, (m-138)/4)
				}
			}
			if i >= line.Solid { // what has arrived so far of what is not complete
				v *= max(.15, 1-.3*float64(i-line.Solid+1))
			}
			line.Points = append(line.Points, v)
			if i >= failingOffset {
				failing.Points = append(failing.Points, e)
			}
		}
		b.Flow.Lines = append(b.Flow.Lines, line)
		if cdn.id != "p2p" {
			b.Failing.Lines = append(b.Failing.Lines, failing)
		}
	}

	b.Matrix = cockpit.Matrix{Panel: minute, Window: time.Minute}
	for n, cdn := range names {
		b.Matrix.Columns = append(b.Matrix.Columns, cockpit.Column{ID: cdn.id, Name: cdn.name, Colour: n, Peers: cdn.id == "p2p"})
	}
	for r, row := range []struct {
		isp    string
		merged int
		gbits  [4]float64
	}{
		{"Orange", 0, [4]float64{356, 392, 285, 154}}, {"Free", 0, [4]float64{183, 232, 190, 98}}, {"SFR", 0, [4]float64{135, 226, 159, 92}},
		{"Bouygues", 0, [4]float64{144, 215, 144, 96}}, {"Free Mobile", 0, [4]float64{50, 70, 51, 0}}, {"", 34, [4]float64{17, 42, 26, 3}},
		{"Outre-mer", 0, [4]float64{8, 37, 19, 0}}, {"Canal+ Caraïbes", 0, [4]float64{0.02, 0.6, 0.3, 0}},
	} {
		sum := 0.0
		for _, g := range row.gbits {
			sum += g
		}
		line := cockpit.Row{ISP: row.isp, Merged: row.merged, Total: cockpit.Cell{
			Bits: sum * 1e9, Share: 1, Errors: .0012, FirstByte: .29, Rebuffering: .005, Viewers: sum * 680, Lines: 90_000, Health: cockpit.HealthFine,
		}}
		for c, g := range row.gbits {
			peers := c == 3
			cell := cockpit.Cell{
				Bits: g * 1e9, Share: g / sum, Errors: names[c].errors * (1 + .3*wave(r, c)), FirstByte: .22 + .05*wave(r, c+7) + .01*float64(r),
				Rebuffering: .0045 + .002*wave(r, c+9), Requests: g * 3300, Viewers: g * 680, Lines: uint64(g * 3300), Health: cockpit.HealthFine,
			}
			for m := range cell.Trend {
				for i := range 30 {
					cell.Trend[m] = append(cell.Trend[m], 1+.05*math.Sin(float64(i+tick/10)/(3+float64(r)/3)+float64(c*2+m))+.012*wave(i+tick/10, r*7+c*3+m))
				}
			}
			switch {
			case g == 0:
				nan := math.NaN()
				cell = cockpit.Cell{Bits: nan, Share: nan, Errors: nan, FirstByte: nan, Rebuffering: nan, Requests: nan, Viewers: nan}
			case peers:
				cell.Errors, cell.FirstByte, cell.Requests, cell.Lines = math.NaN(), math.NaN(), math.NaN(), 0
			case g < .1:
				cell.Lines, cell.Health = 11, cockpit.HealthUnknown
			case row.isp == "Free" && names[c].id == "cloudfront":
				cell.Errors, cell.FirstByte, cell.Health, cell.Why, cell.Viewers = .0162, .82, cockpit.HealthCritical, cockpit.MetricFirstByte, 211_834
				for m := range cell.Trend {
					for i := range cell.Trend[m] {
						cell.Trend[m][i] = 1 + max(0, float64(i-16)*.15)
					}
				}
			case row.isp == "SFR" && names[c].id == "akamai":
				cell.Errors, cell.Health, cell.Why = .0044, cockpit.HealthWarning, cockpit.MetricErrors
			}
			line.Cells = append(line.Cells, cell)
		}
		b.Matrix.Rows = append(b.Matrix.Rows, line)
	}

	b.Tools = cockpit.Tools{Panel: cockpit.Panel{AsOf: now.Add(-12 * time.Second)}, Window: time.Minute, Rows: []cockpit.Tool{
		{Name: "NPAW", Format: "npaw", Startup: 1.30, Rebuffering: .0058, Failures: .007, Bitrate: 4.9e6, Sessions: 812_000, Beacons: 4_870_000},
		{Name: "Mux", Format: "mux", Startup: 1.41, Rebuffering: .0066, Failures: .009, Bitrate: 4.8e6, Sessions: 643_000, Beacons: 3_858_000},
		{Name: "Balises", Format: "beacon", Startup: 1.32, Rebuffering: .0061, Failures: .008, Bitrate: 4.9e6, Sessions: 2_312_400, Beacons: 13_870_000},
	}}
	b.Sources = cockpit.Sources{Panel: live, Rows: sources(now)[:6]}
	b.Mesh = cockpit.Mesh{
		Panel: cockpit.Panel{AsOf: now.Add(-12 * time.Second)}, Window: time.Minute, Tool: "Balises", Bits: 443e9, Offload: .1327,
		Networks: []cockpit.MeshNetwork{
			{ISP: "Orange", Down: 154e9, Up: 171e9, Offload: .13}, {ISP: "Free", Down: 98e9, Up: 104e9, Offload: .14},
			{ISP: "Bouygues", Down: 96e9, Up: 88e9, Offload: .16}, {ISP: "SFR", Down: 92e9, Up: 79e9, Offload: .15},
			{ISP: "Canal+ Caraïbes", Down: 1.9e9, Up: .2e9, Offload: .002}, {ISP: "Free Mobile", Down: .9e9, Up: 0, Offload: .005},
			{ISP: event.ISPOther, Down: .2e9, Up: .8e9, Offload: .01},
		},
		Fallback: []cockpit.Fallback{
			{CDN: cockpit.CDN{ID: "maison", Name: "Maison", Colour: 0}, Now: 940e9, More: 120e9},
			{CDN: cockpit.CDN{ID: "akamai", Name: "Akamai", Colour: 1}, Now: 1360e9, More: 188e9},
			{CDN: cockpit.CDN{ID: "cloudfront", Name: "CloudFront", Colour: 2}, Now: 1050e9, More: 135e9},
		},
	}
	b.Services = cockpit.Services{Panel: cockpit.Panel{AsOf: now.Add(-31 * time.Second)}, Window: time.Minute, Rows: services()}
	b.Worst = &cockpit.Deviation{
		ISP: "Free", CDN: "CloudFront", Metric: cockpit.MetricFirstByte, Value: .82, Usual: .256,
		Since: kickOff.Add(135*time.Minute + 20*time.Second), Viewers: 211_834, Health: cockpit.HealthCritical,
	}
	return b
}
