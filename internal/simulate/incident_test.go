package simulate

import (
	"slices"
	"testing"
	"time"
)

// calm is the final without its own incidents.
func calm(t testing.TB) *Match {
	s, err := Final()
	if err != nil {
		t.Fatal(err)
	}
	s.Incidents = nil
	return newMatch(t, func(c *Config) { c.Scenario = s })
}

// strike resolves an incident that has been in force for five minutes at sec.
func strike(t testing.TB, m *Match, sec int64, in Incident) weather {
	t.Helper()
	if err := m.cfg.Scenario.check(&in); err != nil {
		t.Fatal(err)
	}
	in.Start, in.End = time.Unix(sec-300, 0), time.Unix(sec+300, 0)
	return m.cast.weather([]*Incident{&in}, sec)
}

// written is every line of some seconds, encoded, by whether the incident may touch its session.
func written(m *Match, sec int64, w weather, touched func(*line) bool) (in, out []line, outText []byte) {
	for i := range int64(20) {
		at := newStamp(sec + i)
		for _, l := range m.cast.lines(nil, sec+i, 1, w) {
			if touched(&l) {
				in = append(in, l)
				continue
			}
			out = append(out, l)
			outText = encoderOf(m.cfg.Scenario.CDNs[l.cdn].Format)(m.cast, outText, &at, &l)
		}
	}
	return in, out, outText
}

func share(lines []line, f func(*line) bool) float64 {
	n := 0
	for i := range lines {
		if f(&lines[i]) {
			n++
		}
	}
	return float64(n) / float64(len(lines))
}

