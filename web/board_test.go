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
		Marks:   marks,
		Earlier: cockpit.Earlier{ID: "2022-12-13-argentine-croatie", Name: "demi-finale", Known: true},
		Viewers: cockpit.Number{
			Panel: live, Value: 2_312_400 + 300*float64(tick), Known: true, Samples: 2_312_400, Health: cockpit.HealthFine,
			Before: 2_180_000, Compare: true, Spark: spark(1.9e6, 2.31e6, .004, 1), Solid: 87,
			Forecast: cockpit.Compared{Value: 2_181_000, Known: true}, Earlier: cockpit.Compared{Value: 1_640_000, Known: true},
		},
		Traffic: cockpit.Number{
			Panel: live, Value: 3.42e12 + 1e9*wave(tick, 2), Known: true, Samples: 91_400_000, Health: cockpit.HealthFine,
			Before: 3.18e12, Compare: true, Spark: spark(2.8e12, 3.42e12, .012, 2), Solid: 86,
			Forecast: cockpit.Compared{Value: 3.14e12, Known: true}, Earlier: cockpit.Compared{Value: 2.46e12, Known: true},
			Reserved: cockpit.Compared{Value: 4.07e12, Known: true},
		},
		Errors: cockpit.Number{
			Panel: live, Value: 0.0021, Known: true, Samples: 91_400_000, Health: cockpit.HealthWarning,
			Before: 0.00117, Compare: true, Spark: spark(0.0010, 0.0021, .04, 3), Solid: 86,
			Earlier: cockpit.Compared{Value: 0.00117, Known: true},
		},
		Startup: cockpit.Number{
			Panel: cockpit.Panel{AsOf: now.Add(-9 * time.Second)}, Value: 1.32, P95: 3.1, Known: true, Samples: 18_300, Health: cockpit.HealthFine,
			Before: 1.28, Compare: true, Spark: spark(1.27, 1.32, .008, 4), Solid: 84,
			Earlier: cockpit.Compared{Value: 1.28, Known: true},
		},
		Rebuffering: cockpit.Number{
			Panel: cockpit.Panel{AsOf: now.Add(-9 * time.Second)}, Value: 0.0061, Known: true, Samples: 2_204_000, Health: cockpit.HealthWarning,
			Before: 0.0041, Compare: true, Spark: spark(0.0038, 0.0061, .03, 5), Solid: 84,
			Earlier: cockpit.Compared{Value: 0.0041, Known: true},
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

	b.Flow.Reserved = 4.07e12
	forecast, earlier := cockpit.Line{ID: cockpit.OverForecast, Name: "forecast"}, cockpit.Line{ID: cockpit.OverEarlier, Name: b.Earlier.Name}
	for i := range steps + 90 { // a quarter of an hour ahead
		t := start.Add(time.Duration(i) * 10 * time.Second)
		forecast.Points = append(forecast.Points, .92*audience(t))
		if i < steps+40 {
			earlier.Points = append(earlier.Points, .71*audience(t.Add(-90*time.Second))*(1+.02*wave(i, 31)))
		}
	}
	b.Flow.Over = []cockpit.Line{forecast, earlier}

	b.Classes = cockpit.Chart{Panel: live, Start: failingStart, Step: 10 * time.Second, Solid: b.Failing.Solid}
	for n, class := range []struct {
		id    string
		share float64
	}{{cockpit.ClassServer, .0013}, {cockpit.ClassAborted, .0008}, {cockpit.ClassClient, .0046}} {
		line := cockpit.Line{ID: class.id, Name: class.id, Solid: b.Failing.Solid}
		for i := range steps - failingOffset {
			v := class.share * (1 + .1*wave(i+tick/10, n+40))
			if m := float64(i-144) / 24; class.id == cockpit.ClassServer && m > 0 {
				v *= .6 + .5*min(1.2, m)
			}
			line.Points = append(line.Points, v)
		}
		b.Classes.Lines = append(b.Classes.Lines, line)
	}

	b.Pressure = cockpit.Pressure{
		Panel: live, Chart: cockpit.Chart{Panel: live, Start: failingStart, Step: 10 * time.Second, Solid: b.Failing.Solid},
		Accepted: 91_400, Blocked: 38_200, Peak: 312_000, PeakAt: now.Add(-13 * time.Minute), Health: cockpit.HealthWarning,
		Login: "login", Logins: 4_100, LoginErrors: .021,
	}
	for n, id := range []string{cockpit.PressureAccepted, cockpit.PressureBlocked} {
		line := cockpit.Line{ID: id, Name: id, Solid: b.Failing.Solid}
		for i := range steps - failingOffset {
			v := 91_400 * (1 + .02*wave(i+tick/10, 50))
			if id == cockpit.PressureBlocked {
				v = 9_000*(1+.2*wave(i+tick/10, 51)) + 303_000*math.Exp(-math.Pow((float64(i)-102)/14, 2)) + 27_000*float64(i)/180
			}
			line.Points = append(line.Points, v)
		}
		line.Colour = n
		b.Pressure.Chart.Lines = append(b.Pressure.Chart.Lines, line)
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
	b.Capacity = capacity(minute)
	login := cockpit.Concern{Kind: cockpit.ConcernService, Name: "login", Value: .93, Full: true, Usual: math.NaN(), Viewers: 18_000, Health: cockpit.HealthWarning, Since: now.Add(-2 * time.Minute)}
	free := cockpit.Concern{
		Kind: cockpit.ConcernCell, Name: "CloudFront", CDN: "cloudfront", ISP: "Free", Metric: cockpit.MetricFirstByte, Value: .82, Usual: .256,
		Viewers: 211_834, Health: cockpit.HealthCritical, Since: b.Worst.Since,
	}
	nan := math.NaN()
	b.Concerns = []cockpit.Concern{
		free,
		{Kind: cockpit.ConcernService, Name: "droits", Value: .0712, Usual: nan, Viewers: nan, Health: cockpit.HealthCritical, Since: now.Add(-5 * time.Minute)},
		{Kind: cockpit.ConcernReserve, Name: "CloudFront", CDN: "cloudfront", ISP: "Free", Value: .97, Usual: nan, Viewers: nan, Health: cockpit.HealthWarning, Since: now.Add(-8 * time.Minute)},
		{Kind: cockpit.ConcernCell, Name: "Akamai", CDN: "akamai", ISP: "SFR", Metric: cockpit.MetricErrors, Value: .0044, Usual: .0011, Viewers: 153_680, Health: cockpit.HealthWarning, Since: now.Add(-4 * time.Minute)},
		login,
		{Kind: cockpit.ConcernBlocked, Value: .29, Usual: nan, Viewers: nan, Health: cockpit.HealthWarning, Since: now.Add(-13 * time.Minute)},
		{Kind: cockpit.ConcernSource, Name: "mux-export", Finding: cockpit.FindingSilent, Value: nan, Usual: nan, Viewers: nan, Health: cockpit.HealthWarning, Since: now.Add(-3 * time.Minute)},
	}
	note := match.Note{ID: "n1", At: now.Add(-6 * time.Minute), Said: now.Add(-6 * time.Minute), Text: "Akamai reprend 8 % de Free, report appliqué par l’aiguillage", By: "claire"}
	sfr := b.Concerns[3]
	sfr.CDN, sfr.Name = "maison", "Maison"
	b.Changes = []cockpit.Change{
		{At: login.Since, Began: &login},
		{At: now.Add(-127 * time.Second), Phase: match.PhaseExtraLast},
		{At: now.Add(-4 * time.Minute), Ended: &sfr},
		{At: note.At, Note: &note},
		{At: free.Since, Began: &free},
	}
	b.Notes = []match.Note{note}
	b.Duty = []match.Duty{
		{Name: "Claire Morel", Role: "Vidéo", Phone: "+33 6 12 34 56 41"},
		{Name: "Idir Haddad", Role: "API et identité", Phone: "+33 6 98 76 54 17"},
	}
	return b
}

// capacity is what three CDNs and the mesh carry of what was reserved, and what each would leave to the
// others: without Akamai, Maison is over its reserve.
func capacity(panel cockpit.Panel) cockpit.Capacity {
	cdn := func(i int) cockpit.CDN {
		return []cockpit.CDN{{ID: "maison", Name: "Maison"}, {ID: "akamai", Name: "Akamai", Colour: 1}, {ID: "cloudfront", Name: "CloudFront", Colour: 2}, {ID: cockpit.Peers, Name: "P2P", Colour: 3}}[i]
	}
	const warning, critical, fine = cockpit.HealthWarning, cockpit.HealthCritical, cockpit.HealthFine
	c := cockpit.Capacity{Panel: panel}
	c.CDNs = []cockpit.Used{
		{CDN: cdn(0), Bits: 893e9, Reserved: 1.2e12, Slope: .21e9, Full: 24 * time.Minute, Health: fine},
		{CDN: cdn(1), Bits: 1.214e12, Reserved: 1.45e12, Slope: .33e9, Full: 12 * time.Minute, Health: warning},
		{CDN: cdn(2), Bits: 874e9, Reserved: 1.42e12, Slope: -.1e9, Health: fine},
	}
	c.Cells = []cockpit.Used{
		{CDN: cdn(2), ISP: "Free", Bits: 190e9, Reserved: 196e9, Slope: .02e9, Full: 5 * time.Minute, Health: warning},
		{CDN: cdn(1), ISP: "Orange", Bits: 392e9, Reserved: 450e9, Slope: .01e9, Full: 95 * time.Minute, Health: fine},
		{CDN: cdn(0), ISP: "Orange", Bits: 356e9, Reserved: 450e9, Slope: 0, Health: fine},
	}
	c.Losses = []cockpit.Loss{
		{CDN: cdn(0), Bits: 893e9, Health: warning, Takers: []cockpit.Taker{{CDN: cdn(1), More: 219e9, After: 1.433e12, Reserved: 1.45e12, Health: warning}, {CDN: cdn(2), More: 160e9, After: 1.034e12, Reserved: 1.42e12, Health: fine}}},
		{CDN: cdn(1), Bits: 1.214e12, Health: critical, ISP: "Free", Takers: []cockpit.Taker{{CDN: cdn(0), More: 451e9, After: 1.344e12, Reserved: 1.2e12, Health: critical}, {CDN: cdn(2), More: 520e9, After: 1.394e12, Reserved: 1.42e12, Health: warning}}},
		{CDN: cdn(2), Bits: 874e9, Health: warning, Takers: []cockpit.Taker{{CDN: cdn(0), More: 207e9, After: 1.1e12, Reserved: 1.2e12, Health: warning}, {CDN: cdn(1), More: 232e9, After: 1.446e12, Reserved: 1.45e12, Health: warning}}},
		{CDN: cdn(3), Bits: 443e9, Health: fine, Takers: []cockpit.Taker{{CDN: cdn(0), More: 121e9, After: 1.014e12, Reserved: 1.2e12, Health: warning}, {CDN: cdn(1), More: 188e9, After: 1.402e12, Reserved: 1.45e12, Health: warning}, {CDN: cdn(2), More: 134e9, After: 1.008e12, Reserved: 1.42e12, Health: fine}}},
	}
	return c
}
