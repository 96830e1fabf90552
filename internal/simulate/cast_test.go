package simulate

import (
	"testing"
	"time"
)

// kickOff is a Saturday evening; tests that do not send anything live in that night.
var kickOff = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)

func newMatch(t testing.TB, change func(*Config)) *Match {
	t.Helper()
	cfg := Config{Seed: 7, Start: kickOff.Add(-10 * time.Minute), KickOff: kickOff}
	if change != nil {
		change(&cfg)
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheFinalIsAtItsAnnouncedScale(t *testing.T) {
	m := newMatch(t, nil)
	c := m.cast
	requests, sessions := m.Weights()
	count := func(at time.Duration) (bits, lines, viewers float64) {
		sec := m.WallTime(at).Unix()
		const n = 30
		var buf []line
		for i := range int64(n) {
			buf = c.lines(buf[:0], sec+i, 1, nil)
			lines += float64(len(buf)) / n
			for _, l := range buf {
				bits += 8 * float64(l.bytes) * float64(requests) / n
			}
			c.people.watching(sec+i, func(_ int, s *session) {
				if sec+i < s.end {
					viewers += float64(sessions) / n
				}
			})
		}
		return
	}
	bits, lines, viewers := count(166 * time.Minute)
	t.Logf("peak: %.2f Tbit/s, %.0f lines/s, %.0f viewers, weights %d %d, %d sessions", bits/1e12, lines, viewers, requests, sessions, len(c.people.all))
	if bits < 3.4e12 || bits > 3.8e12 {
		t.Errorf("at the peak the CDNs send %.2f Tbit/s, wants 3.6", bits/1e12)
	}
	if lines < 1400 || lines > 1750 {
		t.Errorf("at the peak there are %.0f lines in a second, wants about Config.Rate = 1500", lines)
	}
	if viewers < 2.3e6 || viewers > 2.45e6 {
		t.Errorf("at the peak %.0f people watch, wants 2.4 million", viewers)
	}
	_, _, before := count(-6 * time.Minute)
	_, _, after := count(8 * time.Minute)
	if joined := after - before; joined < 1.3e6 || joined > 1.7e6 {
		t.Errorf("%.0f people connect around kick-off, wants about 1.5 million", joined)
	}
	if visits := len(c.people.all) * sessions; visits < 3e6 {
		t.Errorf("the evening has %d visits, wants more than 3 million", visits)
	}
}