func medianFirstByte(lines []line) float32 {
	var all []float32
	for _, l := range lines {
		if l.class < service {
			all = append(all, l.first)
		}
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func failed(l *line) bool { return l.status >= 500 }

func TestAnIncidentLeavesEveryoneElseAlone(t *testing.T) {
	m := calm(t)
	sec := m.WallTime(30 * time.Minute).Unix()
	free := slices.IndexFunc(m.cfg.Scenario.ISPs, func(p ISP) bool { return p.Name == "free" })
	akamai, cloudfront := uint8(1), uint8(2)
	for _, c := range []struct {
		in      Incident
		touched func(*line) bool
	}{
		{Incident{Kind: Saturation, ISP: "free", CDN: "cloudfront"}, func(l *line) bool {
			return l.viewer != nil && int(l.viewer.isp) == free && l.viewer.cdn == cloudfront
		}},
		{Incident{Kind: CDN5xx, CDN: "akamai"}, func(l *line) bool { return l.viewer.cdn == akamai }},
		{Incident{Kind: Attack, CDN: "akamai"}, func(l *line) bool { return l.viewer == nil }},
		{Incident{Kind: PlayerRelease, Device: "tv"}, func(l *line) bool { return l.viewer.device == 0 }},
		{Incident{Kind: Silence, Source: "akamai"}, func(l *line) bool { return false }},
		{Incident{Kind: Late, Source: "akamai"}, func(l *line) bool { return false }},
	} {
		t.Run(string(c.in.Kind), func(t *testing.T) {
			_, _, before := written(m, sec, nil, c.touched)
			_, _, during := written(m, sec, strike(t, m, sec, c.in), c.touched)
			if string(before) != string(during) || len(before) == 0 {
				t.Error("lines of sessions that it does not touch have changed")
			}
			beatsOf := func(w weather) (text []byte) {
				for i := range int64(20) {
					at := newStamp(sec + i)
					for _, q := range m.cast.beats(nil, sec+i, 1, w) {
						if l := (line{viewer: q.viewer}); !c.touched(&l) {
							text = m.cast.beacon(text, &at, &q)
						}
					}
				}
				return text
			}
			if string(beatsOf(nil)) != string(beatsOf(strike(t, m, sec, c.in))) {
				t.Error("beacons of sessions that it does not touch have changed")
			}
		})
	}
}

func TestSaturationSlowsOneISPOnOneCDNAndMovesItsViewers(t *testing.T) {
	m := calm(t)
	sec := m.WallTime(30 * time.Minute).Unix()
	w := strike(t, m, sec, Incident{Kind: Saturation, ISP: "orange", CDN: "cloudfront"})
	of := func(l *line) bool { return l.isp == 0 && l.class < service }
	before, _, _ := written(m, sec, nil, of)
	during, _, _ := written(m, sec, w, of)
	on := func(lines []line, cdn uint8) (out []line) {
		for _, l := range lines {
			if l.cdn == cdn {
				out = append(out, l)
			}
		}
		return out
	}
	if r := medianFirstByte(on(during, 2)) / medianFirstByte(on(before, 2)); r < 3 || r > 4.2 {
		t.Errorf("first bytes are %.1f times later, wants 3 to 4", r)
	}
	if e := share(on(during, 2), failed); e < 0.008 || e > 0.03 {
		t.Errorf("5xx are %.2f %%, wants 1 to 2", 100*e)
	}
	moved := 1 - float64(len(on(during, 2)))/float64(len(on(before, 2)))
	if moved < 0.3 || moved > 0.5 {
		t.Errorf("steering moved %.0f %% away, wants 40", 100*moved)
	}
	if len(on(during, 0)) <= len(on(before, 0)) || len(on(during, 1)) <= len(on(before, 1)) {
		t.Error("the other CDNs did not get them")
	}
	stalled := func(w weather, cdn uint8) float64 {
		var stall, play float64
		for i := range int64(60) {
			for _, q := range m.cast.beats(nil, sec+i, 1, w) {
				if q.viewer.isp == 0 && q.cdn == cdn {
					stall += float64(q.rebuffering)
					play += float64(q.playing)
				}
			}
		}
		return stall / play
	}
	if b, d := stalled(nil, 2), stalled(w, 2); b > 0.006 || d < 5*b {
		t.Errorf("rebuffering went from %.2f %% to %.2f %%", 100*b, 100*d)
	}
}

func TestACDNReturns5xxToTheShareAsked(t *testing.T) {
	m := calm(t)
	sec := m.WallTime(30 * time.Minute).Unix()
	media := func(l *line) bool { return l.class < service && l.cdn == 1 }
	during, others, _ := written(m, sec, strike(t, m, sec, Incident{Kind: CDN5xx, CDN: "akamai", Share: 0.2, Steer: -1}), media)
	if e := share(during, failed); e < 0.17 || e > 0.23 {
		t.Errorf("5xx are %.1f %%, wants 20", 100*e)
	}
	if e := share(others, func(l *line) bool { return failed(l) && l.cdn != 1 }); e > 0.003 {
		t.Errorf("other CDNs fail too: %.2f %%", 100*e)
	}
}

func TestAnAttackComesFromHostingAndIsMostlyRefused(t *testing.T) {
	m := calm(t)
	sec := m.WallTime(30 * time.Minute).Unix()
	attack, _, _ := written(m, sec, strike(t, m, sec, Incident{Kind: Attack, CDN: "akamai", Share: 0.4}), func(l *line) bool { return l.viewer == nil })
	if perSecond := float64(len(attack)) / 20; perSecond < 0.37*m.cast.peakLines || perSecond > 0.43*m.cast.peakLines {
		t.Errorf("%.0f lines in a second, wants 0.4 of %.0f", perSecond, m.cast.peakLines)
	}
	if b := share(attack, func(l *line) bool { return l.blocked && l.status == 403 }); b < 0.9 || b > 0.94 {
		t.Errorf("%.0f %% blocked, wants 92", 100*b)
	}
	for _, l := range attack {
		if !m.cfg.Scenario.ISPs[l.isp].Hosting || l.cdn != 1 || int(l.agent) < len(m.cfg.Scenario.Devices) {
			t.Fatalf("attack line %+v", l)
		}
	}
}

func TestAPlayerReleaseStallsItsDeviceOnly(t *testing.T) {
	m := calm(t)
	sec := m.WallTime(60 * time.Minute).Unix()
	w := strike(t, m, sec, Incident{Kind: PlayerRelease, Device: "tv", Player: "tele-tv 5.0.0", Share: 0.5})
	var updated, tv int
	stall := map[bool]int64{}
	play := map[bool]int64{}
	for i := range int64(60) {
		for _, q := range m.cast.beats(nil, sec+i, 1, w) {
			released := q.player == "tele-tv 5.0.0"
			if q.viewer.device == 0 {
				tv++
				if released {
					updated++
				}
			} else if released {
				t.Fatal("another device has the release")
			}
			stall[released] += int64(q.rebuffering)
			play[released] += int64(q.playing)
		}
	}
	if s := float64(updated) / float64(tv); s < 0.42 || s > 0.58 {
		t.Errorf("%.0f %% of TVs have the release, wants 50", 100*s)
	}
	if bad, good := float64(stall[true])/float64(play[true]), float64(stall[false])/float64(play[false]); bad < 5*good {
		t.Errorf("it rebuffers %.2f %%, others %.2f %%", 100*bad, 100*good)
	}
}

func TestAnIncidentRampsUpAndFades(t *testing.T) {
	start := kickOff
	in := &Incident{Start: start, End: start.Add(time.Minute), Ramp: 20 * time.Second}
	last := 0.0
	for s := range int64(20) {
		x := in.intensity(start.Unix() + s)
		if x < last || x > 1 || x == 0 {
			t.Errorf("%d s after its start it is %v after %v", s, x, last)
		}
		last = x
	}
	for _, c := range []struct{ at, want float64 }{{-1, 0}, {30, 1}, {60, 1}, {70, 0.5}, {80, 0}, {500, 0}} {
		if got := in.intensity(start.Unix() + int64(c.at)); got != c.want {
			t.Errorf("%v s after its start it is %v, wants %v", c.at, got, c.want)
		}
	}
	in.End = start.Add(5 * time.Second) // ended while it came
	if in.intensity(start.Unix()+6) > in.intensity(start.Unix()+5) {
		t.Error("it grows after its end")
	}
}

func TestGivingUpIsSaidOnceAndForGood(t *testing.T) {
	m := calm(t)
	begin := m.WallTime(30 * time.Minute).Unix()
	in := Incident{Kind: CDN5xx, CDN: "akamai", Steer: -1}
	if err := m.cfg.Scenario.check(&in); err != nil {
		t.Fatal(err)
	}
	in.Start, in.End = time.Unix(begin, 0), time.Unix(begin+300, 0)
	left := map[*session]int64{}
	for sec := begin; sec < begin+960; sec++ {
		for _, q := range m.cast.beats(nil, sec, 1, m.cast.weather([]*Incident{&in}, sec)) {
			if q.tool != 2 {
				continue
			}
			if at, gone := left[q.viewer]; gone && sec > at {
				t.Fatalf("a session that gave up at %d reports %v at %d", at, q.event, sec)
			}
			if q.event.String() == "playbackFail" && !q.viewer.failed {
				left[q.viewer] = sec
				if sec >= begin+300 {
					t.Errorf("a session gave up %d s after it was over", sec-begin-300)
				}
			}
		}
	}
	if len(left) < 5 {
		t.Errorf("%d sessions gave up, wants some 1 %% of akamai's", len(left))
	}
}
